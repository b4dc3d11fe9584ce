//! Leads and plucks: single notes.

use crate::synth::curve::{adsr, attack, decay, fall, pm, ramp, semitones, sin, sin32};
use crate::synth::osc::{cycles, pulse, pulse_width, saw, supersaw, triangle};
use crate::synth::patch::Patch;
use crate::synth::pluck::string;
use crate::synth::recipes::bass::{Acid, acid_voice};
use crate::synth::sound::Sound;
use crate::synth::space::{Echo, Room};

/// Three quarters of a beat at 138 bpm.
const DOTTED_138: f64 = 0.75 * 60.0 / 138.0;

/// Rave: pulses of moving width that fall up into their note.
pub(crate) fn lead_hoover(p: &Patch) -> Sound {
    let (seconds, hz) = (1.4, p.hz());
    let pitch = |t: f32| {
        let vibrato = 0.12 * sin32(5.2 * t) * ramp(t, 0.3, 0.4);
        hz * semitones(-8.4 * fall(t, 0.05) + vibrato)
    };
    let sum = pulse_width(seconds, pitch, |t| 0.5 + 0.38 * sin32(3.1 * t), 0.0)
        + pulse_width(seconds, |t| 0.5 * pitch(t), |t| 0.5 - 0.3 * sin32(2.3 * t), 0.0) * 0.8
        + saw(seconds, |t| 2.0 * pitch(t), 0.0) * 0.35
        + saw(seconds, |t| 0.998 * pitch(t), 0.4) * 0.5;
    (sum * 0.25)
        .drive(7.0)
        .lp(2, f64::from(p.cut(7500.0)))
        .env(adsr(0.01, 0.4, 0.85, 0.2, 1.05))
        .chorus(0.75, 2.6, 6.0, 0.55)
        .finish(90.0)
}

/// Euphoric: a supersaw with late vibrato and an echo.
pub(crate) fn lead_saw_trance(p: &Patch) -> Sound {
    let (seconds, hz) = (1.1, p.hz());
    let pitch = |t: f32| hz * semitones(0.18 * sin32(5.4 * t) * ramp(t, 0.25, 0.3));
    let source = supersaw(seconds, pitch, 0.33, 0.6, p.rand("saws"))
        + pulse(seconds, |t| 0.5 * pitch(t), 0.5, 0.0) * 0.18;
    let dry = source
        .svf_lp(|t| p.cut(2200.0) + 5500.0 * decay(t, 0.7), 1.1)
        .env(adsr(0.005, 0.4, 0.75, 0.12, 0.8));
    let echo = Echo { time: DOTTED_138, feedback: 0.42, low: 400.0, high: 4200.0, tail: 1.6 };
    let wet = (dry.clone() * 0.9).echo(&echo) * 0.35;
    (dry + wet).finish_fading(150.0, 0.2)
}

/// A soft square on tape.
pub(crate) fn lead_square_lofi(p: &Patch) -> Sound {
    let (seconds, hz) = (0.9, p.hz());
    let pitch = |t: f32| hz * semitones(0.10 * sin32(0.9 * t) + 0.05 * sin32(6.1 * t));
    let sum = pulse_width(seconds, pitch, |t| 0.32 + 0.08 * sin32(0.7 * t), 0.0)
        + triangle(seconds, |t| 0.5 * pitch(t)) * 0.4;
    let room = Room { t60: 0.7, damp: 0.5, size: 0.5, tail: 0.4, ..Room::MEDIUM };
    sum.lp(2, f64::from(p.cut(2600.0)))
        .env(adsr(0.012, 0.3, 0.6, 0.18, 0.6))
        .drive(4.0)
        .norm(-1.0)
        .crush(11, 2.0)
        .lp(2, 6500.0)
        .room(0.15, &room)
        .finish(110.0)
}

/// Acid, two octaves up, driven, with an echo.
pub(crate) fn lead_acid_high(p: &Patch) -> Sound {
    let acid = Acid {
        cut: p.cut(420.0),
        sweep: 3.2,
        t60: 0.75,
        accent: 0.8,
        resonance: 3.75,
        drive: 14.0,
    };
    let hz = p.hz();
    let dry = acid_voice(saw(0.6, |_| hz, 0.0), &acid).env(adsr(0.002, 1.0, 0.5, 0.04, 0.45));
    let echo = Echo { time: 0.163, feedback: 0.4, low: 400.0, high: 3000.0, tail: 1.0 };
    let wet = dry.echo(&echo) * 0.3;
    (dry + wet).first(1.4).finish_fading(110.0, 0.1)
}

