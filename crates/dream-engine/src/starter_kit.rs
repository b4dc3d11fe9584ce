//! The built-in starter kit: stems for an empty library, synthesised on the spot.

use dream_analysis::{Hints, Known};
use dream_audio::synth::kit::{Recipe, recipes};
use dream_core::{Progress, Provenance, Seed, Source};
use dream_library::Filter;
use rayon::prelude::*;
use serde::Serialize;
use serde_json::json;

use crate::intake::{Damage, Origin, Prepared, add};
use crate::runner::Work;
use crate::{Engine, Error, JobSpec, Outcome};

/// Its name in the library.
pub(crate) const KIT: &str = "starter";

/// Everything in it is dedicated to the public.
const LICENCE: &str = "CC0-1.0";

/// Root of all its sounds.
pub(crate) const SEED: Seed = Seed(0);

/// Recipes rendered at a time; what an interruption can lose.
const CHUNK: usize = 16;

/// What came of making the starter kit.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct StarterReport {
    /// Stems added.
    pub added: u64,
    /// Stems that were there already.
    pub known: u64,
}

impl Engine {
    /// Fills an empty library with the starter kit, or completes one that was interrupted, unless the
    /// configuration forbids it; `None` when there was nothing to do.
    ///
    /// # Errors
    /// As [`Engine::run`].
    pub fn ensure_starter(&self, progress: &Progress) -> Result<Option<StarterReport>, Error> {
        if !self.config().starter {
            return Ok(None);
        }
        let spec = JobSpec::StarterKit;
        let stored = serde_json::to_value(&spec).expect("the specification has no data");
        let begun = self.library().is_interrupted(spec.kind(), &stored)?;
        if !begun && self.library().count(&Filter::default())? > 0 {
            return Ok(None);
        }
        tracing::info!("filling the library with the starter kit");
        let Outcome::StarterKit(report) = self.run(&spec, progress)? else {
            unreachable!("a job ends with the outcome of its kind")
        };
        Ok(Some(report))
    }
}

pub(crate) fn run(work: &Work<'_>) -> Result<StarterReport, Error> {
    let library = work.engine.library();
    let done = library.steps(work.claim.job)?;
    let recipes = recipes();
    let total = recipes.len() as u64;
    let open: Vec<&Recipe> =
        recipes.iter().filter(|recipe| !done.contains_key(&recipe.name)).collect();
    let mut report = StarterReport { added: 0, known: total - open.len() as u64 };
    for chunk in open.chunks(CHUNK) {
        let position = report.added + report.known;
        work.progress.step(position, total, "starter kit")?;
        let prepared: Vec<Prepared> = chunk
            .par_iter()
            .map(|recipe| {
                work.progress.check()?;
                let clip = recipe.render(SEED);
                work.engine.prepare(clip, origin(recipe))
            })
            .collect::<Result<_, Error>>()?;
        let new = prepared.iter().filter(|prepared| matches!(prepared, Prepared::New(_))).count();
        report.added += new as u64;
        report.known += (prepared.len() - new) as u64;
        library.write(|write| {
            for (index, (recipe, prepared)) in chunk.iter().zip(prepared).enumerate() {
                let now = work.engine.now();
                let id = match prepared {
                    Prepared::Known(id) => id,
                    Prepared::New(mut stem) => add(write, &mut stem, now)?.0.id(),
                };
                let progress = (position + index as u64 + 1) as f64 / total as f64;
                write.step(work.claim, &recipe.name, &json!({"stem": id}), progress, now)?;
            }
            Ok::<_, Error>(())
        })?;
    }
    work.progress.step(total, total, "starter kit")?;
    Ok(report)
}

fn origin(recipe: &Recipe) -> Origin {
    Origin {
        name: recipe.name.clone(),
        source: Source::Original,
        kit: Some(KIT.to_owned()),
        licence: Some(LICENCE.to_owned()),
        provenance: Provenance { recipe: Some(recipe.name.clone()), ..Provenance::default() },
        hints: Hints { name: None, known: known(recipe) },
        damage: Damage::default(),
    }
}

/// The recipe's own word is certain.
fn known(recipe: &Recipe) -> Known {
    Known {
        category: Some(recipe.category),
        form: Some(recipe.form),
        bpm: recipe.bpm,
        bars: recipe.bars,
        key: recipe.key,
        root: recipe.root.map(f64::from),
        tags: recipe.tags.iter().map(ToString::to_string).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{engine, engine_with};
    use std::sync::{Arc, OnceLock};

    /// Asks the work to stop as soon as `limit` steps are done.
    fn until(limit: u64) -> Progress {
        let handle: Arc<OnceLock<Progress>> = Arc::default();
        let inner = Arc::clone(&handle);
        let progress = Progress::new(move |done, _, _| {
            if done >= limit {
                inner.wait().cancel();
            }
        });
        handle.set(progress.clone()).unwrap();
        progress
    }

    #[test]
    fn an_interrupted_kit_is_completed_without_doing_a_stem_twice() {
        let (_home, engine) = engine();
        assert!(engine.ensure_starter(&until(1)).is_err());
        let first = engine.library().stems(&Filter::default()).unwrap();
        assert_eq!(first.len(), CHUNK);
        assert!(engine.ensure_starter(&until(CHUNK as u64 + 1)).is_err());
        let second = engine.library().stems(&Filter::default()).unwrap();
        assert_eq!(second.len(), 2 * CHUNK);
        assert_eq!(second[..CHUNK], first);
        let jobs = engine.library().jobs(&dream_library::JobFilter::default()).unwrap();
        assert_eq!(jobs.len(), 1);
        assert_eq!(engine.library().steps(jobs[0].id).unwrap().len(), 2 * CHUNK);

        let stem = &second[0].stem;
        let recipe = &recipes()[0];
        assert_eq!((&stem.name, stem.category), (&recipe.name, recipe.category));
        assert_eq!((stem.kit.as_deref(), stem.licence.as_deref()), (Some(KIT), Some(LICENCE)));
    }

    #[test]
    fn a_library_with_stems_or_a_home_without_starter_gets_none() {
        let (_home, engine) = engine();
        let clip = recipes()[0].render(SEED);
        engine.admit(clip, origin(&recipes()[0])).unwrap();
        assert_eq!(engine.ensure_starter(&Progress::silent()).unwrap(), None);

        let (_home, engine) = engine_with(|config| config.starter = false);
        assert_eq!(engine.ensure_starter(&Progress::silent()).unwrap(), None);
        assert_eq!(engine.library().count(&Filter::default()).unwrap(), 0);
    }
}
