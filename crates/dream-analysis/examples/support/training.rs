//! The training set of the category classifier: features of recorded and synthesised sounds, with augmentation.

use dream_analysis::category_features;
use dream_audio::Clip;
use dream_audio::synth::kit;
use dream_core::{Category, SampleRate, Seed};
use rayon::prelude::*;

use crate::labelled::Labelled;
use crate::synth::{Dice, Wave};
use crate::{drums, textures, tones};

/// Where an example is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A recorded sound, by its number; the first of each is the sound as it is.
    Recorded(usize),
    /// A further sound that trains and is never judged.
    Added,
    /// The starter kit.
    Kit,
    /// The training generator.
    Generated,
}

/// One example.
pub(crate) struct Example {
    pub(crate) features: Vec<f32>,
    pub(crate) category: Category,
    pub(crate) origin: Origin,
    /// Whether it was changed on the way.
    pub(crate) augmented: bool,
}

fn example(wave: Wave, category: Category, origin: Origin, augmented: bool) -> Example {
    let clip = Clip::mono(SampleRate::LIBRARY, wave);
    let features = category_features(&clip).to_vec();
    Example { features, category, origin, augmented }
}

/// Recorded sounds as they are, and `copies` changed ones of each; where they are from is told by their number.
pub(crate) fn recorded(
    sounds: &[Labelled],
    origin: impl Fn(usize) -> Origin + Sync,
    copies: usize,
    seed: Seed,
) -> Vec<Example> {
    let each = sounds.par_iter().enumerate().map(|(number, sound)| {
        let Ok(clip) = sound.clip() else { return Vec::new() };
        let mono = clip.to_mono();
        let category = sound.category;
        let mut examples = vec![example(mono.clone(), category, origin(number), false)];
        let copies = if sound.is_free() { copies } else { 0 };
        let start = mono.len().min(12 * 44_100);
        for copy in 0..copies {
            let mut d = Dice::new(seed.child("recorded").index(number as u64).index(copy as u64));
            let source = repeats(&mut d, &mono[..start], category);
            let mut wave = textures::augmented(&mut d, &source, category.is_drum());
            // What a program played is too clean.
            if origin(number) == Origin::Added && d.chance(0.7) {
                wave = textures::recorded(&mut d, &wave);
            }
            examples.push(example(wave, category, origin(number), true));
        }
        examples
    });
    each.collect::<Vec<_>>().into_iter().flatten().collect()
}

/// Sometimes a hit becomes a loop of that hit.
fn repeats(d: &mut Dice, wave: &[f32], category: Category) -> Wave {
    let voice = match category {
        Category::Kick => 0,
        Category::Snare => 1,
        Category::Clap => 2,
        Category::Hihat => 3,
        Category::Percussion => 6,
        _ => return wave.to_vec(),
    };
    if wave.len() < 66_150 && d.chance(0.12) {
        drums::repeated(d, wave, voice)
    } else {
        wave.to_vec()
    }
}

/// The starter kit, each recipe as it is and changed.
pub(crate) fn kit(seeds: u64, copies: usize, seed: Seed) -> Vec<Example> {
    let recipes = kit::recipes();
    let pairs: Vec<(u64, usize)> =
        (0..seeds).flat_map(|s| (0..recipes.len()).map(move |i| (s, i))).collect();
    let each = pairs.par_iter().map(|&(s, i)| {
        let recipe = &recipes[i];
        let mono = recipe.render(seed.index(s)).to_mono();
        (0..copies)
            .map(|copy| {
                let name = seed.child("kit").index(s).index(i as u64).index(copy as u64);
                let mut d = Dice::new(name);
                let wave =
                    if d.chance(0.6) { textures::recorded(&mut d, &mono) } else { mono.clone() };
                let wave = textures::augmented(&mut d, &wave, recipe.category.is_drum());
                example(wave, recipe.category, Origin::Kit, true)
            })
            .collect::<Vec<_>>()
    });
    each.collect::<Vec<_>>().into_iter().flatten().collect()
}

/// `count` sounds of every category by the training generator.
pub(crate) fn generated(count: usize, seed: Seed) -> Vec<Example> {
    let pairs: Vec<(Category, usize)> =
        Category::ALL.iter().flat_map(|&c| (0..count).map(move |i| (c, i))).collect();
    pairs
        .par_iter()
        .map(|&(category, i)| {
            let mut d = Dice::new(seed.child(category.name()).index(i as u64));
            let wave = sound(&mut d, category);
            let wave = if d.chance(0.7) { textures::recorded(&mut d, &wave) } else { wave };
            let wave = if d.chance(0.6) {
                textures::augmented(&mut d, &wave, category.is_drum())
            } else {
                wave
            };
            example(wave, category, Origin::Generated, true)
        })
        .collect()
}

fn sound(d: &mut Dice, category: Category) -> Wave {
    if let Some(wave) = tones::of(d, category) {
        return wave;
    }
    let wave = match category {
        Category::Kick => drums::kick(d),
        Category::Snare => drums::snare(d),
        Category::Clap => drums::clap(d),
        Category::Hihat => drums::hihat(d),
        Category::Percussion => drums::percussion(d),
        Category::Drums => drums::drums(d),
        Category::Atmo => textures::atmo(d),
        Category::Fx => textures::fx(d),
        _ => textures::other(d),
    };
    repeats(d, &wave, category)
}
