use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

use dream_core::{Progress, Source};
use tempfile::TempDir;

use super::*;
use crate::config::Flags;
use crate::testing::{category, engine, library_of};
use crate::{Clock, Config, Engine, JobFilter, JobSpec, Kind, Moment, Outcome, Status};

fn config(home: &TempDir) -> Config {
    Config::defaults(&Flags { home: Some(home.path().to_owned()), ..Flags::default() })
}

fn spec() -> TrainSpec {
    TrainSpec {
        epochs: 3,
        latent_dim: 16,
        batch_size: 64,
        seed: Some(Seed(5)),
        ..TrainSpec::default()
    }
}

fn train(engine: &Engine, spec: TrainSpec, progress: &Progress) -> Result<TrainReport, Error> {
    match engine.run(&JobSpec::Train(spec), progress)? {
        Outcome::Train(report) => Ok(*report),
        other => panic!("{other:?}"),
    }
}

/// Asks the work to stop when `done` epochs are over.
fn until(done_epochs: u64) -> Progress {
    let handle: Arc<OnceLock<Progress>> = Arc::default();
    let inner = Arc::clone(&handle);
    let progress = Progress::new(move |done, total, _| {
        if total == 3 && done >= done_epochs {
            inner.wait().cancel();
        }
    });
    handle.set(progress.clone()).unwrap();
    progress
}

#[test]
fn a_run_that_was_stopped_ends_in_the_same_model() {
    let (_home, whole) = library_of(category(Category::Kick, 14));
    let report = train(&whole, spec(), &Progress::silent()).unwrap();
    assert_eq!((report.method, report.stems, report.epochs), (Method::Network, 14, 3));
    assert!(report.held_out_db.is_some() && !report.resumed);
    assert!(report.warnings.iter().any(|text| text.contains("too few")), "{report:?}");
    assert_eq!(report.size_bytes, std::fs::metadata(&report.path).unwrap().len());

    let (_home, cut) = library_of(category(Category::Kick, 14));
    let stopped = train(&cut, spec(), &until(1)).unwrap_err();
    assert_eq!(stopped.kind(), Kind::Cancelled);
    assert!(!cut.home().trained(Category::Kick).exists());
    let resumed = train(&cut, spec(), &Progress::silent()).unwrap();
    assert!(resumed.resumed);
    assert_eq!(resumed.sha256, report.sha256);
    assert_eq!(std::fs::read_dir(cut.home().work()).unwrap().count(), 0);
    // The same work once more is done anew, to the same bytes.
    assert_eq!(train(&cut, spec(), &Progress::silent()).unwrap().sha256, report.sha256);
}

/// The same work again and again by engines of their own, each ending in a panic when `epochs` of it are over, as a process would that is killed
/// then; how many runs there were until one came to an end.
fn dying(home: &TempDir, epochs: u32, spec: &TrainSpec) -> (usize, Result<TrainReport, Error>) {
    for run in 1..=20 {
        let engine = Engine::open(config(home), Clock::Fixed(Moment(1_000))).unwrap();
        let left = Cell::new(epochs);
        let watch = |event: Event<'_>| {
            if let Event::Epoch(_) = event {
                assert!(left.get() > 0, "dies here");
                left.set(left.get() - 1);
            }
        };
        let job = JobSpec::Train(spec.clone());
        let work = || engine.run_watched(&job, &Progress::silent(), &watch);
        match catch_unwind(AssertUnwindSafe(work)) {
            Ok(Ok(Outcome::Train(report))) => return (run, Ok(*report)),
            Ok(Ok(other)) => panic!("{other:?}"),
            Ok(Err(error)) => return (run, Err(error)),
            Err(_) => {
                let jobs = engine.jobs(&JobFilter::default()).unwrap().0;
                if jobs.iter().any(|job| job.status == Status::Failed) {
                    return (run, Err(Error::Invalid("given up".to_owned())));
                }
            }
        }
    }
    panic!("it comes to no end");
}

#[test]
fn a_run_that_dies_after_every_other_epoch_comes_to_its_end() {
    let (whole, engine) = library_of(category(Category::Kick, 14));
    let spec = TrainSpec { epochs: 7, ..spec() };
    let report = train(&engine, spec.clone(), &Progress::silent()).unwrap();
    drop((engine, whole));
    let (home, engine) = library_of(category(Category::Kick, 14));
    drop(engine);
    // One of two epochs is stored: the second is lost each time, and more runs are needed than a poisoned job is given.
    let (runs, cut) = dying(&home, 1, &spec);
    let cut = cut.unwrap();
    assert_eq!((runs, cut.resumed, cut.sha256), (7, true, report.sha256));
}

