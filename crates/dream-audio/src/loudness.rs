//! Loudness and true peak.
//!
//! Method: ITU-R BS.1770-4 (K-weighting, gated integration, true peak at four times the rate) and EBU Tech 3341 and
//! 3342 (momentary, short term, range). Everything but the true peak follows from one pass that leaves the energy of
//! every 100 ms; `tests` hold it against the `ebur128` crate, with which the whole took twice as long. The true peak has a longer
//! kernel than that crate's. A mono clip is measured as one channel, 3 dB below the same signal on both sides; all channels
//! count alike.

mod weighting;

use dream_core::Lufs;

use self::weighting::energies;
use crate::Clip;
use crate::oversample::true_peak;

/// Steps of 100 ms in a momentary measurement and in a block of the gated one.
const MOMENTARY: usize = 4;
/// Steps in a short-term measurement.
const SHORT_TERM: usize = 30;
/// Steps from one short-term measurement of the range to the next.
const RANGE_HOP: usize = 10;
/// The absolute gate, in LUFS: what is softer does not count.
const ABSOLUTE_GATE: f64 = -70.0;

/// What a clip measures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Loudness {
    /// Gated loudness of the whole; `None` under 400 ms and for silence (nothing above -70 LUFS).
    pub integrated: Option<Lufs>,
    /// Loudest 400 ms, the clip followed by silence: defined for one-shots of any length. `None` for silence.
    pub momentary_max: Option<Lufs>,
    /// Loudest 3 s, the clip followed by silence if it is shorter. `None` for silence.
    pub short_term_max: Option<Lufs>,
    /// Loudness range in LU; 0 where it is not defined.
    pub range_lu: f64,
    /// True peak in dBTP, not below -120.
    pub true_peak_dbtp: f64,
}

impl Loudness {
    /// The loudness to level by: integrated, or of the loudest 400 ms where the clip is too short for that.
    pub fn level(&self) -> Option<Lufs> {
        self.integrated.or(self.momentary_max)
    }
}

/// Measures everything. The clip's rate must be 16 Hz or more.
pub fn measure(clip: &Clip) -> Loudness {
    let steps = energies(clip);
    Loudness {
        integrated: gated(&steps.whole),
        momentary_max: loudest(&steps.all(), MOMENTARY),
        short_term_max: loudest(&steps.all(), SHORT_TERM),
        range_lu: range(&steps.whole),
        true_peak_dbtp: true_peak_dbtp(clip),
    }
}

/// What a whole piece measures but for its peaks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Programme {
    /// Gated loudness of the whole; `None` under 400 ms and for silence.
    pub integrated: Option<Lufs>,
    /// Loudness range in LU; 0 where it is not defined.
    pub range_lu: f64,
}

/// Gated loudness and range alone.
pub fn programme(clip: &Clip) -> Programme {
    let steps = energies(clip).whole;
    Programme { integrated: gated(&steps), range_lu: range(&steps) }
}

/// The gated loudness of the whole clip alone; `None` under 400 ms and for silence.
pub fn integrated(clip: &Clip) -> Option<Lufs> {
    gated(&energies(clip).whole)
}

/// The true peak alone, in dBTP, not below -120.
pub fn true_peak_dbtp(clip: &Clip) -> f64 {
    let peak = clip.iter_channels().map(true_peak).fold(0.0, f32::max);
    (20.0 * f64::from(peak).max(1e-6).log10()).max(-120.0)
}

/// The mean energies of all runs of `window` steps, `hop` steps apart.
fn runs(steps: &[f64], window: usize, hop: usize) -> impl Iterator<Item = f64> {
    steps.windows(window).step_by(hop).map(move |run| run.iter().sum::<f64>() / window as f64)
}

/// BS.1770-4, equations 5 to 7: the mean of the blocks above -70 LUFS and above 10 LU under their own mean.
fn gated(steps: &[f64]) -> Option<Lufs> {
    let blocks: Vec<f64> = runs(steps, MOMENTARY, 1).collect();
    let above = above_gate(&blocks, -10.0);
    audible(mean(above))
}

