//! The folder of stems: every layer, bus and return of a track as a file, with a README and credits.
//!
//! Files are written while the track is mixed, into a folder beside the one asked for, which takes its name when
//! all of it is there. Memory: a buffer per file.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use dream_audio::encode::FloatWriter;
use dream_compose::{Report, Signal};
use dream_core::{ArrangementPlan, Cancelled, Frames, SampleRate};
use tempfile::TempDir;

use super::output::{Credit, folder, io};
use crate::Error;

/// A folder of stems that is being written.
pub(super) struct Export {
    target: PathBuf,
    staging: TempDir,
    frames: Frames,
    /// The files in the order in which the mix hands out its signals.
    files: Vec<(String, FloatWriter<BufWriter<File>>)>,
    /// Which file comes next.
    next: usize,
    failed: Option<Error>,
}

/// The folder must be new or empty: nothing of anybody else is replaced.
pub(super) fn check(target: &Path) -> Result<(), Error> {
    let parent = folder(target);
    if !parent.is_dir() {
        return Err(Error::NotFound(format!("folder {}", parent.display())));
    }
    let used = match std::fs::read_dir(target) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) => error.kind() != std::io::ErrorKind::NotFound,
    };
    if used {
        let target = target.display();
        return Err(Error::Invalid(format!(
            "stems are written to a new or empty folder, not {target}"
        )));
    }
    Ok(())
}

impl Export {
    pub(super) fn begin(target: &Path, frames: Frames) -> Result<Self, Error> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(".writing-");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
        let parent = folder(target);
        let staging = builder.tempdir_in(parent).map_err(io("write in", parent))?;
        let (target, files) = (target.to_owned(), Vec::new());
        Ok(Self { target, staging, frames, files, next: 0, failed: None })
    }

    /// Takes the next frames of a signal; a failure is kept and stops the rendering.
    pub(super) fn take(&mut self, signal: Signal<'_>, sides: [&[f32]; 2]) -> Result<(), Cancelled> {
        self.write(signal, sides).map_err(|error| {
            self.failed = Some(error);
            Cancelled
        })
    }

    /// What went wrong, if anything did.
    pub(super) fn failure(&mut self) -> Option<Error> {
        self.failed.take()
    }

    fn write(&mut self, signal: Signal<'_>, sides: [&[f32]; 2]) -> Result<(), Error> {
        let encode = |path: &Path| {
            let path = path.to_owned();
            move |source| Error::Encode { path, source }
        };
        let first = matches!(signal, Signal::Layer { index: 0, .. });
        let first = first || self.files.first().is_some_and(|(name, _)| *name == file_name(signal));
        self.next = if first { 0 } else { self.next };
        if self.next == self.files.len() {
            let name = file_name(signal);
            let path = self.staging.path().join(&name);
            let file =
                BufWriter::with_capacity(1 << 16, File::create(&path).map_err(io("write", &path))?);
            let writer = FloatWriter::new(file, SampleRate::LIBRARY, 2, self.frames);
            self.files.push((name, writer.map_err(encode(&path))?));
        }
        let (_, writer) = &mut self.files[self.next];
        self.next += 1;
        writer.write(&sides).map_err(encode(&self.target))
    }

    /// Adds the texts, and gives the folder its name.
    pub(super) fn finish(
        self,
        plan: &ArrangementPlan,
        report: &Report,
        credits: &[Credit<'_>],
    ) -> Result<(), Error> {
        let texts = [
            ("README.txt", readme(plan, report, &self.files)),
            ("CREDITS.txt", self::credits(credits)),
        ];
        // Not synced: a loss of power may cost the stems, which can be made again; a pass over a gigabyte costs always.
        for (_, writer) in self.files {
            let file = writer.into_inner().into_inner();
            file.map_err(|error| io("write", &self.target)(error.into_error()))?;
        }
        for (name, text) in texts {
            let path = self.staging.path().join(name);
            let file = File::create(&path).and_then(|mut file| file.write_all(text.as_bytes()));
            file.map_err(io("write", &path))?;
        }
        // Only an empty folder can be removed.
        if self.target.is_dir() {
            std::fs::remove_dir(&self.target).map_err(io("replace", &self.target))?;
        }
        std::fs::rename(self.staging.keep(), &self.target).map_err(io("write", &self.target))
    }
}

