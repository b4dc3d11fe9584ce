//! The channels, one above the other: extremes and RMS per column, samples at full scale in red.

use dream_audio::Clip;

use super::canvas::{Area, Colour, Image};
use super::{FAINT, LEFT, PLAIN};

const EXTREMES: Colour = Colour([58, 110, 176]);
const RMS: Colour = Colour([126, 190, 250]);
const FULL: Colour = Colour([255, 84, 84]);
/// From here on a sample counts as full scale.
const FULL_SCALE: f32 = 0.9999;

/// What lies in one column.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Column {
    low: f32,
    high: f32,
    rms: f32,
}

/// Draws every channel (two at most) in its lane, the largest sample of all as high as the lane.
pub(super) fn draw(image: &mut Image, area: Area, clip: &Clip) {
    let peak = clip.peak();
    let lanes = clip.channels().min(2);
    let height = area.height / lanes;
    for (lane, channel) in clip.iter_channels().take(lanes).enumerate() {
        let lane = Area { y: area.y + lane * height, height, ..area };
        let middle = lane.y + height / 2;
        image.line(Area { y: middle, height: 1, ..lane }, FAINT, 0.5);
        if peak > 0.0 {
            for (x, column) in columns(channel, area.width).enumerate() {
                one(image, lane, area.x + x, column, peak);
            }
        }
        if lanes > 1 {
            let name = if lane.y == area.y { "L" } else { "R" };
            image.text_left_of(LEFT - 10, middle - 7, 14, PLAIN, name);
        }
    }
    if peak > 0.0 {
        let level = format!("peak {:.1} dBFS", 20.0 * peak.log10());
        let y = area.y + area.height - 15;
        image.text(area.x + 6, y, 12, FAINT, area.x + area.width, &level);
    }
}

fn one(image: &mut Image, lane: Area, x: usize, column: Column, peak: f32) {
    let half = lane.height as f32 / 2.0 - 1.0;
    let middle = (lane.y + lane.height / 2) as f32;
    let row = |value: f32| (middle - value / peak * half).round() as usize;
    let span = |low: f32, high: f32| {
        let (top, bottom) = (row(high), row(low));
        Area { x, y: top, width: 1, height: bottom - top + 1 }
    };
    let full = column.high >= FULL_SCALE || column.low <= -FULL_SCALE;
    image.fill(span(column.low, column.high), if full { FULL } else { EXTREMES });
    // The RMS lies within the extremes, also where the column does not cross zero.
    let (low, high) = (column.low.max(-column.rms), column.high.min(column.rms));
    if low < high {
        image.fill(span(low, high), RMS);
    }
}

/// The columns of a channel. Each reaches to the first sample of the next, so that they join; between samples that are
/// further apart than columns the line is straight.
fn columns(samples: &[f32], count: usize) -> impl Iterator<Item = Column> {
    let frames = samples.len();
    let value = move |at: f64| {
        let index = (at as usize).min(frames - 1);
        let next = samples[(index + 1).min(frames - 1)];
        samples[index] + (next - samples[index]) * (at - index as f64) as f32
    };
    (0..if frames == 0 { 0 } else { count }).map(move |column| {
        let edge = |column: usize| column as f64 * frames as f64 / count as f64;
        let ends = [value(edge(column)), value(edge(column + 1))];
        let inside = &samples[(edge(column).ceil() as usize).min(frames)
            ..(edge(column + 1).ceil() as usize).min(frames)];
        let all = || inside.iter().chain(&ends);
        let sum: f64 = all().map(|x| f64::from(*x).powi(2)).sum();
        Column {
            low: all().copied().fold(f32::INFINITY, f32::min),
            high: all().copied().fold(f32::NEG_INFINITY, f32::max),
            rms: (sum / (inside.len() + 2) as f64).sqrt() as f32,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_hold_the_extremes_of_their_samples() {
        let mut samples = vec![0.0; 1000];
        (samples[250], samples[990]) = (0.7, -0.4);
        let columns: Vec<Column> = columns(&samples, 10).collect();
        assert_eq!(columns.len(), 10);
        for (i, column) in columns.iter().enumerate() {
            let expected = if i == 2 { 0.7 } else { 0.0 };
            assert!((column.high - expected).abs() < 1e-6, "{i}: {column:?}");
            let expected = if i == 9 { -0.4 } else { 0.0 };
            assert!((column.low - expected).abs() < 1e-6, "{i}: {column:?}");
        }
        assert!((columns[2].rms - 0.7 / 102.0_f32.sqrt()).abs() < 1e-6);
    }

    #[test]
    fn few_samples_are_joined_by_straight_lines() {
        let columns: Vec<Column> = columns(&[0.0, 1.0], 100).collect();
        assert!((columns[25].low - 0.5).abs() < 1e-6, "{:?}", columns[25]);
        assert!((columns[99].high - 1.0).abs() < 1e-6);
        assert_eq!(super::columns(&[], 100).count(), 0);
    }
}
