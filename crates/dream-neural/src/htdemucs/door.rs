//! Audio of any rate to the rate of the networks, as the reference implementation converts it.
//!
//! Method: J. Smith, "Digital Audio Resampling Home Page", CCRMA, with the choices of the reference's library (`julius`):
//! a sinc under the square of a cosine, [`ZEROS`] zero crossings to each side, its band narrowed to [`ROLLOFF`] of the lower
//! rate, each phase with unit gain at 0 Hz; around the audio its first and last samples go on. Through the sharper filter of
//! `dream_audio::resample`, which the engine uses everywhere else, a track at 22.05 kHz came out of a network 49 dB like
//! the reference's; through this one it is 126 dB, and 123 dB or more at 8 to 96 kHz (`reference/track.py`).
//! In: pieces of a clip. Out: pieces of `frames * to / from` frames in all, rounded down.
//! Cost: 52 products per frame upwards, and downwards as many more as the rates differ. Memory: the weights of all phases,
//! at most 16 MB; for rates that have too little in common they are found anew for every frame.

use std::f64::consts::PI;

use dream_audio::Clip;
use dream_core::SampleRate;

/// Zero crossings of the sinc on either side.
const ZEROS: f64 = 24.0;
/// The band that passes, as a part of the lower rate's.
const ROLLOFF: f64 = 0.945;
/// Most weights that are kept.
const MOST_WEIGHTS: usize = 4 << 20;

/// A conversion under way.
pub struct Door {
    rates: [SampleRate; 2],
    kernel: Kernel,
    /// `[phases, taps]`; empty where there are too many.
    rows: Vec<f32>,
    channels: Vec<Vec<f32>>,
    /// The place in the input of the first sample that is held; before the audio to begin with.
    start: i64,
    /// Frames that came in and went out.
    taken: u64,
    given: u64,
}

/// A whole clip at another rate.
///
/// # Panics
/// When a rate is zero.
#[must_use]
pub fn resample(clip: &Clip, to: SampleRate) -> Clip {
    if clip.rate() == to {
        return clip.clone();
    }
    let mut door = Door::new(clip.rate(), to, clip.channels());
    let pieces = [door.push(clip), door.finish()];
    let channel = |c: usize| [pieces[0].channel(c), pieces[1].channel(c)].concat();
    let channels: Vec<Vec<f32>> = (0..clip.channels()).map(channel).collect();
    let channels: Vec<&[f32]> = channels.iter().map(Vec::as_slice).collect();
    Clip::new(to, &channels)
}

/// What weighs the samples around a place between two of them.
struct Kernel {
    /// Steps of the input and of the output in the longest time that divides both.
    from: u64,
    to: u64,
    /// Samples to each side.
    width: usize,
    /// The sinc's argument for a step of one sample.
    slope: f64,
}

impl Door {
    /// A conversion of clips with that many channels.
    ///
    /// # Panics
    /// When a rate or the number of channels is zero.
    pub fn new(from: SampleRate, to: SampleRate, channels: usize) -> Self {
        assert!(from.0 > 0 && to.0 > 0 && channels > 0, "rates and channels are not zero");
        let kernel = Kernel::new(u64::from(from.0), u64::from(to.0));
        let mut rows = Vec::new();
        let size = kernel.to as usize * 2 * kernel.width;
        if from != to && size <= MOST_WEIGHTS {
            rows = (0..kernel.to).flat_map(|phase| kernel.row(phase)).collect();
        }
        let start = -(kernel.width as i64);
        let channels = vec![Vec::new(); channels];
        Self { rates: [from, to], kernel, rows, channels, start, taken: 0, given: 0 }
    }

