//! Memory: catalogue, audio blobs, vector search, job table.
//!
//! A [`Library`] is one home folder: an SQLite database of what is known and a folder of audio named by
//! content. Blobs are written before the rows that name them and removed after, so that a crash at any
//! moment leaves at most an unused blob. Time is handed in; nothing here reads a clock.

mod archive;
mod backup;
mod blob;
mod care;
mod catalogue;
mod error;
mod filter;
mod fingerprint;
mod home;
mod job;
mod ledger;
mod presence;
mod queue;
mod restore;
mod schema;
mod sketch;
mod take;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use serde::{Deserialize, Serialize};

pub use backup::BackupReport;
pub use blob::{Blobs, content_hash, digest, file_digest, staging_file, write_file};
pub use care::{Listed, ListedTake, Stray, StrayKind};
pub use catalogue::{Added, Change, Entry, NewStem, Statistics};
pub use error::Error;
pub use filter::{Filter, Sort};
pub use fingerprint::Coarse;
pub use home::Home;
pub use job::{Claim, Ending, Failure, Job, JobId, Status};
pub use ledger::{FileRecord, Verdict};
pub use queue::{JobEvent, JobFilter, Lane, Order};
pub use restore::{RestoreReport, restore};
pub use sketch::Sketch;
pub use take::{NewTake, Take, TakeId};

/// A point in time: milliseconds since the Unix epoch, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Moment(pub i64);

/// An open library. Shared freely between threads; calls take turns at the database.
#[derive(Debug)]
pub struct Library {
    home: Home,
    blobs: Blobs,
    database: Mutex<Connection>,
    presence: presence::Presence,
}

impl Library {
    /// Opens the library in `home`, creating its folders and bringing its schema up to date.
    ///
    /// # Errors
    /// When a folder cannot be made, the database is damaged, or a newer program has written it.
    pub fn open(home: &Path) -> Result<Self, Error> {
        let home = Home::create(home)?;
        let connection = schema::open(&home.database())?;
        let blobs = Blobs::new(home.stems());
        let presence = presence::Presence::new(home.running());
        Ok(Self { home, blobs, database: Mutex::new(connection), presence })
    }

    /// The folders.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// The stored audio.
    pub fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    /// Version of the SQLite library in use.
    pub fn sqlite_version() -> &'static str {
        rusqlite::version()
    }

    /// Reads the whole database and compares it with its indexes: `None` when all is well, else the
    /// first fault.
    ///
    /// # Errors
    /// When it cannot be read at all.
    pub fn fault(&self) -> Result<Option<String>, Error> {
        let text: String = self.lock().query_row("pragma quick_check(1)", [], |row| row.get(0))?;
        Ok((text != "ok").then_some(text))
    }

    /// Runs `work` in one transaction that holds the write lock from its start: all of it happens, or
    /// nothing.
    ///
    /// # Errors
    /// Those of `work`, after rolling back, and those of the database.
    pub fn write<T, E: From<Error>>(
        &self,
        work: impl FnOnce(&Write<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut connection = self.lock();
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(Error::from)?;
        let write = Write { transaction, blobs: &self.blobs };
        let value = work(&write)?;
        write.transaction.commit().map_err(Error::from)?;
        Ok(value)
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        // A panic in another thread has rolled its transaction back: the connection is sound.
        self.database.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A transaction under way; see [`Library::write`].
#[derive(Debug)]
pub struct Write<'a> {
    transaction: Transaction<'a>,
    blobs: &'a Blobs,
}

/// What an I/O error was about.
fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.into();
    move |source| Error::Io { action, path, source }
}

#[cfg(test)]
mod tests;
