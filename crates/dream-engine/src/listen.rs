//! Seams to decoding, analysis and the synthesised kit.

use std::path::Path;

use dream_audio::Clip;
use dream_core::{Bpm, Category, Embedding, Facts, Form, Frames, Key, SampleRate, Seed, Space};

use crate::error::Kind;

#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    pub max_bytes: u64,
    pub max_seconds: f64,
    pub max_decoded_bytes: u64,
}
impl Default for Limits {
    fn default() -> Self {
        Self { max_bytes: 2 << 30, max_seconds: 1800.0, max_decoded_bytes: 512 << 20 }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    #[error("not audio but {looks_like}")]
    NotAudio { looks_like: &'static str },
    #[error("too short: {} frames, need {}", got.0, need.0)]
    TooShort { got: Frames, need: Frames },
    #[error("{what} is {got}, allowed are {min} to {max}")]
    LimitExceeded { what: &'static str, got: u64, min: u64, max: u64 },
    #[error("input or output failed")]
    Io(#[from] std::io::Error),
}
impl DecodeError {
    pub(crate) fn kind(&self) -> Kind {
        Kind::Unsupported
    }
}

pub(crate) struct Decoded {
    pub clip: Clip,
    pub format: String,
    pub warnings: Vec<String>,
    pub incomplete: bool,
    pub non_finite: u64,
    pub declared_frames: Option<u64>,
}

pub(crate) fn decode_file(path: &Path, limits: &Limits) -> Result<Decoded, DecodeError> {
    let bytes = std::fs::read(path)?;
    let not = DecodeError::NotAudio { looks_like: "something else" };
    if bytes.len() < 44 || &bytes[..4] != b"RIFF" {
        return Err(not);
    }
    let le = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
    let channels = usize::from(bytes[22]);
    let float = bytes[20] == 3;
    let start = bytes.windows(4).position(|w| w == b"data").ok_or(not)? + 8;
    let all: Vec<f32> = if float {
        bytes[start..].as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
    } else {
        bytes[start..]
            .as_chunks::<2>()
            .0
            .iter()
            .map(|b| f32::from(i16::from_le_bytes(*b)) / 32768.0)
            .collect()
    };
    if all.len() < 64 {
        return Err(DecodeError::TooShort { got: Frames(all.len() as u64), need: Frames(64) });
    }
    if 4 * all.len() as u64 > limits.max_decoded_bytes {
        let what = "size of the decoded samples in bytes";
        return Err(DecodeError::LimitExceeded { what, got: 1, min: 0, max: 0 });
    }
    let planar: Vec<Vec<f32>> =
        (0..channels).map(|c| all.iter().skip(c).step_by(channels).copied().collect()).collect();
    let planar: Vec<&[f32]> = planar.iter().map(Vec::as_slice).collect();
    Ok(Decoded {
        clip: Clip::new(SampleRate(le(24)), &planar),
        format: "wav 16 bit".to_owned(),
        warnings: vec![],
        incomplete: false,
        non_finite: 0,
        declared_frames: None,
    })
}

pub(crate) fn downmix(clip: &Clip) -> Clip {
    clip.clone()
}
pub(crate) fn resample(clip: &Clip, _rate: SampleRate) -> Clip {
    clip.clone()
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Known {
    pub category: Option<Category>,
    pub form: Option<Form>,
    pub bpm: Option<Bpm>,
    pub bars: Option<u32>,
    pub key: Option<Key>,
    pub root: Option<f64>,
    pub tags: Vec<String>,
}
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Hints {
    pub name: Option<String>,
    pub known: Known,
}
pub(crate) fn analyse(clip: &Clip, hints: &Hints) -> Facts {
    Facts {
        duration_s: clip.seconds(),
        form: hints.known.form.unwrap_or(Form::Free),
        category: hints
            .known
            .category
            .or_else(|| {
                let name = hints.name.as_deref()?.to_lowercase();
                name.split(|c: char| !c.is_alphanumeric()).find_map(Category::parse)
            })
            .unwrap_or(Category::Other),
        category_confidence: 0.5,
        bpm: hints.known.bpm,
        bpm_confidence: 0.5,
        bpm_candidates: vec![],
        beats_s: vec![],
        downbeats_s: vec![],
        bars: hints.known.bars,
        key: hints.known.key,
        key_confidence: 0.0,
        key_candidates: vec![],
        root: hints.known.root,
        loudness_lufs: Some(-20.0),
        true_peak_dbtp: -1.0,
        quality: 0.8,
        quality_parts: std::collections::BTreeMap::new(),
        defects: vec![],
        tags: hints.known.tags.clone(),
        attributes: std::collections::BTreeMap::new(),
        neuromorphic: std::collections::BTreeMap::new(),
    }
}
pub(crate) fn embed(_clip: &Clip, facts: &Facts) -> Embedding {
    Embedding { space: Space::AttrV1, values: vec![facts.quality] }
}

pub(crate) struct Recipe {
    pub name: String,
    pub known: Known,
}
impl Recipe {
    pub(crate) fn render(&self, seed: Seed) -> Clip {
        let step = 0.01 + (seed.0 % 1000) as f32 * 1e-4;
        Clip::mono(
            SampleRate::LIBRARY,
            (0..44_100).map(|i| (i as f32 * step).sin() * 0.5).collect(),
        )
    }
}
pub(crate) fn kit() -> Vec<Recipe> {
    Category::ALL
        .iter()
        .map(|category| Recipe {
            name: format!("{category} 1"),
            known: Known { category: Some(*category), ..Known::default() },
        })
        .collect()
}
