use std::collections::BTreeMap;

use dream_core::{
    Bpm, Category, Embedding, Facts, Fingerprint, Form, Frames, Key, Provenance, SampleRate,
    Source, Space, StemId,
};
use serde_json::json;
use tempfile::TempDir;

use super::*;

pub(crate) const NOW: Moment = Moment(1_000);

pub(crate) fn open() -> (TempDir, Library) {
    let home = tempfile::tempdir().unwrap();
    let library = Library::open(home.path()).unwrap();
    (home, library)
}

fn facts(category: Category, bpm: Option<f64>) -> Facts {
    Facts {
        duration_s: 1.0,
        form: if bpm.is_some() { Form::Loop } else { Form::OneShot },
        category,
        category_confidence: 0.9,
        bpm: bpm.map(|bpm| Bpm::new(bpm).unwrap()),
        bpm_confidence: 0.5,
        bpm_candidates: vec![(138.0, 0.7)],
        beats_s: vec![0.1],
        loop_points_s: Some((0.0, 1.0)),
        key: Key::parse("F# minor").ok(),
        key_confidence: 0.8,
        loudness_lufs: Some(-14.25),
        true_peak_dbtp: -1.0,
        quality: 0.75,
        quality_parts: BTreeMap::from([("level".to_owned(), 0.5)]),
        tags: vec!["dark".to_owned()],
        ..Facts::default()
    }
}

pub(crate) fn stem(library: &Library, audio: f32, category: Category, bpm: Option<f64>) -> NewStem {
    let samples = [audio, -audio];
    let hash = content_hash(1, &samples);
    let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    library.blobs().put(&hash, |file| file.write_all(&bytes)).unwrap();
    NewStem {
        hash,
        name: format!("{audio}.wav"),
        source: Source::Original,
        kit: Some("kit".to_owned()),
        licence: None,
        channels: 1,
        sample_rate: SampleRate::LIBRARY,
        frames: Frames(2),
        facts: facts(category, bpm),
        provenance: Provenance { path: Some("a.wav".to_owned()), ..Provenance::default() },
        embeddings: vec![Embedding { space: Space::AttrV1, values: vec![audio, 0.1] }],
        fingerprint: Fingerprint {
            spread_s: f64::from(audio),
            bands: [(100.0 * audio) as u8; 16],
            detail: vec![1, 2, 3],
        },
    }
}

pub(crate) fn add(library: &Library, new: &NewStem) -> Added {
    library.write(|write| write.add_stem(new, NOW)).unwrap()
}

#[test]
fn a_stem_comes_back_as_it_went_in() {
    let (_home, library) = open();
    let new = stem(&library, 0.3, Category::Kick, Some(138.0));
    assert_eq!(add(&library, &new), Added::New(StemId(1)));
    let entry = library.stem(StemId(1)).unwrap();
    assert_eq!(entry.stem.facts, new.facts);
    assert_eq!(entry.stem.provenance, new.provenance);
    assert_eq!((entry.stem.hash, entry.stem.tags), (new.hash, vec!["dark".to_owned()]));
    assert_eq!((entry.frames, entry.created_at), (Frames(2), NOW));
    assert_eq!(entry.spaces, [Space::AttrV1]);
    let embedding = library.embedding(StemId(1), Space::AttrV1).unwrap().unwrap();
    assert_eq!(embedding, new.embeddings[0]);
    assert_eq!(library.embedding(StemId(1), Space::Clap).unwrap(), None);
}

#[test]
fn fingerprints_are_found_by_their_coarse_parts_and_go_with_their_stem() {
    let (_home, library) = open();
    for audio in [0.3, 0.5, 0.4, 0.9] {
        add(&library, &stem(&library, audio, Category::Kick, None));
    }
    let found = |low, high, keep: fn(&Coarse) -> bool| -> Vec<i64> {
        let found = library.fingerprints_like((low, high), keep).unwrap();
        assert!(found.iter().all(|(_, print)| print.detail == [1, 2, 3]));
        found.into_iter().map(|(id, _)| id.0).collect()
    };
    assert_eq!(found(0.35, 0.95, |_| true), [2, 3, 4]);
    assert_eq!(found(0.35, 0.95, |coarse| coarse.bands[0] < 60), [2, 3]);
    let spreads: Vec<i64> =
        library.coarse_fingerprints().unwrap().iter().map(|coarse| coarse.id.0).collect();
    assert_eq!(spreads, [1, 3, 2, 4]);

    library.remove(StemId(2)).unwrap();
    assert_eq!(library.fingerprint(StemId(2)).unwrap(), None);
    library.lock().execute("delete from fingerprint where stem = 3", []).unwrap();
    let missing = library.stems_without_fingerprint().unwrap();
    assert_eq!(missing.iter().map(|(id, _)| id.0).collect::<Vec<_>>(), [3]);
}

