//! What a text asks for.

use dream_core::{Bpm, Key, Role};
use serde::Deserialize;

use crate::genre::{self, Genre, Lane};
use crate::pattern::Scale;

/// A prompt, understood. Callers may override every field before planning.
#[derive(Debug, Clone, PartialEq)]
pub struct Prompt {
    /// The text, cut to 1000 characters.
    pub text: String,
    /// The genre: named, or chosen by tempo and moods.
    pub genre: &'static Genre,
    /// Tempo, if one is named.
    pub bpm: Option<Bpm>,
    /// Range of tempo in bpm, if one is named.
    pub bpm_range: Option<(f64, f64)>,
    /// Key, if one is named.
    pub key: Option<Key>,
    /// Scale, if one is named (`phrygian`, `moll`).
    pub scale: Option<Scale>,
    /// Whether the music should have no key.
    pub atonal: bool,
    /// Length in minutes, 0.5 to 30.
    pub minutes: Option<f64>,
    /// Moods, by the names of the word list.
    pub moods: Vec<String>,
    /// Parts asked for.
    pub wanted: Vec<Wish>,
    /// Roles that must not sound.
    pub unwanted: Vec<Role>,
    /// How forceful it should be, 0 to 1; 0.5 is usual.
    pub intensity: f64,
    /// What was understood, in words.
    pub understood: Vec<String>,
    /// Words that meant nothing.
    pub unknown: Vec<String>,
}

/// A part asked for, with the words that describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// What the part does.
    pub role: Role,
    /// How it should sound.
    pub tags: Vec<String>,
}

/// A mood of the word list and what it changes.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mood {
    /// Its name.
    pub name: String,
    /// Stems of the words that name it, lower case without umlauts.
    pub stems: Vec<String>,
    /// Tags it asks for.
    #[serde(default)]
    pub tags: Vec<String>,
    /// How much it moves the intensity.
    #[serde(default)]
    pub intensity: f64,
    /// How much it moves the usual tempo, in bpm.
    #[serde(default)]
    pub bpm: f64,
    /// How much it moves the swing, in percent.
    #[serde(default)]
    pub swing: f64,
    /// Scales it prefers.
    #[serde(default)]
    pub scales: Vec<Scale>,
    /// Lanes it adds.
    #[serde(default)]
    pub add: Vec<Lane>,
    /// Lanes it leaves out.
    #[serde(default)]
    pub leave: Vec<Lane>,
    /// Whether it prefers busy hats.
    #[serde(default)]
    pub busy: bool,
    /// Whether it changes something every 16 bars only.
    #[serde(default)]
    pub slow: bool,
    /// Genres it speaks for where none is named.
    #[serde(default)]
    pub genres: Vec<String>,
}

/// The mood of that name.
pub fn mood(name: &str) -> Option<&'static Mood> {
    let _ = name;
    None
}

impl Prompt {
    /// Understands a text.
    pub fn parse(text: &str) -> Self {
        let lower = text.to_lowercase();
        let genre = genre::all().iter().find(|genre| genre.words.iter().any(|w| lower.contains(w)));
        Self {
            text: text.chars().take(1000).collect(),
            genre: genre.unwrap_or(&genre::all()[1]),
            bpm: None,
            bpm_range: None,
            key: None,
            scale: None,
            atonal: false,
            minutes: None,
            moods: Vec::new(),
            wanted: Vec::new(),
            unwanted: Vec::new(),
            intensity: 0.5,
            understood: Vec::new(),
            unknown: Vec::new(),
        }
    }
}
