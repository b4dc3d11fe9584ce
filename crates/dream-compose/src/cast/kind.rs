//! What kind of sound a stem is, by its tags and the words of its name: the kind its role asks for, the
//! style it was made for, the character that would be out of place.
//!
//! A stem without such words is neutral: a library without tags is cast by what was measured.

use dream_core::{Category, PartId, Role, Stem};

/// What a stem says of itself, and what a part asks for, as words that can be compared.
pub(super) struct Words(Vec<String>);

impl Words {
    pub(super) fn of_stem(stem: &Stem) -> Self {
        let tags = stem.tags.iter().map(|tag| plain(tag));
        let lower = stem.name.to_lowercase();
        let name = lower.split(|c: char| !c.is_alphabetic()).filter(|word| word.len() > 2);
        Self(tags.chain(name.map(str::to_owned)).collect())
    }

    pub(super) fn of_tags(tags: &[String]) -> Self {
        Self(tags.iter().map(|tag| plain(tag)).collect())
    }

    pub(super) fn has(&self, word: &str) -> bool {
        self.0.iter().any(|own| own == word)
    }

    pub(super) fn has_any(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.has(word))
    }
}

/// A word without the signs in which its spellings differ: `lo-fi` is `lofi`, `D&B` is `dnb`.
pub(super) fn plain(word: &str) -> String {
    let lower = word.to_lowercase().replace('&', "n");
    lower.chars().filter(|c| c.is_alphanumeric()).collect()
}

/// What a stem of the role's own kind is worth: no wish for a sound makes another kind of it.
pub(super) const OWN: f64 = 7.0;
const OTHER: f64 = -3.0;

/// The words of which one makes a stem the role's own kind.
pub(crate) fn kinds(role: Role) -> &'static [&'static str] {
    kinds_and_others(role).0
}

/// The role's own kinds, and those of its neighbours within the same categories.
fn kinds_and_others(role: Role) -> (&'static [&'static str], &'static [&'static str]) {
    match role {
        Role::Snare => (&[], &["snap"]),
        Role::Clap => (&[], &["rim"]),
        Role::Hat => (&["closed"], &["open", "ride", "crash", "splash"]),
        Role::OpenHat => (&["open"], &["closed", "ride", "crash", "splash"]),
        Role::Ride => (&["ride"], &["crash", "splash", "shaker", "tom", "closed"]),
        Role::Shaker => (&["shaker", "tambourine"], &["crash", "ride", "tom", "open"]),
        Role::Perc => (&[], &["crash", "splash", "ride", "shaker", "tambourine", "tom"]),
        Role::Tom => (&["tom"], &["crash", "ride", "shaker", "rim"]),
        Role::Break => (&["break", "breaks"], &[]),
        Role::Crash => (&["crash", "splash"], &["reverse", "reversed", "shaker", "tom", "closed"]),
        Role::Sub => (&["sub"], &["plucky", "acid"]),
        Role::Stab => (&["stab"], &["pluck", "keys"]),
        Role::Chords => (&["chord", "chords", "keys", "stab"], &["pluck"]),
        Role::Arp => (&["arp", "pluck"], &["chord"]),
        Role::Lead => (&[], &["chord", "drone"]),
        Role::Pad => (&[], &["vinyl", "rain", "noise", "stab", "pluck"]),
        Role::Drone => (&["drone"], &["vinyl", "rain", "noise"]),
        Role::Noise => (
            &["noise", "texture", "vinyl"],
            &["drone", "riser", "impact", "downlifter", "subdrop", "sweep"],
        ),
        Role::Riser => (
            &["riser", "uplifter", "sweep"],
            &["impact", "downlifter", "siren", "reverse", "subdrop"],
        ),
        Role::Downlifter => (
            &["downlifter", "downer", "sweep"],
            &["riser", "uplifter", "reverse", "impact", "subdrop", "siren"],
        ),
        Role::Impact => {
            (&["impact", "hit", "boom", "subdrop"], &["riser", "downlifter", "reverse", "sweep"])
        }
        Role::Reverse => {
            (&["reverse", "reversed"], &["impact", "downlifter", "subdrop", "riser", "siren"])
        }
        Role::Kick | Role::Bass | Role::Vocal => (&[], &[]),
    }
}

/// How the stem's kind suits the role: [`OWN`] for its own, [`OTHER`] for a neighbour's that the part does not name, 0 where
/// nothing is said.
pub(super) fn kind(part: &PartId, category: Category, stem: &Words) -> f64 {
    let (own, others) = kinds_and_others(part.role);
    let plays_chords = matches!(category, Category::Piano | Category::Guitar);
    let asked = |word: &str| part.text.split(' ').any(|asked| asked == word);
    if others.iter().any(|word| stem.has(word) && !asked(word)) {
        OTHER
    } else if stem.has_any(own) || (part.role == Role::Chords && plays_chords) {
        OWN
    } else {
        0.0
    }
}

