//! A recording into drums, bass, other and vocals by signal processing alone.
//!
//! Method: masks from medians of the spectrogram along time and frequency, D. Fitzgerald, "Harmonic/Percussive Separation
//! Using Median Filtering", Digital Audio Effects 2010, at two resolutions as J. Driedger, M. Mueller, S. Disch, "Extending
//! Harmonic-Percussive Separation of Audio Signals", ISMIR 2014: long blocks below 400 Hz, short ones above. What rises
//! above the sustained level below 110 Hz is a bass drum, the sustained rest below 210 Hz is bass. Of the harmonic part
//! above, what is panned to the centre, D. Barry, B. Lawlor, E. Coyle, "Sound Source Separation: Azimuth Discrimination
//! and Resynthesis", Digital Audio Effects 2004, and does not repeat from bar to bar, Z. Rafii, B. Pardo, "Repeating Pattern Extraction
//! Technique", IEEE TASLP 21(1), 2013, is vocals; without a tempo, what does not last.
//! In: a clip of any rate, 1 or 2 channels. Out: four clips as long, which add up to it: each is the input through a mask
//! (a Wiener filter shared by the channels) or what the others leave.
//! Shapes: magnitudes `[hops, bins]`, medians along time `[bins, hops]`. Memory: 0.9 MB per second beside the clips, so
//! long recordings come in stretches. Cost: four transforms per hop; a minute takes under a second on two cores.
//! Limits: a rough separation, some 3 dB better than dividing the mixture by three; tonal drums and plucked basses share.

mod median;

use rayon::prelude::*;

use dream_core::Bpm;

use crate::Clip;
use crate::spectrum::{Complex, Stft, Window};
use median::running_median;

/// What it gives, in order.
pub const SOURCES: [&str; 4] = ["drums", "bass", "other", "vocals"];

/// Blocks for the low end, in frames at 44.1 kHz: 93 ms.
const LOW: Resolution = Resolution { size: 4096, along_time: 33, along_frequency: 31 };
/// Blocks for the rest: 46 ms.
const HIGH: Resolution = Resolution { size: 2048, along_time: 17, along_frequency: 31 };

/// Where the low end gives way to the rest, in Hz, as an amplitude of order 8.
const CROSSOVER_HZ: f32 = 400.0;
/// Bins above this are not looked at in the low end: the crossover is 64 dB down there.
const LOW_END_HZ: f32 = 1100.0;
/// Below this the bass drum is told by what rises above the sustained level, in Hz.
const KICK_HZ: f32 = 110.0;
/// Sharpness of that border, per octave.
const KICK_SLOPE: f32 = 6.0;
/// Below this what is sustained is bass, in Hz, as an amplitude of order 8.
const BASS_HZ: f32 = 210.0;
/// How much the harmonic part counts above the crossover.
const HARMONIC: f32 = 1.4;
/// Where voices lie, in Hz.
const VOICE_HZ: [f32; 2] = [200.0, 8000.0];
/// Bars to each side that a bar is compared with.
const BARS: i64 = 3;
/// The same in seconds where no tempo is known, in so many steps.
const SPAN_S: f64 = 2.4;
const SPAN_STEPS: i64 = 6;

struct Resolution {
    size: usize,
    /// Widths of the medians, in hops and bins; odd.
    along_time: usize,
    along_frequency: usize,
}

/// Magnitudes of the mean of the channels, and their median along time.
struct Picture {
    bins: usize,
    hops: usize,
    /// `[hops, bins]`
    magnitudes: Vec<f32>,
    /// `[bins, hops]`
    sustained: Vec<f32>,
}

