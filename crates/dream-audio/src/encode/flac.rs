//! Samples to FLAC.
//!
//! Format: M. van Beurden, A. Weaver, "Free Lossless Audio Codec", RFC 9639, 2024. Blocks of 4096 frames; each channel,
//! or middle and side where that is shorter, by the fixed predictor of order 0 to 4 that leaves the smallest
//! residual, coded after R. Rice in up to 64 partitions. Streams: two passes over the clip, the first for the
//! checksum that stands in the header. Memory: a group of blocks.

use std::io::Write;

use dream_core::Seed;
use md5::{Digest, Md5};
use rayon::prelude::*;

use super::{BLOCK, Bits, Quantiser};
use crate::{Clip, Error};

/// Blocks that are encoded side by side.
const GROUP: usize = 64;
/// Highest order of the fixed predictors.
const MAX_ORDER: usize = 4;
/// Most times that a block is halved into partitions.
const MAX_HALVINGS: u32 = 6;

/// Writes the clip as a FLAC file.
///
/// # Errors
/// `Unsupported` for floats; `LimitExceeded` for more than eight channels; `Io` when writing fails.
pub fn write_flac(
    mut writer: impl Write,
    clip: &Clip,
    bits: Bits,
    dither: Seed,
) -> Result<(), Error> {
    let depth = match bits {
        Bits::Int16 => 16,
        Bits::Int24 => 24,
        Bits::Float32 => return Err(Error::Unsupported { codec: "floats in FLAC".to_owned() }),
    };
    let channels = clip.channels();
    if channels > 8 {
        let what = "number of channels of a FLAC file";
        return Err(Error::LimitExceeded { what, got: channels as u64, min: 1, max: 8 });
    }
    let mut md5 = Md5::new();
    let mut bytes = Vec::new();
    for block in Quantiser::new(clip, bits, dither) {
        bytes.clear();
        for i in 0..block[0].len() {
            for channel in &block {
                bytes.extend_from_slice(&channel[i].to_le_bytes()[..bits.bytes()]);
            }
        }
        md5.update(&bytes);
    }
    writer.write_all(&head(clip, depth, &md5.finalize()))?;
    let mut blocks = Quantiser::new(clip, bits, dither);
    for first in (0..).step_by(GROUP) {
        let group: Vec<Vec<Vec<i32>>> = blocks.by_ref().take(GROUP).collect();
        if group.is_empty() {
            break;
        }
        let number = |i: usize| (first + i) as u32;
        let frames: Vec<Vec<u8>> = group
            .into_par_iter()
            .enumerate()
            .map(|(i, block)| frame(number(i), &block, depth))
            .collect();
        for frame in frames {
            writer.write_all(&frame)?;
        }
    }
    writer.flush()?;
    Ok(())
}

/// The marker and the block of metadata that describes the stream.
fn head(clip: &Clip, depth: u32, md5: &[u8]) -> Vec<u8> {
    let mut out = BitWriter::default();
    out.bytes.extend(b"fLaC");
    out.put(1, 1); // the last block of metadata,
    out.put(7, 0); // of the stream,
    out.put(24, 34); // so long
    out.put(16, BLOCK as u64);
    out.put(16, BLOCK as u64);
    out.put(24, 0); // the sizes of frames are not told
    out.put(24, 0);
    out.put(20, u64::from(clip.rate().0));
    out.put(3, clip.channels() as u64 - 1);
    out.put(5, u64::from(depth) - 1);
    out.put(36, clip.len() as u64);
    out.align();
    out.bytes.extend(md5);
    out.bytes
}

