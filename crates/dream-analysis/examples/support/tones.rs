//! Training notes, chords, lines and voices.

use dream_audio::filter::Biquad;
use dream_core::Category;

use crate::synth::{
    Dice, Shape, TURN, VOWELS, Wave, add, bp, chorus, drive, fm, frames, held, hit, hp, layers, lp,
    midi_hz, modes, mouth, norm, osc, room, shaped, string, sweep,
};

/// A voice of a synthesiser, drawn once and played at any note.
struct Patch {
    shape: Shape,
    second: Option<(Shape, f64, f64)>,
    fm: Option<(f64, f64, f64)>,
    cut: f64,
    q: f64,
    sweep: f64,
    fall: f64,
    vibrato: f64,
    attack: f64,
    decay: f64,
    sustain: f64,
    drive: Option<f64>,
    glide: f64,
}

impl Patch {
    fn new(d: &mut Dice) -> Self {
        let shapes = [
            Shape::Saw,
            Shape::Saw,
            Shape::Pulse(0.5),
            Shape::Pulse(0.25),
            Shape::Triangle,
            Shape::Sine,
        ];
        Self {
            shape: d.pick(&shapes),
            second: d.chance(0.6).then(|| {
                let interval = d.pick(&[0.0, 0.0, 0.0, 12.0, -12.0, 7.0]);
                (d.pick(&shapes), interval + d.range(-0.2, 0.2), d.range(0.3, 1.0))
            }),
            fm: d.chance(0.2).then(|| {
                (d.pick(&[0.5, 1.0, 1.0, 2.0, 3.0, 1.41, 3.5]), d.log(0.3, 8.0), d.log(0.05, 2.0))
            }),
            cut: d.log(1.5, 30.0),
            q: d.log(0.6, 6.0),
            sweep: d.range(0.0, 5.0) * f64::from(u8::from(d.chance(0.6))),
            fall: d.log(0.04, 1.0),
            vibrato: d.range(0.0, 0.4) * f64::from(u8::from(d.chance(0.3))),
            attack: d.log(0.001, 0.04),
            decay: d.log(0.1, 2.0),
            sustain: d.range(0.0, 1.0),
            drive: d.chance(0.25).then(|| d.log(1.0, 20.0)),
            glide: d.range(0.0, 0.08) * f64::from(u8::from(d.chance(0.2))),
        }
    }

    fn note(&self, d: &mut Dice, note: f64, before: f64, seconds: f64) -> Wave {
        let base = |t: f64| {
            let slide =
                if self.glide > 0.0 { (before - note) * (-t / self.glide).exp() } else { 0.0 };
            let shake = self.vibrato * (t * 4.0).min(1.0) * (34.0 * t).sin();
            midi_hz(note + slide + shake)
        };
        let mut wave = osc(self.shape, seconds, d.range(0.0, 1.0), base);
        if let Some((shape, interval, level)) = self.second {
            let ratio = (interval / 12.0).exp2();
            let second = osc(shape, seconds, d.range(0.0, 1.0), |t| ratio * base(t));
            add(&mut wave, &second, 0.0, level);
        }
        if let Some((ratio, index, fall)) = self.fm {
            wave = fm(seconds, base, ratio, |t| index * (-t / fall).exp() + 0.15);
        }
        let hz = midi_hz(note);
        let cut = |t: f64| hz * self.cut * (self.sweep * (-t / self.fall).exp()).exp2();
        wave = sweep(wave, self.q, Biquad::lowpass, cut);
        wave = held(wave, self.attack, self.decay, self.sustain, 0.02);
        if let Some(amount) = self.drive {
            wave = drive(wave, amount);
        }
        norm(wave)
    }
}

