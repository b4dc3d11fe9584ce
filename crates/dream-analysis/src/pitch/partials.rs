//! The partials over a fundamental, and whether they are those of one note.
//!
//! A periodic sound is not always a note: the notes of a major chord are the fourth, fifth and sixth harmonic of a tone
//! that nobody plays. They give themselves away: the first harmonics are missing, and the tempered third lies 14
//! cents above the fifth harmonic.
//! Shapes: one window of 16384 (372 ms) after the loudest moment.

use dream_audio::spectrum::{Complex, Stft, Window};

use crate::spectrum::vertex;

const WINDOW: usize = 16_384;
const BIN_HZ: f64 = 44_100.0 / WINDOW as f64;
/// Partials that are looked at, up to 8 kHz.
const PARTIALS: u32 = 24;
const TOP_HZ: f64 = 8000.0;
/// Partials that the fundamental is refined by.
const REFINED_BY: u32 = 6;
/// A partial may lie this far beside its place, as a ratio (35 cents) ...
const BESIDE: f64 = 0.02;
/// ... and in bins, whatever the ratio.
const NEAR_BINS: f64 = 1.5;
/// Length of what counts as a moment, in frames (23 ms).
const MOMENT: usize = 1024;

/// What the spectrum says of a fundamental.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Partials {
    /// The fundamental by its partials, in Hz.
    pub(super) hz: f64,
    /// Share of the amplitude of all peaks that lies in its partials, 0 to 1.
    pub(super) explained: f32,
    /// Share of the first three partials in the amplitude of all of them, 0 to 1.
    pub(super) low: f32,
    /// Mean distance of the partials from their places, by amplitude, in cents.
    pub(super) mistuned: f32,
    /// Share of the odd partials in the amplitude of all of them, 0 to 1: 0 if the fundamental is an octave too low.
    pub(super) odd: f32,
}

/// The partials of a note near `hz` in mono samples at 44.1 kHz.
pub(super) fn partials(mono: &[f32], hz: f64) -> Partials {
    let peaks = peaks(mono);
    let all: f64 = peaks.iter().map(|peak| peak.1).sum();
    if all <= 0.0 {
        return Partials { hz, ..Partials::default() };
    }
    let found: Vec<(u32, f64, f64)> = (1..=PARTIALS)
        .filter_map(|k| {
            let place = f64::from(k) * hz;
            let near = (BESIDE * place).min(0.4 * hz).max(NEAR_BINS * BIN_HZ);
            let beside = |peak: &&(f64, f64)| (peak.0 - place).abs() < near;
            let best = peaks.iter().filter(beside).max_by(|a, b| a.1.total_cmp(&b.1))?;
            Some((k, best.0, best.1))
        })
        .collect();
    let sum: f64 = found.iter().map(|partial| partial.2).sum::<f64>().max(1e-30);
    let (mut weights, mut refined) = (0.0, 0.0);
    for (k, place, amplitude) in found.iter().filter(|partial| partial.0 <= REFINED_BY) {
        weights += amplitude;
        refined += amplitude * place / f64::from(*k);
    }
    let refined = if weights > 0.0 { refined / weights } else { hz };
    let share = |which: &dyn Fn(u32) -> bool| {
        (found.iter().filter(|partial| which(partial.0)).map(|partial| partial.2).sum::<f64>()
            / sum) as f32
    };
    let beside = |partial: &(u32, f64, f64)| {
        partial.2 * (1200.0 * (partial.1 / (f64::from(partial.0) * refined)).log2()).abs()
    };
    Partials {
        hz: refined,
        explained: (sum / all).min(1.0) as f32,
        low: share(&|k| k <= 3),
        mistuned: (found.iter().map(beside).sum::<f64>() / sum) as f32,
        odd: share(&|k| k % 2 == 1),
    }
}

/// Frequency and amplitude of the spectral peaks down to -50 dB.
fn peaks(mono: &[f32]) -> Vec<(f64, f64)> {
    let start = loudest(mono);
    let stretch = &mono[start..mono.len().min(start + WINDOW)];
    let mut stft = Stft::new(WINDOW, WINDOW, Window::Hann);
    let mut bins = vec![Complex::default(); stft.bins()];
    stft.forward_at(stretch, (stretch.len() / 2) as i64, &mut bins);
    let magnitudes: Vec<f64> = bins.iter().map(|bin| f64::from(bin.norm_sqr()).sqrt()).collect();
    let top = (TOP_HZ / BIN_HZ) as usize;
    let loudest = magnitudes[..top].iter().copied().fold(0.0, f64::max);
    (8..top)
        .filter(|&bin| {
            let m = magnitudes[bin];
            m > 0.003 * loudest && m >= magnitudes[bin - 1] && m > magnitudes[bin + 1]
        })
        .map(|bin| {
            let logs = [bin - 1, bin, bin + 1].map(|i| magnitudes[i].max(1e-12).ln());
            ((bin as f64 + vertex(logs)) * BIN_HZ, magnitudes[bin])
        })
        .collect()
}

/// Where the loudest moment ends, but not so late that little is left.
fn loudest(mono: &[f32]) -> usize {
    let energy = |moment: &[f32]| moment.iter().map(|x| f64::from(x * x)).sum::<f64>();
    let moments: Vec<f64> = mono.chunks(MOMENT).map(energy).collect();
    let at = (0..moments.len()).max_by(|&a, &b| moments[a].total_cmp(&moments[b]).then(b.cmp(&a)));
    at.map_or(0, |at| {
        ((at + 1) * MOMENT).min(mono.len().saturating_sub(WINDOW)).min(mono.len() / 3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::chord;

    #[test]
    fn a_note_is_explained_by_its_partials() {
        let found = partials(&chord(&[110.0], 1.0, 12), 110.6);
        assert!((found.hz - 110.0).abs() < 0.05, "{found:?}");
        assert!(found.explained > 0.95 && found.mistuned < 2.0 && found.low > 0.4, "{found:?}");
    }

    #[test]
    fn a_major_chord_is_no_note_two_octaves_below() {
        let notes = [0.0, 4.0, 7.0].map(|step| 220.0 * (step / 12.0_f64).exp2());
        let found = partials(&chord(&notes, 1.0, 8), 55.0);
        assert!(found.low < 0.1 && found.mistuned > 3.0, "{found:?}");
    }
}
