//! The shape of the workspace is a test.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What each crate may import from the workspace. A crate not listed may not exist.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("dream-core", &[]),
    ("dream-audio", &["dream-core"]),
    ("dream-analysis", &["dream-core", "dream-audio"]),
    ("dream-neural", &["dream-core", "dream-audio"]),
    ("dream-compose", &["dream-core", "dream-audio"]),
    ("dream-library", &["dream-core"]),
    ("dream-testkit", &[]),
    (
        "dream-engine",
        &[
            "dream-core",
            "dream-audio",
            "dream-analysis",
            "dream-neural",
            "dream-compose",
            "dream-library",
        ],
    ),
    ("dream-server", &["dream-core", "dream-engine"]),
    ("dream", &["dream-core", "dream-engine", "dream-server"]),
];

/// Outside crates that only some workspace crates may name.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("tokio", &["dream-server", "dream"]),
    ("axum", &["dream-server"]),
    ("rusqlite", &["dream-library"]),
    ("postgres", &["dream-library"]),
    ("ureq", &["dream-library", "dream-engine"]),
    ("symphonia", &["dream-audio"]),
    ("font8x8", &["dream-analysis"]),
    ("png", &["dream-engine"]),
    ("clap", &["dream"]),
    ("anyhow", &["dream"]),
];

/// BLAKE3 of every migration as released. A line is added for a new one; none is ever changed.
const MIGRATIONS: &[(&str, &str)] = &[
    ("0001_init.sql", "bc9c10d411428e1d7d8ad6e69b47dd13a114410e6ae97182cbdf73204d5cddbb"),
    ("0002_fingerprint.sql", "851094a9dad07a5cb39852bc93e27a365e9997bd5849d91a549132922bd9e6be"),
    ("0003_casting.sql", "29b5f1fb4b03333c3964b7a35aafdbaebbdcbc9fe81046b0c26181e6dbe5f04b"),
    ("0004_rating.sql", "03aae5c053222282a97b0756ebe554a175456da1dbfaddd821eeadc58ee27d0a"),
    ("0005_queue.sql", "2853d30893e3ed380197c05333c663d5ee8f0f67c41c2681188ee6c7bac8bc7c"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The dependencies of every crate by name of its folder, those for development left out.
fn manifests() -> BTreeMap<String, Vec<String>> {
    std::fs::read_dir(root().join("crates"))
        .unwrap()
        .map(|entry| {
            let dir = entry.unwrap().path();
            let text = std::fs::read_to_string(dir.join("Cargo.toml")).unwrap();
            let name = dir.file_name().unwrap().to_string_lossy().into_owned();
            (name, dependencies(&text))
        })
        .collect()
}

/// The names below every header that ends in `dependencies]` but those for development.
fn dependencies(manifest: &str) -> Vec<String> {
    let mut inside = false;
    let mut names = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.ends_with("dependencies]") && !line.contains("dev-dependencies");
        } else if inside && !line.is_empty() && !line.starts_with('#') {
            names.extend(line.split(['.', ' ', '=']).next().map(str::to_owned));
        }
    }
    names
}

#[test]
fn imports_point_one_way() {
    for (name, deps) in manifests() {
        let allowed = MAY_IMPORT.iter().find(|(n, _)| *n == name).map(|(_, allowed)| *allowed);
        let allowed = allowed.unwrap_or_else(|| panic!("{name} is not in MAY_IMPORT"));
        for dep in deps.iter().filter(|dep| dep.starts_with("dream")) {
            assert!(allowed.contains(&dep.as_str()), "{name} must not import {dep}");
        }
    }
}

#[test]
fn outside_crates_stay_in_their_place() {
    for (name, deps) in manifests() {
        for (outside, homes) in ONLY_IN {
            let trespass = deps.iter().any(|dep| dep == outside) && !homes.contains(&name.as_str());
            assert!(!trespass, "{outside} belongs in {homes:?}, not in {name}");
        }
    }
}

#[test]
fn the_manifests_are_read_as_cargo_reads_them() {
    let manifest = "[package]\nname = \"x\"\n\n[dependencies]\nserde.workspace = true\n# none\n\
        toml = \"1\"\n\n[dev-dependencies]\ninsta.workspace = true\n\n\
        [target.'cfg(unix)'.dependencies]\nrustix.workspace = true\n\n[lints]\nworkspace = true\n";
    assert_eq!(dependencies(manifest), ["serde", "toml", "rustix"]);
    assert!(manifests()["dream-library"].contains(&"rusqlite".to_owned()));
}

#[test]
fn every_crate_is_on_the_map() {
    let design = std::fs::read_to_string(root().join("DESIGN.md")).unwrap();
    let crates: Vec<String> = manifests().into_keys().collect();
    assert!(crates.len() > 5, "{crates:?}");
    for name in crates {
        assert!(design.contains(&format!("| `{name}` |")), "{name} has no row in DESIGN.md");
    }
}

#[test]
fn released_migrations_never_change() {
    let folder = root().join("crates/dream-library/migrations");
    let found: Vec<(String, String)> = crate::names_in(&folder)
        .into_iter()
        .map(|name| {
            let text = std::fs::read_to_string(folder.join(&name)).unwrap();
            // Line ends differ between checkouts.
            let digest = blake3::hash(text.replace("\r\n", "\n").as_bytes());
            (name, digest.to_hex().to_string())
        })
        .collect();
    let recorded: Vec<(String, String)> = MIGRATIONS
        .iter()
        .map(|(name, digest)| ((*name).to_owned(), (*digest).to_owned()))
        .collect();
    assert_eq!(found, recorded);
}
