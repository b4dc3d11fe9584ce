//! How much of a sound is in lasting peaks, and whether one harmonic series explains them.

use crate::spectrum::{Windowing, each_hop};

const WINDOW: usize = 8192;
const BIN_HZ: f64 = 44_100.0 / WINDOW as f64;
const LOW_HZ: f64 = 50.0;
const HIGH_HZ: f64 = 5000.0;
/// A peak stands 4 times (12 dB) over the mean magnitude of its surroundings.
const PROMINENCE: f32 = 4.0;
/// Half-width of the surroundings in bins (130 Hz).
const AROUND: usize = 24;

/// Share of the energy between 50 Hz and 5 kHz that lies in lasting peaks, and the share of those peaks' amplitude
/// that no single harmonic series explains; both 0 to 1.
pub(super) fn tones(mono: &[f32]) -> (f32, f32) {
    let hop = (WINDOW / 2).max(mono.len() / 6500);
    let mut spectrum = vec![0.0_f64; WINDOW / 2 + 1]; // energy of the lasting peaks
    let (mut tonal, mut total) = (0.0_f64, 0.0_f64);
    let mut before: Vec<bool> = vec![false; WINDOW / 2 + 1];
    let (low, high) = ((LOW_HZ / BIN_HZ) as usize, (HIGH_HZ / BIN_HZ) as usize);
    let single = mono.len() < WINDOW; // nothing to compare with
    each_hop(mono, Windowing { window: WINDOW, hop }, |_, magnitudes| {
        let mut now = vec![false; magnitudes.len()];
        total += magnitudes[low..high].iter().map(|m| f64::from(m * m)).sum::<f64>();
        for (bin, energy) in peaks(magnitudes, low, high) {
            now[bin] = true;
            if single || before[bin - 1..=bin + 1].contains(&true) {
                tonal += energy;
                spectrum[bin] += energy;
            }
        }
        before = now;
    });
    let tonality = if total > 0.0 { (tonal / total).min(1.0) as f32 } else { 0.0 };
    (tonality, inharmonicity(&spectrum))
}

/// Local maxima that stand out, with the energy of their main lobe.
fn peaks(magnitudes: &[f32], low: usize, high: usize) -> Vec<(usize, f64)> {
    let mut sums = vec![0.0_f64; high + AROUND + 2];
    for i in 0..=high + AROUND {
        sums[i + 1] = sums[i] + f64::from(magnitudes[i]);
    }
    let top = magnitudes[low..high].iter().copied().fold(0.0, f32::max);
    let mut found = Vec::new();
    for bin in low.max(2)..high {
        let m = magnitudes[bin];
        if m <= 0.003 * top || m < magnitudes[bin - 1] || m <= magnitudes[bin + 1] {
            continue;
        }
        let (from, to) = (bin.saturating_sub(AROUND), bin + AROUND + 1);
        let lobe: f64 = magnitudes[bin - 2..=bin + 2].iter().map(|m| f64::from(*m)).sum();
        let around = (sums[to] - sums[from] - lobe).max(0.0) / (to - from - 5) as f64;
        if m > 1e-6 && f64::from(m) > f64::from(PROMINENCE) * around {
            let energy = magnitudes[bin - 2..=bin + 2].iter().map(|m| f64::from(m * m)).sum();
            found.push((bin, energy));
        }
    }
    found
}

/// One minus the share of the peaks' amplitude that the best harmonic series explains.
fn inharmonicity(spectrum: &[f64]) -> f32 {
    let mut peaks: Vec<(f64, f64)> = spectrum
        .iter()
        .enumerate()
        .filter(|(_, energy)| **energy > 0.0)
        .map(|(bin, energy)| (bin as f64 * BIN_HZ, energy.powf(0.25)))
        .collect();
    peaks.sort_by(|a, b| b.1.total_cmp(&a.1));
    peaks.truncate(16);
    let total: f64 = peaks.iter().map(|peak| peak.1).sum();
    if total <= 0.0 {
        return 0.0;
    }
    let mut best = 0.0_f64;
    for (hz, _) in &peaks {
        for divisor in 1..=4 {
            let base = hz / f64::from(divisor);
            if base < 45.0 {
                continue;
            }
            let explained: f64 = peaks
                .iter()
                .filter(|peak| {
                    let ratio = peak.0 / base;
                    (ratio - ratio.round()).abs() * base < (1.2 * BIN_HZ).max(0.008 * peak.0)
                        && ratio > 0.9
                        && base > 6.0 * BIN_HZ
                })
                .map(|peak| peak.1)
                .sum();
            best = best.max(explained);
        }
    }
    (1.0 - best / total).clamp(0.0, 1.0) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::chord;

    #[test]
    fn a_bell_is_inharmonic_and_a_string_is_not() {
        assert!(tones(&chord(&[200.0, 327.0, 511.0, 773.0, 1119.0], 1.0, 1)).1 > 0.4);
        assert!(tones(&chord(&[110.0], 1.0, 10)).1 < 0.1);
    }
}
