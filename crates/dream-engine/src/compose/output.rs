//! Writing a take: the audio, the JSON beside it, the row in the library; each whole or not at all.

use std::fmt::Write as _;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use dream_audio::encode;
use dream_compose::{CastPart, Casting, LayerReport, Prompt, Take};
use dream_core::{ArrangementPlan, Seed, Source};
use dream_library::{NewTake, TakeId, staging_file, write_file};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::export::{self, Export};
use super::{Composed, Timing, Track};
use crate::runner::Work;
use crate::{Clock, Engine, Error};

/// Where a track goes, and how its samples are written.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Output {
    /// A `.wav` or `.flac` file, replaced where it exists; absent for a new one in the home.
    pub path: Option<PathBuf>,
    /// Format of the samples.
    pub bits: Bits,
    /// A new or empty folder for the layers, buses and returns.
    #[serde(default)]
    pub stems: Option<PathBuf>,
    /// A file for the plan's notes as MIDI, replaced where it exists.
    #[serde(default)]
    pub midi: Option<PathBuf>,
    /// Only so many seconds from the drop on, 1 to 600; all of it where absent.
    #[serde(default)]
    pub preview_s: Option<f64>,
}

/// Format of the samples of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Bits {
    /// 16-bit integers, dithered.
    #[default]
    #[serde(rename = "16")]
    Int16,
    /// 24-bit integers, dithered.
    #[serde(rename = "24")]
    Int24,
    /// 32-bit floats.
    #[serde(rename = "32f")]
    Float32,
}

impl Bits {
    pub(crate) fn format(self) -> encode::Bits {
        match self {
            Self::Int16 => encode::Bits::Int16,
            Self::Int24 => encode::Bits::Int24,
            Self::Float32 => encode::Bits::Float32,
        }
    }
}

impl Output {
    /// Asked before the work, so that it is not done for nothing.
    pub(super) fn check(&self) -> Result<(), Error> {
        if let Some(seconds) = self.preview_s.filter(|seconds| !(1.0..=600.0).contains(seconds)) {
            return Err(Error::Invalid(format!("a preview takes 1 to 600 seconds, got {seconds}")));
        }
        if let Some(path) = &self.path {
            let flac = self.is_flac();
            if !flac && !ends(path, "wav") {
                let path = path.display();
                let text = format!("a track is written as .wav or .flac, got {path}");
                return Err(Error::Invalid(text));
            }
            if flac && self.bits == Bits::Float32 {
                return Err(Error::Invalid("FLAC holds 16 or 24 bits, no floats".to_owned()));
            }
        }
        for path in self.path.iter().chain(&self.midi) {
            let folder = folder(path);
            if !folder.is_dir() {
                return Err(Error::NotFound(format!("folder {}", folder.display())));
            }
        }
        self.stems.as_deref().map_or(Ok(()), export::check)
    }

    fn is_flac(&self) -> bool {
        self.path.as_deref().is_some_and(|path| ends(path, "flac"))
    }
}

fn ends(path: &Path, end: &str) -> bool {
    path.extension().is_some_and(|own| own.eq_ignore_ascii_case(end))
}

/// What the JSON beside a track holds: enough to render it again.
#[derive(Serialize)]
struct Sidecar<'a> {
    prompt: &'a str,
    seed: u64,
    track: &'a Track,
    arrangement_plan: &'a ArrangementPlan,
    casting: &'a [CastPart],
    stems: Vec<Credit<'a>>,
    mix: &'a dream_compose::Report,
    timing_s: Timing,
    warnings: &'a [String],
}

/// A stem and whose it is.
#[derive(Clone, Copy, Serialize, PartialEq)]
pub(super) struct Credit<'a> {
    pub(super) name: &'a str,
    pub(super) content_hash: &'a str,
    pub(super) source: Source,
    pub(super) kit: Option<&'a str>,
    pub(super) licence: Option<&'a str>,
}

