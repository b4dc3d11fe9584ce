//! The stems of a take as one ZIP file: what every bus and every return put into its mix, before the master.
//!
//! The take is mixed again from its plan, its own stems and their levels, into a file of floats for each signal. Where a signal or
//! their sum goes beyond full scale, all are turned down alike: they sum to the mix, or to the mix so much lower. Signals
//! that never sound are left out. The ZIP is not compressed, and the same mix gives the same bytes.
//! The last few are kept in the home, named after the digest of the take's audio and by their own.
//!
//! Memory: the mix (21 MB a minute) and a buffer per signal. Disk: 21 MB a minute and signal while it is made, then half of it.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};

use dream_audio::encode::Int16Writer;
use dream_compose::{Bus, CastPart, Casting, Signal};
use dream_core::{ArrangementPlan, Cancelled, Frames, SampleRate, Seed};
use dream_library::{TakeId, digest, file_digest, staging_file};
use serde::{Deserialize, Serialize};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::composed;
use super::export::credits;
use super::output::{self, io};
use crate::runner::Work;
use crate::{Engine, Error};

/// Files that are kept; the oldest go. One of six minutes takes half a gigabyte.
const KEPT: usize = 4;

/// Largest sample in a file, which leaves the dither its step.
const CEILING: f32 = 32_766.0 / 32_768.0;

/// Frames that are written at once.
const BLOCK: usize = 4096;

/// Which take's stems to put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleSpec {
    /// The take.
    pub track: TakeId,
}

/// What was put together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BundleReport {
    /// The take.
    pub track: TakeId,
    /// The stems, by the names of their files.
    pub stems: Vec<String>,
    /// Size of the file.
    pub bytes: u64,
    /// BLAKE3 of the file.
    pub digest: String,
    /// By how much all were turned down so that none goes beyond full scale, dB (0 or less).
    pub gain_db: f64,
}

/// The stems of a take, put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// The ZIP file.
    pub path: PathBuf,
    /// BLAKE3 of it.
    pub digest: String,
    /// What to call it elsewhere: `track_20260101_120000_stems.zip`.
    pub name: String,
}

impl Engine {
    /// The stems of a take, if they were put together before and are there still.
    ///
    /// # Errors
    /// `NotFound` without such a take; `Conflict` when they would have to be made, and stems that it plays are gone.
    pub fn bundle(&self, id: TakeId) -> Result<Option<Bundle>, Error> {
        let take = self.library().take(id)?.take;
        let found = find(&self.home().bundles(), &take.hash);
        if found.is_none() {
            self.own_stems(&composed(self, id)?.casting)?;
        }
        let stem = Path::new(&take.path).file_stem().unwrap_or_default().to_string_lossy();
        let name = format!("{}_stems.zip", super::export::plain(&stem));
        Ok(found.map(|(path, digest)| Bundle { path, digest, name }))
    }

    /// The casting of a take with the numbers that its stems have now.
    fn own_stems(&self, parts: &[CastPart]) -> Result<Casting, Error> {
        let mut casting = Casting { parts: parts.to_vec(), warnings: Vec::new() };
        for stem in casting.parts.iter_mut().flat_map(|part| &mut part.stems) {
            let found = self.library().find(&stem.hash)?;
            match found.filter(|_| self.library().blobs().contains(&stem.hash)) {
                Some(id) => stem.id = id,
                None => return Err(Error::StemsGone(stem.name.clone())),
            }
        }
        Ok(casting)
    }
}

/// Removes what was put together of a take.
pub(crate) fn remove(engine: &Engine, hash: &str) {
    if let Some((path, _)) = find(&engine.home().bundles(), hash) {
        // It can be made again and takes its turn to go anyway.
        let _ = std::fs::remove_file(path);
    }
}

/// How the name of a file begins, from what the library says is the digest of a take's audio: in one that was restored it may be anything.
fn key(hash: &str) -> String {
    digest(hash.as_bytes())[..32].to_owned()
}

/// The file of the take whose audio has that digest, and its own.
fn find(folder: &Path, hash: &str) -> Option<(PathBuf, String)> {
    let (key, entries) = (key(hash), std::fs::read_dir(folder).ok()?.flatten());
    let mut found: Vec<(PathBuf, String)> = entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let digest = name.strip_prefix(&key)?.strip_prefix('-')?.strip_suffix(".zip")?;
            Some((entry.path(), digest.to_owned()))
        })
        .collect();
    found.sort();
    found.pop()
}

