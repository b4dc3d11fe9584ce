//! Soft clipper, oversampled four times.
//!
//! Only what the curve takes away is computed at the higher rate and filtered back: samples away from any peak
//! pass bit by bit, and cost nothing but the search for peaks.

use dream_core::Db;

use super::Reduction;
use crate::oversample::{FACTOR, Oversampler, TAPS};

/// How a signal is clipped.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClipperSpec {
    /// Level that the curve approaches.
    pub ceiling: Db,
    /// Width of the bend below the ceiling, in dB; 0 clips hard.
    pub knee: Db,
    /// Most that a peak is turned down, in dB: beyond that it keeps its distance. Infinite for no bound.
    pub most: Db,
}

/// Positions computed at once.
const BLOCK: usize = 1024;
/// Samples before and after a position that its value depends on.
const REACH: usize = TAPS / 2;

/// Clips one channel in place, without delay; gives the reduction of samples and of the values between them.
/// Memory: one block.
///
/// Band limitation lets samples overshoot the ceiling slightly; a limiter comes after.
pub fn clip(samples: &mut [f32], spec: &ClipperSpec) -> Reduction {
    let curve = Curve::new(spec);
    let start = curve.start;
    let mut reduction = Reduction::new();
    reduction.pass(FACTOR * samples.len());
    if samples.iter().all(|sample| sample.abs() < 0.5 * start) {
        return reduction; // values between samples that small stay below the bend
    }
    let oversampler = Oversampler::new();
    // Around the block as it came in; `taken` lies over it. Position m is sample first + m - REACH.
    let mut window = [0.0; BLOCK + TAPS];
    let mut taken = [0.0; BLOCK + 2 * TAPS];
    let mut between = [[0.0; BLOCK]; FACTOR - 1];
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
                let excess = curve.excess(*value);
                reduction.take(1.0 + excess / value);
                for (taken, tap) in taken[i..i + TAPS].iter_mut().zip(taps) {
                    *taken += excess / FACTOR as f32 * tap;
                }
            }
        }
        for (taken, sample) in taken[..BLOCK].iter_mut().zip(&window[..BLOCK]) {
            if sample.abs() > start {
                let excess = curve.excess(*sample);
                reduction.take(1.0 + excess / sample);
                *taken += excess / FACTOR as f32;
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
    reduction
}

/// Straight up to `start`, then a hyperbolic tangent towards `ceiling`, but never below `least` of the level.
#[derive(Debug, Clone, Copy)]
struct Curve {
    start: f32,
    ceiling: f32,
    least: f32,
}

impl Curve {
    fn new(spec: &ClipperSpec) -> Self {
        let ceiling = spec.ceiling.gain();
        let start = ceiling * Db(-spec.knee.0.max(0.0)).gain();
        Self { start, ceiling, least: Db(-spec.most.0.max(0.0)).gain() }
    }

    /// The curve minus the identity.
    fn excess(self, x: f32) -> f32 {
        let level = x.abs();
        let room = self.ceiling - self.start;
        let bent = if room > 1e-6 {
            self.start + room * ((level - self.start) / room).tanh()
        } else {
            self.ceiling
        };
        let bent = bent.max(self.least * level);
        (bent - level).copysign(-x) * if level > bent { 1.0 } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    const SPEC: ClipperSpec =
        ClipperSpec { ceiling: Db(-1.0), knee: Db(3.0), most: Db(f32::INFINITY) };

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
    fn no_peak_is_turned_down_by_more_than_the_most() {
        let spec = ClipperSpec { most: Db(3.0), ..SPEC };
        let mut samples = sine(500.0, 2.0, 44_100);
        let reduction = clip(&mut samples, &spec);
        assert!((reduction.deepest().0 + 3.0).abs() < 0.01, "{:?}", reduction.deepest());
        let peak = samples.iter().fold(0.0_f32, |peak, s| peak.max(s.abs()));
        assert!((1.38..1.44).contains(&peak), "{peak}");
        let mut soft = sine(500.0, 0.95, 44_100);
        let mut same = soft.clone();
        clip(&mut soft, &spec);
        clip(&mut same, &SPEC);
        assert_eq!(soft, same);
    }

    #[test]
    fn partials_beyond_the_band_fold_back_far_less_than_without_oversampling() {
        // The fifth partial of 7 kHz, 35 kHz, folds back to 9.1 kHz.
        let mut samples = sine(7_000.0, 1.5, 44_100);
        let plain: Vec<f32> = samples.iter().map(|x| x + Curve::new(&SPEC).excess(*x)).collect();
        clip(&mut samples, &SPEC);
        let (with, without) = (partial(&samples, 9_100.0), partial(&plain, 9_100.0));
        assert!(with < 0.1 * without, "{with} against {without}");
    }
}
