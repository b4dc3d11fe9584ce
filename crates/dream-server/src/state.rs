//! What every request shares: the engine, the settings, and the pulse of the jobs.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use dream_engine::{Engine, Error};
use tokio::sync::{Semaphore, watch};

use crate::fence::Rates;
use crate::metrics::Metrics;
use crate::problem::Problem;
use crate::settings::Settings;

/// The time between two looks whether anything happened to a job.
const PULSE: Duration = Duration::from_millis(100);

/// Shared by all requests; a clone is the same.
#[derive(Debug, Clone)]
pub(crate) struct App(Arc<Shared>);

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) engine: Arc<Engine>,
    pub(crate) settings: Settings,
    pub(crate) metrics: Metrics,
    pub(crate) rates: Rates,
    /// Places for requests under way.
    pub(crate) room: Semaphore,
    /// The number of the last event of any job.
    pulse: watch::Sender<i64>,
    closing: watch::Sender<bool>,
}

impl Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl App {
    pub(crate) fn new(engine: Arc<Engine>, settings: Settings) -> Self {
        let room = Semaphore::new(settings.max_requests);
        Self(Arc::new(Shared {
            engine,
            settings,
            metrics: Metrics::default(),
            rates: Rates::default(),
            room,
            pulse: watch::channel(0).0,
            closing: watch::channel(false).0,
        }))
    }

    /// Told of every change of a job; [`beat`](Self::beat) must run.
    pub(crate) fn pulse(&self) -> watch::Receiver<i64> {
        self.pulse.subscribe()
    }

    /// Looks for changes of jobs, of this process and others, until the server closes.
    pub(crate) async fn beat(self) {
        let mut closing = self.closing();
        loop {
            tokio::select! {
                _ = closing.wait_for(|closing| *closing) => return,
                () = tokio::time::sleep(PULSE) => {}
            }
            if self.pulse.receiver_count() == 0 {
                continue;
            }
            let last = with(&self, |engine| Ok(engine.last_event()?)).await;
            if let Ok(last) = last {
                self.pulse.send_if_modified(|pulse| std::mem::replace(pulse, last) != last);
            }
        }
    }

    /// Told when the server closes: what streams must end.
    pub(crate) fn closing(&self) -> watch::Receiver<bool> {
        self.closing.subscribe()
    }

    pub(crate) fn is_closing(&self) -> bool {
        *self.closing.borrow()
    }

    pub(crate) fn close(&self) {
        self.closing.send_replace(true);
    }
}

/// Asks the engine, which blocks, away from the threads that serve. The only way from a request to the engine.
pub(crate) async fn with<T: Send + 'static>(
    app: &App,
    ask: impl FnOnce(&Engine) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let engine = Arc::clone(&app.engine);
    let answer = tokio::task::spawn_blocking(move || ask(&engine)).await;
    answer.unwrap_or_else(|panic| {
        tracing::error!("a request ended in a panic: {panic}");
        Err(Problem::new("internal", "something inside went wrong; the log has the cause"))
    })
}

/// Shorthand for what asks the engine one thing.
pub(crate) async fn ask<T: Send + 'static>(
    app: &App,
    ask: impl FnOnce(&Engine) -> Result<T, Error> + Send + 'static,
) -> Result<T, Problem> {
    with(app, |engine| Ok(ask(engine)?)).await
}
