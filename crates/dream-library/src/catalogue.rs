//! The catalogue: one row per stem, its tags and its embeddings.

use std::collections::BTreeSet;

use dream_core::{
    Bpm, Category, Embedding, Facts, Fingerprint, Form, Frames, Key, Provenance, SampleRate,
    Source, Space, Stem, StemId,
};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::{Error, Library, Moment, Write};

/// A stem about to be catalogued; its audio is stored already.
#[derive(Debug, Clone, PartialEq)]
pub struct NewStem {
    /// Content hash of the audio: the name of the blob.
    pub hash: String,
    /// File name or recipe name.
    pub name: String,
    /// Where it is from.
    pub source: Source,
    /// The kit it belongs to.
    pub kit: Option<String>,
    /// SPDX licence expression.
    pub licence: Option<String>,
    /// Channels of the stored audio, 1 or 2.
    pub channels: u32,
    /// Rate of the stored audio.
    pub sample_rate: SampleRate,
    /// Length of the stored audio.
    pub frames: Frames,
    /// What analysis found.
    pub facts: Facts,
    /// What made it.
    pub provenance: Provenance,
    /// Its places, at most one per space.
    pub embeddings: Vec<Embedding>,
    /// What it is recognised by.
    pub fingerprint: Fingerprint,
}

/// What came of adding a stem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// It is new.
    New(StemId),
    /// A stem with the same audio was there before; nothing was changed.
    Known(StemId),
}

impl Added {
    /// The stem, new or known.
    pub fn id(self) -> StemId {
        match self {
            Self::New(id) | Self::Known(id) => id,
        }
    }
}

/// A stem as catalogued.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The stem.
    pub stem: Stem,
    /// Rate of the stored audio.
    pub sample_rate: SampleRate,
    /// Length of the stored audio.
    pub frames: Frames,
    /// The spaces in which it has a vector.
    pub spaces: Vec<Space>,
    /// What somebody thinks of it: 1, 0 or -1.
    pub rating: i32,
    /// When it came in.
    pub created_at: Moment,
    /// When it was last changed.
    pub updated_at: Moment,
}

/// What to change of a stem; `None` leaves as it is. What somebody says of a stem counts as certain.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Change {
    /// Its name.
    pub name: Option<String>,
    /// Its category in use.
    pub category: Option<Category>,
    /// Its form.
    pub form: Option<Form>,
    /// Its kit; `Some(None)` takes it away.
    pub kit: Option<Option<String>>,
    /// Its licence; `Some(None)` takes it away.
    pub licence: Option<Option<String>>,
    /// Its tempo; `Some(None)` takes it away.
    pub bpm: Option<Option<Bpm>>,
    /// Its key; `Some(None)` takes it away.
    pub key: Option<Option<Key>>,
    /// Tags to add.
    pub add_tags: Vec<String>,
    /// Tags to take away.
    pub remove_tags: Vec<String>,
    /// Its new place in a space.
    pub embedding: Option<Embedding>,
    /// What somebody thinks of it: 1, 0 or -1.
    pub rating: Option<i32>,
}

/// Counts of the catalogue; names without a stem are left out.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Statistics {
    /// All stems.
    pub total: u64,
    /// Stems by where they are from.
    pub by_source: Vec<(Source, u64)>,
    /// Stems by category in use.
    pub by_category: Vec<(Category, u64)>,
    /// Stems by form.
    pub by_form: Vec<(Form, u64)>,
    /// Stems by kit; those without one are left out.
    pub by_kit: Vec<(String, u64)>,
    /// Length of all stems in seconds.
    pub seconds: f64,
}

/// Longest tag, in characters.
const MAX_TAG: usize = 100;

