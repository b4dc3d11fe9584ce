//! How good a model is: the measures of `dream_neural::vae::judge` on what it makes of its category.
//!
//! Held-out stems are rebuilt by the nearest stem that was learned from, in the envelope that the model makes of them; sounds are drawn and
//! compared with the real ones as a set, in two spaces: that of the judge, and the hidden units of the network that tells categories; between
//! pairs of real stems the way is walked in ten steps, and on request from category to category. Nothing is gated and nothing comes into
//! the library. The same model, library and seed give the same figures.

mod loops;
mod picture;
mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Instant;

use dream_analysis::category_units;
use dream_audio::Clip;
use dream_audio::decode::decode_file;
use dream_core::{Category, Form, Progress, Seed};
use dream_neural::Vae;
use dream_neural::vae::judge::{Attack, Distances, Likeness, Space, describe, likeness};
use dream_neural::vae::{Measures, Method, Parent, Sound, finish, morph, target};
use rayon::prelude::*;
use serde::Serialize;

use crate::generate::dreamer::Model;
use crate::train::{form_of, tuning};
use crate::{Engine, Error};
use walk::probability;

pub use walk::{Crossing, Interpolation};

/// Most stems that are listened to.
const MOST: usize = 400;
const PEAK: f32 = 0.891_25;

/// What to measure.
#[derive(Debug, Clone, PartialEq)]
pub struct EvalSpec {
    /// The category.
    pub category: Category,
    /// Its one-shots or its loops; where absent, the loops of drums and the one-shots of all else.
    pub form: Option<Form>,
    /// Sounds to draw, 10 to 1000.
    pub count: u32,
    /// Root of the randomness.
    pub seed: Seed,
    /// Another category, the way to which is walked, too.
    pub with: Option<Category>,
    /// Where pictures are drawn.
    pub plot: Option<PathBuf>,
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
    /// The same by the hidden units of the network that tells categories; absent of loops.
    pub distances_by_category_units: Option<Distances>,
    /// The way between stems.
    pub interpolation: Interpolation,
    /// The way to another category.
    pub crossing: Option<Crossing>,
    /// How sounds begin and where their lows are, medians of drawn and of real sounds; absent of loops.
    pub attack: Option<[Attack; 2]>,
    /// How loops keep time; absent of one-shots.
    pub rhythm: Option<Rhythm>,
    /// Mean probability of the category by the sound alone, of drawn and of real sounds.
    pub probability: [f64; 2],
    /// Milliseconds per drawn sound, on one thread.
    pub ms_per_sound: f64,
    /// Size of the model in megabytes.
    pub megabytes: f64,
    /// The pictures.
    pub pictures: Vec<PathBuf>,
}

/// A stem of the model with its place in it.
struct Heard {
    index: usize,
    sound: Sound,
}

/// A sound that was drawn.
struct Drawn {
    clip: Clip,
    latent: Vec<f32>,
    /// The stem that it wears.
    parent: usize,
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
            if spec.with.is_some() || spec.plot.is_some() {
                let text =
                    "pictures and ways to other categories are there for models of one-shots";
                return Err(Error::Invalid(text.to_owned()));
            }
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
                likeness(heard.sound.clip(), &dressed(vae, &wearers, &envelope, spec.seed).0)
            })
            .collect();
        progress.step(2, 4, "drawing")?;
        let begun = Instant::now();
        let drawn: Vec<Drawn> = (0..u64::from(spec.count))
            .into_par_iter()
            .map(|number| {
                let seed = spec.seed.child("drawn").index(number);
                let target = target::random(vae, 1.0, seed);
                let (clip, parent) = dressed(vae, &wearers, &target.envelope, seed);
                Drawn { clip, latent: target.latent, parent }
            })
            .collect();
        let threads = rayon::current_num_threads() as f64;
        let ms = 1e3 * begun.elapsed().as_secs_f64() * threads / f64::from(spec.count);
        let real: Vec<&Clip> = learned.iter().map(|heard| heard.sound.clip()).collect();
        let other: Vec<&Clip> = held_out.iter().map(|heard| heard.sound.clip()).collect();
        let made: Vec<&Clip> = drawn.iter().map(|drawn| &drawn.clip).collect();
        let (space, distances) = compared([&real, &other, &made], describe);
        let (_, by_units) = compared([&real, &other, &made], |clip| {
            category_units(clip).into_iter().map(f64::from).collect()
        });
        progress.step(3, 4, "walking")?;
        let (interpolation, way) = walk::between(vae, &learned, &space, spec.seed);
        let across = |with| walk::across(self, spec.category, with, spec.seed);
        let crossing = spec.with.map(across).transpose()?;
        progress.step(4, 4, "done")?;
        let probable = |clips: &[&Clip]| {
            mean(clips.par_iter().map(|clip| probability(clip, spec.category)).collect())
        };
        let mut found = Evaluation {
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
            distances,
            distances_by_category_units: Some(by_units),
            interpolation,
            crossing,
            attack: Some([median_attack(&made), median_attack(&real)]),
            rhythm: None,
            probability: [probable(&made), probable(&real)],
            ms_per_sound: ms,
            megabytes: vae.to_bytes().len() as f64 / 1e6,
            pictures: Vec::new(),
        };
        if let Some(folder) = &spec.plot {
            let stems = [learned.as_slice(), held_out.as_slice()];
            found.pictures = picture::draw(folder, vae, &found, stems, &drawn, &way)?;
        }
        Ok(found)
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

