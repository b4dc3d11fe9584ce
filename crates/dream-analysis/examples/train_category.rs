//! Trains the category classifier and the drum voices; writes their weights and the figures of the model card.
//!
//! `train_category DIR [--more DIR]... [--licence SPDX] [--quick]`: DIR holds labelled sounds (see `support/labelled.rs`). Rows
//! under free licences train, the others are only ever judged; `--licence` states the licence of the rows that have none.
//! The free sounds of each `--more` train, too, and are never judged (the scripts in `bench/category` make some). The rest
//! is synthesised: the starter kit and the generator in `support`. Names never enter.
//! It takes about eleven minutes of processor time; `--quick` is for trying out and writes nothing.
#![expect(clippy::print_stdout, reason = "printing is what the example is for")]

use std::error::Error;
use std::io::Write;
use std::path::Path;

use dream_core::{Category, Seed};

use crate::fit::{Ensemble, Outputs, Row, Spec};
use crate::labelled::Labelled;
use crate::score::Judged;
use crate::training::{Example, Origin};

#[path = "support/drums.rs"]
mod drums;
#[path = "support/fit.rs"]
mod fit;
#[path = "support/labelled.rs"]
mod labelled;
#[path = "support/score.rs"]
mod score;
#[path = "support/synth.rs"]
mod synth;
#[path = "support/textures.rs"]
mod textures;
#[path = "support/tones.rs"]
mod tones;
#[path = "support/training.rs"]
mod training;
#[path = "support/transcription.rs"]
mod transcription;

const SEED: Seed = Seed(20);
const FOLDS: usize = 5;
/// What follows in the model card is written by this program.
const MARK: &str = "<!-- figures -->";

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (mut dir, mut more, mut licence, mut quick) = (None, Vec::new(), String::new(), false);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--licence" => licence = arguments.next().ok_or("which licence?")?,
            "--more" => more.push(arguments.next().ok_or("which further folder?")?),
            "--quick" => quick = true,
            _ => dir = Some(argument),
        }
    }
    let mut sounds = labelled::sounds(Path::new(&dir.ok_or("which folder?")?))?;
    for sound in &mut sounds {
        if sound.licence.is_empty() {
            sound.licence.clone_from(&licence);
        }
    }
    let (generated, copies, kits) = if quick { (60, 6, 1) } else { (300, 20, 2) };
    let mut examples = training::recorded(&sounds, Origin::Recorded, copies, SEED);
    let recorded = examples.len();
    for (number, more) in more.iter().enumerate() {
        let added = labelled::sounds(Path::new(more))?;
        let added: Vec<Labelled> = added.into_iter().filter(Labelled::is_free).collect();
        let seed = SEED.child("added").index(number as u64);
        examples.extend(training::recorded(&added, |_| Origin::Added, copies / 6, seed));
    }
    let added = examples.len() - recorded;
    examples.extend(training::kit(kits, 1, SEED));
    let kit = examples.len() - recorded - added;
    examples.extend(training::generated(generated, SEED));
    let free = sounds.iter().filter(|sound| sound.is_free()).count();
    println!("{} sounds, {free} under free licences; examples: {recorded} of them,", sounds.len());
    let generated = examples.len() - recorded - added - kit;
    println!("{added} added, {kit} of the starter kit, {generated} generated");
    let mut card = String::new();
    let mut divisor = 1.0;
    for (name, key) in [("maker", maker as fn(&Labelled) -> &str), ("maker and folder", pack)] {
        let logits = crossed(&sounds, &examples, key);
        let (judged, temperature) = calibrated(&logits);
        card.push_str(&report(name, &judged));
        if name == "maker" {
            divisor = temperature;
        }
    }
    let (voices, figures) =
        transcription::train(&sounds, if quick { 300 } else { 1600 }, SEED.child("voices"));
    card.push_str(&figures);
    println!("{card}");
    let mut ensemble = trained(&examples, |origin| match origin {
        Origin::Recorded(number) => sounds[number].is_free(),
        Origin::Added | Origin::Kit | Origin::Generated => true,
    });
    ensemble.divisor = divisor;
    let bytes = ensemble.bytes();
    println!("temperature {divisor:.2}, weights {} bytes", bytes.len());
    if !quick {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        write(&source.join("category/weights.bin"), &bytes)?;
        write(&source.join("voices.bin"), &voices)?;
        let file = source.join("category/MODEL_CARD.md");
        let text = std::fs::read_to_string(&file)?;
        let (head, _) =
            text.split_once(MARK).ok_or("the model card has no mark for its figures")?;
        write(&file, format!("{head}{MARK}\n\n{}\n", card.trim_end()).as_bytes())?;
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    std::fs::File::create(path)?.write_all(bytes)
}

fn maker(sound: &Labelled) -> &str {
    &sound.maker
}

fn pack(sound: &Labelled) -> &str {
    &sound.pack
}

/// A sound that was held out: its truth, its fold, its logits.
struct Held {
    truth: Category,
    fold: usize,
    free: bool,
    logits: Vec<f32>,
}

