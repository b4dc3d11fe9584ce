//! Typing errors: an unknown word that is nearly a known one is read as that.
//!
//! Nearly means one edit (two from nine letters on) with the same first letter; an edit inserts, drops or
//! replaces a letter or swaps two neighbours: F. Damerau, "A Technique for Computer Detection and Correction
//! of Spelling Errors", Communications of the ACM 7(3), 1964. Short words are left alone.

use super::lexicon::lexicon;
use crate::genre::Genres;

/// Shortest and longest word that is corrected, in letters.
const LETTERS: std::ops::RangeInclusive<usize> = 5..=24;
/// From this length on two edits are allowed.
const LONG: usize = 9;

/// The known word that an unknown one most likely is.
pub(super) fn corrected(word: &str, genres: &Genres) -> Option<String> {
    if !LETTERS.contains(&word.len()) || !word.bytes().all(|c| c.is_ascii_lowercase()) {
        return None;
    }
    let most = if word.len() >= LONG { 2 } else { 1 };
    let genres = genres.all().iter().flat_map(|genre| &genre.words);
    let known = genres.map(String::as_str).chain(lexicon().words());
    let known = known.flat_map(|phrase| phrase.split(' ')).filter(|known| {
        LETTERS.contains(&known.len())
            && known.as_bytes()[0] == word.as_bytes()[0]
            && known.len().abs_diff(word.len()) <= most
    });
    let near = known.map(|known| (distance(word.as_bytes(), known.as_bytes()), known));
    let best = near.filter(|(edits, _)| *edits <= most).min();
    best.map(|(_, known)| known.to_owned())
}

/// Edits between two words, each pair of neighbours swapped at most once.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(word: &str, expected: Option<&str>) {
        assert_eq!(corrected(word, Genres::builtin()).as_deref(), expected, "{word}");
    }

    #[test]
    fn a_slip_is_mended_and_another_word_left_alone() {
        check("tehcno", Some("techno"));
        check("industial", Some("industrial"));
        check("agressive", Some("aggressive"));
        check("hpynotic", Some("hypnotic"));
        check("wibble", None);
        check("banana", None);
        check("hose", None);
    }

    #[test]
    fn edits_are_counted() {
        assert_eq!(distance(b"ca", b"abc"), 3);
        assert_eq!(distance(b"abcd", b"acbd"), 1);
        assert_eq!(distance(b"", b"abc"), 3);
    }
}
