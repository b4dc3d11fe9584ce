//! A model with the sounds it may wear.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use dream_audio::Clip;
use dream_audio::decode::decode_file;
use dream_core::{Ancestor, Category, Form, Generator, Key, SampleRate, Seed};
use dream_library::{Entry, content_hash};
use dream_neural::Vae;
use dream_neural::vae::target::{self, Target};
use dream_neural::vae::{Grid, Layout, Parent, Sound, finish, from_envelope, morph};

use super::gate::{self, Draft, NOVELTY};
use super::looping::parent_weights;
use super::{Beat, GenerateSpec, Mode, generator, sha256_of, short};
use crate::licence::strictest;
use crate::train::{model_path, sha256, tuning};
use crate::{Engine, Error};

/// The peak of what is dreamed: -1 dBFS.
pub(super) const PEAK: f32 = 0.891_25;
/// Rounds of projection where phases are made.
pub(super) const ROUNDS: usize = 8;

/// Most sounds kept in memory.
const KEPT: usize = 256;

/// A draft, judged.
pub(crate) struct Dream {
    pub(crate) clip: Clip,
    pub(super) category: Category,
    pub(super) name: String,
    pub(super) licence: Option<String>,
    pub(super) generator: Generator,
    pub(super) probability: f32,
    /// Its note, where it has one.
    pub(super) root: Option<f64>,
    /// What makes it a loop; absent of a one-shot.
    pub(super) beat: Option<Beat>,
    /// Whether it is what was asked for to the letter: a parent itself.
    pub(super) exact: bool,
    /// Why it must not pass.
    pub(super) refusal: Option<&'static str>,
}

/// A model, read.
pub(crate) struct Model {
    pub(crate) category: Category,
    pub(crate) vae: Vae,
    pub(crate) sha256: String,
    /// How far its stems lie apart.
    pub(super) spacing: f32,
    /// How far those do that stand alone, in that unit, 1 at least.
    reach: f32,
    /// Those of its stems that are in the library, by their place in the model.
    pub(crate) stems: BTreeMap<usize, Entry>,
}

/// All that drafts are made of.
pub(crate) struct Dreamer<'a> {
    engine: &'a Engine,
    /// The larger grid of its models.
    grid: Grid,
    models: Vec<Model>,
    /// Sounds listened to, by the hash of their audio.
    sounds: Mutex<BTreeMap<String, Arc<Sound>>>,
    given: Vec<Entry>,
}

/// A stem that plays a part in a draft.
struct Wearer {
    entry: Entry,
    /// At the reference note of its model.
    sound: Arc<Sound>,
    weight: f32,
    reference: Option<f64>,
}

impl Wearer {
    /// The note it was brought to, and the note it has.
    fn notes(&self) -> Option<(f64, f64)> {
        self.reference.zip(self.entry.stem.facts.root)
    }
}

impl Model {
    /// The model of the one-shots of a category.
    pub(crate) fn read(engine: &Engine, category: Category) -> Result<Self, Error> {
        Self::read_as(engine, category, Form::OneShot)
    }

    /// The model of the loops of a category; its stems are those of its bars.
    pub(crate) fn read_loops(engine: &Engine, category: Category) -> Result<Self, Error> {
        Self::read_as(engine, category, Form::Loop)
    }

    fn read_as(engine: &Engine, category: Category, form: Form) -> Result<Self, Error> {
        let path = model_path(engine, category, form);
        let loops = form == Form::Loop;
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(if loops {
                    Error::LoopsNotTrained(category)
                } else {
                    Error::NotTrained(category)
                });
            }
            Err(source) => return Err(Error::Io { action: "read", path, source }),
        };
        let sha256 = sha256(&bytes);
        let vae = match Vae::from_bytes(bytes) {
            Ok(vae) if (vae.card().layout == Layout::Bar) == loops => vae,
            Ok(_) => {
                let source = dream_neural::Error::Unusable("a model of another form");
                return Err(Error::Weights { path, source });
            }
            Err(source) => return Err(Error::Weights { path, source }),
        };
        let mut stems = BTreeMap::new();
        for i in 0..vae.card().stems.len() {
            let hash = vae.stem(i);
            if let Some(id) = engine.library().find(hash)? {
                let entry = engine.library().stem(id)?;
                // Nobody wants more of what is disliked.
                if entry.rating >= 0 {
                    stems.insert(i, entry);
                }
            }
        }
        let spacing = vae.spacing().max(1e-3);
        let reach = (vae.reach() / spacing).max(1.0);
        Ok(Self { category, vae, sha256, spacing, reach, stems })
    }

    /// The stem of the library nearest to an envelope on the model's grid.
    fn nearest(&self, envelope: &[f32]) -> Result<&Entry, Error> {
        self.first_of(&self.vae.nearest(envelope))
    }

    /// The stem of the library to dress in an envelope.
    fn wearing(&self, envelope: &[f32]) -> Result<&Entry, Error> {
        self.first_of(&self.vae.wearers(envelope))
    }

    fn first_of(&self, near: &[(usize, f32)]) -> Result<&Entry, Error> {
        near.iter().find_map(|(i, _)| self.stems.get(i)).ok_or_else(|| missing(self.category))
    }

    /// The note that its stems were brought to.
    pub(crate) fn reference(&self) -> Option<f64> {
        self.vae.card().reference
    }

    /// How far an envelope lies from the nearest stem, in units of the stems' own distances; as the model sees it.
    pub(super) fn novelty(&self, envelope: &[f32]) -> f32 {
        let portrait = self.vae.decode(&self.vae.encode(envelope));
        self.vae.nearest(&portrait).first().map_or(0.0, |(_, d)| d / self.spacing)
    }
}

