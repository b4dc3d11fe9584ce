//! The sections of a form: lengths, energies, who plays when, and what happens at the edges.

use serde::Deserialize;

use super::Lane;
use crate::pattern::NotAPattern;

/// What a section is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SectionKind {
    /// Opens; drums thin.
    Intro,
    /// The beat without its climax.
    Groove,
    /// Without kick and bass.
    Break,
    /// Leads into a drop.
    Build,
    /// The climax.
    Drop,
    /// Takes back.
    Bridge,
    /// Closes.
    Outro,
}

impl SectionKind {
    /// Its name in the data files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Intro => "intro",
            Self::Groove => "groove",
            Self::Break => "break",
            Self::Build => "build",
            Self::Drop => "drop",
            Self::Bridge => "bridge",
            Self::Outro => "outro",
        }
    }
}

/// A section of a genre's form.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SectionSpec {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub kind: SectionKind,
    /// Length in bars.
    pub bars: u32,
    /// Energy at its start and at its end.
    pub energy: [f64; 2],
    /// Who plays: `"kick clap@9 stab@17..33:lp600..3000/8"`.
    #[serde(deserialize_with = "lanes")]
    pub lanes: Vec<LaneSpec>,
    /// What happens at its edges: `"impact crash riser@-8 silence"`.
    #[serde(default, deserialize_with = "fx")]
    pub fx: Vec<Fx>,
}

/// A lane in a section: `lane@from..to:moves`. Bars are 1-based; negative ones count from the end (`@-8`
/// are the last eight bars); without them it plays throughout.
#[derive(Debug, Clone, PartialEq)]
pub struct LaneSpec {
    /// The lane.
    pub lane: Lane,
    /// First bar, 1-based, or negative from the end.
    pub from: i32,
    /// First bar without it, 1-based; `None` to the end.
    pub to: Option<i32>,
    /// How much of the hook it shows.
    pub tease: Tease,
    /// Filters, levels, sends.
    pub moves: Vec<Move>,
}

/// How much of a hook is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tease {
    /// Its rhythm on one pitch (`t1`).
    Rhythm,
    /// Its first half (`t2`).
    Half,
    /// All of it.
    Full,
}

/// A parameter that moves: `lp600..3000` over the lane's bars, `lp600..3000/8` over 8 bars.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Move {
    /// What moves.
    pub what: dream_core::Automate,
    /// From this value ...
    pub from: f64,
    /// ... to this.
    pub to: f64,
    /// Within so many bars; `None` for all bars of the lane.
    pub bars: Option<u32>,
}

/// Something at an edge of the section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fx {
    /// What.
    pub kind: FxKind,
    /// How many of the section's last bars it takes; 0 where it belongs to the start.
    pub bars: u32,
}

/// What can happen at an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are those of the transitions of a plan")]
pub enum FxKind {
    Riser,
    Reverse,
    Impact,
    Crash,
    Downlifter,
    Roll,
    RollSoft,
    Filter,
    Silence,
}

impl LaneSpec {
    /// A lane that plays throughout.
    pub fn whole(lane: Lane) -> Self {
        Self { lane, from: 1, to: None, tease: Tease::Full, moves: Vec::new() }
    }

    /// Reads `lane@from..to:moves`.
    ///
    /// # Errors
    /// `NotAPattern` for an unknown lane, bar or move.
    pub fn parse(text: &str) -> Result<Self, NotAPattern> {
        let bad =
            |problem: &str| NotAPattern { what: text.to_owned(), problem: problem.to_owned() };
        let (place, changes) = text.split_once(':').unwrap_or((text, ""));
        let (name, bars) = place.split_once('@').unwrap_or((place, ""));
        let lane = Lane::parse(name).ok_or_else(|| bad("no such lane"))?;
        let mut spec = Self::whole(lane);
        let (from, to) = bars.split_once("..").unwrap_or((bars, ""));
        let bar = |text: &str| text.parse::<i32>().ok().filter(|bar| *bar != 0);
        if !from.is_empty() {
            spec.from = bar(from).ok_or_else(|| bad("no such bar"))?;
        }
        if !to.is_empty() {
            spec.to = Some(bar(to).filter(|to| *to > spec.from).ok_or_else(|| bad("no such bar"))?);
        }
        for change in changes.split(',').filter(|change| !change.is_empty()) {
            match change {
                "t1" => spec.tease = Tease::Rhythm,
                "t2" => spec.tease = Tease::Half,
                _ => spec.moves.push(movement(change).ok_or_else(|| bad("no such move"))?),
            }
        }
        Ok(spec)
    }
}