#[test]
fn a_run_that_dies_before_anything_is_stored_is_given_up() {
    let (home, engine) = library_of(category(Category::Kick, 14));
    drop(engine);
    let (runs, given_up) = dying(&home, 0, &spec());
    // The first got as far as its seed. The next three did not get on; the fifth finds that, and begins anew as another job.
    assert_eq!(runs, 5);
    assert!(given_up.is_err());
    let engine = Engine::open(config(&home), Clock::Fixed(Moment(1_000))).unwrap();
    let jobs = engine.jobs(&JobFilter::default()).unwrap().0;
    let poisoned = jobs.iter().find(|job| job.status == Status::Failed).unwrap();
    assert_eq!(poisoned.failure.as_ref().unwrap().code, "given_up");
}

#[test]
fn few_stems_give_a_gaussian_that_says_so() {
    let (_home, engine) = library_of(category(Category::Snare, 5));
    let spec = TrainSpec { category: Category::Snare, ..spec() };
    let report = train(&engine, spec.clone(), &Progress::silent()).unwrap();
    assert_eq!((report.method, report.epochs, report.held_out_db), (Method::Gaussian, 0, None));
    assert!(report.warnings.iter().any(|text| text.contains("only 5 stems")), "{report:?}");
    let more = TrainSpec { min_stems: 6, ..spec };
    let refused = train(&engine, more, &Progress::silent()).unwrap_err();
    assert!(matches!(refused, Error::TooFewStems { got: 5, need: 6, .. }), "{refused}");
}

#[test]
fn a_failure_leaves_the_old_model() {
    let (_home, engine) = library_of(category(Category::Kick, 14));
    let old = train(&engine, spec(), &Progress::silent()).unwrap();
    let wild = TrainSpec { learning_rate: 0.7, ..spec() };
    assert_eq!(train(&engine, wild, &Progress::silent()).unwrap_err().kind(), Kind::Invalid);
    assert_eq!(sha256(&std::fs::read(&old.path).unwrap()), old.sha256);
    let (_home, empty) = engine_without_stems();
    assert!(matches!(
        train(&empty, spec(), &Progress::silent()),
        Err(Error::TooFewStems { got: 0, need: 2, .. })
    ));
}

fn engine_without_stems() -> (tempfile::TempDir, Engine) {
    engine()
}

#[test]
fn generated_and_roughly_separated_stems_are_left_out_unless_asked_for() {
    let mut stems = category(Category::Kick, 12);
    for (i, (_, origin)) in stems.iter_mut().enumerate() {
        match i {
            0..3 => origin.source = Source::Generated,
            3 => {
                origin.source = Source::Separated;
                let separator = dream_core::Separator {
                    quality_tier: "dsp".to_owned(),
                    ..dream_core::Separator::default()
                };
                origin.provenance.separator = Some(separator);
            }
            _ => {}
        }
    }
    let (_home, engine) = library_of(stems);
    let report = train(&engine, spec(), &Progress::silent()).unwrap();
    assert_eq!(report.stems, 8);
    let warned =
        |report: &TrainReport, text: &str| report.warnings.iter().any(|w| w.contains(text));
    assert!(warned(&report, "3 generated") && warned(&report, "1 roughly separated"));
    let all = TrainSpec { include_generated: true, ..spec() };
    // Two of ten are a fifth.
    assert_eq!(train(&engine, all, &Progress::silent()).unwrap().stems, 10);
    let made = TrainSpec { sources: vec![Source::Separated], ..spec() };
    assert!(train(&engine, made, &Progress::silent()).is_err(), "rough ones only");
    let all = engine.library().stems(&dream_library::Filter::default()).unwrap();
    let stems = all.iter().take(3).map(|entry| entry.stem.id).collect();
    let these = TrainSpec { stems, ..spec() };
    assert_eq!(train(&engine, these, &Progress::silent()).unwrap().stems, 3, "dreams, too");
    let good = TrainSpec { min_quality: 1.0, kits: vec!["no such".to_owned()], ..spec() };
    assert!(train(&engine, good, &Progress::silent()).is_err());
}

#[test]
fn what_is_disliked_is_not_learned_from() {
    let (_home, engine) = library_of(category(Category::Kick, 6));
    let first = engine.library().stems(&dream_library::Filter::default()).unwrap()[0].stem.id;
    let rate = |rating| dream_library::Change { rating: Some(rating), ..Default::default() };
    assert_eq!(engine.change(first, rate(-1)).unwrap().rating, -1);
    assert_eq!(train(&engine, spec(), &Progress::silent()).unwrap().stems, 5);
    assert_eq!(engine.change(first, rate(1)).unwrap().rating, 1);
    assert_eq!(train(&engine, spec(), &Progress::silent()).unwrap().stems, 6);
    assert_eq!(engine.change(first, rate(2)).unwrap_err().kind(), Kind::Invalid);
}
