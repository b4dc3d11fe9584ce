//! Ways from one sound to another: between stems of a category, and from category to category.

use dream_analysis::category_probabilities;
use dream_audio::Clip;
use dream_core::{Category, Seed};
use dream_neural::Vae;
use dream_neural::vae::judge::{Space, describe, snr_db};
use dream_neural::vae::{Parent, Sound, morph, target};
use rayon::prelude::*;
use serde::Serialize;

use super::{Heard, mean, median};
use crate::generate::dreamer::Dreamer;
use crate::{Engine, Error, GenerateSpec, Mode};

/// Pairs between which the way is walked, and steps of it.
pub(super) const PAIRS: usize = 16;
pub(super) const STEPS: u8 = 10;
/// What is added to a probability before ratios are taken.
const LEAST: f64 = 1e-3;

/// The way between pairs of real stems.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interpolation {
    /// Pairs walked between.
    pub pairs: u32,
    /// The share of steps that lead towards the other end.
    pub onward: f64,
    /// The share of pairs of which all steps do.
    pub monotone: f64,
    /// Length of the way in units of the straight one, median.
    pub path_over_direct: f64,
    /// The largest step in units of the mean one, median.
    pub largest_step: f64,
    /// The ends against the stems themselves, in dB: the worst. Not of loops, which are brought to one tempo, key and length first.
    pub end_snr_db: Option<f64>,
}

/// The way from one category to another.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Crossing {
    /// To which category.
    pub with: Category,
    /// Pairs walked between.
    pub pairs: u32,
    /// Mean probability of this and of the other category by the sound alone, from factor 0 to 1 in steps of a tenth.
    pub probabilities: Vec<[f64; 2]>,
    /// Mean logarithm of the odds of the other category against this, likewise.
    pub log_odds: Vec<f64>,
    /// The share of steps on which these rise.
    pub onward: f64,
}

/// Walks between stems that are compatible.
pub(super) fn between(
    vae: &Vae,
    learned: &[Heard],
    space: &Space,
    seed: Seed,
) -> (Interpolation, Vec<Clip>) {
    // Held-out stems are in no pair: some are drawn in vain.
    let find = |i: usize| learned.iter().find(|heard| heard.index == i);
    let pairs: Vec<(Seed, [&Heard; 2])> = (0..4 * PAIRS as u64)
        .filter_map(|pair| {
            let seed = seed.child("pair").index(pair);
            let [a, b] = target::pair(vae, seed).map(find);
            Some((seed, [a?, b?]))
        })
        .take(PAIRS)
        .collect();
    let walks: Vec<Walk> = pairs
        .into_par_iter()
        .map(|(seed, [a, b])| Walk::new(vae, &a.sound, &b.sound, space, seed))
        .collect();
    let found = summed(&walks);
    (found, walks.into_iter().next().map_or(Vec::new(), |walk| walk.clips))
}

/// The steps of a way.
pub(super) struct Steps {
    /// The share that leads on.
    pub(super) onward: f64,
    /// The length of the way over the straight one.
    pub(super) path_over_direct: f64,
    /// The largest over the mean one.
    pub(super) largest: f64,
}

impl Steps {
    /// Those between places along a way.
    pub(super) fn of(places: &[Vec<f64>]) -> Self {
        let apart = |a: &[f64], b: &[f64]| {
            a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
        };
        let (from, to) = (&places[0], &places[places.len() - 1]);
        let along = |place: &[f64]| -> f64 {
            place.iter().zip(from.iter().zip(to)).map(|(x, (a, b))| (x - a) * (b - a)).sum()
        };
        let steps: Vec<f64> = places.windows(2).map(|pair| apart(&pair[0], &pair[1])).collect();
        let onward = places.windows(2).filter(|pair| along(&pair[1]) > along(&pair[0])).count();
        let length: f64 = steps.iter().sum();
        let largest = steps.iter().copied().fold(0.0, f64::max);
        let count = steps.len() as f64;
        Self {
            onward: onward as f64 / count,
            path_over_direct: length / apart(from, to).max(1e-9),
            largest: largest / (length / count).max(1e-9),
        }
    }
}

