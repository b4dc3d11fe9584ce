//! The residual branch of a layer: dilated convolutions over time in fewer channels.
//!
//! Method: A. Defossez, "Hybrid Spectrogram and Waveform Source Separation", ISMIR MDX workshop 2021, section 2.3.
//! Each of the `depth` parts is convolution (3 taps, dilation 2^d) to `hidden` channels, group norm of one group,
//! GELU, convolution (1 tap) to twice the channels, group norm, gated linear unit, learnt scale; added to its input.
//!
//! We differ in how the second norm is found: its input is `W h + b`, so its mean and variance over time follow from
//! the sums and the products of `h` alone, and the wide product is made once, chunk by chunk, and never stored.

use rayon::prelude::*;

use crate::Error;
use crate::plane::{CHUNK, HEAD};
use crate::simd::math;
use crate::simd::tile::{Packed, Rows, Tap};
use crate::weights::At;

/// Added to variances, as PyTorch does.
pub(super) const EPSILON: f64 = 1e-5;

#[derive(Debug)]
pub(super) struct Dconv {
    parts: Vec<Part>,
}

#[derive(Debug)]
struct Part {
    dilation: usize,
    channels: usize,
    narrow: Packed,
    narrow_norm: Affine,
    wide: Packed,
    wide_sums: WideSums,
    wide_norm: Affine,
    scale: Vec<f32>,
}

/// Learnt gain and offset per channel.
#[derive(Debug)]
pub(super) struct Affine {
    pub(super) gain: Vec<f32>,
    pub(super) offset: Vec<f32>,
}

impl Affine {
    pub(super) fn new(channels: usize, at: &At<'_>) -> Result<Self, Error> {
        let (gain, offset) = (at.tensor("weight", &[channels])?, at.tensor("bias", &[channels])?);
        Ok(Self { gain, offset })
    }

    /// Gain and offset that also make the mean 0 and the variance 1, given the sums of `count` values.
    pub(super) fn normalising(&self, [sum, squares]: [f64; 2], count: f64) -> Self {
        let mean = sum / count;
        let variance = (squares / count - mean * mean).max(0.0);
        let inverse = (variance + EPSILON).sqrt().recip();
        let gain: Vec<f32> = self.gain.iter().map(|g| (f64::from(*g) * inverse) as f32).collect();
        let centre = |(offset, gain): (&f32, &f32)| {
            (f64::from(*offset) - mean * inverse * f64::from(*gain)) as f32
        };
        let offset = self.offset.iter().zip(&self.gain).map(centre).collect();
        Self { gain, offset }
    }
}

impl Dconv {
    pub(super) fn new(
        channels: usize,
        depth: usize,
        comp: f64,
        at: &At<'_>,
    ) -> Result<Self, Error> {
        let hidden = (channels as f64 / comp) as usize;
        let part = |d: usize| Part::new(channels, hidden, 1 << d, &at.at(&format!("layers.{d}")));
        Ok(Self { parts: (0..depth).map(part).collect::<Result<_, _>>()? })
    }

    /// Adds the branch to a row `[HEAD + steps + TAIL, channels]` in place.
    pub(super) fn add_to(&self, row: &mut [f32], steps: usize) {
        for part in &self.parts {
            part.add_to(row, steps);
        }
    }
}

impl Part {
    fn new(channels: usize, hidden: usize, dilation: usize, at: &At<'_>) -> Result<Self, Error> {
        let (first, second) = (at.at("0"), at.at("3"));
        let taps = first.tensor("weight", &[hidden, channels, 3])?;
        let bias = first.tensor("bias", &[hidden])?;
        let weights = second.tensor("weight", &[2 * channels, hidden, 1])?;
        let wide_bias = second.tensor("bias", &[2 * channels])?;
        Ok(Self {
            dilation,
            channels,
            narrow: Packed::new(
                3 * channels,
                hidden,
                |n| bias[n],
                |k, n| taps[(n * channels + k % channels) * 3 + k / channels],
            ),
            narrow_norm: Affine::new(hidden, &at.at("1"))?,
            wide: Packed::new(
                hidden,
                2 * channels,
                |n| wide_bias[n],
                |k, n| weights[n * hidden + k],
            ),
            wide_sums: WideSums::new(&weights, &wide_bias),
            wide_norm: Affine::new(2 * channels, &at.at("4"))?,
            scale: at.at("6").tensor("scale", &[channels])?,
        })
    }

