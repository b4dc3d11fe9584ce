//! Clips made ready to be placed: trimmed, transposed, warped, reversed, equalised, made wide.
//!
//! The equaliser of a role is constant, so it runs here once per source instead of once per frame of the
//! track; loops are filtered round the seam.

use dream_audio::Clip;
use dream_audio::filter::{Biquad, Cascade};
use dream_audio::resample::varispeed;
use dream_audio::stretch::{Material, groove_loop, reseam, stretch, stretch_loop};
use dream_core::{Frames, Role, Semitones};

use super::event::{Attack, Source};
use super::role::crowds;
use super::timeline::{RATE, Timeline, frames};
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

impl Variant {
    /// How far a note or a texture is transposed, in hundredths of a semitone; `None` for what is no single pitch.
    pub(crate) fn cents(self) -> Option<f64> {
        match self {
            Self::Hit { cents } | Self::Texture { cents } => Some(f64::from(cents)),
            Self::Loop { .. } | Self::Gesture { .. } => None,
        }
    }
}

/// Bends a clip; of a note with the fundamental `third_of_hz` the partials that are its major third are cut.
pub(crate) fn prepare(
    clip: &Clip,
    variant: Variant,
    role: Role,
    time: &Timeline,
    highpass_hz: f64,
    third_of_hz: Option<f64>,
) -> Source {
    let semitones = |cents: i32| Semitones(f64::from(cents) / 100.0);
    let material = material(role);
    let (bent, looped) = match variant {
        Variant::Hit { cents } => (transposed(&trimmed(clip), semitones(cents)), false),
        Variant::Loop { frames, cents } => {
            let ratio = frames as f64 / clip.len() as f64;
            // Before, so that the stretch takes no cut for an attack; after, for what is left.
            let mut clip = clip.clone();
            reseam(&mut clip, material);
            let by = semitones(cents);
            let mut bent = if material == Material::Drums {
                // Drums take the groove of the track.
                groove_loop(&clip, ratio, by, material, &|frame| time.nearest_step(frame))
            } else {
                stretch_loop(&clip, ratio, by, material)
            };
            reseam(&mut bent, material);
            (bent, true)
        }
        Variant::Texture { cents } => {
            let clip = clip.slice(Frames(0), Frames(frames(LONGEST_TEXTURE_S) as u64));
            (stretch(&clip, 1.0, semitones(cents), material), false)
        }
        Variant::Gesture { rising, frames } => (gesture(clip, rising, frames), false),
    };
    let mut channels: Vec<Vec<f32>> = bent.iter_channels().take(2).map(<[f32]>::to_vec).collect();
    if channels.len() == 2 && channels[0] == channels[1] {
        channels.pop();
    }
    let highpass = Cascade::highpass(2, highpass_hz, RATE.hz());
    let thin = crowds(role).then(|| Cascade(vec![Biquad::bell(320.0, -4.0, 0.8, RATE.hz())]));
    let third = third_of_hz.map(thirdless);
    for filter in [highpass].into_iter().chain(thin).chain(third) {
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

/// Cuts the major third and its octaves among the partials of a note, each half as wide as the gap between two partials, so that those beside it stay.
fn thirdless(fundamental_hz: f64) -> Cascade {
    const CUT_DB: f64 = -12.0;
    let bell =
        |partial: f64| Biquad::bell(partial * fundamental_hz, CUT_DB, 2.4 * partial, RATE.hz());
    Cascade([5.0, 10.0, 20.0].map(bell).to_vec())
}

/// What a role's sounds are made of, to the stretch: which hits are copied, whose formants stay, what may be sped up.
fn material(role: Role) -> Material {
    match role {
        Role::Kick
        | Role::Snare
        | Role::Clap
        | Role::Hat
        | Role::OpenHat
        | Role::Ride
        | Role::Shaker
        | Role::Perc
        | Role::Tom
        | Role::Break => Material::Drums,
        Role::Vocal => Material::Voice,
        Role::Noise
        | Role::Riser
        | Role::Downlifter
        | Role::Impact
        | Role::Crash
        | Role::Reverse => Material::Noise,
        Role::Bass
        | Role::Sub
        | Role::Stab
        | Role::Chords
        | Role::Arp
        | Role::Lead
        | Role::Pad
        | Role::Drone => Material::Tonal,
    }
}

/// Longest stretch of a texture that is used.
const LONGEST_TEXTURE_S: f64 = 120.0;

/// Where a hit is heard to begin: the frame at a tenth of the peak from which the level rises to half of it, with up to
/// 2 ms of lead above -60 dB. A noise before the hit that falls under a tenth for 5 ms is no part of it.
fn attack(channels: &[Vec<f32>]) -> Attack {
    let peak = peak(channels);
    let level = |i: usize| channels.iter().fold(0.0, |most: f32, c| most.max(c[i].abs()));
    let first =
        |share: f32| (0..channels[0].len()).find(|i| level(*i) >= share * peak).unwrap_or(0);
    let half = first(0.5);
    let mut frame = half;
    for i in (0..half).rev() {
        if level(i) >= 0.1 * peak {
            frame = i;
        } else if frame - i > PAUSE {
            break;
        }
    }
    let lead = (frame - first(0.001)).min(LEAD);
    Attack { frame: frame as i64, lead: lead as i64 }
}

/// 5 ms: half a period of the lowest kick.
const PAUSE: usize = 220;
/// 2 ms.
const LEAD: usize = 88;

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

#[cfg(test)]
mod tests {
    use dream_core::Bpm;

    use super::*;

    /// A tone that was cut anywhere, with a pulse on every beat.
    fn cut(frames: usize) -> Clip {
        let at = |i: usize| {
            let seconds = i as f64 / RATE.hz();
            let pulse = (-60.0 * (seconds % 0.5)).exp() * (900.0 * seconds).sin();
            (0.4 * (2.0 * std::f64::consts::PI * 83.3 * seconds + 1.2).cos() + 0.2 * pulse) as f32
        };
        let samples: Vec<f32> = (0..frames).map(at).collect();
        Clip::mono(RATE, samples)
    }

    /// A loop lasts exactly its frames, and its step over the seam is at most three times what 99.9 % of the steps
    /// within 50 ms are.
    #[track_caller]
    fn check(role: Role, ratio: f64, cents: i32) {
        let clip = cut(88_200);
        let wanted = (88_200.0 * ratio).round() as i64;
        let variant = Variant::Loop { frames: wanted, cents };
        let time = Timeline::even(Bpm::new(120.0 / ratio).unwrap());
        let source = prepare(&clip, variant, role, &time, 60.0, Some(83.3));
        assert_eq!(source.len(), wanted);
        for channel in &source.channels {
            let n = channel.len();
            let around = [&channel[n - 2205..], &channel[..2205]].concat();
            let mut steps: Vec<f32> = around.windows(2).map(|w| (w[1] - w[0]).abs()).collect();
            let seam = steps.remove(2204);
            steps.sort_by(f32::total_cmp);
            let usual = steps[steps.len() * 999 / 1000];
            assert!(seam <= 3.0 * usual, "{role:?}: {seam} at the seam, {usual} around");
        }
    }

    #[test]
    fn a_note_gives_up_its_third_and_keeps_the_partials_beside_it() {
        let level_db = |hz: f64| {
            let mut sine: Vec<f32> = (0..44_100)
                .map(|i| (std::f64::consts::TAU * hz * f64::from(i) / RATE.hz()).sin() as f32)
                .collect();
            thirdless(55.0).run(&mut sine);
            let peak = sine[22_050..].iter().fold(0.0_f32, |peak, x| peak.max(x.abs()));
            20.0 * peak.log10()
        };
        for partial in 1..=24 {
            let level_db = level_db(55.0 * f64::from(partial));
            let third = matches!(partial, 5 | 10 | 20);
            assert!((level_db < -11.0) == third && level_db < 0.5, "{partial}: {level_db}");
            assert!(third || level_db > -1.5, "{partial}: {level_db}");
        }
    }

    /// Where a hit begins whose level is `shape` (frames, level) one after the other.
    #[track_caller]
    fn check_attack(shape: &[(usize, f32)], frame: i64) {
        let channel = shape.iter().flat_map(|(frames, level)| vec![*level; *frames]).collect();
        assert_eq!(attack(&[channel]).frame, frame);
    }

    #[test]
    fn a_hit_begins_where_it_rises_to_its_peak() {
        check_attack(&[(100, 0.0), (900, 1.0)], 100);
        // A slow rise from a tenth on.
        check_attack(&[(100, 0.05), (200, 0.2), (900, 1.0)], 100);
        // A zero crossing is no pause.
        check_attack(&[(100, 0.0), (300, 0.3), (200, 0.0), (900, 1.0)], 100);
        // A noise before the hit.
        check_attack(&[(300, 0.15), (400, 0.02), (900, 1.0)], 700);
        check_attack(&[(500, 0.0)], 0);
    }

    #[test]
    fn warped_loops_have_no_click_at_their_seam() {
        for (ratio, cents) in [(1.0, 0), (0.91, 0), (1.013, 200), (0.5, -300), (2.0, 0)] {
            for role in [Role::Break, Role::Bass, Role::Vocal, Role::Noise, Role::Pad] {
                check(role, ratio, cents);
            }
        }
    }
}
