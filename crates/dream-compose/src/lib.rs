//! Text to plan to casting to mix.

pub mod cast;
pub mod render;

mod error;
mod shortlist;

pub use cast::{CastPart, CastStem, Casting, cast};
pub use error::Error;
pub use render::{LayerReport, Report, Take, render};
pub use shortlist::{Candidate, Shortlist};
