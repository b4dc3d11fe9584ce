use dream_core::{Bpm, Seed};
use rand::Rng;

use super::super::envelope::Layout;
use super::super::judge::snr_db;
use super::*;
use dream_audio::stretch::Material;

const RATE: SampleRate = SampleRate::LIBRARY;

/// Hits on the eighths and a hum, ringing on around the end, at that tempo.
fn beat(bpm: f64, bars: usize, hz: f64, seed: u64) -> Clip {
    let bpm = Bpm::new(bpm).unwrap();
    let frames = bpm.frame_of(4.0 * bars as f64, RATE).index();
    let mut rng = Seed(seed).rng();
    let mut samples = vec![0.0_f32; frames];
    let turns = (hz * frames as f64 / RATE.hz()).round();
    for (i, x) in samples.iter_mut().enumerate() {
        *x = 0.05 * (turns * i as f64 / frames as f64 * std::f64::consts::TAU).sin() as f32;
    }
    for hit in 0..8 * bars {
        let at = bpm.frame_of(0.5 * hit as f64, RATE).index();
        for i in 0..12_000 {
            let noise = f64::from(rng.next_u32()) / f64::from(u32::MAX) - 0.5;
            let tone = (i as f64 * hz / RATE.hz() * std::f64::consts::TAU).sin();
            samples[(at + i) % frames] +=
                (0.4 * (tone + noise) * (-(i as f64) / 3_000.0).exp()) as f32;
        }
    }
    Clip::mono(RATE, samples)
}

fn grid() -> Grid {
    Grid::new(Layout::Bar)
}

#[test]
fn a_loop_under_its_own_envelopes_stays_itself_at_any_tempo() {
    for (bpm, bars) in [(138.0, 2), (61.3, 1), (174.0, 1)] {
        let (left, right) = (beat(bpm, bars, 90.0, 1), beat(bpm, bars, 200.0, 2));
        let wide = Clip::new(RATE, &[left.samples(), right.samples()]);
        for clip in [left, wide] {
            let own = Bars::new(&grid(), clip, bars).unwrap();
            let player = Player { bars: &own, weight: 1.0 };
            let same = morph_bars(&grid(), own.envelopes(), &[player], Seed(1));
            let snr = snr_db(own.clip(), &same.clip);
            assert!(snr > 90.0, "{bpm}: {snr}");
            assert!(same.strained.abs() < 1e-9);
        }
    }
}

#[test]
fn bars_of_two_tempi_have_one_envelope() {
    let near = |a: f64, b: f64| {
        let [a, b] = [a, b].map(|bpm| Bars::new(&grid(), beat(bpm, 1, 90.0, 1), 1).unwrap());
        super::super::distance(&a.envelopes()[0], &b.envelopes()[0])
    };
    // Decays last as long as they do, and noise is noise.
    assert!(near(120.0, 126.0) < 3.0, "{}", near(120.0, 126.0));
    let other = Bars::new(&grid(), beat(120.0, 1, 900.0, 1), 1).unwrap();
    let one = Bars::new(&grid(), beat(120.0, 1, 90.0, 1), 1).unwrap();
    assert!(super::super::distance(&one.envelopes()[0], &other.envelopes()[0]) > 4.0);
}

#[test]
fn a_morph_takes_the_envelopes_of_its_target_and_goes_around() {
    let parent = Bars::new(&grid(), beat(130.0, 2, 90.0, 1), 2).unwrap();
    let bands = grid().bands();
    // Every bar fades in: the second is quieter than the first at its start, and the end is louder than the start.
    let targets: Vec<Vec<f32>> = parent
        .envelopes()
        .iter()
        .map(|bar| {
            let level =
                |(i, level): (usize, &f32)| level - 12.0 * (1.0 - (i / bands) as f32 / 128.0);
            bar.iter().enumerate().map(level).collect()
        })
        .collect();
    let player = Player { bars: &parent, weight: 1.0 };
    let made = morph_bars(&grid(), &targets, &[player], Seed(1)).clip;
    assert_eq!(made.len(), parent.clip().len());
    assert!(seam(&made) <= 1.0, "{}", seam(&made));
    let gain = made.peak();
    let heard = Bars::new(&grid(), made, 2).unwrap();
    let back = 20.0 * gain.log10();
    let mut errors: Vec<f32> = heard.envelopes()[0]
        .iter()
        .zip(&targets[0])
        .filter(|(_, target)| **target > -50.0)
        .map(|(a, b)| (a + back - b).abs())
        .collect();
    errors.sort_by(f32::total_cmp);
    assert!(errors[errors.len() / 2] < 1.0, "{}", errors[errors.len() / 2]);
}