impl<'a> Dreamer<'a> {
    pub(crate) fn new(engine: &'a Engine, spec: &GenerateSpec) -> Result<Self, Error> {
        let mut models = vec![Model::read(engine, spec.category)?];
        if let Some(with) = spec.with {
            models.push(Model::read(engine, with)?);
        }
        let tonal = models.iter().find(|model| model.reference().is_some());
        if let (None, Some(key)) = (tonal, spec.key) {
            let text = format!("{} has no pitch: it cannot be dreamed in {key}", spec.category);
            return Err(Error::Invalid(text));
        }
        if let (Some(model), true) = (tonal, spec.novelty_max) {
            let text = format!("the pitch of {} comes from its parents' audio", model.category);
            return Err(Error::Invalid(text));
        }
        let longest = models.iter().max_by_key(|model| model.vae.grid().frames());
        let grid = longest.unwrap_or(&models[0]).vae.grid().clone();
        let given = spec
            .parents
            .iter()
            .map(|id| engine.library().stem(*id))
            .collect::<Result<_, dream_library::Error>>()?;
        Ok(Self { engine, grid, models, sounds: Mutex::default(), given })
    }

    pub(super) fn models(&self) -> &[Model] {
        &self.models
    }

    /// Makes and judges a draft.
    pub(crate) fn dream(
        &self,
        spec: &GenerateSpec,
        number: u64,
        seed: Seed,
    ) -> Result<Dream, Error> {
        let model = &self.models[0];
        let (target, mut wearers) = match spec.mode {
            Mode::Random => {
                let target = target::random(&model.vae, spec.temperature, seed.child("latent"));
                let wearer = self.wearer(model, model.wearing(&target.envelope)?.clone(), 1.0)?;
                (target, vec![wearer])
            }
            Mode::Interpolated => self.between(spec, number, seed)?,
            Mode::Hybrid => self.hybrid(spec, seed)?,
            Mode::Like => {
                let wearer = self.wearer(model, self.given[0].clone(), 1.0)?;
                let seed = seed.child("latent");
                let target =
                    target::like(&model.vae, wearer.sound.envelope(), spec.temperature, seed);
                (target, vec![wearer])
            }
        };
        wearers.retain(|wearer| wearer.weight > 0.0);
        // A parent alone under what is left of it is itself.
        let exact = spec.mode == Mode::Interpolated && wearers.len() == 1 && !spec.novelty_max;
        let peak = match spec.mode {
            Mode::Random | Mode::Hybrid => PEAK,
            // Between parents the level lies between theirs.
            Mode::Interpolated | Mode::Like => {
                let level = wearers.iter().map(|wearer| wearer.weight * wearer.sound.peak().ln());
                let level = level.sum::<f32>().exp();
                if exact { level } else { level.min(PEAK) }
            }
        };
        let (clip, strained) = self.sound(spec, &target, &wearers, exact, seed);
        let main = wearers.iter().max_by(|a, b| a.weight.total_cmp(&b.weight));
        let notes = main.and_then(Wearer::notes);
        let root = notes.map(|(_, own)| spec.key.map_or(own, |key| tonic_near(key, own)));
        // Not even played at another speed and back.
        let untouched = main.filter(|_| exact && spec.key.is_none());
        let clip = if let Some(parent) = untouched {
            self.decoded(&parent.entry)?
        } else {
            let clip = match notes.zip(root) {
                Some(((reference, _), root)) => tuning::moved(&clip, reference, root),
                None => clip,
            };
            finish(&clip, peak)
        };
        Ok(self.judged(spec, &target, &wearers, Draught { clip, strained, exact, seed, root }))
    }

