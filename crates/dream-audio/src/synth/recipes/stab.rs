//! Chord stabs and keys. The first chord tone is the root unless the chord says otherwise.

use std::f64::consts::PI;

use crate::synth::curve::{adsr, attack, decay, pm, semitones, sin, sin32};
use crate::synth::finish::Finish;
use crate::synth::osc::{cycles, pulse, saw, supersaw};
use crate::synth::patch::{Patch, midi_hz};
use crate::synth::sound::Sound;
use crate::synth::space::{Echo, Room};

/// Dub: detuned saws through a closing filter, in a long echo and a long room.
pub(crate) fn stab_dub_chord(p: &Patch) -> Sound {
    let chord = dub_chord(p, 0.55, |t| p.cut(550.0) + 1900.0 * decay(t, 0.35));
    let echo =
        Echo { time: 0.75 * 60.0 / 124.0, feedback: 0.55, low: 350.0, high: 2200.0, tail: 2.6 };
    let room = Room { t60: 2.6, damp: 0.5, size: 1.1, tail: 1.2, low: 250.0, high: 5000.0 };
    let wet = chord.echo(&echo) * 0.55;
    let finish = Finish { highpass: 120.0, fade_out: 0.4, tail_db: -55.0, ..Finish::HIT };
    (chord + wet).room(0.28, &room).first(3.3).finish_as(&finish)
}

/// The dub chord without its space.
pub(crate) fn dub_chord(p: &Patch, seconds: f64, cut: impl Fn(f32) -> f32) -> Sound {
    let voices: Sound = p
        .chord_hz()
        .map(|(j, hz)| {
            let phase = 0.1 * j as f32;
            let apart = semitones(p.detune(0.06));
            saw(seconds, |_| hz * apart, phase)
                + saw(seconds, |_| hz / apart, 0.37 + phase)
                + pulse(seconds, |_| 0.5 * hz, 0.4, 2.0 * phase) * 0.5
        })
        .sum();
    (voices * 0.12)
        .svf_lp(cut, 1.3)
        .svf_hp(|_| 260.0, 0.7)
        .drive(5.0)
        .env(adsr(0.004, 0.25, 0.25, 0.12, 0.28))
}

/// House organ: drawbars, key click, chorus.
pub(crate) fn stab_organ_house(p: &Patch) -> Sound {
    const DRAWBARS: [(f64, f32); 7] =
        [(0.5, 0.35), (1.0, 1.0), (2.0, 0.7), (3.0, 0.35), (4.0, 0.25), (6.0, 0.12), (8.0, 0.1)];
    let key = |(j, hz): (usize, f32)| {
        let phase = 0.0207 * j as f64; // 0.13 radians
        cycles(
            0.5,
            move |_| hz,
            move |_, c| DRAWBARS.iter().map(|(k, level)| level * sin(k * c + phase)).sum(),
        )
    };
    let keys: Sound = p.chord_hz().map(key).sum();
    let organ = (keys * 0.18).drive(5.0).env(adsr(0.003, 0.3, 0.6, 0.06, 0.26));
    (organ + p.click(1200.0, 7000.0, 0.006) * 0.06)
        .lp(1, f64::from(p.cut(6500.0)))
        .chorus(0.9, 1.2, 7.0, 0.4)
        .finish(100.0)
}

/// House piano: stretched partials struck at an eighth of the string, twin strings, a hammer.
pub(crate) fn stab_piano_house(p: &Patch) -> Sound {
    const STIFFNESS: f64 = 0.00045;
    let seconds = 1.3;
    let strings: Sound = p
        .chord_hz()
        .map(|(j, hz)| {
            let partials: Vec<(f64, f64, f32, f32)> = (1..=12)
                .map(|k| {
                    let order = f64::from(k);
                    let ratio = order * (1.0 + STIFFNESS * order * order).sqrt();
                    let level = order.powf(-1.15) * (PI * order * 0.12).sin().abs();
                    let t60 = 2.4 * order.powf(-0.7) + 0.15;
                    (ratio, order, level as f32, t60 as f32)
                })
                .filter(|(ratio, ..)| ratio * f64::from(hz) < 11_000.0)
                .collect();
            cycles(
                seconds,
                |_| hz,
                |t, c| {
                    let partial = |&(ratio, order, level, t60): &(f64, f64, f32, f32)| {
                        let phase = (j as f64 + order) / std::f64::consts::TAU;
                        let twin = 0.6 * sin(1.0007 * ratio * c + order / std::f64::consts::TAU);
                        level * (sin(ratio * c + phase) + twin) * decay(t, t60)
                    };
                    partials.iter().map(partial).sum()
                },
            )
        })
        .sum();
    let thud = p.white("thud", 0.05).bp(700.0, 0.6).env(|t| 0.9 * decay(t, 0.04));
    let felt = p.white("felt", 0.05).hp(2, 2500.0).env(|t| 0.4 * decay(t, 0.012));
    ((strings * 0.22).env(|t| attack(t, 0.0015)) + (thud + felt) * 0.35)
        .drive(5.0)
        .env(adsr(0.001, 1.2, 0.35, 0.12, 0.8))
        .bell(2600.0, 3.0, 0.8)
        .wide(p.rand("sides"), 9.0, 0.3)
        .finish(90.0)
}

