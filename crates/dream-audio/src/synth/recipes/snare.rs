//! Snares, claps and snaps: struck skins under shaped noise, and bursts of noise.

use crate::synth::curve::{attack, decay, fall, ramp};
use crate::synth::metal::modes;
use crate::synth::osc::sine;
use crate::synth::patch::Patch;
use crate::synth::sound::{RATE, Sound};
use crate::synth::space::Room;

/// Crisp: two falling shells, a low and a high noise band with their own decays.
pub(crate) fn snare_909(p: &Patch) -> Sound {
    let seconds = p.length(0.38);
    let low = sine(seconds, |t| p.tune(185.0) * (1.0 + fall(t, 0.012)));
    let high = sine(seconds, |t| p.tune(330.0) * (1.0 + 0.6 * fall(t, 0.010)));
    let shells = low.env(|t| 0.9 * p.decay(t, 0.16)) + high.env(|t| 0.45 * p.decay(t, 0.10));
    let noise = p.white("wires", seconds).lp(2, f64::from(p.cut(8500.0)));
    let wires = noise.clone().env(|t| 0.45 * p.decay(t, 0.10) * attack(t, 0.0012))
        + noise.hp(2, 1200.0).env(|t| 0.5 * p.decay(t, 0.34) * attack(t, 0.0012));
    (shells + wires + p.click(2000.0, 12_000.0, 0.005) * 0.5).drive(3.0).finish(60.0)
}

/// Soft: two sines and high noise.
pub(crate) fn snare_808(p: &Patch) -> Sound {
    let seconds = p.length(0.4);
    let low = sine(seconds, |t| p.tune(173.0) * (1.0 + 0.25 * fall(t, 0.008)));
    let high = sine(seconds, |_| p.tune(336.0)).env(|t| 0.55 * p.decay(t, 0.085));
    let shells = (low.env(|t| p.decay(t, 0.19)) + high).env(|t| attack(t, 0.0015)) * 0.7;
    let wires = p
        .white("wires", seconds)
        .svf_hp(|_| p.cut(2300.0), 0.6)
        .env(|t| 0.75 * p.decay(t, 0.30) * attack(t, 0.0015));
    let breath = p.white("breath", seconds).bp(900.0, 0.7).env(|t| 0.25 * p.decay(t, 0.16));
    (shells + (wires + breath).lp(1, 9500.0)).finish(60.0)
}

/// Tight and bright, with a lifted attack.
pub(crate) fn snare_dnb(p: &Patch) -> Sound {
    let seconds = p.length(0.29);
    let low = sine(seconds, |t| p.tune(205.0) * (1.0 + 0.9 * fall(t, 0.007)));
    let shells = low.env(|t| p.decay(t, 0.13))
        + sine(seconds, |_| p.tune(409.0)).env(|t| 0.4 * p.decay(t, 0.06))
        + sine(seconds, |_| p.tune(655.0)).env(|t| 0.25 * p.decay(t, 0.04));
    let body = p.white("body", seconds).hp(2, 700.0).lp(1, f64::from(p.cut(3000.0)));
    let wires = p.white("wires", seconds).hp(2, 900.0);
    let noise = body.env(|t| 0.55 * p.decay(t, 0.22))
        + wires.env(|t| 0.8 * p.decay(t, 0.05) + 0.14 * p.decay(t, 0.26));
    (shells + noise)
        .drive(9.0)
        .bell(200.0, 4.0, 1.2)
        .high_shelf(7000.0, 3.0)
        .punchy(0.25)
        .finish(90.0)
}

