//! Writes the starter kit as 32-bit float WAV files, with its facts in `kit.csv`:
//! `cargo run --release -p dream-audio --example render_kit -- DIR [SEED]`.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{Error, Write as _};
use std::path::Path;

use cpu_time::ThreadTime;
use dream_audio::Clip;
use dream_audio::synth::kit::recipes;
use dream_core::Seed;

fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or_else(|| Error::other("usage: render_kit DIR [SEED]"))?;
    let seed = arguments.next().and_then(|seed| seed.parse().ok()).unwrap_or(0);
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder)?;
    let mut table =
        String::from("name,category,form,bpm,bars,key,root,channels,seconds,cpu_ms,tags\n");
    for recipe in recipes() {
        let start = ThreadTime::now();
        let clip = recipe.render(Seed(seed));
        let cpu_ms = start.elapsed().as_secs_f64() * 1000.0;
        write_wav(&folder.join(format!("{}.wav", recipe.name)), &clip).map_err(Error::other)?;
        let text = |value: Option<String>| value.unwrap_or_default();
        writeln!(
            table,
            "{},{},{},{},{},{},{},{},{:.4},{cpu_ms:.1},{}",
            recipe.name,
            recipe.category,
            recipe.form,
            text(recipe.bpm.map(|bpm| bpm.get().to_string())),
            text(recipe.bars.map(|bars| bars.to_string())),
            text(recipe.key.map(|key| key.to_string())),
            text(recipe.root.map(|root| root.to_string())),
            clip.channels(),
            clip.seconds(),
            recipe.tags.join(" "),
        )
        .map_err(Error::other)?;
    }
    File::create(folder.join("kit.csv"))?.write_all(table.as_bytes())
}

fn write_wav(path: &Path, clip: &Clip) -> Result<(), hound::Error> {
    let spec = hound::WavSpec {
        channels: clip.channels() as u16,
        sample_rate: clip.rate().0,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    let mut writer = hound::WavWriter::create(path, spec)?;
    for frame in 0..clip.len() {
        for channel in clip.iter_channels() {
            writer.write_sample(channel[frame])?;
        }
    }
    writer.finalize()
}
