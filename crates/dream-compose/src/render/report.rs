//! What was done to a track, in numbers: layers, buses, sections, master.

use dream_audio::Clip;
use dream_audio::filter::Cascade;
use dream_core::{ArrangementPlan, Frames, PartId, Role, StemId};
use serde::{Deserialize, Serialize};

use super::desk::Desk;
use super::layer::Layer;
use super::master::{Reductions, section_loudness};
use super::role::Bus;
use super::timeline::{RATE, Timeline};
use super::{Level, Playing};

/// What was measured while rendering.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Integrated loudness of the master, LUFS; `None` when it is silent.
    pub lufs_i: Option<f64>,
    /// True peak of the master, dBTP.
    pub true_peak_dbtp: f64,
    /// The layers in plan order.
    pub layers: Vec<LayerReport>,
    /// The buses, the returns, then the mix before the master.
    pub buses: Vec<BusReport>,
    /// The sections in order.
    pub sections: Vec<SectionReport>,
    /// The master.
    pub master: MasterReport,
    /// What was bent, missing or left out.
    pub warnings: Vec<String>,
}

/// What was done to one layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerReport {
    /// The part it plays.
    pub part: PartId,
    /// Its stem.
    pub stem: StemId,
    /// The stem's name.
    pub name: String,
    /// Where it goes.
    pub bus: Bus,
    /// Gain that brought it to the level of its role, dB; `None` when its stem is silent.
    pub level_db: Option<f64>,
    /// Largest sample of the layer, dBFS; not below -120.
    pub peak_dbfs: f64,
    /// Short-term loudness at its most energetic place, relative to the kick's there, LU; to where a kick
    /// would be when there is none.
    pub to_kick_lu: Option<f64>,
    /// Hits, notes, passes of a loop.
    pub events: usize,
    /// Where the attack lies in the stem; that frame is played on the beat.
    pub attack: Frames,
}

/// What a bus, a return or the mix carried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BusReport {
    /// Its name: that of a bus, `reverb`, `delay` or `mix`.
    pub name: String,
    /// Largest sample, dBFS; not below -120.
    pub peak_dbfs: f64,
    /// The most that its peaks were bent down, dB (0 or less).
    pub bent_db: f64,
}

/// How loud a section became.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SectionReport {
    /// Its name.
    pub section: String,
    /// Its planned energy, 0 to 1.
    pub energy: f64,
    /// Its mean loudness in the master, LUFS; `None` for silence.
    pub lufs: Option<f64>,
    /// What the master turned it up or down by, dB.
    pub trim_db: f64,
}

/// What the master measures, and what it took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MasterReport {
    /// Loudness range, LU.
    pub range_lu: f64,
    /// Power of the side relative to the middle below 120 Hz, dB; not below -120.
    pub low_side_db: f64,
    /// Power of the side relative to the middle over all, dB; not below -120.
    pub side_db: f64,
    /// Deepest reduction of the glue compressor, dB.
    pub glue_db: f64,
    /// Deepest reduction of the clipper, dB.
    pub clipper_db: f64,
    /// What the clipper takes from a thousandth of the samples at least, dB; 0 for takes of earlier versions.
    #[serde(default)]
    pub clipper_thousandth_db: f64,
    /// Deepest reduction of the limiter, dB.
    pub limiter_db: f64,
    /// What the limiter takes for a thousandth of the time at least, dB; 0 for takes of earlier versions.
    #[serde(default)]
    pub limiter_thousandth_db: f64,
}

/// A linear level in dB, not below -120.
fn decibels(level: f64) -> f64 {
    (20.0 * level.max(1e-12).log10()).max(-120.0)
}

pub(super) fn layers(
    layers: &[Layer<'_>],
    stems: &[Playing<'_>],
    levels: &[Level],
) -> Vec<LayerReport> {
    let kicks = stems.iter().zip(levels).filter(|((part, ..), _)| part.role == Role::Kick);
    let kick = kicks.filter_map(|(_, level)| level.lufs).fold(f64::NEG_INFINITY, f64::max);
    let kick = if kick.is_finite() { kick } else { super::level::KICK_LUFS };
    let report =
        |((layer, (part, stem, _)), level): ((&Layer<'_>, &Playing<'_>), &Level)| LayerReport {
            part: (*part).clone(),
            stem: stem.id,
            name: stem.name.clone(),
            bus: layer.score.traits.bus,
            level_db: level.gain_db,
            peak_dbfs: decibels(f64::from(layer.peak)),
            to_kick_lu: level.lufs.map(|lufs| lufs - kick),
            events: layer.events().len(),
            attack: Frames(layer.score.sources.first().map_or(0, |s| s.attack.frame as u64)),
        };
    layers.iter().zip(stems).zip(levels).map(report).collect()
}

pub(super) fn buses(desk: &Desk<'_>) -> Vec<BusReport> {
    let buses = Bus::ALL.iter().map(|bus| (bus.name(), desk.bent_db(*bus as usize)));
    let others = [("reverb", 0.0), ("delay", 0.0), ("mix", desk.mix_bent_db())];
    let report = |((name, bent_db), peak): ((&str, f64), &f32)| BusReport {
        name: name.to_owned(),
        peak_dbfs: decibels(f64::from(*peak)),
        bent_db,
    };
    buses.chain(others).zip(&desk.peaks).map(report).collect()
}

pub(super) fn sections(
    master: &Clip,
    plan: &ArrangementPlan,
    time: &Timeline,
    trims_db: &[f32],
) -> Vec<SectionReport> {
    let loudness = section_loudness(master, time);
    let all = plan.structure.iter().zip(loudness).zip(trims_db);
    all.map(|((section, lufs), trim_db)| SectionReport {
        section: section.section.clone(),
        energy: section.energy,
        lufs,
        trim_db: f64::from(*trim_db),
    })
    .collect()
}

pub(super) fn master(master: &Clip, range_lu: f64, reductions: Reductions) -> MasterReport {
    /// Samples whose mean stands for them below 120 Hz.
    const POOL: usize = 32;
    let [left, right] = master.stereo();
    let lowpass = || Cascade::lowpass(4, 120.0, RATE.hz() / POOL as f64);
    let mut filters = [lowpass(), lowpass()];
    // Middle and side, over all and below 120 Hz.
    let (mut all, mut low) = ([1e-30; 2], [1e-30; 2]);
    for (left, right) in left.chunks(POOL).zip(right.chunks(POOL)) {
        let (mut sums, mut powers) = ([0.0_f32; 2], [0.0_f32; 2]);
        for (l, r) in left.iter().zip(right) {
            for (k, x) in [0.5 * (l + r), 0.5 * (l - r)].into_iter().enumerate() {
                sums[k] += x;
                powers[k] += x * x;
            }
        }
        for k in 0..2 {
            all[k] += f64::from(powers[k]);
            low[k] += filters[k].step(f64::from(sums[k]) / POOL as f64).powi(2);
        }
    }
    let side_db = |[middle, side]: [f64; 2]| decibels((side / middle).sqrt());
    MasterReport {
        range_lu,
        low_side_db: side_db(low),
        side_db: side_db(all),
        glue_db: reductions.glue,
        clipper_db: reductions.clipper.deepest,
        clipper_thousandth_db: reductions.clipper.thousandth,
        limiter_db: reductions.limiter.deepest,
        limiter_thousandth_db: reductions.limiter.thousandth,
    }
}
