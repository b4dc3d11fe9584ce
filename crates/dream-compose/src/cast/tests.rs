use dream_core::{Category, Facts, Note, Profile, Provenance, Rhythm, Section, StemQuery};

use std::sync::Arc;

use super::*;

fn plan(queries: Vec<StemQuery>) -> ArrangementPlan {
    ArrangementPlan {
        schema: 1,
        prompt: String::new(),
        seed: 1,
        bpm: Bpm::new(130.0).unwrap(),
        key: Some("A minor".parse().unwrap()),
        genre: "techno".to_owned(),
        moods: Vec::new(),
        swing: 50.0,
        total_bars: 8,
        estimated_duration_s: 14.8,
        loudness_lufs: -10.0,
        structure: vec![Section {
            section: "Drop".to_owned(),
            bars: 8,
            energy: 1.0,
            seed: 1,
            stem_queries: queries,
            transitions: Vec::new(),
        }],
    }
}

fn query(role: Role, tags: &[&str], pitches: &[u8]) -> StemQuery {
    let note = |(i, pitch): (usize, &u8)| Note {
        beat: i as f64,
        length: 0.5,
        velocity: 1.0,
        pitch: Some(*pitch).filter(|pitch| *pitch > 0),
    };
    StemQuery {
        role,
        category: role.categories()[0],
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        text: String::new(),
        count: 1,
        required: true,
        gain_db: 0.0,
        pan: 0.0,
        enter_bar: 0,
        leave_bar: 8,
        notes: pitches.iter().enumerate().map(note).collect(),
        automation: Vec::new(),
    }
}

fn candidate(id: i64, category: Category, form: Form) -> Candidate {
    let facts = Facts {
        duration_s: 1.0,
        form,
        category,
        category_confidence: 1.0,
        loudness_lufs: Some(-14.0),
        true_peak_dbtp: -1.0,
        quality: 0.9,
        ..Facts::default()
    };
    let stem = Stem {
        id: StemId(id),
        hash: format!("{id:064x}"),
        name: format!("stem {id}"),
        category,
        source: Source::Original,
        kit: None,
        licence: None,
        channels: 1,
        tags: Vec::new(),
        facts,
        provenance: Provenance::default(),
    };
    Candidate { stem: Arc::new(stem), similarity: 0.5, wish: 0.0 }
}

/// The stem of a candidate, to change it.
fn of(candidate: &mut Candidate) -> &mut Stem {
    Arc::make_mut(&mut candidate.stem)
}

fn looped(id: i64, category: Category, bpm: f64, bars: u32) -> Candidate {
    let mut candidate = candidate(id, category, Form::Loop);
    of(&mut candidate).facts.bpm = Some(Bpm::new(bpm).unwrap());
    of(&mut candidate).facts.bars = Some(bars);
    of(&mut candidate).facts.duration_s = f64::from(bars) * 240.0 / bpm;
    candidate
}

fn shortlist(plan: &ArrangementPlan, lists: Vec<Vec<Candidate>>) -> Shortlist {
    Shortlist { parts: plan.parts().into_iter().zip(lists).collect() }
}

/// The numbers of the stems cast for each part.
fn chosen(casting: &Casting) -> Vec<Vec<i64>> {
    let ids = |part: &CastPart| part.stems.iter().map(|stem| stem.id.0).collect();
    casting.parts.iter().map(ids).collect()
}

#[track_caller]
fn check(queries: Vec<StemQuery>, lists: Vec<Vec<Candidate>>, expected: &[&[i64]]) -> Casting {
    let plan = plan(queries);
    let casting = cast(&plan, &shortlist(&plan, lists), Seed(3)).unwrap().casting;
    assert_eq!(chosen(&casting), expected, "{casting:#?}");
    casting
}

