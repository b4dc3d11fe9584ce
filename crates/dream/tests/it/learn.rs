//! From stems to a model, and from the model to new stems.

use serde_json::{Value, json};

use crate::{World, names_in, text, wav};

/// A drum: a tone that falls to `low` Hz with more or less noise, another one for every `number`.
fn drum(number: u32, low: f64) -> Vec<u8> {
    let part = |by: u32| f64::from(number % by) / f64::from(by - 1);
    let (decay, glide, noise) = (6.0 + 14.0 * part(4), 1.0 + 4.0 * part(3), 0.8 * part(5));
    let (mut phase, mut state) = (0.0, number + 1);
    let samples: Vec<i16> = (0..16_000)
        .map(|i| {
            let t = f64::from(i) / 44_100.0;
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let hiss = f64::from(state >> 16) / 32_768.0 - 1.0;
            phase += low * (1.0 + glide * (-40.0 * t).exp()) / 44_100.0;
            let tone = (std::f64::consts::TAU * phase).sin() * (-decay * t).exp();
            (16_000.0 * (tone + noise * hiss * (-30.0 * t).exp()) / (1.0 + noise)) as i16
        })
        .collect();
    wav(44_100, 1, &samples)
}

/// Twelve kicks and as many snares.
fn drums() -> World {
    let world = World::new();
    for (category, low) in [("kick", 45.0), ("snare", 180.0)] {
        for i in 0..12_u32 {
            let low = low * (1.0 + 0.04 * f64::from(i));
            world.write(&format!("{category}/{i}.wav"), &drum(i, low));
        }
        let lines = world.json(&["ingest", category, "--category", category], 0);
        assert_eq!(lines.last().unwrap()["added"], 12);
        let lines = world.json(&["train", category, "--epochs", "3", "--seed", "1"], 0);
        assert!(lines[0]["epoch"].is_number(), "{lines:?}");
    }
    world
}

#[test]
fn a_category_is_learned_and_dreamed_of_in_every_mode() {
    let world = drums();
    assert_eq!(
        names_in(&world.home().join("models")),
        ["kick_vae.safetensors", "pretrained", "snare_vae.safetensors"]
    );
    let mut made = 0;
    for mode in [
        ["--mode", "random", "--seed", "1"],
        ["--mode", "interpolated", "--seed", "2"],
        ["--parents", "1,5", "--seed", "3"],
        ["--with", "snare", "--seed", "4"],
        ["--like", "3", "--seed", "5"],
        ["--novelty", "max", "--seed", "6"],
    ] {
        let args = [["generate", "kick", "-n", "3", "--json"].as_slice(), &mode].concat();
        let output = world.run(&args);
        let said = text(&output.stdout);
        let lines: Vec<Value> = said.lines().map(|x| serde_json::from_str(x).unwrap()).collect();
        let summary = lines.last().unwrap();
        // What the gate refuses eight times is not made, and that is no success.
        let code = i32::from(summary["made"] != summary["asked"]);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert_eq!(lines.len() as u64, summary["made"].as_u64().unwrap() + 1, "{lines:?}");
        made += lines.len() - 1;
        for line in &lines[..lines.len() - 1] {
            assert!(std::path::Path::new(line["path"].as_str().unwrap()).is_file(), "{line}");
        }
    }
    let stems = world.json(&["stems", "list", "--source", "generated"], 0).remove(0);
    let stems = stems.as_array().unwrap();
    assert_eq!(stems.len(), made);
    assert!(made > 6, "{made} of 18");
    let generator = &stems[0]["provenance"]["generator"];
    assert_eq!(generator["model_sha256"].as_str().unwrap().len(), 64, "{generator}");

    let judged = world.json(&["eval", "kick", "-n", "10"], 0).remove(0);
    assert!(judged["distances"]["coverage"].is_number(), "{judged}");
    let args = ["compose", "techno", "--minutes", "0.5", "--sources", "generated", "--seed", "1"];
    let track = world.json(&args, 0).remove(0);
    assert!(track["track"]["stem_sources"]["generated"].as_u64().unwrap() > 0, "{track}");
    // What is disliked is played no more.
    for stem in stems {
        world.json(&["stems", "rate", &stem["id"].to_string(), "-1"], 0);
    }
    world.json(&args, 1);
}

#[test]
fn rounds_of_learning_are_told_one_by_one() {
    let world = drums();
    let args = ["cycle", "--category", "kick", "--rounds", "2", "--keep", "2", "--epochs", "3"];
    let lines = world.json(&[args.as_slice(), &["--seed", "1", "--no-guard"]].concat(), 0);
    let rounds: Vec<&Value> = lines[..lines.len() - 1].iter().collect();
    assert_eq!(rounds.iter().map(|round| &round["round"]).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(lines.last().unwrap()["kept"], json!(4));
}

#[test]
fn what_cannot_be_dreamed_is_refused_with_the_way_out() {
    let world = World::new();
    world.tone("kick/1.wav", 1);
    world.json(&["ingest", "kick", "--category", "kick"], 0);
    let check = |args: &[&str], code: i32, hint: &str| {
        let output = world.run(args);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        assert!(said.contains(hint), "{args:?}: {said}");
    };
    check(&["generate", "kick"], 1, "dream train kick");
    check(&["train", "kick"], 1, "stems");
    check(&["eval", "kick"], 1, "dream train kick");
    check(&["generate", "kick", "--mode", "hybrid"], 1, "--with");
    check(&["train", "no such"], 2, "one of kick");
    check(&["stems", "rate", "1", "7"], 2, "7");
}
