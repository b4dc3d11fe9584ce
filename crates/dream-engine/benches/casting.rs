//! A prompt to a plan with its casting, in libraries of 1,000 and of 100,000 stems: the starter kit over and over, each copy
//! a little different.

use std::sync::OnceLock;

use divan::Bencher;
use dream_analysis::descriptors::embed;
use dream_core::{Fingerprint, Frames, Progress, SampleRate, Seed};
use dream_engine::config::Flags;
use dream_engine::{Clock, ComposeSpec, Config, Engine, Entry, Filter, Moment, Output, Selection};
use dream_library::NewStem;
use tempfile::TempDir;

fn main() {
    divan::main();
}

fn open(home: &TempDir) -> Engine {
    let flags = Flags { home: Some(home.path().to_owned()), ..Flags::default() };
    let config = Config::load(&flags).expect("defaults");
    Engine::open(config, Clock::Fixed(Moment(0))).expect("a home")
}

/// An engine whose library holds so many stems.
fn filled(count: usize) -> (TempDir, Engine) {
    let home = TempDir::new().expect("a temporary folder");
    let engine = open(&home);
    engine.ensure_starter(&Progress::silent()).expect("the starter kit");
    let kit = engine.library().stems(&Filter::default()).expect("its stems");
    let mut numbers = kit.len()..count;
    while !numbers.is_empty() {
        let chunk: Vec<usize> = numbers.by_ref().take(10_000).collect();
        engine
            .library()
            .write(|write| {
                for number in chunk {
                    let new = copy(&engine, &kit[number % kit.len()], number);
                    write.add_stem(&new, Moment(0))?;
                }
                Ok::<_, dream_library::Error>(())
            })
            .expect("room for the rows");
    }
    (home, engine)
}

/// A stem that sounds a little different; its audio is an empty file, which no casting reads.
fn copy(engine: &Engine, entry: &Entry, number: usize) -> NewStem {
    let hash = format!("{number:064x}");
    std::fs::File::create(engine.library().blobs().path(&hash)).expect("room for a file");
    let mut facts = entry.stem.facts.clone();
    for (index, value) in facts.attributes.values_mut().enumerate() {
        *value *= 0.8 + 0.45 * ((31 * number + 17 * index) % 97) as f32 / 97.0;
    }
    NewStem {
        hash,
        name: format!("{} {number}", entry.stem.name),
        source: entry.stem.source,
        kit: entry.stem.kit.clone(),
        licence: None,
        channels: 1,
        sample_rate: SampleRate::LIBRARY,
        frames: Frames(44_100),
        embeddings: vec![embed(&facts)],
        facts,
        provenance: entry.stem.provenance.clone(),
        fingerprint: Fingerprint { spread_s: 0.1, bands: [0; 16], detail: Vec::new() },
    }
}

fn small() -> &'static (TempDir, Engine) {
    static HOME: OnceLock<(TempDir, Engine)> = OnceLock::new();
    HOME.get_or_init(|| filled(1_000))
}

fn large() -> &'static (TempDir, Engine) {
    static HOME: OnceLock<(TempDir, Engine)> = OnceLock::new();
    HOME.get_or_init(|| filled(100_000))
}

/// As one run of the program does it: the library is opened, the prompt planned, the plan cast.
fn plan_and_cast(bencher: Bencher<'_, '_>, (home, _): &(TempDir, Engine), prompt: &str) {
    let spec = ComposeSpec {
        prompt: prompt.to_owned(),
        bpm: None,
        key: None,
        minutes: None,
        loudness_lufs: None,
        seed: Some(Seed(1)),
        selection: Selection::default(),
        output: Output::default(),
    };
    bencher.bench_local(|| {
        let engine = open(home);
        let plan = engine.plan(&spec).expect("a plan");
        engine.cast(&plan, &[], &spec.selection).expect("a casting")
    });
}

const PROMPTS: [&str; 3] =
    ["driving industrial techno 138 bpm", "warm deep house with punchy kicks", "dark ambient"];

#[divan::bench(args = PROMPTS, sample_count = 20)]
fn thousand_stems(bencher: Bencher<'_, '_>, prompt: &str) {
    plan_and_cast(bencher, small(), prompt);
}

#[divan::bench(args = PROMPTS, sample_count = 10)]
fn hundred_thousand_stems(bencher: Bencher<'_, '_>, prompt: &str) {
    plan_and_cast(bencher, large(), prompt);
}
