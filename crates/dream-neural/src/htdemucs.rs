//! Separation of a track into its instruments by a hybrid transformer network.
//!
//! Method: S. Rouard, F. Massa, A. Defossez, "Hybrid Transformers for Music Source Separation", ICASSP 2023; numbers
//! as in the reference implementation (`demucs` 4), whose checkpoints are read. Two encoders, of the spectrogram and of
//! the waveform, meet in a transformer and part again into two decoders, whose outputs are added.
//! In: stereo at the network's rate, one segment (7.8 s). Out: one stereo signal per source.
//! Shapes: `[frequencies, hops, channels]` and `[frames, channels]`, see `plane`.
//!
//! Cost of one segment of the published shape (335 GFLOP), processor time on one core of an AMD Zen 5 (AVX-512), whose
//! measured peak in the matrix kernel is 264 GFLOP/s:
//!
//! | stage | GFLOP | ms | share of peak |
//! |---|---|---|---|
//! | spectrogram | | 8 | |
//! | frequency encoder, layers 0 to 3 | 3.1, 5.7, 5.7, 5.7 | 52, 41, 30, 26 | 23, 53, 72, 84 % |
//! | time encoder, layers 0 to 3 | 1.4, 2.9, 2.9, 2.9 | 27, 21, 14, 13 | 20, 52, 78, 86 % |
//! | transformer, linear layers | 127 | 598 | 80 % |
//! | transformer, attention | 85 | 459 | 70 % |
//! | frequency decoder, layers 0 to 3 | 18.4, 18.4, 18.4, 17.4 | 70, 75, 99, 117 | 99, 93, 70, 56 % |
//! | time decoder, layers 0 to 3 | 4.5, 4.5, 4.5, 3.4 | 19, 21, 26, 29 | 89, 81, 66, 44 % |
//! | inverse transforms | | 69 | |
//!
//! The outer layers lose to their few channels: products of 4 to 48 inner values and the activations between them. What
//! it took: weights packed once, rows read where they lie (no copy of the input for a convolution), blocks of 8 rows
//! by 48 columns in registers, all that follows a product done chunk by chunk in the cache, and the second norm of a
//! residual branch found without making its input. The softmax is the rest of attention.
//! Against the reference in PyTorch 2.15 on the same two cores see `reference/speed.py`: 0.47 of its time at its faster
//! setting (least of five interleaved rounds: 0.96 s and 2.03 s), 0.41 GB of memory where it takes 1.6.
//! Error against it: below 1e-5 of the scale of the output.
mod apply;
mod attention;
mod bag;
mod config;
mod dconv;
mod decoder;
mod door;
mod encoder;
mod spectro;
mod transformer;

use rayon::prelude::*;

pub use apply::{Level, Spec, Track, separate, separate_to};
pub use bag::Bag;
pub use config::Config;
use decoder::Decoder;
pub use door::{Door, resample};
use encoder::Encoder;
use spectro::Spectro;
use transformer::{Layer, Tokens, normalise, positions, positions_2d};

use dream_core::{Cancelled, Progress};

use crate::Error;
use crate::plane::{Plane, body_mut};
use crate::simd::math;
use crate::simd::tile::{Packed, Rows};
use crate::weights::{At, Store};

/// The class that a checkpoint names.
const CLASS: &str = "HTDemucs";

/// One network with its weights. Memory: four bytes per weight (168 MB as published), and some 240 MB while it works.
#[derive(Debug)]
pub struct Htdemucs {
    config: Config,
    spectro: Spectro,
    encoders: Vec<Encoder>,
    time_encoders: Vec<Encoder>,
    decoders: Vec<Decoder>,
    time_decoders: Vec<Decoder>,
    /// Added after the first layer, `[frequencies, channels]`.
    embedding: Option<Vec<f32>>,
    transformer: Option<Transformer>,
}

#[derive(Debug)]
struct Transformer {
    branch: Branch,
    branch_time: Branch,
}

/// The half of the transformer for one encoder.
#[derive(Debug)]
struct Branch {
    /// To the width of the transformer and back, where it differs.
    resize: Option<[Packed; 2]>,
    norm: dconv::Affine,
    /// `[tokens, channels]`, weighted.
    positions: Vec<f32>,
    layers: Vec<Layer>,
}

