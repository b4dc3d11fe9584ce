//! From plan and casting to the mastered track.
//!
//! Each stem of the casting becomes a layer: its events are written first, sample-exact from the origin
//! (`schedule`, `transition`), its sources prepared once (`source`), its level set by measuring it
//! alone (`level`) or taken from the casting. Then the track is mixed in blocks: the layers of a block in
//! parallel, while the block before goes through buses and returns in plan order (`desk`), so that the
//! bytes do not depend on the number of threads. The mix is shaped and mastered in place (`master`).
//!
//! A section decides about its own bars alone: levels are frozen in the casting, layers are cut at its
//! lines, buses and returns hear the past only and forget it within 8 s.
//!
//! Memory: the mix and the master, stereo (21 MB a minute each), the prepared sources, one block per layer.
//! Rate: 44.1 kHz.

mod crest;
mod curve;
mod desk;
mod drive;
mod duck;
mod event;
mod layer;
mod level;
mod master;
mod motion;
mod report;
pub(crate) mod role;
mod schedule;
mod source;
mod space;
mod timeline;
mod transition;
pub(crate) mod tuning;
mod width;

use std::borrow::Cow;
use std::collections::BTreeMap;

use dream_audio::Clip;
use dream_core::{ArrangementPlan, Cancelled, Form, Frames, PartId, Progress, StemId};
use rayon::prelude::*;

use crate::cast::label;
use crate::{CastStem, Casting, Error};
use desk::{Channel, Desk};
use duck::Ducker;
use layer::{BLOCK, Layer, Strip};
pub use report::{BusReport, LayerReport, MasterReport, Report, SectionReport};
pub use role::Bus;
use schedule::Score;
use timeline::{RATE, Timeline, frames};

/// A rendered track.
#[derive(Debug, Clone, PartialEq)]
pub struct Take {
    /// The master: stereo, 44.1 kHz.
    pub clip: Clip,
    /// What was measured and what is worth saying.
    pub report: Report,
}

/// A signal of the mix, as it is handed out while rendering.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Signal<'a> {
    /// A layer after its own equaliser, gain, pan and fades; before ducking and buses.
    Layer {
        /// Its place in plan order, from 0.
        index: usize,
        /// The part it plays.
        part: &'a PartId,
        /// Its stem.
        stem: &'a CastStem,
    },
    /// A bus, ducked and bent: what goes into the mix.
    Bus(Bus),
    /// The answer of the room.
    Reverb,
    /// The answer of the echo.
    Delay,
    /// The sum of buses and returns, before the master.
    Mix,
}

/// Takes the next frames of a signal, left and right. Where it fails it keeps the reason and cancels.
pub type Sink<'a> = dyn FnMut(Signal<'_>, [&[f32]; 2]) -> Result<(), Cancelled> + Send + 'a;

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
    render_to(plan, casting, clips, &mut |_, _| Ok(()), progress)
}

/// Renders the plan and hands out every signal of the mix on the way: block by block, each signal from the
/// first frame to the last, all of the same length ([`length`]).
///
/// # Errors
/// As [`render`]; `Error::Cancelled` also when the sink says so.
pub fn render_to(
    plan: &ArrangementPlan,
    casting: &Casting,
    clips: &BTreeMap<StemId, Clip>,
    sink: &mut Sink<'_>,
    progress: &Progress,
) -> Result<Take, Error> {
    let Mixed { mut mix, time, layers, buses, mut warnings } =
        mixed(plan, casting, clips, sink, progress)?;
    let mut trims_db = master::shape(&mut mix, plan, &time, progress)?;
    let mastered = master::finish(mix, plan, &time, &mut trims_db, progress)?;
    warnings.extend(mastered.warning);
    let report = Report {
        lufs_i: mastered.lufs_i,
        true_peak_dbtp: mastered.true_peak_dbtp,
        sections: report::sections(&mastered.clip, plan, &time, &trims_db),
        master: report::master(&mastered.clip, mastered.range_lu, mastered.reductions),
        layers,
        buses,
        warnings,
    };
    Ok(Take { clip: mastered.clip, report })
}

