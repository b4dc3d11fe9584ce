//! The queue: jobs that wait for a worker, and what is told of them on the way.
//!
//! Any process may put jobs in, take them out and ask them to stop. Taking is one transaction under the write lock, so
//! that a job has one worker; a job whose worker died is put back first, and given up when that happened too often.

use rusqlite::{OptionalExtension, params, params_from_iter};
use serde_json::Value;

use crate::blob::text_digest;
use crate::catalogue::to_json;
use crate::filter::text;
use crate::job::{COLUMNS, MAX_ATTEMPTS_QUEUED, read};
use crate::{Claim, Ending, Error, Failure, Job, JobId, Library, Moment, Status};

/// Which workers take a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Those for work that keeps the machine busy: one at a time, as a rule.
    Heavy,
    /// Those for work of seconds.
    Light,
}

impl Lane {
    /// The name stored.
    pub fn name(self) -> &'static str {
        match self {
            Self::Heavy => "heavy",
            Self::Light => "light",
        }
    }
}

/// A job to wait for a worker.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// What kind of work.
    pub kind: &'a str,
    /// What to do.
    pub spec: &'a Value,
    /// Who takes it.
    pub lane: Lane,
    /// The higher, the earlier.
    pub priority: i32,
    /// The key by which a request that is sent twice is one job.
    pub key: Option<&'a str>,
    /// Most jobs that may wait.
    pub most: u32,
}

/// Which jobs a list holds.
#[derive(Debug, Clone, Copy, Default)]
pub struct JobFilter<'a> {
    /// Only those that stand there.
    pub status: Option<Status>,
    /// Only those of this kind.
    pub kind: Option<&'a str>,
    /// Only older ones than this: the cursor of a list.
    pub before: Option<JobId>,
    /// At most so many; `None` for all.
    pub limit: Option<u32>,
}

/// A change of a job.
#[derive(Debug, Clone, PartialEq)]
pub struct JobEvent {
    /// Its number, higher than those of all before.
    pub id: i64,
    /// Where the job stands then.
    pub status: Status,
    /// How much is done, 0 to 1.
    pub progress: f64,
    /// What its run does.
    pub doing: Option<String>,
    /// Seconds until it is done.
    pub eta_s: Option<f64>,
    /// Whether it was asked to stop.
    pub stop: bool,
}

