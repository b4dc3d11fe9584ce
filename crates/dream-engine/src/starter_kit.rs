//! The built-in starter kit: stems for an empty library, synthesised on the spot.

use dream_analysis::{Hints, Known};
use dream_audio::synth::kit::{Recipe, recipes};
use dream_core::{Progress, Provenance, Seed, Source};
use dream_library::Filter;
use rayon::prelude::*;
use serde::Serialize;
use serde_json::json;

use crate::intake::{Damage, Origin, Prepared};
use crate::runner::Work;
use crate::{Engine, Error, JobSpec, Outcome};

/// Its name in the library.
pub(crate) const KIT: &str = "starter";

/// Everything in it is dedicated to the public.
const LICENCE: &str = "CC0-1.0";

/// Root of all its sounds.
const SEED: Seed = Seed(0);

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
        match self.run(&spec, progress)? {
            crate::Outcome::StarterKit(report) => Ok(Some(report)),
            crate::Outcome::Ingest(_) | crate::Outcome::Take(_) => {
                unreachable!("a starter kit job ends with its own outcome")
            }
        }
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
        library.write(|write| {
            for (index, (recipe, prepared)) in chunk.iter().zip(&prepared).enumerate() {
                let now = work.engine.now();
                let id = match prepared {
                    Prepared::Known(id) => *id,
                    Prepared::New(stem) => write.add_stem(stem, now)?.id(),
                };
                let progress = (position + index as u64 + 1) as f64 / total as f64;
                write.step(work.claim, &recipe.name, &json!({"stem": id}), progress, now)?;
            }
            Ok::<_, Error>(())
        })?;
        let new = prepared.iter().filter(|prepared| matches!(prepared, Prepared::New(_))).count();
        report.added += new as u64;
        report.known += (prepared.len() - new) as u64;
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
