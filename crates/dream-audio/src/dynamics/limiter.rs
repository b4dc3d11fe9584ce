//! Look-ahead true-peak limiter.
//!
//! Method: every interval between two samples gets the gain that brings its true peak to the ceiling (four times
//! oversampled, a parabola through the three highest values); a sliding minimum holds that gain for the look-ahead;
//! a release in two speeds lets it rise; two moving averages over the look-ahead smooth it. Averages of values
//! that are low enough are low enough, so the gain has arrived, without a corner, when the peak does.
//! Release: a slow follower remembers how much reduction has been usual. The gain returns to that quickly and from
//! there slowly: short peaks leave no hole, dense material does not pump.
//! The minimum is that of D. Lemire, "Streaming Maximum-Minimum Filter", Nordic Journal of Computing 13, 2006.

use std::collections::VecDeque;

use dream_core::{Db, Frames};

use super::{Reduction, one_pole};
use crate::Clip;
use crate::oversample::{FACTOR, Oversampler, TAPS};

/// How a signal is limited.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LimiterSpec {
    /// Highest true peak of the output, in dBTP.
    pub ceiling: Db,
    /// Time over which the gain moves before a peak, in seconds.
    pub lookahead_s: f64,
    /// Time in which the gain recovers 63 % after a single peak, in seconds.
    pub release_s: f64,
}

impl Default for LimiterSpec {
    /// -1 dBTP, 3 ms of look-ahead, 40 ms of release.
    fn default() -> Self {
        Self { ceiling: Db(-1.0), lookahead_s: 0.003, release_s: 0.04 }
    }
}

/// Room for what the gain's movement and another meter's kernel add between samples, in dB.
const MARGIN_DB: f32 = 0.06;
/// Frames around a peak that get its gain as well: the kernel of a meter reaches over them.
const GUARD: usize = 8;
/// Frames processed at once.
const BLOCK: usize = 512;
/// Frames after the middle of the kernel; one more for the neighbours of a peak.
const REACH: usize = TAPS / 2 + 1;

/// A limiter with its state.
#[derive(Debug, Clone)]
pub struct Limiter {
    ceiling: f32,
    oversampler: Oversampler,
    latency: usize,
    /// Per channel: the last `latency` frames, in order.
    past: Vec<Vec<f32>>,
    hold: SlidingMinimum,
    release: Release,
    smooth: [MovingAverage; 2],
    reduction: Reduction,
}

impl Limiter {
    /// A limiter at rest for `channels` channels at `rate` Hz.
    pub fn new(spec: &LimiterSpec, channels: usize, rate: f64) -> Self {
        let half = ((spec.lookahead_s * rate / 2.0).round() as usize).max(1);
        let latency = REACH + GUARD + 2 * (half - 1);
        Self {
            ceiling: Db(spec.ceiling.0 - MARGIN_DB).gain(),
            oversampler: Oversampler::new(),
            latency,
            past: vec![vec![0.0; latency + REACH]; channels],
            hold: SlidingMinimum::new(2 * half - 1 + 2 * GUARD),
            release: Release::new(spec.release_s, rate),
            smooth: [MovingAverage::new(half), MovingAverage::new(half)],
            reduction: Reduction::new(),
        }
    }

    /// Frames between input and output.
    pub fn latency(&self) -> Frames {
        Frames(self.latency as u64)
    }

    /// The gains so far.
    pub fn reduction(&self) -> &Reduction {
        &self.reduction
    }

    /// Limits a block in place; what comes out is `latency` frames old.
    pub fn run(&mut self, channels: &mut [&mut [f32]]) {
        let frames = channels.first().map_or(0, |channel| channel.len());
        for start in (0..frames).step_by(BLOCK) {
            let end = frames.min(start + BLOCK);
            let mut block: Vec<&mut [f32]> =
                channels.iter_mut().map(|channel| &mut channel[start..end]).collect();
            self.block(&mut block);
        }
    }

    /// The last `latency` frames, `[channels][frames]`; the limiter is at rest after that.
    pub fn flush(&mut self) -> Vec<Vec<f32>> {
        let mut tail = vec![vec![0.0; self.latency]; self.past.len()];
        let mut channels: Vec<&mut [f32]> = tail.iter_mut().map(Vec::as_mut_slice).collect();
        self.run(&mut channels);
        tail
    }

    fn block(&mut self, channels: &mut [&mut [f32]]) {
        let frames = channels[0].len();
        for (past, channel) in self.past.iter_mut().zip(channels.iter()) {
            past.extend_from_slice(channel);
        }
        self.reduction.pass(frames);
        let mut gains = [0.0; BLOCK];
        let mut peaks = [0.0; BLOCK];
        for past in &self.past {
            // The newest interval that can be judged ends REACH frames before the newest sample.
            let window = &past[past.len() - frames - TAPS - 2..];
            peaks_between(&self.oversampler, window, self.ceiling, &mut peaks[..frames]);
        }
        for (gain, peak) in gains.iter_mut().zip(&peaks[..frames]) {
            let wanted = if *peak > self.ceiling { self.ceiling / peak } else { 1.0 };
            let held = self.hold.step(wanted);
            let released = self.release.step(held);
            let [first, second] = &mut self.smooth;
            let smooth = second.step(first.step(released)).min(1.0);
            if smooth < 1.0 {
                self.reduction.take(smooth);
            }
            *gain = smooth;
        }
        for (past, channel) in self.past.iter_mut().zip(channels) {
            let delayed = &past[REACH..REACH + frames];
            for ((out, sample), gain) in channel.iter_mut().zip(delayed).zip(&gains) {
                *out = sample * gain;
            }
            past.drain(..frames);
        }
    }
}

