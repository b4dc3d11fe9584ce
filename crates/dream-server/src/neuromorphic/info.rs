//! What can dream here, and what was dreamed.

use axum::Json as Answer;
use axum::extract::State;
use dream_core::Source;
use dream_engine::{Clock, Filter, Sort};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::problem::Problem;
use crate::state::{App, ask};
use crate::stems::Stem;

/// Models that can be used.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Models {
    /// Those that dream, trained here.
    models: Vec<Dreamer>,
    /// Those that take tracks apart.
    separators: Vec<Separator>,
}

/// A model that dreams.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Dreamer {
    /// What it is a model of.
    category: &'static str,
    /// `one_shot` or `loop`.
    form: &'static str,
    /// Its file, in the home.
    model_path: String,
    /// Size of its file.
    size_bytes: u64,
    /// When it was trained.
    created_at: String,
    /// What it says of itself: method, latent dimensions, training, measures.
    #[schema(value_type = Object)]
    card: Value,
}

/// A model that takes tracks apart.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Separator {
    /// Its name, for the field `model`.
    name: String,
    /// Whether it can be used now.
    installed: bool,
    /// What it gives.
    what: String,
    /// The stems it gives.
    sources: Vec<String>,
    /// How good these are: `dsp` or `demucs`.
    quality_tier: &'static str,
}

/// List the models
#[utoipa::path(get, path = "/neuromorphic/models/available", tag = "neuromorphic",
    responses((status = 200, description = "The models", body = Models)))]
pub(crate) async fn available(State(app): State<App>) -> Result<Answer<Models>, Problem> {
    ask(&app, |engine| {
        let models = engine.trained().into_iter().map(|model| Dreamer {
            category: model.category.name(),
            form: model.form.name(),
            model_path: engine.told(&model.path),
            size_bytes: model.size_bytes,
            created_at: Clock::text(model.modified_at),
            card: model.card,
        });
        let separators = engine.models()?.into_iter().map(|model| Separator {
            name: model.name,
            installed: model.installed,
            what: model.what,
            sources: model.sources,
            quality_tier: model.quality_tier,
        });
        Ok(Answer(Models { models: models.collect(), separators: separators.collect() }))
    })
    .await
}

/// What was dreamed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Generated {
    /// Dreamed stems.
    total: u64,
    /// These by category.
    by_category: Vec<OfCategory>,
    /// The newest of them.
    newest: Vec<Stem>,
    /// Tracks that were rendered.
    tracks: u64,
}

/// Dreamed stems of a category.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OfCategory {
    category: &'static str,
    count: u64,
}

/// Count what was dreamed
#[utoipa::path(get, path = "/neuromorphic/generated/info", tag = "neuromorphic",
    responses((status = 200, description = "Dreamed stems and rendered tracks", body = Generated)))]
pub(crate) async fn generated(State(app): State<App>) -> Result<Answer<Generated>, Problem> {
    ask(&app, |engine| {
        let library = engine.library();
        let dreamed = Filter { sources: vec![Source::Generated], ..Filter::default() };
        let mut by_category = Vec::new();
        for category in dream_core::Category::ALL {
            let count =
                library.count(&Filter { categories: vec![*category], ..dreamed.clone() })?;
            if count > 0 {
                by_category.push(OfCategory { category: category.name(), count });
            }
        }
        let newest = Filter { limit: Some(10), sort: Sort::Newest, ..dreamed.clone() };
        let newest = library.stems(&newest)?;
        Ok(Answer(Generated {
            total: library.count(&dreamed)?,
            by_category,
            newest: newest.iter().map(|entry| Stem::new(engine, entry)).collect(),
            tracks: library.count_takes()?,
        }))
    })
    .await
}
