//! The notes of a plan as a Standard MIDI File.
//!
//! Format: MIDI Manufacturers Association, "Standard MIDI Files 1.0" (RP-001): type 1, 960 ticks to the beat. The
//! first track holds tempo, metre, key and a marker per section; then comes a track for each part that has
//! notes. Drums are on channel 10 with the notes of General MIDI. Notes are those of the plan on its straight
//! grid, without swing and the small deviations of a rendering; the swing is named in a text of the first track.

use dream_core::{ArrangementPlan, Key, Mode, Note, PartId, Role, StemQuery};

use crate::cast::label;

/// Ticks per beat.
const TICKS: u16 = 960;
/// Beats of a bar.
const BEATS: f64 = ArrangementPlan::BEATS_PER_BAR;
/// Velocity of what is held.
const HELD_VELOCITY: f64 = 0.7;
/// Channel of the drums, counted from 0.
const DRUMS: u8 = 9;

/// The plan's notes as the bytes of a MIDI file.
pub fn midi(plan: &ArrangementPlan) -> Vec<u8> {
    let sounding = |part: &PartId| !notes(plan, part).is_empty();
    let parts: Vec<PartId> = plan.parts().into_iter().filter(sounding).collect();
    let mut file = Vec::new();
    file.extend(b"MThd\0\0\0\x06\0\x01");
    file.extend((parts.len() as u16 + 1).to_be_bytes());
    file.extend(TICKS.to_be_bytes());
    chunk(&mut file, conductor(plan));
    // Channels repeat when there are more than fifteen parts with a pitch.
    let mut channels = (0..16_u8).filter(|channel| *channel != DRUMS).cycle();
    for part in &parts {
        let drum = drum(part.role);
        let channel = if drum.is_some() { DRUMS } else { channels.next().unwrap_or(0) };
        chunk(&mut file, track(plan, part, channel, drum));
    }
    file
}

/// A message at a tick.
struct Message {
    tick: u64,
    /// Among messages of one tick the lower comes first.
    order: u8,
    bytes: Vec<u8>,
}

fn meta(tick: u64, kind: u8, data: &[u8]) -> Message {
    let mut bytes = vec![0xff, kind];
    put_variable(&mut bytes, data.len() as u64);
    bytes.extend(data);
    Message { tick, order: 0, bytes }
}

/// Tempo, metre, key and sections.
fn conductor(plan: &ArrangementPlan) -> Vec<Message> {
    let micros = (60e6 / plan.bpm.get()).round().clamp(1.0, 16_777_215.0) as u32;
    let swing = format!("swing {:.1} % of the eighth, not applied to the notes", plan.swing);
    let mut messages = vec![
        meta(0, 0x03, plan.genre.as_bytes()),
        meta(0, 0x01, swing.as_bytes()),
        meta(0, 0x51, &micros.to_be_bytes()[1..]),
        meta(0, 0x58, &[4, 2, 24, 8]),
    ];
    messages.extend(plan.key.map(|key| meta(0, 0x59, &signature(key))));
    for (section, bar) in plan.structure.iter().zip(plan.section_starts()) {
        let tick = u64::from(bar) * 4 * u64::from(TICKS);
        messages.push(meta(tick, 0x06, section.section.as_bytes()));
    }
    messages
}

/// Sharps (or flats, negative) of the key, and whether it is minor.
fn signature(key: Key) -> [u8; 2] {
    let minor = key.mode == Mode::Minor;
    // A minor key has the signs of the major a minor third above.
    let tonic = key.tonic.index() + if minor { 3 } else { 0 };
    let fifths = (7 * tonic + 5).rem_euclid(12) - 5;
    [(fifths as i8).cast_unsigned(), u8::from(minor)]
}

/// The notes of a part, counted in beats from the start of the track.
fn notes(plan: &ArrangementPlan, part: &PartId) -> Vec<Note> {
    let mut all: Vec<Note> = Vec::new();
    for (section, bar) in plan.structure.iter().zip(plan.section_starts()) {
        let start = f64::from(bar) * BEATS;
        for query in section.stem_queries.iter().filter(|query| query.part() == *part) {
            let notes = query.notes.iter().filter(|note| note.velocity > 0.0);
            all.extend(notes.map(|note| Note { beat: start + note.beat, ..*note }));
            let Some(pitch) = held(plan, query) else { continue };
            let (enter, leave) = (f64::from(query.enter_bar), f64::from(query.leave_bar));
            let (beat, length) = (start + BEATS * enter, BEATS * (leave - enter));
            // It sounds on from one section into the next.
            match all.last_mut() {
                Some(last) if (last.beat + last.length - beat).abs() < 1e-6 => {
                    last.length += length;
                }
                _ => all.push(Note { beat, length, velocity: HELD_VELOCITY, pitch: Some(pitch) }),
            }
        }
    }
    all
}

