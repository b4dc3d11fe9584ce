//! Running jobs: claim, work, end. All threads and pools belong here.
//!
//! Beside every run a thread notes its progress three times a second and looks whether somebody asked it to stop.

mod beside;
mod workers;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use dream_core::{Progress, chain};
use dream_library::{Claim, Ending, Failure};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::pathless;
use crate::{
    Engine, Error, Event, JobSpec, Kind, Outcome, compose, cycle, generate, ingest, models,
    separate, starter_kit, train,
};

pub use workers::Workers;

/// A job under way: what its functions need of the world around them.
pub(crate) struct Work<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) claim: &'a Claim,
    pub(crate) progress: &'a Progress,
    pub(crate) watch: &'a dyn Fn(Event<'_>),
    /// Of what an ingest finds only these files; all when empty.
    pub(crate) only: &'a [PathBuf],
}

impl Engine {
    /// Does the work and records it: the same work, interrupted before, goes on from its last step.
    ///
    /// # Errors
    /// Those of the work; `Cancelled` when `progress` was asked to stop, or the job was by another process.
    pub fn run(&self, spec: &JobSpec, progress: &Progress) -> Result<Outcome, Error> {
        self.run_watched(spec, progress, &|_| ())
    }

    /// [`run`](Self::run), telling `watch` what happens on the way; it is called from this thread only.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_watched(
        &self,
        spec: &JobSpec,
        progress: &Progress,
        watch: &dyn Fn(Event<'_>),
    ) -> Result<Outcome, Error> {
        self.run_some(spec, &[], progress, watch)
    }

