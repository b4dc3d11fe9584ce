use dream_audio::Clip;
use dream_audio::resample::resample;
use dream_core::{PitchClass, SampleRate};

use super::*;
use crate::signals::{chord, clicks, noise, silence};

/// The three main triads of a key, one second each, tonic twice.
fn cadence(tonic_hz: f64, minor: bool) -> Vec<f32> {
    let third = if minor { 3.0 } else { 4.0 };
    let steps = [0.0, 5.0, 7.0, 0.0];
    steps
        .iter()
        .flat_map(|step| {
            let note = |semitones: f64| tonic_hz * ((step + semitones) / 12.0).exp2();
            chord(&[note(0.0), note(third), note(7.0)], 1.0, 5)
        })
        .collect()
}

#[track_caller]
fn check(samples: &[f32], expected: Option<&str>) -> Tonal {
    let found = key(samples);
    let name = found.key.map(|key| key.to_string());
    assert_eq!(name.as_deref(), expected, "{found:?}");
    found
}

#[test]
fn a_cadence_has_its_key_in_every_transposition() {
    for step in 0..12 {
        let tonic = PitchClass::of(9 + step);
        let hz = 220.0 * (f64::from(step) / 12.0).exp2();
        let minor = check(&cadence(hz, true), Some(&format!("{tonic} minor")));
        let major = check(&cadence(hz, false), Some(&format!("{tonic} major")));
        assert!(minor.confidence > 0.5 && major.confidence > 0.5, "{minor:?} {major:?}");
    }
}

#[test]
fn detuned_music_keeps_its_key_and_tells_its_tuning() {
    for cents in [-45.0, -20.0, 0.0, 20.0, 45.0] {
        let found =
            check(&cadence(220.0 * f64::from(cents / 1200.0_f32).exp2(), true), Some("A minor"));
        assert!((found.tuning_cents.unwrap() - cents).abs() < 3.0, "{cents}: {found:?}");
    }
}

#[test]
fn the_key_does_not_depend_on_the_level_or_the_polarity() {
    let samples = cadence(196.0, true);
    let one = key(&samples);
    for gain in [0.05, 4.0, -1.0] {
        let other = key(&samples.iter().map(|x| gain * x).collect::<Vec<f32>>());
        assert_eq!(one.key, other.key, "{gain}");
        assert!((one.confidence - other.confidence).abs() < 1e-3, "{gain}");
        assert!((one.tuning_cents.unwrap() - other.tuning_cents.unwrap()).abs() < 0.1, "{gain}");
    }
}

#[test]
fn the_key_does_not_depend_on_the_start_the_rate_or_the_order_of_channels() {
    let bass = line(55.0, 0.25, 12, &[0.0, 0.0, 12.0, 3.0, 0.0, 7.0, 0.0, 10.0]);
    for samples in [cadence(233.08 * 1.01, true), cadence(196.0, false), bass] {
        let clip = Clip::new(SampleRate::LIBRARY, &[&samples, &vec![0.0; samples.len()]]);
        let [left, right] = clip.stereo();
        let later = [&[0.0; 3][..], &samples].concat();
        let through = |hz| resample(&resample(&clip, SampleRate(hz)), SampleRate::LIBRARY);
        let one = key(&clip.to_mono());
        for (change, other) in [
            ("3 samples later", key(&later)),
            ("3 samples earlier", key(&samples[3..])),
            ("through 48 kHz", key(&through(48_000).to_mono())),
            ("through 96 kHz", key(&through(96_000).to_mono())),
            ("swapped", key(&Clip::new(clip.rate(), &[right, left]).to_mono())),
        ] {
            assert_eq!(one.key, other.key, "{change}");
            assert!(
                (one.confidence - other.confidence).abs() < 0.05,
                "{change}: {one:?} {other:?}"
            );
            let cents = one.tuning_cents.unwrap() - other.tuning_cents.unwrap();
            assert!(cents.abs() < 1.0, "{change}: {cents}");
        }
    }
}

#[test]
fn the_beginning_decides_between_a_key_and_its_relative() {
    let triad = |root: f64, third: f64| {
        let hz = |step: f64| 220.0 * ((root + step) / 12.0).exp2();
        chord(&[hz(-12.0), hz(0.0), hz(third), hz(7.0)], 1.5, 6)
    };
    let (a, f, c, g) = (triad(0.0, 3.0), triad(-4.0, 4.0), triad(3.0, 4.0), triad(-2.0, 4.0));
    check(&[a.clone(), f.clone(), c.clone(), g.clone()].concat().repeat(2), Some("A minor"));
    check(&[c, g, a, f].concat().repeat(2), Some("C major"));
}

/// Notes of `seconds`, in semitones above `lowest_hz`.
fn line(lowest_hz: f64, seconds: f64, partials: u32, steps: &[f64]) -> Vec<f32> {
    let play = |step: &f64| chord(&[lowest_hz * (step / 12.0).exp2()], seconds, partials);
    steps.iter().flat_map(play).collect::<Vec<f32>>().repeat(4)
}

#[test]
fn a_bass_line_has_its_key_down_to_the_lowest_string() {
    let steps = [0.0, 0.0, 12.0, 3.0, 0.0, 7.0, 0.0, 10.0, 0.0, 0.0, 5.0, 3.0, 0.0, 0.0, 7.0, 10.0];
    check(&line(41.203, 0.25, 12, &steps), Some("E minor"));
    check(&line(55.0, 0.25, 12, &steps), Some("A minor"));
}

#[test]
fn the_lowest_note_of_a_chord_is_its_tonic() {
    let hz = |midi: f64| 440.0 * ((midi - 69.0) / 12.0).exp2();
    for root in 40..64 {
        let notes = [0.0, 3.0, 7.0, 10.0].map(|step| hz(f64::from(root) + step));
        check(&chord(&notes, 3.0, 12), Some(&format!("{} minor", PitchClass::of(root))));
    }
}

#[test]
fn what_is_not_tonal_has_no_key() {
    check(&silence(2.0), None);
    check(&noise(6.0), None);
    check(&clicks(&[0.0, 0.5, 1.0, 1.5], 2.0), None);
    check(&vec![0.5; 100_000], None);
    check(&[1.0], None);
    check(&[], None);
}

#[test]
fn the_chroma_points_to_what_sounds_at_its_tuning_and_nowhere_for_noise() {
    let share = |samples: &[f32], class: usize| {
        let chroma = key(samples).chroma;
        chroma[class] / chroma.iter().sum::<f32>()
    };
    for hz in [110.0, 220.0, 440.0, 440.0 * (40.0_f64 / 1200.0).exp2()] {
        // Its harmonics are at the fifth and the third as well.
        assert!(share(&chord(&[hz], 2.0, 5), 9) > 0.5, "{hz}");
    }
    let noise = noise(2.0);
    assert!((0..12).all(|class| (share(&noise, class) - 1.0 / 12.0).abs() < 0.02));
    // The more noise, the less it points.
    let tone = chord(&[220.0], 2.0, 5);
    let mixed: Vec<f32> = tone.iter().zip(&noise).map(|(tone, noise)| tone + noise).collect();
    assert!(share(&mixed, 9) > 1.2 / 12.0 && share(&mixed, 9) < share(&tone, 9) - 0.1);
}
