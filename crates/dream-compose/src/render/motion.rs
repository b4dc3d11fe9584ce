//! How a layer's level, filters, pan and sends move: automation, query gains, fades and rests as curves.

use dream_core::{ArrangementPlan, Automate, Automation, Role};

use super::curve::{Curve, Move, rests};
use super::role::{is_drum, is_gesture, traits};
use super::schedule::Scene;
use super::timeline::{Span, Timeline, frames};
use super::transition;

/// Cut-offs at which a filter is not heard and not run.
pub(crate) const OPEN_HZ: f32 = 20_000.0;
pub(crate) const DEEP_HZ: f32 = 12.0;

/// The moves of a layer.
#[derive(Debug, Clone)]
pub(crate) struct Motion {
    /// Gain in dB.
    pub(crate) gain_db: Curve,
    /// Natural logarithm of the low-pass's cut-off in Hz.
    pub(crate) lowpass: Curve,
    /// Natural logarithm of the high-pass's cut-off in Hz.
    pub(crate) highpass: Curve,
    /// Share sent to reverb and delay, as a factor of the role's own.
    pub(crate) send: Curve,
    /// Position, -1 to 1.
    pub(crate) pan: Curve,
    /// Linear gain of fades at entries and exits.
    pub(crate) fade: Curve,
    /// Linear gain of rests.
    pub(crate) gate: Curve,
    /// Frames of the sections' lines at which the layer starts anew: those that it does not run across.
    pub(crate) lines: Vec<i64>,
    /// Linear gain of the fades that end on these lines.
    pub(crate) ends: Curve,
}

pub(crate) fn of(
    plan: &ArrangementPlan,
    time: &Timeline,
    scenes: &[Scene<'_>],
    spans: &[Span],
    looped: bool,
    role: Role,
) -> Motion {
    let usual_send = traits(role).reverb.max(0.05);
    let lines = if is_gesture(role) { Vec::new() } else { lines(time, spans) };
    let send = |value: f64| (value as f32 / usual_send).min(8.0);
    Motion {
        gain_db: automated(time, scenes, Automate::GainDb, 0.0, |v| v as f32, true),
        lowpass: automated(time, scenes, Automate::LowpassHz, OPEN_HZ.ln(), log_hz, false),
        highpass: automated(time, scenes, Automate::HighpassHz, DEEP_HZ.ln(), log_hz, false),
        send: automated(time, scenes, Automate::Send, 1.0, send, false),
        pan: pan(time, scenes),
        fade: Curve::with(1.0, spans.iter().flat_map(|span| fades(time, *span, role)).collect()),
        gate: rests(transition::rests(plan, time, role, looped)),
        ends: ends(&lines, role),
        lines,
    }
}

/// The lines between sections that no span crosses.
fn lines(time: &Timeline, spans: &[Span]) -> Vec<i64> {
    let inner = time.starts.iter().skip(1);
    let free = inner.filter(|line| !spans.iter().any(|s| s.from < **line && **line < s.to));
    free.map(|line| time.bar(f64::from(*line))).collect()
}

/// Fades over what still rings at a line, so that a section's notes end with it; rooms and echoes go on.
fn ends(lines: &[i64], role: Role) -> Curve {
    /// Frames of silence before the line.
    const CLEAR: i64 = 8;
    let fade = frames(match role {
        Role::Bass | Role::Sub => 0.010,
        Role::Pad | Role::Drone | Role::Noise => 0.080,
        role if is_drum(role) => 0.008,
        _ => 0.030,
    });
    let moves = lines.iter().flat_map(|line| {
        [
            Move { start: line - fade, end: line - CLEAR, from: 1.0, to: 0.0 },
            Move { start: *line, end: *line, from: 1.0, to: 1.0 },
        ]
    });
    Curve::with(1.0, moves.collect())
}

fn log_hz(hz: f64) -> f32 {
    (hz as f32).clamp(DEEP_HZ, OPEN_HZ).ln()
}

/// The curve of one kind: neutral from each entry of the part, then its automation; with `queries` the
/// queries' own gains are added.
fn automated(
    time: &Timeline,
    scenes: &[Scene<'_>],
    what: Automate,
    neutral: f32,
    value: impl Fn(f64) -> f32,
    queries: bool,
) -> Curve {
    let mut moves = Vec::new();
    for Scene { index, query, .. } in scenes {
        let own = if queries { query.gain_db as f32 } else { 0.0 };
        let enter = time.bar_in(*index, f64::from(query.enter_bar));
        moves.push(Move { start: enter, end: enter, from: neutral + own, to: neutral + own });
        let of_kind = |automation: &&Automation| automation.what == what;
        for automation in query.automation.iter().filter(of_kind) {
            moves.push(Move {
                start: time.bar_in(*index, automation.from_bar).max(enter),
                end: time.bar_in(*index, automation.to_bar).max(enter),
                from: value(automation.from) + own,
                to: value(automation.to) + own,
            });
        }
    }
    Curve::with(neutral, moves)
}

fn pan(time: &Timeline, scenes: &[Scene<'_>]) -> Curve {
    let moves = scenes.iter().map(|Scene { index, query, .. }| {
        let enter = time.bar_in(*index, f64::from(query.enter_bar));
        Move { start: enter, end: enter, from: query.pan as f32, to: query.pan as f32 }
    });
    Curve::with(0.0, moves.collect())
}

/// Fades at the ends of a span of loops or textures: 6 ms for bass and the end of drums, whose start keeps
/// its attack; a bar or two for what lies underneath, but never more than a quarter of the span.
fn fades(time: &Timeline, span: Span, role: Role) -> [Move; 3] {
    let bars = f64::from(span.to - span.from);
    let (fade_in, fade_out) = match role {
        Role::Pad | Role::Drone | Role::Noise => {
            let bars = (bars / 4.0).min(2.0);
            (time.length(4.0 * bars), time.length((4.0 * bars).min(4.0)))
        }
        Role::Chords | Role::Vocal | Role::Lead | Role::Arp | Role::Stab => {
            (frames(0.01), frames(0.03))
        }
        _ => (frames(if is_drum(role) { 0.0 } else { 0.006 }), frames(0.006)),
    };
    let (from, to) = (time.bar(f64::from(span.from)), time.bar(f64::from(span.to)));
    // Blocks end on the lines of sections; elsewhere it stays clear of the interpolation over a step.
    let clear = if time.starts.contains(&span.to) { 0 } else { 256 };
    [
        Move { start: from, end: from + fade_in, from: 0.0, to: 1.0 },
        Move { start: to - fade_out, end: to, from: 1.0, to: 0.0 },
        // Open again for notes of later sections.
        Move { start: to + clear, end: to + clear, from: 1.0, to: 1.0 },
    ]
}
