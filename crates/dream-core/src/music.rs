//! Pitch classes, modes and keys, and the ways people write them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Semitones;

/// One of the twelve pitch classes, C = 0 to B = 11.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PitchClass(u8);

impl PitchClass {
    const NAMES: [&str; 12] = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"];

    /// The pitch class of a MIDI note or of any count of semitones above C.
    pub fn of(semitones_above_c: i32) -> Self {
        Self(semitones_above_c.rem_euclid(12) as u8)
    }

    /// Semitones above C, 0 to 11.
    pub fn index(self) -> i32 {
        i32::from(self.0)
    }

    /// The signed distance to `other`, -5 to 6 semitones.
    pub fn to(self, other: Self) -> i32 {
        let up = (other.index() - self.index()).rem_euclid(12);
        if up > 6 { up - 12 } else { up }
    }
}

impl fmt::Display for PitchClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::NAMES[usize::from(self.0)])
    }
}

/// The name of a MIDI note number with its octave, the nearest note for a fraction: 60 is `C4`, 45 is `A2`.
pub fn note_name(note: f64) -> String {
    let nearest = note.round() as i32;
    format!("{}{}", PitchClass::of(nearest), nearest.div_euclid(12) - 1)
}

/// The frequency of a MIDI note number in Hz: 69 is 440 Hz, 1 more is a semitone.
pub fn note_hz(note: f64) -> f64 {
    440.0 * ((note - 69.0) / 12.0).exp2()
}

/// Major or minor; every other mode is counted with the one that shares its third.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// Major third.
    Major,
    /// Minor third.
    Minor,
}

/// A key: tonic and mode. Written `A minor`, `F# major`; serialised so, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Key {
    /// The tonic.
    pub tonic: PitchClass,
    /// Major or minor.
    pub mode: Mode,
}

/// A text that names no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a key: {0:?}; write it like \"F# minor\", \"Am\", \"fis-moll\" or \"11A\"")]
pub struct NotAKey(pub String);

impl Key {
    /// Position on the Camelot wheel, `1A` to `12B`.
    pub fn camelot(self) -> String {
        let (anchor, letter) = match self.mode {
            Mode::Minor => (8, 'A'), // A minor is 8A
            Mode::Major => (5, 'B'), // C major is 8B, A major 11B: one relative minor down
        };
        let from = match self.mode {
            Mode::Minor => PitchClass(9),
            Mode::Major => PitchClass(3), // D# major (E flat) is 5B
        };
        // A step of the wheel is a fifth (7 semitones); 7 * 7 = 49 = 1 (mod 12) inverts it.
        let fifths = ((self.tonic.index() - from.index()) * 7).rem_euclid(12);
        format!("{}{letter}", (anchor - 1 + fifths) % 12 + 1)
    }

    /// The key that shares all notes: A minor for C major.
    #[must_use]
    pub fn relative(self) -> Self {
        match self.mode {
            Mode::Major => {
                Self { tonic: PitchClass::of(self.tonic.index() - 3), mode: Mode::Minor }
            }
            Mode::Minor => {
                Self { tonic: PitchClass::of(self.tonic.index() + 3), mode: Mode::Major }
            }
        }
    }

    /// This key moved by whole semitones.
    #[must_use]
    pub fn transposed(self, semitones: i32) -> Self {
        Self { tonic: PitchClass::of(self.tonic.index() + semitones), mode: self.mode }
    }

    /// The smallest transposition that brings material in this key to the notes of `target`
    /// (its own or its relative key), -5 to 6 semitones.
    pub fn shift_to(self, target: Self) -> Semitones {
        let wanted = if self.mode == target.mode { target } else { target.relative() };
        Semitones(f64::from(self.tonic.to(wanted.tonic)))
    }

    /// The key of that name: `A minor`, `Am`, `F#m`, `Gb major`, `fis-moll`, `B-Dur`, `11A`.
    ///
    /// A bare letter is major when upper case. Names with `moll` or `dur` are German: H is B, B is A#.
    ///
    /// # Errors
    /// `NotAKey` for anything else.
    pub fn parse(text: &str) -> Result<Self, NotAKey> {
        let text = text.trim();
        if text.len() > 32 {
            return Err(NotAKey(text.chars().take(32).collect()));
        }
        camelot(text).or_else(|| named(text)).ok_or_else(|| NotAKey(text.to_owned()))
    }
}

fn camelot(text: &str) -> Option<Key> {
    let lower = text.to_ascii_lowercase();
    let (digits, mode) = match (lower.strip_suffix('a'), lower.strip_suffix('b')) {
        (Some(digits), _) => (digits, Mode::Minor),
        (_, Some(digits)) => (digits, Mode::Major),
        _ => return None,
    };
    let hour: i32 = digits.parse().ok().filter(|hour| (1..=12).contains(hour))?;
    let tonic = match mode {
        Mode::Minor => 9 + 7 * (hour - 8),
        Mode::Major => 7 * (hour - 8),
    };
    Some(Key { tonic: PitchClass::of(tonic), mode })
}

