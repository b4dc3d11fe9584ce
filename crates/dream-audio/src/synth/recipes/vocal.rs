//! Voices: vowels, chops, a choir.

use crate::synth::curve::{adsr, exp2, ramp, semitones, sin32};
use crate::synth::osc::saw;
use crate::synth::patch::{Patch, midi_hz};
use crate::synth::sound::{Sound, frames};
use crate::synth::space::{Echo, Room};
use crate::synth::voice::{Vowel, sung};

/// One sung syllable.
struct Syllable {
    seconds: f64,
    from: Vowel,
    to: Vowel,
    attack: f32,
    release: f32,
    /// Semitones from which it slides into its note.
    bend: f32,
    /// Factor on the resonances.
    shift: f32,
}

impl Syllable {
    const PLAIN: Self = Self {
        seconds: 0.7,
        from: Vowel::Ah,
        to: Vowel::Oh,
        attack: 0.03,
        release: 0.12,
        bend: -0.6,
        shift: 1.0,
    };

    /// Sings it on the MIDI note; `singer` makes singers of one sound differ.
    fn sing(&self, p: &Patch, note: f32, singer: usize, mouth: impl Fn(f32) -> f32) -> Sound {
        let (seconds, hz) = (self.seconds, midi_hz(note));
        let drift = p.drift_at("pitch", singer, seconds, 3.0);
        let pitch = |t: f32| hz * sung(t, self.bend) * semitones(0.08 * drift.at(t));
        let throat = saw(seconds, pitch, 0.0);
        // Breath comes in puffs, with the opening of the vocal folds.
        let puffs = throat.clone().map(|x| 1.0 + 0.5 * x);
        let breath = p.rand_at("breath", singer).white(seconds).hp(2, 2500.0) * &puffs;
        let gate = seconds as f32 - self.release;
        (throat.lp(1, 3200.0) + breath * 0.11)
            .vowels(self.from, self.to, self.shift, mouth)
            .env(adsr(self.attack, 0.3, 0.8, self.release, gate))
    }
}

/// "Ah", closing a little.
pub(crate) fn vox_ah(p: &Patch) -> Sound {
    let room = Room { t60: 1.1, tail: 0.6, ..Room::MEDIUM };
    Syllable::PLAIN
        .sing(p, p.note, 0, |t| 0.5 * ramp(t, 0.2, 0.4))
        .room(0.18, &room)
        .finish_fading(110.0, 0.1)
}

/// "Oo-eh", driven.
pub(crate) fn vox_oh_eh(p: &Patch) -> Sound {
    let syllable =
        Syllable { seconds: 0.55, from: Vowel::Oo, to: Vowel::Eh, shift: 1.08, ..Syllable::PLAIN };
    let logistic = |t: f32| 1.0 / (1.0 + exp2(-(t - 0.16) / 0.03 * std::f32::consts::LOG2_E));
    let room = Room { t60: 0.8, tail: 0.5, ..Room::MEDIUM };
    syllable.sing(p, p.note, 0, logistic).drive(5.0).room(0.12, &room).finish_fading(100.0, 0.1)
}

/// A pitched-up scrap with an echo.
pub(crate) fn vox_chop_pitched(p: &Patch) -> Sound {
    let syllable = Syllable {
        seconds: 0.32,
        from: Vowel::Eh,
        to: Vowel::Ah,
        attack: 0.006,
        release: 0.05,
        bend: 1.5,
        shift: 1.15,
    };
    let dry = syllable.sing(p, p.note, 0, |t| ramp(t, 0.0, 0.12));
    let echo = Echo { time: 0.2055, feedback: 0.4, low: 400.0, high: 3500.0, tail: 1.1 };
    let wet = dry.echo(&echo) * 0.35;
    (dry + wet).first(1.4).finish_fading(150.0, 0.1)
}

/// "Ah-ee" cut into sixteenths at 138 bpm.
pub(crate) fn vox_stutter(p: &Patch) -> Sound {
    const STEP: f64 = 15.0 / 138.0;
    let syllable = Syllable { seconds: 0.5, to: Vowel::Ee, attack: 0.004, ..Syllable::PLAIN };
    let sung = syllable.sing(p, p.note, 0, |t| 0.5 + 0.5 * sin32(4.0 * t - 0.25));
    let chop = |k: usize| {
        let gate = if k.is_multiple_of(3) { 0.85 } else { 0.55 };
        let level = if [0, 3, 6].contains(&k) { 0.9 } else { 0.55 };
        let part = sung.slice(0, frames(gate * STEP)).fades(0.001, 0.008);
        part.delayed(STEP * k as f64) * level
    };
    let room = Room { t60: 0.8, tail: 0.4, ..Room::MEDIUM };
    (0..8).map(chop).sum::<Sound>().room(0.15, &room).finish_fading(110.0, 0.1)
}

/// Six singers on root and fifth, between oo and ah.
pub(crate) fn vox_choir_dark(p: &Patch) -> Sound {
    let mut rand = p.rand("singers");
    let singers: Sound = (0..6)
        .map(|singer| {
            let syllable = Syllable {
                seconds: 6.0,
                from: Vowel::Oo,
                to: Vowel::Ah,
                attack: 0.6,
                release: 1.0,
                bend: 0.0,
                shift: rand.range(0.9, 1.02),
            };
            let note = if singer < 4 { p.note } else { p.note + 7.0 };
            let mouth = |t: f32| 0.5 + 0.5 * sin32(0.15 * t);
            syllable.sing(p, note, singer, mouth).pan(rand.range(-0.9, 0.9))
        })
        .sum();
    let room = Room { t60: 3.0, damp: 0.45, tail: 1.0, low: 120.0, high: 6000.0, ..Room::MEDIUM };
    (singers * 0.2).room(0.4, &room).first(7.0).finish_fading(80.0, 0.8)
}
