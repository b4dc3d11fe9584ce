//! Synthesised one-shots of a category with random parameters, for comparisons: `one_shots CATEGORY COUNT SEED OUT`.
//!
//! Goes round the recipes of the starter kit, their characters too, each time with another seed and its knobs turned three times as far
//! as those of a variation are: pitch within half an octave, decays and cut-offs within one and a half. Recipes with a note have few knobs:
//! there a low-pass filter and a fall over the sound are turned, too.

use std::error::Error;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use dream_audio::filter::Cascade;
use dream_audio::{Clip, encode, synth::kit};
use dream_core::{Category, Form, Seed};
use rand::Rng;

/// How much farther than for a variation the knobs are turned.
const WIDTH: f32 = 3.0;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, category, count, seed, out] = args.as_slice() else {
        return Err("one_shots CATEGORY COUNT SEED OUT".into());
    };
    let category = Category::parse(category).ok_or("no such category")?;
    let (count, seed) = (count.parse()?, Seed(seed.parse()?));
    let recipes: Vec<kit::Recipe> = kit::recipes()
        .into_iter()
        .filter(|recipe| recipe.category == category && recipe.form == Form::OneShot)
        .filter(|recipe| !recipe.name.contains("_v"))
        .collect();
    fs::create_dir_all(out)?;
    for (number, recipe) in recipes.iter().cycle().take(count).enumerate() {
        let seed = seed.index(number as u64);
        let mut clip = recipe.render_turned(WIDTH, seed);
        if recipe.root.is_some() {
            darken(&mut clip, seed.child("voice"));
        }
        let name = format!("synth_{number:03}_{}.wav", recipe.name);
        File::create(Path::new(out).join(name))?.write_all(&encode::wav32f(&clip)?)?;
    }
    Ok(())
}

/// Takes highs away from 200 to 12800 Hz on, and lets the sound fall by 60 dB in 0.3 to 4.8 s.
fn darken(clip: &mut Clip, seed: Seed) {
    let mut rng = seed.rng();
    let mut unit = || f64::from(rng.next_u32()) / f64::from(u32::MAX);
    let (hz, fall_s) = (200.0 * 64.0_f64.powf(unit()), 0.3 * 16.0_f64.powf(unit()));
    let rate = clip.rate().hz();
    for c in 0..clip.channels() {
        let channel = clip.channel_mut(c);
        Cascade::lowpass(2, hz, rate).run(channel);
        for (i, x) in channel.iter_mut().enumerate() {
            *x *= 10.0_f64.powf(-3.0 * i as f64 / rate / fall_s) as f32;
        }
    }
}
