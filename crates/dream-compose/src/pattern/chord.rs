//! Chords as numerals of the major scale, and progressions.

use serde::Deserialize;

use super::{NotAPattern, bad};

/// What stands above a chord's root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are those of chord symbols")]
pub enum Colour {
    Triad,
    Power,
    Sus,
    Sus2,
    Sixth,
    Added,
    Seventh,
    Maj7,
    Ninth,
    Maj9,
    Eleventh,
    Thirteenth,
    Cluster,
}

/// A chord relative to the tonic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chord {
    /// Semitones of its root above the tonic, 0 to 11.
    pub root: i32,
    /// Whether its third is minor.
    pub minor: bool,
    /// What else it holds.
    pub colour: Colour,
}

impl Chord {
    /// Whether it has no third.
    pub fn is_open(self) -> bool {
        matches!(self.colour, Colour::Power | Colour::Sus | Colour::Sus2 | Colour::Cluster)
    }

    /// Reads `bVII`, `i9`, `IVmaj9`, `i5`: lower case has a minor third.
    ///
    /// # Errors
    /// `NotAPattern` for anything else.
    pub fn parse(text: &str) -> Result<Self, NotAPattern> {
        let (flat, rest) = match text.strip_prefix('b') {
            Some(rest) => (1, rest),
            None => (0, text),
        };
        let length = rest.find(|c| !matches!(c, 'i' | 'v' | 'I' | 'V')).unwrap_or(rest.len());
        let (numeral, suffix) = rest.split_at(length);
        let root = match numeral.to_ascii_lowercase().as_str() {
            "i" => 0,
            "ii" => 2,
            "iii" => 4,
            "iv" => 5,
            "v" => 7,
            "vi" => 9,
            "vii" => 11,
            _ => return Err(bad(text, "no numeral")),
        };
        let colour = match suffix {
            "" => Colour::Triad,
            "5" => Colour::Power,
            "sus2" => Colour::Sus2,
            "sus4" | "9sus4" => Colour::Sus,
            "6" => Colour::Sixth,
            "add9" => Colour::Added,
            "7" => Colour::Seventh,
            "maj7" => Colour::Maj7,
            "9" => Colour::Ninth,
            "maj9" => Colour::Maj9,
            "11" => Colour::Eleventh,
            "13" => Colour::Thirteenth,
            "cluster" => Colour::Cluster,
            _ => return Err(bad(text, format!("{suffix:?} is no chord suffix"))),
        };
        let minor = numeral.starts_with(['i', 'v']);
        Ok(Self { root: (root - flat + 12) % 12, minor, colour })
    }

    /// The same function in a major key: i to I, bIII to iii, bVI to vi, bVII to V.
    #[must_use]
    pub fn in_major(self) -> Self {
        let (root, minor) = match self.root {
            3 | 4 => (4, true),
            8 | 9 => (9, true),
            10 | 11 => (7, false),
            2 => (2, true),
            1 => (5, false),
            other => (other, false),
        };
        let colour = match (self.colour, minor) {
            (Colour::Seventh, false) => Colour::Maj7,
            (Colour::Ninth, false) => Colour::Maj9,
            (Colour::Maj7, true) => Colour::Seventh,
            (Colour::Maj9, true) => Colour::Ninth,
            (colour, _) => colour,
        };
        Self { root, minor, colour }
    }

    /// Semitones of third, fifth and seventh above the root; a suspended chord has its fourth or second.
    pub fn tones(self) -> [i32; 3] {
        let third = match self.colour {
            Colour::Sus => 5,
            Colour::Sus2 => 2,
            Colour::Power | Colour::Cluster => 7,
            _ if self.minor => 3,
            _ => 4,
        };
        let seventh = if matches!(self.colour, Colour::Maj7 | Colour::Maj9) { 11 } else { 10 };
        [third, 7, seventh]
    }

    /// Pitches above the root for a voicing written for minor: its third and seventh become this chord's.
    pub fn voiced(self, voicing: &[i32]) -> Vec<i32> {
        let [third, _, seventh] = self.tones();
        voicing
            .iter()
            .map(|&interval| match interval % 12 {
                3 => interval - 3 + third,
                10 => interval - 10 + seventh,
                _ => interval,
            })
            .collect()
    }
}

/// Chords that repeat, `"5 2 i9 iv9"`: weight, bars a chord, chords.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub struct Progression {
    /// How often it is drawn.
    pub weight: f64,
    /// Bars a chord lasts.
    pub bars: u32,
    /// The chords.
    pub chords: Vec<Chord>,
}

impl Progression {
    /// The chord of a bar.
    pub fn at(&self, bar: u32) -> Chord {
        self.chords[(bar / self.bars) as usize % self.chords.len()]
    }
}

impl TryFrom<String> for Progression {
    type Error = NotAPattern;
    fn try_from(text: String) -> Result<Self, NotAPattern> {
        let mut words = text.split(' ');
        let weight = words.next().and_then(|word| word.parse::<f64>().ok());
        let bars = words.next().and_then(|word| word.parse::<u32>().ok());
        let (Some(weight), Some(bars @ 1..)) = (weight, bars) else {
            return Err(bad(&text, "a progression starts with its weight and its bars a chord"));
        };
        let chords = words.map(Chord::parse).collect::<Result<Vec<_>, _>>()?;
        if chords.is_empty() {
            return Err(bad(&text, "no chord"));
        }
        Ok(Self { weight, bars, chords })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, root: i32, minor: bool, colour: Colour) {
        assert_eq!(Chord::parse(text), Ok(Chord { root, minor, colour }), "{text}");
    }

    #[test]
    fn numerals_count_from_the_major_scale() {
        check("i", 0, true, Colour::Triad);
        check("bVII", 10, false, Colour::Triad);
        check("bIIImaj7", 3, false, Colour::Maj7);
        check("V13", 7, false, Colour::Thirteenth);
        check("iv9", 5, true, Colour::Ninth);
        check("Icluster", 0, false, Colour::Cluster);
        assert!(Chord::parse("x7").is_err());
        assert!(Chord::parse("i8").is_err());
    }

    #[test]
    fn voicings_take_the_thirds_of_the_chord() {
        assert_eq!(Chord::parse("bVI").unwrap().voiced(&[0, 7, 12, 15]), [0, 7, 12, 16]);
        assert_eq!(Chord::parse("Imaj7").unwrap().voiced(&[0, 3, 10]), [0, 4, 11]);
        assert_eq!(Chord::parse("Isus4").unwrap().voiced(&[0, 3, 7]), [0, 5, 7]);
        assert_eq!(Chord::parse("Isus2").unwrap().voiced(&[0, 3, 7]), [0, 2, 7]);
        assert_eq!(Chord::parse("iadd9").unwrap().voiced(&[0, 3, 7]), [0, 3, 7]);
    }

    #[test]
    fn a_progression_repeats() {
        let progression = Progression::try_from("5 2 i9 iv9".to_owned()).unwrap();
        assert_eq!(progression.at(1).root, 0);
        assert_eq!(progression.at(2).root, 5);
        assert_eq!(progression.at(4).root, 0);
    }
}