impl Library {
    /// Puts a job into the queue; a job with the same key is returned in its place, and `true`.
    ///
    /// # Errors
    /// `Full` when too many wait, `KeyUsed` when the key belongs to other work.
    pub fn enqueue(&self, order: &Order<'_>, at: Moment) -> Result<(JobId, bool), Error> {
        let spec = to_json("spec", order.spec)?;
        let digest = text_digest(&[order.kind, &spec]);
        self.write(|write| {
            let known: Option<(i64, String)> = write
                .transaction
                .query_row("select id, digest from job where key = ?1", [order.key], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })
                .optional()?;
            if let Some((id, known)) = known {
                let job = JobId(id);
                return if known == digest { Ok((job, true)) } else { Err(Error::KeyUsed(job)) };
            }
            let waiting: u32 = write.transaction.query_row(
                "select count(*) from job where background = 1 and status = 'queued'",
                [],
                |row| row.get(0),
            )?;
            if waiting >= order.most {
                return Err(Error::Full(waiting));
            }
            write.transaction.execute(
                "insert into job (kind, spec, digest, status, background, lane, priority, key, created_at)
                 values (?1, ?2, ?3, 'queued', 1, ?4, ?5, ?6, ?7)",
                params![
                    order.kind,
                    spec,
                    digest,
                    order.lane.name(),
                    order.priority,
                    order.key,
                    at.0
                ],
            )?;
            Ok((JobId(write.transaction.last_insert_rowid()), false))
        })
    }

    /// Claims the next job of a lane, if one waits.
    ///
    /// # Errors
    /// When the database or the folder of presence files cannot be written.
    pub fn take_job(&self, lane: Lane, at: Moment) -> Result<Option<(Claim, Job)>, Error> {
        let owner = self.appear()?;
        let dead = self.abandoned(&owner)?;
        let waits = "select exists (select 1 from job
            where background = 1 and status = 'queued' and lane = ?1)";
        let waits: bool = self.lock().query_row(waits, [lane.name()], |row| row.get(0))?;
        if dead.is_empty() && !waits {
            return Ok(None);
        }
        self.write(|write| {
            for (job, owner) in dead {
                let left: Option<(i64, bool)> = write
                    .transaction
                    .query_row(
                        "select attempts, stop from job
                         where id = ?1 and owner = ?2 and status = 'running'",
                        params![job.0, owner],
                        |row| Ok((row.get(0)?, row.get(1)?)),
                    )
                    .optional()?;
                match left {
                    None => {}
                    Some((_, true)) => write.end(job, &Ending::Cancelled, at)?,
                    Some((attempts, _)) if attempts >= MAX_ATTEMPTS_QUEUED => {
                        write.end(job, &Ending::Failed(Failure::given_up(attempts)), at)?;
                    }
                    Some(_) => write.put_back(job)?,
                }
            }
            let next: Option<(i64, bool)> = write
                .transaction
                .query_row(
                    "select id, token > 0 from job
                     where background = 1 and status = 'queued' and lane = ?1
                     order by priority desc, id limit 1",
                    [lane.name()],
                    |row| Ok((row.get(0)?, row.get(1)?)),
                )
                .optional()?;
            let Some((id, resumed)) = next else { return Ok(None) };
            let Some(claim) = write.claim(JobId(id), resumed, &owner, at)? else {
                let failure = Failure::given_up(MAX_ATTEMPTS_QUEUED);
                write.end(JobId(id), &Ending::Failed(failure), at)?;
                return Ok(None);
            };
            let job = write.transaction.query_row(
                &format!("select {COLUMNS} from job where id = ?1"),
                [id],
                read,
            )??;
            Ok(Some((claim, job)))
        })
    }

    /// The jobs of the queue whose worker died, with its name.
    fn abandoned(&self, own: &str) -> Result<Vec<(JobId, String)>, Error> {
        let running: Vec<(JobId, String)> = {
            let connection = self.lock();
            let mut query = connection.prepare_cached(
                "select id, owner from job where status = 'running' and background = 1
                 and owner <> ?1",
            )?;
            let rows = query.query_map([own], |row| Ok((JobId(row.get(0)?), row.get(1)?)))?;
            rows.collect::<Result<_, _>>()?
        };
        Ok(running.into_iter().filter(|(_, owner)| !self.presence.is_alive(owner)).collect())
    }

    /// Gives a job back to the queue; another worker goes on with it.
    ///
    /// # Errors
    /// `Fenced` when another run has taken it over.
    pub fn release(&self, claim: &Claim) -> Result<(), Error> {
        self.write(|write| {
            write.guard(claim)?;
            write.put_back(claim.job)?;
            write
                .transaction
                .execute("update job set attempts = 0 where id = ?1", [claim.job.0])?;
            Ok(())
        })
    }

    /// Notes how far a run is. Progress never goes back; a run that gets further than those before it is no vain attempt.
    ///
    /// # Errors
    /// `Fenced` when another run has taken the job over.
    pub fn note(
        &self,
        claim: &Claim,
        progress: f64,
        doing: &str,
        eta_s: Option<f64>,
    ) -> Result<(), Error> {
        self.write(|write| {
            write.guard(claim)?;
            write.transaction.execute(
                "update job set progress = max(progress, ?2), doing = ?3, eta_s = ?4,
                     attempts = case when ?2 > progress + 0.01 then 0 else attempts end
                 where id = ?1",
                params![claim.job.0, progress.clamp(0.0, 1.0), doing, eta_s],
            )?;
            Ok(())
        })
    }

    /// Whether a run is to stop: somebody asked for it, or another run has taken the job over.
    ///
    /// # Errors
    /// Those of the database.
    pub fn is_to_stop(&self, claim: &Claim) -> Result<bool, Error> {
        let connection = self.lock();
        let row: Option<(i64, bool)> = connection
            .prepare_cached("select token, stop from job where id = ?1")?
            .query_row([claim.job.0], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        Ok(row.is_none_or(|(token, stop)| stop || token != claim.token))
    }

    /// Asks a job to stop: one that waits ends now, one that runs at its next step. One that has ended stays as it is.
    ///
    /// # Errors
    /// `NoJob` when there is none of that number.
    pub fn stop_job(&self, id: JobId, at: Moment) -> Result<Job, Error> {
        self.write(|write| {
            let row: Option<(String, Option<String>)> = write
                .transaction
                .query_row("select status, owner from job where id = ?1", [id.0], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })
                .optional()?;
            let Some((status, owner)) = row else { return Err(Error::NoJob(id)) };
            let lives = owner.is_some_and(|owner| self.presence.is_alive(&owner));
            match (Status::parse(status)?, lives) {
                (Status::Running, true) => {
                    write.transaction.execute("update job set stop = 1 where id = ?1", [id.0])?;
                }
                (Status::Queued | Status::Running, _) => write.end(id, &Ending::Cancelled, at)?,
                (Status::Done | Status::Failed | Status::Cancelled, _) => {}
            }
            Ok::<_, Error>(())
        })?;
        self.job(id)
    }

    /// What happened to a job after the event of that number, oldest first.
    ///
    /// # Errors
    /// Those of the database.
    pub fn job_events(&self, job: JobId, after: i64, limit: u32) -> Result<Vec<JobEvent>, Error> {
        let connection = self.lock();
        let mut query = connection.prepare_cached(
            "select id, status, progress, doing, eta_s, stop from event
             where job = ?1 and id > ?2 order by id limit ?3",
        )?;
        let rows = query.query_map(params![job.0, after, limit], |row| {
            let status: String = row.get(1)?;
            Ok((
                status,
                JobEvent {
                    id: row.get(0)?,
                    status: Status::Queued,
                    progress: row.get(2)?,
                    doing: row.get(3)?,
                    eta_s: row.get(4)?,
                    stop: row.get(5)?,
                },
            ))
        })?;
        rows.map(|row| {
            let (status, event) = row?;
            Ok(JobEvent { status: Status::parse(status)?, ..event })
        })
        .collect()
    }

    /// The number of the last event of any job; 0 before the first.
    ///
    /// # Errors
    /// Those of the database.
    pub fn last_event(&self) -> Result<i64, Error> {
        let connection = self.lock();
        let mut query = connection.prepare_cached("select coalesce(max(id), 0) from event")?;
        Ok(query.query_row([], |row| row.get(0))?)
    }

    /// The jobs that pass the filter, the newest first.
    ///
    /// # Errors
    /// Those of the database.
    pub fn jobs(&self, filter: &JobFilter<'_>) -> Result<Vec<Job>, Error> {
        let (conditions, mut values) = filter.conditions();
        values.push(rusqlite::types::Value::Integer(filter.limit.map_or(-1, i64::from)));
        let connection = self.lock();
        let mut query = connection.prepare(&format!(
            "select {COLUMNS} from job where {conditions} order by id desc limit ?"
        ))?;
        let rows = query.query_map(params_from_iter(values), read)?;
        rows.map(|row| row?).collect()
    }

    /// How many jobs pass the filter, whatever its limit and cursor.
    ///
    /// # Errors
    /// Those of the database.
    pub fn count_jobs(&self, filter: &JobFilter<'_>) -> Result<u64, Error> {
        let (conditions, values) = JobFilter { before: None, ..*filter }.conditions();
        let connection = self.lock();
        let count: i64 = connection.query_row(
            &format!("select count(*) from job where {conditions}"),
            params_from_iter(values),
            |row| row.get(0),
        )?;
        Ok(count as u64)
    }

    /// Removes jobs that ended before then, with their steps and events; how many.
    ///
    /// # Errors
    /// Those of the database.
    pub fn forget_jobs(&self, before: Moment) -> Result<u64, Error> {
        self.write(|write| {
            let gone = write.transaction.execute(
                "delete from job where finished_at < ?1
                 and status in ('done', 'failed', 'cancelled')",
                [before.0],
            )?;
            Ok(gone as u64)
        })
    }
}

