//! What words mean in the attribute space: wishes in spreads (about standard deviations) within the category.
//!
//! German adjectives are listed by their stem; inflected endings are taken off before the search.

use dream_core::Category;

type Wishes = &'static [(&'static str, f32)];

const DARK: Wishes = &[("brightness", -1.2), ("sharpness", -0.6), ("depth", 0.4)];
const BRIGHT: Wishes = &[("brightness", 1.2), ("air", 0.6), ("sharpness", 0.6)];
const DEEP: Wishes = &[("depth", 1.2), ("sub", 0.6)];
const HIGH: Wishes = &[("depth", -1.0), ("brightness", 0.6)];
const WARM: Wishes = &[("warmth", 1.2), ("sharpness", -0.4)];
const COLD: Wishes = &[("warmth", -1.0), ("brightness", 0.4)];
const HARD: Wishes = &[("hardness", 1.2), ("punch", 0.4)];
const SOFT: Wishes = &[("hardness", -1.2), ("distortion", -0.4), ("sharpness", -0.3)];
const PUNCHY: Wishes = &[("punch", 1.2), ("hardness", 0.6)];
const AGGRESSIVE: Wishes = &[("distortion", 1.0), ("hardness", 0.8), ("roughness", 0.8)];
const DISTORTED: Wishes = &[("distortion", 1.4), ("roughness", 0.5)];
const CLEAN: Wishes = &[("distortion", -0.9), ("noisiness", -0.7), ("roughness", -0.5)];
const NOISY: Wishes = &[("noisiness", 1.3), ("tonality", -0.6)];
const TONAL: Wishes = &[("tonality", 1.2), ("noisiness", -0.6)];
const METALLIC: Wishes = &[("metallic", 1.3), ("brightness", 0.4)];
const INDUSTRIAL: Wishes = &[("distortion", 0.9), ("roughness", 0.8), ("metallic", 0.6)];
const ROUGH: Wishes = &[("roughness", 1.3), ("distortion", 0.4)];
const SMOOTH: Wishes = &[("roughness", -1.1), ("movement", -0.4), ("hardness", -0.3)];
const WIDE: Wishes = &[("width", 1.3)];
const NARROW: Wishes = &[("width", -1.2)];
const LONG: Wishes = &[("length", 1.0), ("decay", 1.0)];
const SHORT: Wishes = &[("length", -0.8), ("decay", -1.2)];
const WET: Wishes = &[("reverb", 1.3), ("width", 0.3)];
const DRY: Wishes = &[("reverb", -1.2), ("width", -0.3)];
const DENSE: Wishes = &[("density", 1.2)];
const SPARSE: Wishes = &[("density", -1.2)];
const SUB: Wishes = &[("sub", 1.3), ("depth", 0.6)];
const BOOMY: Wishes = &[("boominess", 1.3)];
const AIRY: Wishes = &[("air", 1.2), ("hardness", -0.4)];
const SHARP: Wishes = &[("sharpness", 1.2), ("hardness", 0.6)];
const DULL: Wishes = &[("sharpness", -1.0), ("brightness", -0.9)];
const THIN: Wishes = &[("depth", -1.0), ("warmth", -0.8)];
const FAT: Wishes = &[("depth", 0.7), ("warmth", 0.7), ("distortion", 0.4)];
const MOVING: Wishes = &[("movement", 1.2)];
const STATIC: Wishes = &[("movement", -1.2)];
const SUSTAINED: Wishes = &[("sustain", 1.2), ("decay", 0.6)];
const RHYTHMIC: Wishes = &[("pulse", 1.1), ("density", 0.5)];
const DYNAMIC: Wishes = &[("dynamics", 1.0), ("punch", 0.4)];
const FAST_ATTACK: Wishes = &[("attack", -1.1), ("hardness", 0.6)];
const SLOW_ATTACK: Wishes = &[("attack", 1.2), ("hardness", -0.6)];
const RICH: Wishes = &[("spread", 1.0), ("movement", 0.3)];
const PURE: Wishes = &[("spread", -1.0), ("noisiness", -0.8)];
const LOFI: Wishes = &[("air", -1.4), ("noisiness", 0.4), ("distortion", 0.3)];
const HYPNOTIC: Wishes = &[("movement", -0.9), ("pulse", 0.6), ("dynamics", -0.4)];
const EUPHORIC: Wishes = &[("brightness", 0.8), ("width", 0.6), ("air", 0.5)];
const AFTERHOURS: Wishes = &[("brightness", -0.7), ("depth", 0.6), ("hardness", -0.4)];
const ACID: Wishes = &[("sharpness", 0.7), ("movement", 0.6), ("distortion", 0.5)];
const DREAMY: Wishes = &[("reverb", 1.0), ("hardness", -0.6), ("width", 0.5)];
const SAD: Wishes = &[("brightness", -0.8), ("warmth", 0.6)];
const TENSE: Wishes = &[("roughness", 0.8), ("brightness", -0.5)];

