//! Files over HTTP, from places that may be slow, cut off, wrong or elsewhere.
//!
//! What has arrived is kept beside the place of the file (`.partial-NAME`) and continued by a range request, in this run
//! or the next. A file gets its name only when its SHA-256 is the published one. Proxies are those of the environment
//! (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`), redirections are followed.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use dream_core::{Progress, chain};
use dream_neural::weights::MAX_BYTES;
use ureq::http::Response;
use ureq::{Agent, Body, Proxy};

use super::published::{Network, Published, digest};
use super::{check, io};
use crate::Error;

/// Requests without a new byte before a place is given up.
const ATTEMPTS: u32 = 5;

/// Longest wait for one answer's content: what is left then is asked for anew, so that a connection that stands still
/// does not hold the work for ever.
const PATIENCE: Duration = Duration::from_mins(1);

pub(super) struct Client {
    agent: Agent,
    /// Asked first for every file.
    mirror: Option<String>,
    /// Waited before the second attempt at a place, and twice as long before each further one.
    pub(super) pause: Duration,
}

/// The proxy that the environment names.
pub(super) fn proxy() -> Option<Proxy> {
    Proxy::try_from_env()
}

/// How far a request brought a file.
enum Arrived {
    /// All of it is there.
    Whole,
    /// The connection ended early, or the server is not well.
    Cut(String),
    /// This place will not give it.
    Never(String),
}

impl Client {
    pub(super) fn new(mirror: Option<&str>, proxy: Option<Proxy>) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(Duration::from_secs(20)))
            .timeout_recv_response(Some(PATIENCE))
            .timeout_recv_body(Some(PATIENCE))
            .proxy(proxy)
            .user_agent(concat!("dream/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        let mirror = mirror.map(|url| url.trim_end_matches('/').to_owned());
        Self { agent, mirror, pause: Duration::from_millis(500) }
    }

    /// Brings one file of the network into `folder`: the first that any of its places gives.
    pub(super) fn fetch(
        &self,
        network: &Network,
        folder: &Path,
        progress: &Progress,
    ) -> Result<(), Error> {
        let mut faults = Vec::new();
        for file in &network.files {
            let mirror = self.mirror.iter().map(|mirror| format!("{mirror}/{}", file.name));
            for url in mirror.chain(file.urls.iter().cloned()) {
                match self.file(file, &url, folder, progress)? {
                    None => return Ok(()),
                    Some(fault) => faults.push(format!("{url}: {fault}")),
                }
            }
        }
        Err(Error::Download { faults })
    }

    /// Brings a file from one place; why not, if not.
    fn file(
        &self,
        file: &Published,
        url: &str,
        folder: &Path,
        progress: &Progress,
    ) -> Result<Option<String>, Error> {
        let partial = folder.join(format!(".partial-{}", file.name));
        // Only a file that was continued may be wrong for the sake of its beginning.
        for _ in 0..2 {
            let continued = held(&partial) > 0;
            if let Some(fault) = self.content(file, url, &partial, progress)? {
                return Ok(Some(fault));
            }
            let sha256 = digest(&partial).map_err(io("read", &partial))?;
            if sha256.starts_with(&file.sha256) {
                check(&partial, &file.sha256)?;
                let path = folder.join(&file.name);
                std::fs::rename(&partial, &path).map_err(io("write", &path))?;
                return Ok(None);
            }
            std::fs::remove_file(&partial).map_err(io("remove", &partial))?;
            if !continued {
                return Ok(Some(format!("another file: its SHA-256 is {sha256}")));
            }
        }
        Ok(Some("another file, twice".to_owned()))
    }

    /// Brings the content of a file, in as many requests as it takes; why not, if not.
    fn content(
        &self,
        file: &Published,
        url: &str,
        partial: &Path,
        progress: &Progress,
    ) -> Result<Option<String>, Error> {
        let (mut attempt, mut most) = (0, held(partial));
        loop {
            let fault = match self.request(file, url, partial, progress)? {
                Arrived::Whole => return Ok(None),
                Arrived::Never(fault) => return Ok(Some(fault)),
                Arrived::Cut(fault) => fault,
            };
            attempt = if held(partial) > most { 1 } else { attempt + 1 };
            most = most.max(held(partial));
            if attempt >= ATTEMPTS {
                return Ok(Some(fault));
            }
            self.wait(attempt, progress)?;
        }
    }

    /// Waits before another attempt, in steps that let the work be stopped.
    fn wait(&self, attempt: u32, progress: &Progress) -> Result<(), Error> {
        let steps = 1 << (attempt - 1);
        for _ in 0..steps {
            progress.check()?;
            std::thread::sleep(self.pause);
        }
        Ok(progress.check()?)
    }

    /// One request for what is not there yet.
    fn request(
        &self,
        file: &Published,
        url: &str,
        partial: &Path,
        progress: &Progress,
    ) -> Result<Arrived, Error> {
        let have = held(partial);
        if file.bytes == Some(have) {
            return Ok(Arrived::Whole);
        }
        let mut request = self.agent.get(url).header("Accept-Encoding", "identity");
        if have > 0 {
            request = request.header("Range", format!("bytes={have}-"));
        }
        let mut response = match request.call() {
            Ok(response) => response,
            Err(ureq::Error::BadUri(text)) => return Ok(Arrived::Never(text)),
            Err(error) => return Ok(Arrived::Cut(chain(&error))),
        };
        let (start, total) = match response.status().as_u16() {
            // From the beginning, whatever was asked.
            200 => (0, number(&response, "content-length")),
            206 => match range(&response) {
                Some((start, total)) if start == have => (start, total),
                _ => return Ok(Arrived::Never("an answer to another request".to_owned())),
            },
            // More is there than the server has, or just all of it: the digest tells.
            416 if have > 0 => return Ok(Arrived::Whole),
            status @ (408 | 425 | 429 | 500..) => {
                return Ok(Arrived::Cut(format!("the server answers {status}")));
            }
            status => return Ok(Arrived::Never(format!("the server answers {status}"))),
        };
        let limit = file.bytes.unwrap_or(MAX_BYTES);
        if total.is_some_and(|total| total > limit || file.bytes.is_some_and(|size| total != size))
        {
            return Ok(Arrived::Never(format!("{} bytes, not {limit}", total.unwrap_or(0))));
        }
        let mut out = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(start == 0)
            .append(start > 0)
            .open(partial)
            .map_err(io("write", partial))?;
        let arrived = receive(response.body_mut(), &mut out, start, limit, |done| {
            Ok(progress.step(
                done >> 10,
                total.or(file.bytes).unwrap_or(done) >> 10,
                "fetch KiB",
            )?)
        });
        out.sync_all().map_err(io("write", partial))?;
        let (end, fault) = arrived.map_err(|fault| match fault {
            Fault::Stop(error) => error,
            Fault::Write(error) => io("write", partial)(error),
        })?;
        Ok(match fault {
            Some(fault) => Arrived::Cut(fault),
            None if end > limit => Arrived::Never(format!("more than {limit} bytes")),
            None if total.or(file.bytes).is_some_and(|total| end < total) => {
                Arrived::Cut(format!("cut off after {end} bytes"))
            }
            None => Arrived::Whole,
        })
    }
}

