//! How much one sound is like another.

use dream_audio::Clip;
use dream_audio::spectrum::{Stft, Window};
use serde::Serialize;

/// Frames that count, from the onset on.
pub(super) const FRAMES: usize = 32_768;
/// Frames before the onset that count, too.
const LEAD: i64 = 64;
const ONSET: f32 = 0.0316;
pub(super) const RATE: f64 = 44_100.0;
/// Frames of a step of the level, and from one to the next: 1.5 and 0.5 ms.
const LEVEL: [usize; 2] = [66, 22];

/// How much a sound is like another.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Likeness {
    /// Mean difference of mel bands in dB, of cells above peak - 60 dB at three resolutions.
    pub log_mel_db: f64,
    /// Spectral convergence in dB, mean of five resolutions; lower is better.
    pub convergence_db: f64,
    /// Signal to noise ratio of the level over time in dB; higher is better.
    pub envelope_snr_db: f64,
    /// Difference of the times from 10 to 90 % of the peak, in ms.
    pub attack_ms: f64,
}

/// How much `made` is like `real`.
pub fn likeness(real: &Clip, made: &Clip) -> Likeness {
    compared(&aligned(real), &aligned(made))
}

/// Signal to noise ratio of `made` against `real`, sample by sample, in dB; minus infinity where they differ in length or channels.
pub fn snr_db(real: &Clip, made: &Clip) -> f64 {
    if (real.len(), real.channels()) != (made.len(), made.channels()) {
        return f64::NEG_INFINITY;
    }
    let pairs = || real.samples().iter().zip(made.samples());
    let signal: f64 = pairs().map(|(a, _)| f64::from(*a).powi(2)).sum();
    let error: f64 = pairs().map(|(a, b)| f64::from(a - b).powi(2)).sum();
    10.0 * (signal / error.max(1e-30)).log10()
}

/// How much samples are like those of the same time.
pub(super) fn compared(a: &[f32], b: &[f32]) -> Likeness {
    let log_mel = [2048, 512, 128].map(|size| log_mel_distance(a, b, size));
    let convergence = [2048, 1024, 512, 256, 128].map(|size| convergence(a, b, size));
    let (level_a, level_b) = (level(a), level(b));
    let power = level_a.iter().map(|x| x * x).sum::<f64>();
    let error = level_a.iter().zip(&level_b).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
    Likeness {
        log_mel_db: log_mel.iter().sum::<f64>() / 3.0,
        convergence_db: convergence.iter().sum::<f64>() / 5.0,
        envelope_snr_db: 10.0 * (power / (error + 1e-12)).log10(),
        attack_ms: (attack_ms(&level_a) - attack_ms(&level_b)).abs(),
    }
}

/// Mono at full scale, from just before the onset on, [`FRAMES`] long.
pub(super) fn aligned(clip: &Clip) -> Vec<f32> {
    let mono = clip.to_mono();
    let peak = mono.iter().fold(1e-12_f32, |peak, x| peak.max(x.abs()));
    let onset = onset(&mono) as i64;
    let at = |i: i64| usize::try_from(onset - LEAD + i).ok().and_then(|i| mono.get(i));
    (0..FRAMES as i64).map(|i| at(i).copied().unwrap_or(0.0) / peak).collect()
}

/// Where a sound comes near its peak.
pub(super) fn onset(mono: &[f32]) -> usize {
    let peak = mono.iter().fold(1e-12_f32, |peak, x| peak.max(x.abs()));
    mono.iter().position(|x| x.abs() >= ONSET * peak).unwrap_or(0)
}

/// Mel bands of power spectra, each a weighted mean of bins: first bin and weights.
pub(super) struct Mel {
    bands: Vec<(usize, Vec<f64>)>,
}

impl Mel {
    /// So many bands from 30 Hz to 18 kHz.
    pub(super) fn new(size: usize, bands: usize) -> Self {
        let to = |hz: f64| 2595.0 * (1.0 + hz / 700.0).log10();
        let back = |mel: f64| 700.0 * (10.0_f64.powf(mel / 2595.0) - 1.0);
        let (low, high) = (to(30.0), to(18_000.0));
        let edge = |i: usize| back(low + (high - low) * i as f64 / (bands + 1) as f64);
        let hz = |bin: usize| bin as f64 * RATE / size as f64;
        let band = |b: usize| {
            let (from, centre, to) = (edge(b), edge(b + 1), edge(b + 2));
            let height = |bin: usize| {
                let up = (hz(bin) - from) / (centre - from);
                up.min((to - hz(bin)) / (to - centre)).max(0.0)
            };
            let inside: Vec<usize> = (0..=size / 2).filter(|bin| height(*bin) > 0.0).collect();
            let sum: f64 = inside.iter().map(|bin| height(*bin)).sum();
            match inside.first() {
                Some(first) if sum >= 1e-9 => {
                    (*first, inside.iter().map(|bin| height(*bin) / sum).collect())
                }
                // Narrower than a bin: the nearest one.
                _ => ((centre * size as f64 / RATE).round() as usize, vec![1.0]),
            }
        };
        Self { bands: (0..bands).map(band).collect() }
    }

