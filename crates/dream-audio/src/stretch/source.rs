//! What a stretch reads: a clip with room around it.

use crate::Clip;

/// A clip whose frames may be asked for before its start and after its end.
pub(super) struct Source {
    channels: Vec<Vec<f32>>,
    lead: usize,
}

impl Source {
    /// The clip alone: silence is around it, `lead` or not.
    pub(super) fn once(clip: &Clip, _lead: usize) -> Self {
        Self { channels: clip.iter_channels().map(<[f32]>::to_vec).collect(), lead: 0 }
    }

    /// The clip as a circle, unrolled from `lead` frames before its start to `lead` frames after the end of its
    /// second turn.
    pub(super) fn circle(clip: &Clip, lead: usize) -> Self {
        let frames = clip.len();
        let start = (frames - lead % frames) % frames;
        let unroll = |channel: &[f32]| {
            channel.iter().copied().cycle().skip(start).take(2 * frames + 2 * lead).collect()
        };
        Self { channels: clip.iter_channels().map(unroll).collect(), lead }
    }

    /// All samples of a channel; frame 0 of the clip lies at `index(0)`.
    pub(super) fn channel(&self, channel: usize) -> &[f32] {
        &self.channels[channel]
    }

    /// All channels.
    pub(super) fn channels(&self) -> &[Vec<f32>] {
        &self.channels
    }

    /// Where `frame` of the clip lies in a channel; may lie outside of it.
    pub(super) fn index(&self, frame: i64) -> i64 {
        frame + self.lead as i64
    }

    /// The sample at `frame` of the clip.
    pub(super) fn at(&self, channel: usize, frame: i64) -> f32 {
        let index = usize::try_from(self.index(frame));
        index.ok().and_then(|index| self.channels[channel].get(index)).copied().unwrap_or(0.0)
    }
}
