//! A model from folders of one-shots, for comparisons: `vae TRAINING HELD_OUT OUT COUNT SEED [EPOCHS [TEMPERATURE]]`.
//!
//! Reads every WAV of the folder TRAINING, learns, and writes to OUT: `model.safetensors`; for every WAV of `HELD_OUT` its
//! reconstruction by the nearest sound of TRAINING dressed in the decoded envelope (`held_out`) and from that envelope alone
//! (`held_out_phase`); COUNT drawn sounds of both kinds (`random`, `random_phase`). Prints one line of JSON.
#![expect(clippy::print_stdout, reason = "an example for the shell")]

use std::error::Error;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use dream_audio::{Clip, decode, encode, resample};
use dream_core::{SampleRate, Seed};
use dream_neural::vae::{
    Card, Example, FEWEST, Grid, Layout, Parent, Sound, TrainSpec, Trainer, Vae, from_envelope,
    gaussian, morph, seconds_from_onset,
};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, training, held_out, out, count, seed, rest @ ..] = args.as_slice() else {
        return Err("vae TRAINING HELD_OUT OUT COUNT SEED [EPOCHS [TEMPERATURE]]".into());
    };
    let epochs = rest.first().map_or(Ok(100), |epochs| epochs.parse())?;
    let temperature = rest.get(1).map_or(Ok(1.0), |temperature| temperature.parse())?;
    let (count, seed, out) = (count.parse::<u64>()?, Seed(seed.parse()?), Path::new(out));
    let training = clips(training)?;
    let held_out = clips(held_out)?;
    let seconds: Vec<f64> = training.iter().map(|(_, clip)| seconds_from_onset(clip)).collect();
    let grid = Grid::new(Layout::for_one_shots(&seconds));
    let listen = |clips: &[(String, Clip)]| -> Result<Vec<Sound>, dream_neural::Error> {
        clips.iter().map(|(_, clip)| Sound::new(&grid, clip.clone())).collect()
    };
    let (sounds, others) = (listen(&training)?, listen(&held_out)?);
    let examples: Vec<Example> = training
        .iter()
        .zip(&sounds)
        .map(|((name, _), sound)| Example {
            name: name.clone(),
            envelope: sound.envelope().to_vec(),
        })
        .collect();
    let spec = TrainSpec { epochs, seed: seed.child("train"), ..TrainSpec::default() };
    let start = Instant::now();
    let vae = train(grid.clone(), examples, spec)?;
    let train_s = start.elapsed().as_secs_f64();
    fs::create_dir_all(out)?;
    put(&out.join("model.safetensors"), &vae.to_bytes())?;

    // The order of the card is that of the names, as is that of the files.
    let parent = |i: usize| Parent { sound: &sounds[i], weight: 1.0 };
    let (mut morph_s, mut phase_s) = (0.0, 0.0);
    let mut sound = |kind: &str, name: &str, target: &[f32], i: usize| {
        let seed = seed.child(kind).child(name);
        let start = Instant::now();
        let made = morph(&grid, target, &[parent(i)], seed).clip;
        morph_s += start.elapsed().as_secs_f64();
        write(&out.join(kind), name, made)?;
        let start = Instant::now();
        let made = from_envelope(&grid, target, 8, seed);
        phase_s += start.elapsed().as_secs_f64();
        write(&out.join(format!("{kind}_phase")), name, Clip::mono(SampleRate::LIBRARY, made))
    };
    for ((name, _), other) in held_out.iter().zip(&others) {
        let target = vae.decode(&vae.encode(other.envelope()));
        sound("held_out", name, &target, vae.nearest(&target)[0].0)?;
    }
    for number in 0..count {
        let target = vae.decode(&vae.draw(temperature, seed.child("draw").index(number)));
        sound("random", &format!("{number:03}"), &target, vae.nearest(&target)[0].0)?;
    }
    let made = (others.len() as u64 + count) as f64;
    println!(
        "{}",
        serde_json::json!({
            "training": training.len(), "held_out": held_out.len(), "horizon": grid.frames() / 32_768,
            "measures": vae.card().measures, "epochs": vae.card().history.len(), "train_s": train_s,
            "megabytes": fs::metadata(out.join("model.safetensors"))?.len() as f64 / 1e6,
            "morph_ms": 1e3 * morph_s / made, "phase_ms": 1e3 * phase_s / made,
        })
    );
    Ok(())
}

fn train(grid: Grid, examples: Vec<Example>, spec: TrainSpec) -> Result<Vae, dream_neural::Error> {
    let card = Card::new("example", env!("CARGO_PKG_VERSION"));
    if examples.len() < FEWEST {
        return gaussian(grid, examples, spec, card);
    }
    let mut trainer = Trainer::new(grid, examples, spec)?;
    while !trainer.is_done() {
        trainer.epoch()?;
    }
    trainer.finish(card)
}

/// Every WAV of a folder, by name.
fn clips(folder: &str) -> Result<Vec<(String, Clip)>, Box<dyn Error>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    paths.sort();
    let mut clips = Vec::new();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|end| end == "wav")) {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let clip = decode::decode_file(path, &decode::Limits::default())?.clip;
        clips.push((name, resample::resample(&clip, SampleRate::LIBRARY)));
    }
    Ok(clips)
}

fn write(folder: &Path, name: &str, mut clip: Clip) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(folder)?;
    clip.scale(0.891 / clip.peak().max(1e-6));
    put(&folder.join(format!("{name}.wav")), &encode::wav32f(&clip)?)
}

fn put(path: &Path, bytes: &[u8]) -> Result<(), Box<dyn Error>> {
    Ok(File::create(path)?.write_all(bytes)?)
}
