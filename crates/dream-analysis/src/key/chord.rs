//! The root of a chord.
//!
//! One scorer sees what sounds from each of the twelve pitch classes and rates it as a root, as the key model does a
//! tonic; the softmax gives the root. A logistic regression on how far it leads and on what no transposition changes says
//! how likely it is right: an inverted minor seventh is a sixth chord on another note, a diminished one has four roots.
//! T. Fujishima, "Realtime Chord Recognition of Musical Sound", ICMC 1999, compares with templates of ones and zeros; we
//! differ: the weights are fitted, by `bench/key/train_chord.py`, and the bass counts.
//! In: the outline of a clip that holds one chord. Limits: the octave is that of the lowest note of the root's class.

mod table;

use super::features::{Outline, SCALARS};
use super::notes::{LOWEST, NOTES};

/// The profiles that are seen: everything high, the lowest notes, everything, the raw peaks, the bass line.
const SEEN: [usize; 5] = [0, 1, 2, 8, 12];
/// What a root is rated by.
const INPUTS: usize = 12 * SEEN.len() + 24;
const HIDDEN: usize = 12;
/// Probability, lead and the scalars.
const EVIDENCE: usize = 2 + SCALARS;
/// A lead beyond this is no surer, in nepers.
const LEAD_MAX: f32 = 8.0;
/// A note of the root's class is its octave from this share of the strongest on.
const HEARD: f32 = 0.25;

/// The root of a clip that may be a chord.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chord {
    /// The lowest root as a MIDI note with cents as its fraction.
    pub root: f64,
    /// The probability that the clip is a chord with this root, 0 to 1.
    pub confidence: f32,
}

/// The most likely root; `None` where nothing sounds.
pub(super) fn chord(outline: &Outline) -> Option<Chord> {
    let ratings: [f32; 12] = std::array::from_fn(|root| rate(&seen_from(outline, root)));
    let best = (0..12).max_by(|a, b| ratings[*a].total_cmp(&ratings[*b]))?;
    let total: f32 = ratings.iter().map(|rating| (rating - ratings[best]).exp()).sum();
    let second = (0..12).filter(|root| *root != best).map(|root| ratings[root]);
    let lead = ratings[best] - second.fold(f32::NEG_INFINITY, f32::max);
    let note = lowest(&outline.notes, best)?;
    Some(Chord {
        root: (note + LOWEST) as f64 + f64::from(outline.tuning.unwrap_or(0.0)),
        confidence: clear(total.recip(), lead.min(LEAD_MAX), &outline.scalars),
    })
}

/// The lowest note of a pitch class that is heard.
fn lowest(notes: &[f32; NOTES], class: usize) -> Option<usize> {
    let own = || (0..NOTES).filter(|note| (note + LOWEST) % 12 == class);
    let top = own().map(|note| notes[note]).fold(0.0, f32::max);
    own().find(|note| top > 0.0 && notes[*note] >= HEARD * top)
}

/// The profiles and the triads of the whole with `root` in the place of C.
fn seen_from(outline: &Outline, root: usize) -> [f32; INPUTS] {
    let mut out = [0.0; INPUTS];
    let profiles = SEEN.iter().map(|profile| outline.profiles[*profile].as_slice());
    for (slots, values) in
        out.chunks_exact_mut(12).zip(profiles.chain(outline.triads[0].chunks_exact(12)))
    {
        for (step, slot) in slots.iter_mut().enumerate() {
            *slot = values[(root + step) % 12];
        }
    }
    out
}

fn rate(seen: &[f32; INPUTS]) -> f32 {
    let mut hidden = table::FIRST_BIAS;
    for (value, weights) in seen.iter().zip(&table::FIRST) {
        for (sum, weight) in hidden.iter_mut().zip(weights) {
            *sum += value * weight;
        }
    }
    hidden.iter().zip(&table::SECOND).map(|(value, weight)| value.max(0.0) * weight).sum()
}

/// The probability that the best root is right.
fn clear(probability: f32, lead: f32, scalars: &[f32; SCALARS]) -> f32 {
    let mut logit = table::CLEAR_BIAS;
    let (plain, squared) = table::CLEAR.split_at(EVIDENCE);
    for (i, value) in [probability, lead].iter().chain(scalars).enumerate() {
        let z = ((value - table::MEAN[i]) / table::DEVIATION[i]).clamp(-4.0, 4.0);
        logit += z * plain[i] + z * z * squared[i];
    }
    1.0 / (1.0 + (-logit).exp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::features::outline;
    use crate::signals;

    /// Two seconds of these MIDI notes.
    fn heard(notes: &[i32]) -> Chord {
        let hz = |note: &i32| 440.0 * ((f64::from(*note) - 69.0) / 12.0).exp2();
        let notes: Vec<f64> = notes.iter().map(hz).collect();
        chord(&outline(&signals::chord(&notes, 2.0, 8))).expect("something sounds")
    }

    #[track_caller]
    fn check(notes: &[i32], root: i32) {
        let found = heard(notes);
        assert!(
            (found.root - f64::from(root)).abs() < 0.05 && found.confidence > 0.75,
            "{found:?}"
        );
    }

    #[test]
    fn a_chord_has_its_root_in_every_transposition() {
        for root in 46..58 {
            check(&[root, root + 3, root + 7], root);
            check(&[root, root + 4, root + 7], root);
            check(&[root, root + 4, root + 7, root + 10], root);
        }
    }

    #[test]
    fn an_inverted_triad_keeps_its_root() {
        check(&[64, 67, 72], 72);
        check(&[60, 64, 69], 69);
        check(&[55, 60, 64], 60);
    }

    #[test]
    fn a_chord_without_a_third_has_the_root_it_stands_on() {
        check(&[45, 52, 57], 45);
    }

    #[test]
    fn what_divides_the_octave_evenly_has_no_sure_root() {
        assert!(heard(&[60, 63, 66, 69]).confidence < 0.75);
        assert!(heard(&[60, 64, 68]).confidence < 0.75);
    }

    #[test]
    fn silence_has_no_root() {
        assert_eq!(chord(&outline(&signals::silence(1.0))), None);
    }
}
