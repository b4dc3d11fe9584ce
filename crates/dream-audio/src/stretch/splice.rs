//! Segments from one attack to the next, each moved whole, and their joints.
//!
//! The start of a segment is copied; what follows comes from the vocoder, which starts with the phases of the input,
//! so that both agree where they meet. Towards the end of a segment the vocoder never looks past the next attack: it
//! holds the last sound before it, at the level of the input, so that nothing of the attack is heard early. The next
//! attack fades in just before its own start.
//! In: marks, ascending in both times. Out: `[channels][frames]` from the first mark to the last.

use std::f32::consts::FRAC_PI_2;

use super::source::Source;
use super::vocoder::Vocoder;

/// An attack is whole from this long before its start, s.
const PRE_S: f64 = 0.001;
/// Length of the joints, s.
const FADE_S: f64 = 0.004;
/// Length of the joint of a loop that does not start with an attack, s.
const SEAM_S: f64 = 0.2;
/// Least speed of the vocoder in drums, of the input's: below it a sound would freeze audibly.
const SLOWEST: f64 = 0.25;

/// A frame of the source that has to land on a frame of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    /// Frame of the source.
    pub(super) source: i64,
    /// Frame of the output.
    pub(super) target: i64,
}

/// How much of a segment is copied.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Style {
    /// So many seconds.
    Start(f64),
    /// As much as there is room for, and as leaves the rest above [`SLOWEST`].
    Most,
}

/// What follows the last mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Nothing.
    Cut,
    /// The attack at the first mark.
    Attack,
    /// The sound at the first mark, without an attack.
    Seam,
}

/// What to stretch.
pub(super) struct Job<'a> {
    /// The input.
    pub(super) source: &'a Source,
    /// At least two.
    pub(super) marks: &'a [Mark],
    /// How segments are filled.
    pub(super) style: Style,
    /// What follows.
    pub(super) end: End,
    /// Frames per second.
    pub(super) rate: f64,
}

/// Stretches the source from mark to mark.
pub(super) fn splice(job: &Job<'_>, vocoder: &mut Vocoder) -> Vec<Vec<f32>> {
    let marks = job.marks;
    let (first, last) = (marks[0], marks[marks.len() - 1]);
    let frames = last.target - first.target;
    let pre = frames_of(PRE_S, job);
    let mut out = vec![vec![0.0; frames as usize]; job.source.channels().len()];
    for (k, pair) in marks.windows(2).enumerate() {
        let room = if k == 0 { 0 } else { (pair[0].target - marks[k - 1].target) / 2 };
        let lead = (pre + frames_of(FADE_S, job)).min(room);
        let open = job.end == End::Seam && k + 2 == marks.len();
        let part = segment(job, [pair[0], pair[1]], lead, open, vocoder);
        let start = (pair[0].target - lead - first.target) as usize;
        join(&mut out, &part, start, (lead - pre).max(0) as usize);
    }
    let lead = match job.end {
        End::Cut => return out,
        End::Attack => pre + frames_of(FADE_S, job),
        End::Seam => frames_of(SEAM_S, job),
    };
    let lead = lead.min(frames / 2);
    let again = copy(job.source, last.source - lead, last.source);
    join(&mut out, &again, (frames - lead) as usize, (lead - pre).max(0) as usize);
    out
}

fn frames_of(seconds: f64, job: &Job<'_>) -> i64 {
    (seconds * job.rate) as i64
}

/// The output from `lead` frames before a mark to the next, `[channels][frames]`; `open`: what follows is no attack.
fn segment(
    job: &Job<'_>,
    marks: [Mark; 2],
    lead: i64,
    open: bool,
    vocoder: &mut Vocoder,
) -> Vec<Vec<f32>> {
    let [mark, next] = marks;
    let (length, target) = (next.source - mark.source, next.target - mark.target);
    // The last place where a block shows nothing of what follows; at least the middle.
    let limit = if open { length } else { (length - vocoder.size() as i64 / 2).max(length / 2) };
    let copied = match job.style {
        Style::Most if target <= length => target,
        Style::Most => ((limit as f64 - SLOWEST * target as f64) / (1.0 - SLOWEST)) as i64,
        Style::Start(seconds) => frames_of(seconds, job).min(length / 2).min(target / 2),
    };
    let copied = if copied == target { target } else { copied.clamp(0, limit) };
    let mut out = copy(job.source, mark.source - lead, mark.source + copied);
    if copied == target {
        return out;
    }
    let slope = (length - copied) as f64 / (target - copied) as f64;
    let bent = |t: i64| {
        if t <= copied { t } else { copied + ((t - copied) as f64 * slope).round() as i64 }
    };
    let overlap = frames_of(FADE_S, job).min(copied);
    let mut rest =
        vocoder.render(job.source, copied - overlap..target, |t| mark.source + bent(t).min(limit));
    let held = |t: i64| (bent(t) > limit).then(|| (mark.source + limit, mark.source + bent(t)));
    follow(job, &mut rest, next.source - frames_of(PRE_S, job), |i| {
        held(copied - overlap + i as i64)
    });
    for channel in &mut out {
        channel.resize((lead + target) as usize, 0.0);
    }
    join(&mut out, &rest, (lead + copied - overlap) as usize, overlap as usize);
    out
}

