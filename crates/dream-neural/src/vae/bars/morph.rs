//! Loops that wear the envelopes of others: the exemplar morph, bar by bar around the circle.
//!
//! As [`morph`](super::super::morph()), but that the columns follow the sixteenths, and what rings past the end goes on at the start:
//! there is no seam to hide. Columns are as far apart as the tempo wants, to the frame; what their windows add up to is divided out, so that
//! a loop under its own envelopes comes out as it went in.
//! Shapes: one column `[bins]` at a time; memory is that of the rows of every envelope, `[bars * 128, bins]`.

use dream_audio::Clip;
use dream_audio::filter::Cascade;
use dream_audio::spectrum::{Complex, Window};
use dream_audio::stretch::{Material, reseam};
use dream_core::{SampleRate, Seed};

use super::super::envelope::{FLOOR_DB, Grid};
use super::super::morph::{AUDIBLE, GAIN_DB, Meeting, Morphed, Noise, power};
use super::super::phase::retrieve;
use super::{Bars, Circle};

/// Below this frequency both sides play the same, in Hz.
const MONO_HZ: f64 = 120.0;
/// Steps between frames up to this share of all are usual in a loop.
const USUAL: f64 = 0.999;
/// Frames over which a step at the seam is spread: 10 ms.
const BRIDGE: usize = 441;
/// Frames over which an end that was made fades into what was made before the start: 20 ms.
const FADE: usize = 882;

/// A loop that lends its phases and its fine structure.
#[derive(Debug, Clone, Copy)]
pub struct Player<'a> {
    /// The loop.
    pub bars: &'a Bars,
    /// Its share of the power, 0 to 1.
    pub weight: f32,
}

