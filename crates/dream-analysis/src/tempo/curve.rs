//! The tempo over time: the chain of onsets whose intervals hardly change, and the clip straightened along it.
//!
//! Method: after S. Dixon, "Automatic Extraction of Tempo and Beat from Expressive Performances", JNMR 30(1), 2001: an interval
//! predicts the next onset and follows it. We differ: all chains at once by dynamic programming over onset and
//! interval, so none is given up early. The chain may run at any even level of the rhythm; which level is the beat is
//! not its concern. Time counted along the chain is straight: there the rhythm is read as if it were steady, and its beats are bent back.
//!
//! Limits: bass lines and chords with few onsets on an even level have no chain; off-beats may be taken for beats.
//! In: onsets of a clip. Out: knots of time, periods in seconds. Cost: O(onsets x onsets within 4 s x 57).

use crate::onset::{HOPS_PER_S, Onset, Onsets};

/// Intervals of the chain, in seconds.
const PERIODS_S: [f64; 2] = [0.25, 1.0];
/// Intervals are kept apart in steps of 2.5 per cent.
const BINS: usize = 57;
const BINS_PER_E: f64 = 40.0;
/// A step reaches this far back, in seconds, or over a rest up to `REST_S` to the last onset before it.
const REACH_S: f64 = 4.0;
const REST_S: f64 = 8.0;
/// An interval may change by this share from one step to the next, at a cost per squared share; an onset is worth about 1.
const CHANGE: f64 = 0.12;
const STIFFNESS: f64 = 150.0;
/// What a beat without an onset costs, and how many count at most: a rest is no worse the longer it is.
const SKIP: f64 = 0.35;
const SKIPS: f64 = 4.0;
/// How far an interval follows the last step.
const FOLLOW: f64 = 0.5;
/// A local period is the slope of the chain this far to either side, in seconds: short for the beats to follow, longer to judge
/// whether it varies, where hands that strike early or late must not count.
const LOCAL_S: f64 = 1.1;
const JUDGED_S: f64 = 1.7;
/// The tempo varies when the middle four fifths of the local periods spread by more than this share of their median. Drummers who
/// wander within one per cent to either side stay below 1.5 per cent (`bench/tempo/varying.py`), loops played by hand reach 2.6.
const SPREAD: f64 = 0.03;
/// A player wanders when they spread by more than this.
const WANDER: f64 = 0.006;
/// A tempo that changes by more than this factor within a clip is no tempo.
const RANGE: f64 = 1.6;
/// Shorter clips, or fewer steps, are too few to tell; in seconds.
const SHORTEST_S: f64 = 8.0;
const STEPS: usize = 12;

/// A chain of onsets, smoothed: its number of intervals and its time, both rising.
pub(super) struct Curve {
    knots: Vec<(f64, f64)>,
    /// The local period at each knot, in seconds.
    periods: Vec<f64>,
    median_s: f64,
    spread: f64,
}

/// The best chain that ends on an onset with an interval.
#[derive(Clone, Copy)]
struct Link {
    score: f64,
    period_s: f64,
    /// The onset and bin before, `u32::MAX` where the chain starts, and the intervals since.
    from: (u32, u8),
    steps: u16,
}

/// The curve of a clip, if it has a chain long enough to tell; what varies by more than a tempo can has none.
pub(super) fn curve(list: &[Onset], duration_s: f64) -> Option<Curve> {
    if duration_s < SHORTEST_S {
        return None;
    }
    let chain = chain(list);
    if chain.len() < STEPS {
        return None;
    }
    let smooth: Vec<(f64, f64)> = (0..chain.len()).map(|at| local(&chain, at, LOCAL_S)).collect();
    let mut knots: Vec<(f64, f64)> = Vec::with_capacity(chain.len());
    let mut periods = Vec::with_capacity(chain.len());
    for (&(number, _), (time_s, period_s)) in chain.iter().zip(smooth) {
        if knots.last().is_none_or(|last| time_s > last.1 + 0.02) {
            knots.push((number, time_s));
            periods.push(period_s);
        }
    }
    let mut sorted: Vec<f64> = (0..chain.len()).map(|at| local(&chain, at, JUDGED_S).1).collect();
    sorted.sort_by(f64::total_cmp);
    let at = |share: f64| sorted[(share * (sorted.len() - 1) as f64).round() as usize];
    let (spread, range) = ((at(0.9) - at(0.1)) / at(0.5), at(0.95) / at(0.05));
    (range < RANGE).then(|| Curve { median_s: at(0.5), knots, periods, spread })
}

