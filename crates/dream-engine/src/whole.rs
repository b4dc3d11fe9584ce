//! Loops of the library as whole bars: where they begin and end, how fast they are, how they come to another tempo and key.

use dream_audio::Clip;
use dream_audio::stretch::{Material, RATIOS, stretch_loop};
use dream_core::{Bpm, Category, Facts, Form, Frames, SampleRate, Semitones};
use dream_library::Entry;
use dream_neural::vae::MOST_BARS;

/// Less sure of the tempo, bars are guesswork.
const SURE: f32 = 0.2;
/// The largest difference between what the tempo says and where a loop ends, as a share of a sixteenth.
const DRIFT: f64 = 0.125;

/// The bars of a loop within its stem.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Whole {
    start: usize,
    /// Length of all bars.
    pub(crate) frames: usize,
    pub(crate) bpm: Bpm,
    pub(crate) bars: u32,
}

impl Whole {
    /// The bars of a stem; `None` where it is no loop, or its tempo is not sure or not that of its length.
    pub(crate) fn of(entry: &Entry) -> Option<Self> {
        Self::within(&entry.stem.facts, entry.frames, entry.sample_rate)
    }

    fn within(facts: &Facts, all: Frames, rate: SampleRate) -> Option<Self> {
        let sure = facts.form == Form::Loop && facts.bpm_confidence >= SURE && !facts.bpm_varies;
        let bpm = facts.bpm.filter(|_| sure && rate == SampleRate::LIBRARY)?;
        let bars = facts.bars.filter(|bars| (1..=MOST_BARS as u32).contains(bars))?;
        let (start_s, end_s) = facts.loop_points_s.unwrap_or((0.0, all.seconds(rate)));
        let frame = |seconds: f64| Frames::from_seconds(seconds, rate).index();
        let (start, end) = (frame(start_s), frame(end_s).min(all.index()));
        let frames = end.checked_sub(start)?;
        let by_tempo = length(bpm, bars);
        if by_tempo.abs_diff(frames) <= 1 && start + by_tempo <= all.index() {
            return Some(Self { start, frames: by_tempo, bpm, bars });
        }
        let sixteenth = by_tempo as f64 / f64::from(16 * bars);
        let implied = Bpm::new(240.0 * f64::from(bars) * rate.hz() / frames.max(1) as f64).ok()?;
        (by_tempo.abs_diff(frames) as f64 <= DRIFT * sixteenth).then_some(Self {
            start,
            frames,
            bpm: implied,
            bars,
        })
    }

    /// The loop cut out of its stem.
    pub(crate) fn cut(&self, clip: &Clip) -> Clip {
        let frame = |at: usize| Frames(at as u64);
        clip.slice(frame(self.start), frame(self.start + self.frames))
    }

    /// Whether it can be brought to a tempo.
    pub(crate) fn reaches(&self, bpm: Bpm) -> bool {
        RATIOS.contains(&(self.bpm.get() / bpm.get()))
    }

    /// How far its tempo lies from another, as a natural logarithm.
    pub(crate) fn far(&self, bpm: Bpm) -> f64 {
        (self.bpm.get() / bpm.get()).ln().abs()
    }

