use proptest::prelude::*;

use super::*;

#[track_caller]
fn genre(text: &str, expected: &str) {
    let prompt = Prompt::parse(text);
    assert_eq!(prompt.genre.name, expected, "{text}: {:?}", prompt.understood);
}

#[track_caller]
fn bpm(text: &str, expected: Option<f64>) {
    assert_eq!(Prompt::parse(text).bpm.map(Bpm::get), expected, "{text}");
}

#[track_caller]
fn key(text: &str, expected: Option<&str>) {
    let key = Prompt::parse(text).key.map(|key| key.to_string());
    assert_eq!(key.as_deref(), expected, "{text}");
}

#[track_caller]
fn minutes(text: &str, expected: Option<f64>) {
    assert_eq!(Prompt::parse(text).minutes, expected, "{text}");
}

#[track_caller]
fn moods(text: &str, expected: &[&str]) {
    assert_eq!(Prompt::parse(text).moods, expected, "{text}");
}

#[track_caller]
fn wanted(text: &str, expected: &[&str]) {
    let wishes = Prompt::parse(text).wanted;
    let wishes: Vec<String> = wishes
        .iter()
        .map(|wish| [wish.tags.clone(), vec![wish.role.to_string()]].concat().join(" "))
        .collect();
    assert_eq!(wishes, expected, "{text}");
}

#[track_caller]
fn unwanted(text: &str, expected: &[&str]) {
    let roles: Vec<String> = Prompt::parse(text).unwanted.iter().map(Role::to_string).collect();
    assert_eq!(roles, expected, "{text}");
}

#[test]
fn genres_are_found_in_both_languages() {
    genre("driving industrial techno 138 bpm", "industrial techno");
    genre("techno", "techno");
    genre("Ein düsterer Technotrack", "techno");
    genre("techno, dark and industrial", "industrial techno");
    genre("industrieller Techno", "industrial techno");
    genre("industrial", "industrial techno");
    genre("hard techno at 150", "hard techno");
    genre("harter Techno", "hard techno");
    genre("Schranz", "hard techno");
    genre("minimal", "minimal");
    genre("minimal techno", "minimal");
    genre("hypnotic techno", "minimal");
    genre("hypnotischer, dunkler Techno", "minimal");
    genre("dub techno", "dub techno");
    genre("dubby techno with deep chords", "dub techno");
    genre("house", "house");
    genre("minimal house", "minimal");
    genre("warm house with minimal drums", "house");
    genre("deep house", "deep house");
    genre("Deep-House mit Rhodes", "deep house");
    genre("tech house", "house");
    genre("uplifting trance", "trance");
    genre("psytrance", "trance");
    genre("drum and bass", "drum and bass");
    genre("Drum & Bass", "drum and bass");
    genre("liquid dnb", "drum and bass");
    genre("d&b", "drum and bass");
    genre("drum'n'bass 174", "drum and bass");
    genre("jungle", "drum and bass");
    genre("breakbeat", "breakbeat");
    genre("big beat with breaks", "breakbeat");
    genre("ambient drone 70 bpm", "ambient");
    genre("ambient techno", "techno");
    genre("dark ambient", "ambient");
    genre("lofi hip hop", "lofi");
    genre("lo-fi beats", "lofi");
    genre("Hip-Hop", "lofi");
    genre("boom bap 90", "lofi");
    genre("trance, not techno", "trance");
    genre("kein Techno, lieber House", "house");
}

#[test]
fn without_a_genre_tempo_and_moods_choose() {
    genre("", "techno");
    genre("something", "techno");
    genre("174 bpm", "drum and bass");
    genre("132 bpm dark", "techno");
    genre("80 bpm", "lofi");
    genre("calm and dreamy", "ambient");
    genre("euphoric 138", "trance");
    genre("very dark and distorted, 140 bpm", "industrial techno");
    let chosen = Prompt::parse("174 bpm").understood[0].clone();
    assert_eq!(chosen, "genre: drum and bass (chosen by tempo and mood)");
    assert_eq!(Prompt::parse("hm").understood[0], "genre: techno (default)");
}

#[test]
fn a_tempo_is_read_in_every_notation() {
    for text in [
        "138",
        "techno 138bpm",
        "138 BPM",
        "techno at 138",
        "techno bei 138",
        "138 Schläge",
        "138 Schläge pro Minute",
        "tempo 138",
        "bpm: 138",
        "techno @138",
        "138-bpm techno",
        "mit 138 beats per minute",
    ] {
        bpm(text, Some(138.0));
    }
    bpm("137.5 bpm", Some(137.5));
    bpm("137,5 BPM", Some(137.5));
    bpm("techno 135-140", Some(137.5));
    bpm("techno 130–135 bpm", Some(132.0));
    bpm("between 120 and 126 bpm house", Some(124.0));
    bpm("Techno zwischen 140 und 150", Some(145.0));
    bpm("techno 140 bis 150 bpm", Some(145.0));
    bpm("techno", None);
    bpm("6 minutes of techno", None);
    bpm("999 bpm", None);
    bpm("acid 303 and 808", None);
    bpm("dnb 174, 6 min", Some(174.0));
    bpm("6 min techno at 45 bpm", Some(45.0));
    assert_eq!(Prompt::parse("999 bpm").unknown, ["999 bpm"]);
}