    /// [`run_watched`](Self::run_watched), an ingest for some of its files only. It is recorded as all of it: whoever goes on
    /// with it skips what is done.
    pub(crate) fn run_some(
        &self,
        spec: &JobSpec,
        only: &[PathBuf],
        progress: &Progress,
        watch: &dyn Fn(Event<'_>),
    ) -> Result<Outcome, Error> {
        let claim = self.library().start(spec.kind(), &spec.stored()?, self.now())?;
        let _span = tracing::info_span!("job", job = claim.job.0, kind = spec.kind()).entered();
        let result = self.work(spec, (&claim, only), progress, watch);
        let ended = self.library().finish(&claim, &ending(&result), self.now());
        let outcome = result?;
        ended?;
        tracing::info!("done");
        Ok(outcome)
    }

    /// Runs a job that was taken from the queue, and records how it ended; one that is to go on elsewhere is put back.
    fn run_taken(&self, spec: &JobSpec, claim: &Claim, progress: &Progress) {
        let _span = tracing::info_span!("job", job = claim.job.0, kind = spec.kind()).entered();
        tracing::info!(resumed = claim.resumed, "begun");
        let work = || self.work(spec, (claim, &[]), progress, &|_| ());
        let ending = match catch_unwind(AssertUnwindSafe(work)) {
            Ok(Err(error)) if error.kind() == Kind::Cancelled => {
                // Asked to stop, or only this process is: then another goes on.
                if !self.library().is_to_stop(claim).unwrap_or(false) {
                    let released = self.library().release(claim);
                    tracing::info!(released = released.is_ok(), "put back");
                    return;
                }
                Ending::Cancelled
            }
            Ok(result) => {
                if let Err(error) = &result {
                    tracing::warn!(code = error.code(), "{}", error.without_paths());
                }
                ending(&result)
            }
            Err(_) => Ending::Failed(Failure {
                error: "the job ended in a panic; see the log".to_owned(),
                code: "internal".to_owned(),
                detail: "something inside went wrong; the log has the cause".to_owned(),
            }),
        };
        match &ending {
            Ending::Done(_) => tracing::info!("done"),
            Ending::Cancelled => tracing::info!("cancelled"),
            Ending::Failed(failure) => tracing::info!(code = failure.code, "failed"),
        }
        if let Err(error) = self.library().finish(claim, &ending, self.now()) {
            tracing::error!("the end of the job was not recorded: {}", pathless(&error));
        }
    }

    fn work(
        &self,
        spec: &JobSpec,
        (claim, only): (&Claim, &[PathBuf]),
        progress: &Progress,
        watch: &dyn Fn(Event<'_>),
    ) -> Result<Outcome, Error> {
        let watch = |event: Event<'_>| {
            note(event);
            watch(event);
        };
        beside::watched(self, spec, claim, progress, |progress| {
            Work { engine: self, claim, progress, watch: &watch, only }.run(spec)
        })
    }
}

/// A line in the log for each piece of work that is done, by numbers: names of files are nobody's business.
fn note(event: Event<'_>) {
    match event {
        Event::File(file) => {
            tracing::debug!(stem = file.stem.map(|id| id.0), status = ?file.status, "file");
        }
        Event::Track(track) => tracing::debug!(stems = track.stems.len(), "track"),
        Event::Epoch(epoch) => tracing::debug!(number = epoch.epoch.epoch, "epoch"),
        Event::Generated(stem) => tracing::debug!(number = stem.number, stem = stem.id.0, "dream"),
        Event::Round(round) => tracing::debug!(number = round.round, "round"),
    }
}

fn ending(result: &Result<Outcome, Error>) -> Ending {
    match result {
        Ok(outcome) => Ending::Done(outcome.stored()),
        Err(error) if error.kind() == Kind::Cancelled => Ending::Cancelled,
        Err(error) => Ending::Failed(Failure {
            error: chain(error),
            code: error.code().to_owned(),
            detail: error.public(),
        }),
    }
}

impl Work<'_> {
    fn run(&self, spec: &JobSpec) -> Result<Outcome, Error> {
        match spec {
            JobSpec::Ingest(spec) => ingest::run(self, spec).map(Outcome::Ingest),
            JobSpec::StarterKit => starter_kit::run(self).map(Outcome::StarterKit),
            JobSpec::Separate(spec) => separate::run(self, spec).map(Outcome::Separate),
            JobSpec::FetchModel(spec) => models::fetch(self, spec).map(Outcome::Model),
            JobSpec::AddModel(spec) => models::add(self, spec).map(Outcome::Model),
            JobSpec::Train(spec) => train::run(self, spec).map(Box::new).map(Outcome::Train),
            JobSpec::Generate(spec) => generate::run(self, spec).map(Outcome::Generate),
            JobSpec::Cycle(spec) => cycle::run(self, spec).map(Outcome::Cycle),
            JobSpec::Compose(spec) => compose::compose(self, spec).map(Box::new).map(Outcome::Take),
            JobSpec::Render(spec) => compose::render(self, spec).map(Box::new).map(Outcome::Take),
            JobSpec::Bundle(spec) => compose::bundle::run(self, *spec).map(Outcome::Bundle),
        }
    }

    /// The result of a step: that of the run which committed it, else of doing it now.
    pub(crate) fn step<T: Serialize + DeserializeOwned>(
        &self,
        name: &str,
        progress: f64,
        make: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        if let Some(value) = self.stored_step(name)? {
            return Ok(value);
        }
        self.progress.check()?;
        let value = make()?;
        let result = serde_json::to_value(&value)
            .map_err(|source| Error::Stored { what: "step", source })?;
        self.engine
            .library()
            .write(|write| write.step(self.claim, name, &result, progress, self.engine.now()))?;
        Ok(value)
    }

    /// The result of a step that is committed; one that an older version stored in another shape is made again.
    pub(crate) fn stored_step<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Error> {
        let stored = self.engine.library().steps(self.claim.job)?.remove(name);
        Ok(stored.and_then(|stored| serde_json::from_value(stored).ok()))
    }
}

/// Runs `work` with `threads` threads for everything parallel in it.
///
/// # Errors
/// `Invalid` when the system gives no threads.
pub fn in_pool<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> Result<T, Error> {
    Ok(pool(threads)?.install(work))
}

fn pool(threads: usize) -> Result<rayon::ThreadPool, Error> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|error| Error::Invalid(format!("no threads: {error}")))
}
