//! Category from content, and from the name if that is allowed.
//!
//! Method: a small ensemble of perceptrons (`network`) over features of its own (`features`), so that other facts may
//! change without it. The weights are made by `cargo run --release -p dream-analysis --example train_category`; data,
//! licences and measured accuracy are in `category/MODEL_CARD.md`. It has seen recorded sounds under free
//! licences and synthesised ones, never a name.
//! In: mono samples at 44.1 kHz. Out: a category and its probability, calibrated on held-out makers: of the answers given
//! with 0.7, about 70 % are right. Where no category reaches `UNSURE`, the answer is `other`.
//! Limits: guitar, piano, synth, atmo and mixtures are known from rendered and synthesised sounds only.

mod features;
mod mel;
pub(crate) mod network;
pub(crate) mod picture;

use dream_core::Category;

pub use features::FEATURES;
use network::Network;
use picture::Picture;

use crate::names;

/// The category is `other` where the most probable one is less probable than this: by the calibration, wrong four times
/// in five.
const UNSURE: f32 = 0.2;
/// A name is right far more often than the sound: it multiplies the odds.
const NAMED: f32 = 400.0;
/// What the sound cannot exclude for the name.
const LEAST: f32 = 0.004;

/// The features of mono samples without DC, `[FEATURES]`.
pub fn features(mono: &[f32]) -> [f32; FEATURES] {
    features::features(mono, &picture::picture(mono))
}

/// The most probable category and its probability; `Other` with 0 for silence.
pub(crate) fn category(mono: &[f32], picture: &Picture, name: Option<&str>) -> (Category, f32) {
    if picture.level.is_empty() {
        return (Category::Other, 0.0);
    }
    let heard = probabilities(&features::features(mono, picture));
    judge(&heard, name.and_then(names::category))
}

/// A probability per category, in the order of `Category::ALL`; all zero for silence.
pub(crate) fn heard(mono: &[f32], picture: &Picture) -> Vec<f32> {
    if picture.level.is_empty() {
        return vec![0.0; Category::ALL.len()];
    }
    probabilities(&features::features(mono, picture))
}

fn judge(heard: &[f32], named: Option<Category>) -> (Category, f32) {
    let odds: Vec<f32> = match named {
        None => heard.to_vec(),
        Some(named) => {
            let factor = |category: Category| if category == named { NAMED } else { 1.0 };
            let pairs = Category::ALL.iter().zip(heard);
            pairs.map(|(&category, p)| p.max(LEAST) * factor(category)).collect()
        }
    };
    decide(&odds)
}

/// The category for odds in the order of `Category::ALL`, and its probability; `Other` where none is probable.
pub fn decide(odds: &[f32]) -> (Category, f32) {
    let total = odds.iter().sum::<f32>().max(1e-20);
    let pairs = || Category::ALL.iter().copied().zip(odds.iter().map(|odd| odd / total));
    let top = pairs().fold(
        (Category::Other, 0.0),
        |best, pair| {
            if pair.1 > best.1 { pair } else { best }
        },
    );
    let other = pairs().find(|pair| pair.0 == Category::Other);
    if top.1 < UNSURE { other.unwrap_or((Category::Other, 0.0)) } else { top }
}

/// What the hidden units say, all members one after the other; all zero for silence.
pub(crate) fn units(mono: &[f32], picture: &Picture) -> Vec<f32> {
    let units = network().units(&features::features(mono, picture));
    if picture.level.is_empty() { vec![0.0; units.len()] } else { units }
}

/// A probability per category, in the order of `Category::ALL`.
fn probabilities(features: &[f32; FEATURES]) -> Vec<f32> {
    network::softmax(&network().logits(features))
}

fn network() -> Network {
    Network::read(include_bytes!("category/weights.bin"))
        .filter(|network| network.inputs() == FEATURES)
        .expect("the embedded weights were written for these features")
}

#[cfg(test)]
mod tests {
    use dream_audio::synth::kit;
    use dream_core::Seed;

    use super::*;
    use crate::signals::{chord, clicks, noise, silence, thump};

    fn of(mono: &[f32], name: Option<&str>) -> (Category, f32) {
        category(mono, &picture::picture(mono), name)
    }

    #[test]
    fn features_are_finite_whatever_the_length() {
        for frames in [0, 1, 2, 511, 512, 513, 1024, 4097, 44_100] {
            for samples in [noise(1.0), silence(1.0), vec![0.4; 44_100]] {
                assert!(features(&samples[..frames]).iter().all(|x| x.is_finite()), "{frames}");
            }
        }
    }

    #[test]
    fn level_and_polarity_change_no_feature() {
        let mut sound = thump(52.0, 0.5);
        sound.extend(clicks(&[0.1, 0.4], 0.7));
        let before = features(&sound);
        for gain in [0.25, 4.0, -1.0, 0.0625] {
            let other: Vec<f32> = sound.iter().map(|x| gain * x).collect();
            for (i, (a, b)) in before.iter().zip(features(&other)).enumerate() {
                assert!((a - b).abs() < 0.02, "feature {i} at gain {gain}: {a} and {b}");
            }
        }
    }

    #[test]
    fn three_samples_of_offset_change_no_category() {
        for recipe in kit::recipes().iter().step_by(23) {
            let mono = recipe.render(Seed(5)).to_mono();
            let (category, probability) = of(&mono, None);
            let (late, later) = of(&[&[0.0; 3], mono.as_slice()].concat(), None);
            let close = probability < 0.55 || category == late;
            assert!(close && (probability - later).abs() < 0.2, "{}", recipe.name);
        }
    }

    /// Share of the kit's sounds of that category, fresh seeds, that are heard as such.
    fn share(wanted: Category) -> f64 {
        let recipes = kit::recipes();
        let of_it: Vec<_> = recipes.iter().filter(|recipe| recipe.category == wanted).collect();
        let right =
            of_it.iter().filter(|recipe| of(&recipe.render(Seed(77)).to_mono(), None).0 == wanted);
        right.count() as f64 / of_it.len() as f64
    }

    #[test]
    fn drums_of_the_kit_are_heard_as_what_they_are() {
        for wanted in [Category::Kick, Category::Snare, Category::Clap, Category::Hihat] {
            assert!(share(wanted) > 0.75, "{wanted}: {}", share(wanted));
        }
    }

    #[test]
    fn an_even_judgement_is_other_and_a_name_settles_it() {
        let even = [1.0 / 16.0; 16];
        assert_eq!(judge(&even, None).0, Category::Other);
        assert!(judge(&even, None).1 < 0.1);
        let (named, sure) = judge(&even, Some(Category::Pad));
        assert_eq!(named, Category::Pad);
        assert!(sure > 0.9);
    }

    #[test]
    fn probabilities_are_those_of_every_category() {
        let found = probabilities(&features(&chord(&[110.0], 1.0, 8)));
        assert_eq!(found.len(), Category::ALL.len());
        assert!((found.iter().sum::<f32>() - 1.0).abs() < 1e-4);
    }

    #[test]
    fn silence_is_other_and_not_sure() {
        assert_eq!(of(&silence(0.5), Some("kick.wav")), (Category::Other, 0.0));
        assert_eq!(of(&[], None), (Category::Other, 0.0));
    }
}
