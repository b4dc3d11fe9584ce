//! Notes from spectral peaks: which pitches sound when, and how they are tuned.
//!
//! Method: peaks that stand out from their surroundings and were there one hop before (drums and noise leave few);
//! their deviation from the tempered scale gives the tuning as a circular mean; on the tuned semitone scale each
//! stretch of about 0.2 s is explained as a sum of harmonic notes with weights that cannot be negative, as in
//! M. Mauch and S. Dixon, "Approximate Note Transcription for the Improved Identification of Difficult Chords",
//! ISMIR 2010. We differ: peaks instead of the whole spectrum, multiplicative updates (D. Lee and H. Seung,
//! "Algorithms for Non-negative Matrix Factorization", NIPS 2000) instead of an active set.
//! The chroma of all that sounds, noise and partials included, is another measure of the same spectra.
//! Shapes: window 16384 (372 ms), hop 4096 (93 ms), wider for clips over ten minutes, so that at most 6500 spectra
//! are looked at.

use std::f64::consts::TAU;

use crate::spectrum::{Windowing, each_hop, vertex};

const WINDOW: usize = 16_384;
const BIN_HZ: f64 = 44_100.0 / WINDOW as f64;
/// The lowest fundamental of a bass.
const LOW_HZ: f64 = 30.0;
const HIGH_HZ: f64 = 5000.0;
/// A peak stands 4 times (12 dB) over the median magnitude of its surroundings.
const PROMINENCE: f32 = 4.0;
/// Half-width of the surroundings in bins (65 Hz).
const AROUND: usize = 24;
/// Peaks this far below the loudest of the clip are silence (-80 dB).
const FAINT: f32 = 1e-8;
/// Hops that are explained together.
const TOGETHER: usize = 2;
/// The lowest note, B0.
pub(super) const LOWEST: usize = 23;
/// How many notes, up to D8.
pub(super) const NOTES: usize = 88; // a multiple of the lanes of `dot`
/// Harmonics of a note, and how much each is softer than the one before, on the ear's scale.
const HARMONICS: u32 = 12;
const SOFTER: f32 = 0.8;
const UPDATES: usize = 12;

/// A lasting spectral peak.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peak {
    /// Fractional MIDI note.
    pub(super) pitch: f32,
    /// Root of its amplitude: the ear's scale.
    pub(super) loudness: f32,
}

/// The peaks of a clip.
#[derive(Debug, Clone, Default)]
pub(super) struct Peaks {
    /// Lasting peaks by hop.
    pub(super) hops: Vec<Vec<Peak>>,
    /// Share of the energy in lasting peaks, 0 to 1.
    pub(super) share: f32,
    /// Share of the peaks, by loudness, that lasted.
    pub(super) lasting: f32,
    /// Energy per bin from 0 Hz to `HIGH_HZ`, of everything.
    pub(super) spectrum: Vec<f64>,
}

