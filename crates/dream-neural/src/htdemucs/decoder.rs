//! One layer of a decoder: more steps, fewer channels.
//!
//! Convolution (3 taps, over frequency and time or over time) to twice the channels, gated linear unit, residual
//! branch, transposed convolution (8 taps, stride 4), GELU but in the last layer. The input already holds the skip
//! connection of its own layer; the output gets that of the next, which is added while it is in the cache.
//!
//! A transposed convolution of twice its stride is, for each of the `stride` phases of the output, a product of two
//! neighbouring inputs with two of the taps.

use rayon::prelude::*;

use super::dconv::Dconv;
use super::encoder::{KERNEL, PAD, STRIDE, Shape};
use crate::Error;
use crate::plane::{CHUNK, HEAD, Plane, TAIL, body_mut};
use crate::simd::math;
use crate::simd::tile::{Packed, Rows, Tap};
use crate::weights::At;

/// Taps of the convolution that keeps the number of steps.
const WIDTH: usize = 3;

#[derive(Debug)]
pub(super) struct Decoder {
    channels: usize,
    out: usize,
    rewrite: Packed,
    dconv: Option<Dconv>,
    /// Over frequency one matrix `[2 channels, out]` per phase; over time one of all, `[2 channels, 4 out]`.
    phases: Vec<Packed>,
}

impl Decoder {
    /// A layer of the frequency branch.
    pub(super) fn over_frequency(shape: Shape, at: &At<'_>) -> Result<Self, Error> {
        let Shape { channels: c, out, .. } = shape;
        let (conv, rewrite) = (at.at("conv_tr"), at.at("rewrite"));
        let gates = rewrite.tensor("weight", &[2 * c, c, WIDTH, WIDTH])?;
        let gates_bias = rewrite.tensor("bias", &[2 * c])?;
        let weights = conv.tensor("weight", &[c, out, KERNEL, 1])?;
        let bias = conv.tensor("bias", &[out])?;
        let phase = |p: usize| {
            // First the taps of the input before, then those of the input itself.
            let tap = |k: usize| if k < c { p + STRIDE } else { p };
            let weight = |k: usize, n: usize| weights[(k % c * out + n) * KERNEL + tap(k)];
            Packed::new(2 * c, out, |n| bias[n], weight)
        };
        Ok(Self {
            channels: c,
            out,
            // Inner dimension [frequency, time, channel].
            rewrite: Packed::new(
                WIDTH * WIDTH * c,
                2 * c,
                |n| gates_bias[n],
                |k, n| gates[(n * c + k % c) * WIDTH * WIDTH + k / c],
            ),
            dconv: shape.dconv(c, at)?,
            phases: (0..STRIDE).map(phase).collect(),
        })
    }

    /// A layer of the time branch.
    pub(super) fn over_time(shape: Shape, at: &At<'_>) -> Result<Self, Error> {
        let Shape { channels: c, out, .. } = shape;
        let (conv, rewrite) = (at.at("conv_tr"), at.at("rewrite"));
        let gates = rewrite.tensor("weight", &[2 * c, c, WIDTH])?;
        let gates_bias = rewrite.tensor("bias", &[2 * c])?;
        let weights = conv.tensor("weight", &[c, out, KERNEL])?;
        let bias = conv.tensor("bias", &[out])?;
        let tap = |k: usize, n: usize| n / out + if k < c { STRIDE } else { 0 };
        let weight = |k: usize, n: usize| weights[(k % c * out + n % out) * KERNEL + tap(k, n)];
        Ok(Self {
            channels: c,
            out,
            rewrite: Packed::new(
                WIDTH * c,
                2 * c,
                |n| gates_bias[n],
                |k, n| gates[(n * c + k % c) * WIDTH + k / c],
            ),
            dconv: shape.dconv(c, at)?,
            phases: vec![Packed::new(2 * c, STRIDE * out, |n| bias[n % out], weight)],
        })
    }

