//! How good a model of loops is: what `evaluate` measures of one-shots, bar by bar, and whether loops keep time and close.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use dream_analysis::{Hints, Known, analyse};
use dream_audio::Clip;
use dream_core::{Form, Progress, Seed};
use dream_library::Entry;
use dream_neural::vae::judge::{Distances, Likeness, Space, describe_bars, likeness_around};
use dream_neural::vae::target::below;
use dream_neural::vae::{Bars, seam};
use rayon::prelude::*;

use super::walk::{PAIRS, STEPS, Steps, Walk, probability, summed};
use super::{EvalSpec, Evaluation, Interpolation, Rhythm, mean, mean_likeness};
use crate::generate::Beat;
use crate::generate::dreamer::Model;
use crate::generate::looping::Looper;
use crate::whole::{Whole, length};
use crate::{Engine, Error};

/// Fewest loops that say something.
const FEWEST: usize = 2;

pub(super) fn evaluate(
    engine: &Engine,
    spec: &EvalSpec,
    progress: &Progress,
) -> Result<Evaluation, Error> {
    let mut model = Model::read_loops(engine, spec.category)?;
    progress.step(0, 4, "listening")?;
    // Nothing that was held out lends its sound.
    let held: BTreeSet<usize> = model.vae.card().held_out.iter().map(|i| *i as usize).collect();
    let loops = |keep: bool| -> BTreeMap<String, Entry> {
        let some = model.stems.iter().filter(|(i, _)| held.contains(i) == keep);
        some.filter(|(_, entry)| Whole::of(entry).is_some())
            .map(|(_, entry)| (entry.stem.hash.clone(), entry.clone()))
            .collect()
    };
    let (others, learned) = (loops(true), loops(false));
    if learned.len() < FEWEST {
        let text =
            format!("two loops in the library that the model of {} learned from", spec.category);
        return Err(Error::NotFound(text));
    }
    model.stems.retain(|i, _| !held.contains(i));
    let looper = Looper::of(engine, vec![model], Vec::new());
    let vae = &looper.models()[0].vae;
    let listen = |entries: &BTreeMap<String, Entry>| -> Result<Vec<(Entry, Beat, Bars)>, Error> {
        entries
            .par_iter()
            .map(|(_, entry)| {
                let (beat, bars) = looper.own(entry)?;
                Ok((entry.clone(), beat, Bars::clone(&bars)))
            })
            .collect()
    };
    let (learned, others) = (listen(&learned)?, listen(&others)?);

    progress.step(1, 4, "rebuilding")?;
    let rebuilt_held_out = !others.is_empty();
    let likenesses: Vec<Likeness> = if rebuilt_held_out { &others } else { &learned }
        .par_iter()
        .map(|(_, beat, bars)| {
            let envelopes: Vec<Vec<f32>> =
                bars.envelopes().iter().map(|e| vae.decode(&vae.encode(e))).collect();
            let made = looper.dressed(&envelopes, *beat, spec.seed)?;
            Ok(likeness_around(bars.clip(), &made))
        })
        .collect::<Result<_, Error>>()?;

    progress.step(2, 4, "drawing")?;
    let begun = Instant::now();
    let drawn: Vec<(Clip, Beat, Vec<Entry>)> = (0..u64::from(spec.count))
        .into_par_iter()
        .map(|number| looper.random(spec.category, spec.seed.child("drawn").index(number)))
        .collect::<Result<_, Error>>()?;
    let threads = rayon::current_num_threads() as f64;
    let ms = 1e3 * begun.elapsed().as_secs_f64() * threads / f64::from(spec.count);
    let described = |loops: &[(Entry, Beat, Bars)]| -> Vec<Vec<f64>> {
        let bars = loops.par_iter().map(|(_, beat, bars)| describe_bars(bars.clip(), beat.bars));
        bars.collect::<Vec<_>>().concat()
    };
    let (real, other) = (described(&learned), described(&others));
    let wholes: Vec<usize> = learned
        .iter()
        .enumerate()
        .flat_map(|(i, (_, beat, _))| std::iter::repeat_n(i, beat.bars as usize))
        .collect();
    let space = Space::new(&[real.as_slice(), other.as_slice()].concat());
    let place = |rows: &[Vec<f64>]| rows.iter().map(|row| space.place(row)).collect::<Vec<_>>();
    let made: Vec<Vec<Vec<f64>>> =
        drawn.par_iter().map(|(clip, beat, _)| describe_bars(clip, beat.bars)).collect();

    progress.step(3, 4, "walking")?;
    let interpolation = walks(&looper, &learned, &space, spec)?;
    let strength: Vec<(f64, f64)> = drawn
        .par_iter()
        .filter_map(|(clip, beat, parents)| {
            let parent = parents.first()?.stem.facts.neuromorphic.get("vs_16th")?;
            Some((on_the_sixteenth(clip, *beat)?, f64::from(*parent)))
        })
        .collect();
    let exact = drawn.iter().filter(|(clip, beat, _)| clip.len() == length(beat.bpm, beat.bars));
    let rhythm = Rhythm {
        vector_strength: mean(strength.iter().map(|pair| pair.0).collect()),
        of_parents: mean(strength.iter().map(|pair| pair.1).collect()),
        largest_seam: drawn.iter().map(|(clip, ..)| f64::from(seam(clip))).fold(0.0, f64::max),
        exact: exact.count() as f64 / drawn.len() as f64,
    };
    progress.step(4, 4, "done")?;
    let probable = |clips: Vec<&Clip>| {
        mean(clips.par_iter().map(|clip| probability(clip, spec.category)).collect())
    };
    Ok(Evaluation {
        category: spec.category,
        form: Form::Loop,
        model_sha256: looper.models()[0].sha256.clone(),
        method: vae.card().method,
        learned: learned.len() as u32,
        held_out: others.len() as u32,
        drawn: spec.count,
        measures: vae.card().measures,
        rebuilt: mean_likeness(&likenesses),
        rebuilt_held_out,
        distances: Distances::of_parts(
            &place(&real),
            &wholes,
            &place(&other),
            &place(&made.concat()),
        ),
        distances_by_category_units: None,
        interpolation,
        crossing: None,
        attack: None,
        rhythm: Some(rhythm),
        probability: [
            probable(drawn.iter().map(|(clip, ..)| clip).collect()),
            probable(learned.iter().map(|(_, _, bars)| bars.clip()).collect()),
        ],
        ms_per_sound: ms,
        megabytes: vae.to_bytes().len() as f64 / 1e6,
        pictures: Vec::new(),
    })
}

