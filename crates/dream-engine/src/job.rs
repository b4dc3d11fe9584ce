//! What to do, what came of it, and what is worth telling on the way.

use serde::{Deserialize, Serialize};

use crate::{FileOutcome, IngestReport, IngestSpec, StarterReport};

/// Work to do. Stored as JSON with its job; the same work is recognised by it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum JobSpec {
    /// Files and folders into the library.
    Ingest(IngestSpec),
    /// The built-in starter kit into the library.
    StarterKit,
}

impl JobSpec {
    /// The name of the kind of work.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Ingest(_) => "ingest",
            Self::StarterKit => "starter_kit",
        }
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Outcome {
    /// Of [`JobSpec::Ingest`].
    Ingest(IngestReport),
    /// Of [`JobSpec::StarterKit`].
    StarterKit(StarterReport),
}

/// Something that happened on the way.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// A file was dealt with, and the library knows.
    File(&'a FileOutcome),
}