/// Separates a clip: one clip for each of [`SOURCES`]. `bpm` is its tempo, if it has one, in bars of four beats.
pub fn unmix(clip: &Clip, bpm: Option<Bpm>) -> [Clip; 4] {
    let rate = clip.rate().0 as f32;
    if clip.is_empty() {
        return SOURCES.map(|_| clip.clone());
    }
    // The blocks keep their length in seconds.
    let scale = |size: usize| ((size as f32 * rate / 44_100.0) as usize).max(64) / 8 * 8;
    let stft = |resolution: &Resolution| {
        let size = scale(resolution.size);
        Stft::new(size, size / 4, Window::Hann)
    };
    let (low, high) = (stft(&LOW), stft(&HIGH));

    let bins = ((LOW_END_HZ / rate * low.size() as f32) as usize).clamp(1, low.bins());
    let picture = Picture::new(clip, &low, bins, LOW.along_time);
    let masks = LowEnd::new(&low, bins, rate);
    let parts = apply(clip, &low, |h, spectra| masks.split(&picture, h, spectra));
    drop(picture);
    // [low end, its drums, its bass]: the rest of it is other.
    let [all, mut drums, bass] = parts;
    let mut rest = clip.clone();
    subtract(&mut rest, &all);
    let mut other = all;
    subtract(&mut other, &drums);
    subtract(&mut other, &bass);
    add(&mut other, &rest);

    let picture = Picture::new(&rest, &high, high.bins(), HIGH.along_time);
    let masks = HighEnd::new(&high, rate, bpm);
    let [hits, vocals] = apply(&rest, &high, |h, spectra| masks.split(&picture, h, spectra));
    subtract(&mut other, &hits);
    subtract(&mut other, &vocals);
    add(&mut drums, &hits);
    [drums, bass, other, vocals]
}

/// How many hops reach into the clip.
fn hops(stft: &Stft, frames: usize) -> usize {
    // Two before the start and two after the end: every frame is covered four times.
    frames / stft.hop() + 5
}

fn centre(stft: &Stft, h: usize) -> i64 {
    (h as i64 - 2) * stft.hop() as i64
}

impl Picture {
    fn new(clip: &Clip, stft: &Stft, bins: usize, along_time: usize) -> Self {
        let hops = hops(stft, clip.len());
        let mut magnitudes = vec![0.0; hops * bins];
        magnitudes.par_chunks_mut(bins * CHUNK).enumerate().for_each(|(chunk, rows)| {
            let mut stft = stft.clone();
            let mut spectrum = vec![Complex::default(); stft.bins()];
            for (i, row) in rows.chunks_exact_mut(bins).enumerate() {
                for channel in clip.iter_channels() {
                    stft.forward_at(channel, centre(&stft, chunk * CHUNK + i), &mut spectrum);
                    for (sum, bin) in row.iter_mut().zip(&spectrum) {
                        *sum += bin.norm_sqr().sqrt();
                    }
                }
            }
        });
        let mut sustained = vec![0.0; bins * hops];
        sustained.par_chunks_mut(hops).enumerate().for_each(|(bin, row)| {
            let column: Vec<f32> = magnitudes[bin..].iter().step_by(bins).copied().collect();
            running_median(&column, along_time, row);
        });
        Self { bins, hops, magnitudes, sustained }
    }

    fn row(&self, h: usize) -> &[f32] {
        &self.magnitudes[h * self.bins..(h + 1) * self.bins]
    }

    fn sustained(&self, bin: usize, h: usize) -> f32 {
        self.sustained[bin * self.hops + h]
    }
}

/// Hops that are transformed together: fixed, so that the sums do not depend on the number of threads.
const CHUNK: usize = 64;

