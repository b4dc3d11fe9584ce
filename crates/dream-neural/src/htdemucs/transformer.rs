//! The transformer between encoders and decoders: tokens of both branches attend to themselves and to each other.
//!
//! Method: S. Rouard, F. Massa, A. Defossez, "Hybrid Transformers for Music Source Separation", ICASSP 2023, section
//! 2.2. Layers alternate between self and cross attention; norms come first, residuals are scaled by learnt factors,
//! and a layer ends with a norm over all tokens and channels. Tokens of the spectrogram lie in the order of the
//! planes, `[frequency, hop]`: nothing but the position embedding depends on the order.
//!
//! The learnt factors and the 1 / sqrt(width) of attention are multiplied into the weights at load.

use rayon::prelude::*;

use super::attention::attend;
use super::dconv::{Affine, EPSILON};
use crate::Error;
use crate::simd::math;
use crate::simd::tile::{Packed, Rows};
use crate::weights::At;

/// Tokens that are worked on at once.
const BLOCK: usize = 96;

/// Tokens of one branch, `[tokens, channels]`.
pub(super) type Tokens = Vec<f32>;

/// What all layers share.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) channels: usize,
    pub(super) heads: usize,
    pub(super) hidden: usize,
    pub(super) norm_out: bool,
    pub(super) layer_scale: bool,
}

#[derive(Debug)]
pub(super) struct Layer {
    shape: Shape,
    /// Of the queries, and in self attention of keys and values too.
    norm: Affine,
    /// Of keys and values in cross attention.
    norm_other: Option<Affine>,
    /// Queries `[channels]`; keys and values side by side, `[2 channels]`.
    queries: Packed,
    keys_values: Packed,
    out: Packed,
    norm_forward: Affine,
    forward: [Packed; 2],
    norm_out: Option<Affine>,
}

impl Layer {
    pub(super) fn self_attention(shape: Shape, at: &At<'_>) -> Result<Self, Error> {
        Self::new(shape, at, "self_attn", None, "norm2")
    }

    pub(super) fn cross_attention(shape: Shape, at: &At<'_>) -> Result<Self, Error> {
        let norm_other = Affine::new(shape.channels, &at.at("norm2"))?;
        Self::new(shape, at, "cross_attn", Some(norm_other), "norm3")
    }

    fn new(
        shape: Shape,
        at: &At<'_>,
        attention: &str,
        norm_other: Option<Affine>,
        norm_forward: &str,
    ) -> Result<Self, Error> {
        let Shape { channels: c, heads, hidden, .. } = shape;
        let attention = at.at(attention);
        let weights = attention.tensor("in_proj_weight", &[3 * c, c])?;
        let bias = attention.tensor("in_proj_bias", &[3 * c])?;
        let scale = ((c / heads) as f32).sqrt().recip();
        let factors = |name: &str| {
            let ones = || Ok(vec![1.0; c]);
            if shape.layer_scale { at.at(name).tensor("scale", &[c]) } else { ones() }
        };
        Ok(Self {
            shape,
            norm: Affine::new(c, &at.at("norm1"))?,
            norm_other,
            queries: Packed::new(c, c, |n| bias[n] * scale, |k, n| weights[n * c + k] * scale),
            keys_values: Packed::new(c, 2 * c, |n| bias[c + n], |k, n| weights[(c + n) * c + k]),
            out: linear(c, c, &attention.at("out_proj"), &factors("gamma_1")?)?,
            norm_forward: Affine::new(c, &at.at(norm_forward))?,
            forward: [
                linear(c, hidden, &at.at("linear1"), &vec![1.0; hidden])?,
                linear(hidden, c, &at.at("linear2"), &factors("gamma_2")?)?,
            ],
            norm_out: shape.norm_out.then(|| Affine::new(c, &at.at("norm_out"))).transpose()?,
        })
    }

    /// Whether it attends to the other branch.
    pub(super) fn crosses(&self) -> bool {
        self.norm_other.is_some()
    }

