//! The members of a zip archive that are stored as they are, which is how PyTorch writes.
//!
//! Format: PKWARE, "APPNOTE.TXT - .ZIP File Format Specification" 6.3, sections 4.3 and 4.5.3 (64-bit sizes).

use std::collections::BTreeMap;
use std::ops::Range;

use crate::Error;

/// Most members of an archive.
const MAX_MEMBERS: u64 = 1 << 17;
/// Bytes of the record at the end, and of the longest comment after it.
const END: usize = 22;
const MAX_COMMENT: usize = 65_535;

/// Where every member lies in the file.
pub(super) fn members(bytes: &[u8]) -> Result<BTreeMap<String, Range<usize>>, Error> {
    let (count, mut at) = directory(bytes)?;
    if count > MAX_MEMBERS {
        return Err(Error::Malformed("too many members"));
    }
    let mut members = BTreeMap::new();
    for _ in 0..count {
        let entry = Fields(bytes.get(at..).unwrap_or_default());
        if entry.u32(0)? != 0x0201_4b50 {
            return Err(Error::Malformed("a directory that is none"));
        }
        let (flags, method) = (entry.u16(8)?, entry.u16(10)?);
        if flags & 1 != 0 || method != 0 {
            return Err(Error::Malformed("a compressed or encrypted member"));
        }
        let mut sizes = [entry.u32(24)?, entry.u32(20)?, entry.u32(42)?].map(u64::from);
        let lengths = [entry.u16(28)?, entry.u16(30)?, entry.u16(32)?].map(usize::from);
        let [name, extra, comment] = lengths;
        let name_bytes = entry.part(46, name)?;
        widen(&mut sizes, entry.part(46 + name, extra)?)?;
        let [size, stored, offset] = sizes;
        if size != stored {
            return Err(Error::Malformed("a member of two sizes"));
        }
        let offset = usize::try_from(offset).map_err(|_| Error::Malformed("cut archive"))?;
        let local = Fields(bytes.get(offset..).unwrap_or_default());
        if local.u32(0)? != 0x0403_4b50 {
            return Err(Error::Malformed("a member without its header"));
        }
        let skip = 30 + usize::from(local.u16(26)?) + usize::from(local.u16(28)?);
        let size = usize::try_from(size).map_err(|_| Error::Malformed("cut archive"))?;
        local.part(skip, size)?;
        let text = String::from_utf8_lossy(name_bytes).into_owned();
        if members.insert(text, offset + skip..offset + skip + size).is_some() {
            return Err(Error::Malformed("two members of one name"));
        }
        at += 46 + name + extra + comment;
    }
    Ok(members)
}

/// Number of members, and where the directory begins.
fn directory(bytes: &[u8]) -> Result<(u64, usize), Error> {
    let none = Error::Malformed("an archive without directory: the file is cut");
    let last = bytes.len().checked_sub(END).ok_or(Error::Malformed("a file too short"))?;
    let first = last.saturating_sub(MAX_COMMENT);
    let end =
        (first..=last).rev().find(|&at| bytes[at..].starts_with(b"PK\x05\x06")).ok_or(none)?;
    let record = Fields(&bytes[end..]);
    let (count, start) = (record.u16(10)?, record.u32(16)?);
    let (count, start) = if count == u16::MAX || start == u32::MAX {
        // A second record of wider fields lies before it, found through a pointer of twenty bytes.
        let pointer = Fields(end.checked_sub(20).map(|at| &bytes[at..end]).unwrap_or_default());
        if pointer.u32(0)? != 0x0706_4b50 {
            return Err(Error::Malformed("a directory that is none"));
        }
        let wide = usize::try_from(pointer.u64(8)?).ok().and_then(|at| bytes.get(at..));
        let wide = Fields(wide.unwrap_or_default());
        if wide.u32(0)? != 0x0606_4b50 {
            return Err(Error::Malformed("a directory that is none"));
        }
        (wide.u64(32)?, wide.u64(48)?)
    } else {
        (u64::from(count), u64::from(start))
    };
    Ok((count, usize::try_from(start).map_err(|_| Error::Malformed("cut archive"))?))
}

/// Takes the sizes that do not fit 32 bits from the extra field.
fn widen(sizes: &mut [u64; 3], extra: &[u8]) -> Result<(), Error> {
    let mut rest = extra;
    while rest.len() >= 4 {
        let (kind, len) = (Fields(rest).u16(0)?, usize::from(Fields(rest).u16(2)?));
        let field = Fields(rest).part(4, len)?;
        if kind == 1 {
            let wide = sizes.iter_mut().filter(|size| **size == u64::from(u32::MAX));
            for (i, size) in wide.enumerate() {
                *size = Fields(field).u64(8 * i)?;
            }
        }
        rest = &rest[4 + len..];
    }
    Ok(())
}

/// Little-endian numbers at places that may not be there.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn part(&self, at: usize, len: usize) -> Result<&'a [u8], Error> {
        let end = at.checked_add(len).ok_or(Error::Malformed("the archive is cut"))?;
        self.0.get(at..end).ok_or(Error::Malformed("the archive is cut"))
    }

    fn u16(&self, at: usize) -> Result<u16, Error> {
        Ok(u16::from_le_bytes(*self.part(at, 2)?.first_chunk().expect("two bytes")))
    }

    fn u32(&self, at: usize) -> Result<u32, Error> {
        Ok(u32::from_le_bytes(*self.part(at, 4)?.first_chunk().expect("four bytes")))
    }

    fn u64(&self, at: usize) -> Result<u64, Error> {
        Ok(u64::from_le_bytes(*self.part(at, 8)?.first_chunk().expect("eight bytes")))
    }
}
