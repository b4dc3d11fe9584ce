//! What is asked of jobs.

use std::time::Duration;

use dream_core::Progress;
use dream_engine::{Clock, Engine, Job, JobFilter, JobId, Status};
use serde_json::json;

use crate::args::Jobs;
use crate::report::{Report, escaped};
use crate::view;

/// The time between two looks at a job.
const LOOK: Duration = Duration::from_millis(200);

pub(crate) fn jobs(
    engine: &Engine,
    args: &Jobs,
    progress: &Progress,
    report: &Report,
) -> anyhow::Result<bool> {
    match args {
        Jobs::List { status, kind, limit } => {
            let filter = JobFilter {
                status: *status,
                kind: kind.as_deref(),
                before: None,
                limit: Some(*limit),
            };
            let (jobs, _) = engine.jobs(&filter)?;
            if report.is_json() {
                report.document(&jobs.iter().map(view::job).collect::<Vec<_>>())?;
            } else {
                let header = ["id", "kind", "status", "done", "step", "asked for"];
                report.table(&header, &jobs.iter().map(row).collect::<Vec<_>>());
            }
        }
        Jobs::Show { id } => show(&engine.job(JobId(*id))?, report)?,
        Jobs::Cancel { id } => {
            let job = engine.stop_job(JobId(*id))?;
            if report.is_json() {
                report.document(&view::job(&job))?;
            }
            report.line(match job.status {
                Status::Running => "asked to stop",
                Status::Cancelled => "cancelled",
                Status::Done | Status::Failed | Status::Queued => "it has ended already",
            });
        }
        Jobs::Watch { id } => return watch(engine, JobId(*id), progress, report),
    }
    Ok(true)
}

fn row(job: &Job) -> Vec<String> {
    vec![
        job.id.0.to_string(),
        job.kind.clone(),
        job.status.name().to_owned(),
        format!("{:.0} %", 100.0 * job.progress),
        job.doing.as_ref().or(job.step.as_ref()).cloned().unwrap_or_else(|| "-".to_owned()),
        Clock::text(job.created_at),
    ]
}

fn show(job: &Job, report: &Report) -> anyhow::Result<()> {
    let value = view::job(job);
    if report.is_json() {
        return report.document(&value);
    }
    let text = serde_json::to_string_pretty(&value)?;
    report.answer(&text.lines().map(escaped).collect::<Vec<_>>().join("\n"));
    Ok(())
}

/// Prints what happens to the job; whether it was done.
fn watch(engine: &Engine, id: JobId, progress: &Progress, report: &Report) -> anyhow::Result<bool> {
    let mut last = 0;
    loop {
        // Asked before the events: none can come after an end that is seen here.
        let job = engine.job(id)?;
        for event in engine.job_events(id, last)? {
            last = event.id;
            let doing = event.doing.as_deref().unwrap_or_default();
            if report.is_json() {
                report.document(&json!({
                    "event": event.id,
                    "id": id.0,
                    "status": event.status.name(),
                    "progress": event.progress,
                    "step": event.doing,
                    "eta_s": event.eta_s,
                }))?;
            }
            let percent = 100.0 * event.progress;
            report.line(&format!("{:9} {percent:3.0} %  {}", event.status.name(), escaped(doing)));
        }
        if job.status.is_ended() {
            if let Some(failure) = &job.failure {
                report.complain(&failure.error);
            }
            return Ok(job.status == Status::Done);
        }
        progress.check().map_err(dream_engine::Error::from)?;
        std::thread::sleep(LOOK);
    }
}
