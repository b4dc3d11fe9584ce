//! The starter kit: what there is, in a fixed order, and how to render it.
//!
//! Every stem is synthesised from formulas by the functions in `recipes` and `loops`, so that the rendered kit
//! can be given away (CC0). Names are unique and stable: a recipe's noise and dice come from its name and
//! the seed, so adding a recipe changes no other. The order is that of the tables below: one-shots by category,
//! each followed by its variations (`_v2`: the same recipe with its knobs turned) and its characters
//! (`_dark`, `_distorted` ...); pitched ones once per root (`_f1`, `_as1`); loops last.

use dream_core::{Bpm, Category, Form, Key, Mode, PitchClass, Seed};

use super::characters::Character;
use super::loops::Score;
use super::patch::Patch;
use super::sound::Sound;
use crate::Clip;

mod tables;

/// A stem of the starter kit: its facts, and the way to make it.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// Unique, in lower case with underscores.
    pub name: String,
    /// Its category.
    pub category: Category,
    /// One-shot, loop or free.
    pub form: Form,
    /// Words that describe it: character, style, kind.
    pub tags: Vec<&'static str>,
    /// The exact tempo of a loop.
    pub bpm: Option<Bpm>,
    /// The length of a loop in bars of four beats.
    pub bars: Option<u32>,
    /// Key of tonal material; a single note or a chord without a third counts as minor.
    pub key: Option<Key>,
    /// Lowest note of a tonal one-shot, as a MIDI note number.
    pub root: Option<u8>,
    make: Make,
}

/// How a stem is made.
#[derive(Debug, Clone)]
enum Make {
    OneShot { sound: fn(&Patch) -> Sound, note: u8, chord: &'static [i8], treatment: Treatment },
    Loop { sound: fn(&Score) -> Sound, bpm: Bpm, bars: u32, shift: i8, category: Category },
}

/// What distinguishes a stem from the recipe as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Treatment {
    Plain,
    Variation(u32),
    Character(Character),
}

impl Recipe {
    /// The stem at 44.1 kHz, mono or stereo; the same for the same name and seed.
    pub fn render(&self, seed: Seed) -> Clip {
        let varied = matches!(self.make, Make::OneShot { treatment: Treatment::Variation(_), .. });
        self.render_turned(f32::from(varied), seed)
    }

    /// The stem with the knobs of its recipe turned at random, `width` times as far as those of a variation are: by 1, decays and
    /// cut-offs change by a third of an octave and pitch by a semitone, one standard deviation; 0 is the recipe as written.
    /// Loops have no knobs.
    pub fn render_turned(&self, width: f32, seed: Seed) -> Clip {
        let seed = seed.child(&self.name);
        match &self.make {
            Make::OneShot { sound, note, chord, treatment } => {
                let patch = Patch::new(seed, *note, chord).turned(width);
                let rand = patch.rand("character");
                match treatment {
                    Treatment::Plain | Treatment::Variation(_) => sound(&patch),
                    Treatment::Character(character) => character.apply(sound(&patch), rand),
                }
                .into_clip()
            }
            &Make::Loop { sound, bpm, bars, shift, category } => {
                sound(&Score { seed, bpm, bars, shift }).at_loudness(category).into_clip()
            }
        }
    }
}

/// All stems of the starter kit, in the order of the documentation.
pub fn recipes() -> Vec<Recipe> {
    let one_shots = tables::ONE_SHOTS.iter().flat_map(Sheet::recipes);
    one_shots.chain(tables::LOOPS.iter().flat_map(LoopSheet::recipes)).collect()
}

/// A row of the table of one-shots.
#[derive(Debug, Clone, Copy)]
struct Sheet {
    name: &'static str,
    category: Category,
    form: Form,
    sound: fn(&Patch) -> Sound,
    /// Words, separated by spaces.
    tags: &'static str,
    /// One stem per root, as MIDI note numbers; none for what has no pitch.
    notes: &'static [u8],
    chord: &'static [i8],
    /// Further renderings with turned knobs.
    variations: u32,
    characters: &'static [Character],
}

