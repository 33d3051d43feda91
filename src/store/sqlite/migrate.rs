//! Brings a database's tables up to what this build needs: numbered scripts, each in one transaction, with a table that says
//! which were run and what they were.

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;
use rusqlite::{Connection, TransactionBehavior};

/// What stands at place `n` has number `n + 1`. A script that was released is never edited: a new one follows.
const SCRIPTS: &[&str] = &[include_str!("001_start.sql"), include_str!("002_journal.sql")];

/// The tables are not this build's.
#[derive(Debug, thiserror::Error)]
pub(super) enum MigrateError {
    #[error(
        "the database was written by a newer version (its tables are number {found}, this version knows up to {known}); \
         run that version, or put back the copy made before the upgrade"
    )]
    Newer { found: i64, known: i64 },
    #[error("the database's tables were made by another script number {0} than this version has")]
    Other(i64),
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
}

/// Runs what is missing. Two processes at once are safe: the second waits for the first.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), MigrateError> {
    run(connection, SCRIPTS)
}

fn run(connection: &mut Connection, scripts: &[&str]) -> Result<(), MigrateError> {
    connection
        .execute_batch("CREATE TABLE IF NOT EXISTS migration (number INTEGER PRIMARY KEY, checksum TEXT NOT NULL) STRICT")?;
    let found: i64 = connection.query_row("SELECT COALESCE(MAX(number), 0) FROM migration", [], |row| row.get(0))?;
    let known = i64::try_from(scripts.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(MigrateError::Newer { found, known });
    }
    for (number, script) in (1_i64..).zip(scripts) {
        let checksum = HEXLOWER.encode(digest(&SHA256, script.as_bytes()).as_ref());
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let recorded: Option<String> = transaction
            .prepare("SELECT checksum FROM migration WHERE number = ?1")?
            .query_map([number], |row| row.get(0))?
            .next()
            .transpose()?;
        match recorded {
            Some(recorded) if recorded == checksum => {}
            Some(_) => return Err(MigrateError::Other(number)),
            None => {
                transaction.execute_batch(script)?;
                transaction.execute("INSERT INTO migration VALUES (?1, ?2)", (number, checksum))?;
                transaction.commit()?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(connection: &Connection) -> i64 {
        connection.query_row("SELECT COUNT(*) FROM migration", [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn every_script_runs_once() {
        let mut connection = Connection::open_in_memory().unwrap();
        run(&mut connection, &["CREATE TABLE a (x)"]).unwrap();
        run(&mut connection, &["CREATE TABLE a (x)", "CREATE TABLE b (x)"]).unwrap();
        run(&mut connection, &["CREATE TABLE a (x)", "CREATE TABLE b (x)"]).unwrap();
        assert_eq!(numbers(&connection), 2);
    }

    #[test]
    fn a_newer_database_is_refused_in_words() {
        let mut connection = Connection::open_in_memory().unwrap();
        run(&mut connection, &["CREATE TABLE a (x)", "CREATE TABLE b (x)"]).unwrap();
        let error = run(&mut connection, &["CREATE TABLE a (x)"]).unwrap_err();
        assert!(error.to_string().contains("newer version"), "{error}");
    }

    #[test]
    fn a_script_that_was_edited_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        run(&mut connection, &["CREATE TABLE a (x)"]).unwrap();
        assert!(matches!(run(&mut connection, &["CREATE TABLE a (y)"]), Err(MigrateError::Other(1))));
    }

    #[test]
    fn a_script_that_fails_leaves_nothing_behind() {
        let mut connection = Connection::open_in_memory().unwrap();
        assert!(run(&mut connection, &["CREATE TABLE a (x); CREATE TABLE a (x)"]).is_err());
        assert_eq!(numbers(&connection), 0);
        run(&mut connection, &["CREATE TABLE a (x)"]).unwrap();
    }
}
