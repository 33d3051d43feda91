//! `[node]`: this machine.

pub(in crate::config) mod access_log;
pub(in crate::config) mod audit;
pub mod keys;
pub mod limits;
pub mod listener;
pub(in crate::config) mod metrics;
pub mod notices;
pub mod pages;
pub mod receipts;
pub mod support;
pub mod translated;
pub mod trusted;

use std::path::PathBuf;
use std::time::Duration;

use crate::config::document::{Field, Section};

/// `[node]`: what belongs to this machine. Changes take effect with a restart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Node {
    /// Names this node in logs and leases. Default: `doorward`.
    pub name: String,
    /// Where keys, records and the control socket live. Default: `/var/lib/doorward`.
    pub state_dir: PathBuf,
    /// Allows the console transmitter off loopback and puts a banner on every page. Default: false.
    pub trial: bool,
    /// How long open requests may go on after a stop. Default: 30 s.
    pub drain: Duration,
    /// Bytes of answers that clients have still to take, over all connections; beyond them those that hold the most are dropped.
    /// Default: 256 MiB.
    pub buffers: u64,
    /// The web root of an ACME client, whose answers are shown at `/.well-known/acme-challenge/`. Default: none.
    pub acme_folder: Option<PathBuf>,
}

impl Default for Node {
    fn default() -> Self {
        Self {
            name: "doorward".into(),
            state_dir: "/var/lib/doorward".into(),
            trial: false,
            drain: Duration::from_secs(30),
            buffers: 256 << 20,
            acme_folder: None,
        }
    }
}

impl Node {
    pub(in crate::config) fn read(section: Section<'_>) -> Self {
        let default = Self::default();
        section.only("role", "all", &["edge", "core"]);
        section.later(&["time_zone", "records", "short_lived"]);
        let node = Self {
            name: section.or("name", default.name, |field| field.name().map(|name| name.as_ref().to_owned())),
            state_dir: section.or("state_dir", default.state_dir, |field| field.path()),
            trial: section.or("trial", default.trial, |field| field.boolean()),
            drain: section.or("drain", default.drain, |field| field.duration(Duration::from_secs(1)..=LONGEST_DRAIN)),
            buffers: section.or("buffers", default.buffers, Field::size),
            acme_folder: section.optional("acme_folder").and_then(Field::path),
        };
        section.finish();
        node
    }
}

/// Who waits longer for a stop has forgotten it.
const LONGEST_DRAIN: Duration = Duration::from_secs(3600);
