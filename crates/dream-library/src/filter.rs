//! Which stems a list holds, and in which order.

use std::ops::RangeInclusive;

use dream_core::{Category, Form, Key, Source, StemId};
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};

use crate::catalogue::{COLUMNS, Raw};
use crate::{Entry, Error, Library};

/// The order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    /// In the order in which they came in.
    #[default]
    Id,
    /// The newest first.
    Newest,
    /// By name.
    Name,
    /// The slowest first; those without a tempo last.
    Bpm,
    /// The best first.
    Quality,
    /// The longest first.
    Duration,
}

impl Sort {
    /// Every order with its name.
    pub const ALL: &[(&str, Self)] = &[
        ("id", Self::Id),
        ("newest", Self::Newest),
        ("name", Self::Name),
        ("bpm", Self::Bpm),
        ("quality", Self::Quality),
        ("duration", Self::Duration),
    ];

    fn sql(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Newest => "created_at desc, id desc",
            Self::Name => "name, id",
            Self::Bpm => "bpm is null, bpm, id",
            Self::Quality => "quality desc, id",
            Self::Duration => "1.0 * frames / sample_rate desc, id",
        }
    }
}

/// What a stem must fulfil; an empty filter lets every stem pass.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Filter {
    /// One of these categories; empty for all.
    pub categories: Vec<Category>,
    /// One of these sources; empty for all.
    pub sources: Vec<Source>,
    /// A tempo in this range, in bpm.
    pub bpm: Option<RangeInclusive<f64>>,
    /// This key.
    pub key: Option<Key>,
    /// This tag.
    pub tag: Option<String>,
    /// This form.
    pub form: Option<Form>,
    /// This kit.
    pub kit: Option<String>,
    /// At least this quality, 0 to 1.
    pub min_quality: Option<f32>,
    /// At least this rating, -1 to 1.
    pub min_rating: Option<i32>,
    /// Came in after this stem: the cursor of a list in the order of ids.
    pub after: Option<StemId>,
    /// At most so many; `None` for all.
    pub limit: Option<u32>,
    /// Leave out so many at the start. Costs time for each: page with `after` where there are many.
    pub offset: u32,
    /// The order.
    pub sort: Sort,
}

impl Filter {
    /// The conditions as SQL with one `?` per value. No text of the caller enters the SQL.
    pub(crate) fn conditions(&self) -> (String, Vec<Value>) {
        let mut sql = vec!["true".to_owned()];
        let mut values = Vec::new();
        let mut need = |condition: String, value: Vec<Value>| {
            sql.push(condition);
            values.extend(value);
        };
        if !self.categories.is_empty() {
            need(
                format!("category in ({})", marks(self.categories.len())),
                self.categories.iter().map(|category| text(category.name())).collect(),
            );
        }
        if !self.sources.is_empty() {
            need(
                format!("source in ({})", marks(self.sources.len())),
                self.sources.iter().map(|source| text(source.name())).collect(),
            );
        }
        if let Some(range) = &self.bpm {
            let ends = vec![Value::Real(*range.start()), Value::Real(*range.end())];
            need("bpm between ? and ?".to_owned(), ends);
        }
        if let Some(key) = self.key {
            need("key = ?".to_owned(), vec![Value::Text(key.to_string())]);
        }
        if let Some(tag) = &self.tag {
            need("id in (select stem from tag where tag = ?)".to_owned(), vec![text(tag)]);
        }
        if let Some(form) = self.form {
            need("form = ?".to_owned(), vec![text(form.name())]);
        }
        if let Some(kit) = &self.kit {
            need("kit = ?".to_owned(), vec![text(kit)]);
        }
        if let Some(quality) = self.min_quality {
            need("quality >= ?".to_owned(), vec![Value::Real(f64::from(quality))]);
        }
        if let Some(rating) = self.min_rating {
            need("rating >= ?".to_owned(), vec![Value::Integer(i64::from(rating))]);
        }
        if let Some(after) = self.after {
            need("id > ?".to_owned(), vec![Value::Integer(after.0)]);
        }
        (sql.join(" and "), values)
    }
}

pub(crate) fn marks(count: usize) -> String {
    vec!["?"; count].join(", ")
}

pub(crate) fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

impl Library {
    /// The stems that pass the filter, in its order.
    ///
    /// # Errors
    /// `Invalid` for a cursor in another order than that of ids.
    pub fn stems(&self, filter: &Filter) -> Result<Vec<Entry>, Error> {
        let raws = select(&self.lock(), filter, COLUMNS, "", Vec::new(), Raw::read)?;
        raws.into_iter().map(Raw::entry).collect()
    }

    /// How many stems pass the filter, whatever its limit, offset and cursor.
    ///
    /// # Errors
    /// Those of the database.
    pub fn count(&self, filter: &Filter) -> Result<u64, Error> {
        let (conditions, values) = Filter { after: None, ..filter.clone() }.conditions();
        let connection = self.lock();
        if values.is_empty() {
            let all = "select coalesce(sum(count), 0) from tally where what = 'all'";
            let count: i64 = connection.query_row(all, [], |row| row.get(0))?;
            return Ok(count as u64);
        }
        let count: i64 = connection.query_row(
            &format!("select count(*) from stem where {conditions}"),
            params_from_iter(values),
            |row| row.get(0),
        )?;
        Ok(count as u64)
    }
}

pub(crate) fn select<T>(
    connection: &Connection,
    filter: &Filter,
    columns: &str,
    join: &str,
    mut values: Vec<Value>,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, Error> {
    if filter.after.is_some() && filter.sort != Sort::Id {
        return Err(Error::Invalid("a list with a cursor is in the order of ids"));
    }
    let (conditions, more) = filter.conditions();
    values.extend(more);
    values.push(Value::Integer(filter.limit.map_or(-1, i64::from)));
    values.push(Value::Integer(i64::from(filter.offset)));
    let order = filter.sort.sql();
    let page = format!("where {conditions} order by {order} limit ? offset ?");
    // A page in the order of ids is found by the index alone; then its rows are read.
    let sql = if join.is_empty() && filter.limit.is_some() && filter.sort == Sort::Id {
        format!("select {columns} from stem where id in (select id from stem {page}) order by id")
    } else {
        format!("select {columns} from stem {join} {page}")
    };
    let mut query = connection.prepare(&sql)?;
    let rows = query.query_map(params_from_iter(values), read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}
