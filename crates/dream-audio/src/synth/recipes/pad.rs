//! Pads and drones: held sounds in which every part moves on its own.

use crate::synth::curve::{pm, ramp, semitones, sin, sin32, swell};
use crate::synth::osc::{cycles, pulse, saw, sine, supersaw};
use crate::synth::patch::Patch;
use crate::synth::sound::Sound;
use crate::synth::space::Room;
use crate::synth::voice::Vowel;

/// Warm: supersaws behind a slow filter.
pub(crate) fn pad_warm(p: &Patch) -> Sound {
    let seconds = 8.0;
    let voices: Sound = p
        .chord_hz()
        .map(|(j, hz)| {
            let drift = p.drift_at("pitch", j, seconds, 0.6);
            let pitch = |t: f32| hz * cents(5.0 * drift.at(t));
            let level = if j == 0 { 0.6 } else { 0.8 };
            supersaw(seconds, pitch, 0.22, 0.6, p.rand_at("saws", j)) * level
        })
        .sum();
    let drift = p.drift("cut", seconds, 0.7);
    let cut = |t: f32| p.cut(620.0) + 350.0 * sin32(0.11 * t) + 150.0 * drift.at(t);
    let room = Room { t60: 2.8, damp: 0.45, tail: 1.5, low: 150.0, high: 6000.0, ..Room::MEDIUM };
    (voices * 0.2)
        .svf_lp(cut, 0.8)
        .drive(3.0)
        .chorus(0.28, 2.4, 9.0, 0.4)
        .slow_env(swell(8.0, 1.2, 1.8))
        .room(0.35, &room)
        .first(9.0)
        .finish_fading(60.0, 0.5)
}

/// Dark: saws and sub-octave pulses behind a low ladder, with a breath of pink noise.
pub(crate) fn pad_dark(p: &Patch) -> Sound {
    let seconds = 8.0;
    let voices: Sound = p
        .chord_hz()
        .map(|(j, hz)| {
            let up = p.drift_at("up", j, seconds, 0.4);
            let down = p.drift_at("down", j, seconds, 0.4);
            let phase = 0.1 * j as f32;
            let apart = p.detune(9.0);
            saw(seconds, |t| hz * cents(apart + 7.0 * up.at(t)), phase)
                + saw(seconds, |t| hz * cents(7.0 * down.at(t) - apart), 0.5 + phase)
                + pulse(seconds, |_| 0.5 * hz, 0.5, 0.3) * 0.4
        })
        .sum();
    let cut_drift = p.drift("cut", seconds, 1.0);
    let cut = |t: f32| p.cut(260.0) + 140.0 * sin32(0.083 * t + 0.7) + 60.0 * cut_drift.at(t);
    let breath_drift = p.drift("breath", seconds, 0.5);
    let breath = p.rand("noise").pink(seconds).svf_bp(|t| 420.0 + 160.0 * breath_drift.at(t), 2.0);
    let room = Room { t60: 4.0, damp: 0.6, size: 1.3, tail: 1.5, low: 90.0, high: 3500.0 };
    ((voices * 0.14).ladder(cut, 0.9, 1.6) + breath * 0.15)
        .wide(p.rand("sides"), 18.0, 0.6)
        .slow_env(swell(8.0, 1.6, 2.2))
        .room(0.4, &room)
        .first(9.0)
        .finish_fading(45.0, 0.8)
}

/// Glass: phase-modulated tones that come and go at their own rates.
pub(crate) fn pad_glass(p: &Patch) -> Sound {
    let seconds = 7.0;
    let mut places = p.rand("places");
    let voices: Sound = p
        .chord_hz()
        .map(|(j, hz)| {
            let index = p.drift_at("index", j, seconds, 3.0);
            let shine = p.drift_at("shine", j, seconds, 2.4);
            let rate = 0.5 + 0.17 * j as f32;
            cycles(
                seconds,
                |_| hz,
                |t, c| {
                    let tone = pm(c, (p.index(0.7) + 0.7 * index.at(t)) * sin(3.003 * c));
                    let shimmer = 1.0 + 0.6 * sin32((4.3 + 0.4 * j as f32) * t);
                    let top = 0.4 * sin(4.02 * c) * (0.5 + 0.5 * shine.at(t)) * shimmer;
                    (tone * (0.7 + 0.5 * shimmer) + top)
                        * (0.5 + 0.5 * sin32(rate * t + 0.2 * j as f32))
                },
            )
            .pan(places.range(-0.8, 0.8))
        })
        .sum();
    let room = Room { t60: 3.6, damp: 0.15, size: 1.2, tail: 1.5, low: 200.0, high: 11_000.0 };
    (voices * 0.15)
        .slow_env(swell(7.0, 0.9, 2.0))
        .room(0.45, &room)
        .first(8.0)
        .finish_fading(120.0, 0.8)
}

/// Strings: supersaws with a vibrato per desk.
pub(crate) fn pad_strings(p: &Patch) -> Sound {
    let seconds = 6.0;
    let voices: Sound = p
        .chord_hz()
        .map(|(j, hz)| {
            let drift = p.drift_at("pitch", j, seconds, 0.9);
            let desk = j as f32;
            let pitch = |t: f32| {
                let vibrato = sin32((5.1 + 0.23 * desk) * t + 0.159 * desk) * ramp(t, 0.0, 1.2);
                hz * cents(7.0 * vibrato + 4.0 * drift.at(t))
            };
            supersaw(seconds, pitch, 0.28, 0.7, p.rand_at("saws", j))
        })
        .sum();
    let drift = p.drift("cut", seconds, 0.5);
    let room = Room { t60: 2.2, tail: 1.2, low: 200.0, ..Room::MEDIUM };
    (voices * 0.2)
        .svf_lp(|t| p.cut(2400.0) + 500.0 * drift.at(t), 0.7)
        .hp(2, 140.0)
        .bell(1200.0, -3.0, 0.8)
        .chorus(0.6, 1.6, 7.0, 0.45)
        .slow_env(swell(6.0, 0.5, 1.2))
        .room(0.25, &room)
        .first(6.8)
        .finish_fading(90.0, 0.6)
}

