use dream_core::{Bpm, Key, Progress, Source, StemId};
use dream_library::Filter;

use super::super::GeneratedStem;
use super::*;
use crate::testing::{engine, generate, library_of, loops};
use crate::{JobSpec, Kind, Outcome, TrainSpec};

fn trained(category: Category, count: usize) -> (tempfile::TempDir, Engine) {
    let (home, engine) = library_of(loops(category, count));
    train(&engine, category);
    (home, engine)
}

fn train(engine: &Engine, category: Category) {
    let spec = TrainSpec {
        category,
        form: Some(Form::Loop),
        epochs: 4,
        latent_dim: 16,
        seed: Some(Seed(1)),
        ..TrainSpec::default()
    };
    let Outcome::Train(report) = engine.run(&JobSpec::Train(spec), &Progress::silent()).unwrap()
    else {
        panic!("training reports training")
    };
    assert!(report.path.ends_with(format!("{category}_loop_vae.safetensors")), "{report:?}");
    assert!(report.bars.unwrap() > report.stems && report.form == Form::Loop);
}

fn spec(category: Category, mode: Mode) -> GenerateSpec {
    let form = Some(Form::Loop);
    GenerateSpec { category, form, mode, count: 2, seed: Some(Seed(3)), ..GenerateSpec::default() }
}

fn blob(engine: &Engine, id: StemId) -> Clip {
    let path = engine.library().blobs().path(&engine.library().stem(id).unwrap().stem.hash);
    decode_file(&path, &dream_audio::decode::Limits::default()).unwrap().clip
}

/// That a loop has the length of its tempo, no seam, and says what it is.
#[track_caller]
fn check_loop(engine: &Engine, stem: &GeneratedStem) {
    let beat = stem.beat.unwrap();
    let clip = blob(engine, stem.id);
    assert_eq!(clip.len(), length(beat.bpm, beat.bars), "{stem:?}");
    assert!(seam(&clip) <= 1.0, "{stem:?}");
    let facts = engine.library().stem(stem.id).unwrap().stem.facts;
    assert_eq!((facts.form, facts.bpm, facts.bars), (Form::Loop, Some(beat.bpm), Some(beat.bars)));
    let (start, end) = facts.loop_points_s.unwrap();
    assert!(start.abs() < 1e-6 && (end - clip.seconds()).abs() < 1e-4, "{start} {end}");
}

#[test]
fn random_loops_have_the_tempo_of_their_parents_to_the_frame() {
    let (_home, engine) = trained(Category::Hihat, 2);
    let (report, stems) = generate(&engine, spec(Category::Hihat, Mode::Random)).unwrap();
    assert_eq!((report.made, report.form), (2, Form::Loop), "{report:?}");
    for stem in &stems {
        check_loop(&engine, stem);
        let entry = engine.library().stem(stem.id).unwrap();
        assert_eq!((entry.stem.source, entry.stem.category), (Source::Generated, Category::Hihat));
        let generator = entry.stem.provenance.generator.unwrap();
        assert!(!generator.latent.is_empty() && generator.novelty >= 0.2);
        let parent = engine.library().stem(stem.parents[0].stem).unwrap();
        assert_eq!(entry.stem.facts.bpm, parent.stem.facts.bpm);
    }
    let wanted = Bpm::new(127.3).unwrap();
    let faster =
        GenerateSpec { bpm: Some(wanted), count: 1, ..spec(Category::Hihat, Mode::Random) };
    let (_, stems) = generate(&engine, faster).unwrap();
    check_loop(&engine, &stems[0]);
    assert_eq!(stems[0].beat.unwrap().bpm, wanted);
}

#[test]
fn the_ends_between_two_loops_are_the_loops() {
    let (_home, engine) = trained(Category::Hihat, 2);
    let all = engine.library().stems(&Filter::default()).unwrap();
    let parents = vec![all[0].stem.id, all[1].stem.id];
    let between = |factor| GenerateSpec {
        parents: parents.clone(),
        factor: Some(factor),
        count: 1,
        form: None,
        ..spec(Category::Hihat, Mode::Interpolated)
    };
    for (factor, parent) in [(0.0, parents[0]), (1.0, parents[1])] {
        let (_, stems) = generate(&engine, between(factor)).unwrap();
        assert_eq!(blob(&engine, stems[0].id), blob(&engine, parent), "{factor}");
    }
    let (_, stems) = generate(&engine, between(0.5)).unwrap();
    check_loop(&engine, &stems[0]);
    let bpm = |id| engine.library().stem(id).unwrap().stem.facts.bpm.unwrap().get();
    let made = stems[0].beat.unwrap().bpm.get();
    assert!(
        made > bpm(parents[1]).min(bpm(parents[0])) && made < bpm(parents[0]).max(bpm(parents[1]))
    );
}

