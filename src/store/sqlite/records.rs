//! Records in SQL. Everything runs inside a transaction that [`super::line`] opened; what fails is rolled back there.

use rusqlite::{Connection, OptionalExtension, Result, Row, params};

use super::{OwnPlace, TENANT, count, millis, time};
use crate::base::Time;
use crate::store::{Expect, Kind, Owner, Put, Record};

/// A write that a job can own.
pub(super) struct OwnPut {
    place: OwnPlace<Kind>,
    value: Vec<u8>,
    expires: Time,
    expect: Expect,
}

impl From<Put<'_>> for OwnPut {
    fn from(put: Put<'_>) -> Self {
        Self { place: put.place.into(), value: put.value, expires: put.expires, expect: put.expect }
    }
}

pub(super) fn find(connection: &Connection, kind: Kind, id: &str, now: Time) -> Result<Option<Record>> {
    connection
        .prepare_cached(
            "SELECT owner, id, value, version, expires FROM record
             WHERE tenant = ?1 AND kind = ?2 AND id = ?3 AND expires > ?4",
        )?
        .query_row(params![TENANT, kind.name(), id, millis(now)], record)
        .optional()
}

/// In a savepoint, so that what was written goes again where a later one does not fit.
pub(super) fn put_all(connection: &Connection, puts: &[OwnPut], now: Time) -> Result<bool> {
    if let [put] = puts {
        return put_one(connection, put, now);
    }
    connection.prepare_cached("SAVEPOINT puts")?.execute([])?;
    let mut is_done = true;
    for put in puts {
        is_done = is_done && put_one(connection, put, now)?;
    }
    if !is_done {
        connection.prepare_cached("ROLLBACK TO puts")?.execute([])?;
    }
    connection.prepare_cached("RELEASE puts")?.execute([])?;
    Ok(is_done)
}

fn put_one(connection: &Connection, put: &OwnPut, now: Time) -> Result<bool> {
    match put.expect {
        Expect::Absent => insert(connection, put, now),
        Expect::Version(version) => replace(connection, put, version, now),
    }
}

fn insert(connection: &Connection, OwnPut { place, value, expires, .. }: &OwnPut, now: Time) -> Result<bool> {
    // Whatever stands there is expired: it goes, with its due time and its lease.
    if find(connection, place.kind, &place.id, now)?.is_some() {
        return Ok(false);
    }
    let (kind, change) = (place.kind.name(), next_change(connection, place.kind)?);
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO record (tenant, kind, id, owner, value, version, expires, changed)
             VALUES (?1, ?2, ?3, ?4, ?5, 1, ?6, ?7)",
        )?
        .execute(params![TENANT, kind, place.id, place.owner, value, millis(*expires), change])?;
    Ok(true)
}

fn replace(connection: &Connection, OwnPut { place, value, expires, .. }: &OwnPut, version: u64, now: Time) -> Result<bool> {
    if find(connection, place.kind, &place.id, now)?.is_none_or(|record| record.version != version) {
        return Ok(false);
    }
    let (kind, change) = (place.kind.name(), next_change(connection, place.kind)?);
    connection
        .prepare_cached(
            "UPDATE record SET owner = ?4, value = ?5, version = version + 1, expires = ?6, changed = ?7
             WHERE tenant = ?1 AND kind = ?2 AND id = ?3",
        )?
        .execute(params![TENANT, kind, place.id, place.owner, value, millis(*expires), change])?;
    Ok(true)
}

/// One writer at a time takes these numbers, so they come into sight in their order. Only a feed asks for them.
fn next_change(connection: &Connection, kind: Kind) -> Result<i64> {
    if !kind.has_feed() {
        return Ok(0);
    }
    connection.prepare_cached("UPDATE change SET number = number + 1 RETURNING number")?.query_row([], |row| row.get(0))
}

