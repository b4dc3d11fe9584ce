//! Prints every reading of the rhythm of audio files with its evidence, as JSON lines: what `bench/tempo/fit.py` fits.
//!
//! `tempo_evidence FILE...`
#![expect(clippy::print_stdout, reason = "printing is what the example is for")]

use std::error::Error;
use std::path::Path;

use dream_analysis::{onset, tempo};
use dream_audio::decode::{Limits, decode_file};
use dream_audio::resample::resample;
use dream_core::SampleRate;

fn main() -> Result<(), Box<dyn Error>> {
    for path in std::env::args().skip(1) {
        let decoded = decode_file(Path::new(&path), &Limits::default())?;
        let clip = resample(&decoded.clip, SampleRate::LIBRARY);
        let onsets = onset::onsets(&clip.to_mono());
        let readings: Vec<_> = tempo::readings(&onsets, clip.seconds())
            .iter()
            .map(|r| {
                serde_json::json!([
                    60.0 / r.period_s,
                    r.downbeat_s,
                    r.evidence.to_vec(),
                    r.probability
                ])
            })
            .collect();
        println!(
            "{}",
            serde_json::json!({"path": path, "seconds": clip.seconds(),
            "readings": readings, "pulse": tempo::pulse_evidence(&onsets, clip.seconds()).map(Vec::from)})
        );
    }
    Ok(())
}
