//! Certificates that end: an operator hears of it before visitors do, and a reload says what a new file is good for.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use doorward::base::tls;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::status::asked;
use crate::support::eventually::eventually;
use crate::support::gate::{Gate, HOST, OTHER};
use crate::support::peers::free_ports;
use crate::support::program::Program;

/// `NAME.pem` and `NAME.key`, for these hosts, good until so many days from now (negative: ago). The day of its end.
fn certificate(folder: &Path, name: &str, hosts: &[&str], days: i64) -> String {
    let mut parameters = rcgen::CertificateParams::new(hosts.iter().map(|host| (*host).to_owned()).collect::<Vec<_>>()).unwrap();
    let now =
        doorward::base::Clock::system().now().plus(Duration::from_secs(if days > 0 { days.unsigned_abs() * DAY } else { 0 }));
    let now = now.millis() - if days < 0 { days.unsigned_abs() * DAY * 1000 } else { 0 };
    let end = jiff::Timestamp::from_millisecond(now.try_into().unwrap()).unwrap().to_string();
    let [year, month, day] = [0..4, 5..7, 8..10].map(|range| end[range].parse::<i32>().unwrap());
    parameters.not_before = rcgen::date_time_ymd(2020, 1, 1);
    parameters.not_after = rcgen::date_time_ymd(year, u8::try_from(month).unwrap(), u8::try_from(day).unwrap());
    let key = rcgen::KeyPair::generate().unwrap();
    std::fs::write(folder.join(format!("{name}.pem")), parameters.self_signed(&key).unwrap().pem()).unwrap();
    std::fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).unwrap();
    end[..10].to_owned()
}

const DAY: u64 = 24 * 3600;

async fn serve(gate: &Gate) -> Program {
    let folder = gate.folder.path().to_owned();
    tokio::task::spawn_blocking(move || Program::serve(&folder)).await.unwrap()
}

#[tokio::test]
async fn a_certificate_that_ends_soon_is_told_by_log_status_and_metrics_until_it_is_renewed() {
    let gate = Gate::new().await;
    let [port] = free_ports();
    let hosts = [HOST, OTHER];
    let end = certificate(gate.folder.path(), "cert", &hosts, 10);
    gate.write(&format!("{}\n[metrics]\nlisten = \"127.0.0.1:{port}\"\n", gate.configuration("127.0.0.1:0")));
    let program = serve(&gate).await;
    let listener = "the certificate of listener 127.0.0.1:0 (";
    eventually("the log says so at the start", async || {
        let log = program.log();
        let is_said = log.lines().any(|line| line.contains("WARN") && line.contains(listener) && line.contains(" expires in "));
        if is_said { Ok(()) } else { Err(log) }
    })
    .await;
    let (code, text, _) = gate.command(&["status"]).await;
    assert_eq!(code, Some(3), "{text}");
    let line = text.lines().find(|line| line.starts_with("ATTENTION: ")).unwrap();
    assert!(line.contains(listener) && line.contains(&end) && line.ends_with(": renew it, then run `doorward reload`"), "{line}");
    assert!(line.contains("cert.pem, for app.example, other.example)"), "{line}");
    let metrics = asked(port, "GET", "/metrics").await;
    assert!(
        metrics.contains("doorward_certificate_expires_seconds{purpose=\"listener\",of=\"127.0.0.1:0\",source=\""),
        "{metrics}"
    );

    // Renewed by some program, which told nobody.
    let later = certificate(gate.folder.path(), "cert", &hosts, 90);
    let (code, text, _) = gate.command(&["status"]).await;
    assert_eq!(code, Some(3), "{text}");
    assert!(text.contains(&format!("the file already contains one that is valid until {later}")), "{text}");
    let (code, out, errors) = gate.command(&["reload"]).await;
    assert_eq!(code, Some(0), "{errors}");
    let said = format!("cert.pem is for app.example, other.example and is valid until {later}");
    assert!(out.starts_with("listener 127.0.0.1:0: the new certificate in ") && out.contains(&said), "{out}");
    let (code, text, _) = gate.command(&["status"]).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains(&format!("1 certificates: the first ends at {later}")) && !text.contains("ATTENTION"), "{text}");
}