/// `layer_01_kick_name.wav`, `bus_drums.wav`, `return_reverb.wav`, `mix.wav`.
fn file_name(signal: Signal<'_>) -> String {
    match signal {
        Signal::Layer { index, part, stem } => {
            format!("layer_{:02}_{}_{}.wav", index + 1, part.role, plain(&stem.name))
        }
        Signal::Bus(bus) => format!("bus_{}.wav", bus.name()),
        Signal::Reverb => "return_reverb.wav".to_owned(),
        Signal::Delay => "return_delay.wav".to_owned(),
        Signal::Mix => "mix.wav".to_owned(),
    }
}

/// A name that every file system takes: letters, digits and underscores, at most 40.
pub(super) fn plain(name: &str) -> String {
    let stem =
        name.rsplit_once('.').map_or(name, |(stem, end)| if end.len() <= 4 { stem } else { name });
    let safe = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    let text: String = stem.chars().map(safe).take(40).collect();
    let text = text.trim_matches('_');
    if text.is_empty() { "stem".to_owned() } else { text.to_owned() }
}

fn readme(
    plan: &ArrangementPlan,
    report: &Report,
    files: &[(String, FloatWriter<BufWriter<File>>)],
) -> String {
    let key = plan.key.map_or("no key".to_owned(), |key| key.to_string());
    let mut text = format!(
        "Stems of a track made by the Neuromorphic Dream Engine\n\n\
         prompt  {}\ngenre   {}\ntempo   {} bpm, {} bars of 4/4\nkey     {key}\nseed    {}\n\n\
         All files are stereo, 44.1 kHz, 32-bit floats, start on the first beat and are equally long.\n\n\
         layer_*   one stem each, after its own equaliser, gain, pan and fades; before ducking and buses\n\
         bus_*     the layers of a group after ducking and saturation, as they go into the mix\n\
         return_*  reverb and echo, as they go into the mix\n\
         mix.wav   the sum of all buses and returns, before the master\n\n",
        plan.prompt.replace(char::is_control, " "),
        plan.genre,
        plan.bpm.get(),
        plan.total_bars,
        plan.seed,
    );
    for (i, (name, _)) in files.iter().enumerate() {
        let bus = report.layers.get(i).map_or("", |layer| layer.bus.name());
        let _ = writeln!(text, "{name:60}{bus}"); // writing to a string cannot fail
    }
    text.push_str("\nSections\n\n");
    for (section, bar) in plan.structure.iter().zip(plan.section_starts()) {
        let seconds = f64::from(bar) * ArrangementPlan::BEATS_PER_BAR * plan.bpm.beat_seconds();
        let (bar, bars) = (bar + 1, section.bars);
        let _ = writeln!(text, "bar {bar:4}  {seconds:8.3} s  {} ({bars} bars)", section.section);
    }
    text
}

/// Who is to be named, and under which licence.
pub(super) fn credits(credits: &[Credit<'_>]) -> String {
    let mut text = "The audio of this track, by stem, kit and licence\n\n".to_owned();
    for credit in credits {
        let Credit { name, content_hash, source, kit, licence } = *credit;
        let _ = writeln!(
            text,
            "{name}\n  kit      {}\n  licence  {}\n  source   {source}\n  content  {content_hash}\n",
            kit.unwrap_or("none"),
            licence.unwrap_or("unknown: ask its owner before publishing"),
        ); // writing to a string cannot fail
    }
    text
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn names_of_files_are_plain() {
        assert_eq!(plain("Kick 01 (hard).wav"), "kick_01__hard");
        assert_eq!(plain("../../etc/passwd"), "etc_passwd");
        assert_eq!(plain("日本"), "stem");
        assert_eq!(plain(&"a".repeat(99)).len(), 40);
    }
}
