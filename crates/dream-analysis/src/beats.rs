//! Beat times of a steady pulse.

/// Times from `start_s` in steps up to the end, at most 40 000 of them.
pub(crate) fn grid(start_s: f64, step_s: f64, duration_s: f64) -> Vec<f64> {
    let count = ((duration_s - start_s) / step_s - 1e-6).ceil().clamp(0.0, 40_000.0) as u32;
    (0..count).map(|beat| start_s + f64::from(beat) * step_s).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_ends_before_the_clip_does() {
        assert_eq!(grid(0.5, 0.5, 2.0), [0.5, 1.0, 1.5]);
        assert!(grid(2.0, 0.5, 2.0).is_empty());
        assert_eq!(grid(0.0, 1e-9, 1e9).len(), 40_000);
    }
}
