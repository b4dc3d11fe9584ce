//! A layer while it sounds: its events through filters, level, fades and pan, block by block.
//!
//! Moves are evaluated every [`STEP`] frames and interpolated; filters are retuned at the same steps and
//! left out while they are open. A layer whose sources are all mono runs on one channel up to its pan.
//! No block reaches over the line of a section, and a layer that does not run across a line starts anew on
//! it, so that what sounds before and after a section does not depend on it.

use std::f32::consts::FRAC_PI_4;

use dream_audio::filter::Biquad;

use super::event::{Event, Voice};
use super::motion::{DEEP_HZ, OPEN_HZ};
use super::schedule::Score;
use super::timeline::RATE;

/// Most frames of a block.
pub(crate) const BLOCK: usize = 8_192;
/// Frames between two evaluations of the moves.
pub(crate) const STEP: usize = 64;
/// Share of the distance that a filter's cut-off covers in a step: a time constant of 5 ms.
const GLIDE: f32 = 0.25;
/// Frames for which filters ring on after the last event.
const RING: usize = 8_192;

/// A score that is being played.
#[derive(Debug)]
pub(crate) struct Layer<'a> {
    pub(crate) score: &'a Score,
    /// Gain that brings the layer to its level, linear.
    pub(crate) level: f32,
    /// The block before pan, one or two channels; valid while `sounding`.
    pub(crate) block: Vec<Vec<f32>>,
    pub(crate) sounding: bool,
    /// Largest absolute sample played so far.
    pub(crate) peak: f32,
    next: usize,
    voices: Vec<Voice>,
    lowpass: Sweep,
    highpass: Sweep,
    gain_db: f32,
    idle: usize,
}

/// What a layer gives to the mix in one block.
#[derive(Debug, Clone, Default)]
pub(crate) struct Strip {
    /// Left and right; valid while `sounding`.
    pub(crate) sides: [Vec<f32>; 2],
    /// Factor of the sends at each step.
    pub(crate) send: Vec<f32>,
    pub(crate) sounding: bool,
}

impl<'a> Layer<'a> {
    pub(crate) fn new(score: &'a Score) -> Self {
        let stereo = score.sources.iter().any(|source| source.channels.len() == 2);
        Self {
            score,
            level: 1.0,
            block: vec![Vec::new(); if stereo { 2 } else { 1 }],
            sounding: false,
            peak: 0.0,
            next: 0,
            voices: Vec::new(),
            lowpass: Sweep::new(OPEN_HZ.ln(), Biquad::lowpass),
            highpass: Sweep::new(DEEP_HZ.ln(), Biquad::highpass),
            gain_db: score.motion.gain_db.at(0),
            idle: RING,
        }
    }

    /// Moves to `frame`: what started before and still sounds goes on.
    pub(crate) fn seek(&mut self, frame: i64) {
        let events = &self.score.events;
        self.next = events.partition_point(|event| event.start < frame);
        let before = events[..self.next].iter().filter(|event| event.end() > frame);
        self.voices = before.map(|event| Voice::new(*event)).collect();
        self.restart(frame);
    }

    /// Forgets filters and levels.
    fn restart(&mut self, frame: i64) {
        let motion = &self.score.motion;
        self.gain_db = motion.gain_db.at(frame);
        self.lowpass.restart(motion.lowpass.at(frame));
        self.highpass.restart(motion.highpass.at(frame));
        self.idle = RING;
    }

    /// Renders the block that starts at frame `at` and does not reach over the line of a section.
    pub(crate) fn play(&mut self, at: i64, frames: usize, out: &mut Strip) {
        if self.score.motion.lines.binary_search(&at).is_ok() {
            self.restart(at);
        }
        self.sum_events(at, frames);
        out.sounding = self.sounding;
        if !self.sounding {
            return;
        }
        self.filter(at);
        let steps = self.steps(at, frames);
        out.send.clear();
        out.send.extend(steps.iter().map(|step| step.send));
        for (c, side) in out.sides.iter_mut().enumerate() {
            let block = &self.block[c.min(self.block.len() - 1)];
            side.resize(frames, 0.0);
            for (k, (side, piece)) in side.chunks_mut(STEP).zip(block.chunks(STEP)).enumerate() {
                let (from, to) = (steps[k].gain[c], steps[k + 1].gain[c]);
                let slope = (to - from) / piece.len() as f32;
                for (i, (y, x)) in side.iter_mut().zip(piece).enumerate() {
                    *y = x * (from + slope * i as f32);
                }
            }
            self.peak = side.iter().fold(self.peak, |peak, x| peak.max(x.abs()));
        }
    }

    /// Renders the events alone, without moves: for measuring.
    pub(crate) fn play_plain(&mut self, at: i64, frames: usize) {
        self.sum_events(at, frames);
    }