/// Inharmonic shell modes and noise, driven, in a small room that is gated.
pub(crate) fn snare_industrial(p: &Patch) -> Sound {
    const GATE: f32 = 0.19;
    let seconds = p.length(0.5);
    let table = [
        (191.0, 1.0, 0.16),
        (307.0, 0.6, 0.13),
        (452.0, 0.5, 0.11),
        (683.0, 0.35, 0.10),
        (1010.0, 0.3, 0.08),
        (1370.0, 0.22, 0.07),
        (2240.0, 0.15, 0.05),
    ];
    let shell = modes(seconds, &table.map(|(hz, level, t60)| (p.tune(hz), level, t60)));
    let noise = p.white("noise", seconds).bp(1900.0, 0.45).env(|t| p.decay(t, 0.17));
    let room = Room { t60: 0.45, damp: 0.2, size: 0.45, tail: 0.35, low: 300.0, ..Room::MEDIUM };
    (shell * 0.7 + noise * 1.2)
        .drive_biased(16.0, 0.15)
        .fades(0.0003, 0.02)
        .room(0.20, &room)
        .env(|t| decay(t - GATE, 0.12))
        .lp(2, 9500.0)
        .finish(100.0)
}

/// Eleven bits, mostly middle.
pub(crate) fn snare_lofi(p: &Patch) -> Sound {
    let seconds = p.length(0.3);
    let shell = sine(seconds, |t| p.tune(168.0) * (1.0 + 0.35 * fall(t, 0.015)));
    let sum = shell.env(|t| 0.9 * p.decay(t, 0.15))
        + p.white("wires", seconds).bp(1450.0, 0.5).env(|t| 1.3 * p.decay(t, 0.17))
        + p.white("thud", seconds).bp(420.0, 1.0).env(|t| p.decay(t, 0.10));
    sum.drive(6.0).norm(-1.0).crush(11, 1.8).hp(2, 110.0).lp(2, 5200.0).finish(90.0)
}

/// A brush: noise that swells for 45 ms with a flutter, and a soft tap.
pub(crate) fn snare_rim_brush(p: &Patch) -> Sound {
    let seconds = p.length(0.42);
    let swell = |t: f32| {
        let rise = ramp(t, 0.0, 0.045);
        rise * rise.sqrt() * p.decay(t - 0.045, 0.30)
    };
    let flutter = p.rand("flutter").white(seconds).lp(2, 60.0).map(|x| 1.0 + 2.0 * x);
    let brush = p.white("brush", seconds).bp(1900.0, 0.6).lp(2, f64::from(p.cut(6000.0)));
    let brush = (brush.env(swell) * &flutter).hp(2, 350.0);
    let tap = sine(seconds, |_| p.tune(190.0)).env(|t| 0.5 * p.decay(t, 0.16) * attack(t, 0.004));
    let wood = p.white("wood", seconds).bp(480.0, 0.8).env(|t| 0.6 * p.decay(t, 0.2));
    (brush * 0.9 + tap + wood + p.click(600.0, 5000.0, 0.02) * 0.35).finish(80.0)
}

/// Hands that do not quite meet: a burst per hand (time, gain), then the room.
struct Clap {
    bursts: &'static [(f32, f32)],
    burst_t60: f32,
    tail: f32,
    tail_t60: f32,
    hz: f32,
    q: f64,
    highpass: f64,
}

impl Clap {
    /// One noise under all bursts, in a narrow band that closes once the last burst has gone.
    fn strike(&self, p: &Patch, seconds: f64) -> Sound {
        let last = self.bursts[self.bursts.len() - 1].0;
        let envelope = |t: f32| {
            let burst = |level: f32, &(start, gain): &(f32, f32)| {
                let rung = if t < start { 0.0 } else { gain * decay(t - start, self.burst_t60) };
                level.max(rung)
            };
            let tail = self.tail * p.decay(t - last, self.tail_t60);
            self.bursts.iter().fold(if t < last { 0.0 } else { tail }, burst)
        };
        let noise = p.white("hands", seconds);
        let air = noise
            .clone()
            .hp(2, self.highpass)
            .env(|t| 0.05 * p.decay(t - last - 0.02, 0.6 * self.tail_t60));
        let hands = noise.bp(f64::from(1.12 * p.tune(self.hz)), self.q) + air;
        let open = hands.env(envelope).lp(1, 7500.0);
        let closing = last + 0.015;
        let closed = open.clone().svf_lp(|t| (7000.0 * decay(t - closing, 0.5)).max(1500.0), 0.7);
        let from = (f64::from(closing) * RATE) as usize;
        open.each(|samples| samples[from..].copy_from_slice(&closed.channel(0)[from..]))
    }
}