const WORDS: &[(&[&str], Wishes)] = &[
    (
        &[
            "dark",
            "murky",
            "gloomy",
            "sombre",
            "black",
            "dunkel",
            "dunkl",
            "düster",
            "finster",
            "schwarz",
            "sinister",
            "evil",
            "ominous",
            "unheimlich",
            "bedrohlich",
            "menacing",
            "night",
            "nacht",
            "nächtlich",
            "shadowy",
            "eerie",
            "haunting",
            "creepy",
            "gruselig",
            "finstr",
            "düstr",
        ],
        DARK,
    ),
    (
        &[
            "bright",
            "brilliant",
            "shiny",
            "crisp",
            "sparkling",
            "hell",
            "brillant",
            "strahlend",
            "glänzend",
            "sunny",
            "sonnig",
            "glänz",
        ],
        BRIGHT,
    ),
    (&["deep", "low", "tief", "bassy", "basslastig", "profound", "underground"], DEEP),
    (&["high", "hoch", "hoh"], HIGH),
    (
        &[
            "warm",
            "mellow",
            "cosy",
            "analog",
            "analogue",
            "analoge",
            "wärm",
            "cozy",
            "organic",
            "organisch",
            "soulful",
            "seelenvoll",
        ],
        WARM,
    ),
    (&["cold", "icy", "kalt", "eisig", "kühl", "digital", "frozen", "sterile", "steril"], COLD),
    (
        &[
            "hard",
            "tough",
            "hart",
            "heftig",
            "pounding",
            "stampfend",
            "hämmernd",
            "banging",
            "knallhart",
            "härt",
            "peaktime",
            "peak-time",
        ],
        HARD,
    ),
    (
        &[
            "soft",
            "gentle",
            "tender",
            "weich",
            "sanft",
            "zart",
            "calm",
            "ruhig",
            "quiet",
            "leise",
            "relaxed",
            "relaxing",
            "entspannt",
            "entspannend",
            "peaceful",
            "friedlich",
            "chill",
            "chilled",
            "chillig",
            "gelassen",
            "meditative",
            "meditativ",
            "soothing",
            "gemütlich",
            "delicate",
            "fluffy",
        ],
        SOFT,
    ),
    (
        &[
            "punchy",
            "punch",
            "tight",
            "snappy",
            "knackig",
            "druckvoll",
            "wuchtig",
            "knallig",
            "powerful",
            "kraftvoll",
        ],
        PUNCHY,
    ),
    (
        &[
            "aggressive",
            "angry",
            "brutal",
            "harsh",
            "raw",
            "aggressiv",
            "wütend",
            "roh",
            "wild",
            "furious",
            "violent",
            "gewaltig",
            "relentless",
            "gnadenlos",
            "brachial",
            "intense",
            "intensiv",
            "abrasive",
        ],
        AGGRESSIVE,
    ),
    (
        &[
            "distorted",
            "overdriven",
            "saturated",
            "crushed",
            "driven",
            "verzerrt",
            "übersteuert",
            "distortion",
            "crunchy",
            "gesättigt",
            "fuzzy",
        ],
        DISTORTED,
    ),
    (&["clean", "clear", "sauber", "klar"], CLEAN),
    (&["noisy", "hissy", "noise", "rauschend", "verrauscht", "rauschig"], NOISY),
    (
        &[
            "tonal",
            "pitched",
            "melodic",
            "harmonic",
            "melodisch",
            "harmonisch",
            "melodiös",
            "melodious",
            "musical",
            "melody",
        ],
        TONAL,
    ),
    (&["metallic", "metal", "bell-like", "metallisch", "glockig", "blechern"], METALLIC),
    (
        &[
            "industrial",
            "mechanical",
            "industriell",
            "mechanisch",
            "factory",
            "fabrik",
            "machine",
            "machines",
            "maschinell",
            "maschinen",
            "robotic",
            "robotisch",
        ],
        INDUSTRIAL,
    ),
    (
        &["rough", "gritty", "grainy", "dirty", "rau", "rauh", "schmutzig", "dreckig", "körnig"],
        ROUGH,
    ),
    (&["smooth", "silky", "glatt", "seidig"], SMOOTH),
    (&["wide", "stereo", "spacious", "broad", "breit", "weit", "räumlich"], WIDE),
    (&["narrow", "mono", "schmal", "eng"], NARROW),
    (&["long", "lang"], LONG),
    (&["short", "clipped", "kurz"], SHORT),
    (
        &[
            "wet",
            "reverberant",
            "reverb",
            "roomy",
            "echoing",
            "echo",
            "cavernous",
            "hallig",
            "hall",
            "nass",
            "verhallt",
            "nachhall",
            "dub",
            "dubby",
            "dubbig",
            "echoey",
            "delay",
            "delays",
        ],
        WET,
    ),
    (&["dry", "dead", "close", "trocken", "hallfrei"], DRY),
    (&["dense", "busy", "dicht"], DENSE),
    (
        &[
            "sparse",
            "minimal",
            "spärlich",
            "karg",
            "sparsam",
            "minimalistisch",
            "minimalistic",
            "minimalist",
            "reduced",
            "reduziert",
            "stripped",
        ],
        SPARSE,
    ),
    (&["sub", "subby", "rumbling", "rumble", "grollend"], SUB),
    (&["boomy", "booming", "dröhnend", "wummernd"], BOOMY),
    (&["airy", "breathy", "luftig", "hauchig"], AIRY),
    (&["sharp", "piercing", "edgy", "cutting", "scharf", "schneidend", "spitz", "schrill"], SHARP),
    (&["dull", "muffled", "muted", "dumpf", "gedämpft", "matt"], DULL),
    (&["thin", "tinny", "light", "dünn", "leicht"], THIN),
    (
        &[
            "fat", "thick", "heavy", "massive", "big", "huge", "fett", "dick", "schwer", "massiv",
            "groß",
        ],
        FAT,
    ),
    (&["moving", "evolving", "lively", "modulated", "bewegt", "lebendig", "lebhaft"], MOVING),
    (&["static", "steady", "still", "monotonous", "statisch", "starr", "monoton"], STATIC),
    (&["sustained", "droning", "anhaltend", "gehalten"], SUSTAINED),
    (
        &[
            "rhythmic",
            "driving",
            "pulsing",
            "groovy",
            "rhythmisch",
            "treibend",
            "pulsierend",
            "pumping",
            "pumpend",
            "energetic",
            "energetisch",
            "energiegeladen",
            "rolling",
            "rollend",
            "propulsive",
            "mitreißend",
            "groovend",
            "groovig",
            "funky",
            "funkig",
            "swinging",
            "swingend",
            "bouncy",
            "tribal",
            "antreibend",
            "tanzbar",
            "danceable",
        ],
        RHYTHMIC,
    ),
    (&["dynamic", "dynamisch"], DYNAMIC),
    (&["clicky", "percussive", "plucky", "perkussiv", "klickend"], FAST_ATTACK),
    (&["swelling", "slow", "anschwellend", "langsam"], SLOW_ATTACK),
    (&["rich", "lush", "full", "reich", "voll", "üppig"], RICH),
    (&["pure", "simple", "plain", "rein", "schlicht"], PURE),
    (
        &[
            "lofi",
            "lo-fi",
            "vintage",
            "dusty",
            "old",
            "staubig",
            "alt",
            "retro",
            "tape",
            "vinyl",
            "crackly",
            "knisternd",
            "oldschool",
        ],
        LOFI,
    ),
    (
        &[
            "hypnotic",
            "hypnotisch",
            "trippy",
            "mesmerizing",
            "mesmerising",
            "repetitive",
            "repetitiv",
            "tranceartig",
            "psychedelic",
            "psychedelisch",
            "looped",
        ],
        HYPNOTIC,
    ),
    (
        &[
            "uplifting",
            "euphoric",
            "euphorisch",
            "happy",
            "fröhlich",
            "glücklich",
            "joyful",
            "cheerful",
            "heiter",
            "positive",
            "positiv",
            "anthemic",
            "hymnisch",
            "epic",
            "episch",
            "festival",
            "triumphant",
            "erhebend",
            "feelgood",
            "summer",
            "sommerlich",
            "sommer",
        ],
        EUPHORIC,
    ),
    (&["afterhours", "afterhour", "after-hours"], AFTERHOURS),
    (&["acid", "squelchy", "resonant", "säurehaltig"], ACID),
    (
        &[
            "dreamy",
            "verträumt",
            "träumerisch",
            "ethereal",
            "ätherisch",
            "floating",
            "schwebend",
            "spacey",
            "sphärisch",
            "atmospheric",
            "atmosphärisch",
            "cinematic",
            "cosmic",
            "kosmisch",
            "celestial",
            "traumhaft",
            "ambient",
        ],
        DREAMY,
    ),
    (
        &[
            "sad",
            "traurig",
            "melancholic",
            "melancholisch",
            "melancholy",
            "emotional",
            "nostalgic",
            "nostalgisch",
            "wistful",
            "wehmütig",
            "moody",
            "introspective",
            "nachdenklich",
            "sehnsüchtig",
        ],
        SAD,
    ),
    (
        &[
            "tense",
            "angespannt",
            "spannend",
            "spannungsgeladen",
            "tension",
            "paranoid",
            "horror",
            "mysterious",
            "mysteriös",
            "geheimnisvoll",
            "mystisch",
            "mystical",
        ],
        TENSE,
    ),
];

