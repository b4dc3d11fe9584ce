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
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::Value;

use crate::blob::text_digest;
use crate::catalogue::{from_json, to_json};
use crate::{Error, Library, Moment, Write};

/// The number of a job in its library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub i64);

/// How many times a job may die without finishing a single step before it is given up.
const MAX_ATTEMPTS: i64 = 3;

/// The same of a job of the queue: beside others it may die with one of them, and nobody is there to ask for it again.
pub(crate) const MAX_ATTEMPTS_QUEUED: i64 = 10;

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

    /// Whether a job that stands there has ended.
    pub fn is_ended(self) -> bool {
        match self {
            Self::Queued | Self::Running => false,
            Self::Done | Self::Failed | Self::Cancelled => true,
        }
    }

    pub(crate) fn parse(name: String) -> Result<Self, Error> {
        let known = Self::ALL.iter().find(|known| known.name() == name);
        known.copied().ok_or(Error::Unknown { what: "status", value: name })
    }
}

/// The right to write to a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The job.
    pub job: JobId,
    /// The fence: only the newest claim may write.
    pub(crate) token: i64,
    /// Whether an earlier run of the job was interrupted; its steps are done.
    pub resumed: bool,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Ending {
    /// With this result.
    Done(Value),
    /// With this error.
    Failed(Failure),
    /// On request.
    Cancelled,
}

/// Why a job failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The whole chain of causes, for whoever owns the home.
    pub error: String,
    /// Which error it is, in a word that does not change.
    pub code: String,
    /// The error as it may be told to anybody: without paths.
    pub detail: String,
}

impl Failure {
    /// The end of a job that keeps killing its process.
    pub(crate) fn given_up(attempts: i64) -> Self {
        let text = format!("given up: the program ended {attempts} times without finishing a step");
        Self { error: text.clone(), code: "given_up".to_owned(), detail: text }
    }
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
    /// What its run does now, or did last.
    pub doing: Option<String>,
    /// Seconds until it is done, as far as its run can tell.
    pub eta_s: Option<f64>,
    /// Claims since a step was last committed.
    pub attempts: u32,
    /// Whether a worker runs it, and not the process that asked for it.
    pub background: bool,
    /// The higher, the earlier it is taken from the queue.
    pub priority: i32,
    /// Whether it was asked to stop.
    pub stop: bool,
    /// Why it failed.
    pub failure: Option<Failure>,
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
        let owner = self.appear()?;
        self.await_death(&digest, &owner)?;
        self.write(|write| {
            if let Some(job) = self.interrupted(&write.transaction, &digest)? {
                if let Some(claim) = write.claim(job, true, &owner, at)? {
                    return Ok(claim);
                }
                write.end(job, &Ending::Failed(Failure::given_up(MAX_ATTEMPTS)), at)?;
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

    /// Makes this process known to others, and clears what killed ones left when there is no other; its name. Done by itself
    /// before the first job; who writes before calls it first.
    ///
    /// # Errors
    /// When the folder of presence files cannot be written.
    pub fn appear(&self) -> Result<String, Error> {
        let (owner, first) = self.presence.name()?;
        if first && self.presence.is_alone(&owner) {
            self.home.sweep();
        }
        Ok(owner)
    }

    /// Waits for the run of that work in another process to end, as long as one that was killed may take to: the system
    /// lets go of its lock only when its last write to the disk has returned.
    fn await_death(&self, digest: &str, own: &str) -> Result<(), Error> {
        for _ in 0..DYING_STEPS {
            let owner: Option<String> = self
                .lock()
                .query_row(
                    "select case status when 'running' then owner end from job
                     where digest = ?1 and background = 0 order by id desc limit 1",
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
                "select id, status, owner from job where digest = ?1 and background = 0
                 order by id desc limit 1",
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
            write.end(claim.job, ending, at)
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
            .prepare_cached("update job set step = ?2, progress = max(progress, ?3), attempts = 0 where id = ?1")?
            .execute(params![claim.job.0, name, progress.clamp(0.0, 1.0)])?;
        Ok(())
    }

    pub(crate) fn guard(&self, claim: &Claim) -> Result<(), Error> {
        let current: Option<i64> = self
            .transaction
            .prepare_cached("select token from job where id = ?1 and status = 'running'")?
            .query_row([claim.job.0], |row| row.get(0))
            .optional()?;
        if current == Some(claim.token) { Ok(()) } else { Err(Error::Fenced(claim.job)) }
    }

    /// Claims a job, unless it has used up its attempts.
    pub(crate) fn claim(
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
                     owner = ?2, started_at = ?3, finished_at = null, error = null, code = null,
                     detail = null, stop = 0, eta_s = null
                 where id = ?1 and attempts < case background when 1 then ?5 else ?4 end
                 returning token",
                params![job.0, owner, at.0, MAX_ATTEMPTS, MAX_ATTEMPTS_QUEUED],
                |row| row.get(0),
            )
            .optional()?;
        Ok(token.map(|token| Claim { job, token, resumed }))
    }

    pub(crate) fn end(&self, job: JobId, ending: &Ending, at: Moment) -> Result<(), Error> {
        let (status, failure, result) = match ending {
            Ending::Done(result) => (Status::Done, None, Some(to_json("result", result)?)),
            Ending::Failed(failure) => (Status::Failed, Some(failure), None),
            Ending::Cancelled => (Status::Cancelled, None, None),
        };
        self.transaction.execute(
            "update job set status = ?2, error = ?3, code = ?4, detail = ?5, result = ?6,
                 finished_at = ?7, owner = null, eta_s = null,
                 attempts = case ?2 when 'cancelled' then 0 else attempts end,
                 progress = case ?2 when 'done' then 1.0 else progress end where id = ?1",
            params![
                job.0,
                status.name(),
                failure.map(|failure| &failure.error),
                failure.map(|failure| &failure.code),
                failure.map(|failure| &failure.detail),
                result,
                at.0
            ],
        )?;
        Ok(())
    }
}

pub(crate) const COLUMNS: &str = "id, kind, spec, status, step, progress, attempts, error, result, \
    created_at, started_at, finished_at, doing, eta_s, background, priority, stop, code, detail";

pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Result<Job, Error>> {
    let (spec, status): (String, String) = (row.get(2)?, row.get(3)?);
    let result: Option<String> = row.get(8)?;
    let error: Option<String> = row.get(7)?;
    let (code, detail): (Option<String>, Option<String>) = (row.get(17)?, row.get(18)?);
    let job = Job {
        id: JobId(row.get(0)?),
        kind: row.get(1)?,
        spec: Value::Null,
        status: Status::Queued,
        step: row.get(4)?,
        progress: row.get(5)?,
        doing: row.get(12)?,
        eta_s: row.get(13)?,
        attempts: row.get(6)?,
        background: row.get(14)?,
        priority: row.get(15)?,
        stop: row.get(16)?,
        // Jobs of earlier versions have an error without a code.
        failure: error.map(|error| Failure {
            error,
            code: code.unwrap_or_else(|| "failed".to_owned()),
            detail: detail.unwrap_or_else(|| "the job failed".to_owned()),
        }),
        result: None,
        created_at: Moment(row.get(9)?),
        started_at: row.get::<_, Option<i64>>(10)?.map(Moment),
        finished_at: row.get::<_, Option<i64>>(11)?.map(Moment),
    };
    let decode = || {
        Ok(Job {
            spec: from_json("spec", &spec)?,
            status: Status::parse(status)?,
            result: result.map(|text| from_json("result", &text)).transpose()?,
            ..job
        })
    };
    Ok(decode())
}
