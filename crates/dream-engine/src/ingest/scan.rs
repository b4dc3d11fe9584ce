//! Which files an ingest looks at, in a stable order.
//!
//! Folders are searched to the bottom, in the order of file names. A symbolic link to a file counts as a
//! file, unless it leads out of the home and the search is confined to that; one to a folder is not entered, so that no cycle is possible. Hidden files and the companions of
//! other systems are passed over in silence, and so is what its name says to be no audio. What has the
//! name of audio is tried, and so is a nameless file that begins like audio.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use crate::{Engine, Error, IngestSpec};

/// Extensions of audio files, in lower case. Those of codecs that are not decoded are among them: such a
/// file is refused by name, not passed over.
const AUDIO: &[&str] = &[
    "aac", "ac3", "aif", "aifc", "aiff", "ape", "au", "caf", "dff", "dsf", "dts", "eac3", "flac",
    "m4a", "mka", "mkv", "mp1", "mp2", "mp3", "mp4", "mpc", "oga", "ogg", "opus", "ra", "rf64",
    "snd", "tta", "w64", "wav", "wave", "webm", "wma", "wv",
];

/// A file to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// Where it lies, absolute.
    pub(crate) path: PathBuf,
    /// Its name in the ledger.
    pub(crate) key: String,
    /// Its path from the folder that was named, including that: what its name may tell.
    pub(crate) hint: String,
    /// The kit it belongs to.
    pub(crate) kit: Option<String>,
    /// Whether it was named itself.
    pub(crate) direct: bool,
}

/// What a search has found.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// The files to look at.
    pub(crate) files: Vec<Candidate>,
    /// Those left out, with a reason worth saying.
    pub(crate) ignored: Vec<(PathBuf, String)>,
    /// How many were passed over in silence.
    pub(crate) passed_over: u64,
}

/// Finds the files that `spec` names.
///
/// # Errors
/// `NotFound` for a path that does not exist, `TooManyFiles` above the limit.
pub(crate) fn scan(engine: &Engine, spec: &IngestSpec) -> Result<Scan, Error> {
    let mut scan = Scan::default();
    let mut seen = BTreeSet::new();
    let drop_folder = [engine.home().raw_kits()];
    let roots = if spec.paths.is_empty() { &drop_folder } else { spec.paths.as_slice() };
    for root in roots {
        let metadata = std::fs::metadata(root).map_err(|source| Error::Io {
            action: "find",
            path: root.clone(),
            source,
        })?;
        if metadata.is_dir() {
            let root = absolute(root)?;
            scan.folder(engine, &root, spec.confined, &mut seen)?;
        } else {
            let (folder, name) = (root.parent(), root.file_name().unwrap_or_default());
            let folder = folder.filter(|folder| !folder.as_os_str().is_empty());
            let path = absolute(folder.unwrap_or(Path::new(".")))?.join(name);
            let hint = name.to_string_lossy().into_owned();
            scan.add(Candidate { key: key(&path), path, hint, kit: None, direct: true }, &mut seen);
        }
    }
    Ok(scan)
}

impl Scan {
    /// Leaves these files only; all of them where none is named.
    pub(crate) fn keep(&mut self, only: &[PathBuf]) {
        if !only.is_empty() {
            let only: BTreeSet<&Path> = only.iter().map(PathBuf::as_path).collect();
            self.files.retain(|file| only.contains(file.path.as_path()));
            // What is left out was said when all was looked at.
            (self.ignored, self.passed_over) = (Vec::new(), 0);
        }
    }

    fn add(&mut self, candidate: Candidate, seen: &mut BTreeSet<String>) {
        if seen.insert(candidate.key.clone()) {
            self.files.push(candidate);
        }
    }

