//! Stems and their audio.

use axum::body::Body;
use serde_json::json;

use super::{World, ask};

#[tokio::test]
async fn stems_come_in_pages_that_link_to_the_next() {
    let world = World::with_stems(5);
    let mut path = "/stems?limit=2&category=kick".to_owned();
    let mut seen = Vec::new();
    loop {
        let reply = world.get(&path).await;
        assert_eq!(
            (reply.status.as_u16(), &reply.headers["x-total-count"]),
            (200, &"5".parse().unwrap())
        );
        seen.extend(
            reply.json().as_array().unwrap().iter().map(|stem| stem["id"].as_i64().unwrap()),
        );
        let Some(link) = reply.headers.get("link") else { break };
        let link = link.to_str().unwrap();
        let next = link.strip_prefix("</api/v1").and_then(|link| link.split('>').next());
        path = next.unwrap().to_owned();
    }
    assert_eq!(seen, [1, 2, 3, 4, 5]);
    let reply = world.get("/stems/category/hat?limit=1").await;
    assert_eq!(reply.json(), json!([]));
    assert_eq!(world.get("/stems/category/wibble").await.code(), "invalid");
    assert_eq!(world.get("/stems?after=1&sort=name").await.code(), "conflict");
    assert_eq!(world.get("/stems?skip=10001").await.json()["errors"][0]["field"], "skip");
    let counts = world.get("/stems/statistics").await.json();
    assert_eq!(counts["total_stems"], 5);
    assert_eq!(counts["by_source"], json!([{"source": "original", "count": 5}]));
}

#[tokio::test]
async fn a_stem_has_all_that_is_promised_and_can_be_changed() {
    let world = World::with_stems(1);
    let stem = world.get("/stems/1").await.json();
    for name in [
        "id",
        "path",
        "filename",
        "category",
        "tags",
        "bpm",
        "key",
        "duration",
        "sample_rate",
        "channels",
        "source",
        "kit",
        "licence",
        "quality_score",
        "loudness_lufs",
        "embedding_space",
        "neuromorphic",
        "provenance",
        "content_hash",
        "created_at",
        "updated_at",
    ] {
        assert!(stem.get(name).is_some(), "{name} is missing in {stem}");
    }
    let place = stem["provenance"]["path"].as_str().unwrap();
    assert_eq!(place, "raw_construction_kits/kit/kick 00.wav");
    let patched =
        world.patch("/stems/1", r#"{"tags": ["mine"], "bpm": 120.0, "key": "11A"}"#).await;
    let stem = patched.json();
    assert_eq!((&stem["tags"], &stem["bpm"]), (&json!(["mine"]), &json!(120.0)));
    assert_eq!((&stem["key"], &stem["camelot"]), (&json!("F# minor"), &json!("11A")));
    let stem = world.patch("/stems/1", r#"{"bpm": null, "kit": null}"#).await.json();
    assert_eq!(
        (&stem["bpm"], &stem["kit"], &stem["key"]),
        (&json!(null), &json!(null), &json!("F# minor"))
    );
    let put = ask("PUT", "/stems/1").header("content-type", "application/json");
    let put = put.body(Body::from(r#"{"filename": "new.wav", "category": "snare"}"#)).unwrap();
    let stem = world.send(put).await.json();
    assert_eq!(
        (&stem["category"], &stem["tags"], &stem["key"]),
        (&json!("snare"), &json!([]), &json!(null))
    );
    assert_eq!(world.post("/stems/1/rating", r#"{"rating": -1}"#).await.json()["rating"], -1);
    assert_eq!(world.post("/stems/1/rating", r#"{"rating": 2}"#).await.code(), "invalid");
    assert_eq!(world.delete("/stems/1").await.status, 204);
    assert_eq!(world.get("/stems/1").await.code(), "no_such_stem");
    assert_eq!(world.delete("/stems/1").await.code(), "no_such_stem");
}

#[tokio::test]
async fn audio_comes_whole_in_ranges_or_not_at_all_when_it_is_known() {
    let world = World::with_stems(1);
    let with = async |name: &str, value: &str| {
        let request = ask("GET", "/stems/1/audio").header(name, value);
        world.send(request.body(Body::empty()).unwrap()).await
    };
    // Whoever asks for compression gets none: a player needs length and ranges.
    let whole = with("accept-encoding", "gzip").await;
    assert_eq!(whole.status, 200);
    assert!(whole.headers.get("content-encoding").is_none());
    assert_eq!(whole.headers["content-length"], whole.bytes.len().to_string());
    assert_eq!(&whole.bytes[..4], b"RIFF");
    let tag = whole.headers["etag"].to_str().unwrap().to_owned();

    let part = with("range", "bytes=4-11").await;
    assert_eq!((part.status.as_u16(), part.bytes.as_slice()), (206, &whole.bytes[4..12]));
    let expected = format!("bytes 4-11/{}", whole.bytes.len());
    assert_eq!(part.headers["content-range"], expected);
    assert_eq!(with("range", "bytes=-4").await.bytes, whole.bytes[whole.bytes.len() - 4..]);
    let outside = with("range", "bytes=999999999-").await;
    assert_eq!((outside.status.as_u16(), outside.code().as_str()), (416, "range"));
    let known = with("if-none-match", &tag).await;
    assert_eq!((known.status.as_u16(), known.bytes.len()), (304, 0));
    assert_eq!(with("if-none-match", "\"other\"").await.status, 200);
    let head = world.send(ask("HEAD", "/stems/1/audio").body(Body::empty()).unwrap()).await;
    assert_eq!((head.status.as_u16(), head.bytes.len()), (200, 0));
    assert_eq!(world.get("/stems/99/audio").await.code(), "no_such_stem");
}

#[tokio::test]
async fn words_and_likeness_find_stems() {
    let world = World::with_stems(3);
    let found = world.post("/stems/search", r#"{"query": "kick", "top_k": 2.0}"#).await.json();
    let found = found.as_array().unwrap();
    assert_eq!(found.len(), 2);
    assert!((0.0..=1.0).contains(&found[0]["similarity_score"].as_f64().unwrap()));
    assert!(found[0]["stem"]["id"].is_i64() && found[0]["why"].is_array());
    let same = world.get("/stems/search?prompt=kick&top_k=2").await.json();
    assert_eq!(same, json!(found));
    assert_eq!(world.get("/stems/1/similar").await.json().as_array().unwrap().len(), 2);
    assert_eq!(world.get("/stems/99/similar").await.code(), "no_such_stem");
    assert_eq!(world.get("/stems/search").await.json()["errors"][0]["field"], "prompt");
}
