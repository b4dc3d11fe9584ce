//! Ducking from the kick grid: how deep everything else dips under each planned kick.
//!
//! The dip begins with each kick and is full 3 ms later; it recovers over a quarter note, half of it within
//! the first eighth's half. Nothing dips before a kick: what sounds before a section never depends on it.

use dream_core::{ArrangementPlan, Role};

use super::schedule::Score;
use super::timeline::{Timeline, frames};

/// The dips of a track.
#[derive(Debug, Clone)]
pub(crate) struct Ducker {
    /// Frame and strength of every kick.
    kicks: Vec<(i64, f32)>,
    attack: i64,
    release: i64,
}

impl Ducker {
    pub(crate) fn of(time: &Timeline, scores: &[Score]) -> Self {
        let mut kicks: Vec<(i64, f32)> = Vec::new();
        for score in scores.iter().filter(|score| score.part.role == Role::Kick) {
            if score.spans.is_empty() {
                let hit = |event: &super::event::Event| {
                    let attack = score.sources[event.source].attack.frame;
                    (event.start + attack - event.offset, event.gain.min(1.0))
                };
                kicks.extend(score.events.iter().map(hit));
            } else {
                // A loop: its kicks are taken to lie on the beats.
                let beats = score.spans.iter().flat_map(|span| 4 * span.from..4 * span.to);
                let frames = beats.map(|beat| time.beat(f64::from(beat)));
                kicks.extend(
                    frames
                        .filter(|frame| score.motion.gate.at(*frame) > 0.5)
                        .map(|frame| (frame, 1.0)),
                );
            }
        }
        kicks.sort_by_key(|kick| kick.0);
        let release = time.length(1.0).clamp(frames(0.12), frames(0.5));
        Self { kicks, attack: frames(0.003), release }
    }

    /// Fills the block that starts at frame `at`: 0 at rest, 1 under a full kick.
    pub(crate) fn fill(&self, at: i64, block: &mut [f32]) {
        block.fill(0.0);
        let frames = block.len() as i64;
        let first = self.kicks.partition_point(|kick| kick.0 + self.release <= at);
        for &(kick, strength) in &self.kicks[first..] {
            if kick >= at + frames {
                break;
            }
            let from = (kick - at).clamp(0, frames);
            let to = (kick + self.release - at).clamp(0, frames);
            for i in from..to {
                let since = at + i - kick;
                let left = 1.0 - since as f32 / self.release as f32;
                let dip = left * left * (since as f32 / self.attack as f32).min(1.0);
                let x = &mut block[i as usize];
                *x = x.max(strength * dip);
            }
        }
    }
}

/// Depth of the bass's dip in dB: pumping genres 6 to 8, ambient and hip-hop barely.
pub(crate) fn depth_db(plan: &ArrangementPlan) -> f32 {
    let genre = plan.genre.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| genre.contains(word));
    let base = if has(&["ambient", "lofi", "lo-fi", "hip"]) {
        2.0
    } else if has(&["industrial", "hard", "schranz"]) {
        8.0
    } else {
        6.0
    };
    let driving = plan.moods.iter().any(|mood| mood == "driving") && base > 2.0;
    base + if driving { 2.0 } else { 0.0 }
}
