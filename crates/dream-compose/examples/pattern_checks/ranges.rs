//! The checks of a genre and their ranges.
//!
//! A range holds the 5th to the 95th percentile of what the genre's pattern tables give when they are drawn
//! freely; a fifth of a bound, or one where it counts something, is allowed beyond it.

use std::fmt;

use dream_core::Role;

use crate::track::Track;
use crate::{density, fills, harmony, repetition, syncopation, variety};

type Measure = Box<dyn Fn(&Track<'_>, &Track<'_>) -> Option<f64>>;

/// A measure, its range, and what the draws gave.
pub(crate) struct Check {
    name: &'static str,
    low: f64,
    high: f64,
    measure: Measure,
    pub values: Vec<Option<f64>>,
}

impl Check {
    pub(crate) fn measure(&self, track: &Track<'_>, other: &Track<'_>) -> Option<f64> {
        (self.measure)(track, other)
    }

    /// The share of draws inside, of those it applies to; 1 where it applies to none.
    pub(crate) fn share(&self) -> f64 {
        let known: Vec<f64> = self.values.iter().flatten().copied().collect();
        let inside = |value: &&f64| (self.low - 1e-9..=self.high + 1e-9).contains(*value);
        if known.is_empty() {
            return 1.0;
        }
        known.iter().filter(inside).count() as f64 / known.len() as f64
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut known: Vec<f64> = self.values.iter().flatten().copied().collect();
        known.sort_by(f64::total_cmp);
        let at = |p: f64| known.get(((known.len() as f64 - 1.0) * p) as usize).copied();
        let Some(((low, middle), high)) = at(0.05).zip(at(0.5)).zip(at(0.95)) else {
            return write!(f, "{:18} does not apply", self.name);
        };
        write!(
            f,
            "{:18} {:5.1} % in {:.2}..{:.2}   {low:.2} {middle:.2} {high:.2}   ({} of {})",
            self.name,
            100.0 * self.share(),
            self.low,
            self.high,
            known.len(),
            self.values.len()
        )
    }
}

/// What is special to a genre.
struct Row {
    kicks: [f64; 2],
    /// Hits a bar at three energies.
    hits: [[f64; 2]; 3],
    steps: [f64; 2],
    kick: [f64; 2],
    backbeat: [f64; 2],
    bass_notes: [f64; 2],
    bass_on_kick: f64,
    drums: [f64; 2],
    hook_notes: [f64; 2],
    hook: [f64; 2],
    bass: [f64; 2],
    /// Share of quarters with a kick; for broken beats 0.
    floor: f64,
}

#[rustfmt::skip]
fn row(genre: &str) -> Row {
    // kicks, hits, sixteenths, syncopation of kick and of kick with snare, bass notes, bass on kick,
    // repetition of drums, hook notes, repetition of the hook, syncopation of the bass, floor
    let (kicks, hits, steps, kick, backbeat, bass_notes, bass_on_kick, drums, hook_notes, hook, bass, floor) =
        match genre {
            "industrial techno" => ([4.0, 6.0], [[10.0, 13.0], [18.0, 32.0], [23.0, 41.0]], [10.0, 16.0], [0.0, 0.0], [0.0, 0.0], [4.0, 12.0], 0.25, [0.38, 0.82], [0.5, 3.0], [0.43, 0.86], [7.0, 11.0], 0.85),
            "techno" => ([4.0, 5.0], [[9.0, 25.0], [22.0, 36.0], [24.0, 38.0]], [11.0, 16.0], [0.0, 0.0], [0.0, 0.0], [4.0, 12.0], 0.25, [0.37, 0.81], [4.0, 6.0], [0.69, 0.88], [7.0, 11.0], 0.9),
            "hard techno" => ([4.0, 8.0], [[22.0, 24.0], [24.0, 39.0], [30.0, 48.0]], [10.0, 16.0], [0.0, 0.0], [0.0, 0.0], [4.0, 12.0], 0.25, [0.74, 0.86], [4.0, 6.0], [0.67, 0.88], [7.0, 11.0], 0.95),
            "minimal" => ([4.0, 5.0], [[7.0, 24.0], [17.0, 34.0], [15.0, 34.0]], [10.0, 16.0], [0.0, 0.0], [0.0, 0.0], [3.0, 5.0], 0.3, [0.21, 0.79], [2.0, 4.0], [0.64, 0.83], [7.0, 9.0], 0.9),
            "dub techno" => ([4.0, 5.0], [[6.0, 14.0], [15.0, 30.0], [16.0, 32.0]], [8.0, 16.0], [0.0, 0.0], [0.0, 0.0], [1.0, 4.0], 1.0, [0.53, 0.80], [0.5, 2.0], [0.50, 0.82], [0.0, 7.0], 0.9),
            "house" => ([4.0, 5.0], [[10.0, 27.0], [29.0, 42.0], [28.0, 44.0]], [12.0, 16.0], [0.0, 0.0], [0.0, 1.0], [4.0, 8.0], 0.6, [0.74, 0.83], [4.0, 5.0], [0.74, 0.84], [0.0, 8.0], 0.9),
            "deep house" => ([4.0, 5.0], [[12.0, 26.0], [24.0, 39.0], [26.0, 39.0]], [12.0, 16.0], [0.0, 0.0], [0.0, 1.0], [3.0, 6.0], 0.3, [0.71, 0.82], [2.0, 4.0], [0.72, 0.83], [3.0, 7.0], 0.9),
            "trance" => ([4.0, 5.0], [[12.0, 24.0], [24.0, 35.0], [24.0, 40.0]], [11.0, 16.0], [0.0, 0.0], [0.0, 0.0], [4.0, 12.0], 0.25, [0.76, 0.84], [4.0, 6.0], [0.66, 0.81], [7.0, 11.0], 0.95),
            "drum and bass" => ([2.0, 3.0], [[12.0, 14.0], [15.0, 32.0], [16.0, 35.0]], [10.0, 16.0], [1.0, 4.0], [1.0, 5.0], [1.0, 6.0], 1.0, [0.65, 0.79], [1.5, 5.0], [0.58, 0.83], [0.0, 7.0], 0.0),
            "breakbeat" => ([2.0, 4.0], [[8.0, 15.0], [19.0, 36.0], [20.0, 38.0]], [10.0, 16.0], [1.0, 5.0], [1.0, 4.0], [3.0, 9.0], 0.8, [0.66, 0.84], [4.0, 4.0], [0.73, 0.84], [2.0, 7.0], 0.0),
            "ambient" => ([0.0, 2.0], [[0.0, 1.0], [5.0, 11.0], [6.0, 12.0]], [4.0, 10.0], [0.0, 0.0], [0.0, 0.0], [0.2, 1.0], 1.0, [0.0, 1.0], [0.8, 1.0], [0.27, 0.70], [0.0, 0.0], 0.0),
            _ => ([3.0, 4.0], [[10.0, 24.0], [20.0, 35.0], [20.0, 38.0]], [10.0, 16.0], [4.0, 5.0], [1.0, 4.0], [2.0, 5.0], 1.0, [0.67, 0.82], [2.0, 4.0], [0.65, 0.83], [0.0, 4.0], 0.0),
        };
    Row { kicks, hits, steps, kick, backbeat, bass_notes, bass_on_kick, drums, hook_notes, hook, bass, floor }
}

