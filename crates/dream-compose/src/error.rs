//! What keeps a plan from becoming a take.

use dream_core::{Cancelled, PlanError, SampleRate, StemId};

/// A casting or a rendering that cannot be made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No part has a candidate: fill the library or allow more sources.
    #[error("cast: no stem fits any part of the plan")]
    NoStems,
    /// A section past the last, counted from 1.
    #[error("reroll: the plan has {count} sections, got {got}")]
    NoSection {
        /// The section asked for.
        got: usize,
        /// How many there are.
        count: usize,
    },
    /// The plan's genre is none of those that are known.
    #[error("reroll: the genre {0:?} is not known")]
    Genre(String),
    /// The plan breaks one of its limits.
    #[error("render")]
    Plan(#[from] PlanError),
    /// A stem of the casting came without its audio.
    #[error("render: the audio of stem {} is missing", .0.0)]
    MissingClip(StemId),
    /// A stem's audio is not at the rate of the library.
    #[error("render: stem {} has {} Hz, need {} Hz", .stem.0, .got.0, SampleRate::LIBRARY.0)]
    Rate {
        /// The stem.
        stem: StemId,
        /// Its rate.
        got: SampleRate,
    },
    /// Asked to stop.
    #[error("render")]
    Cancelled(#[from] Cancelled),
}