/// One frame: a block of all channels.
fn frame(number: u32, block: &[Vec<i32>], depth: u32) -> Vec<u8> {
    let frames = block[0].len();
    let mut out = BitWriter::default();
    let (assignment, channels) = if let [left, right] = block {
        let side: Vec<i32> = left.iter().zip(right).map(|(l, r)| l - r).collect();
        let middle: Vec<i32> = left.iter().zip(right).map(|(l, r)| (l + r) >> 1).collect();
        let code = |samples: &[i32], depth: u32| Subframe::of(samples, depth);
        let (l, r) = (code(left, depth), code(right, depth));
        let (m, s) = (code(&middle, depth), code(&side, depth + 1));
        let sizes = [l.size + r.size, l.size + s.size, s.size + r.size, m.size + s.size];
        let best = (0..4).min_by_key(|i| sizes[*i]).unwrap_or(0);
        match best {
            1 => (8, vec![l, s]),
            2 => (9, vec![s, r]),
            3 => (10, vec![m, s]),
            _ => (1, vec![l, r]),
        }
    } else {
        let channels = block.iter().map(|channel| Subframe::of(channel, depth));
        (block.len() as u64 - 1, channels.collect())
    };
    out.put(16, 0xfff8); // blocks of a fixed size
    let whole = frames == BLOCK;
    out.put(4, if whole { 12 } else { 7 });
    out.put(4, 0); // the rate stands in the head
    out.put(4, assignment);
    out.put(3, if depth == 16 { 4 } else { 6 });
    out.put(1, 0);
    out.put_number(number);
    if !whole {
        out.put(16, frames as u64 - 1);
    }
    let check = crc(&out.bytes, 0x07, 8);
    out.put(8, u64::from(check));
    for channel in &channels {
        channel.write(&mut out);
    }
    out.align();
    let check = crc(&out.bytes, 0x8005, 16);
    out.put(16, u64::from(check));
    out.bytes
}

/// How one channel of a block is coded.
enum Code {
    Constant,
    Verbatim,
    Fixed { order: usize, residual: Vec<i32>, halvings: u32, rice: Vec<u32> },
}

struct Subframe {
    samples: Vec<i32>,
    depth: u32,
    code: Code,
    /// Bits it takes, nearly.
    size: u64,
}

impl Subframe {
    fn of(samples: &[i32], depth: u32) -> Self {
        let n = samples.len();
        let with = |code: Code, size: u64| Self { samples: samples.to_vec(), depth, code, size };
        if samples.iter().all(|x| *x == samples[0]) {
            return with(Code::Constant, u64::from(depth));
        }
        let verbatim = n as u64 * u64::from(depth);
        // Residuals of rising order, each the differences of the one before.
        let mut residual = samples.to_vec();
        let mut best = (0, cost(&residual), residual.clone());
        for order in 1..=MAX_ORDER.min(n - 1) {
            for i in (order..n).rev() {
                residual[i] -= residual[i - 1];
            }
            let cost = cost(&residual[order..]);
            if cost < best.1 {
                best = (order, cost, residual.clone());
            }
        }
        let (order, _, residual) = best;
        let residual = residual[order..].to_vec();
        let (halvings, rice, bits) = partitions(&residual, order, n);
        let size = bits + order as u64 * u64::from(depth) + 6;
        if size >= verbatim {
            return with(Code::Verbatim, verbatim);
        }
        with(Code::Fixed { order, residual, halvings, rice }, size)
    }

    fn write(&self, out: &mut BitWriter) {
        let sample =
            |out: &mut BitWriter, x: i32| out.put(self.depth, (x as u64) & mask(self.depth));
        match &self.code {
            Code::Constant => {
                out.put(8, 0);
                sample(out, self.samples[0]);
            }
            Code::Verbatim => {
                out.put(8, 0b10);
                self.samples.iter().for_each(|x| sample(out, *x));
            }
            Code::Fixed { order, residual, halvings, rice } => {
                out.put(8, (0b1000 | *order as u64) << 1);
                self.samples[..*order].iter().for_each(|x| sample(out, *x));
                out.put(2, 1); // parameters of five bits
                out.put(4, u64::from(*halvings));
                let len = self.samples.len() >> halvings;
                let mut rest = &residual[..];
                for (i, &k) in rice.iter().enumerate() {
                    let (own, after) = rest.split_at(len - if i == 0 { *order } else { 0 });
                    rest = after;
                    out.put(5, u64::from(k));
                    for x in own {
                        let folded = fold(*x);
                        out.put_zeros(folded >> k);
                        out.put(k + 1, 1 << k | (u64::from(folded) & mask(k)));
                    }
                }
            }
        }
    }
}

