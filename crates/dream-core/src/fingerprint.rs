//! What a sound is recognised by.

/// The version of [`Fingerprint`]s made now: those of different versions are never compared.
pub const FINGERPRINT_VERSION: u32 = 1;

/// What a sound is recognised by in another encoding, at another level or with other silence around it. Coarse parts
/// first, by which a library finds the few candidates whose detail is worth comparing.
#[derive(Debug, Clone, PartialEq)]
pub struct Fingerprint {
    /// Standard deviation of the times at which the energy comes, in seconds: silence around the sound leaves it.
    pub spread_s: f64,
    /// Level of the bands over the whole sound, low to high, in quarters of a decibel.
    pub bands: [u8; 16],
    /// The rest, under 2 KB; `dream_analysis::fingerprint` says how it is laid out.
    pub detail: Vec<u8>,
}
