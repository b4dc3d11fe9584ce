//! What a stem is beside others: what casting compares of two stems.

use serde::{Deserialize, Serialize};

/// Where a stem's sound lies in pitch, in frequency and in the bar. All are shares: a change of level changes nothing.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Profile {
    /// Share of each pitch class from C in all that sounds, at the stem's own tuning; the less pitch it has, the more even they are.
    /// All zero in silence.
    pub pitch_classes: [f32; 12],
    /// Share of the loudness in each of the 24 critical bands from 20 Hz to 15.5 kHz.
    pub bark: [f32; Self::BARK],
    /// Where its onsets lie in the bar, for loops.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rhythm: Option<Rhythm>,
}

impl Profile {
    /// Number of critical bands.
    pub const BARK: usize = 24;
}

/// The onsets of a loop folded into one bar of sixteen steps; the first step begins where the loop does.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Rhythm {
    /// Onset strength below 160 Hz per step, as shares of that of all bands and steps.
    pub low: [f32; Self::STEPS],
    /// The same from 160 Hz to 4.6 kHz.
    pub mid: [f32; Self::STEPS],
    /// The same above 4.6 kHz.
    pub high: [f32; Self::STEPS],
    /// Share of an eighth note taken by its first sixteenth, in percent, where second sixteenths are played.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub swing: Option<f32>,
    /// How late the eighths are played against the grid, in milliseconds; negative for early.
    pub late_ms: f32,
    /// Share of the onset strength within 15 ms of the grid with that swing.
    pub tight: f32,
}

impl Rhythm {
    /// Steps of a bar.
    pub const STEPS: usize = 16;
}
