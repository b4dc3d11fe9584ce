//! What goes wrong, as RFC 9457 tells it: `application/problem+json` with a stable code.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use dream_engine::{Error, Failure, Kind};
use serde::Serialize;
use utoipa::ToSchema;

/// The media type of every error.
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// Seconds after which a request that found no room may be sent again.
const RETRY_S: &str = "5";

/// Every code with the status it comes with and what it means; the documentation shows this table.
pub(crate) const CODES: &[(&str, u16, &str)] = &[
    ("malformed", 400, "the request cannot be read"),
    ("unauthorized", 401, "a key is needed"),
    ("outside_home", 403, "the path does not lie in the home"),
    ("foreign_origin", 403, "the page that asks is of another site"),
    ("not_found", 404, "there is nothing here"),
    ("no_such_stem", 404, "there is no such stem"),
    ("no_such_track", 404, "there is no such track"),
    ("no_such_job", 404, "there is no such job"),
    ("no_stems", 404, "no stem of the chosen sources fits"),
    ("method_not_allowed", 405, "this can be asked in another way only"),
    ("timeout", 408, "the request came too slowly"),
    ("conflict", 409, "the state of things does not allow it"),
    ("cancelled", 409, "the job was cancelled"),
    ("key_used", 409, "the idempotency key belongs to another request"),
    ("model_missing", 409, "the model is not installed"),
    ("not_trained", 409, "the category has no model yet"),
    ("too_few_stems", 409, "the category has too few stems to learn from"),
    ("stems_gone", 409, "stems that the track plays are no longer in the library"),
    ("given_up", 409, "the job kept ending the program"),
    ("too_large", 413, "the request is too large"),
    ("unsupported_media", 415, "this type of content cannot be used"),
    ("range", 416, "the range lies outside the file"),
    ("invalid", 422, "a value is not allowed"),
    ("too_many_requests", 429, "too many requests"),
    ("internal", 500, "something inside went wrong"),
    ("busy", 503, "too much is under way"),
    ("queue_full", 503, "too many jobs are waiting"),
    ("closing", 503, "the server is shutting down"),
    ("no_space", 507, "no space is left on the disk"),
];

/// An error as it is answered.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "type": "about:blank", "title": "a value is not allowed", "status": 422, "code": "invalid",
    "detail": "bpm: a number from 20 to 400", "errors": [{"field": "bpm", "message": "a number from 20 to 400"}]
}))]
pub(crate) struct Problem {
    /// The kind of problem; the code tells more.
    #[serde(rename = "type")]
    kind: &'static str,
    /// What the code means.
    title: &'static str,
    /// The status of the answer.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// Which error it is, in a word that does not change.
    code: String,
    /// What is wrong with this request.
    detail: String,
    /// The fields that are wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Fault>,
}

/// A field that is wrong.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Fault {
    /// Its place in the request, such as `structure[2].bars`.
    pub(crate) field: String,
    /// What it should be.
    pub(crate) message: String,
}

impl Problem {
    /// The problem of that code; one that is not in the table is internal.
    pub(crate) fn new(code: &str, detail: impl Into<String>) -> Self {
        let known = CODES.iter().find(|(known, ..)| *known == code);
        let (code, status, title) = known.copied().unwrap_or(("internal", 500, "unknown"));
        Self {
            kind: "about:blank",
            title,
            status,
            code: code.to_owned(),
            detail: detail.into(),
            errors: Vec::new(),
        }
    }

    /// A field that is not as it should be.
    pub(crate) fn field(field: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        let detail = if field.is_empty() { message.clone() } else { format!("{field}: {message}") };
        let field = field.to_owned();
        Self { errors: vec![Fault { field, message }], ..Self::new("invalid", detail) }
    }

    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        if error.kind() == Kind::Internal {
            // The cause is for the log; the answer names none of it.
            tracing::error!("{}", error.without_paths());
        }
        let code = error.code();
        let problem = Self::new(code, error.public());
        if code == "invalid" { Self::field("", problem.detail) } else { problem }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        Self::new(&failure.code, failure.detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let mut response = (status, Json(&self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_S));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_listed_once_and_busy_says_when_to_come_again() {
        let mut codes: Vec<&str> = CODES.iter().map(|(code, ..)| *code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), CODES.len());
        let response = Problem::new("queue_full", "x").into_response();
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()["retry-after"], RETRY_S);
        assert_eq!(response.headers()["content-type"], MEDIA_TYPE);
    }
}
