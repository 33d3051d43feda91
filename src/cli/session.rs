//! `session list` and `session end`: who is signed in to the running node, and an end to it.

use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};

use super::{Output, ask, plain};
use crate::app::control::{Reply, Request};
use crate::auth::{SessionSelector, SessionView};

pub fn list(file: &Path, meant: SessionSelector, output: Output) -> Result<ExitCode> {
    match ask(file, &Request::SessionList { meant })? {
        Reply::Sessions { sessions, total } if output == Output::Json => {
            say(&serde_json::json!({ "total": total, "sessions": sessions }).to_string())
        }
        Reply::Sessions { sessions, total } => {
            let mut text: String = sessions.iter().map(line).collect();
            text += &match total - sessions.len().min(total) {
                0 => format!("{total} in all"),
                more => format!("{total} in all; {more} younger ones are not shown"),
            };
            say(&text)
        }
        Reply::Error { why } => bail!("{why}"),
        _ => bail!("the node gave an answer to another question"),
    }
}

/// Exit code 1 where none was meant: whoever wanted to end one should notice.
pub fn end(file: &Path, meant: SessionSelector, output: Output) -> Result<ExitCode> {
    match ask(file, &Request::SessionEnd { meant: meant.clone() })? {
        Reply::Ended { count } => {
            match (output, count) {
                (Output::Json, _) => say!("{}", serde_json::json!({ "ended": count })),
                (Output::Text, 0) => say!("No session is meant by {}.", plain(&meant.to_string())),
                (Output::Text, 1) => say!("1 session ended."),
                (Output::Text, _) => say!("{count} sessions ended."),
            }
            Ok(if count == 0 && meant != SessionSelector::All { ExitCode::FAILURE } else { ExitCode::SUCCESS })
        }
        Reply::Error { why } => bail!("{why}"),
        _ => bail!("the node gave an answer to another question"),
    }
}

/// Who has read enough of it may hang up (`| head`).
fn say(text: &str) -> Result<ExitCode> {
    match writeln!(std::io::stdout().lock(), "{text}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

fn line(session: &SessionView) -> String {
    let places: Vec<String> = session.places.iter().map(|(application, host)| format!("{application} at {host}")).collect();
    let line = plain(&format!(
        "{}  {} ({})  {}  by {}  since {}  last seen {}  until {}",
        session.id,
        session.user,
        session.name,
        places.join(", "),
        session.factors.join("+"),
        session.opened,
        session.last_seen,
        session.expires
    ));
    line + "\n"
}
