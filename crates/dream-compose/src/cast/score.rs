//! How well a stem fits a part by itself, as a sum of terms that are kept for the reader.

use std::collections::BTreeMap;

use dream_core::{Bpm, Form, Key, Mode, PartId, Role, Seed, Stem};
use rand::RngExt;

use super::kind::{self, Words, plain};
use super::need::Need;
use super::root::root;
use super::{harmony, rhythm};
use crate::render::role::{is_drum, is_gesture, is_tonal, reach};
use crate::render::tuning;
use crate::{Candidate, Outline};

/// A score with its terms, and how the stem would be bent.
#[derive(Debug, Clone)]
pub(super) struct Fit {
    pub(super) score: f64,
    pub(super) why: BTreeMap<String, f64>,
    pub(super) ratio: f64,
    pub(super) semitones: f64,
}

impl Fit {
    pub(super) fn add(&mut self, term: &str, value: f64) {
        self.score += value;
        if value.abs() > 1e-9 {
            self.why.insert(term.to_owned(), (value * 1e4).round() / 1e4);
        }
    }
}

/// The words of a part and of the whole track, read once.
pub(super) struct Asked {
    part: Words,
    track: Words,
}

impl Asked {
    pub(super) fn of(need: &Need<'_>) -> Self {
        Self { part: Words::of_tags(&need.part.tags), track: Words::of_tags(need.moods) }
    }
}

pub(super) fn fit(need: &Need<'_>, asked: &Asked, candidate: &Candidate) -> Fit {
    let stem = &candidate.stem;
    let mut fit = Fit { score: 0.0, why: BTreeMap::new(), ratio: 1.0, semitones: 0.0 };
    fit.add("category", category(need.part.role, stem));
    fit.add("asked", if stem.category == need.part.category { 0.4 } else { 0.0 });
    fit.add("text", f64::from(candidate.similarity.clamp(0.0, 1.0)) - 0.5);
    fit.add("wish", WISH * f64::from(candidate.wish));
    let words = Words::of_stem(stem);
    fit.add("kind", kind::kind(need.part, stem.category, &words));
    fit.add("style", STYLE * kind::style(&asked.part, &words));
    fit.add("harsh", -HARSH * kind::harshness(need.genre, [&asked.part, &asked.track], &words));
    fit.add("named", kind::named(need.part, &asked.part, &words));
    fit.add("prompted", if words.has_any(&need.prompted) { PROMPTED } else { 0.0 });
    fit.add("tags", TAGS * tags(need.part, &words));
    fit.add("quality", 0.4 * f64::from(stem.facts.quality.clamp(0.0, 1.0)));
    fit.add("form", form(need, stem.facts.form, plays(need, stem)));
    if stem.facts.form == Form::Loop {
        let (ratio, term) = tempo(need, stem);
        fit.ratio = ratio;
        fit.add("tempo", term);
    }
    if need.is_melodic() && stem.facts.form != Form::Loop {
        fit.add("pitch", pitch(need, stem));
        fit.add("sustain", sustain(need, stem));
    }
    fit
}

/// How much a loop plays what the notes of the part ask for, in time and in pitch, 0 to 1.
fn plays(need: &Need<'_>, stem: &Stem) -> f64 {
    let pitches = if need.is_melodic() { harmony::plays(need, stem) } else { Some(1.0) };
    rhythm::plays(need, stem).zip(pitches).map_or(0.0, |(time, pitch)| time * pitch)
}

/// The sum of those terms that an outline can answer.
pub(crate) fn promise(need: &Need<'_>, outline: &Outline) -> f64 {
    let tempo = match (outline.form, outline.bpm) {
        (Form::Loop, Some(bpm)) => stretch(need, bpm).1,
        (Form::Loop, None) => -1.5,
        (Form::OneShot | Form::Free, _) => 0.0,
    };
    f64::from(outline.similarity)
        + WISH * f64::from(outline.wish)
        + if outline.tagged { kind::OWN } else { 0.0 }
        + 0.4 * f64::from(outline.quality)
        + form(need, outline.form, 1.0)
        + tempo
}

