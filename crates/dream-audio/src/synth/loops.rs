//! Loops: hits on a grid of sixteenths, tails wrapped around the end, processed without a seam.
//!
//! A loop has exactly round(bars * 4 * 60 / bpm * 44100) frames. What rings past its end is added to its start;
//! effects that remember are run in with the end of the loop before its start, and the first 30 ms blend from
//! the continuation of the end, so that even moving effects join. Levels end at a target by BS.1770-4.

use std::f64::consts::LOG10_2;

use dream_core::{Bpm, Category, SampleRate, Seed};
use ebur128::{EbuR128, Mode};

use super::characters::resampled;
use super::curve::db;
use super::drive::upsampled;
use super::dynamics::Squeeze;
use super::noise::Rand;
use super::patch::Patch;
use super::sound::{RATE, Sound, frames};

pub(crate) mod drums;
pub(crate) mod tonal;

/// What a loop is rendered with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Score {
    pub seed: Seed,
    pub bpm: Bpm,
    pub bars: u32,
    /// Semitones above the key as written.
    pub shift: i8,
}

impl Score {
    /// Length in frames.
    pub(crate) fn len(&self) -> usize {
        self.bpm.frame_of(4.0 * f64::from(self.bars), SampleRate::LIBRARY).index()
    }

    /// Seconds per beat.
    pub(crate) fn beat(&self) -> f64 {
        self.bpm.beat_seconds()
    }

    /// Seconds per sixteenth.
    pub(crate) fn step(&self) -> f64 {
        self.beat() / 4.0
    }

    /// A one-shot's patch, on a MIDI note before the loop's own shift.
    pub(crate) fn patch(&self, name: &str, note: u8, chord: &'static [i8]) -> Patch {
        Patch::new(self.seed.child(name), note.saturating_add_signed(self.shift), chord)
    }

    /// An unpitched one-shot at loop level: the RMS of its first 150 ms is 0.12, its peak at most 1.
    pub(crate) fn drum(&self, name: &str, sound: fn(&Patch) -> Sound) -> Sound {
        at_loop_level(sound(&Patch::new(self.seed.child(name), 0, &[0])))
    }
}

/// The RMS of the first 150 ms set to 0.12, the peak kept at or below 1.
pub(crate) fn at_loop_level(x: Sound) -> Sound {
    let rms = x.clone().first(0.15).power().sqrt() as f32;
    let x = x * (0.12 / (rms + 1e-9));
    let peak = x.peak();
    if peak > 1.0 { x * (1.0 / peak) } else { x }
}

/// How the hits of one voice are played.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hits<'a> {
    /// Sixteenths from the start of the loop, or of every bar.
    pub steps: &'a [usize],
    pub every_bar: bool,
    pub gain: f32,
    /// -1 left to 1 right; the far side is turned down.
    pub pan: f32,
    /// Velocities, repeated as needed; softer than 0.7 is also darker.
    pub velocity: &'a [f32],
    /// Semitones, repeated as needed.
    pub pitch: &'a [f32],
}

/// Plain hits.
pub(crate) const HITS: Hits<'static> =
    Hits { steps: &[], every_bar: false, gain: 1.0, pan: 0.0, velocity: &[1.0], pitch: &[0.0] };

/// A loop being filled.
#[derive(Debug, Clone)]
pub(crate) struct Grid {
    score: Score,
    sum: [Vec<f32>; 2],
    rand: Rand,
    /// Share of an eighth taken by its first sixteenth, 0.5 to 0.75.
    swing: f64,
    /// Spread of the hits' times, milliseconds.
    jitter: f64,
}

impl Grid {
    /// An empty loop.
    pub(crate) fn new(score: &Score, swing: f64, jitter: f64) -> Self {
        let silence = vec![0.0; score.len()];
        let rand = Rand::new(score.seed.child("human"));
        Self { score: *score, sum: [silence.clone(), silence], rand, swing, jitter }
    }

