//! The warped envelope: how loud a sound is at a few thousand places of time and frequency.
//!
//! Method: the power of a short-time Fourier transform, averaged around knots that are dense where the ear is: in time at
//! the attack, in frequency where critical bands are narrow (B. Glasberg and B. Moore, "Derivation of Auditory Filter Shapes
//! from Notched-Noise Data", Hearing Research 47, 1990), and taken in dB. Back: bilinear interpolation in dB.
//! In: the power spectra of one sound at 44.1 kHz. Out: dB, -80 to 20, where a full-scale sine has 0.
//! Shapes: envelope `[times, bands]`; full grid `[hops, bins]`. Its size depends on the layout only, never on the sound.

use dream_audio::spectrum::{Stft, Window};
use serde::{Deserialize, Serialize};

use super::morph::power;

/// The level of silence in an envelope, in dB.
pub const FLOOR_DB: f32 = -80.0;
/// The largest level of an envelope, in dB.
pub const CEILING_DB: f32 = 20.0;

/// The MIDI note from which on partials lie two bins of the short transform apart, and more.
const LOW: f64 = 53.0;
/// Hops at the start of a one-shot that have a knot each.
const ATTACK: usize = 16;
/// Frames per second of everything that is modelled.
const RATE: f64 = 44_100.0;

/// What part of a sound an envelope covers, and how finely.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// A hit or a note from its onset on: 64 times, dense at the attack, and 67 bands.
    OneShot {
        /// Its length in units of 0.743 s (32768 frames): 1, 2, 4 or 8.
        horizon: u32,
    },
    /// The same of a low note, by a transform four times as long: its partials lie close. Measured on basses, 65 learned from and 2 held out,
    /// medians of three seeds: spectral convergence -1.9 in place of -0.5 dB, envelope SNR 1.9 in place of 0.7 dB.
    LowNote {
        /// As above.
        horizon: u32,
    },
    /// A bar of a loop, whatever its tempo: 128 times, 8 to a sixteenth, and 48 bands.
    Bar,
}

impl Layout {
    /// The layout of one-shots for sounds that last so long, in seconds from their onset: the shortest that 90 % fit in. `note`: the MIDI note
    /// that all of them have, if they have one.
    pub fn for_one_shots(seconds: &[f64], note: Option<f64>) -> Self {
        let mut sorted = seconds.to_vec();
        sorted.sort_by(f64::total_cmp);
        let rank = (sorted.len() * 9).div_ceil(10).saturating_sub(1);
        let needed = sorted.get(rank).copied().unwrap_or(0.0);
        let unit = UNIT as f64 / RATE;
        let horizon = [1_u32, 2, 4].into_iter().find(|h| f64::from(*h) * unit >= needed);
        let horizon = horizon.unwrap_or(8);
        if note.is_some_and(|note| note < LOW) {
            Self::LowNote { horizon }
        } else {
            Self::OneShot { horizon }
        }
    }

    /// What an example of that name is a part of: itself, or the loop of a bar.
    pub fn stem(self, name: &str) -> &str {
        match self {
            Self::OneShot { .. } | Self::LowNote { .. } => name,
            Self::Bar => name.rsplit_once(BAR_MARK).map_or(name, |(stem, _)| stem),
        }
    }
}

/// Stands between the name of a loop and the number of a bar.
const BAR_MARK: char = '#';

/// The name of a bar of a loop, from 0.
pub fn bar_name(stem: &str, bar: usize) -> String {
    format!("{stem}{BAR_MARK}{bar:02}")
}

/// Frames of a horizon of 1.
const UNIT: usize = 32_768;
/// Knots of a bar, and hops from one to the next.
const BAR_KNOTS: usize = 128;
const BAR_HOPS: usize = 3;

/// A layout worked out: knots, and the weights between them and the full grid.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    layout: Layout,
    size: usize,
    hop: usize,
    time: Axis,
    band: Axis,
}

impl Grid {
    /// The grid of a layout.
    pub fn new(layout: Layout) -> Self {
        let (size, hop, bands, knots, hops) = match layout {
            Layout::OneShot { horizon } | Layout::LowNote { horizon } => {
                let hops = UNIT / 64 * horizon as usize;
                let size = if matches!(layout, Layout::LowNote { .. }) { 2048 } else { 512 };
                (size, 64, 67, attack_knots(64, hops), hops)
            }
            Layout::Bar => {
                let knots = (0..BAR_KNOTS).map(|knot| (knot * BAR_HOPS) as f64).collect();
                (2048, 256, 48, knots, BAR_KNOTS * BAR_HOPS)
            }
        };
        let time = Axis::new(knots, hops);
        let band = Axis::new(erb_knots(bands, size), size / 2 + 1);
        Self { layout, size, hop, time, band }
    }

