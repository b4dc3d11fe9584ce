//! Filters: the fixed ones of `crate::filter` as methods, and two that follow a moving cut-off.
//!
//! Methods: trapezoidal state-variable filter, A. Simper, "Linear Trapezoidal State Variable Filter", 2014;
//! transistor ladder with one saturation per pass, after V. Zavalishin, "The Art of VA Filter Design", 2018,
//! chapter 5. Cut-offs are functions of time in Hz, evaluated every 8 frames and joined by lines.

use std::f64::consts::{PI, TAU};

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

/// A band-pass: centre in Hz, quality, linear gain at the centre.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resonance {
    pub hz: f32,
    pub q: f32,
    pub gain: f32,
}

impl Sound {
    fn section(self, section: &Biquad) -> Self {
        self.cascade(&Cascade(vec![*section]))
    }

    fn cascade(mut self, cascade: &Cascade) -> Self {
        // Sections and channels wait only for themselves: side by side in one loop they overlap.
        match (self.channels_mut().as_mut_slice(), cascade.0.as_slice()) {
            ([x], &[a]) => run([x], [a]),
            ([x], &[a, b]) => run([x], [a, b]),
            ([x, y], &[a]) => run([x, y], [a]),
            ([x, y], &[a, b]) => run([x, y], [a, b]),
            (channels, _) => channels.iter_mut().for_each(|x| cascade.clone().run(x)),
        }
        self
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
            let lines = g.windows(2).zip(damping.windows(2));
            for (samples, (g, k)) in samples.chunks_mut(CONTROL).zip(lines) {
                let line = |ends: &[f64]| (ends[0], (ends[1] - ends[0]) / CONTROL as f64);
                let ((mut g, dg), (mut k, dk)) = (line(g), line(k));
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

    /// Parallel state-variable band-passes with moving settings, summed: side by side they cost little more
    /// than one, because each waits only for itself.
    pub(crate) fn resonances<const N: usize>(
        self,
        resonance: impl Fn(usize, f32) -> Resonance,
    ) -> Self {
        let blocks = self.len().div_ceil(CONTROL);
        let settings: Vec<[[f64; N]; 3]> = (0..=blocks)
            .map(|block| {
                let at = |k| {
                    let r = resonance(k, time(block * CONTROL));
                    let g = (PI * f64::from(r.hz.clamp(10.0, 20e3)) / RATE).tan();
                    [g, 1.0 / f64::from(r.q), f64::from(r.gain)]
                };
                let settings: [[f64; 3]; N] = std::array::from_fn(at);
                std::array::from_fn(|i| settings.map(|s| s[i]))
            })
            .collect();
        self.each(|samples| {
            let (mut s1, mut s2) = ([0.0; N], [0.0; N]);
            for (samples, ends) in samples.chunks_mut(CONTROL).zip(settings.windows(2)) {
                let (from, to) = (&ends[0], &ends[1]);
                for (i, sample) in samples.iter_mut().enumerate() {
                    let along = i as f64 / CONTROL as f64;
                    let x = f64::from(*sample);
                    let mut sum = 0.0;
                    for n in 0..N {
                        let line = |i: usize| from[i][n] + (to[i][n] - from[i][n]) * along;
                        let (g, k, gain) = (line(0), line(1), line(2));
                        let a1 = 1.0 / (1.0 + g * (g + k));
                        let v3 = x - s2[n];
                        let v1 = a1 * (s1[n] + g * v3);
                        let v2 = s2[n] + g * v1;
                        s1[n] = 2.0 * v1 - s1[n];
                        s2[n] = 2.0 * v2 - s2[n];
                        sum += gain * k * v1;
                    }
                    *sample = sum as f32;
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
        let one_poles = controls(self.len(), |t| {
            let g = (PI * f64::from(hz(t).clamp(15.0, top)) / rate).tan();
            g / (1.0 + g)
        });
        let lows = (1.0 - (-TAU * feedback_hz / rate).exp()) as f32;
        let undrive = 1.0 / drive;
        self.each(|samples| {
            *samples = oversampled(samples, 1, |x| {
                let (mut s, mut high, mut feedback) = ([0.0_f32; 4], 0.0_f32, 0.0_f32);
                for (x, ends) in x.chunks_mut(2 * CONTROL).zip(one_poles.windows(2)) {
                    let step = ((ends[1] - ends[0]) / (2 * CONTROL) as f64) as f32;
                    let mut g = ends[0] as f32;
                    for x in x {
                        high += lows * (feedback - high);
                        let mut u = saturated(drive * (*x - resonance * (feedback - high)));
                        u *= undrive;
                        for s in &mut s {
                            let v = (u - *s) * g;
                            u = v + *s;
                            *s = u + v;
                        }
                        feedback = saturated(u);
                        *x = u;
                        g += step;
                    }
                }
            });
        })
    }
}

/// A rational curve within 2.4 % of tanh, exactly 1 from 3 on: short enough to sit in a feedback loop.
#[inline]
fn saturated(x: f32) -> f32 {
    let x = x.clamp(-3.0, 3.0);
    let square = x * x;
    x * (27.0 + square) / (27.0 + 9.0 * square)
}

/// Filters channels of equal length through sections in series.
fn run<const C: usize, const N: usize>(mut channels: [&mut [f32]; C], sections: [Biquad; N]) {
    let mut states = [sections; C];
    let len = channels.iter().map(|x| x.len()).min().unwrap_or(0);
    for i in 0..len {
        for (x, state) in channels.iter_mut().zip(&mut states) {
            let x = &mut x[i];
            *x = state.iter_mut().fold(f64::from(*x), |x, section| section.step(x)) as f32;
        }
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

    /// The quality without a peak.
    const FLAT: f32 = std::f32::consts::FRAC_1_SQRT_2;

    #[track_caller]
    fn check(filtered: &Sound, expected_db: f64, tolerance: f64) {
        let settled = filtered.slice(filtered.len() / 2, filtered.len());
        let gain = 10.0 * (2.0 * settled.power()).log10();
        assert!((gain - expected_db).abs() < tolerance, "{gain} dB, expected {expected_db}");
    }

    #[test]
    fn the_state_variable_filter_has_its_corner_where_it_says() {
        let tone = |hz: f32| sine(0.4, move |_| hz);
        check(&tone(1000.0).svf_lp(|_| 1000.0, FLAT), -3.01, 0.05);
        check(&tone(1000.0).svf_hp(|_| 1000.0, FLAT), -3.01, 0.05);
        check(&tone(1000.0).svf_bp(|_| 1000.0, 8.0), 0.0, 0.05);
        check(&tone(8000.0).svf_lp(|_| 500.0, FLAT), -50.0, 2.0);
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
