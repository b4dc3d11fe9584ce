//! How far a one-shot is transposed to play a note or a chord.
//!
//! In: the stem's root, the steps of its chord, what sounds. Out: semitones, within the role's reach where the pitch class
//! allows it. Beside it: where the fifth partial of a note is a third that the key does not have.

use dream_core::{Key, Mode, Role};

use super::role::reach;

/// Semitones from a stem's root to where it plays `wanted`, the lowest of the pitches that start together (`sounding`); a stem
/// that holds a chord goes where that agrees best with all of them.
pub(crate) fn away(
    role: Role,
    key: Option<Key>,
    sounding: &[i32],
    wanted: f64,
    root: f64,
    chord: &[u8],
) -> f64 {
    let reach = reach(role, !chord.is_empty());
    if chord.is_empty() {
        return fold(wanted - root, reach);
    }
    let parallel = if role == Role::Stab { 4.0 } else { 0.7 };
    chord_away(key, sounding, wanted, root, chord, reach, parallel)
}

/// An interval moved by octaves into reach, or as near as it gets.
fn fold(away: f64, (low, high): (f64, f64)) -> f64 {
    if (low..=high).contains(&away) {
        return away;
    }
    let folded = (away + 6.0).rem_euclid(12.0) - 6.0;
    // The other octave where this one lies just outside an uneven reach.
    if folded < low && folded + 12.0 <= high { folded + 12.0 } else { folded }
}

/// How far to move a chord stem: within reach, to where its tones agree best with those that sound and
/// with the key; `parallel` is what it is worth to stand on their root.
fn chord_away(
    key: Option<Key>,
    sounding: &[i32],
    lowest: f64,
    root: f64,
    chord: &[u8],
    reach: (f64, f64),
    parallel: f64,
) -> f64 {
    let class = |pitch: i32| pitch.rem_euclid(12);
    let in_key = |pitch: i32| key.is_none_or(|key| has(key, pitch));
    let direct = fold(lowest - root, reach);
    let ground = root_of(sounding).unwrap_or(lowest.round() as i32);
    let worth = |away: f64| {
        let base = (root + away).round() as i32;
        let tones = chord.iter().map(|step| {
            let tone = base + i32::from(*step);
            let sounds = sounding.iter().any(|pitch| class(*pitch) == class(tone));
            if sounds {
                1.0
            } else if in_key(tone) {
                0.0
            } else {
                -1.5
            }
        });
        let on_root = if class(base) == class(ground) { parallel } else { 0.0 };
        let (low, high) = reach;
        let beyond = (away - high).max(low - away).max(0.0);
        tones.sum::<f64>() + on_root - 0.02 * away.abs() - 0.6 * beyond
    };
    // Whole steps around the direct one keep the tuning that its fraction corrects.
    let candidates = (-12..=12).map(|step| direct + f64::from(step));
    candidates
        .filter(|away| away.abs() <= 6.5)
        .max_by(|a, b| worth(*a).total_cmp(&worth(*b)))
        .unwrap_or(direct)
}

/// The root of a chord: the pitch over which most of the others are fifth, third, seventh or ninth, the lowest of equals.
pub(crate) fn root_of(sounding: &[i32]) -> Option<i32> {
    let worth = |root: i32| -> f64 {
        let above = |pitch: &i32| match (pitch - root).rem_euclid(12) {
            0 => 0.0,
            7 => 2.0,
            3 | 4 => 1.5,
            10 | 11 => 0.5,
            2 => 0.3,
            _ => -0.7,
        };
        sounding.iter().map(above).sum()
    };
    let by_worth = |a: &i32, b: &i32| worth(*a).total_cmp(&worth(*b)).then(b.cmp(a));
    sounding.iter().copied().max_by(by_worth)
}

/// Whether the scale of a key has a pitch.
fn has(key: Key, pitch: i32) -> bool {
    let scale: &[i32] = match key.mode {
        Mode::Major => &[0, 2, 4, 5, 7, 9, 11],
        Mode::Minor => &[0, 2, 3, 5, 7, 8, 10],
    };
    scale.contains(&(pitch - key.tonic.index()).rem_euclid(12))
}

/// Highest fundamental whose fifth partial is heard as a note of its own, Hz.
const LOW_HZ: f64 = 262.0;

/// The fundamental, Hz, of a low note whose fifth partial is a major third foreign to the key, where the key has the minor one: held
/// notes of a bass or a drone would turn a minor key into its parallel major.
pub(crate) fn foreign_third_hz(key: Option<Key>, pitch: f64) -> Option<f64> {
    let hz = 440.0 * ((pitch - 69.0) / 12.0).exp2();
    let note = pitch.round() as i32;
    let foreign = |key: Key| has(key, note + 3) && !has(key, note + 4);
    (key.is_some_and(foreign) && (20.0..LOW_HZ).contains(&hz)).then_some(hz)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_reached_by_octaves() {
        let away = |wanted| away(Role::Bass, None, &[], wanted, 45.0, &[]);
        assert_eq!([47.0, 57.0, 54.0].map(|pitch| away(pitch).round() as i32), [2, 0, -3]);
    }

    #[test]
    fn chords_stand_where_their_tones_sound() {
        let key = Some("A minor".parse().unwrap());
        let away = |role, root| away(role, key, &[57, 60, 64], 57.0, root, &[0, 4, 7]);
        // C major holds two of the three tones of A minor; A major has a third that is foreign.
        assert!((away(Role::Chords, 59.0) - 1.0).abs() < 1e-9);
        // A stab stands on the root.
        assert!((away(Role::Stab, 59.0) + 2.0).abs() < 1e-9);
    }

    #[test]
    fn an_open_chord_stands_on_the_root_of_an_inversion() {
        let key = Some("D major".parse().unwrap());
        let away =
            |sounding: &[i32]| away(Role::Chords, key, sounding, sounding[0].into(), 50.0, &[0, 7]);
        // D major seven over its third, B minor seven over its fifth.
        assert!(away(&[54, 57, 61, 62]).abs() < 1e-9);
        assert!((away(&[54, 57, 59, 62]) + 3.0).abs() < 1e-9);
    }

    #[test]
    fn the_major_third_in_a_low_note_is_foreign_to_a_minor_chord_only() {
        let key = Some("A minor".parse().unwrap());
        let a = foreign_third_hz(key, 33.0).unwrap();
        assert!((a - 55.0).abs() < 1e-9);
        // C, F and G have major chords in A minor; high notes, no key.
        let others = [36.0, 41.0, 43.0, 69.0];
        assert_eq!(others.map(|pitch| foreign_third_hz(key, pitch)), [None; 4]);
        assert_eq!(foreign_third_hz(None, 33.0), None);
    }
}