#[test]
fn notes_want_one_shots_and_their_absence_loops() {
    let kicks =
        || vec![candidate(1, Category::Kick, Form::OneShot), looped(2, Category::Kick, 130.0, 2)];
    check(vec![query(Role::Kick, &[], &[0])], vec![kicks()], &[&[1]]);
    let pads = vec![candidate(1, Category::Pad, Form::OneShot), looped(2, Category::Pad, 130.0, 4)];
    check(vec![query(Role::Pad, &[], &[])], vec![pads], &[&[2]]);
}

#[test]
fn a_loop_is_stretched_by_the_exact_ratio_at_half_time_if_nearer() {
    let loops = vec![looped(1, Category::Drums, 66.0, 2), looped(2, Category::Drums, 174.0, 2)];
    let casting = check(vec![query(Role::Break, &[], &[])], vec![loops], &[&[1]]);
    let ratio = casting.parts[0].stems[0].ratio;
    assert!((ratio - 2.0 * 66.0 / 130.0).abs() < 1e-12, "{ratio}");
    assert_eq!(casting.warnings, Vec::<String>::new());
}

#[test]
fn a_loop_beyond_the_limits_is_used_only_alone_and_announced() {
    let far = vec![looped(1, Category::Drums, 100.0, 2)];
    let casting = check(vec![query(Role::Break, &[], &[])], vec![far], &[&[1]]);
    assert!(casting.warnings[0].contains("stretched by -23 %"), "{:?}", casting.warnings);
}

#[test]
fn a_tonal_loop_moves_to_the_key_by_three_semitones_at_most() {
    let mut near = looped(1, Category::Pad, 130.0, 4);
    of(&mut near).facts.key = Some("B minor".parse().unwrap());
    of(&mut near).facts.key_confidence = 1.0;
    let mut far = looped(2, Category::Pad, 130.0, 4);
    of(&mut far).facts.key = Some("D# minor".parse().unwrap());
    of(&mut far).facts.key_confidence = 1.0;
    let both = vec![far.clone(), near];
    let casting = check(vec![query(Role::Pad, &[], &[])], vec![both], &[&[1]]);
    assert!((casting.parts[0].stems[0].semitones + 2.0).abs() < 1e-12);
    // A tritone away, one semitone down or up is a neighbour on the wheel.
    let casting = check(vec![query(Role::Pad, &[], &[])], vec![vec![far]], &[&[2]]);
    assert!((casting.parts[0].stems[0].semitones.abs() - 1.0).abs() < 1e-12);
}

#[test]
fn the_bass_whose_root_reaches_the_notes_is_cast() {
    let bass = |id, root| {
        let mut bass = candidate(id, Category::Bass, Form::OneShot);
        of(&mut bass).facts.root = Some(root);
        bass
    };
    let basses = vec![bass(1, 47.0), bass(2, 33.0), bass(3, 22.0)];
    check(vec![query(Role::Bass, &[], &[33, 36])], vec![basses], &[&[2]]);
}

#[test]
fn a_pad_lasts_as_long_as_its_notes() {
    let pad = |id, duration_s| {
        let mut pad = candidate(id, Category::Pad, Form::OneShot);
        of(&mut pad).facts.root = Some(57.0);
        of(&mut pad).facts.duration_s = duration_s;
        pad
    };
    let mut held = query(Role::Pad, &[], &[57]);
    held.notes[0].length = 8.0;
    check(vec![held.clone()], vec![vec![pad(1, 0.4), pad(2, 4.0)]], &[&[2]]);
    // Short notes do not ask for it.
    held.notes[0].length = 0.5;
    check(vec![held], vec![vec![pad(1, 0.4), pad(2, 4.0)]], &[&[1]]);
}

/// A stem with that root and those shares of pitch classes, the others little.
fn sounding(id: i64, category: Category, root: Option<f64>, shares: &[(usize, f32)]) -> Candidate {
    let mut candidate = candidate(id, category, Form::OneShot);
    let mut pitch_classes = [0.02; 12];
    for (class, share) in shares {
        pitch_classes[*class] = *share;
    }
    let facts = &mut of(&mut candidate).facts;
    facts.root = root;
    facts.profile = Some(Profile { pitch_classes, ..Profile::default() });
    candidate
}

