//! Hats: metal in two bands that ring at different rates, under some noise.

use crate::synth::curve::{attack, decay, fall, ramp, sin};
use crate::synth::finish::Finish;
use crate::synth::metal::{Hat, pulses};
use crate::synth::osc::{pulse, sine};
use crate::synth::patch::Patch;
use crate::synth::sound::Sound;

/// The hat with the patch's tuning and decays.
fn strike(p: &Patch, seconds: f64, hat: Hat) -> Sound {
    let t60 = hat.t60.map(|t60| t60 * p.length_ratio());
    let hat = Hat { tune: p.tune(hat.tune), t60, ..hat };
    hat.strike(seconds, p.rand("phases"), p.rand("noise"))
}

/// Metallic: mostly the six pulses.
pub(crate) fn hat_closed_808(p: &Patch) -> Sound {
    let hat = Hat {
        tune: 1.0,
        bands: [3440.0, 7100.0],
        split: 6200.0,
        mix: 0.5,
        t60: [0.14, 0.26],
        noise: 0.2,
    };
    strike(p, p.length(0.3), hat).finish(300.0)
}

/// Crisp: as much noise as metal.
pub(crate) fn hat_closed_909(p: &Patch) -> Sound {
    let seconds = p.length(0.32);
    let hat = Hat {
        tune: 1.31,
        bands: [4200.0, 8600.0],
        split: 6000.0,
        mix: 0.5,
        t60: [0.15, 0.26],
        noise: 0.9,
    };
    let air = p
        .white("air", seconds)
        .svf_hp(|t| p.cut(6500.0) + 5000.0 * decay(t, 0.12), 0.7)
        .env(|t| 0.5 * p.decay(t, 0.24))
        .lp(2, 15_500.0)
        .env(|t| attack(t, 0.001));
    let click = p.click(4000.0, 16_000.0, 0.006).first(0.004);
    (strike(p, seconds, hat) + air + click * 0.25).finish(300.0)
}

/// A short band of noise.
pub(crate) fn hat_tick(p: &Patch) -> Sound {
    let noise =
        p.white("tick", p.length(0.22)).svf_bp(|t| p.cut(7600.0) + 4500.0 * decay(t, 0.05), 1.1);
    let envelope = |t: f32| (0.6 * p.decay(t, 0.10) + 0.4 * p.decay(t, 0.17)) * attack(t, 0.0012);
    let click = p.click(5000.0, 17_000.0, 0.004);
    (noise.env(envelope) + click * 0.2).finish(800.0)
}

/// Two multiplied pulses and a wildly modulated sine, driven.
pub(crate) fn hat_industrial(p: &Patch) -> Sound {
    let seconds = p.length(0.32);
    let ring = pulse(seconds, |_| p.tune(1870.0), 0.5, 0.0)
        * &pulse(seconds, |_| p.tune(1329.0), 0.4, 0.0);
    let scream = sine(seconds, |t| 5210.0 + 900.0 * sin(3370.0 * f64::from(t))) * 0.7;
    let metal = (ring + scream).env(|t| p.decay(t, 0.3));
    let noise = p.white("noise", seconds).env(|t| 0.6 * p.decay(t, 0.2));
    (metal + noise)
        .drive(12.0)
        .svf_hp(|t| p.cut(5200.0) + 2500.0 * decay(t, 0.08), 0.7)
        .lp(1, 15_500.0)
        .env(|t| ramp(t, 0.0, 0.002) * p.decay(t, 0.26))
        .finish(400.0)
}

/// Nine bits, no air.
pub(crate) fn hat_lofi(p: &Patch) -> Sound {
    let hat = Hat {
        tune: 1.05,
        bands: [3900.0, 7600.0],
        split: 6000.0,
        mix: 0.5,
        t60: [0.14, 0.24],
        noise: 1.0,
    };
    strike(p, p.length(0.26), hat)
        .norm(-1.0)
        .crush(9, 1.7)
        .hp(2, 3500.0)
        .lp(2, f64::from(p.cut(10_500.0)))
        .env(|t| attack(t, 0.0015))
        .finish_as(&Finish { highpass: 400.0, tail_db: -56.0, ..Finish::HIT })
}

/// The 808's, open.
pub(crate) fn hat_open_808(p: &Patch) -> Sound {
    let hat = Hat {
        tune: 1.0,
        bands: [3440.0, 7100.0],
        split: 5000.0,
        mix: 0.25,
        t60: [0.35, 0.95],
        noise: 0.7,
    };
    strike(p, p.length(1.1), hat).env(|t| 1.0 - fall(t, 0.0035)).finish(300.0)
}

/// The 909's, open, with a flutter in its air.
pub(crate) fn hat_open_909(p: &Patch) -> Sound {
    let seconds = p.length(0.9);
    let hat = Hat {
        tune: 1.31,
        bands: [4200.0, 8600.0],
        split: 5200.0,
        mix: 0.25,
        t60: [0.3, 0.8],
        noise: 1.0,
    };
    let flutter = flutter(p, seconds, 90.0, 0.9);
    let air = p
        .white("air", seconds)
        .svf_hp(|t| p.cut(5200.0) + 3500.0 * decay(t, 0.5), 0.7)
        .env(|t| 0.45 * p.decay(t, 0.75) * (1.0 - fall(t, 0.003)))
        * &flutter;
    (strike(p, seconds, hat) + air).lp(2, 15_500.0).wide(p.rand("sides"), 5.0, 0.25).finish(300.0)
}

/// Airy: noise and a trace of metal.
pub(crate) fn hat_open_noise(p: &Patch) -> Sound {
    let seconds = p.length(0.5);
    let band = p.white("band", seconds).svf_bp(|t| p.cut(7000.0) + 2600.0 * decay(t, 0.3), 0.9);
    let air = p.white("air", seconds).hp(2, 9500.0).env(|t| 0.35 * p.decay(t, 0.35));
    let metal = pulses(seconds, 1.6, p.rand("phases")) * 0.12;
    let envelope = |t: f32| p.decay(t, 0.42) * ramp(t, 0.0, 0.003);
    (band + air + metal).env(envelope).finish_as(&Finish { highpass: 500.0, ..Finish::HIT })
}

/// 1 plus low-passed noise: a random tremolo.
pub(crate) fn flutter(p: &Patch, seconds: f64, hz: f64, depth: f32) -> Sound {
    p.rand("flutter").white(seconds).lp(2, hz).map(|x| 1.0 + depth * x)
}
