//! From a part of the plan and its stem to a layer: hits, notes, loops, textures on the timeline.

use std::collections::BTreeMap;

use dream_audio::Clip;
use dream_core::{ArrangementPlan, Form, Key, Note, PartId, Role, Section, Seed, StemQuery};
use rand::RngExt;
use rayon::prelude::*;

use super::event::{Event, Source};
use super::role::{Traits, is_drum, is_gesture, is_tonal, traits};
use super::source::{Variant, prepare};
use super::timeline::{Span, Timeline, frames, merge};
use super::{motion, transition, tuning};
use crate::CastStem;

/// What one stem plays in the track.
#[derive(Debug, Clone)]
pub(crate) struct Score {
    pub(crate) part: PartId,
    pub(crate) traits: Traits,
    /// Level among the stems of the part, dB.
    pub(crate) gain_db: f64,
    pub(crate) events: Vec<Event>,
    pub(crate) sources: Vec<Source>,
    /// Bars in which the part runs as a loop or a texture.
    pub(crate) spans: Vec<Span>,
    pub(crate) motion: motion::Motion,
}

/// An event whose source is not made yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Draft {
    pub(crate) event: Event,
    pub(crate) variant: Variant,
    /// First frame of its section and the first after it: notes do not leave their section, so that an edit
    /// in one moves no sample of another. Everything else may.
    pub(crate) bounds: (i64, i64),
}

/// The bounds of what may cross the lines of sections.
pub(crate) const UNBOUND: (i64, i64) = (i64::MIN, i64::MAX);

/// One query of the part, with its place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub(crate) index: usize,
    pub(crate) section: &'a Section,
    pub(crate) query: &'a StemQuery,
}

/// The queries of a part in order.
pub(crate) fn scenes<'a>(plan: &'a ArrangementPlan, part: &PartId) -> Vec<Scene<'a>> {
    let all = plan.structure.iter().enumerate().flat_map(|(index, section)| {
        section.stem_queries.iter().map(move |query| Scene { index, section, query })
    });
    all.filter(|scene| scene.query.part() == *part).collect()
}

/// Writes what the stem plays and prepares its sources.
pub(crate) fn score(
    plan: &ArrangementPlan,
    time: &Timeline,
    part: &PartId,
    stem: &CastStem,
    clip: &Clip,
) -> Score {
    let scenes = scenes(plan, part);
    let (drafts, spans) = if is_gesture(part.role) {
        (transition::gestures(plan, time, part, &scenes, clip), Vec::new())
    } else if stem.form == Form::Loop {
        let sliced = part.role == Role::Break
            && scenes.iter().any(|scene| scene.query.notes.iter().any(|n| n.pitch.is_some()));
        let spans = running(&scenes, time, !sliced);
        let pass = Pass::of(time, stem, clip, part.role);
        let mut drafts = loops(time, &spans, pass);
        if sliced {
            for scene in &scenes {
                drafts.append(&mut slices(time, *scene, pass));
            }
            cut_own(&mut drafts, part.role);
        }
        (drafts, spans)
    } else {
        let mut drafts = Vec::new();
        for scene in &scenes {
            drafts.append(&mut notes(time, *scene, stem, clip, plan));
        }
        if is_drum(part.role) {
            cut_own(&mut drafts, part.role);
        }
        let spans = if is_drum(part.role) { Vec::new() } else { running(&scenes, time, false) };
        drafts.append(&mut textures(time, &spans, stem, clip));
        (drafts, spans)
    };
    let (events, sources) = realise(drafts, time, clip, plan, part.role, stem);
    let motion = motion::of(plan, time, &scenes, &spans, stem.form == Form::Loop, part.role);
    Score {
        part: part.clone(),
        traits: traits(part.role),
        gain_db: stem.gain_db,
        events,
        sources,
        spans,
        motion,
    }
}

