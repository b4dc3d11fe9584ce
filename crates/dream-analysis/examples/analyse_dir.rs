//! Prints the facts and the category features of WAV files at 44.1 kHz as JSON lines.
//!
//! `analyse_dir [--names] FILE...`; with `--names`, file and folder names count as hints.
#![expect(clippy::print_stdout, reason = "printing is what the example is for")]

use std::error::Error;
use std::path::Path;

use dream_analysis::{Hints, analyse, category_features};
use dream_audio::Clip;
use dream_core::SampleRate;

fn main() -> Result<(), Box<dyn Error>> {
    let (flags, paths): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|argument| argument.starts_with("--"));
    let names = flags.iter().any(|flag| flag == "--names");
    for path in paths {
        let clip = read(Path::new(&path))?;
        let hints = Hints { name: names.then(|| path.clone()), ..Hints::default() };
        let line = serde_json::json!({
            "path": path,
            "facts": analyse(&clip, &hints),
            "features": category_features(&clip).to_vec(),
        });
        println!("{line}");
    }
    Ok(())
}

fn read(path: &Path) -> Result<Clip, Box<dyn Error>> {
    let mut reader = hound::WavReader::open(path)?;
    let spec = reader.spec();
    let samples: Vec<f32> = match spec.sample_format {
        hound::SampleFormat::Float => reader.samples::<f32>().collect::<Result<_, _>>()?,
        hound::SampleFormat::Int => {
            let scale = (0.5_f32).powi(i32::from(spec.bits_per_sample) - 1);
            let whole: Vec<i32> = reader.samples::<i32>().collect::<Result<_, _>>()?;
            whole.into_iter().map(|x| x as f32 * scale).collect()
        }
    };
    let count = usize::from(spec.channels);
    let channels: Vec<Vec<f32>> =
        (0..count).map(|c| samples.iter().copied().skip(c).step_by(count).collect()).collect();
    let slices: Vec<&[f32]> = channels.iter().map(Vec::as_slice).collect();
    Ok(Clip::new(SampleRate(spec.sample_rate), &slices))
}
