//! Fills: what the drums do at the end of a phrase.

use serde::Deserialize;

use super::grid::Grid;
use super::{Hit, NotAPattern, bad};
use crate::genre::Lane;

/// A fill, `"B tom=7.57 hat=6666"`: the lanes named play, all other drums rest.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub struct Fill {
    /// A, B or C; C is a drop-out.
    pub letter: char,
    /// What plays.
    pub lanes: Vec<(Lane, Grid)>,
}

impl Fill {
    /// The hits of the fill per lane, for a span of `beats` that starts at beat 0.
    pub fn hits(&self, beats: f64) -> impl Iterator<Item = (Lane, Vec<Hit>)> {
        self.lanes.iter().map(move |(lane, grid)| (*lane, grid.once(beats)))
    }
}

impl TryFrom<String> for Fill {
    type Error = NotAPattern;
    fn try_from(text: String) -> Result<Self, NotAPattern> {
        let mut words = text.split(' ');
        let letter = match words.next() {
            Some("A") => 'A',
            Some("B") => 'B',
            Some("C") => 'C',
            _ => return Err(bad(&text, "a fill starts with A, B or C")),
        };
        let lanes = words
            .filter(|word| *word != "-")
            .map(|word| {
                let (lane, grid) = word.split_once('=').ok_or_else(|| bad(&text, "no lane"))?;
                let lane = Lane::parse(lane).ok_or_else(|| bad(&text, format!("lane {lane:?}")))?;
                let grid = Grid::steps(grid)?;
                if matches!(grid.len(), 3 | 4 | 6 | 8 | 12 | 16) {
                    Ok((lane, grid))
                } else {
                    Err(bad(&text, format!("length {}", grid.len())))
                }
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self { letter, lanes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fill_spans_its_beats() {
        let fill = Fill::try_from("B tom=7.9r kick=9...".to_owned()).unwrap();
        let hits: Vec<_> = fill.hits(1.0).collect();
        assert_eq!(hits[0].0, Lane::Tom);
        assert_eq!(
            hits[0].1.iter().map(|hit| hit.beat).collect::<Vec<_>>(),
            [0.0, 0.5, 0.75, 0.875]
        );
        assert!(Fill::try_from("D -".to_owned()).is_err());
        assert!(Fill::try_from("A gong=9...".to_owned()).is_err());
    }
}
