//! Clipping, between the samples too, and saturation: the shape of the loudest tops.
//!
//! Hard clipping (after C. Laguna and A. Lerch, "An Efficient Algorithm for Clipping Detection and Declipping Audio",
//! AES 141, 2016: samples pile up at the ends of the amplitude range) is told here from the shape: runs at the peak
//! of their polarity that a waveform enters and leaves at an angle. The top of a slow sine is flat, too, but its
//! slope at the ends of such a run follows from its curvature. Since the ceiling is the clip's own peak, gain does
//! not matter. Inter-sample clipping: tops of the 4 times oversampled waveform (ITU-R BS.1770-4, annex 2) above
//! the peak of the samples. In a sound that nobody limited these are rare, for its extremes are;
//! they count where the samples crowd below the peak.
//! Saturation: half waves near the ceiling are flatter than the quiet ones of the same sound, as a curve without memory
//! makes them; a synthesiser's square wave is flat at every level.
//!
//! In: one channel, softened by a quarter of each neighbour for the plateaus: a resampled plateau rings at the top of the
//! band, where this has its zero. Limits: a clipped sound that was coded has ripples instead of plateaus and reads as
//! saturated; plateaus of three samples and a clipped square wave are not told.

/// What the tops of a channel show.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Tops {
    /// Plateaus with corners.
    pub(super) plateaus: usize,
    /// Share of the sounding samples in such plateaus, 0 to 1.
    pub(super) clipped: f32,
    /// Tops between samples that rise 0.3 dB and more above the peak of the samples.
    pub(super) overs: usize,
    /// Share of all tops within 3 dB of the peak that do so.
    pub(super) over_share: f32,
    /// How much denser the samples lie within 3 % of the peak than in the 6 % below.
    pub(super) crowding: f32,
    /// Flatness of the half waves within 1 dB of the ceiling, 0 to 1; 0.43 for a sine.
    pub(super) flatness: f32,
    /// How much flatter these are than the quiet ones; 0 where one of the two kinds is missing.
    pub(super) flattening: f32,
}

/// Samples this near to the peak, as a share of it, can be a plateau.
const PLATEAU: f32 = 0.002;

pub(super) fn tops(channel: &[f32]) -> Tops {
    let ceiling = ceilings(channel);
    let peak = ceiling[0].max(ceiling[1]);
    if peak <= 0.0 {
        return Tops::default();
    }
    let mut found = Tops::default();
    let mut flat = 0;
    let soft: Vec<f32> = channel.windows(3).map(|w| 0.25 * (w[0] + w[2]) + 0.5 * w[1]).collect();
    let soft_ceiling = ceilings(&soft);
    for (sign, ceiling) in [1.0, -1.0].into_iter().zip(soft_ceiling) {
        if ceiling > 0.25 * peak {
            let (plateaus, samples) = plateaus(&soft, sign, ceiling);
            found.plateaus += plateaus;
            flat += samples;
        }
    }
    let sounding = channel.iter().filter(|x| x.abs() > 0.01 * peak).count();
    found.clipped = flat as f32 / sounding.max(1) as f32;
    (found.overs, found.over_share) = overs(channel, peak);
    let within = |share: f32| channel.iter().filter(|x| x.abs() > share * peak).count() as f32;
    found.crowding = within(0.97) / 0.03 / ((within(0.91) - within(0.97)) / 0.06).max(1.0);
    (found.flatness, found.flattening) = flatness(channel, ceiling);
    found
}

/// The highest sample and the lowest one, upside down; 0 where there is none.
fn ceilings(samples: &[f32]) -> [f32; 2] {
    [1.0, -1.0].map(|sign| samples.iter().fold(0.0_f32, |m, x| m.max(sign * x)))
}

