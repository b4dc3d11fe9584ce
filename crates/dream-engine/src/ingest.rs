//! Files and folders into the library.
//!
//! Files are taken in the order of their names, sixteen at a time: heard in parallel, catalogued in order in
//! one transaction, then reported. The numbers of the stems therefore do not depend on the number of threads,
//! and a run that was cut off at any moment goes on where it was. A file that cannot be used fails alone: it
//! goes to quarantine with its reason.
//!
//! Memory: at most sixteen files of [`SHARE`] bytes of decoded audio, as far as there are threads; a file that
//! is larger waits until the others are done and is heard alone, within the limit of the configuration.

pub(crate) mod quarantine;
pub(crate) mod scan;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use dream_analysis::{Hints, Known};
use dream_audio::decode::{Limits, decode_file};
use dream_core::{Bpm, Category, Form, Key, Provenance, Source, StemId, chain};
use dream_library::{Added, FileRecord, Moment, Verdict, file_digest};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::analyse::damage;
use crate::duplicates::Near;
use crate::intake::{Origin, Prepared, add};
use crate::runner::Work;
use crate::{Engine, Error, Event, VERSION};
use scan::Candidate;

/// Files committed at a time; what an interruption can lose.
const CHUNK: usize = 16;

/// Decoded bytes of a file that is heard beside others: 95 s of CD stereo.
const SHARE: u64 = 32 << 20;

/// What to ingest, and what is said of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct IngestSpec {
    /// Files and folders; the drop folder of the home when empty.
    pub paths: Vec<PathBuf>,
    /// The category of all of it; heard and read from the names when absent.
    pub category: Option<Category>,
    /// The kit of all of it; the folder's name when absent.
    pub kit: Option<String>,
    /// SPDX licence expression of all of it.
    pub licence: Option<String>,
    /// Whether file and folder names may not speak for the content.
    pub ignore_names: bool,
    /// Whether links that lead out of the home are left out: for what is asked from outside.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub confined: bool,
}

/// What came of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum IngestStatus {
    /// It is a new stem.
    Added,
    /// Its audio was in the library under another name.
    Duplicate,
    /// It was dealt with before and has not changed.
    Skipped,
    /// It cannot be used; see the quarantine.
    Quarantined,
    /// It is nothing to ingest.
    Ignored,
}

/// One file of an ingest.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FileOutcome {
    /// The file.
    pub path: String,
    /// What came of it.
    pub status: IngestStatus,
    /// Its stem.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stem: Option<StemId>,
    /// The stem's category.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    /// The stem's form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub form: Option<Form>,
    /// The stem's tempo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bpm: Option<Bpm>,
    /// The stem's key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// Code of the reason why it was not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The reason in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What was lost or replaced on the way in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Stems that are nearly the same sound, the most alike first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub near_duplicates: Vec<Near>,
    /// Whether it was named itself, not found in a folder.
    #[serde(skip)]
    pub direct: bool,
}

/// Counts of an ingest.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct IngestReport {
    /// Files dealt with.
    pub files: u64,
    /// New stems.
    pub added: u64,
    /// New stems that are nearly the same sound as others.
    pub near_duplicate: u64,
    /// Files whose audio was there.
    pub duplicate: u64,
    /// Files dealt with before.
    pub skipped: u64,
    /// Files that cannot be used.
    pub quarantined: u64,
    /// Files and folders left out, those passed over in silence among them.
    pub ignored: u64,
    /// Whether an earlier run of the same command was interrupted and this one went on.
    pub resumed: bool,
}

impl IngestReport {
    /// Counts a file.
    pub fn count(&mut self, file: &FileOutcome) {
        self.files += 1;
        self.near_duplicate += u64::from(!file.near_duplicates.is_empty());
        *match file.status {
            IngestStatus::Added => &mut self.added,
            IngestStatus::Duplicate => &mut self.duplicate,
            IngestStatus::Skipped => &mut self.skipped,
            IngestStatus::Quarantined => &mut self.quarantined,
            IngestStatus::Ignored => &mut self.ignored,
        } += 1;
    }
}

/// Why a file is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) reason: &'static str,
    pub(crate) message: String,
}

