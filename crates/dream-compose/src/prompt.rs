//! What a text asks for: genre, tempo, key, length, moods, instruments wanted and unwanted.
//!
//! English and German. A rule-based reader: words are matched against the genre files and the word list in
//! `genres/words.toml`, numbers and keys by their surroundings. It never fails; what it did not understand
//! is listed. Of several genres the most specific wins (industrial techno over techno). Limits: the first
//! 1000 characters; irony and relations between sentences are not understood.

mod key;
mod lexicon;
mod number;
mod shape;
mod spelling;
mod token;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use dream_core::{Bpm, Key, Role};

pub use lexicon::Mood;
use lexicon::{Lexicon, lexicon, starts_with};
pub use shape::{Extent, Moment, Shape};
use token::Token;

use crate::genre::{Genre, Genres};
use crate::pattern::Scale;

/// A prompt, understood. Callers may override every field before planning.
#[derive(Debug, Clone, PartialEq)]
pub struct Prompt {
    /// The text, cut to 1000 characters.
    pub text: String,
    /// The genre: named, or chosen by tempo and moods.
    pub genre: Arc<Genre>,
    /// Tempo, if one is named; of a range its middle, or the genre's usual one if that lies inside.
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
    /// What the text says about the form.
    pub shape: Shape,
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

/// The mood of that name.
pub fn mood(name: &str) -> Option<&'static Mood> {
    lexicon().moods.iter().find(|mood| mood.name == name)
}

/// The roles of the instruments that a text speaks of; none where it speaks of everything. In "sub kick" and "bass house" the
/// last word is what it speaks of.
pub fn instruments(text: &str) -> Vec<Role> {
    let tokens = token::tokens(text);
    let named = |at: usize| lexicon().instrument(&tokens, at);
    let mut roles = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let Some((instrument, length)) = named(at) else {
            at += 1;
            continue;
        };
        at += length;
        let stops = tokens.get(at).is_none_or(|token| token.stop);
        if stops || (named(at).is_none() && genre_at(Genres::builtin(), &tokens, at).is_none()) {
            roles.extend(instrument.roles.iter().copied());
        }
    }
    roles.sort_unstable();
    roles.dedup();
    roles
}

impl Prompt {
    /// Understands a text, with the built-in genres.
    pub fn parse(text: &str) -> Self {
        Self::parse_among(text, Genres::builtin())
    }

    /// Understands a text that may name one of these genres.
    pub fn parse_among(text: &str, genres: &Genres) -> Self {
        let mut tokens = token::tokens(text);
        let (prompt, unknown) = Self::read(text, &tokens, genres);
        let mut slips = Vec::new();
        for at in unknown {
            let token = &mut tokens[at];
            if let Some(known) = spelling::corrected(&token.text, genres) {
                slips.push(format!("read {:?} as {known}", token.raw));
                token.text = known;
            }
        }
        if slips.is_empty() {
            return prompt;
        }
        let (mut prompt, _) = Self::read(text, &tokens, genres);
        prompt.understood.append(&mut slips);
        prompt
    }

