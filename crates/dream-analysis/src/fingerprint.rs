//! What a sound is recognised by, and how alike two sounds are.
//!
//! Method: band energies over time from the first onset on, after J. Haitsma and T. Kalker, "A Highly Robust Audio
//! Fingerprinting System", ISMIR 2002. We keep levels in place of their signs and compare sounds as wholes, for a one-shot
//! is too short to be voted on; the times are dense where a hit is decided and sparse later. A profile of semitones
//! beside it tells notes of the same instrument apart.
//!
//! Detail: 72 semitones, then one or two portraits of `[56 times, 16 bands]`; all levels in quarters of a decibel
//! above a floor. A second portrait begins at the first sound within 24 dB of the loudest, where that is later than
//! the first one within 36 dB: an onset that only just counts may not count in the copy.
//!
//! In: a clip at 44.1 kHz, any length. Out: the same whatever its gain, polarity and order of channels, but for rounding.
//! Limits: pitch or speed changed by more than half a percent, and sounds cut within their first second, are
//! other sounds. Cost: at most 22 transforms of 8192 samples and 112 of 2048 per channel, however long the clip.

use dream_audio::Clip;
use dream_audio::spectrum::{Complex, Stft, Window};
pub use dream_core::Fingerprint;

/// Similarity from which two sounds are near-duplicates.
pub const NEAR: f32 = 0.77;

/// Upper ends of the bands in Hz; the first begins at 50 Hz.
const BANDS_HZ: [f64; BANDS] = [
    110.0, 180.0, 260.0, 350.0, 450.0, 570.0, 720.0, 900.0, 1_150.0, 1_500.0, 2_000.0, 2_700.0,
    3_700.0, 5_000.0, 7_000.0, 10_000.0,
];
const BANDS: usize = 16;
/// Number of times and samples between them, from the onset on: to 0.23, 0.9, 3.5 and 9.4 s.
const TIMES: [(usize, usize); 4] = [(20, 512), (14, 2_048), (14, 8_192), (8, 32_768)];
const TIMES_COUNT: usize = 56;
const PORTRAIT: usize = TIMES_COUNT * BANDS;
/// Semitones from 65 Hz up.
const NOTES: usize = 72;
/// Steps per decibel.
const STEPS: f32 = 4.0;
/// Range of the stored levels in dB.
const RANGE_DB: f32 = 60.0;
/// Samples of a block of energy.
const BLOCK: usize = 128;

/// The fingerprint of a clip.
pub fn fingerprint(clip: &Clip) -> Fingerprint {
    let energies = energies(clip);
    let loudest = energies.iter().copied().fold(0.0, f64::max);
    let onset = |db: f64| {
        let least = loudest * 10.0_f64.powf(db / 10.0);
        energies.iter().position(|e| *e > 0.0 && *e >= least).unwrap_or(0) * BLOCK
    };
    let (early, late) = (onset(-36.0), onset(-24.0));
    let (first, total) = portrait(clip, early);
    let mut detail = profile(clip, early);
    detail.extend(first);
    // Within a step of the dense times both are the same.
    if late > early + 4 * BLOCK {
        detail.extend(portrait(clip, late).0);
    }
    Fingerprint { spread_s: spread_s(&energies), bands: total, detail }
}

/// How alike two sounds are: 1 the same, 0 nothing in common.
pub fn similarity(a: &Fingerprint, b: &Fingerprint) -> f32 {
    let (Some((notes_a, portraits_a)), Some((notes_b, portraits_b))) = (parts(a), parts(b)) else {
        return 0.0;
    };
    let notes_db = notes_distance(notes_a, notes_b);
    let portrait_db = portraits_a
        .chunks_exact(PORTRAIT)
        .flat_map(|a| portraits_b.chunks_exact(PORTRAIT).map(move |b| portrait_distance(a, b)))
        .fold(RANGE_DB, f32::min);
    (1.0 - notes_db.max(portrait_db) / 12.0).max(0.0)
}

/// Whether two sounds are alike enough to be worth comparing in detail, by what a library can look up quickly.
pub fn may_be_near(a: &Fingerprint, spread_s: f64, bands: &[u8; BANDS]) -> bool {
    let (low, high) = spreads(a);
    let difference: u32 = a.bands.iter().zip(bands).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
    (low..=high).contains(&spread_s) && difference as f32 <= 6.0 * STEPS * BANDS as f32
}

/// The spreads that a near-duplicate can have, in seconds.
pub fn spreads(a: &Fingerprint) -> (f64, f64) {
    (0.8 * a.spread_s - 0.003, 1.25 * a.spread_s + 0.003)
}

