//! Dreaming: new stems from the model of a category.
//!
//! A place in the latent space is drawn or found between stems, decoded to an envelope, worn by the nearest real stems (or given
//! phases of its own where no audio may be used), and judged: what is not clean, not of the category, a copy or far off is
//! refused with its reason and drawn again, at most eight times. What passes comes into the library like any other audio, with
//! all that is needed to make it again; a copy as WAV goes to `generated_stems/<category>`.
//! Loops are dreamed bar by bar (`looping`) and have the frames of their tempo to the frame.
//! Every stem is a step of the job. Seeds are numbered: the same job makes the same stems on any number of threads.

pub(crate) mod dreamer;
mod gate;
pub(crate) mod looping;
mod style;

use std::collections::BTreeMap;
use std::path::PathBuf;

use dream_analysis::{Hints, Known};
use dream_core::{
    Ancestor, Bpm, Category, Form, Generator, Key, Progress, Provenance, Seed, Source, StemId,
};
use dream_library::Added;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::intake::{Damage, Origin, Prepared, add};
use crate::runner::Work;
use crate::train::{form_of, io};
use crate::{Engine, Error, Event};
use dreamer::{Dream, Dreamer, Model};
use looping::Looper;
use style::styles;

/// How often a stem that was refused is drawn again.
const TRIES: u32 = 8;
/// Stems worked on at once, between two questions whether to go on.
const CHUNK: u64 = 4;
/// Most stems of a job.
const MOST: u32 = 10_000;

/// How places in the latent space are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Drawn from where the stems of the category lie.
    Random,
    /// Between two or more stems.
    Interpolated,
    /// Between two categories.
    Hybrid,
    /// Around one stem.
    Like,
}

impl Mode {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::Interpolated => "interpolated",
            Self::Hybrid => "hybrid",
            Self::Like => "like",
        }
    }
}

/// What to dream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GenerateSpec {
    /// The category.
    pub category: Category,
    /// One-shots or loops; where absent what the parents are, else the loops of drums and the one-shots of all else.
    pub form: Option<Form>,
    /// How many stems, 1 to 10000.
    pub count: u32,
    /// How.
    pub mode: Mode,
    /// The other category of a hybrid.
    pub with: Option<Category>,
    /// How far towards the other category or the last parent, 0 to 1. Where absent: a half for hybrids, evenly spread between
    /// parents that are given, drawn between parents that are chosen.
    pub factor: Option<f32>,
    /// The parents to lie between, or the one to be like.
    pub parents: Vec<StemId>,
    /// How widely places are drawn, above 0 to 2: 1 is as the stems lie.
    pub temperature: f32,
    /// Root of the randomness; one is drawn where it is absent.
    pub seed: Option<Seed>,
    /// Whether no audio of the parents may be used.
    pub novelty_max: bool,
    /// The key that tonal stems are to play in: one-shots sound its tonic, in the octave that is nearest to their parents'; loops are
    /// moved as a whole.
    pub key: Option<Key>,
    /// The tempo that loops are to have; where absent that of their parents.
    pub bpm: Option<Bpm>,
}

impl Default for GenerateSpec {
    fn default() -> Self {
        Self {
            category: Category::Kick,
            form: None,
            count: 10,
            mode: Mode::Random,
            with: None,
            factor: None,
            parents: Vec::new(),
            temperature: 1.0,
            seed: None,
            novelty_max: false,
            key: None,
            bpm: None,
        }
    }
}

/// What makes a stem a loop.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Beat {
    /// Its tempo, exact to the frame.
    pub bpm: Bpm,
    /// Whole bars of 4/4.
    pub bars: u32,
    /// The key; absent of what has none.
    pub key: Option<Key>,
}

/// A stem that was dreamed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GeneratedStem {
    /// Which of the job, from 1.
    pub number: u32,
    /// Its number in the library.
    pub id: StemId,
    /// The copy as WAV.
    pub path: String,
    /// Its category.
    pub category: Category,
    /// How it was found.
    pub mode: Mode,
    /// Its length in seconds.
    pub duration_s: f64,
    /// Its note as a MIDI number with cents as its fraction; absent of what has no pitch.
    pub root: Option<f64>,
    /// Tempo, bars and key of a loop.
    #[serde(flatten)]
    pub beat: Option<Beat>,
    /// The stems it was made of.
    pub parents: Vec<Ancestor>,
    /// The least permissive licence of these.
    pub licence: Option<String>,
    /// Its distance from the nearest stem that was learned from, in units of the distances of those.
    pub novelty: f32,
    /// How probable its category is by the sound alone.
    pub probability: f32,
    /// How often it was drawn.
    pub tries: u32,
}

