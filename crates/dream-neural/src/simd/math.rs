//! Functions of whole slices: activations, norms, softmax.
//!
//! Plain loops over blocks of sixteen, compiled once per vector extension. `exp` is 2^n times a polynomial on
//! -ln 2 / 2 .. ln 2 / 2 (relative error below 2e-7); `erf` is formula 7.1.26 of M. Abramowitz and I. A. Stegun,
//! "Handbook of Mathematical Functions", 1964 (absolute error below 2e-7 with single precision).

#![expect(clippy::inline_always, reason = "code takes on the vector extension of its caller")]
#![expect(unsafe_code, reason = "calls code for vector extensions that were detected")]

use super::Isa;

/// Defines a function whose body is compiled for every vector extension.
macro_rules! vectorised {
    ($(#[$doc:meta])* fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $out:ty)? $body:block) => {
        $(#[$doc])*
        pub(crate) fn $name($($arg: $ty),*) $(-> $out)? {
            #[inline(always)]
            fn body($($arg: $ty),*) $(-> $out)? $body
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
            fn wide($($arg: $ty),*) $(-> $out)? { body($($arg),*) }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            fn middle($($arg: $ty),*) $(-> $out)? { body($($arg),*) }
            match Isa::best() {
                // SAFETY: `best` has found the extension.
                #[cfg(target_arch = "x86_64")]
                Isa::Avx512 => unsafe { wide($($arg),*) },
                // SAFETY: `best` has found the extension.
                #[cfg(target_arch = "x86_64")]
                Isa::Avx2 => unsafe { middle($($arg),*) },
                Isa::Portable => body($($arg),*),
            }
        }
    };
}

const LANES: usize = 16;

#[inline(always)]
fn exp(x: f32) -> f32 {
    // Adding 1.5 * 2^23 leaves the nearest whole number in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let x = x.clamp(-87.0, 88.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    // ln 2 in two parts, the first of few bits, so that n times it is exact.
    let r = (x - n * 0.693_359_4) + n * 2.121_944_4e-4;
    let mut p = 1.0 / 720.0;
    for coefficient in [1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        p = p * r + coefficient;
    }
    p * f32::from_bits((shifted.to_bits() << 23).wrapping_add(0x3f80_0000))
}

#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

#[inline(always)]
fn gelu_of(x: f32) -> f32 {
    let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * z);
    let mut p = 1.061_405_43;
    for coefficient in [-1.453_152_03, 1.421_413_74, -0.284_496_74, 0.254_829_59] {
        p = p * t + coefficient;
    }
    let tail = p * t * exp(-z * z);
    // 1 + erf is the tail itself below zero: no cancellation.
    0.5 * x * if x < 0.0 { tail } else { 2.0 - tail }
}

vectorised! {
    /// The Gaussian error linear unit, exact form: `x * (1 + erf(x / sqrt 2)) / 2`.
    fn gelu(values: &mut [f32]) {
        for x in values {
            *x = gelu_of(*x);
        }
    }
}

vectorised! {
    /// Adds `other` to `values`.
    fn add(values: &mut [f32], other: &[f32]) {
        for (x, y) in values.iter_mut().zip(other) {
            *x += y;
        }
    }
}

vectorised! {
    /// `gelu(values) + other`.
    fn gelu_add(values: &mut [f32], other: &[f32]) {
        for (x, y) in values.iter_mut().zip(other) {
            *x = gelu_of(*x) + y;
        }
    }
}

vectorised! {
    /// Gated linear unit: rows `[2 c]` of `both` become rows `[c]` of `out`, the first half times the sigmoid of
    /// the second.
    fn glu(both: &[f32], c: usize, out: &mut [f32]) {
        for (both, out) in both.chunks_exact(2 * c).zip(out.chunks_exact_mut(c)) {
            let (value, gate) = both.split_at(c);
            for i in 0..c {
                out[i] = value[i] * sigmoid(gate[i]);
            }
        }
    }
}

vectorised! {
    /// Adds `scale * glu(both * gain + offset)` to `out`; `gain` and `offset` are `[2 c]`, `scale` is `[c]`.
    fn add_scaled_glu(both: &[f32], gain: &[f32], offset: &[f32], scale: &[f32], out: &mut [f32]) {
        let c = scale.len();
        let (gain, gate_gain) = gain.split_at(c);
        let (offset, gate_offset) = offset.split_at(c);
        let gate_gain = &gate_gain[..c];
        let gate_offset = &gate_offset[..c];
        for (both, out) in both.chunks_exact(2 * c).zip(out.chunks_exact_mut(c)) {
            let (value, gate) = both.split_at(c);
            for i in 0..c {
                let value = value[i] * gain[i] + offset[i];
                out[i] += scale[i] * value * sigmoid(gate[i] * gate_gain[i] + gate_offset[i]);
            }
        }
    }
}

vectorised! {
    /// `x * gain + offset` per channel, in rows of `gain.len()`.
    fn affine(values: &mut [f32], gain: &[f32], offset: &[f32]) {
        for row in values.chunks_exact_mut(gain.len()) {
            for (x, (gain, offset)) in row.iter_mut().zip(gain.iter().zip(offset)) {
                *x = *x * gain + offset;
            }
        }
    }
}

vectorised! {
    /// `gelu(x * gain + offset)` per channel, in rows of `gain.len()`.
    fn affine_gelu(values: &mut [f32], gain: &[f32], offset: &[f32]) {
        for row in values.chunks_exact_mut(gain.len()) {
            for (x, (gain, offset)) in row.iter_mut().zip(gain.iter().zip(offset)) {
                *x = gelu_of(*x * gain + offset);
            }
        }
    }
}

vectorised! {
    /// `(x - mean) * inverse * gain + offset`, each channel its own gain and offset.
    fn standardise(
        values: &[f32],
        mean_inverse: [f32; 2],
        gain: &[f32],
        offset: &[f32],
        out: &mut [f32],
    ) {
        let [mean, inverse] = mean_inverse;
        let c = values.len();
        let (gain, offset, out) = (&gain[..c], &offset[..c], &mut out[..c]);
        for i in 0..c {
            out[i] = (values[i] - mean) * inverse * gain[i] + offset[i];
        }
    }
}

vectorised! {
    /// Multiplies all values.
    fn scale(values: &mut [f32], gain: f32) {
        for x in values {
            *x *= gain;
        }
    }
}

vectorised! {
    /// Sum and sum of squares.
    fn moments(values: &[f32]) -> [f64; 2] {
        let mut total = [0.0_f64; 2];
        // Blocks are short enough for single precision.
        for block in values.chunks(64 * LANES) {
            let (mut sums, mut squares) = ([0.0_f32; LANES], [0.0_f32; LANES]);
            let chunks = block.chunks_exact(LANES);
            for &x in chunks.remainder() {
                total[0] += f64::from(x);
                total[1] += f64::from(x * x);
            }
            for chunk in chunks {
                for i in 0..LANES {
                    sums[i] += chunk[i];
                    squares[i] += chunk[i] * chunk[i];
                }
            }
            total[0] += sums.iter().map(|&x| f64::from(x)).sum::<f64>();
            total[1] += squares.iter().map(|&x| f64::from(x)).sum::<f64>();
        }
        total
    }
}

vectorised! {
    /// Replaces the values by `exp(x - max)` and returns the inverse of their sum.
    fn softmax(values: &mut [f32]) -> f32 {
        let mut largest = [f32::MIN; LANES];
        let (chunks, rest) = values.as_chunks::<LANES>();
        for chunk in chunks {
            for i in 0..LANES {
                largest[i] = if chunk[i] > largest[i] { chunk[i] } else { largest[i] };
            }
        }
        let largest = largest.iter().chain(rest).fold(f32::MIN, |max, &x| max.max(x));
        let mut sums = [0.0_f32; LANES];
        let (chunks, rest) = values.as_chunks_mut::<LANES>();
        for chunk in chunks {
            for i in 0..LANES {
                chunk[i] = exp(chunk[i] - largest);
                sums[i] += chunk[i];
            }
        }
        let mut sum = sums.iter().sum::<f32>();
        for x in rest {
            *x = exp(*x - largest);
            sum += *x;
        }
        1.0 / sum
    }
}

vectorised! {
    /// Adds the products of all pairs of a row's values to `gram`, `[c, c]`, and the values to `sums`, over rows
    /// `[c]`.
    fn gram(values: &[f32], sums: &mut [f32], gram: &mut [f32]) {
        let c = sums.len();
        for row in values.chunks_exact(c) {
            for (i, &x) in row.iter().enumerate() {
                sums[i] += x;
                for (product, y) in gram[i * c..(i + 1) * c].iter_mut().zip(row) {
                    *product += x * y;
                }
            }
        }
    }
}

vectorised! {
    /// The sigmoid-weighted linear unit: `x * sigmoid(x)`.
    fn silu(values: &[f32], out: &mut [f32]) {
        for (x, out) in values.iter().zip(out) {
            *out = x * sigmoid(*x);
        }
    }
}

vectorised! {
    /// Multiplies a gradient by the slope of [`silu`] at `values`.
    fn silu_slope(values: &[f32], gradient: &mut [f32]) {
        for (x, gradient) in values.iter().zip(gradient) {
            let gate = sigmoid(*x);
            *gradient *= gate * (1.0 + x * (1.0 - gate));
        }
    }
}

/// The numbers of a step of [`adam`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rates {
    /// What slopes are multiplied by.
    pub(crate) scale: f32,
    /// What is kept of the first and second moments.
    pub(crate) beta: [f32; 2],
    /// Learning rate over the correction of the first moment.
    pub(crate) rate: f32,
    /// What the root of the second moment is multiplied by to correct it.
    pub(crate) root: f32,
    /// What is kept of a weight before the step.
    pub(crate) keep: f32,
}

