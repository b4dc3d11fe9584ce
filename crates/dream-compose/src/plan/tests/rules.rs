//! The rules of a good arrangement, judged on every genre with several seeds.

use super::*;

/// Collects what breaks a rule; the share of `count` that may is in percent.
#[track_caller]
fn judge(count: usize, broken: &[String], most_percent: usize) {
    let few: Vec<&String> = broken.iter().take(12).collect();
    assert!(count > 0, "nothing was judged");
    assert!(broken.len() * 100 <= count * most_percent, "{} of {count}: {few:#?}", broken.len());
}

fn kind(genre: &Genre, section: &Section) -> SectionKind {
    genre.sections.iter().find(|spec| spec.name == section.section).unwrap().kind
}

/// What a phrase of a section plays, without its last bar, which may have a fill.
fn phrase(section: &Section, first: u32, bars: u32) -> Vec<(usize, u64, Option<u8>, u64)> {
    let (from, to) = (f64::from(first) * 4.0, f64::from(first + bars - 1) * 4.0);
    let mut events = Vec::new();
    for (at, query) in section.stem_queries.iter().enumerate() {
        if (query.enter_bar..query.leave_bar).contains(&first) {
            events.push((at, 0, None, 0));
        }
        let inside = query.notes.iter().filter(|note| (from..to).contains(&note.beat));
        events.extend(inside.map(|note| {
            let place = ((note.beat - from) * 96.0) as u64;
            (at, place, note.pitch, (note.velocity * 100.0) as u64)
        }));
    }
    events
}

/// Whether a filter or a level is on its way at a bar.
fn moves(section: &Section, bar: u32) -> bool {
    let bar = f64::from(bar);
    section.stem_queries.iter().flat_map(|query| &query.automation).any(|one| {
        let differs = (one.from - one.to).abs() > 1e-9;
        differs && one.from_bar < bar + 1e-9 && one.to_bar > bar - 8.0
    })
}

#[test]
fn sections_have_whole_phrases() {
    each(|genre, plan| {
        for section in &plan.structure {
            assert!(section.bars.is_multiple_of(genre.unit_bars), "{}", section.section);
            assert!(section.energy > 0.0);
        }
    });
}

#[test]
fn every_phrase_line_changes_a_layer_or_a_pattern() {
    let (mut count, mut broken) = (0, Vec::new());
    each(|genre, plan| {
        for section in &plan.structure {
            let step = genre.phrase_bars;
            for line in (step..section.bars).step_by(step as usize) {
                count += 1;
                let length = step.min(section.bars - line);
                let same = phrase(section, line, length) == phrase(section, line - step, length);
                if same && !moves(section, line) {
                    broken.push(format!("{} {} bar {line}", genre.name, section.section));
                }
            }
        }
    });
    judge(count, &broken, 0);
}

#[test]
fn no_more_than_two_layers_enter_at_a_line_inside_a_section() {
    let (mut count, mut broken) = (0, Vec::new());
    each(|genre, plan| {
        for section in &plan.structure {
            for line in 1..section.bars {
                let layers = section.stem_queries.iter().filter(|query| {
                    let gesture = (Role::Riser..=Role::Reverse).contains(&query.role);
                    query.enter_bar == line && !gesture && query.leave_bar > line + 2
                });
                count += 1;
                if layers.count() > 2 {
                    broken.push(format!("{} {} bar {line}", genre.name, section.section));
                }
            }
        }
    });
    judge(count, &broken, 0);
}

#[test]
fn one_voice_of_a_kind_plays_at_a_time() {
    let (mut count, mut broken) = (0, Vec::new());
    let limits: [(&[Role], usize); 6] = [
        (&[Role::Kick], 1),
        (&[Role::Bass], 1),
        (&[Role::Sub], 1),
        (&[Role::Lead], 1),
        (&[Role::Hat, Role::OpenHat], 2),
        (&[Role::Pad, Role::Drone], 2),
    ];
    each(|genre, plan| {
        for section in &plan.structure {
            for bar in 0..section.bars {
                for (roles, most) in limits {
                    let playing = section.stem_queries.iter().filter(|query| {
                        let sounds = (query.enter_bar..query.leave_bar).contains(&bar);
                        sounds && roles.contains(&query.role)
                    });
                    count += 1;
                    if playing.count() > most {
                        broken.push(format!("{} {} {roles:?}", genre.name, section.section));
                    }
                }
            }
        }
    });
    judge(count, &broken, 0);
}

