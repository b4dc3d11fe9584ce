//! What the key is judged by: who sounds where in the clip, as seen from C, and how tonal it all is.
//!
//! Music made of loops begins on its tonic more often than not, so the beginning, the end and the first stretch of every
//! quarter of the clip are kept apart from the whole.

use super::bass;
use super::notes::{self, LOWEST, NOTES, Peak};

/// Pitch-class profiles of a clip.
pub(super) const PROFILES: usize = 18;
/// Profiles over the 12 major and 12 minor triads.
pub(super) const TRIADS: usize = 3;
/// Measures that no transposition changes.
pub(super) const SCALARS: usize = 16;
/// Numbers in all.
pub const FEATURES: usize = 12 * PROFILES + 24 * TRIADS + SCALARS;

/// Features of a clip as seen from C.
#[derive(Debug, Clone)]
pub(super) struct Outline {
    /// Root of the share of each pitch class.
    pub(super) profiles: [[f32; 12]; PROFILES],
    /// Root of the share of each triad, major first.
    pub(super) triads: [[f32; 24]; TRIADS],
    pub(super) scalars: [f32; SCALARS],
    /// Amplitude of each pitch class in the whole spectrum.
    pub(super) chroma: [f32; 12],
    /// Weight of each note over the whole clip.
    pub(super) notes: [f32; NOTES],
    /// Semitones above equal temperament at 440 Hz; `None` where the peaks do not agree.
    pub(super) tuning: Option<f32>,
}

/// Share of the clip that counts as its beginning and its end.
const EDGE: f32 = 0.1;
/// Notes from here on (C3) are those of the chords.
const CHORDS_FROM: usize = 48 - LOWEST;
/// The bass is below here (G3).
const BASS_TO: usize = 55 - LOWEST;
/// A note is the bass from this share of the strongest on.
const BASS_SHARE: f32 = 0.25;

/// Peaks that agree less have no tuning: music has 0.25 and more, speech that glides nearly 0.
const AGREEMENT_MIN: f32 = 0.1;

/// The outline of mono samples at 44.1 kHz.
pub(super) fn outline(mono: &[f32]) -> Outline {
    let peaks = notes::peaks(mono);
    let (tuned, agreement) = notes::tuning(&peaks.hops);
    let tuned = Some(tuned).filter(|_| agreement >= AGREEMENT_MIN);
    let tuning = tuned.unwrap_or(0.0);
    let (stretches, unexplained) = notes::notes(&peaks.hops, tuning);
    let count = stretches.len().max(1) as f32;
    let mut profiles = [[0.0_f32; 12]; PROFILES];
    let mut triads = [[0.0_f32; 24]; TRIADS];
    let mut halves = [[0.0_f32; 12]; 2];
    let mut notes_at_once = 0.0;
    let mut sums = [0.0_f32; NOTES];
    for (index, weights) in stretches.iter().enumerate() {
        let place = (index as f32 + 0.5) / count;
        let mut all = [0.0_f32; 12];
        let mut high = [0.0_f32; 12];
        for (note, weight) in weights.iter().enumerate() {
            sums[note] += weight;
            all[(note + LOWEST) % 12] += weight;
            if note >= CHORDS_FROM {
                high[(note + LOWEST) % 12] += weight;
            }
        }
        let mut low = [0.0_f32; 12];
        if let Some((class, weight)) = bass(weights) {
            low[class] = weight;
        }
        let sum: f32 = all.iter().sum();
        let squares: f32 = all.iter().map(|x| x * x).sum();
        if squares > 0.0 {
            notes_at_once += sum * sum / squares;
        }
        let quarter = (4.0 * place).fract() < 4.0 * EDGE * 0.5;
        let roles = [
            (true, 0),
            (place < EDGE || index == 0, 3),
            (place > 1.0 - EDGE || index + 1 == stretches.len(), 6),
            (quarter, 9),
        ];
        for (_, at) in roles.into_iter().filter(|role| role.0) {
            add(&mut profiles[at], &high, 1.0);
            add(&mut profiles[at + 1], &low, 1.0);
            add(&mut profiles[at + 2], &all, 1.0);
        }
        add(&mut halves[usize::from(place > 0.5)], &all, 1.0);
        let mut mixed = all;
        add(&mut mixed, &low, 0.5);
        let chords = likely_triads(&mixed);
        for (_, at) in [(true, 0), (place < EDGE || index == 0, 1), (quarter, 2)]
            .into_iter()
            .filter(|role| role.0)
        {
            for (slot, chord) in triads[at].iter_mut().zip(&chords) {
                *slot += chord * sum;
            }
        }
    }
    let line = bass::line(mono);
    for note in &line {
        let class = (note.pitch - tuning).round().rem_euclid(12.0) as usize % 12;
        profiles[12][class] += note.loudness;
        if note.place < EDGE {
            profiles[13][class] += note.loudness;
        }
        if note.place > 1.0 - EDGE {
            profiles[14][class] += note.loudness;
        }
        if (4.0 * note.place).fract() < 2.0 * EDGE {
            profiles[15][class] += note.loudness;
        }
    }
    for (at, note) in [(16, line.first()), (17, line.last())] {
        if let Some(note) = note {
            profiles[at][(note.pitch - tuning).round().rem_euclid(12.0) as usize % 12] = 1.0;
        }
    }
    // Beside what the harmonic model explains, what was heard.
    let raw = classes(&peaks.hops, tuning);
    profiles[8] = raw;
    let scalars = scalars(&Tonality {
        share: peaks.share,
        lasting: peaks.lasting,
        agreement,
        unexplained,
        notes_at_once: notes_at_once / count,
        peaks: peaks.hops.iter().map(Vec::len).sum::<usize>() as f32
            / peaks.hops.len().max(1) as f32,
        empty: peaks.hops.iter().filter(|hop| hop.is_empty()).count() as f32
            / peaks.hops.len().max(1) as f32,
        alike: cosine(&halves[0], &halves[1]),
        whole: &profiles[2],
        bass: &profiles[1],
        raw: &raw,
        hops: peaks.hops.len() as f32,
    });
    Outline {
        profiles: profiles.map(root_of_shares),
        triads: triads.map(root_of_shares),
        scalars,
        chroma: notes::chroma(&peaks.spectrum, tuning),
        notes: sums,
        tuning: tuned,
    }
}

