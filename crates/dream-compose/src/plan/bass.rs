//! Bass: lines in scale degrees under the chords.
//!
//! It moves with the chords where their key stays clear, and else holds the tonic under them as a pedal point.
//! The root's pitch class lies in the genre's register, in the octave nearest to the root before. Onsets on
//! the kick are removed where the genre wants them apart. A sub plays the same line; the bass above it then
//! moves up an octave. A glide is written as a legato note.

use dream_core::Note;

use super::Tonal;
use super::draw;
use crate::genre::{Follow, Lane, SectionKind};
use crate::pattern::{BassLine, BassStep, Chord};

/// Velocity of a dead note.
const DEAD: f64 = 0.45;

/// The notes of bass and sub; `last` is the letter of the line before.
pub(super) fn play(
    tonal: &Tonal<'_>,
    kicks: &[f64],
    last: &mut Option<char>,
) -> Vec<(Lane, Vec<Note>)> {
    let lanes: Vec<Lane> = [Lane::Sub, Lane::Bass]
        .into_iter()
        .filter(|lane| tonal.spans_of(*lane).next().is_some())
        .collect();
    if lanes.is_empty() {
        return Vec::new();
    }
    let line = line(tonal, kicks, *last);
    *last = Some(line.id);
    let lift = if lanes.len() == 2 { 12 } else { 0 };
    lanes
        .into_iter()
        .map(|lane| {
            let mut notes = Vec::new();
            for span in tonal.spans_of(lane) {
                let mut own = write(tonal, line, span.enter, span.leave);
                part_from_kicks(&mut own, kicks, tonal.setting.genre.bass_on_kick);
                notes.extend(own);
            }
            if lane == Lane::Bass {
                for note in &mut notes {
                    note.pitch = note.pitch.map(|pitch| pitch + lift);
                }
            }
            (lane, notes)
        })
        .collect()
}

/// The line of a section: by energy, among those least on the kick; sustained in breaks; in a drop another
/// than before.
fn line<'a>(tonal: &Tonal<'a>, kicks: &[f64], last: Option<char>) -> &'a BassLine {
    let lines = &tonal.setting.genre.bass;
    let energy = tonal.setting.energy(tonal.part);
    let drop = tonal.part.spec.kind == SectionKind::Drop;
    if tonal.part.spec.kind == SectionKind::Break
        && let Some(line) = lines.iter().find(|line| is_sustained(line))
    {
        return line;
    }
    let nearest = lines.iter().map(|line| line.distance(energy)).fold(f64::INFINITY, f64::min);
    let mut usable: Vec<&BassLine> =
        lines.iter().filter(|line| line.distance(energy) <= nearest).collect();
    prefer(&mut usable, |line| !(drop && energy >= 0.6 && is_sustained(line)));
    let most = tonal.setting.genre.bass_on_kick;
    let share = |line: &BassLine| on_kick(&write(tonal, line, 0, tonal.part.bars.min(8)), kicks);
    let least = usable.iter().map(|line| share(line)).fold(f64::INFINITY, f64::min);
    prefer(&mut usable, |line| share(line) <= most.max(least));
    prefer(&mut usable, |line| !drop || Some(line.id) != last);
    draw::weighted(tonal.seed.child("bass").child("line"), usable, |_| 1.0).unwrap_or(&lines[0])
}

/// Keeps the items that pass, unless none does.
fn prefer<T>(items: &mut Vec<T>, passes: impl Fn(&T) -> bool) {
    if items.iter().any(&passes) {
        items.retain(passes);
    }
}

/// Whether most of a line is held or silent.
fn is_sustained(line: &BassLine) -> bool {
    let starts = |step: &&BassStep| !matches!(step, BassStep::Hold | BassStep::Rest);
    line.steps.iter().filter(starts).count() * 16 <= line.steps.len() * 3
}

/// The share of notes that start with a kick.
fn on_kick(notes: &[Note], kicks: &[f64]) -> f64 {
    let meets = |note: &&Note| kicks.iter().any(|kick| (kick - note.beat).abs() < 1e-6);
    notes.iter().filter(meets).count() as f64 / notes.len().max(1) as f64
}