/// Raises `peaks[i]` to the true peak of the `i`th interval. `samples` holds `TAPS + 2` more than the intervals; the
/// first interval starts at sample `TAPS / 2`.
fn peaks_between(oversampler: &Oversampler, samples: &[f32], ceiling: f32, peaks: &mut [f32]) {
    let count = peaks.len() + 2;
    let mut values = [[0.0_f32; BLOCK + 2]; FACTOR - 1];
    let out = values.each_mut().map(|values| &mut values[..count]);
    oversampler.between(&samples[..count + TAPS - 1], out);
    // Interval i lies after samples[i + TAPS / 2] and has the values [i + 1].
    let samples = &samples[TAPS / 2 - 1..];
    let at = |i: usize, phase: usize| if phase == 0 { samples[i] } else { values[phase - 1][i] };
    for i in 0..peaks.len() {
        let [a, b, c] = [&values[0], &values[1], &values[2]].map(|values| values[i + 1].abs());
        let highest = a.max(b).max(c).max(samples[i + 1].abs()).max(samples[i + 2].abs());
        // At 22 kHz the values miss the peak by up to 0.7 dB; below that none can exceed the ceiling.
        if highest > 0.9 * ceiling {
            let value = |k: usize| at(i + (k + 3) / FACTOR, (k + 3) % FACTOR);
            let crest = (1..=5)
                .map(|k| parabola(value(k - 1), value(k), value(k + 1)))
                .fold(highest, f32::max);
            peaks[i] = peaks[i].max(crest);
        }
    }
}

/// The height of the parabola through three values if the middle one is the highest, else 0.
fn parabola(before: f32, middle: f32, after: f32) -> f32 {
    let level = middle.abs();
    let (before, after) = (before * middle.signum(), after * middle.signum());
    let bend = 2.0 * level - before - after;
    if level < before || level < after || bend <= 0.0 {
        return 0.0;
    }
    level + (after - before).powi(2) / (8.0 * bend)
}

#[derive(Debug, Clone)]
struct SlidingMinimum {
    window: u64,
    now: u64,
    /// Ascending candidates with the time they arrived.
    rising: VecDeque<(u64, f32)>,
}

impl SlidingMinimum {
    fn new(window: usize) -> Self {
        Self { window: window as u64, now: 0, rising: VecDeque::with_capacity(window + 1) }
    }

    fn step(&mut self, value: f32) -> f32 {
        while self.rising.back().is_some_and(|(_, last)| *last >= value) {
            self.rising.pop_back();
        }
        self.rising.push_back((self.now, value));
        if self.rising[0].0 + self.window <= self.now {
            self.rising.pop_front();
        }
        self.now += 1;
        self.rising[0].1
    }
}

#[derive(Debug, Clone)]
struct Release {
    quick: f32,
    slow: f32,
    usual_down: f32,
    usual_up: f32,
    gain: f32,
    usual: f32,
}

impl Release {
    fn new(release_s: f64, rate: f64) -> Self {
        Self {
            quick: one_pole(release_s, rate),
            slow: one_pole(12.0 * release_s, rate),
            usual_down: one_pole(3.0 * release_s, rate),
            usual_up: one_pole(20.0 * release_s, rate),
            gain: 1.0,
            usual: 1.0,
        }
    }

    /// Follows `held` downwards at once and upwards in time; never above it.
    fn step(&mut self, held: f32) -> f32 {
        let factor = if held < self.usual { self.usual_down } else { self.usual_up };
        self.usual += factor * (held - self.usual);
        let rise = self.quick * (self.usual - self.gain).max(0.0) + self.slow * (1.0 - self.gain);
        self.gain = (self.gain + rise).min(held);
        self.gain
    }
}

#[derive(Debug, Clone)]
struct MovingAverage {
    ring: Vec<f32>,
    next: usize,
    sum: f64,
}

impl MovingAverage {
    fn new(window: usize) -> Self {
        Self { ring: vec![1.0; window], next: 0, sum: window as f64 }
    }

    fn step(&mut self, value: f32) -> f32 {
        self.sum += f64::from(value) - f64::from(self.ring[self.next]);
        self.ring[self.next] = value;
        self.next = if self.next + 1 == self.ring.len() { 0 } else { self.next + 1 };
        (self.sum / self.ring.len() as f64) as f32
    }
}

/// Limits a whole clip in place, without delay; returns the gains.
pub fn limit(clip: &mut Clip, spec: &LimiterSpec) -> Reduction {
    let (frames, channels) = (clip.len(), clip.channels());
    let mut limiter = Limiter::new(spec, channels, clip.rate().hz());
    let latency = limiter.latency;
    let mut block = vec![[0.0; BLOCK]; channels];
    for start in (0..frames + latency).step_by(BLOCK) {
        let count = BLOCK.min(frames + latency - start);
        for (c, block) in block.iter_mut().enumerate() {
            let input = &clip.channel(c)[start.min(frames)..frames.min(start + count)];
            block[..input.len()].copy_from_slice(input);
            block[input.len()..].fill(0.0);
        }
        let mut views: Vec<&mut [f32]> =
            block.iter_mut().map(|block| &mut block[..count]).collect();
        limiter.block(&mut views);
        // Output frame i is input frame i - latency, which has been read already.
        let skip = latency.saturating_sub(start).min(count);
        let to = start + skip - latency.min(start + skip);
        for (c, block) in block.iter().enumerate() {
            clip.channel_mut(c)[to..to + count - skip].copy_from_slice(&block[skip..count]);
        }
    }
    limiter.reduction
}

#[cfg(test)]
mod tests;
