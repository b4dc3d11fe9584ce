//! From the mix to the master: sections to their energy, width, glue, clip, loudness, true peak.

mod balance;

use dream_audio::dynamics::{
    ClipperSpec, Compressor, CompressorSpec, Detector, LimiterSpec, Reduction, clip, limit,
};
use dream_audio::filter::{Biquad, Cascade};
use dream_audio::{Clip, loudness};
use dream_core::{ArrangementPlan, Cancelled, Db, Lufs, Progress, Section};
use rayon::prelude::*;

use super::curve::{Curve, Move};
use super::layer::{BLOCK, STEP};
use super::level::{HOP, Meter, lufs};
use super::timeline::{RATE, Timeline, frames};

/// Loudness between energy 1 and 0 before the limiter, LU.
const RANGE_LU: f64 = 11.5;
/// Most that a section is turned down and up to reach the level of its energy, dB.
const TRIM_DB: (f64, f64) = (-9.0, 3.0);
/// High shelf at energy 0, dB at 6 kHz.
const DULL_DB: f32 = -2.5;

/// Loudness of a section of energy 1 in the mix, LUFS.
const TOP_LUFS: f64 = -11.0;
/// Fade at the end of the tail, seconds.
const FADE_S: f64 = 2.5;

/// Brings the sections to the loudness of their energy and the low end to the middle, in place; gives the
/// trim of each section in dB. A section's trim depends on what it plays alone.
pub(crate) fn shape(
    mix: &mut Clip,
    plan: &ArrangementPlan,
    time: &Timeline,
    progress: &Progress,
) -> Result<Vec<f32>, Cancelled> {
    let trims = trims(&section_loudness(mix, time), plan);
    let curve = steps(time, &trims);
    let widening = widening(mix, plan, &curve);
    let energies: Vec<f32> = plan.structure.iter().map(|section| section.energy as f32).collect();
    let energy = steps(time, &energies);
    let total = mix.len();
    let mut side_cut = side_cut();
    let mut air = [Biquad::high_shelf(6_000.0, 0.0, RATE.hz()); 2];
    let mut top_cut = [top_cut(), top_cut()];
    let (left, right) = mix.samples_mut().split_at_mut(total);
    for start in (0..total).step_by(STEP) {
        if start % BLOCK == 0 {
            progress.step(start as u64, total as u64, "master")?;
        }
        let end = (start + STEP).min(total);
        let gain = |frame: usize| 10.0_f32.powf(curve.at(frame as i64) / 20.0);
        let (from, to) = (gain(start), gain(start + STEP));
        let dull = DULL_DB * (1.0 - energy.at(start as i64));
        let tuned = Biquad::high_shelf(6_000.0, f64::from(dull), RATE.hz());
        for filter in &mut air {
            filter.retune(&tuned);
        }
        for i in start..end {
            let gain = from + (to - from) * (i - start) as f32 / STEP as f32;
            let (l, r) = (f64::from(left[i] * gain), f64::from(right[i] * gain));
            let mid = 0.5 * (l + r);
            let side = widening * side_cut.step(0.5 * (l - r));
            left[i] = top_cut[0].step(air[0].step(mid + side)) as f32;
            right[i] = top_cut[1].step(air[1].step(mid - side)) as f32;
        }
    }
    fade_out(mix, frames(FADE_S) as usize);
    Ok(trims)
}

/// Keeps the low end of the side away: under 120 Hz a track is mono.
fn side_cut() -> Cascade {
    Cascade::highpass(4, 160.0, RATE.hz())
}

/// Takes away what nobody hears and what peaks between the samples, where no limiter sees it: next to the Nyquist frequency.
fn top_cut() -> Cascade {
    Cascade::lowpass(6, 19_000.0, RATE.hz())
}