pub(crate) fn run(work: &Work<'_>, spec: BundleSpec) -> Result<BundleReport, Error> {
    let engine = work.engine;
    let folder = engine.home().bundles();
    let take = composed(engine, spec.track)?;
    let casting = engine.own_stems(&take.casting)?;
    let part = take.track.preview_s.map(|s| dream_compose::excerpt(&take.arrangement_plan, s));
    let plan = part.as_ref().unwrap_or(&take.arrangement_plan);
    let clips = engine.load(&casting, work.progress)?;
    let mut tapes = Tapes::new(&folder);
    let mut sink = |signal: Signal<'_>, sides: [&[f32]; 2]| tapes.take(signal, sides);
    let mixed = dream_compose::mix_to(plan, &casting, &clips, &mut sink, work.progress);
    mixed.map_err(|error| tapes.failed.take().unwrap_or(error.into()))?;
    drop(clips);
    let gain = (CEILING / tapes.peak.max(CEILING)).min(1.0);
    let gain_db = 20.0 * f64::from(gain).log10();
    let texts = [
        ("README.txt", readme(plan, gain_db, &tapes)),
        ("CREDITS.txt", {
            let layers = take.mix.as_ref().map(|mix| mix.layers.as_slice());
            credits(&output::credits(&take.casting, layers))
        }),
    ];
    let frames = dream_compose::length(plan);
    let file = staging_file(&folder).map_err(io("write in", &folder))?;
    let mut zip = ZipWriter::new(BufWriter::with_capacity(1 << 18, file));
    let failed = |error: zip::result::ZipError| io("write in", &folder)(error.into());
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let mut stems = Vec::new();
    let count = tapes.sounding().count() as u64;
    for (index, tape) in tapes.all.iter_mut().filter(|tape| tape.peak > 0.0).enumerate() {
        work.progress.step(index as u64, count, "stems")?;
        zip.start_file(tape.name, options).map_err(failed)?;
        let dither = Seed(plan.seed).child("stems").child(tape.name);
        tape.copy(&mut zip, frames, gain, dither).map_err(|source| match source {
            dream_audio::Error::Io(source) => io("write in", &folder)(source),
            source => Error::Encode { path: folder.clone(), source },
        })?;
        stems.push(tape.name.to_owned());
    }
    for (name, text) in texts {
        zip.start_file(name, options).map_err(failed)?;
        zip.write_all(text.as_bytes()).map_err(io("write in", &folder))?;
    }
    let file = zip.finish().map_err(failed)?.into_inner();
    let file = file.map_err(|error| io("write in", &folder)(error.into_error()))?;
    work.progress.check()?;
    let bytes = file.as_file().metadata().map_err(io("read", file.path()))?.len();
    let digest = file_digest(file.path())?;
    let hash = engine.library().take(spec.track)?.take.hash;
    let path = folder.join(format!("{}-{digest}.zip", key(&hash)));
    // Not synced: a loss of power may cost it, and it can be made again.
    file.persist(&path).map_err(|error| io("write", &path)(error.error))?;
    forget(&folder, &path);
    Ok(BundleReport { track: spec.track, stems, bytes, digest, gain_db })
}

/// Removes the oldest files beyond those that are kept.
fn forget(folder: &Path, newest: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut old: Vec<_> = entries
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|end| end == "zip"))
        .filter(|entry| entry.path() != newest)
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    old.sort();
    let many = (old.len() + 1).saturating_sub(KEPT);
    for (_, path) in old.into_iter().take(many) {
        // What cannot be removed now takes its turn again with the next.
        let _ = std::fs::remove_file(path);
    }
}

/// The signals of a mix, each in a file of interleaved floats that goes with its handle.
struct Tapes {
    folder: PathBuf,
    all: Vec<Tape>,
    /// Largest sample of any signal and of their sum.
    peak: f32,
    failed: Option<Error>,
}

struct Tape {
    name: &'static str,
    file: BufWriter<File>,
    peak: f32,
    bytes: Vec<u8>,
}

