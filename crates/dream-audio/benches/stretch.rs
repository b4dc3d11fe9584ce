//! Stretching 8 s of stereo: output per second of processor time is 8 * ratio over the figure.

use std::f64::consts::TAU;

use divan::{Bencher, black_box};
use dream_audio::Clip;
use dream_audio::stretch::{Material, reseam, stretch, stretch_loop};
use dream_core::{SampleRate, Semitones};

fn main() {
    divan::main();
}

/// Saw chords with a decaying burst on every quarter second.
fn clip() -> Clip {
    let rate = SampleRate::LIBRARY;
    let side = |detune: f64| -> Vec<f32> {
        let at = |i: usize| {
            let t = i as f64 / rate.hz();
            let chord: f64 =
                [110.0, 138.6, 164.8].iter().map(|hz| (hz * detune * t).fract() - 0.5).sum();
            let burst = (TAU * 180.0 * t).sin() * (-40.0 * (t % 0.25)).exp();
            (0.2 * chord + 0.5 * burst) as f32
        };
        (0..8 * 44_100).map(at).collect()
    };
    Clip::new(rate, &[&side(1.0), &side(1.004)])
}

/// Clicks and hiss without a pitch.
fn crackle() -> Clip {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let noise = f64::from(state) / f64::from(u32::MAX) - 0.5;
        (0.5 * noise * noise.abs().powi(8) * 256.0) as f32
    };
    let channel: Vec<f32> = (0..8 * 44_100).map(|_| next()).collect();
    Clip::new(SampleRate::LIBRARY, &[&channel, &channel])
}

#[divan::bench(args = [0.9, 1.25])]
fn tonal(bencher: Bencher<'_, '_>, ratio: f64) {
    let clip = clip();
    bencher.bench_local(|| stretch(black_box(&clip), ratio, Semitones(0.0), Material::Tonal));
}

#[divan::bench(args = [0.9, 1.25])]
fn drums(bencher: Bencher<'_, '_>, ratio: f64) {
    let clip = clip();
    bencher.bench_local(|| stretch(black_box(&clip), ratio, Semitones(0.0), Material::Drums));
}

#[divan::bench(args = [0.985, 1.25])]
fn noise(bencher: Bencher<'_, '_>, ratio: f64) {
    let clip = crackle();
    bencher.bench_local(|| stretch(black_box(&clip), ratio, Semitones(0.0), Material::Noise));
}

#[divan::bench(args = [-3.0, 2.0])]
fn voice_pitch(bencher: Bencher<'_, '_>, semitones: f64) {
    let clip = clip();
    bencher.bench_local(|| stretch(black_box(&clip), 1.0, Semitones(semitones), Material::Voice));
}

#[divan::bench(args = [-3.0, 2.0])]
fn tonal_loop_pitch(bencher: Bencher<'_, '_>, semitones: f64) {
    let clip = clip();
    bencher.bench_local(|| {
        stretch_loop(black_box(&clip), 1.05, Semitones(semitones), Material::Tonal)
    });
}

/// A tone that was cut anywhere.
#[divan::bench]
fn reseam_a_cut(bencher: Bencher<'_, '_>) {
    let at = |i: i32| (TAU * 83.3 * f64::from(i) / 44_100.0 + 1.2).sin() as f32;
    let cut = Clip::mono(SampleRate::LIBRARY, (0..300_001).map(at).collect());
    bencher.with_inputs(|| cut.clone()).bench_local_values(|mut cut| {
        reseam(&mut cut, Material::Tonal);
        cut
    });
}
