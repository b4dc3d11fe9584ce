//! Hooks, arpeggios and vocal chops.
//!
//! A hook is four units of one rhythm cell in an order such as AABA, repeated until the chords repeat too. Each note is drawn over the scale by
//! its place in the beat, the size of the step, the chord of the moment and the direction of a contour;
//! notes that miss the chord mostly move to it, unless they pass by step; the phrase ends on the first or third degree.
//! Before the drop the hook is only teased: as a rhythm on the tonic, or its first half.

use std::borrow::Cow;

use dream_core::{Note, Seed};

use super::Tonal;
use super::draw;
use super::harmony;
use super::setting::Setting;
use crate::genre::{self, Contour, Lane, Tease};
use crate::pattern::{Hit, Progression};

/// What the sections have in common: chords, hook, its answer, arpeggio.
pub(super) struct Theme {
    pub progression: Progression,
    /// Whether the bass may move with the chords.
    pub bass_may_follow: bool,
    hook: Hook,
    second: Hook,
    chops: Vec<Hit>,
}

/// A melody that repeats.
#[derive(Debug, Clone)]
struct Hook {
    bars: u32,
    /// Bars of its four units.
    phrase: u32,
    notes: Vec<Tone>,
}

/// A note of a hook.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Tone {
    beat: f64,
    length: f64,
    velocity: f64,
    /// Rung of the scale.
    rung: i32,
}

impl Theme {
    pub(super) fn compose(setting: &Setting<'_>) -> Self {
        let progression = harmony::progression(setting);
        let bass_may_follow = harmony::bass_may_follow(setting, &progression);
        let hook = compose(setting, &progression, setting.seed.child("hook"));
        let second = second(setting, &progression, &hook);
        let seed = setting.seed.child("vocal");
        let cell = draw::index(seed, setting.genre.cells.len());
        let chops = setting.genre.cells[cell].grid.hits(0, |_| true);
        Self { progression, bass_may_follow, hook, second, chops }
    }
}

fn compose(setting: &Setting<'_>, progression: &Progression, seed: Seed) -> Hook {
    let cells = &setting.genre.cells;
    let cell = &cells[draw::index(seed.child("cell"), cells.len())];
    let unit_bars = cell.grid.bars();
    let contours = setting.genre.contours();
    let contour = draw::weighted(seed.child("contour"), contours, |(_, weight)| **weight);
    let contour = contour.map_or(Contour::Arch, |(contour, _)| *contour);
    let forms = &genre::core().forms;
    let form = draw::weighted(seed.child("form"), forms, |(_, weight)| **weight);
    let form = form.map_or("AABA", |(form, _)| form.as_str());

    let unit = |at: u32, other: bool, seed: Seed| -> Vec<Tone> {
        let rhythm: Vec<Hit> = (0..unit_bars)
            .flat_map(|bar| {
                let shift = move |hit: Hit| Hit { beat: hit.beat + f64::from(bar) * 4.0, ..hit };
                cell.grid.hits(bar, |_| true).into_iter().map(shift)
            })
            .collect();
        walk(setting, progression, &rhythm, at * unit_bars, (contour, other), seed)
    };
    let first = unit(0, false, seed.child("A"));
    let answer = unit(3, true, seed.child("B"));
    let mut units: Vec<Vec<Tone>> = Vec::new();
    let mut letters = form.chars().peekable();
    while let Some(letter) = letters.next() {
        let mut tones = if letter == 'B' { answer.clone() } else { first.clone() };
        if letters.next_if_eq(&'\'').is_some() {
            vary(&mut tones, seed.child("vary").index(units.len() as u64));
        }
        units.push(tones);
    }
    let phrase = unit_bars * units.len() as u32;
    let cycle = progression.bars * progression.chords.len() as u32;
    let bars = repeat(phrase, cycle);
    let mut notes: Vec<Tone> = Vec::new();
    for (at, first_bar) in (0..bars).step_by(unit_bars as usize).enumerate() {
        let at = at % units.len();
        let mut tones = units[at].clone();
        for tone in &mut tones {
            tone.beat += f64::from(first_bar) * 4.0;
        }
        refit(setting, progression, &mut tones, seed.child("refit").index(at as u64));
        notes.extend(tones);
    }
    if let Some(last) = notes.last_mut() {
        // Over chords without a third the hook tells major from minor.
        let open = progression.chords.iter().all(|chord| chord.is_open());
        let third = open || draw::chance(seed.child("cadence"), 0.3);
        let end = to_degree(last.rung, if third { 2 } else { 0 });
        if strength(last.beat) > 0 || is_chordal(setting, progression, last.beat, end) {
            last.rung = end;
        }
        let low = setting.ladder.rung(setting.genre.hook_register[0] + 1);
        if setting.ladder.pitch(last.rung) < setting.genre.hook_register[0] {
            last.rung = to_degree(low + 7, last.rung.rem_euclid(7));
        }
        // A hook breathes: its last note holds, as far as there is room.
        last.length = last.length.max((f64::from(bars) * 4.0 - last.beat).min(1.0));
    }
    Hook { bars, phrase, notes }
}

