//! A prompt to a WAV, and a plan to a WAV.
//!
//! Steps of the job: `plan`, `cast`, `render`; an interrupted job goes on after the last of them. Takes are
//! written by [`output`].

pub(crate) mod bundle;
mod export;
mod output;
mod shortlist;
mod wish;

use std::collections::BTreeMap;
use std::time::Instant;

use dream_audio::Clip;
use dream_audio::decode::{Limits, decode_file};
use dream_compose::genre::Genres;
use dream_compose::{Cast, CastPart, Casting, Prompt, Rated, Signal, Take};
use dream_core::{ArrangementPlan, Bpm, Key, Progress, Seed, Source, StemId};
use dream_library::TakeId;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::runner::Work;
use crate::{Engine, Error};
pub use bundle::{Bundle, BundleReport, BundleSpec};
use export::Export;
use output::Finished;
pub(crate) use output::composed;
pub use output::{Bits, Output};

/// A track from a prompt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ComposeSpec {
    /// What the track should be, in English or German.
    pub prompt: String,
    /// Tempo, over the prompt's.
    pub bpm: Option<Bpm>,
    /// Key, over the prompt's.
    pub key: Option<Key>,
    /// Length in minutes, over the prompt's.
    pub minutes: Option<f64>,
    /// Loudness of the master in LUFS, over the genre's.
    pub loudness_lufs: Option<f64>,
    /// Root of the randomness; one is drawn where it is absent.
    pub seed: Option<Seed>,
    /// The stems that may play.
    pub selection: Selection,
    /// Where the track goes.
    pub output: Output,
}

/// A track from a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RenderSpec {
    /// The plan.
    pub plan: ArrangementPlan,
    /// The casting of an earlier take, used as far as its stems are in the library.
    pub casting: Option<Vec<CastPart>>,
    /// Root of the randomness, over the plan's.
    pub seed: Option<Seed>,
    /// The number of a section, from 1, whose notes are drawn anew; all else stays.
    #[serde(default)]
    pub reroll: Option<u32>,
    /// The stems that may play.
    pub selection: Selection,
    /// Where the track goes.
    pub output: Output,
}

/// Which stems may play.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Selection {
    /// Stems from these sources.
    pub sources: Vec<Source>,
    /// Stems of at least this quality, 0 to 1.
    pub min_quality: f32,
}

impl Default for Selection {
    /// Every source, any quality.
    fn default() -> Self {
        Self { sources: Source::ALL.to_vec(), min_quality: 0.0 }
    }
}

/// A finished track: the document that `compose --json` prints.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Composed {
    /// The track.
    pub track: Track,
    /// Its plan.
    pub arrangement_plan: ArrangementPlan,
    /// The stems of every part, with their levels.
    pub casting: Vec<CastPart>,
    /// What the mix did, in numbers; absent from takes of earlier versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mix: Option<dream_compose::Report>,
    /// Seconds that each stage took.
    pub timing_s: Timing,
    /// What was replaced, bent or left out.
    pub warnings: Vec<String>,
    /// What was understood of the prompt, a line each.
    pub understood: Vec<String>,
    /// Its words that meant nothing.
    pub not_understood: Vec<String>,
}

/// What a track is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Track {
    /// Its number in the library.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<TakeId>,
    /// The audio file.
    pub path: String,
    /// Length with its tail.
    pub duration_s: f64,
    /// Tempo.
    pub bpm: Bpm,
    /// Key; `None` for atonal music.
    pub key: Option<Key>,
    /// Root of its randomness.
    pub seed: Seed,
    /// Frames per second.
    pub sample_rate: u32,
    /// Bits per sample.
    pub bit_depth: u32,
    /// Integrated loudness, LUFS; `None` for silence.
    pub lufs_i: Option<f64>,
    /// True peak, dBTP.
    pub true_peak_dbtp: f64,
    /// SHA-256 of the audio file.
    pub sha256: String,
    /// Stems by where they are from.
    pub stem_sources: BTreeMap<Source, usize>,
    /// Number of different stems.
    pub stems_used: usize,
    /// Seconds asked for, of a preview.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview_s: Option<f64>,
}

/// Seconds that each stage took; those of an earlier run of the job are zero.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Timing {
    /// Prompt to plan.
    pub plan: f64,
    /// Shortlist and casting.
    pub cast: f64,
    /// Reading the stems.
    pub load: f64,
    /// Mixing and mastering.
    pub render: f64,
    /// Writing the file.
    pub encode: f64,
    /// All together.
    pub total: f64,
}

