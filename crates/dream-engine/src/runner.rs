//! Running jobs: claim, work, end. All threads belong to the pool made here.

use dream_core::{Progress, chain};
use dream_library::{Claim, Ending};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{
    Engine, Error, Event, JobSpec, Kind, Outcome, compose, cycle, generate, ingest, models,
    separate, starter_kit, train,
};

/// A job under way: what its functions need of the world around them.
pub(crate) struct Work<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) claim: &'a Claim,
    pub(crate) progress: &'a Progress,
    pub(crate) watch: &'a dyn Fn(Event<'_>),
}

impl Engine {
    /// Does the work and records it: the same work, interrupted before, goes on from its last step.
    ///
    /// # Errors
    /// Those of the work; `Cancelled` when `progress` was asked to stop.
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
        let stored = serde_json::to_value(spec)
            .map_err(|error| Error::Invalid(format!("a path is not UTF-8 ({error})")))?;
        let claim = self.library().start(spec.kind(), &stored, self.now())?;
        let _span = tracing::info_span!("job", job = claim.job.0, kind = spec.kind()).entered();
        let work = Work { engine: self, claim: &claim, progress, watch };
        let result = work.run(spec);
        let ending = match &result {
            Ok(outcome) => Ending::Done(outcome.stored()),
            Err(error) if error.kind() == Kind::Cancelled => Ending::Cancelled,
            Err(error) => Ending::Failed(chain(error)),
        };
        let ended = self.library().finish(&claim, &ending, self.now());
        let outcome = result?;
        ended?;
        tracing::info!("done");
        Ok(outcome)
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
        }
    }

    /// The result of a step: that of the run which committed it, else of doing it now.
    pub(crate) fn step<T: Serialize + DeserializeOwned>(
        &self,
        name: &str,
        progress: f64,
        make: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        let library = self.engine.library();
        let stored = library.steps(self.claim.job)?.remove(name);
        // What an older version stored in another shape is made again.
        if let Some(value) = stored.and_then(|stored| serde_json::from_value(stored).ok()) {
            return Ok(value);
        }
        self.progress.check()?;
        let value = make()?;
        let result = serde_json::to_value(&value)
            .map_err(|source| Error::Stored { what: "step", source })?;
        library
            .write(|write| write.step(self.claim, name, &result, progress, self.engine.now()))?;
        Ok(value)
    }
}

/// Runs `work` with `threads` threads for everything parallel in it.
///
/// # Errors
/// `Invalid` when the system gives no threads.
pub fn in_pool<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> Result<T, Error> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|error| Error::Invalid(format!("no threads: {error}")))?;
    Ok(pool.install(work))
}
