//! Training textures, effects and mixtures.

use dream_audio::filter::Biquad;
use dream_audio::resample::varispeed;

use crate::drums;
use crate::synth::{
    Dice, RATE, Shape, TURN, Wave, add, bp, chorus, drive, fm, frames, gain, held, hit, hp, layers,
    lp, midi_hz, modes, norm, osc, peak, room, shaped, sweep,
};
use crate::tones;

pub(crate) fn atmo(d: &mut Dice) -> Wave {
    let seconds = d.log(3.0, 12.0);
    let mut parts = Vec::new();
    for _ in 0..d.whole(1, 3) {
        let rate = d.log(0.1, 3.0);
        let drift = d.drift(seconds, rate);
        let part = match d.index(5) {
            0 | 1 => {
                // Wind, sea, a room.
                let noise = d.noise(seconds);
                let (hz, q) = (d.log(80.0, 5000.0), d.log(0.3, 4.0));
                let noise = sweep(noise, q, Biquad::bandpass, |t| hz * (1.2 * drift(t)).exp2());
                shaped(noise, |t| 1.0 + 0.5 * drift(0.7 * t))
            }
            2 => drops(d, seconds),
            3 => {
                // A drone.
                let hz = midi_hz(d.range(24.0, 55.0));
                let mut out = Vec::new();
                for k in 1..d.whole(3, 8) {
                    let ratio = k as f64 * d.range(0.99, 1.01);
                    add(
                        &mut out,
                        &osc(Shape::Sine, seconds, 0.0, |t| hz * ratio * (1.0 + 0.004 * drift(t))),
                        0.0,
                        1.0 / k as f64,
                    );
                }
                shaped(out, |t| 1.0 + 0.6 * drift(t))
            }
            _ => {
                // Machines.
                let (hz, ratio) = (d.log(30.0, 400.0), d.range(0.3, 4.0));
                let tone = fm(
                    seconds,
                    |t| hz * (1.0 + 0.01 * drift(t)),
                    ratio,
                    |t| 2.0 + 1.5 * drift(0.5 * t),
                );
                lp(tone, d.log(400.0, 5000.0), 0.7)
            }
        };
        parts.push((part, d.log(0.2, 1.0)));
    }
    let out = layers(parts);
    let out = held(out, d.log(0.02, 1.5), 60.0, 1.0, d.log(0.02, 1.5));
    tones::wet(d, out, 0.5)
}

/// Rain, crackle, a fire: many small hits.
fn drops(d: &mut Dice, seconds: f64) -> Wave {
    let mut out = vec![0.0; frames(seconds)];
    let rate = d.log(6.0, 300.0);
    let (low, high) = (d.log(600.0, 3000.0), d.log(3000.0, 12_000.0));
    for _ in 0..(rate * seconds) as usize {
        let grain = d.noise(0.006);
        let grain =
            bp(hit(grain, 0.0002, d.log(0.001, 0.006)), d.log(low, high), d.range(0.7, 6.0));
        add(&mut out, &grain, d.range(0.0, seconds - 0.02), d.log(0.02, 1.0));
    }
    let bed = d.noise(seconds);
    let bed = bp(bed, d.log(500.0, 5000.0), 0.5);
    layers(vec![(out, 1.0), (bed, d.log(0.005, 0.5))])
}

pub(crate) fn fx(d: &mut Dice) -> Wave {
    let out = match d.index(13) {
        0 | 1 => riser(d),
        2 => {
            let mut out = riser(d);
            out.reverse();
            out
        }
        3 | 4 => impact(d),
        5 => explosion(d),
        6 | 7 => laser(d),
        8 => siren(d),
        9 => blip(d),
        10 => glitch(d),
        11 => spin(d),
        _ => {
            let mut out = drums::cymbal(d);
            out.reverse();
            out
        }
    };
    let out = if d.chance(0.15) { drive(out, d.log(1.0, 10.0)) } else { out };
    tones::wet(d, out, 0.35)
}

fn riser(d: &mut Dice) -> Wave {
    let seconds = d.log(0.5, 9.0);
    let (from, octaves) = (d.log(80.0, 1000.0), d.range(1.5, 6.0));
    let bend = d.log(0.5, 2.5);
    let way = |t: f64| (t / seconds).powf(bend);
    let noise = d.noise(seconds);
    let noise =
        sweep(noise, d.log(0.5, 8.0), Biquad::bandpass, |t| from * (octaves * way(t)).exp2());
    let shape = d.pick(&[Shape::Saw, Shape::Sine, Shape::Pulse(0.5)]);
    let tone = osc(shape, seconds, 0.0, |t| 0.5 * from * (octaves * way(t)).exp2());
    let mix = d.range(0.0, 1.0);
    let out = layers(vec![
        (noise, 1.0 - 0.9 * mix),
        (tone, 0.8 * mix * f64::from(u8::from(d.chance(0.6)))),
    ]);
    let power = d.range(0.3, 2.5);
    held(shaped(out, |t| 0.03 + (t / seconds).powf(power)), 0.01, 99.0, 1.0, 0.02)
}

