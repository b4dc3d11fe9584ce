//! Training drums: single hits over wide ranges of their parameters.

use dream_audio::filter::Biquad;

use crate::synth::{
    Dice, RATE, Shape, Wave, add, bp, drive, fm, frames, gain, hit, hp, layers, lp, modes, norm,
    osc, room, shaped, sweep,
};

pub(crate) fn kick(d: &mut Dice) -> Wave {
    let low = d.log(36.0, 85.0);
    let t60 = d.log(0.12, 1.6);
    let seconds = t60 * d.range(0.7, 1.1) + 0.03;
    let (rise, fall) = (low * d.log(0.5, 9.0), d.log(0.006, 0.09));
    let slow = d.range(0.0, 0.5) * low;
    let hz = |t: f64| low + rise * (-t / fall).exp() + slow * (-t / (0.3 * t60)).exp();
    let shape = d.pick(&[Shape::Sine, Shape::Sine, Shape::Sine, Shape::Triangle]);
    let start = d.range(0.0, 0.3);
    let mut body = osc(shape, seconds, start, hz);
    body = match d.index(2) {
        0 => {
            let flat = d.range(0.05, 0.8) * t60;
            shaped(body, |t| (-6.9 * (t - flat).max(0.0) / (0.6 * t60)).exp())
        }
        _ => hit(body, d.log(0.0003, 0.006), t60),
    };
    let mut parts = vec![(body, 1.0)];
    if d.chance(0.75) {
        let click = d.noise(0.03);
        let click = bp(click, d.log(1200.0, 9000.0), d.range(0.4, 2.0));
        parts.push((hit(click, 0.0002, d.log(0.006, 0.04)), d.log(0.02, 0.5)));
    }
    if d.chance(0.45) {
        // The skin and the shell of an acoustic drum.
        let skin: Vec<_> = [1.59, 2.14, 2.3, 2.65, 2.92]
            .iter()
            .map(|r| (low * r * d.range(0.95, 1.05), d.log(0.04, 0.25), d.log(0.1, 1.0)))
            .collect();
        parts.push((modes(0.4, &skin), d.log(0.05, 0.5)));
        let air = d.noise(0.25);
        let air = lp(air, d.log(300.0, 3000.0), 0.7);
        parts.push((hit(air, 0.001, d.log(0.04, 0.25)), d.log(0.03, 0.4)));
    }
    let mut out = layers(parts);
    if d.chance(0.45) {
        out = drive(out, d.log(1.0, 25.0));
        if d.chance(0.4) {
            out = lp(out, d.log(1500.0, 12_000.0), 0.7);
        }
    }
    if d.chance(0.15) {
        let (t60, wet) = (d.log(0.2, 1.5), d.range(0.1, 0.4));
        out = room(d, &out, t60, wet, 0.3);
    }
    out
}

pub(crate) fn snare(d: &mut Dice) -> Wave {
    if d.chance(0.14) {
        return brush(d);
    }
    let tune = d.log(130.0, 420.0);
    let ring = d.log(0.05, 0.45);
    let bend = d.range(0.0, 0.5);
    let mut skin = Vec::new();
    for (ratio, level) in [(1.0, 1.0), (d.range(1.5, 1.9), d.log(0.2, 1.0)), (2.3, 0.3)] {
        let hz = tune * ratio;
        let tone = osc(Shape::Sine, ring * 1.2, 0.0, |t| hz * (1.0 + bend * (-t / 0.02).exp()));
        add(&mut skin, &hit(tone, 0.0005, ring), 0.0, level);
    }
    let t60 = d.log(0.07, 0.8);
    let attack = d.log(0.0003, 0.004);
    let mut wires = d.noise(t60 * 1.1);
    wires = hp(wires, d.log(250.0, 3500.0), d.range(0.5, 1.2));
    if d.chance(0.7) {
        wires = lp(wires, d.log(1800.0, 16_000.0), d.range(0.5, 1.5));
    }
    if d.chance(0.4) {
        wires = bp(wires, d.log(900.0, 5000.0), d.range(0.3, 1.0));
    }
    let mut parts = vec![(skin, d.log(0.12, 1.2)), (hit(wires, attack, t60), d.log(0.3, 1.2))];
    if d.chance(0.5) {
        let crack = d.noise(0.02);
        let crack = bp(crack, d.log(1500.0, 6000.0), 0.8);
        parts.push((hit(crack, 0.0002, d.log(0.006, 0.03)), d.log(0.1, 0.9)));
    }
    if d.chance(0.3) {
        let shell: Vec<_> =
            (0..4).map(|_| (tune * d.range(1.2, 6.0), d.log(0.04, 0.3), d.log(0.1, 1.0))).collect();
        parts.push((modes(0.4, &shell), d.log(0.05, 0.4)));
    }
    let mut out = layers(parts);
    if d.chance(0.45) {
        out = drive(out, d.log(1.0, 14.0));
    }
    roomy(d, out, 0.45)
}

