//! More than two channels to stereo.

use std::f32::consts::FRAC_1_SQRT_2;

use crate::Clip;

/// Mixes a clip of more than two channels to stereo; a clip of one or two is returned as it is.
///
/// 3, 5, 6 and 8 channels are taken as L R C, L R C Ls Rs, 5.1 and 7.1, 4 as L R Ls Rs, in the order of WAV
/// files. They are mixed by ITU-R BS.775-3, annex 4: centre and surrounds at -3 dB on their side, the low
/// frequency channel left out. The sum is not scaled down, so that front channels keep their level; peaks may
/// exceed full scale. Of any other number of channels, even ones are averaged to the left, odd ones to the right.
#[must_use]
pub fn downmix(clip: &Clip) -> Clip {
    let channels = clip.channels();
    if channels <= 2 {
        return clip.clone();
    }
    let gains: Vec<[f32; 2]> = gains(channels);
    let mut mix = Clip::silence(clip.rate(), 2, clip.frames());
    for side in [0, 1] {
        let out = mix.channel_mut(side);
        for (channel, gain) in clip.iter_channels().zip(&gains) {
            if gain[side] != 0.0 {
                for (out, sample) in out.iter_mut().zip(channel) {
                    *out += gain[side] * sample;
                }
            }
        }
    }
    mix
}

fn gains(channels: usize) -> Vec<[f32; 2]> {
    const H: f32 = FRAC_1_SQRT_2;
    const FRONT: [[f32; 2]; 3] = [[1.0, 0.0], [0.0, 1.0], [H, H]];
    const REAR: [[f32; 2]; 2] = [[H, 0.0], [0.0, H]];
    const LOW: [[f32; 2]; 1] = [[0.0, 0.0]];
    match channels {
        3 => FRONT.to_vec(),
        4 => [&FRONT[..2], &REAR].concat(),
        5 => [&FRONT[..], &REAR].concat(),
        6 => [&FRONT[..], &LOW, &REAR].concat(),
        8 => [&FRONT[..], &LOW, &REAR, &REAR].concat(),
        _ => {
            let (even, odd) = (channels.div_ceil(2) as f32, (channels / 2) as f32);
            let gain =
                |c: usize| if c.is_multiple_of(2) { [1.0 / even, 0.0] } else { [0.0, 1.0 / odd] };
            (0..channels).map(gain).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dream_core::SampleRate;

    #[track_caller]
    fn check(frame: &[f32], expected: [f32; 2]) {
        let channels: Vec<[f32; 1]> = frame.iter().map(|sample| [*sample]).collect();
        let channels: Vec<&[f32]> = channels.iter().map(|c| &c[..]).collect();
        let mix = downmix(&Clip::new(SampleRate::LIBRARY, &channels));
        for (got, expected) in [mix.channel(0)[0], mix.channel(1)[0]].iter().zip(expected) {
            assert!((got - expected).abs() < 1e-6, "{frame:?}: {got}, expected {expected}");
        }
    }

    #[test]
    fn surround_folds_into_stereo_at_minus_3_db() {
        const H: f32 = FRAC_1_SQRT_2;
        check(&[1.0, 0.0, 1.0, 9.0, 0.0, 1.0], [1.0 + H, 2.0 * H]);
        check(&[0.0, 0.0, 0.0, 9.0, 1.0, 0.0, 1.0, 1.0], [2.0 * H, H]);
        check(&[0.5, 0.25, 1.0, 1.0], [0.5 + H, 0.25 + H]);
        check(&[0.5, 0.25, 1.0], [0.5 + H, 0.25 + H]);
    }

    #[test]
    fn unknown_layouts_alternate() {
        check(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], [4.0, 4.0]);
        check(&[1.0, 2.0], [1.0, 2.0]);
    }
}
