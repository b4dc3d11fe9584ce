//! Rhythm of known material.

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::clicks;

    #[test]
    fn clicks_correlate_at_their_period() {
        let times: Vec<f64> = (0..16).map(|i| f64::from(i) * 0.5).collect();
        let clicks: Vec<f64> =
            clicks(&times, 8.0, 44_100.0).iter().map(|x| f64::from(*x)).collect();
        let strength = onset_strength(&clicks);
        assert!(autocorrelation(&strength, 50.0) > 0.8);
        assert!(autocorrelation(&strength, 37.0) < 0.2);
    }
}