/// Notes of a line: start in seconds, length, semitones above the root.
fn line(d: &mut Dice, scale: &[f64]) -> Vec<(f64, f64, f64)> {
    let step = 15.0 / d.range(75.0, 175.0);
    let steps = d.pick(&[16_u32, 16, 32]);
    let density = d.range(0.25, 0.9);
    let pool: Vec<f64> = (0..d.whole(1, 5)).map(|_| d.pick(scale)).collect();
    let hold = d.range(0.5, 1.0);
    let mut notes: Vec<(f64, f64, f64)> = Vec::new();
    for k in 0..steps {
        if k == 0 || d.chance(density) {
            notes.push((f64::from(k) * step, step * hold, d.pick(&pool)));
        }
    }
    // Some notes last until the next.
    for k in 0..notes.len() {
        let next = notes.get(k + 1).map_or(f64::from(steps) * step, |n| n.0);
        if d.chance(0.4) {
            notes[k].1 = (next - notes[k].0) * hold;
        }
    }
    notes
}

const MINOR: [f64; 10] = [0.0, 0.0, 0.0, 12.0, 3.0, 7.0, 5.0, 10.0, 2.0, -5.0];
const CHORDS: [&[f64]; 8] = [
    &[0.0, 3.0, 7.0],
    &[0.0, 4.0, 7.0],
    &[0.0, 3.0, 7.0, 10.0],
    &[0.0, 4.0, 7.0, 11.0],
    &[0.0, 7.0, 12.0],
    &[0.0, 5.0, 7.0],
    &[0.0, 7.0, 12.0, 15.0, 19.0],
    &[0.0, 3.0, 7.0, 10.0, 14.0],
];

fn played(
    d: &mut Dice,
    root: f64,
    scale: &[f64],
    mut play: impl FnMut(&mut Dice, f64, f64, f64) -> Wave,
) -> Wave {
    let mut out = Vec::new();
    let mut before = root;
    for (at, length, interval) in line(d, scale) {
        let note = play(d, root + interval, before, length);
        add(&mut out, &note, at, d.range(0.6, 1.0));
        before = root + interval;
    }
    norm(out)
}

fn length(d: &mut Dice) -> f64 {
    d.log(0.15, 6.0)
}

pub(crate) fn bass(d: &mut Dice) -> Wave {
    let root = d.range(25.0, 49.0);
    let out = match d.index(6) {
        0 => {
            // Plucked strings.
            let dull = d.range(0.3, 0.92);
            let t60 = d.log(0.5, 5.0);
            let one = |d: &mut Dice, note: f64, _: f64, s: f64| {
                let wave = string(d, s, midi_hz(note), t60, dull);
                norm(held(wave, 0.001, 9.0, 1.0, 0.03))
            };
            if d.chance(0.5) {
                let s = length(d);
                one(d, root, root, s)
            } else {
                played(d, root, &MINOR, one)
            }
        }
        1 => {
            // A long low sine.
            let s = d.log(0.4, 4.0);
            // A short fall from high above would be a kick.
            let (glide, fall) =
                (d.range(-3.0, 4.0) * f64::from(u8::from(d.chance(0.4))), d.log(0.04, 0.4));
            let shape = d.pick(&[Shape::Sine, Shape::Sine, Shape::Triangle]);
            let wave = osc(shape, s, 0.0, |t| midi_hz(root + glide * (-t / fall).exp()));
            let wave = held(wave, d.log(0.002, 0.03), d.log(0.3, 4.0), d.range(0.0, 1.0), 0.05);
            if d.chance(0.5) { drive(wave, d.log(1.0, 12.0)) } else { wave }
        }
        _ => {
            let mut patch = Patch::new(d);
            patch.cut = d.log(1.5, 24.0);
            if d.chance(0.55) {
                let s = length(d);
                patch.note(d, root, root, s)
            } else {
                played(d, root, &MINOR, |d, note, before, s| patch.note(d, note, before, s))
            }
        }
    };
    let out = if d.chance(0.3) { drive(out, d.log(2.0, 40.0)) } else { out };
    let out = if d.chance(0.3) { lp(out, d.log(400.0, 6000.0), 0.8) } else { out };
    let out = if d.chance(0.2) {
        // With a click or a pick.
        let pick = d.noise(0.04);
        let pick = hit(bp(pick, d.log(400.0, 5000.0), 0.7), 0.0005, d.log(0.01, 0.05));
        layers(vec![(out, 1.0), (pick, d.log(0.05, 0.7))])
    } else {
        out
    };
    wet(d, out, 0.2)
}

