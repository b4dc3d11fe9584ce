//! Samples to WAV.
//!
//! Integer formats are dithered with triangular noise of two steps width, which makes the error of rounding
//! independent of the signal: S. Lipshitz, R. Wannamaker, J. Vanderkooy, "Quantization and Dither: A Theoretical
//! Survey", JAES 40(5), 1992. A sample that lies on a step already has no such error and is written as it is: digital
//! silence stays silent and 16-bit material survives a round trip.
//! Samples beyond full scale are clipped, never wrapped. Memory: one block.

use std::io::Write;

use rand::Rng;

use dream_core::Seed;

use crate::{Clip, Error};

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
    writer.write_all(&header(clip, bits)?)?;
    let frame_bytes = bits.bytes() * clip.channels();
    let mut bytes = vec![0; BLOCK * frame_bytes];
    let mut noise = vec![0; 4 * BLOCK * clip.channels()];
    let mut steps = [0; BLOCK];
    let mut rng = dither.rng();
    for start in (0..clip.len()).step_by(BLOCK) {
        let frames = BLOCK.min(clip.len() - start);
        if bits != Bits::Float32 {
            rng.fill_bytes(&mut noise);
        }
        for (c, channel) in clip.iter_channels().enumerate() {
            let samples = &channel[start..start + frames];
            let noise = &noise[4 * BLOCK * c..4 * (BLOCK * c + frames)];
            let out = bytes[bits.bytes() * c..].chunks_mut(frame_bytes);
            match bits {
                Bits::Int16 => {
                    quantise(samples, noise, 32_768.0, &mut steps[..frames]);
                    for (out, step) in out.zip(&steps[..frames]) {
                        out[..2].copy_from_slice(&(*step as i16).to_le_bytes());
                    }
                }
                Bits::Int24 => {
                    quantise(samples, noise, 8_388_608.0, &mut steps[..frames]);
                    for (out, step) in out.zip(&steps[..frames]) {
                        out[..3].copy_from_slice(&step.to_le_bytes()[..3]);
                    }
                }
                Bits::Float32 => {
                    for (out, sample) in out.zip(samples) {
                        out[..4].copy_from_slice(&sample.to_le_bytes());
                    }
                }
            }
        }
        writer.write_all(&bytes[..frames * frame_bytes])?;
    }
    if clip.len() * frame_bytes % 2 == 1 {
        writer.write_all(&[0])?;
    }
    writer.flush()?;
    Ok(())
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

fn header(clip: &Clip, bits: Bits) -> Result<Vec<u8>, Error> {
    const MAX: u64 = u32::MAX as u64 - 64;
    let bytes = (clip.samples().len() * bits.bytes()) as u64;
    if bytes > MAX {
        let what = "size of a WAV file in bytes";
        return Err(Error::LimitExceeded { what, got: bytes, min: 0, max: MAX });
    }
    let (tag, fmt_size, fact_size) = match bits {
        Bits::Int16 | Bits::Int24 => (1_u16, 16_u32, 0),
        Bits::Float32 => (3, 18, 12),
    };
    let channels = clip.channels() as u32;
    let block = channels * bits.bytes() as u32;
    let mut head = Vec::with_capacity(64);
    head.extend(b"RIFF");
    head.extend((20 + fmt_size + fact_size + bytes.next_multiple_of(2) as u32).to_le_bytes());
    head.extend(b"WAVEfmt ");
    head.extend(fmt_size.to_le_bytes());
    head.extend(tag.to_le_bytes());
    head.extend((channels as u16).to_le_bytes());
    head.extend(clip.rate().0.to_le_bytes());
    head.extend(clip.rate().0.saturating_mul(block).to_le_bytes());
    head.extend((block as u16).to_le_bytes());
    head.extend((8 * bits.bytes() as u16).to_le_bytes());
    if bits == Bits::Float32 {
        head.extend([0; 2]); // no further fields
        head.extend(b"fact\x04\0\0\0");
        head.extend((clip.len() as u32).to_le_bytes());
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
