//! What can be set right. Each function says what it did, or `None` when there was nothing it could do; what it takes away
//! lies in quarantine before it is gone.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use dream_analysis::Hints;
use dream_analysis::descriptors::embed;
use dream_analysis::fingerprint::fingerprint;
use dream_audio::Clip;
use dream_audio::decode::decode_file;
use dream_audio::synth::kit::recipes;
use dream_core::{Provenance, StemId};
use dream_library::{Entry, Listed, ListedTake, Stray, content_hash};
use serde_json::Value;

use super::{FaultKind, Finding};
use crate::ingest::Refusal;
use crate::ingest::quarantine::keep;
use crate::intake::{Damage, clean, listen_to, write_wav};
use crate::{Engine, Error, starter_kit};

/// Why it is in quarantine.
fn refusal(finding: &Finding) -> Refusal {
    let reason = match finding.kind {
        FaultKind::Database => "database",
        FaultKind::DanglingRows => "dangling_rows",
        FaultKind::BrokenRow => "broken_row",
        FaultKind::DanglingParent => "dangling_parent",
        FaultKind::MissingBlob => "missing_blob",
        FaultKind::RottenBlob => "rotten_blob",
        FaultKind::UnreadableBlob => "unreadable_blob",
        FaultKind::OrphanBlob => "orphan_blob",
        FaultKind::Leftover => "leftover",
        FaultKind::BrokenTake => "broken_take",
        FaultKind::MissingTake => "missing_take",
        FaultKind::ChangedTake => "changed_take",
    };
    Refusal { reason, message: finding.message.clone() }
}

/// Keeps rows that go; the name of the report.
fn keep_rows(
    engine: &Engine,
    name: &str,
    finding: &Finding,
    rows: &[Value],
) -> Result<String, Error> {
    let kept = keep(engine, Path::new(name), &refusal(finding), rows, None)?;
    Ok(format!("{}.json", kept.unwrap_or_default()))
}

/// Moves what belongs to nothing to quarantine.
pub(super) fn stray(
    engine: &Engine,
    stray: &Stray,
    finding: &Finding,
    settled: SystemTime,
) -> Result<Option<String>, Error> {
    let put = |to: &Path| Ok(engine.library().set_aside(&stray.path, to, settled)?);
    let kept = keep(engine, &stray.path, &refusal(finding), &[], Some(&put))?;
    Ok(kept.map(|name| format!("moved to quarantine/{name}")))
}

/// Removes rows that name a row that is not there.
pub(super) fn dangling(
    engine: &Engine,
    table: &str,
    finding: &Finding,
) -> Result<Option<String>, Error> {
    let mut name = String::new();
    engine.library().cut_dangling(table, |rows| {
        name = keep_rows(engine, &format!("rows-of-{table}"), finding, rows)?;
        Ok::<_, Error>(())
    })?;
    Ok(Some(format!("removed; they are in quarantine/{name}")))
}

/// Analyses the audio of a stem anew, whose row cannot be read.
pub(super) fn row(
    engine: &Engine,
    row: &Listed,
    clip: Option<&Clip>,
    finding: &Finding,
) -> Result<Option<String>, Error> {
    let Some(clip) = clip else { return Ok(None) };
    let library = engine.library();
    let files = library.files_of(row.id)?;
    let name = files.first().map(|path| path.to_string_lossy().into_owned());
    let hints =
        Hints { name: Some(name.clone().unwrap_or_else(|| row.name.clone())), ..Hints::default() };
    let facts = listen_to(clip, &hints, Damage::default());
    let provenance = Provenance {
        path: name,
        warnings: vec!["its row could not be read and was made anew from its audio".to_owned()],
        ..Provenance::default()
    };
    let (embedding, print) = (embed(&facts), fingerprint(clip));
    let mut kept = String::new();
    library.relist(row.id, (&facts, &provenance), (&embedding, &print), engine.now(), |old| {
        kept =
            keep_rows(engine, &format!("stem-{}", row.id.0), finding, std::slice::from_ref(old))?;
        Ok::<_, Error>(())
    })?;
    // What the analysis does not write may be what is broken.
    Ok(library.stem(row.id).is_ok().then(|| {
        format!("analysed anew from its audio; the row as it was is in quarantine/{kept}")
    }))
}

