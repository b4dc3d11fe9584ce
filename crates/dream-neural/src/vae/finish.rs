//! The last touch to a dreamed one-shot: no silence around it, no click at its ends, its bass in the middle.

use dream_audio::Clip;
use dream_audio::filter::Cascade;
use dream_core::Frames;

/// The sound begins and ends where it is this far below its peak (-66 dB).
const SILENT: f32 = 5e-4;
/// Frames kept before the beginning, faded in.
const BEFORE: usize = 32;
/// Frames over which the end is faded.
const FADE: usize = 441;
/// Below this frequency both sides play the same, in Hz.
const MONO_HZ: f64 = 120.0;

/// A sound cut to what is heard of it, faded at both ends, its lows mono, with that peak.
#[must_use]
pub fn finish(clip: &Clip, peak: f32) -> Clip {
    let near = clip.peak() * SILENT;
    let loud = |i: &usize| clip.iter_channels().any(|channel| channel[*i].abs() > near);
    let start = (0..clip.len()).find(loud).unwrap_or(0).saturating_sub(BEFORE);
    let end = (0..clip.len()).rev().find(loud).map_or(clip.len(), |last| last + 1);
    let mut clip = clip.slice(Frames(start as u64), Frames(end as u64));
    if clip.channels() == 2 {
        mono_lows(&mut clip);
    }
    let frames = clip.len();
    let (rise, fall) = (BEFORE.min(frames / 2), FADE.min(frames / 2));
    for c in 0..clip.channels() {
        let channel = clip.channel_mut(c);
        for (i, x) in channel.iter_mut().take(rise).enumerate() {
            *x *= i as f32 / rise as f32;
        }
        for (i, x) in channel.iter_mut().rev().take(fall).enumerate() {
            *x *= i as f32 / fall as f32;
        }
    }
    let now = clip.peak();
    if now > 0.0 {
        clip.scale(peak / now);
    }
    clip
}

/// Takes the lows out of the difference of the channels.
fn mono_lows(clip: &mut Clip) {
    let [left, right] = clip.stereo();
    let mid: Vec<f32> = left.iter().zip(right).map(|(l, r)| 0.5 * (l + r)).collect();
    let mut side: Vec<f32> = left.iter().zip(right).map(|(l, r)| 0.5 * (l - r)).collect();
    Cascade::highpass(4, MONO_HZ, clip.rate().hz()).run(&mut side);
    for (c, sign) in [(0, 1.0), (1, -1.0)] {
        for ((x, mid), side) in clip.channel_mut(c).iter_mut().zip(&mid).zip(&side) {
            *x = mid + sign * side;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dream_core::SampleRate;

    #[test]
    fn silence_goes_ends_are_quiet_and_lows_are_mono() {
        let tone = |hz: f32, sign: f32| -> Vec<f32> {
            let sound = (0..20_000).map(|i| sign * (i as f32 * hz * 1.425e-4).sin());
            std::iter::repeat_n(0.0, 1_000).chain(sound).chain(vec![0.0; 5_000]).collect()
        };
        let clip = Clip::new(SampleRate::LIBRARY, &[&tone(40.0, 0.4), &tone(40.0, 0.1)]);
        let made = finish(&clip, 0.8);
        assert!((19_900..20_100).contains(&made.len()), "{}", made.len());
        assert!((made.peak() - 0.8).abs() < 1e-6);
        let last = made.len() - 1;
        assert!(made.iter_channels().all(|c| c[0].abs() < 1e-6 && c[last].abs() < 1e-6));
        let [left, right] = made.stereo();
        let difference = left[5_000..].iter().zip(&right[5_000..]).map(|(l, r)| (l - r).abs());
        assert!(difference.fold(0.0, f32::max) < 0.05);
    }

    #[test]
    fn silence_survives() {
        let silence = Clip::mono(SampleRate::LIBRARY, vec![0.0; 100]);
        assert_eq!(finish(&silence, 1.0), silence);
    }
}
