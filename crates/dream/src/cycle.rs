//! `dream cycle`.

use std::cell::Cell;
use std::time::Instant;

use dream_core::{Form, Progress, Seed};
use dream_engine::{CycleRound, CycleSpec, Engine, Event, Fallen, JobSpec, Outcome};
use serde_json::json;

use crate::args::Cycle;
use crate::compose::starter;
use crate::report::Report;
use crate::train::WORTH_IT;

pub(crate) fn cycle(
    engine: &Engine,
    args: &Cycle,
    progress: &Progress,
    report: &Report,
) -> anyhow::Result<bool> {
    starter(engine, progress, report)?;
    let started = Instant::now();
    let (categories, form) = if args.category.is_empty() {
        let form = args.form.unwrap_or(Form::OneShot);
        (engine.worth_training(form, WORTH_IT)?, Some(form))
    } else {
        (args.category.clone(), args.form)
    };
    let spec = CycleSpec {
        categories,
        rounds: args.rounds,
        keep: args.keep,
        form,
        epochs: args.epochs,
        temperature: args.temperature,
        seed: args.seed.map(Seed),
        guard: !args.no_guard,
        fully_synthetic: args.fully_synthetic,
    };
    let rounds = Cell::new(0_u32);
    let outcome = engine.run_watched(&JobSpec::Cycle(spec), progress, &|event| {
        let Event::Round(round) = event else { return };
        rounds.set(rounds.get() + 1);
        print_round(round, report);
    });
    report.finish();
    let elapsed_s = started.elapsed().as_secs_f64();
    let done = match outcome {
        Ok(Outcome::Cycle(done)) => done,
        Ok(_) => unreachable!("a job ends with the outcome of its kind"),
        Err(error) => {
            report.totals(&json!({"rounds": rounds.get()}), elapsed_s, Some(&error))?;
            return Err(error.into());
        }
    };
    report.totals(&done, elapsed_s, None)?;
    report.line(&format!(
        "{} rounds in {elapsed_s:.1} s, {} stems kept, seed {}",
        done.rounds, done.kept, done.seed.0
    ));
    for (category, fallen) in &done.fallen {
        let why = match fallen {
            Fallen::Narrow => "what was kept became less diverse",
            Fallen::Away => "dreams went away from the stems that are not dreamed",
        };
        report.complain(&format!("{category}: stopped, since {why}"));
    }
    Ok(true)
}

fn print_round(round: &CycleRound, report: &Report) {
    if report.is_json() {
        // Names and finite numbers only: it cannot fail.
        let _ = report.document(round);
        return;
    }
    report.line(&format!(
        "{} round {}: {:.0} % of the drafts passed, {} stems kept, diversity {:.2} dB, {:.2} dB away from what was not dreamed, quality {:.2}, novelty {:.2}",
        round.category,
        round.round,
        100.0 * round.acceptance,
        round.kept.len(),
        round.diversity,
        round.away,
        round.quality,
        round.novelty
    ));
}
