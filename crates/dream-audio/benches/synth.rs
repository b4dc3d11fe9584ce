//! How long the starter kit takes on one core: the whole of it, and its typical and costly members.

use divan::Bencher;
use dream_audio::synth::kit::{Recipe, recipes};
use dream_core::Seed;

fn main() {
    divan::main();
}

#[divan::bench(sample_count = 1, sample_size = 1)]
fn whole_kit(bencher: Bencher<'_, '_>) {
    let recipes = recipes();
    bencher
        .bench_local(|| recipes.iter().map(|recipe| recipe.render(Seed(0)).len()).sum::<usize>());
}

#[divan::bench(
    args = ["kick_909", "crash_909", "bass_reese_f1", "pad_warm_f2", "pad_choir_d3", "loop_drums_techno_130"],
    sample_count = 5,
    sample_size = 1
)]
fn stem(bencher: Bencher<'_, '_>, name: &str) {
    let named = |recipe: &Recipe| recipe.name == name;
    let recipe = recipes().into_iter().find(named).expect("the benches name stems of the kit");
    bencher.bench_local(|| recipe.render(Seed(0)));
}
