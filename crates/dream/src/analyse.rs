//! The facts of files, printed and drawn.

use dream_core::{Facts, Progress, chain, note_hz, note_name};
use dream_engine::{Analysis, Config, Listening, Plots};
use serde_json::json;

use crate::args::Analyse;
use crate::report::{Report, escaped};

pub(crate) fn analyse(
    config: &Config,
    args: &Analyse,
    progress: &Progress,
    report: &Report,
) -> anyhow::Result<bool> {
    let total = args.files.len() as u64;
    let mut plots = args.plot.as_deref().map(Plots::create).transpose()?;
    let mut failed = 0;
    for (index, file) in args.files.iter().enumerate() {
        progress.step(index as u64, total, "analyse").map_err(dream_engine::Error::from)?;
        let listening = Listening {
            limits: &config.limits,
            ignore_name: args.no_name_hints,
            plot: plots.as_mut().map(|plots| plots.place(file)),
        };
        match dream_engine::analyse(file, &listening) {
            Ok(analysis) if report.is_json() => report.document(&analysis)?,
            Ok(analysis) => print(&analysis, report),
            Err(error) => {
                failed += 1;
                if report.is_json() {
                    let path = file.to_string_lossy();
                    report.document(&json!({"path": path, "error": chain(&error)}))?;
                } else {
                    report.complain(&chain(&error));
                }
            }
        }
    }
    report.finish();
    if report.is_json() {
        report.document(&json!({"summary": true, "files": total, "failed": failed}))?;
    }
    Ok(failed == 0)
}

fn print(analysis: &Analysis, report: &Report) {
    report.answer(&escaped(&analysis.path));
    for (name, value) in rows(analysis) {
        report.answer(&format!("  {name:9} {}", escaped(&value)));
    }
}

/// What is said of a file; what is always known, and of the rest what there is.
fn rows(analysis: &Analysis) -> Vec<(&'static str, String)> {
    let facts = &analysis.facts;
    let format = format!(
        "{}, {} Hz, {} channels, {:.3} s",
        analysis.format, analysis.sample_rate, analysis.channels, facts.duration_s
    );
    let loudness =
        facts.loudness_lufs.map_or("silent".to_owned(), |lufs| format!("{lufs:.1} LUFS"));
    let rows = [
        ("format", Some(format)),
        ("category", Some(with(facts.category.name(), facts.category_confidence))),
        ("form", Some(with(&form(facts), facts.form_confidence))),
        ("tempo", Some(tempo(facts).unwrap_or_else(none))),
        ("loop", facts.loop_points_s.map(|(start, end)| format!("{start:.3} to {end:.3} s"))),
        ("key", Some(key(facts).unwrap_or_else(none))),
        ("tuning", facts.tuning_cents.map(|cents| format!("{cents:+.0} cents"))),
        ("root", root(facts)),
        ("voices", voices(facts)),
        ("loudness", Some(format!("{loudness}, true peak {:.1} dBTP", facts.true_peak_dbtp))),
        ("quality", Some(quality(facts))),
        ("defects", Some(list(facts.defects.iter().map(ToString::to_string)))),
        ("tags", Some(tags(facts))),
        ("plot", analysis.plot.clone()),
        ("warnings", Some(list(analysis.warnings.iter().cloned()))),
    ];
    rows.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

fn with(what: &str, confidence: f32) -> String {
    format!("{what} ({:.0} %)", 100.0 * confidence)
}

fn none() -> String {
    "none".to_owned()
}

fn form(facts: &Facts) -> String {
    match facts.bars {
        Some(1) => format!("{}, 1 bar", facts.form),
        Some(bars) => format!("{}, {bars} bars", facts.form),
        None => facts.form.to_string(),
    }
}

fn tempo(facts: &Facts) -> Option<String> {
    let varies = if facts.bpm_varies { ", varies" } else { "" };
    Some(with(&format!("{:.2} bpm{varies}", facts.bpm?.get()), facts.bpm_confidence))
}

fn key(facts: &Facts) -> Option<String> {
    let key = facts.key?;
    Some(with(&format!("{key}, {}", key.camelot()), facts.key_confidence))
}

fn root(facts: &Facts) -> Option<String> {
    let root = facts.root?;
    let note = format!("{}, {:.2} Hz", note_name(root), note_hz(root));
    Some(with(&note, facts.root_confidence))
}

fn voices(facts: &Facts) -> Option<String> {
    let voices = facts.drum_voices.iter().map(|(voice, confidence)| with(voice, *confidence));
    Some(list(voices)).filter(|_| !facts.drum_voices.is_empty())
}

/// The score, and the parts that lower it.
fn quality(facts: &Facts) -> String {
    let low = facts.quality_parts.iter().filter(|(_, part)| **part < 0.995);
    let parts: Vec<String> = low.map(|(name, part)| format!("{name} {part:.2}")).collect();
    let parts = if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) };
    format!("{:.2}{parts}", facts.quality)
}

