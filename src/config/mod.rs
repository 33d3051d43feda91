//! What the operator writes, parsed into types that cannot be wrong. One file per section; plain data for everybody below.
//! All mistakes of a file are found in one pass, each with its line and column.

mod access_log;
pub mod active_directory;
pub mod application;
pub mod authentication_policy;
pub mod directory;
pub mod dispatch_policy;
mod encoder;
mod field;
pub mod files;
pub mod group;
pub mod health;
mod http;
mod http_answer;
mod http_check;
mod http_keys;
mod http_parts;
mod http_reading;
mod http_trial;
pub mod keys;
pub mod limits;
pub mod listener;
mod metrics;
pub mod modem;
mod names;
pub mod node;
pub mod notices;
mod overlay;
pub mod pages;
pub mod passcode_policy;
mod presets;
pub mod price;
mod problem;
mod program;
mod read;
pub mod receipts;
pub mod request_limits;
mod scalar;
mod schema;
mod secret;
mod section;
mod sign_on;
mod smtp;
mod template;
pub mod transmitter;
pub mod trusted;
pub mod upstream;
mod walk;

pub use access_log::AccessLog;
pub use application::Application;
pub use authentication_policy::AuthenticationPolicy;
pub use dispatch_policy::DispatchPolicy;
pub use limits::Limits;
pub use listener::Listener;
pub use metrics::Metrics;
pub use node::Node;
pub use notices::Notices;
pub use pages::Pages;
pub use passcode_policy::PasscodePolicy;
pub use problem::{Problem, Problems};
pub use read::{load, parse, state_dir};
pub use receipts::Receipts;
pub use schema::schema;
pub use transmitter::Transmitter;

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
