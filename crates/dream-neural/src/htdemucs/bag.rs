//! Networks that are applied together.

use super::Htdemucs;
use crate::Error;

/// Networks for the same sources, and how much each says about each source. Memory: that of all networks.
#[derive(Debug)]
pub struct Bag {
    pub(super) models: Vec<Htdemucs>,
    /// `[models, sources]`; the weights of a source add up to 1.
    pub(super) weights: Vec<Vec<f32>>,
}

impl Bag {
    /// One network.
    pub fn single(model: Htdemucs) -> Self {
        let weights = vec![vec![1.0; model.config().sources.len()]];
        Self { models: vec![model], weights }
    }

    /// Several networks; `weights` is `[models, sources]`, in any unit.
    ///
    /// # Errors
    /// `Bag` when the networks differ in what they separate, or the weights do not fit.
    pub fn new(models: Vec<Htdemucs>, mut weights: Vec<Vec<f32>>) -> Result<Self, Error> {
        let Some(first) = models.first() else { return Err(Error::Bag("number")) };
        let same = |model: &Htdemucs| {
            let (a, b) = (model.config(), first.config());
            (&a.sources, a.sample_rate) == (&b.sources, b.sample_rate)
        };
        if !models.iter().all(same) {
            return Err(Error::Bag("sources or sample rate"));
        }
        let sources = first.config().sources.len();
        let good = |weight: &f32| weight.is_finite() && *weight >= 0.0;
        let fits = |row: &Vec<f32>| row.len() == sources && row.iter().all(good);
        if weights.len() != models.len() || !weights.iter().all(fits) {
            return Err(Error::Bag("their weights"));
        }
        for source in 0..sources {
            let total: f32 = weights.iter().map(|row| row[source]).sum();
            if !(total.is_finite() && total > 0.0) {
                return Err(Error::Bag("their weights, which leave out a source"));
            }
            for row in &mut weights {
                row[source] /= total;
            }
        }
        Ok(Self { models, weights })
    }

    /// What it separates, in order of the outputs.
    pub fn sources(&self) -> &[String] {
        &self.models[0].config().sources
    }

    /// Frames per second of input and output.
    pub fn sample_rate(&self) -> dream_core::SampleRate {
        dream_core::SampleRate(self.models[0].config().sample_rate)
    }
}
