//! What learning and dreaming cost: an epoch of 256 draws at batch 32, and a one-shot by either way.

use divan::Bencher;
use dream_audio::Clip;
use dream_core::{SampleRate, Seed};
use dream_neural::vae::{
    Example, Grid, Layout, Parent, Sound, TrainSpec, Trainer, from_envelope, morph,
};

fn main() {
    divan::main();
}

fn grid() -> Grid {
    Grid::new(Layout::OneShot { horizon: 1 })
}

/// A falling tone of that pitch and length.
fn hit(hz: f64, fall: f64) -> Clip {
    let sound = (0..26_000).map(|i| {
        let t = f64::from(i) / SampleRate::LIBRARY.hz();
        ((t * hz * std::f64::consts::TAU).sin() * (-fall * t).exp()) as f32
    });
    Clip::mono(SampleRate::LIBRARY, sound.collect())
}

fn sound(number: u32) -> Sound {
    let number = f64::from(number);
    Sound::new(&grid(), hit(50.0 + number, 5.0 + 0.1 * number)).expect("a tone is not silent")
}

#[divan::bench(sample_count = 5)]
fn epoch(bencher: Bencher<'_, '_>) {
    let examples = (0..100).map(|number| Example {
        name: format!("{number:03}"),
        envelope: sound(number).envelope().to_vec(),
    });
    let spec = TrainSpec { epochs: 10_000, ..TrainSpec::default() };
    let mut trainer = Trainer::new(grid(), examples.collect(), spec).expect("a hundred are enough");
    bencher.bench_local(|| trainer.epoch().expect("the loss is finite"));
}

#[divan::bench]
fn morph_one_shot(bencher: Bencher<'_, '_>) {
    let (grid, sound, other) = (grid(), sound(1), sound(40));
    let parents = [Parent { sound: &sound, weight: 1.0 }];
    bencher.bench(|| morph(&grid, other.envelope(), &parents, Seed(1)));
}

#[divan::bench]
fn phase_one_shot(bencher: Bencher<'_, '_>) {
    let (grid, sound) = (grid(), sound(1));
    bencher.bench(|| from_envelope(&grid, sound.envelope(), 8, Seed(1)));
}
