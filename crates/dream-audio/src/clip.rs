//! Audio in memory.

use dream_core::{Frames, SampleRate};

/// Audio in memory: planar `f32` samples, shape `[channels, frames]`, contiguous. Full scale is -1 to 1;
/// headroom above it is allowed.
#[derive(Debug, Clone, PartialEq)]
pub struct Clip {
    rate: SampleRate,
    channels: usize,
    samples: Vec<f32>,
}

impl Clip {
    /// A clip of the given channels, which must all have the same length.
    ///
    /// # Panics
    /// Without a channel or with channels of different lengths.
    pub fn new(rate: SampleRate, channels: &[&[f32]]) -> Self {
        assert!(!channels.is_empty(), "a clip has at least one channel");
        assert!(channels.iter().all(|c| c.len() == channels[0].len()), "channels differ in length");
        Self { rate, channels: channels.len(), samples: channels.concat() }
    }

    /// A clip of one channel.
    pub fn mono(rate: SampleRate, samples: Vec<f32>) -> Self {
        Self { rate, channels: 1, samples }
    }

    /// A clip of silence.
    pub fn silence(rate: SampleRate, channels: usize, frames: Frames) -> Self {
        assert!(channels > 0, "a clip has at least one channel");
        Self { rate, channels, samples: vec![0.0; channels * frames.index()] }
    }

    /// Frames per second.
    pub fn rate(&self) -> SampleRate {
        self.rate
    }

    /// Number of channels.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Length in frames.
    pub fn frames(&self) -> Frames {
        Frames(self.len() as u64)
    }

    /// Length in frames as an index.
    pub fn len(&self) -> usize {
        self.samples.len() / self.channels
    }

    /// Whether it holds no frame.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// Length in seconds.
    pub fn seconds(&self) -> f64 {
        self.frames().seconds(self.rate)
    }

    /// All samples, `[channels, frames]`.
    pub fn samples(&self) -> &[f32] {
        &self.samples
    }

    /// All samples, `[channels, frames]`.
    pub fn samples_mut(&mut self) -> &mut [f32] {
        &mut self.samples
    }

    /// The samples of channel `c`.
    pub fn channel(&self, c: usize) -> &[f32] {
        let frames = self.len();
        &self.samples[c * frames..(c + 1) * frames]
    }

    /// The samples of channel `c`.
    pub fn channel_mut(&mut self, c: usize) -> &mut [f32] {
        let frames = self.len();
        &mut self.samples[c * frames..(c + 1) * frames]
    }

    /// The channels in order.
    pub fn iter_channels(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        (0..self.channels).map(|c| self.channel(c))
    }

    /// Left and right: a mono clip gives its channel twice, more channels their first two.
    pub fn stereo(&self) -> [&[f32]; 2] {
        [self.channel(0), self.channel(usize::from(self.channels > 1))]
    }

    /// The mean of all channels.
    pub fn to_mono(&self) -> Vec<f32> {
        if self.channels == 1 {
            return self.samples.clone();
        }
        let scale = 1.0 / self.channels as f32;
        (0..self.len())
            .map(|i| self.iter_channels().map(|channel| channel[i]).sum::<f32>() * scale)
            .collect()
    }

    /// The frames from `start` to `end`, cut to the clip's length.
    #[must_use]
    pub fn slice(&self, start: Frames, end: Frames) -> Self {
        let end = end.index().min(self.len());
        let start = start.index().min(end);
        let parts: Vec<&[f32]> = self.iter_channels().map(|channel| &channel[start..end]).collect();
        Self::new(self.rate, &parts)
    }

    /// The largest absolute sample.
    pub fn peak(&self) -> f32 {
        self.samples.iter().fold(0.0, |peak, sample| peak.max(sample.abs()))
    }

    /// Multiplies every sample.
    pub fn scale(&mut self, gain: f32) {
        for sample in &mut self.samples {
            *sample *= gain;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: SampleRate = SampleRate::LIBRARY;

    #[test]
    fn channels_lie_one_after_the_other() {
        let clip = Clip::new(RATE, &[&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]]);
        assert_eq!(clip.samples(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(clip.channel(1), [4.0, 5.0, 6.0]);
        assert_eq!(clip.to_mono(), [2.5, 3.5, 4.5]);
        assert_eq!(clip.slice(Frames(1), Frames(9)).samples(), [2.0, 3.0, 5.0, 6.0]);
    }

    #[test]
    fn a_mono_clip_plays_on_both_sides() {
        let clip = Clip::mono(RATE, vec![1.0, -2.0]);
        assert_eq!(clip.stereo(), [[1.0, -2.0], [1.0, -2.0]]);
        assert_eq!(clip.peak().to_bits(), 2.0_f32.to_bits());
    }
}
