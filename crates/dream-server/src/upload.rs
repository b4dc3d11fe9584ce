//! Uploads: streamed to disk with a limit, kept in the home, then taken in like any other file.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use axum::Json as Answer;
use axum::extract::multipart::{Field, Multipart, MultipartRejection};
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use dream_core::Category;
use dream_engine::{Error, IngestSpec, JobSpec};
use tokio::io::AsyncWriteExt;
use utoipa::ToSchema;

use crate::jobs::{self, Accepted};
use crate::neuromorphic::{Separation, confined};
use crate::problem::Problem;
use crate::read::Preferences;
use crate::state::{App, ask, with};
use crate::stems::Stem;
use crate::value::is_plain;

/// The endings of files that are taken.
const ENDINGS: &[&str] = &[
    "wav", "wave", "aif", "aiff", "aifc", "flac", "mp3", "ogg", "oga", "m4a", "mp4", "aac", "caf",
];

/// A sound to take in.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it stands in the documentation only")]
pub(crate) struct StemUpload {
    /// WAV, AIFF, FLAC, MP3, Ogg Vorbis, M4A or CAF.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
    /// Its category, in place of what is heard.
    category: Option<crate::names::CategoryName>,
    /// Its kit.
    kit: Option<crate::names::Name>,
    /// Its licence, as an SPDX expression.
    licence: Option<crate::names::Name>,
}

/// A track to take in.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it stands in the documentation only")]
pub(crate) struct TrackUpload {
    /// WAV, AIFF, FLAC, MP3, Ogg Vorbis, M4A or CAF.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
    /// Whether the track is taken apart, which is usual; else it comes in as it is: `true` or `false`.
    separate_first: Option<bool>,
    /// The model that takes it apart.
    model: Option<crate::names::Name>,
    /// Whether the builtin may take the place of a model that is not installed: `true` or `false`.
    allow_fallback: Option<bool>,
}

/// What came with a request.
#[derive(Debug, Default)]
struct Parts {
    file: Option<Stored>,
    words: Vec<(String, String)>,
}

/// A file on disk that is not kept until it has its name.
#[derive(Debug)]
struct Stored {
    file: tempfile::TempPath,
    name: String,
}

impl Parts {
    fn word(&self, name: &str) -> Option<&str> {
        let found = self.words.iter().find(|(known, _)| known == name);
        found.map(|(_, word)| word.as_str()).filter(|word| !word.is_empty())
    }

    fn plain(&self, name: &str) -> Result<Option<String>, Problem> {
        match self.word(name) {
            Some(word) if !is_plain(word, 255) => {
                Err(Problem::field(name, "a text of 1 to 255 characters"))
            }
            word => Ok(word.map(str::to_owned)),
        }
    }

    fn truth(&self, name: &str, usual: bool) -> Result<bool, Problem> {
        match self.word(name) {
            None => Ok(usual),
            Some("true" | "1") => Ok(true),
            Some("false" | "0") => Ok(false),
            Some(_) => Err(Problem::field(name, "true or false")),
        }
    }
}

/// Reads the parts of a request: the file to disk, the others, which must be among `known`, as words.
async fn parts(app: &App, request: Request, known: &[&str]) -> Result<Parts, Problem> {
    let form = Multipart::from_request(request, app).await;
    let mut form = form.map_err(|rejection| match rejection {
        MultipartRejection::InvalidBoundary(_) => {
            Problem::new("unsupported_media", "a body of multipart/form-data is expected")
        }
        other => Problem::new("malformed", other.to_string()),
    })?;
    let mut parts = Parts::default();
    let mut pace = Pace { begun: Instant::now(), bytes: 0 };
    while let Some(field) = next(app, &mut form, &pace).await? {
        let name = field.name().unwrap_or_default().to_owned();
        if name == "file" && parts.file.is_none() {
            parts.file = Some(store(app, field, &mut pace).await?);
        } else if known.contains(&name.as_str()) && parts.word(&name).is_none() {
            let word = word(app, field, &mut pace).await?;
            parts.words.push((name, word));
        } else {
            return Err(Problem::field(&name, "unknown field, or given twice"));
        }
    }
    Ok(parts)
}

/// How fast a form comes. Each piece may take its time, but who sends a byte now and then would keep a place for ever.
struct Pace {
    begun: Instant,
    bytes: u64,
}

/// Bytes a second that a form brings at least, once it has had the time of a body.
const LEAST_RATE: u64 = 1_024;

impl Pace {
    /// Longest time for the next piece.
    fn left(&self, patience: Duration) -> Duration {
        let all = 4 * patience + Duration::from_secs(self.bytes / LEAST_RATE);
        all.saturating_sub(self.begun.elapsed()).min(patience)
    }
}

async fn next<'a>(
    app: &App,
    form: &'a mut Multipart,
    pace: &Pace,
) -> Result<Option<Field<'a>>, Problem> {
    let next = tokio::time::timeout(pace.left(app.settings.patience), form.next_field()).await;
    next.map_err(|_| slow())?.map_err(|error| broken(&error))
}

fn slow() -> Problem {
    Problem::new("timeout", "the upload came too slowly")
}

