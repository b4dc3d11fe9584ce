//! Sample rate conversion of audio that comes in pieces.

use rubato::audioadapter_buffers::direct::SequentialSlice;
use rubato::{Fft, Indexing, Resampler};

use dream_core::SampleRate;

use super::planned;
use crate::Clip;

/// A conversion under way: the pieces that come out, one after the other, are what `resample` makes of those that went
/// in. Memory: a block per channel.
pub struct Stream {
    from: SampleRate,
    to: SampleRate,
    channels: Vec<Channel>,
    /// Frames that came in and went out.
    taken: u64,
    given: u64,
}

struct Channel {
    resampler: Fft<f32>,
    /// What waits for a block to be full.
    waiting: Vec<f32>,
    /// Frames to leave out, which the filter delays.
    delay: usize,
}

impl Stream {
    /// A conversion of clips with that many channels.
    ///
    /// # Panics
    /// When a rate or the number of channels is zero.
    pub fn new(from: SampleRate, to: SampleRate, channels: usize) -> Self {
        assert!(from.0 > 0 && to.0 > 0 && channels > 0, "rates and channels are not zero");
        let channel = || {
            let resampler = planned(from, to);
            let delay = resampler.output_delay();
            Channel { resampler, waiting: Vec::new(), delay }
        };
        Self { from, to, channels: (0..channels).map(|_| channel()).collect(), taken: 0, given: 0 }
    }

    /// Takes the next piece; gives what is finished, which may be nothing.
    ///
    /// # Panics
    /// When the piece has another rate or number of channels.
    pub fn push(&mut self, piece: &Clip) -> Clip {
        assert_eq!((piece.rate(), piece.channels()), (self.from, self.channels.len()));
        self.taken += piece.len() as u64;
        if self.from == self.to {
            self.given = self.taken;
            return piece.clone();
        }
        let pieces = self.channels.iter_mut().zip(piece.iter_channels());
        let out: Vec<Vec<f32>> = pieces.map(|(channel, samples)| channel.push(samples)).collect();
        self.give(&out)
    }

    /// Gives the rest, after the last piece.
    pub fn finish(&mut self) -> Clip {
        let (from, to) = (u64::from(self.from.0), u64::from(self.to.0));
        let missing = ((self.taken * to + from / 2) / from - self.given) as usize;
        let out: Vec<Vec<f32>> =
            self.channels.iter_mut().map(|channel| channel.finish(missing)).collect();
        self.give(&out)
    }

    fn give(&mut self, channels: &[Vec<f32>]) -> Clip {
        self.given += channels[0].len() as u64;
        let channels: Vec<&[f32]> = channels.iter().map(Vec::as_slice).collect();
        Clip::new(self.to, &channels)
    }
}

impl Channel {
    fn push(&mut self, samples: &[f32]) -> Vec<f32> {
        self.waiting.extend_from_slice(samples);
        let block = self.resampler.input_frames_next();
        let mut out = Vec::new();
        let mut at = 0;
        while self.waiting.len() - at >= block {
            self.convert(at, block, &mut out);
            at += block;
        }
        self.waiting.drain(..at);
        out
    }

    /// What is left, and silence, until `missing` frames are there.
    fn finish(&mut self, missing: usize) -> Vec<f32> {
        let mut out = Vec::new();
        while out.len() < missing {
            self.convert(0, self.waiting.len(), &mut out);
            self.waiting.clear();
        }
        out.truncate(missing);
        out
    }

    /// Converts `count` frames of those that wait, at most a block; silence fills it up.
    fn convert(&mut self, at: usize, count: usize, out: &mut Vec<f32>) {
        let mut block = self.waiting[at..at + count].to_vec();
        block.resize(self.resampler.input_frames_next(), 0.0);
        let input = SequentialSlice::new(&block, 1, block.len()).expect("one channel so long");
        let all: Option<&Indexing> = None;
        let done = self.resampler.process(&input, all).expect("a block has the planned length");
        let done = done.take_data();
        let skip = self.delay.min(done.len());
        self.delay -= skip;
        out.extend_from_slice(&done[skip..]);
    }
}
