//! Samples to WAV and FLAC.
//!
//! Integer formats are dithered with triangular noise of two steps width, which makes the error of rounding
//! independent of the signal: S. Lipshitz, R. Wannamaker, J. Vanderkooy, "Quantization and Dither: A Theoretical
//! Survey", JAES 40(5), 1992. A sample that lies on a step already has no such error and is written as it is: digital
//! silence stays silent and 16-bit material survives a round trip.
//! Samples beyond full scale are clipped, never wrapped. Memory: one block.

use std::io::Write;

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use dream_core::{Frames, SampleRate, Seed};

use crate::{Clip, Error};

mod flac;

pub use flac::write_flac;

/// The sample format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bits {
    /// 16-bit integers, dithered.
    Int16,
    /// 24-bit integers, dithered.
    Int24,
    /// 32-bit floats, exact.
    Float32,
}

impl Bits {
    /// Bytes per sample.
    pub fn bytes(self) -> usize {
        match self {
            Self::Int16 => 2,
            Self::Int24 => 3,
            Self::Float32 => 4,
        }
    }
}

/// Frames encoded at once.
const BLOCK: usize = 4096;

/// Writes the clip as a WAV file.
///
/// # Errors
/// `LimitExceeded` when the samples need more than the 4 GiB that WAV can count; `Io` when writing fails.
pub fn write_wav(
    mut writer: impl Write,
    clip: &Clip,
    bits: Bits,
    dither: Seed,
) -> Result<(), Error> {
    writer.write_all(&header(&Shape::of(clip), bits)?)?;
    let (width, channels) = (bits.bytes(), clip.channels());
    let mut bytes = vec![0; BLOCK * width * channels];
    if bits == Bits::Float32 {
        for start in (0..clip.len()).step_by(BLOCK) {
            let end = clip.len().min(start + BLOCK);
            for (c, channel) in clip.iter_channels().enumerate() {
                interleave(&channel[start..end], c, channels, &mut bytes, f32::to_le_bytes);
            }
            writer.write_all(&bytes[..(end - start) * width * channels])?;
        }
    } else {
        for block in Quantiser::new(clip, bits, dither) {
            for (c, steps) in block.iter().enumerate() {
                if bits == Bits::Int16 {
                    let to_bytes = |step: i32| (step as i16).to_le_bytes();
                    interleave(steps, c, channels, &mut bytes, to_bytes);
                } else {
                    let to_bytes = |step: i32| {
                        let [low, middle, high, _] = step.to_le_bytes();
                        [low, middle, high]
                    };
                    interleave(steps, c, channels, &mut bytes, to_bytes);
                }
            }
            writer.write_all(&bytes[..block[0].len() * width * channels])?;
        }
    }
    if clip.samples().len() * width % 2 == 1 {
        writer.write_all(&[0])?;
    }
    writer.flush()?;
    Ok(())
}

/// Writes the samples of channel `c` at their places among those of all channels.
fn interleave<T: Copy, const N: usize>(
    samples: &[T],
    c: usize,
    channels: usize,
    bytes: &mut [u8],
    to_bytes: impl Fn(T) -> [u8; N],
) {
    for (out, sample) in bytes.chunks_exact_mut(N * channels).zip(samples) {
        out[c * N..(c + 1) * N].copy_from_slice(&to_bytes(*sample));
    }
}

/// A WAV file of 32-bit floats that is written as its samples come.
#[derive(Debug)]
pub struct FloatWriter<W> {
    writer: W,
    channels: usize,
    bytes: Vec<u8>,
}

impl<W: Write> FloatWriter<W> {
    /// Writes the header of a file of that many frames.
    ///
    /// # Errors
    /// As [`write_wav`].
    pub fn new(
        mut writer: W,
        rate: SampleRate,
        channels: usize,
        frames: Frames,
    ) -> Result<Self, Error> {
        let shape = Shape { rate, channels, frames: frames.index() };
        writer.write_all(&header(&shape, Bits::Float32)?)?;
        Ok(Self { writer, channels, bytes: Vec::new() })
    }