/// What a stem is worth that the prompt names, "acid bass": more than seed and style.
const PROMPTED: f64 = 6.0;
/// Weights of the tags, of what is out of place and of the style: the seed does not decide between one that has them and one that
/// has not.
const TAGS: f64 = 1.5;
const HARSH: f64 = 2.5;
const STYLE: f64 = 2.1;
/// Weight of what the prompt says of sounds, for a deviation: two outweigh another style, not another kind.
const WISH: f64 = 3.0;

/// Whether a tonal stem is transposed as a whole in this part: what runs as it is, and what has no known root.
pub(super) fn runs(need: &Need<'_>, stem: &Stem) -> bool {
    let bound = stem.facts.form == Form::Loop || !need.has_notes || root(&stem.facts).is_none();
    is_tonal(need.part.role) && bound
}

fn category(role: Role, stem: &Stem) -> f64 {
    let rank = role.categories().iter().position(|category| *category == stem.category);
    let sure = f64::from(stem.facts.category_confidence.clamp(0.0, 1.0));
    match rank {
        Some(rank) => 1.2 * 0.75_f64.powf(rank as f64) * (0.7 + 0.3 * sure),
        None => 0.0,
    }
}

/// Share of the wanted tags that the stem has.
fn tags(part: &PartId, stem: &Words) -> f64 {
    let has = |tag: &&String| stem.has(&plain(tag));
    part.tags.iter().filter(has).count() as f64 / part.tags.len().max(1) as f64
}

/// From this share of the notes on a loop plays them.
const LIKE_THE_NOTES: f64 = 0.65;
/// What a loop costs that plays other notes: it comes after all that can play them.
pub(super) const OTHER_NOTES: f64 = -8.0;

/// Notes want one-shots, parts that just run want loops and textures; a loop that plays what the notes say (`plays`, 0 to
/// 1) is as good as the notes.
fn form(need: &Need<'_>, form: Form, plays: f64) -> f64 {
    let gesture = is_gesture(need.part.role);
    match form {
        // The notes of a break are slices of a loop.
        Form::Loop if need.part.role == Role::Break => 1.0,
        Form::OneShot | Form::Free if need.part.role == Role::Break => -0.6,
        Form::OneShot if need.has_notes || gesture => 1.0,
        Form::OneShot if is_drum(need.part.role) => 0.4,
        Form::OneShot => 0.1,
        Form::Loop if gesture => 0.0,
        Form::Loop if need.has_notes && need.yields() && plays >= LIKE_THE_NOTES => {
            2.0 * plays - 1.0
        }
        Form::Loop if need.has_notes => OTHER_NOTES,
        Form::Loop => 1.0,
        Form::Free if gesture => 0.9,
        // A recording of many hits is no hit.
        Form::Free if need.has_notes && is_drum(need.part.role) => OTHER_NOTES / 2.0,
        Form::Free if need.has_notes => -0.2,
        Form::Free if is_drum(need.part.role) => -0.6,
        Form::Free => 0.8,
    }
}

/// Largest stretch that is hardly heard, as a ratio: drums 12 %, tonal material 8 %.
pub(super) fn stretch_limit(role: Role) -> f64 {
    if is_drum(role) { 1.12 } else { 1.08 }
}

/// The stretch that brings a loop to the plan's tempo, at its own, half or double time.
fn tempo(need: &Need<'_>, stem: &Stem) -> (f64, f64) {
    let facts = &stem.facts;
    let seconds = facts.loop_points_s.map_or(facts.duration_s, |(start, end)| end - start);
    let from_bars = facts
        .bars
        .filter(|bars| *bars > 0 && seconds > 0.0)
        .map(|bars| f64::from(bars) * 240.0 / seconds);
    from_bars.or(facts.bpm.map(Bpm::get)).map_or((1.0, -1.5), |own| stretch(need, own))
}

/// The same for a tempo in bpm.
fn stretch(need: &Need<'_>, own: f64) -> (f64, f64) {
    let ratio = [1.0, 0.5, 2.0]
        .map(|time| own / need.bpm.get() * time)
        .into_iter()
        .min_by(|a, b| a.ln().abs().total_cmp(&b.ln().abs()))
        .unwrap_or(1.0);
    let share = ratio.ln().abs() / stretch_limit(need.part.role).ln();
    let beyond = if share > 1.0 { -3.0 - (share - 1.0).min(5.0) } else { 0.0 };
    (ratio, -0.5 * share.min(1.0) + beyond)
}