pub(crate) fn lead(d: &mut Dice) -> Wave {
    let root = d.range(46.0, 84.0);
    let mut patch = Patch::new(d);
    if d.chance(0.25) {
        // A horn: brighter the louder.
        patch = Patch {
            shape: Shape::Saw,
            fm: None,
            cut: d.log(2.0, 6.0),
            q: 0.8,
            sweep: d.range(0.5, 2.0),
            fall: d.log(0.1, 0.6),
            attack: d.log(0.02, 0.08),
            sustain: 0.8,
            vibrato: d.range(0.0, 0.3),
            ..patch
        };
    }
    patch.sustain = patch.sustain.max(0.3);
    let mut out = if d.chance(0.35) {
        let s = d.log(0.25, 6.0);
        patch.note(d, root, root, s)
    } else {
        played(d, root, &MINOR, |d, note, before, s| patch.note(d, note, before, s))
    };
    if d.chance(0.4) {
        // A second line, or its own harmony.
        let other = if d.chance(0.5) { Patch::new(d) } else { patch };
        let below = root + d.pick(&[-24.0, -12.0, -5.0, 3.0, 7.0, 12.0]);
        let second = played(d, below, &MINOR, |d, note, before, s| other.note(d, note, before, s));
        let seconds = out.len().max(second.len()) as f64 / 44_100.0;
        out =
            layers(vec![(looped(&out, seconds), 1.0), (looped(&second, seconds), d.log(0.1, 0.9))]);
    }
    if d.chance(0.35) {
        let seconds = out.len() as f64 / 44_100.0 * d.range(1.0, 3.0);
        out = looped(&out, seconds.min(14.0));
    }
    let out = if d.chance(0.25) { drive(out, d.log(2.0, 20.0)) } else { out };
    wet(d, out, 0.5)
}

/// Stabs, plucks, arpeggios, chords.
pub(crate) fn synth(d: &mut Dice) -> Wave {
    let root = d.range(43.0, 72.0);
    let mut patch = Patch::new(d);
    patch.decay = d.log(0.08, 0.8);
    patch.sustain *= 0.4;
    let chord: &[f64] = if d.chance(0.6) { d.pick(&CHORDS) } else { &[0.0] };
    let stab = |d: &mut Dice, note: f64, _: f64, s: f64| {
        let mut out = Vec::new();
        for interval in chord {
            add(&mut out, &patch.note(d, note + interval, note + interval, s), 0.0, 1.0);
        }
        norm(out)
    };
    let out = if d.chance(0.5) {
        let s = d.log(0.2, 3.0);
        stab(d, root, root, s)
    } else {
        played(d, root, &MINOR, stab)
    };
    wet(d, out, 0.6)
}

