//! Learning from one's own dreams, with care: train, dream many, keep the best, and again.
//!
//! A model that feeds on itself loses its variety or its way (S. Alemohammad et al., "Self-Consuming Generative Models Go MAD", ICLR 2024).
//! So generated stems are never more than a fifth of what is learned from (but in a fully synthetic loop, which shows what becomes of it);
//! of ten times as many dreams as are wanted, those stay that are clean, new, unlike each other, and no farther from all that was not
//! dreamed than that lies from itself; and where what two rounds keep is less diverse by a tenth than in the first round, or what they dream
//! farther by a fifth from all that was not, the rounds end.
//! Every round is two steps of the job: what was dreamed, and what was kept of it. The jobs of training and dreaming stand beside it.

use std::cell::RefCell;
use std::path::Path;

use dream_audio::decode::decode_file;
use dream_core::{Category, Form, Seed, Source, StemId};
use dream_library::{Entry, Filter};
use dream_neural::vae::judge::{describe, describe_bars};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::runner::Work;
use crate::train::form_of;
use crate::whole::Whole;
use crate::{Engine, Error, Event, GenerateSpec, GeneratedStem, JobSpec, Outcome, TrainSpec};

/// Most stems that were not generated with which dreams are compared.
const MOST_COMPARED: usize = 300;
/// Dreams per stem that is kept.
const DREAMS: u32 = 10;
/// The least diversity of two rounds, as a share of that of the first.
const DIVERSE: f64 = 0.9;
/// The largest distance of dreams from what was not dreamed, likewise.
const AWAY: f64 = 1.2;
/// What novelty and distance from the others weigh beside quality.
const NEW: f64 = 0.5;
const APART: f64 = 1.0;
/// What it costs to lie farther from all that was not dreamed than that does from itself, in units of the latter.
const FAR: f64 = 0.6;

/// What to learn and dream, how often.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CycleSpec {
    /// The categories, one after the other.
    pub categories: Vec<Category>,
    /// Rounds of each, 1 to 100.
    pub rounds: u32,
    /// Stems kept of every round, 2 to 1000.
    pub keep: u32,
    /// One-shots or loops; what is usual for each category where it is absent.
    #[serde(default)]
    pub form: Option<Form>,
    /// Epochs of every training.
    pub epochs: u32,
    /// How widely is drawn, as for [`GenerateSpec`]; below 1 what is usual comes ever more often.
    #[serde(default = "usual")]
    pub temperature: f32,
    /// Root of the randomness; one is drawn where it is absent.
    pub seed: Option<Seed>,
    /// Whether the rounds end where diversity falls.
    pub guard: bool,
    /// Whether every round after the first learns from nothing but what the round before it kept.
    #[serde(default)]
    pub fully_synthetic: bool,
}

fn usual() -> f32 {
    GenerateSpec::default().temperature
}

/// How a round went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CycleRound {
    /// Of which category.
    pub category: Category,
    /// Its number, from 1.
    pub round: u32,
    /// The share of drafts that passed the gate.
    pub acceptance: f64,
    /// Mean difference between two of the stems kept, in dB per cell of their descriptions.
    pub diversity: f64,
    /// Median difference of a dream from the nearest stem that was not generated, in the same measure.
    pub away: f64,
    /// Mean quality of the stems kept.
    pub quality: f64,
    /// Mean novelty of the stems kept.
    pub novelty: f64,
    /// The stems kept.
    pub kept: Vec<StemId>,
    /// Dreams that were dropped again.
    pub dropped: u32,
    /// Why the rounds of this category end here, if they do.
    pub fallen: Option<Fallen>,
}

/// What becomes of a category that learns too much from its own dreams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fallen {
    /// What is kept became alike.
    Narrow,
    /// What is dreamed went far from all that was not dreamed.
    Away,
}

/// How all rounds went.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CycleReport {
    /// Rounds done.
    pub rounds: u32,
    /// Stems kept.
    pub kept: u32,
    /// Categories whose rounds ended early, and why.
    pub fallen: Vec<(Category, Fallen)>,
    /// Root of the randomness.
    pub seed: Seed,
}

/// What a round dreamed.
#[derive(Debug, Serialize, Deserialize)]
struct Dreamed {
    stems: Vec<GeneratedStem>,
    acceptance: f64,
}

