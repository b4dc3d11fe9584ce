//! The word list: moods, instruments, fillers, negations.

use std::sync::OnceLock;

use dream_core::Role;
use serde::Deserialize;

use super::token::Token;
use crate::genre::Lane;
use crate::pattern::Scale;

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
    /// The lanes whose sounds get the tags; all if empty.
    #[serde(default)]
    pub lanes: Vec<Lane>,
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

impl Mood {
    /// Whether its tags concern a lane.
    pub fn concerns(&self, lane: Lane) -> bool {
        self.lanes.is_empty() || self.lanes.contains(&lane)
    }
}

/// An instrument and the roles it stands for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Instrument {
    pub words: Vec<String>,
    pub roles: Vec<Role>,
    #[serde(default)]
    pub tags: Vec<String>,
    /// Whether it names a whole group, which is never added.
    #[serde(default)]
    pub group: bool,
    /// Whether it asks for a soft beat in music that has none.
    #[serde(default)]
    pub pulse: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lexicon {
    fillers: String,
    negations: String,
    pub moods: Vec<Mood>,
    instruments: Vec<Instrument>,
}

/// Endings that a stem of a mood may take, after an optional comparative.
const ENDINGS: [&str; 10] = ["", "e", "er", "es", "en", "em", "ly", "el", "eln", "ness"];
const COMPARATIVES: [&str; 6] = ["", "er", "est", "ste", "el", "st"];
/// What may follow an instrument or a genre in one word: `technotrack`.
const COMPOUNDS: [&str; 8] = ["track", "song", "stueck", "beat", "set", "nummer", "musik", "loop"];

/// The word list.
pub(super) fn lexicon() -> &'static Lexicon {
    static LEXICON: OnceLock<Lexicon> = OnceLock::new();
    LEXICON.get_or_init(|| {
        toml::from_str(include_str!("../../genres/words.toml"))
            .expect("the tests read the same text")
    })
}

impl Lexicon {
    /// The mood a word names.
    pub(super) fn mood(&self, word: &str) -> Option<&Mood> {
        self.moods.iter().find(|mood| mood.stems.iter().any(|stem| inflected(word, stem)))
    }

    /// The instrument named by the words from `at`, and how many words that takes; the longest wins.
    pub(super) fn instrument(&self, tokens: &[Token], at: usize) -> Option<(&Instrument, usize)> {
        let named = self.instruments.iter().flat_map(|instrument| {
            instrument.words.iter().filter_map(move |phrase| {
                starts_with(tokens, at, phrase).map(|length| (instrument, length))
            })
        });
        named.reduce(|best, other| if other.1 > best.1 { other } else { best })
    }

    /// The instrument in words such as `drumless`, `kick-free`, `vocalfrei`.
    pub(super) fn absent(&self, word: &str) -> Option<&Instrument> {
        let name = ["less", "free", "frei", "los"].iter().find_map(|end| word.strip_suffix(end))?;
        let is_it = |instrument: &&Instrument| instrument.words.iter().any(|word| word == name);
        self.instruments.iter().find(is_it)
    }

    pub(super) fn is_filler(&self, word: &str) -> bool {
        self.fillers.split_whitespace().any(|filler| filler == word)
    }

    pub(super) fn is_negation(&self, word: &str) -> bool {
        self.negations.split_whitespace().any(|negation| negation == word)
    }
}

/// Whether a word is a stem with one of the usual endings.
fn inflected(word: &str, stem: &str) -> bool {
    let Some(rest) = word.strip_prefix(stem) else { return false };
    if stem.len() < 4 && !rest.is_empty() && ENDINGS.iter().skip(1).all(|end| *end != rest) {
        return false;
    }
    COMPARATIVES
        .iter()
        .any(|middle| rest.strip_prefix(middle).is_some_and(|end| ENDINGS.contains(&end)))
}

/// How many words from `at` a phrase takes, if it stands there: its words joined by blanks, hyphens or
/// nothing, in the singular or with a compound's second half.
pub(super) fn starts_with(tokens: &[Token], at: usize, phrase: &str) -> Option<usize> {
    let mut length = 0;
    for word in phrase.split(' ') {
        let token = tokens.get(at + length)?;
        let compound = || COMPOUNDS.iter().any(|end| token.text.strip_suffix(end) == Some(word));
        if (token.stop && length > 0) || (token.text != word && !(word.len() > 3 && compound())) {
            return None;
        }
        length += 1;
    }
    Some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(word: &str, mood: Option<&str>) {
        assert_eq!(lexicon().mood(word).map(|mood| mood.name.as_str()), mood, "{word}");
    }

    #[test]
    fn stems_take_endings() {
        for word in [
            "dunkel",
            "dunkler",
            "dunkles",
            "dunklen",
            "dunkelste",
            "duester",
            "duesterer",
            "dark",
            "darker",
            "darkest",
        ] {
            check(word, Some("dark"));
        }
        check("treibender", Some("driving"));
        check("aggressiven", Some("aggressive"));
        check("haerter", Some("hard"));
        check("harder", Some("hard"));
        check("hello", None);
        check("darkroom", None);
    }

    #[test]
    fn moods_know_their_genres() {
        for mood in &lexicon().moods {
            for genre in &mood.genres {
                assert!(crate::genre::named(genre).is_some(), "{}: {genre}", mood.name);
            }
        }
    }
}
