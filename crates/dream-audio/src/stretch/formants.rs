//! Formants that stay where they are when the pitch moves.
//!
//! Method: the spectral envelope of every block is found by the true-envelope estimator, a cepstrum smoothed again and
//! again until no partial stands out (A. Roebel and X. Rodet, "Efficient Spectral Envelope Estimation and its
//! Application to Pitch Shifting and Envelope Preservation", Digital Audio Effects 2005), of the order that the
//! distance of the partials allows; the block is then filtered, without phase, so that moving the pitch moves the
//! envelope back to its place.
//! In: the clip before its pitch moves by `factor`. Out: the same length.
//! Shapes: spectra and envelopes `[bins]`, one set for all channels: the stereo image stays.
//! Cost: per hop of 12 ms about ten transforms, and two per channel.
//! Limits: partials must lie closer together than formants: above a fundamental of about 500 Hz the envelope is a guess.

use std::sync::Arc;

use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

use super::source::Source;
use super::{block_size, to_clip};
use crate::Clip;
use crate::spectrum::{Complex, Stft, Window};

/// Length of the blocks, s.
const BLOCK_S: f64 = 0.046;
/// Fundamentals that are looked for, Hz.
const LOWEST_HZ: f64 = 70.0;
const HIGHEST_HZ: f64 = 800.0;
/// The fundamental that is assumed where none is heard, Hz: a smooth envelope.
const UNVOICED_HZ: f64 = 300.0;
/// Least autocorrelation of a voiced block.
const VOICED: f32 = 0.4;
/// A shorter period is believed if it explains this share of what the best explains.
const OCTAVE: f32 = 0.85;
/// Bins lower than the loudest by more than this count as that low, natural logarithm of power (80 dB).
const RANGE: f32 = 18.4;
/// Partials stand out of the envelope by at most this, natural logarithm of power (1 dB).
const TOLERANCE: f32 = 0.23;
const ROUNDS: usize = 16;
/// Largest change of a bin, as a natural logarithm of power (24 dB).
const MOST: f32 = 5.5;

/// The clip with formants so moved that they are back in their places once the pitch has moved by `factor`.
pub(super) fn counter(clip: &Clip, factor: f64, unroll: fn(&Clip, usize) -> Source) -> Clip {
    let rate = clip.rate().hz();
    let size = block_size(BLOCK_S * rate);
    let source = unroll(clip, size);
    let mut stft = Stft::new(size, size / 4, Window::Hann);
    let mut envelope = Envelope::new(size, rate);
    let mut spectra = vec![vec![Complex::default(); stft.bins()]; clip.channels()];
    let mut power = vec![0.0; stft.bins()];
    let mut out = vec![vec![0.0; clip.len()]; clip.channels()];
    let half = size as i64 / 2;
    for centre in (-half..clip.len() as i64 + half).step_by(stft.hop()) {
        power.fill(0.0);
        for (channel, spectrum) in spectra.iter_mut().enumerate() {
            stft.forward_at(source.channel(channel), source.index(centre), spectrum);
            for (power, bin) in power.iter_mut().zip(spectrum.iter()) {
                *power += bin.norm_sqr();
            }
        }
        envelope.find(&power);
        for (spectrum, out) in spectra.iter_mut().zip(&mut out) {
            for (bin, value) in spectrum.iter_mut().enumerate() {
                // Hann windows squared add up to 1.5 at four hops a block.
                *value *= envelope.gain(bin, factor) / 1.5;
            }
            stft.add_inverse_at(spectrum, centre, out);
        }
    }
    to_clip(clip, &out)
}

/// The spectral envelope of one block.
struct Envelope {
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
    /// Shortest and longest period, and the one of unvoiced sound, frames.
    periods: (usize, usize),
    unvoiced: usize,
    /// One over the autocorrelation of the window, `[longest period + 2]`.
    fading: Vec<f32>,
    spectrum: Vec<Complex>,
    cepstrum: Vec<f32>,
    log: Vec<f32>,
    raised: Vec<f32>,
    /// Natural logarithm of power, `[bins]`.
    smooth: Vec<f32>,
}

