//! What the operator writes, parsed into types that cannot be wrong. One file per section; plain data for everybody below.
//! All mistakes of a file are found in one pass, each with its line and column.

pub mod application;
pub mod dangers;
pub mod directory;
mod document;
pub mod files;
pub mod node;
pub mod policy;
mod presets;
mod read;
mod schema;
pub mod transmitter;

pub use application::Application;
pub use application::{health, request_limits, upstream};
pub use directory::active_directory;
pub use document::{Problem, Problems};
pub use node::access_log::AccessLog;
pub use node::audit::Audit;
pub use node::limits::Limits;
pub use node::listener::Listener;
pub use node::metrics::Metrics;
pub use node::notices::Notices;
pub use node::pages::Pages;
pub use node::receipts::Receipts;
pub use node::support::Support;
pub use node::translated::Translated;
pub use node::{Node, keys, limits, listener, notices, pages, receipts, support, trusted};
pub use policy::authentication_policy::AuthenticationPolicy;
pub use policy::dispatch_policy::DispatchPolicy;
pub use policy::passcode_policy::PasscodePolicy;
pub use policy::{authentication_policy, dispatch_policy, group, passcode_policy};
pub use read::{load, parse, state_dir};
pub use schema::schema;
pub use transmitter::{Transmitter, modem, price};

use std::path::PathBuf;
use std::sync::Arc;

use crate::base::keys::SealKey;

/// A whole configuration in which every name that is used is defined.
#[derive(Clone, Debug)]
pub struct Config {
    pub node: Node,
    /// Absent: a key is made at first start in `state_dir/keys`.
    pub keys: Option<Vec<SealKey>>,
    pub listeners: Vec<Listener>,
    pub applications: Vec<Application>,
    pub directories: Vec<directory::Directory>,
    pub transmitters: Vec<Transmitter>,
    pub dispatch_policies: Vec<DispatchPolicy>,
    pub passcode_policies: Vec<PasscodePolicy>,
    pub authentication_policies: Vec<AuthenticationPolicy>,
    /// Absent: nobody reports.
    pub receipts: Option<Receipts>,
    pub limits: Limits,
    pub notices: Notices,
    pub pages: Pages,
    pub access_log: Option<AccessLog>,
    pub metrics: Option<Metrics>,
    /// Where secrets were read from.
    pub secret_files: Vec<PathBuf>,
    pub audit: Audit,
}

impl Config {
    /// The hosts where sign-in belongs to the connection, so that none may be shared.
    pub fn http1_only(&self) -> Vec<Arc<str>> {
        let pinned = self.applications.iter().filter(|application| application.upstream.pinned);
        pinned.flat_map(|application| application.hosts.iter().cloned()).collect()
    }
}

#[cfg(test)]
mod tests;
