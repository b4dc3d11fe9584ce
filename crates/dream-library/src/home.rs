//! The folders of a home, as the interface promises them.

use std::path::{Path, PathBuf};

use dream_core::Category;

use crate::blob::STAGING;
use crate::{Error, io};

/// A home folder and the places in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    root: PathBuf,
}

impl Home {
    /// The home at `root`, with all its folders made.
    ///
    /// # Errors
    /// When a folder cannot be made.
    pub fn create(root: &Path) -> Result<Self, Error> {
        std::fs::create_dir_all(root).map_err(io("create", root))?;
        let root = root.canonicalize().map_err(io("resolve", root))?;
        let home = Self { root };
        for folder in [
            home.raw_kits(),
            home.recordings(),
            home.stems(),
            home.quarantine(),
            home.running(),
            home.work(),
            home.uploads(),
            home.bundles(),
            home.pretrained(),
            home.root.join("generated_stems"),
            home.takes(),
        ] {
            std::fs::create_dir_all(&folder).map_err(io("create", folder))?;
        }
        Ok(home)
    }

    /// Removes what writers that were killed have left half-written. Only for the first job of the only
    /// process: nobody else may be writing. What cannot be removed does no harm.
    pub(crate) fn sweep(&self) {
        let bundles = self.bundles();
        for folder in [self.stems(), self.quarantine(), self.takes(), self.uploads(), bundles] {
            let Ok(entries) = std::fs::read_dir(folder) else { continue };
            for entry in entries.flatten() {
                if entry.file_name().to_string_lossy().starts_with(STAGING) {
                    let _ = std::fs::remove_file(entry.path());
                }
            }
        }
    }

    /// The home itself, absolute.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where kits are dropped.
    pub fn raw_kits(&self) -> PathBuf {
        self.root.join("raw_construction_kits")
    }

    /// Where whole tracks are dropped.
    pub fn recordings(&self) -> PathBuf {
        self.root.join("stereo_tracks_for_analysis")
    }

    /// The database.
    pub fn database(&self) -> PathBuf {
        self.root.join("processed_database/library.db")
    }

    /// Audio by content hash.
    pub fn stems(&self) -> PathBuf {
        self.root.join("processed_database/stems")
    }

    /// What could not be used, and why.
    pub fn quarantine(&self) -> PathBuf {
        self.root.join("processed_database/quarantine")
    }

    /// One locked file for every process that runs a job.
    pub fn running(&self) -> PathBuf {
        self.root.join("processed_database/running")
    }

    /// A folder for every job that needs one while it runs, by its number.
    pub fn work(&self) -> PathBuf {
        self.root.join("processed_database/work")
    }

    /// Where what comes over the network is kept until it is whole.
    pub fn uploads(&self) -> PathBuf {
        self.root.join("processed_database/uploads")
    }

    /// The stems of takes, put together when they were asked for last.
    pub fn bundles(&self) -> PathBuf {
        self.root.join("processed_database/bundles")
    }

    /// Trained models.
    pub fn models(&self) -> PathBuf {
        self.root.join("models")
    }

    /// The trained model of a category.
    pub fn trained(&self, category: Category) -> PathBuf {
        self.models().join(format!("{}_vae.safetensors", category.name()))
    }

    /// The trained model of the loops of a category.
    pub fn trained_loops(&self, category: Category) -> PathBuf {
        self.models().join(format!("{}_loop_vae.safetensors", category.name()))
    }

    /// Fetched weights.
    pub fn pretrained(&self) -> PathBuf {
        self.root.join("models/pretrained")
    }

    /// Dreamed stems of a category.
    pub fn generated_stems(&self, category: Category) -> PathBuf {
        self.root.join("generated_stems").join(category.name())
    }

    /// Rendered takes.
    pub fn takes(&self) -> PathBuf {
        self.root.join("generated_tracks")
    }
}
