//! Loudness and true peak.
//!
//! Method: ITU-R BS.1770-4 (K-weighting, gated integration, true peak at four times the rate) and EBU Tech 3341 and
//! 3342 (momentary, short term, range), the loudness by the `ebur128` crate. The true peak is our own, with a longer
//! kernel and five times as fast; `tests` hold it against that crate's. A mono clip is measured as one channel, 3 dB below
//! the same signal on both sides.

use dream_core::Lufs;
use ebur128::{EbuR128, Mode};

use crate::Clip;
use crate::oversample::true_peak;

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

/// Measures everything. The clip's rate must be 16 Hz or more and its channels 64 or fewer.
pub fn measure(clip: &Clip) -> Loudness {
    let mut meter = meter(clip, Mode::I | Mode::LRA);
    let step = (clip.rate().0 as usize / 10).max(1);
    let mut steps = Vec::with_capacity(clip.len() / step + 1);
    for start in (0..clip.len()).step_by(step) {
        add(&mut meter, clip, start, step);
        // The last step may be shorter; silence follows it.
        let part = (clip.len() - start).min(step) as f64 / step as f64;
        let window_ms = ((100.0 * part).round() as u32).max(1);
        let lufs = meter.loudness_window(window_ms).unwrap_or(f64::NEG_INFINITY);
        steps.push(energy(lufs) * f64::from(window_ms) / 100.0);
    }
    Loudness {
        integrated: audible(meter.loudness_global().ok()),
        momentary_max: loudest(&steps, 4),
        short_term_max: loudest(&steps, 30),
        range_lu: meter.loudness_range().ok().filter(|range| range.is_finite()).unwrap_or(0.0),
        true_peak_dbtp: true_peak_dbtp(clip),
    }
}

/// The loudest run of `window` steps of 100 ms, all of it if there are fewer, silence making up the time.
fn loudest(steps: &[f64], window: usize) -> Option<Lufs> {
    let sums = steps.windows(window.min(steps.len()).max(1)).map(|run| run.iter().sum::<f64>());
    let most = sums.fold(0.0, f64::max) / window as f64;
    audible(Some(10.0 * most.log10() - 0.691))
}

/// Mean square after K-weighting: BS.1770-4, equation 2 solved for it.
fn energy(lufs: f64) -> f64 {
    10.0_f64.powf((lufs + 0.691) / 10.0)
}

/// The gated loudness of the whole clip alone; `None` under 400 ms and for silence.
pub fn integrated(clip: &Clip) -> Option<Lufs> {
    let mut meter = meter(clip, Mode::I);
    add(&mut meter, clip, 0, clip.len());
    audible(meter.loudness_global().ok())
}

/// The true peak alone, in dBTP, not below -120.
pub fn true_peak_dbtp(clip: &Clip) -> f64 {
    let peak = clip.iter_channels().map(true_peak).fold(0.0, f32::max);
    (20.0 * f64::from(peak).max(1e-6).log10()).max(-120.0)
}

fn meter(clip: &Clip, mode: Mode) -> EbuR128 {
    EbuR128::new(clip.channels() as u32, clip.rate().0, mode)
        .expect("a decoded clip has a rate and channels within the meter's range")
}

fn add(meter: &mut EbuR128, clip: &Clip, start: usize, frames: usize) {
    let end = clip.len().min(start + frames);
    let channels: Vec<&[f32]> = clip.iter_channels().map(|channel| &channel[start..end]).collect();
    meter.add_frames_planar_f32(&channels).expect("as many channels as the meter has");
}

fn audible(lufs: Option<f64>) -> Option<Lufs> {
    lufs.filter(|lufs| lufs.is_finite() && *lufs >= -70.0).map(Lufs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    use dream_core::{Db, SampleRate};

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
}
