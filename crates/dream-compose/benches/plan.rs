//! A prompt understood and planned, and one section played anew.

use divan::Bencher;
use dream_compose::{Prompt, plan, reroll};
use dream_core::Seed;

fn main() {
    divan::main();
}

#[divan::bench(args = ["driving industrial techno 138 bpm in F# minor, long intro, two drops", "tehcno"])]
fn parse(bencher: Bencher<'_, '_>, text: &str) {
    bencher.bench(|| Prompt::parse(text));
}

#[divan::bench(args = ["techno", "trance", "drum and bass", "ambient", "techno, 30 minutes"])]
fn planned(bencher: Bencher<'_, '_>, text: &str) {
    let prompt = Prompt::parse(text);
    bencher.bench(|| plan(&prompt, Seed(1)));
}

#[divan::bench]
fn rerolled(bencher: Bencher<'_, '_>) {
    let plan = plan(&Prompt::parse("techno"), Seed(1));
    bencher.bench(|| reroll(&plan, 3, Seed(2)));
}
