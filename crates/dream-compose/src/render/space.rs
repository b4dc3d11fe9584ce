//! One room and one echo for the whole mix, fed by the layers' sends.
//!
//! Room: J.-M. Jot and A. Chaigne, "Digital delay networks for designing artificial reverberators", AES
//! 90 (1991): eight delay lines, a Householder matrix, one damping low-pass per line. Echo: two taps a
//! dotted eighth apart that answer each other across the sides, darker with each repeat.

use dream_audio::filter::Biquad;

use super::timeline::RATE;

const LINES: usize = 8;
/// Lengths of the lines in frames, primes so that their echoes do not coincide.
const LENGTHS: [usize; LINES] = [1327, 1559, 1801, 2089, 2351, 2633, 2939, 3229];

/// A reverb of eight lines.
#[derive(Debug)]
pub(crate) struct Room {
    lines: [Vec<f32>; LINES],
    at: [usize; LINES],
    gains: [f32; LINES],
    low: [f32; LINES],
    damping: f32,
    inlet: Biquad,
    predelay: Vec<[f32; 2]>,
    early: usize,
}

impl Room {
    /// A room whose sound falls by 60 dB in `decay_s`.
    pub(crate) fn new(decay_s: f64) -> Self {
        let gain = |length: usize| 10.0_f64.powf(-3.0 * length as f64 / RATE.hz() / decay_s) as f32;
        Self {
            lines: LENGTHS.map(|length| vec![0.0; length]),
            at: [0; LINES],
            gains: LENGTHS.map(gain),
            low: [0.0; LINES],
            damping: 0.45,
            inlet: Biquad::highpass(220.0, 0.7, RATE.hz()),
            predelay: vec![[0.0; 2]; 662],
            early: 0,
        }
    }

    /// Adds the room's answer to `sent` to `mix`; both are left and right.
    pub(crate) fn add(&mut self, sent: &[Vec<f32>; 2], mix: &mut [&mut [f32]; 2]) {
        for i in 0..sent[0].len() {
            let delayed =
                std::mem::replace(&mut self.predelay[self.early], [sent[0][i], sent[1][i]]);
            self.early = (self.early + 1) % self.predelay.len();
            let side = 0.5 * (delayed[0] - delayed[1]);
            let mid = 0.5 * (delayed[0] + delayed[1]);
            let mid = self.inlet.step(f64::from(mid)) as f32;
            let mut outs = [0.0; LINES];
            let mut sum = 0.0;
            for k in 0..LINES {
                let out = self.lines[k][self.at[k]];
                self.low[k] += (1.0 - self.damping) * (out - self.low[k]);
                outs[k] = self.low[k] * self.gains[k];
                sum += outs[k];
            }
            let spread = sum * (2.0 / LINES as f32);
            for k in 0..LINES {
                let input = mid + if k % 2 == 0 { side } else { -side };
                self.lines[k][self.at[k]] = input + outs[k] - spread;
                self.at[k] = if self.at[k] + 1 == LENGTHS[k] { 0 } else { self.at[k] + 1 };
            }
            mix[0][i] += 0.5 * (outs[0] + outs[2] - outs[4] - outs[6]);
            mix[1][i] += 0.5 * (outs[1] + outs[3] - outs[5] - outs[7]);
        }
    }
}

/// An echo that alternates between the sides.
#[derive(Debug)]
pub(crate) struct Echo {
    lines: [Vec<f32>; 2],
    at: usize,
    feedback: f32,
    low: [f32; 2],
    inlet: Biquad,
}

impl Echo {
    /// An echo every `frames` frames, each `feedback` times as loud as the one before.
    pub(crate) fn new(frames: i64, feedback: f32) -> Self {
        let line = vec![0.0; frames.max(1) as usize];
        Self {
            lines: [line.clone(), line],
            at: 0,
            feedback,
            low: [0.0; 2],
            inlet: Biquad::highpass(300.0, 0.7, RATE.hz()),
        }
    }

    /// Adds the echoes of `sent` to `mix`; both are left and right.
    pub(crate) fn add(&mut self, sent: &[Vec<f32>; 2], mix: &mut [&mut [f32]; 2]) {
        for i in 0..sent[0].len() {
            let input = self.inlet.step(f64::from(0.5 * (sent[0][i] + sent[1][i]))) as f32;
            for c in 0..2 {
                let out = self.lines[c][self.at];
                self.low[c] += 0.5 * (out - self.low[c]);
                mix[c][i] += self.low[c];
            }
            self.lines[0][self.at] = input + self.feedback * self.low[1];
            self.lines[1][self.at] = self.feedback * self.low[0];
            self.at = if self.at + 1 == self.lines[0].len() { 0 } else { self.at + 1 };
        }
    }
}
