//! Takes: what was rendered, from which plan and which stems.

use dream_core::{ArrangementPlan, Seed};
use rusqlite::{OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::catalogue::{from_json, to_json};
use crate::{Error, Library, Moment};

/// The number of a take in its library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TakeId(pub i64);

/// A take about to be recorded; its audio file is written already.
#[derive(Debug, Clone, PartialEq)]
pub struct NewTake {
    /// Path of the audio file, relative to the home where it lies inside it.
    pub path: String,
    /// SHA-256 of the audio file, lower-case hex.
    pub hash: String,
    /// Root of its randomness.
    pub seed: Seed,
    /// Its plan.
    pub plan: ArrangementPlan,
    /// Its casting, as the composer wrote it.
    pub casting: Value,
    /// What was measured and what is worth saying: loudness, peaks, timing, warnings.
    pub report: Value,
}

/// A recorded take.
#[derive(Debug, Clone, PartialEq)]
pub struct Take {
    /// Its number in this library.
    pub id: TakeId,
    /// What it is.
    pub take: NewTake,
    /// When it was rendered.
    pub created_at: Moment,
}

impl Library {
    /// Records a take.
    ///
    /// # Errors
    /// Those of the database.
    pub fn add_take(&self, new: &NewTake, at: Moment) -> Result<TakeId, Error> {
        let connection = self.lock();
        connection.execute(
            "insert into take (path, hash, prompt, seed, plan, casting, report, created_at)
             values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                new.path,
                new.hash,
                new.plan.prompt,
                new.seed.0.cast_signed(),
                to_json("plan", &new.plan)?,
                to_json("casting", &new.casting)?,
                to_json("report", &new.report)?,
                at.0,
            ],
        )?;
        Ok(TakeId(connection.last_insert_rowid()))
    }

    /// A take.
    ///
    /// # Errors
    /// `NoTake` when there is none of that number.
    pub fn take(&self, id: TakeId) -> Result<Take, Error> {
        let connection = self.lock();
        connection
            .query_row(&format!("select {COLUMNS} from take where id = ?1"), [id.0], read)
            .optional()?
            .ok_or(Error::NoTake(id))?
    }

    /// The newest takes, the newest first.
    ///
    /// # Errors
    /// Those of the database.
    pub fn takes(&self, limit: u32) -> Result<Vec<Take>, Error> {
        let connection = self.lock();
        let mut query =
            connection.prepare(&format!("select {COLUMNS} from take order by id desc limit ?1"))?;
        let rows = query.query_map([limit], read)?;
        rows.map(|row| row?).collect()
    }
}

const COLUMNS: &str = "id, path, hash, seed, plan, casting, report, created_at";

fn read(row: &Row<'_>) -> rusqlite::Result<Result<Take, Error>> {
    let (plan, casting, report): (String, String, String) = (row.get(4)?, row.get(5)?, row.get(6)?);
    let (id, path, hash) = (row.get(0)?, row.get(1)?, row.get(2)?);
    let (seed, created_at): (i64, i64) = (row.get(3)?, row.get(7)?);
    let decode = || {
        let take = NewTake {
            path,
            hash,
            seed: Seed(seed.cast_unsigned()),
            plan: from_json("plan", &plan)?,
            casting: from_json("casting", &casting)?,
            report: from_json("report", &report)?,
        };
        Ok(Take { id: TakeId(id), take, created_at: Moment(created_at) })
    };
    Ok(decode())
}
