use std::time::{Duration, Instant};

use dream_core::{Category, Seed};

use super::*;
use crate::testing::{category, engine_with, library_of};
use crate::{
    ComposeSpec, GenerateSpec, IngestSpec, Job, JobId, Kind, Output, Selection, Status, TrainSpec,
    Wish,
};

/// Long enough for any job of a test on a busy machine; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_mins(2);

#[track_caller]
fn wait(engine: &Engine, id: JobId, until: impl Fn(&Job) -> bool) -> Job {
    let end = Instant::now() + PATIENCE;
    loop {
        let job = engine.job(id).unwrap();
        if until(&job) {
            return job;
        }
        assert!(Instant::now() < end, "{job:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn put(engine: &Engine, spec: &JobSpec) -> JobId {
    engine.enqueue(spec, Wish::default()).unwrap().0.id
}

fn train(epochs: u32) -> JobSpec {
    JobSpec::Train(TrainSpec {
        category: Category::Kick,
        epochs,
        seed: Some(Seed(1)),
        ..TrainSpec::default()
    })
}

fn library() -> (tempfile::TempDir, Arc<Engine>) {
    let (home, engine) = library_of(category(Category::Kick, 14));
    (home, Arc::new(engine))
}

#[test]
fn jobs_are_done_in_the_background_and_their_results_kept() {
    let (_home, engine) = library();
    let dreams = GenerateSpec { count: 2, seed: Some(Seed(2)), ..GenerateSpec::default() };
    let learned = put(&engine, &train(2));
    let dreamed = put(&engine, &JobSpec::Generate(Box::new(dreams)));
    let workers = Workers::start(&engine).unwrap();
    let job = wait(&engine, learned, |job| job.status.is_ended());
    assert_eq!((job.status, job.progress), (Status::Done, 1.0), "{job:?}");
    assert_eq!(job.result.unwrap()["category"], "kick");
    let job = wait(&engine, dreamed, |job| job.status.is_ended());
    assert_eq!(job.status, Status::Done, "{job:?}");
    assert!(workers.close(PATIENCE));
}

#[test]
fn a_failed_job_has_a_code_and_a_cause_without_paths() {
    let (_home, engine) = library();
    let missing = engine.home().root().join("no/such.wav");
    let id = put(
        &engine,
        &JobSpec::Ingest(IngestSpec { paths: vec![missing], ..IngestSpec::default() }),
    );
    let workers = Workers::start(&engine).unwrap();
    let job = wait(&engine, id, |job| job.status.is_ended());
    let failure = job.failure.unwrap();
    assert_eq!((job.status, failure.code.as_str()), (Status::Failed, "not_found"));
    assert!(failure.error.contains("no/such.wav"), "{failure:?}");
    assert!(failure.detail.contains("such.wav") && !failure.detail.contains('/'), "{failure:?}");
    assert!(workers.close(PATIENCE));
}

#[test]
fn a_running_job_stops_when_another_process_asks() {
    let (home, engine) = library();
    let id = put(&engine, &train(10_000));
    let workers = Workers::start(&engine).unwrap();
    wait(&engine, id, |job| job.progress > 0.0 && job.doing.is_some());
    let other = dream_library::Library::open(home.path()).unwrap();
    assert!(other.stop_job(id, engine.now()).unwrap().stop);
    let job = wait(&engine, id, |job| job.status.is_ended());
    assert_eq!(job.status, Status::Cancelled);
    assert!(workers.close(PATIENCE));
}

#[test]
fn workers_that_close_put_their_jobs_back_and_others_go_on_from_there() {
    let (_home, engine) = library();
    let id = put(&engine, &train(40));
    let workers = Workers::start(&engine).unwrap();
    wait(&engine, id, |job| job.progress > 0.0);
    assert!(workers.close(PATIENCE));
    let job = engine.job(id).unwrap();
    assert_eq!((job.status, job.stop), (Status::Queued, false), "{job:?}");
    let workers = Workers::start(&engine).unwrap();
    let job = wait(&engine, id, |job| job.status.is_ended());
    assert_eq!((job.status, job.result.unwrap()["resumed"].clone()), (Status::Done, true.into()));
    assert!(workers.close(PATIENCE));
}

#[test]
fn a_direct_run_can_be_stopped_by_another_process() {
    let (home, engine) = library();
    let stopper = dream_library::Library::open(home.path()).unwrap();
    let result = engine.run_watched(&train(10_000), &Progress::silent(), &|_| {
        let running = engine.jobs(&crate::JobFilter::default()).unwrap().0.remove(0);
        stopper.stop_job(running.id, engine.now()).unwrap();
    });
    assert_eq!(result.unwrap_err().kind(), Kind::Cancelled);
    let jobs = engine.jobs(&crate::JobFilter::default()).unwrap().0;
    assert_eq!(jobs[0].status, Status::Cancelled);
}

#[test]
fn a_full_queue_is_busy_and_wishes_have_limits() {
    let (_home, engine) = engine_with(|config| config.queue.limit = 1);
    put(&engine, &train(1));
    let full = engine.enqueue(&train(2), Wish::default()).unwrap_err();
    assert_eq!((full.kind(), full.code()), (Kind::Busy, "queue_full"));
    for wish in [Wish { priority: 101, key: None }, Wish { priority: 0, key: Some("") }] {
        assert_eq!(engine.enqueue(&train(1), wish).unwrap_err().kind(), Kind::Invalid);
    }
}

#[test]
fn a_track_from_an_empty_library_fails_by_its_code() {
    let (_home, engine) = engine_with(|config| config.starter = false);
    let engine = Arc::new(engine);
    let spec = ComposeSpec {
        prompt: "techno".to_owned(),
        bpm: None,
        key: None,
        minutes: Some(0.5),
        loudness_lufs: None,
        seed: None,
        selection: Selection::default(),
        output: Output::default(),
    };
    let id = put(&engine, &JobSpec::Compose(Box::new(spec)));
    let workers = Workers::start(&engine).unwrap();
    let job = wait(&engine, id, |job| job.status.is_ended());
    assert!(workers.is_furnished(), "tracks wait for what the library begins with");
    assert_eq!(job.failure.unwrap().code, "no_stems");
    assert!(workers.close(PATIENCE));
}
