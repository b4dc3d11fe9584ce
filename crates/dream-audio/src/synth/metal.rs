//! Metal: the six-pulse source of electronic hats, cymbals as clouds of partials, ringing bars.
//!
//! Method: the six square oscillators and two bands of the TR-808, K. Werner, J. Abel, J. Smith, "The TR-808
//! Cymbal", ICMC 2014; we let the two bands decay at different rates, because real hats get darker as they
//! ring. Decays are T60 in seconds.

use super::curve::{attack, decay, fall, sin, sin32};
use super::noise::Rand;
use super::osc::pulse;
use super::sound::{RATE, Sound, frames, time};

/// The six oscillators, Hz.
const PULSES: [f32; 6] = [205.3, 304.4, 369.6, 522.7, 540.0, 800.0];

/// Six pulses at `tune` times their frequencies, from random phases.
pub(crate) fn pulses(seconds: f64, tune: f32, mut rand: Rand) -> Sound {
    let pulse = |&hz: &f32| pulse(seconds, |_| hz * tune, 0.5, rand.range(0.0, 1.0));
    PULSES.iter().map(pulse).sum::<Sound>() * (1.0 / 6.0)
}

/// A hat made of the six pulses and noise.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hat {
    /// Factor on the pulse frequencies.
    pub tune: f32,
    /// Centres of the two metallic bands, Hz.
    pub bands: [f64; 2],
    /// Cut-off between body and air, Hz.
    pub split: f64,
    /// Share of the fast decay.
    pub mix: f32,
    /// Fast and slow decay.
    pub t60: [f32; 2],
    /// Level of the noise.
    pub noise: f32,
}

impl Hat {
    /// Renders it.
    pub(crate) fn strike(&self, seconds: f64, phases: Rand, noise: Rand) -> Sound {
        let source = pulses(seconds, self.tune, phases);
        let metal =
            source.clone().bp(self.bands[0], 1.6) * 0.6 + source.bp(self.bands[1], 1.4) * 1.4;
        let both = metal.drive(8.0) + noise.white(seconds) * (0.4 * self.noise);
        let air = both.clone().hp(3, 1.45 * self.split);
        let body = both.hp(2, 0.6 * self.split) + air.clone() * -1.0;
        let [fast, slow] = self.t60;
        let ring = |t: f32| self.mix * decay(t, fast) + (1.0 - self.mix) * decay(t, slow);
        let air = air.env(|t| 0.35 * ring(t) + 0.65 * decay(t, 1.3 * fast));
        let body = body.env(|t| 0.8 * ring(t) * (1.0 - fall(t, 0.004)));
        (air + body).env(|t| attack(t, 0.0012))
    }
}

/// A cymbal: many partials at random, geometrically spread frequencies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cymbal {
    /// Factor on all frequencies.
    pub tune: f32,
    /// Number of partials.
    pub partials: usize,
    /// Lowest and highest partial, Hz.
    pub range: [f32; 2],
    /// Decay of the lowest partial, and a fifth of what is added to all.
    pub t60: [f32; 2],
    /// Tilt of the amplitudes towards the top.
    pub bright: f32,
}

impl Cymbal {
    /// Renders it. Low partials start later and ring longer than high ones: energy travels upward in
    /// frequency after the stroke and falls from the top.
    pub(crate) fn strike(&self, seconds: f64, mut rand: Rand) -> Sound {
        let [low, high] = self.range;
        let octaves = (high / low).log2();
        let mut sum = vec![0.0_f32; frames(seconds)];
        for _ in 0..self.partials {
            let hz = self.tune * low * (octaves * rand.range(0.0, 1.0)).exp2();
            let above = hz / low;
            let t60 = self.t60[0] * above.powf(-0.38) * rand.range(0.6, 1.4) + 0.2 * self.t60[1];
            let tilt = (hz / 3000.0).powf(0.75 * self.bright) / (1.0 + (hz / 8000.0).powf(2.4));
            let level = tilt * rand.range(0.3, 1.0);
            let onset = 0.0008 + 0.012 * above.powf(-0.3) * rand.range(0.2, 1.0);
            let phase = rand.range(0.0, 1.0);
            if hz <= 17_500.0 {
                partial(&mut sum, hz, phase, level, t60, onset);
            }
        }
        Sound::mono(sum) * (1.0 / (self.partials as f32).sqrt())
    }
}