    /// Writes the next frames, one slice per channel, all as long.
    ///
    /// # Errors
    /// `Io` when writing fails.
    pub fn write(&mut self, block: &[&[f32]]) -> Result<(), Error> {
        self.bytes.resize(4 * self.channels * block[0].len(), 0);
        for (c, samples) in block.iter().enumerate() {
            interleave(samples, c, self.channels, &mut self.bytes, f32::to_le_bytes);
        }
        Ok(self.writer.write_all(&self.bytes)?)
    }

    /// The writer, after all frames.
    pub fn into_inner(self) -> W {
        self.writer
    }
}

/// A WAV file of 16-bit integers that is written as its samples come, dithered.
#[derive(Debug)]
pub struct Int16Writer<W> {
    writer: W,
    channels: usize,
    rng: ChaCha8Rng,
    noise: Vec<u8>,
    steps: Vec<i32>,
    bytes: Vec<u8>,
}

impl<W: Write> Int16Writer<W> {
    /// Writes the header of a file of that many frames.
    ///
    /// # Errors
    /// As [`write_wav`].
    pub fn new(
        mut writer: W,
        rate: SampleRate,
        (channels, frames): (usize, Frames),
        dither: Seed,
    ) -> Result<Self, Error> {
        let shape = Shape { rate, channels, frames: frames.index() };
        writer.write_all(&header(&shape, Bits::Int16)?)?;
        let (noise, steps, bytes) = Default::default();
        Ok(Self { writer, channels, rng: dither.rng(), noise, steps, bytes })
    }

    /// Writes the next frames, interleaved.
    ///
    /// # Errors
    /// `Io` when writing fails.
    pub fn write(&mut self, interleaved: &[f32]) -> Result<(), Error> {
        debug_assert_eq!(interleaved.len() % self.channels, 0);
        self.noise.resize(4 * interleaved.len(), 0);
        self.rng.fill_bytes(&mut self.noise);
        self.steps.resize(interleaved.len(), 0);
        quantise(interleaved, &self.noise, 32_768.0, &mut self.steps);
        self.bytes.clear();
        self.bytes.extend(self.steps.iter().flat_map(|step| (*step as i16).to_le_bytes()));
        Ok(self.writer.write_all(&self.bytes)?)
    }
}

/// The clip as a 16-bit WAV file in memory.
///
/// # Errors
/// As `write_wav`.
pub fn wav16(clip: &Clip, dither: Seed) -> Result<Vec<u8>, Error> {
    in_memory(clip, Bits::Int16, dither)
}

/// The clip as a 24-bit WAV file in memory.
///
/// # Errors
/// As `write_wav`.
pub fn wav24(clip: &Clip, dither: Seed) -> Result<Vec<u8>, Error> {
    in_memory(clip, Bits::Int24, dither)
}

/// The clip as a WAV file of 32-bit floats in memory: every sample exactly as it is.
///
/// # Errors
/// As `write_wav`.
pub fn wav32f(clip: &Clip) -> Result<Vec<u8>, Error> {
    in_memory(clip, Bits::Float32, Seed(0))
}

fn in_memory(clip: &Clip, bits: Bits, dither: Seed) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::with_capacity(64 + clip.samples().len() * bits.bytes());
    write_wav(&mut bytes, clip, bits, dither)?;
    Ok(bytes)
}

/// The samples of a clip as integers, dithered, block by block: `[channels][frames]`.
struct Quantiser<'a> {
    clip: &'a Clip,
    scale: f64,
    rng: ChaCha8Rng,
    noise: Vec<u8>,
    start: usize,
}

impl<'a> Quantiser<'a> {
    fn new(clip: &'a Clip, bits: Bits, dither: Seed) -> Self {
        let scale = 2.0_f64.powi(8 * bits.bytes() as i32 - 1);
        let noise = vec![0; 4 * BLOCK * clip.channels()];
        Self { clip, scale, rng: dither.rng(), noise, start: 0 }
    }
}

impl Iterator for Quantiser<'_> {
    type Item = Vec<Vec<i32>>;

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.start;
        let end = self.clip.len().min(start + BLOCK);
        if start >= end {
            return None;
        }
        self.start = end;
        self.rng.fill_bytes(&mut self.noise);
        let channels = self.clip.iter_channels().zip(self.noise.chunks_exact(4 * BLOCK));
        let quantised = channels.map(|(channel, noise)| {
            let mut steps = vec![0; end - start];
            quantise(&channel[start..end], noise, self.scale, &mut steps);
            steps
        });
        Some(quantised.collect())
    }
}

