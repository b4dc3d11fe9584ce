//! A fully connected layer that learns: forward, backward, and the step of its optimiser.
//!
//! Activations are `[features, batch]`: the weights, `[outputs, inputs]`, are then the rows of both products that read
//! them or their gradient, and lie still while the small other side is packed. The gradient of the weights is never held: its
//! norm follows from the products of the batch with itself (`|dY X^T|^2 = sum (dY^T dY) (X^T X)`), and its rows are made
//! just before they are used up.
//!
//! Optimiser: I. Loshchilov and F. Hutter, "Decoupled Weight Decay Regularization", ICLR 2019 (`AdamW`).

use rayon::prelude::*;

use crate::simd::math;
use crate::simd::tile::{Packed, Rows};

/// Rows of the weights that one task works on.
const ROWS: usize = 16;
/// Inputs whose gradient one task finds.
const COLUMNS: usize = 96;

/// Weights and bias.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layer {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    /// `[outputs, inputs]`.
    pub(super) weights: Vec<f32>,
    /// `[outputs]`.
    pub(super) bias: Vec<f32>,
}

/// What the optimiser remembers of a layer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Memory {
    /// First and second moments of the weights, `[outputs, inputs]`.
    pub(super) weights: [Vec<f32>; 2],
    /// The same of the bias.
    pub(super) bias: [Vec<f32>; 2],
}

impl Memory {
    pub(super) fn new(layer: &Layer) -> Self {
        let zero = |count: usize| [vec![0.0; count], vec![0.0; count]];
        Self { weights: zero(layer.weights.len()), bias: zero(layer.bias.len()) }
    }
}

/// The numbers of one step of the optimiser.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    /// Learning rate.
    pub(super) rate: f32,
    /// What gradients are multiplied by: 1 unless they are clipped.
    pub(super) scale: f32,
    /// Share of a weight that decays per unit of the learning rate.
    pub(super) decay: f32,
    /// Steps done, this one included.
    pub(super) count: u64,
}

impl Step {
    const BETA: [f32; 2] = [0.9, 0.999];

    /// Turns moments into an update, per weight.
    fn rates(self, decay: f32) -> math::Rates {
        let correction = |beta: f32| (1.0 - f64::from(beta).powf(self.count as f64)) as f32;
        math::Rates {
            scale: self.scale,
            beta: Self::BETA,
            rate: self.rate / correction(Self::BETA[0]),
            root: correction(Self::BETA[1]).sqrt().recip(),
            keep: 1.0 - self.rate * decay,
        }
    }
}

impl Layer {
    /// `weights x + bias` for `x` `[inputs, batch]`: `[outputs, batch]`.
    pub(super) fn forward(&self, x: &[f32], batch: usize) -> Vec<f32> {
        let mut packed = Packed::zero(self.inputs, batch);
        packed.fill_rows(|k| &x[k * batch..(k + 1) * batch]);
        let mut out = vec![0.0; self.outputs * batch];
        let tasks = out
            .par_chunks_mut(ROWS * batch)
            .zip(self.weights.par_chunks(ROWS * self.inputs))
            .zip(self.bias.par_chunks(ROWS));
        tasks.for_each(|((out, weights), bias)| {
            packed.multiply(Rows::matrix(weights, self.inputs), out, batch);
            for (row, bias) in out.chunks_exact_mut(batch).zip(bias) {
                for y in row {
                    *y += bias;
                }
            }
        });
        out // [outputs, batch]
    }

    /// The gradient of the input from that of the output, `[outputs, batch]` to `[inputs, batch]`.
    pub(super) fn backward(&self, gradient: &[f32], batch: usize) -> Vec<f32> {
        let by_item = transposed(gradient, batch); // [batch, outputs]
        let mut out = vec![0.0; self.inputs * batch];
        out.par_chunks_mut(COLUMNS * batch).enumerate().for_each(|(chunk, out)| {
            let (from, count) = (chunk * COLUMNS, out.len() / batch);
            let mut packed = Packed::zero(self.outputs, count);
            packed.fill_rows(|n| &self.weights[n * self.inputs + from..][..count]);
            let mut product = vec![0.0; batch * count];
            packed.multiply(Rows::matrix(&by_item, self.outputs), &mut product, count);
            for (item, row) in product.chunks_exact(count).enumerate() {
                for (column, x) in row.iter().enumerate() {
                    out[column * batch + item] = *x;
                }
            }
        });
        out // [inputs, batch]
    }

    /// The squared norm of the gradient of weights and bias, for that input and that gradient of the output.
    pub(super) fn gradient_power(x: &[f32], gradient: &[f32], batch: usize) -> f64 {
        let gram = |rows: &[f32]| {
            let (mut sums, mut gram) = (vec![0.0; batch], vec![0.0; batch * batch]);
            math::gram(rows, &mut sums, &mut gram);
            gram
        };
        let pairs = gram(x).into_iter().zip(gram(gradient));
        let weights: f64 = pairs.map(|(a, b)| f64::from(a) * f64::from(b)).sum();
        let sum = |row: &[f32]| row.iter().map(|x| f64::from(*x)).sum::<f64>();
        weights + gradient.chunks_exact(batch).map(|row| sum(row).powi(2)).sum::<f64>()
    }

