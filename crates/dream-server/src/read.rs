//! Reading requests: bodies, queries and numbers in paths, each fault with the field that it is in.

use std::borrow::Cow;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use serde::de::value::MapDeserializer;
use serde::de::{self, DeserializeOwned, Deserializer, IntoDeserializer, Visitor};

use crate::problem::Problem;
use crate::state::App;

/// A body of JSON.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<App> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        if !is_json(&parts.headers) {
            let text = "a body of application/json is expected";
            return Err(Problem::new("unsupported_media", text));
        }
        let bytes = read(body, app).await?;
        parse(&bytes).map(Self)
    }
}

/// A body of JSON, or none.
pub(crate) struct MaybeJson<T>(pub(crate) T);

impl<T: DeserializeOwned + Default> FromRequest<App> for MaybeJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = read(body, app).await?;
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        if !is_json(&parts.headers) {
            let text = "a body of application/json is expected";
            return Err(Problem::new("unsupported_media", text));
        }
        // `null` stands for none, too.
        parse::<Option<T>>(&bytes).map(|value| Self(value.unwrap_or_default()))
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json") || kind.to_ascii_lowercase().ends_with("+json")
}

/// All of a body, if it is small enough and comes in time.
async fn read(body: Body, app: &App) -> Result<axum::body::Bytes, Problem> {
    let limit = app.settings.max_body;
    let whole = axum::body::to_bytes(body, limit);
    match tokio::time::timeout(4 * app.settings.patience, whole).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if is_too_long(&error) => {
            Err(Problem::new("too_large", format!("a body has at most {limit} bytes")))
        }
        Ok(Err(_)) => Err(Problem::new("malformed", "the body broke off")),
        Err(_) => Err(Problem::new("timeout", "the body came too slowly")),
    }
}

fn is_too_long(error: &axum::Error) -> bool {
    dream_core::chain(error).contains("length limit")
}

/// A value from JSON; unknown fields and values out of range name their field.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        // The fields of an object would be read from a list, in their order.
        return Err(match serde_json::from_slice::<de::IgnoredAny>(bytes) {
            Ok(_) => Problem::field("", "an object is expected, not a list"),
            Err(error) => Problem::new("malformed", format!("no JSON: {error}")),
        });
    }
    let mut from = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut from).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        match inner.classify() {
            serde_json::error::Category::Data => told(&path, &without_place(&inner.to_string())),
            serde_json::error::Category::Syntax
            | serde_json::error::Category::Eof
            | serde_json::error::Category::Io => {
                Problem::new("malformed", format!("no JSON: {inner}"))
            }
        }
    })?;
    from.end().map_err(|error| Problem::new("malformed", format!("no JSON: {error}")))?;
    Ok(value)
}

/// The problem of a field; what serde says of a field that is unknown or missing names it.
fn told(path: &str, message: &str) -> Problem {
    let named = ["unknown field `", "missing field `", "duplicate field `"]
        .iter()
        .find_map(|begin| message.strip_prefix(begin)?.split('`').next());
    let field = match (path, named) {
        ("." | "", Some(name)) => name.to_owned(),
        ("." | "", None) => String::new(),
        (path, Some(name)) if path != name && !path.ends_with(&format!(".{name}")) => {
            format!("{path}.{name}")
        }
        (path, _) => path.to_owned(),
    };
    let message: String = message.chars().take(500).collect();
    Problem::field(&field, message)
}

/// The message of serde without line and column, which tell little of a value.
fn without_place(message: &str) -> String {
    message.rfind(" at line ").map_or(message, |at| &message[..at]).to_owned()
}

/// The query of a request.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<App> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        let text = parts.uri.query().unwrap_or_default();
        from_query(text).map(Self)
    }
}

fn from_query<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    let pairs = pairs(text).ok_or_else(|| Problem::new("malformed", "the query is no UTF-8"))?;
    let from = MapDeserializer::<_, de::value::Error>::new(
        pairs.into_iter().map(|(name, value)| (name, Word(value))),
    );
    serde_path_to_error::deserialize(from).map_err(|error| {
        let path = error.path().to_string();
        told(&path, &error.into_inner().to_string())
    })
}

/// The pairs of a query, decoded.
fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let decode = |part: &str| decoded(&part.replace('+', " "));
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decode(name)?, decode(value)?))
        })
        .collect()
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = (*first == b'%').then(|| tail.get(..2)).flatten();
        let byte = hex
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8(bytes).ok()
}

/// A value of a query: a number or a truth where one is asked for.
struct Word(String);

impl IntoDeserializer<'_, de::value::Error> for Word {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Word {
    type Error = de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_string(self.0)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        if let Ok(whole) = self.0.parse::<i64>() {
            return visitor.visit_i64(whole);
        }
        match self.0.parse::<f64>() {
            Ok(number) if number.is_finite() => visitor.visit_f64(number),
            _ => visitor.visit_str(&self.0),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self.0.as_str() {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            other => visitor.visit_str(other),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        visitor.visit_enum(self.0.into_deserializer())
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i64 u8 u16 u32 u64 f32 char str string bytes byte_buf unit unit_struct seq
        tuple tuple_struct map struct identifier ignored_any
    }
}

/// The number in the path of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Id(pub(crate) i64);

/// The largest number of a stem, a track or a job: that which every reader of JSON keeps.
pub(crate) const MAX_ID: i64 = 9_007_199_254_740_991;

impl FromRequestParts<App> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let path: Result<Path<String>, _> = Path::from_request_parts(parts, app).await;
        let id = path.ok().and_then(|Path(text)| text.parse().ok());
        id.filter(|id| (1..=MAX_ID).contains(id))
            .map(Self)
            .ok_or_else(|| Problem::field("id", format!("a whole number from 1 to {MAX_ID}")))
    }
}

/// What a request says of how it wants to be answered (RFC 7240), and the key by which it is known again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Preferences {
    /// Answer at once with the job.
    pub(crate) at_once: bool,
    /// Wait so many seconds for the result.
    pub(crate) wait_s: Option<u64>,
    /// The idempotency key.
    pub(crate) key: Option<String>,
}

impl FromRequestParts<App> for Preferences {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        Self::of(&parts.headers)
    }
}

impl Preferences {
    fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let mut preferences = Self::default();
        for value in headers.get_all("prefer") {
            // What a server does not know of this header it passes over.
            for wish in value.to_str().unwrap_or_default().split([',', ';']) {
                let wish: Cow<'_, str> = wish.trim().to_ascii_lowercase().into();
                if wish == "respond-async" {
                    preferences.at_once = true;
                } else if let Some(seconds) = wish.strip_prefix("wait=") {
                    preferences.wait_s = seconds.trim_matches('"').parse().ok();
                }
            }
        }
        if let Some(key) = headers.get("idempotency-key") {
            let key = key.to_str().ok().map(|key| {
                let bare = key.strip_prefix('"').and_then(|key| key.strip_suffix('"'));
                bare.unwrap_or(key)
            });
            let good = |key: &&str| {
                (1..=200).contains(&key.len())
                    && key.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"')
            };
            let key = key.filter(good);
            let text = "1 to 200 visible characters of ASCII";
            preferences.key =
                Some(key.ok_or_else(|| Problem::field("Idempotency-Key", text))?.to_owned());
        }
        Ok(preferences)
    }
}

#[cfg(test)]
mod tests;
