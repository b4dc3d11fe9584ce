//! A whole track through a bag of networks, segment by segment.
//!
//! Method: as `apply_model` of the reference implementation. The track is standardised by mean and deviation of its
//! mono sum. Segments overlap (a quarter by default), are faded by a triangle and divided by the sum of the triangles;
//! a segment cut by the end of the track gets more context before it. `shifts` repeats everything with the track moved
//! by a random part of half a second and averages. A bag runs every network, and weighs per source.
//!
//! We differ in the order: segments of all networks and shifts are run by their place in the track, so that input and
//! output stream; what is finished leaves at once. Shifts are drawn from a seed.
//! Memory: two segments of input and one of output per source (26 MB), whatever the length of the track.

use rand::RngExt;

use dream_audio::Clip;
use dream_core::{Frames, Progress, Seed};

use super::{Bag, Htdemucs, door};
use crate::Error;

/// How a track is applied.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    /// How often everything is repeated with the track moved, 0 to 20; 0 for once, not moved.
    pub shifts: u32,
    /// The part of a segment that overlaps the next, 0 to 0.9.
    pub overlap: f64,
    /// Draws the shifts.
    pub seed: Seed,
}

impl Default for Spec {
    /// No shifts, a quarter overlaps.
    fn default() -> Self {
        Self { shifts: 0, overlap: 0.25, seed: Seed(0) }
    }
}

impl Spec {
    fn check(&self) -> Result<(), Error> {
        if self.shifts > 20 {
            let got = f64::from(self.shifts);
            return Err(Error::Setting { name: "shifts", got, allowed: "0 to 20" });
        }
        if !(0.0..=0.9).contains(&self.overlap) {
            let got = self.overlap;
            return Err(Error::Setting { name: "overlap", got, allowed: "0 to 0.9" });
        }
        Ok(())
    }
}

/// Mean and deviation of a track's mono sum: a first pass over it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Level {
    frames: u64,
    sum: f64,
    squares: f64,
}

impl Level {
    /// Counts a piece of the track; of more than two channels the first two.
    pub fn add(&mut self, piece: &Clip) {
        let [left, right] = piece.stereo();
        for (l, r) in left.iter().zip(right) {
            let x = f64::midpoint(f64::from(*l), f64::from(*r));
            self.sum += x;
            self.squares += x * x;
        }
        self.frames += piece.len() as u64;
    }

    /// Frames counted: the length of the track.
    pub fn frames(&self) -> Frames {
        Frames(self.frames)
    }

    fn mean_and_deviation(&self) -> [f64; 2] {
        let count = self.frames as f64;
        let mean = self.sum / count.max(1.0);
        let variance = (self.squares - count * mean * mean) / (count - 1.0).max(1.0);
        [mean, variance.max(0.0).sqrt() + 1e-8]
    }
}

/// Separates a clip of any rate and length: one stereo clip per source, at the rate of the networks.
///
/// Memory: the clip at that rate and all stems; see [`separate_to`] for less.
///
/// # Errors
/// `Setting`, `Cancelled`.
pub fn separate(
    bag: &Bag,
    mix: &Clip,
    spec: &Spec,
    progress: &Progress,
) -> Result<Vec<Clip>, Error> {
    let mix = door::resample(mix, bag.sample_rate());
    let mut level = Level::default();
    level.add(&mix);
    let mut at = 0;
    let track = Track {
        level,
        from: Frames(0),
        next: |_, frames: Frames| {
            let start = Frames(at);
            at += frames.0;
            Ok(mix.slice(start, Frames(at)))
        },
    };
    let silence = Clip::silence(bag.sample_rate(), 2, mix.frames());
    let mut stems = vec![silence; bag.sources().len()];
    separate_to(bag, track, spec, progress, |start: Frames, pieces: &[Clip]| {
        for (stem, piece) in stems.iter_mut().zip(pieces) {
            for c in 0..2 {
                let range = start.index()..start.index() + piece.len();
                stem.channel_mut(c)[range].copy_from_slice(piece.channel(c));
            }
        }
        Ok::<(), Error>(())
    })?;
    Ok(stems)
}

/// A track that is read from its beginning to its end.
pub struct Track<F> {
    /// Of the whole track, which also says how long it is.
    pub level: Level,
    /// Where output begins: 0, or where an interrupted run ended a piece. The pieces from there on are the same, bit
    /// by bit.
    pub from: Frames,
    /// `next(start, frames)` gives the frames from `start` on, at the rate of the networks, all of them or up to the
    /// end of the track; each call begins where the one before ended, the first at or before `from`.
    pub next: F,
}

