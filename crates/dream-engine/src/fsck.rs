//! Is the library sound? Every row is read, every stem's audio decoded and compared with the hash that names it, every
//! take's file with its digest, and what belongs to nothing is named.
//!
//! May run beside jobs and a server: what is younger than the oldest process at work is left alone, and what looks wrong
//! is looked at again before it is called so. Nothing is changed unless repair is asked for, and what a repair takes away
//! goes to quarantine with its rows.

mod repair;

use std::fs::File;
use std::path::Path;

use dream_audio::Clip;
use dream_audio::decode::{Limits, decode_file};
use dream_core::{Progress, Provenance, StemId, chain};
use dream_library::{Entry, Listed, ListedTake, Stray, StrayKind, content_hash};
use rayon::prelude::*;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{Engine, Error};

/// Stems looked at in one go.
const PAGE: u32 = 64;

/// Decoded bytes of a stem that is heard beside others.
const SHARE: u64 = 64 << 20;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// SQLite finds the database damaged.
    Database,
    /// Rows name a row that is not there.
    DanglingRows,
    /// The row of a stem cannot be read.
    BrokenRow,
    /// A stem was made of one that is no longer there.
    DanglingParent,
    /// The audio of a stem is not there.
    MissingBlob,
    /// The audio of a stem is not what its hash says.
    RottenBlob,
    /// The audio of a stem cannot be read, for a reason that says nothing of its content.
    UnreadableBlob,
    /// A file among the audio that no row names.
    OrphanBlob,
    /// What a writer did not finish.
    Leftover,
    /// The row of a take cannot be read.
    BrokenTake,
    /// The file of a take is not there.
    MissingTake,
    /// The file of a take is not what was rendered.
    ChangedTake,
}

/// Something that is wrong, and what was done about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What is wrong.
    pub kind: FaultKind,
    /// Where: a path from the home, or a table.
    pub subject: String,
    /// The stem it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stem: Option<StemId>,
    /// The take it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub track: Option<i64>,
    /// It in words.
    pub message: String,
    /// What was done; absent when nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repair: Option<String>,
}

/// Counts of a check.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct FsckReport {
    /// Stems looked at.
    pub stems: u64,
    /// Takes looked at.
    pub tracks: u64,
    /// Bytes of audio read.
    pub bytes: u64,
    /// What is wrong.
    pub findings: u64,
    /// What of it was repaired.
    pub repaired: u64,
    /// Files that may belong to work under way, and were left alone.
    pub young: u64,
}

impl Finding {
    fn new(kind: FaultKind, subject: impl Into<String>, message: impl Into<String>) -> Self {
        let (subject, message) = (subject.into(), message.into());
        Self { kind, subject, stem: None, track: None, message, repair: None }
    }
}

/// A check under way.
struct Check<'a> {
    engine: &'a Engine,
    repair: bool,
    report: FsckReport,
    tell: &'a mut dyn FnMut(&Finding),
}

impl Engine {
    /// Checks the library, repairs it when asked to, and calls `tell` for everything that is wrong.
    ///
    /// # Errors
    /// When the library cannot be asked, or quarantine cannot be written; `Cancelled`.
    pub fn fsck(
        &self,
        repair: bool,
        progress: &Progress,
        tell: &mut dyn FnMut(&Finding),
    ) -> Result<FsckReport, Error> {
        let mut check = Check { engine: self, repair, report: FsckReport::default(), tell };
        // Taken first: what is written from here on is younger.
        let settled = self.library().settled()?;
        check.database()?;
        check.stems(progress)?;
        check.takes(progress)?;
        let (strays, young) = self.library().strays(settled)?;
        check.report.young = young;
        for stray in strays {
            let mut finding = check.stray(&stray);
            if repair {
                finding.repair = repair::stray(self, &stray, &finding, settled)?;
            }
            check.found(&finding);
        }
        Ok(check.report)
    }
}