    /// Takes the next piece; gives what is finished, which may be nothing.
    ///
    /// # Panics
    /// When the piece has another rate or number of channels.
    pub fn push(&mut self, piece: &Clip) -> Clip {
        assert_eq!((piece.rate(), piece.channels()), (self.rates[0], self.channels.len()));
        if self.rates[0] == self.rates[1] {
            return piece.clone();
        }
        if piece.is_empty() {
            return self.give(self.given);
        }
        for (held, samples) in self.channels.iter_mut().zip(piece.iter_channels()) {
            if self.taken == 0 {
                held.resize(self.kernel.width, samples[0]);
            }
            held.extend_from_slice(samples);
        }
        self.taken += piece.len() as u64;
        // The last frame whose surroundings are there.
        let known = self.taken.saturating_sub(self.kernel.width as u64);
        self.give((known * self.kernel.to).div_ceil(self.kernel.from))
    }

    /// Gives the rest, after the last piece.
    pub fn finish(&mut self) -> Clip {
        for held in &mut self.channels {
            let last = held.last().copied().unwrap_or(0.0);
            held.resize(held.len() + self.kernel.width, last);
        }
        self.give(self.taken * self.kernel.to / self.kernel.from)
    }

    /// The output up to frame `end`.
    fn give(&mut self, end: u64) -> Clip {
        let Kernel { from, to, width, .. } = self.kernel;
        let end = end.max(self.given);
        let count = (end - self.given) as usize;
        let mut out = vec![Vec::with_capacity(count); self.channels.len()];
        for frame in self.given..end {
            let (whole, phase) = (frame * from / to, frame * from % to);
            let row;
            let weights = if self.rows.is_empty() {
                row = self.kernel.row(phase);
                row.as_slice()
            } else {
                &self.rows[phase as usize * 2 * width..][..2 * width]
            };
            let at = (whole as i64 + 1 - width as i64 - self.start) as usize;
            for (out, held) in out.iter_mut().zip(&self.channels) {
                out.push(product(&held[at..at + 2 * width], weights));
            }
        }
        self.given = end;
        // What no later frame needs.
        let next = (end * from / to) as i64 + 1 - width as i64;
        let done = ((next - self.start).max(0) as usize).min(self.channels[0].len());
        self.channels.iter_mut().for_each(|held| drop(held.drain(..done)));
        self.start += done as i64;
        let out: Vec<&[f32]> = out.iter().map(Vec::as_slice).collect();
        Clip::new(self.rates[1], &out)
    }
}

impl Kernel {
    fn new(from: u64, to: u64) -> Self {
        let common = gcd(from, to);
        let (from, to) = (from / common, to / common);
        let lower = from.min(to) as f64 * ROLLOFF;
        let width = (ZEROS * from as f64 / lower).ceil() as usize;
        Self { from, to, width, slope: lower / from as f64 }
    }

    /// The weights of the samples from `width - 1` before the whole place to `width` after it.
    fn row(&self, phase: u64) -> Vec<f32> {
        let fraction = phase as f64 / self.to as f64;
        let weight = |tap: usize| {
            let distance = tap as f64 + 1.0 - self.width as f64 - fraction;
            let x = (distance * self.slope).clamp(-ZEROS, ZEROS) * PI;
            let sinc = if x == 0.0 { 1.0 } else { x.sin() / x };
            sinc * (x / ZEROS / 2.0).cos().powi(2)
        };
        let row: Vec<f64> = (0..2 * self.width).map(weight).collect();
        let scale = row.iter().sum::<f64>().recip();
        row.iter().map(|weight| (weight * scale) as f32).collect()
    }
}

