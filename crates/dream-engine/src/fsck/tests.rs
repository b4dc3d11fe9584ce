use std::time::{Duration, SystemTime};

use dream_core::{Category, Progress};
use dream_library::write_file;
use tempfile::TempDir;

use super::*;
use crate::testing::{category, engine, library_of};
use crate::{IngestSpec, JobSpec};

/// What a check finds: kinds and whether repaired.
fn check(engine: &Engine, repair: bool) -> (FsckReport, Vec<Finding>) {
    let mut found = Vec::new();
    let report = engine
        .fsck(repair, &Progress::silent(), &mut |finding| found.push(finding.clone()))
        .unwrap();
    assert_eq!(report.findings, found.len() as u64);
    (report, found)
}

#[track_caller]
fn finds(engine: &Engine, repair: bool, expected: &[(FaultKind, bool)]) -> Vec<Finding> {
    let (_, found) = check(engine, repair);
    let kinds: Vec<(FaultKind, bool)> =
        found.iter().map(|finding| (finding.kind, finding.repair.is_some())).collect();
    assert_eq!(kinds, expected, "{found:#?}");
    found
}

fn kicks(count: usize) -> (TempDir, Engine) {
    library_of(category(Category::Kick, count))
}

fn blob(engine: &Engine, id: i64) -> std::path::PathBuf {
    let hash = engine.library().stem(StemId(id)).unwrap().stem.hash;
    engine.library().blobs().path(&hash)
}

/// Turns one bit of the audio.
fn rot(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    write_file(path, |file| file.write_all(&bytes)).unwrap();
}

fn make_old(path: &Path) {
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    File::options().append(true).open(path).unwrap().set_modified(long_ago).unwrap();
}

#[test]
fn a_sound_library_is_clean() {
    let (_home, engine) = kicks(3);
    let (report, found) = check(&engine, true);
    assert_eq!(found, []);
    assert_eq!((report.stems, report.young), (3, 0));
    assert!(report.bytes > 0);
}

#[test]
fn rotten_and_missing_audio_is_found_and_without_a_source_goes_off_the_list_with_its_row_kept() {
    let (_home, engine) = kicks(3);
    rot(&blob(&engine, 1));
    std::fs::remove_file(blob(&engine, 3)).unwrap();
    let expected = [FaultKind::RottenBlob, FaultKind::MissingBlob];
    let found = finds(&engine, false, &expected.map(|kind| (kind, false)));
    assert_eq!((found[0].stem, found[1].stem), (Some(StemId(1)), Some(StemId(3))));
    assert_eq!(engine.library().statistics().unwrap().total, 3, "nothing is changed unasked");

    finds(&engine, true, &expected.map(|kind| (kind, true)));
    assert_eq!(engine.library().statistics().unwrap().total, 1);
    let kept = std::fs::read_to_string(engine.home().quarantine().join("stem-3.json")).unwrap();
    assert!(kept.contains("missing_blob") && kept.contains("\"facts\""), "{kept}");
    finds(&engine, false, &[]);
}

#[test]
fn audio_is_made_again_from_its_file_or_its_recipe() {
    let (home, engine) = engine();
    let kit = home.path().join("kit");
    std::fs::create_dir(&kit).unwrap();
    let clip = category(Category::Kick, 1).remove(0).0;
    let file = kit.join("kick.wav");
    write_file(&file, |to| crate::intake::write_wav(&clip, to)).unwrap();
    let spec = IngestSpec { paths: vec![kit], ..IngestSpec::default() };
    engine.run(&JobSpec::Ingest(spec), &Progress::silent()).unwrap();
    let before = std::fs::read(blob(&engine, 1)).unwrap();
    rot(&blob(&engine, 1));
    let found = finds(&engine, true, &[(FaultKind::RottenBlob, true)]);
    assert!(found[0].repair.as_ref().unwrap().contains("kick.wav"), "{found:?}");
    assert_eq!(std::fs::read(blob(&engine, 1)).unwrap(), before);

    // The source has changed since: it is not what was lost.
    rot(&file);
    std::fs::remove_file(blob(&engine, 1)).unwrap();
    finds(&engine, true, &[(FaultKind::MissingBlob, true)]);
    assert_eq!(engine.library().statistics().unwrap().total, 0);

    let (_home, engine) = kicks(0);
    engine.ensure_starter(&Progress::silent()).unwrap();
    std::fs::remove_file(blob(&engine, 5)).unwrap();
    let found = finds(&engine, true, &[(FaultKind::MissingBlob, true)]);
    assert_eq!(found[0].repair.as_deref(), Some("made again from its recipe"));
    finds(&engine, false, &[]);
}

#[test]
fn what_no_row_names_goes_to_quarantine_but_not_what_a_process_at_work_may_need() {
    let (_home, engine) = kicks(1);
    // Somebody is at work, and has been for longer than these are here.
    engine.library().appear().unwrap();
    let orphan = engine.home().stems().join(format!("{}.wav", "ab".repeat(32)));
    let half = engine.home().takes().join(".writing-x");
    for path in [&orphan, &engine.home().stems().join("notes.txt"), &half] {
        write_file(path, |file| file.write_all(b"words")).unwrap();
    }
    std::fs::create_dir(engine.home().work().join("77")).unwrap();
    let (report, found) = check(&engine, true);
    assert_eq!((found.len(), report.young), (0, 4), "{found:#?}");
    make_old(&orphan);
    let (report, found) = check(&engine, true);
    assert_eq!((found.len(), report.young), (1, 3), "{found:#?}");
    assert_eq!((found[0].kind, orphan.exists()), (FaultKind::OrphanBlob, false));
}

#[test]
fn orphans_and_leftovers_keep_their_content_in_quarantine() {
    let (_home, engine) = kicks(1);
    let stems = engine.home().stems();
    let name = format!("{}.wav", "ab".repeat(32));
    for path in [stems.join(&name), stems.join(".writing-x")] {
        write_file(&path, |file| file.write_all(b"words")).unwrap();
        make_old(&path);
    }
    let kinds = [FaultKind::Leftover, FaultKind::OrphanBlob];
    finds(&engine, false, &kinds.map(|kind| (kind, false)));
    finds(&engine, true, &kinds.map(|kind| (kind, true)));
    for name in [name.as_str(), "writing-x"] {
        assert_eq!(std::fs::read(engine.home().quarantine().join(name)).unwrap(), b"words");
    }
    finds(&engine, false, &[]);
}

#[test]
fn a_blob_that_is_found_again_is_no_orphan() {
    let (_home, engine) = kicks(1);
    let path = blob(&engine, 1);
    let hash = engine.library().stem(StemId(1)).unwrap().stem.hash;
    make_old(&path);
    let settled = engine.library().settled().unwrap();
    // A row names it.
    let aside = engine.home().quarantine().join("x.wav");
    assert!(!engine.library().set_aside(&path, &aside, settled).unwrap());
    engine.library().blobs().put(&hash, |_| panic!("it is there")).unwrap();
    assert!(path.metadata().unwrap().modified().unwrap() >= settled);
}
