//! Two loops in one groove: where both have a hit on a sixteenth, the lesser one's comes to that of the other.
//!
//! Else the two would be heard as two: a straight loop and one that swings, mixed, neither swing nor are straight.
//!
//! How well a loop keeps to the sixteenths is the vector strength of its onsets: the length of the mean of their phases as unit vectors
//! (K. Mardia and P. Jupp, "Directional Statistics", 2000, section 2.3), 1 on any groove that is the same on every sixteenth.

use dream_analysis::onset::onsets;
use dream_audio::Clip;
use dream_audio::stretch::{Material, groove_loop};
use dream_core::Semitones;

/// A hit belongs to a sixteenth that is at most so far away, in sixteenths.
const NEAR: f64 = 0.4;
/// Hits nearer to each other than this are heard as one, in frames: 10 ms. Moving them would cost more than it brings.
const TIGHT: i64 = 441;
/// Fewest onsets that have a rhythm.
const FEWEST: usize = 4;

/// The loop of so many bars with its hits where those of `lead` are; both have one length.
pub(super) fn grooved(clip: &Clip, lead: &Clip, bars: u32, material: Material) -> Clip {
    let steps = 16 * bars as usize;
    let (own, other) = (places(clip, steps), places(lead, steps));
    let moves: Vec<i64> = own
        .iter()
        .zip(&other)
        .map(|(own, other)| own.zip(*other).map_or(0, |(own, other)| other - own))
        .map(|by| if by.abs() < TIGHT { 0 } else { by })
        .collect();
    if moves.iter().all(|by| *by == 0) {
        return clip.clone();
    }
    let land = |frame: i64| {
        let (step, near) = step_of(frame as f64, clip.len(), steps);
        if near { frame + moves[step] } else { frame }
    };
    groove_loop(clip, 1.0, Semitones(0.0), material, &land)
}

/// The vector strength of a loop's onsets on the sixteenths, 0 to 1; `None` where it has hardly any.
pub(super) fn strength(clip: &Clip, bars: u32) -> Option<f64> {
    let list = onsets(&clip.to_mono()).list;
    let turns = std::f64::consts::TAU * f64::from(16 * bars) / clip.seconds();
    let (sin, cos) = list.iter().fold((0.0, 0.0), |(sin, cos), onset| {
        let phase = turns * onset.time_s;
        (sin + phase.sin(), cos + phase.cos())
    });
    (list.len() >= FEWEST).then(|| sin.hypot(cos) / list.len() as f64)
}

/// For every sixteenth the frame of the strongest hit near it, counted from where the grid has it.
fn places(clip: &Clip, steps: usize) -> Vec<Option<i64>> {
    let mut strongest = vec![(0.0_f32, None); steps];
    for onset in onsets(&clip.to_mono()).list {
        let frame = onset.time_s * clip.rate().hz();
        let (step, near) = step_of(frame, clip.len(), steps);
        let sixteenth = clip.len() as f64 / steps as f64;
        let off = frame - (frame / sixteenth).round() * sixteenth;
        if near && onset.strength > strongest[step].0 {
            strongest[step] = (onset.strength, Some(off.round() as i64));
        }
    }
    strongest.into_iter().map(|(_, place)| place).collect()
}

/// The sixteenth nearest to a frame, and whether it is near.
fn step_of(frame: f64, frames: usize, steps: usize) -> (usize, bool) {
    let at = frame * steps as f64 / frames as f64;
    let near = (at - at.round()).abs() <= NEAR;
    ((at.round().max(0.0) as usize) % steps, near)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dream_core::SampleRate;

    /// Hits on the sixteenths of a bar at 120 bpm, the odd ones so many frames late.
    fn hits(late: usize) -> Clip {
        let mut samples = vec![0.0_f32; 88_200];
        for step in 0..16 {
            let at = (step as f64 * 5_512.5).round() as usize + late * (step % 2) + 40;
            for i in 0..3_000 {
                let noise = ((i * 7_919 + 13) % 1_000) as f32 / 500.0 - 1.0;
                samples[(at + i) % 88_200] += 0.7 * noise * (-(i as f32) / 700.0).exp();
            }
        }
        Clip::mono(SampleRate::LIBRARY, samples)
    }

    #[test]
    fn a_straight_loop_swings_with_another() {
        let (straight, swung) = (hits(0), hits(900));
        let made = grooved(&straight, &swung, 1, Material::Drums);
        assert_eq!(made.len(), straight.len());
        let late = |clip: &Clip| {
            let odd: Vec<i64> =
                places(clip, 16).iter().skip(1).step_by(2).flatten().copied().collect();
            odd.iter().sum::<i64>() as f64 / odd.len() as f64
        };
        assert!((late(&made) - late(&swung)).abs() < 150.0, "{} {}", late(&made), late(&swung));
        assert!(late(&straight).abs() < 300.0, "{}", late(&straight));
        assert_eq!(grooved(&straight, &straight, 1, Material::Drums), straight);
        let [even, uneven] = [&straight, &swung].map(|clip| strength(clip, 1).unwrap());
        // Half of the hits a sixth of a sixteenth late: the cosine of half of that.
        assert!(even > 0.98 && (uneven - 0.87).abs() < 0.04, "{even} {uneven}");
        assert_eq!(strength(&Clip::mono(SampleRate::LIBRARY, vec![0.0; 88_200]), 1), None);
    }
}