/// Makes the audio of a stem anew where its source is still there, else takes the stem off the list.
pub(super) fn blob(
    engine: &Engine,
    row: &Listed,
    finding: &Finding,
) -> Result<Option<String>, Error> {
    let library = engine.library();
    let path = library.blobs().path(&row.hash);
    let again = made_again(engine, row)?;
    let mut done = Vec::new();
    if finding.kind == FaultKind::RottenBlob {
        let put = |to: &Path| -> Result<bool, Error> {
            std::fs::rename(&path, to).map_err(|source| Error::Io {
                action: "move",
                path: path.clone(),
                source,
            })?;
            Ok(true)
        };
        let kept = keep(engine, &path, &refusal(finding), &[], Some(&put))?;
        done.push(format!("the damaged file is quarantine/{}", kept.unwrap_or_default()));
    }
    if let Some((clip, from)) = again {
        library.blobs().put(&row.hash, |file| write_wav(&clip, file))?;
        done.insert(0, format!("made again from {from}"));
        return Ok(Some(done.join("; ")));
    }
    let removed = library.unlist(row.id, |old| {
        let name = format!("stem-{}", row.id.0);
        let kept = keep_rows(engine, &name, finding, std::slice::from_ref(old))?;
        done.insert(0, format!("stem {} is off the list, its row is quarantine/{kept}", row.id.0));
        Ok::<_, Error>(())
    })?;
    Ok((removed || finding.kind == FaultKind::RottenBlob).then(|| done.join("; ")))
}

/// The audio of a stem from where it came from, if that still gives the same, and what that is.
fn made_again(engine: &Engine, row: &Listed) -> Result<Option<(Clip, String)>, Error> {
    let entry = row.entry.as_ref().ok();
    let same = |clip: &Clip| content_hash(clip.channels(), clip.samples()) == row.hash;
    let cleaned = |clip| clean(clip, &mut Damage::default(), &mut Vec::new());
    let recipe = entry.and_then(|entry| entry.stem.provenance.recipe.as_ref());
    if let Some(recipe) = recipes().into_iter().find(|known| Some(&known.name) == recipe) {
        let clip = cleaned(recipe.render(starter_kit::SEED));
        if same(&clip) {
            return Ok(Some((clip, "its recipe".to_owned())));
        }
    }
    let mut places = engine.library().files_of(row.id)?;
    if let Some(entry) = entry {
        places.extend(entry.stem.provenance.path.as_ref().map(PathBuf::from));
        let folder = engine.home().generated_stems(entry.stem.facts.category);
        places.push(folder.join(format!("{}.wav", entry.stem.name)));
        places.push(folder.join(&entry.stem.name));
    }
    for place in places {
        // Whatever is wrong with it, it is not the source that is looked for.
        let Ok(decoded) = decode_file(&place, &engine.config().limits) else { continue };
        let clip = cleaned(decoded.clip);
        if same(&clip) {
            return Ok(Some((clip, place.to_string_lossy().into_owned())));
        }
    }
    Ok(None)
}

/// Leads a stem to the parents it was made of where they came in again, and forgets the others.
pub(super) fn parents(
    engine: &Engine,
    entry: &Entry,
    lost: &[StemId],
) -> Result<Option<String>, Error> {
    let library = engine.library();
    let mut provenance = entry.stem.provenance.clone();
    let (mut led, mut dropped) = (Vec::new(), Vec::new());
    if let Some(made) = &mut provenance.generator {
        let mut kept = Vec::new();
        for mut parent in std::mem::take(&mut made.parents) {
            if !lost.contains(&parent.stem) {
                kept.push(parent);
            } else if let Some(id) = library.find(&parent.hash)? {
                led.push(format!("{} is {} now", parent.stem.0, id.0));
                parent.stem = id;
                kept.push(parent);
            } else {
                dropped.push(format!("{} ({})", parent.stem.0, parent.hash));
            }
        }
        made.parents = kept;
    }
    if let Some(parent) = &mut provenance.parent
        && let Some(id) = parent.stem.filter(|id| lost.contains(id))
    {
        parent.stem = None;
        dropped.push(id.0.to_string());
    }
    if !dropped.is_empty() {
        let text = format!("made of stem {}, which is no longer there", dropped.join(", "));
        provenance.warnings.push(text);
    }
    library.set_provenance(entry.stem.id, &provenance, engine.now())?;
    led.extend(dropped.iter().map(|parent| format!("{parent} is named in its warnings only")));
    Ok(Some(led.join("; ")))
}

/// Takes a take without a file, or with a row that cannot be read, off the list.
pub(super) fn take(
    engine: &Engine,
    row: &ListedTake,
    finding: &Finding,
) -> Result<Option<String>, Error> {
    let mut kept = String::new();
    let removed = engine.library().unlist_take(row.id, |old| {
        let name = format!("track-{}", row.id.0);
        kept = keep_rows(engine, &name, finding, std::slice::from_ref(old))?;
        Ok::<_, Error>(())
    })?;
    Ok(removed.then(|| format!("off the list; its row with the plan is quarantine/{kept}")))
}
