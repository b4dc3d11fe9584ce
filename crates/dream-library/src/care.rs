//! What a check of the library needs: every row as far as it can be read, files that no row names, and the few
//! changes that set such things right.
//!
//! All of it may run beside other processes. A file counts as nobody's only when it is older than every process that
//! works here: the blob of a row that is about to be written is younger than the process that writes it, and
//! `Blobs::put` touches one that it finds.

use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use dream_core::{Bpm, Embedding, Facts, Fingerprint, Provenance, Source, StemId};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Map, Value, json};

use crate::blob::{STAGING, file_time};
use crate::catalogue::{find, get, to_json};
use crate::take::Take;
use crate::{Entry, Error, JobId, Library, Moment, Status, TakeId, io as failed};

/// Faults of the database that are listed at most.
const MAX_FAULTS: u32 = 100;

/// Columns that name a row of another table, and that row's column.
const REFERENCES: &[(&str, &str, &str, &str)] = &[
    ("tag", "stem", "stem", "id"),
    ("embedding", "stem", "stem", "id"),
    ("fingerprint", "stem", "stem", "id"),
    ("file_stem", "stem", "stem", "id"),
    ("file_stem", "path", "file", "path"),
    ("step", "job", "job", "id"),
    ("event", "job", "job", "id"),
];

/// A row of the catalogue, readable or not.
#[derive(Debug)]
pub struct Listed {
    /// Its number.
    pub id: StemId,
    /// The hash it names; any text where the row is damaged.
    pub hash: String,
    /// Its name.
    pub name: String,
    /// The stem, or why the row cannot be read.
    pub entry: Result<Entry, Error>,
}

/// A row of the takes, readable or not.
#[derive(Debug)]
pub struct ListedTake {
    /// Its number.
    pub id: TakeId,
    /// Where its audio lies: relative to the home where it is inside it.
    pub path: PathBuf,
    /// SHA-256 of its audio, as recorded.
    pub hash: String,
    /// Whether a newer take was written to the same place.
    pub replaced: bool,
    /// The take, or why the row cannot be read.
    pub take: Result<Take, Error>,
}

/// What lies in the home and belongs to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stray {
    /// Where.
    pub path: PathBuf,
    /// What it is.
    pub kind: StrayKind,
}

/// Why something in the home belongs to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StrayKind {
    /// A file among the audio that no row names.
    Orphan,
    /// A file that a writer did not finish, or the folder of a job that ended.
    Leftover,
    /// The folder of a restore that was cut off.
    Restoring,
}

impl Library {
    /// Every fault that SQLite finds in the database, the first hundred.
    ///
    /// # Errors
    /// When it cannot be read at all.
    pub fn faults(&self) -> Result<Vec<String>, Error> {
        let connection = self.lock();
        let mut query = connection.prepare(&format!("pragma integrity_check({MAX_FAULTS})"))?;
        let faults: Vec<String> =
            query.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(faults.into_iter().filter(|fault| fault != "ok").collect())
    }

