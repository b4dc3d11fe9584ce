//! What a monitor asks: numbers in the text format of Prometheus.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use dream_engine::{Filter, JobFilter, Status};

use crate::problem::Problem;
use crate::state::{App, ask};

/// Upper bounds of the classes of answering times, in seconds.
const BOUNDS: [f64; 10] = [0.001, 0.005, 0.01, 0.025, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0];

/// Counts of requests.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// Requests under way.
    pub(crate) under_way: AtomicI64,
    answered: Mutex<BTreeMap<(String, String, u16), u64>>,
    times: Mutex<Times>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Times {
    classes: [u64; BOUNDS.len()],
    count: u64,
    sum_s: f64,
}

impl Metrics {
    /// Counts a request that was answered. `route` is that of the table, never what was asked for: their number is bounded.
    pub(crate) fn count(&self, method: &str, route: &str, status: u16, took: Duration) {
        let key = (method.to_owned(), route.to_owned(), status);
        *self.answered.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default() += 1;
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        let seconds = took.as_secs_f64();
        times.count += 1;
        times.sum_s += seconds;
        for (class, bound) in times.classes.iter_mut().zip(BOUNDS) {
            *class += u64::from(seconds <= bound);
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        head(&mut text, "dream_requests_total", "counter", "Requests answered.");
        for ((method, route, status), count) in
            self.answered.lock().unwrap_or_else(PoisonError::into_inner).iter()
        {
            let labels = format!("method=\"{method}\",route=\"{route}\",status=\"{status}\"");
            let _ = writeln!(text, "dream_requests_total{{{labels}}} {count}");
        }
        let times = *self.times.lock().unwrap_or_else(PoisonError::into_inner);
        let name = "dream_request_seconds";
        head(&mut text, name, "histogram", "Time to the head of the answer.");
        for (class, bound) in times.classes.iter().zip(BOUNDS) {
            let _ = writeln!(text, "{name}_bucket{{le=\"{bound}\"}} {class}");
        }
        let _ = writeln!(text, "{name}_bucket{{le=\"+Inf\"}} {}", times.count);
        let _ = writeln!(text, "{name}_sum {}\n{name}_count {}", times.sum_s, times.count);
        let under_way = self.under_way.load(Ordering::Relaxed);
        head(&mut text, "dream_requests_under_way", "gauge", "Requests under way.");
        let _ = writeln!(text, "dream_requests_under_way {under_way}");
        text
    }
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

/// Numbers for a monitor
#[utoipa::path(get, path = "/metrics", tag = "health",
    responses((status = 200, description = "Prometheus text", content_type = "text/plain", body = String)))]
pub(crate) async fn metrics(State(app): State<App>) -> Result<Response, Problem> {
    let (jobs, stems, tracks) = ask(&app, |engine| {
        let mut jobs = Vec::new();
        for status in Status::ALL {
            let filter = JobFilter { status: Some(*status), ..JobFilter::default() };
            jobs.push((status.name(), engine.library().count_jobs(&filter)?));
        }
        let stems = engine.library().count(&Filter::default())?;
        Ok((jobs, stems, engine.library().count_takes()?))
    })
    .await?;
    let mut text = app.metrics.text();
    head(&mut text, "dream_jobs", "gauge", "Jobs by where they stand.");
    for (status, count) in jobs {
        let _ = writeln!(text, "dream_jobs{{status=\"{status}\"}} {count}");
    }
    head(&mut text, "dream_stems", "gauge", "Stems of the library.");
    let _ = writeln!(text, "dream_stems {stems}");
    head(&mut text, "dream_tracks", "gauge", "Rendered tracks.");
    let _ = writeln!(text, "dream_tracks {tracks}");
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    Ok((kind, text).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_route_and_time() {
        let metrics = Metrics::default();
        metrics.count("GET", "/stems/{id}", 200, Duration::from_millis(7));
        metrics.count("GET", "/stems/{id}", 200, Duration::from_secs(2));
        let text = metrics.text();
        for line in [
            "dream_requests_total{method=\"GET\",route=\"/stems/{id}\",status=\"200\"} 2",
            "dream_request_seconds_bucket{le=\"0.005\"} 0",
            "dream_request_seconds_bucket{le=\"0.01\"} 1",
            "dream_request_seconds_bucket{le=\"+Inf\"} 2",
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
    }
}
