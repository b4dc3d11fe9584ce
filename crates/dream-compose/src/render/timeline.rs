//! Musical time to frames: sections, swing and small deviations.

use dream_core::{ArrangementPlan, Bpm, PartId, SampleRate, Seed};
use rand::RngExt;

pub(crate) const RATE: SampleRate = SampleRate::LIBRARY;
const BEATS: f64 = ArrangementPlan::BEATS_PER_BAR;
/// A hit this near to a sixteenth is on it, seconds: moving it would not be heard.
const TIGHT_S: f64 = 0.002;
/// A hit this near to a sixteenth, in sixteenths, is meant to be on it.
const NEAR: f64 = 0.4;

/// Frames of `seconds`.
pub(crate) fn frames(seconds: f64) -> i64 {
    (seconds * RATE.hz()).round() as i64
}

/// Where the plan's beats and bars lie.
#[derive(Debug, Clone)]
pub(crate) struct Timeline {
    pub(crate) bpm: Bpm,
    /// First bar of each section, and the bar after the last.
    pub(crate) starts: Vec<u32>,
    swing: f64,
}

/// Bars from `from` to before `to`, counted from the start of the track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) from: u32,
    pub(crate) to: u32,
}

impl Timeline {
    pub(crate) fn of(plan: &ArrangementPlan) -> Self {
        Self { bpm: plan.bpm, starts: plan.section_starts(), swing: plan.swing / 100.0 }
    }

    /// One bar without swing.
    #[cfg(test)]
    pub(crate) fn even(bpm: Bpm) -> Self {
        Self { bpm, starts: vec![0, 1], swing: 0.5 }
    }

    /// The frame of a beat counted from the start of the track; beats before it give frame 0.
    pub(crate) fn beat(&self, beat: f64) -> i64 {
        self.bpm.frame_of(beat, RATE).0 as i64
    }

    /// The frame of a bar line.
    pub(crate) fn bar(&self, bar: f64) -> i64 {
        self.beat(bar * BEATS)
    }

    /// The frame of a bar line counted from the start of a section.
    pub(crate) fn bar_in(&self, section: usize, bar: f64) -> i64 {
        self.bar(f64::from(self.starts[section]) + bar)
    }

    /// The frame of a note counted from the start of a section, with the plan's swing.
    pub(crate) fn note_in(&self, section: usize, beat: f64) -> i64 {
        self.beat(f64::from(self.starts[section]) * BEATS + swung(beat, self.swing))
    }

    /// Frames of `beats`, for lengths of fades and gates; positions are counted from the origin instead.
    pub(crate) fn length(&self, beats: f64) -> i64 {
        frames(beats * self.bpm.beat_seconds())
    }

    /// Frames from a bar line to a beat of that bar, with the plan's swing.
    pub(crate) fn in_bar(&self, beat: f64) -> i64 {
        self.length(swung(beat, self.swing))
    }

    /// Where a hit of a loop belongs that is heard `frame` frames after a bar line: on the sixteenth, with the plan's swing,
    /// that lies within [`NEAR`] of one; else where it is.
    pub(crate) fn nearest_step(&self, frame: i64) -> i64 {
        let steps = frame as f64 / self.length(0.25).max(1) as f64;
        let near = (-1..=1).map(|by| self.in_bar(0.25 * (steps.round() + f64::from(by))));
        let step = near.min_by_key(|step| (step - frame).abs()).unwrap_or(frame);
        let off = (step - frame).abs();
        if (frames(TIGHT_S)..=self.length(0.25 * NEAR)).contains(&off) { step } else { frame }
    }

    /// Length of the track without its tail.
    pub(crate) fn end(&self) -> i64 {
        self.bar(self.starts.last().copied().map_or(0.0, f64::from))
    }

    /// Largest timing deviation of a fully free role, seconds: loose where the music swings, never over
    /// 6 ms.
    fn looseness(&self) -> f64 {
        (0.0015 + 0.045 * (self.swing - 0.5).max(0.0)).min(0.006)
    }

