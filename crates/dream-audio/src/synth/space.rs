//! Space: reverberation, echo, chorus, and mono made wide.
//!
//! Methods: feedback delay network with Hadamard mixing, J.-M. Jot, "Digital Delay Networks for Designing
//! Artificial Reverberators", AES 90, 1991, behind four all-passes (M. Schroeder, 1962); decorrelation by
//! velvet noise, B. Alary, A. Politis, V. Valimaki, "Velvet-Noise Decorrelator", `DAFx` 2017.
//! Wet signals are stereo and longer than their source by their tail.

use std::f64::consts::TAU;

use super::curve::{fall, sin, sin32, tanh};
use super::noise::Rand;
use super::sound::{RATE, Sound, frames, time};

/// A reverberant room.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    /// Time to fall by 60 dB, seconds.
    pub t60: f64,
    /// Loss of treble per pass, 0 to 1.
    pub damp: f32,
    /// Length of the delay lines relative to 25 to 62 ms.
    pub size: f64,
    /// Seconds to go on after the source has ended.
    pub tail: f64,
    /// High-pass of the wet signal, Hz.
    pub low: f64,
    /// Low-pass of the wet signal, Hz.
    pub high: f64,
}

impl Room {
    /// A medium room of 1.5 s.
    pub(crate) const MEDIUM: Self =
        Self { t60: 1.5, damp: 0.35, size: 1.0, tail: 1.0, low: 250.0, high: 9000.0 };
}

const LINES: usize = 8;
const LENGTHS: [f64; LINES] = [1123.0, 1327.0, 1499.0, 1733.0, 1987.0, 2221.0, 2477.0, 2753.0];
const ALL_PASSES: [(usize, f32); 4] = [(142, 0.7), (107, 0.7), (379, 0.625), (277, 0.625)];
/// Excursion of the line lengths in samples: keeps the resonances from ringing.
const WOBBLE: f64 = 6.0;
/// Frames between two evaluations of anything that moves a delay.
const CONTROL: usize = 32;

impl Sound {
    /// The sound with `amount` of a room around it.
    pub(crate) fn room(self, amount: f32, room: &Room) -> Self {
        let wet = self.reverb(room) * amount;
        self + wet
    }

    /// Only the room's answer.
    pub(crate) fn reverb(&self, room: &Room) -> Self {
        let mut input = self.clone().into_mono().channel(0).to_vec();
        for (length, gain) in ALL_PASSES {
            all_pass(&mut input, length, gain);
        }
        input.resize(input.len() + frames(room.tail), 0.0);
        network(&input, room).hp(2, room.low).lp(1, room.high)
    }
}

fn all_pass(x: &mut [f32], length: usize, gain: f32) {
    let mut line = vec![0.0; length];
    let mut at = 0;
    for x in x {
        let out = line[at] - gain * *x;
        line[at] = *x + gain * out;
        *x = out;
        at = if at + 1 == length { 0 } else { at + 1 };
    }
}

/// Runs in blocks shorter than the shortest line, so that each line is read and written in one go.
fn network(input: &[f32], room: &Room) -> Sound {
    let lengths = LENGTHS.map(|length| (length * room.size).floor());
    let gains = lengths.map(|length| 10.0_f64.powf(-3.0 * length / RATE / room.t60) as f32);
    let size = (lengths[LINES - 1] as usize + 64).next_power_of_two();
    let mask = size - 1;
    let mut lines = vec![vec![0.0_f32; size]; LINES];
    let mut damped = [0.0_f32; LINES];
    let reach = |k: usize, i: usize| {
        let wobble = sin((0.31 + 0.07 * k as f64) * i as f64 / RATE + 0.207 * k as f64);
        (lengths[k] + WOBBLE * f64::from(wobble)) as f32
    };
    let (mut left, mut right) = (vec![0.0; input.len()], vec![0.0; input.len()]);
    let mut out = [[0.0_f32; CONTROL]; LINES];
    for start in (0..input.len()).step_by(CONTROL) {
        for (k, (line, out)) in lines.iter().zip(&mut out).enumerate() {
            let (from, to) = (reach(k, start), reach(k, start + CONTROL));
            let slope = (to - from) / CONTROL as f32;
            for (j, out) in out.iter_mut().enumerate() {
                let delay = from + slope * j as f32;
                let whole = delay as usize;
                let part = delay - whole as f32;
                let at = (start + j).wrapping_sub(whole);
                let (early, late) = (line[at & mask], line[at.wrapping_sub(1) & mask]);
                *out = early + (late - early) * part;
            }
        }
        // All lines side by side: each waits only for itself.
        for j in 0..CONTROL {
            for k in 0..LINES {
                damped[k] += (1.0 - room.damp) * (out[k][j] - damped[k]);
                out[k][j] = damped[k] * gains[k];
            }
        }
        hadamard(&mut out);
        let end = (start + CONTROL).min(input.len());
        for (j, i) in (start..end).enumerate() {
            for (line, out) in lines.iter_mut().zip(&out) {
                line[i & mask] = input[i] + out[j];
            }
            left[i] = 0.35 * (out[0][j] + out[2][j] + out[4][j] + out[6][j]);
            right[i] = 0.35 * (out[1][j] + out[3][j] + out[5][j] + out[7][j]);
        }
    }
    Sound::stereo(left, right)
}

