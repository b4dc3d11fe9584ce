//! Noise and dice: `SplitMix64`, which is fast enough to fill audio buffers.
//!
//! Method: G. Steele, D. Lea, C. Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014;
//! pink noise by the three-pole filter of J. O. Smith, "Spectral Audio Signal Processing", 2011.
//! Every purpose in a recipe has its own generator, so that a new one never shifts another.

use dream_core::Seed;

use super::sound::{Sound, frames};

/// A sequence of random numbers.
#[derive(Debug, Clone)]
pub(crate) struct Rand(u64);

impl Rand {
    /// The sequence that starts at `seed`.
    pub(crate) fn new(seed: Seed) -> Self {
        Self(seed.0)
    }

    #[inline]
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in -1..1.
    #[inline]
    pub(crate) fn bipolar(&mut self) -> f32 {
        // The top 24 bits, signed, are exactly what an f32 holds.
        (self.next().cast_signed() >> 40) as f32 * (1.0 / 8_388_608.0)
    }

    /// Uniform in `low..high`.
    pub(crate) fn range(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * (0.5 + 0.5 * self.bipolar())
    }

    /// A whole number in `0..below`.
    pub(crate) fn index(&mut self, below: usize) -> usize {
        ((u128::from(self.next()) * below as u128) >> 64) as usize
    }

    /// Standard normal, by the sum of twelve uniform numbers: bounded by 6.
    pub(crate) fn normal(&mut self) -> f32 {
        (0..12).map(|_| self.bipolar()).sum::<f32>() * 0.5
    }

    /// -1 or 1.
    pub(crate) fn sign(&mut self) -> f32 {
        if self.next() >> 63 == 0 { 1.0 } else { -1.0 }
    }

    /// White noise, uniform in -1..1.
    pub(crate) fn white(mut self, seconds: f64) -> Sound {
        Sound::mono((0..frames(seconds)).map(|_| self.bipolar()).collect())
    }

    /// Pink noise, -3 dB per octave.
    pub(crate) fn pink(mut self, seconds: f64) -> Sound {
        const B: [f64; 4] = [0.049922035, -0.095993537, 0.050612699, -0.004408786];
        const A: [f64; 3] = [-2.494956002, 2.017265875, -0.522189400];
        let (mut x, mut y) = ([0.0; 4], [0.0; 3]);
        let mut step = || {
            x = [f64::from(self.bipolar()), x[0], x[1], x[2]];
            let now = B.iter().zip(x).map(|(b, x)| b * x).sum::<f64>()
                - A.iter().zip(y).map(|(a, y)| a * y).sum::<f64>();
            y = [now, y[0], y[1]];
            (6.0 * now) as f32
        };
        settle(&mut step, seconds)
    }

    /// Brown noise, -6 dB per octave above 14 Hz.
    pub(crate) fn brown(mut self, seconds: f64) -> Sound {
        let mut y = 0.0;
        let mut step = || {
            y = 0.998 * y + self.bipolar();
            0.06 * y
        };
        settle(&mut step, seconds)
    }
}

/// Runs a coloured source until its filter has settled, then records it.
fn settle(step: &mut impl FnMut() -> f32, seconds: f64) -> Sound {
    for _ in 0..frames(0.3) {
        step();
    }
    Sound::mono((0..frames(seconds)).map(|_| step()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_uniform_and_repeats() {
        let a = Rand::new(Seed(5)).white(1.0);
        assert_eq!(a.channel(0), Rand::new(Seed(5)).white(1.0).channel(0));
        let power = a.channel(0).iter().map(|x| x * x).sum::<f32>() / 44_100.0;
        assert!((power - 1.0 / 3.0).abs() < 0.01, "{power}");
        let mut rand = Rand::new(Seed(6));
        assert!((0..1000).all(|_| rand.index(7) < 7));
    }

    #[test]
    fn pink_noise_has_equal_power_per_octave() {
        let pink = Rand::new(Seed(7)).pink(8.0);
        let band = |hz: f64| pink.clone().bp(hz, 1.4).power();
        for hz in [100.0, 400.0, 1600.0, 3200.0] {
            let step_db = 10.0 * (band(2.0 * hz) / band(hz)).log10();
            assert!(step_db.abs() < 1.5, "{hz} Hz: {step_db} dB");
        }
    }
}