vectorised! {
    /// A step of Adam with decoupled weight decay.
    fn adam(weights: &mut [f32], first: &mut [f32], second: &mut [f32], slopes: &[f32], rates: Rates) {
        let n = weights.len();
        let (first, second, slopes) = (&mut first[..n], &mut second[..n], &slopes[..n]);
        for i in 0..n {
            let slope = slopes[i] * rates.scale;
            first[i] = rates.beta[0] * first[i] + (1.0 - rates.beta[0]) * slope;
            second[i] = rates.beta[1] * second[i] + (1.0 - rates.beta[1]) * slope * slope;
            let size = second[i].sqrt() * rates.root + 1e-8;
            weights[i] = rates.keep * weights[i] - rates.rate * first[i] / size;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gelu_is_the_integral_of_the_normal_density() {
        for i in -600..=600 {
            let x = f64::from(i) / 50.0;
            // Simpson's rule from -16 to x.
            let steps = 4000;
            let h = (x + 16.0) / f64::from(steps);
            let density = |t: f64| (-t * t / 2.0).exp() / std::f64::consts::TAU.sqrt();
            let weight =
                |k: i32| if k == 0 || k == steps { 1.0 } else { f64::from(2 + 2 * (k % 2)) };
            let integral: f64 =
                (0..=steps).map(|k| weight(k) * density(f64::from(k) * h - 16.0)).sum::<f64>() * h
                    / 3.0;
            let mut values = [x as f32];
            gelu(&mut values);
            let error = (f64::from(values[0]) - x * integral).abs();
            assert!(error < 5e-7 * x.abs().max(1.0), "{x}: {error}");
        }
    }

    #[test]
    fn the_exponential_is_exact_to_single_precision() {
        for i in -8000..=8000 {
            let x = i as f32 / 100.0;
            let error = f64::from(exp(x)) / f64::from(x).exp() - 1.0;
            assert!(error.abs() < 3e-7, "{x}: {error}");
        }
    }

    #[test]
    fn softmax_keeps_its_head_among_large_values() {
        let mut values: Vec<f32> = (0..37).map(|i| 1000.0 + i as f32 * 0.1).collect();
        let inverse = softmax(&mut values);
        let total: f32 = values.iter().map(|x| x * inverse).sum();
        assert!((total - 1.0).abs() < 1e-5);
        assert!((values[36] / values[26] - 1.0_f32.exp()).abs() < 1e-3);
    }

    #[test]
    fn glu_gates_the_first_half_by_the_second() {
        let both = [2.0, -4.0, 0.0, 1.0];
        let mut out = [0.0; 2];
        glu(&both, 2, &mut out);
        assert!((out[0] - 1.0).abs() < 1e-6 && (out[1] + 4.0 * 0.731_058_6).abs() < 1e-5);
        let mut sum = [1.0; 2];
        add_scaled_glu(&both, &[1.0; 4], &[0.0; 4], &[0.5; 2], &mut sum);
        assert!((sum[0] - 1.5).abs() < 1e-6);
    }

    #[test]
    fn moments_and_gram_count_every_value() {
        let values: Vec<f32> = (0..999).map(|i| (i % 7) as f32 - 3.0).collect();
        let [sum, squares] = moments(&values);
        let exact = values
            .iter()
            .fold([0.0; 2], |[s, q], &x| [s + f64::from(x), q + f64::from(x) * f64::from(x)]);
        assert!((sum - exact[0]).abs() < 1e-3 && (squares - exact[1]).abs() < 1e-2);
        let (mut sums, mut products) = ([0.0; 3], [0.0; 9]);
        gram(&values, &mut sums, &mut products);
        assert!((f64::from(sums.iter().sum::<f32>()) - exact[0]).abs() < 1e-3);
        let trace = products[0] + products[4] + products[8];
        assert!((f64::from(trace) - exact[1]).abs() < 1e-2);
    }

    #[test]
    fn wide_loops_agree_with_plain_ones() {
        let values: Vec<f32> = (0..101).map(|i| (i * 37 % 101) as f32 / 9.0 - 5.0).collect();
        let close = |a: &[f32], b: &mut dyn Iterator<Item = f32>| {
            a.iter().zip(b).all(|(a, b)| (a - b).abs() < 2e-6 * b.abs().max(1.0))
        };
        let mut wide = values.clone();
        gelu(&mut wide);
        assert!(close(&wide, &mut values.iter().map(|x| gelu_of(*x))));
        wide.clone_from(&values);
        gelu_add(&mut wide, &values);
        assert!(close(&wide, &mut values.iter().map(|x| gelu_of(*x) + x)));
        wide.clone_from(&values);
        affine_gelu(&mut wide, &[0.5], &[1.0]);
        assert!(close(&wide, &mut values.iter().map(|x| gelu_of(x * 0.5 + 1.0))));
        wide.clone_from(&values);
        softmax(&mut wide);
        let largest = values.iter().fold(f32::MIN, |a, b| a.max(*b));
        assert!(close(&wide, &mut values.iter().map(|x| exp(x - largest))));
        let mut out = vec![0.0; 101];
        standardise(&values, [1.0, 2.0], &values, &[0.5; 101], &mut out);
        assert!(close(&out, &mut values.iter().map(|x| (x - 1.0) * 2.0 * x + 0.5)));
        wide.clone_from(&values);
        affine(&mut wide, &[2.0], &[1.0]);
        add(&mut wide, &values);
        scale(&mut wide, 0.5);
        assert!(close(&wide, &mut values.iter().map(|x| (x * 3.0 + 1.0) * 0.5)));
    }
}
