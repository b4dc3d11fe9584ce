//! The key model: one scorer for all tonics.
//!
//! A small network sees the outline from a tonic and rates it as the tonic of a major and of a minor key; its weights are
//! the same for all twelve tonics, so that a transposed clip has a transposed key by construction. The softmax over the 24
//! ratings gives the probabilities, given that there is a key; a logistic regression on what no transposition changes says
//! whether there is one. Fitted by `bench/key/train.py` on synthesised music and drums only.

use dream_core::{Key, Mode, PitchClass};

use super::features::{Outline, PROFILES, TRIADS};
use super::table;

/// What a tonic is rated by.
pub(super) const INPUTS: usize = 12 * PROFILES + 24 * TRIADS;
pub(super) const HIDDEN: usize = 48;

/// The 24 keys with their probabilities, the most probable first.
pub(super) fn keys(outline: &Outline) -> Vec<(Key, f32)> {
    let mut keys = Vec::with_capacity(24);
    for tonic in 0..12 {
        let ratings = rate(&seen_from(outline, tonic));
        for (mode, rating) in [Mode::Major, Mode::Minor].into_iter().zip(ratings) {
            let key = Key { tonic: PitchClass::of(tonic as i32), mode };
            keys.push((key, rating / table::TEMPERATURE));
        }
    }
    let top = keys.iter().map(|key| key.1).fold(f32::NEG_INFINITY, f32::max);
    let total: f32 = keys.iter().map(|key| (key.1 - top).exp()).sum();
    for key in &mut keys {
        key.1 = (key.1 - top).exp() / total;
    }
    keys.sort_by(|a, b| b.1.total_cmp(&a.1));
    keys
}

/// The profiles and triads with `tonic` in the place of C.
fn seen_from(outline: &Outline, tonic: usize) -> [f32; INPUTS] {
    let mut out = [0.0; INPUTS];
    let twelves = outline.profiles.iter().map(<[f32; 12]>::as_slice);
    let chords = outline.triads.iter().flat_map(|triads| triads.chunks_exact(12));
    for (slots, values) in out.chunks_exact_mut(12).zip(twelves.chain(chords)) {
        for (step, slot) in slots.iter_mut().enumerate() {
            *slot = values[(tonic + step) % 12];
        }
    }
    out
}

/// The ratings as a major and as a minor tonic.
fn rate(seen: &[f32; INPUTS]) -> [f32; 2] {
    let mut hidden = table::FIRST_BIAS;
    for (value, weights) in seen.iter().zip(&table::FIRST) {
        for (sum, weight) in hidden.iter_mut().zip(weights) {
            *sum += value * weight;
        }
    }
    let mut ratings = table::SECOND_BIAS;
    for (value, weights) in hidden.iter().zip(&table::SECOND) {
        for (sum, weight) in ratings.iter_mut().zip(weights) {
            *sum += value.max(0.0) * weight;
        }
    }
    ratings
}

/// The probability that there is a key at all.
pub(super) fn tonal(outline: &Outline) -> f32 {
    let mut logit = table::TONAL_BIAS;
    let (plain, squared) = table::TONAL.split_at(outline.scalars.len());
    for (i, scalar) in outline.scalars.iter().enumerate() {
        let z = ((scalar - table::MEAN[i]) / table::DEVIATION[i]).clamp(-4.0, 4.0);
        logit += z * plain[i] + z * z * squared[i];
    }
    1.0 / (1.0 + (-logit).exp())
}
