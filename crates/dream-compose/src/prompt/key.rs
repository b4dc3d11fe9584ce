//! Key and scale in a text.

use dream_core::{Key, Mode, PitchClass};

use super::token::Token;
use crate::pattern::Scale;

/// What a text says about its key.
#[derive(Debug, Default)]
pub(super) struct Tonality {
    /// The key.
    pub key: Option<Key>,
    /// A tonic without a mode.
    pub tonic: Option<PitchClass>,
    /// The scale.
    pub scale: Option<Scale>,
    pub atonal: bool,
}

/// Reads the key of a text and marks the words used.
pub(super) fn read(tokens: &[Token], used: &mut [bool]) -> Tonality {
    let mut tonality = Tonality::default();
    for at in 0..tokens.len() {
        if tonality.key.is_some() || tonality.tonic.is_some() {
            break;
        }
        let found = named(tokens, at).or_else(|| short(tokens, at));
        if let Some((key, scale, length)) = found {
            tonality.key = Some(key);
            tonality.scale = scale;
            used[at..at + length].fill(true);
        } else if let Some(tonic) = bare(tokens, at) {
            tonality.tonic = Some(tonic);
            used[at] = true;
        }
    }
    for (token, used) in tokens.iter().zip(used.iter_mut()) {
        if !*used && matches!(token.text.as_str(), "atonal" | "atonale" | "atonaler" | "atonales") {
            tonality.atonal = true;
            *used = true;
        } else if let Some((mode, scale)) =
            mode(&token.text).filter(|_| !*used && (token.text.len() > 3 || token.text == "dur"))
        {
            let plain = if mode == Mode::Major { Scale::Major } else { Scale::Aeolian };
            tonality.scale = tonality.scale.or(Some(scale.unwrap_or(plain)));
            *used = true;
        }
    }
    tonality
}

/// `fis-moll`, `F# minor`, `F sharp minor`, `d dorian`, `cmoll`.
fn named(tokens: &[Token], at: usize) -> Option<(Key, Option<Scale>, usize)> {
    let text = tokens[at].text.as_str();
    let word = |ahead: usize| tokens.get(at + ahead).map_or("", |token| token.text.as_str());
    let spelled = |note: &str, mode: &str| Key::parse(&format!("{note} {mode}")).ok();
    let german = |name: &str| matches!(name, "moll" | "dur");
    if let Some((kind, scale)) = mode(word(1)) {
        let name = if german(word(1)) { word(1) } else { name(kind) };
        let key = spelled(text, name)?;
        return Some((key, scale, 2));
    }
    if matches!(word(1), "sharp" | "flat")
        && let Some((kind, scale)) = mode(word(2))
    {
        return Some((spelled(&format!("{text}{}", word(1)), name(kind))?, scale, 3));
    }
    let mut suffix = ["moll", "dur", "minor", "major", "min", "maj"].into_iter();
    let (note, suffix) = suffix.find_map(|end| Some((text.strip_suffix(end)?, end)))?;
    Some((spelled(note, suffix)?, None, 1))
}

/// `Am`, `F#m`, `11A`. "Am" at the start of a German sentence is a preposition.
fn short(tokens: &[Token], at: usize) -> Option<(Key, Option<Scale>, usize)> {
    let raw = tokens[at].raw.as_str();
    let code = raw.len() <= 3 && raw.as_bytes()[0].is_ascii_digit();
    let minor = raw.len() <= 4
        && raw.ends_with('m')
        && (raw.starts_with(|c: char| c.is_ascii_uppercase()) || raw.contains('#'));
    let follows = tokens.get(at + 1);
    let sentence = raw == "Am"
        && at == 0
        && follows.is_some_and(|next| !next.stop && next.raw.starts_with(char::is_uppercase));
    if sentence || !(code || minor) {
        return None;
    }
    Key::parse(&tokens[at].text).ok().map(|key| (key, None, 1))
}

/// A tonic alone: `in F#`, `key of C`.
fn bare(tokens: &[Token], at: usize) -> Option<PitchClass> {
    let raw = tokens[at].raw.as_str();
    let before = at.checked_sub(1).map_or("", |before| tokens[before].text.as_str());
    let placed = matches!(before, "in" | "key" | "of" | "tonart");
    let capital = raw.len() <= 4 && raw.starts_with(|c: char| matches!(c, 'A'..='H'));
    let sharp = raw.len() <= 4 && raw.contains(['#', '♯']);
    if !(sharp || placed && capital && raw.chars().count() <= 2) {
        return None;
    }
    Key::parse(&tokens[at].text).ok().map(|key| key.tonic)
}

fn name(mode: Mode) -> &'static str {
    match mode {
        Mode::Major => "major",
        Mode::Minor => "minor",
    }
}

fn mode(text: &str) -> Option<(Mode, Option<Scale>)> {
    Some(match text {
        "minor" | "moll" | "min" => (Mode::Minor, None),
        "major" | "dur" | "maj" => (Mode::Major, None),
        "aeolian" | "aeolisch" => (Mode::Minor, Some(Scale::Aeolian)),
        "dorian" | "dorisch" => (Mode::Minor, Some(Scale::Dorian)),
        "phrygian" | "phrygisch" => (Mode::Minor, Some(Scale::Phrygian)),
        "lydian" | "lydisch" => (Mode::Major, Some(Scale::Lydian)),
        "mixolydian" | "mixolydisch" => (Mode::Major, Some(Scale::Mixolydian)),
        _ => return None,
    })
}
