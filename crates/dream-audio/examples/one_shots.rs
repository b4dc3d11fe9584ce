//! Synthesised one-shots of a category with random parameters, for comparisons: `one_shots CATEGORY COUNT SEED OUT`.
//!
//! Goes round the recipes of the starter kit that turn their knobs, each time with another seed.

use std::error::Error;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use dream_audio::{encode, synth::kit};
use dream_core::{Category, Form, Seed};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, category, count, seed, out] = args.as_slice() else {
        return Err("one_shots CATEGORY COUNT SEED OUT".into());
    };
    let category = Category::parse(category).ok_or("no such category")?;
    let (count, seed) = (count.parse()?, Seed(seed.parse()?));
    let all: Vec<kit::Recipe> = kit::recipes()
        .into_iter()
        .filter(|recipe| recipe.category == category && recipe.form == Form::OneShot)
        .collect();
    let turned: Vec<&kit::Recipe> =
        all.iter().filter(|recipe| recipe.name.contains("_v")).collect();
    let recipes = if turned.is_empty() { all.iter().collect() } else { turned };
    fs::create_dir_all(out)?;
    for (number, recipe) in recipes.iter().cycle().take(count).enumerate() {
        let clip = recipe.render(seed.index(number as u64));
        let name = format!("synth_{number:03}_{}.wav", recipe.name);
        File::create(Path::new(out).join(name))?.write_all(&encode::wav32f(&clip)?)?;
    }
    Ok(())
}
