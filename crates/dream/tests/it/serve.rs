//! The server as a program: started, killed, started again.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::World;

/// Longest time that a test waits for what must come; one that waits so long has failed.
const PATIENCE: Duration = Duration::from_mins(2);

struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(world: &World) -> Self {
        let mut command = world.command(&["serve", "--port", "0", "--no-starter", "--json"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        let address =
            said["listening"].as_str().unwrap().strip_prefix("http://").unwrap().to_owned();
        Self { child, address }
    }

    /// The status and the body of an answer.
    fn ask(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let length = body.len();
        let head = format!(
            "{method} /api/v1{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap_or(Value::Null))
    }

    #[track_caller]
    fn wait(&self, job: &Value, until: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            let (_, found) = self.ask("GET", &format!("/jobs/{job}"), "");
            if until(&found) {
                return found;
            }
            assert!(Instant::now() < end, "{found}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Asks the program to end and gives its exit code.
    fn end(mut self, signal: &str) -> Option<i32> {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Of a test that failed: it must not live on.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(unix)]
#[test]
fn a_job_survives_the_server_however_that_ends() {
    let world = World::new();
    for i in 0..14 {
        world.tone(&format!("kit/kick {i:02}.wav"), i);
    }
    world.json(&["ingest", "kit", "--category", "kick"], 0);
    let server = Server::start(&world);
    let body = json!({"category": "kick", "epochs": 10_000, "seed": 1}).to_string();
    let (status, job) = server.ask("POST", "/neuromorphic/train", &body);
    assert_eq!(status, 202, "{job}");
    let id = job["job_id"].clone();
    server.wait(&id, |job| job["progress"].as_f64().unwrap() > 0.0);
    assert_eq!(server.end("-TERM"), Some(0));
    let shown = world.json(&["jobs", "show", &id.to_string()], 0);
    assert_eq!((&shown[0]["status"], &shown[0]["attempts"]), (&json!("queued"), &json!(0)));

    let server = Server::start(&world);
    server.wait(&id, |job| job["status"] == "running");
    assert_eq!(server.end("-KILL"), None);

    let server = Server::start(&world);
    server.wait(&id, |job| job["status"] == "running");
    let asked = world.json(&["jobs", "cancel", &id.to_string()], 0);
    assert!(["running", "cancelled"].contains(&asked[0]["status"].as_str().unwrap()));
    server.wait(&id, |job| job["status"] == "cancelled");
    let (_, list) = server.ask("GET", "/jobs?kind=train", "");
    assert_eq!(list.as_array().unwrap().len(), 1, "{list}");
    assert_eq!(server.end("-INT"), Some(0));
}
