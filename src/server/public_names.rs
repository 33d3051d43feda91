//! Looks at our public names from here, as a browser would: whether they lead to us, by the certificate that is shown there.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::tls::chain_for;
use crate::base::tls::{certificates, client_config, words};
use crate::config::listener::Certificate;

/// What answers at a public name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Seen {
    /// The certificate of this file.
    Ours(PathBuf),
    /// In words: no such name, nobody there, another certificate.
    Not(String),
}

/// Connects to `host` at `port` and compares what is shown with the certificate that we would show there. Takes five seconds at most.
pub async fn look(host: &str, port: u16, listed: &[Certificate]) -> Seen {
    let Some(chain) = chain_for(host, listed) else { return Seen::Not("no certificate of ours names it".to_owned()) };
    match tokio::time::timeout(LONGEST, shown(host, port, &chain)).await {
        Ok(Ok(())) => Seen::Ours(chain),
        Ok(Err(why)) => Seen::Not(why),
        Err(_) => Seen::Not(format!("no answer within {} s", LONGEST.as_secs())),
    }
}

async fn shown(host: &str, port: u16, chain: &Path) -> Result<(), String> {
    let bare = host.trim_matches(['[', ']']);
    let addresses: Vec<_> = tokio::net::lookup_host((bare, port))
        .await
        .map_err(|error| format!("the name does not lead to an address from here ({error})"))?
        .collect();
    let Some(first) = addresses.first().map(std::net::SocketAddr::ip) else {
        return Err("the name does not lead to an address from here".to_owned());
    };
    let stream = TcpStream::connect(addresses.as_slice())
        .await
        .map_err(|error| format!("it leads to {first}, where nothing answers at port {port} ({error})"))?;
    let at = stream.peer_addr().map_or(first, |address| address.ip());
    let ours = certificates(chain).map_err(|error| error.to_string())?;
    let config = client_config(Some(chain)).map_err(|error| error.to_string())?;
    let name = ServerName::try_from(bare.to_owned()).map_err(|error| error.to_string())?;
    let other = || format!("what answers at {at} port {port} does not show the certificate of {}", chain.display());
    match TlsConnector::from(config).connect(name, stream).await {
        Ok(stream) if stream.get_ref().1.peer_certificates().and_then(<[CertificateDer<'_>]>::first) == ours.first() => Ok(()),
        Ok(_) => Err(other()),
        Err(error) => Err(format!("{}: {}", other(), words(&error).unwrap_or_else(|| error.to_string()))),
    }
}

const LONGEST: Duration = Duration::from_secs(5);