    /// What it was made from.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Frames that it covers; of a bar those of 107.7 bpm, as long as its tempo is not known.
    pub fn frames(&self) -> usize {
        self.time.cells * self.hop
    }

    /// Frames from one hop to the next; of a bar as [`frames`](Self::frames).
    pub fn hop(&self) -> usize {
        self.hop
    }

    /// Columns of the full grid.
    pub fn hops(&self) -> usize {
        self.time.cells
    }

    /// Values per column of the full grid.
    pub fn bins(&self) -> usize {
        self.band.cells
    }

    /// Rows of an envelope.
    pub fn times(&self) -> usize {
        self.time.knots.len()
    }

    /// Columns of an envelope.
    pub fn bands(&self) -> usize {
        self.band.knots.len()
    }

    /// Numbers of an envelope.
    pub fn cells(&self) -> usize {
        self.times() * self.bands()
    }

    /// The transform whose power an envelope averages.
    pub fn stft(&self) -> Stft {
        Stft::new(self.size, self.hop, Window::Hann)
    }

    /// What unchanged spectra of [`stft`](Self::stft) add up to, as a multiple of the signal.
    pub(super) fn overlap(&self) -> f32 {
        1.5 * self.size as f32 / (4 * self.hop) as f32
    }

    /// The power of a full-scale sine at its bin: 0 dB.
    pub(super) fn unit_power(&self) -> f32 {
        (self.size as f32 / 4.0).powi(2)
    }

    /// The centre of band `b` in Hz.
    pub fn band_hz(&self, b: usize) -> f64 {
        self.band.knots[b] * RATE / self.size as f64
    }

    /// Where the knots of the time axis lie, in hops.
    pub(super) fn time(&self) -> &Axis {
        &self.time
    }

    /// Where the knots of the frequency axis lie, in bins.
    pub(super) fn band(&self) -> &Axis {
        &self.band
    }

    /// The envelope of a sound: `power(hop, bins)` adds the powers of a column.
    pub fn envelope(&self, mut power: impl FnMut(usize, &mut [f32])) -> Vec<f32> {
        let (times, bands) = (self.times(), self.bands());
        let mut sums = vec![0.0_f64; times * bands];
        let mut column = vec![0.0; self.bins()];
        let mut banded = vec![0.0_f32; bands];
        for hop in 0..self.hops() {
            column.fill(0.0);
            power(hop, &mut column);
            for (b, banded) in banded.iter_mut().enumerate() {
                *banded = self.band.average(b, &column);
            }
            for (t, weight) in self.time.touching(hop) {
                let row = &mut sums[t * bands..(t + 1) * bands];
                for (sum, power) in row.iter_mut().zip(&banded) {
                    *sum += f64::from(weight * power);
                }
            }
        }
        let unit = f64::from(self.unit_power());
        let level = |power: &f64| (10.0 * (power / unit).max(1e-12).log10()) as f32;
        sums.iter().map(|power| level(power).clamp(FLOOR_DB, CEILING_DB)).collect()
    }

    /// An envelope of another grid of one-shots on this one: cut where that is longer, silent where it is shorter.
    pub fn convert(&self, from: &Grid, envelope: &[f32]) -> Vec<f32> {
        assert_eq!(envelope.len(), from.cells(), "an envelope of that grid");
        let at = |t: usize, b: usize| {
            envelope[t.min(from.times() - 1) * from.bands() + b.min(from.bands() - 1)]
        };
        let scale = from.size as f64 / self.size as f64;
        let bands: Vec<(usize, f32)> =
            self.band.knots.iter().map(|knot| place(&from.band.knots, knot * scale)).collect();
        let mut out = Vec::with_capacity(self.cells());
        for knot in &self.time.knots {
            let (t, along) = place(&from.time.knots, *knot);
            let silent = *knot > from.hops() as f64 - 0.5;
            out.extend(bands.iter().map(|&(b, across)| {
                let row = |t| at(t, b) + across * (at(t, b + 1) - at(t, b));
                if silent { FLOOR_DB } else { row(t) + along * (row(t + 1) - row(t)) }
            }));
        }
        out
    }

