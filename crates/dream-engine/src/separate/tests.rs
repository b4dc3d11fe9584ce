//! Tracks through a small network and through the builtin, whole and interrupted.

use dream_core::{SampleRate, Source};

use super::*;
use crate::models::AddSpec;
use crate::testing::engine;
use crate::{Filter, JobSpec, Kind, Outcome};

const RATE: SampleRate = SampleRate::LIBRARY;

/// Beats of noise over a held tone on the right and another on the left.
fn song(seconds: u32, rate: u32) -> Clip {
    let mut seed = 1_u32;
    let mut noise = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(seed) / f64::from(u32::MAX) * 2.0 - 1.0
    };
    let mut channels = [Vec::new(), Vec::new()];
    for i in 0..seconds * rate {
        let t = f64::from(i) / f64::from(rate);
        let hit = 0.4 * noise() * (-(t % 0.5) * 50.0).exp();
        for (channel, hz) in channels.iter_mut().zip([80.0, 500.0]) {
            channel.push((hit + 0.2 * (std::f64::consts::TAU * hz * t).sin()) as f32);
        }
    }
    Clip::new(SampleRate(rate), &[&channels[0], &channels[1]])
}

fn write(path: &Path, clip: &Clip) -> PathBuf {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let bytes = dream_audio::encode::wav32f(clip).unwrap();
    #[expect(clippy::disallowed_methods, reason = "material of a test needs no safe writing")]
    std::fs::write(path, bytes).unwrap();
    path.to_owned()
}

/// An engine with a small network called `mine`, and a file of six seconds.
fn world() -> (tempfile::TempDir, Engine, SeparateSpec) {
    let (home, engine) = engine();
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../dream-neural/reference/small.safetensors");
    let add = JobSpec::AddModel(AddSpec { name: "mine".to_owned(), path });
    engine.run(&add, &Progress::silent()).unwrap();
    let song = write(&home.path().join("in/song.wav"), &song(6, 44_100));
    let spec = SeparateSpec {
        tracks: vec![Recorded::Path(song)],
        model: Some("mine".to_owned()),
        out: Some(home.path().join("out")),
        ..SeparateSpec::default()
    };
    (home, engine, spec)
}

#[track_caller]
fn run(
    engine: &Engine,
    spec: &SeparateSpec,
    progress: &Progress,
) -> Result<(SeparateReport, Vec<TrackOutcome>), Error> {
    let tracks = std::cell::RefCell::new(Vec::new());
    let outcome =
        engine.run_watched(&JobSpec::Separate(Box::new(spec.clone())), progress, &|event| {
            if let Event::Track(track) = event {
                tracks.borrow_mut().push(track.clone());
            }
        });
    match outcome? {
        Outcome::Separate(report) => Ok((report, tracks.into_inner())),
        other => panic!("{other:?}"),
    }
}

fn decode(path: &Path) -> Clip {
    dream_audio::decode::decode_file(path, &Limits::default()).unwrap().clip
}

fn builtin(spec: &SeparateSpec) -> SeparateSpec {
    SeparateSpec { model: Some("builtin".to_owned()), ..spec.clone() }
}

#[test]
fn stems_become_files_and_stems_of_the_library_that_say_what_made_them() {
    let (home, engine, spec) = world();
    let (report, tracks) = run(&engine, &spec, &Progress::silent()).unwrap();
    assert_eq!((report.model.as_str(), report.quality_tier.as_str()), ("mine", "demucs"));
    assert_eq!((report.tracks, report.stems, report.degraded), (1, 2, false));
    let names: Vec<&str> = tracks[0].stems.iter().map(|stem| stem.stem.as_str()).collect();
    assert_eq!(names, ["drums", "other"]);
    assert!(home.path().join("out/song_mine_drums.wav").is_file());

    let filter = Filter { sources: vec![Source::Separated], ..Filter::default() };
    let stems = engine.library().stems(&filter).unwrap();
    assert_eq!(stems.len(), 2);
    let drums = &stems[0].stem;
    assert_eq!((drums.category, drums.kit.as_deref()), (Category::Drums, Some("song")));
    let separator = drums.provenance.separator.clone().unwrap();
    assert_eq!((separator.name.as_str(), separator.stem.as_str()), ("mine", "drums"));
    assert_eq!((separator.version.as_str(), separator.quality_tier.as_str()), (VERSION, "demucs"));
    assert_eq!(separator.weights_sha256.unwrap().len(), 64);
    let parent = drums.provenance.parent.clone().unwrap();
    assert!(parent.path.unwrap().ends_with("song.wav"));
    assert_eq!(parent.digest.unwrap().len(), 64);
    // The spools are gone.
    assert_eq!(std::fs::read_dir(engine.home().work()).unwrap().count(), 0);

    // A stem can be separated in turn, and so can what is in a folder.
    let again = SeparateSpec {
        tracks: vec![Recorded::Stem(drums.id), Recorded::Path(home.path().join("in"))],
        no_library: true,
        ..builtin(&spec)
    };
    let (report, tracks) = run(&engine, &again, &Progress::silent()).unwrap();
    assert_eq!((report.tracks, report.failed), (2, 0));
    assert!(tracks[0].stems[0].stem_ids.is_empty());
    assert!(home.path().join("out/song_mine_drums_builtin_drums.wav").is_file());
}