/// A choir: two pairs of singers per note between ah and oo. A pair shares head size and place, but neither
/// pitch nor vibrato.
pub(crate) fn pad_choir(p: &Patch) -> Sound {
    let seconds = 7.0;
    let mut rand = p.rand("singers");
    let pairs: Sound = p
        .chord_hz()
        .flat_map(|(j, hz)| (0..2).map(move |pair| (2 * j + pair, hz)))
        .map(|(pair, hz)| {
            let mut sing = |singer: usize| {
                let detune = hz * semitones(0.09 * rand.normal());
                let (rate, phase) = (rand.range(4.6, 5.8), rand.range(0.0, 1.0));
                let drift = p.drift_at("pitch", singer, seconds, 1.4);
                let pitch =
                    |t: f32| detune * cents(9.0 * drift.at(t) + 12.0 * sin32(rate * t + phase));
                saw(seconds, pitch, rand.range(0.0, 1.0))
            };
            let throats = sing(2 * pair) + sing(2 * pair + 1);
            let breath = p.rand_at("breath", pair).white(seconds) * 0.2;
            let shift = rand.range(0.96, 1.04);
            let mouth = |t: f32| 0.5 + 0.5 * sin32(0.09 * t);
            (throats + breath)
                .lp(1, 3500.0)
                .vowels(Vowel::Ah, Vowel::Oo, shift, mouth)
                .pan(rand.range(-0.9, 0.9))
        })
        .sum();
    let room = Room { t60: 3.2, damp: 0.4, tail: 1.3, low: 160.0, high: 7000.0, ..Room::MEDIUM };
    (pairs * 0.06)
        .slow_env(swell(7.0, 0.8, 1.6))
        .room(0.4, &room)
        .first(8.0)
        .finish_fading(80.0, 0.8)
}

/// The frequency ratio of a few cents, to first order: 0.01 cent off at 20 cents.
fn cents(cents: f32) -> f32 {
    1.0 + cents * (std::f32::consts::LN_2 / 1200.0)
}

/// Low: nine harmonics, none of them a third, so that it lies under any chord on its root; each with its own drift in pitch and
/// level, over brown noise.
pub(crate) fn drone_low(p: &Patch) -> Sound {
    const PARTIALS: [(f32, f32); 9] = [
        (1.0, 0.7),
        (2.0, 0.8),
        (3.0, 0.7),
        (4.0, 0.6),
        (6.0, 0.5),
        (7.0, 0.4),
        (9.0, 0.3),
        (12.0, 0.2),
        (16.0, 0.15),
    ];
    let (seconds, hz) = (9.0, p.hz());
    let tone: Sound = PARTIALS
        .iter()
        .enumerate()
        .map(|(j, &(order, level))| {
            let pitch = p.drift_at("pitch", j, seconds, 0.25);
            let gain = p.drift_at("gain", j, seconds, 0.35);
            sine(seconds, |t| hz * order * cents(6.0 * pitch.at(t)))
                .slow_env(|t| level * (0.5 + 0.5 * gain.at(t)))
        })
        .sum();
    let wind_drift = p.drift("wind", seconds, 0.3);
    let wind = p.rand("noise").brown(seconds).svf_bp(|t| 180.0 + 90.0 * wind_drift.at(t), 1.5);
    let room = Room { t60: 4.0, damp: 0.55, size: 1.4, tail: 0.5, low: 60.0, high: 3000.0 };
    (tone * 0.3 + wind * 0.32)
        .drive(8.0)
        .wide(p.rand("sides"), 22.0, 0.6)
        .slow_env(swell(9.0, 1.6, 2.2))
        .room(0.25, &room)
        .first(9.0)
        .finish_fading(30.0, 1.0)
}

/// Metal: ten inharmonic partials with the minor third of a bell, phase-modulated from half their frequency.
pub(crate) fn drone_metal(p: &Patch) -> Sound {
    const PARTIALS: [f32; 10] =
        [92.5, 187.9, 221.1, 275.7, 374.6, 442.2, 557.8, 823.3, 1119.3, 1655.8];
    let seconds = 9.0;
    let mut places = p.rand("places");
    let voices: Sound = PARTIALS
        .iter()
        .enumerate()
        .map(|(k, &hz)| {
            let pitch = p.drift_at("pitch", k, seconds, 0.5);
            let gain = p.drift_at("gain", k, seconds, 0.45);
            let level = 1.0 / (1.0 + 0.28 * k as f32);
            let swell = |t: f32| 0.5 + 0.5 * gain.at(t);
            let index = p.index(1.3);
            cycles(
                seconds,
                |t| p.tune(hz) * (1.0 + 0.0015 * pitch.at(t)),
                |_, c| pm(c, index * sin(0.5013 * c)),
            )
            .slow_env(|t| level * swell(t) * swell(t))
            .pan(places.range(-0.9, 0.9))
        })
        .sum();
    let room = Room { t60: 5.0, damp: 0.35, size: 1.5, tail: 0.5, low: 90.0, high: 6000.0 };
    (voices * 0.35)
        .drive(7.0)
        .slow_env(swell(9.0, 1.5, 2.0))
        .room(0.5, &room)
        .first(9.0)
        .finish_fading(50.0, 1.0)
}
