//! Chords: a progression that fits the scale, voiced and led.
//!
//! Progressions are kept if all their roots lie in the scale and their tonic has its third; what a voicing
//! adds outside the scale moves to the nearest note of it. Stabs are parallel (one shape, moved), chords
//! and pads take the inversion that moves least. Both hold the tonic as a quiet further voice,
//! since loops of two chords otherwise read as another key.

use dream_core::{Mode, Note};

use super::Tonal;
use super::draw;
use super::setting::Setting;
use crate::genre::{Lane, SectionKind};
use crate::pattern::{Chord, Colour, Progression};

/// Longest pad note in bars; longer chords start again.
const PAD_BARS: u32 = 4;
/// Velocity of the held tonic relative to the chord above it.
const PEDAL: f64 = 0.9;
/// Weight of the bass relative to a voice of the chords: it is the loudest tonal part.
const BASS: f64 = 3.0;
/// Weight of the fifth that sounds in each note of the bass, its third partial, relative to the bass.
const TWELFTH: f64 = 0.3;
/// How much better a progression agrees with its own key than with any other.
const CLEAR: f64 = 1.1;
/// How much more seldom a progression is drawn that reads as another key.
const UNCLEAR: f64 = 0.02;

/// Draws the progression of the track.
pub(super) fn progression(setting: &Setting<'_>) -> Progression {
    let (ladder, mode) = (setting.ladder, setting.ladder.scale.mode());
    let tonic = ladder.tonic.index();
    if setting.key.is_none() {
        let chord = Chord { root: 0, minor: true, colour: Colour::Cluster };
        return Progression { weight: 1.0, bars: 8, chords: vec![chord] };
    }
    let fits = |progression: &Progression| {
        progression.chords.iter().all(|chord| {
            let third = chord.root != 0 || chord.is_open() || chord.minor == (mode == Mode::Minor);
            third && ladder.contains(tonic + chord.root)
        })
    };
    let own = || setting.genre.progressions.iter().cloned();
    let mut usable: Vec<Progression> = own().filter(fits).collect();
    if usable.is_empty() && mode == Mode::Major {
        let major = |mut progression: Progression| {
            progression.chords = progression.chords.iter().map(|chord| chord.in_major()).collect();
            progression
        };
        usable = own().map(major).filter(fits).collect();
    }
    let drawn = draw::weighted(setting.seed.child("progression"), usable, |one| {
        let clear = is_clear(setting, one, false) || bass_may_follow(setting, one);
        one.weight * if clear { 1.0 } else { UNCLEAR }
    });
    drawn.unwrap_or_else(|| {
        let chord = Chord { root: 0, minor: mode == Mode::Minor, colour: Colour::Triad };
        Progression { weight: 1.0, bars: 8, chords: vec![chord] }
    })
}

/// Whether the key stays clear when the bass moves with the chords; else it holds the tonic under them.
pub(super) fn bass_may_follow(setting: &Setting<'_>, progression: &Progression) -> bool {
    is_clear(setting, progression, true)
}

/// Whether a progression over the held tonic speaks for its key: whether that is clearly the first of the 24 keys by the
/// correlation of its pitch classes with the key profiles of Á. Faraldo, "Tonality Estimation in Electronic Dance
/// Music", thesis, Universitat Pompeu Fabra, 2017. `follows`: whether the bass plays the roots or the tonic.
fn is_clear(setting: &Setting<'_>, progression: &Progression, follows: bool) -> bool {
    const MAJOR: [f64; 12] =
        [1.00, 0.00, 0.42, 0.00, 0.53, 0.37, 0.00, 0.77, 0.00, 0.38, 0.21, 0.30];
    const MINOR: [f64; 12] =
        [1.00, 0.00, 0.36, 0.39, 0.00, 0.38, 0.00, 0.74, 0.27, 0.00, 0.42, 0.23];
    // Pitch classes above the tonic, as pad and bass hold them.
    let mut weights = [0.0; 12];
    let mut before = Vec::new();
    for chord in &progression.chords {
        let pitches = led(setting, *chord, true, &before);
        before.clone_from(&pitches);
        before.sort_unstable();
        for pitch in pitches.iter().copied().chain(pedal(setting, &pitches)) {
            weights[(pitch - setting.ladder.tonic.index()).rem_euclid(12) as usize] += 1.0;
        }
        let bass = if follows { chord.root as usize } else { 0 };
        weights[bass] += BASS;
        weights[(bass + 7) % 12] += BASS * TWELFTH;
    }
    let mean = weights.iter().sum::<f64>() / 12.0;
    let score = |tonic: usize, profile: &[f64; 12]| -> f64 {
        let average = profile.iter().sum::<f64>() / 12.0;
        let spread = profile.iter().map(|value| (value - average).powi(2)).sum::<f64>().sqrt();
        let classes = (0..12).map(|class| (weights[(class + tonic) % 12] - mean) * profile[class]);
        classes.sum::<f64>() / spread
    };
    let own = match setting.ladder.scale.mode() {
        Mode::Major => score(0, &MAJOR),
        Mode::Minor => score(0, &MINOR),
    };
    let all = (0..12).flat_map(|tonic| [score(tonic, &MAJOR), score(tonic, &MINOR)]);
    all.filter(|score| CLEAR * score > own).count() <= 1
}

