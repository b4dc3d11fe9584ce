//! Training: epochs of bent examples, the best kept, and a state that can be stored and taken up again.
//!
//! An epoch is at least 256 draws, so that few examples are seen often enough, each time bent in another way. Everything random
//! follows from the seed and the number of the epoch and step: a run taken up again ends in the same bytes as one that was never
//! interrupted. What is kept is the epoch with the least error on examples that were held out.
//! Memory: three times the weights, the gradient aside, and once more for the best; 80 MB for an envelope of 4288 cells.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use dream_core::Seed;
use rand::Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::augment::augment;
use super::envelope::{Grid, Layout};
use super::file::{File, Precision, Tensor, write};
use super::layer::{Layer, Memory, Step, transposed};
use super::net::{LAYERS, Loss, Net, normals};
use super::target::below;
use super::{Card, Codec, Measures, Method, Vae, to_unit};
use crate::Error;

/// Fewest examples that a network learns from; fewer give a Gaussian.
pub const FEWEST: usize = 12;
/// Fewest stems that a network learns from, where a stem has several examples: those held out are of other stems.
pub const FEWEST_STEMS: usize = 3;
/// Fewest latent dimensions in use: fewer, and the model has collapsed.
const FEWEST_ACTIVE: usize = 4;
/// Steps after which a latent space that says nothing has collapsed, and is not merely young.
const SETTLED: u64 = 200;
/// Variance of a posterior mean above which a latent dimension is in use.
const ACTIVE: f64 = 0.01;
/// Draws of an epoch, at least.
const DRAWS: usize = 256;
/// Weight of the divergence from the prior, when it has come in.
const BETA: f64 = 2e-4;
/// The part of the training over which it comes in.
const BETA_RISE: f64 = 0.3;
/// Steps over which the learning rate rises.
const WARM_UP: u64 = 50;
/// What is left of the learning rate at the end.
const LAST_RATE: f64 = 0.02;
/// Weight decay per unit of the learning rate.
const DECAY: f32 = 1e-3;
/// Longest gradient.
const LONGEST: f64 = 1.0;
/// The class that a checkpoint names.
const CLASS: &str = "DreamVaeTraining";

/// How to train.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TrainSpec {
    /// Epochs, 1 to 10000.
    pub epochs: u32,
    /// Examples per step, 1 to 256.
    pub batch: u32,
    /// Dimensions of the latent space, 4 to 512.
    pub latent: u32,
    /// Learning rate after the warm-up, above 0 and at most 0.1.
    pub rate: f64,
    /// Root of all randomness.
    pub seed: Seed,
}

impl Default for TrainSpec {
    fn default() -> Self {
        Self { epochs: 100, batch: 32, latent: 128, rate: 1e-3, seed: Seed(0) }
    }
}

impl TrainSpec {
    fn check(&self) -> Result<(), Error> {
        let setting = |name, got, allowed| Err(Error::Setting { name, got, allowed });
        if !(1..=10_000).contains(&self.epochs) {
            return setting("epochs", f64::from(self.epochs), "1 to 10000");
        }
        if !(1..=256).contains(&self.batch) {
            return setting("batch size", f64::from(self.batch), "1 to 256");
        }
        if !(4..=512).contains(&self.latent) {
            return setting("latent dimensions", f64::from(self.latent), "4 to 512");
        }
        if !(self.rate > 0.0 && self.rate <= 0.1) {
            return setting("learning rate", self.rate, "above 0, at most 0.1");
        }
        Ok(())
    }
}

/// A sound to learn from.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// What it is known by: the hash of its audio.
    pub name: String,
    /// Its envelope in dB, `[times, bands]`.
    pub envelope: Vec<f32>,
}

/// How an epoch went.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// Its number, from 1.
    pub epoch: u32,
    /// The weighted error per cell, what is descended less the divergence.
    pub loss: f64,
    /// Nats from the posterior to the prior.
    pub nats: f64,
    /// Mean error of held-out envelopes in dB.
    pub held_out_db: f64,
    /// Whether it is the best so far.
    pub best: bool,
}

/// Training under way.
#[derive(Debug)]
pub struct Trainer {
    grid: Grid,
    spec: TrainSpec,
    names: Vec<String>,
    /// Envelopes in dB, in the order of the names.
    envelopes: Vec<Vec<f32>>,
    training: Vec<usize>,
    held_out: Vec<usize>,
    /// The mean of the training envelopes, as the network sees them.
    mean: Vec<f32>,
    net: Net,
    memory: [Memory; LAYERS],
    best: Net,
    steps: u64,
    history: Vec<Epoch>,
}

