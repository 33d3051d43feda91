//! The report on its way out: in order of directory and name, so that two reports can be laid side by side, in the form that was asked for.

use std::io::{self, Write};

use super::{End, Format, csv, table};
use crate::auth::Row;

/// Rows wait here until all are there, for directories tell them in no order of use.
pub(super) struct Sheet<W> {
    format: Format,
    out: W,
    waiting: Vec<Row>,
    written: usize,
    most: usize,
    has_head: bool,
}

/// About 120 MB. More than so many rows are written as they come.
const MOST_WAITING: usize = 200_000;

impl<W: Write> Sheet<W> {
    pub fn new(format: Format, out: W) -> Self {
        Self { format, out, waiting: Vec::new(), written: 0, most: MOST_WAITING, has_head: false }
    }

    /// How many rows were written.
    pub fn written(&self) -> usize {
        self.written
    }

    pub fn take(&mut self, rows: Vec<Row>) -> io::Result<()> {
        self.waiting.extend(rows);
        if self.waiting.len() > self.most || self.written > 0 {
            if self.written == 0 {
                tell!("doorward: more than {} people: the list is not sorted", self.most);
            }
            return self.write_waiting();
        }
        Ok(())
    }

    pub fn end(mut self, end: &End) -> io::Result<usize> {
        // The name is compared as people read it, and whatever is left decides, so that it is always the same order.
        self.waiting
            .sort_by_cached_key(|row| (row.directory.clone(), row.name.to_lowercase(), row.name.clone(), row.user.clone()));
        self.write_waiting()?;
        self.tail(end)?;
        self.out.flush()?;
        Ok(self.written)
    }

    fn write_waiting(&mut self) -> io::Result<()> {
        if !std::mem::replace(&mut self.has_head, true) {
            match self.format {
                Format::Table => writeln!(self.out, "{}", table::HEAD),
                Format::Csv => write!(self.out, "{}", csv::HEAD),
                Format::Json => write!(self.out, "["),
            }?;
        }
        for row in std::mem::take(&mut self.waiting) {
            self.written += 1;
            match self.format {
                Format::Table => writeln!(self.out, "{}", table::line(&row))?,
                Format::Csv => write!(self.out, "{}", csv::line(&row))?,
                Format::Json => {
                    write!(self.out, "{}", if self.written == 1 { "\n" } else { ",\n" })?;
                    serde_json::to_writer(&mut self.out, &row)?;
                }
            }
        }
        Ok(())
    }

    fn tail(&mut self, end: &End) -> io::Result<()> {
        let (total, can) = (end.total, end.can_sign_in);
        match self.format {
            Format::Table => {
                let not_shown = if self.written < total { format!(", {} of them shown", self.written) } else { String::new() };
                writeln!(self.out, "{total} in all{not_shown}; {can} can sign in, {} cannot", total - can.min(total))
            }
            Format::Csv => Ok(()),
            Format::Json => writeln!(self.out, "\n]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(directory: &str, name: &str, user: &str) -> Row {
        Row {
            directory: directory.into(),
            user: user.into(),
            name: name.into(),
            display_name: None,
            mobile: None,
            second_mobile: None,
            mail: None,
            can_sign_in: true,
            problems: Vec::new(),
        }
    }

    fn written(most: usize, rows: &[Row]) -> Vec<String> {
        let mut out = Vec::new();
        let mut sheet = Sheet { most, ..Sheet::new(Format::Csv, &mut out) };
        rows.iter().for_each(|row| sheet.take(vec![row.clone()]).unwrap());
        assert_eq!(sheet.end(&End { total: rows.len(), ..End::default() }).unwrap(), rows.len());
        let text = String::from_utf8(out).unwrap();
        let cells =
            text.lines().skip(1).map(|line| line.split('"').filter(|cell| cell.len() > 1).take(3).collect::<Vec<_>>().join(" "));
        cells.collect()
    }

    #[test]
    fn rows_are_in_order_of_directory_and_name_however_they_come() {
        let mut rows = [
            row("guests", "alice", "g:1"),
            row("corp", "bob", "c:4"),
            row("corp", "Bob", "c:3"),
            row("corp", "alice", "c:9"),
            row("corp", "alice", "c:2"),
            row("corp", "émile", "c:5"),
        ];
        let sorted = written(100, &rows);
        assert_eq!(
            sorted,
            ["corp c:2 alice", "corp c:9 alice", "corp c:3 Bob", "corp c:4 bob", "corp c:5 émile", "guests g:1 alice"]
        );
        rows.reverse();
        assert_eq!(written(100, &rows), sorted);
    }

    #[test]
    fn where_there_are_too_many_to_wait_for_nobody_is_left_out() {
        let rows: Vec<Row> = (0..10).map(|number| row("corp", &format!("u{}", 9 - number), &format!("c:{number}"))).collect();
        let written = written(3, &rows);
        assert_eq!((written.len(), written[0].as_str()), (10, "corp c:0 u9"));
    }
}
