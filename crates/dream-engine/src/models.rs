//! Pretrained models: which there are, which are installed, how they come in and go.
//!
//! A model is a folder of `models/pretrained` with one checkpoint per network, each under a name that ends in the start
//! of its SHA-256 where it was published so. Published models are described in `weights.toml`; a checkpoint of one's
//! own takes a name that no published one has.

#[cfg(feature = "download")]
mod fetch;
mod published;

use std::path::{Path, PathBuf};

use dream_core::Progress;
use dream_library::staging_file;
use dream_neural::Htdemucs;
use dream_neural::weights::Store;
use serde::{Deserialize, Serialize};

use crate::runner::Work;
use crate::{Engine, Error};
use published::{Published, Set};

/// The separator that needs no weights.
pub const BUILTIN: &str = "builtin";

/// Longest name of a model.
const MAX_NAME: usize = 64;

/// Where a model is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelKind {
    /// Part of the program.
    Builtin,
    /// Published weights.
    Published,
    /// A checkpoint of one's own.
    Own,
}

/// A model by which tracks can be separated.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Model {
    /// Its name.
    pub name: String,
    /// Where it is from.
    pub kind: ModelKind,
    /// Whether it can be used now.
    pub installed: bool,
    /// What it gives.
    pub what: String,
    /// The stems it gives; empty where only its checkpoint tells.
    pub sources: Vec<String>,
    /// How good its stems are: `dsp` or `demucs`.
    pub quality_tier: &'static str,
    /// SPDX licence expression of the model's code.
    pub licence: Option<String>,
    /// About what its files need, in bytes.
    pub size_bytes: u64,
    /// Where it is published.
    pub home: Option<String>,
    /// Its files.
    pub files: Vec<String>,
}

/// What to install of a published model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchSpec {
    /// The model.
    pub name: String,
    /// A file fetched by hand, or a folder of them; downloaded when absent.
    pub from: Option<PathBuf>,
}

/// A checkpoint of one's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddSpec {
    /// The name it gets.
    pub name: String,
    /// The file.
    pub path: PathBuf,
}

/// What became of looking at a file of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// The model.
    pub name: String,
    /// The file.
    pub path: String,
    /// Its SHA-256, where it could be read.
    pub sha256: Option<String>,
    /// Why it cannot be used, if it cannot.
    pub fault: Option<String>,
}

impl Engine {
    /// Every model: that of the program, those published, those added.
    ///
    /// # Errors
    /// `Io` when the folder of the models cannot be read.
    pub fn models(&self) -> Result<Vec<Model>, Error> {
        let mut models = vec![builtin()];
        let sets = published::sets();
        for set in &sets {
            models.push(self.published(set));
        }
        let folder = self.home().pretrained();
        for name in folders(&folder)? {
            if name != BUILTIN && !sets.iter().any(|set| set.name == name) {
                let files = checkpoints(&folder.join(&name));
                models.extend((!files.is_empty()).then(|| own(&name, &files)));
            }
        }
        Ok(models)
    }

    /// The model of that name.
    ///
    /// # Errors
    /// `NotFound` when nothing has that name.
    pub fn model(&self, name: &str) -> Result<Model, Error> {
        let found = self.models()?.into_iter().find(|model| model.name == name);
        found.ok_or_else(|| Error::NotFound(format!("model {name:?}: see `dream models list`")))
    }

    /// Reads every file of every installed model, and builds its network.
    ///
    /// # Errors
    /// `Io` when the folder of the models cannot be read; `Cancelled`.
    pub fn verify_models(&self, progress: &Progress) -> Result<Vec<Verified>, Error> {
        let mut seen = Vec::new();
        for model in self.models()?.into_iter().filter(|model| model.installed) {
            for file in &model.files {
                progress.check()?;
                let checked = check(Path::new(file), &published::promises(&model.name, file));
                let (sha256, fault) = match checked {
                    Ok(sha256) => (Some(sha256), None),
                    Err(error) => (None, Some(dream_core::chain(&error))),
                };
                seen.push(Verified { name: model.name.clone(), path: file.clone(), sha256, fault });
            }
        }
        Ok(seen)
    }

    /// Removes the files of a model, those of an interrupted download among them.
    ///
    /// # Errors
    /// `NotFound` when nothing of it is there; `Invalid` for the model of the program itself.
    pub fn remove_model(&self, name: &str) -> Result<(), Error> {
        if name == BUILTIN {
            return Err(Error::Invalid("builtin is part of the program".to_owned()));
        }
        let folder = self.home().pretrained().join(checked(name)?);
        if !folder.is_dir() {
            return Err(Error::NotFound(format!("installed model {name:?}")));
        }
        std::fs::remove_dir_all(&folder).map_err(io("remove", &folder))
    }

