//! Loops: a model of bars with the loops that may wear what it dreams.
//!
//! A loop is dreamed as one: all its bars move by the same step of the latent space away from those of a loop that was learned from, or
//! lie between the bars of two, so that what changes from bar to bar stays as it was played. The parents are brought to one tempo, key
//! and number of bars before they are listened to; what comes out has the frames of that tempo, to the frame.
//! Given back is the loop itself where a single parent is left.

mod choose;
mod groove;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use dream_audio::Clip;
use dream_audio::decode::decode_file;
use dream_core::{Ancestor, Category, Form, Generator, Seed, Semitones};
use dream_library::{Entry, content_hash};
use dream_neural::vae::{
    Bars, Grid, Layout, Player, bars_from_envelopes, distance, finish_loop, morph_bars, seam,
    target,
};

use super::dreamer::{Dream, Model, PEAK, ROUNDS, category_of, missing};
use super::gate::{self, Draft, NOVELTY};
use super::{Beat, GenerateSpec, Mode, generator, short};
use crate::licence::strictest;
use crate::whole::{Whole, length, material};
use crate::{Engine, Error};
pub(crate) use choose::parent_weights;
use choose::{Part, beat, heaviest, weights};

/// By so much the vector strength on the sixteenths may lie below that of the parents.
const LOOSER: f64 = 0.03;
/// Parents whose envelopes differ by less are one loop. Loops of the starter kit in two keys differ by 1.2 to 4.8 dB when they are played
/// in one; others by 5.2 dB (drums) or 10 (synth) and more.
const TWINS_DB: f32 = 5.0;
/// Most loops that are compared with each other.
const MOST_COMPARED: usize = 60;
/// Loops kept in memory; one of four bars takes 3 MB.
const KEPT: usize = 64;

/// All that drafts of loops are made of.
pub(crate) struct Looper<'a> {
    engine: &'a Engine,
    grid: Grid,
    models: Vec<Model>,
    /// Per model the loops it learned from: their bars, and the first of their examples.
    loops: Vec<BTreeMap<String, (Whole, usize)>>,
    /// How far the loops of the first model lie from each other, in units of their spacing: what is farther from all is far off.
    reach: f32,
    given: Vec<Entry>,
    heard: Mutex<BTreeMap<Take, Arc<Bars>>>,
}

/// A loop at a tempo, bars and semitones.
type Take = (String, u64, u32, i64);

/// The envelopes of a draft, bar by bar, and where the first lies.
struct Targets {
    envelopes: Vec<Vec<f32>>,
    latent: Vec<f32>,
}

/// A draft that was not judged yet.
pub(crate) struct Draught {
    /// The loop.
    pub(crate) clip: Clip,
    /// Tempo, bars and key.
    pub(crate) beat: Beat,
    /// The loops it wears, moved.
    players: Vec<Arc<Bars>>,
    latent: Vec<f32>,
    strained: f32,
    exact: bool,
}

impl<'a> Looper<'a> {
    pub(super) fn new(engine: &'a Engine, spec: &GenerateSpec) -> Result<Self, Error> {
        let invalid = |text: String| Err(Error::Invalid(text));
        let mut models = vec![Model::read_loops(engine, spec.category)?];
        if let Some(with) = spec.with {
            models.push(Model::read_loops(engine, with)?);
        }
        if let Some(key) = spec.key.filter(|_| !models.iter().any(|m| m.category.is_tonal())) {
            let text = format!("{} has no pitch: it cannot be dreamed in {key}", spec.category);
            return invalid(text);
        }
        let tonal = models.iter().find(|model| model.category.is_tonal());
        if let (Some(model), true) = (tonal, spec.novelty_max) {
            let text = format!("the pitch of {} comes from its parents' audio", model.category);
            return invalid(text);
        }
        let given = spec
            .parents
            .iter()
            .map(|id| engine.library().stem(*id))
            .collect::<Result<Vec<_>, dream_library::Error>>()?;
        if let Some(entry) = given.iter().find(|entry| Whole::of(entry).is_none()) {
            let id = entry.stem.id.0;
            return invalid(format!("stem {id} is no loop of whole bars and a sure tempo"));
        }
        Ok(Self::of(engine, models, given))
    }

