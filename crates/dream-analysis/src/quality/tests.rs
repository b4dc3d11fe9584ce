use dream_core::SampleRate;

use super::*;
use crate::signals::{clicks, noise, silence, sine};

#[track_caller]
fn check(samples: Vec<f32>, defects: &[Defect]) -> Quality {
    let found = quality(&Clip::mono(SampleRate::LIBRARY, samples), Form::Loop);
    assert_eq!(found.defects, defects, "{found:?}");
    found
}

#[test]
fn clean_sounds_are_good() {
    for samples in [sine(220.0, 1.0), sine(41.2, 1.0), noise(1.0), clicks(&[0.0, 0.3], 0.6)] {
        let found = check(samples, &[]);
        assert!(found.score > 0.9, "{found:?}");
    }
}

#[test]
fn defects_are_named() {
    check(silence(1.0), &[Defect::Silence]);
    check(sine(220.0, 1.0).iter().map(|x| 0.3 * x + 0.4).collect(), &[Defect::Dc]);
    check(
        sine(220.0, 1.0).iter().map(|x| (4.0 * x).clamp(-1.0, 1.0)).collect(),
        &[Defect::Clipping],
    );
    let mut late = silence(60.0);
    late[44_100..48_510].copy_from_slice(&sine(100.0, 0.1));
    check(late, &[Defect::Silence]);
}

#[test]
fn an_empty_clip_is_worthless() {
    let found = check(vec![], &[Defect::Silence, Defect::TooShort]);
    assert_eq!(found.score.to_bits(), 0.0_f32.to_bits());
}
