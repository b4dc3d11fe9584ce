//! What the command line promises: help, exit codes, JSON, where things are said.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::{World, text, wav};

#[test]
fn the_help_is_as_documented() {
    let world = World::new();
    let help = |args: &[&str]| text(&world.run(args).stdout);
    insta::assert_snapshot!("help", help(&["--help"]));
    insta::assert_snapshot!("help_compose", help(&["compose", "--help"]));
    insta::assert_snapshot!("help_render", help(&["render", "--help"]));
    insta::assert_snapshot!("help_ingest", help(&["ingest", "--help"]));
    insta::assert_snapshot!("help_separate", help(&["separate", "--help"]));
    insta::assert_snapshot!("help_train", help(&["train", "--help"]));
    insta::assert_snapshot!("help_generate", help(&["generate", "--help"]));
    insta::assert_snapshot!("help_cycle", help(&["cycle", "--help"]));
    insta::assert_snapshot!("help_eval", help(&["eval", "--help"]));
    insta::assert_snapshot!("help_jobs", help(&["jobs", "--help"]));
    insta::assert_snapshot!("help_search", help(&["search", "--help"]));
    insta::assert_snapshot!("help_serve", help(&["serve", "--help"]));
    insta::assert_snapshot!("help_fsck", help(&["fsck", "--help"]));
    insta::assert_snapshot!("help_backup", help(&["backup", "--help"]));
    insta::assert_snapshot!("help_restore", help(&["restore", "--help"]));
    insta::assert_snapshot!("help_models", help(&["models", "--help"]));
    insta::assert_snapshot!("help_analyse", help(&["analyse", "--help"]));
    insta::assert_snapshot!("help_stems_list", help(&["stems", "list", "--help"]));
    insta::assert_snapshot!("help_stems_set", help(&["stems", "set", "--help"]));
}

#[track_caller]
fn check(args: &[&str], code: i32, said: &str) {
    check_in(&World::new(), args, code, said);
}

#[track_caller]
fn check_in(world: &World, args: &[&str], code: i32, said: &str) {
    let output = world.run(args);
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {error}");
    assert!(error.contains(said), "{args:?}: {error}");
    assert!(!error.contains("panicked"), "{error}");
}

#[test]
fn exit_codes_tell_failure_from_wrong_usage() {
    check(&["stats"], 0, "");
    check(&["--version"], 0, "");
    check(&[], 2, "Usage");
    check(&["wibble"], 2, "wibble");
    check(&["stats", "--threads", "0"], 2, "threads");
    check(&["ingest", "--jobs", "0"], 2, "jobs");
    check(&["stems", "list", "--category", "wibble"], 2, "one of kick");
    check(&["stems", "list", "--bpm", "fast"], 2, "120..140");
    check(&["stems", "show", "7"], 1, "there is no stem 7");
    check(&["stems", "set", "7"], 1, "nothing to change");
    check(&["stems", "rate", "7", "-1"], 1, "there is no stem 7");
    check(&["stems", "rate", "7", "2"], 2, "one of +1, 0, -1");
    check(&["train"], 2, "CATEGORY");
    check(&["generate", "kick"], 1, "dream train kick");
    check(&["generate", "kick", "--like", "1", "--mode", "random"], 2, "--like");
    check(&["eval", "kick"], 1, "dream train kick");
    check(&["ingest", "no-such-folder"], 1, "no-such-folder");
    check(&["analyse", "no-such-file.wav"], 1, "no-such-file.wav");
    check(&["stats", "--config", "no-such.toml"], 1, "no-such.toml");
    check(&["ingest", "--quiet", "--verbose"], 2, "--verbose");
    check(&["search"], 2, "TEXT");
    check(&["search", "--like", "7"], 1, "there is no stem 7");
    check(&["search", "--like", "no-such.wav"], 1, "no-such.wav");
    check(&["serve", "--bind", "0.0.0.0:0"], 1, "without a key");
    check(&["serve", "--bind", "nowhere"], 1, "bind");
    check(&["jobs", "show", "7"], 1, "there is no job 7");
    check(&["jobs", "cancel", "7"], 1, "there is no job 7");
    check(&["jobs", "list", "--status", "lost"], 2, "one of queued");
}

