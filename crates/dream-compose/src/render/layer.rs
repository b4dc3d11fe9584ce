//! A layer while it sounds: its events through filters, level, ducking and pan, block by block.
//!
//! Moves are evaluated every [`STEP`] frames and interpolated; filters are retuned at the same steps and
//! left out while they are open. A layer whose sources are all mono runs on one channel up to its pan.

use std::f32::consts::FRAC_PI_4;

use dream_audio::filter::Biquad;

use super::event::{Event, Voice};
use super::motion::{DEEP_HZ, OPEN_HZ};
use super::schedule::Score;
use super::timeline::RATE;

/// Frames of a block.
pub(crate) const BLOCK: usize = 8_192;
/// Frames between two evaluations of the moves.
pub(crate) const STEP: usize = 64;
/// Share of the distance that a filter's cut-off covers in a step: a time constant of 5 ms.
const GLIDE: f32 = 0.25;

/// A score that is being played.
#[derive(Debug)]
pub(crate) struct Layer<'a> {
    pub(crate) score: &'a Score,
    /// Depth of the ducking as a linear gain at its deepest; 1 for none.
    pub(crate) ducked: f32,
    /// Gain that brings the layer to its level, linear.
    pub(crate) level: f32,
    /// The block, one or two channels; valid while `sounding`.
    pub(crate) block: Vec<Vec<f32>>,
    pub(crate) sounding: bool,
    /// Left and right gain and send factor at each step of the block and at its end.
    pub(crate) steps: Vec<Step>,
    next: usize,
    voices: Vec<Voice>,
    lowpass: Sweep,
    highpass: Sweep,
    gain_db: f32,
    idle: usize,
}

/// What the mix needs to know at one moment.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Step {
    pub(crate) pan: [f32; 2],
    pub(crate) send: f32,
    gain: f32,
}

impl<'a> Layer<'a> {
    pub(crate) fn new(score: &'a Score) -> Self {
        let stereo = score.sources.iter().any(|source| source.channels.len() == 2);
        Self {
            score,
            ducked: 1.0,
            level: 1.0,
            block: vec![Vec::new(); if stereo { 2 } else { 1 }],
            sounding: false,
            steps: Vec::new(),
            next: 0,
            voices: Vec::new(),
            lowpass: Sweep::new(OPEN_HZ.ln(), Biquad::lowpass),
            highpass: Sweep::new(DEEP_HZ.ln(), Biquad::highpass),
            gain_db: score.motion.gain_db.at(0),
            idle: usize::MAX,
        }
    }

    /// Moves to `frame`: what started before and still sounds goes on.
    pub(crate) fn seek(&mut self, frame: i64) {
        let events = &self.score.events;
        self.next = events.partition_point(|event| event.start < frame);
        let before = events[..self.next].iter().filter(|event| event.end() > frame);
        self.voices = before.map(|event| Voice::new(*event)).collect();
        self.gain_db = self.score.motion.gain_db.at(frame);
    }

    /// Renders the block that starts at frame `at`; `duck` is 0 at rest and 1 under a full kick.
    pub(crate) fn play(&mut self, at: i64, duck: &[f32]) {
        self.sum_events(at, duck.len());
        if !self.sounding {
            return;
        }
        self.filter(at);
        self.set_steps(at, duck.len());
        let dip = 1.0 - self.ducked;
        for channel in &mut self.block {
            for (k, (piece, duck)) in channel.chunks_mut(STEP).zip(duck.chunks(STEP)).enumerate() {
                let (from, to) = (self.steps[k].gain, self.steps[k + 1].gain);
                let slope = (to - from) / STEP as f32;
                for (i, (x, duck)) in piece.iter_mut().zip(duck).enumerate() {
                    *x *= (from + slope * i as f32) * (1.0 - dip * duck);
                }
            }
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
        // Filters ring on for a moment after the last event.
        self.idle = if self.voices.is_empty() { self.idle.saturating_add(1) } else { 0 };
        self.sounding = self.idle < 2;
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

    fn set_steps(&mut self, at: i64, frames: usize) {
        let motion = &self.score.motion;
        self.steps.clear();
        for k in 0..=frames.div_ceil(STEP) {
            let frame = at + (k * STEP) as i64;
            // The first value repeats the last one of the block before: no glide.
            if k > 0 {
                self.gain_db += GLIDE * (motion.gain_db.at(frame) - self.gain_db);
            }
            let decibels = 10.0_f32.powf(self.gain_db / 20.0);
            let gain = self.level * decibels * motion.fade.at(frame) * motion.gate.at(frame);
            let pan = pan(motion.pan.at(frame));
            self.steps.push(Step { pan, send: motion.send.at(frame), gain });
        }
    }

    /// The events of the layer, for those who look at when it plays.
    pub(crate) fn events(&self) -> &'a [Event] {
        &self.score.events
    }
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

    /// Filters the block; `target` gives the logarithm of the cut-off at each step.
    fn run(&mut self, block: &mut [Vec<f32>], target: impl Fn(usize) -> f32) {
        let frames = block[0].len();
        for (k, start) in (0..frames).step_by(STEP).enumerate() {
            let target = target(k);
            let away = target - self.log_hz;
            if away.abs() > 1e-4 {
                self.log_hz += GLIDE * away;
            } else if (target - self.neutral).abs() < 1e-4 {
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
