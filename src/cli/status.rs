//! `status`: how the running node is, and how its transmitters do.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};
use serde_json::Value;

use super::{Output, ask, plain};
use crate::app::certificates::CertificateView;
use crate::app::control::{Reply, Request};
use crate::app::reload::Outcome;
use crate::app::status::Status;
use crate::audit::SignInCount;
use crate::base::Time;
use crate::dispatch::{Traffic, TransmitterView};

/// A certificate needs attention, and nothing worse.
const CERTIFICATES: u8 = 3;

/// Exit code 1 where something is out of service (sign-ins, a server of an application, a transmitter), else [`CERTIFICATES`] where a
/// certificate has expired or soon will: for programs that watch the node.
pub fn run(file: &Path, output: Output) -> Result<ExitCode> {
    let status = match ask(file, &Request::Status)? {
        Reply::Status(status) => *status,
        Reply::Error { why } => bail!("{why}"),
        _ => bail!("the node sent an unexpected answer; do the program and the running node have the same version?"),
    };
    let text = match output {
        Output::Json => json(&status)?,
        Output::Text => written(&status),
    };
    // Who has read enough of it may hang up.
    drop(std::io::stdout().lock().write_all(text.as_bytes()));
    let all_last = !status.certificates.iter().any(|view| view.needs_attention);
    Ok(match (status.is_well(), all_last) {
        (false, _) => ExitCode::FAILURE,
        (true, false) => ExitCode::from(CERTIFICATES),
        (true, true) => ExitCode::SUCCESS,
    })
}

/// One object, whose times are written as people write them.
fn json(status: &Status) -> Result<String> {
    let mut value = serde_json::to_value(status)?;
    with_dates(&mut value);
    if let Some(object) = value.as_object_mut() {
        object.insert("ready".to_owned(), status.readiness.is_ready().into());
    }
    Ok(value.to_string() + "\n")
}

fn with_dates(value: &mut Value) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                match value.as_u64().filter(|_| TIMES.contains(&name.as_str())) {
                    Some(millis) => *value = Time::from_millis(millis).to_string().into(),
                    None => with_dates(value),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(with_dates),
        _ => {}
    }
}

fn written(status: &Status) -> String {
    let mut text = format!(
        "doorward {} since {}: {} sessions, {} messages under way\n",
        status.version, status.started, status.sessions, status.messages
    );
    for line in state(status) {
        text += &(plain(&line) + "\n");
    }
    text += &certificates(&status.certificates);
    for view in &status.transmitters {
        text += &transmitter(view);
    }
    text
}

/// Whether people can sign in, and what that rests on.
fn state(status: &Status) -> Vec<String> {
    let ready = match status.readiness.reasons() {
        reasons if reasons.is_empty() => "ready: people can sign in".to_owned(),
        reasons => format!("NOT READY: {}", reasons.join("; ")),
    };
    let mut lines = vec![ready];
    lines.extend(status.readiness.directories.iter().map(|directory| {
        let said = if directory.why.is_none() { "answers" } else { "DOES NOT ANSWER" };
        format!("directory {}: {said}", directory.name)
    }));
    lines.extend(
        status.room.map(|room| {
            format!("records: {}; {} of {} on the disk are free", size(room.used), size(room.free), size(room.total))
        }),
    );
    if status.late_events > 0 {
        lines.push(format!("journal: {} events wait until they can be written", status.late_events));
    }
    lines.extend(refused(status));
    lines.extend(sign_ins(&status.sign_ins));
    lines.extend(
        status
            .servers
            .iter()
            .map(|view| format!("server {} of {}: {}", view.server, view.application, if view.is_up { "up" } else { "DOWN" })),
    );
    lines.extend(status.last_reload.as_ref().map(|last| {
        let said = match &last.outcome {
            Outcome::Reloaded { .. } => "took effect".to_owned(),
            Outcome::Refused { problems } => format!("REFUSED, nothing was changed: {}", problems.join("; ")),
            Outcome::Failed { why } => format!("FAILED: {why}"),
        };
        format!("last reload at {}: {said}", last.at)
    }));
    lines
}

/// A line for each listener that has dropped connections.
fn refused(status: &Status) -> Vec<String> {
    let each = status.refused.iter().filter_map(|of| {
        let caps = [("in_all", of.in_all), ("per_address", of.per_address), ("core_queue", of.core_queue)];
        let met: Vec<_> = caps.into_iter().filter(|(_, count)| *count > 0).collect();
        let all: u64 = met.iter().map(|(_, count)| count).sum();
        let connections = if all == 1 { "connection" } else { "connections" };
        let met: Vec<String> = met.iter().map(|(cap, count)| format!("{cap} {count}")).collect();
        (all > 0).then(|| format!("listener {}: dropped {all} {connections} ({})", of.listener, met.join(", ")))
    });
    each.collect()
}

