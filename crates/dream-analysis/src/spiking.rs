//! Measures of a small spiking model of the auditory nerve.
//!
//! Method: 40 gammatone channels (four complex one-poles each, ERB-spaced; Patterson and Holdsworth 1996), full-wave
//! rectified (the ear's half-wave would hear another sound when the polarity is turned) and smoothed, compressed, thinned out by a depleting synapse (after Meddis, JASA 79(3), 1986), driving
//! three leaky integrate-and-fire neurons per channel that differ in gain. The least sensitive neurons ignore
//! the noise floor, so timing is read from them alone.
//! In: mono at 44.1 kHz; the first six seconds are heard, levelled to a fixed loudest 400 ms. Out: measures by name:
//!
//! | name | unit | meaning |
//! |---|---|---|
//! | `firing_rate` | Hz per neuron | spikes over neurons and time |
//! | `sparsity` | 0..1 | 1 - mean(rate)^2 / mean(rate^2) over neurons |
//! | `isi_cv` | - | deviation over mean of the inter-spike intervals up to 250 ms; longer ones are rests |
//! | `isi_entropy` | bits | of the intervals' logarithm in 40 bins from 1 ms to 10 s |
//! | `burst_index` | 0..1 | share of intervals under 6 ms |
//! | `fano_50ms` | - | variance over mean of the population's count in 50 ms |
//! | `synchrony` | 0..1 | variance of the population over the sum of the neurons' (5 ms), over their number |
//! | `onset_rate` | 1/s | moments at which many insensitive neurons start together |
//! | `pulse_clarity` | 0..1 | repetition of those moments at a lag and at its double |
//! | `vs_beat`, `vs_16th` | 0..1 | vector strength of the onsets on the beat and the sixteenth; with a tempo only |
//! | `complexity` | 0..1 | 4 h (1 - h), h the entropy over its maximum: low for clockwork and for noise |
//! | `energy` | J/s | 1e-10 J per spike; shown, never used |
//!
//! These characterise; for tempo and onsets `tempo` and `onset` are the truth. An empty map means silence.
//! Cost: 22 050 x 40 x 4 complex products per second heard. Limits: no outer and middle ear, no efferents.

use std::collections::BTreeMap;
use std::f64::consts::TAU;

use dream_audio::filter::Cascade;
use dream_core::Bpm;

use crate::spectrum::{autocorrelation, phase};

const RATE: f64 = 22_050.0;
const CHANNELS: usize = 40;
const FIBRES: usize = 3;
const NEURONS: usize = CHANNELS * FIBRES;
/// Frames of 22.05 kHz per step of the neurons: 2004.5 steps per second.
const STEP: usize = 11;
const STEPS_PER_S: f64 = RATE / STEP as f64;
/// Steps of a bin of time: 5 ms.
const BIN: usize = 10;
const HEARD_S: f64 = 6.0;
/// RMS of the loudest 400 ms after levelling.
const LEVEL: f64 = 0.1;
const LOWEST_HZ: f64 = 50.0;
const HIGHEST_HZ: f64 = 9500.0;
/// Exponent of the compression.
const POWER: f32 = 0.3125;
/// Recovery of the synapse in seconds, and its use per second at full drive.
const RECOVERY_S: f32 = 0.060;
const USE_PER_S: f32 = 60.0;
/// Membrane time constant and refractory time in seconds.
const MEMBRANE_S: f32 = 0.005;
const REFRACTORY_STEPS: u8 = 4;
/// Gains of the fibres, the most sensitive first; each next is 2.2 times less so.
const GAINS: [f32; FIBRES] = [14.5, 6.6, 3.0];
/// Drive that the synapse releases at rest.
const REST: f32 = 0.08;

