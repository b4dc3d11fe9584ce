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

/// Clips one channel in place, without delay. Memory: one more channel.
///
/// Band limitation lets samples overshoot the ceiling slightly; a limiter comes after.
pub fn clip(samples: &mut [f32], spec: &ClipperSpec) {
    let ceiling = spec.ceiling.gain();
    let start = ceiling * Db(-spec.knee.0.max(0.0)).gain();
    if samples.iter().all(|sample| sample.abs() < 0.5 * start) {
        return; // values between samples that small stay below the bend
    }
    let taken = taken(samples, start, ceiling);
    for (sample, taken) in samples.iter_mut().zip(taken) {
        *sample += taken;
    }
}

/// The curve minus the identity: straight up to `start`, then a hyperbolic tangent towards `ceiling`.
fn excess(x: f32, start: f32, ceiling: f32) -> f32 {
    let level = x.abs();
    let room = ceiling - start;
    let bent = if room > 1e-6 { start + room * ((level - start) / room).tanh() } else { ceiling };
    (bent - level).copysign(-x) * if level > bent { 1.0 } else { 0.0 }
}

fn taken(samples: &[f32], start: f32, ceiling: f32) -> Vec<f32> {
    const BLOCK: usize = 1024;
    let oversampler = Oversampler::new();
    let reach = TAPS / 2;
    let mut padded = vec![0.0; samples.len() + 2 * reach + BLOCK];
    padded[reach..reach + samples.len()].copy_from_slice(samples);
    let mut taken = vec![0.0; padded.len() + TAPS];
    let mut between = [[0.0; BLOCK]; FACTOR - 1];
    // Position m of `padded` is sample m - reach; block values lie after position first + reach - 1.
    for first in (0..=samples.len()).step_by(BLOCK) {
        let count = BLOCK.min(samples.len() + 1 - first);
        let out = between.each_mut().map(|values| &mut values[..count]);
        oversampler.between(&padded[first..first + count + TAPS - 1], out);
        for (out, taps) in between.iter().map(|values| &values[..count]).zip(&oversampler.phases) {
            for (i, value) in out.iter().enumerate().filter(|(_, value)| value.abs() > start) {
                let excess = excess(*value, start, ceiling) / FACTOR as f32;
                for (taken, tap) in taken[first + i..first + i + TAPS].iter_mut().zip(taps) {
                    *taken += excess * tap;
                }
            }
        }
    }
    for (i, sample) in samples.iter().enumerate().filter(|(_, sample)| sample.abs() > start) {
        taken[i + reach] += excess(*sample, start, ceiling) / FACTOR as f32;
    }
    taken.drain(..reach);
    taken.truncate(samples.len());
    taken
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
