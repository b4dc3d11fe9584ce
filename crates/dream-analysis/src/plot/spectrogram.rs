//! Levels over time and frequency.
//!
//! Method: power of Hann-windowed spectra, the window about as many periods long at every frequency (after J. C. Brown,
//! "Calculation of a constant Q spectral transform", JASA 89(1), 1991), here by crossfading the levels of transforms
//! of 256 to 8192 frames from octave to octave. Short windows show when a hat begins, long ones keep bass notes
//! apart; a sine keeps its level across the fade, and pink noise is even.
//! Power is averaged over the channels and over what falls in a column, at most `HOPS` spectra each, so that opposite
//! channels do not cancel and the cost does not grow with the clip. Shape: `[columns, rows]`.

use dream_audio::Clip;
use dream_audio::spectrum::{Complex, Stft, Window};

use super::canvas::{Area, Image};
use super::colour;

const LOW_HZ: f64 = 30.0;
const HIGH_HZ: f64 = 20_000.0;
/// Range of levels below the loudest.
const RANGE_DB: f32 = 84.0;
/// The longest window, used up to `TURN_HZ`; halved with every octave above.
const LONGEST: usize = 8192;
const TURN_HZ: f64 = 250.0;
const SHORTEST: usize = 256;
/// The least that counts, as a share of the highest sample (-110 dB).
const FLOOR: f32 = 3e-6;
/// Spectra per column and window at most.
const HOPS: usize = 24;

/// The row of a frequency in a panel of `height` rows, high notes at the top.
pub(super) fn row(hz: f64, height: usize) -> usize {
    let up = (hz / LOW_HZ).ln() / (HIGH_HZ / LOW_HZ).ln();
    ((1.0 - up) * height as f64).floor().clamp(0.0, height as f64 - 1.0) as usize
}

pub(super) fn draw(image: &mut Image, area: Area, clip: &Clip) {
    let levels = levels(clip, area.width, area.height);
    let top = levels.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    if !top.is_finite() {
        return;
    }
    let scale = colour::scale();
    for (x, column) in levels.chunks_exact(area.height).enumerate() {
        for (y, level) in column.iter().enumerate() {
            let shade = 1.0 + (level - top) / RANGE_DB;
            image.blend(area.x + x, area.y + y, colour::of(&scale, shade), 1.0);
        }
    }
}

/// Levels in dB, `[columns, rows]`, the top row first; minus infinity where nothing sounds.
fn levels(clip: &Clip, columns: usize, rows: usize) -> Vec<f32> {
    let rate = clip.rate().hz();
    // A window much longer than the sound would show nothing but its spectrum.
    let longest = (clip.len() / 4).next_power_of_two().clamp(SHORTEST, LONGEST);
    // A window that hears nothing must not make nothing of what its neighbour hears.
    let floor = (clip.peak() * FLOOR).powi(2);
    let mut levels = vec![if floor > 0.0 { 0.0 } else { f32::NEG_INFINITY }; columns * rows];
    let mut size = SHORTEST;
    while size <= longest {
        let shares: Vec<f32> =
            (0..rows).map(|row| share(row_hz(row, rows), size, longest)).collect();
        let mut power = Power::new(size);
        for (column, levels) in levels.chunks_exact_mut(rows).enumerate() {
            let from = column * clip.len() / columns;
            let to = (column + 1) * clip.len() / columns;
            let bins = power.mean(clip, from, to);
            for (row, (level, share)) in levels.iter_mut().zip(&shares).enumerate() {
                if *share > 0.0 {
                    let edge = |row: f64| row_hz_at(row, rows) / rate * size as f64;
                    let power = read(bins, edge(row as f64 + 1.0), edge(row as f64));
                    *level += share * 10.0 * (power + floor).log10();
                }
            }
        }
        size *= 2;
    }
    levels
}

/// How much a window of `size` counts at a frequency: 1 at its own, falling to 0 an octave away.
fn share(hz: f64, size: usize, longest: usize) -> f32 {
    let own = TURN_HZ * (LONGEST / size) as f64;
    let octaves = (hz / own).log2();
    let far = (octaves < 0.0 && size == longest) || (octaves > 0.0 && size == SHORTEST);
    if far { 1.0 } else { (1.0 - octaves.abs()).max(0.0) as f32 }
}

/// The frequency in the middle of a row.
fn row_hz(row: usize, rows: usize) -> f64 {
    row_hz_at(row as f64 + 0.5, rows)
}