    /// The layer over `tokens`, attending to `other` or to themselves.
    pub(super) fn apply(&self, tokens: &mut Tokens, other: Option<&Tokens>) {
        let c = self.shape.channels;
        let queries = project(tokens, &self.norm, &self.queries);
        let keys_values = match (other, &self.norm_other) {
            (Some(other), Some(norm)) => project(other, norm, &self.keys_values),
            _ => project(tokens, &self.norm, &self.keys_values),
        };
        let attended = attend(&queries, &keys_values, c, self.shape.heads); // [tokens, channels]
        drop((queries, keys_values));
        let moments: Vec<[f64; 2]> = tokens
            .par_chunks_mut(BLOCK * c)
            .zip(attended.par_chunks(BLOCK * c))
            .map(|(tokens, attended)| {
                let count = tokens.len() / c;
                let mut rows = vec![0.0; tokens.len()];
                self.out.multiply(Rows::matrix(attended, c), &mut rows, c);
                math::add(tokens, &rows);
                normalise(tokens, &self.norm_forward, &mut rows);
                let hidden = self.shape.hidden;
                let mut wide = vec![0.0; count * hidden]; // [tokens, hidden]
                self.forward[0].multiply(Rows::matrix(&rows, c), &mut wide, hidden);
                math::gelu(&mut wide);
                self.forward[1].multiply(Rows::matrix(&wide, hidden), &mut rows, c);
                math::add(tokens, &rows);
                math::moments(tokens)
            })
            .collect();
        if let Some(norm) = &self.norm_out {
            let total = moments.iter().fold([0.0; 2], |[s, q], [a, b]| [s + a, q + b]);
            let norm = norm.normalising(total, tokens.len() as f64);
            tokens
                .par_chunks_mut(BLOCK * c)
                .for_each(|tokens| math::affine(tokens, &norm.gain, &norm.offset));
        }
    }
}

/// A layer `[inputs]` to `[outputs]`, its outputs multiplied by `factors`.
fn linear(inputs: usize, outputs: usize, at: &At<'_>, factors: &[f32]) -> Result<Packed, Error> {
    let weights = at.tensor("weight", &[outputs, inputs])?;
    let bias = at.tensor("bias", &[outputs])?;
    let weight = |k: usize, n: usize| weights[n * inputs + k] * factors[n];
    Ok(Packed::new(inputs, outputs, |n| bias[n] * factors[n], weight))
}

/// Normalises every token and multiplies it.
fn project(tokens: &[f32], norm: &Affine, weights: &Packed) -> Vec<f32> {
    let (c, columns) = (norm.gain.len(), weights.columns());
    let mut out = vec![0.0; tokens.len() / c * columns];
    out.par_chunks_mut(BLOCK * columns).zip(tokens.par_chunks(BLOCK * c)).for_each(
        |(out, tokens)| {
            let mut rows = vec![0.0; tokens.len()];
            normalise(tokens, norm, &mut rows);
            weights.multiply(Rows::matrix(&rows, c), out, columns);
        },
    );
    out
}

/// The layer norm of every token.
pub(super) fn normalise(tokens: &[f32], norm: &Affine, out: &mut [f32]) {
    let c = norm.gain.len();
    for (token, out) in tokens.chunks_exact(c).zip(out.chunks_exact_mut(c)) {
        let [sum, squares] = math::moments(token);
        let mean = sum / c as f64;
        let inverse = ((squares / c as f64 - mean * mean).max(0.0) + EPSILON).sqrt().recip();
        math::standardise(token, [mean as f32, inverse as f32], &norm.gain, &norm.offset, out);
    }
}

/// Sines and cosines of positions along time, `[count, channels]`: cosines in the first half.
pub(super) fn positions(count: usize, channels: usize, max_period: f64) -> Vec<f32> {
    let half = channels / 2;
    let rate = |i: usize| max_period.powf(-(i as f64) / (half as f64 - 1.0).max(1.0));
    let rates: Vec<f64> = (0..half).map(rate).collect();
    let mut out = Vec::with_capacity(count * channels);
    for position in 0..count {
        let phase = |rate: &f64| position as f64 * rate;
        out.extend(rates.iter().map(|rate| phase(rate).cos() as f32));
        out.extend(rates.iter().map(|rate| phase(rate).sin() as f32));
    }
    out
}

/// Sines and cosines of positions along both axes, `[frequencies, hops, channels]`: the first half of the channels
/// tells the hop, the second the frequency, sines and cosines alternating.
pub(super) fn positions_2d(
    frequencies: usize,
    hops: usize,
    channels: usize,
    max_period: f64,
) -> Vec<f32> {
    let half = channels / 2;
    let rate = |i: usize| (-(2.0 * i as f64) * max_period.ln() / half as f64).exp();
    let rates: Vec<f64> = (0..half / 2).map(rate).collect();
    let axis = |count: usize| -> Vec<f32> {
        let pair = |phase: f64| [phase.sin() as f32, phase.cos() as f32];
        (0..count).flat_map(|p| rates.iter().flat_map(move |rate| pair(p as f64 * rate))).collect()
    };
    let (by_frequency, by_hop) = (axis(frequencies), axis(hops));
    let mut out = Vec::with_capacity(frequencies * hops * channels);
    for frequency in by_frequency.chunks_exact(half) {
        for hop in by_hop.chunks_exact(half) {
            out.extend_from_slice(hop);
            out.extend_from_slice(frequency);
        }
    }
    out
}