pub(crate) fn run(work: &Work<'_>, spec: &CycleSpec) -> Result<CycleReport, Error> {
    let invalid = |text: &str| Err(Error::Invalid(text.to_owned()));
    if !(1..=100).contains(&spec.rounds) || !(2..=1000).contains(&spec.keep) {
        return invalid("1 to 100 rounds, of each 2 to 1000 stems kept");
    }
    if spec.categories.is_empty() {
        return invalid("no category has enough stems to learn from");
    }
    let seed =
        work.step("seed", 0.0, || Ok(spec.seed.unwrap_or_else(|| work.engine.draw_seed())))?;
    let mut report = CycleReport { rounds: 0, kept: 0, fallen: Vec::new(), seed };
    let total = (spec.categories.len() as u32 * spec.rounds).max(1);
    for (place, category) in spec.categories.iter().enumerate() {
        let (mut rounds, mut food) = (Vec::new(), Vec::new());
        let real = real(work, spec, *category)?;
        for number in 1..=spec.rounds {
            let name = format!("{category} {number}");
            let done = f64::from(place as u32 * spec.rounds + number) / f64::from(total);
            let seed = seed.child(category.name()).index(u64::from(number));
            let dreamed = work.step(&format!("{name} dreamed"), done, || {
                dream(work, spec, *category, seed, &food)
            })?;
            let round = work.step(&name, done, || {
                keep(work, spec, dreamed, (*category, number), (&real, &rounds))
            })?;
            rounds.push((round.diversity, round.away));
            if spec.fully_synthetic {
                food.clone_from(&round.kept);
            }
            report.rounds += 1;
            report.kept += round.kept.len() as u32;
            (work.watch)(Event::Round(&round));
            if let Some(fallen) = round.fallen {
                report.fallen.push((*category, fallen));
                break;
            }
        }
    }
    Ok(report)
}

/// Learns from what there is, or from `food` alone where there is any, and dreams more than is wanted.
fn dream(
    work: &Work<'_>,
    spec: &CycleSpec,
    category: Category,
    seed: Seed,
    food: &[StemId],
) -> Result<Dreamed, Error> {
    let form = Some(form_of(spec.form, category)?);
    let train = TrainSpec {
        category,
        form,
        epochs: spec.epochs,
        seed: Some(seed.child("train")),
        include_generated: true,
        stems: food.to_vec(),
        ..TrainSpec::default()
    };
    work.engine.run(&JobSpec::Train(train), work.progress)?;
    let dreams = GenerateSpec {
        category,
        form,
        count: spec.keep * DREAMS,
        temperature: spec.temperature,
        seed: Some(seed.child("dream")),
        ..GenerateSpec::default()
    };
    let stems = RefCell::new(Vec::new());
    let job = JobSpec::Generate(Box::new(dreams));
    let outcome = work.engine.run_watched(&job, work.progress, &|event| {
        if let Event::Generated(stem) = event {
            stems.borrow_mut().push(stem.clone());
        }
    })?;
    let Outcome::Generate(report) = outcome else {
        unreachable!("a job ends with the outcome of its kind")
    };
    Ok(Dreamed { stems: stems.into_inner(), acceptance: report.acceptance })
}

/// Keeps the best of what was dreamed and removes the rest.
fn keep(
    work: &Work<'_>,
    spec: &CycleSpec,
    dreamed: Dreamed,
    (category, round): (Category, u32),
    (real, before): (&[Vec<f64>], &[(f64, f64)]),
) -> Result<CycleRound, Error> {
    let engine = work.engine;
    let library = engine.library();
    let mut candidates = Vec::with_capacity(dreamed.stems.len());
    for stem in dreamed.stems {
        // A run that was killed may have removed it already.
        if let Ok(entry) = library.stem(stem.id) {
            candidates.push((stem, entry));
        }
    }
    let places: Vec<Vec<f64>> = candidates
        .par_iter()
        .map(|(_, entry)| described(engine, entry))
        .collect::<Result<_, Error>>()?;
    let away: Vec<f64> = places.par_iter().map(|place| nearest(place, real)).collect();
    // As far as a stem that was not dreamed lies from the next is not far.
    let spacing = spacing(real);
    let far = |away: f64| if spacing > 0.0 { (away / spacing - 1.0).max(0.0) } else { 0.0 };
    let worth: Vec<f64> = candidates
        .iter()
        .zip(&away)
        .map(|((stem, entry), away)| {
            f64::from(entry.stem.facts.quality) + NEW * f64::from(stem.novelty).min(1.0)
                - FAR * far(*away)
        })
        .collect();
    let chosen = choose(&places, &worth, spec.keep as usize);
    let mut dropped = 0;
    for (i, (stem, entry)) in candidates.iter().enumerate() {
        // What somebody likes stays.
        if !chosen.contains(&i) && entry.rating <= 0 {
            library.remove(stem.id)?;
            // The library is what counts; a copy that cannot be removed does no harm.
            let _ = std::fs::remove_file(Path::new(&stem.path));
            dropped += 1;
        }
    }
    let mean = |of: &dyn Fn(usize) -> f64| {
        chosen.iter().map(|i| of(*i)).sum::<f64>() / chosen.len().max(1) as f64
    };
    let diversity = diversity(&places, &chosen);
    let away = median(away);
    let fallen = spec.guard.then(|| fallen(before, (diversity, away))).flatten();
    Ok(CycleRound {
        category,
        round,
        acceptance: dreamed.acceptance,
        diversity,
        away,
        quality: mean(&|i| f64::from(candidates[i].1.stem.facts.quality)),
        novelty: mean(&|i| f64::from(candidates[i].0.novelty)),
        kept: chosen.iter().map(|i| candidates[*i].0.id).collect(),
        dropped,
        fallen,
    })
}