/// The pitch that a part without notes holds: a drone the tonic, in the octave below middle C.
fn held(plan: &ArrangementPlan, query: &StemQuery) -> Option<u8> {
    let runs = query.role == Role::Drone && query.notes.is_empty();
    let key = plan.key.filter(|_| runs && query.leave_bar > query.enter_bar)?;
    Some(48 + key.tonic.index().rem_euclid(12) as u8)
}

fn track(plan: &ArrangementPlan, part: &PartId, channel: u8, drum: Option<u8>) -> Vec<Message> {
    let mut messages = vec![meta(0, 0x03, label(part).as_bytes())];
    let tick = |beat: f64| (beat * f64::from(TICKS)).round() as u64;
    for note in notes(plan, part) {
        let pitched =
            if part.role == Role::Break { note.pitch.or(drum) } else { drum.or(note.pitch) };
        let pitch = pitched.unwrap_or(60).min(127);
        let velocity = (note.velocity * 127.0).round().clamp(1.0, 127.0) as u8;
        let on = tick(note.beat);
        let off = tick(note.beat + note.length).max(on + 1);
        messages.push(Message { tick: on, order: 2, bytes: vec![0x90 | channel, pitch, velocity] });
        messages.push(Message { tick: off, order: 1, bytes: vec![0x80 | channel, pitch, 0] });
    }
    messages
}

/// The General MIDI note of a drum; `None` for what is no drum.
fn drum(role: Role) -> Option<u8> {
    match role {
        Role::Kick | Role::Break => Some(36),
        Role::Snare => Some(38),
        Role::Clap => Some(39),
        Role::Hat => Some(42),
        Role::OpenHat => Some(46),
        Role::Ride => Some(51),
        Role::Crash => Some(49),
        Role::Shaker => Some(82),
        Role::Perc => Some(63),
        Role::Tom => Some(45),
        Role::Bass
        | Role::Sub
        | Role::Stab
        | Role::Chords
        | Role::Arp
        | Role::Lead
        | Role::Pad
        | Role::Drone
        | Role::Noise
        | Role::Riser
        | Role::Downlifter
        | Role::Impact
        | Role::Reverse
        | Role::Vocal => None,
    }
}

/// Appends a track of the messages in time.
fn chunk(file: &mut Vec<u8>, mut messages: Vec<Message>) {
    messages.sort_by_key(|message| (message.tick, message.order));
    let mut bytes = Vec::new();
    let mut now = 0;
    for message in messages {
        put_variable(&mut bytes, message.tick - now);
        now = message.tick;
        bytes.extend(message.bytes);
    }
    bytes.extend(b"\0\xff\x2f\0");
    file.extend(b"MTrk");
    file.extend((bytes.len() as u32).to_be_bytes());
    file.extend(bytes);
}