/// How near the plan's key a loop or texture is after that transposition: by its root where it is one note or chord, else by
/// the pitches that stand out of it, else by its own key: best in the plan's or its relative, well as a neighbour on the
/// Camelot wheel. 0 where nothing is known.
pub(super) fn key(need: &Need<'_>, stem: &Stem, semitones: i32) -> f64 {
    let facts = &stem.facts;
    let Some(target) = need.key else { return 0.0 };
    if let Some((root, sure)) = root(facts).filter(|_| facts.form != Form::Loop) {
        return sure * lone(root.round() as i32 + semitones, target);
    }
    if let Some(classes) = harmony::outstanding(facts) {
        return (0..12)
            .map(|class| classes[class as usize] * lone(class + semitones, target))
            .sum();
    }
    let Some(own) = facts.key else { return 0.0 };
    let sure = f64::from(facts.key_confidence.clamp(0.0, 1.0));
    match own.transposed(semitones).shift_to(target).0 as i32 {
        0 => 0.8 * sure,
        // A fifth apart: neighbours on the wheel.
        5 | -5 => 0.2 * sure,
        _ => -2.5 * sure,
    }
}

/// The same for a pitch that goes on: the root of a lone note or chord that runs, or what stands out of a texture: best on the tonic, well on the fifth; a pedal on another degree
/// would be heard as the tonic of another key.
fn lone(root: i32, target: Key) -> f64 {
    let above = (root - target.tonic.index()).rem_euclid(12);
    let scale: &[i32] = match target.mode {
        Mode::Major => &[0, 2, 4, 5, 7, 9, 11],
        Mode::Minor => &[0, 2, 3, 5, 7, 8, 10],
    };
    match above {
        0 => 0.8,
        7 => 0.5,
        _ if scale.contains(&above) => -0.8,
        _ => -2.5,
    }
}

/// Whether a stem can play the part's notes in tune: its root is known, or it is a loop, which is weighed by what it plays. A
/// pad may also lie under the notes in the key, a voice keeps its own pitch, a stab may have none. A chord plays no melody.
pub(super) fn in_tune(need: &Need<'_>, stem: &Stem) -> bool {
    let free = need.key.is_none() || !need.is_melodic();
    let line = matches!(need.part.role, Role::Bass | Role::Sub | Role::Lead | Role::Arp);
    let too_many = line && !need.chords && !chord(stem).is_empty();
    free || (root(&stem.facts).is_some() && !too_many)
        || match (stem.facts.form, need.part.role) {
            (Form::Loop, _) | (_, Role::Vocal) => true,
            (_, Role::Pad) => {
                (-harmony::REACH..=harmony::REACH).any(|by| key(need, stem, by) > 0.0)
            }
            (_, Role::Stab) => harmony::sound(need, stem).is_none(),
            _ => false,
        }
}

/// What a stem without a known root costs where it should play notes: it plays one pitch.
const ROOTLESS: f64 = -4.0;
/// What a chord or a tone costs that sounds with the wrong third wherever it is played.
const WRONG_THIRD: f64 = -6.0;

/// Mean over the notes of how easily the one-shot reaches them.
fn pitch(need: &Need<'_>, stem: &Stem) -> f64 {
    let chord = !chord(stem).is_empty();
    let kind = match (need.chords, chord) {
        (true, true) => 0.5,
        (false, true) => -0.8,
        (true | false, false) => 0.0,
    };
    let Some((root, _)) = root(&stem.facts) else { return kind + ROOTLESS };
    let (low, high) = reach(need.part.role, chord);
    let ease = |pitch: &u8| {
        let away = f64::from(*pitch) - root;
        if (low..=high).contains(&away) {
            0.8 - 0.4 * (away / if away < 0.0 { low } else { high })
        } else {
            let folded = (away + 6.0).rem_euclid(12.0) - 6.0;
            if (low..=high).contains(&folded) { 0.1 } else { -0.8 }
        }
    };
    let ease = need.pitches.iter().map(ease).sum::<f64>() / need.pitches.len().max(1) as f64;
    let wrong = if chord { wrong_thirds(need, stem) } else { foreign_third(need, stem, root) };
    kind + ease + WRONG_THIRD * wrong
}

