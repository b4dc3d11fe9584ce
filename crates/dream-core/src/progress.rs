//! How far a long piece of work is, and whether it should stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The work was asked to stop and did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cancelled")]
pub struct Cancelled;

type Report = dyn Fn(u64, u64, &str) + Send + Sync;

/// A cheap handle that work reports to and asks whether to go on.
#[derive(Clone)]
pub struct Progress {
    cancel: Arc<AtomicBool>,
    report: Arc<Report>,
}

impl Progress {
    /// Reports nowhere; can be cancelled.
    pub fn silent() -> Self {
        Self::new(|_, _, _| ())
    }

    /// Calls `report(done, total, what)` at every step.
    pub fn new(report: impl Fn(u64, u64, &str) + Send + Sync + 'static) -> Self {
        Self { cancel: Arc::new(AtomicBool::new(false)), report: Arc::new(report) }
    }

    /// A handle that is cancelled with this one and calls `report` besides.
    #[must_use]
    pub fn and(&self, report: impl Fn(u64, u64, &str) + Send + Sync + 'static) -> Self {
        let first = Arc::clone(&self.report);
        let both = move |done, total, what: &str| {
            first(done, total, what);
            report(done, total, what);
        };
        Self { cancel: Arc::clone(&self.cancel), report: Arc::new(both) }
    }

    /// Reports that `done` of `total` units of `what` are finished.
    ///
    /// # Errors
    /// `Cancelled` when asked to stop.
    pub fn step(&self, done: u64, total: u64, what: &str) -> Result<(), Cancelled> {
        (self.report)(done, total, what);
        self.check()
    }

    /// Asks whether to go on, without reporting.
    ///
    /// # Errors
    /// `Cancelled` when asked to stop.
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.cancel.load(Ordering::Relaxed) { Err(Cancelled) } else { Ok(()) }
    }

    /// Whether both are cancelled together.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.cancel, &other.cancel)
    }

    /// Asks the work to stop at its next step.
    pub fn cancel(&self) {
        self.cancel.store(true, Ordering::Relaxed);
    }
}

impl std::fmt::Debug for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Progress")
            .field("cancelled", &self.check().is_err())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_are_told_and_stopped_together() {
        let heard = Arc::new(std::sync::Mutex::new(Vec::new()));
        let (first, second) = (Arc::clone(&heard), Arc::clone(&heard));
        let progress = Progress::new(move |done, _, _| first.lock().unwrap().push(done));
        let both = progress.and(move |done, _, _| second.lock().unwrap().push(done + 10));
        assert_eq!(both.step(1, 2, "file"), Ok(()));
        assert_eq!(*heard.lock().unwrap(), [1, 11]);
        assert!(both.is_same(&progress) && !both.is_same(&Progress::silent()));
        both.cancel();
        assert_eq!(progress.check(), Err(Cancelled));
    }

    #[test]
    fn a_clone_sees_the_cancellation() {
        let progress = Progress::silent();
        let handle = progress.clone();
        assert_eq!(progress.step(0, 2, "file"), Ok(()));
        handle.cancel();
        assert_eq!(progress.step(1, 2, "file"), Err(Cancelled));
    }
}