pub(crate) fn pad(d: &mut Dice) -> Wave {
    let seconds = d.log(0.6, 12.0);
    let root = d.range(36.0, 68.0);
    let chord = if d.chance(0.8) { d.pick(&CHORDS) } else { &[0.0, 12.0] };
    let shape = d.pick(&[Shape::Saw, Shape::Saw, Shape::Pulse(0.4), Shape::Triangle, Shape::Sine]);
    let choir = d.chance(0.15);
    let glass = d.chance(0.15);
    let mut out = Vec::new();
    for interval in chord {
        for _ in 0..d.whole(1, 3) {
            let note = root + interval + d.range(-0.12, 0.12);
            let drift = d.drift(seconds, 2.0);
            let hz = |t: f64| midi_hz(note + 0.08 * drift(t));
            let start = d.range(0.0, 1.0);
            let wave = if glass {
                let index = d.range(0.2, 2.5);
                fm(seconds, hz, d.pick(&[1.0, 2.0, 3.0, 4.0, 3.5]), |t| {
                    index * (1.0 + 0.5 * drift(t))
                })
            } else {
                osc(shape, seconds, start, hz)
            };
            add(&mut out, &wave, 0.0, d.range(0.5, 1.0));
        }
    }
    let rate = d.log(0.15, 2.0);
    let drift = d.drift(seconds, rate);
    let cut = midi_hz(root) * d.log(1.2, 20.0);
    out = sweep(out, d.log(0.6, 3.0), Biquad::lowpass, |t| cut * (0.9 * drift(t)).exp2());
    if choir {
        let (from, to) = (d.pick(&VOWELS), d.pick(&VOWELS));
        out = mouth(&out, d.range(0.9, 1.2), from, to, |t| 0.5 + 0.5 * drift(t));
    }
    if d.chance(0.5) {
        let air = d.noise(seconds);
        let air = bp(air, d.log(800.0, 9000.0), d.range(0.3, 3.0));
        let rate = d.log(0.5, 12.0);
        let moves = d.drift(seconds, rate);
        let air = shaped(air, |t| 1.0 + 0.9 * moves(t));
        out = layers(vec![(out, 1.0), (air, d.log(0.02, 0.5))]);
    }
    if d.chance(0.3) {
        // Sparks above: notes of the chord, plucked and far away.
        let mut sparks = vec![0.0; out.len()];
        for _ in 0..=(seconds * d.range(0.5, 4.0)) as usize {
            let hz = midi_hz(root + d.pick(chord) + d.pick(&[12.0, 24.0, 36.0]));
            let t60 = d.log(0.1, 2.0);
            let spark = modes(
                t60,
                &[(hz, t60, 1.0), (hz * 2.01, t60 * 0.5, 0.4), (hz * 3.9, t60 * 0.3, 0.3)],
            );
            add(&mut sparks, &spark, d.range(0.0, seconds), d.log(0.1, 1.0));
        }
        sparks.truncate(out.len());
        out = layers(vec![(out, 1.0), (sparks, d.log(0.05, 0.7))]);
    }
    if d.chance(0.3) {
        let (rate, depth) = (d.log(0.5, 9.0), d.range(0.1, 0.8));
        out = shaped(out, |t| 1.0 + depth * (TURN * rate * t).sin());
    }
    let attack = d.log(0.03, 0.5 * seconds.max(0.3));
    out = held(out, attack, 4.0 * seconds, d.range(0.5, 1.0), d.log(0.05, 0.5 * seconds));
    if d.chance(0.5) {
        out = chorus(d, &out);
    }
    norm(wet(d, out, 0.7))
}

pub(crate) fn guitar(d: &mut Dice) -> Wave {
    let fuzz = d.chance(0.4);
    let dull = d.range(0.1, 0.75);
    let t60 = if d.chance(0.3) { d.log(0.15, 0.6) } else { d.log(1.0, 6.0) };
    let strum = d.log(0.004, 0.05);
    let chord: &[f64] = match (fuzz, d.index(3)) {
        (true, 0 | 1) => &[0.0, 7.0, 12.0],
        (_, 0) => &[0.0],
        (_, 1) => &[0.0, 7.0, 12.0, 16.0, 19.0],
        _ => &[0.0, 7.0, 10.0, 15.0, 19.0],
    };
    let body = [d.range(90.0, 130.0), d.range(180.0, 260.0), d.range(350.0, 700.0)];
    let pluck = |d: &mut Dice, note: f64, _: f64, s: f64| {
        let mut out = Vec::new();
        for (k, interval) in chord.iter().enumerate() {
            let hz = midi_hz(note + interval + d.range(-0.04, 0.04));
            let wave = string(d, s, hz, t60, dull);
            add(&mut out, &norm(wave), k as f64 * strum, d.range(0.6, 1.0));
        }
        norm(held(out, 0.0005, 20.0, 1.0, 0.03))
    };
    let root = d.range(43.0, 66.0);
    let mut out = if d.chance(0.55) {
        let s = d.log(0.4, 8.0);
        pluck(d, root, root, s)
    } else {
        played(d, root, &MINOR, pluck)
    };
    if fuzz {
        out = drive(out, d.log(2.0, 40.0));
        out = lp(hp(out, 90.0, 0.7), d.log(2500.0, 6000.0), 0.9);
    } else {
        let dry = out.clone();
        for hz in body {
            add(&mut out, &bp(dry.clone(), hz, 3.0), 0.0, d.range(0.2, 1.0));
        }
    }
    wet(d, out, 0.4)
}

