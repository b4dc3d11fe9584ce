//! Material into the library and out of it.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Stdio};

use serde_json::{Value, json};

use crate::{World, names_in, text, wav};

/// The counts of the last line of an ingest.
#[track_caller]
fn check(lines: &[Value], added: u64, duplicate: u64, skipped: u64, quarantined: u64) {
    let summary = lines.last().unwrap();
    assert_eq!(summary["summary"], json!(true), "{lines:#?}");
    let expected = [added, duplicate, skipped, quarantined];
    let names = ["added", "duplicate", "skipped", "quarantined"];
    let got = names.map(|name| summary[name].as_u64().unwrap());
    assert_eq!(got, expected, "{names:?} in {lines:#?}");
}

fn total(world: &World) -> u64 {
    world.json(&["stats"], 0)[0]["total_stems"].as_u64().unwrap()
}

#[test]
fn a_kit_comes_in_once() {
    let world = World::new();
    world.tone("home/raw_construction_kits/Kit A/kick 1.wav", 1);
    world.tone("home/raw_construction_kits/Kit A/snare 1.wav", 2);
    world.tone("home/raw_construction_kits/Kit A/copy of kick.wav", 1);
    world.write("home/raw_construction_kits/Kit A/readme.txt", b"words");
    world.write("home/raw_construction_kits/Kit A/._kick 1.wav", b"companion");

    let lines = world.json(&["ingest"], 0);
    check(&lines, 2, 1, 0, 0);
    let paths: Vec<&str> = lines[..3].iter().map(|line| line["path"].as_str().unwrap()).collect();
    assert!(paths.is_sorted(), "{paths:?}");
    check(&world.json(&["ingest"], 0), 0, 0, 3, 0);
    let said = text(&world.run(&["ingest"]).stdout);
    assert!(said.contains("nothing new: 3 files unchanged"), "{said}");

    let stems = world.json(&["stems", "list"], 0).remove(0);
    let stems = stems.as_array().unwrap();
    assert_eq!(stems.len(), 2);
    assert_eq!(stems[0]["kit"], "Kit A");
    assert_eq!(stems[0]["source"], "original");
    assert_eq!(stems[0]["sample_rate"], 44_100);
    assert_eq!(names_in(&world.home().join("processed_database/stems")).len(), 2);
}

#[test]
fn what_is_said_of_a_kit_goes_before_what_is_heard() {
    let world = World::new();
    world.tone("kit/01.wav", 1);
    let args = ["ingest", "kit", "--category", "vox", "--kit", "Mine", "--licence", "CC0-1.0"];
    check(&world.json(&args, 0), 1, 0, 0, 0);
    let stem = world.json(&["stems", "show", "1"], 0).remove(0);
    assert_eq!(stem["category"], "vocals");
    assert_eq!((&stem["kit"], &stem["licence"]), (&json!("Mine"), &json!("CC0-1.0")));
}

#[test]
fn a_bad_file_fails_alone_and_goes_to_quarantine_with_its_reason() {
    let world = World::new();
    world.tone("kit/kick.wav", 1);
    world.write("kit/text.wav", b"this is not audio, whatever its name says");
    world.write("kit/empty.wav", b"");
    world.write("kit/sub/empty.wav", b"");
    world.write("kit/silence.wav", &wav(44_100, 1, &[0; 4_410]));

    let lines = world.json(&["ingest", "kit"], 0);
    check(&lines, 1, 0, 0, 4);
    let quarantine = world.home().join("processed_database/quarantine");
    assert_eq!(
        names_in(&quarantine),
        [
            "empty.wav",
            "empty.wav.json",
            "empty~2.wav",
            "empty~2.wav.json",
            "silence.wav",
            "silence.wav.json",
            "text.wav",
            "text.wav.json",
        ]
    );
    let report = std::fs::read(quarantine.join("text.wav.json")).unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    assert_eq!(report["reason"], "not_audio");
    assert_eq!(report["path"], json!(world.path("kit/text.wav").canonicalize().unwrap()));
    assert!(report["message"].as_str().unwrap().contains("not audio"), "{report}");
    let silence = lines.iter().find(|line| line["reason"] == "silent").unwrap();
    assert!(silence["path"].as_str().unwrap().ends_with("silence.wav"));

    check(&world.json(&["ingest", "kit"], 0), 0, 0, 5, 0);
    assert_eq!(names_in(&quarantine).len(), 8);
    // Named itself, a file that cannot be used is a failure.
    world.write("other.wav", b"no audio either");
    check(&world.json(&["ingest", "other.wav"], 1), 0, 0, 0, 1);
}

