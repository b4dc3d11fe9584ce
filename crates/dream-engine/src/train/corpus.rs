//! What a model learns from: the one-shots of a category, each as an envelope.

use std::collections::{BTreeMap, BTreeSet};

use dream_audio::decode::decode_file;
use dream_core::{Form, Source};
use dream_library::{Entry, Filter, digest};
use dream_neural::vae::{Example, Grid, Layout, Sound};
use rayon::prelude::*;

use super::{TrainSpec, tuning};
use crate::runner::Work;
use crate::{Engine, Error};

/// The largest share of generated stems: a model that feeds on itself narrows.
const GENERATED: f64 = 0.2;
/// What rough separation leaves is not worth learning.
const ROUGH: &str = "dsp";
/// Stems decoded at once, between two questions whether to go on.
pub(super) const CHUNK: usize = 32;

/// Envelopes and where they come from.
pub(super) struct Corpus {
    pub(super) layout: Layout,
    pub(super) examples: Vec<Example>,
    pub(super) digest: String,
    pub(super) licences: BTreeMap<String, u32>,
    pub(super) warnings: Vec<String>,
    /// The note that the stems were brought to.
    pub(super) reference: Option<f64>,
}

impl Corpus {
    /// How many stems the examples are of.
    pub(super) fn stems(&self) -> usize {
        let names = self.examples.iter().map(|example| self.layout.stem(&example.name));
        names.collect::<BTreeSet<_>>().len()
    }

    pub(super) fn gather(work: &Work<'_>, spec: &TrainSpec) -> Result<Self, Error> {
        let engine = work.engine;
        let (mut entries, mut warnings) = chosen(engine, spec, Form::OneShot)?;
        let reference = if spec.category.is_tonal() { tuning::reference(&entries) } else { None };
        if let Some(note) = reference {
            let before = entries.len();
            entries.retain(|entry| tuning::reaches(entry, note));
            if entries.len() < before {
                let without = before - entries.len();
                warnings.push(format!(
                    "{without} stems without a pitch, or far from the others, left out"
                ));
            }
        }
        let least = spec.min_stems.max(2) as usize;
        if entries.len() < least {
            return Err(Error::TooFewStems {
                category: spec.category,
                got: entries.len(),
                need: least,
            });
        }
        let decoded = |entry: &Entry| {
            let path = engine.library().blobs().path(&entry.stem.hash);
            decode_file(&path, &engine.config().limits)
                .map(|decoded| match reference.zip(entry.stem.facts.root) {
                    Some((note, root)) => tuning::moved(&decoded.clip, root, note),
                    None => decoded.clip,
                })
                .map_err(|source| Error::Decode { path, source })
        };
        let seconds: Vec<f64> = entries
            .iter()
            .map(|entry| {
                let higher = reference.zip(entry.stem.facts.root);
                let speed = higher.map_or(1.0, |(note, root)| ((note - root) / 12.0).exp2());
                entry.frames.seconds(entry.sample_rate) / speed
            })
            .collect();
        let layout = Layout::for_one_shots(&seconds, reference);
        let grid = Grid::new(layout);
        let mut envelopes = Vec::with_capacity(entries.len());
        for chunk in entries.chunks(CHUNK) {
            work.progress.step(envelopes.len() as u64, entries.len() as u64, "listening")?;
            let heard: Vec<Option<Vec<f32>>> = chunk
                .par_iter()
                .map(|entry| {
                    let sound = Sound::new(&grid, decoded(entry)?).ok();
                    Ok(sound.map(|sound| sound.envelope().to_vec()))
                })
                .collect::<Result<_, Error>>()?;
            envelopes.extend(heard);
        }
        let mut examples = Vec::with_capacity(entries.len());
        let mut licences = BTreeMap::new();
        for (entry, envelope) in entries.iter().zip(envelopes) {
            let Some(envelope) = envelope else {
                warnings.push(format!("stem {} cannot be listened to", entry.stem.id.0));
                continue;
            };
            *licences.entry(entry.stem.licence.clone().unwrap_or_default()).or_insert(0) += 1;
            examples.push(Example { name: entry.stem.hash.clone(), envelope });
        }
        let digest = digest_of(&examples);
        Ok(Self { layout, examples, digest, licences, warnings, reference })
    }
}

/// What is known by the names of all examples, in any order.
pub(super) fn digest_of(examples: &[Example]) -> String {
    let mut names: Vec<&str> = examples.iter().map(|example| example.name.as_str()).collect();
    names.sort_unstable();
    digest(names.join("\n").as_bytes())
}

/// The stems to learn from, in the order of their numbers, and what was left out.
pub(super) fn chosen(
    engine: &Engine,
    spec: &TrainSpec,
    form: Form,
) -> Result<(Vec<Entry>, Vec<String>), Error> {
    let all = Filter { categories: vec![spec.category], form: Some(form), ..Filter::default() };
    if !spec.stems.is_empty() {
        let mut entries = engine.library().stems(&all)?;
        entries.retain(|entry| spec.stems.contains(&entry.stem.id));
        return Ok((entries, Vec::new()));
    }
    let filter = Filter {
        sources: spec.sources.clone(),
        min_quality: Some(spec.min_quality),
        min_rating: Some(0),
        ..all
    };
    let mut entries = engine.library().stems(&filter)?;
    let mut warnings = Vec::new();
    let mut leave = |what: &str, before: usize, after: usize| {
        if after < before {
            warnings.push(format!("{} {what} left out", before - after));
        }
    };
    entries.retain(|entry| {
        let kit = entry.stem.kit.as_ref();
        spec.kits.is_empty() || kit.is_some_and(|kit| spec.kits.contains(kit))
    });
    let before = entries.len();
    entries.retain(|entry| {
        let separator = entry.stem.provenance.separator.as_ref();
        separator.is_none_or(|separator| separator.quality_tier != ROUGH)
    });
    leave("roughly separated stems", before, entries.len());
    let (mut generated, mut kept): (Vec<Entry>, Vec<Entry>) =
        entries.into_iter().partition(|entry| entry.stem.source == Source::Generated);
    let before = generated.len();
    if spec.include_generated {
        generated.sort_by(|a, b| b.stem.facts.quality.total_cmp(&a.stem.facts.quality));
        let room = kept.len() as f64 * GENERATED / (1.0 - GENERATED);
        generated.truncate(room as usize);
        leave("generated stems beyond a fifth", before, generated.len());
        kept.extend(generated);
        kept.sort_by_key(|entry| entry.stem.id);
    } else {
        leave("generated stems", before, 0);
    }
    Ok((kept, warnings))
}
