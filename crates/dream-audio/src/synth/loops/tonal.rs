//! Bass, chord and pad loops. Notes are (step, semitones above the root, velocity, length in steps).

use super::{Grid, HITS, Hits, Score, at_loop_level};
use crate::synth::curve::{adsr, decay, semitones, sin32};
use crate::synth::osc::saw;
use crate::synth::patch::midi_hz;
use crate::synth::recipes::bass::{
    Line, Note, industrial_note, organ_note, reese_note, rolling_note,
};
use crate::synth::recipes::stab::{dub_chord, electric_piano, plucked_supersaw, stab_techno_minor};
use crate::synth::sound::{RATE, Sound, time};
use crate::synth::space::{Echo, Room};

type Event = (usize, f32, f32, f32);

/// Plays notes on an untempered grid: no swing, no human deviation.
fn play(s: &Score, root: f32, events: &[Event], voice: fn(Note) -> Sound) -> Sound {
    let mut grid = Grid::new(s, 0.5, 0.0);
    for &(step, interval, velocity, length) in events {
        let hz = midi_hz(root + f32::from(s.shift) + interval);
        let gate = length * s.step() as f32;
        grid.put(&voice(Note { hz, gate, velocity }), grid.time(step), velocity, 0.0);
    }
    grid.sound()
}

/// Three notes behind every kick, G minor at 138 bpm.
pub(crate) fn bass_rolling(s: &Score) -> Sound {
    let events: Vec<Event> = (0..4 * s.bars as usize)
        .flat_map(|beat| {
            [(1, 0.75), (2, 0.9), (3, 1.0)].map(|(step, velocity)| {
                let octave = if beat % 4 == 3 && step == 3 { 12.0 } else { 0.0 };
                (4 * beat + step, octave, velocity, 0.9)
            })
        })
        .collect();
    play(s, 31.0, &events, rolling_note).rounded()
}

/// A monophonic acid line with accents and slides, A minor at 130 bpm; the filter opens and closes once.
pub(crate) fn bass_acid(s: &Score) -> Sound {
    const SCALE: [f32; 16] =
        [0.0, 0.0, 12.0, 3.0, 0.0, 7.0, 10.0, 0.0, 12.0, 0.0, 3.0, 5.0, 0.0, 15.0, 0.0, 10.0];
    const ACCENTS: [usize; 6] = [0, 3, 6, 9, 12, 14];
    const SLIDES: [usize; 4] = [2, 5, 10, 13];
    const RESTS: [usize; 3] = [4, 9, 15];
    let steps = 16 * s.bars as usize;
    let edge = |i: usize| (i as f64 * s.step() * RATE).round() as usize;
    let pitch = |i: usize| midi_hz(33.0 + f32::from(s.shift) + SCALE[i % 16]);
    let mut line = Line::default();
    for i in 0..steps {
        let (k, before) = (i % 16, (i + 15) % 16);
        let (accent, rest) = (ACCENTS.contains(&k), RESTS.contains(&k));
        let (slides, slid) = (SLIDES.contains(&k), SLIDES.contains(&before));
        let (target, from) = (pitch(i), pitch(i + 15));
        let open = 1.1 * sin32(0.5 * i as f32 / steps as f32);
        let gate = s.step() as f32 * if slides { 1.0 } else { 0.55 };
        for t in (0..edge(i + 1) - edge(i)).map(time) {
            let glide = if slid { (from / target).powf((-t / 0.02).exp()) } else { 1.0 };
            let (t60, sweep) = if accent { (0.55, 3.5) } else { (0.6, 2.6) };
            let held =
                if t < gate { 1.0 - 0.3 * t / gate } else { 0.7 * (-(t - gate) / 0.006).exp() };
            let onset = if slid { 1.0 } else { 1.0 - (-t / 0.002).exp() };
            let strength = if rest {
                0.0
            } else if accent {
                1.0
            } else {
                0.72
            };
            line.hz.push(target * glide);
            line.cut.push(420.0 * semitones(12.0 * (open + sweep * decay(t, t60))));
            line.level.push(strength * held * onset);
        }
    }
    // The last bar is played first, so that the filter enters the loop as it leaves it.
    let lead = line.hz.len() / s.bars as usize;
    let led = |x: &[f32]| [&x[x.len() - lead..], x].concat();
    let line = Line { hz: led(&line.hz), cut: led(&line.cut), level: led(&line.level) };
    let sound = line.play();
    sound.slice(lead, sound.len()).rounded()
}