/// Puts every hop through `N` masks: `split(h, spectra)` gets the spectra of the channels and gives for each part the
/// factor of every bin, zero where a mask is shorter.
fn apply<const N: usize>(
    clip: &Clip,
    stft: &Stft,
    split: impl Fn(usize, &[Vec<Complex>]) -> [Vec<f32>; N] + Sync,
) -> [Clip; N] {
    let hops = hops(stft, clip.len());
    let (hop, size) = (stft.hop(), stft.size());
    let chunks: Vec<usize> = (0..hops.div_ceil(CHUNK)).collect();
    let mut parts = [(); N].map(|()| Clip::silence(clip.rate(), clip.channels(), clip.frames()));
    // A window of a Hann window squared and a hop of a quarter adds up to 1.5.
    let gain = 1.0 / 1.5;
    let reach = (CHUNK - 1) * hop + size;
    for batch in chunks.chunks(8) {
        let done: Vec<Vec<f32>> = batch
            .par_iter()
            .map(|chunk| {
                let mut stft = stft.clone();
                let mut spectra = vec![vec![Complex::default(); stft.bins()]; clip.channels()];
                let mut masked = vec![Complex::default(); stft.bins()];
                let mut out = vec![0.0; N * clip.channels() * reach];
                for i in 0..CHUNK.min(hops - chunk * CHUNK) {
                    let h = chunk * CHUNK + i;
                    for (spectrum, channel) in spectra.iter_mut().zip(clip.iter_channels()) {
                        stft.forward_at(channel, centre(&stft, h), spectrum);
                    }
                    let masks = split(h, &spectra);
                    let mut out = out.chunks_exact_mut(reach);
                    for mask in &masks {
                        for (spectrum, out) in spectra.iter().zip(out.by_ref()) {
                            masked.fill(Complex::default());
                            for ((to, from), factor) in masked.iter_mut().zip(spectrum).zip(mask) {
                                *to = from * factor;
                            }
                            stft.add_inverse_at(&mut masked, (i * hop + size / 2) as i64, out);
                        }
                    }
                }
                out
            })
            .collect();
        for (chunk, out) in batch.iter().zip(done) {
            let start = centre(stft, chunk * CHUNK) - (size / 2) as i64;
            let mut pieces = out.chunks_exact(reach);
            for part in &mut parts {
                for c in 0..part.channels() {
                    let piece = pieces.next().expect("a piece per part and channel");
                    let channel = part.channel_mut(c);
                    let from = (-start).max(0) as usize;
                    let at = (start + from as i64) as usize;
                    for (to, x) in channel.iter_mut().skip(at).zip(piece.iter().skip(from)) {
                        *to += x * gain;
                    }
                }
            }
        }
    }
    parts
}

/// Masks of the low end by frequency.
struct LowEnd {
    /// Of the low end itself.
    low: Vec<f32>,
    /// How much the bass drum's rule counts.
    kick: Vec<f32>,
    bass: Vec<f32>,
}

impl LowEnd {
    fn new(stft: &Stft, bins: usize, rate: f32) -> Self {
        let hz = |bin: usize| bin as f32 * rate / stft.size() as f32;
        let below = |hz: f32, border: f32| (1.0 + (hz / border).powi(8)).recip();
        let kick = |hz: f32| (1.0 + (KICK_SLOPE * (hz.max(1.0) / KICK_HZ).log2()).exp()).recip();
        Self {
            low: (0..bins).map(|bin| below(hz(bin), CROSSOVER_HZ)).collect(),
            kick: (0..bins).map(|bin| kick(hz(bin))).collect(),
            bass: (0..bins).map(|bin| below(hz(bin), BASS_HZ)).collect(),
        }
    }

    /// Masks of the whole low end, of its drums and of its bass.
    fn split(&self, picture: &Picture, h: usize, _spectra: &[Vec<Complex>]) -> [Vec<f32>; 3] {
        let row = picture.row(h);
        let mut sudden = vec![0.0; row.len()];
        running_median(row, LOW.along_frequency, &mut sudden);
        let (mut drums, mut bass) = (vec![0.0; row.len()], vec![0.0; row.len()]);
        for bin in 0..row.len() {
            let sustained = picture.sustained(bin, h);
            let percussive = share(sudden[bin], sustained);
            let excess = (1.0 - sustained / row[bin].max(TINY)).clamp(0.0, 1.0);
            let kick = self.kick[bin];
            let percussive = percussive + kick * (excess - percussive);
            drums[bin] = self.low[bin] * percussive;
            bass[bin] = self.low[bin] * (1.0 - percussive) * self.bass[bin];
        }
        [self.low.clone(), drums, bass]
    }
}

