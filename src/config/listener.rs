//! `[[listener]]`: an address we listen on.

use std::net::SocketAddr;
use std::path::PathBuf;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listener {
    pub address: SocketAddr,
    pub serves: Serves,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Serves {
    /// TLS with these certificates, chosen by SNI; the first where no name fits. At least one.
    Tls(Vec<Certificate>),
    /// Plain HTTP that sends browsers to https (`redirect = "https"`).
    Redirect,
}

/// Files in PEM; `check` reads them and says what is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Certificate {
    pub chain: PathBuf,
    pub key: PathBuf,
}
