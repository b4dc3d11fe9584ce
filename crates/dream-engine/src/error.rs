//! What can go wrong, and of which kind it is.

use std::io::ErrorKind;
use std::path::PathBuf;

use dream_core::{Cancelled, Category, chain};

use crate::config::ConfigError;

/// Why work could not be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The configuration is not usable.
    #[error("configuration")]
    Config(#[from] ConfigError),
    /// The library could not do its part.
    #[error(transparent)]
    Library(#[from] dream_library::Error),
    /// A file could not be decoded.
    #[error("decode {path}")]
    Decode {
        /// The file.
        path: PathBuf,
        /// Its cause.
        source: dream_audio::Error,
    },
    /// Audio without any sound.
    #[error("nothing but silence")]
    Silent,
    /// A file or folder could not be used.
    #[error("{action} {path}")]
    Io {
        /// The step that failed.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Its cause.
        source: std::io::Error,
    },
    /// Something named in the request does not exist.
    #[error("there is no {0}")]
    NotFound(String),
    /// The stems of a recording are longer than their format allows.
    #[error("longer than {limit_s:.0} s: stems so long are written as WAV of 32-bit floats only")]
    StemsTooLong {
        /// The limit in seconds.
        limit_s: f64,
    },
    /// Something in the request is out of range.
    #[error("{0}")]
    Invalid(String),
    /// A folder holds more than the limit allows.
    #[error("{path} holds more than {limit} files; ingest its parts, or raise max_files")]
    TooManyFiles {
        /// The folder.
        path: PathBuf,
        /// The limit.
        limit: u64,
    },
    /// A model that was asked for is not there.
    #[error(
        "model {name} is not installed: `dream models fetch {name}` downloads it, and with `--from FILE` it \
         takes a file fetched by hand; `--allow-fallback` accepts the builtin in its place"
    )]
    NotInstalled {
        /// Its name.
        name: String,
    },
    /// A checkpoint cannot be used.
    #[error("weights {path}")]
    Weights {
        /// The file.
        path: PathBuf,
        /// Its cause.
        source: dream_neural::Error,
    },
    /// A category cannot be learned.
    #[error("train {category}")]
    Train {
        /// The category.
        category: Category,
        /// Its cause.
        source: dream_neural::Error,
    },
    /// A category has too few stems to learn from.
    #[error(
        "{got} one-shots of {category} to learn from, at least {need} are needed: ingest more, or see --min-stems and \
         --min-quality"
    )]
    TooFewStems {
        /// The category.
        category: Category,
        /// How many there are.
        got: usize,
        /// How many there must be.
        need: usize,
    },
    /// A category has too few loops to learn from.
    #[error(
        "{got} loops of {category} to learn from, at least {need} are needed: whole bars of a sure tempo; see --min-stems and \
         --min-quality"
    )]
    TooFewLoops {
        /// The category.
        category: Category,
        /// How many there are.
        got: usize,
        /// How many there must be.
        need: usize,
    },
    /// There is no model of the loops of a category.
    #[error("there is no model of loops of {0}: `dream train {0} --form loop` makes one")]
    LoopsNotTrained(Category),
    /// There is no model of a category.
    #[error("there is no model of {0}: `dream train {0}` makes one")]
    NotTrained(Category),
    /// A track could not be separated.
    #[error(transparent)]
    Separate(dream_neural::Error),
    /// No place gave a file that was to be downloaded.
    #[error("download: {}", faults.join("; "))]
    Download {
        /// Every place, and why it did not.
        faults: Vec<String>,
    },
    /// A plan could not be cast or rendered.
    #[error(transparent)]
    Compose(dream_compose::Error),
    /// A track cannot be mixed again.
    #[error(
        "the stem {0:?}, which the track plays, is no longer in the library: it cannot be mixed again"
    )]
    StemsGone(String),
    /// A genre file breaks the format or a rule.
    #[error("genre")]
    Genre(#[from] dream_compose::genre::DataError),
    /// A track could not be written.
    #[error("write the track in {path}")]
    Encode {
        /// Its folder.
        path: PathBuf,
        /// Its cause.
        source: dream_audio::Error,
    },
    /// A stored document could not be written or read.
    #[error("stored {what}")]
    Stored {
        /// What it describes.
        what: &'static str,
        /// Its cause.
        source: serde_json::Error,
    },
    /// A path that a request from outside may not name.
    #[error("only files and folders of the home may be named, and not those of the library itself")]
    OutsideHome,
    /// The work was asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// The only classification of errors; what HTTP makes of each is in the documentation of the design.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum Kind {
    Invalid,
    NotFound,
    Forbidden,
    Malformed,
    TooLarge,
    NoSpace,
    Conflict,
    Unsupported,
    Busy,
    Cancelled,
    Internal,
}

