//! Feed-forward compressor with a soft knee.
//!
//! Method: D. Giannoulis, M. Massberg, J. Reiss, "Digital Dynamic Range Compressor Design", JAES 60(6), 2012:
//! quadratic knee (equation 4) and smoothing of the gain in decibels with separate attack and release.

use dream_core::Db;

use super::one_pole;

/// What the compressor listens to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Detector {
    /// The largest absolute sample of all channels.
    Peak,
    /// The root of the mean square of all channels, over a sliding time in seconds.
    Rms(f64),
}

/// How a signal is compressed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CompressorSpec {
    /// Level where compression starts.
    pub threshold: Db,
    /// Input dB per output dB above the threshold, from 1.
    pub ratio: f32,
    /// Width of the soft knee in dB, centred on the threshold; 0 for a hard one.
    pub knee: Db,
    /// Time in which 63 % of a larger reduction is reached, in seconds.
    pub attack_s: f64,
    /// The same for a smaller one.
    pub release_s: f64,
    /// Gain after compression.
    pub makeup: Db,
    /// Peak or RMS.
    pub detector: Detector,
}

impl CompressorSpec {
    /// The static curve: gain in dB (0 or less, without make-up) for a level in dB.
    pub fn gain_db(&self, level_db: f32) -> f32 {
        let over = level_db - self.threshold.0;
        let knee = self.knee.0.max(0.0);
        let slope = 1.0 / self.ratio.max(1.0) - 1.0;
        if 2.0 * over <= -knee {
            0.0
        } else if 2.0 * over < knee {
            slope * (over + knee / 2.0).powi(2) / (2.0 * knee)
        } else {
            slope * over
        }
    }
}

/// A compressor with its state.
#[derive(Debug, Clone)]
pub struct Compressor {
    spec: CompressorSpec,
    attack: f32,
    release: f32,
    mean: f32,
    mean_square: f32,
    gain_db: f32,
    deepest_db: f32,
}

impl Compressor {
    /// A compressor at rest for signals of `rate` Hz.
    pub fn new(spec: &CompressorSpec, rate: f64) -> Self {
        let mean = match spec.detector {
            Detector::Peak => 1.0,
            Detector::Rms(seconds) => one_pole(seconds, rate),
        };
        Self {
            spec: *spec,
            attack: one_pole(spec.attack_s, rate),
            release: one_pole(spec.release_s, rate),
            mean,
            mean_square: 0.0,
            gain_db: 0.0,
            deepest_db: 0.0,
        }
    }

    /// Compresses a block in place; it listens to the block itself.
    pub fn run(&mut self, channels: &mut [&mut [f32]]) {
        let frames = channels.first().map_or(0, |channel| channel.len());
        for i in 0..frames {
            let power = match self.spec.detector {
                Detector::Peak => {
                    channels.iter().fold(0.0_f32, |peak, c| peak.max(c[i].abs())).powi(2)
                }
                Detector::Rms(_) => {
                    channels.iter().map(|c| c[i] * c[i]).sum::<f32>() / channels.len() as f32
                }
            };
            let gain = self.step(power);
            for channel in channels.iter_mut() {
                channel[i] *= gain;
            }
        }
    }

    /// Compresses a block in place by what happens in `key`, which is as long: the side-chain.
    pub fn run_keyed(&mut self, channels: &mut [&mut [f32]], key: &[f32]) {
        for (i, key) in key.iter().enumerate() {
            let gain = self.step(key * key);
            for channel in channels.iter_mut() {
                channel[i] *= gain;
            }
        }
    }

    /// The deepest reduction so far, in dB (0 or less).
    pub fn deepest(&self) -> Db {
        Db(self.deepest_db)
    }

