//! Key, tuning and tonal content.
//!
//! Method: spectral peaks that last are tuned, explained as harmonic notes (`notes`) and summed up as seen from each
//! tonic: who sounds in the chords, in the bass, at the beginning and the end, and which triads (`features`). A small
//! network with the same weights for all twelve tonics rates them (`model`), as the profiles of C. Krumhansl,
//! "Cognitive Foundations of Musical Pitch", Oxford 1990, do by correlation. We differ: fitted to clips of loop-based music,
//! where the beginning and the bass say what a profile cannot, such as minor against its relative major; and the
//! ratings are probabilities.
//! In: mono samples at 44.1 kHz. Out: key with its probability, the root of a chord, tuning; none for drums and noise.
//! Cost: one spectrum of 16384 and one of 8192 every 93 ms. Limits: one key per clip; a lone note has no key.

mod bass;
mod chord;
mod features;
mod model;
mod notes;
mod table;
mod tonality;

use dream_core::Key;

pub use chord::Chord;
pub use features::FEATURES;

/// Key and tonal content of a clip.
#[derive(Debug, Clone, Default)]
pub struct Tonal {
    /// The most probable key; `None` for what is not tonal.
    pub key: Option<Key>,
    /// The probability that the key is right, 0 to 1; 0 without one.
    pub confidence: f32,
    /// The five most probable keys with their probabilities, the best first; empty without a key.
    pub candidates: Vec<(Key, f32)>,
    /// The root of what may be one chord; `None` for what is not tonal.
    pub chord: Option<Chord>,
    /// How far the tuning lies above equal temperament at 440 Hz, in cents, -50 to 50; `None` for what is not tonal or
    /// agrees on none.
    pub tuning_cents: Option<f32>,
    /// Share of the energy between 50 Hz and 5 kHz that lies in lasting peaks, 0 to 1.
    pub tonality: f32,
    /// Share of the peaks' energy that no single harmonic series explains, 0 to 1.
    pub inharmonicity: f32,
    /// Amplitude per pitch class, C first, at the clip's own tuning, partials and noise included: the flatter, the less pitch there
    /// is. The largest is 1; all 0 in silence.
    pub chroma: [f32; 12],
}

/// Least probability of being tonal.
const TONAL_MIN: f32 = 0.5;
/// Least probability of the best key: below, the clip fits all keys alike.
const KEY_MIN: f32 = 0.2;
/// How many candidates are kept.
const CANDIDATES: usize = 5;

/// The features of the key model, as its training script wants them: profiles, triads, scalars and the tuning.
pub fn features(mono: &[f32]) -> Vec<f32> {
    let outline = features::outline(mono);
    let profiles = outline.profiles.iter().flatten();
    let triads = outline.triads.iter().flatten();
    let tuning = outline.tuning.unwrap_or(0.0);
    profiles.chain(triads).chain(&outline.scalars).chain([&tuning]).copied().collect()
}

/// The key of mono samples at 44.1 kHz.
pub fn key(mono: &[f32]) -> Tonal {
    let (tonality, inharmonicity) = tonality::tones(mono);
    let outline = features::outline(mono);
    let top = outline.chroma.iter().copied().fold(0.0, f32::max);
    let chroma = outline.chroma.map(|class| if top > 0.0 { class / top } else { 0.0 });
    let mut found = Tonal { tonality, inharmonicity, chroma, ..Tonal::default() };
    let tonal = model::tonal(&outline);
    if outline.notes.iter().all(|weight| *weight <= 0.0) || tonal < TONAL_MIN {
        return found;
    }
    found.tuning_cents = outline.tuning.map(|semitones| 100.0 * semitones);
    found.chord = chord::chord(&outline);
    let mut keys = model::keys(&outline);
    if keys[0].1 >= KEY_MIN {
        found.key = Some(keys[0].0);
        found.confidence = tonal * keys[0].1;
        keys.truncate(CANDIDATES);
        found.candidates = keys;
    }
    found
}

#[cfg(test)]
mod tests;
