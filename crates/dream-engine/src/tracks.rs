//! What was rendered: the takes of the library with their files.

use std::path::{Path, PathBuf};

use dream_library::{Take, TakeId};

use crate::{Engine, Error, JobSpec, RenderSpec, Selection};

impl Engine {
    /// The audio file of a take.
    pub fn track_file(&self, take: &Take) -> PathBuf {
        self.home().root().join(&take.take.path)
    }

    /// Removes a take: its row, then its files where they lie in the home.
    ///
    /// # Errors
    /// `NotFound` without such a take, `Io` when a file cannot be removed.
    pub fn remove_track(&self, id: TakeId) -> Result<Take, Error> {
        let take = self.library().remove_take(id)?;
        crate::compose::bundle::remove(self, &take.take.hash);
        if Path::new(&take.take.path).is_relative() {
            let audio = self.track_file(&take);
            for path in [&audio, &audio.with_extension("json")] {
                match std::fs::remove_file(path) {
                    Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                        return Err(Error::Io { action: "remove", path: path.clone(), source });
                    }
                    Ok(()) | Err(_) => {}
                }
            }
        }
        Ok(take)
    }

    /// The work of playing a section of a take anew, counted from 1; all else stays as it was.
    ///
    /// # Errors
    /// `NotFound` without such a take, `Invalid` for a section it does not have.
    pub fn reroll(
        &self,
        id: TakeId,
        section: u32,
        seed: Option<dream_core::Seed>,
    ) -> Result<JobSpec, Error> {
        let take = self.library().take(id)?.take;
        let count = take.plan.structure.len();
        if !(1..=count).contains(&(section as usize)) {
            let text = format!("the track has sections 1 to {count}, got {section}");
            return Err(Error::Invalid(text));
        }
        let casting = serde_json::from_value(take.casting)
            .map_err(|source| Error::Stored { what: "casting", source })?;
        Ok(JobSpec::Render(Box::new(RenderSpec {
            plan: take.plan,
            casting: Some(casting),
            seed,
            reroll: Some(section),
            selection: Selection::default(),
            output: crate::Output::default(),
        })))
    }
}
