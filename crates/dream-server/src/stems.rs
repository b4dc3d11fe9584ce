//! Stems: what the library knows of them, and their audio.

#![expect(clippy::option_option, reason = "left out, null, and a value are three things")]

mod wire;

use axum::extract::{OriginalUri, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::{Json as Answer, http::Uri};
use dream_core::StemId;
use dream_engine::{Change, Engine, Filter, Sort};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::audio;
use crate::names::{
    CategoryName, FormName, KeyName, Limit, Name, Number, Rating, Skip, SortName, SourceName, Tag,
    Tempo, TempoBound, Unit,
};
use crate::page;
use crate::problem::Problem;
use crate::read::{Id, Json, Query};
use crate::state::{App, ask, with};
pub(crate) use wire::{Statistics, Stem};

/// Stems of a page, where none is asked for.
const PAGE: u32 = 50;

/// Which stems a list holds.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StemQuery {
    /// After this stem, in the order of numbers; the `Link` of the answer has it.
    after: Option<Number>,
    /// Leave out so many at the start.
    skip: Option<Skip>,
    /// At most so many.
    limit: Option<Limit>,
    /// Only this category.
    category: Option<CategoryName>,
    /// Only this source.
    source: Option<SourceName>,
    /// Only this form.
    form: Option<FormName>,
    /// Only this kit.
    kit: Option<Name>,
    /// Only tempos from here.
    bpm_min: Option<TempoBound>,
    /// Only tempos up to here.
    bpm_max: Option<TempoBound>,
    /// Only this key.
    key: Option<KeyName>,
    /// Only with this tag.
    tag: Option<Tag>,
    /// Only of at least this quality.
    min_quality: Option<Unit>,
    /// The order; lists with a cursor are in the order of numbers.
    sort: Option<SortName>,
}

impl StemQuery {
    fn filter(&self) -> Result<Filter, Problem> {
        let sort = self.sort.map_or(Sort::Id, |sort| sort.0);
        if self.after.is_some() && sort != Sort::Id {
            return Err(Problem::new(
                "conflict",
                "a list with a cursor is in the order of numbers",
            ));
        }
        Ok(Filter {
            categories: self.category.iter().map(|category| category.0).collect(),
            sources: self.source.iter().map(|source| source.0).collect(),
            bpm: bpm_range(self.bpm_min, self.bpm_max),
            key: self.key.map(|key| key.0),
            tag: self.tag.as_ref().map(|tag| tag.0.clone()),
            form: self.form.map(|form| form.0),
            kit: self.kit.as_ref().map(|kit| kit.0.clone()),
            min_quality: self.min_quality.map(|quality| quality.0 as f32),
            min_rating: None,
            after: self.after.map(|after| StemId(after.0)),
            limit: Some(self.limit.map_or(PAGE, |limit| limit.0 as u32)),
            offset: self.skip.map_or(0, |skip| skip.0 as u32),
            sort,
        })
    }
}

/// The range between two tempos, if one is given.
pub(crate) fn bpm_range(
    min: Option<TempoBound>,
    max: Option<TempoBound>,
) -> Option<std::ops::RangeInclusive<f64>> {
    (min.is_some() || max.is_some())
        .then(|| min.map_or(0.0, |min| min.0)..=max.map_or(f64::MAX, |max| max.0))
}

/// List stems
///
/// A page of the stems that pass the filter. `X-Total-Count` says how many there are of all, `Link` where the next page is.
#[utoipa::path(get, path = "/stems", tag = "stems", params(StemQuery),
    responses((status = 200, description = "A page of stems", body = Vec<Stem>)))]
pub(crate) async fn list(
    State(app): State<App>,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<StemQuery>,
) -> Result<Response, Problem> {
    page_of(&app, &uri, query).await
}

/// List the stems of a category
#[utoipa::path(get, path = "/stems/category/{category}", tag = "stems",
    params(("category" = CategoryName, Path, description = "The category"), StemQuery),
    responses((status = 200, description = "A page of stems", body = Vec<Stem>)))]
pub(crate) async fn list_category(
    State(app): State<App>,
    OriginalUri(uri): OriginalUri,
    Path(category): Path<String>,
    Query(query): Query<StemQuery>,
) -> Result<Response, Problem> {
    let Some(category) = dream_core::Category::parse(&category) else {
        return Err(Problem::field("category", "must be a category"));
    };
    page_of(&app, &uri, StemQuery { category: Some(CategoryName(category)), ..query }).await
}

