//! Tempo, beats and bars from the onsets.
//!
//! A clip has many readings: a tempo, the phase of its beat, the start of its bar. The beat periods worth reading come from
//! the repetition of the onset strength (`repeats`), from the length of the file in whole bars and, as a hint only, from
//! its name; each is fitted to the onsets themselves (`fold`). All readings are then weighed by their evidence
//! (`reading`), so the octave is a matter of where bass drum and backbeat fall, how the bar repeats, how dense the onsets
//! are and how fast it is, not of one rule. The period of the winner is exact: a file of whole bars has
//! 240 bars / seconds bpm, if the onsets agree, and anything else has the slope of its onsets.
//!
//! A tempo that drifts or breathes is read along a chain of onsets, in whose time it is steady (`curve`); where a player wanders about a
//! steady tempo, that tempo stays and its beats follow the chain.
//!
//! In: onsets of a clip. Out: bpm 48 to 215, confidence 0 to 1, or no tempo. Limits: bars of four beats.
//! Cost: O(hops log hops) for the autocorrelation, O(onsets x periods) for the readings.

mod curve;
mod fold;
mod lattice;
mod pulse;
pub(crate) mod reading;
mod repeats;
pub(crate) mod seam;
mod span;
mod sparse;
mod weights;

use dream_core::Bpm;

use crate::beats;
use crate::onset::Onsets;
pub use pulse::PULSE_EVIDENCE;
use reading::LOOP_S;
pub use reading::{EVIDENCE, Reading, readings};
use repeats::Repeats;
use span::Span;

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
    /// Whether the tempo drifts or changes; `bpm` is then its median.
    pub varies: bool,
    pub(crate) span: Option<Span>,
    /// How strongly the onset strength repeats itself, 0 to 1.
    pub pulse_clarity: f32,
}

/// The least probability of a pulse for a tempo to be told. Its weights are fitted with as much weight on sounds without a pulse as with one.
/// On five seeds of `bench/tempo/synthesise.py` two of 1080 loops lie between this and a half, and none of 300 sounds without a pulse.
const PULSE_MIN: f64 = 0.4;
/// The same in straight time: the chain was chosen for being regular, so its pulse says less.
const STRAIGHT_PULSE_MIN: f64 = 0.75;
/// How much better the onset strength must repeat itself in straight time for the tempo to vary.
const STRAIGHTER: f32 = 0.05;
/// The same for the beats to follow a player who wanders.
const WANDER_STRAIGHTER: f32 = 0.02;
/// How far the tempo along the chain may be from the steady one that it follows: the same level of the rhythm.
const SAME: f64 = 0.02;
/// Fewer onsets make no rhythm.
const ONSETS_MIN: usize = 4;
/// How sure a tempo by the file's length alone is.
const SPARSE_CONFIDENCE: f32 = 0.3;
/// Candidates that are told.
const CANDIDATES: usize = 5;

/// The tempo of a clip of `duration_s` seconds. `named_bpm` is a tempo told by its name.
pub fn tempo(onsets: &Onsets, duration_s: f64, named_bpm: Option<f64>) -> Tempo {
    let repeats = Repeats::of(&onsets.strength);
    let readings = reading::read(onsets, &repeats, duration_s, named_bpm);
    let steady = counted(onsets, &repeats, &readings, duration_s, PULSE_MIN);
    let found = followed(onsets, steady, repeats.clarity(), duration_s, named_bpm)
        .or_else(|| by_length(onsets, &repeats, &readings, duration_s))
        .unwrap_or_default();
    Tempo { pulse_clarity: repeats.clarity(), ..found }
}

/// The evidence for a pulse, for fitting its weights; `None` where there are too few onsets for any.
pub fn pulse_evidence(onsets: &Onsets, duration_s: f64) -> Option<[f64; PULSE_EVIDENCE]> {
    let repeats = Repeats::of(&onsets.strength);
    let readings = reading::read(onsets, &repeats, duration_s, None);
    evidence_of(onsets, &repeats, &readings, duration_s)
}