fn mask(bits: u32) -> u64 {
    (1 << bits) - 1
}

/// Signed to unsigned: 0, -1, 1, -2, 2...
fn fold(x: i32) -> u32 {
    ((x << 1) ^ (x >> 31)).cast_unsigned()
}

fn cost(residual: &[i32]) -> u64 {
    residual.iter().map(|x| u64::from(x.unsigned_abs())).sum()
}

/// The number of halvings, the parameter of each partition, and the bits of it all: the least there is.
fn partitions(residual: &[i32], order: usize, block: usize) -> (u32, Vec<u32>, u64) {
    let fits = |halvings: u32| block.is_multiple_of(1 << halvings) && block >> halvings > order;
    let finest = (0..=MAX_HALVINGS).take_while(|halvings| fits(*halvings)).last().unwrap_or(0);
    let mut sums = Vec::new();
    let mut rest = residual;
    for i in 0..1_usize << finest {
        let (own, after) = rest.split_at((block >> finest) - if i == 0 { order } else { 0 });
        rest = after;
        sums.push((own.len() as u64, own.iter().map(|x| u64::from(fold(*x))).sum::<u64>()));
    }
    let mut best: Option<(u32, Vec<u32>, u64)> = None;
    for halvings in (0..=finest).rev() {
        let coded: Vec<(u32, u64)> =
            sums.iter().map(|(count, sum)| parameter(*count, *sum)).collect();
        let bits = coded.iter().map(|(_, bits)| bits + 5).sum();
        if best.as_ref().is_none_or(|best| bits < best.2) {
            best = Some((halvings, coded.into_iter().map(|(k, _)| k).collect(), bits));
        }
        sums = sums
            .chunks(2)
            .map(|pair| pair.iter().fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1)))
            .collect();
    }
    best.unwrap_or((0, vec![0], u64::MAX))
}

/// The parameter for so many numbers of that sum, and nearly the bits they take.
fn parameter(count: u64, sum: u64) -> (u32, u64) {
    let usual = (sum / count.max(1)).checked_ilog2().unwrap_or(0);
    let bits = |k: u32| count * u64::from(k + 1) + (sum >> k);
    (usual.saturating_sub(1)..=(usual + 1).min(30))
        .map(|k| (k, bits(k)))
        .min_by_key(|(_, bits)| *bits)
        .unwrap_or((0, sum))
}

/// Bits, the highest first.
#[derive(Debug, Default)]
struct BitWriter {
    bytes: Vec<u8>,
    /// The last `filled` bits are not in `bytes` yet; fewer than eight.
    rest: u64,
    filled: u32,
}

impl BitWriter {
    /// Appends the lowest `bits` bits of a value that has no others; at most 56.
    fn put(&mut self, bits: u32, value: u64) {
        self.rest = self.rest << bits | value;
        self.filled += bits;
        while self.filled >= 8 {
            self.filled -= 8;
            self.bytes.push((self.rest >> self.filled) as u8);
        }
        self.rest &= mask(self.filled);
    }

    fn put_zeros(&mut self, mut count: u32) {
        while count > 0 {
            let bits = count.min(48);
            self.put(bits, 0);
            count -= bits;
        }
    }

    /// A number as UTF-8 writes code points, up to 31 bits.
    fn put_number(&mut self, number: u32) {
        if number < 0x80 {
            return self.put(8, u64::from(number));
        }
        // Each further byte takes six bits, and one from the first.
        let more = (1..6).find(|more| u64::from(number) < 1 << (6 + 5 * more)).unwrap_or(5);
        let lead = !mask(7 - more) & 0xff;
        self.put(8, lead & !(1 << (6 - more)) | u64::from(number) >> (6 * more));
        for i in (0..more).rev() {
            self.put(8, 0x80 | (u64::from(number) >> (6 * i)) & 0x3f);
        }
    }

