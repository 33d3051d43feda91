//! What makes the journal a chain: an event's hash is SHA-256 over the hash before it and all its columns, each with its length before
//! it, so that no two events look alike. A chain begins with zeros, or with the hash of the last event that was cut off.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{Context, SHA256};
use data_encoding::HEXLOWER;
use rusqlite::{Connection, OptionalExtension, Result, Row};

use super::{TENANT, millis, names, time};
use crate::base::Time;
use crate::store::{Anchor, Chain, Misfit};

/// What stands before a chain's first event.
const START: [u8; 32] = [0; 32];
/// So many events are cut off in one transaction, so that no other call waits long behind it.
const SOME: u32 = 1000;

/// An event as its hash sees it: the columns as they are, whatever was made of them.
pub(super) struct Columns<'a> {
    /// seq, format, at
    pub numbers: [i64; 3],
    /// node, trace (empty: none), kind, outcome, user, application, country, detail
    pub texts: [&'a [u8]; 8],
}

const COLUMNS: &str = "node, seq, format, at, trace, kind, outcome, user, application, country, detail, hash";

impl<'a> Columns<'a> {
    fn read(row: &'a Row<'_>) -> Result<Self> {
        let text = |column: usize| Ok::<_, rusqlite::Error>(row.get_ref(column)?.as_bytes_or_null()?.unwrap_or_default());
        Ok(Self {
            numbers: [row.get(1)?, row.get(2)?, row.get(3)?],
            texts: [text(0)?, text(4)?, text(5)?, text(6)?, text(7)?, text(8)?, text(9)?, text(10)?],
        })
    }

    pub(super) fn hash(&self, before: &[u8]) -> Vec<u8> {
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

/// Where a node's chain ends: the number and hash of its last event.
pub(super) fn end(connection: &Connection, node: &str) -> Result<(i64, Vec<u8>)> {
    Ok(recorded_end(connection, node)?.unwrap_or((0, START.to_vec())))
}

/// The same for a chain that is to go on. An error where the mark of its end is missing: then nobody could say whether events are.
pub(super) fn known_end(connection: &Connection, node: &str) -> Result<(i64, Vec<u8>)> {
    if let Some(end) = recorded_end(connection, node)? {
        return Ok(end);
    }
    let has_events = connection
        .prepare_cached("SELECT 1 FROM event WHERE tenant = ?1 AND node = ?2 LIMIT 1")?
        .query_row([TENANT, node], |_| Ok(()))
        .optional()?;
    match has_events {
        None => Ok((0, START.to_vec())),
        Some(()) => Err(rusqlite::Error::ToSqlConversionFailure(Box::new(NoEnd { node: node.to_owned() }))),
    }
}

/// The row of a node in the table `chain` is gone, and its events are not.
#[derive(Debug, thiserror::Error)]
#[error(
    "the journal of node {node} cannot go on: somebody has removed from the database the mark that says where it ends. \
     Stop the node and put back a copy of doorward.db from before, or move doorward.db away (keep it: `doorward journal export` \
     still reads it) and begin a new one, which signs everybody out"
)]
struct NoEnd {
    node: String,
}

fn recorded_end(connection: &Connection, node: &str) -> Result<Option<(i64, Vec<u8>)>> {
    connection
        .prepare_cached("SELECT seq, hash FROM chain WHERE tenant = ?1 AND node = ?2")?
        .query_row([TENANT, node], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

pub(super) fn set_end(connection: &Connection, node: &str, seq: i64, hash: &[u8]) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO chain (tenant, node, seq, hash) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (tenant, node) DO UPDATE SET seq = excluded.seq, hash = excluded.hash",
        )?
        .execute((TENANT, node, seq, hash))?;
    Ok(())
}