/// Rounds to steps of `1 / scale`, with four random bytes of noise for each sample.
fn quantise(samples: &[f32], noise: &[u8], scale: f64, steps: &mut [i32]) {
    /// Added to a small number, this leaves its nearest integer in the lowest bits of the sum (1.5 * 2^52).
    const ROUND: f64 = 6_755_399_441_055_744.0;

    for ((step, sample), noise) in steps.iter_mut().zip(samples).zip(noise.chunks_exact(4)) {
        let exact = f64::from(*sample) * scale;
        let off_the_step = (exact + ROUND) - ROUND - exact;
        let value = exact + if off_the_step.abs() > 0.0 { triangular(noise) } else { 0.0 };
        *step = (value.clamp(-scale, scale - 1.0) + ROUND).to_bits() as i32;
    }
}

/// Two uniform numbers of 16 bits each, subtracted: -1 to 1, triangular, in steps.
fn triangular(random: &[u8]) -> f64 {
    let a = i32::from(u16::from_le_bytes([random[0], random[1]]));
    let b = i32::from(u16::from_le_bytes([random[2], random[3]]));
    f64::from(a - b) * (1.0 / 65_536.0)
}

/// What a header says of the samples.
struct Shape {
    rate: SampleRate,
    channels: usize,
    frames: usize,
}

impl Shape {
    fn of(clip: &Clip) -> Self {
        Self { rate: clip.rate(), channels: clip.channels(), frames: clip.len() }
    }
}

