//! A backup: one moment of the library in one file, taken while others work.
//!
//! First a snapshot of the database, then the audio that its rows name, the models, the tracks and the genres. Audio is
//! written once and never changed, so that it may be copied after the snapshot; a stem that is removed meanwhile is left
//! out, as if the snapshot were younger. Work that was under way is recorded as cancelled: what it keeps between its
//! steps is not part of a backup, and the same command does it again.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dream_core::Progress;
use rusqlite::Connection;
use serde::Serialize;

use crate::archive::{DATABASE, FOLDERS, STEMS, Writer};
use crate::blob::{STAGING, staging_file, sync_folder};
use crate::care::is_hash;
use crate::{Error, Library, Moment, io};

/// How long the snapshot waits for another process to let go of the database.
const BUSY: Duration = Duration::from_secs(10);

/// Most folders in folders that are entered.
const MAX_DEPTH: u32 = 32;

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct BackupReport {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Stems.
    pub stems: u64,
    /// Takes.
    pub tracks: u64,
}

impl Library {
    /// Writes a backup to `file`, whole or not at all, in place of one that is there.
    ///
    /// # Errors
    /// `Incomplete` when the audio of a stem is missing, `Io` when a file cannot be read or written, `Cancelled`.
    pub fn backup(
        &self,
        file: &Path,
        (program, at): (&str, Moment),
        progress: &Progress,
    ) -> Result<BackupReport, Error> {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let failed = |source| Error::Io { action: "write", path: file.to_owned(), source };
        let work = tempfile::Builder::new().prefix(STAGING).tempdir_in(folder).map_err(failed)?;
        let snapshot = work.path().join("library.db");
        // Seen to be at work, so that nobody takes what is half-written here for a leftover.
        self.appear()?;
        self.snapshot(&snapshot)?;

        let database = Connection::open(&snapshot)?;
        database.pragma_update(None, "foreign_keys", true)?;
        database.execute_batch(
            "delete from step where job in (select id from job where status in ('queued', 'running'));
             update job set status = 'cancelled' where status in ('queued', 'running');",
        )?;
        let hashes: Vec<String> = {
            let mut query = database.prepare("select hash from stem order by id")?;
            query.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?
        };
        let mut report = BackupReport::default();
        let staged = staging_file(folder).map_err(failed)?;
        let mut writer = Writer::new(staged.as_file(), program, at);
        let total = hashes.len() as u64;
        for (index, hash) in hashes.iter().enumerate() {
            progress.step(index as u64, total, "backup")?;
            if !is_hash(hash) {
                return Err(Error::Incomplete(hash.clone()));
            }
            match File::open(self.blobs.path(hash)) {
                Ok(mut audio) => {
                    writer.add(&format!("{STEMS}{hash}.wav"), &mut audio).map_err(failed)?;
                    report.stems += 1;
                }
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    if self.find(hash)?.is_some() {
                        return Err(Error::Incomplete(hash.clone()));
                    }
                    database.execute("delete from stem where hash = ?1", [hash])?;
                }
                Err(error) => return Err(io("read", self.blobs.path(hash))(error)),
            }
        }
        for name in FOLDERS {
            for path in files_in(&self.home.root().join(name), MAX_DEPTH)? {
                progress.check()?;
                // A name that is no UTF-8 cannot be written down in a list that other systems read.
                let place = path.strip_prefix(self.home.root()).ok().and_then(Path::to_str);
                let place = place.ok_or_else(|| Error::BadName(path.clone()))?;
                let place = place.replace(std::path::MAIN_SEPARATOR, "/");
                // One that was removed meanwhile is not part of this moment.
                let Ok(mut source) = File::open(&path) else { continue };
                if path != file {
                    writer.add(&place, &mut source).map_err(failed)?;
                }
            }
        }
        let tracks: i64 = database.query_row("select count(*) from take", [], |row| row.get(0))?;
        report.tracks = tracks as u64;
        database.close().map_err(|(_, error)| error)?;
        let mut snapshot = File::open(&snapshot).map_err(failed)?;
        writer.add(DATABASE, &mut snapshot).map_err(failed)?;
        report.bytes = writer.bytes;
        report.files = writer.finish().map_err(failed)?;
        progress.step(total, total, "backup")?;

        staged.as_file().sync_all().map_err(failed)?;
        staged.persist(file).map_err(|error| failed(error.error))?;
        sync_folder(folder).map_err(failed)?;
        Ok(report)
    }

    /// The database of one moment as a file of its own. Readers and writers go on meanwhile.
    fn snapshot(&self, to: &Path) -> Result<(), Error> {
        let connection = Connection::open(self.home.database())?;
        connection.busy_timeout(BUSY)?;
        connection.execute("vacuum into ?1", [to.to_string_lossy()])?;
        Ok(())
    }
}

/// The whole files of a folder and those in it, in order; links are passed over. None where there is no folder.
fn files_in(folder: &Path, depth: u32) -> Result<Vec<PathBuf>, Error> {
    let found = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        found => found.map_err(io("read", folder))?,
    };
    let mut entries: Vec<_> = found.flatten().collect();
    entries.sort_by_key(std::fs::DirEntry::file_name);
    let mut files = Vec::new();
    for entry in entries {
        let Ok(kind) = entry.file_type() else { continue };
        let hidden = entry.file_name().to_string_lossy().starts_with(STAGING);
        if kind.is_dir() && depth > 0 && !hidden {
            files.extend(files_in(&entry.path(), depth - 1)?);
        } else if kind.is_file() && !hidden {
            files.push(entry.path());
        }
    }
    Ok(files)
}