/// Longest prompt that is read.
const MOST_CHARACTERS: usize = 1_000;

impl Engine {
    /// The plan that a composition would follow.
    ///
    /// # Errors
    /// `Invalid` for a length or a loudness out of range.
    pub fn plan(&self, spec: &ComposeSpec) -> Result<ArrangementPlan, Error> {
        let seed = spec.seed.unwrap_or_else(|| self.draw_seed());
        plan(spec, self.genres(), seed)
    }

    /// A seed for work that was given none; of 53 bits, which every reader of JSON keeps.
    pub(crate) fn draw_seed(&self) -> Seed {
        Seed(Seed(self.now().0.cast_unsigned()).child("drawn").0 >> 11)
    }
}

pub(crate) fn compose(work: &Work<'_>, spec: &ComposeSpec) -> Result<Composed, Error> {
    let begun = Instant::now();
    let mut timing = Timing::default();
    let (plan, seconds) = timed(|| work.step("plan", 0.02, || work.engine.plan(spec)))?;
    timing.plan = seconds;
    let request = Request {
        plan: &plan,
        kept: &[],
        reroll: None,
        selection: &spec.selection,
        output: &spec.output,
    };
    finish(work, &request, timing, begun)
}

pub(crate) fn render(work: &Work<'_>, spec: &RenderSpec) -> Result<Composed, Error> {
    let mut plan = spec.plan.clone();
    let reroll = match spec.reroll {
        Some(number) => Some(section(&plan, number, spec.seed)?),
        None => None,
    };
    if let (Some(seed), None) = (spec.seed, reroll) {
        plan.seed = seed.0;
    }
    plan.validate().map_err(dream_compose::Error::from)?;
    let request = Request {
        plan: &plan,
        kept: spec.casting.as_deref().unwrap_or_default(),
        reroll,
        selection: &spec.selection,
        output: &spec.output,
    };
    finish(work, &request, Timing::default(), Instant::now())
}

/// The section of that number, from 1, and the seed of its new notes: that asked for, else one that follows
/// from the section's own, so that playing anew what was played anew gives something else again.
fn section(
    plan: &ArrangementPlan,
    number: u32,
    seed: Option<Seed>,
) -> Result<(usize, Seed), Error> {
    let index = (number as usize).wrapping_sub(1);
    let Some(section) = plan.structure.get(index) else {
        let count = plan.structure.len();
        return Err(Error::Invalid(format!("the plan has sections 1 to {count}, got {number}")));
    };
    Ok((index, seed.unwrap_or(Seed(section.seed)).child("reroll")))
}

/// What is to be rendered, and from what.
struct Request<'a> {
    plan: &'a ArrangementPlan,
    /// The casting of an earlier take.
    kept: &'a [CastPart],
    /// A section to play anew, from 0, and its seed.
    reroll: Option<(usize, Seed)>,
    selection: &'a Selection,
    output: &'a Output,
}

/// Casts and renders the plan and writes the take.
fn finish(
    work: &Work<'_>,
    request: &Request<'_>,
    mut timing: Timing,
    begun: Instant,
) -> Result<Composed, Error> {
    let engine = work.engine;
    let &Request { plan, kept, reroll, selection, output } = request;
    output.check()?;
    let (mut casting, seconds) =
        timed(|| work.step("cast", 0.05, || Ok(engine.cast(plan, kept, selection)?.casting)))?;
    timing.cast = seconds;
    if let Some(id) = work.stored_step("render")? {
        return composed(engine, id);
    }
    work.progress.check()?;
    let path = output::target(work, output)?;
    let (clips, seconds) = timed(|| engine.load(&casting, work.progress))?;
    timing.load = seconds;
    let begun_rendering = Instant::now();
    let anew = match reroll {
        None => None,
        Some((index, seed)) => {
            // Levels are those of the plan before, so that all other sections keep theirs.
            casting = dream_compose::freeze(plan, &casting, &clips)?;
            Some(dream_compose::reroll_among(plan, index, seed, engine.genres())?)
        }
    };
    let plan = anew.as_ref().unwrap_or(plan);
    let part = output.preview_s.map(|seconds| dream_compose::excerpt(plan, seconds));
    let (take, export) =
        mixed(part.as_ref().unwrap_or(plan), &casting, &clips, output, work.progress)?;
    timing.render = begun_rendering.elapsed().as_secs_f64();
    if part.is_none() {
        casting.keep_levels(&take.report.layers);
    }
    let casting = &casting;
    let finished = Finished { plan, casting, take, export, timing, begun };
    composed(engine, output::write(work, output, &path, finished)?)
}