pub(crate) fn piano(d: &mut Dice) -> Wave {
    let kind = d.index(3);
    let chord: &[f64] = if d.chance(0.5) { d.pick(&CHORDS) } else { &[0.0] };
    let stretch = d.log(1e-4, 6e-4);
    let dark = d.log(0.4, 1.6);
    let (index, ratio) = (d.range(0.3, 2.5), d.pick(&[1.0, 1.0, 14.0]));
    let bars = d.chance(0.5);
    let key = |d: &mut Dice, note: f64, _: f64, s: f64| {
        let mut out = Vec::new();
        for interval in chord {
            let hz = midi_hz(note + interval);
            let t60 = 9.0 * (110.0 / hz).powf(0.45);
            let wave = match kind {
                // Stiff strings under a hammer, three to a note.
                0 => {
                    let mut set = Vec::new();
                    for k in 1..22 {
                        let n = f64::from(k);
                        let partial = hz * n * (1.0 + stretch * n * n).sqrt();
                        let level = (-0.32 * n / dark).exp() * d.range(0.4, 1.0);
                        for detune in [0.9996, 1.0, 1.0005] {
                            set.push((partial * detune, t60 / n.powf(0.7), level));
                        }
                    }
                    let knock = d.noise(0.05);
                    let knock = hit(bp(knock, 350.0, 0.7), 0.0005, 0.04);
                    layers(vec![(modes(s, &set), 1.0), (knock, 0.06)])
                }
                // An electric piano.
                1 => {
                    let tone = fm(s, |_| hz, ratio, |t| index * (-t / 0.4).exp());
                    let body = osc(Shape::Sine, s, 0.0, |_| hz);
                    hit(layers(vec![(tone, 1.0), (body, 0.6)]), 0.002, t60 * 0.7)
                }
                // An organ, with or without its click.
                _ => {
                    let mut out = Vec::new();
                    for (n, level) in [
                        (0.5, 0.6),
                        (1.0, 1.0),
                        (2.0, 0.7),
                        (3.0, 0.5),
                        (4.0, 0.4),
                        (6.0, 0.2),
                        (8.0, 0.2),
                    ] {
                        let level = if bars { level } else { level * d.range(0.0, 1.0) };
                        // Pipes are never quite in tune with each other.
                        let rank = hz * n * (d.range(-0.05, 0.05) / 12.0_f64).exp2();
                        let shape = if n > 2.0 { Shape::Triangle } else { Shape::Sine };
                        let start = d.range(0.0, 1.0);
                        add(&mut out, &osc(shape, s, start, |_| rank), 0.0, level);
                    }
                    held(out, d.log(0.003, 0.1), 9.0, 1.0, 0.05)
                }
            };
            add(&mut out, &norm(wave), 0.0, d.range(0.7, 1.0));
        }
        norm(held(out, 0.0005, 30.0, 1.0, 0.05))
    };
    let root = d.range(46.0, 78.0);
    let out = if d.chance(0.5) {
        let s = d.log(0.4, 8.0);
        key(d, root, root, s)
    } else {
        played(d, root, &MINOR, key)
    };
    wet(d, out, 0.5)
}

pub(crate) fn vocals(d: &mut Dice) -> Wave {
    let out = match d.index(7) {
        0..=2 => sung(d),
        3 | 4 => spoken(d),
        5 => vocoder(d),
        _ if d.chance(0.5) => choir(d),
        _ => sung(d),
    };
    wet(d, out, 0.45)
}

