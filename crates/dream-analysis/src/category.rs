//! Category from content, and from the name if that is allowed.
//!
//! Method: a small ensemble of perceptrons (`network`) over features of its own (`features`), so that other facts may
//! change without it. The weights are made by `cargo run --release -p dream-analysis --example train_category`; data,
//! licences and measured accuracy are in `category/MODEL_CARD.md`. It has seen recorded sounds under free
//! licences and synthesised ones, never a name.
//! In: mono samples at 44.1 kHz. Out: a category and its probability, calibrated on held-out packs: of the answers given
//! with 0.7, about 70 % are right. Where no category reaches [`UNSURE`], the answer is `other`.
//! Limits: guitar, piano, synth, atmo and mixtures are known from synthesis only.

mod features;
pub(crate) mod network;
pub(crate) mod picture;

use dream_core::Category;

pub use features::FEATURES;
use network::Network;
use picture::Picture;

use crate::names;

/// The category is `other` where the most probable one is less probable than this: more likely wrong than right by
/// two to one.
const UNSURE: f32 = 0.3;
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

fn judge(heard: &[f32], named: Option<Category>) -> (Category, f32) {
    let odds: Vec<f32> = match named {
        None => heard.to_vec(),
        Some(named) => {
            let factor = |category: Category| if category == named { NAMED } else { 1.0 };
            let pairs = Category::ALL.iter().zip(heard);
            pairs.map(|(&category, p)| p.max(LEAST) * factor(category)).collect()
        }
    };
    let total: f32 = odds.iter().sum();
    let best = (0..odds.len()).fold(0, |best, i| if odds[i] > odds[best] { i } else { best });
    let probability = odds[best] / total;
    if probability < UNSURE {
        let other = Category::ALL.iter().position(|&c| c == Category::Other);
        (Category::Other, other.map_or(0.0, |other| odds[other] / total))
    } else {
        (Category::ALL[best], probability)
    }
}

/// A probability per category, in the order of `Category::ALL`.
fn probabilities(features: &[f32; FEATURES]) -> Vec<f32> {
    let network = Network::read(include_bytes!("category/weights.bin"))
        .filter(|network| network.inputs() == FEATURES)
        .expect("the embedded weights were written for these features");
    network::softmax(&network.logits(features))
}
