//! The pitch by which a stem is played: its root, or the one note that a long tone holds.
//!
//! Analysis gives a root to what is short enough to be one note. A pad that holds one note for ten seconds is as good for an
//! instrument: its pitch classes say which note it is, though not in which octave, and by octaves notes are reached anyway.
//! In: a stem's facts. Out: a MIDI note with cents as its fraction, and how sure it is, 0 to 1.

use dream_core::{Category, Facts, Form};

/// Least share of the held note among the pitch classes, and most of any other than its fifth: partials and detuned voices.
const HELD_MIN: f32 = 0.4;
const OTHER_MAX: f32 = 0.15;
/// Least share of the energy in lasting peaks.
const TONAL_MIN: f32 = 0.5;
/// Least seconds of a long tone, and how much its spectrum may move: what plays a line or a rhythm moves more.
const LONG_S: f64 = 2.0;
const MOVEMENT_MAX: f32 = 0.02;
/// How sure a held note is.
const SURE: f32 = 0.9;
/// The octave of a held note.
const OCTAVE: i32 = 48;

/// The note that a stem is, with how sure that is.
pub(super) fn root(facts: &Facts) -> Option<(f64, f64)> {
    let known = facts.root.map(|root| (root, facts.root_confidence));
    let (root, sure) = known.or_else(|| Some((held(facts)?, SURE)))?;
    Some((root, f64::from(sure.clamp(0.0, 1.0))))
}

/// The one note that a long tone holds.
fn held(facts: &Facts) -> Option<f64> {
    let attribute = |name: &str| facts.attributes.get(name).copied();
    let tonal = attribute("tonality").is_some_and(|share| share >= TONAL_MIN);
    let steady = attribute("movement").is_some_and(|change| change <= MOVEMENT_MAX);
    // A voice keeps its own pitch.
    let plays = facts.form != Form::Loop && facts.category != Category::Vocals;
    let long = plays && steady && tonal && facts.duration_s >= LONG_S;
    let profile = facts.profile.as_ref().filter(|_| long)?;
    let classes = &profile.pitch_classes;
    let strongest = (0..12).max_by(|a, b| classes[*a].total_cmp(&classes[*b]))?;
    let other = (1..12).filter(|above| *above != 7).map(|above| classes[(strongest + above) % 12]);
    let alone = classes[strongest] >= HELD_MIN && other.fold(0.0, f32::max) <= OTHER_MAX;
    let cents = f64::from(facts.tuning_cents.unwrap_or(0.0));
    alone.then(|| f64::from(OCTAVE + strongest as i32) + cents / 100.0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use dream_core::Profile;

    use super::*;

    #[track_caller]
    fn check(form: Form, shares: [(usize, f32); 3], movement: f32, expected: Option<f64>) {
        let mut pitch_classes = [0.01; 12];
        for (class, share) in shares {
            pitch_classes[class] = share;
        }
        let facts = Facts {
            form,
            profile: Some(Profile { pitch_classes, ..Profile::default() }),
            attributes: BTreeMap::from([
                ("tonality".to_owned(), 0.9),
                ("movement".to_owned(), movement),
            ]),
            duration_s: 8.0,
            tuning_cents: Some(-40.0),
            ..Facts::default()
        };
        assert_eq!(held(&facts).map(|root| (root * 10.0).round() / 10.0), expected);
    }

    #[test]
    fn a_long_tone_is_an_instrument_and_a_chord_is_none() {
        check(Form::Free, [(6, 0.5), (1, 0.2), (10, 0.08)], 0.01, Some(53.6));
        check(Form::OneShot, [(6, 0.5), (1, 0.2), (10, 0.08)], 0.01, Some(53.6));
        // A third, a line, a loop.
        check(Form::Free, [(6, 0.5), (1, 0.1), (10, 0.3)], 0.01, None);
        check(Form::Free, [(6, 0.5), (1, 0.2), (10, 0.08)], 0.03, None);
        check(Form::Loop, [(6, 0.5), (1, 0.2), (10, 0.08)], 0.01, None);
    }
}