/// What became of a stem, as its step remembers it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Record {
    /// Absent where all tries were refused.
    stem: Option<GeneratedStem>,
    refused: Vec<String>,
}

/// What was dreamed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GenerateReport {
    /// Of which category.
    pub category: Category,
    /// One-shots or loops.
    pub form: Form,
    /// How.
    pub mode: Mode,
    /// How many were asked for.
    pub asked: u32,
    /// How many came into the library.
    pub made: u32,
    /// How many drafts were refused, by reason.
    pub refused: BTreeMap<String, u32>,
    /// The share of drafts that passed, 0 to 1.
    pub acceptance: f64,
    /// SHA-256 of the model, of a hybrid those of both, joined by `+`.
    pub model_sha256: String,
    /// Root of the randomness.
    pub seed: Seed,
    /// What was done otherwise.
    pub warnings: Vec<String>,
}

pub(crate) fn run(work: &Work<'_>, spec: &GenerateSpec) -> Result<GenerateReport, Error> {
    check(spec)?;
    let engine = work.engine;
    let seed = work.step("seed", 0.0, || Ok(spec.seed.unwrap_or_else(|| engine.draw_seed())))?;
    let form = form(engine, spec)?;
    if form != Form::Loop && spec.bpm.is_some() {
        return Err(Error::Invalid("a tempo is for loops".to_owned()));
    }
    let dreamer = match form {
        Form::Loop => Dreams::Loops(Looper::new(engine, spec)?),
        Form::OneShot | Form::Free => Dreams::OneShots(Dreamer::new(engine, spec)?),
    };
    let mut report = GenerateReport {
        category: spec.category,
        form,
        mode: spec.mode,
        asked: spec.count,
        made: 0,
        refused: BTreeMap::new(),
        acceptance: 0.0,
        model_sha256: sha256_of(dreamer.models()),
        seed,
        warnings: warnings(dreamer.models()),
    };
    let done = engine.library().steps(work.claim.job)?;
    let around = Around { engine, progress: work.progress, seed };
    let total = u64::from(spec.count);
    let mut drafts = 0;
    for start in (0..total).step_by(CHUNK as usize) {
        work.progress.step(start, total, spec.category.name())?;
        let numbers: Vec<u64> = (start..total.min(start + CHUNK)).collect();
        let records: Vec<(u64, Result<Record, Drafted>)> = numbers
            .into_par_iter()
            .map(|number| {
                let stored = done.get(&step_name(number)).cloned();
                if let Some(record) = stored.and_then(|value| serde_json::from_value(value).ok()) {
                    return Ok((number, Ok(record)));
                }
                let drafted = draft(&around, spec, &dreamer, number)?;
                Ok((number, Err(drafted)))
            })
            .collect::<Result<_, Error>>()?;
        for (number, record) in records {
            let record = match record {
                Ok(record) => restored(engine, record)?,
                Err(drafted) => commit(work, spec, drafted, number, total)?,
            };
            drafts += record.refused.len() as u64 + u64::from(record.stem.is_some());
            for reason in &record.refused {
                *report.refused.entry(reason.clone()).or_insert(0) += 1;
            }
            if let Some(stem) = &record.stem {
                report.made += 1;
                (work.watch)(Event::Generated(stem));
            }
        }
    }
    work.progress.step(total, total, spec.category.name())?;
    report.acceptance = f64::from(report.made) / drafts.max(1) as f64;
    Ok(report)
}

