//! `dream search`.

use std::path::Path;

use dream_core::StemId;
use dream_engine::{Engine, Filter};
use serde_json::json;

use crate::args::Search;
use crate::report::Report;
use crate::view;

pub(crate) fn search(engine: &Engine, args: &Search, report: &Report) -> anyhow::Result<bool> {
    let filter = Filter {
        categories: args.category.clone(),
        sources: args.source.clone(),
        bpm: args.bpm.map(|range| range.min..=range.max),
        ..Filter::default()
    };
    let most = args.limit as usize;
    let hits = match (&args.text, &args.like) {
        (_, Some(like)) => match like.parse() {
            Ok(id) => engine.similar(StemId(id), &filter, most)?,
            Err(_) => engine.similar_to_file(Path::new(like), &filter, most)?,
        },
        (text, None) => engine.search(text.as_deref().unwrap_or_default(), &filter, most)?,
    };
    if report.is_json() {
        let found: Vec<_> = hits
            .iter()
            .map(|hit| {
                json!({
                    "stem": view::Stem::new(engine, &hit.entry),
                    "similarity_score": hit.score,
                    "why": hit.why,
                })
            })
            .collect();
        report.document(&found)?;
        return Ok(true);
    }
    let rows: Vec<Vec<String>> = hits
        .iter()
        .map(|hit| {
            let stem = &hit.entry.stem;
            vec![
                stem.id.0.to_string(),
                format!("{:.2}", hit.score),
                stem.category.to_string(),
                stem.name.clone(),
                hit.why.join("; "),
            ]
        })
        .collect();
    report.table(&["id", "score", "category", "name", "why"], &rows);
    Ok(true)
}
