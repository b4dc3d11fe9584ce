//! The stems that may play each part.

use dream_core::{PartId, Stem};

/// Candidates per part, in the order of `ArrangementPlan::parts`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Shortlist {
    /// Each part with its candidates in any order; a part without any is filled from its nearest role.
    pub parts: Vec<(PartId, Vec<Candidate>)>,
}

/// A stem that may play a part.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The stem.
    pub stem: Stem,
    /// How well it fits the part's words, 0 to 1.
    pub similarity: f32,
}
