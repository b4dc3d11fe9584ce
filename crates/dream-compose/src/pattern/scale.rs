//! Scales, and the pitches of a scale on a tonic.

use dream_core::{Mode, PitchClass};
use serde::Deserialize;

/// A seven-note mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are those of the modes")]
pub enum Scale {
    Aeolian,
    Phrygian,
    Dorian,
    Major,
    Mixolydian,
    Lydian,
}

impl Scale {
    /// Semitones of its seven degrees above the tonic.
    pub fn degrees(self) -> [i32; 7] {
        match self {
            Self::Aeolian => [0, 2, 3, 5, 7, 8, 10],
            Self::Phrygian => [0, 1, 3, 5, 7, 8, 10],
            Self::Dorian => [0, 2, 3, 5, 7, 9, 10],
            Self::Major => [0, 2, 4, 5, 7, 9, 11],
            Self::Mixolydian => [0, 2, 4, 5, 7, 9, 10],
            Self::Lydian => [0, 2, 4, 6, 7, 9, 11],
        }
    }

    /// Major or minor, by its third.
    pub fn mode(self) -> Mode {
        if self.degrees()[2] == 4 { Mode::Major } else { Mode::Minor }
    }
}

/// The pitches of a scale on a tonic, numbered without gaps: degree 0 is the tonic in octave 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ladder {
    /// The tonic.
    pub tonic: PitchClass,
    /// The scale.
    pub scale: Scale,
}

impl Ladder {
    /// The pitch of a rung, in semitones above C.
    pub fn pitch(self, rung: i32) -> i32 {
        let degrees = self.scale.degrees();
        self.tonic.index() + 12 * rung.div_euclid(7) + degrees[rung.rem_euclid(7) as usize]
    }

    /// The rung at a pitch or next below it.
    pub fn rung(self, pitch: i32) -> i32 {
        let above = pitch - self.tonic.index();
        let within = above.rem_euclid(12);
        let mut degrees = (0..7).rev().zip(self.scale.degrees().into_iter().rev());
        let degree = degrees.find(|(_, step)| *step <= within).map_or(0, |(degree, _)| degree);
        7 * above.div_euclid(12) + degree
    }

    /// Whether a pitch belongs to the scale.
    pub fn contains(self, pitch: i32) -> bool {
        self.pitch(self.rung(pitch)) == pitch
    }

    /// The nearest pitch of the scale, the lower of two.
    pub fn snap(self, pitch: i32) -> i32 {
        let below = self.rung(pitch);
        let (low, high) = (self.pitch(below), self.pitch(below + 1));
        if high - pitch < pitch - low { high } else { low }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rungs_and_pitches_convert_back(tonic in 0..12, rung in -20..80, pitch in 0..127) {
            for scale in [Scale::Aeolian, Scale::Phrygian, Scale::Dorian, Scale::Major,
                          Scale::Mixolydian, Scale::Lydian] {
                let ladder = Ladder { tonic: PitchClass::of(tonic), scale };
                prop_assert_eq!(ladder.rung(ladder.pitch(rung)), rung);
                prop_assert!(ladder.contains(ladder.snap(pitch)));
                prop_assert!((ladder.snap(pitch) - pitch).abs() <= 1);
            }
        }
    }

    #[test]
    fn a_minor_has_no_c_sharp() {
        let ladder = Ladder { tonic: PitchClass::of(9), scale: Scale::Aeolian };
        assert!(ladder.contains(60) && !ladder.contains(61));
        assert_eq!(ladder.snap(61), 60);
    }
}