/// The bars after which a phrase meets the same chords again, as far as that is within 32.
fn repeat(phrase: u32, cycle: u32) -> u32 {
    let meets = (1..).map(|times| phrase * times).take_while(|bars| *bars <= phrase.max(32));
    meets.into_iter().find(|bars| bars.is_multiple_of(cycle)).unwrap_or(phrase)
}

/// Draws the pitches of a rhythm; `shape` is a contour and whether it is mirrored.
fn walk(
    setting: &Setting<'_>,
    progression: &Progression,
    rhythm: &[Hit],
    first_bar: u32,
    shape: (Contour, bool),
    seed: Seed,
) -> Vec<Tone> {
    let (core, ladder) = (genre::core(), setting.ladder);
    let [low, high] = setting.genre.hook_register;
    let range = setting.genre.hook_range;
    let lowest = ladder.rung(low - 1) + 1;
    let highest = ladder.rung(high);
    // The tonic nearest to the lower third of the register, so that there is room above it.
    let start = to_degree(lowest + (highest - lowest) / 3, 0);
    let start = start.clamp(lowest, highest);
    let (mut bottom, mut top) = (start, start);
    let mut at = start;
    let mut tones = Vec::with_capacity(rhythm.len());
    for (index, hit) in rhythm.iter().enumerate() {
        let strength = strength(hit.beat);
        let chord = progression.at(first_bar + (hit.beat / 4.0) as u32);
        let classes = harmony::tones(setting, chord);
        let progress = index as f64 / rhythm.len().max(1) as f64;
        let direction = direction(shape, progress);
        let weight = |rung: &i32| {
            let step = (rung - at).abs();
            if step > 7 || top.max(*rung) - bottom.min(*rung) > range {
                return 0.0;
            }
            let degree = rung.rem_euclid(7) as usize;
            let mut weight = core.degrees[strength][degree] * core.intervals[step as usize];
            if classes.contains(&ladder.pitch(*rung).rem_euclid(12)) {
                weight *= core.chord_boost[strength];
            }
            if shape.0 == Contour::Pedal && degree == 0 {
                weight *= 3.0;
            }
            weight * if direction == 0 || (rung - at).signum() == direction { 2.0 } else { 0.7 }
        };
        let drawn = draw::weighted(seed.index(index as u64), lowest..=highest, weight);
        at = drawn.unwrap_or(at);
        (bottom, top) = (bottom.min(at), top.max(at));
        tones.push(Tone { beat: hit.beat, length: hit.length, velocity: hit.velocity, rung: at });
    }
    tones
}

/// 0 for a quarter, 1 for an eighth, 2 for a sixteenth.
fn strength(beat: f64) -> usize {
    let sixteenth = (beat * 4.0).round() as i64;
    match sixteenth.rem_euclid(4) {
        0 => 0,
        2 => 1,
        _ => 2,
    }
}

/// Where a contour goes at a place 0..1 of its unit.
fn direction((contour, mirrored): (Contour, bool), progress: f64) -> i32 {
    let up = match contour {
        Contour::Arch => {
            if progress < 0.5 {
                1
            } else {
                -1
            }
        }
        Contour::Fall => -1,
        Contour::Rise => 1,
        Contour::Wave => {
            if (progress * 4.0) as i32 % 2 == 0 {
                1
            } else {
                -1
            }
        }
        Contour::Pedal => 0,
    };
    if mirrored { -up } else { up }
}

/// The rung with that degree (0 is the tonic) nearest to a rung.
fn to_degree(rung: i32, degree: i32) -> i32 {
    let up = (degree - rung).rem_euclid(7);
    if up > 3 { rung + up - 7 } else { rung + up }
}

/// Whether a rung belongs to the chord at a beat.
fn is_chordal(setting: &Setting<'_>, progression: &Progression, beat: f64, rung: i32) -> bool {
    let classes = harmony::tones(setting, progression.at((beat / 4.0) as u32));
    classes.contains(&setting.ladder.pitch(rung).rem_euclid(12))
}

