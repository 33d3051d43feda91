//! Counters in SQL, inside a transaction as [`super::records`].

use rusqlite::{Connection, OptionalExtension, Result, params};

use super::{OwnPlace, TENANT, millis, time};
use crate::base::Time;
use crate::store::{Counted, CountedBy, Counter, Taken};

pub(super) fn take(connection: &Connection, place: &OwnPlace<Counter>, limit: u32, until: Time, now: Time) -> Result<Taken> {
    let standing = connection
        .prepare_cached("SELECT taken, expires FROM counter WHERE tenant = ?1 AND kind = ?2 AND id = ?3 AND expires > ?4")?
        .query_row(params![TENANT, place.kind.name(), place.id, millis(now)], |row| Ok((row.get::<_, u32>(0)?, time(row, 1)?)))
        .optional()?;
    let (taken, until) = standing.unwrap_or((0, until));
    if taken >= limit {
        return Ok(Taken::No { until });
    }
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO counter (tenant, kind, id, owner, taken, expires) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![TENANT, place.kind.name(), place.id, place.owner, taken + 1, millis(until)])?;
    Ok(Taken::Yes { left: limit - taken - 1 })
}

pub(super) fn give_back(connection: &Connection, counter: Counter, id: &str, now: Time) -> Result<()> {
    connection
        .prepare_cached(
            "UPDATE counter SET taken = taken - 1
             WHERE tenant = ?1 AND kind = ?2 AND id = ?3 AND expires > ?4 AND taken > 0",
        )?
        .execute(params![TENANT, counter.name(), id, millis(now)])?;
    Ok(())
}

/// By the order of the primary key, so that no more than these are looked at.
pub(super) fn starting(connection: &Connection, counter: Counter, beginning: &str, now: Time) -> Result<Vec<Counted>> {
    connection
        .prepare_cached(
            "SELECT id, taken, expires FROM counter
             WHERE tenant = ?1 AND kind = ?2 AND id >= ?3 AND substr(id, 1, length(?3)) = ?3 AND id <= ?3 || char(1114111)
             AND expires > ?4 ORDER BY id LIMIT 1000",
        )?
        .query_map(params![TENANT, counter.name(), beginning, millis(now)], |row| {
            Ok(Counted { id: row.get(0)?, taken: row.get(1)?, until: time(row, 2)? })
        })?
        .collect()
}

pub(super) fn remove(connection: &Connection, counter: Counter, id: &str, now: Time) -> Result<bool> {
    let expires = connection
        .prepare_cached("DELETE FROM counter WHERE tenant = ?1 AND kind = ?2 AND id = ?3 RETURNING expires")?
        .query_row(params![TENANT, counter.name(), id], |row| time(row, 0))
        .optional()?;
    Ok(expires.is_some_and(|expires| expires > now))
}

/// By owner means reading all counters of the kind: those that are found so are of flows, and few.
pub(super) fn erase(connection: &Connection, user: &str) -> Result<u64> {
    let mut erased = 0;
    for counter in Counter::ALL {
        let removal = match counter.by() {
            CountedBy::UserId => "DELETE FROM counter WHERE tenant = ?1 AND kind = ?2 AND id = ?3",
            CountedBy::Owner => "DELETE FROM counter WHERE tenant = ?1 AND kind = ?2 AND owner = ?3",
            CountedBy::Nothing => continue,
        };
        erased += connection.prepare_cached(removal)?.execute(params![TENANT, counter.name(), user])?;
    }
    Ok(u64::try_from(erased).unwrap_or(u64::MAX))
}

/// Removes some of those whose window is over, so that no other call waits long behind it; zero when nothing is left.
pub(super) fn sweep(connection: &Connection, now: Time) -> Result<u64> {
    let swept = connection
        .prepare_cached(
            "DELETE FROM counter WHERE (tenant, kind, id) IN (SELECT tenant, kind, id FROM counter WHERE expires <= ?1 LIMIT 1000)",
        )?
        .execute([millis(now)])?;
    Ok(u64::try_from(swept).unwrap_or(u64::MAX))
}
