//! How good a model is: the measures of `dream_neural::vae::judge` on what it makes of its category.
//!
//! Held-out stems are rebuilt by the nearest stem that was learned from, in the envelope that the model makes of them; sounds are drawn and
//! compared with the real ones as a set; between pairs of real stems the way is walked in ten steps. Nothing is gated and nothing comes into
//! the library. The same model, library and seed give the same figures.

mod loops;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use dream_analysis::category_probabilities;
use dream_audio::Clip;
use dream_audio::decode::decode_file;
use dream_core::{Category, Form, Progress, Seed};
use dream_neural::Vae;
use dream_neural::vae::judge::{Distances, Likeness, Space, describe, likeness};
use dream_neural::vae::{Measures, Method, Parent, Sound, finish, morph};
use rayon::prelude::*;
use serde::Serialize;

use crate::generate::dreamer::Model;
use crate::generate::target;
use crate::train::{form_of, tuning};
use crate::{Engine, Error};

/// Most stems that are listened to.
const MOST: usize = 400;
/// Pairs between which the way is walked, and steps of it.
const PAIRS: u64 = 16;
const STEPS: u32 = 10;
const PEAK: f32 = 0.891_25;

/// What to measure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EvalSpec {
    /// The category.
    pub category: Category,
    /// Its one-shots or its loops; where absent, the loops of drums and the one-shots of all else.
    pub form: Option<Form>,
    /// Sounds to draw, 10 to 1000.
    pub count: u32,
    /// Root of the randomness.
    pub seed: Seed,
}

/// The way between pairs of real stems.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interpolation {
    /// Pairs walked between.
    pub pairs: u32,
    /// The share of steps that lead towards the other end.
    pub monotone: f64,
    /// Length of the way in units of the straight one, median.
    pub path_over_direct: f64,
    /// The largest step in units of the mean one, median.
    pub largest_step: f64,
}

/// How loops keep time and close.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rhythm {
    /// Mean vector strength of the onsets on the sixteenths, 0 to 1.
    pub vector_strength: f64,
    /// That of their parents.
    pub of_parents: f64,
    /// The largest step from an end to its start, in units of the step that 99.9 % of the steps of its loop do not exceed.
    pub largest_seam: f64,
    /// The share that has the length of its tempo to the frame.
    pub exact: f64,
}

/// How good a model is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// Of which category.
    pub category: Category,
    /// One-shots or loops; the distances between loops are those between their bars.
    pub form: Form,
    /// SHA-256 of the model.
    pub model_sha256: String,
    /// A network, or the Gaussian of few stems.
    pub method: Method,
    /// Stems that it learned from and that are in the library.
    pub learned: u32,
    /// Stems that were held out and are in the library.
    pub held_out: u32,
    /// Sounds drawn.
    pub drawn: u32,
    /// What training said.
    pub measures: Measures,
    /// Mean likeness of rebuilt stems; of those held out, or where there are none of those learned from.
    pub rebuilt: Likeness,
    /// Whether the rebuilt stems were held out.
    pub rebuilt_held_out: bool,
    /// What was drawn, against what is real.
    pub distances: Distances,
    /// The way between stems.
    pub interpolation: Interpolation,
    /// How loops keep time; absent of one-shots.
    pub rhythm: Option<Rhythm>,
    /// Mean probability of the category by the sound alone, of drawn and of real sounds.
    pub probability: [f64; 2],
    /// Milliseconds per drawn sound, on one thread.
    pub ms_per_sound: f64,
    /// Size of the model in megabytes.
    pub megabytes: f64,
}

/// A stem of the model with its place in it.
struct Heard {
    index: usize,
    sound: Sound,
}

