//! Taking care of a library: checks, backups, watched folders.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::{World, names_in, text};

fn kit(world: &World, count: u32) {
    for i in 0..count {
        world.tone(&format!("kit/kick {i:02}.wav"), i);
    }
    world.json(&["ingest", "kit"], 0);
}

#[test]
fn fsck_finds_names_and_repairs() {
    let world = World::new();
    kit(&world, 3);
    let lines = world.json(&["fsck"], 0);
    assert_eq!((&lines[0]["summary"], &lines[0]["stems"]), (&json!(true), &json!(3)));

    let stems = world.home().join("processed_database/stems");
    let blobs = names_in(&stems);
    std::fs::remove_file(stems.join(&blobs[0])).unwrap();
    world.write("home/processed_database/stems/foreign.wav", b"words");
    let kinds = |lines: &[Value]| -> Vec<Value> {
        lines[..lines.len() - 1].iter().map(|line| line["kind"].clone()).collect()
    };
    let lines = world.json(&["fsck"], 1);
    assert_eq!(kinds(&lines), ["missing_blob", "orphan_blob"]);
    assert_eq!(lines[2]["repaired"], 0);
    let said = text(&world.run(&["fsck"]).stdout);
    assert!(said.contains("missing audio") && said.contains("--repair"), "{said}");

    let lines = world.json(&["fsck", "--repair"], 1);
    assert_eq!(lines[2]["repaired"], 2);
    assert!(lines[0]["repair"].as_str().unwrap().contains("made again from"), "{lines:#?}");
    assert_eq!(names_in(&stems), blobs);
    let quarantine = names_in(&world.home().join("processed_database/quarantine"));
    assert_eq!(quarantine, ["foreign.wav", "foreign.wav.json"]);
    world.json(&["fsck"], 0);
}

#[test]
fn a_backup_is_restored_into_an_empty_home_and_no_other() {
    let world = World::new();
    kit(&world, 3);
    let made = world.json(&["backup", "library.zip"], 0);
    assert_eq!((&made[0]["stems"], &made[0]["files"]), (&json!(3), &json!(4)));
    world.json(&["backup", "library.zip"], 1);
    world.json(&["backup", "library.zip", "--force"], 0);

    world.json(&["restore", "library.zip"], 1);
    let back = world.json(&["restore", "library.zip", "--home", "other"], 0);
    assert_eq!((&back[0]["stems"], &back[0]["moved_to"]), (&json!(3), &Value::Null));
    let list = |home: &str| {
        let mut stems = world.json(&["stems", "list", "--home", home], 0).remove(0);
        for stem in stems.as_array_mut().unwrap() {
            // The audio lies in the home.
            assert!(stem["path"].take().as_str().unwrap().contains(home));
        }
        stems
    };
    assert_eq!(list("home"), list("other"));
    world.json(&["fsck", "--home", "other"], 0);

    let forced = world.json(&["restore", "library.zip", "--force"], 0);
    let moved = forced[0]["moved_to"].as_str().unwrap();
    assert_eq!(names_in(&std::path::Path::new(moved).join("processed_database/stems")).len(), 3);
    world.json(&["fsck"], 0);

    world.write("cut.zip", &std::fs::read(world.path("library.zip")).unwrap()[..1000]);
    let refused = world.run(&["restore", "cut.zip", "--home", "third"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("cut short"), "{}", text(&refused.stderr));
    assert!(!world.path("third").exists());
}

#[cfg(unix)]
#[test]
fn a_watched_folder_comes_in_until_it_is_stopped() {
    let world = World::new();
    kit(&world, 1);
    let mut child = world
        .command(&["ingest", "kit", "--watch", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    assert_eq!(lines.next().unwrap()["status"], "skipped");
    world.write("kit/bad.wav", b"words");
    world.tone("kit/new.wav", 7);
    let mut statuses: Vec<String> =
        (0..2).map(|_| lines.next().unwrap()["status"].as_str().unwrap().to_owned()).collect();
    statuses.sort();
    assert_eq!(statuses, ["added", "quarantined"]);
    // A check beside it finds nothing amiss.
    world.json(&["fsck"], 0);
    let sent = std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    assert!(sent.unwrap().success());
    let last = lines.last().unwrap();
    assert_eq!((&last["summary"], &last["cancelled"]), (&json!(true), &json!(false)));
    assert_eq!((&last["added"], &last["quarantined"]), (&json!(1), &json!(1)));
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(names_in(&world.home().join("processed_database/quarantine")).len(), 2);
}
