//! The inner loops, for the widest vectors the processor has.
//!
//! This is the only module with `unsafe` code: `tile` multiplies matrices with explicit vectors, and `math` calls
//! plain loops compiled for wider vectors. Each has a portable twin, which runs where the processor has neither
//! AVX-512 nor AVX2, and which the tests compare with.

pub(crate) mod math;
pub(crate) mod tile;

/// Vector extensions that there is code for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Isa {
    /// 16 lanes, 32 registers.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// 8 lanes, 16 registers, fused multiply-add.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// What the target guarantees.
    Portable,
}

impl Isa {
    /// The widest that this processor has.
    pub(crate) fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            let wide = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl");
            let middle = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            if wide && middle {
                return Self::Avx512;
            }
            if middle {
                return Self::Avx2;
            }
        }
        Self::Portable
    }

    /// All that run here, the widest first.
    #[cfg(test)]
    pub(crate) fn available() -> Vec<Self> {
        match Self::best() {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => vec![Self::Avx512, Self::Avx2, Self::Portable],
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => vec![Self::Avx2, Self::Portable],
            Self::Portable => vec![Self::Portable],
        }
    }
}
