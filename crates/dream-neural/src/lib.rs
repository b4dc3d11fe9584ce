//! Networks, one module per paper, and their weights.
//!
//! Each network is split in three. *net*: its configuration and its blocks, bottom-up, pure, on one fixed segment.
//! *apply*: a whole track through the net in bounded memory. [`weights`]: where the numbers come from.
//! All layers are the crate's own, over one matrix kernel (`simd`): channels lie last, weights are packed once at
//! load, and what follows a product is done while its rows are in the cache. Work runs in rayon's current pool, is
//! split by fixed sizes and reduced in order: the same bytes whatever the number of threads.

mod error;
pub mod htdemucs;
mod plane;
mod simd;
pub mod vae;
pub mod weights;

pub use error::Error;
pub use htdemucs::Htdemucs;
pub use vae::Vae;
