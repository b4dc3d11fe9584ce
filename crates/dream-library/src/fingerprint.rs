//! What stems are recognised by. The index holds the coarse parts, so that looking for candidates reads no detail.

use dream_core::{FINGERPRINT_VERSION, Fingerprint, StemId};
use rusqlite::{Connection, OptionalExtension, params};

use crate::{Error, Library, Write};

/// The coarse parts of a stem's fingerprint.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coarse {
    /// The stem.
    pub id: StemId,
    /// As in [`Fingerprint`].
    pub spread_s: f64,
    /// As in [`Fingerprint`].
    pub bands: [u8; 16],
}

impl Write<'_> {
    /// Sets what a stem is recognised by.
    ///
    /// # Errors
    /// `Invalid` for a spread that is not finite; those of the database.
    pub fn set_fingerprint(&self, id: StemId, print: &Fingerprint) -> Result<(), Error> {
        if !print.spread_s.is_finite() {
            return Err(Error::Invalid("a fingerprint must be finite"));
        }
        self.transaction
            .prepare_cached(
                "insert or replace into fingerprint (stem, version, spread, bands, detail)
                 values (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                id.0,
                FINGERPRINT_VERSION,
                print.spread_s,
                print.bands.as_slice(),
                print.detail
            ])?;
        Ok(())
    }

    /// As [`Library::fingerprints_like`], with what this transaction added.
    ///
    /// # Errors
    /// Those of the database.
    pub fn fingerprints_like(
        &self,
        spreads_s: (f64, f64),
        keep: impl Fn(&Coarse) -> bool,
    ) -> Result<Vec<(StemId, Fingerprint)>, Error> {
        like(&self.transaction, spreads_s, keep)
    }
}

impl Library {
    /// What a stem is recognised by; `None` before it was set.
    ///
    /// # Errors
    /// Those of the database.
    pub fn fingerprint(&self, id: StemId) -> Result<Option<Fingerprint>, Error> {
        whole(&self.lock(), id)
    }

    /// The fingerprints whose spread lies between the two, ends included, and whose coarse parts `keep` accepts,
    /// by the number of their stems.
    ///
    /// # Errors
    /// Those of the database.
    pub fn fingerprints_like(
        &self,
        spreads_s: (f64, f64),
        keep: impl Fn(&Coarse) -> bool,
    ) -> Result<Vec<(StemId, Fingerprint)>, Error> {
        like(&self.lock(), spreads_s, keep)
    }

    /// The coarse parts of all fingerprints, by spread, then by the number of their stems.
    ///
    /// # Errors
    /// Those of the database.
    pub fn coarse_fingerprints(&self) -> Result<Vec<Coarse>, Error> {
        coarse(&self.lock(), (f64::NEG_INFINITY, f64::INFINITY))
    }

    /// Number and content hash of the stems that have no fingerprint of this version.
    ///
    /// # Errors
    /// Those of the database.
    pub fn stems_without_fingerprint(&self) -> Result<Vec<(StemId, String)>, Error> {
        let connection = self.lock();
        let mut query = connection.prepare_cached(
            "select id, hash from stem where not exists
                 (select 1 from fingerprint where stem = stem.id and version = ?1)
             order by id",
        )?;
        let rows =
            query.query_map([FINGERPRINT_VERSION], |row| Ok((StemId(row.get(0)?), row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

fn like(
    connection: &Connection,
    spreads_s: (f64, f64),
    keep: impl Fn(&Coarse) -> bool,
) -> Result<Vec<(StemId, Fingerprint)>, Error> {
    let mut ids: Vec<StemId> =
        coarse(connection, spreads_s)?.iter().filter(|coarse| keep(coarse)).map(|c| c.id).collect();
    ids.sort();
    ids.into_iter()
        .filter_map(|id| Some((id, whole(connection, id).transpose()?)))
        .map(|(id, print)| Ok((id, print?)))
        .collect()
}

fn coarse(connection: &Connection, (low, high): (f64, f64)) -> Result<Vec<Coarse>, Error> {
    let mut query = connection.prepare_cached(
        "select stem, spread, bands from fingerprint
         where version = ?1 and spread between ?2 and ?3 order by spread, stem",
    )?;
    let rows = query.query_map(params![FINGERPRINT_VERSION, low, high], |row| {
        Ok(Coarse { id: StemId(row.get(0)?), spread_s: row.get(1)?, bands: row.get(2)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn whole(connection: &Connection, id: StemId) -> Result<Option<Fingerprint>, Error> {
    Ok(connection
        .prepare_cached(
            "select spread, bands, detail from fingerprint where stem = ?1 and version = ?2",
        )?
        .query_row(params![id.0, FINGERPRINT_VERSION], |row| {
            Ok(Fingerprint { spread_s: row.get(0)?, bands: row.get(1)?, detail: row.get(2)? })
        })
        .optional()?)
}
