//! Which loops a draft is made of, and what they are brought to.

use dream_core::{Bpm, Category, Seed};
use dream_library::Entry;
use dream_neural::vae::{distance, target};

use super::super::dreamer::missing;
use super::super::{Beat, GenerateSpec, Mode};
use super::Looper;
use crate::Error;
use crate::whole::Whole;

/// Tempi within this of each other, as a natural logarithm, go well together: 25 %.
const NEAR: f64 = 0.223;
/// Chosen parents are among so many neighbours of each other, at least.
const NEIGHBOURS: usize = 4;

/// How far a random loop goes towards the place that was drawn and beyond. It wears the nearest loop and keeps what the model does not know
/// of that, which makes it like it: measured on drums, novelty 0.59 at 1 and 0.69 at 1.3, with the same KAD (27 and 28).
const BEYOND: f32 = 1.3;

/// A loop that plays a part in a draft, before it is moved.
pub(super) struct Part {
    pub(super) entry: Entry,
    pub(super) whole: Whole,
    pub(super) weight: f32,
    /// The model that it was drawn from.
    pub(super) model: usize,
    /// How far its bars are to move in the latent space; empty where it was not drawn.
    pub(super) step: Vec<f32>,
}

impl Part {
    pub(super) fn new(entry: &Entry, weight: f32) -> Result<Self, Error> {
        let whole = Whole::of(entry).ok_or_else(|| missing(entry.stem.category))?;
        Ok(Self { entry: entry.clone(), whole, weight, model: 0, step: Vec::new() })
    }
}

impl Looper<'_> {
    /// The loops of a draft.
    pub(super) fn parts(
        &self,
        spec: &GenerateSpec,
        number: u64,
        seed: Seed,
    ) -> Result<Vec<Part>, Error> {
        match spec.mode {
            Mode::Random => Ok(vec![self.drawn(spec, 0, None, seed.child("latent"))?]),
            Mode::Hybrid => {
                let factor = spec.factor.unwrap_or(0.5);
                let seed = |i: usize| seed.child("latent").child(self.models[i].category.name());
                let first = self.drawn(spec, 0, None, seed(0))?;
                let second = self.drawn(spec, 1, Some(first.whole.bpm), seed(1))?;
                Ok(vec![Part { weight: 1.0 - factor, ..first }, Part { weight: factor, ..second }])
            }
            Mode::Like => Ok(vec![Part::new(&self.given[0], 1.0)?]),
            Mode::Interpolated => {
                let dice = seed.child("share");
                let pair;
                let chosen: Vec<&Entry> = if self.given.is_empty() {
                    pair = self.pair(spec, seed.child("parents"))?;
                    pair.to_vec()
                } else {
                    self.given.iter().collect()
                };
                let weights = parent_weights(spec, number, chosen.len(), dice);
                chosen.into_iter().zip(weights).map(|(entry, w)| Part::new(entry, w)).collect()
            }
        }
    }

    /// A draw of model `m`: the loop with the bar nearest to it, and the step from that bar to it. `near`: a tempo that would go well.
    fn drawn(
        &self,
        spec: &GenerateSpec,
        m: usize,
        near: Option<Bpm>,
        seed: Seed,
    ) -> Result<Part, Error> {
        let model = &self.models[m];
        // Bars have no families as hits have: the plain Gaussian of all of them.
        let drawn = model.vae.draw(spec.temperature, seed);
        let bars = model.vae.nearest(&model.vae.decode(&drawn));
        let fits = |i: usize, within: f64| {
            self.loop_of(m, i).is_some_and(|(entry, whole)| {
                spec.bpm.or(near).is_none_or(|bpm| whole.far(bpm) <= within)
                    && (spec.key.is_none()
                        || !model.category.is_tonal()
                        || entry.stem.facts.key.is_some())
            })
        };
        let find = |within: f64| bars.iter().find(|(i, _)| fits(*i, within));
        let (i, _) =
            find(NEAR).or_else(|| find(f64::MAX)).ok_or_else(|| missing(model.category))?;
        let own = model.vae.latent(*i);
        let step = drawn.iter().zip(own).map(|(drawn, own)| BEYOND * (drawn - own)).collect();
        Ok(Part { model: m, step, ..Part::new(&model.stems[i], 1.0)? })
    }

    /// Two loops of the first model that go well together.
    fn pair(&self, spec: &GenerateSpec, seed: Seed) -> Result<[&Entry; 2], Error> {
        let (model, loops) = (&self.models[0], &self.loops[0]);
        let keyed = |i: usize| {
            spec.key.is_none() || model.stems.get(&i).is_some_and(|e| e.stem.facts.key.is_some())
        };
        let all: Vec<&(Whole, usize)> = loops.values().filter(|(_, i)| keyed(*i)).collect();
        if all.len() < 2 {
            return Err(missing(model.category));
        }
        let first = all[target::below(&mut seed.child("first").rng(), all.len())];
        let mut others: Vec<(bool, f32, usize)> = all
            .iter()
            .filter(|(_, i)| *i != first.1)
            .map(|(whole, i)| {
                let (a, b) = (model.vae.portrait(first.1), model.vae.portrait(*i));
                (whole.far(first.0.bpm) > NEAR, distance(a, b), *i)
            })
            .collect();
        others.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)));
        let near = others.iter().filter(|other| other.0 == others[0].0).count();
        others.truncate(near.min(NEIGHBOURS.max(all.len() / 3)));
        let second = others[target::below(&mut seed.child("second").rng(), others.len())].2;
        Ok([&model.stems[&first.1], &model.stems[&second]])
    }
}

