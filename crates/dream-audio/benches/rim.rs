//! Decoding, encoding, resampling, metering and dynamics: seconds of sound per second.
//!
//! The peers in the same run are `hound` for writing and `ebur128` (inside `loudness`) for metering; items are
//! frames, so that `Mitem/s` over 0.0441 is the speed in times real time.

use std::f64::consts::TAU;
use std::hint::black_box;
use std::io::Cursor;

use divan::Bencher;
use divan::counter::ItemsCount;

use dream_audio::decode::{Limits, decode};
use dream_audio::dynamics::{
    ClipperSpec, Compressor, CompressorSpec, Detector, LimiterSpec, clip, limit,
};
use dream_audio::resample::{resample, varispeed};
use dream_audio::{Clip, encode, loudness};
use dream_core::{Db, SampleRate, Seed};

const FRAMES: usize = 441_000;

fn main() {
    divan::main();
}

/// Ten seconds of stereo: a chord under a pulse, 6 dB too loud for full scale.
fn material() -> Clip {
    let channel = |detune: f64| -> Vec<f32> {
        (0..FRAMES)
            .map(|i| {
                let t = i as f64 / 44_100.0;
                let chord: f64 = [110.0, 277.2, 659.3, 5_000.0]
                    .iter()
                    .map(|hz| (TAU * hz * detune * t).sin())
                    .sum();
                let pulse = (-(t * 2.3).fract() * 12.0).exp() * (TAU * 60.0 * t).sin();
                (0.25 * chord + 1.5 * pulse) as f32
            })
            .collect()
    };
    Clip::new(SampleRate::LIBRARY, &[&channel(1.0), &channel(1.003)])
}

fn frames() -> ItemsCount {
    ItemsCount::new(FRAMES)
}

#[divan::bench]
fn decode_wav16(bencher: Bencher<'_, '_>) {
    let bytes = encode::wav16(&material(), Seed(1)).expect("ten seconds fit");
    bencher.counter(frames()).bench(|| decode(Cursor::new(black_box(&bytes)), &Limits::default()));
}

#[divan::bench]
fn encode_wav16(bencher: Bencher<'_, '_>) {
    let clip = material();
    bencher.counter(frames()).bench(|| encode::wav16(black_box(&clip), Seed(1)));
}

#[divan::bench]
fn encode_wav16_without_dither_by_hound(bencher: Bencher<'_, '_>) {
    let clip = material();
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: 44_100,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    bencher.counter(frames()).bench(|| {
        let mut bytes = Cursor::new(Vec::new());
        let mut writer = hound::WavWriter::new(&mut bytes, spec).expect("memory takes it");
        for (left, right) in clip.channel(0).iter().zip(clip.channel(1)) {
            for sample in [left, right] {
                let step = (sample * 32_768.0).clamp(-32_768.0, 32_767.0) as i16;
                writer.write_sample(step).expect("memory takes it");
            }
        }
        writer.finalize().expect("memory takes it");
        bytes
    });
}

#[divan::bench]
fn encode_wav24(bencher: Bencher<'_, '_>) {
    let clip = material();
    bencher.counter(frames()).bench(|| encode::wav24(black_box(&clip), Seed(1)));
}

#[divan::bench]
fn encode_wav32f(bencher: Bencher<'_, '_>) {
    let clip = material();
    bencher.counter(frames()).bench(|| encode::wav32f(black_box(&clip)));
}

#[divan::bench]
fn resample_to_48k(bencher: Bencher<'_, '_>) {
    let clip = material();
    bencher.counter(frames()).bench(|| resample(black_box(&clip), SampleRate(48_000)));
}

#[divan::bench(args = [0.8, 1.26, 2.0])]
fn varispeed_one_channel(bencher: Bencher<'_, '_>, speed: f64) {
    let clip = material();
    bencher.counter(frames()).bench(|| varispeed(black_box(clip.channel(0)), speed));
}

#[divan::bench]
fn loudness_measure(bencher: Bencher<'_, '_>) {
    let clip = material();
    bencher.counter(frames()).bench(|| loudness::measure(black_box(&clip)));
}

#[divan::bench]
fn loudness_integrated(bencher: Bencher<'_, '_>) {
    let clip = material();
    bencher.counter(frames()).bench(|| loudness::integrated(black_box(&clip)));
}

#[divan::bench]
fn limit_to_minus_1(bencher: Bencher<'_, '_>) {
    bencher
        .counter(frames())
        .with_inputs(material)
        .bench_local_refs(|clip| limit(clip, &LimiterSpec::default()));
}

#[divan::bench]
fn soft_clip(bencher: Bencher<'_, '_>) {
    let spec = ClipperSpec { ceiling: Db(0.0), knee: Db(3.0), most: Db(f32::INFINITY) };
    bencher.counter(frames()).with_inputs(material).bench_local_refs(|stereo| {
        clip(stereo.channel_mut(0), &spec);
        clip(stereo.channel_mut(1), &spec);
    });
}

#[divan::bench]
fn compress(bencher: Bencher<'_, '_>) {
    let spec = CompressorSpec {
        threshold: Db(-12.0),
        ratio: 2.0,
        knee: Db(6.0),
        attack_s: 0.01,
        release_s: 0.1,
        makeup: Db(0.0),
        detector: Detector::Rms(0.01),
    };
    bencher.counter(frames()).with_inputs(material).bench_local_refs(|stereo| {
        let (left, right) = stereo.samples_mut().split_at_mut(FRAMES);
        Compressor::new(&spec, 44_100.0).run(&mut [left, right]);
    });
}
