//! Key from a tuned chroma of tonal peaks.
//!
//! Method: spectral peaks with parabolic interpolation, each shared among the pitch classes of which it can
//! be a harmonic, with little weight (E. Gómez, "Tonal Description of Polyphonic Audio", INFORMS Journal on
//! Computing 18(3), 2006), tuned by the circular mean of the peaks' deviations; cosine similarity with the
//! `bgate` profiles for electronic dance music of A. Faraldo, S. Jordà, P. Herrera, "A Multi-Profile Method
//! for Key Estimation in EDM", AES Semantic Audio 2017. We differ: only peaks that stand out from their
//! surroundings and were there one hop before count, so that drums and noise leave no chroma; high peaks,
//! which are harmonics more often than notes, count less; the lowest peaks speak for the tonic; and there is
//! no key without enough of all this.
//! In: mono samples at 44.1 kHz. Out: key and confidence 0 to 1, or none.
//! Shapes: window 16384 (372 ms) and hop 4096 for the notes, in which the harmonics of a bass stay apart,
//! and 8192 (186 ms) and 4096 for the tonality; wider hops for clips over ten minutes, so that at most 6500
//! spectra are looked at. Limits: one key per clip; one or two notes have only a tonic, a likely key;
//! the fifth harmonic of a distorted bass that plays no third counts as a major third.

use std::f64::consts::TAU;

use dream_core::{Key, Mode, PitchClass};

use crate::spectrum::{Windowing, each_hop};