/// A brush on the skin: noise that swells and hisses.
fn brush(d: &mut Dice) -> Wave {
    let seconds = d.log(0.15, 1.6);
    let drift = d.drift(seconds, 14.0);
    let noise = d.noise(seconds);
    let noise = bp(noise, d.log(1500.0, 6000.0), d.range(0.3, 0.8));
    let attack = d.log(0.002, 0.2).min(0.6 * seconds);
    let swish = shaped(hit(noise, attack, seconds * d.range(0.6, 1.3)), |t| 1.0 + 0.4 * drift(t));
    let tune = d.log(140.0, 300.0);
    let tap = modes(0.2, &[(tune, 0.12, 1.0), (tune * 1.7, 0.08, 0.5)]);
    let out = layers(vec![(swish, 1.0), (tap, d.log(0.01, 0.4))]);
    roomy(d, out, 0.5)
}

pub(crate) fn clap(d: &mut Dice) -> Wave {
    let centre = d.log(450.0, 2400.0);
    let q = d.log(0.5, 3.0);
    let mut out = Vec::new();
    match d.index(5) {
        // A machine's: a few bursts and a tail.
        0 | 1 => {
            let gap = d.log(0.006, 0.022);
            let count = d.whole(2, 5);
            for k in 0..count {
                let burst = d.noise(gap * 1.5);
                let at = k as f64 * gap * d.range(0.9, 1.1);
                add(&mut out, &hit(burst, 0.0003, gap * d.range(0.8, 1.6)), at, d.range(0.6, 1.0));
            }
            let t60 = d.log(0.06, 0.7);
            let tail = d.noise(t60);
            add(&mut out, &hit(tail, 0.001, t60), count as f64 * gap, d.log(0.3, 1.0));
            out = bp(out, centre, q);
            if d.chance(0.4) {
                let air = hp(out.clone(), 2000.0, 0.7);
                add(&mut out, &air, 0.0, d.range(0.2, 1.0));
            }
        }
        // One pair of hands: a short burst with the resonances of the palms.
        2 | 3 => {
            let t60 = d.log(0.012, 0.09);
            let burst = d.noise(t60 * 1.5);
            let burst = hit(burst, 0.0005, t60);
            for _ in 0..d.whole(1, 4) {
                let part = bp(burst.clone(), centre * d.range(0.6, 2.2), d.range(0.8, 5.0));
                let at = d.range(0.0, 0.006);
                add(&mut out, &part, at, d.range(0.3, 1.0));
            }
            if d.chance(0.4) {
                // Wooden: with a body that rings.
                let body: Vec<_> = (0..d.whole(1, 3))
                    .map(|_| (d.log(350.0, 2200.0), d.log(0.02, 0.12), d.range(0.2, 1.0)))
                    .collect();
                let body = modes(0.2, &body);
                let level = d.log(0.1, 0.8);
                out = layers(vec![(out, 1.0), (body, level)]);
            }
        }
        // Many hands, or fingers.
        _ => {
            let spread = d.log(0.004, 0.05);
            for _ in 0..d.whole(3, 12) {
                let t60 = d.log(0.01, 0.06);
                let burst = d.noise(t60);
                let burst =
                    bp(hit(burst, 0.0004, t60), centre * d.range(0.6, 1.7), d.range(0.7, 4.0));
                let at = d.range(0.0, 1.0).powi(2) * spread;
                add(&mut out, &burst, at, d.range(0.3, 1.0));
            }
        }
    }
    out = norm(out);
    if d.chance(0.2) {
        out = drive(out, d.log(1.0, 8.0));
    }
    if d.chance(0.5) {
        let (t60, wet) = (d.log(0.15, 3.5), d.range(0.08, 0.6));
        out = room(d, &out, t60, wet, t60 * 0.8);
    }
    out
}