fn row_hz_at(row: f64, rows: usize) -> f64 {
    LOW_HZ * (HIGH_HZ / LOW_HZ).powf(1.0 - row / rows as f64)
}

/// The highest power between two positions in bins, or that in their middle where they lie within one bin.
fn read(bins: &[f32], from: f64, to: f64) -> f32 {
    let last = bins.len() - 1;
    if from > last as f64 {
        return 0.0; // above half the rate
    }
    if to - from >= 1.0 {
        let first = (from.ceil() as usize).min(last);
        let end = (to.ceil() as usize).clamp(first + 1, last + 1);
        return bins[first..end].iter().copied().fold(0.0, f32::max);
    }
    let at = f64::midpoint(from, to).min(last as f64);
    let below = (at as usize).min(last - 1);
    // Between bins as the logarithm goes: the main lobe is a parabola there.
    let (a, b) = (bins[below].max(1e-30).ln(), bins[below + 1].max(1e-30).ln());
    (a + (b - a) * (at - below as f64) as f32).exp()
}

/// Mean power spectra with one window.
pub(super) struct Power {
    stft: Stft,
    bins: Vec<Complex>,
    mean: Vec<f32>,
}

impl Power {
    pub(super) fn new(size: usize) -> Self {
        let stft = Stft::new(size, size / 2, Window::Hann);
        let bins = stft.bins();
        Self { stft, bins: vec![Complex::default(); bins], mean: vec![0.0; bins] }
    }

    /// The mean power of the frames `from..to` of all channels, `[bins]`; a sine of amplitude 1 has 1.
    pub(super) fn mean(&mut self, clip: &Clip, from: usize, to: usize) -> &[f32] {
        let frames = to.saturating_sub(from);
        let hops = (2 * frames / self.stft.size()).clamp(1, HOPS);
        let scale = self.stft.sine_level().powi(2) * (hops * clip.channels()) as f32;
        self.mean.fill(0.0);
        for channel in clip.iter_channels() {
            for hop in 0..hops {
                let centre = from + frames * (2 * hop + 1) / (2 * hops);
                self.stft.forward_at(channel, centre as i64, &mut self.bins);
                for (mean, bin) in self.mean.iter_mut().zip(&self.bins) {
                    *mean += bin.norm_sqr() / scale;
                }
            }
        }
        &self.mean
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::{noise, sine};
    use dream_core::SampleRate;

    /// The loudest row of a column, and how far below it the rows are that lie more than half an octave away.
    fn brightest(levels: &[f32], rows: usize) -> (usize, f32) {
        let best = (0..rows).max_by(|&a, &b| levels[a].total_cmp(&levels[b])).unwrap();
        let far = (0..rows).filter(|row| row.abs_diff(best) > rows / 18);
        (best, levels[best] - far.map(|row| levels[row]).fold(f32::NEG_INFINITY, f32::max))
    }

    #[test]
    fn a_sine_is_one_line_in_its_row_at_its_level() {
        for hz in [60.0, 110.0, 220.0, 440.0, 1_000.0, 3_000.0, 9_000.0, 15_000.0] {
            let clip = Clip::mono(SampleRate::LIBRARY, sine(hz, 2.0));
            let levels = levels(&clip, 40, 400);
            let (best, margin) = brightest(&levels[20 * 400..21 * 400], 400);
            assert!(best.abs_diff(row(hz, 400)) <= 2, "{hz} Hz: {best}, {}", row(hz, 400));
            assert!(margin > 40.0, "{hz} Hz: {margin} dB");
            let level = levels[20 * 400 + best];
            assert!((level + 6.0).abs() < 1.5, "{hz} Hz: {level} dB");
        }
    }

    #[test]
    fn opposite_channels_do_not_cancel() {
        let left = noise(0.5);
        let right: Vec<f32> = left.iter().map(|x| -x).collect();
        let both = Clip::new(SampleRate::LIBRARY, &[&left, &right]);
        let one = Clip::mono(SampleRate::LIBRARY, left);
        for (both, one) in levels(&both, 10, 50).into_iter().zip(levels(&one, 10, 50)) {
            assert!((both - one).abs() < 1e-3, "{both} dB instead of {one}");
        }
    }

    #[test]
    fn the_cost_of_a_column_is_bounded() {
        let clip = Clip::mono(SampleRate::LIBRARY, sine(440.0, 20.0));
        let mut power = Power::new(256);
        let bins = power.mean(&clip, 0, clip.len()).to_vec();
        let (best, _) = brightest(&bins, bins.len());
        assert!(best.abs_diff(3) <= 1, "{best}");
    }
}
