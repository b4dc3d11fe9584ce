//! How a sound begins, and whether its lows are in the middle: what goes wrong first where phases are made up.

use dream_audio::Clip;
use dream_audio::spectrum::{Complex, Stft, Window};
use serde::Serialize;

use super::likeness::{RATE, onset};

/// What counts as the attack, from the onset on, in seconds.
const ATTACK_S: f64 = 0.03;
/// What is before the attack, in seconds before the onset; the rest belongs to the attack.
const BEFORE_S: [f64; 2] = [0.02, 0.002];
/// Frames of a spectrum and from one to the next, and up to where lows reach, in Hz.
const SIZE: usize = 4096;
const HOP: usize = 1024;
const LOWS_HZ: f64 = 150.0;
/// Silence, in dB.
const SILENT_DB: f64 = -120.0;

/// How a sound begins, and where its lows are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Attack {
    /// Peak over mean level of the first 30 ms, in dB.
    pub crest_db: f64,
    /// Power from 20 to 2 ms before the onset to that of the 30 ms after it, in dB, not below -120.
    pub pre_echo_db: f64,
    /// Correlation of the channels below 150 Hz, -1 to 1; absent where there is one channel, or no lows.
    pub low_correlation: Option<f64>,
}

impl Attack {
    /// Listens to a clip.
    pub fn of(clip: &Clip) -> Self {
        let mono = clip.to_mono();
        let onset = onset(&mono) as i64;
        let part = |from_s: f64, to_s: f64| -> Vec<f64> {
            let [from, to] = [from_s, to_s].map(|s| onset + (s * RATE).round() as i64);
            let at = |i: i64| usize::try_from(i).ok().and_then(|i| mono.get(i));
            (from..to).map(|i| f64::from(*at(i).unwrap_or(&0.0)).powi(2)).collect()
        };
        let mean = |powers: &[f64]| powers.iter().sum::<f64>() / powers.len() as f64;
        let db = |ratio: f64| (10.0 * ratio.max(1e-12).log10()).max(SILENT_DB);
        let attack = part(0.0, ATTACK_S);
        let level = mean(&attack).max(1e-20);
        let peak = attack.iter().fold(0.0_f64, |peak, x| peak.max(*x));
        let [from, to] = BEFORE_S;
        Self {
            crest_db: db(peak / level),
            pre_echo_db: db(mean(&part(-from, -to)) / level),
            low_correlation: (clip.channels() == 2).then(|| low_correlation(clip)).flatten(),
        }
    }
}

fn low_correlation(clip: &Clip) -> Option<f64> {
    let mut stft = Stft::new(SIZE, HOP, Window::Hann);
    let bins = 1..(LOWS_HZ * SIZE as f64 / RATE) as usize + 1;
    let [mut left, mut right] =
        [vec![Complex::default(); stft.bins()], vec![Complex::default(); stft.bins()]];
    let (mut both, mut powers) = (0.0, [0.0; 2]);
    for hop in 0..=clip.len() / HOP {
        let centre = (hop * HOP) as i64;
        let channels = clip.stereo();
        stft.forward_at(channels[0], centre, &mut left);
        stft.forward_at(channels[1], centre, &mut right);
        for (l, r) in left[bins.clone()].iter().zip(&right[bins.clone()]) {
            both += f64::from(l.re * r.re + l.im * r.im);
            powers[0] += f64::from(l.norm_sqr());
            powers[1] += f64::from(r.norm_sqr());
        }
    }
    let norm = (powers[0] * powers[1]).sqrt();
    (norm > 1e-9).then(|| both / norm)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dream_core::SampleRate;

    /// A falling tone after a lead of that level.
    fn hit(lead: f32, hz: f32) -> Vec<f32> {
        let before = (0..2_000).map(|i| lead * (i as f32 * 0.3).sin());
        let sound = (0..20_000).map(|i| {
            (i as f32 * hz * std::f32::consts::TAU / 44_100.0).sin() * (-(i as f32) / 4_000.0).exp()
        });
        before.chain(sound).collect()
    }

    #[test]
    fn what_sounds_before_the_onset_is_told() {
        let attack = |lead| Attack::of(&Clip::mono(SampleRate::LIBRARY, hit(lead, 400.0)));
        let clean = attack(0.0);
        assert!((clean.pre_echo_db - SILENT_DB).abs() < 1e-9, "{clean:?}");
        // 0.01 of 1, which has fallen by a fifth after 30 ms.
        let smeared = attack(0.01);
        assert!((smeared.pre_echo_db + 38.6).abs() < 1.0, "{smeared:?}");
        assert!((clean.crest_db - 4.2).abs() < 0.6, "{clean:?}");
        assert_eq!(clean.low_correlation, None);
    }

    #[test]
    fn lows_that_go_against_each_other_are_told() {
        let correlation = |right: Vec<f32>| {
            let left = hit(0.0, 60.0);
            Attack::of(&Clip::new(SampleRate::LIBRARY, &[&left, &right])).low_correlation.unwrap()
        };
        assert!((correlation(hit(0.0, 60.0)) - 1.0).abs() < 1e-6);
        assert!(
            (correlation(hit(0.0, 60.0).iter().map(|x| -0.5 * x).collect()) + 1.0).abs() < 1e-6
        );
        // The highs are another matter.
        let with_highs = hit(0.0, 60.0).iter().zip(hit(0.0, 5_000.0)).map(|(a, b)| a - b).collect();
        assert!(correlation(with_highs) > 0.95);
    }
}
