use axum::http::HeaderValue;
use serde::Deserialize;
use serde_json::{Value, json};

use super::*;
use crate::value::{number, whole, words};

whole!(Count, 1..=1_000, 10);
number!(Tempo, 20.0..=400.0, 138.0);
words!(Name, 5, "kick");

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Wanted {
    name: Name,
    count: Option<Count>,
    bpm: Option<Tempo>,
    loud: Option<bool>,
    #[serde(default)]
    parts: Vec<Part>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Part {
    bars: Count,
}

fn answer(result: Result<Wanted, Problem>) -> Value {
    serde_json::to_value(result.unwrap_err()).unwrap()
}

#[track_caller]
fn check(body: &str, status: u16, field: &str) {
    let problem = answer(parse(body.as_bytes()));
    assert_eq!(problem["status"], status, "{problem}");
    let named = problem["errors"][0]["field"].as_str().unwrap_or("none");
    assert_eq!(named, field, "{problem}");
}

#[test]
fn faults_in_bodies_name_their_field() {
    check("{", 400, "none");
    check(r#"{"name": "a"} x"#, 400, "none");
    check(&"[".repeat(100_000), 400, "none");
    check("{}", 422, "name");
    check(r#"{"name": 1}"#, 422, "name");
    check(r#"{"name": "a", "tempo": 1}"#, 422, "tempo");
    check(r#"{"name": "a", "bpm": 1000}"#, 422, "bpm");
    check(r#"{"name": "a", "parts": [{"bars": 1}, {"bars": 0}]}"#, 422, "parts[1].bars");
    check(r#"{"name": "a", "parts": [{"bars": 1, "x": 0}]}"#, 422, "parts[0].x");
    check("[]", 422, "");
}

#[test]
fn queries_are_read_like_bodies() {
    let read = from_query::<Wanted>("name=a%20b&count=10&bpm=138.5&loud=true").unwrap();
    assert_eq!(read.name, Name("a b".to_owned()));
    assert_eq!(
        (read.count, read.bpm, read.loud),
        (Some(Count(10)), Some(Tempo(138.5)), Some(true))
    );
    assert_eq!(from_query::<Wanted>("name=12").unwrap().name, Name("12".to_owned()));
    for (query, field) in [
        ("", "name"),
        ("name=a&count=ten", "count"),
        ("name=a&count=0", "count"),
        ("name=a&count=1.5", "count"),
        ("name=a&bpm=nan", "bpm"),
        ("name=a&loud=1", "loud"),
        ("name=a&other=1", "other"),
        ("name=a&name=b", "name"),
    ] {
        assert_eq!(answer(from_query(query))["errors"][0]["field"], field, "{query}");
    }
    assert_eq!(answer(from_query("name=%ff"))["status"], 400);
    assert_eq!(decoded("100%"), Some("100%".to_owned()));
    assert_eq!(decoded("%zz%4"), Some("%zz%4".to_owned()));
}

#[test]
fn preferences_are_read_from_headers_and_unknown_ones_passed_over() {
    let mut headers = HeaderMap::new();
    headers.append("prefer", HeaderValue::from_static("handling=lenient, wait=20"));
    headers.append("prefer", HeaderValue::from_static("Respond-Async"));
    headers.append("idempotency-key", HeaderValue::from_static("\"abc\""));
    let read = Preferences::of(&headers).unwrap();
    let key = Some("abc".to_owned());
    assert_eq!(read, Preferences { at_once: true, wait_s: Some(20), key });
    for bad in ["", "\"\"", "a b", "a\"b", "\"a"] {
        headers.insert("idempotency-key", HeaderValue::from_static(bad));
        assert_eq!(json!(Preferences::of(&headers).unwrap_err())["status"], 422, "{bad}");
    }
}