/// The sound of the vocal folds: a buzz that falls by about 12 dB per octave, with some breath.
fn folds(d: &mut Dice, seconds: f64, hz: impl Fn(f64) -> f64) -> Wave {
    let breath = d.log(0.01, 0.4);
    // Jitter: no two periods are alike.
    let jitter = d.drift(seconds, 60.0);
    let amount = d.log(0.0005, 0.008);
    let buzz = osc(Shape::Saw, seconds, 0.0, |t| hz(t) * (1.0 + amount * jitter(t)));
    let buzz = lp(buzz, d.log(1500.0, 9000.0), 0.6);
    let air = d.noise(seconds);
    let air = shaped(hp(air, 1500.0, 0.6), |t| 0.6 + 0.4 * (TURN * hz(t) * t).sin());
    layers(vec![(buzz, 1.0), (air, breath)])
}

fn sung(d: &mut Dice) -> Wave {
    let seconds = d.log(0.3, 7.0);
    let note = d.range(40.0, 76.0);
    let still = f64::from(u8::from(d.chance(0.5)));
    let (rate, depth) = (d.range(4.5, 6.5), still * d.range(0.0, 0.5));
    let drift = d.drift(seconds, 4.0);
    let (bend, fall) = (d.range(-3.0, 1.0), d.log(0.03, 0.15));
    let pitch = move |t: f64| {
        let vibrato = depth * (2.0 * t).min(1.0) * (TURN * rate * t).sin();
        midi_hz(note + vibrato + 0.15 * drift(t) + bend * (-t / fall).exp())
    };
    let buzz = folds(d, seconds, pitch);
    let size = d.range(0.85, 1.25) + 0.006 * (note - 55.0).max(0.0);
    let (from, to) = (d.pick(&VOWELS), d.pick(&VOWELS));
    let still = d.chance(0.5);
    let out = mouth(&buzz, size, from, if still { from } else { to }, |t| t / seconds);
    let out = held(out, d.log(0.01, 0.25), 3.0, d.range(0.6, 1.0), d.log(0.03, 0.4));
    if !d.chance(0.35) {
        return out;
    }
    // Sung by two or three, or doubled.
    let mut group = out.clone();
    for _ in 0..d.whole(1, 3) {
        let ratio = (d.range(-0.25, 0.25) / 12.0_f64).exp2();
        let other = dream_audio::resample::varispeed(&out, ratio);
        add(&mut group, &other, d.range(0.0, 0.04), d.range(0.5, 1.0));
    }
    norm(group)
}

fn choir(d: &mut Dice) -> Wave {
    let seconds = d.log(0.8, 6.0);
    let note = d.range(45.0, 72.0);
    let vowel = d.pick(&VOWELS);
    let mut out = Vec::new();
    for _ in 0..d.whole(3, 6) {
        let (off, rate) =
            (d.range(-0.15, 0.15) + d.pick(&[0.0, 0.0, 7.0, 12.0]), d.range(4.5, 6.5));
        let start = d.range(0.0, 6.0);
        let buzz =
            folds(d, seconds, |t| midi_hz(note + off + 0.25 * (TURN * rate * t + start).sin()));
        let size = d.range(0.9, 1.2);
        add(&mut out, &mouth(&buzz, size, vowel, vowel, |_| 0.0), d.range(0.0, 0.05), 1.0);
    }
    held(norm(out), d.log(0.03, 0.6), 5.0, 0.8, d.log(0.1, 0.8))
}

