//! Several jobs from one request.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use dream_core::{Category, Form};
use dream_engine::{JobSpec, TrainSpec};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{ModeName, Temperature, Variations, Wanted, dreams};
use crate::jobs;
use crate::names::{CategoryName, SeedNumber, Unit};
use crate::problem::Problem;
use crate::read::{Json, MaybeJson, Preferences, Query};
use crate::state::{App, ask};
use crate::value::whole;

whole!(
    /// Fewest stems that are worth learning from.
    MinSamples, 2..=100_000, 10
);

/// Several jobs that were taken on.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"success": true, "job_id": 7, "job_ids": [7, 8], "message": "2 jobs are queued"}))]
pub(crate) struct AcceptedAll {
    /// Whether they were taken on.
    success: bool,
    /// The first of them.
    job_id: i64,
    /// All of them.
    job_ids: Vec<i64>,
    /// The same in words.
    message: String,
}

/// Which categories to learn.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TrainBatchQuery {
    /// Fewest stems that are worth it, 10 where left out.
    min_samples: Option<MinSamples>,
}

/// Learn every category with enough stems
#[utoipa::path(post, path = "/neuromorphic/train/batch", tag = "neuromorphic", params(TrainBatchQuery),
    responses((status = 202, description = "The jobs", body = AcceptedAll)))]
pub(crate) async fn train_batch(
    State(app): State<App>,
    preferences: Preferences,
    Query(query): Query<TrainBatchQuery>,
) -> Result<Response, Problem> {
    let least = query.min_samples.map_or(10, |least| least.0 as u32);
    let specs = ask(&app, move |engine| {
        let mut specs = Vec::new();
        for form in [Form::OneShot, Form::Loop] {
            let categories = engine.worth_training(form, least)?;
            specs.extend(categories.into_iter().map(|category| {
                let (form, min_stems) = (Some(form), least.min(10));
                JobSpec::Train(TrainSpec { category, form, min_stems, ..TrainSpec::default() })
            }));
        }
        Ok(specs)
    })
    .await?;
    if specs.is_empty() {
        let text = format!("no category has {least} one-shots or loops");
        return Err(Problem::new("too_few_stems", text));
    }
    all(&app, specs, &preferences).await
}

/// A mixture of two categories.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"category_a": "kick", "category_b": "bass", "num_variations": 4, "interpolation_factor": 0.5}))]
pub(crate) struct Hybrid {
    /// One category.
    category_a: CategoryName,
    /// The other category.
    category_b: CategoryName,
    /// How many stems, 10 where left out; of every ratio where there are several.
    num_variations: Option<Variations>,
    /// How far towards the other, 0.5 where left out.
    interpolation_factor: Option<Unit>,
    /// Several such factors, a job for each, in place of one.
    #[serde(default)]
    #[schema(max_items = 10)]
    blend_ratios: Vec<Unit>,
    /// How widely stems are drawn, 1 where left out.
    temperature: Option<Temperature>,
    /// Root of all random choices.
    seed: Option<SeedNumber>,
}

/// Dream stems between two categories
#[utoipa::path(post, path = "/neuromorphic/generate/hybrid", tag = "neuromorphic", request_body = Hybrid,
    responses((status = 202, description = "The jobs", body = AcceptedAll)))]
pub(crate) async fn generate_hybrid(
    State(app): State<App>,
    preferences: Preferences,
    Json(request): Json<Hybrid>,
) -> Result<Response, Problem> {
    if request.blend_ratios.len() > 10 {
        return Err(Problem::field("blend_ratios", "at most 10 ratios"));
    }
    let mut factors: Vec<Option<Unit>> = request.blend_ratios.iter().copied().map(Some).collect();
    if factors.is_empty() {
        factors.push(request.interpolation_factor);
    }
    let specs = factors.into_iter().map(|factor| {
        let wanted = Wanted {
            category: request.category_a.0,
            with: Some(request.category_b.0),
            mode: ModeName::Hybrid,
            count: request.num_variations,
            factor,
            temperature: request.temperature,
            seed: request.seed,
        };
        JobSpec::Generate(Box::new(dreams(&wanted)))
    });
    all(&app, specs.collect(), &preferences).await
}

/// What to dream of several categories.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"categories": ["kick", "snare"], "num_variations": 4}))]
pub(crate) struct GenerateBatch {
    /// The categories; every one with a model where left out.
    #[serde(default)]
    #[schema(max_items = 16)]
    categories: Vec<CategoryName>,
    /// How many stems of each, 10 where left out.
    num_variations: Option<Variations>,
    /// How widely stems are drawn, 1 where left out.
    temperature: Option<Temperature>,
    /// Root of all random choices.
    seed: Option<SeedNumber>,
}

/// Dream stems of several categories
#[utoipa::path(post, path = "/neuromorphic/generate/batch", tag = "neuromorphic",
    request_body(content = inline(Option<GenerateBatch>), description = "What to dream; of every category with a model where left out"),
    responses((status = 202, description = "The jobs", body = AcceptedAll)))]
pub(crate) async fn generate_batch(
    State(app): State<App>,
    preferences: Preferences,
    MaybeJson(request): MaybeJson<GenerateBatch>,
) -> Result<Response, Problem> {
    if request.categories.len() > 16 {
        return Err(Problem::field("categories", "at most 16 categories"));
    }
    let mut models: Vec<(Category, Option<Form>)> =
        request.categories.iter().map(|category| (category.0, None)).collect();
    if models.is_empty() {
        models = ask(&app, |engine| {
            Ok(engine
                .trained()
                .into_iter()
                .map(|model| (model.category, Some(model.form)))
                .collect())
        })
        .await?;
    }
    if models.is_empty() {
        return Err(Problem::new("not_trained", "no category has a model yet"));
    }
    let specs = models.into_iter().map(|(category, form)| {
        let wanted = Wanted {
            category,
            with: None,
            mode: ModeName::Random,
            count: request.num_variations,
            factor: None,
            temperature: request.temperature,
            seed: request.seed,
        };
        JobSpec::Generate(Box::new(dream_engine::GenerateSpec { form, ..dreams(&wanted) }))
    });
    all(&app, specs.collect(), &preferences).await
}

/// Queues all, or as many as there is room for; the first that finds none is the answer where none did.
async fn all(
    app: &App,
    specs: Vec<JobSpec>,
    preferences: &Preferences,
) -> Result<Response, Problem> {
    let (mut ids, asked) = (Vec::new(), specs.len());
    for (number, spec) in specs.into_iter().enumerate() {
        let key = preferences.key.as_ref().map(|key| format!("{key} {number}"));
        let own = Preferences { key, ..Preferences::default() };
        match jobs::enqueue(app, spec, jobs::BACKGROUND, &own).await {
            Ok(job) => ids.push(job.id.0),
            Err(problem) if ids.is_empty() => return Err(problem),
            Err(_) => break,
        }
    }
    let first = ids.first().copied().unwrap_or_default();
    let answer = AcceptedAll {
        success: true,
        job_id: first,
        message: match ids.len() {
            1 if asked == 1 => "1 job is queued".to_owned(),
            count if count == asked => format!("{count} jobs are queued"),
            count => format!("{count} of {asked} jobs are queued; the queue has no room for more"),
        },
        job_ids: ids,
    };
    let mut response = (StatusCode::ACCEPTED, Answer(answer)).into_response();
    if let Ok(place) = HeaderValue::from_str(&format!("/api/v1/jobs/{first}")) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}
