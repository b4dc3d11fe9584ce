use super::super::WIDTH;
use super::super::envelope::FLOOR_DB;
use super::*;

const LAYOUT: Layout = Layout::OneShot { horizon: 1 };

/// Envelopes that fall off in time and frequency, each in its own way.
fn examples(count: u64) -> Vec<Example> {
    let grid = Grid::new(LAYOUT);
    let example = |seed: u64| {
        let dice = normals(3, Seed(seed));
        let level = |i: usize| {
            let (t, b) = ((i / grid.bands()) as f32, (i % grid.bands()) as f32);
            -10.0 - (1.0 + 0.3 * dice[0]) * t - (0.5 + 0.2 * dice[1]) * b + 3.0 * dice[2]
        };
        let envelope = (0..grid.cells()).map(|i| level(i).clamp(FLOOR_DB, 20.0)).collect();
        Example { name: format!("{seed:02}"), envelope }
    };
    (0..count).map(example).collect()
}

fn spec() -> TrainSpec {
    TrainSpec { epochs: 3, batch: 64, latent: 16, seed: Seed(7), ..TrainSpec::default() }
}

fn trainer() -> Trainer {
    Trainer::new(Grid::new(LAYOUT), examples(16), spec()).unwrap()
}

fn trained(mut trainer: Trainer) -> Vae {
    while !trainer.is_done() {
        trainer.epoch().unwrap();
    }
    trainer.finish(Card::new("kick", "1")).unwrap()
}

#[test]
fn training_lowers_the_error_and_the_model_survives_its_file() {
    let spec = TrainSpec { epochs: 8, batch: 32, rate: 3e-3, ..spec() };
    let mut training = Trainer::new(Grid::new(LAYOUT), examples(16), spec).unwrap();
    let before = training.error_db(&training.net, &training.held_out);
    while !training.is_done() {
        training.epoch().unwrap();
    }
    let after = training.history().last().unwrap().held_out_db;
    assert!(after < 0.8 * before, "{before} to {after}");
    let vae = training.finish(Card::new("kick", "1")).unwrap();
    let measures = vae.card().measures;
    assert!(measures.active >= 4 && measures.nats > 0.0, "{measures:?}");
    assert_eq!(vae.card().stems.len(), 16);
    assert_eq!(vae.card().held_out.len(), 4);
    let bytes = vae.to_bytes();
    assert!(bytes.len() < 20_000_000);
    let back = Vae::from_bytes(bytes.clone()).unwrap();
    assert_eq!(back, vae);
    assert_eq!(back.to_bytes(), bytes);
    for cut in [10, 1000, bytes.len() / 2] {
        assert!(Vae::from_bytes(bytes[..cut].to_vec()).is_err());
    }
}

#[test]
fn a_run_that_was_interrupted_ends_in_the_same_bytes_on_any_number_of_threads() {
    let whole = trained(trainer()).to_bytes();
    let mut first = trainer();
    first.epoch().unwrap();
    let state = first.to_bytes();
    drop(first);
    let second = |examples| Trainer::resume(Grid::new(LAYOUT), examples, spec(), state.clone());
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    let mut reversed = examples(16);
    reversed.reverse();
    let resumed = pool.install(|| trained(second(reversed).unwrap()).to_bytes());
    assert!(whole == resumed);
    assert!(second(examples(17)).is_err());
}

#[test]
fn few_examples_give_a_gaussian_that_holds_them() {
    let grid = || Grid::new(LAYOUT);
    let card = || Card::new("kick", "1");
    let few = examples(5);
    let refused = Trainer::new(grid(), examples(11), spec());
    assert!(matches!(refused, Err(Error::TooFew { got: 11, need: 12 })));
    let vae = gaussian(grid(), few.clone(), spec(), card()).unwrap();
    assert!(vae.card().measures.training_db < 0.5, "{:?}", vae.card().measures);
    assert_eq!(vae.card().measures.held_out_db, None);
    assert_eq!(Vae::from_bytes(vae.to_bytes()).unwrap(), vae);
    let drawn = vae.decode(&vae.draw(1.0, Seed(1)));
    assert!(drawn.iter().all(|x| (FLOOR_DB..=20.0).contains(x)));
    assert_eq!(vae.nearest(&few[3].envelope)[0].0, 3);
    assert!(vae.spacing() > 0.5);
    let alike = vec![few[0].clone(), Example { name: "other".to_owned(), ..few[0].clone() }];
    assert!(matches!(gaussian(grid(), alike, spec(), card()), Err(Error::Unusable(_))));
    let twins = vec![few[0].clone(), few[0].clone()];
    assert!(matches!(gaussian(grid(), twins, spec(), card()), Err(Error::Unusable(_))));
}

#[test]
fn drawn_places_spread_as_the_examples_do() {
    let vae = gaussian(Grid::new(LAYOUT), examples(11), spec(), Card::new("kick", "1")).unwrap();
    let spread = |rows: &[Vec<f32>]| {
        let count = rows.len() as f32;
        let mean = |d: usize| rows.iter().map(|row| row[d]).sum::<f32>() / count;
        let power = |d: usize| rows.iter().map(|row| (row[d] - mean(d)).powi(2)).sum::<f32>();
        (0..rows[0].len()).map(power).sum::<f32>() / (count - 1.0)
    };
    let own: Vec<Vec<f32>> = (0..11).map(|i| vae.latent(i).to_vec()).collect();
    for (temperature, factor) in [(1.0, 1.0), (0.5, 0.25)] {
        let drawn: Vec<Vec<f32>> = (0..400).map(|i| vae.draw(temperature, Seed(i))).collect();
        let ratio = spread(&drawn) / spread(&own) / factor / WIDTH.powi(2);
        assert!((0.8..1.25).contains(&ratio), "{ratio}");
    }
}

#[test]
fn bars_of_a_loop_are_held_out_together() {
    let grid = Grid::new(Layout::Bar);
    let bars = |count: usize| -> Vec<Example> {
        let bar = |i: usize| Example {
            name: super::super::bar_name(&format!("{:02}", i / 6), i % 6),
            envelope: vec![-(i as f32); grid.cells()],
        };
        (0..count).map(bar).collect()
    };
    // One loop of five.
    let trainer = Trainer::new(grid.clone(), bars(30), spec()).unwrap();
    let loops = |indices: &[usize]| -> Vec<&str> {
        let mut names: Vec<&str> =
            indices.iter().map(|i| Layout::Bar.stem(&trainer.names[*i])).collect();
        names.dedup();
        names
    };
    assert_eq!((trainer.held_out.len(), trainer.training.len()), (6, 24));
    let held_out = loops(&trainer.held_out);
    assert_eq!(held_out.len(), 1);
    assert!(!loops(&trainer.training).contains(&held_out[0]));
    // Twelve bars, but of two loops.
    let few = Trainer::new(grid.clone(), bars(12), spec());
    assert!(matches!(few, Err(Error::TooFew { got: 2, need: 3 })), "{few:?}");
}