/// Tech 3342: the distance of the 10th and the 95th percentile of the short-term loudness above both gates.
fn range(steps: &[f64]) -> f64 {
    let blocks: Vec<f64> = runs(steps, SHORT_TERM, RANGE_HOP).collect();
    let mut above: Vec<f64> = above_gate(&blocks, -20.0).collect();
    above.sort_by(f64::total_cmp);
    let Some(last) = above.len().checked_sub(1) else { return 0.0 };
    let at = |share: f64| lufs(above[(last as f64 * share).round() as usize]);
    at(0.95) - at(0.1)
}

/// The blocks above the absolute gate, and of these the ones above their mean by `relative_lu`.
fn above_gate(blocks: &[f64], relative_lu: f64) -> impl Iterator<Item = f64> {
    let audible = |block: &f64| lufs(*block) >= ABSOLUTE_GATE;
    let gate = mean(blocks.iter().copied().filter(audible)) * 10.0_f64.powf(relative_lu / 10.0);
    blocks.iter().copied().filter(audible).filter(move |block| *block >= gate)
}

/// 0 for nothing.
fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0_u32), |(sum, count), value| (sum + value, count + 1));
    sum / f64::from(count.max(1))
}

/// The loudest run of `window` steps, all of it if there are fewer, silence making up the time.
fn loudest(steps: &[f64], window: usize) -> Option<Lufs> {
    let length = window.min(steps.len()).max(1);
    audible(runs(steps, length, 1).fold(0.0, f64::max) * length as f64 / window as f64)
}

/// BS.1770-4, equation 2: the loudness of an energy, the mean square after K-weighting summed over the channels.
fn lufs(energy: f64) -> f64 {
    10.0 * energy.log10() - 0.691
}

