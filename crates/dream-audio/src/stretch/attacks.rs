//! Where sounds start, to the frame.
//!
//! Method: rise of the level in logarithmic bands (half-wave rectified spectral flux; S. Dixon, "Onset Detection
//! Revisited", Digital Audio Effects 2006), peaks above the local median; then, around each peak, the frame at which the energy of the
//! next 3 ms exceeds that of the last 6 ms by most.
//! In: any channels, any rate. Out: ascending frames, at least [`GAP_S`] apart.
//! Shapes: flux `[hops]`, one hop every 2.9 ms at 44.1 kHz.
//! Limits: starts softer than about 10 ms are found late or not at all.

use std::ops::Range;

use crate::spectrum::{Stft, Window};

/// Least distance of two attacks, s.
pub(super) const GAP_S: f64 = 0.025;
const BLOCK_S: f64 = 0.0232;
const BANDS: usize = 36;
const LOWEST_HZ: f64 = 40.0;
const HIGHEST_HZ: f64 = 16_000.0;
/// Levels below the loudest band by more than this count as equal, dB.
const RANGE_DB: f32 = 60.0;
/// Hops between the two levels of a rise.
const RISE_HOPS: usize = 4;
/// Hops further back whose highest level counts as the level before: a low note beats in short blocks.
const PAST_HOPS: usize = 8;
/// Half the stretch of time whose median a peak must exceed, s.
const MEDIAN_S: f64 = 0.1;
const AFTER_S: f64 = 0.003;
const BEFORE_S: f64 = 0.006;
const SEARCH_S: f64 = 0.015;

/// The frames at which a sound starts whose level rises by at least `rise_db` more than usual around, on average over the
/// third of the bands that rise most.
pub(super) fn attacks(channels: &[Vec<f32>], rate: f64, rise_db: f32) -> Vec<usize> {
    let frames = channels[0].len();
    let size = ((BLOCK_S * rate).max(64.0) as usize).next_power_of_two();
    let mut stft = Stft::new(size, size / 8, Window::Hann);
    let flux = flux(&levels(&mut stft, channels, rate));
    let hops_per_s = rate / stft.hop() as f64;
    let (gap, median) = ((GAP_S * hops_per_s) as usize, (MEDIAN_S * hops_per_s) as usize);
    let energy = emphasised_energy(channels);
    let (mut found, mut usual) = (Vec::new(), Vec::new());
    for hop in 0..flux.len() {
        let around =
            |reach: usize| &flux[hop.saturating_sub(reach)..(hop + reach + 1).min(flux.len())];
        usual.clear();
        usual.extend_from_slice(around(median));
        let middle = usual.len() / 2;
        let usual = *usual.select_nth_unstable_by(middle, f32::total_cmp).1;
        let highest = around(gap).iter().all(|&other| other <= flux[hop]);
        if highest && flux[hop] >= usual + rise_db {
            // A rise is measured backwards, so its middle lies half the distance earlier.
            let middle = (hop * stft.hop()).saturating_sub(RISE_HOPS / 2 * stft.hop());
            let reach = (SEARCH_S * rate) as usize;
            found.push(steepest(
                &energy,
                middle.saturating_sub(reach)..(middle + reach).min(frames),
                rate,
            ));
        }
    }
    found.sort_unstable();
    // Where the channels are cut off they start nothing, even if the cut sounds like a click.
    found.retain(|&at| ((frames - at) as f64) > GAP_S * rate);
    found.dedup_by(|next, kept| ((*next - *kept) as f64) < GAP_S * rate);
    found
}

/// Level of every band in dB, floored, `[hops][bands]`.
fn levels(stft: &mut Stft, channels: &[Vec<f32>], rate: f64) -> Vec<Vec<f32>> {
    let edges = band_edges(stft, rate);
    let mut bands = vec![vec![0.0_f32; edges.len() - 1]; stft.hops(channels[0].len())];
    for channel in channels {
        for (row, spectrum) in bands.iter_mut().zip(stft.magnitudes(channel).iter_hops()) {
            for (band, edge) in row.iter_mut().zip(edges.windows(2)) {
                *band += spectrum[edge[0]..edge[1]].iter().map(|m| m * m).sum::<f32>();
            }
        }
    }
    let max = bands.iter().flatten().fold(0.0_f32, |max, &power| max.max(power));
    let floor = (max * 10.0_f32.powf(-RANGE_DB / 10.0)).max(f32::MIN_POSITIVE);
    for level in bands.iter_mut().flatten() {
        *level = 10.0 * level.max(floor).log10();
    }
    bands
}

/// First bins of bands of equal musical width, each at least one bin wide.
fn band_edges(stft: &Stft, rate: f64) -> Vec<usize> {
    let width = stft.bin_hz(1, rate);
    let mut edges: Vec<usize> = (0..=BANDS)
        .map(|b| LOWEST_HZ * (HIGHEST_HZ / LOWEST_HZ).powf(b as f64 / BANDS as f64))
        .map(|hz| ((hz / width).round() as usize).clamp(1, stft.bins()))
        .collect();
    edges.dedup();
    if edges.len() < 2 {
        return vec![1, stft.bins()]; // the rate is too low for bands
    }
    edges
}

