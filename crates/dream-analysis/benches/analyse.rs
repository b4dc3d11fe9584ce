//! Analysis of a 16 s stereo loop, of a one-shot, and of the parts of the former.

use divan::{Bencher, black_box};
use dream_analysis::{Hints, analyse, key, onset, pitch, tempo};
use dream_audio::{Clip, loudness};
use dream_core::{SampleRate, Seed};

fn main() {
    divan::main();
}

/// Hits of noise and a tone that change every half second: 120 bpm.
fn stem(seconds: f64) -> Clip {
    let frames = (seconds * 44_100.0) as usize;
    let mut state = Seed(5);
    let mut channel = |pitch: f64| -> Vec<f32> {
        (0..frames)
            .map(|i| {
                state = state.index(0);
                let noise = (state.0 >> 40) as f64 / 8_388_608.0 - 1.0;
                let t = i as f64 / 44_100.0;
                let since = t % 0.5;
                let tone = (std::f64::consts::TAU * pitch * t).sin();
                (0.4 * noise * (-since / 0.03).exp() + 0.3 * tone * (-since / 0.2).exp()) as f32
            })
            .collect()
    };
    let (left, right) = (channel(220.0), channel(329.6));
    Clip::new(SampleRate::LIBRARY, &[&left, &right])
}

#[divan::bench(args = [0.4, 16.0])]
fn whole(bencher: Bencher<'_, '_>, seconds: f64) {
    let clip = stem(seconds);
    bencher.bench(|| analyse(black_box(&clip), &Hints::default()));
}

#[divan::bench]
fn part_onsets_and_tempo(bencher: Bencher<'_, '_>) {
    let mono = stem(16.0).to_mono();
    bencher.bench(|| tempo::tempo(&onset::onsets(black_box(&mono)), 16.0, None));
}

#[divan::bench]
fn part_key(bencher: Bencher<'_, '_>) {
    let mono = stem(16.0).to_mono();
    bencher.bench(|| key::key(black_box(&mono)));
}

#[divan::bench]
fn part_pitch(bencher: Bencher<'_, '_>) {
    let mono = stem(16.0).to_mono();
    bencher.bench(|| pitch::pitch(black_box(&mono)));
}

#[divan::bench]
fn part_loudness(bencher: Bencher<'_, '_>) {
    let clip = stem(16.0);
    bencher.bench(|| loudness::measure(black_box(&clip)));
}
