//! The finer of the classifier's two views: 48 mel bands, each summed up over the sound.
//!
//! Method: triangular bands on the mel scale (S. Davis, P. Mermelstein, "Comparison of Parametric Representations for
//! Monosyllabic Word Recognition", IEEE TASSP 28(4), 1980), in dB below the loudest hop, and per band six numbers: the mean
//! over the sound, its deviation, its mean step, what moves faster than an eighth of a second, its loudest, and the attack.
//! They tell formants, beating and noise that twenty bands blur.
//! In: mono samples at 44.1 kHz. Out: `[MEL_FEATURES]`, finite; gain and polarity change nothing. Cost: one transform of
//! 2048 per 11.6 ms; 192 bytes per hop are kept.

use crate::spectrum::{Windowing, each_hop};

/// Number of these features.
pub(super) const MEL_FEATURES: usize = 6 * BANDS;

const BANDS: usize = 48;
const WINDOWING: Windowing = Windowing { window: 2048, hop: 512 };
const LOWEST_HZ: f64 = 40.0;
const HIGHEST_HZ: f64 = 15_000.0;
/// Levels of the bands are not below this, relative to the loudest hop.
const FLOOR: f32 = 1e-5;
/// The sound reaches from its first to its last hop above this power, relative to the loudest.
const ACTIVE: f32 = 1e-4;
/// What is softer than this is not looked at.
const HEARD: f32 = 1e-3;
/// Hops of the moving mean that parts fast from slow: 128 ms.
const SLOW: usize = 11;
/// Hops of the attack.
const ATTACK: usize = 4;

/// Levels of one hop in dB, and the root of its power relative to the loudest.
struct Hop {
    bands: [f32; BANDS],
    level: f32,
}

/// Appends the features of mono samples to `out`.
pub(super) fn features(mono: &[f32], out: &mut Vec<f32>) {
    let hops = hops(mono);
    let heard: Vec<usize> =
        (0..hops.len()).filter(|&h| hops[h].level * hops[h].level > HEARD).collect();
    let columns = (0..BANDS).map(|band| summary(&hops, &heard, band));
    let columns: Vec<[f32; 6]> = columns.collect();
    let start = out.len();
    for which in 0..6 {
        out.extend(columns.iter().map(|column| column[which]));
    }
    // The shape of the mean, the loudest and the attack, not their level.
    for which in [0, 4, 5] {
        let shape = &mut out[start + which * BANDS..start + (which + 1) * BANDS];
        let mean = shape.iter().sum::<f32>() / BANDS as f32;
        for level in shape {
            *level -= mean;
        }
    }
}

/// The active hops.
fn hops(mono: &[f32]) -> Vec<Hop> {
    let triangles = triangles();
    let mut powers: Vec<([f32; BANDS], f32)> = Vec::with_capacity(WINDOWING.hops(mono.len()));
    let mut squares = Vec::new();
    each_hop(mono, WINDOWING, |_, magnitudes| {
        squares.clear();
        squares.extend(magnitudes.iter().map(|m| m * m));
        let bands = std::array::from_fn(|band| {
            let (first, weights) = &triangles[band];
            weights.iter().zip(&squares[*first..]).map(|(weight, power)| weight * power).sum()
        });
        powers.push((bands, squares.iter().sum()));
    });
    let loudest = powers.iter().map(|p| p.1).fold(0.0, f32::max).max(1e-20);
    let active = |p: &([f32; BANDS], f32)| p.1 > ACTIVE * loudest;
    let (Some(first), Some(last)) =
        (powers.iter().position(active), powers.iter().rposition(active))
    else {
        return Vec::new();
    };
    let most = powers.iter().map(|p| p.0.iter().sum()).fold(0.0, f32::max).max(1e-20);
    let hop = |(bands, power): &([f32; BANDS], f32)| Hop {
        bands: bands.map(|power| 10.0 * (power / most + FLOOR).log10()),
        level: (power / loudest).sqrt(),
    };
    powers[first..=last].iter().map(hop).collect()
}

/// First bin and weights of each band.
fn triangles() -> Vec<(usize, Vec<f32>)> {
    let mel = |hz: f64| 2595.0 * (1.0 + hz / 700.0).log10();
    let hz = |mel: f64| 700.0 * (10.0_f64.powf(mel / 2595.0) - 1.0);
    let (low, high) = (mel(LOWEST_HZ), mel(HIGHEST_HZ));
    let width = 44_100.0 / WINDOWING.window as f64;
    let edge = |i: usize| hz(low + (high - low) * i as f64 / (BANDS + 1) as f64) / width;
    (0..BANDS)
        .map(|band| {
            let (left, top, right) = (edge(band), edge(band + 1), edge(band + 2));
            let (first, last) = (left.ceil() as usize, right.floor() as usize);
            let weight = |bin: usize| {
                let bin = bin as f64;
                let weight = if bin < top { bin - left } else { right - bin };
                (weight / if bin < top { top - left } else { right - top }) as f32
            };
            (first, (first..=last).map(weight).collect())
        })
        .collect()
}