impl Sheet {
    fn recipes(&self) -> Vec<Recipe> {
        let notes: Vec<Option<u8>> = if self.notes.is_empty() {
            vec![None]
        } else {
            self.notes.iter().copied().map(Some).collect()
        };
        let treatments: Vec<Treatment> = std::iter::once(Treatment::Plain)
            .chain((2..2 + self.variations).map(Treatment::Variation))
            .chain(self.characters.iter().copied().map(Treatment::Character))
            .collect();
        let pairs = notes.iter().flat_map(|note| treatments.iter().map(move |t| (*note, *t)));
        pairs.map(|(note, treatment)| self.recipe(note, treatment)).collect()
    }

    fn recipe(&self, note: Option<u8>, treatment: Treatment) -> Recipe {
        let mut name = self.name.to_owned();
        let mut tags: Vec<&'static str> = self.tags.split_whitespace().collect();
        if let Some(note) = note {
            let pitch = PitchClass::of(i32::from(note)).to_string().to_lowercase();
            name = format!("{name}_{}{}", pitch.replace('#', "s"), i32::from(note) / 12 - 1);
        }
        match treatment {
            Treatment::Plain => {}
            Treatment::Variation(number) => name = format!("{name}_v{number}"),
            Treatment::Character(character) => {
                name = format!("{name}_{}", character.name());
                if !tags.contains(&character.name()) {
                    tags.push(character.name());
                }
            }
        }
        let lowest = self.chord.iter().copied().min().unwrap_or(0);
        Recipe {
            name,
            category: self.category,
            form: self.form,
            tags,
            bpm: None,
            bars: None,
            key: note.map(|note| key_of(note, self.chord)),
            root: note.map(|note| note.saturating_add_signed(lowest)),
            make: Make::OneShot {
                sound: self.sound,
                note: note.unwrap_or(0),
                chord: self.chord,
                treatment,
            },
        }
    }
}

/// A row of the table of loops.
#[derive(Debug, Clone, Copy)]
struct LoopSheet {
    /// Without the tempo and the key, which are added.
    name: &'static str,
    category: Category,
    sound: fn(&Score) -> Sound,
    tags: &'static str,
    bpm: u32,
    bars: u32,
    /// Semitones of the tonic above C and the mode; none for drums.
    key: Option<(i32, Mode)>,
}

impl LoopSheet {
    /// Drums once; tonal loops in their key and a fourth above.
    fn recipes(&self) -> Vec<Recipe> {
        let shifts: &[i8] = if self.key.is_some() { &[0, 5] } else { &[0] };
        shifts.iter().map(|&shift| self.recipe(shift)).collect()
    }

    fn recipe(&self, shift: i8) -> Recipe {
        let key = self.key.map(|(tonic, mode)| {
            Key { tonic: PitchClass::of(tonic), mode }.transposed(i32::from(shift))
        });
        let suffix = key.map_or(String::new(), |key| {
            let tonic = key.tonic.to_string().to_lowercase().replace('#', "s");
            format!("_{tonic}{}", if key.mode == Mode::Minor { "m" } else { "" })
        });
        let bpm = Bpm::new(f64::from(self.bpm)).expect("the table's tempi are playable");
        Recipe {
            name: format!("loop_{}_{}{suffix}", self.name, self.bpm),
            category: self.category,
            form: Form::Loop,
            tags: self.tags.split_whitespace().collect(),
            bpm: Some(bpm),
            bars: Some(self.bars),
            key,
            root: None,
            make: Make::Loop {
                sound: self.sound,
                bpm,
                bars: self.bars,
                shift,
                category: self.category,
            },
        }
    }
}

/// The key a chord speaks for: major with a major third, else minor.
fn key_of(note: u8, chord: &[i8]) -> Key {
    let major = chord.iter().any(|tone| tone.rem_euclid(12) == 4);
    let mode = if major { Mode::Major } else { Mode::Minor };
    Key { tonic: PitchClass::of(i32::from(note)), mode }
}

#[cfg(test)]
mod tests;
