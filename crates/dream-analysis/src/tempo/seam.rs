//! Loop points: where to cut bars so that their end joins their start without a click.
//!
//! The length stays that of the bars; both points move together, at most 4 ms, to where the sound around
//! the end is most like the sound around the start (least squared difference over 2 ms, less at equal levels).

use crate::tempo::span::Span;

const RATE: f64 = 44_100.0;
/// How far the points may move, in frames.
const REACH: i64 = 176;
/// What is compared on either side of the seam, in frames.
const AROUND: i64 = 44;

/// Start and end of the loop in seconds: exactly the bars apart, unless the clip ends before.
pub(crate) fn points(mono: &[f32], span: Span) -> (f64, f64) {
    let length = 4.0 * f64::from(span.bars) * span.period_s * RATE;
    let start = (span.start_s * RATE).round() as i64;
    let at = |frame: i64| usize::try_from(frame).ok().and_then(|i| mono.get(i)).copied();
    let whole = length.round() as i64;
    let cost = |shift: i64| -> Option<f64> {
        let mut sum = 0.0;
        for offset in -AROUND..AROUND {
            let (a, b) = (at(start + shift + offset), at(start + shift + whole + offset));
            // Before the start and after the end nothing is heard; what is there tells only how well it joins.
            if let (Some(a), Some(b)) = (a, b) {
                sum += f64::from(a - b).powi(2);
            } else if offset < 0 && b.is_none() {
                return None;
            }
        }
        let jump = at(start + shift).unwrap_or(0.0) - at(start + shift + whole - 1).unwrap_or(0.0);
        Some(sum / (2 * AROUND) as f64 + f64::from(jump).powi(2))
    };
    let mut best = (0, cost(0).unwrap_or(f64::MAX));
    for shift in -REACH..=REACH {
        if start + shift < 0 || start + shift + whole > mono.len() as i64 {
            continue;
        }
        // A move must be worth it.
        if let Some(cost) = cost(shift)
            && cost < 0.5 * best.1
        {
            best = (shift, cost);
        }
    }
    let start_s = (start + best.0) as f64 / RATE;
    (start_s, (start_s + length / RATE).min(mono.len() as f64 / RATE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::sine;

    #[test]
    fn the_points_are_the_bars_apart_and_join_smoothly() {
        let mono = sine(111.3, 3.0);
        let span = Span { start_s: 0.2, period_s: 0.25, bars: 2, alone: false };
        let (start_s, end_s) = points(&mono, span);
        assert!((end_s - start_s - 2.0).abs() < 1e-9);
        assert!((start_s - 0.2).abs() < 0.0041, "{start_s}");
    }

    #[test]
    fn a_clip_of_whole_bars_is_its_own_loop() {
        let mono = sine(111.3, 2.0);
        let span = Span { start_s: 0.0, period_s: 0.25, bars: 2, alone: true };
        assert_eq!(points(&mono, span), (0.0, 2.0));
    }
}
