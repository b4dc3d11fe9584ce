//! The commands that make tracks.

use std::io::Read;
use std::path::PathBuf;

use anyhow::{Context, bail};
use dream_core::{ArrangementPlan, Progress, Seed};
use dream_engine::{
    ComposeSpec, Composed, Engine, Explained, JobSpec, MixReport, Outcome, Output, RenderSpec,
    Selection,
};
use serde_json::{Value, json};

use crate::args::{Choice, Compose, Render};
use crate::report::{Report, escaped, table};

/// Largest plan that is read, in bytes.
const MAX_PLAN: u64 = 64 << 20;

pub(crate) fn compose(
    engine: &Engine,
    args: &Compose,
    progress: &Progress,
    report: &Report,
) -> anyhow::Result<bool> {
    let spec = ComposeSpec {
        prompt: args.prompt.clone(),
        bpm: args.bpm,
        key: args.key,
        minutes: args.minutes,
        loudness_lufs: args.loudness,
        seed: args.choice.seed.map(Seed),
        selection: selection(&args.choice),
        output: output(&args.choice)?,
    };
    if args.plan_only {
        let plan = engine.plan(&spec)?;
        if args.choice.explain {
            starter(engine, progress, report)?;
            return explain_plan(engine, &plan, &spec.selection, report);
        }
        report.verbatim(&serde_json::to_string_pretty(&plan)?);
        return Ok(true);
    }
    starter(engine, progress, report)?;
    let job = JobSpec::Compose(Box::new(spec));
    take(engine, &job, &args.choice, progress, report)
}

pub(crate) fn render(
    engine: &Engine,
    args: &Render,
    progress: &Progress,
    report: &Report,
) -> anyhow::Result<bool> {
    let name = args.plan.display();
    let mut document: Value =
        serde_json::from_str(&read(args)?).with_context(|| format!("read {name}"))?;
    // The JSON beside a track holds the plan with its casting; a bare plan stands for itself.
    let casting = document.get_mut("casting").map(Value::take);
    let plan = match document.get_mut("arrangement_plan") {
        Some(plan) => plan.take(),
        None => document,
    };
    let plan: ArrangementPlan =
        serde_json::from_value(plan).with_context(|| format!("read the plan in {name}"))?;
    let casting = casting.map(serde_json::from_value).transpose();
    let spec = RenderSpec {
        plan,
        casting: casting.with_context(|| format!("read the casting in {name}"))?,
        seed: args.choice.seed.map(Seed),
        reroll: args.reroll,
        selection: selection(&args.choice),
        output: output(&args.choice)?,
    };
    starter(engine, progress, report)?;
    take(engine, &JobSpec::Render(Box::new(spec)), &args.choice, progress, report)
}

fn read(args: &Render) -> anyhow::Result<String> {
    let name = args.plan.display();
    let mut text = String::new();
    if args.plan.as_os_str() == "-" {
        std::io::stdin().take(MAX_PLAN + 1).read_to_string(&mut text)
    } else {
        let file = std::fs::File::open(&args.plan).with_context(|| format!("open {name}"))?;
        file.take(MAX_PLAN + 1).read_to_string(&mut text)
    }
    .with_context(|| format!("read {name}"))?;
    if text.len() as u64 > MAX_PLAN {
        bail!("{name} is larger than {} MiB", MAX_PLAN >> 20);
    }
    Ok(text)
}

fn selection(choice: &Choice) -> Selection {
    Selection { sources: choice.sources.clone(), min_quality: choice.min_quality }
}

/// Files are meant from where the command was typed.
fn output(choice: &Choice) -> anyhow::Result<Output> {
    let absolute = |path: &Option<PathBuf>, option: &'static str| {
        path.as_ref().map(std::path::absolute).transpose().context(option)
    };
    Ok(Output {
        path: absolute(&choice.out, "--out")?,
        bits: choice.bits.into(),
        stems: absolute(&choice.stems, "--stems")?,
        midi: absolute(&choice.midi, "--midi")?,
        preview_s: choice.preview,
    })
}

pub(crate) fn starter(engine: &Engine, progress: &Progress, report: &Report) -> anyhow::Result<()> {
    if let Some(made) = engine.ensure_starter(progress)? {
        report.finish();
        report.line(&format!(
            "the library was empty: filled it with the starter kit, {} stems (CC0)",
            made.added + made.known
        ));
    }
    Ok(())
}

fn take(
    engine: &Engine,
    job: &JobSpec,
    choice: &Choice,
    progress: &Progress,
    report: &Report,
) -> anyhow::Result<bool> {
    let result = engine.run(job, progress);
    report.finish();
    let Outcome::Take(composed) = result? else {
        bail!("the job ended with the outcome of another");
    };
    if !choice.explain {
        if report.is_json() {
            report.document(&composed)?;
        } else {
            print(&composed, report);
        }
        return Ok(true);
    }
    let plan = &composed.arrangement_plan;
    let cast = engine.cast(plan, &composed.casting, &selection(choice))?;
    if report.is_json() {
        let mut document = serde_json::to_value(&composed)?;
        document["explanation"] = serde_json::to_value(&cast.explanation)?;
        report.document(&document)?;
    } else {
        print(&composed, report);
        explanation(&cast.explanation, report);
    }
    Ok(true)
}