/// Power of the side relative to the middle, dB, by genre.
fn usual_side_db(plan: &ArrangementPlan) -> f64 {
    let genre = plan.genre.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| genre.contains(word));
    if has(&["industrial", "hard", "schranz"]) {
        -13.0
    } else if has(&["deep", "lofi", "lo-fi", "hip", "drum", "minimal"]) {
        -11.5
    } else if has(&["dub", "ambient"]) {
        -9.0
    } else if has(&["house", "trance"]) {
        -9.5
    } else {
        -11.0
    }
}

/// Gain that brings the side to its usual level, as far as 6 dB less and 3 dB more go. It is measured in pieces all
/// over the mix at the sections' trims: the loud ones count most.
fn widening(mix: &Clip, plan: &ArrangementPlan, trims: &Curve) -> f64 {
    const GAINS: (f64, f64) = (0.5, 1.4);
    const PIECE: usize = 20 * HOP;
    const PIECES_APART: usize = 4;
    let [left, right] = mix.stereo();
    let pieces = left.par_chunks(PIECE).zip(right.par_chunks(PIECE)).enumerate();
    let powers = pieces.step_by(PIECES_APART).map(|(index, (left, right))| {
        let trim = 10.0_f64.powf(f64::from(trims.at((index * PIECE) as i64)) / 10.0);
        let mut cut = side_cut();
        let (mut middle, mut side) = (0.0, 0.0);
        for (l, r) in left.iter().zip(right) {
            middle += f64::from(0.5 * (l + r)).powi(2);
            side += cut.step(f64::from(0.5 * (l - r))).powi(2);
        }
        [trim * middle, trim * side]
    });
    // Summed in order: the same for any number of threads.
    let powers: Vec<[f64; 2]> = powers.collect();
    let [middle, side] = [0, 1].map(|k| powers.iter().map(|powers| powers[k]).sum::<f64>() + 1e-9);
    let wanted = middle * 10.0_f64.powf(usual_side_db(plan) / 10.0);
    (wanted / side).sqrt().clamp(GAINS.0, GAINS.1)
}

fn fade_out(mix: &mut Clip, fade: usize) {
    for c in 0..2 {
        let channel = mix.channel_mut(c);
        let start = channel.len().saturating_sub(fade);
        for (k, x) in channel[start..].iter_mut().enumerate() {
            let left = 1.0 - (k + 1) as f32 / fade as f32;
            *x *= left * left;
        }
    }
}

/// Loudness of each section alone, LUFS: the mean power where there is any; `None` for silence.
pub(crate) fn section_loudness(mix: &Clip, time: &Timeline) -> Vec<Option<f64>> {
    let of = |bars: &[u32]| {
        let [from, to] = [bars[0], bars[1]].map(|bar| time.bar(f64::from(bar)) as usize);
        let mut meter = Meter::new(2);
        meter.add(&mix.stereo().map(|side| &side[from..to.min(side.len())]));
        let loud: Vec<f64> = meter.hops.iter().copied().filter(|p| lufs(*p) > -60.0).collect();
        let mean = loud.iter().sum::<f64>() / loud.len().max(1) as f64;
        (!loud.is_empty()).then(|| lufs(mean))
    };
    time.starts.par_windows(2).map(of).collect()
}

/// What each section lacks, in dB, to be as loud as its energy says.
fn trims(loudness: &[Option<f64>], plan: &ArrangementPlan) -> Vec<f32> {
    let trim = |(section, loudness): (&Section, &Option<f64>)| {
        let wanted = TOP_LUFS - RANGE_LU * (1.0 - section.energy);
        loudness.map_or(0.0, |own| (wanted - own).clamp(TRIM_DB.0, TRIM_DB.1)) as f32
    };
    plan.structure.iter().zip(loudness).map(trim).collect()
}

/// A value per section as a curve: a rise is complete on the downbeat, a fall takes the half bar after it.
fn steps(time: &Timeline, values: &[f32]) -> Curve {
    let first = values.first().copied().unwrap_or(0.0);
    let moves = values.windows(2).enumerate().map(|(index, pair)| {
        let line = time.bar_in(index + 1, 0.0);
        let (start, end) = if pair[1] > pair[0] {
            (line - time.length(0.25), line - STEP as i64 * 2)
        } else {
            (line, line + time.length(2.0))
        };
        Move { start, end, from: pair[0], to: pair[1] }
    });
    Curve::with(first, moves.collect())
}

