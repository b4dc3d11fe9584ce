//! The stems that may play each part, and how promising a stem looks before all of it is known.

use std::sync::Arc;

use dream_core::{ArrangementPlan, Form, PartId, Stem};

use crate::cast::{Need, kinds, promise};

/// Candidates per part, in the order of `ArrangementPlan::parts`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Shortlist {
    /// Each part with its candidates in any order; a part without any is filled from its nearest role.
    pub parts: Vec<(PartId, Vec<Candidate>)>,
}

/// A stem that may play a part.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The stem; a stem may stand in many lists.
    pub stem: Arc<Stem>,
    /// How well it fits the part's words, 0 to 1.
    pub similarity: f32,
    /// How far it has what the prompt says of sounds: standard deviations among its kind times how strongly that is asked for, -3.2
    /// to 3.2; 0 where nothing is asked.
    pub wish: f32,
}

/// What is known of a stem before its facts are read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outline {
    /// One-shot, loop or free.
    pub form: Form,
    /// Its tempo in bpm.
    pub bpm: Option<f64>,
    /// Its quality, 0 to 1.
    pub quality: f32,
    /// How well it fits the part's words, 0 to 1.
    pub similarity: f32,
    /// How far it has what the prompt says of sounds; as in [`Candidate`].
    pub wish: f32,
    /// Whether it has one of [`Brief::tags`].
    pub tagged: bool,
}

/// What a part wants, as far as an outline can answer it.
pub struct Brief<'a> {
    need: Need<'a>,
}

impl<'a> Brief<'a> {
    /// What a part of a plan wants.
    pub fn of(plan: &'a ArrangementPlan, part: &'a PartId) -> Self {
        Self { need: Need::of(plan, part) }
    }

    /// The tags of which one speaks for a stem: the kind of sound that the role asks for.
    pub fn tags(&self) -> &'static [&'static str] {
        kinds(self.need.part.role)
    }

    /// How promising a stem looks; larger is better. Of many stems the most promising are worth being read whole.
    pub fn promise(&self, outline: &Outline) -> f64 {
        promise(&self.need, outline)
    }
}
