//! Compares audio files with each other: prints every pair whose similarity is 0.5 or more as a JSON line, and whether
//! the coarse parts let it through. `fingerprint_dir FILE...`
#![expect(clippy::print_stdout, reason = "printing is what the example is for")]

use std::error::Error;
use std::path::Path;

use dream_analysis::fingerprint::{fingerprint, may_be_near, similarity};
use dream_audio::decode::{Limits, decode_file};
use dream_audio::resample::resample;
use dream_core::SampleRate;

fn main() -> Result<(), Box<dyn Error>> {
    let mut prints = Vec::new();
    for path in std::env::args().skip(1) {
        let decoded = decode_file(Path::new(&path), &Limits::default())?;
        prints.push((path, fingerprint(&resample(&decoded.clip, SampleRate::LIBRARY))));
    }
    for (i, (a, print)) in prints.iter().enumerate() {
        for (b, other) in &prints[i + 1..] {
            let similarity = similarity(print, other);
            if similarity >= 0.5 {
                let candidate = may_be_near(print, other.spread_s, &other.bands);
                let line = serde_json::json!({"a": a, "b": b, "similarity": similarity, "candidate": candidate});
                println!("{line}");
            }
        }
    }
    Ok(())
}
