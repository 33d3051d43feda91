//! The report as CSV.

use crate::auth::Row;
use crate::cli::csv::cell;

pub const HEAD: &str = "directory,user,name,display_name,mobile,second_mobile,mail,can_sign_in,problems\r\n";

pub fn line(row: &Row) -> String {
    let problems: Vec<String> = row.problems.iter().map(ToString::to_string).collect();
    let text = |field: &Option<String>| cell(field.as_deref().unwrap_or_default());
    let cells = [
        cell(&row.directory),
        cell(&row.user),
        cell(&row.name),
        text(&row.display_name),
        text(&row.mobile),
        text(&row.second_mobile),
        text(&row.mail),
        cell(if row.can_sign_in { "yes" } else { "no" }),
        cell(&problems.join("; ")),
    ];
    format!("{}\r\n", cells.join(","))
}