    /// Understands words; answers also which of them meant nothing.
    fn read(text: &str, tokens: &[Token], genres: &Genres) -> (Self, Vec<usize>) {
        let mut used = vec![false; tokens.len()];
        let negated = negated(lexicon(), genres, tokens);
        let tonality = key::read(tokens, &mut used);
        let shape = shape::read(tokens, |word| lexicon().is_negation(word), &mut used);
        let numbers = number::read(tokens, &mut used);
        let named = named_genres(genres, tokens, &negated, &mut used);
        let words = Words::read(lexicon(), tokens, &negated, &mut used);

        let bpm = numbers.bpm;
        let range = numbers.range.filter(|_| bpm.is_none());
        let tempo = bpm.map(Bpm::get).or_else(|| range.map(|(low, high)| f64::midpoint(low, high)));
        let (genre, why) = match most_specific(&named) {
            Some(genre) => (genre, ""),
            None => chosen(genres, tempo, &words),
        };
        let mut words = words;
        if words.pulse && !genre.has_drums() {
            words.want(Role::Kick, vec!["soft".to_owned()]);
            words.want(Role::Shaker, vec!["soft".to_owned()]);
        }
        let mut moods = words.moods;
        // The words of a genre's own name say nothing more about it.
        moods.retain(|(mood, _)| {
            !(genre.name.split(' ').any(|word| word == mood.name) && mood.name != "deep")
        });
        let sum: f64 = moods.iter().map(|(mood, degree)| mood.intensity * degree).sum();
        let usual = genre.bpm[2];
        let ranged = range.and_then(|(low, high)| {
            let inside = (low..=high).contains(&usual);
            Bpm::new(if inside { usual } else { f64::midpoint(low, high) }).ok()
        });
        let key = tonality.key.or_else(|| {
            // A tonic alone takes the mode the genre usually has.
            let scale = tonality.scale.unwrap_or(genre.scales[0]);
            tonality.tonic.map(|tonic| Key { tonic, mode: scale.mode() })
        });
        let mut prompt = Self {
            text: text.chars().take(token::MOST_CHARACTERS).collect(),
            genre: Arc::clone(genre),
            bpm: bpm.or(ranged),
            bpm_range: range,
            key,
            scale: tonality.scale,
            atonal: tonality.atonal && key.is_none(),
            minutes: numbers.minutes,
            shape,
            moods: moods.iter().map(|(mood, _)| mood.name.clone()).collect(),
            wanted: words.wanted,
            unwanted: words.unwanted,
            intensity: (0.5 + sum).clamp(0.0, 1.0),
            understood: Vec::new(),
            unknown: numbers.refused,
        };
        prompt.understood = prompt.summary(why);
        let meaningless = |at: &usize| {
            let text = &tokens[*at].text;
            let known = used[*at] || lexicon().is_filler(text) || lexicon().is_negation(text);
            !known && text.chars().any(char::is_alphanumeric)
        };
        let unknown: Vec<usize> = (0..tokens.len()).filter(meaningless).collect();
        prompt.unknown.extend(unknown.iter().map(|at| tokens[*at].raw.clone()));
        (prompt, unknown)
    }

    fn summary(&self, why: &str) -> Vec<String> {
        let mut lines = vec![format!("genre: {}{why}", self.genre.name)];
        lines.extend(self.bpm.map(|bpm| format!("tempo: {} bpm", bpm.get())));
        lines.extend(self.key.map(|key| format!("key: {key}")));
        lines.extend(
            self.scale.map(|scale| format!("scale: {}", format!("{scale:?}").to_lowercase())),
        );
        if self.atonal {
            lines.push("key: none".to_owned());
        }
        lines.extend(self.minutes.map(|minutes| format!("length: {minutes} min")));
        lines.extend(self.shape.lines());
        lines.extend(self.moods.iter().map(|mood| format!("mood: {mood}")));
        lines.extend(self.wanted.iter().map(|wish| {
            let words = wish.tags.iter().map(String::as_str).chain([wish.role.name()]);
            format!("with: {}", words.collect::<Vec<_>>().join(" "))
        }));
        lines.extend(self.unwanted.iter().map(|role| format!("without: {role}")));
        lines
    }
}

/// Which words stand under a negation: those up to the first instrument, genre or noun after it, and on
/// through `or` and `and` to further instruments.
fn negated(lexicon: &Lexicon, genres: &Genres, tokens: &[Token]) -> Vec<bool> {
    let mut negated = vec![false; tokens.len()];
    let word = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    let is_or = |at: usize| matches!(word(at), "or" | "nor" | "oder" | "noch");
    let is_and = |at: usize| matches!(word(at), "and" | "und" | "&" | "sowie");
    for start in 0..tokens.len() {
        if !lexicon.is_negation(word(start)) {
            continue;
        }
        let mut at = start + 1;
        let mut listed = true;
        while at < tokens.len() && (listed || !tokens[at].stop) {
            if matches!(word(at), "but" | "aber" | "sondern" | "with" | "mit") {
                break;
            }
            let instrument = lexicon.instrument(tokens, at).map(|(_, length)| length);
            let genre = genre_at(genres, tokens, at).map(|(_, length)| length);
            let length = instrument.max(genre).unwrap_or(1);
            negated[at..at + length].fill(true);
            listed = false;
            let small = lexicon.is_filler(word(at)) && instrument.is_none();
            let adjective =
                lexicon.mood(word(at)).is_some() && instrument.is_none() && genre.is_none();
            at += length;
            if small || (adjective && !(is_or(at) || is_and(at)) && at < tokens.len()) {
                continue;
            }
            listed =
                tokens.get(at).is_some_and(|token| token.stop) && closes_list(lexicon, tokens, at);
            let direct = is_and(at) && lexicon.instrument(tokens, at + 1).is_some();
            if is_or(at) || direct {
                at += 1;
            } else if !listed {
                break;
            }
        }
    }
    negated
}