    /// Over frequency: `[rows, steps, channels]` to `[4 rows, steps, out]`; `skip` is what to add, `None` in the
    /// last layer.
    pub(super) fn frequency(&self, input: &Plane, skip: Option<&Plane>) -> Plane {
        let (c, out, steps, count) = (self.channels, self.out, input.steps, input.rows());
        let mut middle = Plane::zero(count, steps, c);
        middle.par_rows_mut().enumerate().for_each(|(f, row)| {
            let inside = |k: &usize| (1..=count).contains(&(f + k));
            let tap = |k| Tap { offset: input.start(f + k - 1) - c, row: k * WIDTH * c };
            let taps: Vec<Tap> = (0..WIDTH).filter(inside).map(tap).collect();
            self.gate(input.data(), &taps, steps, row);
        });
        let mut output = Plane::zero(STRIDE * count, steps, out);
        output.par_bodies_mut().enumerate().for_each(|(o, body)| {
            let (q, phase) = ((o + PAD) / STRIDE, (o + PAD) % STRIDE);
            // The input before, and the input itself, where there are such.
            let inside = |k: &usize| (1..=count).contains(&(q + k));
            let tap = |k| Tap { offset: middle.start(q + k - 1), row: k * c };
            let taps: Vec<Tap> = (0..2).filter(inside).map(tap).collect();
            let rows = Rows { source: middle.data(), stride: c, taps: &taps, run: c, count: steps };
            self.phases[phase].multiply(rows, body, out);
            if let Some(skip) = skip {
                math::gelu_add(body, skip.body(o));
            }
        });
        output
    }

    /// Over time: `[1, steps, channels]` to `[1, length, out]`, where steps is a quarter of the length, rounded up.
    pub(super) fn time(&self, input: &Plane, length: usize, skip: Option<&Plane>) -> Plane {
        let (c, out, steps) = (self.channels, self.out, input.steps);
        let mut middle = Plane::zero(1, steps, c);
        let taps = [Tap { offset: (HEAD - 1) * c, row: 0 }];
        middle.par_rows_mut().for_each(|row| self.gate(input.data(), &taps, steps, row));
        let mut output = Plane::zero(1, length, out);
        output.par_rows_mut().for_each(|row| {
            // Step 4 q + p of the untrimmed output is made of inputs q - 1 and q: a row of four steps each, the
            // first of which begins where the zeroes before the output are.
            let (wide, len) = (STRIDE * out, (steps + 1) * STRIDE * out);
            row[(HEAD - PAD) * out..][..len].par_chunks_mut(CHUNK * wide).enumerate().for_each(
                |(i, chunk)| {
                    let taps = [Tap { offset: (HEAD - 1 + i * CHUNK) * c, row: 0 }];
                    let count = chunk.len() / wide;
                    let source = middle.data();
                    let rows = Rows { source, stride: c, taps: &taps, run: 2 * c, count };
                    self.phases[0].multiply(rows, chunk, wide);
                    if let Some(skip) = skip {
                        let from = i * CHUNK * wide;
                        math::gelu_add(chunk, &skip.row(0)[from..from + chunk.len()]);
                    }
                },
            );
            let end = row.len() - TAIL * out;
            row[..HEAD * out].fill(0.0);
            row[end..].fill(0.0);
        });
        output
    }

    /// The first half of the layer for one row: `taps` lie at the first step.
    fn gate(&self, source: &[f32], taps: &[Tap], steps: usize, row: &mut [f32]) {
        let c = self.channels;
        body_mut(row, steps, c).par_chunks_mut(CHUNK * c).enumerate().for_each(|(i, chunk)| {
            let shift = |tap: &Tap| Tap { offset: tap.offset + i * CHUNK * c, ..*tap };
            let taps: Vec<Tap> = taps.iter().map(shift).collect();
            let count = chunk.len() / c;
            let mut both = vec![0.0; chunk.len() * 2]; // [steps, 2 channels]
            let rows = Rows { source, stride: c, taps: &taps, run: WIDTH * c, count };
            self.rewrite.multiply(rows, &mut both, 2 * c);
            math::glu(&both, c, chunk);
        });
        if let Some(dconv) = &self.dconv {
            dconv.add_to(row, steps);
        }
    }
}
