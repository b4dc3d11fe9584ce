//! The words of the engine: types that two or more of its crates exchange.
//!
//! No signal processing, no I/O: conversions, parsing and checks of the values themselves.

mod embedding;
mod fingerprint;
mod music;
mod plan;
mod profile;
mod progress;
mod seed;
mod stem;
mod units;

pub use embedding::{Embedding, Space};
pub use fingerprint::{FINGERPRINT_VERSION, Fingerprint};
pub use music::{Key, Mode, NotAKey, PitchClass, note_hz, note_name};
pub use plan::{
    ArrangementPlan, Automate, Automation, Note, PartId, PlanError, Section, StemQuery, Transition,
    TransitionKind,
};
pub use profile::{Profile, Rhythm};
pub use progress::{Cancelled, Progress};
pub use seed::Seed;
pub use stem::{
    Ancestor, Category, Defect, Facts, Form, Generator, Parent, Provenance, Role, Separator,
    Source, Stem, StemId,
};
pub use units::{Bpm, Db, Frames, Lufs, OutOfRange, SampleRate, Semitones};

/// The text of an error and of all its causes, in one line: `ingest a.flac: decode: unsupported codec`.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
