//! Listening: facts from a clip.
//!
//! `analyse` is the whole; each fact has its module and its function. In: a clip at 44.1 kHz, mono or stereo,
//! finite, any length. Out: `Facts`; what is not there is `None` or confidence 0, never a guess.
//! Memory: some thirty floats per 11.6 ms beside a mono copy of the clip; no spectrogram is kept.

pub mod attributes;
mod beats;
pub mod category;
pub mod descriptors;
pub mod fingerprint;
mod form;
pub mod key;
mod names;
pub mod onset;
pub mod pitch;
pub mod plot;
mod profile;
pub mod quality;
#[cfg(test)]
mod signals;
mod spectrum;
pub mod spiking;
mod tags;
pub mod tempo;
mod timbre;
pub mod voices;

use std::collections::BTreeMap;

use dream_audio::{Clip, loudness};
use dream_core::{Bpm, Category, Facts, Form, Key, Profile, SampleRate};

use crate::attributes::COUNT;
use crate::category::picture::Picture;
use crate::key::{Chord, Tonal};
use crate::onset::Onsets;
use crate::pitch::{Pitch, Root};
use crate::tempo::Tempo;

/// What is known beside the sound.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Hints {
    /// The relative path of the file with its folders: a strong hint for the category, and for the octave of a
    /// tempo that the sound has. `None`: judge by the sound alone.
    pub name: Option<String>,
    /// Certain facts; they are taken over with confidence 1.
    pub known: Known,
}

/// Certain facts of a sound, such as the recipe's of a synthesised one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Known {
    /// The category.
    pub category: Option<Category>,
    /// The form.
    pub form: Option<Form>,
    /// The tempo; beats are counted from the start.
    pub bpm: Option<Bpm>,
    /// Whole bars.
    pub bars: Option<u32>,
    /// The key.
    pub key: Option<Key>,
    /// The fundamental as a MIDI note number with cents as its fraction.
    pub root: Option<f64>,
    /// Tags to add.
    pub tags: Vec<String>,
}

/// Everything that was heard of a clip, before it is judged.
pub(crate) struct Heard {
    mono: Vec<f32>,
    pub(crate) duration_s: f64,
    pub(crate) picture: Picture,
    pub(crate) onsets: Onsets,
    pub(crate) tempo: Tempo,
    pub(crate) tonal: Tonal,
    pub(crate) pitch: Pitch,
    pub(crate) note: Option<Root>,
    pub(crate) form: Form,
    pub(crate) form_confidence: f32,
    pub(crate) attributes: [f32; COUNT],
    pub(crate) bark: [f32; Profile::BARK],
}

fn listen(clip: &Clip, named_bpm: Option<f64>) -> Heard {
    let duration_s = clip.seconds();
    let mono = without_dc(clip);
    let timbre = timbre::measure(clip, &mono);
    let onsets = onset::onsets(&mono);
    let tempo = tempo::tempo(&onsets, duration_s, named_bpm);
    let tonal = key::key(&mono);
    let pitch = pitch::pitch(&mono);
    let note = pitch::root(&mono, &pitch);
    let (form, form_confidence) = form::form(&onsets, &tempo, &timbre, duration_s);
    let attributes = attributes::values(&timbre, &onsets, &tonal, &tempo, duration_s);
    let picture = category::picture::picture(&mono);
    Heard {
        mono,
        duration_s,
        picture,
        onsets,
        tempo,
        tonal,
        pitch,
        note,
        form,
        form_confidence,
        attributes,
        bark: timbre.bark,
    }
}

/// The features of the category classifier for a clip.
pub fn category_features(clip: &Clip) -> [f32; category::FEATURES] {
    category::features(&without_dc(clip))
}

/// What the hidden units of the category classifier's networks say of a clip, `[3 * 256]`; all zero for silence.
pub fn category_units(clip: &Clip) -> Vec<f32> {
    let mono = without_dc(clip);
    category::units(&mono, &category::picture::picture(&mono))
}

/// How probable every category is by the sound alone, in the order of `Category::ALL`; all zero for silence.
pub fn category_probabilities(clip: &Clip) -> Vec<f32> {
    let mono = without_dc(clip);
    category::heard(&mono, &category::picture::picture(&mono))
}