impl Engine {
    /// Measures the model of a category.
    ///
    /// # Errors
    /// `NotTrained` or `LoopsNotTrained` without one, `Weights` for a broken one, `NotFound` when too few of its stems are in the library, `Invalid` for a
    /// count out of range.
    pub fn evaluate(&self, spec: &EvalSpec, progress: &Progress) -> Result<Evaluation, Error> {
        if !(10..=1000).contains(&spec.count) {
            return Err(Error::Invalid("10 to 1000 sounds can be drawn".to_owned()));
        }
        if form_of(spec.form, spec.category)? == Form::Loop {
            return loops::evaluate(self, spec, progress);
        }
        let model = Model::read(self, spec.category)?;
        progress.step(0, 4, "listening")?;
        let (learned, held_out) = self.heard(&model)?;
        if learned.len() < 5 {
            let text = format!(
                "five stems in the library that the model of {} learned from",
                spec.category
            );
            return Err(Error::NotFound(text));
        }
        let wearers: BTreeMap<usize, &Sound> =
            learned.iter().map(|heard| (heard.index, &heard.sound)).collect();
        let vae = &model.vae;
        progress.step(1, 4, "rebuilding")?;
        let rebuilt_held_out = !held_out.is_empty();
        let others = if rebuilt_held_out { &held_out } else { &learned };
        let likenesses: Vec<Likeness> = others
            .par_iter()
            .map(|heard| {
                let envelope = vae.decode(&vae.encode(heard.sound.envelope()));
                likeness(heard.sound.clip(), &dressed(vae, &wearers, &envelope, spec.seed))
            })
            .collect();
        progress.step(2, 4, "drawing")?;
        let begun = Instant::now();
        let drawn: Vec<Clip> = (0..u64::from(spec.count))
            .into_par_iter()
            .map(|number| {
                let seed = spec.seed.child("drawn").index(number);
                dressed(vae, &wearers, &target::random(vae, 1.0, seed).envelope, seed)
            })
            .collect();
        let threads = rayon::current_num_threads() as f64;
        let ms = 1e3 * begun.elapsed().as_secs_f64() * threads / f64::from(spec.count);
        let described = |sounds: &[Heard]| -> Vec<Vec<f64>> {
            sounds.par_iter().map(|heard| describe(heard.sound.clip())).collect()
        };
        let (real, other) = (described(&learned), described(&held_out));
        let space = Space::new(&[real.as_slice(), other.as_slice()].concat());
        let place = |rows: &[Vec<f64>]| rows.iter().map(|row| space.place(row)).collect::<Vec<_>>();
        let made: Vec<Vec<f64>> = drawn.par_iter().map(describe).collect();
        progress.step(3, 4, "walking")?;
        let interpolation = walks(vae, &learned, &space, spec.seed);
        progress.step(4, 4, "done")?;
        let probable = |clips: &[&Clip]| {
            mean(clips.par_iter().map(|clip| probability(clip, spec.category)).collect())
        };
        Ok(Evaluation {
            category: spec.category,
            form: Form::OneShot,
            model_sha256: model.sha256.clone(),
            method: vae.card().method,
            learned: learned.len() as u32,
            held_out: held_out.len() as u32,
            drawn: spec.count,
            measures: vae.card().measures,
            rebuilt: mean_likeness(&likenesses),
            rebuilt_held_out,
            distances: Distances::new(&place(&real), &place(&other), &place(&made)),
            interpolation,
            rhythm: None,
            probability: [
                probable(&drawn.iter().collect::<Vec<_>>()),
                probable(&learned.iter().map(|heard| heard.sound.clip()).collect::<Vec<_>>()),
            ],
            ms_per_sound: ms,
            megabytes: vae.to_bytes().len() as f64 / 1e6,
        })
    }

    /// The stems of a model that are in the library: those it learned from, and those held out.
    fn heard(&self, model: &Model) -> Result<(Vec<Heard>, Vec<Heard>), Error> {
        let held_out: BTreeSet<u32> = model.vae.card().held_out.iter().copied().collect();
        let step = model.stems.len().div_ceil(MOST).max(1);
        let stems: Vec<_> = model.stems.iter().step_by(step).collect();
        let heard: Vec<Heard> = stems
            .into_par_iter()
            .map(|(index, entry)| {
                let path = self.library().blobs().path(&entry.stem.hash);
                let clip = decode_file(&path, &self.config().limits)
                    .map_err(|source| Error::Decode { path, source })?
                    .clip;
                let clip = match model.reference().zip(entry.stem.facts.root) {
                    Some((note, root)) => tuning::moved(&clip, root, note),
                    None => clip,
                };
                let sound = Sound::new(model.vae.grid(), clip)
                    .map_err(|source| Error::Train { category: model.category, source })?;
                Ok(Heard { index: *index, sound })
            })
            .collect::<Result<_, Error>>()?;
        Ok(heard.into_iter().partition(|heard| !held_out.contains(&(heard.index as u32))))
    }
}

/// An envelope worn by the nearest of some sounds.
fn dressed(vae: &Vae, wearers: &BTreeMap<usize, &Sound>, envelope: &[f32], seed: Seed) -> Clip {
    let near = vae.nearest(envelope);
    let sound = near.iter().find_map(|(i, _)| wearers.get(i)).expect("there is a wearer");
    let made = morph(vae.grid(), envelope, &[Parent { sound, weight: 1.0 }], seed.child("sound"));
    finish(&made.clip, PEAK)
}

