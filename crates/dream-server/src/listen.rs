//! Listening: connections come in, are served, and end in time when the server closes.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use dream_engine::Engine;
use dream_engine::runner::Workers;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tower::ServiceExt;

use crate::settings::Settings;
use crate::state::App;

/// Most connections at a time; more wait to be accepted.
const CONNECTIONS: usize = 2_048;

/// Largest head of a request, in bytes.
const HEAD: usize = 64 << 10;

/// Longest time that open requests are waited for when the server closes, and that jobs are.
const GRACE: Duration = Duration::from_secs(4);

/// The time between two looks whether to stop.
const LOOK: Duration = Duration::from_millis(50);

/// How the server stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped {
    /// Whether every open request was answered.
    pub answered: bool,
    /// Whether every job was put back; others are taken up at the next start all the same.
    pub put_back: bool,
}

/// Serves until `stop` says so. Jobs are worked on meanwhile; those under way then go on at the next start.
///
/// `listening` is told the address, with its port where any was asked for.
///
/// # Errors
/// `InvalidInput` for an address that is not this machine's own without a key; those of the system when it cannot listen there.
pub fn serve(
    engine: &Arc<Engine>,
    settings: Settings,
    listening: impl FnOnce(SocketAddr),
    stop: impl Fn() -> bool,
) -> io::Result<Stopped> {
    if !settings.bind.ip().is_loopback() && settings.api_key.is_none() {
        let text =
            "only this machine is served without a key: set one (--api-key), or bind to 127.0.0.1";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(32)
        .enable_all()
        .build()?;
    let stopped = runtime.block_on(run(engine, settings, listening, stop));
    // Nothing that still blocks is waited for.
    runtime.shutdown_background();
    stopped
}

async fn run(
    engine: &Arc<Engine>,
    settings: Settings,
    listening: impl FnOnce(SocketAddr),
    stop: impl Fn() -> bool,
) -> io::Result<Stopped> {
    let listener = TcpListener::bind(settings.bind).await?;
    let workers = Workers::start(engine).map_err(|error| io::Error::other(error.public()))?;
    let patience = settings.patience;
    let app = App::new(Arc::clone(engine), settings);
    tokio::spawn(app.clone().beat());
    let router = crate::build(&app);
    // Each connection holds a receiver: when none is left, all have ended.
    let (closing, closed) = watch::channel(false);
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    listening(listener.local_addr()?);
    tracing::info!(address = %listener.local_addr()?, "listening");
    loop {
        let place = tokio::select! {
            place = Arc::clone(&places).acquire_owned() => place.ok(),
            () = asked(&stop) => break,
        };
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, caller)) => {
                    let (router, closed) = (router.clone(), closed.clone());
                    tokio::spawn(async move {
                        connection(stream, caller, router, closed, patience).await;
                        drop(place);
                    });
                }
                // Such as too many open files: it passes when others have ended.
                Err(error) => {
                    tracing::warn!("accept a connection: {error}");
                    tokio::time::sleep(LOOK).await;
                }
            },
            () = asked(&stop) => break,
        }
    }
    tracing::info!("shutting down");
    drop((listener, closed));
    app.close();
    closing.send_replace(true);
    let jobs = tokio::task::spawn_blocking(move || workers.close(GRACE));
    let answered = tokio::time::timeout(GRACE, closing.closed()).await.is_ok();
    let put_back = jobs.await.unwrap_or(false);
    Ok(Stopped { answered, put_back })
}

async fn asked(stop: &impl Fn() -> bool) {
    while !stop() {
        tokio::time::sleep(LOOK).await;
    }
}

/// Serves a connection until it ends, or its request under way does when the server closes.
async fn connection(
    stream: TcpStream,
    caller: SocketAddr,
    router: axum::Router,
    mut closed: watch::Receiver<bool>,
    patience: Duration,
) {
    // What is small is to go at once.
    let _ = stream.set_nodelay(true);
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(caller));
        router.clone().oneshot(request)
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience)
        .max_buf_size(HEAD)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let asked = tokio::select! {
        ended = connection.as_mut() => {
            tell(ended);
            return;
        }
        asked = closed.wait_for(|closed| *closed) => asked.is_ok(),
    };
    if asked {
        connection.as_mut().graceful_shutdown();
        tell(connection.await);
    }
}

fn tell(ended: Result<(), hyper::Error>) {
    if let Err(error) = ended {
        tracing::debug!("a connection broke off: {error}");
    }
}
