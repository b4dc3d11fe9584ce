//! Sound under construction: one or two channels at 44.1 kHz, joined and shaped by value.
//!
//! A recipe reads like its formula: `body.env(..).drive(6.0) + click * 0.5`. Sounds of different lengths
//! add up to the longer one; mono plus stereo is stereo. Shape `[channels][frames]`.

use std::iter::Sum;
use std::ops::{Add, Mul};

use dream_core::SampleRate;

use super::curve::{db, sin32};
use crate::Clip;

/// Frames per second of everything in the kit.
pub(crate) const RATE: f64 = 44_100.0;

/// The number of frames nearest to a time.
pub(crate) fn frames(seconds: f64) -> usize {
    (seconds * RATE).round().max(0.0) as usize
}

/// The time of frame `i`.
#[inline]
pub(crate) fn time(i: usize) -> f32 {
    (i as f64 / RATE) as f32
}

/// One or two channels of equal length.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sound {
    channels: Vec<Vec<f32>>,
}

impl Sound {
    /// One channel.
    pub(crate) fn mono(samples: Vec<f32>) -> Self {
        Self { channels: vec![samples] }
    }

    /// Two channels of equal length.
    pub(crate) fn stereo(left: Vec<f32>, right: Vec<f32>) -> Self {
        assert_eq!(left.len(), right.len(), "channels differ in length");
        Self { channels: vec![left, right] }
    }

    /// Mono silence.
    pub(crate) fn silence(seconds: f64) -> Self {
        Self::mono(vec![0.0; frames(seconds)])
    }

    /// One channel from a function of time.
    pub(crate) fn of_time(seconds: f64, f: impl FnMut(f32) -> f32) -> Self {
        Self::mono((0..frames(seconds)).map(time).map(f).collect())
    }

    /// Left and right from two mono sounds of equal length.
    pub(crate) fn pair(left: Self, right: Self) -> Self {
        Self { channels: [left.channels, right.channels].concat() }
    }

    /// Length in frames.
    pub(crate) fn len(&self) -> usize {
        self.channels[0].len()
    }

    /// Length in seconds.
    pub(crate) fn seconds(&self) -> f64 {
        self.len() as f64 / RATE
    }

    /// Whether it has two channels.
    pub(crate) fn is_stereo(&self) -> bool {
        self.channels.len() == 2
    }

    /// The samples of channel `c`.
    pub(crate) fn channel(&self, c: usize) -> &[f32] {
        &self.channels[c]
    }

    /// The channels, one after the other.
    pub(crate) fn channels(&self) -> impl Iterator<Item = &[f32]> {
        self.channels.iter().map(Vec::as_slice)
    }

    /// The channels, to be changed.
    pub(crate) fn channels_mut(&mut self) -> Vec<&mut [f32]> {
        self.channels.iter_mut().map(Vec::as_mut_slice).collect()
    }

    /// Changes every channel by the same function.
    pub(crate) fn each(mut self, mut f: impl FnMut(&mut Vec<f32>)) -> Self {
        self.channels.iter_mut().for_each(&mut f);
        self
    }

    /// Changes every sample by the same function.
    pub(crate) fn map(self, f: impl Fn(f32) -> f32) -> Self {
        self.each(|samples| {
            for x in samples {
                *x = f(*x);
            }
        })
    }

    /// Multiplies by a function of time.
    pub(crate) fn env(self, f: impl Fn(f32) -> f32) -> Self {
        self.each(|samples| {
            for (i, sample) in samples.iter_mut().enumerate() {
                *sample *= f(time(i));
            }
        })
    }

    /// The same mono signal on both sides; stereo stays.
    pub(crate) fn into_stereo(mut self) -> Self {
        if !self.is_stereo() {
            self.channels.push(self.channels[0].clone());
        }
        self
    }

    /// The mean of the channels.
    pub(crate) fn into_mono(mut self) -> Self {
        if let Some(right) = (self.channels.len() == 2).then(|| self.channels.remove(1)) {
            for (left, right) in self.channels[0].iter_mut().zip(right) {
                *left = 0.5 * (*left + right);
            }
        }
        self
    }

    /// A mono sound placed at -1 left to 1 right with constant power; the middle keeps its level.
    pub(crate) fn pan(mut self, position: f32) -> Self {
        let turn = (position + 1.0) / 8.0;
        let root2 = std::f32::consts::SQRT_2;
        let left = self.channels.swap_remove(0);
        let right = left.iter().map(|x| x * root2 * sin32(turn)).collect();
        Self::stereo(left.iter().map(|x| x * root2 * sin32(turn + 0.25)).collect(), right)
    }

