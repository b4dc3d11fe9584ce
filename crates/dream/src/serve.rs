//! `dream serve`.

use std::sync::Arc;

use anyhow::Context;
use dream_core::Progress;
use dream_engine::Engine;
use dream_server::Settings;
use serde_json::json;

use crate::args::Serve;
use crate::report::Report;

/// Serves until a signal asks it to stop; whether everything under way came to its end.
pub(crate) fn serve(
    engine: Engine,
    args: &Serve,
    progress: &Progress,
    report: &Report,
) -> anyhow::Result<bool> {
    let mut settings = Settings::from(&engine.config().server);
    if let Some(port) = args.port {
        settings.bind.set_port(port);
    }
    let address = settings.bind;
    let listening = |at: std::net::SocketAddr| {
        if report.is_json() {
            // Two texts: this cannot fail.
            let _ = report.document(
                &json!({"listening": format!("http://{at}"), "docs": format!("http://{at}/docs")}),
            );
        }
        report.line(&format!("listening on http://{at}, described at http://{at}/docs"));
    };
    let stop = || progress.check().is_err();
    let stopped = dream_server::serve(&Arc::new(engine), settings, listening, stop)
        .with_context(|| format!("serve {address}"))?;
    if !stopped.put_back {
        report.complain("a job did not stop in time; it goes on at the next start");
    }
    Ok(true)
}
