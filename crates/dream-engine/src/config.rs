//! Configuration: defaults, below `dream.toml`, below `DREAM_*`, below flags.
//!
//! The only reader of the environment and of the configuration file. A value out of its range, a key that
//! nobody knows: each is an error that says where it stands.

mod server;

use std::ffi::OsString;
use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use dream_audio::decode::Limits;

use server::RawServer;
pub use server::Server;

/// What the command line says; it goes before all else.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Flags {
    /// The home.
    pub home: Option<PathBuf>,
    /// The configuration file, in place of `dream.toml` in the home.
    pub config: Option<PathBuf>,
    /// Threads.
    pub threads: Option<u64>,
    /// Whether an empty library may be filled with the starter kit.
    pub starter: Option<bool>,
    /// Where to listen: an address with or without a port.
    pub bind: Option<String>,
    /// The key that requests must show.
    pub api_key: Option<String>,
}

/// The configuration in effect, every value checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The home folder.
    pub home: PathBuf,
    /// Threads for parallel work, 1 to 256.
    pub threads: usize,
    /// Whether an empty library may be filled with the starter kit.
    pub starter: bool,
    /// What a file may ask for when it is decoded.
    pub limits: Limits,
    /// Most files of one ingest.
    pub max_files: u64,
    /// Deepest folder below one that is ingested.
    pub max_depth: u64,
    /// Largest file copied to quarantine, in bytes.
    pub quarantine_bytes: u64,
    /// The folder of the user's genres.
    pub genres: PathBuf,
    /// Whether that folder was asked for and so must be there.
    pub genres_required: bool,
    /// The queue of jobs.
    pub queue: Queue,
    /// The server.
    pub server: Server,
    /// Where weights are asked for before the places that they are published at.
    pub weights_mirror: Option<String>,
    /// Every value with its origin, for `dream doctor`.
    pub settings: Vec<Setting>,
}

/// What the queue of jobs takes, and how much of it at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queue {
    /// Most jobs that may wait, 1 to 100000.
    pub limit: u32,
    /// Heavy jobs at a time, 1 to 64: ingest, separation, training, dreaming.
    pub heavy: usize,
    /// Light jobs at a time, 1 to 64: composing and rendering.
    pub light: usize,
    /// Days that ended jobs are kept, 1 to 3650.
    pub keep_days: u32,
}

/// One value in effect.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Setting {
    /// Its key in `dream.toml`; in the environment `DREAM_` and the key in capitals.
    pub key: &'static str,
    /// Its value.
    pub value: String,
    /// Where it was set.
    pub origin: String,
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file named cannot be read.
    #[error("read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Its cause.
        source: std::io::Error,
    },
    /// The file is no TOML, or has a key or a value that is not known.
    #[error("{path}")]
    File {
        /// The file.
        path: PathBuf,
        /// Its cause, with the line.
        source: Box<toml::de::Error>,
    },
    /// A variable of the environment has a value that cannot be read.
    #[error("{name}={value:?}: {need}")]
    Variable {
        /// The variable.
        name: String,
        /// Its value.
        value: OsString,
        /// What it should be.
        need: &'static str,
    },
    /// A text that does not say what it should.
    #[error("{key} ({origin}): {need}")]
    Text {
        /// The key.
        key: &'static str,
        /// Where it was set.
        origin: String,
        /// What it should be.
        need: &'static str,
    },
    /// A number out of range.
    #[error("{key} ({origin}) must be {} to {}, got {got}", range.start(), range.end())]
    OutOfRange {
        /// The key.
        key: &'static str,
        /// Where it was set.
        origin: String,
        /// What is allowed.
        range: RangeInclusive<u64>,
        /// What was set.
        got: u64,
    },
}

/// The values as typed, at one place.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    threads: Option<u64>,
    starter: Option<bool>,
    max_file_mib: Option<u64>,
    max_minutes: Option<u64>,
    max_decoded_mib: Option<u64>,
    max_files: Option<u64>,
    max_depth: Option<u64>,
    quarantine_mib: Option<u64>,
    queue_limit: Option<u64>,
    heavy_jobs: Option<u64>,
    light_jobs: Option<u64>,
    keep_jobs_days: Option<u64>,
    genres: Option<PathBuf>,
    weights_mirror: Option<String>,
    #[serde(default)]
    server: RawServer,
}

