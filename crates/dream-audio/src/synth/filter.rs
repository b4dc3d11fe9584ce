//! Filters: the fixed ones of `crate::filter` as methods, and two that follow a moving cut-off.
//!
//! Methods: trapezoidal state-variable filter, A. Simper, "Linear Trapezoidal State Variable Filter", 2014;
//! transistor ladder with one saturation per pass, after V. Zavalishin, "The Art of VA Filter Design", 2018,
//! chapter 5. Cut-offs are functions of time in Hz, evaluated every 8 frames and joined by lines.

use std::f64::consts::{PI, TAU};

use super::curve::tanh;
use super::drive::oversampled;
use super::sound::{RATE, Sound, time};
use crate::filter::{Biquad, Cascade};

/// Frames between two evaluations of a cut-off.
const CONTROL: usize = 8;

/// An output of the state-variable filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pass {
    Low,
    Band,
    High,
}

impl Sound {
    fn section(self, section: &Biquad) -> Self {
        self.cascade(&Cascade(vec![*section]))
    }

    fn cascade(self, cascade: &Cascade) -> Self {
        self.each(|samples| cascade.clone().run(samples))
    }

    /// Butterworth low-pass.
    pub(crate) fn lp(self, order: usize, hz: f64) -> Self {
        self.cascade(&Cascade::lowpass(order, hz, RATE))
    }

    /// Butterworth high-pass.
    pub(crate) fn hp(self, order: usize, hz: f64) -> Self {
        self.cascade(&Cascade::highpass(order, hz, RATE))
    }

    /// Band-pass with 0 dB at its peak.
    pub(crate) fn bp(self, hz: f64, q: f64) -> Self {
        self.section(&Biquad::bandpass(hz, q, RATE))
    }

    /// Peak or dip.
    pub(crate) fn bell(self, hz: f64, db: f64, q: f64) -> Self {
        self.section(&Biquad::bell(hz, db, q, RATE))
    }

    /// Low shelf.
    pub(crate) fn low_shelf(self, hz: f64, db: f64) -> Self {
        self.section(&Biquad::low_shelf(hz, db, RATE))
    }

    /// High shelf.
    pub(crate) fn high_shelf(self, hz: f64, db: f64) -> Self {
        self.section(&Biquad::high_shelf(hz, db, RATE))
    }

    /// Multiplies by a slow function of time, evaluated as rarely as a cut-off.
    pub(crate) fn slow_env(self, f: impl Fn(f32) -> f32) -> Self {
        let points = controls(self.len(), |t| f64::from(f(t)));
        self.each(|samples| {
            for (samples, ends) in samples.chunks_mut(CONTROL).zip(points.windows(2)) {
                let (from, to) = (ends[0] as f32, ends[1] as f32);
                for (i, x) in samples.iter_mut().enumerate() {
                    *x *= from + (to - from) * (i as f32 / CONTROL as f32);
                }
            }
        })
    }

    /// State-variable low-pass.
    pub(crate) fn svf_lp(self, hz: impl Fn(f32) -> f32, q: f32) -> Self {
        self.svf(Pass::Low, hz, |_| q)
    }

    /// State-variable band-pass with 0 dB at its peak.
    pub(crate) fn svf_bp(self, hz: impl Fn(f32) -> f32, q: f32) -> Self {
        self.svf(Pass::Band, hz, |_| q)
    }

    /// State-variable high-pass.
    pub(crate) fn svf_hp(self, hz: impl Fn(f32) -> f32, q: f32) -> Self {
        self.svf(Pass::High, hz, |_| q)
    }

    /// State-variable filter with moving cut-off (10 Hz to 20 kHz) and resonance.
    pub(crate) fn svf(self, pass: Pass, hz: impl Fn(f32) -> f32, q: impl Fn(f32) -> f32) -> Self {
        let g = controls(self.len(), |t| (PI * f64::from(hz(t).clamp(10.0, 20e3)) / RATE).tan());
        let damping = controls(self.len(), |t| 1.0 / f64::from(q(t)));
        self.each(|samples| {
            let (mut s1, mut s2) = (0.0, 0.0);
            for (block, samples) in samples.chunks_mut(CONTROL).enumerate() {
                let line = |points: &[f64]| {
                    let step = (points[block + 1] - points[block]) / CONTROL as f64;
                    (points[block], step)
                };
                let ((mut g, dg), (mut k, dk)) = (line(&g), line(&damping));
                for sample in samples {
                    let x = f64::from(*sample);
                    let a1 = 1.0 / (1.0 + g * (g + k));
                    let v3 = x - s2;
                    let v1 = a1 * (s1 + g * v3);
                    let v2 = s2 + g * v1;
                    s1 = 2.0 * v1 - s1;
                    s2 = 2.0 * v2 - s2;
                    *sample = match pass {
                        Pass::Low => v2,
                        Pass::Band => k * v1,
                        Pass::High => x - k * v1 - v2,
                    } as f32;
                    g += dg;
                    k += dk;
                }
            }
        })
    }