#[test]
fn a_tone_with_a_foreign_third_comes_after_a_pure_one() {
    // A, with the C# of its metal; the plan is in A minor.
    let drones = || {
        vec![
            sounding(1, Category::Atmo, Some(45.0), &[(9, 0.5), (1, 0.3)]),
            sounding(2, Category::Atmo, Some(45.0), &[(9, 0.5), (4, 0.3)]),
        ]
    };
    check(vec![query(Role::Drone, &[], &[45])], vec![drones()], &[&[2]]);
}

#[test]
fn a_texture_is_in_the_key_by_what_stands_out_of_it() {
    let texture = |id, shares: &[(usize, f32)]| {
        let mut texture = sounding(id, Category::Atmo, None, shares);
        of(&mut texture).facts.key = Some("A minor".parse().unwrap());
        of(&mut texture).facts.key_confidence = 0.8;
        texture
    };
    // Both are said to be in A minor; the first is C# and F# wherever it is moved to.
    let far = texture(1, &[(1, 0.4), (2, 0.3), (3, 0.2)]);
    let near = texture(2, &[(9, 0.4), (4, 0.4)]);
    check(vec![query(Role::Drone, &[], &[])], vec![vec![far, near]], &[&[2]]);
}

#[test]
fn a_chord_has_the_third_of_a_key_on_its_root_and_else_an_open_one() {
    let tones = |root, key: Option<&str>| {
        let mut candidate = candidate(1, Category::Synth, Form::OneShot);
        let stab = of(&mut candidate);
        stab.tags = vec!["chord".to_owned()];
        stab.facts.root = Some(root);
        stab.facts.key = key.map(|key| key.parse().unwrap());
        score::chord(stab)
    };
    assert_eq!(tones(57.02, Some("A minor")), [0, 3, 7]);
    assert_eq!(tones(56.98, Some("A major")), [0, 4, 7]);
    assert_eq!(tones(57.0, Some("C major")), [0, 7]);
    assert_eq!(tones(57.0, None), [0, 7]);
}

#[test]
fn a_chord_with_the_wrong_third_comes_after_an_open_one() {
    let stab = |id, key: &str, similarity| {
        let mut candidate = candidate(id, Category::Synth, Form::OneShot);
        candidate.similarity = similarity;
        of(&mut candidate).tags = vec!["chord".to_owned()];
        of(&mut candidate).facts.root = Some(57.0);
        of(&mut candidate).facts.key = Some(key.parse().unwrap());
        candidate
    };
    let mut chords = query(Role::Chords, &[], &[57, 60, 64]);
    for note in &mut chords.notes {
        note.beat = 0.0;
    }
    let lists = || vec![vec![stab(1, "A major", 1.0), stab(2, "C major", 0.0)]];
    check(vec![chords.clone()], lists(), &[&[2]]);
    chords.notes[1].pitch = Some(61);
    check(vec![chords], lists(), &[&[1]]);
}

#[test]
fn what_cannot_play_in_tune_gives_way_to_a_nearer_role_and_is_played_only_where_it_must() {
    let lead = || vec![candidate(1, Category::Lead, Form::OneShot)];
    let mut rooted = candidate(2, Category::Synth, Form::OneShot);
    of(&mut rooted).facts.root = Some(57.0);
    let mut hook = query(Role::Lead, &[], &[57, 60]);
    check(vec![hook.clone()], vec![lead()], &[&[1]]);
    let stab = query(Role::Stab, &[], &[57]);
    check(vec![hook.clone(), stab], vec![lead(), vec![rooted]], &[&[2], &[2]]);
    hook.required = false;
    let left_out = check(vec![hook], vec![lead()], &[&[]]);
    assert_eq!(left_out.warnings, ["lead: no stem found that can play it, left out"]);
}

#[test]
fn tags_decide_among_equals() {
    let mut dark = candidate(2, Category::Kick, Form::OneShot);
    of(&mut dark).tags = vec!["Dark".to_owned()];
    let kicks = vec![candidate(1, Category::Kick, Form::OneShot), dark];
    check(vec![query(Role::Kick, &["dark"], &[0])], vec![kicks], &[&[2]]);
}

