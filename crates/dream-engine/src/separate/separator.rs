//! What separates: a network with weights, or signal processing.

use std::path::Path;

use dream_analysis::onset::onsets;
use dream_analysis::tempo::tempo;
use dream_audio::unmix::{SOURCES, unmix};
use dream_audio::{Clip, resample};
use dream_core::{Bpm, Frames, Progress, SampleRate, Seed};
use dream_neural::Htdemucs;
use dream_neural::htdemucs::{self, Bag, Level, Track, separate_to};
use dream_neural::weights::Store;

use super::SeparateSpec;
use super::spool::Spool;
use crate::models::{self, BUILTIN};
use crate::{Engine, Error, VERSION};

/// The model that separates when none is named.
const DEFAULT: &str = "htdemucs";

/// Frames between the seams of what the builtin separates at once: 45 s at 44.1 kHz.
const STRETCH: u64 = 45 * 44_100;
/// Half of a fade from one stretch to the next.
const FADE: u64 = 44_100 / 2;
/// What a stretch hears of its surroundings beyond its fades.
const CONTEXT: u64 = 4 * 44_100;

pub(super) enum Separator {
    Htdemucs { name: String, bag: Bag, sha256: String },
    Builtin,
}

/// A recording on its way to the rate of a separator.
pub(super) enum Door {
    Network(htdemucs::Door),
    Library(Box<resample::Stream>),
}

impl Door {
    /// Takes the next piece; gives what is finished.
    pub(super) fn push(&mut self, piece: &Clip) -> Clip {
        match self {
            Self::Network(door) => door.push(piece),
            Self::Library(stream) => stream.push(piece),
        }
    }

    /// Gives the rest.
    pub(super) fn finish(&mut self) -> Clip {
        match self {
            Self::Network(door) => door.finish(),
            Self::Library(stream) => stream.finish(),
        }
    }
}

impl Separator {
    /// The separator that the specification asks for, and what is worth a warning in that.
    pub(super) fn choose(
        engine: &Engine,
        spec: &SeparateSpec,
    ) -> Result<(Self, Option<String>), Error> {
        let name = match spec.model.as_deref() {
            Some(BUILTIN) => return Ok((Self::Builtin, None)),
            name => name.unwrap_or(DEFAULT),
        };
        match Self::load(engine, name) {
            Err(Error::NotInstalled { .. }) if spec.model.is_none() || spec.allow_fallback => {
                let text = format!(
                    "{name} is not installed: separated by signal processing (builtin), which is rough; \
                     `dream models fetch {name}` installs it"
                );
                Ok((Self::Builtin, Some(text)))
            }
            loaded => Ok((loaded?, None)),
        }
    }

    /// The networks of an installed model.
    fn load(engine: &Engine, name: &str) -> Result<Self, Error> {
        let model = engine.model(name)?;
        if !model.installed {
            return Err(Error::NotInstalled { name: name.to_owned() });
        }
        let (mut networks, mut sha256) = (Vec::new(), Vec::new());
        for file in &model.files {
            let unusable = |source| Error::Weights { path: file.into(), source };
            let store = Store::open(Path::new(file)).map_err(unusable)?;
            networks.push(Htdemucs::new(&store).map_err(unusable)?);
            sha256.push(store.sha256().to_owned());
        }
        let sources = networks.first().map_or(0, |network| network.config().sources.len());
        let weights = models::bag_weights(name);
        let weights = weights.unwrap_or_else(|| vec![vec![1.0; sources]; networks.len()]);
        let bag = Bag::new(networks, weights).map_err(|source| {
            let path = engine.home().pretrained().join(name);
            Error::Weights { path, source }
        })?;
        Ok(Self::Htdemucs { name: name.to_owned(), bag, sha256: sha256.join("+") })
    }

    pub(super) fn name(&self) -> &str {
        match self {
            Self::Htdemucs { name, .. } => name,
            Self::Builtin => BUILTIN,
        }
    }

