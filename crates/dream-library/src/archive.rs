//! The format of a backup: a ZIP file, uncompressed, of files by their place in the home, with a list of their sizes and
//! BLAKE3 digests as its last entry. Any tool opens it; nothing in it is believed before its digest was compared.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::care::is_hash;
use crate::{Error, Moment, io};

/// The list of the files.
const LIST: &str = "dream-backup.json";

/// The format written and the newest that is read.
const FORMAT: u32 = 1;

/// Largest list that is read: 4 million files.
const MAX_LIST: u64 = 1 << 30;

/// Folders of the home whose files are kept whole, whatever they are.
pub(crate) const FOLDERS: [&str; 3] = ["models", "generated_tracks", "genres"];

/// The database.
pub(crate) const DATABASE: &str = "processed_database/library.db";

/// The folder of the audio, with the stroke behind it.
pub(crate) const STEMS: &str = "processed_database/stems/";

/// What a backup holds.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct List {
    format: u32,
    /// Version of the program that wrote it.
    pub(crate) program: String,
    /// When the state that it holds was that of the library.
    pub(crate) at: Moment,
    pub(crate) files: Vec<Item>,
}

/// A file of a backup.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Item {
    /// Its place in the home.
    pub(crate) path: String,
    size: u64,
    blake3: String,
}

/// A backup being written.
pub(crate) struct Writer<W: Write + std::io::Seek> {
    zip: ZipWriter<BufWriter<W>>,
    list: List,
    pub(crate) bytes: u64,
}

impl<W: Write + std::io::Seek> Writer<W> {
    pub(crate) fn new(file: W, program: &str, at: Moment) -> Self {
        let list = List { format: FORMAT, program: program.to_owned(), at, files: Vec::new() };
        let zip = ZipWriter::new(BufWriter::with_capacity(1 << 18, file));
        Self { zip, list, bytes: 0 }
    }

    /// Copies what `source` gives under that place.
    pub(crate) fn add(&mut self, path: &str, source: &mut dyn Read) -> std::io::Result<()> {
        self.zip.start_file(path, options())?;
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0; 1 << 17];
        let mut size = 0;
        loop {
            let count = source.read(&mut buffer)?;
            if count == 0 {
                break;
            }
            hasher.update(&buffer[..count]);
            self.zip.write_all(&buffer[..count])?;
            size += count as u64;
        }
        self.bytes += size;
        let blake3 = hasher.finalize().to_hex().to_string();
        self.list.files.push(Item { path: path.to_owned(), size, blake3 });
        Ok(())
    }

    /// Writes the list, and the end; how many files there are.
    pub(crate) fn finish(mut self) -> std::io::Result<u64> {
        self.zip.start_file(LIST, options())?;
        serde_json::to_writer(&mut self.zip, &self.list)?;
        self.zip.finish()?.flush()?;
        Ok(self.list.files.len() as u64)
    }
}

fn options() -> SimpleFileOptions {
    SimpleFileOptions::default().compression_method(CompressionMethod::Stored).large_file(true)
}

/// A backup being read, its list checked: every name in it is a place that a backup may write to.
pub(crate) struct Reader {
    path: PathBuf,
    zip: ZipArchive<BufReader<File>>,
    pub(crate) list: List,
}

