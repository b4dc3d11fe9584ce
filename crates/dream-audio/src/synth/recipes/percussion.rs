//! Percussion: cymbals, wood, skins, shakers, struck metal.

use crate::synth::curve::{attack, decay, fall, pm, ramp, sin};
use crate::synth::metal::{Cymbal, Hat, Mode, modes};
use crate::synth::osc::{cycles, pulse, sine};
use crate::synth::patch::Patch;
use crate::synth::recipes::hat::flutter;
use crate::synth::sound::{RATE, Sound, frames};
use crate::synth::space::Room;

/// A ride: a cloud of partials, a wash of noise, a ping.
pub(crate) fn ride_909(p: &Patch) -> Sound {
    let seconds = p.length(2.6);
    let cymbal = Cymbal {
        tune: p.tune(1.0),
        partials: 130,
        range: [430.0, 15e3],
        t60: [2.8, 1.2].map(|t60| t60 * p.length_ratio()),
        bright: 1.25,
    };
    let body = cymbal.strike(seconds, p.rand("partials")).env(|t| 0.6 + 0.4 * decay(t, 0.5));
    let wash = p.white("wash", seconds).hp(2, 3500.0).lp(1, 9000.0).env(|t| 0.16 * p.decay(t, 1.5))
        * &flutter(p, seconds, 70.0, 1.6);
    let ping = p.white("ping", 0.1).hp(2, 2200.0).env(|t| 0.45 * decay(t, 0.09))
        + sine(0.1, |_| p.tune(4150.0)).env(|t| 0.3 * decay(t, 0.09));
    (body * 0.9 + wash + ping).hp(2, 450.0).wide(p.rand("sides"), 8.0, 0.3).finish(200.0)
}

/// A dark ride with a bell in it.
pub(crate) fn ride_bell_dark(p: &Patch) -> Sound {
    const BELL: [Mode; 7] = [
        (528.0, 0.5, 2.2),
        (792.0, 1.0, 2.0),
        (1115.0, 0.7, 1.8),
        (1430.0, 0.6, 1.6),
        (2010.0, 0.5, 1.3),
        (2690.0, 0.4, 1.1),
        (3505.0, 0.3, 0.8),
    ];
    let seconds = p.length(2.8);
    let cymbal = Cymbal {
        tune: p.tune(0.9),
        partials: 110,
        range: [430.0, 12.5e3],
        t60: [2.6, 1.2].map(|t60| t60 * p.length_ratio()),
        bright: 1.25,
    };
    let bell = modes(seconds, &BELL.map(|(hz, level, t60)| (p.tune(hz), level, t60)));
    let body = cymbal.strike(seconds, p.rand("partials")).env(|t| 0.6 + 0.4 * decay(t, 0.5));
    let wash = p.white("wash", seconds).hp(2, 3000.0).lp(1, 8000.0).env(|t| 0.2 * p.decay(t, 1.4));
    let ping = p.white("ping", 0.1).hp(2, 2200.0).env(|t| 0.6 * decay(t, 0.09));
    (bell * 0.035 + body + wash + ping).hp(2, 450.0).lp(1, 13e3).finish(200.0)
}

/// A crash: partials, a closing band of noise, metal.
pub(crate) fn crash_909(p: &Patch) -> Sound {
    let seconds = 2.8;
    let cymbal = Cymbal {
        tune: p.tune(1.0),
        partials: 170,
        range: [330.0, 16e3],
        t60: [2.8, 2.0].map(|t60| t60 * p.length_ratio()),
        bright: 1.3,
    };
    let noise = p
        .white("noise", seconds)
        .svf_bp(|t| p.cut(3600.0) + 3000.0 * decay(t, 1.2), 0.5)
        .env(|t| (0.35 * p.decay(t, 0.9) + 0.65 * p.decay(t, 3.2)) * (1.0 - fall(t, 0.012)));
    let hat = Hat {
        tune: p.tune(0.9),
        bands: [3000.0, 6500.0],
        split: 3000.0,
        mix: 0.2,
        t60: [0.8, 2.6].map(|t60| t60 * p.length_ratio()),
        noise: 0.3,
    };
    let metal = hat.strike(seconds, p.rand("phases"), p.rand("metal")).env(|t| 1.0 - fall(t, 0.01));
    (cymbal.strike(seconds, p.rand("partials")) * 1.2 + noise * 0.42 + metal * 0.4)
        .hp(2, 220.0)
        .wide(p.rand("sides"), 14.0, 0.45)
        .clip(1.0, 0.5)
        .finish_fading(150.0, 0.5)
}