/// Whether instruments, each after a comma, lead to `and` or `or` and a last one: "no kick, snare or hat".
fn closes_list(lexicon: &Lexicon, tokens: &[Token], mut at: usize) -> bool {
    while let Some((_, length)) = lexicon.instrument(tokens, at) {
        at += length;
        let conjunction = tokens.get(at).is_some_and(|token| {
            !token.stop && matches!(token.text.as_str(), "and" | "or" | "nor" | "und" | "oder")
        });
        if conjunction {
            return lexicon.instrument(tokens, at + 1).is_some();
        }
        if !tokens.get(at).is_some_and(|token| token.stop) {
            return false;
        }
    }
    false
}

/// A genre named in the text.
struct Named<'a> {
    genre: &'a Arc<Genre>,
    at: usize,
    length: usize,
    /// Whether it is a hint only: a word that names it next to its parent or alone.
    hint: bool,
}

/// The longest genre phrase at a word.
fn genre_at<'a>(
    genres: &'a Genres,
    tokens: &[Token],
    at: usize,
) -> Option<(&'a Arc<Genre>, usize)> {
    let all = genres.all().iter();
    let phrases = all.flat_map(|genre| genre.words.iter().map(move |phrase| (genre, phrase)));
    let found =
        phrases.filter_map(|(genre, phrase)| Some((genre, starts_with(tokens, at, phrase)?)));
    found.reduce(|best, other| if other.1 > best.1 { other } else { best })
}

fn named_genres<'a>(
    genres: &'a Genres,
    tokens: &[Token],
    negated: &[bool],
    used: &mut [bool],
) -> Vec<Named<'a>> {
    let mut named = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let found = genre_at(genres, tokens, at).filter(|_| !used[at]);
        let hinted = genres.all().iter().find(|genre| {
            let plain = |hint: &String| {
                tokens[at].text.starts_with(hint.as_str())
                    && tokens[at].text.len() <= hint.len() + 3
            };
            genre.hints.iter().any(plain)
        });
        let (genre, length, hint) = match (found, hinted) {
            (Some((genre, length)), None) => (genre, length, false),
            (Some((genre, length)), Some(_)) if length > 1 => (genre, length, false),
            (_, Some(genre)) => (genre, 1, true),
            (None, None) => {
                at += 1;
                continue;
            }
        };
        used[at..at + length].fill(true);
        if !negated[at] {
            named.push(Named { genre, at, length, hint });
        }
        at += length;
    }
    named
}

/// The genre that counts: a refinement of another named one first; of two that touch the later, which is
/// the noun; else the first.
fn most_specific<'a>(named: &[Named<'a>]) -> Option<&'a Arc<Genre>> {
    let nouns: Vec<&Named<'a>> = named.iter().filter(|named| !named.hint).collect();
    let Some(first) = nouns.first() else {
        return named.first().map(|named| named.genre);
    };
    let mut head = *first;
    for next in &nouns[1..] {
        if next.at == head.at + head.length {
            head = next;
        }
    }
    let refines =
        |named: &&Named<'a>| named.genre.parent.as_deref() == Some(head.genre.name.as_str());
    named.iter().find(refines).map_or(Some(head.genre), |named| Some(named.genre))
}

