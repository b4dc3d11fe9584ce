//! Playing faster or slower, pitch and all: by the kernel of [`crate::resample`].

use super::source::Source;
use crate::resample::Kernel;

/// Frames on each side of a place that its value depends on, when `from` frames are to last `to`.
pub(super) fn reach(from: usize, to: usize) -> usize {
    Kernel::reach(from as f64 / to as f64)
}

/// `source` read from frame 0 at even steps, so that `from` frames last `to` frames, `[channels][to]`.
pub(super) fn varispeed(source: &Source, from: usize, to: usize) -> Vec<Vec<f32>> {
    let step = from as f64 / to as f64;
    let (kernel, start) = (Kernel::new(step), source.index(0) as usize);
    source.channels().iter().map(|channel| kernel.read(channel, start, step, to)).collect()
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use dream_core::SampleRate;

    use super::*;
    use crate::Clip;

    /// Reads a sine of `turns` per frame and compares with the sine at the new places.
    #[track_caller]
    fn check(turns: f64, to: usize) {
        let from = 4000;
        let step = from as f64 / to as f64;
        let sine = |place: f64| (TAU * turns * place).sin();
        let clip =
            Clip::mono(SampleRate::LIBRARY, (0..from).map(|i| sine(i as f64) as f32).collect());
        let out = varispeed(&Source::circle(&clip, reach(from, to)), from, to);
        let audible = turns * step < 0.5;
        for o in to / 10..to * 9 / 10 {
            let wanted = if audible { sine(o as f64 * step) } else { 0.0 };
            assert!(
                (f64::from(out[0][o]) - wanted).abs() < 2e-4,
                "{} instead of {wanted}",
                out[0][o]
            );
        }
    }

    #[test]
    fn a_sine_is_read_at_its_new_speed() {
        for to in [1000, 3001, 3999, 4001, 5657, 16_000] {
            check(0.0, to);
            check(0.01, to);
            check(0.1, to);
        }
        check(0.38, 3600);
        check(0.42, 7000);
    }

    #[test]
    fn what_would_alias_is_gone() {
        check(0.45, 3000);
        check(0.2, 1000);
    }
}
