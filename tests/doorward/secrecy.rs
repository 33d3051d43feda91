//! Nothing of a passcode, a password or a key stands anywhere but where it must: every file, log, page of figures and answer of a command
//! is searched, after a login whose code every kind of transmitter refused while repeating it in every spelling.

use std::path::{Path, PathBuf};

use data_encoding::{BASE64, HEXLOWER};

use crate::support::gate::{Gate, HOST};
use crate::support::modem::Simulator;
use crate::support::node::user;
use crate::support::peers::free_ports;
use crate::support::program::Program;
use crate::support::provider::{Provider, Seen};

/// Refuses, and repeats all it was told as gateways do in their errors: as it is, apart, and encoded.
fn repeats(seen: &Seen) -> (u16, String) {
    let code = seen.body.split(|letter: char| !letter.is_ascii_digit()).find(|digits| digits.len() == 6).unwrap_or_default();
    let apart = |between: &str| code.chars().map(String::from).collect::<Vec<_>>().join(between);
    let said =
        [seen.body.clone(), apart(" "), apart("-"), BASE64.encode(code.as_bytes()), seen.header("authorization").to_owned()];
    (500, said.join(" | "))
}

/// How a secret might be spelled.
fn spellings(secret: &str) -> Vec<String> {
    let apart = |between: &str| secret.chars().map(String::from).collect::<Vec<_>>().join(between);
    let utf16: Vec<u8> = secret.encode_utf16().flat_map(u16::to_be_bytes).collect();
    vec![
        secret.to_owned(),
        apart(" "),
        apart("-"),
        apart(", "),
        BASE64.encode(secret.as_bytes()),
        HEXLOWER.encode(secret.as_bytes()),
        HEXLOWER.encode(&utf16),
    ]
}

const ALICE: &str = "mobile = \"+45 12 34 56 78\"\npush = \"door-k3jx\"\nmail = \"alice@example.test\"";

/// Transmitters of every kind, and the rules that try them all, the console last.
fn sections(provider: u16, closed: u16, own: &Path, modem: Option<&Simulator>) -> (String, String) {
    let url = format!("http://127.0.0.1:{}/send", provider);
    let mut transmitters = format!(
        "[[transmitter]]\nname = \"echo\"\nkind = \"http\"\nurl = \"{url}\"\nauth = \"bearer\"\napi_key = \"k3y-of-echo\"\n\
         body = '{{\"code\":\"{{{{code}}}}\",\"to\":\"{{{{to_e164}}}}\",\"text\":\"{{{{text}}}}\"}}'\n\
         [[transmitter]]\nname = \"phone\"\nkind = \"voice\"\nurl = \"{url}\"\nuser = \"us\"\npassword = \"p4ss-of-phone\"\nauth = \"basic\"\n\
         body = '{{\"to\":\"{{{{to_e164}}}}\",\"say\":\"{{{{spoken}}}}\"}}'\n\
         [[transmitter]]\nname = \"note\"\nkind = \"push\"\nurl = \"{url}\"\nbody = '{{\"topic\":\"{{{{topic}}}}\",\"text\":\"{{{{text}}}}\"}}'\n\
         [[transmitter]]\nname = \"relay\"\nkind = \"smtp\"\nserver = \"127.0.0.1:{closed}\"\ntls = \"none\"\nfrom = \"door@example.test\"\n\
         [[transmitter]]\nname = \"own\"\nkind = \"program\"\ncommand = [{own:?}, \"{{{{ref}}}}\"]\nenvironment = {{ KEY = \"k3y-of-own\" }}\n"
    );
    let mut through = "\"echo\", \"own\"".to_owned();
    if let Some(modem) = modem {
        transmitters +=
            &format!("[[transmitter]]\nname = \"modem\"\nkind = \"modem\"\nport = \"{}\"\nsim_pin = \"7391\"\n", modem.port);
        through += ", \"modem\"";
    }
    let rules = format!(
        "rules = [{{ channel = \"sms\", to = \"mobile\", through = [{through}] }}, {{ channel = \"voice\", to = \"mobile\", through = [\"phone\"] }}, \
         {{ channel = \"push\", to = \"push\", through = [\"note\"] }}, {{ channel = \"mail\", to = \"mail\", through = [\"relay\"] }}, \
         {{ channel = \"sms\", to = \"mobile\", through = [\"screen\"] }}]"
    );
    (transmitters, rules)
}