/// Mean, deviation, mean step, fast movement, loudest and attack of a band.
fn summary(hops: &[Hop], heard: &[usize], band: usize) -> [f32; 6] {
    if heard.is_empty() {
        return [0.0; 6];
    }
    let level = |h: usize| f64::from(hops[h].bands[band]);
    let count = heard.len() as f64;
    let weights: f64 = heard.iter().map(|&h| f64::from(hops[h].level)).sum();
    let mean = heard.iter().map(|&h| f64::from(hops[h].level) * level(h)).sum::<f64>() / weights;
    let middle = heard.iter().map(|&h| level(h)).sum::<f64>() / count;
    let deviation =
        (heard.iter().map(|&h| (level(h) - middle).powi(2)).sum::<f64>() / count).sqrt();
    let steps = heard.windows(2).map(|pair| (level(pair[1]) - level(pair[0])).abs()).sum::<f64>();
    let mut loudest: Vec<f32> = heard.iter().map(|&h| hops[h].bands[band]).collect();
    let nearly = (loudest.len() - 1) * 19 / 20;
    let loudest = *loudest.select_nth_unstable_by(nearly, f32::total_cmp).1;
    let attack = hops.iter().take(ATTACK).map(|hop| f64::from(hop.bands[band])).sum::<f64>()
        / hops.len().min(ATTACK) as f64;
    let fast = fast(hops, heard, band);
    [mean, deviation, steps / (count - 1.0).max(1.0), fast, f64::from(loudest), attack]
        .map(|x| x as f32)
}

/// Deviation of a band from its moving mean.
fn fast(hops: &[Hop], heard: &[usize], band: usize) -> f64 {
    let mut sums = vec![0.0_f64];
    for hop in hops {
        sums.push(sums[sums.len() - 1] + f64::from(hop.bands[band]));
    }
    let away = |&h: &usize| {
        let (from, to) = (h.saturating_sub(SLOW / 2), (h + SLOW / 2 + 1).min(hops.len()));
        f64::from(hops[h].bands[band]) - (sums[to] - sums[from]) / (to - from) as f64
    };
    (heard.iter().map(|h| away(h).powi(2)).sum::<f64>() / heard.len() as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(mono: &[f32]) -> Vec<f32> {
        let mut out = Vec::new();
        features(mono, &mut out);
        out
    }

    fn sine(hz: f32, swing: f32) -> Vec<f32> {
        (0..44_100)
            .map(|i| i as f32 / 44_100.0)
            .map(|t| {
                let sway = 1.0 + swing * (std::f32::consts::TAU * 6.0 * t).sin();
                0.3 * sway * (std::f32::consts::TAU * hz * t).sin()
            })
            .collect()
    }

    fn top(features: &[f32]) -> usize {
        (0..BANDS).fold(0, |best, b| if features[b] > features[best] { b } else { best })
    }

    #[test]
    fn a_sine_is_loudest_in_its_band() {
        let low = of(&sine(200.0, 0.0));
        let high = of(&sine(4000.0, 0.0));
        assert!(top(&low) < 6 && top(&high) > 25, "{} {}", top(&low), top(&high));
    }

    #[test]
    fn a_swaying_level_moves_fast() {
        let moved = |swing: f32| {
            let features = of(&sine(1000.0, swing));
            features[3 * BANDS + top(&features)]
        };
        assert!(moved(0.5) > 2.0 * moved(0.0), "{} {}", moved(0.5), moved(0.0));
    }

    #[test]
    fn gain_and_polarity_change_nothing_and_silence_is_finite() {
        let sound = sine(300.0, 0.3);
        let other: Vec<f32> = sound.iter().map(|x| -0.25 * x).collect();
        for (a, b) in of(&sound).iter().zip(of(&other)) {
            assert!((a - b).abs() < 1e-2, "{a} {b}");
        }
        for silent in [vec![], vec![0.0; 5000]] {
            let features = of(&silent);
            assert_eq!(features.len(), MEL_FEATURES);
            assert!(features.iter().all(|x| x.is_finite()));
        }
    }
}