/// A file that was looked at.
enum Seen {
    /// The ledger knows it as it is; it holds this stem, or none.
    Unchanged(Option<StemId>),
    /// To be recorded.
    Fresh(Box<Fresh>),
    /// Too large to be heard beside others.
    Large,
}

struct Fresh {
    record: FileRecord,
    result: Result<Prepared, Refusal>,
}

pub(crate) fn run(work: &Work<'_>, spec: &IngestSpec) -> Result<IngestReport, Error> {
    let mut found = scan::scan(work.engine, spec)?;
    found.keep(work.only);
    let mut report = IngestReport {
        ignored: found.passed_over,
        resumed: work.claim.resumed,
        ..IngestReport::default()
    };
    for (path, message) in found.ignored {
        let path = path.to_string_lossy().into_owned();
        let message = Some(message);
        let outcome = FileOutcome { message, ..FileOutcome::new(path, IngestStatus::Ignored) };
        report.count(&outcome);
        (work.watch)(Event::File(&outcome));
    }
    // Stems of an older program are recognised, too.
    work.engine.complete_fingerprints(work.progress)?;
    let total = found.files.len() as u64;
    let done = AtomicU64::new(0);
    for chunk in found.files.chunks(CHUNK) {
        let seen = look_at(work, spec, chunk, &done, total)?;
        // Only what comes before a file that was not reached: the order of the stems stays that of the files.
        let seen: Vec<Seen> = seen.into_iter().map_while(|seen| seen).collect();
        for outcome in commit(work, &chunk[..seen.len()], seen, &done, total)? {
            report.count(&outcome);
            (work.watch)(Event::File(&outcome));
        }
        work.progress.check()?;
    }
    Ok(report)
}

/// Looks at the files of a chunk; `None` for those not reached before the work was asked to stop.
fn look_at(
    work: &Work<'_>,
    spec: &IngestSpec,
    chunk: &[Candidate],
    done: &AtomicU64,
    total: u64,
) -> Result<Vec<Option<Seen>>, Error> {
    let full = &work.engine.config().limits;
    let share = Limits { max_decoded_bytes: full.max_decoded_bytes.min(SHARE), ..full.clone() };
    let look = |file: &Candidate, limits: &Limits| -> Result<Option<Seen>, Error> {
        if work.progress.check().is_err() {
            return Ok(None);
        }
        let seen = look(work.engine, spec, file, limits)?;
        if !matches!(seen, Seen::Large) {
            // The answer to stop is read before the next file.
            let _ = work.progress.step(done.fetch_add(1, Ordering::Relaxed) + 1, total, "ingest");
        }
        Ok(Some(seen))
    };
    let mut seen = chunk
        .par_iter()
        .map(|file| look(file, &share))
        .collect::<Result<Vec<Option<Seen>>, Error>>()?;
    for (file, seen) in chunk.iter().zip(&mut seen) {
        if matches!(seen, Some(Seen::Large)) {
            *seen = look(file, full)?;
        }
    }
    Ok(seen)
}