    /// The same of models that were read already.
    pub(crate) fn of(engine: &'a Engine, models: Vec<Model>, given: Vec<Entry>) -> Self {
        let loops: Vec<_> = models.iter().map(loops_of).collect();
        let reach = reach(&models[0], &loops[0]);
        let grid = Grid::new(Layout::Bar);
        Self { engine, grid, models, loops, reach, given, heard: Mutex::default() }
    }

    pub(crate) fn models(&self) -> &[Model] {
        &self.models
    }

    /// Makes and judges a draft.
    pub(super) fn dream(
        &self,
        spec: &GenerateSpec,
        number: u64,
        seed: Seed,
    ) -> Result<Dream, Error> {
        let mut parts = self.parts(spec, number, seed)?;
        parts.retain(|part| part.weight > 0.0);
        let draught = self.draught(spec, &parts, seed)?;
        Ok(self.judged(spec, &parts, draught, seed))
    }

    /// A loop as it is.
    pub(crate) fn own(&self, entry: &Entry) -> Result<(Beat, Arc<Bars>), Error> {
        let part = Part::new(entry, 1.0)?;
        let beat = beat(&GenerateSpec::default(), std::slice::from_ref(&part))?;
        Ok((beat, self.moved(&part, beat)?))
    }

    /// Envelopes worn by the loop of the first model that is nearest to them.
    pub(crate) fn dressed(
        &self,
        envelopes: &[Vec<f32>],
        beat: Beat,
        seed: Seed,
    ) -> Result<Clip, Error> {
        let vae = &self.models[0].vae;
        // By all bars: how far the nearest bar of each loop lies from them.
        let mut far: BTreeMap<usize, f32> = BTreeMap::new();
        for envelope in envelopes {
            let mut seen = BTreeSet::new();
            for (i, distance) in vae.nearest(envelope) {
                let Some((entry, whole)) = self.loop_of(0, i) else { continue };
                let first = self.loops[0][&entry.stem.hash].1;
                if whole.reaches(beat.bpm) && seen.insert(first) {
                    *far.entry(first).or_insert(0.0) += distance;
                }
            }
        }
        let nearest = far.into_iter().min_by(|a, b| a.1.total_cmp(&b.1));
        let (first, _) = nearest.ok_or_else(|| missing(self.models[0].category))?;
        let part = Part::new(&self.models[0].stems[&first], 1.0)?;
        let bars = self.moved(&part, beat)?;
        let player = Player { bars: &bars, weight: 1.0 };
        let made = morph_bars(&self.grid, envelopes, &[player], seed.child("sound"));
        Ok(finish_loop(&made.clip, material(part.entry.stem.category), PEAK))
    }

    /// A random loop of a category, with the loops it wears; nothing is judged.
    pub(crate) fn random(
        &self,
        category: Category,
        seed: Seed,
    ) -> Result<(Clip, Beat, Vec<Entry>), Error> {
        let spec = GenerateSpec { category, ..GenerateSpec::default() };
        let parts = self.parts(&spec, 0, seed)?;
        let made = self.draught(&spec, &parts, seed)?;
        Ok((made.clip, made.beat, parts.into_iter().map(|part| part.entry).collect()))
    }

    /// A loop on the way between two, without straying from it.
    pub(crate) fn between(
        &self,
        [a, b]: [&Entry; 2],
        along: f32,
        seed: Seed,
    ) -> Result<(Clip, Beat), Error> {
        let middle = beat(&GenerateSpec::default(), &[Part::new(a, 0.5)?, Part::new(b, 0.5)?])?;
        let spec = GenerateSpec {
            mode: Mode::Interpolated,
            temperature: 0.0,
            category: self.models[0].category,
            // A way leads through one tempo and one key.
            bpm: Some(middle.bpm),
            key: a.stem.facts.key.filter(|_| b.stem.facts.key.is_some()),
            ..GenerateSpec::default()
        };
        let mut parts = vec![Part::new(a, 1.0 - along)?, Part::new(b, along)?];
        parts.retain(|part| part.weight > 0.0);
        let made = self.draught(&spec, &parts, seed)?;
        Ok((made.clip, made.beat))
    }

