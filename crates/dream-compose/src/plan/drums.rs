//! Drums: grids chosen by energy, varied at phrase lines.
//!
//! Every lane draws one alternative per section among those whose energy range holds; at each phrase line
//! one lane but the kick changes, and so does any lane whose range is left. Bar 4 of a block may swap one
//! lane, bar 8 may bend the kick. At most one of the detail lanes (hats, shaker, percussion) plays ten or
//! more hits a bar, the others are thinned to six (eight at full energy).

use std::collections::BTreeMap;

use dream_core::{Note, Seed};

use super::draw;
use super::form::{Sized, Span};
use super::setting::Setting;
use crate::genre::{Lane, SectionKind};
use crate::pattern::{Alternative, Hit};

/// Chance that bar 4 of a block swaps a lane; twice that where phrases have 16 bars.
const SWAP: f64 = 0.35;
/// Chance that bar 8 bends the kick.
const BEND: f64 = 0.35;

/// Where the draws of a section's drums come from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Drums {
    /// Root of the draws.
    pub seed: Seed,
    /// Root of the draws of one lane that differs from an earlier section with the same seed.
    pub other: Option<Seed>,
    /// How far outside their energies alternatives may be drawn.
    pub slack: f64,
}

/// The notes of all drum lanes of a section.
pub(super) fn play(
    setting: &Setting<'_>,
    part: &Sized<'_>,
    spans: &[Span],
    drums: Drums,
) -> BTreeMap<Lane, Vec<Note>> {
    let changed = drums.other.and_then(|seed| {
        let lanes = active(spans, 0, part.bars).into_iter();
        let open = lanes.filter(|lane| *lane != Lane::Kick && setting.genre.grids(*lane).len() > 1);
        draw::weighted(seed.child("lane"), open, |_| 1.0).zip(Some(seed))
    });
    let seed = drums.seed;
    let seed_of = |lane: Lane| match changed {
        Some((other, seed)) if other == lane => seed.child(lane.name()),
        _ => seed.child(lane.name()),
    };
    let mut notes: BTreeMap<Lane, Vec<Note>> = BTreeMap::new();
    let mut choice: BTreeMap<Lane, usize> = BTreeMap::new();
    for block in 0..part.bars.div_ceil(8) {
        let first = block * 8;
        let energy = setting.energy_at(part, first + 4);
        let lanes = active(spans, first, (first + 8).min(part.bars));
        choose(setting, part, &lanes, energy, block, (seed, &seed_of, drums.slack), &mut choice);
        let limits = limits(setting, &lanes, &choice, energy);
        let block_seed = |lane: Lane| seed_of(lane).index(u64::from(block));
        let swapped = swap(setting, &lanes, energy, block, seed);
        for bar in first..(first + 8).min(part.bars) {
            for &lane in &lanes {
                if !spans
                    .iter()
                    .any(|span| span.lane == lane && (span.enter..span.leave).contains(&bar))
                {
                    continue;
                }
                let grids = setting.genre.grids(lane);
                let mut at = choice[&lane];
                if bar % 8 == 3 && swapped.is_some_and(|(swapped, _)| swapped == lane) {
                    at = swapped.map_or(at, |(_, other)| other);
                }
                if lane == Lane::Kick && bar % 8 == 7 && bends(setting, part) {
                    at = bent(grids, energy, at, block_seed(lane).child("bend"));
                }
                let coin = |step: usize| {
                    draw::chance(block_seed(lane).child("coin").index(step as u64), 0.5)
                };
                let mut hits = grids[at].grid.hits(bar % 8, coin);
                let limit = limits.get(&lane).copied();
                let limit = limit.into_iter().chain(restraint(part, lane, bar)).min();
                if let Some(limit) = limit {
                    thin(&mut hits, limit);
                }
                if lane == Lane::Kick
                    && part.spec.kind == SectionKind::Build
                    && bar + 1 == part.bars
                {
                    hits.clear();
                }
                let level = level(part, lane);
                notes.entry(lane).or_default().extend(hits.iter().map(|hit| Note {
                    beat: f64::from(bar) * 4.0 + hit.beat,
                    length: hit.length,
                    velocity: hit.velocity * level,
                    pitch: None,
                }));
            }
        }
    }
    for line in notes.values_mut() {
        ring(line, f64::from(part.bars) * 4.0);
    }
    notes
}

