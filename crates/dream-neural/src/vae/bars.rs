//! Loops as the model sees them: whole bars on a grid of sixteenths, each with its envelope.
//!
//! The times of a bar lie where its sixteenths lie, so that bars of all tempi are alike without being stretched. A loop is a circle:
//! what comes before its start is its end.
//! In: clips at 44.1 kHz that hold whole bars of 4/4. Out: per bar an envelope in dB, `[128, 48]`.
//! Cost: a transform per column and channel, 384 columns a bar.

mod morph;

use dream_audio::Clip;
use dream_audio::spectrum::{Complex, Stft};
use dream_core::SampleRate;

pub use morph::{Player, bars_from_envelopes, finish_loop, morph_bars, seam};

use super::envelope::Grid;
use crate::Error;

/// Most bars of a loop: what is longer is no loop any more.
pub const MOST_BARS: usize = 32;

/// A loop at 44.1 kHz and full scale, with the envelopes of its bars.
#[derive(Debug, Clone)]
pub struct Bars {
    clip: Clip,
    peak: f32,
    envelopes: Vec<Vec<f32>>,
}

impl Bars {
    /// Listens to a clip that holds so many bars and nothing else.
    ///
    /// # Errors
    /// `Unusable` when it is silent, has another rate than the library, or bars shorter than a transform.
    pub fn new(grid: &Grid, mut clip: Clip, bars: usize) -> Result<Self, Error> {
        if clip.rate() != SampleRate::LIBRARY {
            return Err(Error::Unusable("its rate is not 44.1 kHz"));
        }
        let mut circle = Circle::new(grid, clip.len(), bars)?;
        let peak = clip.peak();
        if !(1e-6..=1e6).contains(&peak) {
            return Err(Error::Unusable("it is silent"));
        }
        clip.scale(1.0 / peak);
        let channels: Vec<Vec<f32>> = clip.iter_channels().map(|c| circle.unrolled(c)).collect();
        let mut spectrum = vec![Complex::default(); grid.bins()];
        let share = 1.0 / channels.len() as f32;
        let envelopes = (0..bars)
            .map(|bar| {
                grid.envelope(|hop, power| {
                    for channel in &channels {
                        circle.spectrum(channel, bar * grid.hops() + hop, &mut spectrum);
                        for (power, bin) in power.iter_mut().zip(&spectrum) {
                            *power += share * bin.norm_sqr();
                        }
                    }
                })
            })
            .collect();
        Ok(Self { clip, peak, envelopes })
    }

    /// The audio, its peak 1.
    pub fn clip(&self) -> &Clip {
        &self.clip
    }

    /// The peak it had.
    pub fn peak(&self) -> f32 {
        self.peak
    }

    /// Its envelopes in dB, bar by bar, `[times, bands]` each.
    pub fn envelopes(&self) -> &[Vec<f32>] {
        &self.envelopes
    }

    /// Whether the waves of two loops of one length go against each other.
    pub fn opposes(&self, other: &Self) -> bool {
        let pairs = self.clip.to_mono().into_iter().zip(other.clip.to_mono());
        pairs.map(|(a, b)| f64::from(a) * f64::from(b)).sum::<f64>() < 0.0
    }

    /// Turns the waveform over.
    #[must_use]
    pub fn inverted(mut self) -> Self {
        self.clip.scale(-1.0);
        self
    }
}

/// The columns of a loop: as many per bar whatever its tempo, the last leading on to the first.
struct Circle {
    stft: Stft,
    frames: usize,
    hops: usize,
}

impl Circle {
    fn new(grid: &Grid, frames: usize, bars: usize) -> Result<Self, Error> {
        let stft = grid.stft();
        if !(1..=MOST_BARS).contains(&bars) {
            return Err(Error::Unusable("a loop has 1 to 32 bars"));
        }
        if frames / bars < stft.size() {
            return Err(Error::Unusable("its bars are too short"));
        }
        Ok(Self { stft, frames, hops: bars * grid.hops() })
    }

    /// Frames added before the start and after the end of what is unrolled.
    fn reach(&self) -> usize {
        self.stft.size() / 2
    }

    /// A channel with its end before its start and its start after its end.
    fn unrolled(&self, channel: &[f32]) -> Vec<f32> {
        let (n, reach) = (channel.len(), self.reach());
        [&channel[n - reach..], channel, &channel[..reach]].concat()
    }

    /// The frame of what is unrolled on which a column is centred.
    fn centre(&self, hop: usize) -> i64 {
        let frame = (hop as f64 * self.frames as f64 / self.hops as f64).round() as usize;
        (self.reach() + frame) as i64
    }

    fn spectrum(&mut self, unrolled: &[f32], hop: usize, out: &mut [Complex]) {
        let centre = self.centre(hop);
        self.stft.forward_at(unrolled, centre, out);
    }

    /// What was added up unrolled, on the circle again.
    fn rolled(&self, mut unrolled: Vec<f32>) -> Vec<f32> {
        let (n, reach) = (self.frames, self.reach());
        for i in 0..reach {
            unrolled[n + i] += unrolled[i];
            unrolled[reach + i] += unrolled[reach + n + i];
        }
        unrolled.truncate(reach + n);
        unrolled.split_off(reach)
    }
}

#[cfg(test)]
mod tests;
