//! A file through one checkpoint or a bag: `separate AUDIO OUT.f32 WEIGHTS MODEL...`.
//!
//! WEIGHTS are the bag's, rows of models separated by `/`: `1,0,0,0/0,1,0,0/...`; `-` for all alike. OUT gets the stems
//! as raw floats, `[sources, 2, frames]`, and OUT.mix the mixture at the rate of the network, `[2, frames]`.
#![expect(clippy::print_stdout, reason = "an example for the shell")]

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Instant;

use dream_audio::{Clip, decode};
use dream_core::{Frames, Progress};
use dream_neural::Htdemucs;
use dream_neural::htdemucs::{Bag, Level, Spec, Track, resample, separate_to};
use dream_neural::weights::Store;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, audio, out, weights, paths @ ..] = args.as_slice() else {
        return Err("separate AUDIO OUT.f32 WEIGHTS MODEL...".into());
    };
    let mut models = Vec::new();
    for path in paths {
        models.push(Htdemucs::new(&Store::open(Path::new(path))?)?);
    }
    let sources = models.first().ok_or("no model")?.config().sources.len();
    let weights: Vec<Vec<f32>> = if weights == "-" {
        vec![vec![1.0; sources]; models.len()]
    } else {
        let row = |row: &str| row.split(',').map(str::parse).collect::<Result<Vec<f32>, _>>();
        weights.split('/').map(row).collect::<Result<_, _>>()?
    };
    let bag = Bag::new(models, weights)?;
    let mix = decode::decode_file(Path::new(audio), &decode::Limits::default())?.clip;
    let [left, right] = mix.stereo();
    let mix = resample(&Clip::new(mix.rate(), &[left, right]), bag.sample_rate());
    write(&mut BufWriter::new(File::create(format!("{out}.mix"))?), &mix)?;
    let mut level = Level::default();
    level.add(&mix);
    let next = |start: Frames, frames: Frames| Ok(mix.slice(start, Frames(start.0 + frames.0)));
    let track = Track { level, from: Frames(0), next };
    let mut file = File::create(out)?;
    let start = Instant::now();
    separate_to(
        &bag,
        track,
        &Spec::default(),
        &Progress::silent(),
        |at: Frames, stems: &[Clip]| {
            for (s, stem) in stems.iter().enumerate() {
                for (c, channel) in stem.iter_channels().enumerate() {
                    let place = ((2 * s + c) as u64 * mix.frames().0 + at.0) * 4;
                    file.seek(SeekFrom::Start(place))?;
                    file.write_all(
                        &channel.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>(),
                    )?;
                }
            }
            Ok::<(), Box<dyn Error>>(())
        },
    )?;
    println!("{:.2} s for {:.2} s", start.elapsed().as_secs_f64(), mix.seconds());
    Ok(())
}

fn write(file: &mut impl Write, clip: &Clip) -> std::io::Result<()> {
    clip.samples().iter().try_for_each(|x| file.write_all(&x.to_le_bytes()))
}
