//! What a shortlist is made from: a little of every stem, then all of a few.

use std::collections::BTreeSet;

use dream_core::{Embedding, Form, Space, Stem, StemId};
use rusqlite::params_from_iter;

use crate::catalogue::{COLUMNS, Raw, floats};
use crate::filter::{marks, select, text};
use crate::{Error, Filter, Library};

/// A stem as far as an index tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sketch {
    /// Its number.
    pub id: StemId,
    /// One-shot, loop or free.
    pub form: Form,
    /// Its tempo in bpm.
    pub bpm: Option<f64>,
    /// Its quality, 0 to 1.
    pub quality: f32,
    /// Its place in the space that was asked for.
    pub embedding: Embedding,
}

impl Library {
    /// Sketches of the stems that pass the filter and have a vector in `space`. Fast for a filter of one category, whatever its
    /// sources and its least quality: the rows of the stems are not read.
    ///
    /// # Errors
    /// `Invalid` for a cursor in another order than that of ids.
    pub fn sketches(&self, filter: &Filter, space: Space) -> Result<Vec<Sketch>, Error> {
        let rows = select(
            &self.lock(),
            filter,
            "id, form, bpm, quality, vector",
            "join embedding on embedding.stem = stem.id and embedding.space = ?",
            vec![text(space.name())],
            |row| {
                let form = row.get_ref(1)?.as_str()?;
                let form = Form::ALL.iter().find(|known| known.name() == form).copied();
                let values = floats(row.get_ref(4)?.as_blob()?);
                Ok((StemId(row.get(0)?), form, row.get(2)?, row.get(3)?, values))
            },
        )?;
        rows.into_iter()
            .map(|(id, form, bpm, quality, values)| {
                let value = || "none of the known".to_owned();
                let form = form.ok_or_else(|| Error::Unknown { what: "form", value: value() })?;
                Ok(Sketch { id, form, bpm, quality, embedding: Embedding { space, values } })
            })
            .collect()
    }

    /// The places in `space` of the stems that pass the filter, whose order, cursor and limit do not count. Reads no rows of stems where
    /// everything passes.
    ///
    /// # Errors
    /// Those of the database.
    pub fn places(&self, filter: &Filter, space: Space) -> Result<Vec<(StemId, Embedding)>, Error> {
        let (conditions, values) = Filter { after: None, ..filter.clone() }.conditions();
        let among = if values.is_empty() {
            String::new()
        } else {
            format!(" and stem in (select id from stem where {conditions})")
        };
        let connection = self.lock();
        let mut query = connection
            .prepare(&format!("select stem, vector from embedding where space = ?{among}"))?;
        let values = [text(space.name())].into_iter().chain(values);
        let rows = query.query_map(params_from_iter(values), |row| {
            let values = floats(row.get_ref(1)?.as_blob()?);
            Ok((StemId(row.get(0)?), Embedding { space, values }))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The stems that have one of those tags.
    ///
    /// # Errors
    /// Those of the database.
    pub fn tagged(&self, tags: &[String]) -> Result<BTreeSet<StemId>, Error> {
        let connection = self.lock();
        let mut query = connection.prepare_cached(&format!(
            "select stem from tag where tag in ({})",
            marks(tags.len())
        ))?;
        let rows = query.query_map(params_from_iter(tags), |row| Ok(StemId(row.get(0)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Those stems, in that order; one that was removed meanwhile is left out.
    ///
    /// # Errors
    /// Those of the database.
    pub fn stems_of(&self, ids: &[StemId]) -> Result<Vec<Stem>, Error> {
        let connection = self.lock();
        let mut query =
            connection.prepare_cached(&format!("select {COLUMNS} from stem where id = ?1"))?;
        let mut stems = Vec::with_capacity(ids.len());
        for id in ids {
            let mut rows = query.query([id.0])?;
            if let Some(row) = rows.next()? {
                stems.push(Raw::read(row)?.entry()?.stem);
            }
        }
        Ok(stems)
    }
}
