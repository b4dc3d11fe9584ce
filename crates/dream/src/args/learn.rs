//! What can be typed of learning and dreaming.

use std::path::PathBuf;

use clap::ValueEnum;
use dream_core::{Bpm, Category, Form, Key, Source};

use super::read::{category, learned, learning_rate, source, temperature, tempo, unit};

#[derive(Debug, clap::Args)]
pub(crate) struct Train {
    /// The category: kick, snare, hihat ...
    #[arg(value_parser = category, required_unless_present = "all", conflicts_with = "all")]
    pub(crate) category: Option<Category>,
    /// Every category with enough one-shots or loops
    #[arg(long)]
    pub(crate) all: bool,
    /// Its one-shots or its loops, which are models of their own [default: loops of drums, one-shots of all else;
    /// with --all both]
    #[arg(long, value_name = "one-shot|loop", value_parser = learned)]
    pub(crate) form: Option<Form>,
    /// Rounds through the stems; the best one is kept
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) epochs: u32,
    /// Stems per step
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=256))]
    pub(crate) batch_size: u32,
    /// Dimensions of the latent space
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = clap::value_parser!(u32).range(4..=512))]
    pub(crate) latent_dim: u32,
    /// Learning rate after the warm-up, above 0 and at most 0.1
    #[arg(long, value_name = "X", default_value = "0.001", value_parser = learning_rate)]
    pub(crate) learning_rate: f64,
    /// Root of all random choices: the same seed and library give the same model
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Fewest stems that are worth it [default: 2, with --all 10 one-shots or 4 loops]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..))]
    pub(crate) min_stems: Option<u32>,
    /// Only stems of at least this quality, 0 to 1
    #[arg(long, value_name = "Q", value_parser = unit, default_value = "0")]
    pub(crate) min_quality: f32,
    /// Only stems of this kit; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(crate) kit: Vec<String>,
    /// Only stems of this source: original, separated, or generated with --include-generated; may be repeated
    #[arg(long, value_parser = source)]
    pub(crate) source: Vec<Source>,
    /// Learn from generated stems, too: a fifth of all at most
    #[arg(long)]
    pub(crate) include_generated: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Generate {
    /// The category: kick, snare, hihat ...
    #[arg(value_parser = category)]
    pub(crate) category: Category,
    /// One-shots or loops [default: what the parents are, else loops of drums and one-shots of all else]
    #[arg(long, value_name = "one-shot|loop", value_parser = learned)]
    pub(crate) form: Option<Form>,
    /// How many stems
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) count: u32,
    /// random: drawn from all of the category; interpolated: between two or more stems; hybrid: between two
    /// categories [default: random, or what other options ask for]
    #[arg(long, value_enum)]
    pub(crate) mode: Option<Mode>,
    /// The other category of a hybrid
    #[arg(long, value_name = "CATEGORY", value_parser = category)]
    pub(crate) with: Option<Category>,
    /// How far towards the other category or the second parent, 0 to 1 [default: 0.5 for a hybrid; spread evenly
    /// between given parents, by chance between chosen ones]
    #[arg(long, value_name = "T", value_parser = unit)]
    pub(crate) factor: Option<f32>,
    /// Stems to lie between, by their numbers
    #[arg(long, value_name = "ID,ID", value_delimiter = ',')]
    pub(crate) parents: Vec<i64>,
    /// Variations of this stem; the temperature says how far
    #[arg(long, value_name = "ID", conflicts_with_all = ["mode", "with", "factor", "parents"])]
    pub(crate) like: Option<i64>,
    /// How widely stems are drawn, above 0 to 2: 1 is as the category lies
    #[arg(long, value_name = "T", default_value = "1", value_parser = temperature)]
    pub(crate) temperature: f32,
    /// The key that tonal stems are to play in: "F# minor", Am, 11A; one-shots sound its tonic
    #[arg(long, value_parser = Key::parse)]
    pub(crate) key: Option<Key>,
    /// The tempo that loops are to have [default: that of their parents]
    #[arg(long, value_name = "X", value_parser = tempo)]
    pub(crate) bpm: Option<Bpm>,
    /// Root of all random choices: the same seed, model and library give the same bytes
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// max: use no audio of other stems; phases are made from the dreamed envelope
    #[arg(long, value_enum, default_value = "normal")]
    pub(crate) novelty: Novelty,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Cycle {
    /// A category; may be repeated [default: every one with ten one-shots, or loops]
    #[arg(long, value_name = "CATEGORY", value_parser = category)]
    pub(crate) category: Vec<Category>,
    /// Rounds per category
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) rounds: u32,
    /// Stems kept of every round; ten times as many are dreamed
    #[arg(long, value_name = "K", default_value_t = 10, value_parser = clap::value_parser!(u32).range(2..=1000))]
    pub(crate) keep: u32,
    /// One-shots or loops [default: loops of drums, one-shots of all else]
    #[arg(long, value_name = "one-shot|loop", value_parser = learned)]
    pub(crate) form: Option<Form>,
    /// How widely stems are drawn, above 0 to 2: below 1 every round holds more of what is usual
    #[arg(long, value_name = "T", default_value = "1", value_parser = temperature)]
    pub(crate) temperature: f32,
    /// Epochs of every training
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) epochs: u32,
    /// Root of all random choices
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Go on though what is kept becomes alike, or dreams go away from what was not dreamed
    #[arg(long)]
    pub(crate) no_guard: bool,
    /// Learn, after the first round, from nothing but what the round before kept: shows how such a loop loses its variety
    #[arg(long)]
    pub(crate) fully_synthetic: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Eval {
    /// The category: kick, snare, hihat ...
    #[arg(value_parser = category)]
    pub(crate) category: Category,
    /// One-shots or loops [default: loops of drums, one-shots of all else]
    #[arg(long, value_name = "one-shot|loop", value_parser = learned)]
    pub(crate) form: Option<Form>,
    /// Sounds to draw, 10 to 1000
    #[arg(short = 'n', long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(10..=1000))]
    pub(crate) count: u32,
    /// Root of all random choices
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Walk the way to this category, too, as hybrids do
    #[arg(long, value_name = "CATEGORY", value_parser = category)]
    pub(crate) with: Option<Category>,
    /// Draw where its stems lie, how it learned, and parents beside their children, as PNGs in this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) plot: Option<PathBuf>,
}

/// How places between stems are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    Random,
    #[value(alias = "interpolate")]
    Interpolated,
    Hybrid,
}

/// Whether stems wear the audio of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Novelty {
    Normal,
    Max,
}
