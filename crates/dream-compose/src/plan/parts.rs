//! Who plays in a section, and the queries that ask for their sounds.
//!
//! A lane asks for the same sound in every section, so that one kick runs through the track.

use std::collections::BTreeMap;

use dream_core::{Automate, Automation, Category, Note, PartId, Role, StemQuery};

use super::edges::Edges;
use super::form::{Sized, Span};
use super::setting::Setting;
use crate::genre::{Lane, LaneSpec, Move, SectionKind, Tease};

/// The lanes of a section: the genre's, less those the prompt does not want, and those it wants besides.
pub(super) fn spans(setting: &Setting<'_>, part: &Sized<'_>) -> Vec<Span> {
    let wanted = |role: Role| setting.prompt.wanted.iter().any(|wish| wish.role == role);
    let dropped = |lane: Lane| {
        let left_out = setting.moods.iter().any(|mood| mood.leave.contains(&lane));
        left_out && !wanted(lane.role()) && !setting.genre.required.contains(&lane)
    };
    let mut specs: Vec<LaneSpec> =
        part.spec.lanes.iter().filter(|spec| !dropped(spec.lane)).cloned().collect();
    for lane in additions(setting) {
        // A pulse in music without drums belongs to its fuller sections.
        let sparse = lane.is_drum() && !setting.genre.has_drums();
        let full = matches!(part.spec.kind, SectionKind::Groove | SectionKind::Drop);
        if (if sparse { full } else { plays(lane, part.spec.kind) })
            && !specs.iter().any(|spec| spec.lane == lane)
        {
            let from =
                if part.spec.kind == SectionKind::Groove && part.spec.bars >= 16 { 9 } else { 1 };
            specs.push(LaneSpec { from, ..LaneSpec::whole(lane) });
        }
    }
    specs
        .iter()
        .filter(|spec| !setting.is_unwanted(spec.lane.role()))
        .filter_map(|spec| part.span(spec))
        .collect()
}

/// Lanes that the prompt or its moods add to those of the genre.
fn additions(setting: &Setting<'_>) -> Vec<Lane> {
    let sections = &setting.genre.sections;
    let has = |role: Role| {
        let mut lanes = sections.iter().flat_map(|section| &section.lanes);
        lanes.any(|spec| spec.lane.role() == role)
    };
    let wishes = setting.prompt.wanted.iter().map(|wish| wish.role);
    let moods = setting.moods.iter().flat_map(|mood| &mood.add).map(|lane| lane.role());
    let mut roles: Vec<Role> = wishes.chain(moods).filter(|role| !has(*role)).collect();
    roles.sort_unstable();
    roles.dedup();
    let lane = |role| Lane::ALL.iter().copied().find(|lane| lane.role() == role);
    roles.into_iter().filter_map(lane).filter(|lane| *lane < Lane::Riser).collect()
}

/// Where a lane that the genre does not know plays.
fn plays(lane: Lane, kind: SectionKind) -> bool {
    match kind {
        SectionKind::Groove | SectionKind::Drop => true,
        SectionKind::Break => lane > Lane::Sub,
        SectionKind::Intro | SectionKind::Outro | SectionKind::Bridge => {
            matches!(lane, Lane::Kick | Lane::Hat | Lane::Drone | Lane::Noise)
        }
        SectionKind::Build => matches!(lane, Lane::Pad | Lane::Drone | Lane::Noise | Lane::Vocal),
    }
}

/// The queries of a section, in mix order.
pub(super) fn queries(
    setting: &Setting<'_>,
    part: &Sized<'_>,
    spans: &[Span],
    edges: &Edges,
    mut notes: BTreeMap<Lane, Vec<Note>>,
) -> Vec<StemQuery> {
    let mut queries = Vec::new();
    for &lane in Lane::ALL {
        let mut own: Vec<Span> = spans.iter().filter(|span| span.lane == lane).cloned().collect();
        let line = notes.remove(&lane).unwrap_or_default();
        // A fill or a roll may bring in a drum that does not play otherwise.
        let covered = |note: &Note| own.iter().any(|span| inside(span, note));
        let stray: Vec<f64> =
            line.iter().filter(|note| !covered(note)).map(|note| note.beat).collect();
        if let (Some(first), Some(last)) = (stray.first(), stray.last()) {
            let (enter, leave) = ((first / 4.0) as u32, (last / 4.0) as u32 + 1);
            own = merged(own, Span { lane, enter, leave, tease: Tease::Full, moves: Vec::new() });
        }
        own.extend(edges.spans(lane));
        for span in own {
            let notes: Vec<Note> =
                line.iter().filter(|note| inside(&span, note)).copied().collect();
            if notes.is_empty() && is_written(lane) {
                continue;
            }
            queries.push(query(setting, part, &span, notes));
        }
    }
    queries
}

/// Whether a lane is silent without notes.
fn is_written(lane: Lane) -> bool {
    lane < Lane::Riser && !matches!(lane, Lane::Break | Lane::Drone | Lane::Noise)
}

