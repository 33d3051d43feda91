//! `user show`, `user unlock`, `user forget`: how one account stands with the running node, and what is done about it.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::app::control::{Reply, Request};
use crate::auth::{AccountDone, AccountTask, AccountView, Pause, Paused};
use crate::cli::plain::{escaped_json, plain};
use crate::cli::{Output, ask};
use crate::directory::Unlock;

/// Exit code 1 where the lock in the directory stays though it was to be lifted.
pub fn run(file: &Path, task: AccountTask, output: Output) -> Result<ExitCode> {
    let done = match ask(file, &Request::Account(task))? {
        Reply::Account(done) => done,
        Reply::Error { why } => bail!("{}", plain(&why)),
        _ => bail!("the node sent an unexpected answer; do the program and the running node have the same version?"),
    };
    let text = match (output, &done) {
        (Output::Json, done) => escaped_json(&json(done).to_string()) + "\n",
        (Output::Text, AccountDone::Shown(view)) => shown(view),
        (Output::Text, AccountDone::Unlocked { user, counters, directory }) => unlocked(user, *counters, directory.as_ref()),
        (Output::Text, AccountDone::Forgotten { user, sessions, records }) => {
            format!(
                "{user} is forgotten: {sessions} sessions ended, {records} records removed. Events stay in the journal, without the name.\n"
            )
        }
    };
    let text: String = text.lines().map(|line| plain(line) + "\n").collect();
    drop(std::io::Write::write_all(&mut std::io::stdout().lock(), text.as_bytes()));
    let stays_locked = matches!(done, AccountDone::Unlocked { directory: Some(Unlock::Unable(_)), .. });
    Ok(if stays_locked { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn unlocked(user: &str, counters: u64, directory: Option<&Unlock>) -> String {
    let here = if counters == 0 {
        format!("Nothing was paused or counted for {user}.\n")
    } else {
        format!("Nothing is paused for {user} any more.\n")
    };
    here + &match directory {
        None => "What the directory counts or locks stays as it is (`--directory` lifts its lock too).\n".to_owned(),
        Some(Unlock::Lifted) => "The directory's lock is lifted.\n".to_owned(),
        Some(Unlock::NotLocked) => "The directory shows no lock; nothing was changed there.\n".to_owned(),
        Some(Unlock::Unable(why)) => format!("The directory's lock was NOT lifted: {why}.\n"),
    }
}

fn shown(view: &AccountView) -> String {
    let AccountView { user, name, directory, sessions, paused, records } = view;
    let name = name.as_ref().map(|name| format!("{name} ")).unwrap_or_default();
    let mut text =
        format!("{name}({user})\n  directory: {}\n  sessions: {sessions}\n  records: {records}\n", directory.join(", "));
    if paused.is_empty() {
        text += "  paused: nothing\n";
    }
    for Pause { what, until } in paused {
        let until = until.map_or_else(|| "until `user unlock`".to_owned(), |until| format!("until {until}"));
        text += &format!("  paused: {} {until}\n", words(*what));
    }
    text
}

const fn words(what: Paused) -> &'static str {
    match what {
        Paused::NameForStrangers => "passwords under this name in browsers that the user has not signed in with,",
        Paused::NameForOwnBrowser => "passwords under this name in a browser that the user has signed in with,",
        Paused::AccountForStrangers => "passwords of the account in browsers that the user has not signed in with,",
        Paused::AccountForOwnBrowsers => "passwords of the account in browsers that the user has signed in with,",
        Paused::SecondFactor => "the second factor",
        Paused::Messages => "messages",
    }
}

/// Times in ISO 8601, as everywhere else.
fn json(done: &AccountDone) -> serde_json::Value {
    match done {
        AccountDone::Shown(AccountView { user, name, directory, sessions, paused, records }) => {
            let pause = |Pause { what, until }: &Pause| serde_json::json!({ "what": what, "until": until.map(|until| until.to_string()) });
            let paused: Vec<_> = paused.iter().map(pause).collect();
            serde_json::json!({
                "user": user, "name": name, "directory": directory, "sessions": sessions, "paused": paused, "records": records,
            })
        }
        AccountDone::Unlocked { user, counters, directory } => {
            serde_json::json!({ "user": user, "counters": counters, "directory": directory })
        }
        AccountDone::Forgotten { user, sessions, records } => {
            serde_json::json!({ "user": user, "sessions": sessions, "records": records })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_of_the_lock_in_the_directory_is_said_in_words() {
        let unable = Unlock::Unable("no right".to_owned());
        let table = [
            (0, None, "Nothing was paused or counted for corp:1.\nWhat the directory counts or locks stays"),
            (2, None, "Nothing is paused for corp:1 any more.\nWhat the directory counts or locks stays"),
            (2, Some(&Unlock::Lifted), "any more.\nThe directory's lock is lifted.\n"),
            (2, Some(&Unlock::NotLocked), "The directory shows no lock;"),
            (0, Some(&unable), "for corp:1.\nThe directory's lock was NOT lifted: no right.\n"),
        ];
        for (counters, directory, words) in table {
            assert!(unlocked("corp:1", counters, directory).contains(words), "{words}");
        }
    }
}
