//! The form: how many bars each section gets, and where in it the lanes enter and leave.
//!
//! The track is the multiple of 8 bars (hip hop: 4) nearest to the wanted length. What it differs from the
//! genre's own form goes to the sections of highest energy, in steps of 16, then of 8 bars; intro and
//! breakdown stay at 16 or more. Under three minutes all sections shrink in proportion, not below 4 bars.

mod shaped;

use dream_core::{ArrangementPlan, Bpm};

use crate::genre::{Genre, LaneSpec, Move, SectionKind, SectionSpec, Tease};
use crate::prompt::Shape;
use shaped::Part;

/// A section with its length.
#[derive(Debug, Clone)]
pub(super) struct Sized {
    /// The section of the genre.
    pub spec: SectionSpec,
    /// Its name, numbered where a long section was divided.
    pub name: String,
    /// Its length.
    pub bars: u32,
    /// Energy at its start and its end.
    pub energy: [f64; 2],
    /// Whether it opens its section, and whether it closes it: both unless it was divided.
    pub opens: bool,
    pub closes: bool,
}

/// A lane with its bars inside the section.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Span {
    pub lane: crate::genre::Lane,
    pub enter: u32,
    pub leave: u32,
    pub tease: Tease,
    pub moves: Vec<Move>,
}

/// Longest section; longer ones are divided.
const LONGEST: u32 = 128;
/// Fewest bars of a section.
const SHORTEST: u32 = 4;

impl Sized {
    /// Energy at a bar.
    pub(super) fn energy_at(&self, bar: u32) -> f64 {
        let [from, to] = self.energy;
        from + (to - from) * f64::from(bar) / f64::from(self.bars.max(1))
    }

    /// Where a lane plays, if any bar is left for it.
    pub(super) fn span(&self, lane: &LaneSpec) -> Option<Span> {
        let enter = if self.opens { self.place(lane.from) } else { 0 };
        let leave = match lane.to {
            None => self.bars,
            Some(_) if !self.opens => return None,
            Some(to) => self.place(to).max(enter + 1).min(self.bars),
        };
        let (tease, moves) = (lane.tease, lane.moves.clone());
        let moves = if self.opens { moves } else { Vec::new() };
        (enter < leave).then_some(Span { lane: lane.lane, enter, leave, tease, moves })
    }

    /// A 1-based bar of the genre's section (negative: from the end) as a bar of this one, 0-based.
    fn place(&self, bar: i32) -> u32 {
        if bar < 0 {
            return self.bars.saturating_sub(bar.unsigned_abs());
        }
        let nominal = bar.unsigned_abs().saturating_sub(1);
        if self.bars == self.spec.bars {
            return nominal;
        }
        let grid = match self.bars {
            0..8 => 1.0,
            8..16 => 2.0,
            16..32 => 4.0,
            32.. => 8.0,
        };
        let scaled = f64::from(nominal * self.bars) / f64::from(self.spec.bars);
        ((scaled / grid).round() * grid) as u32
    }
}

/// The sections of a track of that tempo and length; without a length, the form's own, moved into 5 to 8
/// minutes.
pub(super) fn sections(genre: &Genre, bpm: Bpm, minutes: Option<f64>, shape: &Shape) -> Vec<Sized> {
    let mut parts = shaped::parts(genre, shape);
    let own: u32 = parts.iter().map(|part| part.bars).sum();
    let total = total_bars(own, genre.unit_bars, bpm, minutes);
    let short = minutes.is_some_and(|minutes| minutes < 3.0);
    let all = parts.len();
    while parts.len() as u32 * SHORTEST > total && parts.len() > 1 {
        let least = least(&parts);
        parts.remove(least);
    }
    let mut bars: Vec<u32> = parts.iter().map(|part| part.bars).collect();
    let reachable = !short && parts.len() == all && spread(&parts, &mut bars, total);
    if !reachable {
        shrink(&parts, &mut bars, total);
    }
    if let Some(moment) = shape.drop_at {
        let per_second = bpm.get() / 60.0 / ArrangementPlan::BEATS_PER_BAR;
        let fixed = minutes.is_some().then_some(total);
        drop_at(&mut parts, &mut bars, shaped::drop_bar(moment, per_second), fixed);
    }
    parts.iter().zip(bars).flat_map(|(part, bars)| divide(&part.spec, bars)).collect()
}

