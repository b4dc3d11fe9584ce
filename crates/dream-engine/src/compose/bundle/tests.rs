use std::collections::BTreeMap;

use dream_audio::Clip;
use dream_audio::decode::{Limits, decode_file};
use dream_core::{Category, Progress};
use dream_library::write_file;
use tempfile::TempDir;
use zip::ZipArchive;

use super::*;
use crate::testing::library_of;
use crate::{ComposeSpec, Composed, JobSpec, Outcome, Output, Selection};

/// A library of a few kinds, and a track of half a minute whose layers, buses and mix are in the folder `parts`.
fn composed(output: Output) -> (TempDir, Engine, Composed) {
    let stems = [Category::Kick, Category::Hihat, Category::Bass, Category::Synth]
        .into_iter()
        .flat_map(|category| crate::testing::category(category, 2))
        .collect();
    let (home, engine) = library_of(stems);
    let spec = ComposeSpec {
        prompt: "dub techno 130 bpm".to_owned(),
        bpm: None,
        key: None,
        minutes: Some(0.5),
        loudness_lufs: None,
        seed: Some(Seed(3)),
        selection: Selection::default(),
        output: Output { stems: Some(home.path().join("parts")), ..output },
    };
    let outcome = engine.run(&JobSpec::Compose(Box::new(spec)), &Progress::silent()).unwrap();
    let Outcome::Take(take) = outcome else { panic!("{outcome:?}") };
    (home, engine, *take)
}

fn preview() -> Output {
    Output { preview_s: Some(4.0), ..Output::default() }
}

fn bundle(engine: &Engine, track: TakeId) -> Result<BundleReport, Error> {
    let spec = JobSpec::Bundle(BundleSpec { track });
    match engine.run(&spec, &Progress::silent())? {
        Outcome::Bundle(report) => Ok(report),
        other => panic!("{other:?}"),
    }
}

fn clip(path: &Path) -> Clip {
    decode_file(path, &Limits::default()).unwrap().clip
}

/// The files of a ZIP by name, those of text as silence.
fn files(path: &Path) -> BTreeMap<String, (Option<Clip>, Vec<u8>)> {
    let mut zip = ZipArchive::new(File::open(path).unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut files = BTreeMap::new();
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).unwrap();
        assert_eq!(entry.compression(), CompressionMethod::Stored);
        let (mut bytes, name) = (Vec::new(), entry.name().unwrap().into_owned());
        entry.read_to_end(&mut bytes).unwrap();
        let audio = name.strip_suffix(".wav").map(|_| {
            let place = folder.path().join(&name);
            write_file(&place, |file| file.write_all(&bytes)).unwrap();
            clip(&place)
        });
        files.insert(name, (audio, bytes));
    }
    files
}

/// The stems in the file sum to the mix in the folder, turned down by `gain_db`, within a step and a half for each stem.
fn sums_to_the_mix(engine: &Engine, track: TakeId, home: &Path) -> BundleReport {
    assert_eq!(engine.bundle(track).unwrap(), None);
    let report = bundle(engine, track).unwrap();
    let made = engine.bundle(track).unwrap().unwrap();
    assert_eq!((&made.digest, made.path.metadata().unwrap().len()), (&report.digest, report.bytes));
    let files = files(&made.path);
    let stems: Vec<&Clip> = files.values().filter_map(|(clip, _)| clip.as_ref()).collect();
    assert_eq!(stems.len(), report.stems.len());
    assert!(stems.len() >= 4, "{:?}", report.stems);
    let gain = 10.0_f64.powf(report.gain_db / 20.0);
    let mix = clip(&home.join("parts/mix.wav"));
    let tolerance = (1.5 * stems.len() as f64 + 0.1) / 32_768.0;
    let mut loudest = 0.0_f64;
    for (i, sample) in mix.samples().iter().enumerate() {
        let sum: f64 = stems.iter().map(|stem| f64::from(stem.samples()[i])).sum();
        let exact = gain * f64::from(*sample);
        assert!((sum - exact).abs() <= tolerance, "sample {i}: {sum} for {exact}");
        loudest = loudest.max(sum.abs());
    }
    assert!((0.05..=1.0 + tolerance).contains(&loudest), "{loudest}");
    for stem in stems {
        assert_eq!((stem.rate(), stem.channels()), (SampleRate::LIBRARY, 2));
        assert_eq!(stem.frames(), mix.frames());
        assert!(stem.samples().iter().any(|sample| sample.abs() > 0.001));
    }
    report
}

