//! Tempo, beats and bars from the onsets.
//!
//! Two roads, tried in this order:
//! 1. **Whole bars.** A loop of `n` bars and duration `T` has 240 n / T bpm exactly. For n = 1, 2, 4 .. 32 the
//!    onsets are placed on a circle of one sixteenth (or one eighth, or one eighth triplet) of that grid, phase locked to
//!    the start of the file; the mean resultant (Goldberg and Brown's vector strength, its real part) is the
//!    evidence. A wrong grid gives about 0, so the file's length alone never makes a tempo.
//! 2. **Pulse.** Autocorrelation of the onset strength, summed over four multiples of each period (a comb),
//!    after D. Ellis, "Beat Tracking by Dynamic Programming", JNMR 36(1), 2007; the pulse must repeat at
//!    the double lag. Beats by Ellis's dynamic programming; where they lie on a line to 25 ms, the line
//!    replaces them and its slope is the tempo.
//!
//! The octave is chosen by a log-normal prior round 125 bpm and, where the file's name tells a tempo, by
//! that; a name never makes a tempo without a pulse.
//! In: onsets of a clip. Out: bpm 50 to 210, confidence 0 to 1, or no tempo. Limits: bars of four beats;
//! the loops' 60 to 200 bpm; a half-time pattern may be read at the double tempo and the reverse.
//! Cost: O(hops log hops) for the autocorrelation, O(hops x period) for the beats.

use std::f64::consts::TAU;

use dream_core::Bpm;

use crate::beats;
use crate::onset::{HOPS_PER_S, Onset, Onsets};
use crate::spectrum::autocorrelation;

/// Tempo and metre of a clip.
#[derive(Debug, Clone, Default)]
pub struct Tempo {
    /// Tempo; `None` without a pulse.
    pub bpm: Option<Bpm>,
    /// 0 to 1; 0 without a tempo.
    pub confidence: f32,
    /// Candidates with weights that add up to 1, the best first.
    pub candidates: Vec<(f64, f32)>,
    /// Beat times in seconds.
    pub beats_s: Vec<f64>,
    /// Times of the first beats of bars in seconds.
    pub downbeats_s: Vec<f64>,
    /// Whole bars, if the clip is a loop.
    pub bars: Option<u32>,
    /// How strongly the onset strength repeats itself, 0 to 1.
    pub pulse_clarity: f32,
}

/// Bars that a loop may have.
const BARS: [u32; 6] = [1, 2, 4, 8, 16, 32];
/// The least vector strength of a loop's onsets on its grid.
const GRID_MIN: f64 = 0.55;
/// Least standard deviations above the vector strength of onsets thrown at random.
const GRID_Z: f64 = 2.4;
/// The least pulse clarity of free material with a tempo.
const CLARITY_MIN: f32 = 0.25;
/// The same for clips shorter than `SHORT_S` seconds, whose few repetitions come about by chance.
const CLARITY_SHORT: f32 = 0.45;
const SHORT_S: f64 = 4.0;
/// Centre and width of the prior, in bpm and octaves.
const PRIOR_BPM: f64 = 125.0;
const PRIOR_OCTAVES: f64 = 0.55;
/// How much more the low part of the onset strength counts for the beats' phase.
const LOW_WEIGHT: f32 = 2.0;
/// Tempo is read from at most this many seconds from the middle of a clip.
const WINDOW_S: f64 = 120.0;

/// The tempo of a clip of `duration_s` seconds. `named_bpm` is a tempo told by its name.
pub fn tempo(onsets: &Onsets, duration_s: f64, named_bpm: Option<f64>) -> Tempo {
    let repeats = Repeats::of(&onsets.strength);
    let clarity = repeats.clarity();
    let found = whole_bars(onsets, duration_s, named_bpm)
        .or_else(|| pulse(onsets, &repeats, clarity, duration_s, named_bpm));
    Tempo { pulse_clarity: clarity, ..found.unwrap_or_default() }
}