impl Error {
    /// Of which kind it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Config(_) | Self::Genre(_) | Self::Invalid(_) | Self::Silent => Kind::Invalid,
            Self::Decode { source, .. } | Self::Encode { source, .. } => of_audio(source),
            Self::Compose(error) => of_compose(error),
            Self::Stored { .. } | Self::Download { .. } => Kind::Internal,
            // The request is right, what is there does not suffice.
            Self::NotInstalled { .. }
            | Self::NotTrained(_)
            | Self::LoopsNotTrained(_)
            | Self::TooFewStems { .. }
            | Self::TooFewLoops { .. }
            | Self::StemsGone(_) => Kind::Conflict,
            Self::Weights { source, .. } | Self::Train { source, .. } | Self::Separate(source) => {
                of_weights(source)
            }
            Self::Io { source, .. } => of_io(source, Kind::Internal),
            Self::NotFound(_) => Kind::NotFound,
            Self::OutsideHome => Kind::Forbidden,
            Self::TooManyFiles { .. } | Self::StemsTooLong { .. } => Kind::TooLarge,
            Self::Cancelled(_) => Kind::Cancelled,
            Self::Library(error) => of_library(error),
        }
    }
}

impl Error {
    /// Which error it is, in a word that does not change: scripts may ask for it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Compose(dream_compose::Error::NoStems) => "no_stems",
            Self::NotInstalled { .. } => "model_missing",
            Self::NotTrained(_) | Self::LoopsNotTrained(_) => "not_trained",
            Self::TooFewStems { .. } | Self::TooFewLoops { .. } => "too_few_stems",
            Self::StemsGone(_) => "stems_gone",
            Self::Library(dream_library::Error::Full(_)) => "queue_full",
            Self::Library(dream_library::Error::KeyUsed(_)) => "key_used",
            Self::Library(dream_library::Error::NoStem(_)) => "no_such_stem",
            Self::Library(dream_library::Error::NoTake(_)) => "no_such_track",
            Self::Library(dream_library::Error::NoJob(_)) => "no_such_job",
            _ => match self.kind() {
                Kind::Invalid => "invalid",
                Kind::NotFound => "not_found",
                Kind::Forbidden => "outside_home",
                Kind::Malformed => "malformed",
                Kind::TooLarge => "too_large",
                Kind::NoSpace => "no_space",
                Kind::Conflict => "conflict",
                Kind::Unsupported => "unsupported_media",
                Kind::Busy => "busy",
                Kind::Cancelled => "cancelled",
                Kind::Internal => "internal",
            },
        }
    }

    /// All causes, for a log: with no more of a path than the name at its end.
    pub fn without_paths(&self) -> String {
        without_paths(&chain(self))
    }

    /// The error as it may be told to anybody: its causes with no more of a path than the name at its end, and nothing at all
    /// of what is wrong inside.
    pub fn public(&self) -> String {
        match self.kind() {
            Kind::Internal => "something inside went wrong; the log has the cause".to_owned(),
            Kind::NoSpace => "no space is left on the disk".to_owned(),
            Kind::Busy if !matches!(self, Self::Library(dream_library::Error::Full(_))) => {
                "the library is in use by another process".to_owned()
            }
            _ => self.without_paths(),
        }
    }
}

/// All causes of an error, for a log: with no more of a path than the name at its end.
pub(crate) fn pathless(error: &dyn std::error::Error) -> String {
    without_paths(&chain(error))
}

/// The text with every path that begins at a root cut to its last name. Names may have blanks in them: a path goes on to the last stroke
/// before a sign that ends it.
fn without_paths(text: &str) -> String {
    let words: Vec<&str> = text.split(' ').collect();
    let (mut kept, mut at) = (Vec::new(), 0);
    while at < words.len() {
        let word = words[at];
        let begin = word.find(|c: char| !matches!(c, '"' | '\'' | '`' | '(')).unwrap_or(0);
        let (quote, rest) = word.split_at(begin);
        let root = rest.starts_with(['/', '\\']) || rest.get(1..3).is_some_and(|at| at == ":\\");
        if !root {
            kept.push(word.to_owned());
            at += 1;
            continue;
        }
        let ends = |word: &&str| word.ends_with([':', ';', ',', '"', '\'', '`', ')']);
        let stop = words[at..].iter().position(ends).map_or(words.len(), |more| at + more + 1);
        let goes_on = |word: &&str| word.trim_end_matches(['/', '\\']).contains(['/', '\\']);
        let last = at + words[at..stop].iter().rposition(goes_on).unwrap_or(0);
        let name = words[last].trim_end_matches(['/', '\\']).rsplit(['/', '\\']).next();
        kept.push(format!("{quote}{}", name.unwrap_or_default()));
        at = last + 1;
    }
    kept.join(" ")
}

