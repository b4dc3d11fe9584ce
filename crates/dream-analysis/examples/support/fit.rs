//! Fits an ensemble of perceptrons with one hidden layer, as `category/network.rs` reads it.
//!
//! Method: stochastic gradient descent with decoupled weight decay (I. Loshchilov, F. Hutter, "Decoupled Weight Decay
//! Regularization", ICLR 2019), the step falling as a cosine; noise on the inputs and dropped units against overfitting.
//! Members differ in their seed only. The same rows and seed give the same numbers, whatever the thread count.

use dream_core::Seed;
use rayon::prelude::*;

use crate::synth::Dice;

/// Standardised inputs are kept within this many deviations, as in the network.
const REACH: f32 = 4.0;
const BATCH: usize = 64;

/// A row: features, wanted output (`[outputs]`, 0 to 1), weight.
pub(crate) struct Row<'a> {
    pub(crate) features: &'a [f32],
    pub(crate) target: Vec<f32>,
    pub(crate) weight: f32,
}

/// What the outputs mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outputs {
    /// One of them is right.
    OneOf,
    /// Any of them may be.
    AnyOf,
}

/// How to fit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spec {
    pub(crate) hidden: usize,
    pub(crate) members: usize,
    pub(crate) epochs: usize,
    pub(crate) outputs: Outputs,
    pub(crate) step: f32,
    pub(crate) decay: f32,
    /// Deviation of the noise on the standardised inputs.
    pub(crate) noise: f32,
    /// Share of the hidden units that is silent in each step (N. Srivastava et al., "Dropout: A Simple Way to Prevent
    /// Neural Networks from Overfitting", JMLR 15, 2014).
    pub(crate) dropped: f32,
    pub(crate) seed: Seed,
}

/// Weights in the order of the file.
#[derive(Debug, Clone)]
pub(crate) struct Ensemble {
    shape: [usize; 4],
    pub(crate) divisor: f32,
    mean: Vec<f32>,
    deviation: Vec<f32>,
    members: Vec<Vec<f32>>,
}

/// Fits `spec.members` networks to the rows.
pub(crate) fn fit(rows: &[Row<'_>], spec: &Spec) -> Ensemble {
    let (inputs, outputs) = (rows[0].features.len(), rows[0].target.len());
    let (mean, deviation) = statistics(rows, inputs);
    let standard: Vec<Vec<f32>> =
        rows.iter().map(|row| standardised(row.features, &mean, &deviation)).collect();
    let members = (0..spec.members)
        .into_par_iter()
        .map(|member| train(rows, &standard, outputs, spec, spec.seed.index(member as u64)))
        .collect();
    let shape = [inputs, spec.hidden, outputs, spec.members];
    Ensemble { shape, divisor: 1.0, mean, deviation, members }
}

impl Ensemble {
    /// The mean logits of the members over the divisor.
    pub(crate) fn logits(&self, features: &[f32]) -> Vec<f32> {
        let [_, hidden, outputs, members] = self.shape;
        let x = standardised(features, &self.mean, &self.deviation);
        let mut sums = vec![0.0; outputs];
        for weights in &self.members {
            let (kept, mut units) = (vec![1.0; hidden], vec![0.0; hidden]);
            let logits = forward(weights, &x, outputs, &kept, &mut units);
            for (sum, logit) in sums.iter_mut().zip(logits) {
                *sum += logit / (self.divisor * members as f32);
            }
        }
        sums
    }

    /// The file.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let head = self.shape.iter().flat_map(|&n| (n as u32).to_le_bytes());
        let numbers = std::iter::once(&self.divisor)
            .chain(&self.mean)
            .chain(&self.deviation)
            .chain(self.members.iter().flatten());
        head.chain(numbers.flat_map(|x| x.to_le_bytes())).collect()
    }
}