#[test]
fn grooves_and_drops_end_their_phrases_with_fills_or_a_roll() {
    let (mut count, mut broken) = (0, Vec::new());
    each(|genre, plan| {
        if genre.fill_bars == 0 {
            return;
        }
        for section in plan.structure.iter().filter(|section| is_full(genre, section)) {
            for line in (genre.fill_bars..=section.bars).step_by(genre.fill_bars as usize) {
                count += 1;
                let ends = |one: &&dream_core::Transition| {
                    let end = one.bar + one.beats / 4.0;
                    (is_fill(one.kind) || one.kind == TransitionKind::SnareRoll)
                        && (end - f64::from(line)).abs() < 1e-9
                };
                if !section.transitions.iter().any(|one| ends(&one)) {
                    broken.push(format!("{} {} bar {line}", genre.name, section.section));
                }
            }
        }
    });
    judge(count, &broken, 0);
}

#[test]
fn intros_and_outros_are_for_mixing() {
    each(|genre, plan| {
        if matches!(genre.name.as_str(), "ambient" | "lofi") {
            return;
        }
        for section in &plan.structure {
            if !matches!(kind(genre, section), SectionKind::Intro | SectionKind::Outro) {
                continue;
            }
            assert!(section.bars >= 16, "{} {}", genre.name, section.section);
            for query in &section.stem_queries {
                let melody = matches!(query.role, Role::Lead | Role::Arp);
                assert!(!melody, "{} {}: {}", genre.name, section.section, query.role);
            }
        }
    });
}

#[test]
fn energy_falls_in_breaks_and_is_highest_in_drops() {
    each(|genre, plan| {
        let of = |wanted: SectionKind| {
            let own = plan.structure.iter().filter(move |one| kind(genre, one) == wanted);
            own.map(|one| one.energy)
        };
        let drop = of(SectionKind::Drop).fold(f64::NAN, f64::min);
        if !drop.is_nan() {
            assert!(drop >= 0.75, "{}: drop {drop}", genre.name);
            let others = plan.structure.iter().filter(|one| kind(genre, one) != SectionKind::Drop);
            for other in others {
                assert!(other.energy < drop, "{} {}", genre.name, other.section);
            }
            for rest in of(SectionKind::Break) {
                assert!(rest <= drop - 0.25, "{}: break {rest}, drop {drop}", genre.name);
            }
        }
    });
}

#[test]
fn drops_open_with_an_impact_or_a_crash_and_builds_lead_into_them() {
    each(|genre, plan| {
        for pair in plan.structure.windows(2) {
            let from_quiet =
                matches!(kind(genre, &pair[0]), SectionKind::Break | SectionKind::Build);
            if !from_quiet || kind(genre, &pair[1]) != SectionKind::Drop || genre.unit_bars == 4 {
                continue;
            }
            let kinds = |section: &Section| -> BTreeSet<TransitionKind> {
                section.transitions.iter().map(|one| one.kind).collect()
            };
            let (before, after) = (kinds(&pair[0]), kinds(&pair[1]));
            let place = format!("{} {}", genre.name, pair[1].section);
            let opens =
                after.contains(&TransitionKind::Impact) || after.contains(&TransitionKind::Crash);
            assert!(opens, "{place} does not open");
            let rises = before.contains(&TransitionKind::Riser)
                || before.contains(&TransitionKind::SnareRoll)
                || before.contains(&TransitionKind::Filter);
            assert!(rises, "{place} comes out of nothing");
        }
    });
}

#[test]
fn a_hook_is_teased_before_it_is_stated() {
    each(|genre, plan| {
        let stated = plan.structure.iter().position(|section| {
            let full = matches!(kind(genre, section), SectionKind::Drop);
            full && notes(section, Role::Lead).next().is_some()
        });
        let Some(stated) = stated else { return };
        let teased = plan.structure[..stated].iter().flat_map(|section| &section.stem_queries).any(
            |query| {
                matches!(query.role, Role::Lead | Role::Arp | Role::Vocal)
                    && !query.notes.is_empty()
            },
        );
        assert!(
            teased,
            "{}: nothing is heard before {}",
            genre.name, plan.structure[stated].section
        );
    });
}

#[test]
fn the_second_drop_is_the_first_with_something_changed() {
    each(|genre, plan| {
        let drops: Vec<&Section> =
            plan.structure.iter().filter(|one| kind(genre, one) == SectionKind::Drop).collect();
        for pair in drops.windows(2) {
            let roles = |section: &Section| -> BTreeSet<Role> {
                section.stem_queries.iter().map(|query| query.role).collect()
            };
            let (one, two) = (roles(pair[0]), roles(pair[1]));
            let place = format!("{} {} {}", genre.name, pair[0].section, pair[1].section);
            let shared = one.intersection(&two).count() as f64 / one.union(&two).count() as f64;
            assert!(shared >= 0.5, "{place}: {shared:.2} in common");
            assert_ne!(phrase(pair[0], 0, 8), phrase(pair[1], 0, 8), "{place}");
        }
    });
}
