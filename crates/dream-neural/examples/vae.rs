//! A model from folders of one-shots, for comparisons: `vae TRAINING HELD_OUT OUT COUNT SEED [EPOCHS [TEMPERATURE]]`, or `vae step`.
//!
//! Reads every WAV of the folder TRAINING, learns, and writes to OUT: `model.safetensors`; for every WAV of `HELD_OUT` its
//! reconstruction by the nearest sound of TRAINING dressed in the decoded envelope (`held_out`) and from that envelope alone
//! (`held_out_phase`); COUNT drawn sounds of both kinds (`random`, `random_phase`); and for 16 pairs of TRAINING the ends and eleven
//! places from one to the other (`walk`: `00_a`, `00_b`, `00_00` to `00_10`). Where a file `roots.json` lies beside TRAINING, with a MIDI note
//! for every sound, all sounds are brought to one note before, and to that of their parent after. Prints one line of JSON.
//! `step` prints what a step of 32 examples takes, in ms.
#![expect(clippy::print_stdout, reason = "an example for the shell")]

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use dream_audio::resample::{resample, varispeed};
use dream_audio::{Clip, decode, encode};
use dream_core::{SampleRate, Seed};
use dream_neural::vae::{
    Card, Example, FEWEST, Grid, Layout, Parent, Sound, TrainSpec, Trainer, Vae, from_envelope,
    gaussian, morph, seconds_from_onset, target,
};