/// Separates a track piece by piece: `sink(start, stems)` gets one stereo clip per source as soon as it is finished,
/// pieces in order and without gaps.
///
/// # Errors
/// `Setting`, `Cancelled`, and whatever `next` and `sink` return.
pub fn separate_to<E: From<Error>>(
    bag: &Bag,
    mut track: Track<impl FnMut(Frames, Frames) -> Result<Clip, E>>,
    spec: &Spec,
    progress: &Progress,
    mut sink: impl FnMut(Frames, &[Clip]) -> Result<(), E>,
) -> Result<(), E> {
    spec.check()?;
    let length = track.level.frames.cast_signed();
    let from = track.from.0.min(track.level.frames).cast_signed();
    let passes = passes(bag, spec);
    let jobs = jobs(&passes, length, from);
    let [mean, deviation] = track.level.mean_and_deviation();
    let back = |job: &Job| job.begin - (passes[job.pass].segment / 2) as i64;
    let mut input = Window::new(2, jobs.iter().map(back).min().unwrap_or(0).max(0));
    let mut output = Window::new(2 * bag.sources().len(), from);
    for (done, job) in jobs.iter().enumerate() {
        progress.step(done as u64, jobs.len() as u64, "segment").map_err(Error::from)?;
        let pass = &passes[job.pass];
        // A segment that is cut gets the rest before and after it.
        let start = job.begin - ((pass.segment - job.len) / 2) as i64;
        input.fill_to((start + pass.segment as i64).min(length), |at, frames| {
            (track.next)(Frames(at), Frames(frames))
        })?;
        let mix = [0, 1].map(|c| input.standardised(c, start, pass.segment, [mean, deviation]));
        let stems = pass.model.forward([&mix[0], &mix[1]], progress).map_err(Error::from)?;
        drop(mix);
        pass.add(job, &stems, &mut output, [mean, deviation]);
        drop(stems);

        let rest = &jobs[done + 1..];
        let finished = rest.first().map_or(length, |job| job.begin);
        if let Some(pieces) = output.take_to(finished) {
            let start = Frames((finished - pieces[0].len() as i64).cast_unsigned());
            let clips: Vec<Clip> = pieces
                .as_chunks()
                .0
                .iter()
                .map(|[left, right]| Clip::new(bag.sample_rate(), &[left, right]))
                .collect();
            sink(start, &clips)?;
        }
        // Later segments begin later, but may need half a segment before their beginning.
        input.drop_to(rest.first().map_or(length, back));
    }
    progress.step(jobs.len() as u64, jobs.len() as u64, "segment").map_err(Error::from)?;
    Ok(())
}

/// One network over the track, moved or not.
struct Pass<'a> {
    model: &'a Htdemucs,
    /// Share of the output per source.
    shares: Vec<f32>,
    segment: usize,
    stride: usize,
    /// Where the first segment begins; before the track when it is moved.
    start: i64,
}

/// One segment of one pass: frames `begin` to `begin + len` of the track.
struct Job {
    pass: usize,
    begin: i64,
    len: usize,
}

fn passes<'a>(bag: &'a Bag, spec: &Spec) -> Vec<Pass<'a>> {
    let mut rng = spec.seed.child("shifts").rng();
    let mut passes = Vec::new();
    for (model, weights) in bag.models.iter().zip(&bag.weights) {
        let repeats = spec.shifts.max(1);
        for _ in 0..repeats {
            let most = i64::from(model.config().sample_rate / 2);
            let start = if spec.shifts > 0 { rng.random_range(-most..=0) } else { 0 };
            let segment = model.config().segment;
            passes.push(Pass {
                model,
                shares: weights.iter().map(|weight| weight / repeats as f32).collect(),
                segment,
                stride: (((1.0 - spec.overlap) * segment as f64) as usize).max(1),
                start,
            });
        }
    }
    passes
}