    fn judged(
        &self,
        spec: &GenerateSpec,
        target: &Target,
        wearers: &[Wearer],
        draught: Draught,
    ) -> Dream {
        let Draught { clip, strained, exact, seed, root } = draught;
        let weights: Vec<(Category, f32)> =
            wearers.iter().map(|wearer| (wearer.entry.stem.category, wearer.weight)).collect();
        let category = category_of(spec, &weights);
        let reference = wearers.first().and_then(|wearer| wearer.reference);
        let tuned = match reference.zip(root) {
            Some((note, root)) => tuning::moved(&clip, root, note),
            None => clip.clone(),
        };
        let heard = Sound::new(&self.grid, tuned.clone()).ok();
        let novelty = heard.as_ref().map_or(0.0, |heard| {
            let near = |model: &Model| {
                let grid = model.vae.grid();
                model.novelty(&grid.convert(&self.grid, heard.envelope()))
            };
            self.models.iter().map(near).fold(f32::MAX, f32::min)
        });
        let categories: Vec<Category> = self.models.iter().map(|model| model.category).collect();
        let parents: Vec<&Clip> = wearers.iter().map(|wearer| wearer.sound.clip()).collect();
        let (refusal, probability) = if exact {
            (None, gate::probability(&clip, &categories))
        } else {
            gate::judge(&Draft {
                clip: &clip,
                tuned: &tuned,
                form: Form::OneShot,
                categories: &categories,
                parents: &parents,
                novelty,
                // Around a stem the distance was asked for, between categories it is large by nature.
                range: match spec.mode {
                    Mode::Random | Mode::Interpolated => {
                        Some([NOVELTY[0], NOVELTY[1] * self.models[0].reach])
                    }
                    Mode::Hybrid => Some([NOVELTY[0], f32::MAX]),
                    Mode::Like => None,
                },
                strained,
            })
        };
        let refusal = refusal.or_else(|| gate::off_pitch(&clip, root.filter(|_| !exact)));
        let licence = if spec.novelty_max {
            let licences = self.models.iter().flat_map(|model| model.vae.card().licences.keys());
            strictest(licences.map(|name| (!name.is_empty()).then_some(name.as_str())))
        } else {
            strictest(wearers.iter().map(|wearer| wearer.entry.stem.licence.as_deref()))
        };
        let ancestors = wearers.iter().map(|wearer| Ancestor {
            stem: wearer.entry.stem.id,
            hash: wearer.entry.stem.hash.clone(),
            weight: wearer.weight,
        });
        let hash = content_hash(clip.channels(), clip.samples());
        let synthesis = if spec.novelty_max { "phase" } else { "morph" };
        Dream {
            name: format!("{category}_{}_{}", spec.mode.name(), short(&hash)),
            clip,
            category,
            licence,
            generator: Generator {
                synthesis: synthesis.to_owned(),
                parents: ancestors.collect(),
                latent: target.latent.clone(),
                novelty,
                strained,
                ..generator(spec.mode, sha256_of(&self.models), seed)
            },
            probability,
            root,
            beat: None,
            exact,
            refusal,
        }
    }

    fn sound(
        &self,
        spec: &GenerateSpec,
        target: &Target,
        wearers: &[Wearer],
        exact: bool,
        seed: Seed,
    ) -> (Clip, f32) {
        let seed = seed.child("sound");
        if spec.novelty_max {
            let samples = from_envelope(&self.grid, &target.envelope, ROUNDS, seed);
            return (Clip::mono(SampleRate::LIBRARY, samples), 0.0);
        }
        // The lesser parent is turned over where the first waves would cancel.
        let main = wearers.iter().max_by(|a, b| a.weight.total_cmp(&b.weight));
        let turned: Vec<Option<Sound>> = wearers
            .iter()
            .map(|wearer| {
                let main = &main?.sound;
                let opposes = !exact && wearer.sound.opposes(main);
                opposes.then(|| Sound::clone(&wearer.sound).inverted())
            })
            .collect();
        let parents: Vec<Parent<'_>> = wearers
            .iter()
            .zip(&turned)
            .map(|(wearer, turned)| Parent {
                sound: turned.as_ref().unwrap_or(&wearer.sound),
                weight: wearer.weight,
            })
            .collect();
        let made = morph(&self.grid, &target.envelope, &parents, seed);
        (made.clip, made.strained)
    }

    /// Between parents that are given, else between two that are compatible.
    fn between(
        &self,
        spec: &GenerateSpec,
        number: u64,
        seed: Seed,
    ) -> Result<(Target, Vec<Wearer>), Error> {
        let model = &self.models[0];
        let dice = seed.child("share");
        let chosen: Vec<Entry> = if self.given.is_empty() {
            let pair = target::pair(&model.vae, seed.child("parents"));
            let near = |i: usize| match model.stems.get(&i) {
                Some(entry) => Ok(entry.clone()),
                None => model.nearest(model.vae.portrait(i)).cloned(),
            };
            pair.into_iter().map(near).collect::<Result<_, Error>>()?
        } else {
            self.given.clone()
        };
        let weights = parent_weights(spec, number, chosen.len(), dice);
        let wearers: Vec<Wearer> = chosen
            .into_iter()
            .zip(weights)
            .map(|(entry, weight)| self.wearer(model, entry, weight))
            .collect::<Result<_, Error>>()?;
        let stems: Vec<(&[f32], f32)> =
            wearers.iter().map(|wearer| (wearer.sound.envelope(), wearer.weight)).collect();
        let target = target::between(&model.vae, &stems, spec.temperature, seed.child("latent"));
        Ok((target, wearers))
    }

