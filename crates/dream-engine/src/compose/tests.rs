use std::sync::{Arc, OnceLock};

use dream_analysis::{Hints, Known};
use dream_audio::Clip;
use dream_core::{Category, Form, Progress, Provenance, SampleRate, Seed, Source, StemId};
use dream_library::Moment;

use super::{ComposeSpec, Output, Selection};
use crate::config::Flags;
use crate::{Clock, Config, Damage, Engine, JobSpec, Kind, Origin, Outcome};

fn open(home: &std::path::Path, at: i64) -> Engine {
    let flags = Flags { home: Some(home.to_owned()), starter: Some(false), ..Flags::default() };
    Engine::open(Config::load(&flags).unwrap(), Clock::Fixed(Moment(at))).unwrap()
}

fn admit(engine: &Engine, category: Category, hz: f64) {
    let samples = (0..11_025)
        .map(|i| {
            let t = f64::from(i) / 44_100.0;
            (0.8 * (-12.0 * t).exp() * (std::f64::consts::TAU * hz * t).sin()) as f32
        })
        .collect();
    let known = Known {
        category: Some(category),
        form: Some(Form::OneShot),
        root: (category == Category::Bass).then_some(33.0),
        ..Known::default()
    };
    let origin = Origin {
        name: category.to_string(),
        source: Source::Original,
        kit: None,
        licence: None,
        provenance: Provenance::default(),
        hints: Hints { name: None, known },
        damage: Damage::default(),
    };
    engine.admit(Clip::mono(SampleRate::LIBRARY, samples), origin).unwrap();
}

fn spec() -> ComposeSpec {
    ComposeSpec {
        prompt: "techno 140 bpm".to_owned(),
        bpm: None,
        key: None,
        minutes: Some(0.5),
        loudness_lufs: None,
        seed: None,
        selection: Selection::default(),
        output: Output::default(),
    }
}

/// The seed of the track, or the kind of the error.
fn run(engine: &Engine, spec: ComposeSpec, progress: &Progress) -> Result<u64, Kind> {
    match engine.run(&JobSpec::Compose(Box::new(spec)), progress) {
        Ok(Outcome::Take(composed)) => Ok(composed.track.seed.0),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error.kind()),
    }
}

#[test]
fn an_interrupted_composition_goes_on_with_its_own_plan() {
    let home = tempfile::tempdir().unwrap();
    let engine = open(home.path(), 1_000);
    for (category, hz) in
        [(Category::Kick, 55.0), (Category::Hihat, 9_000.0), (Category::Bass, 55.0)]
    {
        admit(&engine, category, hz);
    }
    // The report needs the handle that it is part of.
    let cell: Arc<OnceLock<Progress>> = Arc::default();
    let own = Arc::clone(&cell);
    let progress = Progress::new(move |_, _, what| {
        if what == "mix" {
            own.get().unwrap().cancel();
        }
    });
    cell.set(progress.clone()).unwrap();
    assert_eq!(run(&engine, spec(), &progress), Err(Kind::Cancelled));
    assert!(engine.library().takes(None, 10).unwrap().is_empty());
    let first = engine.library().jobs(&dream_library::JobFilter::default()).unwrap().remove(0);
    let steps = engine.library().steps(first.id).unwrap();
    assert_eq!(steps.keys().map(String::as_str).collect::<Vec<_>>(), ["cast", "path", "plan"]);
    drop(engine);

    // At another time another seed would be drawn: the plan of the first run is taken up.
    let engine = open(home.path(), 2_000);
    let seed = run(&engine, spec(), &Progress::silent()).unwrap();
    assert_eq!(steps["plan"]["seed"], seed);
    assert_eq!(engine.library().jobs(&dream_library::JobFilter::default()).unwrap().len(), 1);
    let take = engine.library().takes(None, 10).unwrap().remove(0).take;
    let wav = engine.home().root().join(&take.path);
    assert!(wav.is_file() && wav.with_extension("json").is_file());

    // What is done is done: the same words again are a new job.
    assert_ne!(run(&open(home.path(), 3_000), spec(), &Progress::silent()).unwrap(), seed);
}

#[test]
fn what_cannot_be_composed_is_refused_before_any_work() {
    let home = tempfile::tempdir().unwrap();
    let engine = open(home.path(), 0);
    let silent = Progress::silent();
    assert_eq!(run(&engine, spec(), &silent), Err(Kind::NotFound), "an empty library");
    let long = ComposeSpec { minutes: Some(31.0), ..spec() };
    assert_eq!(run(&engine, long, &silent), Err(Kind::Invalid));
    for prompt in [" ".to_owned(), "techno ".repeat(200)] {
        assert_eq!(run(&engine, ComposeSpec { prompt, ..spec() }, &silent), Err(Kind::Invalid));
    }
    let loud = ComposeSpec { loudness_lufs: Some(3.0), ..spec() };
    assert_eq!(run(&engine, loud, &silent), Err(Kind::Invalid));
    let refused = |output: Output| run(&engine, ComposeSpec { output, ..spec() }, &silent);
    let at = |name: &str| Some(home.path().join(name));
    let mp3 = Output { path: at("x.mp3"), ..Output::default() };
    assert_eq!(refused(mp3), Err(Kind::Invalid));
    let floats = Output { path: at("x.flac"), bits: super::Bits::Float32, ..Output::default() };
    assert_eq!(refused(floats), Err(Kind::Invalid));
    let short = Output { preview_s: Some(0.0), ..Output::default() };
    assert_eq!(refused(short), Err(Kind::Invalid));
    let used = Output { stems: Some(home.path().to_owned()), ..Output::default() };
    assert_eq!(refused(used), Err(Kind::Invalid), "a folder that holds something");
    let nowhere = Output { midi: at("no/x.mid"), ..Output::default() };
    assert_eq!(refused(nowhere), Err(Kind::NotFound));
    let nowhere = Output { path: Some(home.path().join("no/x.wav")), ..Output::default() };
    assert_eq!(
        run(&engine, ComposeSpec { output: nowhere, ..spec() }, &silent),
        Err(Kind::NotFound)
    );
}

#[test]
fn what_is_disliked_is_not_cast() {
    let home = tempfile::tempdir().unwrap();
    let engine = open(home.path(), 0);
    for hz in [50.0, 55.0, 60.0] {
        admit(&engine, Category::Kick, hz);
    }
    let stems = engine.library().stems(&dream_library::Filter::default()).unwrap();
    let ids: Vec<StemId> = stems.iter().map(|entry| entry.stem.id).collect();
    let rate = |id: StemId| {
        let change = dream_library::Change { rating: Some(-1), ..Default::default() };
        engine.change(id, change).unwrap();
    };
    let cast = |seed| {
        let spec = ComposeSpec { seed: Some(Seed(seed)), ..spec() };
        match engine.run(&JobSpec::Compose(Box::new(spec)), &Progress::silent()) {
            Ok(Outcome::Take(composed)) => {
                let parts = composed.casting.into_iter();
                parts.flat_map(|part| part.stems).map(|stem| stem.id).collect::<Vec<_>>()
            }
            other => panic!("{other:?}"),
        }
    };
    rate(ids[0]);
    rate(ids[2]);
    for seed in 0..3 {
        let cast = cast(seed);
        assert!(!cast.is_empty() && cast.iter().all(|id| *id == ids[1]), "{cast:?}");
    }
    rate(ids[1]);
    assert_eq!(run(&engine, spec(), &Progress::silent()), Err(Kind::NotFound));
}
