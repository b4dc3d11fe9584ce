//! The parts that training sounds are made of: dice, oscillators, filters, modes, strings, voices and rooms.
//!
//! Simple on purpose, and written apart from the starter kit's synthesis: a classifier that saw one maker only would
//! learn the maker. Everything is mono `f32` at 44.1 kHz; times are seconds, decays T60.

use dream_audio::filter::Biquad;
use dream_core::Seed;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

pub(crate) const RATE: f64 = 44_100.0;
/// One turn in radians.
pub(crate) const TURN: f64 = std::f64::consts::TAU;

/// A mono sound.
pub(crate) type Wave = Vec<f32>;

/// Random numbers.
pub(crate) struct Dice(ChaCha8Rng);

impl Dice {
    pub(crate) fn new(seed: Seed) -> Self {
        Self(seed.rng())
    }

    /// Uniform in `low..high`.
    pub(crate) fn range(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * f64::from(self.0.next_u32()) / 4_294_967_296.0
    }

    /// Uniform in its logarithm.
    pub(crate) fn log(&mut self, low: f64, high: f64) -> f64 {
        low * (high / low).powf(self.range(0.0, 1.0))
    }

    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.range(0.0, 1.0) < probability
    }

    pub(crate) fn index(&mut self, below: usize) -> usize {
        ((u64::from(self.0.next_u32()) * below as u64) >> 32) as usize
    }

    pub(crate) fn whole(&mut self, low: usize, high: usize) -> usize {
        low + self.index(high - low + 1)
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.index(from.len())]
    }

    /// White noise.
    pub(crate) fn noise(&mut self, seconds: f64) -> Wave {
        (0..frames(seconds))
            .map(|_| (self.0.next_u32().cast_signed() >> 8) as f32 / 8_388_608.0)
            .collect()
    }

    /// A slow random walk through 0, about as wide as 1.
    pub(crate) fn drift(&mut self, seconds: f64, rate_hz: f64) -> impl Fn(f64) -> f64 + use<> {
        let points: Vec<f64> =
            (0..(seconds * rate_hz) as usize + 3).map(|_| self.range(-1.0, 1.0)).collect();
        move |t| {
            let x = t * rate_hz;
            let k = (x as usize).min(points.len() - 2);
            let part = (x - k as f64).clamp(0.0, 1.0);
            let smooth = part * part * (3.0 - 2.0 * part);
            points[k] + (points[k + 1] - points[k]) * smooth
        }
    }
}

pub(crate) fn frames(seconds: f64) -> usize {
    (seconds.max(0.0) * RATE).round() as usize
}

pub(crate) fn midi_hz(note: f64) -> f64 {
    440.0 * ((note - 69.0) / 12.0).exp2()
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    Sine,
    Triangle,
    Saw,
    Pulse(f64),
}

/// An oscillator whose frequency is a function of time.
pub(crate) fn osc(shape: Shape, seconds: f64, start: f64, hz: impl Fn(f64) -> f64) -> Wave {
    osc_of(shape, seconds, start, &hz)
}

/// Compiled once for all functions, as are those below.
fn osc_of(shape: Shape, seconds: f64, start: f64, hz: &dyn Fn(f64) -> f64) -> Wave {
    let mut phase = start;
    (0..frames(seconds))
        .map(|i| {
            let step = (hz(i as f64 / RATE) / RATE).clamp(0.0, 0.45);
            phase = (phase + step).fract();
            let x = match shape {
                Shape::Sine => (std::f64::consts::TAU * phase).sin(),
                Shape::Triangle => 1.0 - 4.0 * (phase - 0.5).abs(),
                Shape::Saw => 2.0 * phase - 1.0 - blep(phase, step),
                Shape::Pulse(width) => {
                    let other = (phase + 1.0 - width).fract();
                    let level = if phase < width { 1.0 } else { -1.0 };
                    level + blep(phase, step) - blep(other, step)
                }
            };
            x as f32
        })
        .collect()
}

