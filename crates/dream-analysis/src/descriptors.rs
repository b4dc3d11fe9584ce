//! The attribute space `attr-v1`: stems as standardised attributes, words as targets in it.
//!
//! A stem's coordinates are its attributes in spreads from the centre of **its category** (a table that ships with the
//! space), so that "bright" among kicks finds a bright kick and not a hat, followed by sixteen coordinates that hold the
//! confidence of its category. A text becomes targets through a lexicon of English and German words with intensifiers
//! and negations; a target is one-sided: more of what was asked for costs nothing.
//! Shapes: embedding `[41]`: 25 attributes in the order of `attributes::NAMES`, then `Category::ALL`.

mod lexicon;
pub(crate) mod reference;

use dream_core::{Category, Embedding, Facts, Space};

use crate::attributes::{self, COUNT, NAMES};

/// Dimension of the space.
pub const DIMENSION: usize = COUNT + Category::ALL.len();
/// The quantiles of the reference table, symmetric about the median.
pub const QUANTILES: [f32; 7] = [0.05, 0.16, 0.25, 0.5, 0.75, 0.84, 0.95];
/// Half a range below this counts as this, on the scale of the attribute.
const LEAST_SPREAD: f32 = 1e-3;
/// Coordinates are cut to this many spreads.
const LIMIT: f32 = 4.0;
/// A coordinate this many spreads short of its target scores 0.
const REACH: f32 = 2.5;
/// At most this many words of a text are read.
const MOST_WORDS: usize = 256;

/// What a text asks of a sound.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Target {
    /// Attributes with the wanted distance from the category's centre, in spreads; by index, ascending.
    pub attributes: Vec<(usize, f32)>,
    /// How strongly they are asked for, by the words before theirs ("very dark", "slightly warm", "not hard"): 1 where nothing
    /// is said of that, 0 where nothing is asked.
    pub strength: f32,
    /// Categories that were asked for.
    pub categories: Vec<Category>,
    /// Categories that were excluded.
    pub without: Vec<Category>,
}

/// An attribute in spreads from the centre of its category, -4 to 4: the median and half the range from the 16th to
/// the 84th percentile of the reference table.
pub(crate) fn standardised(category: Category, attribute: usize, value: f32) -> f32 {
    let [_, low, _, centre, _, high, _] = reference::TABLE[row(category)][attribute];
    let spread = ((high - low) / 2.0).max(LEAST_SPREAD);
    ((attributes::scaled(attribute, value) - centre) / spread).clamp(-LIMIT, LIMIT)
}

/// Which share of the sounds of a category have less of an attribute, 0 to 1.
///
/// Between the quantiles of the reference table it is interpolated; beyond the outer ones what is left falls
/// exponentially. Where many sounds share a value, it lies in the middle of them.
pub(crate) fn percentile(category: Category, attribute: usize, value: f32) -> f32 {
    let table = &reference::TABLE[row(category)][attribute];
    let value = attributes::scaled(attribute, value);
    let mirrored: [f32; QUANTILES.len()] = std::array::from_fn(|i| -table[QUANTILES.len() - 1 - i]);
    // The quantiles are symmetric: from above, one counts the sounds that have more.
    0.5 * (share_up_to(table, value) + 1.0 - share_up_to(&mirrored, -value))
}

fn share_up_to(table: &[f32; QUANTILES.len()], value: f32) -> f32 {
    const LAST: usize = QUANTILES.len() - 1;
    let next = table.partition_point(|quantile| *quantile <= value);
    let rest = |outer: f32, inner: f32| {
        let decay = ((1.0 - QUANTILES[LAST - 1]) / (1.0 - QUANTILES[LAST])).ln();
        let distance = (value - outer).abs() / (outer - inner).abs().max(LEAST_SPREAD);
        (1.0 - QUANTILES[LAST]) * (-decay * distance).exp()
    };
    match next {
        0 => rest(table[0], table[1]),
        n if n > LAST => 1.0 - rest(table[LAST], table[LAST - 1]),
        n => {
            let (low, high) = (table[n - 1], table[n]);
            let share = (value - low) / (high - low);
            QUANTILES[n - 1] + share * (QUANTILES[n] - QUANTILES[n - 1])
        }
    }
}

fn row(category: Category) -> usize {
    Category::ALL.iter().position(|known| *known == category).unwrap_or_default()
}

