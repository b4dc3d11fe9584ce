//! Timbre of a sound: fifteen descriptors of attack, decay, spectrum and movement.
//!
//! In: samples at 44.1 kHz. The sound is cut from 1 ms before it first passes 1 % of its peak to where it
//! last passes 0.1 %, and scaled to peak 1. Spectra: 1024 samples, hop 256, Hann.

use crate::fft::{power, stft};

const RATE: f64 = 44_100.0;
const HOP: usize = 256;
/// Edges of the five bands in Hz.
pub const BANDS: [(f64, f64); 5] =
    [(20.0, 120.0), (120.0, 500.0), (500.0, 2000.0), (2000.0, 6000.0), (6000.0, 16_000.0)];

/// What one hears first of a sound, as numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Timbre {
    /// Rise from 10 to 90 % of the 1 ms RMS envelope, ms.
    pub attack_ms: f64,
    /// Peak over RMS of the first 200 ms, dB.
    pub crest_db: f64,
    /// Time from the peak of the 6 ms power envelope to the last -20 dB, s.
    pub t20_s: f64,
    /// Energy-weighted spectral centroid, Hz.
    pub centroid: f64,
    /// The same of the first 20 ms, Hz.
    pub early: f64,
    /// The same of 80 to 200 ms, Hz; absent in shorter sounds.
    pub late: Option<f64>,
    /// Frequency below which 85 % of the energy lies, Hz.
    pub rolloff: f64,
    /// Energy-weighted spectral flatness, 100 Hz to 16 kHz.
    pub flatness: f64,
    /// Mean change of 24 logarithmic bands between hops 23 ms apart, dB.
    pub flux: f64,
    /// Share of the energy in the strongest 2 % of 8192-point bins.
    pub tonality: f64,
    /// Share of the energy in each of `BANDS`, dB.
    pub bands: [f64; 5],
    /// Standard deviation of the log2 centroid, octaves.
    pub centroid_spread: f64,
}

/// The part that sounds, see the module's text.
pub fn trimmed(samples: &[f64]) -> &[f64] {
    let peak = samples.iter().fold(0.0_f64, |peak, x| peak.max(x.abs()));
    let first = samples.iter().position(|x| x.abs() > 0.01 * peak);
    let last = samples.iter().rposition(|x| x.abs() > 0.001 * peak);
    match (first, last) {
        (Some(first), Some(last)) => &samples[first.saturating_sub(44)..=last],
        _ => &[],
    }
}

/// The timbre of mono `samples`; `None` for silence.
pub fn timbre(samples: &[f64]) -> Option<Timbre> {
    let sound = trimmed(samples);
    let peak = sound.iter().fold(0.0_f64, |peak, x| peak.max(x.abs()));
    if peak <= 0.0 {
        return None;
    }
    let sound: Vec<f64> = sound.iter().map(|x| x / peak).collect();

    let mut padded = sound.clone();
    padded.resize(padded.len().max(2048), 0.0);
    let spectra = stft(&padded, 1024, HOP);
    let hz = |bin: usize| bin as f64 * RATE / 1024.0;
    let total: Vec<f64> = spectra.iter().map(|p| p.iter().sum()).collect();
    let centroid: Vec<f64> = spectra
        .iter()
        .zip(&total)
        .map(|(p, total)| {
            p.iter().enumerate().map(|(k, p)| hz(k) * p).sum::<f64>() / (total + 1e-15)
        })
        .collect();
    let loudest = total.iter().fold(0.0_f64, |a, b| a.max(*b));
    let active: Vec<usize> = (0..total.len()).filter(|i| total[*i] > 1e-4 * loudest).collect();
    let time = |i: usize| (i * HOP) as f64 / RATE;
    let mean_centroid = |hops: &[usize]| {
        let weight: f64 = hops.iter().map(|i| total[*i]).sum();
        (weight > 0.0).then(|| hops.iter().map(|i| centroid[*i] * total[*i]).sum::<f64>() / weight)
    };
    let between = |from: f64, to: f64| -> Vec<usize> {
        (0..total.len()).filter(|i| time(*i) >= from && time(*i) < to).collect()
    };
    let summed: Vec<f64> = (0..=512).map(|k| spectra.iter().map(|p| p[k]).sum()).collect();
    let logs: Vec<f64> = active.iter().map(|i| (centroid[*i] + 20.0).log2()).collect();

    Some(Timbre {
        attack_ms: attack_ms(&sound),
        crest_db: crest_db(&sound[..sound.len().min(8820)]),
        t20_s: t20(&sound),
        centroid: mean_centroid(&active)?,
        early: mean_centroid(&between(0.0, 0.02))?,
        late: mean_centroid(&between(0.08, 0.2)),
        rolloff: hz(quantile(&summed, 0.85)),
        flatness: flatness(&spectra, &total, &active, hz),
        flux: flux(&spectra, &active, hz),
        tonality: tonality(&sound),
        bands: band_shares(&sound),
        centroid_spread: deviation(&logs),
    })
}

