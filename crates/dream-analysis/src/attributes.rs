//! Named measures of timbre: what `attributes` holds, in which unit, by which formula.
//!
//! P(a..b) is the share of the energy between a and b Hz of what lies below 20 kHz; dB is ten times the decimal
//! logarithm, softly floored at -90. E is P(f..) / P(..f) in dB. All are ratios and times, so that gain, polarity and
//! channel order change nothing; three frames of offset move none by more than 0.1 of the spread of all sounds
//! (95 % of the sounds: 0.02), another rate of the file by 0.1 for 95 % of the sounds, more only where the resampler
//! takes something away.
//!
//! | name | unit | range | formula |
//! |---|---|---|---|
//! | `brightness` | octaves | -14..14 | log2(centroid / 1 kHz) + 0.088 E(2k) + 2, the weights of \[AC\] |
//! | `depth` | dB | -75..75 | -0.5 E(150) - 3 log2(centroid / 1 kHz) |
//! | `warmth` | dB | -90..45 | dB(P(150..500)) - 0.5 dB(P(5k..)) |
//! | `hardness` | dB | -18..54 | steepness of the rises of the first difference + 0.2 of their energy in dB |
//! | `sharpness` | 0..1 | | 85 % roll-off on a scale of octaves from 50 Hz to 20 kHz |
//! | `boominess` | dB | -90..90 | dB(P(60..150)) - dB(P(150..2k)) |
//! | `roughness` | - | 0..4 | \[V\], energy-weighted mean over spectra |
//! | `noisiness` | dB | -60..0 | spectral flatness, 60 Hz to 16 kHz, energy-weighted mean |
//! | `tonality` | 0..1 | | share of the energy in lasting peaks (see `key`) |
//! | `metallic` | 0..1 | | inharmonicity of those peaks x root of tonality |
//! | `distortion` | dB | -85..20 | 0.5 dB(P(500..5k)) - `dynamics` + 20 |
//! | `punch` | dB | 0..20 | loudest 6 ms over loudest 400 ms |
//! | `dynamics` | dB | 0..60 | peak over the loudest 150 ms |
//! | `attack` | s | 0.. | 10 % to 90 % of the largest amplitude |
//! | `decay` | s | 0.. | from the last maximum until 20 dB below it for good |
//! | `length` | s | 0.. | duration |
//! | `density` | 1/s | 0.. | onsets per second |
//! | `pulse` | 0..1 | | pulse clarity (see `tempo`) |
//! | `movement` | 0..1 | | Hellinger distance between successive spectra |
//! | `width` | dB | -60..20 | side over mid energy |
//! | `sub` | dB | -90..0 | dB(P(20..60)) |
//! | `air` | dB | -90..0 | dB(P(9k..)) |
//! | `spread` | octaves | 0..5 | standard deviation of the spectrum |
//! | `sustain` | 0..1 | | share of the time within 20 dB of the maximum |
//! | `reverb` | dB | -40..0 | the mean fall of 24 bands over 46, 93 and 197 ms, negated (see `timbre::tails`) |
//!
//! \[AC\] The names follow the timbral models of `AudioCommons` v0.4 (A. Pearce, T. Brookes, R. Mason, deliverable
//! D5.8, 2019; Apache-2.0) where they mean the same. The formulas are simpler, and chosen for their direction: each is
//! monotone in what it names. A gain that rises with frequency raises `brightness`, slower playback raises `depth`,
//! because log odds have no end where shares saturate (a hat lies above 5 kHz before and after a shelf).
//! \[V\] P. Vassilakis, "SRA: a web-based research tool for spectral and roughness analysis", SMC 2007.
//! `bench/attributes` measures the directions: eight effects in 24 variants and two strengths.

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
        timbre.steepness_db + 0.2 * timbre.edge_db,
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

#[cfg(test)]
mod tests;
