//! A drums stem into single hits.
//!
//! Hits are onsets with room after them, gathered by the shape of their spectra (leader clustering: a hit joins the
//! first cluster whose first member it resembles); the hit of a cluster with the most room stands for it, since least of the
//! next sounds into it. What it is, analysis says.
//! In: one or two channels at 44.1 kHz. Limits: hits that always sound together stay together.

use dream_analysis::onset::{Onset, onsets};
use dream_analysis::{Hints, Known, analyse};
use dream_audio::Clip;
use dream_audio::spectrum::{Stft, Window};
use dream_core::{Category, Form, Frames};

/// Most hits of one category.
const MAX_HITS: usize = 3;
/// A hit has at least this much room, and is at most that long, in seconds.
const ROOM_S: [f64; 2] = [0.09, 0.6];
/// It begins this much before its onset, and ends this much before the next, in seconds.
const BEFORE_S: f64 = 0.004;
const AFTER_S: f64 = 0.008;
/// Its end fades over so many frames.
const FADE: usize = 441;
/// Spectra alike by more than this (cosine) are the same.
const ALIKE: f32 = 0.92;
/// Rarer hits are accidents.
const LEAST: usize = 2;
/// Hits this far below the loudest are remains of something else: 30 dB.
const QUIET: f32 = 0.0316;

/// A piece of a stem, and what is certain of it.
pub(super) struct Cut {
    pub(super) clip: Clip,
    pub(super) known: Known,
}

/// The hits of a drums stem: one for every sound that comes back.
pub(super) fn hits(clip: &Clip) -> Vec<Cut> {
    let mono = clip.to_mono();
    clustered(clip, &mono, &onsets(&mono).list)
}

pub(super) fn part(clip: &Clip, from_s: f64, to_s: f64) -> Clip {
    let rate = f64::from(clip.rate().0);
    let frame = |s: f64| Frames((s.max(0.0) * rate).round() as u64);
    clip.slice(frame(from_s), frame(to_s))
}

/// A hit with room after it.
struct Hit {
    from_s: f64,
    to_s: f64,
    peak: f32,
    spectrum: Vec<f32>,
}

fn clustered(clip: &Clip, mono: &[f32], onsets: &[Onset]) -> Vec<Cut> {
    let mut stft = Stft::new(2048, 512, Window::Hann);
    let mut clusters: Vec<Vec<Hit>> = Vec::new();
    let mut loudest = 0.0_f32;
    for (i, onset) in onsets.iter().enumerate() {
        let next_s = onsets.get(i + 1).map_or(clip.seconds(), |next| next.time_s);
        if next_s - onset.time_s < ROOM_S[0] {
            continue;
        }
        let to_s = (next_s - AFTER_S).min(onset.time_s + ROOM_S[1]);
        let hit = hit(mono, &mut stft, f64::from(clip.rate().0), onset.time_s, to_s);
        loudest = loudest.max(hit.peak);
        match clusters.iter_mut().find(|c| alike(&c[0].spectrum, &hit.spectrum) > ALIKE) {
            Some(cluster) => cluster.push(hit),
            None => clusters.push(vec![hit]),
        }
    }
    clusters.retain(|cluster| cluster.len() >= LEAST);
    clusters.sort_by_key(|cluster| std::cmp::Reverse(cluster.len()));
    let mut cuts: Vec<Cut> = Vec::new();
    for cluster in clusters {
        let audible = cluster.iter().filter(|hit| hit.peak > QUIET * loudest);
        let longest = |a: &&Hit, b: &&Hit| (a.to_s - a.from_s).total_cmp(&(b.to_s - b.from_s));
        let Some(best) = audible.max_by(longest) else { continue };
        let mut clip = part(clip, best.from_s, best.to_s);
        fade_out(&mut clip);
        let category = named(&clip);
        let same = cuts.iter().filter(|cut| cut.known.category == Some(category)).count();
        if same < MAX_HITS {
            let form = Some(Form::OneShot);
            let known = Known { category: Some(category), form, ..Known::default() };
            cuts.push(Cut { clip, known });
        }
    }
    cuts
}