#[test]
fn a_file_too_large_to_be_heard_beside_others_is_heard_alone_and_in_its_turn() {
    let world = World::new();
    world.tone("kit/a.wav", 1);
    // Sixteen channels of 12 s: a little more than fits beside others.
    let frame: Vec<i16> = (1..=16).map(|channel| 100 * channel).collect();
    world.write("kit/b.wav", &wav(44_100, 16, &frame.repeat(530_000)));
    world.tone("kit/c.wav", 2);
    let lines = world.json(&["ingest", "kit"], 0);
    check(&lines, 3, 0, 0, 0);
    assert_eq!((&lines[1]["stem"], &lines[2]["stem"]), (&json!(2), &json!(3)));
    assert_eq!(lines[1]["warnings"], json!(["16 channels mixed down to stereo"]));
}

#[test]
fn stems_have_the_same_numbers_whatever_the_threads() {
    let list = |threads: &str| {
        let world = World::new();
        for i in 0..40 {
            world.tone(&format!("kit/{}/{i:02}.wav", i % 3), i);
        }
        check(&world.json(&["ingest", "--recursive", "kit", "--jobs", threads], 0), 40, 0, 0, 0);
        let stems = world.json(&["stems", "list"], 0).remove(0);
        let stems: Vec<String> = stems
            .as_array()
            .unwrap()
            .iter()
            .map(|stem| format!("{} {} {}", stem["id"], stem["content_hash"], stem["filename"]))
            .collect();
        stems
    };
    assert_eq!(list("1"), list("4"));
}

/// Sixty files whose paths are so long that what is said of them overfills a pipe: a reader that stops reading
/// holds the program back, so that it cannot be done before it is stopped.
fn long_kit(world: &World) {
    let deep = vec!["x".repeat(200); 12].join("/");
    for i in 0..60 {
        world.tone(&format!("kit/{deep}/{i:02}.wav"), i);
    }
}

