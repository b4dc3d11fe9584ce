//! Magnitude spectra of short windows, one at a time.
//!
//! Hann window, hops centred on `k * hop`, or `k * hop` after the first where that is given, with zeros beyond both ends,
//! scaled so that a sine of amplitude 1 peaks at 1. Spectra are visited, not kept: memory does not grow with the clip.

use std::f64::consts::TAU;
use std::ops::Range;

use dream_audio::spectrum::{Complex, Stft, Window};
use realfft::RealFftPlanner;

/// Window and hop of a pass, in frames; the window is even.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Windowing {
    pub(crate) window: usize,
    pub(crate) hop: usize,
}

impl Windowing {
    /// How many hops cover `len` frames.
    pub(crate) fn hops(self, len: usize) -> usize {
        if len == 0 { 0 } else { (len - 1) / self.hop + 1 }
    }
}

/// Calls `visit(hop, magnitudes)` for every hop; magnitudes have shape `[window / 2 + 1]`.
pub(crate) fn each_hop(samples: &[f32], windowing: Windowing, visit: impl FnMut(usize, &[f32])) {
    each_hop_from(samples, windowing, 0, visit);
}

/// The same for hops the first of which is centred on `first`.
pub(crate) fn each_hop_from(
    samples: &[f32],
    windowing: Windowing,
    first: usize,
    mut visit: impl FnMut(usize, &[f32]),
) {
    let Windowing { window, hop } = windowing;
    let mut stft = Stft::new(window, hop, Window::Hann);
    let scale = stft.sine_level().recip();
    let mut bins = vec![Complex::default(); stft.bins()];
    let mut magnitudes = vec![0.0; bins.len()];
    for index in 0..windowing.hops(samples.len().saturating_sub(first)) {
        stft.forward_at(samples, (first + index * hop) as i64, &mut bins);
        for (magnitude, bin) in magnitudes.iter_mut().zip(&bins) {
            *magnitude = bin.norm_sqr().sqrt() * scale;
        }
        visit(index, &magnitudes);
    }
}

/// Where a grid of hops lies on a sound, whatever comes before it: the centre of one of them, 0 to `hop` frames.
///
/// A grid from the first sample would shift against the sound with every sample of silence before it, and what is decided
/// at a threshold would change. This one lies where the power swings highest at one cycle per hop, the phase of its
/// Fourier component, which no gain and no polarity moves.
pub(crate) fn phase(samples: &[f32], hop: usize) -> usize {
    let mut folded = vec![0.0_f64; hop];
    for part in samples.chunks(hop) {
        for (sum, x) in folded.iter_mut().zip(part) {
            *sum += f64::from(*x).powi(2);
        }
    }
    let turn = TAU / hop as f64;
    let (re, im) = folded.iter().enumerate().fold((0.0, 0.0), |(re, im), (frame, power)| {
        let (sin, cos) = (turn * frame as f64).sin_cos();
        (re + power * cos, im + power * sin)
    });
    (im.atan2(re).rem_euclid(TAU) / turn).round() as usize % hop
}

/// The first frame of that grid from where the sound begins.
pub(crate) fn first_hop(samples: &[f32], hop: usize) -> usize {
    let (start, phase) = (sounding(samples).start, phase(samples, hop));
    start + (phase + hop - start % hop) % hop
}

/// From where the sound begins to where it ends: above -80 dB of its peak. Empty for silence.
pub(crate) fn sounding(samples: &[f32]) -> Range<usize> {
    const SILENT: f32 = 1e-4;
    let silent = SILENT * samples.iter().fold(0.0_f32, |peak, x| peak.max(x.abs()));
    let start = samples.iter().position(|x| x.abs() > silent).unwrap_or(0);
    start..samples.iter().rposition(|x| x.abs() > silent).map_or(start, |last| last + 1)
}

/// Where the parabola through three values, one apart, has its top: -0.5 to 0.5 from the middle one; 0 if it has none.
pub(crate) fn vertex([a, b, c]: [f64; 3]) -> f64 {
    let bend = a - 2.0 * b + c;
    if bend < -1e-12 { (0.5 * (a - c) / bend).clamp(-0.5, 0.5) } else { 0.0 }
}

