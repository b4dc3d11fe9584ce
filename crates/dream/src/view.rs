//! What is printed as JSON: the documents promised to other people's scripts.

use std::collections::BTreeMap;

use dream_core::{Key, Provenance, SampleRate, note_hz, note_name};
use dream_engine::{Clock, Engine, Entry, Job, Statistics};
use serde::Serialize;
use serde_json::{Value, json};

/// A stem.
#[derive(Debug, Serialize)]
pub(crate) struct Stem<'a> {
    id: i64,
    path: String,
    filename: &'a str,
    category: &'static str,
    form: &'static str,
    tags: &'a [String],
    bpm: Option<f64>,
    bars: Option<u32>,
    key: Option<Key>,
    root: Option<f64>,
    root_note: Option<String>,
    f0_hz: Option<f64>,
    duration: f64,
    sample_rate: u32,
    channels: u32,
    source: &'static str,
    kit: Option<&'a str>,
    licence: Option<&'a str>,
    quality_score: f32,
    rating: i32,
    defects: Vec<&'static str>,
    loudness_lufs: Option<f64>,
    true_peak_dbtp: f64,
    embedding_space: Option<&'static str>,
    neuromorphic: &'a BTreeMap<String, f32>,
    provenance: &'a Provenance,
    content_hash: &'a str,
    created_at: String,
    updated_at: String,
}

impl<'a> Stem<'a> {
    pub(crate) fn new(engine: &Engine, entry: &'a Entry) -> Self {
        let stem = &entry.stem;
        let facts = &stem.facts;
        Self {
            id: stem.id.0,
            path: engine.library().blobs().path(&stem.hash).to_string_lossy().into_owned(),
            filename: &stem.name,
            category: stem.category.name(),
            form: facts.form.name(),
            tags: &stem.tags,
            bpm: facts.bpm.map(f64::from),
            bars: facts.bars,
            key: facts.key,
            root: facts.root,
            root_note: facts.root.map(note_name),
            f0_hz: facts.root.map(note_hz),
            duration: seconds(entry),
            sample_rate: entry.sample_rate.0,
            channels: stem.channels,
            source: stem.source.name(),
            kit: stem.kit.as_deref(),
            licence: stem.licence.as_deref(),
            quality_score: facts.quality,
            rating: entry.rating,
            defects: facts.defects.iter().map(|defect| defect.name()).collect(),
            loudness_lufs: facts.loudness_lufs,
            true_peak_dbtp: facts.true_peak_dbtp,
            embedding_space: entry.spaces.first().map(|space| space.name()),
            neuromorphic: &facts.neuromorphic,
            provenance: &stem.provenance,
            content_hash: &stem.hash,
            created_at: Clock::text(entry.created_at),
            updated_at: Clock::text(entry.updated_at),
        }
    }
}

/// The length of a stem in seconds.
pub(crate) fn seconds(entry: &Entry) -> f64 {
    entry.frames.seconds(SampleRate(entry.sample_rate.0.max(1)))
}

/// A stem with all its facts.
pub(crate) fn whole_stem(engine: &Engine, entry: &Entry) -> Value {
    let mut value = json!(Stem::new(engine, entry));
    value["facts"] = json!(entry.stem.facts);
    value
}

/// The counts of a library.
pub(crate) fn statistics(statistics: &Statistics) -> Value {
    let by_source: Vec<Value> = statistics
        .by_source
        .iter()
        .map(|(source, count)| json!({"source": source, "count": count}))
        .collect();
    let by_category: Vec<Value> = statistics
        .by_category
        .iter()
        .map(|(category, count)| json!({"category": category, "count": count}))
        .collect();
    let by_form: Vec<Value> = statistics
        .by_form
        .iter()
        .map(|(form, count)| json!({"form": form, "count": count}))
        .collect();
    let by_kit: Vec<Value> =
        statistics.by_kit.iter().map(|(kit, count)| json!({"kit": kit, "count": count})).collect();
    json!({
        "total_stems": statistics.total,
        "total_duration_s": statistics.seconds,
        "by_source": by_source,
        "by_category": by_category,
        "by_form": by_form,
        "by_kit": by_kit,
    })
}

/// A job.
pub(crate) fn job(job: &Job) -> Value {
    json!({
        "id": job.id.0,
        "kind": job.kind,
        "status": job.status.name(),
        "progress": job.progress,
        "step": job.doing.as_ref().or(job.step.as_ref()),
        "eta_s": job.eta_s,
        "background": job.background,
        "priority": job.priority,
        "stopping": job.stop && !job.status.is_ended(),
        "attempts": job.attempts,
        "spec": job.spec,
        "result": job.result,
        "error": job.failure.as_ref().map(|f| json!({"code": f.code, "message": f.error})),
        "created_at": Clock::text(job.created_at),
        "started_at": job.started_at.map(Clock::text),
        "finished_at": job.finished_at.map(Clock::text),
    })
}
