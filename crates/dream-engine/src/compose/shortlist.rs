//! From the library to the candidates of each part.
//!
//! Of every stem of the part's categories a sketch is read; what the part's words mean, form, tempo and kind choose
//! the most promising, and only those are read whole. Cost: 2 us per stem of a category and 30 us per candidate.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use dream_analysis::descriptors::{Target, similarity};
use dream_compose::{Brief, Candidate, Outline, Shortlist};
use dream_core::{ArrangementPlan, Category, Embedding, PartId, Space, Stem, StemId};
use dream_library::{Filter, Sketch};
use rayon::prelude::*;

use super::Selection;
use super::wish::{Spread, Wish, wish, wishes};
use crate::{Engine, Error};

/// Most candidates of the category that a part asks for, and of each other that can play its role.
const MOST_ASKED: usize = 96;
const MOST_OTHER: usize = 48;

/// The most promising sketches of a part.
type Promising = Vec<(StemId, Outline)>;

impl Engine {
    /// The stems that may play each part.
    pub(super) fn shortlist(
        &self,
        plan: &ArrangementPlan,
        selection: &Selection,
    ) -> Result<Shortlist, Error> {
        let parts = plan.parts();
        let (sketches, tagged) = self.sketches(plan, &parts, selection)?;
        let wishes = wishes(&plan.prompt);
        let promising: Vec<Promising> = parts
            .par_iter()
            .map(|part| {
                let brief = Brief::of(plan, part);
                let own = Target::of_text(&format!("{} {}", part.tags.join(" "), part.text));
                let wish = wish(part, &wishes);
                let lists = categories(part).into_iter().enumerate().map(|(rank, category)| {
                    let most = if rank == 0 { MOST_ASKED } else { MOST_OTHER };
                    let tags = tagged.get(brief.tags());
                    promising(&brief, (&own, &wish), &sketches[&category], tags, most)
                });
                lists.flatten().collect()
            })
            .collect();
        let ids: BTreeSet<StemId> = promising.iter().flatten().map(|(id, _)| *id).collect();
        let ids: Vec<StemId> = ids.into_iter().collect();
        let stems = self.library().stems_of(&ids)?;
        let stems: BTreeMap<StemId, Arc<Stem>> =
            stems.into_iter().map(|stem| (stem.id, Arc::new(stem))).collect();
        let candidates = |list: Promising| {
            list.into_iter()
                .filter_map(|(id, Outline { similarity, wish, .. })| {
                    Some(Candidate { stem: Arc::clone(stems.get(&id)?), similarity, wish })
                })
                .collect()
        };
        let lists = promising.into_iter().map(candidates);
        Ok(Shortlist { parts: parts.into_iter().zip(lists).collect() })
    }

    /// The sketches of all categories that may play, and the stems of each kind that is asked for.
    #[expect(clippy::type_complexity, reason = "two maps that are used once")]
    fn sketches(
        &self,
        plan: &ArrangementPlan,
        parts: &[PartId],
        selection: &Selection,
    ) -> Result<
        (BTreeMap<Category, Vec<Sketch>>, BTreeMap<&'static [&'static str], BTreeSet<StemId>>),
        Error,
    > {
        let (mut sketches, mut tagged) = (BTreeMap::new(), BTreeMap::new());
        for part in parts {
            for category in categories(part) {
                if let Entry::Vacant(slot) = sketches.entry(category) {
                    let filter = Filter {
                        categories: vec![category],
                        sources: selection.sources.clone(),
                        min_quality: Some(selection.min_quality),
                        min_rating: Some(0),
                        ..Filter::default()
                    };
                    slot.insert(self.library().sketches(&filter, Space::AttrV1)?);
                }
            }
            let words = Brief::of(plan, part).tags();
            if let Entry::Vacant(slot) = tagged.entry(words) {
                let words: Vec<String> = words.iter().map(ToString::to_string).collect();
                slot.insert(self.library().tagged(&words)?);
            }
        }
        Ok((sketches, tagged))
    }
}

fn promising(
    brief: &Brief<'_>,
    (own, wish): (&Target, &Wish),
    sketches: &[Sketch],
    tagged: Option<&BTreeSet<StemId>>,
    most: usize,
) -> Promising {
    let is_tagged = |sketch: &Sketch| tagged.is_some_and(|tagged| tagged.contains(&sketch.id));
    // A hat is bright beside other hats, an open one beside other open ones.
    let (mut kind, mut rest) = (Vec::new(), Vec::new());
    for sketch in sketches {
        if is_tagged(sketch) { &mut kind } else { &mut rest }.push(&sketch.embedding);
    }
    let all: Vec<&Embedding> = sketches.iter().map(|sketch| &sketch.embedding).collect();
    let of_kind = Spread::of(wish, &kind, &all);
    let of_rest = Spread::of(wish, &rest, &all);
    let mut rated: Vec<(f64, StemId, Outline)> = sketches
        .iter()
        .map(|sketch| {
            let spread = if is_tagged(sketch) { &of_kind } else { &of_rest };
            let outline = Outline {
                form: sketch.form,
                bpm: sketch.bpm,
                quality: sketch.quality,
                similarity: similarity(own, &sketch.embedding),
                wish: spread.answer(&sketch.embedding),
                tagged: is_tagged(sketch),
            };
            (brief.promise(&outline), sketch.id, outline)
        })
        .collect();
    if rated.len() > most {
        rated.select_nth_unstable_by(most, |a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        rated.truncate(most);
    }
    rated.into_iter().map(|(_, id, outline)| (id, outline)).collect()
}

/// The part's own category, then those that can play its role.
fn categories(part: &PartId) -> Vec<Category> {
    let mut categories = vec![part.category];
    categories.extend(part.role.categories().iter().filter(|other| **other != part.category));
    categories
}
