//! Signals for the unit tests, 44.1 kHz mono.

use std::f64::consts::TAU;

use dream_core::Seed;

const RATE: f64 = 44_100.0;

pub(crate) fn silence(seconds: f64) -> Vec<f32> {
    vec![0.0; (seconds * RATE) as usize]
}

pub(crate) fn sine(hz: f64, seconds: f64) -> Vec<f32> {
    chord(&[hz], seconds, 1)
}

/// Notes with `partials` harmonics of amplitude 1/k, 0.5 at most in sum per note.
pub(crate) fn chord(notes_hz: &[f64], seconds: f64, partials: u32) -> Vec<f32> {
    let gain = 0.5 / notes_hz.len() as f64;
    (0..(seconds * RATE) as usize)
        .map(|i| {
            let t = i as f64 / RATE;
            let note = |hz: &f64| -> f64 {
                (1..=partials).map(|k| (TAU * hz * f64::from(k) * t).sin() / f64::from(k)).sum()
            };
            (gain * notes_hz.iter().map(note).sum::<f64>()) as f32
        })
        .collect()
}

pub(crate) fn noise(seconds: f64) -> Vec<f32> {
    let mut state = Seed(1);
    silence(seconds)
        .iter()
        .map(|_| {
            state = state.index(0);
            0.3 * ((state.0 >> 40) as f32 / 8_388_608.0 - 1.0)
        })
        .collect()
}

/// Bursts of noise that decay in 20 ms, at the given times.
pub(crate) fn clicks(times_s: &[f64], seconds: f64) -> Vec<f32> {
    let mut out = silence(seconds);
    let burst = noise(0.12);
    for time in times_s {
        let start = (time * RATE).round() as usize;
        for (i, x) in burst.iter().enumerate() {
            if let Some(slot) = out.get_mut(start + i) {
                *slot += 2.0 * x * (-(i as f32) / 882.0).exp();
            }
        }
    }
    out
}

/// A drum hit: a decaying sine that falls from 3 `hz` to `hz`.
pub(crate) fn thump(hz: f64, seconds: f64) -> Vec<f32> {
    let mut phase = 0.0;
    (0..(seconds * RATE) as usize)
        .map(|i| {
            let t = i as f64 / RATE;
            phase += TAU * hz * (1.0 + 2.0 * (-t / 0.02).exp()) / RATE;
            (0.9 * phase.sin() * (-t / 0.12).exp()) as f32
        })
        .collect()
}
