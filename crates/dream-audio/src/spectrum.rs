//! Short-time Fourier transform of real signals, and back.
//!
//! Method: J. B. Allen and L. R. Rabiner, "A Unified Approach to Short-Time Fourier Analysis and Synthesis",
//! Proc. IEEE 65(11), 1977. Hop `h` is centred on frame `h * hop`; the signal counts as silent outside its ends.
//! Phases refer to the centre of the window (zero-phase windowing): a click in the centre has phase 0 in every bin.
//! Shapes: `[hops, bins]`, `bins = size / 2 + 1`, hops one after the other. Values are the plain sums of the
//! windowed samples; see [`Stft::sine_level`] to read them as amplitudes. Cost: one real FFT per hop.

use std::f64::consts::TAU;
use std::sync::Arc;

use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

/// A complex number of a spectrum.
pub type Complex = realfft::num_complex::Complex<f32>;

/// The shape that fades a block in and out, periodic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// Raised cosine: main lobe 4 bins wide, side lobes from -31 dB, falling 18 dB per octave.
    Hann,
    /// Four-term Blackman-Harris: main lobe 8 bins wide, side lobes below -92 dB.
    BlackmanHarris,
}

impl Window {
    /// The `size` values of the window.
    pub fn values(self, size: usize) -> Vec<f32> {
        let terms: &[f64] = match self {
            Self::Hann => &[0.5, -0.5],
            Self::BlackmanHarris => &[0.35875, -0.48829, 0.14128, -0.01168],
        };
        let at = |i: usize| {
            let turn = TAU * i as f64 / size as f64;
            terms.iter().enumerate().map(|(k, term)| term * (turn * k as f64).cos()).sum::<f64>()
        };
        (0..size).map(|i| at(i) as f32).collect()
    }
}

/// Columns of a spectrogram, shape `[hops, bins]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Spectrogram<T> {
    bins: usize,
    values: Vec<T>,
}

impl<T> Spectrogram<T> {
    /// Number of columns.
    pub fn hops(&self) -> usize {
        self.values.len() / self.bins
    }

    /// Number of values in a column.
    pub fn bins(&self) -> usize {
        self.bins
    }

    /// Column `h`, `[bins]`.
    pub fn hop(&self, h: usize) -> &[T] {
        &self.values[h * self.bins..(h + 1) * self.bins]
    }

    /// The columns in order.
    pub fn iter_hops(&self) -> impl ExactSizeIterator<Item = &[T]> {
        self.values.chunks_exact(self.bins)
    }

    /// All values, `[hops, bins]`.
    pub fn values(&self) -> &[T] {
        &self.values
    }
}

/// A planned transform with its window and its working memory. A clone shares the plan: one clone per thread.
#[derive(Clone)]
pub struct Stft {
    hop: usize,
    window: Vec<f32>,
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
    block: Vec<f32>,
    bins: Vec<Complex>,
    scratch: Vec<Complex>,
}

impl Stft {
    /// Plans blocks of `size` frames, `hop` frames apart. Fast sizes are products of 2 and 3.
    ///
    /// # Panics
    /// When `size` is odd or 0, or `hop` is 0.
    pub fn new(size: usize, hop: usize, window: Window) -> Self {
        assert!(size > 0 && size.is_multiple_of(2), "the size of a transform is even");
        assert!(hop > 0, "hops are at least a frame apart");
        let mut planner = RealFftPlanner::new();
        let (forward, inverse) = (planner.plan_fft_forward(size), planner.plan_fft_inverse(size));
        let scratch = forward.get_scratch_len().max(inverse.get_scratch_len());
        Self {
            hop,
            window: window.values(size),
            block: vec![0.0; size],
            bins: vec![Complex::default(); size / 2 + 1],
            scratch: vec![Complex::default(); scratch],
            forward,
            inverse,
        }
    }

    /// Frames per block.
    pub fn size(&self) -> usize {
        self.block.len()
    }

    /// Frames from one hop to the next.
    pub fn hop(&self) -> usize {
        self.hop
    }

