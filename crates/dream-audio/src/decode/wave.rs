//! The headers of WAV, RF64, Wave64 and AU files, read tolerantly and written anew.
//!
//! Real files have chunks without their pad byte, sizes of zero or of 4 GiB from interrupted recorders, and
//! 64-bit variants of the same layout. All of them become one plain RIFF header (CAF for the big-endian AU)
//! in front of the untouched sample data, which the demuxer then reads.
//!
//! Sources: EBU Tech 3306 (RF64); Sony Wave64 description; Microsoft `WAVEFORMATEXTENSIBLE`; Apple CAF specification.

use std::io::{Read, Seek};
use std::ops::Range;

use super::Limits;
use super::sniff::Container;
use super::source::peek;
use crate::Error;

/// A file whose samples are found and whose header is clean.
#[derive(Debug)]
pub(super) struct Plain {
    /// The new header.
    pub(super) head: Vec<u8>,
    /// Where the sample data lies.
    pub(super) data: Range<u64>,
    /// Frames the old header promised; `None` where it left that open.
    pub(super) declared_frames: Option<u64>,
}

/// Chunks read before the data chunk; more make no music.
const MAX_CHUNKS: usize = 10_000;
const PCM: u16 = 1;
const MS_ADPCM: u16 = 2;
const FLOAT: u16 = 3;
const ALAW: u16 = 6;
const MULAW: u16 = 7;
const IMA_ADPCM: u16 = 0x11;
const EXTENSIBLE: u16 = 0xfffe;

/// Reads the header of a WAV, RF64 or Wave64 file that starts at `start`.
pub(super) fn wave(
    file: &mut (impl Read + Seek),
    container: Container,
    start: u64,
    len: u64,
    limits: &Limits,
) -> Result<Plain, Error> {
    let format = container.name();
    let malformed = |reason| Error::Malformed { format, reason };
    let wide = container == Container::Wave64;
    let mut at = start + if wide { 40 } else { 12 };
    let (mut fmt, mut fact, mut long_data) = (None, None, None);
    for _ in 0..MAX_CHUNKS {
        let header = peek(file, at, 24)?;
        let (name, body, size) = if wide {
            let Some(size) = le64(&header, 16) else { break };
            (header.get(..4), at + 24, size.checked_sub(24).ok_or_else(|| malformed("chunk size"))?)
        } else {
            let Some(size) = le32(&header, 4) else { break };
            (header.get(..4), at + 8, u64::from(size))
        };
        let left = len.saturating_sub(body);
        match name {
            Some(b"data") => {
                let fmt: Fmt = fmt.ok_or_else(|| malformed("no fmt chunk before the data"))?;
                let open = !wide && (size == u64::from(u32::MAX) || (size == 0 && left > 0));
                let declared = long_data.or((!open).then_some(size));
                let data = body..body + declared.unwrap_or(left).min(left);
                return Ok(fmt.plain(data, declared, fact));
            }
            Some(b"fmt ") => {
                let bytes = peek(file, body, size.min(1024) as usize)?;
                fmt = Some(Fmt::parse(&bytes, format, limits)?);
            }
            Some(b"fact") => fact = le32(&peek(file, body, 4)?, 0).filter(|frames| *frames > 0),
            Some(b"ds64") => long_data = le64(&peek(file, body, 16)?, 8),
            Some(_) => {}
            None => break,
        }
        if size > left {
            return Err(malformed("a chunk is longer than the file"));
        }
        at = body + size;
        if wide {
            at = start + (at - start).next_multiple_of(8);
        } else if size % 2 == 1 && peek(file, at, 1)? == [0] {
            at += 1; // the pad byte is zero; without it the next chunk's name starts here
        }
    }
    Err(malformed("no data chunk"))
}

#[derive(Debug, Clone)]
struct Fmt {
    tag: u16,
    channels: u16,
    rate: u32,
    block: u16,
    bits: u16,
    /// What follows the sixteen common bytes in the formats that need it.
    extra: Vec<u8>,
}

impl Fmt {
    fn parse(bytes: &[u8], format: &'static str, limits: &Limits) -> Result<Self, Error> {
        let malformed = |reason| Error::Malformed { format, reason };
        let word = |at| le16(bytes, at).ok_or_else(|| malformed("the fmt chunk is cut"));
        let rate = le32(bytes, 4).ok_or_else(|| malformed("the fmt chunk is cut"))?;
        let (channels, block, bits) = (word(2)?, word(12)?, word(14)?);
        limits.check_rate(rate)?;
        limits.check_channels(usize::from(channels))?;
        let tag = match word(0)? {
            EXTENSIBLE => word(24)?,
            tag => tag,
        };
        let width = block / channels;
        let sound = match tag {
            PCM => (1..=4).contains(&width) && bits >= 8 && bits <= 8 * width,
            FLOAT => (bits == 32 && width == 4) || (bits == 64 && width == 8),
            ALAW | MULAW => bits == 8 && width == 1,
            MS_ADPCM | IMA_ADPCM => bits == 4 && block > 0,
            other => return Err(Error::Unsupported { codec: tag_name(other) }),
        };
        if !sound {
            return Err(malformed("bits per sample and block size do not fit the codec"));
        }
        let adpcm = matches!(tag, MS_ADPCM | IMA_ADPCM);
        if !adpcm && block % channels != 0 {
            return Err(malformed("block size is no multiple of the channels"));
        }
        // Samples of fewer bits than their container are left-justified in it.
        let bits = if adpcm { bits } else { 8 * width };
        let extra = match tag {
            MS_ADPCM | IMA_ADPCM => bytes.get(16..).unwrap_or(&[]).to_vec(),
            ALAW | MULAW => vec![0; 2], // the demuxer insists on the size of no further fields
            _ => Vec::new(),
        };
        Ok(Self { tag, channels, rate, block, bits, extra })
    }

