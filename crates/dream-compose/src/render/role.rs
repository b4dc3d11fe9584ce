//! What each role is to the mix: bus, level, high-pass, sends, ducking, fades.
//!
//! Levels are short-term loudness relative to the kick, the middle of the ranges that club mixes show.

use dream_core::Role;
use serde::{Deserialize, Serialize};

/// Layers that are treated alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bus {
    /// The kick alone.
    Kick,
    /// The other drums, snare to break.
    Drums,
    /// Bass and sub.
    Bass,
    /// Everything else that has a pitch.
    Music,
    /// Noise and gestures.
    Fx,
}

impl Bus {
    /// All buses in the order in which they are summed.
    pub const ALL: [Self; 5] = [Self::Kick, Self::Drums, Self::Bass, Self::Music, Self::Fx];

    /// Its name, as in file names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kick => "kick",
            Self::Drums => "drums",
            Self::Bass => "bass",
            Self::Music => "music",
            Self::Fx => "fx",
        }
    }
}

/// Nothing is wanted below, Hz. Cut at the source: behind a clipper the cut would turn its peaks up again.
const LOWEST_HZ: f64 = 28.0;

/// How a role sits in the mix.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Traits {
    pub(crate) bus: Bus,
    /// Short-term loudness relative to the kick, LU.
    pub(crate) level_lu: f64,
    /// Corner of the layer's high-pass, Hz.
    pub(crate) highpass_hz: f64,
    /// Share sent to the reverb, 0 to 1.
    pub(crate) reverb: f32,
    /// Share sent to the delay, 0 to 1.
    pub(crate) delay: f32,
    /// Share of the bass's ducking under the kick, 0 to 1.
    pub(crate) duck: f32,
    /// Largest timing deviation relative to the genre's, 0 to 1.
    pub(crate) human: f64,
}

pub(crate) fn traits(role: Role) -> Traits {
    use Bus::{Bass, Drums, Fx, Kick, Music};
    let of = |bus, level_lu, highpass_hz, reverb, delay, duck, human| Traits {
        bus,
        level_lu,
        highpass_hz,
        reverb,
        delay,
        duck,
        human,
    };
    match role {
        Role::Kick => of(Kick, 0.0, LOWEST_HZ, 0.0, 0.0, 0.0, 0.0),
        Role::Snare => of(Drums, -6.0, 110.0, 0.10, 0.0, 0.0, 0.5),
        Role::Clap => of(Drums, -6.0, 130.0, 0.12, 0.0, 0.0, 0.5),
        Role::Hat => of(Drums, -11.0, 150.0, 0.03, 0.0, 0.1, 1.0),
        Role::OpenHat | Role::Ride => of(Drums, -10.0, 150.0, 0.05, 0.0, 0.2, 1.0),
        Role::Shaker => of(Drums, -13.0, 150.0, 0.05, 0.0, 0.1, 1.0),
        Role::Perc => of(Drums, -10.5, 120.0, 0.12, 0.06, 0.1, 1.0),
        Role::Tom => of(Drums, -9.0, 60.0, 0.08, 0.0, 0.2, 0.5),
        Role::Break => of(Drums, -3.0, 40.0, 0.05, 0.0, 0.0, 0.0),
        Role::Bass => of(Bass, -2.0, LOWEST_HZ, 0.0, 0.0, 1.0, 0.0),
        Role::Sub => of(Bass, -3.0, LOWEST_HZ, 0.0, 0.0, 1.0, 0.0),
        Role::Stab => of(Music, -6.5, 140.0, 0.20, 0.15, 0.8, 0.5),
        Role::Chords => of(Music, -7.0, 150.0, 0.18, 0.06, 0.8, 0.5),
        Role::Arp => of(Music, -8.0, 150.0, 0.16, 0.14, 0.8, 0.5),
        Role::Lead => of(Music, -6.0, 140.0, 0.18, 0.14, 0.8, 0.5),
        Role::Pad => of(Music, -10.5, 200.0, 0.22, 0.0, 0.8, 0.0),
        Role::Vocal => of(Music, -5.0, 120.0, 0.15, 0.10, 0.5, 0.0),
        Role::Drone => of(Music, -15.0, 110.0, 0.10, 0.0, 0.5, 0.0),
        Role::Noise => of(Fx, -18.0, 150.0, 0.06, 0.0, 0.5, 0.0),
        Role::Riser => of(Fx, -9.0, 150.0, 0.15, 0.0, 0.3, 0.0),
        Role::Downlifter => of(Fx, -11.0, 130.0, 0.20, 0.0, 0.3, 0.0),
        Role::Impact => of(Fx, -8.0, 40.0, 0.25, 0.0, 0.0, 0.0),
        Role::Crash => of(Fx, -11.0, 150.0, 0.10, 0.0, 0.2, 0.0),
        Role::Reverse => of(Fx, -12.0, 150.0, 0.15, 0.0, 0.2, 0.0),
    }
}

