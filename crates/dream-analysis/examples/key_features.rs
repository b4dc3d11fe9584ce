//! Prints the features of the key model and the evidence for a root for audio files as JSON lines: `key_features FILE...`;
//! see `bench/key/train.py`.
#![expect(clippy::print_stdout, reason = "printing is what the example is for")]

use std::error::Error;
use std::path::Path;

use dream_analysis::key::features;
use dream_analysis::pitch::{pitch, root_evidence};
use dream_audio::decode::{Limits, decode_file};
use dream_audio::resample::resample;
use dream_core::SampleRate;

fn main() -> Result<(), Box<dyn Error>> {
    for path in std::env::args().skip(1) {
        let decoded = decode_file(Path::new(&path), &Limits::default())?;
        let mono = resample(&decoded.clip, SampleRate::LIBRARY).to_mono();
        let line = serde_json::json!({
            "path": path,
            "features": features(&mono),
            "root": root_evidence(&mono, &pitch(&mono)),
        });
        println!("{line}");
    }
    Ok(())
}
