//! What a prompt asks of the sound of each part, and how far a stem answers it.
//!
//! A prompt is read phrase by phrase; a phrase that names an instrument speaks of its roles, any other of everything. The
//! attributes that a part's phrases ask for are one direction in the attribute space; how far a stem lies in it is counted in
//! standard deviations among the stems of its kind, so that one word weighs as much as three.

use dream_analysis::descriptors::Target;
use dream_compose::prompt;
use dream_core::{Embedding, PartId, Role};

/// Names of genres that hold the name of an instrument, and words for all of the music.
const GENRES: &[&str] = &[
    "drum and bass",
    "drum & bass",
    "drum n bass",
    "drum'n'bass",
    "drum und bass",
    "drum&bass",
    "breakbeats",
    "breakbeat",
    "bass music",
    " beats",
    " beat",
];

/// Fewer stems than these are no measure of what is usual.
const FEW: usize = 4;
/// How far above the usual a stem answers a wish in full, in standard deviations.
const FULL: f32 = 2.0;
/// No attribute of a stem counts more than this many standard deviations.
const MOST: f32 = 3.0;
/// What counts what the prompt says of everything where it says something of the part as well.
const GENERAL: f32 = 0.4;

/// A phrase of a prompt that asks something of sounds.
pub(super) struct Phrase {
    target: Target,
    /// The roles it speaks of; none for everything.
    roles: Vec<Role>,
}

/// A direction in the attribute space.
#[derive(Default)]
pub(super) struct Wish {
    /// Attributes, by index, with the wanted distance from the usual, in spreads.
    attributes: Vec<(usize, f32)>,
    /// How strongly it is asked for; 1 is usual.
    strength: f32,
}

/// What the prompt asks of sounds: "dark techno with warm pads" wants all of it dark and the pads warm.
pub(super) fn wishes(prompt: &str) -> Vec<Phrase> {
    let mut text = format!(" {} ", prompt.to_lowercase());
    for name in GENRES {
        let space = if name.starts_with(' ') { " " } else { "" };
        text = text.replace(name, &format!("{space}music"));
    }
    for word in [" with ", " and ", " but ", " mit ", " und ", " aber ", " plus ", ";", ".", ":"] {
        text = text.replace(word, " , ");
    }
    text.split(',')
        .map(|phrase| Phrase {
            target: Target::of_text(phrase),
            roles: prompt::instruments(phrase),
        })
        .filter(|Phrase { target, .. }| !target.attributes.is_empty() && target.without.is_empty())
        .collect()
}

/// What the prompt asks of the sound of a part: what it says of the part, then what it says of everything.
pub(super) fn wish(part: &PartId, phrases: &[Phrase]) -> Wish {
    let meant: Vec<&Phrase> =
        phrases.iter().filter(|phrase| phrase.roles.contains(&part.role)).collect();
    let general = phrases.iter().filter(|phrase| phrase.roles.is_empty());
    let general_weight = if meant.is_empty() { 1.0 } else { GENERAL };
    let mut wish = Wish::default();
    let meant = meant.into_iter().map(|phrase| (1.0, phrase));
    for (weight, Phrase { target, .. }) in meant.chain(general.map(|one| (general_weight, one))) {
        wish.strength = wish.strength.max(weight * target.strength);
        for (attribute, wanted) in &target.attributes {
            if wish.attributes.iter().all(|(known, _)| known != attribute) {
                wish.attributes.push((*attribute, weight * wanted));
            }
        }
    }
    wish.attributes.sort_by_key(|(attribute, _)| *attribute);
    wish
}

/// What is usual among stems of a kind, in the direction of a wish.
pub(super) struct Spread<'a> {
    wish: &'a Wish,
    /// Mean and standard deviation of each attribute of the wish.
    attributes: Vec<(f32, f32)>,
    /// Mean and standard deviation along the wish.
    along: (f32, f32),
}

impl<'a> Spread<'a> {
    /// Among the stems of a kind; where they are too few to tell what is usual, their mean lies in the deviations of all: a lone
    /// stem of its kind is as it is.
    pub(super) fn of(wish: &'a Wish, kind: &[&Embedding], all: &[&Embedding]) -> Self {
        let stems = if kind.len() < FEW { all } else { kind };
        let of = |attribute: usize| stems.iter().map(move |stem| value(stem, attribute));
        let attributes = wish.attributes.iter().map(|(attribute, _)| usual(of(*attribute)));
        let mut spread = Self { wish, attributes: attributes.collect(), along: (0.0, 1.0) };
        let (mean, _) = usual(kind.iter().map(|stem| spread.along(stem)));
        let (_, deviation) = usual(stems.iter().map(|stem| spread.along(stem)));
        spread.along = (mean, deviation);
        spread
    }

    /// How far a stem lies in the direction of the wish.
    fn along(&self, embedding: &Embedding) -> f32 {
        let away = self.wish.attributes.iter().zip(&self.attributes);
        away.map(|((attribute, wanted), (mean, deviation))| {
            wanted * ((value(embedding, *attribute) - mean) / deviation).clamp(-MOST, MOST)
        })
        .sum()
    }

    /// How well a stem answers the wish beside those of its kind: standard deviations above the usual, -2 to 2, times the
    /// strength of the wish.
    pub(super) fn answer(&self, embedding: &Embedding) -> f32 {
        let (mean, deviation) = self.along;
        self.wish.strength * ((self.along(embedding) - mean) / deviation).clamp(-FULL, FULL)
    }
}

