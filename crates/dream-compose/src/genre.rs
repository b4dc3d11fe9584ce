//! The genres: tempo, form, instrumentation and patterns, as data.
//!
//! One TOML file per genre and `core.toml` for what they share, embedded and read once. Tables and grids
//! follow common practice of each style; the drum densities and chord statistics behind them were counted
//! from the pattern corpora of the `GiantSteps` project and from Bardet's collection of drum machine
//! patterns. A file with an error is named with its line.

mod genres;
mod lane;
mod lint;
mod section;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use dream_core::Category;
use serde::Deserialize;

pub use genres::Genres;
pub use lane::Lane;
pub use section::{Fx, FxKind, LaneSpec, Move, SectionKind, SectionSpec, Tease};

use crate::pattern::{Alternative, BassLine, Cell, Colour, Fill, Grid, Progression, Scale, Slices};

/// A data file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {problem}")]
pub struct DataError {
    /// The file's name.
    pub file: String,
    /// The line, 1-based.
    pub line: usize,
    /// What is wrong.
    pub problem: String,
}

/// What a bass line's degrees are counted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Follow {
    /// The tonic, under moving chords.
    Tonic,
    /// The chord of the moment.
    Chord,
}

/// The sound a lane asks for.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sound {
    /// The category asked for first; without it, the role's own.
    #[serde(default, deserialize_with = "category")]
    pub category: Option<Category>,
    /// Tags.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Words.
    pub text: String,
}

/// Everything known about a genre.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Genre {
    /// Its name: `industrial techno`.
    pub name: String,
    /// Phrases that name it, lower case without umlauts.
    pub words: Vec<String>,
    /// The genre it refines, if any.
    pub parent: Option<String>,
    /// Words that name it only next to its parent or alone.
    #[serde(default)]
    pub hints: Vec<String>,
    /// Tags every part of it asks for.
    pub style: Vec<String>,
    /// Tempo: lowest, highest, usual.
    pub bpm: [f64; 3],
    /// Swing in percent: lowest, highest, usual.
    pub swing: [f64; 3],
    /// Scales, the most usual first.
    pub scales: Vec<Scale>,
    /// What the bass follows.
    pub follow: Follow,
    /// Loudness target of the master in LUFS.
    pub loudness_lufs: f64,
    /// Section lengths are multiples of this many bars.
    pub unit_bars: u32,
    /// Something changes every so many bars.
    pub phrase_bars: u32,
    /// A fill ends every so many bars; 0 for none.
    pub fill_bars: u32,
    /// Weights of fills A, B and C.
    pub fill_weights: [f64; 3],
    /// Drum grids.
    pub drums: BTreeMap<Lane, Vec<Alternative>>,
    /// Orders of the slices of a break, where breaks are cut.
    #[serde(default)]
    pub slices: Vec<Slices>,
    /// Fills of the last beat.
    pub fill1: Vec<Fill>,
    /// Fills of the last two beats.
    pub fill2: Vec<Fill>,
    /// Fills of the last bar.
    pub fill4: Vec<Fill>,
    /// Bass lines.
    pub bass: Vec<BassLine>,
    /// Register of the bass root, MIDI.
    pub bass_register: [i32; 2],
    /// Share of a bass note's length that sounds, in quiet and in loud sections.
    pub bass_gate: [f64; 2],
    /// Largest share of bass onsets on a kick.
    pub bass_on_kick: f64,
    /// Chord progressions.
    pub progressions: Vec<Progression>,
    /// Chord rhythms.
    pub stabs: Vec<Alternative>,
    /// Hook rhythms.
    pub cells: Vec<Cell>,
    /// Register of the hook, MIDI.
    pub hook_register: [i32; 2],
    /// Most rungs of the scale between the hook's lowest and highest note.
    pub hook_range: i32,
    /// Arpeggio patterns by name.
    #[serde(default)]
    pub arps: Vec<String>,
    /// Voicings by colour, where they differ from the shared ones: closed and open.
    #[serde(default)]
    pub voicings: BTreeMap<Colour, [String; 2]>,
    /// Hook contours with weights, where they differ from the shared ones.
    #[serde(default)]
    pub contours: BTreeMap<Contour, f64>,
    /// Lanes without which the genre fails.
    pub required: Vec<Lane>,
    /// Sounds, where they differ from the shared ones.
    pub sounds: BTreeMap<Lane, Sound>,
    /// The form.
    pub sections: Vec<SectionSpec>,
}

