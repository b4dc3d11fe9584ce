//! Long work on the library: taking material in, learning from it, dreaming with what was learned.

pub(crate) mod batch;
pub(crate) mod info;

use axum::extract::State;
use axum::response::Response;
use dream_core::{Category, Form, Seed, StemId};
use dream_engine::{
    CycleSpec, Engine, Error, GenerateSpec, IngestSpec, JobSpec, Mode, Recorded, SeparateSpec,
    TrainSpec,
};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::jobs::{self, Accepted};
use crate::names::{
    CategoryName, KeyName, LearnedForm, Name, Number, PathName, SeedNumber, Tempo, Unit,
};
use crate::older;
use crate::problem::Problem;
use crate::read::{Json, MaybeJson, Preferences};
use crate::state::{App, ask, with};
use crate::value::{number, whole};

whole!(
    /// Rounds through the stems.
    Epochs, 1..=10_000, 100
);
whole!(
    /// Stems per step of training.
    BatchSize, 1..=256, 32
);
whole!(
    /// Dimensions of the latent space.
    LatentDim, 4..=512, 128
);
whole!(
    /// How many stems to dream.
    Variations, 1..=1_000, 10
);
whole!(
    /// Rounds of training and dreaming.
    Rounds, 1..=100, 3
);
whole!(
    /// Stems kept of a round.
    Keep, 2..=1_000, 10
);
number!(
    /// The learning rate after the warm-up.
    LearningRate, 1e-6..=0.1, 0.001
);
number!(
    /// How widely stems are drawn: 1 is as the category lies.
    Temperature, 0.01..=2.0, 1.0
);

/// What to take in; everything of the drop folder where nothing is named.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"paths": ["raw_construction_kits/warehouse"]}))]
pub(crate) struct Preprocess {
    /// Files and folders in the home.
    #[serde(default)]
    #[schema(max_items = 100)]
    paths: Vec<PathName>,
    /// The category of all of it, in place of what is heard.
    category: Option<CategoryName>,
    /// The kit of all of it; the folder's name where left out.
    kit: Option<Name>,
    /// The licence of all of it, as an SPDX expression.
    licence: Option<Name>,
}

/// Take kits into the library
#[utoipa::path(post, path = "/preprocess", tag = "neuromorphic",
    request_body(content = inline(Option<Preprocess>), description = "What to take in; all of `raw_construction_kits/` where left out"),
    responses((status = 200, description = "Done, with `Prefer: wait=N`", body = Accepted), (status = 202, description = "The job", body = Accepted)))]
pub(crate) async fn preprocess(
    State(app): State<App>,
    preferences: Preferences,
    MaybeJson(request): MaybeJson<Preprocess>,
) -> Result<Response, Problem> {
    few(&request.paths, "paths")?;
    let spec = ask(&app, move |engine| {
        Ok(JobSpec::Ingest(IngestSpec {
            paths: places(engine, &request.paths)?,
            category: request.category.map(|category| category.0),
            kit: request.kit.map(|kit| kit.0),
            licence: request.licence.map(|licence| licence.0),
            ignore_names: false,
            confined: true,
        }))
    })
    .await?;
    jobs::long(&app, spec, &preferences).await
}

/// The work of taking in files that were named from outside.
pub(crate) fn confined(paths: Vec<std::path::PathBuf>) -> IngestSpec {
    IngestSpec { paths, confined: true, ..IngestSpec::default() }
}

fn few(paths: &[PathName], field: &str) -> Result<(), Problem> {
    if paths.len() > 100 { Err(Problem::field(field, "at most 100 paths")) } else { Ok(()) }
}

fn places(engine: &Engine, paths: &[PathName]) -> Result<Vec<std::path::PathBuf>, Error> {
    paths.iter().map(|path| engine.place(&path.0)).collect()
}

