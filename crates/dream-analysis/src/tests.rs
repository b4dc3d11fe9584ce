mod invariance;

use dream_core::{Defect, Mode, PitchClass};

use super::*;
use crate::signals::{chord, clicks, noise, silence, sine, thump};

fn of(samples: Vec<f32>) -> Facts {
    analyse(&Clip::mono(SampleRate::LIBRARY, samples), &Hints::default())
}

/// Every number of the facts is finite and in its range.
#[track_caller]
fn check_ranges(facts: &Facts) {
    let shares =
        [facts.category_confidence, facts.bpm_confidence, facts.key_confidence, facts.quality];
    let parts = facts.quality_parts.values().chain(&shares);
    assert!(parts.into_iter().all(|x| (0.0..=1.0).contains(x)), "{facts:?}");
    assert!(facts.attributes.values().all(|x| x.is_finite()), "{facts:?}");
    assert!(facts.neuromorphic.values().all(|x| x.is_finite()), "{facts:?}");
    assert!(facts.true_peak_dbtp >= -120.0 && facts.true_peak_dbtp.is_finite());
    assert!(facts.loudness_lufs.is_none_or(f64::is_finite));
    assert!(facts.beats_s.is_sorted() && facts.downbeats_s.is_sorted());
    assert!(facts.beats_s.iter().all(|t| (0.0..=facts.duration_s).contains(t)));
}

#[test]
fn a_loop_of_drums_is_one() {
    let mut samples = clicks(&(0..16).map(|i| f64::from(i) * 0.25).collect::<Vec<_>>(), 4.0);
    for beat in 0..8 {
        for (i, x) in thump(55.0, 0.4).into_iter().enumerate() {
            if let Some(slot) = samples.get_mut(beat * 22_050 + i) {
                *slot = 0.5 * *slot + 0.7 * x;
            }
        }
    }
    let facts = of(samples);
    check_ranges(&facts);
    assert_eq!(facts.form, Form::Loop);
    assert_eq!(facts.bars, Some(2));
    assert!((facts.bpm.unwrap().get() - 120.0).abs() < 0.1);
    assert!(facts.tags.contains(&"loop".to_owned()));
    assert_eq!(facts.root, None);
}

#[test]
fn a_thump_is_a_kick_without_tempo_or_key() {
    let facts = of(thump(52.0, 0.5));
    check_ranges(&facts);
    assert_eq!((facts.category, facts.form), (Category::Kick, Form::OneShot));
    assert_eq!((facts.bpm, facts.key, facts.bars), (None, None, None));
    assert!(facts.defects.is_empty());
}

#[test]
fn a_note_has_a_root_and_no_key() {
    let facts = of(chord(&[110.0], 1.0, 8));
    assert!((facts.root.unwrap() - 45.0).abs() < 0.05);
    assert_eq!(facts.key, None);
}

#[test]
fn a_chord_has_a_root_and_is_called_one() {
    let hz = |note: i32| 440.0 * (f64::from(note - 69) / 12.0).exp2();
    let stab = |notes: [i32; 3]| -> Facts {
        let fall = |(i, x): (usize, f32)| x * (-(i as f32) / 12_000.0).exp();
        of(chord(&notes.map(hz), 1.0, 8).into_iter().enumerate().map(fall).collect())
    };
    for (notes, root) in [([57, 60, 64], 57.0), ([59, 62, 67], 67.0), ([53, 57, 60], 53.0)] {
        let facts = stab(notes);
        assert!(facts.root.is_some_and(|found| (found - root).abs() < 0.1), "{facts:?}");
        assert!(facts.root_confidence >= 0.8 && facts.tags.contains(&"chord".to_owned()));
    }
    let facts = stab([60, 64, 68]);
    assert!(facts.root.is_none() && !facts.tags.contains(&"chord".to_owned()), "{facts:?}");
}

#[test]
fn nothing_comes_of_nothing() {
    for samples in [vec![], vec![0.0], silence(3.0), vec![0.4; 90_000], vec![1.0], vec![-0.0; 7]] {
        let facts = of(samples);
        check_ranges(&facts);
        assert_eq!((facts.bpm, facts.key, facts.root), (None, None, None), "{facts:?}");
        assert!(!facts.defects.is_empty());
    }
    let facts = of(silence(3.0));
    assert_eq!(facts.defects, [Defect::Silence]);
    assert_eq!((facts.category, facts.loudness_lufs), (Category::Other, None));
}

#[test]
fn odd_lengths_and_channels_are_in_range() {
    for frames in [1, 2, 255, 256, 257, 1023, 1024, 1025, 2048, 4097, 8193] {
        let left = &noise(1.0)[..frames];
        let right = &sine(99.0, 1.0)[..frames];
        let clip = Clip::new(SampleRate::LIBRARY, &[left, right]);
        check_ranges(&analyse(&clip, &Hints::default()));
    }
    let loud: Vec<f32> = noise(0.5).iter().map(|x| x * 1e6).collect();
    check_ranges(&of(loud));
    let soft: Vec<f32> = noise(0.5).iter().map(|x| x * 1e-6).collect();
    check_ranges(&of(soft));
}

#[test]
fn the_same_clip_gives_the_same_facts() {
    let samples = clicks(&[0.0, 0.3, 0.9, 1.4, 1.5], 2.0);
    assert_eq!(of(samples.clone()), of(samples));
}

#[test]
fn a_name_decides_the_category_and_silence_refuses_it() {
    let hints = Hints { name: Some("Kit/Snares/Snare 01.wav".to_owned()), ..Hints::default() };
    let of = |samples| analyse(&Clip::mono(SampleRate::LIBRARY, samples), &hints).category;
    assert_eq!(of(thump(52.0, 0.5)), Category::Snare);
    assert_eq!(of(silence(1.0)), Category::Other);
}

#[test]
fn known_facts_are_taken_over() {
    let key = Key { tonic: PitchClass::of(6), mode: Mode::Minor };
    let known = Known {
        category: Some(Category::Pad),
        form: Some(Form::Loop),
        bpm: Some(Bpm::new(138.0).unwrap()),
        bars: Some(1),
        key: Some(key),
        root: Some(30.0),
        tags: vec!["starter".to_owned()],
    };
    let clip = Clip::mono(SampleRate::LIBRARY, noise(240.0 / 138.0));
    let facts = analyse(&clip, &Hints { name: None, known });
    check_ranges(&facts);
    assert_eq!(
        (facts.category, facts.category_confidence.to_bits()),
        (Category::Pad, 1.0_f32.to_bits())
    );
    assert_eq!((facts.form, facts.bars, facts.root), (Form::Loop, Some(1), Some(30.0)));
    assert_eq!((facts.key, facts.bpm.unwrap().get().to_bits()), (Some(key), 138.0_f64.to_bits()));
    assert_eq!((facts.beats_s.len(), facts.downbeats_s.len()), (4, 1));
    assert_eq!(facts.tags[0], "starter");
}
