//! Tips that stand out of a layer, taken off once at its source.
//!
//! A hit may peak 20 dB over what it adds to the loudness; left alone, such tips decide how loud the track can get and
//! press everything else in the master. Each source is therefore clipped where it would pass the height of its role,
//! four times oversampled and by a bounded depth; what still stands out lowers the layer a little. Both depend on stem
//! and level alone.

use dream_audio::dynamics::{ClipperSpec, clip};
use dream_core::{Db, Role};
use rayon::prelude::*;

use super::level::KICK_LUFS;
use super::role::{Bus, traits};
use super::schedule::Score;

/// Width of the bend below the ceiling, dB.
const KNEE: Db = Db(3.0);
/// Most that a layer is turned down for its tips, dB.
const MOST_DOWN_DB: f64 = 3.0;

/// How high a layer may peak over the loudness of the kick, and the most that its tips are bent down, dB.
fn height_db(role: Role) -> (f64, f64) {
    match (traits(role).bus, role) {
        (Bus::Kick, _) => (9.0, 4.0),
        (Bus::Drums, Role::Snare | Role::Clap | Role::Tom) => (5.0, 8.0),
        (Bus::Drums, Role::Break) => (7.0, 5.0),
        (Bus::Drums, _) => (2.0, 7.0),
        (Bus::Bass, _) => (6.0, 3.5),
        (Bus::Music | Bus::Fx, _) => (4.0, 4.0),
    }
}

/// What a layer of this gain is turned down by, so that no tip has to be bent further than it may be; dB, 0 or less.
pub(super) fn down_db(score: &Score, gain_db: f64) -> f64 {
    let (height, most) = height_db(score.part.role);
    let peak_db = 20.0 * peak(score).max(1e-6).log10() + gain_db;
    (KICK_LUFS + height + most - peak_db).clamp(-MOST_DOWN_DB, 0.0)
}

/// Bends the tips of the layer's sources that pass its role's height at this gain.
pub(super) fn tame(score: &mut Score, gain_db: f64) {
    let (height, most) = height_db(score.part.role);
    let ceiling = Db((KICK_LUFS + height - gain_db) as f32);
    let spec = ClipperSpec { ceiling, knee: KNEE, most: Db(most as f32) };
    score.sources.par_iter_mut().for_each(|source| {
        for channel in &mut source.channels {
            clip(channel, &spec);
        }
    });
}

/// Largest sample of the layer's sources.
pub(super) fn peak(score: &Score) -> f64 {
    let samples = score.sources.iter().flat_map(|source| &source.channels).flatten();
    f64::from(samples.fold(0.0_f32, |peak, x| peak.max(x.abs())))
}
