//! Readings of a rhythm: a tempo, the phase of its beat and the start of its bar, each with the evidence for it.
//!
//! The evidence is weighed by a conditional logit (D. `McFadden`, 1974): the probability of a reading among all
//! readings of the clip is the softmax of a score. We differ: beside the weighted sum of its evidence the score has a layer of `tanh`
//! units, because pieces of evidence mean more together: a backbeat on two and four is worth most where a bass drum stands between.
//! The weights are fitted by `bench/tempo/fit.py` on synthesised loops. Once the tempo is chosen, its phase and the start of its bar are weighed again
//! with weights of their own, fitted among the readings of one tempo.

use crate::onset::{HOPS_PER_S, Onset, Onsets};
use crate::tempo::fold::{Fit, clusters, fit, residue};
use crate::tempo::lattice;
use crate::tempo::repeats::Repeats;
use crate::tempo::weights::{PHASE, UNITS, WEIGHTS};

/// Pieces of evidence for a reading.
pub const EVIDENCE: usize = 53;

/// Bars that the file may hold when its length speaks for a tempo.
const BARS: [u32; 10] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32];
/// Slowest and fastest beat, in seconds.
const PERIODS_S: [f64; 2] = [60.0 / 215.0, 60.0 / 48.0];
/// Longer files are recordings, whose length says nothing of their tempo, in seconds.
pub(super) const LOOP_S: f64 = 80.0;
/// Readings are weighed on at most this many seconds from the middle of a clip.
const WINDOW_S: f64 = 120.0;

/// One way to count a rhythm.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Seconds per beat.
    pub period_s: f64,
    /// A time at which a bar starts, from 0 to four periods.
    pub downbeat_s: f64,
    /// The evidence, in the order of `evidence`.
    pub evidence: [f64; EVIDENCE],
    /// Its probability among the readings of the clip.
    pub probability: f64,
    /// What speaks for its phase and its bar among the readings of the same tempo, a logit.
    pub(super) phase: f64,
    pub(super) fit: Fit,
}

/// All readings of the onsets of a clip.
pub fn readings(onsets: &Onsets, duration_s: f64) -> Vec<Reading> {
    let repeats = Repeats::of(&onsets.strength);
    read(onsets, &repeats, duration_s, None)
}

pub(super) fn read(
    onsets: &Onsets,
    repeats: &Repeats,
    duration_s: f64,
    named_bpm: Option<f64>,
) -> Vec<Reading> {
    let list = middle(&onsets.list, duration_s);
    if list.len() < 3 {
        return Vec::new();
    }
    let mean = list.iter().map(|onset| onset.strength).sum::<f32>() / list.len() as f32;
    let start_hops = (ATTACK_HOPS - onsets.first_s * HOPS_PER_S).ceil();
    let first = onsets.strength.iter().take(start_hops as usize).copied().fold(0.0, f32::max);
    let attack = f64::from((first / mean).min(1.0));
    let mut all: Vec<Reading> = Vec::new();
    for fit in periods(list, repeats, duration_s, named_bpm) {
        for phase_s in phases(list, fit.period_s) {
            let table = Table::of(list, fit.period_s, phase_s);
            for beat in 0..4 {
                let downbeat_s = phase_s + f64::from(beat) * fit.period_s;
                let clip = Around { list, repeats, duration_s, attack };
                let evidence = evidence(&clip, &table, beat as usize, fit.period_s, downbeat_s);
                all.push(Reading {
                    period_s: fit.period_s,
                    downbeat_s,
                    evidence,
                    probability: 0.0,
                    phase: 0.0,
                    fit,
                });
            }
        }
    }
    let scores: Vec<f64> = all
        .iter()
        .map(|reading| {
            let told =
                named_bpm.is_some_and(|bpm| (reading.period_s * bpm / 60.0 - 1.0).abs() < 0.03);
            let places = lattice::score(list, reading.period_s, reading.downbeat_s, duration_s);
            score(&reading.evidence) + places + if told { NAME } else { 0.0 }
        })
        .collect();
    let top = scores.iter().copied().fold(f64::MIN, f64::max);
    let total: f64 = scores.iter().map(|score| (score - top).exp()).sum();
    for (reading, score) in all.iter_mut().zip(&scores) {
        reading.probability = (score - top).exp() / total;
        reading.phase = reading.evidence.iter().zip(PHASE).map(|(e, w)| e * w).sum();
    }
    all
}