/// Long reese notes, F minor at 174 bpm.
pub(crate) fn bass_reese(s: &Score) -> Sound {
    let events = [
        (0, 0.0, 1.0, 14.0),
        (16, 0.0, 1.0, 10.0),
        (26, 3.0, 1.0, 5.5),
        (32, -2.0, 1.0, 14.0),
        (48, -4.0, 1.0, 8.0),
        (56, -2.0, 1.0, 7.5),
    ];
    play(s, 29.0, &events, reese_note).rounded()
}

/// An organ bass line over four chords, C minor at 124 bpm.
pub(crate) fn bass_house(s: &Score) -> Sound {
    const BAR: [Event; 6] = [
        (2, 0.0, 0.9, 1.4),
        (5, 0.0, 0.7, 1.0),
        (7, 12.0, 0.6, 0.8),
        (10, -2.0, 0.9, 1.6),
        (13, 0.0, 0.8, 1.0),
        (15, 3.0, 0.6, 0.8),
    ];
    let roots = [0.0, 0.0, -4.0, -2.0];
    let events: Vec<Event> = roots
        .iter()
        .enumerate()
        .flat_map(|(bar, root)| {
            BAR.map(|(step, interval, v, length)| (16 * bar + step, root + interval, v, length))
        })
        .collect();
    play(s, 36.0, &events, organ_note).rounded()
}

/// A distorted off-beat line, E minor at 138 bpm.
pub(crate) fn bass_industrial(s: &Score) -> Sound {
    let events: Vec<Event> = (0..s.bars as usize)
        .flat_map(|bar| {
            let second = bar % 2 == 1;
            let (up, down) = if second { (1.0, -2.0) } else { (0.0, 0.0) };
            [
                (2, 0.0, 1.0),
                (3, 0.0, 0.7),
                (6, 0.0, 1.0),
                (7, up, 0.7),
                (10, 0.0, 1.0),
                (11, 0.0, 0.6),
                (14, 0.0, 1.0),
                (15, down, 0.8),
            ]
            .map(|(step, interval, velocity)| (16 * bar + step, interval, velocity, 0.9))
        })
        .collect();
    play(s, 28.0, &events, industrial_note).ducked(s.beat(), 0.5).rounded()
}

/// Echoes and room of a loop, run in so that they wrap; levels relative to the dry sound.
fn in_space(dry: &Sound, echo: Echo, echo_level: f32, room: Option<(Room, f32)>) -> Sound {
    let echo = Echo { tail: 0.0, ..echo };
    let lead = 6.0 * echo.time + 1.5;
    let wet = dry.around(lead, |x| x.echo(&echo));
    let mut sum = dry.clone() + wet.clone() * echo_level;
    if let Some((room, level)) = room {
        let source = dry.clone().into_mono() + wet.into_mono() * 0.4;
        sum = sum + source.around(room.t60, |x| x.reverb(&room)) * level;
    }
    sum
}

/// Dub chords whose filter opens by a different amount each time, F minor at 122 bpm.
pub(crate) fn dub_chords(s: &Score) -> Sound {
    const CHORDS: [(usize, f32); 8] = [
        (2, 900.0),
        (5, 500.0),
        (18, 1400.0),
        (27, 700.0),
        (34, 2200.0),
        (37, 900.0),
        (50, 2900.0),
        (59, 1200.0),
    ];
    let patch = s.patch("chord", 53, &[0, 3, 7, 10]);
    let mut grid = Grid::new(s, 0.5, 0.0);
    for (step, open) in CHORDS {
        let chord = dub_chord(&patch, 0.55, |t| 450.0 + open * decay(t, 0.35));
        grid.put(&chord, grid.time(step), 0.72, 0.0);
    }
    let echo = Echo { time: 0.75 * s.beat(), feedback: 0.58, low: 350.0, high: 2200.0, tail: 0.0 };
    let room = Room { t60: 2.8, damp: 0.5, size: 1.1, tail: 0.0, low: 250.0, high: 5000.0 };
    in_space(&grid.sound(), echo, 0.6, Some((room, 0.35))).ducked(s.beat(), 0.35).rounded()
}