    /// Tables with rows that name a row of another table that is not there, and how many.
    ///
    /// # Errors
    /// Those of the database.
    pub fn dangling(&self) -> Result<Vec<(&'static str, u64)>, Error> {
        let connection = self.lock();
        let mut found: Vec<(&'static str, u64)> = Vec::new();
        for (table, column, other, key) in REFERENCES {
            let condition = dangles(table, column, other, key);
            let sql = format!("select count(*) from {table} where {condition}");
            let count: i64 = connection.query_row(&sql, [], |row| row.get(0))?;
            match found.iter_mut().find(|(name, _)| name == table) {
                Some((_, sum)) => *sum += count as u64,
                None => found.push((table, count as u64)),
            }
        }
        Ok(found.into_iter().filter(|(_, count)| *count > 0).collect())
    }

    /// Removes the rows of a table that [`dangling`](Self::dangling) counts, after `keep` has written them down.
    ///
    /// # Errors
    /// Those of `keep` and of the database; nothing is removed then.
    pub fn cut_dangling<E: From<Error>>(
        &self,
        table: &str,
        keep: impl FnOnce(&[Value]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.write(|write| {
            let mut cut = Vec::new();
            for (_, column, other, key) in REFERENCES.iter().filter(|(name, ..)| *name == table) {
                let condition = dangles(table, column, other, key);
                cut.extend(rows(&write.transaction, table, &condition)?);
                let sql = format!("delete from {table} where {condition}");
                write.transaction.execute(&sql, []).map_err(Error::from)?;
            }
            keep(&cut)
        })
    }

    /// Stems with numbers above `after`, in their order, readable or not.
    ///
    /// # Errors
    /// Those of the database.
    pub fn listed(&self, after: StemId, limit: u32) -> Result<Vec<Listed>, Error> {
        let connection = self.lock();
        let mut query = connection.prepare_cached(
            "select id, cast(hash as blob), cast(name as blob) from stem where id > ?1
             order by id limit ?2",
        )?;
        let rows = query.query_map(params![after.0, limit], |row| {
            Ok((StemId(row.get(0)?), text(row.get_ref(1)?), text(row.get_ref(2)?)))
        })?;
        let rows: Vec<(StemId, String, String)> = rows.collect::<Result<_, _>>()?;
        let read = |(id, hash, name)| Listed { id, hash, name, entry: get(&connection, id) };
        Ok(rows.into_iter().map(read).collect())
    }

    /// Every take, readable or not, in their order.
    ///
    /// # Errors
    /// Those of the database.
    pub fn listed_takes(&self) -> Result<Vec<ListedTake>, Error> {
        let rows: Vec<(i64, String, String, bool)> = {
            let connection = self.lock();
            let mut query = connection.prepare(
                "select id, cast(path as blob), cast(hash as blob),
                     exists (select 1 from take as t where t.path = take.path and t.id > take.id)
                 from take order by id",
            )?;
            let rows = query.query_map([], |row| {
                Ok((row.get(0)?, text(row.get_ref(1)?), text(row.get_ref(2)?), row.get(3)?))
            })?;
            rows.collect::<Result<_, _>>()?
        };
        let read = |(id, path, hash, replaced)| {
            let (id, path) = (TakeId(id), PathBuf::from(path));
            ListedTake { id, path, hash, replaced, take: self.take(id) }
        };
        Ok(rows.into_iter().map(read).collect())
    }

    /// The files that the ledger knows to hold a stem.
    ///
    /// # Errors
    /// Those of the database.
    pub fn files_of(&self, id: StemId) -> Result<Vec<PathBuf>, Error> {
        let connection = self.lock();
        let mut query =
            connection.prepare("select path from file_stem where stem = ?1 order by path")?;
        let paths = query.query_map([id.0], |row| row.get::<_, String>(0).map(PathBuf::from))?;
        Ok(paths.collect::<Result<_, _>>()?)
    }

    /// The moment before which nobody who works here now can have written: what is older is not under way.
    ///
    /// # Errors
    /// When the folder of the audio cannot be written.
    pub fn settled(&self) -> Result<SystemTime, Error> {
        let stems = self.home.stems();
        let now = file_time(&stems).map_err(failed("write in", stems))?;
        Ok(self.presence.oldest().map_or(now, |oldest| oldest.min(now)))
    }

    /// What belongs to nothing and is older than `settled`, and how much is younger and was passed over.
    ///
    /// # Errors
    /// When a folder cannot be read; those of the database.
    pub fn strays(&self, settled: SystemTime) -> Result<(Vec<Stray>, u64), Error> {
        let home = &self.home;
        let mut found = Vec::new();
        let mut folders =
            vec![home.stems(), home.quarantine(), home.takes(), home.uploads(), home.models()];
        folders.extend([home.pretrained(), home.bundles()]);
        let generated = home.root().join("generated_stems");
        folders.extend(entries(&generated)?.into_iter().map(|(path, _)| path));
        for folder in &folders {
            for (path, metadata) in entries(folder)? {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let kind = if name.starts_with(STAGING) {
                    StrayKind::Leftover
                } else if *folder == home.stems() && !self.is_named(&name)? {
                    StrayKind::Orphan
                } else {
                    continue;
                };
                found.push((Stray { path, kind }, metadata));
            }
        }
        for (path, metadata) in entries(&home.work())? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            // One that failed or was cancelled goes on from there when it is asked for again.
            let needed = match name.parse().map(JobId).map(|id| self.job(id)) {
                Ok(Ok(job)) => job.status != Status::Done,
                Ok(Err(Error::NoJob(_))) | Err(_) => false,
                Ok(Err(error)) => return Err(error),
            };
            if !needed {
                found.push((Stray { path, kind: StrayKind::Leftover }, metadata));
            }
        }
        for path in self.cut_off() {
            if let Ok(metadata) = path.symlink_metadata() {
                found.push((Stray { path, kind: StrayKind::Restoring }, metadata));
            }
        }
        let all = found.len();
        let old = |metadata: &Metadata| metadata.modified().is_ok_and(|at| at < settled);
        found.retain(|(_, metadata)| old(metadata));
        let young = (all - found.len()) as u64;
        Ok((found.into_iter().map(|(stray, _)| stray).collect(), young))
    }

    /// The folders in the home that restores left which were cut off.
    pub fn cut_off(&self) -> Vec<PathBuf> {
        crate::restore::cut_off(self.home.root())
    }

    /// Whether a row names that file of the audio folder.
    fn is_named(&self, name: &str) -> Result<bool, Error> {
        Ok(match hash_of(name) {
            Some(hash) => self.find(hash)?.is_some(),
            None => false,
        })
    }

    /// Moves a stray to `to`, where nothing may lie, unless it is needed or was touched since `settled`; whether it was
    /// moved. Holds the write lock, so that no row can be written meanwhile that needs it.
    ///
    /// # Errors
    /// When it cannot be moved; those of the database.
    pub fn set_aside(&self, from: &Path, to: &Path, settled: SystemTime) -> Result<bool, Error> {
        self.write(|write| {
            let name = from.file_name().unwrap_or_default().to_string_lossy();
            let among_audio = from.parent() == Some(&self.home.stems());
            if among_audio
                && let Some(hash) = hash_of(&name)
                && find(&write.transaction, hash)?.is_some()
            {
                return Ok(false);
            }
            if !is_older(from, settled) {
                return Ok(false);
            }
            std::fs::rename(from, to).map_err(failed("move", from))?;
            // Somebody may have found it just before it went, and touched it to keep it.
            if !is_older(to, settled) {
                std::fs::rename(to, from).map_err(failed("move", to))?;
                return Ok(false);
            }
            Ok(true)
        })
    }

    /// Removes the row of a stem whose audio is not there, after `keep` has written it down; whether it was removed, which
    /// it is not when the audio or another process came first.
    ///
    /// # Errors
    /// Those of `keep` and of the database; nothing is removed then.
    pub fn unlist<E: From<Error>>(
        &self,
        id: StemId,
        keep: impl FnOnce(&Value) -> Result<(), E>,
    ) -> Result<bool, E> {
        let heard = |row: &Value| {
            row["hash"].as_str().is_some_and(|hash| is_hash(hash) && self.blobs.contains(hash))
        };
        self.unlist_row("stem", id.0, heard, keep)
    }

    /// Removes the row of a take, readable or not, after `keep` has written it down; whether there was one.
    ///
    /// # Errors
    /// Those of `keep` and of the database; nothing is removed then.
    pub fn unlist_take<E: From<Error>>(
        &self,
        id: TakeId,
        keep: impl FnOnce(&Value) -> Result<(), E>,
    ) -> Result<bool, E> {
        self.unlist_row("take", id.0, |_| false, keep)
    }

    /// Removes a row unless it is to stay, after `keep` has written it down; whether it was there and went.
    fn unlist_row<E: From<Error>>(
        &self,
        table: &str,
        id: i64,
        stays: impl FnOnce(&Value) -> bool,
        keep: impl FnOnce(&Value) -> Result<(), E>,
    ) -> Result<bool, E> {
        self.write(|write| {
            let row = rows(&write.transaction, table, &format!("id = {id}"))?.pop();
            let Some(row) = row.filter(|row| !stays(row)) else { return Ok(false) };
            keep(&row)?;
            let sql = format!("delete from {table} where id = ?1");
            write.transaction.execute(&sql, [id]).map_err(Error::from)?;
            Ok(true)
        })
    }

    /// Writes what is known of a stem anew over a row that cannot be read; number, audio, name, kit, licence and rating
    /// stay. Before, `keep` writes down the row as it was.
    ///
    /// # Errors
    /// `NoStem` when there is none of that number, those of `keep` and of the database.
    pub fn relist<E: From<Error>>(
        &self,
        id: StemId,
        (facts, provenance): (&Facts, &Provenance),
        (embedding, print): (&Embedding, &Fingerprint),
        at: Moment,
        keep: impl FnOnce(&Value) -> Result<(), E>,
    ) -> Result<(), E> {
        self.write(|write| {
            let row = rows(&write.transaction, "stem", &format!("id = {}", id.0))?.pop();
            let row = row.ok_or(Error::NoStem(id))?;
            keep(&row)?;
            let source = row["source"].as_str().and_then(Source::parse);
            write
                .transaction
                .execute(
                    "update stem set category = ?2, form = ?3, source = ?4, bpm = ?5, key = ?6,
                     quality = ?7, loudness = ?8, facts = ?9, provenance = ?10, updated_at = ?11
                 where id = ?1",
                    params![
                        id.0,
                        facts.category.name(),
                        facts.form.name(),
                        source.unwrap_or(Source::Original).name(),
                        facts.bpm.map(Bpm::get),
                        facts.key.map(|key| key.to_string()),
                        facts.quality,
                        facts.loudness_lufs,
                        to_json("facts", facts)?,
                        to_json("provenance", provenance)?,
                        at.0,
                    ],
                )
                .map_err(Error::from)?;
            facts.tags.iter().try_for_each(|tag| write.add_tag(id, tag))?;
            write.add_embedding(id, embedding)?;
            write.set_fingerprint(id, print)?;
            Ok(())
        })
    }

    /// Writes the origin of a stem anew.
    ///
    /// # Errors
    /// Those of the database.
    pub fn set_provenance(
        &self,
        id: StemId,
        provenance: &Provenance,
        at: Moment,
    ) -> Result<(), Error> {
        self.write(|write| {
            write.transaction.execute(
                "update stem set provenance = ?2, updated_at = ?3 where id = ?1",
                params![id.0, to_json("provenance", provenance)?, at.0],
            )?;
            Ok(())
        })
    }

    /// Whether there is a stem of that number.
    ///
    /// # Errors
    /// Those of the database.
    pub fn has_stem(&self, id: StemId) -> Result<bool, Error> {
        let connection = self.lock();
        let mut query = connection.prepare_cached("select 1 from stem where id = ?1")?;
        Ok(query.query_row([id.0], |_| Ok(())).optional()?.is_some())
    }
}

/// Whether the text is a content hash: 64 digits of lower-case hex. Anything else must not become a path.
pub(crate) fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'))
}

