//! The way to a gateway: TLS with the right CAs, no redirects, no proxies, and never to where machines keep their own secrets.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue};
use reqwest::{Client, Url};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::HttpError;
use crate::base::net::is_no_server;
use crate::base::tls;

/// One gateway's client.
pub(in crate::dispatch) struct HttpClient {
    pub client: Client,
    tls: Arc<ClientConfig>,
}

impl HttpClient {
    pub fn new(ca: Option<&Path>, timeout: Duration) -> Result<Self, HttpError> {
        let tls = tls::client_config(ca)?;
        // Some gateways compress unless they are told not to, and no rule could read their answer then.
        let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static("identity"))]);
        let client = Client::builder()
            .tls_backend_preconfigured(ClientConfig::clone(&tls))
            .dns_resolver(Arc::new(Screened))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .default_headers(headers)
            .user_agent(concat!("doorward/", env!("CARGO_PKG_VERSION")))
            // Messages are rare: a kept connection would mostly be a dead one, and a POST on a dead one cannot be repeated safely.
            .pool_max_idle_per_host(0)
            // Shorter than the whole, so that it can be told from an answer that does not come: then nobody took the message.
            .connect_timeout(timeout / 2)
            .timeout(timeout)
            .build()
            .map_err(HttpError::Client)?;
        Ok(Self { client, tls })
    }

    /// Connects and shakes hands, and asks nothing: what was found, or what is wrong.
    pub async fn reach(&self, url: &Url) -> Result<String, String> {
        let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let port = url.port_or_known_default().unwrap_or(443);
        let addresses = lookup(host, port).await.map_err(|why| format!("{host} cannot be found: {why}"))?;
        let stream = TcpStream::connect(addresses.as_slice()).await;
        let stream = stream.map_err(|error| format!("{host} port {port} cannot be reached: {error}"))?;
        if url.scheme() != "https" {
            return Ok(format!("{host} port {port} answers, without TLS"));
        }
        let name = ServerName::try_from(host.to_owned()).map_err(|_| format!("{host} is no name for TLS"))?;
        let shaken = TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream).await;
        shaken.map_err(|error| format!("{host} port {port}: TLS failed: {}", tls::explained(error)))?;
        Ok(format!("{host} port {port} answers, and its certificate is good"))
    }
}

/// Whether a URL names an address where no gateway is.
pub(in crate::dispatch) fn is_forbidden(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host.parse().is_ok_and(is_no_server)
}

/// The system's resolver, less the addresses where no gateway is: a name's owner must not turn us against our own machine.
struct Screened;

impl Resolve for Screened {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let addresses = lookup(name.as_str(), 0).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// Whether TLS failed for what the server is: its certificate, or what it speaks.
pub(in crate::dispatch) fn is_untrusted(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<rustls::Error>() {
            return !passes(error);
        }
        // An I/O error hands over the causes of what it holds, and not that itself.
        let held = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = held.map(|held| held as &(dyn std::error::Error + 'static)).or_else(|| error.source());
    }
    false
}

/// A server that has no room says so in clear before TLS begins, or that something of its own failed.
fn passes(error: &rustls::Error) -> bool {
    use rustls::AlertDescription::{InternalError, UserCanceled};
    matches!(error, rustls::Error::InvalidMessage(_) | rustls::Error::AlertReceived(InternalError | UserCanceled))
}

async fn lookup(host: &str, port: u16) -> std::io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return screen([SocketAddr::new(address, port)]);
    }
    screen(tokio::net::lookup_host((host, port)).await?)
}

fn screen(found: impl IntoIterator<Item = SocketAddr>) -> std::io::Result<Vec<SocketAddr>> {
    let usable: Vec<SocketAddr> = found.into_iter().filter(|address| !is_no_server(address.ip())).collect();
    if usable.is_empty() {
        return Err(std::io::Error::other("the name leads to no address that a gateway can have"));
    }
    Ok(usable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_leads_to_the_metadata_service_leads_nowhere() {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let good = address("192.0.2.7:443");
        assert_eq!(screen([address("169.254.169.254:443"), good]).unwrap(), [good]);
        assert!(screen([address("169.254.169.254:80"), address("[fe80::1]:80")]).is_err());
        assert!(screen([]).is_err());
    }

    #[tokio::test]
    async fn an_address_that_is_written_out_is_looked_at_too() {
        assert!(lookup("169.254.169.254", 80).await.is_err());
        assert!(lookup("::ffff:169.254.169.254", 80).await.is_err());
        assert_eq!(lookup("127.0.0.1", 80).await.unwrap().len(), 1);
        for (url, forbidden) in [
            ("http://169.254.169.254/latest", true),
            ("https://[fe80::1]/", true),
            ("https://0xa9fea9fe/", true),
            ("https://127.0.0.1/", false),
            ("https://gateway.example/", false),
        ] {
            assert_eq!(is_forbidden(&Url::parse(url).unwrap()), forbidden, "{url}");
        }
    }
}