/// The drum lanes that play in some of these bars, in mix order.
fn active(spans: &[Span], from: u32, to: u32) -> Vec<Lane> {
    let plays = |lane: &Lane| {
        let mut own = spans.iter().filter(|span| span.lane == *lane);
        own.any(|span| span.enter < to && from < span.leave)
    };
    Lane::ALL.iter().copied().filter(|lane| lane.is_drum()).filter(plays).collect()
}

/// Draws an alternative for every lane that has none or has left its range, and changes one at a line.
fn choose(
    setting: &Setting<'_>,
    part: &Sized<'_>,
    lanes: &[Lane],
    energy: f64,
    block: u32,
    (seed, seed_of, slack): (Seed, &dyn Fn(Lane) -> Seed, f64),
    choice: &mut BTreeMap<Lane, usize>,
) {
    let line = block > 0 && (block * 8).is_multiple_of(setting.phrase);
    let changing =
        line.then(|| varied(setting, lanes, energy, seed.child("line").index(u64::from(block))));
    for &lane in lanes {
        let grids = setting.genre.grids(lane);
        let before = choice.get(&lane).copied();
        let lane_seed = seed_of(lane).index(u64::from(block)).child("alternative");
        let usable = usable(grids, part, lane, (energy, slack));
        let stays = before.is_some_and(|at| usable.contains(&at));
        let changes = changing.flatten() == Some(lane);
        if stays && !changes {
            continue;
        }
        let busy = setting.moods.iter().any(|mood| mood.busy) && lane == Lane::Hat;
        let others = usable.iter().copied().filter(|at| Some(*at) != before || usable.len() == 1);
        let drawn = draw::weighted(lane_seed, others, |at| {
            // Where much is new anyway, grids of one bar hold it together.
            let bars = if setting.is_restless() { grids[*at].grid.bars() } else { 1 };
            let density = if busy { grids[*at].grid.density() as f64 } else { 1.0 };
            density / f64::from(bars * bars)
        });
        if let Some(at) = drawn {
            choice.insert(lane, at);
        }
    }
}

/// A lane other than the kick that has more than one alternative.
fn varied(setting: &Setting<'_>, lanes: &[Lane], energy: f64, seed: Seed) -> Option<Lane> {
    let open = lanes.iter().copied().filter(|lane| {
        let grids = setting.genre.grids(*lane);
        let fits = |one: &&Alternative| !one.is_variation() && one.distance(energy) <= 0.0;
        *lane != Lane::Kick && grids.iter().filter(fits).count() > 1
    });
    draw::weighted(seed, open, |_| 1.0)
}

/// The alternatives nearest to the energy.
fn usable(
    grids: &[Alternative],
    part: &Sized<'_>,
    lane: Lane,
    (energy, slack): (f64, f64),
) -> Vec<usize> {
    let kind = part.spec.kind;
    let half = matches!(kind, SectionKind::Break | SectionKind::Build);
    if half && let Some(at) = grids.iter().position(|one| one.id == 'h') {
        return vec![at];
    }
    let plain = matches!(kind, SectionKind::Intro | SectionKind::Bridge | SectionKind::Outro);
    if plain && lane == Lane::Kick {
        return vec![0];
    }
    let normal = |at: &usize| !grids[*at].is_variation() && !matches!(grids[*at].id, 'h' | 'j');
    let nearest = (0..grids.len()).filter(normal).map(|at| grids[at].distance(energy));
    let nearest = nearest.fold(f64::INFINITY, f64::min);
    (0..grids.len())
        .filter(normal)
        .filter(|at| grids[*at].distance(energy) <= nearest + slack)
        .collect()
}

