//! From the mix to the master: sections to their energy, glue, clip, loudness, true peak.

use dream_audio::Clip;
use dream_audio::filter::{Biquad, Cascade};
use dream_core::{ArrangementPlan, Cancelled, Progress};

use super::curve::{Curve, Move};
use super::layer::{BLOCK, STEP};
use super::level::{HOP, Meter, lufs};
use super::timeline::{RATE, Timeline};

/// Loudness between energy 1 and 0, LU.
const RANGE_LU: f64 = 8.0;
/// Most that a section is turned down and up to reach the level of its energy, dB.
const TRIM_DB: (f64, f64) = (-6.0, 3.0);
/// High shelf at energy 0, dB at 6 kHz.
const DULL_DB: f32 = -2.5;

/// Brings the sections to the loudness of their energy and the low end to the middle, in place.
pub(crate) fn shape(
    mix: &mut Clip,
    plan: &ArrangementPlan,
    time: &Timeline,
    progress: &Progress,
) -> Result<(), Cancelled> {
    let trims = trims(&section_loudness(mix, time), plan);
    let curve = steps(time, &trims);
    let energies: Vec<f32> = plan.structure.iter().map(|section| section.energy as f32).collect();
    let energy = steps(time, &energies);
    let total = mix.len();
    let mut low_cut = [Biquad::highpass(28.0, 0.7071, RATE.hz()); 2];
    let mut side_cut = Cascade::highpass(4, 130.0, RATE.hz());
    let mut air = [Biquad::high_shelf(6_000.0, 0.0, RATE.hz()); 2];
    let (left, right) = mix.samples_mut().split_at_mut(total);
    for start in (0..total).step_by(STEP) {
        if start % BLOCK == 0 {
            progress.step(start as u64, total as u64, "master")?;
        }
        let end = (start + STEP).min(total);
        let gain = |frame: usize| 10.0_f32.powf(curve.at(frame as i64) / 20.0);
        let (from, to) = (gain(start), gain(start + STEP));
        let dull = DULL_DB * (1.0 - energy.at(start as i64));
        let tuned = Biquad::high_shelf(6_000.0, f64::from(dull), RATE.hz());
        for filter in &mut air {
            filter.retune(&tuned);
        }
        for i in start..end {
            let gain = from + (to - from) * (i - start) as f32 / STEP as f32;
            let (l, r) = (f64::from(left[i] * gain), f64::from(right[i] * gain));
            let mid = low_cut[0].step(0.5 * (l + r));
            let side = side_cut.step(0.5 * (l - r));
            left[i] = air[0].step(mid + side) as f32;
            right[i] = air[1].step(mid - side) as f32;
        }
    }
    Ok(())
}

/// Loudness of each section, LUFS; `None` for silence.
fn section_loudness(mix: &Clip, time: &Timeline) -> Vec<Option<f64>> {
    let mut meter = Meter::new(2);
    meter.add(&mix.stereo());
    let hop = |bar: u32| (time.bar(f64::from(bar)) as usize / HOP).min(meter.hops.len());
    time.starts
        .windows(2)
        .map(|bars| {
            let hops = &meter.hops[hop(bars[0])..hop(bars[1])];
            let loud: Vec<f64> = hops.iter().copied().filter(|p| lufs(*p) > -60.0).collect();
            let mean = loud.iter().sum::<f64>() / loud.len().max(1) as f64;
            (!loud.is_empty()).then(|| lufs(mean))
        })
        .collect()
}

/// What each section lacks, in dB, to lie as far under the most energetic one as its energy says.
fn trims(loudness: &[Option<f64>], plan: &ArrangementPlan) -> Vec<f32> {
    let loudest = plan
        .structure
        .iter()
        .zip(loudness)
        .filter_map(|(section, loudness)| Some((section.energy, (*loudness)?)))
        .max_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let Some((top_energy, top)) = loudest else { return vec![0.0; loudness.len()] };
    plan.structure
        .iter()
        .zip(loudness)
        .map(|(section, loudness)| {
            let wanted = top - RANGE_LU * (top_energy - section.energy);
            loudness.map_or(0.0, |own| (wanted - own).clamp(TRIM_DB.0, TRIM_DB.1)) as f32
        })
        .collect()
}

/// A value per section as a curve: a rise is complete on the downbeat, a fall takes the half bar after it.
fn steps(time: &Timeline, values: &[f32]) -> Curve {
    let first = values.first().copied().unwrap_or(0.0);
    let moves = values.windows(2).enumerate().map(|(index, pair)| {
        let line = time.bar_in(index + 1, 0.0);
        let (start, end) = if pair[1] > pair[0] {
            (line - time.length(0.25), line - STEP as i64 * 2)
        } else {
            (line, line + time.length(2.0))
        };
        Move { start, end, from: pair[0], to: pair[1] }
    });
    Curve::with(first, moves.collect())
}
