use serde_json::json;
use tempfile::TempDir;

use super::Status::{Queued, Running};
use super::*;

const NOW: Moment = Moment(1_000);

fn open() -> (TempDir, Library) {
    let home = tempfile::tempdir().unwrap();
    let library = Library::open(home.path()).unwrap();
    (home, library)
}

fn order(spec: &Value) -> Order<'_> {
    Order { kind: "train", spec, lane: Lane::Heavy, priority: 0, key: None, most: 10 }
}

fn put(library: &Library, number: i32, priority: i32) -> JobId {
    let spec = json!({ "number": number });
    library.enqueue(&Order { priority, ..order(&spec) }, NOW).unwrap().0
}

fn take(library: &Library) -> Option<Claim> {
    library.take_job(Lane::Heavy, NOW).unwrap().map(|(claim, _)| claim)
}

fn statuses(library: &Library, job: JobId) -> Vec<Status> {
    let events = library.job_events(job, 0, 100).unwrap();
    events.into_iter().map(|event| event.status).collect()
}

#[test]
fn jobs_come_out_by_priority_then_in_order_each_to_one_worker() {
    let (home, library) = open();
    let ids = [put(&library, 1, 0), put(&library, 2, 0), put(&library, 3, 5)];
    let other = Library::open(home.path()).unwrap();
    assert!(library.take_job(Lane::Light, NOW).unwrap().is_none(), "they are heavy");
    let taken = [take(&library), take(&other), take(&library)].map(|claim| claim.unwrap().job);
    assert_eq!(taken, [ids[2], ids[0], ids[1]]);
    assert_eq!(take(&other), None);
}

#[test]
fn a_request_sent_twice_is_one_job_and_a_key_belongs_to_one_work() {
    let (_home, library) = open();
    let (spec, other) = (json!({"n": 1}), json!({"n": 2}));
    let keyed = |spec| Order { key: Some("k"), ..order(spec) };
    let first = library.enqueue(&keyed(&spec), NOW).unwrap();
    assert_eq!(library.enqueue(&keyed(&spec), NOW).unwrap(), (first.0, true));
    let refused = library.enqueue(&keyed(&other), NOW);
    assert!(matches!(refused, Err(Error::KeyUsed(job)) if job == first.0), "{refused:?}");
    assert_eq!(library.count_jobs(&JobFilter::default()).unwrap(), 1);
}

#[test]
fn a_full_queue_takes_no_more_until_one_is_taken_out() {
    let (_home, library) = open();
    let spec = json!({});
    let order = Order { most: 2, ..order(&spec) };
    assert!(library.enqueue(&order, NOW).is_ok() && library.enqueue(&order, NOW).is_ok());
    assert!(matches!(library.enqueue(&order, NOW), Err(Error::Full(2))));
    take(&library).unwrap();
    assert!(library.enqueue(&order, NOW).is_ok());
}

#[test]
fn a_job_whose_worker_died_goes_on_elsewhere_and_the_dead_can_no_longer_write() {
    let (home, library) = open();
    let job = put(&library, 1, 0);
    let dead = {
        // Dropping the library ends its presence, as the end of the process would.
        let library = Library::open(home.path()).unwrap();
        let claim = take(&library).unwrap();
        library.write(|write| write.step(&claim, "one", &json!(1), 0.5, NOW)).unwrap();
        claim
    };
    let claim = take(&library).unwrap();
    assert_eq!((claim.job, claim.resumed, dead.resumed), (job, true, false));
    assert_eq!(library.steps(job).unwrap().len(), 1);
    assert!(library.is_to_stop(&dead).unwrap());
    assert!(matches!(library.note(&dead, 0.9, "late", None), Err(Error::Fenced(_))));
    assert_eq!(statuses(&library, job), [Queued, Running, Running, Queued, Running]);
}

#[test]
fn a_job_that_kills_its_worker_again_and_again_is_given_up_with_a_reason() {
    let (home, library) = open();
    let job = put(&library, 1, 0);
    for _ in 0..MAX_ATTEMPTS_QUEUED {
        assert_eq!(take(&Library::open(home.path()).unwrap()).unwrap().job, job);
    }
    assert_eq!(take(&library), None);
    let job = library.job(job).unwrap();
    assert_eq!(job.status, Status::Failed);
    assert_eq!(job.failure.unwrap().code, "given_up");
}