/// A sound as a picture of `[64 bands, 11 segments]`: the energy of logarithmic bands from 40 Hz to 16 kHz
/// in equal segments of time, logarithmic down to -60 dB, of unit energy.
pub fn portrait(samples: &[f64]) -> Vec<f64> {
    const SEGMENTS: usize = 11;
    let edge = |band: usize| 40.0 * 400.0_f64.powf(band as f64 / 64.0);
    let spectra = stft(trimmed(samples), 2048, HOP);
    let bin = |hz: f64| (hz * 2048.0 / RATE) as usize;
    let mut picture = vec![0.0; 64 * SEGMENTS];
    for (i, spectrum) in spectra.iter().enumerate() {
        for band in 0..64 {
            let (from, to) = (bin(edge(band)), bin(edge(band + 1)));
            let energy: f64 = spectrum[from..to.max(from + 1)].iter().sum();
            picture[band * SEGMENTS + i * SEGMENTS / spectra.len()] += energy;
        }
    }
    let loudest = picture.iter().fold(1e-30_f64, |a, b| a.max(*b));
    for value in &mut picture {
        *value = 6.0 + (*value / loudest).max(1e-6).log10();
    }
    let length = picture.iter().map(|value| value * value).sum::<f64>().sqrt();
    picture.iter().map(|value| value / length).collect()
}

fn attack_ms(sound: &[f64]) -> f64 {
    let envelope = smoothed(sound, 44);
    let peak = envelope.iter().fold(0.0_f64, |a, b| a.max(*b));
    let high = envelope.iter().position(|e| *e >= 0.81 * peak).unwrap_or(0); // 0.9 of the RMS
    let low = envelope[..=high].iter().rposition(|e| *e <= 0.01 * peak).unwrap_or(0);
    (high - low) as f64 / RATE * 1e3
}

fn crest_db(sound: &[f64]) -> f64 {
    let peak = sound.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
    let power = sound.iter().map(|x| x * x).sum::<f64>() / sound.len() as f64;
    20.0 * (peak / (power + 1e-12).sqrt()).log10()
}

fn t20(sound: &[f64]) -> f64 {
    let envelope: Vec<f64> = smoothed(sound, 264).into_iter().step_by(44).collect();
    let peak = (0..envelope.len()).fold(0, |a, b| if envelope[b] > envelope[a] { b } else { a });
    let tail = &envelope[peak..];
    tail.iter().rposition(|e| *e > 0.01 * tail[0]).map_or(0.0, |last| (last + 1) as f64 * 0.001)
}

/// Mean power in a window of `width` samples around each sample.
fn smoothed(sound: &[f64], width: usize) -> Vec<f64> {
    let sums: Vec<f64> = std::iter::once(0.0)
        .chain(sound.iter().scan(0.0, |sum, x| {
            *sum += x * x;
            Some(*sum)
        }))
        .collect();
    (0..sound.len())
        .map(|i| {
            let (from, to) = (i.saturating_sub(width / 2), (i + width / 2).min(sound.len()));
            (sums[to] - sums[from]).max(0.0) / width as f64
        })
        .collect()
}

fn quantile(power: &[f64], share: f64) -> usize {
    let goal = share * power.iter().sum::<f64>();
    let mut sum = 0.0;
    power
        .iter()
        .position(|p| {
            sum += p;
            sum >= goal
        })
        .unwrap_or(power.len() - 1)
}

fn flatness(
    spectra: &[Vec<f64>],
    total: &[f64],
    active: &[usize],
    hz: impl Fn(usize) -> f64,
) -> f64 {
    let bins: Vec<usize> = (0..=512).filter(|k| hz(*k) > 100.0 && hz(*k) < 16_000.0).collect();
    // The spectra of the reference carry the scale of a window normalised to sum 1.
    let scale = (1.0_f64 / 512.0).powi(2);
    let one = |i: usize| {
        let q = || bins.iter().map(|k| spectra[i][*k] * scale + 1e-14);
        let count = bins.len() as f64;
        (q().map(f64::ln).sum::<f64>() / count).exp() / (q().sum::<f64>() / count)
    };
    let weight: f64 = active.iter().map(|i| total[*i]).sum();
    active.iter().map(|i| one(*i) * total[*i]).sum::<f64>() / weight
}

