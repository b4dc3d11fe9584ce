//! The bass line: one pitch at a time, in steps short enough for a run of sixteenths.
//!
//! Method: the difference function of A. de Cheveigné and H. Kawahara, "YIN, a fundamental frequency estimator for speech
//! and music", JASA 111(4), 2002, steps 1 to 5, on what lies below 400 Hz. We differ: only pitches that stay for three
//! steps count, which the glide of a kick does not.
//! Shapes: rate 2756 Hz, window 256 (93 ms), a step every 64 (23 ms), longer for clips over three minutes. Cost: 15000
//! multiplications per step. Limits: 30 to 250 Hz; chords in the bass have no pitch.

use dream_audio::filter::Cascade;

use crate::pitch::dip;

const EVERY: usize = 16;
const RATE: f64 = 44_100.0 / EVERY as f64;
const TOP_HZ: f64 = 400.0;
const WINDOW: usize = 256;
const STEP: usize = 64;
const LAGS: usize = 93; // 30 Hz
const FIRST_LAG: usize = 11; // 250 Hz
/// Pitches this close are one note, in semitones.
const STEADY: f32 = 0.4;
/// Least share of the loudest step's loudness (-26 dB on the root of the amplitude: -52 dB).
const FAINT: f32 = 0.05;

/// A stretch of time with one bass note.
#[derive(Debug, Clone, Copy)]
pub(super) struct Note {
    /// Middle of it, as a share of the clip.
    pub(super) place: f32,
    /// Fractional MIDI note.
    pub(super) pitch: f32,
    /// Root of the amplitude.
    pub(super) loudness: f32,
}

/// The steps of mono samples at 44.1 kHz in which a bass note sounds.
pub(super) fn line(mono: &[f32]) -> Vec<Note> {
    let mut filter = Cascade::lowpass(6, TOP_HZ, 44_100.0);
    let low: Vec<f32> =
        mono.iter().map(|x| filter.step(f64::from(*x)) as f32).step_by(EVERY).collect();
    let step = STEP.max(low.len() / 8000);
    let steps: Vec<Option<Note>> = (0..low.len().saturating_sub(WINDOW))
        .step_by(step)
        .map(|start| {
            let window = &low[start..start + WINDOW];
            let place = (start + WINDOW / 2) as f32 / low.len() as f32;
            let energy: f32 = window.iter().map(|x| x * x).sum();
            let lag = period(window)?;
            let pitch = (69.0 + 12.0 * (RATE / lag / 440.0).log2()) as f32;
            Some(Note { place, pitch, loudness: (energy / WINDOW as f32).powf(0.25) })
        })
        .collect();
    let top = steps.iter().flatten().map(|note| note.loudness).fold(0.0, f32::max);
    let stays = |triple: &[Option<Note>]| {
        let [Some(a), Some(b), Some(c)] = triple else { return None };
        let steady = (a.pitch - b.pitch).abs() < STEADY && (c.pitch - b.pitch).abs() < STEADY;
        (steady && b.loudness > FAINT * top).then_some(*b)
    };
    steps.windows(3).filter_map(stays).collect()
}

/// The period in samples, where there is one.
fn period(window: &[f32]) -> Option<f64> {
    let reach = WINDOW - LAGS;
    let energy: f32 = window.iter().map(|x| x * x).sum();
    if energy < 1e-20 {
        return None;
    }
    let mut difference = [1.0_f32; LAGS];
    let mut running = 0.0_f32;
    for lag in 1..LAGS {
        let d = distance(&window[..reach], &window[lag..lag + reach]);
        running += d;
        if running > 1e-5 * energy {
            difference[lag] = d * lag as f32 / running;
        }
    }
    dip(&difference, FIRST_LAG)
}

/// Sum of the squared differences, in lanes that need not wait for each other.
fn distance(a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut lanes = [0.0_f32; 8];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..8 {
            lanes[lane] += (a[lane] - b[lane]) * (a[lane] - b[lane]);
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| (a - b) * (a - b)).sum();
    lanes.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::{chord, noise};

    #[test]
    fn a_run_of_short_low_notes_is_followed() {
        let steps = [0.0, 3.0, 7.0, 10.0, 12.0, 5.0];
        let samples: Vec<f32> = steps
            .iter()
            .flat_map(|step| chord(&[41.203 * (step / 12.0_f64).exp2()], 0.17, 6))
            .collect();
        let heard = line(&samples);
        for (index, step) in steps.iter().enumerate() {
            let middle = (index as f32 + 0.5) / steps.len() as f32;
            let near = heard
                .iter()
                .min_by(|a, b| (a.place - middle).abs().total_cmp(&(b.place - middle).abs()));
            let pitch = near.unwrap().pitch;
            assert!((pitch - 28.0 - *step as f32).abs() < 0.2, "{index}: {pitch}");
        }
    }

    #[test]
    fn noise_has_no_bass_line() {
        assert!(line(&noise(3.0)).len() < 6);
    }
}