#[test]
fn like_parts_prefer_different_stems() {
    let percs = || (1..=2).map(|id| candidate(id, Category::Percussion, Form::OneShot)).collect();
    let queries = vec![query(Role::Perc, &["a"], &[0]), query(Role::Perc, &["b"], &[0])];
    let plan = plan(queries);
    let casting = cast(&plan, &shortlist(&plan, vec![percs(), percs()]), Seed(1)).unwrap().casting;
    assert_ne!(chosen(&casting)[0], chosen(&casting)[1]);
}

#[test]
fn a_part_without_candidates_borrows_or_is_left_out_loudly() {
    let snares = vec![candidate(1, Category::Snare, Form::OneShot)];
    let queries = vec![
        query(Role::Snare, &[], &[0]),
        query(Role::Clap, &[], &[0]),
        query(Role::Bass, &[], &[33]),
    ];
    let casting = check(queries, vec![snares, vec![], vec![]], &[&[1], &[1], &[]]);
    assert_eq!(casting.warnings[0], "clap: no stem found, played by a snare stem");
    assert!(casting.warnings[1].starts_with("bass: REQUIRED"), "{:?}", casting.warnings);
}

#[test]
fn an_empty_shortlist_is_an_error() {
    let plan = plan(vec![query(Role::Kick, &[], &[0])]);
    assert_eq!(cast(&plan, &Shortlist::default(), Seed(1)), Err(Error::NoStems));
}

#[test]
fn another_seed_gives_another_choice_among_equals_and_the_same_seed_the_same() {
    let plan = plan(vec![query(Role::Kick, &[], &[0])]);
    let kicks = (1..=6).map(|id| candidate(id, Category::Kick, Form::OneShot)).collect();
    let shortlist = shortlist(&plan, vec![kicks]);
    let by = |seed| chosen(&cast(&plan, &shortlist, Seed(seed)).unwrap().casting)[0][0];
    assert_eq!(by(1), by(1));
    let mut all: Vec<i64> = (0..20).map(by).collect();
    all.sort_unstable();
    all.dedup();
    assert!(all.len() >= 4, "{all:?}");
}

#[test]
fn layers_share_the_form_and_the_level() {
    let mut kick = query(Role::Kick, &[], &[0]);
    kick.count = 2;
    let kicks = vec![
        candidate(1, Category::Kick, Form::OneShot),
        candidate(2, Category::Kick, Form::OneShot),
        looped(3, Category::Kick, 130.0, 1),
    ];
    let plan = plan(vec![kick]);
    let casting = cast(&plan, &shortlist(&plan, vec![kicks]), Seed(1)).unwrap().casting;
    let stems = &casting.parts[0].stems;
    assert_eq!(stems.len(), 2);
    assert!(stems.iter().all(|stem| stem.form == Form::OneShot));
    assert!((stems[0].gain_db + 3.0103).abs() < 1e-3);
}

#[test]
fn a_casting_survives_json() {
    let plan = plan(vec![query(Role::Kick, &[], &[0])]);
    let kicks = vec![candidate(1, Category::Kick, Form::OneShot)];
    let casting = cast(&plan, &shortlist(&plan, vec![kicks]), Seed(1)).unwrap().casting;
    let json = serde_json::to_string(&casting).unwrap();
    assert_eq!(serde_json::from_str::<Casting>(&json).unwrap(), casting);
}

#[test]
fn spellings_of_a_tag_agree_and_hats_are_told_apart() {
    let hat = |id, tags: &[&str]| {
        let mut hat = candidate(id, Category::Hihat, Form::OneShot);
        of(&mut hat).tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        hat
    };
    let hats = || vec![hat(1, &["open"]), hat(2, &["closed", "lofi"]), hat(3, &["closed"])];
    check(vec![query(Role::Hat, &["lo-fi"], &[0])], vec![hats()], &[&[2]]);
    check(vec![query(Role::OpenHat, &["lo-fi"], &[0])], vec![hats()], &[&[1]]);
}