#[test]
fn global_options_stand_before_or_after_the_command() {
    let world = World::new();
    let before = world.run(&["--json", "--home", "here", "stats"]);
    let after = world.run(&["stats", "--home", "here", "--json"]);
    assert_eq!(text(&before.stdout), text(&after.stdout));
    assert!(world.path("here/processed_database/library.db").is_file());
    assert!(!world.home().exists(), "the flag goes before the environment");
}

#[test]
fn an_empty_library_has_all_its_folders() {
    let world = World::new();
    let stats = world.json(&["stats"], 0);
    assert_eq!(stats[0]["total_stems"], 0);
    for folder in [
        "raw_construction_kits",
        "stereo_tracks_for_analysis",
        "processed_database/stems",
        "processed_database/quarantine",
        "models/pretrained",
        "generated_stems",
        "generated_tracks",
    ] {
        assert!(world.home().join(folder).is_dir(), "{folder}");
    }
    let said = text(&world.run(&["ingest"]).stdout);
    assert!(said.contains("nothing to ingest: drop kits into"), "{said}");
}

#[test]
fn the_facts_of_a_file_have_the_promised_names() {
    let world = World::new();
    world.tone("kick.wav", 1);
    world.write("bad.wav", b"no audio");
    let lines = world.json(&["analyse", "kick.wav", "bad.wav"], 1);
    let [facts, bad, summary] = lines.as_slice() else { panic!("{lines:#?}") };
    for name in [
        "path",
        "duration_s",
        "sample_rate",
        "channels",
        "category",
        "category_confidence",
        "form",
        "form_confidence",
        "bpm",
        "bpm_confidence",
        "bpm_candidates",
        "bpm_varies",
        "key",
        "key_confidence",
        "key_candidates",
        "beats_s",
        "downbeats_s",
        "bars",
        "loop_points_s",
        "tuning_cents",
        "root",
        "root_confidence",
        "root_note",
        "f0_hz",
        "drum_voices",
        "loudness_lufs",
        "true_peak_dbtp",
        "quality",
        "quality_parts",
        "defects",
        "tags",
        "tag_percentiles",
        "attributes",
        "neuromorphic",
    ] {
        assert!(facts.get(name).is_some(), "{name} is missing in {facts}");
    }
    assert_eq!((&facts["sample_rate"], &facts["channels"]), (&json!(44_100), &json!(1)));
    assert!((facts["duration_s"].as_f64().unwrap() - 0.5).abs() < 1e-3);
    assert_eq!(facts["bpm"], Value::Null, "a single hit has no tempo");
    assert!(bad["error"].as_str().unwrap().contains("bad.wav"), "{bad}");
    assert_eq!(summary, &json!({"summary": true, "files": 2, "failed": 1}));
    assert!(!world.home().exists(), "nothing is stored");
}

#[test]
fn every_file_gets_a_picture_of_its_own() {
    let world = World::new();
    world.tone("a/kick.wav", 1);
    world.tone("b/kick.wav", 2);
    let files = ["a/kick.wav", "b/kick.wav", "a/kick.wav"];
    let lines = world.json(&[&["analyse", "--plot", "new/plots"], &files[..]].concat(), 0);
    let names = ["kick.png", "kick-2.png", "kick-3.png"];
    for (line, name) in lines.iter().zip(names) {
        let plot = line["plot"].as_str().unwrap();
        assert!(plot.ends_with(name), "{plot}");
        let png = std::fs::read(world.path(plot)).unwrap();
        assert_eq!(png[..8], *b"\x89PNG\r\n\x1a\n");
    }
    let said = text(&world.run(&["analyse", "--plot", "new/plots", "a/kick.wav"]).stdout);
    assert!(said.contains("kick.png"), "{said}");
    world.write("file", b"no folder");
    check_in(&world, &["analyse", "--plot", "file", "a/kick.wav"], 1, "create the folder file");
}

