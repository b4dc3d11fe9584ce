//! What a file is, by its first bytes; its name is not consulted.

use std::io::{self, Read, Seek};

use super::source::peek;
use crate::Error;

/// A container that can be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Container {
    Wave,
    Rf64,
    Wave64,
    Au,
    Aiff,
    Flac,
    Ogg,
    Mpeg,
    Adts,
    Mp4,
    Caf,
    Matroska,
}

impl Container {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Wave => "wav",
            Self::Rf64 => "rf64",
            Self::Wave64 => "wave64",
            Self::Au => "au",
            Self::Aiff => "aiff",
            Self::Flac => "flac",
            Self::Ogg => "ogg",
            Self::Mpeg => "mpeg",
            Self::Adts => "adts",
            Self::Mp4 => "mp4",
            Self::Caf => "caf",
            Self::Matroska => "matroska",
        }
    }
}

/// How far into a file without a known mark frames of MPEG audio are looked for.
const SYNC_SEARCH: usize = 64 << 10;
/// Tags in a row that are skipped before the audio.
const MAX_TAGS: usize = 8;

/// The container of a file of `len` bytes and where it starts (after `ID3v2` tags).
///
/// # Errors
/// `NotAudio` for other kinds of file, `Unsupported` for audio that cannot be decoded, by name.
pub(super) fn sniff(inner: &mut (impl Read + Seek), len: u64) -> Result<(Container, u64), Error> {
    let start = skip_id3v2(inner, len)?;
    let head = peek(inner, start, SYNC_SEARCH)?;
    if head.is_empty() {
        return Err(Error::NotAudio { looks_like: "an empty file" });
    }
    if let Some(codec) = unsupported(&head) {
        return Err(Error::Unsupported { codec: codec.to_owned() });
    }
    if let Some(container) = marked(&head) {
        return Ok((container, start));
    }
    if let Some(looks_like) = other(&head) {
        return Err(Error::NotAudio { looks_like });
    }
    let is_whole = start + head.len() as u64 == len;
    if let Some((container, offset)) = synced(&head, is_whole) {
        return Ok((container, start + offset as u64));
    }
    if is_text(&head) {
        return Err(Error::NotAudio { looks_like: "text" });
    }
    Err(Error::NotAudio { looks_like: "data of an unknown kind" })
}

fn skip_id3v2(inner: &mut (impl Read + Seek), len: u64) -> Result<u64, Error> {
    let mut start = 0;
    for _ in 0..MAX_TAGS {
        let head = peek(inner, start, 10)?;
        if head.len() < 10 || !head.starts_with(b"ID3") {
            break;
        }
        // Sizes in ID3v2 have seven bits per byte; a footer repeats the ten bytes of the header.
        let size = head[6..10].iter().fold(0, |size, byte| size << 7 | u64::from(byte & 0x7f));
        let footer = if head[5] & 0x10 == 0 { 0 } else { 10 };
        start += 10 + size + footer;
        if start > len {
            let reason = "a tag is longer than the file";
            return Err(Error::Malformed { format: "id3v2", reason });
        }
    }
    Ok(start)
}

fn marked(head: &[u8]) -> Option<Container> {
    let at = |offset: usize, mark: &[u8]| head.get(offset..).is_some_and(|s| s.starts_with(mark));
    Some(match () {
        () if at(0, b"RIFF") && at(8, b"WAVE") => Container::Wave,
        () if (at(0, b"RF64") || at(0, b"BW64")) && at(8, b"WAVE") => Container::Rf64,
        () if at(0, b"riff\x2e\x91\xcf\x11") => Container::Wave64,
        () if at(0, b".snd") => Container::Au,
        () if at(0, b"FORM") && (at(8, b"AIFF") || at(8, b"AIFC")) => Container::Aiff,
        () if at(0, b"fLaC") => Container::Flac,
        () if at(0, b"OggS") => Container::Ogg,
        () if at(4, b"ftyp") => Container::Mp4,
        () if at(0, b"caff") => Container::Caf,
        () if at(0, b"\x1a\x45\xdf\xa3") => Container::Matroska,
        () => return None,
    })
}

fn unsupported(head: &[u8]) -> Option<&'static str> {
    const MARKS: [(&[u8], &str); 16] = [
        (b"wvpk", "WavPack"),
        (b"MAC ", "Monkey's Audio"),
        (b"TTA1", "True Audio"),
        (b"MPCK", "Musepack"),
        (b"MP+", "Musepack"),
        (b"OFR ", "OptimFROG"),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "WMA (ASF)"),
        (b"\x0b\x77", "AC-3"),
        (b"\x7f\xfe\x80\x01", "DTS"),
        (b"DSD ", "DSD (DSF)"),
        (b"FRM8", "DSD (DSDIFF)"),
        (b"#!AMR", "AMR"),
        (b".ra\xfd", "RealAudio"),
        (b"Creative Voice File", "Creative Voice"),
        (b"NIST_1A", "NIST SPHERE"),
        (b"MThd", "MIDI (notes, not sound)"),
    ];
    /// In the first packet of an Ogg stream, behind the header of its page.
    const OGG_MARKS: [(&[u8], &str); 5] = [
        (b"OpusHead", "Opus in Ogg"),
        (b"Speex   ", "Speex in Ogg"),
        (b"PCM     ", "PCM in Ogg"),
        (b"\x7fCELT", "CELT in Ogg"),
        (b"\x80theora", "Theora in Ogg"),
    ];
    let named = |marks: &[(&[u8], &'static str)], bytes: &[u8]| {
        marks.iter().find(|(mark, _)| bytes.starts_with(mark)).map(|(_, name)| *name)
    };
    match named(&MARKS, head) {
        Some("AC-3") if head.get(5).is_some_and(|byte| byte >> 3 > 10) => Some("E-AC-3"),
        None if head.starts_with(b"OggS") => named(&OGG_MARKS, head.get(28..)?),
        name => name,
    }
}

