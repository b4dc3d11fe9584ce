//! The search: which stems together make the best casting.
//!
//! Method: beam search. Parts are cast one after the other, those the track hangs on first; after each the eight best
//! partial castings are kept. What a stem is worth by itself is `score`'s; here it meets those that were cast before: harmony,
//! rhythm, balance, repetition. A loop or texture is transposed where key and harmony want it.
//! Cost: parts x 8 x 48 comparisons with the parts before.

use std::collections::BTreeMap;

use dream_core::{PartId, Profile, Role, Seed, Stem};

use super::harmony::{self, Heard, Interval, REACH, Sound};
use super::need::Need;
use super::rhythm::{self, Pattern};
use super::score::{self, Fit};
use super::{Rated, balance};
use crate::Candidate;
use crate::render::role::stand_ins;

/// Partial castings kept.
const WIDTH: usize = 8;
/// Candidates of a part that are compared with the others: the best by themselves.
const CONTENDERS: usize = 48;
/// The layers of a part are at most this much worse than its best.
const LAYER: f64 = 1.5;
const SHIFTS: usize = 2 * REACH as usize + 1;

/// Weights of the terms, on the scale of those in `score`.
const HARMONY: f64 = 9.0;
const RHYTHM: f64 = 0.6;
const BALANCE: f64 = 0.5;
/// What it costs to move by [`REACH`] semitones.
const SHIFT: f64 = 0.3;
/// What a stem costs that claims the low end of kick and bass.
const SECOND_SUB: f64 = 0.5;
/// Of the stems that are at most this much worse than the best the seed decides.
const NEAR: f64 = 1.4;

/// A part with what may play it.
pub(super) struct Open<'a> {
    pub(super) need: Need<'a>,
    contenders: Vec<Contender<'a>>,
}

/// A stem that may play a part, with all that does not depend on the others.
struct Contender<'a> {
    stem: &'a Stem,
    fit: Fit,
    /// What each transposition is worth by the key.
    keys: [f64; SHIFTS],
    sound: Option<Sound>,
    moved: Option<[Heard; SHIFTS]>,
    pattern: Option<Pattern>,
    timing: Option<f64>,
    bands: Option<[f64; Profile::BARK]>,
    claims_sub: bool,
}

impl<'a> Open<'a> {
    pub(super) fn new(need: Need<'a>, candidates: &[&'a Candidate], seed: Seed) -> Self {
        let seed = score::seed_of(seed, need.part);
        let asked = score::Asked::of(&need);
        let mut rated: Vec<Rating<'_>> = candidates
            .iter()
            .map(|candidate| {
                let stem: &Stem = &candidate.stem;
                let fit = score::fit(&need, &asked, candidate);
                let keys = keys(&need, stem);
                (fit.score + keys.iter().copied().fold(f64::MIN, f64::max), fit, keys, stem)
            })
            .collect();
        draw(&mut rated, seed);
        // The hash makes the order total, whatever the order of the candidates.
        rated.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.3.hash.cmp(&b.3.hash)));
        rated.dedup_by(|a, b| a.3.hash == b.3.hash);
        rated.truncate(CONTENDERS);
        let contenders = rated
            .into_iter()
            .map(|(_, fit, keys, stem)| Contender::new(&need, stem, fit, keys))
            .collect();
        Self { need, contenders }
    }

    /// Whether any stem may play the part.
    pub(super) fn has_contenders(&self) -> bool {
        !self.contenders.is_empty()
    }
}

impl<'a> Contender<'a> {
    fn new(need: &Need<'_>, stem: &'a Stem, fit: Fit, keys: [f64; SHIFTS]) -> Self {
        let role = need.part.role;
        let sound = harmony::sound(need, stem);
        Self {
            stem,
            keys,
            sound,
            moved: sound.map(|sound| std::array::from_fn(|i| sound.at(i as i32 - REACH))),
            pattern: rhythm::pattern(need, stem),
            timing: rhythm::timing(need, stem, fit.ratio),
            bands: balance::bands(role, stem),
            claims_sub: balance::claims_sub(role, stem),
            fit,
        }
    }

    /// Whether it may be transposed as a whole.
    fn moves(&self) -> bool {
        self.keys.iter().any(|key| key.abs() > 0.0) || self.sound.is_some_and(|sound| sound.runs)
    }
}

/// A stem with what it is worth by itself and in each transposition, and the sum of the two.
type Rating<'a> = (f64, Fit, [f64; SHIFTS], &'a Stem);

