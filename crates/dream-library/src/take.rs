//! Takes: what was rendered, from which plan and which stems.

use dream_core::{ArrangementPlan, Seed};
use rusqlite::{OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::catalogue::{from_json, to_json};
use crate::{Error, Library, Moment, Write};

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
    /// What somebody calls it.
    pub title: Option<String>,
    /// What somebody thinks of it: 1, 0 or -1.
    pub rating: i32,
    /// When it was rendered.
    pub created_at: Moment,
}

impl Write<'_> {
    /// Records a take.
    ///
    /// # Errors
    /// Those of the database.
    pub fn add_take(&self, new: &NewTake, at: Moment) -> Result<TakeId, Error> {
        self.transaction.execute(
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
        Ok(TakeId(self.transaction.last_insert_rowid()))
    }
}

impl Library {
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

    /// Takes older than `before`, if that is given, the newest first.
    ///
    /// # Errors
    /// Those of the database.
    pub fn takes(&self, before: Option<TakeId>, limit: u32) -> Result<Vec<Take>, Error> {
        let connection = self.lock();
        let mut query = connection.prepare(&format!(
            "select {COLUMNS} from take where id < ?1 order by id desc limit ?2"
        ))?;
        let rows = query.query_map(params![before.map_or(i64::MAX, |id| id.0), limit], read)?;
        rows.map(|row| row?).collect()
    }

    /// How many takes there are.
    ///
    /// # Errors
    /// Those of the database.
    pub fn count_takes(&self) -> Result<u64, Error> {
        let count: i64 =
            self.lock().query_row("select count(*) from take", [], |row| row.get(0))?;
        Ok(count as u64)
    }

    /// Changes what somebody says of a take, `None` leaves as it is; the take as it is then.
    ///
    /// # Errors
    /// `NoTake` when there is none of that number, `Invalid` for a rating out of range.
    pub fn change_take(
        &self,
        id: TakeId,
        title: Option<Option<&str>>,
        rating: Option<i32>,
    ) -> Result<Take, Error> {
        if rating.is_some_and(|rating| !(-1..=1).contains(&rating)) {
            return Err(Error::Invalid("a rating is -1, 0 or 1"));
        }
        self.write(|write| {
            if let Some(title) = title {
                let sql = "update take set title = ?2 where id = ?1";
                write.transaction.execute(sql, params![id.0, title])?;
            }
            if let Some(rating) = rating {
                let sql = "update take set rating = ?2 where id = ?1";
                write.transaction.execute(sql, params![id.0, rating])?;
            }
            Ok::<_, Error>(())
        })?;
        self.take(id)
    }

    /// Removes the row of a take; its files are left to the caller.
    ///
    /// # Errors
    /// `NoTake` when there is none of that number.
    pub fn remove_take(&self, id: TakeId) -> Result<Take, Error> {
        let take = self.take(id)?;
        self.write(|write| {
            write.transaction.execute("delete from take where id = ?1", [id.0])?;
            Ok::<_, Error>(())
        })?;
        Ok(take)
    }
}

const COLUMNS: &str = "id, path, hash, seed, plan, casting, report, created_at, title, rating";

fn read(row: &Row<'_>) -> rusqlite::Result<Result<Take, Error>> {
    let (plan, casting, report): (String, String, String) = (row.get(4)?, row.get(5)?, row.get(6)?);
    let (id, path, hash) = (row.get(0)?, row.get(1)?, row.get(2)?);
    let (seed, created_at): (i64, i64) = (row.get(3)?, row.get(7)?);
    let (title, rating) = (row.get(8)?, row.get(9)?);
    let decode = || {
        let take = NewTake {
            path,
            hash,
            seed: Seed(seed.cast_unsigned()),
            plan: from_json("plan", &plan)?,
            casting: from_json("casting", &casting)?,
            report: from_json("report", &report)?,
        };
        Ok(Take { id: TakeId(id), take, title, rating, created_at: Moment(created_at) })
    };
    Ok(decode())
}