/// A way walked.
pub(super) struct Walk {
    pub(super) clips: Vec<Clip>,
    pub(super) steps: Steps,
    pub(super) end_snr_db: Option<f64>,
}

/// The way of all walks.
pub(super) fn summed(walks: &[Walk]) -> Interpolation {
    let part = |of: fn(&Walk) -> f64| walks.iter().map(of).collect::<Vec<f64>>();
    Interpolation {
        pairs: walks.len() as u32,
        onward: mean(part(|walk| walk.steps.onward)),
        monotone: mean(part(|walk| if walk.steps.onward < 1.0 { 0.0 } else { 1.0 })),
        path_over_direct: median(part(|walk| walk.steps.path_over_direct)),
        largest_step: median(part(|walk| walk.steps.largest)),
        end_snr_db: walks.iter().filter_map(|walk| walk.end_snr_db).reduce(f64::min),
    }
}

impl Walk {
    fn new(vae: &Vae, a: &Sound, b: &Sound, space: &Space, seed: Seed) -> Self {
        let b = if b.opposes(a) { &b.clone().inverted() } else { b };
        let clips: Vec<Clip> = (0..=STEPS)
            .map(|step| {
                let along = f32::from(step) / f32::from(STEPS);
                let stems = [(a.envelope(), 1.0 - along), (b.envelope(), along)];
                // Without straying from the line.
                let target = target::between(vae, &stems, 0.0, seed);
                let parents = [(a, 1.0 - along), (b, along)];
                let parents: Vec<Parent<'_>> = parents
                    .into_iter()
                    .filter(|(_, weight)| *weight > 0.0)
                    .map(|(sound, weight)| Parent { sound, weight })
                    .collect();
                morph(vae.grid(), &target.envelope, &parents, seed.child("sound")).clip
            })
            .collect();
        let places: Vec<Vec<f64>> = clips.iter().map(|clip| space.place(&describe(clip))).collect();
        let last = usize::from(STEPS);
        Self {
            steps: Steps::of(&places),
            end_snr_db: Some(snr_db(a.clip(), &clips[0]).min(snr_db(b.clip(), &clips[last]))),
            clips,
        }
    }
}

/// Walks to another category, as `generate` would.
pub(super) fn across(
    engine: &Engine,
    category: Category,
    with: Category,
    seed: Seed,
) -> Result<Crossing, Error> {
    let spec = GenerateSpec {
        category,
        mode: Mode::Hybrid,
        with: Some(with),
        count: PAIRS as u32,
        ..GenerateSpec::default()
    };
    let dreamer = Dreamer::new(engine, &spec)?;
    let pairs: Vec<Vec<[f64; 2]>> = (0..PAIRS as u64)
        .into_par_iter()
        .map(|pair| {
            let seed = seed.child("crossing").index(pair);
            (0..=STEPS)
                .map(|step| {
                    let factor = Some(f32::from(step) / f32::from(STEPS));
                    let dream =
                        dreamer.dream(&GenerateSpec { factor, ..spec.clone() }, pair, seed)?;
                    Ok([category, with].map(|category| probability(&dream.clip, category)))
                })
                .collect::<Result<_, Error>>()
        })
        .collect::<Result<_, Error>>()?;
    let at = |step: usize, of: &dyn Fn([f64; 2]) -> f64| {
        mean(pairs.iter().map(|pair| of(pair[step])).collect())
    };
    let steps = 0..=usize::from(STEPS);
    let log_odds: Vec<f64> =
        steps.clone().map(|step| at(step, &|[a, b]| ((b + LEAST) / (a + LEAST)).ln())).collect();
    let onward = log_odds.windows(2).filter(|pair| pair[1] > pair[0]).count();
    Ok(Crossing {
        with,
        pairs: PAIRS as u32,
        probabilities: steps.map(|step| [at(step, &|p| p[0]), at(step, &|p| p[1])]).collect(),
        onward: onward as f64 / f64::from(STEPS),
        log_odds,
    })
}

/// How probable a category is by the sound alone.
pub(super) fn probability(clip: &Clip, category: Category) -> f64 {
    let all = category_probabilities(clip);
    let found = Category::ALL.iter().zip(all).find(|(one, _)| **one == category);
    f64::from(found.map_or(0.0, |(_, p)| p))
}