/// A line for each application that somebody has tried to sign in to; the most frequent reason first.
fn sign_ins(counts: &[SignInCount]) -> Vec<String> {
    let mut by_application: BTreeMap<&str, Vec<&SignInCount>> = BTreeMap::new();
    for count in counts {
        by_application.entry(&count.application).or_default().push(count);
    }
    let each = by_application.into_iter().map(|(application, mut counts)| {
        counts.sort_by_key(|it| std::cmp::Reverse(it.count));
        let (good, refused): (Vec<_>, Vec<_>) = counts.into_iter().partition(|it| it.outcome == "yes");
        let succeeded: u64 = good.iter().map(|it| it.count).sum();
        let refused: Vec<String> = refused.iter().map(|it| format!("{} {} {}", it.count, it.step, it.reason)).collect();
        let refused = if refused.is_empty() { String::new() } else { format!("; refused: {}", refused.join(", ")) };
        let to = if application.is_empty() { String::new() } else { format!(" to {application}") };
        format!("sign-ins{to} since the start: {succeeded} succeeded{refused}")
    });
    each.collect()
}

/// In the largest unit that it has one of, with one digit behind the point.
fn size(bytes: u64) -> String {
    let units = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let (unit, shift) = units.into_iter().find(|(_, shift)| bytes >> shift > 0).unwrap_or(("KiB", 10));
    let tenths = (u128::from(bytes) * 10) >> shift;
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

/// A line for each that needs attention; for the others together when the first of them ends.
fn certificates(views: &[CertificateView]) -> String {
    let (bad, good): (Vec<_>, Vec<_>) = views.iter().partition(|view| view.needs_attention);
    let mut lines: Vec<String> = bad.iter().map(|view| format!("ATTENTION: {}", view.sentence())).collect();
    if let Some(first) = good.iter().min_by_key(|view| view.until) {
        let more = if bad.is_empty() { "" } else { " more" };
        lines.push(format!(
            "{}{more} certificates: the first ends at {} ({} of {})",
            good.len(),
            first.until,
            first.source,
            first.of
        ));
    }
    lines.iter().map(|line| plain(line) + "\n").collect()
}

/// `120 DK (4.19)`.
fn route((country, traffic): (&String, &Traffic)) -> String {
    let Traffic { messages, cost } = traffic;
    let to = if country == "-" { "elsewhere" } else { country };
    // Cents, rounded up: what little a message costs is not nothing.
    let cents = cost.div_ceil(10_000);
    let cost = if *cost == 0 { String::new() } else { format!(" ({}.{:02})", cents / 100, cents % 100) };
    format!("{messages} {to}{cost}")
}

/// A heading, and a line for everything there is to say.
fn transmitter(view: &TransmitterView) -> String {
    let group = view.group.as_ref().map(|group| format!(" of {group}")).unwrap_or_default();
    let channels: Vec<&str> = view.channels.iter().map(|channel| channel.name()).collect();
    let state = match (&view.figures.out_of_service, view.backlog) {
        (Some(why), _) => format!("OUT OF SERVICE: {why}"),
        (None, None) => "OUT OF SERVICE".to_owned(),
        (None, Some(_)) if view.is_failing() => {
            let since = view.tally.failing_since.map(|since| format!(" since {since}")).unwrap_or_default();
            format!("FAILING: {} attempts in a row{since}", view.tally.failed_in_a_row)
        }
        (None, Some(backlog)) if backlog.is_zero() => "ready".to_owned(),
        (None, Some(backlog)) => format!("the next message leaves in {} s", backlog.as_secs()),
    };
    let mut lines = vec![format!("transmitter {}{group} ({}): {state}", view.name, channels.join(", "))];
    let outcomes: Vec<String> = view.tally.outcomes.iter().map(|(outcome, count)| format!("{count} {outcome}")).collect();
    if !outcomes.is_empty() {
        let attempts: u64 = view.tally.outcomes.values().sum();
        #[expect(clippy::cast_precision_loss, reason = "nobody sends so many")]
        let average = view.tally.seconds / attempts.max(1) as f64;
        lines.push(format!("  attempts: {}; {average:.1} s each; {} at work", outcomes.join(", "), view.busy));
    }
    if !view.tally.routes.is_empty() {
        let routes: Vec<String> = view.tally.routes.iter().map(route).collect();
        lines.push(format!("  sent to: {}", routes.join(", ")));
    }
    if !view.tally.reports.is_empty() {
        let reports: Vec<String> = view.tally.reports.iter().map(|(report, count)| format!("{count} {report}")).collect();
        lines.push(format!("  reports: {}", reports.join(", ")));
    }
    lines.extend(view.tally.last_trouble.iter().map(|words| format!("  last trouble: {words}")));
    lines.extend(view.figures.words.iter().map(|(name, words)| format!("  {name}: {words}")));
    let numbers: Vec<String> = view.figures.numbers.iter().map(|(name, value)| format!("{name} {value}")).collect();
    if !numbers.is_empty() {
        lines.push(format!("  {}", numbers.join("  ")));
    }
    lines.iter().map(|line| plain(line) + "\n").collect()
}

/// What is a time in the object: milliseconds, as nodes tell each other.
const TIMES: [&str; 6] = ["started", "now", "at", "from", "until", "failing_since"];
