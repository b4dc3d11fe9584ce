//! Bass lines in scale degrees.

use serde::Deserialize;

use super::{NotAPattern, bad, energies};

/// One step of a bass line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BassStep {
    /// Nothing.
    Rest,
    /// The note before sounds on.
    Hold,
    /// The note before sounds on and glides to the next degree, which starts no new note.
    Glide,
    /// A scale degree counted from the reference root, 1 to 8.
    Degree(u8),
    /// The scale step under the root.
    Under,
    /// The fifth under the root.
    Fifth,
    /// The scale step under the next root.
    Approach,
    /// The semitone above the root where the scale has it, else the second degree.
    Flat,
    /// A short, quiet repetition of the note before.
    Dead,
}

/// A bass line, `"b roll 69 .111.111.111.111"`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub struct BassLine {
    /// Its letter.
    pub id: char,
    /// Its name; a `drone` or `hold` sustains.
    pub name: String,
    /// Lowest energy.
    pub low: f64,
    /// Highest energy.
    pub high: f64,
    /// Whether it cycles against the bar, restarting every 8 bars.
    pub free: bool,
    /// The steps, sixteenths.
    pub steps: Vec<BassStep>,
}

impl BassLine {
    /// How far `energy` lies outside its range, 0 inside.
    pub fn distance(&self, energy: f64) -> f64 {
        (self.low - energy).max(energy - self.high).max(0.0)
    }

    /// The step at a sixteenth counted from the start of an 8-bar block.
    pub fn at(&self, sixteenth: usize) -> BassStep {
        self.steps[sixteenth % self.steps.len()]
    }
}

impl TryFrom<String> for BassLine {
    type Error = NotAPattern;
    fn try_from(text: String) -> Result<Self, NotAPattern> {
        let words: Vec<&str> = text.split(' ').collect();
        let [id, name, tag, line] = words[..] else {
            return Err(bad(&text, "a bass line is a letter, a name, an energy range and steps"));
        };
        let (low, high) = energies(&text, tag)?;
        let (free, body) = match line.strip_prefix('%') {
            Some(body) => (true, body),
            None => (false, line),
        };
        let steps = body
            .chars()
            .map(|c| match c {
                '.' => Ok(BassStep::Rest),
                '-' => Ok(BassStep::Hold),
                '~' => Ok(BassStep::Glide),
                '1'..='8' => Ok(BassStep::Degree(c as u8 - b'0')),
                'u' => Ok(BassStep::Under),
                'f' => Ok(BassStep::Fifth),
                'l' => Ok(BassStep::Approach),
                'b' => Ok(BassStep::Flat),
                'x' => Ok(BassStep::Dead),
                _ => Err(bad(&text, format!("{c:?} is no bass step"))),
            })
            .collect::<Result<Vec<_>, _>>()?;
        let fits = match (free, steps.len()) {
            (true, length) => (5..=15).contains(&length),
            (false, length) => matches!(length, 16 | 32 | 64),
        };
        let id = id.chars().next().ok_or_else(|| bad(&text, "no letter"))?;
        if !fits {
            return Err(bad(&text, format!("length {}", steps.len())));
        }
        Ok(Self { id, name: name.to_owned(), low, high, free, steps })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bass_line_is_read() {
        let line = BassLine::try_from("e acid 69 ..181.b1.18u.1~8".to_owned()).unwrap();
        assert_eq!((line.id, line.name.as_str(), line.low, line.high), ('e', "acid", 0.6, 1.0));
        assert_eq!(line.at(3), BassStep::Degree(8));
        assert_eq!(line.at(16 + 14), BassStep::Glide);
        assert!(BassLine::try_from("e acid 69 9...".to_owned()).is_err());
    }
}
