//! Phase vocoder over an arbitrary time map, with phase-gradient heap integration.
//!
//! Method: Z. Prusa and N. Holighaus, "Phase Vocoder Done Right", EUSIPCO 2017, algorithm 1: phases are
//! integrated from the strongest bins outwards, over time or over frequency, whichever neighbour is stronger.
//! We differ: (1) the time gradient is the phase that the input itself gains over one synthesis hop, from a second
//! transform one hop earlier, so nothing is unwrapped; (2) what is propagated is the *rotation* from input to
//! output phase, one per bin for all channels, weighted by their energy, so the stereo image keeps its phases;
//! (3) weak bins follow their own time gradient instead of random phases.
//! In: the source and, for every output hop, the source frame it shows. While the map runs at 1:1 rotations stay
//! as they are: output that starts with rotation 1 equals the input until the map bends.
//! Shapes: spectra `[channels, bins]`, hop = size / 4. Cost: per hop two forward transforms and one inverse per
//! channel and O(bins log bins).

use std::collections::BinaryHeap;
use std::ops::Range;

use super::source::Source;
use crate::spectrum::{Complex, Stft, Window};

/// Hops per block: a Hann window squared adds up to 1.5 at four.
const OVERLAP: usize = 4;
/// Bins weaker than the strongest by this factor in power (-90 dB) take no part in the integration.
const TOLERANCE: f32 = 1e-9;
/// Bounds of the local ratio by which offsets within a block are stretched.
const BLOCK_RATIO: Range<f64> = 0.25..4.0;

/// A phase vocoder with the memory of its last hop.
pub(super) struct Vocoder {
    stft: Stft,
    /// Spectra of the hop, of the hop before, and of one synthesis hop before the hop, `[channels][bins]`.
    now: Vec<Vec<Complex>>,
    last: Vec<Vec<Complex>>,
    back: Vec<Vec<Complex>>,
    rotation: Vec<Complex>,
    last_rotation: Vec<Complex>,
    power: Vec<f32>,
    last_power: Vec<f32>,
    open: Vec<bool>,
    heap: BinaryHeap<(u32, u32)>,
}

impl Vocoder {
    /// A vocoder with blocks of `size` frames.
    pub(super) fn new(size: usize, channels: usize) -> Self {
        let stft = Stft::new(size, size / OVERLAP, Window::Hann);
        let bins = stft.bins();
        let spectra = vec![vec![Complex::default(); bins]; channels];
        Self {
            stft,
            now: spectra.clone(),
            last: spectra.clone(),
            back: spectra,
            rotation: vec![Complex::new(1.0, 0.0); bins],
            last_rotation: vec![Complex::new(1.0, 0.0); bins],
            power: vec![0.0; bins],
            last_power: vec![0.0; bins],
            open: vec![false; bins],
            heap: BinaryHeap::with_capacity(2 * bins),
        }
    }

    /// Frames per block.
    pub(super) fn size(&self) -> usize {
        self.stft.size()
    }

    /// The frames `span` of the output, `[channels][frames]`: output frame `o` shows source frame `map(o)`.
    /// Phases start as they are in the source.
    pub(super) fn render(
        &mut self,
        source: &Source,
        span: Range<i64>,
        map: impl Fn(i64) -> i64,
    ) -> Vec<Vec<f32>> {
        let hop = self.stft.hop() as i64;
        let reach = self.stft.size() as i64 / 2;
        let frames = (span.end - span.start).max(0) as usize;
        let mut out = vec![vec![0.0; frames]; self.now.len()];
        let gain = 1.0 / (0.375 * OVERLAP as f32);
        self.rotation.fill(Complex::new(1.0, 0.0));
        let mut before: Option<i64> = None;
        let mut centre = span.start - reach + 1;
        while centre < span.end + reach {
            let place = map(centre);
            self.listen(source, place);
            if let Some(before) = before.filter(|&before| place - before != hop) {
                for (channel, back) in self.back.iter_mut().enumerate() {
                    self.stft.forward_at(source.channel(channel), source.index(place - hop), back);
                }
                let moved = (place - before).max(1) as f64;
                let ratio = (hop as f64 / moved).clamp(BLOCK_RATIO.start, BLOCK_RATIO.end);
                self.integrate(ratio as f32);
            }
            before = Some(place);
            for (channel, out) in out.iter_mut().enumerate() {
                let spectrum = &mut self.back[channel];
                for (bin, value) in spectrum.iter_mut().enumerate() {
                    *value = self.now[channel][bin] * self.rotation[bin] * gain;
                }
                self.stft.add_inverse_at(spectrum, centre - span.start, out);
            }
            centre += hop;
        }
        out
    }

    /// Takes the spectra around source frame `place`.
    fn listen(&mut self, source: &Source, place: i64) {
        std::mem::swap(&mut self.now, &mut self.last);
        std::mem::swap(&mut self.power, &mut self.last_power);
        self.power.fill(0.0);
        for (channel, now) in self.now.iter_mut().enumerate() {
            self.stft.forward_at(source.channel(channel), source.index(place), now);
            for (power, bin) in self.power.iter_mut().zip(now.iter()) {
                *power += bin.norm_sqr();
            }
        }
    }