/// Mean and standard deviation.
fn usual(values: impl Iterator<Item = f32> + Clone) -> (f32, f32) {
    let count = values.clone().count().max(1) as f32;
    let mean = values.clone().sum::<f32>() / count;
    let square = values.map(|value| (value - mean).powi(2)).sum::<f32>() / count;
    (mean, square.sqrt().max(LEAST_SPREAD))
}

/// A deviation below this counts as this.
const LEAST_SPREAD: f32 = 1e-3;

fn value(embedding: &Embedding, attribute: usize) -> f32 {
    embedding.values.get(attribute).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use dream_core::Space;

    use super::*;

    #[track_caller]
    fn check(prompt: &str, role: Role, attribute: &str, expected: f32) {
        let part =
            PartId { role, category: role.categories()[0], tags: Vec::new(), text: String::new() };
        let wish = wish(&part, &wishes(prompt));
        let index = dream_analysis::attributes::index(attribute).unwrap();
        let wanted = wish.attributes.iter().find(|(i, _)| *i == index).map_or(0.0, |(_, w)| *w);
        assert!((wanted - expected).abs() < 1e-6, "{prompt}: {wanted} instead of {expected}");
    }

    /// How stems with these values of one attribute answer "dark", the kind being the first so many.
    fn answers(values: &[f32], kind: usize, strength: f32) -> Vec<f32> {
        let stem = |value: &f32| Embedding { space: Space::AttrV1, values: vec![*value] };
        let stems: Vec<Embedding> = values.iter().map(stem).collect();
        let all: Vec<&Embedding> = stems.iter().collect();
        let wish = Wish { attributes: vec![(0, -1.2)], strength };
        let spread = Spread::of(&wish, &all[..kind], &all);
        all[..kind].iter().map(|stem| spread.answer(stem)).collect()
    }

    #[test]
    fn answers_are_deviations_among_the_kind_times_the_strength() {
        let usual = answers(&[1.0, -1.0, 1.0, -1.0, 9.0], 4, 1.0);
        assert!(usual.iter().zip([-1.0, 1.0, -1.0, 1.0]).all(|(a, b)| (a - b).abs() < 1e-5));
        let very = answers(&[1.0, -1.0, 1.0, -1.0, 9.0], 4, 1.6);
        assert!(very.iter().zip([-1.6, 1.6, -1.6, 1.6]).all(|(a, b)| (a - b).abs() < 1e-5));
        assert_eq!(answers(&[3.0, -1.0, 0.0, -1.0, 0.0], 1, 1.0), [0.0], "a lone one of its kind");
        assert_eq!(answers(&[2.0; 5], 5, 1.0), [0.0; 5], "all the same");
    }

    #[test]
    fn the_prompt_speaks_of_all_parts_or_of_those_it_names() {
        check("dark techno", Role::Hat, "brightness", -1.2);
        check("dark techno with warm pads", Role::Pad, "warmth", 1.2);
        check("dark techno with warm pads", Role::Hat, "warmth", 0.0);
        check("dark techno, bright hats", Role::Hat, "brightness", 1.2);
        check("dark techno, bright hats", Role::Bass, "brightness", -1.2);
        check("dark drum and bass", Role::Lead, "brightness", -1.2);
        check("dark breakbeat", Role::Lead, "brightness", -1.2);
        check("techno without dark vocals", Role::Lead, "brightness", 0.0);
        check("warm lofi beat", Role::Kick, "warmth", 1.2);
        check("techno with dark drums", Role::Kick, "brightness", -1.2);
        check("techno with dark drums", Role::Pad, "brightness", 0.0);
        check("techno mit warmen akkorden", Role::Chords, "warmth", 1.2);
        check("techno mit warmen akkorden", Role::Lead, "warmth", 0.0);
        check("dark bass house", Role::Lead, "brightness", -1.2);
        check("very dark techno", Role::Lead, "brightness", -1.92);
        check("slightly warm techno", Role::Lead, "warmth", 0.6);
        check("techno, not dark", Role::Lead, "brightness", 0.84);
    }

    /// The words of prompts as the planner knows them.
    #[derive(serde::Deserialize)]
    struct Words {
        moods: Vec<Mood>,
    }

    #[derive(serde::Deserialize)]
    struct Mood {
        name: String,
        stems: Vec<String>,
        #[serde(default)]
        tags: Vec<String>,
    }

    #[test]
    fn what_the_planner_understands_means_the_same_among_sounds() {
        let text = include_str!("../../../dream-compose/genres/words.toml");
        let words: Words = toml::from_str(text).unwrap();
        let (mut known, mut all) = (0, 0);
        for mood in &words.moods {
            assert!(
                mood.stems.iter().any(|word| !Target::of_text(word).is_empty()),
                "{}",
                mood.name
            );
            let meant = Target::of_text(&mood.tags.join(" "));
            for word in &mood.stems {
                all += 1;
                let heard = Target::of_text(word);
                known += usize::from(!heard.attributes.is_empty());
                let agreement: f32 = meant
                    .attributes
                    .iter()
                    .flat_map(|(a, x)| heard.attributes.iter().map(move |(b, y)| (a == b, x * y)))
                    .filter_map(|(same, product)| same.then_some(product))
                    .sum();
                assert!(
                    agreement >= 0.0,
                    "{word} of the mood {} is heard the other way",
                    mood.name
                );
            }
        }
        assert!(10 * known >= 9 * all, "{known} of {all} words have a target");
    }
}