/// Hands out every signal of the mix as [`render_to`] does, and makes no master of them.
///
/// # Errors
/// As [`render_to`].
pub fn mix_to(
    plan: &ArrangementPlan,
    casting: &Casting,
    clips: &BTreeMap<StemId, Clip>,
    sink: &mut Sink<'_>,
    progress: &Progress,
) -> Result<(), Error> {
    mixed(plan, casting, clips, sink, progress).map(|_| ())
}

/// A track before its master.
struct Mixed {
    mix: Clip,
    time: Timeline,
    layers: Vec<LayerReport>,
    buses: Vec<BusReport>,
    warnings: Vec<String>,
}

fn mixed(
    plan: &ArrangementPlan,
    casting: &Casting,
    clips: &BTreeMap<StemId, Clip>,
    sink: &mut Sink<'_>,
    progress: &Progress,
) -> Result<Mixed, Error> {
    plan.validate()?;
    let time = Timeline::of(plan);
    let mut warnings = Vec::new();
    let stems = playing(plan, casting, clips, &mut warnings)?;
    let mut scores = scored(plan, &time, &stems);
    progress.check()?;
    let levels = levels(&scores, &stems, plan, &time, &mut warnings);
    for (score, level) in scores.iter_mut().zip(&levels) {
        level.gain_db.inspect(|gain_db| crest::tame(score, *gain_db));
    }
    let mut layers: Vec<Layer<'_>> = scores.iter().map(Layer::new).collect();
    let mut channels = Vec::new();
    for (layer, level) in layers.iter_mut().zip(&levels) {
        layer.level = level.gain();
        let peak = crest::peak(layer.score) * f64::from(layer.level);
        channels.push(Channel { traits: layer.score.traits, peak });
    }
    let ducker = Ducker::of(&time, &scores);
    let mut desk = Desk::new(plan, &time, &ducker, &channels);
    let mix = mix(&mut layers, &stems, &mut desk, &channels, &time, sink, progress)?;
    let layers = report::layers(&layers, &stems, &levels);
    let buses = report::buses(&desk);
    Ok(Mixed { mix, time, layers, buses, warnings })
}

/// Frames of the track that the plan gives, with its tail.
pub fn length(plan: &ArrangementPlan) -> Frames {
    Frames((Timeline::of(plan).end() + frames(TAIL_S)) as u64)
}

/// The casting with the level of every layer measured where it has none: an edited plan that is rendered
/// with it keeps all levels.
///
/// # Errors
/// As [`render`].
pub fn freeze(
    plan: &ArrangementPlan,
    casting: &Casting,
    clips: &BTreeMap<StemId, Clip>,
) -> Result<Casting, Error> {
    plan.validate()?;
    let time = Timeline::of(plan);
    let mut warnings = Vec::new();
    let stems = playing(plan, casting, clips, &mut warnings)?;
    let scores = scored(plan, &time, &stems);
    let levels = levels(&scores, &stems, plan, &time, &mut warnings);
    let mut frozen = casting.clone();
    for ((part, stem, _), level) in stems.iter().zip(levels) {
        frozen.set_level(part, stem.id, level.gain_db);
    }
    Ok(frozen)
}

