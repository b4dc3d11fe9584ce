//! How much plays: hits, kicks, steps, notes a bar.

use std::collections::BTreeSet;

use dream_core::{Automate, Role};

use crate::track::{Bar, Track, mean};

/// Drum hits a bar at an energy: over the phrases in which most lanes play, for intros add them one by one.
pub(crate) fn hits(track: &Track<'_>, energy: std::ops::Range<f64>) -> Option<f64> {
    use dream_compose::genre::SectionKind::{Break, Build};
    let fits =
        |bar: &&Bar<'_>| energy.contains(&bar.section.energy) && !matches!(bar.kind, Break | Build);
    let bars: Vec<&Bar<'_>> = track.bars.iter().filter(fits).collect();
    let mut phrases: Vec<(usize, f64)> = Vec::new();
    for phrase in bars.chunk_by(|a, b| std::ptr::eq(a.section, b.section) && a.at / 8 == b.at / 8) {
        let plain = || phrase.iter().filter(|bar| bar.plain);
        let lanes: BTreeSet<(Role, &str)> = plain()
            .flat_map(|bar| bar.drums())
            .map(|onset| (onset.query.role, onset.query.text.as_str()))
            .collect();
        if let Some(hits) = mean(plain().map(|bar| bar.drums().count() as f64)) {
            phrases.push((lanes.len(), hits));
        }
    }
    let most = phrases.iter().map(|(lanes, _)| *lanes).max().filter(|lanes| *lanes > 0)?;
    mean(phrases.iter().filter(|(lanes, _)| *lanes == most).map(|(_, hits)| *hits))
}

/// Kicks a bar.
pub(crate) fn kicks(track: &Track<'_>) -> Option<f64> {
    let kicked = track.groove().filter(|bar| bar.has(Role::Kick));
    let count = |bar: &Bar<'_>| bar.onsets.iter().filter(|on| on.query.role == Role::Kick).count();
    mean(kicked.map(|bar| count(bar) as f64))
}

/// Distinct sixteenths that a drum hits, a bar, from an energy of 0.6 on.
pub(crate) fn steps(track: &Track<'_>) -> Option<f64> {
    let most = track.groove().map(|bar| bar.section.energy).fold(0.0, f64::max);
    let loud = track.groove().filter(|bar| bar.section.energy >= most.min(0.6));
    mean(loud.map(|bar| bar.drums().map(|onset| onset.step).collect::<BTreeSet<_>>().len() as f64))
}

/// Bass notes a bar, where the bass plays.
pub(crate) fn bass_notes(track: &Track<'_>) -> Option<f64> {
    let own = track.groove().filter(|bar| bar.has(Role::Bass));
    mean(own.map(|bar| bar.steps(&[Role::Bass]).len() as f64))
}

/// The share of bass onsets on a kick step.
pub(crate) fn bass_on_kick(track: &Track<'_>) -> Option<f64> {
    let shares = track.groove().filter(|bar| bar.has(Role::Kick)).flat_map(|bar| {
        let kicks = bar.steps(&[Role::Kick]);
        let bass = bar.steps(&[Role::Bass]).into_iter();
        bass.map(move |step| f64::from(u8::from(kicks.contains(&step)))).collect::<Vec<_>>()
    });
    mean(shares)
}

/// The share of quarters with a kick in bars that have the kick.
pub(crate) fn floor(track: &Track<'_>) -> Option<f64> {
    mean(track.groove().filter(|bar| bar.has(Role::Kick)).map(|bar| {
        let steps = bar.steps(&[Role::Kick]);
        [0, 4, 8, 12].iter().filter(|step| steps.contains(step)).count() as f64 / 4.0
    }))
}

/// The share of bars with a kick on the first step.
pub(crate) fn first(track: &Track<'_>) -> Option<f64> {
    let kicked = track.groove().filter(|bar| bar.has(Role::Kick));
    mean(kicked.map(|bar| f64::from(u8::from(bar.steps(&[Role::Kick]).contains(&0)))))
}

/// The share of bars with snare or rim on two and four.
pub(crate) fn backbeat(track: &Track<'_>) -> Option<f64> {
    mean(track.groove().filter(|bar| bar.has(Role::Kick)).map(|bar| {
        let steps = bar.steps(&[Role::Snare, Role::Perc]);
        f64::from(u8::from(steps.contains(&4) && steps.contains(&12)))
    }))
}

/// The bars in which the hook is stated in full: not teased behind a filter.
pub(crate) fn hook_bars<'a>(track: &'a Track<'a>) -> Vec<&'a Bar<'a>> {
    let stated = |bar: &&Bar<'_>| {
        bar.section.stem_queries.iter().any(|query| {
            let filter = |one: &dream_core::Automation| one.what == Automate::LowpassHz;
            query.role == Role::Lead
                && !query.automation.iter().any(filter)
                && (query.enter_bar..query.leave_bar).contains(&bar.at)
        })
    };
    track.bars.iter().filter(stated).collect()
}

/// Notes of the hook a bar.
pub(crate) fn hook_notes(track: &Track<'_>) -> Option<f64> {
    mean(
        hook_bars(track).into_iter().map(|bar| {
            bar.onsets.iter().filter(|onset| onset.query.role == Role::Lead).count() as f64
        }),
    )
}

/// The share of drum notes on a sixteenth, a thirty-second or a triplet of the straight grid: swing is a
/// number of the plan and nothing else.
pub(crate) fn on_grid(track: &Track<'_>) -> Option<f64> {
    let fits = |beat: f64| {
        [8.0, 12.0, 3.0, 6.0].iter().any(|parts| {
            let place = beat * parts;
            (place - place.round()).abs() < 1e-6
        })
    };
    let all = track.bars.iter().flat_map(Bar::drums);
    mean(all.map(|onset| f64::from(u8::from(fits(onset.note.beat)))))
}
