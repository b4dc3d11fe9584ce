//! Transitions: what leads into a section, marks its start or clears the air after it.

use crate::synth::curve::{adsr, decay, exp2, fall, pm, ramp, semitones, sin, sin32};
use crate::synth::filter::Pass;
use crate::synth::finish::Finish;
use crate::synth::osc::{cycles, pulse, saw, sine, supersaw};
use crate::synth::patch::{Patch, midi_hz};
use crate::synth::recipes::percussion::crash_909;
use crate::synth::sound::Sound;
use crate::synth::space::{Echo, Room};

/// A bar at 132 bpm.
const BAR: f64 = 4.0 * 60.0 / 132.0;
/// For effects that end at a point in time.
const TO_THE_END: Finish =
    Finish { highpass: 120.0, fade_in: 0.02, fade_out: 0.02, tail_db: -90.0, peak_db: -1.0 };

/// Four bars of rising noise and rising supersaw, chopped ever faster.
pub(crate) fn fx_riser(p: &Patch) -> Sound {
    riser(p, 4.0 * BAR)
}

/// The same in two bars.
pub(crate) fn fx_riser_short(p: &Patch) -> Sound {
    riser(p, 2.0 * BAR)
}

fn riser(p: &Patch, seconds: f64) -> Sound {
    let along = move |t: f32| t / seconds as f32;
    let noise = p.wide_white("noise", seconds).svf(
        Pass::Band,
        |t| p.cut(250.0) * exp2(5.2 * along(t).powf(1.3)),
        |t| 1.0 + 2.5 * along(t),
    );
    let a2 = midi_hz(45.0);
    let tone = supersaw(seconds, |t| a2 * exp2(2.0 * along(t).powf(1.6)), 0.4, 0.7, p.rand("saws"));
    let chop = cycles(
        seconds,
        |t| 2.0 + 14.0 * along(t).powi(2),
        |_, c| {
            if sin(c) > 0.0 { 1.0 } else { 0.6 }
        },
    )
    .lp(1, 120.0);
    let room = Room { t60: 1.2, tail: 0.0, low: 300.0, ..Room::MEDIUM };
    ((noise * 1.2 + tone.hp(2, 200.0) * 0.3) * &chop)
        .env(|t| 0.05 + 0.95 * along(t).powi(2))
        .room(0.2, &room)
        .finish_as(&TO_THE_END)
}

/// Falling noise and a falling sine.
pub(crate) fn fx_downlifter(p: &Patch) -> Sound {
    let seconds = 3.6;
    let along = |t: f32| t / seconds as f32;
    let noise = p
        .wide_white("noise", seconds)
        .svf_bp(|t| p.cut(9000.0) * exp2(-5.5 * along(t).powf(0.7)), 1.3);
    let tone = sine(seconds, |t| 1100.0 * exp2(-4.2 * along(t).powf(0.6))) * 0.25;
    let room = Room { t60: 2.2, tail: 0.8, low: 150.0, ..Room::MEDIUM };
    (noise + tone)
        .env(|t| decay(t, 4.5) * (1.0 - along(t)).powf(1.2) * ramp(t, 0.0, 0.004))
        .room(0.3, &room)
        .first(4.2)
        .finish_fading(60.0, 0.4)
}

/// A blow: falling sub, closing noise, a long dark hall.
pub(crate) fn fx_impact(p: &Patch) -> Sound {
    let seconds = 3.0;
    let boom = sine(seconds, |t| p.tune(34.0) + 80.0 * fall(t, 0.06)).env(|t| p.decay(t, 1.8));
    let burst = p
        .white("burst", seconds)
        .svf_lp(|t| 350.0 + p.cut(7000.0) * decay(t, 0.35), 0.6)
        .env(|t| decay(t, 0.35) + 0.25 * p.decay(t, 1.6));
    let room = Room { t60: 3.2, damp: 0.45, size: 1.4, tail: 1.5, low: 60.0, high: 6000.0 };
    (boom * 0.65 + burst * 1.1 + p.click(1000.0, 9000.0, 0.008) * 0.8)
        .drive(8.0)
        .wide(p.rand("sides"), 20.0, 0.5)
        .room(0.45, &room)
        .first(4.5)
        .finish_fading(28.0, 0.8)
}

/// A crash backwards, opening, with nothing after its end.
pub(crate) fn fx_reverse_crash(p: &Patch) -> Sound {
    let room = Room { t60: 1.8, tail: 0.5, ..Room::MEDIUM };
    let turned = crash_909(p).room(0.3, &room).first(2.6).reversed();
    let end = turned.seconds() as f32;
    turned
        .env(|t| ramp(t, 0.0, 0.3))
        .svf_lp(|t| 1200.0 + 11_000.0 * (t / end).powi(2), 0.7)
        .finish_as(&Finish { highpass: 150.0, fade_out: 0.006, tail_db: -66.0, ..TO_THE_END })
}