/// The shape of a melody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum Contour {
    Arch,
    Fall,
    Wave,
    Pedal,
    Rise,
}

/// What the genres share.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Core {
    /// Eight bars of a snare roll.
    pub roll: Vec<Grid>,
    /// Velocities of the roll's bars.
    pub roll_velocity: Vec<f64>,
    /// Eight bars of a quiet roll.
    pub roll_soft: Vec<Grid>,
    /// Arpeggios: indices into the chord's tones.
    pub arps: BTreeMap<String, String>,
    /// Voicings in semitones above the root, written for minor.
    pub voicings: BTreeMap<String, Vec<i32>>,
    /// Closed and open voicing of each colour.
    pub colours: BTreeMap<Colour, [String; 2]>,
    /// Hook contours with weights.
    pub contours: BTreeMap<Contour, f64>,
    /// Orders of the hook's units with weights.
    pub forms: BTreeMap<String, f64>,
    /// Weights of the seven degrees on quarters, eighths and sixteenths.
    pub degrees: [[f64; 7]; 3],
    /// How much a chord tone is preferred on quarters, eighths and sixteenths.
    pub chord_boost: [f64; 3],
    /// Weights of melodic steps of 0 to 7 rungs.
    pub intervals: [f64; 8],
    /// Tonics (semitones above C) with weights.
    pub tonics: [f64; 12],
    /// Grids of the lanes that a genre has none for.
    pub drums: BTreeMap<Lane, Vec<Alternative>>,
    /// Sounds.
    pub sounds: BTreeMap<Lane, Sound>,
}

const FILES: [(&str, &str); 12] = [
    ("industrial.toml", include_str!("../genres/industrial.toml")),
    ("techno.toml", include_str!("../genres/techno.toml")),
    ("hardtechno.toml", include_str!("../genres/hardtechno.toml")),
    ("minimal.toml", include_str!("../genres/minimal.toml")),
    ("dubtechno.toml", include_str!("../genres/dubtechno.toml")),
    ("house.toml", include_str!("../genres/house.toml")),
    ("deephouse.toml", include_str!("../genres/deephouse.toml")),
    ("trance.toml", include_str!("../genres/trance.toml")),
    ("dnb.toml", include_str!("../genres/dnb.toml")),
    ("breakbeat.toml", include_str!("../genres/breakbeat.toml")),
    ("ambient.toml", include_str!("../genres/ambient.toml")),
    ("lofi.toml", include_str!("../genres/lofi.toml")),
];

/// Every built-in genre, in the order of the documentation.
pub fn all() -> &'static [Arc<Genre>] {
    Genres::builtin().all()
}

/// The built-in genre of that name.
pub fn named(name: &str) -> Option<&'static Arc<Genre>> {
    Genres::builtin().named(name)
}

/// What the genres share.
pub fn core() -> &'static Core {
    static CORE: OnceLock<Core> = OnceLock::new();
    CORE.get_or_init(|| {
        let text = include_str!("../genres/core.toml");
        Core::parse("core.toml", text).expect("the tests read the same text")
    })
}

impl Genre {
    /// Reads and checks a genre's file.
    ///
    /// # Errors
    /// `DataError` with the line of what breaks the format or a rule.
    pub fn parse(file: &str, text: &str) -> Result<Self, DataError> {
        let genre: Self = toml::from_str(text).map_err(|error| from_toml(file, text, &error))?;
        lint::genre(&genre).map_err(|(key, problem)| DataError {
            file: file.to_owned(),
            line: line_of(text, key),
            problem,
        })?;
        Ok(genre)
    }

