//! HTTP: the REST interface, its documentation, jobs and live progress.
//!
//! [`serve`] listens until it is told to stop; [`router`] is the interface without a port. Handlers read a request, ask the engine
//! through one function, `state::with`, and answer; what is said over the wire is defined beside them.

mod audio;
mod compose;
mod docs;
mod fence;
mod health;
mod jobs;
mod listen;
mod metrics;
mod names;
mod neuromorphic;
mod older;
mod page;
mod plan;
mod problem;
mod read;
mod search;
mod settings;
mod state;
mod stems;
mod tracks;
mod upload;
mod value;

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use dream_engine::Engine;
use serde_json::Value;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use listen::{Stopped, serve};
use problem::Problem;
pub use settings::Settings;
use state::App;

/// The interface, without a port.
pub fn router(engine: Arc<Engine>, settings: Settings) -> Router {
    build(&App::new(engine, settings))
}

/// The description of the interface, OpenAPI 3.1.
pub fn openapi() -> Value {
    docs::complete(&documented().into_openapi())
}

/// Everything that can be asked, with its documentation.
fn documented() -> OpenApiRouter<App> {
    let api = OpenApiRouter::new()
        .routes(routes!(metrics::metrics))
        .routes(routes!(description))
        .routes(routes!(neuromorphic::preprocess))
        .routes(routes!(compose::generate_track))
        .routes(routes!(compose::generate_track_of_stems))
        .routes(routes!(compose::render))
        .routes(routes!(neuromorphic::preprocess_track))
        .routes(routes!(upload::track))
        .routes(routes!(neuromorphic::train))
        .routes(routes!(neuromorphic::batch::train_batch))
        .routes(routes!(neuromorphic::generate))
        .routes(routes!(neuromorphic::batch::generate_hybrid))
        .routes(routes!(neuromorphic::batch::generate_batch))
        .routes(routes!(neuromorphic::cycle))
        .routes(routes!(neuromorphic::info::available))
        .routes(routes!(neuromorphic::info::generated))
        .routes(routes!(stems::list, upload::stem))
        .routes(routes!(stems::statistics))
        .routes(routes!(search::search, search::search_by_query))
        .routes(routes!(stems::list_category))
        .routes(routes!(stems::show, stems::put, stems::patch, stems::remove))
        .routes(routes!(stems::hear))
        .routes(routes!(stems::rate))
        .routes(routes!(search::similar))
        .routes(routes!(tracks::list))
        .routes(routes!(tracks::show, tracks::patch, tracks::remove))
        .routes(routes!(tracks::hear))
        .routes(routes!(tracks::stems))
        .routes(routes!(tracks::plan))
        .routes(routes!(tracks::reroll))
        .routes(routes!(jobs::list))
        .routes(routes!(jobs::show, jobs::cancel))
        .routes(routes!(jobs::events::follow))
        .routes(routes!(health::health));
    let mut all = OpenApiRouter::new().nest("/api/v1", api).routes(routes!(health::health_at_root));
    // The schemas of errors and of what stands in paths and queries: no body names them.
    let components = all.get_openapi_mut().components.get_or_insert_default();
    describe::<Problem>(components);
    describe::<problem::Fault>(components);
    describe::<names::CategoryName>(components);
    describe::<names::FormName>(components);
    describe::<names::KeyName>(components);
    describe::<names::Limit>(components);
    describe::<names::Line>(components);
    describe::<names::Name>(components);
    describe::<names::Number>(components);
    describe::<names::Skip>(components);
    describe::<names::SortName>(components);
    describe::<names::SourceName>(components);
    describe::<names::StatusName>(components);
    describe::<names::Tag>(components);
    describe::<names::TempoBound>(components);
    describe::<names::Unit>(components);
    describe::<neuromorphic::batch::MinSamples>(components);
    describe::<search::TopK>(components);
    all
}

fn describe<T: utoipa::ToSchema>(components: &mut utoipa::openapi::Components) {
    components.schemas.insert(T::name().into_owned(), T::schema());
}

