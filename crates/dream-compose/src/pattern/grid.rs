//! Grids of hits.

use serde::Deserialize;

use super::{NotAPattern, bad, energies};

/// One step of a grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing starts.
    Rest,
    /// The hit before sounds on.
    Hold,
    /// A hit of velocity 1 to 9.
    Hit(u8),
    /// A hit of velocity 1 to 9 that is there half of the time.
    Maybe(u8),
    /// Two or three quick hits.
    Burst(u8),
}

/// How steps map to time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Sixteenths, whole bars.
    Sixteenths,
    /// Sixteenths in a cycle of their own that restarts every 8 bars.
    Free,
    /// 12 or 24 steps a bar.
    Triplets,
}

/// A repeating line of hits.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Grid {
    measure: Measure,
    steps: Vec<Step>,
}

/// A hit in musical time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// Beats from the start of the bar.
    pub beat: f64,
    /// Beats until it ends.
    pub length: f64,
    /// Loudness, 0 to 1.
    pub velocity: f64,
}

/// Beats per sixteenth.
pub(super) const SIXTEENTH: f64 = 0.25;

impl Grid {
    /// Reads steps of any length, for fills: 16 a bar, or 12 after `/`.
    pub(super) fn steps(text: &str) -> Result<Self, NotAPattern> {
        let (measure, body) = match text.strip_prefix(['%', '/']) {
            Some(body) if text.starts_with('%') => (Measure::Free, body),
            Some(body) => (Measure::Triplets, body),
            None => (Measure::Sixteenths, text),
        };
        let steps = body
            .chars()
            .map(|c| match c {
                '.' => Ok(Step::Rest),
                '-' => Ok(Step::Hold),
                '1'..='9' => Ok(Step::Hit(c as u8 - b'0')),
                'a'..='i' => Ok(Step::Maybe(c as u8 - b'a' + 1)),
                'r' => Ok(Step::Burst(2)),
                't' => Ok(Step::Burst(3)),
                _ => Err(bad(text, format!("{c:?} is no step"))),
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self { measure, steps })
    }

    /// Reads a repeating grid.
    ///
    /// # Errors
    /// `NotAPattern` for an unknown step or a wrong length.
    pub fn parse(text: &str) -> Result<Self, NotAPattern> {
        let grid = Self::steps(text)?;
        let fits = match grid.measure {
            Measure::Sixteenths => matches!(grid.steps.len(), 16 | 32 | 64),
            Measure::Free => (5..=15).contains(&grid.steps.len()),
            Measure::Triplets => matches!(grid.steps.len(), 12 | 24),
        };
        if fits { Ok(grid) } else { Err(bad(text, format!("length {}", grid.steps.len()))) }
    }

    /// How many steps before it repeats.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether it has no step; a parsed repeating grid always has some.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Whether it cycles against the bar.
    pub fn is_free(&self) -> bool {
        self.measure == Measure::Free
    }

    /// Bars before it repeats, 1 for cycles against the bar.
    pub fn bars(&self) -> u32 {
        if self.measure == Measure::Sixteenths { (self.steps.len() / 16) as u32 } else { 1 }
    }

    /// The most hits in any of its bars.
    pub fn density(&self) -> usize {
        let bars = if self.is_free() { 8 } else { self.bars() };
        (0..bars).map(|bar| self.hits(bar, |_| true).len()).max().unwrap_or(0)
    }

    /// The hits of one bar of an 8-bar block; `coin` decides about the hit at a step of the grid.
    pub fn hits(&self, bar: u32, coin: impl Fn(usize) -> bool) -> Vec<Hit> {
        let count = self.steps.len();
        if count == 0 {
            return Vec::new();
        }
        let (per_bar, step_beats) = match self.measure {
            Measure::Sixteenths | Measure::Free => (16, SIXTEENTH),
            Measure::Triplets => (count, 4.0 / count as f64),
        };
        let first = if self.measure == Measure::Triplets { 0 } else { bar as usize * 16 };
        let mut hits = Vec::new();
        for i in 0..per_bar {
            let at = (first + i) % count;
            self.push(&mut hits, at, i as f64 * step_beats, step_beats, &coin);
        }
        hits
    }

    /// The hits of a fill of `beats` that starts at beat 0.
    pub(super) fn once(&self, beats: f64) -> Vec<Hit> {
        let step_beats = beats / self.steps.len().max(1) as f64;
        let mut hits = Vec::new();
        for at in 0..self.steps.len() {
            self.push(&mut hits, at, at as f64 * step_beats, step_beats, &|_| true);
        }
        hits
    }

    fn push(
        &self,
        hits: &mut Vec<Hit>,
        at: usize,
        beat: f64,
        step_beats: f64,
        coin: &impl Fn(usize) -> bool,
    ) {
        let velocity = |digit: u8| f64::from(digit) / 9.0;
        let held = self.steps[at + 1..].iter().take_while(|step| **step == Step::Hold).count();
        let length = step_beats * (1 + held) as f64;
        match self.steps[at] {
            Step::Rest | Step::Hold => {}
            Step::Hit(digit) => hits.push(Hit { beat, length, velocity: velocity(digit) }),
            Step::Maybe(digit) => {
                if coin(at) {
                    hits.push(Hit { beat, length, velocity: velocity(digit) });
                }
            }
            Step::Burst(count) => {
                // The later hits are 2 dB softer: gain = velocity^1.6.
                let soft = 10.0_f64.powf(-2.0 / 20.0 / 1.6);
                for i in 0..count {
                    let part = step_beats / f64::from(count);
                    let velocity = if i == 0 { velocity(7) } else { velocity(7) * soft };
                    hits.push(Hit { beat: beat + part * f64::from(i), length: part, velocity });
                }
            }
        }
    }
}

impl TryFrom<String> for Grid {
    type Error = NotAPattern;
    fn try_from(text: String) -> Result<Self, NotAPattern> {
        Self::parse(&text)
    }
}

/// One way a voice may play, `"a59 9...9...9...9..3"`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub struct Alternative {
    /// Its letter; `v` and `w` are variations, `h` goes with the other `h`, `j` with plain kicks.
    pub id: char,
    /// Lowest energy.
    pub low: f64,
    /// Highest energy.
    pub high: f64,
    /// The hits.
    pub grid: Grid,
}