#[test]
fn a_key_is_read_in_every_notation() {
    key("techno in F# minor", Some("F# minor"));
    key("fis-moll techno", Some("F# minor"));
    key("fis moll", Some("F# minor"));
    key("Techno in Fis-Moll", Some("F# minor"));
    key("11A", Some("F# minor"));
    key("techno 8a 130", Some("A minor"));
    key("Am", Some("A minor"));
    key("techno Am 138", Some("A minor"));
    key("F#m trance", Some("F# minor"));
    key("Bbm", Some("A# minor"));
    key("in Gb major", Some("F# major"));
    key("B-Dur", Some("A# major"));
    key("h-moll", Some("B minor"));
    key("F sharp minor", Some("F# minor"));
    key("E flat major", Some("D# major"));
    key("d dorian house", Some("D minor"));
    key("techno in C", Some("C minor"));
    key("key of G", Some("G minor"));
    key("Am Abend am See, ambient", None);
    key("a dark techno track", None);
    key("4 a.m. techno", None);
    assert_eq!(Prompt::parse("e phrygian").scale, Some(Scale::Phrygian));
    assert_eq!(Prompt::parse("E-phrygisch").scale, Some(Scale::Phrygian));
    assert_eq!(Prompt::parse("house in Dur").scale, Some(Scale::Major));
    assert!(Prompt::parse("atonal industrial").atonal);
}

#[test]
fn a_length_is_read_in_every_notation() {
    minutes("6 minutes", Some(6.0));
    minutes("techno, 6 min", Some(6.0));
    minutes("6min techno", Some(6.0));
    minutes("sechs Minuten", Some(6.0));
    minutes("a six-minute track", Some(6.0));
    minutes("sechsminütiger Track", Some(6.0));
    minutes("techno 5:30", Some(5.5));
    minutes("5:30 min", Some(5.5));
    minutes("6 min 30 s", Some(6.5));
    minutes("90 seconds", Some(1.5));
    minutes("7,5 Minuten", Some(7.5));
    minutes("2 hours", Some(30.0));
    minutes("5 seconds", Some(0.5));
    minutes("techno 138", None);
}

#[test]
fn moods_are_read_with_their_endings() {
    moods("dark driving techno", &["dark", "driving"]);
    moods("dunkler, treibender Techno", &["dark", "driving"]);
    moods("ein dunkles, hartes und melodisches Stück House", &["dark", "hard", "melodic"]);
    moods("düsterer aggressiver Trance", &["dark", "aggressive"]);
    moods("ruhig, warm, verträumt", &["calm", "warm", "dreamy"]);
    moods("euphoric uplifting trance", &["uplifting"]);
    moods("not too dark techno", &[]);
    moods("nicht aggressiver Techno", &[]);
    moods("not dark but warm house", &["warm"]);
    moods("industrial techno", &[]);
    moods("melodic techno", &["melodic"]);
    moods("acid techno", &["acid"]);
}

#[test]
fn instruments_are_wanted_or_not() {
    wanted("techno with vocals", &["vocal"]);
    wanted("Techno mit Acid-Bass", &["acid bass"]);
    wanted("techno with a distorted kick and dark pads", &["distorted kick", "dark pad"]);
    wanted("house mit warmen Flächen", &["warm pad"]);
    wanted("drum and bass", &[]);
    wanted("house with piano", &["piano chords"]);
    unwanted("techno, no vocals", &["vocal"]);
    unwanted("ohne Vocals", &["vocal"]);
    unwanted("techno without kick", &["kick"]);
    unwanted("no kick or bass", &["kick", "bass", "sub"]);
    unwanted("no kick, snare and clap", &["kick", "snare", "clap"]);
    unwanted("no vocals, acid bass", &["vocal"]);
    wanted("no vocals, acid bass", &["acid bass"]);
    unwanted("ohne Kick und Bass, mit Pads", &["kick", "bass", "sub"]);
    wanted("ohne Kick und Bass, mit Pads", &["pad"]);
    unwanted("no kick and dark pads", &["kick"]);
    unwanted("vocal-free", &["vocal"]);
    unwanted(
        "drumless ambient",
        &[
            "kick", "snare", "clap", "hat", "open_hat", "ride", "shaker", "perc", "tom", "break",
            "crash",
        ],
    );
    unwanted(
        "keine Drums",
        &[
            "kick", "snare", "clap", "hat", "open_hat", "ride", "shaker", "perc", "tom", "break",
            "crash",
        ],
    );
    unwanted("keine Hi-Hats", &["hat", "open_hat"]);
    moods("techno with a distorted kick", &[]);
}

