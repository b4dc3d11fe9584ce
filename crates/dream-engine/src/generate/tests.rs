use dream_core::Progress;
use dream_library::Filter;

use super::*;
use crate::testing::{category, generate, library_of};
use crate::{Engine, JobSpec, Kind, TrainSpec};

fn trained(category_of: Category) -> (tempfile::TempDir, Engine) {
    let (home, engine) = library_of(category(category_of, 8));
    train(&engine, category_of);
    (home, engine)
}

fn train(engine: &Engine, category: Category) {
    let spec = TrainSpec { category, seed: Some(Seed(1)), ..TrainSpec::default() };
    engine.run(&JobSpec::Train(spec), &Progress::silent()).unwrap();
}

fn spec(mode: Mode) -> GenerateSpec {
    GenerateSpec { mode, count: 3, seed: Some(Seed(3)), ..GenerateSpec::default() }
}

#[test]
fn random_stems_come_into_the_library_with_their_origin() {
    let (_home, engine) = trained(Category::Kick);
    let (report, stems) = generate(&engine, spec(Mode::Random)).unwrap();
    assert_eq!((report.made, stems.len()), (3, 3), "{report:?}");
    let drafts = report.refused.values().sum::<u32>() + 3;
    assert!((report.acceptance - 3.0 / f64::from(drafts)).abs() < 1e-9);
    for stem in &stems {
        let entry = engine.library().stem(stem.id).unwrap();
        assert_eq!((entry.stem.source, entry.stem.category), (Source::Generated, Category::Kick));
        assert_eq!(entry.stem.licence.as_deref(), Some("CC0-1.0"));
        let generator = entry.stem.provenance.generator.unwrap();
        assert_eq!(generator.model_sha256, report.model_sha256);
        assert_eq!(generator.parents, stem.parents);
        assert!((generator.novelty - stem.novelty).abs() < 1e-6 && stem.novelty >= 0.2);
        assert!(!generator.latent.is_empty());
        let clip = dream_audio::decode::decode_file(
            std::path::Path::new(&stem.path),
            &dream_audio::decode::Limits::default(),
        );
        let clip = clip.unwrap().clip;
        assert!((clip.peak() - 0.891).abs() < 0.001);
        assert!((clip.seconds() - stem.duration_s).abs() < 1e-3);
    }
    // In another home the same job makes the same stems.
    let (_other, again) = trained(Category::Kick);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    let (_, same) = pool.install(|| generate(&again, spec(Mode::Random))).unwrap();
    for (a, b) in stems.iter().zip(&same) {
        let hash = |engine: &Engine, id| engine.library().stem(id).unwrap().stem.hash;
        assert_eq!(hash(&engine, a.id), hash(&again, b.id));
    }
}

#[test]
fn the_ends_between_two_parents_are_the_parents() {
    let (_home, engine) = trained(Category::Kick);
    let all = engine.library().stems(&Filter::default()).unwrap();
    let parents = vec![all[0].stem.id, all[3].stem.id];
    let blob = |id| {
        let path = engine.library().blobs().path(&engine.library().stem(id).unwrap().stem.hash);
        dream_audio::decode::decode_file(&path, &dream_audio::decode::Limits::default())
            .unwrap()
            .clip
    };
    for (factor, parent) in [(0.0, parents[0]), (1.0, parents[1])] {
        let spec = GenerateSpec {
            parents: parents.clone(),
            factor: Some(factor),
            count: 1,
            ..spec(Mode::Interpolated)
        };
        let (_, stems) = generate(&engine, spec).unwrap();
        let (made, parent) = (blob(stems[0].id), blob(parent));
        assert_eq!((made.len(), made.channels()), (parent.len(), parent.channels()));
        let power = |x: f32| f64::from(x).powi(2);
        let error: f64 =
            made.samples().iter().zip(parent.samples()).map(|(a, b)| power(a - b)).sum();
        let signal: f64 = parent.samples().iter().map(|x| power(*x)).sum();
        assert!(10.0 * (signal / error.max(1e-300)).log10() > 60.0, "{factor}");
    }
}

#[test]
fn every_mode_makes_stems() {
    let (_home, engine) = trained(Category::Kick);
    for (clip, origin) in category(Category::Snare, 8) {
        engine.admit(clip, origin).unwrap();
    }
    train(&engine, Category::Snare);
    let first = engine.library().stems(&Filter::default()).unwrap()[0].stem.id;
    let like = GenerateSpec { parents: vec![first], ..spec(Mode::Like) };
    let hybrid = GenerateSpec { with: Some(Category::Snare), ..spec(Mode::Hybrid) };
    let alone = GenerateSpec { novelty_max: true, ..spec(Mode::Random) };
    for spec in [spec(Mode::Interpolated), like, hybrid, alone] {
        let (report, stems) = generate(&engine, spec.clone()).unwrap();
        assert!(report.made > 0, "{report:?}");
        for stem in stems {
            let parents: f32 = stem.parents.iter().map(|parent| parent.weight).sum();
            assert!((parents - 1.0).abs() < 1e-5, "{stem:?}");
        }
    }
}

#[test]
fn what_cannot_be_dreamed_is_said() {
    let (_home, engine) = library_of(category(Category::Kick, 2));
    let refused = generate(&engine, spec(Mode::Random)).unwrap_err();
    assert!(matches!(refused, Error::NotTrained(Category::Kick)));
    assert_eq!(refused.kind(), Kind::Conflict);
    std::fs::create_dir_all(engine.home().models()).unwrap();
    std::fs::copy(
        engine.library().blobs().path(&engine.library().stem(StemId(1)).unwrap().stem.hash),
        engine.home().trained(Category::Kick),
    )
    .unwrap();
    let broken = generate(&engine, spec(Mode::Random)).unwrap_err();
    assert!(matches!(broken, Error::Weights { .. }), "{broken}");
    let check = |change: &dyn Fn(&mut GenerateSpec)| {
        let mut bad = spec(Mode::Random);
        change(&mut bad);
        assert_eq!(generate(&engine, bad).unwrap_err().kind(), Kind::Invalid);
    };
    check(&|spec| spec.count = 0);
    check(&|spec| spec.temperature = f32::NAN);
    check(&|spec| spec.factor = Some(0.5));
    check(&|spec| spec.mode = Mode::Hybrid);
    check(&|spec| spec.mode = Mode::Like);
    check(&|spec| spec.parents = vec![StemId(1)]);
}

#[test]
fn tonal_stems_play_in_the_wanted_key() {
    let (_home, engine) = library_of(category(Category::Bass, 10));
    train(&engine, Category::Bass);
    let key = Key::parse("F# minor").unwrap();
    let spec = GenerateSpec {
        category: Category::Bass,
        key: Some(key),
        count: 4,
        ..spec(Mode::Interpolated)
    };
    let (report, stems) = generate(&engine, spec.clone()).unwrap();
    assert!(report.made >= 3, "{report:?}");
    for stem in stems {
        let root = stem.root.unwrap();
        assert!((root.rem_euclid(12.0) - 6.0).abs() < 1e-9, "{root}");
        let clip = dream_audio::decode::decode_file(
            std::path::Path::new(&stem.path),
            &dream_audio::decode::Limits::default(),
        );
        assert_eq!(gate::off_pitch(&clip.unwrap().clip, Some(root)), None);
        assert_eq!(engine.library().stem(stem.id).unwrap().stem.facts.root, Some(root));
    }
    let alone = GenerateSpec { novelty_max: true, ..spec };
    assert_eq!(generate(&engine, alone).unwrap_err().kind(), Kind::Invalid);
}
