//! How well a stem fits a part, as a sum of terms that are kept for the reader.

use std::collections::BTreeMap;

use dream_core::{ArrangementPlan, Bpm, Form, Key, Mode, PartId, Role, Seed, Stem};
use rand::RngExt;

use super::kind::{self, Words, plain};
use crate::Candidate;
use crate::render::role::{is_drum, is_gesture, is_tonal, reach};

/// What the plan asks of a part, over all its sections.
pub(super) struct Need<'a> {
    pub(super) part: &'a PartId,
    pub(super) genre: &'a str,
    pub(super) bpm: Bpm,
    pub(super) key: Option<Key>,
    /// Most stems to layer.
    pub(super) count: u32,
    pub(super) required: bool,
    pub(super) has_notes: bool,
    /// The pitches of its notes.
    pub(super) pitches: Vec<u8>,
    /// Whether several notes start together.
    pub(super) chords: bool,
}

impl<'a> Need<'a> {
    pub(super) fn of(plan: &'a ArrangementPlan, part: &'a PartId) -> Self {
        let queries: Vec<_> = plan
            .structure
            .iter()
            .flat_map(|section| &section.stem_queries)
            .filter(|query| query.part() == *part)
            .collect();
        let notes = || queries.iter().flat_map(|query| &query.notes);
        let together = |notes: &[dream_core::Note]| {
            notes.windows(2).any(|pair| {
                pair[0].beat.to_bits() == pair[1].beat.to_bits() && pair[0].pitch != pair[1].pitch
            })
        };
        Self {
            part,
            genre: &plan.genre,
            bpm: plan.bpm,
            key: plan.key,
            count: queries.iter().map(|query| query.count).max().unwrap_or(1),
            required: queries.iter().any(|query| query.required),
            has_notes: notes().next().is_some(),
            pitches: notes().filter_map(|note| note.pitch).collect(),
            chords: queries.iter().any(|query| together(&query.notes)),
        }
    }
}

/// A score with its terms, and how the stem would be bent.
#[derive(Debug, Clone)]
pub(super) struct Fit {
    pub(super) score: f64,
    pub(super) why: BTreeMap<String, f64>,
    pub(super) ratio: f64,
    pub(super) semitones: f64,
}

impl Fit {
    pub(super) fn add(&mut self, term: &str, value: f64) {
        self.score += value;
        if value.abs() > 1e-9 {
            self.why.insert(term.to_owned(), (value * 1e4).round() / 1e4);
        }
    }
}

pub(super) fn fit(need: &Need<'_>, candidate: &Candidate) -> Fit {
    let stem = &candidate.stem;
    let mut fit = Fit { score: 0.0, why: BTreeMap::new(), ratio: 1.0, semitones: 0.0 };
    fit.add("category", category(need.part.role, stem));
    fit.add("asked", if stem.category == need.part.category { 0.4 } else { 0.0 });
    fit.add("similarity", 0.7 * f64::from(candidate.similarity.clamp(0.0, 1.0)));
    let (asked, words) = (Words::of_tags(&need.part.tags), Words::of_stem(stem));
    fit.add("kind", kind::kind(need.part, &words));
    fit.add("style", kind::style(&asked, &words));
    fit.add("harsh", -kind::harshness(need.genre, &asked, &words));
    fit.add("named", kind::named(need.part, &asked, &words));
    fit.add("tags", 0.8 * tags(need.part, &words));
    fit.add("quality", 0.4 * f64::from(stem.facts.quality.clamp(0.0, 1.0)));
    fit.add("form", form(need, stem));
    if stem.facts.form == Form::Loop {
        let (ratio, term) = tempo(need, stem);
        fit.ratio = ratio;
        fit.add("tempo", term);
    }
    if is_tonal(need.part.role) {
        let by_note = stem.facts.form != Form::Loop && need.has_notes;
        if by_note && !need.pitches.is_empty() {
            fit.add("pitch", pitch(need, stem));
        } else {
            let (semitones, term) = key(need, stem);
            fit.semitones = semitones;
            fit.add("key", term);
        }
    }
    fit
}

fn category(role: Role, stem: &Stem) -> f64 {
    let rank = role.categories().iter().position(|category| *category == stem.category);
    let sure = f64::from(stem.facts.category_confidence.clamp(0.0, 1.0));
    match rank {
        Some(rank) => 1.2 * 0.75_f64.powf(rank as f64) * (0.7 + 0.3 * sure),
        None => 0.0,
    }
}

/// Share of the wanted tags that the stem has.
fn tags(part: &PartId, stem: &Words) -> f64 {
    let has = |tag: &&String| stem.has(&plain(tag));
    part.tags.iter().filter(has).count() as f64 / part.tags.len().max(1) as f64
}

