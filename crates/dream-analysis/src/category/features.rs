//! What the category classifier looks at.
//!
//! Method: spectra of attack, body and tail, envelope, movement and modulation of a picture of twenty bands, as
//! common in the classification of percussion (P. Herrera, A. Yeterian, F. Gouyon, "Automatic Classification of Drum
//! Sounds", ICMAI 2002), and pitch and peakiness of about forty long windows: the generalised autocorrelation of
//! T. Tolonen and M. Karjalainen, "A Computationally Efficient Multipitch Analysis Model", IEEE TSAP 8(6), 2000,
//! without its two channels. Finer spectra are in `mel`.
//! They are the classifier's own, so that a change to another fact leaves its weights as they are. All are relative to
//! the loudest hop: gain, polarity and channel order change nothing.
//! In: mono samples at 44.1 kHz. Out: `[FEATURES]`, finite. Cost: the picture, and at most 40 pairs of transforms
//! of 4096.

use dream_audio::spectrum::{Complex, Stft, Window};
use realfft::RealFftPlanner;

use super::mel::{self, MEL_FEATURES};
use super::picture::{BANDS, FLOOR_DB, HOPS_PER_S, Picture, power};

/// Number of features.
pub const FEATURES: usize =
    4 * BANDS + 3 + ENVELOPE + 10 + RHYTHM + MODULATION + TONE + MEL_FEATURES;

const ENVELOPE: usize = 9;
const RHYTHM: usize = 4 * 2 + 4;
const MODULATION: usize = 4 * 4;
const TONE: usize = 17;

/// Ends of the attack, the body and the tail after the start, in hops: 35, 150 and 600 ms.
const SEGMENTS: [usize; 4] = [0, 3, 13, 52];
/// A sound is active where it is above this level.
const ACTIVE_DB: f32 = -45.0;
/// Broad bands: below 200 Hz, to 1 kHz, to 5 kHz, above.
const BROAD: [usize; 5] = [0, 4, 10, 15, BANDS];

/// The features of mono samples and of their picture.
pub(crate) fn features(mono: &[f32], picture: &Picture) -> [f32; FEATURES] {
    let mut out = Vec::with_capacity(FEATURES);
    let active = active(picture);
    let start = active.start;
    for pair in SEGMENTS.windows(2) {
        let hops = (start + pair[0]).min(active.end)..(start + pair[1]).min(active.end);
        let level = spectrum(&picture.bands[hops], &mut out);
        out.push(level);
    }
    spectrum(&picture.bands[active.clone()], &mut out);
    envelope(picture, &active, &mut out);
    course(picture, &active, mono.len(), &mut out);
    rhythm(picture, &active, &mut out);
    modulation(picture, &active, &mut out);
    tone(mono, picture, &active, &mut out);
    mel::features(mono, &mut out);
    let mut features = [0.0; FEATURES];
    debug_assert_eq!(out.len(), FEATURES);
    for (slot, value) in features.iter_mut().zip(out) {
        *slot = if value.is_finite() { value } else { 0.0 };
    }
    features
}

/// From where the sound rises to within 30 dB of its loudest hop, to its last active hop.
fn active(picture: &Picture) -> std::ops::Range<usize> {
    let start = picture.level.iter().position(|&l| l > -30.0).unwrap_or(0);
    let end = picture.level.iter().rposition(|&l| l > ACTIVE_DB).map_or(0, |last| last + 1);
    start..end.max(start)
}

/// Pushes the levels of the bands relative to their sum; the level of the sum per hop.
fn spectrum(bands: &[[f32; BANDS]], out: &mut Vec<f32>) -> f32 {
    let mut sums = [0.0_f64; BANDS];
    for hop in bands {
        for (sum, level) in sums.iter_mut().zip(hop) {
            *sum += f64::from(power(*level));
        }
    }
    let total: f64 = sums.iter().sum();
    out.extend(sums.iter().map(|s| db(s / total.max(1e-12)).max(-50.0)));
    db(total / bands.len().max(1) as f64).max(FLOOR_DB)
}

fn db(power: f64) -> f32 {
    10.0 * power.max(1e-12).log10() as f32
}

/// The loudest hop in octaves of time after the peak.
fn envelope(picture: &Picture, active: &std::ops::Range<usize>, out: &mut Vec<f32>) {
    let level = &picture.level[active.clone()];
    let peak = loudest(level);
    for octave in 0..ENVELOPE {
        let from = (peak + (1 << octave)).min(level.len());
        let to = (peak + (2 << octave)).min(level.len());
        out.push(level[from..to].iter().copied().fold(FLOOR_DB, f32::max));
    }
}

