//! What stands beside a run: its progress into the library, and the wish to stop out of it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use dream_core::Progress;
use dream_library::Claim;

use crate::error::pathless;
use crate::{Engine, JobSpec};

/// The time between two looks.
const PAUSE: Duration = Duration::from_millis(300);

/// A share below this tells nothing of the time that is left.
const LEAST_SHARE: f64 = 0.02;

/// What a run said last: how much of all is done, if that can be told, and of what.
type Said = Arc<Mutex<Option<(Option<f64>, String)>>>;

/// Does the work with a thread beside it that notes its progress and cancels it when the job is to stop.
pub(super) fn watched<T>(
    engine: &Engine,
    spec: &JobSpec,
    claim: &Claim,
    progress: &Progress,
    work: impl FnOnce(&Progress) -> T,
) -> T {
    let said = Said::default();
    let (own, kind) = (Arc::clone(&said), spec.clone());
    let (job, hundredths) = (claim.job.0, AtomicU64::new(u64::MAX));
    let told = progress.and(move |done, total, what| {
        let share = done as f64 / total.max(1) as f64;
        let now = (100.0 * share) as u64;
        if hundredths.swap(now, Ordering::Relaxed) != now {
            // Named here: work on threads of a pool is not in the span of the job.
            tracing::debug!(job, done, total, what, "at");
        }
        *open(&own) = Some((kind.overall(what, share.min(1.0)), what.to_owned()));
    });
    let end = (Mutex::new(false), Condvar::new());
    std::thread::scope(|scope| {
        let note = || note(engine, claim, progress, &said, &end);
        // Without a thread the work is done all the same; nobody hears of its progress.
        let _ = std::thread::Builder::new().name("progress".to_owned()).spawn_scoped(scope, note);
        let _end = End(&end);
        work(&told)
    })
}

fn note(
    engine: &Engine,
    claim: &Claim,
    progress: &Progress,
    said: &Said,
    (ended, bell): &(Mutex<bool>, Condvar),
) {
    let library = engine.library();
    let begun = Instant::now();
    let (mut noted, mut first) = (None, None);
    loop {
        let wait = bell.wait_timeout_while(open(ended), PAUSE, |ended| !*ended);
        if *wait.unwrap_or_else(PoisonError::into_inner).0 {
            return;
        }
        match library.is_to_stop(claim) {
            Ok(true) => progress.cancel(),
            Ok(false) => {}
            Err(error) => tracing::debug!("look at the job: {}", pathless(&error)),
        }
        let now = open(said).clone();
        if now.is_none() || now == noted {
            continue;
        }
        if let Some((share, what)) = &now {
            let share = share.unwrap_or(0.0);
            let start = *first.get_or_insert(share);
            let eta_s = left(begun.elapsed().as_secs_f64(), start, share);
            if let Err(error) = library.note(claim, share, what, eta_s) {
                tracing::debug!("note the progress: {}", pathless(&error));
            }
        }
        noted = now;
    }
}

/// The seconds left of work that came from one share to another in that time.
fn left(elapsed_s: f64, start: f64, share: f64) -> Option<f64> {
    let gained = share - start;
    (gained > LEAST_SHARE).then(|| (elapsed_s * (1.0 - share) / gained * 10.0).round() / 10.0)
}

fn open<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends the thread beside the work, however the work ends.
struct End<'a>(&'a (Mutex<bool>, Condvar));

impl Drop for End<'_> {
    fn drop(&mut self) {
        *open(&self.0.0) = true;
        self.0.1.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_follows_from_the_share_gained() {
        assert_eq!(left(10.0, 0.0, 0.5), Some(10.0));
        assert_eq!(left(10.0, 0.5, 0.75), Some(10.0));
        assert_eq!(left(10.0, 0.5, 0.51), None);
    }
}
