//! Signal: bytes to samples and back, and what one does to samples.

pub mod decode;
pub mod dynamics;
pub mod encode;
pub mod filter;
pub mod loudness;
pub mod resample;
pub mod spectrum;
pub mod stretch;
pub mod synth;
pub mod unmix;

mod clip;
mod error;
mod oversample;

pub use clip::Clip;
pub use error::Error;
