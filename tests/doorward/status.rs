//! How the running node is, for an operator and for Prometheus.

use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::gate::{Gate, HOST};
use crate::support::peers::free_ports;
use crate::support::program::Program;
use crate::support::{eventually::eventually, script};

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

#[tokio::test]
async fn metrics_count_sign_ins_requests_answer_times_and_refused_connections() {
    let gate = Gate::new().await;
    let [port] = free_ports();
    let configuration =
        gate.configuration("127.0.0.1:0").replace("connections_per_address = 1000", "connections_per_address = 3");
    gate.write(&format!("{configuration}\n[metrics]\nlisten = \"127.0.0.1:{port}\"\n"));
    let folder = gate.folder.path().to_owned();
    let mut program = tokio::task::spawn_blocking(move || Program::serve(&folder)).await.unwrap();
    let server = program.addresses[0];
    let listener = server.to_string();
    drop(gate.browser(server, HOST).login("nobody", "anything").await);
    drop(gate.browser(server, HOST).login("alice", "wrong").await);
    // Refused by a limit before anybody is asked, and so counted in the journal instead of written each time.
    for _ in 0..2 {
        drop(gate.browser(server, HOST).login("", "").await);
    }
    let browser = gate.signed_in(server, HOST, ("alice", "wonderland")).await;
    for path in ["/", "/page"] {
        assert_eq!(browser.get(path).await.status, 200);
    }
    assert_eq!(browser.get("/.doorward/nothing").await.status, 404);
    drop(browser);
    // Connections that are over are no longer counted as open, a moment later.
    eventually("every connection is closed", async || match samples(port).await {
        Some(samples) if value(&samples, "doorward_connections", &[]) != Some(0.0) => Err(samples),
        samples => Ok(samples),
    })
    .await;
    let crowd: Vec<_> = (0..4).map(|_| std::net::TcpStream::connect(server).unwrap()).collect();
    let Some(samples) = eventually("the fourth connection is refused", async || match samples(port).await {
        Some(samples)
            if value(&samples, "doorward_connections_refused_total", &[("listener", &listener), ("cap", "per_address")])
                != Some(1.0) =>
        {
            Err(samples)
        }
        samples => Ok(samples),
    })
    .await
    else {
        return;
    };
    drop(crowd);
    counts_are_right(&samples, &listener);
    let (code, text, _) = gate.command(&["status"]).await;
    assert_eq!(code, Some(0), "{text}");
    for line in [
        format!("\nlistener {listener}: dropped 1 connection (per_address 1)\n"),
        "\nsign-ins to app since the start: 1 succeeded; refused: 2 password malformed, 1 password nobody, 1 password wrong\n"
            .into(),
    ] {
        assert!(text.contains(&line), "{line} is not in {text}");
    }
    let (_, json, _) = gate.command(&["status", "--json"]).await;
    let status: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(status["refused"][0]["per_address"], json!(1), "{json}");
    program.terminate();
    assert!(tokio::task::spawn_blocking(move || program.ended()).await.unwrap().success());
}

/// After what was done above, and nothing else.
fn counts_are_right(samples: &[Sample], listener: &str) {
    let is = |name: &str, labels: &[(&str, &str)], expected: f64| {
        assert_eq!(value(samples, name, labels), Some(expected), "{name} {labels:?} in {samples:?}");
    };
    is("doorward_connections", &[], 3.0);
    is("doorward_connections_refused_total", &[("listener", listener), ("cap", "in_all")], 0.0);
    let sign_in = |outcome, step, reason| [("application", "app"), ("outcome", outcome), ("step", step), ("reason", reason)];
    is("doorward_sign_ins_total", &sign_in("yes", "sign-in", ""), 1.0);
    is("doorward_sign_ins_total", &sign_in("no", "password", "nobody"), 1.0);
    is("doorward_sign_ins_total", &sign_in("no", "password", "wrong"), 1.0);
    is("doorward_sign_ins_total", &sign_in("no", "password", "malformed"), 2.0);
    let app = ("application", "app");
    let answers = |class| value(samples, "doorward_answers_total", &[app, ("status", class)]).unwrap();
    let requests = value(samples, "doorward_requests_total", &[app]).unwrap();
    assert!((answers("2xx") >= 2.0) && (answers("4xx") >= 1.0) && answers("5xx") == 0.0, "{samples:?}");
    assert_eq!(requests, ["1xx", "2xx", "3xx", "4xx", "5xx"].map(answers).iter().sum::<f64>(), "each request has its answer");
    is("doorward_requests_total", &[("application", "other")], 0.0);
    is("doorward_upstream_first_header_seconds_count", &[app], 2.0);
    is("doorward_upstream_first_header_seconds_bucket", &[app, ("le", "+Inf")], 2.0);
    for (name, label, of) in [
        ("doorward_directory_answer_seconds_count", "directory", "people"),
        ("doorward_store_answer_seconds_count", "operation", "journal"),
        ("doorward_store_answer_seconds_count", "operation", "read"),
        ("doorward_store_answer_seconds_count", "operation", "write"),
    ] {
        assert!(value(samples, name, &[(label, of)]).is_some_and(|count| count >= 3.0), "{name} {of} in {samples:?}");
    }
    let all = samples.iter().map(|(_, labels, _)| labels.to_string()).collect::<String>();
    assert!(!all.contains("alice") && !all.contains("127.0.0.1\""), "no label names a user or a client: {all}");
}

type Sample = (String, Value, f64);

/// What Prometheus' own library reads in the metrics; nothing where it is not installed.
async fn samples(port: u16) -> Option<Vec<Sample>> {
    let answer = asked(port, "GET", "/metrics").await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 ") && !head.contains("chunked"), "{head}");
    let mut script = script::python("tests/peers/openmetrics.py", "prometheus_client")?;
    let mut script = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    script.stdin.take().unwrap().write_all(body.as_bytes()).unwrap();
    let output = tokio::task::spawn_blocking(move || script.wait_with_output()).await.unwrap().unwrap();
    assert!(output.status.success(), "the library refuses {body}");
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

/// The sample of this name that has exactly these labels.
fn value(samples: &[Sample], name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let labels: Value = labels.iter().map(|(label, value)| ((*label).to_owned(), Value::from(*value))).collect();
    samples.iter().find(|(known, its, _)| known == name && *its == labels).map(|(_, _, value)| *value)
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