fn product(samples: &[f32], weights: &[f32]) -> f32 {
    // Partial sums, which the compiler keeps in a vector register.
    let (samples, rest) = samples.as_chunks::<8>();
    let (weights, rest_weights) = weights.as_chunks::<8>();
    let mut sums = [0.0_f32; 8];
    for (samples, weights) in samples.iter().zip(weights) {
        for lane in 0..8 {
            sums[lane] += samples[lane] * weights[lane];
        }
    }
    let rest: f32 = rest.iter().zip(rest_weights).map(|(x, weight)| x * weight).sum();
    sums.iter().sum::<f32>() + rest
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::Value;

    use super::super::tests::noise;
    use super::*;
    use dream_core::Frames;

    /// The whole clip in pieces of that many frames.
    fn converted(clip: &Clip, to: u32, piece: u64) -> Clip {
        let mut door = Door::new(clip.rate(), SampleRate(to), clip.channels());
        let mut out = vec![Vec::new(); clip.channels()];
        let mut keep = |clip: Clip| {
            let channels = out.iter_mut().zip(clip.iter_channels());
            channels.for_each(|(out, channel)| out.extend_from_slice(channel));
        };
        for start in (0..clip.frames().0).step_by(piece as usize) {
            keep(door.push(&clip.slice(Frames(start), Frames(start + piece))));
        }
        keep(door.finish());
        let out: Vec<&[f32]> = out.iter().map(Vec::as_slice).collect();
        Clip::new(SampleRate(to), &out)
    }

    #[test]
    fn noise_comes_out_as_from_the_reference() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("reference/rates.json");
        let answers: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        for answer in answers.as_array().unwrap() {
            let number = |name: &str| answer[name].as_u64().unwrap();
            let clip = Clip::mono(SampleRate(number("from") as u32), noise(1500));
            let out = resample(&clip, SampleRate(number("to") as u32));
            assert_eq!(out.len() as u64, number("frames"), "{answer}");
            let expected = answer["every"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap());
            let (mut signal, mut error) = (0.0, 0.0);
            for (x, y) in out.samples().iter().step_by(number("step") as usize).zip(expected) {
                signal += y * y;
                error += (f64::from(*x) - y).powi(2);
            }
            let snr_db = 10.0 * (signal / error).log10();
            // The reference finds its weights in single precision.
            assert!(snr_db > 95.0, "{} Hz: {snr_db} dB", clip.rate().0);
        }
    }

    #[test]
    fn pieces_of_any_length_make_the_same_samples_as_the_whole() {
        for (from, to) in [(22_050, 44_100), (48_000, 44_100), (8_000, 44_100), (192_000, 44_100)] {
            let samples = noise(6_000);
            let clip = Clip::new(SampleRate(from), &[&samples[..3_000], &samples[3_000..]]);
            let whole = resample(&clip, SampleRate(to));
            for piece in [1, 7, 1_000, 2_999] {
                assert!(converted(&clip, to, piece) == whole, "{from} to {to} by {piece}");
            }
        }
    }

    #[test]
    fn rates_that_have_little_in_common_go_through() {
        // One hertz beside 768 kHz and 44.1 kHz: no table could hold all phases of the first.
        for from in [767_999, 44_101] {
            let tone = |rate: u32, i: usize| (0.05 * 44_100.0 / f64::from(rate) * i as f64).sin();
            let samples: Vec<f32> = (0..30_000).map(|i| tone(from, i) as f32).collect();
            let out = converted(&Clip::mono(SampleRate(from), samples), 44_100, 10_000);
            assert_eq!(out.len() as u64, 30_000 * 44_100 / u64::from(from));
            for (i, x) in out.samples().iter().enumerate().take(out.len() - 100).skip(100) {
                assert!((f64::from(*x) - tone(44_100, i)).abs() < 2e-4, "{from}: {i}");
            }
        }
    }

    #[test]
    fn nothing_and_next_to_nothing_go_through() {
        for frames in [0, 1, 2, 30] {
            let clip = Clip::new(SampleRate(22_050), &[&vec![0.5; frames], &vec![-0.25; frames]]);
            let out = converted(&clip, 44_100, 3);
            assert_eq!(out.len(), 2 * frames);
            // What goes on around it is the same, so a constant stays one.
            assert!(out.channel(0).iter().all(|x| (x - 0.5).abs() < 1e-6));
            let same = converted(&clip, 22_050, 3);
            assert!(same == clip);
        }
    }
}
