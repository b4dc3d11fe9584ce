//! Rhythm and pitch of known material.

use std::f64::consts::TAU;

use crate::fft::stft;

/// Onset strength: the sum of the rises of the log spectrum, hop 441 (10 ms at 44.1 kHz).
pub fn onset_strength(samples: &[f64]) -> Vec<f64> {
    let spectra = stft(samples, 1024, 441);
    let log = |p: f64| (1.0 + 100.0 * p.sqrt()).ln();
    std::iter::once(0.0)
        .chain(spectra.windows(2).map(|pair| {
            pair[0].iter().zip(&pair[1]).map(|(a, b)| (log(*b) - log(*a)).max(0.0)).sum()
        }))
        .collect()
}

/// Normalised circular autocorrelation of `values` at a lag that may be fractional.
pub fn autocorrelation(values: &[f64], lag: f64) -> f64 {
    let n = values.len();
    let mean = values.iter().sum::<f64>() / n as f64;
    let at = |i: usize| values[i % n] - mean;
    let power: f64 = (0..n).map(|i| at(i) * at(i)).sum();
    let (whole, part) = (lag.floor() as usize, lag.fract());
    let sum: f64 =
        (0..n).map(|i| at(i) * ((1.0 - part) * at(i + whole) + part * at(i + whole + 1))).sum();
    sum / (power + 1e-15)
}

/// Amplitude of the component of `samples` at `hz` under a Hann window.
pub fn amplitude_at(samples: &[f64], hz: f64, rate: f64) -> f64 {
    let n = samples.len() as f64;
    let (mut re, mut im) = (0.0, 0.0);
    for (i, x) in samples.iter().enumerate() {
        let window = 0.5 - 0.5 * (TAU * i as f64 / n).cos();
        let angle = TAU * hz * i as f64 / rate;
        re += x * window * angle.cos();
        im += x * window * angle.sin();
    }
    4.0 * re.hypot(im) / n
}

/// The deviation, in cents, of the strongest component within `range` cents of `hz`.
pub fn cents_off(samples: &[f64], hz: f64, rate: f64, range: i32) -> f64 {
    let at = |cents: f64| amplitude_at(samples, hz * (cents / 1200.0).exp2(), rate);
    let coarse = (-range..=range).step_by(4).map(f64::from);
    let best = coarse.fold((0.0, -1.0), |best: (f64, f64), cents| {
        let level = at(cents);
        if level > best.1 { (cents, level) } else { best }
    });
    let (l, m, r) = (at(best.0 - 2.0), best.1, at(best.0 + 2.0));
    let curve = l - 2.0 * m + r;
    if curve.abs() < 1e-15 { best.0 } else { best.0 + (l - r) / curve }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::{clicks, sine};

    #[test]
    fn clicks_correlate_at_their_period() {
        let times: Vec<f64> = (0..16).map(|i| f64::from(i) * 0.5).collect();
        let clicks: Vec<f64> =
            clicks(&times, 8.0, 44_100.0).iter().map(|x| f64::from(*x)).collect();
        let strength = onset_strength(&clicks);
        assert!(autocorrelation(&strength, 50.0) > 0.8);
        assert!(autocorrelation(&strength, 37.0) < 0.2);
    }

    #[test]
    fn a_detuned_sine_is_measured() {
        let tone: Vec<f64> = sine(440.0 * (7.0_f64 / 1200.0).exp2(), 0.5, 44_100.0)
            .iter()
            .map(|x| f64::from(*x))
            .collect();
        assert!((cents_off(&tone, 440.0, 44_100.0, 40) - 7.0).abs() < 0.5);
    }
}