impl Htdemucs {
    /// Builds the network that a checkpoint describes.
    ///
    /// # Errors
    /// `OtherNetwork`, `Unsupported`, and what is wrong with a tensor.
    pub fn new(store: &Store) -> Result<Self, Error> {
        if store.class() != CLASS {
            return Err(Error::OtherNetwork { got: store.class().to_owned(), need: CLASS });
        }
        let config = Config::new(store.options())?;
        let root = store.root();
        let sources = config.sources.len();
        let shape = |channels, out, dconv| encoder::Shape {
            channels,
            out,
            dconv_depth: if dconv { config.dconv_depth } else { 0 },
            dconv_comp: config.dconv_comp,
        };
        let encode = |i: usize, time: bool| {
            let width = |i| if time { config.width_time(i) } else { config.width(i) };
            let mixture = if time { 2 } else { 4 };
            let input = if i > 0 { width(i - 1) } else { mixture };
            let shape = shape(input, width(i), config.dconv_encoder);
            if time {
                Encoder::new(shape, &[8], &root.at(&format!("tencoder.{i}")))
            } else {
                Encoder::new(shape, &[8, 1], &root.at(&format!("encoder.{i}")))
            }
        };
        let decode = |i: usize, time: bool| {
            let width = |i| if time { config.width_time(i) } else { config.width(i) };
            let last = config.depth - 1 - i;
            let output =
                if last > 0 { width(last - 1) } else { sources * if time { 2 } else { 4 } };
            let shape = shape(width(last), output, config.dconv_decoder);
            if time {
                Decoder::over_time(shape, &root.at(&format!("tdecoder.{i}")))
            } else {
                Decoder::over_frequency(shape, &root.at(&format!("decoder.{i}")))
            }
        };
        let layers = 0..config.depth;
        Ok(Self {
            spectro: Spectro::new(config.fft),
            encoders: layers.clone().map(|i| encode(i, false)).collect::<Result<_, _>>()?,
            time_encoders: layers.clone().map(|i| encode(i, true)).collect::<Result<_, _>>()?,
            decoders: layers.clone().map(|i| decode(i, false)).collect::<Result<_, _>>()?,
            time_decoders: layers.map(|i| decode(i, true)).collect::<Result<_, _>>()?,
            embedding: embedding(&config, &root.at("freq_emb"))?,
            transformer: Transformer::new(&config, &root)?,
            config,
        })
    }

    /// What it was built from.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Separates one segment: left and right, `config().segment` frames each, to `[sources, 2, frames]`. Asks
    /// several times a second whether to go on.
    ///
    /// # Errors
    /// `Cancelled`.
    ///
    /// # Panics
    /// When the channels have another length.
    pub fn forward(&self, mix: [&[f32]; 2], progress: &Progress) -> Result<Vec<f32>, Cancelled> {
        let frames = self.config.segment;
        assert!(mix.iter().all(|channel| channel.len() == frames), "a segment has one length");
        let mut x = self.spectro.forward(mix); // [frequencies, hops, 4]
        let level = standardise(&mut x);
        let mut xt = interleaved(mix); // [frames, 2]
        let level_time = standardise(&mut xt);

        let (mut skips, mut skips_time) = (Vec::new(), Vec::new());
        for (encoder, time_encoder) in self.encoders.iter().zip(&self.time_encoders) {
            progress.check()?;
            let mut next = encoder.over_frequency(&x);
            let next_time = time_encoder.over_time(&xt);
            if let (true, Some(embedding)) = (skips.is_empty(), &self.embedding) {
                let channels = next.channels;
                next.par_bodies_mut().zip(embedding.par_chunks(channels)).for_each(
                    |(body, row)| {
                        body.chunks_exact_mut(channels).for_each(|step| math::add(step, row));
                    },
                );
            }
            // The input of this layer is the skip connection of the next decoder but for the first.
            skips.push(std::mem::replace(&mut x, next));
            skips_time.push(std::mem::replace(&mut xt, next_time));
        }
        if let Some(transformer) = &self.transformer {
            transformer.add_to(&mut x, &mut xt, progress)?;
        } else {
            double(&mut x);
            double(&mut xt);
        }
        for (i, (decoder, time_decoder)) in
            self.decoders.iter().zip(&self.time_decoders).enumerate()
        {
            progress.check()?;
            let last = i + 1 == self.decoders.len();
            let skip = skips.pop().filter(|_| !last);
            x = decoder.frequency(&x, skip.as_ref());
            let skip = skips_time.pop().expect("one per layer");
            let length = skip.steps;
            xt = time_decoder.time(&xt, length, (!last).then_some(&skip));
        }
        progress.check()?;
        Ok(self.join(&x, level, &xt, level_time))
    }