#[test]
fn any_process_can_ask_a_job_to_stop() {
    let (home, library) = open();
    let (waiting, running) = (put(&library, 1, 0), put(&library, 2, 1));
    let claim = take(&library).unwrap();
    let other = Library::open(home.path()).unwrap();
    assert_eq!(other.stop_job(waiting, NOW).unwrap().status, Status::Cancelled);
    assert!(!library.is_to_stop(&claim).unwrap());
    let asked = other.stop_job(running, NOW).unwrap();
    assert_eq!((asked.status, asked.stop), (Status::Running, true));
    assert!(library.is_to_stop(&claim).unwrap());
    library.finish(&claim, &Ending::Cancelled, NOW).unwrap();
    assert_eq!(take(&library), None, "what was stopped does not start again");
    assert_eq!(other.stop_job(running, NOW).unwrap().status, Status::Cancelled);
    assert!(matches!(other.stop_job(JobId(99), NOW), Err(Error::NoJob(_))));
}

#[test]
fn a_job_that_was_to_stop_when_its_worker_died_ends_there() {
    let (home, library) = open();
    let job = put(&library, 1, 0);
    {
        let worker = Library::open(home.path()).unwrap();
        take(&worker).unwrap();
        library.stop_job(job, NOW).unwrap();
    }
    assert_eq!(take(&library), None);
    assert_eq!(library.job(job).unwrap().status, Status::Cancelled);
}

#[test]
fn a_released_job_waits_again_and_its_attempt_does_not_count() {
    let (_home, library) = open();
    let job = put(&library, 1, 0);
    for _ in 0..=MAX_ATTEMPTS_QUEUED {
        let claim = take(&library).unwrap();
        library.release(&claim).unwrap();
    }
    assert_eq!(library.job(job).unwrap().status, Status::Queued);
}

#[test]
fn the_process_that_asks_for_work_does_not_take_it_from_the_queue() {
    let (_home, library) = open();
    let job = put(&library, 1, 0);
    let claim = library.start("train", &json!({"number": 1}), NOW).unwrap();
    assert_ne!(claim.job, job);
}

#[test]
fn events_can_be_read_on_from_any_of_them_and_progress_never_falls() {
    let (_home, library) = open();
    let job = put(&library, 1, 0);
    let claim = take(&library).unwrap();
    library.note(&claim, 0.5, "mix", Some(2.0)).unwrap();
    library.note(&claim, 0.5, "mix", Some(1.9)).unwrap();
    assert_eq!(library.job(job).unwrap().attempts, 0, "it got on");
    library.note(&claim, 0.1, "master", None).unwrap();
    library.finish(&claim, &Ending::Done(json!("ok")), NOW).unwrap();
    let events = library.job_events(job, 0, 100).unwrap();
    let told: Vec<(f64, Option<&str>)> =
        events.iter().map(|event| (event.progress, event.doing.as_deref())).collect();
    let (mix, master) = (Some("mix"), Some("master"));
    assert_eq!(told, [(0.0, None), (0.0, None), (0.5, mix), (0.5, master), (1.0, master)]);
    for (index, event) in events.iter().enumerate() {
        assert_eq!(library.job_events(job, event.id, 100).unwrap(), events[index + 1..]);
    }
}

#[test]
fn lists_page_by_the_oldest_seen_and_old_jobs_are_forgotten() {
    let (_home, library) = open();
    for number in 1..=5 {
        put(&library, number, 0);
    }
    let claim = take(&library).unwrap();
    library.write(|write| write.step(&claim, "one", &json!(1), 0.5, NOW)).unwrap();
    library.finish(&claim, &Ending::Done(json!(1)), Moment(2_000)).unwrap();
    let ids = |filter: &JobFilter<'_>| -> Vec<i64> {
        library.jobs(filter).unwrap().iter().map(|job| job.id.0).collect()
    };
    let page = JobFilter { before: Some(JobId(5)), limit: Some(2), ..JobFilter::default() };
    assert_eq!(ids(&page), [4, 3]);
    let done = JobFilter { status: Some(Status::Done), ..JobFilter::default() };
    assert_eq!(ids(&done), [1]);
    assert_eq!(ids(&JobFilter { kind: Some("ingest"), ..JobFilter::default() }), [0_i64; 0]);
    assert_eq!(library.count_jobs(&page).unwrap(), 5);
    assert_eq!(library.forget_jobs(Moment(2_000)).unwrap(), 0);
    assert_eq!(library.forget_jobs(Moment(2_001)).unwrap(), 1);
    assert_eq!(ids(&JobFilter::default()), [5, 4, 3, 2]);
    assert!(library.job_events(JobId(1), 0, 10).unwrap().is_empty());
}
