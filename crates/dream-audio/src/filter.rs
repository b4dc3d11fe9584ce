//! Second-order filters.
//!
//! Method: R. Bristow-Johnson, "Audio EQ Cookbook" (W3C note, 2021); Butterworth cascades from the pole
//! angles of the analogue prototype, bilinear transform with prewarping.
//! State and coefficients are `f64`, transposed direct form II. Frequencies in Hz are clamped to 1 Hz to
//! 0.49 of the rate.

use std::f64::consts::{PI, SQRT_2, TAU};

/// A second-order section with its state.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Biquad {
    b: [f64; 3],
    a: [f64; 2],
    z: [f64; 2],
}

impl Biquad {
    /// Low-pass, -3 dB at `hz` for `q` = 0.7071.
    pub fn lowpass(hz: f64, q: f64, rate: f64) -> Self {
        let (cos, alpha) = angle(hz, q, rate);
        let b = (1.0 - cos) / 2.0;
        Self::normalised([b, 2.0 * b, b], [1.0 + alpha, -2.0 * cos, 1.0 - alpha])
    }

    /// High-pass, -3 dB at `hz` for `q` = 0.7071.
    pub fn highpass(hz: f64, q: f64, rate: f64) -> Self {
        let (cos, alpha) = angle(hz, q, rate);
        let b = f64::midpoint(1.0, cos);
        Self::normalised([b, -2.0 * b, b], [1.0 + alpha, -2.0 * cos, 1.0 - alpha])
    }

    /// Band-pass with 0 dB at its peak.
    pub fn bandpass(hz: f64, q: f64, rate: f64) -> Self {
        let (cos, alpha) = angle(hz, q, rate);
        Self::normalised([alpha, 0.0, -alpha], [1.0 + alpha, -2.0 * cos, 1.0 - alpha])
    }

    /// Peak or dip of `db` at `hz`.
    pub fn bell(hz: f64, db: f64, q: f64, rate: f64) -> Self {
        let (cos, alpha) = angle(hz, q, rate);
        let amp = 10.0_f64.powf(db / 40.0);
        Self::normalised(
            [1.0 + alpha * amp, -2.0 * cos, 1.0 - alpha * amp],
            [1.0 + alpha / amp, -2.0 * cos, 1.0 - alpha / amp],
        )
    }

    /// Low shelf of `db` with its midpoint at `hz`.
    pub fn low_shelf(hz: f64, db: f64, rate: f64) -> Self {
        Self::shelf(hz, db, rate, 1.0)
    }

    /// High shelf of `db` with its midpoint at `hz`.
    pub fn high_shelf(hz: f64, db: f64, rate: f64) -> Self {
        Self::shelf(hz, db, rate, -1.0)
    }

    /// Both shelves: the high one is the low one with the sign of every cosine term turned.
    fn shelf(hz: f64, db: f64, rate: f64, side: f64) -> Self {
        let (cos, alpha) = angle(hz, SQRT_2.recip(), rate);
        let amp = 10.0_f64.powf(db / 40.0);
        let (plus, minus, cos) = (amp + 1.0, amp - 1.0, side * cos);
        let root = 2.0 * amp.sqrt() * alpha;
        Self::normalised(
            [
                amp * (plus - minus * cos + root),
                side * 2.0 * amp * (minus - plus * cos),
                amp * (plus - minus * cos - root),
            ],
            [
                plus + minus * cos + root,
                side * -2.0 * (minus + plus * cos),
                plus + minus * cos - root,
            ],
        )
    }

    /// First-order low-pass.
    pub fn lowpass1(hz: f64, rate: f64) -> Self {
        let k = (PI * clamp(hz, rate) / rate).tan();
        Self::normalised([k, k, 0.0], [1.0 + k, k - 1.0, 0.0])
    }

    /// First-order high-pass.
    pub fn highpass1(hz: f64, rate: f64) -> Self {
        let k = (PI * clamp(hz, rate) / rate).tan();
        Self::normalised([1.0, -1.0, 0.0], [1.0 + k, k - 1.0, 0.0])
    }

    fn normalised(b: [f64; 3], a: [f64; 3]) -> Self {
        Self { b: b.map(|b| b / a[0]), a: [a[1] / a[0], a[2] / a[0]], z: [0.0; 2] }
    }

    /// Filters one sample.
    pub fn step(&mut self, x: f64) -> f64 {
        let y = self.b[0] * x + self.z[0];
        self.z[0] = self.b[1] * x - self.a[0] * y + self.z[1];
        self.z[1] = self.b[2] * x - self.a[1] * y;
        y
    }

