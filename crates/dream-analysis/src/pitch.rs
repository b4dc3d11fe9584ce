//! Fundamental frequency of a single sound.
//!
//! Method: A. de Cheveigné and H. Kawahara, "YIN, a fundamental frequency estimator for speech and music",
//! JASA 111(4), 2002, steps 1 to 5; the difference function by FFT. We differ: the pitch of a clip is the
//! energy-weighted median over its windows, refined by its partials; it is a note's if the windows agree and the
//! partials are those of one note, as a logistic regression weighs (`bench/key/train_root.py`).
//! In: mono samples at 44.1 kHz, the first 2 s count. Out: 30 to 2200 Hz as a fractional MIDI note.
//! Shapes: half the rate, windows of 2048 (93 ms), hop 512. Cost: three FFTs of 4096 per window.
//! Limits: chords and pitches that sweep have no root.

mod partials;

use dream_audio::filter::Cascade;
use realfft::RealFftPlanner;

use crate::spectrum::vertex;

/// What was found out about the pitch.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Pitch {
    /// Median pitch as a MIDI note with cents as its fraction; `None` without a voiced window.
    pub midi: Option<f64>,
    /// Energy-weighted share of the windows that are periodic, 0 to 1.
    pub voiced: f32,
    /// Spread of the voiced windows: the energy-weighted mean distance from the median, in semitones.
    pub spread: f32,
    /// Pitch of the first voiced window above that of the last, in semitones.
    pub fall: f32,
}

/// The note of a clip that may be one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Root {
    /// Fundamental as a MIDI note with cents as its fraction.
    pub midi: f64,
    /// The probability that the clip is one note, and this one, 0 to 1.
    pub confidence: f32,
}

const RATE: f64 = 22_050.0;
const WINDOW: usize = 2048;
const HOP: usize = 512;
const LAGS: usize = 736; // 30 Hz
const FIRST_LAG: usize = 10; // 2205 Hz
/// Windows this far below the loudest are silent (-90 dB).
const FAINT: f64 = 1e-9;
/// YIN's absolute threshold.
const THRESHOLD: f32 = 0.15;

/// The pitch of mono samples at 44.1 kHz.
pub fn pitch(mono: &[f32]) -> Pitch {
    let half = halved(&mono[..mono.len().min(88_200)]);
    let voiced = windows(&half);
    let all: f64 = voiced.iter().map(|window| window.energy).sum();
    let mut found: Vec<(f64, f64)> = voiced
        .iter()
        .filter_map(|window| Some((69.0 + 12.0 * (window.hz? / 440.0).log2(), window.energy)))
        .collect();
    let (Some(&first), Some(&last)) = (found.first(), found.last()) else {
        return Pitch::default();
    };
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    let energy: f64 = found.iter().map(|note| note.1).sum();
    let mut below = 0.0;
    let median = found
        .iter()
        .find(|note| {
            below += note.1;
            below >= 0.5 * energy
        })
        .map_or(first.0, |note| note.0);
    let spread = found.iter().map(|note| (note.0 - median).abs() * note.1).sum::<f64>() / energy;
    Pitch {
        midi: Some(median),
        voiced: (energy / all.max(1e-30)) as f32,
        spread: spread as f32,
        fall: (first.0 - last.0) as f32,
    }
}

/// The note of mono samples at 44.1 kHz whose pitch was heard; `None` without a steady pitch.
pub fn root(mono: &[f32], heard: &Pitch) -> Option<Root> {
    let (midi, evidence) = root_evidence(mono, heard)?;
    let logit: f32 = evidence.iter().zip(&WEIGHTS).map(|(value, weight)| value * weight).sum();
    Some(Root { midi, confidence: 1.0 / (1.0 + (-logit - BIAS).exp()) })
}

fn hz(midi: f64) -> f64 {
    440.0 * ((midi - 69.0) / 12.0).exp2()
}

/// Least share of periodic windows of a note, and how far they may lie apart, in semitones.
const VOICED_MIN: f32 = 0.6;
const SPREAD_MAX: f32 = 0.45;
/// How many things speak for one note.
pub const EVIDENCE: usize = 6;
/// Weights of the evidence and the bias, by logistic regression in `bench/key/train_root.py`.
const WEIGHTS: [f32; EVIDENCE] = [-0.256, 1.268, 6.078, -2.287, 1.963, 1.738];
const BIAS: f32 = -1.745;

