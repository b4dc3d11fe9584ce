//! How two stems sound together: compatibility in the tonal interval space.
//!
//! Method: G. Bernardes, M. Davies, C. Guedes, "A hierarchical harmonic mixing method", CMMR 2017, section 3.2 (small-scale
//! compatibility), in the space of G. Bernardes and others, "A multi-level tonal interval space for modelling pitch
//! relatedness and musical consonance", JNMR 45(4), 2016: the Fourier coefficients 1 to 6 of a pitch-class profile, weighted by how
//! consonant their intervals are. Two stems clash the more the less consonant their sum and the farther they are apart.
//! We differ: a stem that is played by notes is its own spectrum moved to each of them.
//! In: pitch-class profiles. Out: clash 0 (a unison) to about 1.

use std::f64::consts::TAU;

use dream_core::{Facts, Profile, Role, Stem};

use super::need::Need;
use super::root::root;
use super::score::{chord, runs};
use crate::render::role::is_tonal;
use crate::render::tuning;

const DIMENSIONS: usize = 6;
/// The weights of intervals, from the second of those papers.
const WEIGHTS: [f64; DIMENSIONS] = [3.0, 8.0, 11.5, 15.0, 14.5, 7.5];
/// 95 of 100 pairs of tonal loops and textures drawn by chance clash less.
const CLASH_95: f64 = 0.27;
/// Stems that point less clearly to pitch classes neither fit nor clash: 9 of 10 snares, claps and hats do.
const TONAL_MIN: f64 = 0.1;
/// A tuning this far from 440 Hz is heard as out of tune beside others, in cents.
const OFF_CENTS: f32 = 15.0;
/// Largest transposition of what runs, in semitones.
pub(super) const REACH: i32 = 3;
/// The fit of what is not known to fit or to clash; it counts as 0.
const NEUTRAL: f64 = 0.5;

/// A pitch-class profile in the tonal interval space.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Interval([(f64, f64); DIMENSIONS]);

impl Interval {
    /// `None` for a profile without pitches.
    pub(super) fn of(classes: &[f64; 12]) -> Option<Self> {
        let sum: f64 = classes.iter().sum();
        (sum > 0.0).then(|| {
            Self(std::array::from_fn(|k| {
                let turn = TAU * (k + 1) as f64 / 12.0;
                let (re, im) = classes.iter().enumerate().fold((0.0, 0.0), |(re, im), (n, c)| {
                    let (sin, cos) = (turn * n as f64).sin_cos();
                    (re + c * cos, im - c * sin)
                });
                (WEIGHTS[k] * re / sum, WEIGHTS[k] * im / sum)
            }))
        })
    }

    /// How tonal the profile is: 0 for noise, 1 for a single pitch class.
    fn points(&self) -> f64 {
        let own: f64 = self.0.iter().map(|(re, im)| re * re + im * im).sum();
        (own / WEIGHTS.iter().map(|w| w * w).sum::<f64>()).sqrt()
    }

    pub(super) fn transposed(&self, semitones: i32) -> Self {
        let mut moved = *self;
        for (k, (re, im)) in moved.0.iter_mut().enumerate() {
            let (sin, cos) = (-TAU * (k + 1) as f64 * f64::from(semitones) / 12.0).sin_cos();
            (*re, *im) = (*re * cos - *im * sin, *re * sin + *im * cos);
        }
        moved
    }

    /// How much two profiles clash.
    pub(super) fn clash(&self, other: &Self) -> f64 {
        let full = 2.0 * WEIGHTS.iter().map(|w| w * w).sum::<f64>().sqrt();
        let (mut sum, mut gap) = (0.0, 0.0);
        for ((a, b), (c, d)) in self.0.iter().zip(&other.0) {
            sum += (a + c).powi(2) + (b + d).powi(2);
            gap += (a - c).powi(2) + (b - d).powi(2);
        }
        (1.0 - sum.sqrt() / full) * gap.sqrt() / full
    }
}

/// What a stem sounds like in a part, before transposition.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sound {
    pub(super) interval: Interval,
    /// Whether it runs as it is and may be transposed as a whole.
    pub(super) runs: bool,
    /// What brings it to 440 Hz where it runs and is clearly off, in semitones.
    pub(super) tune: f64,
    /// The class of its root or its strongest, where it runs in the register of the bass.
    pub(super) bass: Option<i32>,
}

/// What a stem sounds like in a part; `None` where that is not known or the part has no pitch.
pub(super) fn sound(need: &Need<'_>, stem: &Stem) -> Option<Sound> {
    let facts = &stem.facts;
    let profile = facts.profile.as_ref().filter(|_| is_tonal(need.part.role))?;
    let own = profile.pitch_classes.map(f64::from);
    if Interval::of(&own)?.points() < TONAL_MIN {
        return None;
    }
    let runs = runs(need, stem);
    let played = root(facts).filter(|_| !runs).map(|(root, _)| root);
    let classes = match played {
        Some(root) if need.key.is_some() || need.is_melodic() => by_notes(need, stem, root, &own),
        _ => own,
    };
    let low = matches!(need.part.role, Role::Bass | Role::Sub);
    Some(Sound {
        interval: Interval::of(&classes)?,
        runs,
        tune: facts
            .tuning_cents
            .filter(|cents| runs && cents.abs() >= OFF_CENTS)
            .map_or(0.0, |cents| -f64::from(cents) / 100.0),
        bass: (low && runs).then(|| match facts.root {
            Some(root) => (root.round() as i32).rem_euclid(12),
            None => strongest(profile),
        }),
    })
}

