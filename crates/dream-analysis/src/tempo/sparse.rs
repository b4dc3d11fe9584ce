//! Loops with too few onsets for a pulse: a chord per bar, two in all.
//!
//! Two onsets have no tempo, but a file that they cut into halves, or more into quarters or eighths, is no chance: onsets at random times
//! do that with a known probability, (2 reach parts / seconds) for each beyond the first. Then the file is a loop of a usual number of bars, whose
//! tempo is the likeliest in 60 to 180 bpm. Which octave that is, the onsets hardly tell: the confidence is low.
//!
//! A line played too loosely for its onsets to tell a pulse may still fill a file that was made to a grid: a length that is, to some samples, usual
//! bars at a whole number of bpm is rarely chance, and weighs against what the onsets lack.

use crate::onset::Onset;
use crate::tempo::span::USUAL;

/// Onsets weaker than this share of the strongest are beats of detuned voices, not notes.
const STRONG: f32 = 0.35;
/// The first onset is at most this late, in seconds; the others are as late.
const LATE_S: f64 = 0.05;
/// How far an onset may be from the grid, in seconds.
const REACH_S: f64 = 0.010;
/// Onsets at random would be on the grid at most this often.
const CHANCE: f64 = 0.016;
/// The shortest loop of so few onsets, in seconds.
const SHORTEST_S: f64 = 1.3;
/// A file was made to a grid when its length is that of its bars within this many seconds, some samples.
const MADE_S: f64 = 0.0001;
/// Lengths of whole steps of this, in seconds, are chosen by the clock.
const CLOCK_S: f64 = 0.1;
/// The share of loops whose length is made like that: most tempi are whole, but half of the files are cut otherwise.
const MADE: f64 = 0.25;
/// Slowest and fastest tempo, and the most usual, in bpm.
const BPM: [f64; 2] = [60.0, 180.0];
const USUAL_BPM: f64 = 110.0;

/// Bars of a file of `duration_s` seconds that its strong onsets cut into equal parts, the likeliest first; empty if they do not.
/// `likely` is what the onsets tell of a beat of so many seconds, if they tell anything, 0 to 1.
pub(super) fn bars(list: &[Onset], duration_s: f64, likely: impl Fn(f64) -> f64) -> Vec<u32> {
    if duration_s < SHORTEST_S || !cuts(list, duration_s) {
        return Vec::new();
    }
    usual(duration_s, likely)
}

/// Bars of a file whose length is made to a grid, where that and its onsets' probability of a pulse make one likelier than none;
/// else empty.
pub(super) fn made(
    list: &[Onset],
    duration_s: f64,
    pulse: f64,
    likely: impl Fn(f64) -> f64,
) -> Vec<u32> {
    let by_clock = (duration_s - (duration_s / CLOCK_S).round() * CLOCK_S).abs() < MADE_S;
    let starts = list.first().is_some_and(|first| first.time_s < LATE_S);
    if duration_s < SHORTEST_S || by_clock || !starts {
        return Vec::new();
    }
    let bpm = |bars: u32| 240.0 * f64::from(bars) / duration_s;
    // So far the tempo moves within the length's tolerance.
    let reach = |bars: u32| bpm(bars) * MADE_S / duration_s;
    let bars = usual(duration_s, likely);
    let chance: f64 = bars.iter().map(|&bars| 2.0 * reach(bars)).sum();
    let whole: Vec<u32> = bars
        .into_iter()
        .filter(|&bars| (bpm(bars) - bpm(bars).round()).abs() < reach(bars))
        .collect();
    if pulse * MADE > (1.0 - pulse) * chance { whole } else { Vec::new() }
}

/// The usual numbers of bars that give the file a usual tempo, the likeliest first.
fn usual(duration_s: f64, likely: impl Fn(f64) -> f64) -> Vec<u32> {
    let mut found: Vec<(u32, f64)> = USUAL
        .iter()
        .map(|&bars| (bars, 240.0 * f64::from(bars) / duration_s))
        .filter(|(_, bpm)| (BPM[0]..=BPM[1]).contains(bpm))
        .map(|(bars, bpm)| (bars, likely(60.0 / bpm) - (bpm / USUAL_BPM).log2().abs()))
        .collect();
    found.sort_by(|a, b| b.1.total_cmp(&a.1));
    found.into_iter().map(|(bars, _)| bars).collect()
}

fn cuts(list: &[Onset], duration_s: f64) -> bool {
    let top = list.iter().map(|onset| onset.strength).fold(0.0, f32::max);
    let strong = || list.iter().filter(|onset| onset.strength > STRONG * top);
    let Some(late_s) = strong().next().map(|onset| onset.time_s).filter(|late| *late < LATE_S)
    else {
        return false;
    };
    let others = strong().count() - 1;
    [2.0, 4.0, 8.0, 16.0, 32.0].into_iter().any(|parts| {
        let part_s = duration_s / parts;
        let chance = (2.0 * REACH_S / part_s).powf(others as f64);
        let on_grid = strong().all(|onset| {
            let place = (onset.time_s - late_s) / part_s;
            (place - place.round()).abs() * part_s < REACH_S
        });
        others > 0 && on_grid && chance < CHANCE
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(times: &[f64], duration_s: f64, expected: &[u32]) {
        let list: Vec<Onset> = times
            .iter()
            .map(|&time_s| Onset { time_s, strength: 1.0, low: 0.2, high: 0.1, change: 0.5 })
            .collect();
        assert_eq!(bars(&list, duration_s, |_| 0.0), expected);
    }

    #[test]
    fn two_chords_that_halve_a_file_are_two_bars() {
        check(&[0.02, 2.019], 4.0, &[2, 1]);
        check(&[0.0, 3.0], 6.0, &[2, 4]);
    }

    #[test]
    fn a_loose_line_in_a_file_made_to_a_grid_has_its_bars() {
        let list = [Onset { time_s: 0.01, strength: 1.0, low: 0.2, high: 0.1, change: 0.5 }];
        let bars = |duration_s: f64, pulse: f64| made(&list, duration_s, pulse, |_| 0.0);
        assert_eq!(bars(480.0 / 90.0 + 0.00005, 0.1), [2, 4]);
        assert!(bars(480.0 / 90.0, 0.01).is_empty());
        assert!(bars(480.0 / 90.0 + 0.001, 0.1).is_empty());
        assert!(bars(480.0 / 120.0, 0.1).is_empty());
    }

    #[test]
    fn notes_off_the_parts_of_the_file_or_alone_are_none() {
        check(&[0.0, 1.7], 4.0, &[]);
        check(&[0.0], 4.0, &[]);
        check(&[0.5, 2.5], 4.0, &[]);
        check(&[0.0, 1.0, 1.63, 2.21], 4.0, &[]);
    }
}