fn other(head: &[u8]) -> Option<&'static str> {
    const MARKS: [(&[u8], &str); 16] = [
        (b"PK\x03\x04", "a ZIP archive"),
        (b"\x1f\x8b", "gzip data"),
        (b"BZh", "bzip2 data"),
        (b"\xfd7zXZ", "xz data"),
        (b"7z\xbc\xaf", "a 7z archive"),
        (b"Rar!", "a RAR archive"),
        (b"\x78\x01", "zlib data"),
        (b"\x78\x9c", "zlib data"),
        (b"\x78\xda", "zlib data"),
        (b"\xff\xd8\xff", "a JPEG picture"),
        (b"\x89PNG", "a PNG picture"),
        (b"GIF8", "a GIF picture"),
        (b"%PDF", "a PDF document"),
        (b"\x7fELF", "a program"),
        (b"\x00\x05\x16\x07", "an AppleDouble companion file"),
        (b"RIFF", "a RIFF file without WAVE audio"),
    ];
    MARKS.iter().find(|(mark, _)| head.starts_with(mark)).map(|(_, name)| *name)
}

fn is_text(head: &[u8]) -> bool {
    let start = &head[..head.len().min(512)];
    start.iter().all(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | 0x20..=0x7e | 0x80..))
}

/// The first place from which three frames of MPEG audio or ADTS follow each other; two are enough
/// where the whole file ends.
fn synced(head: &[u8], is_whole: bool) -> Option<(Container, usize)> {
    let follows = |from: usize, length: fn(&[u8]) -> Option<usize>| {
        let mut at = from;
        for frame in 0..3 {
            let Some(header) = head.get(at..).filter(|rest| rest.len() >= 6) else {
                return is_whole && frame > 1;
            };
            let Some(length) = length(header) else { return false };
            at += length;
        }
        true
    };
    (0..head.len()).filter(|&at| head[at] == 0xff).find_map(|at| {
        if follows(at, mpeg_frame) {
            Some((Container::Mpeg, at))
        } else if follows(at, adts_frame) {
            Some((Container::Adts, at))
        } else {
            None
        }
    })
}

/// The length in bytes of the MPEG audio frame with this header (ISO/IEC 11172-3, 2.4.1.3 and
/// 13818-3; free format excepted).
fn mpeg_frame(header: &[u8]) -> Option<usize> {
    const RATES: [[usize; 3]; 4] =
        [[11025, 12000, 8000], [0, 0, 0], [22050, 24000, 16000], [44100, 48000, 32000]];
    const KBITS: [[usize; 14]; 5] = [
        [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448], // MPEG-1 layer I
        [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],    // MPEG-1 layer II
        [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],     // MPEG-1 layer III
        [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],    // MPEG-2 layer I
        [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160], // MPEG-2 layers II, III
    ];
    if header[0] != 0xff || header[1] & 0xe0 != 0xe0 {
        return None;
    }
    let version = usize::from(header[1] >> 3 & 3); // 3 is MPEG-1, 2 MPEG-2, 0 MPEG-2.5
    let layer = 4 - usize::from(header[1] >> 1 & 3);
    let (kbit, rate) = (usize::from(header[2] >> 4), usize::from(header[2] >> 2 & 3));
    if version == 1 || layer == 4 || !(1..=14).contains(&kbit) || rate == 3 {
        return None;
    }
    let row = match (version, layer) {
        (3, layer) => layer - 1,
        (_, 1) => 3,
        _ => 4,
    };
    let (bits, rate) = (KBITS[row][kbit - 1] * 1000, RATES[version][rate]);
    let padding = usize::from(header[2] >> 1 & 1);
    Some(match (layer, version) {
        (1, _) => (12 * bits / rate + padding) * 4,
        (3, 0 | 2) => 72 * bits / rate + padding,
        _ => 144 * bits / rate + padding,
    })
}

/// The length in bytes of the ADTS frame with this header (ISO/IEC 13818-7, 6.2).
fn adts_frame(header: &[u8]) -> Option<usize> {
    let is_adts = header[0] == 0xff && header[1] & 0xf6 == 0xf0 && header[2] >> 2 & 15 < 13;
    let length = usize::from(header[3] & 3) << 11
        | usize::from(header[4]) << 3
        | usize::from(header[5] >> 5);
    (is_adts && length > 7).then_some(length)
}

/// Trailing bytes of `ID3v1` (128) or none: tags behind the audio are not audio.
pub(super) fn tail(inner: &mut (impl Read + Seek), len: u64) -> io::Result<u64> {
    if len < 128 {
        return Ok(0);
    }
    Ok(if peek(inner, len - 128, 3)? == b"TAG" { 128 } else { 0 })
}
