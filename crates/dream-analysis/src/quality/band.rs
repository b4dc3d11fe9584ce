//! A steep upper edge of the spectrum, as lossy codecs and low sample rates leave it.
//!
//! Method: the mean spectrum of the loudest windows; an edge is a frequency below which there is sound and above
//! which, within a few hundred hertz, there is nothing up to half the rate. The low-pass of an encoder falls by 50 dB
//! and more within 600 Hz; a dark sound, or the filter of a synthesiser (24 dB per octave), needs an octave or more
//! (compare B. D'Alessandro and Y. Q. Shi, "MP3 Bit Rate Quality Detection through Frequency Spectrum Analysis", ACM
//! MM&Sec 2009). Single partials that end do not make an edge: the level below it is the median of its bins.
//!
//! In: one channel. Cost: at most 96 transforms of 2048 samples.

use dream_audio::spectrum::{Complex, Stft, Window};

/// Samples of a window.
const SIZE: usize = 2048;
/// Windows that are looked at.
const WINDOWS: usize = 96;
/// Hertz per bin.
const BIN_HZ: f32 = 44_100.0 / SIZE as f32;

/// An edge of the spectrum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Edge {
    /// Where it is in Hz.
    pub(super) hz: f32,
    /// How far the level falls there in dB.
    pub(super) drop_db: f32,
    /// The level just below it, relative to the strongest bin, in dB.
    pub(super) level_db: f32,
}

/// The steepest edge between 3 kHz and 20 kHz above which there is nothing.
pub(super) fn edge(channel: &[f32]) -> Option<Edge> {
    let spectrum = spectrum_db(channel)?;
    let top = spectrum.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let bin = |hz: f32| (hz / BIN_HZ) as usize;
    let last = bin(21_500.0);
    // The highest level from each bin up.
    let mut above = spectrum.clone();
    for b in (0..last).rev() {
        above[b] = above[b].max(above[b + 1]);
    }
    let mut best: Option<Edge> = None;
    for b in bin(3_000.0)..bin(20_000.0) {
        let mut below = spectrum[b - bin(700.0)..b - bin(150.0)].to_vec();
        let middle = below.len() / 2;
        let level = *below.select_nth_unstable_by(middle, f32::total_cmp).1;
        let drop_db = level - above[b + bin(250.0)];
        if best.is_none_or(|best| drop_db > best.drop_db) {
            best = Some(Edge { hz: b as f32 * BIN_HZ, drop_db, level_db: level - top });
        }
    }
    best
}

/// The mean power of the loudest windows in dB, `[SIZE / 2 + 1]`.
fn spectrum_db(channel: &[f32]) -> Option<Vec<f32>> {
    let hop = SIZE / 2;
    let hops = channel.len().div_ceil(hop);
    let energy = |h: usize| {
        let part =
            &channel[(h * hop).saturating_sub(hop / 2)..(h * hop + hop / 2).min(channel.len())];
        part.windows(2).map(|w| (w[1] - w[0]).powi(2)).sum::<f32>()
    };
    let mut order: Vec<(f32, usize)> = (0..hops).map(|h| (energy(h), h)).collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    order.truncate(WINDOWS);
    let mut stft = Stft::new(SIZE, hop, Window::BlackmanHarris);
    let mut bins = vec![Complex::default(); stft.bins()];
    let mut power = vec![0.0_f32; stft.bins()];
    for (energy, h) in order {
        if energy <= 0.0 {
            break;
        }
        stft.forward_at(channel, (h * hop) as i64, &mut bins);
        for (sum, bin) in power.iter_mut().zip(&bins) {
            *sum += bin.norm_sqr();
        }
    }
    let loudest = power.iter().copied().fold(0.0, f32::max);
    (loudest > 0.0).then(|| power.iter().map(|p| 10.0 * (p / loudest).max(1e-14).log10()).collect())
}
