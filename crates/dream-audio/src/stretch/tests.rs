use std::f64::consts::TAU;

use dream_core::{Frames, SampleRate, Semitones};
use proptest::prelude::*;

use super::{Material, groove_loop, stretch, stretch_loop};
use crate::Clip;

const RATE: SampleRate = SampleRate::LIBRARY;
const NONE: Semitones = Semitones(0.0);
const ALL: [Material; 4] = [Material::Drums, Material::Tonal, Material::Voice, Material::Noise];

fn sine(hz: f64, frames: usize) -> Vec<f32> {
    (0..frames).map(|i| (0.5 * (TAU * hz * i as f64 / RATE.hz()).sin()) as f32).collect()
}

/// Bursts of decaying noise that start with a click.
fn hits(places: &[usize], frames: usize) -> Vec<f32> {
    let mut out = vec![0.0; frames];
    let mut state = 7_u32;
    for &place in places {
        for (i, sample) in out[place..].iter_mut().take(6000).enumerate() {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = if i == 0 { 0.9 } else { f64::from(state) / f64::from(u32::MAX) - 0.5 };
            *sample += (noise * (-(i as f64) / 1200.0).exp()) as f32;
        }
    }
    out
}

fn mean_square(samples: &[f32]) -> f64 {
    samples.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / samples.len() as f64
}

/// Frequency in Hz from the phase between two halves of the middle of a clip.
fn pitch(samples: &[f32], near: f64) -> f64 {
    let (start, half) = (samples.len() / 4, samples.len() / 4);
    let phase = |from: usize| {
        let (mut re, mut im) = (0.0, 0.0);
        for i in 0..half {
            let window = (std::f64::consts::PI * (i as f64 + 0.5) / half as f64).sin().powi(2);
            let turn = TAU * near * (from + i) as f64 / RATE.hz();
            re += window * f64::from(samples[from + i]) * turn.cos();
            im -= window * f64::from(samples[from + i]) * turn.sin();
        }
        im.atan2(re)
    };
    let gain = (phase(start + half) - phase(start)) / TAU;
    near + (gain - gain.round()) * RATE.hz() / half as f64
}

#[test]
fn nothing_changes_at_ratio_1_and_0_semitones() {
    let clip = Clip::new(RATE, &[&hits(&[100, 9000], 20_000), &sine(300.0, 20_000)]);
    for material in ALL {
        assert_eq!(stretch(&clip, 1.0, NONE, material), clip);
        assert_eq!(stretch_loop(&clip, 1.0, NONE, material), clip);
        assert_eq!(stretch(&clip, f64::NAN, Semitones(f64::NAN), material), clip);
    }
}

#[track_caller]
fn check_tune(ratio: f64, semitones: f64) {
    let clip = Clip::mono(RATE, sine(440.0, 88_200));
    let wanted = 440.0 * Semitones(semitones).ratio();
    let tuned = |material| {
        let out = stretch(&clip, ratio, Semitones(semitones), material);
        let cents = 1200.0 * (pitch(out.samples(), wanted) / wanted).log2();
        assert!(cents.abs() < 0.5, "{cents} cents off");
        out
    };
    tuned(Material::Voice);
    let out = tuned(Material::Tonal);
    let level = 10.0 * (mean_square(out.samples()) / mean_square(clip.samples())).log10();
    assert!(level.abs() < 0.3, "{level} dB off");
}

#[test]
fn a_sine_stays_in_tune_and_at_its_level() {
    for (ratio, semitones) in [
        (0.9, 0.0),
        (1.25, 0.0),
        (0.5, 0.0),
        (2.0, 0.0),
        (1.0, -3.0),
        (1.0, 2.0),
        (0.8, 7.0),
        (4.0, -24.0),
    ] {
        check_tune(ratio, semitones);
    }
}

#[test]
fn hits_of_a_loop_land_where_the_groove_wants_them() {
    let clip = Clip::mono(RATE, hits(&[500, 11_900, 22_050, 33_600], 44_100));
    let grid = |frame: i64| (frame + 5512) / 11_025 * 11_025;
    let out = groove_loop(&clip, 1.0, NONE, Material::Drums, &grid);
    assert_eq!(out.len(), 44_100);
    for target in [0, 11_025, 22_050, 33_075] {
        let hit = &out.samples()[target..];
        assert!(hit[0] > 0.8, "{target}: {}", hit[0]);
        let before = out.samples()[(target + 44_100 - 400) % 44_100..][..300].iter();
        assert!(before.fold(0.0_f32, |peak, x| peak.max(x.abs())) < 0.1, "{target}");
    }
    assert_eq!(groove_loop(&clip, 1.0, NONE, Material::Drums, &|frame| frame), clip);
    // All on one frame: what cannot be in order is dropped, not lost track of.
    let out = groove_loop(&clip, 1.1, NONE, Material::Drums, &|_| 700);
    assert_eq!(out.len(), 48_510);
}

#[test]
fn noise_changes_its_length_by_its_speed_up_to_two_percent() {
    let clip = Clip::mono(RATE, sine(440.0, 88_200));
    for (ratio, wanted) in
        [(0.981, 440.0 / 0.981), (1.019, 440.0 / 1.019), (0.97, 440.0), (1.03, 440.0)]
    {
        let out = stretch(&clip, ratio, NONE, Material::Noise);
        assert_eq!(out.len(), (88_200.0 * ratio).round() as usize);
        let cents = 1200.0 * (pitch(out.samples(), wanted) / wanted).log2();
        assert!(cents.abs() < 0.5, "{cents} cents off at {ratio}");
    }
}