fn flux(spectra: &[Vec<f64>], active: &[usize], hz: impl Fn(usize) -> f64) -> f64 {
    let edge = |i: usize| 60.0 * (16_000.0_f64 / 60.0).powf(i as f64 / 24.0);
    let bands: Vec<Vec<f64>> = spectra
        .iter()
        .map(|p| {
            (0..24)
                .map(|b| {
                    let (from, to) = (edge(b), edge(b + 1).max(edge(b) + 45.0));
                    (0..=512).filter(|k| hz(*k) >= from && hz(*k) < to).map(|k| p[k]).sum()
                })
                .collect()
        })
        .collect();
    let loudest = bands.iter().flatten().fold(0.0_f64, |a, b| a.max(*b));
    let db = |x: f64| 10.0 * (x / (loudest + 1e-15) + 1e-6).log10();
    let changes: Vec<f64> = active
        .iter()
        .filter(|i| **i >= 4)
        .map(|i| {
            (0..24).map(|b| (db(bands[*i][b]) - db(bands[i - 4][b])).abs()).sum::<f64>() / 24.0
        })
        .collect();
    if changes.is_empty() { 0.0 } else { changes.iter().sum::<f64>() / changes.len() as f64 }
}

fn tonality(sound: &[f64]) -> f64 {
    let size = if sound.len() > 8192 { 8192 } else { 2048 };
    let mut padded = sound.to_vec();
    padded.resize(padded.len().max(size), 0.0);
    let (mut strong, mut all) = (0.0, 0.0);
    for mut spectrum in stft(&padded, size, size / 4) {
        let total: f64 = spectrum.iter().sum();
        spectrum.sort_by(|a, b| b.total_cmp(a));
        let count = (spectrum.len() / 50).max(1);
        strong += spectrum[..count].iter().sum::<f64>();
        all += total;
    }
    strong / (all + 1e-15)
}

fn band_shares(sound: &[f64]) -> [f64; 5] {
    let power = power(sound, 8192);
    let hz = |k: usize| k as f64 * RATE / (2 * (power.len() - 1)) as f64;
    let total: f64 = power.iter().sum();
    BANDS.map(|(from, to)| {
        let share: f64 =
            (0..power.len()).filter(|k| hz(*k) >= from && hz(*k) < to).map(|k| power[k]).sum();
        10.0 * (share / total + 1e-9).log10()
    })
}

fn deviation(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::{noise, sine};

    fn wide(samples: &[f32]) -> Vec<f64> {
        samples.iter().map(|x| f64::from(*x)).collect()
    }

    #[test]
    fn a_sine_is_tonal_and_sits_at_its_pitch() {
        let sine = timbre(&wide(&sine(1000.0, 0.5, RATE))).unwrap();
        assert!((sine.centroid - 1000.0).abs() < 15.0, "{}", sine.centroid);
        assert!(sine.tonality > 0.95 && sine.flatness < 0.01);
        assert!(sine.bands[2] > -0.1 && sine.bands[0] < -30.0);
        assert!((sine.crest_db - 3.01).abs() < 0.1);
    }

    #[test]
    fn noise_is_flat_and_bright() {
        let noise = timbre(&wide(&noise(22_050, 1))).unwrap();
        assert!(noise.flatness > 0.4 && noise.tonality < 0.3, "{noise:?}");
        assert!((noise.centroid - 11_000.0).abs() < 500.0);
    }

    #[test]
    fn an_exponential_decay_is_timed() {
        let sound: Vec<f64> = (0..44_100)
            .map(|i| (f64::from(i) * 0.3).sin() * 10.0_f64.powf(-3.0 * f64::from(i) / RATE))
            .collect();
        let t20 = timbre(&sound).unwrap().t20_s;
        assert!((t20 - 1.0 / 3.0).abs() < 0.02, "{t20}");
    }

    #[test]
    fn silence_has_no_timbre() {
        assert_eq!(timbre(&[0.0; 1000]), None);
        assert_eq!(timbre(&[]), None);
    }
}
