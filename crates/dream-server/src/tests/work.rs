//! Work: what goes into the queue, what comes out, and what can be seen of it meanwhile.

use axum::body::Body;
use futures_util::StreamExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{PATIENCE, World, ask, form, tone};

const TRAIN: &str = r#"{"category": "kick", "epochs": 2, "seed": 1}"#;

#[tokio::test(flavor = "multi_thread")]
async fn long_work_is_a_job_that_can_be_asked_and_cancelled() {
    let world = World::with_stems(3);
    let reply = world.post("/neuromorphic/train", TRAIN).await;
    assert_eq!(
        (reply.status.as_u16(), &reply.headers["location"]),
        (202, &"/api/v1/jobs/2".parse().unwrap())
    );
    let body = reply.json();
    assert_eq!((&body["success"], &body["job_id"]), (&json!(true), &json!(2)));
    let job = world.get("/jobs/2").await.json();
    for name in
        ["id", "kind", "status", "progress", "step", "eta_s", "result", "error", "created_at"]
    {
        assert!(job.get(name).is_some(), "{name} is missing in {job}");
    }
    assert_eq!((&job["kind"], &job["status"]), (&json!("train"), &json!("queued")));
    assert_eq!(world.delete("/jobs/2").await.json()["status"], "cancelled");
    assert_eq!(world.get("/jobs/2").await.json()["status"], "cancelled", "another caller sees it");
    let list = world.get("/jobs?status=cancelled").await;
    assert_eq!(
        (&list.headers["x-total-count"], list.json()[0]["id"].as_i64()),
        (&"1".parse().unwrap(), Some(2))
    );
    assert_eq!(world.get("/jobs/99").await.code(), "no_such_job");
    assert_eq!(world.delete("/jobs/99").await.code(), "no_such_job");

    let workers = world.at_work();
    let reply = world.post_with("/neuromorphic/train", TRAIN, &[("prefer", "wait=100")]).await;
    let body = reply.json();
    assert_eq!(
        (reply.status.as_u16(), &body["result"]["category"]),
        (200, &json!("kick")),
        "{body}"
    );
    assert_eq!(reply.headers["preference-applied"], "wait=100");
    let models = world.get("/neuromorphic/models/available").await.json();
    assert_eq!(models["models"][0]["category"], "kick", "{models}");
    let none =
        world.post_with("/neuromorphic/train", r#"{"category": "pad"}"#, &[("prefer", "wait=100")]);
    assert_eq!(none.await.code(), "too_few_stems");
    assert!(workers.close(PATIENCE));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_sent_twice_is_one_job_and_a_full_queue_says_when_to_come_again() {
    let world = World::with(|config, _| config.queue.limit = 2);
    let key = [("idempotency-key", "k")];
    let first = world.post_with("/neuromorphic/train", TRAIN, &key).await.json();
    assert_eq!(world.post_with("/neuromorphic/train", TRAIN, &key).await.json(), first);
    let other = r#"{"category": "snare"}"#;
    assert_eq!(world.post_with("/neuromorphic/train", other, &key).await.code(), "key_used");
    assert_eq!(world.post("/neuromorphic/train", other).await.status, 202);
    let full = world.post("/neuromorphic/train", other).await;
    assert_eq!((full.status.as_u16(), full.code().as_str()), (503, "queue_full"));
    assert!(full.headers.contains_key("retry-after"));
    let track = world.post("/generate-track", r#"{"prompt": "techno"}"#).await;
    assert_eq!(track.code(), "queue_full");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_back_misses_no_event() {
    let world = World::with_stems(12);
    let id = world.post("/neuromorphic/train", TRAIN).await.json()["job_id"].clone();
    let workers = world.at_work();
    let path = format!("/jobs/{id}/events");
    let all = events(&world, &path, "", usize::MAX).await;
    let (name, end) = all.last().unwrap();
    assert_eq!((name.as_str(), &end["status"]), ("end", &json!("done")), "{all:?}");
    assert_eq!(end["result"]["category"], "kick");
    let changes = all.len() - 1;
    assert!(changes >= 3, "queued, running, done: {all:?}");
    // Broken off after two, and taken up there.
    let first = events(&world, &path, "", 2).await;
    let rest = events(&world, &path, first[1].1["event"].as_str().unwrap(), usize::MAX).await;
    assert_eq!([first, rest].concat(), all);
    assert_eq!(world.get("/jobs/99/events").await.code(), "no_such_job");
    assert!(workers.close(PATIENCE));
}

/// The events of a stream, so many at most: name and data, with the number of the event in it.
async fn events(world: &World, path: &str, last: &str, most: usize) -> Vec<(String, Value)> {
    let request = ask("GET", path).header("last-event-id", last);
    let response =
        world.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body().into_data_stream();
    let (mut text, mut found) = (String::new(), Vec::new());
    while let Some(piece) = tokio::time::timeout(PATIENCE, body.next()).await.unwrap() {
        text.push_str(std::str::from_utf8(&piece.unwrap()).unwrap());
        while let Some((event, rest)) = text.split_once("\n\n") {
            let field = |name: &str| {
                let line = event.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
                line.unwrap_or_default().to_owned()
            };
            if !field("event").is_empty() {
                let mut data: Value = serde_json::from_str(&field("data")).unwrap();
                data["event"] = field("id").into();
                found.push((field("event"), data));
            }
            text = rest.to_owned();
            if found.len() == most {
                return found;
            }
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_track_needs_stems_and_sources() {
    let world = World::new();
    let workers = world.at_work();
    let none = world.post("/generate-track", r#"{"prompt": "techno", "duration": 30}"#).await;
    assert_eq!((none.status.as_u16(), none.code().as_str()), (404, "no_stems"));
    let sources = r#"{"prompt": "x", "include_original": false, "include_separated": false, "include_generated": false}"#;
    assert_eq!(world.post("/stems/generate-track", sources).await.code(), "invalid");
    let later = [("prefer", "respond-async")];
    let reply = world.post_with("/generate-track", r#"{"prompt": "techno"}"#, &later).await;
    assert_eq!(
        (reply.status.as_u16(), &reply.headers["preference-applied"]),
        (202, &"respond-async".parse().unwrap())
    );
    assert!(workers.close(PATIENCE));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_track_is_made_shown_heard_played_anew_and_removed() {
    let world = World::with_stems(4);
    let workers = world.at_work();
    let body = r#"{"prompt": "techno 130 bpm", "duration": 30, "seed": 7}"#;
    let made = world.post("/generate-track", body).await;
    let track = made.json();
    assert_eq!(made.status, 200, "{track}");
    for name in [
        "success",
        "track_id",
        "track_path",
        "prompt",
        "arrangement_plan",
        "track_info",
        "warnings",
    ] {
        assert!(track.get(name).is_some(), "{name} is missing in {track}");
    }
    let info = &track["track_info"];
    for name in [
        "output_path",
        "duration",
        "bpm",
        "key",
        "seed",
        "stems_used",
        "stem_sources",
        "lufs_i",
        "true_peak_dbtp",
    ] {
        assert!(info.get(name).is_some(), "{name} is missing in {info}");
    }
    assert_eq!((&info["bpm"], &info["seed"]), (&json!(130.0), &json!(7)));
    assert!(std::path::Path::new(track["track_path"].as_str().unwrap()).is_file());
    assert_eq!(&world.get("/tracks/1/audio").await.bytes[..4], b"RIFF");
    let plan = world.get("/tracks/1/plan").await.json();
    assert_eq!(plan, track["arrangement_plan"]);
    let named = world.patch("/tracks/1", r#"{"title": "Night", "rating": 1}"#).await.json();
    assert_eq!((&named["title"], &named["rating"]), (&json!("Night"), &json!(1)));

    stems_of_the_track(&world).await;
    let again =
        world.post("/neuromorphic/render", &json!({"arrangement_plan": plan}).to_string()).await;
    let again = again.json();
    assert_eq!(again["track_info"]["sha256"], info["sha256"], "the same plan gives the same bytes");
    // All stems are gone: the tracks can still be heard, but not mixed again.
    let made = world.engine.home().bundles();
    std::fs::remove_dir_all(&made).unwrap();
    std::fs::create_dir(&made).unwrap();
    let aside = world.engine.home().stems().with_extension("aside");
    std::fs::rename(world.engine.home().stems(), &aside).unwrap();
    let gone = world.get("/tracks/1/stems").await;
    assert_eq!((gone.status.as_u16(), gone.code().as_str()), (409, "stems_gone"));
    std::fs::rename(&aside, world.engine.home().stems()).unwrap();
    let anew = world.post("/tracks/1/reroll", r#"{"section": 1}"#).await;
    assert_eq!(anew.status, 200);
    assert_eq!(world.post("/tracks/1/reroll", r#"{"section": 150}"#).await.code(), "not_found");
    let mut edited = plan.clone();
    edited["total_bars"] = 1.into();
    let wrong =
        world.post("/neuromorphic/render", &json!({"arrangement_plan": edited}).to_string()).await;
    assert_eq!(wrong.json()["errors"][0]["field"], "arrangement_plan.total_bars");
    let list = world.get("/tracks?limit=2").await;
    assert_eq!(
        (&list.headers["x-total-count"], list.json()[0]["id"].as_i64()),
        (&"3".parse().unwrap(), Some(3))
    );
    let job = world.get("/jobs?kind=compose").await.json()[0]["id"].clone();
    let job = world.get(&format!("/jobs/{job}")).await.json();
    assert_eq!(job["result"]["track_id"], 1);
    assert_eq!(world.delete("/tracks/1").await.status, 204);
    assert!(!std::path::Path::new(track["track_path"].as_str().unwrap()).exists());
    assert_eq!(world.get("/tracks/1").await.code(), "no_such_track");
    assert!(workers.close(PATIENCE));
}

async fn stems_of_the_track(world: &World) {
    assert_eq!(world.get("/tracks/9/stems").await.code(), "no_such_track");
    let later = ask("GET", "/tracks/1/stems").header("prefer", "respond-async");
    let later = world.send(later.body(Body::empty()).unwrap()).await;
    assert_eq!((later.status.as_u16(), &later.json()["success"]), (202, &json!(true)));
    let all = world.get("/tracks/1/stems").await;
    assert_eq!((all.status.as_u16(), &all.bytes[..4]), (200, b"PK\x03\x04".as_slice()));
    assert_eq!(all.headers["content-type"], "application/zip");
    assert_eq!(all.headers["content-length"], all.bytes.len().to_string().as_str());
    let name = all.headers["content-disposition"].to_str().unwrap();
    assert!(name.starts_with("attachment; filename=\"track_"), "{name}");
    let tag = all.headers["etag"].clone();
    let with = |name: &str, value: &axum::http::HeaderValue| {
        let request = ask("GET", "/tracks/1/stems").header(name, value);
        world.send(request.body(Body::empty()).unwrap())
    };
    assert_eq!(with("if-none-match", &tag).await.status, 304);
    let part = with("range", &"bytes=2-5".parse().unwrap()).await;
    assert_eq!((part.status.as_u16(), part.bytes.as_slice()), (206, &all.bytes[2..6]));
}

async fn upload(
    world: &World,
    path: &str,
    (kind, body): (String, Vec<u8>),
    wait: bool,
) -> super::Reply {
    let request = ask("POST", path).header("content-type", kind);
    let request = if wait { request.header("prefer", "wait=100") } else { request };
    world.send(request.body(Body::from(body)).unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_become_stems_or_leave_nothing_behind() {
    let world = World::with(|_, settings| settings.max_upload = 4 << 20);
    let workers = world.at_work();
    let kick = form("../../kick.wav", &tone(1), &[("category", "hat"), ("kit", "Mine")]);
    let reply = upload(&world, "/stems", kick.clone(), true).await;
    let stem = reply.json();
    assert_eq!(reply.status, 201, "{stem}");
    assert_eq!((&stem["category"], &stem["kit"]), (&json!("hihat"), &json!("Mine")));
    assert_eq!(reply.headers["location"], "/api/v1/stems/1");
    assert!(world.home.path().join("raw_construction_kits/uploads/kick.wav").is_file());
    assert_eq!(upload(&world, "/stems", kick, false).await.status, 202);

    let check = async |form: (String, Vec<u8>), code: &str| {
        let reply = upload(&world, "/stems", form, true).await;
        assert_eq!(reply.code(), code);
    };
    check(form("kick.exe", &tone(1), &[]), "unsupported_media").await;
    check(form("text.wav", b"this is no sound", &[]), "unsupported_media").await;
    check(form("empty.wav", b"", &[]), "invalid").await;
    check(form("kick.wav", &tone(1), &[("colour", "red")]), "invalid").await;
    check(form("kick.wav", &tone(1), &[("category", "wibble")]), "invalid").await;
    check(form("large.wav", &vec![0; 5 << 20], &[]), "too_large").await;
    check(form("allowed.wav", &vec![0; 3 << 20], &[]), "unsupported_media").await;
    check(
        ("multipart/form-data; boundary=XX".to_owned(), b"--XX\r\nnonsense".to_vec()),
        "malformed",
    )
    .await;
    check(("text/plain".to_owned(), b"x".to_vec()), "unsupported_media").await;
    let left = std::fs::read_dir(world.home.path().join("processed_database/uploads")).unwrap();
    assert_eq!(left.count(), 0);

    let path = "/neuromorphic/preprocess/upload";
    let track =
        upload(&world, path, form("t.wav", &tone(2), &[("separate_first", "false")]), true).await;
    assert_eq!((track.status.as_u16(), &track.json()["result"]["added"]), (200, &json!(1)));
    let missing = form("t.wav", &tone(2), &[("model", "htdemucs")]);
    assert_eq!(upload(&world, path, missing, false).await.code(), "model_missing");
    assert!(workers.close(PATIENCE));
}

#[tokio::test(flavor = "multi_thread")]
async fn material_lies_in_the_home_or_is_refused() {
    let world = World::with_stems(1);
    let track = async |path: &str| {
        let body = json!({"track_path": path, "model": "builtin"}).to_string();
        world.post("/neuromorphic/preprocess", &body).await
    };
    for outside in [
        "../outside.wav",
        "/etc/passwd",
        "raw_construction_kits/../../x.wav",
        "processed_database/library.db",
        "%2e%2e/x",
    ] {
        let reply = track(outside).await;
        let code = reply.code();
        assert!(["outside_home", "not_found"].contains(&code.as_str()), "{outside}: {code}");
    }
    assert_eq!(track("a\0b").await.code(), "invalid");
    assert_eq!(track(&"x".repeat(5_000)).await.code(), "invalid");
    assert_eq!(track("raw_construction_kits/kit/kick 00.wav").await.status, 202);
    assert_eq!(
        world.post("/neuromorphic/preprocess", "{}").await.json()["errors"][0]["field"],
        "track_path"
    );
    let older = r#"{"stereo_track_path": "raw_construction_kits/kit/kick 00.wav", "separate_first": false}"#;
    assert_eq!(world.post("/neuromorphic/preprocess", older).await.status, 202);
    assert_eq!(world.post("/preprocess", r#"{"paths": ["/etc"]}"#).await.code(), "outside_home");
    assert_eq!(world.post("/preprocess", r#"{"paths": []}"#).await.status, 202);
    let bare = ask("POST", "/preprocess").body(Body::empty()).unwrap();
    assert_eq!(world.send(bare).await.status, 202);
    // A link in the inbox that leads outside is not followed, neither by name nor by taking in all.
    #[cfg(unix)]
    {
        let elsewhere = tempfile::tempdir().unwrap();
        super::write(&elsewhere.path().join("theirs.wav"), &tone(30));
        let link = world.home.path().join("raw_construction_kits/link.wav");
        std::os::unix::fs::symlink(elsewhere.path().join("theirs.wav"), &link).unwrap();
        assert_eq!(track("raw_construction_kits/link.wav").await.code(), "outside_home");
        let workers = world.at_work();
        let all = [("prefer", "wait=100")];
        let taken = world.post_with("/preprocess", "{}", &all).await;
        assert_eq!(taken.status, 200, "{}", taken.json());
        let own = world.get("/stems?source=original").await;
        assert_eq!(own.headers["x-total-count"], "1", "{}", own.json());
        assert!(workers.close(PATIENCE));
    }
    let missing = r#"{"track_path": "raw_construction_kits/kit/kick 00.wav", "model": "htdemucs"}"#;
    assert_eq!(world.post("/neuromorphic/preprocess", missing).await.code(), "model_missing");
}

#[tokio::test]
async fn dreams_are_asked_for_in_every_way_there_is() {
    let world = World::new();
    let check = async |path: &str, body: &str, status: u16| {
        let reply = world.post(path, body).await;
        assert_eq!(reply.status, status, "{path} {body}: {}", reply.json());
        reply
    };
    let generate = "/neuromorphic/generate";
    check(generate, r#"{"category": "kick", "num_variations": 3.0, "mode": "random"}"#, 202).await;
    check(generate, r#"{"category": "kick", "generation_mode": "interpolate"}"#, 202).await;
    check(generate, r#"{"category": "kick", "interpolate": true}"#, 202).await;
    check(generate, r#"{"category": "kick", "mode": "hybrid", "category_b": "bass"}"#, 202).await;
    let refused = check(generate, r#"{"category": "kick", "mode": "hybrid"}"#, 422).await;
    assert_eq!(refused.json()["errors"][0]["field"], "category_b");
    check(generate, r#"{"category": "kick", "num_variations": 0}"#, 422).await;
    check(generate, r#"{"category": "kick", "temperature": 3}"#, 422).await;
    let ratios = r#"{"category_a": "kick", "category_b": "bass", "num_variations": 1, "blend_ratios": [0.2, 0.8]}"#;
    for path in ["/neuromorphic/generate/hybrid", "/generate/hybrid"] {
        let both = check(path, ratios, 202).await.json();
        assert_eq!(both["job_ids"].as_array().unwrap().len(), 2);
    }
    assert_eq!(check("/neuromorphic/generate/batch", "{}", 409).await.code(), "not_trained");
    check("/generate/batch", r#"{"categories": ["kick", "snare"]}"#, 202).await;
    assert_eq!(check("/train/batch?min_samples=10", "", 409).await.code(), "too_few_stems");
    assert_eq!(check("/neuromorphic/cycle", "{}", 409).await.code(), "too_few_stems");
    check("/neuromorphic/cycle", r#"{"categories": ["kick"], "rounds": 1}"#, 202).await;
    let info = world.get("/neuromorphic/generated/info").await.json();
    assert_eq!(info["total"], 0);
}