/// The measures of mono samples at 44.1 kHz.
pub fn spiking(mono: &[f32], bpm: Option<Bpm>) -> BTreeMap<String, f32> {
    let sound = &mono[..mono.len().min((HEARD_S * 2.0 * RATE) as usize)];
    let heard = on_bins(sound);
    let Some(gain) = levelling(&heard) else { return BTreeMap::new() };
    let mut filter = Cascade::lowpass(6, 9500.0, 2.0 * RATE);
    let half: Vec<f32> =
        heard.iter().map(|x| (filter.step(f64::from(*x) * gain)) as f32).step_by(2).collect();
    let drive = cochlea(&half);
    let spikes = fire(&drive);
    let steps = drive.len();
    if steps == 0 || spikes.iter().all(Vec::is_empty) {
        return BTreeMap::new();
    }
    let seconds = sound.len() as f64 / (2.0 * RATE);
    let mut out = rates(&spikes, seconds);
    out.extend(intervals(&spikes));
    out.extend(population(&spikes, steps));
    out.extend(timing(&spikes, steps, seconds, bpm));
    out.into_iter()
        .filter(|(_, value)| value.is_finite())
        .map(|(name, value)| (name.to_owned(), value as f32))
        .collect()
}

/// The samples after so much silence that the bins of time lie where `spectrum::phase` puts them on the sound.
fn on_bins(samples: &[f32]) -> Vec<f32> {
    const FRAMES: usize = 2 * STEP * BIN;
    let lead = (FRAMES - phase(samples, FRAMES)) % FRAMES;
    std::iter::repeat_n(0.0, lead).chain(samples.iter().copied()).collect()
}

/// The gain that brings the loudest 400 ms to the level; `None` for silence.
fn levelling(samples: &[f32]) -> Option<f64> {
    let energy = |chunk: &[f32]| chunk.iter().map(|x| f64::from(x * x)).sum::<f64>();
    let most = samples.chunks(17_640).map(energy).fold(0.0, f64::max);
    let rms = (most / 17_640.0).sqrt();
    (rms > 1e-6).then_some(LEVEL / rms)
}

/// Rectified, smoothed, compressed output of the channels, shape `[steps][channels]`.
fn cochlea(samples: &[f32]) -> Vec<[f32; CHANNELS]> {
    let erb_number = |hz: f64| 21.4 * (1.0 + 0.00437 * hz).log10();
    let (low, high) = (erb_number(LOWEST_HZ), erb_number(HIGHEST_HZ));
    let (mut pole_re, mut pole_im) = ([0.0_f32; CHANNELS], [0.0_f32; CHANNELS]);
    let mut feed = [0.0_f32; CHANNELS];
    for c in 0..CHANNELS {
        let number = low + (high - low) * c as f64 / (CHANNELS - 1) as f64;
        let hz = (10.0_f64.powf(number / 21.4) - 1.0) / 0.00437;
        let bandwidth = 1.019 * 24.7 * (1.0 + 0.00437 * hz);
        let radius = (-TAU * bandwidth / RATE).exp();
        let angle = TAU * hz / RATE;
        pole_re[c] = (radius * angle.cos()) as f32;
        pole_im[c] = (radius * angle.sin()) as f32;
        feed[c] = (1.0 - radius) as f32;
    }
    let smooth = (1.0 - (-TAU * 1000.0 / RATE).exp()) as f32;
    let mut re = [[0.0_f32; CHANNELS]; 4];
    let mut im = [[0.0_f32; CHANNELS]; 4];
    let mut soft = [[0.0_f32; CHANNELS]; 2];
    let mut out = Vec::with_capacity(samples.len() / STEP + 1);
    for (i, x) in samples.iter().enumerate() {
        let (mut in_re, mut in_im) = ([*x; CHANNELS], [0.0_f32; CHANNELS]);
        for stage in 0..4 {
            let (re, im) = (&mut re[stage], &mut im[stage]);
            for c in 0..CHANNELS {
                let real = pole_re[c] * re[c] - pole_im[c] * im[c] + feed[c] * in_re[c];
                im[c] = pole_re[c] * im[c] + pole_im[c] * re[c] + feed[c] * in_im[c];
                re[c] = real;
                in_re[c] = re[c];
                in_im[c] = im[c];
            }
        }
        for c in 0..CHANNELS {
            let rectified = in_re[c].abs();
            soft[0][c] += smooth * (rectified - soft[0][c]);
            soft[1][c] += smooth * (soft[0][c] - soft[1][c]);
        }
        if i % STEP == STEP - 1 {
            out.push(soft[1].map(|level| level.max(0.0).powf(POWER)));
        }
        if i % 1024 == 0 {
            quiet(&mut re);
            quiet(&mut im);
        }
    }
    out
}

