//! Events: pieces of sources placed on the timeline, and how they are mixed into a block.

use std::f32::consts::FRAC_PI_2;

/// Audio ready to be placed: transposed, warped, filtered; one or two channels.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Source {
    pub(crate) channels: Vec<Vec<f32>>,
    /// Where the attack is.
    pub(crate) attack: Attack,
}

/// The onset of a hit inside its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Attack {
    /// Frame that belongs on the beat.
    pub(crate) frame: i64,
    /// Frames before it that are played.
    pub(crate) lead: i64,
}

impl Source {
    pub(crate) fn len(&self) -> i64 {
        self.channels[0].len() as i64
    }
}

/// A piece of a source on the timeline.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Event {
    /// First frame on the timeline; negative where a lead begins before the track.
    pub(crate) start: i64,
    /// Frames it sounds, fades included.
    pub(crate) len: i64,
    /// Index of its source.
    pub(crate) source: usize,
    /// First frame of the source.
    pub(crate) offset: i64,
    /// Whether the source repeats when it ends.
    pub(crate) wrap: bool,
    pub(crate) gain: f32,
    /// Frames of the equal-power fades.
    pub(crate) fade_in: i64,
    pub(crate) fade_out: i64,
    /// Coefficient of a one-pole low-pass, 1 for none.
    pub(crate) open: f32,
}

impl Event {
    pub(crate) fn end(&self) -> i64 {
        self.start + self.len
    }

    /// Ends it at `frame` with a fade of `fade` frames from there.
    pub(crate) fn cut(&mut self, frame: i64, fade: i64) {
        let len = (frame + fade - self.start).max(0);
        if len < self.len {
            self.len = len;
            self.fade_out = fade.min(len);
        }
    }
}

impl Event {
    /// Ends it at `frame` without a fade: where the layer itself is faded.
    pub(crate) fn end_by(&mut self, frame: i64) {
        self.len = self.len.min(frame.saturating_sub(self.start));
        self.fade_out = self.fade_out.min(self.len.max(0));
    }
}

/// An event that is sounding.
#[derive(Debug, Clone)]
pub(crate) struct Voice {
    pub(crate) event: Event,
    filter: [f32; 2],
}

impl Voice {
    pub(crate) fn new(event: Event) -> Self {
        Self { event, filter: [0.0; 2] }
    }

    /// Adds what falls into the block that starts at frame `at`; a mono source goes to every channel.
    pub(crate) fn mix(&mut self, source: &Source, at: i64, block: &mut [Vec<f32>]) {
        let event = &self.event;
        let frames = block[0].len() as i64;
        let from = (event.start - at).clamp(0, frames);
        let to = (event.end() - at).clamp(0, frames);
        let edges = event.fade_in + event.fade_out > 0;
        for (c, out) in block.iter_mut().enumerate() {
            let samples = &source.channels[c.min(source.channels.len() - 1)];
            let mut low = self.filter[c];
            let mut i = from;
            while i < to {
                // One run at a time without wrapping: a plain slice.
                let first = event.offset + at + i - event.start;
                let first = if event.wrap { first.rem_euclid(source.len()) } else { first };
                let run = (source.len() - first).clamp(0, to - i);
                if run == 0 {
                    break;
                }
                let piece = &samples[first as usize..(first + run) as usize];
                let target = &mut out[i as usize..(i + run) as usize];
                let position = at + i - event.start;
                if event.open >= 1.0 && (!edges || event.flat(position, run)) {
                    for (y, x) in target.iter_mut().zip(piece) {
                        *y += event.gain * x;
                    }
                } else {
                    for (k, (y, x)) in target.iter_mut().zip(piece).enumerate() {
                        low += event.open * (x - low);
                        *y += event.gain * event.envelope(position + k as i64) * low;
                    }
                }
                i += run;
            }
            self.filter[c] = low;
        }
    }
}

impl Event {
    /// Whether no fade touches the `run` frames from `position`.
    fn flat(&self, position: i64, run: i64) -> bool {
        position >= self.fade_in && position + run <= self.len - self.fade_out
    }

    fn envelope(&self, position: i64) -> f32 {
        let ramp = |done: i64, of: i64| {
            if done >= of { 1.0 } else { (FRAC_PI_2 * (done as f32 + 0.5) / of as f32).sin() }
        };
        ramp(position, self.fade_in) * ramp(self.len - 1 - position, self.fade_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(start: i64, len: i64) -> Event {
        Event {
            start,
            len,
            source: 0,
            offset: 0,
            wrap: false,
            gain: 1.0,
            fade_in: 0,
            fade_out: 0,
            open: 1.0,
        }
    }

    fn play(event: Event, source: &Source, blocks: &[usize]) -> Vec<f32> {
        let mut voice = Voice::new(event);
        let (mut at, mut all) = (0, Vec::new());
        for &frames in blocks {
            let mut block = vec![vec![0.0; frames]];
            voice.mix(source, at, &mut block);
            at += frames as i64;
            all.append(&mut block[0]);
        }
        all
    }

    fn ramp(frames: usize) -> Source {
        let channel = (1..=frames).map(|i| i as f32).collect();
        Source { channels: vec![channel], attack: Attack::default() }
    }

    #[test]
    fn an_event_sounds_at_its_frame_whatever_the_blocks() {
        let whole = play(event(3, 4), &ramp(9), &[12]);
        assert_eq!(whole, [0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 4.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(play(event(3, 4), &ramp(9), &[4, 1, 7]), whole);
    }

    #[test]
    fn a_loop_wraps_and_a_one_shot_ends() {
        let wrapped = Event { wrap: true, offset: 2, ..event(0, 7) };
        assert_eq!(play(wrapped, &ramp(3), &[8]), [3.0, 1.0, 2.0, 3.0, 1.0, 2.0, 3.0, 0.0]);
        assert_eq!(play(event(0, 7), &ramp(3), &[5]), [1.0, 2.0, 3.0, 0.0, 0.0]);
    }

    #[test]
    fn crossing_fades_keep_the_power() {
        let mut old = event(0, 200);
        old.cut(50, 50);
        let new = Event { fade_in: 50, ..event(50, 50) };
        for k in 0..50 {
            let (a, b) = (old.envelope(50 + k), new.envelope(k));
            assert!((a * a + b * b - 1.0).abs() < 1e-4, "{k}");
        }
    }
}
