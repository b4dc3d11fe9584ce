//! Learning: the stems of a category into a model of what they have in common.
//!
//! The corpus is listened to, a network learns from it epoch by epoch, and the best epoch becomes `models/<category>_vae.safetensors`; that of
//! loops, which are learned bar by bar, `models/<category>_loop_vae.safetensors`.
//! A model that was there before stays until the new one is whole, and stays if this fails. After the first epoch of a run, and then
//! whenever a tenth of its time would be lost, the state is stored in a folder of the job: a run that was killed or stopped goes on
//! there, and ends in the same bytes.
//!
//! Memory: some 80 MB while learning, the corpus aside (17 KB per stem); one decoded stem per thread before.

mod bars;
mod corpus;
pub(crate) mod tuning;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use dream_core::{Category, Form, Seed, Source, StemId};
use dream_library::write_file;
use dream_neural::vae::{
    self, Card, Epoch, Example, FEWEST, FEWEST_STEMS, Grid, Layout, Method, Trainer, Vae,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::runner::Work;
use crate::whole::usual_form;
use crate::{Engine, Error, Event, VERSION};
use corpus::Corpus;

/// Longest time between two stored states.
const PAUSE: Duration = Duration::from_secs(5);

/// A run that dies loses at most this part of its time, as long as that is less than [`PAUSE`].
const LOST: u32 = 10;

/// How many times as long as storing a state took, learning goes on before the next.
const LEAST: u32 = 4;

/// What to learn, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TrainSpec {
    /// The category.
    pub category: Category,
    /// Its one-shots or its loops; where absent, the loops of drums and the one-shots of all else.
    pub form: Option<Form>,
    /// Epochs, 1 to 10000.
    pub epochs: u32,
    /// Examples per step, 1 to 256.
    pub batch_size: u32,
    /// Dimensions of the latent space, 4 to 512.
    pub latent_dim: u32,
    /// Learning rate, above 0 and at most 0.1.
    pub learning_rate: f64,
    /// Root of the randomness; one is drawn where it is absent.
    pub seed: Option<Seed>,
    /// Fewest stems that are worth it, at least 2.
    pub min_stems: u32,
    /// Only stems of at least this quality, 0 to 1.
    pub min_quality: f32,
    /// Only stems of these kits; all when empty.
    pub kits: Vec<String>,
    /// Only stems of these sources; all when empty. Generated ones take part as the next field says.
    pub sources: Vec<Source>,
    /// Whether generated stems take part: a fifth of the corpus at most, the best first.
    pub include_generated: bool,
    /// Only these stems, of whatever source and quality; empty for all that the other fields let through.
    pub stems: Vec<StemId>,
}

impl Default for TrainSpec {
    fn default() -> Self {
        Self {
            category: Category::Kick,
            form: None,
            epochs: 100,
            batch_size: 32,
            latent_dim: 128,
            learning_rate: 1e-3,
            seed: None,
            min_stems: 2,
            min_quality: 0.0,
            kits: Vec::new(),
            sources: Vec::new(),
            include_generated: false,
            stems: Vec::new(),
        }
    }
}

/// How an epoch went.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrainEpoch {
    /// What is learned.
    pub category: Category,
    /// One-shots or loops.
    pub form: Form,
    /// The epoch.
    #[serde(flatten)]
    pub epoch: Epoch,
    /// How many there will be at most.
    pub epochs: u32,
}

/// What was learned.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrainReport {
    /// Of which category.
    pub category: Category,
    /// One-shots or loops.
    pub form: Form,
    /// The model.
    pub path: PathBuf,
    /// SHA-256 of its file.
    pub sha256: String,
    /// A network, or the Gaussian of few examples.
    pub method: Method,
    /// Stems it learned from, those held out among them.
    pub stems: u32,
    /// Stems held out.
    pub held_out: u32,
    /// Bars of these stems; absent of one-shots.
    pub bars: Option<u32>,
    /// Epochs done.
    pub epochs: u32,
    /// The epoch that was kept.
    pub best_epoch: u32,
    /// Mean error of held-out envelopes in dB; absent where none were held out.
    pub held_out_db: Option<f64>,
    /// Mean error of the envelopes it learned from, in dB.
    pub training_db: f64,
    /// Nats from the posterior to the prior, per stem.
    pub nats: f64,
    /// Latent dimensions in use.
    pub active_units: u32,
    /// Latent dimensions.
    pub latent_dim: u32,
    /// Length of what it models, in seconds.
    pub horizon_s: f64,
    /// The note that its stems were brought to before, as a MIDI number; absent of what has no pitch.
    pub reference_note: Option<f64>,
    /// Root of its randomness.
    pub seed: Seed,
    /// Digest of the audio it learned from.
    pub corpus_digest: String,
    /// Size of its file.
    pub size_bytes: u64,
    /// Whether an interrupted run was taken up.
    pub resumed: bool,
    /// What was left out or done otherwise.
    pub warnings: Vec<String>,
}