/// Key and tonal content of a clip.
#[derive(Debug, Clone, Default)]
pub struct Tonal {
    /// Key; `None` for what is not tonal or has too few notes.
    pub key: Option<Key>,
    /// Where one or two notes are all there is, the key that they speak for if they are a line: the best
    /// tonic, minor unless a note says otherwise. Then `key` is `None`.
    pub tonic: Option<Key>,
    /// 0 to 1 for the key or the tonic; 0 without either.
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
const HARMONIC_DECAY: f64 = 0.3;
/// Chroma resolution: tenths of a semitone.
const FINE: usize = 120;
const FINE_SIGNED: i64 = 120;
/// Window in which low notes are a few bins apart (372 ms, 2.7 Hz).
const LONG: usize = 16_384;
/// The lowest fundamental of a bass.
const LOWEST_HZ: f64 = 30.0;
/// Least share of the energy in clear notes.
const CLEAR_MIN: f64 = 0.3;
/// From here upwards peaks are harmonics more often than notes, and count by the inverse of their frequency.
const HARMONICS_HZ: f64 = 300.0;
/// The lowest peak is the bass up to here.
const BASS_TOP_HZ: f64 = 350.0;
/// A peak below this share of the strongest (-20 dB) is not the bass.
const FAINT: f64 = 0.01;
/// Head start, in units of similarity, of a tonic that all of the bass plays.
const BASS_PRIOR: f64 = 0.08;
/// Head start of minor keys, in units of similarity: most electronic dance music is in minor, and a major key shares all
/// its notes with one.
const MINOR_PRIOR: f64 = 0.04;
const MAJOR: [f64; 12] = [1.00, 0.00, 0.42, 0.00, 0.53, 0.37, 0.00, 0.77, 0.00, 0.38, 0.21, 0.30];
const MINOR: [f64; 12] = [1.00, 0.00, 0.36, 0.39, 0.00, 0.38, 0.00, 0.74, 0.27, 0.00, 0.42, 0.23];

/// The key of mono samples at 44.1 kHz.
pub fn key(mono: &[f32]) -> Tonal {
    let (tonality, inharmonicity) = tones(mono);
    let Notes { fine, bass, share } = notes(mono);
    let detune = detune(&fine);
    let chroma = folded(&fine, detune);
    let bass = folded(&bass, detune);
    let mut found =
        Tonal { tonality, inharmonicity, chroma: chroma.map(|c| c as f32), ..Tonal::default() };
    if share >= CLEAR_MIN {
        judge(&chroma, &bass, share as f32, &mut found);
    }
    found
}

/// Tonality and inharmonicity.
fn tones(mono: &[f32]) -> (f32, f32) {
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

/// What the peaks of the long windows say.
struct Notes {
    /// Weight per tenth of a semitone.
    fine: Vec<f64>,
    /// The same for the lowest peak of each window.
    bass: Vec<f64>,
    /// Share of the energy in lasting peaks, 0 to 1.
    share: f64,
}

fn notes(mono: &[f32]) -> Notes {
    let bin_hz = 44_100.0 / LONG as f64;
    let hop = (LONG / 4).max(mono.len() / 6500);
    let mut found = Notes { fine: vec![0.0; FINE], bass: vec![0.0; FINE], share: 0.0 };
    let (mut tonal, mut total) = (0.0_f64, 0.0_f64);
    let mut before: Vec<bool> = vec![false; LONG / 2 + 1];
    let (low, high) = ((LOWEST_HZ / bin_hz) as usize, (HIGH_HZ / bin_hz) as usize);
    let single = mono.len() < LONG;
    each_hop(mono, Windowing { window: LONG, hop }, |_, magnitudes| {
        let mut now = vec![false; magnitudes.len()];
        total += magnitudes[low..high].iter().map(|m| f64::from(m * m)).sum::<f64>();
        let peaks = standing(magnitudes, low, high);
        let top = peaks.iter().map(|peak| peak.1).fold(0.0, f64::max);
        let mut lowest = true;
        for (bin, energy) in peaks {
            now[bin] = true;
            if !single && !before[bin - 1..=bin + 1].contains(&true) {
                continue;
            }
            let hz = (bin as f64 + vertex(magnitudes, bin)) * bin_hz;
            tonal += energy;
            // The ear's scale: the root of the amplitude.
            let loudness = energy.powf(0.25);
            add(&mut found.fine, hz, loudness * (HARMONICS_HZ / hz).min(1.0), 4);
            if lowest && energy > FAINT * top {
                lowest = false;
                if hz < BASS_TOP_HZ {
                    add(&mut found.bass, hz, loudness, 1);
                }
            }
        }
        before = now;
    });
    found.share = (tonal / total.max(1e-30)).min(1.0);
    found
}

/// Local maxima that stand out from the median of their surroundings, with the energy of their main lobe: beside
/// the harmonics of a low note the mean is high.
fn standing(magnitudes: &[f32], low: usize, high: usize) -> Vec<(usize, f64)> {
    let top = magnitudes[low..high].iter().copied().fold(0.0, f32::max);
    let floor = (0.003 * top).max(1e-6);
    let mut around = Vec::with_capacity(2 * AROUND + 1);
    (low.max(2)..high)
        .filter(|&bin| {
            let m = magnitudes[bin];
            m > floor && m >= magnitudes[bin - 1] && m > magnitudes[bin + 1] && {
                around.clear();
                around.extend_from_slice(&magnitudes[bin.saturating_sub(AROUND)..=bin + AROUND]);
                let middle = around.len() / 2;
                m > PROMINENCE * *around.select_nth_unstable_by(middle, f32::total_cmp).1
            }
        })
        .map(|bin| (bin, magnitudes[bin - 2..=bin + 2].iter().map(|m| f64::from(m * m)).sum()))
        .collect()
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

/// Adds a peak as each of the first `harmonics` harmonics of a note.
fn add(fine: &mut [f64], hz: f64, weight: f64, harmonics: u32) {
    let mut share = weight;
    for harmonic in 1..=harmonics {
        let class = (12.0 * (hz / f64::from(harmonic) / 440.0).log2() + 69.0).rem_euclid(12.0);
        fine[(class * 10.0).round() as usize % FINE] += share;
        share *= HARMONIC_DECAY;
    }
}

/// The tuning above equal temperament at 440 Hz, in tenths of a semitone, -5 to 5.
fn detune(fine: &[f64]) -> i64 {
    let (mut re, mut im) = (0.0, 0.0);
    for (i, weight) in fine.iter().enumerate() {
        let angle = TAU * i as f64 / 10.0;
        re += weight * angle.cos();
        im += weight * angle.sin();
    }
    (im.atan2(re) / TAU * 10.0).round() as i64
}

/// The twelve classes after the tuning was taken out, the largest 1.
fn folded(fine: &[f64], detune: i64) -> [f64; 12] {
    let mut chroma = [0.0_f64; 12];
    for (i, weight) in fine.iter().enumerate() {
        let tenths = (i.cast_signed() as i64 - detune + 5).rem_euclid(FINE_SIGNED);
        chroma[(tenths / 10) as usize % 12] += weight;
    }
    let top = chroma.iter().copied().fold(0.0, f64::max);
    if top > 0.0 { chroma.map(|c| c / top) } else { chroma }
}

fn judge(chroma: &[f64; 12], bass: &[f64; 12], share: f32, found: &mut Tonal) {
    // What every class holds is noise.
    let mut sorted = *chroma;
    sorted.sort_by(f64::total_cmp);
    let floor = sorted[2];
    let clear = chroma.map(|c| (c - floor).max(0.0));
    let notes = clear.iter().filter(|c| **c > 0.12).count();
    let low: f64 = bass.iter().sum::<f64>().max(1e-12);
    let mut keys: Vec<(Key, f64)> = Vec::with_capacity(24);
    for tonic in 0..12 {
        for (mode, profile) in [(Mode::Major, &MAJOR), (Mode::Minor, &MINOR)] {
            let key = Key { tonic: PitchClass::of(tonic), mode };
            let likely = if mode == Mode::Minor { MINOR_PRIOR } else { 0.0 };
            let rooted = BASS_PRIOR * bass[tonic as usize] / low;
            keys.push((key, similarity(&clear, profile, tonic as usize) + likely + rooted));
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
    let certain = (weights[0] / total) as f32;
    let fit = ((best - 0.5) / 0.4).clamp(0.0, 1.0) as f32;
    let clean = ((share - 0.15) / 0.35).clamp(0.0, 1.0);
    let confidence = certain.sqrt() * fit * clean;
    if notes >= 3 && best > 0.6 {
        found.key = Some(keys[0].0);
        found.confidence = confidence;
    } else if (1..3).contains(&notes) {
        found.tonic = Some(keys[0].0);
        found.confidence = 0.5 * confidence;
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

    /// Notes of `seconds`, in semitones above `lowest_hz`.
    fn line(lowest_hz: f64, seconds: f64, partials: u32, steps: &[f64]) -> Vec<f32> {
        let play = |step: &f64| chord(&[lowest_hz * (step / 12.0).exp2()], seconds, partials);
        steps.iter().flat_map(play).collect::<Vec<f32>>().repeat(4)
    }

    #[test]
    fn a_bass_line_has_its_key_down_to_the_lowest_string() {
        let steps =
            [0.0, 0.0, 12.0, 3.0, 0.0, 7.0, 0.0, 10.0, 0.0, 0.0, 5.0, 3.0, 0.0, 0.0, 7.0, 10.0];
        check(&line(41.203, 0.25, 12, &steps), Some("E minor"));
        check(&line(55.0, 0.25, 12, &steps), Some("A minor"));
    }

    #[test]
    fn a_line_of_one_note_and_its_octave_has_only_a_likely_tonic() {
        let found = check(&line(49.0, 0.5, 3, &[0.0, 0.0, 12.0, 0.0]), None);
        assert_eq!(found.tonic.map(|key| key.to_string()).as_deref(), Some("G minor"));
        assert!(found.confidence > 0.0 && found.confidence <= 0.5, "{found:?}");
    }

    #[test]
    fn the_lowest_note_of_a_chord_is_its_tonic() {
        let hz = |midi: f64| 440.0 * ((midi - 69.0) / 12.0).exp2();
        for root in 40..64 {
            let notes = [0.0, 3.0, 7.0, 10.0].map(|step| hz(f64::from(root) + step));
            check(&chord(&notes, 3.0, 12), Some(&format!("{} minor", PitchClass::of(root))));
        }
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