#[track_caller]
fn check_hits(ratio: f64, material: Material) {
    let places: Vec<usize> = (0..16).map(|i| 2000 + i * 11_025 + i * i * 17).collect();
    let clip = Clip::mono(RATE, hits(&places, 200_000));
    let out = stretch(&clip, ratio, NONE, material);
    for &place in &places {
        let target = (place as f64 * ratio).round() as usize;
        let (before, after) = out.samples().split_at(target);
        let same = clip.samples()[place..]
            .iter()
            .zip(after)
            .take(400)
            .all(|(a, b)| a.to_bits() == b.to_bits());
        assert!(same, "the hit at {place} is not at {target}");
        let echo = mean_square(&before[target - 500..]) / mean_square(&after[..500]);
        assert!(echo < 0.02, "echo {echo} before the hit at {place}");
    }
}

#[test]
fn hits_land_on_their_frames_without_an_echo_before() {
    for ratio in [0.5, 0.9, 1.12, 1.25, 2.0] {
        check_hits(ratio, Material::Drums);
    }
    check_hits(0.9, Material::Tonal);
    check_hits(1.25, Material::Tonal);
}

#[test]
fn the_level_stays_within_a_decibel() {
    let level = |clip: &Clip| 10.0 * mean_square(clip.samples()).log10();
    let dense = Clip::mono(RATE, hits(&(0..100).map(|i| i * 600).collect::<Vec<_>>(), 66_000));
    for ratio in [0.7, 0.8, 0.9, 1.12, 1.5, 2.0] {
        let change = level(&stretch(&dense, ratio, NONE, Material::Tonal)) - level(&dense);
        assert!(change.abs() < 1.0, "{change} dB at {ratio}");
    }
    // The same hits in a longer time are as much energy, not as much power.
    let sparse = Clip::mono(RATE, hits(&[1000, 12_000, 23_000, 34_000], 45_000));
    for ratio in [0.8, 0.9, 1.12, 1.5] {
        let out = stretch(&sparse, ratio, NONE, Material::Drums);
        let change = level(&out) + 10.0 * ratio.log10() - level(&sparse);
        assert!(change.abs() < 0.3, "{change} dB at {ratio}");
    }
}

/// The step over the seam is no outlier among all steps.
#[track_caller]
fn check_seam(clip: &Clip, ratio: f64, semitones: f64, material: Material) {
    let out = stretch_loop(clip, ratio, Semitones(semitones), material);
    let channel = out.channel(0);
    let mut steps: Vec<f32> = channel.windows(2).map(|pair| (pair[1] - pair[0]).abs()).collect();
    steps.sort_by(f32::total_cmp);
    let common = steps[steps.len() * 999 / 1000];
    let seam = (channel[0] - channel[channel.len() - 1]).abs();
    assert!(seam <= 3.0 * common, "step {seam} at the seam, {common} elsewhere");
}

#[test]
fn a_loop_has_no_audible_seam() {
    // Both tones close their circle in 2 s, neither in the stretched length by itself.
    let tones: Vec<f32> =
        sine(220.5, 88_200).iter().zip(sine(331.0, 88_200)).map(|(a, b)| a + b).collect();
    let tones = Clip::mono(RATE, tones);
    let drums = Clip::mono(RATE, hits(&[300, 22_000, 44_000, 66_000, 82_000], 88_200));
    for ratio in [0.8, 0.93, 1.1, 1.5] {
        check_seam(&tones, ratio, 0.0, Material::Tonal);
        check_seam(&tones, ratio, 3.0, Material::Tonal);
        check_seam(&drums, ratio, -2.0, Material::Drums);
        check_seam(&drums, ratio, 0.0, Material::Drums);
    }
}

#[test]
fn the_stereo_image_stays() {
    let left = sine(440.0, 88_200);
    let right: Vec<f32> = left.iter().map(|x| -0.5 * x).collect();
    let clip = Clip::new(RATE, &[&left, &right]);
    let out = stretch(&clip, 1.3, NONE, Material::Tonal);
    for (l, r) in out.channel(0).iter().zip(out.channel(1)) {
        assert!((r + 0.5 * l).abs() < 1e-4);
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let clip = Clip::new(RATE, &[&hits(&[5000, 30_000], 60_000), &sine(200.0, 60_000)]);
    for material in ALL {
        let run = || stretch_loop(&clip, 1.17, Semitones(1.5), material);
        assert_eq!(run(), run());
    }
}

#[test]
fn silence_stays_silent() {
    for material in ALL {
        let clip = Clip::silence(RATE, 2, Frames(30_000));
        assert!(stretch(&clip, 1.2, Semitones(3.0), material).peak().abs() < 1e-30);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn lengths_are_exact_and_samples_finite(
        frames in prop_oneof![0_usize..40, 40_usize..9000],
        ratio in 0.2_f64..4.5,
        semitones in prop_oneof![Just(0.0), -26.0_f64..26.0],
        rate in prop_oneof![Just(44_100_u32), Just(8), Just(96_000)],
        channels in 1_usize..4,
        material in prop::sample::select(ALL.to_vec()),
        circular: bool,
    ) {
        let samples = hits(&[frames / 3, frames / 2], frames);
        let clip = Clip::new(SampleRate(rate), &vec![samples.as_slice(); channels]);
        let run = if circular { stretch_loop } else { stretch };
        let out = run(&clip, ratio, Semitones(semitones), material);
        prop_assert_eq!(out.len(), (frames as f64 * ratio.clamp(0.25, 4.0)).round() as usize);
        prop_assert_eq!(out.channels(), channels);
        prop_assert!(out.samples().iter().all(|x| x.is_finite() && x.abs() < 20.0));
    }
}
