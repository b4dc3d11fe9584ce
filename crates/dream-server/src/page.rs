//! Pages of lists: how many there are of all, and where the next page is.

use axum::Json;
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// A page of a list: its rows and how many there are of all. Where it is full, `last` is the number of its last row, from which `cursor` goes on.
pub(crate) fn answer<T: Serialize>(
    uri: &Uri,
    (cursor, last): (&str, Option<i64>),
    total: u64,
    rows: Vec<T>,
) -> Response {
    let next = last.map(|last| next(uri.path(), uri.query(), cursor, last));
    (headers(total, next), Json(rows)).into_response()
}

/// The headers of a page: the number of all, and the link to the next page where there is one.
fn headers(total: u64, next: Option<String>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("x-total-count", HeaderValue::from(total));
    let link = next.and_then(|next| HeaderValue::from_str(&format!("<{next}>; rel=\"next\"")).ok());
    if let Some(link) = link {
        headers.insert(header::LINK, link);
    }
    headers
}

/// The address of the next page: that of this one, with the cursor in place of the one before.
fn next(path: &str, query: Option<&str>, cursor: &str, value: i64) -> String {
    let kept = query.unwrap_or_default().split('&').filter(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        !pair.is_empty() && ![cursor, "skip"].contains(&name)
    });
    let mut pairs: Vec<&str> = kept.collect();
    let own = format!("{cursor}={value}");
    pairs.push(&own);
    format!("{path}?{}", pairs.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_keeps_the_filter_and_moves_the_cursor() {
        let next = |query| next("/x", query, "after", 7);
        assert_eq!(next(None), "/x?after=7");
        assert_eq!(
            next(Some("limit=2&after=5&category=kick&skip=3")),
            "/x?limit=2&category=kick&after=7"
        );
        let headers = headers(9, Some(next(None)));
        assert_eq!(headers["x-total-count"], "9");
        assert_eq!(headers["link"], "</x?after=7>; rel=\"next\"");
    }
}
