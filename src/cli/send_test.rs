//! `send-test`: a message to one person by the way that passcodes take, step by step in the transmitters' own words.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::{nobody_answers, plain, socket};
use crate::app::control::{self, Reply, Request};
use crate::auth::{Progress, SendTest};
use crate::store::Entry;

/// Exit code 1 where it reached nobody.
pub fn run(file: &Path, trial: SendTest) -> Result<ExitCode> {
    let socket = socket(file)?;
    let (mut last, mut unconfirmed, mut passes) = (None, false, false);
    control::ask_for_lines(&socket, &Request::SendTest(trial), |reply| {
        match reply {
            Reply::Events { events } => {
                passes |= events.iter().any(|event| outcome(event) == "later");
                unconfirmed |= events.iter().any(|event| event.kind == "message-unconfirmed");
                events.iter().for_each(|event| say!("{}", plain(&line(event))));
            }
            reply => last = Some(reply),
        }
        Ok(())
    })
    .with_context(|| nobody_answers(&socket))?;
    match last {
        Some(Reply::Tested { progress }) => {
            let code = end(&progress, unconfirmed);
            if passes && matches!(progress, Progress::Failed) {
                say!("\"later\" is a reason that passes: a passcode is tried again while it lives; a test is not.");
            }
            Ok(code)
        }
        Some(Reply::Error { why }) => bail!("{}", plain(&why)),
        _ => bail!("the test broke off: the node was stopped"),
    }
}

/// `unconfirmed`: somebody was to say whether it arrived, and did not.
fn end(progress: &Progress, unconfirmed: bool) -> ExitCode {
    let words = match progress {
        Progress::Delivered { channel, to, .. } => format!("Delivered by {} to {to}.", channel.name()),
        Progress::Sent { channel, to, .. } if unconfirmed => {
            format!("Handed over by {} to {to}; its arrival was not confirmed.", channel.name())
        }
        Progress::Sent { channel, to, .. } => {
            format!("Handed over by {} to {to}; this transmitter does not report arrival.", channel.name())
        }
        Progress::Sending { .. } => "It is still under way.".to_owned(),
        Progress::Unsure { channel, to, .. } => {
            format!("It may have gone out by {} to {to}; there is no way to tell.", channel.name())
        }
        Progress::Failed => "It reached nobody.".to_owned(),
    };
    say!("{}", plain(&words));
    if matches!(progress, Progress::Failed | Progress::Unsure { .. }) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// What came of a try, of an event that is one.
fn outcome(event: &Entry) -> String {
    let detail: Value = serde_json::from_str(&event.detail).unwrap_or_default();
    detail.get("outcome").and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// `12:30:05  message-tried     modem-a by sms to •••• 12: later after 6.1 s: +CMS ERROR: 38`
fn line(event: &Entry) -> String {
    let detail: Value = serde_json::from_str(&event.detail).unwrap_or_default();
    let text = |key: &str| detail.get(key).and_then(Value::as_str).unwrap_or_default();
    let at = event.at.to_string();
    let mut words = format!("{}  {:<20}", at.get(11..19).unwrap_or(&at), event.kind);
    if !text("transmitter").is_empty() {
        words += &format!(" {} by {} to {}", text("transmitter"), text("channel"), text("to"));
    }
    if let Some(routes) = detail.get("routes").and_then(Value::as_array) {
        let routes: Vec<&str> = routes.iter().filter_map(Value::as_str).collect();
        words += &format!(" ways: {}", routes.join(", "));
    }
    if !text("outcome").is_empty() {
        let seconds = Duration::from_millis(detail.get("duration_ms").and_then(Value::as_u64).unwrap_or_default());
        words += &format!(": {} after {:.1} s", text("outcome"), seconds.as_secs_f64());
    }
    for key in ["detail", "receipt", "why", "reason"] {
        if !text(key).is_empty() {
            words += &format!(": {}", text(key));
        }
    }
    words
}