/// Hard: driven into a resonance that sweeps up and back.
pub(crate) fn lead_screech(p: &Patch) -> Sound {
    let (seconds, hz) = (0.9, p.hz());
    let pitch = |t: f32| hz * semitones(0.3 * sin32(6.0 * t) * ramp(t, 0.0, 0.3));
    let source = pulse(seconds, pitch, 0.2, 0.0) + saw(seconds, |t| 1.01 * pitch(t), 0.0);
    let sweep = |t: f32| p.cut(630.0) * semitones(28.8 * sin32(0.5 * ramp(t, 0.0, 0.75)));
    let body = source.clone().lp(2, 500.0) * 0.35;
    ((source * 0.5).drive(12.0).svf_bp(sweep, 5.0) + body)
        .lp(1, 6000.0)
        .drive(10.0)
        .lp(1, 5200.0)
        .env(adsr(0.006, 0.3, 0.9, 0.06, 0.78))
        .finish(130.0)
}

/// A nylon string.
pub(crate) fn pluck_ks(p: &Patch) -> Sound {
    let seconds = 1.4;
    string(seconds, f64::from(p.hz()), 1.8, 0.10, 0.21, p.rand("pluck"))
        .svf_lp(|t| p.cut(700.0) + 2600.0 * decay(t, 0.5), 0.7)
        .hp(2, 80.0)
        .low_shelf(260.0, 4.0)
        .env(adsr(0.003, 3.0, 0.5, 0.2, 1.1))
        .wide(p.rand("sides"), 9.0, 0.3)
        .finish(70.0)
}

/// A short supersaw for arpeggios.
pub(crate) fn pluck_trance(p: &Patch) -> Sound {
    let hz = p.hz();
    let dry = supersaw(0.6, |_| hz, 0.3, 0.5, p.rand("saws"))
        .svf_lp(|t| p.cut(500.0) + 8500.0 * decay(t, 0.28), 1.0)
        .env(|t| decay(t, 0.55) * attack(t, 0.002));
    let echo = Echo { time: DOTTED_138, feedback: 0.35, low: 500.0, high: 5000.0, tail: 1.2 };
    let wet = dry.echo(&echo) * 0.3;
    (dry + wet).finish_fading(180.0, 0.15)
}

/// A glass bell.
pub(crate) fn pluck_fm_bell(p: &Patch) -> Sound {
    let hz = p.hz();
    let room = Room { t60: 1.8, damp: 0.3, tail: 0.8, ..Room::MEDIUM };
    cycles(
        2.0,
        |_| hz,
        |t, c| {
            let body = pm(c, p.index(1.5) * decay(t, 0.7) * sin(3.5 * c));
            let strike = pm(2.001 * c, p.index(1.2) * decay(t, 0.3) * sin(7.01 * c));
            let ring = body * (0.35 * decay(t, 0.5) + 0.65 * decay(t, 2.4));
            0.6 * attack(t, 0.001) * (ring + 0.35 * strike * decay(t, 1.1))
        },
    )
    .room(0.25, &room)
    .first(2.6)
    .finish_fading(150.0, 0.3)
}

/// A thumb piano: one mode per tongue and its inharmonic overtones.
pub(crate) fn pluck_kalimba(p: &Patch) -> Sound {
    const MODES: [(f64, f32, f32); 5] =
        [(1.0, 1.0, 1.2), (2.0, 0.4, 0.7), (3.01, 0.2, 0.4), (5.42, 0.45, 0.3), (9.1, 0.15, 0.12)];
    let hz = p.hz();
    let tongue = cycles(
        1.0,
        |_| hz,
        |t, c| {
            let ring =
                MODES.iter().map(|(ratio, level, t60)| level * sin(ratio * c) * decay(t, *t60));
            0.6 * attack(t, 0.0012) * ring.sum::<f32>()
        },
    );
    let thumb = p.white("thumb", 0.02).bp(1200.0, 0.7).env(|t| decay(t, 0.015));
    (tongue + thumb * 0.5).drive(3.0).wide(p.rand("sides"), 9.0, 0.25).finish(100.0)
}
