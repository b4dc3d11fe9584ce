//! The median of a window that moves over values.

/// The median of the `width` values around each, mirrored at the ends; `width` is odd. Cost: a few moves in a sorted
/// window per value.
pub(super) fn running_median(values: &[f32], width: usize, out: &mut [f32]) {
    if values.is_empty() {
        return;
    }
    let half = (width / 2) as i64;
    let at = |i: i64| values[mirrored(i, values.len())];
    let mut window: Vec<f32> = (-half..=half).map(at).collect();
    window.sort_by(f32::total_cmp);
    for (i, out) in out.iter_mut().enumerate().take(values.len()) {
        *out = window[width / 2];
        let (old, new) = (at(i as i64 - half), at(i as i64 + half + 1));
        replace(&mut window, old, new);
    }
}

/// Puts `new` in the place of `old` and restores the order between the two.
fn replace(window: &mut [f32], old: f32, new: f32) {
    let from = window.partition_point(|x| x.total_cmp(&old).is_lt()).min(window.len() - 1);
    let to = window.partition_point(|x| x.total_cmp(&new).is_lt());
    if to > from {
        window.copy_within(from + 1..to, from);
        window[to - 1] = new;
    } else {
        window.copy_within(to..from, to + 1);
        window[to] = new;
    }
}

/// The place of an index that may lie outside: `d c b a | a b c d | d c b a`.
fn mirrored(i: i64, len: usize) -> usize {
    let period = 2 * len as i64;
    let i = i.rem_euclid(period);
    i.min(period - 1 - i) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(values: &[f32], width: usize) {
        let half = (width / 2) as i64;
        let slow = |i: usize| {
            let range = i as i64 - half..=i as i64 + half;
            let mut window: Vec<f32> = range.map(|k| values[mirrored(k, values.len())]).collect();
            window.sort_by(f32::total_cmp);
            window[width / 2]
        };
        let mut fast = vec![0.0; values.len()];
        running_median(values, width, &mut fast);
        let slow: Vec<f32> = (0..values.len()).map(slow).collect();
        assert_eq!(fast, slow);
    }

    #[test]
    fn it_is_the_middle_of_the_sorted_window() {
        let values: Vec<f32> = (0..100_u32).map(|i| (i * i * 7919 % 31) as f32).collect();
        check(&values, 17);
        check(&values, 1);
        check(&values[..5], 31);
        check(&values[..1], 3);
        check(&[2.0; 9], 5);
        check(&[], 5);
    }
}