fn of_audio(error: &dream_audio::Error) -> Kind {
    use dream_audio::Error as Audio;
    match error {
        Audio::TooLong { .. } | Audio::LimitExceeded { .. } | Audio::CpuTime { .. } => {
            Kind::TooLarge
        }
        Audio::TooShort { .. } => Kind::Invalid,
        Audio::Io(source) => of_io(source, Kind::Internal),
        _ => Kind::Unsupported,
    }
}

fn of_weights(error: &dream_neural::Error) -> Kind {
    use dream_neural::Error as Neural;
    match error {
        Neural::Io(source) => of_io(source, Kind::Internal),
        Neural::TooLarge { .. } => Kind::TooLarge,
        Neural::Setting { .. }
        | Neural::TooFew { .. }
        | Neural::Unusable(_)
        | Neural::Diverged { .. } => Kind::Invalid,
        Neural::Collapsed { .. } => Kind::Internal,
        Neural::Cancelled(_) => Kind::Cancelled,
        _ => Kind::Malformed,
    }
}

fn of_compose(error: &dream_compose::Error) -> Kind {
    use dream_compose::Error as Compose;
    match error {
        Compose::NoStems | Compose::NoSection { .. } | Compose::Genre(_) => Kind::NotFound,
        Compose::Plan(_) => Kind::Invalid,
        _ => Kind::Internal,
    }
}

impl From<dream_neural::Error> for Error {
    fn from(error: dream_neural::Error) -> Self {
        match error {
            dream_neural::Error::Cancelled(cancelled) => Self::Cancelled(cancelled),
            other => Self::Separate(other),
        }
    }
}

impl From<dream_compose::Error> for Error {
    fn from(error: dream_compose::Error) -> Self {
        match error {
            dream_compose::Error::Cancelled(cancelled) => Self::Cancelled(cancelled),
            other => Self::Compose(other),
        }
    }
}

fn of_io(error: &std::io::Error, otherwise: Kind) -> Kind {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Kind::NoSpace,
        ErrorKind::NotFound => Kind::NotFound,
        _ => otherwise,
    }
}

fn of_library(error: &dream_library::Error) -> Kind {
    use dream_library::Error as Library;
    match error {
        Library::Io { source, .. } => of_io(source, Kind::Internal),
        Library::NoSpace(_) => Kind::NoSpace,
        Library::Busy(_) | Library::Full(_) => Kind::Busy,
        Library::NoStem(_) | Library::NoJob(_) | Library::NoTake(_) => Kind::NotFound,
        Library::Invalid(_) | Library::BadName(_) => Kind::Invalid,
        Library::Fenced(_)
        | Library::KeyUsed(_)
        | Library::Incomplete(_)
        | Library::NotEmpty(_)
        | Library::InUse(_) => Kind::Conflict,
        Library::NotABackup { .. } | Library::Unsound(_) => Kind::Malformed,
        Library::Cancelled(_) => Kind::Cancelled,
        _ => Kind::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_anybody_may_read_names_no_place_of_this_machine() {
        let check = |text: &str, expected: &str| assert_eq!(without_paths(text), expected);
        check("decode /home/me/kits/a.wav: not audio", "decode a.wav: not audio");
        check("no folder \"/srv/x/y\"", "no folder \"y\"");
        check("read /home/me/my kits/old ones/a b.wav: not audio", "read a b.wav: not audio");
        check("no \"/srv/my x/y\" and/or \"z\"", "no \"y\" and/or \"z\"");
        check("write in /srv/x/", "write in x");
        check("read C:\\secret\\b.wav", "read b.wav");
        check("16 and/or 24 bits at 1/4", "16 and/or 24 bits at 1/4");
        let inside = Error::Stored {
            what: "take",
            source: serde_json::from_str::<u8>("/srv/x").unwrap_err(),
        };
        assert!(!inside.public().contains("line"), "{}", inside.public());
        assert_eq!(inside.code(), "internal");
    }
}
