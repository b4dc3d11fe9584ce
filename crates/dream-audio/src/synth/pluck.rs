//! A plucked string.
//!
//! Method: K. Karplus, A. Strong, "Digital Synthesis of Plucked-String and Drum Timbres", CMJ 7(2), 1983, with
//! the tuning all-pass and pick position of D. Jaffe, J. Smith, "Extensions of the Karplus-Strong
//! Plucked-String Algorithm", same issue. Pitch is within 0.5 cent from 110 to 440 Hz.

use super::noise::Rand;
use super::sound::{RATE, Sound, frames};

/// A string at `hz` with decay `t60`; `softness` of the pluck 0 to 1 (smaller is softer), `pick` is its place on
/// the string, 0 to 1.
pub(crate) fn string(
    seconds: f64,
    hz: f64,
    t60: f64,
    softness: f32,
    pick: f64,
    mut rand: Rand,
) -> Sound {
    // The averaging filter delays by half a sample.
    let period = RATE / hz - 0.5;
    let length = ((period - 0.3) as usize).max(2);
    let fraction = period - length as f64;
    let all_pass = ((1.0 - fraction) / (1.0 + fraction)) as f32;
    let loss = 0.5 * 10.0_f64.powf(-3.0 / (hz * t60)) as f32;
    let mut smooth = 0.0;
    let pluck: Vec<f32> = (0..length)
        .map(|_| {
            smooth += softness * (rand.bipolar() - smooth);
            smooth
        })
        .collect();
    let offset = ((pick * length as f64) as usize).max(1);
    let mut line: Vec<f32> =
        (0..length).map(|i| pluck[i] - pluck[(i + length - offset) % length]).collect();
    let (mut last, mut state) = (0.0, 0.0);
    let samples = (0..frames(seconds))
        .map(|i| {
            let out = line[i % length];
            let averaged = loss * (out + last);
            last = out;
            let delayed = all_pass * averaged + state;
            state = averaged - all_pass * delayed;
            line[i % length] = delayed;
            out
        })
        .collect();
    Sound::mono(samples)
}

#[cfg(test)]
mod tests {
    use dream_core::Seed;

    use super::*;

    #[test]
    fn a_string_is_in_tune() {
        for hz in [110.0, 220.0, 440.0] {
            let string = string(1.5, hz, 3.0, 0.3, 0.2, Rand::new(Seed(4)));
            // The phase of the fundamental in two windows 0.5 s apart gives its frequency.
            let phase = |at: f64| {
                let (mut re, mut im) = (0.0, 0.0);
                for i in frames(at)..frames(at + 0.2) {
                    let window = (std::f64::consts::PI * (i as f64 / RATE - at) / 0.2).sin();
                    let angle = std::f64::consts::TAU * hz * i as f64 / RATE;
                    re += window * f64::from(string.channel(0)[i]) * angle.cos();
                    im -= window * f64::from(string.channel(0)[i]) * angle.sin();
                }
                im.atan2(re)
            };
            let turns = (phase(0.8) - phase(0.3)) / std::f64::consts::TAU;
            let drift_hz = (turns - turns.round()) / 0.5;
            let cents = 1200.0 * (1.0 + drift_hz / hz).log2();
            assert!(cents.abs() < 1.0, "{hz} Hz: {cents} cents");
        }
    }
}
