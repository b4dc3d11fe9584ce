//! The use cases, the job runner, configuration.
//!
//! [`Engine::run`] is the one door to work: the command line and every other caller hand it a [`JobSpec`].

pub mod config;
pub mod runner;

mod analyse;
mod backup;
mod clock;
mod compose;
mod cycle;
mod doctor;
mod duplicates;
mod error;
mod evaluate;
mod fsck;
mod generate;
mod genres;
mod ingest;
mod intake;
mod job;
mod licence;
mod models;
mod place;
mod queue;
mod search;
mod separate;
mod starter_kit;
mod tracks;
mod train;
mod trained;
mod watch;
mod whole;

use std::fs::File;
use std::path::Path;

use dream_analysis::descriptors::embed;
use dream_compose::genre::Genres;
use dream_core::{Facts, StemId};
use dream_library::{Verdict, write_file};

pub use analyse::{Analysis, Listening, Plots, analyse};
pub use backup::restore;
pub use clock::Clock;
pub use compose::{
    Bits, Bundle, BundleReport, BundleSpec, ComposeSpec, Composed, Output, RenderSpec, Selection,
    Timing, Track,
};
pub use config::Config;
pub use cycle::{CycleReport, CycleRound, CycleSpec, Fallen};
pub use doctor::{Check, Diagnosis};
pub use dream_compose::{Cast, Explained, Rated, Report as MixReport};
pub use dream_library::{
    BackupReport, Change, Entry, Failure, Filter, Home, Job, JobEvent, JobFilter, JobId, Library,
    Moment, RestoreReport, Sort, Statistics, Status, Take, TakeId, staging_file,
};
pub use dream_neural::vae::Method;
pub use duplicates::Near;
pub use error::{Error, Kind};
pub use evaluate::{Crossing, EvalSpec, Evaluation, Interpolation, Rhythm};
pub use fsck::{FaultKind, Finding, FsckReport};
pub use generate::{Beat, GenerateReport, GenerateSpec, GeneratedStem, Mode};
pub use ingest::{FileOutcome, IngestReport, IngestSpec, IngestStatus};
pub use intake::{Damage, Origin};
pub use job::{Event, JobSpec, Outcome};
pub use models::{AddSpec, BUILTIN, FetchSpec, Model, ModelKind, Verified};
pub use queue::Wish;
pub use search::Hit;
pub use separate::{
    Recorded, SeparateReport, SeparateSpec, SeparatedStem, StemFormat, TrackOutcome,
};
pub use starter_kit::StarterReport;
pub use train::{TrainEpoch, TrainReport, TrainSpec};
pub use trained::Trained;
pub use watch::Pace;

/// Version of this program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A home, its configuration and its library, ready to work.
#[derive(Debug)]
pub struct Engine {
    config: Config,
    library: Library,
    genres: Genres,
    clock: Clock,
    bell: queue::Bell,
}

impl Engine {
    /// Opens the home that `config` names, creating it when absent.
    ///
    /// # Errors
    /// Those of [`Library::open`]; `Genre`, `Io` or `Invalid` for a genre file that cannot be used.
    pub fn open(config: Config, clock: Clock) -> Result<Self, Error> {
        let genres = genres::load(&config.genres, config.genres_required)?;
        let library = Library::open(&config.home)?;
        Ok(Self { config, library, genres, clock, bell: queue::Bell::default() })
    }

    /// The configuration in effect.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The genres that a prompt may name: the built-in ones and those of the home.
    pub fn genres(&self) -> &Genres {
        &self.genres
    }

    /// The library.
    pub fn library(&self) -> &Library {
        &self.library
    }

    /// The folders of the home.
    pub fn home(&self) -> &Home {
        self.library.home()
    }

    /// Copies the audio of a stem to `path`, whole or not at all.
    ///
    /// # Errors
    /// `NotFound` without such a stem, `Io` when the file cannot be written.
    pub fn export(&self, id: StemId, path: &Path) -> Result<(), Error> {
        let entry = self.library.stem(id)?;
        let blob = self.library.blobs().path(&entry.stem.hash);
        let mut audio = File::open(&blob).map_err(|source| Error::Io {
            action: "read",
            path: blob.clone(),
            source,
        })?;
        Ok(write_file(path, |copy| std::io::copy(&mut audio, copy).map(|_| ()))?)
    }