impl Write<'_> {
    /// Catalogues a stem, unless one with the same audio is known.
    ///
    /// # Errors
    /// `NoBlob` when its audio is not stored, `Invalid` for an embedding that is not finite.
    pub fn add_stem(&self, new: &NewStem, at: Moment) -> Result<Added, Error> {
        if let Some(id) = find(&self.transaction, &new.hash)? {
            return Ok(Added::Known(id));
        }
        // Asked under the write lock: a removal of the same audio cannot come between.
        if !self.blobs.contains(&new.hash) {
            return Err(Error::NoBlob(new.hash.clone()));
        }
        let facts = &new.facts;
        self.transaction.execute(
            "insert into stem (hash, name, category, form, source, kit, licence, channels,
                 sample_rate, frames, bpm, key, quality, loudness, facts, provenance,
                 created_at, updated_at)
             values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,
                 ?17)",
            params![
                new.hash,
                new.name,
                facts.category.name(),
                facts.form.name(),
                new.source.name(),
                new.kit,
                new.licence,
                new.channels,
                new.sample_rate.0,
                new.frames.0.cast_signed(),
                facts.bpm.map(Bpm::get),
                facts.key.map(|key| key.to_string()),
                facts.quality,
                facts.loudness_lufs,
                to_json("facts", facts)?,
                to_json("provenance", &new.provenance)?,
                at.0,
            ],
        )?;
        let id = StemId(self.transaction.last_insert_rowid());
        for tag in &facts.tags {
            self.add_tag(id, tag)?;
        }
        for embedding in &new.embeddings {
            self.add_embedding(id, embedding)?;
        }
        self.set_fingerprint(id, &new.fingerprint)?;
        Ok(Added::New(id))
    }

    /// The stem with that audio.
    ///
    /// # Errors
    /// Those of the database.
    pub fn find(&self, hash: &str) -> Result<Option<StemId>, Error> {
        find(&self.transaction, hash)
    }

    pub(crate) fn add_tag(&self, id: StemId, tag: &str) -> Result<(), Error> {
        if tag.trim().is_empty() || tag.chars().count() > MAX_TAG {
            return Err(Error::Invalid("a tag has 1 to 100 characters"));
        }
        self.transaction
            .execute("insert or ignore into tag (stem, tag) values (?1, ?2)", params![id.0, tag])?;
        Ok(())
    }

    pub(crate) fn add_embedding(&self, id: StemId, embedding: &Embedding) -> Result<(), Error> {
        if !embedding.values.iter().all(|value| value.is_finite()) {
            return Err(Error::Invalid("an embedding must be finite"));
        }
        let vector: Vec<u8> = embedding.values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.transaction.execute(
            "insert or replace into embedding (stem, space, dims, vector) values (?1, ?2, ?3, ?4)",
            params![id.0, embedding.space.name(), embedding.values.len() as u32, vector],
        )?;
        Ok(())
    }

    fn change_stem(&self, id: StemId, change: &Change, at: Moment) -> Result<(), Error> {
        let mut stem = get(&self.transaction, id)?.stem;
        if let Some(bpm) = change.bpm {
            stem.facts.bpm = bpm;
            stem.facts.bpm_confidence = if bpm.is_some() { 1.0 } else { 0.0 };
        }
        if let Some(key) = change.key {
            stem.facts.key = key;
            stem.facts.key_confidence = if key.is_some() { 1.0 } else { 0.0 };
        }
        stem.facts.form = change.form.unwrap_or(stem.facts.form);
        self.transaction.execute(
            "update stem set name = ?2, category = ?3, form = ?4, kit = ?5, licence = ?6, bpm = ?7,
                 key = ?8, facts = ?9, updated_at = ?10 where id = ?1",
            params![
                id.0,
                change.name.as_ref().unwrap_or(&stem.name),
                change.category.unwrap_or(stem.category).name(),
                stem.facts.form.name(),
                change.kit.as_ref().unwrap_or(&stem.kit),
                change.licence.as_ref().unwrap_or(&stem.licence),
                stem.facts.bpm.map(Bpm::get),
                stem.facts.key.map(|key| key.to_string()),
                to_json("facts", &stem.facts)?,
                at.0,
            ],
        )?;
        if let Some(rating) = change.rating {
            if !(-1..=1).contains(&rating) {
                return Err(Error::Invalid("a rating is -1, 0 or 1"));
            }
            self.transaction
                .execute("update stem set rating = ?2 where id = ?1", params![id.0, rating])?;
        }
        for tag in &change.remove_tags {
            self.transaction
                .execute("delete from tag where stem = ?1 and tag = ?2", params![id.0, tag])?;
        }
        change.add_tags.iter().try_for_each(|tag| self.add_tag(id, tag))?;
        change.embedding.iter().try_for_each(|embedding| self.add_embedding(id, embedding))
    }
}