fn inside(span: &Span, note: &Note) -> bool {
    let (from, to) = (f64::from(span.enter) * 4.0, f64::from(span.leave) * 4.0);
    (from..to).contains(&note.beat)
}

/// Adds a span; those that touch it become one with it, so that no note counts twice.
fn merged(mut spans: Vec<Span>, mut new: Span) -> Vec<Span> {
    spans.retain(|span| {
        let apart = span.leave <= new.enter || new.leave <= span.enter;
        if !apart {
            new.enter = new.enter.min(span.enter);
            new.leave = new.leave.max(span.leave);
            new.moves.extend(span.moves.iter().copied());
        }
        apart
    });
    spans.push(new);
    spans.sort_by_key(|span| span.enter);
    spans
}

/// What a lane asks for: its identity in the plan.
pub(super) fn part(setting: &Setting<'_>, part: &Sized<'_>, lane: Lane) -> PartId {
    let span = Span { lane, enter: 0, leave: 1, tease: Tease::Full, moves: Vec::new() };
    query(setting, part, &span, Vec::new()).part()
}

fn query(setting: &Setting<'_>, part: &Sized<'_>, span: &Span, notes: Vec<Note>) -> StemQuery {
    let (lane, genre) = (span.lane, setting.genre);
    let (role, sound) = (lane.role(), genre.sound(lane));
    let wishes = || setting.prompt.wanted.iter().filter(|wish| wish.role == role);
    let mut tags: Vec<String> = Vec::new();
    let concerned = || setting.moods.iter().filter(|mood| mood.concerns(lane));
    let moods = concerned().flat_map(|mood| &mood.tags);
    let asked = || wishes().flat_map(|wish| &wish.tags);
    for tag in genre.style.iter().chain(asked()).chain(&sound.tags).chain(moods) {
        if !tags.contains(tag) && tags.len() < 12 {
            tags.push(tag.clone());
        }
    }
    let mut words: Vec<&str> = Vec::new();
    let moods = concerned().map(|mood| mood.name.as_str());
    for word in asked().map(String::as_str).chain(moods).chain(sound.text.split(' ')) {
        if !words.contains(&word) && words.len() < 24 {
            words.push(word);
        }
    }
    StemQuery {
        role,
        category: asked_category(asked(), role).or(sound.category).unwrap_or(role.categories()[0]),
        tags,
        text: words.join(" "),
        count: 1,
        required: genre.required.contains(&lane) || wishes().next().is_some(),
        gain_db: 0.0,
        pan: lane.pan(),
        enter_bar: span.enter,
        leave_bar: span.leave,
        notes,
        automation: automation(setting, part, span),
    }
}

/// The category that a wish names ("with piano"), if the role can be played by it.
fn asked_category<'a>(mut tags: impl Iterator<Item = &'a String>, role: Role) -> Option<Category> {
    let named =
        |tag: &String| role.categories().iter().copied().find(|category| category.name() == tag);
    tags.find_map(named)
}

fn automation(setting: &Setting<'_>, part: &Sized<'_>, span: &Span) -> Vec<Automation> {
    let mut moves: Vec<Automation> = span.moves.iter().map(|change| along(span, change)).collect();
    let has_lowpass = moves.iter().any(|one| one.what == Automate::LowpassHz);
    let tease = match span.tease {
        Tease::Rhythm => Some((400.0, 900.0)),
        Tease::Half => Some((1_500.0, 3_000.0)),
        Tease::Full => None,
    };
    if let Some((from, to)) = tease.filter(|_| !has_lowpass) {
        let what = Automate::LowpassHz;
        moves.push(along(span, &Move { what, from, to, bars: None }));
    }
    if let Some((from, change)) = super::edges::filter(part, span.lane)
        && f64::from(span.enter) <= from
        && span.leave == part.bars
    {
        moves.retain(|one| one.what != change.what || one.to_bar <= from);
        let to_bar = f64::from(part.bars);
        let (from_bar, from, to) = (from, change.from, change.to);
        moves.push(Automation { what: change.what, from_bar, to_bar, from, to });
    }
    // In the last 8 bars of the outro everything but the kick is thinned from below.
    let leaves = part.spec.kind == SectionKind::Outro && part.closes && span.leave == part.bars;
    if leaves && span.lane.is_drum() && span.lane != Lane::Kick && setting.genre.fill_bars > 0 {
        let from_bar = f64::from(span.enter.max(part.bars.saturating_sub(8)));
        let to_bar = f64::from(part.bars);
        let what = Automate::HighpassHz;
        moves.push(Automation { what, from_bar, to_bar, from: 60.0, to: 400.0 });
    }
    moves
}

fn along(span: &Span, change: &Move) -> Automation {
    let end = change.bars.map_or(span.leave, |bars| (span.enter + bars).min(span.leave));
    Automation {
        what: change.what,
        from_bar: f64::from(span.enter),
        to_bar: f64::from(end),
        from: change.from,
        to: change.to,
    }
}