/// Dresses loops of one length in target envelopes, in dB `[times, bands]`, one per bar.
///
/// # Panics
/// Without a player, with players of different lengths, or with envelopes of another grid or of other bars.
pub fn morph_bars(
    grid: &Grid,
    targets: &[Vec<f32>],
    players: &[Player<'_>],
    seed: Seed,
) -> Morphed {
    let first = players.first().expect("a morph has a player").bars;
    let frames = first.clip().len();
    assert!(
        players
            .iter()
            .all(|p| p.bars.clip().len() == frames && p.bars.envelopes().len() == targets.len()),
        "players of one length"
    );
    let mut circle = Circle::new(grid, frames, targets.len()).expect("it was listened to");
    let channels = players.iter().map(|p| p.bars.clip().channels()).max().unwrap_or(1);
    let wanted = Round::new(grid, targets);
    let own: Vec<Round> = players.iter().map(|p| Round::new(grid, p.bars.envelopes())).collect();
    let sounds: Vec<Vec<Vec<f32>>> = players
        .iter()
        .map(|p| p.bars.clip().iter_channels().map(|c| circle.unrolled(c)).collect())
        .collect();

    let bins = grid.bins();
    let (mut want, mut have) = (vec![0.0; bins], vec![0.0; bins]);
    let mut gains = vec![vec![0.0_f32; bins]; players.len()];
    let mut missing = vec![0.0_f32; bins];
    let mut spectrum = vec![Complex::default(); bins];
    let mut sum = Meeting::new(bins);
    let reach = circle.reach();
    let mut out = vec![vec![0.0_f32; frames + 2 * reach]; channels];
    let mut noise = Noise { rng: seed.rng(), level: grid.unit_power().sqrt() };
    let (mut audible, mut strained) = (0_u64, 0_u64);
    for hop in 0..circle.hops {
        wanted.column(hop, &mut want);
        for (missing, want) in missing.iter_mut().zip(&want) {
            *missing = power(*want);
        }
        for ((player, own), gains) in players.iter().zip(&own).zip(&mut gains) {
            own.column(hop, &mut have);
            for bin in 0..bins {
                let needed = want[bin] - have[bin];
                let gain_db = needed.clamp(GAIN_DB[0], GAIN_DB[1]);
                gains[bin] = power(gain_db).sqrt() * player.weight.sqrt();
                missing[bin] -= player.weight * power(have[bin] + gain_db);
                if want[bin] > -60.0 {
                    audible += 1;
                    strained += u64::from(needed > 24.0);
                }
            }
        }
        let centre = circle.centre(hop);
        for (c, out) in out.iter_mut().enumerate() {
            sum.clear();
            for (sound, gains) in sounds.iter().zip(&gains) {
                circle.spectrum(&sound[c.min(sound.len() - 1)], hop, &mut spectrum);
                sum.add(&spectrum, gains);
            }
            let bins = sum.evened();
            for (bin, missing) in bins.iter_mut().zip(&missing) {
                if *missing > AUDIBLE {
                    *bin += noise.next() * missing.sqrt();
                }
            }
            circle.stft.add_inverse_at(bins, centre, out);
        }
    }
    let overlap = overlap(&circle);
    let channels: Vec<Vec<f32>> = out
        .into_iter()
        .map(|channel| {
            let rolled = circle.rolled(channel);
            rolled.iter().zip(&overlap).map(|(x, weight)| x / weight).collect()
        })
        .collect();
    let parts: Vec<&[f32]> = channels.iter().map(Vec::as_slice).collect();
    let strained = strained as f32 / audible.max(1) as f32;
    Morphed { clip: Clip::new(SampleRate::LIBRARY, &parts), strained }
}

/// A loop of so many frames with these envelopes, made without any other: one channel.
///
/// What comes before the start is made, too, and the end fades into it over 20 ms.
///
/// # Panics
/// Without a bar, with envelopes of another grid, or with fewer frames than a transform has.
pub fn bars_from_envelopes(
    grid: &Grid,
    targets: &[Vec<f32>],
    frames: usize,
    rounds: usize,
    seed: Seed,
) -> Vec<f32> {
    assert!(!targets.is_empty(), "a loop has a bar");
    let mut stft = grid.stft();
    assert!(frames >= stft.size(), "a loop is longer than a transform");
    let wanted = Round::new(grid, targets);
    let (hop, unit) = (stft.hop(), grid.unit_power().sqrt());
    let before = stft.size() / hop;
    let columns = before + frames.div_ceil(hop) + before;
    let mut magnitudes = vec![0.0; columns * grid.bins()];
    for (h, column) in magnitudes.chunks_exact_mut(grid.bins()).enumerate() {
        // A loop before its start is its end.
        let frame = (h * hop + frames * before - before * hop) % frames;
        wanted.at(frame as f64 / frames as f64, column);
        for x in column {
            *x = if *x > FLOOR_DB { unit * power(*x).sqrt() } else { 0.0 };
        }
    }
    let samples = retrieve(&mut stft, &magnitudes, rounds, seed);
    let start = before * hop;
    let mut out = samples[start..start + frames].to_vec();
    for (i, x) in out.iter_mut().rev().take(FADE).enumerate() {
        let turn = std::f32::consts::FRAC_PI_2 * (i as f32 + 0.5) / FADE as f32;
        *x = *x * turn.sin() + samples[start - 1 - i] * turn.cos();
    }
    out
}

/// What the squared windows add up to at every frame.
fn overlap(circle: &Circle) -> Vec<f32> {
    let window = Window::Hann.values(circle.stft.size());
    let mut sum = vec![0.0_f32; circle.frames + 2 * circle.reach()];
    for hop in 0..circle.hops {
        let start = circle.centre(hop) as usize - circle.reach();
        for (sum, x) in sum[start..].iter_mut().zip(&window) {
            *sum += x * x;
        }
    }
    // At 60 bpm 4 windows overlap; slower, some frames have little.
    circle.rolled(sum).into_iter().map(|weight| weight.max(1e-3)).collect()
}

/// The envelopes of a loop at full resolution in frequency, read around the circle.
struct Round {
    /// `[bars * times, bins]`.
    rows: Vec<f32>,
    bins: usize,
    /// Hops from one row to the next.
    stride: usize,
}

impl Round {
    fn new(grid: &Grid, envelopes: &[Vec<f32>]) -> Self {
        let rows = envelopes.iter().flat_map(|envelope| grid.upsample(envelope).into_rows());
        Self { rows: rows.collect(), bins: grid.bins(), stride: grid.hops() / grid.times() }
    }

    fn column(&self, hop: usize, out: &mut [f32]) {
        self.read(hop / self.stride, (hop % self.stride) as f32 / self.stride as f32, out);
    }

    /// The levels at a place of the loop, 0 to 1.
    fn at(&self, place: f64, out: &mut [f32]) {
        let knot = place * (self.rows.len() / self.bins) as f64;
        self.read(knot as usize, knot.fract() as f32, out);
    }

    fn read(&self, t: usize, fraction: f32, out: &mut [f32]) {
        let count = self.rows.len() / self.bins;
        let row = |t: usize| &self.rows[t % count * self.bins..][..self.bins];
        for ((out, low), high) in out.iter_mut().zip(row(t)).zip(row(t + 1)) {
            *out = low + fraction * (high - low);
        }
    }
}

/// The last touch to a dreamed loop: its bass in the middle, its end leading into its start, that peak.
#[must_use]
pub fn finish_loop(clip: &Clip, material: Material, peak: f32) -> Clip {
    let mut clip = clip.clone();
    if clip.channels() == 2 {
        mono_lows(&mut clip);
    }
    reseam(&mut clip, material);
    for c in 0..clip.channels() {
        bridge(clip.channel_mut(c));
    }
    let now = clip.peak();
    if now > 0.0 {
        clip.scale(peak / now);
    }
    clip
}

/// The step from the end of a loop to its start, in units of the step that 99.9 % of its steps do not exceed; the largest of its channels.
pub fn seam(clip: &Clip) -> f32 {
    let channels = clip.iter_channels().filter(|channel| channel.len() > 1);
    let ratio = channels.map(|channel| {
        let (step, usual) = steps(channel);
        step.abs() / usual.max(1e-9)
    });
    ratio.fold(0.0, f32::max)
}

/// The step over the seam, and the largest usual one.
fn steps(channel: &[f32]) -> (f32, f32) {
    let mut steps: Vec<f32> = channel.windows(2).map(|pair| (pair[1] - pair[0]).abs()).collect();
    let rank = ((steps.len() - 1) as f64 * USUAL) as usize;
    let usual = *steps.select_nth_unstable_by(rank, f32::total_cmp).1;
    (channel[0] - channel[channel.len() - 1], usual)
}

/// Spreads a step at the seam that is larger than usual over the end.
fn bridge(channel: &mut [f32]) {
    if channel.len() < 4 * BRIDGE {
        return;
    }
    let (step, usual) = steps(channel);
    if step.abs() <= usual {
        return;
    }
    for (i, x) in channel.iter_mut().rev().take(BRIDGE).enumerate() {
        let turn = std::f32::consts::PI * (i as f32 + 0.5) / BRIDGE as f32;
        *x += step * 0.5 * (1.0 + turn.cos());
    }
}

/// Takes the lows out of the difference of the channels, around the circle.
fn mono_lows(clip: &mut Clip) {
    let [left, right] = clip.stereo();
    let mid: Vec<f32> = left.iter().zip(right).map(|(l, r)| 0.5 * (l + r)).collect();
    let mut side: Vec<f32> = left.iter().zip(right).map(|(l, r)| 0.5 * (l - r)).collect();
    let mut filter = Cascade::highpass(4, MONO_HZ, clip.rate().hz());
    // The state after one pass is the state at the seam.
    filter.run(&mut side.clone());
    filter.run(&mut side);
    for (c, sign) in [(0, 1.0), (1, -1.0)] {
        for ((x, mid), side) in clip.channel_mut(c).iter_mut().zip(&mid).zip(&side) {
            *x = mid + sign * side;
        }
    }
}
