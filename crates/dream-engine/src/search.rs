//! Searching: stems that answer words, and stems that are like another.
//!
//! By the measured attributes (`attr-v1`): a text becomes targets, a stem its place among the sounds of its category. Every
//! stem that passes the filter is compared; 100,000 take some tens of milliseconds.

use std::collections::BTreeMap;
use std::path::Path;

use dream_analysis::attributes::NAMES;
use dream_analysis::descriptors::{Target, embed, similarity};
use dream_core::{Embedding, Space, StemId};

use rayon::prelude::*;

use crate::analyse::{Listening, analyse};
use crate::{Engine, Entry, Error, Filter};

/// A distance, in spreads of an attribute, at which a stem is half as like another.
const HALF: f32 = 1.0;

/// A stem that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The stem.
    pub entry: Entry,
    /// How well it answers, 0 to 1.
    pub score: f32,
    /// What speaks for it and against, in words.
    pub why: Vec<String>,
}

impl Engine {
    /// The stems that answer the text best, the best first; only those that pass the filter, whose order and cursor do not count.
    ///
    /// # Errors
    /// `Invalid` for a text of no or more than 1000 characters.
    pub fn search(&self, text: &str, filter: &Filter, most: usize) -> Result<Vec<Hit>, Error> {
        if !(1..=1_000).contains(&text.trim().chars().count()) {
            return Err(Error::Invalid("a search has 1 to 1000 characters".to_owned()));
        }
        let target = Target::of_text(text);
        let understood = target != Target::default();
        let why = |place: &Embedding| {
            if understood {
                reasons(&target, place)
            } else {
                vec!["no word of the text was understood".to_owned()]
            }
        };
        self.best(filter, most, None, |place| similarity(&target, place), why)
    }

    /// The stems most like that one, the most alike first.
    ///
    /// # Errors
    /// `NotFound` without such a stem, `Conflict` when it has no place in the space of attributes.
    pub fn similar(&self, id: StemId, filter: &Filter, most: usize) -> Result<Vec<Hit>, Error> {
        self.library().stem(id)?;
        let Some(own) = self.library().embedding(id, Space::AttrV1)? else {
            return Err(Error::NotFound(format!("place of stem {} among others", id.0)));
        };
        self.beside(&own, filter, most, Some(id))
    }

    /// The stems most like a file that is not of the library, the most alike first.
    ///
    /// # Errors
    /// `Decode` when it is no audio that can be used.
    pub fn similar_to_file(
        &self,
        path: &Path,
        filter: &Filter,
        most: usize,
    ) -> Result<Vec<Hit>, Error> {
        let limits = &self.config().limits;
        let heard = analyse(path, &Listening { limits, ignore_name: false, plot: None })?;
        self.beside(&embed(&heard.facts), filter, most, None)
    }

    fn beside(
        &self,
        own: &Embedding,
        filter: &Filter,
        most: usize,
        without: Option<StemId>,
    ) -> Result<Vec<Hit>, Error> {
        let score = |place: &Embedding| likeness(own, place);
        self.best(filter, most, without, score, |place| likenesses(own, place))
    }