async fn page_of(app: &App, uri: &Uri, query: StemQuery) -> Result<Response, Problem> {
    let filter = query.filter()?;
    let by_id = filter.sort == Sort::Id;
    let limit = filter.limit.unwrap_or(PAGE) as usize;
    let uri = uri.clone();
    with(app, move |engine| {
        let library = engine.library();
        let entries = library.stems(&filter).map_err(dream_engine::Error::from)?;
        let total = library.count(&filter).map_err(dream_engine::Error::from)?;
        let last = entries.last().filter(|_| by_id && entries.len() == limit);
        let last = last.map(|last| last.stem.id.0);
        let stems: Vec<Stem> = entries.iter().map(|entry| Stem::new(engine, entry)).collect();
        Ok(page::answer(&uri, ("after", last), total, stems))
    })
    .await
}

/// Count the stems
#[utoipa::path(get, path = "/stems/statistics", tag = "stems",
    responses((status = 200, description = "Counts by source, category, form and kit", body = Statistics)))]
pub(crate) async fn statistics(State(app): State<App>) -> Result<Answer<Statistics>, Problem> {
    ask(&app, |engine| Ok(Answer(Statistics::from(&engine.library().statistics()?)))).await
}

/// Show a stem
#[utoipa::path(get, path = "/stems/{id}", tag = "stems",
    params(("id" = Number, Path, description = "Its number")),
    responses((status = 200, description = "The stem", body = Stem)))]
pub(crate) async fn show(State(app): State<App>, Id(id): Id) -> Result<Answer<Stem>, Problem> {
    ask(&app, move |engine| Ok(Answer(Stem::new(engine, &engine.library().stem(StemId(id))?))))
        .await
}

/// All that can be said of a stem; what is left out is taken away.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"filename": "Kick 01.wav", "category": "kick", "tags": ["dark"], "bpm": null, "key": "A minor"}))]
pub(crate) struct StemUpdate {
    /// Its name.
    filename: Name,
    /// Its category.
    category: CategoryName,
    /// Its form; as it was where left out.
    form: Option<FormName>,
    /// Its tags.
    #[schema(max_items = 50)]
    tags: Option<Vec<Tag>>,
    /// Its tempo.
    bpm: Option<Tempo>,
    /// Its key.
    key: Option<KeyName>,
    /// Its kit.
    kit: Option<Name>,
    /// Its licence, as an SPDX expression.
    licence: Option<Name>,
    /// What somebody thinks of it.
    rating: Option<Rating>,
}

/// What to change of a stem; what is left out stays as it is, null takes away.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"tags": ["dark", "short"], "rating": 1}))]
pub(crate) struct StemPatch {
    /// Its name.
    filename: Option<Name>,
    /// Its category.
    category: Option<CategoryName>,
    /// Its form.
    form: Option<FormName>,
    /// Its tags, in place of all before.
    #[schema(max_items = 50)]
    tags: Option<Vec<Tag>>,
    /// Its tempo.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Tempo>)]
    bpm: Option<Option<Tempo>>,
    /// Its key.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<KeyName>)]
    key: Option<Option<KeyName>>,
    /// Its kit.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Name>)]
    kit: Option<Option<Name>>,
    /// Its licence, as an SPDX expression.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Name>)]
    licence: Option<Option<Name>>,
    /// What somebody thinks of it.
    rating: Option<Rating>,
}

/// A field that is there, be it null.
pub(crate) fn given<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(
    from: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
}

impl From<StemUpdate> for StemPatch {
    fn from(update: StemUpdate) -> Self {
        Self {
            filename: Some(update.filename),
            category: Some(update.category),
            form: update.form,
            tags: Some(update.tags.unwrap_or_default()),
            bpm: Some(update.bpm),
            key: Some(update.key),
            kit: Some(update.kit),
            licence: Some(update.licence),
            rating: Some(update.rating.unwrap_or(Rating(0))),
        }
    }
}

/// Describe a stem anew
#[utoipa::path(put, path = "/stems/{id}", tag = "stems",
    params(("id" = Number, Path, description = "Its number")), request_body = StemUpdate,
    responses((status = 200, description = "The stem as it is now", body = Stem)))]
