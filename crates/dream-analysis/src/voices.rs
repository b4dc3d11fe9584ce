//! Which drum voices sound in a loop.
//!
//! Method: every attack in the picture of twenty bands is judged by a small network with one output per voice, since
//! voices sound together (C.-W. Wu et al., "A Review of Automatic Drum Transcription", IEEE/ACM TASLP 26(9), 2018,
//! calls it segment and classify). It is trained by `examples/train_category.rs` on loops whose hits are known.
//! In: mono samples without DC, seen on hops that lie on the sound itself. Out: voices with a confidence, those below [`LEAST`] left out. `snare` is a snare or a clap,
//! `percussion` any other drum or cymbal; `clap`, `tom` and `cymbal` are named besides where they can be told. A voice is as
//! sure as its two surest attacks together, so that one slip does not count as a voice.
//! Limits: quiet hats under a loud snare are often missed; a low tom alone may pass for a kick. Measured in
//! `category/MODEL_CARD.md`.

use std::collections::BTreeMap;

use crate::category::network::Network;
use crate::category::picture::{BANDS, FLOOR_DB, HOP, anchored};

/// The voices, in the order of the network's outputs.
pub const VOICES: [&str; 7] = ["kick", "snare", "hihat", "percussion", "clap", "tom", "cymbal"];
/// Features of an attack.
pub const FEATURES: usize = 5 * BANDS;

/// The least confidence of a voice that is named.
pub const LEAST: f32 = 0.4;
/// An attack is a mean rise of the bands by this much within 23 ms, in dB.
const RISE_DB: f32 = 2.5;
/// Attacks are this many hops apart.
const APART: usize = 4;

/// An attack.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Strike {
    /// When, in seconds from the start, to about 12 ms.
    pub time_s: f64,
    /// Rise, level at the attack, and 70, 140 and 280 ms later, of each band in dB.
    pub features: [f32; FEATURES],
}

/// The attacks of mono samples without DC.
pub fn strikes(mono: &[f32]) -> Vec<Strike> {
    let (picture, first) = anchored(mono);
    let bands = &picture.bands;
    let time_s = |h: usize| (first + h * HOP) as f64 / 44_100.0;
    let strike = |h: usize| Strike { time_s: time_s(h), features: features(bands, h) };
    attacks(bands).into_iter().map(strike).collect()
}

/// The voices of a clip, each with its confidence.
pub(crate) fn voices(mono: &[f32]) -> BTreeMap<String, f32> {
    let network = Network::read(include_bytes!("voices.bin"))
        .filter(|network| network.inputs() == FEATURES)
        .expect("the embedded weights were written for these features");
    let strikes = strikes(mono);
    let sure = together(strikes.iter().map(|strike| network.logits(&strike.features)));
    let named = VOICES.iter().zip(sure).filter(|voice| voice.1 >= LEAST);
    named.map(|(name, confidence)| ((*name).to_owned(), confidence)).collect()
}

/// How sure each voice is, from the logits of all attacks: the mean of its two most probable ones.
pub fn together(logits: impl Iterator<Item = Vec<f32>>) -> [f32; VOICES.len()] {
    let mut best = [[0.0_f32; 2]; VOICES.len()];
    for strike in logits {
        for (best, logit) in best.iter_mut().zip(strike) {
            let probability = 1.0 / (1.0 + (-logit).exp());
            if probability > best[0] {
                *best = [probability, best[0]];
            } else {
                best[1] = best[1].max(probability);
            }
        }
    }
    best.map(|[first, second]| 0.5 * (first + second))
}

/// The hops of the attacks.
fn attacks(bands: &[[f32; BANDS]]) -> Vec<usize> {
    let before = |h: usize, b: usize| h.checked_sub(2).map_or(FLOOR_DB, |h| bands[h][b]);
    let rises: Vec<f32> = (0..bands.len())
        .map(|h| (0..BANDS).map(|b| (bands[h][b] - before(h, b)).max(0.0)).sum::<f32>())
        .map(|sum| sum / BANDS as f32)
        .collect();
    let mut found: Vec<usize> = Vec::new();
    for (h, &rise) in rises.iter().enumerate() {
        let near = &rises[h.saturating_sub(APART / 2)..(h + APART / 2 + 1).min(rises.len())];
        let fresh = found.last().is_none_or(|last| h - last >= APART);
        if rise > RISE_DB && fresh && near.iter().all(|&n| n <= rise) {
            found.push(h);
        }
    }
    found
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
        out[4 * BANDS + b] = at(h + 24)[b];
    }
    out
}

#[cfg(test)]
mod tests {
    use dream_audio::synth::kit;
    use dream_core::Seed;

    use super::*;
    use crate::signals::{chord, clicks, noise, silence, thump};

    /// Adds the sounds at the sixteenths of a bar of two seconds.
    fn bar(parts: &[(&[f32], &[usize])]) -> Vec<f32> {
        let mut out = silence(2.0);
        for (sound, steps) in parts {
            for step in *steps {
                let start = step * 88_200 / 16;
                for (slot, x) in out[start..].iter_mut().zip(*sound) {
                    *slot += x;
                }
            }
        }
        out
    }

    fn of(name: &str) -> Vec<f32> {
        let recipes = kit::recipes();
        let recipe = recipes.iter().find(|recipe| recipe.name == name).unwrap();
        recipe.render(Seed(8)).to_mono()
    }

    #[test]
    fn attacks_are_found_at_their_times_whatever_the_level() {
        let times = [0.1, 0.5, 0.72, 1.0];
        let sound = clicks(&times, 1.5);
        for gain in [1.0, 0.05] {
            let scaled: Vec<f32> = sound.iter().map(|x| gain * x).collect();
            let found = strikes(&scaled);
            assert_eq!(found.len(), times.len(), "{gain}");
            for (strike, time) in found.iter().zip(times) {
                assert!((strike.time_s - time).abs() < 0.015, "{} for {time}", strike.time_s);
            }
        }
    }

    #[test]
    fn a_beat_has_the_voices_it_is_made_of() {
        let (kick, snare, hat) = (of("kick_909"), of("snare_909"), of("hat_closed_909"));
        let beat = bar(&[(&kick, &[0, 6, 8]), (&snare, &[4, 12]), (&hat, &[2, 10, 14])]);
        let found = voices(&beat);
        for voice in ["kick", "snare", "hihat"] {
            assert!(found.contains_key(voice), "{voice} in {found:?}");
        }
        let four = voices(&bar(&[(&kick, &[0, 4, 8, 12])]));
        assert!(four.contains_key("kick"), "{four:?}");
        assert!(!four.contains_key("hihat") && !four.contains_key("snare"), "{four:?}");
    }

    #[test]
    fn what_has_no_drums_has_no_voices() {
        assert!(voices(&chord(&[220.0, 330.0], 3.0, 6)).is_empty());
        assert!(voices(&silence(1.0)).is_empty());
        assert!(voices(&[]).is_empty());
        assert!(voices(&thump(50.0, 0.0)).is_empty());
        let all = voices(&noise(0.01));
        assert!(all.values().all(|sure| (0.0..=1.0).contains(sure)));
    }
}