fn movement(text: &str) -> Option<Move> {
    use dream_core::Automate;
    let (what, rest) = [
        ("lp", Automate::LowpassHz),
        ("hp", Automate::HighpassHz),
        ("db", Automate::GainDb),
        ("send", Automate::Send),
    ]
    .into_iter()
    .find_map(|(name, what)| Some((what, text.strip_prefix(name)?)))?;
    let (values, bars) = match rest.split_once('/') {
        Some((values, bars)) => (values, Some(bars.parse().ok().filter(|bars| *bars > 0)?)),
        None => (rest, None),
    };
    let (from, to) = values.split_once("..")?;
    Some(Move { what, from: from.parse().ok()?, to: to.parse().ok()?, bars })
}

impl Fx {
    /// Reads `riser@-8`, `impact`.
    ///
    /// # Errors
    /// `NotAPattern` for an unknown name or a span that does not end the section.
    pub fn parse(text: &str) -> Result<Self, NotAPattern> {
        let bad =
            |problem: &str| NotAPattern { what: text.to_owned(), problem: problem.to_owned() };
        let (name, bars) = text.split_once("@-").unwrap_or((text, "0"));
        let kind = match name {
            "riser" => FxKind::Riser,
            "reverse" => FxKind::Reverse,
            "impact" => FxKind::Impact,
            "crash" => FxKind::Crash,
            "downlifter" => FxKind::Downlifter,
            "roll" => FxKind::Roll,
            "roll_soft" => FxKind::RollSoft,
            "filter" => FxKind::Filter,
            "silence" => FxKind::Silence,
            _ => return Err(bad("no such effect")),
        };
        let bars: u32 = bars.parse().map_err(|_| bad("no such bar"))?;
        let ends = match kind {
            FxKind::Riser | FxKind::Reverse | FxKind::Roll | FxKind::RollSoft | FxKind::Filter => {
                true
            }
            FxKind::Impact | FxKind::Crash | FxKind::Downlifter | FxKind::Silence => false,
        };
        if ends == (bars > 0) { Ok(Self { kind, bars }) } else { Err(bad("no such span")) }
    }
}

fn lanes<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<LaneSpec>, D::Error> {
    let text = String::deserialize(from)?;
    let read = text.split_whitespace().map(LaneSpec::parse).collect::<Result<_, _>>();
    read.map_err(serde::de::Error::custom)
}

fn fx<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<Fx>, D::Error> {
    let text = String::deserialize(from)?;
    let read = text.split_whitespace().map(Fx::parse).collect::<Result<_, _>>();
    read.map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_is_read_with_its_bars_and_moves() {
        let spec = LaneSpec::parse("stab@17..33:t1,lp600..3000/8").unwrap();
        assert_eq!((spec.lane, spec.from, spec.to), (Lane::Stab, 17, Some(33)));
        assert_eq!(spec.tease, Tease::Rhythm);
        assert_eq!(
            (spec.moves[0].from, spec.moves[0].to, spec.moves[0].bars),
            (600.0, 3000.0, Some(8))
        );
        assert_eq!(LaneSpec::parse("kick@..9").unwrap().to, Some(9));
        assert!(LaneSpec::parse("pad:db-24..0").unwrap().moves[0].from < -23.9);
        assert_eq!(LaneSpec::parse("kick@-8").unwrap().from, -8);
        for bad in ["gong", "kick@0", "kick@9..9", "kick:xx1..2", "kick:lp1"] {
            assert!(LaneSpec::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn effects_belong_to_the_start_or_to_the_end() {
        assert_eq!(Fx::parse("riser@-8"), Ok(Fx { kind: FxKind::Riser, bars: 8 }));
        assert_eq!(Fx::parse("impact"), Ok(Fx { kind: FxKind::Impact, bars: 0 }));
        assert!(Fx::parse("riser").is_err() && Fx::parse("impact@-8").is_err());
    }
}
