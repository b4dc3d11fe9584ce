//! Stereo audio on disk while a track is separated: written at its end, read anywhere.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use dream_audio::Clip;
use dream_core::{Frames, SampleRate};

use crate::Error;

/// Bytes of a frame: two channels of 32-bit floats, interleaved.
const FRAME: u64 = 8;

/// Frames that are looked at together when all of it is.
const BLOCK: u64 = 1 << 16;

pub(super) struct Spool {
    path: PathBuf,
    file: File,
    rate: SampleRate,
    frames: u64,
}

impl Spool {
    /// The spool at `path`, cut to its first `keep` frames; `None` when it holds fewer.
    pub(super) fn open(path: &Path, rate: SampleRate, keep: Frames) -> Result<Option<Self>, Error> {
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(path);
        let file = file.map_err(io("write", path))?;
        let held = file.metadata().map_err(io("read", path))?.len() / FRAME;
        if held < keep.0 {
            return Ok(None);
        }
        file.set_len(keep.0 * FRAME).map_err(io("write", path))?;
        Ok(Some(Self { path: path.to_owned(), file, rate, frames: keep.0 }))
    }

    /// An empty spool at `path`.
    pub(super) fn create(path: &Path, rate: SampleRate) -> Result<Self, Error> {
        Ok(Self::open(path, rate, Frames(0))?.expect("no frame is held by every file"))
    }

    pub(super) fn frames(&self) -> Frames {
        Frames(self.frames)
    }

    pub(super) fn rate(&self) -> SampleRate {
        self.rate
    }

    /// Adds a piece at the end; a mono one on both sides.
    pub(super) fn append(&mut self, piece: &Clip) -> Result<(), Error> {
        let [left, right] = piece.stereo();
        let pairs = left.iter().zip(right).flat_map(|(l, r)| [l.to_le_bytes(), r.to_le_bytes()]);
        let bytes: Vec<u8> = pairs.flatten().collect();
        self.file.seek(SeekFrom::Start(self.frames * FRAME)).map_err(io("write", &self.path))?;
        self.file.write_all(&bytes).map_err(io("write", &self.path))?;
        self.frames += piece.len() as u64;
        Ok(())
    }

    /// Makes what was added survive a power loss.
    pub(super) fn sync(&self) -> Result<(), Error> {
        self.file.sync_data().map_err(io("write", &self.path))
    }

    /// The frames from `start` on, at most `frames`.
    pub(super) fn read(&self, start: Frames, frames: Frames) -> Result<Clip, Error> {
        let start = start.0.min(self.frames);
        let count = frames.0.min(self.frames - start);
        let mut bytes = vec![0; (count * FRAME) as usize];
        let mut file = &self.file;
        file.seek(SeekFrom::Start(start * FRAME)).map_err(io("read", &self.path))?;
        file.read_exact(&mut bytes).map_err(io("read", &self.path))?;
        let mut clip = Clip::silence(self.rate, 2, Frames(count));
        let (left, right) = clip.samples_mut().split_at_mut(count as usize);
        for (frame, (l, r)) in bytes.as_chunks::<8>().0.iter().zip(left.iter_mut().zip(right)) {
            let [a, b, c, d, e, f, g, h] = *frame;
            (*l, *r) = (f32::from_le_bytes([a, b, c, d]), f32::from_le_bytes([e, f, g, h]));
        }
        Ok(clip)
    }

    /// Multiplies all of it.
    pub(super) fn scale(&mut self, gain: f32) -> Result<(), Error> {
        let frames = std::mem::take(&mut self.frames);
        for start in (0..frames).step_by(BLOCK as usize) {
            self.frames = frames;
            let mut block = self.read(Frames(start), Frames(BLOCK))?;
            block.scale(gain);
            self.frames = start;
            self.append(&block)?;
        }
        Ok(())
    }

    /// Calls `look` with all of it, block by block.
    pub(super) fn each(
        &self,
        mut look: impl FnMut(&Clip) -> Result<(), Error>,
    ) -> Result<(), Error> {
        for start in (0..self.frames).step_by(BLOCK as usize) {
            look(&self.read(Frames(start), Frames(BLOCK))?)?;
        }
        Ok(())
    }
}

pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { action, path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_is_read_anywhere_and_cut_where_it_was_known() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spool");
        let rate = SampleRate(8_000);
        let ramp: Vec<f32> = (0..1000_u16).map(f32::from).collect();
        let minus: Vec<f32> = ramp.iter().map(|x| -x).collect();
        let mut spool = Spool::create(&path, rate).unwrap();
        spool.append(&Clip::new(rate, &[&ramp, &minus])).unwrap();
        spool.append(&Clip::mono(rate, ramp.clone())).unwrap();
        assert_eq!(spool.frames(), Frames(2000));
        let middle = spool.read(Frames(999), Frames(2)).unwrap();
        assert_eq!(middle.samples(), [999.0, 0.0, -999.0, 0.0]);
        assert_eq!(spool.read(Frames(1990), Frames(99)).unwrap().len(), 10);
        drop(spool);
        assert!(Spool::open(&path, rate, Frames(2001)).unwrap().is_none());
        let spool = Spool::open(&path, rate, Frames(700)).unwrap().unwrap();
        assert_eq!(spool.read(Frames(0), Frames(9999)).unwrap().len(), 700);
    }
}