/// What a stem costs that ends before the long notes of a pad or a drone do.
fn sustain(need: &Need<'_>, stem: &Stem) -> f64 {
    const TOO_SHORT: f64 = -8.0;
    const LONG_S: f64 = 2.0;
    if !matches!(need.part.role, Role::Pad | Role::Drone) {
        return 0.0;
    }
    let needed_s = (need.longest_beats * 60.0 / need.bpm.get()).min(LONG_S);
    TOO_SHORT * (1.0 - stem.facts.duration_s / needed_s.max(f64::MIN_POSITIVE)).max(0.0)
}

/// In which share of the part's chords the third is major where that of the stem's chord is minor, or the other way round; an
/// open chord leaves out every third, which is a small part of a wrong one.
fn wrong_thirds(need: &Need<'_>, stem: &Stem) -> f64 {
    const LEFT_OUT: f64 = 0.2;
    let own =
        chord(stem).iter().map(|above| i32::from(*above)).find(|above| [3, 4].contains(above));
    let wrong_in = |pitches: &[i32]| {
        let root = tuning::root_of(pitches).unwrap_or_default();
        let has = |above| pitches.iter().any(|pitch| (pitch - root).rem_euclid(12) == above);
        match own {
            Some(third) if has(7 - third) && !has(third) => 1.0,
            None if has(3) || has(4) => LEFT_OUT,
            _ => 0.0,
        }
    };
    let (all, wrong) = need.voicings.iter().fold((0.0, 0.0), |(all, wrong), (pitches, weight)| {
        (all + weight, wrong + weight * wrong_in(pitches))
    });
    if all > 0.0 { wrong / all } else { 0.0 }
}

/// How much of the third that the plan's key does not have sounds in a tone, relative to its root: metal and overdriven tones
/// hold one, and would turn the key into its parallel. Low notes are free of it (`render::tuning`).
fn foreign_third(need: &Need<'_>, stem: &Stem, root: f64) -> f64 {
    let low = matches!(need.part.role, Role::Bass | Role::Sub);
    let Some((key, classes)) = need.key.filter(|_| !low).zip(harmony::outstanding(&stem.facts))
    else {
        return 0.0;
    };
    let above = |semitones: i32| classes[(root.round() as i32 + semitones).rem_euclid(12) as usize];
    let (own, other) = match key.mode {
        Mode::Major => (above(4), above(3)),
        Mode::Minor => (above(3), above(4)),
    };
    ((other - own) / above(0).max(other).max(f64::MIN_POSITIVE)).max(0.0)
}

/// The chord a stem holds, by its tags and its mode: thirds are left open where they are not known. A key whose tonic is
/// another note than the root of the chord tells nothing of its third.
pub(super) fn chord(stem: &Stem) -> &'static [u8] {
    let has = |tag: &str| stem.tags.iter().any(|own| own.eq_ignore_ascii_case(tag));
    if has("sus") || has("power") {
        &[0, 7]
    } else if !has("chord") {
        &[]
    } else if has("neutral") {
        &[0, 7]
    } else {
        let on_tonic = |key: &Key| {
            let class = stem.facts.root.map(|root| root.round().rem_euclid(12.0));
            class.is_none_or(|class| (class - f64::from(key.tonic.index())).abs() < 0.5)
        };
        match stem.facts.key.filter(on_tonic).map(|key| key.mode) {
            Some(Mode::Major) => &[0, 4, 7],
            Some(Mode::Minor) => &[0, 3, 7],
            None => &[0, 7],
        }
    }
}

/// The root of the deviations of a part.
pub(super) fn seed_of(seed: Seed, part: &PartId) -> Seed {
    seed.child(part.role.name()).child(&part.tags.join(",")).child(&part.text)
}

/// A number from 0 to 1 that depends on seed, part and stem alone.
pub(super) fn chance(of_part: Seed, stem: &Stem) -> f64 {
    of_part.child(&stem.hash).rng().random_range(0.0..1.0)
}