/// The genre that tempo and moods speak for, and the reason; techno where nothing does.
fn chosen<'a>(
    genres: &'a Genres,
    tempo: Option<f64>,
    words: &Words,
) -> (&'a Arc<Genre>, &'static str) {
    let score = |genre: &Genre| {
        let moods =
            words.moods.iter().filter(|(mood, _)| mood.genres.contains(&genre.name)).count();
        let beatless = words.unwanted.contains(&Role::Kick) && genre.name == "ambient";
        let tempo = tempo.map_or(0.0, |tempo| {
            let [low, high, usual] = genre.bpm;
            let outside = (low - tempo).max(tempo - high).max(0.0);
            if outside > 0.0 { -1.0 - outside / 10.0 } else { 2.0 - (tempo - usual).abs() / 20.0 }
        });
        let default = if genre.name == "techno" { 0.6 } else { 0.0 };
        1.5 * moods as f64 + if beatless { 2.5 } else { 0.0 } + tempo + default
    };
    let best = genres
        .all()
        .iter()
        .reduce(|best, other| if score(other) > score(best) { other } else { best });
    let genre = best.unwrap_or(&genres.all()[0]);
    let nothing = tempo.is_none() && words.moods.is_empty() && words.unwanted.is_empty();
    (genre, if nothing { " (default)" } else { " (chosen by tempo and mood)" })
}

/// Moods and instruments of a text.
#[derive(Default)]
struct Words {
    /// With their degrees: 1 is usual.
    moods: Vec<(&'static Mood, f64)>,
    wanted: Vec<Wish>,
    unwanted: Vec<Role>,
    /// Whether a beat was asked for.
    pulse: bool,
}

impl Words {
    fn read(
        lexicon: &'static Lexicon,
        tokens: &[Token],
        negated: &[bool],
        used: &mut [bool],
    ) -> Self {
        let mut words = Self::default();
        // Moods right before an instrument describe it and nothing else.
        let mut pending: Vec<(&Mood, f64)> = Vec::new();
        let mut at = 0;
        while at < tokens.len() {
            if tokens[at].stop {
                words.keep(&mut pending);
            }
            let text = tokens[at].text.as_str();
            if let Some(instrument) = lexicon.absent(text) {
                words.refuse(&instrument.roles);
                used[at] = true;
                at += 1;
                continue;
            }
            if text.starts_with("instrumental") {
                words.refuse(&[Role::Vocal]);
                used[at] = true;
                at += 1;
                continue;
            }
            let instrument = lexicon.instrument(tokens, at).filter(|_| !used[at]);
            if let Some((instrument, length)) = instrument {
                used[at..at + length].fill(true);
                // "vocal-free", "drum less"
                let free = tokens.get(at + length).is_some_and(|next| {
                    next.glued && matches!(next.text.as_str(), "free" | "less" | "frei" | "los")
                });
                if negated[at] || free {
                    words.refuse(&instrument.roles);
                    used[at + length..(at + length + usize::from(free))].fill(true);
                } else if instrument.group {
                    words.pulse |= instrument.pulse;
                    words.keep(&mut pending);
                } else {
                    let own =
                        pending.drain(..).flat_map(|(mood, _)| &mood.tags).chain(&instrument.tags);
                    let mut tags: Vec<String> = Vec::new();
                    for tag in own {
                        if !tags.contains(tag) {
                            tags.push(tag.clone());
                        }
                    }
                    words.want(instrument.roles[0], tags);
                }
                pending.clear();
                at += length;
                continue;
            }
            let Some((mood, length)) = lexicon.mood_at(tokens, at) else {
                words.keep(&mut pending);
                at += 1;
                continue;
            };
            used[at..at + length].fill(true);
            if !negated[at] {
                let before = at.checked_sub(1).filter(|_| !tokens[at].stop);
                let degree = before.and_then(|at| lexicon.degree(&tokens[at].text));
                pending.push((mood, degree.unwrap_or(1.0)));
            }
            at += length;
        }
        words.keep(&mut pending);
        let unwanted = words.unwanted.clone();
        words.wanted.retain(|wish| !unwanted.contains(&wish.role));
        words
    }

    fn keep(&mut self, pending: &mut Vec<(&'static Mood, f64)>) {
        for (mood, degree) in pending.drain(..) {
            if !self.moods.iter().any(|(other, _)| other.name == mood.name) {
                self.moods.push((mood, degree));
            }
        }
    }

    fn refuse(&mut self, roles: &[Role]) {
        for role in roles {
            if !self.unwanted.contains(role) {
                self.unwanted.push(*role);
            }
        }
    }

    fn want(&mut self, role: Role, tags: Vec<String>) {
        match self.wanted.iter_mut().find(|wish| wish.role == role) {
            Some(wish) => wish.tags.extend(tags),
            None => self.wanted.push(Wish { role, tags }),
        }
    }
}
