//! Clips made ready to be placed: trimmed, transposed, warped, reversed, equalised, made wide.
//!
//! The equaliser of a role is constant, so it runs here once per source instead of once per frame of the
//! track; loops are filtered round the seam.

use dream_audio::Clip;
use dream_audio::filter::{Biquad, Cascade};
use dream_audio::resample::varispeed;
use dream_audio::stretch::{Material, stretch, stretch_loop};
use dream_core::{Frames, Role, Semitones};

use super::event::{Attack, Source};
use super::role::{crowds, is_drum};
use super::timeline::{RATE, frames};
use super::width;

/// How a clip is bent for one use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Variant {
    /// A hit or note, transposed by cents with its length.
    Hit {
        /// Transposition in hundredths of a semitone.
        cents: i32,
    },
    /// Whole beats, warped to a number of frames.
    Loop {
        /// Frames of one pass.
        frames: i64,
        /// Transposition in hundredths of a semitone.
        cents: i32,
    },
    /// A texture, transposed at its own speed.
    Texture {
        /// Transposition in hundredths of a semitone.
        cents: i32,
    },
    /// A gesture whose energy grows towards its end (`rising`) or falls from its start, at most
    /// `frames` long.
    Gesture {
        /// Whether it leads to its end.
        rising: bool,
        /// Most frames it may take.
        frames: i64,
    },
}

/// Bends a clip.
pub(crate) fn prepare(
    clip: &Clip,
    variant: Variant,
    role: Role,
    highpass_hz: Option<f64>,
) -> Source {
    let drums = is_drum(role);
    let semitones = |cents: i32| Semitones(f64::from(cents) / 100.0);
    let material = if drums { Material::Drums } else { Material::Tonal };
    let (bent, looped) = match variant {
        Variant::Hit { cents } => (transposed(&trimmed(clip), semitones(cents)), false),
        Variant::Loop { frames, cents } => {
            let ratio = frames as f64 / clip.len() as f64;
            let mut bent = stretch_loop(clip, ratio, semitones(cents), material);
            for c in 0..bent.channels() {
                heal(bent.channel_mut(c), drums);
            }
            (bent, true)
        }
        Variant::Texture { cents } => {
            let clip = clip.slice(Frames(0), Frames(frames(LONGEST_TEXTURE_S) as u64));
            (stretch(&clip, 1.0, semitones(cents), Material::Tonal), false)
        }
        Variant::Gesture { rising, frames } => (gesture(clip, rising, frames), false),
    };
    let mut channels: Vec<Vec<f32>> = bent.iter_channels().take(2).map(<[f32]>::to_vec).collect();
    if channels.len() == 2 && channels[0] == channels[1] {
        channels.pop();
    }
    let highpass = highpass_hz.map(|hz| Cascade::highpass(2, hz, RATE.hz()));
    let thin = crowds(role).then(|| Cascade(vec![Biquad::bell(320.0, -4.0, 0.8, RATE.hz())]));
    for filter in highpass.into_iter().chain(thin) {
        for channel in &mut channels {
            let mut filter = filter.clone();
            if looped {
                // The state after one pass is the state at the seam.
                filter.run(&mut channel.clone());
            }
            filter.run(channel);
        }
    }
    let attack = attack(&channels);
    width::spread(&mut channels, role, looped);
    Source { channels, attack }
}

/// Longest stretch of a texture that is used.
const LONGEST_TEXTURE_S: f64 = 120.0;

/// The frame at a tenth of the peak, with up to 2 ms of lead above -60 dB of it.
fn attack(channels: &[Vec<f32>]) -> Attack {
    let first = |share: f32| {
        let peak = peak(channels);
        let over = |c: &Vec<f32>| c.iter().position(|x| x.abs() >= share * peak);
        channels.iter().filter_map(over).min().unwrap_or(0) as i64
    };
    let frame = first(0.1);
    Attack { frame, lead: (frame - first(0.001)).clamp(0, 88) }
}

