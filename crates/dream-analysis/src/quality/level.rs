//! Constant offset and silence.
//!
//! An offset is what the means of all parts have in common: a low note and the lurch of a kick move them, an
//! offset holds them. In: one channel or a clip.

use dream_audio::Clip;

/// Samples of a part: 100 ms, and 40 ms in a sound too short for five of the former. Under a Hann window the notes
/// from 20 and from 50 Hz up weigh little in its mean.
const PARTS: [usize; 2] = [4410, 1764];

/// The offset below the peak in dB, not below -120; `None` under 60 ms, where it cannot be told from a low tone,
/// or when the means are spread more widely than they are off.
pub(super) fn offset_db(channel: &[f32]) -> Option<f32> {
    let peak = channel.iter().fold(0.0_f32, |m, x| m.max(x.abs()));
    let size = if channel.len() >= 3 * PARTS[0] { PARTS[0] } else { PARTS[1] };
    let hann: Vec<f32> = (0..size)
        .map(|i| 1.0 - (std::f32::consts::TAU * (i as f32 + 0.5) / size as f32).cos())
        .collect();
    let mean = |part: &[f32]| part.iter().zip(&hann).map(|(x, w)| x * w).sum::<f32>() / size as f32;
    let mut means: Vec<f32> = channel.windows(size).step_by(size / 2).map(mean).collect();
    if means.len() < 2 || peak <= 0.0 {
        return None;
    }
    means.sort_by(f32::total_cmp);
    let at = |share: f32| means[((means.len() - 1) as f32 * share).round() as usize];
    let (low, middle, high) = (at(0.15), at(0.5), at(0.85));
    let held = (high - low) < 0.7 * middle.abs();
    held.then(|| 20.0 * (middle.abs() / peak).max(1e-6).log10())
}

/// Share of the time that is more than 60 dB below the peak, 0 to 1.
pub(super) fn silent_share(clip: &Clip) -> f32 {
    const STEP: usize = 441;
    let floor = 0.001 * clip.peak();
    let [left, right] = clip.stereo();
    let silent = |part: &[f32]| part.iter().all(|x| x.abs() <= floor);
    let steps = left.chunks(STEP).zip(right.chunks(STEP));
    let (all, quiet) = steps.fold((0_usize, 0_usize), |(all, quiet), (left, right)| {
        (all + 1, quiet + usize::from(silent(left) && silent(right)))
    });
    if all == 0 { 1.0 } else { quiet as f32 / all as f32 }
}