/// Why receiving ends that is not the server's fault.
enum Fault {
    Stop(Error),
    Write(std::io::Error),
}

/// Copies the content of an answer that begins at byte `start` of the file: where it ends, and what cut it off.
fn receive(
    body: &mut Body,
    out: &mut File,
    start: u64,
    limit: u64,
    mut step: impl FnMut(u64) -> Result<(), Error>,
) -> Result<(u64, Option<String>), Fault> {
    let mut reader = body.as_reader();
    let (mut end, mut buffer) = (start, vec![0; 1 << 16]);
    loop {
        step(end).map_err(Fault::Stop)?;
        match reader.read(&mut buffer) {
            Ok(0) => return Ok((end, None)),
            Ok(count) => {
                end += count as u64;
                if end > limit {
                    return Ok((end, None));
                }
                out.write_all(&buffer[..count]).map_err(Fault::Write)?;
            }
            Err(error) => return Ok((end, Some(chain(&error)))),
        }
    }
}

/// Bytes that have arrived so far.
fn held(partial: &Path) -> u64 {
    partial.metadata().map_or(0, |metadata| metadata.len())
}

fn number(response: &Response<Body>, name: &str) -> Option<u64> {
    response.headers().get(name)?.to_str().ok()?.trim().parse().ok()
}

/// Start and size of the whole of `bytes START-END/SIZE`.
fn range(response: &Response<Body>) -> Option<(u64, Option<u64>)> {
    let text = response.headers().get("content-range")?.to_str().ok()?;
    let (range, total) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    Some((range.split_once('-')?.0.parse().ok()?, total.parse().ok()))
}
