use std::sync::{Arc, OnceLock};

use dream_core::{Progress, Source};

use super::*;
use crate::testing::{category, engine, library_of};
use crate::{Engine, JobSpec, Kind, Outcome};

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
