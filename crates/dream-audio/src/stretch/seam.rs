//! Loops whose end meets their start.
//!
//! Method: where a loop jumps, its start is continued backwards in time by linear prediction (coefficients by J. Burg's
//! method; I. Kauppinen and K. Roth, "Audio Signal Extrapolation: Theory and Applications", Digital Audio Effects 2002)
//! and the end fades into that, so that value, slope and level meet.
//! In: a loop of at least four fades. Out: the same but for the fade at its end, and only if it jumped.
//! Shapes: coefficients `[order]`. Cost: `order` passes over 50 ms per channel that jumps.
//! Limits: hides a cut, not a loop of the wrong length.

use super::Material;
use super::splice::gains;
use crate::Clip;

/// Length of the fade of drums and of everything else, s.
const SHORT_FADE_S: f64 = 0.005;
const FADE_S: f64 = 0.01;
/// Steps this near the seam tell what is usual, s; the same time of the start is what the prediction learns from.
const NEAR_S: f64 = 0.05;
/// The step over the seam may exceed this share of the steps around by this factor: steady tones have no larger ones.
const USUAL: f64 = 0.999;
const MARGIN: f32 = 1.5;
const ORDER: usize = 64;

/// Makes the end of a loop lead into its start, where it jumps: where the step over the seam in any channel is
/// half as large again as 99.9 % of the steps within 50 ms. The last 10 ms change, 5 ms of drums.
pub fn reseam(clip: &mut Clip, material: Material) {
    let frames = |seconds: f64| (seconds * clip.rate().hz()) as usize;
    let fade = match material {
        Material::Drums => frames(SHORT_FADE_S),
        Material::Tonal | Material::Voice | Material::Noise => frames(FADE_S),
    };
    let near = frames(NEAR_S).min(clip.len() / 2);
    if fade == 0 || clip.len() < 4 * fade || !clip.iter_channels().any(|c| jumps(c, near)) {
        return;
    }
    for c in 0..clip.channels() {
        let channel = clip.channel_mut(c);
        let before = continued(&channel[..near], fade);
        let start = channel.len() - fade;
        let end = &mut channel[start..];
        let likeness = likeness(end, &before);
        for (k, (old, new)) in end.iter_mut().zip(before).enumerate() {
            let (fall, rise) = gains((k as f32 + 1.0) / (fade as f32 + 1.0), likeness);
            *old = *old * fall + new * rise;
        }
    }
}

/// Whether the step over the seam is larger than the usual ones within `near` frames of it.
fn jumps(channel: &[f32], near: usize) -> bool {
    let n = channel.len();
    let mut steps: Vec<f32> = [&channel[..near], &channel[n - near..]]
        .iter()
        .flat_map(|part| part.windows(2).map(|pair| (pair[1] - pair[0]).abs()))
        .collect();
    let Some(last) = steps.len().checked_sub(1) else { return false };
    let rank = (last as f64 * USUAL) as usize;
    let usual = *steps.select_nth_unstable_by(rank, f32::total_cmp).1;
    (channel[0] - channel[n - 1]).abs() > MARGIN * usual
}

/// Correlation of two sounds, at least -0.5, 0 for silence.
fn likeness(a: &[f32], b: &[f32]) -> f32 {
    let product = |a: &[f32], b: &[f32]| -> f64 {
        a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
    };
    let power = (product(a, a) * product(b, b)).sqrt().max(f64::MIN_POSITIVE);
    (product(a, b) / power).clamp(-0.5, 1.0) as f32
}

/// The `frames` that would lead to the start of `sound`.
fn continued(sound: &[f32], frames: usize) -> Vec<f32> {
    let mut past: Vec<f64> = sound.iter().rev().map(|&x| f64::from(x)).collect();
    let coefficients = burg(&past, ORDER.min(past.len() / 3));
    let loudest = past.iter().fold(0.0_f64, |max, x| max.max(x.abs()));
    for _ in 0..frames {
        let next: f64 = coefficients.iter().zip(past.iter().rev()).map(|(c, x)| c * x).sum();
        past.push(next.clamp(-loudest, loudest));
    }
    past[sound.len()..].iter().rev().map(|&x| x as f32).collect()
}

