//! A backup back into a home.
//!
//! All of it is written beside what is there and compared with its digests, the database is opened and every stem's audio
//! looked for, before anything is replaced. What is replaced is moved aside, not removed.
//!
//! A restore that is killed leaves its folder in the home, `.restoring-...`. It holds a locked file while it is at work, so that others can tell
//! one from the other; what is cut off is reported by a check, and goes when a later restore has done its work.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use dream_core::{Progress, StemId};
use serde::Serialize;
use tempfile::TempDir;

use crate::archive::{DATABASE, FOLDERS, Reader};
use crate::blob::sync_folder;
use crate::presence::Presence;
use crate::{Error, Library, Moment, io};

/// Folders of a home that a backup replaces; the one with the database last, so that the others are there when it is.
const PARTS: [&str; 4] = [FOLDERS[0], FOLDERS[1], FOLDERS[2], "processed_database"];

/// The one file that does not make a home count as used.
const SETTINGS: &str = "dream.toml";

/// How the folders begin in which a restore writes and checks.
pub(crate) const RESTORING: &str = ".restoring-";

/// The file in it that is locked while the restore is at work.
const AT_WORK: &str = "at-work";

/// Stems looked at in one query.
const PAGE: u32 = 1000;

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RestoreReport {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Stems.
    pub stems: u64,
    /// Takes.
    pub tracks: u64,
    /// Version of the program that made the backup.
    pub made_by: String,
    /// When.
    pub made_at: Moment,
    /// Where what was there before lies now.
    pub moved_to: Option<PathBuf>,
    /// Folders of earlier restores that were cut off; they are removed.
    pub cut_off: Vec<String>,
}

/// Puts the backup `file` into the home `root`, which must hold no file but settings unless `force` is said; then what is
/// replaced goes to the folder `aside` in the home.
///
/// # Errors
/// `NotEmpty`, `InUse`; `NotABackup` for a file that is none, is damaged or names a place outside; `Io`, `Cancelled`. The
/// home is then as it was.
pub fn restore(
    root: &Path,
    file: &Path,
    (force, aside): (bool, &str),
    progress: &Progress,
) -> Result<RestoreReport, Error> {
    let mut reader = Reader::open(file)?;
    let is_new = !root.exists();
    let is_empty = is_new || is_empty(root).map_err(io("read", root))?;
    if !is_empty && !force {
        return Err(Error::NotEmpty(root.to_owned()));
    }
    check_unused(root)?;
    std::fs::create_dir_all(root).map_err(io("create", root))?;
    let restored = (|| {
        let root = root.canonicalize().map_err(io("resolve", root))?;
        let earlier = cut_off(&root);
        let staging = tempfile::Builder::new().prefix(RESTORING).tempdir_in(&root);
        let staging = staging.map_err(io("write in", &root))?;
        let at_work = staging.path().join(AT_WORK);
        let lock = File::create_new(&at_work).map_err(io("write", &at_work))?;
        lock.lock().map_err(io("lock", &at_work))?;
        let mut report = stage(&mut reader, &staging, progress)?;
        check_unused(&root)?;
        let moved = swap(&root, staging.path(), &root.join(aside))?;
        report.moved_to = moved;
        if is_empty && let Some(moved) = report.moved_to.take() {
            // Folders without a file in them. What cannot be removed does no harm.
            let _ = std::fs::remove_dir_all(moved);
        }
        for folder in earlier {
            // Copies of a backup: nothing of the home lies there. What cannot be removed is reported by a check.
            if std::fs::remove_dir_all(&folder).is_ok() {
                let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
                report.cut_off.push(name);
            }
        }
        Ok(report)
    })();
    if restored.is_err() && is_new {
        // Only if nothing is in it.
        let _ = std::fs::remove_dir(root);
    }
    restored
}

