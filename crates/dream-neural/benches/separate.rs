//! The small networks of the tests, and reading their files; the published sizes are timed against PyTorch by
//! `reference/speed.py`.

use std::path::{Path, PathBuf};

use divan::Bencher;

use dream_audio::Clip;
use dream_core::Progress;
use dream_neural::Htdemucs;
use dream_neural::htdemucs::{Bag, Spec, separate};
use dream_neural::weights::Store;

fn main() {
    divan::main();
}

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("reference/small.safetensors")
}

fn network() -> Htdemucs {
    Htdemucs::new(&Store::open(&file()).expect("it lies there")).expect("it is complete")
}

fn noise(frames: usize) -> Vec<f32> {
    (0..frames).map(|i| ((i * 7919) % 1000) as f32 / 1000.0 - 0.5).collect()
}

#[divan::bench]
fn load() -> Htdemucs {
    network()
}

#[divan::bench]
fn segment(bencher: Bencher<'_, '_>) {
    let (net, progress) = (network(), Progress::silent());
    let mix = noise(net.config().segment);
    bencher.bench(|| net.forward([&mix, &mix], &progress));
}

#[divan::bench]
fn track_of_ten_seconds(bencher: Bencher<'_, '_>) {
    let bag = Bag::single(network());
    let mix = Clip::mono(bag.sample_rate(), noise(80_000));
    bencher.bench(|| separate(&bag, &mix, &Spec::default(), &Progress::silent()));
}
