//! Tracks: what was rendered.

#![expect(clippy::option_option, reason = "left out, null, and a value are three things")]

use axum::Json as Answer;
use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use dream_core::Seed;
use dream_engine::{BundleSpec, Clock, Engine, Error, JobSpec, Take, TakeId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::audio;
use crate::compose::{TrackInfo, TrackMade, track};
use crate::jobs::{self, Soon};
use crate::names::{Limit, Name, Number, Rating, SeedNumber};
use crate::page;
use crate::problem::Problem;
use crate::read::{Id, Json, Preferences, Query};
use crate::state::{App, ask};
use crate::stems::given;
use crate::value::whole;

/// Tracks of a page, where no number is asked for.
const PAGE: u32 = 50;

/// A track.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Track {
    /// Its number.
    id: i64,
    /// What somebody calls it.
    title: Option<String>,
    /// What somebody thinks of it: 1, 0 or -1.
    rating: i32,
    /// What it was to be.
    prompt: String,
    /// Its genre.
    genre: String,
    /// What it is.
    #[expect(clippy::struct_field_names, reason = "it is called so where it is promised")]
    track_info: TrackInfo,
    /// What was replaced, bent or left out.
    warnings: Vec<String>,
    /// When it was rendered.
    created_at: String,
}

impl Track {
    fn new(engine: &Engine, take: &Take) -> Result<Self, Error> {
        let composed = engine.composed(take.id)?;
        Ok(Self {
            id: take.id.0,
            title: take.title.clone(),
            rating: take.rating,
            prompt: take.take.plan.prompt.clone(),
            genre: take.take.plan.genre.clone(),
            track_info: TrackInfo::new(engine, &composed.track),
            warnings: composed.warnings,
            created_at: Clock::text(take.created_at),
        })
    }
}

/// Which tracks a list holds.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TrackQuery {
    /// Only older ones than this; the `Link` of the answer has it.
    before: Option<Number>,
    /// At most so many.
    limit: Option<Limit>,
}

/// List tracks
///
/// The newest first. `X-Total-Count` says how many there are of all, `Link` where the next page is.
#[utoipa::path(get, path = "/tracks", tag = "tracks", params(TrackQuery),
    responses((status = 200, description = "A page of tracks", body = Vec<Track>)))]
pub(crate) async fn list(
    State(app): State<App>,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<TrackQuery>,
) -> Result<Response, Problem> {
    let limit = query.limit.map_or(PAGE, |limit| limit.0 as u32);
    ask(&app, move |engine| {
        let library = engine.library();
        let takes = library.takes(query.before.map(|before| TakeId(before.0)), limit)?;
        let last = takes.last().filter(|_| takes.len() == limit as usize).map(|last| last.id.0);
        let tracks: Result<Vec<Track>, Error> =
            takes.iter().map(|take| Track::new(engine, take)).collect();
        Ok(page::answer(&uri, ("before", last), library.count_takes()?, tracks?))
    })
    .await
}

/// Show a track
#[utoipa::path(get, path = "/tracks/{id}", tag = "tracks",
    params(("id" = Number, Path, description = "Its number")),
    responses((status = 200, description = "The track", body = Track)))]
pub(crate) async fn show(State(app): State<App>, Id(id): Id) -> Result<Answer<Track>, Problem> {
    ask(&app, move |engine| Ok(Answer(Track::new(engine, &engine.library().take(TakeId(id))?)?)))
        .await
}

/// What to change of a track; what is left out stays as it is, null takes away.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"title": "Night shift", "rating": 1}))]
pub(crate) struct TrackPatch {
    /// What somebody calls it.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Name>)]
    title: Option<Option<Name>>,
    /// What somebody thinks of it.
    rating: Option<Rating>,
}

/// Change what is said of a track
#[utoipa::path(patch, path = "/tracks/{id}", tag = "tracks",
    params(("id" = Number, Path, description = "Its number")), request_body = TrackPatch,
    responses((status = 200, description = "The track as it is now", body = Track)))]
pub(crate) async fn patch(
    State(app): State<App>,
    Id(id): Id,
    Json(patch): Json<TrackPatch>,
) -> Result<Answer<Track>, Problem> {
    ask(&app, move |engine| {
        let title = patch.title.as_ref().map(|title| title.as_ref().map(|title| title.0.as_str()));
        let rating = patch.rating.map(|rating| rating.0 as i32);
        let take = engine.library().change_take(TakeId(id), title, rating)?;
        Ok(Answer(Track::new(engine, &take)?))
    })
    .await
}

/// Remove a track with its files
#[utoipa::path(delete, path = "/tracks/{id}", tag = "tracks",
    params(("id" = Number, Path, description = "Its number")),
    responses((status = 204, description = "It is gone")))]
