//! What does not change the sound changes no fact beyond the tolerances that `analyse` states.

use std::collections::BTreeSet;

use dream_audio::resample::resample;
use dream_audio::synth::kit::recipes;
use dream_core::{Form, Frames, SampleRate, Seed};
use serde_json::Value;

use crate::descriptors::embed;
use crate::*;

/// A field, and by how much its numbers may differ: absolutely, and as a share of the value. Words are the same.
const TOLERANCES: &[(&str, f64, f64)] = &[
    ("duration_s", 0.001, 0.0),
    ("form_confidence", 0.05, 0.0),
    ("category_confidence", 0.1, 0.0),
    ("bpm", 0.0, 0.0005),
    ("bpm_confidence", 0.05, 0.0),
    ("beats_s", EDGE_S, 0.0),
    ("downbeats_s", EDGE_S, 0.0),
    ("bars", 0.0, 0.0),
    ("loop_points_s", 0.001, 0.0),
    ("key_confidence", 0.05, 0.0),
    ("tuning_cents", 2.0, 0.0),
    ("root", 0.05, 0.0),
    ("root_confidence", 0.05, 0.0),
    ("drum_voices", 0.1, 0.0),
    ("loudness_lufs", 0.1, 0.0),
    ("loudness_lufs quiet", 0.5, 0.0),
    ("loudness_lufs quiet one_shot", 3.0, 0.0),
    ("true_peak_dbtp", 0.2, 0.0),
    ("quality", 0.05, 0.0),
    ("quality_parts", 0.05, 0.0),
    ("profile", 0.05, 0.0),
    ("profile rhythm swing", 1.0, 0.0),
    ("profile rhythm late_ms", 3.0, 0.0),
    ("profile rhythm tight", 0.1, 0.0),
    ("neuromorphic", 0.02, 0.05),
    ("neuromorphic isi_cv", 0.1, 0.0),
    ("neuromorphic onset_rate", 0.2, 0.0),
    ("neuromorphic pulse_clarity", 0.1, 0.0),
    ("neuromorphic vs_beat", 0.1, 0.0),
    ("neuromorphic vs_16th", 0.1, 0.0),
];

/// Below this level a part may cross a gate of BS.1770.
const QUIET_LUFS: f64 = -20.0;

/// Beats this close to an end of the clip may come and go.
const EDGE_S: f64 = 0.005;

/// The largest change of an attribute, in standard deviations of its category.
const ATTRIBUTES: f32 = 0.1;

/// Below this confidence two categories may be nearly as probable.
const UNSURE: f32 = 0.5;

/// Fields compared in another way: the candidates by their best (`bpm`, `key`), the attributes in standard deviations, the
/// tags as sets.
const APART: &[&str] =
    &["bpm_candidates", "key_candidates", "attributes", "tags", "tag_percentiles"];

/// A change that leaves the sound what it is, and the level it adds in dB.
struct Change {
    name: &'static str,
    gain_db: f64,
    apply: fn(&Clip) -> Clip,
}

const CHANGES: [Change; 8] = [
    Change { name: "12 dB more", gain_db: 12.0, apply: |clip| scaled(clip, 10.0_f32.powf(0.6)) },
    Change { name: "12 dB less", gain_db: -12.0, apply: |clip| scaled(clip, 10.0_f32.powf(-0.6)) },
    Change { name: "the other polarity", gain_db: 0.0, apply: |clip| scaled(clip, -1.0) },
    Change { name: "swapped channels", gain_db: 0.0, apply: swapped },
    Change { name: "a file of 48 kHz", gain_db: 0.0, apply: |clip| through(clip, 48_000) },
    Change { name: "a file of 96 kHz", gain_db: 0.0, apply: |clip| through(clip, 96_000) },
    Change { name: "3 samples later", gain_db: 0.0, apply: |clip| moved(clip, 3) },
    Change { name: "3 samples earlier", gain_db: 0.0, apply: |clip| moved(clip, -3) },
];

fn scaled(clip: &Clip, gain: f32) -> Clip {
    let mut clip = clip.clone();
    clip.samples_mut().iter_mut().for_each(|sample| *sample *= gain);
    clip
}

fn swapped(clip: &Clip) -> Clip {
    let [left, right] = clip.stereo();
    if clip.channels() == 1 { clip.clone() } else { Clip::new(clip.rate(), &[right, left]) }
}

fn through(clip: &Clip, hz: u32) -> Clip {
    resample(&resample(clip, SampleRate(hz)), SampleRate::LIBRARY)
}

fn moved(clip: &Clip, frames: i64) -> Clip {
    if frames < 0 {
        return clip.slice(Frames(frames.unsigned_abs()), clip.frames());
    }
    let pad = vec![0.0; frames as usize];
    let channels: Vec<Vec<f32>> = clip.iter_channels().map(|c| [&pad[..], c].concat()).collect();
    Clip::new(clip.rate(), &channels.iter().map(|c| &c[..]).collect::<Vec<_>>())
}

/// A sound of the starter kit with that in its name, with room for 12 dB more.
fn sound(name: &str, form: Form) -> Clip {
    let recipe = recipes().into_iter().find(|r| r.form == form && r.name.contains(name));
    let clip = recipe.unwrap_or_else(|| panic!("no {form} {name}")).render(Seed(1));
    scaled(&clip, 0.2 / clip.peak())
}