    /// The time of a sixteenth, swung.
    pub(crate) fn time(&self, step: usize) -> f64 {
        let late = if step.is_multiple_of(2) { 0.0 } else { 2.0 * self.swing - 1.0 };
        (step as f64 + late) * self.score.step()
    }

    /// Adds a sound at a time, wrapped around the end.
    pub(crate) fn put(&mut self, x: &Sound, seconds: f64, gain: f32, pan: f32) {
        let len = self.sum[0].len();
        let start = frames(seconds.rem_euclid(len as f64 / RATE));
        let sides = [gain * (1.0 - pan).min(1.0), gain * (1.0 + pan).min(1.0)];
        for (c, (sum, gain)) in self.sum.iter_mut().zip(sides).enumerate() {
            let channel = x.channel(if x.is_stereo() { c } else { 0 });
            let mut at = start % len;
            for x in channel {
                sum[at] += gain * x;
                at = if at + 1 == len { 0 } else { at + 1 };
            }
        }
    }

    /// Plays a voice: every hit a little different in time and strength.
    pub(crate) fn hit(&mut self, x: &Sound, hits: &Hits<'_>) {
        let bars = if hits.every_bar { self.score.bars as usize } else { 1 };
        let steps = (0..bars).flat_map(|bar| hits.steps.iter().map(move |step| 16 * bar + step));
        for (i, step) in steps.enumerate() {
            let human = 1.0 + 0.06 * self.rand.bipolar();
            let velocity = hits.velocity[i % hits.velocity.len()] * human;
            let late = self.jitter / 1000.0 * f64::from(self.rand.normal());
            let semitones = f64::from(hits.pitch[i % hits.pitch.len()]);
            let mut played = x.clone();
            if semitones != 0.0 {
                let ratio = (semitones / 12.0).exp2();
                played = played.each(|samples| *samples = resampled(samples, ratio));
            }
            if velocity < 0.7 {
                played = played.lp(1, f64::from(3000.0 + 14_000.0 * velocity * velocity));
            }
            self.put(&played, self.time(step) + late, hits.gain * velocity, hits.pan);
        }
    }

    /// What has been played so far.
    pub(crate) fn sound(self) -> Sound {
        let [left, right] = self.sum;
        Sound::stereo(left, right)
    }
}

impl Sound {
    /// Processes a loop so that it stays one: `f` hears `lead` seconds of the end first. It must keep the length.
    pub(crate) fn around(&self, lead: f64, f: impl FnOnce(Self) -> Self) -> Self {
        const BLEND: f64 = 0.03;
        let len = self.len();
        let (lead, blend) = (frames(lead), frames(BLEND).min(len));
        let unrolled = self.clone().each(|x| {
            *x = (0..lead + len + blend).map(|i| x[(i + len - lead % len) % len]).collect();
        });
        let processed = f(unrolled);
        processed.each(|x| {
            for i in 0..blend {
                let own = i as f32 / blend as f32;
                let continued = x[lead + len + i];
                x[lead + i] = continued + (x[lead + i] - continued) * own;
            }
            *x = x[lead..lead + len].to_vec();
        })
    }

    /// A drum bus: compression, saturation, lows in the middle, no sub-sonics.
    pub(crate) fn bus(self, threshold: f32, ratio: f32, drive_db: f64) -> Self {
        let squeeze = Squeeze { threshold, ratio, attack_ms: 12.0, release_ms: 120.0 };
        self.norm(-1.0)
            .around(0.6, |x| x.squeezed(&squeeze).drive(drive_db).centred_lows(120.0).hp(2, 22.0))
    }

    /// The last stage of a loop without a bus: lows in the middle, no sub-sonics.
    pub(crate) fn rounded(self) -> Self {
        self.into_stereo().around(0.3, |x| x.centred_lows(150.0).hp(2, 22.0))
    }