    /// The bands of one column of powers.
    pub(super) fn of<'a>(&'a self, powers: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
        self.bands.iter().map(|(first, weights)| {
            weights.iter().zip(&powers[*first..]).map(|(weight, power)| weight * power).sum()
        })
    }
}

/// Powers of all columns, `[hops][bins]`.
pub(super) fn powers(samples: &[f32], size: usize, hop: usize) -> Vec<Vec<f64>> {
    let mut stft = Stft::new(size, hop, Window::Hann);
    let magnitudes = stft.magnitudes(samples);
    let column = |hop: &[f32]| hop.iter().map(|x| f64::from(*x).powi(2)).collect();
    magnitudes.iter_hops().map(column).collect()
}

fn log_mel_distance(a: &[f32], b: &[f32], size: usize) -> f64 {
    let mel = Mel::new(size, 64);
    let levels = |samples: &[f32]| -> Vec<f64> {
        let columns = powers(samples, size, size / 4);
        columns
            .iter()
            .flat_map(|column| {
                mel.of(column).map(|p| 10.0 * (p + 1e-12).log10()).collect::<Vec<_>>()
            })
            .collect()
    };
    let (a, b) = (levels(a), levels(b));
    let floor = a.iter().fold(f64::MIN, |max, x| max.max(*x)) - 60.0;
    let loud: Vec<f64> = a
        .iter()
        .zip(&b)
        .filter(|(a, b)| a.max(**b) > floor)
        .map(|(a, b)| (a.max(floor) - b.max(floor)).abs())
        .collect();
    loud.iter().sum::<f64>() / loud.len().max(1) as f64
}

fn convergence(a: &[f32], b: &[f32], size: usize) -> f64 {
    let (a, b) = (powers(a, size, size / 4).concat(), powers(b, size, size / 4).concat());
    let error: f64 = a.iter().zip(&b).map(|(a, b)| (a.sqrt() - b.sqrt()).powi(2)).sum();
    20.0 * ((error / a.iter().sum::<f64>()).sqrt() + 1e-9).log10()
}

fn level(samples: &[f32]) -> Vec<f64> {
    let [width, hop] = LEVEL;
    let power = |window: &[f32]| window.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>();
    samples.windows(width).step_by(hop).map(|w| (power(w) / width as f64).sqrt()).collect()
}

fn attack_ms(level: &[f64]) -> f64 {
    let (top, peak) = level
        .iter()
        .enumerate()
        .fold((0, 0.0), |best, (i, x)| if *x > best.1 { (i, *x) } else { best });
    let reach = |share: f64| level[..=top].iter().position(|x| *x >= share * peak).unwrap_or(0);
    1000.0 * (reach(0.9) as f64 - reach(0.1) as f64) * LEVEL[1] as f64 / RATE
}

#[cfg(test)]
mod tests {
    use super::*;
    use dream_core::SampleRate;

    fn hit(hz: f64, fall: f64, lead: usize, gain: f64) -> Clip {
        let sound = (0..30_000).map(|i| {
            let t = f64::from(i) / RATE;
            (gain * (t * hz * std::f64::consts::TAU).sin() * (-fall * t).exp()) as f32
        });
        Clip::mono(SampleRate::LIBRARY, std::iter::repeat_n(0.0, lead).chain(sound).collect())
    }

    #[test]
    fn level_and_silence_before_change_nothing_and_other_sounds_are_told() {
        let real = hit(80.0, 10.0, 0, 0.9);
        let same = likeness(&real, &hit(80.0, 10.0, 500, 0.2));
        assert!(same.log_mel_db < 0.01 && same.convergence_db < -80.0, "{same:?}");
        assert!(same.envelope_snr_db > 60.0 && same.attack_ms < 1e-6);
        let other = likeness(&real, &hit(800.0, 20.0, 0, 0.9));
        assert!(other.log_mel_db > 5.0 && other.convergence_db > -3.0, "{other:?}");
        assert!(other.envelope_snr_db < 20.0);
    }
}