fn impact(d: &mut Dice) -> Wave {
    let t60 = d.log(0.8, 7.0);
    let low = d.log(28.0, 80.0);
    let fall = d.log(0.03, 0.6);
    let boom = osc(Shape::Sine, t60, 0.0, |t| low * (1.0 + 2.0 * (-t / fall).exp()));
    let crash = d.noise(t60);
    let crash = sweep(crash, 0.7, Biquad::lowpass, |t| 150.0 + 8000.0 * (-t / (0.2 * t60)).exp());
    let metal: Vec<_> =
        (0..12).map(|_| (d.log(80.0, 3000.0), d.log(0.3, t60), d.range(0.1, 1.0))).collect();
    let mut out = layers(vec![
        (hit(boom, d.log(0.001, 0.02), t60), 1.0),
        (hit(crash, 0.002, t60 * 0.6), d.log(0.1, 1.0)),
        (modes(t60, &metal), d.log(0.02, 0.5)),
    ]);
    if d.chance(0.5) {
        out = drive(out, d.log(1.0, 6.0));
    }
    let wet = d.range(0.2, 0.7);
    room(d, &out, t60 * 0.7, wet, t60 * 0.4)
}

fn explosion(d: &mut Dice) -> Wave {
    let t60 = d.log(0.8, 6.0);
    let drift = d.drift(t60, 12.0);
    let noise = d.noise(t60);
    let (top, fall) = (d.log(800.0, 9000.0), d.range(0.1, 0.6) * t60);
    let noise =
        sweep(noise, d.range(0.5, 1.2), Biquad::lowpass, |t| 70.0 + top * (-t / fall).exp());
    let mut out = shaped(hit(noise, d.log(0.001, 0.15), t60), |t| 1.0 + 0.6 * drift(t));
    if d.chance(0.6) {
        let debris = drops(d, t60);
        let debris = lp(hit(debris, 0.05, 1.5 * t60), d.log(300.0, 4000.0), 0.7);
        out = layers(vec![(out, 1.0), (debris, d.log(0.05, 0.6))]);
    }
    if d.chance(0.5) {
        let deep = d.noise(t60);
        let deep = lp(lp(deep, d.log(50.0, 200.0), 0.7), 250.0, 0.7);
        out = layers(vec![(out, 1.0), (hit(deep, 0.005, t60), d.log(0.2, 1.5))]);
    }
    drive(out, d.log(1.0, 8.0))
}

fn laser(d: &mut Dice) -> Wave {
    let seconds = d.log(0.04, 2.5);
    let (low, octaves) = (d.log(60.0, 600.0), d.range(1.5, 6.0));
    let fall = seconds * d.range(0.08, 0.6);
    let up = d.chance(0.2);
    let (rate, depth) = (d.log(8.0, 60.0), d.range(0.0, 0.7) * f64::from(u8::from(d.chance(0.4))));
    let way = |t: f64| if up { (t / seconds).powi(2) } else { (-t / fall).exp() };
    let hz = |t: f64| low * (octaves * way(t) + depth * (TURN * rate * t).sin()).exp2();
    let shape = d.pick(&[Shape::Sine, Shape::Saw, Shape::Pulse(0.5), Shape::Triangle]);
    let one = held(osc(shape, seconds, 0.0, hz), 0.001, seconds, d.range(0.0, 1.0), 0.01);
    let mut out = one.clone();
    if d.chance(0.3) {
        let gap = d.range(0.05, 0.4);
        for k in 1..d.whole(2, 6) {
            add(&mut out, &one, gap * k as f64, d.range(0.5, 1.0));
        }
    }
    norm(out)
}

fn siren(d: &mut Dice) -> Wave {
    let seconds = d.log(1.0, 8.0);
    let (centre, rate, depth) = (d.log(300.0, 1500.0), d.log(0.3, 9.0), d.range(0.2, 1.2));
    let steps = d.chance(0.3);
    let hz = |t: f64| {
        let wave = (TURN * rate * t).sin();
        centre * (depth * if steps { wave.signum() } else { wave }).exp2()
    };
    let shape = d.pick(&[Shape::Sine, Shape::Saw, Shape::Pulse(0.5)]);
    held(osc(shape, seconds, 0.0, hz), 0.02, 99.0, 1.0, d.log(0.02, 1.0))
}

