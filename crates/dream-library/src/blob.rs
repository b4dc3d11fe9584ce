//! Audio blobs: write-once files named by the content they hold.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use tempfile::NamedTempFile;

use crate::{Error, io};

/// A folder of audio files, each named by the hash of its audio.
#[derive(Debug, Clone)]
pub struct Blobs {
    folder: PathBuf,
}

impl Blobs {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Where the audio of that hash lies, stored or not.
    pub fn path(&self, hash: &str) -> PathBuf {
        self.folder.join(format!("{hash}.wav"))
    }

    /// Whether the audio of that hash is stored.
    pub fn contains(&self, hash: &str) -> bool {
        self.path(hash).is_file()
    }

    /// Stores what `write` writes under `hash`, unless it is there.
    ///
    /// # Errors
    /// `Io` when the folder cannot be written or is full.
    pub fn put(
        &self,
        hash: &str,
        write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
    ) -> Result<(), Error> {
        let path = self.path(hash);
        // An old file without a row may be moved away at any moment (`set_aside`); one that was touched is left, or put back.
        if path.is_file() && touch(&path).is_ok() && path.is_file() {
            return Ok(());
        }
        write_file(&path, write)
    }

    /// Removes the audio of that hash, if it is there.
    pub(crate) fn remove(&self, hash: &str) -> Result<(), Error> {
        match std::fs::remove_file(self.path(hash)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(io("remove", self.path(hash))(error))
            }
            _ => Ok(()),
        }
    }
}

/// Writes a file whole or not at all, in place of one that is there: a temporary file beside it, synced, renamed,
/// and the folder synced.
///
/// # Errors
/// `Io` when `write` fails, or the folder cannot be written or is full.
pub fn write_file(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
) -> Result<(), Error> {
    let failed = |source| Error::Io { action: "write", path: path.to_owned(), source };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let mut buffer = BufWriter::with_capacity(1 << 16, staging_file(folder).map_err(failed)?);
    write(&mut buffer).map_err(failed)?;
    let temporary = buffer.into_inner().map_err(|error| failed(error.into_error()))?;
    temporary.as_file().sync_all().map_err(failed)?;
    temporary.persist(path).map_err(|error| failed(error.error))?;
    sync_folder(folder).map_err(failed)
}

/// The time by the clock that dates the files of `folder`, which is not always that of this machine.
pub(crate) fn file_time(folder: &Path) -> std::io::Result<SystemTime> {
    tempfile::tempfile_in(folder)?.metadata()?.modified()
}

fn touch(path: &Path) -> std::io::Result<()> {
    let now = file_time(path.parent().unwrap_or(Path::new(".")))?;
    File::options().append(true).open(path)?.set_modified(now)
}

/// How the names of files begin that are being written.
pub(crate) const STAGING: &str = ".writing-";

/// A temporary file that is to be renamed within `folder`, with the permissions of any new file: those of a
/// temporary one would keep everybody else from reading it.
///
/// # Errors
/// When the folder cannot be written.
pub fn staging_file(folder: &Path) -> std::io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(STAGING);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

/// Makes a rename in `folder` survive a power loss. Only Unix can open a folder for it.
pub(crate) fn sync_folder(folder: &Path) -> std::io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// The identity of audio: BLAKE3 over its shape and samples, as lower-case hex.
///
/// `samples` has shape `[channels, frames]`; the same music from two lossless containers hashes alike.
pub fn content_hash(channels: usize, samples: &[f32]) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(channels as u64).to_le_bytes());
    let mut bytes = Vec::with_capacity(4 * 4096);
    for chunk in samples.chunks(4096) {
        bytes.clear();
        // Adding +0 turns -0 into +0: equal samples hash alike.
        bytes.extend(chunk.iter().flat_map(|sample| (sample + 0.0).to_le_bytes()));
        hasher.update(&bytes);
    }
    hasher.finalize().to_hex().to_string()
}

/// BLAKE3 of the bytes of a file, as lower-case hex; memory use does not depend on its size.
///
/// # Errors
/// `Io` when it cannot be read.
pub fn file_digest(path: &Path) -> Result<String, Error> {
    let mut file = File::open(path).map_err(io("read", path))?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer).map_err(io("read", path))? {
            0 => return Ok(hasher.finalize().to_hex().to_string()),
            count => hasher.update(&buffer[..count]),
        };
    }
}

/// BLAKE3 of bytes in memory, as lower-case hex.
pub fn digest(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

pub(crate) fn text_digest(parts: &[&str]) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}