/// A small dark cymbal.
pub(crate) fn splash_dark(p: &Patch) -> Sound {
    let seconds = p.length(2.0);
    let cymbal = Cymbal {
        tune: p.tune(0.85),
        partials: 120,
        range: [500.0, 9500.0],
        t60: [2.0, 1.4].map(|t60| t60 * p.length_ratio()),
        bright: 1.0,
    };
    let noise = p
        .white("noise", seconds)
        .bp(3600.0, 0.5)
        .env(|t| (0.4 * p.decay(t, 0.7) + 0.6 * p.decay(t, 2.0)) * (1.0 - fall(t, 0.010)));
    (cymbal.strike(seconds, p.rand("partials")) + noise * 0.6)
        .lp(1, f64::from(p.cut(9000.0)))
        .wide(p.rand("sides"), 10.0, 0.4)
        .finish(200.0)
}

/// Two sines and a tick of noise, driven.
pub(crate) fn rim_808(p: &Patch) -> Sound {
    let seconds = p.length(0.12);
    let sticks = sine(seconds, |_| p.tune(1667.0)).env(|t| p.decay(t, 0.09))
        + sine(seconds, |_| p.tune(455.0)).env(|t| 0.7 * p.decay(t, 0.10))
        + p.white("tick", seconds).bp(2400.0, 0.9).env(|t| 0.6 * p.decay(t, 0.07));
    let click = p.click(2000.0, 9000.0, 0.004);
    (sticks.env(|t| attack(t, 0.0012)).hp(2, 200.0) + click * 0.3).drive(7.0).finish(120.0)
}

/// Two hardwood sticks.
pub(crate) fn clave(p: &Patch) -> Sound {
    let seconds = p.length(0.2);
    let hz = p.tune(2380.0);
    let stick = cycles(seconds, |_| hz, |t, c| pm(c, 0.25 * sin(0.5 * c) * decay(t, 0.02)));
    let sum = stick.env(|t| p.decay(t, 0.12) * attack(t, 0.0014))
        + sine(seconds, |_| p.tune(6540.0)).env(|t| 0.12 * p.decay(t, 0.05))
        + p.white("tick", seconds).bp(1400.0, 1.0).env(|t| 0.3 * p.decay(t, 0.03));
    sum.finish(300.0)
}

/// A hollow block: four modes.
pub(crate) fn woodblock(p: &Patch) -> Sound {
    let table: [Mode; 4] =
        [(860.0, 1.0, 0.14), (1340.0, 0.85, 0.13), (2210.0, 0.6, 0.11), (3420.0, 0.3, 0.08)];
    let table = table.map(|(hz, level, t60)| (p.tune(hz), level, t60 * p.length_ratio()));
    let block = modes(p.length(0.2), &table).env(|t| attack(t, 0.0012));
    let tick = p.white("tick", 0.06).bp(2300.0, 0.8).env(|t| decay(t, 0.05));
    (block + tick * 0.9).finish(250.0)
}

/// A low tom.
pub(crate) fn tom_low(p: &Patch) -> Sound {
    tom(p, 96.0, 0.6)
}

/// A middle tom.
pub(crate) fn tom_mid(p: &Patch) -> Sound {
    tom(p, 125.0, 0.5)
}

/// A high tom.
pub(crate) fn tom_high(p: &Patch) -> Sound {
    tom(p, 158.0, 0.38)
}

/// The first four modes of a membrane, falling a little in pitch.
fn tom(p: &Patch, hz: f32, t60: f32) -> Sound {
    const MODES: [(f64, f32, f32); 4] =
        [(1.0, 1.0, 1.0), (1.594, 0.34, 0.55), (2.136, 0.2, 0.4), (2.653, 0.12, 0.3)];
    let seconds = p.length(1.35 * f64::from(t60));
    let pitch = |t: f32| p.tune(hz) * (1.0 + 0.38 * fall(t, 0.020) + 0.06 * fall(t, 0.15));
    let skin = cycles(seconds, pitch, |t, c| {
        let mode = |&(ratio, level, time): &(f64, f32, f32)| {
            level * sin(ratio * c) * p.decay(t, time * t60)
        };
        attack(t, 0.0012) * MODES.iter().map(mode).sum::<f32>()
    });
    let air = p.white("air", seconds).bp(f64::from(4.2 * hz), 0.6).env(|t| p.decay(t, 0.4 * t60));
    (skin + air * 0.4 + p.click(500.0, 6000.0, 0.03) * 0.45).drive(4.0).finish(40.0)
}

