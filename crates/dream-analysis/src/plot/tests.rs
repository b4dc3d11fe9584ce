use dream_core::{Bpm, SampleRate};

use super::*;
use crate::signals::{clicks, noise, silence, sine};
use crate::{Hints, analyse};

fn mono(samples: Vec<f32>) -> Clip {
    Clip::mono(SampleRate::LIBRARY, samples)
}

fn lightness(image: &Image, x: usize, y: usize) -> u32 {
    image.at(x, y).into_iter().map(u32::from).sum()
}

/// The columns in which two pictures differ within an area.
fn differing(a: &Image, b: &Image, area: Area) -> Vec<usize> {
    let rows = area.y..area.y + area.height;
    (area.x..area.x + area.width)
        .filter(|&x| rows.clone().any(|y| a.at(x, y) != b.at(x, y)))
        .collect()
}

#[test]
fn every_clip_has_a_picture_of_the_same_size() {
    let odd = [vec![], vec![0.5], vec![0.0; 441], silence(1.0), noise(0.01), vec![1e-9; 3000]];
    for samples in odd {
        let clip = mono(samples);
        let image = draw(&clip, &analyse(&clip, &Hints::default()), "odd.wav");
        assert_eq!((image.width, image.height), (WIDTH, HEIGHT));
        assert_eq!(image.rgb.len(), 3 * WIDTH * HEIGHT);
    }
    let surround = Clip::silence(SampleRate(8_000), 6, dream_core::Frames(9_000));
    assert_eq!(draw(&surround, &Facts::default(), "").rgb.len(), 3 * WIDTH * HEIGHT);
}

#[test]
fn a_sine_is_a_bright_line_at_its_row() {
    let image = draw(&mono(sine(1_000.0, 2.0)), &Facts::default(), "sine");
    let x = LEFT + COLUMNS / 2;
    let rows = SPECTRUM.y..SPECTRUM.y + SPECTRUM.height;
    let brightest = rows.clone().max_by_key(|&y| lightness(&image, x, y)).unwrap();
    let expected = SPECTRUM.y + spectrogram::row(1_000.0, SPECTRUM.height);
    assert!(brightest.abs_diff(expected) <= 2, "row {brightest}, expected {expected}");
    let bright = rows.filter(|&y| 2 * lightness(&image, x, y) > lightness(&image, x, brightest));
    assert!(bright.count() < 24, "the line is thin");
}

#[test]
fn beats_are_lines_at_their_columns_and_bars_are_bright() {
    let clip = mono(clicks(&[0.0, 0.5, 1.0, 1.5], 2.0));
    let without = draw(&clip, &Facts::default(), "");
    let facts = Facts {
        beats_s: vec![0.0, 0.5, 1.0, 1.5],
        downbeats_s: vec![0.0, 1.0],
        ..Facts::default()
    };
    let with = draw(&clip, &facts, "");
    let expected = [0, 1, 2, 3].map(|beat| LEFT + beat * COLUMNS / 4);
    for area in [WAVE, SPECTRUM] {
        assert_eq!(differing(&with, &without, area), expected);
    }
    assert!(differing(&with, &without, CHROMA).is_empty());
    let red = |x: usize| with.at(x, WAVE.y + 2)[0];
    assert!(red(expected[2]) > red(expected[1]));
}

#[test]
fn crowded_beats_leave_the_sound_visible() {
    let clip = mono(noise(1.0));
    let facts = Facts {
        beats_s: (0..500).map(|i| f64::from(i) / 500.0).collect(),
        downbeats_s: (0..500).map(|i| f64::from(i) / 500.0).collect(),
        ..Facts::default()
    };
    let (with, without) = (draw(&clip, &facts, ""), draw(&clip, &Facts::default(), ""));
    assert!(differing(&with, &without, SPECTRUM).is_empty());
}

#[test]
fn what_is_outside_the_loop_is_dim() {
    let clip = mono(noise(1.0));
    let facts = Facts { loop_points_s: Some((0.25, 0.75)), ..Facts::default() };
    let (with, without) = (draw(&clip, &facts, ""), draw(&clip, &Facts::default(), ""));
    let light = |image: &Image, x: usize| -> u32 {
        (SPECTRUM.y..SPECTRUM.y + SPECTRUM.height).map(|y| lightness(image, x, y)).sum()
    };
    for (x, dim) in [(100, true), (COLUMNS / 2, false), (COLUMNS - 100, true)] {
        assert_eq!(light(&with, LEFT + x) < light(&without, LEFT + x), dim, "column {x}");
    }
}

#[test]
fn the_gain_changes_nothing_but_the_numbers() {
    let samples = clicks(&[0.0, 0.3, 0.7], 1.0);
    let louder = samples.iter().map(|x| 2.0 * x).collect();
    let (a, b) =
        (draw(&mono(samples), &Facts::default(), ""), draw(&mono(louder), &Facts::default(), ""));
    assert!(differing(&a, &b, CHROMA).is_empty());
    let rows = SPECTRUM.y..SPECTRUM.y + SPECTRUM.height;
    let off = rows.flat_map(|y| (LEFT..LEFT + COLUMNS).map(move |x| (x, y)));
    let most = off.map(|(x, y)| lightness(&a, x, y).abs_diff(lightness(&b, x, y))).max();
    assert!(most < Some(12), "{most:?}");
}

#[test]
fn the_facts_are_put_into_words() {
    let facts = Facts { bpm: Some(Bpm::new(124.0).unwrap()), bars: Some(1), ..Facts::default() };
    assert!(heard(&facts).starts_with("124.00 bpm (0 %)   no key   other (0 %)   free, 1 bar"));
    let facts = Facts { root: Some(45.0), root_confidence: 0.9, ..Facts::default() };
    assert!(heard(&facts).starts_with("no tempo   root A2 (90 %)"), "{}", heard(&facts));
}

#[test]
fn times_on_the_axis_are_round() {
    for (seconds, step) in [(0.01, 0.001), (0.5, 0.05), (2.0, 0.2), (16.0, 2.0), (240.0, 30.0)] {
        assert!((round_step(seconds / 12.0) - step).abs() < 1e-9, "{seconds} s");
    }
    assert_eq!(time(0.003, 0.001), "3 ms");
    assert_eq!(time(0.25, 0.05), "0.25 s");
    assert_eq!(time(90.0, 30.0), "1:30");
}
