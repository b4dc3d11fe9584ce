//! The tempo over time: tracked beats, and whether one number describes them.
//!
//! Beats by dynamic programming (`beats::track`), which may stretch and squeeze; the local period is the slope of
//! eight successive beats.
//!
//! Limits: seldom found (`bench/tempo/varying.py 5`, drums of 16 to 28 s): 0 of 16 steady clips with and without human timing, but
//! only 2 of 24 accelerandi of 8 to 30 % and 1 of 16 rubati of 6 or 12 %; most of the others have no tempo at all.

use crate::beats;
use crate::onset::{HOPS_PER_S, Onsets};

/// How much more the low part of the onset strength counts for the beats' phase: bass drums stand on the beat more
/// often than hats.
const LOW_WEIGHT: f32 = 2.0;
/// Beats of a local period.
const LOCAL: usize = 8;
/// The tempo varies when the middle four fifths of the local periods spread by more than this share of their median.
const SPREAD: f64 = 0.05;
/// Shorter clips have too few beats to tell, in seconds.
const SHORTEST_S: f64 = 12.0;

/// Tracked beats with their tempo.
pub(super) struct Curve {
    pub(super) beats_s: Vec<f64>,
    /// The median local period in seconds.
    pub(super) period_s: f64,
    /// The spread of the middle four fifths of the local periods, as a share of the median.
    pub(super) spread: f64,
}

impl Curve {
    pub(super) fn varies(&self, duration_s: f64) -> bool {
        duration_s > SHORTEST_S && self.spread > SPREAD
    }
}

/// The beats of onsets whose period is near `period_s`.
pub(super) fn curve(onsets: &Onsets, period_s: f64) -> Curve {
    let weighted: Vec<f32> =
        onsets.strength.iter().zip(&onsets.low).map(|(all, low)| all + LOW_WEIGHT * low).collect();
    let beats_s = beats::track(&weighted, period_s * HOPS_PER_S);
    let mut periods: Vec<f64> =
        beats_s.windows(LOCAL + 1).map(|beats| (beats[LOCAL] - beats[0]) / LOCAL as f64).collect();
    periods.sort_by(f64::total_cmp);
    let at = |share: f64| periods[(share * (periods.len() - 1) as f64).round() as usize];
    if periods.is_empty() {
        return Curve { beats_s, period_s, spread: 0.0 };
    }
    let spread = (at(0.9) - at(0.1)) / at(0.5);
    Curve { period_s: at(0.5), spread, beats_s }
}