    /// How like its own waveform a sound stays that is brought from one envelope to another, 0 to 1: the correlation of the two, by
    /// A. Bhattacharyya's coefficient of their powers over time and frequency (1943).
    pub fn likeness(&self, a: &[f32], b: &[f32]) -> f32 {
        let bands = self.bands();
        let (mut both, mut own, mut other) = (0.0, 0.0, 0.0);
        for (cell, (a, b)) in a.iter().zip(b).enumerate() {
            let area = self.time.share(cell / bands) * self.band.share(cell % bands);
            both += area * power(0.5 * (a + b));
            own += area * power(*a);
            other += area * power(*b);
        }
        both / (own * other).sqrt().max(f32::MIN_POSITIVE)
    }

    /// Prepares an envelope to be read anywhere.
    ///
    /// # Panics
    /// When it has another size than the grid.
    pub fn upsample(&self, envelope: &[f32]) -> Upsampled<'_> {
        assert_eq!(envelope.len(), self.cells(), "an envelope of this grid");
        let bands = self.bands();
        let rows = envelope.chunks_exact(bands).flat_map(|row| {
            self.band.place.iter().map(|&(b, fraction)| {
                let next = row[(b + 1).min(bands - 1)];
                row[b] + fraction * (next - row[b])
            })
        });
        Upsampled { grid: self, rows: rows.collect() }
    }
}

/// An envelope at full resolution in frequency.
#[derive(Debug, Clone)]
pub struct Upsampled<'a> {
    grid: &'a Grid,
    /// `[times, bins]`.
    rows: Vec<f32>,
}

impl Upsampled<'_> {
    /// The levels of column `hop` in dB, `[bins]`; before the first and after the last they stay as they are there.
    pub fn column(&self, hop: i64, out: &mut [f32]) {
        let cell = hop.clamp(0, self.grid.hops() as i64 - 1) as usize;
        let (bins, last) = (self.grid.bins(), self.grid.times() - 1);
        let (t, fraction) = self.grid.time.place[cell];
        let row = |t: usize| &self.rows[t * bins..(t + 1) * bins];
        for ((out, low), high) in out.iter_mut().zip(row(t)).zip(row((t + 1).min(last))) {
            *out = low + fraction * (high - low);
        }
    }

    /// The levels at its knots, `[times, bins]`.
    pub(super) fn into_rows(self) -> Vec<f32> {
        self.rows
    }
}

/// Knots along a line of cells.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    /// Increasing, in cells, at least one apart.
    pub(super) knots: Vec<f64>,
    cells: usize,
    /// Per knot its first cell and the weights from there on, which add up to 1: a triangle between its neighbours.
    spread: Vec<(usize, Vec<f32>)>,
    /// Per cell the knots whose triangles hold it, and its weights there.
    touching: Vec<Vec<(usize, f32)>>,
    /// Per cell the knot at or before it, and how far towards the next it lies.
    place: Vec<(usize, f32)>,
}

impl Axis {
    fn new(knots: Vec<f64>, cells: usize) -> Self {
        let spread: Vec<(usize, Vec<f32>)> =
            (0..knots.len()).map(|i| triangle(&knots, i, cells)).collect();
        let mut touching = vec![Vec::new(); cells];
        for (i, (first, weights)) in spread.iter().enumerate() {
            for (offset, weight) in weights.iter().enumerate() {
                touching[first + offset].push((i, *weight));
            }
        }
        let place = (0..cells).map(|cell| place(&knots, cell as f64)).collect();
        Self { knots, cells, spread, touching, place }
    }

    fn average(&self, knot: usize, cells: &[f32]) -> f32 {
        let (first, weights) = &self.spread[knot];
        weights.iter().zip(&cells[*first..]).map(|(weight, x)| weight * x).sum()
    }

    /// How many cells a knot stands for.
    fn share(&self, knot: usize) -> f32 {
        let before = self.knots[knot.saturating_sub(1)];
        let after = self.knots[(knot + 1).min(self.knots.len() - 1)];
        (0.5 * (after - before)) as f32
    }

    fn touching(&self, cell: usize) -> impl Iterator<Item = (usize, f32)> {
        self.touching[cell].iter().copied()
    }
}

