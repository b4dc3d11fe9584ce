//! Text to plan to casting to mix.

pub mod cast;
pub mod genre;
pub mod pattern;
pub mod plan;
pub mod prompt;
pub mod render;

mod error;
mod shortlist;

pub use cast::{Cast, CastPart, CastStem, Casting, Explained, Rated, cast};
pub use error::Error;
pub use plan::plan;
pub use prompt::Prompt;
pub use render::{LayerReport, Report, Take, render};
pub use shortlist::{Brief, Candidate, Outline, Shortlist};
