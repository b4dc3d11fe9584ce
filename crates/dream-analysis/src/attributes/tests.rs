use std::f64::consts::TAU;

use dream_audio::Clip;
use dream_audio::synth::kit::{Recipe, recipes};
use dream_core::{Category, Form, SampleRate, Seed};

use super::*;
use crate::descriptors::percentile;
use crate::signals::{clicks, noise, sine};

const RATE: f64 = 44_100.0;

fn of(samples: &[f32]) -> [f32; COUNT] {
    crate::listen(&Clip::mono(SampleRate::LIBRARY, samples.to_vec()), None).attributes
}

fn low_pass(x: &[f32], hz: f64) -> Vec<f32> {
    let keep = (-TAU * hz / RATE).exp() as f32;
    let mut held = 0.0;
    x.iter()
        .map(|now| {
            held = now + (held - now) * keep;
            held
        })
        .collect()
}

fn sum(a: &[f32], b: &[f32], gain: f32) -> Vec<f32> {
    a.iter().zip(b).map(|(a, b)| a + gain * b).collect()
}

fn darker(x: &[f32]) -> Vec<f32> {
    low_pass(&low_pass(x, 2000.0), 2000.0)
}

fn brighter(x: &[f32]) -> Vec<f32> {
    sum(x, &sum(x, &low_pass(x, 3000.0), -1.0), 1.8)
}

fn deeper(x: &[f32]) -> Vec<f32> {
    let step = (-7.0_f64 / 12.0).exp2();
    let read = |place: f64| {
        let (at, share) = (place as usize, place.fract() as f32);
        x[at] * (1.0 - share) + x.get(at + 1).copied().unwrap_or(0.0) * share
    };
    (0..((x.len() - 1) as f64 / step) as usize).map(|i| read(i as f64 * step)).collect()
}

fn softer(x: &[f32]) -> Vec<f32> {
    x.iter().enumerate().map(|(i, x)| x * (i as f32 / 1300.0).min(1.0)).collect()
}

fn noisier(x: &[f32]) -> Vec<f32> {
    let level: Vec<f32> = low_pass(&x.iter().map(|x| x.abs()).collect::<Vec<_>>(), 10.0);
    let hiss = noise(x.len() as f64 / RATE + 0.1);
    x.iter().zip(&hiss).zip(level).map(|((x, n), level)| x + 1.5 * n * level).collect()
}

/// Four parallel combs with a decay of 0.8 s (M. Schroeder, "Natural Sounding Artificial Reverberation", 1962).
fn wetter(x: &[f32]) -> Vec<f32> {
    let mut out = x.to_vec();
    out.resize(x.len() + 35_280, 0.0);
    let dry = out.clone();
    for lag in [1310, 1636, 1813, 1927_usize] {
        let back = 10.0_f64.powf(-3.0 * lag as f64 / RATE / 0.8) as f32;
        let mut comb = dry.clone();
        for i in lag..comb.len() {
            comb[i] += back * comb[i - lag];
        }
        for i in lag..out.len() {
            out[i] += 0.2 * comb[i - lag];
        }
    }
    out
}

fn distorted(x: &[f32]) -> Vec<f32> {
    let peak = x.iter().fold(1e-9_f32, |peak, x| peak.max(x.abs()));
    x.iter().map(|x| (8.0 * x / peak).tanh()).collect()
}

fn warmer(x: &[f32]) -> Vec<f32> {
    let low_mid = sum(&low_pass(x, 500.0), &low_pass(x, 150.0), -1.0);
    low_pass(&sum(x, &low_mid, 1.0), 5000.0)
}

#[test]
fn effects_move_their_attributes() {
    type Effect = fn(&[f32]) -> Vec<f32>;
    let effects: [(Effect, &str, f32); 8] = [
        (darker, "brightness", -1.0),
        (brighter, "brightness", 1.0),
        (deeper, "depth", 1.0),
        (softer, "hardness", -1.0),
        (noisier, "noisiness", 1.0),
        (wetter, "reverb", 1.0),
        (distorted, "distortion", 1.0),
        (warmer, "warmth", 1.0),
    ];
    let kit: Vec<Recipe> =
        recipes().into_iter().filter(|r| r.form == Form::OneShot).step_by(9).collect();
    let dry: Vec<(Category, Vec<f32>, [f32; COUNT])> = kit
        .iter()
        .map(|recipe| {
            let mono = recipe.render(Seed(3)).to_mono();
            let values = of(&mono);
            (recipe.category, mono, values)
        })
        .collect();
    assert!(dry.len() >= 16, "{}", dry.len());
    let (mut right, mut judged) = (0, 0);
    for (effect, name, sign) in effects {
        let i = index(name).unwrap();
        let moves: Vec<bool> = dry
            .iter()
            .filter(|(category, _, values)| {
                sign * (percentile(*category, i, values[i]) - 0.5) <= 0.45
            })
            .map(|(_, mono, values)| sign * (of(&effect(mono))[i] - values[i]) > 0.0)
            .collect();
        let good = moves.iter().filter(|good| **good).count();
        assert!(good * 100 >= moves.len() * 85, "{name} {sign}: {good} of {}", moves.len());
        right += good;
        judged += moves.len();
    }
    assert!(right * 100 >= judged * 95, "{right} of {judged}");
}

#[test]
fn level_and_polarity_change_no_attribute() {
    let sound = sum(&clicks(&[0.05, 0.3], 0.6), &sine(200.0, 0.6), 0.2);
    let plain = of(&sound);
    for gain in [-1.0, 4.0, 0.25] {
        let found = of(&sound.iter().map(|x| gain * x).collect::<Vec<_>>());
        for (i, name) in NAMES.iter().enumerate() {
            let moved = (scaled(i, found[i]) - scaled(i, plain[i])).abs();
            assert!(moved < 1e-3 * (1.0 + plain[i].abs()), "{name} at {gain}: {moved}");
        }
    }
}

#[test]
fn three_frames_of_offset_change_little() {
    let sound = sum(&clicks(&[0.05, 0.3], 0.6), &sine(200.0, 0.6), 0.2);
    let (plain, found) = (of(&sound), of(&[&[0.0; 3], sound.as_slice()].concat()));
    for (i, name) in NAMES.iter().enumerate() {
        let place = |values: &[f32; COUNT]| percentile(Category::Percussion, i, values[i]);
        let moved = (place(&found) - place(&plain)).abs();
        assert!(moved < 0.03, "{name}: {moved}");
    }
}