/// Denormal numbers are slow: what is far below hearing is nothing.
fn quiet(state: &mut [[f32; CHANNELS]; 4]) {
    for value in state.iter_mut().flatten() {
        if value.abs() < 1e-15 {
            *value = 0.0;
        }
    }
}

/// Spike times in steps per neuron, the fibres of a channel side by side.
fn fire(drive: &[[f32; CHANNELS]]) -> Vec<Vec<u32>> {
    let dt = (1.0 / STEPS_PER_S) as f32;
    let leak = (-dt / MEMBRANE_S).exp();
    let mut stock = [1.0_f32; CHANNELS];
    let mut potential = [[0.0_f32; FIBRES]; CHANNELS];
    let mut rest = [[0_u8; FIBRES]; CHANNELS];
    let mut spikes = vec![Vec::new(); NEURONS];
    for (step, levels) in drive.iter().enumerate() {
        for c in 0..CHANNELS {
            let level = levels[c];
            let release = stock[c] * level;
            stock[c] += dt * ((1.0 - stock[c]) / RECOVERY_S - USE_PER_S * release);
            stock[c] = stock[c].clamp(0.0, 1.0);
            for (f, gain) in GAINS.iter().enumerate() {
                if rest[c][f] > 0 {
                    rest[c][f] -= 1;
                    continue;
                }
                let input = (gain * (release - REST)).max(0.0);
                potential[c][f] = potential[c][f] * leak + input * (1.0 - leak);
                if potential[c][f] >= 0.35 {
                    potential[c][f] = 0.0;
                    rest[c][f] = REFRACTORY_STEPS;
                    spikes[c * FIBRES + f].push(step as u32);
                }
            }
        }
    }
    spikes
}

