//! What a text says about the form: "long intro", "no breakdown", "two drops", "drop at 2:00".

use serde::Deserialize;

use super::number;
use super::token::Token;

/// The form that a text asks for; what it leaves open is the genre's.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Shape {
    /// The intro.
    pub intro: Option<Extent>,
    /// The outro.
    pub outro: Option<Extent>,
    /// The breakdowns.
    pub breaks: Option<Extent>,
    /// The builds.
    pub builds: Option<Extent>,
    /// How many drops, 0 to 4.
    pub drops: Option<u32>,
    /// When the first drop comes.
    pub drop_at: Option<Moment>,
}

impl Shape {
    /// What was understood, in words.
    pub(super) fn lines(&self) -> impl Iterator<Item = String> {
        let extents = [
            ("intro", self.intro),
            ("outro", self.outro),
            ("breakdown", self.breaks),
            ("build", self.builds),
        ];
        let named = extents.into_iter().filter_map(|(name, extent)| {
            Some(match extent? {
                Extent::None => format!("form: no {name}"),
                Extent::Short => format!("form: short {name}"),
                Extent::Long => format!("form: long {name}"),
                Extent::Bars(bars) => format!("form: {name} of {bars} bars"),
            })
        });
        let drops = self.drops.map(|count| format!("form: {count} drops"));
        let at = self.drop_at.map(|moment| match moment {
            Moment::Seconds(seconds) => {
                format!("form: drop at {}:{:02}", (seconds / 60.0) as u32, (seconds % 60.0) as u32)
            }
            Moment::Bars(bars) => format!("form: drop after {bars} bars"),
        });
        named.chain(drops).chain(at)
    }
}

/// How long a kind of section is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Extent {
    /// Not there at all.
    None,
    /// Shorter than usual.
    Short,
    /// Longer than usual.
    Long,
    /// So many bars, 4 to 128.
    Bars(u32),
}

/// A place in a track.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Moment {
    /// Seconds from the start, at most 1800.
    Seconds(f64),
    /// Bars from the start, at most 1000.
    Bars(u32),
}

/// A kind of section that words name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Noun {
    Intro,
    Outro,
    Break,
    Build,
    Drop,
}

const SHORT: [&str; 6] = ["short", "kurz", "quick", "brief", "knapp", "shorter"];
const LONG: [&str; 6] = ["long", "lang", "extended", "ausgedehnt", "laengere", "longer"];

/// Reads the form and marks the words used. `negation` tells the words that say no.
pub(super) fn read(tokens: &[Token], negation: impl Fn(&str) -> bool, used: &mut [bool]) -> Shape {
    let mut shape = Shape::default();
    let mut inherited: Option<Extent> = None;
    let mut at = 0;
    while at < tokens.len() {
        let Some((noun, length)) = noun(tokens, at).filter(|_| !used[at]) else {
            let joins = matches!(
                tokens[at].text.as_str(),
                "and" | "und" | "or" | "oder" | "nor" | "noch" | "a" | "an" | "ein" | "eine"
            );
            if !joins {
                inherited = None;
            }
            at += 1;
            continue;
        };
        let end = at + length;
        let before = described(tokens, at, &negation, used);
        let glued = inherited.filter(|_| before.is_none());
        let after =
            tokens.get(end).filter(|next| !next.stop).and_then(|next| adjective(&next.text));
        if before.is_none() && glued.is_none() && after.is_some() && noun != Noun::Drop {
            used[end] = true;
        }
        let extent = before.or(glued).or(after);
        inherited = extent;
        let count = at.checked_sub(1).and_then(|before| number::whole(&tokens[before].text));
        match noun {
            Noun::Intro => shape.intro = extent.or(shape.intro),
            Noun::Outro => shape.outro = extent.or(shape.outro),
            Noun::Break => shape.breaks = extent.or(shape.breaks),
            // A build that is merely named is a build worth hearing.
            Noun::Build => shape.builds = extent.or(shape.builds).or(Some(Extent::Long)),
            Noun::Drop => {
                if extent == Some(Extent::None) {
                    shape.drops = Some(0);
                } else if let Some(count) = count.filter(|count| (1..=4).contains(count)) {
                    shape.drops = Some(count);
                    used[at - 1] = true;
                }
                if let Some((moment, from, to)) = moment(tokens, at, end, used) {
                    shape.drop_at = Some(moment);
                    used[from..to].fill(true);
                }
            }
        }
        let known = extent.is_some()
            || matches!(noun, Noun::Build | Noun::Intro | Noun::Outro)
            || (noun == Noun::Drop);
        // "break" alone may be a drum break.
        if known || tokens[at].text.starts_with("breakdown") {
            used[at..end].fill(true);
        }
        at = end;
    }
    shape
}

