//! The interface described: OpenAPI 3.1, made from the handlers, and the page that shows it without asking anybody else.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::older;
use crate::problem::{CODES, MEDIA_TYPE};

/// Where the description is.
pub(crate) const PLACE: &str = "/api/v1/openapi.json";

/// What the interface is.
const ABOUT: &str = "\
Turns a growing library of audio into new music.

Work that takes seconds (`generate-track`, `render`, `reroll`) answers when it is done, or at once with 202 and a job when \
`Prefer: respond-async` is sent. Long work (`preprocess`, `train`, `generate`, `cycle`) answers 202 with `Location`; with \
`Prefer: wait=N` it answers with the result if that is there in N seconds. `Idempotency-Key` makes a request that is sent twice one job. \
A full queue answers 503 with `Retry-After`.

Errors are `application/problem+json` (RFC 9457) with a `code` that does not change:

";

/// Requests that put work into the queue: they know `Prefer` and `Idempotency-Key`.
const QUEUED: &[&str] = &[
    "/api/v1/preprocess",
    "/api/v1/generate-track",
    "/api/v1/stems/generate-track",
    "/api/v1/stems",
    "/api/v1/tracks/{id}/reroll",
    "/api/v1/tracks/{id}/stems",
    "/api/v1/neuromorphic/preprocess",
    "/api/v1/neuromorphic/preprocess/upload",
    "/api/v1/neuromorphic/train",
    "/api/v1/neuromorphic/train/batch",
    "/api/v1/neuromorphic/generate",
    "/api/v1/neuromorphic/generate/hybrid",
    "/api/v1/neuromorphic/generate/batch",
    "/api/v1/neuromorphic/render",
    "/api/v1/neuromorphic/cycle",
];

/// Lists that come in pages.
const PAGED: &[&str] =
    &["/api/v1/stems", "/api/v1/stems/category/{category}", "/api/v1/tracks", "/api/v1/jobs"];

/// The description, complete: what the handlers do not say is the same for all of them and is added here.
pub(crate) fn complete(made: &utoipa::openapi::OpenApi) -> Value {
    let mut api = serde_json::to_value(made).expect("a description is JSON");
    let mut about = ABOUT.to_owned();
    for (code, status, meaning) in CODES {
        // Writing to a string cannot fail.
        let _ = writeln!(about, "- `{code}` ({status}): {meaning}");
    }
    api["info"] = json!({
        "title": "Neuromorphic Dream Engine",
        "version": dream_engine::VERSION,
        "description": about,
        "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"}
    });
    api["servers"] = json!([{"url": "/"}]);
    api["components"]["securitySchemes"] = json!({
        "bearer": {"type": "http", "scheme": "bearer"},
        "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"}
    });
    // Without a key, on this machine only, nothing is to be shown.
    api["security"] = json!([{}, {"bearer": []}, {"key": []}]);
    limit(&mut api);
    if let Some(paths) = api["paths"].as_object_mut() {
        for (path, item) in paths.iter_mut() {
            for (method, operation) in item.as_object_mut().into_iter().flatten() {
                finish(path, method, operation);
            }
        }
        for (older, method, today) in older::PATHS {
            let mut item = Map::new();
            let mut operation = paths[&format!("/api/v1{today}")][*method].clone();
            operation["deprecated"] = true.into();
            operation["description"] = format!("Older name of `{today}`.").into();
            operation["operationId"] = name(older, method).into();
            item.insert((*method).to_owned(), operation);
            paths.insert(format!("/api/v1{older}"), item.into());
        }
    }
    api
}

