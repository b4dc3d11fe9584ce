//! Key from a tuned chroma of tonal peaks.
//!
//! Method: spectral peaks with parabolic interpolation, each shared among the pitch classes of which it can
//! be a harmonic, with little weight (E. Gómez, "Tonal Description of Polyphonic Audio", INFORMS Journal on Computing 18(3), 2006), tuned by the
//! circular mean of the peaks' deviations; cosine similarity with the `bgate` profiles for electronic dance
//! music of A. Faraldo, S. Jordà, P. Herrera, "A Multi-Profile Method for Key Estimation in EDM", AES
//! Semantic Audio 2017. We differ: only peaks that stand out from their surroundings and were there one hop
//! before count, so that drums and noise leave no chroma; and there is no key without enough of them.
//! In: mono samples at 44.1 kHz. Out: key and confidence 0 to 1, or none.
//! Shapes: window 8192 (186 ms), hop 4096, wider for clips over ten minutes, so that at most 6500 spectra
//! are looked at. Limits: one key per clip; a lone note has none (see `pitch`).

use std::f64::consts::TAU;

use dream_core::{Key, Mode, PitchClass};

use crate::spectrum::{Windowing, each_hop};

/// Key and tonal content of a clip.
#[derive(Debug, Clone, Default)]
pub struct Tonal {
    /// Key; `None` for what is not tonal or has too few notes.
    pub key: Option<Key>,
    /// 0 to 1; 0 without a key.
    pub confidence: f32,
    /// Candidates with weights that add up to 1, the best first.
    pub candidates: Vec<(Key, f32)>,
    /// Share of the energy between 50 Hz and 5 kHz that lies in lasting peaks, 0 to 1.
    pub tonality: f32,
    /// Share of the peaks' energy that no single harmonic series explains, 0 to 1.
    pub inharmonicity: f32,
    /// Weight per pitch class, C first, the largest 1 (all 0 without peaks).
    pub chroma: [f32; 12],
}

const WINDOW: usize = 8192;
const BIN_HZ: f64 = 44_100.0 / WINDOW as f64;
const LOW_HZ: f64 = 50.0;
const HIGH_HZ: f64 = 5000.0;
/// A peak stands 4 times (12 dB) over the mean magnitude of its surroundings.
const PROMINENCE: f32 = 4.0;
/// Half-width of the surroundings in bins (130 Hz).
const AROUND: usize = 24;
/// Weight of a peak as the second, third ... harmonic of a lower note.
const HARMONIC_DECAY: f64 = 0.15;
/// Chroma resolution: tenths of a semitone.
const FINE: usize = 120;
const FINE_SIGNED: i64 = 120;
const TONALITY_MIN: f32 = 0.25;
/// Head start of minor keys, in units of similarity: most electronic dance music is in minor, and a major key shares all
/// its notes with one.
const MINOR_PRIOR: f64 = 0.04;
/// Below this frequency a peak counts for more: bass lines play roots.
const BASS_HZ: f64 = 200.0;
const BASS_WEIGHT: f64 = 1.5;

const MAJOR: [f64; 12] = [1.00, 0.00, 0.42, 0.00, 0.53, 0.37, 0.00, 0.77, 0.00, 0.38, 0.21, 0.30];
const MINOR: [f64; 12] = [1.00, 0.00, 0.36, 0.39, 0.00, 0.38, 0.00, 0.74, 0.27, 0.00, 0.42, 0.23];

/// The key of mono samples at 44.1 kHz.
pub fn key(mono: &[f32]) -> Tonal {
    let hop = (WINDOW / 2).max(mono.len() / 6500);
    let mut fine = vec![0.0_f64; FINE];
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
            if !single && !before[bin - 1..=bin + 1].contains(&true) {
                continue;
            }
            let hz = (bin as f64 + vertex(magnitudes, bin)) * BIN_HZ;
            tonal += energy;
            spectrum[bin] += energy;
            // The ear's scale: the root of the amplitude.
            let weight = if hz < BASS_HZ { BASS_WEIGHT } else { 1.0 };
            add(&mut fine, hz, weight * energy.powf(0.25));
        }
        before = now;
    });
    let tonality = if total > 0.0 { (tonal / total).min(1.0) as f32 } else { 0.0 };
    let chroma = tuned(&fine);
    let mut found = Tonal {
        tonality,
        inharmonicity: inharmonicity(&spectrum),
        chroma: chroma.map(|c| c as f32),
        ..Tonal::default()
    };
    if tonality >= TONALITY_MIN {
        judge(&chroma, tonality, &mut found);
    }
    found
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

/// Offset of the vertex of the parabola through the log magnitudes round `bin`.
fn vertex(magnitudes: &[f32], bin: usize) -> f64 {
    let [a, b, c] = [bin - 1, bin, bin + 1].map(|i| f64::from(magnitudes[i].max(1e-9)).ln());
    let bend = a - 2.0 * b + c;
    if bend < -1e-9 { (0.5 * (a - c) / bend).clamp(-0.5, 0.5) } else { 0.0 }
}

fn add(fine: &mut [f64], hz: f64, weight: f64) {
    let mut share = weight;
    for harmonic in 1..=4 {
        let class = (12.0 * (hz / f64::from(harmonic) / 440.0).log2() + 69.0).rem_euclid(12.0);
        fine[(class * 10.0).round() as usize % FINE] += share;
        share *= HARMONIC_DECAY;
    }
}

