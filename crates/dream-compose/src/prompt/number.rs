//! Tempo and length in a text.

use dream_core::Bpm;

use super::token::Token;

/// What the numbers of a text say.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    pub bpm: Option<Bpm>,
    pub range: Option<(f64, f64)>,
    pub minutes: Option<f64>,
    /// Numbers that were named as a tempo but cannot be one.
    pub refused: Vec<String>,
}

/// A bare number in this range is a tempo.
const BARE: std::ops::RangeInclusive<f64> = 60.0..=220.0;
/// Minutes of a track.
const MINUTES: std::ops::RangeInclusive<f64> = 0.5..=30.0;

/// Reads the numbers of a text and marks the words used.
pub(super) fn read(tokens: &[Token], used: &mut [bool]) -> Numbers {
    let mut numbers = Numbers::default();
    lengths(tokens, used, &mut numbers);
    ranges(tokens, used, &mut numbers);
    tempos(tokens, used, &mut numbers);
    numbers
}

fn lengths(tokens: &[Token], used: &mut [bool], numbers: &mut Numbers) {
    let mut minutes = 0.0;
    for at in 0..tokens.len() {
        let text = tokens[at].text.as_str();
        let named = |end: usize| spelled(&text[..end]).or_else(|| value(&text[..end]));
        if let Some(number) = text.find("minuetig").and_then(named) {
            minutes += number;
            used[at] = true;
        }
        if used[at] {
            continue;
        }
        if text.contains(':') {
            if let Some(clock) = clock(text) {
                minutes += clock;
                used[at] = true;
            }
            continue;
        }
        let Some(number) = value(text).or_else(|| spelled(text)) else { continue };
        let unit = tokens.get(at + 1).and_then(|next| unit(&next.text));
        // "half a minute", "eine halbe Minute"
        let article = matches!(text, "half" | "halbe")
            && tokens.get(at + 1).is_some_and(|next| next.text == "a");
        let late = tokens.get(at + 2).and_then(|next| unit_after(article, &next.text));
        if let Some(factor) = unit.or(late) {
            minutes += number * factor;
            let last = if unit.is_some() { at + 1 } else { at + 2 };
            used[at..=last].fill(true);
        }
    }
    if minutes > 0.0 {
        numbers.minutes = Some(f64::clamp(minutes, *MINUTES.start(), *MINUTES.end()));
    }
}

/// Minutes of a time such as `2:30`.
pub(super) fn clock(text: &str) -> Option<f64> {
    let (whole, seconds) = text.split_once(':')?;
    let (whole, seconds) = (value(whole)?, value(seconds)?);
    (seconds < 60.0).then_some(whole + seconds / 60.0)
}

/// A whole number, in digits or spelled.
pub(super) fn whole(text: &str) -> Option<u32> {
    let number = value(text).or_else(|| spelled(text))?;
    ((1.0..=1_000.0).contains(&number) && number.fract() < 1e-9).then_some(number as u32)
}

fn unit_after(article: bool, text: &str) -> Option<f64> {
    if article { unit(text) } else { None }
}

/// Minutes per unit.
pub(super) fn unit(text: &str) -> Option<f64> {
    match text {
        "min" | "mins" | "m" => Some(1.0),
        "s" | "sec" | "secs" | "sek" => Some(1.0 / 60.0),
        "h" => Some(60.0),
        _ if text.starts_with("minut") || text.starts_with("minuet") => Some(1.0),
        _ if text.starts_with("second") || text.starts_with("sekund") => Some(1.0 / 60.0),
        _ if text.starts_with("hour") || text.starts_with("stunde") => Some(60.0),
        _ => None,
    }
}

pub(super) fn spelled(text: &str) -> Option<f64> {
    Some(match text {
        "half" | "halbe" => 0.5,
        "one" | "single" | "ein" | "eine" | "einen" | "eins" | "einziger" => 1.0,
        "two" | "double" | "zwei" => 2.0,
        "three" | "drei" => 3.0,
        "four" | "vier" => 4.0,
        "five" | "fuenf" => 5.0,
        "six" | "sechs" => 6.0,
        "seven" | "sieben" => 7.0,
        "eight" | "acht" => 8.0,
        "nine" | "neun" => 9.0,
        "ten" | "zehn" => 10.0,
        "twelve" | "zwoelf" => 12.0,
        "fifteen" | "fuenfzehn" => 15.0,
        "twenty" | "zwanzig" => 20.0,
        "thirty" | "dreissig" => 30.0,
        _ => return None,
    })
}

pub(super) fn value(text: &str) -> Option<f64> {
    let digits = text.starts_with(|c: char| c.is_ascii_digit());
    let plain = text.len() <= 12 && digits;
    plain.then(|| text.replace(',', ".").parse().ok()).flatten()
}

fn ranges(tokens: &[Token], used: &mut [bool], numbers: &mut Numbers) {
    for at in 0..tokens.len() {
        let number =
            |at: usize| tokens.get(at).filter(|_| !used[at]).and_then(|token| value(&token.text));
        let word = |at: usize, words: &[&str]| {
            tokens.get(at).is_some_and(|token| words.contains(&token.text.as_str()))
        };
        let Some(low) = number(at) else { continue };
        let between =
            at > 0 && word(at - 1, &["between", "zwischen"]) && word(at + 1, &["and", "und"]);
        let unit = usize::from(word(at + 1, &["bpm"]));
        let end = if tokens.get(at + 1 + unit).is_some_and(|next| next.glued) {
            at + 1 + unit
        } else if between || word(at + 1 + unit, &["to", "bis"]) {
            at + 2 + unit
        } else {
            continue;
        };
        let tempo = 20.0..=400.0;
        let high =
            number(end).filter(|high| *high > low && tempo.contains(high) && tempo.contains(&low));
        if let Some(high) = high.filter(|_| numbers.range.is_none()) {
            numbers.range = Some((low, high));
            used[at..=end].fill(true);
            if word(end + 1, &["bpm"]) {
                used[end + 1] = true;
            }
        }
    }
}

fn tempos(tokens: &[Token], used: &mut [bool], numbers: &mut Numbers) {
    let word = |at: Option<usize>, words: &[&str]| {
        at.and_then(|at| tokens.get(at)).is_some_and(|token| words.contains(&token.text.as_str()))
    };
    // How certain a number is a tempo: with its unit, after a word such as "at", bare.
    let mut best: Option<(u8, Bpm)> = None;
    for at in 0..tokens.len() {
        let Some(number) = value(&tokens[at].text).filter(|_| !used[at]) else { continue };
        let unit = word(Some(at + 1), &["bpm", "schlaege", "schlaegen", "beats", "bpms"]);
        let named = word(at.checked_sub(1), &["bpm", "tempo"]);
        let placed = word(
            at.checked_sub(1),
            &["at", "bei", "auf", "mit", "@", "um", "around", "circa", "ca", "about", "etwa"],
        );
        let rank = match (unit || named, placed) {
            (true, _) => 3,
            (false, true) if (20.0..=400.0).contains(&number) => 2,
            _ if BARE.contains(&number) => 1,
            _ => continue,
        };
        used[at] = true;
        if unit {
            used[at + 1] = true;
        }
        match Bpm::new(number) {
            Ok(bpm) if best.is_none_or(|(other, _)| rank > other) => best = Some((rank, bpm)),
            Ok(_) => {}
            Err(_) => numbers.refused.push(format!("{number} bpm")),
        }
    }
    numbers.bpm = best.map(|(_, bpm)| bpm);
}
