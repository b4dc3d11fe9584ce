//! Lanes: the voices a genre can arrange.

use dream_core::Role;
use serde::Deserialize;

macro_rules! lanes {
    ($($variant:ident $name:literal $role:ident $pan:literal),+ $(,)?) => {
        /// A voice of the arrangement. Several lanes may share a role: `perc` and `rim`, `lead` and `lead2`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
        #[serde(try_from = "String")]
        #[expect(missing_docs, reason = "the names are the documentation")]
        pub enum Lane { $($variant),+ }

        impl Lane {
            /// Every lane, in mix order.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Its name in the data files.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// The role its part plays.
            pub fn role(self) -> Role {
                match self { $(Self::$variant => Role::$role),+ }
            }

            /// Its place in the stereo image, -1 to 1: low and leading voices in the centre, the others
            /// on alternate sides.
            pub fn pan(self) -> f64 {
                match self { $(Self::$variant => $pan),+ }
            }
        }
    };
}

lanes!(
    Kick "kick" Kick 0.0,
    Snare "snare" Snare 0.0,
    Clap "clap" Clap 0.0,
    Hat "hat" Hat 0.15,
    OpenHat "open_hat" OpenHat -0.2,
    Ride "ride" Ride 0.3,
    Shaker "shaker" Shaker -0.35,
    Rim "rim" Perc 0.25,
    Perc "perc" Perc -0.3,
    Perc2 "perc2" Perc 0.45,
    Tom "tom" Tom -0.15,
    Break "break" Break 0.0,
    Bass "bass" Bass 0.0,
    Sub "sub" Sub 0.0,
    Stab "stab" Stab 0.1,
    Stab2 "stab2" Stab -0.25,
    Chords "chords" Chords 0.0,
    Arp "arp" Arp -0.2,
    Lead "lead" Lead 0.0,
    Lead2 "lead2" Lead 0.0,
    Pad "pad" Pad 0.0,
    Drone "drone" Drone 0.0,
    Noise "noise" Noise 0.0,
    Vocal "vocal" Vocal 0.0,
    Riser "riser" Riser 0.0,
    Downlifter "downlifter" Downlifter 0.0,
    Impact "impact" Impact 0.0,
    Crash "crash" Crash 0.0,
    Reverse "reverse" Reverse 0.0,
);

impl Lane {
    /// The lane of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|lane| lane.name() == name)
    }

    /// Whether it plays drum grids.
    pub fn is_drum(self) -> bool {
        self < Self::Break
    }

    /// Whether it counts among the lanes of which only one may be busy.
    pub fn is_detail(self) -> bool {
        self.is_drum() && self > Self::Clap
    }
}

impl TryFrom<String> for Lane {
    type Error = String;
    fn try_from(name: String) -> Result<Self, String> {
        Self::parse(&name).ok_or_else(|| format!("no lane {name:?}"))
    }
}