    fn folder(
        &mut self,
        engine: &Engine,
        root: &Path,
        confined: bool,
        seen: &mut BTreeSet<String>,
    ) -> Result<(), Error> {
        let limits = engine.config();
        let own = own_folders(engine);
        let is_drop_folder = root == engine.home().raw_kits();
        let name = root.file_name().map(|name| name.to_string_lossy().into_owned());
        let deepest = limits.max_depth as usize;
        let mut passed_over = 0;
        let walk = WalkDir::new(root).max_depth(deepest).sort_by_file_name().into_iter();
        let walk = walk.filter_entry(|entry| {
            let pass = entry.depth() > 0 && (is_hidden(entry) || own.contains(entry.path()));
            passed_over += u64::from(pass && entry.file_type().is_file());
            !pass
        });
        // Collected, so that the count above is free again; bounded by the limit.
        let entries: Vec<_> = walk.take(limits.max_files as usize + 1).collect();
        self.passed_over += passed_over;
        if entries.len() as u64 > limits.max_files {
            return Err(Error::TooManyFiles { path: root.to_owned(), limit: limits.max_files });
        }
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    let path = error.path().unwrap_or(root).to_owned();
                    self.ignored.push((path, "cannot be read".to_owned()));
                    continue;
                }
            };
            let path = entry.path();
            if entry.file_type().is_dir() {
                if entry.depth() == deepest {
                    let text = format!("deeper than {deepest} folders (max_depth)");
                    self.ignored.push((path.to_owned(), text));
                }
                continue;
            }
            if entry.file_type().is_symlink() && path.is_dir() {
                let text = "a symbolic link to a folder".to_owned();
                self.ignored.push((path.to_owned(), text));
                continue;
            }
            if confined
                && entry.file_type().is_symlink()
                && engine.place(&path.to_string_lossy()).is_err()
            {
                let text = "a symbolic link that leads out of the home".to_owned();
                self.ignored.push((path.to_owned(), text));
                continue;
            }
            match extension(path) {
                Some(extension) if AUDIO.contains(&extension.as_str()) => {}
                Some(_) => {
                    self.passed_over += 1;
                    continue;
                }
                None if begins_like_audio(path) => {}
                None => {
                    let text = "no extension, and it does not begin like audio".to_owned();
                    self.ignored.push((path.to_owned(), text));
                    continue;
                }
            }
            let relative = path.strip_prefix(root).unwrap_or(path);
            // In the drop folder every folder is a kit; elsewhere the folder named is one.
            let kit = if is_drop_folder { first_folder(relative) } else { name.clone() };
            let hint = match &name {
                Some(name) if !is_drop_folder => Path::new(name).join(relative),
                _ => relative.to_owned(),
            };
            let hint = hint.to_string_lossy().into_owned();
            let (path, key) = (path.to_owned(), key(path));
            self.add(Candidate { path, key, hint, kit, direct: false }, seen);
        }
        Ok(())
    }
}

/// What the engine writes itself is no material to ingest.
fn own_folders(engine: &Engine) -> BTreeSet<PathBuf> {
    ["processed_database", "models", "generated_stems", "generated_tracks"]
        .map(|name| engine.home().root().join(name))
        .into()
}

/// Dot-files and the folders in which archives from a Mac keep theirs. `..name` is an ordinary name.
fn is_hidden(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    (name.starts_with('.') && !name.starts_with("..")) || name == "__MACOSX"
}

fn extension(path: &Path) -> Option<String> {
    Some(path.extension()?.to_string_lossy().to_lowercase())
}

fn first_folder(relative: &Path) -> Option<String> {
    let mut parts = relative.components();
    let first = parts.next()?;
    parts.next().map(|_| first.as_os_str().to_string_lossy().into_owned())
}

/// Whether the first bytes are those of a container of audio.
fn begins_like_audio(path: &Path) -> bool {
    // Asked before opening, since opening a pipe waits for a writer.
    if !path.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return false;
    }
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(12).read_to_end(&mut head));
    let starts = |magic: &[u8]| head.starts_with(magic);
    read.is_ok()
        && ([b"RIFF", b"RF64", b"FORM", b"fLaC", b"OggS", b"caff", b".snd", b"\x1a\x45\xdf\xa3"]
            .iter()
            .any(|magic| starts(*magic))
            || starts(b"ID3")
            || head.get(4..8) == Some(b"ftyp")
            || (head.len() > 1 && head[0] == 0xff && head[1] & 0xe0 == 0xe0))
}

fn absolute(path: &Path) -> Result<PathBuf, Error> {
    path.canonicalize().map_err(|source| Error::Io {
        action: "resolve",
        path: path.to_owned(),
        source,
    })
}