/// Makes each variant once.
fn realise(
    mut drafts: Vec<Draft>,
    time: &Timeline,
    clip: &Clip,
    plan: &ArrangementPlan,
    role: Role,
    stem: &CastStem,
) -> (Vec<Event>, Vec<Source>) {
    let mut variants: Vec<Variant> = drafts.iter().map(|draft| draft.variant).collect();
    variants.sort_unstable();
    variants.dedup();
    let highpass_hz =
        if role == Role::Bass && has_sub(plan) { 90.0 } else { traits(role).highpass_hz };
    let sources: Vec<Source> = variants
        .par_iter()
        .map(|variant| {
            let pitch = stem.root.filter(|_| is_tonal(role) && stem.chord.is_empty());
            let pitch = pitch.zip(variant.cents()).map(|(root, cents)| root + cents / 100.0);
            let third_of_hz = pitch.and_then(|pitch| tuning::foreign_third_hz(plan.key, pitch));
            prepare(clip, *variant, role, time, highpass_hz, third_of_hz)
        })
        .collect();
    let index: BTreeMap<Variant, usize> =
        variants.into_iter().enumerate().map(|(i, variant)| (variant, i)).collect();
    for draft in &mut drafts {
        let event = &mut draft.event;
        event.source = index[&draft.variant];
        let source = &sources[event.source];
        match draft.variant {
            Variant::Hit { .. } => {
                let attack = source.attack;
                let (first, last) = draft.bounds;
                let lead = attack.lead.min(event.start.saturating_sub(first));
                event.start -= lead;
                event.offset = attack.frame - lead;
                event.fade_in = attack.lead - lead;
                let planned = event.len.saturating_add(lead);
                event.len = planned.min(source.len() - event.offset);
                // A fade stays where it was planned, as far as there is sound.
                event.fade_out = (event.fade_out - (planned - event.len)).max(0);
                event.end_by(last);
            }
            // A rising gesture ends with its span: until now `start` is that end.
            Variant::Gesture { rising: true, .. } => {
                event.len = source.len();
                event.start -= source.len();
                event.fade_in = frames(0.03).min(event.len);
            }
            Variant::Gesture { rising: false, .. } => {
                event.start -= source.attack.lead;
                event.offset = source.attack.frame - source.attack.lead;
                event.len = source.len() - event.offset;
                event.fade_out = frames(0.03).min(event.len);
            }
            Variant::Loop { .. } => event.end_by(draft.bounds.1),
            Variant::Texture { .. } => {}
        }
    }
    let mut events: Vec<Event> = drafts.into_iter().map(|draft| draft.event).collect();
    events.retain(|event| event.len > 0);
    events.sort_by_key(|event| (event.start, event.source));
    (events, sources)
}

/// Whether a sub owns the low end wherever there is a bass: then the bass leaves it.
fn has_sub(plan: &ArrangementPlan) -> bool {
    let has = |section: &Section, role| section.stem_queries.iter().any(|q| q.role == role);
    plan.structure.iter().all(|section| !has(section, Role::Bass) || has(section, Role::Sub))
}

/// The notes of a scene as hits.
fn notes(
    time: &Timeline,
    scene: Scene<'_>,
    stem: &CastStem,
    clip: &Clip,
    plan: &ArrangementPlan,
) -> Vec<Draft> {
    let Scene { index, section, query } = scene;
    let (role, part) = (query.role, query.part());
    let (first, last) = (f64::from(query.enter_bar) * 4.0, f64::from(query.leave_bar) * 4.0);
    let pattern;
    let notes: &[Note] = if query.notes.is_empty() && is_drum(role) {
        pattern = usual(role, query);
        &pattern
    } else {
        &query.notes
    };
    let rests = transition::silences(section);
    let seed = Seed(section.seed);
    let bounds = (time.bar_in(index, 0.0), time.bar_in(index, f64::from(section.bars)));
    let sounding = |note: &&Note| {
        (first..last).contains(&(note.beat + 1e-9))
            && note.velocity > 0.0
            && !rests.iter().any(|(from, to)| (*from..*to).contains(&(note.beat + 1e-9)))
    };
    let mut notes: Vec<&Note> = notes.iter().filter(sounding).collect();
    notes.sort_by(|a, b| a.beat.total_cmp(&b.beat).then(a.pitch.cmp(&b.pitch)));
    let mut drafts = Vec::new();
    for chord in notes.chunk_by(|a, b| (a.beat - b.beat).abs() < 1e-6) {
        // A chord stem plays all of it at once, and what has no root plays one pitch.
        let single = !stem.chord.is_empty() || (is_tonal(role) && stem.root.is_none());
        let voices = if single { &chord[..1] } else { chord };
        for note in voices {
            let on_beat = (note.beat - note.beat.round()).abs() < 1e-6;
            let backbeat = on_beat && matches!(role, Role::Clap | Role::Snare);
            let freedom = if backbeat { 0.0 } else { traits(role).human };
            let late = time.deviation(seed, &part, note.beat, freedom);
            let start = (time.note_in(index, note.beat) + late).max(bounds.0);
            let tick = (note.beat * 960.0).round() as u64;
            let (cents, wobble_db) = match transposition(plan.key, chord, note, stem, role) {
                Some(cents) => (cents, 0.0),
                None => robin(role, seed.child("hit").child(role.name()).index(tick)),
            };
            let velocity = note.velocity as f32;
            let (len, fade_out) = if is_drum(role) {
                (clip.len() as i64 * 2, 0)
            } else {
                let release = frames(release_s(role));
                let end = time.note_in(index, note.beat + note.length.max(0.0625));
                ((end - start).max(release) + release, release)
            };
            drafts.push(Draft {
                bounds,
                variant: Variant::Hit { cents },
                event: Event {
                    start,
                    len,
                    source: 0,
                    offset: 0,
                    wrap: false,
                    gain: velocity.powf(1.6) * 10.0_f32.powf(wobble_db / 20.0),
                    fade_in: 0,
                    fade_out,
                    open: openness(velocity),
                },
            });
        }
    }
    drafts
}