/// Two bars of noise, up and down again.
pub(crate) fn fx_noise_sweep(p: &Patch) -> Sound {
    let seconds = 2.0 * BAR;
    let arch = move |t: f32| sin32(0.5 * t / seconds as f32).max(0.0);
    let room = Room { t60: 1.0, tail: 0.0, ..Room::MEDIUM };
    p.wide_white("noise", seconds)
        .svf_bp(|t| p.cut(300.0) * exp2(4.6 * arch(t).powf(1.2)), 2.2)
        .env(|t| 0.1 + 0.9 * arch(t).powf(1.5))
        .room(0.2, &room)
        .finish_as(&TO_THE_END)
}

/// A dub siren.
pub(crate) fn fx_siren(p: &Patch) -> Sound {
    let seconds = 2.4;
    // A triangle between -1 and 1 that starts rising at 0.
    let triangle = |c: f32| 1.0 - 4.0 * ((c + 0.25).fract() - 0.5).abs();
    let pitch = |t: f32| p.tune(620.0) * semitones(-6.6 * triangle(1.25 * t + 0.5));
    let dry = (pulse(seconds, pitch, 0.5, 0.0) * 0.5
        + saw(seconds, |t| 1.004 * pitch(t), 0.0) * 0.3)
        .lp(2, f64::from(p.cut(3200.0)))
        .env(adsr(0.02, 0.3, 1.0, 0.15, 1.9));
    let echo = Echo { time: 0.333, feedback: 0.5, low: 350.0, high: 2400.0, tail: 2.0 };
    let wet = dry.echo(&echo) * 0.5;
    (dry + wet).first(3.6).finish_fading(150.0, 0.5)
}

/// A zap.
pub(crate) fn fx_laser(p: &Patch) -> Sound {
    let room = Room { t60: 0.6, size: 0.5, tail: 0.35, low: 200.0, ..Room::MEDIUM };
    cycles(
        0.45,
        |t| p.tune(110.0) + 2600.0 * fall(t, 0.075),
        |t, c| pm(c, p.index(0.9) * sin(1.5 * c)) * p.decay(t, 0.45),
    )
    .drive(5.0)
    .fades(0.0005, 0.02)
    .room(0.15, &room)
    .finish(90.0)
}

/// A sine that sinks from 140 to 30 Hz, with a wind.
pub(crate) fn fx_sub_drop(p: &Patch) -> Sound {
    let seconds = 2.6;
    let drop = sine(seconds, |t| p.tune(30.0) + 110.0 * fall(t, 0.7))
        .env(|t| ramp(t, 0.0, 0.01) * decay(t - 0.2, 2.6));
    let wind = p
        .rand("wind")
        .pink(seconds)
        .svf_lp(|t| 120.0 + p.cut(1500.0) * decay(t, 1.2), 0.8)
        .env(|t| 0.35 * decay(t, 1.5));
    (drop + wind).drive_biased(8.0, 0.15).finish_fading(24.0, 0.4)
}

/// Metal dragged over metal: stick-slip pulses into five sharp resonances.
pub(crate) fn fx_scrape(p: &Patch) -> Sound {
    const RESONANCES: [(f32, f32); 5] =
        [(730.0, 1.0), (1210.0, 0.9), (1985.0, 0.8), (3120.0, 0.6), (4870.0, 0.5)];
    let seconds = 1.6;
    let arch = |t: f32| sin32(0.5 * t / seconds as f32).max(0.0);
    let mut rand = p.rand("slips");
    let mut next = 0.0_f32;
    let slips = Sound::of_time(seconds, |t| {
        if t < next {
            return 0.0;
        }
        next = t + rand.range(0.7, 1.3) / (60.0 + 240.0 * arch(t).powi(2));
        30.0 * rand.range(0.4, 1.0) * rand.sign()
    });
    let ring = |(i, &(hz, level)): (usize, &(f32, f32))| {
        let drift = p.drift_at("drag", i, seconds, 2.0);
        let pitch = |t: f32| p.tune(hz) * (1.0 + 0.06 * drift.at(t));
        slips.clone().svf_bp(pitch, 28.0) * level
    };
    let rings: Sound = RESONANCES.iter().enumerate().map(ring).sum();
    let dust = p.white("dust", seconds).hp(2, 3000.0).env(|t| 0.06 * arch(t));
    let room = Room { t60: 1.6, damp: 0.2, tail: 0.8, low: 200.0, ..Room::MEDIUM };
    (rings + dust)
        .env(|t| arch(t).powf(0.7))
        .drive(10.0)
        .wide(p.rand("sides"), 12.0, 0.5)
        .room(0.3, &room)
        .first(2.4)
        .finish_fading(150.0, 0.3)
}