/// Rounds a jump of 2 at phase 0 over two samples (polynomial band-limited step).
fn blep(phase: f64, step: f64) -> f64 {
    if phase < step {
        let x = phase / step;
        x + x - x * x - 1.0
    } else if phase > 1.0 - step {
        let x = (phase - 1.0) / step;
        x * x + x + x + 1.0
    } else {
        0.0
    }
}

/// A carrier at `hz(t)` whose phase is modulated by `index(t)` radians at `ratio` times its frequency.
pub(crate) fn fm(
    seconds: f64,
    hz: impl Fn(f64) -> f64,
    ratio: f64,
    index: impl Fn(f64) -> f64,
) -> Wave {
    let mut phase = 0.0_f64;
    (0..frames(seconds))
        .map(|i| {
            let t = i as f64 / RATE;
            phase += std::f64::consts::TAU * hz(t) / RATE;
            (phase + index(t) * (ratio * phase).sin()).sin() as f32
        })
        .collect()
}

/// Decaying sines: Hz, T60, gain.
pub(crate) fn modes(seconds: f64, modes: &[(f64, f64, f64)]) -> Wave {
    let mut out = vec![0.0_f32; frames(seconds)];
    for &(hz, t60, gain) in modes.iter().filter(|mode| mode.0 < 20_000.0) {
        let turn = std::f64::consts::TAU * hz / RATE;
        let loss = (-6.9078 / (t60 * RATE)).exp();
        let (a, b) = (2.0 * loss * turn.cos(), loss * loss);
        let (mut y1, mut y2) = (gain * turn.sin() * loss, 0.0);
        for x in &mut out {
            *x += y1 as f32;
            let y = a * y1 - b * y2;
            y2 = y1;
            y1 = y;
        }
    }
    out
}

/// Karplus and Strong's string: `dull` 0 to 1 darkens the pluck.
pub(crate) fn string(dice: &mut Dice, seconds: f64, hz: f64, t60: f64, dull: f64) -> Wave {
    let period = RATE / hz - 0.5;
    let length = (period as usize).max(2);
    let fraction = period - length as f64;
    let loss = 10.0_f64.powf(-3.0 / (hz * t60));
    let mut line: Vec<f64> =
        dice.noise(length as f64 / RATE).iter().map(|x| f64::from(*x)).collect();
    line.resize(length, 0.0);
    let mut smooth = 0.0;
    for x in &mut line {
        smooth += (1.0 - dull) * (*x - smooth);
        *x = smooth;
    }
    let comb = (dice.range(0.08, 0.4) * length as f64) as usize;
    let plucked: Vec<f64> =
        (0..length).map(|i| line[i] - line[(i + length - comb.max(1)) % length]).collect();
    line = plucked;
    let (mut last, mut before) = (0.0, 0.0);
    (0..frames(seconds))
        .map(|i| {
            let out = line[i % length];
            let averaged = loss * 0.5 * (out + last);
            last = out;
            line[i % length] = averaged + fraction * (before - averaged);
            before = averaged;
            out as f32
        })
        .collect()
}

pub(crate) fn filtered(mut wave: Wave, mut filter: Biquad) -> Wave {
    for x in &mut wave {
        *x = filter.step(f64::from(*x)) as f32;
    }
    wave
}

fn audible(hz: f64) -> f64 {
    hz.clamp(15.0, 20_000.0)
}

pub(crate) fn lp(wave: Wave, hz: f64, q: f64) -> Wave {
    filtered(wave, Biquad::lowpass(audible(hz), q, RATE))
}

pub(crate) fn hp(wave: Wave, hz: f64, q: f64) -> Wave {
    filtered(wave, Biquad::highpass(audible(hz), q, RATE))
}

pub(crate) fn bp(wave: Wave, hz: f64, q: f64) -> Wave {
    filtered(wave, Biquad::bandpass(audible(hz), q, RATE))
}