    /// The loop at another tempo and pitch, played as often as makes so many bars, the last time perhaps in part. `clip` is what
    /// [`cut`](Self::cut) gives.
    pub(crate) fn moved(
        &self,
        clip: &Clip,
        material: Material,
        (bpm, bars): (Bpm, u32),
        by: Semitones,
    ) -> Clip {
        let frames = length(bpm, self.bars);
        let once = if frames == clip.len() && by.0.abs() < 1e-9 {
            clip.clone()
        } else {
            stretch_loop(clip, frames as f64 / clip.len() as f64, by, material)
        };
        if bars == self.bars {
            return once;
        }
        // Every time begins on the nearest frame.
        let starts: Vec<usize> =
            (0..=bars.div_ceil(self.bars)).map(|time| length(bpm, time * self.bars)).collect();
        let channels: Vec<Vec<f32>> = once
            .iter_channels()
            .map(|channel| {
                let times = starts
                    .windows(2)
                    .flat_map(|pair| (0..pair[1] - pair[0]).map(|i| channel[i % channel.len()]));
                times.take(length(bpm, bars)).collect()
            })
            .collect();
        Clip::new(clip.rate(), &channels.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }
}

/// The frames of so many bars.
pub(crate) fn length(bpm: Bpm, bars: u32) -> usize {
    bpm.frame_of(4.0 * f64::from(bars), SampleRate::LIBRARY).index()
}

/// What loops of a category are made of.
pub(crate) fn material(category: Category) -> Material {
    match category {
        Category::Kick
        | Category::Snare
        | Category::Clap
        | Category::Hihat
        | Category::Percussion
        | Category::Drums => Material::Drums,
        Category::Vocals => Material::Voice,
        Category::Atmo | Category::Fx => Material::Noise,
        Category::Bass
        | Category::Synth
        | Category::Lead
        | Category::Pad
        | Category::Guitar
        | Category::Piano
        | Category::Other => Material::Tonal,
    }
}

/// The form that is meant when only a category is named: drums are loops, all else is one-shots.
pub(crate) fn usual_form(category: Category) -> Form {
    if category == Category::Drums { Form::Loop } else { Form::OneShot }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: SampleRate = SampleRate::LIBRARY;

    fn facts(bpm: f64, bars: u32, span: Option<(f64, f64)>) -> Facts {
        Facts {
            form: Form::Loop,
            bpm: Some(Bpm::new(bpm).unwrap()),
            bpm_confidence: 1.0,
            bars: Some(bars),
            loop_points_s: span,
            ..Facts::default()
        }
    }

    #[test]
    fn a_loop_has_the_frames_of_its_tempo_or_the_tempo_of_its_frames() {
        let of = |facts: &Facts, frames| Whole::within(facts, Frames(frames), RATE);
        let exact = of(&facts(138.0, 4, None), 306_783).unwrap();
        assert_eq!((exact.frames, exact.bars), (306_783, 4));
        assert!((exact.bpm.get() - 138.0).abs() < 1e-12);
        // 60 frames longer than its tempo says: the cut is right, and the tempo bends.
        let bent =
            of(&facts(138.0, 4, Some((0.01, 0.01 + 306_843.0 / 44_100.0))), 320_000).unwrap();
        assert_eq!((bent.start, bent.frames, length(bent.bpm, 4)), (441, 306_843, 306_843));
        assert!(of(&facts(138.0, 4, None), 310_000).is_none(), "a tenth of a bar too long");
        assert!(of(&facts(138.0, 40, None), 3_067_830).is_none());
        assert!(of(&Facts { bpm_confidence: 0.1, ..facts(138.0, 4, None) }, 306_783).is_none());
        assert!(of(&Facts { form: Form::Free, ..facts(138.0, 4, None) }, 306_783).is_none());
        assert!(of(&facts(138.0, 4, Some((9.0, 2.0))), 306_783).is_none());
    }

    #[test]
    fn a_loop_comes_to_any_tempo_and_number_of_bars_to_the_frame() {
        let whole = Whole::within(&facts(130.0, 2, None), Frames(162_831), RATE).unwrap();
        let samples = (0..162_831).map(|i| (i as f32 * 0.02).sin()).collect();
        let clip = whole.cut(&Clip::mono(RATE, samples));
        for (bpm, bars) in [(130.0, 2), (123.4, 2), (140.0, 5), (174.0, 1), (130.0, 8)] {
            let bpm = Bpm::new(bpm).unwrap();
            let moved = whole.moved(&clip, Material::Tonal, (bpm, bars), Semitones(0.0));
            assert_eq!(moved.len(), length(bpm, bars));
        }
        let bpm = Bpm::new(130.0).unwrap();
        assert_eq!(whole.moved(&clip, Material::Tonal, (bpm, 2), Semitones(0.0)), clip);
        assert!(whole.reaches(bpm) && !whole.reaches(Bpm::new(30.0).unwrap()));
    }
}
