//! The journal in SQL. Each node's events form a chain: an event's hash is SHA-256 over the hash before it and all its
//! columns, each with its length before it, so that no two events look alike.

use aws_lc_rs::digest::{Context, SHA256};
use rusqlite::types::{ToSql, Type};
use rusqlite::{Connection, OptionalExtension, Result, Row, params};

use super::{TENANT, millis, time};
use crate::store::{Entry, Search};

/// Of the entries written by this build.
const FORMAT: i64 = 1;

/// What stands before a chain's first event.
const START: [u8; 32] = [0; 32];

/// A search that does not say how many it wants gets so many, and none gets more than the second number at once.
const MOST: u32 = 1000;
const MOST_EVER: u32 = 100_000;

const COLUMNS: &str = "node, seq, format, at, trace, kind, outcome, user, application, country, detail, hash";

pub(super) fn append(connection: &Connection, node: &str, entry: &Entry) -> Result<()> {
    let (seq, before) = head(connection, node)?.unwrap_or((0, START.to_vec()));
    let seq = seq + 1;
    let trace = entry.trace.map(|trace| trace.to_string());
    let line = Line {
        numbers: [seq, FORMAT, millis(entry.at)],
        texts: [
            node,
            trace.as_deref().unwrap_or_default(),
            &entry.kind,
            &entry.outcome,
            &entry.user,
            &entry.application,
            &entry.country,
            &entry.detail,
        ]
        .map(str::as_bytes),
    };
    let hash = line.hash(&before);
    connection
        .prepare_cached(&format!(
            "INSERT INTO event (tenant, {COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)"
        ))?
        .execute(params![
            TENANT,
            node,
            seq,
            FORMAT,
            millis(entry.at),
            trace,
            entry.kind,
            entry.outcome,
            entry.user,
            entry.application,
            entry.country,
            entry.detail,
            hash
        ])?;
    connection
        .prepare_cached("INSERT OR REPLACE INTO chain (tenant, node, seq, hash) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![TENANT, node, seq, hash])?;
    Ok(())
}

/// Where a node's chain ends.
fn head(connection: &Connection, node: &str) -> Result<Option<(i64, Vec<u8>)>> {
    connection
        .prepare_cached("SELECT seq, hash FROM chain WHERE tenant = ?1 AND node = ?2")?
        .query_row([TENANT, node], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

pub(super) fn search(connection: &Connection, search: &Search) -> Result<Vec<Entry>> {
    let wanted: [(&str, Option<Box<dyn ToSql>>); 7] = [
        ("at >=", search.from.map(|from| boxed(millis(from)))),
        ("at <", search.until.map(|until| boxed(millis(until)))),
        ("trace =", search.trace.map(|trace| boxed(trace.to_string()))),
        ("user =", search.user.clone().map(boxed)),
        ("application =", search.application.clone().map(boxed)),
        ("outcome =", search.outcome.clone().map(boxed)),
        ("country =", search.country.clone().map(boxed)),
    ];
    let mut sql = format!("SELECT {COLUMNS} FROM event WHERE tenant = ?");
    let mut values = vec![boxed(TENANT)];
    for (condition, value) in wanted {
        if let Some(value) = value {
            sql.push_str(&format!(" AND {condition} ?"));
            values.push(value);
        }
    }
    sql.push_str(" ORDER BY at DESC, node DESC, seq DESC LIMIT ?");
    values.push(boxed(if search.most == 0 { MOST } else { search.most.min(MOST_EVER) }));
    let mut statement = connection.prepare_cached(&sql)?;
    let mut found = statement.query_map(rusqlite::params_from_iter(values), entry)?.collect::<Result<Vec<_>>>()?;
    found.reverse();
    Ok(found)
}

fn boxed(value: impl ToSql + 'static) -> Box<dyn ToSql> {
    Box::new(value)
}

/// Walks every node's chain: how many events there are, or the number (within its chain) of the first that does not fit.
pub(super) fn verify(connection: &Connection) -> Result<std::result::Result<u64, u64>> {
    // One view of the file, so that events written meanwhile do not look like a break.
    let view = connection.unchecked_transaction()?;
    let nodes = view
        .prepare_cached("SELECT node FROM chain WHERE tenant = ?1 UNION SELECT node FROM event WHERE tenant = ?1")?
        .query_map([TENANT], |row| row.get::<_, String>(0))?
        .collect::<Result<Vec<_>>>()?;
    let mut total = 0;
    for node in nodes {
        match verify_chain(&view, &node)? {
            Ok(length) => total += length,
            Err(misfit) => return Ok(Err(misfit)),
        }
    }
    Ok(Ok(total))
}

fn verify_chain(connection: &Connection, node: &str) -> Result<std::result::Result<u64, u64>> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM event WHERE tenant = ?1 AND node = ?2 ORDER BY seq"))?;
    let mut rows = statement.query([TENANT, node])?;
    let (mut length, mut before) = (0_i64, START.to_vec());
    while let Some(row) = rows.next()? {
        let line = Line::read(row)?;
        let recorded = row.get_ref(11)?.as_bytes()?;
        let [seq, ..] = line.numbers;
        if seq != length + 1 || line.hash(&before) != recorded {
            return Ok(Err((length + 1).unsigned_abs()));
        }
        (length, before) = (seq, recorded.to_vec());
    }
    Ok(match head(connection, node)? {
        Some((seq, hash)) if seq == length && hash == before => Ok(length.unsigned_abs()),
        _ => Err((length + 1).unsigned_abs()),
    })
}

/// An event as its hash sees it: the columns as they are, whatever was made of them.
struct Line<'a> {
    /// seq, format, at
    numbers: [i64; 3],
    /// node, trace (empty: none), kind, outcome, user, application, country, detail
    texts: [&'a [u8]; 8],
}

impl<'a> Line<'a> {
    fn read(row: &'a Row<'_>) -> Result<Self> {
        let text = |column: usize| Ok::<_, rusqlite::Error>(row.get_ref(column)?.as_bytes_or_null()?.unwrap_or_default());
        Ok(Self {
            numbers: [row.get(1)?, row.get(2)?, row.get(3)?],
            texts: [text(0)?, text(4)?, text(5)?, text(6)?, text(7)?, text(8)?, text(9)?, text(10)?],
        })
    }

    fn hash(&self, before: &[u8]) -> Vec<u8> {
        let mut context = Context::new(&SHA256);
        context.update(before);
        for number in self.numbers {
            context.update(&number.to_be_bytes());
        }
        for text in std::iter::once(TENANT.as_bytes()).chain(self.texts) {
            context.update(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(text);
        }
        context.finish().as_ref().to_vec()
    }
}

fn entry(row: &Row<'_>) -> Result<Entry> {
    let trace = row.get::<_, Option<String>>(4)?;
    let trace = trace
        .map(|text| text.parse())
        .transpose()
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(4, Type::Text, Box::new(error)))?;
    Ok(Entry {
        at: time(row, 3)?,
        trace,
        kind: row.get(5)?,
        outcome: row.get(6)?,
        user: row.get(7)?,
        application: row.get(8)?,
        country: row.get(9)?,
        detail: row.get(10)?,
    })
}
