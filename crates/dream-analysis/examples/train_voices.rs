//! Trains the network of the drum voices on loops whose hits are known, and writes its weights.
//!
//! `train_voices DIR [--quick]`: DIR holds labelled sounds (see `support/labelled.rs`); its hits under free licences and
//! those of the generator are arranged to loops. It is judged on loops of fresh generated hits, and on loops of the
//! recorded hits that may not train. `--quick` is for trying out and writes nothing.
#![expect(clippy::print_stdout, reason = "printing is what the example is for")]

use std::error::Error;
use std::path::Path;

use dream_analysis::voices::{FEATURES, Strike, VOICES, strikes};
use dream_core::{Category, Seed};
use rayon::prelude::*;

use crate::fit::{Ensemble, Outputs, Row, Spec};
use crate::synth::{Dice, Wave};

#[path = "support/drums.rs"]
mod drums;
#[path = "support/fit.rs"]
mod fit;
#[path = "support/labelled.rs"]
mod labelled;
#[path = "support/synth.rs"]
mod synth;
#[path = "support/textures.rs"]
mod textures;
#[path = "support/tones.rs"]
mod tones;

const SEED: Seed = Seed(21);
/// A strike is that of a hit this near, in seconds.
const NEAR_S: f64 = 0.03;
/// A voice is named from this confidence, as in `voices`.
const NAMED: f32 = 0.5;

/// A loop: its strikes, each with the voices that sound, and all voices together.
struct Known {
    strikes: Vec<(Strike, [bool; VOICES.len()])>,
    voices: [bool; VOICES.len()],
}

/// Recorded hits by voice.
type Hits = Vec<Vec<Wave>>;

fn main() -> Result<(), Box<dyn Error>> {
    let dir = std::env::args().nth(1).ok_or("which folder?")?;
    let quick = std::env::args().any(|argument| argument == "--quick");
    let sounds = labelled::sounds(Path::new(&dir))?;
    let (free, others): (Vec<_>, Vec<_>) =
        sounds.into_iter().partition(labelled::Labelled::is_free);
    let (free, others) = (hits(&free), hits(&others));
    let count = |hits: &Hits| hits.iter().map(Vec::len).sum::<usize>();
    println!("{} recorded hits train, {} judge", count(&free), count(&others));
    let loops = if quick { 300 } else { 1600 };
    let known = known(loops, &free, 0.5, SEED.child("train"));
    let rows: Vec<Row<'_>> = known
        .iter()
        .flat_map(|known| &known.strikes)
        .map(|(strike, sounding)| {
            let target = sounding.iter().map(|s| if *s { 0.98 } else { 0.01 }).collect();
            Row { features: &strike.features, target, weight: 1.0 }
        })
        .collect();
    println!("{} strikes in {} loops", rows.len(), known.len());
    let spec = Spec {
        hidden: 48,
        members: 3,
        epochs: 8,
        outputs: Outputs::AnyOf,
        step: 2e-3,
        decay: 0.01,
        noise: 0.1,
        seed: SEED.child("members"),
    };
    let ensemble = fit::fit(&rows, &spec);
    for (name, hits, share) in
        [("generated", &others, 0.0), ("recorded, never trained on", &others, 1.0)]
    {
        println!("{}", report(name, &ensemble, &self::known(300, hits, share, SEED.child(name))));
    }
    let bytes = ensemble.bytes();
    println!("weights {} bytes for {FEATURES} features", bytes.len());
    if !quick {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/voices.bin");
        std::fs::File::create(file)
            .and_then(|mut file| std::io::Write::write_all(&mut file, &bytes))?;
    }
    Ok(())
}

/// The short ones of the sounds that are hits, by voice.
fn hits(sounds: &[labelled::Labelled]) -> Hits {
    let mut hits = vec![Vec::new(); VOICES.len()];
    for sound in sounds {
        let voice = VOICES.iter().position(|voice| {
            sound.word == *voice || (sound.word == "perc" && *voice == "percussion")
        });
        if let (Some(voice), Ok(clip)) = (voice, sound.clip())
            && clip.seconds() < 8.0
        {
            hits[voice].push(tones::first(synth::norm(clip.to_mono()), 2.0));
        }
    }
    hits
}