/// All segments that reach beyond `from`, by where they begin.
fn jobs(passes: &[Pass<'_>], length: i64, from: i64) -> Vec<Job> {
    let mut jobs = Vec::new();
    for (i, pass) in passes.iter().enumerate() {
        let mut begin = pass.start;
        while begin < length {
            let len = pass.segment.min((length - begin) as usize);
            if begin + len as i64 > from {
                jobs.push(Job { pass: i, begin, len });
            }
            begin += pass.stride as i64;
        }
    }
    jobs.sort_by_key(|job| job.begin);
    jobs
}

impl Pass<'_> {
    /// Fades a separated segment, `[sources, 2, segment]`, into the output.
    fn add(&self, job: &Job, stems: &[f32], output: &mut Window, [mean, deviation]: [f64; 2]) {
        let trimmed = (self.segment - job.len) / 2;
        let skip = (output.start - job.begin).clamp(0, job.len as i64) as usize;
        let fades: Vec<f32> = (skip..job.len).map(|i| self.fade(job, i)).collect();
        output.grow_to(job.begin + job.len as i64);
        let to = (job.begin + skip as i64 - output.start) as usize;
        for (c, stem) in stems.chunks_exact(self.segment).enumerate() {
            let share = self.shares[c / 2];
            if share > 0.0 {
                let stem = &stem[trimmed + skip..trimmed + job.len];
                let out = &mut output.channels[c][to..];
                for ((out, x), fade) in out.iter_mut().zip(stem).zip(&fades) {
                    *out += (x * deviation as f32 + mean as f32) * fade * share;
                }
            }
        }
    }

    /// The weight of frame `i` of a segment among all segments of the pass that cover it.
    fn fade(&self, job: &Job, i: usize) -> f32 {
        let (segment, stride) = (self.segment, self.stride);
        let at = (job.begin - self.start) as usize + i;
        let first = (at + 1).saturating_sub(segment).div_ceil(stride);
        let total: f32 = (first..=at / stride).map(|k| triangle(at - k * stride, segment)).sum();
        triangle(i, segment) / total
    }
}

/// Rises from above 0 to 1 in the middle and falls again.
fn triangle(i: usize, len: usize) -> f32 {
    let half = len / 2;
    let height = if i < half { i + 1 } else { len - i };
    height as f32 / (len - half) as f32
}

/// A stretch of several channels that moves along the track.
struct Window {
    /// The frame of the track where it begins.
    start: i64,
    channels: Vec<Vec<f32>>,
}

impl Window {
    fn new(channels: usize, start: i64) -> Self {
        Self { start, channels: vec![Vec::new(); channels] }
    }

    fn end(&self) -> i64 {
        self.start + self.channels[0].len() as i64
    }

    fn grow_to(&mut self, end: i64) {
        let len = (end - self.start).max(self.channels[0].len() as i64) as usize;
        self.channels.iter_mut().for_each(|channel| channel.resize(len, 0.0));
    }

    /// Reads up to frame `end`; a track that ends early goes on with silence.
    fn fill_to<E>(
        &mut self,
        end: i64,
        mut next: impl FnMut(u64, u64) -> Result<Clip, E>,
    ) -> Result<(), E> {
        if end > self.end() {
            let piece = next(self.end().cast_unsigned(), (end - self.end()).cast_unsigned())?;
            let wanted = (end - self.end()) as usize;
            for (channel, more) in self.channels.iter_mut().zip(piece.stereo()) {
                channel.extend(&more[..more.len().min(wanted)]);
            }
            self.grow_to(end);
        }
        Ok(())
    }

    /// Channel `c` from frame `start` on, standardised; what lies outside is zero.
    fn standardised(&self, c: usize, start: i64, len: usize, level: [f64; 2]) -> Vec<f32> {
        let [mean, inverse] = [level[0] as f32, level[1].recip() as f32];
        let mut out = vec![0.0; len];
        let from = start.max(self.start);
        let to = (start + len as i64).min(self.end()).max(from);
        let samples = &self.channels[c][(from - self.start) as usize..(to - self.start) as usize];
        for (out, x) in out[(from - start) as usize..].iter_mut().zip(samples) {
            *out = (x - mean) * inverse;
        }
        out
    }

    fn drop_to(&mut self, start: i64) {
        let count = (start - self.start).clamp(0, self.channels[0].len() as i64) as usize;
        self.channels.iter_mut().for_each(|channel| drop(channel.drain(..count)));
        self.start += count as i64;
    }

    /// Takes out what lies before frame `end`, if anything does.
    fn take_to(&mut self, end: i64) -> Option<Vec<Vec<f32>>> {
        let count = end - self.start;
        if count <= 0 {
            return None;
        }
        self.grow_to(end);
        let take = |channel: &mut Vec<f32>| channel.drain(..count as usize).collect();
        let pieces = self.channels.iter_mut().map(take).collect();
        self.start = end;
        Some(pieces)
    }
}