fn noun(tokens: &[Token], at: usize) -> Option<(Noun, usize)> {
    let next = tokens.get(at + 1).filter(|next| !next.stop).map_or("", |next| next.text.as_str());
    Some(match tokens[at].text.as_str() {
        "intro" | "intros" | "introduction" | "einleitung" | "vorspiel" => (Noun::Intro, 1),
        "outro" | "outros" | "ending" | "ausklang" | "nachspiel" => (Noun::Outro, 1),
        "breakdown" | "breakdowns" | "break" | "breaks" | "pause" | "pausen" => (Noun::Break, 1),
        "build" | "builds" if next == "up" || next == "ups" => (Noun::Build, 2),
        "buildup" | "buildups" | "build" | "builds" | "aufbau" | "steigerung" => (Noun::Build, 1),
        "drop" | "drops" | "hoehepunkt" | "climax" => (Noun::Drop, 1),
        _ => return None,
    })
}

/// The adjective, negation or length in bars before a noun: within three words, articles between.
fn described(
    tokens: &[Token],
    noun: usize,
    negation: &impl Fn(&str) -> bool,
    used: &mut [bool],
) -> Option<Extent> {
    let mut at = noun;
    for _ in 0..3 {
        if tokens[at].stop {
            return None;
        }
        at = at.checked_sub(1)?;
        let text = tokens[at].text.as_str();
        if let Some(extent) = adjective(text) {
            used[at] = true;
            return Some(extent);
        }
        if negation(text) {
            used[at] = true;
            return Some(Extent::None);
        }
        let bars =
            matches!(text, "bar" | "bars" | "takt" | "takte" | "takten" | "taktiges" | "taktige");
        if let Some(before) = at.checked_sub(1).filter(|_| bars)
            && let Some(count) = number::whole(&tokens[before].text)
        {
            used[before..=at].fill(true);
            return Some(Extent::Bars(count.clamp(4, 128)));
        }
        if !matches!(
            text,
            "a" | "an"
                | "the"
                | "any"
                | "very"
                | "sehr"
                | "extra"
                | "ein"
                | "eine"
                | "einen"
                | "einem"
                | "das"
                | "der"
                | "die"
                | "dem"
        ) {
            return None;
        }
    }
    None
}

fn adjective(text: &str) -> Option<Extent> {
    let is = |words: &[&str]| {
        let ends = |end: &str| matches!(end, "" | "e" | "er" | "es" | "en" | "em");
        words.iter().any(|word| text.strip_prefix(word).is_some_and(ends))
    };
    if is(&SHORT) {
        Some(Extent::Short)
    } else if is(&LONG) {
        Some(Extent::Long)
    } else {
        None
    }
}

/// The time of a drop and the words that say it: "drop at 2:00", "nach 90 Sekunden der Drop".
fn moment(
    tokens: &[Token],
    noun: usize,
    end: usize,
    used: &[bool],
) -> Option<(Moment, usize, usize)> {
    let place = |at: usize| {
        let word = tokens.get(at).map_or("", |token| token.text.as_str());
        matches!(
            word,
            "at" | "@"
                | "after"
                | "from"
                | "around"
                | "about"
                | "in"
                | "on"
                | "bar"
                | "minute"
                | "bei"
                | "nach"
                | "ab"
                | "um"
                | "zu"
                | "etwa"
                | "takt"
                | "kommt"
                | "comes"
        )
    };
    // After the noun.
    let mut at = end;
    while at < end + 3 && place(at) {
        at += 1;
    }
    let bar = |at: usize| at > 0 && matches!(tokens[at - 1].text.as_str(), "bar" | "takt");
    let minute = |at: usize| at > 0 && tokens[at - 1].text == "minute";
    if at > end && at < tokens.len() && !used[at] {
        if let Some(count) = number::whole(&tokens[at].text).filter(|_| bar(at)) {
            return Some((Moment::Bars(count.min(1_000).saturating_sub(1)), end, at + 1));
        }
        if let Some(count) = number::whole(&tokens[at].text).filter(|_| minute(at)) {
            return Some((Moment::Seconds(f64::from(count.min(30)) * 60.0), end, at + 1));
        }
        if let Some((moment, length)) = time(tokens, at) {
            return Some((moment, end, at + length));
        }
    }
    // Before the noun: "at 2:00 the drop".
    for start in noun.saturating_sub(5)..noun {
        if place(start)
            && start + 1 < noun
            && !used[start + 1]
            && let Some((moment, length)) = time(tokens, start + 1)
            && start + 1 + length <= noun
            && noun - (start + 1 + length) <= 2
        {
            return Some((moment, start, start + 1 + length));
        }
    }
    None
}

/// A time, and how many words it takes: `2:00`, `90 seconds`, `64 bars`.
fn time(tokens: &[Token], at: usize) -> Option<(Moment, usize)> {
    let text = tokens[at].text.as_str();
    let seconds = |minutes: f64| Moment::Seconds((60.0 * minutes).clamp(0.0, 1_800.0));
    if let Some(minutes) = number::clock(text) {
        return Some((seconds(minutes), 1));
    }
    let count = number::value(text).or_else(|| number::spelled(text))?;
    let next = tokens.get(at + 1)?.text.as_str();
    if matches!(next, "bar" | "bars" | "takt" | "takte" | "takten") {
        return Some((Moment::Bars(count.clamp(0.0, 1_000.0) as u32), 2));
    }
    number::unit(next).map(|minutes| (seconds(count * minutes), 2))
}
