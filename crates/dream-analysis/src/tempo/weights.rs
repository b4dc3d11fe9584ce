//! Weights as `bench/tempo/fit.py` printed them.

use crate::tempo::pulse::PULSE_EVIDENCE;
use crate::tempo::reading::EVIDENCE;

#[rustfmt::skip]
pub(super) const WEIGHTS: [f64; EVIDENCE] = [
    -11.837, -0.061, 0.729, 7.803, 5.625, 3.455, 4.368, 1.928,
    -0.269, 1.073, -1.039, 1.949, 14.972, 6.048, 7.377, -0.056,
    2.373, 0.037, 4.837, 3.980, 3.773, 3.258, 2.609, 2.193,
    -2.052, -3.656, -2.478, -2.970, -1.801, -0.993, 0.972, -0.991,
    1.964, 2.699, 0.386, 4.161, 2.845, 0.941, -1.731, -3.475,
    -14.955, -0.101, -0.000, -0.338, -1.435, -0.872, 3.167, 1.759,
    3.780,
];
#[rustfmt::skip]
pub(super) const PULSE: [f64; PULSE_EVIDENCE] = [
    10.530, 0.734, 0.744, 1.286, -1.568, 2.257, -40.058, -0.499,
    -0.438, 0.976, 45.407,
];
pub(super) const PULSE_BIAS: f64 = -7.177;
