//! Characters: treatments that make a relative of a finished sound: darker, dirtier, wetter.
//!
//! Corners follow the sound's own centroid, so that one rule fits kicks and hats. What each promises is
//! checked in the tests over every pair of the kit.

use realfft::RealFftPlanner;

use super::curve::{decay, ramp};
use super::noise::Rand;
use super::osc::sine;
use super::sound::{RATE, Sound};
use super::space::Room;

/// A treatment; its name is the suffix of the recipe and a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Character {
    Dark,
    Bright,
    Distorted,
    Soft,
    Deep,
    Metallic,
    Lofi,
    Wet,
    Wide,
}

impl Character {
    /// The suffix and tag.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Bright => "bright",
            Self::Distorted => "distorted",
            Self::Soft => "soft",
            Self::Deep => "deep",
            Self::Metallic => "metallic",
            Self::Lofi => "lofi",
            Self::Wet => "wet",
            Self::Wide => "wide",
        }
    }

    /// The treated sound, finished again.
    pub(crate) fn apply(self, x: Sound, rand: Rand) -> Sound {
        let centroid = x.centroid();
        let low = centroid < 250.0;
        let highpass = if low { 20.0 } else { 60.0 };
        let treated = match self {
            Self::Dark => x
                .high_shelf((1.2 * centroid).max(900.0), -7.0)
                .lp(1, (2.2 * centroid).clamp(250.0, 9000.0)),
            Self::Bright => {
                let edge = (x.clone().hp(2, 3000.0) * 2.0).drive(12.0) * 0.12;
                x.high_shelf(4500.0, 6.0).low_shelf(180.0, -3.0) + edge
            }
            Self::Distorted => distorted(x, centroid),
            Self::Soft => x
                .env(|t| 0.15 + 0.85 * ramp(t, 0.0, 0.006))
                .high_shelf(2500.0, -5.0)
                .lp(1, (4.0 * centroid).max(1500.0)),
            Self::Deep => slowed(&x, -4.0).low_shelf(110.0, 4.0).lp(1, (3.0 * centroid).max(900.0)),
            Self::Metallic => metallic(x, if low { 0.22 } else { 0.55 }, low),
            Self::Lofi => x
                .crush(10, 2.1)
                .hp(2, if low { 40.0 } else { 120.0 })
                .lp(2, (0.8 * centroid).max(4800.0)),
            Self::Wet => {
                let room = Room { t60: 1.6, tail: 1.2, ..Room::MEDIUM };
                x.room(0.35, &room)
            }
            Self::Wide => x.wide(rand, 12.0, 0.6),
        };
        treated.finish(highpass)
    }
}

/// Saturates what lies above the lows, twice high-passed: the second time removes the difference tones that
/// would put a rumble under a hat.
fn distorted(x: Sound, centroid: f64) -> Sound {
    let split = (0.35 * centroid).clamp(110.0, 2500.0);
    let power = x.power();
    let dirt = x
        .clone()
        .hp(2, split)
        .norm(-3.0)
        .drive_biased(20.0, 0.2)
        .lp(2, (1.5 * centroid).clamp(8000.0, 16_000.0))
        .hp(2, split);
    // The dirt follows the square root of the envelope: it would drone on otherwise.
    let envelope = x.clone().into_mono().map(f32::abs);
    let envelope = envelope.lp(1, 53.0).map(|x| x.max(0.0).sqrt());
    let dirt = dirt * &envelope;
    let matched = |dirt: Sound, ratio: f64| {
        let gain = ratio * (power / dirt.power().max(1e-12)).sqrt();
        dirt * gain as f32
    };
    if centroid < 250.0 {
        x + matched(dirt.hp(2, 250.0), 0.3)
    } else {
        x.lp(4, split) * 1.1 + matched(dirt, 0.9)
    }
}

/// Played slower: lower by `semitones` (negative) and longer.
fn slowed(x: &Sound, semitones: f64) -> Sound {
    let ratio = (semitones / 12.0).exp2();
    x.clone().each(|samples| *samples = resampled(samples, ratio))
}

/// Reads samples `ratio` apart, with cubic interpolation; for ratios near 1.
pub(crate) fn resampled(x: &[f32], ratio: f64) -> Vec<f32> {
    let last = x.len().saturating_sub(1);
    (0..(x.len() as f64 / ratio) as usize)
        .map(|i| {
            let at = i as f64 * ratio;
            let j = at as usize;
            let f = (at - j as f64) as f32;
            let tap = |k: usize| x[k.min(last)];
            let (a, b, c, d) = (tap(j.saturating_sub(1)), tap(j), tap(j + 1), tap(j + 2));
            let curve = 2.0 * a - 5.0 * b + 4.0 * c - d + f * (3.0 * (b - c) + d - a);
            b + 0.5 * f * (c - a + f * curve)
        })
        .collect()
}

/// Seven resonances and a ring modulation beside the sound.
fn metallic(x: Sound, wet: f32, low: bool) -> Sound {
    const RESONANCES: [(f64, f64, f32); 7] = [
        (417.0, 30.0, 0.6),
        (883.0, 34.0, 0.8),
        (1490.0, 38.0, 1.0),
        (2230.0, 42.0, 0.9),
        (3170.0, 46.0, 0.8),
        (4410.0, 50.0, 0.6),
        (6020.0, 55.0, 0.5),
    ];
    let mono = x.clone().into_mono() + Sound::silence(x.seconds() + 0.1);
    let rings: Sound =
        RESONANCES.iter().map(|&(hz, q, level)| mono.clone().bp(hz, q) * level).sum();
    let matched = rings.clone() * (mono.power() / rings.power().max(1e-12)).sqrt() as f32;
    let ring = mono.clone() * &sine(mono.seconds(), |_| 1370.0);
    let edge = (matched + ring * 0.5).hp(2, if low { 250.0 } else { 400.0 });
    let end = x.seconds() as f32;
    x * 0.7 + edge.env(|t| decay(t - end, 0.1)) * wet
}

impl Sound {
    /// Energy-weighted mean frequency, Hz.
    pub(crate) fn centroid(&self) -> f64 {
        const SIZE: usize = 1024;
        let mut x = self.clone().into_mono().channel(0).to_vec();
        x.resize(x.len().max(SIZE), 0.0);
        let transform = RealFftPlanner::<f32>::new().plan_fft_forward(SIZE);
        let mut block = transform.make_input_vec();
        let mut spectrum = transform.make_output_vec();
        let (mut moment, mut total) = (0.0, 1e-30);
        for part in x.windows(SIZE).step_by(SIZE / 2) {
            for (i, (slot, x)) in block.iter_mut().zip(part).enumerate() {
                let window = 0.5 - 0.5 * super::curve::sin32(i as f32 / SIZE as f32 + 0.25);
                *slot = x * window;
            }
            if transform.process(&mut block, &mut spectrum).is_ok() {
                for (k, bin) in spectrum.iter().enumerate() {
                    let power = f64::from(bin.norm_sqr());
                    moment += power * k as f64 * RATE / SIZE as f64;
                    total += power;
                }
            }
        }
        moment / total
    }
}
