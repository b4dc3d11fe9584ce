//! A plan as bars of onsets.

use dream_compose::genre::{self, SectionKind};
use dream_core::{ArrangementPlan, Note, Role, Section, StemQuery, TransitionKind};

/// A plan, cut into bars.
pub(crate) struct Track<'a> {
    pub plan: &'a ArrangementPlan,
    pub bars: Vec<Bar<'a>>,
}

/// A bar and what starts in it.
pub(crate) struct Bar<'a> {
    pub section: &'a Section,
    pub kind: SectionKind,
    /// Place in its section, 0-based.
    pub at: u32,
    /// Whether nothing but the groove plays: no fill, no roll, no silence.
    pub plain: bool,
    pub onsets: Vec<Onset<'a>>,
}

/// A note and its part.
#[derive(Clone, Copy)]
pub(crate) struct Onset<'a> {
    pub query: &'a StemQuery,
    pub note: &'a Note,
    /// Sixteenth of the bar, 0 to 15.
    pub step: usize,
}

impl<'a> Track<'a> {
    pub(crate) fn new(plan: &'a ArrangementPlan) -> Self {
        let genre = genre::named(&plan.genre).expect("a plan has a known genre");
        let mut bars = Vec::new();
        for section in &plan.structure {
            let name = section.section.split(" (").next().unwrap_or_default();
            let kind = genre.sections.iter().find(|spec| spec.name == name).map(|spec| spec.kind);
            let kind = kind.expect("a section of the genre");
            let mut own: Vec<Bar<'_>> = (0..section.bars)
                .map(|at| Bar { section, kind, at, plain: plain(section, at), onsets: Vec::new() })
                .collect();
            for query in &section.stem_queries {
                for note in &query.notes {
                    let bar = (note.beat / 4.0) as usize;
                    let step = ((note.beat.rem_euclid(4.0) * 4.0 + 1e-6) as usize).min(15);
                    if let Some(bar) = own.get_mut(bar) {
                        bar.onsets.push(Onset { query, note, step });
                    }
                }
            }
            bars.append(&mut own);
        }
        Self { plan, bars }
    }

    /// Bars of grooves and drops in which the drums play, fills among them.
    pub(crate) fn beat(&self) -> impl Iterator<Item = &Bar<'a>> {
        self.bars.iter().filter(|bar| {
            let full = matches!(bar.kind, SectionKind::Groove | SectionKind::Drop);
            full && bar.section.stem_queries.iter().any(|query| is_drum(query.role))
        })
    }

    /// The same without fills, rolls and silences.
    pub(crate) fn groove(&self) -> impl Iterator<Item = &Bar<'a>> {
        self.beat().filter(|bar| bar.plain)
    }
}

impl<'a> Bar<'a> {
    /// The onsets of the drums.
    pub(crate) fn drums(&self) -> impl Iterator<Item = &Onset<'a>> {
        self.onsets.iter().filter(|onset| is_drum(onset.query.role))
    }

    /// The steps on which one of the roles starts, rising, each once.
    pub(crate) fn steps(&self, roles: &[Role]) -> Vec<usize> {
        let own = self.onsets.iter().filter(|onset| roles.contains(&onset.query.role));
        let mut steps: Vec<usize> = own.map(|onset| onset.step).collect();
        steps.sort_unstable();
        steps.dedup();
        steps
    }

    /// Whether a part of the role is there.
    pub(crate) fn has(&self, role: Role) -> bool {
        let mut own = self.section.stem_queries.iter().filter(|query| query.role == role);
        own.any(|query| (query.enter_bar..query.leave_bar).contains(&self.at))
    }
}

pub(crate) fn is_drum(role: Role) -> bool {
    role < Role::Break
}

pub(crate) fn is_fill(kind: TransitionKind) -> bool {
    matches!(kind, TransitionKind::FillA | TransitionKind::FillB | TransitionKind::FillC)
}

fn plain(section: &Section, at: u32) -> bool {
    let (from, to) = (f64::from(at), f64::from(at) + 1.0);
    !section.transitions.iter().any(|one| {
        let kind = one.kind;
        let special =
            is_fill(kind) || matches!(kind, TransitionKind::SnareRoll | TransitionKind::Silence);
        special && one.bar < to - 1e-9 && one.bar + one.beats / 4.0 > from + 1e-9
    })
}

/// The mean; `None` of nothing.
pub(crate) fn mean(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0.0);
    for value in values {
        sum += value;
        count += 1.0;
    }
    (count > 0.0).then(|| sum / count)
}