/// Autocorrelation of `signal` for lags `0..lags`, linear (not circular), not normalised.
pub(crate) fn autocorrelation(signal: &[f32], lags: usize) -> Vec<f32> {
    let lags = lags.min(signal.len());
    if lags == 0 {
        return Vec::new();
    }
    let size = (signal.len() + lags).next_power_of_two();
    let mut planner = RealFftPlanner::<f32>::new();
    let forward = planner.plan_fft_forward(size);
    let inverse = planner.plan_fft_inverse(size);
    let mut time = forward.make_input_vec();
    time[..signal.len()].copy_from_slice(signal);
    let mut bins = forward.make_output_vec();
    forward.process(&mut time, &mut bins).expect("the buffers were made by the plan");
    for bin in &mut bins {
        bin.re = bin.re * bin.re + bin.im * bin.im;
        bin.im = 0.0;
    }
    inverse.process(&mut bins, &mut time).expect("the ends of a power spectrum are real");
    time.truncate(lags);
    for value in &mut time {
        *value /= size as f32;
    }
    time
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f32::consts::TAU;

    #[test]
    fn a_sine_of_amplitude_one_peaks_at_one() {
        let sine: Vec<f32> = (0..8192).map(|i| (TAU * i as f32 * 16.0 / 1024.0).sin()).collect();
        let mut peak = (0, 0.0);
        each_hop(&sine, Windowing { window: 1024, hop: 256 }, |hop, magnitudes| {
            if hop == 16 {
                let bin =
                    (0..magnitudes.len()).max_by(|&a, &b| magnitudes[a].total_cmp(&magnitudes[b]));
                peak = (bin.unwrap(), magnitudes[bin.unwrap()]);
            }
        });
        assert_eq!(peak.0, 16);
        assert!((peak.1 - 1.0).abs() < 1e-3, "{peak:?}");
    }

    #[test]
    fn the_grid_moves_with_the_sound() {
        let sound = crate::signals::clicks(&[0.1, 0.37, 0.9], 1.2);
        let base = phase(&sound, 256);
        for shift in [3, 100, 256, 1000] {
            let later = [vec![0.0; shift], sound.clone()].concat();
            assert_eq!(phase(&later, 256), (base + shift) % 256);
            let turned: Vec<f32> = later.iter().map(|x| -0.1 * x).collect();
            assert_eq!(phase(&turned, 256), (base + shift) % 256);
        }
        assert_eq!(phase(&[0.0; 100], 256), 0);
        assert_eq!(phase(&[], 256), 0);
    }

    #[test]
    fn hops_begin_with_the_sound_and_see_the_same_of_it() {
        let sound = crate::signals::clicks(&[0.0, 0.1, 0.37, 0.9], 1.2);
        let windowing = Windowing { window: 1024, hop: 256 };
        let base = first_hop(&sound, 256);
        assert!(base < 256 && sounding(&sound).start < 10, "{base}");
        let spectra = |samples: &[f32], first: usize| {
            let mut all = Vec::new();
            each_hop_from(samples, windowing, first, |_, magnitudes| {
                all.extend_from_slice(magnitudes);
            });
            all
        };
        for shift in [3, 100, 1000] {
            let later = [vec![0.0; shift], sound.clone()].concat();
            assert_eq!(first_hop(&later, 256), base + shift);
            assert_eq!(spectra(&later, base + shift), spectra(&sound, base));
        }
        assert_eq!((first_hop(&[], 256), sounding(&[0.0; 9])), (0, 0..0));
    }

    #[test]
    fn the_vertex_is_the_top_of_the_parabola() {
        let parabola = |x: f64| 3.0 - 2.0 * (x - 0.3).powi(2);
        assert!((vertex([-1.0, 0.0, 1.0].map(parabola)) - 0.3).abs() < 1e-12);
        assert!(vertex([1.0, 2.0, 3.0]).abs() < 1e-12, "a line has no top");
        assert!(vertex([1.0, 0.0, 1.0]).abs() < 1e-12, "a dip has no top");
    }

    #[test]
    fn autocorrelation_equals_its_definition() {
        let signal: Vec<f32> = (0..50).map(|i| ((i * i) % 17) as f32 - 8.0).collect();
        for (lag, value) in autocorrelation(&signal, 20).into_iter().enumerate() {
            let expected: f32 = (lag..50).map(|i| signal[i] * signal[i - lag]).sum();
            assert!((value - expected).abs() < 0.02, "lag {lag}: {value} {expected}");
        }
    }
}