/// The tempo of a clip that is known to be at `bpm`: beats from its start.
pub(crate) fn known(bpm: Bpm, bars: Option<u32>, duration_s: f64) -> Tempo {
    let beats = beats::grid(0.0, bpm.beat_seconds(), duration_s);
    Tempo {
        bpm: Some(bpm),
        confidence: 1.0,
        candidates: vec![(bpm.get(), 1.0)],
        downbeats_s: beats.iter().copied().step_by(4).collect(),
        beats_s: beats,
        bars,
        pulse_clarity: 0.0,
    }
}

fn prior(bpm: f64) -> f64 {
    (-0.5 * ((bpm / PRIOR_BPM).log2() / PRIOR_OCTAVES).powi(2)).exp()
}

/// How near a tempo is to the one the name tells: 1 at 3 % and less.
fn named(bpm: f64, named_bpm: Option<f64>) -> bool {
    named_bpm.is_some_and(|name| (bpm / name - 1.0).abs() < 0.03)
}

fn whole_bars(onsets: &Onsets, duration_s: f64, named_bpm: Option<f64>) -> Option<Tempo> {
    let list = &onsets.list;
    let late = list.iter().any(|onset| onset.time_s > 0.6 * duration_s);
    let early = list.iter().any(|onset| onset.time_s < 0.25 * duration_s);
    if list.len() < 4 || !late || !early {
        return None;
    }
    let weight: f64 = list.iter().map(|onset| f64::from(onset.strength)).sum();
    let squares: f64 = list.iter().map(|onset| f64::from(onset.strength).powi(2)).sum();
    let effective = weight * weight / squares;
    let mut fits: Vec<(u32, f64, f64, f64)> = Vec::new(); // bars, bpm, grid, score
    for bars in BARS {
        let bpm = 240.0 * f64::from(bars) / duration_s;
        if !(60.0..=200.0).contains(&bpm) && !named(bpm, named_bpm) {
            continue;
        }
        // Sixteenths, eighths or eighth triplets: a loop whose length is slightly off still fits the coarser grid.
        let at = |steps: f64| vector_strength(list, steps * f64::from(bars) / duration_s);
        let grid = at(16.0).max(at(8.0)).max(0.9 * at(12.0));
        if grid >= GRID_MIN && grid * (2.0 * effective).sqrt() >= GRID_Z {
            let told = if named(bpm, named_bpm) { 10.0 } else { 1.0 };
            fits.push((bars, bpm, grid, grid * grid * prior(bpm) * told));
        }
    }
    fits.sort_by(|a, b| b.3.total_cmp(&a.3));
    let &(bars, bpm, grid, score) = fits.first()?;
    let total: f64 = fits.iter().map(|fit| fit.3).sum();
    let surety = 1.0 - (-effective / 6.0).exp();
    let beat_s = duration_s / f64::from(4 * bars);
    let beats: Vec<f64> = (0..4 * bars).map(|beat| f64::from(beat) * beat_s).collect();
    Some(Tempo {
        bpm: Some(Bpm::new(bpm).ok()?),
        confidence: (grid * surety * (score / total).sqrt()).clamp(0.0, 1.0) as f32,
        candidates: fits.iter().map(|fit| (fit.1, (fit.3 / total) as f32)).collect(),
        downbeats_s: beats.iter().copied().step_by(4).collect(),
        beats_s: beats,
        bars: Some(bars),
        pulse_clarity: 0.0,
    })
}

/// Real part of the mean resultant of the onsets at `hz`, -1 to 1: 1 when all fall on multiples of 1 / hz.
fn vector_strength(list: &[Onset], hz: f64) -> f64 {
    let weight: f64 = list.iter().map(|onset| f64::from(onset.strength)).sum();
    let sum: f64 =
        list.iter().map(|onset| f64::from(onset.strength) * (TAU * hz * onset.time_s).cos()).sum();
    sum / weight.max(1e-9)
}

