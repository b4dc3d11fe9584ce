//! What the name of a file tells: category words and a tempo.
//!
//! In: a relative path with folder names. The file's own words count first, then the folders from the innermost out.
//! Words that also describe other categories (`loop`, `drum`, `hit`) yield to definite ones.

use dream_core::Category;

/// The longest path that is read, in characters.
const LONGEST: usize = 1024;

/// Two words that mean something else together.
const PAIRS: [&str; 10] = [
    "bass drum",
    "bass drums",
    "kick drum",
    "snare drum",
    "hi hat",
    "hi hats",
    "drum loop",
    "side stick",
    "sub bass",
    "cow bell",
];

/// The category that the path names without ambiguity.
pub(crate) fn category(path: &str) -> Option<Category> {
    levels(path).iter().find_map(|level| of_words(&words(level)))
}

/// A tempo in the file's or a folder's name: `138bpm`, `bpm 120`, or a lone number from 60 to 200.
pub(crate) fn bpm(path: &str) -> Option<f64> {
    let levels = levels(path);
    let marked = levels.iter().find_map(|level| marked_bpm(&words(level)));
    marked.or_else(|| {
        let words = words(levels.first()?);
        let mut lone = words.iter().filter_map(|word| plausible(word));
        let first = lone.next()?;
        lone.next().is_none().then_some(first)
    })
}

fn marked_bpm(words: &[String]) -> Option<f64> {
    let at = words.iter().position(|word| word == "bpm")?;
    let before = at.checked_sub(1).and_then(|i| plausible(&words[i]));
    before.or_else(|| plausible(words.get(at + 1)?))
}

fn plausible(word: &str) -> Option<f64> {
    let ordinal = word.starts_with('0');
    word.parse::<f64>().ok().filter(|bpm| (60.0..=200.0).contains(bpm) && !ordinal)
}

/// File name without its extension, then the folders from the innermost out.
fn levels(path: &str) -> Vec<String> {
    let short: String = path.chars().take(LONGEST).collect();
    let mut levels: Vec<String> =
        short.split(['/', '\\']).rev().filter(|part| !part.is_empty()).map(str::to_owned).collect();
    if let Some(file) = levels.first_mut()
        && let Some((stem, extension)) = file.rsplit_once('.')
        && (1..=5).contains(&extension.len())
        && !stem.is_empty()
    {
        *file = stem.to_owned();
    }
    levels
}

/// Lower-case words, split at separators, between letters and digits, and before capitals.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in text.chars() {
        let starts = c.is_alphabetic() != before.is_alphabetic()
            || (c.is_uppercase() && before.is_lowercase());
        let decimal = c == '.' && before.is_ascii_digit();
        if c.is_alphanumeric() || decimal {
            if starts && !decimal && before != '.' {
                words.push(String::new());
            }
            if let Some(word) = words.last_mut() {
                word.extend(c.to_lowercase());
            }
        } else {
            words.push(String::new());
        }
        before = c;
    }
    words
        .iter()
        .map(|word| word.trim_end_matches('.').to_owned())
        .filter(|w| !w.is_empty())
        .collect()
}

fn of_words(words: &[String]) -> Option<Category> {
    let mut joined: Vec<String> = Vec::new();
    let mut i = 0;
    while i < words.len() {
        let pair = words.get(i + 1).map(|next| format!("{} {next}", words[i]));
        let pair = pair.filter(|pair| PAIRS.contains(&pair.as_str()));
        i += if pair.is_some() { 2 } else { 1 };
        joined.push(pair.unwrap_or_else(|| words[i - 1].clone()));
    }
    let definite: Vec<Category> = joined.iter().filter_map(|word| definite(word)).collect();
    let vague: Vec<Category> = joined.iter().filter_map(|word| vague(word)).collect();
    let found = if definite.is_empty() { vague } else { definite };
    let first = *found.first()?;
    found.iter().all(|category| *category == first).then_some(first)
}