/// The description of the interface
///
/// OpenAPI 3.1; `/docs` shows it.
#[utoipa::path(get, path = "/openapi.json", tag = "health",
    responses((status = 200, description = "The description", body = Object)))]
async fn description() -> Json<Value> {
    Json(openapi())
}

fn build(app: &App) -> Router {
    let (routes, _) = documented().split_for_parts();
    let older = Router::new()
        .route("/api/v1/train/batch", post(neuromorphic::batch::train_batch))
        .route("/api/v1/generate/hybrid", post(neuromorphic::batch::generate_hybrid))
        .route("/api/v1/generate/batch", post(neuromorphic::batch::generate_batch));
    let ui = utoipa_swagger_ui::SwaggerUi::new("/docs")
        .config(utoipa_swagger_ui::Config::from(docs::PLACE));
    let all = routes
        .merge(older)
        .merge(Router::from(ui))
        .fallback(nothing)
        .method_not_allowed_fallback(other_method)
        // Bodies have limits where they are read; that of the framework is two megabytes for uploads, too.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(app.clone(), room))
        .layer(from_fn_with_state(app.clone(), fence::guard))
        .layer(cors(&app.settings))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(app.clone(), fence::observe))
        .with_state(app.clone());
    // Outside of all routes, so that it comes before they are looked up.
    Router::new().fallback_service(
        tower::ServiceBuilder::new()
            .layer(from_fn_with_state(app.clone(), without_slash))
            .service(all),
    )
}

/// `/x/` is `/x`; the page of the documentation is a folder.
async fn without_slash(State(app): State<App>, mut request: Request, next: Next) -> Response {
    if let Err(problem) = fence::screen(&app, request.method(), request.uri(), request.headers()) {
        return problem.into_response();
    }
    let path = request.uri().path();
    if path.len() > 1 && path.ends_with('/') && !path.starts_with("/docs") {
        let path = path.trim_end_matches('/');
        let path = if path.is_empty() { "/" } else { path };
        let all = match request.uri().query() {
            Some(query) => format!("{path}?{query}"),
            None => path.to_owned(),
        };
        if let Ok(uri) = all.parse() {
            *request.uri_mut() = uri;
        }
    }
    next.run(request).await
}

/// Lets so many requests in at a time; health always.
async fn room(State(app): State<App>, request: Request, next: Next) -> Response {
    if request.uri().path().ends_with("/health") {
        return next.run(request).await;
    }
    match app.room.try_acquire() {
        Ok(_place) => next.run(request).await,
        Err(_) => Problem::new("busy", "too many requests are under way").into_response(),
    }
}

async fn nothing() -> Problem {
    Problem::new("not_found", "there is nothing here; see /docs")
}

async fn other_method() -> Problem {
    Problem::new("method_not_allowed", "this can be asked in another way only; see /docs")
}

#[expect(clippy::needless_pass_by_value, reason = "the layer hands it over")]
fn panicked(panic: Box<dyn std::any::Any + Send + 'static>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or(panic.downcast_ref::<&str>().copied());
    tracing::error!("a request ended in a panic: {}", text.unwrap_or("of no words"));
    Problem::new("internal", "something inside went wrong; the log has the cause").into_response()
}

fn cors(settings: &Settings) -> CorsLayer {
    let layer = CorsLayer::new();
    if settings.cors.is_empty() {
        return layer;
    }
    let origins = if settings.cors.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(
            settings.cors.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()),
        )
    };
    layer
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::CONTENT_TYPE,
            header::AUTHORIZATION,
            header::RANGE,
            HeaderName::from_static("x-api-key"),
            HeaderName::from_static("prefer"),
            HeaderName::from_static("idempotency-key"),
            HeaderName::from_static("last-event-id"),
        ])
        .expose_headers([
            header::LOCATION,
            header::LINK,
            header::ETAG,
            header::RETRY_AFTER,
            HeaderName::from_static("x-total-count"),
            HeaderName::from_static("x-request-id"),
        ])
}

#[cfg(test)]
mod tests;