pub(crate) fn hihat(d: &mut Dice) -> Wave {
    let t60 = if d.chance(0.65) { d.log(0.02, 0.25) } else { d.log(0.25, 1.2) };
    let seconds = t60 * 1.1;
    let mut metal = cluster(d, seconds, 300.0, 900.0);
    let hiss = d.noise(seconds);
    let share = d.range(0.0, 1.0);
    metal = layers(vec![(metal, share), (hiss, 1.0 - 0.8 * share)]);
    let cut = d.log(3000.0, 10_000.0);
    metal = hp(hp(metal, cut, d.range(0.6, 1.5)), cut * 0.8, 0.7);
    if d.chance(0.3) {
        metal = bp(metal, d.log(4000.0, 12_000.0), d.range(0.5, 2.5));
    }
    let mut out = hit(metal, d.log(0.0002, 0.004), t60);
    if d.chance(0.25) {
        // The stick, or a pedal that closes.
        let stick = d.noise(0.02);
        let stick = bp(stick, d.log(1000.0, 5000.0), 1.0);
        out = layers(vec![(out, 1.0), (hit(stick, 0.0003, 0.015), d.log(0.05, 0.4))]);
    }
    if d.chance(0.2) {
        out = drive(out, d.log(1.0, 8.0));
    }
    if d.chance(0.15) {
        out = lp(out, d.log(6000.0, 14_000.0), 0.7);
    }
    norm(out)
}

/// Square waves without common measure, as in the cymbals of drum machines.
fn cluster(d: &mut Dice, seconds: f64, low: f64, high: f64) -> Wave {
    let mut out = Vec::new();
    if d.chance(0.5) {
        for _ in 0..6 {
            let hz = d.log(low, high);
            add(&mut out, &osc(Shape::Pulse(0.5), seconds, d.range(0.0, 1.0), |_| hz), 0.0, 1.0);
        }
    } else {
        let hz = d.log(low, high);
        let (ratio, index) = (d.range(1.2, 4.8), d.range(2.0, 9.0));
        out = fm(seconds, |_| hz, ratio, |_| index);
    }
    out
}

/// Something struck or shaken that is neither kick, snare, clap nor hat.
pub(crate) fn percussion(d: &mut Dice) -> Wave {
    match d.index(12) {
        0 | 1 => tom(d),
        2 | 3 => cymbal(d),
        4 | 5 => hand_drum(d),
        6 => cowbell(d),
        7 => wood(d),
        8 => shaker(d),
        9 => tambourine(d),
        10 => bell(d),
        _ => metal_hit(d),
    }
}

pub(crate) fn tom(d: &mut Dice) -> Wave {
    let hz = d.log(65.0, 330.0);
    let t60 = d.log(0.15, 1.6);
    let (bend, fall) = (d.log(0.03, 0.8), d.log(0.01, 0.12));
    let mut parts = Vec::new();
    for (ratio, level) in [(1.0, 1.0), (1.59, d.log(0.05, 0.5)), (2.14, d.log(0.03, 0.3))] {
        let tone = osc(Shape::Sine, t60, 0.0, |t| hz * ratio * (1.0 + bend * (-t / fall).exp()));
        parts.push((hit(tone, 0.001, t60 / ratio), level));
    }
    let skin = d.noise(0.2);
    let skin = bp(skin, d.log(400.0, 5000.0), 0.6);
    parts.push((hit(skin, 0.0005, d.log(0.01, 0.2)), d.log(0.03, 0.5)));
    let out = layers(parts);
    roomy(d, out, 0.3)
}