/// What the evidence weighs together: each piece alone, and through units that hear several at once.
fn score(evidence: &[f64; EVIDENCE]) -> f64 {
    let dot = |weights: &[f64; EVIDENCE]| -> f64 {
        evidence.iter().zip(weights).map(|(piece, weight)| piece * weight).sum()
    };
    let units = UNITS.iter().map(|(weights, bias, worth)| worth * (dot(weights) + bias).tanh());
    dot(&WEIGHTS) + units.sum::<f64>()
}

/// How long a file that starts with an attack has for it, in hops: 23 ms.
const ATTACK_HOPS: f64 = 4.0;
/// What a tempo in the name is worth: e to this power.
const NAME: f64 = 5.0;
/// Below 70 and above 170 bpm listeners rather count double or half; in octaves above 120 bpm.
const SLOW: f64 = -0.778;
const FAST: f64 = 0.503;

/// The onsets in the middle of a long clip.
fn middle(list: &[Onset], duration_s: f64) -> &[Onset] {
    let from = 0.5 * (duration_s - WINDOW_S);
    let start = list.partition_point(|onset| onset.time_s < from);
    let end = list.partition_point(|onset| onset.time_s <= from + WINDOW_S);
    if duration_s > WINDOW_S { &list[start..end] } else { list }
}

/// Beat periods worth reading.
fn periods(list: &[Onset], repeats: &Repeats, duration_s: f64, named_bpm: Option<f64>) -> Vec<Fit> {
    let mut wanted: Vec<f64> = repeats.periods().into_iter().take(8).collect();
    for period in wanted.clone().into_iter().take(4) {
        wanted.extend([2.0, 0.5, 3.0, 1.0 / 3.0, 1.5, 2.0 / 3.0].map(|ratio| ratio * period));
    }
    if duration_s < LOOP_S {
        wanted.extend(BARS.map(|bars| duration_s / f64::from(4 * bars)));
    }
    wanted.extend(named_bpm.map(|bpm| 60.0 / bpm));
    let mut found: Vec<Fit> = Vec::new();
    for period in wanted {
        if !(PERIODS_S[0]..=PERIODS_S[1]).contains(&period) {
            continue;
        }
        let fit = fit(list, period);
        if found.iter().all(|other| (other.period_s / fit.period_s - 1.0).abs() > 0.006) {
            found.push(fit);
        }
    }
    found
}

/// Phases of the beat worth reading, in seconds: the clusters, the start of the file, the first onset.
fn phases(list: &[Onset], period_s: f64) -> Vec<f64> {
    let mut phases: Vec<f64> = Vec::new();
    let clusters = clusters(list, period_s);
    let strongest = clusters.iter().take(4).map(|cluster| cluster.at_s);
    let first = list.first().map(|onset| onset.time_s.rem_euclid(period_s));
    for phase in strongest.chain(first).chain([0.0]) {
        if phases.iter().all(|other| residue(phase - other, period_s).abs() > 0.03) {
            phases.push(phase);
        }
    }
    phases
}

struct Around<'a> {
    list: &'a [Onset],
    repeats: &'a Repeats,
    duration_s: f64,
    /// The onset strength of the first 23 ms against the mean of the onsets, 0 to 1.
    attack: f64,
}

/// Onset strength by band, beat of four and place in the beat.
struct Table {
    beats: [[[f64; PLACES]; 4]; BANDS],
    bands: [f64; BANDS],
    /// Strength and new sounds on each beat of eight, to tell bars from halves of bars.
    pairs: [[f64; 8]; 2],
}

/// All, low, middle, high, and what brings a new sound.
const BANDS: usize = 5;

/// On the beat, half, swung half, quarter, elsewhere.
const PLACES: usize = 5;

impl Table {
    fn of(list: &[Onset], period_s: f64, phase_s: f64) -> Self {
        let mut table =
            Self { beats: [[[0.0; PLACES]; 4]; BANDS], bands: [0.0; BANDS], pairs: [[0.0; 8]; 2] };
        for onset in list {
            let beats = (onset.time_s - phase_s) / period_s;
            let nearest = beats.round();
            let off = (beats - nearest) * period_s;
            let (beat, place) = if off.abs() < 0.035_f64.min(0.11 * period_s) {
                (nearest, 0)
            } else {
                let part = beats - beats.floor();
                let place = match part {
                    0.43..0.56 => 1,
                    0.56..0.71 => 2,
                    0.19..0.32 | 0.71..0.82 => 3,
                    _ => 4,
                };
                (beats.floor(), place)
            };
            let strength = f64::from(onset.strength);
            if place == 0 {
                let number = beat.rem_euclid(8.0) as usize;
                table.pairs[0][number] += strength;
                table.pairs[1][number] += strength * f64::from(onset.change);
            }
            let beat = beat.rem_euclid(4.0) as usize;
            let (low, high) = (strength * f64::from(onset.low), strength * f64::from(onset.high));
            let change = strength * f64::from(onset.change);
            let parts = [strength, low, (strength - low - high).max(0.0), high, change];
            for (band, part) in parts.into_iter().enumerate() {
                table.beats[band][beat][place] += part;
                table.bands[band] += part;
            }
        }
        table
    }