    /// Takes over the coefficients of `other` and keeps the state: for cut-offs that move.
    pub fn retune(&mut self, other: &Self) {
        self.b = other.b;
        self.a = other.a;
    }

    /// Magnitude of the response at `hz`, linear.
    pub fn response(&self, hz: f64, rate: f64) -> f64 {
        let w = TAU * hz / rate;
        let at = |c: [f64; 3]| {
            let re = c[0] + c[1] * w.cos() + c[2] * (2.0 * w).cos();
            let im = -c[1] * w.sin() - c[2] * (2.0 * w).sin();
            re.hypot(im)
        };
        at(self.b) / at([1.0, self.a[0], self.a[1]])
    }
}

/// Sections in series.
#[derive(Debug, Clone, PartialEq)]
pub struct Cascade(pub Vec<Biquad>);

impl Cascade {
    /// Butterworth low-pass of any order from 1.
    pub fn lowpass(order: usize, hz: f64, rate: f64) -> Self {
        Self::butterworth(order, || Biquad::lowpass1(hz, rate), |q| Biquad::lowpass(hz, q, rate))
    }

    /// Butterworth high-pass of any order from 1.
    pub fn highpass(order: usize, hz: f64, rate: f64) -> Self {
        Self::butterworth(order, || Biquad::highpass1(hz, rate), |q| Biquad::highpass(hz, q, rate))
    }

    fn butterworth(
        order: usize,
        first: impl Fn() -> Biquad,
        second: impl Fn(f64) -> Biquad,
    ) -> Self {
        let pairs = (0..order / 2).map(|k| {
            let theta = PI * (2 * k + 1) as f64 / (2 * order) as f64;
            second(1.0 / (2.0 * theta.sin()))
        });
        Self((order % 2 == 1).then(first).into_iter().chain(pairs).collect())
    }

    /// Filters one sample.
    pub fn step(&mut self, x: f64) -> f64 {
        self.0.iter_mut().fold(x, |x, section| section.step(x))
    }

    /// Filters a block in place.
    pub fn run(&mut self, samples: &mut [f32]) {
        for sample in samples {
            *sample = self.step(f64::from(*sample)) as f32;
        }
    }

    /// Magnitude of the response at `hz`, linear.
    pub fn response(&self, hz: f64, rate: f64) -> f64 {
        self.0.iter().map(|section| section.response(hz, rate)).product()
    }
}

fn clamp(hz: f64, rate: f64) -> f64 {
    hz.clamp(1.0, 0.49 * rate)
}

fn angle(hz: f64, q: f64, rate: f64) -> (f64, f64) {
    let w = TAU * clamp(hz, rate) / rate;
    (w.cos(), w.sin() / (2.0 * q))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: f64 = 44_100.0;

    #[track_caller]
    fn check(gain: f64, expected_db: f64) {
        let db = 20.0 * gain.max(1e-9).log10();
        assert!((db - expected_db).abs() < 0.05, "{db} dB, expected {expected_db}");
    }

    #[test]
    fn butterworth_is_3_db_down_at_its_corner_at_every_order() {
        for order in 1..=8 {
            check(Cascade::lowpass(order, 1000.0, RATE).response(1000.0, RATE), -3.01);
            check(Cascade::highpass(order, 1000.0, RATE).response(1000.0, RATE), -3.01);
            check(Cascade::lowpass(order, 1000.0, RATE).response(1.0, RATE), 0.0);
        }
    }

    #[test]
    fn shelves_and_bells_reach_their_gain() {
        check(Biquad::low_shelf(200.0, 6.0, RATE).response(1.0, RATE), 6.0);
        check(Biquad::low_shelf(200.0, 6.0, RATE).response(200.0, RATE), 3.0);
        check(Biquad::low_shelf(200.0, 6.0, RATE).response(20_000.0, RATE), 0.0);
        check(Biquad::high_shelf(4000.0, -9.0, RATE).response(22_000.0, RATE), -9.0);
        check(Biquad::high_shelf(4000.0, -9.0, RATE).response(10.0, RATE), 0.0);
        check(Biquad::bell(800.0, 5.0, 2.0, RATE).response(800.0, RATE), 5.0);
        check(Biquad::bandpass(800.0, 2.0, RATE).response(800.0, RATE), 0.0);
    }

    #[test]
    fn the_samples_obey_the_response() {
        let mut filter = Cascade::highpass(3, 500.0, RATE);
        let expected = filter.response(300.0, RATE);
        let peak = (0..44_100)
            .map(|i| filter.step((TAU * 300.0 * f64::from(i) / RATE).sin()))
            .skip(4_410)
            .fold(0.0, |peak: f64, y| peak.max(y.abs()));
        assert!((peak / expected - 1.0).abs() < 1e-3);
    }
}