/// The twelve classes after the tuning was taken out, the largest 1.
fn tuned(fine: &[f64]) -> [f64; 12] {
    let (mut re, mut im) = (0.0, 0.0);
    for (i, weight) in fine.iter().enumerate() {
        let angle = TAU * i as f64 / 10.0;
        re += weight * angle.cos();
        im += weight * angle.sin();
    }
    let detune = (im.atan2(re) / TAU * 10.0).round() as i64; // in tenths of a semitone, -5 to 5
    let mut chroma = [0.0_f64; 12];
    for (i, weight) in fine.iter().enumerate() {
        let tenths = (i.cast_signed() as i64 - detune + 5).rem_euclid(FINE_SIGNED);
        chroma[(tenths / 10) as usize % 12] += weight;
    }
    let top = chroma.iter().copied().fold(0.0, f64::max);
    if top > 0.0 { chroma.map(|c| c / top) } else { chroma }
}

fn judge(chroma: &[f64; 12], tonality: f32, found: &mut Tonal) {
    // What every class holds is noise.
    let mut sorted = *chroma;
    sorted.sort_by(f64::total_cmp);
    let floor = sorted[2];
    let clear = chroma.map(|c| (c - floor).max(0.0));
    let notes = clear.iter().filter(|c| **c > 0.12).count();
    let mut keys: Vec<(Key, f64)> = Vec::with_capacity(24);
    for tonic in 0..12 {
        for (mode, profile) in [(Mode::Major, &MAJOR), (Mode::Minor, &MINOR)] {
            let key = Key { tonic: PitchClass::of(tonic), mode };
            let likely = if mode == Mode::Minor { MINOR_PRIOR } else { 0.0 };
            keys.push((key, similarity(&clear, profile, tonic as usize) + likely));
        }
    }
    keys.sort_by(|a, b| b.1.total_cmp(&a.1));
    let best = keys[0].1;
    // Weights fall by e for every 0.05 of similarity.
    let weights: Vec<f64> = keys.iter().map(|key| ((key.1 - best) / 0.05).exp()).collect();
    let total: f64 = weights.iter().sum();
    found.candidates = keys
        .iter()
        .zip(&weights)
        .take(5)
        .map(|(key, weight)| (key.0, (weight / total) as f32))
        .collect();
    if notes >= 3 && best > 0.6 {
        let certain = (weights[0] / total) as f32;
        let fit = ((best - 0.5) / 0.4).clamp(0.0, 1.0) as f32;
        let clean = ((tonality - 0.15) / 0.35).clamp(0.0, 1.0);
        found.key = Some(keys[0].0);
        found.confidence = certain.sqrt() * fit * clean;
    }
}

/// Cosine of the angle between the chroma and a profile that starts at `tonic`.
fn similarity(chroma: &[f64; 12], profile: &[f64; 12], tonic: usize) -> f64 {
    let dot: f64 = (0..12).map(|i| chroma[(tonic + i) % 12] * profile[i]).sum();
    let length = |v: &[f64; 12]| v.iter().map(|x| x * x).sum::<f64>().sqrt();
    dot / (length(chroma) * length(profile)).max(1e-12)
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
    use crate::signals::{chord, clicks, noise, silence, sine};

    /// The three main triads of a key, one second each, tonic twice.
    fn cadence(tonic_hz: f64, minor: bool) -> Vec<f32> {
        let third = if minor { 3.0 } else { 4.0 };
        let steps = [0.0, 5.0, 7.0, 0.0];
        steps
            .iter()
            .flat_map(|step| {
                let note = |semitones: f64| tonic_hz * ((step + semitones) / 12.0).exp2();
                chord(&[note(0.0), note(third), note(7.0)], 1.0, 5)
            })
            .collect()
    }

    #[track_caller]
    fn check(samples: &[f32], expected: Option<&str>) -> Tonal {
        let found = key(samples);
        let name = found.key.map(|key| key.to_string());
        assert_eq!(name.as_deref(), expected, "{found:?}");
        found
    }

    #[test]
    fn a_cadence_has_its_key_in_every_transposition() {
        for step in 0..12 {
            let tonic = PitchClass::of(9 + step);
            let hz = 220.0 * (f64::from(step) / 12.0).exp2();
            assert!(check(&cadence(hz, true), Some(&format!("{tonic} minor"))).confidence > 0.3);
            check(&cadence(hz, false), Some(&format!("{tonic} major")));
        }
    }

    #[test]
    fn detuned_music_keeps_its_key() {
        check(&cadence(220.0 * 1.02, true), Some("A minor"));
        check(&cadence(220.0 / 1.015, true), Some("A minor"));
    }

    #[test]
    fn what_is_not_tonal_has_no_key() {
        check(&silence(2.0), None);
        check(&noise(6.0), None);
        check(&clicks(&[0.0, 0.5, 1.0, 1.5], 2.0), None);
        check(&sine(440.0, 2.0), None);
        check(&vec![0.5; 100_000], None);
        check(&[1.0], None);
        check(&[], None);
    }

    #[test]
    fn a_bell_is_inharmonic_and_a_string_is_not() {
        assert!(key(&chord(&[200.0, 327.0, 511.0, 773.0, 1119.0], 1.0, 1)).inharmonicity > 0.4);
        assert!(key(&chord(&[110.0], 1.0, 10)).inharmonicity < 0.1);
    }
}