/// Fade after the end of a note, seconds.
fn release_s(role: Role) -> f64 {
    match role {
        Role::Bass | Role::Sub => 0.010,
        Role::Pad | Role::Drone => 0.250,
        Role::Lead | Role::Chords | Role::Vocal => 0.030,
        _ => 0.020,
    }
}

/// A softer hit is duller: the corner of a one-pole low-pass falls from 20 kHz by 4 % per ninth of
/// velocity, as a coefficient.
fn openness(velocity: f32) -> f32 {
    if velocity > 0.99 {
        return 1.0;
    }
    let hz = 18_000.0 * (1.0 - 0.36 * (1.0 - velocity)) * velocity.max(0.05).sqrt();
    1.0 - (-std::f32::consts::TAU * hz / 44_100.0).exp()
}

/// Cents from the stem's root to the note of a chord, the casting's transposition where it has none; `None` where pitch does not
/// matter.
fn transposition(
    key: Option<Key>,
    chord: &[&Note],
    note: &Note,
    stem: &CastStem,
    role: Role,
) -> Option<i32> {
    if is_drum(role) && role != Role::Tom {
        return None;
    }
    let Some(root) = stem.root else {
        return is_tonal(role).then_some((stem.semitones * 100.0).round() as i32);
    };
    let tonic = key.map(|key| f64::from(key.tonic.index()));
    let wanted = note.pitch.map(f64::from).or(tonic.filter(|_| is_tonal(role)))?;
    let sounding: Vec<i32> = chord.iter().filter_map(|note| note.pitch.map(i32::from)).collect();
    let away = tuning::away(role, key, &sounding, wanted, root, &stem.chord);
    Some((away * 100.0).round() as i32)
}

/// Small differences between equal hits, so that no two are the same: cents and dB.
fn robin(role: Role, seed: Seed) -> (i32, f32) {
    if !matches!(role, Role::Hat | Role::OpenHat | Role::Shaker | Role::Perc | Role::Ride) {
        return (0, 0.0);
    }
    let mut rng = seed.rng();
    ([-8, 0, 7][rng.random_range(0..3)], rng.random_range(-0.8..0.8))
}

/// What a drum plays when the plan gives it no notes.
fn usual(role: Role, query: &StemQuery) -> Vec<Note> {
    let steps: &[f64] = match role {
        Role::Kick => &[0.0, 1.0, 2.0, 3.0],
        Role::Snare | Role::Clap => &[1.0, 3.0],
        Role::Hat | Role::OpenHat | Role::Ride => &[0.5, 1.5, 2.5, 3.5],
        Role::Shaker => &[0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5],
        _ => &[0.0],
    };
    let bars = query.enter_bar..query.leave_bar;
    bars.flat_map(|bar| steps.iter().map(move |step| f64::from(bar) * 4.0 + step))
        .map(|beat| Note { beat, length: 0.25, velocity: 0.85, pitch: None })
        .collect()
}

