//! What can be typed.

#![expect(clippy::doc_markdown, reason = "these comments are the help, printed as they are")]

mod learn;
mod read;

use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{ArgAction, CommandFactory, Parser, Subcommand, ValueEnum};
use dream_core::{Bpm, Category, Form, Key, Source};
use dream_engine::{Bits, Sort, Status};

pub(crate) use learn::{Cycle, Eval, Generate, Mode, Novelty, Train};
pub(crate) use read::{BpmRange, Maybe};
use read::{
    bpm_range, category, form, loudness, maybe_bpm, maybe_key, minutes, overlap, preview, rating,
    sort, source, status, tempo, unit,
};

/// The Neuromorphic Dream Engine: turns a growing library of audio into new music.
#[derive(Debug, Parser)]
#[command(name = "dream", version, max_term_width = 100)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options that stand before or after the command.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// The folder with the library and everything made from it [default: $DREAM_HOME, else ./dream-home]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) home: Option<PathBuf>,
    /// Configuration file [default: dream.toml in the home]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Print JSON: one document, or one object per line where a command works file by file
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Say more; twice for details
    #[arg(short, long, global = true, action = ArgAction::Count, conflicts_with = "quiet")]
    pub(crate) verbose: u8,
    /// Say only what went wrong
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Threads for parallel work [default: all cores]
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=256))]
    pub(crate) threads: Option<u64>,
}

impl Args {
    /// The arguments, if they go together.
    pub(crate) fn checked(self) -> Result<Self, clap::Error> {
        let choice = match &self.command {
            Command::Compose(compose) => &compose.choice,
            Command::Render(render) => &render.choice,
            Command::Ingest(_)
            | Command::Separate(_)
            | Command::Train(_)
            | Command::Generate(_)
            | Command::Cycle(_)
            | Command::Eval(_)
            | Command::Analyse(_)
            | Command::Stems(_)
            | Command::Models(_)
            | Command::Jobs(_)
            | Command::Search(_)
            | Command::Serve(_)
            | Command::Stats
            | Command::Doctor
            | Command::Fsck(_)
            | Command::Backup(_)
            | Command::Restore(_) => return Ok(self),
        };
        let out = choice.out.as_ref().and_then(|path| path.extension());
        let flac = out.is_some_and(|end| end.eq_ignore_ascii_case("flac"));
        if flac && choice.bits == Depth::Float32 {
            let text = "FLAC holds 16 or 24 bits, no floats";
            return Err(Self::command().error(ErrorKind::ArgumentConflict, text));
        }
        Ok(self)
    }

    /// The threads asked for: `--jobs` where the command has it, else `--threads`.
    pub(crate) fn threads(&self) -> Option<u64> {
        let jobs = if let Command::Ingest(ingest) = &self.command { ingest.jobs } else { None };
        jobs.or(self.global.threads)
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a track from a line of text: plan, casting, mix, WAV
    Compose(Compose),
    /// Render a plan, as printed by `compose --plan-only` or stored beside a track, edited or not
    Render(Render),
    /// Take files and folders into the library; goes on where it was interrupted
    Ingest(Ingest),
    /// Take tracks apart into stems: files, and stems of the library; goes on where it was interrupted
    Separate(Separate),
    /// Learn what the one-shots of a category have in common: a model to dream new ones with
    Train(Train),
    /// Dream new stems with the model of a category
    Generate(Generate),
    /// Train, dream, keep the best, and again; ends where what is kept becomes less diverse
    Cycle(Cycle),
    /// Measure the model of a category: what it rebuilds, and how its sounds lie among the real ones
    Eval(Eval),
    /// Print the facts of files without storing them
    #[command(visible_alias = "analyze")]
    Analyse(Analyse),
    /// Look at the stems of the library and change them
    #[command(subcommand)]
    Stems(Stems),
    /// Models that separate tracks: list, fetch, add, check, remove
    #[command(subcommand)]
    Models(Models),
    /// Search stems by words for their sound, or by their likeness to another
    Search(Search),
    /// Offer everything over HTTP, on this machine unless told otherwise; works on the jobs that wait
    Serve(Serve),
    /// Work that waits, runs or has ended: list, show, cancel, watch
    #[command(subcommand)]
    Jobs(Jobs),
    /// Count the stems by source, category and form
    Stats,
    /// Say what works here, what is degraded, and the configuration in effect
    Doctor,
    /// Check the library: every row, the content of every file, and what belongs to nothing; beside other work, too
    Fsck(Fsck),
    /// Write library, models, tracks and genres of one moment to one file, beside other work, too
    Backup(Backup),
    /// Put a backup into an empty home, every file checked before anything is replaced
    Restore(Restore),
}

impl Command {
    /// Where to listen, where the command says.
    pub(crate) fn bind(&self) -> Option<String> {
        let Self::Serve(serve) = self else { return None };
        serve.bind.clone()
    }