fn look(
    engine: &Engine,
    spec: &IngestSpec,
    file: &Candidate,
    limits: &Limits,
) -> Result<Seen, Error> {
    let library = engine.library();
    let mut record = FileRecord {
        path: file.key.clone(),
        size: 0,
        modified_at: Moment(0),
        digest: None,
        verdict: Verdict::Stems(Vec::new()),
        version: VERSION.to_owned(),
    };
    let refused = |record: FileRecord, reason: &'static str, message: String| {
        let result = Err(Refusal { reason, message });
        Ok(Seen::Fresh(Box::new(Fresh { record, result })))
    };
    match std::fs::metadata(&file.path) {
        Ok(metadata) => {
            record.size = metadata.len();
            record.modified_at = modified_at(&metadata);
            let known = library.file(&file.key)?;
            if let Some(known) = known.filter(|known| is_unchanged(known, &record)) {
                return Ok(Seen::Unchanged(first_stem(&known)));
            }
            // Asked before opening, since opening a pipe waits for a writer.
            if !metadata.is_file() {
                return refused(record, "not_a_file", "not a regular file".to_owned());
            }
        }
        Err(error) => return refused(record, "unreadable", error.to_string()),
    }
    if record.size > limits.max_bytes {
        let limit = limits.max_bytes >> 20;
        let message = format!("file of {} MiB, at most {limit} (max_file_mib)", record.size >> 20);
        return refused(record, "too_large", message);
    }
    match file_digest(&file.path) {
        Ok(digest) => record.digest = Some(digest),
        Err(error) => return refused(record, "unreadable", chain(&error)),
    }
    if let Some(stem) = known_bytes(engine, record.digest.as_deref())? {
        let result = Ok(Prepared::Known(stem));
        return Ok(Seen::Fresh(Box::new(Fresh { record, result })));
    }
    // A fault in our own code must not end the run for the files beside this one either.
    let heard = catch_unwind(AssertUnwindSafe(|| hear(engine, spec, file, limits)));
    let result = match heard {
        Ok(Ok(prepared)) => Ok(prepared),
        Ok(Err(error)) => {
            let shared = limits.max_decoded_bytes < engine.config().limits.max_decoded_bytes;
            match refusal(&error) {
                Some(refusal) if shared && refusal.reason == "too_large" => return Ok(Seen::Large),
                Some(refusal) => Err(refusal),
                None => return Err(error),
            }
        }
        Err(_panic) => Err(Refusal {
            reason: "internal",
            message: "the analysis failed on it; please report this file".to_owned(),
        }),
    };
    Ok(Seen::Fresh(Box::new(Fresh { record, result })))
}

/// Whether nothing has changed since the file was dealt with, so that the answer would be the same.
fn is_unchanged(known: &FileRecord, now: &FileRecord) -> bool {
    let same = (known.size, known.modified_at) == (now.size, now.modified_at);
    same && match &known.verdict {
        Verdict::Stems(_) => true,
        // Another version of the program may be able to use it.
        Verdict::Refused(_) => known.version == now.version,
    }
}

fn first_stem(file: &FileRecord) -> Option<StemId> {
    match &file.verdict {
        Verdict::Stems(stems) => stems.first().copied(),
        Verdict::Refused(_) => None,
    }
}

/// The stem of a file with the same bytes, if one was ingested.
fn known_bytes(engine: &Engine, digest: Option<&str>) -> Result<Option<StemId>, Error> {
    let Some(digest) = digest else { return Ok(None) };
    Ok(engine.library().file_with_digest(digest)?.as_ref().and_then(first_stem))
}

fn hear(
    engine: &Engine,
    spec: &IngestSpec,
    file: &Candidate,
    limits: &Limits,
) -> Result<Prepared, Error> {
    let decoded = decode_file(&file.path, limits)
        .map_err(|source| Error::Decode { path: file.path.clone(), source })?;
    let damage = damage(&decoded);
    let name = file.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let origin = Origin {
        name,
        source: Source::Original,
        kit: spec.kit.clone().or_else(|| file.kit.clone()),
        licence: spec.licence.clone(),
        provenance: Provenance {
            path: Some(file.key.clone()),
            format: Some(decoded.format),
            warnings: decoded.warnings,
            ..Provenance::default()
        },
        hints: Hints {
            name: (!spec.ignore_names).then(|| file.hint.clone()),
            known: Known { category: spec.category, ..Known::default() },
        },
        damage,
    };
    engine.prepare(decoded.clip, origin)
}

/// Why the error speaks against the file; `None` when it is the library's or the machine's fault.
fn refusal(error: &Error) -> Option<Refusal> {
    let reason = match error {
        Error::Decode { source, .. } => {
            let message = chain(source);
            return Some(Refusal { reason: reason(source), message });
        }
        Error::Silent => "silent",
        _ => return None,
    };
    Some(Refusal { reason, message: chain(error) })
}

pub(crate) fn reason(error: &dream_audio::Error) -> &'static str {
    use dream_audio::Error as Audio;
    match error {
        Audio::NotAFile { .. } => "not_a_file",
        Audio::NotAudio { .. } => "not_audio",
        Audio::Unsupported { .. } => "unsupported",
        Audio::Malformed { .. } => "malformed",
        Audio::TooShort { .. } => "too_short",
        Audio::TooLong { .. } => "too_long",
        Audio::LimitExceeded { what, .. } if what.contains("size") => "too_large",
        Audio::LimitExceeded { .. } => "out_of_range",
        Audio::CpuTime { .. } => "too_slow",
        Audio::Io(_) => "unreadable",
        _ => "damaged",
    }
}

