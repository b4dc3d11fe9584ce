//! What to dream: a place in the latent space, the envelope there, and the stems that may wear it.

use dream_core::Seed;
use dream_neural::Vae;
use rand::Rng;

use super::GenerateSpec;

/// An envelope to be dressed in.
pub(crate) struct Target {
    /// In dB, on the grid of the dreamer.
    pub(crate) envelope: Vec<f32>,
    /// Where it lies.
    pub(crate) latent: Vec<f32>,
}

/// How far places between parents stray from the line, as a share of how the stems spread.
const STRAY: f32 = 0.25;
/// Chosen parents are among so many neighbours of each other, at least.
const NEIGHBOURS: usize = 12;
/// How far variations of a stem lie from it at temperature 1, as a share of how the stems spread.
const AROUND: f32 = 0.5;

/// A place drawn from where all stems lie.
pub(crate) fn random(vae: &Vae, temperature: f32, seed: Seed) -> Target {
    let latent = vae.draw(temperature, seed);
    Target { envelope: vae.decode(&latent), latent }
}

/// A place between stems, by their weights. What the model does not know of the stems is mixed in likewise: a stem alone
/// gives itself back. Between them the place strays a little, so that the same weights give many sounds.
pub(crate) fn between(vae: &Vae, stems: &[(&[f32], f32)], temperature: f32, seed: Seed) -> Target {
    let places: Vec<Vec<f32>> = stems.iter().map(|(envelope, _)| vae.encode(envelope)).collect();
    let drawn = vae.draw(1.0, seed);
    let mean = vae.mean_latent();
    // Nothing strays at a stem itself; everything half-way between two.
    let mixed = 1.0 - stems.iter().map(|(_, weight)| weight * weight).sum::<f32>();
    let stray = STRAY * temperature * 2.0 * mixed;
    let latent = (0..mean.len())
        .map(|d| {
            let place = places.iter().zip(stems).map(|(place, (_, weight))| weight * place[d]);
            place.sum::<f32>() + stray * (drawn[d] - mean[d])
        })
        .collect();
    let mut target = around(vae, latent);
    for (place, (envelope, weight)) in places.iter().zip(stems) {
        add_rest(&mut target.envelope, envelope, &vae.decode(place), *weight);
    }
    target
}

/// The place of a stem moved by a step, with what the model does not know of the stem.
pub(crate) fn beside(vae: &Vae, envelope: &[f32], step: &[f32]) -> Target {
    let place = vae.encode(envelope);
    let mut target = around(vae, place.iter().zip(step).map(|(x, step)| x + step).collect());
    add_rest(&mut target.envelope, envelope, &vae.decode(&place), 1.0);
    target
}

/// A place around a stem.
pub(crate) fn like(vae: &Vae, envelope: &[f32], temperature: f32, seed: Seed) -> Target {
    let (place, drawn, mean) = (vae.encode(envelope), vae.draw(1.0, seed), vae.mean_latent());
    let pairs = place.iter().zip(drawn.iter().zip(&mean));
    let latent =
        pairs.map(|(place, (drawn, mean))| place + AROUND * temperature * (drawn - mean)).collect();
    let mut target = around(vae, latent);
    add_rest(&mut target.envelope, envelope, &vae.decode(&place), 1.0);
    target
}

/// Two stems of the model that are compatible: the second is among the neighbours of the first.
pub(crate) fn pair(vae: &Vae, seed: Seed) -> [usize; 2] {
    let count = vae.card().stems.len();
    let mut rng = seed.rng();
    let mut below = |end: usize| ((u64::from(rng.next_u32()) * end as u64) >> 32) as usize;
    let first = below(count);
    let mut near = vae.nearest(vae.portrait(first));
    near.retain(|(i, _)| *i != first);
    near.truncate(NEIGHBOURS.max(count / 4));
    [first, near[below(near.len())].0]
}

/// The weights of parents that are given, or of two that were chosen, for dream `number` of a job.
pub(crate) fn weights(spec: &GenerateSpec, number: u64, count: usize, dice: Seed) -> Vec<f32> {
    if count != 2 {
        return shares(count, dice);
    }
    let along = match spec.factor {
        Some(factor) => factor,
        // Evenly between the ends, which are the parents themselves.
        None if !spec.parents.is_empty() => (number + 1) as f32 / (spec.count + 1) as f32,
        None => 0.25 + 0.5 * shares(2, dice)[0],
    };
    vec![1.0 - along, along]
}

/// A number below `end`.
pub(crate) fn below(end: usize, seed: Seed) -> usize {
    ((u64::from(seed.rng().next_u32()) * end as u64) >> 32) as usize
}

/// Weights of parents that add up to 1: uniform on the simplex.
pub(crate) fn shares(count: usize, seed: Seed) -> Vec<f32> {
    let mut rng = seed.rng();
    let mut draws: Vec<f32> =
        (0..count).map(|_| -((rng.next_u32() as f32 + 1.0) / 4_294_967_300.0).ln()).collect();
    let sum: f32 = draws.iter().sum();
    for draw in &mut draws {
        *draw /= sum.max(1e-9);
    }
    draws
}

fn around(vae: &Vae, latent: Vec<f32>) -> Target {
    Target { envelope: vae.decode(&latent), latent }
}

/// Adds what a model does not know of an envelope.
fn add_rest(target: &mut [f32], envelope: &[f32], known: &[f32], weight: f32) {
    for ((x, level), known) in target.iter_mut().zip(envelope).zip(known) {
        *x += weight * (level - known);
    }
}
