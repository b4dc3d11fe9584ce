use dream_audio::Clip;
use dream_core::Semitones;
#[derive(Clone, Copy)]
pub(crate) enum Material {
    Drums,
    Tonal,
}
pub(crate) fn varispeed(clip: &Clip, semitones: Semitones) -> Clip {
    if semitones.0.abs() < 1e-9 {
        return clip.clone();
    }
    resampled(clip, (clip.len() as f64 / semitones.ratio()).round() as usize)
}
pub(crate) fn warp(clip: &Clip, frames: i64, _semitones: Semitones, _material: Material) -> Clip {
    if clip.len() as i64 == frames {
        return clip.clone();
    }
    resampled(clip, frames as usize)
}
fn resampled(clip: &Clip, frames: usize) -> Clip {
    let channels: Vec<Vec<f32>> = clip
        .iter_channels()
        .map(|x| {
            (0..frames)
                .map(|i| {
                    let at = i as f64 * clip.len() as f64 / frames as f64;
                    let k = at as usize;
                    let f = (at - k as f64) as f32;
                    x[k] + f * (x.get(k + 1).copied().unwrap_or(0.0) - x[k])
                })
                .collect()
        })
        .collect();
    let refs: Vec<&[f32]> = channels.iter().map(Vec::as_slice).collect();
    Clip::new(clip.rate(), &refs)
}