pub(crate) fn cymbal(d: &mut Dice) -> Wave {
    let t60 = d.log(0.8, 7.0);
    let seconds = t60 * d.range(0.5, 1.0);
    let plates: Vec<_> = (0..d.whole(20, 60))
        .map(|_| {
            let hz = d.log(250.0, 14_000.0);
            (hz, t60 * d.range(0.3, 1.0) * (1500.0 / (hz + 1500.0)).powf(0.4), d.range(-1.0, 1.0))
        })
        .collect();
    let wash = d.noise(seconds);
    let wash = hp(wash, d.log(1200.0, 6000.0), 0.7);
    let wash = hit(wash, d.log(0.0005, 0.03), t60 * d.range(0.3, 0.9));
    let mut out =
        layers(vec![(modes(seconds, &plates), d.log(0.15, 1.0)), (wash, d.log(0.2, 1.0))]);
    out = hp(out, d.log(150.0, 2500.0), 0.7);
    if d.chance(0.5) {
        let stick = d.noise(0.03);
        let stick = bp(stick, d.log(2000.0, 7000.0), 0.8);
        out = layers(vec![(out, 1.0), (hit(stick, 0.0003, 0.02), d.log(0.1, 0.7))]);
    }
    norm(out)
}

/// Conga, bongo, tabla, djembe.
pub(crate) fn hand_drum(d: &mut Dice) -> Wave {
    let hz = d.log(110.0, 650.0);
    let t60 = d.log(0.06, 0.9);
    let harmonic = d.chance(0.4);
    let ratios = if harmonic { [1.0, 2.0, 3.0, 4.0] } else { [1.0, 1.59, 2.3, 2.9] };
    let (bend, fall) = (d.range(-0.1, 0.35), d.log(0.01, 0.25));
    let mut parts = Vec::new();
    for ratio in ratios {
        let tone = osc(Shape::Sine, t60, 0.0, |t| hz * ratio * (1.0 + bend * (-t / fall).exp()));
        parts.push((hit(tone, 0.0008, t60 * d.log(0.3, 1.0)), d.log(0.05, 1.0) / ratio));
    }
    let slap = d.noise(0.06);
    let slap = bp(slap, d.log(900.0, 5000.0), d.range(0.5, 2.0));
    parts.push((hit(slap, 0.0003, d.log(0.008, 0.06)), d.log(0.05, 0.9)));
    let out = layers(parts);
    roomy(d, out, 0.25)
}

fn cowbell(d: &mut Dice) -> Wave {
    let hz = d.log(400.0, 1100.0);
    let t60 = d.log(0.08, 0.8);
    let ratio = d.range(1.35, 1.6);
    let mut out = Vec::new();
    if d.chance(0.6) {
        for r in [1.0, ratio] {
            add(&mut out, &osc(Shape::Pulse(0.5), t60, 0.0, |_| hz * r), 0.0, 0.5);
        }
        out = bp(out, hz * d.range(1.2, 3.0), d.range(0.5, 2.0));
        out = hit(out, 0.0005, t60);
    } else {
        let set: Vec<_> = [1.0, ratio, 2.5, 3.6, 4.9, 6.8]
            .iter()
            .map(|r| (hz * r * d.range(0.97, 1.03), t60 * d.range(0.3, 1.0), d.range(0.2, 1.0)))
            .collect();
        out = modes(t60, &set);
    }
    norm(out)
}

/// Clave, block, stick on a rim.
fn wood(d: &mut Dice) -> Wave {
    let hz = d.log(350.0, 3200.0);
    let t60 = d.log(0.015, 0.16);
    let set: Vec<_> = (0..d.whole(1, 4))
        .map(|k| (hz * if k == 0 { 1.0 } else { d.range(1.3, 4.5) }, t60 * d.range(0.4, 1.0), 1.0))
        .collect();
    let click = d.noise(0.01);
    let click = hp(click, d.log(500.0, 5000.0), 0.7);
    layers(vec![(modes(t60 * 1.2, &set), 1.0), (hit(click, 0.0002, 0.006), d.log(0.03, 0.8))])
}