/// The keys of [`Raw`] that are numbers; the others are `starter`, `genres`, `weights_mirror` and the section `server`.
const NUMBERS: &[&str] = &[
    "threads",
    "max_file_mib",
    "max_minutes",
    "max_decoded_mib",
    "max_files",
    "max_depth",
    "quarantine_mib",
    "queue_limit",
    "heavy_jobs",
    "light_jobs",
    "keep_jobs_days",
];

/// Where a value was set, from the strongest to the weakest.
#[derive(Debug, Clone)]
enum Origin {
    Flag,
    Environment,
    File(PathBuf),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("flag"),
            Self::Environment => f.write_str("environment"),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

impl Config {
    /// The configuration for these flags, with the environment and the file of this machine.
    ///
    /// # Errors
    /// `ConfigError` with the place of the fault.
    pub fn load(flags: &Flags) -> Result<Self, ConfigError> {
        Self::resolve(flags, &|name| std::env::var_os(name))
    }

    /// The defaults, whatever the environment of a test run is.
    #[cfg(test)]
    pub(crate) fn defaults(flags: &Flags) -> Self {
        Self::resolve(flags, &|_| None).unwrap()
    }

    fn resolve(
        flags: &Flags,
        variable: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<Self, ConfigError> {
        let (home, home_origin) = match (&flags.home, variable("DREAM_HOME")) {
            (Some(home), _) => (home.clone(), "flag"),
            (None, Some(home)) if !home.is_empty() => (PathBuf::from(home), "environment"),
            (None, _) => (PathBuf::from("dream-home"), "default"),
        };
        let server = RawServer {
            bind: flags.bind.clone(),
            api_key: flags.api_key.clone(),
            ..RawServer::default()
        };
        let flag = Raw { threads: flags.threads, starter: flags.starter, server, ..Raw::default() };
        let mut layers =
            vec![(Origin::Flag, flag), (Origin::Environment, from_environment(variable)?)];
        let path = flags.config.clone().unwrap_or_else(|| home.join("dream.toml"));
        if let Some(raw) = from_file(&path, flags.config.is_some())? {
            layers.push((Origin::File(path), raw));
        }

        let mut table = Table { layers, settings: Vec::new() };
        table.note("home", home.display().to_string(), home_origin.to_owned());
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
        let threads = table.number("threads", cores.min(256), 1..=256, |raw| raw.threads)?;
        let starter = table.starter();
        let file_mib = table.number("max_file_mib", 2_048, 1..=65_536, |raw| raw.max_file_mib)?;
        let minutes = table.number("max_minutes", 30, 1..=600, |raw| raw.max_minutes)?;
        let decoded_mib =
            table.number("max_decoded_mib", 320, 1..=65_536, |raw| raw.max_decoded_mib)?;
        let max_files = table.number("max_files", 200_000, 1..=10_000_000, |raw| raw.max_files)?;
        let max_depth = table.number("max_depth", 64, 1..=1_000, |raw| raw.max_depth)?;
        let quarantine_mib =
            table.number("quarantine_mib", 64, 0..=65_536, |raw| raw.quarantine_mib)?;
        let queue = Queue {
            limit: table.number("queue_limit", 100, 1..=100_000, |raw| raw.queue_limit)? as u32,
            heavy: table.number("heavy_jobs", 1, 1..=64, |raw| raw.heavy_jobs)? as usize,
            light: table.number("light_jobs", 1, 1..=64, |raw| raw.light_jobs)? as usize,
            keep_days: table.number("keep_jobs_days", 30, 1..=3_650, |raw| raw.keep_jobs_days)?
                as u32,
        };
        let server = Server::resolve(&mut table)?;
        let (genres, genres_required) = table.genres(&home);
        let weights_mirror = table.weights_mirror();
        Ok(Self {
            home,
            threads: threads as usize,
            starter,
            limits: Limits {
                max_bytes: file_mib << 20,
                max_seconds: minutes as f64 * 60.0,
                max_decoded_bytes: decoded_mib << 20,
                ..Limits::default()
            },
            max_files,
            max_depth,
            quarantine_bytes: quarantine_mib << 20,
            queue,
            server,
            genres,
            genres_required,
            weights_mirror,
            settings: table.settings,
        })
    }
}

/// The layers, the strongest first, and what was taken from them so far.
struct Table {
    layers: Vec<(Origin, Raw)>,
    settings: Vec<Setting>,
}

impl Table {
    fn number(
        &mut self,
        key: &'static str,
        default: u64,
        range: RangeInclusive<u64>,
        get: fn(&Raw) -> Option<u64>,
    ) -> Result<u64, ConfigError> {
        let (value, origin) = self.pick(get).unwrap_or((default, "default".to_owned()));
        if !range.contains(&value) {
            return Err(ConfigError::OutOfRange { key, origin, range, got: value });
        }
        self.note(key, value.to_string(), origin);
        Ok(value)
    }