/// Pairs that are walked between, and the steps of each.
const PAIRS: u64 = 16;
const STEPS: u8 = 10;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    if let [_, what] = args.as_slice()
        && what == "step"
    {
        return step();
    }
    let [_, training, held_out, out, count, seed, rest @ ..] = args.as_slice() else {
        return Err(
            "vae TRAINING HELD_OUT OUT COUNT SEED [EPOCHS [TEMPERATURE]], or vae step".into()
        );
    };
    let epochs = rest.first().map_or(Ok(100), |epochs| epochs.parse())?;
    let temperature = rest.get(1).map_or(Ok(1.0), |temperature| temperature.parse())?;
    let (count, seed, out) = (count.parse::<u64>()?, Seed(seed.parse()?), Path::new(out));
    let notes = Notes::read(&Path::new(training).with_file_name("roots.json"))?;
    let training = clips(training, &notes)?;
    let held_out = clips(held_out, &notes)?;
    let seconds: Vec<f64> = training.iter().map(|(_, clip)| seconds_from_onset(clip)).collect();
    let grid = Grid::new(Layout::for_one_shots(&seconds, notes.known()));
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
    let mut sound = |kind: &str, name: &str, target: &[f32], i: usize, like: &str| {
        let seed = seed.child(kind).child(name);
        let start = Instant::now();
        let made = morph(&grid, target, &[parent(i)], seed).clip;
        morph_s += start.elapsed().as_secs_f64();
        write(&out.join(kind), name, notes.back(&made, like))?;
        let start = Instant::now();
        let made = from_envelope(&grid, target, 8, seed);
        phase_s += start.elapsed().as_secs_f64();
        let made = Clip::mono(SampleRate::LIBRARY, made);
        write(&out.join(format!("{kind}_phase")), name, notes.back(&made, like))
    };
    for ((name, _), other) in held_out.iter().zip(&others) {
        let target = vae.decode(&vae.encode(other.envelope()));
        sound("held_out", name, &target, vae.nearest(&target)[0].0, name)?;
    }
    for number in 0..count {
        let target = target::random(&vae, temperature, seed.child("draw").index(number));
        let i = vae.wearers(&target.envelope)[0].0;
        sound("random", &format!("{number:03}"), &target.envelope, i, &training[i].0)?;
    }
    for number in 0..PAIRS {
        walk(&vae, &sounds, &out.join("walk"), number, seed.child("walk").index(number))?;
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

/// The way from one sound to another, the ends beside it.
fn walk(
    vae: &Vae,
    sounds: &[Sound],
    out: &Path,
    number: u64,
    seed: Seed,
) -> Result<(), Box<dyn Error>> {
    let [a, b] = target::pair(vae, seed).map(|i| sounds[i].clone());
    let b = if b.opposes(&a) { b.inverted() } else { b };
    write(out, &format!("{number:02}_a"), a.clip().clone())?;
    write(out, &format!("{number:02}_b"), b.clip().clone())?;
    for step in 0..=STEPS {
        let along = f32::from(step) / f32::from(STEPS);
        let stems = [(a.envelope(), 1.0 - along), (b.envelope(), along)];
        let target = target::between(vae, &stems, 0.0, seed);
        let parents =
            [Parent { sound: &a, weight: 1.0 - along }, Parent { sound: &b, weight: along }];
        let parents: Vec<Parent<'_>> = parents.into_iter().filter(|p| p.weight > 0.0).collect();
        let made = morph(vae.grid(), &target.envelope, &parents, seed.child("sound"));
        write(out, &format!("{number:02}_{step:02}"), made.clip)?;
    }
    Ok(())
}

fn step() -> Result<(), Box<dyn Error>> {
    let grid = Grid::new(Layout::OneShot { horizon: 1 });
    let cells = grid.cells();
    let examples = (0..100).map(|number| Example {
        name: format!("{number:03}"),
        envelope: (0..cells).map(|i| ((i * (number + 3)) % 97) as f32 * -0.8).collect(),
    });
    let mut trainer = Trainer::new(grid, examples.collect(), TrainSpec::default())?;
    let mut times = Vec::new();
    for _ in 0..12 {
        let start = Instant::now();
        trainer.epoch()?;
        // An epoch is 256 draws, and what held-out examples tell.
        times.push(1e3 * start.elapsed().as_secs_f64() / 8.0);
    }
    times.sort_by(f64::total_cmp);
    println!("{}", serde_json::json!({"ms_per_step": times[times.len() / 2]}));
    Ok(())
}

/// The notes that sounds have, where they are known.
struct Notes {
    roots: BTreeMap<String, f64>,
    /// The note that all are brought to.
    reference: f64,
}

impl Notes {
    fn read(path: &Path) -> Result<Self, Box<dyn Error>> {
        let roots: BTreeMap<String, f64> = match fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes)?,
            Err(_) => BTreeMap::new(),
        };
        let mut sorted: Vec<f64> = roots.values().copied().collect();
        sorted.sort_by(f64::total_cmp);
        let reference = sorted.get(sorted.len() / 2).map_or(0.0, |note| note.round());
        Ok(Self { roots, reference })
    }

    /// The reference, where there is one.
    fn known(&self) -> Option<f64> {
        (!self.roots.is_empty()).then_some(self.reference)
    }

    /// A sound of that name at the reference.
    fn there(&self, clip: &Clip, name: &str) -> Clip {
        self.roots.get(name).map_or(clip.clone(), |root| moved(clip, self.reference - root))
    }

    /// A sound at the reference at the note of that name.
    fn back(&self, clip: &Clip, name: &str) -> Clip {
        self.roots.get(name).map_or(clip.clone(), |root| moved(clip, root - self.reference))
    }
}

fn moved(clip: &Clip, semitones: f64) -> Clip {
    let speed = (semitones / 12.0).exp2();
    let channels: Vec<Vec<f32>> =
        clip.iter_channels().map(|channel| varispeed(channel, speed)).collect();
    let parts: Vec<&[f32]> = channels.iter().map(Vec::as_slice).collect();
    Clip::new(clip.rate(), &parts)
}

/// Every WAV of a folder, by name.
fn clips(folder: &str, notes: &Notes) -> Result<Vec<(String, Clip)>, Box<dyn Error>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    paths.sort();
    let mut clips = Vec::new();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|end| end == "wav")) {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let clip = decode::decode_file(path, &decode::Limits::default())?.clip;
        let clip = notes.there(&resample(&clip, SampleRate::LIBRARY), &name);
        clips.push((name, clip));
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