    /// Parts with a share made into one loop.
    fn draught(&self, spec: &GenerateSpec, parts: &[Part], seed: Seed) -> Result<Draught, Error> {
        let beat = beat(spec, parts)?;
        let exact = spec.mode == Mode::Interpolated
            && !spec.novelty_max
            && parts.len() == 1
            && beat.bpm == parts[0].whole.bpm
            && beat.key == parts[0].entry.stem.facts.key;
        let players: Vec<Arc<Bars>> =
            parts.iter().map(|part| self.moved(part, beat)).collect::<Result<_, _>>()?;
        let players = self.together(parts, players, beat)?;
        let Targets { envelopes, latent } = self.targets(spec, parts, &players, seed);
        if exact {
            let clip = parts[0].whole.cut(&self.decoded(&parts[0].entry)?);
            return Ok(Draught { clip, beat, players, latent, strained: 0.0, exact });
        }
        let material = material(category_of(spec, &weights(parts)));
        let peaks = parts.iter().zip(&players).map(|(part, bars)| part.weight * bars.peak().ln());
        let peak = peaks.sum::<f32>().exp().min(PEAK);
        if spec.novelty_max {
            let (frames, seed) = (players[0].clip().len(), seed.child("sound"));
            let samples = bars_from_envelopes(&self.grid, &envelopes, frames, ROUNDS, seed);
            let clip = Clip::mono(players[0].clip().rate(), samples);
            let clip = finish_loop(&clip, material, peak);
            return Ok(Draught { clip, beat, players, latent, strained: 0.0, exact });
        }
        let main = &players[heaviest(parts)];
        // The lesser loop is turned over where the waves would cancel.
        let turned: Vec<Option<Bars>> = players
            .iter()
            .map(|bars| bars.opposes(main).then(|| Bars::clone(bars).inverted()))
            .collect();
        let wearing: Vec<Player<'_>> = players
            .iter()
            .zip(&turned)
            .zip(parts)
            .map(|((bars, turned), part)| Player {
                bars: turned.as_ref().unwrap_or(bars),
                weight: part.weight,
            })
            .collect();
        let made = morph_bars(&self.grid, &envelopes, &wearing, seed.child("sound"));
        let clip = finish_loop(&made.clip, material, peak);
        Ok(Draught { clip, beat, players, latent, strained: made.strained, exact })
    }

    /// A loop of model `m` by the number of one of its bars.
    fn loop_of(&self, m: usize, i: usize) -> Option<(&Entry, &Whole)> {
        let entry = self.models[m].stems.get(&i)?;
        self.loops[m].get(&entry.stem.hash).map(|(whole, _)| (entry, whole))
    }