/// The peaks of mono samples at 44.1 kHz: those that were there a hop before or are there a hop later.
pub(super) fn peaks(mono: &[f32]) -> Peaks {
    let hop = (WINDOW / 4).max(mono.len() / 6500);
    let (low, high) = ((LOW_HZ / BIN_HZ) as usize, (HIGH_HZ / BIN_HZ) as usize);
    let mut spectra: Vec<Vec<Standing>> = Vec::new();
    let mut spectrum = vec![0.0_f64; high];
    each_hop(mono, Windowing { window: WINDOW, hop }, |_, magnitudes| {
        for (sum, m) in spectrum.iter_mut().zip(magnitudes) {
            *sum += f64::from(m * m);
        }
        spectra.push(standing(magnitudes, low, high));
    });
    let loudest = spectra.iter().flatten().map(|peak| peak.energy).fold(0.0, f32::max);
    for spectrum in &mut spectra {
        spectrum.retain(|peak| peak.energy > FAINT * loudest);
    }
    let single = spectra.len() == 1; // nothing to compare with
    let (mut tonal, mut stayed, mut seen) = (0.0_f64, 0.0_f32, 1e-12_f32);
    let hops = (0..spectra.len())
        .map(|at| {
            let beside = [at.checked_sub(1), Some(at + 1)];
            let beside: Vec<&[Standing]> = beside
                .into_iter()
                .flatten()
                .filter_map(|i| spectra.get(i))
                .map(Vec::as_slice)
                .collect();
            let lasting = spectra[at].iter().filter(|peak| {
                seen += peak.energy.powf(0.25);
                single || beside.iter().any(|other| has(other, peak.bin))
            });
            lasting
                .map(|peak| {
                    let loudness = peak.energy.powf(0.25);
                    stayed += loudness;
                    tonal += f64::from(peak.energy);
                    let pitch = 69.0 + 12.0 * (f64::from(peak.bin) * BIN_HZ / 440.0).log2();
                    Peak { pitch: pitch as f32, loudness }
                })
                .collect()
        })
        .collect();
    let total: f64 = spectrum[low..].iter().sum();
    let share = (tonal / total.max(1e-30)).min(1.0) as f32;
    Peaks { hops, share, lasting: stayed / seen, spectrum }
}

/// A peak of one spectrum.
#[derive(Debug, Clone, Copy)]
struct Standing {
    /// Place of the vertex, in bins.
    bin: f32,
    energy: f32,
}

/// Whether a peak less than 0.7 bins away is there; `peaks` are sorted.
fn has(peaks: &[Standing], bin: f32) -> bool {
    let next = peaks.partition_point(|peak| peak.bin < bin - 0.7);
    peaks.get(next).is_some_and(|peak| peak.bin < bin + 0.7)
}

/// Local maxima that stand out from the median of their surroundings, with the energy of their main lobe: beside
/// the harmonics of a low note the mean is high.
fn standing(magnitudes: &[f32], low: usize, high: usize) -> Vec<Standing> {
    let top = magnitudes[low..high].iter().copied().fold(0.0, f32::max);
    let floor = (0.003 * top).max(1e-12);
    (low.max(2)..high)
        .filter(|&bin| {
            let m = magnitudes[bin];
            m > floor && m >= magnitudes[bin - 1] && m > magnitudes[bin + 1] && {
                let around = &magnitudes[bin.saturating_sub(AROUND)..=bin + AROUND];
                // So many times over the median is over most of them: no need to sort.
                let under: usize = around.iter().map(|a| usize::from(m > PROMINENCE * a)).sum();
                under > around.len() / 2
            }
        })
        .map(|bin| {
            let log = |i: usize| f64::from(magnitudes[i].max(1e-9)).ln();
            Standing {
                bin: (bin as f64 + vertex([bin - 1, bin, bin + 1].map(log))) as f32,
                energy: magnitudes[bin - 2..=bin + 2].iter().map(|m| m * m).sum(),
            }
        })
        .collect()
}

/// The tuning in semitones above equal temperament at 440 Hz, -0.5 to 0.5, and how well the peaks agree, 0 to 1.
///
/// Peaks between 80 Hz and 2 kHz count; high ones less, for the fifth and seventh harmonics lie beside the scale.
pub(super) fn tuning(hops: &[Vec<Peak>]) -> (f32, f32) {
    let (mut re, mut im, mut all) = (0.0_f64, 0.0_f64, 1e-12_f64);
    for peak in hops.iter().flatten().filter(|peak| (40.0..96.0).contains(&peak.pitch)) {
        let weight =
            f64::from(peak.loudness) * (-(f64::from(peak.pitch) - 60.0).max(0.0) / 12.0).exp2();
        let angle = TAU * f64::from(peak.pitch);
        re += weight * angle.cos();
        im += weight * angle.sin();
        all += weight;
    }
    ((im.atan2(re) / TAU) as f32, (re.hypot(im) / all) as f32)
}

/// Below this a semitone is narrower than the bins tell apart.
const CHROMA_HZ: f64 = 60.0;