/// The mean of the channels without its mean from where the sound begins to where it ends.
///
/// Silence around it has no DC: less the mean it would be a step, which is an attack.
fn without_dc(clip: &Clip) -> Vec<f32> {
    let mut mono = clip.to_mono();
    let range = spectrum::sounding(&mono);
    let sound = &mut mono[range];
    let mean = sound.iter().map(|x| f64::from(*x)).sum::<f64>() / sound.len().max(1) as f64;
    for x in sound {
        *x -= mean as f32;
    }
    mono
}

/// The facts of a clip. The loudness of clips under 400 ms is that of their loudest 400 ms, followed by silence.
///
/// What does not change the sound changes no fact: 12 dB more or less, the other polarity, swapped channels, a file of
/// another rate, three samples more or less at the start. Words and whole numbers stay the same; the numbers within:
///
/// | facts | tolerance |
/// |---|---|
/// | `bpm` | 0.05 % |
/// | `beats_s`, `downbeats_s` | 5 ms; those within 5 ms of an end may come and go |
/// | `loop_points_s` | 1 ms |
/// | `root` | 5 cents |
/// | `tuning_cents` | 2 cents |
/// | `loudness_lufs`, less the gain | 0.1 LU; below -20 LUFS 0.5 LU, and 3 LU for a one-shot: a part may cross a gate of BS.1770 |
/// | `true_peak_dbtp`, less the gain | 0.2 dB |
/// | `quality` and its parts | 0.05 |
/// | confidences | 0.05; that of the category and `drum_voices` 0.1: whether a faint note is heard is decided hop by hop |
/// | `tags` | those within 0.03 of their percentile may come and go |
/// | `attributes` | a tenth of their standard deviation in the category |
/// | `duration_s` | 1 ms |
/// | `profile` | shares 0.05; `swing` 1 %, `late_ms` 3 ms, `tight` 0.1 |
/// | `neuromorphic` | 5 % + 0.02; `onset_rate` 0.2 per second, `isi_cv`, `pulse_clarity`, `vs_beat`, `vs_16th` 0.1 |
///
/// What is given from a least confidence on may come and go near it: a tempo and what follows from it up to 0.35, a key up to
/// 0.4, a root up to 0.9 (a chord's) and 0.6 (a note's). Of two categories nearly as probable, below 0.5 either may be told, with its
/// tags. Three parts of the quality are about single samples, and go as far as their weights: `truncated_start` and
/// `truncated_end`, since three samples less are another cut and the filter of another rate blurs the first and the last
/// sample; and `intersample_clipping`, since another rate has other samples. What lies above 19.5 kHz is lost in a file of
/// another rate, and a hat that lives there is another sound.
///
/// # Panics
/// If the clip is not at 44.1 kHz.
pub fn analyse(clip: &Clip, hints: &Hints) -> Facts {
    assert_eq!(clip.rate(), SampleRate::LIBRARY, "analysis works at the library's rate");
    let name = hints.name.as_deref();
    let known = &hints.known;
    let heard = listen(clip, name.and_then(names::bpm));
    let form = known.form.unwrap_or(heard.form);
    let tempo = match (known.bpm, form) {
        (Some(bpm), _) => tempo::known(bpm, known.bars, heard.duration_s),
        (None, Form::OneShot) => Tempo::default(),
        (None, Form::Loop | Form::Free) => heard.tempo.clone(),
    };
    let (category, category_confidence) = match known.category {
        Some(category) => (category, 1.0),
        None => category::category(&heard.mono, &heard.picture, name),
    };
    let note = heard_note(&heard, category, category_confidence, form);
    // A drum with a pitch is a lone note, too, though not one to transpose.
    let lone = note.is_some() || (category.is_drum() && heard.note.is_some());
    let (key, key_confidence) = match known.key {
        Some(key) => (Some(key), 1.0),
        None => match heard_key(&heard, category, category_confidence, lone) {
            Some(key) => (Some(key), heard.tonal.confidence),
            None => (None, 0.0),
        },
    };
    let span = tempo.span.filter(|_| form == Form::Loop);
    let loop_points_s = span.map(|span| tempo::seam::points(&heard.mono, span));
    let bars = known.bars.or(tempo.bars);
    let profile = profile::profile(&heard, loop_points_s.zip(bars));
    let chord = heard_chord(&heard, category, category_confidence, form)
        .filter(|_| !lone && known.root.is_none());
    let (root, root_confidence) = match (known.root, note, chord) {
        (Some(root), ..) => (Some(root), 1.0),
        (None, Some(note), _) => (Some(note.midi), note.confidence),
        (None, None, Some(chord)) => (Some(chord.root), chord.confidence),
        (None, None, None) => (None, 0.0),
    };
    let loudness = loudness::measure(clip);
    let quality = quality::quality(clip, form);
    let mut words = known.tags.clone();
    // A bass of several partials may need the chord's ear for its root, and is a note for all that.
    let several = chord.is_some() && category != Category::Bass;
    if several && !words.iter().any(|word| word == CHORD) {
        words.push(CHORD.to_owned());
    }
    let (tags, tag_percentiles) = tags::tags(category, form, &heard.attributes, &words);
    let neuromorphic = spiking::spiking(&heard.mono, tempo.bpm);
    Facts {
        duration_s: heard.duration_s,
        form,
        form_confidence: if known.form.is_some() { 1.0 } else { heard.form_confidence },
        category,
        category_confidence,
        bpm: tempo.bpm,
        bpm_confidence: tempo.confidence,
        bpm_candidates: tempo.candidates,
        bpm_varies: tempo.varies,
        beats_s: tempo.beats_s,
        downbeats_s: tempo.downbeats_s,
        bars,
        loop_points_s,
        key,
        key_confidence,
        key_candidates: heard.tonal.candidates.clone(),
        tuning_cents: heard.tonal.tuning_cents,
        root,
        root_confidence,
        drum_voices: drum_voices(&heard, category, form),
        loudness_lufs: loudness.level().map(|lufs| lufs.0),
        true_peak_dbtp: loudness.true_peak_dbtp,
        quality: quality.score,
        quality_parts: quality.parts,
        defects: quality.defects,
        tags,
        tag_percentiles,
        attributes: attributes::named(&heard.attributes),
        neuromorphic,
        profile: Some(profile),
    }
}

