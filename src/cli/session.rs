//! `session list` and `session end`: who is signed in to the running node, and an end to it.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::{Output, ask, plain};
use crate::app::control::{Reply, Request};
use crate::auth::{SessionSelector, SessionView};

pub fn list(file: &Path, meant: SessionSelector, output: Output) -> Result<ExitCode> {
    match ask(file, &Request::SessionList { meant })? {
        Reply::Sessions { sessions, total } if output == Output::Json => {
            let sessions: Vec<Value> = sessions.iter().map(object).collect();
            say!("{}", json!({ "total": total, "sessions": sessions }));
            Ok(ExitCode::SUCCESS)
        }
        Reply::Sessions { sessions, total } => {
            let mut text: String = sessions.iter().map(line).collect();
            text += &match total - sessions.len().min(total) {
                0 => format!("{total} in all"),
                more => format!("{total} in all; {more} newer ones are not shown"),
            };
            say!("{text}");
            Ok(ExitCode::SUCCESS)
        }
        Reply::Error { why } => bail!("{why}"),
        _ => bail!("the node sent an unexpected answer; do the program and the running node have the same version?"),
    }
}

/// Exit code 1 where none was meant, or where the end could not be written down: the operator should notice.
pub fn end(file: &Path, meant: SessionSelector, output: Output) -> Result<ExitCode> {
    match ask(file, &Request::SessionEnd { meant: meant.clone() })? {
        Reply::Ended { count, unwritten } => {
            match (output, count) {
                (Output::Json, _) => say!("{}", ended(count, unwritten.as_deref())),
                (Output::Text, 0) => say!("No session matches {}.", plain(&meant.to_string())),
                (Output::Text, 1) => say!("1 session ended."),
                (Output::Text, _) => say!("{count} sessions ended."),
            }
            if let Some(why) = &unwritten {
                tell!("It could not be written down: {}", plain(why));
                tell!(
                    "While this node runs, none of these sessions opens anything. It tries again every minute and when it stops;"
                );
                tell!("if it is killed before that, sessions still on record come back.");
            }
            let is_noticed = unwritten.is_some() || (count == 0 && meant != SessionSelector::All);
            Ok(if is_noticed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
        }
        Reply::Error { why } => bail!("{why}"),
        _ => bail!("the node sent an unexpected answer; do the program and the running node have the same version?"),
    }
}

/// `not_written` is there where it has something to say.
fn ended(count: usize, unwritten: Option<&str>) -> Value {
    match unwritten {
        None => json!({ "ended": count }),
        Some(why) => json!({ "ended": count, "not_written": why }),
    }
}

/// Times as RFC 3339 has them.
fn object(session: &SessionView) -> Value {
    let place = |(application, host): &(String, String)| json!({ "application": application, "host": host });
    json!({
        "id": session.id,
        "user": session.user,
        "name": session.name,
        "places": session.places.iter().map(place).collect::<Vec<_>>(),
        "factors": session.factors,
        "opened": session.opened.to_string(),
        "last_seen": session.last_seen.to_string(),
        "expires": session.expires.to_string(),
    })
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