#[tokio::test]
async fn no_secret_stands_where_it_need_not() {
    let gate = Gate::new().await;
    let folder = gate.folder.path().to_owned();
    std::fs::write(folder.join("users.toml"), user("alice", "wonderland", ALICE)).unwrap();
    let [metrics, closed] = free_ports();
    let provider = Provider::start(repeats).await;
    let own = folder.join("own");
    std::fs::write(&own, "#!/bin/sh\nread -r text\necho \"no: $text $KEY\"\nexit 1\n").unwrap();
    std::fs::set_permissions(&own, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let modem = Simulator::on_terminal(&folder, "modem", &["--pin", "7391"]);
    let modem = modem.inspect(|modem| modem.order("fault cms 9 42"));
    let (transmitters, rules) = sections(provider.port, closed, &own, modem.as_ref());
    let configuration = gate.configuration("127.0.0.1:0");
    let configuration = configuration
        .replace("rules = [{ channel = \"sms\", to = \"mobile\", through = [\"screen\"] }]", &rules)
        .replace("[[dispatch_policy]]", &format!("{transmitters}\n[[dispatch_policy]]"));
    gate.write(&format!(
        "{configuration}\n[metrics]\nlisten = \"127.0.0.1:{metrics}\"\n[access_log]\nfile = {:?}\n",
        folder.join("access.log")
    ));
    let path = gate.path();
    let serve = move || Program::serve_under(&["env", "DOORWARD_LOG=trace"], &path);
    let mut program = tokio::task::spawn_blocking(serve).await.unwrap();

    let browser = gate.browser(program.addresses[0], HOST);
    let page = browser.to_passcode("alice", "wonderland").await;
    let code = gate.code(&page.label()).await;
    let again = browser.passcode_again(&page, "4444444").await;
    assert_eq!(browser.passcode(&again, &code).await.status, 303);
    assert!(browser.is_in().await);
    assert!(provider.seen.lock().unwrap().len() >= 3, "echo, phone and note were asked");

    let mut places = Vec::new();
    let trace = page.body.split("<code>").nth(1).and_then(|rest| rest.split('<').next()).unwrap().to_owned();
    for command in [&["status"][..], &["status", "--json"], &["trace", &trace], &["session", "list"], &["check", "--live"]] {
        let (_, said, errors) = gate.command(command).await;
        places.push((command.join(" "), (said + &errors).into_bytes()));
    }
    assert!(String::from_utf8_lossy(&places[2].1).contains("transmitter=echo"), "{}", String::from_utf8_lossy(&places[2].1));
    places.push(("metrics".to_owned(), crate::status::asked(metrics, "GET", "/metrics").await.into_bytes()));
    program.terminate();
    assert!(
        tokio::task::spawn_blocking(move || (program.ended(), program))
            .await
            .map(|(ended, program)| {
                places.push(("log".to_owned(), program.log().into_bytes()));
                ended.success()
            })
            .unwrap()
    );
    places.extend(files(folder));
    let wrong = "4444444".to_owned();
    let secrets = [&code, &wrong, "wonderland", "k3y-of-echo", "p4ss-of-phone", "k3y-of-own", "7391", "door-k3jx"];
    for (place, bytes) in &places {
        assert!(!bytes.is_empty() || place.contains("wal") || place.contains("lock"), "{place} is empty: nothing was searched");
        for secret in secrets.iter().flat_map(|secret| spellings(secret)) {
            let allowed = place == "users.toml" && secret == "door-k3jx";
            let found = bytes.windows(secret.len()).position(|window| window.eq_ignore_ascii_case(secret.as_bytes()));
            let around =
                |at: usize| String::from_utf8_lossy(&bytes[at.saturating_sub(80)..(at + 80).min(bytes.len())]).into_owned();
            assert!(allowed || found.is_none(), "{place} has {secret}: {}", around(found.unwrap()));
        }
    }
}

/// Every file of the folder that should not know the code.
fn files(folder: PathBuf) -> Vec<(String, Vec<u8>)> {
    let mut places = Vec::new();
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let name = entry.file_name().into_string().unwrap();
            match entry.file_type().unwrap() {
                kind if kind.is_dir() => folders.push(entry.path()),
                // What the test itself wrote, and what is meant to have the code; the air is the simulator's.
                _ if ["outbox.jsonl", "doorward.toml", "own"].contains(&&*name) || name.starts_with("modem") => {}
                kind if kind.is_file() => places.push((name, std::fs::read(entry.path()).unwrap())),
                _ => {}
            }
        }
    }
    places
}
