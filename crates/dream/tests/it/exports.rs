//! What comes with a track: stems, notes, previews, other formats; and sections played anew.

use std::path::Path;

use dream_audio::Clip;
use dream_audio::decode::{Limits, decode_file};
use serde_json::Value;

use crate::{World, names_in, text};

fn clip(path: &Path) -> Clip {
    decode_file(path, &Limits::default()).unwrap().clip
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn a_track_comes_with_its_parts_and_a_section_played_anew_leaves_the_others() {
    // One home for all of it: the starter kit is made once.
    let world = World::new();
    let track = ["compose", "drum and bass", "--minutes", "0.5", "--seed", "4", "--out", "a.flac"];
    let parts = ["--bits", "24", "--stems", "old", "--midi", "a.mid"];
    let track = [track.as_slice(), &parts].concat();
    let composed = world.json(&track, 0).remove(0);
    comes_whole(&world, &composed);

    // A folder that is used is left alone, and nothing half-done stays anywhere.
    let again = world.run(&track);
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).contains("empty folder"), "{}", text(&again.stderr));
    assert!(!names_in(world.folder.path()).iter().any(|name| name.starts_with(".writing")));

    let render = ["render", "a.json", "--reroll", "2", "--out", "b.wav", "--stems", "new"];
    world.json(&render, 0);
    leaves_the_others(&world);
    let none = world.run(&["render", "a.json", "--reroll", "99"]);
    assert_eq!(none.status.code(), Some(1));
    assert!(text(&none.stderr).contains("sections 1 to"), "{}", text(&none.stderr));

    let preview = ["compose", "house", "--seed", "2", "--preview", "6", "--out", "p.wav"];
    let preview = world.json(&preview, 0).remove(0);
    let seconds = preview["track"]["duration_s"].as_f64().unwrap();
    assert!((9.0..14.0).contains(&seconds), "{seconds} with the tail");
    assert_eq!(preview["track"]["preview_s"], 6.0);
    assert_eq!(preview["mix"]["sections"].as_array().unwrap().len(), 1, "the drop");
    let whole = &json(&world.path("p.json"))["arrangement_plan"];
    assert!(whole["total_bars"].as_u64().unwrap() > 100);
}

/// A FLAC of 24 bits, its layers, buses and returns that sum to the mix, notes, texts, and numbers.
fn comes_whole(world: &World, composed: &Value) {
    assert_eq!(composed["track"]["bit_depth"], 24);
    let master = clip(&world.path("a.flac"));
    let folder = world.path("old");
    let names = names_in(&folder);
    let of = |start: &str| names.iter().filter(|name| name.starts_with(start)).count();
    let layers = composed["mix"]["layers"].as_array().unwrap();
    assert_eq!((of("layer_"), of("bus_"), of("return_")), (layers.len(), 5, 2));
    assert!(of("layer_01_") == 1 && of("mix.wav") == 1, "{names:?}");
    let mix = clip(&folder.join("mix.wav"));
    assert_eq!(mix.frames(), master.frames());
    let mut sum = vec![0.0_f64; mix.samples().len()];
    for name in names.iter().filter(|n| n.starts_with("bus_") || n.starts_with("return_")) {
        let part = clip(&folder.join(name));
        sum.iter_mut().zip(part.samples()).for_each(|(sum, x)| *sum += f64::from(*x));
    }
    let error: f64 = sum.iter().zip(mix.samples()).map(|(a, b)| (a - f64::from(*b)).powi(2)).sum();
    let power: f64 = sum.iter().map(|x| x * x).sum();
    assert!(power > 1.0 && 10.0 * (error / power).log10() < -90.0, "{error} of {power}");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    assert!(read("CREDITS.txt").contains("CC0-1.0"));
    let readme = read("README.txt");
    assert!(names.iter().all(|name| name.contains(".txt") || readme.contains(name)));
    assert!(std::fs::read(world.path("a.mid")).unwrap().starts_with(b"MThd\0\0\0\x06\0\x01"));
    for section in composed["mix"]["sections"].as_array().unwrap() {
        assert!(section["lufs"].as_f64().unwrap() < -5.0, "{section}");
    }
    assert!(composed["mix"]["master"]["low_side_db"].as_f64().unwrap() < -20.0);
}

/// `b.json` and `new` are `a.json` and `old` with section 2 played anew.
fn leaves_the_others(world: &World) {
    let plan = |name: &str| json(&world.path(name))["arrangement_plan"].take();
    let (old, new) = (plan("a.json"), plan("b.json"));
    let (before, after) = (&old["structure"], &new["structure"]);
    let bars = |index: usize| before[index]["bars"].as_u64().unwrap();
    for index in 0..before.as_array().unwrap().len() {
        assert_eq!(before[index] == after[index], index != 1, "section {index}");
    }
    let bar_s = 240.0 / old["bpm"].as_f64().unwrap();
    let frame = |bar: u64| (bar as f64 * bar_s * 44_100.0).round() as usize;
    let (from, to) = (frame(bars(0)), frame(bars(0) + bars(1)));
    let mut changed = 0;
    assert_eq!(names_in(&world.path("old")), names_in(&world.path("new")));
    for name in names_in(&world.path("old")).iter().filter(|name| name.contains(".wav")) {
        let [old, new] = ["old", "new"].map(|folder| clip(&world.path(folder).join(name)));
        let settled = if name.starts_with("layer_") { to } else { to + 8 * 44_100 };
        changed += usize::from(old != new);
        for (old, new) in old.iter_channels().zip(new.iter_channels()) {
            let same = |range: std::ops::Range<usize>| old[range.clone()] == new[range];
            assert!(same(0..from) && same(settled.min(old.len())..old.len()), "{name}");
        }
    }
    assert!(changed > 3, "{changed} files changed");
}

#[test]
fn options_that_do_not_go_together_are_usage_errors() {
    let world = World::new();
    for (args, word) in [
        (["--out", "x.flac", "--bits", "32f"], "FLAC"),
        (["--preview", "0", "--seed", "1"], "seconds"),
        (["--preview", "loud", "--seed", "1"], "seconds"),
    ] {
        let output = world.run(&[&["compose", "techno"], args.as_slice()].concat());
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(text(&output.stderr).contains(word), "{}", text(&output.stderr));
    }
}
