//! What the plan asks of a part, over all its sections.

use std::collections::BTreeMap;

use dream_core::{ArrangementPlan, Bpm, Key, Note, PartId, Rhythm, StemQuery};

use super::kind::prompted;
use super::rhythm::Pattern;
use crate::render::role::{is_drum, is_tonal};

/// Steps of a bar.
const STEPS: usize = Rhythm::STEPS;

pub(crate) struct Need<'a> {
    pub(crate) part: &'a PartId,
    pub(super) genre: &'a str,
    /// The moods of the whole track.
    pub(super) moods: &'a [String],
    /// The sounds that the prompt names for this part: "acid", "piano".
    pub(super) prompted: Vec<&'static str>,
    pub(super) bpm: Bpm,
    pub(super) swing: f64,
    pub(super) key: Option<Key>,
    /// Most stems to layer.
    pub(super) count: u32,
    pub(super) required: bool,
    pub(super) has_notes: bool,
    /// The pitches of its notes.
    pub(super) pitches: Vec<u8>,
    /// Whether several notes start together.
    pub(super) chords: bool,
    /// How much of each pitch class its notes are; not normalised.
    pub(super) classes: [f64; 12],
    /// The pitches that start together, the lowest first and none for a note on the tonic, and how much of the track they are;
    /// not normalised.
    pub(super) voicings: BTreeMap<Vec<i32>, f64>,
    /// The longest of its notes.
    pub(super) longest_beats: f64,
    /// Its notes on the steps of a bar.
    pub(super) pattern: Option<Pattern>,
}

impl<'a> Need<'a> {
    pub(crate) fn of(plan: &'a ArrangementPlan, part: &'a PartId) -> Self {
        let queries: Vec<&StemQuery> = plan
            .structure
            .iter()
            .flat_map(|section| &section.stem_queries)
            .filter(|query| is_of(query, part))
            .collect();
        let mut need = Self {
            part,
            genre: &plan.genre,
            moods: &plan.moods,
            prompted: prompted(part, &plan.prompt),
            bpm: plan.bpm,
            swing: plan.swing,
            key: plan.key,
            count: queries.iter().map(|query| query.count).max().unwrap_or(1),
            required: queries.iter().any(|query| query.required),
            has_notes: queries.iter().any(|query| !query.notes.is_empty()),
            pitches: Vec::new(),
            chords: false,
            classes: [0.0; 12],
            voicings: BTreeMap::new(),
            longest_beats: 0.0,
            pattern: None,
        };
        let mut steps = [0.0; STEPS];
        for query in queries {
            need.listen(&query.notes);
            for note in &query.notes {
                steps[(4.0 * note.beat).round() as usize % STEPS] += note.velocity;
            }
        }
        need.pattern = need.has_notes.then(|| Pattern::of_notes(part.role, steps));
        need
    }

    fn listen(&mut self, notes: &[Note]) {
        let mut notes: Vec<&Note> = notes.iter().collect();
        notes.sort_by(|a, b| a.beat.total_cmp(&b.beat).then(a.pitch.cmp(&b.pitch)));
        for chord in notes.chunk_by(|a, b| (a.beat - b.beat).abs() < 1e-6) {
            self.chords |= chord.iter().any(|note| note.pitch != chord[0].pitch);
            let pitches = chord.iter().filter_map(|note| note.pitch.map(i32::from)).collect();
            *self.voicings.entry(pitches).or_default() += chord[0].velocity * chord[0].length;
            for note in chord {
                self.longest_beats = self.longest_beats.max(note.length);
                let Some(pitch) = note.pitch else { continue };
                self.pitches.push(pitch);
                self.classes[usize::from(pitch % 12)] += note.velocity * note.length;
            }
        }
    }

    /// Whether a tonal part plays pitched notes.
    pub(super) fn is_melodic(&self) -> bool {
        is_tonal(self.part.role) && !self.pitches.is_empty()
    }

    /// Whether a loop may play in place of the notes: not where fills and groove hang on single hits, and not for the hook.
    pub(super) fn yields(&self) -> bool {
        use dream_core::Role;
        let single = matches!(
            self.part.role,
            Role::Kick | Role::Snare | Role::Clap | Role::Sub | Role::Lead
        );
        !single && (is_drum(self.part.role) || is_tonal(self.part.role))
    }
}

/// Whether a query belongs to the part; as `StemQuery::part`, without making one.
fn is_of(query: &StemQuery, part: &PartId) -> bool {
    query.role == part.role
        && query.category == part.category
        && query.tags == part.tags
        && query.text == part.text
}