fn pulse(
    onsets: &Onsets,
    repeats: &Repeats,
    clarity: f32,
    duration_s: f64,
    named_bpm: Option<f64>,
) -> Option<Tempo> {
    let enough = if duration_s < SHORT_S { CLARITY_SHORT } else { CLARITY_MIN };
    if onsets.list.len() < 6 || duration_s < 2.5 || clarity < enough {
        return None;
    }
    let mut peaks = repeats.candidates(named_bpm);
    peaks.truncate(5);
    let total: f64 = peaks.iter().map(|peak| peak.1).sum();
    let &(rough, score) = peaks.first()?;
    let period_s = 60.0 / refine(window(&onsets.strength), rough);
    // Bass drums stand on the beat more often than hats: low onsets choose the phase.
    let weighted: Vec<f32> =
        onsets.strength.iter().zip(&onsets.low).map(|(all, low)| all + LOW_WEIGHT * low).collect();
    let track = beats::track(&weighted, period_s * HOPS_PER_S);
    let line = beats::line(&track);
    let bpm = line.map_or(60.0 / period_s, |line| 60.0 / line.step_s);
    let beats_s = line.map_or(track, |line| {
        beats::grid(line.start_s.rem_euclid(line.step_s), line.step_s, duration_s)
    });
    let bpm = Bpm::new(bpm).ok()?;
    let surety = ((clarity - 0.15) / 0.45).clamp(0.1, 1.0);
    let mut candidates: Vec<(f64, f32)> =
        peaks.iter().map(|peak| (peak.0, (peak.1 / total) as f32)).collect();
    candidates[0].0 = bpm.get();
    Some(Tempo {
        bpm: Some(bpm),
        confidence: surety * (score / total).sqrt().clamp(0.0, 1.0) as f32,
        candidates,
        downbeats_s: beats::downbeats(&beats_s, &onsets.low),
        beats_s,
        bars: None,
        pulse_clarity: clarity,
    })
}

/// The middle of a long curve.
fn window(strength: &[f32]) -> &[f32] {
    let keep = ((WINDOW_S * HOPS_PER_S) as usize).min(strength.len());
    let start = (strength.len() - keep) / 2;
    &strength[start..start + keep]
}

/// The tempo within 3 % of `rough` at which the spectrum of the onset strength, summed over the beat and its
/// halves and quarters, is largest.
fn refine(strength: &[f32], rough: f64) -> f64 {
    let mean = strength.iter().sum::<f32>() / strength.len().max(1) as f32;
    let power = |bpm: f64| -> f64 {
        [1.0, 2.0, 4.0]
            .iter()
            .map(|multiple| {
                let step = TAU * bpm / 60.0 * multiple / HOPS_PER_S;
                let (sin, cos) = step.sin_cos();
                let (mut re, mut im, mut x, mut y) = (0.0, 0.0, 1.0, 0.0);
                for s in strength {
                    let s = f64::from(s - mean);
                    re += s * x;
                    im += s * y;
                    (x, y) = (x * cos - y * sin, x * sin + y * cos);
                }
                re * re + im * im
            })
            .sum()
    };
    let mut best = rough;
    for (reach, steps) in [(0.03, 24), (0.0025, 10), (0.00025, 10)] {
        let centre = best;
        let tries = (-steps..=steps)
            .map(|i| centre * (1.0 + reach * f64::from(i) / f64::from(steps)))
            .map(|bpm| (bpm, power(bpm)));
        best = tries.max_by(|a, b| a.1.total_cmp(&b.1)).map_or(best, |most| most.0);
    }
    best
}

/// The normalised autocorrelation of the onset strength.
struct Repeats(Vec<f32>);