/// Every recorded sound judged by a model that has heard no other of its group.
fn crossed(sounds: &[Labelled], examples: &[Example], key: fn(&Labelled) -> &str) -> Vec<Held> {
    let folds = folds(sounds, key);
    let mut held = Vec::new();
    for fold in 0..FOLDS {
        let ensemble = trained(examples, |origin| match origin {
            Origin::Recorded(number) => sounds[number].is_free() && folds[number] != fold,
            Origin::Added | Origin::Kit | Origin::Generated => true,
        });
        for example in examples.iter().filter(|example| !example.augmented) {
            if let Origin::Recorded(number) = example.origin
                && folds[number] == fold
            {
                let logits = ensemble.logits(&example.features);
                let free = sounds[number].is_free();
                held.push(Held { truth: example.category, fold, free, logits });
            }
        }
    }
    held
}

/// Groups go to the emptiest fold, the largest first.
fn folds(sounds: &[Labelled], key: fn(&Labelled) -> &str) -> Vec<usize> {
    let mut groups: Vec<(usize, &str)> = Vec::new();
    for sound in sounds {
        match groups.iter_mut().find(|group| group.1 == key(sound)) {
            Some(group) => group.0 += 1,
            None => groups.push((1, key(sound))),
        }
    }
    groups.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
    let mut sizes = [0; FOLDS];
    let placed: Vec<(&str, usize)> = groups
        .iter()
        .map(|&(size, name)| {
            let fold = (0..FOLDS).fold(0, |best, f| if sizes[f] < sizes[best] { f } else { best });
            sizes[fold] += size;
            (name, fold)
        })
        .collect();
    let fold_of = |sound| placed.iter().find(|group| group.0 == key(sound)).map_or(0, |g| g.1);
    sounds.iter().map(fold_of).collect()
}

/// Probabilities by a temperature fitted on the free sounds of the other folds; and the one fitted on all of them.
fn calibrated(held: &[Held]) -> (Vec<Judged>, f32) {
    let fitted = |without: Option<usize>| {
        let chosen = held.iter().filter(|h| h.free && Some(h.fold) != without);
        let logits: Vec<_> = chosen.map(|h| (h.truth, h.logits.clone())).collect();
        score::temperature(&logits)
    };
    let divisors: Vec<f32> = (0..FOLDS).map(|fold| fitted(Some(fold))).collect();
    let judged = held.iter().map(|h| {
        let top = h.logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let powers: Vec<f32> =
            h.logits.iter().map(|l| ((l - top) / divisors[h.fold]).exp()).collect();
        let total: f32 = powers.iter().sum();
        let probabilities = powers.iter().map(|p| p / total).collect();
        Judged { truth: h.truth, probabilities, free: h.free }
    });
    (judged.collect(), fitted(None))
}

fn report(name: &str, judged: &[Judged]) -> String {
    let all: Vec<&Judged> = judged.iter().collect();
    let (free, others): (Vec<&Judged>, Vec<&Judged>) = judged.iter().partition(|j| j.free);
    let mut text = format!("Five folds, grouped by {name}:\n\n");
    text.push_str(
        "| rows | sounds | accuracy | macro recall | with neighbours | macro F1 | ECE |\n",
    );
    text.push_str("|---|---|---|---|---|---|---|\n");
    for (what, rows) in
        [("all", &all), ("free licences", &free), ("others, never trained on", &others)]
    {
        text.push_str(&score::row(what, &score::score(rows)));
        text.push('\n');
    }
    text.push_str("\n```text\n");
    text.push_str(&score::confusion(&all));
    text.push_str("```\n\n");
    text
}

/// An ensemble fitted to the examples of the admitted origins.
fn trained(examples: &[Example], admitted: impl Fn(Origin) -> bool) -> Ensemble {
    let chosen: Vec<&Example> = examples.iter().filter(|e| admitted(e.origin)).collect();
    let mut shares = [0.0_f32; Category::ALL.len()];
    let place = |example: &Example| example.category as usize;
    for example in &chosen {
        shares[place(example)] += 1.0 / chosen.len() as f32;
    }
    let rows: Vec<Row<'_>> = chosen
        .iter()
        .map(|example| Row {
            features: &example.features,
            target: target(example.category),
            weight: weight(example, shares[place(example)]),
        })
        .collect();
    let spec = Spec {
        hidden: 256,
        members: 3,
        epochs: 10,
        outputs: Outputs::OneOf,
        step: 2e-3,
        decay: 0.02,
        noise: 0.2,
        dropped: 0.5,
        seed: SEED.child("members"),
    };
    fit::fit(&rows, &spec)
}

/// Recorded sounds are what is wanted, and rendered ones are many; common categories weigh less, nearly down to all alike.
fn weight(example: &Example, share: f32) -> f32 {
    let even = (Category::ALL.len() as f32 * share).powf(-0.75);
    even * match (example.origin, example.category) {
        // Mixtures are rarer in libraries than in the generator.
        (_, Category::Other) => 0.2,
        (Origin::Recorded(_), _) => 3.0,
        (Origin::Kit | Origin::Generated, _) => 2.0,
        (Origin::Added, _) => 1.0,
    }
}

/// One for the category, less a little for all: labels are not always right.
fn target(category: Category) -> Vec<f32> {
    let wrong = 0.15 / Category::ALL.len() as f32;
    Category::ALL.iter().map(|&c| if c == category { 0.85 + wrong } else { wrong }).collect()
}
