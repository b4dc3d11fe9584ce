//! Stems that are nearly the same sound.
//!
//! Each stem has a fingerprint, made on its way in. Looking for those like it reads the coarse parts of the ones of like
//! spread from an index, and compares the detail of the few that are left. A stem is compared under the write lock, when
//! all before it are in the library: what it is said to duplicate does not depend on threads.

use std::collections::BTreeMap;
use std::fmt;

use dream_analysis::fingerprint::{NEAR, fingerprint, may_be_near, similarity, spreads};
use dream_audio::decode::decode_file;
use dream_core::{Fingerprint, Progress, StemId};
use dream_library::Coarse;
use rayon::prelude::*;
use serde::Serialize;

use crate::error::pathless;
use crate::{Engine, Error};

/// Stems whose missing fingerprints are made at a time.
const CHUNK: usize = 16;

/// A stem that is nearly the same sound as another.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Near {
    /// The stem.
    pub id: StemId,
    /// How alike they are, 0 to 1.
    pub similarity: f32,
}

impl fmt::Display for Near {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "near duplicate of stem {}, similarity {:.2}", self.id.0, self.similarity)
    }
}

/// The stems among those that `lookup` finds which are nearly the sound of `print`, the most alike first.
pub(crate) fn near(
    print: &Fingerprint,
    lookup: impl FnOnce(
        (f64, f64),
        &dyn Fn(&Coarse) -> bool,
    ) -> Result<Vec<(StemId, Fingerprint)>, dream_library::Error>,
) -> Result<Vec<Near>, Error> {
    let keep = |coarse: &Coarse| may_be_near(print, coarse.spread_s, &coarse.bands);
    let mut found: Vec<Near> = lookup(spreads(print), &keep)?
        .iter()
        .map(|(id, other)| Near { id: *id, similarity: similarity(print, other) })
        .filter(|near| near.similarity >= NEAR)
        .collect();
    found.sort_by(|a, b| b.similarity.total_cmp(&a.similarity).then(a.id.cmp(&b.id)));
    Ok(found)
}

impl Engine {
    /// The stems that are nearly the same sound as this one, the most alike first.
    ///
    /// # Errors
    /// Those of the library.
    pub fn near_duplicates(&self, id: StemId) -> Result<Vec<Near>, Error> {
        let Some(print) = self.library().fingerprint(id)? else { return Ok(Vec::new()) };
        let mut found =
            near(&print, |spreads, keep| self.library().fingerprints_like(spreads, keep))?;
        found.retain(|near| near.id != id);
        Ok(found)
    }

    /// Groups of stems that are nearly the same sound, by the numbers of their stems; each with its greatest
    /// similarity to another of its group. Fingerprints that are missing are made first.
    ///
    /// # Errors
    /// Those of the library; `Cancelled` when `progress` was asked to stop.
    pub fn duplicates(&self, progress: &Progress) -> Result<Vec<Vec<Near>>, Error> {
        self.complete_fingerprints(progress)?;
        let coarse = self.library().coarse_fingerprints()?;
        let mut pairs = Vec::new();
        for (i, one) in coarse.iter().enumerate() {
            if i % 256 == 0 {
                progress.step(i as u64, coarse.len() as u64, "compare")?;
            }
            // Only the coarse parts of the one are asked for.
            let print =
                Fingerprint { spread_s: one.spread_s, bands: one.bands, detail: Vec::new() };
            let (_, longest_s) = spreads(&print);
            let later = coarse[i + 1..].iter().take_while(|other| other.spread_s <= longest_s);
            let like = later.filter(|other| may_be_near(&print, other.spread_s, &other.bands));
            pairs.extend(like.map(|other| (one.id, other.id)));
        }
        self.groups(&pairs, progress)
    }

    /// Joins those pairs that are alike in detail.
    fn groups(
        &self,
        pairs: &[(StemId, StemId)],
        progress: &Progress,
    ) -> Result<Vec<Vec<Near>>, Error> {
        let mut best: BTreeMap<StemId, f32> = BTreeMap::new();
        let mut leader: BTreeMap<StemId, StemId> = BTreeMap::new();
        let mut print: Option<(StemId, Fingerprint)> = None;
        for (a, b) in pairs {
            progress.check()?;
            if print.as_ref().is_none_or(|(id, _)| id != a) {
                print = self.library().fingerprint(*a)?.map(|print| (*a, print));
            }
            let (Some((_, one)), Some(other)) = (&print, self.library().fingerprint(*b)?) else {
                continue; // removed in the meantime
            };
            let similarity = similarity(one, &other);
            if similarity < NEAR {
                continue;
            }
            for id in [a, b] {
                let known = best.entry(*id).or_insert(similarity);
                *known = known.max(similarity);
            }
            let (one, other) = (root(&leader, *a), root(&leader, *b));
            leader.insert(one.max(other), one.min(other));
        }
        let mut groups: BTreeMap<StemId, Vec<Near>> = BTreeMap::new();
        for (id, similarity) in best {
            groups.entry(root(&leader, id)).or_default().push(Near { id, similarity });
        }
        Ok(groups.into_values().collect())
    }

    /// Makes the fingerprints of stems that came in before there were any. A stem whose audio cannot be read is named
    /// in the log and left without.
    pub(crate) fn complete_fingerprints(&self, progress: &Progress) -> Result<(), Error> {
        let missing = self.library().stems_without_fingerprint()?;
        let total = missing.len() as u64;
        for (index, chunk) in missing.chunks(CHUNK).enumerate() {
            progress.step((index * CHUNK) as u64, total, "fingerprints")?;
            let prints: Vec<Option<Fingerprint>> = chunk
                .par_iter()
                .map(|(id, hash)| {
                    let path = self.library().blobs().path(hash);
                    match decode_file(&path, &self.config().limits) {
                        Ok(decoded) => Some(fingerprint(&decoded.clip)),
                        Err(error) => {
                            let cause = pathless(&error);
                            tracing::warn!(stem = id.0, cause, "no fingerprint");
                            None
                        }
                    }
                })
                .collect();
            self.library().write(|write| {
                for ((id, _), print) in chunk.iter().zip(&prints) {
                    if let Some(print) = print {
                        write.set_fingerprint(*id, print)?;
                    }
                }
                Ok::<_, Error>(())
            })?;
        }
        Ok(())
    }
}

/// The smallest stem of the group that `id` belongs to.
fn root(leader: &BTreeMap<StemId, StemId>, mut id: StemId) -> StemId {
    while let Some(next) = leader.get(&id).filter(|next| **next != id) {
        id = *next;
    }
    id
}