/// The ingest of that kit under way, and the lines it prints.
fn started(world: &World) -> (Child, Lines<BufReader<ChildStdout>>) {
    let mut child = world
        .command(&["ingest", "kit", "--json", "--threads", "1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    (child, lines)
}

#[test]
fn an_ingest_that_is_killed_goes_on_and_loses_nothing() {
    let world = World::new();
    long_kit(&world);
    let (mut child, mut lines) = started(&world);
    for _ in 0..3 {
        let line: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        assert_eq!(line["status"], "added");
    }
    child.kill().unwrap();
    child.wait().unwrap();

    let said = world.json(&["ingest", "kit"], 0);
    let summary = said.last().unwrap();
    let count = |name: &str| summary[name].as_u64().unwrap();
    assert_eq!(summary["resumed"], true, "{summary}");
    assert!(count("skipped") >= 3, "{summary}");
    assert_eq!((count("added") + count("skipped"), count("duplicate")), (60, 0), "{summary}");
    assert_eq!(total(&world), 60);
    // A blob may have been written whose row was not; the next run has used it. Nothing half is left.
    let blobs = names_in(&world.home().join("processed_database/stems"));
    assert_eq!(blobs.len(), 60, "{blobs:?}");
    check(&world.json(&["ingest", "kit"], 0), 0, 0, 60, 0);
}

#[cfg(unix)]
#[test]
fn an_interrupted_ingest_ends_cleanly_and_goes_on() {
    let world = World::new();
    long_kit(&world);
    let (mut child, mut lines) = started(&world);
    lines.next().unwrap().unwrap();
    let sent = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(sent.unwrap().success());
    let last: Value =
        lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap()).last().unwrap();
    assert_eq!((&last["summary"], &last["cancelled"]), (&json!(true), &json!(true)));
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let before = total(&world);
    assert_eq!(last["added"], json!(before));
    assert!(before < 60, "it was too late to interrupt");

    let said = world.json(&["ingest", "kit"], 0);
    check(&said, 60 - before, 0, before, 0);
    assert_eq!(said.last().unwrap()["resumed"], true);
}

#[cfg(unix)]
#[test]
fn links_pipes_and_cycles_do_no_harm() {
    use std::os::unix::fs::symlink;
    let world = World::new();
    let kick = world.tone("outside/kick.wav", 1);
    world.write("outside/secret.txt", b"secret words");
    std::fs::create_dir(world.path("kit")).unwrap();
    symlink(kick, world.path("kit/link.wav")).unwrap();
    symlink(world.path("outside/secret.txt"), world.path("kit/secret.wav")).unwrap();
    symlink("nowhere", world.path("kit/dangling.wav")).unwrap();
    symlink("/dev/zero", world.path("kit/zero.wav")).unwrap();
    symlink("..", world.path("kit/up")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(world.path("kit/pipe.wav")).status();
    assert!(made.unwrap().success());

    let lines = world.json(&["ingest", "kit"], 0);
    check(&lines, 1, 0, 0, 4);
    let ignored = lines.iter().filter(|line| line["status"] == "ignored").count();
    assert_eq!(ignored, 1);
    assert!(!lines.iter().any(|line| line.to_string().contains("secret words")));
    // What they lead to was not copied.
    assert_eq!(
        names_in(&world.home().join("processed_database/quarantine")),
        ["dangling.wav.json", "pipe.wav.json", "secret.wav.json", "zero.wav.json"]
    );
}

#[test]
fn names_from_outside_stay_intact_and_harmless() {
    let world = World::new();
    let name = "rtl\u{202e}gpj '; DROP TABLE stem; --.wav";
    world.tone(&format!("kit/{name}"), 1);
    check(&world.json(&["ingest", "kit"], 0), 1, 0, 0, 0);
    assert_eq!(world.json(&["stems", "show", "1"], 0)[0]["filename"], name);
    let said = text(&world.run(&["stems", "list"]).stdout);
    assert!(said.contains("rtl\\u{202e}gpj") && !said.contains('\u{202e}'), "{said}");
}

#[test]
fn a_stem_is_found_changed_exported_and_removed() {
    let world = World::new();
    world.tone("kit/a.wav", 1);
    world.tone("kit/b.wav", 2);
    world.json(&["ingest", "kit", "--category", "kick"], 0);

    let set = ["stems", "set", "2", "--category", "bass", "--bpm", "140", "--key", "Am"];
    let stem = world.json(&[&set[..], &["--tag", "warm"]].concat(), 0).remove(0);
    assert_eq!((&stem["category"], &stem["bpm"]), (&json!("bass"), &json!(140.0)));
    assert_eq!(stem["key"], "A minor");
    assert!(stem["tags"].as_array().unwrap().contains(&json!("warm")), "{stem}");
    let found = world.json(&["stems", "list", "--bpm", "130..150", "--key", "8A"], 0).remove(0);
    assert_eq!(found.as_array().unwrap().len(), 1);
    assert_eq!(found[0]["id"], 2);

    world.json(&["stems", "export", "2", "out.wav"], 0);
    assert_eq!(std::fs::read(world.path("out.wav")).unwrap()[..4], *b"RIFF");
    world.json(&["stems", "export", "2", "out.wav"], 1);
    world.json(&["stems", "export", "2", "out.wav", "--force"], 0);

    assert_eq!(world.json(&["stems", "rm", "2"], 0)[0]["removed"], json!([2]));
    world.json(&["stems", "show", "2"], 1);
    assert_eq!(total(&world), 1);
    assert_eq!(names_in(&world.home().join("processed_database/stems")).len(), 1);
    // The file is still in the kit: the next ingest brings it back.
    check(&world.json(&["ingest", "kit", "--category", "kick"], 0), 1, 0, 1, 0);
}

#[test]
fn a_stem_sounds_as_its_file_did() {
    let world = World::new();
    let file = world.tone("kit/a.wav", 1);
    world.json(&["ingest", "kit"], 0);
    world.json(&["stems", "export", "1", "out.wav"], 0);
    assert_eq!(std::fs::read(world.path("out.wav")).unwrap(), std::fs::read(file).unwrap());
}
