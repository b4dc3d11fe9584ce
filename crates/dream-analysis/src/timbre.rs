//! Raw measures of a sound's spectrum, envelope and width, from which attributes and category are made.
//!
//! In: a clip at 44.1 kHz. Shapes: power spectra `[1025]`, hop 512 (11.6 ms), of which 24 bands are kept; levels
//! `[steps]` of 64 frames (1.5 ms). Everything is a ratio or a time, so a change of level changes nothing.
//! Cost: one pass of FFTs of 2048 and one over the samples.

mod bark;
mod envelope;
mod roughness;
mod tails;

use dream_audio::Clip;

use self::roughness::roughness;
use self::tails::Tails;
use crate::spectrum::{Windowing, each_hop};

/// Edges of the bands in Hz: sub, low, low-mid, mid, high-mid, presence, air.
pub(crate) const BAND_EDGES_HZ: [f64; 8] =
    [20.0, 60.0, 150.0, 500.0, 2000.0, 5000.0, 9000.0, 20_000.0];
/// Number of bands.
pub(crate) const BANDS: usize = 7;

const RATE: f64 = 44_100.0;
const WINDOWING: Windowing = Windowing { window: 2048, hop: 512 };
const BIN_HZ: f64 = RATE / 2048.0;
/// Nothing above this is measured: another rate of the file may have lost it.
const TOP_HZ: f64 = 20_000.0;

/// Measures of one clip. All finite; 0 or the stated floor for silence.
#[derive(Debug, Clone, Default)]
pub(crate) struct Timbre {
    /// Share of the energy per band, 0 to 1.
    pub(crate) bands: [f64; BANDS],
    /// Energy-weighted mean frequency in Hz of the whole clip.
    pub(crate) centroid_hz: f64,
    /// Frequency in Hz below which 85 % of the energy lies.
    pub(crate) rolloff_hz: f64,
    /// Standard deviation of the frequency, in octaves, weighted with the energy.
    pub(crate) spread_octaves: f64,
    /// Geometric over arithmetic mean of the power, 60 Hz to 16 kHz, dB, energy-weighted mean over hops.
    pub(crate) flatness_db: f64,
    /// Mean change of the spectrum's shape between hops, 0 (still) to 1.
    pub(crate) movement: f64,
    /// Sensory roughness, 0 to about 1 (see `attributes`).
    pub(crate) roughness: f64,
    /// Seconds from 10 % to 90 % of the envelope's maximum.
    pub(crate) attack_s: f64,
    /// Seconds from the last step as loud as the maximum until the level stays 20 dB below it.
    pub(crate) decay20_s: f64,
    /// Share of the time in which the envelope is within 20 dB of its maximum.
    pub(crate) fullness: f64,
    /// Peak over RMS of the loudest 150 ms, dB.
    pub(crate) crest_db: f64,
    /// Level of the loudest 6 ms over the loudest 400 ms, dB.
    pub(crate) punch_db: f64,
    /// Side over mid energy, dB, -60 to 20.
    pub(crate) width_db: f64,
    /// Level of the last tenth of the length against the whole, dB, not below -100.
    pub(crate) end_db: f64,
    /// How much the level of the high-passed sound rises in 8.7 ms where it rises, dB, 0 to 50.
    pub(crate) steepness_db: f64,
    /// Energy of those rises over that of the sound, dB, not below -90.
    pub(crate) edge_db: f64,
    /// How slowly all bands die away, dB, -40 to 0 (see `tails`).
    pub(crate) reverb_db: f64,
    /// Power above over power below 150 Hz, dB, -90 to 90.
    pub(crate) over_150_db: f64,
    /// Power above over power below 2 kHz, dB, -90 to 90.
    pub(crate) over_2k_db: f64,
    /// Share of the loudness per critical band.
    pub(crate) bark: [f32; bark::BANDS],
}