/// A candidate of that name with those tags.
fn tagged(id: i64, category: Category, form: Form, name: &str, tags: &str) -> Candidate {
    let mut candidate = candidate(id, category, form);
    of(&mut candidate).name = name.to_owned();
    of(&mut candidate).tags = tags.split_whitespace().map(str::to_owned).collect();
    candidate
}

#[test]
fn the_kind_a_role_asks_for_counts_more_than_style_and_words() {
    let effects = || {
        vec![
            tagged(1, Category::Fx, Form::Free, "a", "reverse crash trance"),
            tagged(2, Category::Fx, Form::Free, "b", "sub_drop deep techno dark"),
        ]
    };
    let dark = ["techno", "dark"];
    let casting = check(vec![query(Role::Reverse, &dark, &[])], vec![effects()], &[&[1]]);
    assert!(casting.warnings.is_empty(), "{:?}", casting.warnings);
    let only = vec![effects().remove(1)];
    let casting = check(vec![query(Role::Reverse, &dark, &[])], vec![only], &[&[2]]);
    assert!(casting.warnings[0].contains("none found"), "{:?}", casting.warnings);
    // A name will do; what nothing is known of plays before a neighbour's kind.
    let toms = vec![
        tagged(1, Category::Percussion, Form::OneShot, "Shaker 3", ""),
        tagged(2, Category::Percussion, Form::OneShot, "P 17", ""),
        tagged(3, Category::Percussion, Form::OneShot, "Low Tom 2.wav", ""),
    ];
    check(vec![query(Role::Tom, &[], &[0])], vec![toms.clone()], &[&[3]]);
    check(vec![query(Role::Tom, &[], &[0])], vec![toms[..2].to_vec()], &[&[2]]);
}

#[test]
fn the_own_style_plays_before_none_and_none_before_another() {
    let kick = |id, tags| tagged(id, Category::Kick, Form::OneShot, "k", tags);
    let kicks = vec![kick(1, "trance"), kick(2, ""), kick(3, "D&B tight")];
    let ask = || vec![query(Role::Kick, &["dnb"], &[0])];
    check(ask(), vec![kicks.clone()], &[&[3]]);
    check(ask(), vec![kicks[..2].to_vec()], &[&[2]]);
    // Made for one style rather than for many.
    check(ask(), vec![vec![kick(1, "dnb lofi techno"), kick(2, "dnb")]], &[&[2]]);
}

#[test]
fn harsh_sounds_play_where_they_are_asked_for() {
    let snare = |id, tags| tagged(id, Category::Snare, Form::OneShot, "s", tags);
    let snares = || vec![snare(1, "techno distorted"), snare(2, "techno")];
    check(vec![query(Role::Snare, &["techno"], &[0])], vec![snares()], &[&[2]]);
    let asked = ["techno", "distorted"];
    check(vec![query(Role::Snare, &asked, &[0])], vec![snares()], &[&[1]]);
}

/// Gives a candidate a profile of those pitch classes and bands.
fn heard(mut candidate: Candidate, classes: &[usize], bands: &[usize]) -> Candidate {
    let share = |list: &[usize], i| if list.contains(&i) { 1.0 / list.len() as f32 } else { 0.0 };
    of(&mut candidate).facts.profile = Some(Profile {
        pitch_classes: std::array::from_fn(|i| share(classes, i)),
        bark: std::array::from_fn(|i| share(bands, i)),
        rhythm: None,
    });
    candidate
}

/// Gives a loop onsets on those steps, late by so many milliseconds.
fn played(candidate: Candidate, steps: &[usize], late_ms: f32) -> Candidate {
    let mut candidate = heard(candidate, &[], &[20]);
    let share = 1.0 / steps.len() as f32;
    let rhythm = Rhythm {
        high: std::array::from_fn(|step| if steps.contains(&step) { share } else { 0.0 }),
        late_ms,
        tight: if late_ms.abs() < 15.0 { 1.0 } else { 0.2 },
        ..Rhythm::default()
    };
    if let Some(profile) = &mut of(&mut candidate).facts.profile {
        profile.rhythm = Some(rhythm);
    }
    candidate
}

