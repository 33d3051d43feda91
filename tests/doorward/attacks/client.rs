//! A browser as far as the attacks need one: cookies, forms, no redirects.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::support::eventually::eventually;

/// A node is started and stopped outside of any runtime.
pub async fn on_a_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

pub struct Browser {
    pub address: SocketAddr,
    pub cookies: BTreeMap<String, String>,
}

impl Browser {
    pub fn at(address: SocketAddr) -> Self {
        Self { address, cookies: BTreeMap::new() }
    }

    pub async fn get(&mut self, path: &str) -> (StatusCode, String, String) {
        self.send(Request::get(path).header("accept", "text/html"), String::new()).await
    }

    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> (StatusCode, String, String) {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
        self.send(request.header("sec-fetch-site", "same-origin"), body).await
    }

    /// As the demo's alice, to the end.
    pub async fn sign_in(&mut self, outbox: &Path) {
        let (_, _, page) = self.get("/.doorward/login").await;
        let fields = [("username", "alice"), ("password", "wonderland"), ("csrf", &csrf(&page))];
        let (status, location, page) = self.post("/.doorward/login", &fields).await;
        assert_eq!(status, 303, "{page}");
        let (_, _, page) = self.get(&location).await;
        let fields = [("passcode", passcode(outbox).await), ("csrf", csrf(&page))];
        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
        let (status, _, page) = self.post("/.doorward/login/passcode", &fields).await;
        assert_eq!(status, 303, "{page}");
    }

    pub async fn sign_out(&mut self) {
        let (_, _, page) = self.get("/.doorward/logout").await;
        assert_eq!(self.post("/.doorward/logout", &[("csrf", &csrf(&page))]).await.0, 200);
    }

    /// Status, `Location` and body.
    async fn send(&mut self, request: http::request::Builder, body: String) -> (StatusCode, String, String) {
        let cookies = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        let request = request.header("host", "localhost").header("cookie", cookies).body(Full::<Bytes>::from(body)).unwrap();
        let stream = TcpStream::connect(self.address).await.unwrap();
        let stream = connector().connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let response = sender.send_request(request).await.unwrap();
        for cookie in response.headers().get_all("set-cookie") {
            let (name, rest) = cookie.to_str().unwrap().split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), rest.split(';').next().unwrap().to_owned());
        }
        let location = response.headers().get("location").map(|location| location.to_str().unwrap().to_owned());
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, location.unwrap_or_default(), String::from_utf8_lossy(&body).into_owned())
    }
}

pub fn csrf(page: &str) -> String {
    let after = page.split("name=\"csrf\" value=\"").nth(1).unwrap_or_else(|| panic!("no csrf field in {page}"));
    after.split('"').next().unwrap().to_owned()
}

async fn passcode(outbox: &Path) -> String {
    eventually("a passcode came", async || {
        let lines = std::fs::read_to_string(outbox).unwrap_or_default();
        let line: serde_json::Value = serde_json::from_str(lines.lines().last()?).unwrap();
        Some(line["passcode"].as_str().unwrap().to_owned())
    })
    .await
}

fn connector() -> TlsConnector {
    let config = rustls::ClientConfig::builder_with_provider(doorward::base::tls::provider());
    let config = config.with_safe_default_protocol_versions().unwrap().dangerous();
    TlsConnector::from(Arc::new(config.with_custom_certificate_verifier(Arc::new(Anybody)).with_no_client_auth()))
}

/// The attacker does not care whose certificate it is.
#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        doorward::base::tls::provider().signature_verification_algorithms.supported_schemes()
    }
}
