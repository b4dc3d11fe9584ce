//! What stands before every request: its number, the key, limits, and the line in the log.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::problem::Problem;
use crate::state::App;

/// The header that names a request; one that the caller gives is kept.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest address of a request, in bytes.
const LONGEST_URI: usize = 8_192;

/// Addresses whose rate is watched at a time; beyond, the oldest are forgotten.
const WATCHED: usize = 10_000;

static REQUESTS: AtomicU64 = AtomicU64::new(1);

/// Numbers, counts and logs a request. Neither query nor headers come into the log: they may hold what is secret.
pub(crate) async fn observe(State(app): State<App>, request: Request, next: Next) -> Response {
    let given = request.headers().get(&REQUEST_ID).cloned().filter(is_good_id);
    let id = given.unwrap_or_else(|| {
        let number = REQUESTS.fetch_add(1, Ordering::Relaxed);
        HeaderValue::from_str(&format!("{:x}-{number:x}", std::process::id()))
            .unwrap_or_else(|_| HeaderValue::from_static("0"))
    });
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or("none", MatchedPath::as_str).to_owned();
    let method = request.method().to_string();
    // Made-up methods must not fill the table of the metrics.
    let known = ["GET", "PUT", "POST", "HEAD", "PATCH", "DELETE", "OPTIONS"];
    let method = if known.contains(&method.as_str()) { method } else { "OTHER".to_owned() };
    let begun = Instant::now();
    app.metrics.under_way.fetch_add(1, Ordering::Relaxed);
    // A caller that goes away drops this future: the count must fall all the same.
    let under_way = UnderWay(&app);
    let mut response = next.run(request).await;
    drop(under_way);
    let (status, took) = (response.status().as_u16(), begun.elapsed());
    app.metrics.count(&method, &route, status, took);
    let ms = took.as_millis() as u64;
    tracing::info!(target: "access", id = id.to_str().unwrap_or("-"), method, route, status, ms);
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

struct UnderWay<'a>(&'a App);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.metrics.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

fn is_good_id(id: &HeaderValue) -> bool {
    let text = id.as_bytes();
    (1..=64).contains(&text.len())
        && text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
}

/// Lets a request pass that shows the key, if there is one, comes from a web page of this server's own, and not too often.
pub(crate) async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    match check(&app, &request) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

fn check(app: &App, request: &Request) -> Result<(), Problem> {
    let path = request.uri().path();
    let open = path.ends_with("/health") || path == crate::docs::PLACE || path.starts_with("/docs");
    if let Some(key) = app.settings.api_key.as_ref().filter(|_| !open)
        && !shows(request.headers(), key)
    {
        return Err(Problem::new(
            "unauthorized",
            "a key is needed: Authorization: Bearer, or X-API-Key",
        ));
    }
    if app.settings.rate > 0 && !open {
        let caller = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let caller = caller.map_or(IpAddr::from([0, 0, 0, 0]), |ConnectInfo(at)| at.ip());
        if !app.rates.take(caller, app.settings.rate, Instant::now()) {
            return Err(Problem::new("too_many_requests", "too many requests from this address"));
        }
    }
    Ok(())
}