/// The place of a stem in the space. An attribute that the facts lack counts as average.
pub fn embed(facts: &Facts) -> Embedding {
    let mut values: Vec<f32> = NAMES
        .iter()
        .enumerate()
        .map(|(i, name)| {
            let value = facts.attributes.get(*name).filter(|value| value.is_finite());
            value.map_or(0.0, |value| standardised(facts.category, i, *value))
        })
        .collect();
    let confidence = facts.category_confidence.clamp(0.0, 1.0);
    values.extend(
        Category::ALL.iter().map(|known| if *known == facts.category { confidence } else { 0.0 }),
    );
    Embedding { space: Space::AttrV1, values }
}

impl Target {
    /// What a text in English or German asks for. Unknown words ask for nothing.
    pub fn of_text(text: &str) -> Self {
        let lower = text.to_lowercase();
        let words = lower
            .split(|c: char| !c.is_alphanumeric() && c != '-')
            .filter(|word| !word.is_empty())
            .take(MOST_WORDS);
        let mut sums = [0.0_f32; COUNT];
        let mut named = [false; COUNT];
        let mut target = Self::default();
        let (mut factor, mut negated) = (1.0_f32, false);
        let mut strengths: Vec<f32> = Vec::new();
        for word in words {
            if lexicon::negates(word) {
                negated = true;
            } else if let Some(times) = lexicon::intensity(word) {
                factor *= times;
            } else if let Some(wishes) = lexicon::wishes(word) {
                // Not dark is not the brightest of all.
                let sign = if negated { -0.7 } else { 1.0 };
                strengths.push((sign * factor).abs());
                for (name, sd) in wishes {
                    if let Some(i) = attributes::index(name) {
                        sums[i] += sign * factor * sd;
                        named[i] = true;
                    }
                }
                (factor, negated) = (1.0, false);
            } else if let Some(category) = category(word) {
                let list = if negated { &mut target.without } else { &mut target.categories };
                if !list.contains(&category) {
                    list.push(category);
                }
                (factor, negated) = (1.0, false);
            } else if !lexicon::passes(word) {
                (factor, negated) = (1.0, false);
            }
        }
        target.categories.retain(|category| !target.without.contains(category));
        target.attributes = (0..COUNT)
            .filter(|&i| named[i] && sums[i].abs() > 0.05)
            .map(|i| (i, sums[i].clamp(-3.0, 3.0)))
            .collect();
        if !target.attributes.is_empty() {
            target.strength = strengths.iter().sum::<f32>() / strengths.len() as f32;
        }
        target
    }

    /// Whether the text asked for nothing that the space knows.
    pub fn is_empty(&self) -> bool {
        self.attributes.is_empty() && self.categories.is_empty() && self.without.is_empty()
    }
}

fn category(word: &str) -> Option<Category> {
    // "Loop" and "hit" speak of the form, "noise" of the timbre.
    if matches!(word, "loop" | "loops" | "noise") {
        return None;
    }
    lexicon::german_category(word).or_else(|| Category::parse(word))
}

/// How well a stem answers a target, 0 to 1; 0.5 for a target that asks for nothing.
///
/// # Panics
/// If the embedding is of another space.
pub fn similarity(target: &Target, embedding: &Embedding) -> f32 {
    assert_eq!(embedding.space, Space::AttrV1, "targets live in attr-v1");
    // The categories stand last: a vector stored before an attribute was added has the average of it.
    let known = embedding.values.len().saturating_sub(Category::ALL.len());
    let (attributes, categories) = embedding.values.split_at(known);
    let at = |i: usize| attributes.get(i).copied().unwrap_or(0.0);
    let of = |category: &Category| {
        categories.get(row(*category)).copied().unwrap_or(0.0).clamp(0.0, 1.0)
    };
    let timbre = (!target.attributes.is_empty()).then(|| {
        let (mut sum, mut weight) = (0.0, 0.0);
        for (i, wanted) in &target.attributes {
            let short = ((wanted - at(*i)) * wanted.signum()).clamp(0.0, REACH);
            sum += wanted.abs() * (1.0 - short / REACH);
            weight += wanted.abs();
        }
        sum / weight
    });
    let role = (!target.categories.is_empty())
        .then(|| target.categories.iter().map(of).fold(0.0, f32::max));
    let wanted = match (timbre, role) {
        (Some(timbre), Some(role)) => 0.5 * (timbre + role),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => 0.5,
    };
    let refused = target.without.iter().map(of).fold(0.0, f32::max);
    (wanted * (1.0 - refused)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests;