fn evidence_of(
    onsets: &Onsets,
    repeats: &Repeats,
    readings: &[Reading],
    duration_s: f64,
) -> Option<[f64; PULSE_EVIDENCE]> {
    let &(best, share) = tempi(readings).first()?;
    (onsets.list.len() >= ONSETS_MIN)
        .then(|| pulse::evidence(&onsets.list, repeats, best, share, duration_s))
}

/// The probability of a pulse; `None` where there are too few onsets for any.
fn pulse_of(
    onsets: &Onsets,
    repeats: &Repeats,
    readings: &[Reading],
    duration_s: f64,
) -> Option<f64> {
    evidence_of(onsets, repeats, readings, duration_s).map(|evidence| pulse::probability(&evidence))
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
        varies: false,
        span: bars.map(|bars| Span {
            start_s: 0.0,
            period_s: bpm.beat_seconds(),
            bars,
            alone: true,
        }),
        pulse_clarity: 0.0,
    }
}

fn counted(
    onsets: &Onsets,
    repeats: &Repeats,
    readings: &[Reading],
    duration_s: f64,
    pulse_min: f64,
) -> Option<Tempo> {
    let tempi = tempi(readings);
    let &(best, share) = tempi.first()?;
    let pulse =
        pulse_of(onsets, repeats, readings, duration_s).filter(|pulse| *pulse >= pulse_min)?;
    let fit = fold::fit(&onsets.list, best.period_s).drawn();
    let span = (duration_s < LOOP_S)
        .then(|| span::span(&onsets.list, best.fit, best.downbeat_s, duration_s))
        .flatten();
    let (period_s, downbeat_s) = match span {
        Some(span) => (span.period_s, span.start_s),
        None => (fit.period_s, anchored(best, fit.period_s, duration_s)),
    };
    let grid = |step_s: f64| beats::grid(downbeat_s.rem_euclid(step_s), step_s, duration_s);
    let bpm = Bpm::new(60.0 / period_s).ok()?;
    let mut candidates: Vec<(f64, f32)> = tempi
        .iter()
        .take(CANDIDATES)
        .map(|(reading, share)| (60.0 / reading.period_s, *share as f32))
        .collect();
    candidates[0].0 = bpm.get();
    let sum: f32 = candidates.iter().map(|candidate| candidate.1).sum();
    for candidate in &mut candidates {
        candidate.1 /= sum;
    }
    Some(Tempo {
        bpm: Some(bpm),
        confidence: (pulse * share).clamp(0.0, 1.0) as f32,
        candidates,
        varies: false,
        beats_s: grid(period_s),
        downbeats_s: grid(4.0 * period_s),
        bars: span.filter(|span| span.alone).map(|span| span.bars),
        span,
        pulse_clarity: 0.0,
    })
}

/// The steady tempo of a clip, if it has one, or that along the chain of its onsets, where they keep a pulse in time counted along
/// it only, or better than in the time of the clip. Of a steady tempo that a player wanders about, only the beats follow the chain.
fn followed(
    onsets: &Onsets,
    steady: Option<Tempo>,
    clarity: f32,
    duration_s: f64,
    named_bpm: Option<f64>,
) -> Option<Tempo> {
    let Some(curve) = curve::curve(&onsets.list, duration_s) else { return steady };
    let alone = steady.as_ref().is_some_and(|steady| steady.bars.is_some());
    if !curve.varies() && (steady.is_none() || alone || !curve.wanders()) {
        return steady;
    }
    let (straight, length_s, start_s) = curve.straightened(onsets, duration_s);
    let repeats = Repeats::of(&straight.strength);
    // Any chain straightens something; it must be worth it. What keeps a steady pulse repeats itself no less as it is.
    let worth = if curve.varies() { STRAIGHTER } else { WANDER_STRAIGHTER };
    if steady.is_some() && repeats.clarity() < clarity + worth {
        return steady;
    }
    let readings = reading::read(&straight, &repeats, length_s, named_bpm);
    let Some(told) = counted(&straight, &repeats, &readings, length_s, STRAIGHT_PULSE_MIN) else {
        return steady;
    };
    let bent = |times: &[f64]| -> Vec<f64> {
        let times = times.iter().map(|time_s| curve.bent(start_s + time_s));
        times.filter(|time_s| (0.0..duration_s).contains(time_s)).collect()
    };
    let (beats_s, downbeats_s) = (bent(&told.beats_s), bent(&told.downbeats_s));
    match steady {
        Some(steady) if !curve.varies() => {
            let same = told
                .bpm
                .zip(steady.bpm)
                .is_some_and(|(a, b)| (a.get() / b.get() - 1.0).abs() < SAME);
            Some(if same { Tempo { beats_s, downbeats_s, ..steady } } else { steady })
        }
        _ => Some(Tempo { beats_s, downbeats_s, varies: true, bars: None, span: None, ..told }),
    }
}

