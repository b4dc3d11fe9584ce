//! From candidates to a casting: one stem (or a few) per part, for the whole track.
//!
//! What a stem is worth in a part is a sum of terms: what it is and says of itself (`kind`, `score`), and how it goes with
//! the stems of the other parts (`harmony`, `rhythm`, `balance`); a beam search finds the casting with the largest sum (`beam`). Between
//! near-equals the seed decides, so that another seed gives another track. A part without candidates
//! borrows those of its nearest role; what was borrowed or left out is said in the warnings.

mod balance;
mod beam;
mod harmony;
mod kind;
mod need;
mod rhythm;
mod root;
mod score;

use std::collections::BTreeMap;

use dream_core::{ArrangementPlan, Bpm, Form, Key, PartId, Role, Seed, Source, Stem, StemId};
use serde::{Deserialize, Serialize};

use crate::render::role::{is_drum, is_gesture, stand_ins};
use crate::{Candidate, Error, LayerReport, Shortlist};
use beam::{Open, search};
pub use kind::STYLES;
pub(crate) use kind::kinds;
pub(crate) use need::Need;
use score::Fit;
pub(crate) use score::promise;

/// The stem chosen for each part. Stored beside the track; with the plan and the clips it suffices to
/// render again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Casting {
    /// Every part of the plan in plan order; a part that stays silent has no stems.
    pub parts: Vec<CastPart>,
    /// What was replaced, bent beyond its limits or left out.
    pub warnings: Vec<String>,
}

/// A part and the stems that play it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CastPart {
    /// The part.
    pub part: PartId,
    /// Its stems; more than one are layered.
    pub stems: Vec<CastStem>,
}

/// A chosen stem, how it is bent to fit, and why it was chosen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CastStem {
    /// Its number in the library.
    pub id: StemId,
    /// BLAKE3 of its audio, lower-case hex.
    pub hash: String,
    /// File name or recipe name.
    pub name: String,
    /// Where it is from.
    pub source: Source,
    /// The kit it belongs to.
    pub kit: Option<String>,
    /// SPDX licence expression.
    pub licence: Option<String>,
    /// One-shot, loop or free.
    pub form: Form,
    /// The chord it holds, in semitones above its root; empty for a single note.
    pub chord: Vec<u8>,
    /// Its own tempo.
    pub bpm: Option<Bpm>,
    /// Its length in bars, for loops.
    pub bars: Option<u32>,
    /// Where the loop lies in its audio, in seconds; all of it where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span_s: Option<(f64, f64)>,
    /// Its own key.
    pub key: Option<Key>,
    /// Its fundamental as a MIDI note number with cents as the fraction.
    pub root: Option<f64>,
    /// Output length over input length, for loops.
    pub ratio: f64,
    /// Transposition of loops and textures.
    pub semitones: f64,
    /// Level among the stems of the part.
    pub gain_db: f64,
    /// Gain of the layer as it was first rendered, in dB: a later render of an edited plan keeps it. Measured
    /// where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level_db: Option<f64>,
    /// Score; larger is better.
    pub score: f64,
    /// The terms of the score.
    pub why: BTreeMap<String, f64>,
}

impl Casting {
    /// Freezes the levels of rendered layers: a later render of an edited plan keeps them.
    pub fn keep_levels(&mut self, layers: &[LayerReport]) {
        for layer in layers {
            self.set_level(&layer.part, layer.stem, layer.level_db);
        }
    }

    /// Freezes the level of a layer, in dB.
    pub(crate) fn set_level(&mut self, part: &PartId, stem: StemId, level_db: Option<f64>) {
        let parts = self.parts.iter_mut().filter(|cast| cast.part == *part);
        for cast in parts.flat_map(|cast| &mut cast.stems).filter(|cast| cast.id == stem) {
            cast.level_db = level_db;
        }
    }

    /// The distinct stems in order of number.
    pub fn stems(&self) -> Vec<StemId> {
        let mut ids: Vec<StemId> =
            self.parts.iter().flat_map(|part| &part.stems).map(|stem| stem.id).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}

/// A casting and why it is that one.
#[derive(Debug, Clone, PartialEq)]
pub struct Cast {
    /// The stems of every part.
    pub casting: Casting,
    /// For every part of the casting what was chosen and what came next.
    pub explanation: Vec<Explained>,
}

/// Why a part is played by its stems.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Explained {
    /// The part.
    pub part: PartId,
    /// Its stems; one that scores less than a loser leads to a better casting of the parts after it.
    pub chosen: Vec<Rated>,
    /// The three best of the other candidates, as they would do beside the same stems.
    pub losers: Vec<Rated>,
}

/// A candidate with its score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rated {
    /// Its number in the library.
    pub id: StemId,
    /// File name or recipe name.
    pub name: String,
    /// Score; larger is better.
    pub score: f64,
    /// The terms of the score.
    pub why: BTreeMap<String, f64>,
}

impl Rated {
    fn new(stem: &Stem, fit: &Fit) -> Self {
        Self { id: stem.id, name: stem.name.clone(), score: fit.score, why: fit.why.clone() }
    }
}

impl From<&CastStem> for Rated {
    fn from(stem: &CastStem) -> Self {
        Self { id: stem.id, name: stem.name.clone(), score: stem.score, why: stem.why.clone() }
    }
}

