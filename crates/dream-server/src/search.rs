//! Searching stems by words and by likeness.

use axum::Json as Answer;
use axum::extract::State;
use dream_core::StemId;
use dream_engine::{Engine, Filter, Hit};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::names::{CategoryName, Line, Number, SourceName, TempoBound};
use crate::problem::Problem;
use crate::read::{Id, Json, Query};
use crate::state::{App, ask};
use crate::stems::{Stem, bpm_range};
use crate::value::whole;

whole!(
    /// How many to find at most.
    TopK, 1..=200, 10
);

/// Stems found, where no number is asked for.
const FOUND: usize = 10;

/// What to search for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"query": "dark punchy kick", "top_k": 5}))]
pub(crate) struct SearchRequest {
    /// Words for the sound, in English or German.
    query: Line,
    /// How many to find.
    top_k: Option<TopK>,
    /// Only this category.
    category: Option<CategoryName>,
    /// Only this source.
    source: Option<SourceName>,
    /// Only tempos from here.
    bpm_min: Option<TempoBound>,
    /// Only tempos up to here.
    bpm_max: Option<TempoBound>,
}

/// What to search for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SearchQuery {
    /// Words for the sound, in English or German.
    prompt: Line,
    /// How many to find.
    top_k: Option<TopK>,
    /// Only this category.
    category: Option<CategoryName>,
    /// Only this source.
    source: Option<SourceName>,
    /// Only tempos from here.
    bpm_min: Option<TempoBound>,
    /// Only tempos up to here.
    bpm_max: Option<TempoBound>,
}

impl From<SearchQuery> for SearchRequest {
    fn from(query: SearchQuery) -> Self {
        let SearchQuery { prompt, top_k, category, source, bpm_min, bpm_max } = query;
        Self { query: prompt, top_k, category, source, bpm_min, bpm_max }
    }
}

/// How many like a stem to find.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SimilarQuery {
    /// How many to find.
    top_k: Option<TopK>,
    /// Only this category.
    category: Option<CategoryName>,
    /// Only this source.
    source: Option<SourceName>,
}

/// A stem that was found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Found {
    /// The stem.
    stem: Stem,
    /// How well it answers.
    #[schema(minimum = 0, maximum = 1)]
    similarity_score: f32,
    /// What speaks for it and against.
    why: Vec<String>,
}

fn found(engine: &Engine, hits: Vec<Hit>) -> Answer<Vec<Found>> {
    let found = hits.into_iter().map(|hit| Found {
        stem: Stem::new(engine, &hit.entry),
        similarity_score: hit.score.clamp(0.0, 1.0),
        why: hit.why,
    });
    Answer(found.collect())
}

fn filter(category: Option<CategoryName>, source: Option<SourceName>) -> Filter {
    Filter {
        categories: category.iter().map(|category| category.0).collect(),
        sources: source.iter().map(|source| source.0).collect(),
        ..Filter::default()
    }
}

/// Search stems by words
#[utoipa::path(post, path = "/stems/search", tag = "stems", request_body = SearchRequest,
    responses((status = 200, description = "The stems that answer best", body = Vec<Found>)))]
pub(crate) async fn search(
    State(app): State<App>,
    Json(request): Json<SearchRequest>,
) -> Result<Answer<Vec<Found>>, Problem> {
    let most = request.top_k.map_or(FOUND, |most| most.0 as usize);
    let bpm = bpm_range(request.bpm_min, request.bpm_max);
    let filter = Filter { bpm, ..filter(request.category, request.source) };
    ask(&app, move |engine| Ok(found(engine, engine.search(&request.query.0, &filter, most)?)))
        .await
}

/// Search stems by words
///
/// As the POST.
#[utoipa::path(get, path = "/stems/search", tag = "stems", params(SearchQuery),
    responses((status = 200, description = "The stems that answer best", body = Vec<Found>)))]
pub(crate) async fn search_by_query(
    state: State<App>,
    Query(query): Query<SearchQuery>,
) -> Result<Answer<Vec<Found>>, Problem> {
    search(state, Json(query.into())).await
}

/// Find stems like another
#[utoipa::path(get, path = "/stems/{id}/similar", tag = "stems",
    params(("id" = Number, Path, description = "The other"), SimilarQuery),
    responses((status = 200, description = "The stems most like it", body = Vec<Found>)))]
pub(crate) async fn similar(
    State(app): State<App>,
    Id(id): Id,
    Query(query): Query<SimilarQuery>,
) -> Result<Answer<Vec<Found>>, Problem> {
    let most = query.top_k.map_or(FOUND, |most| most.0 as usize);
    let filter = filter(query.category, query.source);
    ask(&app, move |engine| Ok(found(engine, engine.similar(StemId(id), &filter, most)?))).await
}
