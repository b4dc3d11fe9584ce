//! Tracks into stems: files, and stems of the library.
//!
//! A track is decoded piece by piece to a spool on disk at the rate of the model, separated from there piece by piece
//! into a spool per stem, and each stem is then written as a file and admitted to the library. What is done of a track is
//! a step of the job: a run that was cut off goes on with the segment it was at. A track that cannot be used fails alone.
//! Spools lie in a folder of the job below `processed_database/work` and need 8 bytes per frame for the mixture and for
//! every stem; they go with the job when it is done, and a week after it was given up.
//!
//! Memory: the model, two of its segments, and one stem of at most [`PART_S`] while it is admitted: a longer stem comes
//! into the library in parts. It does not grow with the length of the track.

mod cut;
mod finish;
mod loops;
mod recording;
mod separator;
mod spool;

use std::path::{Path, PathBuf};

use dream_audio::Clip;
use dream_audio::decode::{Limits, decode_pieces};
use dream_core::{Category, Frames, Progress, StemId, chain};
use dream_library::{FileRecord, JobId, Status, Verdict, file_digest};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::ingest::modified_at;
use crate::runner::Work;
use crate::{Bits, Engine, Error, Event, VERSION};
pub use recording::Recorded;
use recording::{Recording, recordings};
use separator::{Door, Separator};
use spool::{Spool, io};

/// Longest stem of the library, in seconds: a longer one comes in parts.
pub(crate) const PART_S: u64 = 600;

/// Longest recording: the stems of a longer one would be larger than a WAV file can be.
const MAX_SECONDS: f64 = 3.0 * 3600.0;

/// Longest stem that is written in another format than 32-bit float WAV, in seconds: it is held in memory.
const MAX_WHOLE_S: f64 = 1800.0;

/// How long the spools of a job that was given up are kept, in milliseconds.
const KEEP_MS: i64 = 7 * 24 * 3600 * 1000;

/// What to separate, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SeparateSpec {
    /// What; the drop folder for recordings when empty.
    pub tracks: Vec<Recorded>,
    /// The model; when absent `htdemucs` if it is installed, else the builtin.
    pub model: Option<String>,
    /// Whether the builtin may take the place of a model that is not installed.
    pub allow_fallback: bool,
    /// The folder for the stems as files; none when absent.
    pub out: Option<PathBuf>,
    /// The format of these files.
    pub format: StemFormat,
    /// The format of their samples; 32-bit floats in WAV and 24 bits in FLAC when absent.
    pub bits: Option<Bits>,
    /// Whether the stems stay out of the library.
    pub no_library: bool,
    /// How often everything is repeated with the track moved, 0 to 20.
    pub shifts: u32,
    /// The part of a segment that overlaps the next, 0 to 0.9.
    pub overlap: f64,
    /// Only this stem, and the sum of the others as `no_` and its name.
    pub two_stems: Option<String>,
    /// Only these stems; all when empty.
    pub stems: Vec<String>,
    /// Whether the drums are cut into single hits besides, for the library.
    pub cut_drums: bool,
}

impl Default for SeparateSpec {
    fn default() -> Self {
        Self {
            tracks: Vec::new(),
            model: None,
            allow_fallback: false,
            out: None,
            format: StemFormat::Wav,
            bits: None,
            no_library: false,
            shifts: 0,
            overlap: 0.25,
            two_stems: None,
            stems: Vec::new(),
            cut_drums: false,
        }
    }
}

/// The format of a stem's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum StemFormat {
    Wav,
    Flac,
}

impl StemFormat {
    /// The ending of its files.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Wav => "wav",
            Self::Flac => "flac",
        }
    }
}

