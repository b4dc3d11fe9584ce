//! A small ensemble of perceptrons, read from the bytes it is stored as.
//!
//! Method: one hidden layer of rectified units (V. Nair, G. Hinton, "Rectified Linear Units Improve Restricted
//! Boltzmann Machines", ICML 2010) per member; the logits are the mean of the members'.
//! Bytes, little-endian: four `u32` (inputs, hidden units, outputs, members), then `f32`: the divisor of the logits
//! (C. Guo et al., "On Calibration of Modern Neural Networks", ICML 2017), mean `[inputs]` and deviation `[inputs]` of
//! the inputs, and per member `[inputs][hidden]`, bias `[hidden]`, `[hidden][outputs]`, bias `[outputs]`.

/// Standardised inputs are kept within this many deviations.
pub(crate) const REACH: f32 = 4.0;

/// Weights and their shape.
#[derive(Debug, Clone)]
pub(crate) struct Network {
    inputs: usize,
    hidden: usize,
    outputs: usize,
    numbers: Vec<f32>,
}

impl Network {
    /// Reads it; `None` if the length is not that of the shape.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let (head, rest) = bytes.split_at_checked(16)?;
        let mut shape = head.chunks_exact(4).map(|four| four.try_into().map(u32::from_le_bytes));
        let mut next = || Some(shape.next()?.ok()? as usize);
        let (inputs, hidden, outputs, members) = (next()?, next()?, next()?, next()?);
        let first = inputs.checked_mul(hidden)?.checked_add(hidden)?;
        let second = hidden.checked_mul(outputs)?.checked_add(outputs)?;
        let scale = inputs.checked_mul(2)?.checked_add(1)?;
        let count = first.checked_add(second)?.checked_mul(members)?.checked_add(scale)?;
        let (numbers, odd) = rest.as_chunks::<4>();
        let sound = odd.is_empty() && numbers.len() == count && members > 0 && outputs > 0;
        let numbers = numbers.iter().map(|four| f32::from_le_bytes(*four)).collect();
        sound.then_some(Self { inputs, hidden, outputs, numbers })
    }

    /// Number of inputs.
    pub(crate) fn inputs(&self) -> usize {
        self.inputs
    }

    /// The logits for `features` (`[inputs]`), divided by the temperature: `[outputs]`.
    pub(crate) fn logits(&self, features: &[f32]) -> Vec<f32> {
        let Self { inputs, hidden, outputs, .. } = *self;
        let units = self.units(features);
        let mut sums = vec![0.0_f32; outputs];
        for (member, units) in self.members().zip(units.chunks_exact(hidden)) {
            let (second, last) = member[inputs * hidden + hidden..].split_at(hidden * outputs);
            for (sum, bias) in sums.iter_mut().zip(last) {
                *sum += bias;
            }
            weigh(units, second, &mut sums);
        }
        let scale = (self.numbers[0] * self.members().len() as f32).recip();
        sums.iter().map(|sum| sum * scale).collect()
    }

    /// The hidden units for `features` (`[inputs]`): `[members * hidden]`.
    pub(crate) fn units(&self, features: &[f32]) -> Vec<f32> {
        let Self { inputs, hidden, .. } = *self;
        let (mean, deviation) = self.numbers[1..=2 * inputs].split_at(inputs);
        let standard: Vec<f32> = features
            .iter()
            .zip(mean.iter().zip(deviation))
            .map(|(x, (mean, deviation))| ((x - mean) / deviation).clamp(-REACH, REACH))
            .collect();
        let units = self.members().flat_map(|member| {
            let (first, rest) = member.split_at(inputs * hidden);
            let mut units = rest[..hidden].to_vec();
            weigh(&standard, first, &mut units);
            units.into_iter().map(|unit| unit.max(0.0))
        });
        units.collect()
    }

    /// The numbers of every member.
    fn members(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        let Self { inputs, hidden, outputs, .. } = *self;
        let size = inputs * hidden + hidden + hidden * outputs + outputs;
        self.numbers[1 + 2 * inputs..].chunks_exact(size)
    }
}

/// Adds `inputs * weights` (`[inputs][outputs]`) to `out`.
fn weigh(inputs: &[f32], weights: &[f32], out: &mut [f32]) {
    for (x, row) in inputs.iter().zip(weights.chunks_exact(out.len())) {
        for (sum, weight) in out.iter_mut().zip(row) {
            *sum += x * weight;
        }
    }
}

/// Probabilities from logits.
pub(crate) fn softmax(logits: &[f32]) -> Vec<f32> {
    let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f32> = logits.iter().map(|logit| (logit - top).exp()).collect();
    let total: f32 = powers.iter().sum();
    powers.iter().map(|power| power / total).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(shape: [u32; 4], numbers: &[f32]) -> Vec<u8> {
        let head = shape.iter().flat_map(|n| n.to_le_bytes());
        head.chain(numbers.iter().flat_map(|x| x.to_le_bytes())).collect()
    }

    #[test]
    fn logits_are_those_of_the_formula() {
        // Two inputs, one hidden unit, two outputs, one member, divisor 2.
        let numbers = [2.0, 1.0, 0.0, 2.0, 1.0, 3.0, -1.0, 0.5, 2.0, -2.0, 0.25, 0.75];
        let network = Network::read(&bytes([2, 1, 2, 1], &numbers)).unwrap();
        // Inputs (2, 1) standardised: (0.5, 1). Unit: 3 * 0.5 - 1 + 0.5 = 1.
        assert_eq!(network.units(&[2.0, 1.0]), [1.0]);
        assert_eq!(network.logits(&[2.0, 1.0]), [1.125, -0.625]);
        // The unit is silent below 0.
        assert_eq!(network.logits(&[1.0, 4.0]), [0.125, 0.375]);
    }

    #[test]
    fn bytes_of_another_shape_are_refused() {
        let good = bytes([1, 1, 1, 1], &[1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0]);
        assert!(Network::read(&good).is_some());
        assert!(Network::read(&good[..good.len() - 1]).is_none());
        assert!(Network::read(&good[..good.len() - 4]).is_none());
        assert!(Network::read(&[]).is_none());
        assert!(Network::read(&bytes([u32::MAX; 4], &[1.0])).is_none());
        assert!(Network::read(&bytes([1, 1, 1, 0], &[1.0, 0.0, 1.0])).is_none());
    }
}