    /// Integrated loudness in LUFS; `None` for silence.
    fn loudness(&self) -> Option<f64> {
        let mut meter = EbuR128::new(2, SampleRate::LIBRARY.0, Mode::I).ok()?;
        let stereo = self.clone().into_stereo();
        meter.add_frames_planar_f32(&[stereo.channel(0), stereo.channel(1)]).ok()?;
        meter.loudness_global().ok().filter(|loudness| loudness.is_finite())
    }

    /// Peak between the samples, dBTP.
    fn true_peak(&self) -> f64 {
        let over = |channel: &[f32]| {
            upsampled(channel, 2).iter().fold(0.0_f32, |peak, x| peak.max(x.abs()))
        };
        let peak = self.channels().map(over).fold(0.0_f32, f32::max);
        20.0 * f64::from(peak.max(1e-6)).log10()
    }

    /// At its category's loudness with a true peak of -1 dBTP or lower: peaks in the way are clipped softly by
    /// up to 3 dB, then the loudness gives way.
    pub(crate) fn at_loudness(self, category: Category) -> Self {
        const CEILING: f64 = -1.05;
        const CLIP: f64 = 3.0;
        let target = loudness_target(category);
        let Some(loudness) = self.loudness() else { return self };
        let at_target = self * db(target - loudness);
        let over = at_target.true_peak() - CEILING;
        if over <= 0.0 {
            return at_target;
        }
        let knee_db = 20.0 * LOG10_2; // bends from half of full scale on
        let full = db(CEILING - 0.2 + (over - CLIP).max(0.0));
        let clipped = (at_target * (1.0 / full)).clip(0.0, db(-knee_db)) * full;
        let lost = target - clipped.loudness().unwrap_or(target);
        let headroom = CEILING - clipped.true_peak();
        clipped * db(lost.min(headroom))
    }
}

/// Integrated loudness of the loops of a category, LUFS.
pub(crate) fn loudness_target(category: Category) -> f64 {
    match category {
        Category::Kick | Category::Drums => -14.0,
        Category::Bass => -16.0,
        Category::Snare
        | Category::Clap
        | Category::Hihat
        | Category::Percussion
        | Category::Synth
        | Category::Lead
        | Category::Guitar
        | Category::Piano
        | Category::Vocals
        | Category::Fx
        | Category::Other => -18.0,
        Category::Pad | Category::Atmo => -20.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score() -> Score {
        Score { seed: Seed(1), bpm: Bpm::new(138.0).unwrap(), bars: 1, shift: 0 }
    }

    #[test]
    fn what_rings_past_the_end_comes_back_at_the_start() {
        let mut grid = Grid::new(&score(), 0.5, 0.0);
        let len = score().len();
        assert_eq!(len, 76_696);
        grid.put(&Sound::mono(vec![1.0; 100]), (len - 40) as f64 / RATE, 0.5, 0.0);
        let sound = grid.sound();
        assert_eq!(sound.channel(0)[59].to_bits(), 0.5_f32.to_bits());
        assert_eq!(sound.channel(0)[60].to_bits(), 0.0_f32.to_bits());
        assert_eq!(sound.len(), len);
    }

    #[test]
    fn processing_around_the_loop_leaves_no_seam() {
        let period = 76_696.0 / 200.0;
        let tone = |i: i32| (std::f64::consts::TAU * f64::from(i) / period).sin() as f32;
        let x = Sound::mono((0..76_696).map(tone).collect());
        let y = x.around(0.2, |x| x.lp(2, 300.0).chorus(0.7, 2.0, 8.0, 0.5));
        let jump = (y.channel(0)[0] - y.channel(0)[76_695]).abs();
        let usual = y.channel(0).windows(2).fold(0.0_f32, |m, w| m.max((w[1] - w[0]).abs()));
        assert!(jump <= usual, "{jump} against {usual}");
    }

    #[test]
    fn loops_reach_their_loudness_below_the_ceiling() {
        let noise = Rand::new(Seed(2)).pink(3.0).into_stereo().at_loudness(Category::Drums);
        assert!((noise.loudness().unwrap() + 14.0).abs() < 1.0);
        assert!(noise.true_peak() <= -1.0);
    }
}
