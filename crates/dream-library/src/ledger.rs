//! The ledger: what became of every file that was ingested, so that nothing is done twice.

use dream_core::StemId;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::{Error, Library, Moment, Write};

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It holds these stems.
    Stems(Vec<StemId>),
    /// It could not be used; the code of the reason.
    Refused(String),
}

/// A file as it was when it was ingested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRecord {
    /// Its absolute path.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
    /// When it was last modified.
    pub modified_at: Moment,
    /// BLAKE3 of its bytes; `None` when they could not be read.
    pub digest: Option<String>,
    /// What became of it.
    pub verdict: Verdict,
    /// Version of the program that decided.
    pub version: String,
}

impl Write<'_> {
    /// Records what became of a file, in place of what was recorded for its path before.
    ///
    /// # Errors
    /// Those of the database.
    pub fn record_file(&self, file: &FileRecord, at: Moment) -> Result<(), Error> {
        let reason = match &file.verdict {
            Verdict::Stems(_) => None,
            Verdict::Refused(reason) => Some(reason),
        };
        self.transaction.execute("delete from file where path = ?1", [&file.path])?;
        self.transaction.execute(
            "insert into file (path, size, modified_at, digest, reason, version, at)
             values (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                file.path,
                file.size.cast_signed(),
                file.modified_at.0,
                file.digest,
                reason,
                file.version,
                at.0
            ],
        )?;
        if let Verdict::Stems(stems) = &file.verdict {
            for stem in stems {
                self.transaction.execute(
                    "insert or ignore into file_stem (path, stem) values (?1, ?2)",
                    params![file.path, stem.0],
                )?;
            }
        }
        Ok(())
    }
}

impl Library {
    /// What is recorded for the file at `path`. A file whose stems were removed since counts as unknown.
    ///
    /// # Errors
    /// Those of the database.
    pub fn file(&self, path: &str) -> Result<Option<FileRecord>, Error> {
        record(&self.lock(), "path = ?1", path)
    }

    /// What is recorded for any file with those bytes, under whatever path.
    ///
    /// # Errors
    /// Those of the database.
    pub fn file_with_digest(&self, digest: &str) -> Result<Option<FileRecord>, Error> {
        record(&self.lock(), "digest = ?1", digest)
    }
}

fn record(
    connection: &Connection,
    condition: &str,
    value: &str,
) -> Result<Option<FileRecord>, Error> {
    let found = connection
        .prepare_cached(&format!(
            "select path, size, modified_at, digest, reason, version from file
             where {condition} and (reason is not null
                 or exists (select 1 from file_stem where file_stem.path = file.path))
             order by reason is not null, path limit 1"
        ))?
        .query_row([value], read)
        .optional()?;
    let Some(mut file) = found else { return Ok(None) };
    if let Verdict::Stems(stems) = &mut file.verdict {
        let mut query = connection
            .prepare_cached("select stem from file_stem where path = ?1 order by stem")?;
        let ids = query.query_map([&file.path], |row| Ok(StemId(row.get(0)?)))?;
        *stems = ids.collect::<Result<_, _>>()?;
    }
    Ok(Some(file))
}

fn read(row: &Row<'_>) -> rusqlite::Result<FileRecord> {
    let reason: Option<String> = row.get(4)?;
    Ok(FileRecord {
        path: row.get(0)?,
        size: row.get::<_, i64>(1)? as u64,
        modified_at: Moment(row.get(2)?),
        digest: row.get(3)?,
        verdict: reason.map_or(Verdict::Stems(Vec::new()), Verdict::Refused),
        version: row.get(5)?,
    })
}