/// One stem of one track.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeparatedStem {
    /// The track, as named.
    pub track: String,
    /// What the model calls the stem.
    pub stem: String,
    /// The category that follows from it.
    pub category: Category,
    /// The model.
    pub model: String,
    /// How good its stems are: `demucs`, or `dsp` for rough ones.
    pub quality_tier: String,
    /// Length in seconds.
    pub duration_s: f64,
    /// Its share of the energy of all stems of the track, 0 to 1.
    pub energy_share: f64,
    /// Whether it was left out for being silent.
    pub silent: bool,
    /// Its file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Its stems in the library: more than one when it is long.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stem_ids: Vec<StemId>,
    /// The loops and single hits cut from it, in the library.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cut_ids: Vec<StemId>,
    /// What was lost or replaced on the way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// What came of a track.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrackOutcome {
    /// The track, as named.
    pub track: String,
    /// Its stems; empty when it was skipped or failed.
    pub stems: Vec<SeparatedStem>,
    /// Whether it was separated before in the same way and has not changed.
    pub skipped: bool,
    /// Why it could not be separated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Counts of a separation.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct SeparateReport {
    /// The model that was applied.
    pub model: String,
    /// How good its stems are.
    pub quality_tier: String,
    /// Whether the builtin took the place of a better model.
    pub degraded: bool,
    /// Tracks dealt with.
    pub tracks: u64,
    /// Stems that were kept.
    pub stems: u64,
    /// Stems left out for being silent.
    pub silent: u64,
    /// Tracks that were separated before.
    pub skipped: u64,
    /// Tracks that could not be separated.
    pub failed: u64,
    /// Whether an earlier run of the same command was interrupted and this one went on.
    pub resumed: bool,
    /// What is worth knowing of all of it.
    pub warnings: Vec<String>,
}

impl SeparateReport {
    /// Counts a track.
    pub fn count(&mut self, track: &TrackOutcome) {
        let silent = track.stems.iter().filter(|stem| stem.silent).count() as u64;
        self.tracks += 1;
        self.silent += silent;
        self.stems += track.stems.len() as u64 - silent;
        self.skipped += u64::from(track.skipped);
        self.failed += u64::from(track.error.is_some());
    }
}

/// One output: the sum of some sources of the model.
struct Output {
    name: String,
    sources: Vec<usize>,
}

/// A job under way.
struct Separation<'a> {
    work: &'a Work<'a>,
    spec: &'a SeparateSpec,
    separator: Separator,
    outputs: Vec<Output>,
    folder: PathBuf,
}

pub(crate) fn run(work: &Work<'_>, spec: &SeparateSpec) -> Result<SeparateReport, Error> {
    check(spec)?;
    let engine = work.engine;
    clear(engine)?;
    let recordings = recordings(engine, &spec.tracks)?;
    let (separator, warning) = Separator::choose(engine, spec)?;
    let mut report = SeparateReport {
        model: separator.name().to_owned(),
        quality_tier: separator.quality_tier().to_owned(),
        degraded: warning.is_some(),
        resumed: work.claim.resumed,
        warnings: warning.into_iter().collect(),
        ..SeparateReport::default()
    };
    if let Separator::Builtin = separator
        && (spec.shifts > 0)
    {
        report.warnings.push("the builtin makes no use of shifts".to_owned());
    }
    let outputs = outputs(spec, &separator.sources())?;
    if let Some(out) = &spec.out {
        std::fs::create_dir_all(out).map_err(io("create", out))?;
    }
    let folder = engine.home().work().join(work.claim.job.0.to_string());
    std::fs::create_dir_all(&folder).map_err(io("create", &folder))?;
    let separation = Separation { work, spec, separator, outputs, folder };
    for (number, recording) in recordings.iter().enumerate() {
        work.progress.check()?;
        let outcome = separation.outcome(number, recording)?;
        report.count(&outcome);
        (work.watch)(Event::Track(&outcome));
    }
    std::fs::remove_dir_all(&separation.folder).map_err(io("remove", &separation.folder))?;
    Ok(report)
}

