//! What is to be separated: files, folders, stems and takes of the library.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use dream_core::{Parent, StemId};
use dream_library::TakeId;
use serde::{Deserialize, Serialize};

use crate::ingest::{IngestSpec, scan};
use crate::{Engine, Error};

/// Something to separate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recorded {
    /// A file, or all files of a folder.
    Path(PathBuf),
    /// A stem of the library.
    Stem(StemId),
    /// A take of the library.
    Take(i64),
}

/// A file to separate.
pub(super) struct Recording {
    pub(super) path: PathBuf,
    /// Its name in the ledger and among the steps of the job.
    pub(super) key: String,
    /// What its stems are called after; no other recording of the job has it.
    pub(super) name: String,
    pub(super) licence: Option<String>,
    pub(super) parent: Parent,
}

/// The files of a job in order; those in the drop folder for recordings when nothing is named.
pub(super) fn recordings(engine: &Engine, recorded: &[Recorded]) -> Result<Vec<Recording>, Error> {
    let dropped = [Recorded::Path(engine.home().recordings())];
    let recorded = if recorded.is_empty() { &dropped } else { recorded };
    let mut found = Vec::new();
    for what in recorded {
        match what {
            Recorded::Path(path) => {
                let spec = IngestSpec { paths: vec![path.clone()], ..IngestSpec::default() };
                let files = scan::scan(engine, &spec)?.files.into_iter();
                found.extend(files.map(|file| {
                    let parent = Parent { path: Some(file.key.clone()), ..Parent::default() };
                    let name = stem_of(&file.path);
                    Recording { path: file.path, key: file.key, name, licence: None, parent }
                }));
            }
            Recorded::Stem(id) => {
                let stem = engine.library().stem(*id)?.stem;
                found.push(Recording {
                    path: engine.library().blobs().path(&stem.hash),
                    key: format!("stem:{}", id.0),
                    name: stem_of(Path::new(&stem.name)),
                    licence: stem.licence,
                    parent: Parent { stem: Some(*id), ..Parent::default() },
                });
            }
            Recorded::Take(id) => {
                let path = PathBuf::from(engine.library().take(TakeId(*id))?.take.path);
                let name = stem_of(&path);
                let parent = Parent { take: Some(*id), ..Parent::default() };
                found.push(Recording {
                    path,
                    key: format!("track:{id}"),
                    name,
                    licence: None,
                    parent,
                });
            }
        }
    }
    let mut seen = BTreeSet::new();
    found.retain(|recording| seen.insert(recording.key.clone()));
    name_apart(&mut found);
    Ok(found)
}

fn stem_of(path: &Path) -> String {
    path.file_stem().map_or("track".into(), |name| name.to_string_lossy()).into_owned()
}

/// Numbers the names that are not the first of their kind.
fn name_apart(recordings: &mut [Recording]) {
    let mut taken = BTreeSet::new();
    for recording in recordings {
        let (name, mut count) = (recording.name.clone(), 1);
        // In lower case, since many file systems do not tell the cases apart.
        while !taken.insert(recording.name.to_lowercase()) {
            count += 1;
            recording.name = format!("{name}-{count}");
        }
    }
}
