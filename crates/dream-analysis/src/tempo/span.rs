//! Where a loop begins and ends, and how many bars that is.
//!
//! A file that starts on a downbeat and lasts whole bars is the plain case; there the length of the file makes the tempo exact.
//! But the first bar may start late, and sounds may ring on after the last bar: then the bars that hold the onsets
//! are the loop.

use crate::onset::Onset;
use crate::tempo::fold::{Fit, residue};

/// A file holds whole bars when their length by its onsets is off by at most this share.
const WHOLE: f64 = 0.006;
/// The same in standard errors of the period.
const ERRORS: f64 = 4.0;
/// The least that a file may be longer or shorter than its bars by the onsets, in seconds: more is a late start or a tail.
const LEAST_S: f64 = 0.005;
/// How many bars loops usually have.
pub(super) const USUAL: [u32; 5] = [1, 2, 4, 8, 16];
/// A bar starts with the file when it is at most this late or early, in seconds.
const START_S: f64 = 0.025;
/// Onsets this long before the end of the last bar belong to the next: they are early, not late, in seconds.
const EARLY_S: f64 = 0.03;
/// A loop may be cut this much short of its last bar, in seconds and as a share of that bar.
const SHORT_S: f64 = 0.12;
const SHORT: f64 = 0.06;
/// What comes after the last bar is a tail up to this share of the bars, or up to one bar.
const TAIL: f64 = 0.5;
/// An onset in the tail that is weaker than this share of the strongest is part of the ring.
const RING: f32 = 0.2;

/// Whole bars within a clip.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Span {
    /// The first downbeat, in seconds.
    pub(super) start_s: f64,
    /// Seconds per beat.
    pub(super) period_s: f64,
    /// How many bars.
    pub(super) bars: u32,
    /// Whether nothing but silence or a ring lies outside: the clip is a loop of these bars.
    pub(super) alone: bool,
}

/// The bars of a clip whose onsets are counted in `fit.period_s` from a downbeat.
pub(super) fn span(list: &[Onset], fit: Fit, downbeat_s: f64, duration_s: f64) -> Option<Span> {
    let bar_s = 4.0 * fit.period_s;
    let bars = (duration_s / bar_s).round();
    let exact_s = duration_s / bars.max(1.0);
    let tolerance = WHOLE.min((ERRORS * fit.error_s / fit.period_s).max(LEAST_S / duration_s));
    // A file that begins between two onsets, with a rest, is no less a loop: whole bars of a usual number are no chance.
    let starts = residue(downbeat_s, bar_s).abs() < START_S || USUAL.contains(&(bars as u32));
    if bars >= 1.0 && starts && (exact_s / bar_s - 1.0).abs() < tolerance {
        return Some(Span {
            start_s: 0.0,
            period_s: exact_s / 4.0,
            bars: bars as u32,
            alone: true,
        });
    }
    let (first, last) = (list.first()?.time_s, list.last()?.time_s);
    let mut start_s = downbeat_s.rem_euclid(bar_s);
    if bar_s - start_s < START_S {
        start_s = 0.0;
    }
    let top = list.iter().map(|onset| onset.strength).fold(0.0, f32::max);
    let sounding = list.iter().rev().find(|onset| onset.strength > RING * top);
    let last_s = sounding.map_or(last, |onset| onset.time_s);
    let held = ((last_s - start_s + EARLY_S) / bar_s).ceil().max(1.0);
    let short_s = SHORT_S.min(SHORT * bar_s);
    let fits = ((duration_s - start_s + short_s) / bar_s).floor();
    let bars = held.min(fits);
    let tail_s = duration_s - start_s - bars * bar_s;
    let alone =
        held <= fits && first > start_s - START_S && tail_s < bar_s.min(TAIL * bars * bar_s);
    (bars >= 1.0).then_some(Span {
        start_s,
        period_s: fit.drawn().period_s,
        bars: bars as u32,
        alone,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Onsets on every beat of `bars` bars at 120 bpm from `start_s`, in a clip of `duration_s`.
    #[track_caller]
    fn check(bars: u32, start_s: f64, duration_s: f64, expected: Option<(f64, u32, bool)>) {
        let list: Vec<Onset> = (0..4 * bars)
            .map(|beat| start_s + 0.5 * f64::from(beat))
            .map(|time_s| Onset { time_s, strength: 1.0, low: 0.5, high: 0.1, change: 0.0 })
            .collect();
        let fit = Fit { period_s: 0.5, error_s: 0.0002, spread_s: 0.001 };
        let found = span(&list, fit, start_s, duration_s);
        assert_eq!(found.map(|span| (span.start_s, span.bars, span.alone)), expected);
    }

    #[test]
    fn whole_bars_a_tail_and_a_late_start_are_loops() {
        check(2, 0.0, 4.0, Some((0.0, 2, true)));
        check(2, 0.0, 4.4, Some((0.0, 2, true)));
        check(4, 0.1, 8.1, Some((0.1, 4, true)));
        check(2, 0.0, 3.95, Some((0.0, 2, true)));
    }

    #[test]
    fn a_piece_of_the_next_bar_is_no_tail() {
        check(3, 0.0, 5.0, Some((0.0, 2, false)));
        check(1, 0.0, 1.2, None);
    }
}