/// Lets the seed decide between near-equals: stems of the best one's form that are hardly worse.
fn draw(rated: &mut [Rating<'_>], seed: Seed) {
    let Some((best, .., stem)) = rated.iter().max_by(|a, b| a.0.total_cmp(&b.0)) else { return };
    let (best, form) = (*best, stem.facts.form);
    for (score, fit, _, stem) in rated {
        if *score > best - NEAR && stem.facts.form == form {
            let drawn = best - NEAR * score::chance(seed, stem);
            fit.add("chance", drawn - *score);
            *score = drawn;
        }
    }
}

/// What each transposition of a stem that runs is worth by the key; 0 where that says nothing.
fn keys(need: &Need<'_>, stem: &Stem) -> [f64; SHIFTS] {
    if !score::runs(need, stem) {
        return [0.0; SHIFTS];
    }
    std::array::from_fn(|i| score::key(need, stem, i as i32 - REACH))
}

/// A stem beside the others.
#[derive(Debug, Clone, Copy)]
struct Beside {
    contender: usize,
    semitones: i32,
    score: f64,
    terms: [(&'static str, f64); 6],
}

impl Beside {
    /// Whether it fits less than what is drawn by chance.
    fn clashes(&self) -> bool {
        let harmony = self.terms.iter().find(|(term, _)| *term == "harmony");
        harmony.is_some_and(|(_, value)| *value < HARMONY * harmony::BY_CHANCE)
    }
}

/// What was cast so far.
#[derive(Clone)]
struct State {
    score: f64,
    /// Per part in the order of the search.
    picks: Vec<Vec<Beside>>,
    heard: Vec<Heard>,
    patterns: Vec<(Role, Pattern)>,
    mix: [f64; Profile::BARK],
}

/// What the search chose for a part, with what it preferred that to.
pub(super) struct Choice<'a> {
    pub(super) stems: Vec<(&'a Stem, Fit)>,
    pub(super) losers: Vec<Rated>,
}

/// The best casting: a choice per part, in the order of `parts`.
pub(super) fn search<'a>(parts: &[Open<'a>]) -> Vec<Choice<'a>> {
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by_key(|&part| (!parts[part].need.required, rank(parts[part].need.part.role), part));
    let empty = State {
        score: 0.0,
        picks: Vec::new(),
        heard: written(parts).map(|interval| Heard { interval, bass: None }).into_iter().collect(),
        patterns: Vec::new(),
        mix: [0.0; Profile::BARK],
    };
    let mut states = vec![empty.clone()];
    for (at, &part) in order.iter().enumerate() {
        let mut next: Vec<(f64, usize, Vec<Beside>)> = Vec::new();
        for (index, state) in states.iter().enumerate() {
            let mut ranking = ranking(parts, &order[..at], part, state);
            // Better without a part than with one that clashes.
            ranking.retain(|beside| parts[part].need.required || !beside.clashes());
            if ranking.is_empty() {
                next.push((state.score, index, Vec::new()));
            }
            for first in 0..ranking.len().min(WIDTH) {
                let layers = layers(&parts[part], &ranking, first);
                next.push((state.score + ranking[first].score, index, layers));
            }
        }
        next.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        next.truncate(WIDTH);
        states = next
            .into_iter()
            .map(|(score, index, stems)| states[index].with(&parts[part], score, stems))
            .collect();
    }
    let best = states.swap_remove(0);
    told(parts, &order, &empty, &best)
}

/// The foreground first: who comes later must fit.
fn rank(role: Role) -> usize {
    use Role::{
        Arp, Bass, Break, Chords, Clap, Crash, Downlifter, Drone, Hat, Impact, Kick, Lead, Noise,
        OpenHat, Pad, Perc, Reverse, Ride, Riser, Shaker, Snare, Stab, Sub, Tom, Vocal,
    };
    match role {
        Kick => 0,
        Break => 1,
        Bass => 2,
        Sub => 3,
        Vocal => 4,
        Lead => 5,
        Chords => 6,
        Stab => 7,
        Pad => 8,
        Arp => 9,
        Snare => 10,
        Clap => 11,
        Hat => 12,
        OpenHat => 13,
        Ride => 14,
        Shaker => 15,
        Perc => 16,
        Tom => 17,
        Drone => 18,
        Noise => 19,
        Riser | Downlifter | Impact | Crash | Reverse => 20,
    }
}

/// All pitched notes of the plan together: what stems that run must fit even before any other is cast.
fn written(parts: &[Open<'_>]) -> Option<Interval> {
    let mut classes = [0.0; 12];
    for need in parts.iter().map(|part| &part.need).filter(|need| need.is_melodic()) {
        let sum: f64 = need.classes.iter().sum();
        for (total, class) in classes.iter_mut().zip(&need.classes) {
            *total += class / sum.max(1e-9);
        }
    }
    Interval::of(&classes)
}

/// The contenders of a part beside what was cast, the best first.
fn ranking(parts: &[Open<'_>], before: &[usize], part: usize, state: &State) -> Vec<Beside> {
    let open = &parts[part];
    let mut ranking: Vec<Beside> = (0..open.contenders.len())
        .map(|index| {
            let contender = &open.contenders[index];
            let repeat = repeat(open.need.part, contender.stem, parts, before, state);
            beside(&open.need, contender, index, repeat, state)
        })
        .collect();
    ranking.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.contender.cmp(&b.contender)));
    ranking
}

