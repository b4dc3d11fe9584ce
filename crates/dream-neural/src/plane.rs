//! Activations with room around them.

use rayon::prelude::*;

/// Zeroes before the first step of a row: what the widest convolution reads there.
pub(crate) const HEAD: usize = 2;
/// Zeroes after the last step: a stride more, since lengths are rounded up to it.
pub(crate) const TAIL: usize = 6;
/// Steps that are worked on at once: a chunk and what is made of it stay in the cache.
pub(crate) const CHUNK: usize = 512;

/// Activations `[rows, HEAD + steps + TAIL, channels]`, zero around the steps of a row, so that a convolution over
/// time reads beyond the ends without asking. Rows are frequencies; the time branch has one.
#[derive(Debug, Clone)]
pub(crate) struct Plane {
    pub(crate) steps: usize,
    pub(crate) channels: usize,
    data: Vec<f32>,
}

impl Plane {
    /// All zero.
    pub(crate) fn zero(rows: usize, steps: usize, channels: usize) -> Self {
        let data = vec![0.0; rows * (HEAD + steps + TAIL) * channels];
        Self { steps, channels, data }
    }

    /// Number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.data.len() / self.row_len()
    }

    /// Floats from one row to the next.
    pub(crate) fn row_len(&self) -> usize {
        (HEAD + self.steps + TAIL) * self.channels
    }

    /// Everything, with the zeroes.
    pub(crate) fn data(&self) -> &[f32] {
        &self.data
    }

    /// Where row `row` has its first step.
    pub(crate) fn start(&self, row: usize) -> usize {
        row * self.row_len() + HEAD * self.channels
    }

    /// The steps of a row, `[steps, channels]`.
    pub(crate) fn body(&self, row: usize) -> &[f32] {
        let start = self.start(row);
        &self.data[start..start + self.steps * self.channels]
    }

    /// A row with its zeroes.
    pub(crate) fn row(&self, row: usize) -> &[f32] {
        &self.data[row * self.row_len()..(row + 1) * self.row_len()]
    }

    /// Rows with their zeroes, in parallel.
    pub(crate) fn par_rows_mut(&mut self) -> impl IndexedParallelIterator<Item = &mut [f32]> {
        let len = self.row_len();
        self.data.par_chunks_mut(len)
    }

    /// The steps of every row, in parallel.
    pub(crate) fn par_bodies_mut(&mut self) -> impl IndexedParallelIterator<Item = &mut [f32]> {
        let (channels, steps) = (self.channels, self.steps);
        self.par_rows_mut().map(move |row| body_mut(row, steps, channels))
    }
}

/// The steps of a row given with its zeroes.
pub(crate) fn body_mut(row: &mut [f32], steps: usize, channels: usize) -> &mut [f32] {
    &mut row[HEAD * channels..(HEAD + steps) * channels]
}
