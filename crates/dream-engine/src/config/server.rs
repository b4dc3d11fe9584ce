//! The section `[server]` of the configuration.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::Deserialize;

use super::{ConfigError, Raw, Table};

/// The port where none is named.
const PORT: u16 = 8000;

/// How the server is set up.
#[derive(Clone, PartialEq, Eq)]
pub struct Server {
    /// Where to listen.
    pub bind: SocketAddr,
    /// The key that requests must show; needed for any address but this machine's own.
    pub api_key: Option<String>,
    /// Origins whose pages may ask; `*` for all.
    pub cors: Vec<String>,
    /// Largest body of a request that is not an upload, in bytes.
    pub max_body: u64,
    /// Largest upload, in bytes.
    pub max_upload: u64,
    /// Requests under way at a time.
    pub max_requests: usize,
    /// Requests per second and address; 0 for any number.
    pub rate: u32,
    /// Longest time that a request waits for a track, in seconds.
    pub wait_s: u64,
}

/// The key is not to appear anywhere.
impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("bind", &self.bind).finish_non_exhaustive()
    }
}

/// The values as typed.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawServer {
    pub(super) bind: Option<String>,
    pub(super) api_key: Option<String>,
    pub(super) cors: Option<Vec<String>>,
    pub(super) max_body_mib: Option<u64>,
    pub(super) max_upload_mib: Option<u64>,
    pub(super) max_requests: Option<u64>,
    pub(super) rate: Option<u64>,
    pub(super) wait_s: Option<u64>,
}

/// The keys that are numbers.
pub(super) const NUMBERS: &[&str] =
    &["max_body_mib", "max_upload_mib", "max_requests", "rate", "wait_s"];

impl Server {
    pub(super) fn resolve(table: &mut Table) -> Result<Self, ConfigError> {
        let usual = || "default".to_owned();
        let (bind, origin) = table
            .pick(|raw: &Raw| raw.server.bind.clone())
            .unwrap_or_else(|| (format!("127.0.0.1:{PORT}"), usual()));
        let need = "must be an address such as 127.0.0.1:8000 or 0.0.0.0";
        let address = address(&bind).ok_or(ConfigError::Text {
            key: "bind",
            origin: origin.clone(),
            need,
        })?;
        table.note("bind", address.to_string(), origin);

        let key = table.pick(|raw| raw.server.api_key.clone());
        let (api_key, origin) = key.map_or((None, usual()), |(key, origin)| (Some(key), origin));
        let good = |key: &String| {
            (1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if api_key.as_ref().is_some_and(|key| !good(key)) {
            let need = "must have 1 to 255 visible characters of ASCII";
            return Err(ConfigError::Text { key: "api_key", origin, need });
        }
        let shown = if api_key.is_some() { "set" } else { "none" };
        table.note("api_key", shown.to_owned(), origin);

        let (cors, origin) =
            table.pick(|raw| raw.server.cors.clone()).unwrap_or_else(|| (Vec::new(), usual()));
        let good = |origin: &String| {
            origin == "*" || origin.starts_with("http://") || origin.starts_with("https://")
        };
        if !cors.iter().all(good) {
            let need = "must be origins such as https://studio.example, or *";
            return Err(ConfigError::Text { key: "cors", origin, need });
        }
        table.note("cors", cors.join(","), origin);

        let body = table.number("max_body_mib", 8, 1..=1_024, |raw| raw.server.max_body_mib)?;
        let upload =
            table.number("max_upload_mib", 2_048, 1..=65_536, |raw| raw.server.max_upload_mib)?;
        let requests =
            table.number("max_requests", 256, 1..=10_000, |raw| raw.server.max_requests)?;
        let rate = table.number("rate", 0, 0..=1_000_000, |raw| raw.server.rate)?;
        let wait_s = table.number("wait_s", 300, 1..=3_600, |raw| raw.server.wait_s)?;
        Ok(Self {
            bind: address,
            api_key,
            cors,
            max_body: body << 20,
            max_upload: upload << 20,
            max_requests: requests as usize,
            rate: rate as u32,
            wait_s,
        })
    }
}

/// An address with or without a port, or one of this machine by its name.
fn address(text: &str) -> Option<SocketAddr> {
    let text = text.trim();
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(address);
    }
    if let Ok(address) = text.trim_matches(['[', ']']).parse::<IpAddr>() {
        return Some(SocketAddr::new(address, PORT));
    }
    let (name, port) =
        text.split_once(':').map_or((text, Ok(PORT)), |(name, port)| (name, port.parse()));
    let port = port.ok()?;
    name.eq_ignore_ascii_case("localhost")
        .then(|| SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port))
}

#[cfg(test)]
mod tests {
    use super::super::{Config, Flags};
    use super::*;

    #[test]
    fn addresses_are_read_with_and_without_a_port() {
        let check = |text, expected: Option<&str>| {
            assert_eq!(address(text), expected.map(|at| at.parse().unwrap()), "{text}");
        };
        check("127.0.0.1:9000", Some("127.0.0.1:9000"));
        check("0.0.0.0", Some("0.0.0.0:8000"));
        check("::1", Some("[::1]:8000"));
        check("[::1]:80", Some("[::1]:80"));
        check("localhost:81", Some("127.0.0.1:81"));
        check("localhost", Some("127.0.0.1:8000"));
        for bad in ["", "somewhere", "1.2.3.4:99999", "localhost:x"] {
            check(bad, None);
        }
    }

    #[test]
    fn the_key_is_read_but_never_shown() {
        let flags = Flags { bind: Some("0.0.0.0:1".to_owned()), ..Flags::default() };
        let config = Config::resolve(&flags, &|name| match name {
            "DREAM_API_KEY" => Some("hush".into()),
            "DREAM_CORS" => Some("https://a.example, *".into()),
            _ => None,
        });
        let config = config.unwrap();
        assert_eq!(config.server.api_key.as_deref(), Some("hush"));
        assert_eq!(config.server.cors, ["https://a.example", "*"]);
        assert!(!format!("{config:?}").contains("hush"));
        let shown = config.settings.iter().find(|setting| setting.key == "api_key").unwrap();
        assert_eq!((shown.value.as_str(), shown.origin.as_str()), ("set", "environment"));
        for (name, value) in [("DREAM_API_KEY", "a b"), ("DREAM_BIND", "x"), ("DREAM_CORS", "a")] {
            let wrong =
                Config::resolve(&Flags::default(), &|asked| (asked == name).then(|| value.into()));
            assert!(wrong.is_err(), "{name}");
        }
    }
}
