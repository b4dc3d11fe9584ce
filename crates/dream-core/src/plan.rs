//! The arrangement plan: everything about a track but the choice of its stems.
//!
//! Stored and exchanged as JSON, schema 1. Times inside a section are counted from its first downbeat;
//! notes lie on the straight grid, `swing` and small timing deviations are added when rendering.

use serde::{Deserialize, Serialize};

use crate::{Bpm, Category, Key, Role};

/// A plan that cannot be rendered, and why.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("arrangement plan: {field}: {problem}")]
pub struct PlanError {
    /// The field, as a path: `structure[2].bars`.
    pub field: String,
    /// What is wrong with it, with the limit.
    pub problem: String,
}

/// Tempo, key, sections and what each section asks for; no stem chosen yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArrangementPlan {
    /// Version of this format: 1.
    pub schema: u32,
    /// The words it was made from.
    pub prompt: String,
    /// Root of the choices made in it and after it.
    pub seed: u64,
    /// Tempo, kept exactly.
    pub bpm: Bpm,
    /// Key; `None` for atonal music.
    pub key: Option<Key>,
    /// Genre name, such as `industrial techno`.
    pub genre: String,
    /// Mood words that were understood.
    pub moods: Vec<String>,
    /// Share of an eighth note taken by its first sixteenth, in percent: 50 is straight, 66.7 triplets.
    pub swing: f64,
    /// Sum of the bars of all sections.
    pub total_bars: u32,
    /// Length in seconds without the tail.
    pub estimated_duration_s: f64,
    /// Loudness target of the master.
    pub loudness_lufs: f64,
    /// The sections in order.
    pub structure: Vec<Section>,
}

/// A named run of bars.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// Its name: `Intro`, `Drop 1`.
    pub section: String,
    /// Length in bars of four beats.
    pub bars: u32,
    /// Mean energy, 0 to 1.
    pub energy: f64,
    /// Root of the small deviations of its performance.
    pub seed: u64,
    /// What sounds in it.
    pub stem_queries: Vec<StemQuery>,
    /// What happens at its edges and phrase ends.
    pub transitions: Vec<Transition>,
}

/// What a section asks for. Queries of all sections that agree in role, category, tags and text are one
/// part and get one stem.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StemQuery {
    /// What the part does.
    pub role: Role,
    /// The category asked for first.
    pub category: Category,
    /// Tags the stem should have.
    pub tags: Vec<String>,
    /// Words the stem should fit.
    pub text: String,
    /// How many stems may share the part, 1 to 4: more than one are layered.
    pub count: u32,
    /// Whether the track is incomplete without it.
    pub required: bool,
    /// Level relative to the usual level of the role.
    pub gain_db: f64,
    /// Position, -1 left to 1 right.
    pub pan: f64,
    /// First bar in which it sounds, 0-based within the section.
    pub enter_bar: u32,
    /// First bar in which it no longer sounds.
    pub leave_bar: u32,
    /// The part as notes, for one-shots; absent where a loop or a texture just runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
    /// Moves of filters and levels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub automation: Vec<Automation>,
}

/// One note of a part.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// Beats from the start of the section, on the straight grid.
    pub beat: f64,
    /// Length in beats.
    pub length: f64,
    /// Loudness, 0 to 1; gain = velocity^1.6.
    pub velocity: f64,
    /// MIDI note number for pitched parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pitch: Option<u8>,
}

/// What an automation moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Automate {
    /// Cut-off of a low-pass in Hz, moved exponentially.
    LowpassHz,
    /// Cut-off of a high-pass in Hz, moved exponentially.
    HighpassHz,
    /// Gain in dB, moved linearly in dB.
    GainDb,
    /// Share sent to reverb and delay, 0 to 1.
    Send,
}

/// A value that moves over a span of bars and then holds to the part's end.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Automation {
    /// What moves.
    pub what: Automate,
    /// Start in bars from the section's start.
    pub from_bar: f64,
    /// End in bars from the section's start.
    pub to_bar: f64,
    /// Value at the start.
    pub from: f64,
    /// Value at the end.
    pub to: f64,
}

/// A gesture at a phrase end or a section edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransitionKind {
    /// Drum fill A, written in the notes; loops of kick, bass and drums rest under it.
    FillA,
    /// Drum fill B.
    FillB,
    /// Drum fill C: a drop-out.
    FillC,
    /// A riser that ends exactly with the span.
    Riser,
    /// An impact at the start of the span.
    Impact,
    /// A crash at the start of the span.
    Crash,
    /// A reversed crash that ends exactly with the span.
    Reverse,
    /// A downlifter that starts with the span.
    Downlifter,
    /// A snare roll, written in the notes.
    SnareRoll,
    /// A filter move, written as automation.
    Filter,
    /// Everything but tails and effects rests.
    Silence,
}

