//! Curves: fast elementary functions and the envelopes made of them.
//!
//! The functions are polynomials of our own, so that loops over samples vectorise and results do not depend
//! on the platform's mathematics library. Times are seconds, every decay is given as T60: the time in which
//! it falls by 60 dB (6.91 time constants).

use std::f64::consts::TAU;

use super::noise::Rand;

/// Adding and subtracting it rounds an `f32` below 2^22 to the nearest integer without a library call.
const ROUND_F32: f32 = 12_582_912.0;
/// The same for an `f64` below 2^51.
const ROUND_F64: f64 = 6_755_399_441_055_744.0;

/// 2 to the power of `x`, relative error below 3e-7; `x` is clamped to -126..=126.
#[inline]
pub(crate) fn exp2(x: f32) -> f32 {
    let x = x.clamp(-126.0, 126.0);
    let shifted = x + ROUND_F32;
    let f = x - (shifted - ROUND_F32);
    // Least squares at Chebyshev nodes on -0.5..=0.5.
    let p = 0.009_618_026 + f * (0.001_340_043_2 + f * 0.000_154_697_32);
    let p = 1.0 + f * (std::f32::consts::LN_2 + f * (0.240_226_51 + f * (0.055_503_272 + f * p)));
    // The integer part is in the low bits of the shifted value.
    f32::from_bits(shifted.to_bits().wrapping_shl(23).wrapping_add(p.to_bits()))
}

/// Sine of a phase in cycles, absolute error below 3e-7.
#[inline]
pub(crate) fn sin(cycles: f64) -> f32 {
    sin_reduced((cycles - ((cycles + ROUND_F64) - ROUND_F64)) as f32)
}

/// Sine of a phase in cycles that is small enough for `f32`.
#[inline]
pub(crate) fn sin32(cycles: f32) -> f32 {
    sin_reduced(cycles - ((cycles + ROUND_F32) - ROUND_F32))
}

/// sin(2 pi r) for r in -0.5..=0.5: its zeros times a polynomial fitted at Chebyshev nodes.
#[inline]
fn sin_reduced(r: f32) -> f32 {
    let z = r * r;
    let q = -38.495_88 + z * (14.049_663 - z * 3.161_600_7);
    let q = 25.132_741 + z * (-64.835_82 + z * (67.076_63 + z * q));
    r * (0.25 - z) * q
}

/// Phase modulation: the sine of `cycles` advanced by `radians`.
#[inline]
pub(crate) fn pm(cycles: f64, radians: f32) -> f32 {
    sin(cycles + f64::from(radians) / TAU)
}

/// Hyperbolic tangent, absolute error below 2e-7.
#[inline]
pub(crate) fn tanh(x: f32) -> f32 {
    let e = exp2(2.0 * std::f32::consts::LOG2_E * x.clamp(-9.0, 9.0));
    (e - 1.0) / (e + 1.0)
}

/// Frequency ratio of an interval in semitones.
#[inline]
pub(crate) fn semitones(interval: f32) -> f32 {
    exp2(interval / 12.0)
}

/// Linear gain of a level in decibels.
pub(crate) fn db(level: f64) -> f32 {
    10.0_f64.powf(level / 20.0) as f32
}

/// 1 until time 0, then falling by 60 dB in `t60`.
#[inline]
pub(crate) fn decay(t: f32, t60: f32) -> f32 {
    const LOG2_1000: f32 = 9.965_784;
    exp2(-LOG2_1000 * t.max(0.0) / t60)
}

/// Rises from 0 to 95 % in `a`, exponentially.
#[inline]
pub(crate) fn attack(t: f32, a: f32) -> f32 {
    1.0 - fall(t, a / 3.0)
}

/// Falls from 1 with time constant `tau`: for pitch.
#[inline]
pub(crate) fn fall(t: f32, tau: f32) -> f32 {
    exp2(-std::f32::consts::LOG2_E * t / tau)
}

/// 0 before `start`, 1 after `start + length`, linear between.
#[inline]
pub(crate) fn ramp(t: f32, start: f32, length: f32) -> f32 {
    ((t - start) / length).clamp(0.0, 1.0)
}