/// A whole track, or its stems, to take in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"track_path": "stereo_tracks_for_analysis/demo.flac", "separate_first": true, "model": "builtin"}))]
pub(crate) struct TrackPreprocess {
    /// The track, a file in the home.
    track_path: Option<PathName>,
    /// Older name of `track_path`.
    #[schema(deprecated)]
    stereo_track_path: Option<PathName>,
    /// Stems of a track that is taken apart already.
    #[serde(default)]
    #[schema(max_items = 100)]
    stem_paths: Vec<PathName>,
    /// Whether the track is taken apart; else it comes in as it is.
    #[serde(default = "yes")]
    #[schema(default = true)]
    separate_first: bool,
    /// The model that takes it apart; `htdemucs` where it is installed, else `builtin`.
    model: Option<Name>,
    /// Whether the builtin may take the place of a model that is not installed.
    #[serde(default)]
    allow_fallback: bool,
}

pub(crate) fn yes() -> bool {
    true
}

/// Take a whole track into the library
///
/// Its stems come into the library as separated ones; with `stem_paths` stems that are there already.
#[utoipa::path(post, path = "/neuromorphic/preprocess", tag = "neuromorphic", request_body = TrackPreprocess,
    responses((status = 200, description = "Done, with `Prefer: wait=N`", body = Accepted), (status = 202, description = "The job", body = Accepted)))]
pub(crate) async fn preprocess_track(
    State(app): State<App>,
    preferences: Preferences,
    Json(request): Json<TrackPreprocess>,
) -> Result<Response, Problem> {
    few(&request.stem_paths, "stem_paths")?;
    let track = older::first(request.track_path, request.stereo_track_path);
    if track.is_none() && request.stem_paths.is_empty() {
        return Err(Problem::field("track_path", "a track or stem_paths must be given"));
    }
    let separation = Separation {
        model: request.model.map(|model| model.0),
        allow_fallback: request.allow_fallback,
    };
    let (separate, stems) = (request.separate_first, request.stem_paths);
    let (first, second) = with(&app, move |engine| {
        let mut files = places(engine, &stems)?;
        let track = track.map(|track| engine.place(&track.0)).transpose()?;
        let separated = match track {
            Some(track) if separate => Some(separation.spec(engine, track)?),
            Some(track) => {
                files.push(track);
                None
            }
            None => None,
        };
        let ingested = (!files.is_empty()).then(|| JobSpec::Ingest(confined(files)));
        Ok((separated.clone().or(ingested.clone()), separated.and(ingested)))
    })
    .await?;
    if let Some(second) = second {
        // The stems beside a track are a job of their own.
        let key = preferences.key.as_ref().map(|key| format!("{key} stems"));
        let own = Preferences { key, ..Preferences::default() };
        jobs::enqueue(&app, second, jobs::BACKGROUND, &own).await?;
    }
    match first {
        Some(spec) => jobs::long(&app, spec, &preferences).await,
        None => Err(Problem::field("track_path", "a track or stem_paths must be given")),
    }
}

/// How a track is taken apart.
#[derive(Debug, Clone, Default)]
pub(crate) struct Separation {
    pub(crate) model: Option<String>,
    pub(crate) allow_fallback: bool,
}

impl Separation {
    pub(crate) fn spec(
        self,
        engine: &Engine,
        track: std::path::PathBuf,
    ) -> Result<JobSpec, Problem> {
        if let Some(name) = &self.model {
            let models = engine.models()?;
            let installed = models.iter().any(|model| model.name == *name && model.installed);
            if !installed && !self.allow_fallback {
                let text = format!(
                    "model {name} is not installed; allow_fallback accepts the builtin in its place"
                );
                return Err(Problem::new("model_missing", text));
            }
        }
        Ok(JobSpec::Separate(Box::new(SeparateSpec {
            tracks: vec![Recorded::Path(track)],
            model: self.model,
            allow_fallback: self.allow_fallback,
            ..SeparateSpec::default()
        })))
    }
}

/// What to learn, and how.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"category": "kick", "epochs": 100, "seed": 7}))]
pub(crate) struct Train {
    /// The category.
    category: CategoryName,
    /// Its one-shots or its loops; the loops of drums and the one-shots of all else where left out.
    form: Option<LearnedForm>,
    /// Rounds through the stems, 100 where left out.
    epochs: Option<Epochs>,
    /// Stems per step, 32 where left out.
    batch_size: Option<BatchSize>,
    /// Dimensions of the latent space, 128 where left out.
    latent_dim: Option<LatentDim>,
    /// The learning rate, 0.001 where left out.
    learning_rate: Option<LearningRate>,
    /// Root of all random choices.
    seed: Option<SeedNumber>,
}

