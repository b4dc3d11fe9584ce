//! How the onset strength repeats itself: its normalised autocorrelation, and the beat periods that it suggests.
//!
//! The comb (a period counts when its multiples repeat, too) is after D. Ellis, "Beat Tracking by Dynamic
//! Programming", JNMR 36(1), 2007. Cost: one autocorrelation, O(hops log hops), of at most two minutes.

use crate::onset::HOPS_PER_S;
use crate::spectrum::{autocorrelation, vertex};

/// Tempo is read from at most this many seconds from the middle of a clip.
const WINDOW_S: f64 = 120.0;
/// The longest lag, in seconds: two bars at 60 bpm.
const LAGS_S: f64 = 8.2;

/// The normalised autocorrelation of the onset strength, 1 at lag 0.
pub(crate) struct Repeats(Vec<f32>);

impl Repeats {
    pub(crate) fn of(strength: &[f32]) -> Self {
        let keep = ((WINDOW_S * HOPS_PER_S) as usize).min(strength.len());
        let start = (strength.len() - keep) / 2;
        let strength = &strength[start..start + keep];
        let mean = strength.iter().sum::<f32>() / strength.len().max(1) as f32;
        let smooth: Vec<f32> = (0..strength.len())
            .map(|t| {
                let at = |offset: isize| {
                    let i = t.checked_add_signed(offset).filter(|i| *i < strength.len());
                    i.map_or(0.0, |i| strength[i] - mean)
                };
                0.1 * (at(-2) + at(2)) + 0.2 * (at(-1) + at(1)) + 0.4 * at(0)
            })
            .collect();
        let lags = (smooth.len() * 3 / 4).min((LAGS_S * HOPS_PER_S) as usize);
        let mut values = autocorrelation(&smooth, lags);
        let energy = values.first().copied().unwrap_or(0.0);
        if energy <= 1e-9 {
            return Self(Vec::new());
        }
        for (lag, value) in values.iter_mut().enumerate() {
            *value *= smooth.len() as f32 / ((smooth.len() - lag) as f32 * energy);
        }
        Self(values)
    }

    /// The largest value within two hops (12 ms) of a lag, if all of them are known.
    pub(crate) fn near(&self, lag_s: f64) -> Option<f32> {
        const REACH: usize = 2;
        let lag = (lag_s * HOPS_PER_S).round() as usize;
        let around = self.0.get(lag.saturating_sub(REACH)..=lag + REACH)?;
        Some(around.iter().copied().fold(f32::MIN, f32::max))
    }

    /// Repetition at a lag of 0.25 to 1.5 s and at its double, 0 to 1: one echo is not a pulse.
    pub(crate) fn clarity(&self) -> f32 {
        let (from, to) = ((0.25 * HOPS_PER_S) as usize, (1.5 * HOPS_PER_S) as usize);
        (from..to)
            .filter_map(|lag| {
                let lag_s = lag as f64 / HOPS_PER_S;
                Some(0.5 * (self.near(lag_s)? + self.near(2.0 * lag_s)?))
            })
            .fold(0.0, f32::max)
            .clamp(0.0, 1.0)
    }

    /// Beat periods in seconds, from 45 to 220 bpm, at the local maxima of the comb, the largest first.
    pub(crate) fn periods(&self) -> Vec<f64> {
        const STEPS: usize = 480;
        let period = |i: usize| 60.0 / 45.0 * (45.0 / 220.0_f64).powf(i as f64 / STEPS as f64);
        let comb: Vec<f64> = (0..=STEPS).map(|i| self.comb(period(i) * HOPS_PER_S)).collect();
        let mut peaks: Vec<(f64, f64)> = (1..STEPS)
            .filter(|&i| comb[i] > 0.0 && comb[i] >= comb[i - 1] && comb[i] > comb[i + 1])
            .map(|i| (self.sharpened(period(i)), comb[i]))
            .collect();
        peaks.sort_by(|a, b| b.1.total_cmp(&a.1));
        peaks.into_iter().map(|peak| peak.0).collect()
    }

    fn comb(&self, period: f64) -> f64 {
        let teeth = [(1.0, 1.0), (2.0, 1.0), (3.0, 0.2), (4.0, 1.2), (8.0, 0.6)];
        let (mut sum, mut weight) = (0.0, 0.0);
        for (multiple, share) in teeth {
            let lag = period * multiple;
            let whole = lag.floor();
            let Some(pair) = self.0.get(whole as usize..whole as usize + 2) else { break };
            let part = (lag - whole) as f32;
            sum += share * f64::from(pair[0] * (1.0 - part) + pair[1] * part);
            weight += share;
        }
        if weight > 0.0 { sum / weight } else { 0.0 }
    }

    /// A period in seconds after its multiples: each doubling halves what one hop is worth.
    fn sharpened(&self, period_s: f64) -> f64 {
        let mut period = period_s * HOPS_PER_S;
        let mut multiple = 1.0;
        while ((multiple * period) as usize) + 6 < self.0.len() {
            let centre = (multiple * period).round() as usize;
            let reach = if multiple > 1.0 { 2 } else { 3 };
            let range = centre.saturating_sub(reach).max(1)..=centre + reach;
            if let Some(lag) = range.max_by(|&a, &b| self.0[a].total_cmp(&self.0[b]))
                && self.0[lag] > 0.1
                && self.0[lag] >= self.0[lag - 1].max(self.0[lag + 1])
            {
                let top = [self.0[lag - 1], self.0[lag], self.0[lag + 1]].map(f64::from);
                period = (lag as f64 + vertex(top)) / multiple;
            }
            multiple *= 2.0;
        }
        period / HOPS_PER_S
    }
}