    fn add_to(&self, row: &mut [f32], steps: usize) {
        let (c, hidden) = (self.channels, self.narrow.columns());
        let mut narrow = vec![0.0; steps * hidden]; // [steps, hidden]
        let moments: Vec<[f64; 2]> = narrow
            .par_chunks_mut(CHUNK * hidden)
            .enumerate()
            .map(|(i, out)| {
                let start = (HEAD + i * CHUNK - self.dilation) * c;
                let tap = |j| Tap { offset: start + j * self.dilation * c, row: j * c };
                let taps = [tap(0), tap(1), tap(2)];
                let count = out.len() / hidden;
                let rows = Rows { source: row, stride: c, taps: &taps, run: c, count };
                self.narrow.multiply(rows, out, hidden);
                math::moments(out)
            })
            .collect();
        let total = moments.iter().fold([0.0; 2], |[s, q], [a, b]| [s + a, q + b]);
        let norm = self.narrow_norm.normalising(total, narrow.len() as f64);
        let grams: Vec<(Vec<f32>, Vec<f32>)> = narrow
            .par_chunks_mut(CHUNK * hidden)
            .map(|chunk| {
                math::affine_gelu(chunk, &norm.gain, &norm.offset);
                let (mut sums, mut gram) = (vec![0.0; hidden], vec![0.0; hidden * hidden]);
                math::gram(chunk, &mut sums, &mut gram);
                (sums, gram)
            })
            .collect();
        let total = self.wide_sums.moments(&grams, steps);
        let norm = self.wide_norm.normalising(total, (2 * c * steps) as f64);
        crate::plane::body_mut(row, steps, c)
            .par_chunks_mut(CHUNK * c)
            .zip(narrow.par_chunks(CHUNK * hidden))
            .for_each(|(out, narrow)| {
                // Few enough rows for the wide product to stay in the cache.
                let step = (32 * 1024 / c).clamp(16, CHUNK);
                let mut wide = vec![0.0; step.min(out.len() / c) * 2 * c];
                for (out, narrow) in out.chunks_mut(step * c).zip(narrow.chunks(step * hidden)) {
                    let wide = &mut wide[..out.len() * 2]; // [rows, 2 c]
                    self.wide.multiply(Rows::matrix(narrow, hidden), wide, 2 * c);
                    math::add_scaled_glu(wide, &norm.gain, &norm.offset, &self.scale, out);
                }
            });
    }
}

/// Sums over the columns of `W h + b`, from which its moments follow.
#[derive(Debug)]
struct WideSums {
    /// Sum of the weights, `[hidden]`.
    weights: Vec<f64>,
    /// Twice the sum of weight times bias, `[hidden]`.
    crossed: Vec<f64>,
    /// Sum of the products of two weights, `[hidden, hidden]`.
    products: Vec<f64>,
    bias: f64,
    bias_squares: f64,
}

impl WideSums {
    fn new(weights: &[f32], bias: &[f32]) -> Self {
        let hidden = weights.len() / bias.len();
        let mut sums = Self {
            weights: vec![0.0; hidden],
            crossed: vec![0.0; hidden],
            products: vec![0.0; hidden * hidden],
            bias: 0.0,
            bias_squares: 0.0,
        };
        for (weights, bias) in weights.chunks_exact(hidden).zip(bias) {
            let bias = f64::from(*bias);
            sums.bias += bias;
            sums.bias_squares += bias * bias;
            for i in 0..hidden {
                let weight = f64::from(weights[i]);
                sums.weights[i] += weight;
                sums.crossed[i] += 2.0 * bias * weight;
                for j in 0..hidden {
                    sums.products[i * hidden + j] += weight * f64::from(weights[j]);
                }
            }
        }
        sums
    }

    /// Sum and sum of squares over all steps and columns, from the sums and products of `h` by chunk.
    fn moments(&self, grams: &[(Vec<f32>, Vec<f32>)], steps: usize) -> [f64; 2] {
        let mut values = vec![0.0_f64; self.weights.len()];
        let mut products = vec![0.0_f64; self.products.len()];
        for (sums, gram) in grams {
            values.iter_mut().zip(sums).for_each(|(sum, x)| *sum += f64::from(*x));
            products.iter_mut().zip(gram).for_each(|(sum, x)| *sum += f64::from(*x));
        }
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let steps = steps as f64;
        let sum = dot(&self.weights, &values) + steps * self.bias;
        let squares = dot(&self.products, &products) + dot(&self.crossed, &values);
        [sum, squares + steps * self.bias_squares]
    }
}