/// Magnitudes below this are nothing.
const TINY: f32 = 1e-9;

/// The share of `a` in the power of both.
fn share(a: f32, b: f32) -> f32 {
    let (a, b) = (a * a, b * b);
    a / (a + b).max(TINY * TINY)
}

/// Masks of what lies above the low end.
struct HighEnd {
    /// How much a bin may hold of a voice.
    voice: Vec<f32>,
    /// The hops that a hop is compared with, relative to it.
    others: Vec<i64>,
}

impl HighEnd {
    fn new(stft: &Stft, rate: f32, bpm: Option<Bpm>) -> Self {
        let hz = |bin: usize| bin as f32 * rate / stft.size() as f32;
        let [from, to] = VOICE_HZ;
        let voice = |hz: f32| {
            let above = 1.0 - (1.0 + (hz / from).powi(8)).recip();
            above * (1.0 + (hz / to).powi(8)).recip()
        };
        let hops_per_s = f64::from(rate) / stft.hop() as f64;
        let (step, reach) = match bpm {
            Some(bpm) => (240.0 / bpm.get() * hops_per_s, BARS),
            None => (SPAN_S * hops_per_s / SPAN_STEPS as f64, SPAN_STEPS),
        };
        let others = (-reach..=reach).map(|k| (k as f64 * step).round() as i64);
        Self {
            voice: (0..stft.bins()).map(|bin| voice(hz(bin))).collect(),
            others: others.collect(),
        }
    }

    /// Masks of drums and of vocals.
    fn split(&self, picture: &Picture, h: usize, spectra: &[Vec<Complex>]) -> [Vec<f32>; 2] {
        let row = picture.row(h);
        let mut sudden = vec![0.0; row.len()];
        running_median(row, HIGH.along_frequency, &mut sudden);
        let rows: Vec<&[f32]> = self
            .others
            .iter()
            .filter_map(|offset| usize::try_from(h as i64 + offset).ok())
            .filter(|h| *h < picture.hops)
            .map(|h| picture.row(h))
            .collect();
        let mut same = vec![0.0; rows.len()];
        let (mut drums, mut vocals) = (vec![0.0; row.len()], vec![0.0; row.len()]);
        for bin in 0..row.len() {
            let harmonic = share(HARMONIC * picture.sustained(bin, h), sudden[bin]);
            drums[bin] = 1.0 - harmonic;
            if self.voice[bin] < 0.01 {
                continue;
            }
            for (same, row) in same.iter_mut().zip(&rows) {
                *same = row[bin];
            }
            let middle = same.len() / 2;
            let (_, repeated, _) = same.select_nth_unstable_by(middle, f32::total_cmp);
            let new = (1.0 - *repeated / row[bin].max(TINY)).clamp(0.0, 1.0);
            vocals[bin] = harmonic * self.voice[bin] * new * central(spectra, bin);
        }
        [drums, vocals]
    }
}

/// How much a bin lies in the centre: 1 where the channels are alike, 0 where it is in one only or out of phase.
fn central(spectra: &[Vec<Complex>], bin: usize) -> f32 {
    let [left, right] = spectra else { return 1.0 };
    let (l, r) = (left[bin], right[bin]);
    let alike = 2.0 * (l * r.conj()).re / (l.norm_sqr() + r.norm_sqr()).max(TINY * TINY);
    alike.max(0.0).powi(2)
}

fn add(to: &mut Clip, other: &Clip) {
    to.samples_mut().iter_mut().zip(other.samples()).for_each(|(x, y)| *x += y);
}