/// The classic: four bursts 10 ms apart.
pub(crate) fn clap_808(p: &Patch) -> Sound {
    let clap = Clap {
        bursts: &[(0.0, 0.85), (0.0105, 0.8), (0.0205, 0.75), (0.0310, 1.0)],
        burst_t60: 0.022,
        tail: 0.6,
        tail_t60: 0.36,
        hz: 1050.0,
        q: 1.3,
        highpass: 500.0,
    };
    clap.strike(p, p.length(0.5)).hp(2, 350.0).lp(1, 9000.0).finish(100.0)
}

/// With a small room.
pub(crate) fn clap_909(p: &Patch) -> Sound {
    let clap = Clap {
        bursts: &[(0.0, 0.9), (0.011, 0.85), (0.022, 0.85), (0.0335, 1.0)],
        burst_t60: 0.024,
        tail: 0.6,
        tail_t60: 0.30,
        hz: 1150.0,
        q: 1.1,
        highpass: 1500.0,
    };
    let room = Room { t60: 0.35, damp: 0.3, size: 0.35, tail: 0.25, low: 400.0, ..Room::MEDIUM };
    let wide = clap.strike(p, p.length(0.4)).wide(p.rand("sides"), 9.0, 0.5);
    wide.room(0.12, &room).finish(200.0)
}

/// Driven, wide, in a bright hall.
pub(crate) fn clap_industrial(p: &Patch) -> Sound {
    let clap = Clap {
        bursts: &[(0.0, 1.0), (0.008, 0.7), (0.019, 0.9), (0.027, 1.0)],
        burst_t60: 0.022,
        tail: 0.55,
        tail_t60: 0.40,
        hz: 1150.0,
        q: 0.9,
        highpass: 500.0,
    };
    let room = Room { t60: 0.6, damp: 0.15, size: 0.4, tail: 0.4, low: 350.0, ..Room::MEDIUM };
    let driven = clap.strike(p, p.length(0.5)).drive(14.0).hp(2, 220.0).lp(2, 6000.0);
    driven.wide(p.rand("sides"), 14.0, 0.6).room(0.15, &room).finish(180.0)
}

/// Tight, three bursts over a low thud.
pub(crate) fn clap_house_layer(p: &Patch) -> Sound {
    let clap = Clap {
        bursts: &[(0.0, 0.6), (0.0085, 0.8), (0.0185, 1.0)],
        burst_t60: 0.024,
        tail: 0.7,
        tail_t60: 0.24,
        hz: 1150.0,
        q: 1.2,
        highpass: 1800.0,
    };
    let thud = p.white("thud", 0.2).bp(780.0, 2.0).env(|t| p.decay(t, 0.10)).delayed(0.0185);
    let sum = clap.strike(p, p.length(0.35)) + thud * 0.6;
    sum.wide(p.rand("sides"), 10.0, 0.4).finish(180.0)
}

/// Two fingers.
pub(crate) fn snap_lofi(p: &Patch) -> Sound {
    let seconds = p.length(0.28);
    let band =
        |purpose: &str, hz: f32, q: f64| p.white(purpose, seconds).bp(f64::from(p.tune(hz)), q);
    let first = band("first", 1050.0, 1.4).env(|t| 1.5 * p.decay(t, 0.16) * attack(t, 0.0015));
    let second = band("second", 1500.0, 1.6).env(|t| 0.8 * p.decay(t, 0.13)).delayed(0.012);
    let body = band("body", 750.0, 1.0).env(|t| 0.4 * p.decay(t, 0.28) * attack(t, 0.0015));
    (first + second + body).first(seconds).lp(2, 6000.0).finish(150.0)
}
