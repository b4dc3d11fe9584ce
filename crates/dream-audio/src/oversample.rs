//! Values between the samples, at four times the rate.
//!
//! Method: polyphase interpolation with a Kaiser-windowed sinc, as annex 2 of ITU-R BS.1770-4 asks for true peaks,
//! with twice its taps. Passes up to 0.87 of the band within 0.1 dB. Measured peaks are looked at again where they
//! are high, at eight times the rate with four times the taps: 0.96 of the band, since limited and clipped material
//! peaks by what it has next to the Nyquist frequency.

use std::f64::consts::PI;

/// Samples that a value depends on, half of them on either side.
pub(crate) const TAPS: usize = 24;
/// Values per sample.
pub(crate) const FACTOR: usize = 4;

/// Values computed at once: two vector registers.
const LANES: usize = 8;

/// The kernel at the distances of the three values between two samples.
#[derive(Debug, Clone)]
pub(crate) struct Oversampler {
    /// `[phase 1 to 3][tap]`
    pub(crate) phases: [[f32; TAPS]; FACTOR - 1],
    /// For each pair of opposite taps: half the sum and half the difference of phases 1 and 3, and phase 2.
    pairs: [[f32; 3]; TAPS / 2],
}

impl Oversampler {
    pub(crate) fn new() -> Self {
        let phases = [1, 2, 3].map(|phase| {
            let fraction = f64::from(phase) / FACTOR as f64;
            kernel::<TAPS>(fraction, 8.0)
        });
        let pairs = std::array::from_fn(|tap| {
            let (first, third) = (phases[0][tap], phases[2][tap]);
            [f32::midpoint(first, third), (first - third) / 2.0, phases[1][tap]]
        });
        Self { phases, pairs }
    }

    /// `out[phase - 1][i]` becomes the value `phase` quarters after `samples[i + TAPS / 2 - 1]`; needs `TAPS - 1` more
    /// samples than values.
    ///
    /// Phase 2 is symmetric and phase 3 is phase 1 turned round, so sums and differences of opposite samples do
    /// with half the products.
    pub(crate) fn between(&self, samples: &[f32], out: [&mut [f32]; FACTOR - 1]) {
        let [first, second, third] = out;
        let count = first.len();
        debug_assert_eq!(samples.len(), count + TAPS - 1);
        let mut at = 0;
        while at + LANES <= count {
            let [a, b, c] = self.lanes::<LANES>(&samples[at..]);
            first[at..at + LANES].copy_from_slice(&a);
            second[at..at + LANES].copy_from_slice(&b);
            third[at..at + LANES].copy_from_slice(&c);
            at += LANES;
        }
        for at in at..count {
            let [[a], [b], [c]] = self.lanes::<1>(&samples[at..]);
            (first[at], second[at], third[at]) = (a, b, c);
        }
    }

    /// How far a value can exceed the largest of its samples, as a factor.
    fn overshoot(&self) -> f32 {
        self.phases.iter().map(|taps| taps.iter().map(|tap| tap.abs()).sum()).fold(1.0, f32::max)
    }

    #[inline]
    fn lanes<const N: usize>(&self, samples: &[f32]) -> [[f32; N]; 3] {
        let samples = &samples[..N + TAPS - 1];
        let (mut even, mut odd, mut middle) = ([0.0; N], [0.0; N], [0.0; N]);
        for (tap, [sum, difference, second]) in self.pairs.iter().enumerate() {
            let left: &[f32; N] = samples[tap..].first_chunk().expect("checked above");
            let right: &[f32; N] = samples[TAPS - 1 - tap..].first_chunk().expect("checked above");
            for lane in 0..N {
                let (plus, minus) = (left[lane] + right[lane], left[lane] - right[lane]);
                even[lane] += sum * plus;
                odd[lane] += difference * minus;
                middle[lane] += second * plus;
            }
        }
        let first = std::array::from_fn(|lane| even[lane] + odd[lane]);
        let third = std::array::from_fn(|lane| even[lane] - odd[lane]);
        [first, middle, third]
    }
}

/// A windowed sinc for the value `fraction` after the sample in the middle, its sum 1.
fn kernel<const N: usize>(fraction: f64, beta: f64) -> [f32; N] {
    let row: [f64; N] = std::array::from_fn(|tap| {
        let distance = tap as f64 - (N / 2 - 1) as f64 - fraction;
        let x = PI * distance;
        x.sin() / x * kaiser(distance / (N / 2) as f64, beta)
    });
    let sum: f64 = row.iter().sum();
    row.map(|tap| (tap / sum) as f32)
}

/// Kaiser window over -1 to 1.
fn kaiser(x: f64, beta: f64) -> f64 {
    let bessel_i0 = |x: f64| {
        let (mut sum, mut term) = (1.0, 1.0);
        for k in 1..40 {
            term *= x * x / (4.0 * f64::from(k * k));
            sum += term;
        }
        sum
    };
    bessel_i0(beta * (1.0 - x * x).max(0.0).sqrt()) / bessel_i0(beta)
}

