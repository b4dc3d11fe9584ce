//! Stems: what they are, where they are from, what is known of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Bpm, Key, Profile};

macro_rules! names {
    ($type:ident, $($variant:ident => $name:literal),+ $(,)?) => {
        impl $type {
            /// Every value, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The name used in files, in the library and by the interfaces.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

/// The role of a stem's sound; `Other` where nothing is known.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum Category {
    Kick,
    Snare,
    Clap,
    Hihat,
    Percussion,
    Drums,
    Bass,
    Synth,
    Lead,
    Pad,
    Guitar,
    Piano,
    Vocals,
    Atmo,
    Fx,
    #[default]
    Other,
}

names!(Category,
    Kick => "kick", Snare => "snare", Clap => "clap", Hihat => "hihat",
    Percussion => "percussion", Drums => "drums", Bass => "bass", Synth => "synth",
    Lead => "lead", Pad => "pad", Guitar => "guitar", Piano => "piano", Vocals => "vocals",
    Atmo => "atmo", Fx => "fx", Other => "other",
);

impl Category {
    /// The category of that name or of one of its synonyms (`hat`, `perc`, `vox`, `strings` ...), singular
    /// or plural, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        let lower = text.trim().to_lowercase();
        Self::exactly(&lower).or_else(|| Self::exactly(lower.strip_suffix('s')?))
    }

    fn exactly(word: &str) -> Option<Self> {
        if let Some(category) = Self::ALL.iter().find(|category| category.name() == word) {
            return Some(*category);
        }
        Some(match word {
            "hat" | "hi-hat" => Self::Hihat,
            "perc" | "shaker" | "ride" | "crash" | "cymbal" | "tom" | "clave" => Self::Percussion,
            "loop" | "break" | "drumloop" | "drum" => Self::Drums,
            "vox" | "vocal" => Self::Vocals,
            "keys" | "rhodes" => Self::Piano,
            "strings" => Self::Pad,
            "stab" | "pluck" | "chord" | "arp" => Self::Synth,
            "drone" | "texture" | "ambience" | "atmosphere" => Self::Atmo,
            "noise" | "riser" | "impact" | "sweep" => Self::Fx,
            _ => return None,
        })
    }

    /// Whether it is a drum or drums.
    pub fn is_drum(self) -> bool {
        match self {
            Self::Kick
            | Self::Snare
            | Self::Clap
            | Self::Hihat
            | Self::Percussion
            | Self::Drums => true,
            Self::Bass
            | Self::Synth
            | Self::Lead
            | Self::Pad
            | Self::Guitar
            | Self::Piano
            | Self::Vocals
            | Self::Atmo
            | Self::Fx
            | Self::Other => false,
        }
    }

    /// Whether the sound's pitch matters to its place in a track.
    pub fn is_tonal(self) -> bool {
        match self {
            Self::Bass
            | Self::Synth
            | Self::Lead
            | Self::Pad
            | Self::Guitar
            | Self::Piano
            | Self::Vocals
            | Self::Atmo => true,
            Self::Kick
            | Self::Snare
            | Self::Clap
            | Self::Hihat
            | Self::Percussion
            | Self::Drums
            | Self::Fx
            | Self::Other => false,
        }
    }
}

/// What a part does in an arrangement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum Role {
    Kick,
    Snare,
    Clap,
    Hat,
    OpenHat,
    Ride,
    Shaker,
    Perc,
    Tom,
    Break,
    Bass,
    Sub,
    Stab,
    Chords,
    Arp,
    Lead,
    Pad,
    Drone,
    Noise,
    Riser,
    Downlifter,
    Impact,
    Crash,
    Reverse,
    Vocal,
}

names!(Role,
    Kick => "kick", Snare => "snare", Clap => "clap", Hat => "hat", OpenHat => "open_hat",
    Ride => "ride", Shaker => "shaker", Perc => "perc", Tom => "tom", Break => "break",
    Bass => "bass", Sub => "sub", Stab => "stab", Chords => "chords", Arp => "arp",
    Lead => "lead", Pad => "pad", Drone => "drone", Noise => "noise", Riser => "riser",
    Downlifter => "downlifter", Impact => "impact", Crash => "crash", Reverse => "reverse",
    Vocal => "vocal",
);

impl Role {
    /// The categories whose stems can play this role, the most fitting first.
    pub fn categories(self) -> &'static [Category] {
        match self {
            Self::Kick => &[Category::Kick],
            Self::Snare => &[Category::Snare, Category::Clap],
            Self::Clap => &[Category::Clap, Category::Snare],
            Self::Hat | Self::OpenHat => &[Category::Hihat],
            Self::Ride | Self::Shaker => &[Category::Percussion, Category::Hihat],
            Self::Perc | Self::Tom => &[Category::Percussion],
            Self::Break => &[Category::Drums],
            Self::Bass | Self::Sub => &[Category::Bass],
            Self::Stab | Self::Chords | Self::Arp => {
                &[Category::Synth, Category::Lead, Category::Piano, Category::Guitar]
            }
            Self::Lead => &[Category::Lead, Category::Synth],
            Self::Pad => &[Category::Pad, Category::Atmo, Category::Synth],
            Self::Drone => &[Category::Atmo, Category::Pad, Category::Fx],
            Self::Noise => &[Category::Atmo, Category::Fx],
            Self::Riser | Self::Downlifter | Self::Impact | Self::Reverse => &[Category::Fx],
            Self::Crash => &[Category::Percussion, Category::Fx, Category::Hihat],
            Self::Vocal => &[Category::Vocals],
        }
    }
}

