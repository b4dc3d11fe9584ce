//! Dreaming of sounds: one small generative model per category, learned from a library on its own processor.
//!
//! What is modelled is not the waveform but the warped envelope of a sound ([`envelope`](Grid)): a few thousand levels in dB,
//! of which a network with as few as a hundred examples can learn what belongs together. The waveform comes from real sounds that
//! are dressed in a new envelope ([`morph()`]), or from the envelope alone ([`from_magnitudes`]).
//!
//! Of loops it is the envelopes of their bars, whose times follow the sixteenths ([`Bars`], [`morph_bars`]).
//!
//! Parts: [`Sound`] listens, [`Trainer`] learns, [`Vae`] holds what was learned, codes and draws, [`morph()`] sounds.
//!
//! Cost, on two busy cores of an AMD Zen 5 (`benches/vae.rs`): a step of 32 examples 10 to 13 ms, where PyTorch 2.15 needs 113 for the same
//! network (`bench/generation/opponents.py step`), so 8 to 11 s for 100 epochs of 115 one-shots, in 160 MB; about 4 ms for a one-shot
//! that wears another, 8 to 12 ms for one with phases of its own, per 0.743 s.

mod augment;
mod bars;
mod envelope;
mod file;
mod finish;
pub mod judge;
mod layer;
mod morph;
mod net;
mod phase;
mod sound;
pub mod target;
mod trainer;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use dream_core::Seed;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;

pub use bars::{Bars, MOST_BARS, Player, bars_from_envelopes, finish_loop, morph_bars, seam};
pub use envelope::{CEILING_DB, FLOOR_DB, Grid, Layout, Upsampled, bar_name};
pub use finish::finish;
pub use morph::{Morphed, Parent, morph};
pub use phase::{from_envelope, from_magnitudes};
pub use sound::{Sound, seconds_from_onset};
pub use trainer::{Epoch, Example, FEWEST, FEWEST_STEMS, TrainSpec, Trainer, gaussian};

use crate::Error;
use file::{File, Precision, Tensor, write};
use net::{Net, normals};
use trainer::{dot, net_tensors, read_net, relative};

/// The class that a model file names.
const CLASS: &str = "DreamVae";
/// The version of the format.
const FORMAT: u32 = 1;
/// The largest model file that is read.
const MAX_BYTES: usize = 64 << 20;
/// Levels in dB per unit of what the network sees.
const UNIT_DB: f32 = 40.0;
/// What is taken from the latents themselves when drawing, and what from a ball of the same size.
const SHARES: [f32; 2] = [0.95, 0.05];
/// How much wider than the latents places are drawn at temperature 1: a decoder that was taught the mean of what it cannot know
/// draws sounds together. Measured on kicks and snares, KAD against real ones: 16 and 18 at 1, 8 and 10 at 1.15, 7 and 7 at 1.25; but the
/// density of snares falls from 0.87 to 0.76 and 0.72.
const WIDTH: f32 = 1.1;
/// Others among which a stem looks for its neighbours, at most.
const OTHERS: usize = 200;
/// Stems nearest to an envelope that are looked at for one to wear it, and the likeness from which on a stem would only be itself in it.
const FEW: usize = 8;
const ITSELF: f32 = 0.97;

/// How a model was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// A variational autoencoder.
    Network,
    /// The Gaussian of the examples' own space: there were too few to learn from.
    Gaussian,
}

/// How well a model does.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Measures {
    /// Mean error of held-out envelopes in dB; absent where none were held out.
    pub held_out_db: Option<f64>,
    /// Mean error of the envelopes it learned from, in dB.
    pub training_db: f64,
    /// Nats from the posterior to the prior, per example.
    pub nats: f64,
    /// Latent dimensions in use.
    pub active: u32,
    /// The epoch that was kept, from 1; 0 where there are none.
    pub best_epoch: u32,
}

/// What a model says of itself. The first fields are for the caller to fill; training fills the others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// The version of the format.
    pub format: u32,
    /// What it is a model of.
    pub category: String,
    /// The version of the program that made it.
    pub version: String,
    /// A digest of the audio it learned from.
    pub corpus_digest: String,
    /// Licences of the sounds it learned from, with their counts; the empty name stands for an unknown licence.
    pub licences: BTreeMap<String, u32>,
    /// What was left out or done otherwise.
    pub warnings: Vec<String>,
    /// The note that its sounds were brought to before, as a MIDI number; absent where they have no pitch.
    #[serde(default)]
    pub reference: Option<f64>,
    /// What it models of a sound.
    pub layout: Layout,
    /// How it was made.
    pub method: Method,
    /// Dimensions of its latent space.
    pub latent: u32,
    /// How it was trained.
    pub train: TrainSpec,
    /// The sounds it learned from, by the hash of their audio; of loops their bars, by [`bar_name`].
    pub stems: Vec<String>,
    /// Which of them were held out.
    pub held_out: Vec<u32>,
    /// How training went.
    pub history: Vec<Epoch>,
    /// How well it does.
    pub measures: Measures,
}

