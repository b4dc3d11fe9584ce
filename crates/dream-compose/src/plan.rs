//! From a prompt to an arrangement plan.
//!
//! The genre gives the form, who plays when, and the patterns; the prompt's words change them; the seed
//! draws among what is allowed. Every draw has its own generator, named by genre, section, lane and block,
//! so that a change in one lane leaves the others as they are.
//!
//! Method: section forms and entries as in published templates of each style; drum alternatives change at
//! phrase lines; chords by weighted progressions with minimal voice leading; hooks by rhythm cell, contour
//! and a weighted walk over scale degrees, refitted to the chords. The rules are in the modules.
//! Conventions: of notes that start together the first is the chord's root, at which a stem that already
//! is a chord is played. Drum notes have no pitch; their length ends with the next hit of their lane.
//! A lane whose stem just runs (drone, noise, break) has no notes. Cost: a few milliseconds a plan.

mod bass;
mod draw;
mod drums;
mod edges;
mod form;
mod harmony;
mod hook;
mod parts;
mod reroll;
mod setting;
mod slices;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use dream_core::{ArrangementPlan, Note, Section, Seed};

pub use reroll::{reroll, reroll_among};

use crate::Prompt;
use crate::genre::{Lane, SectionKind};
use drums::Drums;
use edges::{Edges, Fills};
use form::Sized;
use hook::Theme;
use setting::Setting;

/// The plan of a prompt; `validate` holds for every prompt and seed. The fields of the prompt may be
/// overridden before.
pub fn plan(prompt: &Prompt, seed: Seed) -> ArrangementPlan {
    let setting = Setting::new(prompt, seed);
    let theme = Theme::compose(&setting);
    let form = form::sections(setting.genre, setting.bpm, prompt.minutes);
    let mut memory = Memory::default();
    let mut structure = Vec::with_capacity(form.len());
    for (at, part) in form.iter().enumerate() {
        let next = form.get(at + 1).map(|next| next.spec.kind);
        structure.push(section(&setting, &theme, part, next, &mut memory, at));
    }
    let total_bars = structure.iter().map(|section| section.bars).sum();
    let beats = ArrangementPlan::BEATS_PER_BAR * f64::from(total_bars);
    ArrangementPlan {
        schema: 1,
        prompt: prompt.text.clone(),
        seed: seed.0,
        bpm: setting.bpm,
        key: setting.key,
        genre: setting.genre.name.clone(),
        moods: prompt.moods.clone(),
        swing: setting.swing,
        total_bars,
        estimated_duration_s: beats * setting.bpm.beat_seconds(),
        loudness_lufs: setting.genre.loudness_lufs,
        structure,
    }
}

/// What a section must know of those before it.
#[derive(Default)]
struct Memory {
    /// The letter of the last fill.
    fill: Option<char>,
    /// The bass line of the last section that had one.
    bass: Option<char>,
    /// How many sections of each kind came before.
    kinds: BTreeMap<SectionKind, u64>,
}

fn section(
    setting: &Setting<'_>,
    theme: &Theme,
    part: &Sized<'_>,
    next: Option<SectionKind>,
    memory: &mut Memory,
    at: usize,
) -> Section {
    let seed = setting.seed.child("section").child(&part.name).index(at as u64);
    let spans = parts::spans(setting, part);
    let edges = edges::place(setting, part);
    let fills = Fills::draw(setting, part, &spans, &edges, next, &mut memory.fill, seed);

    // A drop or groove that returns plays what it played, but for one lane.
    let kind = part.spec.kind;
    let before = memory.kinds.entry(kind).or_default();
    let returns = matches!(kind, SectionKind::Groove | SectionKind::Drop);
    let drums = Drums {
        seed: if returns { setting.seed.child("beat").child(kind.name()) } else { seed },
        other: (returns && *before > 0).then(|| seed.child("other")),
        slack: 0.0,
    };
    *before += 1;
    let tonal = Tonal { setting, theme, part, spans: &spans, seed, anew: false };
    let notes = perform(&tonal, drums, &edges, &fills, &mut memory.bass);

    let mut transitions = edges.transitions.clone();
    transitions.extend(fills.transitions());
    transitions.sort_by(|a, b| a.bar.total_cmp(&b.bar).then(a.kind.cmp(&b.kind)));
    Section {
        section: part.name.clone(),
        bars: part.bars,
        energy: setting.energy(part),
        seed: seed.child("performance").0,
        stem_queries: parts::queries(setting, part, &spans, &edges, notes),
        transitions,
    }
}

/// The notes of a section, before they are given to its queries.
fn perform(
    tonal: &Tonal<'_>,
    drums: Drums,
    edges: &Edges,
    fills: &Fills<'_>,
    bass: &mut Option<char>,
) -> BTreeMap<Lane, Vec<Note>> {
    let (setting, part) = (tonal.setting, tonal.part);
    let mut notes = drums::play(setting, part, tonal.spans, drums);
    let kicks: Vec<f64> =
        notes.get(&Lane::Kick).into_iter().flatten().map(|note| note.beat).collect();
    for (lane, line) in bass::play(tonal, &kicks, bass) {
        notes.insert(lane, line);
    }
    notes.insert(Lane::Break, slices::play(tonal));
    for lane in [Lane::Stab, Lane::Stab2, Lane::Chords, Lane::Pad] {
        notes.insert(lane, harmony::play(tonal, lane));
    }
    for lane in [Lane::Lead, Lane::Lead2, Lane::Arp, Lane::Vocal] {
        notes.insert(lane, hook::play(tonal, lane));
    }
    edges::roll(edges, part, &mut notes);
    fills.apply(setting, &mut notes);
    edges::silence(edges, &mut notes);
    notes
}

/// What the pitched lanes of a section share.
struct Tonal<'a> {
    setting: &'a Setting<'a>,
    theme: &'a Theme,
    part: &'a Sized<'a>,
    spans: &'a [form::Span],
    seed: Seed,
    /// Whether it is played anew: hooks and voicings vary.
    anew: bool,
}

impl Tonal<'_> {
    fn spans_of(&self, lane: Lane) -> impl Iterator<Item = &form::Span> {
        self.spans.iter().filter(move |span| span.lane == lane)
    }
}
