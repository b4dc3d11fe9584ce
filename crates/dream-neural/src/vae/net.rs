//! The network: an encoder and a decoder of three layers each, and the gradient of what they get wrong.
//!
//! Method: D. Kingma and M. Welling, "Auto-Encoding Variational Bayes", ICLR 2014, with the free bits of D. Kingma et al.,
//! "Improving Variational Inference with Inverse Autoregressive Flow", NIPS 2016. Encoder cells-512-256-(mean, log variance),
//! decoder mirrored with linear output, the sigmoid-weighted linear unit between. The gradient is written out by hand.
//! Shapes: everything `[features, batch]`.

use dream_core::Seed;
use rand::Rng;
use rayon::prelude::*;

use super::layer::{Layer, Memory, Step};
use crate::simd::math;

/// Width of the layers between cells and latent.
pub(super) const HIDDEN: [usize; 2] = [512, 256];
/// Layers; the first half encodes.
pub(super) const LAYERS: usize = 6;
/// Range of the log variance.
const LOG_VARIANCE: [f32; 2] = [-10.0, 4.0];
/// Nats per latent dimension that cost nothing.
const FREE_NATS: f64 = 0.02;

/// Encoder and decoder.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Net {
    pub(super) layers: [Layer; LAYERS],
}

/// What the encoder says of a batch, each `[latent, batch]`.
pub(super) struct Posterior {
    pub(super) mean: Vec<f32>,
    pub(super) log_variance: Vec<f32>,
}

/// How wrong a batch came out.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Loss {
    /// Weighted error per cell.
    pub(super) error: f64,
    /// Nats from the posterior to the prior, per example.
    pub(super) nats: f64,
    /// What is descended.
    pub(super) total: f64,
}

/// One way there, kept for the way back.
struct Pass {
    /// The input of every layer.
    inputs: [Vec<f32>; LAYERS],
    /// The output of every layer, before its activation.
    outputs: [Vec<f32>; LAYERS],
    deviation: Vec<f32>,
}

/// A loss and its gradients by the outputs of the layers, `[outputs, batch]` each.
pub(super) struct Slopes {
    pub(super) loss: Loss,
    inputs: [Vec<f32>; LAYERS],
    gradients: [Vec<f32>; LAYERS],
    batch: usize,
}

