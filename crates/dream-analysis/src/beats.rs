//! Beat times from the onset strength and a period.
//!
//! Method: D. Ellis, "Beat Tracking by Dynamic Programming", JNMR 36(1), 2007, section 2.
//! In: onset strength `[hops]`, period in hops. Out: times in seconds. Cost: O(hops x period).

use crate::onset::HOPS_PER_S;

/// How much a step other than the period costs, per squared log ratio, against a strength of unit deviation.
const TIGHTNESS: f32 = 400.0;

/// Times from `start_s` in steps up to the end, at most 40 000 of them.
pub(crate) fn grid(start_s: f64, step_s: f64, duration_s: f64) -> Vec<f64> {
    let count = ((duration_s - start_s) / step_s - 1e-6).ceil().clamp(0.0, 40_000.0) as u32;
    (0..count).map(|beat| start_s + f64::from(beat) * step_s).collect()
}

/// The beats that best join strong onsets at steps near `period` hops.
pub(crate) fn track(strength: &[f32], period: f64) -> Vec<f64> {
    let mean = strength.iter().sum::<f32>() / strength.len().max(1) as f32;
    let variance = strength.iter().map(|s| (s - mean).powi(2)).sum::<f32>();
    let deviation = (variance / strength.len().max(1) as f32).sqrt();
    if deviation < 1e-9 || period < 4.0 {
        return Vec::new();
    }
    let (shortest, longest) = ((0.5 * period).ceil() as usize, (2.0 * period).floor() as usize);
    let cost: Vec<f32> = (shortest..=longest)
        .map(|step| TIGHTNESS * ((step as f64 / period).ln() as f32).powi(2))
        .collect();
    let mut score = vec![0.0_f32; strength.len()];
    let mut from: Vec<u32> = vec![u32::MAX; strength.len()];
    for t in 0..strength.len() {
        let own = strength[t] / deviation;
        let mut best = 0.0; // a track may start anywhere
        for (step, cost) in (shortest..=longest).zip(&cost) {
            if step > t {
                break;
            }
            let value = score[t - step] - cost;
            if value > best {
                best = value;
                from[t] = (t - step) as u32;
            }
        }
        score[t] = own + best;
    }
    // The last beat is the best end within the last two periods.
    let tail = strength.len().saturating_sub(longest)..strength.len();
    let Some(mut at) = tail.max_by(|&a, &b| score[a].total_cmp(&score[b])) else {
        return Vec::new();
    };
    let mut beats = Vec::new();
    loop {
        beats.push(at as f64 / HOPS_PER_S);
        if from[at] == u32::MAX {
            break;
        }
        at = from[at] as usize;
    }
    beats.reverse();
    beats
}

/// Every fourth beat, from the one of the first four whose bars hold the most low onset strength on their
/// first and the least on their second and fourth beats.
pub(crate) fn downbeats(beats_s: &[f64], low: &[f32]) -> Vec<f64> {
    let at = |time: f64| -> f32 {
        let hop = (time * HOPS_PER_S).round() as usize;
        let around = &low[hop.saturating_sub(3).min(low.len())..(hop + 5).min(low.len())];
        around.iter().copied().fold(0.0, f32::max)
    };
    let mut sums = [0.0_f32; 4];
    for (i, beat) in beats_s.iter().enumerate() {
        sums[i % 4] += at(*beat);
    }
    let value = |phase: usize| {
        sums[phase] + 0.5 * sums[(phase + 2) % 4]
            - 0.5 * (sums[(phase + 1) % 4] + sums[(phase + 3) % 4])
    };
    let best =
        (1..4).fold(0, |best, phase| if value(phase) > 1.05 * value(best) { phase } else { best });
    beats_s.iter().copied().skip(best).step_by(4).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_track_follows_regular_onsets() {
        let mut strength = vec![0.0; 3200];
        for beat in 0..40 {
            strength[50 + (f64::from(beat) * 80.3).round() as usize] = 1.0;
        }
        let beats = track(&strength, 79.0);
        let step_s = (beats[39] - beats[0]) / 39.0;
        assert!((step_s * HOPS_PER_S - 80.3).abs() < 0.1, "{}", step_s * HOPS_PER_S);
        assert!(beats.len() >= 40);
    }

    #[test]
    fn a_flat_strength_has_no_beats() {
        assert!(track(&[0.0; 1000], 80.0).is_empty());
        assert!(track(&[], 80.0).is_empty());
    }

    #[test]
    fn bars_start_on_the_low_beats() {
        let beats: Vec<f64> = (0..16).map(|i| f64::from(i) * 0.5).collect();
        let mut low = vec![0.0; 1500];
        for bar in 0..4 {
            low[((f64::from(bar) * 2.0 + 0.5) * HOPS_PER_S).round() as usize] = 1.0;
        }
        assert_eq!(downbeats(&beats, &low), [0.5, 2.5, 4.5, 6.5]);
    }
}
