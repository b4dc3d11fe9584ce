//! One section played anew.
//!
//! Tempo, form, parts, entries and the places of the transitions stay; the seed of the section and the notes
//! of its parts are drawn again. Chords and hook belong to the whole track: they are recomposed from the
//! plan's prompt and seed, and where the section's own chords are others (an edited key, another prompt),
//! the pitched parts keep their notes and only the drums play anew.

use std::collections::BTreeMap;

use dream_core::{ArrangementPlan, Note, Section, Seed, StemQuery};

use super::drums::Drums;
use super::edges::{Edges, Fills};
use super::form::{Sized, Span};
use super::hook::Theme;
use super::setting::Setting;
use super::{Tonal, parts, perform};
use crate::genre::{FxKind, Genre, Genres, Lane, SectionSpec, Tease};
use crate::{Error, Prompt};

/// How far outside their energies drum patterns are drawn, so that sparse sections vary too.
const SLACK: f64 = 0.3;

/// The plan with the section at `section` (0-based) played anew by `seed`; all other sections are as they
/// were. The genre is a built-in one.
///
/// # Errors
/// `Plan` for a plan out of its limits, `NoSection` for an index past the last, `Genre` for a genre that is
/// not known.
pub fn reroll(
    plan: &ArrangementPlan,
    section: usize,
    seed: Seed,
) -> Result<ArrangementPlan, Error> {
    reroll_among(plan, section, seed, Genres::builtin())
}

/// The same for a plan in one of these genres.
///
/// # Errors
/// Those of [`reroll`].
pub fn reroll_among(
    plan: &ArrangementPlan,
    section: usize,
    seed: Seed,
    genres: &Genres,
) -> Result<ArrangementPlan, Error> {
    plan.validate()?;
    let count = plan.structure.len();
    let old = plan.structure.get(section).ok_or(Error::NoSection { got: section + 1, count })?;
    let genre = genres.named(&plan.genre).ok_or_else(|| Error::Genre(plan.genre.clone()))?;
    let mut prompt = Prompt::parse_among(&plan.prompt, genres);
    prompt.genre = std::sync::Arc::clone(genre);
    prompt.bpm = Some(plan.bpm);
    prompt.moods.clone_from(&plan.moods);
    prompt.atonal = plan.key.is_none();
    if Setting::new(&prompt, Seed(plan.seed)).key != plan.key {
        prompt.key = plan.key;
    }
    let setting = Setting::new(&prompt, Seed(plan.seed));
    let theme = Theme::compose(&setting);
    let mut new = plan.clone();
    new.structure[section] = play(&setting, &theme, old, seed.child("reroll"));
    Ok(new)
}

fn play(setting: &Setting<'_>, theme: &Theme, old: &Section, seed: Seed) -> Section {
    let spec = spec(setting.genre, old);
    let usual = setting.energy(&whole(spec, old, spec.energy));
    let energy = if (usual - old.energy).abs() < 1e-3 {
        spec.energy
    } else {
        [setting.unshifted(old.energy); 2]
    };
    let part = whole(spec, old, energy);
    let lanes: Vec<Option<Lane>> =
        old.stem_queries.iter().map(|query| lane(setting, &part, query)).collect();
    let planned = parts::spans(setting, &part);
    let spans: Vec<Span> = lanes
        .iter()
        .zip(&old.stem_queries)
        .filter_map(|(lane, query)| Some(span((*lane)?, query, &planned)))
        .filter(|span| span.enter < span.leave)
        .collect();
    let soft = spec.fx.iter().any(|effect| effect.kind == FxKind::RollSoft);
    let edges = Edges::of(old, soft);
    let fills = Fills::of(setting.genre, old);
    let tonal = Tonal { setting, theme, part: &part, spans: &spans, seed, anew: true };
    let notes =
        perform(&tonal, Drums { seed, other: None, slack: SLACK }, &edges, &fills, &mut None);
    let fits = agrees(setting, theme, old);
    let mut new = old.clone();
    new.seed = seed.child("performance").0;
    for (query, lane) in new.stem_queries.iter_mut().zip(lanes) {
        let Some(lane) = lane.filter(|lane| fits || lane.is_drum() || *lane == Lane::Break) else {
            continue;
        };
        let (from, to) = (f64::from(query.enter_bar) * 4.0, f64::from(query.leave_bar) * 4.0);
        let line: &[Note] = notes.get(&lane).map_or(&[], Vec::as_slice);
        let own: Vec<Note> =
            line.iter().filter(|note| (from..to).contains(&note.beat)).copied().collect();
        // A part without notes would run as a loop; one that had none goes on so.
        if !own.is_empty() && !query.notes.is_empty() {
            query.notes = own;
        }
    }
    new
}

/// The genre's section of that name, else the one nearest in energy.
fn spec<'a>(genre: &'a Genre, section: &Section) -> &'a SectionSpec {
    let name = section.section.split(" (").next().unwrap_or_default();
    let apart =
        |spec: &SectionSpec| (f64::midpoint(spec.energy[0], spec.energy[1]) - section.energy).abs();
    let nearest = || genre.sections.iter().min_by(|a, b| apart(a).total_cmp(&apart(b)));
    let named = genre.sections.iter().find(|spec| spec.name == name);
    named.or_else(nearest).unwrap_or(&genre.sections[0])
}

fn whole<'a>(spec: &'a SectionSpec, section: &Section, energy: [f64; 2]) -> Sized<'a> {
    let opens = !section.section.ends_with(')');
    let name = section.section.clone();
    Sized { spec, name, bars: section.bars, energy, opens, closes: true }
}

