//! The report for a terminal: columns of fixed width; only reasons make a line longer than 80.

use crate::auth::Row;
use crate::cli::plain;

pub const HEAD: &str = "NAME                    DIRECTORY   MOBILE             SIGN-IN  WHY NOT";

pub fn line(row: &Row) -> String {
    let reasons: Vec<String> = row.problems.iter().map(ToString::to_string).collect();
    let line = format!(
        "{}  {}  {}  {:<7}  {}",
        cell(&row.name, 22),
        cell(&row.directory, 10),
        cell(row.mobile.as_deref().unwrap_or("-"), 17),
        if row.can_sign_in { "yes" } else { "no" },
        plain(&reasons.join(", "))
    );
    line.trim_end().to_owned()
}

/// Exactly so many letters wide; what is cut ends in an ellipsis.
fn cell(text: &str, width: usize) -> String {
    let text = plain(text);
    if text.chars().count() <= width {
        return format!("{text:<width$}");
    }
    let cut: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{cut}…")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::operator::report::Problem;

    fn row(name: &str) -> Row {
        Row {
            directory: "corp".into(),
            user: "corp:1".into(),
            name: name.into(),
            display_name: None,
            mobile: Some("+4520000001".into()),
            second_mobile: None,
            mail: None,
            can_sign_in: true,
            problems: Vec::new(),
        }
    }

    #[test]
    fn a_row_stands_below_the_head_and_a_long_name_is_cut() {
        assert_eq!(line(&row("alice")), "alice                   corp        +4520000001        yes");
        let long = line(&row(&"ä".repeat(300)));
        assert_eq!(long.chars().count(), line(&row("alice")).chars().count());
        assert!(long.contains('…'));
        assert!(HEAD.chars().count() <= 80);
    }

    #[test]
    fn nothing_in_it_reaches_the_terminal_as_a_command() {
        let problems = vec![Problem { what: "bad-number".into(), detail: "it holds '\u{1b}'".into() }];
        let line = line(&Row { problems, can_sign_in: false, mobile: None, ..row("\u{1b}[31m\n\u{202e}") });
        assert!(!line.contains(|letter: char| letter.is_control() || letter == '\u{202e}'), "{line:?}");
        assert!(line.ends_with("no       bad-number (it holds '\u{fffd}')"), "{line}");
    }
}