pub(super) fn remove(connection: &Connection, kind: Kind, id: &str, now: Time) -> Result<bool> {
    let expires = connection
        .prepare_cached("DELETE FROM record WHERE tenant = ?1 AND kind = ?2 AND id = ?3 RETURNING expires")?
        .query_row(params![TENANT, kind.name(), id], |row| time(row, 0))
        .optional()?;
    Ok(expires.is_some_and(|expires| expires > now))
}

/// What is owned by a record goes before that record.
pub(super) fn erase(connection: &Connection, user: &str) -> Result<u64> {
    let mut erased = 0;
    for kind in Kind::ALL {
        erased += match kind.owner() {
            Owner::User => connection
                .prepare_cached("DELETE FROM record WHERE tenant = ?1 AND kind = ?2 AND owner = ?3")?
                .execute(params![TENANT, kind.name(), user])?,
            Owner::Record(owner) => connection
                .prepare_cached(
                    "DELETE FROM record WHERE tenant = ?1 AND kind = ?2 AND owner IN (
                         SELECT id FROM record WHERE tenant = ?1 AND kind = ?3 AND owner = ?4)",
                )?
                .execute(params![TENANT, kind.name(), owner.name(), user])?,
        };
    }
    Ok(u64::try_from(erased).unwrap_or(u64::MAX))
}

pub(super) fn by_owner(connection: &Connection, kind: Kind, owner: &str, now: Time) -> Result<Vec<Record>> {
    connection
        .prepare_cached(
            "SELECT owner, id, value, version, expires FROM record
             WHERE tenant = ?1 AND kind = ?2 AND owner = ?3 AND expires > ?4 ORDER BY id",
        )?
        .query_map(params![TENANT, kind.name(), owner, millis(now)], record)?
        .collect()
}

pub(super) fn claim(connection: &Connection, kind: Kind, node: &str, lease: Time, now: Time) -> Result<Option<Record>> {
    connection
        .prepare_cached(
            "UPDATE record SET lease_until = ?3, lease_node = ?4
             WHERE tenant = ?1 AND kind = ?2 AND id = (
                 SELECT id FROM record
                 WHERE tenant = ?1 AND kind = ?2 AND due <= ?5 AND expires > ?5 AND COALESCE(lease_until, ?5) <= ?5
                 ORDER BY due, id LIMIT 1)
             RETURNING owner, id, value, version, expires",
        )?
        .query_row(params![TENANT, kind.name(), millis(lease), node, millis(now)], record)
        .optional()
}

pub(super) fn due(connection: &Connection, kind: Kind, id: &str, due: Option<Time>, now: Time) -> Result<()> {
    connection
        .prepare_cached(
            "UPDATE record SET due = ?4, lease_until = NULL, lease_node = NULL
             WHERE tenant = ?1 AND kind = ?2 AND id = ?3 AND expires > ?5",
        )?
        .execute(params![TENANT, kind.name(), id, due.map(millis), millis(now)])?;
    Ok(())
}

pub(super) fn changes(connection: &Connection, kind: Kind, mark: u64, most: u32, now: Time) -> Result<(Vec<Record>, u64)> {
    let mut last = mark;
    let records = connection
        .prepare_cached(
            "SELECT owner, id, value, version, expires, changed FROM record
             WHERE tenant = ?1 AND kind = ?2 AND changed > ?3 AND expires > ?4 ORDER BY changed LIMIT ?5",
        )?
        .query_map(params![TENANT, kind.name(), count(mark), millis(now), most], |row| {
            last = row.get::<_, i64>(5)?.unsigned_abs();
            record(row)
        })?
        .collect::<Result<_>>()?;
    Ok((records, last))
}

/// Removes some of what has expired, so that no other call waits long behind it; zero when nothing is left.
pub(super) fn sweep(connection: &Connection, now: Time) -> Result<u64> {
    let swept = connection
        .prepare_cached(
            "DELETE FROM record WHERE (tenant, kind, id) IN (SELECT tenant, kind, id FROM record WHERE expires <= ?1 LIMIT 1000)",
        )?
        .execute([millis(now)])?;
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