impl Tapes {
    fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), all: Vec::new(), peak: 0.0, failed: None }
    }

    fn sounding(&self) -> impl Iterator<Item = &Tape> {
        self.all.iter().filter(|tape| tape.peak > 0.0)
    }

    /// Takes the next frames of a signal; a failure is kept and stops the mix.
    fn take(&mut self, signal: Signal<'_>, sides: [&[f32]; 2]) -> Result<(), Cancelled> {
        let name = match signal {
            Signal::Layer { .. } => return Ok(()),
            Signal::Mix => {
                self.peak = self.peak.max(peak(sides));
                return Ok(());
            }
            Signal::Bus(bus) => bus_file(bus),
            Signal::Reverb => "reverb.wav",
            Signal::Delay => "delay.wav",
        };
        self.peak = self.peak.max(peak(sides));
        self.write(name, sides).map_err(|source| {
            self.failed = Some(io("write in", &self.folder)(source));
            Cancelled
        })
    }

    fn write(&mut self, name: &'static str, sides: [&[f32]; 2]) -> std::io::Result<()> {
        let known = self.all.iter().position(|tape| tape.name == name);
        let index = known.unwrap_or(self.all.len());
        if known.is_none() {
            let file = tempfile::tempfile_in(&self.folder)?;
            let file = BufWriter::with_capacity(1 << 16, file);
            self.all.push(Tape { name, file, peak: 0.0, bytes: Vec::new() });
        }
        let tape = &mut self.all[index];
        tape.peak = tape.peak.max(peak(sides));
        tape.bytes.clear();
        let frames = sides[0].iter().zip(sides[1]);
        tape.bytes.extend(frames.flat_map(|(l, r)| [l.to_le_bytes(), r.to_le_bytes()]).flatten());
        tape.file.write_all(&tape.bytes)
    }
}

impl Tape {
    /// Writes the signal as a WAV file of 16 bits.
    fn copy(
        &mut self,
        to: &mut dyn Write,
        frames: Frames,
        gain: f32,
        dither: Seed,
    ) -> Result<(), dream_audio::Error> {
        self.file.flush()?;
        self.file.get_ref().rewind()?;
        let mut from = BufReader::with_capacity(1 << 16, self.file.get_ref());
        let mut to = Int16Writer::new(to, SampleRate::LIBRARY, (2, frames), dither)?;
        let mut bytes = vec![0; 8 * BLOCK];
        let mut left = frames.index();
        while left > 0 {
            let count = left.min(BLOCK);
            from.read_exact(&mut bytes[..8 * count])?;
            let samples = bytes[..8 * count].as_chunks::<4>().0.iter();
            let samples: Vec<f32> = samples.map(|x| gain * f32::from_le_bytes(*x)).collect();
            to.write(&samples)?;
            left -= count;
        }
        Ok(())
    }
}

fn peak(sides: [&[f32]; 2]) -> f32 {
    sides.into_iter().flatten().fold(0.0, |peak, x| peak.max(x.abs()))
}

fn bus_file(bus: Bus) -> &'static str {
    match bus {
        Bus::Kick => "kick.wav",
        Bus::Drums => "drums.wav",
        Bus::Bass => "bass.wav",
        Bus::Music => "music.wav",
        Bus::Fx => "fx.wav",
    }
}

fn readme(plan: &ArrangementPlan, gain_db: f64, tapes: &Tapes) -> String {
    let key = plan.key.map_or("no key".to_owned(), |key| key.to_string());
    let mut text = format!(
        "Stems of a track made by the Neuromorphic Dream Engine\n\n\
         prompt  {}\ngenre   {}\ntempo   {} bpm, {} bars of 4/4\nkey     {key}\nseed    {}\n\n\
         All files are stereo, 44.1 kHz, 16 bits, start on the first beat and are equally long. Their sum is the mix before\n\
         the master; all were turned down by {:.2} dB, so that neither they nor the sum go beyond full scale.\n\n",
        plan.prompt.replace(char::is_control, " "),
        plan.genre,
        plan.bpm.get(),
        plan.total_bars,
        plan.seed,
        gain_db.abs(),
    );
    for tape in tapes.sounding() {
        let what = match tape.name {
            "reverb.wav" | "delay.wav" => "what came back from it, of all",
            _ => "its sounds after ducking and saturation",
        };
        let _ = writeln!(text, "{:12}{what}", tape.name); // writing to a string cannot fail
    }
    text
}

#[cfg(test)]
mod tests;