    fn plain(self, data: Range<u64>, declared: Option<u64>, fact: Option<u32>) -> Plain {
        let adpcm = matches!(self.tag, MS_ADPCM | IMA_ADPCM);
        let block = u64::from(self.block);
        let declared_frames =
            if adpcm { fact.map(u64::from) } else { declared.map(|bytes| bytes / block) };
        // Whole blocks only, and within 32 bits.
        let bytes = (data.end - data.start).min(u64::from(u32::MAX) - 4096) / block * block;
        let mut head = Vec::with_capacity(64 + self.extra.len());
        let fmt_size = 16 + self.extra.len() as u32;
        let fact = fact.filter(|_| adpcm);
        let fact_size = if fact.is_some() { 12 } else { 0 };
        head.extend(b"RIFF");
        head.extend((20 + fmt_size + fact_size + bytes as u32).to_le_bytes());
        head.extend(b"WAVEfmt ");
        head.extend(fmt_size.to_le_bytes());
        head.extend(self.tag.to_le_bytes());
        head.extend(self.channels.to_le_bytes());
        head.extend(self.rate.to_le_bytes());
        head.extend((self.rate.saturating_mul(u32::from(self.block))).to_le_bytes());
        head.extend(self.block.to_le_bytes());
        head.extend(self.bits.to_le_bytes());
        head.extend(&self.extra);
        if let Some(frames) = fact {
            head.extend(b"fact\x04\0\0\0");
            head.extend(frames.to_le_bytes());
        }
        head.extend(b"data");
        head.extend((bytes as u32).to_le_bytes());
        Plain { head, data: data.start..data.start + bytes, declared_frames }
    }
}

fn tag_name(tag: u16) -> String {
    match tag {
        0x31 => "GSM 6.10 in wav".to_owned(),
        0x50 => "MPEG layer II in wav".to_owned(),
        0x55 => "MP3 in wav".to_owned(),
        0x160..=0x163 => "WMA in wav".to_owned(),
        0x2000 => "AC-3 in wav".to_owned(),
        0x2001 => "DTS in wav".to_owned(),
        0x674f..=0x6771 => "Vorbis in wav".to_owned(),
        tag => format!("wav format tag {tag:#06x}"),
    }
}

/// Reads the header of an AU file that starts at `start`.
pub(super) fn au(
    file: &mut (impl Read + Seek),
    start: u64,
    len: u64,
    limits: &Limits,
) -> Result<Plain, Error> {
    let malformed = |reason| Error::Malformed { format: "au", reason };
    let header = peek(file, start, 24)?;
    let word = |index: usize| {
        let bytes = header.get(4 * index..4 * index + 4);
        let bytes = bytes.ok_or_else(|| malformed("the header is cut"))?;
        Ok::<_, Error>(u32::from_be_bytes(bytes.try_into().expect("four bytes")))
    };
    let (offset, size, encoding) = (u64::from(word(1)?), word(2)?, word(3)?);
    let (rate, channels) = (word(4)?, word(5)?);
    limits.check_rate(rate)?;
    limits.check_channels(channels as usize)?;
    if offset < 24 {
        return Err(malformed("the data starts inside the header"));
    }
    let from = (start + offset).min(len);
    let declared = (size != u32::MAX).then_some(u64::from(size));
    let data = from..from + declared.unwrap_or(u64::MAX).min(len - from);
    match encoding {
        1 => Ok(companded(MULAW, channels, rate).plain(data, declared, None)),
        27 => Ok(companded(ALAW, channels, rate).plain(data, declared, None)),
        2..=5 => Ok(big_endian(0, encoding - 1, channels, rate, data, declared)),
        6 => Ok(big_endian(1, 4, channels, rate, data, declared)),
        7 => Ok(big_endian(1, 8, channels, rate, data, declared)),
        other => Err(Error::Unsupported { codec: format!("au encoding {other}") }),
    }
}

fn companded(tag: u16, channels: u32, rate: u32) -> Fmt {
    let channels = channels as u16;
    Fmt { tag, channels, rate, block: channels, bits: 8, extra: vec![0; 2] }
}

/// Linear samples of `width` bytes behind a CAF header; `float` is 1 for floats.
fn big_endian(
    float: u32,
    width: u32,
    channels: u32,
    rate: u32,
    data: Range<u64>,
    declared: Option<u64>,
) -> Plain {
    let block = u64::from(width * channels);
    let bytes = (data.end - data.start) / block * block;
    let mut head = b"caff\0\x01\0\0desc".to_vec();
    head.extend(32_u64.to_be_bytes());
    head.extend(f64::from(rate).to_be_bytes());
    head.extend(b"lpcm");
    for word in [float, width * channels, 1, channels, 8 * width] {
        head.extend(word.to_be_bytes());
    }
    head.extend(b"data");
    head.extend((bytes + 4).to_be_bytes());
    head.extend([0; 4]); // edit count
    let data = data.start..data.start + bytes;
    Plain { head, data, declared_frames: declared.map(|bytes| bytes / block) }
}

fn le16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2).map(|two| u16::from_le_bytes(two.try_into().expect("two bytes")))
}

fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4).map(|four| u32::from_le_bytes(four.try_into().expect("four bytes")))
}

fn le64(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at + 8).map(|eight| u64::from_le_bytes(eight.try_into().expect("eight bytes")))
}
