//! Account names beside the journal: the last one of each user. They are no part of the chain, so that one can be forgotten.

use rusqlite::{Connection, OptionalExtension, Result};

use super::TENANT;
use crate::base::unicode;

/// Whether the file has them: one that no node of this version has opened yet has not.
pub(super) fn are_there(connection: &Connection) -> Result<bool> {
    connection.prepare_cached("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'account_name'")?.exists([])
}

/// Remembers the name. Written where it is another than before alone.
pub(super) fn learn(connection: &Connection, user: &str, name: &str) -> Result<()> {
    let known: Option<String> = connection
        .prepare_cached("SELECT name FROM account_name WHERE tenant = ?1 AND user = ?2")?
        .query_row([TENANT, user], |row| row.get(0))
        .optional()?;
    if known.as_deref() != Some(name) {
        connection
            .prepare_cached("INSERT OR REPLACE INTO account_name (tenant, user, name, folded) VALUES (?1, ?2, ?3, ?4)")?
            .execute([TENANT, user, name, &unicode::folded(name)])?;
    }
    Ok(())
}

/// The users of this name.
pub(super) fn users(connection: &Connection, name: &str) -> Result<Vec<String>> {
    if !are_there(connection)? {
        return Ok(Vec::new());
    }
    connection
        .prepare_cached("SELECT user FROM account_name WHERE tenant = ?1 AND folded = ?2 ORDER BY user LIMIT 1000")?
        .query_map([TENANT, &unicode::folded(name)], |row| row.get(0))?
        .collect()
}

pub(super) fn forget(connection: &Connection, user: &str) -> Result<bool> {
    let forgotten =
        connection.prepare_cached("DELETE FROM account_name WHERE tenant = ?1 AND user = ?2")?.execute([TENANT, user])?;
    Ok(forgotten > 0)
}