/// The coefficients that predict a sample from those before it, the latest first.
fn burg(samples: &[f64], order: usize) -> Vec<f64> {
    let (mut forward, mut backward) = (samples.to_vec(), samples.to_vec());
    let mut coefficients: Vec<f64> = Vec::with_capacity(order);
    for m in 0..order {
        let pairs = || forward[m + 1..].iter().zip(&backward[m..backward.len() - 1]);
        let product: f64 = pairs().map(|(f, b)| f * b).sum();
        let power: f64 = pairs().map(|(f, b)| f * f + b * b).sum();
        if power <= f64::MIN_POSITIVE {
            break; // all is predicted, or silent
        }
        let reflection = 2.0 * product / power;
        let before = coefficients.clone();
        for (i, c) in coefficients.iter_mut().enumerate() {
            *c -= reflection * before[m - 1 - i];
        }
        coefficients.push(reflection);
        for i in (m + 1..samples.len()).rev() {
            let (f, b) = (forward[i], backward[i - 1]);
            forward[i] = f - reflection * b;
            backward[i] = b - reflection * f;
        }
    }
    coefficients
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use dream_core::{SampleRate, Semitones};

    use super::super::stretch_loop;
    use super::*;

    const RATE: SampleRate = SampleRate::LIBRARY;

    fn tone(hz: f64, turn: f64, frames: usize) -> Vec<f32> {
        let at = |i: usize| TAU * (hz * i as f64 / RATE.hz() + turn);
        (0..frames).map(|i| (0.6 * at(i).cos() + 0.2 * (3.0 * at(i)).sin()) as f32).collect()
    }

    fn noise(frames: usize) -> Vec<f32> {
        let mut state = 5_u32;
        let mut low = 0.0;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            low += 0.05 * (f64::from(state) / f64::from(u32::MAX) - 0.5 - low);
            low as f32
        };
        (0..frames).map(|_| next()).collect()
    }

    /// The step over the seam, in units of 99.9 % of the steps within 50 ms.
    fn step(channel: &[f32]) -> f32 {
        let n = channel.len();
        let around = [&channel[n - 2205..], &channel[..2205]].concat();
        let mut steps: Vec<f32> = around.windows(2).map(|w| (w[1] - w[0]).abs()).collect();
        let seam = steps.remove(2204);
        steps.sort_by(f32::total_cmp);
        seam / steps[steps.len() * 999 / 1000]
    }

    #[track_caller]
    fn check(samples: Vec<f32>) {
        let start = Clip::mono(RATE, samples);
        let mut clip = start.clone();
        reseam(&mut clip, Material::Tonal);
        let kept = clip.len() - 441;
        assert!(clip.samples()[..kept] == start.samples()[..kept], "more than the fade changed");
        assert!(step(clip.samples()) <= 1.5, "{}", step(clip.samples()));
        let level = |x: &[f32]| x.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
        let change = level(&clip.samples()[kept..]) / level(&start.samples()[kept..]);
        assert!((0.5..2.0).contains(&change), "{change}");
        for (ratio, semitones) in [(0.83, 0.0), (1.07, -3.0), (2.0, 0.0)] {
            for material in [Material::Tonal, Material::Voice, Material::Drums, Material::Noise] {
                let mut out = stretch_loop(&clip, ratio, Semitones(semitones), material);
                reseam(&mut out, material);
                let step = step(out.samples());
                assert!(step <= 3.0, "{step} at {ratio}, {semitones}, {material:?}");
            }
        }
    }

    #[test]
    fn loops_that_were_cut_anywhere_close_without_a_click() {
        check(tone(110.0, 0.0, 60_000));
        check(tone(61.7, 0.4, 50_123));
        check(tone(440.3, 0.9, 44_100));
        check(noise(50_000));
        let swell = |(i, x): (usize, f32)| x * i as f32 / 50_000.0;
        check(tone(220.0, 0.3, 50_000).into_iter().enumerate().map(swell).collect());
    }

    #[test]
    fn a_closed_loop_stays_as_it_is() {
        let closed = Clip::new(RATE, &[&tone(441.0, 0.2, 44_100), &tone(221.0, 0.0, 44_100)]);
        let mut clip = closed.clone();
        reseam(&mut clip, Material::Tonal);
        assert!(clip == closed, "it changed");
    }

    #[test]
    fn a_tone_is_continued_by_itself() {
        let whole = tone(150.0, 0.1, 4000);
        let before = continued(&whole[1000..], 441);
        for (k, (a, b)) in before.iter().zip(&whole[559..]).rev().enumerate().take(110) {
            assert!((a - b).abs() < 0.1, "{a} instead of {b}, {k} before the start");
        }
    }

    #[test]
    fn silence_and_few_frames_are_no_trouble() {
        for frames in [0, 1, 2, 40, 2000] {
            for level in [0.0, 1.0] {
                let samples: Vec<f32> = (0..frames).map(|i| level * (i % 7) as f32).collect();
                let mut clip = Clip::new(RATE, &[&samples, &samples]);
                reseam(&mut clip, Material::Tonal);
                assert!(clip.samples().iter().all(|x| x.is_finite() && x.abs() <= 12.0));
            }
        }
    }
}
