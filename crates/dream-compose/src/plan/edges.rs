//! Edges of sections and ends of phrases: risers, impacts, rolls, fills, silence.
//!
//! A fill takes the last beat of a phrase, the last two of a double phrase, the last bar of a quadruple one
//! or of a long section; drums and bass rest under it, and the same letter never comes twice running.
//! Where a roll leads into a drop, it takes the place of the fill.

use std::collections::BTreeMap;

use dream_core::{Automate, Note, Role, Section, Seed, Transition, TransitionKind};

use super::draw;
use super::drums::ring;
use super::form::{Sized, Span};
use super::setting::Setting;
use crate::genre::{self, FxKind, Genre, Lane, Move, SectionKind, Tease};
use crate::pattern::Fill;

/// What happens at the edges of a section.
pub(super) struct Edges {
    pub transitions: Vec<Transition>,
    lanes: Vec<Span>,
    roll: Option<Roll>,
    /// Spans of beats in which nothing plays.
    silences: Vec<(f64, f64)>,
}

/// A snare roll.
#[derive(Debug, Clone, Copy)]
struct Roll {
    /// First bar.
    start: u32,
    bars: u32,
    /// Whether it is the quiet one.
    soft: bool,
}

/// What falls into a break is dull from its start, so that the break is dark from its first bar.
const FALL: Move = Move { what: Automate::LowpassHz, from: 2_500.0, to: 300.0, bars: Some(4) };
/// An impact is a low boom; the brightness of a first bar is the crash's, so that the section is heard from there on.
const BOOM: Move = Move { what: Automate::LowpassHz, from: 2_000.0, to: 500.0, bars: Some(1) };
/// Beats of silence before a drop.
const SILENCE: f64 = 1.0;

impl Edges {
    /// The edges that a section of a plan has.
    pub(super) fn of(section: &Section, soft: bool) -> Self {
        let mut edges =
            Self { transitions: Vec::new(), lanes: Vec::new(), roll: None, silences: Vec::new() };
        for one in &section.transitions {
            match one.kind {
                TransitionKind::SnareRoll => {
                    let (start, bars) = (one.bar as u32, ((one.beats / 4.0).round() as u32).max(1));
                    edges.roll = Some(Roll { start, bars, soft });
                }
                TransitionKind::Silence => {
                    edges.silences.push((one.bar * 4.0, one.bar * 4.0 + one.beats));
                }
                _ => {}
            }
        }
        edges
    }

    /// Where the sound of an effect lane is needed.
    pub(super) fn spans(&self, lane: Lane) -> impl Iterator<Item = Span> {
        self.lanes.iter().filter(move |span| span.lane == lane).cloned()
    }
}

/// Places the effects of a section.
pub(super) fn place(setting: &Setting<'_>, part: &Sized) -> Edges {
    let mut edges =
        Edges { transitions: Vec::new(), lanes: Vec::new(), roll: None, silences: Vec::new() };
    for effect in &part.spec.fx {
        let length = effect.bars.min(part.bars);
        let start = part.bars - length;
        let (kind, lane, from, bars) = match effect.kind {
            FxKind::Riser => (TransitionKind::Riser, Some(Lane::Riser), start, length),
            FxKind::Reverse => (TransitionKind::Reverse, Some(Lane::Reverse), start, length),
            FxKind::Impact => (TransitionKind::Impact, Some(Lane::Impact), 0, 1),
            FxKind::Crash => (TransitionKind::Crash, Some(Lane::Crash), 0, 1),
            FxKind::Downlifter => {
                (TransitionKind::Downlifter, Some(Lane::Downlifter), 0, part.bars.min(8))
            }
            FxKind::Roll | FxKind::RollSoft => (TransitionKind::SnareRoll, None, start, length),
            FxKind::Filter => (TransitionKind::Filter, None, start, length),
            FxKind::Silence => (TransitionKind::Silence, None, part.bars, 0),
        };
        let at_end = matches!(kind, TransitionKind::Silence) || from == start && effect.bars > 0;
        let here = if at_end { part.closes } else { part.opens };
        let role = lane.map_or(Role::Snare, Lane::role);
        let unwanted = setting.is_unwanted(role) && kind != TransitionKind::Silence;
        if !here || unwanted {
            continue;
        }
        if let Some(lane) = lane {
            let (enter, leave) = (from, from + bars);
            let moves = match lane {
                Lane::Downlifter if part.spec.kind == SectionKind::Break => vec![FALL],
                Lane::Impact => vec![BOOM],
                _ => Vec::new(),
            };
            edges.lanes.push(Span { lane, enter, leave, tease: Tease::Full, moves });
        }
        let (mut bar, mut beats) = (f64::from(from), f64::from(bars) * 4.0);
        match effect.kind {
            FxKind::Roll | FxKind::RollSoft => {
                let soft = effect.kind == FxKind::RollSoft;
                edges.roll = Some(Roll { start, bars: length, soft });
            }
            FxKind::Silence => {
                bar -= SILENCE / 4.0;
                beats = SILENCE;
                edges.silences.push((bar * 4.0, bar * 4.0 + beats));
            }
            _ => {}
        }
        edges.transitions.push(Transition { kind, bar, beats });
    }
    edges
}