    /// A part at the tempo, bars and key of the draft, listened to.
    fn moved(&self, part: &Part, beat: Beat) -> Result<Arc<Bars>, Error> {
        let Part { entry, whole, .. } = part;
        let own = entry.stem.facts.key.filter(|_| entry.stem.category.is_tonal());
        let by = own.zip(beat.key).map_or(Semitones(0.0), |(own, key)| own.shift_to(key));
        let hash = &entry.stem.hash;
        let take = (hash.clone(), beat.bpm.get().to_bits(), beat.bars, by.0 as i64);
        let known = || self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bars) = known().get(&take) {
            return Ok(Arc::clone(bars));
        }
        let clip = whole.cut(&self.decoded(entry)?);
        let clip = whole.moved(&clip, material(entry.stem.category), (beat.bpm, beat.bars), by);
        let bars = self.heard_as(part, clip, beat)?;
        let mut heard = known();
        if heard.len() >= KEPT {
            heard.clear();
        }
        heard.insert(take, Arc::clone(&bars));
        Ok(bars)
    }

    /// All parts in the groove of the heaviest.
    fn together(
        &self,
        parts: &[Part],
        players: Vec<Arc<Bars>>,
        beat: Beat,
    ) -> Result<Vec<Arc<Bars>>, Error> {
        let lead = heaviest(parts);
        let main = Arc::clone(&players[lead]);
        let with = |(i, bars): (usize, Arc<Bars>)| {
            if i == lead {
                return Ok(bars);
            }
            let material = material(parts[i].entry.stem.category);
            let mut clip = groove::grooved(bars.clip(), main.clip(), beat.bars, material);
            clip.scale(bars.peak());
            self.heard_as(&parts[i], clip, beat)
        };
        players.into_iter().enumerate().map(with).collect()
    }

    fn heard_as(&self, part: &Part, clip: Clip, beat: Beat) -> Result<Arc<Bars>, Error> {
        let id = part.entry.stem.id.0;
        Bars::new(&self.grid, clip, beat.bars as usize)
            .map(Arc::new)
            .map_err(|_| Error::Invalid(format!("stem {id} cannot be used")))
    }

    fn decoded(&self, entry: &Entry) -> Result<Clip, Error> {
        let path = self.engine.library().blobs().path(&entry.stem.hash);
        let decoded = decode_file(&path, &self.engine.config().limits);
        Ok(decoded.map_err(|source| Error::Decode { path, source })?.clip)
    }

    /// The envelopes to be worn, bar by bar.
    fn targets(
        &self,
        spec: &GenerateSpec,
        parts: &[Part],
        players: &[Arc<Bars>],
        seed: Seed,
    ) -> Targets {
        let (vae, seed) = (&self.models[0].vae, seed.child("latent"));
        let (temperature, bars) = (spec.temperature, players[0].envelopes().len());
        let mut latent = Vec::new();
        let envelopes = (0..bars)
            .map(|bar| {
                // The same seed in every bar: all move alike.
                let own = |i: usize| players[i].envelopes()[bar].as_slice();
                let found = match spec.mode {
                    Mode::Like => vec![(target::like(vae, own(0), temperature, seed), 1.0)],
                    Mode::Interpolated => {
                        let stems: Vec<(&[f32], f32)> =
                            parts.iter().enumerate().map(|(i, p)| (own(i), p.weight)).collect();
                        vec![(target::between(vae, &stems, temperature, seed), 1.0)]
                    }
                    Mode::Random | Mode::Hybrid => parts
                        .iter()
                        .enumerate()
                        .map(|(i, part)| {
                            let vae = &self.models[part.model].vae;
                            (target::beside(vae, own(i), &part.step), part.weight)
                        })
                        .collect(),
                };
                if bar == 0 {
                    latent = found.iter().flat_map(|(target, _)| target.latent.clone()).collect();
                }
                let mut envelope = vec![0.0_f32; self.grid.cells()];
                for (target, weight) in &found {
                    envelope.iter_mut().zip(&target.envelope).for_each(|(x, y)| *x += weight * y);
                }
                envelope
            })
            .collect();
        Targets { envelopes, latent }
    }

    fn judged(&self, spec: &GenerateSpec, parts: &[Part], draught: Draught, seed: Seed) -> Dream {
        let Draught { clip, beat, players, latent, strained, exact } = draught;
        let category = category_of(spec, &weights(parts));
        let heard = Bars::new(&self.grid, clip.clone(), beat.bars as usize).ok();
        let novelty = heard.as_ref().map_or(0.0, |heard| {
            let near = |model: &Model| {
                let bars = heard.envelopes().iter().map(|envelope| model.novelty(envelope));
                bars.sum::<f32>() / heard.envelopes().len() as f32
            };
            self.models.iter().map(near).fold(f32::MAX, f32::min)
        });
        let categories: Vec<Category> = self.models.iter().map(|model| model.category).collect();
        let parents: Vec<&Clip> = players.iter().map(|bars| bars.clip()).collect();
        let (refusal, probability) = if exact {
            (None, gate::probability(&clip, &categories))
        } else {
            gate::judge(&Draft {
                clip: &clip,
                tuned: &clip,
                form: Form::Loop,
                categories: &categories,
                parents: &parents,
                novelty,
                range: match spec.mode {
                    Mode::Random | Mode::Interpolated => {
                        Some([NOVELTY[0], NOVELTY[1].max(self.reach)])
                    }
                    Mode::Hybrid => Some([NOVELTY[0], f32::MAX]),
                    Mode::Like => None,
                },
                strained,
            })
        };
        let refusal = refusal.or_else(|| twins(&players).filter(|_| !exact));
        let refusal = refusal.or_else(|| inexact(&clip, beat).filter(|_| !exact));
        let refusal = refusal.or_else(|| off_grid(&clip, parts, &players, beat).filter(|_| !exact));
        let ancestors = parts.iter().map(|part| Ancestor {
            stem: part.entry.stem.id,
            hash: part.entry.stem.hash.clone(),
            weight: part.weight,
        });
        let licence = if spec.novelty_max {
            let licences = self.models.iter().flat_map(|model| model.vae.card().licences.keys());
            strictest(licences.map(|name| (!name.is_empty()).then_some(name.as_str())))
        } else {
            strictest(parts.iter().map(|part| part.entry.stem.licence.as_deref()))
        };
        let hash = content_hash(clip.channels(), clip.samples());
        let (mode, bpm) = (spec.mode.name(), beat.bpm.get().round());
        Dream {
            name: format!("{category}_loop_{mode}_{bpm:.0}_{}", short(&hash)),
            clip,
            category,
            licence,
            generator: Generator {
                synthesis: if spec.novelty_max { "phase" } else { "morph" }.to_owned(),
                parents: ancestors.collect(),
                latent,
                novelty,
                strained,
                ..generator(spec.mode, super::sha256_of(&self.models), seed)
            },
            probability,
            root: None,
            beat: Some(beat),
            exact,
            refusal,
        }
    }
}

