//! A sound as the model sees it: aligned at its onset, at full scale, with its envelope.

use std::ops::Range;

use dream_audio::Clip;
use dream_audio::spectrum::{Complex, Stft};
use dream_core::SampleRate;

use super::envelope::Grid;
use crate::Error;

/// Where the onset lies in the frames that an envelope covers: the attack needs a little room before it.
pub(super) const LEAD: i64 = 64;
/// The onset is where the level first comes within this factor of the peak (-30 dB).
const ONSET: f32 = 0.0316;
/// What lies beyond the grid is faded over so many frames before the envelope is taken.
const FADE: usize = 1024;
/// The longest sound, in seconds: what comes later is left out.
const LONGEST_S: usize = 24;

/// A sound at 44.1 kHz and full scale, and its envelope.
#[derive(Debug, Clone)]
pub struct Sound {
    clip: Clip,
    peak: f32,
    /// The frame of the clip on which the first column of the grid is centred; negative where the attack is at once.
    origin: i64,
    envelope: Vec<f32>,
}

impl Sound {
    /// Listens to a clip.
    ///
    /// # Errors
    /// `Unusable` when it is silent, or has another rate than the library.
    pub fn new(grid: &Grid, mut clip: Clip) -> Result<Self, Error> {
        if clip.rate() != SampleRate::LIBRARY {
            return Err(Error::Unusable("its rate is not 44.1 kHz"));
        }
        let longest = LONGEST_S * SampleRate::LIBRARY.0 as usize;
        if clip.len() > longest {
            clip = clip.slice(dream_core::Frames(0), dream_core::Frames(longest as u64));
        }
        let peak = clip.peak();
        if !(1e-6..=1e6).contains(&peak) {
            return Err(Error::Unusable("it is silent"));
        }
        clip.scale(1.0 / peak);
        let origin = onset(&clip) as i64 - LEAD;
        let envelope = envelope(grid, &clip, origin);
        Ok(Self { clip, peak, origin, envelope })
    }

    /// The audio, its peak 1.
    pub fn clip(&self) -> &Clip {
        &self.clip
    }

    /// The peak it had.
    pub fn peak(&self) -> f32 {
        self.peak
    }

    /// Its envelope in dB, `[times, bands]`.
    pub fn envelope(&self) -> &[f32] {
        &self.envelope
    }

    /// Its length from the onset on, in seconds.
    pub fn seconds(&self) -> f64 {
        (self.clip.len() as i64 - self.origin - LEAD) as f64 / SampleRate::LIBRARY.hz()
    }

    /// The columns, counted on the grid, of which any touches the clip.
    pub(super) fn columns(&self, stft: &Stft) -> Range<i64> {
        let (hop, half) = (stft.hop() as i64, stft.size() as i64 / 2);
        let first = (-half - self.origin).div_euclid(hop);
        let last = (self.clip.len() as i64 + half - self.origin).div_euclid(hop);
        first..last + 1
    }

    /// The spectrum of a channel at a column of the grid.
    pub(super) fn spectrum(&self, stft: &mut Stft, channel: usize, hop: i64, out: &mut [Complex]) {
        let centre = self.origin + hop * stft.hop() as i64;
        stft.forward_at(self.clip.channel(channel), centre, out);
    }

    /// The frame of the clip at the first column.
    pub(super) fn origin(&self) -> i64 {
        self.origin
    }
}

/// The length of a clip from its onset on, in seconds.
pub fn seconds_from_onset(clip: &Clip) -> f64 {
    (clip.len() - onset(clip)) as f64 / clip.rate().hz()
}

/// The first frame that comes near the peak.
fn onset(clip: &Clip) -> usize {
    let near = clip.peak() * ONSET;
    let first = |channel: &[f32]| channel.iter().position(|x| x.abs() >= near);
    clip.iter_channels().filter_map(first).min().unwrap_or(0)
}

fn envelope(grid: &Grid, clip: &Clip, origin: i64) -> Vec<f32> {
    // Frames from the origin on, cut where the grid ends.
    let frames = grid.frames();
    let cut: Vec<Vec<f32>> = clip
        .iter_channels()
        .map(|channel| {
            let mut cut: Vec<f32> = (0..frames as i64)
                .map(|i| usize::try_from(origin + i).ok().and_then(|i| channel.get(i)))
                .map(|x| x.copied().unwrap_or(0.0))
                .collect();
            if clip.len() as i64 - origin > frames as i64 {
                for (i, x) in cut.iter_mut().rev().take(FADE).enumerate() {
                    *x *= i as f32 / FADE as f32;
                }
            }
            cut
        })
        .collect();
    let mut stft = grid.stft();
    let mut spectrum = vec![Complex::default(); grid.bins()];
    let share = 1.0 / cut.len() as f32;
    grid.envelope(|hop, power| {
        for channel in &cut {
            stft.forward_at(channel, (hop * grid.hop()) as i64, &mut spectrum);
            for (power, bin) in power.iter_mut().zip(&spectrum) {
                *power += share * bin.norm_sqr();
            }
        }
    })
}
