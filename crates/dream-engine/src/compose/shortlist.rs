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
use crate::{Engine, Error};

/// Most candidates of the category that a part asks for, and of each other that can play its role.
const MOST_ASKED: usize = 96;
const MOST_OTHER: usize = 48;

/// Names of genres that hold the name of an instrument.
const GENRES: &[&str] = &[
    "drum and bass",
    "drum & bass",
    "drum n bass",
    "drum'n'bass",
    "drum und bass",
    "drum&bass",
    "breakbeats",
    "breakbeat",
    "bass music",
];

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
        let wishes = wishes(plan);
        let promising: Vec<Promising> = parts
            .par_iter()
            .map(|part| {
                let brief = Brief::of(plan, part);
                let own = Target::of_text(&format!("{} {}", part.tags.join(" "), part.text));
                let targets = [own, wish(part, &wishes)];
                let lists = categories(part).into_iter().enumerate().map(|(rank, category)| {
                    let most = if rank == 0 { MOST_ASKED } else { MOST_OTHER };
                    let tags = tagged.get(brief.tags());
                    promising(&brief, &targets, &sketches[&category], tags, most)
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
    [own, wish]: &[Target; 2],
    sketches: &[Sketch],
    tagged: Option<&BTreeSet<StemId>>,
    most: usize,
) -> Promising {
    let is_tagged = |sketch: &Sketch| tagged.is_some_and(|tagged| tagged.contains(&sketch.id));
    // A hat is bright beside other hats, an open one beside other open ones.
    let (kind, rest): (Vec<&Sketch>, Vec<&Sketch>) =
        sketches.iter().partition(|sketch| is_tagged(sketch));
    let all: Vec<&Sketch> = sketches.iter().collect();
    let among = |some: &[&Sketch]| Spread::of(wish, if some.len() < FEW { &all } else { some });
    let (of_kind, of_rest) = (among(&kind), among(&rest));
    let mut rated: Vec<(f64, StemId, Outline)> = sketches
        .iter()
        .map(|sketch| {
            let spread = if is_tagged(sketch) { &of_kind } else { &of_rest };
            let outline = Outline {
                form: sketch.form,
                bpm: sketch.bpm,
                quality: sketch.quality,
                similarity: similarity(own, &sketch.embedding),
                wish: spread.answer(wish, &sketch.embedding),
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

/// Fewer stems than these are no measure of what is usual.
const FEW: usize = 4;
/// How far above the usual a stem answers a wish in full, in standard deviations.
const FULL: f32 = 2.0;

/// Mean and standard deviation of each attribute of a wish among stems of a kind.
struct Spread(Vec<(f32, f32)>);

impl Spread {
    fn of(wish: &Target, stems: &[&Sketch]) -> Self {
        let count = stems.len().max(1) as f32;
        let mean = |at: &dyn Fn(&Embedding) -> f32| {
            stems.iter().map(|stem| at(&stem.embedding)).sum::<f32>() / count
        };
        let spread = |(attribute, _): &(usize, f32)| {
            let usual = mean(&|embedding| value(embedding, *attribute));
            let square = mean(&|embedding| (value(embedding, *attribute) - usual).powi(2));
            (usual, square.sqrt())
        };
        Self(wish.attributes.iter().map(spread).collect())
    }

    /// How well a stem answers the wish beside those of its kind, 0 to 1; 0.5 where it is as they are.
    fn answer(&self, wish: &Target, embedding: &Embedding) -> f32 {
        let (mut sum, mut weight) = (0.0, 0.0);
        for ((attribute, wanted), (usual, deviation)) in wish.attributes.iter().zip(&self.0) {
            let away = (value(embedding, *attribute) - usual) / deviation.max(1e-3);
            sum += wanted.abs() * (wanted.signum() * away / FULL).clamp(-1.0, 1.0);
            weight += wanted.abs();
        }
        if weight > 0.0 { 0.5 + 0.5 * sum / weight } else { 0.5 }
    }
}

fn value(embedding: &Embedding, attribute: usize) -> f32 {
    embedding.values.get(attribute).copied().unwrap_or(0.0)
}

/// What counts what the prompt says of everything where it says something of the part as well.
const GENERAL: f32 = 0.4;

/// What the prompt asks of sounds, phrase by phrase: "dark techno with warm pads" wants all of it dark and the pads warm.
fn wishes(plan: &ArrangementPlan) -> Vec<Target> {
    let mut text = format!(" {} ", plan.prompt.to_lowercase());
    // Genres whose names sound like instruments.
    for name in GENRES {
        text = text.replace(name, "music");
    }
    for word in [" with ", " and ", " but ", " mit ", " und ", " aber ", " plus ", ";", ".", ":"] {
        text = text.replace(word, " , ");
    }
    let phrases = text.split(',').map(Target::of_text);
    phrases.filter(|target| !target.attributes.is_empty() && target.without.is_empty()).collect()
}

/// What the prompt asks of the sound of a part: what it says of the part, then what it says of everything.
fn wish(part: &PartId, wishes: &[Target]) -> Target {
    let categories = categories(part);
    let meant = wishes.iter().filter(|wish| categories.iter().any(|c| wish.categories.contains(c)));
    let general = wishes.iter().filter(|wish| wish.categories.is_empty());
    let mut target = Target::default();
    let meant: Vec<&Target> = meant.collect();
    let general_weight = if meant.is_empty() { 1.0 } else { GENERAL };
    let meant = meant.into_iter().map(|wish| (1.0, wish));
    for (weight, wish) in meant.chain(general.map(|wish| (general_weight, wish))) {
        for (attribute, wanted) in &wish.attributes {
            if target.attributes.iter().all(|(known, _)| known != attribute) {
                target.attributes.push((*attribute, weight * wanted));
            }
        }
    }
    target.attributes.sort_by_key(|(attribute, _)| *attribute);
    target
}

/// The part's own category, then those that can play its role.
fn categories(part: &PartId) -> Vec<Category> {
    let mut categories = vec![part.category];
    categories.extend(part.role.categories().iter().filter(|other| **other != part.category));
    categories
}

#[cfg(test)]
mod tests {
    use dream_core::{Bpm, Role};

    use super::*;

    #[track_caller]
    fn check(prompt: &str, role: Role, attribute: &str, expected: f32) {
        let plan = ArrangementPlan {
            schema: 1,
            prompt: prompt.to_owned(),
            seed: 1,
            bpm: Bpm::new(130.0).expect("a usual tempo"),
            key: None,
            genre: "techno".to_owned(),
            moods: Vec::new(),
            swing: 50.0,
            total_bars: 8,
            estimated_duration_s: 14.8,
            loudness_lufs: -10.0,
            structure: Vec::new(),
        };
        let part =
            PartId { role, category: role.categories()[0], tags: Vec::new(), text: String::new() };
        let target = wish(&part, &wishes(&plan));
        let index = dream_analysis::attributes::index(attribute).unwrap();
        let wanted = target.attributes.iter().find(|(i, _)| *i == index).map_or(0.0, |(_, w)| *w);
        assert!((wanted - expected).abs() < 1e-6, "{prompt}: {wanted} instead of {expected}");
    }

    #[test]
    fn the_prompt_speaks_of_all_parts_or_of_those_it_names() {
        check("dark techno", Role::Hat, "brightness", -1.2);
        check("dark techno with warm pads", Role::Pad, "warmth", 1.2);
        check("dark techno with warm pads", Role::Hat, "warmth", 0.0);
        check("dark techno, bright hats", Role::Hat, "brightness", 1.2);
        check("dark techno, bright hats", Role::Bass, "brightness", -1.2);
        check("dark drum and bass", Role::Lead, "brightness", -1.2);
        check("dark breakbeat", Role::Lead, "brightness", -1.2);
        check("techno without dark vocals", Role::Lead, "brightness", 0.0);
    }

    /// The words of prompts as the planner knows them.
    #[derive(serde::Deserialize)]
    struct Words {
        moods: Vec<Mood>,
    }

    #[derive(serde::Deserialize)]
    struct Mood {
        name: String,
        stems: Vec<String>,
        #[serde(default)]
        tags: Vec<String>,
    }

    #[test]
    fn what_the_planner_understands_means_the_same_among_sounds() {
        let text = include_str!("../../../dream-compose/genres/words.toml");
        let words: Words = toml::from_str(text).unwrap();
        let (mut known, mut all) = (0, 0);
        for mood in &words.moods {
            assert!(
                mood.stems.iter().any(|word| !Target::of_text(word).is_empty()),
                "{}",
                mood.name
            );
            let meant = Target::of_text(&mood.tags.join(" "));
            for word in &mood.stems {
                all += 1;
                let heard = Target::of_text(word);
                known += usize::from(!heard.attributes.is_empty());
                let agreement: f32 = meant
                    .attributes
                    .iter()
                    .flat_map(|(a, x)| heard.attributes.iter().map(move |(b, y)| (a == b, x * y)))
                    .filter_map(|(same, product)| same.then_some(product))
                    .sum();
                assert!(
                    agreement >= 0.0,
                    "{word} of the mood {} is heard the other way",
                    mood.name
                );
            }
        }
        assert!(10 * known >= 9 * all, "{known} of {all} words have a target");
    }
}
