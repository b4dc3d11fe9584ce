//! How much a stage takes away, as a distribution over time.

use dream_core::Db;

/// Bins between a gain of 0 and 1.
const BINS: usize = 1_000;

/// How far values were turned down.
#[derive(Debug, Clone, PartialEq)]
pub struct Reduction {
    /// All values, those that passed as well.
    values: u64,
    /// Values turned down, by gain.
    bins: Vec<u64>,
    lowest: f32,
}

impl Reduction {
    pub(super) fn new() -> Self {
        Self { values: 0, bins: vec![0; BINS], lowest: 1.0 }
    }

    /// Counts `values` that pass as they are.
    pub(super) fn pass(&mut self, values: usize) {
        self.values += values as u64;
    }

    /// Marks one of the counted values as turned down by `gain`, below 1.
    pub(super) fn take(&mut self, gain: f32) {
        self.bins[((gain.max(0.0) * BINS as f32) as usize).min(BINS - 1)] += 1;
        self.lowest = self.lowest.min(gain.max(0.0));
    }

    /// Counts what another channel lost.
    pub fn add(&mut self, other: &Self) {
        self.values += other.values;
        self.lowest = self.lowest.min(other.lowest);
        self.bins.iter_mut().zip(&other.bins).for_each(|(sum, count)| *sum += count);
    }

    /// The deepest reduction, in dB (0 or less).
    pub fn deepest(&self) -> Db {
        Db::of(self.lowest)
    }

    /// The reduction that only this share of all values (0 to 1) exceeds, in dB (0 or less), to 0.1 dB down to -20.
    pub fn exceeded_by(&self, share: f64) -> Db {
        let mut left = share * self.values as f64;
        for (bin, count) in self.bins.iter().enumerate() {
            left -= *count as f64;
            if left < 0.0 {
                return Db::of((bin as f32 + 0.5) / BINS as f32);
            }
        }
        Db(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_counts_what_passed() {
        let mut reduction = Reduction::new();
        assert_eq!((reduction.deepest(), reduction.exceeded_by(0.0)), (Db(0.0), Db(0.0)));
        reduction.pass(1_000);
        (0..10).for_each(|_| reduction.take(0.7));
        reduction.take(0.5);
        assert_eq!(reduction.deepest(), Db::of(0.5));
        assert!((reduction.exceeded_by(0.0).0 + 6.02).abs() < 0.1);
        assert!((reduction.exceeded_by(0.005).0 + 3.1).abs() < 0.1);
        assert_eq!(reduction.exceeded_by(0.05), Db(0.0));
    }

    #[test]
    fn channels_count_together() {
        let (mut left, mut right) = (Reduction::new(), Reduction::new());
        left.pass(10);
        right.pass(10);
        right.take(0.25);
        left.add(&right);
        assert_eq!(left.deepest(), Db::of(0.25));
        assert!(left.exceeded_by(0.04).0 < -11.0);
        assert_eq!(left.exceeded_by(0.06), Db(0.0));
    }
}