/// The knot at or before a place, and how far towards the next that lies; held at the ends.
pub(super) fn place(knots: &[f64], at: f64) -> (usize, f32) {
    let i = knots.partition_point(|knot| *knot <= at).saturating_sub(1);
    let Some(next) = knots.get(i + 1) else { return (i, 0.0) };
    (i, ((at - knots[i]) / (next - knots[i])).clamp(0.0, 1.0) as f32)
}

fn triangle(knots: &[f64], i: usize, cells: usize) -> (usize, Vec<f32>) {
    let centre = knots[i];
    let left = if i > 0 { knots[i - 1] } else { centre - 1.0 };
    let right = knots.get(i + 1).copied().unwrap_or(centre + 1.0);
    let height = |cell: usize| {
        let x = cell as f64;
        if x <= centre { (x - left) / (centre - left) } else { (right - x) / (right - centre) }
    };
    let inside: Vec<(usize, f64)> =
        (0..cells).map(|cell| (cell, height(cell))).filter(|(_, weight)| *weight > 1e-9).collect();
    let sum: f64 = inside.iter().map(|(_, weight)| weight).sum();
    let first = inside.first().expect("knots lie within the cells, at least one apart").0;
    (first, inside.iter().map(|(_, weight)| (weight / sum) as f32).collect())
}

/// `count` knots over `hops`: one each for the first hops, then geometric to the last.
fn attack_knots(count: usize, hops: usize) -> Vec<f64> {
    let from = (ATTACK - 1) as f64;
    let rest = count - ATTACK;
    let ratio = ((hops - 1) as f64 / from).powf(1.0 / rest as f64);
    let dense = (0..ATTACK).map(|knot| knot as f64);
    dense.chain((1..=rest).map(|j| from * ratio.powi(j as i32))).collect()
}