impl Curve {
    /// Whether the tempo varies by more than a player wanders.
    pub(super) fn varies(&self) -> bool {
        self.spread > SPREAD
    }

    /// Whether a player wanders: less is the hop by which onsets are found.
    pub(super) fn wanders(&self) -> bool {
        self.spread > WANDER
    }

    /// A time of the clip, in seconds, counted along the chain: there the period is the median one everywhere.
    fn straight(&self, time_s: f64) -> f64 {
        let at = self.knots.partition_point(|knot| knot.1 <= time_s);
        self.median_s * self.along(at, |knot| knot.1, |knot| knot.0, time_s, f64::recip)
    }

    /// The time of the clip at a straight time, both in seconds.
    pub(super) fn bent(&self, straight_s: f64) -> f64 {
        let number = straight_s / self.median_s;
        let at = self.knots.partition_point(|knot| knot.0 <= number);
        self.along(at, |knot| knot.0, |knot| knot.1, number, |period_s| period_s)
    }

    /// `to` where `from` is `x`, linear between the knots before and at `at`, beyond the ends with the slope there.
    fn along(
        &self,
        at: usize,
        from: impl Fn(&(f64, f64)) -> f64,
        to: impl Fn(&(f64, f64)) -> f64,
        x: f64,
        slope: impl Fn(f64) -> f64,
    ) -> f64 {
        let last = self.knots.len() - 1;
        if at == 0 || at > last {
            let end = at.min(last);
            return to(&self.knots[end]) + (x - from(&self.knots[end])) * slope(self.periods[end]);
        }
        let (a, b) = (&self.knots[at - 1], &self.knots[at]);
        to(a) + (x - from(a)) / (from(b) - from(a)) * (to(b) - to(a))
    }

    /// The onsets in straight time from the start of the clip, how long that is, and where it starts, in seconds.
    pub(super) fn straightened(&self, onsets: &Onsets, duration_s: f64) -> (Onsets, f64, f64) {
        let start_s = self.straight(0.0);
        let length_s = self.straight(duration_s) - start_s;
        let list = onsets
            .list
            .iter()
            .map(|onset| Onset { time_s: self.straight(onset.time_s) - start_s, ..*onset })
            .collect();
        let hops = (length_s * HOPS_PER_S) as usize;
        let strength = (0..hops)
            .map(|hop| {
                let place =
                    (self.bent(start_s + hop as f64 / HOPS_PER_S) - onsets.first_s) * HOPS_PER_S;
                if place < 0.0 {
                    return 0.0; // before the sound
                }
                let whole = place as usize;
                let part = (place - whole as f64) as f32;
                let value = |i: usize| onsets.strength.get(i).copied().unwrap_or(0.0);
                value(whole) * (1.0 - part) + value(whole + 1) * part
            })
            .collect();
        (Onsets { strength, first_s: 0.0, list }, length_s, start_s)
    }
}

/// The best chain: numbers of intervals and times in seconds.
fn chain(list: &[Onset]) -> Vec<(f64, f64)> {
    let mean = list.iter().map(|onset| f64::from(onset.strength)).sum::<f64>() / list.len() as f64;
    let worth =
        |onset: &Onset| (f64::from(onset.strength) / mean).min(2.0) * (1.0 + f64::from(onset.low));
    let mut links: Vec<[Option<Link>; BINS]> = Vec::with_capacity(list.len());
    for (i, onset) in list.iter().enumerate() {
        let own = worth(onset);
        let mut here: [Option<Link>; BINS] = [None; BINS];
        let mut offer = |link: Link| {
            if let Some(bin) = bin(link.period_s) {
                let slot = &mut here[bin];
                if slot.is_none_or(|best| link.score > best.score) {
                    *slot = Some(link);
                }
            }
        };
        for j in (0..i).rev() {
            let dt = onset.time_s - list[j].time_s;
            if dt > REACH_S && (j + 1 < i || dt > REST_S) {
                break;
            }
            let score = worth(&list[j]) + own;
            offer(Link { score, period_s: dt, from: (j as u32, u8::MAX), steps: 1 });
            for (bin, before) in links[j].iter().enumerate() {
                let Some(before) = before else { continue };
                let steps = (dt / before.period_s).round();
                if steps < 1.0 {
                    break; // the bins rise: longer intervals do not fit either
                }
                let change = dt / (steps * before.period_s) - 1.0;
                if change.abs() > CHANGE {
                    continue;
                }
                let cost = STIFFNESS * change * change + SKIP * (steps - 1.0).min(SKIPS);
                offer(Link {
                    score: before.score + own - cost,
                    period_s: before.period_s * (1.0 + FOLLOW * change),
                    from: (j as u32, bin as u8),
                    steps: steps as u16,
                });
            }
        }
        links.push(here);
    }
    let ends = links.iter().enumerate().flat_map(|(i, bins)| {
        bins.iter().enumerate().filter_map(move |(bin, link)| link.map(|link| (i, bin, link.score)))
    });
    let Some((mut i, mut bin, _)) = ends.max_by(|a, b| a.2.total_cmp(&b.2)) else {
        return Vec::new();
    };
    let (mut out, mut number) = (vec![(0.0, list[i].time_s)], 0.0);
    while let Some(link) = links[i].get(bin).copied().flatten() {
        (i, bin) = (link.from.0 as usize, usize::from(link.from.1));
        number -= f64::from(link.steps);
        out.push((number, list[i].time_s));
    }
    out.reverse();
    out
}