/// Whether two loops are one in two keys or at two tempi: then so is what lies between them.
fn twins(players: &[Arc<Bars>]) -> Option<&'static str> {
    let apart = |a: &Bars, b: &Bars| {
        let pairs = a.envelopes().iter().zip(b.envelopes());
        pairs.map(|(a, b)| distance(a, b)).sum::<f32>() / a.envelopes().len() as f32
    };
    let mut pairs =
        players.iter().enumerate().flat_map(|(n, a)| players[..n].iter().map(move |b| (a, b)));
    pairs.any(|(a, b)| apart(a, b) < TWINS_DB).then_some("parents too alike")
}

/// Why a loop would not go round on the grid, if so.
fn inexact(clip: &Clip, beat: Beat) -> Option<&'static str> {
    if clip.len() != length(beat.bpm, beat.bars) {
        return Some("length");
    }
    (seam(clip) > 1.0).then_some("seam")
}

/// Why a loop does not keep time as its parents do, if so.
fn off_grid(
    clip: &Clip,
    parts: &[Part],
    players: &[Arc<Bars>],
    beat: Beat,
) -> Option<&'static str> {
    let own = groove::strength(clip, beat.bars)?;
    let mut of_parents = 0.0;
    for (part, bars) in parts.iter().zip(players) {
        of_parents += f64::from(part.weight) * groove::strength(bars.clip(), beat.bars)?;
    }
    (own < of_parents - LOOSER).then_some("off the grid")
}

/// The median distance between two loops of a model, by their first bars, in units of their spacing.
fn reach(model: &Model, loops: &BTreeMap<String, (Whole, usize)>) -> f32 {
    let step = loops.len().div_ceil(MOST_COMPARED).max(1);
    let firsts: Vec<usize> = loops.values().map(|(_, i)| *i).step_by(step).collect();
    let pairs =
        firsts.iter().enumerate().flat_map(|(n, a)| firsts[..n].iter().map(move |b| (a, b)));
    let mut distances: Vec<f32> =
        pairs.map(|(a, b)| distance(model.vae.portrait(*a), model.vae.portrait(*b))).collect();
    distances.sort_by(f32::total_cmp);
    distances.get(distances.len() / 2).map_or(0.0, |middle| middle / model.spacing)
}

/// The loops of a model that are in the library, with the first of their bars, by their hash.
fn loops_of(model: &Model) -> BTreeMap<String, (Whole, usize)> {
    let mut loops = BTreeMap::new();
    for (i, entry) in &model.stems {
        if let Some(whole) = Whole::of(entry) {
            loops.entry(entry.stem.hash.clone()).or_insert((whole, *i));
        }
    }
    loops
}

#[cfg(test)]
mod tests;
