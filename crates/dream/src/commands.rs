//! The commands: each turns its arguments into a call of the engine and its answer into a report.

use std::cell::RefCell;
use std::path::Path;
use std::time::Instant;

use anyhow::bail;
use dream_core::{Bpm, Progress, StemId};
use dream_engine::{
    Change, Engine, Entry, Event, FileOutcome, Filter, IngestReport, IngestSpec, IngestStatus,
    JobSpec, Outcome, Pace,
};
use serde_json::json;

use crate::args::{Ingest, List, Set, Stems};
use crate::report::{Report, escaped};
use crate::view;

pub(crate) fn ingest(
    engine: &Engine,
    args: &Ingest,
    progress: &Progress,
    report: &Report,
) -> anyhow::Result<bool> {
    let spec = IngestSpec {
        paths: args.paths.iter().map(|path| absolute(path)).collect(),
        category: args.category,
        kit: args.kit.clone(),
        licence: args.licence.clone(),
        ignore_names: args.no_name_hints,
        confined: false,
    };
    let started = Instant::now();
    let counts = RefCell::new(IngestReport::default());
    let unusable = RefCell::new(false);
    let tell = |event: Event<'_>| match event {
        Event::File(file) => {
            counts.borrow_mut().count(file);
            *unusable.borrow_mut() |= file.direct && file.status == IngestStatus::Quarantined;
            print_file(file, report);
        }
        Event::Track(_) | Event::Epoch(_) | Event::Generated(_) | Event::Round(_) => {
            unreachable!("an ingest separates, learns and dreams nothing")
        }
    };
    let result = if args.watch {
        report.line("watching; Ctrl-C ends it");
        engine.watch_folders(&spec, Pace::default(), progress, &tell).map(Outcome::Ingest)
    } else {
        engine.run_watched(&JobSpec::Ingest(spec), progress, &tell)
    };
    report.finish();
    let (totals, error) = match result {
        Ok(Outcome::Ingest(totals)) => (totals, None),
        Ok(_) => {
            unreachable!("a job ends with the outcome of its kind")
        }
        Err(error) => (counts.into_inner(), Some(error)),
    };
    let elapsed_s = started.elapsed().as_secs_f64();
    report.totals(&totals, elapsed_s, error.as_ref())?;
    if let Some(error) = error {
        return Err(error.into());
    }
    summarise(engine, args, &totals, elapsed_s, report);
    Ok(args.watch || !unusable.into_inner())
}

fn print_file(file: &FileOutcome, report: &Report) {
    if report.is_json() {
        // Strings and numbers only: this cannot fail.
        let _ = report.document(file);
        return;
    }
    let path = escaped(&file.path);
    match file.status {
        IngestStatus::Added => {
            let facts = [
                file.category.map(|category| category.to_string()),
                file.form.map(|form| form.to_string()),
                file.bpm.map(|bpm| format!("{:.1} bpm", bpm.get())),
                file.key.map(|key| key.to_string()),
            ];
            let facts: Vec<String> = facts.into_iter().flatten().collect();
            report.line(&format!("added        {path}  ({})", facts.join(", ")));
            for warning in &file.warnings {
                report.line(&format!("             {}", escaped(warning)));
            }
        }
        IngestStatus::Duplicate => report.line(&format!("duplicate    {path}")),
        IngestStatus::Quarantined => {
            let message = file.message.as_deref().unwrap_or_default();
            report.line(&format!("quarantined  {path}: {}", escaped(message)));
        }
        IngestStatus::Skipped if report.is_verbose() => {
            report.line(&format!("skipped      {path}"));
        }
        IngestStatus::Ignored => {
            let message = file.message.as_deref().unwrap_or_default();
            report.line(&format!("ignored      {path}: {}", escaped(message)));
        }
        IngestStatus::Skipped => {}
    }
}