/// Adds one partial, with a little phase modulation at first, until it is 86 dB down. Envelopes are lines between
/// block edges.
fn partial(sum: &mut [f32], hz: f32, phase: f32, level: f32, t60: f32, onset: f32) {
    const BLOCK: usize = 16;
    /// Cycles of phase modulation that are not worth a sine.
    const STILL: f32 = 2e-4;
    let per_frame = f64::from(hz) / RATE;
    let step = per_frame as f32;
    let audible = frames(f64::from(t60) * 86.0 / 60.0).min(sum.len());
    let envelope = |i: usize| {
        let t = time(i);
        level * (1.0 - fall(t, onset)) * decay(t, t60)
    };
    let mut from = envelope(0);
    for (block, sum) in sum[..audible].chunks_mut(BLOCK).enumerate() {
        let start = block * BLOCK;
        let to = envelope(start + BLOCK);
        let slope = (to - from) / BLOCK as f32;
        // Whole turns leave here in f64, so that f32 keeps its precision within the block.
        let turns = per_frame * start as f64;
        let carrier = turns.fract() as f32 + phase;
        let modulator = (0.37 * turns).fract() as f32;
        let wobble = 0.0557 * decay(time(start), 0.3); // 0.35 radians in cycles
        if wobble > STILL {
            for (j, sum) in sum.iter_mut().enumerate() {
                let j = j as f32;
                let shift = wobble * sin32(modulator + 0.37 * step * j);
                *sum += (from + slope * j) * sin32(carrier + step * j + shift);
            }
        } else {
            for (j, sum) in sum.iter_mut().enumerate() {
                let j = j as f32;
                *sum += (from + slope * j) * sin32(carrier + step * j);
            }
        }
        from = to;
    }
}

/// One mode of a ringing body: frequency in Hz, amplitude, T60.
pub(crate) type Mode = (f32, f32, f32);

/// A struck body: the sum of its modes, all starting at phase 0.
pub(crate) fn modes(seconds: f64, modes: &[Mode]) -> Sound {
    let mut sum = vec![0.0_f32; frames(seconds)];
    for &(hz, amplitude, t60) in modes {
        let per_frame = f64::from(hz) / RATE;
        for (i, sum) in sum.iter_mut().enumerate() {
            *sum += amplitude * decay(i as f32 / RATE as f32, t60) * sin(per_frame * i as f64);
        }
    }
    Sound::mono(sum)
}

#[cfg(test)]
mod tests {
    use dream_core::Seed;

    use super::*;

    #[test]
    fn a_hat_gets_darker_while_it_rings() {
        let hat = Hat {
            tune: 1.0,
            bands: [3440.0, 7100.0],
            split: 6200.0,
            mix: 0.5,
            t60: [0.14, 0.26],
            noise: 0.2,
        };
        let sound = hat.strike(0.3, Rand::new(Seed(1)), Rand::new(Seed(2)));
        let brightness = |from: f64, to: f64| {
            let part = sound.slice(frames(from), frames(to));
            part.clone().hp(2, 9000.0).power() / part.power()
        };
        assert!(brightness(0.0, 0.02) > 1.2 * brightness(0.08, 0.2));
    }

    #[test]
    fn a_mode_falls_by_60_db_in_its_t60() {
        let ring = modes(1.0, &[(1000.0, 1.0, 0.5)]);
        let power = |at: f64| ring.slice(frames(at), frames(at + 0.02)).power();
        let fall = 10.0 * (power(0.1) / power(0.6)).log10();
        assert!((fall - 60.0).abs() < 1.0, "{fall}");
    }
}