/// Moves notes that miss the chord to it: on quarters most of them, where one that stays resolves by step; elsewhere those that do
/// not go on by step, for a foreign note that repeats or leaps is heard as the wrong chord.
fn refit(setting: &Setting<'_>, progression: &Progression, tones: &mut [Tone], seed: Seed) {
    let [low, high] = setting.genre.hook_register;
    let fits = |beat: f64, rung: i32| {
        let inside = (low..=high).contains(&setting.ladder.pitch(rung));
        inside && is_chordal(setting, progression, beat, rung)
    };
    for index in 0..tones.len() {
        let next = tones.get(index + 1).copied();
        let tone = &mut tones[index];
        let resolves = next
            .is_some_and(|next| (next.rung - tone.rung).abs() == 1 && fits(next.beat, next.rung));
        let passes = next.is_some_and(|next| (next.rung - tone.rung).abs() == 1);
        let stays = fits(tone.beat, tone.rung) || (passes && strength(tone.beat) > 0);
        let leans = resolves && !draw::chance(seed.index(index as u64), 0.85);
        if !stays && !leans {
            let mut near = [-1, 1, -2, 2].into_iter().map(|step| tone.rung + step);
            let near = near.find(|rung| fits(tone.beat, *rung));
            tone.rung = near.unwrap_or(tone.rung);
        }
    }
}

/// One small change of a unit.
fn vary(tones: &mut Vec<Tone>, seed: Seed) {
    let kind = draw::weighted(seed, [0, 1, 2], |kind| [0.55, 0.25, 0.20][*kind]).unwrap_or(0);
    match kind {
        0 => {
            if let Some(last) = tones.last_mut() {
                last.rung += if draw::chance(seed.child("up"), 0.5) { 1 } else { -1 };
            }
        }
        1 if tones.len() > 2 => {
            tones.remove(1 + draw::index(seed.child("which"), tones.len() - 2));
        }
        _ => {
            let at = draw::index(seed.child("which"), tones.len().max(1));
            if let Some(tone) = tones.get_mut(at).filter(|tone| tone.length > 0.25) {
                tone.length /= 2.0;
                let echo =
                    Tone { beat: tone.beat + tone.length, velocity: tone.velocity * 0.8, ..*tone };
                tones.insert(at + 1, echo);
            }
        }
    }
}

/// The hook of the second drop: an octave up, a third below, or new pitches on the old rhythm.
fn second(setting: &Setting<'_>, progression: &Progression, hook: &Hook) -> Hook {
    let seed = setting.seed.child("second hook");
    let [low, high] = setting.genre.hook_register;
    let shifted = |steps: i32| {
        let mut other = hook.clone();
        for tone in &mut other.notes {
            tone.rung += steps;
        }
        let inside = |tone: &Tone| (low..=high).contains(&setting.ladder.pitch(tone.rung));
        let fits = other.notes.iter().all(inside);
        refit(setting, progression, &mut other.notes, seed.child("refit"));
        fits.then_some(other)
    };
    let kind = draw::weighted(seed, [7, -2, 0], |steps| match steps {
        7 => 0.40,
        -2 => 0.25,
        _ => 0.35,
    });
    match kind {
        Some(steps @ (7 | -2)) => shifted(steps),
        _ => None,
    }
    .unwrap_or_else(|| compose(setting, progression, seed.child("new")))
}

/// The notes of a melodic lane in a section.
pub(super) fn play(tonal: &Tonal<'_>, lane: Lane) -> Vec<Note> {
    let mut notes = Vec::new();
    let (hook, second) = (anew(tonal, &tonal.theme.hook), anew(tonal, &tonal.theme.second));
    for span in tonal.spans_of(lane) {
        for bar in span.enter..span.leave {
            match lane {
                Lane::Arp => arp(tonal, bar, &mut notes),
                Lane::Vocal => chops(tonal, bar, &mut notes),
                Lane::Lead2 => melody(tonal, &second, bar, span.tease, &mut notes),
                _ => melody(tonal, &hook, bar, span.tease, &mut notes),
            }
        }
        let end = f64::from(span.leave) * 4.0;
        for note in notes.iter_mut().filter(|note| note.beat < end) {
            note.length = note.length.min(end - note.beat);
        }
    }
    notes
}