    fn published(&self, set: &Set) -> Model {
        let folder = self.home().pretrained().join(&set.name);
        let files: Vec<PathBuf> =
            set.networks.iter().filter_map(|network| network.installed(&folder)).collect();
        Model {
            name: set.name.clone(),
            kind: ModelKind::Published,
            installed: files.len() == set.networks.len(),
            what: set.what.clone(),
            sources: set.sources.clone(),
            quality_tier: "demucs",
            licence: Some(set.licence.clone()),
            size_bytes: set.megabytes * 1_000_000,
            home: Some(set.home.clone()),
            files: files.iter().map(|file| file.to_string_lossy().into_owned()).collect(),
        }
    }
}

/// How much each network of a published bag says about each source.
pub(crate) fn bag_weights(name: &str) -> Option<Vec<Vec<f32>>> {
    published::sets().into_iter().find(|set| set.name == name)?.weights
}

/// Installs a published model: downloads it, or takes files that were fetched by hand.
pub(crate) fn fetch(work: &Work<'_>, spec: &FetchSpec) -> Result<Model, Error> {
    let engine = work.engine;
    let sets = published::sets();
    let Some(set) = sets.iter().find(|set| set.name == spec.name) else {
        let names: Vec<&str> = sets.iter().map(|set| set.name.as_str()).collect();
        let text = format!("published model {:?}; there are {}", spec.name, names.join(", "));
        return Err(Error::NotFound(text));
    };
    let folder = engine.home().pretrained().join(&set.name);
    std::fs::create_dir_all(&folder).map_err(io("create", &folder))?;
    if let Some(from) = &spec.from {
        install(set, from, &folder)?;
    } else {
        download(engine, set, &folder, work.progress)?;
    }
    engine.model(&set.name)
}

/// Brings the files of a set that are not there yet.
#[cfg(feature = "download")]
fn download(engine: &Engine, set: &Set, folder: &Path, progress: &Progress) -> Result<(), Error> {
    let mirror = engine.config().weights_mirror.as_deref();
    let client = fetch::Client::new(mirror, fetch::proxy());
    for network in &set.networks {
        if network.installed(folder).is_none() {
            client.fetch(network, folder, progress)?;
        }
    }
    Ok(())
}

/// Without the feature nothing is brought.
#[cfg(not(feature = "download"))]
fn download(_: &Engine, set: &Set, folder: &Path, _: &Progress) -> Result<(), Error> {
    if set.networks.iter().all(|network| network.installed(folder).is_some()) {
        return Ok(());
    }
    let text = "this build does not download: fetch the files by hand and install them with --from";
    Err(Error::Invalid(text.to_owned()))
}

/// Installs a checkpoint of one's own under a name.
pub(crate) fn add(work: &Work<'_>, spec: &AddSpec) -> Result<Model, Error> {
    let name = checked(&spec.name)?;
    if name == BUILTIN || published::sets().iter().any(|set| set.name == name) {
        let text = format!("{name} is a published model; choose another name for your own");
        return Err(Error::Invalid(text));
    }
    let folder = work.engine.home().pretrained().join(name);
    if !checkpoints(&folder).is_empty() {
        let text = format!("there is a model {name}: remove it first, or choose another name");
        return Err(Error::Invalid(text));
    }
    let pretrained = work.engine.home().pretrained();
    let staged = stage(&spec.path, &pretrained)?;
    let unusable = |source| Error::Weights { path: spec.path.clone(), source };
    let store = Store::open(staged.path()).map_err(unusable)?;
    Htdemucs::new(&store).map_err(unusable)?;
    let ending = match spec.path.extension().and_then(|ending| ending.to_str()) {
        Some("safetensors") => "safetensors",
        _ => "th",
    };
    std::fs::create_dir_all(&folder).map_err(io("create", &folder))?;
    let path = folder.join(format!("{name}-{}.{ending}", &store.sha256()[..8]));
    persist(staged, &path)?;
    work.engine.model(name)
}

