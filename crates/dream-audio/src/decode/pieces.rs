//! Audio from files too long for memory.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use dream_core::{Frames, SampleRate};

use super::stream::Stream;
use super::{Limits, MISSCALED, Plan, describe, misscaled, report, review, run, zero};
use crate::{Clip, Error};

/// What a file was, after its last piece.
#[derive(Debug, Clone, PartialEq)]
pub struct Played {
    /// Its rate.
    pub rate: SampleRate,
    /// Its length.
    pub frames: Frames,
    /// Container, codec and detail.
    pub format: String,
    /// What its pieces are to be multiplied by: 1 but where the file is scaled wrongly.
    pub gain: f32,
    /// What was lost, repaired or assumed, as phrases.
    pub warnings: Vec<String>,
    /// Whether there is less audio than the file promises, or part of it could not be decoded.
    pub incomplete: bool,
}

/// Decodes a file piece by piece, as `decode_file` does in one: `sink` gets clips of some three seconds, in order, without
/// gaps, every sample finite. Memory: two of them.
///
/// # Errors
/// Those of `decode_file`, and whatever `sink` returns.
pub fn decode_pieces<E: From<Error>>(
    path: &Path,
    limits: &Limits,
    mut sink: impl FnMut(Clip) -> Result<(), E>,
) -> Result<Played, E> {
    super::regular(path)?;
    let mut file = File::open(path).map_err(Error::from)?;
    let mut told = Told::default();
    let played = catch_unwind(AssertUnwindSafe(|| {
        let (mut stream, plan) =
            run(&mut file, limits, &mut |stream: &mut Stream, plan: &Plan| {
                let blocks = stream.blocks.take_full(stream.rate);
                told.pass(blocks, plan.span(stream, &mut Vec::new()), &mut sink)
            })?;
        let mut warnings = Vec::new();
        let span = plan.span(&stream, &mut warnings);
        let declared = plan.declared.or(stream.declared_frames);
        let incomplete = review(&stream, plan.container, span, declared, limits, &mut warnings)?;
        let blocks = stream.blocks.take_rest(stream.rate);
        told.pass(blocks, span, &mut sink)?;
        report(told.non_finite, told.absurd, &mut warnings);
        let scaled = told.peak > MISSCALED;
        if scaled {
            warnings.push(misscaled(told.peak));
        }
        Ok(Played {
            rate: stream.rate,
            frames: Frames(told.frames),
            format: describe(&stream, plan.container),
            gain: if scaled { told.peak.recip() } else { 1.0 },
            warnings,
            incomplete,
        })
    }));
    // Neither the file nor what was told is used again after a panic.
    played.unwrap_or(Err(Error::Panicked.into()))
}

/// What went to the sink so far.
#[derive(Default)]
struct Told {
    frames: u64,
    non_finite: u64,
    absurd: u64,
    peak: f32,
}

impl Told {
    fn pass<E>(
        &mut self,
        blocks: Vec<(u64, Clip)>,
        (from, to): (u64, u64),
        sink: &mut impl FnMut(Clip) -> Result<(), E>,
    ) -> Result<(), E> {
        for (start, block) in blocks {
            let first = from.saturating_sub(start);
            let mut piece = block.slice(Frames(first), Frames(to.saturating_sub(start)));
            if piece.is_empty() {
                continue;
            }
            let (non_finite, absurd) = zero(&mut piece);
            self.non_finite += non_finite;
            self.absurd += absurd;
            self.peak = self.peak.max(piece.peak());
            self.frames += piece.len() as u64;
            sink(piece)?;
        }
        Ok(())
    }
}
