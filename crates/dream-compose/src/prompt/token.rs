//! Words of a text.

/// A word, lower case, with umlauts written out and accents removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub text: String,
    /// As it was written.
    pub raw: String,
    /// Whether a hyphen, or nothing, joins it to the word before.
    pub glued: bool,
    /// Whether a comma, a full stop or a line break precedes it.
    pub stop: bool,
}

/// Longest text that is read, in characters.
pub(super) const MOST_CHARACTERS: usize = 1_000;

/// Splits a text into words; `138bpm` is two words, `137.5` and `5:30` are one.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let letters: Vec<char> = text.chars().take(MOST_CHARACTERS).collect();
    let digit = |at: usize| letters.get(at).is_some_and(char::is_ascii_digit);
    let mut tokens = Vec::new();
    let (mut glued, mut stop) = (false, false);
    let mut at = 0;
    while at < letters.len() {
        let start = at;
        while at < letters.len() {
            let inside = is_letter(letters[at])
                || (matches!(letters[at], '.' | ',' | ':')
                    && at > start
                    && digit(at - 1)
                    && digit(at + 1));
            if !inside {
                break;
            }
            at += 1;
        }
        if start == at {
            match letters[at] {
                '-' | '‐' | '–' | '—' | '/' => glued = true,
                ',' | ';' | '.' | '!' | '?' | '\n' | '(' | ')' | ':' => stop = true,
                '\'' | '’' => {}
                '@' => {
                    push(&mut tokens, "@", glued, stop);
                    (glued, stop) = (false, false);
                }
                _ => glued = false,
            }
            at += 1;
            continue;
        }
        let raw: String = letters[start..at].iter().collect();
        push(&mut tokens, &raw, glued, stop);
        (glued, stop) = (false, false);
    }
    tokens
}

fn is_letter(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '#' | '♯' | '♭' | '&')
}

/// Adds a word; a number and its unit become two.
fn push(tokens: &mut Vec<Token>, raw: &str, glued: bool, stop: bool) {
    let split = raw.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | ',' | ':')));
    let unit = split.filter(|split| *split > 0 && raw.as_bytes()[0].is_ascii_digit());
    let (number, unit) = unit.map_or((raw, ""), |split| raw.split_at(split));
    let camelot = matches!(unit, "a" | "A" | "b" | "B") && number.len() <= 2;
    let word = |raw: &str, glued, stop| Token { text: fold(raw), raw: raw.to_owned(), glued, stop };
    if unit.is_empty() || camelot {
        tokens.push(word(raw, glued, stop));
    } else {
        tokens.push(word(number, glued, stop));
        tokens.push(word(unit, true, false));
    }
}

/// Lower case, umlauts as two letters, common accents removed.
fn fold(raw: &str) -> String {
    let mut folded = String::with_capacity(raw.len());
    for c in raw.chars().flat_map(char::to_lowercase) {
        match c {
            'ä' | 'æ' => folded.push_str("ae"),
            'ö' | 'œ' => folded.push_str("oe"),
            'ü' => folded.push_str("ue"),
            'ß' => folded.push_str("ss"),
            'é' | 'è' | 'ê' => folded.push('e'),
            'á' | 'à' | 'â' => folded.push('a'),
            '♯' => folded.push('#'),
            '♭' => folded.push('b'),
            other => folded.push(other),
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let got: Vec<String> = tokens(text).into_iter().map(|token| token.text).collect();
        assert_eq!(got, expected, "{text}");
    }

    #[test]
    fn texts_split_into_words() {
        check("Düsterer Techno, 138bpm", &["duesterer", "techno", "138", "bpm"]);
        check("137.5 BPM 5:30", &["137.5", "bpm", "5:30"]);
        check("lo-fi 11A f#m d&b", &["lo", "fi", "11a", "f#m", "d&b"]);
        check("6min. 135–140", &["6", "min", "135", "140"]);
        check("", &[]);
    }
}
