//! From plan and casting to the mastered track.
//!
//! Each stem of the casting becomes a layer: its events are written first, sample-exact from the origin
//! (`schedule`, `transition`), its sources prepared once (`source`), its level set by measuring it
//! alone (`level`). Then the track is mixed in blocks of fixed size: the layers of a block in parallel,
//! their sum in plan order, so that the bytes do not depend on the number of threads. The mix is shaped
//! and mastered in place (`master`).
//!
//! Memory: the mix and the master, stereo (21 MB a minute each), as much again twice while it is clipped, the
//! prepared sources, one block per layer: measured 640 MB for six and a half minutes of 20 layers. Rate: 44.1 kHz.

mod curve;
mod duck;
mod event;
mod layer;
mod level;
mod master;
mod motion;
pub(crate) mod role;
mod schedule;
mod source;
mod space;
mod timeline;
mod transition;
mod width;

use std::borrow::Cow;
use std::collections::BTreeMap;

use dream_audio::Clip;
use dream_core::{ArrangementPlan, Form, Frames, PartId, Progress, StemId};
use rayon::prelude::*;

use crate::cast::label;
use crate::{CastStem, Casting, Error};
use duck::{Ducker, depth_db};
use layer::{BLOCK, Layer, STEP};
use schedule::Score;
use space::{Echo, Room};
use timeline::{RATE, Timeline, frames};

/// A rendered track.
#[derive(Debug, Clone, PartialEq)]
pub struct Take {
    /// The master: stereo, 44.1 kHz.
    pub clip: Clip,
    /// What was measured and what is worth saying.
    pub report: Report,
}

/// What was measured while rendering.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Integrated loudness of the master, LUFS; `None` when it is silent.
    pub lufs_i: Option<f64>,
    /// True peak of the master, dBTP.
    pub true_peak_dbtp: f64,
    /// The layers in plan order.
    pub layers: Vec<LayerReport>,
    /// What was bent, missing or left out.
    pub warnings: Vec<String>,
}

/// What was done to one layer.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerReport {
    /// The part it plays.
    pub part: PartId,
    /// Its stem.
    pub stem: StemId,
    /// Gain that brought it to the level of its role, dB.
    pub gain_db: f64,
    /// Hits, notes, passes of a loop.
    pub events: usize,
    /// Where the attack lies in the stem; that frame is played on the beat.
    pub attack: Frames,
}

/// Renders the plan with the casting's stems.
///
/// # Errors
/// `Error::Plan` for a plan out of its limits, `Error::MissingClip` and `Error::Rate` for clips that are
/// absent or not at 44.1 kHz, `Error::Cancelled` when asked to stop.
pub fn render(
    plan: &ArrangementPlan,
    casting: &Casting,
    clips: &BTreeMap<StemId, Clip>,
    progress: &Progress,
) -> Result<Take, Error> {
    plan.validate()?;
    let time = Timeline::of(plan);
    let mut warnings = Vec::new();
    let stems = playing(plan, casting, clips, &mut warnings)?;
    let mut scores: Vec<Score> = stems
        .par_iter()
        .map(|(part, stem, clip)| schedule::score(plan, &time, part, stem, clip))
        .collect();
    progress.check()?;
    schedule::choke(&mut scores);
    let mut layers = levelled(&scores, plan, &time, &mut warnings);
    let reports = layers.iter().zip(&stems).map(|(layer, (part, stem, _))| LayerReport {
        part: (*part).clone(),
        stem: stem.id,
        gain_db: 20.0 * f64::from(layer.level.max(1e-6)).log10(),
        events: layer.events().len(),
        attack: Frames(layer.score.sources.first().map_or(0, |s| s.attack.frame as u64)),
    });
    let reports = reports.collect();
    let mut clip = mix(&mut layers, plan, &time, &Ducker::of(&time, &scores), progress)?;
    master::shape(&mut clip, plan, &time, progress)?;
    let mastered = master::finish(clip, plan.loudness_lufs, progress)?;
    warnings.extend(mastered.warning);
    let (lufs_i, true_peak_dbtp) = (mastered.lufs_i, mastered.true_peak_dbtp);
    let report = Report { lufs_i, true_peak_dbtp, layers: reports, warnings };
    Ok(Take { clip: mastered.clip, report })
}

type Playing<'a> = (&'a PartId, &'a CastStem, Cow<'a, Clip>);

/// The stems that play, each with its audio; parts of the plan without stems are announced.
fn playing<'a>(
    plan: &ArrangementPlan,
    casting: &'a Casting,
    clips: &'a BTreeMap<StemId, Clip>,
    warnings: &mut Vec<String>,
) -> Result<Vec<Playing<'a>>, Error> {
    let mut stems = Vec::new();
    for part in plan.parts() {
        let cast = casting.parts.iter().find(|cast| cast.part == part);
        let Some(cast) = cast.filter(|cast| !cast.stems.is_empty()) else {
            warnings.push(format!("{}: no stem, silent", label(&part)));
            continue;
        };
        for stem in &cast.stems {
            let clip = clips.get(&stem.id).ok_or(Error::MissingClip(stem.id))?;
            if clip.rate() != RATE {
                return Err(Error::Rate { stem: stem.id, got: clip.rate() });
            }
            if clip.is_empty() {
                warnings.push(format!("{}: {} is empty, silent", label(&part), stem.name));
            } else {
                stems.push((&cast.part, stem, looped(stem, clip)));
            }
        }
    }
    Ok(stems)
}

