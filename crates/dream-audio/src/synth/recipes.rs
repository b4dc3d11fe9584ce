//! The recipes: one function per sound, grouped as a drum machine's manual would.
//!
//! Sources: circuit analyses of the TR-808 (K. Werner, J. Abel, J. Smith, 2014), the Devil Fish manual for the
//! TB-303's envelopes, free-bar and membrane mode ratios (N. Fletcher, T. Rossing, "The Physics of Musical
//! Instruments", 1998); the numbers were tuned until duration, spectrum and movement lay where recorded sounds
//! of the class lie.

pub(crate) mod atmo;
pub(crate) mod bass;
pub(crate) mod fx;
pub(crate) mod hat;
pub(crate) mod kick;
pub(crate) mod lead;
pub(crate) mod pad;
pub(crate) mod percussion;
pub(crate) mod snare;
pub(crate) mod stab;
pub(crate) mod vocal;