/// Moves the first drop to a bar; a total that was asked for stays.
fn drop_at(parts: &mut Vec<Part>, bars: &mut Vec<u32>, target: u32, total: Option<u32>) {
    let mut drop = shaped::first_drop(parts);
    while drop as u32 * SHORTEST > target && drop > 1 {
        parts.remove(drop - 2);
        bars.remove(drop - 2);
        drop -= 1;
    }
    if drop == 0 {
        return;
    }
    shrink(&parts[..drop], &mut bars[..drop], target);
    let rest = (parts.len() - drop) as u32 * SHORTEST;
    if let Some(left) = total.map(|total| total.saturating_sub(target).max(rest)) {
        shrink(&parts[drop..], &mut bars[drop..], left);
    }
    // A late drop must not push the track past the longest.
    let sum: u32 = bars.iter().sum();
    if sum > ArrangementPlan::MAX_BARS {
        shrink(&parts[drop..], &mut bars[drop..], ArrangementPlan::MAX_BARS - target);
    }
}

/// Bars of the whole track.
fn total_bars(own: u32, unit: u32, bpm: Bpm, minutes: Option<f64>) -> u32 {
    let per_minute = bpm.get() / ArrangementPlan::BEATS_PER_BAR;
    let unit = f64::from(unit);
    let own = f64::from(own);
    // The tail after the last bar belongs to the eight minutes.
    let (low, high) = (5.0 * per_minute, 7.9 * per_minute);
    let bars = if let Some(minutes) = minutes {
        let wanted = minutes.clamp(0.5, 30.0) * per_minute;
        let unit = if wanted < 32.0 { 4.0 } else { unit };
        (wanted / unit).round() * unit
    } else if own < low {
        (low / unit).ceil() * unit
    } else if own > high {
        (high / unit).floor() * unit
    } else {
        own
    };
    bars.clamp(f64::from(SHORTEST), f64::from(ArrangementPlan::MAX_BARS)) as u32
}

/// The section that a very short track misses least: neither the first, nor the last, nor the loudest.
fn least(sections: &[Part]) -> usize {
    let energy = |at: usize| sections[at].spec.energy[0] + sections[at].spec.energy[1];
    let loudest = (0..sections.len()).max_by(|a, b| energy(*a).total_cmp(&energy(*b)));
    let middle = (1..sections.len().saturating_sub(1)).filter(|at| Some(*at) != loudest);
    let found = middle.min_by(|a, b| energy(*a).total_cmp(&energy(*b)));
    found.unwrap_or(if loudest == Some(0) { sections.len() - 1 } else { 0 })
}

/// Moves `bars` to `total` in steps of 16, then 8, then 4, and answers whether that was possible. What is
/// added goes to the most energetic sections, what is taken away comes from the longest.
fn spread(sections: &[Part], bars: &mut [u32], total: u32) -> bool {
    let energy = |at: usize| sections[at].spec.energy[0] + sections[at].spec.energy[1];
    let mut order: Vec<usize> = (0..sections.len()).collect();
    order.sort_by(|a, b| energy(*b).total_cmp(&energy(*a)).then(a.cmp(b)));
    order.retain(|at| sections[*at].spec.kind != SectionKind::Build);
    let loud: Vec<usize> = order.iter().copied().filter(|at| energy(*at) >= 0.9).collect();
    let growing = if loud.is_empty() { order.clone() } else { loud };
    for step in [16, 8, 4] {
        for at in growing.iter().cycle() {
            if bars.iter().sum::<u32>() + step > total {
                break;
            }
            bars[*at] += step;
        }
        while bars.iter().sum::<u32>() >= total + step {
            // Two steps stay, so that 64 bars give 16 and 32 bars give 8.
            let able =
                order.iter().copied().filter(|at| bars[*at] >= 3 * step && bars[*at] >= 16 + step);
            let longest = able.max_by_key(|at| (bars[*at], std::cmp::Reverse(*at)));
            let Some(at) = longest else { break };
            bars[at] -= step;
        }
    }
    bars.iter().sum::<u32>() == total
}