/// How far a one-shot may be transposed to reach a note, semitones down and up.
pub(crate) fn reach(role: Role, chord: bool) -> (f64, f64) {
    match role {
        Role::Bass | Role::Sub => (-5.0, 7.0),
        Role::Lead | Role::Arp if !chord => (-7.0, 7.0),
        Role::Stab | Role::Chords | Role::Lead | Role::Arp => (-4.0, 4.0),
        Role::Pad | Role::Drone | Role::Noise => (-3.0, 3.0),
        Role::Tom => (-5.0, 5.0),
        Role::Kick
        | Role::Snare
        | Role::Clap
        | Role::Hat
        | Role::OpenHat
        | Role::Ride
        | Role::Shaker
        | Role::Perc
        | Role::Break
        | Role::Riser
        | Role::Downlifter
        | Role::Impact
        | Role::Crash
        | Role::Reverse
        | Role::Vocal => (-2.0, 2.0),
    }
}

/// Whether the role's sounds crowd between 200 and 500 Hz and are thinned there.
pub(crate) fn crowds(role: Role) -> bool {
    matches!(role, Role::Pad | Role::Chords | Role::Stab | Role::Drone | Role::Vocal)
}

/// Whether the role is played as single hits that cut themselves off.
pub(crate) fn is_drum(role: Role) -> bool {
    matches!(traits(role).bus, Bus::Kick | Bus::Drums)
}

/// Whether the role is a gesture placed by transitions.
pub(crate) fn is_gesture(role: Role) -> bool {
    matches!(role, Role::Riser | Role::Downlifter | Role::Impact | Role::Crash | Role::Reverse)
}

/// Whether the role's pitch must agree with the key.
pub(crate) fn is_tonal(role: Role) -> bool {
    match traits(role).bus {
        Bus::Kick | Bus::Drums | Bus::Fx => false,
        Bus::Bass | Bus::Music => true,
    }
}

/// The roles whose stems can stand in, the nearest first.
pub(crate) fn stand_ins(role: Role) -> &'static [Role] {
    match role {
        Role::Kick => &[Role::Tom],
        Role::Snare => &[Role::Clap, Role::Perc],
        Role::Clap => &[Role::Snare, Role::Perc],
        Role::Hat => &[Role::Shaker, Role::OpenHat, Role::Ride],
        Role::OpenHat => &[Role::Ride, Role::Hat, Role::Shaker],
        Role::Ride => &[Role::OpenHat, Role::Hat, Role::Shaker],
        Role::Shaker => &[Role::Hat, Role::Perc],
        Role::Perc => &[Role::Tom, Role::Snare, Role::Shaker],
        Role::Tom => &[Role::Perc, Role::Kick],
        Role::Break => &[],
        Role::Bass => &[Role::Sub],
        Role::Sub => &[Role::Bass],
        Role::Stab => &[Role::Chords, Role::Arp, Role::Lead, Role::Pad],
        Role::Chords => &[Role::Stab, Role::Pad, Role::Arp],
        Role::Arp => &[Role::Lead, Role::Stab, Role::Chords],
        Role::Lead => &[Role::Arp, Role::Stab, Role::Vocal],
        Role::Pad => &[Role::Drone, Role::Chords, Role::Stab],
        Role::Drone => &[Role::Pad, Role::Noise],
        Role::Noise => &[Role::Drone, Role::Riser],
        Role::Riser => &[Role::Reverse, Role::Noise, Role::Downlifter],
        Role::Downlifter => &[Role::Riser, Role::Crash, Role::Noise],
        Role::Impact => &[Role::Crash, Role::Tom, Role::Kick],
        Role::Crash => &[Role::Impact, Role::Ride, Role::OpenHat],
        Role::Reverse => &[Role::Crash, Role::Riser, Role::Ride],
        Role::Vocal => &[Role::Lead],
    }
}