    /// The first stem of a file that was ingested, if it could be used.
    ///
    /// # Errors
    /// Those of the library.
    pub fn stem_of(&self, path: &Path) -> Result<Option<Entry>, Error> {
        let record = self.library.file(&path.to_string_lossy())?;
        let Some(Verdict::Stems(stems)) = record.map(|record| record.verdict) else {
            return Ok(None);
        };
        Ok(stems.first().map(|id| self.library.stem(*id)).transpose()?)
    }

    /// Changes what is known of a stem, and with it the stem's place among others.
    ///
    /// # Errors
    /// `NotFound` without such a stem, `Invalid` for a bad tag.
    pub fn change(&self, id: StemId, mut change: Change) -> Result<Entry, Error> {
        if let Some(category) = change.category {
            let facts = self.library.stem(id)?.stem.facts;
            change.embedding = Some(embed(&Facts { category, ..facts }));
        }
        Ok(self.library.change(id, &change, self.now())?)
    }

    /// The time now.
    pub fn now(&self) -> Moment {
        self.clock.now()
    }
}

/// Engines for tests.
#[cfg(test)]
mod testing {
    use dream_analysis::{Hints, Known};
    use dream_audio::Clip;
    use dream_core::{Category, Form, Progress, Provenance, Seed, Source};

    use super::config::Flags;
    use super::generate::{GenerateReport, GeneratedStem};
    use super::{
        Clock, Config, Damage, Engine, Error, Event, GenerateSpec, JobSpec, Moment, Origin, Outcome,
    };

    /// An engine in a home of its own; the home goes with the first value.
    pub(crate) fn engine() -> (tempfile::TempDir, Engine) {
        engine_with(|_| ())
    }

    /// Stems of the starter kit: the first one-shots of a category.
    pub(crate) fn category(category: Category, count: usize) -> Vec<(Clip, Origin)> {
        stems(category, Form::OneShot, count)
    }

    /// The first loops of a category.
    pub(crate) fn loops(category: Category, count: usize) -> Vec<(Clip, Origin)> {
        stems(category, Form::Loop, count)
    }

    fn stems(category: Category, form: Form, count: usize) -> Vec<(Clip, Origin)> {
        let recipes = dream_audio::synth::kit::recipes().into_iter();
        recipes
            .filter(|recipe| recipe.category == category && recipe.form == form)
            .take(count)
            .map(|recipe| {
                let origin = Origin {
                    name: recipe.name.clone(),
                    source: Source::Original,
                    kit: Some("test".to_owned()),
                    licence: Some("CC0-1.0".to_owned()),
                    provenance: Provenance::default(),
                    hints: Hints {
                        name: None,
                        known: Known {
                            category: Some(category),
                            form: Some(form),
                            bpm: recipe.bpm,
                            bars: recipe.bars,
                            key: recipe.key.filter(|_| form == Form::Loop),
                            tags: recipe.tags.iter().map(ToString::to_string).collect(),
                            ..Known::default()
                        },
                    },
                    damage: Damage::default(),
                };
                (recipe.render(Seed(1)), origin)
            })
            .collect()
    }

    /// An engine with these stems.
    pub(crate) fn library_of(stems: Vec<(Clip, Origin)>) -> (tempfile::TempDir, Engine) {
        let (home, engine) = engine();
        for (clip, origin) in stems {
            engine.admit(clip, origin).unwrap();
        }
        (home, engine)
    }

    /// What comes of a job of dreams.
    pub(crate) fn generate(
        engine: &Engine,
        spec: GenerateSpec,
    ) -> Result<(GenerateReport, Vec<GeneratedStem>), Error> {
        let stems = std::cell::RefCell::new(Vec::new());
        let job = JobSpec::Generate(Box::new(spec));
        let outcome = engine.run_watched(&job, &Progress::silent(), &|event| {
            if let Event::Generated(stem) = event {
                stems.borrow_mut().push(stem.clone());
            }
        })?;
        match outcome {
            Outcome::Generate(report) => Ok((report, stems.into_inner())),
            other => panic!("{other:?}"),
        }
    }

    /// The same, after changing the configuration.
    pub(crate) fn engine_with(change: impl FnOnce(&mut Config)) -> (tempfile::TempDir, Engine) {
        let home = tempfile::tempdir().unwrap();
        let flags = Flags { home: Some(home.path().to_owned()), ..Flags::default() };
        let mut config = Config::defaults(&flags);
        change(&mut config);
        let engine = Engine::open(config, Clock::Fixed(Moment(1_000))).unwrap();
        (home, engine)
    }
}