impl Repeats {
    fn of(strength: &[f32]) -> Self {
        let strength = window(strength);
        let mean = strength.iter().sum::<f32>() / strength.len().max(1) as f32;
        let smooth: Vec<f32> = (0..strength.len())
            .map(|t| {
                let at = |offset: isize| {
                    let i = t.checked_add_signed(offset).filter(|i| *i < strength.len());
                    i.map_or(0.0, |i| strength[i] - mean)
                };
                0.1 * (at(-2) + at(2)) + 0.2 * (at(-1) + at(1)) + 0.4 * at(0)
            })
            .collect();
        let lags = (smooth.len() * 3 / 4).min((8.2 * HOPS_PER_S) as usize);
        let mut values = autocorrelation(&smooth, lags);
        let energy = values.first().copied().unwrap_or(0.0);
        if energy <= 1e-9 {
            return Self(Vec::new());
        }
        for (lag, value) in values.iter_mut().enumerate() {
            *value *= smooth.len() as f32 / ((smooth.len() - lag) as f32 * energy);
        }
        Self(values)
    }

    /// The largest value within `reach` hops of `lag`, if all of them are known.
    fn near(&self, lag: f64, reach: usize) -> Option<f32> {
        let lag = lag.round() as usize;
        let around = self.0.get(lag.saturating_sub(reach)..=lag + reach)?;
        Some(around.iter().copied().fold(f32::MIN, f32::max))
    }

    /// Repetition at a lag of 0.25 to 1.5 s and at its double: one echo is not a pulse.
    fn clarity(&self) -> f32 {
        let (from, to) = ((0.25 * HOPS_PER_S) as usize, (1.5 * HOPS_PER_S) as usize);
        (from..to)
            .filter_map(|lag| {
                let once = self.near(lag as f64, 2)?;
                let twice = self.near(2.0 * lag as f64, 2)?;
                Some(0.5 * (once + twice))
            })
            .fold(0.0, f32::max)
            .clamp(0.0, 1.0)
    }

    /// Tempi from 50 to 210 bpm with scores, the best first: local maxima of the comb times the prior.
    fn candidates(&self, named_bpm: Option<f64>) -> Vec<(f64, f64)> {
        const STEPS: usize = 400;
        let bpm = |i: usize| 50.0 * 4.2_f64.powf(i as f64 / STEPS as f64);
        let comb: Vec<f64> = (0..=STEPS).map(|i| self.comb(60.0 / bpm(i) * HOPS_PER_S)).collect();
        let mut peaks: Vec<(f64, f64)> = (1..STEPS)
            .filter(|&i| comb[i] > 0.0 && comb[i] >= comb[i - 1] && comb[i] > comb[i + 1])
            .map(|i| {
                let told = if named(bpm(i), named_bpm) { 5.0 } else { 1.0 };
                (bpm(i), comb[i] * prior(bpm(i)) * told)
            })
            .collect();
        peaks.sort_by(|a, b| b.1.total_cmp(&a.1));
        peaks
    }