fn definite(word: &str) -> Option<Category> {
    if vague(word).is_some() {
        return None;
    }
    let kit = match word {
        "bd" | "kik" | "kck" | "kd" | "kicks" | "bass drum" | "bass drums" | "kick drum" => {
            Category::Kick
        }
        "sd" | "sn" | "snr" | "sna" | "snare drum" => Category::Snare,
        "cp" | "clp" | "snap" | "handclap" => Category::Clap,
        "hh" | "oh" | "ch" | "hho" | "hhc" | "ohh" | "chh" | "hihat" | "hi hat" | "hi hats" => {
            Category::Hihat
        }
        "rs" | "rim" | "rimshot" | "cb" | "cowbell" | "cow bell" | "conga" | "bongo" | "tabla"
        | "toms" | "cy" | "lt" | "mt" | "ht" | "tamb" | "tambourine" | "woodblock"
        | "percussion" | "side stick" | "sidestick" | "timbale" | "cabasa" | "maraca"
        | "maracas" | "shakers" | "triangle" | "guiro" => Category::Percussion,
        "beat" | "beats" | "breaks" | "breakbeat" | "amen" | "drum loop" => Category::Drums,
        "sub" | "sub bass" | "reese" | "808s" => Category::Bass,
        "voice" | "voc" | "acapella" | "choir" | "vocoder" => Category::Vocals,
        "gtr" | "guit" => Category::Guitar,
        "strings" | "string" => Category::Pad,
        "organ" | "epiano" => Category::Piano,
        "soundscape" | "field" => Category::Atmo,
        "sfx" | "laser" | "zap" | "glitch" | "downlifter" | "uplifter" | "whoosh" => Category::Fx,
        _ => return Category::parse(word).filter(|_| word.len() > 1),
    };
    Some(kit)
}

fn vague(word: &str) -> Option<Category> {
    match word {
        "loop" | "loops" | "drum" | "drums" => Some(Category::Drums),
        "noise" | "hit" | "hits" | "impact" => Some(Category::Fx),
        "perc" | "percs" => Some(Category::Percussion),
        "chord" | "chords" => Some(Category::Synth),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: Option<Category>) {
        assert_eq!(category(path), expected, "{path}");
    }

    #[test]
    fn files_and_folders_name_their_category() {
        check("kit/BD_01.wav", Some(Category::Kick));
        check("Kicks/thing 3.wav", Some(Category::Kick));
        check("Snare Drum 12.flac", Some(Category::Snare));
        check("bass drum.wav", Some(Category::Kick));
        check("SubBass_C.wav", Some(Category::Bass));
        check("Bass Loop 120.wav", Some(Category::Bass));
        check("drums/loop_7.wav", Some(Category::Drums));
        check("OpenHat909.wav", Some(Category::Hihat));
        check("tr808/CP.wav", Some(Category::Clap));
        check("a/b/Vox/ah.wav", Some(Category::Vocals));
        check("drum_tom_lo.flac", Some(Category::Percussion));
    }

    #[test]
    fn ambiguous_and_plain_names_tell_nothing() {
        check("kick and snare.wav", None);
        check("s0123.wav", None);
        check("", None);
        check("////", None);
        check("b.wav", None);
    }

    #[test]
    fn a_tempo_is_read_from_its_mark_or_from_a_lone_number() {
        assert_eq!(bpm("loop 138bpm.wav"), Some(138.0));
        assert_eq!(bpm("x/rave_bass01 - 180 BPM.ogg"), Some(180.0));
        assert_eq!(bpm("loop_120_Am.wav"), Some(120.0));
        assert_eq!(bpm("bpm_97.5 thing.wav"), Some(97.5));
        assert_eq!(bpm("kit 128bpm/loop.wav"), Some(128.0));
        assert_eq!(bpm("hat_007.wav"), None);
        assert_eq!(bpm("kick 101 102.wav"), None);
        assert_eq!(bpm("909.wav"), None);
    }
}
