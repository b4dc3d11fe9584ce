//! What is kept out, and what ends in time.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use axum::body::Body;
use dream_engine::{Clock, Engine};
use serde_json::json;

use super::{PATIENCE, World, ask, config};
use crate::{Settings, Stopped, serve};

#[tokio::test]
async fn faults_of_requests_are_told_by_status_code_and_field() {
    let world = World::new();
    let path = "/generate-track";
    let check = async |body: &str, status: u16, field: Option<&str>| {
        let reply = world.post(path, body).await;
        let said = reply.json();
        assert_eq!(reply.status, status, "{said}");
        reply.code();
        assert_eq!(said["errors"][0]["field"].as_str(), field, "{said}");
    };
    check("{", 400, None).await;
    check("", 400, None).await;
    check(&"[".repeat(1 << 20), 400, None).await;
    check("{}", 422, Some("prompt")).await;
    check(r#"{"prompt": "x", "bmp": 120}"#, 422, Some("bmp")).await;
    check(r#"{"prompt": "x", "bpm": 1000}"#, 422, Some("bpm")).await;
    check(r#"{"prompt": "x", "seed": -1}"#, 422, Some("seed")).await;
    check(r#"{"prompt": "x", "seed": 9007199254740992}"#, 422, Some("seed")).await;
    check(r#"{"prompt": "x", "key": "Q major"}"#, 422, Some("key")).await;
    check(&json!({"prompt": "x".repeat(1_001)}).to_string(), 422, Some("prompt")).await;
    assert_eq!(world.post(path, &"x".repeat(9 << 20)).await.code(), "too_large");
    let text =
        ask("POST", path).header("content-type", "text/plain").body(Body::from("{}")).unwrap();
    assert_eq!(world.send(text).await.code(), "unsupported_media");
    let put = world.send(ask("PUT", path).body(Body::empty()).unwrap()).await;
    assert_eq!(put.code(), "method_not_allowed");
    assert_eq!(put.headers["allow"], "POST");
    assert_eq!(world.get("/nowhere").await.code(), "not_found");
    assert_eq!(world.get("/stems/abc").await.code(), "invalid");
    assert_eq!(world.get("/stems/0").await.code(), "invalid");
    assert_eq!(world.get(&format!("/stems?tag={}", "x".repeat(9_000))).await.code(), "malformed");
    for path in [
        "//../../etc/passwd",
        "//%2e%2e/%2e%2e/etc/passwd",
        "/stems/..%2f..%2fetc/audio",
        "//docs/../../etc/passwd",
    ] {
        assert!(world.get(path).await.status.is_client_error(), "{path}");
    }
}

#[tokio::test]
async fn with_a_key_only_health_and_the_documentation_are_open() {
    let world = World::with(|_, settings| settings.api_key = Some("secret".to_owned()));
    for open in ["/health", "//health", "/openapi.json", "//docs/"] {
        assert_eq!(world.get(open).await.status, 200, "{open}");
    }
    let reply = world.get("/stems").await;
    assert_eq!((reply.status.as_u16(), reply.code().as_str()), (401, "unauthorized"));
    assert_eq!(reply.headers["www-authenticate"], "Bearer");
    assert_eq!(world.get("/nowhere").await.status, 401, "what there is, too, is not told");
    for (name, value, status) in [
        ("authorization", "Bearer secret", 200),
        ("x-api-key", "secret", 200),
        ("x-api-key", "wrong", 401),
        ("authorization", "Basic secret", 401),
    ] {
        let request = ask("GET", "/stems").header(name, value).body(Body::empty()).unwrap();
        assert_eq!(world.send(request).await.status, status, "{name}: {value}");
    }
}

#[tokio::test]
async fn pages_of_other_sites_are_kept_out_unless_they_are_let_in() {
    let send = async |world: &World, method: &str, headers: &[(&str, &str)]| {
        let request = headers
            .iter()
            .fold(ask(method, "/preprocess"), |r, (name, value)| r.header(*name, *value));
        world.send(request.body(Body::empty()).unwrap()).await
    };
    let world = World::new();
    let foreign = [("host", "127.0.0.1:8000"), ("origin", "https://evil.example")];
    assert_eq!(send(&world, "POST", &foreign).await.code(), "foreign_origin");
    let own = [("host", "127.0.0.1:8000"), ("origin", "http://127.0.0.1:8000")];
    assert_eq!(send(&world, "POST", &own).await.status, 202);
    assert_eq!(send(&world, "POST", &[("host", "evil.example")]).await.code(), "malformed");
    let closed = send(&world, "GET", &foreign).await;
    assert!(closed.headers.get("access-control-allow-origin").is_none());

    let world =
        World::with(|_, settings| settings.cors = vec!["https://studio.example".to_owned()]);
    let friend = [("host", "localhost"), ("origin", "https://studio.example")];
    let reply = send(&world, "POST", &friend).await;
    assert_eq!(reply.headers["access-control-allow-origin"], "https://studio.example");
    assert_eq!(reply.status, 202);
    let asked = [friend[0], friend[1], ("access-control-request-method", "POST")];
    assert_eq!(send(&world, "OPTIONS", &asked).await.status, 200);
    assert_eq!(send(&world, "POST", &foreign).await.code(), "foreign_origin");
}

#[tokio::test]
async fn a_full_house_lets_health_through() {
    let world = World::with(|_, settings| settings.max_requests = 0);
    let reply = world.get("/stems").await;
    assert_eq!((reply.status.as_u16(), reply.code().as_str()), (503, "busy"));
    assert!(reply.headers.contains_key("retry-after"));
    assert_eq!(world.get("/health").await.status, 200);
    let world = World::with(|_, settings| settings.rate = 1);
    let codes = [
        world.get("/stems").await.status,
        world.get("/stems").await.status,
        world.get("/stems").await.status,
    ];
    assert_eq!(codes.map(|code| code.as_u16()), [200, 200, 429]);
    assert_eq!(world.get("/health").await.status, 200);
}

#[tokio::test]
async fn a_request_keeps_the_number_it_came_with_unless_that_is_mischief() {
    let world = World::new();
    let with = async |id: &str| {
        let request = ask("GET", "/health").header("x-request-id", id).body(Body::empty()).unwrap();
        world.send(request).await.headers["x-request-id"].to_str().unwrap().to_owned()
    };
    assert_eq!(with("abc-1").await, "abc-1");
    assert_ne!(with("a b; c").await, "a b; c");
    assert_ne!(with(&"x".repeat(65)).await, "x".repeat(65));
}

/// A server on a port of its own, in a thread of its own.
struct Server {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<std::io::Result<Stopped>>,
    _home: tempfile::TempDir,
}

impl Server {
    fn start(change: impl FnOnce(&mut Settings)) -> Self {
        let home = tempfile::tempdir().unwrap();
        let engine = Arc::new(Engine::open(config(home.path()), Clock::System).unwrap());
        let mut settings =
            Settings { bind: SocketAddr::from(([127, 0, 0, 1], 0)), ..Settings::default() };
        change(&mut settings);
        let stop = Arc::new(AtomicBool::new(false));
        let (tell, told) = mpsc::channel();
        let asked = Arc::clone(&stop);
        let thread = std::thread::Builder::new().spawn(move || {
            let listening = move |address| tell.send(address).unwrap();
            serve(&engine, settings, listening, || asked.load(Ordering::Relaxed))
        });
        let address = told.recv_timeout(PATIENCE).unwrap();
        Self { address, stop, thread: thread.unwrap(), _home: home }
    }

    fn send(&self, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        stream
    }

    fn stop(self) -> Stopped {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap().unwrap()
    }
}

fn read(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    // A connection that is reset ends what there is to read.
    let _ = stream.read_to_end(&mut text);
    String::from_utf8_lossy(&text).into_owned()
}

#[test]
fn open_streams_do_not_keep_a_server_from_stopping() {
    let server = Server::start(|_| ());
    let body = r#"{"category": "kick", "epochs": 10000}"#;
    let length = body.len();
    let mut asked = server.send(&format!(
        "POST /api/v1/neuromorphic/train HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    ));
    assert!(read(&mut asked).starts_with("HTTP/1.1 202"));
    // One stream of events, one waiting request, one connection that says nothing.
    let mut events = server.send("GET /api/v1/jobs/1/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let mut first = [0; 15];
    events.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK");
    let _silent = server.send("");
    let stopped = server.stop();
    assert!(stopped.answered && stopped.put_back, "{stopped:?}");
    assert!(read(&mut events).contains("event: change"));
}

#[test]
fn a_head_that_comes_too_slowly_ends_its_connection() {
    let server = Server::start(|settings| settings.patience = Duration::from_millis(200));
    let mut slow = server.send("GET /api/v1/health HTTP/1.1\r\nHost: loc");
    let said = read(&mut slow);
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 408"), "{said}");
    let bomb = "X-Bomb: y\r\n".repeat(20_000);
    let mut bomb =
        server.send(&format!("GET /api/v1/health HTTP/1.1\r\nHost: localhost\r\n{bomb}"));
    let said = read(&mut bomb);
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 431"), "{said}");
    let slow_body = "POST /api/v1/generate-track HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
    assert!(read(&mut server.send(slow_body)).starts_with("HTTP/1.1 408"));
    let mut well =
        server.send("GET /api/v1/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert!(read(&mut well).starts_with("HTTP/1.1 200"));
    assert!(server.stop().answered);
}

#[test]
fn other_addresses_are_not_served_without_a_key() {
    let home = tempfile::tempdir().unwrap();
    let engine = Arc::new(Engine::open(config(home.path()), Clock::System).unwrap());
    let settings = Settings { bind: SocketAddr::from(([0, 0, 0, 0], 0)), ..Settings::default() };
    let refused = serve(&engine, settings, |_| (), || true).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::InvalidInput);
    let open = Settings {
        bind: SocketAddr::from(([0, 0, 0, 0], 0)),
        api_key: Some("secret".to_owned()),
        ..Settings::default()
    };
    assert!(serve(&engine, open, |_| (), || true).is_ok());
}