/// What a checkpoint says of itself.
#[derive(Debug, Serialize, Deserialize)]
struct State {
    layout: Layout,
    spec: TrainSpec,
    names: Vec<String>,
    steps: u64,
    history: Vec<Epoch>,
}

impl Trainer {
    /// Prepares training on these examples; some are held out by the seed.
    ///
    /// # Errors
    /// `TooFew` under [`FEWEST`] or [`FEWEST_STEMS`], `Setting` outside the ranges, `Unusable` for two examples of one name or an envelope of another
    /// grid.
    pub fn new(grid: Grid, examples: Vec<Example>, spec: TrainSpec) -> Result<Self, Error> {
        spec.check()?;
        if examples.len() < FEWEST {
            return Err(Error::TooFew { got: examples.len(), need: FEWEST });
        }
        let (names, envelopes) = sorted(&grid, examples)?;
        let stems: Vec<&str> = names.iter().map(|name| grid.layout().stem(name)).collect();
        let (training, held_out) = split(&stems, spec.seed.child("split"))?;
        let mean = mean(training.iter().map(|i| envelopes[*i].as_slice()), grid.cells());
        let net = Net::new(grid.cells(), spec.latent as usize, spec.seed.child("weights"));
        let memory = net.layers.each_ref().map(Memory::new);
        let best = net.clone();
        let history = Vec::new();
        Ok(Self {
            grid,
            spec,
            names,
            envelopes,
            training,
            held_out,
            mean,
            net,
            memory,
            best,
            steps: 0,
            history,
        })
    }

    /// The epochs done.
    pub fn history(&self) -> &[Epoch] {
        &self.history
    }

    /// Whether there is nothing left to learn: all epochs are done, or the last of them brought nothing.
    pub fn is_done(&self) -> bool {
        let done = self.history.len() as u32;
        let best = self.history.iter().rev().find(|epoch| epoch.best);
        let patience = (self.spec.epochs / 3).max(10);
        done >= self.spec.epochs || best.is_some_and(|best| done - best.epoch >= patience)
    }

    /// Does an epoch.
    ///
    /// # Errors
    /// `Diverged` when the loss is no number any more.
    pub fn epoch(&mut self) -> Result<Epoch, Error> {
        let epoch = self.history.len() as u32 + 1;
        let batch = self.spec.batch as usize;
        let order = self.order(epoch);
        let last_step = u64::from(self.spec.epochs) * order.len().div_ceil(batch) as u64;
        let (mut sum, mut draws) = (Loss::default(), 0);
        for indices in order.chunks(batch) {
            self.steps += 1;
            let loss = self.step(indices, last_step)?;
            let count = indices.len();
            draws += count;
            sum.error += count as f64 * loss.error;
            sum.nats += count as f64 * loss.nats;
        }
        let held_out_db = self.error_db(&self.net, &self.held_out);
        let least = self.history.iter().map(|epoch| epoch.held_out_db).fold(f64::MAX, f64::min);
        let (loss, nats) = (sum.error / draws as f64, sum.nats / draws as f64);
        let epoch = Epoch { epoch, loss, nats, held_out_db, best: held_out_db < least };
        if epoch.best {
            self.best.clone_from(&self.net);
        }
        self.history.push(epoch);
        Ok(epoch)
    }

    /// The model of the best epoch.
    ///
    /// # Errors
    /// `Collapsed` when its latent space says next to nothing.
    pub fn finish(self, card: Card) -> Result<Vae, Error> {
        let best = self.history.iter().rev().find(|epoch| epoch.best).map_or(0, |best| best.epoch);
        let mut vae = Vae {
            card: Card {
                layout: self.grid.layout(),
                method: Method::Network,
                latent: self.spec.latent,
                train: self.spec,
                stems: self.names,
                held_out: self.held_out.iter().map(|i| *i as u32).collect(),
                history: self.history,
                ..card
            },
            grid: self.grid,
            codec: Codec::Network(Box::new(self.best)),
            mean: self.mean,
            latents: Vec::new(),
            portraits: Vec::new(),
            apart: OnceLock::new(),
        };
        // What is measured is what will be read back.
        vae.round();
        let (means, nats) = vae.posteriors(&self.envelopes);
        vae.latents = means.concat();
        vae.draw_portraits();
        let active = active(&means, &self.training);
        let errors = |indices: &[usize]| mean_error_db(&vae, &self.envelopes, indices);
        vae.card.measures = Measures {
            held_out_db: Some(errors(&self.held_out)),
            training_db: errors(&self.training),
            nats,
            active: active as u32,
            best_epoch: best,
        };
        if active < FEWEST_ACTIVE {
            if self.steps >= SETTLED {
                return Err(Error::Collapsed { active, need: FEWEST_ACTIVE });
            }
            let text = "{} steps are too few: the model has hardly learned to tell sounds apart";
            vae.card.warnings.push(text.replace("{}", &self.steps.to_string()));
        }
        Ok(vae)
    }