/// The name of a path in the ledger: itself, made unique by a digest where it is not UTF-8.
fn key(path: &Path) -> String {
    path.to_str().map_or_else(
        || {
            let digest = dream_library::digest(path.as_os_str().as_encoded_bytes());
            format!("{}#{}", path.to_string_lossy(), &digest[..16])
        },
        str::to_owned,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{engine, engine_with};

    fn write(path: &Path, bytes: &[u8]) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        #[expect(clippy::disallowed_methods, reason = "material of a test needs no safe writing")]
        std::fs::write(path, bytes).unwrap();
    }

    #[track_caller]
    fn check(engine: &Engine, root: &Path, expected: &[(&str, Option<&str>)]) -> Scan {
        let spec = IngestSpec { paths: vec![root.to_owned()], ..IngestSpec::default() };
        let found = scan(engine, &spec).unwrap();
        let files: Vec<(&str, Option<&str>)> =
            found.files.iter().map(|file| (file.hint.as_str(), file.kit.as_deref())).collect();
        assert_eq!(files, expected);
        found
    }

    #[test]
    fn a_folder_is_a_kit_and_in_the_drop_folder_each_folder_is_one() {
        let (home, engine) = engine();
        let drop = engine.home().raw_kits();
        write(&drop.join("B/Kicks/1.wav"), b"");
        write(&drop.join("A/2.flac"), b"");
        write(&drop.join("loose.wav"), b"");
        let expected = [("A/2.flac", Some("A")), ("B/Kicks/1.wav", Some("B")), ("loose.wav", None)];
        check(&engine, &drop, &expected);
        check(&engine, &drop.join("B"), &[("B/Kicks/1.wav", Some("B"))]);
        check(&engine, &drop.join("A/2.flac"), &[("2.flac", None)]);
        // The home itself: what the engine has written is left out.
        write(&engine.home().stems().join("blob.wav"), b"");
        let root = home.path().canonicalize().unwrap();
        assert_eq!(scan_count(&engine, &root), 3);
    }

    fn scan_count(engine: &Engine, root: &Path) -> usize {
        let spec = IngestSpec { paths: vec![root.to_owned()], ..IngestSpec::default() };
        scan(engine, &spec).unwrap().files.len()
    }

    #[test]
    fn what_is_no_audio_is_passed_over_and_what_looks_like_it_is_tried() {
        let (home, engine) = engine();
        let kit = home.path().join("kit");
        for name in [".hidden.wav", "._x.wav", "__MACOSX/x.wav", "a.txt", "cover.png", "x.mid"] {
            write(&kit.join(name), b"RIFF");
        }
        write(&kit.join("UPPER.WAV"), b"");
        write(&kit.join("..dots.wav"), b"");
        write(&kit.join("nameless"), b"RIFF____WAVE");
        write(&kit.join("README"), b"words");
        let kit_name = Some("kit");
        let expected =
            [("kit/..dots.wav", kit_name), ("kit/UPPER.WAV", kit_name), ("kit/nameless", kit_name)];
        let found = check(&engine, &kit, &expected);
        assert_eq!(found.passed_over, 5);
        assert_eq!(found.ignored.len(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_confined_search_leaves_out_what_leads_out_of_the_home() {
        let ((_home, engine), elsewhere) = (engine(), tempfile::tempdir().unwrap());
        let drop = engine.home().raw_kits();
        write(&elsewhere.path().join("out.wav"), b"");
        write(&engine.home().stems().join("own.wav"), b"");
        write(&drop.join("a.wav"), b"");
        let link = |to: &Path, name: &str| {
            std::os::unix::fs::symlink(to, drop.join(name)).unwrap();
        };
        link(&elsewhere.path().join("out.wav"), "b.wav");
        link(&engine.home().stems().join("own.wav"), "c.wav");
        link(&drop.join("a.wav"), "d.wav");
        link(elsewhere.path(), "e");
        link(Path::new("nowhere"), "f.wav");
        check(
            &engine,
            &drop,
            &["a.wav", "b.wav", "c.wav", "d.wav", "f.wav"].map(|name| (name, None)),
        );
        let spec = IngestSpec { confined: true, ..IngestSpec::default() };
        let found = scan(&engine, &spec).unwrap();
        let names: Vec<&str> = found.files.iter().map(|file| file.hint.as_str()).collect();
        assert_eq!(names, ["a.wav", "d.wav"]);
        assert_eq!(found.ignored.len(), 4);
    }

    #[test]
    fn a_file_named_twice_is_looked_at_once() {
        let (home, engine) = engine();
        let file = home.path().join("kit/a.wav");
        write(&file, b"");
        let paths = vec![home.path().join("kit"), file];
        let found = scan(&engine, &IngestSpec { paths, ..IngestSpec::default() }).unwrap();
        assert_eq!(found.files.len(), 1);
    }

    #[test]
    fn depth_and_number_are_limited() {
        let (home, engine) = engine_with(|config| {
            config.max_files = 6;
            config.max_depth = 2;
        });
        let kit = home.path().join("kit");
        write(&kit.join("a/b/deep.wav"), b"");
        write(&kit.join("a/a.wav"), b"");
        let found = check(&engine, &kit, &[("kit/a/a.wav", Some("kit"))]);
        assert_eq!(found.ignored[0].0, kit.canonicalize().unwrap().join("a/b"));
        for i in 0..6 {
            write(&kit.join(format!("{i}.wav")), b"");
        }
        let spec = IngestSpec { paths: vec![kit], ..IngestSpec::default() };
        assert!(matches!(scan(&engine, &spec), Err(Error::TooManyFiles { limit: 6, .. })));
        let spec = IngestSpec { paths: vec!["no-such-folder".into()], ..IngestSpec::default() };
        assert_eq!(scan(&engine, &spec).unwrap_err().kind(), crate::Kind::NotFound);
    }
}