    /// The linear gain after a frame of this power.
    fn step(&mut self, power: f32) -> f32 {
        self.mean_square += self.mean * (power - self.mean_square);
        // 10 log10(x) from the binary logarithm, which is the fastest.
        let level_db = 3.010_299_96 * self.mean_square.max(1e-12).log2();
        let target = self.spec.gain_db(level_db);
        let factor = if target < self.gain_db { self.attack } else { self.release };
        self.gain_db += factor * (target - self.gain_db);
        if self.gain_db > -1e-4 && target == 0.0 {
            self.gain_db = 0.0;
        }
        self.deepest_db = self.deepest_db.min(self.gain_db);
        (0.166_096_404 * (self.gain_db + self.spec.makeup.0)).exp2()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: CompressorSpec = CompressorSpec {
        threshold: Db(-20.0),
        ratio: 4.0,
        knee: Db(6.0),
        attack_s: 0.005,
        release_s: 0.05,
        makeup: Db(0.0),
        detector: Detector::Peak,
    };
    const RATE: f64 = 44_100.0;

    #[track_caller]
    fn check_curve(level_db: f32, expected_db: f32) {
        let got = SPEC.gain_db(level_db);
        assert!((got - expected_db).abs() < 1e-4, "{got} dB at {level_db} dB");
    }

    #[test]
    fn the_static_curve_is_the_papers() {
        check_curve(-60.0, 0.0);
        check_curve(-23.0, 0.0);
        check_curve(-20.0, -0.75 * 9.0 / 12.0);
        check_curve(-17.0, -0.75 * 3.0);
        check_curve(0.0, -15.0);
    }

    #[test]
    fn a_steady_signal_settles_on_the_curve() {
        for level_db in [-30.0_f32, -20.0, -12.0, 0.0] {
            let mut compressor = Compressor::new(&SPEC, RATE);
            let mut left = vec![Db(level_db).gain(); 44_100];
            let mut right = vec![0.0; 44_100];
            compressor.run(&mut [&mut left, &mut right]);
            let expected = level_db + SPEC.gain_db(level_db);
            let got = 20.0 * left[44_099].log10();
            assert!((got - expected).abs() < 0.01, "{got} dB, expected {expected}");
        }
    }

    #[test]
    fn attack_and_release_take_their_time() {
        let mut compressor = Compressor::new(&SPEC, RATE);
        let mut loud = vec![1.0; (0.005 * RATE) as usize];
        compressor.run(&mut [&mut loud]);
        assert!((compressor.gain_db / -15.0 - 0.632).abs() < 0.01);
        let mut rest = vec![1.0; 44_100];
        compressor.run(&mut [&mut rest]);
        let mut quiet = vec![0.0; (0.05 * RATE) as usize];
        compressor.run(&mut [&mut quiet]);
        assert!((compressor.gain_db / -15.0 - 0.368).abs() < 0.01);
    }

    #[test]
    fn block_sizes_do_not_matter() {
        let input: Vec<f32> =
            (0..5_000).map(|i| (i as f32 * 0.05).sin() * (i as f32 * 0.001).cos()).collect();
        let mut whole = input.clone();
        Compressor::new(&SPEC, RATE).run(&mut [&mut whole]);
        let mut parts = input;
        let mut compressor = Compressor::new(&SPEC, RATE);
        for part in parts.chunks_mut(37) {
            compressor.run(&mut [part]);
        }
        assert_eq!(whole, parts);
    }

    #[test]
    fn the_key_moves_the_gain_and_is_not_heard() {
        let mut pad = vec![0.1; 10_000];
        let key: Vec<f32> = (0..10_000).map(|i| if i < 5_000 { 1.0 } else { 0.0 }).collect();
        let mut compressor = Compressor::new(&SPEC, RATE);
        compressor.run_keyed(&mut [&mut pad], &key);
        assert!((20.0 * (pad[4_999] / 0.1).log10() + 15.0).abs() < 0.1);
        assert!(pad[9_999] > pad[5_000] * 2.0);
        assert!((compressor.deepest().0 + 15.0).abs() < 0.1);
    }

    #[test]
    fn rms_ignores_short_peaks() {
        let mut spike = vec![0.0; 1000];
        spike[500] = 1.0;
        let mut compressor =
            Compressor::new(&CompressorSpec { detector: Detector::Rms(0.05), ..SPEC }, RATE);
        compressor.run(&mut [&mut spike]);
        assert!(compressor.deepest().0 > -0.5);
    }
}
