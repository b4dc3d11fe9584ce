//! How far the sections lie apart once clipper and limiter have pressed them.
//!
//! Loud sections lose more to the limiter than soft ones: what is set before it comes out nearer together.
//! What each section loses there is therefore found on pieces of it that stand for its soft and its loud moments.

use dream_audio::Clip;
use dream_core::{ArrangementPlan, Frames};
use rayon::prelude::*;

use super::super::curve::Curve;
use super::super::layer::STEP;
use super::super::level::{HOP, Meter, lufs};
use super::super::timeline::Timeline;
use super::{CEILING, pressed};

/// Loudness between energy 1 and 0 in the master, LU.
const RANGE_LU: f64 = 9.5;
/// Hops of a piece, and those at its start in which the limiter settles.
const PIECE: usize = 20;
const SETTLING: usize = 5;
/// Pieces of a section.
const PIECES: usize = 6;
/// How far under the loudest moment of a section a pause counts, LU.
const PAUSE_LU: f64 = 12.0;
/// Rounds of pressing and measuring.
const ROUNDS: usize = 4;
/// Most that a section is moved down and up, dB.
const MOST_DB: (f64, f64) = (-6.0, 7.0);

/// The gain of the whole and the moves of the sections.
pub(super) struct Balance {
    pub(super) gain_db: f64,
    pub(super) moves_db: Vec<f32>,
}

/// A few seconds of a section.
struct Piece {
    section: usize,
    clip: Clip,
}

/// Finds the gain and the moves that bring a mix to a loudness `away_lu` from its own, and its sections to the
/// distances of their energies.
pub(super) fn find(mix: &Clip, plan: &ArrangementPlan, time: &Timeline, away_lu: f64) -> Balance {
    let windows = windows(mix, time);
    let pieces = pieces(mix, &windows);
    let count = plan.structure.len();
    let mut moves_db = vec![0.0_f64; count];
    let mut gain_db = away_lu;
    let weights: Vec<f64> = plan.structure.iter().map(|section| f64::from(section.bars)).collect();
    let before = measured(&pieces, &moves_db, None);
    let own = whole(&before, &weights);
    // How loud a section is as a whole, less what its pieces say.
    let powers =
        |windows: &[(usize, f64)]| windows.iter().map(|window| window.1).collect::<Vec<_>>();
    let rest = windows.iter().zip(&before).map(|(all, some)| level(&powers(all)) - level(some));
    let whole_lu: Vec<f64> = rest.collect();
    let energy = |index: usize| plan.structure[index].energy;
    let loud = |pieces: &[[f64; PIECES]], index: usize| level(&pieces[index]) + whole_lu[index];
    let audible = |pieces: &[[f64; PIECES]], index: usize| level(&pieces[index]) > own - 30.0;
    let top = (0..count).filter(|index| audible(&before, *index));
    let Some(top) = top.max_by(|a, b| energy(*a).total_cmp(&energy(*b)).then(b.cmp(a))) else {
        return Balance { gain_db, moves_db: vec![0.0; count] };
    };
    for _ in 0..ROUNDS {
        let powers = measured(&pieces, &moves_db, Some(gain_db));
        for index in (0..count).filter(|index| *index != top && audible(&before, *index)) {
            let wanted = loud(&powers, top) - RANGE_LU * (energy(top) - energy(index));
            let moved = moves_db[index] + wanted - loud(&powers, index);
            moves_db[index] = moved.clamp(MOST_DB.0, MOST_DB.1);
        }
        gain_db += own + away_lu - whole(&powers, &weights);
    }
    Balance { gain_db, moves_db: moves_db.into_iter().map(|db| db as f32).collect() }
}