/// Syllables: vowels with a falling melody, and the noise of consonants between them.
fn spoken(d: &mut Dice) -> Wave {
    let mut out = Vec::new();
    let base = d.log(90.0, 260.0);
    let size = d.range(0.88, 1.25);
    let whisper = d.chance(0.1);
    let mut at = 0.0;
    let mut last = d.pick(&VOWELS);
    for k in 0..d.whole(1, 14) {
        let seconds = d.log(0.08, 0.35);
        let (rise, level) = (d.range(-0.25, 0.3), d.range(0.4, 1.0));
        let tilt = 1.0 - 0.02 * k as f64;
        let hz = move |t: f64| base * tilt * (1.0 + rise * (t / seconds - 0.3));
        let buzz = if whisper { d.noise(seconds) } else { folds(d, seconds, hz) };
        let next = d.pick(&VOWELS);
        let vowel = mouth(&buzz, size, last, next, |t| 1.6 * t / seconds);
        last = next;
        if d.chance(0.6) {
            let hiss = d.log(0.02, 0.13);
            let fricative = d.noise(hiss);
            let length = fricative.len() as f64 / 44_100.0;
            let fricative = bp(fricative, d.log(2000.0, 8500.0), d.range(0.7, 2.5));
            add(&mut out, &held(norm(fricative), 0.01, 1.0, 1.0, 0.02), at, d.log(0.05, 0.5));
            at += length * 0.8;
        }
        add(&mut out, &held(norm(vowel), 0.02, 1.0, 0.8, 0.04), at, level);
        at += seconds * d.range(0.8, 1.1) + if d.chance(0.15) { d.range(0.05, 0.4) } else { 0.0 };
    }
    norm(out)
}

/// Chords that speak.
fn vocoder(d: &mut Dice) -> Wave {
    let speech = spoken(d);
    let seconds = speech.len() as f64 / 44_100.0;
    let root = d.range(38.0, 62.0);
    let mut carrier = Vec::new();
    for interval in d.pick(&CHORDS) {
        let hz = midi_hz(root + interval);
        add(&mut carrier, &osc(Shape::Saw, seconds, d.range(0.0, 1.0), |_| hz), 0.0, 1.0);
    }
    let air = d.noise(seconds);
    add(&mut carrier, &air, 0.0, 0.15);
    let mut out = Vec::new();
    let bands = d.whole(8, 18);
    for k in 0..bands {
        let hz = 150.0 * 50.0_f64.powf(k as f64 / bands as f64);
        let q = 0.8 * bands as f64 / 3.9;
        let mut level = 0.0_f64;
        let voice = bp(speech.clone(), hz, q);
        let mut part = bp(carrier.clone(), hz, q);
        for (x, v) in part.iter_mut().zip(&voice) {
            level += 0.004 * (f64::from(v.abs()) - level);
            *x *= level as f32;
        }
        add(&mut out, &part, 0.0, 1.0);
    }
    norm(out)
}

/// With some probability in a room, or with an echo.
pub(crate) fn wet(d: &mut Dice, wave: Wave, probability: f64) -> Wave {
    if !d.chance(probability) {
        return norm(wave);
    }
    if d.chance(0.3) {
        let (gap, feedback) = (d.range(0.1, 0.5), d.range(0.2, 0.6));
        let mut out = wave.clone();
        for k in 1..4_i32 {
            add(&mut out, &wave, gap * f64::from(k), feedback.powi(k));
        }
        return norm(out);
    }
    let (t60, amount) = (d.log(0.3, 4.0), d.range(0.05, 0.5));
    let out = room(d, &wave, t60, amount, t60 * 0.6);
    norm(out)
}

/// A note of that category; silence for what has none.
pub(crate) fn of(d: &mut Dice, category: Category) -> Option<Wave> {
    Some(match category {
        Category::Bass => bass(d),
        Category::Synth => synth(d),
        Category::Lead => lead(d),
        Category::Pad => pad(d),
        Category::Guitar => guitar(d),
        Category::Piano => piano(d),
        Category::Vocals => vocals(d),
        Category::Kick
        | Category::Snare
        | Category::Clap
        | Category::Hihat
        | Category::Percussion
        | Category::Drums
        | Category::Atmo
        | Category::Fx
        | Category::Other => return None,
    })
}

/// Repeated to fill the time.
pub(crate) fn looped(wave: &[f32], seconds: f64) -> Wave {
    (0..frames(seconds)).map(|i| wave[i % wave.len()]).collect()
}

/// At most so long.
pub(crate) fn first(mut wave: Wave, seconds: f64) -> Wave {
    wave.truncate(frames(seconds));
    wave
}