/// Takes a file fetched by hand, or every one of a folder that belongs to the set.
fn install(set: &Set, from: &Path, folder: &Path) -> Result<(), Error> {
    if !from.is_dir() {
        let sha256 = published::digest(from).map_err(io("read", from))?;
        let known = |file: &&Published| sha256.starts_with(&file.sha256);
        let file = set.networks.iter().flat_map(|network| &network.files).find(known);
        let Some(file) = file else {
            let text =
                format!("{} is no file of {}: its SHA-256 is {sha256}", from.display(), set.name);
            return Err(Error::Invalid(text));
        };
        return take(from, &folder.join(&file.name), &file.sha256);
    }
    for network in &set.networks {
        let file = network.files.iter().find(|file| from.join(&file.name).is_file());
        let Some(file) = file else {
            let names: Vec<&str> = network.files.iter().map(|file| file.name.as_str()).collect();
            let text = format!("{} in {}", names.join(" or "), from.display());
            return Err(Error::NotFound(text));
        };
        take(&from.join(&file.name), &folder.join(&file.name), &file.sha256)?;
    }
    Ok(())
}

/// Copies a checkpoint to its place, after looking at the copy.
fn take(from: &Path, to: &Path, promised: &str) -> Result<(), Error> {
    let staged = stage(from, to.parent().unwrap_or(Path::new(".")))?;
    check(staged.path(), promised)?;
    persist(staged, to)
}

fn stage(from: &Path, folder: &Path) -> Result<tempfile::NamedTempFile, Error> {
    let mut source = std::fs::File::open(from).map_err(io("read", from))?;
    let mut staged = staging_file(folder).map_err(io("write in", folder))?;
    std::io::copy(&mut source, &mut staged).map_err(io("copy", from))?;
    staged.as_file().sync_all().map_err(io("write in", folder))?;
    Ok(staged)
}

fn persist(staged: tempfile::NamedTempFile, to: &Path) -> Result<(), Error> {
    let persisted = staged.persist(to).map_err(|error| error.error);
    persisted.map(drop).map_err(io("write", to))
}

/// Reads a checkpoint and builds its network; its SHA-256.
fn check(path: &Path, promised: &str) -> Result<String, Error> {
    let unusable = |source| Error::Weights { path: path.to_owned(), source };
    let store = Store::open(path).map_err(unusable)?;
    if !store.sha256().starts_with(promised) {
        let (expected, got) = (promised.to_owned(), store.sha256()[..promised.len()].to_owned());
        return Err(unusable(dream_neural::Error::Checksum { expected, got }));
    }
    Htdemucs::new(&store).map_err(unusable)?;
    Ok(store.sha256().to_owned())
}

fn builtin() -> Model {
    Model {
        name: BUILTIN.to_owned(),
        kind: ModelKind::Builtin,
        installed: true,
        what: "drums, bass, other, vocals by signal processing: rough, and always there".to_owned(),
        sources: ["drums", "bass", "other", "vocals"].map(str::to_owned).to_vec(),
        quality_tier: "dsp",
        licence: None,
        size_bytes: 0,
        home: None,
        files: Vec::new(),
    }
}

fn own(name: &str, files: &[PathBuf]) -> Model {
    let size = |file: &PathBuf| file.metadata().map_or(0, |metadata| metadata.len());
    Model {
        name: name.to_owned(),
        kind: ModelKind::Own,
        installed: true,
        what: "a checkpoint of one's own".to_owned(),
        sources: Vec::new(),
        quality_tier: "demucs",
        licence: None,
        size_bytes: files.iter().map(size).sum(),
        home: None,
        files: files.iter().map(|file| file.to_string_lossy().into_owned()).collect(),
    }
}

/// A name that is a folder of its own and nothing else.
fn checked(name: &str) -> Result<&str, Error> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(good) {
        let text = format!("the name of a model has 1 to {MAX_NAME} letters, digits, - and _");
        return Err(Error::Invalid(text));
    }
    Ok(name)
}

/// The names of the folders in a folder, in order.
fn folders(folder: &Path) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io("read", folder))? {
        let entry = entry.map_err(io("read", folder))?;
        if entry.path().is_dir() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// The checkpoints in a folder, in order; none where it cannot be read.
fn checkpoints(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let is_checkpoint = |path: &PathBuf| {
        let ending = path.extension().and_then(|ending| ending.to_str());
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        !hidden && matches!(ending, Some("th" | "safetensors"))
    };
    let mut files: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(is_checkpoint).collect();
    files.sort();
    files
}

fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { action, path, source }
}

#[cfg(test)]
#[cfg(feature = "download")]
mod tests;
