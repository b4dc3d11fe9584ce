//! The arrangement plan as the documentation describes it. It is read and checked by `dream_core`; here stand its limits once more.

use serde_json::{Value, json};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// Everything about a track but the choice of its stems.
pub(crate) struct Plan;

impl ToSchema for Plan {}

impl PartialSchema for Plan {
    fn schema() -> RefOr<Schema> {
        serde_json::from_value(schema()).expect("the schema is a constant that a test reads")
    }
}

const SEED_MAX: u64 = u64::MAX;

fn schema() -> Value {
    let unit = json!({"type": "number", "minimum": 0, "maximum": 1});
    let seed = json!({"type": "integer", "minimum": 0, "maximum": SEED_MAX});
    let note = object(
        &["beat", "length", "velocity"],
        &json!({
            "beat": {"type": "number", "minimum": 0, "description": "Beats from the start of the section."},
            "length": {"type": "number", "minimum": 0, "description": "Length in beats."},
            "velocity": unit,
            "pitch": {"type": ["integer", "null"], "minimum": 0, "maximum": 127}
        }),
    );
    let automation = object(
        &["what", "from_bar", "to_bar", "from", "to"],
        &json!({
            "what": {"type": "string", "enum": ["lowpass_hz", "highpass_hz", "gain_db", "send"]},
            "from_bar": {"type": "number", "minimum": 0},
            "to_bar": {"type": "number", "minimum": 0},
            "from": {"type": "number", "description": "Hz 10 to 22050, dB -120 to 24, or 0 to 1, as `what` says."},
            "to": {"type": "number"}
        }),
    );
    let roles = [
        "kick",
        "snare",
        "clap",
        "hat",
        "open_hat",
        "ride",
        "shaker",
        "perc",
        "tom",
        "break",
        "bass",
        "sub",
        "stab",
        "chords",
        "arp",
        "lead",
        "pad",
        "drone",
        "noise",
        "riser",
        "impact",
        "downlifter",
        "crash",
        "reverse",
        "vocal",
    ];
    let categories: Vec<&str> = dream_core::Category::ALL.iter().map(|c| c.name()).collect();
    let query = object(
        &[
            "role",
            "category",
            "tags",
            "text",
            "count",
            "required",
            "gain_db",
            "pan",
            "enter_bar",
            "leave_bar",
        ],
        &json!({
            "role": {"type": "string", "enum": roles},
            "category": {"type": "string", "enum": categories},
            "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 32},
            "text": {"type": "string", "maxLength": 250},
            "count": {"type": "integer", "minimum": 1, "maximum": 4},
            "required": {"type": "boolean"},
            "gain_db": {"type": "number", "minimum": -60, "maximum": 24},
            "pan": {"type": "number", "minimum": -1, "maximum": 1},
            "enter_bar": {"type": "integer", "minimum": 0, "maximum": 1000},
            "leave_bar": {"type": "integer", "minimum": 0, "maximum": 1000},
            "notes": {"type": "array", "items": note, "maxItems": 20_000},
            "automation": {"type": "array", "items": automation, "maxItems": 100}
        }),
    );
    let kinds = [
        "fill_a",
        "fill_b",
        "fill_c",
        "riser",
        "impact",
        "crash",
        "reverse",
        "downlifter",
        "snare_roll",
        "filter",
        "silence",
    ];
    let transition = object(
        &["kind", "bar", "beats"],
        &json!({
            "kind": {"type": "string", "enum": kinds},
            "bar": {"type": "number", "minimum": 0},
            "beats": {"type": "number", "minimum": 0}
        }),
    );
    let section = object(
        &["section", "bars", "energy", "seed", "stem_queries", "transitions"],
        &json!({
            "section": {"type": "string", "minLength": 1, "maxLength": 25},
            "bars": {"type": "integer", "minimum": 1, "maximum": 1000},
            "energy": unit,
            "seed": seed,
            "stem_queries": {"type": "array", "items": query, "maxItems": 64},
            "transitions": {"type": "array", "items": transition, "maxItems": 500}
        }),
    );
    object(
        &[
            "schema",
            "prompt",
            "seed",
            "bpm",
            "key",
            "genre",
            "moods",
            "swing",
            "total_bars",
            "estimated_duration_s",
            "loudness_lufs",
            "structure",
        ],
        &json!({
            "schema": {"type": "integer", "minimum": 1, "maximum": 1},
            "prompt": {"type": "string", "maxLength": 1000},
            "seed": seed,
            "bpm": {"type": "number", "minimum": 20, "maximum": 400},
            "key": {"type": ["string", "null"], "description": "Such as `A minor`."},
            "genre": {"type": "string", "maxLength": 25},
            "moods": {"type": "array", "items": {"type": "string"}},
            "swing": {"type": "number", "minimum": 50, "maximum": 75},
            "total_bars": {"type": "integer", "minimum": 1, "maximum": 2000, "description": "The sum of the bars of all sections."},
            "estimated_duration_s": {"type": "number"},
            "loudness_lufs": {"type": "number", "minimum": -40, "maximum": -5},
            "structure": {"type": "array", "items": section, "minItems": 1, "maxItems": 64}
        }),
    )
}

/// An object of these fields, and no others.
fn object(required: &[&str], fields: &Value) -> Value {
    json!({"type": "object", "required": required, "properties": fields, "additionalProperties": false})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_can_be_read_and_names_every_role() {
        let _ = Plan::schema();
        let text = schema().to_string();
        for role in ["open_hat", "downlifter", "vocal"] {
            assert!(text.contains(role), "{role}");
        }
        let roles = schema()["properties"]["structure"]["items"]["properties"]["stem_queries"]["items"]
            ["properties"]["role"]["enum"].clone();
        for role in roles.as_array().unwrap() {
            assert!(serde_json::from_value::<dream_core::Role>(role.clone()).is_ok(), "{role}");
        }
    }
}