    /// Values per hop: `size / 2 + 1`.
    pub fn bins(&self) -> usize {
        self.bins.len()
    }

    /// Number of hops over a signal: none for no frames, else `frames / hop + 1`.
    pub fn hops(&self, frames: usize) -> usize {
        if frames == 0 { 0 } else { frames / self.hop + 1 }
    }

    /// The centre of bin `bin` in Hz.
    pub fn bin_hz(&self, bin: usize, rate: f64) -> f64 {
        bin as f64 * rate / self.size() as f64
    }

    /// The magnitude that a sine of amplitude 1 reaches: magnitudes divided by it are amplitudes.
    pub fn sine_level(&self) -> f32 {
        self.window.iter().sum::<f32>() / 2.0
    }

    /// The spectra of all hops, `[hops, bins]`.
    pub fn forward(&mut self, samples: &[f32]) -> Spectrogram<Complex> {
        self.collect(samples, |bin| bin)
    }

    /// The magnitudes of all hops, `[hops, bins]`.
    pub fn magnitudes(&mut self, samples: &[f32]) -> Spectrogram<f32> {
        // Not `norm`, whose care about overflow costs more than the transform.
        self.collect(samples, |bin| bin.norm_sqr().sqrt())
    }

    fn collect<T>(&mut self, samples: &[f32], read: impl Fn(Complex) -> T) -> Spectrogram<T> {
        let hops = self.hops(samples.len());
        let mut values = Vec::with_capacity(hops * self.bins());
        let mut bins = std::mem::take(&mut self.bins);
        for h in 0..hops {
            self.forward_at(samples, (h * self.hop) as i64, &mut bins);
            values.extend(bins.iter().map(|&bin| read(bin)));
        }
        self.bins = bins;
        Spectrogram { bins: self.bins(), values }
    }

    /// The spectrum of the block centred on frame `centre`, which may lie outside the signal; `out` is `[bins]`.
    pub fn forward_at(&mut self, samples: &[f32], centre: i64, out: &mut [Complex]) {
        let half = self.size() / 2;
        let start = centre - half as i64;
        // Rotated by half a block, so that the centre of the window is sample 0 of the transform.
        let (late, early) = self.block.split_at_mut(half);
        load(early, &self.window[..half], samples, start);
        load(late, &self.window[half..], samples, start + half as i64);
        self.forward
            .process_with_scratch(&mut self.block, out, &mut self.scratch)
            .expect("block, spectrum and scratch have the planned lengths");
    }

    /// Turns a spectrum (`[bins]`, used up) back into its block, multiplies it by the window once more and adds
    /// it to `out`, centred on frame `centre`; what falls outside is dropped. With a Hann window and a hop of a
    /// quarter of the size or a smaller even part, unchanged spectra add up to `1.5 * size / (4 * hop)` times
    /// the signal.
    pub fn add_inverse_at(&mut self, spectrum: &mut [Complex], centre: i64, out: &mut [f32]) {
        // The inverse of a real signal has real ends; rounding in the caller must not turn into an error.
        for end in [0, self.bins() - 1] {
            spectrum[end].im = 0.0;
        }
        self.inverse
            .process_with_scratch(spectrum, &mut self.block, &mut self.scratch)
            .expect("spectrum, block and scratch have the planned lengths");
        let (half, scale) = (self.size() / 2, 1.0 / self.size() as f32);
        let start = centre - half as i64;
        let (late, early) = self.block.split_at(half);
        unload(early, &self.window[..half], out, start, scale);
        unload(late, &self.window[half..], out, start + half as i64, scale);
    }
}

/// Fills `block` with the windowed samples from frame `start` on.
fn load(block: &mut [f32], window: &[f32], samples: &[f32], start: i64) {
    let len = block.len() as i64;
    let from = (-start).clamp(0, len);
    let to = (samples.len() as i64 - start).clamp(from, len);
    block[..from as usize].fill(0.0);
    block[to as usize..].fill(0.0);
    for k in from as usize..to as usize {
        block[k] = samples[(start + k as i64) as usize] * window[k];
    }
}

