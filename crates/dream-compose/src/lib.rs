//! Text to plan to casting to mix.

pub mod cast;
pub mod genre;
pub mod pattern;
pub mod plan;
pub mod prompt;
pub mod render;

mod error;
mod excerpt;
mod midi;
mod shortlist;

pub use cast::{Cast, CastPart, CastStem, Casting, Explained, Rated, cast};
pub use error::Error;
pub use excerpt::excerpt;
pub use midi::midi;
pub use plan::{plan, reroll, reroll_among};
pub use prompt::Prompt;
pub use render::{
    Bus, BusReport, LayerReport, MasterReport, Report, SectionReport, Signal, Sink, Take, freeze,
    length, mix_to, render, render_to,
};
pub use shortlist::{Brief, Candidate, Outline, Shortlist};