/// What dreams.
enum Dreams<'a> {
    OneShots(Dreamer<'a>),
    Loops(Looper<'a>),
}

impl Dreams<'_> {
    fn dream(&self, spec: &GenerateSpec, number: u64, seed: Seed) -> Result<Dream, Error> {
        match self {
            Self::OneShots(dreamer) => dreamer.dream(spec, number, seed),
            Self::Loops(looper) => looper.dream(spec, number, seed),
        }
    }

    fn models(&self) -> &[Model] {
        match self {
            Self::OneShots(dreamer) => dreamer.models(),
            Self::Loops(looper) => looper.models(),
        }
    }
}

/// The form that is meant: as asked for, or that of the parents, or what is usual.
fn form(engine: &Engine, spec: &GenerateSpec) -> Result<Form, Error> {
    let parents = match spec.parents.first() {
        Some(id) if spec.form.is_none() => Some(engine.library().stem(*id)?.stem.facts.form),
        _ => spec.form,
    };
    form_of(parents.filter(|form| *form != Form::Free || spec.form.is_some()), spec.category)
}

/// The hashes of some models, joined.
fn sha256_of(models: &[Model]) -> String {
    let names: Vec<&str> = models.iter().map(|model| model.sha256.as_str()).collect();
    names.join("+")
}

/// What is missing of what some models learned from.
fn warnings(models: &[Model]) -> Vec<String> {
    let mut warnings = Vec::new();
    for model in models {
        let (there, all) = (model.stems.len(), model.vae.card().stems.len());
        if there < all {
            warnings.push(format!(
                "{} of the {all} stems that the model of {} learned from are not in the library any more, or disliked",
                all - there,
                model.category
            ));
        }
    }
    warnings
}

fn step_name(number: u64) -> String {
    format!("stem {number}")
}

fn check(spec: &GenerateSpec) -> Result<(), Error> {
    let invalid = |text: &str| Err(Error::Invalid(text.to_owned()));
    if !(1..=MOST).contains(&spec.count) {
        return invalid("the count is 1 to 10000");
    }
    if !(spec.temperature > 0.0 && spec.temperature <= 2.0) {
        return invalid("the temperature is above 0 and at most 2");
    }
    if spec.factor.is_some_and(|factor| !(0.0..=1.0).contains(&factor)) {
        return invalid("the factor is 0 to 1");
    }
    match spec.mode {
        Mode::Hybrid => match spec.with {
            None => invalid("a hybrid needs another category (--with)"),
            Some(with) if with == spec.category => invalid("a hybrid needs two categories"),
            Some(_) if !spec.parents.is_empty() => invalid("a hybrid chooses its parents itself"),
            Some(_) => Ok(()),
        },
        _ if spec.with.is_some() => invalid("another category is for hybrids"),
        Mode::Random if !spec.parents.is_empty() => {
            invalid("random stems have no given parents; interpolated ones do")
        }
        Mode::Random if spec.factor.is_some() => invalid("random stems have no factor"),
        Mode::Interpolated if spec.parents.len() == 1 => invalid("one parent: two or more"),
        Mode::Interpolated if spec.parents.len() > 8 => invalid("at most eight parents"),
        Mode::Interpolated if spec.factor.is_some() && spec.parents.len() > 2 => {
            invalid("a factor lies between two parents; more are mixed by chance")
        }
        Mode::Like if spec.parents.len() != 1 => invalid("one stem to be like"),
        Mode::Random | Mode::Interpolated | Mode::Like => Ok(()),
    }
}

/// A stem on its way in, or nothing, and why drafts before it were refused.
struct Drafted {
    passed: Option<(Box<Dream>, Prepared)>,
    refused: Vec<String>,
}

/// What drafts need of the world, on any thread.
struct Around<'a> {
    engine: &'a Engine,
    progress: &'a Progress,
    seed: Seed,
}

/// Draws until something passes.
fn draft(
    around: &Around<'_>,
    spec: &GenerateSpec,
    dreamer: &Dreams<'_>,
    number: u64,
) -> Result<Drafted, Error> {
    let seed = around.seed.child("stem").index(number);
    let mut refused = Vec::new();
    for attempt in 0..TRIES {
        around.progress.check()?;
        let dream = dreamer.dream(spec, number, seed.index(u64::from(attempt)))?;
        if let Some(reason) = dream.refusal {
            refused.push(reason.to_owned());
            continue;
        }
        let dream = Box::new(dream);
        let tags = styles(around.engine, &dream.generator.parents);
        let prepared = around.engine.prepare(dream.clip.clone(), origin(spec, &dream, tags))?;
        // Whatever somebody asked for is given, though it be there already.
        if let (Prepared::Known(_), false) = (&prepared, dream.exact) {
            refused.push("copy".to_owned());
            continue;
        }
        return Ok(Drafted { passed: Some((dream, prepared)), refused });
    }
    Ok(Drafted { passed: None, refused })
}

