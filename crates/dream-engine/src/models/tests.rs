//! The client against a server that drops, truncates, corrupts and redirects; files by hand; names.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Mutex;

use super::fetch::Client;
use super::published::sets;
use super::*;
use crate::Config;
use crate::config::Flags;
use crate::testing::{engine, engine_with};
use crate::{JobSpec, Kind, Outcome};

/// A small network as published: its name promises its SHA-256.
const FILE: &str = "small-fd7996e7.th";

fn checkpoint() -> Vec<u8> {
    std::fs::read(fixture(FILE)).unwrap()
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../dream-neural/reference").join(name)
}

/// What the server does with one request; after the last of them it serves well.
#[derive(Debug, Clone, Copy)]
enum Act {
    Serve,
    /// Promises everything, sends so many bytes, closes.
    Drop(usize),
    /// Sends everything but for its end and says that this is all.
    Truncate(usize),
    /// Changes a byte.
    Corrupt,
    /// To the same file under another path.
    Redirect,
    /// Round in a circle.
    Circle,
    /// Sends all of it whatever part was asked for.
    IgnoreRange,
    Status(u16),
    /// Sends a byte too many.
    Endless,
    Garbage,
}

/// Serves `content` for as long as `work` runs, which gets the address; gives the requests, as `PATH RANGE`.
fn with_server<T>(content: &[u8], acts: &[Act], work: impl FnOnce(&str) -> T) -> (T, Vec<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (acts, seen) = (Mutex::new(acts.iter()), Mutex::new(Vec::new()));
    let value = std::thread::scope(|scope| {
        scope.spawn(|| {
            for stream in listener.incoming() {
                let Some(request) = read(stream.as_ref().unwrap()) else { continue };
                if request.starts_with("/stop") {
                    break;
                }
                let act = acts.lock().unwrap().next().copied().unwrap_or(Act::Serve);
                // A client that has seen enough closes.
                let _ = answer(stream.unwrap(), content, act, &request);
                seen.lock().unwrap().push(request);
            }
        });
        let value = work(&format!("http://{address}"));
        TcpStream::connect(address).unwrap().write_all(b"GET /stop HTTP/1.1\r\n\r\n").unwrap();
        value
    });
    (value, seen.into_inner().unwrap())
}

fn read(stream: &TcpStream) -> Option<String> {
    let (mut target, mut range) = (String::new(), String::new());
    for (i, line) in BufReader::new(stream).lines().enumerate() {
        let line = line.ok()?;
        if i == 0 {
            target = line.split(' ').nth(1)?.to_owned();
        } else if let Some(value) = line.to_lowercase().strip_prefix("range: bytes=") {
            range = value.to_owned();
        } else if line.is_empty() {
            return Some(format!("{target} {range}"));
        }
    }
    None
}

fn answer(mut stream: TcpStream, content: &[u8], act: Act, request: &str) -> std::io::Result<()> {
    let range = request.split(' ').nth(1).unwrap_or_default().trim_end_matches('-');
    let start = match act {
        Act::IgnoreRange => 0,
        _ => range.parse::<usize>().unwrap_or(0).min(content.len()),
    };
    let mut body = content[start..].to_vec();
    let mut promised = body.len();
    let mut head = if start == 0 {
        "HTTP/1.1 200 OK".to_owned()
    } else {
        let (last, size) = (content.len() - 1, content.len());
        format!("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {start}-{last}/{size}")
    };
    match act {
        Act::Serve | Act::IgnoreRange => {}
        Act::Drop(count) => body.truncate(count),
        Act::Truncate(count) => {
            body.truncate(body.len() - count);
            promised = body.len();
        }
        Act::Corrupt => body[1000] ^= 1,
        Act::Endless => {
            body.push(0);
            promised = body.len();
        }
        Act::Redirect => head = "HTTP/1.1 302 Found\r\nLocation: /elsewhere/file".to_owned(),
        Act::Circle => head = format!("HTTP/1.1 302 Found\r\nLocation: {}", &request[..2]),
        Act::Status(status) => head = format!("HTTP/1.1 {status} So"),
        Act::Garbage => head = "what?".to_owned(),
    }
    if matches!(act, Act::Redirect | Act::Circle | Act::Status(_) | Act::Garbage) {
        (body, promised) = (Vec::new(), 0);
    }
    write!(stream, "{head}\r\nContent-Length: {promised}\r\nConnection: close\r\n\r\n")?;
    stream.write_all(&body)
}