/// A finished master.
pub(crate) struct Master {
    pub(crate) clip: Clip,
    pub(crate) lufs_i: Option<f64>,
    pub(crate) true_peak_dbtp: f64,
    pub(crate) range_lu: f64,
    pub(crate) reductions: Reductions,
    pub(crate) warning: Option<String>,
}

/// What the master's stages take, dB (0 or less).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Reductions {
    /// The deepest.
    pub(crate) glue: f64,
    pub(crate) clipper: Taken,
    pub(crate) limiter: Taken,
}

/// The deepest reduction of a stage, and the one that a thousandth of all values exceeds, dB (0 or less).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Taken {
    pub(crate) deepest: f64,
    pub(crate) thousandth: f64,
}

impl Taken {
    fn of(reduction: &Reduction) -> Self {
        let thousandth = f64::from(reduction.exceeded_by(1e-3).0);
        Self { deepest: f64::from(reduction.deepest().0), thousandth }
    }
}

/// Highest true peak of a master, dBTP: a little under -1 for meters that see more.
const HIGHEST_DBTP: f64 = -1.05;
/// Highest true peak of the limiter, dBTP: its kernel is shorter than that of the measurement.
pub(super) const CEILING: Db = Db(-1.15);
/// Most that the clipper takes from a peak, dB.
const CLIPPED: Db = Db(4.0);
/// How far the clipper's ceiling lies under the limiter's, dB: between samples a clipped peak reaches higher, and a
/// limiter that met every one of them would never let go.
const CLIPPER_UNDER: Db = Db(0.4);
/// Time in which the limiter lets go: short, lest it turns down what lies between the peaks, seconds.
const RELEASE_S: f64 = 0.005;
/// How far from the target a master may be, LU.
const NEAR_LU: f64 = 0.15;
/// How far over the target a pass aims, LU: too loud is put right exactly, by turning down.
const AIM_LU: f64 = 0.08;
/// Most passes over the whole track.
const PASSES: usize = 4;

/// Glue, clip and limit to the target loudness; `trims` gains what the sections were moved by.
///
/// What clipper and limiter cost each section is found on an excerpt: there the sections are moved until they
/// lie as far apart as their energies say. Then the whole track is processed once, measured, and turned down by
/// what is too much, or processed again if too soft.
pub(crate) fn finish(
    mut mix: Clip,
    plan: &ArrangementPlan,
    time: &Timeline,
    trims: &mut [f32],
    progress: &Progress,
) -> Result<Master, Cancelled> {
    let target = plan.loudness_lufs;
    let glue = f64::from(glue(&mut mix).0);
    progress.check()?;
    let Some(Lufs(own)) = loudness::integrated(&mix) else {
        let true_peak_dbtp = loudness::true_peak_dbtp(&mix);
        let warning = Some("the track is silent or too short to be measured".to_owned());
        let reductions = Reductions { glue, ..Reductions::default() };
        return Ok(Master {
            clip: mix,
            lufs_i: None,
            true_peak_dbtp,
            range_lu: 0.0,
            reductions,
            warning,
        });
    };
    let balance = balance::find(&mix, plan, time, target - own);
    balance::apply(&mut mix, &steps(time, &balance.moves_db));
    for (trim, moved) in trims.iter_mut().zip(&balance.moves_db) {
        *trim += moved;
    }
    let mut gain_db = balance.gain_db + AIM_LU;
    let mut best: Option<(Clip, f64, f64, f64, Reductions)> = None;
    let mut ceiling = CEILING;
    for pass in 0..PASSES {
        progress.step(pass as u64, PASSES as u64, "loudness")?;
        // Two whole tracks in memory, not three.
        drop(best.take());
        let (mut master, [clipper, limiter]) = pressed(&mix, gain_db, ceiling);
        let (programme, peak) =
            rayon::join(|| loudness::programme(&master), || loudness::true_peak_dbtp(&master));
        let got = programme.integrated.map_or(-70.0, |lufs| lufs.0);
        let excess_db = (peak - HIGHEST_DBTP).max(0.0);
        let down_db = (target - got).min(-excess_db);
        master.scale(10.0_f32.powf(down_db as f32 / 20.0));
        let lufs = got + down_db;
        let close = target - lufs <= NEAR_LU;
        let reductions = Reductions { glue, clipper, limiter };
        best = Some((master, lufs, peak + down_db, programme.range_lu, reductions));
        if close {
            break;
        }
        // What the limiter let through is left to it. The harder it is pressed, the less of a step arrives.
        ceiling.0 -= excess_db as f32;
        gain_db += 1.3 * (target - lufs) + AIM_LU;
    }
    let (clip, lufs, true_peak_dbtp, range_lu, reductions) =
        best.expect("there is at least one pass");
    let off = lufs - target;
    let warning = (off.abs() > 0.5)
        .then(|| format!("the master is {off:+.1} LU from the loudness asked for"));
    let lufs_i = Some(lufs);
    Ok(Master { clip, lufs_i, true_peak_dbtp, range_lu, reductions, warning })
}

