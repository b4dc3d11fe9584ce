use std::collections::BTreeMap;

use dream_core::Form;

use super::*;

/// Facts of a stem that lies at the given spreads from the centre of its category.
fn stem(category: Category, spreads: &[(&str, f32)]) -> Facts {
    let row = Category::ALL.iter().position(|known| *known == category).unwrap();
    let mut attributes = BTreeMap::new();
    for (i, name) in NAMES.iter().enumerate() {
        let z = spreads.iter().find(|(known, _)| known == name).map_or(0.0, |(_, z)| *z);
        let scaled = {
            let [_, low, _, centre, _, high, _] = reference::TABLE[row][i];
            centre + z * (high - low) / 2.0
        };
        let value = match *name {
            "attack" | "decay" | "length" => scaled.exp2(),
            "density" => scaled.exp2() - 0.25,
            _ => scaled,
        };
        attributes.insert((*name).to_owned(), value);
    }
    Facts {
        duration_s: 1.0,
        form: Form::OneShot,
        category,
        category_confidence: 0.9,
        true_peak_dbtp: -1.0,
        quality: 1.0,
        attributes,
        ..Facts::default()
    }
}

/// `better` answers the text more than `worse` does.
#[track_caller]
fn check(text: &str, better: &Facts, worse: &Facts) {
    let target = Target::of_text(text);
    let (high, low) = (similarity(&target, &embed(better)), similarity(&target, &embed(worse)));
    assert!(high > low, "{text}: {high} against {low}, {target:?}");
    assert!((0.0..=1.0).contains(&high) && (0.0..=1.0).contains(&low));
}

#[test]
fn an_embedding_has_its_dimension_and_is_finite() {
    let found = embed(&stem(Category::Snare, &[("noisiness", 99.0)]));
    assert_eq!(found.values.len(), DIMENSION);
    assert!(found.values.iter().all(|value| value.is_finite() && value.abs() <= LIMIT));
}

#[test]
fn words_find_what_they_mean() {
    let plain = stem(Category::Kick, &[]);
    let dark = stem(Category::Kick, &[("brightness", -1.5), ("sharpness", -1.0), ("depth", 1.0)]);
    let wide = stem(Category::Kick, &[("width", 2.0)]);
    let snare = stem(Category::Snare, &[]);
    check("dark kick", &dark, &plain);
    check("dunkler Kick", &dark, &plain);
    check("ein sehr düsteres Stück", &dark, &plain);
    check("finstere Klänge", &dark, &plain);
    check("darker", &dark, &plain);
    check("not dark", &plain, &dark);
    check("nicht zu dunkel", &plain, &dark);
    check("wide kick", &wide, &dark);
    check("breite Bassdrum", &wide, &dark);
    check("kick", &plain, &snare);
    check("no kick", &snare, &plain);
    check("ohne Kick", &snare, &plain);
    let wet = stem(Category::Kick, &[("reverb", 1.5)]);
    check("wet kick", &wet, &plain);
    check("halliger Kick", &wet, &plain);
    check("trockene Bassdrum", &plain, &wet);
    check("without reverb", &plain, &wet);
    check("kraeftig duester", &dark, &plain);
}

#[test]
fn intensifiers_scale_the_wish() {
    let of = |text: &str| Target::of_text(text).attributes[0].1;
    assert!(of("very dark") < of("dark") && of("dark") < of("slightly dark"));
    assert!(of("sehr dunkel") < of("dunkel") && of("dunkel") < of("etwas dunkel"));
}

#[test]
fn a_target_knows_how_strongly_it_is_asked_for() {
    let strength = |text: &str| Target::of_text(text).strength;
    assert!(strength("techno").abs() < 1e-6);
    assert!((strength("dark techno") - 1.0).abs() < 1e-6);
    for text in ["very dark", "extrem hart", "ultra bright", "unglaublich tief"] {
        assert!((strength(text) - 1.6).abs() < 1e-6, "{text}");
    }
    for text in ["slightly warm", "etwas weicher", "a bit metallic"] {
        assert!((strength(text) - 0.5).abs() < 1e-6, "{text}");
    }
    assert!((strength("not dark") - 0.7).abs() < 1e-6);
    assert!((strength("very dark, warm") - 1.3).abs() < 1e-6);
}

#[test]
fn more_than_asked_costs_nothing() {
    let target = Target::of_text("wide");
    let enough = similarity(&target, &embed(&stem(Category::Pad, &[("width", 1.5)])));
    let plenty = similarity(&target, &embed(&stem(Category::Pad, &[("width", 3.5)])));
    assert!((enough - plenty).abs() < 1e-6);
}

#[test]
fn a_vector_from_before_the_last_attribute_keeps_its_categories() {
    let mut old = embed(&stem(Category::Fx, &[]));
    old.values.remove(COUNT - 1);
    let of = |text: &str| similarity(&Target::of_text(text), &old);
    assert!(of("fx") > 0.8 && of("kick") < 0.2);
    assert!(of("wet") < of("not wet"), "an average sound is not wet");
}

#[test]
fn percentiles_are_those_of_the_table() {
    for category in [Category::Kick, Category::Pad, Category::Other] {
        let i = attributes::index("brightness").unwrap();
        let quantiles = reference::TABLE[row(category)][i];
        for (quantile, share) in quantiles.iter().zip(QUANTILES) {
            assert!((percentile(category, i, *quantile) - share).abs() < 1e-3);
        }
        let far = [-1e3, -20.0, quantiles[0], 0.0, quantiles[6], 20.0, 1e3];
        let places: Vec<f32> = far.iter().map(|value| percentile(category, i, *value)).collect();
        assert!(places.iter().all(|place| (0.0..=1.0).contains(place)), "{places:?}");
        assert!(places[0] < 0.01 && places[6] > 0.99 && places.is_sorted());
    }
}

#[test]
fn the_table_rises_and_has_a_spread() {
    for (table, category) in reference::TABLE.iter().zip(Category::ALL) {
        for (quantiles, name) in table.iter().zip(NAMES) {
            assert!(quantiles.is_sorted(), "{category} {name}: {quantiles:?}");
            assert!(quantiles[5] - quantiles[1] > 2.0 * LEAST_SPREAD, "{category} {name}");
        }
    }
}

#[test]
fn unknown_text_asks_for_nothing() {
    for text in ["", "wibble wobble", "!!!", "138 bpm", &"x".repeat(100_000)] {
        let target = Target::of_text(text);
        assert!(target.is_empty(), "{text:.20}: {target:?}");
        assert!((similarity(&target, &embed(&stem(Category::Pad, &[]))) - 0.5).abs() < 1e-6);
    }
}