/// Learn a category
#[utoipa::path(post, path = "/neuromorphic/train", tag = "neuromorphic", request_body = Train,
    responses((status = 200, description = "Done, with `Prefer: wait=N`", body = Accepted), (status = 202, description = "The job", body = Accepted)))]
pub(crate) async fn train(
    State(app): State<App>,
    preferences: Preferences,
    Json(request): Json<Train>,
) -> Result<Response, Problem> {
    let usual = TrainSpec::default();
    let spec = TrainSpec {
        category: request.category.0,
        form: request.form.map(|form| form.0),
        epochs: request.epochs.map_or(usual.epochs, |epochs| epochs.0 as u32),
        batch_size: request.batch_size.map_or(usual.batch_size, |size| size.0 as u32),
        latent_dim: request.latent_dim.map_or(usual.latent_dim, |dim| dim.0 as u32),
        learning_rate: request.learning_rate.map_or(usual.learning_rate, |rate| rate.0),
        seed: seed(request.seed),
        ..usual
    };
    jobs::long(&app, JobSpec::Train(spec), &preferences).await
}

pub(crate) fn seed(seed: Option<SeedNumber>) -> Option<Seed> {
    seed.map(|seed| Seed(seed.0.cast_unsigned()))
}

/// How places between stems are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ModeName {
    /// Drawn from where the stems of the category lie.
    Random,
    /// Between two or more stems.
    #[serde(alias = "interpolate")]
    Interpolated,
    /// Between two categories.
    Hybrid,
}

/// What to dream.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"category": "kick", "num_variations": 10, "mode": "random", "seed": 7}))]
pub(crate) struct Generate {
    /// The category.
    category: CategoryName,
    /// One-shots or loops; what the parents are, else the loops of drums and the one-shots of all else, where left out.
    form: Option<LearnedForm>,
    /// How many stems, 10 where left out.
    num_variations: Option<Variations>,
    /// How, `random` where left out.
    mode: Option<ModeName>,
    /// Older name of `mode`.
    #[schema(deprecated)]
    generation_mode: Option<ModeName>,
    /// Older way to ask for the mode `interpolated`.
    #[schema(deprecated)]
    interpolate: Option<bool>,
    /// The other category of a hybrid.
    category_b: Option<CategoryName>,
    /// How far towards the other category, 0.5 where left out.
    interpolation_factor: Option<Unit>,
    /// Stems to lie between.
    #[serde(default)]
    #[schema(max_items = 16)]
    parents: Vec<Number>,
    /// How widely stems are drawn, 1 where left out.
    temperature: Option<Temperature>,
    /// The key that tonal stems are to play in.
    key: Option<KeyName>,
    /// The tempo that loops are to have.
    bpm: Option<Tempo>,
    /// Root of all random choices.
    seed: Option<SeedNumber>,
}

/// Dream stems
#[utoipa::path(post, path = "/neuromorphic/generate", tag = "neuromorphic", request_body = Generate,
    responses((status = 200, description = "Done, with `Prefer: wait=N`", body = Accepted), (status = 202, description = "The job", body = Accepted)))]
pub(crate) async fn generate(
    State(app): State<App>,
    preferences: Preferences,
    Json(request): Json<Generate>,
) -> Result<Response, Problem> {
    let mode = older::mode(request.mode, request.generation_mode, request.interpolate);
    if mode == ModeName::Hybrid && request.category_b.is_none() {
        return Err(Problem::field("category_b", "a hybrid needs another category"));
    }
    if request.parents.len() > 16 {
        return Err(Problem::field("parents", "at most 16 parents"));
    }
    let bpm = request.bpm.map(|bpm| dream_core::Bpm::new(bpm.0)).transpose();
    let spec = GenerateSpec {
        form: request.form.map(|form| form.0),
        parents: request.parents.iter().map(|parent| StemId(parent.0)).collect(),
        key: request.key.map(|key| key.0),
        bpm: bpm.map_err(|error| Problem::field("bpm", error.to_string()))?,
        ..dreams(&Wanted {
            category: request.category.0,
            with: request.category_b.filter(|_| mode == ModeName::Hybrid).map(|with| with.0),
            mode,
            count: request.num_variations,
            factor: request.interpolation_factor,
            temperature: request.temperature,
            seed: request.seed,
        })
    };
    jobs::long(&app, JobSpec::Generate(Box::new(spec)), &preferences).await
}