/// Appends a number in groups of seven bits, at most 28 of them.
fn put_variable(bytes: &mut Vec<u8>, number: u64) {
    let number = number.min(0x0fff_ffff);
    let groups = (1..4).take_while(|group| number >> (7 * group) > 0).count();
    for group in (0..=groups).rev() {
        let seven = (number >> (7 * group)) as u8 & 0x7f;
        bytes.push(if group > 0 { seven | 0x80 } else { seven });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dream_core::Seed;

    /// Tracks of `(tick, message)`, read back.
    fn read(file: &[u8]) -> Vec<Vec<(u64, Vec<u8>)>> {
        assert_eq!(&file[..10], b"MThd\0\0\0\x06\0\x01");
        let count = u16::from_be_bytes([file[10], file[11]]);
        let mut rest = &file[14..];
        let mut tracks = Vec::new();
        while !rest.is_empty() {
            assert_eq!(&rest[..4], b"MTrk");
            let len = u32::from_be_bytes(*rest[4..].first_chunk().unwrap()) as usize;
            let (mut body, after) = rest[8..].split_at(len);
            rest = after;
            let (mut tick, mut messages) = (0, Vec::new());
            let variable = |body: &mut &[u8]| {
                let mut number = 0;
                loop {
                    let byte = body[0];
                    *body = &body[1..];
                    number = number << 7 | u64::from(byte & 0x7f);
                    if byte < 0x80 {
                        return number;
                    }
                }
            };
            while !body.is_empty() {
                tick += variable(&mut body);
                let len = if body[0] == 0xff {
                    let mut data = &body[2..];
                    let len = variable(&mut data) as usize;
                    body.len() - data.len() + len
                } else {
                    3
                };
                messages.push((tick, body[..len].to_vec()));
                body = &body[len..];
            }
            assert_eq!(messages.pop().unwrap().1, [0xff, 0x2f, 0]);
            tracks.push(messages);
        }
        assert_eq!(tracks.len(), usize::from(count));
        tracks
    }

    #[test]
    fn every_note_of_a_plan_is_written_at_its_beat() {
        let prompt = crate::Prompt::parse("house 124 bpm in F# minor");
        let plan = crate::plan(&prompt, Seed(3));
        let tracks = read(&midi(&plan));
        let mut tracks = tracks.iter();
        let first = tracks.next().unwrap();
        assert!(first.contains(&(0, vec![0xff, 0x51, 3, 0x07, 0x62, 0x1f])), "60e6 / 124");
        assert!(first.contains(&(0, vec![0xff, 0x59, 2, 3, 1])), "three sharps, minor");
        let markers = first.iter().filter(|(_, bytes)| bytes[1] == 6);
        let starts = plan.section_starts();
        assert!(
            markers
                .map(|(tick, _)| *tick)
                .eq(starts[..plan.structure.len()].iter().map(|bar| u64::from(*bar) * 3_840))
        );
        let mut written = 0;
        for part in plan.parts() {
            let mut expected: Vec<u64> =
                notes(&plan, &part).iter().map(|note| (note.beat * 960.0).round() as u64).collect();
            if expected.is_empty() {
                continue;
            }
            expected.sort_unstable();
            let track = tracks.next().unwrap();
            let on = track.iter().filter(|(_, bytes)| bytes[0] >> 4 == 9);
            assert!(on.clone().map(|(tick, _)| *tick).eq(expected.iter().copied()));
            let channel =
                on.clone().all(|(_, bytes)| (bytes[0] & 15 == 9) == drum(part.role).is_some());
            assert!(channel, "{}", part.role);
            let off = track.iter().filter(|(_, bytes)| bytes[0] >> 4 == 8).count();
            assert_eq!(off, expected.len());
            written += off;
        }
        assert!(written > 500, "{written}");
        assert!(tracks.next().is_none());
    }

    #[test]
    fn a_drone_holds_the_tonic_for_as_long_as_it_runs() {
        let plan = crate::plan(&crate::Prompt::parse("ambient drone 70 bpm in D minor"), Seed(1));
        let drone = plan.parts().into_iter().find(|part| part.role == Role::Drone).unwrap();
        let held = notes(&plan, &drone);
        assert!(!held.is_empty() && held.iter().all(|note| note.pitch == Some(50)), "{held:?}");
        let queries = plan.structure.iter().flat_map(|section| &section.stem_queries);
        let bars: u32 = queries
            .filter(|query| query.part() == drone)
            .map(|query| query.leave_bar - query.enter_bar)
            .sum();
        let beats: f64 = held.iter().map(|note| note.length).sum();
        assert!((beats - 4.0 * f64::from(bars)).abs() < 1e-6);
        assert!(held.windows(2).all(|pair| pair[0].beat + pair[0].length < pair[1].beat));
    }

    #[test]
    fn keys_have_their_signs() {
        for (key, fifths, minor) in [
            ("C major", 0, 0),
            ("A minor", 0, 1),
            ("F major", -1, 0),
            ("E minor", 1, 1),
            ("Eb major", -3, 0),
        ] {
            let key: Key = key.parse().unwrap();
            assert_eq!(signature(key), [(fifths as i8).cast_unsigned(), minor], "{key}");
        }
    }
}