impl Card {
    /// A card of that category, everything else to be filled.
    pub fn new(category: &str, version: &str) -> Self {
        Self {
            format: FORMAT,
            category: category.to_owned(),
            version: version.to_owned(),
            corpus_digest: String::new(),
            licences: BTreeMap::new(),
            warnings: Vec::new(),
            reference: None,
            layout: Layout::OneShot { horizon: 1 },
            method: Method::Gaussian,
            latent: 0,
            train: TrainSpec::default(),
            stems: Vec::new(),
            held_out: Vec::new(),
            history: Vec::new(),
            measures: Measures::default(),
        }
    }
}

/// A trained model.
#[derive(Debug, Clone, PartialEq)]
pub struct Vae {
    card: Card,
    grid: Grid,
    codec: Codec,
    /// The mean envelope, `[cells]`, as the network sees it.
    mean: Vec<f32>,
    /// Where the sounds it learned from lie, `[stems, latent]`.
    latents: Vec<f32>,
    /// What it makes of them, in dB, `[stems, cells]`.
    portraits: Vec<f32>,
    /// How far each of them lies from its neighbours, worked out when it is first asked for.
    apart: OnceLock<Vec<Apart>>,
}

/// How far the portrait of a stem lies from those of its neighbours, among at most [`OTHERS`] others.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Apart {
    first: f32,
    third: f32,
}

#[derive(Debug, Clone, PartialEq)]
enum Codec {
    Network(Box<Net>),
    /// An orthonormal basis, `[latent][cells]`.
    Span(Vec<Vec<f32>>),
}

impl Vae {
    /// What it says of itself.
    pub fn card(&self) -> &Card {
        &self.card
    }

    /// The grid of its envelopes.
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// Where stem `i` of the card lies, `[latent]`.
    pub fn latent(&self, i: usize) -> &[f32] {
        let latent = self.card.latent as usize;
        &self.latents[i * latent..(i + 1) * latent]
    }

    /// Where an envelope in dB lies.
    pub fn encode(&self, envelope: &[f32]) -> Vec<f32> {
        let x = relative(&[to_unit(envelope)], &self.mean);
        match &self.codec {
            Codec::Network(net) => net.encode(&x, 1).mean,
            Codec::Span(basis) => basis.iter().map(|axis| dot(&x, axis)).collect(),
        }
    }

    /// The envelope at a place, in dB.
    pub fn decode(&self, latent: &[f32]) -> Vec<f32> {
        let mut y = match &self.codec {
            Codec::Network(net) => net.decode(latent, 1),
            Codec::Span(basis) => {
                let mut y = vec![0.0; self.mean.len()];
                for (z, axis) in latent.iter().zip(basis) {
                    y.iter_mut().zip(axis).for_each(|(y, axis)| *y += z * axis);
                }
                y
            }
        };
        y.iter_mut().zip(&self.mean).for_each(|(y, mean)| *y += mean);
        to_db(&y)
    }

    /// The middle of where the sounds lie that it learned from.
    pub fn mean_latent(&self) -> Vec<f32> {
        let (count, latent) = (self.card.stems.len(), self.card.latent as usize);
        let mut mean = vec![0.0_f32; latent];
        for row in self.latents.chunks_exact(latent) {
            mean.iter_mut().zip(row).for_each(|(mean, x)| *mean += x / count as f32);
        }
        mean
    }

    /// A place drawn from where the sounds lie that it learned from: a Gaussian of their mean and covariance, made round by a
    /// twentieth. The temperature widens it; 1 is as they lie.
    pub fn draw(&self, temperature: f32, seed: Seed) -> Vec<f32> {
        let count = self.card.stems.len();
        self.scattered(&vec![1.0; count], WIDTH * temperature, seed)
    }