/// Where a node's chain begins: the number and hash of the last event that was cut off.
fn start(connection: &Connection, node: &str) -> Result<(i64, Vec<u8>)> {
    // A file that no node of this version has opened yet.
    if !names::are_there(connection)? {
        return Ok((0, START.to_vec()));
    }
    let start = connection
        .prepare_cached("SELECT cut_seq, cut_hash FROM chain WHERE tenant = ?1 AND node = ?2")?
        .query_row([TENANT, node], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(start.unwrap_or((0, START.to_vec())))
}

fn nodes(connection: &Connection) -> Result<Vec<String>> {
    connection
        .prepare_cached("SELECT node FROM chain WHERE tenant = ?1 UNION SELECT node FROM event WHERE tenant = ?1")?
        .query_map([TENANT], |row| row.get(0))?
        .collect()
}

/// Walks every node's chain.
pub(super) fn verify(connection: &Connection, anchor: Option<&Anchor>) -> Result<Vec<Chain>> {
    // One view of the file, so that events written meanwhile do not look like a break.
    let view = connection.unchecked_transaction()?;
    let mut chains = Vec::new();
    for node in nodes(&view)? {
        let anchor = anchor.filter(|anchor| anchor.node == node);
        chains.push(verify_chain(&view, node, anchor)?);
    }
    if let Some(anchor) = anchor.filter(|anchor| chains.iter().all(|chain| chain.node != anchor.node)) {
        let misfit = Some(Misfit::NoAnchor(anchor.seq));
        let hash = HEXLOWER.encode(&START);
        chains.push(Chain { node: anchor.node.clone(), cut: 0, length: 0, from: None, until: None, hash, misfit });
    }
    Ok(chains)
}

fn verify_chain(connection: &Connection, node: String, anchor: Option<&Anchor>) -> Result<Chain> {
    let (cut, mut before) = start(connection, &node)?;
    let mut chain = Chain {
        node,
        cut: cut.unsigned_abs(),
        length: 0,
        from: None,
        until: None,
        hash: String::new(),
        misfit: anchor.and_then(|anchor| against_the_cut(anchor, cut.unsigned_abs(), &before)),
    };
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM event WHERE tenant = ?1 AND node = ?2 ORDER BY seq"))?;
    let mut rows = statement.query([TENANT, &chain.node])?;
    while let Some(row) = rows.next()?.filter(|_| chain.misfit.is_none()) {
        let columns = Columns::read(row)?;
        let recorded = row.get_ref(11)?.as_bytes()?;
        let [seq, ..] = columns.numbers;
        let expected = chain.last() + 1;
        chain.misfit = if seq != super::count(expected) {
            Some(if seq > super::count(expected) { Misfit::Missing(expected) } else { Misfit::Added(seq.unsigned_abs()) })
        } else if columns.hash(&before) != recorded {
            Some(Misfit::Changed(expected))
        } else if anchor.is_some_and(|anchor| anchor.seq == expected && anchor.hash != HEXLOWER.encode(recorded)) {
            Some(Misfit::NotTheAnchor(expected))
        } else {
            before = recorded.to_vec();
            chain.length += 1;
            chain.until = Some(time(row, 3)?);
            chain.from = chain.from.or(chain.until);
            None
        };
    }
    if chain.misfit.is_none() {
        chain.misfit = at_the_end(&chain, recorded_end(connection, &chain.node)?, &before, anchor);
    }
    chain.hash = HEXLOWER.encode(&before);
    Ok(chain)
}

fn against_the_cut(anchor: &Anchor, cut: u64, hash: &[u8]) -> Option<Misfit> {
    if anchor.seq < cut {
        return Some(Misfit::AnchorCut(anchor.seq));
    }
    (anchor.seq == cut && anchor.hash != HEXLOWER.encode(hash)).then_some(Misfit::NotTheAnchor(cut))
}

fn at_the_end(chain: &Chain, recorded: Option<(i64, Vec<u8>)>, hash: &[u8], anchor: Option<&Anchor>) -> Option<Misfit> {
    let next = chain.last() + 1;
    match recorded {
        Some((seq, _)) if seq.unsigned_abs() > chain.last() => Some(Misfit::EndMissing(next)),
        Some((seq, recorded)) if seq.unsigned_abs() == chain.last() && recorded == hash => {
            anchor.filter(|anchor| anchor.seq > chain.last()).map(|anchor| Misfit::NoAnchor(anchor.seq))
        }
        _ => Some(Misfit::Added(next)),
    }
}

/// Up to where [`cut`] would come, by node.
pub(super) fn old_ends(connection: &Connection, before: Time) -> Result<BTreeMap<String, u64>> {
    let view = connection.unchecked_transaction()?;
    let mut ends = BTreeMap::new();
    for node in nodes(&view)? {
        let (from, _) = start(&view, &node)?;
        let young = view
            .prepare_cached(
                "SELECT seq FROM event WHERE tenant = ?1 AND node = ?2 AND seq > ?3 AND at >= ?4 ORDER BY seq LIMIT 1",
            )?
            .query_row((TENANT, &node, from, millis(before)), |row| row.get::<_, i64>(0))
            .optional()?;
        let last = match young {
            Some(young) => young - 1,
            None => end(&view, &node)?.0,
        };
        if last > from {
            ends.insert(node, last.unsigned_abs());
        }
    }
    Ok(ends)
}

/// Cuts some events off at the old ends; how many.
pub(super) fn cut(connection: &Connection, before: Time) -> Result<u64> {
    let mut total = 0;
    for node in nodes(connection)? {
        total += cut_chain(connection, &node, before)?;
    }
    Ok(total)
}

fn cut_chain(connection: &Connection, node: &str, before: Time) -> Result<u64> {
    let (from, _) = start(connection, node)?;
    // The clock may have been set back: what is behind the first one that is young enough stays, however old it looks.
    let old = connection
        .prepare_cached("SELECT seq, at, hash FROM event WHERE tenant = ?1 AND node = ?2 AND seq > ?3 ORDER BY seq LIMIT ?4")?
        .query_map((TENANT, node, from, SOME), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .take_while(|row| row.as_ref().is_ok_and(|(_, at, _): &(i64, i64, Vec<u8>)| *at < millis(before)))
        .last()
        .transpose()?;
    let Some((last, _, hash)) = old else { return Ok(0) };
    connection
        .prepare_cached("UPDATE chain SET cut_seq = ?3, cut_hash = ?4 WHERE tenant = ?1 AND node = ?2")?
        .execute((TENANT, node, last, hash))?;
    let removed = connection
        .prepare_cached("DELETE FROM event WHERE tenant = ?1 AND node = ?2 AND seq <= ?3")?
        .execute((TENANT, node, last))?;
    Ok(u64::try_from(removed).unwrap_or(u64::MAX))
}
