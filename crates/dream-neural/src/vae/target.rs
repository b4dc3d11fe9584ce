//! What to dream: a place in the latent space, and the envelope there.

use dream_core::Seed;
use rand::Rng;

use super::Vae;

/// An envelope to be dressed in.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// In dB, `[times, bands]`.
    pub envelope: Vec<f32>,
    /// Where it lies.
    pub latent: Vec<f32>,
}

/// How far places between parents stray from the line, as a share of how the stems spread.
const STRAY: f32 = 0.25;
/// Chosen parents are among so many neighbours of each other, at least.
const NEIGHBOURS: usize = 12;
/// How far variations of a stem lie from it at temperature 1, as a share of how the stems spread.
const AROUND: f32 = 0.5;

/// A place drawn from where all stems lie.
pub fn random(vae: &Vae, temperature: f32, seed: Seed) -> Target {
    let latent = vae.draw(temperature, seed);
    Target { envelope: vae.decode(&latent), latent }
}

/// A place between stems, by their weights. What the model does not know of the stems is mixed in likewise: a stem alone
/// gives itself back. Between them the place strays a little, so that the same weights give many sounds.
pub fn between(vae: &Vae, stems: &[(&[f32], f32)], temperature: f32, seed: Seed) -> Target {
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

/// A place around a stem.
pub fn like(vae: &Vae, envelope: &[f32], temperature: f32, seed: Seed) -> Target {
    let (place, drawn, mean) = (vae.encode(envelope), vae.draw(1.0, seed), vae.mean_latent());
    let pairs = place.iter().zip(drawn.iter().zip(&mean));
    let latent =
        pairs.map(|(place, (drawn, mean))| place + AROUND * temperature * (drawn - mean)).collect();
    let mut target = around(vae, latent);
    add_rest(&mut target.envelope, envelope, &vae.decode(&place), 1.0);
    target
}

/// Two stems of the model that are compatible: the second is among the neighbours of the first.
pub fn pair(vae: &Vae, seed: Seed) -> [usize; 2] {
    let count = vae.card().stems.len();
    let mut rng = seed.rng();
    let mut below = |end: usize| ((u64::from(rng.next_u32()) * end as u64) >> 32) as usize;
    let first = below(count);
    let mut near = vae.nearest(vae.portrait(first));
    near.retain(|(i, _)| *i != first);
    near.truncate(NEIGHBOURS.max(count / 4));
    [first, near[below(near.len())].0]
}

/// Weights of parents that add up to 1: uniform on the simplex.
pub fn shares(count: usize, seed: Seed) -> Vec<f32> {
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

#[cfg(test)]
mod tests {
    use super::super::{Card, Example, Grid, Layout, TrainSpec, distance, gaussian};
    use super::*;

    /// A model of envelopes that fall at different speeds and from different levels.
    fn model() -> (Vae, Vec<Vec<f32>>) {
        let grid = Grid::new(Layout::OneShot { horizon: 1 });
        let level = |i: usize, n: usize| {
            let (time, band) = ((i / grid.bands()) as f32, (i % grid.bands()) as f32);
            -0.2 * (n + 1) as f32 * time - (0.9 - 0.1 * n as f32) * band
        };
        let envelopes: Vec<Vec<f32>> =
            (0..8).map(|n| (0..grid.cells()).map(|i| level(i, n).max(-80.0)).collect()).collect();
        let example = |(n, envelope): (usize, &Vec<f32>)| Example {
            name: n.to_string(),
            envelope: envelope.clone(),
        };
        let examples = envelopes.iter().enumerate().map(example).collect();
        let vae = gaussian(grid, examples, TrainSpec::default(), Card::new("kick", "1")).unwrap();
        (vae, envelopes)
    }

    #[test]
    fn a_stem_alone_is_given_back_and_between_two_lies_what_lies_between() {
        let (vae, stems) = model();
        let [a, b] = [stems[1].as_slice(), stems[5].as_slice()];
        for temperature in [0.0, 1.0] {
            let alone = between(&vae, &[(a, 1.0), (b, 0.0)], temperature, Seed(1)).envelope;
            let error = alone.iter().zip(a).map(|(x, y)| (x - y).abs()).fold(0.0, f32::max);
            assert!(error < 0.01, "{error} dB");
        }
        let middle = between(&vae, &[(a, 0.5), (b, 0.5)], 0.0, Seed(1)).envelope;
        let (to_a, to_b, direct) = (distance(&middle, a), distance(&middle, b), distance(a, b));
        assert!(to_a < 0.8 * direct && to_b < 0.8 * direct, "{to_a} {to_b} {direct}");
    }

    #[test]
    fn a_variation_lies_the_farther_the_higher_the_temperature() {
        let (vae, stems) = model();
        let away = |temperature| {
            let far = (0..8).map(|n| like(&vae, &stems[3], temperature, Seed(n)).envelope);
            far.map(|envelope| distance(&envelope, &stems[3])).sum::<f32>()
        };
        assert!(away(0.2) > 0.0 && away(1.0) > 2.0 * away(0.2));
    }

    #[test]
    fn a_pair_is_two_stems_and_shares_add_up() {
        let (vae, _) = model();
        for seed in 0..20 {
            let [a, b] = pair(&vae, Seed(seed));
            assert!(a != b && a < 8 && b < 8);
            let shares = shares(3, Seed(seed));
            assert!(shares.iter().all(|x| *x >= 0.0));
            assert!((shares.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        }
    }
}