pub(crate) async fn remove(State(app): State<App>, Id(id): Id) -> Result<StatusCode, Problem> {
    ask(&app, move |engine| {
        engine.remove_track(TakeId(id))?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// Hear a track
///
/// Whole or the range asked for. The `ETag` is the SHA-256 of the file.
#[utoipa::path(get, path = "/tracks/{id}/audio", tag = "tracks",
    params(("id" = Number, Path, description = "Its number")),
    responses((status = 200, description = "The audio", content_type = "audio/wav", body = crate::audio::Sound),
        (status = 206, description = "The range asked for", content_type = "audio/wav", body = crate::audio::Sound),
        (status = 304, description = "It has not changed"),
        (status = 416, description = "The range lies outside", content_type = "application/problem+json", body = Problem)))]
pub(crate) async fn hear(
    State(app): State<App>,
    Id(id): Id,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (path, hash) = ask(&app, move |engine| {
        let take = engine.library().take(TakeId(id))?;
        Ok((engine.track_file(&take), take.take.hash))
    })
    .await?;
    audio::send(&path, &hash, &headers).await
}

/// Take the stems of a track
///
/// A ZIP file, uncompressed, of what every bus and return put into the mix before the master: equally long WAV files of 44.1 kHz and
/// 16 bits that sum to it, with a README and the credits. The track is mixed again for it; that takes seconds, so it is answered
/// like `/generate-track`, and the last few are kept. The `ETag` is the BLAKE3 of the file.
#[utoipa::path(get, path = "/tracks/{id}/stems", tag = "tracks",
    params(("id" = Number, Path, description = "Its number")),
    responses((status = 200, description = "The stems", content_type = "application/zip", body = crate::audio::Archive),
        (status = 202, description = "They are being put together; ask again when the job is done", body = jobs::Accepted),
        (status = 206, description = "The range asked for", content_type = "application/zip", body = crate::audio::Archive),
        (status = 304, description = "They have not changed"),
        (status = 416, description = "The range lies outside", content_type = "application/problem+json", body = Problem)))]
pub(crate) async fn stems(
    State(app): State<App>,
    Id(id): Id,
    preferences: Preferences,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let find = async || ask(&app, move |engine| engine.bundle(TakeId(id))).await;
    let mut found = find().await?;
    if found.is_none() {
        let spec = JobSpec::Bundle(BundleSpec { track: TakeId(id) });
        if let Soon::Later(answer) = jobs::soon(&app, spec, &preferences).await? {
            return Ok(answer);
        }
        found = find().await?;
    }
    let Some(found) = found else {
        return Err(Problem::new("busy", "others were asked for meanwhile; ask again"));
    };
    let mut response = audio::send(&found.path, &found.digest, &headers).await?;
    if let Ok(name) = HeaderValue::from_str(&format!("attachment; filename=\"{}\"", found.name)) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

/// Show the plan of a track
///
/// `/neuromorphic/render` takes it, edited or not.
#[utoipa::path(get, path = "/tracks/{id}/plan", tag = "tracks",
    params(("id" = Number, Path, description = "Its number")),
    responses((status = 200, description = "The plan", body = crate::plan::Plan)))]
pub(crate) async fn plan(State(app): State<App>, Id(id): Id) -> Result<Answer<Value>, Problem> {
    ask(&app, move |engine| {
        let plan = engine.library().take(TakeId(id))?.take.plan;
        Ok(Answer(serde_json::to_value(&plan).unwrap_or_default()))
    })
    .await
}

whole!(
    /// A section of a track, counted from 1.
    SectionNumber, 1..=200, 4
);

/// What to play anew.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"section": 4}))]
pub(crate) struct Reroll {
    /// The section, counted from 1.
    section: SectionNumber,
    /// Root of its new notes; where left out it follows from the section's own.
    seed: Option<SeedNumber>,
}

/// Play a section anew
///
/// A new track whose other sections keep their notes, stems and levels. Answers like `/generate-track`.
#[utoipa::path(post, path = "/tracks/{id}/reroll", tag = "tracks",
    params(("id" = Number, Path, description = "The track")), request_body = Reroll,
    responses((status = 200, description = "The new track", body = TrackMade),
        (status = 202, description = "It is being made", body = jobs::Accepted)))]
pub(crate) async fn reroll(
    State(app): State<App>,
    Id(id): Id,
    preferences: Preferences,
    Json(reroll): Json<Reroll>,
) -> Result<Response, Problem> {
    let seed = reroll.seed.map(|seed| Seed(seed.0.cast_unsigned()));
    let section = reroll.section.0 as u32;
    let spec = ask(&app, move |engine| engine.reroll(TakeId(id), section, seed)).await;
    let spec = spec.map_err(|problem| match problem.status() {
        StatusCode::UNPROCESSABLE_ENTITY => {
            Problem::new("not_found", "the track has no such section")
        }
        _ => problem,
    })?;
    track(&app, spec, &preferences).await
}