    fn step(&mut self, indices: &[usize], last_step: u64) -> Result<Loss, Error> {
        let (batch, step) = (indices.len(), self.steps);
        let seed = self.spec.seed.child("step").index(step);
        let mut dice = seed.child("partner").rng();
        let partners: Vec<usize> =
            indices.iter().map(|_| self.training[below(&mut dice, self.training.len())]).collect();
        let bent: Vec<Vec<f32>> = (0..batch)
            .into_par_iter()
            .map(|slot| {
                let seed = seed.index(slot as u64);
                let [one, other] = [indices[slot], partners[slot]].map(|i| &self.envelopes[i]);
                to_unit(&augment(&self.grid, one, other, seed))
            })
            .collect();
        let x = self.relative(&bent);
        // Loud cells count more.
        let loudness = |x: &f32| 0.15 + (0.5 * (x + 1.0)).clamp(0.0, 1.0);
        let weight: Vec<f32> = bent.iter().flatten().map(loudness).collect();
        let weight = transposed(&weight, self.grid.cells());
        let noise = normals(self.spec.latent as usize * batch, seed.child("latent"));
        let done = step as f64 / last_step as f64;
        let beta = BETA * (done / BETA_RISE).min(1.0);
        let slopes = self.net.slopes(&x, &weight, &noise, beta, batch);
        if !slopes.loss.total.is_finite() {
            return Err(Error::Diverged { step });
        }
        let warm = step.min(WARM_UP) as f64 / WARM_UP as f64;
        let fall = 0.5 + 0.5 * (std::f64::consts::PI * done).cos();
        let rate = self.spec.rate * warm * (LAST_RATE + (1.0 - LAST_RATE) * fall);
        let step = Step { rate: rate as f32, scale: 1.0, decay: DECAY, count: step };
        self.net.learn(&mut self.memory, &slopes, LONGEST, step);
        Ok(slopes.loss)
    }

    /// The examples of an epoch: each as often as any other, give or take one.
    fn order(&self, epoch: u32) -> Vec<usize> {
        let mut rng = self.spec.seed.child("order").index(u64::from(epoch)).rng();
        let draws = self.training.len().max(DRAWS);
        let mut order = Vec::with_capacity(draws);
        while order.len() < draws {
            let mut round = self.training.clone();
            shuffle(&mut round, &mut rng);
            order.extend(round);
        }
        order.truncate(draws);
        order
    }

    /// Examples relative to the mean, `[cells, batch]`.
    fn relative(&self, examples: &[Vec<f32>]) -> Vec<f32> {
        relative(examples, &self.mean)
    }

    /// Mean error of envelopes in dB.
    fn error_db(&self, net: &Net, indices: &[usize]) -> f64 {
        let examples: Vec<Vec<f32>> =
            indices.iter().map(|i| to_unit(&self.envelopes[*i])).collect();
        let x = self.relative(&examples);
        let z = net.encode(&x, indices.len()).mean;
        let y = net.decode(&z, indices.len());
        let sum: f64 = x.iter().zip(&y).map(|(x, y)| f64::from((x - y).abs())).sum();
        f64::from(super::UNIT_DB) * sum / x.len() as f64
    }

