//! What can go wrong with audio from outside.

use dream_core::Frames;

/// Why audio could not be read or written. No text carries bytes of the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The path does not lead to a regular file.
    #[error("not a regular file but {kind}")]
    NotAFile {
        /// What it is instead.
        kind: &'static str,
    },
    /// The content is of another kind, whatever the name says.
    #[error("not audio but {looks_like}")]
    NotAudio {
        /// What the content looks like.
        looks_like: &'static str,
    },
    /// A codec or container that cannot be decoded here; convert the file to WAV or FLAC.
    #[error("unsupported codec or container: {codec}")]
    Unsupported {
        /// Its name.
        codec: String,
    },
    /// The file breaks the rules of its format.
    #[error("malformed {format}: {reason}")]
    Malformed {
        /// The format it claims to be.
        format: &'static str,
        /// The rule.
        reason: &'static str,
    },
    /// Too little audio to be of use.
    #[error("too short: {} frames, need {}", got.0, need.0)]
    TooShort {
        /// Frames found.
        got: Frames,
        /// Frames needed.
        need: Frames,
    },
    /// More audio than the limit allows.
    #[error("too long: {got_s:.0} s, at most {limit_s:.0} s")]
    TooLong {
        /// Seconds declared or found so far.
        got_s: f64,
        /// The limit in seconds.
        limit_s: f64,
    },
    /// A number in the file lies outside its limits.
    #[error("{what} is {got}, allowed are {min} to {max}")]
    LimitExceeded {
        /// What was counted, with its unit.
        what: &'static str,
        /// The number found.
        got: u64,
        /// Smallest allowed.
        min: u64,
        /// Largest allowed.
        max: u64,
    },
    /// Decoding took too long for what the file is.
    #[error("decoding took more than {limit_s:.0} s of processor time")]
    CpuTime {
        /// The limit in seconds.
        limit_s: f64,
    },
    /// The decoder gave up in an unforeseen way; the file is at fault, the process is well.
    #[error("the decoder failed on damaged data")]
    Panicked,
    /// The file could not be read or written.
    #[error("input or output failed")]
    Io(#[from] std::io::Error),
}
