//! The whole program, driven from outside.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod care;
mod cli;
mod compose;
mod exports;
mod flows;
mod kit;
mod learn;
mod separate;
mod serve;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// A home of its own, and a folder for material beside it.
struct World {
    folder: TempDir,
}

impl World {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The command, in this world and nothing of the one outside.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dream"));
        command.args(args).current_dir(self.folder.path());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("DREAM_") {
                command.env_remove(name);
            }
        }
        command.env("DREAM_HOME", self.home());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs a command that must end with `code`, and gives the JSON values of its lines.
    #[track_caller]
    fn json(&self, args: &[&str], code: i32) -> Vec<Value> {
        let output = self.command(args).arg("--json").output().unwrap();
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{args:?}\n{out}\n{err}");
        out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Writes a file of the material.
    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        #[expect(clippy::disallowed_methods, reason = "material of a test needs no safe writing")]
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Writes a decaying tone of half a second, another one for every `tone`.
    fn tone(&self, name: &str, tone: u32) -> PathBuf {
        self.write(name, &wav(44_100, 1, &decay(22_050, 100.0 + 37.0 * f64::from(tone))))
    }
}

/// Samples of a decaying sine at 44.1 kHz.
fn decay(frames: u32, hz: f64) -> Vec<i16> {
    (0..frames)
        .map(|i| {
            let t = f64::from(i) / 44_100.0;
            (20_000.0 * (-8.0 * t).exp() * (std::f64::consts::TAU * hz * t).sin()) as i16
        })
        .collect()
}

/// A WAV file of interleaved 16-bit samples.
fn wav(rate: u32, channels: u16, samples: &[i16]) -> Vec<u8> {
    let size = 2 * samples.len() as u32;
    let mut bytes = Vec::new();
    bytes.extend(b"RIFF");
    bytes.extend((36 + size).to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    bytes.extend(16u32.to_le_bytes());
    bytes.extend(1u16.to_le_bytes());
    bytes.extend(channels.to_le_bytes());
    bytes.extend(rate.to_le_bytes());
    bytes.extend((rate * 2 * u32::from(channels)).to_le_bytes());
    bytes.extend((2 * channels).to_le_bytes());
    bytes.extend(16u16.to_le_bytes());
    bytes.extend(b"data");
    bytes.extend(size.to_le_bytes());
    bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    bytes
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
