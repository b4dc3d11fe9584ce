//! Hum and noise: what goes on below the sound.
//!
//! Both are told only where the sound makes room for them. Noise: the levels of an ordinary sound in its pauses are
//! spread, for it dies away; a floor holds them at one level, the lowest that occurs, with a flat spectrum (minimum
//! statistics: R. Martin, "Noise Power Spectral Density Estimation Based on Optimal Smoothing and Minimum
//! Statistics", IEEE Trans. Speech Audio Processing 9(5), 2001). A sound that is noise throughout, as atmospheres and
//! hats are, has no pauses and no floor. Where a floor is louder than all treble of a low sound, every block is at its level.
//! Hum: tones at multiples of 50 or of 60 Hz, read over 200 ms (whole periods of both), whose phase holds through the
//! sound. No note of equal temperament at 440 Hz is within 1 % of 50 or 60 Hz, so a bass turns its phase where hum does
//! not.
//!
//! In: one channel. Limits: hum in sounds under 0.6 s and mains that drift by more than 0.3 Hz are not told.

use std::f64::consts::TAU;

use dream_audio::spectrum::{Complex, Stft, Window};

use crate::spectrum::phase;

/// Samples of a block: 20 ms.
const BLOCK: usize = 882;
/// Blocks of a floor, at least.
const LEAST_BLOCKS: usize = 6;
/// A floor lies at least so far below the loudest block, both of the first difference; in a sound that is noise itself
/// quieter parts are no floor.
const ROOM_DB: f32 = 12.0;
/// And so far below the loudest block of the whole band.
const WHOLE_ROOM_DB: f32 = 25.0;
/// A floor holds this share of the blocks below that level, and of all blocks where there is no room.
const PAUSES: f32 = 0.4;
const THROUGHOUT: f32 = 0.6;
/// Width of a floor's levels.
const WIDTH_DB: f32 = 2.0;

/// The noise floor below the loudest 20 ms in dB; `None` where there is none.
pub(super) fn noise_db(channel: &[f32]) -> Option<f32> {
    // The blocks lie on the sound, whatever comes before it.
    let (start, channel) = channel.split_at(phase(channel, BLOCK).min(channel.len()));
    let levels: Vec<f32> = channel.chunks_exact(BLOCK).map(level_db).collect();
    let loudest = levels.iter().copied().fold(level_db(start), f32::max);
    let whole_start = start.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / BLOCK as f64;
    let whole = channel.chunks_exact(BLOCK).map(power).fold(whole_start, f64::max);
    let whole_db = (10.0 * whole.max(1e-18).log10()) as f32;
    // In the pauses; or, where hiss is louder than all treble of the sound, all along.
    [(ROOM_DB, PAUSES), (f32::NEG_INFINITY, THROUGHOUT)].into_iter().find_map(|(room_db, share)| {
        let blocks = held(&levels, loudest - room_db, share)?;
        let floor = blocks.iter().map(|b| levels[*b]).sum::<f32>() / blocks.len() as f32;
        // White noise has half the power of its difference.
        let room = whole_db - (floor - 3.0);
        ((WHOLE_ROOM_DB..85.0).contains(&room)
            && is_steady(&levels, &blocks)
            && is_noise(channel, &blocks))
        .then_some(-room)
    })
}

/// The blocks below a level that hold the lowest level that occurs, where these are at least a share of them.
fn held(levels: &[f32], below_db: f32, share: f32) -> Option<Vec<usize>> {
    let mut below: Vec<f32> =
        levels.iter().copied().filter(|level| *level < below_db && *level > -170.0).collect();
    below.sort_by(f32::total_cmp);
    // The width that holds the most blocks, among the lowest.
    let (mut best, mut from) = (0..0, 0);
    for to in 0..below.len() {
        while below[to] - below[from] > WIDTH_DB {
            from += 1;
        }
        if to + 1 - from > best.len() {
            best = from..to + 1;
        }
    }
    let enough = best.len() >= LEAST_BLOCKS
        && best.len() as f32 >= share * below.len() as f32
        && best.start * 5 <= below.len();
    let (low, high) = enough.then(|| (below[best.start], below[best.end - 1]))?;
    Some((0..levels.len()).filter(|b| (low..=high).contains(&levels[*b])).collect())
}

/// Level of the first difference, which leaves hum and rumble out, in dB.
fn level_db(block: &[f32]) -> f32 {
    let power = block.windows(2).map(|w| f64::from(w[1] - w[0]).powi(2)).sum::<f64>();
    (10.0 * (power / BLOCK as f64).max(1e-18).log10()) as f32
}

/// Whether the levels neither rise nor fall over the blocks.
fn is_steady(levels: &[f32], blocks: &[usize]) -> bool {
    let mean =
        |part: &[usize]| part.iter().map(|b| levels[*b]).sum::<f32>() / part.len().max(1) as f32;
    let (early, late) = blocks.split_at(blocks.len() / 2);
    (mean(early) - mean(late)).abs() < 0.7
}