pub(crate) fn run(work: &Work<'_>, spec: &TrainSpec) -> Result<TrainReport, Error> {
    if !(0.0..=1.0).contains(&spec.min_quality) {
        return Err(Error::Invalid("the least quality is 0 to 1".to_owned()));
    }
    let engine = work.engine;
    let seed = work.step("seed", 0.0, || Ok(spec.seed.unwrap_or_else(|| engine.draw_seed())))?;
    let how = vae::TrainSpec {
        epochs: spec.epochs,
        batch: spec.batch_size,
        latent: spec.latent_dim,
        rate: spec.learning_rate,
        seed,
    };
    let form = form_of(spec.form, spec.category)?;
    let corpus = match form {
        Form::Loop => bars::gather(work, spec)?,
        Form::OneShot | Form::Free => Corpus::gather(work, spec)?,
    };
    let mut card = Card::new(spec.category.name(), VERSION);
    card.corpus_digest.clone_from(&corpus.digest);
    card.licences.clone_from(&corpus.licences);
    card.warnings.clone_from(&corpus.warnings);
    card.reference = corpus.reference;
    let failed = |source| failed(spec.category, source);
    let (mut resumed, folder) = (false, engine.home().work().join(work.claim.job.0.to_string()));
    let grid = Grid::new(corpus.layout);
    let frames = grid.frames();
    let (count, stems) = (corpus.examples.len(), corpus.stems());
    let vae = if count < FEWEST || stems < FEWEST_STEMS {
        let few = match form {
            Form::Loop => format!("{count} bars of {stems} loops"),
            Form::OneShot | Form::Free => format!("{count} stems"),
        };
        let needed = match form {
            Form::Loop => format!("{FEWEST} bars of {FEWEST_STEMS} loops"),
            Form::OneShot | Form::Free => FEWEST.to_string(),
        };
        card.warnings.push(format!(
            "only {few}: the Gaussian of their own space in place of a network, which needs {needed}"
        ));
        vae::gaussian(grid, corpus.examples, how, card).map_err(failed)?
    } else {
        std::fs::create_dir_all(&folder).map_err(io("create", &folder))?;
        let checkpoint = folder.join("state.safetensors");
        let (mut trainer, taken_up) =
            start(grid, corpus.examples, how, &checkpoint).map_err(failed)?;
        resumed = taken_up;
        learn(work, spec, form, &mut trainer, &checkpoint)?;
        trainer.finish(card).map_err(failed)?
    };
    work.progress.check()?;
    let report = store(work, (spec.category, form), &vae, resumed, frames)?;
    if folder.is_dir() {
        std::fs::remove_dir_all(&folder).map_err(io("remove", &folder))?;
    }
    Ok(report)
}

/// Takes up the stored state where there is one of this work, else begins.
fn start(
    grid: Grid,
    examples: Vec<Example>,
    how: vae::TrainSpec,
    checkpoint: &Path,
) -> Result<(Trainer, bool), dream_neural::Error> {
    if let Ok(state) = std::fs::read(checkpoint)
        // A state that is broken or of another corpus is no loss but of time.
        && let Ok(trainer) = Trainer::resume(grid.clone(), examples.clone(), how, state)
    {
        return Ok((trainer, true));
    }
    Ok((Trainer::new(grid, examples, how)?, false))
}