/// The lane a query was written for: by its sound, else the first of its role.
fn lane(setting: &Setting<'_>, part: &Sized<'_>, query: &StemQuery) -> Option<Lane> {
    let own = || Lane::ALL.iter().copied().filter(|lane| lane.role() == query.role);
    let sounds = |lane: &Lane| parts::part(setting, part, *lane) == query.part();
    own().find(sounds).or_else(|| own().next())
}

/// Where the lane plays, with as much of the hook as was planned there.
fn span(lane: Lane, query: &StemQuery, planned: &[Span]) -> Span {
    let (enter, leave) = (query.enter_bar, query.leave_bar);
    let mut same = planned.iter().filter(|span| span.lane == lane);
    let tease = same.find(|span| span.enter == enter).map_or(Tease::Full, |span| span.tease);
    Span { lane, enter, leave, tease, moves: Vec::new() }
}

/// Whether the section's chords are those of the theme: the root of each, which is its first note.
fn agrees(setting: &Setting<'_>, theme: &Theme, section: &Section) -> bool {
    let mut roots: BTreeMap<u32, i32> = BTreeMap::new();
    for query in &section.stem_queries {
        let chordal = Lane::ALL.iter().any(|lane| {
            let chords = matches!(lane, Lane::Pad | Lane::Chords | Lane::Stab);
            chords && lane.role() == query.role
        });
        if chordal {
            for group in query.notes.chunk_by(|a, b| (a.beat - b.beat).abs() < 1e-6) {
                if let Some(pitch) = group[0].pitch {
                    roots.insert((group[0].beat / 4.0) as u32, i32::from(pitch));
                }
            }
        }
    }
    roots.into_iter().all(|(bar, pitch)| {
        let root = setting.ladder.tonic.index() + theme.progression.at(bar).root;
        (pitch - root).rem_euclid(12) == 0
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::genre;
    use crate::plan::plan;

    fn notes(section: &Section) -> usize {
        section.stem_queries.iter().map(|query| query.notes.len()).sum()
    }

    /// The same but for its seed and its notes.
    fn skeleton(section: &Section) -> Section {
        let mut bare = section.clone();
        bare.seed = 0;
        for query in &mut bare.stem_queries {
            query.notes.clear();
        }
        bare
    }

    #[test]
    fn one_section_changes_and_every_other_stays() {
        for genre in genre::all() {
            let plan = plan(&Prompt::parse(&genre.words[0]), Seed(3));
            for at in 0..plan.structure.len() {
                let place = format!("{} {}", genre.name, plan.structure[at].section);
                let one = reroll(&plan, at, Seed(1)).unwrap();
                assert_eq!(one.validate(), Ok(()), "{place}");
                assert_eq!(one, reroll(&plan, at, Seed(1)).unwrap(), "{place}: the same seed");
                let (old, new) = (&plan.structure[at], &one.structure[at]);
                assert_ne!(old.seed, new.seed);
                assert_eq!(skeleton(old), skeleton(new), "{place}");
                for (old, new) in old.stem_queries.iter().zip(&new.stem_queries) {
                    assert_eq!(old.notes.is_empty(), new.notes.is_empty(), "{place} {}", old.role);
                }
                let mut back = one.clone();
                back.structure[at] = old.clone();
                assert_eq!(back, plan, "{place}: the others");
                if notes(old) > 100 {
                    let seeds = (1..9).map(|seed| reroll(&plan, at, Seed(seed)).unwrap());
                    let fresh = seeds.filter(|plan| {
                        let pairs = plan.structure[at].stem_queries.iter().zip(&old.stem_queries);
                        pairs.into_iter().any(|(new, old)| new.notes != old.notes)
                    });
                    assert!(fresh.count() >= 4, "{place}: no other notes");
                }
            }
        }
    }

    #[test]
    fn edited_plans_are_played_anew() {
        let mut plan = plan(&Prompt::parse("dark techno"), Seed(3));
        plan.structure[3].section = "My drop".to_owned();
        plan.structure[3].energy = 0.7;
        plan.structure[3].bars = 24;
        plan.structure[3].transitions.retain(|one| one.bar < 23.0);
        for query in &mut plan.structure[3].stem_queries {
            query.enter_bar = query.enter_bar.min(23);
            query.leave_bar = query.leave_bar.min(24);
            query.notes.retain(|note| note.beat < 96.0);
            query.automation.clear();
        }
        plan.structure.remove(5);
        plan.total_bars = plan.structure.iter().map(|section| section.bars).sum();
        plan.key = Some("C minor".parse().unwrap());
        for at in 0..plan.structure.len() {
            let new = reroll(&plan, at, Seed(9)).unwrap();
            assert_eq!(new.validate(), Ok(()));
            assert_eq!(skeleton(&plan.structure[at]), skeleton(&new.structure[at]));
        }
    }

    #[test]
    fn chords_stay_with_the_track() {
        let plan = plan(&Prompt::parse("trance"), Seed(3));
        let setting_prompt = Prompt::parse("trance");
        let setting = Setting::new(&setting_prompt, Seed(3));
        let theme = Theme::compose(&setting);
        for at in 0..plan.structure.len() {
            let new = reroll(&plan, at, Seed(5)).unwrap();
            assert!(agrees(&setting, &theme, &plan.structure[at]));
            assert!(agrees(&setting, &theme, &new.structure[at]));
        }
    }

    #[test]
    fn what_cannot_be_played_anew_says_why() {
        let mut plan = plan(&Prompt::parse("techno"), Seed(3));
        let error = reroll(&plan, 7, Seed(1)).unwrap_err();
        assert_eq!(error.to_string(), "reroll: the plan has 7 sections, got 8");
        plan.genre = "polka".to_owned();
        assert_eq!(reroll(&plan, 0, Seed(1)), Err(Error::Genre("polka".to_owned())));
    }
}
