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
    let mut errors = vec![0.0_f32; blocks];
    let mut powers = vec![0.0_f32; blocks];
    for b in 0..blocks {
        for i in b * BLOCK..(b + 1) * BLOCK {
            errors[b] = errors[b].max(error(i).abs());
        }
        powers[b] = channel[b * BLOCK..(b + 1) * BLOCK].iter().map(|x| x * x).sum();
    }
    let (mut count, mut largest) = (0, 0.0_f32);
    for b in 4..blocks - 4 {
        // A unit impulse has an error of 3.
        let size = errors[b] / 3.0;
        if size < 0.005 * peak || errors[b] < errors[b - 1] || errors[b] <= errors[b + 1] {
            continue;
        }
        let (from, to) = (b.saturating_sub(REACH), (b + REACH + 1).min(blocks));
        let around = errors[from..b - 1].iter().chain(&errors[b + 2..to]);
        let mut around: Vec<f32> = around.copied().collect();
        // Near either end of the clip half the teeth are missing.
        let others = if b < REACH || b + REACH >= blocks { OTHERS / 2 } else { OTHERS };
        let highest = *around.select_nth_unstable_by(others, |a, b| b.total_cmp(a)).1;
        if errors[b] < 4.0 * highest {
            continue;
        }
        let before: f32 = powers[from..b - 1].iter().rev().take(15).sum();
        let after: f32 = powers[b + 2..to].iter().take(15).sum();
        let floor = 1e-6 * peak * peak * (15 * BLOCK) as f32;
        let large =
            (b * BLOCK..(b + 1) * BLOCK).filter(|i| error(*i).abs() > 0.25 * errors[b]).count();
        if after < 2.0 * before + floor && large <= 10 {
            count += 1;
            largest = largest.max(size / peak);
        }
    }
    (count, largest)
}
