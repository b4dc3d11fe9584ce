//! How the rhythm of a loop fits: its timing, the notes it plays in place of, the patterns beside it.
//!
//! Method: patterns of sixteen steps in three bands, compared by their cosine, as in M. Davies and others, "`AutoMashUpper`",
//! IEEE/ACM TASLP 22(12), 2014. We differ: kick and bass are wanted apart, not alike.
//! In: rhythm profiles of loops, notes of the plan. Out: 0 to 1.

use dream_core::{Form, Rhythm, Role, Stem};

use super::need::Need;
use crate::render::role::is_drum;

const STEPS: usize = Rhythm::STEPS;
/// Loops timed worse than this are heard apart.
const LOOSE: f64 = 0.4;
/// A part of the sound this late is heard apart, in milliseconds.
const APART_MS: f64 = 15.0;
/// A difference in swing that is heard as another groove, in percent.
const OTHER_SWING: f64 = 8.0;

/// Onset strength per step of a bar, below and above 160 Hz.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pattern {
    low: [f64; STEPS],
    rest: [f64; STEPS],
}

impl Pattern {
    /// The pattern of a part's notes.
    pub(super) fn of_notes(role: Role, steps: [f64; STEPS]) -> Self {
        match role {
            Role::Kick | Role::Bass | Role::Sub => Self { low: steps, rest: [0.0; STEPS] },
            _ => Self { low: [0.0; STEPS], rest: steps },
        }
    }

    fn of_loop(rhythm: &Rhythm) -> Self {
        Self {
            low: rhythm.low.map(f64::from),
            rest: std::array::from_fn(|step| f64::from(rhythm.mid[step] + rhythm.high[step])),
        }
    }

    fn all(&self) -> [f64; STEPS] {
        std::array::from_fn(|step| self.low[step] + self.rest[step])
    }
}

/// The pattern a stem plays in a part.
pub(super) fn pattern(need: &Need<'_>, stem: &Stem) -> Option<Pattern> {
    match rhythm_of(stem) {
        Some(rhythm) => Some(Pattern::of_loop(rhythm)),
        None => need.pattern,
    }
}

fn rhythm_of(stem: &Stem) -> Option<&Rhythm> {
    let profile = stem.facts.profile.as_ref().filter(|_| stem.facts.form == Form::Loop)?;
    profile.rhythm.as_ref()
}

/// How well a loop is timed for the grid of the plan, when it is stretched by `ratio`; `None` for what is no loop.
pub(super) fn timing(need: &Need<'_>, stem: &Stem, ratio: f64) -> Option<f64> {
    let rhythm = rhythm_of(stem)?;
    let late = (f64::from(rhythm.late_ms) * ratio).abs() / APART_MS;
    let swing = rhythm.swing.map_or(0.0, |own| (f64::from(own) - need.swing).abs() / OTHER_SWING);
    Some(f64::from(rhythm.tight.clamp(0.0, 1.0)) * (1.0 - 0.5 * (late + swing)).max(0.0))
}

/// How well a loop of that timing goes with the patterns beside it, -0.5 to 0.5; under -1 where it is heard apart.
pub(super) fn fit(timing: f64, role: Role, own: &Pattern, beside: &[(Role, Pattern)]) -> f64 {
    if timing < LOOSE {
        return timing - 1.5;
    }
    let locks = beside.iter().filter_map(|(other, pattern)| lock(role, own, *other, pattern));
    let (count, sum) = locks.fold((0.0, 0.0), |(count, sum), lock| (count + 1.0, sum + lock));
    let lock = if count > 0.0 { sum / count } else { 0.5 };
    0.5 * (timing + lock) - 0.5
}

/// How much a loop plays what the notes of the part ask for, 0 to 1; `None` for what is no loop or without notes.
pub(super) fn plays(need: &Need<'_>, stem: &Stem) -> Option<f64> {
    let (asked, own) = (need.pattern?, rhythm_of(stem)?);
    Some(cosine(&asked.all(), &Pattern::of_loop(own).all()))
}

/// How well two patterns go together; `None` where the roles do not lock.
fn lock(role: Role, own: &Pattern, other: Role, beside: &Pattern) -> Option<f64> {
    let is_low = |role: Role| matches!(role, Role::Bass | Role::Sub);
    if (role == Role::Kick && is_low(other)) || (is_low(role) && other == Role::Kick) {
        return Some(1.0 - cosine(&own.low, &beside.low));
    }
    let small = |role: Role| is_drum(role) && role != Role::Kick;
    (small(role) && small(other)).then(|| cosine(&own.rest, &beside.rest))
}

fn cosine(a: &[f64; STEPS], b: &[f64; STEPS]) -> f64 {
    let dot = |a: &[f64; STEPS], b: &[f64; STEPS]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    let norm = (dot(a, a) * dot(b, b)).sqrt();
    if norm > 0.0 { (dot(a, b) / norm).clamp(0.0, 1.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(steps: &[usize]) -> [f64; STEPS] {
        std::array::from_fn(|step| f64::from(u8::from(steps.contains(&step))))
    }

    #[test]
    fn kick_and_bass_lock_where_they_alternate_and_hats_where_they_agree() {
        let kick = Pattern::of_notes(Role::Kick, at(&[0, 4, 8, 12]));
        let offbeat = Pattern::of_notes(Role::Bass, at(&[2, 6, 10, 14]));
        let under = Pattern::of_notes(Role::Bass, at(&[0, 4, 8, 12]));
        let lock = |own: &Pattern| super::lock(Role::Bass, own, Role::Kick, &kick).unwrap();
        assert!(lock(&offbeat) > 0.99 && lock(&under) < 0.01);
        let hats = Pattern::of_notes(Role::Hat, at(&[2, 6, 10, 14]));
        let perc = |steps| Pattern::of_notes(Role::Perc, at(steps));
        let agree = |own: &Pattern| super::lock(Role::Perc, own, Role::Hat, &hats).unwrap();
        assert!(agree(&perc(&[2, 10])) > agree(&perc(&[3, 9])));
        assert_eq!(super::lock(Role::Pad, &hats, Role::Hat, &hats), None);
    }
}
