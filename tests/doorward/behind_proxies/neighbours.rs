//! Real proxies in front: HAProxy with the PROXY header in both versions and with `X-Forwarded-For`, nginx with the latter.

use std::net::SocketAddr;
use std::path::Path;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::{BY_PROXY_PROTOCOL, BY_X_FORWARDED_FOR, STRANGER, bed, is_admitted, told};
use crate::support::client::Client;
use crate::support::eventually::eventually;
use crate::support::front::Front;
use crate::support::node::Bed;

fn front<const N: usize>(script: &str, bed: &Bed, targets: &[u16]) -> Option<Front<N>> {
    let files = ["cert.pem", "key.pem"].map(|file| bed.folder().join(file));
    Front::start(script, [&files[0], &files[1]], targets)
}

/// A browser that comes to this port of the proxy.
fn through(bed: &Bed, port: u16, http2: bool) -> Client {
    let mut browser = bed.browser().from(STRANGER);
    browser.server = SocketAddr::from(([127, 0, 0, 1], port));
    browser.http2 = http2;
    browser
}

/// The last health check that HAProxy made on this way was answered with 200.
async fn health_check_passes(socket: &Path, way: &str) {
    eventually("a good health check", async || {
        let mut stats = UnixStream::connect(socket).await.unwrap();
        stats.write_all(b"show stat\n").await.unwrap();
        let mut said = String::new();
        stats.read_to_string(&mut said).await.unwrap();
        let line = said.lines().find(|line| line.starts_with(&format!("{way},doorward,"))).unwrap();
        if line.contains(",UP,") && line.contains(",L7OK,200,") { Ok(()) } else { Err(line.to_owned()) }
    })
    .await;
}

const FORGED: [(&str, &str); 3] =
    [("x-forwarded-for", "203.0.113.5"), ("x-forwarded-for", "203.0.113.5, 10.0.0.1"), ("forwarded", "for=203.0.113.5")];

#[tokio::test(flavor = "multi_thread")]
async fn haproxy_tells_the_client_in_all_its_ways() {
    let (by_proxy, by_field) = (bed(BY_PROXY_PROTOCOL).await, bed(BY_X_FORWARDED_FOR).await);
    let targets = [by_proxy.address.port(), by_field.address.port()];
    let Some(haproxy) = front::<3>("haproxy.sh", &by_proxy, &targets) else { return };
    for way in ["version_1", "version_2"] {
        health_check_passes(&haproxy.folder().join("stats.sock"), way).await;
    }
    // HAProxy's own certificate in the way with fields is that of the first bed.
    for (bed, port, browser_of) in [
        (&by_proxy, haproxy.ports[0], &by_proxy),
        (&by_proxy, haproxy.ports[1], &by_proxy),
        (&by_field, haproxy.ports[2], &by_proxy),
    ] {
        for http2 in [false, true] {
            let browser = through(browser_of, port, http2);
            assert_eq!(told(bed, &browser, &[]).await, "127.0.0.4", "{port} {http2}");
            assert_eq!(told(bed, &browser, &FORGED).await, "127.0.0.4", "{port} {http2}");
        }
        let mut forger = through(browser_of, port, false);
        forger.more = FORGED.map(|(name, value)| (name, value.to_owned())).to_vec();
        assert!(!is_admitted(&forger).await, "{port}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_tells_the_client_by_adding_and_by_replacing() {
    let bed = bed(BY_X_FORWARDED_FOR).await;
    let Some(nginx) = front::<2>("nginx_front.sh", &bed, &[bed.address.port()]) else { return };
    for port in nginx.ports {
        for http2 in [false, true] {
            let browser = through(&bed, port, http2);
            assert_eq!(told(&bed, &browser, &[]).await, "127.0.0.4", "{port} {http2}");
            assert_eq!(told(&bed, &browser, &FORGED).await, "127.0.0.4", "{port} {http2}");
        }
        let mut forger = through(&bed, port, false);
        forger.more = FORGED.map(|(name, value)| (name, value.to_owned())).to_vec();
        assert!(!is_admitted(&forger).await, "{port}");
    }
}