/// Linear attack in `a`, then towards the level `sustain`, within 1 % after `d`; from `gate` on towards 0,
/// within 1 % after `r`.
pub(crate) fn adsr(a: f32, d: f32, sustain: f32, r: f32, gate: f32) -> impl Fn(f32) -> f32 + Copy {
    const TO_ONE_PERCENT: f32 = 4.6;
    let held = move |t: f32| {
        let settled = sustain + (1.0 - sustain) * fall((t - a).max(0.0), d / TO_ONE_PERCENT);
        if t < a { t / a } else { settled }
    };
    let at_gate = held(gate);
    move |t| if t < gate { held(t) } else { at_gate * fall(t - gate, r / TO_ONE_PERCENT) }
}

/// Fades for beds: both ramps to the power of 1.5.
pub(crate) fn swell(length: f32, a: f32, r: f32) -> impl Fn(f32) -> f32 + Copy {
    move |t| {
        let level = ramp(t, 0.0, a) * ramp(length - t, 0.0, r);
        level * level.sqrt()
    }
}

/// A slow random curve within -1..=1: what keeps a held sound from standing still.
#[derive(Debug, Clone)]
pub(crate) struct Drift {
    values: Vec<f32>,
}

impl Drift {
    /// Tabulated so often per second; joined by lines between.
    const TABLE: f32 = 100.0;

    /// A curve of about `rate` random points per second, joined by half cosines.
    pub(crate) fn new(mut rand: Rand, seconds: f64, rate: f64) -> Self {
        let points: Vec<f32> = (0..(seconds * rate) as usize + 4).map(|_| rand.bipolar()).collect();
        let spacing = seconds as f32 / (points.len() - 1) as f32;
        let curve = |t: f32| {
            let x = t / spacing;
            let i = (x as usize).min(points.len() - 2);
            let blend = 0.5 + 0.5 * sin32(0.5 * (x - i as f32).min(1.0) - 0.25);
            points[i] + (points[i + 1] - points[i]) * blend
        };
        let len = (seconds as f32 * Self::TABLE) as usize + 3;
        Self { values: (0..len).map(|k| curve(k as f32 / Self::TABLE)).collect() }
    }

    /// The curve at time `t`; the end holds.
    #[inline]
    pub(crate) fn at(&self, t: f32) -> f32 {
        let x = t * Self::TABLE;
        let i = (x as usize).min(self.values.len() - 2);
        let along = (x - i as f32).min(1.0);
        self.values[i] + (self.values[i + 1] - self.values[i]) * along
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_polynomials_follow_the_functions() {
        for i in -4000..=4000 {
            let x = f64::from(i) * 0.01;
            let relative = f64::from(exp2(x as f32)) / f64::from(x as f32).exp2() - 1.0;
            assert!(relative.abs() < 4e-7, "2^{x}: {relative}");
            assert!((f64::from(sin(x)) - (TAU * x).sin()).abs() < 4e-7, "sin {x}");
            assert!((f64::from(tanh(x as f32)) - f64::from(x as f32).tanh()).abs() < 4e-7);
        }
    }

    #[test]
    fn decays_are_60_db_down_at_their_t60() {
        assert!((decay(0.42, 0.42) - 0.001).abs() < 1e-8);
        assert!((decay(-1.0, 0.42) - 1.0).abs() < 1e-6);
        assert!((attack(0.01, 0.01) - 0.95).abs() < 1e-3);
    }

    #[test]
    fn an_envelope_passes_its_corners() {
        let envelope = adsr(0.1, 0.2, 0.5, 0.1, 1.0);
        assert!((envelope(0.05) - 0.5).abs() < 1e-6);
        assert!((envelope(0.9) - 0.5).abs() < 1e-3);
        assert!(envelope(1.1) < 0.006);
    }

    #[test]
    fn a_drift_stays_in_range_and_moves() {
        let drift = Drift::new(Rand::new(dream_core::Seed(3)), 5.0, 2.0);
        let values: Vec<f32> = (0..600).map(|i| drift.at(i as f32 * 0.01)).collect();
        assert!(values.iter().all(|v| v.abs() <= 1.0));
        assert!(values.windows(2).all(|w| (w[1] - w[0]).abs() < 0.08));
        assert!((values[0] - values[300]).abs() > 1e-3);
    }
}