/// The pitches of a chord, its root first, with the root in 48..60.
fn voiced(setting: &Setting<'_>, chord: Chord, open: bool) -> Vec<i32> {
    let ladder = setting.ladder;
    let root = 48 + (ladder.tonic.index() + chord.root).rem_euclid(12);
    let mut pitches = vec![root];
    for interval in chord.voiced(setting.genre.voicing(chord.colour, open)) {
        let exact = setting.key.is_none();
        let pitch = if exact { root + interval } else { ladder.snap(root + interval) };
        if !pitches.contains(&pitch) {
            pitches.push(pitch);
        }
    }
    pitches
}

/// The pitch classes of a chord's triad or shell, for hooks and arpeggios, the root first.
pub(super) fn tones(setting: &Setting<'_>, chord: Chord) -> Vec<i32> {
    let root = setting.ladder.tonic.index() + chord.root;
    let [third, fifth, _] = chord.tones();
    let mut tones: Vec<i32> = Vec::new();
    for interval in [0, third, fifth] {
        let tone = setting.ladder.snap(root + interval).rem_euclid(12);
        if !tones.contains(&tone) {
            tones.push(tone);
        }
    }
    tones
}

/// The inversion of a chord that moves least from the one before, with its top within an octave and a
/// half; its root comes first.
fn led(setting: &Setting<'_>, chord: Chord, open: bool, before: &[i32]) -> Vec<i32> {
    let shape = voiced(setting, chord, open);
    let mut low = shape.clone();
    low.sort_unstable();
    let (floor, ceiling) = match setting.genre.hook_register {
        [register, _] if register >= 67 => (67, 84),
        _ => (60, 76),
    };
    let mut best: Option<(i32, Vec<i32>)> = None;
    for turn in 0..=low.len() {
        for octave in [-12, 0, 12] {
            let mut turned: Vec<i32> = low
                .iter()
                .enumerate()
                .map(|(at, pitch)| pitch + octave + if at < turn { 12 } else { 0 })
                .collect();
            turned.sort_unstable();
            turned.dedup();
            let top = turned[turned.len() - 1];
            let outside = (floor - top).max(top - ceiling).max(0) + (48 - turned[0]).max(0);
            let muddy = |pair: &[i32]| i32::from(pair[0] < 52 && pair[1] - pair[0] < 3);
            let muddy: i32 = turned.windows(2).map(muddy).sum();
            let moved: i32 = turned.iter().zip(before).map(|(new, old)| (new - old).abs()).sum();
            let cost = moved + 20 * outside + 12 * muddy;
            if best.as_ref().is_none_or(|(least, _)| cost < *least) {
                best = Some((cost, turned));
            }
        }
    }
    let (_, mut pitches) = best.unwrap_or((0, shape.clone()));
    let root = pitches.iter().position(|pitch| (pitch - shape[0]) % 12 == 0).unwrap_or(0);
    pitches[..=root].rotate_right(1);
    pitches
}

/// The notes of a chordal lane in a section.
pub(super) fn play(tonal: &Tonal<'_>, lane: Lane) -> Vec<Note> {
    let mut notes = Vec::new();
    for span in tonal.spans_of(lane) {
        match lane {
            Lane::Pad => pad(tonal, span.enter, span.leave, &mut notes),
            _ => stabs(tonal, lane, span.enter, span.leave, &mut notes),
        }
    }
    notes
}