/// The tempo of a loop of few onsets, or of a loose line, by the length of its file.
fn by_length(
    onsets: &Onsets,
    repeats: &Repeats,
    readings: &[Reading],
    duration_s: f64,
) -> Option<Tempo> {
    let likely = |period_s: f64| {
        readings
            .iter()
            .filter(|reading| (reading.period_s / period_s - 1.0).abs() < 0.01)
            .map(|reading| reading.probability)
            .sum()
    };
    let mut bars = sparse::bars(&onsets.list, duration_s, likely);
    if bars.is_empty()
        && let Some(pulse) = pulse_of(onsets, repeats, readings, duration_s)
    {
        bars = sparse::made(&onsets.list, duration_s, pulse, likely);
    }
    let bpm = |bars: u32| Bpm::new(240.0 * f64::from(bars) / duration_s).ok();
    let best = bpm(*bars.first()?)?;
    let weight = 1.0 / bars.len() as f32;
    let candidates = bars.iter().filter_map(|&bars| Some((bpm(bars)?.get(), weight))).collect();
    let told = known(best, bars.first().copied(), duration_s);
    Some(Tempo { confidence: SPARSE_CONFIDENCE, candidates, ..told })
}

/// The reading of each tempo whose phase has most evidence, with the probability of all its readings, the most probable tempo first.
fn tempi(readings: &[Reading]) -> Vec<(&Reading, f64)> {
    let mut tempi: Vec<(&Reading, f64)> = Vec::new();
    for reading in readings {
        match tempi.iter_mut().find(|(best, _)| best.period_s.total_cmp(&reading.period_s).is_eq())
        {
            Some((best, sum)) => {
                *sum += reading.probability;
                if reading.phase > best.phase {
                    *best = reading;
                }
            }
            None => tempi.push((reading, reading.probability)),
        }
    }
    tempi.sort_by(|a, b| b.1.total_cmp(&a.1));
    tempi
}

