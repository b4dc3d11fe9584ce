//! Onsets folded onto one beat: where in the beat they stand, and the period that makes them stand most exactly.

use std::f64::consts::TAU;

use crate::onset::Onset;

/// Bins of a folded beat.
const BINS: usize = 96;
/// Half width of a cluster of onsets, in seconds.
const REACH_S: f64 = 0.025;

/// A place in the beat where onsets gather.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cluster {
    /// Its phase in seconds, 0 to the period.
    pub(super) at_s: f64,
    /// The strength of its onsets, as a share of all.
    pub(super) share: f64,
}

/// The clusters of onsets folded at `period_s`, the strongest first.
pub(super) fn clusters(list: &[Onset], period_s: f64) -> Vec<Cluster> {
    let mut bins = [0.0_f64; BINS];
    let spread = 0.010 / period_s * BINS as f64;
    let reach = (3.0 * spread).ceil() as i64;
    let mut total = 0.0;
    for onset in list {
        let place = (onset.time_s / period_s).rem_euclid(1.0) * BINS as f64;
        let near = place.round() as i64;
        total += f64::from(onset.strength);
        for bin in near - reach..=near + reach {
            let distance = (bin as f64 - place) / spread;
            let slot = bin.rem_euclid(BINS as i64) as usize;
            bins[slot] += f64::from(onset.strength) * (-0.5 * distance * distance).exp();
        }
    }
    let at = |bin: usize, offset: usize| bins[(bin + offset) % BINS];
    let mut peaks: Vec<(usize, f64)> = (0..BINS)
        .filter(|&bin| bins[bin] > 0.0 && bins[bin] >= at(bin, BINS - 1) && bins[bin] > at(bin, 1))
        .map(|bin| (bin, bins[bin]))
        .collect();
    peaks.sort_by(|a, b| b.1.total_cmp(&a.1));
    let mut found: Vec<Cluster> = Vec::new();
    for (bin, _) in peaks {
        let rough = bin as f64 / BINS as f64 * period_s;
        let apart = |other: &Cluster| residue(rough - other.at_s, period_s).abs() > 1.6 * REACH_S;
        if !found.iter().all(apart) {
            continue;
        }
        let (mut weight, mut sum) = (0.0, 0.0);
        for onset in list {
            let off = residue(onset.time_s - rough, period_s);
            if off.abs() < REACH_S {
                weight += f64::from(onset.strength);
                sum += f64::from(onset.strength) * off;
            }
        }
        if weight > 0.0 {
            found.push(Cluster {
                at_s: (rough + sum / weight).rem_euclid(period_s),
                share: weight / total,
            });
        }
    }
    found.sort_by(|a, b| b.share.total_cmp(&a.share));
    found
}

/// `time` less the nearest multiple of `period`.
pub(super) fn residue(time: f64, period: f64) -> f64 {
    time - period * (time / period).round()
}

/// A period and how exactly it is known.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_field_names, reason = "the unit is part of the name")]
pub(super) struct Fit {
    /// Seconds per beat.
    pub(super) period_s: f64,
    /// Standard error of that.
    pub(super) error_s: f64,
    /// Root mean square distance of the onsets from their clusters, in seconds.
    pub(super) spread_s: f64,
}

impl Fit {
    /// The fit drawn to the nearest whole number of bpm as far as it is likely to be that: most music is made at a whole number,
    /// so half of the prior is on those, half spread evenly. The mean of both, since a choice would jump.
    pub(super) fn drawn(self) -> Self {
        let bpm = 60.0 / self.period_s;
        let error = bpm * self.error_s / self.period_s;
        let off = bpm - bpm.round();
        let density = (-0.5 * (off / error).powi(2)).exp() / (error * TAU.sqrt());
        let whole = density / (1.0 + density);
        Self { period_s: 60.0 / (bpm - whole * off), ..self }
    }
}