fn shaker(d: &mut Dice) -> Wave {
    let t60 = d.log(0.05, 0.3);
    let attack = d.log(0.004, 0.06);
    let grains = d.drift(t60 + attack, 400.0);
    let noise = d.noise(t60 + attack);
    let noise = bp(noise, d.log(3000.0, 11_000.0), d.range(0.5, 2.5));
    let one = shaped(hit(noise, attack, t60), |t| 0.4 + grains(t).abs());
    let mut out = one.clone();
    if d.chance(0.4) {
        add(&mut out, &one, attack + d.range(0.03, 0.15), d.range(0.3, 1.2));
    }
    norm(out)
}

fn tambourine(d: &mut Dice) -> Wave {
    let mut out = Vec::new();
    let jingles: Vec<f64> = (0..10).map(|_| d.log(2800.0, 13_000.0)).collect();
    let spread = d.log(0.01, 0.12);
    for k in 0..d.whole(4, 14) {
        let set: Vec<_> = jingles
            .iter()
            .map(|hz| (hz * d.range(0.99, 1.01), d.log(0.03, 0.35), d.range(-1.0, 1.0)))
            .collect();
        let at = if k == 0 { 0.0 } else { d.range(0.0, spread) };
        add(&mut out, &modes(0.35, &set), at, d.log(0.15, 1.0));
    }
    let slap = d.noise(0.05);
    let slap = bp(slap, d.log(700.0, 4000.0), 0.7);
    layers(vec![(out, 1.0), (hit(slap, 0.0005, 0.04), d.log(0.02, 0.7))])
}

/// Bells, triangles, glasses: few partials without common measure that ring.
fn bell(d: &mut Dice) -> Wave {
    let hz = d.log(350.0, 4500.0);
    let t60 = d.log(0.3, 7.0);
    let mut set = vec![(hz, t60, 1.0)];
    for _ in 0..d.whole(3, 9) {
        let ratio = d.range(0.5, 7.5);
        set.push((hz * ratio, t60 * d.range(0.1, 0.9) / ratio.sqrt(), d.log(0.08, 1.0)));
        if d.chance(0.5) {
            set.push((hz * ratio * d.range(1.001, 1.008), t60 * 0.5, d.log(0.08, 0.8)));
        }
    }
    norm(modes(t60 * d.range(0.6, 1.0), &set))
}

/// Pipes, anvils, electronic pings.
fn metal_hit(d: &mut Dice) -> Wave {
    let hz = d.log(150.0, 2200.0);
    let t60 = d.log(0.05, 0.9);
    let (ratio, index, fall) = (d.range(0.6, 5.5), d.range(0.5, 7.0), d.log(0.02, 0.4));
    let bend = d.log(0.01, 1.5) * f64::from(u8::from(d.chance(0.4)));
    let tone =
        fm(t60, |t| hz * (1.0 + bend * (-t / 0.02).exp()), ratio, |t| index * (-t / fall).exp());
    let out = hit(tone, 0.0005, t60);
    roomy(d, norm(out), 0.25)
}

fn roomy(d: &mut Dice, wave: Wave, probability: f64) -> Wave {
    if d.chance(probability) {
        let (t60, wet) = (d.log(0.15, 2.0), d.range(0.06, 0.45));
        room(d, &wave, t60, wet, t60 * 0.7)
    } else {
        wave
    }
}

/// A hit of that voice, by its number in `dream_analysis::voices::VOICES`.
pub(crate) fn voice(d: &mut Dice, voice: usize) -> Wave {
    match voice {
        0 => kick(d),
        1 => snare(d),
        2 => clap(d),
        3 => hihat(d),
        4 => tom(d),
        5 => cymbal(d),
        _ => match d.index(6) {
            0 => cowbell(d),
            1 => wood(d),
            2 | 3 => hand_drum(d),
            4 => tambourine(d),
            _ => shaker(d),
        },
    }
}

/// A loop of drums: its sound, and the times of the hits of each voice in seconds.
pub(crate) struct Groove {
    pub(crate) wave: Wave,
    pub(crate) hits: Vec<(usize, f64)>,
}

