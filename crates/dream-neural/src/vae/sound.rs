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
/// Frames by which polarity is judged: 25 ms, a wave of 40 Hz.
const FIRST_WAVES: usize = 1102;
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

    /// Whether the first waves of two sounds, onsets together, go against each other.
    pub fn opposes(&self, other: &Self) -> bool {
        let wave = |sound: &Self| -> Vec<f32> {
            let from = sound.origin.max(0) as usize;
            let mono = sound.clip.to_mono();
            mono[from.min(mono.len())..].iter().copied().take(FIRST_WAVES).collect()
        };
        let pairs = wave(self).into_iter().zip(wave(other));
        pairs.map(|(a, b)| f64::from(a) * f64::from(b)).sum::<f64>() < 0.0
    }

    /// Turns the waveform over.
    #[must_use]
    pub fn inverted(mut self) -> Self {
        self.clip.scale(-1.0);
        self
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

/// The envelope of a clip whose first column is centred on frame `origin`, at its own level.
pub(super) fn envelope(grid: &Grid, clip: &Clip, origin: i64) -> Vec<f32> {
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

#[cfg(test)]
mod tests {
    use super::super::envelope::Layout;
    use super::*;

    fn thump(lead: usize, sign: f32) -> Clip {
        let wave =
            (0..8_000).map(|i| sign * (i as f32 * 0.01).sin() * (-(i as f32) / 2_000.0).exp());
        Clip::mono(SampleRate::LIBRARY, std::iter::repeat_n(0.0, lead).chain(wave).collect())
    }

    #[test]
    fn silence_before_the_onset_and_level_change_nothing() {
        let grid = Grid::new(Layout::OneShot { horizon: 1 });
        let near = Sound::new(&grid, thump(0, 0.9)).unwrap();
        let far = Sound::new(&grid, thump(3_000, 0.1)).unwrap();
        assert!(near.envelope().iter().zip(far.envelope()).all(|(a, b)| (a - b).abs() < 0.01));
        assert!((near.seconds() - far.seconds()).abs() < 1e-9);
        assert!((far.peak() / near.peak() - 1.0 / 9.0).abs() < 1e-3);
    }

    #[test]
    fn opposite_waves_are_told_and_turned_over() {
        let grid = Grid::new(Layout::OneShot { horizon: 1 });
        let up = Sound::new(&grid, thump(0, 1.0)).unwrap();
        let down = Sound::new(&grid, thump(700, -0.5)).unwrap();
        assert!(up.opposes(&down) && down.opposes(&up) && !up.opposes(&up));
        assert!(!up.opposes(&down.inverted()));
    }

    #[test]
    fn silence_and_other_rates_are_refused() {
        let grid = Grid::new(Layout::OneShot { horizon: 1 });
        let silent = Clip::mono(SampleRate::LIBRARY, vec![0.0; 1000]);
        assert!(matches!(Sound::new(&grid, silent), Err(Error::Unusable(_))));
        let other = Clip::mono(SampleRate(48_000), vec![1.0; 1000]);
        assert!(matches!(Sound::new(&grid, other), Err(Error::Unusable(_))));
    }
}
