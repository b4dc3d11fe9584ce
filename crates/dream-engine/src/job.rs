//! What to do, what came of it, and what is worth telling on the way.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use dream_library::Lane;

use crate::{
    AddSpec, BundleReport, BundleSpec, ComposeSpec, Composed, CycleReport, CycleRound, CycleSpec,
    FetchSpec, FileOutcome, GenerateReport, GenerateSpec, GeneratedStem, IngestReport, IngestSpec,
    Model, RenderSpec, SeparateReport, SeparateSpec, StarterReport, TrackOutcome, TrainEpoch,
    TrainReport, TrainSpec,
};

/// Work to do. Stored as JSON with its job; the same work is recognised by it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum JobSpec {
    /// Files and folders into the library.
    Ingest(IngestSpec),
    /// Tracks into stems.
    Separate(Box<SeparateSpec>),
    /// The built-in starter kit into the library.
    StarterKit,
    /// A published model into the home.
    FetchModel(FetchSpec),
    /// A checkpoint of one's own into the home.
    AddModel(AddSpec),
    /// The stems of a category into a model.
    Train(TrainSpec),
    /// A model into stems.
    Generate(Box<GenerateSpec>),
    /// Train, dream, keep the best, and again.
    Cycle(CycleSpec),
    /// A prompt to a track.
    Compose(Box<ComposeSpec>),
    /// A plan to a track.
    Render(Box<RenderSpec>),
    /// The stems of a track to one file.
    Bundle(BundleSpec),
}

impl JobSpec {
    /// The name of the kind of work.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Ingest(_) => "ingest",
            Self::StarterKit => "starter_kit",
            Self::Separate(_) => "separate",
            Self::FetchModel(_) => "fetch_model",
            Self::AddModel(_) => "add_model",
            Self::Train(_) => "train",
            Self::Generate(_) => "generate",
            Self::Cycle(_) => "cycle",
            Self::Compose(_) => "compose",
            Self::Render(_) => "render",
            Self::Bundle(_) => "bundle",
        }
    }

    /// Which workers take it.
    pub(crate) fn lane(&self) -> Lane {
        match self {
            Self::Compose(_) | Self::Render(_) | Self::Bundle(_) => Lane::Light,
            Self::Ingest(_)
            | Self::StarterKit
            | Self::Separate(_)
            | Self::FetchModel(_)
            | Self::AddModel(_)
            | Self::Train(_)
            | Self::Generate(_)
            | Self::Cycle(_) => Lane::Heavy,
        }
    }

    /// How much of the whole is done when a part of it, that reports as `what`, is done to `share`, both 0 to 1; `None` where
    /// that does not tell.
    pub(crate) fn overall(&self, what: &str, share: f64) -> Option<f64> {
        match self {
            // Comparisons with what is there come before and between.
            _ if matches!(what, "fingerprints" | "compare") => None,
            Self::Compose(_) | Self::Render(_) => match what {
                "mix" => Some(0.05 + 0.6 * share),
                "master" => Some(0.65 + 0.15 * share),
                "loudness" => Some(0.8 + 0.15 * share),
                _ => None,
            },
            Self::Bundle(_) => match what {
                "mix" => Some(0.8 * share),
                "stems" => Some(0.8 + 0.2 * share),
                _ => None,
            },
            Self::Cycle(_) => None,
            Self::Separate(spec) => (spec.tracks.len() == 1).then_some(0.9 * share),
            Self::Train(_) => (what != "listening").then_some(share),
            Self::Ingest(_)
            | Self::StarterKit
            | Self::FetchModel(_)
            | Self::AddModel(_)
            | Self::Generate(_) => Some(share),
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
    /// Of [`JobSpec::Separate`].
    Separate(SeparateReport),
    /// Of [`JobSpec::FetchModel`] and [`JobSpec::AddModel`].
    Model(Model),
    /// Of [`JobSpec::Train`].
    Train(Box<TrainReport>),
    /// Of [`JobSpec::Generate`].
    Generate(GenerateReport),
    /// Of [`JobSpec::Cycle`].
    Cycle(CycleReport),
    /// Of [`JobSpec::Compose`] and [`JobSpec::Render`].
    Take(Box<Composed>),
    /// Of [`JobSpec::Bundle`].
    Bundle(BundleReport),
}

impl Outcome {
    /// What is stored with the job: a take is named by its number, for the rest lies with the take.
    pub(crate) fn stored(&self) -> Value {
        let whole = match self {
            Self::Take(composed) => return json!({"take": composed.track.id}),
            Self::Ingest(report) => serde_json::to_value(report),
            Self::Separate(report) => serde_json::to_value(report),
            Self::Model(model) => serde_json::to_value(model),
            Self::StarterKit(report) => serde_json::to_value(report),
            Self::Train(report) => serde_json::to_value(report),
            Self::Generate(report) => serde_json::to_value(report),
            Self::Cycle(report) => serde_json::to_value(report),
            Self::Bundle(report) => serde_json::to_value(report),
        };
        whole.unwrap_or(Value::Null)
    }
}

/// Something that happened on the way.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// A file was dealt with, and the library knows.
    File(&'a FileOutcome),
    /// A track was separated, or could not be.
    Track(&'a TrackOutcome),
    /// An epoch of training is over.
    Epoch(&'a TrainEpoch),
    /// A stem was dreamed, and the library has it.
    Generated(&'a GeneratedStem),
    /// A round of a cycle is over.
    Round(&'a CycleRound),
}