impl Envelope {
    fn new(size: usize, rate: f64) -> Self {
        let mut planner = RealFftPlanner::new();
        let bins = size / 2 + 1;
        let period = |hz: f64| ((rate / hz) as usize).clamp(2, size / 2 - 2);
        let periods = (period(HIGHEST_HZ), period(LOWEST_HZ));
        let window = Window::Hann.values(size);
        let alike =
            |lag: usize| -> f32 { window[lag..].iter().zip(&window).map(|(a, b)| a * b).sum() };
        Self {
            forward: planner.plan_fft_forward(size),
            inverse: planner.plan_fft_inverse(size),
            periods,
            unvoiced: period(UNVOICED_HZ),
            fading: (0..=periods.1 + 1).map(|lag| alike(0) / alike(lag)).collect(),
            spectrum: vec![Complex::default(); bins],
            cepstrum: vec![0.0; size],
            log: vec![0.0; bins],
            raised: vec![0.0; bins],
            smooth: vec![0.0; bins],
        }
    }

    /// Finds the envelope of a block with these powers.
    fn find(&mut self, power: &[f32]) {
        let max = power.iter().fold(0.0_f32, |max, &power| max.max(power));
        let floor = (max * (-RANGE).exp()).max(f32::MIN_POSITIVE);
        for (log, &power) in self.log.iter_mut().zip(power) {
            *log = power.max(floor).ln();
        }
        let period = self.period(power);
        if let Some(period) = period {
            // Nothing sounds below the fundamental: that is no valley of the envelope.
            let first = (self.cepstrum.len() as f64 / period as f64).round() as usize;
            let end = (first + 2).min(self.log.len());
            let top = self.log[first - 1..end].iter().fold(f32::MIN, |top, &log| top.max(log));
            self.log[..first].fill(top);
        }
        // A period of T frames puts partials size / T bins apart: ripples up to T / 2 are envelope. A tenth more
        // draws the formants closest to their places (vowels of 100 to 200 Hz: 2 % instead of 3.4 %).
        let order = period.unwrap_or(self.unvoiced) * 11 / 20;
        self.raised.copy_from_slice(&self.log);
        for _ in 0..ROUNDS {
            self.smoothed(order);
            let over = |(log, smooth): (&f32, &f32)| log - smooth > TOLERANCE;
            if !self.log.iter().zip(&self.smooth).any(over) {
                break;
            }
            for (raised, &smooth) in self.raised.iter_mut().zip(&self.smooth) {
                *raised = raised.max(smooth);
            }
        }
    }

    /// The gain that brings the envelope of bin `bin` to that of the place where the pitch will move it.
    fn gain(&self, bin: usize, factor: f64) -> f32 {
        let last = self.smooth.len() - 1;
        let place = (bin as f64 * factor).min(last as f64);
        let (below, part) = (place as usize, place.fract() as f32);
        let above = (below + 1).min(last);
        let there = self.smooth[below] + part * (self.smooth[above] - self.smooth[below]);
        (0.5 * (there - self.smooth[bin]).clamp(-MOST, MOST)).exp()
    }

    /// The period of a block from its autocorrelation, frames; `None` where there is none.
    fn period(&mut self, power: &[f32]) -> Option<usize> {
        for (value, &power) in self.spectrum.iter_mut().zip(power) {
            *value = Complex::new(power, 0.0);
        }
        self.invert();
        let (shortest, longest) = self.periods;
        let alike = |lag: usize| self.cepstrum[lag] * self.fading[lag];
        let peak = |lag: &usize| alike(*lag) >= alike(lag - 1) && alike(*lag) >= alike(lag + 1);
        let peaks = || (shortest..=longest).filter(peak);
        let best = peaks().map(alike).fold(VOICED * alike(0), f32::max);
        peaks().find(|&lag| best > 0.0 && alike(lag) >= OCTAVE * best)
    }

    /// `smooth` from `raised`: its first `order` ripples.
    fn smoothed(&mut self, order: usize) {
        for (value, &raised) in self.spectrum.iter_mut().zip(&self.raised) {
            *value = Complex::new(raised, 0.0);
        }
        self.invert();
        let size = self.cepstrum.len();
        self.cepstrum[order + 1..size - order].fill(0.0);
        self.forward
            .process(&mut self.cepstrum, &mut self.spectrum)
            .expect("cepstrum and spectrum have the planned lengths");
        for (smooth, value) in self.smooth.iter_mut().zip(&self.spectrum) {
            *smooth = value.re / size as f32;
        }
    }

