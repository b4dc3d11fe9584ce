//! The names that requests use: categories with their synonyms, sources, keys, and the like.

use dream_core::{Category, Form, Key, Source};
use dream_engine::{Sort, Status};
use serde::{Deserialize, Deserializer};
use utoipa::openapi::{RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::value::{number, object, text, whole, words};

/// Other words that a category may be called by; [`Category::parse`] knows more.
const SYNONYMS: &[&str] = &[
    "hat",
    "hi-hat",
    "perc",
    "shaker",
    "ride",
    "crash",
    "cymbal",
    "tom",
    "clave",
    "loop",
    "break",
    "drumloop",
    "vox",
    "vocal",
    "keys",
    "rhodes",
    "strings",
    "stab",
    "pluck",
    "chord",
    "arp",
    "drone",
    "texture",
    "ambience",
    "atmosphere",
    "noise",
    "riser",
    "impact",
    "sweep",
];

/// What keys look like: `F# minor`, `Am`, `Bb major`, `11A`.
const KEYS: &str = "^([A-G][#b]?( (major|minor)|m)|(1[0-2]|[1-9])[AB])$";

/// A name of a fixed list, as a type.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident($inner:ty), $parse:expr, $expected:literal, $names:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub(crate) struct $name(pub(crate) $inner);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                text(from, $expected, |name| $parse(name).map(Self))
            }
        }

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let names: Vec<&str> = $names;
                let first = names.first().copied().unwrap_or_default();
                object(Type::String).examples([first]).enum_values(Some(names)).into()
            }
        }

        impl ToSchema for $name {}
    };
}

named!(
    /// A category, or a synonym of it.
    CategoryName(Category),
    Category::parse,
    "a category: kick, snare, clap, hihat, percussion, drums, bass, synth, lead, pad, guitar, piano, vocals, atmo, fx, other",
    Category::ALL.iter().map(|category| category.name()).chain(SYNONYMS.iter().copied()).collect()
);
named!(
    /// Where stems are from.
    SourceName(Source),
    Source::parse,
    "a source: original, separated, generated",
    Source::ALL.iter().map(|source| source.name()).collect()
);
named!(
    /// What a stem is: a single hit, whole bars, or neither.
    FormName(Form),
    |name: &str| Form::ALL.iter().find(|form| form.name() == name).copied(),
    "a form: one_shot, loop, free",
    Form::ALL.iter().map(|form| form.name()).collect()
);
named!(
    /// What can be learned: single hits or loops.
    LearnedForm(Form),
    |name: &str| match name {
        "one_shot" => Some(Form::OneShot),
        "loop" => Some(Form::Loop),
        _ => None,
    },
    "one_shot or loop",
    vec!["one_shot", "loop"]
);
named!(
    /// The order of a list of stems.
    SortName(Sort),
    |name: &str| Sort::ALL.iter().find(|(known, _)| *known == name).map(|(_, sort)| *sort),
    "an order: id, newest, name, bpm, quality, duration",
    Sort::ALL.iter().map(|(name, _)| *name).collect()
);
named!(
    /// Where a job stands.
    StatusName(Status),
    |name: &str| Status::ALL.iter().find(|status| status.name() == name).copied(),
    "a status: queued, running, done, failed, cancelled",
    Status::ALL.iter().map(|status| status.name()).collect()
);

/// A key: `F# minor`, `Am`, `Bb major`, `11A`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct KeyName(pub(crate) Key);

impl<'de> Deserialize<'de> for KeyName {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        text(from, "a key such as F# minor, Am, Bb major or 11A", |name| {
            (name.len() <= 40).then(|| Key::parse(name).ok()).flatten().map(Self)
        })
    }
}

impl PartialSchema for KeyName {
    fn schema() -> RefOr<Schema> {
        object(Type::String)
            .pattern(Some(KEYS))
            .max_length(Some(40))
            .examples(["F# minor", "Am", "11A"])
            .into()
    }
}

impl ToSchema for KeyName {}

whole!(
    /// A number of a stem, a track or a job.
    Number, 1..=9_007_199_254_740_991, 1
);
whole!(
    /// The root of all random choices: the same seed and library give the same bytes.
    SeedNumber, 0..=9_007_199_254_740_991, 7
);
whole!(
    /// What somebody thinks of it: 1, 0, or -1, which keeps a stem out of tracks and training.
    Rating, -1..=1, 1
);
whole!(
    /// How many a list holds at most.
    Limit, 1..=1_000, 50
);
whole!(
    /// How many to leave out at the start of a list; page with the links of the answer where there are many.
    Skip, 0..=10_000, 0
);
number!(
    /// A tempo in beats per minute.
    Tempo, 20.0..=400.0, 138.0
);
number!(
    /// A tempo that bounds a range, in beats per minute.
    TempoBound, 0.0..=1_000.0, 120.0
);
number!(
    /// A share or a score.
    Unit, 0.0..=1.0, 0.5
);
words!(
    /// A short name.
    Name, 255, "Kick 01.wav"
);
words!(
    /// A tag.
    Tag, 100, "dark"
);
words!(
    /// A line of text.
    Line, 1_000, "driving industrial techno 138 bpm"
);
words!(
    /// A file or folder, relative to the home or absolute in it.
    PathName, 1_000, "raw_construction_kits/kit"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_the_documentation_is_understood() {
        for name in Category::ALL.iter().map(|c| c.name()).chain(SYNONYMS.iter().copied()) {
            assert!(Category::parse(name).is_some(), "{name}");
        }
        for tonic in ["A", "B", "C", "D", "E", "F", "G"] {
            for sign in ["", "#", "b"] {
                for mode in [" major", " minor", "m"] {
                    let name = format!("{tonic}{sign}{mode}");
                    assert!(Key::parse(&name).is_ok(), "{name}");
                }
            }
        }
        for hour in 1..=12 {
            assert!(Key::parse(&format!("{hour}A")).and(Key::parse(&format!("{hour}B"))).is_ok());
        }
    }
}