/// A transition and its span.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transition {
    /// What happens.
    pub kind: TransitionKind,
    /// Start in bars from the section's start; 31.75 is the last beat of bar 32.
    pub bar: f64,
    /// Length in beats.
    pub beats: f64,
}

/// What makes queries one part.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PartId {
    /// What the part does.
    pub role: Role,
    /// The category asked for first.
    pub category: Category,
    /// Tags the stem should have.
    pub tags: Vec<String>,
    /// Words the stem should fit.
    pub text: String,
}

impl StemQuery {
    /// The part this query belongs to.
    pub fn part(&self) -> PartId {
        PartId {
            role: self.role,
            category: self.category,
            tags: self.tags.clone(),
            text: self.text.clone(),
        }
    }
}

impl ArrangementPlan {
    /// Beats per bar. Other metres come with a later schema.
    pub const BEATS_PER_BAR: f64 = 4.0;
    /// Most bars of a track.
    pub const MAX_BARS: u32 = 2_000;
    /// Most sections of a track.
    pub const MAX_SECTIONS: usize = 64;
    /// Most queries of a section.
    pub const MAX_QUERIES: usize = 64;
    /// Most notes of a query.
    pub const MAX_NOTES: usize = 20_000;

    /// The parts of the plan in order of first appearance.
    pub fn parts(&self) -> Vec<PartId> {
        let mut parts = Vec::new();
        for query in self.structure.iter().flat_map(|section| &section.stem_queries) {
            let part = query.part();
            if !parts.contains(&part) {
                parts.push(part);
            }
        }
        parts
    }

    /// The first bar of each section, and at the end the bar after the last.
    pub fn section_starts(&self) -> Vec<u32> {
        let ends = self.structure.iter().scan(0, |bar, section| {
            *bar += section.bars;
            Some(*bar)
        });
        std::iter::once(0).chain(ends).collect()
    }

    /// Checks every limit; a plan that passes can be rendered.
    ///
    /// # Errors
    /// `PlanError` with the first field that is out of range.
    pub fn validate(&self) -> Result<(), PlanError> {
        need(self.schema == 1, "schema", || format!("only 1 is known, got {}", self.schema))?;
        range("prompt length", self.prompt.len() as f64, 0.0, 4_000.0)?;
        range("genre length", self.genre.len() as f64, 0.0, 100.0)?;
        range("swing", self.swing, 50.0, 75.0)?;
        range("loudness_lufs", self.loudness_lufs, -40.0, -5.0)?;
        range("structure length", self.structure.len() as f64, 1.0, Self::MAX_SECTIONS as f64)?;
        let bars: u64 = self.structure.iter().map(|section| u64::from(section.bars)).sum();
        range("total_bars", f64::from(self.total_bars), 1.0, f64::from(Self::MAX_BARS))?;
        need(bars == u64::from(self.total_bars), "total_bars", || {
            format!("is {}, but the sections add up to {bars}", self.total_bars)
        })?;
        let seconds = bars as f64 * Self::BEATS_PER_BAR * self.bpm.beat_seconds();
        range("duration in seconds", seconds, 1.0, 3_600.0)?;
        for (index, section) in self.structure.iter().enumerate() {
            section.validate().map_err(|error| PlanError {
                field: format!("structure[{index}].{}", error.field),
                ..error
            })?;
        }
        Ok(())
    }
}

impl Section {
    fn validate(&self) -> Result<(), PlanError> {
        let bars = f64::from(self.bars);
        range("section length", self.section.len() as f64, 1.0, 100.0)?;
        range("bars", bars, 1.0, 1_000.0)?;
        range("energy", self.energy, 0.0, 1.0)?;
        let (queries, most) = (self.stem_queries.len() as f64, ArrangementPlan::MAX_QUERIES as f64);
        range("stem_queries length", queries, 0.0, most)?;
        range("transitions length", self.transitions.len() as f64, 0.0, 500.0)?;
        for (index, query) in self.stem_queries.iter().enumerate() {
            query.validate(bars).map_err(|error| PlanError {
                field: format!("stem_queries[{index}].{}", error.field),
                ..error
            })?;
        }
        for (index, transition) in self.transitions.iter().enumerate() {
            range(&format!("transitions[{index}].bar"), transition.bar, 0.0, bars)?;
            range(&format!("transitions[{index}].beats"), transition.beats, 0.0, 4.0 * bars)?;
        }
        Ok(())
    }
}

