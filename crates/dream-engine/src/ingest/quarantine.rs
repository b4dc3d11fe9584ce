//! Quarantine: a copy of every file that could not be used, and why, for a human to look at.
//!
//! The original stays where it is. Everything here can be made again, so nothing is synced.

use std::io::Write;
use std::path::Path;

use dream_library::{staging_file, write_file};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ingest::Refusal;
use crate::ingest::scan::Candidate;
use crate::{Clock, Engine, Error};

/// Longest name of a copy in bytes; file systems allow 255 for it with all that is appended.
const MAX_NAME: usize = 180;

/// Names tried before giving up on a free one.
const MAX_TRIES: u32 = 10_000;

/// The report beside the copy.
#[derive(Debug, Serialize, Deserialize)]
struct Report {
    /// Where the original lies.
    path: String,
    /// Code of the reason.
    reason: String,
    /// The reason in words.
    message: String,
    /// Size of the original in bytes.
    size: u64,
    /// Whether the original was copied here; if not, why.
    copied: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_copied_because: Option<String>,
    /// When it was refused, RFC 3339.
    at: String,
    /// Rows of the library that went with it, as they were.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    rows: Vec<Value>,
}

/// Puts the file into quarantine, in place of what an earlier run put there for it.
pub(crate) fn put(
    engine: &Engine,
    file: &Candidate,
    size: u64,
    refusal: &Refusal,
) -> Result<(), Error> {
    let folder = engine.home().quarantine();
    let failed = |source| Error::Io { action: "write to", path: folder.clone(), source };
    let name = free_name(&folder, file);
    let copied = copy(engine, &file.path, size, &folder, &name);
    let report = Report {
        path: file.key.clone(),
        reason: refusal.reason.to_owned(),
        message: refusal.message.clone(),
        size,
        copied: copied.is_ok(),
        not_copied_because: copied.err(),
        at: Clock::text(engine.now()),
        rows: Vec::new(),
    };
    let mut text = serde_json::to_vec_pretty(&report).map_err(|error| failed(error.into()))?;
    text.push(b'\n');
    let mut temporary = staging_file(&folder).map_err(failed)?;
    temporary.write_all(&text).map_err(failed)?;
    temporary.persist(folder.join(format!("{name}.json"))).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Moves a file to where it is told; whether it did.
pub(crate) type Put<'a> = dyn Fn(&Path) -> Result<bool, Error> + 'a;

/// Keeps what a check of the library takes away, under a name that nothing has: `put` moves it there, if there is a file, and
/// says whether it did. The rows that go with it lie in the report. `None` when nothing was moved.
pub(crate) fn keep(
    engine: &Engine,
    path: &Path,
    refusal: &Refusal,
    rows: &[Value],
    put: Option<&Put<'_>>,
) -> Result<Option<String>, Error> {
    let folder = engine.home().quarantine();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // A name with a dot is overlooked, and that of a leftover would be one here, too.
    let name = first_free(&folder, &shortened(name.trim_start_matches('.')), "", |_| false);
    let size = path.symlink_metadata().map_or(0, |metadata| metadata.len());
    if let Some(put) = put
        && !put(&folder.join(&name))?
    {
        return Ok(None);
    }
    let report = Report {
        path: path.to_string_lossy().into_owned(),
        reason: refusal.reason.to_owned(),
        message: refusal.message.clone(),
        size,
        copied: put.is_some(),
        not_copied_because: put.is_none().then(|| "there is no file".to_owned()),
        at: Clock::text(engine.now()),
        rows: rows.to_vec(),
    };
    let place = folder.join(format!("{name}.json"));
    let text = serde_json::to_vec_pretty(&report)
        .map_err(|source| Error::Stored { what: "report", source })?;
    // Synced, unlike what can be made again: the rows are nowhere else any more.
    write_file(&place, |file| file.write_all(&text))?;
    Ok(Some(name))
}

/// Copies a regular file whose size is within the limit; the text of the error says why it was not.
fn copy(engine: &Engine, path: &Path, size: u64, folder: &Path, name: &str) -> Result<(), String> {
    // What a link leads to may be nobody's material, and a pipe would never end.
    let metadata = path.symlink_metadata().map_err(|error| error.to_string())?;
    if metadata.is_symlink() {
        return Err("a symbolic link".to_owned());
    }
    if !metadata.is_file() {
        return Err("not a regular file".to_owned());
    }
    let limit = engine.config().quarantine_bytes;
    if size > limit {
        return Err(format!("larger than {} MiB (quarantine_mib)", limit >> 20));
    }
    let copy = || -> std::io::Result<()> {
        let mut source = std::fs::File::open(path)?;
        let mut temporary = staging_file(folder)?;
        // Limited again: it may have grown since.
        std::io::copy(&mut std::io::Read::take(&mut source, limit), &mut temporary)?;
        temporary.persist(folder.join(name)).map_err(|error| error.error)?;
        Ok(())
    };
    copy().map_err(|error| error.to_string())
}

/// A name under which nothing lies but what an earlier run put there for the same file.
fn free_name(folder: &Path, file: &Candidate) -> String {
    let name = file.path.file_name().unwrap_or_default().to_string_lossy();
    first_free(folder, &shortened(&name), &file.key, |report| report.path == file.key)
}

/// The name, numbered until nothing lies under it but what is `own`.
fn first_free(folder: &Path, name: &str, key: &str, own: impl Fn(&Report) -> bool) -> String {
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => (stem, format!(".{extension}")),
        _ => (name, String::new()),
    };
    let is_free = |name: &String| {
        let report = folder.join(format!("{name}.json"));
        match std::fs::read(&report) {
            Ok(text) => serde_json::from_slice::<Report>(&text).is_ok_and(|report| own(&report)),
            Err(_) => !report.exists() && !folder.join(name).exists(),
        }
    };
    let numbered = |n: u32| {
        if n == 1 { name.to_owned() } else { format!("{stem}~{n}{extension}") }
    };
    (1..=MAX_TRIES)
        .map(numbered)
        .find(is_free)
        .unwrap_or_else(|| format!("{stem}~{}{extension}", dream_library::digest(key.as_bytes())))
}

/// The name without control characters, and cut to a length that leaves room for what is appended.
fn shortened(name: &str) -> String {
    let clean: String =
        name.chars().map(|c| if c.is_control() || c == '/' { '_' } else { c }).collect();
    if clean.len() <= MAX_NAME {
        return clean;
    }
    let (stem, extension) = clean.rsplit_once('.').unwrap_or((&clean, ""));
    let extension: String = extension.chars().take(8).collect();
    let end = (0..=MAX_NAME - 40).rev().find(|i| stem.is_char_boundary((*i).min(stem.len())));
    let cut = &stem[..end.unwrap_or(0).min(stem.len())];
    format!("{cut}.{extension}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_cut_between_characters() {
        for name in ["é".repeat(300) + ".wav", "x".repeat(255), "a\nb.wav".to_owned()] {
            let short = shortened(&name);
            assert!(short.len() <= MAX_NAME, "{short}");
            assert!(!short.contains('\n'));
        }
        assert_eq!(shortened("kick 01.wav"), "kick 01.wav");
        assert!(shortened(&("é".repeat(300) + ".wav")).ends_with("é.wav"));
    }
}
