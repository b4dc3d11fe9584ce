//! Stretches a WAV file: `stretch_file IN OUT RATIO SEMITONES MATERIAL[-loop]`, with drums, tonal, voice
//! or noise as the material.
//!
//! The evaluation in `bench/stretch` runs it beside other programs. Writes 32-bit float.
#![expect(clippy::print_stdout, reason = "it reports its own processor time")]

use std::error::Error;

use cpu_time::ProcessTime;
use dream_audio::Clip;
use dream_audio::stretch::{Material, stretch, stretch_loop};
use dream_core::{SampleRate, Semitones};
use hound::{SampleFormat, WavReader, WavSpec, WavWriter};

type Stretch = fn(&Clip, f64, Semitones, Material) -> Clip;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [input, output, ratio, semitones, material] = args.as_slice() else {
        return Err(
            "usage: stretch_file IN OUT RATIO SEMITONES drums|tonal|voice|noise[-loop]".into()
        );
    };
    let clip = read(input)?;
    let (ratio, semitones) = (ratio.parse()?, Semitones(semitones.parse()?));
    let (name, run) = match material.strip_suffix("-loop") {
        Some(name) => (name, stretch_loop as Stretch),
        None => (material.as_str(), stretch as Stretch),
    };
    let material = match name {
        "drums" => Material::Drums,
        "tonal" => Material::Tonal,
        "voice" => Material::Voice,
        "noise" => Material::Noise,
        other => return Err(format!("unknown material {other}").into()),
    };
    let start = ProcessTime::now();
    let out = run(&clip, ratio, semitones, material);
    println!("cpu_s {:.4}", start.elapsed().as_secs_f64());
    write(output, &out)
}

fn read(path: &str) -> Result<Clip, Box<dyn Error>> {
    let mut reader = WavReader::open(path)?;
    let spec = reader.spec();
    let samples: Vec<f32> = match spec.sample_format {
        SampleFormat::Float => reader.samples().collect::<Result<_, _>>()?,
        SampleFormat::Int => {
            let scale = (1_u64 << (spec.bits_per_sample - 1)) as f32;
            reader
                .samples::<i32>()
                .map(|s| s.map(|s| s as f32 / scale))
                .collect::<Result<_, _>>()?
        }
    };
    let count = usize::from(spec.channels);
    let channels: Vec<Vec<f32>> =
        (0..count).map(|c| samples.iter().skip(c).step_by(count).copied().collect()).collect();
    let channels: Vec<&[f32]> = channels.iter().map(Vec::as_slice).collect();
    Ok(Clip::new(SampleRate(spec.sample_rate), &channels))
}

fn write(path: &str, clip: &Clip) -> Result<(), Box<dyn Error>> {
    let spec = WavSpec {
        channels: clip.channels() as u16,
        sample_rate: clip.rate().0,
        bits_per_sample: 32,
        sample_format: SampleFormat::Float,
    };
    let mut writer = WavWriter::create(path, spec)?;
    for frame in 0..clip.len() {
        for channel in clip.iter_channels() {
            writer.write_sample(channel[frame])?;
        }
    }
    Ok(writer.finalize()?)
}
