//! Gestures and rests: risers, impacts, crashes, drop-outs.

use dream_audio::Clip;
use dream_core::{ArrangementPlan, PartId, Role, Section, Transition, TransitionKind};

use super::event::Event;
use super::role::is_gesture;
use super::schedule::{Draft, Scene, UNBOUND};
use super::source::Variant;
use super::timeline::{Timeline, frames};

/// The gesture a transition asks for.
fn role_of(kind: TransitionKind) -> Option<Role> {
    match kind {
        TransitionKind::Riser => Some(Role::Riser),
        TransitionKind::Impact => Some(Role::Impact),
        TransitionKind::Crash => Some(Role::Crash),
        TransitionKind::Reverse => Some(Role::Reverse),
        TransitionKind::Downlifter => Some(Role::Downlifter),
        TransitionKind::FillA
        | TransitionKind::FillB
        | TransitionKind::FillC
        | TransitionKind::SnareRoll
        | TransitionKind::Filter
        | TransitionKind::Silence => None,
    }
}

/// Whether the role leads to the end of its span instead of starting with it.
fn rising(role: Role) -> bool {
    matches!(role, Role::Riser | Role::Reverse)
}

/// The events of a gesture part: its notes, the transitions of its kind, and in a section that names the
/// part without either, once: at the end of its bars when it rises, else at their start. Transitions of
/// sections that do not name any such part are played by the first one of the plan.
pub(crate) fn gestures(
    plan: &ArrangementPlan,
    time: &Timeline,
    part: &PartId,
    scenes: &[Scene<'_>],
    clip: &Clip,
) -> Vec<Draft> {
    let named = |section: &Section| {
        section
            .stem_queries
            .iter()
            .find(|query| query.role == part.role)
            .map(dream_core::StemQuery::part)
    };
    let first = plan.structure.iter().find_map(named);
    let mut drafts = Vec::new();
    for (index, section) in plan.structure.iter().enumerate() {
        let own = named(section).or_else(|| first.clone()).is_some_and(|id| id == *part);
        for transition in &section.transitions {
            if own && role_of(transition.kind) == Some(part.role) {
                let (from, to) = span(time, index, transition);
                drafts.push(draft(part.role, from, to, 1.0, clip));
            }
        }
    }
    for scene in scenes {
        let Scene { index, section, query } = *scene;
        for note in &query.notes {
            let from = time.note_in(index, note.beat);
            let to = time.note_in(index, note.beat + note.length.max(0.25));
            let gain = (note.velocity as f32).powf(1.6);
            drafts.push(draft(part.role, from, to, gain, clip));
        }
        let placed = section.transitions.iter().any(|t| role_of(t.kind) == Some(part.role));
        if !placed && query.notes.is_empty() && query.leave_bar > query.enter_bar {
            let from = time.bar_in(index, f64::from(query.enter_bar));
            let to = time.bar_in(index, f64::from(query.leave_bar));
            drafts.push(draft(part.role, from, to, 1.0, clip));
        }
    }
    drafts.sort_by_key(|draft| draft.event.start);
    drafts.dedup_by_key(|draft| draft.event.start);
    drafts
}

fn span(time: &Timeline, section: usize, transition: &Transition) -> (i64, i64) {
    let from = time.bar_in(section, transition.bar);
    let to = time.bar_in(section, transition.bar + transition.beats / 4.0);
    (from, to.max(from + time.length(1.0)))
}

/// `start` of a rising gesture is its end until its source is known.
fn draft(role: Role, from: i64, to: i64, gain: f32, clip: &Clip) -> Draft {
    let rising = rising(role);
    let room = if rising { to - from } else { clip.len() as i64 * 2 };
    Draft {
        bounds: UNBOUND,
        variant: Variant::Gesture { rising, frames: room },
        event: Event {
            start: if rising { to } else { from },
            len: 0,
            source: 0,
            offset: 0,
            wrap: false,
            gain,
            fade_in: 0,
            fade_out: 0,
            open: 1.0,
        },
    }
}

/// The silences of a section in its beats.
pub(crate) fn silences(section: &Section) -> Vec<(f64, f64)> {
    let silent = section.transitions.iter().filter(|t| t.kind == TransitionKind::Silence);
    silent.map(|t| (t.bar * 4.0, t.bar * 4.0 + t.beats)).collect()
}

/// The spans of frames in which a part rests: everything but gestures under a silence, loops of the
/// rhythm section under a fill.
pub(crate) fn rests(
    plan: &ArrangementPlan,
    time: &Timeline,
    role: Role,
    looped: bool,
) -> Vec<(i64, i64)> {
    if is_gesture(role) {
        return Vec::new();
    }
    let rhythm = looped && (super::role::is_drum(role) || matches!(role, Role::Bass | Role::Sub));
    let mut spans = Vec::new();
    for (index, section) in plan.structure.iter().enumerate() {
        for transition in &section.transitions {
            let rests = match transition.kind {
                TransitionKind::Silence => true,
                TransitionKind::FillA | TransitionKind::FillB | TransitionKind::FillC => rhythm,
                TransitionKind::Riser
                | TransitionKind::Impact
                | TransitionKind::Crash
                | TransitionKind::Reverse
                | TransitionKind::Downlifter
                | TransitionKind::SnareRoll
                | TransitionKind::Filter => false,
            };
            if rests && transition.beats > 0.0 {
                let from = time.bar_in(index, transition.bar);
                let to = time.bar_in(index, transition.bar + transition.beats / 4.0);
                spans.push((from, to.max(from + frames(0.02))));
            }
        }
    }
    spans
}
