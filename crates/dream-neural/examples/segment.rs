//! One segment through a checkpoint, raw floats in and out: `segment MODEL.th MIX.f32 OUT.f32 [REPEATS]`.
//!
//! MIX holds two channels one after the other, OUT one pair per source. Prints the seconds of every run.
#![expect(clippy::print_stdout, reason = "an example for the shell")]

use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use dream_core::Progress;
use dream_neural::Htdemucs;
use dream_neural::weights::Store;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, model, mix, out, rest @ ..] = args.as_slice() else {
        return Err("segment MODEL.th MIX.f32 OUT.f32 [REPEATS]".into());
    };
    let net = Htdemucs::new(&Store::open(Path::new(model))?)?;
    let bytes = std::fs::read(mix)?;
    let samples: Vec<f32> = bytes.as_chunks().0.iter().map(|x| f32::from_le_bytes(*x)).collect();
    let (left, right) = samples.split_at(samples.len() / 2);
    let repeats: u32 = rest.first().map_or(Ok(1), |text| text.parse())?;
    let mut result = Vec::new();
    for _ in 0..repeats {
        let start = Instant::now();
        result = net.forward([left, right], &Progress::silent())?;
        println!("{:.4}", start.elapsed().as_secs_f64());
    }
    let bytes: Vec<u8> = result.iter().flat_map(|x| x.to_le_bytes()).collect();
    std::fs::File::create(out)?.write_all(&bytes)?;
    Ok(())
}