#[test]
fn the_same_audio_is_the_same_stem() {
    let (_home, library) = open();
    let new = stem(&library, 0.3, Category::Kick, None);
    let again = NewStem { name: "other.wav".to_owned(), ..new.clone() };
    assert_eq!(add(&library, &new), Added::New(StemId(1)));
    assert_eq!(add(&library, &again), Added::Known(StemId(1)));
    assert_eq!(library.stem(StemId(1)).unwrap().stem.name, "0.3.wav");
}

#[test]
fn a_stem_without_its_audio_or_with_a_bad_vector_is_refused_whole() {
    let (_home, library) = open();
    let mut new = stem(&library, 0.3, Category::Kick, None);
    new.embeddings[0].values[0] = f32::NAN;
    let refused = library.write(|write| write.add_stem(&new, NOW));
    assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
    assert_eq!(library.statistics().unwrap().total, 0);
    let absent = NewStem { hash: "0".repeat(64), ..new };
    let refused = library.write(|write| write.add_stem(&absent, NOW));
    assert!(matches!(refused, Err(Error::NoBlob(_))), "{refused:?}");
}

#[track_caller]
fn check(library: &Library, filter: &Filter, expected: &[i64]) {
    let found: Vec<i64> =
        library.stems(filter).unwrap().iter().map(|entry| entry.stem.id.0).collect();
    assert_eq!(found, expected, "{filter:?}");
    let sketches = library.sketches(filter, Space::AttrV1).unwrap();
    let ids: Vec<StemId> = sketches.iter().map(|sketch| sketch.id).collect();
    assert_eq!(ids.iter().map(|id| id.0).collect::<Vec<_>>(), expected, "{filter:?}");
    for (stem, sketch) in library.stems_of(&ids).unwrap().iter().zip(&sketches) {
        assert_eq!((stem.id, stem.facts.form), (sketch.id, sketch.form));
        assert_eq!(stem.facts.bpm.map(Bpm::get), sketch.bpm);
        let vector = library.embedding(stem.id, Space::AttrV1).unwrap();
        assert_eq!(vector.as_ref(), Some(&sketch.embedding));
    }
    // Places are those of all that pass, in any order.
    let all = Filter { after: None, limit: None, offset: 0, ..filter.clone() };
    let of_all = library.sketches(&all, Space::AttrV1).unwrap();
    let mut wanted: Vec<_> = of_all.into_iter().map(|s| (s.id, s.embedding)).collect();
    let mut places = library.places(filter, Space::AttrV1).unwrap();
    wanted.sort_by_key(|place| place.0);
    places.sort_by_key(|place| place.0);
    assert_eq!(places, wanted, "{filter:?}");
}