/// The checks of a genre.
pub(crate) fn of(genre: &str) -> Vec<Check> {
    let row = row(genre);
    let mut checks = Vec::new();
    // Beyond the range: a fifth, or one of what is counted.
    let count = |[low, high]: [f64; 2]| {
        [(low - f64::max(1.0, 0.2 * low)).max(0.0), high + f64::max(1.0, 0.2 * high)]
    };
    let share = |[low, high]: [f64; 2]| [0.8 * low, 1.2 * high];
    let mut add = |name, [low, high]: [f64; 2], measure: Measure| {
        checks.push(Check { name, low, high, measure, values: Vec::new() });
    };
    let plain = |measure: fn(&Track<'_>) -> Option<f64>| -> Measure {
        Box::new(move |track, _| measure(track))
    };
    let energies = if genre == "ambient" {
        [0.0..0.25, 0.35..0.55, 0.55..1.1]
    } else {
        [0.0..0.5, 0.5..0.8, 0.8..1.1]
    };
    add("kicks", count(row.kicks), plain(density::kicks));
    let names = ["hits, quiet", "hits, medium", "hits, loud"];
    for ((name, range), energy) in names.into_iter().zip(row.hits).zip(energies) {
        add(name, count(range), Box::new(move |track, _| density::hits(track, energy.clone())));
    }
    add("sixteenths used", count(row.steps), plain(density::steps));
    let kick = |track: &Track<'_>| syncopation::of(track, &[Role::Kick]);
    add("syncopation K", count(row.kick), plain(kick));
    let both = |track: &Track<'_>| syncopation::of(track, &[Role::Kick, Role::Snare, Role::Clap]);
    add("syncopation K+S", count(row.backbeat), plain(both));
    add("bass notes", count(row.bass_notes), plain(density::bass_notes));
    add("bass on kick", [0.0, 1.2 * row.bass_on_kick], plain(density::bass_on_kick));
    if genre != "ambient" {
        add("drum repetition", share(row.drums), plain(repetition::drums));
    }
    add("hook notes", count(row.hook_notes), plain(density::hook_notes));
    add("hook repetition", share(row.hook), plain(repetition::hook));
    add("syncopation bass", count(row.bass), plain(syncopation::bass));
    match genre {
        "ambient" => {}
        "drum and bass" | "breakbeat" | "lofi" => {
            add("kick on one", [0.9, 1.0], plain(density::first));
            add("backbeat", [0.85, 1.0], plain(density::backbeat));
        }
        _ => add("kick floor", [row.floor, 1.0], plain(density::floor)),
    }
    add("chord tones", [0.75, 1.0], plain(harmony::chord_tones));
    add("in scale", [0.97, 1.0], plain(harmony::in_scale));
    if genre == "industrial techno" {
        add("tonic rank", [1.0, 1.0], plain(harmony::tonic_rank));
    } else {
        add("key fit", [0.6, 1.0], plain(harmony::key_fit));
        add("key rank", [1.0, 2.0], plain(harmony::key_rank));
    }
    if genre != "ambient" {
        add("fills", [1.0, 1.0], plain(fills::sound));
        let free = matches!(genre, "industrial techno" | "techno" | "minimal" | "dub techno");
        add("distinct bars", [0.19, if free { 1.0 } else { 0.45 }], plain(variety::distinct));
        add("blocks differ", [1.0, 1.0], plain(variety::blocks));
    }
    add("shared by seeds", [0.0, 0.6], Box::new(variety::shared));
    add("on the grid", [1.0, 1.0], plain(density::on_grid));
    checks
}