/// The shares of the pitch classes by what they have above the median of them, which noise and partials reach as well; `None`
/// where the profile points to none.
pub(super) fn outstanding(facts: &Facts) -> Option<[f64; 12]> {
    let classes = facts.profile.as_ref()?.pitch_classes.map(f64::from);
    if Interval::of(&classes)?.points() < TONAL_MIN {
        return None;
    }
    let mut sorted = classes;
    sorted.sort_by(f64::total_cmp);
    let above = classes.map(|class| (class - sorted[6]).max(0.0));
    let sum: f64 = above.iter().sum();
    (sum > 0.0).then(|| above.map(|class| class / sum))
}

/// How near a stem that runs is to the pitches of the part's notes at its best transposition, 0 to 1; `None` where its pitches
/// are not known.
pub(super) fn plays(need: &Need<'_>, stem: &Stem) -> Option<f64> {
    let (own, notes) = (sound(need, stem)?, Interval::of(&need.classes)?);
    let clash = (-REACH..=REACH).map(|by| own.interval.transposed(by).clash(&notes));
    Some(1.0 - (clash.fold(f64::MAX, f64::min) / CLASH_95).min(1.0))
}

/// A sound with that root where it is played for the notes of the part.
fn by_notes(need: &Need<'_>, stem: &Stem, root: f64, own: &[f64; 12]) -> [f64; 12] {
    let (role, chord) = (need.part.role, chord(stem));
    let mut classes = [0.0; 12];
    for (pitches, weight) in &need.voicings {
        let tonic = need.key.map(|key| key.tonic.index());
        // A chord stem plays all of them at once; notes without pitch are on the tonic.
        let voices = if chord.is_empty() { pitches.len() } else { 1 };
        let wanted: Vec<i32> = match pitches.get(..voices) {
            Some(some) if !some.is_empty() => some.to_vec(),
            _ => tonic.into_iter().collect(),
        };
        for pitch in wanted {
            let away = tuning::away(role, need.key, pitches, f64::from(pitch), root, chord);
            for (class, share) in own.iter().enumerate() {
                classes[(class as i32 + away.round() as i32).rem_euclid(12) as usize] +=
                    weight * share;
            }
        }
    }
    classes
}

fn strongest(profile: &Profile) -> i32 {
    let classes = profile.pitch_classes.iter().enumerate();
    classes.max_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(class, _)| class as i32)
}

/// What sounds already, with its transposition.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heard {
    pub(super) interval: Interval,
    pub(super) bass: Option<i32>,
}

impl Sound {
    pub(super) fn at(&self, semitones: i32) -> Heard {
        Heard {
            interval: self.interval.transposed(semitones),
            bass: self.bass.map(|class| (class + semitones).rem_euclid(12)),
        }
    }
}

/// The fit of the median of such pairs: what fits less is better left out.
pub(super) const BY_CHANCE: f64 = -0.13;
/// The fit of what clashes more than chance does, and of two basses on different notes.
pub(super) const CLASHES: f64 = -1.0 - NEUTRAL;

/// How well a sound goes with all that sounds, -0.5 to 0.5, or [`CLASHES`]. 0 where nothing sounds.
pub(super) fn fit(sound: &Heard, others: &[Heard]) -> f64 {
    let (mut sum, mut worst) = (0.0, 0.0_f64);
    for other in others {
        if sound.bass.zip(other.bass).is_some_and(|(a, b)| a != b) {
            return CLASHES;
        }
        let clash = sound.interval.clash(&other.interval) / CLASH_95;
        sum += clash;
        worst = worst.max(clash);
    }
    if others.is_empty() {
        0.0
    } else if worst > 1.0 {
        CLASHES
    } else {
        1.0 - sum / others.len() as f64 - NEUTRAL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chord(classes: &[usize]) -> Interval {
        let mut profile = [0.0; 12];
        for class in classes {
            profile[*class] = 1.0;
        }
        Interval::of(&profile).unwrap()
    }

    #[test]
    fn consonant_pairs_clash_less() {
        let (c, am, f_sharp) = (chord(&[0, 4, 7]), chord(&[9, 0, 4]), chord(&[6, 10, 1]));
        assert!(c.clash(&c) < 1e-9);
        assert!(c.clash(&am) < c.clash(&f_sharp));
        assert!(chord(&[0]).clash(&chord(&[7])) < chord(&[0]).clash(&chord(&[1])));
    }

    #[test]
    fn transposition_moves_the_profile() {
        let up = chord(&[0, 4, 7]).transposed(2);
        assert!(up.clash(&chord(&[2, 6, 9])) < 1e-9);
        assert!(chord(&[0, 4, 7]).transposed(-3).clash(&chord(&[9, 1, 4])) < 1e-9);
    }

    #[test]
    fn nothing_has_no_place() {
        assert_eq!(Interval::of(&[0.0; 12]), None);
    }

    #[test]
    fn two_basses_share_their_note() {
        let heard = |class: usize| Heard { interval: chord(&[class]), bass: Some(class as i32) };
        assert!(fit(&heard(9), &[heard(9)]) > 0.49);
        assert!(fit(&heard(9), &[heard(4)]) < 0.0);
        assert!(fit(&heard(9), &[]).abs() < 1e-12);
    }
}