/// Writes and checks all of a backup in a folder.
fn stage(
    reader: &mut Reader,
    staging: &TempDir,
    progress: &Progress,
) -> Result<RestoreReport, Error> {
    let total = reader.list.files.len();
    let mut bytes = 0;
    for index in 0..total {
        progress.step(index as u64, total as u64, "restore")?;
        let target = staging.path().join(&reader.list.files[index].path);
        let folder = target.parent().unwrap_or(staging.path());
        std::fs::create_dir_all(folder).map_err(io("create", folder))?;
        bytes += reader.extract(index, &target)?;
    }
    progress.step(total as u64, total as u64, "restore")?;
    let library = Library::open(staging.path())?;
    if let Some(fault) = library.faults()?.first() {
        return Err(Error::Unsound(fault.clone()));
    }
    let (mut stems, mut last) = (0, StemId(0));
    loop {
        let page = library.listed(last, PAGE)?;
        let Some(end) = page.last() else { break };
        last = end.id;
        stems += page.len() as u64;
        if let Some(lost) = page.iter().find(|row| !library.blobs.contains(&row.hash)) {
            return Err(Error::NoBlob(lost.hash.clone()));
        }
    }
    let tracks = library.count_takes()?;
    drop(library);
    for part in PARTS {
        let folder = staging.path().join(part);
        if folder.exists() {
            sync_folder(&folder).map_err(io("write", folder))?;
        }
    }
    Ok(RestoreReport {
        files: total as u64,
        bytes,
        stems,
        tracks,
        made_by: reader.list.program.clone(),
        made_at: reader.list.at,
        moved_to: None,
        cut_off: Vec::new(),
    })
}

/// Puts the parts in place of those that are there, and those aside; where one cannot be moved, all go back.
fn swap(root: &Path, staged: &Path, aside: &Path) -> Result<Option<PathBuf>, Error> {
    let mut done: Vec<(PathBuf, PathBuf)> = Vec::new();
    let mut step = |from: PathBuf, to: PathBuf| -> std::io::Result<()> {
        std::fs::rename(&from, &to)?;
        done.push((from, to));
        Ok(())
    };
    let mut moved = false;
    let mut all = || -> Result<(), Error> {
        for part in PARTS.into_iter().filter(|part| staged.join(part).exists()) {
            let place = root.join(part);
            if place.symlink_metadata().is_ok() {
                if !moved {
                    std::fs::create_dir(aside).map_err(io("create", aside))?;
                    moved = true;
                }
                step(place.clone(), aside.join(part)).map_err(io("move aside", &place))?;
            }
            step(staged.join(part), place.clone()).map_err(io("replace", &place))?;
        }
        sync_folder(root).map_err(io("write", root))
    };
    let result = all();
    if result.is_err() {
        for (from, to) in done.iter().rev() {
            // Nothing better can be done where this fails; both places are in the home.
            let _ = std::fs::rename(to, from);
        }
        let _ = std::fs::remove_dir(aside);
    }
    result.map(|()| moved.then(|| aside.to_owned()))
}

/// The folders in a home that restores left which were cut off.
pub(crate) fn cut_off(root: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(root) else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(RESTORING))
        .map(|entry| entry.path())
        .filter(|folder| !is_at_work(folder))
        .collect();
    found.sort();
    found
}

/// Whether the restore that made this folder still runs.
fn is_at_work(folder: &Path) -> bool {
    match File::open(folder.join(AT_WORK)) {
        Ok(file) => matches!(file.try_lock(), Err(TryLockError::WouldBlock)),
        Err(_) => false,
    }
}

fn check_unused(root: &Path) -> Result<(), Error> {
    match Presence::new(root.join("processed_database/running")).oldest() {
        Some(_) => Err(Error::InUse(root.to_owned())),
        None => Ok(()),
    }
}

/// Whether a home holds no file but its settings, and what restores left.
fn is_empty(root: &Path) -> std::io::Result<bool> {
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let own = folder == root && entry.file_name().to_string_lossy().starts_with(RESTORING);
            if own {
                continue;
            }
            if entry.file_type()?.is_dir() {
                open.push(entry.path());
            } else if !(folder == root && entry.file_name() == SETTINGS) {
                return Ok(false);
            }
        }
    }
    debug_assert!(!root.join(DATABASE).exists());
    Ok(true)
}

#[cfg(test)]
mod tests;