/// A hand drum.
pub(crate) fn conga_fm(p: &Patch) -> Sound {
    let seconds = p.length(0.4);
    let pitch = |t: f32| p.tune(208.0) * (1.0 + 0.18 * fall(t, 0.012));
    let skin = cycles(seconds, pitch, |t, c| {
        pm(c, p.index(1.1) * sin(1.47 * c) * decay(t, 0.05)) * p.decay(t, 0.26)
    });
    let slap = p.white("slap", seconds).bp(1500.0, 0.8).env(|t| 0.5 * decay(t, 0.03));
    (skin + slap).finish(80.0)
}

/// A fast fall with a bite.
pub(crate) fn perc_zap_fm(p: &Patch) -> Sound {
    let pitch = |t: f32| p.tune(170.0) + 700.0 * fall(t, 0.014);
    cycles(p.length(0.3), pitch, |t, c| {
        let bite = p.index(1.6) * sin(2.76 * c) * p.decay(t, 0.07);
        pm(c, bite) * p.decay(t, 0.2) * attack(t, 0.0015)
    })
    .drive(6.0)
    .lp(1, f64::from(p.cut(7000.0)))
    .finish(70.0)
}

/// A drum whose skin is pressed: the pitch bends up.
pub(crate) fn tabla_bend(p: &Patch) -> Sound {
    let pitch = |t: f32| p.tune(142.0) * (1.0 - 0.28 * fall(t, 0.05) + 0.5 * fall(t, 0.006));
    let skin = cycles(p.length(0.6), pitch, |t, c| {
        sin(c) * p.decay(t, 0.5)
            + 0.3 * sin(2.02 * c) * p.decay(t, 0.22)
            + 0.15 * sin(3.01 * c) * p.decay(t, 0.12)
    });
    (skin + p.click(500.0, 6000.0, 0.028) * 0.6).finish(50.0)
}

/// Grains: 4500 random impulses per second and noise, in a band.
pub(crate) fn shaker(p: &Patch) -> Sound {
    const PER_SECOND: f64 = 4500.0;
    let seconds = p.length(0.17);
    let mut rand = p.rand("grains");
    let mut last = 0.0;
    let grains = Sound::of_time(seconds, |_| {
        let hit = f64::from(rand.range(0.0, 1.0)) < PER_SECOND / RATE;
        let grain = if hit { rand.range(0.3, 1.0) * rand.sign() } else { 0.0 };
        last = grain + 0.6 * last;
        last
    });
    let swell = |t: f32| ramp(t, 0.0, 0.028).powi(2) * p.decay(t - 0.028, 0.12);
    (grains * 1.2 + p.white("air", seconds) * 0.9)
        .svf_bp(|t| p.cut(6000.0) + 1500.0 * decay(t, 0.08), 1.1)
        .env(swell)
        .norm(0.0)
        .clip(5.0, 0.5)
        .finish(700.0)
}

/// Twenty-six jingles, most within 12 ms, some late.
pub(crate) fn tambourine(p: &Patch) -> Sound {
    let seconds = p.length(0.4);
    let mut rand = p.rand("jingles");
    let jingles: Sound = (0..26)
        .map(|k| {
            let (start, level) = if k < 14 {
                (0.012 * rand.normal().abs(), 1.0)
            } else {
                (rand.range(0.02, 0.14), 0.4)
            };
            let (hz, t60) = (p.tune(rand.range(3900.0, 9500.0)), rand.range(0.05, 0.28));
            let level = level * rand.range(0.3, 1.0);
            modes(seconds - f64::from(start), &[(hz, level, t60)]).delayed(f64::from(start))
        })
        .sum();
    let skin = p
        .white("skin", seconds)
        .hp(2, 4000.0)
        .lp(1, 9500.0)
        .env(|t| 0.45 * p.decay(t, 0.2) * attack(t, 0.003));
    (jingles * 0.2 + skin).hp(2, 2200.0).finish(900.0)
}

