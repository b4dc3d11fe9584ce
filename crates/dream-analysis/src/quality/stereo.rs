//! Two channels that hold one, and one that is upside down.
//!
//! Method: the correlation of the channels over the whole clip, as a correlation meter shows it. +1 (up to a gain):
//! dual mono. Near -1: what one channel adds the other takes away. A wide sound is about 0, either side of it.
//!
//! In: a clip; `None` for mono and for a silent channel.

use dream_audio::Clip;

/// How the channels belong together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stereo {
    /// Correlation, -1 to 1.
    pub(super) correlation: f64,
    /// What of the one channel is not in the other, in dB of its power, not below -120.
    pub(super) difference_db: f32,
}

pub(super) fn stereo(clip: &Clip) -> Option<Stereo> {
    if clip.channels() < 2 {
        return None;
    }
    let [left, right] = clip.stereo();
    let (mut ll, mut rr, mut lr) = (0.0_f64, 0.0_f64, 0.0_f64);
    for (l, r) in left.iter().zip(right) {
        let (l, r) = (f64::from(*l), f64::from(*r));
        ll += l * l;
        rr += r * r;
        lr += l * r;
    }
    if ll <= 0.0 || rr <= 0.0 {
        return None;
    }
    let correlation = (lr / (ll * rr).sqrt()).clamp(-1.0, 1.0);
    let rest = (1.0 - correlation * correlation).max(1e-12);
    Some(Stereo { correlation, difference_db: 10.0 * rest.log10() as f32 })
}