#[test]
fn the_doctor_names_what_is_degraded_and_every_setting() {
    let world = World::new();
    world.write("home/dream.toml", b"max_depth = 9\n");
    let mut command = world.command(&["doctor", "--json", "--threads", "2"]);
    let output = command.env("DREAM_STARTER", "off").output().unwrap();
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["status"], "degraded");
    let check = |name: &str| {
        let checks = found["checks"].as_array().unwrap();
        checks.iter().find(|check| check["name"] == name).unwrap()["status"].clone()
    };
    assert_eq!((check("database"), check("home")), (json!("ok"), json!("ok")));
    assert_eq!(check("pretrained weights"), "degraded");
    assert_eq!(check("starter kit"), "degraded");
    let setting = |key: &str| {
        let settings = found["config"].as_array().unwrap();
        let found = settings.iter().find(|setting| setting["key"] == key).unwrap();
        (found["value"].clone(), found["origin"].clone())
    };
    assert_eq!(setting("threads"), (json!("2"), json!("flag")));
    assert_eq!(setting("starter"), (json!("false"), json!("environment")));
    assert_eq!(setting("max_depth").0, json!("9"));
    assert_eq!(setting("max_files").1, json!("default"));
}

#[test]
fn what_was_asked_for_is_listed_and_can_be_followed_to_its_end() {
    let world = World::new();
    world.tone("kit/kick.wav", 1);
    world.json(&["ingest", "kit"], 0);
    world.json(&["ingest", "no-such-folder"], 1);
    let jobs = world.json(&["jobs", "list"], 0).remove(0);
    let told = |job: &Value| (job["kind"].clone(), job["status"].clone());
    assert_eq!(told(&jobs[0]), (json!("ingest"), json!("failed")));
    assert_eq!(told(&jobs[1]), (json!("ingest"), json!("done")));
    assert_eq!(jobs[0]["error"]["code"], "not_found");
    let done = world.json(&["jobs", "list", "--status", "done"], 0).remove(0);
    assert_eq!(done.as_array().unwrap().len(), 1);
    assert_eq!(world.json(&["jobs", "show", "1"], 0)[0]["result"]["added"], 1);
    let lines = world.json(&["jobs", "watch", "1"], 0);
    assert_eq!(lines.last().unwrap()["status"], "done");
    assert!(lines.is_sorted_by_key(|line| line["event"].as_i64()), "{lines:?}");
    world.json(&["jobs", "watch", "2"], 1);
    assert_eq!(world.json(&["jobs", "cancel", "1"], 0)[0]["status"], "done");
}

#[test]
fn a_wrong_key_in_the_configuration_is_named_with_its_line() {
    let world = World::new();
    world.write("home/dream.toml", b"# mine\nthreds = 2\n");
    let output = world.run(&["stats"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("dream.toml") && said.contains("line 2"), "{said}");
}

#[test]
fn a_damaged_database_is_told_with_what_to_do() {
    let world = World::new();
    world.write("home/processed_database/library.db", &b"no database at all ".repeat(100));
    let output = world.run(&["stats"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("damaged") && said.contains("ingest again"), "{said}");
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let world = World::new();
    for i in 0..20 {
        world.tone(&format!("kit/{i:02}.wav"), i);
    }
    let mut child = world
        .command(&["ingest", "kit"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(world.json(&["stats"], 0)[0]["total_stems"], 20);
}

#[test]
fn a_file_over_the_limit_is_refused_by_name_of_the_limit() {
    let world = World::new();
    world.write("kit/long.wav", &wav(44_100, 2, &vec![100; 2 * 44_100 * 4]));
    let mut command = world.command(&["ingest", "kit", "--json"]);
    let output = command.env("DREAM_MAX_DECODED_MIB", "1").output().unwrap();
    let said = text(&output.stdout);
    assert!(said.contains("\"reason\":\"too_large\""), "{said}");
}
