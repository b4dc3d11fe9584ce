//! Jobs: work that waits, runs or has ended; how requests put work in and wait for it.

pub(crate) mod events;
mod wire;

use std::time::Duration;

use axum::Json as Answer;
use axum::extract::{OriginalUri, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use dream_engine::{Engine, JobFilter, JobId, JobSpec, Status, Wish};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::compose;
use crate::names::{Limit, Name, Number, StatusName};
use crate::page;
use crate::problem::Problem;
use crate::read::{Id, Preferences, Query};
use crate::state::{App, with};
pub(crate) use wire::{Accepted, Job};

/// Where the jobs are.
const JOBS: &str = "/api/v1/jobs";

/// Jobs of a page, where no number is asked for.
const PAGE: u32 = 50;

/// Which jobs a list holds.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct JobQuery {
    /// Only older ones than this; the `Link` of the answer has it.
    before: Option<Number>,
    /// At most so many.
    limit: Option<Limit>,
    /// Only those that stand there.
    status: Option<StatusName>,
    /// Only this kind of work.
    kind: Option<Name>,
}

/// List jobs
///
/// The newest first. `X-Total-Count` says how many there are of all, `Link` where the next page is.
#[utoipa::path(get, path = "/jobs", tag = "jobs", params(JobQuery),
    responses((status = 200, description = "A page of jobs", body = Vec<Job>)))]
pub(crate) async fn list(
    State(app): State<App>,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<JobQuery>,
) -> Result<Response, Problem> {
    let limit = query.limit.map_or(PAGE, |limit| limit.0 as u32);
    with(&app, move |engine| {
        let filter = JobFilter {
            status: query.status.map(|status| status.0),
            kind: query.kind.as_ref().map(|kind| kind.0.as_str()),
            before: query.before.map(|before| JobId(before.0)),
            limit: Some(limit),
        };
        let (jobs, total) = engine.jobs(&filter)?;
        let last = jobs.last().filter(|_| jobs.len() == limit as usize).map(|last| last.id.0);
        let jobs: Vec<Job> = jobs.iter().map(Job::from).collect();
        Ok(page::answer(&uri, ("before", last), total, jobs))
    })
    .await
}

/// Show a job
#[utoipa::path(get, path = "/jobs/{id}", tag = "jobs",
    params(("id" = Number, Path, description = "Its number")),
    responses((status = 200, description = "The job", body = Job)))]
pub(crate) async fn show(State(app): State<App>, Id(id): Id) -> Result<Answer<Job>, Problem> {
    with(&app, move |engine| Ok(Answer(whole(engine, &engine.job(JobId(id))?)))).await
}

/// A job with what came of it: of a track the answer that its request would have had.
pub(crate) fn whole(engine: &Engine, job: &dream_engine::Job) -> Job {
    let made = compose::take_of(job).and_then(|take| compose::made(engine, take).ok());
    let made = made.and_then(|made| serde_json::to_value(made).ok());
    Job::from(job).with_result(made)
}

/// Ask a job to stop
///
/// One that waits is cancelled at once, one that runs within two seconds; one that has ended stays as it is.
#[utoipa::path(delete, path = "/jobs/{id}", tag = "jobs",
    params(("id" = Number, Path, description = "Its number")),
    responses((status = 200, description = "The job as it is now", body = Job)))]
pub(crate) async fn cancel(State(app): State<App>, Id(id): Id) -> Result<Answer<Job>, Problem> {
    with(&app, move |engine| Ok(Answer(Job::from(&engine.stop_job(JobId(id))?)))).await
}

/// How urgent a request is beside others: somebody waits for a track.
pub(crate) const WAITED_FOR: i32 = 10;
/// Work in the background.
pub(crate) const BACKGROUND: i32 = 0;

/// Puts work into the queue.
pub(crate) async fn enqueue(
    app: &App,
    spec: JobSpec,
    priority: i32,
    preferences: &Preferences,
) -> Result<dream_engine::Job, Problem> {
    if app.is_closing() {
        return Err(Problem::new("closing", "the server is shutting down"));
    }
    let key = preferences.key.clone();
    with(app, move |engine| {
        let (job, known) = engine.enqueue(&spec, Wish { priority, key: key.as_deref() })?;
        tracing::info!(job = job.id.0, kind = job.kind, known, "queued");
        Ok(job)
    })
    .await
}

