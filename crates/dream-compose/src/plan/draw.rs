//! Draws from a seed, one generator per draw, so that no draw moves another.

use dream_core::Seed;
use rand::RngExt;

/// Whether an event of probability `p` happens.
pub(super) fn chance(seed: Seed, p: f64) -> bool {
    unit(seed) < p
}

/// A number in 0..1.
pub(super) fn unit(seed: Seed) -> f64 {
    seed.rng().random::<f64>()
}

/// An index below `count`, which is at least 1.
pub(super) fn index(seed: Seed, count: usize) -> usize {
    ((unit(seed) * count as f64) as usize).min(count.saturating_sub(1))
}

/// An item, drawn by weight; `None` if no weight is positive.
pub(super) fn weighted<T>(
    seed: Seed,
    items: impl IntoIterator<Item = T>,
    weight: impl Fn(&T) -> f64,
) -> Option<T> {
    let items: Vec<(T, f64)> = items
        .into_iter()
        .map(|item| {
            let weight = weight(&item).max(0.0);
            (item, weight)
        })
        .filter(|(_, weight)| *weight > 0.0)
        .collect();
    let total: f64 = items.iter().map(|(_, weight)| weight).sum();
    let mut left = unit(seed) * total;
    let last = items.len().saturating_sub(1);
    items.into_iter().enumerate().find_map(|(at, (item, weight))| {
        left -= weight;
        (left < 0.0 || at == last).then_some(item)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_follow_their_weights() {
        let count = |wanted: usize| {
            (0..4_000)
                .filter(|i| {
                    let drawn = weighted(Seed(1).index(*i), [0, 1, 2], |at| [1.0, 3.0, 0.0][*at]);
                    drawn == Some(wanted)
                })
                .count()
        };
        assert!((900..1_100).contains(&count(0)), "{}", count(0));
        assert_eq!(count(2), 0);
        assert_eq!(weighted(Seed(1), [1, 2], |_| 0.0), None);
    }
}