    fn best(
        &self,
        filter: &Filter,
        most: usize,
        without: Option<StemId>,
        score: impl Fn(&Embedding) -> f32 + Sync,
        why: impl Fn(&Embedding) -> Vec<String>,
    ) -> Result<Vec<Hit>, Error> {
        let places = self.library().places(filter, Space::AttrV1)?;
        let mut rated: Vec<(f32, StemId, &Embedding)> = places
            .par_iter()
            .filter(|(id, _)| Some(*id) != without)
            .map(|(id, place)| (score(place), *id, place))
            .collect();
        let order = |a: &(f32, StemId, &Embedding), b: &(f32, StemId, &Embedding)| {
            b.0.total_cmp(&a.0).then(a.1.cmp(&b.1))
        };
        if most < rated.len() {
            rated.select_nth_unstable_by(most, order);
            rated.truncate(most);
        }
        rated.sort_unstable_by(order);
        let mut hits = Vec::new();
        for (score, id, place) in rated {
            match self.library().stem(id) {
                Ok(entry) => hits.push(Hit { entry, score, why: why(place) }),
                // It was removed meanwhile.
                Err(dream_library::Error::NoStem(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(hits)
    }
}

/// How a stem stands to every attribute that was asked for, and whether it is of a category that was.
fn reasons(target: &Target, place: &Embedding) -> Vec<String> {
    let at = |i: usize| place.values.get(i).copied().unwrap_or(0.0);
    let attributes = target.attributes.iter().filter_map(|(i, wanted)| {
        let name = NAMES.get(*i)?;
        let more = if *wanted > 0.0 { "more" } else { "less" };
        Some(format!("{name} {:+.1}, {more} was asked for", at(*i)))
    });
    let confidence: BTreeMap<_, _> = dream_core::Category::ALL
        .iter()
        .enumerate()
        .map(|(i, c)| (*c, at(NAMES.len() + i)))
        .collect();
    let category = |category: &dream_core::Category, word: &str| {
        let sure = confidence.get(category).copied().unwrap_or(0.0);
        (sure > 0.0).then(|| format!("{word}{category} ({:.0} %)", 100.0 * sure))
    };
    let wanted = target.categories.iter().filter_map(|wanted| category(wanted, ""));
    let refused = target.without.iter().filter_map(|refused| category(refused, "not wanted: "));
    attributes.chain(wanted).chain(refused).collect()
}

/// How like two places are, 0 to 1.
fn likeness(own: &Embedding, other: &Embedding) -> f32 {
    let squares = own.values.iter().zip(&other.values).map(|(a, b)| (a - b).powi(2));
    let count = own.values.len().min(other.values.len()).max(1);
    1.0 / (1.0 + (squares.sum::<f32>() / count as f32).sqrt() / HALF)
}

/// In which attributes two places are most and least alike.
fn likenesses(own: &Embedding, other: &Embedding) -> Vec<String> {
    let apart = own.values.iter().zip(&other.values).map(|(a, b)| (a - b).abs());
    let mut named: Vec<(f32, &str)> = apart.zip(NAMES).collect();
    named.sort_by(|a, b| a.0.total_cmp(&b.0));
    let near = named.iter().take(2).map(|(_, name)| format!("like in {name}"));
    let far = named.last().filter(|(apart, _)| *apart > HALF);
    let far = far.map(|(_, name)| format!("unlike in {name}"));
    near.chain(far).collect()
}

#[cfg(test)]
mod tests {
    use dream_core::Category;

    use super::*;
    use crate::testing::{category, library_of};

    #[test]
    fn words_find_the_category_they_name_and_a_stem_finds_its_like() {
        let stems = [Category::Kick, Category::Hihat, Category::Pad];
        let (_home, engine) = library_of(stems.iter().flat_map(|c| category(*c, 3)).collect());
        let hits = engine.search("kick", &Filter::default(), 3).unwrap();
        assert!(hits.iter().all(|hit| hit.entry.stem.category == Category::Kick), "{hits:?}");
        assert!(hits.is_sorted_by(|a, b| a.score >= b.score));
        assert!(hits[0].why[0].starts_with("kick"), "{:?}", hits[0].why);
        let only = Filter { categories: vec![Category::Pad], ..Filter::default() };
        let hits = engine.search("dark", &only, 10).unwrap();
        assert_eq!(hits.len(), 3);
        assert!(hits[0].why.iter().any(|why| why.contains("asked for")), "{:?}", hits[0].why);

        let first = engine.library().stems(&Filter::default()).unwrap().remove(0).stem;
        let one = first.id;
        let file = engine.library().blobs().path(&first.hash);
        let like = engine.similar_to_file(&file, &Filter::default(), 2).unwrap();
        assert_eq!((like.len(), like[0].entry.stem.id), (2, one), "{like:?}");
        assert!(engine.similar_to_file(Path::new("none.wav"), &Filter::default(), 1).is_err());
        let like = engine.similar(one, &Filter::default(), 20).unwrap();
        assert_eq!(like.len(), 8);
        assert!(
            like.iter().all(|hit| hit.entry.stem.id != one && (0.0..=1.0).contains(&hit.score))
        );
        assert_eq!(like[0].entry.stem.category, Category::Kick);
        assert!(engine.similar(StemId(99), &Filter::default(), 1).is_err());
        assert!(engine.search(" ", &Filter::default(), 1).is_err());
    }
}
