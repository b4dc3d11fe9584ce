//! `dream models`.

use std::path::Path;

use dream_core::Progress;
use dream_engine::{AddSpec, Engine, FetchSpec, JobSpec, Model, Outcome};
use serde_json::json;

use crate::args::Models;
use crate::report::{Report, escaped};

pub(crate) fn models(
    engine: &Engine,
    args: &Models,
    progress: &Progress,
    report: &Report,
) -> anyhow::Result<bool> {
    match args {
        Models::List => list(&engine.models()?, report)?,
        Models::Fetch { name, from } => {
            let from = from.as_deref().map(absolute);
            let spec = FetchSpec { name: name.clone(), from };
            install(engine, &JobSpec::FetchModel(spec), progress, report)?;
        }
        Models::Add { name, file } => {
            let spec = AddSpec { name: name.clone(), path: absolute(file) };
            install(engine, &JobSpec::AddModel(spec), progress, report)?;
        }
        Models::Verify => return verify(engine, progress, report),
        Models::Rm { name } => {
            engine.remove_model(name)?;
            if report.is_json() {
                report.document(&json!({"removed": name}))?;
            }
            report.line(&format!("removed {}", escaped(name)));
        }
    }
    Ok(true)
}

fn list(models: &[Model], report: &Report) -> anyhow::Result<()> {
    if report.is_json() {
        return report.document(&models);
    }
    let rows: Vec<Vec<String>> = models
        .iter()
        .map(|model| {
            vec![
                model.name.clone(),
                if model.installed { "yes" } else { "no" }.to_owned(),
                model.quality_tier.to_owned(),
                format!("{:.0}", model.size_bytes as f64 / 1e6),
                model.licence.clone().unwrap_or_else(|| "-".to_owned()),
                model.what.clone(),
            ]
        })
        .collect();
    report.table(&["name", "installed", "quality", "MB", "licence", "what"], &rows);
    Ok(())
}

fn install(
    engine: &Engine,
    spec: &JobSpec,
    progress: &Progress,
    report: &Report,
) -> anyhow::Result<()> {
    let outcome = engine.run(spec, progress);
    report.finish();
    let Outcome::Model(model) = outcome? else {
        unreachable!("a job ends with the outcome of its kind")
    };
    if report.is_json() {
        report.document(&model)?;
    }
    if model.installed {
        report.line(&format!("installed {}", escaped(&model.name)));
    } else {
        report.line(&format!("{} is not complete yet: more of its files are needed", model.name));
    }
    for file in &model.files {
        report.line(&format!("  {}", escaped(file)));
    }
    Ok(())
}

fn verify(engine: &Engine, progress: &Progress, report: &Report) -> anyhow::Result<bool> {
    let seen = engine.verify_models(progress)?;
    report.finish();
    if report.is_json() {
        report.document(&seen)?;
    } else if seen.is_empty() {
        report.line("no weights installed");
    } else {
        let rows: Vec<Vec<String>> = seen
            .iter()
            .map(|file| {
                let state = file.fault.clone().unwrap_or_else(|| "ok".to_owned());
                vec![file.name.clone(), state, file.path.clone()]
            })
            .collect();
        report.table(&["name", "state", "file"], &rows);
    }
    Ok(seen.iter().all(|file| file.fault.is_none()))
}

/// The path from the root of the file system: the same words from elsewhere are other work.
fn absolute(path: &Path) -> std::path::PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