/// The vector strength of a loop's onsets on the sixteenths, as the library measures it.
fn on_the_sixteenth(clip: &Clip, beat: Beat) -> Option<f64> {
    let known = Known {
        form: Some(Form::Loop),
        bpm: Some(beat.bpm),
        bars: Some(beat.bars),
        ..Known::default()
    };
    let facts = analyse(clip, &Hints { name: None, known });
    facts.neuromorphic.get("vs_16th").map(|x| f64::from(*x))
}

fn walks(
    looper: &Looper<'_>,
    learned: &[(Entry, Beat, Bars)],
    space: &Space,
    spec: &EvalSpec,
) -> Result<Interpolation, Error> {
    let pairs = u64::from(spec.count / 5).min(PAIRS as u64);
    let walked: Vec<Walk> = (0..pairs)
        .into_par_iter()
        .map(|pair| {
            let seed = spec.seed.child("pair").index(pair);
            let a = below(&mut seed.child("first").rng(), learned.len());
            let b = below(&mut seed.child("second").rng(), learned.len() - 1);
            let b = if b >= a { b + 1 } else { b };
            walk(looper, [&learned[a].0, &learned[b].0], space, seed)
        })
        .collect::<Result<_, Error>>()?;
    Ok(summed(&walked))
}

/// The way between two loops; a loop lies where its bars lie on average.
fn walk(looper: &Looper<'_>, pair: [&Entry; 2], space: &Space, seed: Seed) -> Result<Walk, Error> {
    let way: Vec<(Clip, Vec<f64>)> = (0..=STEPS)
        .map(|step| {
            let along = f32::from(step) / f32::from(STEPS);
            let (clip, beat) = looper.between(pair, along, seed)?;
            let bars = describe_bars(&clip, beat.bars);
            let places: Vec<Vec<f64>> = bars.iter().map(|bar| space.place(bar)).collect();
            let count = places.len() as f64;
            let mean = (0..places[0].len())
                .map(|d| places.iter().map(|place| place[d]).sum::<f64>() / count)
                .collect();
            Ok((clip, mean))
        })
        .collect::<Result<_, Error>>()?;
    let (clips, places): (Vec<Clip>, Vec<Vec<f64>>) = way.into_iter().unzip();
    Ok(Walk { steps: Steps::of(&places), end_snr_db: None, clips })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{library_of, loops};
    use crate::{JobSpec, TrainSpec};
    use dream_core::Category;

    #[test]
    fn a_model_of_loops_is_measured() {
        let (_home, engine) = library_of(loops(Category::Bass, 2));
        let form = Some(Form::Loop);
        let (count, seed, with, plot) = (10, Seed(1), None, None);
        let spec = EvalSpec { category: Category::Bass, form, count, seed, with, plot };
        let missing = engine.evaluate(&spec, &Progress::silent());
        assert!(matches!(missing, Err(Error::LoopsNotTrained(Category::Bass))));
        let drawn = EvalSpec { plot: Some("x".into()), ..spec.clone() };
        let drawn = engine.evaluate(&drawn, &Progress::silent());
        assert!(matches!(drawn, Err(Error::Invalid(_))), "said, not left out");
        let train = TrainSpec {
            category: Category::Bass,
            form,
            seed: Some(Seed(1)),
            ..TrainSpec::default()
        };
        engine.run(&JobSpec::Train(train), &Progress::silent()).unwrap();
        let found = engine.evaluate(&spec, &Progress::silent()).unwrap();
        assert_eq!((found.form, found.learned, found.held_out), (Form::Loop, 2, 0));
        let rhythm = found.rhythm.unwrap();
        assert!((rhythm.exact - 1.0).abs() < 1e-9 && rhythm.largest_seam <= 1.0, "{rhythm:?}");
        // Few bars span the space of a Gaussian: they are nearly themselves.
        assert!(found.rebuilt.log_mel_db < 3.0, "{:?}", found.rebuilt);
        assert!(found.distances.fad.is_finite() && found.interpolation.pairs == 2, "{found:?}");
    }
}
