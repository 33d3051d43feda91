//! Records and counters in SQL. Everything runs inside a transaction that [`super::line`] opened; what fails is rolled back there.

use rusqlite::{Connection, OptionalExtension, Result, Row, params};

use super::{TENANT, count, millis, time};
use crate::base::Time;
use crate::store::{Record, Taken};

/// A place that a job can own.
#[derive(Clone, Debug)]
pub(super) struct OwnPlace {
    pub kind: &'static str,
    pub owner: String,
    pub id: String,
}

impl From<crate::store::Place<'_>> for OwnPlace {
    fn from(place: crate::store::Place<'_>) -> Self {
        Self { kind: place.kind, owner: place.owner.to_owned(), id: place.id.to_owned() }
    }
}

pub(super) fn find(connection: &Connection, kind: &str, id: &str, now: Time) -> Result<Option<Record>> {
    connection
        .prepare_cached(
            "SELECT owner, id, value, version, expires FROM record
             WHERE tenant = ?1 AND kind = ?2 AND id = ?3 AND expires > ?4",
        )?
        .query_row(params![TENANT, kind, id, millis(now)], record)
        .optional()
}

pub(super) fn put(connection: &Connection, place: &OwnPlace, value: &[u8], expires: Time, now: Time) -> Result<bool> {
    // Whatever stands there is expired: it goes, with its due time and its lease.
    if find(connection, place.kind, &place.id, now)?.is_some() {
        return Ok(false);
    }
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO record (tenant, kind, id, owner, value, version, expires, changed)
             VALUES (?1, ?2, ?3, ?4, ?5, 1, ?6, ?7)",
        )?
        .execute(params![TENANT, place.kind, place.id, place.owner, value, millis(expires), next_change(connection)?])?;
    Ok(true)
}

pub(super) fn replace(
    connection: &Connection,
    place: &OwnPlace,
    value: &[u8],
    expires: Time,
    version: u64,
    now: Time,
) -> Result<bool> {
    if find(connection, place.kind, &place.id, now)?.is_none_or(|record| record.version != version) {
        return Ok(false);
    }
    connection
        .prepare_cached(
            "UPDATE record SET owner = ?4, value = ?5, version = version + 1, expires = ?6, changed = ?7
             WHERE tenant = ?1 AND kind = ?2 AND id = ?3",
        )?
        .execute(params![TENANT, place.kind, place.id, place.owner, value, millis(expires), next_change(connection)?])?;
    Ok(true)
}

/// One writer at a time takes these numbers, so they come into sight in their order.
fn next_change(connection: &Connection) -> Result<i64> {
    connection.prepare_cached("UPDATE change SET number = number + 1 RETURNING number")?.query_row([], |row| row.get(0))
}

pub(super) fn take(connection: &Connection, place: &OwnPlace, limit: u32, until: Time, now: Time) -> Result<Taken> {
    let standing = connection
        .prepare_cached("SELECT taken, expires FROM counter WHERE tenant = ?1 AND kind = ?2 AND id = ?3 AND expires > ?4")?
        .query_row(params![TENANT, place.kind, place.id, millis(now)], |row| Ok((row.get::<_, u32>(0)?, time(row, 1)?)))
        .optional()?;
    let (taken, until) = standing.unwrap_or((0, until));
    if taken >= limit {
        return Ok(Taken::No { until });
    }
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO counter (tenant, kind, id, owner, taken, expires) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![TENANT, place.kind, place.id, place.owner, taken + 1, millis(until)])?;
    Ok(Taken::Yes { left: limit - taken - 1 })
}

pub(super) fn give_back(connection: &Connection, kind: &str, id: &str, now: Time) -> Result<()> {
    connection
        .prepare_cached(
            "UPDATE counter SET taken = taken - 1
             WHERE tenant = ?1 AND kind = ?2 AND id = ?3 AND expires > ?4 AND taken > 0",
        )?
        .execute(params![TENANT, kind, id, millis(now)])?;
    Ok(())
}

