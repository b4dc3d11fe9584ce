//! Jobs and their steps: work that survives the death of the process that does it.
//!
//! A job is claimed before it runs. The claim counts the attempt and hands out a fence token; every later
//! write carries it, so a run that was taken over can no longer write. A step is committed in the same
//! transaction as what it made, and its key is (job, name): it is done once or not at all.
//!
//! Whether the run that claimed a job still lives is asked of the operating system: each process holds a
//! lock on a file of its own, which ends with the process however it ends. A dead run is taken over at
//! once, and a slow one never by mistake; what a lease with a time limit can only trade against each other.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::Value;
use tempfile::NamedTempFile;

use crate::blob::text_digest;
use crate::catalogue::{from_json, to_json};
use crate::{Error, Library, Moment, Write, io};

/// The number of a job in its library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub i64);

/// How many times a job may die without finishing a single step before it is given up.
const MAX_ATTEMPTS: i64 = 3;

/// How long a killed process may take to end, in steps.
const DYING_STEPS: u32 = 30;
const DYING_STEP: Duration = Duration::from_millis(50);

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Waits for a run.
    Queued,
    /// Claimed by a run.
    Running,
    /// Ended with a result.
    Done,
    /// Ended with an error.
    Failed,
    /// Stopped on request; the same work goes on from here.
    Cancelled,
}

impl Status {
    /// Every status.
    pub const ALL: &[Self] =
        &[Self::Queued, Self::Running, Self::Done, Self::Failed, Self::Cancelled];

    /// The name stored and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// The right to write to a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The job.
    pub job: JobId,
    /// The fence: only the newest claim may write.
    token: i64,
    /// Whether an earlier run of the job was interrupted; its steps are done.
    pub resumed: bool,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Ending {
    /// With this result.
    Done(Value),
    /// With this error.
    Failed(String),
    /// On request.
    Cancelled,
}

/// A job as recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Its number.
    pub id: JobId,
    /// What kind of work.
    pub kind: String,
    /// What to do.
    pub spec: Value,
    /// Where it stands.
    pub status: Status,
    /// The step committed last.
    pub step: Option<String>,
    /// How much is done, 0 to 1.
    pub progress: f64,
    /// Claims since a step was last committed.
    pub attempts: u32,
    /// Why it failed.
    pub error: Option<String>,
    /// What came of it.
    pub result: Option<Value>,
    /// When it was asked for.
    pub created_at: Moment,
    /// When it was claimed last.
    pub started_at: Option<Moment>,
    /// When it ended.
    pub finished_at: Option<Moment>,
}

impl Library {
    /// Claims the work `spec`: the newest job with the same work if that was interrupted, else a new one.
    ///
    /// # Errors
    /// When the database or the folder of presence files cannot be written.
    pub fn start(&self, kind: &str, spec: &Value, at: Moment) -> Result<Claim, Error> {
        let spec = to_json("spec", spec)?;
        let digest = text_digest(&[kind, &spec]);
        let (owner, first) = self.presence.name()?;
        if first && self.presence.is_alone(&owner) {
            self.home.sweep();
        }
        self.await_death(&digest, &owner)?;
        self.write(|write| {
            if let Some(job) = self.interrupted(&write.transaction, &digest)? {
                if let Some(claim) = write.claim(job, true, &owner, at)? {
                    return Ok(claim);
                }
                let text = "given up: the program ended three times without finishing a step";
                write.end(job, "failed", Some(text), None, at)?;
            }
            write.transaction.execute(
                "insert into job (kind, spec, digest, status, created_at)
                 values (?1, ?2, ?3, 'queued', ?4)",
                params![kind, spec, digest, at.0],
            )?;
            let job = JobId(write.transaction.last_insert_rowid());
            write.claim(job, false, &owner, at)?.ok_or(Error::Fenced(job))
        })
    }

    /// Waits for the run of that work in another process to end, as long as one that was killed may take to: the system
    /// lets go of its lock only when its last write to the disk has returned.
    fn await_death(&self, digest: &str, own: &str) -> Result<(), Error> {
        for _ in 0..DYING_STEPS {
            let owner: Option<String> = self
                .lock()
                .query_row(
                    "select case status when 'running' then owner end from job where digest = ?1
                     order by id desc limit 1",
                    [digest],
                    |row| row.get(0),
                )
                .optional()?
                .flatten();
            if !owner.is_some_and(|owner| owner != own && self.presence.is_alive(&owner)) {
                break;
            }
            std::thread::sleep(DYING_STEP);
        }
        Ok(())
    }

