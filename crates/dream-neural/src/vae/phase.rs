//! Sound from magnitudes alone: phases by integration, then a few rounds of projection.
//!
//! Method: Z. Prusa, P. Balazs, P. Sondergaard, "A Noniterative Method for Reconstruction of Phase from STFT Magnitude",
//! IEEE/ACM TASLP 25(5), 2017 (phase-gradient heap integration), refined by N. Perraudin, P. Balazs, P. Sondergaard,
//! "A Fast Griffin-Lim Algorithm", WASPAA 2013, with alpha 0.99.
//! In: magnitudes `[hops, bins]` of a grid. Out: one channel of `hops * hop` frames. Cost: a heap over the audible bins and
//! `2 * rounds + 1` transforms of every column.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::f32::consts::{PI, TAU};

use dream_audio::spectrum::{Complex, Stft};
use dream_core::Seed;
use rand::Rng;

use super::envelope::{FLOOR_DB, Grid};

/// Bins this far below the loudest get a random phase.
const FAINT: f32 = 1e-6;
/// How far a round goes beyond the projection.
const ALPHA: f32 = 0.99;
/// gamma of a Hann window, in units of its squared length: the Gaussian that is most like it.
const GAMMA: f32 = 0.25645;

/// Sound with that envelope in dB, `[times, bands]`, made without any other.
///
/// # Panics
/// When the envelope is of another grid.
pub fn from_envelope(grid: &Grid, envelope: &[f32], rounds: usize, seed: Seed) -> Vec<f32> {
    let levels = grid.upsample(envelope);
    let unit = grid.unit_power().sqrt();
    let mut magnitudes = vec![0.0; grid.hops() * grid.bins()];
    for (hop, column) in magnitudes.chunks_exact_mut(grid.bins()).enumerate() {
        levels.column(hop as i64, column);
        for x in column {
            // Silence has none.
            *x = if *x > FLOOR_DB { unit * 10.0_f32.powf(0.05 * *x) } else { 0.0 };
        }
    }
    from_magnitudes(grid, &magnitudes, rounds, seed)
}

/// Sound whose spectrogram has these magnitudes, as far as there is one.
///
/// # Panics
/// When `magnitudes` is not `[hops, bins]` of the grid.
pub fn from_magnitudes(grid: &Grid, magnitudes: &[f32], rounds: usize, seed: Seed) -> Vec<f32> {
    assert_eq!(magnitudes.len(), grid.hops() * grid.bins(), "magnitudes of this grid");
    retrieve(&mut grid.stft(), magnitudes, rounds, seed)
}

/// The same for columns of any number, `[hops, bins]`, as far apart as the transform says.
pub(super) fn retrieve(stft: &mut Stft, magnitudes: &[f32], rounds: usize, seed: Seed) -> Vec<f32> {
    let (bins, hop) = (stft.bins(), stft.hop());
    let phases = integrate(stft, bins, magnitudes, seed);
    let polar = |(magnitude, phase): (&f32, f32)| Complex::from_polar(*magnitude, phase);
    let mut spectra: Vec<Complex> = magnitudes.iter().zip(phases).map(polar).collect();
    let mut samples = inverse(stft, &spectra);
    let mut before: Vec<Complex> = Vec::new();
    let mut column = vec![Complex::default(); bins];
    for _ in 0..rounds {
        for (h, spectrum) in spectra.chunks_exact_mut(bins).enumerate() {
            stft.forward_at(&samples, (h * hop) as i64, &mut column);
            let start = h * bins;
            for (bin, heard) in column.iter().enumerate() {
                let i = start + bin;
                // Further in the direction in which the last round went.
                let ahead = before.get(i).map_or(*heard, |last| heard + (heard - last) * ALPHA);
                if let Some(last) = before.get_mut(i) {
                    *last = *heard;
                } else {
                    before.push(*heard);
                }
                let norm = ahead.norm();
                spectrum[bin] = if norm > 0.0 {
                    ahead * (magnitudes[i] / norm)
                } else {
                    Complex::new(magnitudes[i], 0.0)
                };
            }
        }
        samples = inverse(stft, &spectra);
    }
    samples
}

fn inverse(stft: &mut Stft, spectra: &[Complex]) -> Vec<f32> {
    let (bins, hop) = (stft.bins(), stft.hop());
    let mut samples = vec![0.0; spectra.len() / bins * hop];
    let mut column = vec![Complex::default(); bins];
    for (h, spectrum) in spectra.chunks_exact(bins).enumerate() {
        column.copy_from_slice(spectrum);
        stft.add_inverse_at(&mut column, (h * hop) as i64, &mut samples);
    }
    let scale = overlap(stft).recip();
    for x in &mut samples {
        *x *= scale;
    }
    samples
}

/// What unchanged spectra add up to, as a multiple of the signal.
fn overlap(stft: &Stft) -> f32 {
    1.5 * stft.size() as f32 / (4 * stft.hop()) as f32
}

/// A bin whose phase is known, by its magnitude.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Known {
    magnitude: f32,
    index: usize,
}

impl Eq for Known {}

impl Ord for Known {
    fn cmp(&self, other: &Self) -> Ordering {
        self.magnitude.total_cmp(&other.magnitude).then(other.index.cmp(&self.index))
    }
}

