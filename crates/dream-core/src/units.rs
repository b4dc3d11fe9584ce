//! Quantities with their units.

use serde::{Deserialize, Serialize};

/// A value outside the range of its unit.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{what} must be {min} to {max}, got {got}")]
pub struct OutOfRange {
    /// The quantity.
    pub what: &'static str,
    /// Smallest allowed value.
    pub min: f64,
    /// Largest allowed value.
    pub max: f64,
    /// The value given.
    pub got: f64,
}

/// A position or a length in samples per channel.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Frames(pub u64);

impl Frames {
    /// The frame nearest to `seconds`; negative times give 0.
    pub fn from_seconds(seconds: f64, rate: SampleRate) -> Self {
        Self((seconds * rate.hz()).round().max(0.0) as u64)
    }

    /// This length in seconds.
    pub fn seconds(self, rate: SampleRate) -> f64 {
        self.0 as f64 / rate.hz()
    }

    /// This position as an index into a slice.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Frames per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SampleRate(pub u32);

impl SampleRate {
    /// The rate of the library and of every take: 44.1 kHz.
    pub const LIBRARY: Self = Self(44_100);

    /// Frames per second as a float.
    pub fn hz(self) -> f64 {
        f64::from(self.0)
    }
}

/// A tempo in quarter notes per minute, 20 to 400.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Bpm(f64);

impl Bpm {
    /// Checks the range.
    ///
    /// # Errors
    /// `OutOfRange` for anything not finite or outside 20 to 400.
    pub fn new(bpm: f64) -> Result<Self, OutOfRange> {
        if (20.0..=400.0).contains(&bpm) {
            Ok(Self(bpm))
        } else {
            Err(OutOfRange { what: "tempo in bpm", min: 20.0, max: 400.0, got: bpm })
        }
    }

    /// Beats per minute.
    pub fn get(self) -> f64 {
        self.0
    }

    /// Seconds per beat.
    pub fn beat_seconds(self) -> f64 {
        60.0 / self.0
    }

    /// The frame nearest to `beat`, counted from the origin so that rounding never adds up.
    pub fn frame_of(self, beat: f64, rate: SampleRate) -> Frames {
        Frames::from_seconds(beat * self.beat_seconds(), rate)
    }
}

impl TryFrom<f64> for Bpm {
    type Error = OutOfRange;
    fn try_from(bpm: f64) -> Result<Self, OutOfRange> {
        Self::new(bpm)
    }
}

impl From<Bpm> for f64 {
    fn from(bpm: Bpm) -> Self {
        bpm.0
    }
}

/// A level or a gain in decibels.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default, Serialize, Deserialize)]
pub struct Db(pub f32);

impl Db {
    /// Linear gain.
    pub fn gain(self) -> f32 {
        10.0_f32.powf(self.0 / 20.0)
    }

    /// The level of a linear gain, not below -120 dB.
    pub fn of(gain: f32) -> Self {
        Self((20.0 * gain.abs().max(1e-6).log10()).max(-120.0))
    }
}

/// Loudness in LUFS as ITU-R BS.1770-4 defines it.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct Lufs(pub f64);

/// A pitch interval in equal-tempered semitones.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default, Serialize, Deserialize)]
pub struct Semitones(pub f64);

impl Semitones {
    /// Frequency ratio.
    pub fn ratio(self) -> f64 {
        (self.0 / 12.0).exp2()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn beats_start_on_the_nearest_frame() {
        let bpm = Bpm::new(138.0).unwrap();
        assert_eq!(bpm.frame_of(1.0, SampleRate::LIBRARY), Frames(19_174));
        assert_eq!(bpm.frame_of(138.0, SampleRate::LIBRARY), Frames(2_646_000));
    }

    #[test]
    fn a_tempo_outside_20_to_400_is_refused() {
        for bad in [19.9, 400.1, f64::NAN, f64::INFINITY, -1.0] {
            assert!(Bpm::new(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn decibels_convert_back(level in -100.0_f32..40.0) {
            prop_assert!((Db::of(Db(level).gain()).0 - level).abs() < 1e-3);
        }
    }
}