/// Waits until the job has ended, at most so long; the job as it is then.
pub(crate) async fn wait(
    app: &App,
    id: JobId,
    most: Duration,
) -> Result<dream_engine::Job, Problem> {
    let (mut pulse, mut closing) = (app.pulse(), app.closing());
    let end = tokio::time::Instant::now() + most;
    loop {
        // Seen from here on: what happens between the look and the wait rings at once.
        pulse.borrow_and_update();
        let job = with(app, move |engine| Ok(engine.job(id)?)).await?;
        if job.status.is_ended() || app.is_closing() {
            return Ok(job);
        }
        tokio::select! {
            changed = tokio::time::timeout_at(end, pulse.changed()) => {
                if changed.is_err() {
                    return Ok(job);
                }
            }
            _ = closing.wait_for(|closing| *closing) => {}
        }
    }
}

/// Does long work as a request wants it done: 202 with the job, or, with `Prefer: wait=N`, its result when it is done in time.
pub(crate) async fn long(
    app: &App,
    spec: JobSpec,
    preferences: &Preferences,
) -> Result<Response, Problem> {
    let job = enqueue(app, spec, BACKGROUND, preferences).await?;
    answer(app, job, preferences).await
}

/// Answers for long work that was queued.
pub(crate) async fn answer(
    app: &App,
    job: dream_engine::Job,
    preferences: &Preferences,
) -> Result<Response, Problem> {
    let Some(seconds) = preferences.wait_s.filter(|_| !preferences.at_once) else {
        return Ok(accepted(&job, preferences));
    };
    let most = Duration::from_secs(seconds).min(app.settings.wait);
    let job = wait(app, job.id, most).await?;
    if !ended(&job)? {
        return Ok(accepted(&job, preferences));
    }
    let mut response = Answer(Accepted::new(&job)).into_response();
    applied(&mut response, &format!("wait={seconds}"));
    Ok(response)
}

/// Work of seconds, after the wait for it.
pub(crate) enum Soon {
    /// It is done.
    Done(dream_engine::Job),
    /// It is not, or nobody wants to wait: the answer that says where it can be asked for.
    Later(Response),
}

/// Does work of seconds as a request wants it done: waits for it unless that is not wanted.
pub(crate) async fn soon(
    app: &App,
    spec: JobSpec,
    preferences: &Preferences,
) -> Result<Soon, Problem> {
    let job = enqueue(app, spec, WAITED_FOR, preferences).await?;
    if preferences.at_once {
        return Ok(Soon::Later(accepted(&job, preferences)));
    }
    let most = preferences.wait_s.map_or(app.settings.wait, Duration::from_secs);
    let job = wait(app, job.id, most.min(app.settings.wait)).await?;
    let done = ended(&job)?;
    Ok(if done { Soon::Done(job) } else { Soon::Later(accepted(&job, preferences)) })
}

/// Whether a job is done; its error if it failed or was cancelled.
pub(crate) fn ended(job: &dream_engine::Job) -> Result<bool, Problem> {
    match job.status {
        Status::Queued | Status::Running => Ok(false),
        Status::Done => Ok(true),
        Status::Cancelled => Err(Problem::new("cancelled", "the job was cancelled")),
        Status::Failed => Err(match &job.failure {
            Some(failure) => failure.clone().into(),
            None => Problem::new("internal", "the job failed"),
        }),
    }
}

/// 202 with the place of the job.
pub(crate) fn accepted(job: &dream_engine::Job, preferences: &Preferences) -> Response {
    let mut response = (StatusCode::ACCEPTED, Answer(Accepted::new(job))).into_response();
    if let Ok(place) = HeaderValue::from_str(&format!("{JOBS}/{}", job.id.0)) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    if preferences.at_once {
        applied(&mut response, "respond-async");
    }
    response
}

/// Says which wish of the request was fulfilled.
pub(crate) fn applied(response: &mut Response, wish: &str) {
    if let Ok(wish) = HeaderValue::from_str(wish) {
        response.headers_mut().insert(HeaderName::from_static("preference-applied"), wish);
    }
}
