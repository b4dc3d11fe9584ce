//! The interface from outside, without a port where none is needed.

mod fences;
mod lists;
mod open;
mod work;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use dream_core::Progress;
use dream_engine::config::Flags;
use dream_engine::runner::Workers;
use dream_engine::{Clock, Config, Engine, IngestSpec, JobSpec};
use serde_json::Value;
use tower::ServiceExt;

use crate::state::App;
use crate::{Settings, build};

/// A home, an engine on it, and the interface.
struct World {
    home: tempfile::TempDir,
    engine: Arc<Engine>,
    app: App,
    router: Router,
}

/// An answer, read whole.
struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    bytes: Vec<u8>,
}

impl Reply {
    #[track_caller]
    fn json(&self) -> Value {
        let text = String::from_utf8_lossy(&self.bytes);
        serde_json::from_slice(&self.bytes).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// The code of an error, which must look like one.
    #[track_caller]
    fn code(&self) -> String {
        let body = self.json();
        assert_eq!(self.headers["content-type"], "application/problem+json", "{body}");
        assert_eq!(body["status"], self.status.as_u16(), "{body}");
        body["code"].as_str().unwrap().to_owned()
    }
}

fn config(home: &std::path::Path) -> Config {
    let flags = Flags {
        home: Some(home.to_owned()),
        starter: Some(false),
        threads: Some(2),
        ..Flags::default()
    };
    Config::load(&flags).unwrap()
}

impl World {
    fn new() -> Self {
        Self::with(|_, _| ())
    }

    fn with(change: impl FnOnce(&mut Config, &mut Settings)) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut config = config(home.path());
        let mut settings = Settings { wait: PATIENCE / 2, ..Settings::default() };
        change(&mut config, &mut settings);
        let engine = Arc::new(Engine::open(config, Clock::System).unwrap());
        let app = App::new(Arc::clone(&engine), settings);
        let router = build(&app);
        Self { home, engine, app, router }
    }

    /// A world with stems: a kick and other tones.
    fn with_stems(count: u32) -> Self {
        let world = Self::new();
        let folder = world.home.path().join("raw_construction_kits/kit");
        std::fs::create_dir_all(&folder).unwrap();
        for number in 0..count {
            write(&folder.join(format!("kick {number:02}.wav")), &tone(number));
        }
        let spec = JobSpec::Ingest(IngestSpec::default());
        world.engine.run(&spec, &Progress::silent()).unwrap();
        world
    }

    /// Lets workers take the jobs, and waits be rung.
    fn at_work(&self) -> Workers {
        tokio::spawn(self.app.clone().beat());
        Workers::start(&self.engine).unwrap()
    }

    async fn send(&self, request: Request<Body>) -> Reply {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, 1 << 26).await.unwrap().to_vec();
        Reply { status: parts.status, headers: parts.headers, bytes }
    }

    async fn get(&self, path: &str) -> Reply {
        self.send(ask("GET", path).body(Body::empty()).unwrap()).await
    }

    async fn delete(&self, path: &str) -> Reply {
        self.send(ask("DELETE", path).body(Body::empty()).unwrap()).await
    }

    async fn post(&self, path: &str, body: &str) -> Reply {
        self.post_with(path, body, &[]).await
    }

    async fn post_with(&self, path: &str, body: &str, headers: &[(&str, &str)]) -> Reply {
        let request = ask("POST", path).header("content-type", "application/json");
        let request =
            headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        self.send(request.body(Body::from(body.to_owned())).unwrap()).await
    }

    async fn patch(&self, path: &str, body: &str) -> Reply {
        let request = ask("PATCH", path).header("content-type", "application/json");
        self.send(request.body(Body::from(body.to_owned())).unwrap()).await
    }
}

/// A request below `/api/v1`, or at the root where the path begins with two slashes.
fn ask(method: &str, path: &str) -> axum::http::request::Builder {
    let path = match path.strip_prefix('/') {
        Some(root) if root.starts_with('/') => root.to_owned(),
        _ => format!("/api/v1{path}"),
    };
    Request::builder().method(method).uri(path)
}

#[expect(clippy::disallowed_methods, reason = "material of a test needs no safe writing")]
fn write(path: &std::path::Path, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap();
}

/// A decaying tone of a quarter of a second as WAV, another for every number.
fn tone(number: u32) -> Vec<u8> {
    let hz = 50.0 + 7.0 * f64::from(number);
    let samples: Vec<u8> = (0..11_025)
        .flat_map(|i| {
            let t = f64::from(i) / 44_100.0;
            let value = 20_000.0 * (-14.0 * t).exp() * (std::f64::consts::TAU * hz * t).sin();
            (value as i16).to_le_bytes()
        })
        .collect();
    let size = samples.len() as u32;
    let mut bytes = Vec::new();
    bytes.extend(b"RIFF");
    bytes.extend((36 + size).to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    bytes.extend(16_u32.to_le_bytes());
    bytes.extend(1_u16.to_le_bytes());
    bytes.extend(1_u16.to_le_bytes());
    bytes.extend(44_100_u32.to_le_bytes());
    bytes.extend(88_200_u32.to_le_bytes());
    bytes.extend(2_u16.to_le_bytes());
    bytes.extend(16_u16.to_le_bytes());
    bytes.extend(b"data");
    bytes.extend(size.to_le_bytes());
    bytes.extend(samples);
    bytes
}

/// A form with one file, and the header that says so.
fn form(name: &str, bytes: &[u8], words: &[(&str, &str)]) -> (String, Vec<u8>) {
    let mut body = Vec::new();
    for (word, value) in words {
        body.extend(
            format!("--XX\r\nContent-Disposition: form-data; name=\"{word}\"\r\n\r\n{value}\r\n")
                .bytes(),
        );
    }
    let head = format!(
        "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n"
    );
    body.extend(head.bytes());
    body.extend(bytes);
    body.extend(b"\r\n--XX--\r\n");
    ("multipart/form-data; boundary=XX".to_owned(), body)
}

/// Longest time that a test waits for what must come: one that waits so long has failed.
const PATIENCE: Duration = Duration::from_mins(2);
