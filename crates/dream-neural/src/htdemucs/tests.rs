//! Small networks made and run by the reference implementation: `reference/small.py`.

use std::path::{Path, PathBuf};

use dream_audio::Clip;
use dream_core::{Cancelled, Frames, Progress, SampleRate, Seed};
use serde_json::Value;

use super::{Bag, Htdemucs, Level, Spec, Track, separate, separate_to};
use crate::Error;
use crate::weights::Store;

const RATE: SampleRate = SampleRate(8000);

fn reference() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("reference")
}

/// The first network as `.th`, the second as `.safetensors`.
fn networks() -> [Htdemucs; 2] {
    let mut files = std::fs::read_dir(reference()).unwrap().map(|entry| entry.unwrap().path());
    let first = files.find(|path| path.extension().is_some_and(|end| end == "th")).unwrap();
    [first, reference().join("small.safetensors")]
        .map(|path| Htdemucs::new(&Store::open(&path).unwrap()).unwrap())
}

fn bag() -> Bag {
    Bag::new(networks().into(), vec![vec![1.0, 0.5], vec![0.0, 1.5]]).unwrap()
}

pub(super) fn noise(count: usize) -> Vec<f32> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (f64::from(state) / f64::from(u32::MAX) * 2.0 - 1.0) as f32
    };
    (0..count).map(|_| next()).collect()
}

fn track() -> Clip {
    let samples: Vec<f32> = noise(20_000).iter().map(|x| x * 0.3 + 0.05).collect();
    Clip::new(RATE, &[&samples[..10_000], &samples[10_000..]])
}

fn expected(json: &Value) -> Vec<f64> {
    json.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

/// Compares every seventh value; the error is at most 1e-4 of the reference's scale.
#[track_caller]
fn check(got: impl Iterator<Item = f32>, expected: &[f64]) {
    let got: Vec<f32> = got.step_by(7).collect();
    assert_eq!(got.len(), expected.len());
    let scale = (expected.iter().map(|x| x * x).sum::<f64>() / expected.len() as f64).sqrt();
    assert!(scale > 0.01, "{scale}");
    let error =
        got.iter().zip(expected).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max);
    assert!(error < 1e-4 * scale.max(0.06), "{error} of {scale}");
}

fn answers() -> Value {
    serde_json::from_slice(&std::fs::read(reference().join("small.json")).unwrap()).unwrap()
}

#[test]
fn a_segment_comes_out_as_from_the_reference() {
    let answers = answers();
    for (net, answer) in networks().iter().zip(answers["segments"].as_array().unwrap()) {
        let mix = noise(2 * net.config().segment);
        let (left, right) = mix.split_at(net.config().segment);
        let out = net.forward([left, right], &Progress::silent()).unwrap();
        check(out.into_iter(), &expected(answer));
    }
}

#[test]
fn a_track_through_a_bag_comes_out_as_from_the_reference() {
    let stems = separate(&bag(), &track(), &Spec::default(), &Progress::silent()).unwrap();
    let samples = stems.iter().flat_map(|stem| stem.samples().iter().copied());
    check(samples, &expected(&answers()["track"]));
}

#[test]
fn the_same_bytes_come_out_whatever_the_number_of_threads() {
    let (bag, spec) = (bag(), Spec { shifts: 1, seed: Seed(3), ..Spec::default() });
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| separate(&bag, &track(), &spec, &Progress::silent()).unwrap())
    };
    assert_eq!(run(1), run(3));
}

/// Runs from frame `from` on; returns the pieces with their beginnings.
fn pieces(bag: &Bag, spec: &Spec, from: u64) -> Vec<(u64, Vec<Clip>)> {
    let track = track();
    let mut level = Level::default();
    level.add(&track.slice(Frames(0), Frames(3000)));
    level.add(&track.slice(Frames(3000), Frames(10_000)));
    let mut at = None;
    let next = |start: Frames, frames: Frames| {
        assert!(at.is_none_or(|at| at == start.0) && (at.is_some() || start.0 <= from));
        at = Some(start.0 + frames.0);
        Ok(track.slice(start, Frames(start.0 + frames.0)))
    };
    let mut pieces = Vec::new();
    separate_to(
        bag,
        Track { level, from: Frames(from), next },
        spec,
        &Progress::silent(),
        |start: Frames, stems: &[Clip]| {
            pieces.push((start.0, stems.to_vec()));
            Ok::<(), Error>(())
        },
    )
    .unwrap();
    pieces
}

