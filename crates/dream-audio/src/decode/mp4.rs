//! Where the audio of an MP4 file starts and ends: encoder delay and padding.
//!
//! Method: ISO/IEC 14496-12, edit list box (8.6.6): the first edit with a media time gives the first frame to
//! present; or the `iTunSMPB` tag, which counts delay, padding and length in frames.

use std::io::{self, Read, Seek};
use std::ops::Range;

use super::source::peek;

/// Frames to present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Presented {
    /// Frames to drop at the start.
    pub(super) delay: u64,
    /// Frames to keep after them, where stated to the frame.
    pub(super) frames: Option<u64>,
}

/// Boxes read on one level; more make no music.
const MAX_BOXES: usize = 1000;

type Boxes = Vec<([u8; 4], Range<u64>)>;

/// What the file of `len` bytes states, in frames of its audio track; `None` without a statement.
pub(super) fn presented(file: &mut (impl Read + Seek), len: u64) -> io::Result<Option<Presented>> {
    let Some(moov) = first(&boxes(file, 0..len)?, *b"moov") else { return Ok(None) };
    let moov = boxes(file, moov)?;
    if let Some(tag) = itunes_gapless(file, &moov)? {
        return Ok(Some(tag));
    }
    for (_, trak) in moov.iter().filter(|(name, _)| name == b"trak") {
        let trak = boxes(file, trak.clone())?;
        let Some(mdia) = first(&trak, *b"mdia") else { continue };
        let mdia = boxes(file, mdia)?;
        if !is_sound(file, &mdia)? {
            continue;
        }
        return edit(file, &trak, &mdia);
    }
    Ok(None)
}

fn boxes(file: &mut (impl Read + Seek), within: Range<u64>) -> io::Result<Boxes> {
    let mut found = Boxes::new();
    let mut at = within.start;
    while within.end.saturating_sub(at) >= 8 && found.len() < MAX_BOXES {
        let head = peek(file, at, 16)?;
        let Some((size, name)) = be32(&head, 0).zip(head.get(4..8)) else { break };
        let (header, size) = match size {
            0 => (8, within.end - at),
            1 => match be32(&head, 8).zip(be32(&head, 12)) {
                Some((high, low)) => (16, u64::from(high) << 32 | u64::from(low)),
                None => break,
            },
            size => (8, u64::from(size)),
        };
        let end = at.saturating_add(size).min(within.end);
        if size < header {
            break;
        }
        found.push((name.try_into().expect("four bytes"), at + header..end));
        at = end;
    }
    Ok(found)
}

fn first(boxes: &Boxes, wanted: [u8; 4]) -> Option<Range<u64>> {
    boxes.iter().find(|(name, _)| *name == wanted).map(|(_, body)| body.clone())
}

fn body(file: &mut (impl Read + Seek), boxes: &Boxes, name: [u8; 4]) -> io::Result<Vec<u8>> {
    match first(boxes, name) {
        Some(range) => peek(file, range.start, (range.end - range.start).min(4096) as usize),
        None => Ok(Vec::new()),
    }
}

fn is_sound(file: &mut (impl Read + Seek), mdia: &Boxes) -> io::Result<bool> {
    Ok(body(file, mdia, *b"hdlr")?.get(8..12) == Some(b"soun"))
}

fn edit(
    file: &mut (impl Read + Seek),
    trak: &Boxes,
    mdia: &Boxes,
) -> io::Result<Option<Presented>> {
    let Some(edts) = first(trak, *b"edts") else { return Ok(None) };
    let edts = boxes(file, edts)?;
    let list = body(file, &edts, *b"elst")?;
    let wide = list.first() == Some(&1);
    let entry = if wide { 20 } else { 12 };
    let media_times = list.get(8..).unwrap_or(&[]).chunks_exact(entry).map(|entry| {
        if wide {
            be32(entry, 8)
                .zip(be32(entry, 12))
                .map(|(h, l)| (u64::from(h) << 32 | u64::from(l)).cast_signed())
        } else {
            be32(entry, 4).map(|time| i64::from(time.cast_signed()))
        }
    });
    // A media time of -1 is an empty edit: silence before the audio, which a stem does not need.
    let Some(delay) = media_times.flatten().find(|time| *time >= 0) else { return Ok(None) };
    let mdhd = body(file, mdia, *b"mdhd")?;
    let duration = if mdhd.first() == Some(&1) {
        be32(&mdhd, 24).zip(be32(&mdhd, 28)).map(|(h, l)| u64::from(h) << 32 | u64::from(l))
    } else {
        be32(&mdhd, 16).map(u64::from)
    };
    let delay = delay as u64;
    let frames = duration.and_then(|all| all.checked_sub(delay)).filter(|frames| *frames > 0);
    Ok(Some(Presented { delay, frames }))
}

/// The tag `----/iTunSMPB` holds hexadecimal numbers: zero, delay, padding, frames.
fn itunes_gapless(file: &mut (impl Read + Seek), moov: &Boxes) -> io::Result<Option<Presented>> {
    let Some(udta) = first(moov, *b"udta") else { return Ok(None) };
    let udta = boxes(file, udta)?;
    let Some(meta) = first(&udta, *b"meta") else { return Ok(None) };
    let meta = boxes(file, meta.start + 4..meta.end)?;
    let Some(ilst) = first(&meta, *b"ilst") else { return Ok(None) };
    for (_, tag) in boxes(file, ilst)?.into_iter().filter(|(name, _)| name == b"----") {
        let tag = boxes(file, tag)?;
        if !body(file, &tag, *b"name")?.ends_with(b"iTunSMPB") {
            continue;
        }
        let data = body(file, &tag, *b"data")?;
        let text = String::from_utf8_lossy(data.get(8..).unwrap_or(&[])).into_owned();
        let mut words =
            text.split_ascii_whitespace().map(|word| u64::from_str_radix(word, 16).ok());
        if let (Some(_), Some(Some(delay)), Some(Some(_)), Some(Some(frames))) =
            (words.next(), words.next(), words.next(), words.next())
        {
            return Ok(Some(Presented { delay, frames: (frames > 0).then_some(frames) }));
        }
    }
    Ok(None)
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4).map(|four| u32::from_be_bytes(four.try_into().expect("four bytes")))
}
