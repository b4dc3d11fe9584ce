//! From a prompt to a track.

use serde_json::{Value, json};

use crate::{World, text};

#[test]
fn a_prompt_becomes_a_plan_in_either_language() {
    let world = World::new();
    let plan = |prompt: &str| {
        let output = world.run(&["compose", prompt, "--plan-only", "--seed", "5"]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let english = plan("driving industrial techno 138 bpm");
    assert_eq!((&english["schema"], &english["bpm"]), (&json!(1), &json!(138.0)));
    assert_eq!(english["genre"], "industrial techno");
    assert_eq!(english["seed"], 5);
    let german = plan("dunkler, treibender Techno in fis-moll, 6 Minuten, ohne Vocals");
    assert_eq!(german["key"], "F# minor");
    let minutes = german["estimated_duration_s"].as_f64().unwrap() / 60.0;
    assert!((minutes - 6.0).abs() < 0.3, "{minutes}");
    let roles = |plan: &Value| -> Vec<String> {
        let sections = plan["structure"].as_array().unwrap().iter();
        let queries = sections.flat_map(|section| section["stem_queries"].as_array().unwrap());
        queries.map(|query| query["role"].as_str().unwrap().to_owned()).collect()
    };
    assert!(!roles(&german).iter().any(|role| role == "vocal"));
    assert!(!roles(&plan("ambient drone 70 bpm")).iter().any(|role| role == "kick"));
}

#[test]
fn a_prompt_becomes_the_same_track_from_the_same_seed() {
    let world = World::new();
    let compose = |out: &str, seed: &str, threads: &str| {
        let args = ["compose", "house 124 bpm", "--minutes", "0.5", "--out", out, "--seed", seed];
        let args = [args.as_slice(), &["--threads", threads]].concat();
        world.json(&args, 0).remove(0)
    };
    let first = compose("a.wav", "7", "1");
    let again = compose("b.wav", "7", "2");
    let other = compose("c.wav", "8", "2");
    assert_eq!(first["track"]["sha256"], again["track"]["sha256"]);
    assert_ne!(first["track"]["sha256"], other["track"]["sha256"]);

    let track = &first["track"];
    assert_eq!((&track["sample_rate"], &track["bit_depth"]), (&json!(44_100), &json!(16)));
    assert!((track["lufs_i"].as_f64().unwrap() + 10.0).abs() < 0.5, "{track}");
    assert!(track["true_peak_dbtp"].as_f64().unwrap() <= -1.0, "{track}");
    let wav = std::fs::read(world.path("a.wav")).unwrap();
    let frames = (wav.len() - 44) as f64 / 4.0;
    assert!((frames / 44_100.0 - track["duration_s"].as_f64().unwrap()).abs() < 0.001);
    let samples = || wav[44..].as_chunks::<2>().0.iter().map(|bytes| i16::from_le_bytes(*bytes));
    assert!(samples().any(|sample| sample.unsigned_abs() > 20_000));
    assert!(!samples().any(|sample| sample.unsigned_abs() >= 32_767));

    // The document beside the track says everything needed, and renders to the same bytes.
    let text = std::fs::read_to_string(world.path("a.json")).unwrap();
    let beside: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(beside["prompt"], "house 124 bpm");
    assert_eq!(beside["seed"], 7);
    for stem in beside["stems"].as_array().unwrap() {
        assert_eq!(stem["licence"], "CC0-1.0");
        assert_eq!(stem["content_hash"].as_str().unwrap().len(), 64);
    }
    let rendered = world.json(&["render", "a.json", "--out", "d.wav"], 0).remove(0);
    assert_eq!(rendered["track"]["sha256"], track["sha256"]);

    // Without --out a track goes to the home.
    let home = world.json(&["render", "a.json"], 0).remove(0);
    let path = home["track"]["path"].as_str().unwrap();
    assert!(path.contains("generated_tracks") && std::path::Path::new(path).is_file(), "{path}");
}

#[test]
fn every_genre_makes_a_whole_track() {
    if !dream_testkit::slow("every_genre_makes_a_whole_track") {
        return;
    }
    let world = World::new();
    for genre in [
        "industrial techno",
        "techno",
        "hard techno",
        "minimal",
        "dub techno",
        "house",
        "deep house",
        "trance",
        "drum and bass",
        "breakbeat",
        "ambient",
        "lofi",
    ] {
        let composed = world.json(&["compose", genre, "--seed", "1"], 0).remove(0);
        let (track, plan) = (&composed["track"], &composed["arrangement_plan"]);
        assert_eq!(plan["genre"], genre);
        let seconds = track["duration_s"].as_f64().unwrap();
        assert!((300.0..=480.0).contains(&seconds), "{genre}: {seconds} s");
        let target = plan["loudness_lufs"].as_f64().unwrap();
        assert!((track["lufs_i"].as_f64().unwrap() - target).abs() < 0.5, "{genre}: {track}");
        assert!(track["true_peak_dbtp"].as_f64().unwrap() <= -1.0, "{genre}: {track}");
        // Far tempi stretch a loop of the kit; anything else would say that the kit lacks something.
        let warnings = composed["warnings"].as_array().unwrap().iter();
        let lacking: Vec<_> =
            warnings.filter(|said| !said.as_str().unwrap().contains("is stretched by")).collect();
        assert!(lacking.is_empty(), "{genre}: {lacking:?}");
    }
}

#[test]
fn what_cannot_be_composed_says_why() {
    let world = World::new();
    let fails = |args: &[&str], code: i32, word: &str| {
        let output = world.run(args);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        assert!(said.contains(word), "{args:?}: {said}");
    };
    fails(&["compose", "techno", "--no-starter"], 1, "no stem");
    fails(&["compose", "techno", "--bpm", "1000"], 2, "20 to 400");
    fails(&["compose", "techno", "--minutes", "99"], 2, "0.5 to 30");
    fails(&["compose", "techno", "--loudness", "loud"], 2, "streaming");
    fails(&["compose"], 2, "PROMPT");
    fails(&["render", "missing.json"], 1, "missing.json");
    world.write("bad.json", b"{\"schema\": 1}");
    fails(&["render", "bad.json", "--no-starter"], 1, "missing field");
    world.write("not.json", b"hello");
    fails(&["render", "not.json", "--no-starter"], 1, "not.json");
}
