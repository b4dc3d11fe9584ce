//! Workers: threads that take jobs from the queue, each with a pool of its own for what is parallel in them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use dream_core::Progress;
use dream_library::{Claim, Lane};
use serde_json::Value;

use crate::error::pathless;
use crate::{Engine, Error, JobSpec, Moment};

/// How long a worker waits for the bell before it looks itself: another process may have put a job in.
const LOOK: Duration = Duration::from_millis(500);

/// The time between two looks for jobs that ended long ago, in milliseconds.
const TIDY_MS: i64 = 3600 * 1000;

/// The workers of a process. Dropping them leaves them at work until the process ends.
#[derive(Debug)]
pub struct Workers {
    engine: Arc<Engine>,
    state: Arc<State>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct State {
    closing: AtomicBool,
    /// Whether the library has what the configuration wants it to begin with; tracks wait for that.
    furnished: AtomicBool,
    /// The handles of what is under way.
    running: Mutex<Vec<Progress>>,
}

impl Workers {
    /// Starts as many as the configuration says. The first fills an empty library with the starter kit, where that is allowed,
    /// before it takes a job; workers of light jobs wait for that.
    ///
    /// # Errors
    /// `Invalid` when the system gives no threads, `Io` when the home cannot be written.
    pub fn start(engine: &Arc<Engine>) -> Result<Self, Error> {
        // Before anything is uploaded: what is swept away must be of the dead.
        engine.library().appear()?;
        let queue = engine.config().queue;
        let state = Arc::new(State::default());
        let mut threads = Vec::new();
        for (lane, count) in [(Lane::Heavy, queue.heavy), (Lane::Light, queue.light)] {
            for number in 0..count {
                let pool = super::pool(engine.config().threads)?;
                let (engine, state) = (Arc::clone(engine), Arc::clone(&state));
                let first = lane == Lane::Heavy && number == 0;
                let work = move || {
                    if first {
                        furnish(&engine, &state, &pool);
                    }
                    work(&engine, &state, lane, first, &pool);
                };
                let thread = std::thread::Builder::new()
                    .name(format!("{} {number}", lane.name()))
                    .spawn(work)
                    .map_err(|error| Error::Invalid(format!("no threads: {error}")))?;
                threads.push(thread);
            }
        }
        Ok(Self { engine: Arc::clone(engine), state, threads })
    }

    /// Whether the library has what it begins with.
    pub fn is_furnished(&self) -> bool {
        self.state.furnished.load(Ordering::Acquire)
    }

    /// Takes no more jobs, stops those under way at their next step and puts them back; whether all did within `grace`.
    /// One that did not is taken up when the process has ended.
    pub fn close(&self, grace: Duration) -> bool {
        self.state.closing.store(true, Ordering::Release);
        self.engine.bell.ring();
        for progress in self.state.running() {
            progress.cancel();
        }
        let end = Instant::now() + grace;
        while self.threads.iter().any(|thread| !thread.is_finished()) {
            if Instant::now() > end {
                return false;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        true
    }
}

impl State {
    fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    fn running(&self) -> Vec<Progress> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Does the work with a handle that closing cancels.
    fn stoppable(&self, work: impl FnOnce(&Progress)) {
        let progress = Progress::silent();
        self.running.lock().unwrap_or_else(PoisonError::into_inner).push(progress.clone());
        if self.is_closing() {
            progress.cancel();
        }
        work(&progress);
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|other| !other.is_same(&progress));
    }
}

fn furnish(engine: &Engine, state: &State, pool: &rayon::ThreadPool) {
    state.stoppable(|progress| {
        if let Err(error) = pool.install(|| engine.ensure_starter(progress)) {
            tracing::warn!("the starter kit was not made: {}", pathless(&error));
        }
    });
    state.furnished.store(true, Ordering::Release);
    engine.bell.ring();
}

fn work(engine: &Engine, state: &State, lane: Lane, first: bool, pool: &rayon::ThreadPool) {
    let mut tidied = None;
    while !state.is_closing() {
        if first && tidied.is_none_or(|at: i64| engine.now().0 - at > TIDY_MS) {
            tidied = Some(engine.now().0);
            tidy(engine);
        }
        let heard = engine.bell.heard();
        if lane == Lane::Light && !state.furnished.load(Ordering::Acquire) {
            engine.bell.wait(heard, LOOK);
            continue;
        }
        match engine.library().take_job(lane, engine.now()) {
            Ok(Some((claim, job))) => state.stoppable(|progress| {
                pool.install(|| run(engine, &claim, job.spec, progress));
            }),
            Ok(None) => engine.bell.wait(heard, LOOK),
            Err(error) => {
                tracing::error!("take a job: {}", pathless(&error));
                engine.bell.wait(heard, LOOK);
            }
        }
    }
}

fn run(engine: &Engine, claim: &Claim, spec: Value, progress: &Progress) {
    match serde_json::from_value::<JobSpec>(spec) {
        Ok(spec) => engine.run_taken(&spec, claim, progress),
        Err(source) => engine.refuse(claim, source),
    }
}

/// Forgets the jobs that ended longer ago than they are kept.
fn tidy(engine: &Engine) {
    let keep_ms = i64::from(engine.config().queue.keep_days) * 24 * 3600 * 1000;
    match engine.library().forget_jobs(Moment(engine.now().0 - keep_ms)) {
        Ok(0) => {}
        Ok(count) => tracing::info!(count, "old jobs forgotten"),
        Err(error) => tracing::warn!("forget old jobs: {}", pathless(&error)),
    }
}

#[cfg(test)]
mod tests;
