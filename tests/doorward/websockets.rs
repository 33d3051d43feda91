//! WebSockets between clients and servers that nobody here wrote: every client with every server, through the whole door.

use std::net::SocketAddr;
use std::process::Command;

use crate::support::client::KEY;
use crate::support::nginx::WebSocketServer;
use crate::support::node::{Bed, HOST};
use crate::support::script;
use crate::support::toml::Toml;

/// The npm package `ws`.
fn node() -> Option<Command> {
    script::command("tests/peers/websocket.mjs", &["ws"])
}

/// The Python package `websockets`.
fn python() -> Option<Command> {
    script::python("tests/peers/websocket.py", "websockets")
}

type Peer = fn() -> Option<Command>;

/// The client's suite against the server: sizes up to 16 MiB with and without compression, fragments, pings among them, closes with
/// codes from either side, and either side dying.
async fn agree(client: Peer, server: Peer) {
    let (Some(mut client), Some(server)) = (client(), server()) else { return };
    let server = WebSocketServer::of(server);
    let address = SocketAddr::from(([127, 0, 0, 1], server.port));
    let bed = Bed::with(Toml::bed().servers([address])).await;
    let browser = bed.signed_in("alice", "wonderland").await;
    let cookie = format!("{KEY}={}", browser.cookie(KEY).unwrap());
    let url = format!("wss://{HOST}:{}/ws", bed.address.port());
    client.args(["suite", &url, "127.0.0.1"]).arg(bed.folder().join("cert.pem")).arg(cookie);
    let output = tokio::task::spawn_blocking(move || client.output().unwrap()).await.unwrap();
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.ends_with("ok a client that dies\n"), "{said}{errors}");
}

#[tokio::test]
async fn ws_with_ws() {
    agree(node, node).await;
}

#[tokio::test]
async fn ws_with_python() {
    agree(node, python).await;
}

#[tokio::test]
async fn python_with_ws() {
    agree(python, node).await;
}

#[tokio::test]
async fn python_with_python() {
    agree(python, python).await;
}