impl crate::Write<'_> {
    fn put_back(&self, job: JobId) -> Result<(), Error> {
        self.transaction.execute(
            "update job set status = 'queued', owner = null, eta_s = null where id = ?1",
            [job.0],
        )?;
        Ok(())
    }

    /// Whether a step of that name, of whatever job, has this result.
    ///
    /// # Errors
    /// Those of the database.
    pub fn has_step(&self, name: &str, result: &Value) -> Result<bool, Error> {
        Ok(self.transaction.query_row(
            "select exists (select 1 from step where name = ?1 and result = ?2)",
            params![name, to_json("step result", result)?],
            |row| row.get(0),
        )?)
    }
}

impl JobFilter<'_> {
    fn conditions(&self) -> (String, Vec<rusqlite::types::Value>) {
        let mut sql = vec!["true"];
        let mut values = Vec::new();
        if let Some(status) = self.status {
            sql.push("status = ?");
            values.push(text(status.name()));
        }
        if let Some(kind) = self.kind {
            sql.push("kind = ?");
            values.push(text(kind));
        }
        if let Some(before) = self.before {
            sql.push("id < ?");
            values.push(rusqlite::types::Value::Integer(before.0));
        }
        (sql.join(" and "), values)
    }
}

#[cfg(test)]
mod tests;
