//! A drums stem into loops and single hits.
//!
//! Loops are two bars from one downbeat to the next but one. Hits are onsets with room after them, gathered by the shape of
//! their spectra (leader clustering: a hit joins the first cluster whose first member it resembles); the hit of a cluster
//! with the most room stands for it, since least of the next sounds into it. What it is, analysis says.
//! In: one or two channels at 44.1 kHz. Limits: hits that always sound together stay together.

use dream_analysis::onset::{Onset, onsets};
use dream_analysis::tempo::tempo;
use dream_analysis::{Hints, Known, analyse};
use dream_audio::Clip;
use dream_audio::spectrum::{Stft, Window};
use dream_core::{Bpm, Category, Form, Frames};

/// Most loops, and most hits of one category.
const MAX_LOOPS: usize = 4;
const MAX_HITS: usize = 3;
/// Bars of a loop.
const BARS: u32 = 2;
/// Less sure of the tempo, there are no loops.
const SURE: f32 = 0.5;
/// A hit has at least this much room, and is at most that long, in seconds.
const ROOM_S: [f64; 2] = [0.09, 0.6];
/// It begins this much before its onset, and ends this much before the next, in seconds.
const BEFORE_S: f64 = 0.004;
const AFTER_S: f64 = 0.008;
/// Its end fades over so many frames.
const FADE: usize = 441;
/// Spectra or rhythms alike by more than this (cosine) are the same.
const ALIKE: f32 = 0.92;
/// Rarer hits are accidents.
const LEAST: usize = 2;
/// Hits and loops this far below the loudest are remains of something else: 30 dB.
const QUIET: f32 = 0.0316;

/// A piece of a drums stem, and what is certain of it.
pub(super) struct Cut {
    pub(super) clip: Clip,
    pub(super) known: Known,
}

/// The loops and hits of a drums stem.
pub(super) fn cut(clip: &Clip) -> Vec<Cut> {
    let mono = clip.to_mono();
    let heard = onsets(&mono);
    let mut cuts = hits(clip, &mono, &heard.list);
    let tempo = tempo(&heard, clip.seconds(), None);
    if let Some(bpm) = tempo.bpm.filter(|_| tempo.confidence >= SURE && !tempo.varies) {
        cuts.extend(loops(clip, &heard.list, &tempo.downbeats_s, bpm));
    }
    cuts
}

fn part(clip: &Clip, from_s: f64, to_s: f64) -> Clip {
    let rate = f64::from(clip.rate().0);
    let frame = |s: f64| Frames((s.max(0.0) * rate).round() as u64);
    clip.slice(frame(from_s), frame(to_s))
}

/// Different bars, the busiest first.
fn loops(clip: &Clip, hits: &[Onset], downbeats_s: &[f64], bpm: Bpm) -> Vec<Cut> {
    let length_s = 240.0 / bpm.get() * f64::from(BARS);
    let mut chosen: Vec<[f32; 32]> = Vec::new();
    let mut found: Vec<(f64, [f32; 32])> = downbeats_s
        .iter()
        .step_by(BARS as usize)
        .filter(|start| **start + length_s <= clip.seconds())
        .map(|start| (*start, rhythm(hits, *start, length_s)))
        .collect();
    let busy = |steps: &[f32; 32]| steps.iter().sum::<f32>();
    found.sort_by(|a, b| busy(&b.1).total_cmp(&busy(&a.1)));
    let most = found.first().map_or(0.0, |(_, steps)| busy(steps));
    let mut cuts = Vec::new();
    for (start, steps) in found {
        let known = chosen.iter().any(|other| alike(other, &steps) > ALIKE);
        if known || busy(&steps) < 0.1 * most || cuts.len() == MAX_LOOPS {
            continue;
        }
        chosen.push(steps);
        cuts.push(Cut {
            clip: part(clip, start, start + length_s),
            known: Known {
                category: Some(Category::Drums),
                form: Some(Form::Loop),
                bpm: Some(bpm),
                bars: Some(BARS),
                ..Known::default()
            },
        });
    }
    cuts
}

/// The strength of the hits on each sixteenth of two bars.
fn rhythm(hits: &[Onset], start_s: f64, length_s: f64) -> [f32; 32] {
    let mut steps = [0.0; 32];
    for hit in hits {
        let place = ((hit.time_s - start_s) / length_s * 32.0).round();
        if (0.0..32.0).contains(&place) {
            steps[place as usize] += hit.strength;
        }
    }
    steps
}

/// A hit with room after it.
struct Hit {
    from_s: f64,
    to_s: f64,
    peak: f32,
    spectrum: Vec<f32>,
}

/// One hit for every sound that comes back.
fn hits(clip: &Clip, mono: &[f32], onsets: &[Onset]) -> Vec<Cut> {
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

fn alike(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt().max(1e-12)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dream_audio::synth::kit::recipes;
    use dream_core::{SampleRate, Seed};

    /// Eight bars at 120 bpm of the kit's first kick, snare and hat.
    fn beat() -> Clip {
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
    fn a_beat_gives_its_drums_and_a_loop_of_whole_bars() {
        let cuts = cut(&beat());
        let hits: Vec<Category> = cuts
            .iter()
            .filter(|cut| cut.known.form == Some(Form::OneShot))
            .filter_map(|cut| cut.known.category)
            .collect();
        assert!(hits.contains(&Category::Kick), "{hits:?}");
        assert!(hits.contains(&Category::Snare) || hits.contains(&Category::Clap), "{hits:?}");
        assert!(hits.len() <= 8, "{hits:?}");
        let loops: Vec<&Cut> =
            cuts.iter().filter(|cut| cut.known.form == Some(Form::Loop)).collect();
        assert_eq!(loops.len(), 1, "every bar is the same");
        let bars_s = loops[0].clip.seconds() * loops[0].known.bpm.unwrap().get() / 240.0;
        assert!((bars_s - 2.0).abs() < 1e-3, "{bars_s}");
        for cut in &cuts {
            assert!(cut.clip.peak() > 0.01);
        }
    }

    #[test]
    fn silence_and_a_single_click_give_nothing() {
        assert!(cut(&Clip::mono(SampleRate::LIBRARY, vec![0.0; 44_100])).is_empty());
        let mut click = vec![0.0; 88_200];
        click[40_000] = 1.0;
        assert!(cut(&Clip::mono(SampleRate::LIBRARY, click)).is_empty());
        assert!(cut(&Clip::mono(SampleRate::LIBRARY, vec![])).is_empty());
    }
}