/// `count` knots from 0 Hz to half the rate, equally far apart in critical bands but never closer than a bin.
fn erb_knots(count: usize, size: usize) -> Vec<f64> {
    let bin = RATE / size as f64;
    let number = |hz: f64| 21.4 * (1.0 + 0.004_37 * hz).log10();
    let hz = |number: f64| (10.0_f64.powf(number / 21.4) - 1.0) / 0.004_37;
    let last = (size / 2) as f64;
    let mut knots = vec![0.0];
    while knots.len() < count {
        let at = knots[knots.len() - 1];
        // What is left is shared by the knots that are left.
        let step = (number(RATE / 2.0) - number(at * bin)) / (count - knots.len()) as f64;
        let next = hz(number(at * bin) + step) / bin;
        knots.push(next.max(at + 1.0).min(last));
    }
    knots
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYOUTS: [Layout; 3] = [
        Layout::OneShot { horizon: 1 },
        Layout::OneShot { horizon: 8 },
        Layout::LowNote { horizon: 2 },
    ];

    #[test]
    fn likeness_is_the_correlation_of_two_envelopes() {
        let grid = Grid::new(Layout::OneShot { horizon: 1 });
        let a: Vec<f32> = (0..grid.cells()).map(|i| -((i % 61) as f32)).collect();
        let louder: Vec<f32> = a.iter().map(|level| level + 6.0).collect();
        assert!((grid.likeness(&a, &a) - 1.0).abs() < 1e-4);
        assert!((grid.likeness(&a, &louder) - 1.0).abs() < 1e-4);
        // One half of the time each: nothing in common.
        let half = |late: bool| -> Vec<f32> {
            let level = |i| if (i / grid.bands() < 32) == late { FLOOR_DB } else { 0.0 };
            (0..grid.cells()).map(level).collect()
        };
        assert!(grid.likeness(&half(false), &half(true)) < 0.01);
    }

    #[test]
    fn knots_reach_from_the_first_cell_to_the_last_at_least_one_apart() {
        for layout in LAYOUTS {
            let grid = Grid::new(layout);
            for axis in [grid.time(), grid.band()] {
                assert!(axis.knots[0].abs() < 1e-9);
                assert!((axis.knots[axis.knots.len() - 1] - (axis.cells - 1) as f64).abs() < 1e-6);
                assert!(axis.knots.windows(2).all(|pair| pair[1] - pair[0] > 1.0 - 1e-9));
            }
        }
        let grid = Grid::new(LAYOUTS[0]);
        assert_eq!(
            (grid.cells(), grid.frames(), grid.hops(), grid.bins()),
            (4288, 32_768, 512, 257)
        );
    }

    #[test]
    fn a_steady_power_has_its_level_everywhere_and_comes_back() {
        for layout in LAYOUTS {
            let grid = Grid::new(layout);
            let power = grid.unit_power() * 0.01;
            let envelope = grid.envelope(|_, bins| bins.fill(power));
            assert!(envelope.iter().all(|level| (level + 20.0).abs() < 1e-3));
            let mut column = vec![0.0; grid.bins()];
            for hop in [-3, 0, 7, 300, 100_000] {
                grid.upsample(&envelope).column(hop, &mut column);
                assert!(column.iter().all(|level| (level + 20.0).abs() < 1e-3));
            }
        }
    }

    #[test]
    fn a_slope_in_db_survives_the_way_there_and_back() {
        let grid = Grid::new(LAYOUTS[0]);
        let level = |hop: usize, bin: usize| -0.05 * hop as f32 - 0.1 * bin as f32;
        let envelope = grid.envelope(|hop, bins| {
            for (bin, power) in bins.iter_mut().enumerate() {
                *power = grid.unit_power() * 10.0_f32.powf(level(hop, bin) / 10.0);
            }
        });
        let upsampled = grid.upsample(&envelope);
        let mut column = vec![0.0; grid.bins()];
        for hop in [0, 5, 40, 200, 400] {
            upsampled.column(hop as i64, &mut column);
            for bin in [0, 3, 40, 150, 250] {
                let error = column[bin] - level(hop, bin);
                assert!(error.abs() < 0.25, "{hop} {bin}: {error}");
            }
        }
    }

    #[test]
    fn envelopes_move_between_grids_of_different_length() {
        let [short, long, _] = LAYOUTS.map(Grid::new);
        let level = |grid: &Grid, t: usize| -0.05 * grid.time().knots[t] as f32;
        let on = |grid: &Grid| -> Vec<f32> {
            (0..grid.cells()).map(|i| level(grid, i / grid.bands())).collect()
        };
        let cut = short.convert(&long, &on(&long));
        assert!(cut.iter().zip(on(&short)).all(|(a, b)| (a - b).abs() < 0.01));
        let longer = long.convert(&short, &on(&short));
        let last = long.cells() - 1;
        assert!((longer[0]).abs() < 1e-6 && (longer[last] - FLOOR_DB).abs() < 1e-6);
        let same = short.convert(&short, &cut);
        assert!(same.iter().zip(&cut).all(|(a, b)| (a - b).abs() < 1e-3));
    }

    #[test]
    fn bands_of_another_transform_are_found_by_their_frequency() {
        let [hits, _, notes] = LAYOUTS.map(Grid::new);
        let on = |grid: &Grid| -> Vec<f32> {
            let hz = |band: usize| grid.band().knots[band] * RATE / grid.size as f64;
            let level = |i: usize| -0.002 * hz(i % grid.bands()) as f32;
            (0..grid.cells()).map(level).collect()
        };
        // Not beyond the shorter one.
        let there = notes.time().knots.iter().filter(|knot| **knot < hits.hops() as f64 - 1.0);
        let cells = there.count() * notes.bands();
        let moved = notes.convert(&hits, &on(&hits));
        let pairs = moved.iter().zip(on(&notes)).take(cells);
        assert!(pairs.into_iter().all(|(a, b)| (a - b).abs() < 0.05));
    }

    #[test]
    fn silence_is_at_the_floor_and_nothing_above_the_ceiling() {
        let grid = Grid::new(LAYOUTS[0]);
        assert!(grid.envelope(|_, _| ()).iter().all(|x| (x - FLOOR_DB).abs() < 1e-6));
        let loud = grid.envelope(|_, bins| bins.fill(1e12));
        assert!(loud.iter().all(|x| (x - CEILING_DB).abs() < 1e-6));
    }

    #[test]
    fn the_horizon_holds_nine_sounds_of_ten() {
        let check = |seconds: &[f64], horizon| {
            assert_eq!(Layout::for_one_shots(seconds, None), Layout::OneShot { horizon });
            assert_eq!(Layout::for_one_shots(seconds, Some(60.0)), Layout::OneShot { horizon });
            assert_eq!(Layout::for_one_shots(seconds, Some(36.0)), Layout::LowNote { horizon });
        };
        check(&[0.3; 20], 1);
        check(&[0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 9.0], 1);
        check(&[0.3, 0.9], 2);
        check(&[2.0, 2.9], 4);
        check(&[60.0], 8);
        check(&[], 1);
    }
}