fn check(spec: &SeparateSpec) -> Result<(), Error> {
    let invalid = |text: &str| Err(Error::Invalid(text.to_owned()));
    if spec.no_library && spec.out.is_none() {
        return invalid("stems that stay out of the library need a folder (--out)");
    }
    if spec.shifts > 20 {
        return invalid("shifts are 0 to 20");
    }
    if !(0.0..=0.9).contains(&spec.overlap) {
        return invalid("overlap is 0 to 0.9");
    }
    if spec.format == StemFormat::Flac && spec.bits == Some(Bits::Float32) {
        return invalid("FLAC holds 16 or 24 bits, no floats");
    }
    if spec.cut_drums && spec.no_library {
        return invalid("cuts of the drums go into the library");
    }
    if spec.two_stems.is_some() && !spec.stems.is_empty() {
        return invalid("two stems or a choice of stems, not both");
    }
    Ok(())
}

/// What is asked for of what a model gives.
fn outputs(spec: &SeparateSpec, sources: &[String]) -> Result<Vec<Output>, Error> {
    let place = |name: &String| {
        sources.iter().position(|source| source == name).ok_or_else(|| {
            Error::Invalid(format!("no stem {name:?}; the model gives {}", sources.join(", ")))
        })
    };
    if let Some(name) = &spec.two_stems {
        let chosen = place(name)?;
        let others = (0..sources.len()).filter(|source| *source != chosen).collect();
        return Ok(vec![
            Output { name: name.clone(), sources: vec![chosen] },
            Output { name: format!("no_{name}"), sources: others },
        ]);
    }
    let names = if spec.stems.is_empty() { sources } else { spec.stems.as_slice() };
    let output = |name: &String| Ok(Output { name: name.clone(), sources: vec![place(name)?] });
    names.iter().map(output).collect()
}