fn peak(channels: &[Vec<f32>]) -> f32 {
    channels.iter().flatten().fold(1e-9, |peak: f32, x| peak.max(x.abs()))
}

/// A hit played faster or slower.
fn transposed(clip: &Clip, by: Semitones) -> Clip {
    if by.0 == 0.0 {
        return clip.clone();
    }
    let channels: Vec<Vec<f32>> =
        clip.iter_channels().map(|channel| varispeed(channel, by.ratio())).collect();
    let channels: Vec<&[f32]> = channels.iter().map(Vec::as_slice).collect();
    Clip::new(clip.rate(), &channels)
}

/// Without the end that lies under -72 dB of the peak; the new end fades over 3 ms.
fn trimmed(clip: &Clip) -> Clip {
    let floor = clip.peak() * 2.5e-4;
    let last = clip
        .iter_channels()
        .filter_map(|channel| channel.iter().rposition(|x| x.abs() > floor))
        .max()
        .unwrap_or(0);
    let mut cut = clip.slice(Frames(0), Frames(last as u64 + 1));
    let fade = cut.len().min(132);
    for c in 0..cut.channels() {
        let channel = cut.channel_mut(c);
        let start = channel.len() - fade;
        for (k, x) in channel[start..].iter_mut().enumerate() {
            *x *= 1.0 - (k + 1) as f32 / fade as f32;
        }
    }
    cut
}

/// Makes the end of a loop meet its start, where it jumps: the last 2 ms (drums) or 8 ms cross into the
/// point reflection of the start, which continues it with value and slope.
fn heal(channel: &mut [f32], drums: bool) {
    let n = channel.len();
    let fade = frames(if drums { 0.002 } else { 0.008 }) as usize;
    if n < 4 * fade {
        return;
    }
    let mut steps: Vec<f32> = channel.windows(2).map(|w| (w[1] - w[0]).abs()).collect();
    let rank = (steps.len() * 999) / 1000;
    let usual = *steps.select_nth_unstable_by(rank, f32::total_cmp).1;
    if (channel[0] - channel[n - 1]).abs() <= usual {
        return;
    }
    for k in 0..fade {
        let angle = std::f32::consts::FRAC_PI_2 * (k + 1) as f32 / (fade + 1) as f32;
        let mirrored = 2.0 * channel[0] - channel[fade - k];
        let i = n - fade + k;
        channel[i] = channel[i] * angle.cos().powi(2) + mirrored * angle.sin().powi(2);
    }
}

/// A gesture that leads to its end or falls from its start, reversed when the clip does the opposite;
/// stretched up to twofold towards `frames` when shorter, cut where it is quiet when longer.
fn gesture(clip: &Clip, rising: bool, frames: i64) -> Clip {
    let mut clip = trimmed(clip);
    if rising == (centroid(&clip) < 0.5) {
        for c in 0..clip.channels() {
            clip.channel_mut(c).reverse();
        }
        clip = trimmed(&clip);
    }
    let len = clip.len() as i64;
    if len > frames {
        let (start, end) = if rising { (len - frames, len) } else { (0, frames) };
        return clip.slice(Frames(start as u64), Frames(end as u64));
    }
    if rising && len * 100 < frames * 98 {
        let ratio = (frames as f64 / len as f64).min(2.0);
        return stretch(&clip, ratio, Semitones(0.0), Material::Tonal);
    }
    clip
}

/// Where the energy lies in time, 0 start to 1 end.
fn centroid(clip: &Clip) -> f64 {
    let (mut sum, mut moment) = (1e-12, 0.0);
    for channel in clip.iter_channels() {
        for (i, x) in channel.iter().enumerate() {
            let power = f64::from(x * x);
            sum += power;
            moment += power * i as f64;
        }
    }
    moment / sum / clip.len().max(1) as f64
}
