//! Technical quality and its defects.
//!
//! Every defect has a measure (its module says which and from whom), a severity 0 to 1 read from it, and a part
//! `1 - weight * severity`; the quality is the product of the parts. A defect is named from severity one half on.
//! All measures are relative to the clip's own peak or loudest part: gain and polarity change nothing.
//!
//! | part | severity 0 | 1 | weight |
//! |---|---|---|---|
//! | `clipping` | 0.01 % of the sounding samples in plateaus | 1 % | 0.6 |
//! | `intersample_clipping` | no top above the samples' peak | 2.4 % of the high ones | 0.15 |
//! | `soft_clipping` | loud tops as round as quiet ones | 0.3 flatter, or 0.9 flat | 0.2 |
//! | `dc` | offset 50 dB below the peak | 20 dB | 0.4 |
//! | `hum` | 75 dB below the loudest 200 ms | 35 dB | 0.5 |
//! | `clicks` | none | 30 % of the peak | 0.6 |
//! | `noise` | floor 75 dB below the loudest 20 ms | 35 dB | 0.4 |
//! | `truncated_start` | begins 40 dB below the peak | 20 dB | 0.3 |
//! | `truncated_end` | 36 dB down at the end | 8 dB | 0.3 |
//! | `band_limited` | no edge below 19 kHz | edge at 8 kHz; 0.15 at 16 kHz, 0.5 at 15 kHz | 0.3 |
//! | `dual_mono` | channels differ by -40 dB | -60 dB | 0.02 |
//! | `phase_inverted` | correlation 0 | -0.8 | 0.6 |
//! | `silence` | 70 % of the time silent | all | 1 |
//! | `too_short` | 10 ms | 0 | 1 |
//!
//! The weights say what it costs to use the sound: what destroys information or is heard in every mix (clipping,
//! clicks, hum, cancellation in mono) costs most; what a filter or a fade repairs costs less; saturation and inter-sample
//! tops are often meant, and twice the same channel only wastes space.
//! Good encoders cut at 16 kHz and above, which a mix hides: that costs little, and only an edge below 15 kHz is named.

mod background;
mod band;
mod clicks;
mod edges;
mod level;
mod stereo;
mod tops;

use std::collections::BTreeMap;

use dream_audio::Clip;
use dream_core::{Defect, Form};

/// Quality of a clip.
#[derive(Debug, Clone, PartialEq)]
pub struct Quality {
    /// The product of the parts, 0 to 1.
    pub score: f32,
    /// The parts by name, each 0 to 1.
    pub parts: BTreeMap<String, f32>,
    /// What is wrong.
    pub defects: Vec<Defect>,
    /// What was measured, by name; what could not be is left out.
    pub measures: BTreeMap<&'static str, f32>,
}

/// Sounds shorter than this are too short, in seconds.
const SHORTEST_S: f64 = 0.010;
/// A peak below this is nothing, linear: -100 dBFS.
const NOTHING: f32 = 1e-5;

/// The technical quality of a clip at 44.1 kHz whose samples are finite. `form` says whether an end without a decay
/// is a cut.
pub fn quality(clip: &Clip, form: Form) -> Quality {
    let measures = measure(clip);
    let severity = |defect: Defect| severity(defect, &measures, form).clamp(0.0, 1.0);
    let mut parts = BTreeMap::new();
    let mut defects = Vec::new();
    for (defect, weight) in WEIGHTS {
        let severity = severity(*defect);
        parts.insert(defect.name().to_owned(), 1.0 - weight * severity);
        if severity >= 0.5 {
            defects.push(*defect);
        }
    }
    Quality { score: parts.values().product(), parts, defects, measures }
}

/// What each defect costs at its worst, in the order in which they are named.
const WEIGHTS: &[(Defect, f32)] = &[
    (Defect::Clipping, 0.6),
    (Defect::IntersampleClipping, 0.15),
    (Defect::SoftClipping, 0.2),
    (Defect::Silence, 1.0),
    (Defect::Dc, 0.4),
    (Defect::Hum, 0.5),
    (Defect::Clicks, 0.6),
    (Defect::Noise, 0.4),
    (Defect::TruncatedStart, 0.3),
    (Defect::TruncatedEnd, 0.3),
    (Defect::BandLimited, 0.3),
    (Defect::DualMono, 0.02),
    (Defect::PhaseInverted, 0.6),
    (Defect::TooShort, 1.0),
];