    /// Four-pole ladder at twice the rate: `resonance` 0 to 3.9, `drive` 1 to 2.
    pub(crate) fn ladder(self, hz: impl Fn(f32) -> f32, resonance: f32, drive: f32) -> Self {
        self.ladder_with_lows(hz, resonance, drive, 0.0)
    }

    /// The ladder with a high-pass in its feedback, which keeps the bass when the resonance rises.
    pub(crate) fn ladder_with_lows(
        self,
        hz: impl Fn(f32) -> f32,
        resonance: f32,
        drive: f32,
        feedback_hz: f64,
    ) -> Self {
        let rate = 2.0 * RATE;
        let top = 0.45 * rate as f32;
        let g = controls(self.len(), |t| (PI * f64::from(hz(t).clamp(15.0, top)) / rate).tan());
        let lows = (1.0 - (-TAU * feedback_hz / rate).exp()) as f32;
        self.each(|samples| {
            *samples = oversampled(samples, 1, |x| {
                let (mut s, mut high, mut feedback) = ([0.0_f32; 4], 0.0_f32, 0.0_f32);
                for (block, x) in x.chunks_mut(2 * CONTROL).enumerate() {
                    let step = ((g[block + 1] - g[block]) / (2 * CONTROL) as f64) as f32;
                    let mut g = g[block] as f32;
                    for x in x {
                        let one_pole = g / (1.0 + g);
                        high += lows * (feedback - high);
                        let mut u = tanh(drive * (*x - resonance * (feedback - high))) / drive;
                        for s in &mut s {
                            let v = (u - *s) * one_pole;
                            u = v + *s;
                            *s = u + v;
                        }
                        feedback = tanh(u);
                        *x = u;
                        g += step;
                    }
                }
            });
        })
    }
}

/// A curve at every control point, with one more at the end.
fn controls(len: usize, f: impl Fn(f32) -> f64) -> Vec<f64> {
    (0..=len.div_ceil(CONTROL)).map(|k| f(time(k * CONTROL))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::osc::sine;
    use super::*;

    #[track_caller]
    fn check(filtered: &Sound, expected_db: f64, tolerance: f64) {
        let settled = filtered.slice(filtered.len() / 2, filtered.len());
        let gain = 10.0 * (2.0 * settled.power()).log10();
        assert!((gain - expected_db).abs() < tolerance, "{gain} dB, expected {expected_db}");
    }

    #[test]
    fn the_state_variable_filter_has_its_corner_where_it_says() {
        let tone = |hz: f32| sine(0.4, move |_| hz);
        check(&tone(1000.0).svf_lp(|_| 1000.0, 0.7071), -3.01, 0.05);
        check(&tone(1000.0).svf_hp(|_| 1000.0, 0.7071), -3.01, 0.05);
        check(&tone(1000.0).svf_bp(|_| 1000.0, 8.0), 0.0, 0.05);
        check(&tone(8000.0).svf_lp(|_| 500.0, 0.7071), -50.0, 2.0);
    }

    #[test]
    fn the_ladder_falls_by_24_db_per_octave() {
        let quiet = |hz: f32| sine(0.4, move |_| hz) * 0.01;
        let low = quiet(100.0).ladder(|_| 1000.0, 0.0, 1.0) * 100.0;
        check(&low, 0.0, 0.3);
        check(&(quiet(1000.0).ladder(|_| 1000.0, 0.0, 1.0) * 100.0), -12.0, 0.5);
        check(&(quiet(8000.0).ladder(|_| 1000.0, 0.0, 1.0) * 100.0), -72.0, 4.0);
    }
}