/// Adds what depends on several fields at once, which the types do not say.
fn limit(api: &mut Value) {
    let schemas = &mut api["components"]["schemas"];
    let all_false = json!({"const": false});
    schemas["TrackRequest"]["not"] = json!({
        "required": ["include_original", "include_separated", "include_generated"],
        "properties": {
            "include_original": all_false, "include_separated": all_false, "include_generated": all_false
        }
    });
    for form in ["StemUpload", "TrackUpload"] {
        schemas[form]["additionalProperties"] = false.into();
    }
    let text = json!({"type": "string"});
    schemas["TrackPreprocess"]["anyOf"] = json!([
        {"required": ["track_path"], "properties": {"track_path": text}},
        {"required": ["stereo_track_path"], "properties": {"stereo_track_path": text}},
        {"required": ["stem_paths"], "properties": {"stem_paths": {"minItems": 1}}}
    ]);
    schemas["Generate"]["anyOf"] = json!([
        {"required": ["category_b"], "properties": {"category_b": text}},
        {"properties": {
            "mode": {"not": {"const": "hybrid"}}, "generation_mode": {"not": {"const": "hybrid"}}
        }}
    ]);
}

fn name(path: &str, method: &str) -> String {
    let words = path.trim_start_matches("/api/v1").split(['/', '-', '{', '}', '.']);
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let root =
        if path.starts_with("/api/v1") || older::PATHS.iter().any(|(older, ..)| *older == path) {
            ""
        } else {
            "_at_root"
        };
    format!("{method}_{}{root}", words.join("_"))
}

fn finish(path: &str, method: &str, operation: &mut Value) {
    operation["operationId"] = name(path, method).into();
    let has_body = operation.get("requestBody").is_some();
    if QUEUED.contains(&path) && method == "post" {
        let header = |name: &str, text: &str, schema: Value| json!({"name": name, "in": "header", "required": false, "description": text, "schema": schema});
        let wishes = [
            header(
                "Prefer",
                "`respond-async`, or `wait=N` with seconds (RFC 7240)",
                json!({"type": "string", "examples": ["respond-async"]}),
            ),
            header(
                "Idempotency-Key",
                "A key by which the same request is known again",
                json!({"type": "string", "pattern": "^(\"[!#-~]{1,200}\"|[!#-~]{1,200})$", "examples": ["7f8a2c"]}),
            ),
        ];
        match operation["parameters"].as_array_mut() {
            Some(parameters) => parameters.extend(wishes),
            None => operation["parameters"] = wishes.to_vec().into(),
        }
    }
    if PAGED.contains(&path) && method == "get" {
        operation["responses"]["200"]["headers"] = json!({
            "X-Total-Count": {"description": "How many there are of all", "schema": {"type": "integer", "minimum": 0}},
            "Link": {"description": "The next page, where there is one", "schema": {"type": "string"}}
        });
    }
    let takes_values = has_body || operation.get("parameters").is_some();
    let open = path.ends_with("/health") || path == PLACE;
    let posts = method != "get";
    let rules: [(&str, &str, bool); 12] = [
        ("400", "The request cannot be read", true),
        ("401", "A key is needed", !open),
        ("403", "The path does not lie in the home, or the page is of another site", posts),
        ("404", "There is nothing here", true),
        ("408", "The request came too slowly", has_body),
        ("409", "The state of things does not allow it", !open),
        ("413", "The request is too large", has_body),
        ("415", "This type of content cannot be used", has_body),
        ("422", "A value is not allowed", takes_values),
        ("429", "Too many requests", !open),
        ("503", "Too much is under way", !open),
        ("507", "No space is left on the disk", posts),
    ];
    let Some(responses) = operation["responses"].as_object_mut() else { return };
    for (status, text, _) in rules.iter().filter(|(.., applies)| *applies) {
        if !responses.contains_key(*status) {
            let schema = json!({"$ref": "#/components/schemas/Problem"});
            let mut response =
                json!({"description": text, "content": {MEDIA_TYPE: {"schema": schema}}});
            if ["429", "503"].contains(status) {
                response["headers"] = json!({"Retry-After": {
                    "description": "Seconds to wait", "schema": {"type": "integer", "minimum": 0}
                }});
            }
            responses.insert((*status).to_owned(), response);
        }
    }
}
