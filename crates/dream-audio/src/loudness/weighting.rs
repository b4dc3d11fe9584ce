//! The energy of every 100 ms after K-weighting.
//!
//! Method: the two filters of ITU-R BS.1770-4, tables 1 and 2, which are given for 48 kHz, from analogue parameters that
//! reproduce those tables (B. De Man, "Evaluation of Implementations of the EBU R128 Loudness Measurement", AES 145, 2018)
//! by the bilinear transform at any rate. Two channels at a time, since every sample waits for the one before
//! it: the second costs nothing. State in `f64`, transposed direct form II.

use std::f64::consts::PI;

use crate::Clip;

/// Energies per step of 100 ms, the mean squares of the channels added up.
pub(super) struct Energies {
    /// Those of whole steps.
    pub(super) whole: Vec<f64>,
    /// That of the rest, as if silence made up the time.
    rest: Option<f64>,
}

impl Energies {
    /// The whole steps and the rest.
    pub(super) fn all(&self) -> Vec<f64> {
        self.whole.iter().copied().chain(self.rest).collect()
    }
}

pub(super) fn energies(clip: &Clip) -> Energies {
    let rate = clip.rate().hz();
    let step = (((clip.rate().0 + 5) / 10) as usize).max(1);
    let mut sums = vec![0.0; clip.len().div_ceil(step)];
    let filters = [shelf(rate), highpass(rate)];
    for pair in (0..clip.channels()).step_by(2) {
        if pair + 1 < clip.channels() {
            add(&filters, [clip.channel(pair), clip.channel(pair + 1)], step, &mut sums);
        } else {
            add(&filters, [clip.channel(pair)], step, &mut sums);
        }
    }
    for sum in &mut sums {
        *sum /= step as f64;
    }
    let rest = if clip.len().is_multiple_of(step) { None } else { sums.pop() };
    Energies { whole: sums, rest }
}

/// Adds the squares of the weighted channels, which have the same length, to the sum of their step.
fn add<const N: usize>(
    filters: &[Section; 2],
    channels: [&[f32]; N],
    step: usize,
    sums: &mut [f64],
) {
    let mut state = [[[0.0; N]; 2]; 2];
    for (index, sum) in sums.iter_mut().enumerate() {
        let end = channels[0].len().min((index + 1) * step);
        let parts = channels.map(|channel| &channel[index * step..end]);
        let mut total = [0.0; N];
        for i in 0..parts[0].len() {
            let mut values = parts.map(|part| f64::from(part[i]));
            for (filter, state) in filters.iter().zip(&mut state) {
                values = filter.step(values, state);
            }
            for (total, value) in total.iter_mut().zip(values) {
                *total += value * value;
            }
        }
        *sum += total.iter().sum::<f64>();
    }
}

/// A second-order section.
#[derive(Debug, Clone, Copy)]
struct Section {
    b: [f64; 3],
    a: [f64; 2],
}

impl Section {
    /// One sample of each of `N` channels.
    #[inline]
    fn step<const N: usize>(&self, x: [f64; N], z: &mut [[f64; N]; 2]) -> [f64; N] {
        let mut y = [0.0; N];
        for n in 0..N {
            y[n] = self.b[0] * x[n] + z[0][n];
            z[0][n] = self.b[1] * x[n] + z[1][n] - self.a[0] * y[n];
            z[1][n] = self.b[2] * x[n] - self.a[1] * y[n];
        }
        y
    }
}

/// 4 dB more above 1.7 kHz: the head.
fn shelf(rate: f64) -> Section {
    const HZ: f64 = 1_681.974_450_955_533;
    const Q: f64 = 0.707_175_236_955_419_6;
    const GAIN_DB: f64 = 3.999_843_853_973_347;
    /// Exponent of the gain in the middle of the slope.
    const MIDDLE: f64 = 0.499_666_774_154_541_6;
    let k = (PI * HZ / rate).tan();
    let high = 10.0_f64.powf(GAIN_DB / 20.0);
    let middle = high.powf(MIDDLE);
    let a0 = 1.0 + k / Q + k * k;
    Section {
        b: [high + middle * k / Q + k * k, 2.0 * (k * k - high), high - middle * k / Q + k * k]
            .map(|b| b / a0),
        a: [2.0 * (k * k - 1.0), 1.0 - k / Q + k * k].map(|a| a / a0),
    }
}

/// Less below 38 Hz, the numerator as in the table: not normalised.
fn highpass(rate: f64) -> Section {
    const HZ: f64 = 38.135_470_876_024_44;
    const Q: f64 = 0.500_327_037_323_877_3;
    let k = (PI * HZ / rate).tan();
    let a0 = 1.0 + k / Q + k * k;
    Section { b: [1.0, -2.0, 1.0], a: [2.0 * (k * k - 1.0), 1.0 - k / Q + k * k].map(|a| a / a0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(found: &[f64], table: &[f64]) {
        for (found, table) in found.iter().zip(table) {
            assert!((found - table).abs() < 1e-10, "{found}, in the table {table}");
        }
    }

    #[test]
    fn at_48_khz_the_filters_are_those_of_the_standard() {
        let Section { b, a } = shelf(48_000.0);
        check(&b, &[1.53512485958697, -2.69169618940638, 1.19839281085285]);
        check(&a, &[-1.69065929318241, 0.73248077421585]);
        let Section { b, a } = highpass(48_000.0);
        check(&b, &[1.0, -2.0, 1.0]);
        check(&a, &[-1.99004745483398, 0.99007225036621]);
    }
}
