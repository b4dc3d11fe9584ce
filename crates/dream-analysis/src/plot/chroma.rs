//! The strength of the pitch classes over time.
//!
//! Method: the local maxima of a long spectrum, placed by a parabola through their logarithms, add their amplitude to
//! their pitch class (after E. Gómez, "Tonal Description of Polyphonic Audio", INFORMS Journal on Computing 18(3),
//! 2006); the tuning is taken out. Twelve rows, B at the top; columns of `STEP` pixels.

use dream_audio::Clip;

use super::canvas::{Area, Image};
use super::colour;
use super::spectrogram::Power;
use crate::spectrum::vertex;

/// Window in frames: 372 ms, in which the notes of an octave from 110 Hz are apart.
const WINDOW: usize = 16_384;
const LOW_HZ: f64 = 80.0;
const HIGH_HZ: f64 = 2_500.0;
/// Pixels per column.
const STEP: usize = 3;

pub(super) fn draw(image: &mut Image, area: Area, clip: &Clip, tuning_cents: f32) {
    let columns = area.width / STEP;
    let chroma = chroma(clip, columns, f64::from(tuning_cents));
    let most = chroma.iter().flatten().copied().fold(0.0, f32::max);
    let scale = colour::scale();
    let height = area.height / 12;
    for (column, classes) in chroma.iter().enumerate() {
        for (class, strength) in classes.iter().enumerate() {
            // The root shows what is soft beside what is loud.
            let level = if most > 0.0 { (strength / most).sqrt() } else { 0.0 };
            let cell = Area {
                x: area.x + column * STEP,
                y: area.y + (11 - class) * height,
                width: STEP,
                height: height - 1,
            };
            image.fill(cell, colour::of(&scale, level));
        }
    }
}

/// Amplitude per pitch class, C first, for every column.
fn chroma(clip: &Clip, columns: usize, tuning_cents: f64) -> Vec<[f32; 12]> {
    let window = (clip.len() / 2).next_power_of_two().clamp(2048, WINDOW);
    let mut power = Power::new(window);
    let bin_hz = clip.rate().hz() / window as f64;
    let (low, high) = ((LOW_HZ / bin_hz) as usize, (HIGH_HZ / bin_hz) as usize);
    (0..if clip.is_empty() { 0 } else { columns })
        .map(|column| {
            let (from, to) = (column * clip.len() / columns, (column + 1) * clip.len() / columns);
            let bins = power.mean(clip, from, to);
            let mut classes = [0.0; 12];
            for bin in low.max(1)..high.min(bins.len() - 1) {
                let [a, b, c] = [bins[bin - 1], bins[bin], bins[bin + 1]];
                if b > 0.0 && b >= a && b > c {
                    let logs = [a, b, c].map(|power| f64::from(power.max(1e-20)).ln());
                    let hz = (bin as f64 + vertex(logs)) * bin_hz;
                    let note = 69.0 + 12.0 * (hz / 440.0).log2() - tuning_cents / 100.0;
                    classes[note.round().rem_euclid(12.0) as usize] += b.sqrt();
                }
            }
            classes
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::chord;
    use dream_core::SampleRate;

    #[test]
    fn the_notes_of_a_chord_are_its_classes() {
        // A minor: A3, C4, E4; and the same a quarter tone higher, with that taken out.
        for cents in [0.0, 45.0] {
            let up = |hz: f64| hz * 2.0_f64.powf(cents / 1200.0);
            let samples = chord(&[220.0, 261.63, 329.63].map(up), 2.0, 1);
            let chroma = chroma(&Clip::mono(SampleRate::LIBRARY, samples), 8, cents);
            let classes = chroma[4];
            for (class, strength) in classes.iter().enumerate() {
                let sounds = [9, 0, 4].contains(&class);
                assert_eq!(*strength > 0.05, sounds, "class {class} of {classes:?}");
            }
        }
    }

    #[test]
    fn nothing_has_no_chroma() {
        assert!(chroma(&Clip::mono(SampleRate::LIBRARY, vec![]), 8, 0.0).is_empty());
        let silent = chroma(&Clip::mono(SampleRate::LIBRARY, vec![0.0; 9]), 8, 0.0);
        assert_eq!(silent, [[0.0; 12]; 8]);
    }
}