fn audible(energy: f64) -> Option<Lufs> {
    let lufs = lufs(energy);
    (lufs.is_finite() && lufs >= ABSOLUTE_GATE).then_some(Lufs(lufs))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    use dream_core::{Db, SampleRate, Seed};
    use ebur128::{EbuR128, Mode};

    const RATE: SampleRate = SampleRate(48_000);

    /// A sine of 997 Hz at that peak level on `channels` channels.
    fn sine(level_db: f32, channels: usize, seconds: f64) -> Clip {
        let gain = f64::from(Db(level_db).gain());
        let frames = (seconds * RATE.hz()) as usize;
        let wave: Vec<f32> = (0..frames)
            .map(|i| (gain * (TAU * 997.0 * i as f64 / RATE.hz()).sin()) as f32)
            .collect();
        Clip::new(RATE, &vec![&wave[..]; channels])
    }

    #[track_caller]
    fn check(lufs: Option<Lufs>, expected: f64) {
        let got = lufs.unwrap().0;
        assert!((got - expected).abs() < 0.05, "{got} LUFS, expected {expected}");
    }

    #[test]
    fn a_stereo_sine_of_997_hz_measures_its_peak_level_as_tech_3341_defines() {
        let loudness = measure(&sine(-23.0, 2, 20.0));
        check(loudness.integrated, -23.0);
        check(loudness.short_term_max, -23.0);
        check(loudness.momentary_max, -23.0);
        assert!(loudness.range_lu < 0.1);
        check(integrated(&sine(-33.0, 2, 20.0)), -33.0);
        // One channel at 0 dBFS is -3.01 LUFS.
        check(integrated(&sine(0.0, 1, 5.0)), -3.01);
    }

    #[test]
    fn gating_ignores_the_quiet_parts() {
        // Tech 3341, test 3: 10 s at -36, 60 s at -23, 10 s at -36; here with half of the times.
        let parts = [sine(-36.0, 2, 5.0), sine(-23.0, 2, 30.0), sine(-36.0, 2, 5.0)];
        let wave: Vec<f32> = parts.iter().flat_map(|part| part.channel(0).to_vec()).collect();
        check(integrated(&Clip::new(RATE, &[&wave, &wave])), -23.0);
    }

    #[test]
    fn a_one_shot_has_the_loudness_of_its_loudest_400_ms() {
        // 100 ms of sound in a window of 400 ms: 6 dB less.
        let loudness = measure(&sine(-10.0, 2, 0.1));
        assert_eq!(loudness.integrated, None);
        check(loudness.level(), -10.0 - 6.02);
        check(loudness.short_term_max, -10.0 - 14.77);
        check(measure(&sine(-10.0, 2, 0.123)).level(), -10.0 - 5.12);
    }

    #[test]
    fn silence_has_no_loudness() {
        let loudness = measure(&Clip::silence(RATE, 2, dream_core::Frames(48_000)));
        assert_eq!((loudness.integrated, loudness.level()), (None, None));
        assert!((loudness.true_peak_dbtp + 120.0).abs() < 1e-9);
    }

    #[test]
    fn the_true_peak_lies_between_the_samples() {
        // A quarter of the rate at 45 degrees: samples at -3 dB of the peak.
        let wave: Vec<f32> =
            (0..48_000).map(|i| (TAU * (f64::from(i) / 4.0 + 0.125)).sin() as f32).collect();
        let peak = true_peak_dbtp(&Clip::mono(RATE, wave));
        assert!(peak.abs() < 0.2, "{peak} dBTP");
    }

    #[test]
    fn another_meter_finds_the_same_true_peak() {
        for hz in [50.0, 997.0, 7_351.0, 12_000.0, 15_011.0] {
            // Faded, since meters differ on the edges of sounds.
            let wave: Vec<f32> = (0..24_000)
                .map(|i| {
                    let t = f64::from(i) / RATE.hz();
                    ((TAU * hz * t).sin() * (TAU * t).sin()) as f32
                })
                .collect();
            let mut meter = EbuR128::new(1, RATE.0, Mode::TRUE_PEAK).unwrap();
            meter.add_frames_f32(&wave).unwrap();
            let expected = 20.0 * meter.true_peak(0).unwrap().log10();
            let peak = true_peak_dbtp(&Clip::mono(RATE, wave));
            assert!((peak - expected).abs() < 0.1, "{hz} Hz: {peak} dBTP, expected {expected}");
        }
    }

    /// Noise whose level moves between -45 and -5 dB every few seconds, another one on every channel.
    fn moving_noise(rate: SampleRate, channels: usize, seconds: f64) -> Clip {
        let mut state = Seed(7);
        let mut channel = |_: usize| -> Vec<f32> {
            (0..(seconds * rate.hz()) as usize)
                .map(|i| {
                    state = state.index(0);
                    let noise = (state.0 >> 40) as f64 / 8_388_608.0 - 1.0;
                    let t = i as f64 / rate.hz();
                    let level = -25.0 + 20.0 * (TAU * t / 9.0).sin() * (TAU * t / 31.0).cos();
                    (noise * 10.0_f64.powf(level / 20.0)) as f32
                })
                .collect()
        };
        let all: Vec<Vec<f32>> = (0..channels).map(&mut channel).collect();
        Clip::new(rate, &all.iter().map(|channel| &channel[..]).collect::<Vec<_>>())
    }

    #[test]
    fn another_meter_finds_the_same_loudness() {
        for (rate, channels, seconds) in [
            (44_100, 2, 30.0),
            (48_000, 1, 12.3),
            (96_000, 2, 5.0),
            (22_050, 1, 0.5),
            (8_000, 2, 61.0),
        ] {
            let clip = moving_noise(SampleRate(rate), channels, seconds);
            let own = measure(&clip);
            let mut meter = EbuR128::new(channels as u32, rate, Mode::I | Mode::LRA).unwrap();
            let (mut momentary, mut short_term) = (f64::NEG_INFINITY, f64::NEG_INFINITY);
            let step = rate as usize / 10;
            for start in (0..clip.len()).step_by(step) {
                let end = clip.len().min(start + step);
                let part: Vec<&[f32]> = clip.iter_channels().map(|c| &c[start..end]).collect();
                meter.add_frames_planar_f32(&part).unwrap();
                momentary = momentary.max(meter.loudness_momentary().unwrap());
                if start / step >= 30 {
                    short_term = short_term.max(meter.loudness_shortterm().unwrap());
                }
            }
            let close = |own: Option<Lufs>, other: f64| {
                let own = own.unwrap().0;
                assert!((own - other).abs() < 0.01, "{rate} Hz: {own}, expected {other}");
            };
            close(own.integrated, meter.loudness_global().unwrap());
            close(integrated(&clip), meter.loudness_global().unwrap());
            close(own.momentary_max, momentary);
            if short_term.is_finite() {
                close(own.short_term_max, short_term);
            }
            let range = meter.loudness_range().unwrap();
            assert!((own.range_lu - range).abs() < 0.01, "{rate} Hz: {}, {range}", own.range_lu);
        }
    }
}
