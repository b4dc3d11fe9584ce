//! Kicks: sines that fall in pitch within the first 50 ms, and what is put around them.

use crate::synth::curve::{attack, decay, fall, ramp, sin32};
use crate::synth::dynamics::Squeeze;
use crate::synth::finish::Finish;
use crate::synth::osc::sine;
use crate::synth::patch::Patch;
use crate::synth::sound::Sound;
use crate::synth::space::Room;

/// A sine at `end` Hz that starts higher: each fall is (Hz at its start, time constant).
fn body(p: &Patch, seconds: f64, end: f32, falls: &[(f32, f32)]) -> Sound {
    sine(p.length(seconds), |t| {
        p.tune(end + falls.iter().map(|(hz, tau)| (hz - end) * fall(t, *tau)).sum::<f32>())
    })
}

/// Punchy: a two-step fall, mild saturation, a noise click and a 4 ms knock at 420 Hz.
pub(crate) fn kick_909(p: &Patch) -> Sound {
    let body = body(p, 0.55, 50.0, &[(260.0, 0.009), (95.0, 0.045)])
        .env(|t| attack(t, 0.0008) * p.decay(t - 0.045, 0.42))
        .drive(6.0);
    let knock = sine(0.004, |_| 420.0).fades(0.002, 0.002);
    let click = p.click(900.0, 7000.0, 0.012);
    (body + click * 0.5 + knock * 0.3).bell(3500.0, 3.0, 1.0).finish(20.0)
}

/// The long one: a resonating bridged-T network, struck.
pub(crate) fn kick_808_deep(p: &Patch) -> Sound {
    let pitch = |t: f32| p.tune(47.5) * (1.0 + 1.9 * fall(t, 0.0065) + 0.10 * fall(t, 0.09));
    let body = sine(p.length(1.7), pitch).env(|t| attack(t, 0.002) * p.decay(t, 1.55));
    let click = p.click(300.0, 5000.0, 0.022).lp(2, 4500.0);
    (body + click * 0.5).drive_biased(6.0, 0.12).finish(20.0)
}

/// The short one.
pub(crate) fn kick_808_short(p: &Patch) -> Sound {
    let pitch = |t: f32| p.tune(54.0) * (1.0 + 1.6 * fall(t, 0.006) + 0.08 * fall(t, 0.05));
    let body = sine(p.length(0.5), pitch).env(|t| attack(t, 0.0015) * p.decay(t, 0.38));
    (body + p.click(300.0, 5000.0, 0.010) * 0.25).drive(4.0).finish(20.0)
}

/// A clean low band under a driven and folded copy; the distortion comes before its envelope, so that the
/// harmonics last.
pub(crate) fn kick_industrial(p: &Patch) -> Sound {
    let seconds = p.length(0.6);
    let body = body(p, 0.6, 48.0, &[(300.0, 0.010), (100.0, 0.045)]);
    let low = body.clone().env(|t| attack(t, 0.0008) * p.decay(t - 0.07, 0.48)).lp(4, 110.0);
    let noise = p.white("grit", seconds).bp(900.0, 0.8).env(|t| p.decay(t, 0.12) + 0.06);
    let dirty = (body.env(|t| 0.45 + 0.55 * p.decay(t, 0.5)) + noise * 0.35)
        .hp(1, 90.0)
        .drive_biased(20.0, 0.25);
    let dirty = (dirty * 0.55)
        .fold(3.0)
        .lp(2, f64::from(p.cut(6500.0)))
        .bell(220.0, -4.0, 1.0)
        .bell(1800.0, 3.0, 1.0)
        .env(|t| attack(t, 0.0006) * (0.35 * p.decay(t, 0.10) + 0.30 * p.decay(t - 0.05, 0.34)));
    let click = p.click(1500.0, 9000.0, 0.010);
    (low * 1.25 + dirty * 0.62 + click * 0.45).norm(0.0).clip(3.0, 0.75).finish(20.0)
}

/// Driven until it is nearly square, with the clean low end underneath.
pub(crate) fn kick_hard_clip(p: &Patch) -> Sound {
    let envelope = |t: f32| {
        let held = 1.0 - 0.25 * ramp(t, 0.0, 0.09);
        attack(t, 0.0005) * held * p.decay(t - 0.09, 0.26)
    };
    let body = body(p, 0.44, 53.0, &[(380.0, 0.009), (110.0, 0.035)]).env(envelope);
    let driven = (body + p.click(1000.0, 8000.0, 0.008) * 0.6).drive(13.0);
    let low = driven.clone().lp(2, 120.0) * 0.5;
    (driven.env(|t| 0.55 + 0.45 * p.decay(t, 0.18)) + low)
        .lp(2, f64::from(p.cut(5200.0)))
        .bell(55.0, 2.0, 0.707)
        .clip(2.0, 0.75)
        .finish(20.0)
}