/// The mix at a gain, clipped and limited, and what both took. The clipper takes the tips, the limiter the rest.
pub(super) fn pressed(mix: &Clip, gain_db: f64, ceiling: Db) -> (Clip, [Taken; 2]) {
    let mut master = mix.clone();
    master.scale(10.0_f32.powf(gain_db as f32 / 20.0));
    let spec =
        ClipperSpec { ceiling: Db(ceiling.0 - CLIPPER_UNDER.0), knee: Db(1.5), most: CLIPPED };
    let frames = master.len();
    let channels = master.samples_mut().par_chunks_mut(frames);
    let mut clipped: Vec<Reduction> = channels.map(|channel| clip(channel, &spec)).collect();
    let limited =
        limit(&mut master, &LimiterSpec { ceiling, lookahead_s: 0.002, release_s: RELEASE_S });
    let (both, others) = clipped.split_at_mut(1);
    for other in others {
        both[0].add(other);
    }
    (master, [Taken::of(&both[0]), Taken::of(&limited)])
}

/// Gently, above the usual level of the loud parts: at most about 2 dB, also at the loudest moment. Gives the
/// deepest reduction.
fn glue(mix: &mut Clip) -> Db {
    /// As far as the loudest moments may lie over the threshold: the ratio leaves 2 dB of it.
    const OVER_DB: f32 = 5.0;
    let mut powers: Vec<f64> = mix
        .channel(0)
        .chunks(HOP)
        .zip(mix.channel(1).chunks(HOP))
        .map(|(left, right)| {
            let sum: f64 = left.iter().chain(right).map(|x| f64::from(x * x)).sum();
            sum / (2 * left.len()) as f64
        })
        .collect();
    powers.sort_by(f64::total_cmp);
    let level = |power: Option<&f64>| 10.0 * power.map_or(1e-12, |p| p.max(1e-12)).log10() as f32;
    let (loud, loudest) = (level(powers.get(powers.len() * 19 / 20)), level(powers.last()));
    let spec = CompressorSpec {
        threshold: Db((loud - 1.0).max(loudest - OVER_DB)),
        ratio: 1.6,
        knee: Db(4.0),
        attack_s: 0.005,
        release_s: 0.1,
        makeup: Db(0.0),
        detector: Detector::Rms(0.01),
    };
    let frames = mix.len();
    let (left, right) = mix.samples_mut().split_at_mut(frames);
    let mut compressor = Compressor::new(&spec, RATE.hz());
    compressor.run(&mut [left, right]);
    compressor.deepest()
}