/// The lowest note that is not faint.
fn bass(weights: &[f32; NOTES]) -> Option<(usize, f32)> {
    let top = weights.iter().copied().fold(0.0, f32::max);
    let note = (0..BASS_TO)
        .find(|&note| weights[note] > BASS_SHARE * top && weights[note] >= weights[note + 1])?;
    (top > 0.0).then(|| ((note + LOWEST) % 12, weights[note]))
}

fn add(sum: &mut [f32; 12], classes: &[f32; 12], gain: f32) {
    for (slot, class) in sum.iter_mut().zip(classes) {
        *slot += gain * class;
    }
}

/// Shares of the 24 triads in what sounds at one time, the best by far the largest.
fn likely_triads(classes: &[f32; 12]) -> [f32; 24] {
    let length = classes.iter().map(|c| c * c).sum::<f32>().sqrt();
    let mut odds = [0.0_f32; 24];
    if length <= 0.0 {
        return odds;
    }
    for (index, odd) in odds.iter_mut().enumerate() {
        let (root, third) = (index % 12, if index < 12 { 4 } else { 3 });
        let sum = classes[root] + classes[(root + third) % 12] + classes[(root + 7) % 12];
        *odd = (12.0 * sum / (length * 3.0_f32.sqrt())).exp();
    }
    let total: f32 = odds.iter().sum();
    odds.map(|odd| odd / total)
}

/// Loudness of the peaks per pitch class, high ones less.
fn classes(hops: &[Vec<Peak>], tuning: f32) -> [f32; 12] {
    let mut out = [0.0_f32; 12];
    for peak in hops.iter().flatten() {
        let class = (peak.pitch - tuning).round().rem_euclid(12.0) as usize % 12;
        out[class] += peak.loudness * (-(peak.pitch - 60.0).max(0.0) / 12.0).exp2();
    }
    out
}

struct Tonality<'a> {
    share: f32,
    lasting: f32,
    agreement: f32,
    unexplained: f32,
    notes_at_once: f32,
    peaks: f32,
    empty: f32,
    alike: f32,
    whole: &'a [f32; 12],
    bass: &'a [f32; 12],
    raw: &'a [f32; 12],
    hops: f32,
}

fn scalars(tonality: &Tonality<'_>) -> [f32; SCALARS] {
    let sorted = |classes: &[f32; 12]| {
        let sum: f32 = classes.iter().sum::<f32>().max(1e-12);
        let mut shares = classes.map(|c| c / sum);
        shares.sort_by(|a, b| b.total_cmp(a));
        shares
    };
    let (whole, bass, raw) = (sorted(tonality.whole), sorted(tonality.bass), sorted(tonality.raw));
    let entropy =
        |shares: &[f32; 12]| -shares.iter().filter(|p| **p > 0.0).map(|p| p * p.ln()).sum::<f32>();
    [
        tonality.share,
        tonality.lasting,
        tonality.agreement,
        tonality.unexplained,
        tonality.notes_at_once,
        (1.0 + tonality.peaks).ln(),
        tonality.empty,
        tonality.alike,
        entropy(&whole),
        entropy(&bass),
        entropy(&raw),
        whole[0],
        whole[1] + whole[2],
        whole[7..].iter().sum(),
        raw[7..].iter().sum(),
        tonality.hops.max(1.0).log2().min(9.0),
    ]
}

fn cosine(a: &[f32; 12], b: &[f32; 12]) -> f32 {
    let dot = |a: &[f32; 12], b: &[f32; 12]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt().max(1e-12)
}

fn root_of_shares<const N: usize>(values: [f32; N]) -> [f32; N] {
    let sum: f32 = values.iter().sum();
    if sum > 0.0 { values.map(|value| (value / sum).sqrt()) } else { values }
}