/// Where a stem is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Ingested as it is, or part of the starter kit.
    Original,
    /// Separated from a recording.
    Separated,
    /// Dreamed by a trained model.
    Generated,
}

names!(Source, Original => "original", Separated => "separated", Generated => "generated");

impl Source {
    /// The source of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|source| source.name() == name)
    }
}

/// How a stem is laid out in time; free where nothing is known.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// One hit or one note.
    OneShot,
    /// Whole bars that repeat without a seam.
    Loop,
    /// Neither: a texture, a phrase, a whole recording.
    #[default]
    Free,
}

names!(Form, OneShot => "one_shot", Loop => "loop", Free => "free");

/// Something wrong with a stem's sound; `dream_analysis::quality` says how each is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Defect {
    /// Tops cut flat with sharp corners.
    Clipping,
    /// The waveform between the samples rises above the ceiling that the samples keep.
    IntersampleClipping,
    /// Loud tops rounded by saturation, while quiet ones are not.
    SoftClipping,
    /// Nothing there, or mostly silence.
    Silence,
    /// A constant offset.
    Dc,
    /// Tones of the mains, 50 or 60 Hz and multiples, that never stop.
    Hum,
    /// Impulses of a few samples that belong to no hit.
    Clicks,
    /// A steady noise in the pauses.
    Noise,
    /// It begins in the middle of the sound.
    TruncatedStart,
    /// It stops before the sound has died away.
    TruncatedEnd,
    /// A steep edge in the spectrum above which nothing is left: a lossy codec or a low sample rate.
    BandLimited,
    /// Two channels that hold one.
    DualMono,
    /// One channel is upside down: the sound cancels in mono.
    PhaseInverted,
    /// NaN or infinite samples, which were zeroed.
    NonFinite,
    /// Under 10 ms.
    TooShort,
    /// The file ended before its header said, or part of it could not be decoded.
    Incomplete,
}

names!(Defect,
    Clipping => "clipping", IntersampleClipping => "intersample_clipping",
    SoftClipping => "soft_clipping", Silence => "silence", Dc => "dc", Hum => "hum",
    Clicks => "clicks", Noise => "noise", TruncatedStart => "truncated_start",
    TruncatedEnd => "truncated_end", BandLimited => "band_limited", DualMono => "dual_mono",
    PhaseInverted => "phase_inverted", NonFinite => "non_finite", TooShort => "too_short",
    Incomplete => "incomplete",
);

/// What analysis found. An absent fact is `None`, never a guess; confidences are 0 to 1. The default knows nothing.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Facts {
    /// Length in seconds.
    pub duration_s: f64,
    /// One-shot, loop or free.
    pub form: Form,
    /// How sure that is.
    #[serde(default)]
    pub form_confidence: f32,
    /// The category the content (and, if allowed, the name) speaks for.
    pub category: Category,
    /// How sure that is.
    pub category_confidence: f32,
    /// Tempo, for material with a pulse.
    pub bpm: Option<Bpm>,
    /// How sure that is.
    pub bpm_confidence: f32,
    /// Tempo candidates with weights, the best first.
    pub bpm_candidates: Vec<(f64, f32)>,
    /// Whether the tempo drifts or breathes by more than about 3 %, told of clips of 8 s and more; `bpm` is then its median and the
    /// beats follow.
    #[serde(default)]
    pub bpm_varies: bool,
    /// Beat times in seconds.
    pub beats_s: Vec<f64>,
    /// Times of the first beats of bars in seconds.
    pub downbeats_s: Vec<f64>,
    /// Whole bars, for loops.
    pub bars: Option<u32>,
    /// Where a loop begins and ends, in seconds, so that it repeats on the grid and without a click.
    #[serde(default)]
    pub loop_points_s: Option<(f64, f64)>,
    /// Key, for tonal material.
    pub key: Option<Key>,
    /// How sure that is.
    pub key_confidence: f32,
    /// Key candidates with weights, the best first.
    pub key_candidates: Vec<(Key, f32)>,
    /// How far the tuning lies above equal temperament at 440 Hz, in cents, -50 to 50; for tonal material.
    #[serde(default)]
    pub tuning_cents: Option<f32>,
    /// Fundamental of a tonal one-shot as a MIDI note number with cents as its fraction; of a chord, that of its lowest root.
    pub root: Option<f64>,
    /// How sure that is.
    #[serde(default)]
    pub root_confidence: f32,
    /// The drum voices that sound in a loop or a recording (`kick`, `snare`, `hihat`), each with how sure that is.
    #[serde(default)]
    pub drum_voices: BTreeMap<String, f32>,
    /// Integrated loudness by EBU R128; `None` for silence.
    pub loudness_lufs: Option<f64>,
    /// True peak in dBTP by ITU-R BS.1770-4, not below -120.
    pub true_peak_dbtp: f64,
    /// Technical quality, 0 to 1.
    pub quality: f32,
    /// The parts of the quality, each 0 to 1.
    pub quality_parts: BTreeMap<String, f32>,
    /// What is wrong with it.
    pub defects: Vec<Defect>,
    /// Words that describe it: `dark`, `distorted`, `open` ...
    pub tags: Vec<String>,
    /// For each tag that rests on a measure, where that measure lies among the sounds of the category, 0 to 1.
    #[serde(default)]
    pub tag_percentiles: BTreeMap<String, f32>,
    /// Named measures of its timbre; units are those of `dream_analysis::descriptors`.
    pub attributes: BTreeMap<String, f32>,
    /// Measures of the spiking-neuron model.
    pub neuromorphic: BTreeMap<String, f32>,
    /// What it is beside other stems; absent of stems that came in before it was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profile>,
}

