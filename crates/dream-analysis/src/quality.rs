//! Technical quality and its defects.
//!
//! Four parts, each 0 to 1, multiplied: one bad part spoils the sound.
//!
//! | part | 1 | 0 |
//! |---|---|---|
//! | `headroom` | no run of three samples at the peak above -0.3 dBFS | one sample in 200 in such runs |
//! | `level` | peak above -30 dBFS | peak below -60 dBFS |
//! | `offset` | constant offset below -50 dB of the peak | above -14 dB |
//! | `presence` | over 5 % of the time within 50 dB of the peak | none |
//!
//! In: a clip whose samples are finite. Defects are named when their part falls below one half.

use std::collections::BTreeMap;

use dream_audio::Clip;
use dream_core::Defect;

/// Quality of a clip.
#[derive(Debug, Clone, PartialEq)]
pub struct Quality {
    /// The product of the parts, 0 to 1.
    pub score: f32,
    /// The parts by name, each 0 to 1.
    pub parts: BTreeMap<String, f32>,
    /// What is wrong.
    pub defects: Vec<Defect>,
}

/// Samples from this share of full scale on can be clipped.
const CLIP_LEVEL: f32 = 0.966;
/// Sounds shorter than this are too short, in seconds.
const SHORTEST_S: f64 = 0.010;
/// The silence floor, linear: -60 dBFS.
const SILENCE: f32 = 0.001;

/// The technical quality of a clip.
pub fn quality(clip: &Clip) -> Quality {
    let peak = clip.peak();
    let silent = peak < SILENCE;
    let headroom = if silent { 1.0 } else { headroom(clip, peak) };
    let level = ((20.0 * peak.max(1e-6).log10() + 60.0) / 30.0).clamp(0.0, 1.0);
    let offset = offset(clip, peak);
    let presence = if silent { 0.0 } else { presence(clip, peak) };
    let mut defects = Vec::new();
    for (wrong, defect) in [
        (headroom < 0.5, Defect::Clipping),
        (silent || presence < 0.5, Defect::Silence),
        (offset < 0.5, Defect::Dc),
        (clip.seconds() < SHORTEST_S, Defect::TooShort),
    ] {
        if wrong {
            defects.push(defect);
        }
    }
    let length = (clip.seconds() / SHORTEST_S).clamp(0.0, 1.0) as f32;
    let parts: BTreeMap<String, f32> = [
        ("headroom", headroom),
        ("length", length),
        ("level", level),
        ("offset", offset),
        ("presence", presence),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    Quality { score: parts.values().product(), parts, defects }
}

/// Runs of three and more equal samples at the clip's own peak, if that is near or above full scale.
fn headroom(clip: &Clip, peak: f32) -> f32 {
    if peak < CLIP_LEVEL {
        return 1.0;
    }
    let threshold = 0.9995 * peak;
    let mut flat = 0_usize;
    for channel in clip.iter_channels() {
        let mut run = 0_usize;
        let mut negative = false;
        for x in channel.iter().chain(&[0.0]) {
            if x.abs() >= threshold && (run == 0 || x.is_sign_negative() == negative) {
                run += 1;
                negative = x.is_sign_negative();
            } else {
                flat += if run >= 3 { run } else { 0 };
                run = usize::from(x.abs() >= threshold);
                negative = x.is_sign_negative();
            }
        }
    }
    let share = flat as f32 / clip.samples().len().max(1) as f32;
    (1.0 - share / 0.005).clamp(0.0, 1.0)
}

fn offset(clip: &Clip, peak: f32) -> f32 {
    let mean = |channel: &[f32]| {
        channel.iter().map(|x| f64::from(*x)).sum::<f64>().abs() / channel.len().max(1) as f64
    };
    let worst = clip.iter_channels().map(mean).fold(0.0, f64::max) as f32;
    if clip.seconds() < 0.05 || peak < 1e-6 {
        return 1.0; // too short to tell an offset from a low tone
    }
    let db = 20.0 * (worst / peak).max(1e-6).log10();
    ((-14.0 - db) / 36.0).clamp(0.0, 1.0)
}

fn presence(clip: &Clip, peak: f32) -> f32 {
    const STEP: usize = 441;
    let floor = 0.00316 * peak;
    let (mut heard, mut steps) = (0_usize, 0_usize);
    for channel in clip.iter_channels() {
        for chunk in channel.chunks(STEP) {
            steps += 1;
            heard += usize::from(chunk.iter().any(|x| x.abs() > floor));
        }
    }
    (heard as f32 / steps.max(1) as f32 / 0.05).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use dream_core::SampleRate;

    use super::*;
    use crate::signals::{clicks, noise, silence, sine};

    #[track_caller]
    fn check(samples: Vec<f32>, defects: &[Defect]) -> Quality {
        let found = quality(&Clip::mono(SampleRate::LIBRARY, samples));
        assert_eq!(found.defects, defects, "{found:?}");
        found
    }

    #[test]
    fn clean_sounds_are_good() {
        for samples in [sine(220.0, 1.0), noise(1.0), clicks(&[0.0, 0.3], 0.6)] {
            assert!(check(samples, &[]).score > 0.9);
        }
    }

    #[test]
    fn defects_are_named() {
        check(silence(1.0), &[Defect::Silence]);
        check(sine(220.0, 1.0).iter().map(|x| 0.3 * x + 0.4).collect(), &[Defect::Dc]);
        check(
            sine(220.0, 1.0).iter().map(|x| (4.0 * x).clamp(-1.0, 1.0)).collect(),
            &[Defect::Clipping],
        );
        check(vec![0.5; 100], &[Defect::TooShort]);
        let mut late = silence(60.0);
        late[44_100..44_200].fill(0.5);
        check(late, &[Defect::Silence]);
    }

    #[test]
    fn an_empty_clip_is_worthless() {
        assert_eq!(
            check(vec![], &[Defect::Silence, Defect::TooShort]).score.to_bits(),
            0.0_f32.to_bits()
        );
    }
}