fn loudest(level: &[f32]) -> usize {
    (0..level.len()).fold(0, |best, i| if level[i] > level[best] { i } else { best })
}

/// Durations, fullness and the way of the brightness: ten numbers.
fn course(picture: &Picture, active: &std::ops::Range<usize>, frames: usize, out: &mut Vec<f32>) {
    let level = &picture.level[active.clone()];
    let count = level.len().max(1) as f64;
    let octaves = |hops: f64| (hops.max(0.5)).log2() as f32;
    let share = |above: f32| (level.iter().filter(|&&l| l > above).count() as f64 / count) as f32;
    out.push(octaves(count));
    out.push(octaves(loudest(level) as f64 + 1.0));
    out.push((count / (frames as f64 / 512.0).max(1.0)) as f32);
    out.extend([share(-6.0), share(-12.0), share(-24.0)]);
    // Where the energy lies in time, where in frequency, and how the two go together.
    let mut weights = 0.0_f64;
    let (mut t1, mut f1, mut f2, mut tf, mut t2) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (i, hop) in picture.bands[active.clone()].iter().enumerate() {
        let t = i as f64 / count;
        // The root of the power: what is soft but long counts too.
        let weight = f64::from(power(level[i])).sqrt();
        let powers = hop.map(|l| f64::from(power(l)));
        let total: f64 = powers.iter().sum();
        if total <= 0.0 {
            continue;
        }
        let bright = powers.iter().enumerate().map(|(b, p)| b as f64 * p).sum::<f64>() / total;
        weights += weight;
        t1 += weight * t;
        t2 += weight * t * t;
        f1 += weight * bright;
        f2 += weight * bright * bright;
        tf += weight * t * bright;
    }
    let weights = weights.max(1e-9);
    let [t1, t2, f1, f2, tf] = [t1, t2, f1, f2, tf].map(|x| x / weights);
    let spread = (f2 - f1 * f1).max(0.0);
    let slope = (tf - t1 * f1) / (t2 - t1 * t1).max(1e-3);
    out.extend([t1, f1, spread.sqrt(), slope.clamp(-20.0, 20.0)].map(|x| x as f32));
}

/// Attacks: how many, how dense, how regular, in each broad band.
fn rhythm(picture: &Picture, active: &std::ops::Range<usize>, out: &mut Vec<f32>) {
    let bands = &picture.bands[active.clone()];
    let seconds = (bands.len() as f64 / HOPS_PER_S).max(0.1);
    let mut all = vec![0.0_f32; bands.len()];
    for pair in BROAD.windows(2) {
        let mut flux = vec![0.0_f32; bands.len()];
        for h in 0..bands.len() {
            let before = h.checked_sub(2).map(|h| &bands[h]);
            for b in pair[0]..pair[1] {
                let old = before.map_or(FLOOR_DB, |hop| hop[b]);
                // Soft bands rise by accident.
                flux[h] += (bands[h][b].max(-45.0) - old.max(-45.0)).max(0.0);
            }
            flux[h] /= (pair[1] - pair[0]) as f32;
            all[h] += 0.25 * flux[h];
        }
        let attacks = attacks(&flux, 6.0);
        out.push((attacks.len() as f32 + 1.0).log2());
        out.push((attacks.len() as f64 / seconds).min(20.0) as f32);
    }
    let attacks = attacks(&all, 4.0);
    let gaps: Vec<f64> = attacks.windows(2).map(|pair| (pair[1] - pair[0]) as f64).collect();
    let mean = gaps.iter().sum::<f64>() / gaps.len().max(1) as f64;
    let spread = gaps.iter().map(|gap| (gap - mean).abs()).sum::<f64>() / gaps.len().max(1) as f64;
    out.push((attacks.len() as f32 + 1.0).log2());
    out.push((attacks.len() as f64 / seconds).min(20.0) as f32);
    out.push(if gaps.is_empty() { 1.0 } else { (spread / mean.max(1.0)) as f32 });
    let flux: f64 = all.iter().map(|x| f64::from(*x)).sum();
    out.push((flux / all.len().max(1) as f64).min(20.0) as f32);
}

/// Peaks of the flux above a floor, at least 35 ms apart.
fn attacks(flux: &[f32], floor: f32) -> Vec<usize> {
    const REACH: usize = 3;
    let mut found: Vec<usize> = Vec::new();
    for (h, &x) in flux.iter().enumerate() {
        let near = &flux[h.saturating_sub(REACH)..(h + REACH + 1).min(flux.len())];
        let fresh = found.last().is_none_or(|last| h - last > REACH);
        if x > floor && fresh && near.iter().all(|&n| n <= x) {
            found.push(h);
        }
    }
    found
}

