//! Sending sounds and archives of them: whole, or the range that was asked for, with the hash of the content as `ETag`.

use std::io::SeekFrom;
use std::path::Path;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use crate::problem::Problem;

/// The bytes of a sound.
#[derive(utoipa::ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "it stands in the documentation only")]
pub(crate) struct Sound(Vec<u8>);

/// The bytes of a ZIP file.
#[derive(utoipa::ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "it stands in the documentation only")]
pub(crate) struct Archive(Vec<u8>);

/// Answers with the file at `path`, whose content has that hash.
///
/// Never compressed: a player needs the length and the ranges.
pub(crate) async fn send(path: &Path, hash: &str, asked: &HeaderMap) -> Result<Response, Problem> {
    let Ok(mut file) = tokio::fs::File::open(path).await else {
        return Err(Problem::new("not_found", "the audio is not there any more"));
    };
    let gone = |_| Problem::new("internal", "the audio cannot be read");
    let length = file.metadata().await.map_err(gone)?.len();
    let tag = format!("\"{hash}\"");
    let mut headers = HeaderMap::new();
    let kind = match path.extension().and_then(|end| end.to_str()) {
        Some("flac") => "audio/flac",
        Some("zip") => "application/zip",
        _ => "audio/wav",
    };
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    let text = |name| asked.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    if let Some(known) = text(header::IF_NONE_MATCH)
        && known.split(',').any(|known| matches(known.trim(), &tag))
    {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    // A range of another version is of no use: then all of this one is sent.
    let same = text(header::IF_RANGE).is_none_or(|known| known == tag);
    let range = text(header::RANGE).filter(|_| same).map(|range| parse(range, length));
    let (first, count, status) = match range {
        None | Some(Range::Unread) => (0, length, StatusCode::OK),
        Some(Range::Bytes { first, last }) => {
            (first, last - first + 1, StatusCode::PARTIAL_CONTENT)
        }
        Some(Range::Outside) => {
            let mut problem = Problem::new("range", "the range lies outside").into_response();
            let all = format!("bytes */{length}");
            if let Ok(all) = HeaderValue::from_str(&all) {
                problem.headers_mut().insert(header::CONTENT_RANGE, all);
            }
            return Ok(problem);
        }
    };
    if status == StatusCode::PARTIAL_CONTENT {
        let part = format!("bytes {first}-{}/{length}", first + count - 1);
        if let Ok(part) = HeaderValue::from_str(&part) {
            headers.insert(header::CONTENT_RANGE, part);
        }
        file.seek(SeekFrom::Start(first)).await.map_err(gone)?;
    }
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(count));
    let body = Body::from_stream(ReaderStream::with_capacity(file.take(count), 1 << 16));
    Ok((status, headers, body).into_response())
}

fn matches(known: &str, tag: &str) -> bool {
    known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag
}

/// What is asked for of a file.
#[derive(Debug, PartialEq, Eq)]
enum Range {
    /// Nothing that is understood, or more than one piece: all of it is sent.
    Unread,
    /// These bytes, both included.
    Bytes { first: u64, last: u64 },
    /// Nothing that is there.
    Outside,
}

fn parse(text: &str, length: u64) -> Range {
    let Some((first, last)) = text.strip_prefix("bytes=").and_then(|text| text.split_once('-'))
    else {
        return Range::Unread;
    };
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let (first, last) = match (first.trim(), last.trim()) {
        ("", last) => match number(last) {
            None => return Range::Unread,
            Some(count) => (
                length.saturating_sub(count),
                if count == 0 { None } else { length.checked_sub(1) },
            ),
        },
        (first, "") => match number(first) {
            None => return Range::Unread,
            Some(first) => (first, length.checked_sub(1)),
        },
        (first, last) => match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => {
                (first, length.checked_sub(1).map(|end| end.min(last)))
            }
            _ => return Range::Unread,
        },
    };
    match last {
        Some(last) if first <= last => Range::Bytes { first, last },
        _ => Range::Outside,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        let check = |text, expected| assert_eq!(parse(text, 100), expected, "{text}");
        let bytes = |first, last| Range::Bytes { first, last };
        check("bytes=0-0", bytes(0, 0));
        check("bytes=10-19", bytes(10, 19));
        check("bytes=90-", bytes(90, 99));
        check("bytes=90-1000", bytes(90, 99));
        check("bytes=-10", bytes(90, 99));
        check("bytes=-1000", bytes(0, 99));
        for outside in ["bytes=100-", "bytes=100-200", "bytes=-0"] {
            check(outside, Range::Outside);
        }
        for unread in ["bytes=5-1", "bytes=a-b", "lines=1-2", "bytes=0-1,5-6", "bytes=-", "bytes"] {
            check(unread, Range::Unread);
        }
        assert_eq!(parse("bytes=0-", 0), Range::Outside);
    }
}
