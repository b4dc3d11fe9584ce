//! `dream train`.

use std::time::Instant;

use dream_core::{Category, Form, Progress, Seed};
use dream_engine::{
    Engine, Error, Event, JobSpec, Method, Outcome, TrainEpoch, TrainReport, TrainSpec,
};
use serde_json::json;

use crate::args::Train;
use crate::compose::starter;
use crate::report::{Report, escaped};

/// Fewest one-shots of a category that `--all` learns, unless said otherwise.
pub(crate) const WORTH_IT: u32 = 10;
/// Fewest loops.
const LOOPS_WORTH_IT: u32 = 4;

pub(crate) fn train(
    engine: &Engine,
    args: &Train,
    progress: &Progress,
    report: &Report,
) -> anyhow::Result<bool> {
    starter(engine, progress, report)?;
    let started = Instant::now();
    let models = match args.category {
        Some(category) => vec![(category, args.form)],
        None => worth_training(engine, args)?,
    };
    let (mut trained, mut failed, mut error) = (Vec::new(), 0_u32, None);
    for (category, form) in models {
        match one(engine, spec(args, category, form), progress, report) {
            Ok(model) => trained.push(model),
            // The other categories can be learned for all that.
            Err(fault) if args.all && fault.kind() != dream_engine::Kind::Cancelled => {
                report.complain(&dream_core::chain(&fault));
                failed += 1;
            }
            Err(fault) => {
                error = Some(fault);
                break;
            }
        }
    }
    report.finish();
    let elapsed_s = started.elapsed().as_secs_f64();
    let counts = json!({"models": trained, "failed": failed});
    report.totals(&counts, elapsed_s, error.as_ref())?;
    if let Some(error) = error {
        return Err(error.into());
    }
    if args.all {
        report.line(&format!("{} models in {elapsed_s:.1} s, {failed} failed", trained.len()));
        if trained.is_empty() && failed == 0 {
            report.complain("no category has enough stems: see --min-stems");
        }
    }
    Ok(failed == 0 && !trained.is_empty())
}

/// The models that `--all` makes: of one-shots and of loops, unless one of them was asked for.
fn worth_training(engine: &Engine, args: &Train) -> Result<Vec<(Category, Option<Form>)>, Error> {
    let mut models = Vec::new();
    for (form, least) in [(Form::OneShot, WORTH_IT), (Form::Loop, LOOPS_WORTH_IT)] {
        if args.form.is_none_or(|wanted| wanted == form) {
            let categories = engine.worth_training(form, args.min_stems.unwrap_or(least))?;
            models.extend(categories.into_iter().map(|category| (category, Some(form))));
        }
    }
    Ok(models)
}

fn spec(args: &Train, category: Category, form: Option<Form>) -> TrainSpec {
    let least = match form {
        _ if !args.all => 2,
        Some(Form::Loop) => LOOPS_WORTH_IT,
        Some(Form::OneShot | Form::Free) | None => WORTH_IT,
    };
    TrainSpec {
        category,
        form,
        epochs: args.epochs,
        batch_size: args.batch_size,
        latent_dim: args.latent_dim,
        learning_rate: args.learning_rate,
        seed: args.seed.map(Seed),
        min_stems: args.min_stems.unwrap_or(least),
        min_quality: args.min_quality,
        kits: args.kit.clone(),
        sources: args.source.clone(),
        include_generated: args.include_generated,
        stems: Vec::new(),
    }
}

fn one(
    engine: &Engine,
    spec: TrainSpec,
    progress: &Progress,
    report: &Report,
) -> Result<TrainReport, Error> {
    let started = Instant::now();
    let outcome = engine.run_watched(&JobSpec::Train(spec), progress, &|event| {
        if let Event::Epoch(epoch) = event {
            print_epoch(epoch, report);
        }
    });
    report.finish();
    let Outcome::Train(model) = outcome? else {
        unreachable!("a job ends with the outcome of its kind")
    };
    let kind = match model.method {
        Method::Network => format!(
            "{} epochs, best {}, held out {:.2} dB, {:.1} nats, {} of {} units in use",
            model.epochs,
            model.best_epoch,
            model.held_out_db.unwrap_or(f64::NAN),
            model.nats,
            model.active_units,
            model.latent_dim
        ),
        Method::Gaussian => format!("a Gaussian of {} dimensions", model.latent_dim),
    };
    let what = match model.bars {
        Some(bars) => format!("{bars} bars of {} loops", model.stems),
        None => format!("{} stems", model.stems),
    };
    report.line(&format!(
        "{} learned from {what} in {:.1} s: {kind}",
        model.category,
        started.elapsed().as_secs_f64()
    ));
    report.line(&format!("  {}", escaped(&model.path.display().to_string())));
    for warning in &model.warnings {
        report.complain(&format!("warning: {warning}"));
    }
    Ok(*model)
}

fn print_epoch(epoch: &TrainEpoch, report: &Report) {
    if report.is_json() {
        // Names and finite numbers only: it cannot fail.
        let _ = report.document(epoch);
    } else if report.is_verbose() {
        let TrainEpoch { epoch, epochs, category, .. } = epoch;
        let best = if epoch.best { ", the best so far" } else { "" };
        report.line(&format!(
            "{category} epoch {} of {epochs}: loss {:.4}, {:.1} nats, held out {:.2} dB{best}",
            epoch.epoch, epoch.loss, epoch.nats, epoch.held_out_db
        ));
    }
}
