//! Words that describe a stem, from its attributes.
//!
//! A tag stands for an attribute that lies in the outer 16 % of its category by the reference table of `descriptors`;
//! some need an absolute value, too, so that the least dry of all dry kicks is not called wide.
//! In: category, form and attributes. Out: tags in a fixed order, without repetition, and the percentiles they rest on.

use std::collections::BTreeMap;

use dream_core::{Category, Form};

use crate::attributes::{self, COUNT};
use crate::descriptors::percentile;

/// A tag needs this percentile, or the same from below.
const OUTER: f32 = 0.84;

enum Side {
    Above,
    Below,
}

struct Rule {
    tag: &'static str,
    attribute: &'static str,
    side: Side,
    /// The raw value must be at least this (`Above`) or at most this (`Below`).
    absolute: Option<f32>,
}

const fn above(tag: &'static str, attribute: &'static str, absolute: Option<f32>) -> Rule {
    Rule { tag, attribute, side: Side::Above, absolute }
}

const fn below(tag: &'static str, attribute: &'static str, absolute: Option<f32>) -> Rule {
    Rule { tag, attribute, side: Side::Below, absolute }
}

const RULES: [Rule; 31] = [
    below("dark", "brightness", None),
    above("bright", "brightness", None),
    above("deep", "depth", None),
    below("high", "depth", None),
    above("sub", "sub", Some(-6.0)),
    above("boomy", "boominess", None),
    above("warm", "warmth", None),
    below("thin", "warmth", None),
    above("airy", "air", Some(-20.0)),
    above("hard", "hardness", None),
    below("soft", "hardness", None),
    above("sharp", "sharpness", None),
    above("punchy", "punch", Some(3.0)),
    above("noisy", "noisiness", None),
    above("tonal", "tonality", Some(0.4)),
    above("metallic", "metallic", Some(0.3)),
    above("distorted", "distortion", None),
    below("clean", "distortion", None),
    above("rough", "roughness", None),
    below("smooth", "roughness", None),
    above("wet", "reverb", Some(-25.0)),
    below("dry", "reverb", Some(-10.0)),
    above("wide", "width", Some(-14.0)),
    below("short", "length", None),
    above("long", "length", None),
    above("dense", "density", Some(3.0)),
    below("sparse", "density", Some(6.0)),
    above("rhythmic", "pulse", Some(0.3)),
    above("sustained", "sustain", Some(0.6)),
    above("moving", "movement", None),
    below("static", "movement", None),
];

/// Hats whose level stays within 20 dB of the peak for longer are open, in seconds.
const OPEN_S: f32 = 0.14;

/// The tags of a stem, `known` ones first, and the percentile of each that rests on an attribute.
pub(crate) fn tags(
    category: Category,
    form: Form,
    values: &[f32; COUNT],
    known: &[String],
) -> (Vec<String>, BTreeMap<String, f32>) {
    let mut tags: Vec<String> = Vec::new();
    let mut add = |tag: &str| {
        if !tags.iter().any(|old| old == tag) {
            tags.push(tag.to_owned());
        }
    };
    for tag in known {
        add(tag);
    }
    match form {
        Form::OneShot => add("one-shot"),
        Form::Loop => add("loop"),
        Form::Free => {}
    }
    if category == Category::Hihat && form == Form::OneShot {
        let decay = attributes::index("decay").map_or(0.0, |i| values[i]);
        add(if decay > OPEN_S { "open" } else { "closed" });
    }
    let mut percentiles = BTreeMap::new();
    for rule in &RULES {
        let Some(i) = attributes::index(rule.attribute) else { continue };
        if matches!(rule.attribute, "density" | "pulse") && form == Form::OneShot {
            continue;
        }
        let place = percentile(category, i, values[i]);
        let holds = match rule.side {
            Side::Above => place >= OUTER && rule.absolute.is_none_or(|least| values[i] >= least),
            Side::Below => {
                place <= 1.0 - OUTER && rule.absolute.is_none_or(|most| values[i] <= most)
            }
        };
        if holds {
            add(rule.tag);
        }
        // A known tag has its number, too, whether the measure agrees or not.
        if holds || known.iter().any(|tag| tag == rule.tag) {
            percentiles.insert(rule.tag.to_owned(), place);
        }
    }
    (tags, percentiles)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::descriptors::reference;

    /// The centre of a category as raw values.
    fn centre(category: Category) -> [f32; COUNT] {
        let at = Category::ALL.iter().position(|c| *c == category).unwrap();
        let mut values = reference::TABLE[at].map(|quantiles| quantiles[3]);
        for (value, name) in values.iter_mut().zip(attributes::NAMES) {
            *value = match name {
                "attack" | "decay" | "length" => value.exp2(),
                "density" => value.exp2() - 0.25,
                _ => *value,
            };
        }
        values
    }

    #[test]
    fn every_rule_names_an_attribute() {
        for rule in &RULES {
            assert!(attributes::index(rule.attribute).is_some(), "{}", rule.attribute);
        }
    }

    #[test]
    fn the_average_kick_is_nothing_special() {
        let (found, percentiles) =
            tags(Category::Kick, Form::OneShot, &centre(Category::Kick), &[]);
        assert_eq!(found, ["one-shot"]);
        assert!(percentiles.is_empty(), "{percentiles:?}");
    }

    #[test]
    fn extremes_are_named_after_the_known_tags() {
        let mut values = centre(Category::Hihat);
        values[attributes::index("brightness").unwrap()] -= 9.0;
        values[attributes::index("decay").unwrap()] = 0.02;
        let known = ["starter".to_owned(), "dark".to_owned()];
        let (found, percentiles) = tags(Category::Hihat, Form::OneShot, &values, &known);
        assert_eq!(found, ["starter", "dark", "one-shot", "closed"]);
        assert!(percentiles.len() == 1 && percentiles["dark"] < 0.05, "{percentiles:?}");
    }
}