fn scored(plan: &ArrangementPlan, time: &Timeline, stems: &[Playing<'_>]) -> Vec<Score> {
    let mut scores: Vec<Score> = stems
        .par_iter()
        .map(|(part, stem, clip)| schedule::score(plan, time, part, stem, clip))
        .collect();
    schedule::choke(&mut scores, time);
    scores
}

/// A part, its stem and the stem's audio.
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

/// A layer's gain and what it measures without it.
#[derive(Debug, Clone, Copy)]
struct Level {
    /// Gain that brings it to the level of its role, dB; `None` for a silent layer.
    gain_db: Option<f64>,
    /// Short-term loudness at that gain, LUFS.
    lufs: Option<f64>,
}

impl Level {
    fn gain(self) -> f32 {
        self.gain_db.map_or(0.0, |db| 10.0_f64.powf(db / 20.0) as f32)
    }
}

/// The levels of the layers: the casting's, measured where it has none.
fn levels(
    scores: &[Score],
    stems: &[Playing<'_>],
    plan: &ArrangementPlan,
    time: &Timeline,
    warnings: &mut Vec<String>,
) -> Vec<Level> {
    let loudness: Vec<Option<f64>> = scores
        .par_iter()
        .map(|score| level::loudness(&mut Layer::new(score), plan, time))
        .collect();
    let mut levels = Vec::new();
    for ((score, loudness), (part, stem, _)) in scores.iter().zip(loudness).zip(stems) {
        if loudness.is_none() && !score.events.is_empty() {
            warnings.push(format!("{}: its stem is silent", label(part)));
        }
        let measured = loudness.map(|lufs| level::wanted(score, plan) - lufs);
        let measured = measured.map(|db| db + crest::down_db(score, db));
        let gain_db = stem.level_db.filter(|db| db.is_finite()).or(measured);
        levels.push(Level { gain_db, lufs: loudness.zip(gain_db).map(|(lufs, db)| lufs + db) });
    }
    levels
}

/// Seconds after the last bar.
const TAIL_S: f64 = 5.0;

/// The blocks of the track: none reaches over the line of a section.
fn blocks(time: &Timeline) -> Vec<(i64, usize)> {
    let inner = time.starts.iter().map(|bar| time.bar(f64::from(*bar)));
    let lines: Vec<i64> = inner.chain([time.end() + frames(TAIL_S)]).collect();
    let of = |pair: &[i64]| {
        let (from, to) = (pair[0], pair[1]);
        (from..to).step_by(BLOCK).map(move |at| (at, (to - at).min(BLOCK as i64) as usize))
    };
    lines.windows(2).flat_map(of).collect()
}

/// Sums layers, room and echo, stereo, with the tail.
fn mix(
    layers: &mut [Layer<'_>],
    stems: &[Playing<'_>],
    desk: &mut Desk<'_>,
    channels: &[Channel],
    time: &Timeline,
    sink: &mut Sink<'_>,
    progress: &Progress,
) -> Result<Clip, Cancelled> {
    let blocks = blocks(time);
    let total = blocks.last().map_or(0, |(at, len)| *at as usize + len);
    let mut mix = Clip::silence(RATE, 2, Frames(total as u64));
    let mut next = vec![Strip::default(); layers.len()];
    let mut now = next.clone();
    let play = |layers: &mut [Layer<'_>], block: Option<&(i64, usize)>, strips: &mut [Strip]| {
        if let Some(&(at, len)) = block {
            let pairs = layers.par_iter_mut().zip(strips);
            pairs.for_each(|(layer, strip)| layer.play(at, len, strip));
        }
    };
    play(layers, blocks.first(), &mut next);
    for (i, &(at, len)) in blocks.iter().enumerate() {
        progress.step(at as u64, total as u64, "mix")?;
        std::mem::swap(&mut now, &mut next);
        let ((), done) = rayon::join(
            || play(layers, blocks.get(i + 1), &mut next),
            || {
                desk.run(at, len, &now, channels);
                hand_out(desk, &now, stems, len, sink)
            },
        );
        done?;
        let (left, right) = mix.samples_mut().split_at_mut(total);
        for (side, block) in [left, right].into_iter().zip(&desk.mix) {
            side[at as usize..at as usize + len].copy_from_slice(block);
        }
    }
    Ok(mix)
}

/// Hands out the signals of a block.
fn hand_out(
    desk: &Desk<'_>,
    strips: &[Strip],
    stems: &[Playing<'_>],
    len: usize,
    sink: &mut Sink<'_>,
) -> Result<(), Cancelled> {
    static SILENCE: [f32; BLOCK] = [0.0; BLOCK];
    for (index, (strip, &(part, stem, _))) in strips.iter().zip(stems).enumerate() {
        let [left, right] = &strip.sides;
        let sides = if strip.sounding { [&left[..], right] } else { [&SILENCE[..len]; 2] };
        sink(Signal::Layer { index, part, stem }, sides)?;
    }
    let buses = Bus::ALL.into_iter().map(Signal::Bus).zip(&desk.buses);
    let returns = [Signal::Reverb, Signal::Delay].into_iter().zip(&desk.returns);
    for (signal, [left, right]) in buses.chain(returns).chain([(Signal::Mix, &desk.mix)]) {
        sink(signal, [left, right])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
