use std::io::Write;

use dream_core::Category;
use serde_json::json;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;
use crate::archive::STEMS;
use crate::tests::{NOW, add, open, stem};
use crate::{Lane, Order, write_file};

fn put(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    write_file(path, |file| file.write_all(text.as_bytes())).unwrap();
}

/// A library with two stems, a model and a track, and a backup of it.
fn backed_up() -> (TempDir, Library, PathBuf) {
    let (home, library) = open();
    for audio in [0.3, 0.5] {
        add(&library, &stem(&library, audio, Category::Kick, None));
    }
    put(&library.home().models().join("kick_vae.safetensors"), "model");
    put(&library.home().takes().join("a/b.wav"), "track");
    put(&library.home().takes().join(".writing-x"), "half");
    let file = home.path().join("backup.zip");
    library.backup(&file, ("1.0", NOW), &Progress::silent()).unwrap();
    (home, library, file)
}

fn into(root: &Path, file: &Path, force: bool) -> Result<RestoreReport, Error> {
    restore(root, file, (force, "replaced"), &Progress::silent())
}

/// All files of a folder with their content, those that SQLite keeps while a database is open left out.
fn tree(root: &Path) -> Vec<(String, Vec<u8>)> {
    let (mut found, mut open) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
                found.push((name, std::fs::read(path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_backup_brings_back_all_that_it_was_made_of() {
    let (_home, library, file) = backed_up();
    let other = tempfile::tempdir().unwrap();
    let root = other.path().join("new/home");
    let report = into(&root, &file, false).unwrap();
    assert_eq!((report.stems, report.files, report.moved_to), (2, 5, None));
    let restored = Library::open(&root).unwrap();
    for id in [1, 2].map(StemId) {
        let (old, new) = (library.stem(id).unwrap(), restored.stem(id).unwrap());
        assert_eq!(old, new);
        let hash = old.stem.hash;
        let read = |library: &Library| std::fs::read(library.blobs().path(&hash)).unwrap();
        assert_eq!(read(&library), read(&restored));
    }
    let takes = tree(&restored.home().takes());
    assert_eq!(takes, [("a/b.wav".to_owned(), b"track".to_vec())]);
    assert_eq!(tree(&restored.home().models())[0].1, b"model");
    let left: Vec<_> = std::fs::read_dir(&root).unwrap().flatten().map(|e| e.file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with('.')), "{left:?}");
}

#[test]
fn a_backup_holds_one_moment_while_others_write_and_remove() {
    let (home, library) = open();
    for audio in [0.3, 0.5] {
        add(&library, &stem(&library, audio, Category::Kick, None));
    }
    let spec = json!({});
    let job =
        Order { kind: "train", spec: &spec, lane: Lane::Heavy, priority: 0, key: None, most: 9 };
    library.enqueue(&job, NOW).unwrap();
    let library = std::sync::Arc::new(library);
    let (other, file) = (std::sync::Arc::clone(&library), home.path().join("backup.zip"));
    let busy = Progress::new(move |done, _, _| {
        if done == 0 {
            other.remove(StemId(2)).unwrap();
            add(&other, &stem(&other, 0.9, Category::Kick, None));
        }
    });
    let report = library.backup(&file, ("1.0", NOW), &busy).unwrap();
    assert_eq!(report.stems, 1);
    let root = home.path().join("other");
    assert_eq!(into(&root, &file, false).unwrap().stems, 1);
    let restored = Library::open(&root).unwrap();
    assert!(restored.stem(StemId(1)).is_ok() && restored.stem(StemId(2)).is_err());
    let jobs = restored.jobs(&crate::JobFilter::default()).unwrap();
    assert_eq!(jobs[0].status, crate::Status::Cancelled);
}

#[test]
fn a_backup_without_the_audio_of_a_stem_is_refused_and_nothing_is_left() {
    let (home, library) = open();
    let new = stem(&library, 0.3, Category::Kick, None);
    add(&library, &new);
    std::fs::remove_file(library.blobs().path(&new.hash)).unwrap();
    let folder = home.path().join("backups");
    std::fs::create_dir(&folder).unwrap();
    let result = library.backup(&folder.join("b.zip"), ("1.0", NOW), &Progress::silent());
    assert!(matches!(result, Err(Error::Incomplete(_))), "{result:?}");
    assert_eq!(tree(&folder), []);
}

#[test]
fn a_home_that_is_used_is_kept_unless_forced_and_moved_aside_then() {
    let (_home, library, file) = backed_up();
    let other = tempfile::tempdir().unwrap();
    let root = other.path();
    // Settings and empty folders do no harm.
    Library::open(root).unwrap();
    for name in ["library.db", "library.db-wal", "library.db-shm"] {
        let _ = std::fs::remove_file(root.join("processed_database").join(name));
    }
    put(&root.join("dream.toml"), "");
    into(root, &file, false).unwrap();
    assert!(!root.join("replaced").exists());

    let used = Library::open(root).unwrap();
    add(&used, &stem(&used, 0.9, Category::Bass, None));
    put(&used.home().takes().join("mine.wav"), "mine");
    let before = tree(root);
    assert!(matches!(into(root, &file, false), Err(Error::NotEmpty(_))));
    used.appear().unwrap();
    assert!(matches!(into(root, &file, true), Err(Error::InUse(_))));
    drop(used);
    assert!(tree(root).len() <= before.len());
    let report = into(root, &file, true).unwrap();
    let moved = report.moved_to.unwrap();
    assert_eq!(std::fs::read(moved.join("generated_tracks/mine.wav")).unwrap(), b"mine");
    assert_eq!(Library::open(root).unwrap().statistics().unwrap().total, 2);
    // The name is taken: nothing is moved at all.
    assert!(into(root, &file, true).is_err());
    assert_eq!(Library::open(root).unwrap().statistics().unwrap().total, 2);
    drop(library);
}

/// The backup with its bytes changed is refused, and the home is left as it was, new or used.
#[track_caller]
fn refused(bytes: &[u8], why: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bad.zip");
    write_file(&file, |to| to.write_all(bytes)).unwrap();
    let new = folder.path().join("new");
    let error = into(&new, &file, false).unwrap_err();
    assert!(error.to_string().contains(why), "{error}");
    assert!(!new.exists());

    let used = folder.path().join("used");
    put(&used.join("models/mine"), "mine");
    let before = tree(folder.path());
    into(&used, &file, true).unwrap_err();
    assert_eq!(tree(folder.path()), before);
}

#[test]
fn what_is_cut_short_damaged_or_foreign_changes_nothing() {
    let (_home, library, file) = backed_up();
    let whole = std::fs::read(&file).unwrap();
    for share in [0.0, 0.3, 0.9, 0.999] {
        refused(&whole[..(whole.len() as f64 * share) as usize], "cannot be restored");
    }
    refused(b"no archive at all", "not an archive");
    // One bit of the audio: the list knows its digest.
    let hash = library.stem(StemId(1)).unwrap().stem.hash;
    let audio = std::fs::read(library.blobs().path(&hash)).unwrap();
    let at = whole.windows(audio.len()).position(|window| window == audio).unwrap();
    let mut rotten = whole;
    rotten[at] ^= 1;
    refused(&rotten, "is damaged");
}

/// An archive of these files, with a list that names them rightly.
fn archive(files: &[(&str, &[u8])], more: &serde_json::Value) -> Vec<u8> {
    let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let mut items: Vec<serde_json::Value> = Vec::new();
    for (name, bytes) in files {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
        let digest = crate::digest(bytes);
        items.push(json!({"path": name, "size": bytes.len(), "blake3": digest}));
    }
    let mut list = json!({"format": 1, "program": "x", "at": 0, "files": items});
    list.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    zip.start_file("dream-backup.json", SimpleFileOptions::default()).unwrap();
    zip.write_all(list.to_string().as_bytes()).unwrap();
    zip.finish().unwrap().into_inner()
}

#[test]
fn an_archive_made_to_harm_reaches_nothing() {
    let none = json!({});
    for place in
        ["../outside", "/tmp/outside", "models/../../outside", "models\\..\\x", "dream.toml"]
    {
        refused(&archive(&[(place, b"x"), (DATABASE, b"x")], &none), "it names the place");
    }
    refused(&archive(&[], &none), "no database");
    refused(&archive(&[(DATABASE, b"x")], &json!({"format": 9})), "its format is 9");
    refused(&archive(&[(DATABASE, b"words")], &none), "damaged");
    let huge = json!({"files": [{"path": DATABASE, "size": u64::MAX, "blake3": ""}]});
    refused(&archive(&[(DATABASE, b"x")], &huge), "than it is long");
    // A database whose stems' audio is not in it.
    let (_home, library, file) = backed_up();
    let mut reader = Reader::open(&file).unwrap();
    let index = reader.list.files.iter().position(|item| item.path == DATABASE).unwrap();
    let folder = tempfile::tempdir().unwrap();
    reader.extract(index, &folder.path().join("db")).unwrap();
    let database = std::fs::read(folder.path().join("db")).unwrap();
    refused(&archive(&[(DATABASE, &database)], &none), "is not stored");
    assert!(reader.list.files.iter().any(|item| item.path.starts_with(STEMS)));
    drop(library);
}

#[test]
fn what_a_link_leads_to_is_not_backed_up() {
    let (home, library) = open();
    put(&home.path().join("secret"), "secret");
    #[cfg(unix)]
    std::os::unix::fs::symlink(home.path().join("secret"), library.home().takes().join("a.wav"))
        .unwrap();
    let file = home.path().join("b.zip");
    let report = library.backup(&file, ("1.0", NOW), &Progress::silent()).unwrap();
    assert_eq!((report.files, report.tracks), (1, 0));
}

#[test]
fn what_a_restore_left_that_was_cut_off_does_not_stand_in_the_way_of_the_next() {
    let (_home, _library, file) = backed_up();
    let other = tempfile::tempdir().unwrap();
    let root = other.path().join("home");
    let (dead, live) = (root.join(".restoring-dead"), root.join(".restoring-live"));
    put(&dead.join("processed_database/library.db"), "half");
    put(&dead.join(AT_WORK), "");
    put(&live.join(AT_WORK), "");
    let lock = File::open(live.join(AT_WORK)).unwrap();
    lock.lock().unwrap();
    let damaged = other.path().join("damaged.zip");
    put(&damaged, "no backup");
    assert!(into(&root, &damaged, false).is_err() && dead.is_dir(), "it stays until one is done");
    let report = into(&root, &file, false).unwrap();
    assert_eq!((report.stems, report.moved_to), (2, None));
    assert_eq!(report.cut_off, [".restoring-dead"]);
    assert!(!dead.exists() && live.exists());
    drop(lock);
    assert_eq!(Library::open(&root).unwrap().cut_off(), [live]);
}
