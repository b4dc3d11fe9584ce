//! Syncopation after Longuet-Higgins and Lee.
//!
//! Method: H. C. Longuet-Higgins and C. S. Lee, "The Rhythmic Interpretation of Monophonic Music", Music
//! Perception 1(4), 1984. For each onset the strongest rest before the next onset; if that rest is stronger
//! than the onset, the difference counts.

use dream_core::Role;

use crate::track::{Track, mean};

const WEIGHTS: [i32; 16] = [0, -4, -3, -4, -2, -4, -3, -4, -1, -4, -3, -4, -2, -4, -3, -4];

/// Syncopation per bar of a line of onsets (step numbers through all bars, rising), which repeats after
/// `bars`.
fn per_bar(onsets: &[usize], bars: usize) -> f64 {
    let weight = |step: usize| WEIGHTS[step % 16];
    let mut sum = 0;
    for (at, &onset) in onsets.iter().enumerate() {
        let next = onsets.get(at + 1).copied().unwrap_or(onsets[0] + 16 * bars);
        let strongest = (onset + 1..next).map(weight).max();
        sum += strongest.map_or(0, |rest| (rest - weight(onset)).max(0));
    }
    f64::from(sum) / bars.max(1) as f64
}

/// Mean syncopation of the onsets of some roles together, over runs of bars without fills.
pub(crate) fn of(track: &Track<'_>, roles: &[Role]) -> Option<f64> {
    let mut runs: Vec<Vec<Vec<usize>>> = vec![Vec::new()];
    for bar in track.beat() {
        let steps = bar.steps(roles);
        let last = runs.len() - 1;
        if bar.plain && !steps.is_empty() && bar.at % 8 != 0 {
            runs[last].push(steps);
        } else if bar.plain && !steps.is_empty() {
            runs.push(vec![steps]);
        } else {
            runs.push(Vec::new());
        }
    }
    mean(runs.iter().filter(|run| !run.is_empty()).map(|run| {
        let onsets =
            run.iter().enumerate().flat_map(|(at, bar)| bar.iter().map(move |s| s + 16 * at));
        per_bar(&onsets.collect::<Vec<_>>(), run.len())
    }))
}

/// Syncopation of the bass; none where it is a drone.
pub(crate) fn bass(track: &Track<'_>) -> Option<f64> {
    let notes = mean(track.groove().map(|bar| bar.steps(&[Role::Bass]).len() as f64))?;
    if notes < 1.0 { None } else { of(track, &[Role::Bass]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_off_beat_bass_of_the_definition_has_seven() {
        assert!((per_bar(&[2, 6, 10, 14], 1) - 7.0).abs() < 1e-9);
        assert!(per_bar(&[0, 4, 8, 12], 1).abs() < 1e-9);
    }
}