#[test]
fn a_texture_is_chosen_and_moved_by_how_it_sounds_with_the_notes() {
    let pad = |id| looped(id, Category::Pad, 130.0, 4);
    let bass = || vec![candidate(9, Category::Bass, Form::OneShot)];
    let queries = || vec![query(Role::Bass, &[], &[33, 40]), query(Role::Pad, &[], &[])];
    let (am, cluster) = ([9, 0, 4], [9, 10, 11, 0]);
    let pads = vec![heard(pad(1), &cluster, &[5]), heard(pad(2), &am, &[5])];
    check(queries(), vec![bass(), pads], &[&[9], &[2]]);
    // A minor, a tone too high.
    let high = vec![heard(pad(1), &am.map(|class| (class + 2) % 12), &[5])];
    let casting = check(queries(), vec![bass(), high], &[&[9], &[1]]);
    assert!((casting.parts[1].stems[0].semitones + 2.0).abs() < 1e-12);
}

#[test]
fn a_late_loop_gives_way_to_one_on_the_grid() {
    let perc = |id, late| played(looped(id, Category::Percussion, 130.0, 1), &[0, 3, 6, 10], late);
    check(vec![query(Role::Perc, &[], &[])], vec![vec![perc(1, 25.0), perc(2, 1.0)]], &[&[2]]);
}

#[test]
fn a_loop_plays_in_place_of_notes_that_it_plays() {
    let ask = || vec![query(Role::Perc, &["metal"], &[0, 0, 0, 0])];
    let loop_on = |steps: &[usize]| {
        let mut perc = played(looped(1, Category::Percussion, 130.0, 1), steps, 0.0);
        of(&mut perc).tags = vec!["metal".to_owned()];
        vec![perc, candidate(2, Category::Percussion, Form::OneShot)]
    };
    let casting = check(ask(), vec![loop_on(&[0, 4, 8, 12])], &[&[1]]);
    assert_eq!(casting.warnings, [""; 0]);
    check(ask(), vec![loop_on(&[1, 5, 11])], &[&[2]]);
    // Not the kick: fills and the groove of a track hang on its hits.
    let kick = played(looped(1, Category::Kick, 130.0, 1), &[0, 4, 8, 12], 0.0);
    let kicks = vec![kick, candidate(2, Category::Kick, Form::OneShot)];
    check(vec![query(Role::Kick, &[], &[0, 0, 0, 0])], vec![kicks], &[&[2]]);
}

#[test]
fn a_part_that_need_not_play_is_left_out_where_it_clashes() {
    let bass = || vec![candidate(9, Category::Bass, Form::OneShot)];
    let cluster = vec![heard(looped(1, Category::Pad, 130.0, 4), &[8, 9, 10, 11, 0, 1], &[5])];
    let queries = |required| {
        let pad = StemQuery { required, ..query(Role::Pad, &[], &[]) };
        vec![query(Role::Bass, &[], &[33, 40]), pad]
    };
    check(queries(true), vec![bass(), cluster.clone()], &[&[9], &[1]]);
    let casting = check(queries(false), vec![bass(), cluster], &[&[9], &[]]);
    let reason = "pad: every stem clashes with the others, left out";
    assert_eq!(casting.warnings.last().map(String::as_str), Some(reason));
}

#[test]
fn what_runs_is_brought_into_tune() {
    let mut pad = heard(looped(1, Category::Pad, 130.0, 4), &[9, 0, 4], &[5]);
    of(&mut pad).facts.tuning_cents = Some(40.0);
    let bass = vec![candidate(9, Category::Bass, Form::OneShot)];
    let queries = vec![query(Role::Bass, &[], &[33, 40]), query(Role::Pad, &[], &[])];
    let casting = check(queries, vec![bass, vec![pad]], &[&[9], &[1]]);
    assert!((casting.parts[1].stems[0].semitones + 0.4).abs() < 1e-6);
}