/// What a take is written from.
pub(super) struct Finished<'a> {
    /// The whole plan, also where only a part of it was rendered.
    pub(super) plan: &'a ArrangementPlan,
    /// The casting with its levels.
    pub(super) casting: &'a Casting,
    pub(super) take: Take,
    pub(super) export: Option<Export>,
    pub(super) timing: Timing,
    pub(super) begun: Instant,
}

/// The file that the take goes to: that asked for, else a new name in the home, chosen once for the job, so that one that was
/// interrupted after writing writes there again.
pub(super) fn target(work: &Work<'_>, output: &Output) -> Result<PathBuf, Error> {
    if let Some(path) = &output.path {
        return Ok(path.clone());
    }
    let (engine, takes) = (work.engine, work.engine.home().takes());
    if let Some(name) = work.stored_step::<String>(PATH)? {
        return Ok(takes.join(name));
    }
    let now = engine.now();
    let stem = format!("track_{}", Clock::file_name(now));
    // Under the write lock: no other job of any process chooses meanwhile.
    let name = engine.library().write(|write| {
        for number in 1_u32.. {
            let name = match number {
                1 => format!("{stem}.wav"),
                _ => format!("{stem}_{number}.wav"),
            };
            if !takes.join(&name).exists() && !write.has_step(PATH, &json!(name))? {
                write.step(work.claim, PATH, &json!(name), 0.05, now)?;
                return Ok(name);
            }
        }
        Err(Error::Invalid("no name is left for the track".to_owned()))
    })?;
    Ok(takes.join(name))
}

/// The step that names the file of a take.
const PATH: &str = "path";

/// Writes the take and records it, as the step `render` of its job.
pub(super) fn write(
    work: &Work<'_>,
    output: &Output,
    path: &Path,
    finished: Finished<'_>,
) -> Result<TakeId, Error> {
    let engine = work.engine;
    let Finished { plan, casting, mut take, export, mut timing, begun } = finished;
    let encoding = Instant::now();
    let credits = credits(&casting.parts, Some(&take.report.layers));
    if let Some(export) = export {
        export.finish(plan, &take.report, &credits)?;
    }
    if let Some(midi) = &output.midi {
        let notes = dream_compose::midi(plan);
        write_file(midi, |file| file.write_all(&notes))?;
    }
    let (file, sha256) = encoded(folder(path), &take, output, Seed(plan.seed).child("dither"))?;
    file.persist(path).map_err(|error| io("write", path)(error.error))?;
    timing.encode = encoding.elapsed().as_secs_f64();
    timing.total = begun.elapsed().as_secs_f64();

    let mut stem_sources = std::collections::BTreeMap::new();
    for source in Source::ALL {
        let count = credits.iter().filter(|credit| credit.source == *source).count();
        stem_sources.insert(*source, count);
    }
    let track = Track {
        id: None,
        path: path.to_string_lossy().into_owned(),
        duration_s: take.clip.seconds(),
        bpm: plan.bpm,
        key: plan.key,
        seed: Seed(plan.seed),
        sample_rate: take.clip.rate().0,
        bit_depth: 8 * output.bits.format().bytes() as u32,
        lufs_i: take.report.lufs_i,
        true_peak_dbtp: take.report.true_peak_dbtp,
        sha256,
        stem_sources,
        stems_used: credits.len(),
        preview_s: output.preview_s,
    };
    let warnings = [casting.warnings.as_slice(), &take.report.warnings].concat();
    take.report.warnings.clear(); // they are among the others
    let sidecar = Sidecar {
        prompt: &plan.prompt,
        seed: plan.seed,
        track: &track,
        arrangement_plan: plan,
        casting: &casting.parts,
        stems: credits,
        mix: &take.report,
        timing_s: timing,
        warnings: &warnings,
    };
    let text = serde_json::to_vec_pretty(&sidecar)
        .map_err(|source| Error::Stored { what: "take", source })?;
    write_file(&path.with_extension("json"), |file| file.write_all(&text))?;
    let stored = path.strip_prefix(engine.home().root()).unwrap_or(path);
    let new = NewTake {
        path: stored.to_string_lossy().into_owned(),
        hash: track.sha256.clone(),
        seed: Seed(plan.seed),
        plan: plan.clone(),
        casting: json!(casting.parts),
        report: json!(Report { track, mix: Some(take.report), timing_s: timing, warnings }),
    };
    let now = engine.now();
    engine.library().write(|write| {
        let id = write.add_take(&new, now)?;
        write.step(work.claim, "render", &json!(id), 1.0, now)?;
        Ok(id)
    })
}