/// What made a stem. Kept as data: the fields that do not apply are absent.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Provenance {
    /// The file it came from, as given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Codec and container of that file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// The recipe of a synthesised stem.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipe: Option<String>,
    /// The recording that a separated stem is a part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Parent>,
    /// What separated it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub separator: Option<Separator>,
    /// What dreamed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator: Option<Generator>,
    /// What was lost or replaced on the way in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// How a stem was dreamed: enough to do it again.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Generator {
    /// How its place in the latent space was found: `random`, `interpolated`, `hybrid`, `like`.
    pub mode: String,
    /// Where its phases come from: `morph` of the parents, or `phase` where no audio of theirs was used.
    pub synthesis: String,
    /// SHA-256 of the model's file; of a hybrid those of both, joined by `+`.
    pub model_sha256: String,
    /// The stems whose audio it wears, or, without a morph, whose places it was drawn between.
    pub parents: Vec<Ancestor>,
    /// Its place in the latent space of the model; of a hybrid both places, one after the other.
    pub latent: Vec<f32>,
    /// The seed of this stem.
    pub seed: u64,
    /// How far it lies from the nearest stem that the model learned from, in units of how far those lie from each other.
    pub novelty: f32,
    /// Share of its audible cells for which the parents had to be amplified by more than 24 dB, 0 to 1.
    pub strained: f32,
}

/// A stem that another was made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ancestor {
    /// Its number in the library at that time.
    pub stem: StemId,
    /// The hash of its audio.
    pub hash: String,
    /// Its share, 0 to 1.
    pub weight: f32,
}

/// A recording, and the place in it where a stem begins.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Parent {
    /// Its file, as given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// BLAKE3 of the bytes of that file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Its number, where it is a stem of this library.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stem: Option<StemId>,
    /// Its number, where it is a take of this library.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub take: Option<i64>,
    /// Where the stem begins in it, in seconds.
    pub start_s: f64,
}

/// What separated a stem from a recording, and how well such a thing does.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Separator {
    /// The model.
    pub name: String,
    /// The version of the program that applied it.
    pub version: String,
    /// How good its stems are: `demucs`, or `dsp` for rough ones.
    pub quality_tier: String,
    /// SHA-256 of its weights, those of several networks joined by `+`; absent of what has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights_sha256: Option<String>,
    /// What it calls this stem.
    pub stem: String,
}

/// The number of a stem in its library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StemId(pub i64);

/// A catalogued stem.
#[derive(Debug, Clone, PartialEq)]
pub struct Stem {
    /// Its number in this library.
    pub id: StemId,
    /// BLAKE3 of its audio, lower-case hex: its identity across libraries and the name of its blob.
    pub hash: String,
    /// File name or recipe name.
    pub name: String,
    /// The category in use: `facts.category` unless somebody set another.
    pub category: Category,
    /// Where it is from.
    pub source: Source,
    /// The kit (folder) it belongs to.
    pub kit: Option<String>,
    /// SPDX licence expression.
    pub licence: Option<String>,
    /// Channels of the stored audio, 1 or 2.
    pub channels: u32,
    /// Tags in use: those of the facts and those somebody added.
    pub tags: Vec<String>,
    /// What analysis found.
    pub facts: Facts,
    /// What made it.
    pub provenance: Provenance,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn synonyms_lead_to_the_category() {
        for (word, category) in [
            ("Hi-Hat", Category::Hihat),
            ("hats", Category::Hihat),
            ("Kicks", Category::Kick),
            ("tom", Category::Percussion),
            ("drumloop", Category::Drums),
            ("VOX", Category::Vocals),
            ("strings", Category::Pad),
            ("keys", Category::Piano),
            ("texture", Category::Atmo),
            ("riser", Category::Fx),
        ] {
            assert_eq!(Category::parse(word), Some(category), "{word}");
        }
        assert_eq!(Category::parse("wibble"), None);
    }

    #[test]
    fn serde_writes_the_names() {
        for category in Category::ALL {
            assert_eq!(serde_json::to_value(category).unwrap(), category.name());
        }
        for role in Role::ALL {
            assert_eq!(serde_json::to_value(role).unwrap(), role.name());
        }
    }
}
