//! Orders of the slices of a break.

use serde::Deserialize;

use super::{NotAPattern, bad, energies};

/// Which sixteenth of a one-bar break plays at each sixteenth, `"b59 01230123cd67cdef"`: hexadecimal, `.` rest.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub struct Slices {
    /// Its letter.
    pub id: char,
    /// Lowest energy.
    pub low: f64,
    /// Highest energy.
    pub high: f64,
    /// The slice at each sixteenth, 16 or 32 of them.
    pub steps: Vec<Option<u8>>,
}

impl Slices {
    /// The slice at a sixteenth counted from the start of an 8-bar block.
    pub fn at(&self, sixteenth: usize) -> Option<u8> {
        self.steps[sixteenth % self.steps.len()]
    }

    /// Whether it is the break as it was recorded.
    pub fn is_straight(&self) -> bool {
        self.steps.iter().enumerate().all(|(at, step)| *step == u8::try_from(at % 16).ok())
    }

    /// How far `energy` lies outside its range, 0 inside.
    pub fn distance(&self, energy: f64) -> f64 {
        (self.low - energy).max(energy - self.high).max(0.0)
    }
}

impl TryFrom<String> for Slices {
    type Error = NotAPattern;
    fn try_from(text: String) -> Result<Self, NotAPattern> {
        let (tag, order) = text.split_once(' ').ok_or_else(|| bad(&text, "no tag"))?;
        let id = tag.chars().next().filter(char::is_ascii_lowercase);
        let id = id.ok_or_else(|| bad(&text, "the tag needs a letter"))?;
        let (low, high) = energies(&text, &tag[1..])?;
        let steps = order
            .chars()
            .map(|c| match c.to_digit(16) {
                _ if c == '.' => Ok(None),
                Some(slice) => Ok(Some(slice as u8)),
                None => Err(bad(&text, format!("{c:?} is no slice"))),
            })
            .collect::<Result<Vec<_>, _>>()?;
        if !matches!(steps.len(), 16 | 32) {
            return Err(bad(&text, format!("length {}", steps.len())));
        }
        Ok(Self { id, low, high, steps })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_read() {
        let order = Slices::try_from("b59 01230123cd67cde.".to_owned()).unwrap();
        assert_eq!((order.at(4), order.at(8), order.at(15)), (Some(0), Some(12), None));
        assert!(!order.is_straight());
        assert!(Slices::try_from("a39 0123456789abcdef".to_owned()).unwrap().is_straight());
        assert!(Slices::try_from("a39 0123456789abcdeg".to_owned()).is_err());
        assert!(Slices::try_from("a39 0123".to_owned()).is_err());
    }
}
