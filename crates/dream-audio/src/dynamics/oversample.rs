//! Values between the samples, at four times the rate.
//!
//! Method: polyphase interpolation with a Kaiser-windowed sinc, as annex 2 of ITU-R BS.1770-4 asks for true peaks,
//! with twice its taps. Passes up to 0.87 of the band within 0.1 dB.

use std::f64::consts::PI;

/// Samples that a value depends on, half of them on either side.
pub(super) const TAPS: usize = 24;
/// Values per sample.
pub(super) const FACTOR: usize = 4;

/// The kernel at the distances of the three values between two samples.
#[derive(Debug, Clone)]
pub(super) struct Oversampler {
    /// `[phase 1 to 3][tap]`
    pub(super) phases: [[f32; TAPS]; FACTOR - 1],
}

impl Oversampler {
    pub(super) fn new() -> Self {
        let phases = [1, 2, 3].map(|phase| {
            let fraction = f64::from(phase) / FACTOR as f64;
            let row: [f64; TAPS] = std::array::from_fn(|tap| {
                let distance = tap as f64 - (TAPS / 2 - 1) as f64 - fraction;
                let x = PI * distance;
                x.sin() / x * window(distance / (TAPS / 2) as f64)
            });
            let sum: f64 = row.iter().sum();
            row.map(|tap| (tap / sum) as f32)
        });
        Self { phases }
    }

    /// `out[i]` is the value `phase` quarters after `samples[i + TAPS / 2 - 1]`; needs `TAPS - 1` more samples than
    /// values. One tap at a time over the whole block, which vectorises.
    pub(super) fn between(&self, phase: usize, samples: &[f32], out: &mut [f32]) {
        debug_assert_eq!(samples.len(), out.len() + TAPS - 1);
        out.fill(0.0);
        for (pair, taps) in self.phases[phase - 1].chunks_exact(4).enumerate() {
            let [a, b, c, d] = [0, 1, 2, 3].map(|tap| &samples[4 * pair + tap..][..out.len()]);
            for i in 0..out.len() {
                out[i] += taps[0] * a[i] + taps[1] * b[i] + (taps[2] * c[i] + taps[3] * d[i]);
            }
        }
    }
}

/// Kaiser window with beta 8 over -1 to 1.
fn window(x: f64) -> f64 {
    const BETA: f64 = 8.0;
    let bessel_i0 = |x: f64| {
        let (mut sum, mut term) = (1.0, 1.0);
        for k in 1..40 {
            term *= x * x / (4.0 * f64::from(k * k));
            sum += term;
        }
        sum
    };
    bessel_i0(BETA * (1.0 - x * x).max(0.0).sqrt()) / bessel_i0(BETA)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sine_is_continued_between_its_samples() {
        let oversampler = Oversampler::new();
        for hz in [100.0, 997.0, 8_000.0, 17_000.0] {
            let w = 2.0 * PI * hz / 44_100.0;
            let samples: Vec<f32> =
                (0..200 + TAPS - 1).map(|i| (w * i as f64).sin() as f32).collect();
            let mut out = vec![0.0; 200];
            for phase in 1..FACTOR {
                oversampler.between(phase, &samples, &mut out);
                for (i, value) in out.iter().enumerate() {
                    let at = i as f64 + (TAPS / 2 - 1) as f64 + phase as f64 / FACTOR as f64;
                    assert!((f64::from(*value) - (w * at).sin()).abs() < 0.002, "{hz} Hz");
                }
            }
        }
    }
}