/// Mean rise of the third of the bands that rise most, per hop, dB: a hat shows in few bands, a snare in all.
fn flux(levels: &[Vec<f32>]) -> Vec<f32> {
    let mut rises = Vec::new();
    let mut rise = |hop: usize| {
        let before =
            &levels[hop.saturating_sub(RISE_HOPS + PAST_HOPS)..=hop.saturating_sub(RISE_HOPS)];
        let highest = |band: usize| before.iter().fold(f32::MIN, |max, row| max.max(row[band]));
        rises.clear();
        rises.extend(levels[hop].iter().enumerate().map(|(b, now)| (now - highest(b)).max(0.0)));
        let third = rises.len().div_ceil(3);
        rises.select_nth_unstable_by(third - 1, |a, b| b.total_cmp(a));
        rises[..third].iter().sum::<f32>() / third as f32
    };
    (0..levels.len()).map(&mut rise).collect()
}

/// Running sum of the energy of the first difference, which shows the bright start of a sound, `[frames + 1]`.
fn emphasised_energy(channels: &[Vec<f32>]) -> Vec<f64> {
    let frames = channels[0].len();
    let mut sums = Vec::with_capacity(frames + 1);
    let mut sum = 0.0;
    sums.push(sum);
    for i in 0..frames {
        for channel in channels {
            let before = if i == 0 { 0.0 } else { channel[i - 1] };
            sum += f64::from(channel[i] - 0.95 * before).powi(2);
        }
        sums.push(sum);
    }
    sums
}

/// The frame in `range` after which the mean energy exceeds that before by the largest factor.
fn steepest(energy: &[f64], range: Range<usize>, rate: f64) -> usize {
    let frames = energy.len() - 1;
    let (after, before) = ((AFTER_S * rate).max(1.0), (BEFORE_S * rate).max(1.0));
    let sum = |from: usize, to: usize| energy[to.min(frames)] - energy[from.min(to).min(frames)];
    let loudest = sum(range.start, range.end + after as usize) / after;
    let floor = 1e-5 * loudest + f64::MIN_POSITIVE;
    let mut best = (f64::NEG_INFINITY, range.start);
    for i in range {
        let rise = (sum(i, i + after as usize) / after + floor)
            / (sum(i.saturating_sub(before as usize), i) / before + floor);
        if rise > best.0 {
            best = (rise, i);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;

    const RATE: f64 = 44_100.0;

    /// Decaying noise from every place on, at its level, over a low saw.
    fn hits(places: &[(usize, f64)], frames: usize) -> Vec<f32> {
        let mut out: Vec<f64> =
            (0..frames).map(|i| 0.02 * ((55.0 * i as f64 / RATE).fract() - 0.5)).collect();
        let mut state = 3_u32;
        for &(place, level) in places {
            for (i, sample) in out[place..].iter_mut().enumerate() {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let noise = f64::from(state) / f64::from(u32::MAX) - 0.5;
                *sample += level * noise * (-(i as f64) / 2000.0).exp();
            }
        }
        out.into_iter().map(|x| x as f32).collect()
    }

    #[track_caller]
    fn check(places: &[(usize, f64)], rise_db: f32) {
        let mut found = attacks(&[hits(places, 100_000)], RATE, rise_db);
        found.retain(|&at| at > 1500); // the saw's own start may count
        assert_eq!(found.len(), places.len(), "{found:?}");
        for (found, &(place, _)) in found.iter().zip(places) {
            assert!(found.abs_diff(place) <= 9, "{found} instead of {place}");
        }
    }

    #[test]
    fn hits_are_found_to_a_fifth_of_a_millisecond() {
        check(&[(9000, 1.0), (30_000, 1.0), (50_123, 1.0), (70_001, 1.0)], 3.0);
        check(&[(9000, 1.0), (30_000, 1.0), (50_123, 1.0), (70_001, 1.0)], 9.0);
    }

    #[test]
    fn a_quiet_hit_is_found_in_the_tail_of_a_loud_one() {
        check(&[(9000, 1.0), (16_000, 0.1), (40_000, 1.0), (47_000, 0.1)], 3.0);
    }

    #[test]
    fn a_steady_chord_starts_nothing() {
        let chord = |i: usize| {
            let tone = |hz: f64| {
                (hz * i as f64 / RATE).fract() - 0.5 + 0.1 * (TAU * hz * i as f64 / RATE).sin()
            };
            (0.2 * (tone(55.0) + tone(110.3) + tone(164.8))) as f32
        };
        let found = attacks(&[(0..100_000).map(chord).collect()], RATE, 9.0);
        assert!(found.iter().all(|&at| at < 1500), "{found:?}"); // its own start may count
    }

    #[test]
    fn nothing_starts_in_silence_or_in_a_few_frames() {
        assert!(attacks(&[vec![0.0; 50_000]], RATE, 3.0).is_empty());
        for frames in 0..5 {
            assert!(attacks(&[vec![1.0; frames]], RATE, 3.0).is_empty());
        }
    }
}