    /// Whether the newest job of that work was interrupted, so that [`start`](Self::start) would go on with it.
    ///
    /// # Errors
    /// Those of the database.
    pub fn is_interrupted(&self, kind: &str, spec: &Value) -> Result<bool, Error> {
        let digest = text_digest(&[kind, &to_json("spec", spec)?]);
        Ok(self.interrupted(&self.lock(), &digest)?.is_some())
    }

    /// The newest job of that work, if it can be taken up again.
    fn interrupted(&self, connection: &Connection, digest: &str) -> Result<Option<JobId>, Error> {
        let newest: Option<(i64, String, Option<String>)> = connection
            .query_row(
                "select id, status, owner from job where digest = ?1 order by id desc limit 1",
                [digest],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )
            .optional()?;
        Ok(newest.and_then(|(id, status, owner)| {
            let open = match status.as_str() {
                "queued" | "cancelled" => true,
                "running" => !owner.is_some_and(|owner| self.presence.is_alive(&owner)),
                _ => false,
            };
            open.then_some(JobId(id))
        }))
    }

    /// The steps of a job that are done, with their results.
    ///
    /// # Errors
    /// Those of the database.
    pub fn steps(&self, job: JobId) -> Result<BTreeMap<String, Value>, Error> {
        let connection = self.lock();
        let mut query = connection.prepare("select name, result from step where job = ?1")?;
        let rows = query
            .query_map([job.0], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
        rows.map(|row| {
            let (name, result) = row?;
            Ok((name, from_json("step result", &result)?))
        })
        .collect()
    }

    /// Ends a job.
    ///
    /// # Errors
    /// `Fenced` when another run has taken it over.
    pub fn finish(&self, claim: &Claim, ending: &Ending, at: Moment) -> Result<(), Error> {
        self.write(|write| {
            write.guard(claim)?;
            match ending {
                Ending::Done(result) => {
                    let result = to_json("result", result)?;
                    write.end(claim.job, "done", None, Some(&result), at)
                }
                Ending::Failed(error) => write.end(claim.job, "failed", Some(error), None, at),
                Ending::Cancelled => write.end(claim.job, "cancelled", None, None, at),
            }
        })
    }

    /// A job.
    ///
    /// # Errors
    /// `NoJob` when there is none of that number.
    pub fn job(&self, id: JobId) -> Result<Job, Error> {
        let connection = self.lock();
        connection
            .query_row(&format!("select {COLUMNS} from job where id = ?1"), [id.0], read)
            .optional()?
            .ok_or(Error::NoJob(id))?
    }

    /// The newest jobs, the newest first.
    ///
    /// # Errors
    /// Those of the database.
    pub fn jobs(&self, limit: u32) -> Result<Vec<Job>, Error> {
        let connection = self.lock();
        let mut query =
            connection.prepare(&format!("select {COLUMNS} from job order by id desc limit ?1"))?;
        let rows = query.query_map([limit], read)?;
        rows.map(|row| row?).collect()
    }
}

impl Write<'_> {
    /// Commits a step of a job with this transaction.
    ///
    /// # Errors
    /// `Fenced` when another run has taken the job over: nothing of the transaction must stay.
    pub fn step(
        &self,
        claim: &Claim,
        name: &str,
        result: &Value,
        progress: f64,
        at: Moment,
    ) -> Result<(), Error> {
        self.guard(claim)?;
        self.transaction
            .prepare_cached(
                "insert or replace into step (job, name, result, at) values (?1, ?2, ?3, ?4)",
            )?
            .execute(params![claim.job.0, name, to_json("step result", result)?, at.0])?;
        self.transaction
            .prepare_cached("update job set step = ?2, progress = ?3, attempts = 0 where id = ?1")?
            .execute(params![claim.job.0, name, progress.clamp(0.0, 1.0)])?;
        Ok(())
    }

