//! Named measures of timbre: what `attributes` holds, in which unit, by which formula.
//!
//! P(a..b) is the share of the energy between a and b Hz; dB is ten times its decimal logarithm, floor -60.
//! All are computed from ratios and times, so they do not depend on the level.
//!
//! | name | unit | formula |
//! |---|---|---|
//! | `brightness` | octaves | log2(centroid / 1 kHz) + 0.1 dB(P(5k..20k)) + 2 |
//! | `depth` | dB | dB(P(20..150)) - 3 log2(centroid / 1 kHz) |
//! | `warmth` | dB | dB(P(150..500)) - 0.5 dB(P(5k..20k)) |
//! | `hardness` | dB | 6 log2(attack centroid / 1 kHz) - 3 log2(attack / 10 ms) + 0.5 crest |
//! | `sharpness` | 0..1 | 85 % roll-off on a scale of octaves from 50 Hz to 20 kHz |
//! | `boominess` | dB | dB(P(60..150)) - dB(P(150..2k)) |
//! | `roughness` | - | Vassilakis 2007, energy-weighted mean |
//! | `noisiness` | dB | spectral flatness 60 Hz to 16 kHz |
//! | `tonality` | 0..1 | share of the energy in lasting peaks (see `key`) |
//! | `metallic` | 0..1 | inharmonicity of those peaks x root of tonality |
//! | `distortion` | dB | 0.5 dB(P(500..5k)) - crest of the loudest 150 ms + 20 |
//! | `punch` | dB | loudest 6 ms over loudest 400 ms |
//! | `dynamics` | dB | crest of the loudest 150 ms |
//! | `attack` | s | 10 % to 90 % of the peak |
//! | `decay` | s | from the maximum until 20 dB below it for good |
//! | `length` | s | duration |
//! | `density` | 1/s | onsets per second |
//! | `pulse` | 0..1 | pulse clarity (see `tempo`) |
//! | `movement` | 0..1 | Hellinger distance between successive spectra |
//! | `width` | dB | side over mid energy |
//! | `sub` | dB | dB(P(20..60)) |
//! | `air` | dB | dB(P(9k..20k)) |
//! | `spread` | octaves | standard deviation of the spectrum |
//! | `sustain` | 0..1 | share of the time within 20 dB of the maximum |
//!
//! The names follow the `AudioCommons` timbral models where they mean the same; the formulas are simpler.

use std::collections::BTreeMap;

use crate::key::Tonal;
use crate::onset::Onsets;
use crate::tempo::Tempo;
use crate::timbre::{Timbre, db};

/// Number of attributes.
pub const COUNT: usize = 25;

/// The attributes in the order of the embedding.
pub const NAMES: [&str; COUNT] = [
    "brightness",
    "depth",
    "warmth",
    "hardness",
    "sharpness",
    "boominess",
    "roughness",
    "noisiness",
    "tonality",
    "metallic",
    "distortion",
    "punch",
    "dynamics",
    "attack",
    "decay",
    "length",
    "density",
    "pulse",
    "movement",
    "width",
    "sub",
    "air",
    "spread",
    "sustain",
    "reverb",
];

/// The position of an attribute in the embedding.
pub fn index(name: &str) -> Option<usize> {
    NAMES.iter().position(|known| *known == name)
}

/// All attributes of a clip, in the order of `NAMES`.
pub(crate) fn values(
    timbre: &Timbre,
    onsets: &Onsets,
    tonal: &Tonal,
    tempo: &Tempo,
    duration_s: f64,
) -> [f32; COUNT] {
    let [sub, low, low_mid, mid, high_mid, presence, air] = timbre.bands;
    let octave = (timbre.centroid_hz.max(20.0) / 1000.0).log2();
    let tonality = f64::from(tonal.tonality);
    let values: [f64; COUNT] = [
        octave + 0.088 * timbre.over_2k_db + 2.0,
        -0.5 * timbre.over_150_db - 3.0 * octave,
        db(low_mid) - 0.5 * db(presence + air),
        timbre.steepness_db + 0.1 * timbre.edge_db,
        ((timbre.rolloff_hz.max(50.0) / 50.0).log2() / 400.0_f64.log2()).clamp(0.0, 1.0),
        db(low) - db(low_mid + mid),
        timbre.roughness,
        timbre.flatness_db,
        tonality,
        f64::from(tonal.inharmonicity) * tonality.sqrt(),
        0.5 * db(mid + high_mid) - timbre.crest_db + 20.0,
        timbre.punch_db,
        timbre.crest_db,
        timbre.attack_s,
        timbre.decay20_s,
        duration_s,
        if duration_s > 0.0 { onsets.list.len() as f64 / duration_s.max(0.25) } else { 0.0 },
        f64::from(tempo.pulse_clarity),
        timbre.movement,
        timbre.width_db,
        db(sub),
        db(air),
        timbre.spread_octaves,
        timbre.fullness,
        timbre.reverb_db,
    ];
    values.map(|value| if value.is_finite() { value as f32 } else { 0.0 })
}

/// The attributes by name.
pub(crate) fn named(values: &[f32; COUNT]) -> BTreeMap<String, f32> {
    NAMES.iter().zip(values).map(|(name, value)| ((*name).to_owned(), *value)).collect()
}

/// The value on the scale on which attributes are compared: times and rates by their logarithm.
pub fn scaled(index: usize, value: f32) -> f32 {
    match NAMES[index] {
        "attack" | "decay" | "length" => value.max(1e-3).log2(),
        "density" => (value + 0.25).log2(),
        _ => value,
    }
}
