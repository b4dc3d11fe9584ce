//! Whether there is a pulse at all.
//!
//! Any onsets have a best reading; what tells a pulse is that they keep to its grid, that their strength repeats after one beat,
//! two and four, and that one reading is far more probable than the others. A logistic regression weighs that; its weights are
//! fitted by `bench/tempo/fit.py` on synthesised sounds with and without a pulse.

use crate::onset::Onset;
use crate::tempo::reading::Reading;
use crate::tempo::repeats::Repeats;
use crate::tempo::weights::{PULSE, PULSE_BIAS};

/// Pieces of evidence for a pulse.
pub const PULSE_EVIDENCE: usize = 11;

/// The evidence for a pulse: clarity of the repetition; repetition after one, two, four beats; share of the onset strength on
/// the beat, and off every grid; the spread of the onsets round their clusters as a share of the beat; the logarithms of the number
/// of onsets, of their effective number, and of the beats; the probability of the reading's tempo.
pub(super) fn evidence(
    list: &[Onset],
    repeats: &Repeats,
    reading: &Reading,
    probability: f64,
    duration_s: f64,
) -> [f64; PULSE_EVIDENCE] {
    let near = |beats: f64| f64::from(repeats.near(beats * reading.period_s).unwrap_or(0.0));
    let places = &reading.evidence[..6];
    let on_beat = places[0] + places[1] + places[2];
    let off_grid = 1.0 - places.iter().sum::<f64>();
    let weight: f64 = list.iter().map(|onset| f64::from(onset.strength)).sum();
    let squares: f64 = list.iter().map(|onset| f64::from(onset.strength).powi(2)).sum();
    [
        f64::from(repeats.clarity()),
        near(1.0),
        near(2.0),
        near(4.0),
        on_beat,
        off_grid,
        reading.fit.spread_s / reading.period_s,
        (list.len() as f64).log2(),
        (weight * weight / squares.max(1e-12)).max(1.0).log2(),
        (duration_s / reading.period_s).log2(),
        probability,
    ]
}

/// The probability of a pulse.
pub(super) fn probability(evidence: &[f64; PULSE_EVIDENCE]) -> f64 {
    let sum: f64 = evidence.iter().zip(PULSE).map(|(e, w)| e * w).sum();
    1.0 / (1.0 + (-sum - PULSE_BIAS).exp())
}