/// The filter move at the end of a section, for a lane that takes part in it.
pub(super) fn filter(part: &Sized, lane: Lane) -> Option<(f64, Move)> {
    let effect = part.spec.fx.iter().find(|effect| effect.kind == FxKind::Filter)?;
    let takes_part = matches!(lane, Lane::Stab | Lane::Chords | Lane::Lead | Lane::Pad | Lane::Hat);
    let from = f64::from(part.bars - effect.bars.min(part.bars));
    let change = Move { what: Automate::LowpassHz, from: 12_000.0, to: 900.0, bars: None };
    (takes_part && part.closes).then_some((from, change))
}

/// Writes the snare roll.
pub(super) fn roll(edges: &Edges, part: &Sized, notes: &mut BTreeMap<Lane, Vec<Note>>) {
    let Some(Roll { start, bars: length, soft }) = edges.roll else { return };
    let core = genre::core();
    let rows = if soft { &core.roll_soft } else { &core.roll };
    let (from, to) = (f64::from(start) * 4.0, f64::from(start + length) * 4.0);
    for lane in [Lane::Snare, Lane::Clap, Lane::Rim] {
        if let Some(line) = notes.get_mut(&lane) {
            line.retain(|note| note.beat < from || note.beat >= to);
        }
    }
    let line = notes.entry(Lane::Snare).or_default();
    for bar in 0..length.min(part.bars.saturating_sub(start)) {
        // A long roll plays each bar twice, a short one only the last ones.
        let row = if length > 8 { bar * 8 / length } else { bar + 8 - length } as usize;
        let level = core.roll_velocity[row];
        let base = f64::from(start + bar) * 4.0;
        line.extend(rows[row].hits(0, |_| true).iter().map(|hit| Note {
            beat: base + hit.beat,
            length: hit.length,
            velocity: (hit.velocity * level * 9.0 / 8.0).min(1.0),
            pitch: None,
        }));
    }
}

/// Silences all notes where nothing plays: in the last beat before a drop.
pub(super) fn silence(edges: &Edges, notes: &mut BTreeMap<Lane, Vec<Note>>) {
    for (from, to) in &edges.silences {
        for line in notes.values_mut() {
            rest(line, *from, *to);
        }
    }
}

/// Removes what starts within a span of beats and cuts what sounds into it.
fn rest(line: &mut Vec<Note>, from: f64, to: f64) {
    line.retain(|note| note.beat < from || note.beat >= to);
    for note in line.iter_mut().filter(|note| note.beat < from && note.beat + note.length > from) {
        note.length = from - note.beat;
    }
}

/// The fills of a section.
pub(super) struct Fills<'a>(Vec<Placed<'a>>);

struct Placed<'a> {
    /// First beat.
    beat: f64,
    beats: f64,
    fill: &'a Fill,
}

