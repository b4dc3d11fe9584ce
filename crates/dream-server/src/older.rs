//! Older names of paths and fields; the only place that knows what they stand for. They are marked as deprecated in the
//! documentation and answer as the names of today do; where both are given, that of today counts.

use crate::neuromorphic::ModeName;

/// Paths that answer like another: the older one, the method, that of today.
pub(crate) const PATHS: &[(&str, &str, &str)] = &[
    ("/train/batch", "post", "/neuromorphic/train/batch"),
    ("/generate/hybrid", "post", "/neuromorphic/generate/hybrid"),
    ("/generate/batch", "post", "/neuromorphic/generate/batch"),
];

/// `stereo_track_path` for `track_path`.
pub(crate) fn first<T>(today: Option<T>, older: Option<T>) -> Option<T> {
    today.or(older)
}

/// `generation_mode` and `interpolate` for `mode`.
pub(crate) fn mode(
    today: Option<ModeName>,
    generation_mode: Option<ModeName>,
    interpolate: Option<bool>,
) -> ModeName {
    let interpolate = (interpolate == Some(true)).then_some(ModeName::Interpolated);
    today.or(generation_mode).or(interpolate).unwrap_or(ModeName::Random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_today_counts() {
        use ModeName::{Hybrid, Interpolated, Random};
        assert_eq!(mode(None, None, None), Random);
        assert_eq!(mode(None, None, Some(true)), Interpolated);
        assert_eq!(mode(None, Some(Hybrid), Some(true)), Hybrid);
        assert_eq!(mode(Some(Random), Some(Hybrid), None), Random);
        assert_eq!(first(Some(1), Some(2)), Some(1));
    }
}
