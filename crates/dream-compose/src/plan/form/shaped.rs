//! The genre's form as a prompt bends it: lengths of kinds of sections, how many drops, when the first.

use crate::genre::{Fx, FxKind, Genre, SectionKind, SectionSpec};
use crate::prompt::{Extent, Moment, Shape};

/// A section of the form and the bars it should get before the track is fitted to its length.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub spec: SectionSpec,
    pub bars: u32,
}

/// Most sections of a form, so that asking for drops cannot grow it without bound.
const MOST: usize = 24;

/// The sections of a genre, shaped.
pub(super) fn parts(genre: &Genre, shape: &Shape) -> Vec<Part> {
    let whole = |spec: &SectionSpec| Part { spec: spec.clone(), bars: spec.bars };
    let mut parts: Vec<Part> = genre.sections.iter().map(whole).collect();
    match shape.drops {
        Some(0) => flatten(&mut parts),
        Some(count) => count_drops(&mut parts, count as usize),
        None => {}
    }
    if let Some(extent) = shape.builds {
        build(&mut parts, extent);
    }
    for (kind, extent) in [
        (SectionKind::Intro, shape.intro),
        (SectionKind::Outro, shape.outro),
        (SectionKind::Break, shape.breaks),
        (SectionKind::Build, shape.builds),
    ] {
        if let Some(extent) = extent {
            resize(&mut parts, kind, extent, genre.unit_bars);
        }
    }
    parts
}

/// The bar at which the first drop should start, in steps of 4; at least 4.
pub(super) fn drop_bar(moment: Moment, bars_per_second: f64) -> u32 {
    let bars = match moment {
        Moment::Seconds(seconds) => seconds * bars_per_second,
        Moment::Bars(bars) => f64::from(bars),
    };
    (((bars / 4.0).round() as u32) * 4).clamp(4, 1_000)
}

/// Where the first drop starts, or what comes nearest to one: the loudest section.
pub(super) fn first_drop(parts: &[Part]) -> usize {
    let energy = |at: usize| parts[at].spec.energy[0] + parts[at].spec.energy[1];
    let drop = parts.iter().position(|part| part.spec.kind == SectionKind::Drop);
    drop.or_else(|| (0..parts.len()).rev().max_by(|a, b| energy(*a).total_cmp(&energy(*b))))
        .unwrap_or(0)
}

fn resize(parts: &mut Vec<Part>, kind: SectionKind, extent: Extent, unit: u32) {
    if extent == Extent::None {
        if parts.iter().any(|part| part.spec.kind != kind) {
            parts.retain(|part| part.spec.kind != kind);
        }
        return;
    }
    for part in parts.iter_mut().filter(|part| part.spec.kind == kind) {
        part.bars = match extent {
            Extent::None => part.bars,
            Extent::Short => (part.bars / 2 / unit * unit).max(unit),
            Extent::Long => (part.bars * 3 / 2).div_ceil(unit) * unit,
            Extent::Bars(bars) => bars,
        };
    }
}

/// Rolls and risers as long as the builds should be; none of them without builds.
fn build(parts: &mut [Part], extent: Extent) {
    for part in parts {
        let rises = |kind: FxKind| {
            matches!(kind, FxKind::Riser | FxKind::Roll | FxKind::RollSoft | FxKind::Reverse)
        };
        if extent == Extent::None {
            part.spec.fx.retain(|effect| !rises(effect.kind));
        }
        let most = part.spec.bars;
        for effect in part.spec.fx.iter_mut().filter(|effect| rises(effect.kind)) {
            if effect.kind != FxKind::Reverse {
                effect.bars = match extent {
                    Extent::None => effect.bars,
                    Extent::Short => (effect.bars / 2).max(2),
                    Extent::Long => effect.bars * 2,
                    Extent::Bars(bars) => bars,
                }
                .min(most);
            }
        }
    }
}

/// No drop: the drops become grooves, and nothing leads up to them but a filter.
fn flatten(parts: &mut [Part]) {
    for part in parts {
        let spec = &mut part.spec;
        match spec.kind {
            SectionKind::Drop => {
                spec.kind = SectionKind::Groove;
                spec.energy = spec.energy.map(|energy| energy.min(0.78));
            }
            SectionKind::Build => spec.kind = SectionKind::Break,
            _ => {}
        }
        let had = spec.fx.len();
        spec.fx.retain(|effect| {
            matches!(effect.kind, FxKind::Crash | FxKind::Filter | FxKind::Downlifter)
        });
        if spec.fx.len() < had && spec.kind == SectionKind::Break {
            spec.fx.push(Fx { kind: FxKind::Filter, bars: 8.min(spec.bars) });
        }
    }
}

