use std::f64::consts::TAU;

use proptest::prelude::*;

use dream_core::Frames;

use super::*;

fn sine(hz: f64, rate: f64, frames: usize) -> Vec<f32> {
    (0..frames).map(|i| (TAU * hz * i as f64 / rate).sin() as f32).collect()
}

/// Level in dB of what is left of a sine at `hz` in the middle half of the samples, and of all the rest.
fn levels(samples: &[f32], hz: f64, rate: f64) -> (f64, f64) {
    let middle = &samples[samples.len() / 4..samples.len() * 3 / 4];
    let n = middle.len() as f64;
    // Least squares on sine and cosine, whose products vanish only nearly.
    let (mut ss, mut sc, mut cc, mut sx, mut cx) = (0.0, 0.0, 0.0, 0.0, 0.0);
    let wave = |i: usize| (TAU * hz * i as f64 / rate).sin_cos();
    for (i, x) in middle.iter().enumerate() {
        let ((s, c), x) = (wave(i), f64::from(*x));
        (ss, sc, cc) = (ss + s * s, sc + s * c, cc + c * c);
        (sx, cx) = (sx + s * x, cx + c * x);
    }
    let det = ss * cc - sc * sc;
    let (a, b) = ((sx * cc - cx * sc) / det, (cx * ss - sx * sc) / det);
    let rest = middle.iter().enumerate().map(|(i, x)| {
        let (s, c) = wave(i);
        (f64::from(*x) - a * s - b * c).powi(2)
    });
    let db = |power: f64| 10.0 * power.max(1e-20).log10();
    (db(a * a + b * b), db(2.0 * rest.sum::<f64>() / n))
}

/// A sine of `hz` keeps its level within 0.1 dB, with everything else below -90 dB.
#[track_caller]
fn check_passes(from: u32, to: u32, hz: f64) {
    let clip = Clip::mono(SampleRate(from), sine(hz, f64::from(from), from as usize / 2));
    let out = resample(&clip, SampleRate(to));
    let (level, rest) = levels(out.channel(0), hz, f64::from(to));
    assert!(level.abs() < 0.1, "{from} to {to}: {hz} Hz at {level} dB");
    assert!(rest < -90.0, "{from} to {to}: {hz} Hz with {rest} dB of other sound");
}

/// A sine of `hz`, beyond the new band, leaves less than -90 dB.
#[track_caller]
fn check_vanishes(from: u32, to: u32, hz: f64) {
    let clip = Clip::mono(SampleRate(from), sine(hz, f64::from(from), from as usize / 2));
    let out = resample(&clip, SampleRate(to));
    let middle = &out.channel(0)[out.len() / 4..out.len() * 3 / 4];
    let power = middle.iter().map(|x| f64::from(x * x)).sum::<f64>() / middle.len() as f64;
    assert!(power < 0.5e-9, "{from} to {to}: {hz} Hz leaves {} dB", 10.0 * (2.0 * power).log10());
}

#[test]
fn the_band_passes_and_nothing_folds_back() {
    for (from, to) in
        [(48_000, 44_100), (96_000, 44_100), (44_100, 48_000), (22_050, 44_100), (44_100, 16_000)]
    {
        let nyquist = f64::from(from.min(to)) / 2.0;
        for part in [0.01, 0.1, 0.5, 0.8, 0.9] {
            check_passes(from, to, part * nyquist);
        }
    }
    for hz in [22_500.0, 23_000.0, 23_900.0] {
        check_vanishes(48_000, 44_100, hz);
    }
    for hz in [22_500.0, 30_000.0, 47_000.0] {
        check_vanishes(96_000, 44_100, hz);
    }
    check_vanishes(44_100, 16_000, 8_200.0);
}

#[test]
fn onsets_stay_where_they_are() {
    for (from, to) in
        [(48_000, 44_100), (44_100, 48_000), (8_000, 44_100), (192_000, 44_100), (44_101, 44_100)]
    {
        let mut samples = vec![0.0; from as usize];
        let at = from as usize / 3;
        // A short bump, wide enough for both rates.
        let width = f64::from(from) / 2_000.0;
        for (i, sample) in samples.iter_mut().enumerate() {
            let x = (i as f64 - at as f64) / width;
            *sample = (-x * x).exp() as f32;
        }
        let out = resample(&Clip::mono(SampleRate(from), samples), SampleRate(to));
        let sum: f64 = out.samples().iter().map(|x| f64::from(x * x)).sum();
        let centre =
            out.samples().iter().enumerate().map(|(i, x)| i as f64 * f64::from(x * x)).sum::<f64>()
                / sum;
        let off_s = centre / f64::from(to) - at as f64 / f64::from(from);
        assert!(off_s.abs() < 2e-6, "{from} to {to}: {off_s} s");
    }
}

