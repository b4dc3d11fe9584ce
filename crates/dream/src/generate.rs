//! `dream generate`.

use std::cell::Cell;
use std::time::Instant;

use dream_core::{Bpm, Progress, Seed, StemId, note_name};
use dream_engine::{
    Engine, Event, GenerateReport, GenerateSpec, GeneratedStem, JobSpec, Mode, Outcome,
};
use serde_json::json;

use crate::args::{self, Generate, Novelty};
use crate::report::{Report, escaped};

pub(crate) fn generate(
    engine: &Engine,
    args: &Generate,
    progress: &Progress,
    report: &Report,
) -> anyhow::Result<bool> {
    let started = Instant::now();
    let made = Cell::new(0_u32);
    let job = JobSpec::Generate(Box::new(spec(args)));
    let outcome = engine.run_watched(&job, progress, &|event| {
        let Event::Generated(stem) = event else { return };
        made.set(made.get() + 1);
        print_stem(stem, report);
    });
    report.finish();
    let elapsed_s = started.elapsed().as_secs_f64();
    let made_report = match outcome {
        Ok(Outcome::Generate(made)) => made,
        Ok(_) => unreachable!("a job ends with the outcome of its kind"),
        Err(error) => {
            report.totals(&json!({"made": made.get()}), elapsed_s, Some(&error))?;
            return Err(error.into());
        }
    };
    report.totals(&made_report, elapsed_s, None)?;
    print_report(&made_report, elapsed_s, report);
    Ok(made_report.made == made_report.asked)
}

fn spec(args: &Generate) -> GenerateSpec {
    let mode = match args.mode {
        Some(args::Mode::Interpolated) => Mode::Interpolated,
        Some(args::Mode::Hybrid) => Mode::Hybrid,
        None if args.like.is_some() => Mode::Like,
        None if args.with.is_some() => Mode::Hybrid,
        None if !args.parents.is_empty() => Mode::Interpolated,
        Some(args::Mode::Random) | None => Mode::Random,
    };
    GenerateSpec {
        category: args.category,
        form: args.form,
        count: args.count,
        mode,
        with: args.with,
        factor: args.factor,
        parents: args.parents.iter().chain(&args.like).copied().map(StemId).collect(),
        temperature: args.temperature,
        seed: args.seed.map(Seed),
        key: args.key,
        bpm: args.bpm,
        novelty_max: args.novelty == Novelty::Max,
    }
}

fn print_stem(stem: &GeneratedStem, report: &Report) {
    if report.is_json() {
        // Names and finite numbers only: it cannot fail.
        let _ = report.document(stem);
        return;
    }
    let parents: Vec<String> = stem
        .parents
        .iter()
        .map(|parent| format!("{} ({:.0} %)", parent.stem.0, 100.0 * parent.weight))
        .collect();
    let beat = stem.beat.map(|beat| {
        let key = beat.key.map(|key| format!("{key}, ")).unwrap_or_default();
        format!("{} bars at {} bpm, {key}", beat.bars, bpm(beat.bpm))
    });
    report.line(&format!(
        "stem {:<5} {:.2} s, {}{}novelty {:.2}, {} {:.0} %, from {}",
        stem.id.0,
        stem.duration_s,
        stem.root.map(|root| format!("{}, ", note_name(root))).unwrap_or_default(),
        beat.unwrap_or_default(),
        stem.novelty,
        stem.category,
        100.0 * stem.probability,
        parents.join(" and ")
    ));
    report.line(&format!("  {}", escaped(&stem.path)));
}

/// A tempo with two decimals where it is no whole one.
fn bpm(bpm: Bpm) -> String {
    let bpm = bpm.get();
    if (bpm - bpm.round()).abs() < 0.005 { format!("{bpm:.0}") } else { format!("{bpm:.2}") }
}

fn print_report(made: &GenerateReport, elapsed_s: f64, report: &Report) {
    let reasons: Vec<String> =
        made.refused.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    let refused = match reasons.as_slice() {
        [] => "none refused".to_owned(),
        reasons => format!("refused: {}", reasons.join(", ")),
    };
    report.line(&format!(
        "{} of {} stems in {elapsed_s:.1} s, seed {}, {refused}",
        made.made, made.asked, made.seed.0
    ));
    for warning in &made.warnings {
        report.complain(&format!("warning: {warning}"));
    }
    if made.made < made.asked {
        report.complain(&format!("{} stems were refused eight times", made.asked - made.made));
    }
}
