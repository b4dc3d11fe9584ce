//! How good dreamed sounds are, in numbers that need no weights and no listener.
//!
//! Single sounds ([`likeness()`], [`Attack`]): log-mel distance, spectral convergence, envelope and attack of a reconstruction; crest,
//! echo before the attack and lows of any sound. Sets of sounds
//! ([`Space`], [`Distances`]): Frechet and kernel distance of what is dreamed to what is real, how densely and how widely it lies
//! among it, and how new it is. `bench/generation/metrics.py` is the same in Python.
//! In: clips at 44.1 kHz, of which the 0.743 s from the onset on count, mixed to mono, at full scale; of loops ([`describe_bars`],
//! [`likeness_around`]) every bar.

mod attack;
mod bars;
mod eigen;
mod likeness;
mod space;

pub use attack::Attack;
pub use bars::{describe_bars, likeness_around};
pub use likeness::{Likeness, likeness, snr_db};
pub use space::{Distances, Space, describe};