#[test]
fn an_interrupted_run_goes_on_and_ends_with_the_same_bytes() {
    let (home, engine, spec) = world();
    run(&engine, &spec, &Progress::silent()).unwrap();
    let stems = |name: &str| {
        ["drums", "other"].map(|stem| {
            std::fs::read(home.path().join(name).join(format!("song_mine_{stem}.wav"))).unwrap()
        })
    };
    let whole = stems("out");
    let spec = SeparateSpec { out: Some(home.path().join("out2")), ..spec };
    let handle = std::sync::Arc::new(std::sync::OnceLock::<Progress>::new());
    let inner = handle.clone();
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let told = seen.clone();
    let progress = Progress::new(move |done, total, what| {
        if what == "segment" {
            told.lock().unwrap().push((done, total));
            if done == 3 {
                inner.get().unwrap().cancel();
            }
        }
    });
    handle.set(progress.clone()).unwrap();
    let error = run(&engine, &spec, &progress).unwrap_err();
    assert_eq!(error.kind(), Kind::Cancelled);
    let total = seen.lock().unwrap()[0].1;
    assert!(total > 6, "{total}");

    let told = seen.clone();
    seen.lock().unwrap().clear();
    let progress = Progress::new(move |done, total, what| {
        if what == "segment" {
            told.lock().unwrap().push((done, total));
        }
    });
    let (report, _) = run(&engine, &spec, &progress).unwrap();
    assert!(report.resumed);
    assert!(seen.lock().unwrap()[0].1 < total, "it began anew");
    assert!(stems("out2") == whole);
}

#[test]
fn any_rate_and_number_of_channels_is_taken() {
    let (home, engine, spec) = world();
    let five = song(3, 48_000);
    let [left, right] = five.stereo();
    let five = Clip::new(SampleRate(48_000), &[left, right, left, right, left]);
    let mono = Clip::mono(SampleRate(22_050), song(3, 22_050).channel(0).to_vec());
    let spec = SeparateSpec {
        tracks: vec![
            Recorded::Path(write(&home.path().join("five/a.wav"), &five)),
            Recorded::Path(write(&home.path().join("mono/a.wav"), &mono)),
        ],
        no_library: true,
        format: StemFormat::Flac,
        ..builtin(&spec)
    };
    let (report, tracks) = run(&engine, &spec, &Progress::silent()).unwrap();
    assert_eq!(report.failed, 0);
    for (track, name) in tracks.iter().zip(["a", "a-2"]) {
        let path = home.path().join(format!("out/{name}_builtin_drums.flac"));
        assert_eq!(track.stems[0].path.as_deref(), path.to_str());
        let clip = decode(&path);
        assert_eq!((clip.rate(), clip.channels(), clip.len()), (RATE, 2, 3 * 44_100));
    }
}

#[test]
fn a_network_hears_another_rate_as_it_does_without_the_engine() {
    use dream_neural::htdemucs::{Bag, Htdemucs, Spec, separate};
    let (home, engine, spec) = world();
    let mix = song(3, 22_050);
    let tracks = vec![Recorded::Path(write(&home.path().join("in/low.wav"), &mix))];
    let spec = SeparateSpec { tracks, no_library: true, ..spec };
    run(&engine, &spec, &Progress::silent()).unwrap();
    let weights = &engine.model("mine").unwrap().files[0];
    let store = dream_neural::weights::Store::open(Path::new(weights)).unwrap();
    let bag = Bag::single(Htdemucs::new(&store).unwrap());
    let stems = separate(&bag, &mix, &Spec::default(), &Progress::silent()).unwrap();
    for (name, stem) in ["drums", "other"].iter().zip(stems) {
        let file = decode(&home.path().join(format!("out/low_mine_{name}.wav")));
        assert_eq!((file.rate(), file.len()), (SampleRate(8_000), 24_000));
        assert!(file == stem, "{name}");
    }
}