fn statistics(rows: &[Row<'_>], inputs: usize) -> (Vec<f32>, Vec<f32>) {
    let count = rows.len() as f64;
    let mean: Vec<f64> = (0..inputs)
        .map(|i| rows.iter().map(|r| f64::from(r.features[i])).sum::<f64>() / count)
        .collect();
    let deviation = (0..inputs).map(|i| {
        let sum: f64 = rows.iter().map(|r| (f64::from(r.features[i]) - mean[i]).powi(2)).sum();
        (sum / count).sqrt().max(1e-3) as f32
    });
    let deviation = deviation.collect();
    (mean.iter().map(|m| *m as f32).collect(), deviation)
}

fn standardised(features: &[f32], mean: &[f32], deviation: &[f32]) -> Vec<f32> {
    let standard = |((x, mean), deviation): ((&f32, &f32), &f32)| (x - mean) / deviation;
    features.iter().zip(mean).zip(deviation).map(standard).map(|z| z.clamp(-REACH, REACH)).collect()
}

/// Logits; the hidden units, each times its `kept`, are left in `units`.
fn forward(
    weights: &[f32],
    x: &[f32],
    outputs: usize,
    kept: &[f32],
    units: &mut [f32],
) -> Vec<f32> {
    let hidden = units.len();
    let (first, rest) = weights.split_at(x.len() * hidden);
    let (bias, rest) = rest.split_at(hidden);
    let (second, last) = rest.split_at(hidden * outputs);
    units.copy_from_slice(bias);
    for (x, row) in x.iter().zip(first.chunks_exact(hidden)) {
        for (unit, weight) in units.iter_mut().zip(row) {
            *unit += x * weight;
        }
    }
    let mut logits = last.to_vec();
    for ((unit, keep), row) in units.iter_mut().zip(kept).zip(second.chunks_exact(outputs)) {
        *unit = unit.max(0.0) * keep;
        for (logit, weight) in logits.iter_mut().zip(row) {
            *logit += *unit * weight;
        }
    }
    logits
}

/// The error of the logits: probability less target.
fn error(logits: &mut [f32], target: &[f32], outputs: Outputs) {
    match outputs {
        Outputs::OneOf => {
            let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            for logit in logits.iter_mut() {
                *logit = (*logit - top).exp();
            }
            let total: f32 = logits.iter().sum();
            for logit in logits.iter_mut() {
                *logit /= total;
            }
        }
        Outputs::AnyOf => {
            for logit in logits.iter_mut() {
                *logit = 1.0 / (1.0 + (-*logit).exp());
            }
        }
    }
    for (logit, target) in logits.iter_mut().zip(target) {
        *logit -= target;
    }
}

fn train(
    rows: &[Row<'_>],
    standard: &[Vec<f32>],
    outputs: usize,
    spec: &Spec,
    seed: Seed,
) -> Vec<f32> {
    let inputs = standard[0].len();
    let hidden = spec.hidden;
    let mut dice = Dice::new(seed);
    let (first, second) = (inputs * hidden, hidden * outputs);
    let size = first + hidden + second + outputs;
    let mut weights: Vec<f32> = (0..size)
        .map(|i| {
            let fan = if i < first { inputs } else { hidden };
            let bias = (first..first + hidden).contains(&i) || i >= first + hidden + second;
            let reach = if bias { 0.0 } else { (6.0 / fan as f64).sqrt() * 0.7 };
            dice.range(-reach, reach) as f32
        })
        .collect();
    let (mut slow, mut square) = (vec![0.0_f32; size], vec![0.0_f32; size]);
    let mut gradient = vec![0.0_f32; size];
    let mut order: Vec<usize> = (0..rows.len()).collect();
    let steps = (spec.epochs * rows.len().div_ceil(BATCH)) as f32;
    let mut step = 0_i32;
    let (mut kept, mut units) = (vec![1.0_f32; hidden], vec![0.0_f32; hidden]);
    let mut noisy = vec![0.0_f32; inputs];
    for _ in 0..spec.epochs {
        for i in (1..order.len()).rev() {
            order.swap(i, dice.index(i + 1));
        }
        for batch in order.chunks(BATCH) {
            gradient.fill(0.0);
            for &i in batch {
                let noise = dice.noise(inputs as f64 / crate::synth::RATE);
                for ((n, x), noise) in noisy.iter_mut().zip(&standard[i]).zip(&noise) {
                    *n = x + 1.7 * spec.noise * noise;
                }
                if spec.dropped > 0.0 {
                    let rest = (1.0 - spec.dropped).recip();
                    kept.fill_with(
                        || if dice.chance(f64::from(spec.dropped)) { 0.0 } else { rest },
                    );
                }
                let mut delta = forward(&weights, &noisy, outputs, &kept, &mut units);
                error(&mut delta, &rows[i].target, spec.outputs);
                let scale = rows[i].weight / BATCH as f32;
                backward(&weights, &mut gradient, &noisy, (&units, &kept), &delta, scale);
            }
            step += 1;
            let turn = std::f32::consts::PI * step as f32 / steps;
            let rate = spec.step * (0.5 + 0.5 * turn.cos());
            let (mend, mend2) = (1.0 - 0.9_f32.powi(step), 1.0 - 0.999_f32.powi(step));
            for (i, g) in gradient.iter().enumerate() {
                slow[i] = 0.9 * slow[i] + 0.1 * g;
                square[i] = 0.999 * square[i] + 0.001 * g * g;
                let way = slow[i] / mend / ((square[i] / mend2).sqrt() + 1e-7);
                weights[i] -= rate * (way + spec.decay * weights[i]);
            }
        }
    }
    weights
}

fn backward(
    weights: &[f32],
    gradient: &mut [f32],
    x: &[f32],
    (units, kept): (&[f32], &[f32]),
    delta: &[f32],
    scale: f32,
) {
    let (hidden, outputs) = (units.len(), delta.len());
    let second = x.len() * hidden + hidden;
    let last = second + hidden * outputs;
    let mut back = vec![0.0_f32; hidden];
    for (j, unit) in units.iter().enumerate() {
        let row = second + j * outputs..second + (j + 1) * outputs;
        if *unit > 0.0 {
            for ((g, w), d) in gradient[row.clone()].iter_mut().zip(&weights[row]).zip(delta) {
                *g += scale * unit * d;
                back[j] += w * d;
            }
        }
    }
    for (g, d) in gradient[last..].iter_mut().zip(delta) {
        *g += scale * d;
    }
    for (b, keep) in back.iter_mut().zip(kept) {
        *b *= scale * keep;
    }
    for (x, row) in x.iter().zip(gradient.chunks_exact_mut(hidden)) {
        for (g, b) in row.iter_mut().zip(&back) {
            *g += x * b;
        }
    }
    let bias = x.len() * hidden;
    for (g, b) in gradient[bias..bias + hidden].iter_mut().zip(&back) {
        *g += b;
    }
}