fn bin(period_s: f64) -> Option<usize> {
    let place = (period_s / PERIODS_S[0]).ln() * BINS_PER_E;
    (0.0..BINS as f64).contains(&place).then_some(place as usize)
}

/// Time and period at a point of the chain: a straight line through its neighbours within `reach_s`, two at least.
fn local(chain: &[(f64, f64)], at: usize, reach_s: f64) -> (f64, f64) {
    let (number, time_s) = chain[at];
    let from = chain.partition_point(|point| point.1 < time_s - reach_s).min(at.saturating_sub(2));
    let to =
        chain.partition_point(|point| point.1 <= time_s + reach_s).max((at + 3).min(chain.len()));
    let around = &chain[from..to];
    let count = around.len() as f64;
    let mean = around.iter().fold((0.0, 0.0), |sum, p| (sum.0 + p.0 / count, sum.1 + p.1 / count));
    let (above, below) = around.iter().fold((0.0, 0.0), |sum, p| {
        let off = p.0 - mean.0;
        (sum.0 + off * (p.1 - mean.1), sum.1 + off * off)
    });
    let period_s = above / below;
    (mean.1 + (number - mean.0) * period_s, period_s)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(times: impl Iterator<Item = f64>) -> Vec<Onset> {
        times
            .map(|time_s| Onset { time_s, strength: 1.0, low: 0.2, high: 0.2, change: 0.1 })
            .collect()
    }

    /// Forty beats from 0.5 s each, the period growing by `growth` from one to the next.
    fn slowing(growth: f64) -> Vec<f64> {
        (0..40)
            .scan((0.1, 0.5), |(time_s, period_s), _| {
                let now = *time_s;
                *time_s += *period_s;
                *period_s *= growth;
                Some(now)
            })
            .collect()
    }

    #[test]
    fn a_slowing_pulse_is_straight_along_its_chain() {
        let times = slowing(1.004);
        let curve = curve(&list(times.iter().copied()), 24.0).unwrap();
        let straight: Vec<f64> = times.iter().map(|time_s| curve.straight(*time_s)).collect();
        for (pair, time_s) in straight.windows(2).zip(&times) {
            assert!(
                ((pair[1] - pair[0]) / curve.median_s - 1.0).abs() < 0.01,
                "{time_s}: {pair:?}"
            );
        }
        for (time_s, straight_s) in times.iter().zip(&straight) {
            assert!((curve.bent(*straight_s) - time_s).abs() < 1e-9);
        }
    }

    #[test]
    fn what_is_steady_does_not_vary_and_what_runs_away_has_no_curve() {
        let curve_of = |growth: f64| curve(&list(slowing(growth).into_iter()), 21.0).unwrap();
        assert!(!curve_of(1.0).wanders());
        let wandering = curve_of(1.0003);
        assert!(wandering.wanders() && !wandering.varies());
        assert!(curve_of(1.004).varies());
        assert!(curve(&list(slowing(1.03).into_iter()), 40.0).is_none());
        assert!(curve(&[], 20.0).is_none());
    }

    #[test]
    fn a_chain_bridges_missing_beats_and_passes_what_stands_between() {
        let beats = slowing(1.004);
        let with_gaps =
            beats.iter().enumerate().filter(|(i, _)| !(14..20).contains(i) && i % 7 != 3);
        let mut times: Vec<f64> = with_gaps.map(|(_, time_s)| *time_s).collect();
        times.extend([3.31, 4.4, 9.13]);
        times.sort_by(f64::total_cmp);
        let curve = curve(&list(times.into_iter()), 24.0).unwrap();
        let (first, last) = (curve.straight(beats[0]), curve.straight(beats[39]));
        let steps = (last - first) / curve.median_s;
        assert!((steps - 39.0).abs() < 0.2, "{steps}");
    }
}
