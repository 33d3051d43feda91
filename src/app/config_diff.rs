//! What one configuration changes in another: what takes effect while the node runs, and what needs a restart. In words, by the names
//! of the sections.

use std::fmt::Debug;
use std::mem::discriminant;

use crate::config::{Config, Listener};

/// One sentence for each section.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ConfigDiff {
    pub changed: Vec<String>,
    pub needs_restart: Vec<String>,
}

/// What the node runs with after a reload: the new configuration, but what cannot change while it runs as it was.
pub fn merge(running: Config, written: Config) -> (Config, ConfigDiff) {
    let mut difference = ConfigDiff { changed: changes(&running, &written), needs_restart: Vec::new() };
    let mut later = |what: String| difference.needs_restart.push(format!("{what} takes effect with a restart"));
    if running.node != written.node {
        later("what was changed in [node]".to_owned());
    }
    if !same_keys(&running, &written) {
        later("what was changed in [keys]".to_owned());
    }
    if running.metrics != written.metrics {
        later("what was changed in [metrics]".to_owned());
    }
    let mut listeners = Vec::new();
    let mut unmatched = written.listeners;
    for old in running.listeners {
        match unmatched.iter().position(|new| is_same_place(&old, new)).map(|place| unmatched.remove(place)) {
            Some(new) => {
                if new.deal != old.deal {
                    later(format!("`deal` of listener {}", old.address));
                }
                let now = |listener: &Listener| said(&(&listener.serves, &listener.trusted, listener.public_port));
                if now(&new) != now(&old) {
                    difference.changed.push(format!("listener {}: changed", old.address));
                }
                listeners.push(Listener { deal: old.deal, ..new });
            }
            None => {
                later(format!("the end of listener {}", old.address));
                listeners.push(old);
            }
        }
    }
    for new in unmatched {
        later(format!("listener {}", new.address));
    }
    (Config { node: running.node, keys: running.keys, metrics: running.metrics, listeners, ..written }, difference)
}

fn is_same_place(old: &Listener, new: &Listener) -> bool {
    old.address == new.address && discriminant(&old.serves) == discriminant(&new.serves)
}

fn same_keys(running: &Config, written: &Config) -> bool {
    let plain = |config: &Config| {
        config.keys.as_ref().map(|keys| keys.iter().map(|key| (key.id.clone(), key.secret.clone())).collect::<Vec<_>>())
    };
    plain(running) == plain(written)
}

fn changes(old: &Config, new: &Config) -> Vec<String> {
    let mut changes = Vec::new();
    let mut named = |what: &str, old: Vec<(&str, String)>, new: Vec<(&str, String)>| {
        for (name, text) in &new {
            match old.iter().find(|(known, _)| known == name) {
                None => changes.push(format!("{what} {name}: new")),
                Some((_, before)) if before != text => changes.push(format!("{what} {name}: changed")),
                Some(_) => {}
            }
        }
        for (name, _) in old.iter().filter(|(name, _)| new.iter().all(|(known, _)| known != name)) {
            changes.push(format!("{what} {name}: removed"));
        }
    };
    macro_rules! sections {
        ($($what:literal $field:ident),*) => {
            $(named(
                $what,
                old.$field.iter().map(|section| (&*section.name, said(section))).collect(),
                new.$field.iter().map(|section| (&*section.name, said(section))).collect(),
            );)*
        };
    }
    sections!(
        "application" applications,
        "directory" directories,
        "transmitter" transmitters,
        "dispatch policy" dispatch_policies,
        "passcode policy" passcode_policies,
        "authentication policy" authentication_policies
    );
    if old.receipts != new.receipts {
        changes.push("[receipts]: changed".to_owned());
    }
    if old.limits != new.limits {
        changes.push("[limits]: changed".to_owned());
    }
    if old.notices != new.notices {
        changes.push("[notices]: changed".to_owned());
    }
    if old.audit != new.audit {
        changes.push("[audit]: changed".to_owned());
    }
    if old.access_log != new.access_log {
        changes.push("[access_log]: changed".to_owned());
    }
    if old.pages != new.pages {
        changes.push("[pages]: changed".to_owned());
    }
    changes
}

/// A section as text. A secret shows nothing of itself: that it alone was changed is not said, though it takes effect.
fn said(section: &impl Debug) -> String {
    format!("{section:?}")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const BEFORE: &str = include_str!("../config/testdata/minimal.toml");

    fn parsed(text: &str) -> Config {
        crate::config::parse(text, Path::new("/etc/doorward"), &|_| None).unwrap_or_else(|problems| panic!("{problems:?}"))
    }

    #[test]
    fn what_is_said_of_a_change_names_the_section() {
        let table: [(&str, &str, &[&str], &[&str]); 7] = [
            ("", "", &[], &[]),
            ("policy =", "service_worker = true\npolicy =", &["application site: changed"], &[]),
            ("[[listener]]", "[pages]\ntitle = \"T\"\n[[listener]]", &["[pages]: changed"], &[]),
            ("[[listener]]", "[access_log]\nfile = \"a.log\"\n[[listener]]", &["[access_log]: changed"], &[]),
            ("[[listener]]", "[limits]\nconnections_per_address = 7\n[[listener]]", &["[limits]: changed"], &[]),
            (
                "[[listener]]",
                "[node]\ndrain = \"5s\"\n[[listener]]",
                &[],
                &["what was changed in [node] takes effect with a restart"],
            ),
            (
                "127.0.0.1:8443",
                "127.0.0.1:8444",
                &[],
                &[
                    "the end of listener 127.0.0.1:8443 takes effect with a restart",
                    "listener 127.0.0.1:8444 takes effect with a restart",
                ],
            ),
        ];
        for (from, to, changed, needs_restart) in table {
            let (merged, difference) = merge(parsed(BEFORE), parsed(&BEFORE.replacen(from, to, 1)));
            assert_eq!(difference.changed, changed, "{to}");
            assert_eq!(difference.needs_restart, needs_restart, "{to}");
            assert_eq!(merged.listeners, parsed(BEFORE).listeners, "{to}");
            assert_eq!(merged.node, parsed(BEFORE).node, "{to}");
        }
    }

    #[test]
    fn a_new_and_a_removed_application_are_both_said() {
        let after = BEFORE.replacen("name = \"site\"", "name = \"other\"", 1);
        let (merged, difference) = merge(parsed(BEFORE), parsed(&after));
        assert_eq!(difference.changed, ["application other: new", "application site: removed"]);
        assert_eq!(&*merged.applications[0].name, "other");
    }
}
