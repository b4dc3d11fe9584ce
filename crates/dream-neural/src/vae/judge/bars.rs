//! Loops, judged around the circle and bar by bar.

use dream_audio::Clip;

use super::likeness::{Likeness, Mel, compared, powers};

const SIZE: usize = 1024;
const HOP: usize = 128;
const BANDS: usize = 64;
/// Parts of a bar that have levels of their own.
const SIXTEENTHS: usize = 16;
/// What lies so far below the loudest level counts as silence, in dB.
const RANGE_DB: f64 = 70.0;

/// How much a loop is like another of its length, both at full scale. It has no attack of its own: that is not a number.
pub fn likeness_around(real: &Clip, made: &Clip) -> Likeness {
    let level = |clip: &Clip| -> Vec<f32> {
        let mono = clip.to_mono();
        let peak = mono.iter().fold(1e-12_f32, |peak, x| peak.max(x.abs()));
        mono.iter().map(|x| x / peak).collect()
    };
    Likeness { attack_ms: f64::NAN, ..compared(&level(real), &level(made)) }
}

/// What the bars of a loop are like: 1024 levels in dB each, 64 mel bands at 16 sixteenths.
///
/// # Panics
/// Without a bar.
pub fn describe_bars(clip: &Clip, bars: u32) -> Vec<Vec<f64>> {
    assert!(bars > 0, "a loop has a bar");
    let mut samples = clip.to_mono();
    let power: f64 = samples.iter().map(|x| f64::from(*x).powi(2)).sum();
    let gain = (power / f64::from(bars) + 1e-12).sqrt().recip() as f32;
    for x in &mut samples {
        *x *= gain;
    }
    let mel = Mel::new(SIZE, BANDS);
    let columns: Vec<Vec<f64>> =
        powers(&samples, SIZE, HOP).iter().map(|column| mel.of(column).collect()).collect();
    let steps = SIXTEENTHS * bars as usize;
    let edge = |step: usize| step * columns.len() / steps;
    let levels: Vec<f64> = (0..steps)
        .flat_map(|step| {
            let part = &columns[edge(step)..edge(step + 1).max(edge(step) + 1).min(columns.len())];
            (0..BANDS).map(move |band| {
                let sum = part.iter().map(|column| column[band]).sum::<f64>();
                10.0 * (sum / part.len().max(1) as f64 + 1e-12).log10()
            })
        })
        .collect();
    let floor = levels.iter().fold(f64::MIN, |max, x| max.max(*x)) - RANGE_DB;
    let floored: Vec<f64> = levels.into_iter().map(|x| x.max(floor)).collect();
    floored.chunks_exact(SIXTEENTHS * BANDS).map(<[f64]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use dream_core::SampleRate;

    #[test]
    fn a_bar_is_itself_and_a_hit_elsewhere_is_another_bar() {
        let hits = |at: &[usize], gain: f32| {
            let mut samples = vec![0.0_f32; 88_200];
            for step in at {
                for (i, x) in samples[step * 5_512..][..3_000].iter_mut().enumerate() {
                    *x += gain * (i as f32 * 0.05).sin() * (-(i as f32) / 600.0).exp();
                }
            }
            Clip::mono(SampleRate::LIBRARY, samples)
        };
        let four = hits(&[0, 4, 8, 12], 0.5);
        let [one, two] = [describe_bars(&four, 1), describe_bars(&four, 2)];
        assert_eq!((one.len(), one[0].len(), two.len(), two[0].len()), (1, 1024, 2, 1024));
        let apart = |a: &[f64], b: &[f64]| {
            a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum::<f64>() / a.len() as f64
        };
        assert!(apart(&two[0], &two[1]) < 2.0, "{}", apart(&two[0], &two[1]));
        assert!(apart(&one[0], &describe_bars(&hits(&[0, 4, 8, 12], 0.1), 1)[0]) < 1e-3);
        assert!(apart(&one[0], &describe_bars(&hits(&[2, 6, 10, 14], 0.5), 1)[0]) > 3.0);
        assert!(likeness_around(&four, &four).convergence_db < -80.0);
        assert!(likeness_around(&four, &hits(&[2, 6, 10, 14], 0.5)).envelope_snr_db < 3.0);
    }
}