/// The note of a steady pitch with what speaks for it: glide in semitones, and of the partials the share that they
/// explain, that of the first three, their distance from their places in tens of cents, and the share of the
/// odd ones; at last the logarithm of how long it sounds.
pub fn root_evidence(mono: &[f32], heard: &Pitch) -> Option<(f64, [f32; EVIDENCE])> {
    let median = heard.midi.filter(|_| heard.voiced >= VOICED_MIN && heard.spread <= SPREAD_MAX)?;
    let partials = partials::partials(mono, hz(median));
    let refined = 69.0 + 12.0 * (partials.hz / 440.0).log2();
    // A glide or a vibrato spreads the partials: then the windows know better.
    let midi = if (refined - median).abs() < 0.3 { refined } else { median };
    let evidence = [
        heard.fall.abs().min(6.0),
        partials.explained,
        partials.low,
        partials.mistuned.min(30.0) / 10.0,
        partials.odd,
        length_s(mono).clamp(0.03, 1.0).log2(),
    ];
    Some((midi, evidence))
}

/// How long it takes until 95 % of the energy has sounded, in seconds.
fn length_s(mono: &[f32]) -> f32 {
    let energy = |moment: &[f32]| moment.iter().map(|x| f64::from(x * x)).sum::<f64>();
    let moments: Vec<f64> = mono.chunks(441).map(energy).collect();
    let mut left = 0.95 * moments.iter().sum::<f64>();
    let until = moments.iter().take_while(|moment| {
        left -= **moment;
        left > 0.0
    });
    0.01 * until.count() as f32
}

struct Window {
    hz: Option<f64>,
    energy: f64,
}

fn windows(samples: &[f32]) -> Vec<Window> {
    let mut padded;
    let samples = if samples.len() < WINDOW {
        padded = samples.to_vec();
        padded.resize(WINDOW, 0.0);
        &padded
    } else {
        samples
    };
    let mut planner = RealFftPlanner::<f32>::new();
    let forward = planner.plan_fft_forward(2 * WINDOW);
    let inverse = planner.plan_fft_inverse(2 * WINDOW);
    let (mut whole, mut head) = (forward.make_input_vec(), forward.make_input_vec());
    let (mut whole_bins, mut head_bins) = (forward.make_output_vec(), forward.make_output_vec());
    let mut difference = vec![0.0_f32; LAGS];
    let reach = WINDOW - LAGS; // each lag compares this many samples
    let starts = (0..=samples.len() - WINDOW).step_by(HOP);
    let energy = |window: &[f32]| window.iter().map(|x| f64::from(x * x)).sum::<f64>();
    let faint = FAINT * samples.chunks(WINDOW).map(energy).fold(0.0, f64::max);
    let mut out = Vec::new();
    for window in starts.map(|start| &samples[start..start + WINDOW]) {
        let mut sums = vec![0.0_f64; WINDOW + 1];
        for (i, x) in window.iter().enumerate() {
            sums[i + 1] = sums[i] + f64::from(x * x);
        }
        let energy = sums[WINDOW];
        if energy <= faint {
            continue;
        }
        // The correlation of the head with the whole window, by FFT.
        whole.fill(0.0);
        whole[..WINDOW].copy_from_slice(window);
        head.fill(0.0);
        head[..reach].copy_from_slice(&window[..reach]);
        forward.process(&mut whole, &mut whole_bins).expect("the buffers were made by the plan");
        forward.process(&mut head, &mut head_bins).expect("the buffers were made by the plan");
        for (a, b) in whole_bins.iter_mut().zip(&head_bins) {
            *a *= b.conj();
        }
        let last = whole_bins.len() - 1;
        whole_bins[0].im = 0.0;
        whole_bins[last].im = 0.0;
        inverse.process(&mut whole_bins, &mut whole).expect("the ends were made real");
        let mut running = 0.0_f64;
        difference[0] = 1.0;
        for lag in 1..LAGS {
            let correlation = f64::from(whole[lag]) / (2 * WINDOW) as f64;
            let d = (sums[reach] + sums[lag + reach] - sums[lag] - 2.0 * correlation).max(0.0);
            running += d;
            difference[lag] =
                if running > 1e-4 * energy { (d * lag as f64 / running) as f32 } else { 1.0 };
        }
        out.push(Window { hz: dip(&difference, FIRST_LAG).map(|lag| RATE / lag), energy });
    }
    out
}

/// The lag of the bottom of the first dip below YIN's threshold, from lag `first` on, between the samples.
pub(crate) fn dip(difference: &[f32], first: usize) -> Option<f64> {
    let mut lag = (first..difference.len() - 1).find(|&lag| difference[lag] < THRESHOLD)?;
    while lag + 2 < difference.len() && difference[lag + 1] < difference[lag] {
        lag += 1;
    }
    Some(lag as f64 + vertex([lag - 1, lag, lag + 1].map(|i| -f64::from(difference[i]))))
}