fn beside(
    need: &Need<'_>,
    contender: &Contender<'_>,
    index: usize,
    repeat: f64,
    state: &State,
) -> Beside {
    let harmony = |shift: usize| match &contender.moved {
        Some(moved) => harmony::fit(&moved[shift], &state.heard),
        None => 0.0,
    };
    let still = REACH as usize;
    let cost = |shift: usize| SHIFT * (shift as f64 - f64::from(REACH)).abs() / f64::from(REACH);

    let worth = |shift: usize| contender.keys[shift] + HARMONY * harmony(shift) - cost(shift);
    let shift = if contender.moves() {
        // Of equals the one that moves least, then the lower.
        let mut shifts: Vec<usize> = (0..SHIFTS).collect();
        shifts.sort_by_key(|shift| (shift.abs_diff(still), *shift));
        let best = |best: usize, shift: usize| {
            if worth(shift) > worth(best) + 1e-9 { shift } else { best }
        };
        shifts.into_iter().fold(still, best)
    } else {
        still
    };
    let sub = if contender.claims_sub { SECOND_SUB } else { 0.0 };
    let apart = contender.bands.as_ref().map_or(0.0, |bands| balance::apart(bands, &state.mix));
    let groove = contender.timing.zip(contender.pattern).map_or(0.0, |(timing, pattern)| {
        rhythm::fit(timing, need.part.role, &pattern, &state.patterns)
    });
    let terms = [
        ("key", contender.keys[shift]),
        ("shift", -cost(shift)),
        ("harmony", HARMONY * harmony(shift)),
        ("rhythm", RHYTHM * groove),
        ("balance", BALANCE * apart - sub),
        ("repeat", -repeat),
    ];
    Beside {
        contender: index,
        semitones: shift as i32 - REACH,
        score: contender.fit.score + terms.iter().map(|(_, value)| value).sum::<f64>(),
        terms,
    }
}

/// How much it counts against a stem that it already plays: most beside a like role.
fn repeat(part: &PartId, stem: &Stem, parts: &[Open<'_>], before: &[usize], state: &State) -> f64 {
    let like = |other: &PartId| {
        other.role == part.role
            || stand_ins(part.role).contains(&other.role)
            || other.category == part.category
    };
    before
        .iter()
        .zip(&state.picks)
        .filter(|(other, picks)| {
            picks.iter().any(|pick| parts[**other].contenders[pick.contender].stem.id == stem.id)
        })
        .map(|(other, _)| if like(parts[*other].need.part) { 1.2 } else { 0.5 })
        .fold(0.0, f64::max)
}

/// The stem at `first` with those that may be layered with it.
fn layers(open: &Open<'_>, ranking: &[Beside], first: usize) -> Vec<Beside> {
    // A loop beside a one-shot of the same part would double the part: layers share the form.
    let form = |beside: &Beside| open.contenders[beside.contender].stem.facts.form;
    let best = ranking[first];
    let mut stems = vec![best];
    let others = ranking.iter().enumerate().filter(|(index, other)| {
        *index != first && form(other) == form(&best) && other.score > best.score - LAYER
    });
    stems.extend(others.map(|(_, other)| *other).take(open.need.count as usize - 1));
    stems
}

impl State {
    fn with(&self, open: &Open<'_>, score: f64, stems: Vec<Beside>) -> Self {
        let mut next = Self { score, ..self.clone() };
        let role = open.need.part.role;
        for stem in &stems {
            let contender = &open.contenders[stem.contender];
            let shift = (stem.semitones + REACH) as usize;
            next.heard.extend(contender.moved.as_ref().map(|moved| moved[shift]));
            next.patterns.extend(contender.pattern.map(|pattern| (role, pattern)));
            if let Some(bands) = &contender.bands {
                balance::add(&mut next.mix, role, bands);
            }
        }
        next.picks.push(stems);
        next
    }
}

/// The choices of a finished casting with the three best losers of each part, in the order of `parts`.
fn told<'a>(parts: &[Open<'a>], order: &[usize], empty: &State, best: &State) -> Vec<Choice<'a>> {
    let mut choices: BTreeMap<usize, Choice<'a>> = BTreeMap::new();
    let mut state = empty.clone();
    for (at, &part) in order.iter().enumerate() {
        let open = &parts[part];
        let chosen = &best.picks[at];
        let losers = ranking(parts, &order[..at], part, &state)
            .into_iter()
            .filter(|other| chosen.iter().all(|stem| stem.contender != other.contender))
            .take(3)
            .map(|other| {
                let (stem, fit) = open.rated(&other);
                Rated::new(stem, &fit)
            })
            .collect();
        let stems = chosen.iter().map(|stem| open.rated(stem)).collect();
        choices.insert(part, Choice { stems, losers });
        state = state.with(open, 0.0, chosen.clone());
    }
    choices.into_values().collect()
}

impl<'a> Open<'a> {
    fn rated(&self, beside: &Beside) -> (&'a Stem, Fit) {
        let contender = &self.contenders[beside.contender];
        let mut fit = contender.fit.clone();
        for (term, value) in beside.terms {
            fit.add(term, value);
        }
        fit.semitones =
            f64::from(beside.semitones) + contender.sound.map_or(0.0, |sound| sound.tune);
        (contender.stem, fit)
    }
}