impl<'a> Fills<'a> {
    /// Draws the fills of a section; `last` is the letter of the fill before.
    pub(super) fn draw(
        setting: &Setting<'a>,
        part: &Sized,
        spans: &[Span],
        edges: &Edges,
        next: Option<SectionKind>,
        last: &mut Option<char>,
        seed: Seed,
    ) -> Self {
        let genre = setting.genre;
        let mut placed = Vec::new();
        if genre.fill_bars == 0 || matches!(part.spec.kind, SectionKind::Break) {
            return Self(placed);
        }
        let free = part.bars - edges.roll.map_or(0, |roll| roll.bars);
        let mut bar = genre.fill_bars;
        while bar <= free {
            let at = bar;
            bar += genre.fill_bars;
            let ends = at == part.bars;
            if drums_at(spans, at - 1) < 2 || (ends && !part.closes) {
                continue;
            }
            let calm = matches!(part.spec.kind, SectionKind::Intro | SectionKind::Outro);
            let (fills, beats) = match (ends, at / genre.fill_bars) {
                (true, _) if part.bars >= 32 && !calm => (&genre.fill4, 4.0),
                (false, count) if count % 4 == 0 && !calm => (&genre.fill4, 4.0),
                (true, _) if part.bars >= 16 => (&genre.fill2, 2.0),
                (false, count) if count % 2 == 0 => (&genre.fill2, 2.0),
                _ => (&genre.fill1, 1.0),
            };
            let wanted = match next.filter(|_| ends) {
                Some(SectionKind::Break) => "C",
                Some(SectionKind::Drop) => "AB",
                _ => "ABC",
            };
            let seed = seed.child("fill").index(u64::from(at));
            let letter = letter(genre.fill_weights, wanted, *last, seed);
            if let Some(fill) = fills.iter().find(|fill| fill.letter == letter) {
                *last = Some(letter);
                placed.push(Placed { beat: f64::from(at) * 4.0 - beats, beats, fill });
            }
        }
        Self(placed)
    }

    /// The fills that a section of a plan has.
    pub(super) fn of(genre: &'a Genre, section: &Section) -> Self {
        let placed = section.transitions.iter().filter_map(|one| {
            let letter = match one.kind {
                TransitionKind::FillA => 'A',
                TransitionKind::FillB => 'B',
                TransitionKind::FillC => 'C',
                _ => return None,
            };
            let fills = match one.beats {
                ..1.5 => &genre.fill1,
                ..3.0 => &genre.fill2,
                _ => &genre.fill4,
            };
            let fill = fills.iter().find(|fill| fill.letter == letter)?;
            Some(Placed { beat: one.bar * 4.0, beats: one.beats, fill })
        });
        Self(placed.collect())
    }

    pub(super) fn transitions(&self) -> impl Iterator<Item = Transition> {
        self.0.iter().map(|placed| Transition {
            kind: match placed.fill.letter {
                'A' => TransitionKind::FillA,
                'B' => TransitionKind::FillB,
                _ => TransitionKind::FillC,
            },
            bar: placed.beat / 4.0,
            beats: placed.beats,
        })
    }

    /// Lets drums and bass rest under the fills and writes their hits.
    pub(super) fn apply(&self, setting: &Setting<'_>, notes: &mut BTreeMap<Lane, Vec<Note>>) {
        for placed in &self.0 {
            let end = placed.beat + placed.beats;
            for (lane, line) in notes.iter_mut() {
                if lane.is_drum() || matches!(lane, Lane::Break | Lane::Bass | Lane::Sub) {
                    rest(line, placed.beat, end);
                }
            }
            for (lane, hits) in placed.fill.hits(placed.beats) {
                if setting.is_unwanted(lane.role()) {
                    continue;
                }
                let line = notes.entry(lane).or_default();
                line.extend(hits.iter().map(|hit| Note {
                    beat: placed.beat + hit.beat,
                    length: hit.length,
                    velocity: hit.velocity,
                    pitch: None,
                }));
                line.sort_by(|a, b| a.beat.total_cmp(&b.beat));
            }
        }
        for (_, line) in notes.iter_mut().filter(|(lane, _)| lane.is_drum()) {
            let end = line.last().map_or(0.0, |last| last.beat + last.length);
            ring(line, end);
        }
    }
}

fn drums_at(spans: &[Span], bar: u32) -> usize {
    let plays = |span: &&Span| span.lane.is_drum() && (span.enter..span.leave).contains(&bar);
    spans.iter().filter(plays).count()
}

/// A letter other than the last one, among the wanted ones if possible.
fn letter(weights: [f64; 3], wanted: &str, last: Option<char>, seed: Seed) -> char {
    let weight = |letter: &char| match letter {
        'A' => weights[0],
        'B' => weights[1],
        _ => weights[2],
    };
    let others = || "ABC".chars().filter(move |letter| Some(*letter) != last);
    let preferred: Vec<char> = others().filter(|letter| wanted.contains(*letter)).collect();
    let among = if preferred.is_empty() { others().collect() } else { preferred };
    draw::weighted(seed, among, weight).unwrap_or('A')
}
