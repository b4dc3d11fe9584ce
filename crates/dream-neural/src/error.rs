//! What can go wrong with weights from outside, and with learning.

use dream_core::Cancelled;

/// Why a network could not be loaded or applied.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be read.
    #[error("weights cannot be read")]
    Io(#[from] std::io::Error),
    /// The file is larger than any weights known here.
    #[error("{got} bytes of weights, at most {limit}")]
    TooLarge {
        /// Its size in bytes.
        got: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The file is not what its name says: damaged on the way, or another.
    #[error("the SHA-256 begins {got}, the file name says {expected}")]
    Checksum {
        /// From the file name.
        expected: String,
        /// Of the content, cut to the same length.
        got: String,
    },
    /// The file breaks the rules of its format, or is cut.
    #[error("malformed weights: {0}")]
    Malformed(&'static str),
    /// The file holds more than data: it asks to run something.
    #[error("weights that call {0} are refused")]
    Calls(String),
    /// The checkpoint is of another network.
    #[error("a checkpoint of {got}, need {need}")]
    OtherNetwork {
        /// The class it names.
        got: String,
        /// The class that is implemented.
        need: &'static str,
    },
    /// An option of the network with a value that is not implemented.
    #[error("option {name} is {got}, supported is {supported}")]
    Unsupported {
        /// The option as the checkpoint names it.
        name: &'static str,
        /// Its value.
        got: String,
        /// What it can be.
        supported: &'static str,
    },
    /// A tensor that the configuration asks for is not there.
    #[error("no tensor {0}")]
    MissingTensor(String),
    /// A tensor has another shape than the configuration says.
    #[error("tensor {name} has shape {got:?}, need {need:?}")]
    Shape {
        /// Its name.
        name: String,
        /// Its shape.
        got: Vec<usize>,
        /// The shape that follows from the configuration.
        need: Vec<usize>,
    },
    /// A tensor holds NaN or infinity.
    #[error("tensor {0} is not finite")]
    NotFinite(String),
    /// Models that cannot be one bag.
    #[error("models of a bag differ in {0}")]
    Bag(&'static str),
    /// A setting outside its range.
    #[error("{name} is {got}, allowed are {allowed}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// Its value.
        got: f64,
        /// Its range.
        allowed: &'static str,
    },
    /// Too few sounds to learn from.
    #[error("{got} sounds to learn from, at least {need} are needed")]
    TooFew {
        /// How many there are.
        got: usize,
        /// How many there must be.
        need: usize,
    },
    /// A sound that cannot be learned from.
    #[error("a sound cannot be used: {0}")]
    Unusable(&'static str),
    /// The loss is no number any more.
    #[error("training diverged at step {step}: a lower learning rate may help")]
    Diverged {
        /// The step, from 1.
        step: u64,
    },
    /// The latent space says next to nothing of a sound.
    #[error(
        "the model collapsed: {active} latent dimensions are in use, at least {need} are needed"
    )]
    Collapsed {
        /// Dimensions in use.
        active: usize,
        /// How many there must be.
        need: usize,
    },
    /// Asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}