#[test]
fn the_slices_of_a_break_are_cut_from_a_loop() {
    let drums =
        vec![candidate(1, Category::Drums, Form::OneShot), looped(2, Category::Drums, 130.0, 2)];
    let casting = check(vec![query(Role::Break, &[], &[36, 40])], vec![drums], &[&[2]]);
    assert_eq!(casting.warnings, [""; 0]);
}

#[test]
fn a_stem_finds_room_beside_those_before_it() {
    let bass = vec![heard(candidate(9, Category::Bass, Form::OneShot), &[9], &[2, 3])];
    let pad = |id, bands: &[usize]| heard(looped(id, Category::Pad, 130.0, 4), &[9, 0, 4], bands);
    let pads = vec![pad(1, &[2, 3]), pad(2, &[8, 9])];
    let queries = vec![query(Role::Bass, &[], &[33]), query(Role::Pad, &[], &[])];
    check(queries, vec![bass, pads], &[&[9], &[2]]);
}

#[test]
fn what_the_prompt_wishes_outweighs_style_but_not_kind() {
    let hat = |id, tags: &str, wish| Candidate {
        wish,
        ..tagged(id, Category::Hihat, Form::OneShot, "h", tags)
    };
    let ask = || vec![query(Role::Hat, &["techno"], &[0])];
    check(ask(), vec![vec![hat(1, "closed techno", -1.0), hat(2, "closed house", 1.5)]], &[&[2]]);
    check(ask(), vec![vec![hat(1, "closed techno", 0.0), hat(2, "open techno", 2.0)]], &[&[1]]);
}

#[test]
fn a_sound_that_the_prompt_names_goes_before_chance_and_style() {
    let bass = |id, tags: &str| tagged(id, Category::Bass, Form::OneShot, "b", tags);
    let mut plan = plan(vec![query(Role::Bass, &["techno", "acid"], &[])]);
    plan.prompt = "techno with acid bass".to_owned();
    let basses = || vec![bass(1, "techno"), bass(2, "acid house"), bass(3, "techno")];
    for seed in 1..=20 {
        let cast = cast(&plan, &shortlist(&plan, vec![basses()]), Seed(seed)).unwrap();
        assert_eq!(chosen(&cast.casting), [[2]], "{seed}");
    }
}

#[test]
fn a_chord_plays_no_melody() {
    let lead = |id, tags: &str| {
        let mut stem = tagged(id, Category::Lead, Form::OneShot, "l", tags);
        of(&mut stem).facts.root = Some(69.0);
        stem
    };
    let leads = || vec![lead(1, "chord"), lead(2, "")];
    check(vec![query(Role::Lead, &[], &[69, 72])], vec![leads()], &[&[2]]);
}

#[test]
fn the_explanation_names_the_choice_and_the_three_best_losers() {
    let plan = plan(vec![query(Role::Kick, &[], &[0]), query(Role::Bass, &[], &[33])]);
    let kicks = (1..=6).map(|id| candidate(id, Category::Kick, Form::OneShot)).collect();
    let cast = cast(&plan, &shortlist(&plan, vec![kicks, vec![]]), Seed(1)).unwrap();
    let [kick, bass] = &cast.explanation[..] else { panic!("{:?}", cast.explanation) };
    assert_eq!(kick.part, cast.casting.parts[0].part);
    let chosen = &cast.casting.parts[0].stems[0];
    assert_eq!((kick.chosen[0].id, &kick.chosen[0].why), (chosen.id, &chosen.why));
    assert!((kick.chosen[0].why.values().sum::<f64>() - chosen.score).abs() < 1e-3);
    assert_eq!(kick.losers.len(), 3);
    assert!(kick.losers.iter().all(|loser| loser.id != chosen.id && loser.score <= chosen.score));
    assert!(kick.losers.is_sorted_by(|a, b| a.score >= b.score));
    assert!(bass.chosen.is_empty() && bass.losers.is_empty());
}