    /// A place drawn from a Gaussian of the weighted mean and covariance of the stems, so many times as wide.
    fn scattered(&self, weights: &[f32], width: f32, seed: Seed) -> Vec<f32> {
        let (count, latent) = (self.card.stems.len(), self.card.latent as usize);
        let total: f32 = weights.iter().sum();
        // The covariance of a sample is that of the whole less one of its parts.
        let whole = count as f32 / (count.max(2) - 1) as f32;
        let rows = || weights.iter().zip(self.latents.chunks_exact(latent));
        let mut mean = vec![0.0_f32; latent];
        for (weight, row) in rows() {
            mean.iter_mut().zip(row).for_each(|(mean, x)| *mean += weight / total * x);
        }
        // Stems times normal numbers have the covariance of the stems.
        let dice = normals(count, seed.child("stems"));
        let mut away = vec![0.0_f32; latent];
        let mut power = 0.0_f32;
        for ((weight, row), dice) in rows().zip(dice) {
            let share = whole * weight / total;
            for ((away, x), mean) in away.iter_mut().zip(row).zip(&mean) {
                *away += share.sqrt() * dice * (x - mean);
                power += share * (x - mean).powi(2);
            }
        }
        let [own, ball] = SHARES;
        let (own, ball) = (own.sqrt(), (ball * power / latent as f32).sqrt());
        let round = normals(latent, seed.child("ball"));
        mean.iter()
            .zip(away)
            .zip(round)
            .map(|((mean, away), round)| mean + width * (own * away + ball * round))
            .collect()
    }

    /// How far stems that stand alone lie from their nearest neighbours: the mean, each distance counted by its square. Where some stems
    /// are a family of alike ones and others are not, [`spacing`](Self::spacing) tells of the family, and this of the others.
    pub fn reach(&self) -> f32 {
        let sum =
            |power: i32| self.apart().iter().map(|apart| apart.first.powi(power)).sum::<f32>();
        sum(3) / sum(2).max(1e-9)
    }

    fn apart(&self) -> &[Apart] {
        self.apart.get_or_init(|| {
            let count = self.card.stems.len();
            let step = count.div_ceil(OTHERS);
            let found = (0..count).into_par_iter().map(|i| {
                let others = (0..count).step_by(step).filter(|j| *j != i);
                let mut distances: Vec<f32> =
                    others.map(|j| distance(self.portrait(i), self.portrait(j))).collect();
                distances.sort_by(f32::total_cmp);
                let at = |rank: usize| distances.get(rank).or(distances.last()).copied();
                Apart { first: at(0).unwrap_or(0.0), third: at(2).unwrap_or(0.0) }
            });
            found.collect()
        })
    }

    /// The stems whose portraits are nearest to an envelope in dB with their [`distance`], the nearest first.
    pub fn nearest(&self, envelope: &[f32]) -> Vec<(usize, f32)> {
        let portraits = self.portraits.chunks_exact(envelope.len());
        let mut near: Vec<(usize, f32)> =
            portraits.map(|portrait| distance(portrait, envelope)).enumerate().collect();
        near.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
        near
    }

    /// The stems to dress in an envelope, as [`nearest`](Self::nearest), but that the few nearest that would only come out as themselves
    /// come after the others: the wearer of an envelope like its own lends it all its waveform.
    pub fn wearers(&self, envelope: &[f32]) -> Vec<(usize, f32)> {
        let mut near = self.nearest(envelope);
        let few = near.len().min(FEW);
        let same = |(i, _): &(usize, f32)| self.grid.likeness(envelope, self.portrait(*i)) > ITSELF;
        near[..few].sort_by_cached_key(same);
        near
    }

    /// The stem that example `i` of the card is, or is a bar of.
    pub fn stem(&self, i: usize) -> &str {
        self.card.layout.stem(&self.card.stems[i])
    }

    /// How far a portrait lies from its nearest neighbour of another stem, where there is one: the median over at most 200 examples.
    pub fn spacing(&self) -> f32 {
        let count = self.card.stems.len();
        let step = count.div_ceil(200);
        let mut nearest: Vec<f32> = (0..count)
            .into_par_iter()
            .step_by(step)
            .map(|i| {
                let near = self.nearest(self.portrait(i));
                let other = near.iter().find(|(j, _)| self.stem(*j) != self.stem(i));
                other.or_else(|| near.iter().find(|(j, _)| *j != i)).copied()
            })
            .map(|near| near.map_or(0.0, |(_, distance)| distance))
            .collect();
        nearest.sort_by(f32::total_cmp);
        nearest[nearest.len() / 2]
    }

    /// What the model makes of stem `i`, in dB.
    pub fn portrait(&self, i: usize) -> &[f32] {
        let cells = self.grid.cells();
        &self.portraits[i * cells..(i + 1) * cells]
    }

