//! Loudness in critical bands.
//!
//! Bands: E. Zwicker, "Subdivision of the audible frequency range into critical bands", JASA 33, 1961; the first begins
//! at 20 Hz. Loudness of a band: its energy to the power of 0.23, the exponent of specific loudness in E. Zwicker and
//! H. Fastl, "Psychoacoustics", 1990, section 8.7. We differ: no spread of masking between bands, which casting does not need.
//! In: mean power spectrum. Out: shares `[24]` that add up to 1; all zero for silence.

use dream_core::Profile;

/// Number of bands.
pub(crate) const BANDS: usize = Profile::BARK;

const EDGES_HZ: [f64; BANDS + 1] = [
    20.0, 100.0, 200.0, 300.0, 400.0, 510.0, 630.0, 770.0, 920.0, 1080.0, 1270.0, 1480.0, 1720.0,
    2000.0, 2320.0, 2700.0, 3150.0, 3700.0, 4400.0, 5300.0, 6400.0, 7700.0, 9500.0, 12_000.0,
    15_500.0,
];
const EXPONENT: f64 = 0.23;
/// Bands 60 dB below the loudest are not heard beside it.
const FAINT: f64 = 1e-6;

pub(super) fn loudness(power: &[f64], bin_hz: f64) -> [f32; BANDS] {
    let bin = |hz: f64| ((hz / bin_hz).round() as usize).min(power.len());
    let mut bands = [0.0_f64; BANDS];
    for (band, edge) in bands.iter_mut().zip(EDGES_HZ.windows(2)) {
        *band = power[bin(edge[0])..bin(edge[1])].iter().sum();
    }
    let top = bands.iter().copied().fold(0.0, f64::max);
    let loud = bands.map(|energy| if energy > FAINT * top { energy.powf(EXPONENT) } else { 0.0 });
    let sum: f64 = loud.iter().sum();
    loud.map(|band| if sum > 0.0 { (band / sum) as f32 } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_add_up_and_a_band_is_its_own() {
        let mut power = vec![0.0; 1024];
        assert!(loudness(&power, 21.5).iter().all(|band| *band <= 0.0));
        power[46] = 1.0;
        let lone = loudness(&power, 21.5);
        assert!((lone[8] - 1.0).abs() < 1e-6, "{lone:?}");
        power[4] = 1e4;
        let both = loudness(&power, 21.5);
        assert!((both.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        assert!(
            both[0] > both[8] && both[8] > 0.1,
            "40 dB are less than that in loudness: {both:?}"
        );
    }
}
