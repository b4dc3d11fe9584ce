//! Listening: facts from a clip.
//!
//! `analyse` is the whole; each fact has its module and its function. In: a clip at 44.1 kHz, mono or stereo,
//! finite, any length. Out: `Facts`; what is not there is `None` or confidence 0, never a guess.
//! Memory: four floats per 5.8 ms beside a mono copy of the clip; no spectrogram is kept.

pub mod attributes;
mod beats;
pub mod category;
pub mod descriptors;
mod form;
pub mod key;
mod names;
pub mod onset;
pub mod pitch;
pub mod quality;
#[cfg(test)]
mod signals;
mod spectrum;
pub mod spiking;
mod tags;
pub mod tempo;
mod timbre;

use std::collections::BTreeMap;

use dream_audio::{Clip, loudness};
use dream_core::{Bpm, Category, Facts, Form, Key, SampleRate};

use crate::attributes::COUNT;
use crate::key::Tonal;
use crate::onset::Onsets;
use crate::pitch::Pitch;
use crate::tempo::Tempo;
use crate::timbre::Timbre;

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
    pub(crate) silent: bool,
    pub(crate) timbre: Timbre,
    pub(crate) onsets: Onsets,
    pub(crate) tempo: Tempo,
    pub(crate) tonal: Tonal,
    pub(crate) pitch: Pitch,
    pub(crate) form: Form,
    pub(crate) form_confidence: f32,
    pub(crate) attributes: [f32; COUNT],
}

fn listen(clip: &Clip, named_bpm: Option<f64>) -> Heard {
    let duration_s = clip.seconds();
    let mut mono = clip.to_mono();
    let mean = mono.iter().map(|x| f64::from(*x)).sum::<f64>() / mono.len().max(1) as f64;
    for x in &mut mono {
        *x -= mean as f32;
    }
    let timbre = timbre::measure(clip, &mono);
    let onsets = onset::onsets(&mono);
    let tempo = tempo::tempo(&onsets, duration_s, named_bpm);
    let tonal = key::key(&mono);
    let pitch = pitch::pitch(&mono);
    let (form, form_confidence) = form::form(&onsets, &tempo, &timbre, duration_s);
    let attributes = attributes::values(&timbre, &onsets, &tonal, &tempo, duration_s);
    let silent = mono.iter().all(|x| x.abs() < 1e-5);
    Heard {
        mono,
        duration_s,
        silent,
        timbre,
        onsets,
        tempo,
        tonal,
        pitch,
        form,
        form_confidence,
        attributes,
    }
}

/// The features of the category classifier for a clip, as the training script wants them.
pub fn category_features(clip: &Clip) -> [f32; category::FEATURES] {
    category::features(&listen(clip, None))
}

/// The facts of a clip. The loudness of clips under 400 ms is that of their loudest 400 ms, followed by silence.
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
        None => category::category(&heard, name),
    };
    let (key, key_confidence) = match known.key {
        Some(key) => (Some(key), 1.0),
        None => match heard_key(&heard, category, form) {
            Some(key) => (Some(key), heard.tonal.confidence),
            None => (None, 0.0),
        },
    };
    let span = tempo.span.filter(|_| form == Form::Loop);
    let loop_points_s = span.map(|span| tempo::seam::points(&heard.mono, span));
    let root = known.root.or_else(|| heard.pitch.root().filter(|_| form == Form::OneShot));
    let loudness = loudness::measure(clip);
    let quality = quality::quality(clip);
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
        bars: known.bars.or(tempo.bars),
        loop_points_s,
        key,
        key_confidence,
        key_candidates: heard.tonal.candidates.clone(),
        tuning_cents: None,
        root,
        root_confidence: 0.0,
        drum_voices: BTreeMap::new(),
        loudness_lufs: loudness.level().map(|lufs| lufs.0),
        true_peak_dbtp: loudness.true_peak_dbtp,
        quality: quality.score,
        quality_parts: quality.parts,
        defects: quality.defects,
        tags: tags::tags(category, form, &heard.attributes, &known.tags),
        tag_percentiles: BTreeMap::new(),
        attributes: attributes::named(&heard.attributes),
        neuromorphic,
    }
}

/// The key that was heard: not that of a tuned drum, and that of one or two notes only in a loop, where they are
/// the line.
fn heard_key(heard: &Heard, category: Category, form: Form) -> Option<Key> {
    let drum = match category {
        Category::Kick
        | Category::Snare
        | Category::Clap
        | Category::Hihat
        | Category::Percussion
        | Category::Drums => true,
        Category::Bass
        | Category::Synth
        | Category::Lead
        | Category::Pad
        | Category::Guitar
        | Category::Piano
        | Category::Vocals
        | Category::Atmo
        | Category::Fx
        | Category::Other => false,
    };
    let tonal = &heard.tonal;
    let one_shot = form == Form::OneShot;
    // In a short sound the windows overlap so much that everything lasts: the short windows must agree.
    let no_chord = one_shot && (heard.pitch.root().is_some() || tonal.tonality < 0.25);
    let whole_track = heard.duration_s > 30.0;
    let tones = !drum || whole_track || (!one_shot && tonal.tonality > 0.5);
    let line = form == Form::Loop && category.is_tonal();
    tonal.key.filter(|_| !no_chord && tones).or(tonal.tonic.filter(|_| line))
}

#[cfg(test)]
mod tests;
