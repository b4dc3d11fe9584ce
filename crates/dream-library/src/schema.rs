//! Opening the database and bringing its schema up to date.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

use crate::Error;

/// Every migration in order; the schema's version is the number of those applied. A released one is
/// never edited: a test compares each with its recorded checksum.
const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001_init.sql"),
    include_str!("../migrations/0002_fingerprint.sql"),
    include_str!("../migrations/0003_casting.sql"),
    include_str!("../migrations/0004_rating.sql"),
    include_str!("../migrations/0005_queue.sql"),
];

/// How long a call waits for another process to let go of the database.
const BUSY: Duration = Duration::from_secs(10);

/// The database at `path`, created when absent, at the newest schema.
pub(crate) fn open(path: &Path) -> Result<Connection, Error> {
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    // The last commits survive a power loss, too.
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    migrate(&mut connection)?;
    Ok(connection)
}

fn migrate(connection: &mut Connection) -> Result<(), Error> {
    let known = i64::from(MIGRATIONS.len() as u32);
    if version(connection)? == known {
        return Ok(());
    }
    // Two processes may come here at once: the second waits for the lock, then finds the work done.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = version(&transaction)?;
    if !(0..=known).contains(&found) {
        return Err(Error::TooNew { found, known });
    }
    for migration in &MIGRATIONS[found as usize..] {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "user_version", known)?;
    Ok(transaction.commit()?)
}

fn version(connection: &Connection) -> Result<i64, Error> {
    Ok(connection.query_row("pragma user_version", [], |row| row.get(0))?)
}