#[test]
fn the_stems_of_a_take_sum_to_its_mix_and_come_with_their_credits() {
    let (home, engine, take) = composed(Output::default());
    let id = take.track.id.unwrap();
    let report = sums_to_the_mix(&engine, id, home.path());
    for name in ["kick.wav", "drums.wav", "bass.wav", "reverb.wav"] {
        assert!(report.stems.iter().any(|stem| stem == name), "{:?}", report.stems);
    }
    let made = engine.bundle(id).unwrap().unwrap();
    assert!(made.name.starts_with("track_") && made.name.ends_with("_stems.zip"), "{}", made.name);
    let files = files(&made.path);
    let read = |name: &str| String::from_utf8(files[name].1.clone()).unwrap();
    assert!(read("README.txt").contains("kick.wav"));
    for stem in take.casting.iter().flat_map(|part| &part.stems) {
        let played = take.mix.as_ref().unwrap().layers.iter().any(|layer| layer.stem == stem.id);
        assert_eq!(read("CREDITS.txt").contains(&stem.hash), played, "{}", stem.name);
    }

    // It goes with its take.
    engine.remove_track(id).unwrap();
    assert!(!made.path.exists());
    assert_eq!(engine.bundle(id).unwrap_err().code(), "no_such_track");
    assert_eq!(bundle(&engine, id).unwrap_err().code(), "no_such_track");
}

#[test]
fn the_stems_of_a_preview_are_those_of_the_preview() {
    let (home, engine, take) = composed(preview());
    let id = take.track.id.unwrap();
    let report = sums_to_the_mix(&engine, id, home.path());
    // Made again it is the same.
    std::fs::remove_file(engine.bundle(id).unwrap().unwrap().path).unwrap();
    assert_eq!(bundle(&engine, id).unwrap(), report);
}

#[test]
fn a_take_whose_stems_are_gone_says_which() {
    let (_home, engine, take) = composed(preview());
    let id = take.track.id.unwrap();
    let gone = &take.casting.iter().find_map(|part| part.stems.first()).unwrap();
    let blob = engine.library().blobs().path(&gone.hash);
    let aside = blob.with_extension("aside");
    std::fs::rename(&blob, &aside).unwrap();
    let refused = |error: Error| {
        assert_eq!((error.code(), error.kind()), ("stems_gone", crate::Kind::Conflict));
        assert!(error.public().contains(&gone.name), "{}", error.public());
    };
    refused(engine.bundle(id).unwrap_err());
    refused(bundle(&engine, id).unwrap_err());
    std::fs::rename(&aside, &blob).unwrap();
    bundle(&engine, id).unwrap();
    engine.library().remove(gone.id).unwrap();
    // What is there is there.
    assert!(engine.bundle(id).unwrap().is_some());
    std::fs::remove_file(engine.bundle(id).unwrap().unwrap().path).unwrap();
    refused(engine.bundle(id).unwrap_err());
}

#[test]
fn only_the_last_few_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let at = |number: u64| {
        let path = folder.path().join(format!("{number}-x.zip"));
        write_file(&path, |file| file.write_all(b"x")).unwrap();
        let time = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(number);
        File::options().append(true).open(&path).unwrap().set_modified(time).unwrap();
        path
    };
    let paths: Vec<PathBuf> = (1..=6).map(at).collect();
    // The one that was just made stays, whatever the clock says.
    forget(folder.path(), &paths[0]);
    let left: Vec<bool> = paths.iter().map(|path| path.exists()).collect();
    assert_eq!(left, [true, false, false, true, true, true]);
    assert_eq!(left.iter().filter(|there| **there).count(), KEPT);
}