/// Measures a clip; `mono` is the mean of its channels without its constant offset.
pub(crate) fn measure(clip: &Clip, mono: &[f32]) -> Timbre {
    let mut timbre =
        Timbre { width_db: -60.0, flatness_db: -60.0, end_db: -100.0, ..Timbre::default() };
    if mono.iter().all(|x| x.abs() < 1e-6) {
        return timbre;
    }
    envelope::measure(mono, &mut timbre);
    spectral(mono, &mut timbre);
    timbre.width_db = width(clip);
    timbre
}

/// Ten times the decimal logarithm, not below -90. The end is soft, so that less is always less.
pub(crate) fn db(ratio: f64) -> f64 {
    10.0 * (ratio.max(0.0) + 1e-9).log10()
}

fn spectral(mono: &[f32], timbre: &mut Timbre) {
    let bin = |hz: f64| (hz / BIN_HZ).round() as usize;
    let (flat_from, flat_to) = (bin(60.0), bin(16_000.0));
    let mut mean = vec![0.0_f64; bin(TOP_HZ) + 1];
    let mut shape = vec![0.0_f32; mean.len()];
    let (mut flat, mut change, mut changes) = (0.0_f64, 0.0_f64, 0.0_f64);
    let (mut rough, mut rough_weight) = (0.0_f64, 0.0_f64);
    let hops = WINDOWING.hops(mono.len());
    let every = (hops / 60).max(1); // roughness is read from about sixty hops
    let peak = mono.iter().fold(0.0_f32, |peak, x| peak.max(x.abs()));
    // Relative to the peak, so that gain changes nothing: -120 dB for a hop, -140 dB for a line.
    let (quiet, line) = (1e-12 * f64::from(peak * peak), 1e-14 * f64::from(peak * peak));
    let mut tails = Tails::default();
    each_hop(mono, WINDOWING, |hop, magnitudes| {
        // What lies above depends on the converter.
        let magnitudes = &magnitudes[..=bin(TOP_HZ)];
        tails.push(magnitudes, BIN_HZ);
        let (mut energy, mut product) = (0.0_f64, 0.0_f64);
        for (k, m) in magnitudes.iter().enumerate().skip(1) {
            let power = f64::from(m * m);
            mean[k] += power;
            energy += power;
        }
        if energy < quiet {
            shape.fill(0.0);
            return;
        }
        let range = &magnitudes[flat_from..flat_to];
        let mut sum = 0.0_f64;
        // Four magnitudes to a logarithm: their product stays far from the smallest f64.
        for four in range.chunks(4) {
            let mut chunk = 1.0_f64;
            for m in four {
                let power = f64::from(m * m) + line;
                sum += power;
                chunk *= power;
            }
            product += chunk.ln();
        }
        let count = range.len() as f64;
        flat += energy * 10.0 / std::f64::consts::LN_10 * (product / count - (sum / count).ln());
        // Distance between the square roots of the power shares (Hellinger), weighted with the energy.
        let scale = (1.0 / energy).sqrt() as f32;
        let mut overlap = 0.0_f32;
        for (old, m) in shape.iter_mut().zip(magnitudes) {
            let new = m * scale;
            overlap += *old * new;
            *old = new;
        }
        if hop > 0 {
            change += energy * f64::from((1.0 - overlap).max(0.0));
            changes += energy;
        }
        if hop % every == 0 {
            rough += energy * roughness(magnitudes, BIN_HZ);
            rough_weight += energy;
        }
    });
    let total: f64 = mean.iter().sum::<f64>().max(1e-30);
    let (mut octaves, mut squares, mut below) = (0.0, 0.0, 0.0);
    for (k, power) in mean.iter().enumerate().skip(1) {
        let octave = (k as f64).log2();
        octaves += power * octave;
        squares += power * octave * octave;
        timbre.centroid_hz += power * k as f64 * BIN_HZ / total;
        if below < 0.85 * total {
            timbre.rolloff_hz = k as f64 * BIN_HZ;
        }
        below += power;
    }
    timbre.spread_octaves = (squares / total - (octaves / total).powi(2)).max(0.0).sqrt();
    for (band, edges) in timbre.bands.iter_mut().zip(BAND_EDGES_HZ.windows(2)) {
        *band = mean[bin(edges[0])..bin(edges[1])].iter().sum::<f64>() / total;
    }
    timbre.bark = bark::loudness(&mean, BIN_HZ);
    timbre.over_150_db = over(&mean, bin(150.0));
    timbre.over_2k_db = over(&mean, bin(2000.0));
    timbre.reverb_db = tails.reverb_db();
    timbre.flatness_db = (flat / total).clamp(-60.0, 0.0);
    timbre.movement = if changes > 0.0 { (change / changes).clamp(0.0, 1.0) } else { 0.0 };
    timbre.roughness = if rough_weight > 0.0 { rough / rough_weight } else { 0.0 };
}

