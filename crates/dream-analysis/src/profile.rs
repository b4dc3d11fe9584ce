//! What casting compares of two stems: pitch classes, critical bands, the rhythm of a loop.
//!
//! Pitch classes are the chroma of `key` (all that sounds, so that noise and inharmonic partials blur them), bands those of
//! `timbre`. The rhythm folds the onsets of a loop into one bar of sixteen steps from the loop's start, in three bands, as
//! in M. Davies and others, "`AutoMashUpper`", IEEE/ACM TASLP 22(12), 2014, section III-C. We differ: onsets instead of
//! the energy per step, so that the timing inside a step is known, too.
//! In: what was heard. Out: shares, rounded to 1e-4. Cost: O(onsets).

mod rhythm;

use dream_core::Profile;

use crate::Heard;

/// The profile of a clip; `bars` is the loop with its start and its length in seconds, and its number of bars.
pub(crate) fn profile(heard: &Heard, bars: Option<((f64, f64), u32)>) -> Profile {
    let sum: f32 = heard.tonal.chroma.iter().sum();
    Profile {
        pitch_classes: heard.tonal.chroma.map(|c| if sum > 0.0 { rounded(c / sum) } else { 0.0 }),
        bark: heard.bark.map(rounded),
        rhythm: bars.and_then(|((start, end), bars)| {
            rhythm::rhythm(&heard.onsets.list, start, (end - start) / f64::from(bars.max(1)))
        }),
    }
}

/// Finer than any use, and short as text.
fn rounded(share: f32) -> f32 {
    (share * 1e4).round() / 1e4
}
