//! Instantaneous frequency from the analytic signal.

use std::f64::consts::{PI, TAU};

use crate::fft::fft;

/// Instantaneous frequency in Hz of the part of `samples` between `low` and `high` Hz, one value per sample,
/// with the amplitude there. The band is cut with raised-cosine edges half an octave wide.
pub fn instantaneous(samples: &[f64], low: f64, high: f64, rate: f64) -> Vec<(f64, f64)> {
    let margin = 4096;
    let n = (samples.len() + 2 * margin).next_power_of_two();
    let mut re = vec![0.0; n];
    re[margin..margin + samples.len()].copy_from_slice(samples);
    let mut im = vec![0.0; n];
    fft(&mut re, &mut im);
    for k in 0..n {
        let hz = k as f64 * rate / n as f64;
        let gain = if k > n / 2 {
            0.0
        } else {
            2.0 * edge(hz, low) * edge(high * high / hz.max(1e-9), high)
        };
        re[k] *= gain;
        im[k] *= -gain; // the conjugate turns the forward transform into the inverse
    }
    fft(&mut re, &mut im);
    let phase = |i: usize| (-im[i]).atan2(re[i]);
    (margin..margin + samples.len())
        .map(|i| {
            let step = (phase(i + 1) - phase(i) + PI).rem_euclid(TAU) - PI;
            (step * rate / TAU, re[i].hypot(im[i]) / n as f64)
        })
        .collect()
}

/// 0 below half an octave under `corner`, 1 from `corner` on.
fn edge(hz: f64, corner: f64) -> f64 {
    let octaves = (hz.max(1e-9) / corner).log2();
    if octaves >= 0.0 {
        1.0
    } else if octaves <= -0.5 {
        0.0
    } else {
        0.5 - 0.5 * (TAU * (octaves + 0.5)).cos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_is_followed() {
        let rate = 44_100.0;
        let mut phase = 0.0;
        let sweep: Vec<f64> = (0..22_050)
            .map(|i| {
                phase += (300.0 - f64::from(i) / 110.25) / rate;
                (TAU * phase).sin()
            })
            .collect();
        let track = instantaneous(&sweep, 25.0, 600.0, rate);
        for i in [4_000, 11_025, 18_000] {
            let expected = 300.0 - i as f64 / 110.25;
            assert!((track[i].0 - expected).abs() < 2.0, "{i}: {} Hz, not {expected}", track[i].0);
            assert!((track[i].1 - 1.0).abs() < 0.05);
        }
    }
}
