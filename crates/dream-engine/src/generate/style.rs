//! The styles of a dream: no measurement tells them, so they are those of the sounds that it is made of.

use dream_compose::cast::STYLES;
use dream_core::Ancestor;

use crate::Engine;

/// A style is a dream's where so much of it comes from parents that have it.
const HELD: f32 = 0.5;

/// The styles among the tags of parents; those that have left the library lend none.
pub(super) fn styles(engine: &Engine, parents: &[Ancestor]) -> Vec<String> {
    let parents: Vec<(Vec<String>, f32)> = parents
        .iter()
        .filter_map(|parent| {
            let entry = engine.library().stem(parent.stem).ok()?;
            Some((entry.stem.facts.tags, parent.weight))
        })
        .collect();
    let held = |style: &&&str| {
        let with = parents.iter().filter(|(tags, _)| tags.iter().any(|tag| tag == **style));
        with.map(|(_, weight)| weight).sum::<f32>() >= HELD
    };
    STYLES.iter().filter(held).map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{category, library_of};
    use dream_core::{Category, StemId};

    #[test]
    fn styles_of_half_of_the_parents_are_handed_on() {
        // Two kicks of techno and house, the sixth of techno alone.
        let (_home, engine) = library_of(category(Category::Kick, 12));
        let tags = |id| engine.library().stem(StemId(id)).unwrap().stem.facts.tags;
        let has = |id, style: &str| tags(id).iter().any(|tag| tag == style);
        let with = (1..=12).find(|id| has(*id, "techno") && has(*id, "house")).unwrap();
        let without = (1..=12).find(|id| !has(*id, "house")).unwrap();
        let parent = |id, weight| Ancestor { stem: StemId(id), hash: String::new(), weight };
        let of = |parents: &[Ancestor]| styles(&engine, parents);
        assert_eq!(of(&[parent(with, 1.0)]), ["house", "techno"]);
        assert!(of(&[parent(with, 0.6), parent(without, 0.4)]).contains(&"house".to_owned()));
        assert!(!of(&[parent(with, 0.4), parent(without, 0.6)]).contains(&"house".to_owned()));
        assert!(of(&[parent(999, 1.0)]).is_empty());
    }
}