impl PartialOrd for Known {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Phases from the slopes of the log magnitude: along time `2 pi a m / M + (a M / gamma) ds/dm`, along frequency
/// `-(gamma / (a M)) ds/dn` for windows centred on their column, walked from loud bins to their neighbours.
fn integrate(stft: &Stft, bins: usize, magnitudes: &[f32], seed: Seed) -> Vec<f32> {
    let hops = magnitudes.len() / bins;
    let (size, hop) = (stft.size() as f32, stft.hop() as f32);
    let gamma = GAMMA * size * size;
    let (along_time, along_band) = (hop * size / gamma, gamma / (hop * size));
    let logs: Vec<f32> = magnitudes.iter().map(|x| x.max(1e-12).ln()).collect();
    let slope = |i: usize, here: usize, count: usize, stride: usize| {
        let next = if here + 1 < count { logs[i + stride] } else { logs[i] };
        let last = if here > 0 { logs[i - stride] } else { logs[i] };
        0.5 * (next - last)
    };
    let turn = TAU * hop / size;
    let time_slope = |i: usize| along_time * slope(i, i % bins, bins, 1) + turn * (i % bins) as f32;
    let band_slope = |i: usize| -along_band * slope(i, i / bins, hops, bins);

    let loudest = magnitudes.iter().fold(0.0_f32, |max, x| max.max(*x));
    let mut rng = seed.rng();
    let mut random = || (rng.next_u32() >> 8) as f32 / (1 << 24) as f32 * TAU;
    let mut phases = vec![0.0_f32; magnitudes.len()];
    let mut done: Vec<bool> = magnitudes.iter().map(|x| *x <= loudest * FAINT).collect();
    for (phase, _) in phases.iter_mut().zip(&done).filter(|(_, done)| **done) {
        *phase = random();
    }
    let mut order: Vec<usize> = (0..magnitudes.len()).filter(|i| !done[*i]).collect();
    order.sort_by(|a, b| magnitudes[*b].total_cmp(&magnitudes[*a]).then(a.cmp(b)));
    let mut heap = BinaryHeap::new();
    for seed_bin in order {
        if done[seed_bin] {
            continue;
        }
        // An island of its own: its phase is free.
        done[seed_bin] = true;
        heap.push(Known { magnitude: magnitudes[seed_bin], index: seed_bin });
        while let Some(Known { index: i, .. }) = heap.pop() {
            let (h, m) = (i / bins, i % bins);
            let mut reach = |j: usize, step: f32| {
                if !done[j] {
                    done[j] = true;
                    phases[j] = (phases[i] + step).rem_euclid(TAU);
                    heap.push(Known { magnitude: magnitudes[j], index: j });
                }
            };
            if h + 1 < hops {
                reach(i + bins, 0.5 * (time_slope(i) + time_slope(i + bins)));
            }
            if h > 0 {
                reach(i - bins, -0.5 * (time_slope(i) + time_slope(i - bins)));
            }
            if m + 1 < bins {
                reach(i + 1, 0.5 * (band_slope(i) + band_slope(i + 1)));
            }
            if m > 0 {
                reach(i - 1, -0.5 * (band_slope(i) + band_slope(i - 1)));
            }
        }
    }
    // The ends of a real signal's spectrum are real.
    for column in phases.chunks_exact_mut(bins) {
        for end in [0, bins - 1] {
            column[end] = if (column[end] - PI).abs() < PI / 2.0 { PI } else { 0.0 };
        }
    }
    phases
}

#[cfg(test)]
mod tests {
    use super::super::envelope::Layout;
    use super::*;

    /// Spectral convergence in dB of the magnitudes of what comes back against those asked for.
    fn convergence_db(samples: &[f32], rounds: usize) -> f64 {
        let grid = Grid::new(Layout::OneShot { horizon: 1 });
        let mut stft = grid.stft();
        let spectra = |stft: &mut Stft, samples: &[f32]| {
            let mut all = Vec::new();
            let mut column = vec![Complex::default(); grid.bins()];
            for hop in 0..grid.hops() {
                stft.forward_at(samples, (hop * grid.hop()) as i64, &mut column);
                all.extend(column.iter().map(|bin| bin.norm()));
            }
            all
        };
        let wanted: Vec<f32> = spectra(&mut stft, samples);
        let back = from_magnitudes(&grid, &wanted, rounds, Seed(1));
        let heard: Vec<f32> = spectra(&mut stft, &back);
        let power = |x: f32| f64::from(x).powi(2);
        let error: f64 = wanted.iter().zip(&heard).map(|(a, b)| power(a - b)).sum();
        10.0 * (error / wanted.iter().map(|x| power(*x)).sum::<f64>()).log10()
    }

    fn sweep() -> Vec<f32> {
        let tone = (0..32_768).map(|i| {
            let t = f64::from(i) / 44_100.0;
            let phase = f64::from(TAU) * (60.0 * t + 12.0 * (1.0 - (-30.0 * t).exp()));
            (phase.sin() * (-6.0 * t).exp()) as f32
        });
        tone.collect()
    }

    #[test]
    fn a_falling_tone_comes_back_from_its_magnitudes() {
        let integrated = convergence_db(&sweep(), 0);
        let refined = convergence_db(&sweep(), 16);
        assert!(integrated < -8.0, "{integrated}");
        assert!(refined < integrated - 5.0, "{refined}");
    }

    #[test]
    fn silence_stays_silent() {
        let grid = Grid::new(Layout::OneShot { horizon: 1 });
        let silence = from_magnitudes(&grid, &vec![0.0; grid.hops() * grid.bins()], 2, Seed(1));
        assert!(silence.iter().all(|x| x.abs() < 1e-9));
    }
}
