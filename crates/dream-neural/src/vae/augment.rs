//! More examples from few: envelopes bent a little, without making any sound.
//!
//! Bends: frequencies by up to a minor third, durations by up to a third, level, a smooth equalisation, and at times a blend
//! with another example. All are smooth changes of an envelope, so the result is the envelope of a plausible sound.

use dream_core::Seed;
use rand::Rng;

use super::envelope::{CEILING_DB, FLOOR_DB, Grid, Layout, place};
use super::net::normals;

/// Largest shift of frequencies, in octaves.
const PITCH: f64 = 0.25;
/// Largest change of duration, in octaves.
const TIME: f64 = 0.4;
/// Standard deviations of the equaliser's cosines, in dB, the widest first.
const EQUALISER_DB: [f32; 4] = [3.0, 2.0, 1.5, 1.0];
/// How often an example is blended with another.
const BLEND: f64 = 0.3;

/// An example bent by chance; `other` is blended in at times.
pub(super) fn augment(grid: &Grid, example: &[f32], other: &[f32], seed: Seed) -> Vec<f32> {
    let mut rng = seed.rng();
    let mut unit = || f64::from(rng.next_u32()) / 4_294_967_296.0;
    let pitch = (PITCH * (2.0 * unit() - 1.0)).exp2();
    let time = (TIME * (2.0 * unit() - 1.0)).exp2();
    // Bars are on a grid, which nothing may leave.
    let time = if grid.layout() == Layout::Bar { 1.0 } else { time };
    let share = if unit() < BLEND { 0.5 * unit() as f32 } else { 0.0 };
    let draws = normals(1 + EQUALISER_DB.len(), seed.child("level"));

    let (bands, last) = (grid.bands(), (grid.bands() - 1) as f32);
    let tilt: Vec<f32> = (0..bands)
        .map(|band| {
            let turn = std::f32::consts::PI * band as f32 / last;
            let cosines = EQUALISER_DB.iter().zip(&draws[1..]).enumerate();
            draws[0]
                + cosines.map(|(k, (sd, x))| sd * x * ((k + 1) as f32 * turn).cos()).sum::<f32>()
        })
        .collect();
    let read = |knots: &[f64], factor: f64| -> Vec<(usize, f32)> {
        knots.iter().map(|at| place(knots, at * factor)).collect()
    };
    // A longer sound is read more slowly, a higher one from lower bands.
    let rows = read(&grid.time().knots, 1.0 / time);
    let columns = read(&grid.band().knots, 1.0 / pitch);
    let level = |row: usize, band: usize| {
        let i = row * bands + band;
        example[i] + share * (other[i] - example[i])
    };
    let mut out = Vec::with_capacity(example.len());
    for (t, along) in rows {
        let later = (t + 1).min(grid.times() - 1);
        for (band, &(b, across)) in columns.iter().enumerate() {
            let higher = (b + 1).min(bands - 1);
            let at = |row: usize| {
                let low = level(row, b);
                low + across * (level(row, higher) - low)
            };
            let now = at(t);
            let x = now + along * (at(later) - now);
            // Silence stays silence.
            let audible = ((x - FLOOR_DB) / 10.0).clamp(0.0, 1.0);
            out.push((x + audible * tilt[band]).clamp(FLOOR_DB, CEILING_DB));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bent_examples_stay_near_and_differ() {
        let grid = Grid::new(Layout::OneShot { horizon: 1 });
        let example: Vec<f32> = (0..grid.cells())
            .map(|i| -((i / grid.bands()) as f32) - 0.3 * (i % grid.bands()) as f32)
            .collect();
        let mut first = None;
        for seed in 0..20 {
            let bent = augment(&grid, &example, &example, Seed(seed));
            let distance = bent.iter().zip(&example).map(|(a, b)| (a - b).abs()).sum::<f32>()
                / grid.cells() as f32;
            assert!((0.2..12.0).contains(&distance), "{distance}");
            assert!(bent.iter().all(|x| (FLOOR_DB..=CEILING_DB).contains(x)));
            assert_ne!(first.get_or_insert_with(|| example.clone()), &bent);
            first = Some(bent);
        }
        let silence = vec![FLOOR_DB; grid.cells()];
        assert_eq!(augment(&grid, &silence, &silence, Seed(1)), silence);
    }
}
