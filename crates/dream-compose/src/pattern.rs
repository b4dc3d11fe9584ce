//! The notation of the genre data: grids of hits, bass lines, chords and fills, each parsed from a string.
//!
//! A grid has one character per sixteenth: `.` rest, `1` to `9` velocity, `a` to `i` the same with
//! probability one half, `r` and `t` two and three hits in one step, `-` hold. Length 16, 32 or 64 (1, 2
//! or 4 bars); a leading `%` makes it a free cycle of 5 to 15 steps, a leading `/` a grid of 12 or 24
//! triplets a bar. An alternative `"a59 grid"` is usable while the energy is within 0.5 to 0.9 (an upper 9
//! means 1.0); `v` and `w` are variations for single bars.

mod bass;
mod chord;
mod fill;
mod grid;
mod scale;
mod slice;

pub use bass::{BassLine, BassStep};
pub use chord::{Chord, Colour, Progression};
pub use fill::Fill;
pub use grid::{Alternative, Cell, Grid, Hit, Measure, Step};
pub use scale::{Ladder, Scale};
pub use slice::Slices;

/// A string that is not in the notation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {problem}")]
pub struct NotAPattern {
    /// The text.
    pub what: String,
    /// What is wrong with it.
    pub problem: String,
}

fn bad(what: &str, problem: impl Into<String>) -> NotAPattern {
    NotAPattern { what: what.to_owned(), problem: problem.into() }
}

/// Reads `"59"` as the energies 0.5 to 0.9; an upper 9 means 1.0.
fn energies(text: &str, tag: &str) -> Result<(f64, f64), NotAPattern> {
    let digits: Vec<u32> = tag.chars().filter_map(|c| c.to_digit(10)).collect();
    match digits[..] {
        [low, high] if low <= high && tag.len() == 2 => {
            let high = if high == 9 { 10 } else { high };
            Ok((f64::from(low) / 10.0, f64::from(high) / 10.0))
        }
        _ => Err(bad(text, format!("energy range {tag:?} is not two rising digits"))),
    }
}
