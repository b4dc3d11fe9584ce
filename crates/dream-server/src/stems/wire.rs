//! Stems as they are answered.

use std::collections::BTreeMap;

use dream_core::{Key, Provenance};
use dream_engine::{Clock, Engine, Entry};
use serde::Serialize;
use utoipa::ToSchema;

/// A stem.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Stem {
    /// Its number.
    id: i64,
    /// Its audio on the machine of the server.
    path: String,
    /// Its name.
    filename: String,
    /// Its category.
    category: &'static str,
    /// `one_shot`, `loop` or `free`.
    form: &'static str,
    /// Its tags.
    tags: Vec<String>,
    /// Its tempo; null where it has none.
    bpm: Option<f64>,
    /// Whole bars of a loop.
    bars: Option<u32>,
    /// Its key, such as `F# minor`; null where it has none.
    #[schema(value_type = Option<String>)]
    key: Option<Key>,
    /// Its key on the Camelot wheel, such as `11A`.
    camelot: Option<String>,
    /// Its length in seconds.
    duration: f64,
    /// Frames per second.
    sample_rate: u32,
    /// Channels.
    channels: u32,
    /// `original`, `separated` or `generated`.
    source: &'static str,
    /// Its kit.
    kit: Option<String>,
    /// Its licence, as an SPDX expression.
    licence: Option<String>,
    /// How good it is, 0 to 1.
    quality_score: f32,
    /// What somebody thinks of it: 1, 0 or -1.
    rating: i32,
    /// What is wrong with it.
    defects: Vec<&'static str>,
    /// Integrated loudness; null for silence.
    loudness_lufs: Option<f64>,
    /// True peak.
    true_peak_dbtp: f64,
    /// The space in which it can be searched.
    embedding_space: Option<&'static str>,
    /// The measures of the spiking-neuron model.
    neuromorphic: BTreeMap<String, f32>,
    /// Where it is from, and what made it.
    #[schema(value_type = Object)]
    provenance: Provenance,
    /// The hash of its audio.
    content_hash: String,
    /// When it came in.
    created_at: String,
    /// When it was last changed.
    updated_at: String,
}

impl Stem {
    pub(crate) fn new(engine: &Engine, entry: &Entry) -> Self {
        let (stem, facts) = (&entry.stem, &entry.stem.facts);
        let mut provenance = stem.provenance.clone();
        provenance.path = provenance.path.map(|path| engine.told(path.as_ref()));
        if let Some(parent) = &mut provenance.parent {
            parent.path = parent.path.take().map(|path| engine.told(path.as_ref()));
        }
        Self {
            id: stem.id.0,
            path: engine.library().blobs().path(&stem.hash).to_string_lossy().into_owned(),
            filename: stem.name.clone(),
            category: stem.category.name(),
            form: facts.form.name(),
            tags: stem.tags.clone(),
            bpm: facts.bpm.map(f64::from),
            bars: facts.bars,
            key: facts.key,
            camelot: facts.key.map(Key::camelot),
            duration: entry.frames.0 as f64 / f64::from(entry.sample_rate.0.max(1)),
            sample_rate: entry.sample_rate.0,
            channels: stem.channels,
            source: stem.source.name(),
            kit: stem.kit.clone(),
            licence: stem.licence.clone(),
            quality_score: facts.quality,
            rating: entry.rating,
            defects: facts.defects.iter().map(|defect| defect.name()).collect(),
            loudness_lufs: facts.loudness_lufs,
            true_peak_dbtp: facts.true_peak_dbtp,
            embedding_space: entry.spaces.first().map(|space| space.name()),
            neuromorphic: facts.neuromorphic.clone(),
            provenance,
            content_hash: stem.hash.clone(),
            created_at: Clock::text(entry.created_at),
            updated_at: Clock::text(entry.updated_at),
        }
    }
}

/// Counts of the library.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Statistics {
    /// All stems.
    total_stems: u64,
    /// Their length together.
    total_duration_s: f64,
    /// By where they are from.
    by_source: Vec<OfSource>,
    /// By category.
    by_category: Vec<OfCategory>,
    /// By form.
    by_form: Vec<OfForm>,
    /// By kit.
    by_kit: Vec<OfKit>,
}

/// Stems of a source.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OfSource {
    source: &'static str,
    count: u64,
}

/// Stems of a category.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OfCategory {
    category: &'static str,
    count: u64,
}

/// Stems of a form.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OfForm {
    form: &'static str,
    count: u64,
}

/// Stems of a kit.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OfKit {
    kit: String,
    count: u64,
}

impl From<&dream_engine::Statistics> for Statistics {
    fn from(of: &dream_engine::Statistics) -> Self {
        let source = |(source, count): &(dream_core::Source, u64)| OfSource {
            source: source.name(),
            count: *count,
        };
        let category = |(category, count): &(dream_core::Category, u64)| OfCategory {
            category: category.name(),
            count: *count,
        };
        let form =
            |(form, count): &(dream_core::Form, u64)| OfForm { form: form.name(), count: *count };
        let kit = |(kit, count): &(String, u64)| OfKit { kit: kit.clone(), count: *count };
        Self {
            total_stems: of.total,
            total_duration_s: of.seconds,
            by_source: of.by_source.iter().map(source).collect(),
            by_category: of.by_category.iter().map(category).collect(),
            by_form: of.by_form.iter().map(form).collect(),
            by_kit: of.by_kit.iter().map(kit).collect(),
        }
    }
}