impl Check<'_> {
    fn found(&mut self, finding: &Finding) {
        self.report.findings += 1;
        self.report.repaired += u64::from(finding.repair.is_some());
        (self.tell)(finding);
    }

    fn database(&mut self) -> Result<(), Error> {
        let library = self.engine.library();
        for fault in library.faults()? {
            let message = format!("{fault}; restore a backup, or ingest again");
            self.found(&Finding::new(
                FaultKind::Database,
                "processed_database/library.db",
                message,
            ));
        }
        for (table, count) in library.dangling()? {
            let message = format!("{count} rows name a row that is not there");
            let mut finding = Finding::new(FaultKind::DanglingRows, table, message);
            if self.repair {
                finding.repair = repair::dangling(self.engine, table, &finding)?;
            }
            self.found(&finding);
        }
        Ok(())
    }

    fn stems(&mut self, progress: &Progress) -> Result<(), Error> {
        let library = self.engine.library();
        let total = library.count(&crate::Filter::default())?;
        let mut last = StemId(0);
        loop {
            let page = library.listed(last, PAGE)?;
            let Some(end) = page.last() else { return Ok(()) };
            last = end.id;
            progress.step(self.report.stems.min(total), total, "fsck")?;
            for (row, heard) in page.iter().zip(hear(self.engine, &page, progress)?) {
                self.stem(row, heard)?;
            }
        }
    }

    fn stem(&mut self, row: &Listed, heard: Heard) -> Result<(), Error> {
        self.report.stems += 1;
        let engine = self.engine;
        // Removed since the page was read, by somebody who may.
        if !engine.library().has_stem(row.id)? {
            return Ok(());
        }
        let subject = engine.told(&engine.library().blobs().path(&row.hash));
        let finding = |kind, message: String| Finding {
            stem: Some(row.id),
            ..Finding::new(kind, subject.clone(), message)
        };
        let broken = row.entry.as_ref().err().map(|error| {
            finding(FaultKind::BrokenRow, format!("row of {:?}: {}", row.name, chain(error)))
        });
        let bad = match heard {
            Heard::Sound(clip, bytes) => {
                self.report.bytes += bytes;
                if let Some(mut finding) = broken {
                    if self.repair {
                        finding.repair = repair::row(engine, row, clip.as_ref(), &finding)?;
                    }
                    self.found(&finding);
                } else if let Ok(entry) = &row.entry {
                    self.parents(entry)?;
                }
                return Ok(());
            }
            Heard::Missing => {
                finding(FaultKind::MissingBlob, format!("no audio of {:?}", row.name))
            }
            Heard::Rotten(why) => {
                finding(FaultKind::RottenBlob, format!("audio of {:?}: {why}", row.name))
            }
            Heard::Unreadable(why) => {
                let finding = finding(FaultKind::UnreadableBlob, why);
                self.found(&finding);
                return Ok(());
            }
        };
        let mut bad = bad;
        if let Some(broken) = broken {
            bad.message = format!("{}; {}", bad.message, broken.message);
        }
        if self.repair {
            bad.repair = repair::blob(engine, row, &bad)?;
        }
        self.found(&bad);
        Ok(())
    }

    fn parents(&mut self, entry: &Entry) -> Result<(), Error> {
        let lost = lost_parents(self.engine, &entry.stem.provenance)?;
        if lost.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = lost.iter().map(|id| id.0.to_string()).collect();
        let message = format!("made of stem {}, which is no longer there", names.join(", "));
        let mut finding = Finding {
            stem: Some(entry.stem.id),
            ..Finding::new(FaultKind::DanglingParent, entry.stem.name.clone(), message)
        };
        if self.repair {
            finding.repair = repair::parents(self.engine, entry, &lost)?;
        }
        self.found(&finding);
        Ok(())
    }

    fn takes(&mut self, progress: &Progress) -> Result<(), Error> {
        for row in self.engine.library().listed_takes()? {
            progress.check()?;
            self.report.tracks += 1;
            let Some(mut finding) = self.take(&row)? else { continue };
            finding.track = Some(row.id.0);
            let gone = finding.kind != FaultKind::ChangedTake;
            if self.repair && gone {
                finding.repair = repair::take(self.engine, &row, &finding)?;
            }
            self.found(&finding);
        }
        Ok(())
    }

    /// What is wrong with a take. A file outside the home is its owner's to move, change or delete.
    fn take(&mut self, row: &ListedTake) -> Result<Option<Finding>, Error> {
        let subject = row.path.to_string_lossy().into_owned();
        if let Err(error) = &row.take {
            if matches!(error, dream_library::Error::NoTake(_)) {
                return Ok(None);
            }
            return Ok(Some(Finding::new(FaultKind::BrokenTake, subject, chain(error))));
        }
        if row.path.is_absolute() {
            return Ok(None);
        }
        let path = self.engine.home().root().join(&row.path);
        if !path.exists() {
            // Whoever removes a take removes its files first or last.
            let removed = self.engine.library().take(row.id).is_err();
            let message = "its file is not there; its plan can be rendered again";
            let finding = Finding::new(FaultKind::MissingTake, subject, message);
            return Ok((!removed).then_some(finding));
        }
        if row.replaced {
            return Ok(None);
        }
        let (found, bytes) =
            sha256(&path).map_err(|source| Error::Io { action: "read", path, source })?;
        self.report.bytes += bytes;
        let message = "its file is not what was rendered";
        let changed = || Finding::new(FaultKind::ChangedTake, subject, message);
        Ok((found != row.hash).then(changed))
    }

    fn stray(&self, stray: &Stray) -> Finding {
        let (kind, message) = match stray.kind {
            StrayKind::Orphan => (FaultKind::OrphanBlob, "no row names this file"),
            StrayKind::Leftover => (FaultKind::Leftover, "left over from work that was cut off"),
            StrayKind::Restoring => (FaultKind::Leftover, RESTORING),
        };
        Finding::new(kind, self.engine.told(&stray.path), message)
    }
}