/// How two sets of facts differ beyond the tolerances.
fn differences(before: &Facts, after: &Facts, gain_db: f64) -> Vec<String> {
    let mut after = after.clone();
    after.loudness_lufs = after.loudness_lufs.map(|lufs| lufs - gain_db);
    after.true_peak_dbtp -= gain_db;
    // Of two categories that are nearly as probable, either may be told: all else is compared as if it were the same.
    let unsure = before.category != after.category
        && before.category_confidence.max(after.category_confidence) < UNSURE;
    if unsure {
        after.category = before.category;
    }
    let mut found = Vec::new();
    let [old, new] = [before, &after].map(|facts| {
        let mut inner = facts.clone();
        let inside = |time: &f64| (EDGE_S..facts.duration_s - EDGE_S).contains(time);
        inner.beats_s.retain(inside);
        inner.downbeats_s.retain(inside);
        serde_json::to_value(inner).unwrap()
    });
    let (old, new) = (old.as_object().unwrap(), new.as_object().unwrap());
    for (field, value) in old.iter().filter(|(field, _)| !APART.contains(&field.as_str())) {
        let quiet = before.loudness_lufs.is_some_and(|lufs| lufs < QUIET_LUFS);
        let path = match (field.as_str(), before.form) {
            ("loudness_lufs", Form::OneShot) if quiet => "loudness_lufs quiet one_shot",
            ("loudness_lufs", _) if quiet => "loudness_lufs quiet",
            _ => field,
        };
        compare(path, value, &new[field], &mut found);
    }
    for (index, (a, b)) in embed(before).values.iter().zip(&embed(&after).values).enumerate() {
        if (a - b).abs() > ATTRIBUTES {
            let name = attributes::NAMES.get(index).copied().unwrap_or("category");
            found.push(format!("{name}: {b:.3} instead of {a:.3} deviations"));
        }
    }
    let [old, new]: [BTreeSet<&String>; 2] = [before, &after].map(|f| f.tags.iter().collect());
    let tags: Vec<_> = old.symmetric_difference(&new).collect();
    // A tag is a percentile of its category.
    if !tags.is_empty() && !unsure {
        found.push(format!("tags: {tags:?} came or went"));
    }
    found
}

/// `path` is the field with the names of what lies in it.
fn compare(path: &str, old: &Value, new: &Value, found: &mut Vec<String>) {
    let field = path.split(' ').next().unwrap();
    match (old, new) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            let stated = |name: &str| TOLERANCES.iter().find(|(field, ..)| *field == name);
            let (_, absolute, relative) = stated(path)
                .or_else(|| stated(field))
                .unwrap_or_else(|| panic!("no tolerance is stated for {path}"));
            if (a - b).abs() > absolute + relative * a.abs() {
                found.push(format!("{path}: {b:.4} instead of {a:.4}"));
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).for_each(|(a, b)| compare(path, a, b, found));
        }
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => {
            for ((name, a), (_, b)) in a.iter().zip(b) {
                compare(&format!("{path} {name}"), a, b, found);
            }
        }
        (a, b) if a == b => {}
        (a, b) => found.push(format!("{path}: {b} instead of {a}")),
    }
}

#[track_caller]
fn check(name: &str, form: Form) {
    let clip = sound(name, form);
    let before = analyse(&clip, &Hints::default());
    let mut wrong = Vec::new();
    for Change { name, gain_db, apply } in CHANGES {
        let after = analyse(&apply(&clip), &Hints::default());
        let differ = differences(&before, &after, gain_db);
        wrong.extend(differ.into_iter().map(|what| format!("{name}: {what}")));
    }
    assert!(wrong.is_empty(), "{name}: {wrong:#?}");
}

#[test]
fn a_drum_loop_stays_what_it_is() {
    check("drums_house", Form::Loop);
}

#[test]
fn a_slow_drum_loop_stays_what_it_is() {
    check("drums_lofi", Form::Loop);
}

#[test]
fn a_bass_line_stays_what_it_is() {
    check("bass_house", Form::Loop);
}

#[test]
fn chords_stay_what_they_are() {
    check("keys_lofi", Form::Loop);
}

#[test]
fn hats_stay_what_they_are() {
    check("hats_techno", Form::Loop);
}

#[test]
fn drum_hits_stay_what_they_are() {
    check("kick_909", Form::OneShot);
    check("snare_909", Form::OneShot);
    check("hat_open_909", Form::OneShot);
}

#[test]
fn notes_stay_what_they_are() {
    check("bass_sub_sine", Form::OneShot);
    check("pluck_ks", Form::OneShot);
}

#[test]
fn a_pad_stays_what_it_is() {
    check("pad_warm", Form::OneShot);
}

#[test]
fn noise_stays_what_it_is() {
    check("fx_noise_sweep", Form::Free);
    check("atmo_noise_bed", Form::Free);
}

#[test]
fn a_change_of_the_sound_is_seen() {
    let before = analyse(&sound("kick_909", Form::OneShot), &Hints::default());
    let mut after = before.clone();
    after.category = Category::Other;
    after.category_confidence += 0.11;
    after.loudness_lufs = after.loudness_lufs.map(|lufs| lufs + 3.1);
    after.tags.extend(["new".to_owned(), "newer".to_owned()]);
    let found = differences(&before, &after, 0.0);
    for field in ["category:", "category_confidence:", "loudness_lufs", "tags:"] {
        assert!(found.iter().any(|what| what.starts_with(field)), "{field} {found:?}");
    }
    assert_eq!(differences(&before, &before, 0.0), [""; 0]);
}