/// Number and samples of the runs at the ceiling that have corners, in softened samples.
fn plateaus(channel: &[f32], sign: f32, ceiling: f32) -> (usize, usize) {
    let level = (1.0 - PLATEAU) * ceiling;
    let at = |i: usize| sign * channel[i];
    // The top of noise can be a short run by chance, on either side: of these, two count for one.
    let (mut halves, mut samples, mut i) = (0, 0, 0);
    while i < channel.len() {
        if at(i) < level {
            i += 1;
            continue;
        }
        let start = i;
        while i < channel.len() && at(i) >= level {
            i += 1;
        }
        let len = i - start;
        if len < 2 || start < 3 || i + 3 > channel.len() {
            continue;
        }
        // The steepest of the first steps, since the first one can be of any part of its size.
        let before = (at(start) - at(start - 1)).max(at(start - 1) - at(start - 2));
        let after = (at(i - 1) - at(i)).max(at(i) - at(i + 1));
        // A quarter of what a parabola that keeps within the tolerance for `len` samples can fall in its second step
        // outside, and no less than its slope there.
        let n = len as f32;
        let bend = (0.267 * (n + 2.0) / (n - 1.0).powi(2)).max(n.recip());
        let smooth = 4.0 * PLATEAU * ceiling * bend;
        if before.min(after) > 4.0 * smooth && before + after > 12.0 * smooth {
            halves += if len == 2 { 1 } else { 2 };
            samples += len + 2; // what softening took
        }
    }
    (halves / 2, samples)
}

/// Taps of the interpolator.
const TAPS: usize = 16;

/// Number of tops between samples above the peak, and their share of the tops near it.
fn overs(channel: &[f32], peak: f32) -> (usize, f32) {
    let kernels = [0.25, 0.5].map(kernel);
    let near = 0.708 * peak;
    let over = 1.035 * peak;
    let (mut tops, mut overs) = (0_usize, 0_usize);
    for i in TAPS..channel.len().saturating_sub(TAPS) {
        let x = channel[i].abs();
        let (left, right) = (channel[i - 1].abs(), channel[i + 1].abs());
        if x < near || x < left || x <= right {
            continue;
        }
        tops += 1;
        let later = right > left;
        let highest = kernels.iter().fold(0.0_f32, |highest, kernel| {
            let sum: f32 = if later {
                let part = &channel[i + 1 - TAPS / 2..i + 1 + TAPS / 2];
                kernel.iter().zip(part).map(|(k, x)| k * x).sum()
            } else {
                let part = &channel[i - TAPS / 2..i + TAPS / 2];
                kernel.iter().rev().zip(part).map(|(k, x)| k * x).sum()
            };
            highest.max(sum.abs())
        });
        overs += usize::from(highest > over);
    }
    (overs, overs as f32 / tops.max(1) as f32)
}

/// Windowed sinc that reads `fraction` of a sample after its tap `TAPS / 2 - 1`.
fn kernel(fraction: f64) -> [f32; TAPS] {
    std::array::from_fn(|k| {
        let t = k as f64 - (TAPS / 2 - 1) as f64 - fraction;
        let sinc = if t.abs() < 1e-9 {
            1.0
        } else {
            (std::f64::consts::PI * t).sin() / (std::f64::consts::PI * t)
        };
        let window = (std::f64::consts::PI * t / (TAPS as f64 + 1.0)).cos().powi(2);
        (sinc * window) as f32
    })
}

/// Median flatness of the half waves near the ceiling of their polarity, and how far it lies above that of the
/// quiet ones. The flatness is the time above 0.9 of the half wave's own peak over that above 0.5.
fn flatness(channel: &[f32], ceiling: [f32; 2]) -> (f32, f32) {
    let (mut loud, mut quiet) = (Vec::new(), Vec::new());
    let mut start = 0;
    for i in 1..=channel.len() {
        if i < channel.len() && (channel[i] >= 0.0) == (channel[start] >= 0.0) {
            continue;
        }
        let half = &channel[start..i];
        let ceiling = ceiling[usize::from(channel[start] < 0.0)];
        start = i;
        let peak = half.iter().fold(0.0_f32, |m, x| m.max(x.abs()));
        // Shorter ones have too few samples for a shape.
        if half.len() < 8 || peak < 0.1 * ceiling {
            continue;
        }
        let above = |share: f32| half.iter().filter(|x| x.abs() >= share * peak).count() as f32;
        let flatness = above(0.9) / above(0.5);
        if peak > 0.9 * ceiling {
            loud.push(flatness);
        } else if peak < 0.5 * ceiling {
            quiet.push(flatness);
        }
    }
    let (loud, quiet) = (median(loud, 6), median(quiet, 6));
    (loud.unwrap_or(0.0), loud.zip(quiet).map_or(0.0, |(loud, quiet)| loud - quiet))
}

fn median(mut values: Vec<f32>, least: usize) -> Option<f32> {
    if values.len() < least {
        return None;
    }
    let middle = values.len() / 2;
    Some(*values.select_nth_unstable_by(middle, f32::total_cmp).1)
}
