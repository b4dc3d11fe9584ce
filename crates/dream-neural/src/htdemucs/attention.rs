//! Attention of many heads, a block of queries at a time.
//!
//! Keys and values of a head are packed once; then for each block of queries the scores, their softmax and the
//! weighted sum of the values stay in the cache. Scores arrive already scaled (see `transformer`).
//! Cost: `4 * queries * keys * channels` operations. Memory: twice keys and values, and per thread
//! [`QUERIES`] rows of scores.

use rayon::prelude::*;

use crate::simd::math;
use crate::simd::tile::{Packed, Rows, Tap};

/// Queries of a block: its scores over 2688 keys are 344 kB.
const QUERIES: usize = 32;

/// `queries` is `[queries, channels]`, `keys_values` is `[keys, 2 channels]`; the result `[queries, channels]`.
pub(super) fn attend(
    queries: &[f32],
    keys_values: &[f32],
    channels: usize,
    heads: usize,
) -> Vec<f32> {
    let (width, keys) = (channels / heads, keys_values.len() / (2 * channels));
    let packed: Vec<[Packed; 2]> = (0..heads)
        .into_par_iter()
        .map(|head| {
            let row = |key: usize, part: usize| {
                let start = (2 * key + part) * channels + head * width;
                &keys_values[start..start + width]
            };
            let mut scores = Packed::zero(width, keys);
            scores.fill_columns(|key| row(key, 0));
            let mut values = Packed::zero(keys, width);
            values.fill_rows(|key| row(key, 1));
            [scores, values]
        })
        .collect();
    let mut out = vec![0.0; queries.len()];
    out.par_chunks_mut(QUERIES * channels).enumerate().for_each(|(block, out)| {
        let count = out.len() / channels;
        let mut scores = vec![0.0; count * keys]; // [queries, keys]
        let mut inverse = vec![0.0; count];
        for (head, [keys_of, values_of]) in packed.iter().enumerate() {
            let offset = block * QUERIES * channels + head * width;
            let taps = [Tap { offset, row: 0 }];
            let rows = Rows { source: queries, stride: channels, taps: &taps, run: width, count };
            keys_of.multiply(rows, &mut scores, keys);
            for (row, inverse) in scores.chunks_exact_mut(keys).zip(&mut inverse) {
                *inverse = math::softmax(row);
            }
            let out = &mut out[head * width..];
            values_of.multiply(Rows::matrix(&scores, keys), out, channels);
            for (row, inverse) in out.chunks_mut(channels).zip(&inverse) {
                math::scale(&mut row[..width], *inverse);
            }
        }
    });
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attention_is_the_weighted_mean_written_out() {
        let (queries, keys, channels, heads) = (37, 50, 24, 2);
        let value = |i: usize| ((i * 7919) % 1000) as f32 / 500.0 - 1.0;
        let q: Vec<f32> = (0..queries * channels).map(value).collect();
        let kv: Vec<f32> = (0..keys * 2 * channels).map(|i| value(i + 77)).collect();
        let out = attend(&q, &kv, channels, heads);
        let width = channels / heads;
        for i in 0..queries {
            for head in 0..heads {
                let at = head * width;
                let score = |k: usize| -> f64 {
                    (0..width)
                        .map(|c| q[i * channels + at + c] * kv[2 * k * channels + at + c])
                        .map(f64::from)
                        .sum::<f64>()
                        .exp()
                };
                let total: f64 = (0..keys).map(score).sum();
                for c in 0..width {
                    let mean = (0..keys)
                        .map(|k| score(k) * f64::from(kv[(2 * k + 1) * channels + at + c]))
                        .sum::<f64>()
                        / total;
                    assert!((f64::from(out[i * channels + at + c]) - mean).abs() < 1e-5);
                }
            }
        }
    }
}
