//! Compressor, soft clipper and look-ahead true-peak limiter.
//!
//! Compressor and limiter stream: they take blocks of any size, in place, and give the same samples whatever the
//! sizes. All channels of a block get the same gain, so that the stereo image stands still.

mod clipper;
mod compressor;
mod limiter;
mod reduction;

pub use clipper::{ClipperSpec, clip};
pub use compressor::{Compressor, CompressorSpec, Detector};
pub use limiter::{Limiter, LimiterSpec, limit};
pub use reduction::Reduction;

/// The factor of a one-pole follower that covers 63 % of a step in `seconds`.
fn one_pole(seconds: f64, rate: f64) -> f32 {
    (1.0 - (-1.0 / (seconds * rate).max(1e-9)).exp()) as f32
}
