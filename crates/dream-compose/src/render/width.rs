//! Mono sources made wide.
//!
//! Method: a side signal from the middle by a sparse random filter, B. Alary, A. Politis, V. Valimaki,
//! "Velvet-Noise Decorrelator", `DAFx` 2017. Left plus right stays what it was, and below 300 Hz there is
//! no side. Each role has its own filter, so that the sides of two layers do not add up.

use dream_audio::filter::Cascade;
use dream_core::{Role, Seed};
use rand::RngExt;

use super::role::is_drum;
use super::timeline::{RATE, frames};

/// Pulses of the filter.
const PULSES: usize = 20;
/// Under this frequency there is no side, Hz.
const LOWEST_HZ: f64 = 300.0;

/// Wanted level of the side relative to the middle, linear; 0 for what stays in the middle.
fn width(role: Role) -> f32 {
    match role {
        Role::Kick | Role::Snare | Role::Bass | Role::Sub | Role::Tom | Role::Impact => 0.0,
        Role::Vocal => 0.3,
        Role::Hat | Role::Perc | Role::Break => 0.4,
        Role::Clap | Role::OpenHat | Role::Ride | Role::Shaker => 0.6,
        Role::Lead
        | Role::Drone
        | Role::Noise
        | Role::Riser
        | Role::Downlifter
        | Role::Crash
        | Role::Reverse => 0.8,
        Role::Arp | Role::Stab | Role::Chords | Role::Pad => 1.0,
    }
}

/// Gives a source the width of its role if it has less. `looped` sources are filtered round the seam.
pub(super) fn spread(channels: &mut Vec<Vec<f32>>, role: Role, looped: bool) {
    let wanted = width(role);
    if wanted <= 0.0 {
        return;
    }
    let (middle, sides) = match channels.as_slice() {
        [mono] => (mono.clone(), 0.0),
        [left, right] => {
            let of = |sign: f32| left.iter().zip(right).map(move |(l, r)| 0.5 * (l + sign * r));
            (of(1.0).collect(), power(&of(-1.0).collect::<Vec<f32>>()))
        }
        _ => return,
    };
    let mut side = decorrelated(&middle, role, looped);
    let mut highpass = Cascade::highpass(2, LOWEST_HZ, RATE.hz());
    if looped {
        // The state after one pass is the state at the seam.
        highpass.run(&mut side.clone());
    }
    highpass.run(&mut side);
    // The filter has unit gain: what of the middle lies above its corner decides how much side there is.
    let lacks = wanted * wanted * power(&side) - sides;
    let gain = (lacks / power(&side).max(1e-12)).max(0.0).sqrt();
    if gain < 0.05 {
        return;
    }
    if channels.len() == 1 {
        channels.push(middle);
    }
    for (channel, gain) in channels.iter_mut().zip([gain, -gain]) {
        channel.iter_mut().zip(&side).for_each(|(x, side)| *x += gain * side);
    }
}

/// The signal through the role's sparse filter, of the same length.
fn decorrelated(middle: &[f32], role: Role, looped: bool) -> Vec<f32> {
    let reach = frames(if is_drum(role) { 0.006 } else { 0.018 }) as usize;
    let mut rng = Seed(0).child("width").child(role.name()).rng();
    let cell = reach / PULSES;
    let mut pulses: Vec<(usize, f32)> = (0..PULSES)
        .map(|k| {
            let at = 1 + k * cell + rng.random_range(0..cell);
            let decay = (-1.5 * at as f32 / reach as f32).exp();
            (at, if rng.random_bool(0.5) { decay } else { -decay })
        })
        .collect();
    let norm = pulses.iter().map(|(_, gain)| gain * gain).sum::<f32>().sqrt();
    for (_, gain) in &mut pulses {
        *gain /= norm;
    }
    let mut out = vec![0.0; middle.len()];
    for (at, gain) in pulses {
        let at = at.min(middle.len());
        let (early, late) = middle.split_at(middle.len() - at);
        out[at..].iter_mut().zip(early).for_each(|(y, x)| *y += gain * x);
        if looped {
            out.iter_mut().zip(late).for_each(|(y, x)| *y += gain * x);
        }
    }
    out
}

fn power(samples: &[f32]) -> f32 {
    samples.iter().map(|x| x * x).sum::<f32>() / samples.len().max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(frames: usize) -> Vec<f32> {
        let mut rng = Seed(7).rng();
        (0..frames).map(|_| rng.random_range(-0.5..0.5)).collect()
    }

    fn sum(channels: &[Vec<f32>]) -> Vec<f32> {
        channels[0].iter().zip(&channels[1]).map(|(l, r)| 0.5 * (l + r)).collect()
    }

    fn side(channels: &[Vec<f32>]) -> Vec<f32> {
        channels[0].iter().zip(&channels[1]).map(|(l, r)| 0.5 * (l - r)).collect()
    }

    #[test]
    fn a_mono_pad_gets_sides_and_keeps_its_sum() {
        let mono = noise(40_000);
        let mut wide = vec![mono.clone()];
        spread(&mut wide, Role::Pad, false);
        assert!(sum(&wide).iter().zip(&mono).all(|(a, b)| (a - b).abs() < 1e-5));
        let ratio = 10.0 * (power(&side(&wide)) / power(&mono)).log10();
        assert!((-4.0..1.0).contains(&ratio), "{ratio} dB");
    }

    #[test]
    fn lows_and_the_kick_stay_in_the_middle() {
        let low: Vec<f32> = (0..40_000).map(|i| (i as f32 * 0.01).sin()).collect();
        let mut wide = vec![low.clone()];
        spread(&mut wide, Role::Pad, false);
        let ratio = wide.get(1).map_or(0.0, |_| power(&side(&wide)) / power(&low));
        assert!(ratio < 1e-2, "{ratio}");
        let mut kick = vec![noise(1_000)];
        spread(&mut kick, Role::Kick, false);
        assert_eq!(kick.len(), 1);
    }

    #[test]
    fn wide_sources_are_left_alone_and_short_ones_do_not_matter() {
        let wide = vec![noise(5_000), noise(5_000).into_iter().rev().collect()];
        let mut same = wide.clone();
        spread(&mut same, Role::Pad, false);
        assert_eq!(same, wide);
        let mut short = vec![vec![1.0; 3]];
        spread(&mut short, Role::Pad, true);
        assert!(short.iter().flatten().all(|x| x.is_finite()));
    }
}
