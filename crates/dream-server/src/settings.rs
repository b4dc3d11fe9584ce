//! How the server is set up.

use std::net::SocketAddr;
use std::time::Duration;

/// What the server is told beside its engine.
#[derive(Clone)]
pub struct Settings {
    /// Where to listen.
    pub bind: SocketAddr,
    /// The key that requests must show, if any.
    pub api_key: Option<String>,
    /// Origins whose pages may ask; `*` for all, empty for none.
    pub cors: Vec<String>,
    /// Largest body of a request that is not an upload, in bytes.
    pub max_body: usize,
    /// Largest upload, in bytes.
    pub max_upload: u64,
    /// Requests under way at a time; health answers beyond.
    pub max_requests: usize,
    /// Requests per second and address, in the mean; 0 for any number.
    pub rate: u32,
    /// Longest time that a request may wait for a track.
    pub wait: Duration,
    /// Longest time for the head of a request, and between two pieces of its body.
    pub patience: Duration,
}

/// The key is not to appear in a log.
impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("bind", &self.bind)
            .field("api_key", &self.api_key.as_ref().map(|_| "..."))
            .finish_non_exhaustive()
    }
}

impl Default for Settings {
    /// Port 8000 of this machine only, no key, 2 GiB per upload, 64 requests at a time.
    fn default() -> Self {
        Self {
            bind: SocketAddr::from(([127, 0, 0, 1], 8000)),
            api_key: None,
            cors: Vec::new(),
            max_body: 8 << 20,
            max_upload: 2 << 30,
            max_requests: 256,
            rate: 0,
            wait: Duration::from_mins(5),
            patience: Duration::from_secs(15),
        }
    }
}

impl From<&dream_engine::config::Server> for Settings {
    fn from(config: &dream_engine::config::Server) -> Self {
        Self {
            bind: config.bind,
            api_key: config.api_key.clone(),
            cors: config.cors.clone(),
            max_body: config.max_body as usize,
            max_upload: config.max_upload,
            max_requests: config.max_requests,
            rate: config.rate,
            wait: Duration::from_secs(config.wait_s),
            ..Self::default()
        }
    }
}