    /// Starts later by `seconds`.
    pub(crate) fn delayed(self, seconds: f64) -> Self {
        let gap = frames(seconds);
        self.each(|samples| {
            samples.splice(0..0, std::iter::repeat_n(0.0, gap));
        })
    }

    /// At most the first `seconds`.
    pub(crate) fn first(self, seconds: f64) -> Self {
        self.each(|samples| samples.truncate(frames(seconds)))
    }

    /// The frames `start..end`.
    pub(crate) fn slice(&self, start: usize, end: usize) -> Self {
        Self { channels: self.channels.iter().map(|c| c[start..end].to_vec()).collect() }
    }

    /// Backwards.
    pub(crate) fn reversed(self) -> Self {
        self.each(|samples| samples.reverse())
    }

    /// The largest absolute sample.
    pub(crate) fn peak(&self) -> f32 {
        self.channels.iter().flatten().fold(0.0, |peak, x| peak.max(x.abs()))
    }

    /// Mean square of all samples.
    pub(crate) fn power(&self) -> f64 {
        let sum: f64 = self.channels.iter().flatten().map(|&x| f64::from(x) * f64::from(x)).sum();
        sum / (self.len() * self.channels.len()).max(1) as f64
    }

    /// Scaled so that the peak is at `level` dBFS; silence stays.
    pub(crate) fn norm(self, level: f64) -> Self {
        let peak = self.peak();
        if peak > 0.0 { self * (db(level) / peak) } else { self }
    }

    /// Raised-cosine fades at both ends.
    pub(crate) fn fades(self, fade_in: f64, fade_out: f64) -> Self {
        let (a, b) = (frames(fade_in).max(1), frames(fade_out).max(1));
        let rise = |k: usize, n: usize| 0.5 - 0.5 * sin32(0.5 * k as f32 / n as f32 + 0.25);
        self.each(|samples| {
            for (k, sample) in samples.iter_mut().take(a).enumerate() {
                *sample *= rise(k, a);
            }
            for (k, sample) in samples.iter_mut().rev().take(b).enumerate() {
                *sample *= rise(k, b);
            }
        })
    }

    /// A clip at the library's rate.
    pub(crate) fn into_clip(self) -> Clip {
        let parts: Vec<&[f32]> = self.channels().collect();
        Clip::new(SampleRate::LIBRARY, &parts)
    }
}

impl Add for Sound {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        let (long, short) = if self.len() >= other.len() { (self, other) } else { (other, self) };
        let (mut sum, short) = if long.is_stereo() || short.is_stereo() {
            (long.into_stereo(), short.into_stereo())
        } else {
            (long, short)
        };
        for (sum, part) in sum.channels.iter_mut().zip(short.channels) {
            for (sum, part) in sum.iter_mut().zip(part) {
                *sum += part;
            }
        }
        sum
    }
}

impl Mul<f32> for Sound {
    type Output = Self;
    fn mul(self, gain: f32) -> Self {
        self.map(|x| gain * x)
    }
}

/// Sample by sample, cut to the shorter: ring modulation, and envelopes that are signals. A mono factor
/// applies to both channels.
impl Mul<&Sound> for Sound {
    type Output = Self;
    fn mul(mut self, factor: &Sound) -> Self {
        for (c, samples) in self.channels.iter_mut().enumerate() {
            let factor = &factor.channels[c.min(factor.channels.len() - 1)];
            samples.truncate(factor.len());
            for (x, factor) in samples.iter_mut().zip(factor) {
                *x *= factor;
            }
        }
        self
    }
}

impl Sum for Sound {
    fn sum<I: Iterator<Item = Self>>(sounds: I) -> Self {
        sounds.reduce(Add::add).unwrap_or_else(|| Self::mono(Vec::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sounds_add_up_to_the_longer_and_the_wider() {
        let sum = Sound::mono(vec![1.0, 2.0, 3.0]) + Sound::stereo(vec![1.0], vec![0.5]);
        assert_eq!(sum.channel(0), [2.0, 2.0, 3.0]);
        assert_eq!(sum.channel(1), [1.5, 2.0, 3.0]);
    }

    #[test]
    fn panning_keeps_the_power() {
        for position in [-0.8, 0.0, 0.4] {
            let sound = Sound::mono(vec![1.0; 10]).pan(position);
            assert!((sound.power() - 1.0).abs() < 1e-5);
        }
    }

    #[test]
    fn fades_reach_zero_at_both_ends_and_leave_the_middle() {
        let sound = Sound::mono(vec![1.0; 4410]).fades(0.01, 0.01);
        assert!(sound.channel(0)[0].abs() < 1e-6 && sound.channel(0)[4409].abs() < 1e-6);
        assert_eq!(sound.channel(0)[2000].to_bits(), 1.0_f32.to_bits());
    }
}