/// The rendered plan, and the folder of its stems where one is asked for.
fn mixed(
    plan: &ArrangementPlan,
    casting: &Casting,
    clips: &BTreeMap<StemId, Clip>,
    output: &Output,
    progress: &Progress,
) -> Result<(Take, Option<Export>), Error> {
    let Some(folder) = &output.stems else {
        return Ok((dream_compose::render(plan, casting, clips, progress)?, None));
    };
    let mut export = Export::begin(folder, dream_compose::length(plan))?;
    let mut sink = |signal: Signal<'_>, sides: [&[f32]; 2]| export.take(signal, sides);
    match dream_compose::render_to(plan, casting, clips, &mut sink, progress) {
        Ok(take) => Ok((take, Some(export))),
        Err(error) => Err(export.failure().unwrap_or(error.into())),
    }
}

impl Engine {
    /// The casting of a plan and why it is that one; parts whose stems are given in `kept` and present keep them.
    ///
    /// # Errors
    /// `NotFound` when no part has a stem, `Invalid` for a plan out of its limits.
    pub fn cast(
        &self,
        plan: &ArrangementPlan,
        kept: &[CastPart],
        selection: &Selection,
    ) -> Result<Cast, Error> {
        let shortlist = self.shortlist(plan, selection)?;
        let mut cast = dream_compose::cast(plan, &shortlist, Seed(plan.seed).child("cast"))?;
        for (part, explained) in cast.casting.parts.iter_mut().zip(&mut cast.explanation) {
            let Some(earlier) = kept.iter().find(|earlier| earlier.part == part.part) else {
                continue;
            };
            let mut stems = earlier.stems.clone();
            let mut missing = None;
            for stem in &mut stems {
                match self.library().find(&stem.hash)? {
                    Some(id) => stem.id = id,
                    None => missing = Some(stem.name.clone()),
                }
            }
            match missing {
                None => {
                    explained.chosen = stems.iter().map(Rated::from).collect();
                    part.stems = stems;
                }
                Some(name) => cast.casting.warnings.push(format!(
                    "{}: {name} is not in the library any more, cast anew",
                    part.part.role
                )),
            }
        }
        Ok(cast)
    }

    /// The audio of the casting's stems.
    fn load(
        &self,
        casting: &Casting,
        progress: &Progress,
    ) -> Result<BTreeMap<StemId, Clip>, Error> {
        let hashes: BTreeMap<StemId, &str> = casting
            .parts
            .iter()
            .flat_map(|part| &part.stems)
            .map(|stem| (stem.id, stem.hash.as_str()))
            .collect();
        let hashes: Vec<(StemId, &str)> = hashes.into_iter().collect();
        // The library's own files passed the limits when they came in.
        let limits = Limits {
            max_bytes: u64::MAX,
            max_seconds: f64::INFINITY,
            max_decoded_bytes: u64::MAX,
            ..Limits::default()
        };
        hashes
            .into_par_iter()
            .map(|(id, hash)| {
                progress.check()?;
                let path = self.library().blobs().path(hash);
                match decode_file(&path, &limits) {
                    Ok(decoded) => Ok((id, decoded.clip)),
                    Err(source) => Err(Error::Decode { path, source }),
                }
            })
            .collect()
    }
}

fn plan(spec: &ComposeSpec, genres: &Genres, seed: Seed) -> Result<ArrangementPlan, Error> {
    let length = spec.prompt.trim().chars().count();
    if !(1..=MOST_CHARACTERS).contains(&length) {
        let text = format!("a prompt has 1 to {MOST_CHARACTERS} characters, got {length}");
        return Err(Error::Invalid(text));
    }
    let mut prompt = Prompt::parse_among(&spec.prompt, genres);
    prompt.bpm = spec.bpm.or(prompt.bpm);
    prompt.key = spec.key.or(prompt.key);
    if let Some(minutes) = spec.minutes {
        if !(0.5..=30.0).contains(&minutes) {
            return Err(Error::Invalid(format!("minutes must be 0.5 to 30, got {minutes}")));
        }
        prompt.minutes = Some(minutes);
    }
    let mut plan = dream_compose::plan(&prompt, seed);
    plan.loudness_lufs = spec.loudness_lufs.unwrap_or(plan.loudness_lufs);
    plan.validate().map_err(dream_compose::Error::from)?;
    Ok(plan)
}

/// A value with the seconds it took.
fn timed<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<(T, f64), Error> {
    let begun = Instant::now();
    let value = work()?;
    Ok((value, begun.elapsed().as_secs_f64()))
}

#[cfg(test)]
mod tests;
