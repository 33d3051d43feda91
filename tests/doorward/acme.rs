//! An ACME client on this machine proves that names are ours (http-01, RFC 8555 section 8.3): its answers are shown, and nothing else.

use http::Method;

use crate::support::client::Client;
use crate::support::node::{Bed, HOST};
use crate::support::toml::Toml;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const PATH: &str = "/.well-known/acme-challenge/";

/// One request to the plain listener, and all of the answer.
async fn plainly(bed: &Bed, method: &str, host: &str, path: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(bed.plain).await.unwrap();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn a_challenge_is_answered_before_the_redirect_and_before_any_sign_in() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join(PATH.trim_matches('/'));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("To-ken_1"), "To-ken_1.thumbprint").unwrap();
    std::fs::write(root.path().join("secret"), "secret").unwrap();
    std::os::unix::fs::symlink("../../secret", folder.join("link")).unwrap();
    let bed = Bed::with(Toml::bed().node(format!("acme_folder = {:?}", root.path()))).await;
    // Also for a name that is not configured yet.
    for host in [HOST, "new.example"] {
        let answer = plainly(&bed, "GET", host, &format!("{PATH}To-ken_1")).await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\nTo-ken_1.thumbprint"), "{answer}");
        assert!(answer.contains("content-type: application/octet-stream") && answer.contains("nosniff"), "{answer}");
    }
    assert!(plainly(&bed, "HEAD", HOST, &format!("{PATH}To-ken_1")).await.ends_with("\r\n\r\n"));
    assert!(plainly(&bed, "POST", HOST, &format!("{PATH}To-ken_1")).await.starts_with("HTTP/1.1 405 "));
    for name in ["link", "nothing", "..%2f..%2fsecret", "../../../secret", "", "a/b"] {
        let answer = plainly(&bed, "GET", HOST, &format!("{PATH}{name}")).await;
        assert!(answer.starts_with("HTTP/1.1 404 ") && !answer.contains("secret\r\n"), "{name}: {answer}");
    }
    // Everything else is sent to https as ever, and over TLS it is the same.
    let elsewhere = plainly(&bed, "GET", HOST, "/.well-known/other").await;
    assert!(elsewhere.starts_with("HTTP/1.1 308 "), "{elsewhere}");
    let browser: Client = bed.browser();
    let answer = browser.get(&format!("{PATH}To-ken_1")).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "To-ken_1.thumbprint"));
    assert_eq!(browser.ask(Method::PUT, &format!("{PATH}To-ken_1"), &[], "x").await.status, 405);
    assert!(bed.upstream.requests().is_empty());
}

#[tokio::test]
async fn without_a_folder_the_path_is_the_applications() {
    let bed = Bed::start().await;
    assert!(plainly(&bed, "GET", HOST, &format!("{PATH}x")).await.starts_with("HTTP/1.1 308 "));
    assert_eq!(bed.browser().get(&format!("{PATH}x")).await.status, 303);
}