impl StemQuery {
    fn validate(&self, bars: f64) -> Result<(), PlanError> {
        range("count", f64::from(self.count), 1.0, 4.0)?;
        range("text length", self.text.len() as f64, 0.0, 1_000.0)?;
        range("tags length", self.tags.len() as f64, 0.0, 32.0)?;
        range("gain_db", self.gain_db, -60.0, 24.0)?;
        range("pan", self.pan, -1.0, 1.0)?;
        range("leave_bar", f64::from(self.leave_bar), 0.0, bars)?;
        range("enter_bar", f64::from(self.enter_bar), 0.0, f64::from(self.leave_bar))?;
        range("notes length", self.notes.len() as f64, 0.0, ArrangementPlan::MAX_NOTES as f64)?;
        range("automation length", self.automation.len() as f64, 0.0, 100.0)?;
        let beats = ArrangementPlan::BEATS_PER_BAR * bars;
        for (index, note) in self.notes.iter().enumerate() {
            let at = |name: &str| format!("notes[{index}].{name}");
            range(&at("beat"), note.beat, 0.0, beats)?;
            range(&at("length"), note.length, 0.0, beats)?;
            range(&at("velocity"), note.velocity, 0.0, 1.0)?;
            range(&at("pitch"), f64::from(note.pitch.unwrap_or(0)), 0.0, 127.0)?;
        }
        for (index, automation) in self.automation.iter().enumerate() {
            let at = |name: &str| format!("automation[{index}].{name}");
            range(&at("to_bar"), automation.to_bar, 0.0, bars)?;
            range(&at("from_bar"), automation.from_bar, 0.0, automation.to_bar)?;
            let (min, max) = match automation.what {
                Automate::LowpassHz | Automate::HighpassHz => (10.0, 22_050.0),
                Automate::GainDb => (-120.0, 24.0),
                Automate::Send => (0.0, 1.0),
            };
            range(&at("from"), automation.from, min, max)?;
            range(&at("to"), automation.to, min, max)?;
        }
        Ok(())
    }
}

fn need(ok: bool, field: &str, problem: impl FnOnce() -> String) -> Result<(), PlanError> {
    if ok { Ok(()) } else { Err(PlanError { field: field.to_owned(), problem: problem() }) }
}

fn range(field: &str, got: f64, min: f64, max: f64) -> Result<(), PlanError> {
    need((min..=max).contains(&got), field, || format!("must be {min} to {max}, got {got}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> ArrangementPlan {
        serde_json::from_value(serde_json::json!({
            "schema": 1, "prompt": "techno", "seed": 1, "bpm": 138.0, "key": "A minor",
            "genre": "techno", "moods": [], "swing": 51.0, "total_bars": 8,
            "estimated_duration_s": 13.9, "loudness_lufs": -10.0,
            "structure": [{"section": "Intro", "bars": 8, "energy": 0.3, "seed": 2,
                "stem_queries": [{"role": "kick", "category": "kick", "tags": [], "text": "",
                    "count": 1, "required": true, "gain_db": 0.0, "pan": 0.0,
                    "enter_bar": 0, "leave_bar": 8,
                    "notes": [{"beat": 0.0, "length": 1.0, "velocity": 1.0}]}],
                "transitions": [{"kind": "fill_a", "bar": 7.75, "beats": 1.0}]}]
        }))
        .unwrap()
    }

    #[test]
    fn a_sound_plan_passes() {
        assert_eq!(plan().validate(), Ok(()));
        assert_eq!(plan().parts().len(), 1);
        assert_eq!(plan().section_starts(), [0, 8]);
    }

    #[test]
    fn a_bad_value_is_named_with_its_place_and_limit() {
        let mut bad = plan();
        bad.structure[0].stem_queries[0].notes[0].beat = -1.0;
        let error = bad.validate().unwrap_err();
        assert_eq!(error.field, "structure[0].stem_queries[0].notes[0].beat");
        assert_eq!(error.problem, "must be 0 to 32, got -1");
    }

    #[test]
    fn sections_must_add_up() {
        let mut bad = plan();
        bad.total_bars = 9;
        assert_eq!(bad.validate().unwrap_err().field, "total_bars");
    }

    #[test]
    fn unknown_fields_are_refused() {
        let mut json = serde_json::to_value(plan()).unwrap();
        json["structure"][0]["tempo"] = 3.into();
        assert!(serde_json::from_value::<ArrangementPlan>(json).is_err());
    }

    #[test]
    fn a_plan_survives_json() {
        let json = serde_json::to_string(&plan()).unwrap();
        assert_eq!(serde_json::from_str::<ArrangementPlan>(&json).unwrap(), plan());
    }
}
