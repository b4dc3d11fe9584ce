//! What a recipe is rendered with: its seed, its note and the knobs that make a variation of it.

use dream_core::Seed;

use super::curve::{Drift, decay, exp2};
use super::noise::Rand;
use super::sound::Sound;

/// The context of one rendering.
#[derive(Debug, Clone)]
pub(crate) struct Patch {
    seed: Seed,
    /// Root as a MIDI note number; drums ignore it.
    pub note: f32,
    /// Chord tones in semitones above the root.
    pub chord: &'static [i8],
    knobs: Knobs,
}

/// Factors on the parameters of a recipe; all 1 in the recipe as written.
#[derive(Debug, Clone, Copy)]
struct Knobs {
    pitch: f32,
    time: f32,
    noise: f32,
    cutoff: f32,
    index: f32,
    detune: f32,
}

impl Knobs {
    const NEUTRAL: Self =
        Self { pitch: 1.0, time: 1.0, noise: 1.0, cutoff: 1.0, index: 1.0, detune: 1.0 };

    /// By a width of 1: pitch within 2 semitones, decays, cut-offs and noise within half an octave or 3 dB.
    fn turned(width: f32, mut rand: Rand) -> Self {
        let mut octaves = |spread: f32| exp2(width * spread * rand.normal().clamp(-1.7, 1.7));
        Self {
            pitch: octaves(0.1),
            time: octaves(0.3),
            noise: octaves(0.3),
            cutoff: octaves(0.3),
            index: octaves(0.3),
            detune: octaves(0.3),
        }
    }
}

impl Patch {
    /// The recipe as written.
    pub(crate) fn new(seed: Seed, note: u8, chord: &'static [i8]) -> Self {
        Self { seed, note: f32::from(note), chord, knobs: Knobs::NEUTRAL }
    }

    /// The recipe with its knobs turned at random; 0 leaves them as they are.
    pub(crate) fn turned(mut self, width: f32) -> Self {
        if width > 0.0 {
            self.knobs = Knobs::turned(width, self.rand("knobs"));
        }
        self
    }

    /// A generator for one purpose within the recipe.
    pub(crate) fn rand(&self, purpose: &str) -> Rand {
        Rand::new(self.seed.child(purpose))
    }

    /// A generator for one of several equal purposes.
    pub(crate) fn rand_at(&self, purpose: &str, index: usize) -> Rand {
        Rand::new(self.seed.child(purpose).index(index as u64))
    }

    /// White noise.
    pub(crate) fn white(&self, purpose: &str, seconds: f64) -> Sound {
        self.rand(purpose).white(seconds) * self.knobs.noise
    }

    /// Two independent white noises, left and right.
    pub(crate) fn wide_white(&self, purpose: &str, seconds: f64) -> Sound {
        let side = |index| self.rand_at(purpose, index).white(seconds);
        Sound::pair(side(0), side(1))
    }

    /// Two independent pink noises, left and right.
    pub(crate) fn wide_pink(&self, purpose: &str, seconds: f64) -> Sound {
        let side = |index| self.rand_at(purpose, index).pink(seconds);
        Sound::pair(side(0), side(1))
    }

    /// A slow random curve.
    pub(crate) fn drift(&self, purpose: &str, seconds: f64, rate: f64) -> Drift {
        Drift::new(self.rand(purpose), seconds, rate)
    }

    /// One of several slow random curves.
    pub(crate) fn drift_at(&self, purpose: &str, index: usize, seconds: f64, rate: f64) -> Drift {
        Drift::new(self.rand_at(purpose, index), seconds, rate)
    }

    /// A decay of the recipe: 60 dB in `t60` times the time knob.
    #[inline]
    pub(crate) fn decay(&self, t: f32, t60: f32) -> f32 {
        decay(t, t60 * self.knobs.time)
    }

    /// A length that makes room for the decays.
    pub(crate) fn length(&self, seconds: f64) -> f64 {
        seconds * f64::from(self.knobs.time.max(1.0))
    }

    /// The factor on decays that are not curves of their own.
    pub(crate) fn length_ratio(&self) -> f32 {
        self.knobs.time
    }

    /// A frequency of an unpitched recipe.
    pub(crate) fn tune(&self, hz: f32) -> f32 {
        hz * self.knobs.pitch
    }

    /// A cut-off.
    pub(crate) fn cut(&self, hz: f32) -> f32 {
        hz * self.knobs.cutoff
    }

    /// A modulation index.
    pub(crate) fn index(&self, radians: f32) -> f32 {
        radians * self.knobs.index
    }

    /// A detuning in semitones.
    pub(crate) fn detune(&self, semitones: f32) -> f32 {
        semitones * self.knobs.detune
    }

    /// The frequency of the note.
    pub(crate) fn hz(&self) -> f32 {
        midi_hz(self.note)
    }

    /// The frequencies of the chord, from its first tone on.
    pub(crate) fn chord_hz(&self) -> impl Iterator<Item = (usize, f32)> {
        self.chord.iter().map(|&tone| midi_hz(self.note + f32::from(tone))).enumerate()
    }

    /// A click: white noise between two corners with a short decay.
    pub(crate) fn click(&self, low: f64, high: f64, t60: f32) -> Sound {
        let seconds = (2.5 * f64::from(t60)).max(0.004);
        self.white("click", seconds).hp(2, low).lp(2, high).env(|t| decay(t, t60))
    }
}

/// The frequency of a MIDI note, A4 (69) = 440 Hz.
pub(crate) fn midi_hz(note: f32) -> f32 {
    (440.0 * ((f64::from(note) - 69.0) / 12.0).exp2()) as f32
}
