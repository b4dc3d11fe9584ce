//! Listening: facts from a clip.

mod beats;
mod spectrum;
mod timbre;
pub mod attributes;
pub mod key;
pub mod onset;
pub mod pitch;
pub mod tempo;
#[cfg(test)]
mod signals;
