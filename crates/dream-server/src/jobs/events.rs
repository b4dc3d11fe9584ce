//! Following a job: a stream of its changes that can be taken up where it broke off.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use dream_engine::{JobEvent, JobId};
use futures_util::stream::{self, Stream};
use tokio::sync::watch;

use super::whole;
use super::wire::Change;
use crate::names::Number;
use crate::problem::Problem;
use crate::read::Id;
use crate::state::{App, with};

/// The time between signs of life.
const ALIVE: Duration = Duration::from_secs(15);

/// An event as it is sent: the fields of a server-sent event.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "it stands in the documentation only")]
pub(crate) struct Told {
    /// The number of a change; the end has none.
    id: Option<String>,
    /// `change` or `end`.
    event: String,
    /// JSON: of a change `id`, `status`, `progress`, `step`, `eta_s` and `stopping`, of the end the whole job.
    data: String,
}

/// Follow a job
///
/// Server-sent events, each `change` with a number as its id: who comes back with `Last-Event-ID` misses none. The last event is
/// `end` with the whole job; then the stream closes.
#[utoipa::path(get, path = "/jobs/{id}/events", tag = "jobs",
    params(("id" = Number, Path, description = "Its number"),
        ("Last-Event-ID" = Option<String>, Header, description = "The number of the last event that was seen")),
    responses((status = 200, description = "The changes of the job", content_type = "text/event-stream", body = Told)))]
pub(crate) async fn follow(
    State(app): State<App>,
    Id(id): Id,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    // A number that cannot be read is none that was given here: then all is told.
    let last = headers.get("last-event-id").and_then(|last| last.to_str().ok());
    let last = last.and_then(|last| last.trim().parse().ok()).unwrap_or(0);
    // A job that is not there is a plain 404.
    with(&app, move |engine| Ok(engine.job(JobId(id))?)).await?;
    let alive = KeepAlive::new().interval(ALIVE);
    Ok(Sse::new(changes(app, id, last)).keep_alive(alive).into_response())
}

struct Following {
    app: App,
    pulse: watch::Receiver<i64>,
    closing: watch::Receiver<bool>,
    job: i64,
    last: i64,
    waiting: std::collections::VecDeque<Event>,
    ended: bool,
}

fn changes(app: App, job: i64, last: i64) -> impl Stream<Item = Result<Event, Infallible>> {
    let (pulse, closing) = (app.pulse(), app.closing());
    let following = Following { app, pulse, closing, job, last, waiting: [].into(), ended: false };
    stream::unfold(following, |mut following| async move {
        let event = following.next().await?;
        Some((Ok(event), following))
    })
}

impl Following {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            if self.ended || self.app.is_closing() {
                return None;
            }
            self.pulse.borrow_and_update();
            self.look().await?;
            if self.waiting.is_empty() {
                tokio::select! {
                    changed = self.pulse.changed() => changed.ok()?,
                    _ = self.closing.wait_for(|closing| *closing) => return None,
                }
            }
        }
    }

    /// Reads what happened since; `None` when the job cannot be asked any more.
    async fn look(&mut self) -> Option<()> {
        let (id, last) = (JobId(self.job), self.last);
        // The job is asked before its events: an end that is seen here has all of them before it.
        let ask = with(&self.app, move |engine| {
            let job = engine.job(id)?;
            let events = engine.job_events(id, last)?;
            Ok((whole(engine, &job), job.status.is_ended(), events))
        });
        let (job, ended, events) = ask.await.ok()?;
        self.last = events.last().map_or(last, |event| event.id);
        self.waiting.extend(events.iter().filter_map(|event| change(self.job, event)));
        if ended && events.len() < 1_000 {
            let end = Event::default().event("end").json_data(job).ok()?;
            self.waiting.push_back(end);
            self.ended = true;
        }
        Some(())
    }
}

fn change(job: i64, event: &JobEvent) -> Option<Event> {
    let told = Event::default().id(event.id.to_string()).event("change");
    told.json_data(Change::new(job, event)).ok()
}
