//! `dream separate`.

use std::cell::RefCell;
use std::path::Path;
use std::time::Instant;

use anyhow::Context;
use dream_core::{Progress, StemId};
use dream_engine::{
    Engine, Event, JobSpec, Outcome, Recorded, SeparateReport, SeparateSpec, StemFormat,
    TrackOutcome,
};

use crate::args::{Container, Ingest, Separate};
use crate::report::{Report, escaped};

pub(crate) fn separate(
    engine: &Engine,
    args: &Separate,
    progress: &Progress,
    report: &Report,
) -> anyhow::Result<bool> {
    run(engine, spec(args)?, progress, report)
}

/// `dream ingest --separate`: the same into the library, from the folder that ingest takes by default.
pub(crate) fn ingest(
    engine: &Engine,
    args: &Ingest,
    progress: &Progress,
    report: &Report,
) -> anyhow::Result<bool> {
    let mut tracks: Vec<Recorded> =
        args.paths.iter().map(|path| Recorded::Path(absolute(path))).collect();
    if tracks.is_empty() {
        tracks.push(Recorded::Path(engine.home().raw_kits()));
    }
    let spec = SeparateSpec { tracks, model: args.model.clone(), ..SeparateSpec::default() };
    run(engine, spec, progress, report)
}

fn run(
    engine: &Engine,
    spec: SeparateSpec,
    progress: &Progress,
    report: &Report,
) -> anyhow::Result<bool> {
    let started = Instant::now();
    let counts = RefCell::new(SeparateReport::default());
    let result = engine.run_watched(&JobSpec::Separate(Box::new(spec)), progress, &|event| {
        let Event::Track(track) = event else { return };
        counts.borrow_mut().count(track);
        print_track(track, report);
    });
    report.finish();
    let (totals, error) = match result {
        Ok(Outcome::Separate(totals)) => (totals, None),
        Ok(_) => unreachable!("a job ends with the outcome of its kind"),
        Err(error) => (counts.into_inner(), Some(error)),
    };
    let elapsed_s = started.elapsed().as_secs_f64();
    report.totals(&totals, elapsed_s, error.as_ref())?;
    if let Some(error) = error {
        return Err(error.into());
    }
    for warning in &totals.warnings {
        report.complain(&format!("warning: {warning}"));
    }
    if totals.tracks == 0 {
        let place = engine.home().recordings().display().to_string();
        report.line(&format!("nothing to separate: drop tracks into {}", escaped(&place)));
    } else {
        report.line(&format!(
            "{} tracks in {elapsed_s:.1} s by {}: {} stems, {} silent, {} tracks done before, {} failed",
            totals.tracks, totals.model, totals.stems, totals.silent, totals.skipped, totals.failed
        ));
    }
    Ok(totals.failed == 0)
}

fn spec(args: &Separate) -> anyhow::Result<SeparateSpec> {
    Ok(SeparateSpec {
        tracks: args.tracks.iter().map(|text| recorded(text)).collect::<Result<_, _>>()?,
        model: args.model.clone(),
        allow_fallback: args.allow_fallback,
        out: args.out.as_deref().map(absolute),
        format: match args.format {
            Container::Wav => StemFormat::Wav,
            Container::Flac => StemFormat::Flac,
        },
        bits: args.bits.map(Into::into),
        no_library: args.no_library,
        shifts: args.shifts,
        overlap: args.overlap,
        two_stems: args.two_stems.clone(),
        stems: args.stems.clone(),
        cut_drums: args.cut_drums,
    })
}

/// A file that is there goes before a number in the library.
fn recorded(text: &str) -> anyhow::Result<Recorded> {
    let number = |name: &str| text.strip_prefix(name).filter(|_| !Path::new(text).exists());
    Ok(if let Some(id) = number("stem:") {
        Recorded::Stem(StemId(id.parse().with_context(|| format!("the number in {text:?}"))?))
    } else if let Some(id) = number("track:") {
        Recorded::Take(id.parse().with_context(|| format!("the number in {text:?}"))?)
    } else {
        Recorded::Path(absolute(Path::new(text)))
    })
}

fn print_track(track: &TrackOutcome, report: &Report) {
    if report.is_json() {
        // Strings and numbers only: none of these can fail.
        for stem in &track.stems {
            let _ = report.document(stem);
        }
        if track.stems.is_empty() {
            let _ = report.document(track);
        }
        return;
    }
    let name = escaped(&track.track);
    if let Some(error) = &track.error {
        report.complain(&format!("{name}: {}", escaped(error)));
        return;
    }
    if track.skipped {
        report.line(&format!("done before  {name}"));
        return;
    }
    report.line(&format!("separated    {name}"));
    for stem in &track.stems {
        let ids: Vec<String> = stem.stem_ids.iter().map(|id| id.0.to_string()).collect();
        let place = match (&stem.path, ids.is_empty()) {
            _ if stem.silent => "silent, left out".to_owned(),
            (Some(path), _) => escaped(path),
            (None, false) => format!("stem {}", ids.join(", ")),
            (None, true) => "nothing to keep".to_owned(),
        };
        let share = 100.0 * stem.energy_share;
        report.line(&format!("  {:<9} {share:>5.1} %  {place}", stem.stem));
        if !stem.cut_ids.is_empty() {
            let ids: Vec<String> = stem.cut_ids.iter().map(|id| id.0.to_string()).collect();
            report.line(&format!("             loops and hits: stems {}", ids.join(", ")));
        }
        for warning in stem.warnings.iter().filter(|_| !stem.silent) {
            report.line(&format!("             {}", escaped(warning)));
        }
    }
}

/// The path from the root of the file system: the same words from elsewhere are other work.
fn absolute(path: &Path) -> std::path::PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
