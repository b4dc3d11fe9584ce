//! The spectrogram of a segment as the network sees it, and back.
//!
//! Hann window, hop a quarter of it, divided by the square root of the size. The segment is continued at both ends by
//! its mirror image; column `h` is centred on frame `h * hop + hop / 2`, so that there are exactly
//! `frames / hop` columns, rounded up. The highest bin is dropped, and zero on the way back.
//! Shapes: `[frequencies, hops, 2 channels]` with real and imaginary parts as channels.

use rayon::prelude::*;

use dream_audio::spectrum::{Complex, Stft, Window};

use crate::plane::Plane;

/// Columns that one task transforms.
const BATCH: usize = 16;

/// The transform of a network.
pub(super) struct Spectro {
    stft: Stft,
}

impl std::fmt::Debug for Spectro {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spectro").field("size", &self.stft.size()).finish_non_exhaustive()
    }
}

impl Spectro {
    pub(super) fn new(size: usize) -> Self {
        Self { stft: Stft::new(size, size / 4, Window::Hann) }
    }

    /// The spectrogram of both channels, `[frequencies, hops, 4]`.
    pub(super) fn forward(&self, channels: [&[f32]; 2]) -> Plane {
        let (hop, size) = (self.stft.hop(), self.stft.size());
        let frames = channels[0].len();
        let hops = frames.div_ceil(hop);
        let padded = channels.map(|channel| mirrored(channel, size, hops * hop));
        let scale = (size as f32).sqrt().recip();
        let batches = hops.div_ceil(BATCH);
        // Columns first, [batches][hops, frequencies, 4], since that is how they come.
        let columns: Vec<Vec<f32>> = (0..batches)
            .into_par_iter()
            .map(|batch| {
                let mut stft = self.stft.clone();
                let mut bins = vec![Complex::default(); stft.bins()];
                let range = batch * BATCH..((batch + 1) * BATCH).min(hops);
                let mut out = vec![0.0; range.len() * size / 2 * 4];
                for (h, out) in range.zip(out.chunks_exact_mut(size / 2 * 4)) {
                    for (c, channel) in padded.iter().enumerate() {
                        stft.forward_at(channel, (size + h * hop + hop / 2) as i64, &mut bins);
                        for (f, (bin, out)) in bins.iter().zip(out.chunks_exact_mut(4)).enumerate()
                        {
                            // The transform counts phases from the centre of the window, the network's from its
                            // start: half a turn per bin.
                            let scale = if f % 2 == 0 { scale } else { -scale };
                            out[2 * c] = bin.re * scale;
                            out[2 * c + 1] = bin.im * scale;
                        }
                    }
                }
                out
            })
            .collect();
        let mut plane = Plane::zero(size / 2, hops, 4);
        plane.par_bodies_mut().enumerate().for_each(|(f, body)| {
            for (h, out) in body.chunks_exact_mut(4).enumerate() {
                let at = (h % BATCH * (size / 2) + f) * 4;
                out.copy_from_slice(&columns[h / BATCH][at..at + 4]);
            }
        });
        plane
    }

    /// The signal of channel `c` of a spectrogram, its values times `gain` plus `offset`, `[frames]`.
    pub(super) fn inverse(
        &self,
        plane: &Plane,
        c: usize,
        [gain, offset]: [f32; 2],
        frames: usize,
    ) -> Vec<f32> {
        let (hop, size) = (self.stft.hop(), self.stft.size());
        let scale = (size as f32).sqrt();
        let mut stft = self.stft.clone();
        let mut out = vec![0.0; frames];
        let width = plane.channels;
        // A batch of columns at once, since a row holds them side by side.
        let mut columns = vec![vec![Complex::default(); stft.bins()]; BATCH];
        for first in (0..plane.steps).step_by(BATCH) {
            let count = BATCH.min(plane.steps - first);
            for f in 0..size / 2 {
                let scale = if f % 2 == 0 { scale } else { -scale };
                let [gain, offset] = [gain * scale, offset * scale];
                let steps =
                    plane.body(f)[first * width..(first + count) * width].chunks_exact(width);
                for (column, step) in columns.iter_mut().zip(steps) {
                    column[f].re = step[2 * c] * gain + offset;
                    column[f].im = step[2 * c + 1] * gain + offset;
                }
            }
            for (h, column) in (first..).zip(&mut columns[..count]) {
                column[size / 2] = Complex::default();
                stft.add_inverse_at(column, (h * hop + hop / 2) as i64, &mut out);
            }
        }
        // Squared windows a quarter of their size apart add up to 3/2.
        for x in &mut out {
            *x /= 1.5;
        }
        out
    }
}

/// The signal with `pad` frames of its mirror image before it, and after it up to `pad` frames beyond `len`.
fn mirrored(samples: &[f32], pad: usize, len: usize) -> Vec<f32> {
    let end = samples.len() - 1;
    let at = |i: usize| {
        let i = i.abs_diff(pad);
        samples[if i > end { (2 * end).saturating_sub(i) } else { i }]
    };
    (0..pad + len + pad).map(at).collect()
}
