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
        with: args.with,
        plot: args.plot.clone(),
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
        row("interpolation: share of steps onward", way.onward, none),
        row("interpolation: share of pairs all onward", way.monotone, none),
        row("interpolation: way over straight line", way.path_over_direct, none),
        row("interpolation: largest step over mean", way.largest_step, none),
        row("interpolation: ends against their stems, dB", way.end_snr_db.unwrap_or(none), none),
        row("ms per sound, one thread", found.ms_per_sound, none),
        row("model, MB", found.megabytes, none),
    ];
    if let Some(units) = found.distances_by_category_units {
        rows.extend([
            row("FAD_32 by the category network", units.fad, units.fad_floor),
            row("KAD x 1000 by the category network", units.kad, units.kad_floor),
            row("density by the category network", units.density, none),
            row("coverage by the category network", units.coverage, none),
            row("novelty by the category network", units.novelty, units.novelty_held_out),
        ]);
    }
    if let Some([attack, real]) = found.attack {
        rows.extend([
            row("crest of the attack, dB", attack.crest_db, real.crest_db),
            row("echo before the attack, dB", attack.pre_echo_db, real.pre_echo_db),
            row(
                "correlation of the channels' lows",
                attack.low_correlation.unwrap_or(none),
                real.low_correlation.unwrap_or(none),
            ),
        ]);
    }
    if let Some(rhythm) = found.rhythm {
        rows.extend([
            row("vector strength on the sixteenths", rhythm.vector_strength, rhythm.of_parents),
            row("largest seam over usual step", rhythm.largest_seam, none),
            row("share of the exact length", rhythm.exact, none),
        ]);
    }
    report.table(&["measure", "model", "real"], &rows);
    if let Some(crossing) = &found.crossing {
        let rows = crossing.probabilities.iter().zip(&crossing.log_odds).enumerate();
        let rows: Vec<Vec<String>> = rows
            .map(|(step, ([own, other], odds))| {
                vec![
                    format!("{:.1}", step as f64 / 10.0),
                    number(*own),
                    number(*other),
                    number(*odds),
                ]
            })
            .collect();
        let (own, other) = (found.category.name(), crossing.with.name());
        report.table(&["factor", own, other, "log odds"], &rows);
    }
    for picture in &found.pictures {
        report.answer(&picture.display().to_string());
    }
    Ok(true)
}