impl Alternative {
    /// Whether it is meant for single bars.
    pub fn is_variation(&self) -> bool {
        matches!(self.id, 'v' | 'w')
    }

    /// How far `energy` lies outside its range, 0 inside.
    pub fn distance(&self, energy: f64) -> f64 {
        (self.low - energy).max(energy - self.high).max(0.0)
    }
}

impl TryFrom<String> for Alternative {
    type Error = NotAPattern;
    fn try_from(text: String) -> Result<Self, NotAPattern> {
        let (tag, grid) = text.split_once(' ').ok_or_else(|| bad(&text, "no tag"))?;
        let id = tag.chars().next().filter(char::is_ascii_lowercase);
        let id = id.ok_or_else(|| bad(&text, "the tag needs a letter"))?;
        let (low, high) = energies(&text, &tag[1..])?;
        Ok(Self { id, low, high, grid: Grid::parse(grid)? })
    }
}

/// The rhythm of a hook, `"a 8..7..8...7....."`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Cell {
    /// Its letter.
    pub id: char,
    /// Onsets, holds and accents.
    pub grid: Grid,
}

impl TryFrom<String> for Cell {
    type Error = NotAPattern;
    fn try_from(text: String) -> Result<Self, NotAPattern> {
        match text.split_once(' ') {
            Some((id, grid)) if id.len() == 1 => {
                Ok(Self { id: id.chars().next().unwrap_or('a'), grid: Grid::parse(grid)? })
            }
            _ => Err(bad(&text, "a cell is a letter and a grid")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, bar: u32, expected: &[(f64, u32)]) {
        let hits = Grid::parse(text).unwrap().hits(bar, |_| true);
        let got: Vec<_> =
            hits.iter().map(|hit| (hit.beat, (hit.velocity * 9.0).round() as u32)).collect();
        assert_eq!(got, expected, "{text}");
    }

    #[test]
    fn a_step_is_a_sixteenth() {
        check("9...8...7...6...", 0, &[(0.0, 9), (1.0, 8), (2.0, 7), (3.0, 6)]);
        check("................9...............", 0, &[]);
        check("................9...............", 3, &[(0.0, 9)]);
    }

    #[test]
    fn a_free_cycle_moves_against_the_bar() {
        check("%9....", 0, &[(0.0, 9), (1.25, 9), (2.5, 9), (3.75, 9)]);
        check("%9....", 1, &[(1.0, 9), (2.25, 9), (3.5, 9)]);
    }

    #[test]
    fn triplets_divide_the_bar_by_twelve() {
        assert!(Grid::parse("/9.9..........").is_err(), "13 steps");
        let hits = Grid::parse("/..9.........").unwrap().hits(5, |_| true);
        assert!((hits[0].beat - 2.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn holds_lengthen_a_hit_and_bursts_divide_it() {
        let hits = Grid::parse("8---....r.......").unwrap().hits(0, |_| true);
        assert_eq!(hits.iter().map(|hit| hit.length).collect::<Vec<_>>(), [1.0, 0.125, 0.125]);
        assert!(hits[2].velocity < hits[1].velocity);
    }

    #[test]
    fn a_wrong_grid_says_why() {
        let error = Grid::parse("9...x...9...9...").unwrap_err();
        assert_eq!(error.to_string(), "9...x...9...9...: 'x' is no step");
        assert!(Grid::parse("9...").is_err());
        assert!(Alternative::try_from("a95 9...9...9...9...".to_owned()).is_err());
    }
}