/// What is to be known of a restore that was cut off.
pub(crate) const RESTORING: &str = "a restore was cut off: if a folder `replaced_...` lies beside it, the home is half the one and half the other; restore again";

/// The parents of a stem that are not in the library.
fn lost_parents(engine: &Engine, provenance: &Provenance) -> Result<Vec<StemId>, Error> {
    let generated = provenance.generator.iter().flat_map(|made| &made.parents).map(|p| p.stem);
    let separated = provenance.parent.iter().filter_map(|parent| parent.stem);
    let mut lost = Vec::new();
    for id in generated.chain(separated) {
        if !lost.contains(&id) && !engine.library().has_stem(id)? {
            lost.push(id);
        }
    }
    Ok(lost)
}

/// What became of the audio of a stem.
enum Heard {
    /// It is what its hash says; the audio where it is needed still, and the bytes of the file.
    Sound(Option<Clip>, u64),
    Missing,
    Rotten(String),
    Unreadable(String),
}

/// Decodes the audio of these stems, the long ones one by one.
fn hear(engine: &Engine, page: &[Listed], progress: &Progress) -> Result<Vec<Heard>, Error> {
    let is_long = |row: &Listed| {
        let path = engine.library().blobs().path(&row.hash);
        path.metadata().is_ok_and(|metadata| 2 * metadata.len() > SHARE)
    };
    let look = |row: &Listed, long: bool| -> Result<Option<Heard>, Error> {
        progress.check()?;
        Ok((is_long(row) == long).then(|| listen(engine, row)))
    };
    let mut heard: Vec<Option<Heard>> =
        page.par_iter().map(|row| look(row, false)).collect::<Result<_, Error>>()?;
    for (row, heard) in page.iter().zip(&mut heard).filter(|(_, heard)| heard.is_none()) {
        *heard = Some(match look(row, true)? {
            Some(heard) => heard,
            // It went or shrank between the two looks.
            None => listen(engine, row),
        });
    }
    Ok(heard.into_iter().flatten().collect())
}

fn listen(engine: &Engine, row: &Listed) -> Heard {
    let is_hash = row.hash.len() == 64 && row.hash.bytes().all(|c| c.is_ascii_hexdigit());
    if !is_hash {
        return Heard::Missing;
    }
    let path = engine.library().blobs().path(&row.hash);
    let bytes = match path.metadata() {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Heard::Missing,
        Err(error) => return Heard::Unreadable(error.to_string()),
    };
    // What was let in is in the library whatever the limits are now; what a damaged header claims is not.
    let limits = Limits {
        max_bytes: u64::MAX,
        max_seconds: f64::MAX,
        max_decoded_bytes: (4 * bytes).max(1 << 20),
        min_frames: 0,
        max_cpu_seconds: 3600.0,
        ..Limits::default()
    };
    let decoded = match decode_file(&path, &limits) {
        Ok(decoded) => decoded,
        Err(dream_audio::Error::Io(error)) if error.kind() != std::io::ErrorKind::UnexpectedEof => {
            return Heard::Unreadable(error.to_string());
        }
        Err(error) => return Heard::Rotten(chain(&error)),
    };
    let clip = decoded.clip;
    if content_hash(clip.channels(), clip.samples()) != row.hash {
        return Heard::Rotten("its content is not that of its hash".to_owned());
    }
    if let Ok(entry) = &row.entry
        && entry.sample_rate != clip.rate()
    {
        return Heard::Rotten(format!("its rate is {} Hz", clip.rate().0));
    }
    Heard::Sound(row.entry.is_err().then_some(clip), bytes)
}

/// SHA-256 of a file and its length.
fn sha256(path: &Path) -> std::io::Result<(String, u64)> {
    let mut hasher = Sha256::new();
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 1 << 17];
    let mut bytes = 0;
    loop {
        match std::io::Read::read(&mut file, &mut buffer)? {
            0 => break,
            count => {
                hasher.update(&buffer[..count]);
                bytes += count as u64;
            }
        }
    }
    let hex: Vec<String> = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok((hex.concat(), bytes))
}

#[cfg(test)]
mod tests;