type Measures = Vec<(&'static str, f64)>;

fn rates(spikes: &[Vec<u32>], seconds: f64) -> Measures {
    let rates: Vec<f64> = spikes.iter().map(|times| times.len() as f64 / seconds).collect();
    let mean = rates.iter().sum::<f64>() / rates.len() as f64;
    let square = rates.iter().map(|rate| rate * rate).sum::<f64>() / rates.len() as f64;
    vec![
        ("firing_rate", mean),
        ("sparsity", (1.0 - mean * mean / square).clamp(0.0, 1.0)),
        ("energy", mean * NEURONS as f64 * 1e-10),
    ]
}

fn intervals(spikes: &[Vec<u32>]) -> Measures {
    const BINS: usize = 40;
    let all: Vec<f64> = spikes
        .iter()
        .flat_map(|times| times.windows(2).map(|pair| f64::from(pair[1] - pair[0]) / STEPS_PER_S))
        .collect();
    if all.len() < 8 {
        return Measures::new();
    }
    let count = all.len() as f64;
    let short: Vec<f64> = all.iter().copied().filter(|x| *x <= 0.25).collect();
    let (mean, variance) = moments(&short);
    let mut bins = [0.0_f64; BINS];
    for interval in &all {
        let place = (interval.log10() + 3.0) / 4.0 * BINS as f64;
        bins[(place.max(0.0) as usize).min(BINS - 1)] += 1.0;
    }
    let entropy: f64 =
        bins.iter().filter(|n| **n > 0.0).map(|n| -(n / count) * (n / count).log2()).sum();
    let h = entropy / (BINS as f64).log2();
    vec![
        ("isi_cv", if mean > 0.0 { variance.sqrt() / mean } else { 0.0 }),
        ("isi_entropy", entropy),
        ("burst_index", all.iter().filter(|x| **x < 0.006).count() as f64 / count),
        ("complexity", 4.0 * h * (1.0 - h)),
    ]
}

fn population(spikes: &[Vec<u32>], steps: usize) -> Measures {
    let counts = |bin: usize| {
        let mut counts = vec![0.0_f64; steps.div_ceil(bin)];
        for time in spikes.iter().flatten() {
            counts[*time as usize / bin] += 1.0;
        }
        counts
    };
    let mut out = Measures::new();
    let (mean, variance) = moments(&counts(100));
    if mean > 0.0 {
        out.push(("fano_50ms", variance / mean));
    }
    let (_, together) = moments(&counts(BIN));
    let bins = steps.div_ceil(BIN) as f64;
    let alone: f64 = spikes
        .iter()
        .map(|times| {
            // Variance of the neuron's own counts, from its occupied bins.
            let (mut sum, mut squares, mut i) = (0.0, 0.0, 0);
            while i < times.len() {
                let bin = times[i] as usize / BIN;
                let n = times[i..].iter().take_while(|time| **time as usize / BIN == bin).count();
                sum += n as f64;
                squares += (n * n) as f64;
                i += n;
            }
            squares / bins - (sum / bins).powi(2)
        })
        .sum();
    if alone > 0.0 {
        out.push(("synchrony", (together / alone / NEURONS as f64).clamp(0.0, 1.0)));
    }
    out
}

fn moments(values: &[f64]) -> (f64, f64) {
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    (mean, values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count)
}

/// What the least sensitive fibres say about time.
fn timing(spikes: &[Vec<u32>], steps: usize, seconds: f64, bpm: Option<Bpm>) -> Measures {
    const AROUND: usize = 24; // 120 ms
    let per_s = STEPS_PER_S / BIN as f64;
    let mut counts = vec![0.0_f32; steps.div_ceil(BIN) + 1];
    for time in spikes.iter().skip(FIBRES - 1).step_by(FIBRES).flatten() {
        // Shared between the two bins that are near, so that nothing hangs on where bins begin.
        let (bin, late) = (*time as usize / BIN, (*time as usize % BIN) as f32 / BIN as f32);
        counts[bin] += 1.0 - late;
        counts[bin + 1] += late;
    }
    let novelty: Vec<f32> = (0..counts.len())
        .map(|t| {
            let before = &counts[t.saturating_sub(AROUND)..t];
            let mean = before.iter().sum::<f32>() / AROUND as f32;
            // A volley may fall on the edge of two bins.
            let volley = counts[t] + counts.get(t + 1).copied().unwrap_or(0.0);
            (volley - 2.6 * mean).max(0.0)
        })
        .collect();
    let floor = (0.2 * novelty.iter().copied().fold(0.0, f32::max)).max(2.0);
    let onsets: Vec<f64> = (0..novelty.len())
        .filter(|&t| {
            let near = &novelty[t.saturating_sub(6)..(t + 7).min(novelty.len())];
            novelty[t] >= floor
                && near.iter().all(|n| *n <= novelty[t])
                && !novelty[t.saturating_sub(6)..t].contains(&novelty[t])
        })
        .map(|t| t as f64 / per_s)
        .collect();
    let mut out = vec![
        ("onset_rate", onsets.len() as f64 / seconds.max(0.25)),
        ("pulse_clarity", f64::from(clarity(&novelty, per_s))),
    ];
    if let Some(bpm) = bpm
        && onsets.len() >= 4
    {
        let beats_per_s = bpm.get() / 60.0;
        out.push(("vs_beat", vector_strength(&onsets, beats_per_s)));
        out.push(("vs_16th", vector_strength(&onsets, 4.0 * beats_per_s)));
    }
    out
}

fn vector_strength(times_s: &[f64], hz: f64) -> f64 {
    let (re, im) = times_s.iter().fold((0.0, 0.0), |(re, im), time| {
        let (sin, cos) = (TAU * hz * time).sin_cos();
        (re + cos, im + sin)
    });
    f64::hypot(re, im) / times_s.len().max(1) as f64
}

/// Repetition at a lag of 0.25 to 1.5 s and at its double.
fn clarity(novelty: &[f32], per_s: f64) -> f32 {
    let mean = novelty.iter().sum::<f32>() / novelty.len().max(1) as f32;
    let centred: Vec<f32> = novelty.iter().map(|n| n - mean).collect();
    let values = autocorrelation(&centred, novelty.len() * 3 / 4);
    let energy = values.first().copied().unwrap_or(0.0);
    if energy <= 1e-6 {
        return 0.0;
    }
    let near = |lag: usize| {
        let around = values.get(lag.saturating_sub(2)..=lag + 2)?;
        let most = around.iter().copied().fold(f32::MIN, f32::max);
        Some(most / energy * novelty.len() as f32 / (novelty.len() - lag) as f32)
    };
    ((0.25 * per_s) as usize..(1.5 * per_s) as usize)
        .filter_map(|lag| Some(0.5 * (near(lag)? + near(2 * lag)?)))
        .fold(0.0, f32::max)
        .clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::{clicks, noise, silence, sine};

    fn grid(bpm: f64, jitter_s: f64) -> Vec<f32> {
        let mut seed = dream_core::Seed(11);
        let times: Vec<f64> = (0..22)
            .map(|i| {
                seed = seed.index(i);
                let dice = (seed.0 >> 11) as f64 / (1_u64 << 53) as f64 * 2.0 - 1.0;
                0.05 + i as f64 * 15.0 / bpm * 2.0 + dice * jitter_s
            })
            .collect();
        clicks(&times, 6.0)
    }

    fn of(samples: &[f32], bpm: Option<f64>) -> BTreeMap<String, f32> {
        spiking(samples, bpm.map(|bpm| Bpm::new(bpm).unwrap()))
    }

    #[test]
    fn a_regular_pulse_is_clear_and_on_its_grid() {
        let found = of(&grid(120.0, 0.0), Some(120.0));
        assert!(found["pulse_clarity"] > 0.6, "{found:?}");
        assert!(found["vs_16th"] > 0.9, "{found:?}");
        assert!((found["onset_rate"] - 22.0 / 6.0).abs() < 0.7, "{found:?}");
    }

    #[test]
    fn jitter_and_noise_lower_the_clarity() {
        let steady = of(&grid(120.0, 0.0), Some(120.0));
        let loose = of(&grid(120.0, 0.06), Some(120.0));
        let hiss = of(&noise(6.0), None);
        assert!(steady["pulse_clarity"] > loose["pulse_clarity"] + 0.15, "{loose:?}");
        assert!(steady["vs_16th"] > loose["vs_16th"] + 0.1);
        assert!(steady["pulse_clarity"] > hiss["pulse_clarity"] + 0.4, "{hiss:?}");
        assert!(!hiss.contains_key("vs_beat"));
    }

    #[test]
    fn a_sine_fires_few_neurons_and_noise_many() {
        assert!(of(&sine(440.0, 2.0), None)["sparsity"] > of(&noise(2.0), None)["sparsity"] + 0.1);
    }

    #[test]
    fn level_does_not_matter_and_silence_is_empty() {
        let soft: Vec<f32> = grid(120.0, 0.0).iter().map(|x| 0.05 * x).collect();
        let (a, b) = (of(&grid(120.0, 0.0), None), of(&soft, None));
        assert!((a["pulse_clarity"] - b["pulse_clarity"]).abs() < 0.05);
        assert!((a["firing_rate"] / b["firing_rate"] - 1.0).abs() < 0.05);
        assert!(of(&silence(1.0), None).is_empty());
        assert!(of(&[], None).is_empty());
        assert!(of(&[1.0], None).values().all(|value| value.is_finite()));
    }
}
