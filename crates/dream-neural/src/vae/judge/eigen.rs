//! Eigenvalues and vectors of small symmetric matrices, by the method of Jacobi.

/// Rounds through all pairs, at most; eight suffice for what is used here.
const ROUNDS: usize = 30;

/// Eigenvalues, the largest first, and their unit vectors, each `[n]`, of a symmetric matrix `[n, n]`.
pub(super) fn eigen(matrix: &[f64], n: usize) -> (Vec<f64>, Vec<Vec<f64>>) {
    let mut a = matrix.to_vec();
    // Rows become the vectors.
    let mut v = vec![0.0; n * n];
    (0..n).for_each(|i| v[i * n + i] = 1.0);
    let size: f64 = a.iter().map(|x| x * x).sum();
    for _ in 0..ROUNDS {
        let off: f64 = (0..n)
            .flat_map(|i| (0..i).map(move |j| (i, j)))
            .map(|(i, j)| a[i * n + j].powi(2))
            .sum();
        if off <= 1e-24 * size {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                if a[p * n + q].abs() > 1e-300 {
                    rotate(&mut a, &mut v, n, p, q);
                }
            }
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|i, j| a[j * n + j].total_cmp(&a[i * n + i]));
    let values = order.iter().map(|i| a[i * n + i]).collect();
    let vectors = order.iter().map(|i| v[i * n..(i + 1) * n].to_vec()).collect();
    (values, vectors)
}

/// Turns the plane of axes `p` and `q` so that they do not mix.
fn rotate(a: &mut [f64], v: &mut [f64], n: usize, p: usize, q: usize) {
    let theta = (a[q * n + q] - a[p * n + p]) / (2.0 * a[p * n + q]);
    let t = theta.signum() / (theta.abs() + theta.hypot(1.0));
    let t = if theta.abs() < 1e-300 { 1.0 } else { t };
    let cos = 1.0 / t.hypot(1.0);
    let sin = t * cos;
    let turn = |m: &mut [f64], i: usize, j: usize| {
        let (x, y) = (m[i], m[j]);
        m[i] = cos * x - sin * y;
        m[j] = sin * x + cos * y;
    };
    for k in 0..n {
        turn(a, k * n + p, k * n + q);
    }
    for k in 0..n {
        turn(a, p * n + k, q * n + k);
        turn(v, p * n + k, q * n + k);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_stretched_by_their_values() {
        let n = 9;
        let at = |i: usize, j: usize| {
            ((i * j) as f64 * 0.37).sin() + if i == j { i as f64 } else { 0.0 }
        };
        let matrix: Vec<f64> = (0..n * n).map(|k| at(k / n, k % n)).collect();
        let (values, vectors) = eigen(&matrix, n);
        assert!(values.windows(2).all(|pair| pair[0] >= pair[1]));
        for (value, vector) in values.iter().zip(&vectors) {
            for i in 0..n {
                let got: f64 = (0..n).map(|j| matrix[i * n + j] * vector[j]).sum();
                assert!((got - value * vector[i]).abs() < 1e-9);
            }
            assert!((vector.iter().map(|x| x * x).sum::<f64>() - 1.0).abs() < 1e-9);
        }
    }
}