#[tokio::test]
async fn a_reload_with_a_certificate_that_nobody_takes_says_so() {
    let gate = Gate::new().await;
    gate.write(&gate.configuration("127.0.0.1:0"));
    let program = serve(&gate).await;
    let end = certificate(gate.folder.path(), "cert", &[HOST, OTHER], -3);
    let (code, out, errors) = gate.command(&["reload"]).await;
    assert_eq!(code, Some(0), "{errors}");
    assert!(out.contains("listener 127.0.0.1:0: ATTENTION, the new certificate in ") && out.contains("has expired at "), "{out}");
    assert!(errors.contains(&format!("cert.pem has expired at {end}")), "{errors}");
    eventually("the log says it as an error", async || {
        let log = program.log();
        let is_said = log.lines().any(|line| line.contains("has expired at") && line.contains("read again"));
        if is_said { Ok(()) } else { Err(log) }
    })
    .await;
    let (code, text, _) = gate.command(&["status"]).await;
    assert_eq!(code, Some(3), "{text}");
    // A start with it is possible: an upgrade must not stop a node. `check` calls it a mistake.
    let (code, _, errors) = gate.command(&["check"]).await;
    assert!(code == Some(64) && errors.contains("has expired at"), "{errors}");
    drop(program);
    let again = serve(&gate).await;
    eventually("the log says it at the start", async || {
        let log = again.log();
        if log.lines().any(|line| line.contains("ERROR") && line.contains("has expired at")) { Ok(()) } else { Err(log) }
    })
    .await;
}

/// A server that shows this certificate and answers everything.
async fn upstream(folder: &Path, name: &str) -> SocketAddr {
    let chain = tls::certificates(&folder.join(format!("{name}.pem"))).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join(format!("{name}.key"))).unwrap();
    let config = ServerConfig::builder_with_provider(tls::provider()).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(config.with_no_client_auth().with_single_cert(chain, key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = TlsAcceptor::from(Arc::clone(&config)).accept(stream).await else { continue };
            drop(stream.read(&mut [0; 4096]).await);
            drop(stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await);
        }
    });
    address
}

#[tokio::test]
async fn what_servers_of_applications_show_is_watched_too_and_what_we_show_them() {
    let gate = Gate::new().await;
    let folder = gate.folder.path();
    certificate(folder, "good", &["localhost"], 90);
    certificate(folder, "soon", &["localhost"], 5);
    certificate(folder, "past", &["localhost"], -5);
    certificate(folder, "ours", &["doorward.example"], 3);
    let pem = |name: &str| std::fs::read_to_string(folder.join(format!("{name}.pem"))).unwrap();
    std::fs::write(folder.join("ca.pem"), ["good", "soon", "past"].map(pem).concat()).unwrap();
    let mut servers = Vec::new();
    for name in ["good", "soon", "past"] {
        servers.push(upstream(folder, name).await.port());
    }
    let list = servers.iter().map(|port| format!("\"https://localhost:{port}\"")).collect::<Vec<_>>().join(", ");
    let text = gate.configuration("127.0.0.1:0");
    let plain = format!("servers = [\"http://{}\"]", gate.upstream.address);
    let secure = format!(
        "servers = [{list}], ca = \"ca.pem\", health = \"/\", client_certificate = {{ chain = \"ours.pem\", key = \"ours.key\" }}"
    );
    assert!(text.contains(&plain), "{text}");
    gate.write(&text.replacen(&plain, &secure, 1));
    let (_, _, errors) = gate.command(&["check"]).await;
    assert!(errors.contains("warning: application app, client_certificate: "), "{errors}");
    let _program = serve(&gate).await;
    let expected = [
        format!("the certificate that https://localhost:{} of application app shows (for localhost) expires in ", servers[1]),
        format!("the certificate that https://localhost:{} of application app shows (for localhost) has expired", servers[2]),
        "the certificate that application app shows its servers (".to_owned(),
    ];
    let text = eventually("status tells of all", async || {
        let (_, text, _) = gate.command(&["status"]).await;
        if expected.iter().all(|line| text.contains(line)) { Ok(text) } else { Err(text) }
    })
    .await;
    assert_eq!(text.lines().filter(|line| line.starts_with("ATTENTION: ")).count(), 3, "{text}");
    assert!(text.contains("ours.pem, for doorward.example) expires in "), "{text}");
}