fn subtract(from: &mut Clip, other: &Clip) {
    from.samples_mut().iter_mut().zip(other.samples()).for_each(|(x, y)| *x -= y);
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;
    use dream_core::SampleRate;

    const RATE: SampleRate = SampleRate::LIBRARY;

    fn level(samples: &[f32]) -> f64 {
        let sum: f64 = samples.iter().map(|x| f64::from(*x).powi(2)).sum();
        10.0 * (sum / samples.len() as f64).max(1e-20).log10()
    }

    /// A bass drum and a hat every half second, a held bass, a held chord at the sides.
    fn parts(rate: u32) -> [Vec<f32>; 3] {
        let frames = 6 * rate as usize;
        let second = |i: usize| i as f64 / f64::from(rate);
        let mut seed = 1_u32;
        let mut noise = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(seed) / f64::from(u32::MAX) * 2.0 - 1.0
        };
        let drums = (0..frames).map(|i| {
            let t = second(i) % 0.5;
            let kick =
                (-t * 25.0).exp() * (TAU * (50.0 * t + 2.0 * (1.0 - (-t * 40.0).exp()))).sin();
            (0.7 * kick + 0.3 * noise() * (-t * 60.0).exp()) as f32
        });
        let drums = drums.collect();
        let tone = |hz: f64, i: usize| (TAU * hz * second(i)).sin();
        let bass = (0..frames).map(|i| (0.3 * tone(82.4, i)) as f32).collect();
        let chord = |i| [440.0, 554.4, 659.3].map(|hz| tone(hz, i)).iter().sum::<f64>();
        let other = (0..frames).map(|i| (0.1 * chord(i)) as f32).collect();
        [drums, bass, other]
    }

    #[track_caller]
    fn check(rate: u32, channels: usize, floor_db: f64) {
        let truth = parts(rate);
        let mix: Vec<f32> = (0..truth[0].len()).map(|i| truth.iter().map(|x| x[i]).sum()).collect();
        let clip = Clip::new(SampleRate(rate), &vec![mix.as_slice(); channels]);
        let stems = unmix(&clip, Bpm::new(120.0).ok());
        let mut sum = stems[0].clone();
        stems[1..].iter().for_each(|stem| add(&mut sum, stem));
        subtract(&mut sum, &clip);
        assert!(level(sum.samples()) < level(clip.samples()) - 100.0);
        // The chord is the same in every bar: none of it is vocals.
        let mut other = stems[2].clone();
        add(&mut other, &stems[3]);
        assert!(level(stems[3].samples()) < level(stems[2].samples()) - 10.0);
        for (truth, stem) in truth.iter().zip([&stems[0], &stems[1], &other]) {
            let inner = rate as usize..5 * rate as usize;
            let error: Vec<f32> = inner.clone().map(|i| stem.channel(0)[i] - truth[i]).collect();
            let ratio = level(&truth[inner]) - level(&error);
            assert!(ratio > floor_db, "{ratio:.1} dB at {rate} Hz");
        }
    }

    #[test]
    fn drums_bass_and_chord_come_apart_and_add_up() {
        check(44_100, 2, 6.0);
        check(44_100, 1, 6.0);
        check(22_050, 2, 6.0);
    }

    #[test]
    fn what_is_new_in_the_centre_is_vocals() {
        let voice = |i: usize| {
            let t = i as f64 / 44_100.0;
            let vibrato = 700.0 * t + 4.0 * (TAU * 0.7 * t).sin();
            if (3.0..4.5).contains(&t) { (0.3 * (TAU * vibrato).sin()) as f32 } else { 0.0 }
        };
        let voice: Vec<f32> = (0..8 * 44_100).map(voice).collect();
        let silence = vec![0.0; voice.len()];
        let kept = |left: &[f32], right: &[f32]| {
            let stems = unmix(&Clip::new(RATE, &[left, right]), None);
            level(stems[3].channel(0)) - level(&voice)
        };
        assert!(kept(&voice, &voice) > -3.0);
        assert!(kept(&voice, &silence) < -20.0);
    }

    #[test]
    fn the_shortest_clips_add_up_too() {
        for frames in [0, 1, 70, 3000] {
            let clip = Clip::mono(RATE, vec![0.5; frames]);
            let stems = unmix(&clip, None);
            for i in 0..frames {
                let sum: f32 = stems.iter().map(|stem| stem.samples()[i]).sum();
                assert!((sum - 0.5).abs() < 1e-5);
            }
        }
    }
}