fn parts(print: &Fingerprint) -> Option<(&[u8], &[u8])> {
    let (notes, portraits) = print.detail.split_at_checked(NOTES)?;
    (portraits.len() >= PORTRAIT).then_some((notes, portraits))
}

/// Mean distance of two profiles in dB, where either of them has sound.
fn notes_distance(a: &[u8], b: &[u8]) -> f32 {
    let pairs: Vec<(f32, f32)> = pairs(a, b, 25.0);
    let offset = mean(pairs.iter().map(|(a, b)| a - b));
    mean(pairs.iter().map(|(a, b)| (a - b - offset).abs()))
}

/// Mean distance of two portraits in dB, where either has sound, an equaliser of up to 4 dB forgiven.
fn portrait_distance(a: &[u8], b: &[u8]) -> f32 {
    let whole = mean(pairs(a, b, 20.0).into_iter().map(|(a, b)| a - b));
    let (mut sum, mut count) = (0.0, 0);
    for band in 0..BANDS {
        let of = |portrait: &[u8]| -> Vec<u8> {
            portrait.iter().skip(band).step_by(BANDS).copied().collect()
        };
        let pairs = pairs(&of(a), &of(b), 20.0);
        let tilt = (mean(pairs.iter().map(|(a, b)| a - b)) - whole).clamp(-4.0, 4.0);
        sum += pairs.iter().map(|(a, b)| (a - b - whole - tilt).abs()).sum::<f32>();
        count += pairs.len();
    }
    sum / count.max(1) as f32
}

/// The levels in dB above the floor of the cells in which either is above `floor_db`; both are held at 10 dB below it.
fn pairs(a: &[u8], b: &[u8], floor_db: f32) -> Vec<(f32, f32)> {
    let db = |x: &u8| f32::from(*x) / STEPS;
    let held = |x: f32| x.max(floor_db - 10.0);
    let levels = a.iter().zip(b).map(|(a, b)| (db(a), db(b)));
    levels.filter(|(a, b)| a.max(*b) > floor_db).map(|(a, b)| (held(a), held(b))).collect()
}

fn mean(values: impl Iterator<Item = f32>) -> f32 {
    let (sum, count) = values.fold((0.0, 0), |(sum, count), x| (sum + x, count + 1));
    sum / count.max(1) as f32
}

/// Energy of all channels per block.
fn energies(clip: &Clip) -> Vec<f64> {
    let mut sums = vec![0.0; clip.len().div_ceil(BLOCK)];
    for channel in clip.iter_channels() {
        for (sum, block) in sums.iter_mut().zip(channel.chunks(BLOCK)) {
            *sum += block.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>();
        }
    }
    sums
}

fn spread_s(energies: &[f64]) -> f64 {
    let total = energies.iter().sum::<f64>();
    if total <= 0.0 {
        return 0.0;
    }
    let moment = |power: i32| {
        energies.iter().enumerate().map(|(i, e)| e * (i as f64).powi(power)).sum::<f64>() / total
    };
    (moment(2) - moment(1).powi(2)).max(0.0).sqrt() * BLOCK as f64 / 44_100.0
}

/// Levels of the bands at the times after `onset`, `[56, 16]`, and of the bands over all of them.
fn portrait(clip: &Clip, onset: usize) -> (Vec<u8>, [u8; BANDS]) {
    let mut spectra = Spectra::new(2_048);
    let edges: Vec<usize> =
        BANDS_HZ.iter().map(|hz| (hz / 44_100.0 * 2_048.0).round() as usize).collect();
    let mut powers = Vec::with_capacity(PORTRAIT);
    let mut total = vec![0.0; BANDS];
    let mut at = onset + 512;
    for (count, step) in TIMES {
        for _ in 0..count {
            let power = spectra.at(clip, at);
            let mut low = 2;
            for (edge, total) in edges.iter().zip(&mut total) {
                let sum = power[low..*edge].iter().sum::<f64>();
                *total += sum * step as f64;
                powers.push(sum);
                low = *edge;
            }
            at += step;
        }
    }
    let bands = levels(&total);
    (levels(&powers), std::array::from_fn(|band| bands[band]))
}

