//! Clicks: impulses of a few samples that belong to no hit.
//!
//! Method: S. Godsill and P. Rayner, "Digital Audio Restoration", Springer 1998, chapter 5: clicks are outliers of
//! the prediction error. The predictor is the third difference, which any smooth sound makes small, and an outlier is
//! judged against the largest errors within 40 ms on both sides, so that hits (whose error lasts), the teeth of a saw
//! wave (which return) and noise (which is as high everywhere) set their own measure. What makes the sound louder
//! is the beginning of a hit, not a click.
//!
//! In: one channel. Limits: clicks below the treble of the sound around them are neither heard nor found.

/// Samples of a block: 1 ms.
const BLOCK: usize = 44;
/// Blocks looked at on each side.
const REACH: usize = 60;
/// Blocks that may be as rough as a click without hiding it: other clicks. A saw wave from 33 Hz up has more teeth.
const OTHERS: usize = 2;
/// A click is so many times as rough as what surrounds it.
const OUTLIER: f32 = 4.0;

/// Number of the clicks, and the size of the largest as a share of the peak.
pub(super) fn clicks(channel: &[f32]) -> (usize, f32) {
    let peak = channel.iter().fold(0.0_f32, |m, x| m.max(x.abs()));
    let blocks = channel.len() / BLOCK;
    if blocks < 8 || peak <= 0.0 {
        return (0, 0.0);
    }
    let error = |i: usize| {
        if i < 3 {
            0.0
        } else {
            channel[i] - channel[i - 3] - 3.0 * (channel[i - 1] - channel[i - 2])
        }
    };
    let worst = |from: usize| (from..from + BLOCK).map(|i| error(i).abs()).fold(0.0, f32::max);
    let power = |from: usize| channel[from..from + BLOCK].iter().map(|x| x * x).sum::<f32>();
    let errors: Vec<f32> = (0..blocks).map(|b| worst(b * BLOCK)).collect();
    let (mut count, mut largest) = (0, 0.0_f32);
    for b in 4..blocks - 4 {
        // A unit impulse has an error of 3.
        let size = errors[b] / 3.0;
        if size < 0.005 * peak || errors[b] < errors[b - 1] || errors[b] <= errors[b + 1] {
            continue;
        }
        let (from, to) = (b.saturating_sub(REACH), (b + REACH + 1).min(blocks));
        // Near either end of the clip half the teeth are missing.
        let others = if b < REACH || b + REACH >= blocks { OTHERS / 2 } else { OTHERS };
        let stands_out = |around: Vec<f32>, least: f32| {
            let mut around = around;
            errors[b] >= least * *around.select_nth_unstable_by(others, |a, b| b.total_cmp(a)).1
        };
        let around = errors[from..b - 1].iter().chain(&errors[b + 2..to]);
        if !stands_out(around.copied().collect(), 0.75 * OUTLIER) {
            continue;
        }
        // Now in blocks around the outlier itself, so that it does not matter where the clip begins.
        let inside = b * BLOCK..(b + 1) * BLOCK;
        let at = inside.clone().max_by(|&i, &k| error(i).abs().total_cmp(&error(k).abs()));
        let middle = at.unwrap_or(inside.start) - BLOCK / 2;
        let before: Vec<usize> = (2..=REACH).map_while(|k| middle.checked_sub(k * BLOCK)).collect();
        let after: Vec<usize> = (2..=REACH)
            .map(|k| middle + k * BLOCK)
            .take_while(|from| from + BLOCK <= channel.len())
            .collect();
        if !stands_out(before.iter().chain(&after).map(|from| worst(*from)).collect(), OUTLIER) {
            continue;
        }
        let energy =
            |blocks: &[usize]| blocks.iter().take(15).map(|from| power(*from)).sum::<f32>();
        let floor = 1e-6 * peak * peak * (15 * BLOCK) as f32;
        let large = (middle..middle + BLOCK).filter(|i| error(*i).abs() > 0.25 * errors[b]).count();
        if energy(&after) < 2.0 * energy(&before) + floor && large <= 10 {
            count += 1;
            largest = largest.max(size / peak);
        }
    }
    (count, largest)
}