fn header(shape: &Shape, bits: Bits) -> Result<Vec<u8>, Error> {
    const MAX: u64 = u32::MAX as u64 - 64;
    let bytes = (shape.frames * shape.channels * bits.bytes()) as u64;
    if bytes > MAX {
        let what = "size of a WAV file in bytes";
        return Err(Error::LimitExceeded { what, got: bytes, min: 0, max: MAX });
    }
    let (tag, fmt_size, fact_size) = match bits {
        Bits::Int16 | Bits::Int24 => (1_u16, 16_u32, 0),
        Bits::Float32 => (3, 18, 12),
    };
    let channels = shape.channels as u32;
    let block = channels * bits.bytes() as u32;
    let mut head = Vec::with_capacity(64);
    head.extend(b"RIFF");
    head.extend((20 + fmt_size + fact_size + bytes.next_multiple_of(2) as u32).to_le_bytes());
    head.extend(b"WAVEfmt ");
    head.extend(fmt_size.to_le_bytes());
    head.extend(tag.to_le_bytes());
    head.extend((channels as u16).to_le_bytes());
    head.extend(shape.rate.0.to_le_bytes());
    head.extend(shape.rate.0.saturating_mul(block).to_le_bytes());
    head.extend((block as u16).to_le_bytes());
    head.extend((8 * bits.bytes() as u16).to_le_bytes());
    if bits == Bits::Float32 {
        head.extend([0; 2]); // no further fields
        head.extend(b"fact\x04\0\0\0");
        head.extend((shape.frames as u32).to_le_bytes());
    }
    head.extend(b"data");
    head.extend((bytes as u32).to_le_bytes());
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    use dream_core::SampleRate;
    use hound::WavReader;

    const RATE: SampleRate = SampleRate::LIBRARY;

    fn sine(gain: f32, frames: usize) -> Vec<f32> {
        (0..frames).map(|i| gain * (i as f32 * 0.0731).sin()).collect()
    }

    #[test]
    fn another_reader_finds_the_samples_within_a_step_and_a_half() {
        let clip = Clip::new(RATE, &[&sine(0.5, 10_001), &sine(0.25, 10_001)]);
        for (bytes, scale) in [
            (wav16(&clip, Seed(1)).unwrap(), 32_768.0),
            (wav24(&clip, Seed(1)).unwrap(), 8_388_608.0),
        ] {
            let mut reader = WavReader::new(Cursor::new(bytes)).unwrap();
            assert_eq!(reader.spec().channels, 2);
            assert_eq!(reader.duration(), 10_001);
            for (i, step) in reader.samples::<i32>().enumerate() {
                let exact = clip.channel(i % 2)[i / 2] * scale;
                assert!((step.unwrap() as f32 - exact).abs() <= 1.5);
            }
        }
    }

    #[test]
    fn samples_that_come_one_by_one_are_within_a_step_and_a_half() {
        let frames: Vec<f32> = sine(0.5, 2 * 5_001);
        let mut bytes = Vec::new();
        let shape = (2, Frames(5_001));
        let mut writer = Int16Writer::new(&mut bytes, RATE, shape, Seed(1)).unwrap();
        frames.chunks(2 * 700).for_each(|piece| writer.write(piece).unwrap());
        let mut reader = WavReader::new(Cursor::new(bytes)).unwrap();
        assert_eq!((reader.spec().channels, reader.duration()), (2, 5_001));
        for (step, exact) in reader.samples::<i32>().zip(&frames) {
            assert!((step.unwrap() as f32 - exact * 32_768.0).abs() <= 1.5);
        }
    }

    #[test]
    fn floats_are_exact() {
        let clip = Clip::mono(RATE, vec![0.0, -1.0, 2.5, 1e-30, 0.1]);
        let mut reader = WavReader::new(Cursor::new(wav32f(&clip).unwrap())).unwrap();
        let back: Vec<f32> = reader.samples::<f32>().map(Result::unwrap).collect();
        assert_eq!(back, clip.samples());
    }

    #[test]
    fn samples_beyond_full_scale_are_clipped_and_do_not_wrap() {
        let clip = Clip::mono(RATE, vec![1.0, 8.0, -1.0, -8.0, 1.1]);
        let mut reader = WavReader::new(Cursor::new(wav16(&clip, Seed(3)).unwrap())).unwrap();
        let back: Vec<i16> = reader.samples::<i16>().map(Result::unwrap).collect();
        assert_eq!(back, [32_767, 32_767, -32_768, -32_768, 32_767]);
    }

    #[test]
    fn samples_on_a_step_get_no_dither() {
        let steps: Vec<f32> = (-1000..1000).map(|step| step as f32 / 32_768.0).collect();
        let clip = Clip::mono(RATE, [steps, vec![0.0; 1000]].concat());
        let mut reader = WavReader::new(Cursor::new(wav16(&clip, Seed(3)).unwrap())).unwrap();
        let back: Vec<f32> =
            reader.samples::<i16>().map(|s| f32::from(s.unwrap()) / 32_768.0).collect();
        assert_eq!(back, clip.samples());
    }

    #[test]
    fn dither_has_no_bias_and_its_power_does_not_depend_on_the_signal() {
        for offset in [0.1, 0.3, 0.5, 0.77] {
            let level = (100.0 + offset) / 32_768.0;
            let clip = Clip::mono(RATE, vec![level; 200_000]);
            let mut reader = WavReader::new(Cursor::new(wav16(&clip, Seed(9)).unwrap())).unwrap();
            let errors =
                reader.samples::<i16>().map(|s| f64::from(s.unwrap()) - 100.0 - f64::from(offset));
            let errors: Vec<f64> = errors.collect();
            let mean = errors.iter().sum::<f64>() / errors.len() as f64;
            let power = errors.iter().map(|e| e * e).sum::<f64>() / errors.len() as f64;
            // Rounding has a power of 1/12, triangular noise of 1/6: together 1/4 of a squared step.
            assert!(mean.abs() < 0.005, "mean {mean}");
            assert!((power - 0.25).abs() < 0.01, "power {power}");
        }
    }

    #[test]
    fn the_seed_decides_every_byte() {
        let clip = Clip::mono(RATE, sine(0.3, 20_000));
        assert_eq!(wav16(&clip, Seed(4)).unwrap(), wav16(&clip, Seed(4)).unwrap());
        assert_ne!(wav16(&clip, Seed(4)).unwrap(), wav16(&clip, Seed(5)).unwrap());
    }

    #[test]
    fn an_odd_number_of_bytes_is_padded() {
        let bytes = wav24(&Clip::mono(RATE, vec![0.5; 3]), Seed(0)).unwrap();
        assert_eq!(bytes.len(), 44 + 10);
    }
}
