//! Tracks into stems, and the models that do it.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::{World, names_in, text, wav};

/// A file of `seconds`: clicks twice a second over a low tone.
fn track(world: &World, name: &str, seconds: u32) {
    let samples: Vec<i16> = (0..seconds * 44_100)
        .map(|i| {
            let (t, hit) = (f64::from(i) / 44_100.0, f64::from(i % 22_050));
            let click = 12_000.0 * (-hit / 600.0).exp() * (hit * hit * 0.37).sin();
            (click + 6_000.0 * (t * 80.0 * std::f64::consts::TAU).sin()) as i16
        })
        .collect();
    world.write(name, &wav(44_100, 1, &samples));
}

fn fixture(name: &str) -> String {
    format!("{}/../dream-neural/reference/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn a_track_comes_apart_on_a_fresh_machine_and_says_so() {
    let world = World::new();
    track(&world, "home/stereo_tracks_for_analysis/song.wav", 4);
    let output = world.run(&["separate", "--out", "out"]);
    let (said, warned) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{warned}");
    assert!(warned.contains("dream models fetch htdemucs"), "{warned}");
    assert!(said.contains("1 tracks"), "{said}");
    let files = names_in(&world.path("out"));
    assert!(files.contains(&"song_builtin_drums.wav".to_owned()), "{files:?}");

    let lines = world.json(&["separate", "--two-stems", "bass"], 0);
    let summary = lines.last().unwrap();
    assert_eq!((&summary["summary"], &summary["degraded"]), (&json!(true), &json!(true)));
    assert_eq!(lines[0]["quality_tier"], "dsp");
    let stems = world.json(&["stems", "list", "--source", "separated"], 0).remove(0);
    let stem = &stems.as_array().unwrap()[0];
    assert_eq!(stem["provenance"]["separator"]["name"], "builtin");
    assert_eq!(stem["provenance"]["separator"]["quality_tier"], "dsp");
    assert_eq!((&stem["kit"], &stem["source"]), (&json!("song"), &json!("separated")));

    let error = world.run(&["separate", "--model", "htdemucs"]);
    assert_eq!(error.status.code(), Some(1));
    assert!(text(&error.stderr).contains("`dream models fetch htdemucs`"));
    let lines = world.json(&["separate", "--model", "htdemucs", "--allow-fallback"], 0);
    assert_eq!(lines.last().unwrap()["model"], "builtin");
    assert_eq!(world.run(&["separate", "--no-library"]).status.code(), Some(2));
    assert_eq!(world.run(&["separate", "nowhere.wav"]).status.code(), Some(1));
}

#[test]
fn models_are_listed_added_checked_and_removed() {
    let world = World::new();
    let list = |world: &World| -> Vec<Value> {
        world.json(&["models", "list"], 0)[0].as_array().unwrap().clone()
    };
    let names: Vec<Value> = list(&world).into_iter().map(|model| model["name"].clone()).collect();
    assert_eq!(names, ["builtin", "htdemucs", "htdemucs_ft", "htdemucs_6s"]);
    assert_eq!(list(&world)[1]["installed"], false);
    let file = fixture("small-fd7996e7.th");
    assert_eq!(world.json(&["models", "add", "mine", &file], 0)[0]["installed"], true);
    assert_eq!(world.json(&["models", "verify"], 0)[0][0]["fault"], Value::Null);
    track(&world, "song.wav", 2);
    let lines = world.json(&["separate", "song.wav", "--model", "mine"], 0);
    assert_eq!(lines[0]["model"], "mine");
    world.json(&["models", "fetch", "htdemucs", "--from", &file], 1);
    world.json(&["models", "rm", "mine"], 0);
    assert_eq!(list(&world).len(), 4);
}

#[test]
fn a_killed_separation_goes_on() {
    let world = World::new();
    world.json(&["models", "add", "mine", &fixture("small.safetensors")], 0);
    track(&world, "song.wav", 30);
    let args = ["separate", "song.wav", "--model", "mine", "--json"];
    let mut child =
        world.command(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // Killed as soon as a part of the stems is there.
    let spool = world.home().join("processed_database").join("work/2/0/stem-1");
    while !spool.metadata().is_ok_and(|spool| spool.len() > 8 * 8_000) {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it could be killed");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let lines = world.json(&args[..4], 0);
    let summary = lines.last().unwrap();
    assert_eq!((&summary["resumed"], &summary["stems"]), (&json!(true), &json!(2)));
    assert_eq!(lines[0]["duration_s"], 30.0);
    assert_eq!(names_in(&world.home().join("processed_database/work")).len(), 0);
}
