//! Trains the network of the drum voices on loops whose hits are known.
//!
//! Recorded hits under free licences and those of the generator are arranged to loops. The result is judged on loops of fresh
//! generated hits, and on loops of the recorded hits that may not train.

use std::fmt::Write;

use dream_analysis::voices::{LEAST, Strike, VOICES, strikes, together};
use dream_core::{Category, Seed};
use rayon::prelude::*;

use crate::fit::{self, Ensemble, Outputs, Row, Spec};
use crate::labelled::Labelled;
use crate::synth::{self, Dice, Wave};
use crate::{drums, textures, tones};

/// Kinds of hits, as `drums::voice` numbers them: the word of the tables, and the outputs that name it.
const KINDS: [(&str, &[&str]); 7] = [
    ("kick", &["kick"]),
    ("snare", &["snare"]),
    ("clap", &["snare", "clap"]),
    ("hihat", &["hihat"]),
    ("tom", &["percussion", "tom"]),
    ("cymbal", &["percussion", "cymbal"]),
    ("perc", &["percussion"]),
];
/// A strike is that of a hit this near, in seconds.
const NEAR_S: f64 = 0.03;

/// A loop: its strikes, each with the voices that sound, and all voices together.
struct Known {
    strikes: Vec<(Strike, [bool; VOICES.len()])>,
    voices: [bool; VOICES.len()],
}

/// Recorded hits by voice.
type Hits = Vec<Vec<Wave>>;

/// The weights, and a report.
pub(crate) fn train(sounds: &[Labelled], loops: usize, seed: Seed) -> (Vec<u8>, String) {
    let (free, others): (Vec<&Labelled>, Vec<&Labelled>) =
        sounds.iter().partition(|sound| sound.is_free());
    let (free, others) = (hits(&free), hits(&others));
    let known = known(loops, &free, 0.5, seed.child("train"));
    let rows: Vec<Row<'_>> = known
        .iter()
        .flat_map(|known| &known.strikes)
        .map(|(strike, sounding)| {
            let target = sounding.iter().map(|s| if *s { 0.98 } else { 0.01 }).collect();
            Row { features: &strike.features, target, weight: 1.0 }
        })
        .collect();
    let spec = Spec {
        hidden: 48,
        members: 3,
        epochs: 14,
        outputs: Outputs::AnyOf,
        step: 2e-3,
        decay: 0.01,
        noise: 0.1,
        dropped: 0.0,
        seed: seed.child("members"),
    };
    let ensemble = fit::fit(&rows, &spec);
    let mut text = String::new();
    for (name, share) in [("generated", 0.0), ("recorded, never trained on,", 1.0)] {
        text.push_str(&report(
            name,
            &ensemble,
            &self::known(300, &others, share, seed.child(name)),
        ));
    }
    (ensemble.bytes(), text)
}

/// The short ones of the sounds that are hits, by voice.
fn hits(sounds: &[&Labelled]) -> Hits {
    let mut hits = vec![Vec::new(); KINDS.len()];
    for sound in sounds {
        let voice = KINDS.iter().position(|kind| sound.word == kind.0);
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
        let mut voices: Vec<usize> = (0..KINDS.len()).filter(|&v| d.chance(keep[v])).collect();
        if voices.is_empty() {
            voices.push(d.index(KINDS.len()));
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
            synth::add(&mut wave, &tones::looped(&under, seconds), 0.0, level);
        }
        labelled_strikes(&wave, &groove.hits)
    };
    (0..count).into_par_iter().map(one).collect()
}

fn labelled_strikes(wave: &[f32], hits: &[(usize, f64)]) -> Known {
    let named = |kind: usize, voice: usize| KINDS[kind].1.contains(&VOICES[voice]);
    let voices = std::array::from_fn(|voice| hits.iter().any(|hit| named(hit.0, voice)));
    let near = |strike: &Strike, voice: usize| {
        hits.iter().any(|hit| named(hit.0, voice) && (hit.1 - strike.time_s).abs() < NEAR_S)
    };
    let strikes = strikes(wave)
        .into_iter()
        .map(|strike| (strike, std::array::from_fn(|voice| near(&strike, voice))))
        .collect();
    Known { strikes, voices }
}

/// Per voice: in how many loops it sounds, precision, recall and F-measure of its being named, and how sure it is where it sounds and
/// where not.
fn report(name: &str, ensemble: &Ensemble, loops: &[Known]) -> String {
    let sure = |known: &Known| {
        together(known.strikes.iter().map(|(strike, _)| ensemble.logits(&strike.features)))
    };
    let found: Vec<[f32; VOICES.len()]> = loops.iter().map(sure).collect();
    let mut text = format!("Loops of {name} hits, {} of them:\n\n", loops.len());
    text.push_str("| voice | sounds in | precision | recall | F | mean where not |\n|---|---|---|---|---|---|\n");
    for (v, voice) in VOICES.iter().enumerate() {
        let count = |f: &dyn Fn(bool, bool) -> bool| {
            let pairs = loops.iter().zip(&found);
            pairs.filter(|(known, p)| f(known.voices[v], p[v] >= LEAST)).count() as f64
        };
        let (sounding, named) = (count(&|s, _| s), count(&|_, n| n));
        let right = count(&|s, n| s && n);
        let silent: Vec<f32> =
            loops.iter().zip(&found).filter(|(k, _)| !k.voices[v]).map(|(_, p)| p[v]).collect();
        let mean = silent.iter().sum::<f32>() / silent.len().max(1) as f32;
        let f = 2.0 * right / (sounding + named).max(1.0);
        let (precision, recall) = (right / named.max(1.0), right / sounding.max(1.0));
        let _ = writeln!(
            text,
            "| {voice} | {sounding} | {precision:.2} | {recall:.2} | {f:.2} | {mean:.2} |"
        );
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
    let _ = writeln!(text, "\nCalibration error {errors:.3}.\n");
    text
}