impl Library {
    /// The stem with that audio.
    ///
    /// # Errors
    /// Those of the database.
    pub fn find(&self, hash: &str) -> Result<Option<StemId>, Error> {
        find(&self.lock(), hash)
    }

    /// A stem.
    ///
    /// # Errors
    /// `NoStem` when there is none of that number.
    pub fn stem(&self, id: StemId) -> Result<Entry, Error> {
        get(&self.lock(), id)
    }

    /// Changes a stem and returns it as it is then.
    ///
    /// # Errors
    /// `NoStem` when there is none of that number, `Invalid` for a bad tag.
    pub fn change(&self, id: StemId, change: &Change, at: Moment) -> Result<Entry, Error> {
        self.write(|write| {
            write.change_stem(id, change, at)?;
            get(&write.transaction, id)
        })
    }

    /// Removes a stem: its row, then its audio.
    ///
    /// # Errors
    /// `NoStem` when there is none of that number.
    pub fn remove(&self, id: StemId) -> Result<Entry, Error> {
        let entry = self.write(|write| {
            let entry = get(&write.transaction, id)?;
            write.transaction.execute("delete from stem where id = ?1", [id.0])?;
            Ok::<_, Error>(entry)
        })?;
        // Under the write lock again: another process may have added the same audio since.
        self.write(|write| match find(&write.transaction, &entry.stem.hash)? {
            Some(_) => Ok::<_, Error>(()),
            None => self.blobs.remove(&entry.stem.hash),
        })?;
        Ok(entry)
    }

    /// The vector of a stem in a space, if it has one there.
    ///
    /// # Errors
    /// Those of the database.
    pub fn embedding(&self, id: StemId, space: Space) -> Result<Option<Embedding>, Error> {
        let connection = self.lock();
        let vector: Option<Vec<u8>> = connection
            .query_row(
                "select vector from embedding where stem = ?1 and space = ?2",
                params![id.0, space.name()],
                |row| row.get(0),
            )
            .optional()?;
        Ok(vector.map(|bytes| Embedding { space, values: floats(&bytes) }))
    }

