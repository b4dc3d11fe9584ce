//! A backup of a home into one file, and back.

use std::path::Path;

use dream_core::Progress;
use dream_library::{BackupReport, RestoreReport};

use crate::{Clock, Engine, Error, VERSION};

impl Engine {
    /// Writes the library, the models, the tracks and the genres of one moment to `file`, whole or not at all, while others
    /// go on working. Fetched weights are among the models; settings, quarantine, kits and recordings are not part of it.
    ///
    /// # Errors
    /// `Invalid` when the file exists and `force` is not said, `Conflict` when the audio of a stem is missing, `Io`, `Cancelled`.
    pub fn backup(
        &self,
        file: &Path,
        force: bool,
        progress: &Progress,
    ) -> Result<BackupReport, Error> {
        if file.exists() && !force {
            return Err(Error::Invalid(format!("{} exists; --force replaces it", file.display())));
        }
        Ok(self.library().backup(file, (VERSION, self.now()), progress)?)
    }
}

/// Puts a backup into `home`, which must hold no file but settings unless `force` is said: then what it replaces is moved
/// to a folder `replaced_<time>` in the home. The home is as it was when anything is wrong.
///
/// # Errors
/// `Conflict` for a home that is not empty or at work, `Malformed` for a file that is no backup or is damaged, `Io`, `Cancelled`.
pub fn restore(
    home: &Path,
    file: &Path,
    (force, clock): (bool, Clock),
    progress: &Progress,
) -> Result<RestoreReport, Error> {
    let aside = format!("replaced_{}", Clock::file_name(clock.now()));
    Ok(dream_library::restore(home, file, (force, &aside), progress)?)
}
