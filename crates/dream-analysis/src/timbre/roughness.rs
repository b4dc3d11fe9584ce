//! Roughness of a spectrum.
//!
//! Method: P. Vassilakis, "SRA: a web-based research tool for spectral and roughness analysis of sound signals", SMC
//! 2007: the sum over pairs of its 16 strongest peaks, amplitudes relative to the strongest.

/// Peaks below this share of the strongest are left out.
const LEAST: f32 = 0.02;
const MOST_PEAKS: usize = 16;

/// Sensory roughness of one spectrum, 0 to about 1; `magnitudes` are `bin_hz` apart.
pub(super) fn roughness(magnitudes: &[f32], bin_hz: f64) -> f64 {
    let top = magnitudes.iter().copied().fold(0.0, f32::max);
    let mut peaks: Vec<(f64, f64)> = (2..magnitudes.len() - 1)
        .filter(|&k| {
            let m = magnitudes[k];
            m > LEAST * top && m >= magnitudes[k - 1] && m > magnitudes[k + 1]
        })
        .map(|k| (k as f64 * bin_hz, f64::from(magnitudes[k] / top)))
        .collect();
    peaks.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.total_cmp(&b.0)));
    peaks.truncate(MOST_PEAKS);
    let mut sum = 0.0;
    for (i, a) in peaks.iter().enumerate() {
        for b in &peaks[..i] {
            let distance = (a.0 - b.0).abs();
            let scaled = 0.24 / (0.0207 * a.0.min(b.0) + 18.96) * distance;
            let least = a.1.min(b.1);
            sum += (a.1 * b.1).powf(0.1)
                * 0.5
                * (2.0 * least / (a.1 + b.1)).powf(3.11)
                * ((-3.51 * scaled).exp() - (-5.75 * scaled).exp());
        }
    }
    sum
}
