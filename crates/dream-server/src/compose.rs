//! Tracks from words and from plans.

use axum::Json as Answer;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use dream_core::{ArrangementPlan, Bpm, Seed, Source};
use dream_engine::{ComposeSpec, Engine, Error, JobSpec, Output, RenderSpec, Selection, TakeId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::jobs::{self, Soon};
use crate::names::{KeyName, Line, SeedNumber, Tempo};
use crate::problem::Problem;
use crate::read::{Json, Preferences};
use crate::state::{App, with};
use crate::value::number;

number!(
    /// The length of a track in seconds.
    Length, 30.0..=1800.0, 360.0
);

/// What a track is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"prompt": "driving industrial techno 138 bpm", "duration": 360, "seed": 7}))]
pub(crate) struct TrackRequest {
    /// What it should be, in English or German.
    prompt: Line,
    /// Tempo, over the prompt's.
    bpm: Option<Tempo>,
    /// Key, over the prompt's.
    key: Option<KeyName>,
    /// Length in seconds, over the prompt's.
    duration: Option<Length>,
    /// Root of all random choices; one is drawn where it is left out.
    seed: Option<SeedNumber>,
    /// Whether stems that came in as they are may play.
    #[serde(default = "yes")]
    #[schema(default = true)]
    include_original: bool,
    /// Whether stems separated from tracks may play.
    #[serde(default = "yes")]
    #[schema(default = true)]
    include_separated: bool,
    /// Whether dreamed stems may play.
    #[serde(default = "yes")]
    #[schema(default = true)]
    include_generated: bool,
}

fn yes() -> bool {
    true
}

/// A track that was made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TrackMade {
    success: bool,
    /// Its number.
    track_id: i64,
    /// Its audio on the machine of the server; `/tracks/{id}/audio` sends it.
    track_path: String,
    /// What it was to be.
    prompt: String,
    /// Its plan; `/neuromorphic/render` takes it, edited or not.
    #[schema(value_type = Object)]
    arrangement_plan: Value,
    /// What it is.
    track_info: TrackInfo,
    /// What was replaced, bent or left out.
    warnings: Vec<String>,
}

/// What a track is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TrackInfo {
    /// Its audio on the machine of the server.
    pub(crate) output_path: String,
    /// Its length in seconds, with its tail.
    pub(crate) duration: f64,
    /// Its tempo.
    pub(crate) bpm: f64,
    /// Its key; null for atonal music.
    pub(crate) key: Option<String>,
    /// The root of its random choices.
    #[schema(minimum = 0)]
    pub(crate) seed: u64,
    /// Different stems.
    pub(crate) stems_used: usize,
    /// These by where they are from.
    pub(crate) stem_sources: StemSources,
    /// Integrated loudness; null for silence.
    pub(crate) lufs_i: Option<f64>,
    /// True peak.
    pub(crate) true_peak_dbtp: f64,
    /// Frames per second.
    pub(crate) sample_rate: u32,
    /// Bits per sample.
    pub(crate) bit_depth: u32,
    /// SHA-256 of the file.
    pub(crate) sha256: String,
}

/// Stems by where they are from.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StemSources {
    original: usize,
    separated: usize,
    generated: usize,
}

impl TrackInfo {
    pub(crate) fn new(engine: &Engine, track: &dream_engine::Track) -> Self {
        let of = |source| track.stem_sources.get(&source).copied().unwrap_or(0);
        let path = engine.home().root().join(&track.path);
        Self {
            output_path: path.to_string_lossy().into_owned(),
            duration: track.duration_s,
            bpm: track.bpm.get(),
            key: track.key.map(|key| key.to_string()),
            seed: track.seed.0,
            stems_used: track.stems_used,
            stem_sources: StemSources {
                original: of(Source::Original),
                separated: of(Source::Separated),
                generated: of(Source::Generated),
            },
            lufs_i: track.lufs_i,
            true_peak_dbtp: track.true_peak_dbtp,
            sample_rate: track.sample_rate,
            bit_depth: track.bit_depth,
            sha256: track.sha256.clone(),
        }
    }
}

/// The answer for a recorded track.
pub(crate) fn made(engine: &Engine, id: TakeId) -> Result<TrackMade, Error> {
    let composed = engine.composed(id)?;
    let info = TrackInfo::new(engine, &composed.track);
    Ok(TrackMade {
        success: true,
        track_id: id.0,
        track_path: info.output_path.clone(),
        prompt: composed.arrangement_plan.prompt.clone(),
        arrangement_plan: serde_json::to_value(&composed.arrangement_plan).unwrap_or_default(),
        track_info: info,
        warnings: composed.warnings,
    })
}

