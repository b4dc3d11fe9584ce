//! Onset strength and onset times from the growth of log-spaced bands.
//!
//! Method: S. Böck and G. Widmer, "Maximum filter vibrato suppression for onset detection", Digital Audio Effects 2013:
//! log-compressed bands, half-wave rectified difference against the maximum of the neighbouring bands
//! two hops earlier. We differ: 24 geometric bands, level taken relative to the clip's peak, and peaks
//! must rise above their surroundings by a share of the strongest.
//! In: mono samples at 44.1 kHz. Out: strength per hop, onsets.
//! Shapes: strength `[hops]`, hop 256 (5.8 ms), window 1024 (23 ms); the first hop is
//! where the sound begins, whatever silence comes before it. Cost: one pass, O(frames log window).

use dream_audio::spectrum::{Complex, Stft, Window};

use crate::spectrum::{Windowing, each_hop_from, sounding, vertex};

/// Hops per second of the onset strength.
pub(crate) const HOPS_PER_S: f64 = 44_100.0 / HOP as f64;

const HOP: usize = 256;
const WINDOWING: Windowing = Windowing { window: 1024, hop: HOP };
const BANDS: usize = 24;
/// Bands that count as low: 43 to 160 Hz.
const LOW_BANDS: usize = 4;
/// Bands from here on count as high: above 4.6 kHz.
const HIGH_FROM: usize = 19;
/// The difference looks back this many hops, so that a 23 ms window does not smear the attack.
const LAG: usize = 2;
/// Compression: a sine 50 dB below the peak contributes ln 2.
const COMPRESSION: f32 = 300.0;
/// The strength peaks this long before the attack it reports, because the window reaches ahead.
const LEAD_S: f64 = -0.002;

/// One onset.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Onset {
    /// When, in seconds from the start.
    pub time_s: f64,
    /// How strong, in units of the onset strength (mean growth of the log bands).
    pub strength: f32,
    /// The share of its strength that lies below 160 Hz, 0 to 1.
    pub low: f32,
    /// The share of its strength that lies above 4.6 kHz, 0 to 1.
    pub high: f32,
    /// How much the sound after it differs from that after the onset before, 0 to 1: a new chord, another drum.
    pub change: f32,
}

/// The onsets of a clip and the curve they were found in.
#[derive(Debug, Clone, Default)]
pub struct Onsets {
    /// Onset strength per hop of 256 frames, not negative.
    pub strength: Vec<f32>,
    /// When the first hop is, in seconds: where the sound begins.
    pub(crate) first_s: f64,
    /// The onsets in order of time.
    pub list: Vec<Onset>,
}

/// The onsets of mono samples at 44.1 kHz.
pub fn onsets(mono: &[f32]) -> Onsets {
    let peak = mono.iter().fold(0.0_f32, |peak, x| peak.max(x.abs()));
    if peak < 1e-5 {
        return Onsets::default();
    }
    let edges = band_edges();
    let first = sounding(mono).start;
    let hops = WINDOWING.hops(mono.len() - first);
    let mut strength = Vec::with_capacity(hops);
    let mut low = Vec::with_capacity(hops);
    let mut high = Vec::with_capacity(hops);
    let mut past = [[0.0_f32; BANDS]; LAG]; // ring of the last LAG hops
    each_hop_from(mono, WINDOWING, first, |hop, magnitudes| {
        let mut bands = [0.0_f32; BANDS];
        for (band, edge) in bands.iter_mut().zip(edges.windows(2)) {
            let power: f32 = magnitudes[edge[0]..edge[1]].iter().map(|m| m * m).sum();
            *band = (COMPRESSION * power.sqrt() / peak).ln_1p();
        }
        let before = &past[hop % LAG];
        let growth: [f32; BANDS] = std::array::from_fn(|b| {
            let around = &before[b.saturating_sub(1)..(b + 2).min(BANDS)];
            (bands[b] - around.iter().copied().fold(0.0, f32::max)).max(0.0)
        });
        let sum: f32 = growth.iter().sum();
        strength.push(sum / BANDS as f32);
        low.push(growth[..LOW_BANDS].iter().sum::<f32>() / BANDS as f32);
        high.push(growth[HIGH_FROM..].iter().sum::<f32>() / BANDS as f32);
        past[hop % LAG] = bands;
    });
    // Where the window reaches past the end, the cut itself would look like an attack.
    let whole = mono.len().saturating_sub(first + WINDOWING.window / 2) / HOP;
    let first_s = first as f64 / 44_100.0;
    let mut list = pick(&strength, &low, &high, whole.max(1), first_s);
    mark_changes(mono, &mut list);
    Onsets { strength, first_s, list }
}

/// Bin edges of the bands: geometric from bin 1 (43 Hz) to bin 372 (16 kHz), none empty.
fn band_edges() -> [usize; BANDS + 1] {
    let mut edges = [1; BANDS + 1];
    for b in 1..=BANDS {
        let ideal = 372.0_f64.powf(b as f64 / BANDS as f64).round() as usize;
        edges[b] = ideal.max(edges[b - 1] + 1);
    }
    edges
}