/// A low-pass (or band-pass) that moves with time.
pub(crate) fn sweep(
    wave: Wave,
    q: f64,
    make: fn(f64, f64, f64) -> Biquad,
    hz: impl Fn(f64) -> f64,
) -> Wave {
    sweep_by(wave, q, make, &hz)
}

fn sweep_by(
    mut wave: Wave,
    q: f64,
    make: fn(f64, f64, f64) -> Biquad,
    hz: &dyn Fn(f64) -> f64,
) -> Wave {
    let mut filter = make(audible(hz(0.0)), q, RATE);
    for (i, x) in wave.iter_mut().enumerate() {
        if i.is_multiple_of(32) {
            filter.retune(&make(audible(hz(i as f64 / RATE)), q, RATE));
        }
        *x = filter.step(f64::from(*x)) as f32;
    }
    wave
}

/// Multiplied by a function of time.
pub(crate) fn shaped(wave: Wave, gain: impl Fn(f64) -> f64) -> Wave {
    shaped_by(wave, &gain)
}

fn shaped_by(mut wave: Wave, gain: &dyn Fn(f64) -> f64) -> Wave {
    for (i, x) in wave.iter_mut().enumerate() {
        *x *= gain(i as f64 / RATE) as f32;
    }
    wave
}

/// A rise in `attack`, then an exponential fall with T60 `t60`.
pub(crate) fn hit(wave: Wave, attack: f64, t60: f64) -> Wave {
    shaped(wave, |t| {
        let rise = if t < attack { t / attack } else { 1.0 };
        rise * (-6.9078 * (t - attack).max(0.0) / t60).exp()
    })
}

/// Attack, decay to a sustain level, release over the last `release` seconds.
pub(crate) fn held(wave: Wave, attack: f64, decay: f64, sustain: f64, release: f64) -> Wave {
    let seconds = wave.len() as f64 / RATE;
    shaped(wave, |t| {
        let rise = (t / attack.max(1e-4)).min(1.0);
        let level = sustain + (1.0 - sustain) * (-(t - attack).max(0.0) / decay).exp();
        let end = ((seconds - t) / release.max(1e-3)).clamp(0.0, 1.0);
        rise * level * end
    })
}

pub(crate) fn gain(mut wave: Wave, gain: f64) -> Wave {
    for x in &mut wave {
        *x *= gain as f32;
    }
    wave
}

pub(crate) fn peak(wave: &[f32]) -> f64 {
    f64::from(wave.iter().fold(0.0_f32, |peak, x| peak.max(x.abs())))
}

/// Scaled to peak 1.
pub(crate) fn norm(wave: Wave) -> Wave {
    let level = peak(&wave);
    if level > 1e-9 { gain(wave, 1.0 / level) } else { wave }
}

/// Added at a time; grows as needed.
pub(crate) fn add(into: &mut Wave, wave: &[f32], at: f64, gain: f64) {
    let start = frames(at);
    into.resize(into.len().max(start + wave.len()), 0.0);
    for (slot, x) in into[start..].iter_mut().zip(wave) {
        *slot += gain as f32 * x;
    }
}

/// The sum of normalised parts.
pub(crate) fn layers(parts: Vec<(Wave, f64)>) -> Wave {
    let mut out = Vec::new();
    for (wave, level) in parts {
        add(&mut out, &norm(wave), 0.0, level);
    }
    norm(out)
}

/// Saturation; 1 is gentle, 30 is fuzz.
pub(crate) fn drive(wave: Wave, amount: f64) -> Wave {
    let level = peak(&wave).max(1e-9);
    let soft = |x: f32| (amount * f64::from(x) / level).tanh();
    norm(wave.into_iter().map(|x| soft(x) as f32).collect())
}

