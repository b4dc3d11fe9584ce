//! Sets of sounds: where they lie, and how far apart.
//!
//! Method: K. Kilgour et al., "Frechet Audio Distance", Interspeech 2019; Y. Chung et al., "KAD: No More FAD!", 2025, which has no bias
//! by the number of sounds (here with the median distance of the real sounds as bandwidth, in thousandths); M. Naeem et al., "Reliable
//! Fidelity and Diversity Metrics for Generative Models", ICML 2020 (density and coverage, k = 5).
//! Sounds are described by 64 mel bands in 11 segments of time that widen, 704 levels in dB, of which the 32 principal components of the real
//! sounds count, half whitened.

use dream_audio::Clip;
use serde::Serialize;

use super::eigen::eigen;
use super::likeness::{Mel, aligned, powers};

const SIZE: usize = 1024;
const HOP: usize = 128;
const BANDS: usize = 64;
/// Ends of the segments, in hops.
const EDGES: [usize; 12] = [0, 2, 3, 5, 8, 13, 20, 32, 51, 80, 127, 256];
/// What lies so far below the loudest level counts as silence, in dB.
const RANGE_DB: f64 = 70.0;
/// Components kept.
const KEPT: usize = 32;
/// Real sounds from which the components are found, at most.
const MOST: usize = 400;
/// Neighbours that make the ball around a real sound.
const NEIGHBOURS: usize = 5;
/// A sound nearer than this to one that was learned from, in units of the distances of those, is a copy.
const COPY: f64 = 0.2;

/// What a sound is like: 704 levels in dB.
pub fn describe(clip: &Clip) -> Vec<f64> {
    let mut samples = aligned(clip);
    let power: f64 = samples.iter().map(|x| f64::from(*x).powi(2)).sum();
    let gain = (power + 1e-12).sqrt().recip() as f32;
    for x in &mut samples {
        *x *= gain;
    }
    let mel = Mel::new(SIZE, BANDS);
    let columns: Vec<Vec<f64>> =
        powers(&samples, SIZE, HOP).iter().map(|column| mel.of(column).collect()).collect();
    let segments = EDGES.windows(2).flat_map(|edges| {
        let part = &columns[edges[0]..edges[1]];
        (0..BANDS).map(move |band| {
            let mean = part.iter().map(|column| column[band]).sum::<f64>() / part.len() as f64;
            10.0 * (mean + 1e-12).log10()
        })
    });
    let levels: Vec<f64> = segments.collect();
    let floor = levels.iter().fold(f64::MIN, |max, x| max.max(*x)) - RANGE_DB;
    levels.into_iter().map(|x| x.max(floor)).collect()
}

/// The components in which real sounds differ.
#[derive(Debug, Clone)]
pub struct Space {
    mean: Vec<f64>,
    /// Scaled so that a product is a coordinate.
    axes: Vec<Vec<f64>>,
}

impl Space {
    /// The space of real sounds, at least two, given by their descriptions.
    ///
    /// # Panics
    /// Without two sounds.
    pub fn new(real: &[Vec<f64>]) -> Self {
        assert!(real.len() > 1, "a space needs two sounds");
        let rows: Vec<&Vec<f64>> = real.iter().step_by(real.len().div_ceil(MOST)).collect();
        let n = rows.len();
        let mean: Vec<f64> = (0..rows[0].len())
            .map(|d| rows.iter().map(|row| row[d]).sum::<f64>() / n as f64)
            .collect();
        let centred: Vec<Vec<f64>> = rows
            .iter()
            .map(|row| row.iter().zip(&mean).map(|(x, mean)| x - mean).collect())
            .collect();
        // The products of the sounds have the same values as those of the levels, and there are fewer.
        let gram: Vec<f64> =
            centred.iter().flat_map(|a| centred.iter().map(|b| product(a, b))).collect();
        let (values, vectors) = eigen(&gram, n);
        let largest = (values[0].max(0.0) / n as f64).sqrt();
        let axes = values
            .iter()
            .zip(&vectors)
            .take(KEPT)
            .filter(|(value, _)| **value > 1e-12 * values[0])
            .map(|(value, vector)| {
                let deviation = (value / n as f64).sqrt();
                let scale = 1.0 / (value.sqrt() * (deviation * largest).sqrt());
                (0..mean.len())
                    .map(|d| {
                        scale * centred.iter().zip(vector).map(|(row, v)| v * row[d]).sum::<f64>()
                    })
                    .collect()
            })
            .collect();
        Self { mean, axes }
    }

    /// Where a description lies.
    pub fn place(&self, description: &[f64]) -> Vec<f64> {
        let centred: Vec<f64> =
            description.iter().zip(&self.mean).map(|(x, mean)| x - mean).collect();
        self.axes.iter().map(|axis| product(axis, &centred)).collect()
    }
}