/// What of a stem's audio is the loop; all of it for anything else.
fn looped<'a>(stem: &CastStem, clip: &'a Clip) -> Cow<'a, Clip> {
    let Some((start_s, end_s)) = stem.span_s.filter(|_| stem.form == Form::Loop) else {
        return Cow::Borrowed(clip);
    };
    let frame = |seconds: f64| Frames((seconds.max(0.0) * RATE.hz()).round() as u64);
    let part = clip.slice(frame(start_s), frame(end_s));
    if part.is_empty() || part.len() == clip.len() { Cow::Borrowed(clip) } else { Cow::Owned(part) }
}

/// The layers at their levels.
fn levelled<'a>(
    scores: &'a [Score],
    plan: &ArrangementPlan,
    time: &Timeline,
    warnings: &mut Vec<String>,
) -> Vec<Layer<'a>> {
    let depth_db = depth_db(plan);
    let gains: Vec<Option<f32>> =
        scores.par_iter().map(|score| level::gain(&mut Layer::new(score), plan, time)).collect();
    scores
        .iter()
        .zip(gains)
        .map(|(score, gain)| {
            if gain.is_none() && !score.events.is_empty() {
                warnings.push(format!("{}: its stem is silent", label(&score.part)));
            }
            let mut layer = Layer::new(score);
            layer.level = gain.unwrap_or(0.0);
            layer.ducked = 10.0_f32.powf(-depth_db * score.traits.duck / 20.0);
            layer
        })
        .collect()
}

/// Seconds after the last bar.
const TAIL_S: f64 = 5.0;

/// Sums the layers and the room, stereo, with the tail.
fn mix(
    layers: &mut [Layer<'_>],
    plan: &ArrangementPlan,
    time: &Timeline,
    ducker: &Ducker,
    progress: &Progress,
) -> Result<Clip, Error> {
    let total = (time.end() + frames(TAIL_S)) as usize;
    let mut mix = Clip::silence(RATE, 2, Frames(total as u64));
    let slow = plan.genre.to_lowercase().contains("ambient");
    let mut room = Room::new(if slow { 4.5 } else { 2.0 });
    let mut echo = Echo::new(time.length(0.75).min(frames(2.0)), 0.45);
    let mut duck = Vec::new();
    let mut sends: [[Vec<f32>; 2]; 2] = Default::default();
    let (left, right) = mix.samples_mut().split_at_mut(total);
    for (left, (right, at)) in
        left.chunks_mut(BLOCK).zip(right.chunks_mut(BLOCK).zip((0..total).step_by(BLOCK)))
    {
        progress.step(at as u64, total as u64, "mix")?;
        duck.resize(left.len(), 0.0);
        ducker.fill(at as i64, &mut duck);
        layers.par_iter_mut().for_each(|layer| layer.play(at as i64, &duck));
        for channel in sends.iter_mut().flatten() {
            channel.clear();
            channel.resize(left.len(), 0.0);
        }
        let mut out = [left, right];
        for layer in layers.iter().filter(|layer| layer.sounding) {
            for c in 0..2 {
                add(layer, c, out[c], &mut sends);
            }
        }
        let [reverb, delay] = &sends;
        room.add(reverb, &mut out);
        echo.add(delay, &mut out);
    }
    fade_out(&mut mix, frames(TAIL_S / 2.0) as usize);
    Ok(mix)
}

/// Adds one side of a layer's block to the mix and to the sends (`[room, echo]`).
fn add(layer: &Layer<'_>, c: usize, out: &mut [f32], sends: &mut [[Vec<f32>; 2]; 2]) {
    let block = &layer.block[c.min(layer.block.len() - 1)];
    let traits = layer.score.traits;
    for (k, piece) in block.chunks(STEP).enumerate() {
        let step = layer.steps[k];
        let start = k * STEP;
        let gain = step.pan[c];
        for (y, x) in out[start..].iter_mut().zip(piece) {
            *y += gain * x;
        }
        for (send, share) in sends.iter_mut().zip([traits.reverb, traits.delay]) {
            let gain = gain * share * step.send;
            if gain > 0.0 {
                for (y, x) in send[c][start..].iter_mut().zip(piece) {
                    *y += gain * x;
                }
            }
        }
    }
}

fn fade_out(mix: &mut Clip, fade: usize) {
    for c in 0..2 {
        let channel = mix.channel_mut(c);
        let start = channel.len().saturating_sub(fade);
        for (k, x) in channel[start..].iter_mut().enumerate() {
            let left = 1.0 - (k + 1) as f32 / fade as f32;
            *x *= left * left;
        }
    }
}

#[cfg(test)]
mod tests;
