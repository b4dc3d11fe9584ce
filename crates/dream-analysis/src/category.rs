//! Category from content, and from the name if that is allowed.
//!
//! Method: multinomial logistic regression over standardised features; its table is `category::table`, made by
//! `bench/category/train.py`.
//! Training data: 134 recorded sounds under CC0, public-domain, MIT, Apache and CC-BY terms, and the synthesised starter
//! kit with a small weight; never a name. Five-fold accuracy on the recorded ones: 0.74 over eleven categories; on 83
//! sounds of other makers: 0.52 (chance 0.18). The probabilities are scaled by a temperature fitted on the held-out folds.
//! In: what was heard of a clip. Out: a probability per category. Limits: categories without training data
//! (guitar, piano, other) are never found by content alone; names and known facts give them.

mod table;

use dream_core::{Category, Form};

use crate::attributes;
use crate::form::rivals;
use crate::pitch::Pitch;
use crate::timbre::{BANDS, Timbre, db};
use crate::{Heard, names};

/// Number of features.
pub const FEATURES: usize = ATTRIBUTES + BANDS + 14;
/// Attributes that count.
const ATTRIBUTES: usize = 24;

/// The features of the classifier: the scaled attributes, the band levels in dB, and measures of pitch,
/// envelope and form.
pub(crate) fn features(heard: &Heard) -> [f32; FEATURES] {
    let mut out = [0.0; FEATURES];
    for (i, value) in heard.attributes.iter().take(ATTRIBUTES).enumerate() {
        out[i] = attributes::scaled(i, *value);
    }
    let Timbre { bands, .. } = heard.timbre;
    for (slot, band) in out[ATTRIBUTES..].iter_mut().zip(bands) {
        *slot = db(band).max(-40.0) as f32;
    }
    let timbre = &heard.timbre;
    let Pitch { midi, voiced, spread, fall } = heard.pitch;
    let octave = |hz: f64| (hz.max(20.0) / 1000.0).log2();
    let lows: f32 = heard.onsets.list.iter().map(|onset| onset.low).sum();
    let more = [
        octave(timbre.centroid_hz),
        octave(timbre.attack_centroid_hz) - octave(timbre.centroid_hz),
        timbre.decay40_s.max(1e-3).log2(),
        timbre.end_db.max(-60.0),
        timbre.balance,
        timbre.peak_at_s.max(2e-3).log2(),
        midi.unwrap_or(60.0),
        f64::from(voiced),
        f64::from(spread.min(6.0)),
        f64::from(fall.clamp(-12.0, 12.0)),
        ((rivals(&heard.onsets) + 1) as f64).log2(),
        f64::from(lows) / heard.onsets.list.len().max(1) as f64,
        f64::from(heard.form == Form::Loop),
        f64::from(heard.form == Form::OneShot),
    ];
    for (slot, value) in out[ATTRIBUTES + BANDS..].iter_mut().zip(more) {
        *slot = value as f32;
    }
    out
}

/// The most probable category and its probability.
pub(crate) fn category(heard: &Heard, name: Option<&str>) -> (Category, f32) {
    if heard.silent {
        return (Category::Other, 0.0);
    }
    let mut odds = probabilities(&features(heard));
    if let Some(named) = name.and_then(names::category) {
        // A name is right far more often than the classifier: it multiplies the odds.
        for (category, odd) in Category::ALL.iter().zip(&mut odds) {
            *odd = odd.max(0.004) * if *category == named { 400.0 } else { 1.0 };
        }
    }
    let total: f32 = odds.iter().sum();
    let best = (0..odds.len()).max_by(|&a, &b| odds[a].total_cmp(&odds[b]).then(b.cmp(&a)));
    best.map_or((Category::Other, 0.0), |best| (Category::ALL[best], odds[best] / total))
}

fn probabilities(features: &[f32; FEATURES]) -> [f32; Category::ALL.len()] {
    let mut logits = [f32::NEG_INFINITY; Category::ALL.len()];
    for (name, bias, weights) in &table::CLASSES {
        let mut logit = *bias;
        for (i, weight) in weights.iter().enumerate() {
            let z = (features[i] - table::MEAN[i]) / table::DEVIATION[i];
            logit += weight * z.clamp(-4.0, 4.0);
        }
        if let Some(at) = Category::ALL.iter().position(|category| category == name) {
            logits[at] = logit;
        }
    }
    let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers = logits.map(|logit| (logit - top).exp());
    let total: f32 = powers.iter().sum();
    powers.map(|power| power / total)
}
