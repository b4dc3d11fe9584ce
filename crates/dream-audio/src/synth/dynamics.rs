//! Levels over time: compression, transient shaping, ducking.
//!
//! Method: feed-forward compressor in the log domain with a quadratic knee, D. Giannoulis, M. Massberg,
//! J. Reiss, "Digital Dynamic Range Compressor Design", JAES 60(6), 2012. Both channels share one gain.

use super::curve::{exp2, ramp};
use super::sound::{RATE, Sound};

/// A compressor: threshold in dBFS, ratio above it, times in milliseconds. The knee is 6 dB wide.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Squeeze {
    pub threshold: f32,
    pub ratio: f32,
    pub attack_ms: f64,
    pub release_ms: f64,
}

impl Sound {
    /// Compresses peaks.
    pub(crate) fn squeezed(self, squeeze: &Squeeze) -> Self {
        const KNEE: f32 = 6.0;
        const DB_TO_LOG2: f32 = 0.166_096_4; // log2(10) / 20
        let pole = |ms: f64| (-1000.0 / (ms * RATE)).exp() as f32;
        let (attack, release) = (pole(squeeze.attack_ms), pole(squeeze.release_ms));
        let slope = 1.0 / squeeze.ratio - 1.0;
        let mut held = 0.0_f32;
        let gain = self.envelope().each(|envelope| {
            for x in envelope {
                let over = 20.0 * (*x + 1e-9).log10() - squeeze.threshold;
                let wanted = if 2.0 * over < -KNEE {
                    0.0
                } else if 2.0 * over <= KNEE {
                    slope * (over + KNEE / 2.0).powi(2) / (2.0 * KNEE)
                } else {
                    slope * over
                };
                let pole = if wanted < held { attack } else { release };
                held = pole * held + (1.0 - pole) * wanted;
                *x = exp2(held * DB_TO_LOG2);
            }
        });
        self * &gain
    }

    /// Lifts attacks: gain is the ratio of a fast to a slow envelope to the power of `amount`.
    pub(crate) fn punchy(self, amount: f32) -> Self {
        let pole = |ms: f64| (1.0 - (-1000.0 / (ms * RATE)).exp()) as f32;
        let (fast_pole, slow_pole) = (pole(1.0), pole(15.0));
        let (mut fast, mut slow) = (0.0_f32, 0.0_f32);
        let gain = self.envelope().each(|envelope| {
            for x in envelope {
                fast += fast_pole * (*x - fast);
                slow += slow_pole * (*x - slow);
                *x = ((fast + 1e-4) / (slow + 1e-4)).clamp(0.3, 6.0).powf(amount);
            }
        });
        self * &gain
    }

    /// The larger of both sides, rectified.
    fn envelope(&self) -> Self {
        let mut envelope: Vec<f32> = self.channel(0).iter().map(|x| x.abs()).collect();
        if self.is_stereo() {
            for (peak, right) in envelope.iter_mut().zip(self.channel(1)) {
                *peak = peak.max(right.abs());
            }
        }
        Self::mono(envelope)
    }

    /// Gives way to a kick on every beat: down by `depth` (0 to 1), back after 55 % of the beat.
    pub(crate) fn ducked(self, beat: f64, depth: f32) -> Self {
        const ATTACK: f32 = 0.004;
        let per_beat = (beat * RATE) as f32;
        self.each(|samples| {
            for (i, x) in samples.iter_mut().enumerate() {
                let phase = (i as f64 / (beat * RATE)).fract() as f32;
                let back = ramp(1.0 - phase / 0.55, 0.0, 1.0);
                let onset = ramp(phase * per_beat / RATE as f32, 0.0, ATTACK);
                *x *= 1.0 - depth * back * back.sqrt() * onset;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::osc::sine;
    use super::*;

    #[test]
    fn compression_obeys_its_ratio() {
        let squeeze = Squeeze { threshold: -20.0, ratio: 4.0, attack_ms: 1.0, release_ms: 200.0 };
        let out = sine(1.0, |_| 100.0).squeezed(&squeeze);
        let peak = 20.0 * out.slice(22_050, 44_100).peak().log10();
        assert!((peak + 15.0).abs() < 0.6, "{peak} dB");
    }

    #[test]
    fn ducking_dips_after_the_beat_and_recovers() {
        let ducked = Sound::mono(vec![1.0; 22_050]).ducked(0.5, 0.75);
        let at = |seconds: f64| ducked.channel(0)[(seconds * RATE) as usize];
        assert!(at(0.006) < 0.35 && at(0.45) > 0.999 && at(0.0) > 0.999);
    }
}