    /// The rotations of this hop from those of the last; `ratio` is output time over input time in this block.
    fn integrate(&mut self, ratio: f32) {
        let bins = self.rotation.len();
        std::mem::swap(&mut self.rotation, &mut self.last_rotation);
        for bin in 0..bins {
            self.rotation[bin] = self.over_time(bin);
        }
        let floor = TOLERANCE * self.power.iter().fold(0.0, |max: f32, &power| max.max(power));
        let mut heap = std::mem::take(&mut self.heap).into_vec();
        heap.clear();
        let mut left = 0;
        for bin in 0..bins {
            self.open[bin] = self.power[bin] > floor;
            if self.open[bin] {
                left += 1;
                // Powers are not negative, so their bits order as they do. Even: last hop, odd: this hop.
                heap.push((self.last_power[bin].to_bits(), 2 * bin as u32));
            }
        }
        self.heap = BinaryHeap::from(heap);
        while left > 0 {
            let Some((_, entry)) = self.heap.pop() else { break };
            let bin = entry as usize / 2;
            if entry.is_multiple_of(2) {
                if self.open[bin] {
                    left -= 1;
                    self.close(bin); // with the rotation over time, which it has already
                }
                continue;
            }
            for (next, exists) in [(bin.wrapping_sub(1), bin > 0), (bin + 1, bin + 1 < bins)] {
                if exists && self.open[next] {
                    left -= 1;
                    self.rotation[next] = self.over_frequency(bin, next, ratio);
                    self.close(next);
                }
            }
        }
    }

    fn close(&mut self, bin: usize) {
        self.open[bin] = false;
        self.heap.push((self.power[bin].to_bits(), 2 * bin as u32 + 1));
    }

    /// The rotation that continues the last hop's output by the phase which the input gains in one hop.
    fn over_time(&self, bin: usize) -> Complex {
        let sum: Complex = (self.last.iter().zip(&self.back))
            .map(|(last, back)| last[bin] * back[bin].conj())
            .sum();
        unit(sum * self.last_rotation[bin])
    }

    /// The rotation that continues bin `from` of this hop's output by the input's phase step to bin `to`,
    /// stretched: what lies off the centre of the block in the input lies `ratio` times as far off in the output.
    fn over_frequency(&self, from: usize, to: usize, ratio: f32) -> Complex {
        let step: Complex = self.now.iter().map(|now| now[to] * now[from].conj()).sum();
        self.rotation[from] * Complex::from_polar(1.0, (ratio - 1.0) * step.arg())
    }
}

/// `z` at length 1; 1 for 0.
fn unit(z: Complex) -> Complex {
    let power = z.norm_sqr();
    if power > f32::MIN_POSITIVE { z / power.sqrt() } else { Complex::new(1.0, 0.0) }
}

#[cfg(test)]
mod tests {
    use dream_core::SampleRate;

    use super::*;
    use crate::Clip;

    fn noise(frames: usize) -> Vec<f32> {
        let mut state = 11_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (f64::from(state) / f64::from(u32::MAX) - 0.5) as f32
        };
        (0..frames).map(|_| next()).collect()
    }

    fn source(samples: &[f32]) -> Source {
        Source::circle(&Clip::mono(SampleRate::LIBRARY, samples.to_vec()), 2000)
    }

    #[test]
    fn a_straight_map_gives_the_input() {
        let samples = noise(5000);
        let out = Vocoder::new(512, 1).render(&source(&samples), 100..4000, |o| o + 7);
        for (out, wanted) in out[0].iter().zip(&samples[107..]) {
            assert!((out - wanted).abs() < 1e-5);
        }
    }

    #[test]
    fn output_before_the_bend_is_the_input() {
        let samples = noise(5000);
        let bent = |o: i64| if o < 2000 { o } else { 2000 + (o - 2000) / 2 };
        let out = Vocoder::new(512, 1).render(&source(&samples), 0..4000, bent);
        // Blocks centred before the bend reach up to it unchanged; half a block before it nothing else adds in.
        for (out, wanted) in out[0][..1744].iter().zip(&samples) {
            assert!((out - wanted).abs() < 1e-5);
        }
        assert!(out[0][2200..].iter().zip(&samples[2200..]).any(|(a, b)| (a - b).abs() > 0.1));
    }

    /// With a held map every bin turns at its own frequency: a sine stays that sine, at its level.
    #[test]
    fn a_held_sine_sounds_on() {
        let sine = |i: i64| (std::f64::consts::TAU * i as f64 / 50.0).sin() as f32;
        let samples: Vec<f32> = (0..5000).map(sine).collect();
        let out = Vocoder::new(1024, 1).render(&source(&samples), 0..8000, |o| o.min(1500));
        for (o, value) in out[0].iter().enumerate().take(7900) {
            assert!((value - sine(o as i64)).abs() < 0.04, "{o}: {value}");
        }
    }
}