/// What a word asks for, in its own form or without a German or English ending.
pub(super) fn wishes(word: &str) -> Option<Wishes> {
    forms(word).iter().find_map(|form| {
        WORDS.iter().find(|(words, _)| words.contains(&form.as_str())).map(|(_, wishes)| *wishes)
    })
}

/// The word, then what remains without an inflected ending; umlauts spelled out are folded.
fn forms(word: &str) -> Vec<String> {
    let folded = word.replace("ae", "ä").replace("oe", "ö").replace("ue", "ü");
    let mut forms = vec![word.to_owned()];
    for base in [word, folded.as_str()] {
        forms.push(base.to_owned());
        for ending in
            ["eren", "erer", "eres", "ere", "en", "em", "er", "es", "est", "e", "ish", "ly"]
        {
            if let Some(stem) = base.strip_suffix(ending)
                && stem.chars().count() >= 3
            {
                forms.push(stem.to_owned());
            }
        }
    }
    forms
}

/// Factor of a word that strengthens or weakens the next one.
pub(super) fn intensity(word: &str) -> Option<f32> {
    match word {
        "very" | "extremely" | "super" | "really" | "heavily" | "ultra" | "mega" | "totally"
        | "highly" | "incredibly" | "sehr" | "extrem" | "richtig" | "total" | "besonders"
        | "so" | "unglaublich" | "krass" | "ausgesprochen" => Some(1.6),
        "slightly" | "somewhat" | "bit" | "little" | "rather" | "quite" | "mildly" | "subtly"
        | "moderately" | "leicht" | "etwas" | "bisschen" | "ziemlich" | "wenig" | "dezent" => {
            Some(0.5)
        }
        "too" | "zu" => Some(1.3),
        _ => None,
    }
}

