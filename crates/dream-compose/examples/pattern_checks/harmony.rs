//! Whether the notes speak for chords and key.

use std::collections::BTreeMap;

use dream_core::{Key, Mode, Role, StemQuery};

use crate::track::{Track, mean};

const CHORDAL: [Role; 3] = [Role::Pad, Role::Chords, Role::Stab];

/// The chord of each bar of a section, as pitch classes: what chords and pads start with in any section,
/// for all sections begin their progression anew. The first note of a group is its root; of the others
/// count third, fifth and seventh, and what a chord without a third has in its place.
fn chords(track: &Track<'_>) -> BTreeMap<u32, Vec<u8>> {
    let mut chords = BTreeMap::new();
    for query in track.plan.structure.iter().flat_map(|section| &section.stem_queries) {
        if !CHORDAL.contains(&query.role) {
            continue;
        }
        for group in query.notes.chunk_by(|a, b| (a.beat - b.beat).abs() < 1e-6) {
            let pitches: Vec<u8> = group.iter().filter_map(|note| note.pitch).collect();
            let Some(root) = pitches.first() else { continue };
            let above = |pitch: &u8| (pitch + 120 - root) % 12;
            let third = pitches.iter().any(|pitch| matches!(above(pitch), 3 | 4));
            let counts = |pitch: &&u8| match above(pitch) {
                0 | 3 | 4 | 6 | 7 | 10 | 11 => true,
                2 | 5 => !third,
                _ => false,
            };
            let mut classes: Vec<u8> =
                pitches.iter().filter(counts).map(|pitch| pitch % 12).collect();
            // A shell leaves the fifth to the bass.
            if !pitches.iter().any(|pitch| above(pitch) == 6) {
                classes.push((root + 7) % 12);
            }
            let first = (group[0].beat / 4.0) as u32;
            let last = ((group[0].beat + group[0].length - 1e-6) / 4.0) as u32;
            for bar in first..=last {
                chords.entry(bar).or_insert_with(|| classes.clone());
            }
        }
    }
    chords
}

/// The share of the hook's notes on quarters that belong to the chord.
pub(crate) fn chord_tones(track: &Track<'_>) -> Option<f64> {
    let chords = chords(track);
    let stated = super::density::hook_bars(track);
    mean(stated.iter().flat_map(|bar| {
        let own = bar.onsets.iter().filter(|onset| onset.query.role == Role::Lead);
        let strong = own.filter(|onset| (onset.note.beat - onset.note.beat.round()).abs() < 1e-6);
        let judged = strong.filter_map(|onset| {
            let (chord, pitch) = (chords.get(&bar.at)?, onset.note.pitch?);
            Some(f64::from(u8::from(chord.contains(&(pitch % 12)))))
        });
        judged.collect::<Vec<_>>()
    }))
}

/// The share of notes in the scale that fits best among those with the key's tonic and mode. Stabs are
/// parallel and may leave it; the pitches of a break name its slices.
pub(crate) fn in_scale(track: &Track<'_>) -> Option<f64> {
    const MINOR: [[u8; 7]; 3] =
        [[0, 2, 3, 5, 7, 8, 10], [0, 1, 3, 5, 7, 8, 10], [0, 2, 3, 5, 7, 9, 10]];
    const MAJOR: [[u8; 7]; 3] =
        [[0, 2, 4, 5, 7, 9, 11], [0, 2, 4, 5, 7, 9, 10], [0, 2, 4, 6, 7, 9, 11]];
    let key = track.plan.key?;
    let tonic = key.tonic.index() as u8;
    let scales = if key.mode == Mode::Major { MAJOR } else { MINOR };
    let pitches: Vec<u8> = pitched(track, |role| !matches!(role, Role::Stab | Role::Break))
        .map(|(pitch, _)| pitch)
        .collect();
    let share = |scale: [u8; 7]| {
        let inside =
            |pitch: &u8| f64::from(u8::from(scale.contains(&((pitch + 120 - tonic) % 12))));
        mean(pitches.iter().map(inside))
    };
    scales.into_iter().filter_map(share).reduce(f64::max)
}

/// Pitch and length of the notes of the roles.
fn pitched(track: &Track<'_>, fits: impl Fn(Role) -> bool) -> impl Iterator<Item = (u8, f64)> {
    let queries = track.plan.structure.iter().flat_map(|section| &section.stem_queries);
    let own = queries.filter(move |query| fits(query.role));
    own.flat_map(|query: &StemQuery| {
        query.notes.iter().filter_map(|note| Some((note.pitch?, note.length)))
    })
}

/// Pitch classes by how long they sound, of bass, chords and hook.
fn histogram(track: &Track<'_>) -> [f64; 12] {
    let mut weights = [0.0; 12];
    let tonal = |role: Role| {
        matches!(role, Role::Bass | Role::Sub | Role::Lead | Role::Arp) || CHORDAL.contains(&role)
    };
    for (pitch, length) in pitched(track, tonal) {
        weights[usize::from(pitch) % 12] += length;
    }
    weights
}

/// Correlations with the profiles of all keys, the planned one first. C. Krumhansl and E. Kessler,
/// "Tracing the Dynamic Changes in Perceived Tonal Organization", Psychological Review 89, 1982.
fn fits(weights: [f64; 12], key: Key) -> Vec<f64> {
    const MAJOR: [f64; 12] =
        [6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88];
    const MINOR: [f64; 12] =
        [6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17];
    let average = |values: &[f64; 12]| values.iter().sum::<f64>() / 12.0;
    let correlation = |tonic: usize, profile: &[f64; 12]| {
        let (mx, my) = (average(&weights), average(profile));
        let (mut xy, mut xx, mut yy) = (0.0, 0.0, 0.0);
        for class in 0..12 {
            let (x, y) = (weights[(class + tonic) % 12] - mx, profile[class] - my);
            (xy, xx, yy) = (xy + x * y, xx + x * x, yy + y * y);
        }
        xy / (xx * yy).sqrt().max(1e-12)
    };
    let own = if key.mode == Mode::Major { (&MAJOR, &MINOR) } else { (&MINOR, &MAJOR) };
    let tonics = || (0..12).map(|steps| (key.tonic.index() as usize + steps) % 12);
    let same = tonics().map(|tonic| correlation(tonic, own.0));
    same.chain(tonics().map(|tonic| correlation(tonic, own.1))).collect()
}

/// The correlation of the notes with the planned key.
pub(crate) fn key_fit(track: &Track<'_>) -> Option<f64> {
    fits(histogram(track), track.plan.key?).first().copied()
}

/// The rank of the planned key among all 24.
pub(crate) fn key_rank(track: &Track<'_>) -> Option<f64> {
    let fits = fits(histogram(track), track.plan.key?);
    Some(fits.iter().filter(|fit| **fit > fits[0]).count() as f64 + 1.0)
}

/// The rank of the tonic among the pitch classes.
pub(crate) fn tonic_rank(track: &Track<'_>) -> Option<f64> {
    let weights = histogram(track);
    let own = weights[track.plan.key?.tonic.index() as usize];
    Some(weights.iter().filter(|weight| **weight > own).count() as f64 + 1.0)
}
