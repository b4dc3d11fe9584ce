//! Breaks cut into sixteenths.
//!
//! In grooves and drops the slices of the break play in an order that changes at phrase lines; elsewhere,
//! and where the order is the recorded one throughout, the break just runs. A note of pitch 36 + n plays the
//! n-th sixteenth of one bar of the stem.

use dream_core::Note;

use super::Tonal;
use super::draw;
use crate::genre::{Lane, SectionKind};
use crate::pattern::Slices;

/// Pitch of the first slice.
const FIRST: u8 = 36;

/// The notes of the break; none where it runs.
pub(super) fn play(tonal: &Tonal<'_>) -> Vec<Note> {
    let orders = &tonal.setting.genre.slices;
    let kind = tonal.part.spec.kind;
    if orders.is_empty() || !matches!(kind, SectionKind::Groove | SectionKind::Drop) {
        return Vec::new();
    }
    let seed = tonal.seed.child("slices");
    let mut notes = Vec::new();
    let mut cut = false;
    for span in tonal.spans_of(Lane::Break) {
        for bar in span.enter..span.leave {
            let block = bar / 8;
            let energy = tonal.setting.energy_at(tonal.part, block * 8);
            let nearest =
                orders.iter().map(|one| one.distance(energy)).fold(f64::INFINITY, f64::min);
            let usable = orders.iter().filter(|one| one.distance(energy) <= nearest);
            let drawn = draw::weighted(seed.index(u64::from(block)), usable, |_| 1.0);
            let order: &Slices = drawn.unwrap_or(&orders[0]);
            cut |= !order.is_straight();
            for step in 0..16_usize {
                let Some(slice) = order.at((bar % 8) as usize * 16 + step) else { continue };
                notes.push(Note {
                    beat: f64::from(bar) * 4.0 + step as f64 * 0.25,
                    length: 0.25,
                    velocity: 0.8,
                    pitch: Some(FIRST + slice),
                });
            }
        }
    }
    if cut { notes } else { Vec::new() }
}
