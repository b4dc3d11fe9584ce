//! Repetition by the number of phrases of a sequence.
//!
//! Method: A. Lempel and J. Ziv, "On the Complexity of Finite Sequences", IEEE Transactions on Information
//! Theory 22(1), 1976. R = 1 - phrases of the sequence / mean phrases of three shuffles of it, over 32 bars
//! of 16 steps.

use std::collections::BTreeMap;

use dream_core::{Role, Seed};
use rand::RngExt;

use crate::track::{Bar, Track, is_drum};

const BARS: usize = 32;

/// Phrases: each the shortest run not seen before, overlap allowed.
fn phrases(sequence: &[u64]) -> usize {
    let mut count = 0;
    let mut start = 0;
    while start < sequence.len() {
        let seen = |from: usize| {
            let run = sequence[from..].iter().zip(&sequence[start..]);
            run.take_while(|(a, b)| a == b).count()
        };
        let longest = (0..start).map(seen).max().unwrap_or(0);
        start += longest + 1;
        count += 1;
    }
    count
}

fn repetition(sequence: &[u64]) -> Option<f64> {
    if sequence.iter().all(|symbol| *symbol == 0) {
        return None;
    }
    let shuffled = |at: u64| {
        let mut rng = Seed(76).index(at).rng();
        let mut other = sequence.to_vec();
        for end in (1..other.len()).rev() {
            other.swap(end, rng.random_range(0..=end));
        }
        phrases(&other)
    };
    let chance = (0..3).map(shuffled).sum::<usize>() as f64 / 3.0;
    Some(1.0 - phrases(sequence) as f64 / chance)
}

/// The first 32 bars of a track that pass, a symbol per step; `None` with fewer than 8 bars.
fn sequence<'a>(
    bars: impl Iterator<Item = &'a Bar<'a>>,
    symbol: impl Fn(&Bar<'_>, usize) -> u64,
) -> Option<Vec<u64>> {
    let bars: Vec<_> = bars.take(BARS).collect();
    let steps = bars.iter().flat_map(|bar| (0..16).map(|step| symbol(bar, step)));
    (bars.len() >= 8).then(|| steps.collect())
}

/// Of the drums: which lanes sound on each step, in the loudest sections.
pub(crate) fn drums(track: &Track<'_>) -> Option<f64> {
    let mut lanes: BTreeMap<(Role, &str), u32> = BTreeMap::new();
    for query in track.plan.structure.iter().flat_map(|section| &section.stem_queries) {
        if is_drum(query.role) {
            let next = lanes.len() as u32;
            lanes.entry((query.role, &query.text)).or_insert(next);
        }
    }
    let loudest = track.beat().map(|bar| bar.section.energy).fold(0.0, f64::max);
    let loud = track.beat().filter(|bar| bar.section.energy >= loudest - 0.15);
    let symbol = |bar: &Bar<'_>, step: usize| {
        let own = bar.drums().filter(|onset| onset.step == step);
        own.map(|onset| 1 << lanes[&(onset.query.role, onset.query.text.as_str())])
            .fold(0, |mask: u64, lane: u64| mask | lane)
    };
    repetition(&sequence(loud, symbol)?)
}

/// Of the hook: its pitch on each step, or a rest.
pub(crate) fn hook(track: &Track<'_>) -> Option<f64> {
    let stated = super::density::hook_bars(track).into_iter();
    let symbol = |bar: &Bar<'_>, step: usize| {
        let mut own = bar.onsets.iter().filter(|onset| onset.query.role == Role::Lead);
        own.find(|onset| onset.step == step).and_then(|onset| onset.note.pitch).map_or(0, u64::from)
    };
    repetition(&sequence(stated, symbol)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_are_counted_as_in_the_paper() {
        // 0 . 1 . 00 1 1 -> "0 | 001 | 10 | 100 | 1000 | 101" is the example of the paper.
        let text = "0001101001000101";
        let sequence: Vec<u64> = text.bytes().map(|b| u64::from(b - b'0')).collect();
        assert_eq!(phrases(&sequence), 6);
        assert_eq!(phrases(&[5; 512]), 2);
    }
}