/// A room: `wet` 0 to 1. Method: M. Schroeder, "Natural Sounding Artificial Reverberation", JAES 10(3), 1962.
pub(crate) fn room(dice: &mut Dice, wave: &[f32], t60: f64, wet: f64, tail: f64) -> Wave {
    let mut dry = wave.to_vec();
    dry.resize(wave.len() + frames(tail), 0.0);
    let mut sum = vec![0.0_f32; dry.len()];
    let damp = dice.range(0.1, 0.6) as f32;
    for _ in 0..6 {
        let delay = dice.range(0.021, 0.047);
        let feedback = 10.0_f64.powf(-3.0 * delay / t60) as f32;
        let mut line = vec![0.0_f32; frames(delay)];
        let (length, mut state) = (line.len(), 0.0);
        for (i, x) in dry.iter().enumerate() {
            let slot = &mut line[i % length];
            let out = *slot;
            state = out + damp * (state - out);
            *slot = x + feedback * state;
            sum[i] += out;
        }
    }
    for delay in [0.005, 0.0017, 0.0113] {
        let mut line = vec![0.0_f32; frames(delay)];
        let length = line.len();
        for (i, x) in sum.iter_mut().enumerate() {
            let slot = &mut line[i % length];
            let out = *slot - 0.6 * *x;
            *slot = *x + 0.6 * out;
            *x = out;
        }
    }
    let level = peak(&sum).max(1e-9) / peak(&dry).max(1e-9);
    dry.iter()
        .zip(&sum)
        .map(|(dry, room)| ((1.0 - wet) * f64::from(*dry) + wet * f64::from(*room) / level) as f32)
        .collect()
}

/// Two copies that drift in time against the sound.
pub(crate) fn chorus(dice: &mut Dice, wave: &[f32]) -> Wave {
    let mut out = wave.to_vec();
    for _ in 0..2 {
        let (depth, rate) = (dice.range(0.5e-3, 3e-3), dice.range(0.2, 1.5));
        let start = dice.range(0.0, 1.0);
        for i in 0..wave.len() {
            let t = i as f64 / RATE;
            let turn = std::f64::consts::TAU * (rate * t + start);
            let at = i as f64 - (0.008 + depth * turn.sin()) * RATE;
            if at >= 0.0 {
                let (k, part) = (at as usize, at.fract() as f32);
                let next = wave[(k + 1).min(wave.len() - 1)];
                out[i] += 0.7 * (wave[k] + part * (next - wave[k]));
            }
        }
    }
    out
}

/// Three resonances of a vowel in Hz.
pub(crate) const VOWELS: [[f64; 3]; 8] = [
    [730.0, 1090.0, 2440.0],
    [570.0, 840.0, 2410.0],
    [530.0, 1840.0, 2480.0],
    [390.0, 1990.0, 2550.0],
    [270.0, 2290.0, 3010.0],
    [440.0, 1020.0, 2240.0],
    [300.0, 870.0, 2240.0],
    [660.0, 1720.0, 2410.0],
];

/// Through a mouth that moves between vowels; `size` scales the resonances. Method: formants as parallel
/// resonators, their frequencies from G. Peterson and H. Barney, JASA 24(2), 1952.
pub(crate) fn mouth(
    wave: &[f32],
    size: f64,
    from: [f64; 3],
    to: [f64; 3],
    way: impl Fn(f64) -> f64,
) -> Wave {
    let mut out = vec![0.0; wave.len()];
    let parts = [(0, 7.0, 1.0), (1, 10.0, 0.6), (2, 12.0, 0.4)];
    for (k, q, level) in parts {
        let hz = |t: f64| size * from[k] * (to[k] / from[k]).powf(way(t).clamp(0.0, 1.0));
        let part = sweep(wave.to_vec(), q, Biquad::bandpass, hz);
        add(&mut out, &part, 0.0, level);
    }
    // The fourth resonance, and what passes all of them.
    for (hz, q, level) in [(3500.0, 5.0, 0.35), (5500.0, 2.0, 0.12)] {
        add(&mut out, &bp(wave.to_vec(), hz * size, q), 0.0, level);
    }
    let through = lp(wave.to_vec(), 1000.0, 0.5);
    add(&mut out, &through, 0.0, 0.1);
    out
}