/// Rounded: one slow fall, a 4 ms sine fade-in, no treble.
pub(crate) fn kick_soft_deep(p: &Patch) -> Sound {
    let body = body(p, 0.58, 46.0, &[(125.0, 0.018)])
        .env(|t| sin32(0.25 * ramp(t, 0.0, 0.004)).powi(2) * p.decay(t - 0.03, 0.5))
        .drive_biased(5.0, 0.10);
    (body + p.click(250.0, 2600.0, 0.025) * 0.22).lp(1, f64::from(p.cut(2600.0))).finish(20.0)
}

/// A 909 with its own reverberation low-passed, driven and ducked: one beat long at 132 bpm, tail and all.
pub(crate) fn kick_rumble(p: &Patch) -> Sound {
    const BEAT: f64 = 60.0 / 132.0;
    let kick = kick_909(p);
    let room = Room { t60: 1.6, damp: 0.55, size: 0.8, tail: 1.2, low: 32.0, high: 420.0 };
    let rumble = kick.clone().lp(2, 900.0).reverb(&room).into_mono().lp(4, 140.0);
    let duck = |t: f32| {
        let phase = (f64::from(t) / BEAT).fract() as f32;
        let back = ramp(phase, 0.10, 0.40);
        back * back.sqrt()
    };
    let rumble = rumble.first(2.0 * BEAT).norm(-2.0).drive(9.0).env(duck).lp(4, 150.0).norm(-7.5);
    let finish = Finish { highpass: 28.0, fade_out: 0.03, ..Finish::HIT };
    (kick + rumble).first(BEAT).finish_as(&finish)
}

/// Twelve bits at half the rate, dull, with a trace of hiss.
pub(crate) fn kick_lofi(p: &Patch) -> Sound {
    let seconds = p.length(0.4);
    let body = body(p, 0.4, 58.0, &[(170.0, 0.014), (80.0, 0.05)])
        .env(|t| attack(t, 0.003) * p.decay(t - 0.03, 0.28))
        .drive(8.0);
    let thud = p.white("thud", seconds).bp(700.0, 0.7).env(|t| p.decay(t, 0.06));
    let sum = body + thud * 0.3 + p.click(400.0, 3000.0, 0.02) * 0.15;
    let dusty = sum.norm(-1.0).crush(12, 2.0).hp(2, 38.0).lp(2, f64::from(p.cut(3800.0)));
    let hiss = p.rand("hiss").pink(seconds).lp(2, 4000.0).env(|t| decay(t, 0.8));
    (dusty + hiss * 0.0012).finish(20.0)
}

/// Short and knocking, compressed.
pub(crate) fn kick_dnb(p: &Patch) -> Sound {
    let seconds = p.length(0.28);
    let body = body(p, 0.28, 57.0, &[(240.0, 0.007), (85.0, 0.03)])
        .env(|t| attack(t, 0.0004) * p.decay(t - 0.045, 0.22));
    let snap = p.white("snap", seconds).bp(2600.0, 0.6).env(|t| p.decay(t, 0.035));
    let thud = p.white("thud", seconds).bp(180.0, 1.0).env(|t| p.decay(t, 0.08));
    (body + snap * 0.28 + thud * 0.25)
        .env(|t| attack(t, 0.0012))
        .drive(9.0)
        .bell(4200.0, 2.0, 0.9)
        .squeezed(&Squeeze { threshold: -14.0, ratio: 3.0, attack_ms: 2.0, release_ms: 60.0 })
        .finish(20.0)
}

/// A very fast, very high fall that reads as a click.
pub(crate) fn kick_trance(p: &Patch) -> Sound {
    let body = body(p, 0.36, 51.0, &[(560.0, 0.0055), (90.0, 0.03)])
        .env(|t| {
            let held = 1.0 - 0.2 * ramp(t, 0.0, 0.05);
            attack(t, 0.0003) * held * p.decay(t - 0.05, 0.26)
        })
        .drive(3.0);
    let click = p.click(2500.0, 12_000.0, 0.009);
    (body + click * 0.5).clip(1.0, 0.8).bell(4500.0, 3.0, 0.8).finish(20.0)
}
