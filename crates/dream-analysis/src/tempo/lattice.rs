//! How well few onsets stand on the lattice of a beat, and on equal parts of the file.
//!
//! Among many onsets repetition tells the beat; among four to twelve nothing repeats yet, but each stands on a half, a third or
//! a quarter of the beat, straight or swung, within a few milliseconds, where onsets counted in another tempo stand on fifths.
//! The same holds of a file that was cut to its bars: its halves, quarters and so on hold the onsets.
//!
//! Weights: found on loops with drawn patterns (`bench/tempo/synthesise.py`, fit set), where 10 of 2181 more have their tempo but
//! for the octave; held on the book of patterns of the test set. Cost: O(onsets) per reading, of clips with few onsets only.

use std::f64::consts::TAU;

use crate::onset::Onset;

/// More onsets than this are read by their repetition.
const FEW: usize = 12;
/// How far onsets are from their place, one standard deviation in seconds, and the share that is anywhere.
const SPREAD_S: f64 = 0.006;
const ANYWHERE: f64 = 0.05;
/// Where the second half of a swung beat starts, as a share of it.
const SWINGS: [f64; 4] = [0.57, 0.6, 0.63, 2.0 / 3.0];
/// What the logarithm of a likelihood is worth as a score: the onsets of one player err together.
const WORTH: f64 = 0.1;
/// As many onsets count, and as much of the logarithm for the parts of the file.
const ONSETS: f64 = 10.0;
const PARTS_MOST: f64 = 15.0;
/// The first onset of a file cut to its bars is at most this late, in seconds; its parts are at least as long.
const LATE_S: f64 = 0.05;
const PART_S: f64 = 0.06;
/// How far a file cut to its bars may be from them, in seconds.
const CUT_S: f64 = 0.015;

/// What the places of few onsets say for a beat of `period_s` from `phase_s` in a file of `duration_s` seconds; 0 of many.
pub(super) fn score(list: &[Onset], period_s: f64, phase_s: f64, duration_s: f64) -> f64 {
    if list.len() > FEW {
        return 0.0;
    }
    let count = list.len() as f64;
    let mut score = on_beat(list, period_s, phase_s) * count.min(ONSETS) / count;
    let bars = (duration_s / (4.0 * period_s)).round();
    let usual = bars >= 1.0 && (bars as u64).is_power_of_two();
    if usual && (duration_s - 4.0 * bars * period_s).abs() < CUT_S {
        score += on_parts(list, duration_s).min(PARTS_MOST);
    }
    WORTH * score
}

/// The logarithm of how much likelier the onsets are on the best lattice of the beat than anywhere.
fn on_beat(list: &[Onset], period_s: f64, phase_s: f64) -> f64 {
    let even = [1.0, 2.0, 3.0, 4.0].map(|parts| likelier(list, period_s / parts, phase_s, &[0.0]));
    let swung = SWINGS.map(|swing| {
        let half = 0.5 * swing;
        let places: [&[f64]; 3] = [
            &[0.0, swing],
            &[0.0, half, 0.5, 0.5 + half],
            &[0.0, half, swing, 0.5 * (1.0 + swing)],
        ];
        places
            .map(|places| likelier(list, period_s, phase_s, places))
            .into_iter()
            .fold(0.0, f64::max)
    });
    even.into_iter().chain(swung).fold(f64::MIN, f64::max)
}

/// The same for the best equal parts of the file, counted from the first onset.
fn on_parts(list: &[Onset], duration_s: f64) -> f64 {
    let Some((first, others)) = list.split_first().filter(|(first, _)| first.time_s < LATE_S)
    else {
        return 0.0;
    };
    [2.0, 4.0, 8.0, 16.0, 32.0]
        .map(|parts| duration_s / parts)
        .into_iter()
        .filter(|part_s| *part_s > PART_S)
        .map(|part_s| likelier(others, part_s, first.time_s, &[0.0]))
        .fold(0.0, f64::max)
}

/// The logarithm of the likelihood of onsets near `places` of each period, over that of onsets anywhere.
fn likelier(list: &[Onset], period_s: f64, phase_s: f64, places: &[f64]) -> f64 {
    let peak = (1.0 - ANYWHERE) * period_s / (places.len() as f64 * SPREAD_S * TAU.sqrt());
    list.iter()
        .map(|onset| {
            let part = (onset.time_s - phase_s) / period_s;
            let off = places
                .iter()
                .map(|place| (part - place - (part - place).round()).abs())
                .fold(f64::MAX, f64::min);
            (peak * (-0.5 * (off * period_s / SPREAD_S).powi(2)).exp() + ANYWHERE).ln()
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(times: impl IntoIterator<Item = f64>) -> Vec<Onset> {
        let onset = |time_s| Onset { time_s, strength: 1.0, low: 0.2, high: 0.1, change: 0.5 };
        times.into_iter().map(onset).collect()
    }

    #[test]
    fn few_onsets_speak_for_the_beat_whose_parts_hold_them() {
        let beats = [0.0, 1.5, 3.0, 5.0, 6.5];
        for (factor, duration_s) in [(0.8, 4.3), (1.25, 4.3), (0.8, 4.0)] {
            let onsets = list(beats.map(|beat| 0.5 * beat));
            let (right, wrong) = (
                score(&onsets, 0.5, 0.0, duration_s),
                score(&onsets, 0.5 * factor, 0.0, duration_s),
            );
            assert!(right > wrong + 0.5, "{factor}: {right} {wrong}");
        }
    }

    #[test]
    fn the_parts_of_a_file_speak_for_it_and_many_onsets_do_not() {
        let onsets = list([0.0, 1.0, 2.5, 3.5]);
        assert!(score(&onsets, 0.5, 0.0, 4.0) > score(&onsets, 0.5, 0.0, 4.1) + 0.3);
        let many = list((0..20).map(|i| 0.2 * f64::from(i)));
        assert!(score(&many, 0.4, 0.0, 4.0).abs() < 1e-12);
    }

    #[test]
    fn swung_onsets_stand_on_a_swung_beat() {
        let swung = list((0..5).flat_map(|beat| [0.5, 0.5 + 0.63].map(|x| f64::from(beat) + x)));
        let shaken = list((0..5).flat_map(|beat| [0.5, 0.5 + 0.45].map(|x| f64::from(beat) + x)));
        assert!(score(&swung, 1.0, 0.5, 7.3) > score(&shaken, 1.0, 0.5, 7.3) + 1.0);
    }
}