#[test]
fn what_was_not_understood_is_listed() {
    assert_eq!(Prompt::parse("dark techno wibble 138 bpm").unknown, ["wibble"]);
    assert_eq!(Prompt::parse("driving industrial techno 138 bpm").unknown, Vec::<String>::new());
    assert_eq!(
        Prompt::parse("driving industrial techno 138 bpm in F# minor").understood,
        ["genre: industrial techno", "tempo: 138 bpm", "key: F# minor", "mood: driving"]
    );
}

#[track_caller]
fn shape(text: &str, expected: &[&str]) {
    let prompt = Prompt::parse(text);
    let forms: Vec<&str> =
        prompt.understood.iter().filter_map(|line| line.strip_prefix("form: ")).collect();
    assert_eq!(forms, expected, "{text}");
    assert_eq!(prompt.unknown, Vec::<String>::new(), "{text}");
}

#[test]
fn the_form_is_read_in_both_languages() {
    shape("techno with a long intro", &["long intro"]);
    shape("Techno mit langem Intro", &["long intro"]);
    shape("short intro/outro house", &["short intro", "short outro"]);
    shape("house, kurzes Intro und Outro", &["short intro", "short outro"]);
    shape("trance, no breakdown", &["no breakdown"]);
    shape("Trance ohne Breakdown", &["no breakdown"]);
    shape("techno without intro or outro", &["no intro", "no outro"]);
    shape("techno, no intro, long outro", &["no intro", "long outro"]);
    shape("a very long breakdown, trance", &["long breakdown"]);
    shape("32 bar intro techno", &["intro of 32 bars"]);
    shape("Techno, 16 Takte Intro", &["intro of 16 bars"]);
    shape("house with two drops", &["2 drops"]);
    shape("House mit zwei Drops", &["2 drops"]);
    shape("techno, ohne Drop", &["0 drops"]);
    shape("techno with a build up", &["long build"]);
    shape("techno, no build-up", &["no build"]);
    shape("techno, drop at 2:00", &["drop at 2:00"]);
    shape("Techno, Drop nach 90 Sekunden", &["drop at 1:30"]);
    shape("techno, first drop after two minutes", &["drop at 2:00"]);
    shape("techno, at 1:30 the drop", &["drop at 1:30"]);
    shape("techno, drop at bar 65", &["drop after 64 bars"]);
    shape("Techno, Drop nach 64 Takten", &["drop after 64 bars"]);
    shape("techno", &[]);
    shape("big beat with breaks", &[]);
}

#[test]
fn a_drop_time_is_no_length() {
    let prompt = Prompt::parse("techno, 6:30 long, drop at 2:00");
    assert_eq!(prompt.minutes, Some(6.5));
    assert_eq!(prompt.shape.drop_at, Some(Moment::Seconds(120.0)));
    minutes("techno, drop at 2:00", None);
    minutes("Techno, Drop nach 90 Sekunden, sechs Minuten", Some(6.0));
}

#[test]
fn slips_of_the_finger_are_mended() {
    let prompt = Prompt::parse("agressive industial tehcno with vocls");
    assert_eq!(prompt.genre.name, "industrial techno");
    assert_eq!(prompt.moods, ["aggressive"]);
    assert_eq!(prompt.wanted[0].role, Role::Vocal);
    assert_eq!(prompt.unknown, Vec::<String>::new());
    assert!(prompt.understood.contains(&"read \"tehcno\" as techno".to_owned()));
}

#[test]
fn intensifiers_scale_a_mood() {
    let intensity = |text: &str| Prompt::parse(text).intensity;
    let usual = intensity("hard house");
    assert!(intensity("very hard house") > usual && intensity("slightly hard house") < usual);
    assert!(intensity("sehr harter House") > usual && intensity("etwas harter House") < usual);
    assert!(intensity("high energy house") > intensity("house"));
    assert!(intensity("House mit wenig Energie") < intensity("house"));
}

#[test]
fn a_beat_is_asked_for_where_there_is_none() {
    wanted("ambient with a pulse", &["soft kick", "soft shaker"]);
    wanted("ambient mit Beats", &["soft kick", "soft shaker"]);
    wanted("techno with beats", &[]);
    unwanted("instrumental lofi", &["vocal"]);
}

#[test]
fn moods_move_the_intensity() {
    let intensity = |text: &str| Prompt::parse(text).intensity;
    assert!(intensity("aggressive hard techno") > intensity("techno"));
    assert!(intensity("calm house") < intensity("house"));
}

#[test]
fn a_long_text_is_cut() {
    let prompt = Prompt::parse(&"dunkel ".repeat(100_000));
    assert_eq!(prompt.text.chars().count(), 1_000);
    assert_eq!(prompt.moods, ["dark"]);
}

proptest! {
    #[test]
    fn any_text_is_understood_somehow(text in ".{0,200}") {
        let prompt = Prompt::parse(&text);
        prop_assert!((0.0..=1.0).contains(&prompt.intensity));
        prop_assert!(prompt.minutes.is_none_or(|minutes| (0.5..=30.0).contains(&minutes)));
    }
}