/// Casts a plan and prints that, without rendering it.
fn explain_plan(
    engine: &Engine,
    plan: &ArrangementPlan,
    selection: &Selection,
    report: &Report,
) -> anyhow::Result<bool> {
    let cast = engine.cast(plan, &[], selection)?;
    if report.is_json() {
        report.document(&json!({
            "arrangement_plan": plan,
            "casting": cast.casting.parts,
            "explanation": cast.explanation,
            "warnings": cast.casting.warnings,
        }))?;
    } else {
        for warning in &cast.casting.warnings {
            report.complain(warning);
        }
        explanation(&cast.explanation, report);
    }
    Ok(true)
}

/// The stems of every part and the best losers, one a row, with the terms of their scores, the largest first.
fn explanation(parts: &[Explained], report: &Report) {
    let mut rows = Vec::new();
    for explained in parts {
        let chosen = explained.chosen.iter().map(|rated| (true, rated));
        for (chosen, rated) in chosen.chain(explained.losers.iter().map(|rated| (false, rated))) {
            let mut terms: Vec<(&String, &f64)> = rated.why.iter().collect();
            terms.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
            let terms: Vec<String> =
                terms.iter().map(|(term, value)| format!("{term} {value:+.2}")).collect();
            rows.push(vec![
                if chosen { explained.part.role.to_string() } else { String::new() },
                if chosen { "*" } else { "" }.to_owned(),
                rated.name.clone(),
                format!("{:.2}", rated.score),
                terms.join(" "),
            ]);
        }
        if explained.chosen.is_empty() {
            let role = explained.part.role.to_string();
            rows.push(vec![role, String::new(), "none".to_owned(), String::new(), String::new()]);
        }
    }
    report.table(&["part", "", "stem", "score", "terms"], &rows);
}

fn print(composed: &Composed, report: &Report) {
    let (track, plan) = (&composed.track, &composed.arrangement_plan);
    for warning in &composed.warnings {
        report.complain(warning);
    }
    report.answer(&escaped(&track.path));
    let key = track.key.map_or("no key".to_owned(), |key| key.to_string());
    let seconds = track.duration_s.round() as u64;
    let loudness = track.lufs_i.map_or("silent".to_owned(), |lufs| format!("{lufs:.1} LUFS"));
    report.line(&format!(
        "  {}, {} bpm, {key}, {}:{:02}, {loudness}, true peak {:.1} dBTP",
        plan.genre,
        track.bpm.get(),
        seconds / 60,
        seconds % 60,
        track.true_peak_dbtp
    ));
    let sections: Vec<String> = plan
        .structure
        .iter()
        .map(|section| format!("{} {}", section.section, section.bars))
        .collect();
    report.line(&format!("  {} bars: {}", plan.total_bars, escaped(&sections.join(", "))));
    report.line(&format!(
        "  {} stems, seed {}, made in {:.1} s",
        track.stems_used, track.seed.0, composed.timing_s.total
    ));
    if let Some(mix) = composed.mix.as_ref().filter(|_| report.is_verbose()) {
        report.line(&mix_report(mix));
    }
}

/// The mix in numbers: layers, buses, sections, master.
fn mix_report(mix: &MixReport) -> String {
    let db = |value: Option<f64>| value.map_or("-".to_owned(), |db| format!("{db:.1}"));
    let layers = mix.layers.iter().map(|layer| {
        let gain = db(layer.level_db);
        let peak = db(Some(layer.peak_dbfs));
        let name = layer.name.clone();
        let (role, bus) = (layer.part.role.to_string(), layer.bus.name().to_owned());
        vec![role, name, bus, gain, peak, db(layer.to_kick_lu), layer.events.to_string()]
    });
    let header = ["layer", "stem", "bus", "gain dB", "peak dBFS", "LU to kick", "events"];
    let layers = table(&header, &layers.collect::<Vec<_>>());
    let buses = mix
        .buses
        .iter()
        .map(|bus| vec![bus.name.clone(), db(Some(bus.peak_dbfs)), db(Some(bus.bent_db))]);
    let buses = table(&["bus", "peak dBFS", "bent dB"], &buses.collect::<Vec<_>>());
    let sections = mix.sections.iter().map(|section| {
        let energy = format!("{:.2}", section.energy);
        vec![section.section.clone(), energy, db(section.lufs), db(Some(section.trim_db))]
    });
    let header = ["section", "energy", "LUFS", "trim dB"];
    let sections = table(&header, &sections.collect::<Vec<_>>());
    let master = &mix.master;
    format!(
        "\n{layers}\n{buses}\n{sections}\nmaster: range {:.1} LU, side {:.1} dB, below 120 Hz {:.1} dB; glue {:.1} dB, \
         clipper {:.1} dB (0.1 %: {:.1}), limiter {:.1} dB (0.1 %: {:.1})",
        master.range_lu,
        master.side_db,
        master.low_side_db,
        master.glue_db,
        master.clipper_db,
        master.clipper_thousandth_db,
        master.limiter_db,
        master.limiter_thousandth_db
    )
}