fn broken(error: &axum::extract::multipart::MultipartError) -> Problem {
    match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new("too_large", "the upload is too large"),
        _ => Problem::new("malformed", "the form is broken"),
    }
}

/// A part that is a word.
async fn word(app: &App, mut field: Field<'_>, pace: &mut Pace) -> Result<String, Problem> {
    let mut bytes = Vec::new();
    while let Some(chunk) = chunk(app, &mut field, pace).await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > 4_096 {
            return Err(Problem::new(
                "too_large",
                "a field that is no file has at most 4096 bytes",
            ));
        }
    }
    String::from_utf8(bytes).map_err(|_| Problem::new("malformed", "a field is no UTF-8"))
}

async fn chunk(
    app: &App,
    field: &mut Field<'_>,
    pace: &mut Pace,
) -> Result<Option<axum::body::Bytes>, Problem> {
    let chunk = tokio::time::timeout(pace.left(app.settings.patience), field.chunk()).await;
    let chunk = chunk.map_err(|_| slow())?.map_err(|error| broken(&error))?;
    pace.bytes += chunk.as_ref().map_or(0, axum::body::Bytes::len) as u64;
    Ok(chunk)
}

/// Writes the file to disk piece by piece.
async fn store(app: &App, mut field: Field<'_>, pace: &mut Pace) -> Result<Stored, Problem> {
    let name = file_name(field.file_name().unwrap_or_default())?;
    let folder = app.engine.home().uploads();
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            Problem::new("no_space", "no space is left on the disk")
        }
        _ => {
            tracing::error!("store an upload: {}", error.kind());
            Problem::new("internal", "the upload could not be stored")
        }
    };
    let make = tokio::task::spawn_blocking(move || dream_engine::staging_file(&folder));
    let made = make.await.map_err(|_| failed(std::io::Error::other("stopped")))?.map_err(failed)?;
    let (file, path) = made.into_parts();
    let mut file = tokio::fs::File::from_std(file);
    let limit = app.settings.max_upload;
    let mut length = 0;
    while let Some(chunk) = chunk(app, &mut field, pace).await? {
        length += chunk.len() as u64;
        if length > limit {
            let text = format!("an upload has at most {limit} bytes");
            return Err(Problem::new("too_large", text));
        }
        file.write_all(&chunk).await.map_err(failed)?;
    }
    file.sync_all().await.map_err(failed)?;
    if length == 0 {
        return Err(Problem::field("file", "the file is empty"));
    }
    Ok(Stored { file: path, name })
}

/// The name of an upload without its folders, if it is one of a sound.
fn file_name(given: &str) -> Result<String, Problem> {
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain: String = last
        .chars()
        .filter(|c| !c.is_control() && !matches!(c, ':' | '*' | '?' | '"' | '<' | '>' | '|'))
        .collect();
    let name = plain.trim_matches(['.', ' ']);
    let end = Path::new(name).extension().and_then(|end| end.to_str()).unwrap_or_default();
    if !ENDINGS.contains(&end.to_ascii_lowercase().as_str()) {
        let text = format!("the name of the file must end in one of {}", ENDINGS.join(", "));
        return Err(Problem::new("unsupported_media", text));
    }
    let stem = Path::new(name).file_stem().and_then(|stem| stem.to_str()).unwrap_or("upload");
    let short: String = stem.chars().take(50).collect();
    Ok(format!("{short}.{}", end.to_ascii_lowercase()))
}

/// Gives a stored file the first free name in `folder`.
fn keep(stored: Stored, folder: &Path) -> Result<PathBuf, Error> {
    let Stored { mut file, name } = stored;
    std::fs::create_dir_all(folder).map_err(|source| io("create", folder, source))?;
    let (stem, end) = name.rsplit_once('.').unwrap_or((&name, "wav"));
    let mut number = 1;
    loop {
        let path = match number {
            1 => folder.join(&name),
            _ => folder.join(format!("{stem}-{number}.{end}")),
        };
        match file.persist_noclobber(&path) {
            Ok(()) => return Ok(path),
            Err(taken) if taken.error.kind() == std::io::ErrorKind::AlreadyExists => {
                file = taken.path;
                number += 1;
            }
            Err(other) => return Err(io("write", &path, other.error)),
        }
    }
}

fn io(action: &'static str, path: &Path, source: std::io::Error) -> Error {
    Error::Io { action, path: path.to_owned(), source }
}

/// The job; where there is none the file goes, too: who sends it again sends it once.
fn kept<T>(queued: Result<T, Problem>, path: &Path) -> Result<T, Problem> {
    if queued.is_err() {
        // What cannot be removed is taken in with the next folder.
        let _ = std::fs::remove_file(path);
    }
    queued
}

fn needed(parts: &mut Parts) -> Result<Stored, Problem> {
    parts.file.take().ok_or_else(|| Problem::field("file", "missing field `file`"))
}

/// Upload a stem
///
/// Taken into the library by a job; with `Prefer: wait=N` the answer is the stem, when it is there in time.
#[utoipa::path(post, path = "/stems", tag = "stems",
    request_body(content = StemUpload, content_type = "multipart/form-data"),
    responses((status = 201, description = "The stem, with `Prefer: wait=N`", body = Stem),
        (status = 202, description = "The job", body = Accepted)))]
