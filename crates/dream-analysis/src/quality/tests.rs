use dream_audio::resample::resample;
use dream_core::SampleRate;
use proptest::prelude::*;

use super::*;
use crate::signals::{clicks, noise, silence, sine};

#[track_caller]
fn check(samples: Vec<f32>, defects: &[Defect]) -> Quality {
    let found = quality(&mono(samples), Form::Loop);
    assert_eq!(found.defects, defects, "{found:?}");
    found
}

/// The defect is named in the one and not in the other.
#[track_caller]
fn tells(defect: Defect, with: &Clip, without: &Clip) {
    let [with, without] = [with, without].map(|clip| quality(clip, Form::OneShot));
    assert!(with.defects.contains(&defect), "not named: {with:?}");
    assert!(!without.defects.contains(&defect), "named: {without:?}");
    assert!(with.parts[defect.name()] < without.parts[defect.name()]);
}

fn mono(samples: Vec<f32>) -> Clip {
    Clip::mono(SampleRate::LIBRARY, samples)
}

/// A note that rises within 5 ms and dies away by 65 dB, three partials, peak about 0.7.
fn pluck(hz: f64) -> Vec<f32> {
    (0..66_150)
        .map(|i| {
            let t = f64::from(i) / 44_100.0;
            let wave = |k: f64| (std::f64::consts::TAU * k * hz * t).sin() / k;
            let envelope = (t / 0.005).min(1.0) * (-t / 0.2).exp();
            (0.5 * envelope * (wave(1.0) + wave(2.0) + wave(3.0))) as f32
        })
        .collect()
}

fn mixed(samples: Vec<f32>, add: impl Fn(usize) -> f32) -> Clip {
    mono(samples.into_iter().enumerate().map(|(i, x)| x + add(i)).collect())
}

#[test]
fn clean_sounds_are_good() {
    for samples in [sine(220.0, 1.0), sine(41.2, 1.0), noise(1.0), clicks(&[0.0, 0.3], 0.6)] {
        let found = check(samples, &[]);
        assert!(found.score > 0.9, "{found:?}");
    }
    let found = quality(&mono(pluck(220.0)), Form::OneShot);
    assert!(found.defects.is_empty() && found.score > 0.9, "{found:?}");
}

#[test]
fn an_empty_clip_is_worthless() {
    let found = check(vec![], &[Defect::Silence, Defect::TooShort]);
    assert_eq!(found.score.to_bits(), 0.0_f32.to_bits());
}

#[test]
fn silence_and_length_are_told() {
    let mut late = silence(60.0);
    late[44_100..48_510].copy_from_slice(&sine(100.0, 0.1));
    tells(Defect::Silence, &mono(late), &mono(sine(100.0, 0.1)));
    tells(Defect::TooShort, &mono(sine(1_000.0, 0.004)), &mono(sine(1_000.0, 0.02)));
}

#[test]
fn cut_and_bent_tops_are_told() {
    let bent = |curve: fn(f32) -> f32| mono(pluck(220.0).into_iter().map(curve).collect());
    tells(Defect::Clipping, &bent(|x| (3.0 * x).clamp(-1.0, 1.0)), &bent(|x| 0.3 * x));
    let fading = |drive: f32| {
        let curve =
            |(i, x): (usize, &f32)| (drive * 2.0 * x * (-(i as f32) / 9_000.0).exp()).tanh();
        mono(sine(220.0, 1.5).iter().enumerate().map(curve).collect())
    };
    tells(Defect::SoftClipping, &fading(4.0), &fading(0.3));
    let limited = sine(9_973.0, 1.0).iter().map(|x| (2.8 * x).clamp(-1.0, 1.0)).collect();
    tells(Defect::IntersampleClipping, &mono(limited), &mono(sine(9_973.0, 1.0)));
}

#[test]
fn cut_tops_are_told_from_a_file_of_another_rate_too() {
    let cut = mono(pluck(220.0).into_iter().map(|x| (3.0 * x).clamp(-1.0, 1.0)).collect());
    let expected = quality(&cut, Form::OneShot).parts["clipping"];
    for rate in [48_000, 96_000] {
        let through = resample(&resample(&cut, SampleRate(rate)), SampleRate::LIBRARY);
        let found = quality(&through, Form::OneShot);
        assert!((found.parts["clipping"] - expected).abs() < 0.05, "{rate}: {found:?}");
    }
    // The tops of a steady sine are all at one level, too.
    for hz in [90.0, 310.0, 640.0, 780.0, 880.0, 1_300.0, 2_900.0] {
        check(sine(hz, 1.0), &[]);
    }
}