/// The orthogonal mixing matrix, in three rounds of sums and differences.
fn hadamard(x: &mut [[f32; CONTROL]; LINES]) {
    const SCALE: f32 = 0.353_553_4; // 1 / sqrt 8
    for half in [1, 2, 4] {
        for i in (0..LINES).filter(|i| i & half == 0) {
            let (low, high) = x.split_at_mut(i + half);
            for (a, b) in low[i].iter_mut().zip(&mut high[0]) {
                (*a, *b) = (*a + *b, *a - *b);
            }
        }
    }
    for x in x.iter_mut().flatten() {
        *x *= SCALE;
    }
}

/// An echo between left and right.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Echo {
    /// Seconds between repeats.
    pub time: f64,
    /// Level of a repeat relative to the one before, below 1.
    pub feedback: f32,
    /// High-pass in the loop, Hz.
    pub low: f64,
    /// Low-pass in the loop, Hz.
    pub high: f64,
    /// Seconds to go on after the source has ended.
    pub tail: f64,
}

impl Sound {
    /// Only the echoes of the mono sum: the first on the left, the second on the right, and so on.
    pub(crate) fn echo(&self, echo: &Echo) -> Self {
        let source = self.clone().into_mono();
        let x = source.channel(0);
        let lag = frames(echo.time);
        let len = x.len() + frames(echo.tail);
        let one_pole = |hz: f64| (1.0 - (-TAU * hz / RATE).exp()) as f32;
        let (a, b) = (one_pole(echo.high), one_pole(echo.low));
        let (mut left, mut right) = (vec![0.0_f32; len], vec![0.0_f32; len]);
        let (mut low, mut lower) = ([0.0_f32; 2], [0.0_f32; 2]);
        for i in lag..len {
            let source = x.get(i - lag).copied().unwrap_or(0.0);
            let into = [source + echo.feedback * right[i - lag], echo.feedback * left[i - lag]];
            for c in 0..2 {
                low[c] += a * (into[c] - low[c]);
                lower[c] += b * (low[c] - lower[c]);
            }
            left[i] = tanh(low[0] - lower[0]);
            right[i] = tanh(low[1] - lower[1]);
        }
        Self::stereo(left, right)
    }

    /// Chorus: two moving taps per channel, a quarter cycle apart on the two sides. `depth_ms` and `base_ms`
    /// in milliseconds, `mix` 0 to 1.
    pub(crate) fn chorus(self, rate: f32, depth_ms: f32, base_ms: f32, mix: f32) -> Self {
        let stereo = self.into_stereo();
        let wet = |c: usize| {
            let tap = |v: usize| {
                let rate = rate * (1.0 + 0.13 * v as f32);
                let phase = 0.25 * c as f32 + 0.5 * v as f32;
                moving_tap(stereo.channel(c), |t| {
                    base_ms + 3.1 * v as f32 + depth_ms * sin32(rate * t + phase)
                })
            };
            Self::mono(tap(0)) + Self::mono(tap(1))
        };
        let wet = Self::pair(wet(0), wet(1));
        stereo * (1.0 - mix) + wet * (0.6 * mix)
    }

