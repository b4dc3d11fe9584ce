//! A window onto a file, behind an optional header made in memory, with budgets for reading and for
//! processor time, so that no demuxer can loop over it for ever.

use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::time::Duration;

use cpu_time::ThreadTime;
use symphonia::core::io::MediaSource;

/// Processor time of this thread, counted from a start.
#[derive(Debug, Clone, Copy)]
pub(super) struct CpuBudget {
    end: Duration,
}

impl CpuBudget {
    pub(super) fn starting_now(seconds: f64) -> Self {
        let seconds = if seconds.is_finite() { seconds.clamp(0.0, 1e9) } else { 1e9 };
        Self { end: ThreadTime::now().as_duration() + Duration::from_secs_f64(seconds) }
    }

    pub(super) fn is_spent(self) -> bool {
        ThreadTime::now().as_duration() > self.end
    }
}

/// `head`, then the bytes `body` of `inner`.
pub(super) struct Source<R> {
    inner: R,
    head: Vec<u8>,
    body: Range<u64>,
    position: u64,
    readable: u64,
    cpu: CpuBudget,
}

impl<R: Read + Seek> Source<R> {
    pub(super) fn new(inner: R, head: Vec<u8>, body: Range<u64>, cpu: CpuBudget) -> Self {
        // Every demuxer reads each byte about once; indices and retries stay far below eight times.
        let readable = (body.end - body.start).saturating_mul(8).saturating_add(16 << 20);
        Self { inner, head, body, position: 0, readable, cpu }
    }

    fn len(&self) -> u64 {
        self.head.len() as u64 + self.body.end - self.body.start
    }
}

impl<R: Read + Seek> Read for Source<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.readable == 0 || self.cpu.is_spent() {
            return Err(io::Error::other("the budget for reading is spent"));
        }
        let head = self.head.len() as u64;
        let wanted = (buffer.len() as u64).min(self.len().saturating_sub(self.position));
        let got = if self.position < head {
            let from = self.position as usize;
            let count = (wanted as usize).min(self.head.len() - from);
            buffer[..count].copy_from_slice(&self.head[from..from + count]);
            count
        } else {
            self.inner.seek(SeekFrom::Start(self.body.start + self.position - head))?;
            self.inner.read(&mut buffer[..wanted as usize])?
        };
        self.position += got as u64;
        self.readable = self.readable.saturating_sub(got.max(1) as u64);
        Ok(got)
    }
}

impl<R: Read + Seek> Seek for Source<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.len().checked_add_signed(by),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
        };
        self.position = target.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}

impl<R: Read + Seek + Send + Sync> MediaSource for Source<R> {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.len())
    }
}

/// The bytes of `inner` at `at`, fewer at its end.
pub(super) fn peek(inner: &mut (impl Read + Seek), at: u64, count: usize) -> io::Result<Vec<u8>> {
    inner.seek(SeekFrom::Start(at))?;
    let mut bytes = Vec::with_capacity(count);
    inner.take(count as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[test]
    fn head_and_body_read_as_one_file() {
        let inner = Cursor::new(b"0123456789".to_vec());
        let mut source = Source::new(inner, b"ab".to_vec(), 3..7, CpuBudget::starting_now(10.0));
        let mut text = String::new();
        source.read_to_string(&mut text).unwrap();
        assert_eq!(text, "ab3456");
        source.seek(SeekFrom::End(-5)).unwrap();
        text.clear();
        source.read_to_string(&mut text).unwrap();
        assert_eq!(text, "b3456");
        assert!(source.seek(SeekFrom::Current(-9)).is_err());
    }

    #[test]
    fn reading_the_same_bytes_for_ever_ends_in_an_error() {
        let inner = Cursor::new(vec![0; 1 << 20]);
        let mut source = Source::new(inner, Vec::new(), 0..1 << 20, CpuBudget::starting_now(10.0));
        let mut buffer = vec![0; 1 << 20];
        let rounds = (0..1000).take_while(|_| {
            source.seek(SeekFrom::Start(0)).unwrap();
            source.read(&mut buffer).is_ok()
        });
        assert!(rounds.count() < 100);
    }
}
