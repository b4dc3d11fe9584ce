//! What a dreamed stem must be: finite, clean, of its category, and neither a copy nor far off.

use dream_analysis::category_probabilities;
use dream_analysis::pitch::{pitch, root};
use dream_analysis::quality::quality;
use dream_audio::Clip;
use dream_core::{Category, Defect, Form};

/// Least probability of the category by the sound alone; where the parents have little more themselves, the second is enough.
const PROBABLE: [f32; 2] = [0.5, 0.1];
/// The share of the parents' own probability that is enough; of loops less, of whom the classifier is not so sure.
const ENOUGH: f32 = 0.8;
const ENOUGH_FOR_LOOPS: f32 = 0.5;
/// Least and largest distance from the nearest stem that was learned from, in units of the distances of those; where some stand alone,
/// what is far is as much farther as they are.
pub(super) const NOVELTY: [f32; 2] = [0.2, 3.0];
/// Waveforms more alike than this are copies.
const ALIKE: f64 = 0.985;
/// Largest share of audible cells whose parents had to be amplified by more than 24 dB.
const STRAINED: f32 = 0.2;
/// Largest distance from the note it should have, in semitones.
const OFF_PITCH: f64 = 0.1;
/// Shortest stem, in seconds.
const SHORTEST_S: f64 = 0.015;
/// Defects that a dream must not add to those of its parents.
const DEFECTS: [Defect; 6] = [
    Defect::Clipping,
    Defect::Dc,
    Defect::Clicks,
    Defect::TruncatedStart,
    Defect::TruncatedEnd,
    Defect::PhaseInverted,
];

/// What is to be judged.
pub(super) struct Draft<'a> {
    pub(super) clip: &'a Clip,
    /// The same at the pitch of the parents.
    pub(super) tuned: &'a Clip,
    /// A one-shot or a loop.
    pub(super) form: Form,
    /// Any of these is right.
    pub(super) categories: &'a [Category],
    pub(super) parents: &'a [&'a Clip],
    pub(super) novelty: f32,
    /// What the novelty must lie between; `None` where the distance was asked for.
    pub(super) range: Option<[f32; 2]>,
    pub(super) strained: f32,
}

/// How probable the categories are by the sound alone, together.
pub(super) fn probability(clip: &Clip, categories: &[Category]) -> f32 {
    let all = category_probabilities(clip);
    let pairs = Category::ALL.iter().zip(all);
    pairs.filter(|(category, _)| categories.contains(category)).map(|(_, p)| p).sum()
}

/// The reason for which a draft is refused, if any; and how probable its categories are.
pub(super) fn judge(draft: &Draft<'_>) -> (Option<&'static str>, f32) {
    let clip = draft.clip;
    if clip.samples().iter().any(|x| !x.is_finite()) {
        return (Some("not finite"), 0.0);
    }
    if clip.seconds() < SHORTEST_S {
        return (Some("too short"), 0.0);
    }
    if draft.strained > STRAINED {
        return (Some("parents too far"), 0.0);
    }
    if let Some([low, high]) = draft.range {
        if draft.novelty < low {
            return (Some("copy"), 0.0);
        }
        if draft.novelty > high {
            return (Some("outlier"), 0.0);
        }
    }
    if draft.parents.iter().any(|parent| alike(draft.tuned, parent) > ALIKE) {
        return (Some("copy"), 0.0);
    }
    let heard = quality(clip, draft.form);
    let own = |defect: &Defect| {
        heard.defects.contains(defect)
            && !draft
                .parents
                .iter()
                .any(|parent| quality(parent, draft.form).defects.contains(defect))
    };
    if let Some(defect) = DEFECTS.iter().find(|defect| own(defect)) {
        return (Some(defect.name()), 0.0);
    }
    let found = probability(clip, draft.categories);
    let parents = draft.parents.iter().map(|parent| probability(parent, draft.categories));
    let [enough, least] = PROBABLE;
    let share = if draft.form == Form::Loop { ENOUGH_FOR_LOOPS } else { ENOUGH };
    let needed = parents.fold(enough, |needed, p| needed.min((share * p).max(least)));
    if found < needed { (Some("other category"), found) } else { (None, found) }
}

