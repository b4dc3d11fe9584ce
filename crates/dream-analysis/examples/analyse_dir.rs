//! Prints the facts and the category features of audio files, or of the starter kit, as JSON lines.
//!
//! `analyse_dir [--names] FILE...` or `analyse_dir --kit SEEDS`; with `--names`, file and folder names count as hints.
//! The kit is rendered once per seed and judged by its sound alone; its lines carry its category.
#![expect(clippy::print_stdout, reason = "printing is what the example is for")]

use std::error::Error;
use std::path::Path;

use dream_analysis::{Hints, analyse, category_features};
use dream_audio::Clip;
use dream_audio::decode::{Limits, decode_file};
use dream_audio::resample::resample;
use dream_audio::synth::kit;
use dream_core::{SampleRate, Seed};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.next_if_eq("--kit").is_some() {
        let seeds: u64 = arguments.next().ok_or("how many seeds?")?.parse()?;
        for seed in 0..seeds {
            for recipe in kit::recipes() {
                let clip = recipe.render(Seed(seed));
                line(&recipe.name, Some(recipe.category.name()), &clip, &Hints::default());
            }
        }
        return Ok(());
    }
    let names = arguments.next_if_eq("--names").is_some();
    for path in arguments {
        let decoded = decode_file(Path::new(&path), &Limits::default())?;
        let clip = resample(&decoded.clip, SampleRate::LIBRARY);
        let hints = Hints { name: names.then(|| path.clone()), ..Hints::default() };
        line(&path, None, &clip, &hints);
    }
    Ok(())
}

fn line(path: &str, category: Option<&str>, clip: &Clip, hints: &Hints) {
    let line = serde_json::json!({
        "path": path,
        "category": category,
        "facts": analyse(clip, hints),
        "features": category_features(clip).to_vec(),
    });
    println!("{line}");
}