pub(super) fn remove(connection: &Connection, kind: &str, id: &str, now: Time) -> Result<bool> {
    let mut was_there = false;
    for removal in [
        "DELETE FROM record WHERE tenant = ?1 AND kind = ?2 AND id = ?3 RETURNING expires",
        "DELETE FROM counter WHERE tenant = ?1 AND kind = ?2 AND id = ?3 RETURNING expires",
    ] {
        let mut removal = connection.prepare_cached(removal)?;
        let expires = removal.query_row(params![TENANT, kind, id], |row| time(row, 0)).optional()?;
        was_there |= expires.is_some_and(|expires| expires > now);
    }
    Ok(was_there)
}

pub(super) fn by_owner(connection: &Connection, kind: &str, owner: &str, now: Time) -> Result<Vec<Record>> {
    connection
        .prepare_cached(
            "SELECT owner, id, value, version, expires FROM record
             WHERE tenant = ?1 AND kind = ?2 AND owner = ?3 AND expires > ?4 ORDER BY id",
        )?
        .query_map(params![TENANT, kind, owner, millis(now)], record)?
        .collect()
}

pub(super) fn claim(connection: &Connection, kind: &str, node: &str, lease: Time, now: Time) -> Result<Option<Record>> {
    connection
        .prepare_cached(
            "UPDATE record SET lease_until = ?3, lease_node = ?4
             WHERE tenant = ?1 AND kind = ?2 AND id = (
                 SELECT id FROM record
                 WHERE tenant = ?1 AND kind = ?2 AND due <= ?5 AND expires > ?5 AND COALESCE(lease_until, ?5) <= ?5
                 ORDER BY due, id LIMIT 1)
             RETURNING owner, id, value, version, expires",
        )?
        .query_row(params![TENANT, kind, millis(lease), node, millis(now)], record)
        .optional()
}

pub(super) fn due(connection: &Connection, kind: &str, id: &str, due: Option<Time>, now: Time) -> Result<()> {
    connection
        .prepare_cached(
            "UPDATE record SET due = ?4, lease_until = NULL, lease_node = NULL
             WHERE tenant = ?1 AND kind = ?2 AND id = ?3 AND expires > ?5",
        )?
        .execute(params![TENANT, kind, id, due.map(millis), millis(now)])?;
    Ok(())
}

pub(super) fn changes(connection: &Connection, kind: &str, mark: u64, most: u32, now: Time) -> Result<(Vec<Record>, u64)> {
    let mut last = mark;
    let records = connection
        .prepare_cached(
            "SELECT owner, id, value, version, expires, changed FROM record
             WHERE tenant = ?1 AND kind = ?2 AND changed > ?3 AND expires > ?4 ORDER BY changed LIMIT ?5",
        )?
        .query_map(params![TENANT, kind, count(mark), millis(now), most], |row| {
            last = row.get::<_, i64>(5)?.unsigned_abs();
            record(row)
        })?
        .collect::<Result<_>>()?;
    Ok((records, last))
}

/// Removes some of what has expired, so that no other call waits long behind it; zero when nothing is left.
pub(super) fn sweep(connection: &Connection, now: Time) -> Result<u64> {
    let mut swept = 0;
    for removal in [
        "DELETE FROM record WHERE (tenant, kind, id) IN (SELECT tenant, kind, id FROM record WHERE expires <= ?1 LIMIT 1000)",
        "DELETE FROM counter WHERE (tenant, kind, id) IN (SELECT tenant, kind, id FROM counter WHERE expires <= ?1 LIMIT 1000)",
    ] {
        swept += connection.prepare_cached(removal)?.execute([millis(now)])?;
    }
    Ok(u64::try_from(swept).unwrap_or(u64::MAX))
}

fn record(row: &Row<'_>) -> Result<Record> {
    Ok(Record {
        owner: row.get(0)?,
        id: row.get(1)?,
        value: row.get(2)?,
        version: row.get::<_, i64>(3)?.unsigned_abs(),
        expires: time(row, 4)?,
    })
}