    fn sum_events(&mut self, at: i64, frames: usize) {
        let end = at + frames as i64;
        let events = &self.score.events;
        while self.next < events.len() && events[self.next].start < end {
            self.voices.push(Voice::new(events[self.next]));
            self.next += 1;
        }
        self.sounding = !self.voices.is_empty() || self.idle < RING;
        self.idle = if self.voices.is_empty() { self.idle.saturating_add(frames) } else { 0 };
        if !self.sounding {
            return;
        }
        for channel in &mut self.block {
            channel.clear();
            channel.resize(frames, 0.0);
        }
        for voice in &mut self.voices {
            voice.mix(&self.score.sources[voice.event.source], at, &mut self.block);
        }
        self.voices.retain(|voice| voice.event.end() > end);
    }

    fn filter(&mut self, at: i64) {
        let motion = &self.score.motion;
        for (sweep, curve) in
            [(&mut self.lowpass, &motion.lowpass), (&mut self.highpass, &motion.highpass)]
        {
            if !curve.is_neutral() {
                sweep.run(&mut self.block, |k| curve.at(at + (k * STEP) as i64));
            }
        }
    }

    /// What the mix needs to know at each step of the block and at its end.
    fn steps(&mut self, at: i64, frames: usize) -> Vec<Step> {
        let motion = &self.score.motion;
        let last = at + frames as i64 - 1;
        let of = |k: usize| {
            let frame = (at + (k * STEP) as i64).min(last);
            // The first value repeats the last one of the block before: no glide.
            if k > 0 {
                self.gain_db = glide(self.gain_db, motion.gain_db.at(frame));
            }
            let decibels = 10.0_f32.powf(self.gain_db / 20.0);
            let moves = motion.fade.at(frame) * motion.gate.at(frame) * motion.ends.at(frame);
            let gain = self.level * decibels * moves;
            let send = motion.send.at(frame);
            Step { gain: pan(motion.pan.at(frame)).map(|side| gain * side), send }
        };
        (0..=frames.div_ceil(STEP)).map(of).collect()
    }

    /// The events of the layer, for those who look at when it plays.
    pub(crate) fn events(&self) -> &'a [Event] {
        &self.score.events
    }
}

/// Gains of both sides and factor of the sends at one moment.
#[derive(Debug, Clone, Copy)]
struct Step {
    gain: [f32; 2],
    send: f32,
}

/// A step towards the target, and at the end exactly there: the past leaves no trace.
fn glide(value: f32, target: f32) -> f32 {
    let away = target - value;
    if away.abs() < 1e-3 { target } else { value + GLIDE * away }
}

/// Gains of left and right of equal power, 1 in the middle.
pub(crate) fn pan(position: f32) -> [f32; 2] {
    let angle = (position.clamp(-1.0, 1.0) + 1.0) * FRAC_PI_4;
    [std::f32::consts::SQRT_2 * angle.cos(), std::f32::consts::SQRT_2 * angle.sin()]
}

/// A second-order filter whose cut-off moves.
#[derive(Debug)]
struct Sweep {
    filters: [Biquad; 2],
    log_hz: f32,
    neutral: f32,
    make: fn(f64, f64, f64) -> Biquad,
}

impl Sweep {
    const Q: f64 = 0.8;

    fn new(neutral: f32, make: fn(f64, f64, f64) -> Biquad) -> Self {
        let filter = make(f64::from(neutral.exp()), Self::Q, RATE.hz());
        Self { filters: [filter; 2], log_hz: neutral, neutral, make }
    }

    fn restart(&mut self, log_hz: f32) {
        *self = Self { log_hz, ..Self::new(self.neutral, self.make) };
    }

    /// Filters the block; `target` gives the logarithm of the cut-off at each step.
    fn run(&mut self, block: &mut [Vec<f32>], target: impl Fn(usize) -> f32) {
        let frames = block[0].len();
        for (k, start) in (0..frames).step_by(STEP).enumerate() {
            let target = target(k);
            let there = (target - self.log_hz).abs() < 1e-6;
            self.log_hz = glide(self.log_hz, target);
            if there && (target - self.neutral).abs() < 1e-6 {
                continue;
            }
            let tuned = (self.make)(f64::from(self.log_hz.exp()), Self::Q, RATE.hz());
            let end = (start + STEP).min(frames);
            for (channel, filter) in block.iter_mut().zip(&mut self.filters) {
                filter.retune(&tuned);
                for x in &mut channel[start..end] {
                    *x = filter.step(f64::from(*x)) as f32;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pan_keeps_the_power() {
        for position in [-1.0, -0.4, 0.0, 0.3, 1.0_f32] {
            let [left, right] = pan(position);
            assert!((left * left + right * right - 2.0).abs() < 1e-5);
        }
        assert!((pan(0.0)[0] - 1.0).abs() < 1e-6);
        assert!(pan(1.0)[0].abs() < 1e-6);
    }
}