    pub(super) fn quality_tier(&self) -> &'static str {
        match self {
            Self::Htdemucs { .. } => "demucs",
            Self::Builtin => "dsp",
        }
    }

    pub(super) fn sources(&self) -> Vec<String> {
        match self {
            Self::Htdemucs { bag, .. } => bag.sources().to_vec(),
            Self::Builtin => SOURCES.map(str::to_owned).to_vec(),
        }
    }

    pub(super) fn sample_rate(&self) -> SampleRate {
        match self {
            Self::Htdemucs { bag, .. } => bag.sample_rate(),
            Self::Builtin => SampleRate::LIBRARY,
        }
    }

    /// What brings a recording to that rate: for a network as those were that it has learnt from.
    pub(super) fn door(&self, from: SampleRate, channels: usize) -> Door {
        let to = self.sample_rate();
        match self {
            Self::Htdemucs { .. } => Door::Network(htdemucs::Door::new(from, to, channels)),
            Self::Builtin => Door::Library(Box::new(resample::Stream::new(from, to, channels))),
        }
    }

    /// What made a stem, as it is kept with it.
    pub(super) fn described(&self, stem: &str) -> dream_core::Separator {
        let weights_sha256 = match self {
            Self::Htdemucs { sha256, .. } => Some(sha256.clone()),
            Self::Builtin => None,
        };
        dream_core::Separator {
            name: self.name().to_owned(),
            version: VERSION.to_owned(),
            quality_tier: self.quality_tier().to_owned(),
            weights_sha256,
            stem: stem.to_owned(),
        }
    }

    /// Separates the mixture from frame `from` on, where an earlier run ended a piece: `sink` gets a stereo clip per
    /// source, pieces in order and without gaps, the same ones wherever it goes on.
    pub(super) fn run(
        &self,
        mixture: &Spool,
        spec: &SeparateSpec,
        from: Frames,
        progress: &Progress,
        mut sink: impl FnMut(&[Clip]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        match self {
            Self::Htdemucs { bag, .. } => {
                let mut level = Level::default();
                mixture.each(|piece| {
                    level.add(piece);
                    Ok(progress.check()?)
                })?;
                let next = |start, frames| mixture.read(start, frames);
                let spec = htdemucs::Spec {
                    shifts: spec.shifts,
                    overlap: spec.overlap,
                    seed: Seed(0).child("separate"),
                };
                let track = Track { level, from, next };
                separate_to(bag, track, &spec, progress, |_, pieces| sink(pieces))
            }
            Self::Builtin => stretches(mixture, from, progress, sink),
        }
    }
}

/// The builtin over a whole track: stretches that hear their surroundings, faded one into the next. A piece ends where a
/// fade begins.
fn stretches(
    mixture: &Spool,
    from: Frames,
    progress: &Progress,
    mut sink: impl FnMut(&[Clip]) -> Result<(), Error>,
) -> Result<(), Error> {
    let frames = mixture.frames().0;
    let total = frames.saturating_sub(2 * FADE).div_ceil(STRETCH).max(1);
    // Piece `k` is made of the stretch of that number and the fade out of the one before.
    let start = |k: u64| (k * STRETCH).saturating_sub(FADE);
    let first = if from.0 == 0 { 0 } else { (from.0 + FADE) / STRETCH };
    let mut tail: Option<[Clip; 4]> = None;
    for k in first.saturating_sub(u64::from(first > 0))..total {
        progress.step(k, total, "stretch")?;
        let (begin, last) = (start(k), k + 1 == total);
        let end = if last { frames } else { start(k + 1) + 2 * FADE };
        let before = begin.min(CONTEXT);
        let heard =
            mixture.read(Frames(begin - before), Frames(end + CONTEXT - (begin - before)))?;
        let stems = unmix(&heard, bpm(&heard));
        progress.check()?;
        let mut stems = stems.map(|stem| stem.slice(Frames(before), Frames(before + end - begin)));
        if let Some(tail) = &tail {
            stems.iter_mut().zip(tail).for_each(|(stem, tail)| fade(tail, stem));
        }
        let body = if last { end - begin } else { start(k + 1) - begin };
        if k >= first {
            sink(&stems.each_ref().map(|stem| stem.slice(Frames(0), Frames(body))))?;
        }
        tail = Some(stems.map(|stem| stem.slice(Frames(body), Frames(u64::MAX))));
    }
    Ok(progress.step(total, total, "stretch")?)
}

fn bpm(clip: &Clip) -> Option<Bpm> {
    let mono = clip.to_mono();
    tempo(&onsets(&mono), clip.seconds(), None).bpm
}

/// Fades from `out` into the beginning of `into`, linearly, since both hold the same sound.
fn fade(out: &Clip, into: &mut Clip) {
    let frames = out.len().min(into.len());
    for c in 0..into.channels() {
        let to = into.channel_mut(c)[..frames].iter_mut();
        for (i, (x, old)) in to.zip(out.channel(c)).enumerate() {
            let share = (i as f32 + 0.5) / frames as f32;
            *x = old + share * (*x - old);
        }
    }
}