    fn guard(&self, claim: &Claim) -> Result<(), Error> {
        let current: Option<i64> = self
            .transaction
            .prepare_cached("select token from job where id = ?1 and status = 'running'")?
            .query_row([claim.job.0], |row| row.get(0))
            .optional()?;
        if current == Some(claim.token) { Ok(()) } else { Err(Error::Fenced(claim.job)) }
    }

    /// Claims a job, unless it has used up its attempts.
    fn claim(
        &self,
        job: JobId,
        resumed: bool,
        owner: &str,
        at: Moment,
    ) -> Result<Option<Claim>, Error> {
        let token = self
            .transaction
            .query_row(
                "update job set status = 'running', attempts = attempts + 1, token = token + 1,
                     owner = ?2, started_at = ?3, finished_at = null, error = null
                 where id = ?1 and attempts < ?4 returning token",
                params![job.0, owner, at.0, MAX_ATTEMPTS],
                |row| row.get(0),
            )
            .optional()?;
        Ok(token.map(|token| Claim { job, token, resumed }))
    }

    fn end(
        &self,
        job: JobId,
        status: &str,
        error: Option<&str>,
        result: Option<&str>,
        at: Moment,
    ) -> Result<(), Error> {
        self.transaction.execute(
            "update job set status = ?2, error = ?3, result = ?4, finished_at = ?5, owner = null,
                 attempts = case ?2 when 'cancelled' then 0 else attempts end,
                 progress = case ?2 when 'done' then 1.0 else progress end where id = ?1",
            params![job.0, status, error, result, at.0],
        )?;
        Ok(())
    }
}

const COLUMNS: &str = "id, kind, spec, status, step, progress, attempts, error, result, \
    created_at, started_at, finished_at";

fn read(row: &Row<'_>) -> rusqlite::Result<Result<Job, Error>> {
    let (spec, status): (String, String) = (row.get(2)?, row.get(3)?);
    let result: Option<String> = row.get(8)?;
    let job = Job {
        id: JobId(row.get(0)?),
        kind: row.get(1)?,
        spec: Value::Null,
        status: Status::Queued,
        step: row.get(4)?,
        progress: row.get(5)?,
        attempts: row.get(6)?,
        error: row.get(7)?,
        result: None,
        created_at: Moment(row.get(9)?),
        started_at: row.get::<_, Option<i64>>(10)?.map(Moment),
        finished_at: row.get::<_, Option<i64>>(11)?.map(Moment),
    };
    let decode = || {
        let known = Status::ALL.iter().find(|known| known.name() == status);
        Ok(Job {
            spec: from_json("spec", &spec)?,
            status: *known.ok_or(Error::Unknown { what: "status", value: status })?,
            result: result.map(|text| from_json("result", &text)).transpose()?,
            ..job
        })
    };
    Ok(decode())
}

/// The locked file that shows that this process lives; made when first needed, removed at its end.
#[derive(Debug)]
pub(crate) struct Presence {
    folder: PathBuf,
    file: Mutex<Option<NamedTempFile>>,
}

impl Presence {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder, file: Mutex::new(None) }
    }

    /// The name of the locked file, and whether it was made just now.
    fn name(&self) -> Result<(String, bool), Error> {
        let mut slot = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let first = slot.is_none();
        let file = if let Some(file) = slot.take() {
            file
        } else {
            let file = tempfile::Builder::new()
                .prefix("run-")
                .tempfile_in(&self.folder)
                .map_err(io("create a file in", &self.folder))?;
            file.as_file().lock().map_err(io("lock", file.path()))?;
            file
        };
        let name = file.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        *slot = Some(file);
        Ok((name, first))
    }

    /// Whether no other process runs a job here. The files of dead ones are removed.
    fn is_alone(&self, own: &str) -> bool {
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return false };
        let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
        // Counted to the end: every dead one is to go.
        names.filter(|name| name != own && self.is_alive(name)).count() == 0
    }

    /// Whether the process of that file still runs. The file of a dead one is removed.
    fn is_alive(&self, name: &str) -> bool {
        let path = self.folder.join(name);
        let Ok(file) = File::open(&path) else { return false };
        match file.try_lock() {
            Ok(()) => {
                // Left over from a process that was killed; if it cannot be removed, it does no harm.
                let _ = std::fs::remove_file(&path);
                false
            }
            // No answer counts as alive: better a second job than two runs of one.
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => true,
        }
    }
}
