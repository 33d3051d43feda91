//! The journal in SQL: what is added to it and what is read of it. What chains it is in [`super::chain`].

use std::net::IpAddr;

use data_encoding::HEXLOWER;
use ipnet::IpNet;
use rusqlite::types::{ToSql, Type};
use rusqlite::{Connection, Result, Row, params};

use super::chain::{self, Columns};
use super::{TENANT, count, millis, names, time};
use crate::store::{Entry, Link, Page, Search};

/// Of the entries written by this build.
const FORMAT: i64 = 1;

/// A search that does not say how many it wants gets so many, and none gets more than the second number at once.
const MOST: u32 = 1000;
const MOST_EVER: u32 = 100_000;
/// So many events are looked at for one page: about a millisecond of work for each thousand, and a megabyte where all of them match.
const STRETCH: i64 = 2000;

const READ: &str = "event.node, event.seq, event.format, event.at, event.trace, event.kind, event.outcome, event.user, \
                    event.application, event.country, event.detail, event.hash, event.rowid";

pub(super) fn append(connection: &Connection, node: &str, entry: &Entry) -> Result<()> {
    let (seq, before) = chain::known_end(connection, node)?;
    let seq = seq + 1;
    let trace = entry.trace.map(|trace| trace.to_string());
    let columns = Columns {
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
    let hash = columns.hash(&before);
    connection
        .prepare_cached(
            "INSERT INTO event (tenant, node, seq, format, at, trace, kind, outcome, user, application, country, detail, hash)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        )?
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
    chain::set_end(connection, node, seq, &hash)?;
    if !entry.user.is_empty() && !entry.name.is_empty() {
        names::learn(connection, &entry.user, &entry.name)?;
    }
    Ok(())
}

pub(super) fn search(connection: &Connection, search: &Search) -> Result<Vec<Entry>> {
    let (mut sql, values) = select(connection, search, "")?;
    sql.push_str(" ORDER BY event.at DESC, event.node DESC, event.seq DESC");
    let most = if search.most == 0 { MOST } else { search.most.min(MOST_EVER) };
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(rusqlite::params_from_iter(values), entry)?;
    let found = rows.filter(|row| row.as_ref().map_or(true, |entry| is_from(entry, search.address)));
    let mut found = found.take(usize::try_from(most).unwrap_or(usize::MAX)).collect::<Result<Vec<_>>>()?;
    found.reverse();
    Ok(found)
}

/// What matches among the next events, whatever matches: so that a search for what is rare holds no thread for long.
pub(super) fn page(connection: &Connection, search: &Search, mark: u64) -> Result<Page> {
    let number = |sql: &str, values: &[&dyn ToSql]| connection.prepare_cached(sql)?.query_row(values, |row| row.get::<_, i64>(0));
    let last = number("SELECT COALESCE(MAX(rowid), 0) FROM event", &[])?;
    let after = match (mark, search.from) {
        (0, None) => number("SELECT COALESCE(MIN(rowid), 1) FROM event", &[])? - 1,
        (0, Some(from)) => {
            let first = "SELECT COALESCE(MIN(rowid) - 1, ?3) FROM event WHERE tenant = ?1 AND at >= ?2";
            number(first, &[&TENANT, &millis(from), &last])?
        }
        (mark, _) => count(mark - 1),
    };
    let until = after.saturating_add(STRETCH).min(last).max(after);
    // By number and by nothing else: another index would look at all that it leads to.
    let (mut sql, mut values) = select(connection, search, " NOT INDEXED")?;
    sql.push_str(" AND event.rowid > ? AND event.rowid <= ? ORDER BY event.rowid");
    values.extend([boxed(after), boxed(until)]);
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(rusqlite::params_from_iter(values), link)?;
    let entries = rows.filter(|row| row.as_ref().map_or(true, |link| is_from(&link.entry, search.address)));
    // One more than the number, because zero is the beginning.
    Ok(Page { entries: entries.collect::<Result<_>>()?, mark: until.unsigned_abs() + 1, is_end: until >= last })
}

/// The columns of what matches, but for the address, which only the detail says.
fn select(connection: &Connection, search: &Search, how: &str) -> Result<(String, Vec<Box<dyn ToSql>>)> {
    let wanted: [(&str, Option<Box<dyn ToSql>>); 7] = [
        ("event.at >=", search.from.map(|from| boxed(millis(from)))),
        ("event.at <", search.until.map(|until| boxed(millis(until)))),
        ("event.trace =", search.trace.map(|trace| boxed(trace.to_string()))),
        ("event.application =", search.application.clone().map(boxed)),
        ("event.kind =", search.kind.clone().map(boxed)),
        ("event.outcome =", search.outcome.clone().map(boxed)),
        ("event.country =", search.country.clone().map(boxed)),
    ];
    let (name, join) = match names::are_there(connection)? {
        true => ("COALESCE(account_name.name, '')", " LEFT JOIN account_name USING (tenant, user)"),
        false => ("''", ""),
    };
    let mut sql = format!("SELECT {READ}, {name} FROM event{how}{join} WHERE event.tenant = ?");
    let mut values = vec![boxed(TENANT)];
    for (condition, value) in wanted {
        if let Some(value) = value {
            sql.push_str(&format!(" AND {condition} ?"));
            values.push(value);
        }
    }
    if let Some(who) = &search.who {
        let users = vec!["?"; who.users.len()].join(", ");
        sql.push_str(&format!(" AND (event.user IN ({users})"));
        values.extend(who.users.iter().cloned().map(boxed));
        if let Some(hash) = &who.name_hash {
            // A quote within a value is escaped, so this is a field and nothing that was typed.
            sql.push_str(" OR instr(event.detail, ?) > 0");
            values.push(boxed(format!("\"hash\":\"{hash}\"")));
        }
        sql.push(')');
    }
    Ok((sql, values))
}

fn is_from(entry: &Entry, wanted: Option<IpNet>) -> bool {
    let Some(wanted) = wanted else { return true };
    let address = entry.detail.split_once("\"address\":\"").and_then(|(_, rest)| rest.split('"').next());
    address.and_then(|address| address.parse::<IpAddr>().ok()).is_some_and(|address| wanted.contains(&address))
}

fn boxed(value: impl ToSql + 'static) -> Box<dyn ToSql> {
    Box::new(value)
}

fn link(row: &Row<'_>) -> Result<Link> {
    Ok(Link {
        node: row.get(0)?,
        seq: row.get::<_, i64>(1)?.unsigned_abs(),
        format: row.get(2)?,
        hash: HEXLOWER.encode(row.get_ref(11)?.as_bytes()?),
        entry: entry(row)?,
    })
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
        name: row.get(13)?,
        application: row.get(8)?,
        country: row.get(9)?,
        detail: row.get(10)?,
    })
}