/// Trance: supersaws through an opening that closes.
pub(crate) fn stab_supersaw(p: &Patch) -> Sound {
    let room = Room { t60: 1.4, damp: 0.3, tail: 0.9, ..Room::MEDIUM };
    let voices: Sound = p
        .chord_hz()
        .map(|(j, hz)| supersaw(0.9, move |_| hz, 0.42, 0.72, p.rand_at("saws", j)))
        .sum();
    (voices * 0.25)
        .svf_lp(|t| p.cut(1200.0) + 9000.0 * decay(t, 0.6), 0.9)
        .env(adsr(0.004, 0.5, 0.55, 0.15, 0.55))
        .hp(2, 120.0)
        .room(0.22, &room)
        .finish(100.0)
}

/// Rave: a stacked chord as an early sampler would keep it.
pub(crate) fn stab_rave(p: &Patch) -> Sound {
    let seconds = 0.6;
    let voices: Sound = p
        .chord_hz()
        .map(|(j, hz)| {
            let phase = 0.1 * j as f32;
            saw(seconds, |_| hz, 2.0 * phase)
                + saw(seconds, |_| 2.006 * hz, 0.3) * 0.6
                + pulse(seconds, |_| 0.994 * hz, 0.3, phase) * 0.6
        })
        .sum();
    let room = Room { t60: 0.9, damp: 0.25, size: 0.6, tail: 0.5, ..Room::MEDIUM };
    (voices * 0.14)
        .svf_lp(|t| p.cut(1500.0) + 3600.0 * decay(t, 0.3), 1.2)
        .drive(6.0)
        .env(adsr(0.002, 0.3, 0.6, 0.05, 0.34))
        .norm(-2.0)
        .crush(12, 1.38)
        .lp(2, 10_500.0)
        .wide(p.rand("sides"), 9.0, 0.35)
        .room(0.2, &room)
        .finish(120.0)
}

/// Techno: pulses through a resonant ladder.
pub(crate) fn stab_techno_minor(p: &Patch) -> Sound {
    let room = Room { t60: 0.8, damp: 0.4, size: 0.5, tail: 0.45, ..Room::MEDIUM };
    techno_chord(p).room(0.16, &room).finish(100.0)
}

/// The techno chord without its room.
fn techno_chord(p: &Patch) -> Sound {
    let seconds = 0.4;
    let voices: Sound = p
        .chord_hz()
        .map(|(j, hz)| {
            pulse(seconds, |_| hz, 0.5, 0.1 * j as f32)
                + pulse(seconds, |_| 1.008 * hz, 0.35, 0.4) * 0.7
        })
        .sum();
    (voices * 0.22)
        .ladder(|t| p.cut(380.0) + 2300.0 * decay(t, 0.24), 1.9, 2.0)
        .env(adsr(0.003, 0.3, 0.3, 0.08, 0.24))
        .drive(7.0)
}

/// Two inharmonic phase-modulated tones a fifth apart, driven.
pub(crate) fn stab_metal_fm(p: &Patch) -> Sound {
    let hz = p.hz();
    let room = Room { t60: 1.2, damp: 0.15, size: 0.55, tail: 0.7, ..Room::MEDIUM };
    cycles(
        0.7,
        |_| hz,
        |t, c| {
            let low = pm(c, p.index(4.5) * decay(t, 0.3) * sin(3.517 * c));
            let high = pm(1.498 * c, p.index(3.0) * decay(t, 0.2) * sin(5.19 * c));
            0.5 * (low + 0.6 * high) * decay(t, 0.55) * attack(t, 0.001)
        },
    )
    .drive_biased(12.0, 0.1)
    .fades(0.0005, 0.05)
    .room(0.2, &room)
    .finish(90.0)
}

/// An electric piano on tape: wow, saturation, auto-pan.
pub(crate) fn keys_lofi_ep(p: &Patch) -> Sound {
    electric_piano(p, 1.6, 0.0)
        .env(adsr(0.004, 1.0, 0.5, 0.25, 1.25))
        .auto_panned(4.6, 0.18)
        .finish(80.0)
}

/// The electric piano's chord, its notes `strum` seconds apart, before envelope and pan.
pub(crate) fn electric_piano(p: &Patch, seconds: f64, strum: f64) -> Sound {
    let tine = |(j, hz): (usize, f32)| {
        cycles(
            seconds,
            move |_| hz,
            |t, c| {
                let index = p.index(1.7) * decay(t, 0.9) * sin(c);
                pm(c, index + 0.35 * decay(t, 0.12) * sin(14.0 * c)) * decay(t, 2.4)
            },
        )
        .delayed(strum * j as f64)
        .first(seconds)
    };
    let chord: Sound = p.chord_hz().map(tine).sum();
    (chord * 0.2)
        .wow(|t| 6.0 + 1.1 * sin32(0.55 * t) + 0.12 * sin32(6.3 * t))
        .drive(6.0)
        .lp(2, f64::from(p.cut(3400.0)))
}

/// A chord played by the lead's supersaw, plucked; `open` is the cut-off at time 0 in Hz.
pub(crate) fn plucked_supersaw(p: &Patch, note: f32, open: f32) -> Sound {
    let hz = midi_hz(note);
    supersaw(0.3, |_| hz, 0.3, 0.5, p.rand("saws"))
        .svf_lp(|t| open * semitones(15.6 * decay(t, 0.18)), 1.0)
        .env(|t| decay(t, 0.4) * attack(t, 0.002))
}

impl Sound {
    /// Swings between left and right `rate` times a second.
    pub(crate) fn auto_panned(self, rate: f32, depth: f32) -> Self {
        let mono = self.into_mono();
        let swing = move |t: f32| depth * sin32(rate * t);
        Self::pair(mono.clone().env(|t| 1.0 + swing(t)), mono.env(|t| 1.0 - swing(t)))
    }
}