#[test]
fn two_stems_and_a_choice_of_stems() {
    let (home, engine, spec) = world();
    let spec = SeparateSpec { no_library: true, ..builtin(&spec) };
    // Longer than a stretch of the builtin: the parts add up across the seam.
    let mix = song(50, 44_100);
    let tracks = vec![Recorded::Path(write(&home.path().join("in/song.wav"), &mix))];
    let spec = SeparateSpec { tracks, ..spec };
    let two = SeparateSpec { two_stems: Some("drums".to_owned()), ..spec.clone() };
    let (_, tracks) = run(&engine, &two, &Progress::silent()).unwrap();
    let names: Vec<&str> = tracks[0].stems.iter().map(|stem| stem.stem.as_str()).collect();
    assert_eq!(names, ["drums", "no_drums"]);
    let mut sum = decode(&home.path().join("out/song_builtin_drums.wav"));
    let rest = decode(&home.path().join("out/song_builtin_no_drums.wav"));
    assert_eq!(sum.len(), mix.len());
    sum.samples_mut().iter_mut().zip(rest.samples()).for_each(|(x, y)| *x += y);
    sum.samples_mut().iter_mut().zip(mix.samples()).for_each(|(x, y)| *x -= y);
    assert!(sum.peak() < 1e-5, "{}", sum.peak());

    let one = SeparateSpec { stems: vec!["bass".to_owned()], ..spec.clone() };
    let (report, _) = run(&engine, &one, &Progress::silent()).unwrap();
    assert_eq!(report.stems, 1);
    let wrong = SeparateSpec { stems: vec!["tuba".to_owned()], ..spec };
    let error = run(&engine, &wrong, &Progress::silent()).unwrap_err();
    assert!(error.to_string().contains("drums, bass, other, vocals"), "{error}");
}

#[test]
fn a_model_that_is_missing_is_never_replaced_in_silence() {
    let (_home, engine, spec) = world();
    let spec = SeparateSpec { no_library: true, ..spec };
    let named = SeparateSpec { model: Some("htdemucs".to_owned()), ..spec.clone() };
    let error = run(&engine, &named, &Progress::silent()).unwrap_err();
    assert_eq!(error.kind(), Kind::Conflict);
    assert!(error.to_string().contains("dream models fetch htdemucs"), "{error}");
    for accepted in [
        SeparateSpec { allow_fallback: true, ..named },
        SeparateSpec { model: None, ..spec.clone() },
    ] {
        let (report, tracks) = run(&engine, &accepted, &Progress::silent()).unwrap();
        assert_eq!((report.model.as_str(), report.degraded), ("builtin", true));
        assert!(report.warnings[0].contains("htdemucs is not installed"), "{report:?}");
        assert_eq!(tracks[0].stems[0].quality_tier, "dsp");
    }
    let unknown = SeparateSpec { model: Some("wibble".to_owned()), allow_fallback: true, ..spec };
    assert_eq!(run(&engine, &unknown, &Progress::silent()).unwrap_err().kind(), Kind::NotFound);
}

#[test]
fn a_bad_track_fails_alone_and_what_is_done_is_skipped() {
    let (home, engine, spec) = world();
    let folder = home.path().join("in");
    #[expect(clippy::disallowed_methods, reason = "material of a test needs no safe writing")]
    std::fs::write(folder.join("bad.wav"), b"words").unwrap();
    write(&folder.join("silent.wav"), &Clip::silence(RATE, 2, Frames(44_100)));
    let spec = SeparateSpec { tracks: vec![Recorded::Path(folder)], out: None, ..builtin(&spec) };
    let (report, tracks) = run(&engine, &spec, &Progress::silent()).unwrap();
    assert_eq!((report.tracks, report.failed, report.silent > 3), (3, 1, true), "{tracks:#?}");
    assert!(tracks[0].error.as_ref().unwrap().contains("bad.wav"), "{tracks:?}");
    let stems = engine.library().count(&Filter::default()).unwrap();
    let (report, _) = run(&engine, &spec, &Progress::silent()).unwrap();
    assert_eq!((report.skipped, report.failed), (2, 1));
    assert_eq!(engine.library().count(&Filter::default()).unwrap(), stems);
}