impl Reader {
    /// Opens a backup and reads its list.
    ///
    /// # Errors
    /// `Io` when the file cannot be opened, `NotABackup` when it is none, is cut short, or names a place outside.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let foreign = |why: String| Error::NotABackup { path: path.to_owned(), why };
        let file = File::open(path).map_err(io("open", path))?;
        let length = file.metadata().map_err(io("open", path))?.len();
        let mut zip = ZipArchive::new(BufReader::new(file))
            .map_err(|_| foreign("it is not an archive, or it is cut short".to_owned()))?;
        let list: List = {
            let entry = zip.by_name(LIST);
            let entry = entry.map_err(|_| foreign(format!("it holds no {LIST}")))?;
            let mut text = Vec::new();
            let read = entry.take(MAX_LIST).read_to_end(&mut text);
            read.map_err(|error| foreign(format!("{LIST}: {error}")))?;
            serde_json::from_slice(&text).map_err(|error| foreign(format!("{LIST}: {error}")))?
        };
        if list.format > FORMAT {
            return Err(foreign(format!("its format is {}, known is {FORMAT}", list.format)));
        }
        let mut seen = BTreeSet::new();
        for item in &list.files {
            if !is_place(&item.path) {
                return Err(foreign(format!("it names the place {:?}", item.path)));
            }
            if !seen.insert(item.path.to_lowercase()) {
                return Err(foreign(format!("it names {:?} twice", item.path)));
            }
        }
        let named = list.files.iter().try_fold(0u64, |sum, item| sum.checked_add(item.size));
        if named.is_none_or(|named| named > length) {
            return Err(foreign("it claims to hold more than it is long".to_owned()));
        }
        if !seen.contains(DATABASE) {
            return Err(foreign("it holds no database".to_owned()));
        }
        Ok(Self { path: path.to_owned(), zip, list })
    }

    /// Writes a file of the list to `target` and compares its digest.
    ///
    /// # Errors
    /// `NotABackup` when it is not what the list says, `Io` when it cannot be written.
    pub(crate) fn extract(&mut self, index: usize, target: &Path) -> Result<u64, Error> {
        let item = &self.list.files[index];
        let damaged = |why: &str| Error::NotABackup {
            path: self.path.clone(),
            why: format!("{} is damaged: {why}", item.path),
        };
        let entry = self.zip.by_name(&item.path).map_err(|error| damaged(&error.to_string()))?;
        let mut entry = entry.take(item.size.saturating_add(1));
        let mut file = File::create_new(target).map_err(io("write", target))?;
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0; 1 << 17];
        let mut size = 0;
        loop {
            let count = entry.read(&mut buffer).map_err(|error| damaged(&error.to_string()))?;
            if count == 0 {
                break;
            }
            hasher.update(&buffer[..count]);
            file.write_all(&buffer[..count]).map_err(io("write", target))?;
            size += count as u64;
        }
        if size != item.size {
            return Err(damaged("it has another size"));
        }
        if hasher.finalize().to_hex().as_str() != item.blake3 {
            return Err(damaged("it has another digest"));
        }
        file.sync_all().map_err(io("write", target))?;
        Ok(size)
    }
}

/// Whether a backup may write there: the database, audio by its hash, and files in the folders that are kept whole.
fn is_place(path: &str) -> bool {
    if path == DATABASE {
        return true;
    }
    if let Some(name) = path.strip_prefix(STEMS) {
        return name.strip_suffix(".wav").is_some_and(is_hash);
    }
    // Also what leads elsewhere on another system: drives, streams, backslashes.
    if path.len() > 4096 || path.chars().any(|c| c.is_control() || matches!(c, '\\' | ':')) {
        return false;
    }
    let mut parts = path.split('/');
    let folder = parts.next().is_some_and(|first| FOLDERS.contains(&first));
    let rest: Vec<&str> = parts.collect();
    folder && !rest.is_empty() && rest.iter().all(|part| !matches!(*part, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_places_of_a_home_are_written_to() {
        let hash = "0123456789abcdef".repeat(4);
        for good in [DATABASE, "models/kick_vae.safetensors", "generated_tracks/a/b c.wav"] {
            assert!(is_place(good), "{good}");
        }
        assert!(is_place(&format!("{STEMS}{hash}.wav")));
        for bad in [
            "",
            "/etc/passwd",
            "../x",
            "models",
            "models/",
            "models/../../x",
            "models/./x",
            "models//x",
            "models\\..\\x",
            "models/C:x",
            "models/a\0b",
            "processed_database/library.db-wal",
            "processed_database/stems/x.wav",
            "processed_database/stems/../x.wav",
            "dream.toml",
        ] {
            assert!(!is_place(bad), "{bad}");
        }
        assert!(!is_place(&format!("{STEMS}../{hash}.wav")));
    }
}
