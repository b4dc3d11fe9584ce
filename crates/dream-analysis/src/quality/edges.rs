//! Truncated start and end: a sound that begins or stops in the middle.
//!
//! Every sound rises from nothing, if only within a sample or two, and dies away. Start: the first sample that is not
//! silence, softened by its neighbours, is further from zero than two of the largest steps of the first millisecond reach,
//! so that it cannot be the flank of an attack, however steep. End: the last millisecond is as loud as the ten before
//! and not far below the whole.
//! Neither counts where the end leads into the start, as in a loop.
//!
//! In: a clip. Limits: a cut in the middle of noise cannot be told from a steep attack.

use dream_audio::Clip;

/// A millisecond.
const MS: usize = 44;

/// How sharp the edges are.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Edges {
    /// The level of the first sample, as far as no attack can have brought it there, over the largest step of the
    /// first millisecond.
    pub(super) start_jump: f32,
    /// The first sample below the peak in dB.
    pub(super) start_db: f32,
    /// The last 10 ms below the loudest 10 ms in dB.
    pub(super) end_db: f32,
    /// The last millisecond relative to the 10 ms before in dB.
    pub(super) fade_db: f32,
    /// Whether the end leads into the start.
    pub(super) seamless: bool,
}

pub(super) fn edges(clip: &Clip) -> Edges {
    let each: Vec<Edges> = clip.iter_channels().filter_map(of_channel).collect();
    let sharpest =
        |pick: fn(&Edges) -> f32| each.iter().map(pick).fold(f32::NEG_INFINITY, f32::max);
    if each.is_empty() {
        return Edges { start_db: -120.0, end_db: -120.0, fade_db: -120.0, ..Edges::default() };
    }
    Edges {
        start_jump: sharpest(|edges| edges.start_jump),
        start_db: sharpest(|edges| edges.start_db),
        end_db: sharpest(|edges| edges.end_db),
        fade_db: sharpest(|edges| edges.fade_db),
        seamless: each.iter().all(|edges| edges.seamless),
    }
}

fn of_channel(channel: &[f32]) -> Option<Edges> {
    let peak = channel.iter().fold(0.0_f32, |m, x| m.max(x.abs()));
    let first = channel.iter().position(|x| x.abs() > 1e-4 * peak)?;
    let sound = &channel[first..];
    if sound.len() < 24 * MS {
        return None;
    }
    let step = |part: &[f32]| part.windows(2).fold(0.0_f32, |m, w| m.max((w[1] - w[0]).abs()));
    let rms = |part: &[f32]| (part.iter().map(|x| x * x).sum::<f32>() / part.len() as f32).sqrt();
    let db = |a: f32, b: f32| 20.0 * (a / b.max(1e-12)).max(1e-6).log10();
    let (head, tail) = (&sound[..MS], &channel[channel.len() - MS..]);
    // The filter of a resampler halves the first sample and makes the next ones ring at the top of the band.
    let begun: Vec<f32> =
        sound[..MS + 2].windows(3).map(|w| 0.25 * (w[0] + w[2]) + 0.5 * w[1]).collect();
    let loudest = sound.chunks_exact(10 * MS).map(rms).fold(0.0, f32::max);
    let last = &channel[channel.len() - 10 * MS..];
    let before = &channel[channel.len() - 11 * MS..channel.len() - MS];
    let seam = (head[0] - channel[channel.len() - 1]).abs();
    Some(Edges {
        // Less the two steps in which an attack may have risen.
        start_jump: begun[0].abs() / step(&begun).max(1e-6 * peak) - 2.0,
        start_db: db(begun[0].abs(), peak),
        end_db: db(rms(last), loudest),
        fade_db: db(rms(tail), rms(before)),
        // Both ends must sound alike, too: the step of a loud start would hide any silent end.
        seamless: first < MS / 4
            && seam <= 1.5 * step(head).max(step(tail))
            && db(rms(head), rms(tail)).abs() < 12.0,
    })
}