/// Removes the spools of jobs that are done, and of those given up long ago.
fn clear(engine: &Engine) -> Result<(), Error> {
    let folder = engine.home().work();
    for entry in std::fs::read_dir(&folder).map_err(io("read", &folder))?.flatten() {
        let number = entry.file_name().to_string_lossy().parse().ok();
        let job = number.and_then(|number| engine.library().job(JobId(number)).ok());
        let needed = job.is_some_and(|job| match job.status {
            Status::Done => false,
            // Of a run that was killed only the start is known.
            Status::Running | Status::Queued | Status::Failed | Status::Cancelled => {
                let last = job.finished_at.or(job.started_at);
                last.is_none_or(|at| engine.now().0 - at.0 < KEEP_MS)
            }
        });
        if !needed {
            // What cannot be removed is in the way of nothing.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
    Ok(())
}

impl Separation<'_> {
    fn engine(&self) -> &Engine {
        self.work.engine
    }

    fn progress(&self) -> &Progress {
        self.work.progress
    }

    /// What becomes of a recording: what became of it before, or of separating it now.
    fn outcome(&self, number: usize, recording: &Recording) -> Result<TrackOutcome, Error> {
        let track = recording.key.clone();
        let outcome =
            |stems| TrackOutcome { track: track.clone(), stems, skipped: false, error: None };
        let before = self.engine().library().steps(self.work.claim.job)?.remove(&recording.key);
        if let Some(stems) = before.and_then(|stems| serde_json::from_value(stems).ok()) {
            return Ok(outcome(stems));
        }
        let record = self.record(recording);
        if let Some(record) = &record
            && self.is_known(record)?
        {
            return Ok(TrackOutcome { skipped: true, ..outcome(Vec::new()) });
        }
        match self.track(number, recording) {
            Ok(stems) => {
                self.commit(recording, record, &stems)?;
                Ok(outcome(stems))
            }
            // What is wrong with this track only.
            Err(error @ (Error::Decode { .. } | Error::Silent | Error::StemsTooLong { .. })) => {
                Ok(TrackOutcome { error: Some(chain(&error)), ..outcome(Vec::new()) })
            }
            Err(error) => Err(error),
        }
    }

    /// What the ledger knows a recording by that goes into the library in this way, if nothing but that is asked for.
    fn record(&self, recording: &Recording) -> Option<FileRecord> {
        let metadata = std::fs::metadata(&recording.path).ok()?;
        if self.spec.out.is_some() {
            return None;
        }
        let names: Vec<&str> = self.outputs.iter().map(|output| output.name.as_str()).collect();
        let described = self.separator.described(&names.join(","));
        let how = json!([described, self.spec.shifts, self.spec.overlap, self.spec.cut_drums]);
        let how = dream_library::digest(how.to_string().as_bytes());
        Some(FileRecord {
            path: format!("separate {how} {}", recording.key),
            size: metadata.len(),
            modified_at: modified_at(&metadata),
            // The file itself is no stem: an ingest must not take it for one of its parts.
            digest: None,
            verdict: Verdict::Stems(Vec::new()),
            version: VERSION.to_owned(),
        })
    }

    fn is_known(&self, record: &FileRecord) -> Result<bool, Error> {
        let known = self.engine().library().file(&record.path)?;
        Ok(known.is_some_and(|known| {
            (known.size, known.modified_at) == (record.size, record.modified_at)
        }))
    }

    fn commit(
        &self,
        recording: &Recording,
        record: Option<FileRecord>,
        stems: &[SeparatedStem],
    ) -> Result<(), Error> {
        let result =
            serde_json::to_value(stems).map_err(|source| Error::Stored { what: "step", source })?;
        let now = self.engine().now();
        self.engine().library().write(|write| {
            if let Some(record) = record {
                let ids: Vec<StemId> = stems
                    .iter()
                    .flat_map(|stem| stem.stem_ids.iter().chain(&stem.cut_ids))
                    .copied()
                    .collect();
                let verdict = match ids.as_slice() {
                    [] => Verdict::Refused("silent".to_owned()),
                    _ => Verdict::Stems(ids),
                };
                write.record_file(&FileRecord { verdict, ..record }, now)?;
            }
            Ok::<_, Error>(write.step(self.work.claim, &recording.key, &result, 0.0, now)?)
        })
    }

    /// Separates a recording.
    fn track(&self, number: usize, recording: &Recording) -> Result<Vec<SeparatedStem>, Error> {
        let folder = self.folder.join(number.to_string());
        std::fs::create_dir_all(&folder).map_err(io("create", &folder))?;
        let (mixture, heard) = self.mixture(number, recording, &folder)?;
        let seconds = mixture.frames().seconds(mixture.rate());
        if self.spec.out.is_some() && self.bits() != Bits::Float32 && seconds > MAX_WHOLE_S {
            std::fs::remove_dir_all(&folder).map_err(io("remove", &folder))?;
            return Err(Error::StemsTooLong { limit_s: MAX_WHOLE_S });
        }
        let mut spools = self.separated(number, &mixture, &folder)?;
        drop(mixture);
        let mut parent = recording.parent.clone();
        parent.digest = Some(file_digest(&recording.path)?);
        let made =
            finish::Made { recording, parent, format: heard.format, warnings: heard.warnings };
        let stems = self.finish(&made, &mut spools, seconds)?;
        drop(spools);
        std::fs::remove_dir_all(&folder).map_err(io("remove", &folder))?;
        Ok(stems)
    }

    /// The recording at the rate of the model.
    fn mixture(
        &self,
        number: usize,
        recording: &Recording,
        folder: &Path,
    ) -> Result<(Spool, Heard), Error> {
        let (path, rate) = (folder.join("mixture"), self.separator.sample_rate());
        let step = format!("mixture {number}");
        let done = self.engine().library().steps(self.work.claim.job)?.remove(&step);
        if let Some(heard) = done.and_then(|heard| serde_json::from_value::<Heard>(heard).ok())
            && let Some(spool) = Spool::open(&path, rate, Frames(heard.frames))?
        {
            return Ok((spool, heard));
        }
        let limits = Limits {
            max_seconds: MAX_SECONDS,
            max_decoded_bytes: u64::MAX,
            max_cpu_seconds: 1800.0,
            max_packets: 40_000_000,
            ..self.engine().config().limits.clone()
        };
        let mut spool = Spool::create(&path, rate)?;
        let mut door: Option<Door> = None;
        let played = decode_pieces(&recording.path, &limits, |piece: Clip| {
            self.progress().check()?;
            let piece = stereo(piece);
            let door =
                door.get_or_insert_with(|| self.separator.door(piece.rate(), piece.channels()));
            Ok::<_, Fault>(spool.append(&door.push(&piece))?)
        });
        let played = played.map_err(|fault| match fault {
            Fault::Decode(source) => Error::Decode { path: recording.path.clone(), source },
            Fault::Other(error) => error,
        })?;
        if let Some(door) = &mut door {
            spool.append(&door.finish())?;
        }
        if (played.gain - 1.0).abs() > f32::EPSILON {
            spool.scale(played.gain)?;
        }
        spool.sync()?;
        let heard =
            Heard { frames: spool.frames().0, format: played.format, warnings: played.warnings };
        let result = serde_json::to_value(&heard)
            .map_err(|source| Error::Stored { what: "step", source })?;
        let now = self.engine().now();
        self.engine()
            .library()
            .write(|write| write.step(self.work.claim, &step, &result, 0.0, now))?;
        Ok((spool, heard))
    }

    /// The outputs of the model, each in a spool.
    fn separated(
        &self,
        number: usize,
        mixture: &Spool,
        folder: &Path,
    ) -> Result<Vec<Spool>, Error> {
        let library = self.engine().library();
        let step = format!("segments {number}");
        let done = library.steps(self.work.claim.job)?.remove(&step);
        let mut from = Frames(done.and_then(|frames| frames.as_u64()).unwrap_or(0));
        let path = |i: usize| folder.join(format!("stem-{i}"));
        let open = |from| -> Result<Option<Vec<Spool>>, Error> {
            let outputs = 0..self.outputs.len();
            outputs.map(|i| Spool::open(&path(i), mixture.rate(), from)).collect()
        };
        let mut spools = if let Some(spools) = open(from)? {
            spools
        } else {
            // Less is there than was told: it begins anew.
            from = Frames(0);
            open(from)?.expect("no frame is held by every file")
        };
        if from < mixture.frames() {
            self.separator.run(mixture, self.spec, from, self.progress(), |pieces| {
                for (output, spool) in self.outputs.iter().zip(&mut spools) {
                    spool.append(&sum(pieces, &output.sources))?;
                    spool.sync()?;
                }
                let frames = spools[0].frames().0;
                let progress = frames as f64 / mixture.frames().0 as f64;
                let now = self.engine().now();
                Ok(library.write(|write| {
                    write.step(self.work.claim, &step, &json!(frames), progress, now)
                })?)
            })?;
        }
        Ok(spools)
    }
}

/// What decoding told of a recording.
#[derive(Debug, Serialize, Deserialize)]
struct Heard {
    frames: u64,
    format: String,
    warnings: Vec<String>,
}

/// Why the pieces of a file end early.
enum Fault {
    Decode(dream_audio::Error),
    Other(Error),
}

impl From<dream_audio::Error> for Fault {
    fn from(error: dream_audio::Error) -> Self {
        Self::Decode(error)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

impl From<dream_core::Cancelled> for Fault {
    fn from(cancelled: dream_core::Cancelled) -> Self {
        Self::Other(cancelled.into())
    }
}

/// One or two channels.
fn stereo(piece: Clip) -> Clip {
    if piece.channels() > 2 { dream_audio::decode::downmix(&piece) } else { piece }
}

/// The sum of some of the sources.
fn sum(pieces: &[Clip], sources: &[usize]) -> Clip {
    let mut sum = pieces[sources[0]].clone();
    for source in &sources[1..] {
        let samples = sum.samples_mut().iter_mut().zip(pieces[*source].samples());
        samples.for_each(|(sum, x)| *sum += x);
    }
    sum
}

#[cfg(test)]
mod tests;