fn halved(samples: &[f32]) -> Vec<f32> {
    let mut filter = Cascade::lowpass(6, 8000.0, 2.0 * RATE);
    samples.iter().map(|x| filter.step(f64::from(*x)) as f32).step_by(2).collect()
}

#[cfg(test)]
mod tests {
    use dream_audio::Clip;
    use dream_audio::resample::resample;
    use dream_audio::synth::kit;
    use dream_core::{Category, Form, SampleRate, Seed};

    use super::*;
    use crate::signals::{chord, clicks, noise, silence, sine};

    #[track_caller]
    fn check(samples: &[f32], expected: Option<f64>) {
        let found = pitch(samples);
        let found = root(samples, &found).filter(|root| root.confidence >= 0.5);
        match (found.map(|root| root.midi), expected) {
            (None, None) => {}
            (Some(root), Some(want)) if (root - want).abs() < 0.03 => {}
            (root, want) => panic!("{root:?}, expected {want:?}: {found:?}"),
        }
    }

    #[test]
    fn notes_have_their_root_to_three_cents() {
        check(&sine(440.0, 0.5), Some(69.0));
        check(&chord(&[110.0], 0.5, 8), Some(45.0));
        check(&chord(&[41.203], 0.8, 12), Some(28.0));
        check(&chord(&[987.767], 0.5, 4), Some(83.0));
        check(&chord(&[261.626 * 1.014_545], 0.5, 6), Some(60.25));
    }

    #[test]
    fn a_note_without_its_fundamental_keeps_its_root() {
        check(&chord(&[220.0, 330.0, 440.0, 550.0], 0.8, 1), Some(45.0));
    }

    #[test]
    fn the_highest_leads_and_the_lowest_basses_have_a_root() {
        check(&sine(2000.0, 0.5), Some(95.213));
        check(&chord(&[32.703], 1.0, 6), Some(24.0));
    }

    #[test]
    fn a_root_does_not_depend_on_the_level() {
        let note = chord(&[196.0], 0.6, 6);
        let of = |gain: f32| {
            let samples: Vec<f32> = note.iter().map(|x| gain * x).collect();
            root(&samples, &pitch(&samples)).unwrap()
        };
        for gain in [0.01, 0.25, -1.0, 4.0] {
            let (one, other) = (of(1.0), of(gain));
            assert!((one.midi - other.midi).abs() < 1e-3, "{gain}");
            assert!((one.confidence - other.confidence).abs() < 1e-3, "{gain}");
        }
    }

    #[test]
    fn a_root_does_not_depend_on_the_start_or_the_rate() {
        let of = |samples: &[f32]| root(samples, &pitch(samples)).unwrap();
        for hz in [41.203, 196.0, 987.767] {
            let note = chord(&[hz], 0.6, 6);
            let clip = Clip::new(SampleRate::LIBRARY, &[&note]);
            let through = |hz| resample(&resample(&clip, SampleRate(hz)), SampleRate::LIBRARY);
            let one = of(&note);
            for other in [
                of(&[&[0.0; 3][..], &note].concat()),
                of(&note[3..]),
                of(through(48_000).channel(0)),
                of(through(96_000).channel(0)),
            ] {
                assert!((one.midi - other.midi).abs() < 0.02, "{one:?} {other:?}");
                assert!((one.confidence - other.confidence).abs() < 0.05, "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn the_basses_of_the_starter_kit_have_the_roots_they_are_played_at() {
        let (mut all, mut given) = (0, 0);
        for recipe in kit::recipes() {
            if recipe.form != Form::OneShot || recipe.category != Category::Bass {
                continue;
            }
            let mono = recipe.render(Seed(1)).to_mono();
            all += 1;
            let found = root(&mono, &pitch(&mono)).filter(|root| root.confidence >= 0.5);
            if let (Some(found), Some(truth)) = (found, recipe.root) {
                given += 1;
                assert!((found.midi - f64::from(truth)).abs() < 0.5, "{}: {found:?}", recipe.name);
            }
        }
        assert!(all >= 10 && 10 * given >= 6 * all, "{given} of {all}");
    }

    #[test]
    fn what_has_no_steady_pitch_has_no_root() {
        check(&noise(0.5), None);
        check(&silence(0.5), None);
        check(&clicks(&[0.0], 0.3), None);
        check(&[], None);
        check(&[0.5], None);
        check(&vec![0.5; 22_050], None);
    }
}