    /// Adds what both branches say, at the level of the input: `[sources, 2, frames]`.
    fn join(&self, x: &Plane, level: [f32; 2], xt: &Plane, level_time: [f32; 2]) -> Vec<f32> {
        let frames = self.config.segment;
        let mut out = vec![0.0; self.config.sources.len() * 2 * frames];
        let [gain, offset] = level_time;
        out.par_chunks_mut(frames).enumerate().for_each(|(c, out)| {
            let spectral = self.spectro.inverse(x, c, level, frames);
            let steps = xt.body(0).chunks_exact(xt.channels);
            for ((out, spectral), step) in out.iter_mut().zip(spectral).zip(steps) {
                *out = spectral + step[c] * gain + offset;
            }
        });
        out
    }
}

/// The frequency embedding as it is added, `[frequencies, channels]`.
fn embedding(config: &Config, at: &At<'_>) -> Result<Option<Vec<f32>>, Error> {
    if config.freq_emb.partial_cmp(&0.0) != Some(std::cmp::Ordering::Greater) {
        return Ok(None);
    }
    let shape = [config.fft / 8, config.channels];
    let mut values = at.at("embedding").tensor("weight", &shape)?;
    math::scale(&mut values, config.emb_scale * config.freq_emb);
    Ok(Some(values))
}

/// Makes the mean 0 and the deviation 1; returns what undoes it, gain and offset.
fn standardise(plane: &mut Plane) -> [f32; 2] {
    let rows: Vec<[f64; 2]> =
        (0..plane.rows()).into_par_iter().map(|row| math::moments(plane.body(row))).collect();
    let [sum, squares] = rows.iter().fold([0.0; 2], |[s, q], [a, b]| [s + a, q + b]);
    let count = (plane.rows() * plane.steps * plane.channels) as f64;
    let mean = sum / count;
    let deviation = ((squares - count * mean * mean).max(0.0) / (count - 1.0)).sqrt();
    let gain = (deviation + 1e-5).recip() as f32;
    let (gains, offsets) = ([gain; 16], [-mean as f32 * gain; 16]);
    plane.par_bodies_mut().for_each(|body| {
        let whole = body.len() / 16 * 16;
        let (body, rest) = body.split_at_mut(whole);
        math::affine(body, &gains, &offsets);
        math::affine(rest, &gains[..1], &offsets[..1]);
    });
    [deviation as f32, mean as f32]
}

/// Two channels as one row of pairs.
fn interleaved(mix: [&[f32]; 2]) -> Plane {
    let mut plane = Plane::zero(1, mix[0].len(), 2);
    plane.par_bodies_mut().for_each(|body| {
        for (i, pair) in body.chunks_exact_mut(2).enumerate() {
            pair.copy_from_slice(&[mix[0][i], mix[1][i]]);
        }
    });
    plane
}

/// Without a transformer the skip connection of the first decoder is its input once more.
fn double(plane: &mut Plane) {
    plane.par_rows_mut().for_each(|row| math::scale(row, 2.0));
}

impl Transformer {
    fn new(config: &Config, root: &At<'_>) -> Result<Option<Self>, Error> {
        if config.t_layers == 0 {
            return Ok(None);
        }
        let (depth, channels, period) = (config.depth, config.bottom(), config.t_max_period);
        let frequencies = (config.fft / 2) >> (2 * depth);
        let steps = (0..depth).fold(config.segment, |steps, _| steps.div_ceil(encoder::STRIDE));
        let at = root.at("crosstransformer");
        let branch = |suffix: &str, mut positions: Vec<f32>| {
            math::scale(&mut positions, config.t_weight_pos_embed);
            Branch::new(config, root, &at, suffix, positions)
        };
        Ok(Some(Self {
            branch: branch("", positions_2d(frequencies, config.hops(), channels, period))?,
            branch_time: branch("_t", positions(steps, channels, period))?,
        }))
    }

