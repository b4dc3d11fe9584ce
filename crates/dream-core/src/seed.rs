//! Randomness that can be repeated.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde::{Deserialize, Serialize};

/// The root of a job's randomness. Children are named, so that a new consumer never shifts another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Seed(pub u64);

impl Seed {
    /// The seed of a named part: FNV-1a over the name, mixed with this seed by `SplitMix64`'s finaliser.
    #[must_use]
    pub fn child(self, name: &str) -> Self {
        let fnv = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325, fnv);
        Self(mix(self.0.wrapping_add(mix(hash))))
    }

    /// The seed of a numbered part.
    #[must_use]
    pub fn index(self, index: u64) -> Self {
        Self(mix(self.0.wrapping_add(mix(index.wrapping_add(0x9e37_79b9_7f4a_7c15)))))
    }

    /// A generator that starts here.
    pub fn rng(self) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(self.0)
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_depend_on_name_and_parent_only() {
        let seed = Seed(7);
        assert_eq!(seed.child("plan"), Seed(7).child("plan"));
        assert_ne!(seed.child("plan"), seed.child("cast"));
        assert_ne!(seed.child("plan"), Seed(8).child("plan"));
        assert_ne!(seed.index(0), seed.index(1));
    }
}