fn copy(source: &Source, from: i64, to: i64) -> Vec<Vec<f32>> {
    (0..source.channels().len())
        .map(|channel| (from..to).map(|frame| source.at(channel, frame)).collect())
        .collect()
}

/// Lets a held sound fall as the input does: where `places` gives the place that is held and the place that it
/// stands for, the gain is the ratio of the input's levels around them, at most 1. Nothing from frame `end` of the
/// input on counts.
fn follow(
    job: &Job<'_>,
    out: &mut [Vec<f32>],
    end: i64,
    places: impl Fn(usize) -> Option<(i64, i64)>,
) {
    let span = 2 * frames_of(FADE_S, job).max(1);
    let level = |place: i64| {
        let energy = |frame| -> f64 {
            (0..job.source.channels().len())
                .map(|c| f64::from(job.source.at(c, frame)).powi(2))
                .sum()
        };
        let to = (place + span / 2).min(end);
        (to - span..to).map(energy).sum::<f64>().sqrt()
    };
    let (mut gain, mut slope) = (1.0, 0.0);
    for i in 0..out.first().map_or(0, Vec::len) {
        if places(i).is_none() {
            continue;
        }
        if i as i64 % span == 0 {
            // Where the ramp that starts here ends.
            let Some((held, meant)) = places(i + span as usize) else { continue };
            let wanted = (level(meant) / level(held).max(f64::MIN_POSITIVE)).min(1.0);
            slope = (wanted - gain) / span as f64;
        }
        gain += slope;
        for channel in out.iter_mut() {
            channel[i] *= gain as f32;
        }
    }
}

/// Puts `part` into `out` from frame `start` on, cross-fading over the first `fade` frames with what is there.
///
/// The fade keeps the energy: equal power for unrelated sounds, equal gain for equal ones, by their correlation.
fn join(out: &mut [Vec<f32>], part: &[Vec<f32>], start: usize, fade: usize) {
    let (mut both, mut old, mut new) = (0.0_f64, 0.0_f64, 0.0_f64);
    for (out, part) in out.iter().zip(part) {
        for (&a, &b) in out[start..].iter().zip(&part[..fade]) {
            let (a, b) = (f64::from(a), f64::from(b));
            (both, old, new) = (both + a * b, old + a * a, new + b * b);
        }
    }
    let likeness = (both / (old * new).sqrt().max(f64::MIN_POSITIVE)).clamp(-0.5, 1.0) as f32;
    for (out, part) in out.iter_mut().zip(part) {
        for (i, (out, &part)) in out[start..].iter_mut().zip(part).enumerate() {
            if i < fade {
                let (fall, rise) = gains((i as f32 + 0.5) / fade as f32, likeness);
                *out = *out * fall + part * rise;
            } else {
                *out = part;
            }
        }
    }
}

/// Gains of the old and the new sound at `x` of the fade, 0 to 1, for sounds of that correlation.
pub(super) fn gains(x: f32, likeness: f32) -> (f32, f32) {
    let (rise, fall) = (x * FRAC_PI_2).sin_cos();
    let scale = (1.0 + 2.0 * likeness * rise * fall).sqrt().recip();
    (fall * scale, rise * scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joining_a_sound_to_itself_changes_nothing() {
        let sound: Vec<f32> = (0..400).map(|i| (f64::from(i) * 0.3).sin() as f32).collect();
        let mut out = vec![sound.clone()];
        join(&mut out, &[sound[100..].to_vec()], 100, 200);
        for (a, b) in out[0].iter().zip(&sound) {
            assert!((a - b).abs() < 1e-5);
        }
    }

    #[test]
    fn joining_unrelated_sounds_keeps_the_power() {
        // Over whole periods, sine and cosine are unrelated.
        let turn = |i: i32| std::f64::consts::TAU * f64::from(i) / 40.0;
        let mut out = vec![(0..4000).map(|i| turn(i).sin() as f32).collect::<Vec<f32>>()];
        let part = vec![(0..4000).map(|i| turn(i).cos() as f32).collect::<Vec<f32>>()];
        join(&mut out, &part, 0, 4000);
        for period in out[0].chunks_exact(400) {
            let power = period.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / 400.0;
            assert!((power - 0.5).abs() < 0.02, "{power}");
        }
        let (fall, rise) = gains(0.5, 0.0);
        assert!((fall - rise).abs() < 1e-6 && (fall * fall + rise * rise - 1.0).abs() < 1e-6);
    }
}