/// Spread of the level, its mean step, and its modulation by 2 to 8 Hz and by 8 to 30 Hz, per broad band.
fn modulation(picture: &Picture, active: &std::ops::Range<usize>, out: &mut Vec<f32>) {
    let bands = &picture.bands[active.clone()];
    for pair in BROAD.windows(2) {
        let width = (pair[1] - pair[0]) as f32;
        let level: Vec<f32> =
            bands.iter().map(|hop| hop[pair[0]..pair[1]].iter().sum::<f32>() / width).collect();
        let [quick, medium, slow] = [3, 11, 43].map(|width| smoothed(&level, width));
        let steps: f32 = level.windows(2).map(|pair| (pair[1] - pair[0]).abs()).sum();
        out.push(deviation(&level, &slow).min(30.0));
        out.push(steps / level.len().max(1) as f32);
        out.push(deviation(&medium, &slow));
        out.push(deviation(&quick, &medium));
    }
}

/// Moving mean over `width` hops, shorter at the ends.
fn smoothed(values: &[f32], width: usize) -> Vec<f32> {
    let mut sums = vec![0.0_f64];
    for value in values {
        sums.push(sums[sums.len() - 1] + f64::from(*value));
    }
    (0..values.len())
        .map(|i| {
            let (from, to) = (i.saturating_sub(width / 2), (i + width / 2 + 1).min(values.len()));
            ((sums[to] - sums[from]) / (to - from) as f64) as f32
        })
        .collect()
}

fn deviation(a: &[f32], b: &[f32]) -> f32 {
    let sum: f64 = a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum();
    (sum / a.len().max(1) as f64).sqrt() as f32
}

/// One long window.
struct Tone {
    /// Its weight: the root of its energy.
    weight: f64,
    /// The strongest period as a MIDI note.
    note: f64,
    /// How periodic it is, 0 to 1.
    salience: f64,
    /// How far its peaks stand out of the spectrum in four ranges, in dB.
    peakiness: [f64; 4],
    /// Share of the energy in the strongest 2 % of the bins.
    sparse: f64,
}

/// Ranges of the peakiness in Hz.
const RANGES: [(f64, f64); 4] =
    [(50.0, 300.0), (300.0, 1200.0), (1200.0, 4000.0), (4000.0, 12_000.0)];
const SIZE: usize = 4096;
/// Most windows that are looked at.
const WINDOWS: usize = 40;

/// Pitch and peakiness over the active part.
fn tone(mono: &[f32], picture: &Picture, active: &std::ops::Range<usize>, out: &mut Vec<f32>) {
    let tones = tones(mono, picture, active);
    let total = tones.iter().map(|t| t.weight).sum::<f64>().max(1e-12);
    let mean =
        |f: &dyn Fn(&Tone) -> f64| tones.iter().map(|t| t.weight * f(t)).sum::<f64>() / total;
    let salience = mean(&|t| t.salience);
    let voiced: Vec<&Tone> = tones.iter().filter(|t| t.salience > 0.4).collect();
    let voiced_weight = voiced.iter().map(|t| t.weight).sum::<f64>();
    let mut notes: Vec<(f64, f64)> = voiced.iter().map(|t| (t.note, t.weight)).collect();
    notes.sort_by(|a, b| a.0.total_cmp(&b.0));
    let quantile = |share: f64| {
        let mut below = 0.0;
        let found = notes.iter().find(|note| {
            below += note.1;
            below >= share * voiced_weight
        });
        found.or(notes.last()).map_or(60.0, |note| note.0)
    };
    let median = quantile(0.5);
    let spread = voiced.iter().map(|t| t.weight * (t.note - median).abs().min(24.0)).sum::<f64>();
    let steps: Vec<f64> = tones
        .windows(2)
        .filter(|pair| pair.iter().all(|t| t.salience > 0.4))
        .map(|pair| (pair[1].note - pair[0].note).abs())
        .collect();
    let count = steps.len().max(1) as f64;
    let share = |low: f64, high: f64| {
        steps.iter().filter(|s| (low..high).contains(*s)).count() as f64 / count
    };
    let fall = match (voiced.first(), voiced.last()) {
        (Some(first), Some(last)) => (first.note - last.note).clamp(-24.0, 24.0),
        _ => 0.0,
    };
    let values = [
        salience,
        mean(&|t| (t.salience - salience).powi(2)).sqrt(),
        voiced_weight / total,
        median,
        quantile(0.1) - median,
        quantile(0.9) - median,
        spread / voiced_weight.max(1e-12),
        fall,
        share(0.05, 0.7),
        share(0.7, 6.5),
        share(6.5, 99.0),
        mean(&|t| t.sparse),
        (tones.len() as f64 + 1.0).log2(),
        mean(&|t| t.peakiness[0]),
        mean(&|t| t.peakiness[1]),
        mean(&|t| t.peakiness[2]),
        mean(&|t| t.peakiness[3]),
    ];
    out.extend(values.map(|x| x as f32));
}

