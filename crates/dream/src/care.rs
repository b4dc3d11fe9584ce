//! Taking care of the library: `dream fsck`, `backup`, `restore`.

use std::path::Path;
use std::time::Instant;

use dream_core::Progress;
use dream_engine::{Clock, Engine, FaultKind, Finding, FsckReport};
use serde_json::json;

use crate::args::{Backup, Fsck, Restore};
use crate::report::{Report, escaped};

/// Whether the library is clean.
pub(crate) fn fsck(
    engine: &Engine,
    args: &Fsck,
    progress: &Progress,
    report: &Report,
) -> anyhow::Result<bool> {
    let started = Instant::now();
    let mut counts = FsckReport::default();
    let result = engine.fsck(args.repair, progress, &mut |finding| {
        counts.findings += 1;
        counts.repaired += u64::from(finding.repair.is_some());
        print(finding, report);
    });
    report.finish();
    let error = result.as_ref().err();
    let totals = result.as_ref().unwrap_or(&counts);
    let elapsed_s = started.elapsed().as_secs_f64();
    report.totals(totals, elapsed_s, error)?;
    let totals = result?;
    report.line(&format!(
        "{} stems and {} tracks, {:.1} MiB in {elapsed_s:.1} s: {}",
        totals.stems,
        totals.tracks,
        totals.bytes as f64 / f64::from(1 << 20),
        match (totals.findings, totals.repaired) {
            (0, _) => "clean".to_owned(),
            (found, 0) => format!("{found} findings"),
            (found, repaired) => format!("{found} findings, {repaired} repaired"),
        }
    ));
    if totals.young > 0 {
        let text = "files that may belong to work under way were left alone";
        report.line(&format!("{} {text}", totals.young));
    }
    if totals.findings > totals.repaired && !args.repair {
        report.line("`dream fsck --repair` sets right what can be");
    }
    Ok(totals.findings == 0)
}

fn print(finding: &Finding, report: &Report) {
    if report.is_json() {
        // Strings and numbers only: this cannot fail.
        let _ = report.document(finding);
        return;
    }
    let (subject, message) = (escaped(&finding.subject), escaped(&finding.message));
    report.answer(&format!("{:15}  {subject}: {message}", name(finding.kind)));
    if let Some(repair) = &finding.repair {
        report.answer(&format!("{:15}  {}", "", escaped(repair)));
    }
}

fn name(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::Database => "database",
        FaultKind::DanglingRows => "dangling rows",
        FaultKind::BrokenRow => "broken row",
        FaultKind::DanglingParent => "dangling parent",
        FaultKind::MissingBlob => "missing audio",
        FaultKind::RottenBlob => "rotten audio",
        FaultKind::UnreadableBlob => "unreadable",
        FaultKind::OrphanBlob => "orphan",
        FaultKind::Leftover => "leftover",
        FaultKind::BrokenTake => "broken track",
        FaultKind::MissingTake => "missing track",
        FaultKind::ChangedTake => "changed track",
    }
}

pub(crate) fn backup(
    engine: &Engine,
    args: &Backup,
    progress: &Progress,
    report: &Report,
) -> anyhow::Result<bool> {
    let done = engine.backup(&args.file, args.force, progress);
    report.finish();
    let done = done?;
    let path = args.file.to_string_lossy();
    if report.is_json() {
        let mut value = serde_json::to_value(&done)?;
        value["path"] = json!(path);
        report.document(&value)?;
    }
    report.line(&format!(
        "{}: {} stems, {} tracks, {:.1} MiB in {} files",
        escaped(&path),
        done.stems,
        done.tracks,
        done.bytes as f64 / f64::from(1 << 20),
        done.files
    ));
    Ok(true)
}

pub(crate) fn restore(
    home: &Path,
    args: &Restore,
    progress: &Progress,
    report: &Report,
) -> anyhow::Result<bool> {
    let done = dream_engine::restore(home, &args.file, (args.force, Clock::System), progress);
    report.finish();
    let done = done?;
    if report.is_json() {
        let mut value = serde_json::to_value(&done)?;
        value["home"] = json!(home.to_string_lossy());
        value["made_at"] = json!(Clock::text(done.made_at));
        report.document(&value)?;
    }
    report.line(&format!(
        "{}: {} stems, {} tracks, as of {}",
        escaped(&home.to_string_lossy()),
        done.stems,
        done.tracks,
        Clock::text(done.made_at)
    ));
    for folder in &done.cut_off {
        report.line(&format!(
            "an earlier restore was cut off; its folder {} was removed",
            escaped(folder)
        ));
    }
    if let Some(moved) = &done.moved_to {
        let place = escaped(&moved.to_string_lossy());
        report.line(&format!(
            "what was there before lies in {place}; remove it when it is not needed"
        ));
    }
    Ok(true)
}