    /// The state as a file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let state = State {
            layout: self.grid.layout(),
            spec: self.spec,
            names: self.names.clone(),
            steps: self.steps,
            history: self.history.clone(),
        };
        let mut tensors = Vec::new();
        let nets = [("net", &self.net), ("best", &self.best)];
        for (name, net) in nets {
            tensors.extend(net_tensors(name, net, Precision::Single));
        }
        for (i, memory) in self.memory.iter().enumerate() {
            for (k, (weights, bias)) in memory.weights.iter().zip(&memory.bias).enumerate() {
                let tensor = |part: &str, values| Tensor {
                    name: format!("memory.{i}.{part}.{k}"),
                    shape: vec![<[f32]>::len(values)],
                    values,
                    precision: Precision::Single,
                };
                tensors.extend([tensor("weights", weights), tensor("bias", bias)]);
            }
        }
        write(CLASS, &json!(state), &tensors)
    }

    /// Goes on from a stored state.
    ///
    /// # Errors
    /// As [`new`](Self::new); `Malformed` and others when the state is broken or of other work.
    pub fn resume(
        grid: Grid,
        examples: Vec<Example>,
        spec: TrainSpec,
        state: Vec<u8>,
    ) -> Result<Self, Error> {
        let mut trainer = Self::new(grid, examples, spec)?;
        let file = File::read(state, CLASS)?;
        let state: State = file.options()?;
        let same = state.layout == trainer.grid.layout()
            && state.spec == spec
            && state.names == trainer.names;
        if !same {
            return Err(Error::Malformed("a checkpoint of other work"));
        }
        let (cells, latent) = (trainer.grid.cells(), spec.latent as usize);
        trainer.net = read_net(&file, "net", cells, latent)?;
        trainer.best = read_net(&file, "best", cells, latent)?;
        for (i, memory) in trainer.memory.iter_mut().enumerate() {
            let at = file.root().at(&format!("memory.{i}"));
            for k in 0..2 {
                let name = k.to_string();
                let (weights, bias) = (memory.weights[k].len(), memory.bias[k].len());
                memory.weights[k] = at.at("weights").tensor(&name, &[weights])?;
                memory.bias[k] = at.at("bias").tensor(&name, &[bias])?;
            }
        }
        trainer.steps = state.steps;
        trainer.history = state.history;
        Ok(trainer)
    }
}

/// The tensors of a network.
pub(super) fn net_tensors<'a>(
    name: &str,
    net: &'a Net,
    precision: Precision,
) -> impl Iterator<Item = Tensor<'a>> {
    let layers = net.layers.iter().enumerate();
    layers.flat_map(move |(i, layer)| {
        let weights = Tensor {
            name: format!("{name}.{i}.weight"),
            shape: vec![layer.outputs, layer.inputs],
            values: &layer.weights,
            precision,
        };
        let bias = Tensor {
            name: format!("{name}.{i}.bias"),
            shape: vec![layer.outputs],
            values: &layer.bias,
            precision,
        };
        [weights, bias]
    })
}

/// A network read back.
pub(super) fn read_net(file: &File, name: &str, cells: usize, latent: usize) -> Result<Net, Error> {
    let shapes = Net::shapes(cells, latent);
    let mut layers = Vec::with_capacity(LAYERS);
    for (i, (inputs, outputs)) in shapes.into_iter().enumerate() {
        let at = file.root().at(name).at(&i.to_string());
        let weights = at.tensor("weight", &[outputs, inputs])?;
        layers.push(Layer { inputs, outputs, weights, bias: at.tensor("bias", &[outputs])? });
    }
    let layers = layers.try_into().expect("as many layers as there are shapes");
    Ok(Net { layers })
}

/// The Gaussian of the examples' own space, for when there are too few to learn from: an orthonormal basis of what they
/// differ in, found by the method of Gram and Schmidt.
///
/// # Errors
/// `TooFew` under two, `Unusable` for two examples of one name, an envelope of another grid, or examples that are all alike.
pub fn gaussian(
    grid: Grid,
    examples: Vec<Example>,
    spec: TrainSpec,
    card: Card,
) -> Result<Vae, Error> {
    spec.check()?;
    if examples.len() < 2 {
        return Err(Error::TooFew { got: examples.len(), need: 2 });
    }
    let (names, envelopes) = sorted(&grid, examples)?;
    let mean = mean(envelopes.iter().map(Vec::as_slice), grid.cells());
    let mut basis: Vec<Vec<f32>> = Vec::new();
    for envelope in &envelopes {
        let mut rest: Vec<f32> =
            to_unit(envelope).iter().zip(&mean).map(|(x, mean)| x - mean).collect();
        for axis in &basis {
            let along = dot(&rest, axis);
            rest.iter_mut().zip(axis).for_each(|(x, axis)| *x -= along * axis);
        }
        let length = dot(&rest, &rest).sqrt();
        // What the others say already: an error of half a dB in all cells at most.
        if length > 0.5 / super::UNIT_DB * (grid.cells() as f32).sqrt() {
            basis.push(rest.iter().map(|x| x / length).collect());
        }
    }
    if basis.is_empty() {
        return Err(Error::Unusable("all examples are alike"));
    }
    let mut vae = Vae {
        card: Card {
            layout: grid.layout(),
            method: Method::Gaussian,
            latent: basis.len() as u32,
            train: spec,
            stems: names,
            held_out: Vec::new(),
            history: Vec::new(),
            ..card
        },
        grid,
        codec: Codec::Span(basis),
        mean,
        latents: Vec::new(),
        portraits: Vec::new(),
        apart: OnceLock::new(),
    };
    vae.round();
    let (means, _) = vae.posteriors(&envelopes);
    vae.latents = means.concat();
    vae.draw_portraits();
    let all: Vec<usize> = (0..envelopes.len()).collect();
    vae.card.measures = Measures {
        held_out_db: None,
        training_db: mean_error_db(&vae, &envelopes, &all),
        nats: 0.0,
        active: vae.card.latent,
        best_epoch: 0,
    };
    Ok(vae)
}

pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>() as f32
}

/// Examples relative to a mean, `[cells, batch]`.
pub(super) fn relative(examples: &[Vec<f32>], mean: &[f32]) -> Vec<f32> {
    let batch = examples.len();
    let mut out = vec![0.0; mean.len() * batch];
    for (b, example) in examples.iter().enumerate() {
        for (cell, (x, mean)) in example.iter().zip(mean).enumerate() {
            out[cell * batch + b] = x - mean;
        }
    }
    out
}

fn mean_error_db(vae: &Vae, envelopes: &[Vec<f32>], indices: &[usize]) -> f64 {
    let errors = indices.iter().map(|i| {
        let heard = vae.decode(&vae.encode(&envelopes[*i]));
        let pairs = heard.iter().zip(&envelopes[*i]);
        pairs.map(|(a, b)| f64::from((a - b).abs())).sum::<f64>() / heard.len() as f64
    });
    errors.sum::<f64>() / indices.len().max(1) as f64
}

/// Latent dimensions in which the examples differ.
fn active(means: &[Vec<f32>], indices: &[usize]) -> usize {
    let count = indices.len() as f64;
    (0..means[0].len())
        .filter(|d| {
            let values = || indices.iter().map(|i| f64::from(means[*i][*d]));
            let mean = values().sum::<f64>() / count;
            values().map(|x| (x - mean).powi(2)).sum::<f64>() / count > ACTIVE
        })
        .count()
}

/// Examples in the order of their names: whatever order they come in, the model is the same.
fn sorted(grid: &Grid, examples: Vec<Example>) -> Result<(Vec<String>, Vec<Vec<f32>>), Error> {
    if examples.iter().any(|example| example.envelope.len() != grid.cells()) {
        return Err(Error::Unusable("an envelope of another layout"));
    }
    let count = examples.len();
    let by_name: BTreeMap<String, Vec<f32>> =
        examples.into_iter().map(|example| (example.name, example.envelope)).collect();
    if by_name.len() < count {
        return Err(Error::Unusable("two examples of one name"));
    }
    Ok(by_name.into_iter().unzip())
}

/// Which examples are learned from, and which are held out: those of an eighth of the stems, at least of four, at most of a third.
/// The stems are given per example, in order.
fn split(stems: &[&str], seed: Seed) -> Result<(Vec<usize>, Vec<usize>), Error> {
    let all: Vec<usize> = (0..stems.len()).collect();
    let mut groups: Vec<&[usize]> = all.chunk_by(|a, b| stems[*a] == stems[*b]).collect();
    let count = groups.len();
    if count < FEWEST_STEMS {
        return Err(Error::TooFew { got: count, need: FEWEST_STEMS });
    }
    shuffle(&mut groups, &mut seed.rng());
    let training = groups.split_off((count / 8).max(4).min(count / 3));
    let sorted = |groups: &[&[usize]]| {
        let mut indices = groups.concat();
        indices.sort_unstable();
        indices
    };
    Ok((sorted(&training), sorted(&groups)))
}

fn mean<'a>(envelopes: impl ExactSizeIterator<Item = &'a [f32]>, cells: usize) -> Vec<f32> {
    let count = envelopes.len() as f64;
    let mut sums = vec![0.0_f64; cells];
    for envelope in envelopes {
        sums.iter_mut().zip(to_unit(envelope)).for_each(|(sum, x)| *sum += f64::from(x));
    }
    sums.iter().map(|sum| (sum / count) as f32).collect()
}

fn shuffle<T>(values: &mut [T], rng: &mut impl Rng) {
    for i in (1..values.len()).rev() {
        values.swap(i, below(rng, i + 1));
    }
}

#[cfg(test)]
mod tests;
