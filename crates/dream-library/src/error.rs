//! What can go wrong with the library, by what the caller can do about it.

use std::path::PathBuf;

use dream_core::{Cancelled, StemId};
use rusqlite::ErrorCode;

use crate::{JobId, TakeId};

/// Why the library could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or a folder of the home cannot be used.
    #[error("{action} {path}")]
    Io {
        /// The step that failed: `create`, `write` ...
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Its cause.
        source: std::io::Error,
    },
    /// The database is no database, or its pages are damaged.
    #[error(
        "the library database is damaged; restore a backup, or move processed_database/library.db* away and ingest again \
         (the stored audio beside it stays as it is)"
    )]
    Corrupt(#[source] rusqlite::Error),
    /// The database was written by a newer program.
    #[error("the library has schema {found}, this program knows {known}: use a newer program")]
    TooNew {
        /// Schema of the database.
        found: i64,
        /// Newest schema known here.
        known: i64,
    },
    /// The home may only be read.
    #[error("the library database may not be written; check the permissions of the home")]
    ReadOnly(#[source] rusqlite::Error),
    /// No space is left for the database.
    #[error("no space left for the library database")]
    NoSpace(#[source] rusqlite::Error),
    /// Another process held the database for longer than the time-out of ten seconds.
    #[error("the library database is in use by another process")]
    Busy(#[source] rusqlite::Error),
    /// Any other fault of the database.
    #[error("library database")]
    Sql(#[source] rusqlite::Error),
    /// JSON in the database that this program does not understand.
    #[error("stored {what} cannot be read")]
    Stored {
        /// The column.
        what: &'static str,
        /// Its cause.
        source: serde_json::Error,
    },
    /// A name in the database that this program does not know.
    #[error("stored {what} {value:?} is not known")]
    Unknown {
        /// The column.
        what: &'static str,
        /// Its content.
        value: String,
    },
    /// No such stem.
    #[error("there is no stem {}", .0.0)]
    NoStem(StemId),
    /// No such job.
    #[error("there is no job {}", .0.0)]
    NoJob(JobId),
    /// No such take.
    #[error("there is no take {}", .0.0)]
    NoTake(TakeId),
    /// The audio that a row was to name is not stored.
    #[error("the audio {0} is not stored")]
    NoBlob(String),
    /// A backup would lack the audio of a stem.
    #[error(
        "the audio {0} of a stem is missing: see `dream fsck`, which repairs what can be repaired"
    )]
    Incomplete(String),
    /// A file that a backup cannot name.
    #[error("{0} has a name that is no UTF-8, so that no backup can hold it: rename it")]
    BadName(PathBuf),
    /// A file that is no backup, or is damaged.
    #[error("{path} cannot be restored: {why}")]
    NotABackup {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The database of a backup is damaged.
    #[error("the database in the backup is damaged: {0}")]
    Unsound(String),
    /// A home that a backup would write over.
    #[error("{0} is not empty: name another --home, or let --force move aside what is replaced")]
    NotEmpty(PathBuf),
    /// A home in which a job or a server is running.
    #[error("a job or a server is running in {0}: end it first")]
    InUse(PathBuf),
    /// The work was asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// A value that may not be stored.
    #[error("{0}")]
    Invalid(&'static str),
    /// The queue has no room.
    #[error("{0} jobs are waiting: try again later")]
    Full(u32),
    /// The key of a request belongs to other work.
    #[error("that key was used for other work, job {}", .0.0)]
    KeyUsed(JobId),
    /// Another run has claimed the job since.
    #[error("job {} was taken over by another run", .0.0)]
    Fenced(JobId),
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Corrupt(error),
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Self::ReadOnly(error),
            Some(ErrorCode::DiskFull) => Self::NoSpace(error),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy(error),
            _ => Self::Sql(error),
        }
    }
}