/// Taps of the second look.
const FINE_TAPS: usize = 96;
/// Values per sample of the second look.
const FINE_FACTOR: usize = 8;
/// Share of the highest peak at first sight that an interval must reach there to be looked at again.
const NEAR: f32 = 0.8;

/// The kernel of the second look.
#[derive(Debug)]
struct Fine([[f32; FINE_TAPS]; FINE_FACTOR - 1]);

impl Fine {
    fn new() -> Self {
        let fraction = |phase: usize| (phase + 1) as f64 / FINE_FACTOR as f64;
        Self(std::array::from_fn(|phase| kernel(fraction(phase), 6.0)))
    }

    /// The highest of the values between the two samples in the middle.
    fn peak(&self, samples: &[f32]) -> f32 {
        let value = |taps: &[f32; FINE_TAPS]| {
            let mut sums = [0.0_f32; LANES];
            for (taps, samples) in taps.chunks_exact(LANES).zip(samples.chunks_exact(LANES)) {
                for (lane, sum) in sums.iter_mut().enumerate() {
                    *sum += taps[lane] * samples[lane];
                }
            }
            sums.iter().sum::<f32>().abs()
        };
        self.0.iter().map(value).fold(0.0, f32::max)
    }
}

/// The largest absolute value of a signal and of what lies between its samples, silence around it.
pub(crate) fn true_peak(samples: &[f32]) -> f32 {
    const BLOCK: usize = 512;
    const OFFSET: usize = (FINE_TAPS - TAPS) / 2;
    let oversampler = Oversampler::new();
    let fine = Fine::new();
    let overshoot = oversampler.overshoot();
    let largest =
        |values: &[f32]| values.iter().fold(0.0, |peak: f32, value| peak.max(value.abs()));
    let mut peak = largest(samples);
    let mut finest = peak;
    let mut window = [0.0; BLOCK + FINE_TAPS - 1];
    let mut values = [[0.0; BLOCK]; FACTOR - 1];
    // Value i of a block lies after sample first + i - 1, so that the first lies before the first sample.
    for first in (0..=samples.len()).step_by(BLOCK) {
        let reach = FINE_TAPS / 2;
        for (i, slot) in window.iter_mut().enumerate() {
            let sample = (first + i).checked_sub(reach).and_then(|at| samples.get(at));
            *slot = sample.copied().unwrap_or(0.0);
        }
        if largest(&window) * overshoot <= NEAR * peak {
            continue;
        }
        let near = &window[OFFSET..OFFSET + BLOCK + TAPS - 1];
        oversampler.between(near, values.each_mut().map(|values| &mut values[..]));
        for i in 0..BLOCK {
            let around = &window[i..i + FINE_TAPS];
            let ends = around[reach - 1].abs().max(around[reach].abs());
            let highest = values.iter().fold(ends, |highest, values| highest.max(values[i].abs()));
            if highest > NEAR * peak {
                peak = peak.max(highest);
                finest = finest.max(fine.peak(around));
            }
        }
    }
    finest.max(peak)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_true_peak_is_found_wherever_it_lies() {
        for at in [0, 1, 500, 511, 512, 513, 999] {
            // Two equal samples: the peak lies between them, 4 / pi high for an endless kernel.
            let mut samples = vec![0.0; 1001];
            samples[at..at + 2].fill(0.5);
            let peak = true_peak(&samples);
            assert!((peak - 0.5 * 4.0 / std::f32::consts::PI).abs() < 0.01, "{peak} at {at}");
        }
        assert_eq!(true_peak(&[]).to_bits(), 0);
    }

    #[test]
    fn peaks_next_to_the_nyquist_frequency_are_found() {
        // Bursts whose top lies between two samples, all of which are lower.
        for hz in [19_500.0, 19_800.0, 20_000.0] {
            let w = 2.0 * PI * hz / 44_100.0;
            let wave = |i: i32| {
                let t = f64::from(i) - 300.5;
                ((-t * t / 300.0).exp() * (w * t).cos()) as f32
            };
            let samples: Vec<f32> = (0..600).map(wave).collect();
            let highest = samples.iter().fold(0.0, |peak: f32, x| peak.max(x.abs()));
            assert!(highest < 0.95, "{highest} at {hz} Hz");
            let peak = true_peak(&samples);
            assert!((peak - 1.0).abs() < 0.03, "{peak} at {hz} Hz");
        }
    }

    #[test]
    fn a_sine_is_continued_between_its_samples() {
        let oversampler = Oversampler::new();
        for hz in [100.0, 997.0, 8_000.0, 17_000.0] {
            let w = 2.0 * PI * hz / 44_100.0;
            let samples: Vec<f32> =
                (0..200 + TAPS - 1).map(|i| (w * i as f64).sin() as f32).collect();
            let mut values = [[0.0; 200]; FACTOR - 1];
            oversampler.between(&samples, values.each_mut().map(|values| &mut values[..]));
            for (phase, out) in (1..FACTOR).zip(&values) {
                for (i, value) in out.iter().enumerate() {
                    let at = i as f64 + (TAPS / 2 - 1) as f64 + phase as f64 / FACTOR as f64;
                    assert!((f64::from(*value) - (w * at).sin()).abs() < 0.002, "{hz} Hz");
                }
            }
        }
    }
}