/// Each hit of a lane ends the one before with a fade of 5 ms; a kick rests before the next one, so that its attack is
/// the first that is heard of it, and what keeps time in sixteenths has faded, at the latest after [`RING_S`].
fn cut_own(drafts: &mut [Draft], role: Role) {
    let (rest_s, fade_s) = if role == Role::Kick { (0.02, 0.03) } else { (-0.005, 0.005) };
    drafts.sort_by_key(|draft| draft.event.start);
    for i in 0..drafts.len() {
        let next = drafts.get(i + 1).map(|draft| draft.event.start);
        let event = &mut drafts[i].event;
        if matches!(role, Role::Hat | Role::Shaker) {
            let ring = next.map_or(i64::MAX, |next| next - event.start).min(frames(RING_S));
            event.cut(event.start + ring / 2, ring / 2);
        } else if let Some(next) = next {
            event.cut(next - frames(rest_s) - frames(fade_s), frames(fade_s));
        }
    }
}

/// Longest ring of a hat or a shaker, seconds.
const RING_S: f64 = 0.3;

/// The bars in which loops (`gated`) or parts without notes run. Notes gate the loops of a section, in bars;
/// what lies underneath is not gated.
fn running(scenes: &[Scene<'_>], time: &Timeline, gated: bool) -> Vec<Span> {
    let (mut free, mut bound) = (Vec::new(), Vec::new());
    for Scene { index, query, .. } in scenes {
        let start = time.starts[*index];
        let under = matches!(query.role, Role::Pad | Role::Drone | Role::Noise);
        if query.notes.is_empty() || gated && under {
            free.push(Span { from: start + query.enter_bar, to: start + query.leave_bar });
        } else if gated {
            let bars = (query.enter_bar..query.leave_bar).filter(|bar| {
                let (from, to) = (f64::from(*bar) * 4.0, f64::from(bar + 1) * 4.0);
                query.notes.iter().any(|note| (from..to).contains(&note.beat))
            });
            let bars = bars.map(|bar| Span { from: start + bar, to: start + bar + 1 });
            bound.append(&mut merge(bars.collect()));
        }
    }
    // Spans that notes decide are not joined over the line of a section.
    let mut spans = merge(free);
    spans.append(&mut bound);
    spans.sort_by_key(|span| (span.from, span.to));
    spans
}

/// One pass of a warped loop.
#[derive(Debug, Clone, Copy)]
struct Pass {
    beats: f64,
    variant: Variant,
}

impl Pass {
    fn of(time: &Timeline, stem: &CastStem, clip: &Clip, role: Role) -> Self {
        let seconds = clip.seconds() * stem.ratio;
        let beats = (seconds / time.bpm.beat_seconds()).round().max(1.0);
        // Whole bars where that is what it is.
        let bars = (beats / 4.0).round().max(1.0) * 4.0;
        let beats = if (beats - bars).abs() < 0.5 || beats > 4.0 { bars } else { beats };
        let cents = if is_tonal(role) { (stem.semitones * 100.0).round() as i32 } else { 0 };
        Self { beats, variant: Variant::Loop { frames: time.length(beats), cents } }
    }
}

/// A loop tiled over its spans, every pass counted from the origin.
fn loops(time: &Timeline, spans: &[Span], pass: Pass) -> Vec<Draft> {
    let Pass { beats, variant } = pass;
    let mut drafts = Vec::new();
    for span in spans {
        let (mut beat, end) = (f64::from(span.from) * 4.0, f64::from(span.to) * 4.0);
        while beat < end {
            let start = time.beat(beat);
            let stop = time.beat((beat + beats).min(end));
            let mut event = running_event(start, stop - start);
            beat += beats;
            if beat >= end {
                // A pass may be a frame longer than the loop, which then begins again.
                event.fade_out = frames(0.002).min(event.len);
            }
            drafts.push(Draft { variant, event, bounds: UNBOUND });
        }
    }
    drafts
}

/// The pitch of a break's note that plays the first sixteenth of its bar; the fifteen above play the others.
const FIRST_SLICE: u8 = 36;

/// A break cut into the sixteenths of its first bar, played as the notes of a scene say.
fn slices(time: &Timeline, scene: Scene<'_>, pass: Pass) -> Vec<Draft> {
    let Scene { index, section, query } = scene;
    let (first, last) = (f64::from(query.enter_bar) * 4.0, f64::from(query.leave_bar) * 4.0);
    let bounds = (time.bar_in(index, 0.0), time.bar_in(index, f64::from(section.bars)));
    let rests = transition::silences(section);
    let mut drafts = Vec::new();
    for note in query.notes.iter().filter(|note| note.velocity > 0.0) {
        let beat = note.beat + 1e-9;
        let resting = rests.iter().any(|(from, to)| (*from..*to).contains(&beat));
        if resting || !(first..last).contains(&beat) {
            continue;
        }
        let slice = note.pitch.unwrap_or(FIRST_SLICE).clamp(FIRST_SLICE, FIRST_SLICE + 15);
        let from = time.note_in(index, note.beat);
        let to = time.note_in(index, note.beat + note.length.max(0.0625));
        // A millisecond earlier, so that a hit on the line of its slice is whole.
        let start = (from - frames(0.001)).max(bounds.0);
        let offset = time.in_bar(0.25 * f64::from(slice - FIRST_SLICE)) + start - from;
        let event = Event {
            offset,
            gain: (note.velocity as f32).powf(1.6),
            fade_in: from - start,
            fade_out: frames(0.003).min(to - start),
            ..running_event(start, to - start)
        };
        drafts.push(Draft { variant: pass.variant, event, bounds });
    }
    drafts
}

/// A texture over its spans, each pass crossing into the next over a beat or more.
fn textures(time: &Timeline, spans: &[Span], stem: &CastStem, clip: &Clip) -> Vec<Draft> {
    let cents = (stem.semitones * 100.0).round() as i32;
    let variant = Variant::Texture { cents };
    let len = (clip.len() as i64).min(frames(120.0));
    let cross = (len / 3).min(time.length(4.0)).max(1);
    let step = (len - cross).max(frames(0.05));
    let mut drafts = Vec::new();
    for span in spans {
        let (from, to) = (time.bar(f64::from(span.from)), time.bar(f64::from(span.to)));
        let mut start = from;
        while start < to {
            let mut event = running_event(start, len.min(to - start));
            event.fade_in = if start == from { 0 } else { cross.min(event.len) };
            event.fade_out = if start + len >= to { 0 } else { cross };
            drafts.push(Draft { event, variant, bounds: UNBOUND });
            start += step;
        }
    }
    drafts
}

fn running_event(start: i64, len: i64) -> Event {
    Event {
        start,
        len,
        source: 0,
        offset: 0,
        wrap: true,
        gain: 1.0,
        fade_in: 0,
        fade_out: 0,
        open: 1.0,
    }
}

/// Open and closed hats silence each other: on a shared step of a section the open one sounds, and every
/// closed hit ends the open ones before it.
pub(crate) fn choke(scores: &mut [Score], time: &Timeline) {
    let starts = |role: Role, scores: &[Score]| {
        let of_role = scores.iter().filter(|score| score.part.role == role);
        let single = of_role.filter(|score| score.spans.is_empty());
        let mut all: Vec<i64> =
            single.flat_map(|score| score.events.iter().map(|event| event.start)).collect();
        all.sort_unstable();
        all
    };
    let near = frames(0.025);
    let lines: Vec<i64> = time.starts.iter().map(|bar| time.bar(f64::from(*bar))).collect();
    let section = |frame: i64| lines.partition_point(|line| *line <= frame);
    let open = starts(Role::OpenHat, scores);
    for score in scores.iter_mut().filter(|score| score.part.role == Role::Hat) {
        if score.spans.is_empty() {
            score.events.retain(|event| {
                let next = open.partition_point(|start| *start < event.start - near);
                !open[next..]
                    .iter()
                    .take_while(|start| **start <= event.start + near)
                    .any(|start| section(*start) == section(event.start))
            });
        }
    }
    let closed = starts(Role::Hat, scores);
    for score in scores.iter_mut().filter(|score| score.part.role == Role::OpenHat) {
        if score.spans.is_empty() {
            for event in &mut score.events {
                let next = closed.partition_point(|start| *start <= event.start + near);
                if let Some(start) = closed.get(next) {
                    event.cut(*start, frames(0.005));
                }
            }
        }
    }
}
