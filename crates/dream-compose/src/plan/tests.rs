use std::collections::BTreeMap;

use dream_core::{Bpm, Role, StemQuery, TransitionKind};
use proptest::prelude::*;

use super::*;
use crate::genre::{self, Genre};

const SEEDS: [u64; 4] = [1, 2, 7, 42];

/// Every genre with a few seeds.
fn each(mut judge: impl FnMut(&'static Genre, ArrangementPlan)) {
    for genre in genre::all() {
        for seed in SEEDS {
            judge(genre, plan(&Prompt::parse(&genre.words[0]), Seed(seed)));
        }
    }
}

fn of_role(section: &Section, role: Role) -> impl Iterator<Item = &StemQuery> {
    section.stem_queries.iter().filter(move |query| query.role == role)
}

#[test]
fn report() {
    for genre in genre::all() {
        let plan = plan(&Prompt::parse(&genre.words[0]), Seed(1));
        println!(
            "{} {} bars {:.2} min {} bpm {:?} parts {} notes {}",
            plan.genre,
            plan.total_bars,
            plan.estimated_duration_s / 60.0,
            plan.bpm.get(),
            plan.key.map(|k| k.to_string()),
            plan.parts().len(),
            plan.structure
                .iter()
                .flat_map(|s| &s.stem_queries)
                .map(|q| q.notes.len())
                .sum::<usize>()
        );
        for section in &plan.structure {
            let q: Vec<String> = section
                .stem_queries
                .iter()
                .map(|q| {
                    format!(
                        "{}{}",
                        q.role,
                        if q.notes.is_empty() {
                            String::new()
                        } else {
                            format!(
                                ":{:.1}",
                                q.notes.len() as f64 / f64::from(q.leave_bar - q.enter_bar)
                            )
                        }
                    )
                })
                .collect();
            println!(
                "  {} {} e{:.2} [{}] {}",
                section.section,
                section.bars,
                section.energy,
                section.stem_queries.len(),
                q.join(" ")
            );
            println!(
                "     {}",
                section
                    .transitions
                    .iter()
                    .map(|t| format!("{:?}@{}/{}", t.kind, t.bar, t.beats))
                    .collect::<Vec<_>>()
                    .join(" ")
            );
        }
    }
}

#[test]
fn every_genre_gives_a_valid_plan() {
    each(|genre, plan| {
        assert_eq!(plan.validate(), Ok(()), "{}", genre.name);
        let minutes = plan.estimated_duration_s / 60.0;
        assert!((4.9..=8.05).contains(&minutes), "{}: {minutes} min", genre.name);
        assert_eq!(plan.genre, genre.name);
    });
}