    /// The model as a file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (count, latent, cells) =
            (self.card.stems.len(), self.card.latent as usize, self.grid.cells());
        let tensor = |name: &str, shape: Vec<usize>, values| Tensor {
            name: name.to_owned(),
            shape,
            values,
            precision: Precision::Single,
        };
        let mut tensors = vec![
            tensor("mean", vec![cells], &self.mean),
            tensor("latents", vec![count, latent], &self.latents),
        ];
        let flat;
        match &self.codec {
            Codec::Network(net) => tensors.extend(net_tensors("net", net, Precision::Half)),
            Codec::Span(basis) => {
                flat = basis.concat();
                tensors.push(Tensor {
                    name: "basis".to_owned(),
                    shape: vec![latent, cells],
                    values: &flat,
                    precision: Precision::Half,
                });
            }
        }
        write(CLASS, &json!(self.card), &tensors)
    }

    /// Reads a model.
    ///
    /// # Errors
    /// `TooLarge`, `Malformed`, `OtherNetwork`, `Unsupported` for a newer format, and what is wrong with a tensor.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, Error> {
        if bytes.len() > MAX_BYTES {
            return Err(Error::TooLarge { got: bytes.len() as u64, limit: MAX_BYTES as u64 });
        }
        let file = File::read(bytes, CLASS)?;
        let card: Card = file.options()?;
        let unsupported = |name, got: u32, supported| {
            Err(Error::Unsupported { name, got: got.to_string(), supported })
        };
        if card.format != FORMAT {
            return unsupported("format", card.format, "1");
        }
        if let Layout::OneShot { horizon } | Layout::LowNote { horizon } = card.layout
            && ![1, 2, 4, 8].contains(&horizon)
        {
            return unsupported("horizon", horizon, "1, 2, 4 or 8");
        }
        let (count, latent) = (card.stems.len(), card.latent as usize);
        if !(1..=512).contains(&latent) || count == 0 {
            return unsupported("latent", card.latent, "1 to 512");
        }
        let grid = Grid::new(card.layout);
        let cells = grid.cells();
        let root = file.root();
        let codec = match card.method {
            Method::Network => Codec::Network(Box::new(read_net(&file, "net", cells, latent)?)),
            Method::Gaussian => {
                let flat = root.tensor("basis", &[latent, cells])?;
                Codec::Span(flat.chunks_exact(cells).map(<[f32]>::to_vec).collect())
            }
        };
        let mean = root.tensor("mean", &[cells])?;
        let latents = root.tensor("latents", &[count, latent])?;
        let mut vae = Self {
            card,
            grid,
            codec,
            mean,
            latents,
            portraits: Vec::new(),
            apart: OnceLock::new(),
        };
        vae.draw_portraits();
        Ok(vae)
    }

    /// Gives the weights the precision of the file.
    fn round(&mut self) {
        let round = |values: &mut [f32]| {
            for x in values {
                *x = crate::weights::half(file::half(*x));
            }
        };
        match &mut self.codec {
            Codec::Network(net) => {
                for layer in &mut net.layers {
                    round(&mut layer.weights);
                    round(&mut layer.bias);
                }
            }
            Codec::Span(basis) => basis.iter_mut().for_each(|axis| round(axis)),
        }
    }

    /// Where envelopes lie, and how many nats that says on average.
    fn posteriors(&self, envelopes: &[Vec<f32>]) -> (Vec<Vec<f32>>, f64) {
        let mut nats = 0.0;
        let means = envelopes.iter().map(|envelope| match &self.codec {
            Codec::Network(net) => {
                let posterior = net.encode(&relative(&[to_unit(envelope)], &self.mean), 1);
                let pairs = posterior.mean.iter().zip(&posterior.log_variance);
                nats += pairs
                    .map(|(m, v)| (f64::from(*m), f64::from(*v)))
                    .map(|(m, v)| 0.5 * (m * m + v.exp() - 1.0 - v))
                    .sum::<f64>();
                posterior.mean
            }
            Codec::Span(_) => self.encode(envelope),
        });
        let means: Vec<Vec<f32>> = means.collect();
        (means, nats / envelopes.len() as f64)
    }

    fn draw_portraits(&mut self) {
        let latent = self.card.latent as usize;
        self.portraits = self.latents.chunks_exact(latent).flat_map(|z| self.decode(z)).collect();
    }
}

/// How far two envelopes lie apart, in dB: the mean over their cells, the loud ones counting most.
pub fn distance(a: &[f32], b: &[f32]) -> f32 {
    let (mut sum, mut weights) = (0.0, 0.0);
    for (a, b) in a.iter().zip(b) {
        let weight = ((a.max(*b) - FLOOR_DB) / UNIT_DB).clamp(0.0, 2.0);
        sum += weight * (a - b).abs();
        weights += weight;
    }
    sum / f32::max(weights, 1.0)
}

/// Levels as the network sees them: -1 at the floor, 1 at 0 dB.
fn to_unit(levels: &[f32]) -> Vec<f32> {
    levels.iter().map(|level| (level - FLOOR_DB) / UNIT_DB - 1.0).collect()
}

/// Levels in dB, within their range.
fn to_db(values: &[f32]) -> Vec<f32> {
    let level = |x: &f32| ((x + 1.0) * UNIT_DB + FLOOR_DB).clamp(FLOOR_DB, CEILING_DB);
    values.iter().map(level).collect()
}