#[test]
fn channels_do_not_mix() {
    let wave = sine(440.0, 48_000.0, 5_000);
    let clip = Clip::new(SampleRate(48_000), &[&wave, &vec![0.0; 5_000]]);
    let out = resample(&clip, SampleRate::LIBRARY);
    assert!(out.channel(1).iter().all(|x| *x == 0.0));
    assert_eq!(
        out.channel(0),
        resample(&Clip::mono(SampleRate(48_000), wave), SampleRate::LIBRARY).channel(0)
    );
}

#[test]
fn varispeed_plays_a_sine_at_its_speed() {
    for speed in [0.25, 0.5, 0.890_9, 1.059_463, 1.5, 2.0, 3.7, 4.0] {
        // Partials up to 0.4 of the lower rate stay.
        for hz in [200.0, 3_000.0, 17_600.0 / f64::max(speed, 1.0)] {
            let out = varispeed(&sine(hz, 44_100.0, 44_100), speed);
            let (level, rest) = levels(&out, hz * speed, 44_100.0);
            assert!(level.abs() < 0.05, "speed {speed}: {hz} Hz at {level} dB");
            assert!(rest < -80.0, "speed {speed}: {hz} Hz with {rest} dB of other sound");
        }
    }
}

#[test]
fn varispeed_upwards_does_not_fold_back() {
    for speed in [1.5, 2.0, 4.0] {
        let out = varispeed(&sine(1.12 * 22_050.0 / speed, 44_100.0, 44_100), speed);
        let middle = &out[out.len() / 4..out.len() * 3 / 4];
        let peak = middle.iter().fold(0.0_f32, |peak, x| peak.max(x.abs()));
        assert!(peak < 1e-4, "speed {speed}: {peak}");
    }
}

#[test]
fn varispeed_starts_on_the_first_sample() {
    // The first sample of a click stays the loudest, however it is pitched.
    let mut click = vec![0.0; 1_000];
    click[0] = 1.0;
    for speed in [0.5, 0.75, 1.0, 1.333, 2.0] {
        let out = varispeed(&click, speed);
        let peak = out.iter().fold(0.0_f32, |peak, x| peak.max(x.abs()));
        assert_eq!(out[0].to_bits(), peak.to_bits(), "speed {speed}");
        assert!(
            (f64::from(out[0]) - 1.0 / f64::max(speed, 1.0)).abs() < 0.01,
            "speed {speed}: {}",
            out[0]
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lengths_are_the_rounded_ratio(
        frames in 0..3_000_usize,
        from in prop::sample::select(vec![4_000_u32, 8_000, 11_025, 22_050, 44_100, 48_000, 96_000, 192_000]),
        to in prop::sample::select(vec![16_000_u32, 22_050, 44_100, 48_000]),
        speed in 0.25..4.0_f64,
    ) {
        let clip = Clip::mono(SampleRate(from), vec![0.5; frames]);
        let expected = (frames as f64 * f64::from(to) / f64::from(from)).round() as usize;
        prop_assert_eq!(resample(&clip, SampleRate(to)).len(), expected);
        let out = varispeed(clip.channel(0), speed);
        prop_assert_eq!(out.len(), (frames as f64 / speed).round() as usize);
        prop_assert!(out.iter().all(|x| x.is_finite() && x.abs() < 1.0));
    }
}

/// Pieces of any length make the same samples as the whole.
#[track_caller]
fn check_stream(from: u32, to: u32, frames: usize, piece: u64) {
    let tone = |hz: f64| -> Vec<f32> {
        (0..frames).map(|i| (TAU * hz * i as f64 / f64::from(from)).sin() as f32).collect()
    };
    let clip = Clip::new(SampleRate(from), &[&tone(440.0), &tone(1000.0)]);
    let mut stream = Stream::new(SampleRate(from), SampleRate(to), 2);
    let mut out = [Vec::new(), Vec::new()];
    let mut keep = |clip: Clip| {
        for (out, channel) in out.iter_mut().zip(clip.iter_channels()) {
            out.extend_from_slice(channel);
        }
    };
    for start in (0..frames as u64).step_by(piece as usize) {
        keep(stream.push(&clip.slice(Frames(start), Frames(start + piece))));
    }
    keep(stream.finish());
    let whole = resample(&clip, SampleRate(to));
    assert!(Clip::new(SampleRate(to), &[&out[0], &out[1]]) == whole, "{from} to {to}");
}

#[test]
fn pieces_are_converted_as_the_whole() {
    check_stream(48_000, 44_100, 50_000, 7_001);
    check_stream(22_050, 44_100, 30_000, 1);
    check_stream(22_050, 44_100, 500, 4_000);
    check_stream(44_100, 44_100, 3_000, 999);
    check_stream(96_000, 44_100, 40_000, 40_000);
    check_stream(8_000, 44_100, 0, 10);
}
