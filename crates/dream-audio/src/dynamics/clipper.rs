//! Soft clipper, oversampled four times.
//!
//! Only what the curve takes away is computed at the higher rate and filtered back: samples away from any peak
//! pass bit by bit, and cost nothing but the search for peaks.

use dream_core::Db;

use crate::oversample::{FACTOR, Oversampler, TAPS};

/// How a signal is clipped.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClipperSpec {
    /// Level that the curve approaches.
    pub ceiling: Db,
    /// Width of the bend below the ceiling, in dB; 0 clips hard.
    pub knee: Db,
}

/// Positions computed at once.
const BLOCK: usize = 1024;
/// Samples before and after a position that its value depends on.
const REACH: usize = TAPS / 2;

/// Clips one channel in place, without delay; gives the deepest reduction in dB (0 or less). Memory: one block.
///
/// Band limitation lets samples overshoot the ceiling slightly; a limiter comes after.
pub fn clip(samples: &mut [f32], spec: &ClipperSpec) -> Db {
    let ceiling = spec.ceiling.gain();
    let start = ceiling * Db(-spec.knee.0.max(0.0)).gain();
    if samples.iter().all(|sample| sample.abs() < 0.5 * start) {
        return Db(0.0); // values between samples that small stay below the bend
    }
    let oversampler = Oversampler::new();
    // Around the block as it came in; `taken` lies over it. Position m is sample first + m - REACH.
    let mut window = [0.0; BLOCK + TAPS];
    let mut taken = [0.0; BLOCK + 2 * TAPS];
    let mut between = [[0.0; BLOCK]; FACTOR - 1];
    let mut deepest = 1.0_f32;
    let mut read = 0;
    for first in (0..samples.len() + REACH).step_by(BLOCK) {
        let kept = if first == 0 { REACH } else { TAPS };
        let count = (BLOCK + TAPS - kept).min(samples.len() - read);
        window[kept..kept + count].copy_from_slice(&samples[read..read + count]);
        window[kept + count..].fill(0.0);
        read += count;
        oversampler.between(&window[..BLOCK + TAPS - 1], between.each_mut().map(|v| &mut v[..]));
        for (values, taps) in between.iter().zip(&oversampler.phases) {
            for (i, value) in values.iter().enumerate().filter(|(_, value)| value.abs() > start) {
                let excess = excess(*value, start, ceiling);
                deepest = deepest.min(1.0 + excess / value);
                for (taken, tap) in taken[i..i + TAPS].iter_mut().zip(taps) {
                    *taken += excess / FACTOR as f32 * tap;
                }
            }
        }
        for (taken, sample) in taken[..BLOCK].iter_mut().zip(&window[..BLOCK]) {
            if sample.abs() > start {
                *taken += excess(*sample, start, ceiling) / FACTOR as f32;
            }
        }
        // What lies more than the reach behind is complete.
        let begin = first.saturating_sub(REACH);
        let end = (first + BLOCK - REACH).min(samples.len());
        let skip = REACH.saturating_sub(first);
        for (sample, taken) in samples[begin..end].iter_mut().zip(&taken[skip..]) {
            *sample += taken;
        }
        taken.copy_within(BLOCK.., 0);
        taken[2 * TAPS..].fill(0.0);
        window.copy_within(BLOCK.., 0);
    }
    Db::of(deepest)
}

/// The curve minus the identity: straight up to `start`, then a hyperbolic tangent towards `ceiling`.
fn excess(x: f32, start: f32, ceiling: f32) -> f32 {
    let level = x.abs();
    let room = ceiling - start;
    let bent = if room > 1e-6 { start + room * ((level - start) / room).tanh() } else { ceiling };
    (bent - level).copysign(-x) * if level > bent { 1.0 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    const SPEC: ClipperSpec = ClipperSpec { ceiling: Db(-1.0), knee: Db(3.0) };

    fn sine(hz: f64, gain: f64, frames: usize) -> Vec<f32> {
        (0..frames).map(|i| (gain * (TAU * hz * i as f64 / 44_100.0).sin()) as f32).collect()
    }

    /// Amplitude of the partial at `hz`.
    fn partial(samples: &[f32], hz: f64) -> f64 {
        let (mut re, mut im) = (0.0, 0.0);
        for (i, sample) in samples.iter().enumerate() {
            let w = TAU * hz * i as f64 / 44_100.0;
            re += f64::from(*sample) * w.cos();
            im += f64::from(*sample) * w.sin();
        }
        2.0 * re.hypot(im) / samples.len() as f64
    }

    #[test]
    fn what_stays_below_the_bend_passes_bit_by_bit() {
        let mut samples = sine(997.0, 0.6, 5_000);
        let before = samples.clone();
        clip(&mut samples, &SPEC);
        assert_eq!(samples, before);
    }

    #[test]
    fn a_hot_sine_stays_near_the_ceiling() {
        let mut samples = sine(500.0, 2.0, 44_100);
        clip(&mut samples, &SPEC);
        let peak = samples.iter().fold(0.0_f32, |peak, s| peak.max(s.abs()));
        assert!((0.85..0.93).contains(&peak), "{peak}");
    }

    #[test]
    fn partials_beyond_the_band_fold_back_far_less_than_without_oversampling() {
        // The fifth partial of 7 kHz, 35 kHz, folds back to 9.1 kHz.
        let mut samples = sine(7_000.0, 1.5, 44_100);
        let plain: Vec<f32> =
            samples.iter().map(|x| x + excess(*x, SPEC.knee.gain().recip() * 0.89, 0.89)).collect();
        clip(&mut samples, &SPEC);
        let (with, without) = (partial(&samples, 9_100.0), partial(&plain, 9_100.0));
        assert!(with < 0.1 * without, "{with} against {without}");
    }
}