    /// Counts of the catalogue.
    ///
    /// # Errors
    /// Those of the database.
    pub fn statistics(&self) -> Result<Statistics, Error> {
        let connection = self.lock();
        let mut query = connection.prepare_cached(
            "select name, count, micros from tally where what = ?1 order by name",
        )?;
        let mut tally = |what: &str| -> Result<Vec<(String, u64, i64)>, Error> {
            let rows = query.query_map([what], |row| {
                Ok((row.get(0)?, row.get::<_, i64>(1)? as u64, row.get(2)?))
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        };
        let all = tally("all")?.into_iter().next();
        let (total, micros) = all.map_or((0, 0), |(_, count, micros)| (count, micros));
        let mut counts = |what: &str| -> Result<Vec<(String, u64)>, Error> {
            Ok(tally(what)?.into_iter().map(|(name, count, _)| (name, count)).collect())
        };
        let by_source = counts("source")?;
        let by_category = counts("category")?;
        let by_form = counts("form")?;
        Ok(Statistics {
            total,
            by_source: known(Source::ALL, &by_source, Source::name),
            by_category: known(Category::ALL, &by_category, Category::name),
            by_form: known(Form::ALL, &by_form, Form::name),
            by_kit: counts("kit")?,
            seconds: micros as f64 / 1e6,
        })
    }
}

/// Counts by name as counts by value, in the order of `all`.
fn known<T: Copy>(
    all: &[T],
    counts: &[(String, u64)],
    name: fn(T) -> &'static str,
) -> Vec<(T, u64)> {
    let count = |value: T| counts.iter().find(|(n, _)| n == name(value)).map(|(_, count)| *count);
    all.iter().filter_map(|value| Some((*value, count(*value)?))).collect()
}

pub(crate) fn find(connection: &Connection, hash: &str) -> Result<Option<StemId>, Error> {
    Ok(connection
        .prepare_cached("select id from stem where hash = ?1")?
        .query_row([hash], |row| row.get(0))
        .optional()?
        .map(StemId))
}

pub(crate) fn get(connection: &Connection, id: StemId) -> Result<Entry, Error> {
    connection
        .prepare_cached(&format!("select {COLUMNS} from stem where id = ?1"))?
        .query_row([id.0], |row| Ok(Raw::read(row)))
        .optional()?
        .ok_or(Error::NoStem(id))??
        .entry()
}

/// The columns that [`Raw::read`] expects, in its order.
pub(crate) const COLUMNS: &str = "id, hash, name, category, source, kit, licence, channels, \
    sample_rate, frames, facts, provenance, created_at, updated_at, \
    (select json_group_array(tag) from (select tag from tag where stem = stem.id order by tag)), \
    (select json_group_array(space) \
        from (select space from embedding where stem = stem.id order by space)), rating";

/// A row as it lies in the table.
pub(crate) struct Raw {
    id: i64,
    hash: String,
    name: String,
    category: String,
    source: String,
    kit: Option<String>,
    licence: Option<String>,
    channels: u32,
    sample_rate: u32,
    frames: i64,
    facts: String,
    provenance: String,
    created_at: i64,
    updated_at: i64,
    tags: String,
    spaces: String,
    rating: i32,
}

impl Raw {
    pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            hash: row.get(1)?,
            name: row.get(2)?,
            category: row.get(3)?,
            source: row.get(4)?,
            kit: row.get(5)?,
            licence: row.get(6)?,
            channels: row.get(7)?,
            sample_rate: row.get(8)?,
            frames: row.get(9)?,
            facts: row.get(10)?,
            provenance: row.get(11)?,
            created_at: row.get(12)?,
            updated_at: row.get(13)?,
            tags: row.get(14)?,
            spaces: row.get(15)?,
            rating: row.get(16)?,
        })
    }

    pub(crate) fn entry(self) -> Result<Entry, Error> {
        let category = Category::parse(&self.category)
            .ok_or(Error::Unknown { what: "category", value: self.category })?;
        let source = Source::parse(&self.source)
            .ok_or(Error::Unknown { what: "source", value: self.source })?;
        let tags: BTreeSet<String> = from_json("tags", &self.tags)?;
        let stem = Stem {
            id: StemId(self.id),
            hash: self.hash,
            name: self.name,
            category,
            source,
            kit: self.kit,
            licence: self.licence,
            channels: self.channels,
            tags: tags.into_iter().collect(),
            facts: from_json("facts", &self.facts)?,
            provenance: from_json("provenance", &self.provenance)?,
        };
        Ok(Entry {
            stem,
            sample_rate: SampleRate(self.sample_rate),
            frames: Frames(self.frames as u64),
            spaces: from_json("spaces", &self.spaces)?,
            rating: self.rating,
            created_at: Moment(self.created_at),
            updated_at: Moment(self.updated_at),
        })
    }
}

pub(crate) fn floats(bytes: &[u8]) -> Vec<f32> {
    let (words, _) = bytes.as_chunks::<4>();
    words.iter().map(|word| f32::from_le_bytes(*word)).collect()
}

pub(crate) fn to_json(what: &'static str, value: &impl serde::Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|source| Error::Stored { what, source })
}

pub(crate) fn from_json<T: serde::de::DeserializeOwned>(
    what: &'static str,
    text: &str,
) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|source| Error::Stored { what, source })
}