/// What is stored of a take beside plan and casting.
#[derive(Serialize, Deserialize)]
struct Report {
    track: Track,
    /// Absent from takes of earlier versions.
    #[serde(default)]
    mix: Option<dream_compose::Report>,
    timing_s: Timing,
    warnings: Vec<String>,
}

/// A recorded take as the document that is printed.
pub(crate) fn composed(engine: &Engine, id: TakeId) -> Result<Composed, Error> {
    let take = engine.library().take(id)?.take;
    let stored = |source| Error::Stored { what: "take", source };
    let report: Report = serde_json::from_value(take.report).map_err(stored)?;
    let prompt = Prompt::parse_among(&take.plan.prompt, engine.genres());
    let unread = prompt.unknown.iter().map(|word| format!("prompt: {word:?} was not understood"));
    Ok(Composed {
        track: Track { id: Some(id), ..report.track },
        arrangement_plan: take.plan,
        casting: serde_json::from_value(take.casting).map_err(stored)?,
        mix: report.mix,
        timing_s: report.timing_s,
        warnings: unread.chain(report.warnings).collect(),
        understood: prompt.understood,
        not_understood: prompt.unknown,
    })
}

/// The stems that play, each once; all that were cast where no report says which do.
pub(super) fn credits<'a>(
    parts: &'a [CastPart],
    layers: Option<&[LayerReport]>,
) -> Vec<Credit<'a>> {
    let mut credits = Vec::new();
    for part in parts {
        let plays = |id| {
            layers.is_none_or(|layers| layers.iter().any(|l| l.part == part.part && l.stem == id))
        };
        for stem in part.stems.iter().filter(|stem| plays(stem.id)) {
            let credit = Credit {
                name: &stem.name,
                content_hash: &stem.hash,
                source: stem.source,
                kit: stem.kit.as_deref(),
                licence: stem.licence.as_deref(),
            };
            if !credits.contains(&credit) {
                credits.push(credit);
            }
        }
    }
    credits
}

/// The audio in a temporary file of `folder`, on disk, and its SHA-256.
fn encoded(
    folder: &Path,
    take: &Take,
    output: &Output,
    dither: Seed,
) -> Result<(NamedTempFile, String), Error> {
    let file = staging_file(folder).map_err(io("write in", folder))?;
    let mut writer = Hashing { inner: BufWriter::new(file), sha256: Sha256::new() };
    let bits = output.bits.format();
    let encoded = if output.is_flac() {
        encode::write_flac(&mut writer, &take.clip, bits, dither)
    } else {
        encode::write_wav(&mut writer, &take.clip, bits, dither)
    };
    encoded.map_err(|source| Error::Encode { path: folder.to_owned(), source })?;
    let sha256 = writer.sha256.finalize().iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}"); // writing to a string cannot fail
        hex
    });
    let file =
        writer.inner.into_inner().map_err(|error| io("write", folder)(error.into_error()))?;
    file.as_file().sync_all().map_err(io("write", folder))?;
    Ok((file, sha256))
}

pub(super) fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { action, path, source }
}

/// A writer that hashes what it passes on.
struct Hashing<W> {
    inner: W,
    sha256: Sha256,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.sha256.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}