/// The runs of drops, as ranges of sections: a switch within a drop is no second one.
fn runs(parts: &[Part]) -> Vec<std::ops::Range<usize>> {
    let mut runs: Vec<std::ops::Range<usize>> = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        if part.spec.kind != SectionKind::Drop {
            continue;
        }
        match runs.last_mut() {
            Some(run) if run.end == at => run.end += 1,
            _ => runs.push(at..at + 1),
        }
    }
    runs
}

fn count_drops(parts: &mut Vec<Part>, count: usize) {
    if runs(parts).is_empty() {
        promote(parts, count);
    }
    while runs(parts).len() > count {
        let Some(run) = runs(parts).pop() else { break };
        let leads = |part: &Part| matches!(part.spec.kind, SectionKind::Break | SectionKind::Build);
        let before = parts[..run.start].iter().rev().take_while(|part| leads(part)).count();
        parts.drain(run.start - before..run.end);
    }
    while runs(parts).len() < count && parts.len() + 4 <= MOST {
        let all = runs(parts);
        let Some(last) = all.last().cloned() else { break };
        let quiet = quietest(parts);
        // A drop of two sections becomes two drops, else the last one comes again.
        let double = all.iter().rev().find(|run| run.len() >= 2).cloned();
        let at = double.as_ref().map_or(last.end, |run| run.start + run.len().div_ceil(2));
        let mut between = parts[quiet].clone();
        between.spec.name = again(parts, &between.spec.name);
        let mut new = vec![between];
        if double.is_none() {
            let mut drop = parts[last.start].clone();
            drop.spec.name = again(parts, &drop.spec.name);
            new.push(drop);
        }
        parts.splice(at..at, new);
    }
}

/// The loudest grooves become drops.
fn promote(parts: &mut [Part], count: usize) {
    let energy = |part: &Part| part.spec.energy[0] + part.spec.energy[1];
    let mut grooves: Vec<usize> =
        (0..parts.len()).filter(|at| parts[*at].spec.kind == SectionKind::Groove).collect();
    grooves.sort_by(|a, b| energy(&parts[*b]).total_cmp(&energy(&parts[*a])).then(a.cmp(b)));
    for at in grooves.into_iter().take(count) {
        let spec = &mut parts[at].spec;
        spec.kind = SectionKind::Drop;
        spec.energy = spec.energy.map(|energy| energy.max(0.9));
        for kind in [FxKind::Impact, FxKind::Crash] {
            if !spec.fx.iter().any(|effect| effect.kind == kind) {
                spec.fx.push(Fx { kind, bars: 0 });
            }
        }
        if let Some(before) = at.checked_sub(1).map(|before| &mut parts[before].spec)
            && !before.fx.iter().any(|effect| effect.kind == FxKind::Riser)
        {
            before.fx.push(Fx { kind: FxKind::Riser, bars: 8.min(before.bars) });
        }
    }
}

/// The section that can stand between two drops: a break, else the quietest inner one.
fn quietest(parts: &[Part]) -> usize {
    let energy = |at: usize| parts[at].spec.energy[0] + parts[at].spec.energy[1];
    let inner = || 1..parts.len().saturating_sub(1).max(1);
    let breaks = inner().rfind(|at| parts[*at].spec.kind == SectionKind::Break);
    let quiet =
        inner().filter(|at| *at < parts.len()).min_by(|a, b| energy(*a).total_cmp(&energy(*b)));
    breaks.or(quiet).unwrap_or(0)
}

/// The next free name: `Drop 1 (2)`.
fn again(parts: &[Part], name: &str) -> String {
    let plain = name.split(" (").next().unwrap_or(name);
    let taken = |name: &str| parts.iter().any(|part| part.spec.name == name);
    let mut names = (2..).map(|count| format!("{plain} ({count})"));
    names.find(|name| !taken(name)).unwrap_or_else(|| name.to_owned())
}