pub(crate) async fn stem(
    State(app): State<App>,
    preferences: Preferences,
    request: Request,
) -> Result<Response, Problem> {
    let mut parts = parts(&app, request, &["category", "kit", "licence"]).await?;
    let stored = needed(&mut parts)?;
    let category = match parts.word("category") {
        None => None,
        Some(name) => Some(
            Category::parse(name)
                .ok_or_else(|| Problem::field("category", "must be a category"))?,
        ),
    };
    let kit = parts.plain("kit")?.unwrap_or_else(|| "uploads".to_owned());
    let licence = parts.plain("licence")?;
    let path =
        ask(&app, move |engine| keep(stored, &engine.home().raw_kits().join("uploads"))).await?;
    let spec = JobSpec::Ingest(IngestSpec {
        paths: vec![path.clone()],
        category,
        kit: Some(kit),
        licence,
        ignore_names: false,
        confined: true,
    });
    let queued = jobs::enqueue(&app, spec, jobs::WAITED_FOR, &preferences).await;
    let job = kept(queued, &path)?;
    let Some(seconds) = preferences.wait_s.filter(|_| !preferences.at_once) else {
        return Ok(jobs::accepted(&job, &preferences));
    };
    let most = Duration::from_secs(seconds).min(app.settings.wait);
    let job = jobs::wait(&app, job.id, most).await?;
    if !jobs::ended(&job)? {
        return Ok(jobs::accepted(&job, &preferences));
    }
    with(&app, move |engine| {
        let Some(entry) = engine.stem_of(&path)? else {
            return Err(Problem::new("unsupported_media", "the file is no sound that can be used"));
        };
        let id = entry.stem.id.0;
        let mut response = (StatusCode::CREATED, Answer(Stem::new(engine, &entry))).into_response();
        if let Ok(place) = HeaderValue::from_str(&format!("/api/v1/stems/{id}")) {
            response.headers_mut().insert(header::LOCATION, place);
        }
        Ok(response)
    })
    .await
}

/// Upload a whole track
///
/// Kept in `stereo_tracks_for_analysis/uploads` and taken apart by a job, or taken in as it is.
#[utoipa::path(post, path = "/neuromorphic/preprocess/upload", tag = "neuromorphic",
    request_body(content = TrackUpload, content_type = "multipart/form-data"),
    responses((status = 200, description = "Done, with `Prefer: wait=N`", body = Accepted), (status = 202, description = "The job", body = Accepted)))]
pub(crate) async fn track(
    State(app): State<App>,
    preferences: Preferences,
    request: Request,
) -> Result<Response, Problem> {
    let known = ["separate_first", "model", "allow_fallback"];
    let mut parts = parts(&app, request, &known).await?;
    let stored = needed(&mut parts)?;
    let separate = parts.truth("separate_first", true)?;
    let separation = Separation {
        model: parts.plain("model")?,
        allow_fallback: parts.truth("allow_fallback", false)?,
    };
    let (spec, path) = with(&app, move |engine| {
        let folder = engine.home().recordings().join("uploads");
        let path = folder.join(&stored.name);
        if !separate {
            let path = keep(stored, &folder)?;
            return Ok((JobSpec::Ingest(confined(vec![path.clone()])), path));
        }
        // Asked first, so that nothing is kept for a model that is not there.
        separation.clone().spec(engine, path)?;
        let path = keep(stored, &folder)?;
        Ok((separation.spec(engine, path.clone())?, path))
    })
    .await?;
    let job = kept(jobs::enqueue(&app, spec, jobs::BACKGROUND, &preferences).await, &path)?;
    jobs::answer(&app, job, &preferences).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_that_brings_too_little_is_waited_for_no_longer() {
        let (patience, now) = (Duration::from_secs(15), Instant::now());
        let left = |seconds, bytes| {
            let begun = now.checked_sub(Duration::from_secs(seconds)).unwrap();
            Pace { begun, bytes }.left(patience)
        };
        assert_eq!(left(0, 0), patience);
        assert_eq!(left(61, 60), Duration::ZERO);
        assert_eq!(left(61, 1 << 20), patience);
        assert_eq!(left(1_100, 1 << 20), Duration::ZERO);
    }

    #[test]
    fn names_of_uploads_have_no_folders_and_no_surprises() {
        let check = |given: &str, expected: Option<&str>| {
            assert_eq!(file_name(given).ok().as_deref(), expected, "{given}");
        };
        check("kick.wav", Some("kick.wav"));
        check("../../etc/x.WAV", Some("x.wav"));
        check("C:\\x\\y.flac", Some("y.flac"));
        check("..\0.wav", None);
        check(".wav", None);
        check("passwd", None);
        check("", None);
        check("a\u{0}b\n.wav", Some("ab.wav"));
        check("日本.wav", Some("日本.wav"));
        assert_eq!(file_name(&format!("{}.wav", "x".repeat(400))).unwrap().len(), 54);
    }
}