/// Why a sound does not have the note it should have, if so; the octave aside, of which ears and measures differ.
pub(super) fn off_pitch(clip: &Clip, note: Option<f64>) -> Option<&'static str> {
    let note = note?;
    let mono = clip.to_mono();
    let Some(heard) = root(&mono, &pitch(&mono)) else { return Some("no pitch") };
    let apart = (heard.midi - note).rem_euclid(12.0);
    (apart.min(12.0 - apart) > OFF_PITCH).then_some("off pitch")
}

/// The largest correlation of two waveforms, moved against each other by up to 3 ms around their onsets; -1 to 1.
fn alike(a: &Clip, b: &Clip) -> f64 {
    const REACH: i64 = 132;
    let (a, b) = (a.to_mono(), b.to_mono());
    let onset = |x: &[f32]| {
        let near = 0.0316 * x.iter().fold(0.0_f32, |peak, x| peak.max(x.abs()));
        x.iter().position(|x| x.abs() >= near).unwrap_or(0) as i64
    };
    let (from_a, from_b) = (onset(&a), onset(&b));
    let power = |x: &[f32]| x.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>();
    let norm = (power(&a) * power(&b)).sqrt().max(1e-20);
    let product = |shift: i64| {
        let move_b = from_b - from_a + shift;
        let from = (-move_b).max(0) as usize;
        let pairs = a.iter().skip(from).zip(b.iter().skip((from as i64 + move_b).max(0) as usize));
        pairs.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>()
    };
    // Coarsely first: a copy shows within a few frames.
    let best = (-REACH..=REACH).step_by(4).max_by(|x, y| product(*x).total_cmp(&product(*y)));
    let best = best.unwrap_or(0);
    (best - 3..=best + 3).map(product).fold(f64::MIN, f64::max) / norm
}

#[cfg(test)]
mod tests {
    use super::*;
    use dream_audio::synth::kit;
    use dream_core::Seed;

    fn kicks() -> Vec<Clip> {
        let recipes = kit::recipes().into_iter();
        let kicks = recipes.filter(|r| r.category == Category::Kick && r.form == Form::OneShot);
        kicks.take(2).map(|recipe| recipe.render(Seed(1))).collect()
    }

    fn draft<'a>(clip: &'a Clip, parents: &'a [&'a Clip]) -> Draft<'a> {
        Draft {
            clip,
            tuned: clip,
            form: Form::OneShot,
            categories: &[Category::Kick],
            parents,
            novelty: 1.0,
            range: Some(NOVELTY),
            strained: 0.0,
        }
    }

    #[test]
    fn a_sound_of_the_category_passes_and_reasons_are_told() {
        let kicks = kicks();
        let [first, second] = kicks.as_slice() else { panic!("two kicks") };
        let reason = |draft: &Draft<'_>| judge(draft).0;
        assert_eq!(reason(&draft(first, &[second])), None);
        assert_eq!(reason(&draft(first, &[first])), Some("copy"));
        let parents = [second];
        let good = || draft(first, &parents);
        assert_eq!(reason(&Draft { novelty: 0.1, ..good() }), Some("copy"));
        assert_eq!(reason(&Draft { novelty: 3.1, ..good() }), Some("outlier"));
        assert_eq!(reason(&Draft { novelty: 9.0, range: None, ..good() }), None);
        assert_eq!(reason(&Draft { strained: 0.3, ..good() }), Some("parents too far"));
        let vocals = [Category::Vocals];
        assert_eq!(reason(&Draft { categories: &vocals, ..good() }), Some("other category"));
        let short = first.slice(dream_core::Frames(0), dream_core::Frames(100));
        assert_eq!(reason(&draft(&short, &[second])), Some("too short"));
        let mut broken = first.clone();
        broken.samples_mut()[7] = f32::NAN;
        assert_eq!(reason(&draft(&broken, &[second])), Some("not finite"));
    }

    #[test]
    fn a_copy_is_told_though_it_be_moved_and_quieter() {
        let kicks = kicks();
        let mut moved = vec![0.0; 700];
        moved.extend(kicks[0].to_mono().iter().map(|x| 0.3 * x));
        let moved = Clip::mono(kicks[0].rate(), moved);
        assert!(alike(&kicks[0], &moved) > 0.999);
        assert!(alike(&kicks[0], &kicks[1]) < 0.9);
    }
}