/// The tags, with the percentile of those that rest on a measure.
fn tags(facts: &Facts) -> String {
    list(facts.tags.iter().map(|tag| match facts.tag_percentiles.get(tag) {
        Some(share) => format!("{tag} (p{:.0})", 100.0 * share),
        None => tag.clone(),
    }))
}

fn list(words: impl Iterator<Item = String>) -> String {
    let words: Vec<String> = words.collect();
    if words.is_empty() { none() } else { words.join(", ") }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use dream_core::{Bpm, Category, Form, Key};

    use super::*;

    fn analysis(facts: Facts) -> Analysis {
        Analysis {
            path: "a.wav".to_owned(),
            format: "WAV".to_owned(),
            sample_rate: 44_100,
            channels: 2,
            warnings: vec![],
            root_note: None,
            f0_hz: None,
            plot: None,
            facts,
        }
    }

    #[track_caller]
    fn check(facts: Facts, name: &str, expected: Option<&str>) {
        let rows = rows(&analysis(facts));
        let found = rows.iter().find(|row| row.0 == name).map(|row| row.1.as_str());
        assert_eq!(found, expected, "{rows:?}");
    }

    #[test]
    fn what_is_known_is_said_with_how_sure_it_is() {
        let facts = Facts {
            form: Form::Loop,
            form_confidence: 0.9,
            bars: Some(1),
            category: Category::Drums,
            category_confidence: 0.755,
            bpm: Some(Bpm::new(124.0).unwrap()),
            bpm_confidence: 0.97,
            bpm_varies: true,
            loop_points_s: Some((0.0, 1.93548)),
            key: Some(Key::parse("F# minor").unwrap()),
            key_confidence: 0.5,
            tuning_cents: Some(-12.4),
            root: Some(45.0),
            root_confidence: 1.0,
            drum_voices: BTreeMap::from([("kick".to_owned(), 0.95)]),
            quality: 0.8,
            quality_parts: BTreeMap::from([("clipping".to_owned(), 0.8), ("dc".to_owned(), 1.0)]),
            tags: vec!["dark".to_owned(), "mine".to_owned()],
            tag_percentiles: BTreeMap::from([("dark".to_owned(), 0.92)]),
            ..Facts::default()
        };
        for (name, expected) in [
            ("category", "drums (76 %)"),
            ("form", "loop, 1 bar (90 %)"),
            ("tempo", "124.00 bpm, varies (97 %)"),
            ("loop", "0.000 to 1.935 s"),
            ("key", "F# minor, 11A (50 %)"),
            ("tuning", "-12 cents"),
            ("root", "A2, 110.00 Hz (100 %)"),
            ("voices", "kick (95 %)"),
            ("quality", "0.80 (clipping 0.80)"),
            ("tags", "dark (p92), mine"),
        ] {
            check(facts.clone(), name, Some(expected));
        }
    }

    #[test]
    fn what_is_not_there_is_none_or_not_said() {
        for name in ["tempo", "key", "defects", "tags"] {
            check(Facts::default(), name, Some("none"));
        }
        for name in ["loop", "tuning", "root", "voices", "plot"] {
            check(Facts::default(), name, None);
        }
    }
}