/// Least confidence of a key and of a root.
const KEY_MIN: f32 = 0.3;
const ROOT_MIN: f32 = 0.5;
/// A key by so much surer than the note is of several notes.
const KEY_OVER_NOTE: f32 = 0.2;
/// Least confidence of the key of what are certainly drums; between the two, the less certain they are.
const KEY_OF_DRUMS_MIN: f32 = 0.7;

/// Least confidence of the root of a chord, and the tag of what has one.
const CHORD_MIN: f32 = 0.8;
const CHORD: &str = "chord";

/// The drum voices of a loop or a recording of drums, or of a mixture.
fn drum_voices(heard: &Heard, category: Category, form: Form) -> BTreeMap<String, f32> {
    let drums = category.is_drum() || category == Category::Other;
    if drums && form != Form::OneShot { voices::voices(&heard.mono) } else { BTreeMap::new() }
}

/// The key that was heard; a lone note has a root instead.
fn heard_key(heard: &Heard, category: Category, certain: f32, lone: bool) -> Option<Key> {
    let drums = if category.is_drum() { certain } else { 0.0 };
    let least = KEY_MIN + (KEY_OF_DRUMS_MIN - KEY_MIN) * drums;
    heard.tonal.key.filter(|_| !lone && heard.tonal.confidence >= least)
}

/// The chord of a one-shot that is one.
fn heard_chord(heard: &Heard, category: Category, certain: f32, form: Form) -> Option<Chord> {
    let drum = if category.is_drum() { certain } else { 0.0 };
    heard
        .tonal
        .chord
        .map(|chord| Chord { confidence: chord.confidence * (1.0 - drum), ..chord })
        .filter(|chord| form == Form::OneShot && chord.confidence >= CHORD_MIN)
}

/// The note of a clip that is one: its sound must speak for it, and not far more for a key; and it must not be a drum.
fn heard_note(heard: &Heard, category: Category, certain: f32, form: Form) -> Option<Root> {
    // A kick glides: what stays where it is is a bass note.
    let still = heard.pitch.spread < 0.015 && category == Category::Kick;
    let drum = if category.is_drum() && !still { certain } else { 0.0 };
    // Two detuned voices beat, which sounds like onsets; many onsets without one pitch are a line or a rhythm.
    let lone = match form {
        Form::OneShot => true,
        // Only the beginning is listened to for a pitch: what goes on for long may change.
        Form::Free => {
            heard.duration_s < 4.0 && (form::rivals(&heard.onsets) < 2 || heard.pitch.spread < 0.2)
        }
        Form::Loop => false,
    };
    heard
        .note
        .map(|note| Root { confidence: note.confidence * (1.0 - drum), ..note })
        .filter(|note| lone && note.confidence >= ROOT_MIN)
        .filter(|note| heard.tonal.confidence < note.confidence + KEY_OVER_NOTE)
}

#[cfg(test)]
mod tests;
