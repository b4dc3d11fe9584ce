//! How much varies: within a track, and between seeds.

use std::collections::{BTreeMap, BTreeSet};

use dream_core::Role;

use crate::track::{Bar, Track, is_drum, mean};

type Lane<'a> = (Role, &'a str);

/// What the drums play in a bar.
fn pattern<'a>(bar: &Bar<'a>) -> Vec<(Lane<'a>, u64)> {
    let mut pattern: Vec<_> = bar
        .drums()
        .map(|onset| {
            let place = ((onset.note.beat.rem_euclid(4.0)) * 96.0).round() as u64;
            ((onset.query.role, onset.query.text.as_str()), place)
        })
        .collect();
    pattern.sort_unstable();
    pattern
}

/// Distinct drum bars over bars, in windows of 32 bars of beat.
pub(crate) fn distinct(track: &Track<'_>) -> Option<f64> {
    let bars: Vec<_> = track.beat().map(pattern).collect();
    mean(
        bars.chunks_exact(32.min(bars.len().max(1))).map(|window| {
            window.iter().collect::<BTreeSet<_>>().len() as f64 / window.len() as f64
        }),
    )
}

/// The share of pairs of neighbouring 16-bar blocks of a section with a difference in some lane.
pub(crate) fn blocks(track: &Track<'_>) -> Option<f64> {
    let bars: Vec<_> = track.beat().collect();
    let mut blocks = Vec::new();
    for section in bars.chunk_by(|a, b| std::ptr::eq(a.section, b.section)) {
        let whole: Vec<Vec<_>> = section
            .chunks_exact(16)
            .map(|block| block.iter().flat_map(|bar| pattern(bar)).collect())
            .collect();
        blocks.extend(whole.windows(2).map(|pair| f64::from(u8::from(pair[0] != pair[1]))));
    }
    mean(blocks)
}

/// The share of drawn lanes that two tracks have in common: what a lane other than the kick plays in the
/// first two bars of each block of eight. Two pieces of one form, so that blocks correspond.
pub(crate) fn shared(track: &Track<'_>, other: &Track<'_>) -> Option<f64> {
    let (ours, theirs) = (blocks_of(track), blocks_of(other));
    mean(ours.iter().map(|(place, pattern)| {
        f64::from(u8::from(theirs.get(place).is_some_and(|other| other == pattern)))
    }))
}

/// Per section, block and lane the places (and of the hook the pitches) of its notes in the first two bars of the block.
fn blocks_of<'a>(track: &Track<'a>) -> BTreeMap<(usize, u32, Lane<'a>), Vec<u64>> {
    let mut blocks: BTreeMap<_, Vec<u64>> = BTreeMap::new();
    for (at, section) in track.plan.structure.iter().enumerate() {
        for query in &section.stem_queries {
            let drawn = is_drum(query.role) || matches!(query.role, Role::Bass | Role::Lead);
            if !drawn || query.role == Role::Kick {
                continue;
            }
            for note in &query.notes {
                let block = (note.beat / 32.0) as u32;
                let within = note.beat - f64::from(block) * 32.0;
                if within < 8.0 {
                    let lane = (query.role, query.text.as_str());
                    let place = (within * 96.0).round() as u64;
                    // Of a hook its melody is drawn too.
                    let pitch =
                        note.pitch.filter(|_| query.role == Role::Lead).map_or(0, u64::from);
                    blocks.entry((at, block, lane)).or_default().push(place * 128 + pitch);
                }
            }
        }
    }
    blocks
}
