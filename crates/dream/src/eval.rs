//! `dream eval`.

use dream_core::{Progress, Seed};
use dream_engine::{Engine, EvalSpec};

use crate::args::Eval;
use crate::report::Report;

pub(crate) fn eval(
    engine: &Engine,
    args: &Eval,
    progress: &Progress,
    report: &Report,
) -> anyhow::Result<bool> {
    let spec = EvalSpec {
        category: args.category,
        form: args.form,
        count: args.count,
        seed: Seed(args.seed),
    };
    let found = engine.evaluate(&spec, progress)?;
    report.finish();
    if report.is_json() {
        report.document(&found)?;
        return Ok(true);
    }
    let (rebuilt, distances, way) = (found.rebuilt, found.distances, found.interpolation);
    report.answer(&format!(
        "{}: {} stems learned from, {} held out, {} sounds drawn",
        found.category, found.learned, found.held_out, found.drawn
    ));
    let of = if found.rebuilt_held_out { "held-out" } else { "learned" };
    let number = |x: f64| if x.is_finite() { format!("{x:.2}") } else { "-".to_owned() };
    let row =
        |what: &str, value: f64, real: f64| vec![what.to_owned(), number(value), number(real)];
    let none = f64::NAN;
    let mut rows = vec![
        row(&format!("log-mel distance of {of} stems, dB"), rebuilt.log_mel_db, none),
        row("spectral convergence, dB", rebuilt.convergence_db, none),
        row("envelope SNR, dB", rebuilt.envelope_snr_db, none),
        row("attack difference, ms", rebuilt.attack_ms, none),
        row("FAD_32", distances.fad, distances.fad_floor),
        row("KAD x 1000", distances.kad, distances.kad_floor),
        row("density", distances.density, none),
        row("coverage", distances.coverage, none),
        row("novelty", distances.novelty, distances.novelty_held_out),
        row("share of copies", distances.copies, none),
        row("diversity", distances.diversity, none),
        row("probability of the category", found.probability[0], found.probability[1]),
        row("interpolation: share of steps onward", way.monotone, none),
        row("interpolation: way over straight line", way.path_over_direct, none),
        row("interpolation: largest step over mean", way.largest_step, none),
        row("ms per sound, one thread", found.ms_per_sound, none),
        row("model, MB", found.megabytes, none),
    ];
    if let Some(rhythm) = found.rhythm {
        rows.extend([
            row("vector strength on the sixteenths", rhythm.vector_strength, rhythm.of_parents),
            row("largest seam over usual step", rhythm.largest_seam, none),
            row("share of the exact length", rhythm.exact, none),
        ]);
    }
    report.table(&["measure", "model", "real"], &rows);
    Ok(true)
}