fn client() -> Client {
    let mut client = Client::new(None, None);
    client.pause = std::time::Duration::ZERO;
    client
}

fn network(urls: &[String]) -> published::Network {
    let file = Published {
        name: FILE.to_owned(),
        sha256: "fd7996e7".to_owned(),
        bytes: None,
        urls: urls.to_vec(),
    };
    published::Network { files: vec![file] }
}

/// Fetches with a server that acts so first; says what was asked for, and whether it came.
#[track_caller]
fn check_fetch(acts: &[Act], requests: &[&str]) -> Result<(), Error> {
    let folder = tempfile::tempdir().unwrap();
    let content = checkpoint();
    let (result, seen) = with_server(&content, acts, |address| {
        let network = network(&[format!("{address}/f")]);
        client().fetch(&network, folder.path(), &Progress::silent())
    });
    assert_eq!(seen, requests);
    let path = folder.path().join(FILE);
    assert_eq!(path.is_file(), result.is_ok(), "{result:?}");
    if result.is_ok() {
        assert_eq!(std::fs::read(path).unwrap(), content);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
    result
}

#[track_caller]
fn check_failure(acts: &[Act], requests: &[&str], said: &str) {
    let error = check_fetch(acts, requests).unwrap_err().to_string();
    assert!(error.contains(said), "{error}");
}

#[test]
fn what_was_dropped_is_continued() {
    check_fetch(&[], &["/f "]).unwrap();
    let requests = ["/f ", "/f 70000-", "/f 100000-"];
    check_fetch(&[Act::Drop(70_000), Act::Drop(30_000)], &requests).unwrap();
    check_fetch(&[Act::Drop(0), Act::Drop(0)], &["/f ", "/f ", "/f "]).unwrap();
    check_fetch(&[Act::Drop(5_000), Act::IgnoreRange], &["/f ", "/f 5000-"]).unwrap();
    check_fetch(&[Act::Status(503), Act::Garbage], &["/f ", "/f ", "/f "]).unwrap();
}

#[test]
fn redirections_are_followed_but_not_for_ever() {
    check_fetch(&[Act::Redirect], &["/f ", "/elsewhere/file "]).unwrap();
    let requests = ["/f ", "/elsewhere/file ", "/f 9000-", "/elsewhere/file 9000-"];
    check_fetch(&[Act::Redirect, Act::Drop(9_000), Act::Redirect], &requests).unwrap();
    let error = check_circle().unwrap_err().to_string();
    assert!(error.contains("redirect"), "{error}");
}

fn check_circle() -> Result<(), Error> {
    let folder = tempfile::tempdir().unwrap();
    let (result, seen) = with_server(&checkpoint(), &[Act::Circle; 200], |address| {
        let network = network(&[format!("{address}/f")]);
        client().fetch(&network, folder.path(), &Progress::silent())
    });
    assert!(seen.len() < 100);
    result
}

#[test]
fn what_is_wrong_is_never_installed() {
    check_failure(&[Act::Corrupt], &["/f "], "another file");
    check_failure(&[Act::Truncate(10)], &["/f "], "another file");
    check_failure(&[Act::Endless], &["/f "], "another file");
    check_failure(&[Act::Status(404)], &["/f "], "answers 404");
    check_failure(&[Act::Drop(0); 9], &["/f "; 5], "disconnected");
}

#[test]
fn a_wrong_beginning_is_thrown_away_and_all_fetched_anew() {
    let folder = tempfile::tempdir().unwrap();
    let content = checkpoint();
    let mut partial =
        std::fs::File::create(folder.path().join(format!(".partial-{FILE}"))).unwrap();
    partial.write_all(&vec![7; 2000]).unwrap();
    let (result, seen) = with_server(&content, &[], |address| {
        let network = network(&[format!("{address}/f")]);
        client().fetch(&network, folder.path(), &Progress::silent())
    });
    result.unwrap();
    assert_eq!(seen, ["/f 2000-", "/f "]);
    assert_eq!(std::fs::read(folder.path().join(FILE)).unwrap(), content);
}

#[test]
fn a_cancelled_download_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let content = checkpoint();
    let fetch = |acts: &[Act], progress: Progress| {
        with_server(&content, acts, |address| {
            client().fetch(&network(&[format!("{address}/f")]), folder.path(), &progress)
        })
    };
    let cancel = std::sync::Arc::new(std::sync::OnceLock::<Progress>::new());
    let handle = cancel.clone();
    let progress = Progress::new(move |done, _, _| {
        if done >= 64 {
            handle.get().unwrap().cancel();
        }
    });
    cancel.set(progress.clone()).unwrap();
    let (stopped, _) = fetch(&[], progress);
    assert!(matches!(stopped, Err(Error::Cancelled(_))), "{stopped:?}");
    let (done, seen) = fetch(&[], Progress::silent());
    done.unwrap();
    let start: usize = seen[0].trim_start_matches("/f ").trim_end_matches('-').parse().unwrap();
    assert!((64 << 10..content.len()).contains(&start), "{seen:?}");
}

