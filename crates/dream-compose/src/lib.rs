//! Text to plan to casting to mix.
