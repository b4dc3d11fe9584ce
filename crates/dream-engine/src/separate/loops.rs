//! Loops of whole bars out of a separated stem.
//!
//! Bars are those of the whole recording, whose beat is clearer than that of one stem. A drums loop has two, any other four.
//! Of those that sound alike the loudest stays: drums are compared by their hits on the sixteenths, others by their spectra
//! on the eighths. In: audio at 44.1 kHz. Limits: no loops where the tempo is not sure or varies.

use dream_analysis::Known;
use dream_analysis::onset::{Onset, onsets};
use dream_analysis::tempo::tempo;
use dream_audio::Clip;
use dream_audio::spectrum::{Complex, Stft, Window};
use dream_core::{Bpm, Category, Form};

use super::cut::{Cut, alike, part};

/// Most loops of a stem.
const MOST: usize = 4;
/// Less sure of the tempo, there are no loops.
const SURE: f32 = 0.5;
/// Loops alike by more than this (cosine) are the same.
const ALIKE: f32 = 0.92;
/// Loops this far below the loudest are remains of something else: 24 dB.
const QUIET: f64 = 0.063;
/// Bands of a spectrum, a third of an octave each.
const BANDS: usize = 30;

/// The bars of a recording of steady tempo.
pub(super) struct Grid {
    bpm: Bpm,
    downbeats_s: Vec<f64>,
}

impl Grid {
    /// The bars of a whole recording; `None` without a sure and steady tempo.
    pub(super) fn of(mono: &[f32], seconds: f64) -> Option<Self> {
        let found = tempo(&onsets(mono), seconds, None);
        let bpm = found.bpm.filter(|_| found.confidence >= SURE && !found.varies)?;
        Some(Self { bpm, downbeats_s: found.downbeats_s })
    }
}

/// A run of bars, and what it is told from others by.
struct Run {
    from_s: f64,
    rms: f64,
    features: Vec<f32>,
}

/// The loudest loops of a stem that differ.
pub(super) fn loops(clip: &Clip, grid: &Grid, category: Category) -> Vec<Cut> {
    let bars = if category == Category::Drums { 2 } else { 4 };
    let length_s = 240.0 / grid.bpm.get() * f64::from(bars);
    let mono = clip.to_mono();
    let hits = (category == Category::Drums).then(|| onsets(&mono).list);
    let rate = f64::from(clip.rate().0);
    let features = |from_s: f64| match &hits {
        Some(hits) => rhythm(hits, from_s, length_s),
        None => spectra(&mono, from_s * rate, length_s * rate),
    };
    let mut runs: Vec<Run> = grid
        .downbeats_s
        .iter()
        .step_by(bars as usize)
        .filter(|from_s| **from_s >= 0.0 && **from_s + length_s <= clip.seconds())
        .map(|&from_s| {
            let samples = part(clip, from_s, from_s + length_s);
            let squares = samples.samples().iter().map(|x| f64::from(*x).powi(2)).sum::<f64>();
            let rms = (squares / samples.samples().len().max(1) as f64).sqrt();
            Run { from_s, rms, features: features(from_s) }
        })
        .collect();
    runs.sort_by(|a, b| b.rms.total_cmp(&a.rms));
    let least = runs.first().map_or(0.0, |run| run.rms * QUIET);
    let mut chosen: Vec<Run> = Vec::new();
    for run in runs.into_iter().filter(|run| run.rms > least) {
        let known = chosen.iter().any(|other| alike(&other.features, &run.features) > ALIKE);
        if !known && chosen.len() < MOST {
            chosen.push(run);
        }
    }
    let cut = |run: Run| Cut {
        clip: part(clip, run.from_s, run.from_s + length_s),
        known: Known {
            category: Some(category),
            form: Some(Form::Loop),
            bpm: Some(grid.bpm),
            bars: Some(bars),
            ..Known::default()
        },
    };
    chosen.into_iter().map(cut).collect()
}

/// The strength of the hits on each sixteenth of two bars.
fn rhythm(hits: &[Onset], from_s: f64, length_s: f64) -> Vec<f32> {
    let mut steps = vec![0.0; 32];
    for hit in hits {
        let place = ((hit.time_s - from_s) / length_s * 32.0).round();
        if (0.0..32.0).contains(&place) {
            steps[place as usize] += hit.strength;
        }
    }
    steps
}

/// Amplitudes in thirds of an octave at the 32 eighths of four bars, in frames from `start`.
fn spectra(mono: &[f32], start: f64, length: f64) -> Vec<f32> {
    let mut stft = Stft::new(4096, 1024, Window::Hann);
    let mut bins = vec![Complex::default(); stft.bins()];
    let mut all = vec![0.0; 32 * BANDS];
    for (step, bands) in all.chunks_exact_mut(BANDS).enumerate() {
        let middle = start + length * (step as f64 + 0.5) / 32.0;
        stft.forward_at(mono, middle as i64, &mut bins);
        for (bin, value) in bins.iter().enumerate().skip(2) {
            let band = (3.0 * (bin as f32 / 2.0).log2()) as usize;
            bands[band.min(BANDS - 1)] += value.norm_sqr();
        }
        for power in bands {
            *power = power.sqrt();
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::super::cut::tests::beat;
    use super::*;
    use dream_core::SampleRate;

    #[track_caller]
    fn check(clip: &Clip, grid: &Grid, category: Category, bars: f64, expected: usize) {
        let found = loops(clip, grid, category);
        assert_eq!(found.len(), expected);
        for cut in found {
            let length = cut.clip.seconds() * cut.known.bpm.unwrap().get() / 240.0;
            assert!((length - bars).abs() < 1e-3, "{length}");
            assert!(cut.clip.peak() > 0.01);
        }
    }

    #[test]
    fn a_beat_that_repeats_is_one_loop_and_each_chord_another() {
        let beat = beat();
        let grid = Grid::of(&beat.to_mono(), beat.seconds()).unwrap();
        check(&beat, &grid, Category::Drums, 2.0, 1);
        // Two bars of each note: the first and the second four bars differ.
        let tones: Vec<f32> = (0..beat.len())
            .map(|i| {
                let hz = [220.0, 262.0, 330.0, 392.0][i * 4 / beat.len()];
                0.3 * (std::f32::consts::TAU * hz * i as f32 / 44_100.0).sin()
            })
            .collect();
        check(&Clip::mono(SampleRate::LIBRARY, tones), &grid, Category::Synth, 4.0, 2);
        let silence = Clip::mono(SampleRate::LIBRARY, vec![0.0; beat.len()]);
        check(&silence, &grid, Category::Synth, 4.0, 0);
    }

    #[test]
    fn what_has_no_beat_has_no_bars() {
        assert!(Grid::of(&vec![0.0; 88_200], 2.0).is_none());
    }
}