/// What all parts are brought to.
pub(super) fn beat(spec: &GenerateSpec, parts: &[Part]) -> Result<Beat, Error> {
    let main = &parts[heaviest(parts)];
    let tempo = || {
        if parts.iter().all(|part| part.whole.bpm == main.whole.bpm) {
            return main.whole.bpm;
        }
        let mean = parts.iter().map(|p| f64::from(p.weight) * p.whole.bpm.get().ln());
        // Between tempi only whole ones.
        Bpm::new(mean.sum::<f64>().exp().round()).unwrap_or(main.whole.bpm)
    };
    let bpm = spec.bpm.unwrap_or_else(tempo);
    if let Some(part) = parts.iter().find(|part| !part.whole.reaches(bpm)) {
        let (id, own) = (part.entry.stem.id.0, part.whole.bpm.get());
        return Err(Error::Invalid(format!(
            "stem {id} of {own:.1} bpm cannot be brought to {:.1} bpm",
            bpm.get()
        )));
    }
    let tonal = |part: &&Part| part.entry.stem.category.is_tonal();
    let keyless = parts.iter().filter(tonal).find(|part| part.entry.stem.facts.key.is_none());
    if let (Some(_), Some(part)) = (spec.key, keyless) {
        let id = part.entry.stem.id.0;
        return Err(Error::Invalid(format!("stem {id} has no key that could be moved")));
    }
    let keyed = parts.iter().filter(tonal).filter(|part| part.entry.stem.facts.key.is_some());
    let key = keyed
        .max_by(|a, b| a.weight.total_cmp(&b.weight))
        .and_then(|part| spec.key.or(part.entry.stem.facts.key));
    let bars = parts.iter().map(|part| part.whole.bars).max().unwrap_or(1);
    Ok(Beat { bpm, bars, key })
}

/// The part with the largest weight, of equal ones the first.
pub(super) fn heaviest(parts: &[Part]) -> usize {
    let all = parts.iter().enumerate();
    all.max_by(|a, b| a.1.weight.total_cmp(&b.1.weight).then(b.0.cmp(&a.0))).map_or(0, |(i, _)| i)
}

pub(super) fn weights(parts: &[Part]) -> Vec<(Category, f32)> {
    parts.iter().map(|part| (part.entry.stem.category, part.weight)).collect()
}

/// The weights of parents that are given, or of two that were chosen, for dream `number` of a job.
pub(crate) fn parent_weights(
    spec: &GenerateSpec,
    number: u64,
    count: usize,
    dice: Seed,
) -> Vec<f32> {
    if count != 2 {
        return target::shares(count, dice);
    }
    let along = match spec.factor {
        Some(factor) => factor,
        // Evenly between the ends, which are the parents themselves.
        None if !spec.parents.is_empty() => (number + 1) as f32 / (spec.count + 1) as f32,
        None => 0.25 + 0.5 * target::shares(2, dice)[0],
    };
    vec![1.0 - along, along]
}