/// How what was made lies to what is real.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Distances {
    /// Frechet distance to all real sounds.
    pub fad: f64,
    /// That of the held-out real sounds to those learned from: what is not better than real.
    pub fad_floor: f64,
    /// Kernel distance to all real sounds, in thousandths.
    pub kad: f64,
    /// That of the held-out real sounds to those learned from.
    pub kad_floor: f64,
    /// Real neighbourhoods that a sound lies in, in units of their number.
    pub density: f64,
    /// The share of real sounds with a made one in their neighbourhood.
    pub coverage: f64,
    /// Median distance to the nearest sound that was learned from, in units of how far those lie from each other.
    pub novelty: f64,
    /// That of the held-out real sounds.
    pub novelty_held_out: f64,
    /// The share of copies.
    pub copies: f64,
    /// Mean distance between two of what was made.
    pub diversity: f64,
}

impl Distances {
    /// Compares places: those learned from, those held out, and those made. Floors are not numbers where fewer than two were held out.
    pub fn new(learned: &[Vec<f64>], held_out: &[Vec<f64>], made: &[Vec<f64>]) -> Self {
        let alone: Vec<usize> = (0..learned.len()).collect();
        Self::of_parts(learned, &alone, held_out, made)
    }

    /// The same of parts, of which those learned from are of the wholes that are numbered: how far these lie from each other is told
    /// from parts of others, for parts of one whole are much alike.
    pub fn of_parts(
        learned: &[Vec<f64>],
        wholes: &[usize],
        held_out: &[Vec<f64>],
        made: &[Vec<f64>],
    ) -> Self {
        let real: Vec<Vec<f64>> = learned.iter().chain(held_out).cloned().collect();
        let few = held_out.len() < 2;
        let (density, coverage) = density_coverage(made, &real);
        let unit = median(neighbours(learned, learned, |i, j| wholes[i] != wholes[j]));
        let nearest = neighbours(made, learned, |_, _| true);
        let copies = nearest.iter().filter(|d| **d < COPY * unit).count();
        Self {
            fad: fad(made, &real),
            fad_floor: if few { f64::NAN } else { fad(learned, held_out) },
            kad: kad(made, &real),
            kad_floor: if few { f64::NAN } else { kad(held_out, learned) },
            density,
            coverage,
            novelty: median(nearest.clone()) / unit,
            novelty_held_out: median(neighbours(held_out, learned, |_, _| true)) / unit,
            copies: copies as f64 / made.len() as f64,
            diversity: mean_distance(made),
        }
    }
}

