//! `[node]`: this machine.

use std::path::PathBuf;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Node {
    /// Names this node in logs and leases. Default: `doorward`.
    pub name: String,
    /// Where keys, records and the control socket live. Default: `/var/lib/doorward`.
    pub state_dir: PathBuf,
    /// Allows the console transmitter off loopback and puts a banner on every page. Default: false.
    pub trial: bool,
}