/// Short electronic signals.
fn blip(d: &mut Dice) -> Wave {
    let mut out = Vec::new();
    let mut at = 0.0;
    for _ in 0..d.whole(1, 5) {
        let seconds = d.log(0.02, 0.2);
        let hz = d.log(300.0, 5000.0);
        let tone = fm(seconds, |_| hz, d.range(0.5, 5.0), |_| 1.5);
        add(&mut out, &held(tone, 0.001, seconds, 0.5, 0.005), at, 1.0);
        at += seconds * d.range(0.6, 1.5);
    }
    norm(out)
}

/// Scraps of sound and static, cut hard.
fn glitch(d: &mut Dice) -> Wave {
    let mut out = Vec::new();
    let mut at = 0.0;
    for _ in 0..d.whole(4, 30) {
        let seconds = d.log(0.004, 0.15);
        let scrap = match d.index(4) {
            0 => d.noise(seconds),
            1 => {
                let hz = d.log(60.0, 6000.0);
                osc(Shape::Pulse(0.5), seconds, 0.0, |_| hz)
            }
            2 => {
                let (hz, ratio) = (d.log(60.0, 3000.0), d.range(0.3, 7.0));
                fm(seconds, |_| hz, ratio, |_| 6.0)
            }
            _ => {
                let hold = d.whole(4, 60);
                let noise = d.noise(seconds);
                (0..noise.len()).map(|i| noise[i / hold * hold]).collect()
            }
        };
        let repeats = if d.chance(0.3) { d.whole(2, 6) } else { 1 };
        for _ in 0..repeats {
            add(&mut out, &scrap, at, d.log(0.1, 1.0));
            at += seconds * d.range(0.9, 1.3);
        }
        at += if d.chance(0.4) { d.log(0.005, 0.2) } else { 0.0 };
    }
    norm(out)
}

/// A record that is turned by hand.
fn spin(d: &mut Dice) -> Wave {
    let source = if d.chance(0.6) { drums::drums(d) } else { tones::synth(d) };
    let source = tones::first(source, 2.5);
    let seconds = d.log(0.4, 2.5);
    let (start, octaves) = (d.log(1.0, 5.0), d.range(-3.5, 1.5));
    let wobble = d.drift(seconds, 8.0);
    let back = d.chance(0.7);
    let mut at = 0.0_f64;
    let out: Wave = (0..frames(seconds))
        .map(|i| {
            let t = i as f64 / RATE;
            at += start * (octaves * t / seconds + 0.8 * wobble(t)).exp2();
            let k = at as usize % source.len();
            source[if back { source.len() - 1 - k } else { k }]
        })
        .collect();
    let hiss = d.noise(seconds);
    let hiss = bp(hiss, d.log(1500.0, 6000.0), 0.6);
    held(layers(vec![(out, 1.0), (hiss, d.log(0.02, 0.6))]), 0.005, 9.0, 1.0, 0.05)
}

/// What is none of the others: mixtures of roles, whole arrangements, unrelated sounds in a row.
pub(crate) fn other(d: &mut Dice) -> Wave {
    let mut out = Vec::new();
    match d.index(4) {
        // A band: drums, bass and what goes above.
        0 | 1 => {
            let seconds = d.log(4.0, 12.0);
            if d.chance(0.85) {
                let part = tones::looped(&drums::drums(d), seconds);
                add(&mut out, &part, 0.0, d.range(0.3, 1.0));
            }
            let part = tones::looped(&tones::bass(d), seconds);
            add(&mut out, &part, 0.0, d.range(0.3, 0.9));
            for _ in 0..d.whole(1, 3) {
                let part = above(d);
                add(&mut out, &tones::looped(&part, seconds), 0.0, d.range(0.25, 0.9));
            }
            out = drive(out, d.log(0.5, 2.5));
        }
        // Talk over music or in a place.
        2 => {
            let voice = tones::vocals(d);
            let seconds = (voice.len() as f64 / RATE).max(2.0);
            add(&mut out, &voice, 0.0, 1.0);
            for _ in 0..d.whole(1, 2) {
                let part = if d.chance(0.5) { drums::drums(d) } else { above(d) };
                add(&mut out, &tones::looped(&part, seconds), 0.0, d.range(0.5, 1.0));
            }
        }
        // One after the other.
        _ => {
            let mut at = 0.0;
            for _ in 0..d.whole(3, 6) {
                let part = match d.index(5) {
                    0 => drums::percussion(d),
                    1 => fx(d),
                    2 => tones::vocals(d),
                    3 => above(d),
                    _ => drums::drums(d),
                };
                let part = tones::first(part, d.range(0.4, 2.5));
                add(&mut out, &part, at, d.range(0.3, 1.0));
                at += part.len() as f64 / RATE;
            }
        }
    }
    norm(out)
}