/// Loops of drums, of which `share` of the hits are recorded, and a third as many loops without drums.
fn known(count: usize, hits: &Hits, share: f64, seed: Seed) -> Vec<Known> {
    let one = |i: usize| {
        let mut d = Dice::new(seed.index(i as u64));
        if i % 4 == 3 {
            let tonal = [
                Category::Bass,
                Category::Lead,
                Category::Synth,
                Category::Piano,
                Category::Guitar,
                Category::Vocals,
                Category::Pad,
            ];
            let category = d.pick(&tonal);
            let wave = tones::of(&mut d, category).unwrap_or_default();
            return labelled_strikes(&wave, &[]);
        }
        let keep = [0.8, 0.55, 0.35, 0.7, 0.25, 0.25, 0.35];
        let mut voices: Vec<usize> = (0..VOICES.len()).filter(|&v| d.chance(keep[v])).collect();
        if voices.is_empty() {
            voices.push(d.index(VOICES.len()));
        }
        let mut sound = |d: &mut Dice, voice: usize| {
            let wave = if d.chance(share) && !hits[voice].is_empty() {
                let at = d.index(hits[voice].len());
                hits[voice][at].clone()
            } else {
                drums::voice(d, voice)
            };
            synth::norm(textures::augmented(d, &tones::first(wave, 2.0), true))
        };
        let groove = drums::groove(&mut d, &voices, &mut sound);
        let mut wave = groove.wave;
        if d.chance(0.2) {
            // Something tonal under the drums.
            let under = if d.chance(0.5) { tones::bass(&mut d) } else { tones::pad(&mut d) };
            let seconds = wave.len() as f64 / synth::RATE;
            let level = d.log(0.05, 0.5);
            synth::add(&mut wave, &tones::looped(under, seconds), 0.0, level);
        }
        labelled_strikes(&wave, &groove.hits)
    };
    (0..count).into_par_iter().map(one).collect()
}

fn labelled_strikes(wave: &[f32], hits: &[(usize, f64)]) -> Known {
    let mut voices = [false; VOICES.len()];
    for hit in hits {
        voices[hit.0] = true;
    }
    let near = |strike: &Strike, voice: usize| {
        hits.iter().any(|hit| hit.0 == voice && (hit.1 - strike.time_s).abs() < NEAR_S)
    };
    let strikes = strikes(wave)
        .into_iter()
        .map(|strike| (strike, std::array::from_fn(|voice| near(&strike, voice))))
        .collect();
    Known { strikes, voices }
}

/// The voices of a loop as the library names them.
fn confidences(ensemble: &Ensemble, known: &Known) -> Vec<f32> {
    let mut best = [[0.0_f32; 2]; VOICES.len()];
    for (strike, _) in &known.strikes {
        for (best, logit) in best.iter_mut().zip(ensemble.logits(&strike.features)) {
            let probability = 1.0 / (1.0 + (-logit).exp());
            if probability > best[0] {
                *best = [probability, best[0]];
            } else {
                best[1] = best[1].max(probability);
            }
        }
    }
    best.iter().map(|[first, second]| 0.5 * (first + second)).collect()
}

/// Per voice: in how many loops it sounds, precision, recall and F-measure of its being named, and how sure it is where it sounds and
/// where not.
fn report(name: &str, ensemble: &Ensemble, loops: &[Known]) -> String {
    let found: Vec<Vec<f32>> = loops.iter().map(|known| confidences(ensemble, known)).collect();
    let mut text = format!("Loops of {name} hits, {} of them:\n\n", loops.len());
    text.push_str("| voice | sounds in | precision | recall | F | mean where not |\n|---|---|---|---|---|---|\n");
    for (v, voice) in VOICES.iter().enumerate() {
        let count = |f: &dyn Fn(bool, bool) -> bool| {
            let pairs = loops.iter().zip(&found);
            pairs.filter(|(known, p)| f(known.voices[v], p[v] >= NAMED)).count() as f64
        };
        let (sounding, named) = (count(&|s, _| s), count(&|_, n| n));
        let right = count(&|s, n| s && n);
        let silent: Vec<f32> =
            loops.iter().zip(&found).filter(|(k, _)| !k.voices[v]).map(|(_, p)| p[v]).collect();
        let mean = silent.iter().sum::<f32>() / silent.len().max(1) as f32;
        let f = 2.0 * right / (sounding + named).max(1.0);
        text.push_str(&format!(
            "| {voice} | {sounding} | {:.2} | {:.2} | {f:.2} | {mean:.2} |\n",
            right / named.max(1.0),
            right / sounding.max(1.0),
        ));
    }
    let mut errors = 0.0_f64;
    let all: Vec<(f32, bool)> = loops
        .iter()
        .zip(&found)
        .flat_map(|(known, p)| p.iter().copied().zip(known.voices))
        .collect();
    for bin in 0..10 {
        let inside = all.iter().filter(|x| ((x.0 * 10.0) as usize).min(9) == bin);
        let sum: f64 = inside.map(|x| f64::from(x.0) - f64::from(u8::from(x.1))).sum();
        errors += sum.abs() / all.len() as f64;
    }
    text.push_str(&format!("\nCalibration error {errors:.3}\n"));
    text
}
