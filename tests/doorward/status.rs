//! How the running node is, for an operator and for Prometheus.

use crate::support::gate::{Gate, HOST};
use crate::support::peers::free_ports;
use crate::support::program::Program;

#[tokio::test]
async fn status_and_metrics_say_how_node_and_transmitters_do_and_no_secret() {
    let gate = Gate::new().await;
    let [port] = free_ports();
    let configuration =
        gate.configuration("127.0.0.1:0").replace("name = \"screen\"", "name = \"screen\"\nprices = { DK = 0.0349 }");
    gate.write(&format!("{configuration}\n[metrics]\nlisten = \"127.0.0.1:{port}\"\n"));
    let folder = gate.folder.path().to_owned();
    let mut program = tokio::task::spawn_blocking(move || Program::serve(&folder)).await.unwrap();
    let server = program.addresses[0];
    gate.signed_in(server, HOST, ("alice", "wonderland")).await;
    let codes = std::fs::read_to_string(gate.folder.path().join("outbox.jsonl")).unwrap();
    let sent: serde_json::Value = serde_json::from_str(codes.lines().next().unwrap()).unwrap();

    let (code, text, _) = gate.command(&["status"]).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains(": 1 sessions, 0 messages under way\n"), "{text}");
    assert!(text.contains("transmitter screen (sms, voice, mail, push): ready\n  attempts: 1 sent;"), "{text}");
    assert!(text.contains("\n  sent to: 1 DK (0.04)\n"), "{text}");
    let (code, json, _) = gate.command(&["status", "--json"]).await;
    assert_eq!(code, Some(0), "{json}");
    let status: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&status["sessions"], &status["transmitters"][0]["tally"]["outcomes"]["sent"]), (&1.into(), &1.into()));

    let metrics = asked(port, "GET", "/metrics").await;
    for line in [
        "HTTP/1.1 200 OK",
        "content-type: application/openmetrics-text",
        "doorward_sessions 1.0",
        "doorward_transmitter_in_service{transmitter=\"screen\"} 1.0",
        "doorward_attempts_total{transmitter=\"screen\",outcome=\"sent\"} 1",
        "doorward_sent_total{transmitter=\"screen\",country=\"DK\"} 1.0",
        "doorward_cost_total{transmitter=\"screen\",country=\"DK\"} 0.0349",
        "# EOF",
    ] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
    let silent = [(); 16].map(|()| std::net::TcpStream::connect(("127.0.0.1", port)).unwrap());
    assert!(asked(port, "POST", "/metrics").await.starts_with("HTTP/1.1 405 "));
    assert!(asked(port, "GET", "/").await.starts_with("HTTP/1.1 404 "));
    drop(silent);
    for secret in [sent["passcode"].as_str().unwrap(), sent["to"].as_str().unwrap()] {
        assert!(!text.contains(secret) && !json.contains(secret) && !metrics.contains(secret), "{secret}");
    }
    program.terminate();
    assert!(tokio::task::spawn_blocking(move || program.ended()).await.unwrap().success());
}

/// One request on a connection of its own, and all of the answer.
pub async fn asked(port: u16, method: &str, path: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}