/// Two pulses at 540 and 800 Hz, banded and driven.
pub(crate) fn cowbell_808(p: &Patch) -> Sound {
    let seconds = p.length(0.5);
    let source =
        pulse(seconds, |_| p.tune(540.0), 0.5, 0.0) + pulse(seconds, |_| p.tune(800.0), 0.5, 0.3);
    let sum = source.clone().bp(1250.0, 0.7)
        + source.clone().bp(2640.0, 1.2).env(|t| 0.55 * (0.4 + 0.6 * p.decay(t, 0.2)))
        + source.hp(2, 4500.0) * 0.12;
    let ring = |t: f32| (0.5 * p.decay(t, 0.09) + 0.5 * p.decay(t, 0.48)) * attack(t, 0.0012);
    sum.env(ring).drive(8.0).finish(350.0)
}

/// A hammer on iron: nine modes, each with a beating twin.
pub(crate) fn anvil(p: &Patch) -> Sound {
    const MODES: [Mode; 9] = [
        (611.0, 0.6, 0.7),
        (997.0, 1.0, 0.6),
        (1503.0, 0.8, 0.55),
        (2087.0, 0.9, 0.5),
        (2760.0, 0.6, 0.36),
        (3411.0, 0.5, 0.3),
        (4377.0, 0.45, 0.24),
        (5630.0, 0.3, 0.16),
        (7120.0, 0.2, 0.1),
    ];
    let seconds = p.length(1.0);
    let table = MODES.map(|(hz, level, t60)| (p.tune(hz), level, t60 * p.length_ratio()));
    let twins = table.map(|(hz, _, t60)| (1.006 * hz, 0.3, t60));
    let bars = modes(seconds, &table) + modes(seconds, &twins);
    let room = Room { t60: 0.7, damp: 0.1, size: 0.5, tail: 0.5, low: 400.0, ..Room::MEDIUM };
    ((bars * 0.35).drive(10.0) + p.click(2000.0, 12e3, 0.005) * 0.8)
        .fades(0.0002, 0.05)
        .room(0.15, &room)
        .finish(250.0)
}

/// A free bar: mode ratios 1 : 2.757 : 5.404 : 8.933 ...
pub(crate) fn metal_pipe(p: &Patch) -> Sound {
    const MODES: [Mode; 11] = [
        (214.0, 0.4, 1.2),
        (590.0, 0.9, 1.1),
        (1156.0, 1.0, 1.0),
        (1911.0, 0.9, 0.8),
        (2855.0, 0.75, 0.7),
        (3988.0, 0.6, 0.55),
        (5310.0, 0.5, 0.45),
        (6770.0, 0.35, 0.3),
        (215.1, 0.4, 1.1),
        (591.8, 0.5, 0.9),
        (1159.0, 0.4, 0.7),
    ];
    let table = MODES.map(|(hz, level, t60)| (p.tune(hz), level, t60 * p.length_ratio()));
    let hit = p.white("hit", 0.02).bp(3000.0, 0.6).env(|t| decay(t, 0.012));
    let room = Room { t60: 1.0, damp: 0.25, size: 0.6, tail: 0.6, ..Room::MEDIUM };
    (modes(p.length(1.5), &table) * 0.4 + hit)
        .drive(6.0)
        .fades(0.0002, 0.03)
        .room(0.18, &room)
        .finish(120.0)
}

/// A bent steel rod: strong phase modulation at an irrational ratio.
pub(crate) fn triangle_fm(p: &Patch) -> Sound {
    let seconds = p.length(1.6);
    let hz = p.tune(1490.0);
    let rod = cycles(
        seconds,
        |_| hz,
        |t, c| {
            let wobble = 1.0 + 0.25 * sin(7.3 * f64::from(t));
            let index = p.index(1.9) * (0.4 + 0.6 * p.decay(t, 0.4)) * wobble;
            pm(c, index * sin(2.732 * c)) * (0.5 * p.decay(t, 0.5) + 0.5 * p.decay(t, 1.6))
        },
    );
    let sum = rod
        + sine(seconds, |_| p.tune(5217.0)).env(|t| 0.4 * p.decay(t, 0.9))
        + p.white("hit", frames(seconds) as f64 / RATE)
            .hp(2, 5000.0)
            .env(|t| 0.15 * decay(t, 0.12));
    sum.env(|t| attack(t, 0.0005)).wide(p.rand("sides"), 6.0, 0.2).finish(800.0)
}