/// Power from a bin on over the power below it, dB.
fn over(mean: &[f64], bin: usize) -> f64 {
    let (below, above): (f64, f64) = (mean[1..bin].iter().sum(), mean[bin..].iter().sum());
    let floor = 1e-9 * (below + above) + 1e-30;
    10.0 * ((above + floor) / (below + floor)).log10()
}

fn width(clip: &Clip) -> f64 {
    let [left, right] = clip.stereo();
    let (mut mid, mut side) = (0.0_f64, 0.0_f64);
    for (l, r) in left.iter().zip(right) {
        mid += f64::from((l + r) * (l + r));
        side += f64::from((l - r) * (l - r));
    }
    if side <= 0.0 { -60.0 } else { db(side / mid.max(1e-30)).clamp(-60.0, 20.0) }
}

#[cfg(test)]
mod tests {
    use dream_core::SampleRate;

    use super::*;
    use crate::signals::{clicks, noise, silence, sine};

    fn of(samples: impl AsRef<[f32]>) -> Timbre {
        let samples = samples.as_ref().to_vec();
        let clip = Clip::mono(SampleRate::LIBRARY, samples.clone());
        measure(&clip, &samples)
    }

    #[test]
    fn a_sine_has_its_frequency_as_centroid_and_is_not_flat() {
        let found = of(sine(1000.0, 1.0));
        assert!((found.centroid_hz - 1000.0).abs() < 10.0, "{found:?}");
        assert!(found.bands[3] > 0.99);
        assert!(found.flatness_db < -40.0);
        assert!(found.movement < 0.02);
    }

    #[test]
    fn noise_is_flat() {
        let found = of(noise(1.0));
        assert!(found.flatness_db > -4.0, "{found:?}");
        assert!((found.centroid_hz - 10_000.0).abs() < 300.0);
    }

    #[test]
    fn opposite_channels_are_wide_and_equal_ones_are_not() {
        let left = noise(0.5);
        let right: Vec<f32> = left.iter().map(|x| -x).collect();
        assert!(width(&Clip::new(SampleRate::LIBRARY, &[&left, &right])) > 19.0);
        assert!(width(&Clip::new(SampleRate::LIBRARY, &[&left, &left])) < -59.0);
    }

    #[test]
    fn silence_and_single_samples_are_finite() {
        for samples in [silence(0.1), vec![], vec![1.0], vec![0.3; 5000]] {
            let found = of(samples);
            let all = [
                found.centroid_hz,
                found.flatness_db,
                found.crest_db,
                found.decay20_s,
                found.end_db,
            ];
            assert!(all.iter().all(|x| x.is_finite()), "{found:?}");
        }
    }

    #[test]
    fn level_changes_nothing() {
        let loud = of(clicks(&[0.0, 0.2], 0.5));
        let soft = of(clicks(&[0.0, 0.2], 0.5).iter().map(|x| 0.1 * x).collect::<Vec<f32>>());
        assert!((loud.centroid_hz / soft.centroid_hz - 1.0).abs() < 1e-3);
        assert!((loud.crest_db - soft.crest_db).abs() < 0.01);
        assert!((loud.roughness - soft.roughness).abs() < 1e-3);
    }
}
