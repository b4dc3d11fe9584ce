//! One layer of an encoder: fewer steps, more channels.
//!
//! Convolution (8 taps, stride 4), GELU, residual branch, convolution (1 tap) to twice the channels, gated linear
//! unit. The frequency branch convolves over frequency, the time branch over time; all else runs over time, so that
//! one row of output is made from beginning to end while it is in the cache.

use rayon::prelude::*;

use super::dconv::Dconv;
use crate::Error;
use crate::plane::{CHUNK, HEAD, Plane, body_mut};
use crate::simd::math;
use crate::simd::tile::{Packed, Rows, Tap};
use crate::weights::At;

/// Taps of the convolution that changes the number of steps.
pub(super) const KERNEL: usize = 8;
/// Steps of input per step of output.
pub(super) const STRIDE: usize = 4;
/// Zeroes before the input: a quarter of the kernel.
pub(super) const PAD: usize = 2;

#[derive(Debug)]
pub(super) struct Encoder {
    channels: usize,
    out: usize,
    conv: Packed,
    dconv: Option<Dconv>,
    rewrite: Packed,
}

/// Channels in and out, and what the residual branch is like; none with depth 0.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) channels: usize,
    pub(super) out: usize,
    pub(super) dconv_depth: usize,
    pub(super) dconv_comp: f64,
}

impl Shape {
    pub(super) fn dconv(&self, channels: usize, at: &At<'_>) -> Result<Option<Dconv>, Error> {
        let new = || Dconv::new(channels, self.dconv_depth, self.dconv_comp, &at.at("dconv"));
        (self.dconv_depth > 0).then(new).transpose()
    }
}

impl Encoder {
    /// `spatial` is the shape of a kernel in the checkpoint: `[8, 1]` over frequency, `[8]` over time.
    pub(super) fn new(shape: Shape, spatial: &[usize], at: &At<'_>) -> Result<Self, Error> {
        let Shape { channels: c, out, .. } = shape;
        let (conv, rewrite) = (at.at("conv"), at.at("rewrite"));
        let weights = conv.tensor("weight", &[&[out, c], spatial].concat())?;
        let bias = conv.tensor("bias", &[out])?;
        let ones = vec![1; spatial.len()];
        let gates = rewrite.tensor("weight", &[&[2 * out, out], &ones[..]].concat())?;
        let gates_bias = rewrite.tensor("bias", &[2 * out])?;
        Ok(Self {
            channels: c,
            out,
            conv: Packed::new(
                KERNEL * c,
                out,
                |n| bias[n],
                |k, n| weights[(n * c + k % c) * KERNEL + k / c],
            ),
            dconv: shape.dconv(out, at)?,
            rewrite: Packed::new(out, 2 * out, |n| gates_bias[n], |k, n| gates[n * out + k]),
        })
    }

    /// Over frequency: `[rows, steps, channels]` to `[rows / 4, steps, out]`.
    pub(super) fn over_frequency(&self, input: &Plane) -> Plane {
        let c = self.channels;
        let mut output = Plane::zero(input.rows() / STRIDE, input.steps, self.out);
        output.par_rows_mut().enumerate().for_each(|(f, row)| {
            let inside = |k: &usize| (PAD..input.rows() + PAD).contains(&(STRIDE * f + k));
            let tap = |k| Tap { offset: input.start(STRIDE * f + k - PAD), row: k * c };
            let taps: Vec<Tap> = (0..KERNEL).filter(inside).map(tap).collect();
            let rows =
                Rows { source: input.data(), stride: c, taps: &taps, run: c, count: input.steps };
            self.row(rows, row);
        });
        output
    }

    /// Over time: `[1, steps, channels]` to `[1, steps / 4 rounded up, out]`.
    pub(super) fn over_time(&self, input: &Plane) -> Plane {
        let c = self.channels;
        let mut output = Plane::zero(1, input.steps.div_ceil(STRIDE), self.out);
        let count = output.steps;
        // The taps of a step lie side by side.
        let taps = [Tap { offset: (HEAD - PAD) * c, row: 0 }];
        let rows =
            Rows { source: input.data(), stride: STRIDE * c, taps: &taps, run: KERNEL * c, count };
        output.par_rows_mut().for_each(|row| self.row(rows, row));
        output
    }

    /// Makes one row of output; `input` has one row per step.
    fn row(&self, input: Rows<'_>, row: &mut [f32]) {
        let (steps, out) = (input.count, self.out);
        body_mut(row, steps, out).par_chunks_mut(CHUNK * out).enumerate().for_each(|(i, chunk)| {
            let shift = |tap: &Tap| Tap { offset: tap.offset + i * CHUNK * input.stride, ..*tap };
            let taps: Vec<Tap> = input.taps.iter().map(shift).collect();
            let rows = Rows { taps: &taps, count: chunk.len() / out, ..input };
            self.conv.multiply(rows, chunk, out);
            math::gelu(chunk);
        });
        if let Some(dconv) = &self.dconv {
            dconv.add_to(row, steps);
        }
        body_mut(row, steps, out).par_chunks_mut(CHUNK * out).for_each(|chunk| {
            let mut both = vec![0.0; chunk.len() * 2]; // [steps, 2 out]
            self.rewrite.multiply(Rows::matrix(chunk, out), &mut both, 2 * out);
            math::glu(&both, out, chunk);
        });
    }
}