    /// Delayed by a moving time in milliseconds: the wow of tape.
    pub(crate) fn wow(self, delay_ms: impl Fn(f32) -> f32) -> Self {
        self.each(|samples| *samples = moving_tap(samples, &delay_ms))
    }

    /// Mono made stereo: a sparse random filter within `ms` makes the side signal, level `amount`. The sum of
    /// left and right is unchanged, lows stay in the middle.
    pub(crate) fn wide(self, mut rand: Rand, ms: f64, amount: f32) -> Self {
        const PULSES: usize = 24;
        let reach = frames(ms / 1000.0);
        let mut kernel = vec![0.0_f32; reach + 1];
        for _ in 0..PULSES {
            let at = 1 + rand.index(reach);
            kernel[at] = rand.sign() * fall(time(at) * 1000.0, ms as f32 / 2.0);
        }
        let energy: f32 = kernel.iter().map(|k| k * k).sum();
        let mid = self.into_mono();
        let x = mid.channel(0);
        let mut side = vec![0.0; x.len()];
        for (at, k) in kernel.iter().enumerate().filter(|(_, k)| **k != 0.0) {
            let gain = k * amount / energy.sqrt();
            for (side, x) in side.iter_mut().skip(at).zip(x) {
                *side += gain * x;
            }
        }
        let side = Self::mono(side).hp(2, 180.0);
        Self::pair(mid.clone() + side.clone(), mid + side * -1.0)
    }
}

/// Reads `delay_ms(t)` behind every frame, by cubic interpolation (Catmull-Rom). The delay is evaluated every
/// 32 frames and joined by lines; where it reaches before the start there is silence.
fn moving_tap(x: &[f32], delay_ms: impl Fn(f32) -> f32) -> Vec<f32> {
    let behind = |i: usize| f64::from(delay_ms(time(i))) * RATE / 1000.0;
    let mut y = vec![0.0; x.len()];
    for (block, y) in y.chunks_mut(CONTROL).enumerate() {
        let start = block * CONTROL;
        let (from, to) = (behind(start), behind(start + CONTROL));
        let slope = (to - from) / CONTROL as f64;
        for (j, y) in y.iter_mut().enumerate() {
            let at = (start + j) as f64 - from - slope * j as f64;
            if at < 1.0 {
                continue;
            }
            let whole = at as usize;
            if let Some(&[a, b, c, d]) = x.get(whole - 1..whole + 3) {
                let f = (at - whole as f64) as f32;
                let curve = 2.0 * a - 5.0 * b + 4.0 * c - d + f * (3.0 * (b - c) + d - a);
                *y = b + 0.5 * f * (c - a + f * curve);
            }
        }
    }
    y
}

#[cfg(test)]
mod tests {
    use dream_core::Seed;

    use super::super::osc::sine;
    use super::*;

    #[test]
    fn a_room_dies_away_in_its_t60() {
        let mut click = Sound::silence(0.01);
        click = click.each(|x| x[0] = 1.0);
        let room = Room { t60: 1.0, damp: 0.0, tail: 2.0, ..Room::MEDIUM };
        let wet = click.reverb(&room);
        let level = |at: f64| {
            let part = wet.slice(frames(at), frames(at + 0.1));
            10.0 * part.power().log10()
        };
        let fall = level(0.3) - level(1.3);
        assert!((fall - 60.0).abs() < 6.0, "{fall} dB in one second");
    }

    #[test]
    fn widening_leaves_the_mono_sum() {
        let tone = sine(0.2, |t| 300.0 + 2000.0 * t);
        let wide = tone.clone().wide(Rand::new(Seed(1)), 10.0, 0.5);
        assert!((wide.into_mono() + tone * -1.0).peak() < 1e-5);
    }

    #[test]
    fn echoes_come_at_their_time() {
        let mut click = Sound::silence(0.01);
        click = click.each(|x| x[0] = 1.0);
        let echo = Echo { time: 0.1, feedback: 0.5, low: 20.0, high: 15_000.0, tail: 0.5 };
        let wet = click.echo(&echo);
        assert!(wet.channel(0)[4410] > 0.3 && wet.channel(1)[8820] > 0.1);
        assert!(wet.slice(0, 4410).peak() < 1e-9);
    }
}
