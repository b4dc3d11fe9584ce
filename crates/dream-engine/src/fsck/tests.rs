use std::time::{Duration, SystemTime};

use dream_core::{Ancestor, Category, Generator, Parent, Progress};
use dream_library::write_file;
use tempfile::TempDir;

use super::*;
use crate::testing::{category, engine, library_of};
use crate::{ComposeSpec, IngestSpec, JobSpec, Outcome, Output, Selection};

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

#[test]
fn a_stem_is_led_to_its_parents_where_they_came_in_again_and_others_are_named_in_words() {
    let mut stems = category(Category::Kick, 4);
    let dreamed = |parents: Vec<Ancestor>| Generator { parents, ..Generator::default() };
    let hash = |clip: &Clip| content_hash(clip.channels(), clip.samples());
    let ancestor = |stem, hash| Ancestor { stem: StemId(stem), hash, weight: 0.5 };
    // Its parents had other numbers: one is the first of this library, one is not in it.
    let known = ancestor(70, hash(&stems[0].0));
    let gone = ancestor(71, "ab".repeat(32));
    let second = ancestor(2, hash(&stems[1].0));
    stems[2].1.provenance.generator = Some(dreamed(vec![known, gone, second]));
    stems[3].1.provenance.parent = Some(Parent { stem: Some(StemId(72)), ..Parent::default() });
    let (_home, engine) = library_of(stems);
    let before = engine.library().stem(StemId(1)).unwrap().stem.hash;
    let at = |id| engine.library().stem(StemId(id)).unwrap().stem.provenance;
    assert_eq!(at(3).generator.unwrap().parents[0].hash, before, "intake leaves it as it is");
    let kind = FaultKind::DanglingParent;
    let found = finds(&engine, false, &[(kind, false), (kind, false)]);
    assert!(found[0].message.contains("70, 71") && !found[0].message.contains('2'), "{found:?}");
    finds(&engine, true, &[(kind, true), (kind, true)]);
    let made = at(3);
    let parents: Vec<StemId> =
        made.generator.unwrap().parents.iter().map(|parent| parent.stem).collect();
    assert_eq!(parents, [StemId(1), StemId(2)]);
    assert!(made.warnings.iter().any(|text| text.contains("71")), "{:?}", made.warnings);
    assert_eq!(at(4).parent.unwrap().stem, None);
    assert!(at(4).warnings.iter().any(|text| text.contains("72")));
    finds(&engine, false, &[]);
}

#[test]
fn a_track_that_was_changed_is_named_and_left_and_one_that_is_gone_goes_off_the_list() {
    let (home, engine) = kicks(2);
    let compose = |output: Output| {
        let spec = ComposeSpec {
            prompt: "techno".to_owned(),
            bpm: None,
            key: None,
            minutes: Some(0.5),
            loudness_lufs: None,
            seed: Some(dream_core::Seed(1)),
            selection: Selection::default(),
            output: Output { preview_s: Some(1.0), ..output },
        };
        match engine.run(&JobSpec::Compose(Box::new(spec)), &Progress::silent()).unwrap() {
            Outcome::Take(take) => std::path::PathBuf::from(take.track.path),
            other => panic!("{other:?}"),
        }
    };
    let elsewhere = tempfile::tempdir().unwrap();
    let own = elsewhere.path().join("mine.wav");
    compose(Output { path: Some(own.clone()), ..Output::default() });
    let track = compose(Output::default());
    finds(&engine, true, &[]);
    // What lies outside is its owner's.
    rot(&own);
    rot(&track);
    let found = finds(&engine, true, &[(FaultKind::ChangedTake, false)]);
    assert_eq!((found[0].track, found[0].subject.as_str()), (Some(2), &*engine.told(&track)));
    assert!(track.is_file(), "it may be somebody's work");
    std::fs::remove_file(&track).unwrap();
    finds(&engine, false, &[(FaultKind::MissingTake, false)]);
    finds(&engine, true, &[(FaultKind::MissingTake, true)]);
    let kept = home.path().join("processed_database/quarantine/track-2.json");
    let kept = std::fs::read_to_string(kept).unwrap();
    assert!(kept.contains("missing_take") && kept.contains("techno"), "{kept}");
    finds(&engine, false, &[]);
}

#[test]
fn a_restore_that_was_cut_off_is_told_of_and_its_folder_goes() {
    let (home, engine) = kicks(1);
    let (dead, live) = (home.path().join(".restoring-a"), home.path().join(".restoring-b"));
    for folder in [&dead, &live] {
        std::fs::create_dir(folder).unwrap();
        write_file(&folder.join("at-work"), |file| file.write_all(b"")).unwrap();
        let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        File::open(folder).unwrap().set_modified(long_ago).unwrap();
    }
    let lock = File::open(live.join("at-work")).unwrap();
    lock.lock().unwrap();
    let doctor = || {
        let checks = engine.diagnose().unwrap().checks;
        checks.into_iter().find(|check| check.name == "restore").unwrap()
    };
    let told = doctor();
    assert_eq!(told.status, "degraded");
    assert!(told.message.contains(".restoring-a") && !told.message.contains("-b"), "{told:?}");
    let found = finds(&engine, false, &[(FaultKind::Leftover, false)]);
    assert_eq!(found[0].subject, ".restoring-a");
    finds(&engine, true, &[(FaultKind::Leftover, true)]);
    assert_eq!((dead.exists(), live.exists(), doctor().status), (false, true, "ok"));
    finds(&engine, false, &[]);
}