/// Notes want one-shots; parts that just run want loops and textures.
fn form(need: &Need<'_>, stem: &Stem) -> f64 {
    let gesture = is_gesture(need.part.role);
    match stem.facts.form {
        Form::OneShot if need.has_notes || gesture => 1.0,
        Form::OneShot if is_drum(need.part.role) => 0.4,
        Form::OneShot => 0.1,
        Form::Loop if gesture => 0.0,
        Form::Loop if need.has_notes => -0.4,
        Form::Loop => 1.0,
        Form::Free if gesture => 0.9,
        Form::Free if need.has_notes => -0.2,
        Form::Free if is_drum(need.part.role) => -0.6,
        Form::Free => 0.8,
    }
}

/// Largest stretch that is hardly heard, as a ratio: drums 12 %, tonal material 8 %.
pub(super) fn stretch_limit(role: Role) -> f64 {
    if is_drum(role) { 1.12 } else { 1.08 }
}

/// The stretch that brings a loop to the plan's tempo, at its own, half or double time.
fn tempo(need: &Need<'_>, stem: &Stem) -> (f64, f64) {
    let facts = &stem.facts;
    let seconds = facts.loop_points_s.map_or(facts.duration_s, |(start, end)| end - start);
    let from_bars = facts
        .bars
        .filter(|bars| *bars > 0 && seconds > 0.0)
        .map(|bars| f64::from(bars) * 240.0 / seconds);
    let Some(own) = from_bars.or(facts.bpm.map(Bpm::get)) else { return (1.0, -1.5) };
    let ratio = [1.0, 0.5, 2.0]
        .map(|time| own / need.bpm.get() * time)
        .into_iter()
        .min_by(|a, b| a.ln().abs().total_cmp(&b.ln().abs()))
        .unwrap_or(1.0);
    let share = ratio.ln().abs() / stretch_limit(need.part.role).ln();
    let beyond = if share > 1.0 { -3.0 - (share - 1.0).min(5.0) } else { 0.0 };
    (ratio, -0.5 * share.min(1.0) + beyond)
}

/// The transposition that brings a loop or texture to the plan's key, at most 3 semitones; a neighbour on
/// the Camelot wheel will do, too.
fn key(need: &Need<'_>, stem: &Stem) -> (f64, f64) {
    let facts = &stem.facts;
    let (Some(own), Some(target)) = (facts.key, need.key) else { return (0.0, 0.0) };
    let sure = f64::from(facts.key_confidence.clamp(0.0, 1.0));
    let best = (-3..=3)
        .filter_map(|shift: i32| {
            let fifths = own.transposed(shift).shift_to(target).0 as i32;
            let near = match fifths {
                0 => 0.8,
                // A fifth apart: neighbours on the wheel.
                5 | -5 => 0.2,
                _ => return None,
            };
            Some((shift, near - 0.15 * f64::from(shift.abs())))
        })
        .max_by(|(_, a), (_, b)| a.total_cmp(b));
    match best {
        Some((shift, fit)) => (f64::from(shift), fit * sure),
        None => (0.0, -0.8 * sure),
    }
}

/// Mean over the notes of how easily the one-shot reaches them.
fn pitch(need: &Need<'_>, stem: &Stem) -> f64 {
    let chord = !chord(stem).is_empty();
    let kind = match (need.chords, chord) {
        (true, true) => 0.5,
        (false, true) => -0.8,
        (true | false, false) => 0.0,
    };
    let Some(root) = stem.facts.root else { return kind - 0.6 };
    let (low, high) = reach(need.part.role, chord);
    let ease = |pitch: &u8| {
        let away = f64::from(*pitch) - root;
        if (low..=high).contains(&away) {
            0.8 - 0.4 * (away / if away < 0.0 { low } else { high })
        } else {
            let folded = (away + 6.0).rem_euclid(12.0) - 6.0;
            if (low..=high).contains(&folded) { 0.1 } else { -0.8 }
        }
    };
    kind + need.pitches.iter().map(ease).sum::<f64>() / need.pitches.len().max(1) as f64
}

/// The chord a stem holds, by its tags and its mode: thirds are left open where they are not known. A key whose tonic is
/// another note than the root of the chord tells nothing of its third.
pub(super) fn chord(stem: &Stem) -> &'static [u8] {
    let has = |tag: &str| stem.tags.iter().any(|own| own.eq_ignore_ascii_case(tag));
    if has("sus") || has("power") {
        &[0, 7]
    } else if !has("chord") {
        &[]
    } else if has("neutral") {
        &[0, 7]
    } else {
        let on_tonic = |key: &Key| {
            let class = stem.facts.root.map(|root| root.round().rem_euclid(12.0));
            class.is_none_or(|class| (class - f64::from(key.tonic.index())).abs() < 0.5)
        };
        match stem.facts.key.filter(on_tonic).map(|key| key.mode) {
            Some(Mode::Major) => &[0, 4, 7],
            Some(Mode::Minor) => &[0, 3, 7],
            None => &[0, 7],
        }
    }
}

/// A small deviation that depends on seed, part and stem alone.
pub(super) fn chance(seed: Seed, part: &PartId, stem: &Stem) -> f64 {
    let of_part = seed.child(part.role.name()).child(&part.tags.join(",")).child(&part.text);
    of_part.child(&stem.hash).rng().random_range(-0.2..0.2)
}