/// Adds the windowed block to the samples from frame `start` on.
fn unload(block: &[f32], window: &[f32], samples: &mut [f32], start: i64, scale: f32) {
    let from = start.clamp(0, samples.len() as i64);
    let to = (start + block.len() as i64).clamp(from, samples.len() as i64);
    let skip = (from - start).clamp(0, block.len() as i64) as usize;
    let block = block[skip..].iter().zip(&window[skip..]);
    for (sample, (x, weight)) in samples[from as usize..to as usize].iter_mut().zip(block) {
        *sample += x * weight * scale;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(frames: usize) -> Vec<f32> {
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(state) / f64::from(u32::MAX) * 2.0 - 1.0
        };
        (0..frames).map(|_| next() as f32).collect()
    }

    /// Compares one hop with the Fourier sum written out.
    #[track_caller]
    fn check(size: usize, frames: usize, centre: i64) {
        let samples = noise(frames);
        let mut stft = Stft::new(size, 1, Window::Hann);
        let mut bins = vec![Complex::default(); stft.bins()];
        stft.forward_at(&samples, centre, &mut bins);
        let window = Window::Hann.values(size);
        for (b, bin) in bins.iter().enumerate() {
            let (mut re, mut im) = (0.0_f64, 0.0_f64);
            for k in 0..size {
                let offset = k as i64 - (size / 2) as i64;
                let Some(&x) = usize::try_from(centre + offset).ok().and_then(|i| samples.get(i))
                else {
                    continue;
                };
                let turn = TAU * b as f64 * offset as f64 / size as f64;
                re += f64::from(x * window[k]) * turn.cos();
                im -= f64::from(x * window[k]) * turn.sin();
            }
            let error = (f64::from(bin.re) - re).hypot(f64::from(bin.im) - im);
            assert!(error < 1e-4, "bin {b}: {bin} instead of {re} {im}");
        }
    }

    #[test]
    fn a_hop_is_the_fourier_sum_around_its_centre() {
        check(32, 100, 50);
        check(48, 100, 0);
        check(32, 100, 95);
        check(32, 100, 130);
        check(32, 7, 3);
        check(32, 100, -4);
        check(32, 100, 1000);
        check(2, 3, 1);
    }

    #[test]
    fn hops_are_centred_on_their_frames() {
        let samples = noise(1000);
        let mut stft = Stft::new(64, 50, Window::BlackmanHarris);
        let all = stft.forward(&samples);
        assert_eq!((all.hops(), all.bins(), stft.hops(0)), (21, 33, 0));
        let mut one = vec![Complex::default(); 33];
        stft.forward_at(&samples, 350, &mut one);
        assert_eq!(all.hop(7), one);
        let magnitudes = stft.magnitudes(&samples);
        assert_eq!(magnitudes.hop(7)[5].to_bits(), one[5].norm_sqr().sqrt().to_bits());
    }

    #[test]
    fn a_sine_reads_its_amplitude() {
        let samples: Vec<f32> =
            (0..4096).map(|i| 0.3 * (TAU * f64::from(i) / 16.0).sin() as f32).collect();
        for window in [Window::Hann, Window::BlackmanHarris] {
            let mut stft = Stft::new(1024, 256, window);
            let level = stft.magnitudes(&samples).hop(8)[64] / stft.sine_level();
            assert!((level - 0.3).abs() < 1e-4, "{level}");
            assert!((stft.bin_hz(64, 44_100.0) - 2756.25).abs() < 1e-9);
        }
    }

    #[test]
    fn unchanged_spectra_add_up_to_the_signal() {
        let samples = noise(2000);
        let mut stft = Stft::new(256, 64, Window::Hann);
        let spectra = stft.forward(&samples);
        let mut back = vec![0.0; samples.len()];
        for (h, spectrum) in spectra.iter_hops().enumerate() {
            stft.add_inverse_at(&mut spectrum.to_vec(), (h * 64) as i64, &mut back);
        }
        for i in 128..1800 {
            assert!((back[i] / 1.5 - samples[i]).abs() < 1e-5);
        }
    }
}
