//! Which drum voices sound in a loop.
//!
//! Method: every attack in the picture of twenty bands is judged by a small network with one output per voice, since
//! voices sound together (C.-W. Wu et al., "A Review of Automatic Drum Transcription", IEEE/ACM TASLP 26(9), 2018,
//! calls it segment and classify). It is trained by `examples/train_voices.rs` on loops whose hits are known.
//! In: the picture of a clip. Out: voices with a confidence, those below [`LEAST`] left out. A voice is as sure as its two
//! surest attacks together, so that one slip does not count as a voice.
//! Limits: quiet hats under a loud snare are often missed; which of tom, conga and low percussion it is, is a guess.

use std::collections::BTreeMap;

use crate::category::network::Network;
use crate::category::picture::{BANDS, FLOOR_DB, HOPS_PER_S, Picture, picture};

/// The voices, in the order of the network's outputs.
pub const VOICES: [&str; 7] = ["kick", "snare", "clap", "hihat", "tom", "cymbal", "percussion"];
/// Features of an attack.
pub const FEATURES: usize = 4 * BANDS;

/// The least confidence of a voice that is named.
const LEAST: f32 = 0.5;
/// An attack is a mean rise of the bands by this much within 23 ms, in dB.
const RISE_DB: f32 = 2.5;
/// Attacks are this many hops apart.
const APART: usize = 4;

/// An attack.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Strike {
    /// When, in seconds from the start, to about 12 ms.
    pub time_s: f64,
    /// Rise, level at the attack, 70 ms and 140 ms later, of each band in dB.
    pub features: [f32; FEATURES],
}

/// The attacks of mono samples without DC.
pub fn strikes(mono: &[f32]) -> Vec<Strike> {
    of_picture(&picture(mono))
}

/// The voices of a clip, each with its confidence.
pub(crate) fn voices(picture: &Picture) -> BTreeMap<String, f32> {
    let network = Network::read(include_bytes!("voices.bin"))
        .filter(|network| network.inputs() == FEATURES)
        .expect("the embedded weights were written for these features");
    let mut best = [[0.0_f32; 2]; VOICES.len()];
    for strike in of_picture(picture) {
        for (best, logit) in best.iter_mut().zip(network.logits(&strike.features)) {
            let probability = 1.0 / (1.0 + (-logit).exp());
            if probability > best[0] {
                *best = [probability, best[0]];
            } else {
                best[1] = best[1].max(probability);
            }
        }
    }
    let sure = |[first, second]: [f32; 2]| 0.5 * (first + second);
    let named = VOICES.iter().zip(best.map(sure)).filter(|voice| voice.1 >= LEAST);
    named.map(|(name, confidence)| ((*name).to_owned(), confidence)).collect()
}

fn of_picture(picture: &Picture) -> Vec<Strike> {
    let bands = &picture.bands;
    let before = |h: usize, b: usize| h.checked_sub(2).map_or(FLOOR_DB, |h| bands[h][b]);
    let rises: Vec<f32> = (0..bands.len())
        .map(|h| (0..BANDS).map(|b| (bands[h][b] - before(h, b)).max(0.0)).sum::<f32>())
        .map(|sum| sum / BANDS as f32)
        .collect();
    let mut strikes: Vec<Strike> = Vec::new();
    let mut last = None;
    for (h, &rise) in rises.iter().enumerate() {
        let near = &rises[h.saturating_sub(APART / 2)..(h + APART / 2 + 1).min(rises.len())];
        let fresh = last.is_none_or(|last| h - last >= APART);
        if rise > RISE_DB && fresh && near.iter().all(|&n| n <= rise) {
            last = Some(h);
            strikes.push(Strike { time_s: h as f64 / HOPS_PER_S, features: features(bands, h) });
        }
    }
    strikes
}

fn features(bands: &[[f32; BANDS]], h: usize) -> [f32; FEATURES] {
    let at = |h: usize| bands.get(h).copied().unwrap_or([FLOOR_DB; BANDS]);
    let before = h.checked_sub(2).map_or([FLOOR_DB; BANDS], at);
    let attack: [f32; BANDS] =
        std::array::from_fn(|b| (0..3).map(|k| at(h + k)[b]).fold(FLOOR_DB, f32::max));
    let mut out = [0.0; FEATURES];
    for b in 0..BANDS {
        out[b] = attack[b] - before[b];
        out[BANDS + b] = attack[b];
        out[2 * BANDS + b] = at(h + 6)[b];
        out[3 * BANDS + b] = at(h + 12)[b];
    }
    out
}