#[test]
fn the_second_place_gives_what_the_first_has_not() {
    let folder = tempfile::tempdir().unwrap();
    let acts = [Act::Drop(50_000), Act::Status(404)];
    let (result, seen) = with_server(&checkpoint(), &acts, |address| {
        let network = network(&[format!("{address}/a"), format!("{address}/b")]);
        client().fetch(&network, folder.path(), &Progress::silent())
    });
    result.unwrap();
    assert_eq!(seen, ["/a ", "/a 50000-", "/b 50000-"]);
}

#[test]
fn a_proxy_is_asked_in_place_of_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = ureq::Proxy::new(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let asked = std::thread::scope(|scope| {
        let asked = scope.spawn(|| {
            let (stream, _) = listener.accept().unwrap();
            let mut line = String::new();
            BufReader::new(&stream).read_line(&mut line).unwrap();
            // Closed at once, and every later one with it.
            drop(listener);
            line
        });
        let mut client = Client::new(None, Some(proxy));
        client.pause = std::time::Duration::ZERO;
        let network = network(&["http://weights.invalid/f".to_owned()]);
        client.fetch(&network, folder.path(), &Progress::silent()).unwrap_err();
        asked.join().unwrap()
    });
    assert!(asked.contains("weights.invalid"), "{asked}");
}

#[test]
fn the_published_sets_are_complete() {
    let sets = sets();
    let names: Vec<&str> = sets.iter().map(|set| set.name.as_str()).collect();
    assert_eq!(names, ["htdemucs", "htdemucs_ft", "htdemucs_6s"]);
    for set in &sets {
        if let Some(weights) = &set.weights {
            assert_eq!(weights.len(), set.networks.len());
            assert!(weights.iter().all(|row| row.len() == set.sources.len()));
        }
        for file in set.networks.iter().flat_map(|network| &network.files) {
            assert!(file.sha256.len() >= 8 && file.sha256.bytes().all(|x| x.is_ascii_hexdigit()));
            assert!(!file.urls.is_empty());
            for url in &file.urls {
                assert!(url.starts_with("https://") && url.ends_with(&file.name), "{url}");
            }
            // What the name promises is what is checked.
            let stem = file.name.strip_suffix(".th");
            assert!(stem.is_none_or(|stem| stem.ends_with(&file.sha256)), "{}", file.name);
        }
    }
}