fn tones(mono: &[f32], picture: &Picture, active: &std::ops::Range<usize>) -> Vec<Tone> {
    let (from, to) = (active.start * 512, (active.end * 512).min(mono.len()));
    if to <= from || picture.level.is_empty() {
        return Vec::new();
    }
    let step = ((to - from) / WINDOWS).max(SIZE / 4);
    let mut stft = Stft::new(SIZE, step, Window::Hann);
    let mut bins = vec![Complex::default(); stft.bins()];
    let inverse = RealFftPlanner::<f32>::new().plan_fft_inverse(SIZE);
    let (mut lags, mut scratch) = (inverse.make_output_vec(), inverse.make_scratch_vec());
    let mut tones = Vec::new();
    let peak = mono.iter().fold(0.0_f32, |peak, x| peak.max(x.abs()));
    let quiet = 1e-9 * f64::from(peak * peak);
    // The first window begins with the sound: its Hann window is centred a quarter of its size later.
    for centre in (from + SIZE / 4..to.max(from + SIZE / 4 + 1)).step_by(step) {
        stft.forward_at(mono, centre as i64, &mut bins);
        let powers: Vec<f32> = bins.iter().map(Complex::norm_sqr).collect();
        let energy: f64 = powers.iter().map(|p| f64::from(*p)).sum();
        if energy <= quiet {
            continue;
        }
        // The square root of the magnitude: partials of unlike strength count more alike.
        for (bin, power) in bins.iter_mut().zip(&powers) {
            *bin = Complex::new(power.sqrt().sqrt(), 0.0);
        }
        bins[0] = Complex::default();
        inverse
            .process_with_scratch(&mut bins, &mut lags, &mut scratch)
            .expect("spectrum, lags and scratch have the planned lengths");
        let (note, salience) = period(&lags);
        tones.push(Tone {
            weight: energy.sqrt(),
            note,
            salience,
            peakiness: RANGES.map(|range| peakiness(&powers, range, 1e-3 * quiet)),
            sparse: sparse(&powers, energy),
        });
    }
    tones
}

/// The strongest period of 30 Hz to 1.5 kHz, after the first dip of the autocorrelation.
fn period(lags: &[f32]) -> (f64, f64) {
    const LONGEST: usize = 1470;
    let top = lags[0].max(1e-20);
    let first = (1..LONGEST).find(|&lag| lags[lag] <= lags[lag + 1]).unwrap_or(LONGEST - 1);
    let range = first.max(29)..LONGEST;
    // The shortest of nearly equal periods is the fundamental's.
    let best = range.clone().map(|lag| lags[lag]).fold(0.0, f32::max);
    let lag = range
        .clone()
        .find(|&lag| {
            lags[lag] >= 0.85 * best && lags[lag] >= lags[lag - 1] && lags[lag] >= lags[lag + 1]
        })
        .unwrap_or(LONGEST);
    let note = 69.0 + 12.0 * (44_100.0 / lag as f64 / 440.0).log2();
    (note, f64::from(best / top).clamp(0.0, 1.0))
}

/// Mean of the squared over the square of the mean power in a range, in dB: 3 for noise, more for lines.
fn peakiness(powers: &[f32], (from, to): (f64, f64), quiet: f64) -> f64 {
    let bin = |hz: f64| (hz * SIZE as f64 / 44_100.0).round() as usize;
    let range = &powers[bin(from)..bin(to)];
    let mean = range.iter().map(|p| f64::from(*p)).sum::<f64>() / range.len() as f64;
    let square = range.iter().map(|p| f64::from(*p).powi(2)).sum::<f64>() / range.len() as f64;
    if mean <= quiet { 3.0 } else { 10.0 * (square / (mean * mean)).log10() }
}

/// Share of the energy in the strongest 2 % of the bins.
fn sparse(powers: &[f32], energy: f64) -> f64 {
    let count = powers.len() / 50;
    let mut sorted = powers.to_vec();
    sorted.select_nth_unstable_by(count, |a, b| b.total_cmp(a));
    sorted[..count].iter().map(|p| f64::from(*p)).sum::<f64>() / energy
}
