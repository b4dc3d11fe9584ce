//! Every fact of a 16 s stereo loop, and the whole of a one-shot, of that loop and of a track.

use std::io::Cursor;

use divan::{Bencher, black_box};
use dream_analysis::{
    Hints, analyse, category_features, descriptors, fingerprint, key, onset, pitch, quality,
    spiking, tempo,
};
use dream_audio::decode::{Limits, decode};
use dream_audio::{Clip, encode, loudness};
use dream_core::{Form, SampleRate, Seed};

fn main() {
    divan::main();
}

/// Hits of noise and a tone that change every half second: 120 bpm.
fn stem(seconds: f64) -> Clip {
    let frames = (seconds * 44_100.0) as usize;
    let mut state = Seed(5);
    let mut channel = |pitch: f64| -> Vec<f32> {
        (0..frames)
            .map(|i| {
                state = state.index(0);
                let noise = (state.0 >> 40) as f64 / 8_388_608.0 - 1.0;
                let t = i as f64 / 44_100.0;
                let since = t % 0.5;
                let tone = (std::f64::consts::TAU * pitch * t).sin();
                (0.4 * noise * (-since / 0.03).exp() + 0.3 * tone * (-since / 0.2).exp()) as f32
            })
            .collect()
    };
    let (left, right) = (channel(220.0), channel(329.6));
    Clip::new(SampleRate::LIBRARY, &[&left, &right])
}

#[divan::bench(args = [0.4, 16.0, 240.0])]
fn whole(bencher: Bencher<'_, '_>, seconds: f64) {
    let clip = stem(seconds);
    bencher.bench(|| analyse(black_box(&clip), &Hints::default()));
}

/// What the budget of the core facts counts: decoding, tempo, key, loudness and true peak.
#[divan::bench]
fn core_from_a_file(bencher: Bencher<'_, '_>) {
    let bytes = encode::wav16(&stem(16.0), Seed(1)).expect("16 seconds fit");
    bencher.bench(|| {
        let decoded = decode(Cursor::new(black_box(&bytes[..])), &Limits::default());
        let clip = decoded.expect("the bytes are those of a file").clip;
        let mono = clip.to_mono();
        let tempo = tempo::tempo(&onset::onsets(&mono), clip.seconds(), None);
        (tempo, key::key(&mono), loudness::measure(&clip))
    });
}

#[divan::bench]
fn fact_onsets(bencher: Bencher<'_, '_>) {
    let mono = stem(16.0).to_mono();
    bencher.bench(|| onset::onsets(black_box(&mono)));
}

#[divan::bench]
fn fact_tempo_and_beats(bencher: Bencher<'_, '_>) {
    let onsets = onset::onsets(&stem(16.0).to_mono());
    bencher.bench(|| tempo::tempo(black_box(&onsets), 16.0, None));
}

#[divan::bench]
fn fact_key(bencher: Bencher<'_, '_>) {
    let mono = stem(16.0).to_mono();
    bencher.bench(|| key::key(black_box(&mono)));
}

#[divan::bench]
fn fact_root(bencher: Bencher<'_, '_>) {
    let mono = stem(16.0).to_mono();
    bencher.bench(|| pitch::pitch(black_box(&mono)));
}

/// All that category, form, attributes and tags rest on: onsets, tempo, key, root and timbre.
#[divan::bench]
fn fact_category(bencher: Bencher<'_, '_>) {
    let clip = stem(16.0);
    bencher.bench(|| category_features(black_box(&clip)));
}

#[divan::bench]
fn fact_quality(bencher: Bencher<'_, '_>) {
    let clip = stem(16.0);
    bencher.bench(|| quality::quality(black_box(&clip), Form::Loop));
}

#[divan::bench]
fn fingerprints(bencher: Bencher<'_, '_>) {
    let clip = stem(16.0);
    bencher.bench(|| fingerprint::fingerprint(black_box(&clip)));
}

/// One against another in detail.
#[divan::bench]
fn fingerprint_similarity(bencher: Bencher<'_, '_>) {
    let [one, other] = [15.0, 16.0].map(|seconds| fingerprint::fingerprint(&stem(seconds)));
    bencher.bench(|| fingerprint::similarity(black_box(&one), black_box(&other)));
}

/// The coarse look at 100 000 fingerprints, none of which is near.
#[divan::bench]
fn fingerprint_search_of_100_000(bencher: Bencher<'_, '_>) {
    let print = fingerprint::fingerprint(&stem(2.0));
    let mut state = Seed(7);
    let coarse: Vec<(f64, [u8; 16])> = (0..100_000)
        .map(|_| {
            state = state.index(0);
            let spread_s = print.spread_s * (0.5 + (state.0 >> 40) as f64 / 16_777_216.0);
            (spread_s, std::array::from_fn(|band| (state.0 >> (3 * band)) as u8))
        })
        .collect();
    bencher.bench(|| {
        let near = |(spread_s, bands): &&(f64, [u8; 16])| {
            fingerprint::may_be_near(black_box(&print), *spread_s, bands)
        };
        coarse.iter().filter(near).count()
    });
}

#[divan::bench]
fn fact_spiking(bencher: Bencher<'_, '_>) {
    let mono = stem(16.0).to_mono();
    bencher.bench(|| spiking::spiking(black_box(&mono), None));
}

#[divan::bench]
fn fact_loudness(bencher: Bencher<'_, '_>) {
    let clip = stem(16.0);
    bencher.bench(|| loudness::integrated(black_box(&clip)));
}

#[divan::bench]
fn fact_true_peak(bencher: Bencher<'_, '_>) {
    let clip = stem(16.0);
    bencher.bench(|| loudness::true_peak_dbtp(black_box(&clip)));
}

#[divan::bench]
fn embedding(bencher: Bencher<'_, '_>) {
    let facts = analyse(&stem(2.0), &Hints::default());
    bencher.bench(|| descriptors::embed(black_box(&facts)));
}

#[divan::bench]
fn picture(bencher: Bencher<'_, '_>) {
    let clip = stem(16.0);
    let facts = analyse(&clip, &Hints::default());
    bencher.bench(|| dream_analysis::plot::draw(black_box(&clip), &facts, "stem"));
}