/// The measures of a clip; those of the worst channel where they belong to one.
fn measure(clip: &Clip) -> BTreeMap<&'static str, f32> {
    let mut found = BTreeMap::new();
    found.insert("seconds", clip.seconds() as f32);
    if clip.peak() < NOTHING {
        found.insert("silent_share", 1.0);
        return found;
    }
    found.insert("silent_share", level::silent_share(clip));
    // An empty channel beside a full one shows nothing.
    let floor = 0.001 * clip.peak();
    let audible = |channel: &&[f32]| channel.iter().any(|x| x.abs() > floor);
    for channel in clip.iter_channels().filter(audible) {
        let tops = tops::tops(channel);
        let (clicks, click) = clicks::clicks(channel);
        for (name, value) in [
            ("clipped_share", Some(tops.clipped)),
            ("plateaus", Some(tops.plateaus as f32)),
            ("overs", Some(tops.overs as f32)),
            ("over_share", Some(tops.over_share)),
            ("crowding", Some(tops.crowding)),
            ("flatness", Some(tops.flatness)),
            ("flattening", Some(tops.flattening)),
            ("clicks", Some(clicks as f32)),
            ("click", Some(click)),
            ("offset_db", level::offset_db(channel)),
            ("hum_db", background::hum_db(channel)),
            ("noise_db", background::noise_db(channel)),
        ] {
            if let Some(value) = value {
                let worst = found.entry(name).or_insert(value);
                *worst = worst.max(value);
            }
        }
    }
    let edges = edges::edges(clip);
    for (name, value) in [
        ("start_jump", edges.start_jump),
        ("start_db", edges.start_db),
        ("end_db", edges.end_db),
        ("fade_db", edges.fade_db),
        ("seamless", f32::from(u8::from(edges.seamless))),
    ] {
        found.insert(name, value);
    }
    if let Some(edge) = loudest(clip).and_then(band::edge) {
        found.insert("edge_hz", edge.hz);
        found.insert("edge_drop_db", edge.drop_db);
        found.insert("edge_level_db", edge.level_db);
    }
    if let Some(stereo) = stereo::stereo(clip) {
        found.insert("correlation", stereo.correlation as f32);
        found.insert("channel_difference_db", stereo.difference_db);
    }
    found
}

/// The channel of the greatest energy.
fn loudest(clip: &Clip) -> Option<&[f32]> {
    let energy = |channel: &[f32]| channel.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>();
    clip.iter_channels().max_by(|a, b| energy(a).total_cmp(&energy(b)))
}

/// How bad a defect is: 0 none, 1 the worst. What was not measured is not there.
fn severity(defect: Defect, measures: &BTreeMap<&'static str, f32>, form: Form) -> f32 {
    let of = |name: &str| measures.get(name).copied();
    let ramp =
        |value: f32, none: f32, worst: f32| ((value - none) / (worst - none)).clamp(0.0, 1.0);
    let between =
        |name: &str, none: f32, worst: f32| of(name).map_or(0.0, |v| ramp(v, none, worst));
    match defect {
        Defect::Clipping => {
            let share = of("clipped_share").unwrap_or(0.0);
            // A waveform that is nowhere else is a square wave.
            if of("plateaus").unwrap_or(0.0) < 2.0 || share > 0.9 {
                return 0.0;
            }
            ramp(share.max(1e-9).log10(), -4.0, -2.0)
        }
        Defect::IntersampleClipping => {
            if of("overs").unwrap_or(0.0) < 5.0 || of("crowding").unwrap_or(0.0) < 1.5 {
                return 0.0;
            }
            between("over_share", 0.0, 0.024)
        }
        Defect::SoftClipping => {
            // The same tops count once.
            let clipped = severity(Defect::Clipping, measures, form) >= 0.5;
            if clipped || of("flatness").unwrap_or(0.0) < 0.5 {
                return 0.0;
            }
            // Tops as flat as a square wave's need no quiet ones beside them.
            between("flattening", 0.0, 0.3).max(between("flatness", 0.7, 0.9))
        }
        Defect::Silence => between("silent_share", 0.7, 1.0),
        Defect::Dc => between("offset_db", -50.0, -20.0),
        Defect::Hum => between("hum_db", -75.0, -35.0),
        Defect::Clicks => between("click", 0.0, 0.3),
        Defect::Noise => between("noise_db", -75.0, -35.0),
        Defect::TruncatedStart => {
            if of("seamless") == Some(1.0) {
                return 0.0;
            }
            between("start_db", -40.0, -20.0) * between("start_jump", 0.1, 0.5)
        }
        Defect::TruncatedEnd => {
            let cut = of("fade_db").is_some_and(|fade| fade > -6.0);
            let goes_on = form != Form::OneShot && of("seamless") == Some(1.0);
            if form == Form::Loop || goes_on || !cut {
                return 0.0;
            }
            between("end_db", -36.0, -8.0)
        }
        Defect::BandLimited => {
            let steep = of("edge_drop_db").is_some_and(|drop| drop > 28.0);
            let heard = of("edge_level_db").is_some_and(|level| level > -65.0);
            if !(steep && heard) {
                return 0.0;
            }
            // Encoders at 128 kbit/s cut at 16 to 17 kHz, which few hear and nobody in a mix.
            0.15 * between("edge_hz", 19_000.0, 16_000.0)
                + 0.35 * between("edge_hz", 16_000.0, 15_000.0)
                + 0.5 * between("edge_hz", 15_000.0, 8_000.0)
        }
        Defect::DualMono => {
            between("channel_difference_db", -40.0, -60.0)
                * f32::from(u8::from(of("correlation").is_some_and(|c| c > 0.0)))
        }
        Defect::PhaseInverted => between("correlation", 0.0, -0.8),
        Defect::TooShort => between("seconds", SHORTEST_S as f32, 0.0),
        // Known before there is a clip.
        Defect::NonFinite | Defect::Incomplete => 0.0,
    }
}

#[cfg(test)]
mod tests;
