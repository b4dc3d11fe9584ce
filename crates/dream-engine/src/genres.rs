//! The genres of a user: a file each, beside or in place of the built-in ones.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use dream_compose::genre::{Genre, Genres};

use crate::Error;

/// Most genre files of a folder.
const MOST_FILES: usize = 200;
/// Largest genre file, in bytes.
const MOST_BYTES: u64 = 1 << 20;

/// The built-in genres and, over them, those of the `*.toml` files in a folder, by name. A folder that is
/// not there holds none, unless it was asked for.
///
/// # Errors
/// `Genre` with file and line of what is wrong in one, `Io` for a file or folder that cannot be read,
/// `Invalid` for too many or too large ones.
pub(crate) fn load(folder: &Path, required: bool) -> Result<Genres, Error> {
    let mut genres = Genres::builtin().clone();
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !required => {
            return Ok(genres);
        }
        Err(source) => return Err(Error::Io { action: "read", path: folder.to_owned(), source }),
    };
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in entries {
        let path = entry
            .map_err(|source| Error::Io { action: "read", path: folder.to_owned(), source })?
            .path();
        if path.extension().is_some_and(|end| end == "toml") {
            files.push(path);
        }
    }
    files.sort();
    if files.len() > MOST_FILES {
        let text = format!("{} holds more than {MOST_FILES} genres", folder.display());
        return Err(Error::Invalid(text));
    }
    for path in files {
        let text = read(&path)?;
        genres.add(Genre::parse(&path.display().to_string(), &text)?);
    }
    Ok(genres)
}

fn read(path: &Path) -> Result<String, Error> {
    let mut text = String::new();
    let file =
        File::open(path).and_then(|file| file.take(MOST_BYTES + 1).read_to_string(&mut text));
    file.map_err(|source| Error::Io { action: "read", path: path.to_owned(), source })?;
    if text.len() as u64 > MOST_BYTES {
        return Err(Error::Invalid(format!("{} is larger than 1 MiB", path.display())));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dream_core::chain;

    #[expect(clippy::disallowed_methods, reason = "the test writes genre files")]
    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    /// The built-in techno under another name.
    fn gabber() -> String {
        let techno = include_str!("../../dream-compose/genres/techno.toml");
        techno.replace("name = \"techno\"", "name = \"gabber\"").replacen(
            "\"techno\",",
            "\"gabber\",",
            1,
        )
    }

    #[test]
    fn a_folder_adds_genres_and_other_files_are_left_alone() {
        let folder = folder(&[("gabber.toml", &gabber()), ("notes.txt", "none of it")]);
        let genres = load(folder.path(), true).unwrap();
        assert_eq!(genres.all().len(), Genres::builtin().all().len() + 1);
        assert!(genres.named("gabber").is_some());
    }

    #[test]
    fn a_fault_is_named_with_file_and_line() {
        let broken = gabber().replace("a49 ....8.......8...", "a49 ....8.......8..");
        let folder = folder(&[("gabber.toml", &broken)]);
        let text = chain(&load(folder.path(), true).unwrap_err());
        let line = 1 + broken.lines().position(|line| line.contains("....8.......8..\"")).unwrap();
        assert!(text.contains(&format!("gabber.toml:{line}: ")), "{text}");
    }

    #[test]
    fn a_folder_that_is_not_there_is_empty_unless_it_was_asked_for() {
        let home = tempfile::tempdir().unwrap();
        let absent = home.path().join("genres");
        assert_eq!(load(&absent, false).unwrap().all().len(), Genres::builtin().all().len());
        assert!(matches!(load(&absent, true), Err(Error::Io { .. })));
    }
}