#[test]
fn lists_hold_what_the_filter_lets_pass() {
    let (_home, library) = open();
    add(&library, &stem(&library, 0.1, Category::Kick, None));
    add(&library, &stem(&library, 0.2, Category::Bass, Some(140.0)));
    let mut third = stem(&library, 0.3, Category::Bass, Some(120.0));
    third.facts.quality = 0.9;
    third.facts.tags = vec!["warm".to_owned()];
    third.facts.key = None;
    third.source = Source::Separated;
    add(&library, &third);

    let all = Filter::default;
    check(&library, &all(), &[1, 2, 3]);
    check(&library, &Filter { categories: vec![Category::Bass], ..all() }, &[2, 3]);
    check(
        &library,
        &Filter { categories: vec![Category::Kick, Category::Bass], ..all() },
        &[1, 2, 3],
    );
    check(&library, &Filter { sources: vec![Source::Separated], ..all() }, &[3]);
    check(&library, &Filter { bpm: Some(130.0..=150.0), ..all() }, &[2]);
    check(&library, &Filter { key: Key::parse("F#m").ok(), ..all() }, &[1, 2]);
    check(&library, &Filter { tag: Some("warm".to_owned()), ..all() }, &[3]);
    check(&library, &Filter { tag: Some("' or 1=1 --".to_owned()), ..all() }, &[]);
    check(&library, &Filter { form: Some(Form::OneShot), ..all() }, &[1]);
    check(&library, &Filter { min_quality: Some(0.8), ..all() }, &[3]);
    check(&library, &Filter { limit: Some(1), offset: 1, ..all() }, &[2]);
    check(&library, &Filter { after: Some(StemId(1)), limit: Some(1), ..all() }, &[2]);
    check(&library, &Filter { sort: Sort::Bpm, ..all() }, &[3, 2, 1]);
    check(&library, &Filter { sort: Sort::Quality, ..all() }, &[3, 1, 2]);
    check(&library, &Filter { sort: Sort::Newest, ..all() }, &[3, 2, 1]);
    let bass = Filter { categories: vec![Category::Bass], limit: Some(1), ..all() };
    assert_eq!(library.count(&bass).unwrap(), 2);
    let torn = Filter { after: Some(StemId(1)), sort: Sort::Name, ..all() };
    assert!(library.stems(&torn).is_err());

    let statistics = library.statistics().unwrap();
    assert_eq!(statistics.total, 3);
    assert_eq!(statistics.by_source, [(Source::Original, 2), (Source::Separated, 1)]);
    assert_eq!(statistics.by_category, [(Category::Kick, 1), (Category::Bass, 2)]);
    assert_eq!(statistics.by_form, [(Form::OneShot, 1), (Form::Loop, 2)]);
}

#[test]
fn counts_follow_every_change() {
    let (_home, library) = open();
    let mut second = stem(&library, 0.2, Category::Kick, Some(120.0));
    second.kit = None;
    add(&library, &stem(&library, 0.1, Category::Kick, None));
    add(&library, &second);
    let kit = Change { kit: Some(None), category: Some(Category::Bass), ..Change::default() };
    library.change(StemId(1), &kit, NOW).unwrap();
    let counted = |library: &Library| {
        let statistics = library.statistics().unwrap();
        let connection = library.lock();
        let rows: i64 =
            connection.query_row("select count(*) from tally", [], |row| row.get(0)).unwrap();
        (statistics.total, statistics.by_category, statistics.by_kit, statistics.seconds, rows)
    };
    let length = 2.0 * f64::from(1_000_000 * 2 / 44_100) / 1e6;
    let categories = vec![(Category::Kick, 1), (Category::Bass, 1)];
    assert_eq!(counted(&library), (2, categories, vec![], length, 6));
    library.remove(StemId(1)).unwrap();
    library.remove(StemId(2)).unwrap();
    assert_eq!(counted(&library), (0, vec![], vec![], 0.0, 0));
    assert_eq!(library.count(&Filter::default()).unwrap(), 0);
}

#[test]
fn a_change_is_certain_and_leaves_the_rest() {
    let (_home, library) = open();
    add(&library, &stem(&library, 0.1, Category::Kick, None));
    let change = Change {
        category: Some(Category::Bass),
        bpm: Some(Bpm::new(99.5).ok()),
        key: Some(None),
        add_tags: vec!["warm".to_owned()],
        remove_tags: vec!["dark".to_owned()],
        ..Change::default()
    };
    let entry = library.change(StemId(1), &change, Moment(2_000)).unwrap();
    assert_eq!(entry.stem.category, Category::Bass);
    assert_eq!(entry.stem.facts.category, Category::Kick);
    assert_eq!(entry.stem.facts.bpm, Bpm::new(99.5).ok());
    assert_eq!(entry.stem.facts.key, None);
    assert_eq!(entry.stem.tags, ["warm"]);
    assert_eq!(entry.stem.kit.as_deref(), Some("kit"));
    assert_eq!((entry.created_at, entry.updated_at), (NOW, Moment(2_000)));
    assert!(matches!(library.change(StemId(9), &change, NOW), Err(Error::NoStem(_))));
}