#[track_caller]
fn run(engine: &Engine, spec: &JobSpec) -> Result<Model, Error> {
    match engine.run(spec, &Progress::silent())? {
        Outcome::Model(model) => Ok(model),
        other => panic!("{other:?}"),
    }
}

fn add_spec(name: &str, path: PathBuf) -> JobSpec {
    JobSpec::AddModel(AddSpec { name: name.to_owned(), path })
}

#[test]
fn a_checkpoint_of_ones_own_is_installed_used_and_removed() {
    let (home, engine) = engine();
    let model = run(&engine, &add_spec("mine", fixture("small.safetensors"))).unwrap();
    assert_eq!((model.kind, model.installed), (ModelKind::Own, true));
    let seen = engine.verify_models(&Progress::silent()).unwrap();
    assert_eq!((seen.len(), &seen[0].fault), (1, &None));
    let again = run(&engine, &add_spec("mine", fixture(FILE))).unwrap_err();
    assert_eq!(again.kind(), Kind::Invalid);

    // Damage is found.
    let mut file = std::fs::OpenOptions::new().append(true).open(&seen[0].path).unwrap();
    file.write_all(b"!").unwrap();
    let seen = engine.verify_models(&Progress::silent()).unwrap();
    assert!(seen[0].fault.as_ref().unwrap().contains("SHA-256"), "{seen:?}");

    engine.remove_model("mine").unwrap();
    assert_eq!(engine.remove_model("mine").unwrap_err().kind(), Kind::NotFound);
    assert_eq!(std::fs::read_dir(home.path().join("models/pretrained")).unwrap().count(), 0);
}

#[test]
fn names_stay_in_their_folder_and_files_are_checkpoints() {
    let (home, engine) = engine();
    for name in ["", "../up", "a/b", "htdemucs", "builtin", "a b", &"x".repeat(65)] {
        let error = run(&engine, &add_spec(name, fixture(FILE))).unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid, "{name:?}: {error}");
    }
    let text = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let error = run(&engine, &add_spec("mine", text)).unwrap_err();
    assert!(matches!(error, Error::Weights { .. }), "{error}");
    assert_eq!(std::fs::read_dir(home.path().join("models/pretrained")).unwrap().count(), 0);
    assert_eq!(engine.remove_model("..").unwrap_err().kind(), Kind::Invalid);
}

#[test]
fn files_fetched_by_hand_must_be_those_published() {
    let (_home, engine) = engine();
    let spec = |name: &str, from| {
        JobSpec::FetchModel(FetchSpec { name: name.to_owned(), from: Some(from) })
    };
    let error = run(&engine, &spec("htdemucs", fixture(FILE))).unwrap_err();
    assert!(error.to_string().contains("SHA-256 is fd7996e7"), "{error}");
    let error = run(&engine, &spec("htdemucs", fixture(""))).unwrap_err();
    assert!(error.to_string().contains("955717e8-8726e21a.th or"), "{error}");
    assert_eq!(run(&engine, &spec("wibble", fixture(FILE))).unwrap_err().kind(), Kind::NotFound);
}

#[test]
fn a_mirror_is_asked_for_the_name_of_the_file() {
    let asked = with_server(&checkpoint(), &[Act::Corrupt], |address| {
        let folder = tempfile::tempdir().unwrap();
        let client = Client::new(Some(&format!("{address}/weights/")), None);
        client.fetch(&network(&[format!("{address}/f")]), folder.path(), &Progress::silent())
    });
    asked.0.unwrap();
    assert_eq!(asked.1, [format!("/weights/{FILE} "), "/f ".to_owned()]);
    let (_home, engine) = engine_with(|config| config.weights_mirror = Some("x".to_owned()));
    assert_eq!(engine.config().weights_mirror.as_deref(), Some("x"));
    assert_eq!(Config::defaults(&Flags::default()).weights_mirror, None);
}