/// The amplitude of each pitch class in such a spectrum, with that tuning: of each semitone, as far as white noise is as strong
/// in all of them, so that noise points to none.
pub(super) fn chroma(spectrum: &[f64], tuning: f32) -> [f32; 12] {
    let mut semitones = [0.0_f64; 128];
    for (bin, energy) in spectrum.iter().enumerate().skip((CHROMA_HZ / BIN_HZ).ceil() as usize) {
        let hz = bin as f64 * BIN_HZ;
        let pitch = 69.0 + 12.0 * (hz / 440.0).log2() - f64::from(tuning);
        semitones[pitch.round() as usize % 128] += energy / hz;
    }
    let mut classes = [0.0; 12];
    for (semitone, energy) in semitones.iter().enumerate() {
        classes[semitone % 12] += energy.sqrt() as f32;
    }
    classes
}

/// Weights of the notes, [stretches, `NOTES`], each stretch about 0.2 s, for the peaks with their tuning taken out; and the
/// share of the loudness that no note explains.
pub(super) fn notes(hops: &[Vec<Peak>], tuning: f32) -> (Vec<[f32; NOTES]>, f32) {
    let bells = dictionary();
    let mut gram = vec![[0.0_f32; NOTES]; NOTES];
    for (row, a) in gram.iter_mut().zip(&bells) {
        for (cell, b) in row.iter_mut().zip(&bells) {
            *cell = a.iter().zip(b).map(|(x, y)| x * y).sum();
        }
    }
    let (mut left, mut all) = (0.0, 1e-12);
    let stretches = hops
        .chunks(TOGETHER)
        .map(|hops| {
            let mut heard = [0.0_f32; NOTES];
            for peak in hops.iter().flatten() {
                spread(&mut heard, peak.pitch - tuning, peak.loudness);
            }
            let weights = explained(&heard, &bells, &gram);
            for (note, heard) in heard.iter().enumerate() {
                let sum: f32 = (0..NOTES).map(|other| weights[other] * bells[other][note]).sum();
                left += (heard - sum).abs();
                all += heard;
            }
            weights
        })
        .collect();
    (stretches, left / all)
}

/// Adds to the two semitones next to a pitch.
fn spread(semitones: &mut [f32; NOTES], pitch: f32, weight: f32) {
    let place = pitch - LOWEST as f32;
    let below = place.floor();
    let part = place - below;
    for (at, share) in [(below, 1.0 - part), (below + 1.0, part)] {
        if (0.0..NOTES as f32).contains(&at) {
            semitones[at as usize] += weight * share;
        }
    }
}

/// What each note sounds like on the semitone scale, [notes, semitones].
fn dictionary() -> Vec<[f32; NOTES]> {
    (0..NOTES)
        .map(|note| {
            let mut bell = [0.0; NOTES];
            let mut loudness = 1.0;
            for harmonic in 1..=HARMONICS {
                let pitch = (LOWEST + note) as f32 + 12.0 * (harmonic as f32).log2();
                spread(&mut bell, pitch, loudness);
                loudness *= SOFTER;
            }
            bell
        })
        .collect()
}

fn explained(heard: &[f32; NOTES], bells: &[[f32; NOTES]], gram: &[[f32; NOTES]]) -> [f32; NOTES] {
    let wanted: Vec<f32> =
        bells.iter().map(|bell| bell.iter().zip(heard).map(|(b, h)| b * h).sum()).collect();
    let mut weights = *heard;
    for _ in 0..UPDATES {
        let mut next = [0.0_f32; NOTES];
        for note in (0..NOTES).filter(|&note| weights[note] > 0.0) {
            let have = dot(&gram[note], &weights);
            next[note] = weights[note] * wanted[note] / have.max(1e-12);
        }
        weights = next;
    }
    weights
}

/// The inner product, in lanes that need not wait for each other.
fn dot(a: &[f32; NOTES], b: &[f32; NOTES]) -> f32 {
    let mut lanes = [0.0_f32; 8];
    for (a, b) in a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0) {
        for lane in 0..8 {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    lanes.iter().sum()
}