/// Chooses the stems of every part.
///
/// # Errors
/// `Error::NoStems` when no part has a candidate, `Error::Plan` for a plan out of its limits.
pub fn cast(plan: &ArrangementPlan, shortlist: &Shortlist, seed: Seed) -> Result<Cast, Error> {
    plan.validate()?;
    if shortlist.parts.iter().all(|(_, candidates)| candidates.is_empty()) {
        return Err(Error::NoStems);
    }
    let parts = plan.parts();
    let mut warnings = Vec::new();
    let open: Vec<Open<'_>> = parts
        .iter()
        .map(|part| {
            let need = Need::of(plan, part);
            let (role, candidates) = candidates(shortlist, &need);
            warnings.push(borrowed(part, role, &need));
            Open::new(need, &candidates, seed)
        })
        .collect();
    let mut cast = Cast {
        casting: Casting { parts: Vec::new(), warnings: Vec::new() },
        explanation: Vec::new(),
    };
    for ((open, choice), borrowed) in open.iter().zip(search(&open)).zip(warnings) {
        let gain_db = -10.0 * (choice.stems.len().max(1) as f64).log10();
        let chosen = choice.stems.iter().map(|(stem, fit)| Rated::new(stem, fit)).collect();
        let stems: Vec<CastStem> =
            choice.stems.into_iter().map(|(stem, fit)| cast_stem(stem, fit, gain_db)).collect();
        cast.casting.warnings.extend(borrowed);
        if stems.is_empty() && open.has_contenders() {
            let name = label(open.need.part);
            cast.casting
                .warnings
                .push(format!("{name}: every stem clashes with the others, left out"));
        }
        cast.casting.warnings.extend(stems.iter().flat_map(|stem| caveats(&open.need, stem)));
        let part = open.need.part.clone();
        cast.explanation.push(Explained { part: part.clone(), chosen, losers: choice.losers });
        cast.casting.parts.push(CastPart { part, stems });
    }
    Ok(cast)
}

/// The part's own candidates or those of the nearest role that has some, and that role: those that can play in tune, or
/// where the part is required and there are none, any.
fn candidates<'a>(shortlist: &'a Shortlist, need: &Need<'_>) -> (Option<Role>, Vec<&'a Candidate>) {
    let part = need.part;
    let own = |id: &PartId| id == part;
    let of = |role: Role| move |id: &PartId| id.role == role;
    let first = |wanted: &dyn Fn(&PartId) -> bool, tuned: bool| {
        shortlist.parts.iter().filter(|(id, _)| wanted(id)).find_map(|(_, list)| {
            let list = list.iter().filter(|one| !tuned || score::in_tune(need, &one.stem));
            Some(list.collect::<Vec<_>>()).filter(|list| !list.is_empty())
        })
    };
    let all = |tuned| {
        first(&own, tuned).map(|list| (part.role, list)).or_else(|| {
            let roles = std::iter::once(&part.role).chain(stand_ins(part.role));
            roles.into_iter().find_map(|role| Some((*role, first(&of(*role), tuned)?)))
        })
    };
    let found = all(true).or_else(|| all(false).filter(|_| need.required));
    found.map_or((None, Vec::new()), |(role, list)| (Some(role), list))
}

fn borrowed(part: &PartId, role: Option<Role>, need: &Need<'_>) -> Option<String> {
    let name = label(part);
    match role {
        Some(role) if role == part.role => None,
        Some(role) => Some(format!("{name}: no stem found, played by a {role} stem")),
        None if need.required => {
            Some(format!("{name}: REQUIRED, but no stem was found: the track lacks it"))
        }
        None => Some(format!("{name}: no stem found that can play it, left out")),
    }
}

fn cast_stem(stem: &Stem, fit: Fit, gain_db: f64) -> CastStem {
    let facts = &stem.facts;
    CastStem {
        id: stem.id,
        hash: stem.hash.clone(),
        name: stem.name.clone(),
        source: stem.source,
        kit: stem.kit.clone(),
        licence: stem.licence.clone(),
        form: facts.form,
        chord: score::chord(stem).to_vec(),
        bpm: facts.bpm,
        bars: facts.bars,
        span_s: facts.loop_points_s.filter(|_| facts.form == Form::Loop),
        key: facts.key,
        root: root::root(facts).map(|(root, _)| root),
        ratio: fit.ratio,
        semitones: fit.semitones,
        gain_db,
        level_db: None,
        score: fit.score,
        why: fit.why,
    }
}

/// What is wrong with a chosen stem.
fn caveats(need: &Need<'_>, stem: &CastStem) -> Vec<String> {
    let name = label(need.part);
    let mut caveats = Vec::new();
    if stem.form == Form::Loop {
        let limit = score::stretch_limit(need.part.role);
        if stem.ratio.ln().abs() > limit.ln() + 1e-9 {
            let percent = (stem.ratio - 1.0) * 100.0;
            caveats.push(format!("{name}: {} is stretched by {percent:+.0} %", stem.name));
        }
        // One that plays what the notes say is no loss.
        if stem.why.get("form").is_some_and(|fit| *fit <= score::OTHER_NOTES) {
            caveats.push(format!("{name}: {} is a loop and plays its own notes", stem.name));
        }
    }
    if stem.why.get("key").is_some_and(|fit| *fit <= -0.5) {
        caveats.push(format!("{name}: {} is in a distant key and stays in it", stem.name));
    }
    let kind = stem.why.get("kind").copied().unwrap_or(0.0);
    if is_gesture(need.part.role) && kind::is_unlike(need.part.role, kind) {
        caveats.push(format!("{name}: none found, played by {}", stem.name));
    }
    let pitched = need.has_notes && !need.pitches.is_empty() && !is_drum(need.part.role);
    if stem.form != Form::Loop && pitched && stem.root.is_none() && !is_gesture(need.part.role) {
        caveats.push(format!("{name}: {} has no known root and plays one pitch", stem.name));
    }
    caveats
}

/// A part's name in messages.
pub(crate) fn label(part: &PartId) -> String {
    if part.tags.is_empty() {
        part.role.to_string()
    } else {
        format!("{} ({})", part.role, part.tags.join(", "))
    }
}

#[cfg(test)]
mod tests;