fn summarise(
    engine: &Engine,
    args: &Ingest,
    totals: &IngestReport,
    elapsed_s: f64,
    report: &Report,
) {
    if totals.files == 0 {
        let place = match args.paths.as_slice() {
            [] => format!("drop kits into {}", engine.home().raw_kits().display()),
            _ => "no audio files there".to_owned(),
        };
        report.line(&format!("nothing to ingest: {}", escaped(&place)));
        return;
    }
    if totals.added + totals.duplicate + totals.quarantined == 0 {
        report.line(&format!("nothing new: {} files unchanged", totals.skipped));
        return;
    }
    report.line(&format!(
        "{} files in {elapsed_s:.1} s: {} added, {} duplicate, {} unchanged, {} quarantined",
        totals.files, totals.added, totals.duplicate, totals.skipped, totals.quarantined
    ));
    if totals.near_duplicate > 0 {
        report.line(&format!(
            "{} of those added are near duplicates: see `dream stems duplicates`",
            totals.near_duplicate
        ));
    }
    if totals.quarantined > 0 {
        let place = engine.home().quarantine().display().to_string();
        report.line(&format!("what could not be used, and why: {}", escaped(&place)));
    }
}

/// The path from the root of the file system, links kept; the same words from elsewhere are other work.
pub(crate) fn absolute(path: &Path) -> std::path::PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

pub(crate) fn stems(
    engine: &Engine,
    args: &Stems,
    progress: &Progress,
    report: &Report,
) -> anyhow::Result<bool> {
    let library = engine.library();
    match args {
        Stems::List(list) => {
            let entries = library.stems(&filter(list))?;
            if report.is_json() {
                let views: Vec<_> =
                    entries.iter().map(|entry| view::Stem::new(engine, entry)).collect();
                report.document(&views)?;
            } else {
                print_stems(&entries, report);
            }
        }
        Stems::Show { id } => show(engine, &library.stem(StemId(*id))?, report)?,
        Stems::Duplicates => duplicates(engine, progress, report)?,
        Stems::Set(set) => {
            let entry = engine.change(StemId(set.id), change(set)?)?;
            show(engine, &entry, report)?;
        }
        Stems::Rate { id, rating } => {
            let change = Change { rating: Some(*rating), ..Change::default() };
            let entry = engine.change(StemId(*id), change)?;
            if report.is_json() {
                report.document(&view::Stem::new(engine, &entry))?;
            }
            report.line(&format!("rated {id} {rating:+}  {}", escaped(&entry.stem.name)));
        }
        Stems::Rm { ids } => {
            let mut removed = Vec::new();
            for id in ids {
                let entry = library.remove(StemId(*id))?;
                report.line(&format!("removed {id}  {}", escaped(&entry.stem.name)));
                removed.push(*id);
            }
            if report.is_json() {
                report.document(&json!({"removed": removed}))?;
            }
        }
        Stems::Export { id, file, force } => {
            if file.exists() && !force {
                bail!("{} exists; --force replaces it", file.display());
            }
            engine.export(StemId(*id), file)?;
            if report.is_json() {
                report.document(&json!({"id": id, "path": file.to_string_lossy()}))?;
            }
            report.line(&escaped(&file.to_string_lossy()));
        }
    }
    Ok(true)
}

fn duplicates(engine: &Engine, progress: &Progress, report: &Report) -> anyhow::Result<()> {
    let groups = engine.duplicates(progress)?;
    report.finish();
    let (mut rows, mut documents) = (Vec::new(), Vec::new());
    for (number, group) in groups.iter().enumerate() {
        let mut stems = Vec::new();
        for near in group {
            let entry = engine.library().stem(near.id)?;
            rows.push(vec![
                (number + 1).to_string(),
                near.id.0.to_string(),
                format!("{:.2}", near.similarity),
                entry.stem.category.to_string(),
                format!("{:.2}", view::seconds(&entry)),
                format!("{:.2}", entry.stem.facts.quality),
                entry.stem.name.clone(),
            ]);
            stems.push(json!({
                "id": near.id,
                "similarity": near.similarity,
                "category": entry.stem.category,
                "duration": view::seconds(&entry),
                "quality_score": entry.stem.facts.quality,
                "filename": entry.stem.name,
            }));
        }
        documents.push(json!({"stems": stems}));
    }
    if report.is_json() {
        report.document(&documents)?;
    } else if groups.is_empty() {
        report.line("no near duplicates");
    } else {
        let header = ["group", "id", "similarity", "category", "seconds", "quality", "name"];
        report.table(&header, &rows);
    }
    Ok(())
}

fn filter(list: &List) -> Filter {
    Filter {
        categories: list.category.clone(),
        sources: list.source.clone(),
        bpm: list.bpm.map(|range| range.min..=range.max),
        key: list.key,
        tag: list.tag.clone(),
        form: list.form,
        kit: list.kit.clone(),
        min_quality: list.min_quality,
        min_rating: None,
        after: None,
        limit: list.limit,
        offset: list.offset,
        sort: list.sort,
    }
}