fn learn(
    work: &Work<'_>,
    spec: &TrainSpec,
    form: Form,
    trainer: &mut Trainer,
    checkpoint: &Path,
) -> Result<(), Error> {
    let total = u64::from(spec.epochs);
    let begun = Instant::now();
    let (mut stored, mut at) = (trainer.history().len(), begun);
    // The first epoch is stored at once: a run that dies soon has got on, and so has the next.
    let mut pause = Duration::ZERO;
    let mut what = spec.category.name().to_owned();
    while !trainer.is_done() {
        let done = trainer.history().len();
        let stop = work.progress.step(done as u64, total, &what);
        // What is stored counts as a step, and a step forgives the attempts before: only what got on may be.
        if done > stored && (stop.is_err() || at.elapsed() >= pause) {
            let storing = Instant::now();
            store_state(work, trainer, checkpoint, total)?;
            (stored, at) = (done, Instant::now());
            pause = (begun.elapsed() / LOST).max(LEAST * storing.elapsed()).min(PAUSE);
        }
        stop?;
        let epoch = trainer.epoch().map_err(|source| failed(spec.category, source))?;
        what = format!(
            "{} loss {:.4}, held out {:.2} dB",
            spec.category, epoch.loss, epoch.held_out_db
        );
        let event = TrainEpoch { category: spec.category, form, epoch, epochs: spec.epochs };
        (work.watch)(Event::Epoch(&event));
    }
    let done = trainer.history().len() as u64;
    Ok(work.progress.step(done, done, &what)?)
}

fn store_state(
    work: &Work<'_>,
    trainer: &Trainer,
    checkpoint: &Path,
    total: u64,
) -> Result<(), Error> {
    let done = trainer.history().len() as u64;
    write_file(checkpoint, |file| file.write_all(&trainer.to_bytes()))?;
    let (progress, now) = (done as f64 / total as f64, work.engine.now());
    let library = work.engine.library();
    Ok(library.write(|write| write.step(work.claim, "epochs", &json!(done), progress, now))?)
}

fn store(
    work: &Work<'_>,
    (category, form): (Category, Form),
    vae: &Vae,
    resumed: bool,
    frames: usize,
) -> Result<TrainReport, Error> {
    let path = model_path(work.engine, category, form);
    let bytes = vae.to_bytes();
    write_file(&path, |file| file.write_all(&bytes))?;
    let (card, measures) = (vae.card(), vae.card().measures);
    let all: Vec<u32> = (0..card.stems.len() as u32).collect();
    let stems = |examples: &[u32]| {
        examples.iter().map(|i| vae.stem(*i as usize)).collect::<BTreeSet<_>>().len() as u32
    };
    Ok(TrainReport {
        category,
        form,
        path,
        sha256: sha256(&bytes),
        method: card.method,
        stems: stems(&all),
        held_out: stems(&card.held_out),
        bars: (card.layout == Layout::Bar).then_some(card.stems.len() as u32),
        epochs: card.history.len() as u32,
        best_epoch: measures.best_epoch,
        held_out_db: measures.held_out_db,
        training_db: measures.training_db,
        nats: measures.nats,
        active_units: measures.active,
        latent_dim: card.latent,
        horizon_s: frames as f64 / 44_100.0,
        reference_note: card.reference,
        seed: card.train.seed,
        corpus_digest: card.corpus_digest.clone(),
        size_bytes: bytes.len() as u64,
        resumed,
        warnings: card.warnings.clone(),
    })
}

/// The form that is meant.
pub(crate) fn form_of(asked: Option<Form>, category: Category) -> Result<Form, Error> {
    match asked.unwrap_or_else(|| usual_form(category)) {
        Form::Free => {
            Err(Error::Invalid("one-shots or loops are learned, nothing else".to_owned()))
        }
        form @ (Form::OneShot | Form::Loop) => Ok(form),
    }
}

/// Where the model of a category and form lies.
pub(crate) fn model_path(engine: &Engine, category: Category, form: Form) -> PathBuf {
    match form {
        Form::Loop => engine.home().trained_loops(category),
        Form::OneShot | Form::Free => engine.home().trained(category),
    }
}

/// SHA-256 in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes all");
        text
    })
}

fn failed(category: Category, source: dream_neural::Error) -> Error {
    Error::Train { category, source }
}

pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { action, path, source }
}

#[cfg(test)]
mod tests;
