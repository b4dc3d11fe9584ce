//! The best part of a plan, to hear before the rest.

use dream_core::{ArrangementPlan, Automation, Section, StemQuery};

/// The plan of the first `seconds` from the drop on, in whole bars: from the section of highest energy, the
/// first of equals; and what follows it where it is shorter. The parts and their notes are the same.
pub fn excerpt(plan: &ArrangementPlan, seconds: f64) -> ArrangementPlan {
    let bar_s = plan.bpm.beat_seconds() * ArrangementPlan::BEATS_PER_BAR;
    let mut left =
        (seconds.max(0.0) / bar_s).round().clamp(1.0, f64::from(plan.total_bars.max(1))) as u32;
    let from = drop_of(plan, left);
    let mut structure = Vec::new();
    for section in &plan.structure[from..] {
        let bars = section.bars.min(left);
        if bars > 0 {
            structure.push(cut(section, bars));
        }
        left -= bars;
    }
    let total_bars = structure.iter().map(|section| section.bars).sum();
    let estimated_duration_s = f64::from(total_bars) * bar_s;
    ArrangementPlan { structure, total_bars, estimated_duration_s, ..plan.clone() }
}

/// The section of highest energy, the first of equals; an earlier one where too little follows it.
fn drop_of(plan: &ArrangementPlan, bars: u32) -> usize {
    let rest =
        |index: usize| plan.structure[index..].iter().map(|section| section.bars).sum::<u32>();
    let mut best = 0;
    for (index, section) in plan.structure.iter().enumerate() {
        if section.energy > plan.structure[best].energy && rest(index) >= bars {
            best = index;
        }
    }
    best
}

/// The first `bars` of a section.
fn cut(section: &Section, bars: u32) -> Section {
    let end = f64::from(bars);
    let queries = section.stem_queries.iter().map(|query| StemQuery {
        enter_bar: query.enter_bar.min(bars),
        leave_bar: query.leave_bar.min(bars),
        notes: query
            .notes
            .iter()
            .filter(|note| note.beat < end * ArrangementPlan::BEATS_PER_BAR)
            .map(|note| dream_core::Note {
                length: note.length.min(end * ArrangementPlan::BEATS_PER_BAR - note.beat),
                ..*note
            })
            .collect(),
        automation: query.automation.iter().filter_map(|moved| until(moved, end)).collect(),
        ..query.clone()
    });
    let transitions = section.transitions.iter().filter(|transition| transition.bar < end);
    Section {
        bars,
        stem_queries: queries.collect(),
        transitions: transitions
            .map(|transition| dream_core::Transition {
                beats: transition
                    .beats
                    .min((end - transition.bar) * ArrangementPlan::BEATS_PER_BAR),
                ..*transition
            })
            .collect(),
        ..section.clone()
    }
}

/// A move up to bar `end`, at the value that it has there.
fn until(moved: &Automation, end: f64) -> Option<Automation> {
    if moved.from_bar >= end {
        return None;
    }
    if moved.to_bar <= end {
        return Some(*moved);
    }
    let share = (end - moved.from_bar) / (moved.to_bar - moved.from_bar);
    let to = match moved.what {
        dream_core::Automate::LowpassHz | dream_core::Automate::HighpassHz => {
            moved.from * (moved.to / moved.from).powf(share)
        }
        dream_core::Automate::GainDb | dream_core::Automate::Send => {
            moved.from + (moved.to - moved.from) * share
        }
    };
    Some(Automation { to_bar: end, to, ..*moved })
}

#[cfg(test)]
mod tests {
    use super::*;
    use dream_core::Seed;

    #[test]
    fn an_excerpt_is_a_sound_plan_that_starts_with_the_drop() {
        for genre in ["house", "techno", "trance", "drum and bass", "ambient", "lofi"] {
            let plan = crate::plan(&crate::Prompt::parse(genre), Seed(4));
            for seconds in [2.0, 30.0, 120.0] {
                let short = excerpt(&plan, seconds);
                assert_eq!(short.validate(), Ok(()), "{genre} {seconds}");
                let bar_s = 4.0 * plan.bpm.beat_seconds();
                let wanted = (seconds / bar_s).round().max(1.0);
                assert!((f64::from(short.total_bars) - wanted).abs() < 0.5, "{genre} {seconds}");
                let top = plan.structure.iter().fold(0.0, |top: f64, s| top.max(s.energy));
                if seconds < 60.0 {
                    assert!(short.structure[0].energy >= top - 0.16, "{genre} {seconds}");
                }
                let parts = plan.parts();
                assert!(short.parts().iter().all(|part| parts.contains(part)));
            }
        }
    }

    #[test]
    fn more_than_there_is_gives_all_of_it() {
        let plan = crate::plan(&crate::Prompt::parse("techno 1 minute"), Seed(4));
        assert_eq!(excerpt(&plan, 1e6).structure.len(), plan.structure.len());
    }
}