#[test]
fn a_removed_stem_takes_its_audio_along() {
    let (_home, library) = open();
    let new = stem(&library, 0.1, Category::Kick, None);
    let id = add(&library, &new).id();
    let file = FileRecord {
        path: "/kits/a.wav".to_owned(),
        size: 4,
        modified_at: NOW,
        digest: Some("d".to_owned()),
        verdict: Verdict::Stems(vec![id]),
        version: "1".to_owned(),
    };
    library.write(|write| write.record_file(&file, NOW)).unwrap();
    assert_eq!(library.file("/kits/a.wav").unwrap(), Some(file.clone()));
    assert_eq!(library.file_with_digest("d").unwrap(), Some(file));

    library.remove(id).unwrap();
    assert!(!library.blobs().contains(&new.hash));
    assert!(matches!(library.stem(id), Err(Error::NoStem(_))));
    assert_eq!(library.file("/kits/a.wav").unwrap(), None);
    assert_eq!(library.file_with_digest("d").unwrap(), None);
}

#[test]
fn a_refused_file_is_remembered_with_its_reason() {
    let (_home, library) = open();
    let file = FileRecord {
        path: "/kits/bad.wav".to_owned(),
        size: 0,
        modified_at: NOW,
        digest: None,
        verdict: Verdict::Refused("empty".to_owned()),
        version: "1".to_owned(),
    };
    library.write(|write| write.record_file(&file, NOW)).unwrap();
    assert_eq!(library.file("/kits/bad.wav").unwrap(), Some(file));
}

#[test]
fn interrupted_work_is_taken_up_and_finished_work_starts_anew() {
    let home = tempfile::tempdir().unwrap();
    let spec = json!({"paths": ["a"]});
    let first = {
        // Dropping the library ends its presence, as the end of the process would.
        let library = Library::open(home.path()).unwrap();
        let claim = library.start("ingest", &spec, NOW).unwrap();
        library.write(|write| write.step(&claim, "one", &json!(1), 0.5, NOW)).unwrap();
        claim
    };
    let library = Library::open(home.path()).unwrap();
    let second = library.start("ingest", &spec, NOW).unwrap();
    assert_eq!((second.job, second.resumed), (first.job, true));
    assert_eq!(library.steps(second.job).unwrap(), BTreeMap::from([("one".to_owned(), json!(1))]));

    let late = library.write(|write| write.step(&first, "two", &json!(2), 1.0, NOW));
    assert!(matches!(late, Err(Error::Fenced(_))), "{late:?}");
    assert_eq!(library.steps(second.job).unwrap().len(), 1);

    library.finish(&second, &Ending::Done(json!("ok")), NOW).unwrap();
    let job = library.job(second.job).unwrap();
    assert_eq!((job.status, job.result), (Status::Done, Some(json!("ok"))));
    let third = library.start("ingest", &spec, NOW).unwrap();
    assert_ne!(third.job, second.job);
    assert!(!third.resumed);
}

#[test]
fn a_living_run_is_not_taken_over() {
    let (home, library) = open();
    let spec = json!({});
    let first = library.start("ingest", &spec, NOW).unwrap();
    let other = Library::open(home.path()).unwrap();
    let second = other.start("ingest", &spec, NOW).unwrap();
    assert_ne!(first.job, second.job);
    library.finish(&first, &Ending::Cancelled, NOW).unwrap();
    assert_eq!(library.job(first.job).unwrap().status, Status::Cancelled);
}

#[test]
fn what_a_killed_writer_left_is_swept_away_but_not_that_of_a_living_one() {
    let (home, library) = open();
    let left = || {
        let file = staging_file(&library.home().stems()).unwrap();
        file.into_temp_path().keep().unwrap()
    };
    let dead = left();
    library.start("ingest", &json!({}), NOW).unwrap();
    assert!(!dead.exists());
    let living = left();
    Library::open(home.path()).unwrap().start("ingest", &json!({}), NOW).unwrap();
    assert!(living.exists());
}