    /// The sound of a lane.
    pub fn sound(&self, lane: Lane) -> &Sound {
        self.sounds.get(&lane).unwrap_or_else(|| &core().sounds[&lane])
    }

    /// The grids of a drum lane; none for other lanes.
    pub fn grids(&self, lane: Lane) -> &[Alternative] {
        let grids = self.drums.get(&lane).or_else(|| core().drums.get(&lane));
        grids.map_or(&[], Vec::as_slice)
    }

    /// Whether drums play in its form.
    pub fn has_drums(&self) -> bool {
        self.sections.iter().flat_map(|section| &section.lanes).any(|spec| spec.lane.is_drum())
    }

    /// The intervals of a colour's voicing.
    pub fn voicing(&self, colour: Colour, open: bool) -> &'static [i32] {
        let names = self.voicings.get(&colour).unwrap_or_else(|| &core().colours[&colour]);
        &core().voicings[&names[usize::from(open)]]
    }

    /// Weights of the hook's contours.
    pub fn contours(&self) -> &BTreeMap<Contour, f64> {
        if self.contours.is_empty() { &core().contours } else { &self.contours }
    }
}

impl std::fmt::Debug for Genre {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Genre({})", self.name)
    }
}

impl Core {
    /// Reads and checks the shared file.
    ///
    /// # Errors
    /// `DataError` with the line of what breaks the format or a rule.
    pub fn parse(file: &str, text: &str) -> Result<Self, DataError> {
        let core: Self = toml::from_str(text).map_err(|error| from_toml(file, text, &error))?;
        lint::core(&core).map_err(|(key, problem)| DataError {
            file: file.to_owned(),
            line: line_of(text, key),
            problem,
        })?;
        Ok(core)
    }
}

fn from_toml(file: &str, text: &str, error: &toml::de::Error) -> DataError {
    let offset = error.span().map_or(0, |span| span.start);
    let start = text[..offset.min(text.len())].matches('\n').count();
    let problem = error.message().to_owned();
    // The error of a pattern quotes it; inside a long array that is more exact than the span.
    let quoted = problem.rsplit_once(": ").map(|(what, _)| format!("{what}\""));
    let exact = |quoted: String| text.lines().skip(start).position(|line| line.contains(&quoted));
    let line = start + quoted.and_then(exact).unwrap_or(0) + 1;
    DataError { file: file.to_owned(), line, problem }
}

/// The line that sets `key`, else the first.
fn line_of(text: &str, key: &str) -> usize {
    let sets = |line: &str| {
        let line = line.trim_start();
        line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='))
            || line.trim_end() == format!("[{key}]")
    };
    text.lines().position(sets).map_or(1, |index| index + 1)
}

fn category<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Category>, D::Error> {
    let name = String::deserialize(from)?;
    let found = Category::parse(&name);
    found.map(Some).ok_or_else(|| serde::de::Error::custom(format!("category {name:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_files_are_sound() {
        for (file, text) in FILES {
            if let Err(error) = Genre::parse(file, text) {
                panic!("{error}");
            }
        }
        if let Err(error) = Core::parse("core.toml", include_str!("../genres/core.toml")) {
            panic!("{error}");
        }
        assert_eq!(all().len(), 12);
    }

    #[test]
    fn an_error_names_file_and_line() {
        let (file, text) = FILES[1];
        let broken = text.replace("a49 ....8.......8...", "a49 ....8.......8..");
        assert_ne!(broken, text);
        let error = Genre::parse(file, &broken).unwrap_err();
        assert_eq!(error.file, "techno.toml");
        assert!(
            broken.lines().nth(error.line - 1).unwrap().contains("....8.......8..\""),
            "{error}"
        );
        assert!(error.problem.contains("length 15"), "{error}");
    }

    #[test]
    fn a_broken_rule_is_found() {
        let (file, text) = FILES[1];
        let broken = text.replace("a09 9...9...9...9...", "a89 9...9...9...9...");
        let error = Genre::parse(file, &broken).unwrap_err();
        assert!(error.problem.contains("kick"), "{error}");
        assert!(error.line > 1);
    }
}