    fn comb(&self, period: f64) -> f64 {
        let teeth = [(1.0, 1.0), (2.0, 1.0), (3.0, 0.2), (4.0, 1.2), (8.0, 0.6)];
        let (mut sum, mut weight) = (0.0, 0.0);
        for (multiple, share) in teeth {
            let lag = period * multiple;
            let whole = lag.floor();
            let Some(pair) = self.0.get(whole as usize..whole as usize + 2) else { break };
            let part = (lag - whole) as f32;
            sum += share * f64::from(pair[0] * (1.0 - part) + pair[1] * part);
            weight += share;
        }
        if weight > 0.0 { sum / weight } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onset::onsets;
    use crate::signals::{chord, clicks, noise, silence, sine};

    /// Clicks on the beats and louder ones on the off-beats between, `bars` bars of four.
    fn four_on_the_floor(bpm: f64, bars: u32, seconds: f64, from_s: f64) -> Vec<f32> {
        let eighth = 30.0 / bpm;
        let times: Vec<f64> = (0..bars * 8).map(|i| from_s + f64::from(i) * eighth).collect();
        let mut out = clicks(&times, seconds);
        for (i, x) in clicks(&times.iter().copied().step_by(2).collect::<Vec<_>>(), seconds)
            .into_iter()
            .enumerate()
        {
            out[i] += x;
        }
        out
    }

    #[track_caller]
    fn check(samples: &[f32], expected: Option<f64>, tolerance: f64) -> Tempo {
        let found = tempo(&onsets(samples), samples.len() as f64 / 44_100.0, None);
        match (found.bpm.map(Bpm::get), expected) {
            (None, None) => {}
            (Some(bpm), Some(want)) if (bpm - want).abs() <= tolerance => {}
            (bpm, want) => panic!("found {bpm:?}, expected {want:?}; {:?}", found.candidates),
        }
        found
    }

    #[test]
    fn loops_of_whole_bars_have_their_exact_tempo() {
        for bpm in [96.5, 100.0, 110.0, 120.0, 126.0, 133.3, 138.0, 150.0, 160.0, 172.0] {
            for bars in [1, 2, 4] {
                let seconds = 240.0 / bpm * f64::from(bars);
                let found = check(&four_on_the_floor(bpm, bars, seconds, 0.0), Some(bpm), 0.1);
                assert_eq!(found.bars, Some(bars), "{bpm}");
                assert_eq!(found.beats_s.len(), 4 * bars as usize);
                assert_eq!(found.downbeats_s.len(), bars as usize);
                assert!(found.confidence > 0.4, "{}", found.confidence);
            }
        }
    }

    #[test]
    fn a_pulse_in_free_material_has_a_tempo_and_beats_on_it() {
        for bpm in [90.0, 124.0, 138.0, 150.0] {
            let found = check(&four_on_the_floor(bpm, 16, 31.7, 0.31), Some(bpm), 0.1);
            assert_eq!(found.bars, None);
            let beat = 60.0 / bpm;
            let near = found.beats_s.iter().filter(|t| {
                let phase = ((**t - 0.31) / (0.5 * beat)).rem_euclid(1.0);
                phase.min(1.0 - phase) * 0.5 * beat < 0.02
            });
            assert!(near.count() * 10 >= found.beats_s.len() * 9, "{bpm}");
        }
    }

    #[test]
    fn without_a_pulse_there_is_no_tempo() {
        check(&silence(4.0), None, 0.0);
        check(&noise(8.0), None, 0.0);
        check(&sine(110.0, 8.0), None, 0.0);
        check(&chord(&[220.0, 261.6, 329.6], 8.0, 6), None, 0.0);
        check(&vec![0.5; 200_000], None, 0.0);
        check(&clicks(&[0.0], 2.0), None, 0.0);
        check(&[0.1], None, 0.0);
        check(&[], None, 0.0);
    }

    #[test]
    fn clicks_at_random_times_have_no_bars() {
        let mut seed = dream_core::Seed(3);
        let times: Vec<f64> = (0..24)
            .map(|i| {
                seed = seed.index(i);
                7.5 * (seed.0 >> 11) as f64 / (1_u64 << 53) as f64
            })
            .collect();
        let found = tempo(&onsets(&clicks(&times, 8.0)), 8.0, None);
        assert_eq!(found.bars, None);
    }

    #[test]
    fn a_name_settles_the_octave_but_makes_no_tempo() {
        let seconds = 240.0 / 172.0 * 2.0;
        let samples = four_on_the_floor(172.0, 2, seconds, 0.0);
        let found = tempo(&onsets(&samples), seconds, Some(86.0));
        assert!((found.bpm.unwrap().get() - 86.0).abs() < 0.1);
        assert_eq!(tempo(&onsets(&noise(8.0)), 8.0, Some(120.0)).bpm, None);
    }
}
