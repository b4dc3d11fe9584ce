//! How slowly sounds die away in all parts of the spectrum: what a room adds.
//!
//! Method: the rates at which the level of narrow bands falls, after J. Wen, E. Habets, P. Naylor, "Blind Estimation of
//! Reverberation Time Based on the Distribution of Signal Decay Rates", ICASSP 2008: a reverberant sound cannot fall
//! faster than its room. We differ: no model of the distribution, but the mean fall in dB over three lags, each band
//! with the same weight. A long bass drum decays in two or three bands; a room answers in all of them, that of its
//! click, too. The end of the clip counts as a fall into silence.
//! In: band powers per hop of 11.6 ms. Out: dB, -40 (every sound stops dead) to 0 (nothing ever falls).
//! Limits: a steady sound and a long reverberation look alike; both are far from dry.

/// Edges of the bands in Hz, about one critical band each.
const EDGES_HZ: [f64; BANDS + 1] = [
    20.0, 60.0, 110.0, 170.0, 240.0, 320.0, 420.0, 540.0, 680.0, 840.0, 1030.0, 1260.0, 1530.0,
    1860.0, 2250.0, 2720.0, 3280.0, 3950.0, 4750.0, 5700.0, 6840.0, 8200.0, 10_000.0, 13_000.0,
    17_000.0,
];
const BANDS: usize = 24;

/// A mean fall: over so many hops, from levels within so many dB of the band's highest; whether squares are averaged.
struct Fall {
    lag: usize,
    range_db: f32,
    squared: bool,
}

const FALLS: [Fall; 3] = [
    Fall { lag: 4, range_db: 25.0, squared: false },
    Fall { lag: 8, range_db: 45.0, squared: false },
    Fall { lag: 17, range_db: 45.0, squared: true },
];
/// No fall counts for more, in dB.
const MOST_DB: f32 = 40.0;

/// Band powers, hop by hop.
#[derive(Debug, Default)]
pub(super) struct Tails {
    hops: Vec<[f32; BANDS]>,
}

impl Tails {
    /// Adds a hop; `magnitudes` are `bin_hz` apart.
    pub(super) fn push(&mut self, magnitudes: &[f32], bin_hz: f64) {
        let bin = |hz: f64| ((hz / bin_hz).ceil() as usize).min(magnitudes.len());
        let mut powers = [0.0; BANDS];
        for (power, edges) in powers.iter_mut().zip(EDGES_HZ.windows(2)) {
            *power = magnitudes[bin(edges[0])..bin(edges[1])].iter().map(|m| m * m).sum();
        }
        self.hops.push(powers);
    }

    /// The mean fall, negated, in dB.
    pub(super) fn reverb_db(&self) -> f64 {
        let mut highest = [0.0_f32; BANDS];
        for hop in &self.hops {
            for (high, power) in highest.iter_mut().zip(hop) {
                *high = high.max(*power);
            }
        }
        let peak = highest.iter().copied().fold(0.0, f32::max);
        if peak <= 0.0 {
            return 0.0;
        }
        let (mut sum, mut weights) = (0.0, 0.0);
        let mut levels = Vec::with_capacity(self.hops.len());
        for (band, high) in highest.into_iter().enumerate() {
            // Bands 50 dB below the loudest fade out: what they hold may be noise of the recording.
            let weight = f64::from(((level(high / peak, 0.0) + 70.0) / 20.0).clamp(0.0, 1.0));
            if weight <= 0.0 {
                continue;
            }
            let floor = (1e-6_f32).max(1e-9 * peak / high);
            levels.clear();
            levels.extend(self.hops.iter().map(|hop| level(hop[band] / high, floor)));
            let falls =
                FALLS.iter().map(|fall| f64::from(fall.mean_db(&levels, level(0.0, floor))));
            sum += weight * falls.sum::<f64>() / FALLS.len() as f64;
            weights += weight;
        }
        -sum / weights
    }
}

impl Fall {
    fn mean_db(&self, levels: &[f32], silence: f32) -> f32 {
        let (mut sum, mut weights) = (0.0_f32, 0.0_f32);
        for (i, level) in levels.iter().enumerate() {
            let weight = (1.0 + level / self.range_db).max(0.0);
            if weight > 0.0 {
                let later = levels.get(i + self.lag).copied().unwrap_or(silence);
                let fall = (level - later).clamp(0.0, MOST_DB);
                sum += weight * if self.squared { fall * fall } else { fall };
                weights += weight;
            }
        }
        let mean = sum / weights.max(1e-9);
        if self.squared { mean.sqrt() } else { mean }
    }
}

/// Power ratio in dB, not below that of `floor`.
fn level(ratio: f32, floor: f32) -> f32 {
    10.0 * ratio.max(floor).max(1e-12).log10()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::{clicks, noise, sine, thump};
    use crate::timbre::{BIN_HZ, WINDOWING};

    fn of(samples: &[f32]) -> f64 {
        let mut tails = Tails::default();
        crate::spectrum::each_hop(samples, WINDOWING, |_, magnitudes| {
            tails.push(magnitudes, BIN_HZ);
        });
        tails.reverb_db()
    }

    /// The sound and its echo from a room: exponentially decaying noise, `level` below the sound.
    fn in_room(sound: &[f32], decay_s: f64, level: f32) -> Vec<f32> {
        let room = noise(decay_s);
        let mut out = sound.to_vec();
        out.resize(sound.len() + room.len(), 0.0);
        // Every 40th frame reflects: as dense as a small room, and quick to write out.
        for (i, reflection) in room.iter().enumerate().skip(300).step_by(41) {
            let fall = 10.0_f64.powf(-3.0 * i as f64 / room.len() as f64) as f32;
            for (slot, x) in out[i..].iter_mut().zip(sound) {
                *slot += level * reflection * fall * x;
            }
        }
        out
    }

    #[test]
    fn a_room_is_heard_on_every_sound_also_on_one_that_decays_long_itself() {
        let long: Vec<f32> = sine(50.0, 1.5)
            .iter()
            .enumerate()
            .map(|(i, x)| x * (-(i as f32) / 15_000.0).exp() + if i < 40 { 0.3 } else { 0.0 })
            .collect();
        for dry in [clicks(&[0.02], 0.2), thump(55.0, 0.3), long, noise(0.3), sine(440.0, 0.5)] {
            let values: Vec<f64> =
                [0.0, 0.3, 1.0].iter().map(|level| of(&in_room(&dry, 0.6, *level))).collect();
            assert!(values.windows(2).all(|pair| pair[1] > pair[0] + 0.3), "{values:?}");
        }
    }

    #[test]
    fn silence_and_one_hop_are_in_range() {
        for samples in [vec![], vec![0.0; 5000], vec![0.5; 10], noise(3.0)] {
            assert!((-40.0..=0.0).contains(&of(&samples)));
        }
    }
}