/// What has gone wrong since the first round, by the diversity and distance of the rounds before and of this one, if anything. The mean of
/// this and the last is taken: the diversity of ten stems varies by 6 % from round to round where nothing falls.
fn fallen(before: &[(f64, f64)], (diversity, away): (f64, f64)) -> Option<Fallen> {
    let (first, last) = (before.first()?, before.last()?);
    if last.0.midpoint(diversity) < DIVERSE * first.0 {
        return Some(Fallen::Narrow);
    }
    (last.1.midpoint(away) > AWAY * first.1).then_some(Fallen::Away)
}

/// What a category is like that was not generated, of evenly chosen stems.
fn real(work: &Work<'_>, spec: &CycleSpec, category: Category) -> Result<Vec<Vec<f64>>, Error> {
    let sources = Source::ALL.iter().copied().filter(|source| *source != Source::Generated);
    let filter = Filter {
        categories: vec![category],
        form: Some(form_of(spec.form, category)?),
        sources: sources.collect(),
        ..Filter::default()
    };
    let stems = work.engine.library().stems(&filter)?;
    let step = stems.len().div_ceil(MOST_COMPARED).max(1);
    let engine = work.engine;
    stems.par_iter().step_by(step).map(|entry| described(engine, entry)).collect()
}

/// What a one-shot is like, or the bars of a loop on average.
fn described(engine: &Engine, entry: &Entry) -> Result<Vec<f64>, Error> {
    let path = engine.library().blobs().path(&entry.stem.hash);
    let decoded = decode_file(&path, &engine.config().limits);
    let clip = decoded.map_err(|source| Error::Decode { path, source })?.clip;
    let Some(whole) = Whole::of(entry) else { return Ok(describe(&clip)) };
    let bars = describe_bars(&whole.cut(&clip), whole.bars);
    let mean = |i| bars.iter().map(|bar: &Vec<f64>| bar[i]).sum::<f64>() / bars.len() as f64;
    Ok((0..bars[0].len()).map(mean).collect())
}

/// The distance from the nearest of several descriptions.
fn nearest<'a>(place: &[f64], others: impl IntoIterator<Item = &'a Vec<f64>>) -> f64 {
    others.into_iter().map(|other| apart(place, other)).fold(f64::INFINITY, f64::min)
}