    fn starter(&mut self) -> bool {
        let (value, origin) = self.pick(|raw| raw.starter).unwrap_or((true, "default".to_owned()));
        self.note("starter", value.to_string(), origin);
        value
    }

    /// The folder of the genres, from the home where it is relative, and whether it was set.
    fn genres(&mut self, home: &std::path::Path) -> (PathBuf, bool) {
        let set = self.pick(|raw| raw.genres.clone());
        let required = set.is_some();
        let (folder, origin) = set.unwrap_or(("genres".into(), "default".to_owned()));
        let folder = home.join(folder);
        self.note("genres", folder.display().to_string(), origin);
        (folder, required)
    }

    fn weights_mirror(&mut self) -> Option<String> {
        let (url, origin) = self.pick(|raw| raw.weights_mirror.clone())?;
        self.note("weights_mirror", url.clone(), origin);
        Some(url)
    }

    fn pick<T>(&self, get: impl Fn(&Raw) -> Option<T>) -> Option<(T, String)> {
        self.layers.iter().find_map(|(origin, raw)| Some((get(raw)?, origin.to_string())))
    }

    fn note(&mut self, key: &'static str, value: String, origin: String) {
        self.settings.push(Setting { key, value, origin });
    }
}

fn from_file(path: &std::path::Path, required: bool) -> Result<Option<Raw>, ConfigError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !required => return Ok(None),
        Err(source) => return Err(ConfigError::Read { path: path.to_owned(), source }),
    };
    toml::from_str(&text)
        .map(Some)
        .map_err(|source| ConfigError::File { path: path.to_owned(), source: Box::new(source) })
}

