use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};

use dream_core::{Bpm, Mode, Role, StemQuery, TransitionKind};
use proptest::prelude::*;

use super::*;
use crate::genre::{self, Genre};

const SEEDS: [u64; 4] = [1, 2, 7, 42];

/// Every genre with a few seeds.
fn each(mut judge: impl FnMut(&'static Genre, &ArrangementPlan)) {
    static PLANS: OnceLock<Vec<(&'static Genre, ArrangementPlan)>> = OnceLock::new();
    let plans = PLANS.get_or_init(|| {
        let of = |genre: &'static Genre, seed| (genre, plan(&Prompt::parse(&genre.words[0]), seed));
        let seeds =
            |genre: &'static Arc<Genre>| SEEDS.into_iter().map(move |seed| of(genre, Seed(seed)));
        genre::all().iter().flat_map(seeds).collect()
    });
    for (genre, plan) in plans {
        judge(genre, plan);
    }
}

fn notes(section: &Section, role: Role) -> impl Iterator<Item = &Note> {
    let own = section.stem_queries.iter().filter(move |query| query.role == role);
    own.flat_map(|query| &query.notes)
}

fn is_drum(role: Role) -> bool {
    role < Role::Break
}

fn is_fill(kind: TransitionKind) -> bool {
    matches!(kind, TransitionKind::FillA | TransitionKind::FillB | TransitionKind::FillC)
}

/// The bars of a section without a fill.
fn plain_bars(section: &Section) -> Vec<u32> {
    let filled: BTreeSet<u32> = section
        .transitions
        .iter()
        .filter(|one| is_fill(one.kind) || one.kind == TransitionKind::Silence)
        .map(|one| one.bar as u32)
        .collect();
    (0..section.bars).filter(|bar| !filled.contains(bar)).collect()
}

/// Sixteenths of a bar with an onset of the role.
fn steps(section: &Section, role: Role, bar: u32) -> Vec<u32> {
    let start = f64::from(bar) * 4.0;
    let inside = notes(section, role).filter(|note| (start..start + 4.0).contains(&note.beat));
    inside.map(|note| ((note.beat - start) * 4.0).round() as u32).collect()
}

fn is_full(genre: &Genre, section: &Section) -> bool {
    let spec = genre.sections.iter().find(|spec| spec.name == section.section);
    spec.is_some_and(|spec| matches!(spec.kind, SectionKind::Groove | SectionKind::Drop))
        && notes(section, Role::Kick).next().is_some()
}

#[test]
fn every_genre_gives_a_valid_plan_of_its_own_form() {
    each(|genre, plan| {
        assert_eq!(plan.validate(), Ok(()), "{}", genre.name);
        let own: u32 = genre.sections.iter().map(|section| section.bars).sum();
        assert_eq!(plan.total_bars, own);
        let minutes = plan.estimated_duration_s / 60.0;
        assert!((5.0..=8.0).contains(&minutes), "{}: {minutes} min", genre.name);
    });
}

#[test]
fn the_same_seed_gives_the_same_plan_and_another_seed_another() {
    for genre in genre::all() {
        let prompt = Prompt::parse(&genre.words[0]);
        assert_eq!(plan(&prompt, Seed(5)), plan(&prompt, Seed(5)));
        let (one, other) = (plan(&prompt, Seed(5)), plan(&prompt, Seed(6)));
        assert_ne!(one.structure, other.structure, "{}", genre.name);
    }
}

#[test]
fn one_lane_keeps_its_sound_through_the_track() {
    each(|genre, plan| {
        for role in [Role::Kick, Role::Bass, Role::Hat, Role::Clap, Role::Pad] {
            let count = plan.parts().iter().filter(|part| part.role == role).count();
            assert!(count <= 1, "{}: {count} x {role}", genre.name);
        }
    });
}

#[test]
fn drops_have_up_to_twelve_layers_and_intros_up_to_seven() {
    each(|genre, plan| {
        for (section, spec) in plan.structure.iter().zip(&genre.sections) {
            let most = if spec.kind == SectionKind::Intro { 7 } else { 12 };
            for bar in plain_bars(section) {
                let layers: BTreeSet<_> = section
                    .stem_queries
                    .iter()
                    .filter(|query| (query.enter_bar..query.leave_bar).contains(&bar))
                    .filter(|query| query.role < Role::Riser || query.role == Role::Vocal)
                    .map(StemQuery::part)
                    .collect();
                let place =
                    format!("{} {} bar {bar}: {}", genre.name, section.section, layers.len());
                // A drum that fills now and then is not a layer; its query may span the section.
                assert!(layers.len() <= most + 2, "{place}");
            }
        }
    });
}

#[test]
fn the_kick_keeps_the_floor() {
    let floors = [
        ("industrial techno", 0.85),
        ("techno", 0.9),
        ("hard techno", 0.95),
        ("minimal", 0.9),
        ("dub techno", 0.9),
        ("house", 0.9),
        ("deep house", 0.9),
        ("trance", 0.95),
    ];
    each(|genre, plan| {
        let Some((_, floor)) = floors.iter().find(|(name, _)| *name == genre.name) else { return };
        let (mut quarters, mut kicked) = (0, 0);
        for section in plan.structure.iter().filter(|section| is_full(genre, section)) {
            for bar in plain_bars(section) {
                let steps = steps(section, Role::Kick, bar);
                quarters += 4;
                kicked += [0, 4, 8, 12].iter().filter(|step| steps.contains(step)).count();
            }
        }
        let share = kicked as f64 / f64::from(quarters);
        assert!(share >= *floor, "{}: {share:.3}", genre.name);
    });
}

#[test]
fn broken_beats_keep_their_backbeat() {
    each(|genre, plan| {
        if !matches!(genre.name.as_str(), "drum and bass" | "breakbeat" | "lofi") {
            return;
        }
        let (mut bars, mut one, mut backbeat) = (0.0, 0.0, 0.0);
        for section in plan.structure.iter().filter(|section| is_full(genre, section)) {
            for bar in plain_bars(section) {
                bars += 1.0;
                one += f64::from(u8::from(steps(section, Role::Kick, bar).contains(&0)));
                let snare = steps(section, Role::Snare, bar);
                backbeat += f64::from(u8::from(snare.contains(&4) && snare.contains(&12)));
            }
        }
        assert!(one / bars >= 0.8, "{}: kick on one {:.2}", genre.name, one / bars);
        assert!(backbeat / bars >= 0.75, "{}: backbeat {:.2}", genre.name, backbeat / bars);
    });
}

/// Longuet-Higgins and Lee's syncopation of the onsets of a bar, cyclic.
fn syncopation(onsets: &[u32]) -> i32 {
    const WEIGHTS: [i32; 16] = [0, -4, -3, -4, -2, -4, -3, -4, -1, -4, -3, -4, -2, -4, -3, -4];
    let sounds = |step: u32| onsets.contains(&(step % 16));
    onsets
        .iter()
        .map(|&onset| {
            let rests = (onset + 1..onset + 16).take_while(|step| !sounds(*step));
            let strongest = rests.map(|step| WEIGHTS[step as usize % 16]).max().unwrap_or(-9);
            (strongest - WEIGHTS[onset as usize % 16]).max(0)
        })
        .sum()
}

#[test]
fn kicks_are_as_syncopated_as_their_genre() {
    assert_eq!(syncopation(&[2, 6, 10, 14]), 7, "the off-beat bass of the definition");
    each(|genre, plan| {
        let mut values: Vec<i32> = plan
            .structure
            .iter()
            .filter(|section| is_full(genre, section))
            .flat_map(|section| {
                let bars = plain_bars(section).into_iter();
                bars.map(|bar| syncopation(&steps(section, Role::Kick, bar))).collect::<Vec<_>>()
            })
            .collect();
        values.sort_unstable();
        let Some(median) = values.get(values.len() / 2) else { return };
        let most = match genre.name.as_str() {
            "drum and bass" | "breakbeat" | "lofi" => 6,
            _ => 0,
        };
        assert!(*median <= most, "{}: {median}", genre.name);
    });
}

#[test]
fn drums_are_neither_empty_nor_crowded() {
    each(|genre, plan| {
        for section in plan.structure.iter().filter(|section| is_full(genre, section)) {
            let queries = section.stem_queries.iter().filter(|query| is_drum(query.role));
            let hits: usize = queries.map(|query| query.notes.len()).sum();
            let density = hits as f64 / f64::from(section.bars);
            let place = format!("{} {}: {density:.1} hits a bar", genre.name, section.section);
            assert!((7.0..=50.0).contains(&density), "{place}");
        }
    });
}

#[test]
fn fills_never_repeat_and_lead_into_a_kick() {
    each(|genre, plan| {
        let mut last = None;
        for section in &plan.structure {
            for fill in section.transitions.iter().filter(|one| is_fill(one.kind)) {
                assert_ne!(Some(fill.kind), last, "{} {}", genre.name, section.section);
                last = Some(fill.kind);
                let end = fill.bar * 4.0 + fill.beats;
                assert!((end % 4.0).abs() < 1e-9, "a fill ends on a bar line");
                let kicks = || notes(section, Role::Kick);
                let goes_on = kicks().any(|note| note.beat > end);
                let hits = kicks().any(|note| (note.beat - end).abs() < 1e-9);
                assert!(hits || !goes_on, "{} {} after {}", genre.name, section.section, fill.bar);
            }
        }
    });
}

#[test]
fn bass_rests_under_fills() {
    each(|_, plan| {
        for section in &plan.structure {
            for fill in section.transitions.iter().filter(|one| is_fill(one.kind)) {
                let (from, to) = (fill.bar * 4.0, fill.bar * 4.0 + fill.beats);
                let sounds =
                    |note: &&Note| note.beat < to - 1e-9 && note.beat + note.length > from + 1e-9;
                assert_eq!(notes(section, Role::Bass).find(sounds), None);
            }
        }
    });
}

#[test]
fn nothing_plays_in_the_silence_before_a_drop() {
    each(|genre, plan| {
        for section in &plan.structure {
            let silences =
                section.transitions.iter().filter(|one| one.kind == TransitionKind::Silence);
            for silence in silences {
                let from = silence.bar * 4.0;
                let mut all = section.stem_queries.iter().flat_map(|query| &query.notes);
                let sounds = all.find(|note| note.beat + note.length > from + 1e-9);
                assert_eq!(sounds, None, "{} {}", genre.name, section.section);
            }
        }
    });
}

#[test]
fn risers_end_and_impacts_start_with_their_section() {
    each(|_, plan| {
        for section in &plan.structure {
            for one in &section.transitions {
                let end = one.bar + one.beats / 4.0;
                match one.kind {
                    TransitionKind::Riser | TransitionKind::Reverse | TransitionKind::SnareRoll => {
                        assert!((end - f64::from(section.bars)).abs() < 1e-9);
                    }
                    TransitionKind::Impact | TransitionKind::Crash => assert!(one.bar < 1e-9),
                    _ => {}
                }
                let sounds =
                    |role: Role| section.stem_queries.iter().any(|query| query.role == role);
                assert!(one.kind != TransitionKind::Riser || sounds(Role::Riser));
                assert!(one.kind != TransitionKind::Crash || sounds(Role::Crash));
            }
        }
    });
}

#[test]
fn breakdowns_have_no_kick_and_ambient_no_drums() {
    each(|genre, plan| {
        for (section, spec) in plan.structure.iter().zip(&genre.sections) {
            if spec.kind == SectionKind::Break {
                assert_eq!(notes(section, Role::Kick).next(), None, "{}", section.section);
            }
            if genre.name == "ambient" {
                assert!(section.stem_queries.iter().all(|query| !is_drum(query.role)));
                assert!(section.transitions.is_empty());
            }
        }
    });
}

#[test]
fn pitches_stay_in_the_scale_and_in_their_register() {
    each(|genre, plan| {
        let prompt = Prompt::parse(&genre.words[0]);
        let ladder = Setting::new(&prompt, Seed(plan.seed)).ladder;
        for section in &plan.structure {
            // The pitches of a break name its slices.
            let tonal = section.stem_queries.iter().filter(|query| query.role != Role::Break);
            let pitched = tonal.flat_map(|query| {
                query.notes.iter().filter_map(move |note| Some((query.role, note.pitch?)))
            });
            for (role, pitch) in pitched {
                let (pitch, place) = (i32::from(pitch), format!("{} {role} {pitch}", genre.name));
                assert!(ladder.contains(pitch), "{place} not in {ladder:?}");
                let (low, high) = match role {
                    Role::Bass | Role::Sub => (24, 68),
                    Role::Lead => (genre.hook_register[0], genre.hook_register[1]),
                    _ => (36, 100),
                };
                assert!((low..=high).contains(&pitch), "{place}");
            }
        }
    });
}

#[test]
fn the_bass_leaves_the_kick_alone_where_the_genre_wants_it() {
    each(|genre, plan| {
        for section in plan.structure.iter().filter(|section| is_full(genre, section)) {
            let kicks: Vec<f64> = notes(section, Role::Kick).map(|note| note.beat).collect();
            let bass: Vec<f64> = notes(section, Role::Bass).map(|note| note.beat).collect();
            let meets = |beat: &&f64| kicks.iter().any(|kick| (kick - **beat).abs() < 1e-9);
            let share = bass.iter().filter(meets).count() as f64 / bass.len().max(1) as f64;
            let most = genre.bass_on_kick;
            assert!(share <= most + 0.1, "{} {}: {share:.2}", genre.name, section.section);
        }
    });
}

/// The rank of the planned key among all 24 by Krumhansl and Kessler's profiles of the pitched notes.
fn key_rank(plan: &ArrangementPlan) -> usize {
    const MAJOR: [f64; 12] =
        [6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88];
    const MINOR: [f64; 12] =
        [6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17];
    let mut histogram = [0.0; 12];
    for query in plan.structure.iter().flat_map(|section| &section.stem_queries) {
        for note in &query.notes {
            if let Some(pitch) = note.pitch {
                histogram[usize::from(pitch) % 12] += note.length * note.velocity;
            }
        }
    }
    let correlation = |tonic: usize, profile: &[f64; 12]| {
        let mean = |values: &[f64; 12]| values.iter().sum::<f64>() / 12.0;
        let (mx, my) = (mean(&histogram), mean(profile));
        let pairs = (0..12).map(|pc| (histogram[(pc + tonic) % 12] - mx, profile[pc] - my));
        let (mut xy, mut xx, mut yy) = (0.0, 0.0, 0.0);
        for (x, y) in pairs {
            (xy, xx, yy) = (xy + x * y, xx + x * x, yy + y * y);
        }
        xy / (xx * yy).sqrt().max(1e-12)
    };
    let key = plan.key.unwrap();
    let profile = |mode| if mode == Mode::Major { &MAJOR } else { &MINOR };
    let own = correlation(key.tonic.index() as usize, profile(key.mode));
    let all = (0..12).flat_map(|tonic| [Mode::Major, Mode::Minor].map(|mode| (tonic, mode)));
    all.filter(|(tonic, mode)| correlation(*tonic, profile(*mode)) > own).count() + 1
}

#[test]
fn the_notes_speak_for_the_planned_key() {
    let (mut count, mut found) = (0, 0);
    each(|genre, plan| {
        if genre.name != "industrial techno" {
            count += 1;
            found += usize::from(key_rank(plan) <= 2);
        }
    });
    assert!(found * 100 >= count * 85, "{found} of {count} in the first two");
}

#[test]
fn something_changes_at_each_phrase_line() {
    each(|genre, plan| {
        let (mut lines, mut changed) = (0, 0);
        for section in plan.structure.iter().filter(|section| is_full(genre, section)) {
            // What plays in the first three bars of a phrase.
            let phrase = |first: u32| -> Vec<(usize, u64, u64)> {
                let (from, to) = (f64::from(first) * 4.0, f64::from(first) * 4.0 + 12.0);
                let mut events = Vec::new();
                for (at, query) in section.stem_queries.iter().enumerate() {
                    if (query.enter_bar..query.leave_bar).contains(&first) {
                        events.push((at, 0, 0));
                    }
                    let inside = query.notes.iter().filter(|note| (from..to).contains(&note.beat));
                    events.extend(inside.map(|note| {
                        (at, ((note.beat - from) * 96.0) as u64, (note.velocity * 100.0) as u64)
                    }));
                }
                events
            };
            for line in (genre.phrase_bars..section.bars).step_by(genre.phrase_bars as usize) {
                lines += 1;
                changed += usize::from(phrase(line) != phrase(line - genre.phrase_bars));
            }
        }
        assert!(changed * 10 >= lines * 9, "{}: {changed} of {lines}", genre.name);
    });
}

#[test]
fn words_of_the_prompt_change_the_plan() {
    let of = |text: &str| plan(&Prompt::parse(text), Seed(3));
    let roles = |plan: &ArrangementPlan| -> BTreeSet<Role> {
        plan.structure.iter().flat_map(|one| &one.stem_queries).map(|query| query.role).collect()
    };
    assert_eq!(of("techno 137.5 bpm").bpm, Bpm::new(137.5).unwrap());
    assert_eq!(of("techno in F# minor").key.unwrap().to_string(), "F# minor");
    assert_eq!(of("atonal industrial techno").key, None);
    assert!(!roles(&of("techno without kick")).contains(&Role::Kick));
    assert!(!roles(&of("house, no vocals")).contains(&Role::Vocal));
    assert!(roles(&of("techno with vocals")).contains(&Role::Vocal));
    assert!(roles(&of("techno with snare")).contains(&Role::Snare));
    assert!(roles(&of("ambient with a soft kick")).contains(&Role::Kick));
    assert!(!roles(&of("ambient drone 70 bpm")).contains(&Role::Kick));
    assert!(of("groovy house").swing > of("house").swing);
    let drumless = of("techno, no drums");
    assert!(roles(&drumless).iter().all(|role| !is_drum(*role)), "{:?}", roles(&drumless));
    assert!(
        drumless.structure.iter().flat_map(|one| &one.transitions).all(|one| !is_fill(one.kind))
    );
    let acid = of("techno with acid bass");
    let bass = acid.parts().into_iter().find(|part| part.role == Role::Bass).unwrap();
    assert!(bass.tags.contains(&"acid".to_owned()) && bass.text.contains("acid"), "{bass:?}");
    let piano = of("house with piano");
    let chords = piano.parts().into_iter().find(|part| part.role == Role::Chords).unwrap();
    assert_eq!(chords.category.name(), "piano");
    let short = of("techno, 2 minutes");
    assert!((short.estimated_duration_s - 120.0).abs() <= 4.0 * 4.0 * 60.0 / 132.0);
}

/// A plan in a few lines.
fn summary(plan: &ArrangementPlan) -> String {
    let mut text = format!(
        "{}, {} bpm, {}, swing {}, {} bars, {:.2} min, {} LUFS\n",
        plan.genre,
        plan.bpm.get(),
        plan.key.unwrap(),
        plan.swing,
        plan.total_bars,
        plan.estimated_duration_s / 60.0,
        plan.loudness_lufs,
    );
    for section in &plan.structure {
        let queries: Vec<String> = section
            .stem_queries
            .iter()
            .map(|query| format!("{}@{}:{}", query.role, query.enter_bar + 1, query.notes.len()))
            .collect();
        let kinds: Vec<String> = section
            .transitions
            .iter()
            .map(|one| {
                format!(
                    "{}@{}",
                    serde_json::to_value(one.kind).unwrap().as_str().unwrap(),
                    one.bar + 1.0
                )
            })
            .collect();
        let (name, bars, energy) = (&section.section, section.bars, section.energy);
        writeln!(text, "{name} {bars} e{energy:.2}: {}\n  {}", queries.join(" "), kinds.join(" "))
            .unwrap();
    }
    text
}

#[test]
fn plans_are_as_they_were() {
    for genre in genre::all() {
        let plan = plan(&Prompt::parse(&genre.words[0]), Seed(1));
        insta::assert_snapshot!(genre.name.replace(' ', "_"), summary(&plan));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn every_prompt_gives_a_valid_plan(
        words in proptest::collection::vec(0_usize..24, 0..8),
        noise in ".{0,30}",
        bpm in 20.0_f64..400.0,
        minutes in proptest::option::of(0.1_f64..60.0),
        seed: u64,
    ) {
        const WORDS: [&str; 24] = [
            "techno", "industrial", "house", "ambient", "dnb", "lofi", "no", "without", "drums", "kick",
            "bass", "with vocals", "dark", "minimal", "melodic", "in F# major", "atonal", "trance", "acid",
            "hypnotic", "snare", "d dorian", "breakbeat", "schranz",
        ];
        let text: Vec<&str> = words.iter().map(|at| WORDS[*at]).collect();
        let mut prompt = Prompt::parse(&format!("{} {noise}", text.join(" ")));
        prompt.bpm = Bpm::new(bpm).ok();
        prompt.minutes = minutes;
        let plan = plan(&prompt, Seed(seed));
        prop_assert_eq!(plan.validate(), Ok(()));
    }
}
