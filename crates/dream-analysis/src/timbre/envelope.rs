//! Measures of the course of the level: attack, decay, crest, steepness.
//!
//! The level is read in steps of 64 frames (1.5 ms) smoothed over six of them, of the sound and of its first
//! difference, which rises by 6 dB per octave and so hears the click of an attack over its body.
//! Times are interpolated between steps. In: mono samples at 44.1 kHz. Cost: two additions per sample.

use super::{Timbre, db};

const RATE: f64 = 44_100.0;
/// Frames per step.
const STEP: usize = 64;
const STEP_S: f64 = STEP as f64 / RATE;
/// Steps of silence before and after the sound.
const PAD: usize = 16;
/// Power gain that makes the first difference as loud as the sound at 1 kHz: 1 / (2 sin(pi 1000 / 44100))^2.
const DIFFERENCE_GAIN: f64 = 49.35;
/// An attack is looked for over this many steps, 8.7 ms.
const ATTACK: usize = 6;
/// A step of this share of the largest power is as loud, 90 % in amplitude.
const LOUD: f64 = 0.81;
/// Changes more than this far below the loudest step do not count as attacks, as a share of its power (50 dB).
const QUIET: f64 = 1e-5;

/// Fills in what the level tells.
pub(super) fn measure(mono: &[f32], timbre: &mut Timbre) {
    let (level, edge) = courses(mono);
    let sounding = PAD..level.len() - PAD;
    let top = (0..level.len()).max_by(|&a, &b| level[a].total_cmp(&level[b])).unwrap_or(0);
    let most = level[top].max(1e-30);
    // The last step that is as loud: of equal hits, which one is the loudest is chance.
    let last = level.iter().rposition(|p| *p >= LOUD * most).unwrap_or(top);
    timbre.attack_s = attack(&level[..=top], most);
    timbre.decay20_s = decay(&level[last..], 0.01 * most);
    let within = &level[sounding];
    let energy: f64 = within.iter().sum::<f64>().max(1e-30);
    timbre.fullness =
        within.iter().filter(|p| **p >= 0.01 * most).count() as f64 / within.len() as f64;
    let peak = mono.iter().fold(0.0_f32, |peak, x| peak.max(x.abs()));
    let body = loudest(&level, 103);
    timbre.crest_db = (20.0 * f64::from(peak).log10() - 10.0 * body.log10()).clamp(0.0, 60.0);
    timbre.punch_db = db(loudest(&level, 4) / loudest(&level, 276)).clamp(0.0, 60.0);
    let tail = &within[within.len() - within.len().div_ceil(10)..];
    let end = tail.iter().sum::<f64>() / tail.len() as f64 / (energy / within.len() as f64);
    timbre.end_db = (10.0 * end.max(1e-10).log10()).max(-100.0);
    timbre.steepness_db = steepness(&edge);
    timbre.edge_db = edge_share(&edge, energy);
}

/// Smoothed power per step of the sound and of its first difference, with `PAD` steps of silence at both ends.
fn courses(mono: &[f32]) -> (Vec<f64>, Vec<f64>) {
    let steps = mono.len().div_ceil(STEP) + 2 * PAD;
    let (mut level, mut edge) = (vec![0.0; steps], vec![0.0; steps]);
    let mut before = 0.0_f32;
    for (i, chunk) in mono.chunks(STEP).enumerate() {
        let (mut power, mut difference) = (0.0_f32, 0.0_f32);
        for x in chunk {
            power += x * x;
            difference += (x - before) * (x - before);
            before = *x;
        }
        level[PAD + i] = f64::from(power) / STEP as f64;
        edge[PAD + i] = f64::from(difference) / STEP as f64 * DIFFERENCE_GAIN;
    }
    (smoothed(&level), smoothed(&edge))
}

/// The mean over six steps, weighted with a Hann window.
fn smoothed(steps: &[f64]) -> Vec<f64> {
    let weights: [f64; 6] =
        std::array::from_fn(|k| (std::f64::consts::PI * (k + 1) as f64 / 7.0).sin().powi(2) / 3.5);
    let at = |i: usize| if i < 3 { 0.0 } else { steps.get(i - 3).copied().unwrap_or(0.0) };
    (0..steps.len()).map(|i| weights.iter().enumerate().map(|(k, w)| w * at(i + k)).sum()).collect()
}

/// Seconds from 10 % to 90 % of the largest amplitude, in the rise that leads to it.
fn attack(rise: &[f64], most: f64) -> f64 {
    let to = rise.iter().position(|p| *p >= LOUD * most).unwrap_or(0);
    let from = rise[..to].iter().rposition(|p| *p < 0.01 * most).unwrap_or(0);
    let late = crossing(rise, to, LOUD * most);
    let early = crossing(rise, (from + 1).min(to), 0.01 * most);
    (late - early).max(0.0) * STEP_S
}