/// One to eight bars of the given voices, each in its own pattern.
pub(crate) fn groove(
    d: &mut Dice,
    voices: &[usize],
    sounds: &mut dyn FnMut(&mut Dice, usize) -> Wave,
) -> Groove {
    let bpm = d.range(70.0, 180.0);
    let step = 15.0 / bpm;
    let bars = d.pick(&[1, 1, 2, 2, 4]);
    let swing = if d.chance(0.3) { d.range(0.0, 0.33) } else { 0.0 };
    let loose = d.pick(&[0.0, 0.0, 0.004, 0.01]);
    let (mut wave, mut hits) = (vec![0.0; frames(16.0 * step * f64::from(bars))], Vec::new());
    let length = wave.len();
    for &voice in voices {
        let sound = sounds(d, voice);
        let level = level_of(d, voice);
        let pattern = pattern(d, voice);
        let ghost = if d.chance(0.3) { d.range(0.05, 0.3) } else { 0.0 };
        for bar in 0..bars {
            for k in 0..16_usize {
                let accent = if pattern[k] {
                    d.range(0.7, 1.0)
                } else if d.chance(0.12 * ghost) {
                    0.4
                } else {
                    continue;
                };
                let late = if k % 2 == 1 { swing * step } else { 0.0 };
                let at = (f64::from(bar * 16) + k as f64) * step + late + d.range(0.0, loose);
                add(&mut wave, &sound, at, level * accent);
                hits.push((voice, at));
            }
        }
    }
    wave.truncate(length);
    if d.chance(0.3) {
        wave = drive(wave, d.log(0.7, 5.0));
    }
    if d.chance(0.25) {
        let (t60, wet) = (d.log(0.2, 1.2), d.range(0.05, 0.3));
        wave = room(d, &wave, t60, wet, 0.0);
    }
    if d.chance(0.2) {
        let cut = d.log(2500.0, 12_000.0);
        wave = sweep(wave, 0.7, Biquad::lowpass, |_| cut);
    }
    hits.retain(|hit| hit.1 < length as f64 / RATE - 0.03);
    Groove { wave: norm(wave), hits }
}

fn level_of(d: &mut Dice, voice: usize) -> f64 {
    let db = match voice {
        0 => d.range(-4.0, 0.0),
        1 | 2 => d.range(-8.0, 0.0),
        3 => d.range(-22.0, -6.0),
        _ => d.range(-14.0, -2.0),
    };
    10.0_f64.powf(db / 20.0)
}

/// Sixteenths on which a voice sounds.
fn pattern(d: &mut Dice, voice: usize) -> [bool; 16] {
    let mut steps = [false; 16];
    let style = d.index(3);
    for (k, step) in steps.iter_mut().enumerate() {
        *step = match (voice, style) {
            (0, 0) => k % 4 == 0,
            (0, _) => k == 0 || (k % 2 == 0 && d.chance(0.3)) || d.chance(0.08),
            (1 | 2, _) => k % 8 == 4 || d.chance(0.05),
            (3, 0) => k % 4 == 2 || d.chance(0.1),
            (3, 1) => k % 2 == 0,
            (3, _) => d.chance(0.85),
            (5, 0) => k == 0,
            (5, _) => k % 4 == 0,
            _ => d.chance(0.22),
        };
    }
    if !steps.contains(&true) {
        steps[d.index(16)] = true;
    }
    steps
}

/// A loop in which several voices sound.
pub(crate) fn drums(d: &mut Dice) -> Wave {
    let hands = d.chance(0.2);
    let voices: Vec<usize> = if hands {
        (0..d.whole(2, 4)).map(|_| 6).collect()
    } else {
        let mut voices: Vec<usize> = vec![0, 1, 2, 3, 4, 5, 6];
        let keep = [0.9, 0.7, 0.35, 0.85, 0.2, 0.2, 0.4];
        voices.retain(|&v| d.chance(keep[v]));
        voices
    };
    let voices = if voices.len() < 2 { vec![0, 1, 3] } else { voices };
    let mut sounds = |d: &mut Dice, v: usize| if hands { hand_drum(d) } else { voice(d, v) };
    groove(d, &voices, &mut sounds).wave
}

/// A loop of one voice: it keeps the category of the hit.
pub(crate) fn repeated(d: &mut Dice, wave: &[f32], voice: usize) -> Wave {
    let one = wave[..wave.len().min(frames(1.0))].to_vec();
    let mut sounds = |_: &mut Dice, _: usize| gain(one.clone(), 1.0);
    groove(d, &[voice], &mut sounds).wave
}
