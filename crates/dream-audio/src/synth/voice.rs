//! A singing voice: a buzzing source through the five resonances of a vowel.
//!
//! Method: parallel formant synthesis, D. Klatt, "Software for a Cascade/Parallel Formant Synthesizer", JASA
//! 67(3), 1980; vowel data of a male voice as tabulated in the Csound manual. Between two vowels frequencies
//! move geometrically, levels in dB and bandwidths linearly.

use super::curve::{exp2, semitones, sin32};
use super::filter::Resonance;
use super::sound::Sound;

/// Five resonances: Hz, dB, bandwidth in Hz.
type Formants = [(f32, f32, f32); 5];

/// A vowel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Vowel {
    Ah,
    Eh,
    Ee,
    Oh,
    Oo,
}

impl Vowel {
    #[rustfmt::skip]
    fn formants(self) -> Formants {
        match self {
            Self::Ah => [(650.0, 0.0, 80.0), (1080.0, -6.0, 90.0), (2650.0, -7.0, 120.0), (2900.0, -8.0, 130.0), (3250.0, -22.0, 140.0)],
            Self::Eh => [(400.0, 0.0, 70.0), (1700.0, -14.0, 80.0), (2600.0, -12.0, 100.0), (3200.0, -14.0, 120.0), (3580.0, -20.0, 120.0)],
            Self::Ee => [(290.0, 0.0, 40.0), (1870.0, -15.0, 90.0), (2800.0, -18.0, 100.0), (3250.0, -20.0, 120.0), (3540.0, -30.0, 120.0)],
            Self::Oh => [(400.0, 0.0, 70.0), (800.0, -10.0, 80.0), (2600.0, -12.0, 100.0), (2800.0, -12.0, 130.0), (3000.0, -26.0, 135.0)],
            Self::Oo => [(350.0, 0.0, 40.0), (600.0, -20.0, 60.0), (2700.0, -17.0, 100.0), (2900.0, -14.0, 120.0), (3300.0, -26.0, 120.0)],
        }
    }
}

impl Sound {
    /// Through a mouth that moves from vowel to vowel as `position` goes from 0 to 1; `shift` scales all
    /// resonances: below 1 a larger head, above 1 a smaller one.
    pub(crate) fn vowels(
        self,
        from: Vowel,
        to: Vowel,
        shift: f32,
        position: impl Fn(f32) -> f32,
    ) -> Self {
        let blend = |a: f32, b: f32, t: f32| a + (b - a) * position(t);
        let (from, to) = (from.formants(), to.formants());
        let resonance = |k: usize, t: f32| {
            let ((f0, db0, bw0), (f1, db1, bw1)) = (from[k], to[k]);
            let hz = shift * f0 * exp2((f1 / f0).log2() * position(t));
            Resonance {
                hz,
                q: hz / (1.2 * blend(bw0, bw1, t)),
                // 20 log10 in terms of log2.
                gain: exp2(blend(db0, db1, t) / 6.020_6),
            }
        };
        self.resonances::<5>(resonance)
    }
}

/// The pitch of a sung note: slides in from `bend` semitones, then vibrato fades in.
pub(crate) fn sung(t: f32, bend: f32) -> f32 {
    let vibrato = 0.22 * sin32(5.3 * t) * super::curve::ramp(t, 0.25, 0.3);
    semitones(bend * super::curve::fall(t, 0.05) + vibrato)
}

#[cfg(test)]
mod tests {
    use dream_core::Seed;

    use super::super::noise::Rand;
    use super::*;

    #[test]
    fn an_ah_rings_at_its_first_two_resonances() {
        let said = Rand::new(Seed(2)).white(2.0).vowels(Vowel::Ah, Vowel::Ah, 1.0, |_| 0.0);
        let band = |hz: f64| said.clone().bp(hz, 12.0).power();
        assert!(band(650.0) > 8.0 * band(400.0));
        assert!(band(1080.0) > 2.0 * band(1600.0));
    }
}
