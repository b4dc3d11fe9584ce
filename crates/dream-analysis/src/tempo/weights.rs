//! The weights of the evidence for a reading, as `bench/tempo/fit.py` printed them.

use crate::tempo::reading::EVIDENCE;

#[rustfmt::skip]
pub(super) const WEIGHTS: [f64; EVIDENCE] = [
    2.443, 1.197, -0.048, 5.104, 3.567, 1.933, 2.421, 1.490,
    0.705, 0.919, 0.805, 2.871, 1.521, 4.637, 6.851, 1.056,
    1.946, 1.128, 4.713, 2.160, 5.037, 4.046, 2.448, 1.908,
    0.711, 0.470, 1.627, 2.771, -0.278, 3.053, 1.937, 0.741,
    -1.286, -3.925, -9.859, -0.105, -0.006, -0.359, -1.982, -0.916,
    4.027, 3.685, 3.838,
];