/// Whether a word turns the next one into its opposite.
pub(super) fn negates(word: &str) -> bool {
    matches!(
        word,
        "not"
            | "no"
            | "non"
            | "without"
            | "never"
            | "less"
            | "nicht"
            | "ohne"
            | "kein"
            | "keine"
            | "keinen"
            | "keiner"
            | "weniger"
    )
}

/// Whether a word stands between an intensifier or negation and its adjective without ending its reach.
pub(super) fn passes(word: &str) -> bool {
    matches!(
        word,
        "a" | "an"
            | "the"
            | "any"
            | "ein"
            | "eine"
            | "einen"
            | "der"
            | "die"
            | "das"
            | "much"
            | "zu"
    )
}

/// German and colloquial names of categories that `Category::parse` does not know.
pub(super) fn german_category(word: &str) -> Option<Category> {
    Some(match word {
        "bassdrum" | "pauke" => Category::Kick,
        "klatscher" | "claps" => Category::Clap,
        "becken" | "schlagwerk" | "perkussion" | "percussions" => Category::Percussion,
        "schlagzeug" | "beat" | "breakbeat" => Category::Drums,
        "basslinie" | "bassline" => Category::Bass,
        "stimme" | "stimmen" | "gesang" | "voice" => Category::Vocals,
        "klavier" | "flügel" => Category::Piano,
        "gitarre" | "gitarren" => Category::Guitar,
        "fläche" | "flächen" | "flaeche" => Category::Pad,
        "effekt" | "effekte" | "effect" => Category::Fx,
        "atmosphäre" | "klangteppich" => Category::Atmo,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attributes;

    #[test]
    fn every_wish_is_an_attribute_and_no_word_stands_twice() {
        let mut all: Vec<&str> = Vec::new();
        for (words, wishes) in WORDS {
            assert!(wishes.iter().all(|(name, _)| attributes::index(name).is_some()), "{words:?}");
            all.extend(*words);
        }
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
        assert!(count >= 300, "{count}");
    }

    #[test]
    fn words_of_prompts_have_a_target_in_both_languages_and_inflected() {
        for word in [
            "industrial",
            "harsh",
            "mechanisch",
            "mechanische",
            "mechanischer",
            "dark",
            "darker",
            "düster",
            "düsterer",
            "duestere",
            "dunkler",
            "dunkles",
            "driving",
            "treibend",
            "treibender",
            "aggressive",
            "aggressiver",
            "aggressives",
            "minimal",
            "minimaler",
            "minimalistischen",
            "melodic",
            "melodisch",
            "melodischer",
            "hypnotic",
            "hypnotisch",
            "hypnotischer",
            "uplifting",
            "euphoric",
            "euphorisch",
            "euphorischer",
            "groovy",
            "groovig",
            "groovige",
            "deep",
            "deeper",
            "tief",
            "tiefer",
            "warm",
            "warmer",
            "warme",
            "wärmer",
            "acid",
            "raw",
            "roh",
            "roher",
            "peaktime",
            "peak-time",
            "afterhours",
            "afterhour",
            "festival",
            "noise",
            "distorted",
            "verzerrte",
            "metal",
        ] {
            assert!(wishes(word).is_some(), "{word}");
        }
        assert!(wishes("techno").is_none() && wishes("mit").is_none());
    }
}
