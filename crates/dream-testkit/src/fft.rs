//! Discrete Fourier transform, radix 2.

use std::f64::consts::TAU;

/// In-place transform of `re + i im`; the length is a power of two.
///
/// # Panics
/// When the lengths differ or are no power of two.
pub fn fft(re: &mut [f64], im: &mut [f64]) {
    transform(re, im, &turns(re.len()));
}

/// The roots of unity that a transform of length `n` needs, as sine and cosine.
fn turns(n: usize) -> Vec<(f64, f64)> {
    (0..n / 2).map(|k| (-TAU * k as f64 / n as f64).sin_cos()).collect()
}

fn transform(re: &mut [f64], im: &mut [f64], turns: &[(f64, f64)]) {
    let n = re.len();
    assert!(n.is_power_of_two() && n == im.len(), "lengths {n} and {}", im.len());
    let bits = n.trailing_zeros();
    for i in 0..n {
        let j = if bits == 0 { 0 } else { i.reverse_bits() >> (usize::BITS - bits) };
        if i < j {
            re.swap(i, j);
            im.swap(i, j);
        }
    }
    let mut half = 1;
    while half < n {
        for k in 0..half {
            let (sin, cos) = turns[k * (n / 2 / half)];
            for a in (k..n).step_by(2 * half) {
                let b = a + half;
                let (x, y) = (re[b] * cos - im[b] * sin, re[b] * sin + im[b] * cos);
                (re[b], im[b]) = (re[a] - x, im[a] - y);
                re[a] += x;
                im[a] += y;
            }
        }
        half *= 2;
    }
}

/// Power of the bins 0 to n/2 of `samples`, padded with zeros to a power of two of at least `least`.
pub fn power(samples: &[f64], least: usize) -> Vec<f64> {
    let n = samples.len().max(least).max(2).next_power_of_two();
    let mut re = samples.to_vec();
    re.resize(n, 0.0);
    squares(re, &turns(n))
}

fn squares(mut re: Vec<f64>, turns: &[(f64, f64)]) -> Vec<f64> {
    let mut im = vec![0.0; re.len()];
    transform(&mut re, &mut im, turns);
    (0..=re.len() / 2).map(|k| re[k] * re[k] + im[k] * im[k]).collect()
}

/// Power spectra under a Hann window, `[hops, size / 2 + 1]`; hop `i` is centred on sample `i * hop`.
pub fn stft(samples: &[f64], size: usize, hop: usize) -> Vec<Vec<f64>> {
    let window: Vec<f64> =
        (0..size).map(|i| 0.5 - 0.5 * (TAU * i as f64 / size as f64).cos()).collect();
    let turns = turns(size);
    let sample = |at: Option<usize>| at.and_then(|at| samples.get(at)).copied().unwrap_or(0.0);
    (0..=samples.len() / hop)
        .map(|i| {
            let start = i * hop;
            let frame =
                (0..size).map(|k| sample((start + k).checked_sub(size / 2)) * window[k]).collect();
            squares(frame, &turns)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_agrees_with_the_definition() {
        let x: Vec<f64> = (0..16).map(|i| f64::from(i * i % 7) - 2.0).collect();
        let (mut re, mut im) = (x.clone(), vec![0.0; 16]);
        fft(&mut re, &mut im);
        for k in 0..16 {
            let angle = |i: usize| -TAU * (i * k) as f64 / 16.0;
            let real: f64 = (0..16).map(|i| x[i] * angle(i).cos()).sum();
            let imag: f64 = (0..16).map(|i| x[i] * angle(i).sin()).sum();
            assert!((real - re[k]).abs() < 1e-9 && (imag - im[k]).abs() < 1e-9);
        }
    }
}