/// Catalogues and records a chunk in one transaction, and says what came of each file.
fn commit(
    work: &Work<'_>,
    files: &[Candidate],
    seen: Vec<Seen>,
    done: &AtomicU64,
    total: u64,
) -> Result<Vec<FileOutcome>, Error> {
    for (file, seen) in files.iter().zip(&seen) {
        if let Seen::Fresh(fresh) = seen
            && let Err(refusal) = &fresh.result
        {
            quarantine::put(work.engine, file, fresh.record.size, refusal)?;
        }
    }
    let fresh = seen.iter().any(|seen| matches!(seen, Seen::Fresh(_)));
    let record = |write: Option<&dream_library::Write<'_>>| -> Result<Vec<FileOutcome>, Error> {
        files.iter().zip(seen).map(|(file, seen)| settle(work, file, seen, write)).collect()
    };
    if !fresh {
        return record(None);
    }
    work.engine.library().write(|write| {
        let outcomes = record(Some(write))?;
        if let Some(last) = files.last() {
            let progress = done.load(Ordering::Relaxed) as f64 / total as f64;
            let result = json!({"files": files.len()});
            write.step(work.claim, &last.key, &result, progress, work.engine.now())?;
        }
        Ok(outcomes)
    })
}

fn settle(
    work: &Work<'_>,
    file: &Candidate,
    seen: Seen,
    write: Option<&dream_library::Write<'_>>,
) -> Result<FileOutcome, Error> {
    let outcome = |status, stem| FileOutcome {
        stem,
        direct: file.direct,
        ..FileOutcome::new(file.key.clone(), status)
    };
    let (mut fresh, write) = match (seen, write) {
        (Seen::Fresh(fresh), Some(write)) => (fresh, write),
        (Seen::Unchanged(stem), _) => return Ok(outcome(IngestStatus::Skipped, stem)),
        (Seen::Fresh(_) | Seen::Large, _) => {
            unreachable!("fresh files come with a transaction, large ones were heard alone")
        }
    };
    let now = work.engine.now();
    let (verdict, outcome) = match fresh.result {
        Ok(Prepared::Known(id)) => {
            (Verdict::Stems(vec![id]), outcome(IngestStatus::Duplicate, Some(id)))
        }
        Ok(Prepared::New(mut stem)) => {
            let (added, near_duplicates) = add(write, &mut stem, now)?;
            let status = match added {
                Added::New(_) => IngestStatus::Added,
                Added::Known(_) => IngestStatus::Duplicate,
            };
            let outcome = FileOutcome {
                category: Some(stem.facts.category),
                form: Some(stem.facts.form),
                bpm: stem.facts.bpm,
                key: stem.facts.key,
                warnings: stem.provenance.warnings,
                near_duplicates,
                ..outcome(status, Some(added.id()))
            };
            (Verdict::Stems(vec![added.id()]), outcome)
        }
        Err(refusal) => {
            let outcome = FileOutcome {
                reason: Some(refusal.reason.to_owned()),
                message: Some(refusal.message),
                ..outcome(IngestStatus::Quarantined, None)
            };
            (Verdict::Refused(refusal.reason.to_owned()), outcome)
        }
    };
    fresh.record.verdict = verdict;
    write.record_file(&fresh.record, now)?;
    Ok(outcome)
}

impl FileOutcome {
    fn new(path: String, status: IngestStatus) -> Self {
        Self {
            path,
            status,
            stem: None,
            category: None,
            form: None,
            bpm: None,
            key: None,
            reason: None,
            message: None,
            warnings: Vec::new(),
            near_duplicates: Vec::new(),
            direct: false,
        }
    }
}

/// When a file was last modified; nanoseconds do not survive every file system.
pub(crate) fn modified_at(metadata: &std::fs::Metadata) -> Moment {
    let time = metadata.modified().ok().and_then(|time| jiff::Timestamp::try_from(time).ok());
    Moment(time.map_or(0, jiff::Timestamp::as_millisecond))
}