    /// The key of the server, where the command says.
    pub(crate) fn api_key(&self) -> Option<String> {
        let Self::Serve(serve) = self else { return None };
        serve.api_key.clone()
    }

    /// Whether an empty library may be filled with the starter kit, where the command says.
    pub(crate) fn starter(&self) -> Option<bool> {
        let no_starter = match self {
            Self::Compose(compose) => compose.choice.no_starter,
            Self::Render(render) => render.choice.no_starter,
            Self::Serve(serve) => serve.no_starter,
            Self::Ingest(_)
            | Self::Separate(_)
            | Self::Train(_)
            | Self::Generate(_)
            | Self::Cycle(_)
            | Self::Eval(_)
            | Self::Analyse(_)
            | Self::Stems(_)
            | Self::Models(_)
            | Self::Jobs(_)
            | Self::Search(_)
            | Self::Stats
            | Self::Doctor
            | Self::Fsck(_)
            | Self::Backup(_)
            | Self::Restore(_) => return None,
        };
        no_starter.then_some(false)
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct Fsck {
    /// Set right what can be: make audio again from where it came from, move what belongs to nothing to quarantine, take
    /// stems without audio off the list; all of it is named, and what goes lies in quarantine
    #[arg(long)]
    pub(crate) repair: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Backup {
    /// The file, an uncompressed ZIP; one that exists is replaced only with --force
    pub(crate) file: PathBuf,
    /// Replace the file if it exists
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Restore {
    /// The file that `backup` wrote
    pub(crate) file: PathBuf,
    /// Restore into a home that is not empty; what is replaced is moved to a folder replaced_TIME in it
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Compose {
    /// What the track should be, in English or German: "driving industrial techno 138 bpm"
    pub(crate) prompt: String,
    /// Tempo in bpm, over the prompt's
    #[arg(long, value_name = "X", value_parser = tempo)]
    pub(crate) bpm: Option<Bpm>,
    /// Key, over the prompt's: "F# minor", Am, fis-moll, 11A
    #[arg(long, value_parser = Key::parse)]
    pub(crate) key: Option<Key>,
    /// Length in minutes, 0.5 to 30 [default: the genre's form, 5 to 8]
    #[arg(long, value_name = "M", value_parser = minutes)]
    pub(crate) minutes: Option<f64>,
    /// Loudness of the master: club (-8.5 LUFS), default (-10), streaming (-14), or LUFS [default: the genre's]
    #[arg(long, value_name = "PROFILE", value_parser = loudness, allow_hyphen_values = true)]
    pub(crate) loudness: Option<f64>,
    /// Print the plan as JSON and render nothing; with --explain, print the casting of that plan, with --json both as one
    /// document that `render` takes
    #[arg(long)]
    pub(crate) plan_only: bool,
    #[command(flatten)]
    pub(crate) choice: Choice,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Render {
    /// The plan as JSON; - reads it from standard input
    #[arg(value_name = "PLAN.json")]
    pub(crate) plan: PathBuf,
    /// Draw the notes of section N anew, counted from 1; every other section keeps its notes, stems and levels
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) reroll: Option<u32>,
    #[command(flatten)]
    pub(crate) choice: Choice,
}

/// What compose and render have in common.
#[derive(Debug, clap::Args)]
pub(crate) struct Choice {
    /// Root of all random choices: the same seed and library give the same bytes
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// The file to write, .wav or .flac [default: a new WAV in generated_tracks in the home]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Which stems may play
    #[arg(long, value_delimiter = ',', value_parser = source, default_value = "original,separated,generated")]
    pub(crate) sources: Vec<Source>,
    /// Only stems of at least this quality, 0 to 1
    #[arg(long, value_name = "Q", value_parser = unit, default_value = "0")]
    pub(crate) min_quality: f32,
    /// Format of the samples
    #[arg(long, value_enum, default_value = "16")]
    pub(crate) bits: Depth,
    /// Write every layer, bus and return and the mix before the master to this new or empty folder, as 32-bit
    /// float WAV, with a README and the credits
    #[arg(long, value_name = "DIR")]
    pub(crate) stems: Option<PathBuf>,
    /// Write the plan's notes to this MIDI file: a track per part, on the straight grid, without swing
    #[arg(long, value_name = "FILE")]
    pub(crate) midi: Option<PathBuf>,
    /// Render only so many seconds, 1 to 600, the drop first
    #[arg(long, value_name = "SECONDS", value_parser = preview)]
    pub(crate) preview: Option<f64>,
    /// Do not fill an empty library with the built-in stems
    #[arg(long)]
    pub(crate) no_starter: bool,
    /// Print for every part the stems chosen and the three best losers, with the terms of their scores; with --json as the
    /// field "explanation"
    #[arg(long)]
    pub(crate) explain: bool,
}

/// Format of the samples of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Depth {
    /// 16-bit integers, dithered
    #[value(name = "16")]
    Int16,
    /// 24-bit integers, dithered
    #[value(name = "24")]
    Int24,
    /// 32-bit floats
    #[value(name = "32f")]
    Float32,
}

impl From<Depth> for Bits {
    fn from(depth: Depth) -> Self {
        match depth {
            Depth::Int16 => Self::Int16,
            Depth::Int24 => Self::Int24,
            Depth::Float32 => Self::Float32,
        }
    }
}

#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub(crate) struct Ingest {
    /// Files and folders [default: raw_construction_kits in the home]
    pub(crate) paths: Vec<PathBuf>,
    /// Take whole tracks apart and keep their stems: as `separate`, which has more options
    #[arg(long, conflicts_with_all = ["category", "kit", "licence", "no_name_hints"])]
    pub(crate) separate: bool,
    /// The model for that [default: htdemucs if installed, else builtin]
    #[arg(long, value_name = "NAME", requires = "separate")]
    pub(crate) model: Option<String>,
    /// The category of all of it, in place of what is heard
    #[arg(long, value_parser = category)]
    pub(crate) category: Option<Category>,
    /// The kit of all of it [default: the folder's name]
    #[arg(long, value_name = "NAME")]
    pub(crate) kit: Option<String>,
    /// The licence of all of it, as an SPDX expression
    #[arg(long, value_name = "SPDX")]
    pub(crate) licence: Option<String>,
    /// Go on watching until stopped: files come in when they have been still for three seconds
    #[arg(long, conflicts_with = "separate")]
    pub(crate) watch: bool,
    /// Enter folders in folders; always so
    #[arg(long)]
    pub(crate) recursive: bool,
    /// Files heard at the same time [default: as many as there are threads]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=256))]
    pub(crate) jobs: Option<u64>,
    /// Listen only; do not read category and tempo from file and folder names
    #[arg(long)]
    pub(crate) no_name_hints: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Separate {
    /// Files and folders, stem:ID or track:ID [default: stereo_tracks_for_analysis in the home]
    #[arg(value_name = "TRACK")]
    pub(crate) tracks: Vec<String>,
    /// htdemucs, htdemucs_ft, htdemucs_6s, builtin, or one of your own [default: htdemucs if installed, else builtin]
    #[arg(long, value_name = "NAME")]
    pub(crate) model: Option<String>,
    /// Take the builtin if that model is not installed
    #[arg(long)]
    pub(crate) allow_fallback: bool,
    /// Write the stems to this folder as TRACK_MODEL_STEM.wav
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Keep the stems out of the library
    #[arg(long, requires = "out")]
    pub(crate) no_library: bool,
    /// Format of the files
    #[arg(long, value_enum, default_value = "wav")]
    pub(crate) format: Container,
    /// Format of their samples [default: 32f in WAV, 24 in FLAC]
    #[arg(long, value_enum)]
    pub(crate) bits: Option<Depth>,
    /// Average over N runs with the track moved, 0 to 20: better, and N times as slow
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=20))]
    pub(crate) shifts: u32,
    /// The part of a segment that overlaps the next, 0 to 0.9
    #[arg(long, value_name = "X", default_value = "0.25", value_parser = overlap)]
    pub(crate) overlap: f64,
    /// Only this stem, and the sum of the others as no_NAME
    #[arg(long, value_name = "NAME", conflicts_with = "stems")]
    pub(crate) two_stems: Option<String>,
    /// Only these stems
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub(crate) stems: Vec<String>,
    /// Cut the drums into single hits besides, for the library
    #[arg(long, conflicts_with = "no_library")]
    pub(crate) cut_drums: bool,
}

/// Format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Container {
    /// WAV
    Wav,
    /// FLAC
    Flac,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Analyse {
    /// Audio files
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Listen only; do not read category and tempo from the file name
    #[arg(long)]
    pub(crate) no_name_hints: bool,
    /// Draw waveform, spectrogram, beats and chroma of every file as a PNG in this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) plot: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Stems {
    /// List stems
    List(List),
    /// Show all that is known of a stem
    Show {
        /// Its number
        id: i64,
    },
    /// List groups of stems that are nearly the same sound: in another encoding, at another level, with other
    /// silence around it
    Duplicates,
    /// Remove stems with their audio
    Rm {
        /// Their numbers
        #[arg(required = true, value_name = "ID")]
        ids: Vec<i64>,
    },
    /// Change what is known of a stem
    Set(Set),
    /// Say what you think of a stem: +1, 0, or -1, which keeps it out of tracks and training
    Rate {
        /// Its number
        id: i64,
        /// +1, 0 or -1
        #[arg(value_parser = rating, allow_hyphen_values = true)]
        rating: i32,
    },
    /// Write the audio of a stem to a WAV file
    Export {
        /// Its number
        id: i64,
        /// The file; one that exists is replaced only with --force
        file: PathBuf,
        /// Replace the file if it exists
        #[arg(long)]
        force: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Models {
    /// List all models, installed or not
    List,
    /// Download a published model; goes on where it was interrupted
    Fetch {
        /// Its name: htdemucs, htdemucs_ft, htdemucs_6s
        name: String,
        /// Take this file, fetched by hand, or the files of this folder, and download nothing
        #[arg(long, value_name = "FILE")]
        from: Option<PathBuf>,
    },
    /// Install a checkpoint of your own, such as a fine-tune, under a new name
    Add {
        /// The name to call it by
        name: String,
        /// The checkpoint, .th or .safetensors
        file: PathBuf,
    },
    /// Read every installed file and check it
    Verify,
    /// Remove the files of a model
    Rm {
        /// Its name
        name: String,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct Search {
    /// Words for the sound, in English or German: "dark punchy kick"
    #[arg(required_unless_present = "like", conflicts_with = "like")]
    pub(crate) text: Option<String>,
    /// Stems like this one, or like an audio file
    #[arg(long, value_name = "ID|FILE")]
    pub(crate) like: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) limit: u32,
    /// Only this category; may be repeated
    #[arg(long, value_parser = category)]
    pub(crate) category: Vec<Category>,
    /// Only this source: original, separated, generated; may be repeated
    #[arg(long, value_parser = source)]
    pub(crate) source: Vec<Source>,
    /// Only tempos in this range: 120..140, 120.., ..140
    #[arg(long, value_name = "MIN..MAX", value_parser = bpm_range)]
    pub(crate) bpm: Option<BpmRange>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    /// Where to listen [default: 127.0.0.1:8000]; any address but this machine's own needs a key
    #[arg(long, value_name = "ADDR", alias = "host")]
    pub(crate) bind: Option<String>,
    /// The port, over that of the address; 0 takes any that is free
    #[arg(long, value_name = "N")]
    pub(crate) port: Option<u16>,
    /// The key that requests must show; better in DREAM_API_KEY, where a list of processes does not show it
    #[arg(long, value_name = "KEY")]
    pub(crate) api_key: Option<String>,
    /// Do not fill an empty library with the built-in stems
    #[arg(long)]
    pub(crate) no_starter: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Jobs {
    /// List jobs, the newest first
    List {
        /// Only those that stand there: queued, running, done, failed, cancelled
        #[arg(long, value_parser = status)]
        status: Option<Status>,
        /// Only this kind of work: ingest, separate, train, generate, compose ...
        #[arg(long)]
        kind: Option<String>,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: u32,
    },
    /// Show all that is known of a job
    Show {
        /// Its number
        id: i64,
    },
    /// Ask a job to stop, whichever process runs it
    Cancel {
        /// Its number
        id: i64,
    },
    /// Follow a job until it ends; fails if the job does
    Watch {
        /// Its number
        id: i64,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct List {
    /// Only this category; may be repeated
    #[arg(long, value_parser = category)]
    pub(crate) category: Vec<Category>,
    /// Only this source: original, separated, generated; may be repeated
    #[arg(long, value_parser = source)]
    pub(crate) source: Vec<Source>,
    /// Only tempos in this range: 120..140, 120.., ..140, or 138 for 137.5..138.5
    #[arg(long, value_name = "MIN..MAX", value_parser = bpm_range)]
    pub(crate) bpm: Option<BpmRange>,
    /// Only this key: "F# minor", Am, 11A
    #[arg(long, value_parser = Key::parse)]
    pub(crate) key: Option<Key>,
    /// Only with this tag
    #[arg(long)]
    pub(crate) tag: Option<String>,
    /// Only this form: one_shot, loop, free
    #[arg(long, value_parser = form)]
    pub(crate) form: Option<Form>,
    /// Only this kit
    #[arg(long)]
    pub(crate) kit: Option<String>,
    /// Only with at least this quality, 0 to 1
    #[arg(long, value_name = "Q", value_parser = unit)]
    pub(crate) min_quality: Option<f32>,
    /// At most so many
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u32>,
    /// Leave out so many at the start
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) offset: u32,
    /// Order: id, newest, name, bpm, quality, duration
    #[arg(long, default_value = "id", value_parser = sort, hide_default_value = true)]
    pub(crate) sort: Sort,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Set {
    /// Its number
    pub(crate) id: i64,
    /// Its name
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Its category
    #[arg(long, value_parser = category)]
    pub(crate) category: Option<Category>,
    /// Its form: one_shot, loop, free
    #[arg(long, value_parser = form)]
    pub(crate) form: Option<Form>,
    /// Its kit
    #[arg(long)]
    pub(crate) kit: Option<String>,
    /// Its licence, as an SPDX expression
    #[arg(long, value_name = "SPDX")]
    pub(crate) licence: Option<String>,
    /// Its tempo, or none
    #[arg(long, value_parser = maybe_bpm)]
    pub(crate) bpm: Option<Maybe<Bpm>>,
    /// Its key, or none
    #[arg(long, value_parser = maybe_key)]
    pub(crate) key: Option<Maybe<Key>>,
    /// A tag to add; may be repeated
    #[arg(long, value_name = "TAG")]
    pub(crate) tag: Vec<String>,
    /// A tag to take away; may be repeated
    #[arg(long, value_name = "TAG")]
    pub(crate) untag: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Args::command().debug_assert();
    }
}