#[test]
fn an_interrupted_track_goes_on_with_the_same_bytes() {
    let bag = bag();
    for (shifts, overlap) in [(0, 0.25), (2, 0.25), (0, 0.6), (0, 0.0)] {
        let spec = Spec { shifts, overlap, seed: Seed(5) };
        let whole = pieces(&bag, &spec, 0);
        let mut end = 0;
        for (i, (start, stems)) in whole.iter().enumerate() {
            assert_eq!(*start, end);
            end += stems[0].len() as u64;
            assert!(pieces(&bag, &spec, *start) == whole[i..], "from {start}");
        }
        assert_eq!(end, 10_000);
        assert!(whole.len() > 2);
    }
}

#[test]
fn shifts_change_little_and_depend_on_the_seed() {
    let bag = bag();
    let run = |shifts, seed| {
        let spec = Spec { shifts, seed: Seed(seed), ..Spec::default() };
        separate(&bag, &track(), &spec, &Progress::silent()).unwrap()
    };
    assert_eq!(run(2, 1), run(2, 1));
    assert_ne!(run(2, 1), run(2, 2));
    assert_ne!(run(2, 1), run(0, 1));
}

#[test]
fn any_length_rate_and_number_of_channels_goes_through() {
    let bag = Bag::single(networks().into_iter().next().unwrap());
    for frames in [0, 1, 2, 63, 4001, 4002] {
        let mix = Clip::mono(RATE, noise(frames));
        let stems = separate(&bag, &mix, &Spec::default(), &Progress::silent()).unwrap();
        assert_eq!(stems.len(), 2);
        for stem in stems {
            assert_eq!((stem.len(), stem.channels(), stem.rate()), (frames, 2, RATE));
            assert!(stem.samples().iter().all(|x| x.is_finite()));
        }
    }
    let mix = Clip::mono(SampleRate(11_025), noise(11_025));
    let stems = separate(&bag, &mix, &Spec::default(), &Progress::silent()).unwrap();
    assert_eq!((stems[1].len(), stems[1].rate()), (8000, RATE));
    let silence = Clip::silence(RATE, 1, Frames(5000));
    let stems = separate(&bag, &silence, &Spec::default(), &Progress::silent()).unwrap();
    assert!(stems.iter().all(|stem| stem.peak() < 1e-3));
}

#[test]
fn work_stops_within_a_segment() {
    let progress = Progress::silent();
    progress.cancel();
    let net = &networks()[0];
    let mix = noise(net.config().segment);
    assert_eq!(net.forward([&mix, &mix], &progress), Err(Cancelled));
    let bag = Bag::single(networks().into_iter().next().unwrap());
    let stopped = separate(&bag, &track(), &Spec::default(), &progress);
    assert!(matches!(stopped, Err(Error::Cancelled(_))));
}

#[test]
fn settings_and_bags_that_make_no_sense_are_errors() {
    let bag = Bag::single(networks().into_iter().next().unwrap());
    for spec in [
        Spec { shifts: 21, ..Spec::default() },
        Spec { overlap: 0.95, ..Spec::default() },
        Spec { overlap: f64::NAN, ..Spec::default() },
    ] {
        let refused = separate(&bag, &track(), &spec, &Progress::silent());
        assert!(matches!(refused, Err(Error::Setting { .. })), "{spec:?}");
    }
    for weights in
        [vec![], vec![vec![1.0, 1.0]; 1], vec![vec![1.0, 0.0]; 2], vec![vec![-1.0; 2]; 2]]
    {
        assert!(matches!(Bag::new(networks().into(), weights), Err(Error::Bag(_))));
    }
    assert!(matches!(Bag::new(vec![], vec![]), Err(Error::Bag(_))));
}