fn from_environment(variable: &dyn Fn(&str) -> Option<OsString>) -> Result<Raw, ConfigError> {
    let read = |key: &str, need: &'static str, parse: &dyn Fn(&str) -> Option<toml::Value>| {
        let name = format!("DREAM_{}", key.to_uppercase());
        let Some(value) = variable(&name).filter(|value| !value.is_empty()) else {
            return Ok(None);
        };
        match value.to_str().and_then(parse) {
            Some(parsed) => Ok(Some((key.to_owned(), parsed))),
            None => Err(ConfigError::Variable { name, value, need }),
        }
    };
    let mut table = toml::Table::new();
    for key in NUMBERS {
        let number = |text: &str| text.parse::<u32>().ok().map(|n| i64::from(n).into());
        table.extend(read(key, "must be a whole number", &number)?);
    }
    let switch = |text: &str| match text {
        "true" | "1" | "on" | "yes" => Some(true.into()),
        "false" | "0" | "off" | "no" => Some(false.into()),
        _ => None,
    };
    table.extend(read("starter", "must be true or false", &switch)?);
    let text = |text: &str| Some(text.into());
    table.extend(read("genres", "must be a folder", &text)?);
    table.extend(read("weights_mirror", "must be an address", &text)?);
    let mut server = toml::Table::new();
    for key in server::NUMBERS {
        let number = |text: &str| text.parse::<u32>().ok().map(|n| i64::from(n).into());
        server.extend(read(key, "must be a whole number", &number)?);
    }
    server.extend(read("bind", "must be an address", &text)?);
    server.extend(read("api_key", "must be a text", &text)?);
    let list = |text: &str| Some(text.split(',').map(str::trim).collect::<Vec<_>>().into());
    server.extend(read("cors", "must be origins, separated by commas", &list)?);
    table.insert("server".to_owned(), server.into());
    Ok(Raw::deserialize(table).expect("the table has the keys and the types of Raw only"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use dream_core::chain;

    fn home_with(text: &str) -> (tempfile::TempDir, Flags) {
        let home = tempfile::tempdir().unwrap();
        #[expect(clippy::disallowed_methods, reason = "the test writes a configuration file")]
        std::fs::write(home.path().join("dream.toml"), text).unwrap();
        let flags = Flags { home: Some(home.path().to_owned()), ..Flags::default() };
        (home, flags)
    }

    fn origin<'a>(config: &'a Config, key: &str) -> &'a str {
        &config.settings.iter().find(|setting| setting.key == key).unwrap().origin
    }

    #[test]
    fn flags_go_before_the_environment_before_the_file_before_defaults() {
        let (_home, mut flags) = home_with("threads = 3\nmax_files = 10\nmax_depth = 5\n");
        flags.threads = Some(7);
        let config = Config::resolve(&flags, &|name| match name {
            "DREAM_THREADS" => Some("5".into()),
            "DREAM_MAX_FILES" => Some("20".into()),
            "DREAM_STARTER" => Some("off".into()),
            _ => None,
        })
        .unwrap();
        assert_eq!((config.threads, config.max_files, config.max_depth), (7, 20, 5));
        assert!(!config.starter);
        assert_eq!(config.quarantine_bytes, 64 << 20);
        assert_eq!(origin(&config, "threads"), "flag");
        assert_eq!(origin(&config, "max_files"), "environment");
        assert!(origin(&config, "max_depth").ends_with("dream.toml"));
        assert_eq!(origin(&config, "quarantine_mib"), "default");
    }

    #[track_caller]
    fn check(file: &str, variable: Option<&str>, expected: &[&str]) {
        let (_home, flags) = home_with(file);
        let error = Config::resolve(&flags, &|name| {
            variable.filter(|_| name == "DREAM_THREADS").map(OsString::from)
        })
        .unwrap_err();
        let text = chain(&error);
        for word in expected {
            assert!(text.contains(word), "{text}");
        }
    }

    #[test]
    fn faults_are_named_with_their_place() {
        check("\nthreds = 3\n", None, &["dream.toml", "line 2", "threds"]);
        check("threads = \"many\"\n", None, &["dream.toml", "line 1"]);
        check("threads = 0\n", None, &["threads", "dream.toml", "1 to 256", "got 0"]);
        check("", Some("two"), &["DREAM_THREADS", "two", "whole number"]);
    }

    #[test]
    fn the_folder_of_genres_lies_in_the_home_unless_it_is_set() {
        let (home, flags) = home_with("genres = \"styles\"\n");
        let config = Config::resolve(&flags, &|_| None).unwrap();
        assert_eq!((config.genres, config.genres_required), (home.path().join("styles"), true));
        let set =
            Config::resolve(&flags, &|name| (name == "DREAM_GENRES").then(|| "/styles".into()));
        assert_eq!(set.unwrap().genres, PathBuf::from("/styles"));
        let (home, flags) = home_with("");
        let config = Config::resolve(&flags, &|_| None).unwrap();
        assert_eq!((config.genres, config.genres_required), (home.path().join("genres"), false));
    }

    #[test]
    fn a_file_named_by_flag_must_exist() {
        let flags = Flags { config: Some("no-such-file.toml".into()), ..Flags::default() };
        assert!(matches!(Config::resolve(&flags, &|_| None), Err(ConfigError::Read { .. })));
    }

    #[test]
    fn every_number_can_be_set_by_the_environment() {
        for key in NUMBERS.iter().chain(server::NUMBERS) {
            let name = format!("DREAM_{}", key.to_uppercase());
            let value = |asked: &str| (asked == name).then(|| OsString::from("9"));
            let config = Config::resolve(&Flags::default(), &value).unwrap();
            assert_eq!(origin(&config, key), "environment");
        }
    }
}
