//! Levels by measurement: each layer alone, at its most energetic place, against its role's level.
//!
//! Loudness: ITU-R BS.1770-4 weighting and windows (3 s short-term, 400 ms momentary), ungated.

use dream_audio::filter::Biquad;
use dream_core::{ArrangementPlan, Role};

use super::layer::{BLOCK, Layer};
use super::role::is_gesture;
use super::schedule::Score;
use super::timeline::{RATE, Timeline};

/// Short-term loudness of the kick in the mix before mastering, LUFS.
pub(crate) const KICK_LUFS: f64 = -16.0;
/// Frames of a hop: 100 ms.
pub(crate) const HOP: usize = 4_410;
const SHORT_TERM: usize = 30;
const MOMENTARY: usize = 4;
/// A sparse layer counts by its moments, this much below them, lest single hits get very loud.
const SPARSE_LU: f64 = 4.0;
/// Longest lead of a hit, frames.
const LEAD: i64 = 88;

/// Weighted power of a signal per hop.
#[derive(Debug, Clone)]
pub(crate) struct Meter {
    filters: Vec<[Biquad; 2]>,
    sum: f64,
    filled: usize,
    /// Mean power of the channels' sum in each full hop.
    pub(crate) hops: Vec<f64>,
}

impl Meter {
    pub(crate) fn new(channels: usize) -> Self {
        let shelf = Biquad::high_shelf(1_500.0, 4.0, RATE.hz());
        let highpass = Biquad::highpass(38.135, 0.5003, RATE.hz());
        Self { filters: vec![[shelf, highpass]; channels], sum: 0.0, filled: 0, hops: Vec::new() }
    }

    /// Adds a block, `[channels][frames]`.
    pub(crate) fn add(&mut self, block: &[&[f32]]) {
        for i in 0..block[0].len() {
            for (channel, [shelf, highpass]) in block.iter().zip(&mut self.filters) {
                let x = highpass.step(shelf.step(f64::from(channel[i])));
                self.sum += x * x;
            }
            self.filled += 1;
            if self.filled == HOP {
                self.hops.push(self.sum / HOP as f64);
                (self.sum, self.filled) = (0.0, 0);
            }
        }
    }
}

/// Loudness of a power, LUFS.
pub(crate) fn lufs(power: f64) -> f64 {
    -0.691 + 10.0 * power.max(1e-12).log10()
}

/// The largest mean over windows of `len` hops, or over all of them where there are fewer.
fn loudest(hops: &[f64], len: usize) -> f64 {
    let len = len.min(hops.len()).max(1);
    let mean = |window: &[f64]| window.iter().sum::<f64>() / len as f64;
    hops.windows(len).map(mean).fold(0.0, f64::max)
}

/// The loudness that a layer should have, LUFS. Without a kick nothing hides the soft layers: levels lie nearer
/// together then.
pub(crate) fn wanted(score: &Score, plan: &ArrangementPlan) -> f64 {
    const MIDDLE_LU: f64 = -8.0;
    let beat = |role: Role| matches!(role, Role::Kick | Role::Break);
    let beaten = plan.structure.iter().flat_map(|s| &s.stem_queries).any(|q| beat(q.role));
    let share = if beaten { 1.0 } else { 0.75 };
    KICK_LUFS + MIDDLE_LU + share * (score.traits.level_lu - MIDDLE_LU) + score.gain_db
}

/// What a layer measures at unit gain, LUFS; `None` when it is silent where it should sound.
pub(crate) fn loudness(
    layer: &mut Layer<'_>,
    plan: &ArrangementPlan,
    time: &Timeline,
) -> Option<f64> {
    let (from, to) = place(layer, plan, time)?;
    layer.seek(from);
    let channels = layer.block.len();
    let mut meter = Meter::new(channels);
    let mut at = from;
    while at < to {
        let frames = (to - at).min(BLOCK as i64) as usize;
        layer.play_plain(at, frames);
        let silence = vec![0.0; frames];
        let block: Vec<&[f32]> = (0..channels)
            .map(|c| if layer.sounding { &layer.block[c][..frames] } else { &silence[..] })
            .collect();
        meter.add(&block);
        at += frames as i64;
    }
    if meter.filled > 0 {
        meter.hops.push(meter.sum / HOP as f64);
    }
    // A mono layer sounds on both sides.
    let sides = if channels == 1 { 2.0 } else { 1.0 };
    let loudness = lufs(sides * loudest(&meter.hops, SHORT_TERM))
        .max(lufs(sides * loudest(&meter.hops, MOMENTARY)) - SPARSE_LU);
    (loudness > -90.0).then_some(loudness)
}

/// Up to eight bars of the most energetic section in which the layer sounds: those with most events. Of a
/// gesture the eight bars that matter.
fn place(layer: &Layer<'_>, plan: &ArrangementPlan, time: &Timeline) -> Option<(i64, i64)> {
    let events = layer.events();
    if is_gesture(layer.score.part.role) {
        let longest = events.iter().max_by_key(|event| (event.len, -event.start))?;
        let room = longest.len.min(time.bar(8.0));
        let rising = matches!(layer.score.part.role, Role::Riser | Role::Reverse);
        let from = if rising { longest.end() - room } else { longest.start };
        return Some((from, from + room));
    }
    let windows = plan.structure.iter().enumerate().flat_map(|(index, section)| {
        (0..section.bars).step_by(8).map(move |bar| {
            // Hits begin with a short lead before their beat.
            let from = time.bar_in(index, f64::from(bar)) - LEAD;
            let to = time.bar_in(index, f64::from((bar + 8).min(section.bars))) - LEAD;
            (section.energy, from, to)
        })
    });
    windows
        .filter_map(|(energy, from, to)| {
            let first = events.partition_point(|event| event.start < from);
            let last = events.partition_point(|event| event.start < to);
            let held = events[..first].iter().any(|event| event.end() > from + time.length(2.0));
            let count = last - first;
            (count > 0 || held).then_some((energy, count, from, to))
        })
        .max_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)).then(b.2.cmp(&a.2)))
        .map(|(_, _, from, to)| (from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_scale_sine_at_1_khz_is_minus_3_lufs_on_one_side() {
        let sine: Vec<f32> = (0..HOP * 40)
            .map(|i| (std::f64::consts::TAU * 997.0 * i as f64 / RATE.hz()).sin() as f32)
            .collect();
        let mut meter = Meter::new(1);
        meter.add(&[&sine]);
        assert!((lufs(loudest(&meter.hops, SHORT_TERM)) + 3.01).abs() < 0.1);
    }
}
