//! Who owns which part of the spectrum: masking between a stem and the mix so far.
//!
//! Method: overlap of loudness in critical bands, the spectral balance of M. Davies and others, "`AutoMashUpper`", IEEE/ACM
//! TASLP 22(12), 2014, section III-D, as an intersection of shares. Below 60 Hz there is one owner: the bass, or the sub where there
//! is one, beside the kick.
//! In: loudness per band. Out: -0.5 (in each other's place) to 0.5 (apart), 0 where nothing is known.

use dream_core::{Profile, Role, Stem};

use crate::render::role::traits;

const BANDS: usize = Profile::BARK;
/// From this share of the energy below 60 Hz on a stem claims the sub, in dB.
const SUB_DB: f32 = -7.0;
/// Upper edges of the bands that a high-pass takes away.
const LOW_EDGES_HZ: [f64; 3] = [100.0, 200.0, 300.0];

/// Loudness per critical band as the part is mixed; `None` where it is not known.
pub(super) fn bands(role: Role, stem: &Stem) -> Option<[f64; BANDS]> {
    let mut bands = stem.facts.profile.as_ref()?.bark.map(f64::from);
    let highpass_hz = traits(role).highpass_hz;
    for (band, edge) in bands.iter_mut().zip(LOW_EDGES_HZ) {
        if edge <= highpass_hz {
            *band = 0.0;
        }
    }
    let sum: f64 = bands.iter().sum();
    (sum > 0.0).then(|| bands.map(|band| band / sum))
}

/// How far the bands lie apart from the mix of all that was added to `mix`, -0.5 to 0.5; 0 where nothing was.
pub(super) fn apart(bands: &[f64; BANDS], mix: &[f64; BANDS]) -> f64 {
    let total: f64 = mix.iter().sum();
    if total <= 0.0 {
        return 0.0;
    }
    0.5 - bands.iter().zip(mix).map(|(own, other)| own.min(other / total)).sum::<f64>()
}

/// Adds a part to the mix, as loud as its role.
pub(super) fn add(mix: &mut [f64; BANDS], role: Role, bands: &[f64; BANDS]) {
    // Loudness doubles with 10 LU.
    let gain = (traits(role).level_lu / 10.0).exp2();
    for (sum, band) in mix.iter_mut().zip(bands) {
        *sum += gain * band;
    }
}

/// Whether a stem in this role would claim the sub that belongs to kick and bass.
pub(super) fn claims_sub(role: Role, stem: &Stem) -> bool {
    let open = match role {
        Role::Kick | Role::Bass | Role::Sub => false,
        _ => traits(role).highpass_hz < 60.0,
    };
    open && stem.facts.attributes.get("sub").is_some_and(|db| *db > SUB_DB)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_of_their_own_are_apart() {
        let lone = |band: usize| std::array::from_fn(|i| if i == band { 1.0 } else { 0.0 });
        let mut mix = [0.0; BANDS];
        assert!(apart(&lone(3), &mix).abs() < 1e-12);
        add(&mut mix, Role::Bass, &lone(0));
        add(&mut mix, Role::Pad, &lone(8));
        assert!(apart(&lone(3), &mix) > 0.49);
        assert!(apart(&lone(0), &mix) < apart(&lone(8), &mix), "the bass is louder");
    }
}