/// Shrinks (or stretches) all sections in proportion, in steps of 4 bars.
fn shrink(sections: &[Part], bars: &mut [u32], total: u32) {
    let own: u32 = sections.iter().map(|section| section.bars).sum();
    for (bars, section) in bars.iter_mut().zip(sections) {
        let share = f64::from(section.bars) * f64::from(total) / f64::from(own);
        *bars = ((share / 4.0).round() as u32 * 4).max(SHORTEST);
    }
    loop {
        let sum: u32 = bars.iter().sum();
        if sum == total {
            return;
        }
        let excess = |at: &usize| {
            f64::from(bars[*at]) / f64::from(sections[*at].bars)
                * if sum > total { 1.0 } else { -1.0 }
        };
        let able = |at: &usize| sum < total || bars[*at] > SHORTEST;
        let most = (0..bars.len()).filter(able).max_by(|a, b| excess(a).total_cmp(&excess(b)));
        match most {
            Some(at) if sum > total => {
                bars[at] -= (sum - total).min(4).min(bars[at] - SHORTEST).max(1);
            }
            Some(at) => bars[at] += (total - sum).min(4),
            None => return,
        }
    }
}

/// Divides a section that is too long.
fn divide(spec: &SectionSpec, bars: u32) -> Vec<Sized> {
    let count = bars.div_ceil(LONGEST).max(1);
    let each = (bars / count).div_ceil(8) * 8;
    (0..count)
        .map(|at| {
            let start = (each * at).min(bars);
            let length = if at + 1 == count { bars - start } else { each };
            let energy = |bar: u32| {
                let [from, to] = spec.energy;
                from + (to - from) * f64::from(bar) / f64::from(bars.max(1))
            };
            let name = match at {
                0 => spec.name.clone(),
                _ => format!("{} ({})", spec.name, at + 1),
            };
            Sized {
                spec: spec.clone(),
                name,
                bars: length,
                energy: [energy(start), energy(start + length)],
                opens: at == 0,
                closes: at + 1 == count,
            }
        })
        .filter(|section| section.bars > 0)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::genre;

    #[track_caller]
    fn check(name: &str, bpm: f64, minutes: Option<f64>, expected: &[u32]) {
        let genre = genre::named(name).unwrap();
        let sections = sections(genre, Bpm::new(bpm).unwrap(), minutes, &Shape::default());
        let bars: Vec<u32> = sections.iter().map(|section| section.bars).collect();
        assert_eq!(bars, expected, "{name}");
    }

    #[test]
    fn without_a_length_the_form_is_the_genres_own() {
        check("techno", 132.0, None, &[32; 7]);
        check("industrial techno", 138.0, None, &[32, 48, 24, 8, 64, 16, 32]);
    }

    #[test]
    fn a_slow_form_leaves_its_tail_room_in_the_eight_minutes() {
        let sections = sections(
            genre::named("ambient").unwrap(),
            Bpm::new(60.0).unwrap(),
            None,
            &Shape::default(),
        );
        // At 60 bpm 120 bars are eight minutes without the tail.
        assert_eq!(sections.iter().map(|section| section.bars).sum::<u32>(), 112);
    }

    #[test]
    fn the_loudest_sections_take_the_difference() {
        check("techno", 132.0, Some(8.0), &[32, 32, 32, 48, 56, 32, 32]);
        check("techno", 132.0, Some(5.0), &[24; 7]);
    }

    #[test]
    fn a_short_track_shrinks_in_proportion() {
        check("techno", 132.0, Some(2.0), &[8, 8, 8, 8, 8, 12, 12]);
    }

    #[test]
    fn every_length_is_met_within_four_bars() {
        for genre in genre::all() {
            for minutes in [0.5, 0.7, 1.0, 2.9, 3.0, 3.3, 4.0, 5.0, 7.0, 10.0, 30.0] {
                for bpm in [20.0, 60.0, 90.0, 138.0, 175.0, 400.0] {
                    let bpm = Bpm::new(bpm).unwrap();
                    let sections = sections(genre, bpm, Some(minutes), &Shape::default());
                    let bars: u32 = sections.iter().map(|section| section.bars).sum();
                    let wanted = (minutes * bpm.get() / 4.0).clamp(4.0, 2_000.0);
                    let (bars_f, name) = (f64::from(bars), &genre.name);
                    assert!(
                        (bars_f - wanted).abs() <= 4.0,
                        "{name} {minutes} {bpm:?}: {bars} bars"
                    );
                    assert!(sections.iter().all(|section| (1..=LONGEST).contains(&section.bars)));
                    assert!(sections.len() <= ArrangementPlan::MAX_SECTIONS);
                }
            }
        }
    }
}
