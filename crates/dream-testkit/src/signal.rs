//! Signals whose truth is known.

use std::f64::consts::TAU;

/// A sine of amplitude 1.
pub fn sine(hz: f64, seconds: f64, rate: f64) -> Vec<f32> {
    let frames = (seconds * rate).round() as usize;
    (0..frames).map(|i| (TAU * hz * i as f64 / rate).sin() as f32).collect()
}

/// White noise in -1..1 from a linear congruential generator (Knuth's MMIX constants).
pub fn noise(frames: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    (0..frames)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let unit = (state >> 11) as f64 / (1_u64 << 53) as f64;
            (2.0 * unit - 1.0) as f32
        })
        .collect()
}

/// Clicks of 5 ms (a decaying 1 kHz sine) at the given times in seconds.
pub fn clicks(times_s: &[f64], seconds: f64, rate: f64) -> Vec<f32> {
    let mut out = vec![0.0_f32; (seconds * rate).round() as usize];
    for time in times_s {
        let start = (time * rate).round() as usize;
        for i in 0..(0.005 * rate) as usize {
            if let Some(sample) = out.get_mut(start + i) {
                let t = i as f64 / rate;
                *sample += ((TAU * 1000.0 * t).cos() * (-t / 0.001).exp()) as f32;
            }
        }
    }
    out
}

/// A RIFF WAVE file of 16-bit samples, interleaved from equally long channels.
pub fn wav16(channels: &[&[f32]], rate: u32) -> Vec<u8> {
    let (count, frames) = (channels.len(), channels.first().map_or(0, |c| c.len()));
    let bytes = (count * frames * 2) as u32;
    let mut out = Vec::with_capacity(44 + bytes as usize);
    out.extend_from_slice(b"RIFF");
    out.extend_from_slice(&(36 + bytes).to_le_bytes());
    out.extend_from_slice(b"WAVEfmt ");
    out.extend_from_slice(&16_u32.to_le_bytes());
    out.extend_from_slice(&1_u16.to_le_bytes());
    out.extend_from_slice(&(count as u16).to_le_bytes());
    out.extend_from_slice(&rate.to_le_bytes());
    out.extend_from_slice(&(rate * count as u32 * 2).to_le_bytes());
    out.extend_from_slice(&(count as u16 * 2).to_le_bytes());
    out.extend_from_slice(&16_u16.to_le_bytes());
    out.extend_from_slice(b"data");
    out.extend_from_slice(&bytes.to_le_bytes());
    for i in 0..frames {
        for channel in channels {
            let sample = (channel[i].clamp(-1.0, 1.0) * 32_767.0).round() as i16;
            out.extend_from_slice(&sample.to_le_bytes());
        }
    }
    out
}
