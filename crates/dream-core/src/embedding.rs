//! Vectors that place a stem among others, and the space they live in.

use serde::{Deserialize, Serialize};

/// An embedder, its version and its metric. Vectors of different spaces are never compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Space {
    /// Attributes standardised by the reference table that ships with the space; compared by
    /// distance to a target, larger is nearer.
    #[serde(rename = "attr-v1")]
    AttrV1,
    /// LAION-CLAP, 512 dimensions, unit length, dot product.
    #[serde(rename = "clap")]
    Clap,
}

impl Space {
    /// The name stored with every vector.
    pub fn name(self) -> &'static str {
        match self {
            Self::AttrV1 => "attr-v1",
            Self::Clap => "clap",
        }
    }

    /// The space of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::AttrV1, Self::Clap].into_iter().find(|space| space.name() == name)
    }
}

/// A vector in its space.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Embedding {
    /// Where it lives.
    pub space: Space,
    /// Its coordinates; every one finite.
    pub values: Vec<f32>,
}
