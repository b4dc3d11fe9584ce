//! Fundamental frequency of a single sound.
//!
//! Method: A. de Cheveigné and H. Kawahara, "YIN, a fundamental frequency estimator for speech and music",
//! JASA 111(4), 2002, steps 1 to 5; the difference function by FFT. We differ: the pitch of a clip is the
//! energy-weighted median over its windows, and is given only if the windows agree.
//! In: mono samples at 44.1 kHz, the first 2 s count. Out: 30 to 1800 Hz as a fractional MIDI note.
//! Shapes: half the rate, windows of 2048 (93 ms), hop 512. Cost: three FFTs of 4096 per window.
//! Limits: chords and pitches that sweep have no root.

use dream_audio::filter::Cascade;
use realfft::RealFftPlanner;

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

impl Pitch {
    /// The note, if the sound has one: periodic for most of its energy and steady.
    pub fn root(self) -> Option<f64> {
        self.midi.filter(|_| self.voiced > 0.6 && self.spread < 0.35)
    }
}

const RATE: f64 = 22_050.0;
const WINDOW: usize = 2048;
const HOP: usize = 512;
const LAGS: usize = 736; // 30 Hz
const FIRST_LAG: usize = 12; // 1837 Hz
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
    let mut out = Vec::new();
    for window in starts.map(|start| &samples[start..start + WINDOW]) {
        let mut sums = vec![0.0_f64; WINDOW + 1];
        for (i, x) in window.iter().enumerate() {
            sums[i + 1] = sums[i] + f64::from(x * x);
        }
        let energy = sums[WINDOW];
        if energy < 1e-6 {
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
        out.push(Window { hz: dip(&difference), energy });
    }
    out
}

/// The frequency of the first dip below the threshold.
fn dip(difference: &[f32]) -> Option<f64> {
    let mut lag = (FIRST_LAG..LAGS - 1).find(|&lag| difference[lag] < THRESHOLD)?;
    while lag + 2 < LAGS && difference[lag + 1] < difference[lag] {
        lag += 1;
    }
    let [a, b, c] = [lag - 1, lag, lag + 1].map(|i| f64::from(difference[i]));
    let bend = a - 2.0 * b + c;
    let offset = if bend > 1e-9 { (0.5 * (a - c) / bend).clamp(-0.5, 0.5) } else { 0.0 };
    Some(RATE / (lag as f64 + offset))
}

fn halved(samples: &[f32]) -> Vec<f32> {
    let mut filter = Cascade::lowpass(6, 8000.0, 2.0 * RATE);
    samples.iter().map(|x| filter.step(f64::from(*x)) as f32).step_by(2).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::{chord, clicks, noise, silence, sine};

    #[track_caller]
    fn check(samples: &[f32], expected: Option<f64>) {
        let found = pitch(samples);
        match (found.root(), expected) {
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
    fn what_has_no_steady_pitch_has_no_root() {
        check(&noise(0.5), None);
        check(&silence(0.5), None);
        check(&clicks(&[0.0], 0.3), None);
        check(&[], None);
        check(&[0.5], None);
        check(&vec![0.5; 22_050], None);
    }
}