#[test]
fn every_mode_makes_loops() {
    let (_home, engine) = trained(Category::Drums, 2);
    for (clip, origin) in loops(Category::Bass, 2) {
        engine.admit(clip, origin).unwrap();
    }
    train(&engine, Category::Bass);
    let first = engine.library().stems(&Filter::default()).unwrap()[0].stem.id;
    let like = GenerateSpec { parents: vec![first], ..spec(Category::Drums, Mode::Like) };
    let hybrid = GenerateSpec { with: Some(Category::Bass), ..spec(Category::Drums, Mode::Hybrid) };
    let alone = GenerateSpec { novelty_max: true, ..spec(Category::Drums, Mode::Random) };
    for spec in [spec(Category::Drums, Mode::Interpolated), like, hybrid, alone] {
        let (report, stems) = generate(&engine, GenerateSpec { count: 1, ..spec }).unwrap();
        assert_eq!(report.made, 1, "{report:?}");
        check_loop(&engine, &stems[0]);
        let weights: f32 = stems[0].parents.iter().map(|parent| parent.weight).sum();
        assert!((weights - 1.0).abs() < 1e-5);
    }
}

#[test]
fn between_one_loop_in_two_keys_lies_nothing_new() {
    // Four loops, each in two keys.
    let (_home, engine) = trained(Category::Synth, 8);
    let all = engine.library().stems(&Filter::default()).unwrap();
    let keys = all.iter().filter(|entry| entry.stem.name.contains("keys"));
    let parents: Vec<StemId> = keys.map(|entry| entry.stem.id).collect();
    assert_eq!(parents.len(), 2);
    let between = GenerateSpec { parents, ..spec(Category::Synth, Mode::Interpolated) };
    let (report, _) = generate(&engine, between).unwrap();
    assert_eq!(report.made, 0, "{report:?}");
    assert!(report.refused.contains_key("parents too alike"), "{report:?}");
}

#[test]
fn tonal_loops_play_in_the_wanted_key() {
    let (_home, engine) = trained(Category::Bass, 4);
    let key = Key::parse("F# minor").unwrap();
    let spec = GenerateSpec { key: Some(key), ..spec(Category::Bass, Mode::Random) };
    let (report, stems) = generate(&engine, spec).unwrap();
    assert!(report.made > 0, "{report:?}");
    for stem in &stems {
        check_loop(&engine, stem);
        assert_eq!(stem.beat.unwrap().key, Some(key));
        assert_eq!(engine.library().stem(stem.id).unwrap().stem.facts.key, Some(key));
    }
}

#[test]
fn what_cannot_be_dreamed_as_a_loop_is_said() {
    let (_home, engine) = library_of(loops(Category::Drums, 2));
    let missing = generate(&engine, spec(Category::Drums, Mode::Random)).unwrap_err();
    assert!(matches!(missing, Error::LoopsNotTrained(Category::Drums)), "{missing}");
    assert_eq!(missing.kind(), Kind::Conflict);
    train(&engine, Category::Drums);
    // Loops are what is meant by drums.
    let (report, _) = generate(
        &engine,
        GenerateSpec { form: None, count: 1, ..spec(Category::Drums, Mode::Random) },
    )
    .unwrap();
    assert_eq!(report.form, Form::Loop);
    let check = |change: &dyn Fn(&mut GenerateSpec)| {
        let mut bad = spec(Category::Drums, Mode::Random);
        change(&mut bad);
        assert_eq!(generate(&engine, bad).unwrap_err().kind(), Kind::Invalid);
    };
    check(&|spec| spec.form = Some(Form::Free));
    check(&|spec| spec.key = Some(Key::parse("A minor").unwrap()));
    check(&|spec| spec.bpm = Some(Bpm::new(20.0).unwrap()));
    check(&|spec| {
        spec.form = Some(Form::OneShot);
        spec.bpm = Some(Bpm::new(120.0).unwrap());
    });
    // A model of bars is not one of one-shots.
    let home = engine.home();
    std::fs::copy(home.trained_loops(Category::Drums), home.trained(Category::Drums)).unwrap();
    let shots = GenerateSpec { form: Some(Form::OneShot), ..spec(Category::Drums, Mode::Random) };
    assert!(matches!(generate(&engine, shots), Err(Error::Weights { .. })));
    let (_home, empty) = engine_without_stems();
    let train = TrainSpec { category: Category::Drums, ..TrainSpec::default() };
    let refused = empty.run(&JobSpec::Train(train), &Progress::silent()).unwrap_err();
    assert!(matches!(refused, Error::TooFewLoops { got: 0, need: 2, .. }), "{refused}");
}

fn engine_without_stems() -> (tempfile::TempDir, Engine) {
    engine()
}