/// Whether the role asks for a kind that the stem does not say it is.
pub(super) fn is_unlike(role: Role, kind: f64) -> bool {
    !kinds(role).is_empty() && kind <= 0.0
}

/// Names of instruments, machines and sounds that a prompt may ask for by name.
const SOUNDS: &[&str] = &[
    "303", "808", "909", "acid", "amen", "bell", "choir", "donk", "flute", "fm", "glass", "guitar",
    "hoover", "kalimba", "marimba", "organ", "piano", "pluck", "reese", "rhodes", "rumble", "saw",
    "square", "strings", "supersaw", "vinyl", "vocoder", "whistle",
];

/// The sounds of a part that the prompt names.
pub(super) fn prompted(part: &PartId, prompt: &str) -> Vec<&'static str> {
    let words = |text: &str| -> Vec<String> {
        let words = text.split(|c: char| !c.is_alphanumeric());
        words.map(plain).collect()
    };
    let (asked, text) = (words(prompt), words(&part.text));
    let own = |sound: &&&str| {
        text.iter().any(|word| word == **sound) || part.tags.iter().any(|tag| plain(tag) == **sound)
    };
    let named: Vec<&'static str> = SOUNDS
        .iter()
        .filter(own)
        .filter(|sound| asked.iter().any(|word| word == **sound))
        .copied()
        .collect();
    if named.is_empty() {
        // "Klavier" makes the part one of pianos.
        SOUNDS.iter().copied().filter(|sound| *sound == part.category.name()).collect()
    } else {
        named
    }
}

/// Tags that are names of styles; the others are characters, instruments, kinds.
pub const STYLES: &[&str] = &[
    "ambient",
    "breakbeat",
    "disco",
    "dnb",
    "downtempo",
    "dub",
    "electro",
    "garage",
    "hardstyle",
    "hiphop",
    "house",
    "industrial",
    "jungle",
    "lofi",
    "minimal",
    "rave",
    "techno",
    "trance",
    "trap",
];

/// Styles whose sounds serve a style as well.
fn relatives(style: &str) -> &'static [&'static str] {
    match style {
        "ambient" => &["dub", "downtempo"],
        "breakbeat" => &["dnb", "rave", "jungle", "electro", "house"],
        "dnb" => &["jungle", "breakbeat", "rave"],
        "dub" => &["techno", "ambient"],
        "house" => &["disco", "garage", "electro"],
        "industrial" | "trance" => &["techno", "rave"],
        "lofi" => &["hiphop", "downtempo", "ambient"],
        "minimal" => &["techno", "house"],
        "techno" => &["industrial", "minimal", "rave"],
        _ => &[],
    }
}

/// How the styles of a stem suit those of the part: 0.7 to 1.2 for one of its own, the more the fewer
/// others; 0.4 for a relative's; 0.2 for a stem without style; -0.6 for others only.
pub(super) fn style(asked: &Words, stem: &Words) -> f64 {
    let styles = || STYLES.iter().copied();
    let wanted: Vec<&str> = styles().filter(|style| asked.has(style)).collect();
    let made: Vec<&str> = styles().filter(|style| stem.has(style)).collect();
    let own = made.iter().filter(|style| wanted.contains(style)).count();
    let near = |style: &&str| wanted.iter().any(|wanted| relatives(wanted).contains(style));
    if made.is_empty() || wanted.is_empty() {
        0.2
    } else if own > 0 {
        0.7 + 0.5 * own as f64 / made.len() as f64
    } else if made.iter().any(near) {
        0.4
    } else {
        -0.6
    }
}

/// Characters that stand out where nobody asked for them.
const HARSH: &[&str] = &["distorted", "hard", "aggressive", "screech"];
/// Genres, by a word of their names, in which they are out of place.
const SOFT: &[&str] = &["ambient", "lofi", "deep", "dub", "house", "minimal"];

/// What a harsh stem costs that was not asked to be harsh: 1 in soft genres, 0.6 elsewhere; as much as that a stem that is not
/// where the part asks for it.
pub(super) fn harshness(genre: &str, [part, track]: [&Words; 2], stem: &Words) -> f64 {
    let unasked = stem.has_any(HARSH) && !part.has_any(HARSH) && !track.has_any(HARSH);
    let lacking = part.has_any(HARSH) && !stem.has_any(HARSH);
    let soft = genre.split(' ').any(|word| SOFT.contains(&plain(word).as_str()));
    if unasked && soft {
        1.0
    } else if unasked || lacking {
        0.6
    } else {
        0.0
    }
}

/// What the part's text names that the stem has: 0.4 for a word, 0.6 for more. Its tags count elsewhere.
pub(super) fn named(part: &PartId, asked: &Words, stem: &Words) -> f64 {
    let role = part.role.name();
    let words = part.text.split(' ').filter(|word| word.len() > 2 && *word != role);
    match words.map(plain).filter(|word| stem.has(word) && !asked.has(word)).count() {
        0 => 0.0,
        1 => 0.4,
        _ => 0.6,
    }
}