impl Net {
    /// Layers of random weights, uniform within the inverse root of their inputs.
    pub(super) fn new(cells: usize, latent: usize, seed: Seed) -> Self {
        let layers = Self::shapes(cells, latent).map(|(inputs, outputs)| {
            let seed = seed.index(inputs as u64).index(outputs as u64);
            let bound = (inputs as f32).sqrt().recip();
            let mut rng = seed.rng();
            let mut draw = || bound * ((rng.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0);
            let weights = (0..inputs * outputs).map(|_| draw()).collect();
            let bias = (0..outputs).map(|_| draw()).collect();
            Layer { inputs, outputs, weights, bias }
        });
        Self { layers }
    }

    /// Inputs and outputs of every layer.
    pub(super) fn shapes(cells: usize, latent: usize) -> [(usize, usize); LAYERS] {
        let [wide, narrow] = HIDDEN;
        [
            (cells, wide),
            (wide, narrow),
            (narrow, 2 * latent),
            (latent, narrow),
            (narrow, wide),
            (wide, cells),
        ]
    }

    /// Dimensions of the latent space.
    pub(super) fn latent(&self) -> usize {
        self.layers[3].inputs
    }

    /// The posterior of a batch `[cells, batch]`.
    pub(super) fn encode(&self, x: &[f32], batch: usize) -> Posterior {
        let [first, second, heads, ..] = &self.layers;
        let x = silu(&first.forward(x, batch));
        let x = silu(&second.forward(&x, batch));
        posterior(heads.forward(&x, batch), self.latent() * batch)
    }

    /// The cells of latents `[latent, batch]`.
    pub(super) fn decode(&self, z: &[f32], batch: usize) -> Vec<f32> {
        let [.., first, second, last] = &self.layers;
        let x = silu(&first.forward(z, batch));
        let x = silu(&second.forward(&x, batch));
        last.forward(&x, batch)
    }

    fn pass(&self, x: &[f32], noise: &[f32], batch: usize) -> Pass {
        let mut inputs: [Vec<f32>; LAYERS] = Default::default();
        let mut outputs: [Vec<f32>; LAYERS] = Default::default();
        let mut deviation = Vec::new();
        let mut now = x.to_vec();
        for (i, layer) in self.layers.iter().enumerate() {
            let out = layer.forward(&now, batch);
            inputs[i] = std::mem::take(&mut now);
            now = match i {
                2 => {
                    let Posterior { mean, log_variance } =
                        posterior(out.clone(), self.latent() * batch);
                    deviation = log_variance.iter().map(|v| (0.5 * v).exp()).collect();
                    let drawn = mean.iter().zip(&deviation).zip(noise);
                    drawn.map(|((mean, deviation), noise)| mean + deviation * noise).collect()
                }
                5 => Vec::new(),
                _ => silu(&out),
            };
            outputs[i] = out;
        }
        Pass { inputs, outputs, deviation }
    }

    /// The loss of a batch and its gradients. `x` is relative to the mean envelope, `weight` says how much every cell
    /// counts, `noise` is standard normal `[latent, batch]`, `beta` weighs the divergence from the prior.
    pub(super) fn slopes(
        &self,
        x: &[f32],
        weight: &[f32],
        noise: &[f32],
        beta: f64,
        batch: usize,
    ) -> Slopes {
        let Pass { inputs, outputs, deviation } = self.pass(x, noise, batch);
        let (latent, scale) = (self.latent(), 1.0 / x.len() as f32);
        let mut gradients: [Vec<f32>; LAYERS] = Default::default();

        // mean over cells of w (|e| + 2 e^2)
        let mut error = 0.0_f64;
        gradients[5] = outputs[5]
            .iter()
            .zip(x)
            .zip(weight)
            .map(|((y, x), weight)| {
                let e = y - x;
                error += f64::from(weight * (e.abs() + 2.0 * e * e));
                weight * scale * (e.signum() + 4.0 * e)
            })
            .collect();
        error /= x.len() as f64;

        for i in [4, 3] {
            gradients[i] = self.layers[i + 1].backward(&gradients[i + 1], batch);
            math::silu_slope(&outputs[i], &mut gradients[i]);
        }
        let by_z = self.layers[3].backward(&gradients[3], batch);

        let Posterior { mean, log_variance } = posterior(outputs[2].clone(), latent * batch);
        let raw = &outputs[2][latent * batch..];
        let mut heads = vec![0.0_f32; 2 * latent * batch];
        let (by_mean, by_variance) = heads.split_at_mut(latent * batch);
        let (mut nats, mut charged) = (0.0_f64, 0.0_f64);
        for d in 0..latent {
            let row = d * batch..(d + 1) * batch;
            let kl = row.clone().map(|i| {
                let (m, v) = (f64::from(mean[i]), f64::from(log_variance[i]));
                0.5 * (m * m + v.exp() - 1.0 - v)
            });
            let kl = kl.sum::<f64>() / batch as f64;
            nats += kl;
            charged += kl.max(FREE_NATS);
            let price = if kl > FREE_NATS { (beta / batch as f64) as f32 } else { 0.0 };
            for i in row {
                by_mean[i] = by_z[i] + price * mean[i];
                let inside = (LOG_VARIANCE[0]..=LOG_VARIANCE[1]).contains(&raw[i]);
                let variance = deviation[i] * deviation[i];
                let slope = 0.5 * (by_z[i] * noise[i] * deviation[i] + price * (variance - 1.0));
                by_variance[i] = if inside { slope } else { 0.0 };
            }
        }
        gradients[2] = heads;
        for i in [1, 0] {
            gradients[i] = self.layers[i + 1].backward(&gradients[i + 1], batch);
            math::silu_slope(&outputs[i], &mut gradients[i]);
        }
        let loss = Loss { error, nats, total: error + beta * charged };
        Slopes { loss, inputs, gradients, batch }
    }

    /// Takes a step down, its gradient no longer than `longest`. Returns how long it was.
    pub(super) fn learn(
        &mut self,
        memory: &mut [Memory; LAYERS],
        slopes: &Slopes,
        longest: f64,
        step: Step,
    ) -> f64 {
        let Slopes { inputs, gradients, batch, .. } = slopes;
        let powers: Vec<f64> = (0..LAYERS)
            .into_par_iter()
            .map(|i| Layer::gradient_power(&inputs[i], &gradients[i], *batch))
            .collect();
        let length = powers.iter().sum::<f64>().sqrt();
        let scale = if length > longest { (longest / length) as f32 } else { 1.0 };
        for (i, layer) in self.layers.iter_mut().enumerate() {
            layer.learn(&mut memory[i], &inputs[i], &gradients[i], *batch, Step { scale, ..step });
        }
        length
    }
}

fn silu(x: &[f32]) -> Vec<f32> {
    let mut out = vec![0.0; x.len()];
    math::silu(x, &mut out);
    out
}

fn posterior(mut heads: Vec<f32>, half: usize) -> Posterior {
    let [low, high] = LOG_VARIANCE;
    let log_variance = heads[half..].iter().map(|v| v.clamp(low, high)).collect();
    heads.truncate(half);
    Posterior { mean: heads, log_variance }
}

/// Standard normal numbers, by the method of Box and Muller.
pub(super) fn normals(count: usize, seed: Seed) -> Vec<f32> {
    let mut rng = seed.rng();
    let mut unit = || (f64::from(rng.next_u32()) + 0.5) / 4_294_967_296.0;
    let mut out = Vec::with_capacity(count + 1);
    while out.len() < count {
        let (radius, turn) = ((-2.0 * unit().ln()).sqrt(), std::f64::consts::TAU * unit());
        out.extend([(radius * turn.cos()) as f32, (radius * turn.sin()) as f32]);
    }
    out.truncate(count);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const CELLS: usize = 40;
    const LATENT: usize = 6;
    const BATCH: usize = 5;

    fn batch() -> (Vec<f32>, Vec<f32>, Vec<f32>) {
        let x = normals(CELLS * BATCH, Seed(1));
        let weight = normals(CELLS * BATCH, Seed(2)).iter().map(|w| 0.2 + w.abs()).collect();
        (x, weight, normals(LATENT * BATCH, Seed(3)))
    }

    fn net() -> Net {
        let mut net = Net::new(CELLS, LATENT, Seed(4));
        // Posteriors that cost something, and one dimension that is free.
        for (i, bias) in net.layers[2].bias.iter_mut().enumerate() {
            *bias += if i == 0 || i == LATENT { 0.0 } else { 0.7 };
        }
        net
    }

    /// Compares the slope along a random direction with the difference of the loss.
    #[track_caller]
    fn check(layer: usize, bias: bool) {
        let (x, weight, noise) = batch();
        let beta = 0.05;
        let net = net();
        let slopes = net.slopes(&x, &weight, &noise, beta, BATCH);
        let count =
            if bias { net.layers[layer].bias.len() } else { net.layers[layer].weights.len() };
        let by_weight: Vec<f32> = if bias {
            slopes.gradients[layer].chunks_exact(BATCH).map(|row| row.iter().sum()).collect()
        } else {
            net.layers[layer].slopes(&slopes.inputs[layer], &slopes.gradients[layer], BATCH)
        };
        // Along the gradient itself, so that the difference is large, and along chance.
        let length = by_weight.iter().map(|g| g * g).sum::<f32>().sqrt();
        let straight: Vec<f32> = by_weight.iter().map(|g| g / length).collect();
        let chance = normals(count, Seed(9)).iter().map(|x| x / (count as f32).sqrt()).collect();
        for direction in [straight, chance] {
            let expected: f64 =
                by_weight.iter().zip(&direction).map(|(g, d)| f64::from(*g) * f64::from(*d)).sum();
            let h = 2e-3;
            let moved = |by: f32| {
                let mut net = net.clone();
                let part = &mut net.layers[layer];
                let values = if bias { &mut part.bias } else { &mut part.weights };
                values.iter_mut().zip(&direction).for_each(|(w, d)| *w += by * d);
                net.slopes(&x, &weight, &noise, beta, BATCH).loss.total
            };
            let found = (moved(h) - moved(-h)) / f64::from(2.0 * h);
            let error = (found - expected).abs();
            let scale = f64::from(length);
            assert!(error < 0.01 * scale, "layer {layer}: {found} instead of {expected}");
        }
    }

    #[test]
    fn the_gradient_is_the_slope_of_the_loss() {
        for layer in 0..LAYERS {
            check(layer, false);
            check(layer, true);
        }
    }

    #[test]
    fn a_step_down_lowers_the_loss_and_long_gradients_are_cut() {
        let (x, weight, noise) = batch();
        let mut net = net();
        let mut memory = net.layers.each_ref().map(Memory::new);
        let mut losses = Vec::new();
        for count in 1..=20 {
            let slopes = net.slopes(&x, &weight, &noise, 0.0, BATCH);
            losses.push(slopes.loss.total);
            let step = Step { rate: 1e-3, scale: 1.0, decay: 0.0, count };
            assert!(net.learn(&mut memory, &slopes, 1e-3, step) > 1e-3);
        }
        assert!(losses[19] < 0.8 * losses[0], "{losses:?}");
        let remembered = memory[5].weights[0].iter().map(|m| f64::from(*m).powi(2)).sum::<f64>();
        assert!(remembered.sqrt() < 1e-3);
    }

    #[test]
    fn normal_numbers_have_mean_zero_and_variance_one() {
        let draws = normals(20_001, Seed(5));
        let mean = draws.iter().sum::<f32>() / 20_001.0;
        let variance = draws.iter().map(|x| x * x).sum::<f32>() / 20_001.0;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.04, "{mean} {variance}");
    }
}