fn pad(tonal: &Tonal<'_>, enter: u32, leave: u32, notes: &mut Vec<Note>) {
    let (setting, progression) = (tonal.setting, &tonal.theme.progression);
    // Played anew, the first chord lies elsewhere.
    let high = tonal.anew && draw::chance(tonal.seed.child("pad"), 0.5);
    let mut before = if high { vec![84; 5] } else { Vec::new() };
    let mut bar = enter;
    while bar < leave {
        let chord = progression.at(bar);
        let changes = bar + progression.bars - bar % progression.bars;
        let end = changes.min(leave).min(bar + PAD_BARS);
        let open =
            setting.energy_at(tonal.part, bar) >= 0.6 || tonal.part.spec.kind == SectionKind::Break;
        let mut pitches = led(setting, chord, open, &before);
        before.clone_from(&pitches);
        before.sort_unstable();
        let voices = pitches.len();
        pitches.extend(pedal(setting, &pitches));
        for (at, pitch) in pitches.into_iter().enumerate() {
            push(
                notes,
                f64::from(bar) * 4.0,
                f64::from(end - bar) * 4.0,
                pitch,
                if at < voices { 0.75 } else { 0.75 * PEDAL },
            );
        }
        bar = end;
    }
}

/// The tonic under a chord that lacks it and does not rub against it.
fn pedal(setting: &Setting<'_>, pitches: &[i32]) -> Option<i32> {
    let tonic = 48 + setting.ladder.tonic.index();
    let rubs = pitches.iter().any(|pitch| matches!((pitch - tonic).rem_euclid(12), 0 | 1 | 11));
    (!rubs && setting.key.is_some()).then_some(tonic)
}

fn stabs(tonal: &Tonal<'_>, lane: Lane, enter: u32, leave: u32, notes: &mut Vec<Note>) {
    let (setting, part) = (tonal.setting, tonal.part);
    let parallel = lane != Lane::Chords;
    let mut before = Vec::new();
    for bar in enter..leave {
        let energy = setting.energy_at(part, bar);
        let rhythm = &setting.genre.stabs[rhythm(tonal, lane, setting.energy_at(part, enter))];
        let mut hits = rhythm.grid.hits(bar % 8, |_| true);
        // Every fourth bar may lose its last hit.
        let lean = tonal.seed.child(lane.name()).child("lean").index(u64::from(bar));
        if bar % 4 == 3 && hits.len() > 1 && draw::chance(lean, 0.3) {
            hits.pop();
        }
        let most = if energy < 0.4 { 2 } else { 16 };
        hits.truncate(most);
        let open = energy >= 0.6;
        for hit in hits {
            let chord = tonal.theme.progression.at(bar);
            let mut pitches = if parallel {
                voiced(setting, chord, open)
            } else {
                led(setting, chord, open, &before)
            };
            before.clone_from(&pitches);
            before.sort_unstable();
            let voices = pitches.len();
            if !parallel {
                pitches.extend(pedal(setting, &pitches));
            }
            let end = f64::from(tonal.part.bars) * 4.0;
            let beat = f64::from(bar) * 4.0 + hit.beat;
            for (at, pitch) in pitches.into_iter().enumerate() {
                let level = if at < voices { 1.0 } else { PEDAL };
                push(notes, beat, hit.length.min(end - beat), pitch, hit.velocity * level);
            }
        }
    }
}

/// The chord rhythm of a lane in this section; the second stab differs from the first.
fn rhythm(tonal: &Tonal<'_>, lane: Lane, energy: f64) -> usize {
    let stabs = &tonal.setting.genre.stabs;
    let other = (lane == Lane::Stab2).then(|| rhythm(tonal, Lane::Stab, energy));
    let nearest = stabs.iter().map(|one| one.distance(energy)).fold(f64::INFINITY, f64::min);
    let usable: Vec<usize> =
        (0..stabs.len()).filter(|at| stabs[*at].distance(energy) <= nearest).collect();
    let different = usable.iter().copied().filter(|at| Some(*at) != other);
    let seed = tonal.seed.child(lane.name()).child("rhythm");
    draw::weighted(seed, different, |_| 1.0).unwrap_or(usable[0])
}

fn push(notes: &mut Vec<Note>, beat: f64, length: f64, pitch: i32, velocity: f64) {
    let pitch = u8::try_from(pitch.clamp(0, 127)).ok();
    notes.push(Note { beat, length, velocity, pitch });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::Prompt;
    use dream_core::Seed;

    #[track_caller]
    fn check(chords: &str, follows: bool) {
        let prompt = Prompt::parse("drum and bass in A minor");
        let setting = Setting::new(&prompt, Seed(1));
        let chords: Vec<Chord> =
            chords.split(' ').map(|chord| Chord::parse(chord).unwrap()).collect();
        let progression = Progression { weight: 1.0, bars: 2, chords };
        assert_eq!(bass_may_follow(&setting, &progression), follows);
        assert!(is_clear(&setting, &progression, false), "a pedal point tells the key");
    }

    #[test]
    fn the_bass_moves_only_where_the_key_stays_clear() {
        check("i", true);
        check("i bVI bVII i", true);
        check("i bVII bVI bVII", false);
        check("i bIII iv bVI", false);
    }
}
