//! Whether fills lead in, thin out, and never repeat.

use std::collections::BTreeSet;

use dream_compose::genre;
use dream_core::{Role, Section, TransitionKind};

use crate::track::{Bar, Track, is_drum, is_fill, mean};

/// The share of fills that keep every rule.
pub(crate) fn sound(track: &Track<'_>) -> Option<f64> {
    let density = mean(track.groove().map(|bar| hits(bar.section, bar_span(bar)) as f64))?;
    let genre = genre::named(&track.plan.genre)?;
    let mut last = None;
    let mut good = Vec::new();
    for (at, section) in track.plan.structure.iter().enumerate() {
        for fill in section.transitions.iter().filter(|one| is_fill(one.kind)) {
            let (from, to) = (fill.bar * 4.0, fill.bar * 4.0 + fill.beats);
            let fresh = last != Some(fill.kind);
            last = Some(fill.kind);
            let thin = hits(section, (from, to)) as f64 <= 1.3 * density * fill.beats / 4.0 + 1.0;
            let letter = match fill.kind {
                TransitionKind::FillA => 'A',
                TransitionKind::FillB => 'B',
                _ => 'C',
            };
            let data = match fill.beats as u32 {
                1 => &genre.fill1,
                2 => &genre.fill2,
                _ => &genre.fill4,
            };
            let lanes = data.iter().filter(|one| one.letter == letter).flat_map(|one| &one.lanes);
            let named: BTreeSet<Role> = lanes.map(|(lane, _)| lane.role()).collect();
            let rests = onsets(section, (from, to)).all(|(role, _)| named.contains(&role));
            good.push(f64::from(u8::from(
                fresh && thin && rests && lands(&track.plan.structure, at, to),
            )));
        }
    }
    mean(good)
}

fn bar_span(bar: &Bar<'_>) -> (f64, f64) {
    (f64::from(bar.at) * 4.0, f64::from(bar.at) * 4.0 + 4.0)
}

/// Drum onsets within a span of beats.
fn onsets(section: &Section, (from, to): (f64, f64)) -> impl Iterator<Item = (Role, f64)> {
    let drums = section.stem_queries.iter().filter(|query| is_drum(query.role));
    drums.flat_map(move |query| {
        let inside = query
            .notes
            .iter()
            .filter(move |note| note.beat >= from - 1e-9 && note.beat < to - 1e-9);
        inside.map(|note| (query.role, note.beat))
    })
}

/// Hits within a span of beats; quick ones within a sixteenth count once.
fn hits(section: &Section, span: (f64, f64)) -> usize {
    let places = onsets(section, span).map(|(role, beat)| (role, (beat * 4.0 + 1e-6) as u64));
    places.collect::<BTreeSet<_>>().len()
}

/// Whether a kick follows on the bar line, where the kick goes on.
fn lands(structure: &[Section], at: usize, beat: f64) -> bool {
    let section = &structure[at];
    let inside = beat < f64::from(section.bars) * 4.0 - 1e-9;
    let (section, beat) = if inside {
        (section, beat)
    } else if let Some(next) = structure.get(at + 1) {
        (next, 0.0)
    } else {
        return true;
    };
    let bar = (beat / 4.0) as u32;
    let mut kicks = section.stem_queries.iter().filter(|query| query.role == Role::Kick);
    let plays = kicks.clone().any(|query| (query.enter_bar..query.leave_bar).contains(&bar));
    let hit = kicks.any(|query| query.notes.iter().any(|note| (note.beat - beat).abs() < 1e-6));
    !plays || hit
}