fn walks(vae: &Vae, learned: &[Heard], space: &Space, seed: Seed) -> Interpolation {
    let walked: Vec<(f64, f64, f64)> = (0..PAIRS)
        .into_par_iter()
        .filter_map(|pair| {
            let seed = seed.child("pair").index(pair);
            let [a, b] = target::pair(vae, seed);
            let find = |i: usize| learned.iter().find(|heard| heard.index == i);
            Some(walk(vae, &find(a)?.sound, &find(b)?.sound, space, seed))
        })
        .collect();
    let part = |of: fn(&(f64, f64, f64)) -> f64| walked.iter().map(of).collect::<Vec<f64>>();
    Interpolation {
        pairs: walked.len() as u32,
        monotone: mean(part(|walk| walk.0)),
        path_over_direct: median(part(|walk| walk.1)),
        largest_step: median(part(|walk| walk.2)),
    }
}

/// The share of steps that lead on, the length of the way over the straight one, and the largest step over the mean one.
fn walk(vae: &Vae, a: &Sound, b: &Sound, space: &Space, seed: Seed) -> (f64, f64, f64) {
    let b = if b.opposes(a) { &b.clone().inverted() } else { b };
    let places: Vec<Vec<f64>> = (0..=STEPS)
        .map(|step| {
            let along = step as f32 / STEPS as f32;
            let stems = [(a.envelope(), 1.0 - along), (b.envelope(), along)];
            // Without straying from the line.
            let target = target::between(vae, &stems, 0.0, seed);
            let parents =
                [Parent { sound: a, weight: 1.0 - along }, Parent { sound: b, weight: along }];
            let parents: Vec<Parent<'_>> =
                parents.into_iter().filter(|parent| parent.weight > 0.0).collect();
            let made = morph(vae.grid(), &target.envelope, &parents, seed.child("sound"));
            space.place(&describe(&made.clip))
        })
        .collect();
    steps_of(&places)
}

/// The same of places along a way.
fn steps_of(places: &[Vec<f64>]) -> (f64, f64, f64) {
    let apart =
        |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
    let (from, to) = (&places[0], &places[STEPS as usize]);
    let direct = apart(from, to).max(1e-9);
    let along = |place: &[f64]| -> f64 {
        place.iter().zip(from.iter().zip(to)).map(|(x, (a, b))| (x - a) * (b - a)).sum()
    };
    let steps: Vec<f64> = places.windows(2).map(|pair| apart(&pair[0], &pair[1])).collect();
    let onward = places.windows(2).filter(|pair| along(&pair[1]) > along(&pair[0])).count();
    let length: f64 = steps.iter().sum();
    let largest = steps.iter().copied().fold(0.0, f64::max);
    let count = f64::from(STEPS);
    (onward as f64 / count, length / direct, largest / (length / count).max(1e-9))
}

fn probability(clip: &Clip, category: Category) -> f64 {
    let all = category_probabilities(clip);
    let found = Category::ALL.iter().zip(all).find(|(one, _)| **one == category);
    f64::from(found.map_or(0.0, |(_, p)| p))
}

fn mean_likeness(all: &[Likeness]) -> Likeness {
    let part = |of: fn(&Likeness) -> f64| mean(all.iter().map(of).collect());
    Likeness {
        log_mel_db: part(|x| x.log_mel_db),
        convergence_db: part(|x| x.convergence_db),
        envelope_snr_db: part(|x| x.envelope_snr_db),
        attack_ms: part(|x| x.attack_ms),
    }
}

fn mean(values: Vec<f64>) -> f64 {
    let count = values.len().max(1) as f64;
    values.into_iter().sum::<f64>() / count
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{category, library_of};
    use crate::{JobSpec, TrainSpec};

    #[test]
    fn a_model_is_measured_the_same_each_time() {
        let (_home, engine) = library_of(category(Category::Kick, 8));
        let spec = EvalSpec { category: Category::Kick, form: None, count: 10, seed: Seed(1) };
        let missing = engine.evaluate(&spec, &Progress::silent());
        assert!(matches!(missing, Err(Error::NotTrained(Category::Kick))));
        let train = TrainSpec { seed: Some(Seed(1)), ..TrainSpec::default() };
        engine.run(&JobSpec::Train(train), &Progress::silent()).unwrap();
        let found = engine.evaluate(&spec, &Progress::silent()).unwrap();
        assert_eq!((found.learned, found.held_out, found.drawn), (8, 0, 10));
        assert!(!found.rebuilt_held_out);
        // Few stems span the space of a Gaussian: they are nearly themselves.
        assert!(found.rebuilt.log_mel_db < 3.0, "{found:?}");
        assert!(found.distances.fad.is_finite() && found.probability[1] > 0.5, "{found:?}");
        assert!(found.interpolation.pairs > 0 && found.interpolation.monotone > 0.8, "{found:?}");
        let again = engine.evaluate(&spec, &Progress::silent()).unwrap();
        assert_eq!((again.rebuilt, again.interpolation), (found.rebuilt, found.interpolation));
        assert_eq!(again.distances.kad.to_bits(), found.distances.kad.to_bits());
    }
}
