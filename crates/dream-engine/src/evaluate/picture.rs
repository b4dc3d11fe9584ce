//! What a model looks like: where its stems lie, how it learned, and what its sounds are next to their parents.

use std::path::{Path, PathBuf};

use dream_analysis::plot::chart::{Chart, Mark, Series, charts, sheet};
use dream_audio::Clip;
use dream_neural::Vae;
use dream_neural::vae::judge::Space;

use super::{Drawn, Heard};
use crate::analyse::write_png;
use crate::train::io;
use crate::{Error, Evaluation};

/// Pairs of a parent and a child that are shown, and how many of them in a row.
const SHOWN: usize = 12;
const IN_A_ROW: usize = 3;
/// Every so many steps of a way is shown.
const STEPS: usize = 2;

/// Draws `map.png`, `training.png` and `sounds.png` into a folder, which is made where it is missing.
///
/// # Errors
/// `Io` when it cannot be written.
pub(super) fn draw(
    folder: &Path,
    vae: &Vae,
    evaluation: &Evaluation,
    [learned, held_out]: [&[Heard]; 2],
    drawn: &[Drawn],
    way: &[Clip],
) -> Result<Vec<PathBuf>, Error> {
    std::fs::create_dir_all(folder).map_err(io("create", folder))?;
    let title = format!("{}, {} stems", evaluation.category, vae.card().stems.len());
    let pictures = [
        ("map.png", charts(&[map(vae, &title, [learned, held_out], drawn)])),
        ("training.png", charts(&training(vae, &title))),
        ("sounds.png", sounds(&title, learned, drawn, way)),
    ];
    let mut paths = Vec::new();
    for (name, image) in pictures {
        let path = folder.join(name);
        write_png(&image, &path)?;
        paths.push(path);
    }
    Ok(paths)
}

/// The two directions in which the stems differ most, as the model sees them.
fn map(vae: &Vae, title: &str, [learned, held_out]: [&[Heard]; 2], drawn: &[Drawn]) -> Chart {
    let wide = |latent: &[f32]| latent.iter().map(|x| f64::from(*x)).collect::<Vec<f64>>();
    let all: Vec<Vec<f64>> = (0..vae.card().stems.len()).map(|i| wide(vae.latent(i))).collect();
    let space = Space::new(&all);
    let place = |latent: &[f32]| {
        let place = space.place(&wide(latent));
        [place.first().copied().unwrap_or(0.0), place.get(1).copied().unwrap_or(0.0)]
    };
    let stems =
        |heard: &[Heard]| heard.iter().map(|heard| place(vae.latent(heard.index))).collect();
    let series = |name: &str, points: Vec<[f64; 2]>| Series {
        name: format!("{name} ({})", points.len()),
        mark: Mark::Point,
        points,
    };
    Chart {
        title: format!("{title}: two principal directions of the latent space"),
        series: vec![
            series("learned from", stems(learned)),
            series("held out", stems(held_out)),
            series("drawn", drawn.iter().map(|drawn| place(&drawn.latent)).collect()),
        ],
    }
}

/// Error and divergence over the epochs.
fn training(vae: &Vae, title: &str) -> Vec<Chart> {
    let history = &vae.card().history;
    let line = |name: &str, of: &dyn Fn(&dream_neural::vae::Epoch) -> f64| Series {
        name: name.to_owned(),
        mark: Mark::Line,
        points: history.iter().map(|epoch| [f64::from(epoch.epoch), of(epoch)]).collect(),
    };
    let kept = history.iter().find(|epoch| epoch.epoch == vae.card().measures.best_epoch);
    let kept = Series {
        name: "kept".to_owned(),
        mark: Mark::Point,
        points: kept.iter().map(|e| [f64::from(e.epoch), e.held_out_db]).collect(),
    };
    let chart = |what: &str, series| Chart { title: format!("{title}: {what}"), series };
    vec![
        chart(
            "error of held-out envelopes in dB, by epoch",
            vec![line("held out", &|epoch| epoch.held_out_db), kept],
        ),
        chart("weighted error per cell", vec![line("learned from", &|epoch| epoch.loss)]),
        chart(
            "nats from the posterior to the prior",
            vec![line("learned from", &|epoch| epoch.nats)],
        ),
    ]
}

/// Parents beside their children, and the way between two stems.
fn sounds(
    title: &str,
    learned: &[Heard],
    drawn: &[Drawn],
    way: &[Clip],
) -> dream_analysis::plot::Image {
    let pairs: Vec<[(String, &Clip); 2]> = drawn
        .iter()
        .take(SHOWN)
        .enumerate()
        .filter_map(|(i, child)| {
            let parent = learned.iter().find(|heard| heard.index == child.parent)?;
            let names = [format!("parent of {}", i + 1), format!("child {}", i + 1)];
            let [parent_name, child_name] = names;
            Some([(parent_name, parent.sound.clip()), (child_name, &child.clip)])
        })
        .collect();
    let mut rows: Vec<Vec<(String, &Clip)>> =
        pairs.chunks(IN_A_ROW).map(<[[(String, &Clip); 2]]>::concat).collect();
    let steps = way.iter().enumerate().step_by(STEPS);
    rows.push(steps.map(|(i, clip)| (format!("{} % of the way", 10 * i), clip)).collect());
    sheet(&format!("{title}: parents, children, and a way from stem to stem"), &rows)
}
