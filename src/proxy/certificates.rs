//! The certificates between us and the applications: what their servers showed, and what we show them.

use std::path::PathBuf;
use std::sync::Arc;

use super::Applications;
use crate::base::tls::{self, CertificateFacts};
use crate::config::listener::Certificate;

/// What a server of an application showed in its last handshake.
#[derive(Clone, Debug)]
pub struct ServerCertificate {
    pub application: Arc<str>,
    /// The server as the operator writes it.
    pub server: String,
    pub facts: CertificateFacts,
}

/// What we show the servers of an application that ask who we are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientCertificate {
    pub chain: PathBuf,
    pub facts: CertificateFacts,
}

impl ClientCertificate {
    /// As its file has it now; nothing where that holds no certificate that can be read.
    pub fn read(listed: &Certificate) -> Option<Self> {
        let chain = tls::certificates(&listed.chain).ok()?;
        let facts = CertificateFacts::of(chain.first()?)?;
        Some(Self { chain: listed.chain.clone(), facts })
    }
}

impl Applications {
    /// What servers have shown, of those that were connected to by TLS.
    pub fn server_certificates(&self) -> Vec<ServerCertificate> {
        let each = self.list.iter().flat_map(|loaded| {
            let application = &loaded.application.name;
            loaded.servers.list.iter().filter_map(|server| {
                let facts = server.shown.facts()?;
                Some(ServerCertificate { application: Arc::clone(application), server: server.label.clone(), facts })
            })
        });
        each.collect()
    }

    /// What we show servers, with the application it is shown to.
    pub fn client_certificates(&self) -> Vec<(Arc<str>, ClientCertificate)> {
        let each = self
            .list
            .iter()
            .filter_map(|loaded| Some((Arc::clone(&loaded.application.name), loaded.client_certificate.clone()?)));
        each.collect()
    }
}
