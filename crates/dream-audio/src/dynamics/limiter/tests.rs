use std::f64::consts::TAU;

use ebur128::{EbuR128, Mode};
use rand::RngExt;

use dream_core::{SampleRate, Seed};

use super::*;

const RATE: SampleRate = SampleRate::LIBRARY;

fn sine(hz: f64, phase: f64, gain_db: f32, frames: usize) -> Vec<f32> {
    let gain = f64::from(Db(gain_db).gain());
    (0..frames).map(|i| (gain * (TAU * hz * i as f64 / 44_100.0 + phase).sin()) as f32).collect()
}

fn noise(seed: u64, frames: usize) -> Vec<f32> {
    let mut rng = Seed(seed).rng();
    (0..frames).map(|_| rng.random_range(-1.0..1.0)).collect()
}

/// Bursts of 5 to 60 ms at up to +18 dB, with hard edges.
fn bursts(seed: u64, frames: usize) -> Vec<f32> {
    let mut rng = Seed(seed).rng();
    let mut samples = noise(seed + 1, frames);
    let mut at = 0;
    while at < frames {
        let end = frames.min(at + rng.random_range(220..2_600));
        let gain = if rng.random_bool(0.5) { rng.random_range(0.0..8.0) } else { 0.01 };
        samples[at..end].iter_mut().for_each(|sample| *sample *= gain);
        at = end;
    }
    samples
}

/// The true peak in dBTP by a meter that shares no code with the limiter.
fn metered(clip: &Clip) -> f64 {
    let mut meter = EbuR128::new(clip.channels() as u32, RATE.0, Mode::TRUE_PEAK).unwrap();
    meter.add_frames_planar_f32(&clip.iter_channels().collect::<Vec<_>>()).unwrap();
    let peaks = (0..clip.channels() as u32).map(|c| meter.true_peak(c).unwrap());
    20.0 * peaks.fold(0.0, f64::max).log10()
}

#[track_caller]
fn check_ceiling(channels: &[&[f32]], ceiling_db: f32) -> Clip {
    let mut clip = Clip::new(RATE, channels);
    let spec = LimiterSpec { ceiling: Db(ceiling_db), ..LimiterSpec::default() };
    limit(&mut clip, &spec);
    let peak = metered(&clip);
    assert!(peak <= f64::from(ceiling_db) + 0.06, "{peak} dBTP over {ceiling_db}");
    assert!(peak > f64::from(ceiling_db) - 1.0, "{peak} dBTP is too low");
    clip
}

#[test]
fn nasty_material_stays_below_the_ceiling() {
    let frames = 60_000;
    check_ceiling(&[&sine(997.0, 0.0, 12.0, frames)], -1.0);
    // A quarter of the rate at 45 degrees peaks 3 dB above its samples.
    check_ceiling(&[&sine(11_025.0, TAU / 8.0, 2.0, frames)], -1.0);
    check_ceiling(&[&sine(19_000.0, 0.3, 9.0, frames)], -0.3);
    check_ceiling(&[&bursts(5, frames), &bursts(77, frames)], -1.0);
    check_ceiling(&[&noise(3, frames).iter().map(|x| x.signum()).collect::<Vec<_>>()], -1.0);
    let mut clicks = vec![0.0; frames];
    (0..frames).step_by(1_234).for_each(|i| clicks[i] = 8.0);
    check_ceiling(&[&clicks], -1.0);
}

#[test]
fn quiet_material_passes_unchanged_and_in_place() {
    let samples = sine(440.0, 0.0, -3.0, 10_000);
    let mut clip = Clip::new(RATE, &[&samples, &samples]);
    let before = clip.clone();
    assert_eq!(limit(&mut clip, &LimiterSpec::default()).deepest(), Db(0.0));
    assert_eq!(clip, before);
}

#[test]
fn all_channels_get_the_same_gain() {
    let (loud, quiet) = (bursts(9, 30_000), sine(300.0, 0.0, -20.0, 30_000));
    let mut clip = Clip::new(RATE, &[&loud, &quiet]);
    limit(&mut clip, &LimiterSpec::default());
    for i in (0..30_000).filter(|i| loud[*i].abs() > 0.01 && quiet[*i].abs() > 0.01) {
        let (left, right) = (clip.channel(0)[i] / loud[i], clip.channel(1)[i] / quiet[i]);
        assert!((left - right).abs() < 1e-5);
    }
}

#[test]
fn blocks_of_any_size_give_the_same_samples_as_the_whole() {
    let input = bursts(21, 20_000);
    let mut whole = Clip::mono(RATE, input.clone());
    limit(&mut whole, &LimiterSpec::default());
    let mut limiter = Limiter::new(&LimiterSpec::default(), 1, RATE.hz());
    let mut streamed = input;
    for part in streamed.chunks_mut(701) {
        limiter.run(&mut [part]);
    }
    streamed.extend(limiter.flush().remove(0));
    assert_eq!(streamed[limiter.latency().index()..], *whole.samples());
}

#[test]
fn the_gain_recovers_quickly_after_one_peak_and_slowly_after_many() {
    let recovery = |held_frames: usize| {
        let mut release = Release::new(0.04, RATE.hz());
        (0..held_frames).for_each(|_| {
            release.step(0.5);
        });
        (0..4_410).for_each(|_| {
            release.step(1.0);
        });
        release.gain
    };
    assert!(recovery(100) > 0.9, "{}", recovery(100));
    assert!(recovery(88_200) < 0.75, "{}", recovery(88_200));
}

#[test]
fn the_sliding_minimum_is_the_minimum() {
    let values = noise(8, 500);
    let mut hold = SlidingMinimum::new(17);
    for i in 0..values.len() {
        let expected = values[i.saturating_sub(16)..=i].iter().fold(f32::MAX, |a, b| a.min(*b));
        assert_eq!(hold.step(values[i]).to_bits(), expected.to_bits());
    }
}
