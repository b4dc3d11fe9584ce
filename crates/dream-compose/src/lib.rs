//! Text to plan to casting to mix.

pub mod genre;
pub mod pattern;
pub mod plan;
pub mod prompt;

pub use plan::plan;
pub use prompt::Prompt;