    /// How differently the first beats of even and odd bars sound, 0 to 1, as a share of all on the beat, for strength and for
    /// new sounds: bars that alternate are halves of bars.
    fn alternation(&self, first: usize) -> [f64; 2] {
        self.pairs.map(|pair| {
            let total: f64 = pair.iter().sum();
            (pair[first] - pair[first + 4]).abs() / total.max(1e-9)
        })
    }
}

/// The evidence for a bar that starts on beat `first` of the table. Shares of the onset strength on the first, the third, and
/// the second and fourth beats, and between beats at the half, the swung half and the quarters, for all, low, middle and
/// high strength and for new sounds; repetition after a half, one, two, three, four, eight beats and a third; the tempo; the onsets per beat; whether
/// the file is whole bars, or one; whether the bar starts with the file or the first onset; whether bars alternate.
fn evidence(
    clip: &Around<'_>,
    table: &Table,
    first: usize,
    period_s: f64,
    downbeat_s: f64,
) -> [f64; EVIDENCE] {
    let mut out = Vec::with_capacity(EVIDENCE);
    for (beats, total) in table.beats.iter().zip(table.bands) {
        let presence = (total / (0.1 * table.bands[0]).max(1e-9)).min(1.0) / total.max(1e-9);
        let beat = |number: usize| beats[(first + number) % 4][0] * presence;
        let between = |place: usize| beats.iter().map(|beat| beat[place]).sum::<f64>() * presence;
        out.extend([beat(0), beat(2), beat(1) + beat(3), between(1), between(2), between(3)]);
    }
    let mut unknown = 0.0;
    for beats in [0.5, 1.0 / 3.0, 1.0, 2.0, 3.0, 4.0] {
        let repetition = clip.repeats.near(beats * period_s);
        unknown += if repetition.is_none() { 0.25 } else { 0.0 };
        out.push(f64::from(repetition.unwrap_or(0.0)));
    }
    // Two bars are often the whole file, whose repetition is not heard: then the bar stands for them.
    let bar = clip.repeats.near(4.0 * period_s);
    out.push(f64::from(clip.repeats.near(8.0 * period_s).or(bar).unwrap_or(0.0)));
    out.push(unknown);
    let tempo = (0.5 / period_s).log2();
    out.extend([tempo, tempo * tempo, (SLOW - tempo).max(0.0), (tempo - FAST).max(0.0)]);
    let span = clip.list[clip.list.len() - 1].time_s - clip.list[0].time_s + period_s;
    let dense = (clip.list.len() as f64 * period_s / span).log2();
    out.extend([dense, dense * dense]);
    let bars = clip.duration_s / (4.0 * period_s);
    let off_s = (bars - bars.round()).abs() * 4.0 * period_s;
    let near = |off_s: f64| {
        if clip.duration_s < LOOP_S { 1.0 / (1.0 + (off_s / 0.012).powi(2)) } else { 0.0 }
    };
    let power_of_two = bars.round() >= 1.0 && (bars.round() as u64).is_power_of_two();
    let whole = near(off_s);
    let beats = bars * 4.0;
    let whole_beats = near((beats - beats.round()).abs() * period_s);
    out.extend([
        if power_of_two { whole } else { 0.0 },
        if power_of_two { 0.0 } else { whole },
        whole_beats,
        if bars.round() < 1.5 { whole } else { 0.0 },
    ]);
    // The bar may start with the file, if the file starts with an attack, or after silence.
    let starts = |time: f64| {
        if residue(downbeat_s - time, 4.0 * period_s).abs() < 0.025 { 1.0 } else { 0.0 }
    };
    let at_start = starts(0.0) * clip.attack;
    let after_silence = starts(clip.list[0].time_s) * (1.0 - clip.attack);
    out.extend([at_start, after_silence, starts(0.0) * whole]);
    out.extend(table.alternation(first));
    let mut fixed = [0.0; EVIDENCE];
    fixed.copy_from_slice(&out);
    fixed
}
