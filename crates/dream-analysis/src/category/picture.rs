//! A sound as a picture: the level of twenty bands over time.
//!
//! In: mono samples at 44.1 kHz. Out: levels in dB relative to the loudest hop, not below [`FLOOR_DB`], so that gain
//! and polarity change nothing. Shapes: bands `[hops][20]`, window 1024 (23 ms), hop 512 (11.6 ms); the bands are
//! geometric from 43 Hz to 16 kHz, as far as the bins allow: what lies above is lost in lower rates and codecs anyway.
//! Cost: one transform of 1024 per 11.6 ms; 88 bytes per hop are kept.

use crate::spectrum::{Windowing, each_hop_from, first_hop};

/// Bands of the picture.
pub(crate) const BANDS: usize = 20;
/// The lowest level, in dB below the loudest hop.
pub(crate) const FLOOR_DB: f32 = -60.0;
/// Hops per second.
pub(crate) const HOPS_PER_S: f64 = 44_100.0 / HOP as f64;
/// Frames from one hop to the next.
pub(crate) const HOP: usize = 512;

const WINDOWING: Windowing = Windowing { window: 1024, hop: HOP };
/// Edges of the bands in bins of 43 Hz.
const EDGES: [usize; BANDS + 1] =
    [1, 2, 3, 4, 5, 7, 9, 12, 15, 19, 24, 31, 40, 52, 67, 87, 112, 145, 188, 250, 372];

/// Levels over time, in dB relative to the loudest hop.
#[derive(Debug, Clone, Default)]
pub(crate) struct Picture {
    /// Levels of the bands, `[hops][BANDS]`.
    pub(crate) bands: Vec<[f32; BANDS]>,
    /// Level of all bands together, `[hops]`.
    pub(crate) level: Vec<f32>,
}

/// The picture of mono samples; empty for silence.
pub(crate) fn picture(mono: &[f32]) -> Picture {
    from(mono, 0)
}

/// The picture on hops that begin with the sound, and the frame of the first.
pub(crate) fn anchored(mono: &[f32]) -> (Picture, usize) {
    let first = first_hop(mono, HOP);
    (from(mono, first), first)
}

fn from(mono: &[f32], first: usize) -> Picture {
    let mut powers: Vec<[f32; BANDS]> = Vec::with_capacity(WINDOWING.hops(mono.len()));
    each_hop_from(mono, WINDOWING, first, |_, magnitudes| {
        powers.push(std::array::from_fn(|b| {
            magnitudes[EDGES[b]..EDGES[b + 1]].iter().map(|m| m * m).sum()
        }));
    });
    let sums: Vec<f32> = powers.iter().map(|bands| bands.iter().sum()).collect();
    let most = sums.iter().copied().fold(0.0, f32::max);
    if most < 1e-11 {
        return Picture::default();
    }
    let scale = most.recip();
    let level_db = |power: f32| 10.0 * (power * scale).max(1e-6).log10();
    Picture {
        bands: powers.iter().map(|bands| bands.map(level_db)).collect(),
        level: sums.into_iter().map(level_db).collect(),
    }
}

/// The power of a level, relative to the loudest hop; nothing at the floor.
pub(crate) fn power(level_db: f32) -> f32 {
    if level_db <= FLOOR_DB { 0.0 } else { 10.0_f32.powf(0.1 * level_db) }
}