    /// Between two categories: a draw of each, mixed in dB. The draws do not depend on the factor.
    fn hybrid(&self, spec: &GenerateSpec, seed: Seed) -> Result<(Target, Vec<Wearer>), Error> {
        let factor = spec.factor.unwrap_or(0.5);
        let (mut envelope, mut latent) = (vec![0.0_f32; self.grid.cells()], Vec::new());
        let mut wearers = Vec::new();
        for (model, weight) in self.models.iter().zip([1.0 - factor, factor]) {
            let seed = seed.child("latent").child(model.category.name());
            let drawn = target::random(&model.vae, spec.temperature, seed);
            let there = self.grid.convert(model.vae.grid(), &drawn.envelope);
            envelope.iter_mut().zip(&there).for_each(|(x, level)| *x += weight * level);
            wearers.push(self.wearer(model, model.nearest(&drawn.envelope)?.clone(), weight)?);
            latent.extend(drawn.latent);
        }
        // Two pitches would sound at once: the tonal one, of two the larger, lends all of its phases.
        let weight_of = |wearer: &Wearer| (wearer.reference.is_some(), wearer.weight);
        if wearers.iter().any(|wearer| wearer.reference.is_some()) {
            wearers.sort_by(|a, b| {
                let (a, b) = (weight_of(a), weight_of(b));
                b.0.cmp(&a.0).then(b.1.total_cmp(&a.1))
            });
            wearers.truncate(1);
            wearers[0].weight = 1.0;
        }
        Ok((Target { envelope, latent }, wearers))
    }

    fn wearer(&self, model: &Model, entry: Entry, weight: f32) -> Result<Wearer, Error> {
        let reference = model.reference();
        if reference.is_some_and(|note| !tuning::reaches(&entry, note)) {
            let text = format!("stem {} has no pitch near that of the others", entry.stem.id.0);
            return Err(Error::Invalid(text));
        }
        let sound = self.listen(&entry, reference)?;
        Ok(Wearer { entry, sound, weight, reference })
    }

    fn decoded(&self, entry: &Entry) -> Result<Clip, Error> {
        let path = self.engine.library().blobs().path(&entry.stem.hash);
        let decoded = decode_file(&path, &self.engine.config().limits);
        Ok(decoded.map_err(|source| Error::Decode { path, source })?.clip)
    }

    /// A stem, at that note where it has one.
    fn listen(&self, entry: &Entry, reference: Option<f64>) -> Result<Arc<Sound>, Error> {
        let hash = &entry.stem.hash;
        let known = || self.sounds.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sound) = known().get(hash) {
            return Ok(Arc::clone(sound));
        }
        let clip = self.decoded(entry)?;
        let clip = match reference.zip(entry.stem.facts.root) {
            Some((note, root)) => tuning::moved(&clip, root, note),
            None => clip,
        };
        let sound = Sound::new(&self.grid, clip)
            .map_err(|_| Error::Invalid(format!("stem {} is silent", entry.stem.id.0)))?;
        let sound = Arc::new(sound);
        let mut sounds = known();
        if sounds.len() >= KEPT {
            sounds.clear();
        }
        sounds.insert(hash.clone(), Arc::clone(&sound));
        Ok(sound)
    }
}

/// The category of a draft: that of the parent with the larger share.
pub(super) fn category_of(spec: &GenerateSpec, parents: &[(Category, f32)]) -> Category {
    let other =
        |(category, weight): &(Category, f32)| *weight > 0.5 && Some(*category) == spec.with;
    if parents.iter().any(other) { spec.with.unwrap_or(spec.category) } else { spec.category }
}

/// That nothing is left to wear what a model dreams.
pub(super) fn missing(category: Category) -> Error {
    Error::NotFound(format!(
        "stem in the library that the model of {category} learned from: train it again"
    ))
}

/// A draft before it is judged.
struct Draught {
    clip: Clip,
    strained: f32,
    exact: bool,
    seed: Seed,
    root: Option<f64>,
}

/// The tonic of a key in the octave nearest to a note, as MIDI numbers.
fn tonic_near(key: Key, note: f64) -> f64 {
    let tonic = f64::from(key.tonic.index());
    tonic + 12.0 * ((note - tonic) / 12.0).round()
}
