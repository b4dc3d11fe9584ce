//! Whether a process still lives, asked of the operating system.

use std::fs::{DirEntry, File, TryLockError};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use tempfile::NamedTempFile;

use crate::{Error, io};

/// The locked file that shows that this process lives; made when first needed, removed at its end.
#[derive(Debug)]
pub(crate) struct Presence {
    folder: PathBuf,
    file: Mutex<Option<NamedTempFile>>,
}

impl Presence {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder, file: Mutex::new(None) }
    }

    /// The name of the locked file, and whether it was made just now.
    pub(crate) fn name(&self) -> Result<(String, bool), Error> {
        let mut slot = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let first = slot.is_none();
        let file = if let Some(file) = slot.take() {
            file
        } else {
            let file = tempfile::Builder::new()
                .prefix("run-")
                .tempfile_in(&self.folder)
                .map_err(io("create a file in", &self.folder))?;
            file.as_file().lock().map_err(io("lock", file.path()))?;
            file
        };
        let name = file.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        *slot = Some(file);
        Ok((name, first))
    }

    /// Whether no other process runs a job here. The files of dead ones are removed.
    pub(crate) fn is_alone(&self, own: &str) -> bool {
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return false };
        let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
        // Counted to the end: every dead one is to go.
        names.filter(|name| name != own && self.is_alive(name)).count() == 0
    }

    /// When the process that lives longest began to work, by the clock of the files; `None` when none lives. Changes nothing.
    pub(crate) fn oldest(&self) -> Option<SystemTime> {
        let held = |entry: &DirEntry| match File::open(entry.path()) {
            Ok(file) => matches!(file.try_lock(), Err(TryLockError::WouldBlock)),
            Err(_) => false,
        };
        let entries = std::fs::read_dir(&self.folder).ok()?.flatten().filter(held);
        entries.filter_map(|entry| entry.metadata().ok()?.modified().ok()).min()
    }

    /// Whether the process of that file still runs. The file of a dead one is removed.
    pub(crate) fn is_alive(&self, name: &str) -> bool {
        let path = self.folder.join(name);
        let Ok(file) = File::open(&path) else { return false };
        match file.try_lock() {
            Ok(()) => {
                // Left over from a process that was killed; if it cannot be removed, it does no harm.
                let _ = std::fs::remove_file(&path);
                false
            }
            // No answer counts as alive: better a second job than two runs of one.
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => true,
        }
    }
}
