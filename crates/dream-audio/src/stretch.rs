//! Time stretching and pitch shifting, independent of each other, to the exact frame.
//!
//! Method: attacks are found to the frame (`attacks`) and land on `round(attack * ratio)`; between them sound is
//! copied as far as it can be and continued by a phase vocoder with phase-gradient heap integration (`vocoder`; Prusa
//! and Holighaus, "Phase Vocoder Done Right", EUSIPCO 2017) that starts from the phases of the input (`splice`).
//! The pitch is moved first, by playing faster or slower (`varispeed`); the stretch then makes up for the length. The
//! formants of voices are moved against it before (`formants`). The attacks of a loop may be given other places (`groove_loop`). Noise may change its length by `varispeed` alone.
//! In: any clip. Out: same rate and channels, finite for finite input, deterministic. The channels share their
//! phase changes, so the stereo image stays.
//! Cost: about 10 ms per second of stereo output, half as much again for voices whose pitch moves, less where drums are
//! sped up; memory 4 times the clip.
//! Limits: the formants of all but voices move with the pitch; swells softer than 10 ms count as no attack; noise
//! that is not played faster or slower loses level, 0.5 dB at 1.5 times the length, 1.5 dB at half of it. Partials
//! too close for a block to tell apart (detuned voices) beat slower or faster with the tempo. Good to about 12 %
//! for drums and 8 % for tonal material, usable well beyond.

mod attacks;
mod formants;
mod seam;
mod source;
mod splice;
mod varispeed;
mod vocoder;

use std::ops::RangeInclusive;

use dream_core::{Frames, Semitones};

use crate::Clip;
use attacks::attacks;
pub use seam::reseam;
use source::Source;
use splice::{End, Job, Mark, Style, splice};
use varispeed::varispeed;
use vocoder::Vocoder;

/// Ratios that can be asked for; others count as the nearest.
pub const RATIOS: RangeInclusive<f64> = 0.25..=4.0;
/// Pitch changes that can be asked for, semitones; others count as the nearest.
pub const SEMITONES: RangeInclusive<f64> = -24.0..=24.0;

/// Largest change of noise's length by playing it faster or slower, as a natural logarithm: 2 %, a third of a semitone.
/// Against exact targets that is nearer than every other way for grains and washes, and farther for drums and all that has a
/// pitch (`bench/stretch/varispeed.py`).
const VARISPEED: f64 = 0.0203;

/// What a clip is made of, which decides what a stretch must keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Material {
    /// Hits that die away: every hit is copied with its decay; a slower tempo lengthens its end, a faster one
    /// cuts it at the next hit.
    Drums,
    /// Notes, chords, textures: attacks are copied, all the rest is stretched evenly.
    Tonal,
    /// Singing and speech: as tonal, and the formants stay in their places when the pitch moves.
    Voice,
    /// Sound whose pitch means nothing: up to 2 % it is played faster or slower, pitch and all; beyond, as tonal.
    Noise,
}

impl Material {
    /// Length of the vocoder's blocks, s: long enough to tell partials apart, short enough for decays.
    fn block_s(self) -> f64 {
        match self {
            Self::Drums => 0.046,
            Self::Tonal | Self::Voice | Self::Noise => 0.093,
        }
    }

    /// Mean rise over all bands that makes an attack, dB. A missed hit is late, a missed note only soft.
    fn rise_db(self) -> f32 {
        match self {
            Self::Drums => 3.0,
            Self::Tonal | Self::Voice | Self::Noise => 9.0,
        }
    }

    fn style(self) -> Style {
        match self {
            Self::Drums => Style::Most,
            Self::Tonal | Self::Voice | Self::Noise => Style::Start(0.03),
        }
    }
}

/// The clip at `ratio` times its length, exactly `round(ratio * frames)` frames, with its pitch moved by
/// `semitones`. `ratio` is clamped to [`RATIOS`] and `semitones` to [`SEMITONES`]; what is not a number changes
/// nothing. Ratio 1 and 0 semitones give the clip as it is.
///
/// The clip's start and end are edges: they stay as sharp as they are. For a loop use [`stretch_loop`].
pub fn stretch(clip: &Clip, ratio: f64, semitones: Semitones, material: Material) -> Clip {
    change(clip, ratio, semitones, material, Source::once, None)
}

/// As [`stretch`], for a clip that is played around: its end leads into its start, before and after. What was cut
/// anywhere needs [`reseam`] before, so that the cut is not taken for an attack.
pub fn stretch_loop(clip: &Clip, ratio: f64, semitones: Semitones, material: Material) -> Clip {
    change(clip, ratio, semitones, material, Source::circle, None)
}

