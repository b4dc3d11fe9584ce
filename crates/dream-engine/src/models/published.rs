//! The published models, as `weights.toml` describes them.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use dream_neural::weights::PUBLISHED;
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// A published model.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Set {
    /// Its name.
    pub(crate) name: String,
    /// What it gives.
    pub(crate) what: String,
    /// The stems it gives.
    pub(crate) sources: Vec<String>,
    /// SPDX licence expression of its code.
    pub(crate) licence: String,
    /// About what is downloaded.
    pub(crate) megabytes: u64,
    /// Where it is published.
    pub(crate) home: String,
    /// How much each network says about each source, `[networks, sources]`; all alike when absent.
    pub(crate) weights: Option<Vec<Vec<f32>>>,
    /// Its networks.
    #[serde(rename = "network")]
    pub(crate) networks: Vec<Network>,
}

/// A network of a published model: one of its files is enough.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Network {
    /// Its files, the first choice first.
    #[serde(rename = "file")]
    pub(crate) files: Vec<Published>,
}

/// A published file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Published {
    /// Its name.
    pub(crate) name: String,
    /// Its SHA-256 in lower-case hexadecimal, or as much of its start as is published.
    pub(crate) sha256: String,
    /// Its size, where that is published.
    pub(crate) bytes: Option<u64>,
    /// Where it lies, the first choice first.
    pub(crate) urls: Vec<String>,
}

impl Network {
    /// The file of it that lies in the folder of its set.
    pub(crate) fn installed(&self, folder: &Path) -> Option<PathBuf> {
        self.files.iter().map(|file| folder.join(&file.name)).find(|path| path.is_file())
    }
}

/// All published models.
pub(crate) fn sets() -> Vec<Set> {
    #[derive(Deserialize)]
    struct Sets {
        set: Vec<Set>,
    }
    let sets: Sets = toml::from_str(PUBLISHED).expect("a constant that a test reads");
    sets.set
}

/// What is published of the SHA-256 of an installed file; nothing of files of one's own.
pub(crate) fn promises(set: &str, path: &str) -> String {
    let name = Path::new(path).file_name().unwrap_or_default().to_string_lossy();
    let sets = sets();
    let set = sets.iter().find(|known| known.name == set);
    let mut files = set.iter().flat_map(|set| &set.networks).flat_map(|network| &network.files);
    files.find(|file| file.name == name).map_or_else(String::new, |file| file.sha256.clone())
}

/// The SHA-256 of a file, in lower-case hexadecimal.
pub(crate) fn digest(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            count => hasher.update(&buffer[..count]),
        }
    }
    Ok(hasher.finalize().iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes all");
        text
    }))
}
