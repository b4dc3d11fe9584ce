//! What holds for the whole track: tempo, key, scale, swing, moods.

use dream_core::{Bpm, Key, Mode, PitchClass, Role, Seed};

use super::draw;
use super::form::Sized;
use crate::Prompt;
use crate::genre::{self, Genre};
use crate::pattern::{Ladder, Scale};
use crate::prompt::{Mood, mood};

/// The decisions that precede the form.
pub(super) struct Setting<'a> {
    pub genre: &'a Genre,
    pub prompt: &'a Prompt,
    pub moods: Vec<&'static Mood>,
    pub bpm: Bpm,
    /// `None` for atonal music.
    pub key: Option<Key>,
    /// Tonic and scale; what atonal music moves around, too.
    pub ladder: Ladder,
    pub swing: f64,
    /// Bars after which something changes.
    pub phrase: u32,
    pub seed: Seed,
}

impl<'a> Setting<'a> {
    pub(super) fn new(prompt: &'a Prompt, seed: Seed) -> Self {
        let genre: &Genre = &prompt.genre;
        let seed = seed.child("plan").child(&genre.name);
        let moods: Vec<&Mood> = prompt.moods.iter().filter_map(|name| mood(name)).collect();
        let scale = scale(prompt, &moods, seed.child("scale"));
        let tonic = prompt.key.map_or_else(|| tonic(seed.child("tonic")), |key| key.tonic);
        let swing = genre.swing[2] + moods.iter().map(|mood| mood.swing).sum::<f64>();
        let slow = moods.iter().any(|mood| mood.slow);
        Self {
            genre,
            prompt,
            bpm: tempo(prompt, &moods),
            key: (!prompt.atonal).then_some(Key { tonic, mode: scale.mode() }),
            ladder: Ladder { tonic, scale },
            swing: swing.clamp(50.0, (genre.swing[1] + 2.0).min(75.0)),
            phrase: if slow { 16 } else { genre.phrase_bars },
            moods,
            seed,
        }
    }

    /// Mean energy of a section, moved a little by the prompt's intensity.
    pub(super) fn energy(&self, part: &Sized<'_>) -> f64 {
        self.shifted(f64::midpoint(part.energy[0], part.energy[1]))
    }

    /// Energy at a bar of a section.
    pub(super) fn energy_at(&self, part: &Sized<'_>, bar: u32) -> f64 {
        self.shifted(part.energy_at(bar))
    }

    /// The energy that the prompt's intensity moves to this one, as far as it is not at an end.
    pub(super) fn unshifted(&self, energy: f64) -> f64 {
        (energy - self.shift()).clamp(0.0, 1.0)
    }

    fn shift(&self) -> f64 {
        let intensity = if self.prompt.intensity.is_finite() { self.prompt.intensity } else { 0.5 };
        0.2 * (intensity.clamp(0.0, 1.0) - 0.5)
    }

    fn shifted(&self, energy: f64) -> f64 {
        let shifted = energy + self.shift();
        (shifted.clamp(0.0, 1.0) * 1_000.0).round() / 1_000.0
    }

    /// Whether something new comes every 4 bars anyway, fills or lanes.
    pub(super) fn is_restless(&self) -> bool {
        self.genre.fill_bars == 4 || self.genre.unit_bars == 4
    }

    /// Whether the prompt wants no such part.
    pub(super) fn is_unwanted(&self, role: Role) -> bool {
        self.prompt.unwanted.contains(&role)
    }
}

fn tempo(prompt: &Prompt, moods: &[&Mood]) -> Bpm {
    if let Some(bpm) = prompt.bpm {
        return bpm;
    }
    let [low, high, usual] = prompt.genre.bpm;
    let delta: f64 = moods.iter().map(|mood| mood.bpm).sum();
    let bpm = (usual + delta).clamp(low, high);
    Bpm::new(bpm).unwrap_or_else(|_| Bpm::new(usual).expect("the genre data are checked"))
}

/// The prompt's scale, else one of the genre's with the third of the prompt's key, else one that fits the
/// moods, else one of the genre's, the first ones most often.
fn scale(prompt: &Prompt, moods: &[&Mood], seed: Seed) -> Scale {
    if let Some(scale) = prompt.scale {
        return scale;
    }
    let fits = |scale: &Scale| prompt.key.is_none_or(|key| key.mode == scale.mode());
    let usual: Vec<Scale> = prompt.genre.scales.iter().copied().filter(fits).collect();
    let mut moody = moods.iter().flat_map(|mood| &mood.scales).copied().filter(fits);
    if let Some(scale) = moody.clone().find(|scale| usual.contains(scale)).or_else(|| moody.next())
    {
        return scale;
    }
    // Each scale is drawn half as often as the one before it.
    let weights = std::iter::successors(Some(1.0), |weight| Some(weight / 2.0));
    let drawn = draw::weighted(seed, usual.iter().zip(weights), |(_, weight)| *weight);
    drawn.map_or_else(
        || match prompt.key.map(|key| key.mode) {
            Some(Mode::Major) => Scale::Major,
            Some(Mode::Minor) | None => Scale::Aeolian,
        },
        |(scale, _)| *scale,
    )
}

fn tonic(seed: Seed) -> PitchClass {
    let weights = genre::core().tonics;
    let drawn = draw::weighted(seed, 0..12, |pitch: &i32| weights[*pitch as usize]);
    PitchClass::of(drawn.unwrap_or(9))
}