    fn align(&mut self) {
        if self.filled > 0 {
            self.put(8 - self.filled, 0);
        }
    }
}

/// Cyclic redundancy check, the highest bit first, starting from zero.
fn crc(bytes: &[u8], polynomial: u16, width: u32) -> u16 {
    let top = 1_u16 << (width - 1);
    let table: [u16; 256] = std::array::from_fn(|byte| {
        (0..8).fold((byte as u16) << (width - 8), |crc, _| {
            crc << 1 ^ if crc & top == 0 { 0 } else { polynomial }
        })
    });
    let crc = bytes.iter().fold(0_u16, |crc, byte| {
        let index = (crc >> (width - 8)) as u8 ^ byte;
        (if width == 8 { 0 } else { crc << 8 }) ^ table[usize::from(index)]
    });
    if width == 8 { crc & 0xff } else { crc }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    use dream_core::SampleRate;

    use crate::decode::{Limits, decode};
    use crate::encode::{wav16, wav24};

    fn flac(clip: &Clip, bits: Bits) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_flac(&mut bytes, clip, bits, Seed(5)).unwrap();
        bytes
    }

    #[track_caller]
    fn check(clip: &Clip) {
        for (bits, wav) in
            [(Bits::Int16, wav16(clip, Seed(5))), (Bits::Int24, wav24(clip, Seed(5)))]
        {
            let read =
                |bytes: Vec<u8>| decode(Cursor::new(bytes), &Limits::default()).unwrap().clip;
            assert_eq!(read(flac(clip, bits)), read(wav.unwrap()), "{bits:?}");
        }
    }

    fn noise(frames: usize, gain: f32) -> Vec<f32> {
        let mut rng = Seed(3).rng();
        (0..frames).map(|_| gain * rand::RngExt::random_range(&mut rng, -1.0..1.0_f32)).collect()
    }

    #[test]
    fn what_is_written_is_what_wav_would_hold() {
        let rate = SampleRate::LIBRARY;
        let sine: Vec<f32> = (0..20_000).map(|i| 0.5 * (i as f32 * 0.0513).sin()).collect();
        let late: Vec<f32> = [vec![0.0; 12_000], sine[..8_000].to_vec()].concat();
        check(&Clip::new(rate, &[&sine, &late]));
        check(&Clip::new(rate, &[&noise(9_001, 1.2), &sine[..9_001]]));
        check(&Clip::mono(rate, noise(4_096, 0.001)));
        check(&Clip::mono(rate, noise(65, 0.9)));
        check(&Clip::new(rate, &[&vec![0.0; 5_000], &vec![0.0; 5_000]]));
        check(&Clip::new(SampleRate(96_000), &[&noise(6_000, 0.5), &noise(6_000, 0.5)]));
    }

    #[test]
    fn music_is_shorter_than_as_wav_and_floats_are_refused() {
        let sine: Vec<f32> = (0..44_100).map(|i| 0.5 * (i as f32 * 0.0513).sin()).collect();
        let clip = Clip::new(SampleRate::LIBRARY, &[&sine, &sine]);
        assert!(flac(&clip, Bits::Int16).len() < 44_100 * 4 / 3);
        let error = write_flac(Vec::new(), &clip, Bits::Float32, Seed(0)).unwrap_err();
        assert!(error.to_string().contains("floats in FLAC"), "{error}");
    }

    #[test]
    fn numbers_of_frames_are_written_as_utf_8() {
        for number in [0, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xffff, 0x1_0000, 0x10_ffff] {
            let mut out = BitWriter::default();
            out.put_number(number);
            let text = char::from_u32(number).unwrap().to_string();
            assert_eq!(out.bytes, text.as_bytes(), "{number:#x}");
        }
    }
}
