//! Labelled sounds of a folder, for the programs that fit tables and weights to them.
//!
//! Truth comes from the CSV tables in the folder (or, if it has none, in the one above) with the columns `file`
//! (relative to the table) and `category`, and `licence`, `source_repo`, `source_path` where they are known. Where no
//! table speaks of the folder, the name of each file's own folder is its category. Rows whose category is no word of
//! `Category::parse` are left out. The order is that of the paths, so that nothing depends on the file system.
//! Include it with `#[path = "support/labelled.rs"] mod labelled;`.
#![allow(dead_code, reason = "each program uses a part")]

use std::error::Error;
use std::path::{Path, PathBuf};

use dream_audio::Clip;
use dream_audio::decode::{Limits, decode_file};
use dream_audio::resample::resample;
use dream_core::{Category, SampleRate};

/// A sound and what is known of it beside its name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Labelled {
    /// Where it lies.
    pub(crate) path: PathBuf,
    /// What it is.
    pub(crate) category: Category,
    /// The word of the table for that: finer than the category, such as `tom`.
    pub(crate) word: String,
    /// Its licence as the table words it; empty if nobody states one.
    pub(crate) licence: String,
    /// Who made it: the repository it is from; without a table, the folder above that of its category.
    pub(crate) maker: String,
    /// The folder it had there: sounds of one maker and folder were made together.
    pub(crate) pack: String,
}

impl Labelled {
    /// Whether the licence allows to train on it and to give the result away: CC0, public domain, MIT, Apache and
    /// CC-BY do; GPL, share-alike, non-commercial, no-derivatives and unstated ones do not.
    pub(crate) fn is_free(&self) -> bool {
        is_free(&self.licence)
    }

    /// Its sound at the library's rate.
    ///
    /// # Errors
    /// Whatever the decoder says.
    pub(crate) fn clip(&self) -> Result<Clip, dream_audio::Error> {
        let decoded = decode_file(&self.path, &Limits::default())?;
        Ok(resample(&decoded.clip, SampleRate::LIBRARY))
    }
}

/// See [`Labelled::is_free`].
pub(crate) fn is_free(licence: &str) -> bool {
    let licence = licence.trim().to_lowercase().replace(['_', ' '], "-");
    let has = |word: &str| licence.split(|c: char| !c.is_alphanumeric()).any(|w| w == word);
    let bound = ["gpl", "lgpl", "agpl", "nc", "sa", "nd", "noncommercial"].into_iter().any(has);
    let free = ["cc0", "public-domain", "mit", "apache", "cc-by"];
    !bound && free.iter().any(|word| licence.starts_with(word))
}

/// The labelled sounds of `dir`, by path.
///
/// # Errors
/// If a folder or a table cannot be read.
pub(crate) fn sounds(dir: &Path) -> Result<Vec<Labelled>, Box<dyn Error>> {
    let mut sounds = tabled(dir, dir)?;
    if sounds.is_empty()
        && let Some(above) = dir.canonicalize()?.parent()
    {
        sounds = tabled(above, &dir.canonicalize()?)?;
    }
    if sounds.is_empty() {
        sounds = foldered(dir)?;
    }
    sounds.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(sounds)
}

/// The rows of all tables directly in `home` whose files lie under `dir`.
fn tabled(home: &Path, dir: &Path) -> Result<Vec<Labelled>, Box<dyn Error>> {
    let mut sounds = Vec::new();
    for entry in walkdir::WalkDir::new(home).max_depth(1).sort_by_file_name() {
        let entry = entry?;
        if !entry.path().extension().is_some_and(|e| e.eq_ignore_ascii_case("csv")) {
            continue;
        }
        let mut table = csv::ReaderBuilder::new().flexible(true).from_path(entry.path())?;
        let names = table.headers()?.clone();
        let column = |name: &str| names.iter().position(|n| n == name);
        let (Some(file), Some(category)) = (column("file"), column("category")) else { continue };
        let others = ["licence", "source_repo", "source_path"].map(column);
        for row in table.records() {
            let row = row?;
            let [licence, maker, source] =
                others.map(|i| i.and_then(|i| row.get(i)).unwrap_or_default().to_owned());
            let path = home.join(row.get(file).unwrap_or_default());
            let folder = source.rsplit_once('/').map_or("", |(folder, _)| folder);
            let word = row.get(category).unwrap_or_default().to_lowercase();
            if let Some(category) = Category::parse(&word)
                && path.starts_with(dir)
                && path.is_file()
            {
                let pack = format!("{maker}/{folder}");
                sounds.push(Labelled { path, category, word, licence, maker, pack });
            }
        }
    }
    Ok(sounds)
}

/// Every file whose folder is named after a category.
fn foldered(dir: &Path) -> Result<Vec<Labelled>, Box<dyn Error>> {
    let mut sounds = Vec::new();
    for entry in walkdir::WalkDir::new(dir).sort_by_file_name() {
        let entry = entry?;
        let Some(folder) = entry.path().parent() else { continue };
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        if let Some(category) = Category::parse(&name)
            && entry.file_type().is_file()
        {
            let above = folder.parent().unwrap_or(dir).to_string_lossy().into_owned();
            let (maker, pack) = (above.clone(), above);
            let (word, licence) = (name.to_lowercase(), String::new());
            let path = entry.into_path();
            sounds.push(Labelled { path, category, word, licence, maker, pack });
        }
    }
    Ok(sounds)
}