fn change(set: &Set) -> anyhow::Result<Change> {
    let change = Change {
        name: set.name.clone(),
        category: set.category,
        form: set.form,
        kit: set.kit.clone().map(Some),
        licence: set.licence.clone().map(Some),
        bpm: set.bpm.map(|bpm| bpm.0),
        key: set.key.map(|key| key.0),
        add_tags: set.tag.clone(),
        remove_tags: set.untag.clone(),
        rating: None,
        embedding: None,
    };
    if change == Change::default() {
        bail!("nothing to change: see `dream stems set --help`");
    }
    Ok(change)
}

fn show(engine: &Engine, entry: &Entry, report: &Report) -> anyhow::Result<()> {
    let mut value = view::whole_stem(engine, entry);
    value["near_duplicates"] = json!(engine.near_duplicates(entry.stem.id)?);
    if report.is_json() {
        report.document(&value)?;
    } else {
        report.answer(&escaped_lines(&serde_json::to_string_pretty(&value)?));
    }
    Ok(())
}

fn escaped_lines(text: &str) -> String {
    text.lines().map(escaped).collect::<Vec<_>>().join("\n")
}

fn print_stems(entries: &[Entry], report: &Report) {
    let rows: Vec<Vec<String>> = entries
        .iter()
        .map(|entry| {
            let (stem, facts) = (&entry.stem, &entry.stem.facts);
            vec![
                stem.id.0.to_string(),
                stem.category.to_string(),
                facts.form.to_string(),
                facts.bpm.map_or("-".to_owned(), |bpm: Bpm| format!("{:.1}", bpm.get())),
                facts.key.map_or("-".to_owned(), |key| key.to_string()),
                format!("{:.2}", view::seconds(entry)),
                format!("{:.2}", facts.quality),
                stem.source.to_string(),
                stem.kit.clone().unwrap_or_else(|| "-".to_owned()),
                stem.name.clone(),
            ]
        })
        .collect();
    let header =
        ["id", "category", "form", "bpm", "key", "seconds", "quality", "source", "kit", "name"];
    report.table(&header, &rows);
}

pub(crate) fn stats(engine: &Engine, report: &Report) -> anyhow::Result<bool> {
    let statistics = engine.library().statistics()?;
    if report.is_json() {
        report.document(&view::statistics(&statistics))?;
        return Ok(true);
    }
    report.answer(&format!("{} stems, {:.1} minutes", statistics.total, statistics.seconds / 60.0));
    let named = |name: &dyn ToString, count: &u64| vec![name.to_string(), count.to_string()];
    let rows = |rows: Vec<Vec<String>>, what: &str| {
        if !rows.is_empty() {
            report.answer("");
            report.table(&[what, "stems"], &rows);
        }
    };
    rows(statistics.by_source.iter().map(|(name, n)| named(name, n)).collect(), "source");
    rows(statistics.by_category.iter().map(|(name, n)| named(name, n)).collect(), "category");
    rows(statistics.by_form.iter().map(|(name, n)| named(name, n)).collect(), "form");
    rows(statistics.by_kit.iter().map(|(name, n)| named(name, n)).collect(), "kit");
    Ok(true)
}

pub(crate) fn doctor(engine: &Engine, report: &Report) -> anyhow::Result<bool> {
    let diagnosis = engine.diagnose()?;
    if report.is_json() {
        report.document(&diagnosis)?;
    } else {
        let checks: Vec<Vec<String>> = diagnosis
            .checks
            .iter()
            .map(|check| [check.name, check.status, &check.message].map(str::to_owned).to_vec())
            .collect();
        let settings: Vec<Vec<String>> = diagnosis
            .config
            .iter()
            .map(|setting| {
                [setting.key, &setting.value, &setting.origin].map(str::to_owned).to_vec()
            })
            .collect();
        report.answer(&format!(
            "dream {} on {} cores, SQLite {}: {}",
            diagnosis.version, diagnosis.cores, diagnosis.sqlite, diagnosis.status
        ));
        report.answer(&format!("home {}", escaped(&diagnosis.home)));
        report.answer("");
        report.table(&["check", "status", "what"], &checks);
        report.answer("");
        report.table(&["setting", "value", "from"], &settings);
    }
    Ok(diagnosis.status != "broken")
}