    fn invert(&mut self) {
        self.inverse
            .process(&mut self.spectrum, &mut self.cepstrum)
            .expect("spectrum and cepstrum have the planned lengths");
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use dream_core::{SampleRate, Semitones};

    use super::super::{Material, stretch};
    use super::*;

    /// Centres and widths of the formants of an open vowel, Hz.
    const FORMANTS: [(f64, f64); 3] = [(700.0, 90.0), (1220.0, 110.0), (2600.0, 160.0)];
    const RATE: SampleRate = SampleRate::LIBRARY;

    /// Amplitude of the vowel at a frequency, its formants moved by `scale`: resonances over a falling source.
    fn response(hz: f64, scale: f64) -> f64 {
        let resonance = |(centre, width): (f64, f64)| {
            let centre = centre * scale;
            centre.powi(2) / ((hz.powi(2) - centre.powi(2)).hypot(hz * width))
        };
        FORMANTS.map(resonance).iter().product::<f64>() / hz
    }

    /// A steady vowel of fundamental `hz`.
    fn vowel(hz: f64, frames: usize) -> Vec<f32> {
        let partials = (5000.0 / hz) as usize;
        (0..frames)
            .map(|i| {
                let turn = TAU * hz * i as f64 / RATE.hz();
                let partial = |k: usize| {
                    let k = k as f64;
                    20.0 * response(k * hz, 1.0) * (k * turn + k * k).sin()
                };
                (1..=partials).map(partial).sum::<f64>() as f32
            })
            .collect()
    }

    /// Amplitude of a partial in the middle of the samples.
    fn amplitude(samples: &[f32], hz: f64) -> f64 {
        let middle = &samples[samples.len() / 4..samples.len() * 3 / 4];
        let (mut re, mut im) = (0.0, 0.0);
        for (i, &x) in middle.iter().enumerate() {
            let window = (TAU / 2.0 * i as f64 / middle.len() as f64).sin().powi(2);
            let turn = TAU * hz * i as f64 / RATE.hz();
            re += window * f64::from(x) * turn.cos();
            im += window * f64::from(x) * turn.sin();
        }
        re.hypot(im)
    }

    /// How far the formants have moved, as factors: those whose vowel fits the partials (Hz, logarithm of amplitude)
    /// best around every formant.
    fn moved(partials: &[(f64, f64)]) -> [f64; 3] {
        FORMANTS.map(|(centre, _)| {
            let near: Vec<_> =
                partials.iter().filter(|(hz, _)| (hz / centre).ln().abs() < 0.3).collect();
            let misfit = |scale: f64| {
                let errors = || near.iter().map(|(hz, level)| level - response(*hz, scale).ln());
                let mean = errors().sum::<f64>() / near.len() as f64;
                errors().map(|error| (error - mean).powi(2)).sum::<f64>()
            };
            (-60..=60)
                .map(|step| 1.005_f64.powi(step))
                .min_by(|a, b| misfit(*a).total_cmp(&misfit(*b)))
                .expect("there are steps")
        })
    }

    /// The formants of vowels of many fundamentals, which together show the envelope closely.
    #[track_caller]
    fn check(semitones: f64) {
        let factor = Semitones(semitones).ratio();
        let (mut kept, mut plain) = (Vec::new(), Vec::new());
        for hz in (100..200).step_by(11).map(f64::from) {
            let clip = Clip::mono(RATE, vowel(hz, 12_000));
            for (material, partials) in
                [(Material::Voice, &mut kept), (Material::Tonal, &mut plain)]
            {
                let out = stretch(&clip, 1.0, Semitones(semitones), material);
                let level = |k: i32| {
                    let hz = f64::from(k) * hz * factor;
                    (hz, amplitude(out.samples(), hz).ln())
                };
                partials.extend((1..).map(level).take_while(|(hz, _)| *hz < 3500.0));
            }
        }
        let places = moved(&kept);
        assert!(places.iter().all(|place| (place - 1.0).abs() < 0.03), "{semitones}: {places:?}");
        assert!(moved(&plain).iter().all(|place| (place / factor - 1.0).abs() < 0.01));
    }

    #[test]
    fn formants_stay_within_3_percent_when_the_pitch_moves() {
        for semitones in [-3.0, -2.0, -1.0, 1.0, 2.0, 3.0] {
            check(semitones);
        }
    }
}
