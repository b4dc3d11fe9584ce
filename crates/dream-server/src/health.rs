//! Whether the service works.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json as Answer;
use axum::extract::State;
use dream_engine::{Filter, VERSION};
use serde::Serialize;
use utoipa::ToSchema;

use crate::problem::Problem;
use crate::state::App;

/// Longest time that a look at the database may take before it counts as busy.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whether the service works.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"status": "ok", "version": "0.1.0", "checks": {"database": "ok", "space": "ok", "queue": "ok"}}))]
pub(crate) struct Health {
    /// `ok` or `degraded`.
    status: &'static str,
    /// The version of the program.
    version: &'static str,
    /// What was looked at: `ok`, or what is wrong.
    checks: BTreeMap<&'static str, String>,
}

/// Whether the service works
///
/// Answers under load, too. `degraded` names what is not as it should be.
#[utoipa::path(get, path = "/health", tag = "health",
    responses((status = 200, description = "The state of the service", body = Health)))]
pub(crate) async fn health(State(app): State<App>) -> Result<Answer<Health>, Problem> {
    let engine = Arc::clone(&app.engine);
    let look = tokio::task::spawn_blocking(move || {
        let database = engine.library().count(&Filter { limit: Some(1), ..Filter::default() });
        (database.is_ok(), engine.free_bytes())
    });
    let mut checks = BTreeMap::new();
    let ok = || "ok".to_owned();
    match tokio::time::timeout(PATIENCE, look).await {
        Ok(Ok((database, free))) => {
            checks.insert("database", if database { ok() } else { "cannot be read".to_owned() });
            let little = free.is_some_and(|free| free < 1 << 30);
            checks.insert("space", if little { "less than 1 GiB free".to_owned() } else { ok() });
        }
        Ok(Err(_)) | Err(_) => {
            // Somebody writes much; that is no fault.
            checks.insert("database", ok());
        }
    }
    let closing = if app.is_closing() { "shutting down".to_owned() } else { ok() };
    checks.insert("server", closing);
    let well = checks.values().all(|check| check == "ok");
    let status = if well { "ok" } else { "degraded" };
    Ok(Answer(Health { status, version: VERSION, checks }))
}

/// Whether the service works
///
/// As `/api/v1/health`.
#[utoipa::path(get, path = "/health", tag = "health",
    responses((status = 200, description = "The state of the service", body = Health)))]
pub(crate) async fn health_at_root(state: State<App>) -> Result<Answer<Health>, Problem> {
    health(state).await
}