/// What several requests to dream have in common.
pub(crate) struct Wanted {
    pub(crate) category: Category,
    pub(crate) with: Option<Category>,
    pub(crate) mode: ModeName,
    pub(crate) count: Option<Variations>,
    pub(crate) factor: Option<Unit>,
    pub(crate) temperature: Option<Temperature>,
    pub(crate) seed: Option<SeedNumber>,
}

pub(crate) fn dreams(wanted: &Wanted) -> GenerateSpec {
    let usual = GenerateSpec::default();
    GenerateSpec {
        category: wanted.category,
        count: wanted.count.map_or(usual.count, |count| count.0 as u32),
        mode: match wanted.mode {
            ModeName::Random => Mode::Random,
            ModeName::Interpolated => Mode::Interpolated,
            ModeName::Hybrid => Mode::Hybrid,
        },
        with: wanted.with,
        // A factor says how far between two; where one stem after the other is drawn it says nothing.
        factor: wanted
            .factor
            .filter(|_| wanted.mode != ModeName::Random)
            .map(|factor| factor.0 as f32),
        temperature: wanted.temperature.map_or(usual.temperature, |t| t.0 as f32),
        seed: seed(wanted.seed),
        ..usual
    }
}

/// What to learn and dream, how often.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"categories": ["kick"], "rounds": 3, "keep": 10}))]
pub(crate) struct Cycle {
    /// The categories; every one with ten stems of the form where left out.
    #[serde(default)]
    #[schema(max_items = 16)]
    categories: Vec<CategoryName>,
    /// Rounds of each, 3 where left out.
    rounds: Option<Rounds>,
    /// Stems kept of every round, 10 where left out.
    keep: Option<Keep>,
    /// One-shots or loops; what is usual for each category where left out.
    form: Option<LearnedForm>,
    /// How widely stems are drawn, 1 where left out; below, every round holds more of what is usual.
    temperature: Option<Temperature>,
    /// Epochs of every training, 100 where left out.
    epochs: Option<Epochs>,
    /// Root of all random choices.
    seed: Option<SeedNumber>,
    /// Whether the rounds end where what is kept becomes alike, or dreams go away from what was not dreamed.
    #[serde(default = "yes")]
    #[schema(default = true)]
    guard: bool,
}

/// Train, dream, keep the best, and again
#[utoipa::path(post, path = "/neuromorphic/cycle", tag = "neuromorphic", request_body = Cycle,
    responses((status = 200, description = "Done, with `Prefer: wait=N`", body = Accepted), (status = 202, description = "The job", body = Accepted)))]
pub(crate) async fn cycle(
    State(app): State<App>,
    preferences: Preferences,
    Json(request): Json<Cycle>,
) -> Result<Response, Problem> {
    if request.categories.len() > 16 {
        return Err(Problem::field("categories", "at most 16 categories"));
    }
    let mut categories: Vec<Category> = request.categories.iter().map(|name| name.0).collect();
    categories.dedup();
    let mut form = request.form.map(|form| form.0);
    if categories.is_empty() {
        let usual = form.unwrap_or(Form::OneShot);
        categories = ask(&app, move |engine| engine.worth_training(usual, 10)).await?;
        form = Some(usual);
    }
    if categories.is_empty() {
        return Err(Problem::new("too_few_stems", "no category has ten stems to learn from"));
    }
    let spec = CycleSpec {
        categories,
        rounds: request.rounds.map_or(3, |rounds| rounds.0 as u32),
        keep: request.keep.map_or(10, |keep| keep.0 as u32),
        form,
        epochs: request.epochs.map_or(100, |epochs| epochs.0 as u32),
        temperature: request.temperature.map_or(1.0, |temperature| temperature.0 as f32),
        seed: seed(request.seed),
        guard: request.guard,
        fully_synthetic: false,
    };
    jobs::long(&app, JobSpec::Cycle(spec), &preferences).await
}
