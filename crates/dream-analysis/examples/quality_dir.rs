//! Prints quality, defects, parts and measures of audio files as JSON lines: `quality_dir FILE...`; the form is
//! what `analyse` hears where it matters, else a one-shot's.
#![expect(clippy::print_stdout, reason = "printing is what the example is for")]

use std::error::Error;
use std::path::Path;

use dream_analysis::{Hints, analyse, quality};
use dream_audio::decode::{Limits, decode_file};
use dream_audio::resample::resample;
use dream_core::{Defect, Form, SampleRate};

fn main() -> Result<(), Box<dyn Error>> {
    for path in std::env::args().skip(1) {
        let decoded = decode_file(Path::new(&path), &Limits::default())?;
        let clip = resample(&decoded.clip, SampleRate::LIBRARY);
        let mut form = Form::OneShot;
        let mut found = quality::quality(&clip, form);
        // Only there the form matters, and hearing it takes long.
        if found.defects.contains(&Defect::TruncatedEnd) {
            form = analyse(&clip, &Hints::default()).form;
            found = quality::quality(&clip, form);
        }
        let line = serde_json::json!({
            "path": path,
            "form": form,
            "score": found.score,
            "defects": found.defects,
            "parts": found.parts,
            "measures": found.measures,
        });
        println!("{line}");
    }
    Ok(())
}