#[test]
fn work_that_dies_three_times_without_a_step_is_given_up() {
    let home = tempfile::tempdir().unwrap();
    let start =
        || Library::open(home.path()).unwrap().start("ingest", &json!({}), NOW).unwrap().job;
    let jobs: Vec<i64> = (0..4).map(|_| start().0).collect();
    assert_eq!(jobs, [1, 1, 1, 2]);
    let library = Library::open(home.path()).unwrap();
    assert_eq!(library.job(JobId(1)).unwrap().status, Status::Failed);
}

#[test]
fn a_damaged_database_is_named_as_such() {
    let home = tempfile::tempdir().unwrap();
    drop(Library::open(home.path()).unwrap());
    let path = home.path().join("processed_database/library.db");
    #[expect(clippy::disallowed_methods, reason = "the test damages a file on purpose")]
    std::fs::write(&path, "this is no database, not even nearly one".repeat(100)).unwrap();
    let error = Library::open(home.path()).unwrap_err();
    assert!(matches!(error, Error::Corrupt(_)), "{error:?}");
    assert!(error.to_string().contains("ingest again"), "{error}");
}

#[test]
fn a_newer_schema_is_refused() {
    let (home, library) = open();
    library.lock().pragma_update(None, "user_version", 99).unwrap();
    let error = Library::open(home.path()).unwrap_err();
    assert!(matches!(error, Error::TooNew { found: 99, .. }), "{error:?}");
}

#[test]
fn a_blob_is_written_once_and_leaves_no_half_file() {
    let (_home, library) = open();
    let blobs = library.blobs();
    let broken = blobs.put("x", |file| {
        file.write_all(b"half")?;
        Err(std::io::Error::other("pulled out"))
    });
    assert!(broken.is_err());
    assert_eq!(std::fs::read_dir(library.home().stems()).unwrap().count(), 0);
    blobs.put("x", |file| file.write_all(b"first")).unwrap();
    blobs.put("x", |file| file.write_all(b"second")).unwrap();
    assert_eq!(std::fs::read(blobs.path("x")).unwrap(), b"first");
}

#[test]
fn takes_come_back_newest_first() {
    let (_home, library) = open();
    let plan = json!({
        "schema": 1, "prompt": "techno", "seed": 1, "bpm": 138.5, "key": "A minor",
        "genre": "techno", "moods": [], "swing": 50.0, "total_bars": 8,
        "estimated_duration_s": 13.9, "loudness_lufs": -10.0, "structure": []});
    let take = NewTake {
        path: "generated_tracks/a.wav".to_owned(),
        hash: "h".to_owned(),
        seed: dream_core::Seed(u64::MAX),
        plan: serde_json::from_value(plan).unwrap(),
        casting: json!([1]),
        report: json!({"lufs": -9.5}),
    };
    let first = library.write(|write| write.add_take(&take, NOW)).unwrap();
    let second = library.write(|write| write.add_take(&take, Moment(2_000))).unwrap();
    assert_eq!(library.take(first).unwrap().take, take);
    let ids: Vec<TakeId> = library.takes(None, 10).unwrap().iter().map(|take| take.id).collect();
    assert_eq!(ids, [second, first]);
    assert_eq!(library.takes(Some(second), 10).unwrap()[0].id, first);
    let named = library.change_take(first, Some(Some("Night")), Some(1)).unwrap();
    assert_eq!((named.title.as_deref(), named.rating), (Some("Night"), 1));
    assert_eq!(library.change_take(first, Some(None), None).unwrap().title, None);
    assert!(library.change_take(first, None, Some(2)).is_err());
    library.remove_take(second).unwrap();
    assert_eq!(library.count_takes().unwrap(), 1);
    assert!(matches!(library.remove_take(second), Err(Error::NoTake(_))));
}

proptest::proptest! {
    #[test]
    fn vectors_survive_storage_bit_by_bit(values: Vec<f32>) {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let back = catalogue::floats(&bytes);
        proptest::prop_assert!(values.iter().zip(&back).all(|(a, b)| a.to_bits() == b.to_bits()));
        proptest::prop_assert_eq!(values.len(), back.len());
    }
}