#[test]
fn two_players_share_the_power() {
    let [a, b] = [1, 2].map(|seed| Bars::new(&grid(), beat(120.0, 1, 90.0, seed), 1).unwrap());
    let halves = [&a, &b].map(|bars| Player { bars, weight: 0.5 });
    let made = morph_bars(&grid(), a.envelopes(), &halves, Seed(1)).clip;
    let power = |clip: &Clip| clip.samples().iter().map(|x| f64::from(*x).powi(2)).sum::<f64>();
    let change = power(&made) / power(a.clip());
    assert!((0.6..2.0).contains(&change), "{change}");
    assert!(a.opposes(&a.clone().inverted()) && !a.opposes(&a));
}

#[test]
fn the_last_touch_closes_the_loop_and_keeps_the_middle() {
    // A tone that stops in the middle of a wave, the other way round on the right.
    let tone = |hz: f64, sign: f32| -> Vec<f32> {
        let wave = |i: usize| (i as f64 * hz / RATE.hz() * std::f64::consts::TAU).cos() as f32;
        (0..50_000).map(|i| sign * (0.4 * wave(i) + 0.001 * i as f32 / 50_000.0)).collect()
    };
    for (hz, sign) in [(100.3, 1.0), (40.7, -0.5), (3_000.3, 1.0)] {
        let clip = Clip::new(RATE, &[&tone(hz, 1.0), &tone(hz, sign)]);
        for material in [Material::Drums, Material::Tonal] {
            let made = finish_loop(&clip, material, 0.8);
            assert_eq!((made.len(), made.channels()), (50_000, 2));
            assert!((made.peak() - 0.8).abs() < 1e-6);
            assert!(seam(&made) <= 1.0, "{hz}: {}", seam(&made));
        }
    }
    let made =
        finish_loop(&Clip::new(RATE, &[&tone(41.0, 1.0), &tone(41.0, -1.0)]), Material::Drums, 0.8);
    assert!(made.samples().iter().all(|x| x.is_finite()));
}

#[test]
fn what_is_no_loop_is_refused() {
    let refused =
        |clip: Clip, bars| matches!(Bars::new(&grid(), clip, bars), Err(Error::Unusable(_)));
    assert!(refused(Clip::mono(RATE, vec![0.0; 100_000]), 1));
    assert!(refused(Clip::mono(SampleRate(48_000), vec![0.5; 100_000]), 1));
    assert!(refused(Clip::mono(RATE, vec![0.5; 1_000]), 1));
    assert!(refused(Clip::mono(RATE, vec![0.5; 100_000]), 0));
    assert!(refused(Clip::mono(RATE, vec![0.5; 100_000]), 33));
    assert!(refused(Clip::mono(RATE, vec![0.5; 100_000]), usize::MAX));
}

#[test]
fn a_loop_made_of_envelopes_alone_sounds_like_them_and_closes() {
    let real = Bars::new(&grid(), beat(130.0, 1, 90.0, 1), 1).unwrap();
    let frames = real.clip().len();
    let made = bars_from_envelopes(&grid(), real.envelopes(), frames, 4, Seed(1));
    assert_eq!(made.len(), frames);
    let made = Clip::mono(RATE, made);
    assert!(seam(&made) < 1.5, "{}", seam(&made));
    let peak = made.peak();
    let heard = Bars::new(&grid(), made, 1).unwrap();
    let back: Vec<f32> = heard.envelopes()[0].iter().map(|x| x + 20.0 * peak.log10()).collect();
    let apart = super::super::distance(&back, &real.envelopes()[0]);
    assert!(apart < 3.0, "{apart}");
}