#[test]
fn hiss_louder_than_the_treble_of_a_sound_is_told() {
    let hiss = noise(2.0);
    let low = || sine(60.0, 2.0);
    tells(Defect::Noise, &mixed(low(), |i| 0.01 * hiss[i]), &mono(low()));
}

#[test]
fn three_samples_of_silence_hide_no_seam() {
    let late = [&[0.0; 3][..], &sine(100.0, 1.0)[110..43_900]].concat();
    let [whole, late] = [late[3..].to_vec(), late].map(|x| quality(&mono(x), Form::Free));
    assert_eq!(whole.defects, late.defects);
}

#[test]
fn what_goes_on_below_the_sound_is_told() {
    let clean = mono(pluck(220.0));
    tells(Defect::Dc, &mixed(pluck(220.0), |_| 0.03), &clean);
    let line = |i: usize, hz: f64| (std::f64::consts::TAU * hz * i as f64 / 44_100.0).sin() as f32;
    let hum = |i| 0.02 * (line(i, 50.0) + 0.5 * line(i, 100.0) + 0.7 * line(i, 150.0));
    tells(Defect::Hum, &mixed(pluck(220.0), hum), &mixed(pluck(98.0), |i| 0.2 * line(i, 49.0)));
    let hiss = noise(3.0);
    tells(Defect::Noise, &mixed(pluck(220.0), |i| 0.01 * hiss[i]), &mono(hiss.clone()));
}

#[test]
fn clicks_are_told_from_hits_and_from_the_teeth_of_a_saw() {
    let click = |i: usize| if [50_000, 51_100].contains(&i) { 0.4 } else { 0.0 };
    tells(Defect::Clicks, &mixed(pluck(220.0), click), &mono(clicks(&[0.2, 0.9], 1.5)));
    let saw = (0..88_200).map(|i| (i as f32 * 41.2 / 44_100.0).fract() - 0.5).collect();
    assert!(!quality(&mono(saw), Form::Loop).defects.contains(&Defect::Clicks));
}

#[test]
fn cut_ends_are_told() {
    let whole = pluck(220.0);
    let crest = (3_000..8_000).find(|i| whole[*i] > 0.3).expect("the note is loud after 0.07 s");
    tells(Defect::TruncatedStart, &mono(whole[crest..].to_vec()), &mono(whole.clone()));
    tells(Defect::TruncatedEnd, &mono(whole[..8_000].to_vec()), &mono(whole));
}

#[test]
fn only_an_edge_that_is_heard_is_named() {
    let through = |rate: u32| {
        let narrow = resample(&mono(noise(2.0)), SampleRate(rate));
        resample(&narrow, SampleRate::LIBRARY)
    };
    tells(Defect::BandLimited, &through(22_050), &mono(noise(2.0)));
    let at_16_khz = quality(&through(32_000), Form::Loop);
    assert!(!at_16_khz.defects.contains(&Defect::BandLimited));
    assert!(at_16_khz.parts["band_limited"] > 0.9);
}

#[test]
fn channels_that_are_one_are_told() {
    let stereo = |left: &[f32], right: &[f32]| Clip::new(SampleRate::LIBRARY, &[left, right]);
    let (left, other) = (pluck(220.0), pluck(331.0));
    let inverted: Vec<f32> = left.iter().map(|x| -x).collect();
    tells(Defect::DualMono, &stereo(&left, &left), &stereo(&left, &other));
    tells(Defect::PhaseInverted, &stereo(&left, &inverted), &stereo(&left, &left));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    #[test]
    fn level_polarity_channels_and_a_few_frames_change_little(
        hz in 50.0..900.0, gain in 0.25_f32..4.0, late in 0_usize..4,
    ) {
        let (left, right) = (pluck(hz), pluck(1.5 * hz));
        let moved = |x: &[f32]| -> Vec<f32> {
            std::iter::repeat_n(0.0, late).chain(x.iter().map(|x| -gain * x)).collect()
        };
        let clip = Clip::new(SampleRate::LIBRARY, &[&left, &right]);
        let other = Clip::new(SampleRate::LIBRARY, &[&moved(&right), &moved(&left)]);
        let rate = SampleRate(96_000);
        let resampled = resample(&resample(&clip, rate), SampleRate::LIBRARY);
        let expected = quality(&clip, Form::OneShot);
        for clip in [other, resampled] {
            let found = quality(&clip, Form::OneShot);
            prop_assert_eq!(&found.defects, &expected.defects);
            for (name, part) in &found.parts {
                prop_assert!((part - expected.parts[name]).abs() < 0.05, "{} {}", name, part);
            }
        }
    }
}