    /// Takes a step against the gradient.
    pub(super) fn learn(
        &mut self,
        memory: &mut Memory,
        x: &[f32],
        gradient: &[f32],
        batch: usize,
        step: Step,
    ) {
        let inputs = self.inputs;
        let packed = packed_items(x, inputs, batch);
        let rates = step.rates(step.decay);
        let [first, second] = &mut memory.weights;
        let tasks = self
            .weights
            .par_chunks_mut(ROWS * inputs)
            .zip(first.par_chunks_mut(ROWS * inputs))
            .zip(second.par_chunks_mut(ROWS * inputs))
            .zip(gradient.par_chunks(ROWS * batch));
        tasks.for_each_init(
            || vec![0.0; ROWS * inputs],
            |room, (((weights, first), second), gradient)| {
                let slopes = &mut room[..weights.len()];
                packed.multiply(Rows::matrix(gradient, batch), slopes, inputs);
                math::adam(weights, first, second, slopes, rates);
            },
        );
        let slopes: Vec<f32> = gradient.chunks_exact(batch).map(|row| row.iter().sum()).collect();
        let [first, second] = &mut memory.bias;
        math::adam(&mut self.bias, first, second, &slopes, step.rates(0.0));
    }

    /// The gradient of the weights, `[outputs, inputs]`.
    #[cfg(test)]
    pub(super) fn slopes(&self, x: &[f32], gradient: &[f32], batch: usize) -> Vec<f32> {
        let mut slopes = vec![0.0; self.weights.len()];
        let packed = packed_items(x, self.inputs, batch);
        packed.multiply(Rows::matrix(gradient, batch), &mut slopes, self.inputs);
        slopes
    }
}

/// `x`, `[inputs, batch]`, as the right side of a product over the batch.
fn packed_items(x: &[f32], inputs: usize, batch: usize) -> Packed {
    let mut packed = Packed::zero(batch, inputs);
    packed.fill_columns(|n| &x[n * batch..(n + 1) * batch]);
    packed
}

/// `[rows, columns]` as `[columns, rows]`.
pub(super) fn transposed(values: &[f32], columns: usize) -> Vec<f32> {
    let rows = values.len() / columns;
    let mut out = vec![0.0; values.len()];
    for (r, row) in values.chunks_exact(columns).enumerate() {
        for (c, x) in row.iter().enumerate() {
            out[c * rows + r] = *x;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use dream_core::Seed;
    use rand::Rng;

    fn noise(count: usize, seed: u64) -> Vec<f32> {
        let mut rng = Seed(seed).rng();
        (0..count).map(|_| rng.next_u32() as f32 / u32::MAX as f32 - 0.5).collect()
    }

    fn layer(inputs: usize, outputs: usize) -> Layer {
        Layer { inputs, outputs, weights: noise(inputs * outputs, 1), bias: noise(outputs, 2) }
    }

    #[track_caller]
    fn near(got: &[f32], expected: impl Fn(usize) -> f64, tolerance: f64) {
        for (i, x) in got.iter().enumerate() {
            assert!((f64::from(*x) - expected(i)).abs() < tolerance, "{i}: {x} {}", expected(i));
        }
    }

    /// Compares every product with the sum written out.
    #[track_caller]
    fn check(inputs: usize, outputs: usize, batch: usize) {
        let layer = layer(inputs, outputs);
        let (x, dy) = (noise(inputs * batch, 3), noise(outputs * batch, 4));
        let (w, x64) = (
            |n: usize, k: usize| f64::from(layer.weights[n * inputs + k]),
            |i: usize| f64::from(x[i]),
        );
        near(
            &layer.forward(&x, batch),
            |i| {
                let (n, b) = (i / batch, i % batch);
                f64::from(layer.bias[n])
                    + (0..inputs).map(|k| w(n, k) * x64(k * batch + b)).sum::<f64>()
            },
            1e-4,
        );
        near(
            &layer.backward(&dy, batch),
            |i| {
                let (k, b) = (i / batch, i % batch);
                (0..outputs).map(|n| w(n, k) * f64::from(dy[n * batch + b])).sum()
            },
            1e-4,
        );
        let slopes = layer.slopes(&x, &dy, batch);
        near(
            &slopes,
            |i| {
                let (n, k) = (i / inputs, i % inputs);
                (0..batch).map(|b| f64::from(dy[n * batch + b]) * x64(k * batch + b)).sum()
            },
            1e-4,
        );
        let bias = dy.chunks_exact(batch).map(|row| row.iter().map(|x| f64::from(*x)).sum::<f64>());
        let power = slopes.iter().map(|x| f64::from(*x)).chain(bias).map(|x| x * x).sum::<f64>();
        let found = Layer::gradient_power(&x, &dy, batch);
        assert!((found / power - 1.0).abs() < 1e-4, "{found} {power}");
    }

    #[test]
    fn products_are_the_sums_written_out() {
        check(7, 5, 3);
        check(130, 100, 32);
        check(100, 33, 1);
    }

    #[test]
    fn a_step_is_the_formula_of_adamw() {
        let mut layer = layer(3, 2);
        let before = layer.clone();
        let mut memory = Memory::new(&layer);
        let (x, dy) = (noise(3 * 4, 3), noise(2 * 4, 4));
        let slopes = layer.slopes(&x, &dy, 4);
        let step = |count| Step { rate: 0.01, scale: 0.5, decay: 0.1, count };
        layer.learn(&mut memory, &x, &dy, 4, step(1));
        layer.learn(&mut memory, &x, &dy, 4, step(2));
        near(
            &layer.weights,
            |i| {
                let slope = 0.5 * f64::from(slopes[i]);
                let mut w = f64::from(before.weights[i]);
                let (mut m, mut v) = (0.0, 0.0);
                for count in [1.0, 2.0] {
                    m = 0.9 * m + 0.1 * slope;
                    v = 0.999 * v + 0.001 * slope * slope;
                    let (mean, square) =
                        (m / (1.0 - 0.9_f64.powf(count)), v / (1.0 - 0.999_f64.powf(count)));
                    w -= 0.01 * (mean / (square.sqrt() + 1e-8) + 0.1 * w);
                }
                w
            },
            1e-5,
        );
    }
}
