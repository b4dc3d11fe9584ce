//! The facts of a file, without storing it.

use std::path::Path;

use dream_analysis::Hints;
use dream_audio::decode::{Decoded, Limits, decode_file};
use dream_core::Facts;
use serde::Serialize;

use crate::Error;
use crate::intake::{Damage, clean, listen_to};

/// What a file is and what analysis found in it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Analysis {
    /// The file, as given.
    pub path: String,
    /// Container and codec.
    pub format: String,
    /// Rate of the file in Hz.
    pub sample_rate: u32,
    /// Channels of the file.
    pub channels: usize,
    /// What was lost or replaced on the way in.
    pub warnings: Vec<String>,
    /// What analysis found.
    #[serde(flatten)]
    pub facts: Facts,
}

/// Analyses the file as an ingest would, without a library. The name of the file speaks for its content
/// unless `ignore_name`.
///
/// # Errors
/// `Decode` when it is no audio that can be used.
pub fn analyse(path: &Path, limits: &Limits, ignore_name: bool) -> Result<Analysis, Error> {
    let decoded = decode_file(path, limits)
        .map_err(|source| Error::Decode { path: path.to_owned(), source })?;
    let mut damage = damage(&decoded);
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let hints = Hints { name: name.filter(|_| !ignore_name), ..Hints::default() };
    let (sample_rate, channels) = (decoded.clip.rate().0, decoded.clip.channels());
    let mut warnings = decoded.warnings;
    let clip = clean(decoded.clip, &mut damage, &mut warnings);
    Ok(Analysis {
        path: path.to_string_lossy().into_owned(),
        format: decoded.format,
        sample_rate,
        channels,
        warnings,
        facts: listen_to(&clip, &hints, damage),
    })
}

/// What decoding could not bring over.
pub(crate) fn damage(decoded: &Decoded) -> Damage {
    let frames = decoded.clip.len() as f64;
    let missing = match decoded.declared_frames {
        Some(declared) if declared > 0 => (1.0 - frames / declared as f64).max(0.0),
        _ => 0.0,
    };
    Damage {
        zeroed: decoded.non_finite as f64 / decoded.clip.samples().len().max(1) as f64,
        missing: decoded.incomplete.then_some(missing),
    }
}
