//! What a model of loops learns from: the bars of the loops of a category, each as an envelope.

use std::collections::BTreeMap;

use dream_audio::decode::decode_file;
use dream_core::Form;
use dream_neural::vae::{Bars, Example, Grid, Layout, bar_name};
use rayon::prelude::*;

use super::TrainSpec;
use super::corpus::{CHUNK, Corpus, chosen, digest_of};
use crate::Error;
use crate::runner::Work;
use crate::whole::Whole;

/// Listens to the loops.
pub(super) fn gather(work: &Work<'_>, spec: &TrainSpec) -> Result<Corpus, Error> {
    let engine = work.engine;
    let (entries, mut warnings) = chosen(engine, spec, Form::Loop)?;
    let before = entries.len();
    let loops: Vec<_> = entries
        .into_iter()
        .filter_map(|entry| Whole::of(&entry).map(|whole| (entry, whole)))
        .collect();
    if loops.len() < before {
        let without = before - loops.len();
        warnings.push(format!("{without} loops whose tempo is not that of their length left out"));
    }
    let least = spec.min_stems.max(2) as usize;
    if loops.len() < least {
        return Err(Error::TooFewLoops { category: spec.category, got: loops.len(), need: least });
    }
    let grid = Grid::new(Layout::Bar);
    let mut heard = Vec::with_capacity(loops.len());
    for chunk in loops.chunks(CHUNK) {
        work.progress.step(heard.len() as u64, loops.len() as u64, "listening")?;
        let some: Vec<Option<Bars>> = chunk
            .par_iter()
            .map(|(entry, whole)| {
                let path = engine.library().blobs().path(&entry.stem.hash);
                let decoded = decode_file(&path, &engine.config().limits)
                    .map_err(|source| Error::Decode { path, source })?;
                Ok(Bars::new(&grid, whole.cut(&decoded.clip), whole.bars as usize).ok())
            })
            .collect::<Result<_, Error>>()?;
        heard.extend(some);
    }
    let (mut examples, mut licences) = (Vec::new(), BTreeMap::new());
    for ((entry, _), bars) in loops.iter().zip(heard) {
        let Some(bars) = bars else {
            warnings.push(format!("stem {} cannot be listened to", entry.stem.id.0));
            continue;
        };
        *licences.entry(entry.stem.licence.clone().unwrap_or_default()).or_insert(0) += 1;
        examples.extend(bars.envelopes().iter().enumerate().map(|(bar, envelope)| Example {
            name: bar_name(&entry.stem.hash, bar),
            envelope: envelope.clone(),
        }));
    }
    let digest = digest_of(&examples);
    Ok(Corpus { layout: Layout::Bar, examples, digest, licences, warnings, reference: None })
}
