//! What works here, what is degraded and what replaces it.

use dream_core::chain;
use dream_library::Library;
use serde::Serialize;

use crate::config::Setting;
use crate::{Engine, Error, Filter, VERSION, starter_kit};

/// What `dream doctor` finds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Diagnosis {
    /// `ok`, `degraded` (something runs with its second-best method) or `broken`.
    pub status: &'static str,
    /// Version of this program.
    pub version: &'static str,
    /// The home, absolute.
    pub home: String,
    /// Version of SQLite.
    pub sqlite: &'static str,
    /// Processor cores that may be used.
    pub cores: usize,
    /// Space left for the home in bytes, where the system tells.
    pub free_bytes: Option<u64>,
    /// Stems in the library.
    pub stems: u64,
    /// What was looked at.
    pub checks: Vec<Check>,
    /// Every setting with its origin.
    pub config: Vec<Setting>,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Its name.
    pub name: &'static str,
    /// `ok`, `degraded` or `broken`.
    pub status: &'static str,
    /// What was found, and what to do or what runs instead.
    pub message: String,
}

/// Below this a warning is due: room for some takes.
const LITTLE_SPACE: u64 = 1 << 30;

impl Engine {
    /// Looks at everything the engine needs.
    ///
    /// # Errors
    /// Those of the library, when it cannot even be asked.
    pub fn diagnose(&self) -> Result<Diagnosis, Error> {
        let stems = self.library().count(&Filter::default())?;
        let free_bytes = self.free_bytes();
        let checks = vec![
            self.database(),
            self.writable(),
            self.whole(),
            space(free_bytes),
            self.starter_kit(stems)?,
            self.weights(),
        ];
        let worst = |status| checks.iter().any(|check| check.status == status);
        let status = match (worst(BROKEN), worst(DEGRADED)) {
            (true, _) => BROKEN,
            (_, true) => DEGRADED,
            _ => OK,
        };
        Ok(Diagnosis {
            status,
            version: VERSION,
            home: self.home().root().display().to_string(),
            sqlite: Library::sqlite_version(),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            free_bytes,
            stems,
            checks,
            config: self.config().settings.clone(),
        })
    }

    /// Space left for the home in bytes, where the system tells.
    pub fn free_bytes(&self) -> Option<u64> {
        free_bytes(self.home().root())
    }

    fn database(&self) -> Check {
        let (status, message) = match self.library().fault() {
            Ok(None) => (OK, "sound".to_owned()),
            Ok(Some(fault)) => (BROKEN, fault),
            Err(error) => (BROKEN, chain(&error)),
        };
        Check { name: "database", status, message }
    }

    fn writable(&self) -> Check {
        let (status, message) = match tempfile::tempfile_in(self.home().stems()) {
            Ok(_) => (OK, "can be written".to_owned()),
            Err(error) => (BROKEN, format!("cannot be written: {error}")),
        };
        Check { name: "home", status, message }
    }

    fn whole(&self) -> Check {
        let left = self.library().cut_off();
        let (status, message) = if left.is_empty() {
            (OK, "nothing is half restored".to_owned())
        } else {
            let names: Vec<String> = left.iter().map(|path| self.told(path)).collect();
            (DEGRADED, format!("{}: {}", names.join(", "), crate::fsck::RESTORING))
        };
        Check { name: "restore", status, message }
    }

    fn starter_kit(&self, stems: u64) -> Result<Check, Error> {
        let filter = Filter { kit: Some(starter_kit::KIT.to_owned()), ..Filter::default() };
        let count = self.library().count(&filter)?;
        let (status, message) = match (count, stems, self.config().starter) {
            (0, 0, true) => (OK, "will be made when a track is composed".to_owned()),
            (0, 0, false) => {
                (DEGRADED, "switched off, and the library is empty: ingest some stems".to_owned())
            }
            (0, _, _) => (OK, "not needed: the library has stems of its own".to_owned()),
            (count, _, _) => (OK, format!("{count} stems")),
        };
        Ok(Check { name: "starter kit", status, message })
    }

    fn weights(&self) -> Check {
        let found = std::fs::read_dir(self.home().pretrained()).map_or(0, Iterator::count);
        let (status, message) = if found == 0 {
            let text = "none installed; separation runs on signal processing (builtin), search on measured \
                attributes (attr-v1) instead: see `dream models list`";
            (DEGRADED, text.to_owned())
        } else {
            (OK, format!("{found} models"))
        };
        Check { name: "pretrained weights", status, message }
    }
}

const OK: &str = "ok";
const DEGRADED: &str = "degraded";
const BROKEN: &str = "broken";

fn space(free: Option<u64>) -> Check {
    let (status, message) = match free {
        None => (OK, "this system does not tell".to_owned()),
        Some(free) => {
            let status = if free < LITTLE_SPACE { DEGRADED } else { OK };
            (status, format!("{:.1} GiB free", free as f64 / f64::from(1 << 30)))
        }
    };
    Check { name: "space", status, message }
}

#[cfg(unix)]
fn free_bytes(path: &std::path::Path) -> Option<u64> {
    let space = rustix::fs::statvfs(path).ok()?;
    Some(space.f_bavail.saturating_mul(space.f_frsize))
}

#[cfg(not(unix))]
fn free_bytes(_path: &std::path::Path) -> Option<u64> {
    None
}