fn hit(mono: &[f32], stft: &mut Stft, rate: f64, onset_s: f64, to_s: f64) -> Hit {
    let frame = |s: f64| ((s * rate) as usize).min(mono.len());
    let body = &mono[frame(onset_s)..frame(to_s)];
    let peak = body.iter().fold(0.0_f32, |peak, x| peak.max(x.abs()));
    let mut bins = vec![dream_audio::spectrum::Complex::default(); stft.bins()];
    stft.forward_at(mono, (onset_s * rate) as i64 + 768, &mut bins);
    // Third octaves; roots, so that the quiet bands count.
    let mut spectrum = vec![0.0; 30];
    for (bin, value) in bins.iter().enumerate().skip(1) {
        let band = (3.0 * (bin as f32 * 21.5 / 30.0).max(1.0).log2()) as usize;
        spectrum[band.min(29)] += value.norm_sqr();
    }
    for power in &mut spectrum {
        *power = power.powf(0.25);
    }
    Hit { from_s: onset_s - BEFORE_S, to_s, peak, spectrum }
}

/// The drum that analysis hears; what is no drum to it is percussion.
fn named(clip: &Clip) -> Category {
    let known = Known { form: Some(Form::OneShot), ..Known::default() };
    let category = analyse(clip, &Hints { name: None, known }).category;
    if category.is_drum() && category != Category::Drums { category } else { Category::Percussion }
}

fn fade_out(clip: &mut Clip) {
    let frames = clip.len().min(FADE);
    for c in 0..clip.channels() {
        let channel = clip.channel_mut(c);
        let start = channel.len() - frames;
        for (i, x) in channel[start..].iter_mut().enumerate() {
            *x *= (frames - i) as f32 / frames as f32;
        }
    }
}

pub(super) fn alike(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt().max(1e-12)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use dream_audio::synth::kit::recipes;
    use dream_core::{SampleRate, Seed};

    /// Eight bars at 120 bpm of the kit's first kick, snare and hat.
    pub(crate) fn beat() -> Clip {
        let sound = |word: &str| {
            let recipe = recipes().into_iter().find(|recipe| recipe.name.contains(word));
            recipe.unwrap().render(Seed(0)).to_mono()
        };
        let (kick, snare, hat) = (sound("kick"), sound("snare"), sound("hat"));
        let mut samples = vec![0.0; 16 * 44_100 + 44_100];
        for beat in 0..32 {
            let at = beat * 22_050;
            let main = if beat % 2 == 0 { &kick } else { &snare };
            for (sound, start) in [(main, at), (&hat, at + 11_025)] {
                for (to, x) in samples[start..].iter_mut().zip(sound.iter().take(10_000)) {
                    *to += 0.5 * x;
                }
            }
        }
        samples.truncate(16 * 44_100);
        Clip::mono(SampleRate::LIBRARY, samples)
    }

    #[test]
    fn a_beat_gives_its_drums() {
        let cuts = hits(&beat());
        let names: Vec<Category> = cuts.iter().filter_map(|cut| cut.known.category).collect();
        assert!(names.contains(&Category::Kick), "{names:?}");
        assert!(names.contains(&Category::Snare) || names.contains(&Category::Clap), "{names:?}");
        assert!(names.len() <= 8, "{names:?}");
        for cut in &cuts {
            assert!(cut.clip.peak() > 0.01 && cut.known.form == Some(Form::OneShot));
        }
    }

    #[test]
    fn silence_and_a_single_click_give_nothing() {
        assert!(hits(&Clip::mono(SampleRate::LIBRARY, vec![0.0; 44_100])).is_empty());
        let mut click = vec![0.0; 88_200];
        click[40_000] = 1.0;
        assert!(hits(&Clip::mono(SampleRate::LIBRARY, click)).is_empty());
        assert!(hits(&Clip::mono(SampleRate::LIBRARY, vec![])).is_empty());
    }
}
