//! Work that waits for a worker: how it comes into the queue, and what can be asked of it.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use dream_library::{Claim, Ending, Failure, Order};
use serde_json::Value;

use crate::compose;
use crate::{Composed, Engine, Error, Job, JobEvent, JobFilter, JobId, JobSpec, TakeId};

/// How a job is to be queued.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wish<'a> {
    /// The higher, the earlier, -100 to 100.
    pub priority: i32,
    /// The key by which a request that is sent twice is one job, 1 to 255 characters.
    pub key: Option<&'a str>,
}

impl JobSpec {
    pub(crate) fn stored(&self) -> Result<Value, Error> {
        serde_json::to_value(self)
            .map_err(|error| Error::Invalid(format!("a path is not UTF-8 ({error})")))
    }
}

impl Engine {
    /// Puts the work into the queue for a worker of any process with this home; the job, and whether it was there before.
    ///
    /// # Errors
    /// `Busy` when the queue is full, `Conflict` when the key belongs to other work, `Invalid` for a wish out of range.
    pub fn enqueue(&self, spec: &JobSpec, wish: Wish<'_>) -> Result<(Job, bool), Error> {
        if !(-100..=100).contains(&wish.priority) {
            return Err(Error::Invalid("a priority is -100 to 100".to_owned()));
        }
        if wish.key.is_some_and(|key| !(1..=255).contains(&key.chars().count())) {
            return Err(Error::Invalid("an idempotency key has 1 to 255 characters".to_owned()));
        }
        let stored = spec.stored()?;
        let order = Order {
            kind: spec.kind(),
            spec: &stored,
            lane: spec.lane(),
            priority: wish.priority,
            key: wish.key,
            most: self.config().queue.limit,
        };
        let (id, known) = self.library().enqueue(&order, self.now())?;
        self.bell.ring();
        Ok((self.library().job(id)?, known))
    }

    /// A job.
    ///
    /// # Errors
    /// `NotFound` without such a job.
    pub fn job(&self, id: JobId) -> Result<Job, Error> {
        Ok(self.library().job(id)?)
    }

    /// The jobs that pass the filter, the newest first, and how many there are of all.
    ///
    /// # Errors
    /// Those of the library.
    pub fn jobs(&self, filter: &JobFilter<'_>) -> Result<(Vec<Job>, u64), Error> {
        Ok((self.library().jobs(filter)?, self.library().count_jobs(filter)?))
    }

    /// What happened to a job after the event of that number, oldest first, 1000 at most.
    ///
    /// # Errors
    /// `NotFound` without such a job.
    pub fn job_events(&self, id: JobId, after: i64) -> Result<Vec<JobEvent>, Error> {
        self.library().job(id)?;
        Ok(self.library().job_events(id, after, 1_000)?)
    }

    /// The number of the last event of any job: when it rises, something has happened.
    ///
    /// # Errors
    /// Those of the library.
    pub fn last_event(&self) -> Result<i64, Error> {
        Ok(self.library().last_event()?)
    }

    /// Asks a job to stop, whichever process runs it; one that waits ends now.
    ///
    /// # Errors
    /// `NotFound` without such a job.
    pub fn stop_job(&self, id: JobId) -> Result<Job, Error> {
        Ok(self.library().stop_job(id, self.now())?)
    }

    /// A recorded track as the document that composing it gave.
    ///
    /// # Errors
    /// `NotFound` without such a track.
    pub fn composed(&self, id: TakeId) -> Result<Composed, Error> {
        compose::composed(self, id)
    }

    /// Ends a job that this version cannot read.
    pub(crate) fn refuse(&self, claim: &Claim, source: serde_json::Error) {
        let error = Error::Stored { what: "job", source };
        let failure = Failure {
            error: dream_core::chain(&error),
            code: error.code().to_owned(),
            detail: error.public(),
        };
        if let Err(error) = self.library().finish(claim, &Ending::Failed(failure), self.now()) {
            tracing::error!(
                "the end of the job was not recorded: {}",
                crate::error::pathless(&error)
            );
        }
    }
}

/// Rings when there may be work.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    rung: Mutex<u64>,
    ears: Condvar,
}

impl Bell {
    pub(crate) fn ring(&self) {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.ears.notify_all();
    }

    /// How often it was rung.
    pub(crate) fn heard(&self) -> u64 {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it is rung more often than that, at most so long.
    pub(crate) fn wait(&self, heard: u64, most: Duration) {
        let rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever waits looks again in any case.
        drop(self.ears.wait_timeout_while(rung, most, |rung| *rung == heard));
    }
}