/// The downbeat nearest to the middle of the clip, where the reading was made, so that a better period turns the
/// grid round it.
fn anchored(reading: &Reading, period_s: f64, duration_s: f64) -> f64 {
    let bar_s = 4.0 * reading.period_s;
    let bars = ((0.5 * duration_s - reading.downbeat_s) / bar_s).round();
    (reading.downbeat_s + bars * bar_s).rem_euclid(4.0 * period_s)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onset::onsets;
    use crate::signals::{chord, clicks, noise, silence, sine, thump};

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
            // At 124 bpm the bars are all there, and silence after them; else the clip ends within a bar or long after.
            assert_eq!(found.bars, (bpm.to_bits() == 124.0_f64.to_bits()).then_some(16), "{bpm}");
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

    /// Drums by their places in sixteenths of a bar: bass drum, backbeat, hats, `swing` the place of the off-beat in its beat.
    fn drums(
        bpm: f64,
        bars: u32,
        places: [&[u32]; 3],
        swing: f64,
        seconds: f64,
        from_s: f64,
    ) -> Vec<f32> {
        let beat = 60.0 / bpm;
        let mut out = silence(seconds);
        let kick = thump(50.0, 0.3);
        let hit: Vec<f32> = clicks(&[0.0], 0.12);
        for bar in 0..bars {
            for (voice, (sound, gain)) in
                [(&kick, 0.9), (&hit, 0.8), (&hit, 0.25)].iter().enumerate()
            {
                for place in places[voice] {
                    let within =
                        [0.0, 0.5 * swing, swing, 0.5 * (1.0 + swing)][*place as usize % 4];
                    let beats = f64::from(4 * bar + place / 4) + within;
                    let start = ((from_s + beats * beat) * 44_100.0).round() as usize;
                    for (slot, x) in out.iter_mut().skip(start).zip(*sound) {
                        *slot += gain * x;
                    }
                }
            }
        }
        out
    }

    const EIGHTHS: &[u32] = &[0, 2, 4, 6, 8, 10, 12, 14];

    #[test]
    fn drums_with_swing_a_tail_a_lead_in_or_half_time_keep_their_tempo() {
        let (mut octave, mut right, mut bars_right, mut all) = (0, 0, 0, 0);
        for bpm in [72.0, 90.5, 104.0, 128.0, 151.0] {
            let whole = 4.0 * 240.0 / bpm;
            for (places, swing, seconds, from_s) in [
                ([&[0, 8, 10][..], &[4, 12], EIGHTHS], 0.5, whole, 0.0),
                ([&[0, 4, 8, 12], &[4, 12], &[2, 6, 10, 14]], 0.5, whole + 0.35, 0.0),
                ([&[0, 6, 8], &[4, 12], EIGHTHS], 0.62, whole, 0.0),
                ([&[0, 8, 11], &[4, 12], EIGHTHS], 0.5, whole + 0.12, 0.12),
                ([&[0, 7, 10], &[8], EIGHTHS], 0.5, whole, 0.0),
            ] {
                let samples = drums(bpm, 4, places, swing, seconds, from_s);
                let found = tempo(&onsets(&samples), seconds, None);
                let ratio = found.bpm.map_or(0.0, Bpm::get) / bpm;
                let near = |factor: f64| (ratio / factor - 1.0).abs() < 0.005;
                all += 1;
                octave += u32::from(near(1.0));
                right += u32::from(near(1.0) || near(2.0) || near(0.5));
                bars_right += u32::from(near(1.0) && found.bars == Some(4));
            }
        }
        assert!(right == all, "{right} of {all} within half a per cent, octave forgiven");
        assert!(octave * 10 >= all * 8, "{octave} of {all} in the octave");
        assert!(bars_right * 10 >= all * 7, "{bars_right} of {all} with their bars");
    }

    #[test]
    fn a_backbeat_tells_a_slow_tempo_from_half_time_of_a_fast_one() {
        let mut wrong = Vec::new();
        for bpm in [74.6, 80.0, 118.0, 144.0, 158.0] {
            for places in [
                [&[0, 4, 8, 12][..], &[4, 12], &[2, 6, 10, 14]],
                [&[0, 10, 12], &[4, 12], EIGHTHS],
                [&[0, 6, 10], &[4, 12], &[0, 4, 8, 12]],
            ] {
                let seconds = 8.0 * 240.0 / bpm;
                let samples = drums(bpm, 8, places, 0.5, seconds, 0.0);
                let found = tempo(&onsets(&samples), seconds, None).bpm.map_or(0.0, Bpm::get);
                if (found / bpm - 1.0).abs() > 0.005 {
                    wrong.push((bpm, places, found));
                }
            }
        }
        assert!(wrong.len() <= 1, "{wrong:?}");
    }

    #[test]
    fn hats_off_the_beat_are_a_loop_of_the_whole_file() {
        for bpm in [96.0, 120.0, 140.0] {
            let seconds = 4.0 * 240.0 / bpm;
            let samples = drums(bpm, 4, [&[], &[], &[2, 6, 10, 14]], 0.5, seconds, 0.0);
            let found = check(&samples, Some(bpm), 0.1);
            assert_eq!((found.bars, found.downbeats_s.len()), (Some(4), 4), "{bpm}");
        }
    }

    /// Drums whose tempo runs with `factor` of the beat number, from 0.2 s; their beats, and the samples.
    fn bent_drums(bpm: f64, beats: u32, factor: impl Fn(f64) -> f64) -> (Vec<f64>, Vec<f32>) {
        let mut times = vec![0.2];
        for beat in 0..beats {
            times.push(times[beat as usize] + 60.0 / bpm / factor(f64::from(beat)));
        }
        let seconds = times[beats as usize];
        let at = |beat: f64| {
            let (whole, part) = (beat.floor() as usize, beat.fract());
            times[whole] + part * (times[whole + 1] - times[whole])
        };
        let mut out = silence(seconds);
        let (kick, hit) = (thump(50.0, 0.3), clicks(&[0.0], 0.12));
        for half in 0..2 * beats {
            let beat = 0.5 * f64::from(half);
            let voice: &[(&Vec<f32>, f32)] = match half % 4 {
                0 => &[(&kick, 0.9), (&hit, 0.25)],
                2 => &[(&hit, 0.8)],
                _ => &[(&hit, 0.25)],
            };
            let start = (at(beat) * 44_100.0).round() as usize;
            for (sound, gain) in voice {
                for (slot, x) in out.iter_mut().skip(start).zip(*sound) {
                    *slot += gain * x;
                }
            }
        }
        times.pop();
        (times, out)
    }

    /// Checks whether the tempo is told to vary, its mean but for the octave, and that beats follow those of the drums.
    #[track_caller]
    fn check_varies(bpm: f64, factor: impl Fn(f64) -> f64, varies: bool) {
        check_beats(bpm, 48, factor, varies);
    }

    #[track_caller]
    fn check_beats(bpm: f64, beats: u32, factor: impl Fn(f64) -> f64, varies: bool) {
        let (times, samples) = bent_drums(bpm, beats, factor);
        let found = tempo(&onsets(&samples), samples.len() as f64 / 44_100.0, None);
        assert_eq!(found.varies, varies, "{:?}", found.bpm);
        let mean = 60.0 * (times.len() - 1) as f64 / (times[times.len() - 1] - times[0]);
        let ratio = found.bpm.unwrap().get() / mean;
        assert!(
            [0.5, 1.0, 2.0].iter().any(|octave| (ratio / octave - 1.0).abs() < 0.04),
            "{ratio}"
        );
        let halves: Vec<f64> = times.windows(2).flat_map(|t| [t[0], 0.5 * (t[0] + t[1])]).collect();
        let last_s = halves[halves.len() - 1];
        for beat in found.beats_s.iter().filter(|beat| (0.2..last_s).contains(*beat)) {
            let off_s = halves.iter().map(|half| (half - beat).abs()).fold(f64::MAX, f64::min);
            assert!(off_s < 0.05, "{beat} is {off_s} s off");
        }
    }

    #[test]
    fn beats_follow_a_tempo_that_drifts_or_breathes() {
        check_varies(100.0, |beat| 1.0 + 0.12 * beat / 48.0, true);
        check_varies(132.0, |beat| 1.0 - 0.05 * beat / 48.0, true);
        check_varies(120.0, |beat| 1.0 + 0.05 * (beat / 2.5).sin(), true);
    }

    #[test]
    fn a_drummer_within_one_per_cent_is_steady() {
        check_varies(104.0, |beat| 1.0 + 0.009 * (beat / 4.0).sin(), false);
        check_varies(104.0, |_| 1.0, false);
    }

    #[test]
    fn beats_follow_a_drummer_who_wanders_about_a_steady_tempo() {
        // Whole bars would be a loop, whose beats are even.
        check_beats(104.0, 50, |beat| 1.0 + 0.011 * (beat / 9.0).sin(), false);
    }

    #[test]
    fn a_rest_within_a_steady_clip_does_not_make_it_vary() {
        let (_, mut samples) = bent_drums(137.2, 48, |_| 1.0);
        let (from, to) = ((7.3 * 44_100.0) as usize, (11.6 * 44_100.0) as usize);
        samples[from..to].fill(0.0);
        let found = check(&samples, Some(137.2), 0.1);
        assert!(!found.varies);
    }
}