/// An arpeggio over Am F C G that opens and closes once, at 138 bpm.
pub(crate) fn arp_trance(s: &Score) -> Sound {
    const CHORDS: [(f32, [f32; 4]); 4] = [
        (0.0, [0.0, 3.0, 7.0, 12.0]),
        (-4.0, [0.0, 4.0, 7.0, 12.0]),
        (-9.0, [0.0, 4.0, 7.0, 12.0]),
        (-2.0, [0.0, 4.0, 7.0, 12.0]),
    ];
    const ORDER: [usize; 8] = [0, 2, 1, 3, 2, 0, 3, 1];
    const VELOCITY: [f32; 4] = [1.0, 0.6, 0.8, 0.65];
    let mut grid = Grid::new(s, 0.5, 0.0);
    for step in 0..16 * s.bars as usize {
        let (root, chord) = CHORDS[step / 16 % 4];
        let patch = s.patch("pluck", 69, &[0]);
        let note = patch.note + root + chord[ORDER[step % 8]];
        let along = step as f32 / (16 * s.bars) as f32;
        let open = 700.0 + 4500.0 * (0.5 + 0.5 * sin32(along - 0.25));
        grid.put(&plucked_supersaw(&patch, note, open), grid.time(step), VELOCITY[step % 4], 0.0);
    }
    let echo = Echo { time: 0.75 * s.beat(), feedback: 0.42, low: 500.0, high: 5000.0, tail: 0.0 };
    let room = Room { t60: 1.8, damp: 0.3, tail: 0.0, low: 300.0, ..Room::MEDIUM };
    in_space(&grid.sound(), echo, 0.35, Some((room, 0.18))).ducked(s.beat(), 0.4).rounded()
}

/// Techno stabs with an echo, E minor at 132 bpm.
pub(crate) fn stab_techno(s: &Score) -> Sound {
    const STABS: [(usize, f32, f32); 8] = [
        (3, 1.0, 0.0),
        (6, 0.7, 0.0),
        (11, 0.9, 0.0),
        (14, 0.5, -2.0),
        (19, 1.0, 0.0),
        (22, 0.7, 0.0),
        (27, 0.9, 3.0),
        (30, 0.6, 1.0),
    ];
    let chord = at_loop_level(stab_techno_minor(&s.patch("stab", 52, &[0, 3, 7])));
    let mut grid = Grid::new(s, 0.52, 0.0);
    for (step, velocity, pitch) in STABS {
        let hits = Hits { steps: &[step], velocity: &[velocity], pitch: &[pitch], ..HITS };
        grid.hit(&chord, &hits);
    }
    let echo = Echo { time: 0.75 * s.beat(), feedback: 0.4, low: 400.0, high: 3000.0, tail: 0.0 };
    in_space(&grid.sound(), echo, 0.3, None).rounded()
}

/// Electric piano over Fmaj9 Dm9 Gm7 C9, strummed, at 84 bpm.
pub(crate) fn keys_lofi(s: &Score) -> Sound {
    const CHORDS: [(u8, &[i8]); 4] = [
        (53, &[0, 4, 7, 11, 14]),
        (50, &[0, 3, 7, 10, 14]),
        (55, &[0, 3, 7, 10]),
        (48, &[0, 4, 10, 14]),
    ];
    let mut grid = Grid::new(s, 0.58, 6.0);
    for (bar, (root, chord)) in CHORDS.into_iter().enumerate() {
        for (step, seconds, level, from) in [(0, 1.5, 1.0, 0), (7, 0.9, 0.6, 0), (10, 0.7, 0.5, 1)]
        {
            let patch = s.patch("keys", root, &chord[from..]);
            let end = seconds as f32 - 0.2;
            let played =
                electric_piano(&patch, seconds, 0.012).env(adsr(0.004, 1.0, 0.5, 0.2, end));
            grid.put(&played, grid.time(16 * bar + step), level, 0.0);
        }
    }
    grid.sound().auto_panned(4.6, 0.15).rounded()
}

/// A dark pad over eight bars, D minor at 124 bpm: every oscillator and sweep has whole cycles.
pub(crate) fn pad_dark(s: &Score) -> Sound {
    let seconds = s.len() as f64 / RATE;
    let cycles = |hz: f32| ((f64::from(hz) * seconds).round() / seconds) as f32;
    let patch = s.patch("pad", 38, &[0, 7, 12, 15, 19]);
    let voices: Sound = patch
        .chord_hz()
        .map(|(j, hz)| {
            let phase = 0.1 * j as f32;
            let (up, down) = (cycles(hz * semitones(0.09)), cycles(hz * semitones(-0.09)));
            saw(seconds, |_| up, phase) + saw(seconds, |_| down, 0.5 + phase)
        })
        .sum();
    let room = Room { t60: 4.0, damp: 0.5, size: 1.3, tail: 0.0, low: 100.0, high: 4000.0 };
    let once = 1.0 / seconds as f32;
    (voices * 0.12)
        .around(3.0, |x| {
            x.ladder(
                |t| 420.0 + 260.0 * sin32(2.0 * once * t) + 90.0 * sin32(5.0 * once * t + 0.16),
                0.9,
                1.6,
            )
            .wide(patch.rand("sides"), 18.0, 0.6)
            .chorus(2.0 * once, 2.4, 9.0, 0.4)
            .room(0.4, &room)
        })
        .rounded()
}
