//! One-shot, loop or free.
//!
//! A one-shot has one dominant attack: no later onset reaches a third of it. A loop has rivals to its strongest onset
//! and fits whole bars (see `tempo`). The rest is free.
//! Limits: a sustained chord longer than five seconds that does not fade counts as free, not as a note.

use dream_core::Form;

use crate::onset::Onsets;
use crate::tempo::Tempo;
use crate::timbre::Timbre;

/// An onset rivals the strongest one from this share of its strength.
const RIVAL: f32 = 0.35;
/// Onsets this soon after the strongest belong to it (claps, flams), in seconds.
const SAME_ATTACK_S: f64 = 0.09;
/// More onsets than this are no single hit.
const BUSY: usize = 12;
/// Two equal onsets on bars are a loop from this length on, in seconds.
const PAIR_S: f64 = 1.5;
/// A sound up to this long needs no decay to be a one-shot, in seconds.
const SHORT_S: f64 = 5.0;

/// The shares of right judgements, each counted by Laplace's rule, (right + 1) / (judged + 2). For loops on the 20 real
/// ones only, all right (377 synthesised ones were, too); the others on real and synthesised sounds with a known form:
/// lone attacks 133 of 139, busy ones without bars 26 of 40, the rest without bars 18 of 33. Short sounds with a
/// second attack were not among them.
const LOOP: f32 = 0.95;
const LONE: f32 = 0.95;
const SECOND: f32 = 0.5;
const TEXTURE: f32 = 0.64;
const PHRASE: f32 = 0.54;

/// The form of a clip and how sure that is: how often this judgement was right where the form was known.
pub(crate) fn form(
    onsets: &Onsets,
    tempo: &Tempo,
    timbre: &Timbre,
    duration_s: f64,
) -> (Form, f32) {
    let rivals = rivals(onsets);
    let fades = timbre.end_db < -20.0;
    // Many soft onsets are a texture or a line under one accent, not the tail of a hit.
    let busy = onsets.list.len() > BUSY && duration_s > 2.0;
    if tempo.bars.is_some() && (rivals >= 2 || busy || (rivals == 1 && duration_s > PAIR_S)) {
        (Form::Loop, LOOP)
    } else if busy {
        (Form::Free, TEXTURE)
    } else if (rivals == 0 && (duration_s < SHORT_S || fades))
        || (rivals == 1 && duration_s < 1.0)
        || duration_s < 0.3
    {
        (Form::OneShot, if rivals == 0 { LONE } else { SECOND })
    } else {
        (Form::Free, PHRASE)
    }
}

/// How many separate onsets come near the strongest.
pub(crate) fn rivals(onsets: &Onsets) -> usize {
    let Some(main) = onsets.list.iter().max_by(|a, b| a.strength.total_cmp(&b.strength)) else {
        return 0;
    };
    onsets
        .list
        .iter()
        .filter(|onset| {
            onset.strength > RIVAL * main.strength
                && (onset.time_s - main.time_s).abs() > SAME_ATTACK_S
        })
        .count()
}