fn above(d: &mut Dice) -> Wave {
    match d.index(6) {
        0 => tones::pad(d),
        1 => tones::lead(d),
        2 => tones::guitar(d),
        3 => tones::piano(d),
        4 => tones::vocals(d),
        _ => tones::synth(d),
    }
}

/// A sound as other hands would hand it on: other pitch, tone, level, room, ends and codec. `strength` 0 to 1.
pub(crate) fn augmented(d: &mut Dice, wave: &[f32], drum: bool) -> Wave {
    let mut out = wave.to_vec();
    if d.chance(0.75) {
        let semitones = if drum { d.range(-4.0, 4.0) } else { d.range(-5.0, 5.0) };
        out = varispeed(&out, (semitones / 12.0).exp2());
    }
    if d.chance(0.7) {
        let (low, high) = (d.range(-6.0, 6.0), d.range(-7.0, 7.0));
        let mut shelves = [
            Biquad::low_shelf(d.log(120.0, 600.0), low, RATE),
            Biquad::high_shelf(d.log(1500.0, 7000.0), high, RATE),
        ];
        for x in &mut out {
            let y = shelves[0].step(f64::from(*x));
            *x = shelves[1].step(y) as f32;
        }
    }
    if d.chance(0.2) {
        let (hz, db, q) = (d.log(150.0, 8000.0), d.range(-9.0, 9.0), d.range(0.7, 3.0));
        let mut bell = Biquad::bell(hz, db, q, RATE);
        for x in &mut out {
            *x = bell.step(f64::from(*x)) as f32;
        }
    }
    if d.chance(0.25) {
        out = drive(out, d.log(0.6, 5.0));
    }
    if d.chance(0.2) {
        let (t60, wet) = (d.log(0.15, 1.8), d.range(0.04, 0.3));
        out = room(d, &out, t60, wet, t60 * 0.6);
    }
    if d.chance(0.08) {
        out = chorus(d, &out);
    }
    if d.chance(0.25) {
        // A codec's or an old sampler's band.
        let cut = d.log(7000.0, 16_000.0);
        out = lp(lp(out, cut, 0.54), cut, 1.3);
    }
    if d.chance(0.1) {
        out = hp(out, d.log(25.0, 140.0), 0.7);
    }
    if d.chance(0.3) && out.len() > 4410 {
        // The tail is cut.
        let keep = (out.len() as f64 * d.range(0.45, 0.95)) as usize;
        out.truncate(keep.max(2205));
        out = held(out, 1e-4, 99.0, 1.0, 0.005);
    }
    if d.chance(0.3) {
        let mut late = vec![0.0; frames(d.log(0.001, 0.08))];
        late.extend_from_slice(&out);
        out = late;
    }
    if d.chance(0.3) {
        out.resize(out.len() + frames(d.log(0.02, 2.0)), 0.0);
    }
    gain(out, d.log(0.1, 1.0))
}

/// A clean sound as a microphone, a desk and a sampler would leave it: with rumble, thumps, hiss and hum.
pub(crate) fn recorded(d: &mut Dice, wave: &[f32]) -> Wave {
    let mut out = wave.to_vec();
    let (seconds, level) = (wave.len() as f64 / RATE, peak(wave));
    if d.chance(0.5) {
        let bed = d.noise(seconds);
        let bed = norm(lp(bed, d.log(100.0, 9000.0), 0.5));
        add(&mut out, &bed, 0.0, level * d.log(3e-4, 0.03));
    }
    if d.chance(0.5) {
        // What shakes the stand moves with the sound.
        let thump = d.noise(seconds);
        let thump = norm(lp(lp(thump, d.log(40.0, 300.0), 0.7), 400.0, 0.7));
        let mut follow = 0.0_f64;
        let amount = d.log(0.01, 0.4);
        for (x, (dry, low)) in out.iter_mut().zip(wave.iter().zip(&thump)) {
            follow += 0.002 * (f64::from(dry.abs()) - follow);
            *x += (2.0 * amount * follow * f64::from(*low)) as f32;
        }
    }
    if d.chance(0.3) {
        let rumble = d.noise(seconds);
        let rumble = norm(lp(lp(rumble, d.log(30.0, 160.0), 0.7), 200.0, 0.7));
        add(&mut out, &rumble, 0.0, level * d.log(2e-3, 0.1));
    }
    if d.chance(0.1) {
        let hz = d.pick(&[50.0, 60.0, 100.0]);
        add(&mut out, &osc(Shape::Triangle, seconds, 0.0, |_| hz), 0.0, level * d.log(1e-3, 0.03));
    }
    out
}