/// The period near `period_s` that the onsets keep: the slope of time over beat number within the clusters, each
/// of which has its own offset. So swing and the slower attack of one instrument do not bend it.
///
/// Fitted on the onsets from the middle outwards, doubling the stretch of time, so that no beat is miscounted.
pub(super) fn fit(list: &[Onset], period_s: f64) -> Fit {
    let mut fit = Fit { period_s, error_s: 0.02 * period_s, spread_s: REACH_S };
    let (Some(first), Some(last)) = (list.first(), list.last()) else { return fit };
    let (middle, whole) = (0.5 * (first.time_s + last.time_s), last.time_s - first.time_s);
    let mut span = 16.0 * period_s;
    loop {
        let from = list.partition_point(|onset| onset.time_s < middle - 0.5 * span);
        let to = list.partition_point(|onset| onset.time_s <= middle + 0.5 * span);
        for _ in 0..2 {
            if let Some(better) = slope(&list[from..to], fit.period_s)
                && (better.period_s / period_s - 1.0).abs() < 0.02
            {
                fit = better;
            }
        }
        if span >= whole {
            return fit;
        }
        span *= 2.0;
    }
}

fn slope(list: &[Onset], period_s: f64) -> Option<Fit> {
    let (mut above, mut below, mut squares, mut weights, mut count) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for cluster in clusters(list, period_s) {
        // Weighted sums of one, beat, beat squared, offset, beat times offset, offset squared.
        let mut sums = [0.0_f64; 6];
        let mut members = 0;
        for onset in list {
            let off = residue(onset.time_s - cluster.at_s, period_s);
            if off.abs() < REACH_S {
                let beat = ((onset.time_s - cluster.at_s) / period_s).round();
                let weight = f64::from(onset.strength);
                let terms = [1.0, beat, beat * beat, off, beat * off, off * off];
                for (sum, term) in sums.iter_mut().zip(terms) {
                    *sum += weight * term;
                }
                members += 1;
            }
        }
        if members >= 2 {
            let [w, n, nn, r, nr, rr] = sums;
            above += nr - n * r / w;
            below += nn - n * n / w;
            squares += (rr - r * r / w).max(0.0);
            weights += w;
            count += f64::from(members - 1);
        }
    }
    if below <= 1e-9 || count < 2.0 {
        return None;
    }
    let spread_s = ((squares - above * above / below).max(0.0) / weights).sqrt();
    Some(Fit {
        period_s: period_s + above / below,
        // The weights are strengths, not inverse variances: scaled to a mean of one.
        error_s: (spread_s.max(0.0005)) / (below / (weights / (count + 1.0))).sqrt(),
        spread_s,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn onsets(times: impl Iterator<Item = f64>) -> Vec<Onset> {
        times
            .map(|time_s| Onset { time_s, strength: 1.0, low: 0.3, high: 0.3, change: 0.1 })
            .collect()
    }

    #[test]
    fn swung_onsets_have_the_period_of_their_beat() {
        let swung = (0..32).map(|i| f64::from(i / 2) * 0.5 + if i % 2 == 1 { 0.31 } else { 0.004 });
        let fit = fit(&onsets(swung), 0.503);
        assert!((fit.period_s - 0.5).abs() < 1e-6, "{fit:?}");
    }

    #[test]
    fn a_fit_near_a_whole_number_of_bpm_is_drawn_to_it_and_no_other() {
        let drawn = |bpm: f64, error: f64| {
            let period_s = 60.0 / bpm;
            let fit = Fit { period_s, error_s: error / bpm * period_s, spread_s: 0.002 };
            60.0 / fit.drawn().period_s
        };
        assert!((drawn(120.04, 0.05) - 120.0).abs() < 0.01);
        assert!((drawn(120.3, 0.05) - 120.3).abs() < 0.001);
        assert!((drawn(120.04, 0.002) - 120.04).abs() < 0.001);
        let (below, above) = (drawn(120.09, 0.05), drawn(120.1, 0.05));
        assert!(below < above && above - below < 0.03, "{below} {above}");
    }

    #[test]
    fn clusters_tell_where_in_the_beat_onsets_stand() {
        let times = (0..24).map(|i| f64::from(i / 3) * 0.6 + [0.05, 0.2, 0.35][i as usize % 3]);
        let found = clusters(&onsets(times), 0.6);
        assert_eq!(found.len(), 3);
        for at in [0.05, 0.2, 0.35] {
            assert!(found.iter().any(|cluster| (cluster.at_s - at).abs() < 1e-6), "{found:?}");
        }
    }
}