/// The hook as this section plays it: the track's, or, played anew, with its answers varied.
fn anew<'a>(tonal: &Tonal<'a>, hook: &'a Hook) -> Cow<'a, Hook> {
    if !tonal.anew {
        return Cow::Borrowed(hook);
    }
    let (setting, seed) = (tonal.setting, tonal.seed.child("hook"));
    let mut new = hook.clone();
    // The second and the fourth unit answer the others.
    let unit_of = |tone: &Tone| (tone.beat / f64::from(hook.phrase)) as u32 % 4;
    let (mut kept, mut unit): (Vec<Tone>, Vec<Tone>) =
        new.notes.into_iter().partition(|tone| unit_of(tone).is_multiple_of(2));
    if setting.genre.hook_range > 2 {
        for (at, tone) in unit.iter_mut().enumerate() {
            tone.rung += [0, 1, -1, 2, -2][draw::index(seed.index(at as u64), 5)];
        }
        refit(setting, &tonal.theme.progression, &mut unit, seed.child("refit"));
    }
    vary(&mut unit, seed.child("vary"));
    kept.append(&mut unit);
    kept.sort_by(|a, b| a.beat.total_cmp(&b.beat));
    new.notes = kept;
    Cow::Owned(new)
}

fn melody(tonal: &Tonal<'_>, hook: &Hook, bar: u32, tease: Tease, notes: &mut Vec<Note>) {
    let place = bar % hook.bars;
    if tease == Tease::Half && (bar % hook.phrase) * 2 >= hook.phrase {
        return;
    }
    let from = f64::from(place) * 4.0;
    let own = hook.notes.iter().filter(|tone| (from..from + 4.0).contains(&tone.beat));
    // On one pitch it says the key.
    let one = hook.notes.first().map_or(0, |tone| to_degree(tone.rung, 0));
    for tone in own {
        let rung = if tease == Tease::Rhythm { one } else { tone.rung };
        // Every second time around 16 bars the last note of the phrase rises: a hook is not a loop.
        let last = Some(tone) == hook.notes.last() && bar % 32 >= 16 && tease == Tease::Full;
        let risen = to_degree(rung + 3, 2);
        let beat = f64::from(bar) * 4.0 + tone.beat - from;
        let rises = last
            && tonal.setting.genre.hook_range > 2
            && is_chordal(tonal.setting, &tonal.theme.progression, beat, risen);
        let rung = if rises { risen } else { rung };
        let [low, high] = tonal.setting.genre.hook_register;
        let pitch = tonal.setting.ladder.pitch(rung);
        let pitch = if pitch > high {
            pitch - 12
        } else if pitch < low {
            pitch + 12
        } else {
            pitch
        };
        notes.push(Note {
            beat,
            length: tone.length,
            velocity: tone.velocity,
            pitch: u8::try_from(pitch).ok(),
        });
    }
}

/// Sixteenths over the tones of the chord, upwards from the bottom of the hook's register.
fn arp(tonal: &Tonal<'_>, bar: u32, notes: &mut Vec<Note>) {
    let setting = tonal.setting;
    let names: Vec<&str> = match &setting.genre.arps[..] {
        [] => vec!["up"],
        own => own.iter().map(String::as_str).collect(),
    };
    let seed = tonal.seed.child("arp");
    let name = names[draw::index(seed.child("pattern"), names.len())];
    let pattern = genre::core().arps.get(name).map_or("0123012301230123", String::as_str);
    let turned = draw::chance(seed.child("turn").index(u64::from(bar / 16)), 0.5) && bar >= 16;
    let low = setting.genre.hook_register[0];
    let mut tones: Vec<i32> = harmony::tones(setting, tonal.theme.progression.at(bar))
        .into_iter()
        .map(|class| low + (class - low).rem_euclid(12))
        .collect();
    tones.sort_unstable();
    let gate = 0.35 + 0.35 * setting.energy_at(tonal.part, bar);
    let sixteenths = pattern.chars().cycle().skip(usize::from(turned)).take(16);
    for (step, digit) in sixteenths.enumerate() {
        let Some(index) = digit.to_digit(10).map(|digit| digit as usize) else { continue };
        let octave = i32::try_from(index / tones.len()).unwrap_or(0);
        let pitch = tones[index % tones.len()] + 12 * octave;
        notes.push(Note {
            beat: f64::from(bar) * 4.0 + step as f64 * 0.25,
            length: 0.25 * gate / 0.5,
            velocity: if step.is_multiple_of(4) { 0.8 } else { 0.62 },
            pitch: u8::try_from(pitch.min(100)).ok(),
        });
    }
}

/// Three times the same chops, then fewer: a voice leaves room at the phrase end.
fn chops(tonal: &Tonal<'_>, bar: u32, notes: &mut Vec<Note>) {
    let last = bar % 4 == 3;
    for hit in &tonal.theme.chops {
        if last && hit.beat >= 3.0 {
            continue;
        }
        let beat = f64::from(bar) * 4.0 + hit.beat;
        notes.push(Note { beat, length: hit.length, velocity: hit.velocity, pitch: None });
    }
}