/// Refuses an address that is too long, and a name of a host that is not this machine's, where only this machine is served: a page
/// of another site could else reach it by a name that it makes point here.
pub(crate) fn screen(
    app: &App,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<(), Problem> {
    let length = uri.path().len() + uri.query().map_or(0, str::len);
    if length > LONGEST_URI {
        return Err(Problem::new(
            "malformed",
            format!("an address has at most {LONGEST_URI} bytes"),
        ));
    }
    if !method.is_safe() && is_foreign(app, headers) {
        return Err(Problem::new("foreign_origin", "pages of other sites may not ask for that"));
    }
    if !app.settings.bind.ip().is_loopback() || app.settings.api_key.is_some() {
        return Ok(());
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.or(uri.host());
    if host.is_none_or(is_local) {
        return Ok(());
    }
    Err(Problem::new("malformed", "the Host of the request is not this machine"))
}

/// Whether a page of another site asks, one that is not allowed to: a form can be sent without a question before.
fn is_foreign(app: &App, headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let Some(origin) = text(header::ORIGIN) else { return false };
    let own = origin.split_once("://").map(|(_, host)| host);
    let allowed = app.settings.cors.iter().any(|known| known == "*" || known == origin);
    !allowed && own != text(header::HOST)
}

fn is_local(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether the headers show the key.
fn shows(headers: &HeaderMap, key: &str) -> bool {
    let bearer = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
    let bearer =
        bearer.filter(|given| given.len() > 7 && given[..7].eq_ignore_ascii_case(b"bearer "));
    let shown = headers.get("x-api-key").map(HeaderValue::as_bytes);
    // Both are looked at whatever the first says, and each to its end.
    let first = is_same(bearer.map_or(b"".as_slice(), |given| &given[7..]), key.as_bytes());
    let second = is_same(shown.unwrap_or_default(), key.as_bytes());
    first | second
}

/// Whether two texts are the same, in a time that does not tell where they differ.
fn is_same(given: &[u8], key: &[u8]) -> bool {
    let mut differs = given.len() ^ key.len();
    for (i, byte) in given.iter().enumerate() {
        let other = key.get(i % key.len().max(1)).copied().unwrap_or(0);
        differs |= usize::from(byte ^ other);
    }
    std::hint::black_box(differs) == 0
}

/// How often each address has asked: a bucket of two seconds' worth that fills again evenly.
#[derive(Debug, Default)]
pub(crate) struct Rates(Mutex<BTreeMap<IpAddr, (Instant, f64)>>);

impl Rates {
    /// Takes a place in the bucket of an address, if one is left.
    fn take(&self, caller: IpAddr, per_second: u32, now: Instant) -> bool {
        let most = 2.0 * f64::from(per_second);
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= WATCHED && !buckets.contains_key(&caller) {
            // A full bucket tells nothing that an absent one does not.
            buckets.retain(|_, (at, _)| now.duration_since(*at).as_secs() < 2);
            if buckets.len() >= WATCHED {
                buckets.clear();
            }
        }
        let (at, left) = buckets.entry(caller).or_insert((now, most));
        let filled = *left + now.duration_since(*at).as_secs_f64() * f64::from(per_second);
        *at = now;
        *left = filled.min(most);
        if *left < 1.0 {
            return false;
        }
        *left -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_key_is_shown_by_either_header_and_compared_whole() {
        let check = |name: &'static str, value: &'static str, expected: bool| {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static(value));
            assert_eq!(shows(&headers, "secret"), expected, "{name}: {value}");
        };
        check("authorization", "Bearer secret", true);
        check("authorization", "bearer secret", true);
        check("x-api-key", "secret", true);
        for wrong in ["secre", "secrets", "secretsecret", "Secret", "", " "] {
            check("x-api-key", wrong, false);
        }
        check("authorization", "Basic secret", false);
        check("authorization", "Bearer ", false);
        assert!(!shows(&HeaderMap::new(), "secret"));
    }

    #[test]
    fn only_names_of_this_machine_are_local() {
        for local in ["localhost", "LOCALHOST:8000", "127.0.0.1:8000", "127.9.9.9", "[::1]:8000"] {
            assert!(is_local(local), "{local}");
        }
        for foreign in ["evil.example", "localhost.evil.example", "10.0.0.1", "[::2]", ""] {
            assert!(!is_local(foreign), "{foreign}");
        }
    }

    #[test]
    fn an_address_that_asks_too_often_waits_for_its_bucket_to_fill() {
        let (rates, now) = (Rates::default(), Instant::now());
        let (one, other) = (IpAddr::from([1, 1, 1, 1]), IpAddr::from([2, 2, 2, 2]));
        assert!((0..10).all(|_| rates.take(one, 5, now)));
        assert!(!rates.take(one, 5, now));
        assert!(rates.take(other, 5, now));
        assert!(rates.take(one, 5, now + Duration::from_millis(250)));
        assert!(!rates.take(one, 5, now + Duration::from_millis(260)));
    }
}
