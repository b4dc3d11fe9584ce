//! The onsets of a loop on the steps of its bar, and how they are timed.

use dream_core::Rhythm;

use super::rounded;
use crate::onset::Onset;

const STEPS: usize = Rhythm::STEPS;
/// Off the grid by no more than this is on it, in seconds: what is heard as together.
const TOGETHER_S: f64 = 0.015;
/// Second sixteenths of less than this share of the strength tell no swing.
const SWING_MIN: f64 = 0.05;

/// An onset on its step.
struct Hit {
    step: usize,
    /// How late, in steps, -0.5 to 0.5.
    late: f64,
    strength: f64,
}

/// The rhythm of onsets in bars of `bar_s` seconds from `start_s`; `None` without an onset or a bar.
pub(super) fn rhythm(onsets: &[Onset], start_s: f64, bar_s: f64) -> Option<Rhythm> {
    let total: f64 = onsets.iter().map(|onset| f64::from(onset.strength)).sum();
    if total <= 0.0 || !(bar_s.is_finite() && bar_s > 0.1) {
        return None;
    }
    let mut rhythm = Rhythm::default();
    let mut hits = Vec::with_capacity(onsets.len());
    for onset in onsets {
        let place = (onset.time_s - start_s) / bar_s * STEPS as f64;
        let step = (place.round() as i64).rem_euclid(STEPS as i64) as usize;
        let strength = f64::from(onset.strength) / total;
        let (low, high) =
            (onset.low.clamp(0.0, 1.0), onset.high.clamp(0.0, 1.0 - onset.low.min(1.0)));
        rhythm.low[step] += strength as f32 * low;
        rhythm.high[step] += strength as f32 * high;
        rhythm.mid[step] += strength as f32 * (1.0 - low - high).max(0.0);
        hits.push(Hit { step, late: place - place.round(), strength });
    }
    let step_s = bar_s / STEPS as f64;
    let odd = |hit: &&Hit| hit.step % 2 == 1;
    let weight: f64 = hits.iter().filter(odd).map(|hit| hit.strength).sum();
    let late = median(hits.iter().filter(|hit| hit.step % 2 == 0)).unwrap_or(0.0);
    let swung = median(hits.iter().filter(odd)).filter(|_| weight >= SWING_MIN);
    let near = |hit: &&Hit| {
        let grid = if hit.step % 2 == 1 { swung.map_or(0.0, |swung| swung - late) } else { 0.0 };
        (hit.late - grid).abs() * step_s <= TOGETHER_S
    };
    rhythm.swing = swung.map(|swung| rounded((50.0 * (1.0 + swung - late)) as f32));
    rhythm.late_ms = rounded((late * step_s * 1000.0) as f32);
    rhythm.tight = rounded(hits.iter().filter(near).map(|hit| hit.strength).sum::<f64>() as f32);
    for band in [&mut rhythm.low, &mut rhythm.mid, &mut rhythm.high] {
        *band = band.map(rounded);
    }
    Some(rhythm)
}

/// The weighted median of how late hits are, in steps.
fn median<'a>(hits: impl Iterator<Item = &'a Hit>) -> Option<f64> {
    let mut hits: Vec<&Hit> = hits.collect();
    hits.sort_by(|a, b| a.late.total_cmp(&b.late));
    let half: f64 = hits.iter().map(|hit| hit.strength).sum::<f64>() / 2.0;
    let mut sum = 0.0;
    hits.into_iter().find_map(|hit| {
        sum += hit.strength;
        (sum >= half).then_some(hit.late)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BAR_S: f64 = 2.0;

    /// Onsets at sixteenths of a bar of two seconds, low on the first of each beat, late by so many seconds.
    fn played(sixteenths: &[f64], late_s: f64) -> Rhythm {
        let onset = |sixteenth: &f64| Onset {
            time_s: 1.0 + sixteenth * BAR_S / 16.0 + late_s,
            strength: 1.0,
            low: if sixteenth % 4.0 == 0.0 { 0.9 } else { 0.0 },
            high: if sixteenth % 4.0 == 0.0 { 0.0 } else { 0.8 },
            change: 0.0,
        };
        rhythm(&sixteenths.iter().map(onset).collect::<Vec<_>>(), 1.0, BAR_S).unwrap()
    }

    #[test]
    fn onsets_lie_on_their_steps_in_their_bands() {
        let straight = played(&[0.0, 2.0, 4.0, 6.0, 16.0, 20.0], 0.0);
        assert!((straight.low[0] - 0.3).abs() < 1e-3, "two bars fold into one: {straight:?}");
        assert!((straight.high[2] - 0.8 / 6.0).abs() < 1e-3);
        assert!((straight.tight - 1.0).abs() < 1e-3 && straight.swing.is_none());
    }

    #[test]
    fn swing_and_lateness_are_told_apart() {
        let swung = played(&[0.0, 1.24, 2.0, 3.24, 4.0, 5.24], 0.0);
        assert!((swung.swing.unwrap() - 62.0).abs() < 0.1, "{swung:?}");
        assert!((swung.tight - 1.0).abs() < 1e-3 && swung.late_ms.abs() < 0.1);
        let late = played(&[0.0, 2.0, 4.0, 5.0, 6.0], 0.02);
        assert!((late.late_ms - 20.0).abs() < 0.1, "{late:?}");
        assert!((late.swing.unwrap() - 50.0).abs() < 0.1 && late.tight < 0.3, "{late:?}");
    }

    #[test]
    fn nothing_has_no_rhythm() {
        assert_eq!(rhythm(&[], 0.0, 2.0), None);
        assert_eq!(rhythm(&[], 0.0, f64::NAN), None);
    }
}
