//! Folders that are watched: what lies in them comes in, and what is put there later.
//!
//! The folders are looked through again and again, which needs nothing of the system and works on every file system. A
//! file comes in when its size and the time of its last change have been the same for some seconds, so that one that is
//! still being copied is left alone; what comes in together is one job. A file that cannot be used goes to quarantine once,
//! and again only when it has changed.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use dream_core::Progress;
use dream_library::Moment;

use crate::error::pathless;
use crate::ingest::{modified_at, scan};
use crate::{Engine, Error, Event, IngestReport, IngestSpec, JobSpec, Kind};

/// How often to look, and how long a file must have been still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Between two looks, at least.
    pub look: Duration,
    /// Without a change of the file.
    pub still: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { look: Duration::from_millis(1500), still: Duration::from_secs(3) }
    }
}

/// Share of the time that looking may take: of folders so large that a look takes long, fewer are taken.
const SHARE: u32 = 10;

/// Files in one job.
const BATCH: usize = 1000;

/// Between two looks whether to stop.
const STEP: Duration = Duration::from_millis(100);

impl Engine {
    /// Ingests the folders of `spec` and what is put into them until `progress` is asked to stop; then says what came of
    /// all of it.
    ///
    /// # Errors
    /// As those of an ingest, but for a library that is busy and folders that are away for a while: they are tried again.
    pub fn watch_folders(
        &self,
        spec: &IngestSpec,
        pace: Pace,
        progress: &Progress,
        tell: &dyn Fn(Event<'_>),
    ) -> Result<IngestReport, Error> {
        let counts = RefCell::new(IngestReport::default());
        let told = |event: Event<'_>| {
            if let Event::File(file) = event {
                counts.borrow_mut().count(file);
            }
            tell(event);
        };
        let job = JobSpec::Ingest(spec.clone());
        let (begun, mut files, mut first) = (Instant::now(), Waiting::new(pace.still), true);
        while progress.check().is_ok() {
            let look = Instant::now();
            match self.seen(spec) {
                Ok(found) => {
                    let total = found.len();
                    let ready = files.look(begun.elapsed(), self.now(), found);
                    let whole = first && ready.len() == total;
                    for batch in ready.chunks(if whole { total.max(1) } else { BATCH }) {
                        let only = if whole { &[] } else { batch };
                        match self.run_some(&job, only, progress, &told) {
                            Ok(_) => {}
                            Err(error) if error.kind() == Kind::Cancelled => break,
                            Err(error) if error.kind() == Kind::Busy => {
                                tracing::warn!("tried again later: {}", pathless(&error));
                                files.again(batch);
                            }
                            Err(error) => return Err(error),
                        }
                    }
                    first = false;
                }
                Err(error) if !first && error.kind() == Kind::NotFound => {
                    tracing::warn!("looked for again later: {}", pathless(&error));
                }
                Err(error) => return Err(error),
            }
            let pause = pace.look.max(SHARE * look.elapsed());
            let end = Instant::now() + pause;
            while progress.check().is_ok() && Instant::now() < end {
                std::thread::sleep(STEP.min(pause));
            }
        }
        Ok(counts.into_inner())
    }

    /// The files there now.
    fn seen(&self, spec: &IngestSpec) -> Result<Vec<(PathBuf, Look)>, Error> {
        let files = scan::scan(self, spec)?.files.into_iter();
        Ok(files
            .filter_map(|file| {
                // One that went since, or a link to nothing, is no new file.
                let metadata = std::fs::metadata(&file.path).ok()?;
                Some((file.path, (metadata.len(), modified_at(&metadata))))
            })
            .collect())
    }
}

/// Size and time of the last change.
type Look = (u64, Moment);

/// A file that was seen.
struct Seen {
    look: Look,
    /// Since when it has looked so, from the start of watching.
    since: Duration,
    /// Whether it was handed out so.
    done: bool,
}

/// The files of the last look.
struct Waiting {
    still: Duration,
    files: Option<BTreeMap<PathBuf, Seen>>,
}

impl Waiting {
    fn new(still: Duration) -> Self {
        Self { still, files: None }
    }

    /// Takes note of what is there at `now` and gives the files that are ready, in their order. Those of the first look are
    /// taken at their word when they say that they changed long ago.
    fn look(&mut self, now: Duration, date: Moment, found: Vec<(PathBuf, Look)>) -> Vec<PathBuf> {
        let mut before = self.files.take();
        let is_first = before.is_none();
        let mut files = BTreeMap::new();
        let mut ready = Vec::new();
        let still_ms = self.still.as_millis() as i64;
        for (path, look) in found {
            let known = before.as_mut().and_then(|before| before.remove(&path));
            let mut seen = match known {
                Some(seen) if seen.look == look => seen,
                Some(_) | None => Seen { look, since: now, done: false },
            };
            let old = is_first && date.0.saturating_sub(look.1.0) >= still_ms;
            if !seen.done && (old || now.saturating_sub(seen.since) >= self.still) {
                seen.done = true;
                ready.push(path.clone());
            }
            files.insert(path, seen);
        }
        self.files = Some(files);
        ready
    }

