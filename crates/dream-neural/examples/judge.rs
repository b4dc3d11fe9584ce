//! The measures of `vae::judge` on folders, to be held against `bench/generation/metrics.py`: `judge TRAINING HELD_OUT RECONSTRUCTED GENERATED`.
//!
//! Folders of WAV files at 44.1 kHz; RECONSTRUCTED holds files of the same names as `HELD_OUT`. Prints one line of JSON with the names of
//! that script.
#![expect(clippy::print_stdout, reason = "an example for the shell")]

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use dream_audio::{Clip, decode};
use dream_neural::vae::judge::{Attack, Distances, Likeness, Space, describe, likeness};
use rayon::prelude::*;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, training, held_out, rebuilt, made] = args.as_slice() else {
        return Err("judge TRAINING HELD_OUT RECONSTRUCTED GENERATED".into());
    };
    let [training, held_out, rebuilt, made] =
        [clips(training)?, clips(held_out)?, clips(rebuilt)?, clips(made)?];
    let rows = |clips: &[Clip]| clips.par_iter().map(describe).collect::<Vec<_>>();
    let (learned, held, drawn) = (rows(&training), rows(&held_out), rows(&made));
    let space = Space::new(&[learned.as_slice(), held.as_slice()].concat());
    let place = |rows: &[Vec<f64>]| rows.iter().map(|row| space.place(row)).collect::<Vec<_>>();
    let distances = Distances::new(&place(&learned), &place(&held), &place(&drawn));
    let pairs: Vec<Likeness> = held_out.iter().zip(&rebuilt).map(|(a, b)| likeness(a, b)).collect();
    let mean = |of: fn(&Likeness) -> f64| pairs.iter().map(of).sum::<f64>() / pairs.len() as f64;
    let attacks: Vec<Attack> = made.iter().map(Attack::of).collect();
    println!(
        "{}",
        serde_json::json!({
            "log_mel_db": mean(|x| x.log_mel_db), "sc_db": mean(|x| x.convergence_db),
            "envelope_snr_db": mean(|x| x.envelope_snr_db),
            "attack_ms": median(pairs.iter().map(|x| x.attack_ms)),
            "fad": distances.fad, "kad": distances.kad, "fad_floor": distances.fad_floor,
            "kad_floor": distances.kad_floor, "density": distances.density, "coverage": distances.coverage,
            "novelty": distances.novelty, "novelty_held_out": distances.novelty_held_out,
            "copies": distances.copies, "crest_db": median(attacks.iter().map(|x| x.crest_db)),
            "pre_echo_db": median(attacks.iter().map(|x| x.pre_echo_db)),
            "low_correlation": median(attacks.iter().filter_map(|x| x.low_correlation)),
        })
    );
    Ok(())
}

/// Every WAV of a folder, in the order of the names.
fn clips(folder: &str) -> Result<Vec<Clip>, Box<dyn Error>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    paths.sort();
    paths.retain(|path| path.extension().is_some_and(|end| end == "wav"));
    let decoded = |path: &PathBuf| Ok(decode::decode_file(path, &decode::Limits::default())?.clip);
    paths.iter().map(decoded).collect()
}

/// The middle, or that of two; nothing where there are none.
fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let n = values.len();
    (n > 0).then(|| f64::midpoint(values[n / 2], values[(n - 1) / 2]))
}