    /// The deviation of one note in frames: two thirds habit (the same wherever the step recurs in the
    /// section), one third of the moment. It depends on section, part and position alone, so that an
    /// edit elsewhere does not move it.
    pub(crate) fn deviation(&self, seed: Seed, part: &PartId, beat: f64, freedom: f64) -> i64 {
        if freedom <= 0.0 {
            return 0;
        }
        let draw = |seed: Seed| {
            let mut rng = seed.rng();
            // The mean of three uniform draws is close enough to a Gaussian and bounded.
            (0..3).map(|_| rng.random_range(-1.0..1.0)).sum::<f64>() / 3.0
        };
        let seed = seed.child("deviation").child(part.role.name()).child(&part.tags.join(","));
        let tick = |beat: f64| (beat * 960.0).round() as u64;
        let habit = draw(seed.child("habit").index(tick(beat.rem_euclid(BEATS))));
        let moment = draw(seed.child("moment").index(tick(beat)));
        frames((0.67 * habit + 0.33 * moment) * self.looseness() * freedom)
    }
}

/// Moves a beat of the straight grid to where swing puts it: the first sixteenth of each eighth takes the
/// share `swing`, what lies between is scaled. Triplets (thirds of an eighth or of a beat) stay.
fn swung(beat: f64, swing: f64) -> f64 {
    let eighths = beat * 2.0;
    let within = eighths - eighths.floor();
    let on = |grid: f64| (within * grid - (within * grid).round()).abs() < 1e-6;
    if on(3.0) && !on(2.0) {
        return beat;
    }
    let moved = if within < 0.5 {
        2.0 * within * swing
    } else {
        swing + 2.0 * (within - 0.5) * (1.0 - swing)
    };
    0.5 * (eighths.floor() + moved)
}

/// Joins spans that touch or overlap.
pub(crate) fn merge(mut spans: Vec<Span>) -> Vec<Span> {
    spans.retain(|span| span.to > span.from);
    spans.sort_by_key(|span| (span.from, span.to));
    let mut merged: Vec<Span> = Vec::new();
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.from <= last.to => last.to = last.to.max(span.to),
            _ => merged.push(span),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hits_near_a_step_belong_to_it_where_swing_puts_it() {
        let time = Timeline { bpm: Bpm::new(120.0).unwrap(), starts: vec![0], swing: 0.6 };
        let step = |seconds: f64| time.nearest_step(frames(seconds)) as f64 / 44_100.0;
        let check = |from: f64, to: f64| assert!((step(from) - to).abs() < 1e-4, "{from}");
        check(0.018, 0.0);
        check(0.125, 0.15);
        check(0.17, 0.15);
        check(0.2501, 0.25);
        check(2.124, 2.15);
        // A thirty-second stays.
        check(0.0625, 0.0625);
    }

    #[track_caller]
    fn check(beat: f64, swing: f64, expected: f64) {
        assert!((swung(beat, swing) - expected).abs() < 1e-12, "{}", swung(beat, swing));
    }

    #[test]
    fn odd_sixteenths_are_late_by_the_formula_and_even_ones_stay() {
        // 124 bpm, 56 %: (0.56 - 0.5) * 30000 / 124 ms = 14.5 ms = 0.03 beats.
        check(0.25, 0.56, 0.28);
        check(17.75, 0.56, 17.78);
        check(0.0, 0.56, 0.0);
        check(3.5, 0.66, 3.5);
        check(0.25, 0.5, 0.25);
    }

    #[test]
    fn triplets_are_not_swung_and_halves_of_a_step_scale() {
        check(1.0 / 3.0, 0.6, 1.0 / 3.0);
        check(1.0 / 6.0, 0.6, 1.0 / 6.0);
        check(0.125, 0.6, 0.15);
        check(0.375, 0.6, 0.4);
    }

    #[test]
    fn touching_spans_become_one() {
        let span = |from, to| Span { from, to };
        let merged = merge(vec![span(8, 16), span(0, 8), span(20, 24), span(3, 3)]);
        assert_eq!(merged, [span(0, 16), span(20, 24)]);
    }
}