fn origin(spec: &GenerateSpec, dream: &Dream, tags: Vec<String>) -> Origin {
    Origin {
        name: dream.name.clone(),
        source: Source::Generated,
        kit: Some(format!("dreamed-{}", spec.category)),
        licence: dream.licence.clone(),
        provenance: Provenance {
            generator: Some(dream.generator.clone()),
            ..Provenance::default()
        },
        hints: Hints {
            name: None,
            known: Known {
                category: Some(dream.category),
                form: Some(if dream.beat.is_some() { Form::Loop } else { Form::OneShot }),
                root: dream.root,
                bpm: dream.beat.map(|beat| beat.bpm),
                bars: dream.beat.map(|beat| beat.bars),
                key: dream.beat.and_then(|beat| beat.key),
                tags,
            },
        },
        damage: Damage::default(),
    }
}

/// Takes a stem into the library, and its copy into its folder.
fn commit(
    work: &Work<'_>,
    spec: &GenerateSpec,
    drafted: Drafted,
    number: u64,
    total: u64,
) -> Result<Record, Error> {
    let Drafted { passed, refused } = drafted;
    let engine = work.engine;
    let (now, progress) = (engine.now(), (number + 1) as f64 / total as f64);
    let step = step_name(number);
    let stored = |record: &Record| {
        serde_json::to_value(record).map_err(|source| Error::Stored { what: "step", source })
    };
    let Some((dream, mut prepared)) = passed else {
        let record = Record { stem: None, refused };
        let value = stored(&record)?;
        engine.library().write(|write| write.step(work.claim, &step, &value, progress, now))?;
        return Ok(record);
    };
    let folder = engine.home().generated_stems(dream.category);
    std::fs::create_dir_all(&folder).map_err(io("create", &folder))?;
    let path: PathBuf = folder.join(format!("{}.wav", dream.name));
    let mut record = Record {
        stem: Some(GeneratedStem {
            number: number as u32 + 1,
            id: StemId(0),
            path: path.to_string_lossy().into_owned(),
            category: dream.category,
            mode: spec.mode,
            duration_s: dream.clip.seconds(),
            root: dream.root,
            beat: dream.beat,
            parents: dream.generator.parents.clone(),
            licence: dream.licence.clone(),
            novelty: dream.generator.novelty,
            probability: dream.probability,
            tries: refused.len() as u32 + 1,
        }),
        refused,
    };
    let id = engine.library().write(|write| {
        let added = match &mut prepared {
            Prepared::Known(id) => Added::Known(*id),
            Prepared::New(stem) => add(write, stem, now)?.0,
        };
        if let Some(stem) = &mut record.stem {
            stem.id = added.id();
        }
        write.step(work.claim, &step, &stored(&record)?, progress, now)?;
        Ok::<_, Error>(added.id())
    })?;
    engine.export(id, &path)?;
    Ok(record)
}

/// A stem of an earlier run, with its copy as WAV if that run ended before it was written.
fn restored(engine: &Engine, record: Record) -> Result<Record, Error> {
    if let Some(stem) = &record.stem {
        let path = std::path::Path::new(&stem.path);
        if !path.exists() && path.parent().is_some_and(std::path::Path::is_dir) {
            engine.export(stem.id, path)?;
        }
    }
    Ok(record)
}

/// The first letters of a hash: enough to tell files of a folder apart.
fn short(hash: &str) -> &str {
    hash.get(..8).unwrap_or(hash)
}

/// What a dream is known by.
fn generator(mode: Mode, sha256: String, seed: Seed) -> Generator {
    Generator {
        mode: mode.name().to_owned(),
        model_sha256: sha256,
        seed: seed.0,
        ..Generator::default()
    }
}

#[cfg(test)]
mod tests;