/// How many hits a bar each detail lane may have: beside a dense one the others thin out.
fn limits(
    setting: &Setting<'_>,
    lanes: &[Lane],
    choice: &BTreeMap<Lane, usize>,
    energy: f64,
) -> BTreeMap<Lane, usize> {
    let most = if energy >= 0.9 { 8 } else { 6 };
    let details = || lanes.iter().copied().filter(|lane| lane.is_detail());
    let dense = |lane: &Lane| setting.genre.grids(*lane)[choice[lane]].grid.density() >= 10;
    let Some(busy) = details().find(dense) else { return BTreeMap::new() };
    details().filter(|lane| *lane != busy).map(|lane| (lane, most)).collect()
}

/// A lane and the alternative it plays in bar 4 of the block.
fn swap(
    setting: &Setting<'_>,
    lanes: &[Lane],
    energy: f64,
    block: u32,
    seed: Seed,
) -> Option<(Lane, usize)> {
    let seed = seed.child("swap").index(u64::from(block));
    // Where phrases are long, bar 4 changes more often.
    let chance = if setting.phrase > 8 { 2.0 * SWAP } else { SWAP };
    if setting.is_restless() || !draw::chance(seed.child("whether"), chance) {
        return None;
    }
    let lane = varied(setting, lanes, energy, seed.child("lane"))?;
    let grids = setting.genre.grids(lane);
    let fits =
        |at: &usize| grids[*at].distance(energy) <= 0.0 && !matches!(grids[*at].id, 'h' | 'j');
    draw::weighted(seed.child("grid"), (0..grids.len()).filter(fits), |_| 1.0).map(|at| (lane, at))
}

fn bends(setting: &Setting<'_>, part: &Sized<'_>) -> bool {
    setting.genre.fill_bars != 4
        && matches!(part.spec.kind, SectionKind::Groove | SectionKind::Drop)
}

fn bent(grids: &[Alternative], energy: f64, plain: usize, seed: Seed) -> usize {
    let fits = |at: &usize| grids[*at].is_variation() && grids[*at].distance(energy) <= 0.0;
    if !draw::chance(seed.child("whether"), BEND) {
        return plain;
    }
    draw::weighted(seed, (0..grids.len()).filter(fits), |_| 1.0).unwrap_or(plain)
}

/// What a section allows beyond the general limits.
fn restraint(part: &Sized<'_>, lane: Lane, bar: u32) -> Option<usize> {
    match part.spec.kind {
        SectionKind::Intro if bar < 16 && lane.is_detail() => Some(4),
        SectionKind::Intro | SectionKind::Outro if lane.is_detail() => Some(10),
        SectionKind::Break if lane.is_drum() => Some(3),
        SectionKind::Bridge if matches!(lane, Lane::Perc | Lane::Perc2 | Lane::Tom | Lane::Rim) => {
            Some(3)
        }
        _ => None,
    }
}

fn level(part: &Sized<'_>, lane: Lane) -> f64 {
    let back = matches!(lane, Lane::Clap | Lane::Snare | Lane::Rim);
    if part.spec.kind == SectionKind::Intro && back { 0.65 } else { 1.0 }
}

/// Keeps the strongest hits, of equal ones the first.
fn thin(hits: &mut Vec<Hit>, most: usize) {
    if hits.len() > most {
        hits.sort_by(|a, b| b.velocity.total_cmp(&a.velocity).then(a.beat.total_cmp(&b.beat)));
        hits.truncate(most);
        hits.sort_by(|a, b| a.beat.total_cmp(&b.beat));
    }
}

/// Lets every hit sound until the next of its lane, two beats at most.
pub(super) fn ring(line: &mut [Note], end: f64) {
    line.sort_by(|a, b| a.beat.total_cmp(&b.beat));
    for at in 0..line.len() {
        let next = line.get(at + 1).map_or(end, |next| next.beat);
        line[at].length = (next - line[at].beat).clamp(0.0, 2.0);
    }
}
