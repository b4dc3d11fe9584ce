//! What everybody may know: health, the description, what there is and what there is not.

use axum::body::Body;
use serde_json::Value;

use super::{World, ask};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

#[tokio::test]
async fn what_is_documented_is_there_and_nothing_else() {
    let world = World::new();
    let api = crate::openapi();
    let paths = api["paths"].as_object().unwrap();
    assert!(paths.len() > 30, "{}", paths.len());
    for (path, item) in paths {
        let real = path.replace("{id}", "999").replace("{category}", "kick");
        for method in METHODS {
            let request = ask(&method.to_uppercase(), &format!("/{real}")).body(Body::empty());
            let reply = world.send(request.unwrap()).await;
            let documented = item.get(method).is_some();
            assert_eq!(reply.status != 405, documented, "{method} {path}: {}", reply.status);
            if documented {
                let known = item[method]["responses"].get(reply.status.as_str()).is_some();
                assert!(known, "{method} {path}: {} is not documented", reply.status);
                let lost =
                    reply.status == 404 && reply.code() == "not_found" && !real.contains("999");
                assert!(!lost, "{method} {path} is not there");
            }
        }
    }
    // Routes come from the documentation, but for the older names and the page: these are all.
    let source = include_str!("../lib.rs");
    assert_eq!(source.matches(".route(").count(), crate::older::PATHS.len());
}

#[tokio::test]
async fn the_description_is_complete_and_strict() {
    let api = crate::openapi();
    assert_eq!(api["openapi"], "3.1.0");
    let mut names = std::collections::BTreeSet::new();
    for (path, item) in api["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let at = format!("{method} {path}");
            assert!(names.insert(operation["operationId"].as_str().unwrap().to_owned()), "{at}");
            assert!(operation["summary"].is_string(), "{at} has no summary");
            let errors = operation["responses"].as_object().unwrap().iter();
            let errors: Vec<_> = errors.filter(|(status, _)| status.as_str() >= "400").collect();
            assert!(
                errors
                    .iter()
                    .all(|(_, error)| error["content"].get(crate::problem::MEDIA_TYPE).is_some()),
                "{at}"
            );
        }
    }
    let schemas = &api["components"]["schemas"];
    for name in
        ["TrackRequest", "Generate", "Train", "SearchRequest", "StemUpdate", "StemPatch", "Hybrid"]
    {
        assert_eq!(schemas[name]["additionalProperties"], false, "{name}");
        assert!(schemas[name].get("example").is_some(), "{name} has no example");
    }
    // Ranges stand in full: a format such as int32 would let through what is refused, and refuse what is let through.
    let seed = &schemas["SeedNumber"];
    assert_eq!(seed["maximum"].as_f64(), Some(9_007_199_254_740_991.0));
    assert!(seed.get("format").is_none(), "{seed}");
    for reference in references(&api) {
        let name = reference.strip_prefix("#/components/schemas/").unwrap();
        assert!(schemas.get(name).is_some(), "{reference} leads nowhere");
    }
}

fn references(value: &Value) -> Vec<String> {
    match value {
        Value::Object(fields) => {
            let own = fields.get("$ref").and_then(Value::as_str).map(str::to_owned);
            own.into_iter().chain(fields.values().flat_map(references)).collect()
        }
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn the_committed_description_is_current() {
    let committed = include_str!("../../openapi.json");
    let committed: Value = serde_json::from_str(committed).unwrap();
    assert!(
        committed == crate::openapi(),
        "cargo run -p dream-server --example openapi > crates/dream-server/openapi.json"
    );
}

#[tokio::test]
async fn health_answers_everywhere_and_with_a_slash_at_the_end() {
    let world = World::new();
    for path in ["/health", "/health/", "//health", "//health/"] {
        let reply = world.get(path).await;
        assert_eq!(reply.status, 200, "{path}");
        let body = reply.json();
        assert!(["ok", "degraded"].contains(&body["status"].as_str().unwrap()), "{body}");
        assert_eq!(body["checks"]["database"], "ok");
        assert!(reply.headers.contains_key("x-request-id"));
    }
    assert_eq!(world.get("/stems/?limit=1").await.status, 200);
}

#[tokio::test]
async fn the_page_of_the_documentation_asks_nobody_else() {
    let world = World::new();
    let page = world.get("//docs/").await;
    assert_eq!(page.status, 200);
    let html = String::from_utf8(page.bytes).unwrap();
    for outside in ["src=\"http", "href=\"http", "src=\"//", "href=\"//"] {
        assert!(!html.contains(outside), "{html}");
    }
    let script = world.get("//docs/swagger-initializer.js").await;
    assert!(String::from_utf8(script.bytes).unwrap().contains("/api/v1/openapi.json"));
    assert_eq!(world.get("//docs/swagger-ui-bundle.js").await.status, 200);
    assert_eq!(world.get("//docs").await.status, 303);
}

#[tokio::test]
async fn a_monitor_finds_its_numbers() {
    let world = World::new();
    world.get("/stems").await;
    world.get("/nowhere").await;
    let reply = world.get("/metrics").await;
    let text = String::from_utf8(reply.bytes).unwrap();
    assert!(text.contains("route=\"/api/v1/stems\",status=\"200\"} 1"), "{text}");
    assert!(text.contains("dream_jobs{status=\"queued\"} 0"), "{text}");
    assert!(!text.contains("nowhere"), "what is asked for does not become a label");
}