/// Whether the mean spectrum of the blocks is flat within most octaves from 600 Hz up.
fn is_noise(channel: &[f32], blocks: &[usize]) -> bool {
    const SIZE: usize = 768;
    let mut stft = Stft::new(SIZE, SIZE, Window::Hann);
    let mut bins = vec![Complex::default(); stft.bins()];
    let mut power = vec![0.0_f64; stft.bins()];
    let stride = blocks.len().div_ceil(24);
    let mut count = 0;
    for block in blocks.iter().step_by(stride) {
        stft.forward_at(channel, (block * BLOCK + BLOCK / 2) as i64, &mut bins);
        for (sum, bin) in power.iter_mut().zip(&bins) {
            *sum += f64::from(bin.norm_sqr());
        }
        count += 1;
    }
    // The spectrum of few blocks is ragged by itself: its flatness is exp(-0.58 / blocks) and less.
    let enough = if count < 8 { 0.6 } else { 0.75 };
    let flat = [10_usize, 20, 40, 80, 160].into_iter().filter(|low| {
        let band = &power[*low..2 * low];
        let mean = band.iter().sum::<f64>() / band.len() as f64;
        let log = band.iter().map(|p| p.max(1e-30).ln()).sum::<f64>() / band.len() as f64;
        log.exp() > enough * mean
    });
    flat.count() >= 3
}

/// The rate at which hum is looked for: a 21st of 44.1 kHz.
const SLOW_HZ: f64 = 2_100.0;
/// 200 ms at that rate.
const WINDOW: usize = 420;
/// Harmonics looked for.
const HARMONICS: usize = 6;

/// The level of the hum below the loudest 200 ms in dB; `None` where there is none.
pub(super) fn hum_db(channel: &[f32]) -> Option<f32> {
    let slow = decimate(channel);
    let hop = WINDOW / 2;
    let windows = (slow.len() + hop).checked_sub(WINDOW)? / hop;
    if windows < 5 {
        return None;
    }
    let loudest = (0..windows)
        .map(|w| {
            power(
                &channel[(w * hop * 21).min(channel.len())
                    ..((w * hop + WINDOW) * 21).min(channel.len())],
            )
        })
        .fold(0.0, f64::max);
    let family = |mains: f64| -> f64 {
        let lines: Vec<f64> =
            (1..=HARMONICS).filter_map(|k| steady_line(&slow, windows, mains * k as f64)).collect();
        let sum = lines.iter().map(|a| a * a / 2.0).sum::<f64>();
        if lines.len() >= 2 { sum } else { 0.0 }
    };
    let hum = family(50.0).max(family(60.0));
    let db = 10.0 * (hum / loudest.max(1e-30)).max(1e-12).log10();
    (db > -80.0 && db < -10.0).then_some(db as f32)
}

fn power(samples: &[f32]) -> f64 {
    samples.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / samples.len().max(1) as f64
}

/// A 21st of the rate, the mean under a cubic spline, which keeps what folds back below -70 dB.
fn decimate(channel: &[f32]) -> Vec<f32> {
    let spline = [21_usize; 3].iter().fold(vec![1.0_f32], |shape, width| {
        let mut wider = vec![0.0; shape.len() + width - 1];
        for (i, value) in shape.iter().enumerate() {
            wider[i..i + width].iter_mut().for_each(|slot| *slot += value / *width as f32);
        }
        wider
    });
    let weighted = |part: &[f32]| part.iter().zip(&spline).map(|(x, w)| x * w).sum();
    channel.windows(spline.len()).step_by(21).map(weighted).collect()
}

/// The amplitude of a tone of `hz` that goes on through the sound, `None` if there is none: the mean of its phasors,
/// where it is five times what windows of random phase would leave. Hits are left out.
fn steady_line(slow: &[f32], windows: usize, hz: f64) -> Option<f64> {
    let mut lines = phasors(slow, windows, hz);
    lines.sort_by(|a, b| a.0.hypot(a.1).total_cmp(&b.0.hypot(b.1)));
    let limit = 1.5 * lines[windows / 2].0.hypot(lines[windows / 2].1);
    lines.retain(|(re, im)| re.hypot(*im) <= limit);
    let count = lines.len() as f64;
    let sum = lines.iter().fold((0.0, 0.0), |sum, line| (sum.0 + line.0, sum.1 + line.1));
    let mean = (sum.0 / count, sum.1 / count);
    let spread =
        lines.iter().map(|(re, im)| (re - mean.0).powi(2) + (im - mean.1).powi(2)).sum::<f64>();
    // Windows that overlap by half count for less than their number.
    let error = (spread / count / (0.6 * count)).sqrt();
    let size = mean.0.hypot(mean.1);
    (size > 1e-9 && size > 5.0 * error).then_some(size)
}

/// Amplitude and phase of a tone in windows of 200 ms, 100 ms apart; multiples of 10 Hz keep their phase.
fn phasors(slow: &[f32], windows: usize, hz: f64) -> Vec<(f64, f64)> {
    let step = TAU * hz / SLOW_HZ;
    let table: Vec<(f64, f64)> = (0..WINDOW)
        .map(|i| {
            let hann = 0.5 - 0.5 * (TAU * (i as f64 + 0.5) / WINDOW as f64).cos();
            let (sin, cos) = (step * i as f64).sin_cos();
            (4.0 / WINDOW as f64 * hann * cos, 4.0 / WINDOW as f64 * hann * sin)
        })
        .collect();
    let hop = WINDOW / 2;
    (0..windows)
        .map(|w| {
            let part = &slow[w * hop..w * hop + WINDOW];
            part.iter().zip(&table).fold((0.0, 0.0), |(re, im), (x, (cos, sin))| {
                (re + f64::from(*x) * cos, im + f64::from(*x) * sin)
            })
        })
        .collect()
}