/// As [`stretch_loop`], and the attack that would come to frame `f` of the output comes to frame `land(f)`, so that a loop
/// takes the groove of another. Attacks keep their order: one that would land on or before the one before it moves with that.
pub fn groove_loop(
    clip: &Clip,
    ratio: f64,
    semitones: Semitones,
    material: Material,
    land: &dyn Fn(i64) -> i64,
) -> Clip {
    change(clip, ratio, semitones, material, Source::circle, Some(land))
}

fn change(
    clip: &Clip,
    ratio: f64,
    semitones: Semitones,
    material: Material,
    unroll: fn(&Clip, usize) -> Source,
    land: Option<&dyn Fn(i64) -> i64>,
) -> Clip {
    let ratio = if ratio.is_nan() { 1.0 } else { ratio.clamp(*RATIOS.start(), *RATIOS.end()) };
    let semitones = if semitones.0.is_nan() {
        0.0
    } else {
        semitones.0.clamp(*SEMITONES.start(), *SEMITONES.end())
    };
    let frames = (clip.len() as f64 * ratio).round() as usize;
    if frames == 0 {
        return Clip::silence(clip.rate(), clip.channels(), Frames(0));
    }
    let factor = Semitones(semitones).ratio();
    let mut pitched = (clip.len() as f64 / factor).round().max(1.0) as usize;
    if material == Material::Noise && (frames as f64 / pitched as f64).ln().abs() <= VARISPEED {
        pitched = frames;
    }
    let clip = match (material, pitched == clip.len()) {
        (_, true) => clip.clone(),
        (Material::Voice, false) => {
            faster(&formants::counter(clip, factor, unroll), pitched, unroll)
        }
        (Material::Drums | Material::Tonal | Material::Noise, false) => {
            faster(clip, pitched, unroll)
        }
    };
    if frames == pitched && land.is_none() {
        return clip;
    }
    let rate = clip.rate().hz();
    let size = block_size(material.block_s() * rate);
    let source = unroll(&clip, 2 * size);
    let ratio = frames as f64 / clip.len() as f64;
    let land = |place: i64| {
        let at = (place as f64 * ratio).round() as i64;
        land.map_or(at, |land| land(at))
    };
    let places = attacks(source.channels(), rate, material.rise_db());
    let (marks, end) = marks(&source, &places, [clip.len(), frames], land);
    if frames == clip.len() && marks.iter().all(|mark| mark.source == mark.target) {
        return clip;
    }
    let job = Job { source: &source, marks: &marks, style: material.style(), end, rate };
    let mut channels = splice(&job, &mut Vocoder::new(size, clip.channels()));
    for channel in &mut channels {
        channel.rotate_right(marks[0].target.rem_euclid(frames as i64) as usize);
    }
    to_clip(&clip, &channels)
}

/// The clip played so that it lasts `frames`.
fn faster(clip: &Clip, frames: usize, unroll: fn(&Clip, usize) -> Source) -> Clip {
    let source = unroll(clip, varispeed::reach(clip.len(), frames));
    to_clip(clip, &varispeed(&source, clip.len(), frames))
}

/// Attacks and ends, and what follows the last: in a circle the first attack comes first and, a turn later, last.
fn marks(
    source: &Source,
    attacks: &[usize],
    [from, to]: [usize; 2],
    land: impl Fn(i64) -> i64,
) -> (Vec<Mark>, End) {
    let (from, to) = (from as i64, to as i64);
    let mut marks: Vec<Mark> = attacks
        .iter()
        .map(|index| *index as i64 - source.index(0))
        .filter(|place| (0..from).contains(place))
        .map(|place| Mark { source: place, target: land(place) })
        .collect();
    let circular = source.index(0) > 0;
    let (first, end) = match marks.first() {
        Some(&attack) if circular => (attack, End::Attack),
        _ => (Mark { source: 0, target: 0 }, if circular { End::Seam } else { End::Cut }),
    };
    let last = Mark { source: first.source + from, target: first.target + to };
    marks.retain(|mark| mark.target > first.target && mark.target < last.target);
    marks.insert(0, first);
    marks.push(last);
    marks.dedup_by(|mark, before| mark.target <= before.target);
    (marks, end)
}

/// The power of two, or the power of two times 1.5, nearest to `frames`, at least 16: fast to transform.
fn block_size(frames: f64) -> usize {
    let power = (frames.max(16.0) as usize + 1).next_power_of_two() / 2;
    let distance = |size: &usize| (*size as f64 - frames).abs();
    [power, power * 3 / 2, power * 2]
        .into_iter()
        .min_by(|a, b| distance(a).total_cmp(&distance(b)))
        .expect("there are three sizes to choose from")
}

fn to_clip(like: &Clip, channels: &[Vec<f32>]) -> Clip {
    Clip::new(like.rate(), &channels.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests;