fn pick(strength: &[f32], low: &[f32], high: &[f32], whole: usize, first_s: f64) -> Vec<Onset> {
    const REACH: usize = 6; // an onset is the largest within 35 ms
    const BEFORE: usize = 18; // its surroundings: 105 ms before
    const AFTER: usize = 12; // and 70 ms after
    let top = strength.iter().copied().fold(0.0, f32::max);
    let floor = (0.10 * top).max(0.04);
    let mut sums = vec![0.0_f64; strength.len() + 1];
    for (i, s) in strength.iter().enumerate() {
        sums[i + 1] = sums[i] + f64::from(*s);
    }
    let mut list: Vec<Onset> = Vec::new();
    let mut last: Option<usize> = None;
    for (t, &s) in strength.iter().enumerate().take(whole) {
        let near = &strength[t.saturating_sub(REACH)..(t + REACH + 1).min(strength.len())];
        let (from, to) = (t.saturating_sub(BEFORE), (t + AFTER + 1).min(strength.len()));
        let mean = ((sums[to] - sums[from]) / (to - from) as f64) as f32;
        let fresh = last.is_none_or(|last| t - last > REACH);
        if s > floor && s > 1.3 * mean + 0.3 * floor && fresh && near.iter().all(|&n| n <= s) {
            last = Some(t);
            // The low share is read where the low bands, which rise later, are strongest.
            let most = |band: &[f32], after: usize| {
                let around = &band[t.saturating_sub(1)..(t + after).min(band.len())];
                (around.iter().copied().fold(0.0, f32::max) / s).min(1.0)
            };
            list.push(Onset {
                time_s: (first_s + (t as f64 + offset(strength, t)) / HOPS_PER_S - LEAD_S).max(0.0),
                strength: s,
                low: most(low, 4),
                high: most(high, 2),
                change: 0.0,
            });
        }
    }
    list
}

/// Tells for each onset how much the sound after it differs from that after the onset before.
///
/// One minus the cosine of the two spectra in semitone bands from 55 Hz to 4.4 kHz, each the square root of the
/// amplitude, so that the loudest partial does not decide alone; of the first onset nothing is known.
fn mark_changes(mono: &[f32], list: &mut [Onset]) {
    const WINDOW: usize = 4096;
    const AFTER_S: f64 = 0.015; // the attack itself says little of the pitch
    const BANDS: usize = 76;
    let mut stft = Stft::new(WINDOW, WINDOW, Window::Hann);
    let mut bins = vec![Complex::default(); stft.bins()];
    let edge = |band: usize| {
        let hz = 55.0 * ((band as f64 - 0.5) / 12.0).exp2();
        (hz / 44_100.0 * WINDOW as f64).round() as usize
    };
    let mut before: Option<[f32; BANDS]> = None;
    for onset in list {
        let start = ((onset.time_s + AFTER_S) * 44_100.0) as i64;
        stft.forward_at(mono, start + WINDOW as i64 / 2, &mut bins);
        let mut now: [f32; BANDS] = std::array::from_fn(|band| {
            let (from, to) = (edge(band), edge(band + 1).max(edge(band) + 1));
            let power: f32 = bins[from..to].iter().map(Complex::norm_sqr).sum();
            power.sqrt().sqrt()
        });
        let norm = now.iter().map(|x| x * x).sum::<f32>().sqrt().max(1e-9);
        for x in &mut now {
            *x /= norm;
        }
        onset.change = before.map_or(0.0, |before| {
            (1.0 - before.iter().zip(&now).map(|(a, b)| a * b).sum::<f32>()).clamp(0.0, 1.0)
        });
        before = Some(now);
    }
}

/// How far the top lies from hop `t`, -0.5 to 0.5.
fn offset(values: &[f32], t: usize) -> f64 {
    if t == 0 || t + 1 >= values.len() {
        return 0.0;
    }
    vertex([values[t - 1], values[t], values[t + 1]].map(f64::from))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::{clicks, noise, silence, sine};

    #[test]
    fn every_click_is_an_onset_at_its_time() {
        let times = [0.1, 0.5, 0.62, 1.0, 1.4, 1.9];
        let found = onsets(&clicks(&times, 2.5)).list;
        assert_eq!(found.len(), times.len(), "{found:?}");
        for (onset, time) in found.iter().zip(times) {
            assert!((onset.time_s - time).abs() < 0.006, "{} for {time}", onset.time_s);
        }
    }

    #[test]
    fn a_sine_has_one_onset_and_silence_none() {
        assert_eq!(onsets(&sine(220.0, 2.0)).list.len(), 1);
        assert!(onsets(&silence(2.0)).list.is_empty());
        assert!(onsets(&[]).list.is_empty());
        assert!(onsets(&[0.7]).list.len() <= 1);
    }

    #[test]
    fn steady_noise_has_few_onsets_after_its_start() {
        assert!(onsets(&noise(4.0)).list.len() <= 2, "{:?}", onsets(&noise(4.0)).list.len());
    }
}
