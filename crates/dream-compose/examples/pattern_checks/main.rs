//! Judges planned patterns by their genre's ranges: how many draws are inside, per check.
//!
//! `cargo run --release -p dream-compose --example pattern_checks [DRAWS]` prints a row per genre and check:
//! the share of draws (seeds) inside the range, the range, and the 5th, 50th and 95th percentile. A draw to
//! which a check does not apply is counted apart. The checks are written from their definitions, beside
//! the planner and not with it: they read nothing but plans.

mod density;
mod fills;
mod harmony;
mod ranges;
mod repetition;
mod syncopation;
mod track;
mod variety;

use dream_compose::{Prompt, genre, plan};
use dream_core::Seed;

use ranges::Check;
use track::Track;

/// Shares below this fail.
const ENOUGH: f64 = 0.9;

#[expect(clippy::print_stdout, reason = "a tool that prints a table")]
fn main() {
    let draws = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(200);
    let mut failed = 0;
    for genre in genre::all() {
        println!("{}, {draws} draws", genre.name);
        for check in judge(&genre.name, draws) {
            let mark = if check.share() >= ENOUGH { " " } else { "!" };
            failed += usize::from(check.share() < ENOUGH);
            println!("{mark} {check}");
        }
    }
    println!("{failed} checks below {ENOUGH}");
}

/// The checks of a genre over that many draws.
fn judge(genre: &str, draws: u64) -> Vec<Check> {
    // Ambient has drums only where they are asked for.
    let text = if genre == "ambient" { "ambient with a pulse" } else { genre };
    let prompt = Prompt::parse(text);
    let plans: Vec<_> = (0..draws).map(|seed| plan(&prompt, Seed(seed))).collect();
    let mut checks = ranges::of(genre);
    for (at, plan) in plans.iter().enumerate() {
        let track = Track::new(plan);
        let other = Track::new(&plans[(at + 1) % plans.len()]);
        for check in &mut checks {
            let value = check.measure(&track, &other);
            check.values.push(value);
        }
    }
    checks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_keep_to_the_ranges_of_their_genre() {
        for genre in genre::all() {
            for check in judge(&genre.name, 20) {
                assert!(check.share() >= 0.8, "{}: {check}", genre.name);
            }
        }
    }
}