/// Moves the sections of a mix in place.
pub(super) fn apply(mix: &mut Clip, moves_db: &Curve) {
    let frames = mix.len();
    let gain = |frame: usize| 10.0_f32.powf(moves_db.at(frame as i64) / 20.0);
    mix.samples_mut().par_chunks_mut(frames.max(1)).for_each(|channel| {
        for (k, piece) in channel.chunks_mut(STEP).enumerate() {
            let (from, to) = (gain(k * STEP), gain((k + 1) * STEP));
            let slope = (to - from) / STEP as f32;
            for (i, x) in piece.iter_mut().enumerate() {
                *x *= from + slope * i as f32;
            }
        }
    });
}

/// Windows of a piece's length all over each section, as first frame and power.
fn windows(mix: &Clip, time: &Timeline) -> Vec<Vec<(usize, f64)>> {
    let of = |bars: &[u32]| {
        let [from, to] = [bars[0], bars[1]].map(|bar| time.bar(f64::from(bar)) as usize);
        let mut meter = Meter::new(2);
        meter.add(&mix.stereo().map(|side| &side[from..to]));
        let len = PIECE.min(meter.hops.len()).max(1);
        let windows = meter.hops.windows(len).enumerate().step_by(3);
        let power = |hops: &[f64]| hops.iter().sum::<f64>() / len as f64;
        windows.map(|(hop, hops)| (from + hop * HOP, power(hops))).collect()
    };
    time.starts.par_windows(2).map(of).collect()
}

/// The pieces of every section, from soft to loud: those that stand in the middle of each sixth of its windows. So what they
/// lose to the limiter is what the section loses.
fn pieces(mix: &Clip, windows: &[Vec<(usize, f64)>]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for (section, windows) in windows.iter().enumerate() {
        let mut sorted = windows.clone();
        sorted.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
        for piece in 0..PIECES {
            let start =
                sorted.get((2 * piece + 1) * sorted.len() / (2 * PIECES)).map_or(0, |w| w.0);
            let clip = mix.slice(Frames(start as u64), Frames((start + PIECE * HOP) as u64));
            pieces.push(Piece { section, clip });
        }
    }
    pieces
}

/// Weighted power of the pieces of each section at its move, pressed at a gain or as they are.
fn measured(pieces: &[Piece], moves_db: &[f64], gain_db: Option<f64>) -> Vec<[f64; PIECES]> {
    let powers: Vec<f64> = pieces
        .par_iter()
        .map(|piece| {
            let moved = moves_db[piece.section] + gain_db.unwrap_or(0.0);
            let clip = if gain_db.is_some() {
                pressed(&piece.clip, moved, CEILING).0
            } else {
                piece.clip.clone()
            };
            let mut meter = Meter::new(2);
            meter.add(&clip.stereo());
            let settled = &meter.hops[SETTLING.min(meter.hops.len())..];
            settled.iter().sum::<f64>() / settled.len().max(1) as f64
        })
        .collect();
    powers.as_chunks().0.to_vec()
}

/// Loudness of moments together, LUFS: the mean of each one's loudness, as one hears a section that rises. A pause
/// counts as [`PAUSE_LU`] under the loudest.
fn level(powers: &[f64]) -> f64 {
    let loudest = powers.iter().copied().fold(0.0, f64::max);
    let loudness = powers.iter().map(|power| lufs(*power).max(lufs(loudest) - PAUSE_LU));
    loudness.sum::<f64>() / powers.len().max(1) as f64
}

/// Loudness of the whole, LUFS: of the sections that pass the relative gate, by their lengths.
fn whole(powers: &[[f64; PIECES]], weights: &[f64]) -> f64 {
    let powers = || powers.iter().map(|pieces| pieces.iter().sum::<f64>() / PIECES as f64);
    let mean = |gate: f64| {
        let passed = powers().zip(weights).filter(|(power, _)| *power > gate);
        let (sum, weight) = passed
            .fold((0.0, 0.0), |(sum, all), (power, weight)| (sum + power * weight, all + weight));
        sum / f64::max(weight, 1e-9)
    };
    lufs(mean(0.1 * mean(0.0)))
}