fn named(text: &str) -> Option<Key> {
    let lower = text.to_lowercase();
    let mut split = lower.splitn(2, [' ', '-', '_']);
    let (note, word) = (split.next()?, split.next().unwrap_or("").trim());
    let german = matches!(word, "moll" | "dur");
    if word.is_empty() {
        let bare = note
            .strip_suffix("min")
            .or_else(|| note.strip_suffix('m').filter(|rest| !rest.is_empty()));
        if let Some(tonic) = bare.and_then(|note| pitch(note, false)) {
            return Some(Key { tonic, mode: Mode::Minor });
        }
        let major = note.strip_suffix("maj").unwrap_or(note);
        return Some(Key { tonic: pitch(major, false)?, mode: Mode::Major });
    }
    let mode = match word {
        "major" | "maj" | "dur" | "ionian" | "lydian" | "mixolydian" => Mode::Major,
        "minor" | "min" | "m" | "moll" | "aeolian" | "dorian" | "phrygian" => Mode::Minor,
        _ => return None,
    };
    Some(Key { tonic: pitch(note, german)?, mode })
}

fn pitch(note: &str, german: bool) -> Option<PitchClass> {
    let letter = note.chars().next()?;
    let natural = match letter {
        'c' => 0,
        'd' => 2,
        'e' => 4,
        'f' => 5,
        'g' => 7,
        'a' => 9,
        'b' if german => 10,
        'b' | 'h' => 11,
        _ => return None,
    };
    let accidental = match (&note[letter.len_utf8()..], letter) {
        ("", _) => 0,
        ("#" | "♯" | "is" | "sharp", _) => 1,
        ("b" | "♭" | "es" | "flat", _) | ("s", 'a' | 'e') => -1,
        _ => return None,
    };
    Some(PitchClass::of(natural + accidental))
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = match self.mode {
            Mode::Major => "major",
            Mode::Minor => "minor",
        };
        write!(f, "{} {mode}", self.tonic)
    }
}

impl FromStr for Key {
    type Err = NotAKey;
    fn from_str(text: &str) -> Result<Self, NotAKey> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Key {
    type Error = NotAKey;
    fn try_from(text: String) -> Result<Self, NotAKey> {
        Self::parse(&text)
    }
}

impl From<Key> for String {
    fn from(key: Key) -> Self {
        key.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(Key::parse(text).unwrap().to_string(), expected, "{text}");
    }

    #[test]
    fn keys_are_read_in_every_notation() {
        check("A minor", "A minor");
        check("Am", "A minor");
        check("F#m", "F# minor");
        check("Gb major", "F# major");
        check("fis-moll", "F# minor");
        check("es-moll", "D# minor");
        check("As-Dur", "G# major");
        check("h-moll", "B minor");
        check("B-Dur", "A# major");
        check("B minor", "B minor");
        check("11A", "F# minor");
        check("8A", "A minor");
        check("8B", "C major");
        check("Bb", "A# major");
        check("d dorian", "D minor");
        check("C", "C major");
    }

    #[test]
    fn other_words_are_not_keys() {
        for bad in ["", "X minor", "13A", "0A", "A blue", "minor", "äm", "138"] {
            assert!(Key::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn notes_have_names_and_frequencies() {
        let check = |note: f64, name: &str, hz: f64| {
            assert_eq!(note_name(note), name);
            assert!((note_hz(note) - hz).abs() < 0.01, "{note}");
        };
        check(69.0, "A4", 440.0);
        check(60.0, "C4", 261.63);
        check(45.0, "A2", 110.0);
        check(33.49, "A1", 56.57);
        check(-1.0, "B-2", 7.72);
    }

    #[test]
    fn material_moves_to_the_nearest_key_with_the_same_notes() {
        let shift =
            |from: &str, to: &str| Key::parse(from).unwrap().shift_to(Key::parse(to).unwrap());
        assert_eq!(shift("A minor", "C minor"), Semitones(3.0));
        assert_eq!(shift("A minor", "C major"), Semitones(0.0));
        assert_eq!(shift("B minor", "A minor"), Semitones(-2.0));
    }

    proptest! {
        #[test]
        fn every_key_survives_its_name_and_its_camelot_code(tonic in 0..12, minor: bool) {
            let mode = if minor { Mode::Minor } else { Mode::Major };
            let key = Key { tonic: PitchClass::of(tonic), mode };
            prop_assert_eq!(Key::parse(&key.to_string()).unwrap(), key);
            prop_assert_eq!(Key::parse(&key.camelot()).unwrap(), key);
        }

        #[test]
        fn any_text_is_answered(text in ".{0,40}") {
            let _ = Key::parse(&text);
        }
    }
}