/// An envelope worn by the nearest of some sounds, and which that is.
fn dressed(
    vae: &Vae,
    wearers: &BTreeMap<usize, &Sound>,
    envelope: &[f32],
    seed: Seed,
) -> (Clip, usize) {
    let near = vae.nearest(envelope);
    let wearer = near.iter().find_map(|(i, _)| wearers.get_key_value(i));
    let (index, sound) = wearer.expect("there is a wearer");
    let made = morph(vae.grid(), envelope, &[Parent { sound, weight: 1.0 }], seed.child("sound"));
    (finish(&made.clip, PEAK), *index)
}

/// How what was made lies to stems learned from and held out, in the space of a description.
fn compared(
    [learned, held_out, made]: [&[&Clip]; 3],
    describe: impl Fn(&Clip) -> Vec<f64> + Sync,
) -> (Space, Distances) {
    let rows =
        |clips: &[&Clip]| -> Vec<Vec<f64>> { clips.par_iter().map(|c| describe(c)).collect() };
    let (learned, held_out) = (rows(learned), rows(held_out));
    let space = Space::new(&[learned.as_slice(), held_out.as_slice()].concat());
    let place = |rows: &[Vec<f64>]| rows.iter().map(|row| space.place(row)).collect::<Vec<_>>();
    let distances = Distances::new(&place(&learned), &place(&held_out), &place(&rows(made)));
    (space, distances)
}

fn median_attack(clips: &[&Clip]) -> Attack {
    let all: Vec<Attack> = clips.par_iter().map(|clip| Attack::of(clip)).collect();
    let lows: Vec<f64> = all.iter().filter_map(|attack| attack.low_correlation).collect();
    Attack {
        crest_db: median(all.iter().map(|attack| attack.crest_db).collect()),
        pre_echo_db: median(all.iter().map(|attack| attack.pre_echo_db).collect()),
        low_correlation: (!lows.is_empty()).then(|| median(lows)),
    }
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
        let (home, engine) = library_of(category(Category::Kick, 8));
        let plot = Some(home.path().join("pictures"));
        let (count, seed, with) = (10, Seed(1), None);
        let spec = EvalSpec { category: Category::Kick, form: None, count, seed, with, plot };
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
        assert!(found.interpolation.end_snr_db.unwrap() > 60.0, "{found:?}");
        assert!(found.attack.unwrap()[0].pre_echo_db < -50.0, "{found:?}");
        for picture in &found.pictures {
            let start = std::fs::read(picture).unwrap();
            assert!(start.starts_with(b"\x89PNG") && start.len() > 2_000, "{}", picture.display());
        }
        assert_eq!(found.pictures.len(), 3);
        let again = engine.evaluate(&spec, &Progress::silent()).unwrap();
        assert_eq!((again.rebuilt, again.interpolation), (found.rebuilt, found.interpolation));
        assert_eq!(again.distances.kad.to_bits(), found.distances.kad.to_bits());
    }
}