fn hash_of(name: &str) -> Option<&str> {
    name.strip_suffix(".wav").filter(|hash| is_hash(hash))
}

fn is_older(path: &Path, than: SystemTime) -> bool {
    path.symlink_metadata().and_then(|metadata| metadata.modified()).is_ok_and(|at| at < than)
}

fn dangles(table: &str, column: &str, other: &str, key: &str) -> String {
    format!("not exists (select 1 from {other} where {other}.{key} = {table}.{column})")
}

/// What lies in a folder, by name; nothing where there is no folder.
fn entries(folder: &Path) -> Result<Vec<(PathBuf, Metadata)>, Error> {
    let found = match std::fs::read_dir(folder) {
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            return Ok(Vec::new());
        }
        found => found.map_err(failed("read", folder))?,
    };
    // What goes while it is looked at is nobody's any more.
    let mut found: Vec<(PathBuf, Metadata)> =
        found.flatten().filter_map(|entry| Some((entry.path(), entry.metadata().ok()?))).collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(found)
}

/// Rows as JSON, whatever they hold.
fn rows(connection: &Connection, table: &str, condition: &str) -> Result<Vec<Value>, Error> {
    let mut query = connection.prepare(&format!("select * from {table} where {condition}"))?;
    let names: Vec<String> = query.column_names().map(str::to_owned).collect();
    let found = query.query_map([], |row| {
        let cell = |(i, name): (usize, &String)| Ok((name.clone(), value(row.get_ref(i)?)));
        names.iter().enumerate().map(cell).collect::<rusqlite::Result<Map<String, Value>>>()
    })?;
    Ok(found.map(|row| row.map(Value::Object)).collect::<Result<_, _>>()?)
}

fn value(cell: ValueRef<'_>) -> Value {
    match cell {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => json!(number),
        ValueRef::Real(number) => json!(number),
        ValueRef::Text(_) => json!(text(cell)),
        ValueRef::Blob(bytes) => json!(format!("{} bytes", bytes.len())),
    }
}

fn text(cell: ValueRef<'_>) -> String {
    match cell {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            String::from_utf8_lossy(bytes).into_owned()
        }
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => String::new(),
    }
}

#[cfg(test)]
mod tests;