fn write(tonal: &Tonal<'_>, line: &BassLine, enter: u32, leave: u32) -> Vec<Note> {
    let (setting, progression) = (tonal.setting, &tonal.theme.progression);
    let [low_gate, high_gate] = setting.genre.bass_gate;
    let mut roots: Vec<i32> = progression.chords.iter().map(|chord| chord.root).collect();
    roots.sort_unstable();
    roots.dedup();
    let seed = tonal.seed.child("bass");
    let mut notes: Vec<Note> = Vec::new();
    let mut gates: Vec<f64> = Vec::new();
    let mut before: Option<i32> = None;
    let mut holds = false;
    for bar in enter..leave {
        if tonal.part.spec.kind == SectionKind::Build && bar + 1 == tonal.part.bars {
            break;
        }
        let energy = setting.energy_at(tonal.part, bar);
        let gate = low_gate + (high_gate - low_gate) * ((energy - 0.4) / 0.6).clamp(0.0, 1.0);
        let follows = tonal.theme.bass_may_follow
            && match setting.genre.follow {
                Follow::Chord => true,
                Follow::Tonic => roots.len() >= 3 && energy >= 0.7,
            };
        let tonic = Chord { root: 0, ..progression.at(bar) };
        let chord = if follows { progression.at(bar) } else { tonic };
        let next = if follows { progression.at(bar + 1) } else { tonic };
        let root = place(tonal, chord.root, before);
        // A new chord starts its own note.
        holds &= before == Some(root);
        before = Some(root);
        let next_root = place(tonal, next.root, before);
        let octave = octave_at(line, bar, energy, seed.child("octave").index(u64::from(bar)));
        let first = notes.len();
        for step in 0..16_usize {
            let what = line.at((bar % 8) as usize * 16 + step);
            let beat = f64::from(bar) * 4.0 + step as f64 * 0.25;
            let mut velocity = accent(line, step);
            let pitch = match what {
                BassStep::Rest => {
                    holds = false;
                    continue;
                }
                BassStep::Hold | BassStep::Glide => {
                    if holds && let Some(note) = notes.last_mut() {
                        note.length += 0.25;
                    }
                    continue;
                }
                BassStep::Degree(1) if octave == Some(step) => {
                    velocity *= 0.93;
                    root + 12
                }
                BassStep::Degree(8) => {
                    velocity *= 0.93;
                    root + 12
                }
                BassStep::Degree(degree) => self::degree(tonal, chord, follows, root, degree),
                BassStep::Under => rung(tonal, root, -1),
                BassStep::Fifth => setting.ladder.snap(root - 5),
                BassStep::Approach => rung(tonal, next_root, -1),
                BassStep::Flat => rung(tonal, root, 1),
                BassStep::Dead => {
                    velocity = DEAD;
                    root
                }
            };
            holds = true;
            notes.push(Note { beat, length: 0.25, velocity, pitch: u8::try_from(pitch).ok() });
        }
        if bar % 4 == 3 && draw::chance(seed.child("turn").index(u64::from(bar)), 0.5) {
            turn(tonal, &mut notes[first..], root);
        }
        gates.resize(notes.len(), gate);
    }
    for (note, gate) in notes.iter_mut().zip(gates) {
        note.length *= gate;
    }
    notes
}

/// The pitch of a root inside the register, nearest to the one before.
fn place(tonal: &Tonal<'_>, root: i32, before: Option<i32>) -> i32 {
    let [low, high] = tonal.setting.genre.bass_register;
    let class = tonal.setting.ladder.tonic.index() + root;
    let lowest = low + (class - low).rem_euclid(12);
    let candidates =
        (0..3).map(|octave| lowest + 12 * octave).filter(|pitch| *pitch <= high.max(lowest));
    let near = before.unwrap_or(lowest);
    candidates.min_by_key(|pitch| (pitch - near).abs()).unwrap_or(lowest)
}

fn rung(tonal: &Tonal<'_>, pitch: i32, steps: i32) -> i32 {
    let ladder = tonal.setting.ladder;
    ladder.pitch(ladder.rung(pitch) + steps)
}

fn degree(tonal: &Tonal<'_>, chord: Chord, follows: bool, root: i32, degree: u8) -> i32 {
    let [third, fifth, seventh] = chord.tones();
    match degree {
        1 => root,
        3 if follows => tonal.setting.ladder.snap(root + third.min(5)),
        5 if follows => tonal.setting.ladder.snap(root + fifth),
        7 if follows => tonal.setting.ladder.snap(root + seventh),
        _ => rung(tonal, root, i32::from(degree) - 1),
    }
}

/// Louder on the beat; the rumble swells after each kick.
fn accent(line: &BassLine, step: usize) -> f64 {
    if line.name == "rumble" {
        return [1.0, 0.7, 0.85, 1.0][step % 4];
    }
    match step {
        0 => 1.0,
        _ if step % 4 == 2 => 0.95,
        _ if step.is_multiple_of(4) => 0.9,
        _ => 0.78,
    }
}

/// The step of a bar whose root jumps up an octave, now and then in loud sections.
fn octave_at(line: &BassLine, bar: u32, energy: f64, seed: dream_core::Seed) -> Option<usize> {
    if energy < 0.6 || !draw::chance(seed.child("whether"), 0.08) {
        return None;
    }
    let open = (1..16_usize).filter(|step| {
        !step.is_multiple_of(4) && line.at((bar % 8) as usize * 16 + step) == BassStep::Degree(1)
    });
    draw::weighted(seed, open, |_| 1.0)
}

/// Ends a phrase: the last but one onset steps under the root, the last returns.
fn turn(tonal: &Tonal<'_>, bar: &mut [Note], root: i32) {
    if let [.., before, last] = bar {
        before.pitch = u8::try_from(rung(tonal, root, -1)).ok();
        last.pitch = u8::try_from(root).ok();
    }
}

/// Removes onsets on the kick, all but the first of each two bars, if their share is over the limit.
fn part_from_kicks(notes: &mut Vec<Note>, kicks: &[f64], most: f64) {
    if on_kick(notes, kicks) <= most {
        return;
    }
    let meets = |note: &Note| kicks.iter().any(|kick| (kick - note.beat).abs() < 1e-6);
    let mut kept = None;
    notes.retain(|note| {
        let pair = (note.beat / 8.0) as i64;
        if !meets(note) {
            return true;
        }
        let first = kept != Some(pair);
        kept = Some(pair);
        first
    });
}