    /// Adds the transformer's output to what goes in, which is also the skip connection of the first decoder.
    fn add_to(&self, x: &mut Plane, xt: &mut Plane, progress: &Progress) -> Result<(), Cancelled> {
        let mut tokens = self.branch.enter(x);
        let mut tokens_time = self.branch_time.enter(xt);
        for (layer, layer_time) in self.branch.layers.iter().zip(&self.branch_time.layers) {
            progress.check()?;
            if layer.crosses() {
                let before = tokens.clone();
                layer.apply(&mut tokens, Some(&tokens_time));
                layer_time.apply(&mut tokens_time, Some(&before));
            } else {
                layer.apply(&mut tokens, None);
                layer_time.apply(&mut tokens_time, None);
            }
        }
        self.branch.leave(&tokens, x);
        self.branch_time.leave(&tokens_time, xt);
        Ok(())
    }
}

impl Branch {
    fn new(
        config: &Config,
        root: &At<'_>,
        at: &At<'_>,
        suffix: &str,
        positions: Vec<f32>,
    ) -> Result<Self, Error> {
        let (channels, width) = (config.bottom(), config.width(config.depth - 1));
        let shape = transformer::Shape {
            channels,
            heads: config.t_heads,
            hidden: (channels as f64 * config.t_hidden_scale) as usize,
            norm_out: config.t_norm_out,
            layer_scale: config.t_layer_scale,
        };
        let layer = |i: usize| {
            let at = at.at(&format!("layers{suffix}.{i}"));
            if i % 2 == usize::from(!config.t_cross_first) {
                Layer::cross_attention(shape, &at)
            } else {
                Layer::self_attention(shape, &at)
            }
        };
        let resize =
            |name: &str, from, to| pointwise(from, to, &root.at(&format!("{name}{suffix}")));
        let resize = if config.bottom_channels > 0 {
            let up = resize("channel_upsampler", width, channels)?;
            Some([up, resize("channel_downsampler", channels, width)?])
        } else {
            None
        };
        Ok(Self {
            resize,
            norm: dconv::Affine::new(channels, &at.at(&format!("norm_in{suffix}")))?,
            positions,
            layers: (0..config.t_layers).map(layer).collect::<Result<_, _>>()?,
        })
    }

    /// The tokens of a plane, resized, normalised, with their positions.
    fn enter(&self, plane: &Plane) -> Tokens {
        let (c, width) = (self.norm.gain.len(), plane.channels);
        let mut tokens = vec![0.0; self.positions.len()]; // [rows * steps, c]
        tokens.par_chunks_mut(plane.steps * c).enumerate().for_each(|(row, tokens)| {
            let body = plane.body(row);
            let mut resized = vec![0.0; tokens.len()];
            match &self.resize {
                Some([up, _]) => up.multiply(Rows::matrix(body, width), &mut resized, c),
                None => resized.copy_from_slice(body),
            }
            normalise(&resized, &self.norm, tokens);
            math::add(tokens, &self.positions[row * plane.steps * c..][..tokens.len()]);
        });
        tokens
    }

    /// Adds the tokens, resized back, to the plane.
    fn leave(&self, tokens: &[f32], plane: &mut Plane) {
        let (c, width, steps) = (self.norm.gain.len(), plane.channels, plane.steps);
        plane.par_rows_mut().zip(tokens.par_chunks(steps * c)).for_each(|(row, tokens)| {
            let body = body_mut(row, steps, width);
            match &self.resize {
                Some([_, down]) => {
                    let mut resized = vec![0.0; body.len()];
                    down.multiply(Rows::matrix(tokens, c), &mut resized, width);
                    math::add(body, &resized);
                }
                None => math::add(body, tokens),
            }
        });
    }
}

/// A convolution of one tap.
fn pointwise(inputs: usize, outputs: usize, at: &At<'_>) -> Result<Packed, Error> {
    let weights = at.tensor("weight", &[outputs, inputs, 1])?;
    let bias = at.tensor("bias", &[outputs])?;
    Ok(Packed::new(inputs, outputs, |n| bias[n], |k, n| weights[n * inputs + k]))
}

#[cfg(test)]
mod tests;
