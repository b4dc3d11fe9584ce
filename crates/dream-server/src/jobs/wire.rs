//! Jobs as they are answered.

use dream_engine::{Clock, JobEvent, Status};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// A job.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Job {
    /// Its number.
    id: i64,
    /// What kind of work.
    kind: String,
    /// `queued`, `running`, `done`, `failed` or `cancelled`.
    status: &'static str,
    /// How much is done.
    #[schema(minimum = 0, maximum = 1)]
    progress: f64,
    /// What it does now, or did last.
    step: Option<String>,
    /// Seconds until it is done, as far as can be told.
    eta_s: Option<f64>,
    /// What came of it.
    #[schema(value_type = Option<Object>)]
    result: Option<Value>,
    /// Why it failed.
    error: Option<JobError>,
    /// The higher, the earlier it is taken.
    priority: i32,
    /// Whether it was asked to stop and has not yet.
    stopping: bool,
    /// Runs since it last got on.
    attempts: u32,
    /// When it was asked for.
    created_at: String,
    /// When its last run began.
    started_at: Option<String>,
    /// When it ended.
    finished_at: Option<String>,
}

/// Why a job failed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobError {
    /// Which error it is, as in the answers to requests.
    code: String,
    /// The error in words.
    message: String,
}

impl From<&dream_engine::Job> for Job {
    fn from(job: &dream_engine::Job) -> Self {
        let error = job.failure.as_ref().map(|failure| JobError {
            code: failure.code.clone(),
            message: failure.detail.clone(),
        });
        Self {
            id: job.id.0,
            kind: job.kind.clone(),
            status: job.status.name(),
            progress: job.progress,
            step: job.doing.clone().or_else(|| job.step.clone()),
            eta_s: job.eta_s,
            result: job.result.clone().filter(Value::is_object),
            error,
            priority: job.priority,
            stopping: job.stop && !job.status.is_ended(),
            attempts: job.attempts,
            created_at: Clock::text(job.created_at),
            started_at: job.started_at.map(Clock::text),
            finished_at: job.finished_at.map(Clock::text),
        }
    }
}

impl Job {
    /// With another result, where there is one.
    pub(crate) fn with_result(self, result: Option<Value>) -> Self {
        Self { result: result.or(self.result), ..self }
    }
}

/// Work that was taken on.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"success": true, "job_id": 7, "status": "queued", "message": "train is queued", "result": null}))]
pub(crate) struct Accepted {
    /// Whether it was taken on.
    success: bool,
    /// The number of its job.
    job_id: i64,
    /// Where the job stands.
    status: &'static str,
    /// The same in words.
    message: String,
    /// What came of it, when it is done.
    #[schema(value_type = Option<Object>)]
    result: Option<Value>,
}

impl Accepted {
    pub(crate) fn new(job: &dream_engine::Job) -> Self {
        Self {
            success: true,
            job_id: job.id.0,
            status: job.status.name(),
            message: format!("{} is {}", job.kind, job.status.name()),
            result: job.result.clone().filter(Value::is_object),
        }
    }
}

/// A change of a job, as it is sent to those who follow it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Change {
    /// The job.
    id: i64,
    /// Where it stands.
    status: &'static str,
    /// How much is done, 0 to 1.
    progress: f64,
    /// What it does.
    step: Option<String>,
    /// Seconds until it is done.
    eta_s: Option<f64>,
    /// Whether it was asked to stop.
    stopping: bool,
}

impl Change {
    pub(crate) fn new(job: i64, event: &JobEvent) -> Self {
        Self {
            id: job,
            status: event.status.name(),
            progress: event.progress,
            step: event.doing.clone(),
            eta_s: event.eta_s,
            stopping: event.stop && event.status == Status::Running,
        }
    }
}