/// Where the amplitude crosses the root of `power` between the step before `step` and it.
fn crossing(course: &[f64], step: usize, power: f64) -> f64 {
    let Some(before) = step.checked_sub(1) else { return 0.0 };
    let (low, high) = (course[before].sqrt(), course[step].sqrt());
    let share = if high > low { (power.sqrt() - low) / (high - low) } else { 1.0 };
    before as f64 + share.clamp(0.0, 1.0)
}

/// Seconds until the power stays below `least`.
fn decay(fall: &[f64], least: f64) -> f64 {
    let Some(last) = fall.iter().rposition(|p| *p >= least) else { return 0.0 };
    let share = match fall.get(last + 1) {
        Some(next) if *next > 0.0 => (fall[last] / least).ln() / (fall[last] / next).ln(),
        _ => 0.0,
    };
    (last as f64 + share.clamp(0.0, 1.0)) * STEP_S
}

/// The largest mean power of so many successive steps.
fn loudest(power: &[f64], steps: usize) -> f64 {
    let steps = steps.min(power.len());
    let mut sum: f64 = power[..steps].iter().sum();
    let mut best = sum;
    for i in steps..power.len() {
        sum += power[i] - power[i - steps];
        best = best.max(sum);
    }
    (best / steps as f64).max(1e-30)
}

/// How many dB the level of the first difference typically rises in 8.7 ms where it rises: a mean of the rises in
/// which steep ones count most, so that attacks outweigh the flicker of noise.
fn steepness(edge: &[f64]) -> f64 {
    let floor = QUIET * edge.iter().copied().fold(1e-30, f64::max);
    let level: Vec<f64> = edge.iter().map(|p| 10.0 * (p + floor).log10()).collect();
    let (mut sum, mut fourth) = (0.0, 0.0);
    for (before, after) in level.iter().zip(&level[ATTACK..]) {
        let rise = (after - before).max(0.0);
        sum += rise;
        fourth += rise.powi(4);
    }
    if sum > 0.0 { (fourth / sum).cbrt() } else { 0.0 }
}

/// Energy of the rises of the first difference over that of the sound, dB: how bright and how frequent attacks are.
fn edge_share(edge: &[f64], energy: f64) -> f64 {
    let amplitude: Vec<f64> = edge.iter().map(|p| p.max(0.0).sqrt()).collect();
    let rises: f64 =
        amplitude.iter().zip(&amplitude[2..]).map(|(a, b)| (b - a).max(0.0).powi(2)).sum();
    10.0 * (rises / energy + 1e-9).log10()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::{clicks, noise, sine, thump};

    fn of(samples: &[f32]) -> Timbre {
        let mut timbre = Timbre::default();
        measure(samples, &mut timbre);
        timbre
    }

    fn faded(samples: &[f32], seconds: f64) -> Vec<f32> {
        let ramp = seconds * RATE;
        samples.iter().enumerate().map(|(i, x)| x * (i as f64 / ramp).min(1.0) as f32).collect()
    }

    #[test]
    fn a_decay_of_20_ms_falls_by_20_db_in_46_ms() {
        let found = of(&clicks(&[0.05], 0.5));
        assert!((found.decay20_s - 0.046).abs() < 0.012, "{found:?}");
    }

    #[test]
    fn a_ramp_has_its_length_as_attack() {
        for seconds in [0.05, 0.2, 1.0] {
            let found = of(&faded(&sine(1000.0, 2.0), seconds));
            assert!((found.attack_s / (0.8 * seconds) - 1.0).abs() < 0.05, "{found:?}");
        }
    }

    #[test]
    fn slower_attacks_are_less_steep() {
        for sound in [noise(0.4), sine(80.0, 0.4), thump(60.0, 0.4)] {
            let steep: Vec<f64> = [0.001, 0.01, 0.03, 0.1]
                .iter()
                .map(|seconds| of(&faded(&sound, *seconds)).steepness_db)
                .collect();
            assert!(steep.windows(2).all(|pair| pair[1] < pair[0]), "{steep:?}");
        }
    }

    #[test]
    fn a_few_frames_of_offset_change_little() {
        let sound = clicks(&[0.1, 0.3], 0.6);
        let (plain, moved) = (of(&sound), of(&[&[0.0; 3], sound.as_slice()].concat()));
        assert!((plain.attack_s - moved.attack_s).abs() < 5e-4, "{plain:?} {moved:?}");
        assert!((plain.decay20_s - moved.decay20_s).abs() < 0.01);
        assert!((plain.steepness_db - moved.steepness_db).abs() < 0.3);
        assert!((plain.punch_db - moved.punch_db).abs() < 0.2);
    }
}
