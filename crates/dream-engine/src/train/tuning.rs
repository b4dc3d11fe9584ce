//! Tonal one-shots at one pitch: what is learned of them is then timbre alone.

use dream_audio::Clip;
use dream_audio::resample::varispeed;
use dream_library::Entry;

/// Farthest a stem is moved, in semitones.
const FARTHEST: f64 = 24.0;

/// The note that most stems are near to, if at least half of them have one; two at least.
pub(crate) fn reference(entries: &[Entry]) -> Option<f64> {
    let mut roots: Vec<f64> = entries.iter().filter_map(|entry| entry.stem.facts.root).collect();
    if roots.len() < 2 || 2 * roots.len() < entries.len() {
        return None;
    }
    roots.sort_by(f64::total_cmp);
    Some(roots[roots.len() / 2].round())
}

/// Whether a stem can be brought to a note.
pub(crate) fn reaches(entry: &Entry, note: f64) -> bool {
    entry.stem.facts.root.is_some_and(|root| (root - note).abs() <= FARTHEST)
}

/// A sound of note `from` at note `to`, both as MIDI numbers: played faster or slower.
pub(crate) fn moved(clip: &Clip, from: f64, to: f64) -> Clip {
    let speed = ((to - from) / 12.0).exp2();
    let channels: Vec<Vec<f32>> =
        clip.iter_channels().map(|channel| varispeed(channel, speed)).collect();
    let parts: Vec<&[f32]> = channels.iter().map(Vec::as_slice).collect();
    Clip::new(clip.rate(), &parts)
}