/// How far descriptions lie from the nearest other, median; 0 where there are not two.
fn spacing(places: &[Vec<f64>]) -> f64 {
    if places.len() < 2 {
        return 0.0;
    }
    let others = |i: usize| places[..i].iter().chain(&places[i + 1..]);
    let found = (0..places.len()).into_par_iter().map(|i| nearest(&places[i], others(i)));
    median(found.collect())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// Mean difference of two descriptions, in dB per cell.
fn apart(a: &[f64], b: &[f64]) -> f64 {
    let sum: f64 = a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum();
    sum / a.len().max(1) as f64
}

fn diversity(described: &[Vec<f64>], chosen: &[usize]) -> f64 {
    let pairs = chosen
        .iter()
        .enumerate()
        .flat_map(|(n, a)| chosen[..n].iter().map(|b| apart(&described[*a], &described[*b])));
    let (sum, count) = pairs.fold((0.0, 0_u32), |(sum, count), d| (sum + d, count + 1));
    sum / f64::from(count.max(1))
}

/// The best ones first that are also far from those chosen before.
fn choose(described: &[Vec<f64>], worth: &[f64], count: usize) -> Vec<usize> {
    let all: Vec<usize> = (0..described.len()).collect();
    let unit = diversity(described, &all).max(1e-9);
    let mut nearest = vec![unit; described.len()];
    let mut chosen: Vec<usize> = Vec::new();
    while chosen.len() < count.min(described.len()) {
        let score = |i: usize| worth[i] + APART * (nearest[i] / unit).min(1.0);
        let rest = all.iter().copied().filter(|i| !chosen.contains(i));
        let Some(best) = rest.max_by(|a, b| score(*a).total_cmp(&score(*b)).then(b.cmp(a))) else {
            break;
        };
        chosen.push(best);
        for i in 0..described.len() {
            nearest[i] = nearest[i].min(apart(&described[i], &described[best]));
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{category, library_of};
    use dream_core::Progress;

    #[test]
    fn the_best_and_the_most_unlike_are_chosen() {
        // Two that are alike, one of them better, and one apart.
        let described = [vec![0.0, 0.0], vec![0.1, 0.0], vec![9.0, 9.0]];
        assert_eq!(choose(&described, &[1.0, 1.1, 0.9], 2), [1, 2]);
        assert_eq!(choose(&described, &[1.0, 1.1, 0.9], 9).len(), 3);
        assert!((diversity(&described, &[0, 2]) - 9.0).abs() < 1e-9);
        assert!(choose(&[], &[], 3).is_empty());
    }

    #[test]
    fn what_lies_apart_is_measured_by_the_nearest() {
        let places = [vec![0.0], vec![1.0], vec![4.0]];
        assert!((nearest(&[3.0], &places) - 1.0).abs() < 1e-9);
        assert!((spacing(&places) - 1.0).abs() < 1e-9);
        assert!(spacing(&places[..1]).abs() < 1e-9 && nearest(&[3.0], &[]).is_infinite());
    }

    #[test]
    fn a_round_has_fallen_where_it_is_narrow_or_far_away() {
        let first = (10.0, 1.0);
        assert_eq!(fallen(&[], (1.0, 9.0)), None);
        assert_eq!(fallen(&[first], (8.1, 1.3)), None);
        assert_eq!(fallen(&[first], (7.9, 1.3)), Some(Fallen::Narrow));
        assert_eq!(fallen(&[first, (10.0, 1.1), (9.5, 1.1)], (8.6, 1.2)), None);
        assert_eq!(fallen(&[first, (10.0, 1.1), (8.9, 1.1)], (8.9, 1.2)), Some(Fallen::Narrow));
        assert_eq!(fallen(&[first, (10.0, 1.1), (9.5, 1.1)], (12.0, 1.4)), Some(Fallen::Away));
    }

    #[test]
    fn every_round_keeps_so_many_and_drops_the_rest() {
        let (_home, engine) = library_of(category(Category::Kick, 8));
        let spec = CycleSpec {
            categories: vec![Category::Kick],
            rounds: 2,
            keep: 2,
            form: None,
            epochs: 2,
            temperature: 1.0,
            seed: Some(Seed(1)),
            guard: true,
            fully_synthetic: false,
        };
        let rounds = RefCell::new(Vec::new());
        let watch = |event: Event<'_>| {
            if let Event::Round(round) = event {
                rounds.borrow_mut().push(round.clone());
            }
        };
        let job = JobSpec::Cycle(spec.clone());
        let outcome = engine.run_watched(&job, &Progress::silent(), &watch).unwrap();
        let Outcome::Cycle(report) = outcome else { panic!("{outcome:?}") };
        let rounds = rounds.into_inner();
        assert_eq!(report.rounds as usize, rounds.len());
        assert!(rounds.iter().all(|round| round.away > 0.0 && round.diversity > 0.0));
        assert_eq!(rounds.len(), 2, "{rounds:?}");
        let mut kept: Vec<StemId> = rounds.iter().flat_map(|round| round.kept.clone()).collect();
        kept.sort();
        let filter = Filter { sources: vec![Source::Generated], ..Filter::default() };
        let there = engine.library().stems(&filter).unwrap();
        assert_eq!(there.iter().map(|entry| entry.stem.id).collect::<Vec<_>>(), kept);
        let files = std::fs::read_dir(engine.home().generated_stems(Category::Kick)).unwrap();
        assert_eq!(files.count(), kept.len());
        let bad = JobSpec::Cycle(CycleSpec { keep: 0, ..spec });
        assert!(engine.run(&bad, &Progress::silent()).is_err());
    }
}