/// Levels of the semitones over the first two seconds, `[72]`.
fn profile(clip: &Clip, onset: usize) -> Vec<u8> {
    const SIZE: usize = 8_192;
    let mut spectra = Spectra::new(SIZE);
    let mut sums = vec![0.0; SIZE / 2 + 1];
    for k in 0..22 {
        let at = onset + (k + 1) * SIZE / 2;
        if k > 0 && at > clip.len() + SIZE / 2 {
            break;
        }
        for (sum, power) in sums.iter_mut().zip(spectra.at(clip, at)) {
            *sum += power;
        }
    }
    let bin = |note: f64| 65.406 * (note / 12.0).exp2() / 44_100.0 * SIZE as f64;
    let notes: Vec<f64> = (0..NOTES)
        .map(|note| {
            let low = bin(note as f64 - 0.5).round() as usize;
            let high = (bin(note as f64 + 0.5).round() as usize).max(low + 1);
            sums[low..high].iter().sum()
        })
        .collect();
    levels(&notes)
}

/// Quarters of a decibel above 60 dB below the greatest.
fn levels(powers: &[f64]) -> Vec<u8> {
    let greatest = powers.iter().copied().fold(0.0, f64::max);
    if greatest <= 0.0 {
        return vec![0; powers.len()];
    }
    let level = |power: f64| {
        let db = (10.0 * (power / greatest).max(1e-12).log10()) as f32;
        ((db + RANGE_DB).max(0.0) * STEPS).round() as u8
    };
    powers.iter().map(|power| level(*power)).collect()
}

/// Power spectra of all channels together.
struct Spectra {
    stft: Stft,
    bins: Vec<Complex>,
    power: Vec<f64>,
}

impl Spectra {
    fn new(size: usize) -> Self {
        let stft = Stft::new(size, size, Window::Hann);
        Self { bins: vec![Complex::default(); stft.bins()], power: vec![0.0; stft.bins()], stft }
    }

    /// The spectrum around frame `centre`, `[bins]`.
    fn at(&mut self, clip: &Clip, centre: usize) -> &[f64] {
        self.power.fill(0.0);
        if centre < clip.len() + self.stft.size() / 2 {
            for channel in clip.iter_channels() {
                self.stft.forward_at(channel, centre as i64, &mut self.bins);
                for (power, bin) in self.power.iter_mut().zip(&self.bins) {
                    *power += f64::from(bin.norm_sqr());
                }
            }
        }
        &self.power
    }
}

#[cfg(test)]
mod tests {
    use dream_audio::resample::resample;
    use dream_core::SampleRate;
    use proptest::prelude::*;

    use super::*;
    use crate::signals::{chord, noise, thump};

    fn stereo(left: &[f32], right: &[f32]) -> Clip {
        Clip::new(SampleRate::LIBRARY, &[left, right])
    }

    #[track_caller]
    fn strangers(a: Vec<f32>, b: Vec<f32>) {
        let [a, b] = [a, b].map(|x| fingerprint(&Clip::mono(SampleRate::LIBRARY, x)));
        assert!(similarity(&a, &b) < NEAR, "{}", similarity(&a, &b));
    }

    #[test]
    fn other_notes_and_other_drums_are_other_sounds() {
        strangers(chord(&[220.0], 1.0, 6), chord(&[233.1], 1.0, 6));
        strangers(thump(50.0, 0.5), thump(80.0, 0.5));
        strangers(thump(50.0, 0.5), noise(0.5));
    }

    #[test]
    fn silence_and_nothing_have_a_fingerprint() {
        for samples in [vec![], vec![0.0; 10], vec![0.0; 44_100]] {
            let print = fingerprint(&Clip::mono(SampleRate::LIBRARY, samples));
            assert!(print.spread_s.is_finite() && similarity(&print, &print).is_finite());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(6))]

        #[test]
        fn the_same_sound_otherwise_delivered_is_near(
            hz in 60.0..900.0, gain in 0.25_f32..4.0, late in 0_usize..4, rate in 0_usize..2,
        ) {
            let (left, right) = (thump(hz, 1.0), thump(1.5 * hz, 1.0));
            let moved = |x: &[f32]| -> Vec<f32> {
                std::iter::repeat_n(0.0, late).chain(x.iter().map(|x| -gain * x)).collect()
            };
            let clip = stereo(&left, &right);
            let print = fingerprint(&clip);
            let rate = [SampleRate(48_000), SampleRate(96_000)][rate];
            let resampled = resample(&resample(&clip, rate), SampleRate::LIBRARY);
            for other in [stereo(&moved(&right), &moved(&left)), resampled] {
                let other = fingerprint(&other);
                prop_assert!(may_be_near(&print, other.spread_s, &other.bands));
                prop_assert!(similarity(&print, &other) > 0.9, "{}", similarity(&print, &other));
            }
        }
    }
}