    /// Hands these out once more.
    fn again(&mut self, paths: &[PathBuf]) {
        for path in paths {
            if let Some(seen) = self.files.as_mut().and_then(|files| files.get_mut(path)) {
                seen.done = false;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::IngestStatus;
    use crate::testing::engine;

    const STILL: Duration = Duration::from_secs(3);

    fn at(seconds: u64) -> (Duration, Moment) {
        (Duration::from_secs(seconds), Moment(1_000_000 + 1000 * seconds as i64))
    }

    /// Files by name with size and time of change in ms.
    fn found(files: &[(&str, u64, i64)]) -> Vec<(PathBuf, Look)> {
        files.iter().map(|(name, size, at)| (PathBuf::from(name), (*size, Moment(*at)))).collect()
    }

    #[track_caller]
    fn check(waiting: &mut Waiting, seconds: u64, files: &[(&str, u64, i64)], expected: &[&str]) {
        let (now, date) = at(seconds);
        let expected: Vec<PathBuf> = expected.iter().map(PathBuf::from).collect();
        assert_eq!(waiting.look(now, date, found(files)), expected);
    }

    #[test]
    fn a_file_is_ready_when_it_has_been_still_and_once() {
        let mut files = Waiting::new(STILL);
        // There from the start: the old one at once, the one just changed when it is still.
        check(&mut files, 0, &[("new", 1, 999_999), ("old", 1, 5)], &["old"]);
        check(&mut files, 2, &[("new", 2, 1_001_000), ("old", 1, 5)], &[]);
        check(&mut files, 4, &[("new", 2, 1_001_000), ("old", 1, 5)], &[]);
        check(&mut files, 5, &[("new", 2, 1_001_000), ("old", 1, 5)], &["new"]);
        check(&mut files, 60, &[("new", 2, 1_001_000), ("old", 1, 5)], &[]);
        // Replaced: again. Renamed: new, though its own time is old.
        check(&mut files, 61, &[("old", 9, 6), ("renamed", 2, 1_001_000)], &[]);
        check(&mut files, 64, &[("old", 9, 6), ("renamed", 2, 1_001_000)], &["old", "renamed"]);
        files.again(&[PathBuf::from("old"), PathBuf::from("gone")]);
        check(&mut files, 65, &[("old", 9, 6), ("renamed", 2, 1_001_000)], &["old"]);
    }

    #[test]
    fn a_file_that_grows_slowly_is_not_ready_before_it_ends() {
        let mut files = Waiting::new(STILL);
        check(&mut files, 0, &[], &[]);
        for second in 1..20 {
            check(&mut files, 2 * second, &[("long", second, 7)], &[]);
        }
        check(&mut files, 41, &[("long", 19, 7)], &["long"]);
    }

    #[test]
    fn what_is_put_into_a_watched_folder_comes_in_and_a_bad_file_goes_to_quarantine_once() {
        let (home, engine) = engine();
        let kit = home.path().join("kit");
        let recipe = &dream_audio::synth::kit::recipes()[0];
        let clip = recipe.render(dream_core::Seed(1));
        let put = |name: &str| {
            dream_library::write_file(&kit.join(name), |file| {
                crate::intake::write_wav(&clip, file)
            })
            .unwrap();
        };
        std::fs::create_dir(&kit).unwrap();
        put("kick.wav");
        dream_library::write_file(&kit.join("bad.wav"), |file| file.write_all(b"words")).unwrap();
        let spec = IngestSpec { paths: vec![kit.clone()], ..IngestSpec::default() };
        let pace = Pace { look: Duration::from_millis(5), still: Duration::from_millis(20) };
        let (progress, said) = (Progress::silent(), Arc::new(Mutex::new(Vec::new())));
        let stop = progress.clone();
        let report = engine
            .watch_folders(&spec, pace, &progress, &|event| {
                let Event::File(file) = event else { return };
                let mut said = said.lock().unwrap();
                said.push((file.path.clone(), file.status));
                match said.len() {
                    // Renamed while it is watched: known by its bytes.
                    2 => std::fs::rename(kit.join("kick.wav"), kit.join("drum.wav")).unwrap(),
                    3 => stop.cancel(),
                    _ => {}
                }
            })
            .unwrap();
        let said = said.lock().unwrap();
        let mut statuses: Vec<IngestStatus> = said.iter().map(|(_, status)| *status).collect();
        statuses[..2].sort();
        assert_eq!(
            statuses,
            [IngestStatus::Added, IngestStatus::Quarantined, IngestStatus::Duplicate]
        );
        assert!(said[2].0.ends_with("drum.wav"), "{said:?}");
        assert_eq!((report.added, report.quarantined, report.duplicate), (1, 1, 1));
    }
}