pub(crate) async fn put(
    State(app): State<App>,
    Id(id): Id,
    Json(update): Json<StemUpdate>,
) -> Result<Answer<Stem>, Problem> {
    apply(&app, StemId(id), update.into()).await
}

/// Change what is said of a stem
#[utoipa::path(patch, path = "/stems/{id}", tag = "stems",
    params(("id" = Number, Path, description = "Its number")), request_body = StemPatch,
    responses((status = 200, description = "The stem as it is now", body = Stem)))]
pub(crate) async fn patch(
    State(app): State<App>,
    Id(id): Id,
    Json(patch): Json<StemPatch>,
) -> Result<Answer<Stem>, Problem> {
    apply(&app, StemId(id), patch).await
}

/// What somebody thinks of a stem.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"rating": 1}))]
pub(crate) struct Opinion {
    rating: Rating,
}

/// Say what one thinks of a stem
#[utoipa::path(post, path = "/stems/{id}/rating", tag = "stems",
    params(("id" = Number, Path, description = "Its number")), request_body = Opinion,
    responses((status = 200, description = "The stem as it is now", body = Stem)))]
pub(crate) async fn rate(
    State(app): State<App>,
    Id(id): Id,
    Json(opinion): Json<Opinion>,
) -> Result<Answer<Stem>, Problem> {
    let rating = Some(opinion.rating.0 as i32);
    ask(&app, move |engine| {
        let entry = engine.change(StemId(id), Change { rating, ..Change::default() })?;
        Ok(Answer(Stem::new(engine, &entry)))
    })
    .await
}

async fn apply(app: &App, id: StemId, patch: StemPatch) -> Result<Answer<Stem>, Problem> {
    if patch.tags.as_ref().is_some_and(|tags| tags.len() > 50) {
        return Err(Problem::field("tags", "at most 50 tags"));
    }
    with(app, move |engine| {
        let change = change(engine, id, patch)?;
        let entry = engine.change(id, change)?;
        Ok(Answer(Stem::new(engine, &entry)))
    })
    .await
}

fn change(engine: &Engine, id: StemId, patch: StemPatch) -> Result<Change, Problem> {
    let text = |text: Option<Option<Name>>| text.map(|text| text.map(|text| text.0));
    let (mut add_tags, mut remove_tags) = (Vec::new(), Vec::new());
    if let Some(tags) = patch.tags {
        let before = engine.library().stem(id).map_err(dream_engine::Error::from)?.stem.tags;
        add_tags = tags.into_iter().map(|tag| tag.0).collect();
        remove_tags = before.into_iter().filter(|tag| !add_tags.contains(tag)).collect();
    }
    let bpm = match patch.bpm {
        Some(Some(bpm)) => {
            let bpm = dream_core::Bpm::new(bpm.0);
            Some(Some(bpm.map_err(|error| Problem::field("bpm", error.to_string()))?))
        }
        Some(None) => Some(None),
        None => None,
    };
    Ok(Change {
        name: patch.filename.map(|name| name.0),
        category: patch.category.map(|category| category.0),
        form: patch.form.map(|form| form.0),
        kit: text(patch.kit),
        licence: text(patch.licence),
        bpm,
        key: patch.key.map(|key| key.map(|key| key.0)),
        add_tags,
        remove_tags,
        embedding: None,
        rating: patch.rating.map(|rating| rating.0 as i32),
    })
}

/// Remove a stem with its audio
#[utoipa::path(delete, path = "/stems/{id}", tag = "stems",
    params(("id" = Number, Path, description = "Its number")),
    responses((status = 204, description = "It is gone")))]
pub(crate) async fn remove(State(app): State<App>, Id(id): Id) -> Result<StatusCode, Problem> {
    ask(&app, move |engine| {
        engine.library().remove(StemId(id))?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// Hear a stem
///
/// WAV, whole or the range asked for. The `ETag` is the hash of the audio, which never changes.
#[utoipa::path(get, path = "/stems/{id}/audio", tag = "stems",
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
        let stem = engine.library().stem(StemId(id))?.stem;
        Ok((engine.library().blobs().path(&stem.hash), stem.hash))
    })
    .await?;
    audio::send(&path, &hash, &headers).await
}