/// The number of the track that a job made.
pub(crate) fn take_of(job: &dream_engine::Job) -> Option<TakeId> {
    job.result.as_ref()?.get("take")?.as_i64().map(TakeId)
}

impl TrackRequest {
    fn spec(self) -> Result<ComposeSpec, Problem> {
        let sources: Vec<Source> = [
            (self.include_original, Source::Original),
            (self.include_separated, Source::Separated),
            (self.include_generated, Source::Generated),
        ]
        .into_iter()
        .filter_map(|(wanted, source)| wanted.then_some(source))
        .collect();
        if sources.is_empty() {
            let text = "at least one of include_original, include_separated, include_generated";
            return Err(Problem::field("include_original", text));
        }
        let bpm = self.bpm.map(|bpm| Bpm::new(bpm.0)).transpose();
        Ok(ComposeSpec {
            prompt: self.prompt.0,
            bpm: bpm.map_err(|error| Problem::field("bpm", error.to_string()))?,
            key: self.key.map(|key| key.0),
            minutes: self.duration.map(|length| length.0 / 60.0),
            loudness_lufs: None,
            seed: self.seed.map(|seed| Seed(seed.0.cast_unsigned())),
            selection: Selection { sources, min_quality: 0.0 },
            output: Output::default(),
        })
    }
}

/// Make a track from words
///
/// Answers when the track is there; with `Prefer: respond-async`, or when it takes too long, with 202 and the job.
#[utoipa::path(post, path = "/generate-track", tag = "tracks", request_body = TrackRequest,
    responses((status = 200, description = "The track", body = TrackMade),
        (status = 202, description = "It is being made", body = jobs::Accepted)))]
pub(crate) async fn generate_track(
    State(app): State<App>,
    preferences: Preferences,
    Json(request): Json<TrackRequest>,
) -> Result<Response, Problem> {
    let spec = JobSpec::Compose(Box::new(request.spec()?));
    track(&app, spec, &preferences).await
}

/// Make a track from words
///
/// As `/generate-track`.
#[utoipa::path(post, path = "/stems/generate-track", tag = "tracks", request_body = TrackRequest,
    responses((status = 200, description = "The track", body = TrackMade),
        (status = 202, description = "It is being made", body = jobs::Accepted)))]
pub(crate) async fn generate_track_of_stems(
    state: State<App>,
    preferences: Preferences,
    request: Json<TrackRequest>,
) -> Result<Response, Problem> {
    generate_track(state, preferences, request).await
}

/// A plan to render.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RenderRequest {
    /// The plan, as `/generate-track` gave it, edited or not.
    #[schema(value_type = crate::plan::Plan)]
    arrangement_plan: ArrangementPlan,
    /// Root of all random choices, over the plan's.
    seed: Option<SeedNumber>,
}

/// Make a track from a plan
///
/// Answers like `/generate-track`.
#[utoipa::path(post, path = "/neuromorphic/render", tag = "neuromorphic", request_body = RenderRequest,
    responses((status = 200, description = "The track", body = TrackMade),
        (status = 202, description = "It is being made", body = jobs::Accepted)))]
pub(crate) async fn render(
    State(app): State<App>,
    preferences: Preferences,
    Json(request): Json<RenderRequest>,
) -> Result<Response, Problem> {
    request.arrangement_plan.validate().map_err(|error| {
        Problem::field(&format!("arrangement_plan.{}", error.field), error.problem)
    })?;
    let spec = RenderSpec {
        plan: request.arrangement_plan,
        casting: None,
        seed: request.seed.map(|seed| Seed(seed.0.cast_unsigned())),
        reroll: None,
        selection: Selection::default(),
        output: Output::default(),
    };
    track(&app, JobSpec::Render(Box::new(spec)), &preferences).await
}

/// Does the work of seconds as a request wants it done.
pub(crate) async fn track(
    app: &App,
    spec: JobSpec,
    preferences: &Preferences,
) -> Result<Response, Problem> {
    let job = match jobs::soon(app, spec, preferences).await? {
        Soon::Done(job) => job,
        Soon::Later(answer) => return Ok(answer),
    };
    let Some(take) = take_of(&job) else {
        return Err(Problem::new("internal", "the job made no track"));
    };
    let answer = with(app, move |engine| Ok(made(engine, take)?)).await?;
    let mut response = Answer(answer).into_response();
    if let Some(seconds) = preferences.wait_s {
        jobs::applied(&mut response, &format!("wait={seconds}"));
    }
    Ok(response)
}