fn product(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn apart(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let n = values.len();
    if n == 0 { f64::NAN } else { f64::midpoint(values[n / 2], values[(n - 1) / 2]) }
}

/// The distance of every place to its nearest of those others that count.
fn neighbours(
    places: &[Vec<f64>],
    others: &[Vec<f64>],
    counts: impl Fn(usize, usize) -> bool,
) -> Vec<f64> {
    let nearest = |i: usize, place: &Vec<f64>| {
        let rest = others.iter().enumerate().filter(|(j, _)| counts(i, *j));
        rest.map(|(_, other)| apart(place, other)).fold(f64::MAX, f64::min)
    };
    places.iter().enumerate().map(|(i, place)| nearest(i, place)).collect()
}

fn mean_distance(places: &[Vec<f64>]) -> f64 {
    let pairs =
        places.iter().enumerate().flat_map(|(i, a)| places[..i].iter().map(move |b| apart(a, b)));
    let (sum, count) = pairs.fold((0.0, 0), |(sum, count), d| (sum + d, count + 1));
    sum / f64::from(count.max(1))
}

/// Mean and covariance `[d, d]`.
fn moments(places: &[Vec<f64>]) -> (Vec<f64>, Vec<f64>) {
    let (n, d) = (places.len() as f64, places[0].len());
    let mean: Vec<f64> = (0..d).map(|i| places.iter().map(|p| p[i]).sum::<f64>() / n).collect();
    let mut covariance = vec![0.0; d * d];
    for place in places {
        for i in 0..d {
            for j in 0..d {
                covariance[i * d + j] += (place[i] - mean[i]) * (place[j] - mean[j]) / (n - 1.0);
            }
        }
    }
    (mean, covariance)
}

fn fad(a: &[Vec<f64>], b: &[Vec<f64>]) -> f64 {
    let ((mean_a, a), (mean_b, b)) = (moments(a), moments(b));
    let d = mean_a.len();
    let trace = |m: &[f64]| (0..d).map(|i| m[i * d + i]).sum::<f64>();
    let (values, vectors) = eigen(&a, d);
    // The root of a, then the roots of the values of root a * b * root a.
    let mut root = vec![0.0; d * d];
    for (value, vector) in values.iter().zip(&vectors) {
        for i in 0..d {
            for j in 0..d {
                root[i * d + j] += value.max(0.0).sqrt() * vector[i] * vector[j];
            }
        }
    }
    let times = |x: &[f64], y: &[f64]| -> Vec<f64> {
        let at = |k: usize| (0..d).map(|m| x[k / d * d + m] * y[m * d + k % d]).sum();
        (0..d * d).map(at).collect()
    };
    let inner = times(&times(&root, &b), &root);
    let cross: f64 = eigen(&inner, d).0.iter().map(|value| value.max(0.0).sqrt()).sum();
    apart(&mean_a, &mean_b).powi(2) + trace(&a) + trace(&b) - 2.0 * cross
}

fn kad(made: &[Vec<f64>], real: &[Vec<f64>]) -> f64 {
    let own: Vec<f64> = real
        .iter()
        .enumerate()
        .flat_map(|(i, a)| real[..i].iter().map(move |b| apart(a, b)))
        .collect();
    let width = median(own).max(1e-12);
    let kernel = |a: &[f64], b: &[f64]| (-(apart(a, b) / width).powi(2) / 2.0).exp();
    let within = |set: &[Vec<f64>]| {
        let pairs =
            set.iter().enumerate().flat_map(|(i, a)| set[..i].iter().map(move |b| kernel(a, b)));
        2.0 * pairs.sum::<f64>() / (set.len() * (set.len() - 1)) as f64
    };
    let across: f64 = made.iter().flat_map(|a| real.iter().map(move |b| kernel(a, b))).sum();
    1000.0 * (within(made) + within(real) - 2.0 * across / (made.len() * real.len()) as f64)
}

fn density_coverage(made: &[Vec<f64>], real: &[Vec<f64>]) -> (f64, f64) {
    let (mut inside, mut hit) = (0, 0);
    for (i, place) in real.iter().enumerate() {
        let mut others: Vec<f64> = real
            .iter()
            .enumerate()
            .filter(|(j, _)| *j != i)
            .map(|(_, other)| apart(place, other))
            .collect();
        others.sort_by(f64::total_cmp);
        let radius = others[(NEIGHBOURS - 1).min(others.len() - 1)];
        let within = made.iter().filter(|made| apart(place, made) < radius).count();
        inside += within;
        hit += usize::from(within > 0);
    }
    (inside as f64 / (NEIGHBOURS * made.len()) as f64, hit as f64 / real.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::super::super::net::normals;
    use super::*;
    use dream_core::Seed;

    fn cloud(count: usize, dimensions: usize, seed: u64, shift: f64) -> Vec<Vec<f64>> {
        let all = normals(count * dimensions, Seed(seed));
        let row = |row: &[f32]| row.iter().map(|x| f64::from(*x) + shift).collect();
        all.chunks_exact(dimensions).map(row).collect()
    }

    #[test]
    fn sets_of_one_origin_are_near_and_others_far() {
        let (learned, held_out) = (cloud(200, 4, 1, 0.0), cloud(100, 4, 2, 0.0));
        let same = Distances::new(&learned, &held_out, &cloud(100, 4, 3, 0.0));
        assert!(same.fad < 0.15 && same.kad.abs() < 10.0, "{same:?}");
        assert!((0.7..1.4).contains(&same.density) && same.coverage > 0.65, "{same:?}");
        assert!((0.8..1.25).contains(&(same.novelty / same.novelty_held_out)));
        assert!(same.copies < 0.05);
        let far = Distances::new(&learned, &held_out, &cloud(100, 4, 3, 3.0));
        // Four dimensions, three apart in each.
        assert!((far.fad - 36.0).abs() < 4.0 && far.kad > 300.0, "{far:?}");
        assert!(far.density < 0.05 && far.coverage < 0.1);
        let copied = Distances::new(&learned, &held_out, &learned[..50]);
        assert!(copied.copies > 0.99 && copied.novelty < 1e-9);
    }

    #[test]
    fn the_space_keeps_what_differs() {
        // Two directions of 704, one ten times the other.
        let weights = cloud(60, 2, 5, 0.0);
        let rows: Vec<Vec<f64>> = weights
            .iter()
            .map(|w| {
                (0..704)
                    .map(|d| 10.0 * w[0] * f64::from(d % 2) + w[1] * f64::from((d + 1) % 2))
                    .collect()
            })
            .collect();
        let space = Space::new(&rows);
        let places: Vec<Vec<f64>> = rows.iter().map(|row| space.place(row)).collect();
        assert_eq!(places[0].len(), 2);
        let deviation = |axis: usize| {
            (places.iter().map(|p| p[axis].powi(2)).sum::<f64>() / places.len() as f64).sqrt()
        };
        // Half whitened: the ratio of ten becomes its root.
        assert!((deviation(0) - 1.0).abs() < 1e-6);
        assert!((deviation(1) - 0.1_f64.sqrt()).abs() < 0.05, "{}", deviation(1));
    }
}
